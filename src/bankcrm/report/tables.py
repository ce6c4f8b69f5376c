"""Tables for spreadsheets, in which no cell can run as a formula."""

from __future__ import annotations

import decimal
import numbers
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from bankcrm.arguments import as_kind, as_path, refuse
from bankcrm.disk import whole_file
from bankcrm.errors import DataError, MissingExtraError

EXCEL_ROWS = 1_048_576
EXCEL_TEXT = 32_767
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
FORMULA = r"[=@\t\r]|[+-](?:$|[\s\S]*[^0-9])"
"""Texts that a spreadsheet would run, from their beginning; a number with a sign, such as +8613,
is none. Arrow (RE2, without look-ahead) and the script of the report's page read the same pattern.
"""
_EXACT = 10**15  # a spreadsheet keeps 15 digits of a number


def inert(values: pd.Series[Any]) -> pd.Series[Any]:
    """Put an apostrophe before texts that a spreadsheet would run as a formula.

    >>> inert(pd.Series(["=1+1", "plain", "-1234567", None])).tolist()[:3]
    ["'=1+1", 'plain', '-1234567']
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        if _formulas(pd.Series(values.cat.categories)).any():
            return inert(values.astype(object))
        return values
    if not _may_be_text(values):
        return values
    risky = _formulas(values)
    texts = values.astype(object)
    return texts.where(~risky, "'" + texts.where(risky, "").astype(str))


def _may_be_text(values: pd.Series[Any]) -> bool:
    return values.dtype.kind in "OSU" or pd.api.types.is_string_dtype(values.dtype)


def _formulas(values: pd.Series[Any]) -> npt.NDArray[np.bool_]:
    """Which values are texts that a spreadsheet would run."""
    if not _may_be_text(values):
        return np.zeros(len(values), np.bool_)
    if values.dtype == object:
        values = pd.Series([v if isinstance(v, str) else None for v in values], dtype=object)
    texts = pa.array(values, pa.large_string(), from_pandas=True)
    risky = pc.match_substring_regex(texts, f"^(?:{FORMULA})")
    return np.asarray(pc.fill_null(risky, False), dtype=np.bool_)


def write_csv(frame: pd.DataFrame, path: str | Path, *, index: bool = True) -> None:
    """Write a frame as CSV in which a spreadsheet runs no formula.

    Args:
        frame: The frame; it is not changed.
        path: The file.
        index: Whether the index is written, as the first column.
    """
    as_kind(frame, pd.DataFrame, "frame")
    path = as_path(path)
    flat = frame.reset_index() if index else frame
    columns = [_arrow(flat.iloc[:, place]) for place in range(flat.shape[1])]
    if len(columns) == 1:  # a line of one empty cell would be no line
        columns = [pc.fill_null(columns[0].cast(pa.large_string()), "")]
    table = pa.table(columns, names=[str(name) for name in flat.columns])
    with whole_file(path) as temporary:
        csv.write_csv(table, temporary, csv.WriteOptions(quoting_style="needed"))


def _arrow(values: pd.Series[Any]) -> pa.Array:
    """A column as Arrow writes it, without formulas: days as dates, nulls empty."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        array = values.array
        names = _arrow(pd.Series(array.categories))
        return names.take(pa.array(array.codes, mask=array.codes < 0))
    if values.dtype.kind == "M" and not isinstance(values.dtype, pd.DatetimeTZDtype):
        array = pa.array(values, from_pandas=True)
        days = array.cast(pa.date32(), safe=False)
        return (
            days
            if days.cast(array.type).equals(array)
            else array.cast(pa.timestamp("s"), safe=False)
        )
    if values.dtype.kind in "biuf":
        return pa.array(values, from_pandas=True)
    if values.dtype != object and _may_be_text(values) and not _formulas(values).any():
        return pa.array(values, pa.large_string(), from_pandas=True)
    texts = [None if pd.isna(v) else str(v) for v in inert(values)]
    return pa.array(texts, pa.large_string())


def write_excel(sheets: Mapping[str, pd.DataFrame], path: str | Path) -> None:
    """Write frames as the sheets of a workbook, with typed columns and fixed headings.

    Args:
        sheets: Sheet name -> frame; the frames are not changed.
        path: The file.

    Raises:
        MissingExtraError: The extra ``report`` is not installed.
        DataError: A frame has more rows than a sheet can have.
    """
    try:
        import openpyxl  # noqa: F401 - pandas needs it: name the extra that installs it
    except ImportError as error:
        raise MissingExtraError("openpyxl", "report") from error
    if not isinstance(sheets, Mapping):
        refuse("sheets", "frames by name", sheets)
    for name, frame in sheets.items():
        if len(frame) >= EXCEL_ROWS:
            raise DataError(
                f"sheet {name!r}: {len(frame):,} rows, but a sheet has at most {EXCEL_ROWS - 1:,}; "
                "write Parquet instead"
            )
    with (
        whole_file(as_path(path)) as temporary,
        pd.ExcelWriter(temporary, engine="openpyxl") as book,
    ):
        for name, frame in sheets.items():
            safe = pd.DataFrame({c: _cells(frame[c]) for c in frame.columns})
            safe.to_excel(book, sheet_name=name, index=False, freeze_panes=(1, 1))


def _cells(values: pd.Series[Any]) -> pd.Series[Any]:
    """Values that a sheet can store: no formula, control character, time zone or overlong text.

    A spreadsheet would round a whole number of more than 15 digits, such as the number of a card:
    a column with one is written as text.
    """
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        naive: pd.Series[Any] = values.dt.tz_localize(None)
        return naive
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if pd.api.types.is_integer_dtype(values.dtype):
        rounded = bool((values >= _EXACT).any() or (values <= -_EXACT).any())
        return _digits(values.astype(object)) if rounded else values
    safe = inert(values)
    if safe.dtype.kind != "O":
        return safe
    clipped = pd.Series([_clipped(v) for v in safe], index=safe.index, dtype=object)
    return _digits(clipped) if any(_is_whole(v) and abs(v) >= _EXACT for v in clipped) else clipped


def _digits(values: pd.Series[Any]) -> pd.Series[Any]:
    """Whole numbers as text with all their digits; other values as they are."""
    texts = [str(int(v)) if _is_whole(v) else v for v in values]
    return pd.Series(texts, index=values.index, dtype=object)


def _is_whole(value: Any) -> bool:
    if isinstance(value, decimal.Decimal):
        return value.is_finite() and value == value.to_integral_value()
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _clipped(value: object) -> object:
    return _ILLEGAL.sub("", value)[:EXCEL_TEXT] if isinstance(value, str) else value
