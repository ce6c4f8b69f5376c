"""CSV for spreadsheets: nothing in a cell can run, and nothing else changes."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.report import write_csv, write_excel
from bankcrm.report.tables import inert

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


@given(st.lists(st.none() | texts))
def test_no_text_starts_a_formula_and_the_rest_is_kept(values: list[str | None]) -> None:
    for dtype in (object, "string", "category"):
        safe = inert(pd.Series(values, dtype=dtype)).tolist()
        for before, after in zip(values, safe, strict=True):
            if before is None:
                assert pd.isna(after)
            elif before[:1] in ("+", "-") and re.fullmatch("[0-9]+", before[1:]):
                assert after == before, "a number with a sign runs nothing"
            elif before[:1] in ("=", "+", "-", "@", "\t", "\r"):
                assert after == "'" + before
            else:
                assert after == before


@pytest.mark.parametrize("values", [[1.5, -2.0], [1, -2], [True, False]])
def test_numbers_are_left_alone(values: list[float]) -> None:
    series = pd.Series(values)
    assert inert(series) is series


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
