"""Number the customers of many rows quickly, and their distinct days."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.frames import codes

_Codes = npt.NDArray[np.intp]
_Ints = npt.NDArray[np.int64]
BLOCK = 1 << 16  # rows that stay in the processor's cache


def customer_codes(ids: pd.Series) -> tuple[_Codes, pd.Index]:
    """Number the customers; small whole numbers are their own code.

    The index may have ids that no row has, and need not be in order.
    """
    if not (isinstance(ids.dtype, np.dtype) and ids.dtype.kind == "i" and len(ids)):
        return codes(ids)
    values = ids.to_numpy().astype(np.int64, copy=False)
    lowest, highest = int(values.min()), int(values.max())
    if lowest >= 0 and highest <= len(values):
        return values.astype(np.intp, copy=False), pd.RangeIndex(highest + 1)
    code, distinct = pd.factorize(values)
    return code.astype(np.intp, copy=False), pd.Index(distinct)


def distinct_days(code: _Codes, date: npt.NDArray[np.datetime64]) -> _Codes:
    """The code of each distinct pair of code and day.

    numpy sorts whole numbers several times faster than pandas hashes them.
    """
    if not len(code):
        return code
    day = date.astype("datetime64[D]").view(np.int64)
    first = int(day.min())
    span = int(day.max()) - first + 1
    pairs = np.sort(code.astype(np.int64) * span + (day - first))
    return (pairs[_fresh(pairs)] // span).astype(np.intp)


def _fresh(ordered: _Ints) -> npt.NDArray[np.bool_]:
    """Where a new value begins."""
    fresh = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=fresh[1:])
    return fresh
