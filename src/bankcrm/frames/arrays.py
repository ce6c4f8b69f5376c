"""Conversions at the edge: any column or array to plain numpy days, numbers and codes."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from bankcrm.arguments import refuse
from bankcrm.errors import DataError

Days: TypeAlias = npt.NDArray[np.datetime64]
Numbers: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.intp]
SmallCodes: TypeAlias = npt.NDArray[np.integer[Any]]
ArrayLike: TypeAlias = "pd.Series | pd.Index | npt.NDArray[np.generic] | Sequence[object]"

BLOCK = 1 << 16
"""Rows that stay in the processor's cache through several passes."""

_DAY = 86_400  # seconds
_NAT = np.iinfo(np.int64).min
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_NUMBER_OBJECTS = {"decimal", "floating", "integer", "mixed-integer-float", "empty"}
_DATE_OBJECTS = {"date", "datetime", "datetime64", "empty"}


def as_of_day(as_of: object) -> np.datetime64:
    """The day that ``as_of`` names, whatever naive form it comes in.

    Args:
        as_of: A ``date``, naive ``datetime`` or ``Timestamp``, ``numpy.datetime64``, or text in the
            order year, month, day: ``2026-06-30``, ``2026/6/30``, ``2026.06.30`` or ``20260630``.

    Returns:
        The day as ``datetime64[D]``; a time of day is cut off.

    Raises:
        DataError: ``as_of`` is missing, time-zone aware, or not a date.

    >>> str(as_of_day("2026-06-30")), str(as_of_day("2026/6/30"))
    ('2026-06-30', '2026-06-30')
    """
    advice = "give a date such as datetime.date(2026, 6, 30) or '2026-06-30'"
    if isinstance(as_of, str):
        parts = _YEAR_FIRST.fullmatch(as_of.strip())
        try:
            as_of = (
                dt.date(*map(int, parts.groups())) if parts else dt.datetime.fromisoformat(as_of)
            )
        except ValueError:
            raise DataError(f"as_of: {as_of!r} is not an ISO date; {advice}") from None
    if isinstance(as_of, dt.datetime) and not pd.isna(as_of) and as_of.tzinfo is not None:
        raise DataError(
            f"as_of: {as_of.isoformat()} carries a time zone, but a bank date is a plain day; "
            f"{advice}"
        )
    if isinstance(as_of, dt.datetime) and not pd.isna(as_of):
        as_of = as_of.date()
    if isinstance(as_of, np.datetime64) and not np.isnat(as_of):
        day: np.datetime64 = as_of.astype("datetime64[D]")
        return day
    if isinstance(as_of, dt.date) and not pd.isna(as_of):
        return np.datetime64(as_of)
    raise DataError(f"as_of: {as_of!r} is not a date; {advice}")


def days(values: ArrayLike, name: str = "date") -> Days:
    """Bank dates as ``datetime64[D]``; a null becomes NaT, a time of day is cut off.

    Args:
        values: Naive dates: datetime64 of any unit, Arrow dates or timestamps, ``date`` objects.
        name: The column's name, for errors.

    Raises:
        DataError: The values carry a time zone, or are not dates (text is not parsed).

    >>> days([dt.date(2026, 1, 31), None]).astype(str).tolist()
    ['2026-01-31', 'NaT']
    """
    series = _series(values)
    series = _plain_categories(series)
    dtype = series.dtype
    if _is_aware(dtype):
        raise DataError(
            f"{name}: the dates carry a time zone ({dtype}), but bank dates are plain days; "
            "take the local day first with .dt.tz_convert('Asia/Shanghai').dt.tz_localize(None)"
        )
    if not types.is_object_dtype(dtype):
        if types.is_datetime64_dtype(dtype):
            return whole_days(series.to_numpy())
        if isinstance(dtype, pd.ArrowDtype) and dtype.kind == "M":
            return series.astype("datetime64[us]").to_numpy().astype("datetime64[D]")
        if isinstance(dtype, pd.ArrowDtype) and "date" in str(dtype):
            return series.astype("datetime64[s]").to_numpy().astype("datetime64[D]")
    found = str(dtype)
    if types.is_object_dtype(dtype) or series.isna().all():
        found = types.infer_dtype(series)
        if found in _DATE_OBJECTS or series.isna().all():
            array = series.to_numpy(dtype=object)
            kinds = set(map(type, array)) - {type(pd.NaT)}
            if found == "date" and not any(issubclass(k, dt.datetime) for k in kinds):
                import pyarrow as pa  # which reads dates many times faster than numpy

                read = pa.array(array, pa.date32(), from_pandas=True)
                plain: Days = read.to_numpy(zero_copy_only=False)
                return plain
            array = np.where(series.isna().to_numpy(), np.datetime64("NaT", "D"), array)
            if any(getattr(v, "tzinfo", None) for v in array):
                raise DataError(
                    f"{name}: some dates carry a time zone, but bank dates are plain days; "
                    "take the local day of each first"
                )
            instants: Days = array.astype("datetime64[us]")
            return instants.astype("datetime64[D]")
    raise DataError(
        f"{name}: expected dates, found {found}; convert the column with pandas.to_datetime first"
    )


def whole_days(instants: npt.NDArray[np.datetime64]) -> Days:
    """The days of naive instants; those in seconds five times faster than numpy converts them."""
    if instants.dtype != "datetime64[s]" or not len(instants):
        return instants.astype("datetime64[D]")
    second = instants.view(np.int64)
    day: Days = (second // _DAY).view("datetime64[D]")
    if second.min() == _NAT:
        day[second == _NAT] = np.datetime64("NaT", "D")
    return day


def midnights(day: Days) -> npt.NDArray[np.datetime64]:
    """Days as ``datetime64[s]``, the form of a date in a frame.

    >>> str(midnights(np.array(["2026-06-30"], "datetime64[D]"))[0])
    '2026-06-30T00:00:00'
    """
    number = day.view(np.int64)
    second = (number * _DAY).view("datetime64[s]")
    if len(number) and number.min() == _NAT:
        second[number == _NAT] = np.datetime64("NaT", "s")
    return second


def day_stamps(values: pd.Series, name: str = "date") -> npt.NDArray[np.datetime64]:
    """The days of a column as midnights in ``datetime64[s]``; without a copy if they are so.

    >>> day_stamps(pd.to_datetime(pd.Series(["2026-06-30 17:00"])).astype("datetime64[s]"))
    array(['2026-06-30T00:00:00'], dtype='datetime64[s]')
    """
    if values.dtype == "datetime64[s]":
        stamp: npt.NDArray[np.datetime64] = values.to_numpy()
        second = stamp.view(np.int64)
        if all(_whole(second[rows]) for rows in row_blocks(len(second))):
            return stamp
    return midnights(days(values, name))


def _whole(second: npt.NDArray[np.int64]) -> bool:
    """Whether seconds are midnights or missing."""
    within = second // _DAY * _DAY != second  # twice as fast as the remainder
    return not within.any() or bool((second[within] == _NAT).all())


def numbers(values: ArrayLike, name: str = "amount") -> Numbers:
    """Numbers as float64; a null of any kind becomes NaN.

    Args:
        values: Integers, floats or Decimals in a plain, nullable, Arrow-backed, categorical or
            object column.
        name: The column's name, for errors.

    Raises:
        DataError: The values are not numbers (text is not parsed; booleans are not numbers).

    >>> from decimal import Decimal
    >>> numbers([Decimal("1.5"), None]).tolist()
    [1.5, nan]
    """
    series = _plain_categories(_series(values))
    dtype = series.dtype
    if types.is_numeric_dtype(dtype) and not types.is_bool_dtype(dtype):
        if isinstance(dtype, np.dtype):
            if dtype.kind != "c":
                return series.to_numpy().astype(np.float64, copy=False)
        else:
            return series.to_numpy(dtype=np.float64, na_value=np.nan)
    found = str(dtype)
    if types.is_object_dtype(dtype):
        found = types.infer_dtype(series)
        if found in _NUMBER_OBJECTS or series.isna().all():
            try:
                return series.to_numpy(dtype=object, na_value=np.nan).astype(np.float64)
            except OverflowError:
                raise DataError(f"{name}: a number is beyond 1e308; correct it") from None
    elif series.isna().all() and not types.is_bool_dtype(dtype):
        return np.full(len(series), np.nan)
    raise DataError(
        f"{name}: expected numbers, found {found}; convert the column with pandas.to_numeric first"
    )


def codes(values: ArrayLike) -> tuple[Codes, pd.Index]:
    """Number the distinct values 0, 1, 2 ...; a null gets -1.

    Whole numbers are numbered in rising order, categories in their own order (unused ones left
    out), anything else in order of first appearance.

    Args:
        values: Ids or categories of any dtype.

    Returns:
        The code of each row (``intp``) and the distinct values: ``index[code]`` is the value.

    Raises:
        DataError: The values are lists or other objects that cannot be compared.

    >>> code, index = codes([30, 10, 30])
    >>> code.tolist(), index.tolist()
    ([1, 0, 1], [10, 30])
    """
    series = _series(values)
    if isinstance(series.dtype, pd.CategoricalDtype):
        small, words = _used(cast("pd.Categorical", series.array))
        return small.astype(np.intp), words
    if types.is_float_dtype(series.dtype):
        whole = numbers(series)
        null = np.isnan(whole)
        plain = np.where(null, 0.0, whole)
        if np.all(np.abs(plain) < 2**53) and np.all(plain == np.floor(plain)):
            return _integer_codes(plain.astype(np.int64), null)
    elif types.is_integer_dtype(series.dtype) and not types.is_unsigned_integer_dtype(series.dtype):
        if isinstance(series.dtype, np.dtype):
            return _integer_codes(series.to_numpy(), None)
        null = series.isna().to_numpy()
        return _integer_codes(series.to_numpy(dtype=np.int64, na_value=0), null)
    if (of_texts := _text_codes(series)) is not None:
        return of_texts
    try:
        code, index = pd.factorize(series, use_na_sentinel=True)
        texts = "".join(v for v in index if isinstance(v, str)) if index.dtype == object else ""
        texts.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which no file and no other step takes
        raise DataError("expected ids or words, found text that is no Unicode text") from None
    except TypeError:
        found = types.infer_dtype(series)
        raise DataError(
            f"expected ids or words, found {found} objects, which are no values"
        ) from None
    return code.astype(np.intp, copy=False), pd.Index(index)


def _text_codes(values: pd.Series) -> tuple[Codes, pd.Index] | None:
    """The codes of Python's own texts, numbered by Arrow; None for other values.

    Arrow's hash table takes less than half the time of pandas'.
    """
    if not (
        types.is_object_dtype(values.dtype) or getattr(values.dtype, "storage", "") == "python"
    ):
        return None
    import pyarrow as pa

    try:
        array = pa.array(values.to_numpy(dtype=object), from_pandas=True)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):  # no texts, or not only
        return None
    if not isinstance(array, pa.StringArray):
        return None
    found = array.dictionary_encode()
    code = found.indices.fill_null(-1).to_numpy().astype(np.intp)
    return code, pd.Index(found.dictionary.to_pylist(), dtype=values.dtype)


def small_codes(values: pd.Series) -> tuple[SmallCodes, pd.Index]:
    """The same as `codes` in the smallest integers that hold them.

    >>> code, index = small_codes(pd.Series(["b", None, "a"], dtype="category"))
    >>> code.tolist(), str(code.dtype), index.tolist()
    ([1, -1, 0], 'int8', ['a', 'b'])
    """
    code: SmallCodes
    if isinstance(values.dtype, pd.CategoricalDtype):
        code, index = _used(cast("pd.Categorical", values.array))
    else:
        code, index = codes(values)
    return code.astype(np.min_scalar_type(-len(index) - 1), copy=False), index


def look_up(table: npt.NDArray[Any], code: SmallCodes) -> npt.NDArray[Any]:
    """The entry of a table for each code; the last entry for the code -1.

    >>> look_up(np.array([10, 20, 0], np.int8), np.array([1, -1, 0], np.int8)).tolist()
    [20, 0, 10]
    """
    if code.dtype != np.int8 or table.itemsize != 1:
        return table.take(code, mode="wrap")
    # Bytes are translated four times faster than small codes are taken, which become intp first.
    full = np.empty(256, table.dtype)
    full[: len(table)], full[-1] = table, table[-1]
    return np.frombuffer(bytearray(code).translate(full.tobytes()), table.dtype)


def row_blocks(rows: int) -> Iterator[slice]:
    """Slices of `BLOCK` rows, the last one shorter.

    >>> [s.stop for s in row_blocks(2 * BLOCK + 1)]
    [65536, 131072, 131073]
    """
    for start in range(0, rows, BLOCK):
        yield slice(start, min(start + BLOCK, rows))


def distinct_values(values: pd.Series) -> pd.Index:
    """The distinct values, as `codes` gives them, without the code of each row.

    >>> distinct_values(pd.Series([30, 10, 30])).tolist()
    [10, 30]
    """
    if not (isinstance(values.dtype, np.dtype) and values.dtype.kind == "i" and len(values)):
        return codes(values)[1]
    ids = values.to_numpy()
    table = dense_range(ids, len(ids))
    if table is None:
        return codes(values)[1]
    low, span = table
    seen = np.zeros(span, dtype=np.bool_)
    for rows in row_blocks(len(ids)):
        seen[np.subtract(ids[rows], low, dtype=np.intp)] = True
    return pd.Index(np.flatnonzero(seen) + low)


def is_unicode(text: str) -> bool:
    """Whether a text can be written to a file: half a surrogate pair cannot.

    >>> is_unicode("张"), is_unicode("\\ud800")
    (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def surely_distinct(ids: pd.Series) -> bool:
    """Whether whole numbers without a null are all different; False where it takes more to tell.

    >>> surely_distinct(pd.Series([3, 1, 2])), surely_distinct(pd.Series(["a", "b"]))
    (True, False)
    """
    if not (isinstance(ids.dtype, np.dtype) and ids.dtype.kind == "i" and len(ids)):
        return False
    values = ids.to_numpy().astype(np.int64, copy=False)
    table = dense_range(values, len(values))
    if table is None:
        return False
    low, span = table
    seen = np.zeros(span, dtype=np.bool_)
    seen[values - low] = True
    return int(np.count_nonzero(seen)) == len(values)


def dense_range(ids: npt.NDArray[np.integer[Any]], rows: int) -> tuple[int, int] | None:
    """The least of some whole numbers, and the length of a table from it to the greatest.

    None where the table would be much longer than a number of rows, so that hashing is better.

    >>> dense_range(np.array([7, 5]), 2), dense_range(np.array([7, 5000]), 2)
    ((5, 3), None)
    """
    low = int(ids.min())
    span = int(ids.max()) - low + 1
    return (low, span) if span <= 8 * rows + 1024 else None


def _integer_codes(
    ids: npt.NDArray[np.signedinteger[Any]], null: npt.NDArray[np.bool_] | None
) -> tuple[Codes, pd.Index]:
    """Codes of whole numbers: by a table over their range if it is dense, else by hashing."""
    if null is not None and null.any():
        code = np.full(len(ids), -1, dtype=np.intp)
        code[~null], index = _integer_codes(ids[~null], None)
        return code, index
    if len(ids) == 0:
        return np.empty(0, dtype=np.intp), pd.Index(np.empty(0, dtype=np.int64))
    table = dense_range(ids, len(ids))
    if table is None:
        code, distinct = pd.factorize(ids.astype(np.int64, copy=False), sort=True)
        return code.astype(np.intp, copy=False), pd.Index(distinct)
    low, span = table
    offset = np.subtract(ids, low, dtype=np.intp)
    seen = np.zeros(span, dtype=np.bool_)
    seen[offset] = True
    distinct = np.flatnonzero(seen)
    if len(distinct) == span:
        return offset, pd.Index(distinct + low)
    rank = np.empty(span, dtype=np.intp)
    rank[distinct] = np.arange(len(distinct), dtype=np.intp)
    return rank[offset], pd.Index(distinct + low)


def _used(values: pd.Categorical) -> tuple[SmallCodes, pd.Index]:
    """The codes of the rows and the categories, without those that no row has."""
    code, index = values.codes, values.categories
    seen = np.zeros(len(index) + 1, dtype=np.bool_)
    for rows in row_blocks(len(code)):
        seen[code[rows]] = True  # -1 marks the spare last place
        if seen[:-1].all():  # most often the first rows have every value
            return code, index
    used = np.flatnonzero(seen[:-1])
    rank = np.full(len(index) + 1, -1, dtype=code.dtype)
    rank[used] = np.arange(len(used), dtype=code.dtype)
    return look_up(rank, code), index[used]


def _is_aware(dtype: Any) -> bool:
    """Whether the dtype is an instant with a time zone."""
    if isinstance(dtype, pd.ArrowDtype):
        return getattr(dtype.pyarrow_dtype, "tz", None) is not None
    return isinstance(dtype, pd.DatetimeTZDtype)


def _series(values: ArrayLike) -> pd.Series:
    """A Series over the same values."""
    if isinstance(values, pd.Series):
        return values
    if isinstance(values, pd.DataFrame | str):
        refuse("values", "one column", values, "give a column, such as frame['amount']")
    return pd.Series(
        values, dtype=object if isinstance(values, (list, tuple)) and not values else None
    )


def _plain_categories(series: pd.Series) -> pd.Series:
    """A categorical column's values in the dtype of its categories; others as they are."""
    if not isinstance(series.dtype, pd.CategoricalDtype):
        return series
    categories = pd.Series(series.cat.categories)
    return pd.Series(categories.reindex(series.cat.codes.to_numpy()).array, index=series.index)
