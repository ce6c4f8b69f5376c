"""CSV for spreadsheets: nothing in a cell can run, and nothing else changes."""

from __future__ import annotations

import csv
import io
import re
import tempfile
import unicodedata
from decimal import Decimal
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.report import write_csv, write_excel
from bankcrm.report.tables import FORMULA, inert

CARD = 6222021234567890123
LONG_IDS = {
    "int64": pd.Series([CARD, CARD + 1]),
    "nullable": pd.Series([CARD, None], dtype="Int64"),
    "uint64": pd.Series([2**64 - 1, 1], dtype="uint64"),
    "arrow": pd.Series([CARD, -CARD], dtype="int64[pyarrow]"),
    "category": pd.Series([CARD, CARD + 1], dtype="category"),
    "object": pd.Series([CARD, "x"], dtype=object),
    "beyond 64 bits": pd.Series([10**30, 10**30 + 1], dtype=object),
    "decimal": pd.Series([Decimal(CARD), Decimal(CARD + 1)], dtype=object),
    "text": pd.Series([str(CARD), "007"]),
    "signed text": pd.Series(["+8613912345678", f"-{CARD}"]),
}

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)


ACTIVE = "=+-@\uff1d\uff0b\uff0d\uff20\u2212"
PASSED_OVER = "\t\r\n \xa0\u3000\u200b\u200e\ufeff\x01\x1f\xad\u2060"
hostile = st.builds(
    lambda before, sign, rest: before + sign + rest,
    st.text(st.sampled_from(PASSED_OVER + "'"), max_size=4),
    st.sampled_from([*ACTIVE, ""]),
    texts,
)


def runs(text: str) -> bool:
    """Whether a spreadsheet might run a cell: told apart from the pattern of the library."""
    stripped = text.strip()
    while stripped and unicodedata.category(stripped[0]) in ("Cc", "Cf", "Zs", "Zl", "Zp"):
        stripped = stripped[1:].strip()
    signed = stripped[:1] in ACTIVE[1:3] + ACTIVE[5:7] + ACTIVE[8:] and stripped[1:].isascii()
    number = signed and stripped[1:].isdigit()
    return bool(stripped) and stripped[0] in ACTIVE and not number


@given(st.lists(st.none() | texts | hostile))
def test_no_text_starts_a_formula_and_the_rest_is_kept(values: list[str | None]) -> None:
    for dtype in (object, "string", "category"):
        safe = inert(pd.Series(values, dtype=dtype)).tolist()
        for before, after in zip(values, safe, strict=True):
            if before is None:
                assert pd.isna(after)
                continue
            assert not runs(after)
            assert after == "'" + before if runs(before) else after in (before, "'" + before)
            taken_off = after[1:] if after[:1] == "'" and re.match(FORMULA, after[1:]) else after
            assert taken_off == before, "the guard can be undone"


@given(st.lists(hostile, min_size=1, max_size=5), hostile)
def test_no_cell_or_heading_of_a_file_runs(values: list[str], heading: str) -> None:
    frame = pd.DataFrame({heading: values})
    with tempfile.TemporaryDirectory() as name:
        write_csv(frame, Path(name) / "t.csv", index=False)
        with (Path(name) / "t.csv").open(encoding="utf-8", newline="") as file:
            written = [cell for row in csv.reader(file) for cell in row]
        write_excel({"s": frame}, Path(name) / "t.xlsx")
        sheet = openpyxl.load_workbook(Path(name) / "t.xlsx")["s"]
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert not any(runs(cell) for cell in written)
    assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
    assert not any(runs(cell.value) for cell in cells if isinstance(cell.value, str))


@pytest.mark.parametrize("values", [[1.5, -2.0], [1, -2], [True, False]])
def test_numbers_are_left_alone(values: list[float]) -> None:
    series = pd.Series(values)
    assert inert(series) is series


def test_categories_of_whole_numbers_with_a_null_are_written(tmp_path: Path) -> None:
    frame = pd.DataFrame({"grade": pd.Categorical([2, None, 1])})
    write_excel({"customers": frame}, tmp_path / "book.xlsx")
    rows = openpyxl.load_workbook(tmp_path / "book.xlsx")["customers"].iter_rows(values_only=True)
    assert [row[0] for row in rows] == ["grade", 2, None, 1]
    write_csv(frame, tmp_path / "grades.csv")
    assert (tmp_path / "grades.csv").read_text("utf-8-sig").split() == [
        '"index","grade"',
        "0,2",
        "1,",
        "2,1",
    ]


def test_the_caller_keeps_the_frame(tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": ["=1+1", "Ann"]}, index=pd.Index(["@x", "y"], name="id"))
    before = frame.copy()
    write_csv(frame, tmp_path / "t.csv")
    pd.testing.assert_frame_equal(frame, before)
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["id", "name"], ["'@x", "'=1+1"], ["y", "Ann"]]


@pytest.mark.parametrize("kind", LONG_IDS)
def test_ids_keep_every_digit(kind: str, tmp_path: Path) -> None:
    ids = LONG_IDS[kind]
    exact = ["" if pd.isna(v) else str(v) for v in ids]
    frame = pd.DataFrame({"id": ids})
    write_csv(frame, tmp_path / "t.csv", index=False)
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        assert [row[0] for row in csv.reader(file)][1:] == exact
    write_excel({"ids": frame}, tmp_path / "t.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx")["ids"]
    assert [str(row[0] or "") for row in sheet.values][1:] == exact


@given(st.lists(st.integers(-(10**15) + 1, 10**15 - 1), min_size=1, max_size=5))
def test_numbers_that_a_spreadsheet_keeps_stay_numbers(values: list[int]) -> None:
    file = io.BytesIO()
    write_excel({"n": pd.DataFrame({"n": values})}, file)
    sheet = openpyxl.load_workbook(file)["n"]
    assert [row[0] for row in sheet.values][1:] == values
