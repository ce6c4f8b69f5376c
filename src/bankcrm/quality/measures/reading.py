"""The columns of a frame as they are measured: what is filled, what fits, and the values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from bankcrm.errors import DataError
from bankcrm.frames.arrays import codes
from bankcrm.frames.column import Column, ColumnKind
from bankcrm.frames.instants import local_day
from bankcrm.frames.readers import READERS, LastDay
from bankcrm.quality.measures.records import Placeholder
from bankcrm.rules.fact_columns import FactColumn, fact_column
from bankcrm.rules.values import Fact, FactType

Mask = npt.NDArray[np.bool_]

_TYPES: dict[str, FactType] = {
    "text": "text",
    "category": "text",
    "date": "date",
    "money": "number",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
}
_KINDS: dict[str, ColumnKind] = {
    "string": "text",
    "empty": "text",
    "boolean": "boolean",
    "date": "date",
    "datetime": "date",
    "datetime64": "date",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "decimal": "number",
}


@attrs.frozen(eq=False)
class Field:
    """One column of the frame.

    Attributes:
        column: Its contract.
        filled: Where it has a value that is no placeholder.
        fits: Where the value is one that the contract allows; False where it is not filled.
        values: The values where they fit, otherwise null.
        wrong_type: Whether the column as a whole is of another type.
    """

    column: Column
    filled: Mask
    fits: Mask
    values: pd.Series
    wrong_type: bool = False

    @property
    def fact(self) -> FactColumn:
        """The values as a fact that unary tests read."""
        kind = self.column.kind
        if self.wrong_type:
            return FactColumn(np.zeros(len(self.fits), np.int8), np.ones(len(self.fits), np.bool_))
        if kind == "id":
            whole = types.is_numeric_dtype(self.values.dtype)
            return fact_column(self.values, Fact("number" if whole else "text"), self.column.name)
        return fact_column(self.values, Fact(_TYPES[kind]), self.column.name)


def read_field(
    values: pd.Series, column: Column, placeholders: Iterable[Placeholder], until: LastDay | None
) -> Field:
    """A column by its contract; nothing in it raises an error.

    Args:
        values: The column as it came.
        column: Its contract.
        placeholders: Values that stand for a missing one.
        until: No date lies after this day; None for any.
    """
    filled = ~(values.isna().to_numpy() | stand_ins(values, column, placeholders))
    if not filled.all():
        values = values.mask(~filled)
    try:
        read, flaws = READERS[column.kind](values, column, until)
    except DataError:
        nothing = pd.Series(np.full(len(values), np.nan), index=values.index)
        return Field(column, filled, np.zeros(len(filled), np.bool_), nothing, wrong_type=True)
    fits = filled.copy()
    for flaw in flaws:
        fits &= ~flaw.mask
    found = read if isinstance(read, pd.Series) else pd.Series(read, index=values.index, copy=False)
    if column.kind == "instant":
        day = local_day(found) if until is None else local_day(found, until.zone)
        found = pd.Series(day.astype("datetime64[s]"), index=values.index)
        column = attrs.evolve(column, kind="date")
    bad = filled & ~fits
    if bad.any():
        if found.dtype.kind == "b":
            found = found.astype("boolean")
        elif found.dtype.kind == "i":
            found = found.astype("Int64")
        found = found.mask(bad)
    return Field(column, filled, fits, found)


def contract_of(values: pd.Series, name: str) -> Column:
    """A contract for a column outside the record class, by what it holds; personal to be safe."""
    dtype = values.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        kind: ColumnKind = "instant"
    elif types.is_bool_dtype(dtype):
        kind = "boolean"
    elif types.is_datetime64_dtype(dtype):
        kind = "date"
    elif types.is_numeric_dtype(dtype):
        kind = "number"
    else:
        kind = _KINDS.get(types.infer_dtype(values, skipna=True), "text")
    return Column(name, kind, required=False, nullable=True, personal=True)


def stand_ins(values: pd.Series, column: Column, placeholders: Iterable[Placeholder]) -> Mask:
    """Where a placeholder or a blank text stands for a missing value."""
    named = [
        v
        for p in placeholders
        if (p.field == column.name or (not p.field and p.kind == column.kind))
        for v in p.values
    ]
    texts = [v for v in named if isinstance(v, str)]
    kind = values.dtype
    words = (
        types.infer_dtype(values, skipna=True) == "string"
        if types.is_object_dtype(kind)
        else (isinstance(kind, pd.CategoricalDtype) or types.is_string_dtype(kind))
    )
    if words:
        return _blank_or(values, texts)
    found = np.zeros(len(values), np.bool_)
    if types.is_numeric_dtype(values.dtype) and not types.is_bool_dtype(values.dtype):
        numbers = [v for v in named if isinstance(v, int | float)]
        return values.isin(numbers).to_numpy(np.bool_) if numbers else found
    if types.is_datetime64_dtype(values.dtype):
        days = [np.datetime64(v) for v in named if isinstance(v, date)]
        if days:
            found = np.isin(values.to_numpy().astype("datetime64[D]"), np.array(days))
        return found
    if types.is_object_dtype(values.dtype):
        plain = set(named)
        # Columns of Python objects are read value by value; those of a type are not.
        return np.array([_stands_in(v, plain) for v in values.to_numpy()], np.bool_)
    return found


def _stands_in(value: object, placeholders: set[object]) -> bool:
    if isinstance(value, str):
        return value in placeholders or not value.strip()
    plain = isinstance(value, date | int | float) and not isinstance(value, bool)
    return plain and value in placeholders


def _blank_or(values: pd.Series, texts: list[str]) -> Mask:
    """Where a text is blank or one of the placeholders; looked up once per distinct category."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        code, index = codes(values)
        held = np.array([str(v) in texts or not str(v).strip() for v in index] + [False])
        return held[code]
    known = values.isin([*texts, ""]).to_numpy(np.bool_)
    blank = values.str.isspace().to_numpy(np.bool_, na_value=False)
    return np.asarray(known | blank)
