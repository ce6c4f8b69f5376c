"""A look at a bank's own files or tables: a draft of their mapping, and what it will support."""

from __future__ import annotations

from bankcrm.inspection.inspect import inspect_book
from bankcrm.inspection.model import FoundFrame, Inspection

__all__ = ["FoundFrame", "Inspection", "inspect_book"]
