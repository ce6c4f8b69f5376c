"""Number the customers of many rows quickly, and their distinct days."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.columns import codes

_Codes = npt.NDArray[np.intp]
_Ints = npt.NDArray[np.int64]
BLOCK = 1 << 16  # rows that stay in the processor's cache
_ROOM = 2  # slots a distinct id: few enough to stay near the processor
_CROWDED = 16  # ids in one slot, above which hashing is faster
_FEW = 1 << 16  # rows below which hashing is fast enough


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
    if _FEW < len(values) < 2**31 and highest - lowest < 2**62:
        code, distinct = _slots(values, lowest)
        if len(code):
            return code, pd.Index(distinct)
    code, distinct = pd.factorize(values)
    return code.astype(np.intp, copy=False), pd.Index(distinct)


def _slots(values: _Ints, lowest: int) -> tuple[_Codes, _Ints]:
    """Codes by sorting, and by cutting the range of the ids into even slots.

    numpy sorts whole numbers several times faster than pandas hashes them, and a table over the
    slots then finds nearly every id at once. No code if some slot is too crowded for that.
    """
    distinct = np.sort(values)
    distinct = distinct[_fresh(distinct)]
    shift = max((int(distinct[-1]) - lowest) // (_ROOM * len(distinct)), 1).bit_length() - 1
    in_slot = np.bincount((distinct - lowest) >> shift)
    crowd = int(in_slot.max())
    if crowd > _CROWDED:
        return np.zeros(0, dtype=np.intp), distinct
    first = (np.cumsum(in_slot) - in_slot).astype(np.int32)
    code = np.empty(len(values), dtype=np.intp)
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        found = first[(block - lowest) >> shift].astype(np.intp)
        late = np.flatnonzero(distinct[found] != block)
        while len(late):
            found[late] += 1
            late = late[distinct[found[late]] != block[late]]
        code[start : start + BLOCK] = found
    return code, distinct


def distinct_days(code: _Codes, date: npt.NDArray[np.datetime64]) -> _Codes:
    """The code of each distinct pair of code and day."""
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
