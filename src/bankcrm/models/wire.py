"""Records as JSON: dates by ISO 8601, money as text, categories by their word."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

from cattrs.preconf.json import JsonConverter, make_converter

from bankcrm.errors import DataError
from bankcrm.frames import Column
from bankcrm.models.record import Record, columns_of

R = TypeVar("R", bound=Record)


def converter() -> JsonConverter:
    """A new cattrs converter for records; unknown fields are refused, nothing is coerced.

    Use it to structure records inside your own classes, or register hooks of your own on it.
    """
    made = make_converter()
    made.register_unstructure_hook(Decimal, str)
    made.register_structure_hook_func(_is_record, _structured)
    return made


@cache
def _shared() -> JsonConverter:
    return converter()


def to_json(model: Record, *, indent: int | None = None) -> str:
    """One record as JSON; fields that are missing are left out. Personal data is written in full.

    >>> from bankcrm.models import Link
    >>> to_json(Link(parent_id=1, child_id=2, link="owns"))
    '{"parent_id": 1, "child_id": 2, "link": "owns"}'
    """
    fields: dict[str, object] = _shared().unstructure(model)
    known = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(known, indent=indent, ensure_ascii=False)


def from_json(text: str | bytes, model: type[R]) -> R:
    """The record that a JSON object holds.

    Raises:
        DataError: The text is not JSON, has unknown fields, or does not fit; all faults are told.

    >>> from bankcrm.models import Link
    >>> from_json('{"parent_id": 1, "child_id": 2, "link": "owns"}', Link).link.label("zh")
    '持股'
    """
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except ValueError as error:
        raise DataError(f"{model.__name__}: not JSON: {error}") from None
    return _structured(data, model)


def json_schema(model: type[Record]) -> dict[str, object]:
    """The JSON Schema (draft 2020-12) of a record.

    >>> from bankcrm.models import Link
    >>> json_schema(Link)["required"]
    ['parent_id', 'child_id', 'link']
    """
    columns = columns_of(model)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": model.__name__,
        "description": (model.__doc__ or "").strip().split("\n")[0],
        "type": "object",
        "properties": {c.name: _property(c) for c in columns},
        "required": [c.name for c in columns if c.required],
        "additionalProperties": False,
    }


_SCHEMAS: dict[str, dict[str, Any]] = {
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


def _property(column: Column) -> dict[str, object]:
    found = {**_SCHEMAS[column.kind], "description": column.meaning}
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


def _is_record(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Record)


def _structured(data: object, model: type[R]) -> R:
    """The record that a JSON object holds, or one error with all its faults."""
    if not isinstance(data, dict):
        raise DataError(f"{model.__name__}: expected a JSON object, found {type(data).__name__}")
    columns = {c.name: c for c in columns_of(model)}
    values = {name: _read(columns[name], data[name]) for name in data if name in columns}
    values |= {c.name: None for c in columns.values() if c.required and c.name not in data}
    faults = [f"{name}: unknown field" for name in data if name not in columns]
    build: Callable[..., R] = model
    try:
        found = build(**values)
    except DataError as error:
        raise DataError("; ".join([str(error), *faults])) from None
    if faults:
        raise DataError(f"{model.__name__}: {'; '.join(faults)}; known: {', '.join(columns)}")
    return found


def _read(column: Column, value: Any) -> Any:
    """A date from its text; what does not parse is left for the record to refuse."""
    kinds: dict[str, type[dt.date]] = {"date": dt.date, "instant": dt.datetime}
    if column.kind not in kinds or not isinstance(value, str):
        # A JSON number for money may have lost digits: the record refuses it.
        return value
    try:
        return kinds[column.kind].fromisoformat(value)
    except ValueError:
        return value


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")
