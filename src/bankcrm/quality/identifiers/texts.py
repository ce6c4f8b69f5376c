"""Identifiers as bytes: cleaned texts, and those of one length as a matrix."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bankcrm.errors import DataError
from bankcrm.frames.arrays import found_in

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

    def of_width(self, width: int) -> npt.NDArray[np.intp]:
        """The rows with a plain text of so many bytes."""
        return np.flatnonzero(self.ascii & (self.length == width))

    def matrix(self, rows: npt.NDArray[np.intp], width: int) -> Bytes:
        """The first ``width`` bytes of some rows, which are as long at least: ``width`` x rows.

        Args:
            rows: The rows.
            width: How many bytes.
        """
        data, start = text_bytes(self.array)
        if len(data) == width * len(rows):  # no other row has any text
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
    array = require_texts(values)
    data, _ = text_bytes(array)
    plain = data.max(initial=0) < 128
    if not plain:
        array = pc.utf8_normalize(array, "NFKC")
        data, _ = text_bytes(array)
    if data.min(initial=255) <= 32:
        array = pc.utf8_trim_whitespace(array)
    for mark in dropped:
        if (data == ord(mark)).any():
            array = pc.replace_substring(array, mark, "")
    if upper and data.max(initial=0) >= ord("a"):
        array = pc.ascii_upper(array)
    length = np.diff(text_bytes(array)[1])
    null = array.is_null().to_numpy(zero_copy_only=False)
    length[null] = 0  # bytes under a null may be anything
    ascii_only = np.ones(len(array), np.bool_)
    if not plain:
        known = pc.fill_null(pc.string_is_ascii(array), True)
        ascii_only = known.to_numpy(zero_copy_only=False)
    return Texts(array, length == 0, ascii_only, length)


def require_texts(values: pd.Series) -> pa.LargeStringArray:
    """A column of text as one Arrow array.

    Raises:
        DataError: The values are no texts.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    if values.isna().all():  # of whatever type
        return pa.nulls(len(values), pa.large_string())
    if pd.api.types.infer_dtype(values) != "string":
        raise DataError(
            f"expected text, found {found_in(values, 'text')}; "
            "read the column as text, since numbers lose leading zeros"
        )
    try:
        found = pa.array(values, pa.large_string(), from_pandas=True)
    except (UnicodeEncodeError, pa.ArrowException):
        raise DataError(f"expected text, found {found_in(values, 'text')}") from None
    if isinstance(found, pa.ChunkedArray):
        chunks = [chunk.cast(pa.large_string()) for chunk in found.chunks]
        found = pa.chunked_array(chunks, pa.large_string()).combine_chunks()
    return found.cast(pa.large_string())


def text_bytes(array: pa.LargeStringArray) -> tuple[Bytes, npt.NDArray[np.int64]]:
    """The bytes of all texts, and where in them each text starts; the last is the end."""
    if not len(array):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    _, offsets, data = array.buffers()
    start = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    bytes_ = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return bytes_[start[0] : start[-1]], start - start[0] if start[0] else start
