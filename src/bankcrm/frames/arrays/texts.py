"""Codes of texts that Arrow holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.frames.arrays.blocks import row_blocks

if TYPE_CHECKING:
    import pyarrow as pa

_Ints: TypeAlias = npt.NDArray[np.int64]
_Bytes: TypeAlias = npt.NDArray[np.uint8]

_DIGITS = 18  # of a number that int64 holds
_ZERO = np.uint8(ord("0"))


def arrow_texts(values: pd.Series | pd.Index) -> pa.Array | None:
    """Texts that Arrow holds, as one array of large_string; None for other values.

    >>> arrow_texts(pd.Series(["a", None], dtype="str")).to_pylist(), arrow_texts(pd.Series([1]))
    (['a', None], None)
    """
    import pyarrow as pa

    dtype = values.dtype
    kind = dtype.pyarrow_dtype if isinstance(dtype, pd.ArrowDtype) else None
    if getattr(dtype, "storage", "") != "pyarrow" and kind not in (pa.string(), pa.large_string()):
        return None
    made = pa.array(values.array)
    whole = made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made
    return whole.cast(pa.large_string())


def ending_numbers(texts: pa.Array) -> _Ints | None:
    """The numbers at the end of texts that differ in nothing else, such as C000123 and C000124.

    Args:
        texts: Texts of the type large_string without a null.

    Returns:
        One number per text, equal for equal texts alone. None where that cannot be: the texts
        differ before the digits at their end, have more than 18 of them, or have several lengths
        and a zero as the first digit.

    >>> import pyarrow as pa
    >>> found = ending_numbers(pa.array(["C7", "C10", "C7"], pa.large_string()))
    >>> found.tolist(), ending_numbers(pa.array(["C7", "C07"], pa.large_string()))
    ([7, 10, 7], None)
    """
    if not len(texts):
        return None
    _, ends, data = texts.buffers()
    end = np.frombuffer(ends, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    head = np.frombuffer(texts[0].as_buffer().to_pybytes().rstrip(b"0123456789"), np.uint8)
    lengths = [np.diff(end[r.start : r.stop + 1]) for r in row_blocks(len(texts))]
    least, most = min(a.min() for a in lengths), max(a.max() for a in lengths)
    if not len(head) < least <= most <= len(head) + _DIGITS:
        return None
    whole: _Bytes = np.frombuffer(data, np.uint8)  # of empty texts there may be no data
    found = np.zeros(len(texts), dtype=np.int64)
    read = _of_one_length if least == most else _of_several
    for rows in row_blocks(len(texts)):
        if not read(whole, end[rows.start : rows.stop + 1], head, found[rows]):
            return None
    return found


def _of_one_length(whole: _Bytes, end: _Ints, head: _Bytes, number: _Ints) -> bool:
    """Read the numbers of some texts; False if they differ before their digits."""
    text = whole[end[0] : end[-1]].reshape(len(number), -1)
    digits = text[:, len(head) :] - _ZERO
    if (digits > 9).any() or (text[:, : len(head)] != head).any():
        return False
    for digit in digits.T:
        number *= 10
        number += digit
    return True


def _of_several(whole: _Bytes, end: _Ints, head: _Bytes, number: _Ints) -> bool:
    """Read the numbers of some texts of several lengths; False as well if one begins with 0."""
    start, stop = end[:-1], end[1:]
    if any((whole.take(start + at) != byte).any() for at, byte in enumerate(head)):
        return False
    place = start + len(head)
    several = stop - place > 1
    if (whole.take(place[several]) == _ZERO).any():
        return False
    for _ in range(int((stop - place).max())):
        inside = place < stop
        digit = whole.take(place, mode="clip") - _ZERO
        if (digit[inside] > 9).any():
            return False
        np.copyto(number, number * 10 + digit, where=inside)
        place = place + 1
    return True
