"""Values that may be of any type, in a form that JSON can tell apart.

What JSON has no form for is marked by a key: ``{"date": "2026-01-31"}``, ``{"money": "12.50"}``,
``{"instant": ...}``, ``{"number": "inf"}``, ``{"map": {...}}``.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from bankcrm.errors import DataError
from bankcrm.rules.values import FrozenDict, is_missing, plain_value

_TAGS: Mapping[str, Callable[[Any], Any]] = {
    "date": dt.date.fromisoformat,
    "instant": dt.datetime.fromisoformat,
    "money": Decimal,
    "number": float,
}


def open_value(value: Any) -> Any:
    """A value that may be anything, in a form that JSON can tell apart."""
    if is_missing(value):
        return None
    if isinstance(value, Decimal):
        return {"money": str(value)}
    value = plain_value(value)
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"number": str(value)}
    if isinstance(value, dt.datetime):
        return {"instant": value.isoformat()}
    if isinstance(value, dt.date):
        return {"date": value.isoformat()}
    if isinstance(value, tuple | list):
        return [open_value(v) for v in value]
    if isinstance(value, Mapping):
        return {"map": {str(k): open_value(v) for k, v in value.items()}}
    raise DataError(f"{value!r} has no form in JSON; expected a number, text, date or truth value")


def opened_value(value: Any) -> Any:
    """The value that `open_value` wrote."""
    if isinstance(value, list):
        return tuple(opened_value(v) for v in value)
    if not isinstance(value, Mapping):
        return value
    if len(value) == 1:
        ((tag, inner),) = value.items()
        if tag == "map" and isinstance(inner, Mapping):
            return FrozenDict({k: opened_value(v) for k, v in inner.items()})
        if tag in _TAGS and isinstance(inner, str):
            return _TAGS[tag](inner)
    raise ValueError(f"expected a plain value or one of {', '.join([*_TAGS, 'map'])}, saw {value}")
