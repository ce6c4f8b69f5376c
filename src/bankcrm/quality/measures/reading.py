"""The columns of a frame as they are measured: what is filled, what fits, and the values."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import date, datetime

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api import types

from bankcrm.errors import DataError
from bankcrm.frames.column import Column, ColumnKind
from bankcrm.frames.instants import local_day
from bankcrm.frames.readers import READERS, LastDay
from bankcrm.quality.identifiers.texts import require_texts, text_bytes
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
        read: The values; null where they are not filled.
        wrong_type: Whether the column as a whole is of another type.
    """

    column: Column
    filled: Mask
    fits: Mask
    read: pd.Series
    wrong_type: bool = False

    @functools.cached_property
    def values(self) -> pd.Series:
        """The values where they fit, otherwise null."""
        if self.fits is self.filled:
            return self.read
        found = self.read
        if found.dtype.kind == "i":
            found = found.astype("Int64")
        return found.where(self.fits)

    @functools.cached_property
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
    filled = values.notna().to_numpy()
    stand_in = stand_ins(values, column, placeholders)
    if stand_in.any():
        filled = filled & ~stand_in
        values = values.mask(stand_in)
    try:
        read, flaws = READERS[column.kind](values, column, until)
    except DataError:
        nothing = pd.Series(np.full(len(values), np.nan), index=values.index)
        return Field(column, filled, np.zeros(len(filled), np.bool_), nothing, wrong_type=True)
    fits = filled
    for flaw in flaws:
        # A missing value is a flaw of a required column, but not one of validity.
        if flaw.problem != "null" and flaw.mask.any():
            fits = fits & ~flaw.mask
    if (broken := _no_unicode(values)) is not None:
        fits = fits & ~broken
    found = read if isinstance(read, pd.Series) else pd.Series(read, index=values.index, copy=False)
    if column.kind == "instant":
        day = local_day(found) if until is None else local_day(found, until.zone)
        found = pd.Series(day.astype("datetime64[s]"), index=values.index)
        column = attrs.evolve(column, kind="date")
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
        kind = _KINDS.get(types.infer_dtype(values), "text")
    return Column(name, kind, required=False, nullable=True, personal=True)


def stand_ins(values: pd.Series, column: Column, placeholders: Iterable[Placeholder]) -> Mask:
    """Where a placeholder or a blank text stands for a missing value."""
    named = [v for p in placeholders if p.is_for(column.name, column.kind) for v in p.values]
    kind = values.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return _in_categories(values, named)
    if types.is_object_dtype(kind):
        if types.infer_dtype(values) == "string":
            return _in_texts(values, named)
        plain = set(named)
        # Columns of Python objects are read value by value; those of a type are not.
        return np.array([_stands_in(v, plain) for v in values.to_numpy()], np.bool_)
    if types.is_string_dtype(kind):
        return _in_texts(values, named)
    found = np.zeros(len(values), np.bool_)
    if types.is_numeric_dtype(kind) and not types.is_bool_dtype(kind):
        for number in named:
            if isinstance(number, int | float):
                found |= (values == number).to_numpy(np.bool_, na_value=False)
    elif types.is_datetime64_dtype(kind):
        # Whole numbers are compared faster than instants; seconds reach every placeholder.
        second = values.to_numpy().astype("datetime64[s]", copy=False).view(np.int64)
        for day in named:
            if isinstance(day, date):
                start = np.datetime64(day).astype("datetime64[s]").astype(np.int64)
                found |= (second >= start) & (second < start + 86_400)
    return found


def _stands_in(value: object, placeholders: set[object]) -> bool:
    if isinstance(value, str):
        return value in placeholders or not value.strip()
    if isinstance(value, datetime) and not pd.isna(value):
        value = value.date()
    plain = isinstance(value, date | int | float) and not isinstance(value, bool)
    return plain and value in placeholders


def _in_categories(values: pd.Series, named: list[object]) -> Mask:
    """Looked up once per category."""
    plain = set(named)
    held = [_stands_in(v, plain) for v in values.cat.categories]
    if not any(held):
        return np.zeros(len(values), np.bool_)
    return np.array([*held, False])[values.cat.codes.to_numpy()]


def _in_texts(values: pd.Series, named: list[object]) -> Mask:
    """Where a text is blank or a placeholder; the bytes of most columns show no blank."""
    try:
        texts = require_texts(values)
    except DataError:  # text that is no Unicode text
        return np.array([_stands_in(v, set(named)) for v in values.array], np.bool_)
    data, start = text_bytes(texts)
    found = np.asarray(start[1:] == start[:-1])
    if texts.null_count:
        found &= _truth(texts.is_valid())
    if data.min(initial=255) <= 32 or data.max(initial=0) >= 128:
        found |= _truth(pc.utf8_is_space(texts))
    words = [v for v in named if isinstance(v, str)]
    if words:
        short = np.flatnonzero(np.diff(start) <= max(len(w.encode()) for w in words))
        part = texts if len(short) == len(texts) else texts.take(pa.array(short))
        found[short] |= _truth(pc.is_in(part, pa.array(words, pa.large_string())))
    return found


def _no_unicode(values: pd.Series) -> Mask | None:
    """Where half a surrogate pair makes a text that no file can hold; None for nowhere."""
    if not types.is_object_dtype(values.dtype):
        return None
    texts = [v if isinstance(v, str) else "" for v in values.to_numpy()]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return np.array([any("\ud800" <= c <= "\udfff" for c in t) for t in texts], np.bool_)
    return None


def _truth(values: pa.BooleanArray) -> Mask:
    return np.asarray(values.fill_null(False).to_numpy(zero_copy_only=False))
