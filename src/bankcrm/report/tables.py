"""Tables for spreadsheets, in which no cell can run as a formula."""

from __future__ import annotations

import decimal
import numbers
import re
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bankcrm._display import few
from bankcrm.arguments import as_kind, as_path, refuse
from bankcrm.disk import whole_file
from bankcrm.errors import DataError, MissingExtraError

EXCEL_ROWS = 1_048_576
EXCEL_TEXT = 32_767
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_INVISIBLE = "".join(  # beyond Latin 1, and may be passed over at the start of a cell
    f"{chr(first)}-{chr(last)}"
    for first, last in (
        (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x1680, 0x1680), (0x180E, 0x180E),
        (0x2000, 0x200F), (0x2028, 0x202F), (0x205F, 0x206F), (0x3000, 0x3000), (0x3164, 0x3164),
        (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF9, 0xFFFB),
    )
)  # fmt: skip
FORMULA = (
    rf"'*(?:[\t\r\n]|[\x00-\x20\x7f-\xa0\xad{_INVISIBLE}]*"
    "(?:[=@\uff1d\uff20]|[+\u2212\uff0b\uff0d-]"
    r"(?:$|[\s\S]*[^0-9])))"
)
"""Texts that a spreadsheet might run, from their beginning; a number with a sign, such as +8613,
is none. Apostrophes before it are part of it, so that the one that `inert` adds can be taken off
again. Arrow (RE2, without look-ahead) and the script of the report's page can read it too.
"""
_FORMULA = re.compile(FORMULA)
_EXACT = 10**15  # a spreadsheet keeps 15 digits of a number


def inert(values: pd.Series[Any]) -> pd.Series[Any]:
    """Put an apostrophe before texts that a spreadsheet might run as a formula.

    To read such a text back, take one apostrophe off a text that `FORMULA` matches without it.

    >>> inert(pd.Series(["=1+1", "plain", "-1234567", None])).tolist()[:3]
    ["'=1+1", 'plain', '-1234567']
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        if any(_FORMULA.match(str(c)) for c in values.cat.categories):
            return inert(values.astype(object))
        return values
    if values.dtype.kind not in "OSU" and not pd.api.types.is_string_dtype(values.dtype):
        return values
    texts = values.astype(object)
    risky = texts.map(lambda v: isinstance(v, str) and bool(_FORMULA.match(v))).astype(bool)
    return texts.where(~risky, "'" + texts.where(risky, "").astype(str))


def _heading(name: object) -> object:
    """The name of a column as `inert` writes a text."""
    return f"'{name}" if isinstance(name, str) and _FORMULA.match(name) else name


def write_csv(frame: pd.DataFrame, path: str | Path, *, index: bool = True) -> None:
    """Write a frame as CSV in which a spreadsheet runs no formula.

    Args:
        frame: The frame; it is not changed.
        path: The file.
        index: Whether the index is written, as the first column.

    Raises:
        DataError: Two levels of the index, or a level and a column, have one name.
    """
    from pyarrow import csv

    as_kind(frame, pd.DataFrame, "frame")
    path = as_path(path)
    levels = [name for name in frame.index.names if name is not None]
    if index and (twice := [n for n in levels if levels.count(n) > 1 or n in frame.columns]):
        raise DataError(
            f"frame: the index has a level {twice[0]!r}, and another level or a column has this "
            "name; rename one, or write index=False"
        )
    flat = frame.reset_index() if index else frame
    columns = [_arrow(flat.iloc[:, place]) for place in range(flat.shape[1])]
    if len(columns) == 1:  # a line of one empty cell would be no line
        columns = [pc.fill_null(columns[0].cast(pa.large_string()), "")]
    table = pa.table(columns, names=[str(_heading(name)) for name in flat.columns])
    with whole_file(path) as temporary:
        # It quotes every text, also for a carriage return, after which a spreadsheet begins a cell.
        csv.write_csv(table, temporary, csv.WriteOptions(quoting_style="needed"))


def _arrow(values: pd.Series[Any]) -> pa.Array | pa.ChunkedArray:
    """A column as Arrow writes it, its texts inert: days as dates, nulls empty."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        coded = values.array
        return _arrow(pd.Series(coded.categories)).take(pa.array(coded.codes, mask=coded.codes < 0))
    kind = values.dtype.kind
    if kind in "biuf":
        return pa.array(values)
    if kind == "M" and not isinstance(values.dtype, pd.DatetimeTZDtype):
        instants = pa.array(values)
        days = instants.cast(pa.date32(), safe=False)
        whole = days.cast(instants.type).equals(instants)
        return days if whole else instants.cast(pa.timestamp("s"), safe=False)
    texts = _texts(values)
    if texts is not None and not pc.any(pc.match_substring_regex(texts, f"^(?:{FORMULA})")).as_py():
        return texts
    plain = [None if np.all(pd.isna(v)) else str(v) for v in inert(values)]
    try:
        return pa.array(plain, pa.large_string())
    except UnicodeEncodeError:
        wrong = [v is not None and v != v.encode(errors="ignore").decode() for v in plain]
        rows = few(values.index[wrong])
        raise DataError(
            f"{values.name}: text that is no Unicode text, which no file takes (rows {rows}); "
            "correct it"
        ) from None


def _texts(values: pd.Series[Any]) -> pa.Array | pa.ChunkedArray | None:
    """A column of nothing but texts and nulls as Arrow holds it; None for another."""
    if not pd.api.types.is_string_dtype(values.dtype):
        return None
    try:
        found = pa.array(values)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return None
    return found if pa.types.is_string(found.type) or pa.types.is_large_string(found.type) else None


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
    if not sheets:
        raise DataError("sheets: none; give at least one frame")
    for name, frame in sheets.items():
        as_kind(frame, pd.DataFrame, f"sheet {name!r}")
        if not frame.columns.is_unique:
            raise DataError(f"sheet {name!r}: two columns have one name; give each its own")
        if frame.columns.nlevels > 1:
            raise DataError(f"sheet {name!r}: columns of several levels; join their names")
        if len(frame) >= EXCEL_ROWS:
            raise DataError(
                f"sheet {name!r}: {len(frame):,} rows, but a sheet has at most {EXCEL_ROWS - 1:,}; "
                "write Parquet instead"
            )
    target = whole_file(as_path(path)) if isinstance(path, str | Path) else nullcontext(path)
    with target as temporary, pd.ExcelWriter(temporary, engine="openpyxl") as book:
        for name, frame in sheets.items():
            safe = pd.DataFrame({c: _cells(frame[c]) for c in frame.columns})
            heads = [_cell(c) for c in frame.columns]
            safe.to_excel(book, sheet_name=name, header=heads, index=False, freeze_panes=(1, 1))


def _cells(values: pd.Series[Any]) -> pd.Series[Any]:
    """Values that a sheet can store: no formula, control character, time zone or overlong text.

    A spreadsheet would round a whole number of more than 15 digits, such as the number of a card:
    a column with one is written as text.
    """
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        naive: pd.Series[Any] = values.dt.tz_localize(None)
        return naive
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    if pd.api.types.is_integer_dtype(values.dtype):
        rounded = bool((values >= _EXACT).any() or (values <= -_EXACT).any())
        return _digits(values.astype(object)) if rounded else values
    if values.dtype.kind != "O" and not pd.api.types.is_string_dtype(values.dtype):
        return values
    plain = values.astype(object)
    clean = pd.Series([_cell(v) for v in plain], index=values.index, dtype=object)
    return _digits(clean) if any(_is_whole(v) and abs(v) >= _EXACT for v in clean) else clean


def _digits(values: pd.Series[Any]) -> pd.Series[Any]:
    """Whole numbers as text with all their digits; other values as they are."""
    texts = [str(int(v)) if _is_whole(v) else v for v in values]
    return pd.Series(texts, index=values.index, dtype=object)


def _is_whole(value: Any) -> bool:
    if isinstance(value, decimal.Decimal):
        return value.is_finite() and value == value.to_integral_value()
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _cell(value: Any) -> Any:
    """A text that a sheet can store, made inert after the characters that it cannot are gone."""
    if not isinstance(value, str):
        return value
    text = _ILLEGAL.sub("", value)
    return (f"'{text}" if _FORMULA.match(text) else text)[:EXCEL_TEXT]
