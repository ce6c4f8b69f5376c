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

from bankcrm.errors import DataError
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


def test_what_a_spreadsheet_does_not_show_is_passed_over() -> None:
    """Of every character: before a sign, one that is not shown hides the formula of nobody."""
    shown = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2}  # signs around numbers
    fillers = {0x34F, 0x115F, 0x1160, 0x2065, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10), 0xFFF9}
    blank = ("Cc", "Cf", "Zs", "Zl", "Zp")
    points = [*range(0xD800), *range(0xE000, 0x10000)]
    before = [chr(point) for point in points]
    after = inert(pd.Series([sign + "=1" for sign in before]))
    guarded = {p for p, text in zip(points, after, strict=True) if text.startswith("'")}
    hidden = {p for p in points if unicodedata.category(chr(p)) in blank} - shown | fillers
    assert guarded == hidden | set(map(ord, ACTIVE)) | {ord("'")}


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


@pytest.mark.parametrize("dtype", ["int64", "Int64", "object", "category"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_number_of_sixteen_digits_is_a_text(sign: int, dtype: str) -> None:
    """A spreadsheet keeps fifteen; then the whole column is text, the short numbers too."""
    for number, text in ((10**15 - 1, False), (10**15, True)):
        file = io.BytesIO()
        write_excel({"n": pd.DataFrame({"n": pd.Series([sign * number, 7], dtype=dtype)})}, file)
        sheet = openpyxl.load_workbook(file)["n"]
        kept = [str(sign * number), "7"] if text else [sign * number, 7]
        assert [row[0] for row in sheet.values][1:] == kept


def test_what_is_no_whole_number_stays_beside_a_long_one() -> None:
    values = [10**15, True, 1.5, Decimal("NaN"), Decimal("2.50"), Decimal(3), None, "x"]
    file = io.BytesIO()
    write_excel({"n": pd.DataFrame({"n": pd.Series(values, dtype=object)})}, file)
    rows = list(openpyxl.load_workbook(file)["n"].values)[1:]
    assert [row[0] for row in rows][:3] == [str(10**15), True, 1.5]
    assert [row[0] for row in rows][4:] == [2.5, "3", None, "x"]


def test_a_sheet_has_fixed_headings_and_texts_that_fit() -> None:
    file = io.BytesIO()
    texts = ["x" * 32_767, "x" * 32_768, "=" * 32_767]
    frame = pd.DataFrame({"=1": texts, "n": range(3), "n\x01": range(3, 6)})
    write_excel({"s": frame}, file)
    sheet = openpyxl.load_workbook(file)["s"]
    assert sheet.freeze_panes == "B2"
    rows = list(sheet.values)
    assert rows[0] == ("'=1", "n", "n"), "no column is lost where headings become the same"
    assert [row[1:] for row in rows[1:]] == [(0, 3), (1, 4), (2, 5)]
    assert [len(str(row[0])) for row in rows[1:]] == [32_767] * 3
    assert str(rows[3][0]).startswith("'=")


def test_days_instants_and_codes_of_a_file(tmp_path: Path) -> None:
    """Days where no row has a time of day; a missing code is empty, and is not another's text."""
    frame = pd.DataFrame(
        {
            "day": pd.to_datetime(["2026-06-30", None, "2026-01-01"]),
            "time": pd.to_datetime(["2026-06-30 10:30:15.5", None, "2026-01-01"], format="ISO8601"),
            "code": pd.Categorical(["b", None, "a"], ["b", "a"]),
            "number": pd.Series([1.5, float("nan"), -2.0]),
            "=x": [None, "y", "=z"],
        }
    )
    write_csv(frame, tmp_path / "t.csv", index=False)
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["day", "time", "code", "number", "'=x"],
        ["2026-06-30", "2026-06-30 10:30:15", "b", "1.5", ""],
        ["", "", "", "", "y"],
        ["2026-01-01", "2026-01-01 00:00:00", "a", "-2", "'=z"],
    ]
    for values in ([None, 1.5], [None, "x"]):  # a line of one empty cell is still a line
        write_csv(pd.DataFrame({"one": values}), tmp_path / "one.csv", index=False)
        with (tmp_path / "one.csv").open(encoding="utf-8", newline="") as file:
            cells = list(csv.reader(file))
        assert cells[1:] == [[""], [str(values[1])]]


def test_a_sheet_has_a_heading_and_a_million_rows() -> None:
    long = pd.DataFrame(index=range(1_048_576))
    with pytest.raises(DataError, match=r"1,048,576 rows.*at most 1,048,575; .*Parquet"):
        write_excel({"long": long}, io.BytesIO())
    with pytest.raises(DataError, match="sheets: none"):
        write_excel({}, io.BytesIO())
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(DataError, match="sheet 's': two columns have one name"):
        write_excel({"s": twice}, io.BytesIO())


def test_nulls_of_every_kind_are_empty_cells(tmp_path: Path) -> None:
    """Days are dates where all are whole; a column of nulls alone keeps its lines."""
    frame = pd.DataFrame(
        {
            "n": [1.5, None],
            "k": pd.array([None, 7], dtype="Int64"),
            "yes": pd.array([True, None], dtype="boolean"),
            "day": pd.to_datetime(["2026-06-30", None]),
            "time": pd.to_datetime([None, "2026-06-30 10:11:12"]),
            "zoned": pd.to_datetime(["2026-06-30 10:00+08:00", None]),
            "text": ["a", None],
            "code": pd.Categorical([None, "b"]),
            "mixed": pd.Series([1, None], dtype=object),
        }
    )
    write_csv(frame, tmp_path / "t.csv", index=False)
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        first, second = list(csv.reader(file))[1:]
    assert first == [
        *("1.5", "", "true", "2026-06-30", "", "2026-06-30 10:00:00+08:00", "a", "", "1")
    ]
    assert second == ["", "7", "", "", "2026-06-30 10:11:12", "", "", "b", ""]
    write_csv(frame[["text"]].assign(text=None), tmp_path / "t.csv", index=False)
    assert (tmp_path / "t.csv").read_text() == '"text"\n""\n""\n'
