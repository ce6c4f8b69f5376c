"""Records, decisions, tables, policies and other public values as JSON and back."""

from __future__ import annotations

from bankcrm.wire.json import converter, from_json, to_json
from bankcrm.wire.schema import json_schema

__all__ = ["converter", "from_json", "json_schema", "to_json"]
