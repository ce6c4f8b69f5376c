"""Fingerprints: SHA-256 over a canonical form, equal for equal content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import Any

import attrs

from bankcrm.arguments import refuse
from bankcrm.rules.unary import UnaryTest


def canonical(value: Any) -> Any:
    """A plain JSON form of a value, the same for equal values."""
    if attrs.has(type(value)) and not isinstance(value, UnaryTest):
        return {a.name: canonical(getattr(value, a.name)) for a in attrs.fields(type(value))}
    if isinstance(value, Mapping):
        return {str(k): canonical(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(v) for v in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return {"date": value.isoformat()}  # never equal to the text that looks the same
    if isinstance(value, float) and value.is_integer():
        return int(value)  # 1 and 1.0 are equal, so their content is
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def digest(content: Any) -> str:
    """SHA-256 of a plain JSON value, keys sorted."""
    try:
        text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    except TypeError:
        refuse("content", "plain JSON values", content)
    return hashlib.sha256(text.encode()).hexdigest()
