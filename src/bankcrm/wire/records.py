"""Records as JSON: dates by ISO 8601, money as text, categories by their value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar

from bankcrm.errors import DataError
from bankcrm.frames import Column
from bankcrm.models.record import Record, columns_of

R = TypeVar("R", bound=Record)


def record_of(data: object, model: type[R]) -> R:
    """The record that a JSON object holds; one error reports everything that does not fit."""
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
