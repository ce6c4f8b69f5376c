"""Numbers of any column as float64."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from pandas.api import types

from bankcrm.errors import DataError
from bankcrm.frames.arrays.found import found_in
from bankcrm.frames.arrays.inputs import ArrayLike, plain_categories, series_of
from bankcrm.frames.column import fault_in_rows

Numbers: TypeAlias = npt.NDArray[np.float64]

_NUMBER_OBJECTS = {"decimal", "floating", "integer", "mixed-integer-float", "empty"}


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
    series = plain_categories(series_of(values))
    dtype = series.dtype
    if types.is_numeric_dtype(dtype) and not types.is_bool_dtype(dtype):
        if isinstance(dtype, np.dtype):
            if dtype.kind != "c":
                return series.to_numpy().astype(np.float64, copy=False)
        else:
            return series.to_numpy(dtype=np.float64, na_value=np.nan)
    advice = "convert the column with pandas.to_numeric first"
    if types.is_object_dtype(dtype):
        if types.infer_dtype(series) in _NUMBER_OBJECTS or series.isna().all():
            try:
                return series.to_numpy(dtype=object, na_value=np.nan).astype(np.float64)
            except OverflowError:
                advice = "correct it"
    elif series.isna().all() and not types.is_bool_dtype(dtype):
        return np.full(len(series), np.nan)
    raise DataError(f"{name}: expected numbers, found {found_in(series, 'number')}; {advice}")


def flags(values: ArrayLike, name: str) -> npt.NDArray[np.bool_]:
    """Booleans, or 0 and 1, of any column as booleans.

    Raises:
        DataError: A value is null, or neither; the rows are named.

    >>> flags([1, 0], "treated").tolist()
    [True, False]
    """
    if isinstance(values, np.ndarray) and values.dtype == np.bool_:
        return values.view(np.bool_)
    series = plain_categories(series_of(values))
    fault_in_rows(name, "", "null", series.index[series.isna()], "booleans, or 0 and 1").refuse()
    held = types.infer_dtype(series)
    if held == "boolean":
        return series.to_numpy(dtype=np.bool_)
    if held.startswith("mixed") and any(isinstance(v, bool) for v in series):
        others = found_in(series, "boolean")
        raise DataError(f"{name}: expected booleans, or 0 and 1, found {others}")
    found = numbers(series, name)
    other = series.index[(found != 0) & (found != 1)]
    fault_in_rows(name, "", "neither 0 nor 1", other, "booleans, or 0 and 1").refuse()
    made: npt.NDArray[np.bool_] = found == 1
    return made
