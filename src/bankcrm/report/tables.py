"""Tables for spreadsheets, in which no cell can run as a formula."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bankcrm.errors import DataError, MissingExtraError

EXCEL_ROWS = 1_048_576
EXCEL_TEXT = 32_767
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def inert(values: pd.Series[Any]) -> pd.Series[Any]:
    """Put an apostrophe before texts that a spreadsheet would run as a formula.

    >>> inert(pd.Series(["=1+1", "plain", None])).tolist()[:2]
    ["'=1+1", 'plain']
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        if any(str(c).startswith(_FORMULA_STARTS) for c in values.cat.categories):
            return inert(values.astype(object))
        return values
    if values.dtype.kind not in "OSU" and not pd.api.types.is_string_dtype(values.dtype):
        return values
    texts = values.astype(object)
    risky = texts.map(lambda v: isinstance(v, str) and v.startswith(_FORMULA_STARTS)).astype(bool)
    return texts.where(~risky, "'" + texts.where(risky, "").astype(str))


def write_csv(frame: pd.DataFrame, path: str | Path, *, index: bool = True) -> None:
    """Write a frame as CSV in which a spreadsheet runs no formula.

    Args:
        frame: The frame; it is not changed.
        path: The file.
        index: Whether the index is written, as the first column.
    """
    flat = frame.reset_index() if index else frame
    safe = pd.DataFrame({name: inert(flat[name]) for name in flat.columns})
    safe.to_csv(path, index=False, encoding="utf-8")


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
    for name, frame in sheets.items():
        if len(frame) >= EXCEL_ROWS:
            raise DataError(
                f"sheet {name!r}: {len(frame):,} rows, but a sheet has at most {EXCEL_ROWS - 1:,}; "
                "write Parquet instead"
            )
    with pd.ExcelWriter(path, engine="openpyxl") as book:
        for name, frame in sheets.items():
            safe = pd.DataFrame({c: _cells(frame[c]) for c in frame.columns})
            safe.to_excel(book, sheet_name=name, index=False, freeze_panes=(1, 1))


def _cells(values: pd.Series[Any]) -> pd.Series[Any]:
    """Values that a sheet can store: no formula, control character, time zone or overlong text."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        naive: pd.Series[Any] = values.dt.tz_localize(None)
        return naive
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    safe = inert(values)
    if safe.dtype.kind != "O":
        return safe
    return pd.Series([_clipped(v) for v in safe], index=safe.index, dtype=object)


def _clipped(value: object) -> object:
    return _ILLEGAL.sub("", value)[:EXCEL_TEXT] if isinstance(value, str) else value
