"""A fact's column made ready for vector tests; its values read as single values do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.frames.arrays import look_up
from bankcrm.rules.compiled import Cell
from bankcrm.rules.values import Fact, beyond, fault_of, outside, plain_value, read, wrong_type

Mask = npt.NDArray[np.bool_]
_EXACT = 1 << 53  # whole numbers from here on stay Python integers, since a float would round them


@attrs.frozen(eq=False)
class FactColumn:
    """Values of one fact over many rows.

    Attributes:
        values: Numbers, booleans or days since 1970-01-01; for texts codes into ``texts``.
        missing: Where the value is missing; None where none is.
        texts: The distinct texts that codes point to; None for other types.
        least: The least value, where it was found in passing.
    """

    values: npt.NDArray[Any]
    missing: Mask | None
    texts: tuple[Any, ...] | None = None
    least: float | None = None

    def part(self, rows: slice) -> FactColumn:
        """The same column for some of the rows, without copying."""
        missing = None if self.missing is None else self.missing[rows]
        if missing is not None and not missing.any():
            missing = None
        return FactColumn(self.values[rows], missing, self.texts)

    def passed(self, cell: Cell) -> Mask:
        """Where the cell's test holds for certain."""
        if cell.predicate is None:
            absent = self.missing
            if absent is None:
                absent = np.zeros(len(self.values), np.bool_)
            return absent if cell.needs == "missing" else ~absent
        if self.texts is not None:
            known = [t is not None and bool(cell.predicate(t)) for t in self.texts]
            lookup = np.array([*known, False], np.bool_)  # the last is for the code -1
            return look_up(lookup, self.values)
        result: Mask = cell.predicate(self.values)
        return result if self.missing is None else result > self.missing  # and not missing


def fact_column(series: pd.Series[Any], expected: Fact, name: str) -> FactColumn:
    """Read a column of any dtype as a fact.

    Raises:
        DataError: Values of a wrong type, or outside what the fact may hold, with their count.
    """
    if expected.type == "any":
        return _with_missing(np.zeros(len(series), np.int8), series.isna().to_numpy())
    if isinstance(series.dtype, pd.CategoricalDtype):
        return _categorical(series, expected, name)
    if expected.type == "text":
        return _text(series, expected, name)
    column = _plain(series, expected, name)
    _check_range(column, expected, name, series.index)
    return column


def _none_known(series: pd.Series[Any], expected: Fact, name: str) -> FactColumn:
    """A column of another dtype is valid if all of it is missing, as a float column of NaN."""
    known = series.dropna()
    if len(known):
        raise DataError(wrong_type(name, expected, known.tolist(), known.index))
    return _with_missing(np.zeros(len(series), np.int8), np.ones(len(series), np.bool_))


def _with_missing(values: npt.NDArray[Any], missing: Mask) -> FactColumn:
    return FactColumn(values, missing if missing.any() else None)


def _categorical(series: pd.Series[Any], expected: Fact, name: str) -> FactColumn:
    values = cast("pd.Categorical", series.array)
    codes, categories = values.codes, values.categories
    used = np.bincount(codes.astype(np.intp) + 1, minlength=len(categories) + 1) > 0
    kept = [c if there else None for c, there in zip(categories.tolist(), used[1:], strict=True)]
    if expected.type == "text":
        texts = _texts(kept, codes, expected, name, series.index)
        return FactColumn(codes, codes < 0 if used[0] else None, texts)
    try:
        column = _objects(pd.Series([*kept, None], dtype=object), expected, name)
    except DataError:  # read again row by row, for the error to name the rows
        return _objects(series.astype(object), expected, name)
    return _with_missing(column.values[codes], codes < 0)


def _text(series: pd.Series[Any], expected: Fact, name: str) -> FactColumn:
    if series.dtype.kind not in "OU":
        return _none_known(series, expected, name)
    try:
        codes, uniques = pd.factorize(series)
    except TypeError as error:  # lists and the like have no hash
        bad = series[[not (v is None or isinstance(v, str | float)) for v in series]]
        raise DataError(wrong_type(name, expected, bad.tolist(), bad.index)) from error
    texts = _texts(uniques, codes, expected, name, series.index)
    missing = codes < 0
    return FactColumn(codes, missing if missing.any() else None, texts)


def _texts(
    values: Iterable[object], codes: npt.NDArray[Any], expected: Fact, name: str, labels: pd.Index
) -> tuple[Any, ...]:
    """The distinct texts of a column; the error reports all that are wrong and their rows."""
    texts: list[Any] = []
    wrong: dict[bool, dict[int, object]] = {}
    for number, value in enumerate(values):
        try:
            texts.append(read(value, expected, name))
        except DataError:
            kind = isinstance(plain_value(value), str)
            wrong.setdefault(kind, {})[number] = value
    for kind, found in wrong.items():
        error = outside if kind else wrong_type
        rows = labels[np.isin(codes, list(found))]
        raise DataError(error(name, expected, found.values(), rows))
    return tuple(texts)


def _plain(series: pd.Series[Any], expected: Fact, name: str) -> FactColumn:
    """Numbers, booleans and dates from numpy, nullable, Arrow-backed or object columns."""
    kind = series.dtype.kind
    if expected.type == "date":
        arrow = getattr(series.dtype, "pyarrow_dtype", None)
        if str(arrow).startswith("date"):
            series, kind = series.astype("timestamp[s][pyarrow]"), "M"
        if kind == "M" and getattr(arrow or series.dtype, "tz", None) is None:
            return _days(series.to_numpy(dtype="datetime64[s]", na_value=np.datetime64("NaT", "s")))
    elif expected.type == "boolean" and kind == "b":
        return _from_nullable(series, np.bool_, False)
    elif expected.type in ("number", "integer") and kind in "iu":
        return _from_nullable(series, np.int64 if kind == "i" else np.uint64, 0)
    elif expected.type in ("number", "integer") and kind == "f":
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
        least = values.min(initial=np.inf)
        if least == least:  # the least of values with a NaN is NaN
            return FactColumn(values, None, least=least)
        return FactColumn(values, np.isnan(values))
    if kind == "O":
        return _objects(series, expected, name)
    return _none_known(series, expected, name)


def _from_nullable(series: pd.Series[Any], dtype: Any, filler: Any) -> FactColumn:
    if isinstance(series.dtype, np.dtype):
        return FactColumn(series.to_numpy(), None)
    missing = series.isna().to_numpy()
    if dtype is np.bool_:  # "or" leaves no null, in a third of the time of a filler
        return _with_missing((series | missing).to_numpy(dtype=dtype), missing)
    return _with_missing(series.to_numpy(dtype=dtype, na_value=filler), missing)


def _days(instants: npt.NDArray[np.datetime64]) -> FactColumn:
    values = instants.astype("datetime64[D]")
    return _with_missing(values.astype(np.int64), np.isnat(values))


def _objects(series: pd.Series[Any], expected: Fact, name: str) -> FactColumn:
    """Columns of Python objects: each value is read by `read`, so mixtures are reported."""
    try:
        read_values = [read(v, expected, name) for v in series.array]
    except DataError:
        faults = [fault_of(v, expected) for v in series.array]
        first = next(f for f in faults if f)
        bad = series[[fault is first for fault in faults]]
        raise DataError(first(name, expected, bad.tolist(), bad.index)) from None
    missing = np.array([v is None for v in read_values], np.bool_)
    known = [0 if v is None else v for v in read_values]
    exact = all(abs(v) < _EXACT for v in known if type(v) is int)
    values = np.array(known, dtype=None if exact else object)
    return _with_missing(values if len(values) else np.zeros(0, np.int64), missing)


def _check_range(column: FactColumn, expected: Fact, name: str, labels: pd.Index) -> None:
    values = column.values
    fractions = expected.type == "integer" and values.dtype.kind == "f"
    if not values.size or (not fractions and _in_range(column, expected)):
        return
    bad = np.zeros(len(values), np.bool_) | beyond(values, expected)
    if fractions:
        bad |= (values != np.floor(values)) | np.isinf(values)
    if column.missing is not None:
        bad &= ~column.missing
    if bad.any():
        raise DataError(outside(name, expected, values[bad].tolist(), labels[bad]))


def _in_range(column: FactColumn, expected: Fact) -> bool:
    """Whether no known value is out of range, at the cost of one pass per bound."""
    values, low, high = column.values, expected.minimum, expected.maximum
    # NaN, a missing value, is left out.
    holes = values.dtype.kind == "f" and column.missing is not None
    least: Callable[..., Any] = np.fmin.reduce if holes else np.min
    most: Callable[..., Any] = np.fmax.reduce if holes else np.max
    if low is not None and (least(values) if column.least is None else column.least) < low:
        return False
    return high is None or bool(most(values) <= high)
