"""Codes of distinct values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from bankcrm.errors import DataError
from bankcrm.frames.arrays.blocks import row_blocks
from bankcrm.frames.arrays.floats import numbers
from bankcrm.frames.arrays.found import found_in
from bankcrm.frames.arrays.inputs import ArrayLike, series_of
from bankcrm.frames.arrays.texts import arrow_texts, ending_numbers

if TYPE_CHECKING:
    import pyarrow as pa

Codes: TypeAlias = npt.NDArray[np.intp]
SmallCodes: TypeAlias = npt.NDArray[np.integer[Any]]


def codes(values: ArrayLike, name: str = "") -> tuple[Codes, pd.Index]:
    """Number the distinct values 0, 1, 2 ...; a null gets -1.

    Whole numbers are numbered in rising order, categories in their own order (unused ones left
    out), anything else in order of first appearance.

    Args:
        values: Ids or categories of any dtype.
        name: The column, for errors; that of a Series by default.

    Returns:
        The code of each row (``intp``) and the distinct values: ``index[code]`` is the value.

    Raises:
        DataError: The values are lists or other objects that cannot be compared.

    >>> code, index = codes([30, 10, 30])
    >>> code.tolist(), index.tolist()
    ([1, 0, 1], [10, 30])
    """
    series = series_of(values)
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
    except (TypeError, UnicodeEncodeError):  # lists, or half a surrogate pair, which no file takes
        name = name or (series.name if isinstance(series.name, str) else "")
        found = found_in(series, "value")
        where = f"{name}: " if name else ""
        raise DataError(f"{where}expected ids or words, found {found}") from None
    return code.astype(np.intp, copy=False), pd.Index(index)


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


def _text_codes(values: pd.Series) -> tuple[Codes, pd.Index] | None:
    """The codes of texts: by the numbers that they end with, or by Arrow; None for other values."""
    held = arrow_texts(values)
    texts = _python_texts(values) if held is None else held
    if texts is None:
        return None
    if (number := ending_numbers(texts.drop_null())) is not None:
        code, first = _by_appearance(_integer_codes(number, None)[0])
        if texts.null_count:
            given = np.flatnonzero(texts.is_valid().to_numpy(zero_copy_only=False))
            some, code = code, np.full(len(texts), -1, dtype=np.intp)
            code[given], first = some, given[first]
        return code, pd.Index(values.array.take(first), dtype=values.dtype)
    if held is not None:
        code, index = pd.factorize(values, use_na_sentinel=True)
        return code.astype(np.intp, copy=False), pd.Index(index)
    found = texts.dictionary_encode()
    code = found.indices.fill_null(-1).to_numpy().astype(np.intp)
    return code, pd.Index(found.dictionary.to_pylist(), dtype=values.dtype)


def _python_texts(values: pd.Series) -> pa.Array | None:
    """Python's own texts, held by Arrow, whose hash table takes half the time of that of pandas."""
    if not (
        types.is_object_dtype(values.dtype) or getattr(values.dtype, "storage", "") == "python"
    ):
        return None
    import pyarrow as pa

    try:
        array = pa.array(values.to_numpy(dtype=object), from_pandas=True)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):  # no texts, or not only
        return None
    return array.cast(pa.large_string()) if isinstance(array, pa.StringArray) else None


def _by_appearance(code: Codes) -> tuple[Codes, Codes]:
    """Codes in order of first appearance, and the row where each of them appears first."""
    first = np.empty(code.max(initial=-1) + 1, dtype=np.intp)
    first[code[::-1]] = np.arange(len(code) - 1, -1, -1)  # what is written last stays
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[code], first[order]


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


def distinct_values(values: pd.Series) -> pd.Index:
    """The distinct values, as `codes` gives them, without the code of each row.

    >>> distinct_values(pd.Series([30, 10, 30])).tolist()
    [10, 30]
    """
    if not (is_whole_numbers(values) and len(values)):
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


def surely_distinct(ids: pd.Series) -> bool:
    """Whether whole numbers without a null are all different; False where it takes more to tell.

    >>> surely_distinct(pd.Series([3, 1, 2])), surely_distinct(pd.Series(["a", "b"]))
    (True, False)
    """
    if not (is_whole_numbers(ids) and len(ids)):
        return False
    values = ids.to_numpy().astype(np.int64, copy=False)
    table = dense_range(values, len(values))
    if table is None:
        return False
    low, span = table
    seen = np.zeros(span, dtype=np.bool_)
    seen[values - low] = True
    return int(np.count_nonzero(seen)) == len(values)


def is_whole_numbers(ids: pd.Series | pd.Index) -> bool:
    """Whether ids are plain whole numbers without a null, which take next to no time to number."""
    return isinstance(ids.dtype, np.dtype) and ids.dtype.kind == "i"


def dense_range(ids: npt.NDArray[np.integer[Any]], rows: int) -> tuple[int, int] | None:
    """The least of some whole numbers, and the length of a table from it to the greatest.

    None where the table would be much longer than a number of rows, so that hashing is better.

    >>> dense_range(np.array([7, 5]), 2), dense_range(np.array([7, 5000]), 2)
    ((5, 3), None)
    """
    low = int(ids.min())
    span = int(ids.max()) - low + 1
    return (low, span) if span <= 8 * rows + 1024 else None
