"""Identifiers as bytes: cleaned texts, and those of one length as a matrix."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bankcrm.errors import DataError

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@attrs.frozen(eq=False)
class Texts:
    """Cleaned texts of a column; a missing or blank value is null.

    Attributes:
        array: The texts, one per row.
        null: Which rows have none.
        ascii: Which rows are plain ASCII; null rows are.
        length: Bytes of each text, int64; 0 where it is null.
    """

    array: pa.LargeStringArray
    null: Mask
    ascii: Mask
    length: npt.NDArray[np.int64]

    def matrix(self, rows: npt.NDArray[np.intp], width: int) -> Bytes:
        """The first ``width`` bytes of some rows, which are as long at least: ``width`` x rows."""
        data, start = _buffers(self.array)
        if len(rows) == len(self.length) and len(data) == width * len(rows):
            return np.ascontiguousarray(data.reshape(-1, width).T)
        first = start[:-1][rows]
        found = np.empty((width, len(rows)), np.uint8)
        for place in range(width):
            found[place] = data[first + place]
        return found


def texts_of(values: pd.Series, dropped: str = "", upper: bool = True) -> Texts:
    """The texts of a column without separators; letters are capitals, full-width forms are plain.

    Args:
        values: Text of any dtype.
        dropped: Characters to leave out wherever they stand; white space around a text always is.
        upper: Whether to make letters capitals.

    Raises:
        DataError: The values are no texts; numbers lose leading zeros.
    """
    array = _arrow(values)
    data, _ = _buffers(array)
    if len(data) and data.max() >= 128:
        array = pc.utf8_normalize(array, "NFKC")
        data, _ = _buffers(array)
    if len(data) and data.min() <= 32:
        array = pc.utf8_trim_whitespace(array)
    for mark in dropped:
        if (data == ord(mark)).any():
            array = pc.replace_substring(array, mark, "")
    if upper and ((data >= ord("a")) & (data <= ord("z"))).any():
        array = pc.ascii_upper(array)
    data, start = _buffers(array)
    length = np.diff(start)
    ascii_only = np.ones(len(array), np.bool_)
    if len(data) and data.max() >= 128:
        ascii_only = pc.string_is_ascii(array).to_numpy(zero_copy_only=False)
        ascii_only = np.asarray(pd.array(ascii_only, "boolean").to_numpy(np.bool_, na_value=True))
    null = array.is_null().to_numpy(zero_copy_only=False) | (length == 0)
    return Texts(array, null, ascii_only, np.where(null, 0, length))


def _arrow(values: pd.Series) -> pa.LargeStringArray:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if not (values.isna().all() or pd.api.types.infer_dtype(values, skipna=True) == "string"):
        raise DataError(
            f"expected text, found {pd.api.types.infer_dtype(values, skipna=True)}; "
            "read the column as text, since numbers lose leading zeros"
        )
    try:
        found = pa.array(values, pa.large_string(), from_pandas=True)
    except (UnicodeEncodeError, pa.ArrowException):
        raise DataError("expected text, found text that is no Unicode text") from None
    if isinstance(found, pa.ChunkedArray):
        chunks = [chunk.cast(pa.large_string()) for chunk in found.chunks]
        found = pa.chunked_array(chunks, pa.large_string()).combine_chunks()
    return found.cast(pa.large_string())


def _buffers(array: pa.LargeStringArray) -> tuple[Bytes, npt.NDArray[np.int64]]:
    """The bytes of all texts, and where in them each text starts; the last is the end."""
    if not len(array):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    _, offsets, data = array.buffers()
    start = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    bytes_ = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return bytes_[start[0] : start[-1]], start - start[0]
