"""The JSON Schema of records and other public values."""

from __future__ import annotations

import datetime as dt
import types
import typing
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, Union

import attrs

from bankcrm.errors import DataError
from bankcrm.frames import Column
from bankcrm.models.record import Record, columns_of
from bankcrm.rules import UnaryTest


def json_schema(kind: type) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a public class.

    Raises:
        DataError: The class is not one of bankcrm's records or values.

    >>> from bankcrm.models import Link
    >>> json_schema(Link)["required"]
    ['parent_id', 'child_id', 'link']
    >>> from bankcrm.rules import Decision
    >>> json_schema(Decision)["properties"]["rule"]
    {'type': ['string', 'null']}
    """
    if not isinstance(kind, type) or not attrs.has(kind):
        raise DataError(f"expected a public class of bankcrm, saw {kind!r}")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_object(kind, ())}


def _object(kind: type, outer: tuple[type, ...]) -> dict[str, Any]:
    if kind in outer:  # a value that holds another of its own class
        return {"title": kind.__name__, "type": "object"}
    if issubclass(kind, Record):
        columns = columns_of(kind)
        properties = {c.name: _column(c) for c in columns}
        required = [c.name for c in columns if c.required]
    else:
        hints = hints_of(kind)
        properties = {name: _schema(hint, (*outer, kind)) for name, hint in hints.items()}
        required = _without_default(kind)
    return {
        "title": kind.__name__,
        "description": (kind.__doc__ or "").strip().split("\n")[0],
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    dt.date: {"type": "string", "format": "date"},
    dt.datetime: {"type": "string", "format": "date-time"},
    Decimal: {"type": "string"},
    UnaryTest: {"type": "string"},
    type(None): {"type": "null"},
}


def _schema(hint: Any, outer: tuple[type, ...]) -> dict[str, Any]:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    if origin is Literal:
        return {"enum": list(args)}
    if origin in (Union, types.UnionType):
        return _either([_schema(a, outer) for a in args])
    if origin is tuple:
        return {"type": "array", "items": _schema(args[0], outer)}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(args[1], outer)}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [m.value for m in hint]}
    return _object(hint, outer) if isinstance(hint, type) and attrs.has(hint) else {}


def _either(parts: list[dict[str, Any]]) -> dict[str, Any]:
    if all(set(p) == {"type"} for p in parts):
        return {"type": [p["type"] for p in parts]}
    return {"anyOf": parts}


def _without_default(kind: type) -> list[str]:
    return [a.name for a in attrs.fields(kind) if a.init and a.default is attrs.NOTHING]


def hints_of(kind: type) -> dict[str, Any]:
    """The type of every field that a class is made from."""
    hints = typing.get_type_hints(kind)
    return {a.name: hints[a.name] for a in attrs.fields(kind) if a.init}


_COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"type": ["integer", "string"], "minLength": 1},
    "text": {"type": "string"},
    "category": {"type": "string"},
    "date": {"type": "string", "format": "date"},
    "instant": {"type": "string", "format": "date-time"},
    "money": {"type": "string", "pattern": r"^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?$"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
}


def _column(column: Column) -> dict[str, object]:
    found = {**_COLUMNS[column.kind], "description": column.meaning}
    if column.unit:
        found["x-unit"] = column.unit
    if column.choices:
        found["enum"] = [*column.choices, None] if column.nullable else list(column.choices)
    if column.kind in ("number", "integer"):
        limits = {"minimum": column.minimum, "maximum": column.maximum}
        found |= {name: limit for name, limit in limits.items() if limit is not None}
    if column.nullable:
        types = found["type"]
        found["type"] = [*(types if isinstance(types, list) else [types]), "null"]
    return found
