"""The files of a frame: which are read, what their rows are called, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from bankcrm.book.mapping import Formats, FrameMapping
from bankcrm.book.reading.problems import Problems, RowPlace, TextPlace
from bankcrm.book.reading.sources import (
    _excel,
    _excel_cells,
    _names,
    arrow_of,
    batches_of_files,
    files_of_frame,
    frame_batch,
)
from bankcrm.book.reading.text_files import (
    TextFile,
    _is_chinese,
    _stated_encoding,
    text_file,
)
from bankcrm.errors import DataError


def batches(files: list[Path], formats: Formats | None = None, **options: Any) -> Any:
    problems = Problems("customers")
    mapping = FrameMapping(formats=formats or Formats())
    return list(batches_of_files(files, mapping, ("a",), problems, **options)), problems


def test_a_frame_has_the_one_file_of_its_name_or_the_files_that_its_mapping_names(
    tmp_path: Path,
) -> None:
    assert files_of_frame(tmp_path, "loans", FrameMapping()) == []
    with pytest.raises(DataError, match=r"no file 'a\*\.csv' in .*; present: nothing"):
        files_of_frame(tmp_path, "loans", FrameMapping(file="a*.csv"))
    made = [tmp_path / n for n in ("loans.csv", "a1.csv", "a2.csv", "[b].csv", ".hidden")]
    for path in made:
        path.write_text("a\n")
    assert files_of_frame(tmp_path, "loans", FrameMapping()) == made[:1]
    assert files_of_frame(tmp_path, "loans", FrameMapping(file="a*.csv")) == made[1:3]
    assert files_of_frame(tmp_path, "loans", FrameMapping(file="[b].csv")) == made[3:4]
    with pytest.raises(DataError, match=r"present: \[b\]\.csv, a1\.csv, a2\.csv, loans\.csv; did"):
        files_of_frame(tmp_path, "loans", FrameMapping(file="a.csv"))
    (tmp_path / "loans.parquet").touch()
    with pytest.raises(DataError, match=r"exists twice: loans\.csv and loans\.parquet"):
        files_of_frame(tmp_path, "loans", FrameMapping())


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["csv", "parquet", "xlsx"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_rows_are_named_by_their_file_where_a_frame_has_several(
    kind: str, count: int, stream: bool, tmp_path: Path
) -> None:
    """A file of text or of Excel counts lines, from the header on; Parquet counts rows from 0."""
    frame = pd.DataFrame({"a": ["x", "y", "z"]})
    files = [tmp_path / f"{n}.{kind}" for n in range(count)]
    for path in files:
        if kind == "csv":
            frame.to_csv(path, index=False)
        elif kind == "parquet":
            frame.to_parquet(path)
        else:
            pytest.importorskip("openpyxl")
            frame.to_excel(path, index=False)
    found, _ = batches(files, stream=stream)
    found = [b for b in found if len(b.table)]
    word, first = {"csv": ("line", 2), "parquet": ("row", 0), "xlsx": ("row", 2)}[kind]
    for path, batch in zip(files, found, strict=True):
        before = f"{path.name} " if count > 1 else ""
        assert batch.place.source == before.strip()
        assert batch.place.labels([0, 2]) == [f"{before}{word} {first + n}" for n in (0, 2)]
        assert batch.table["a"].to_pylist() == ["x", "y", "z"]


def test_rows_of_a_later_part_count_on(tmp_path: Path) -> None:
    rows = 70_000  # Arrow gives at most 65,536 rows of a Parquet file at a time
    pd.DataFrame({"a": range(rows)}).to_parquet(tmp_path / "t.parquet")
    found, _ = batches([tmp_path / "t.parquet"], stream=True)
    assert len(found) > 1
    first = 0
    for batch in found:
        assert batch.place.labels([0]) == [f"row {first}"]
        assert batch.table["a"][0].as_py() == first
        first += len(batch.table)
    assert first == rows
    file = TextFile(_lines(tmp_path, "a,b", "1,2", "3,4", "5,6"), "utf-8", ",", ("a", "b"), False)
    assert TextPlace(file).labels([0, 2, 3]) == ["line 2", "line 4", "line ?"]
    assert TextPlace(file, first=1).labels([0, 1]) == ["line 3", "line 4"]


def _lines(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path = folder / "t.csv"
    path.write_text("\n".join([*lines, ""]), encoding=encoding)
    return path


@pytest.mark.parametrize("stated", [None, "gb18030"])
def test_an_encoding_that_was_concluded_is_noted_once_per_file(
    stated: str | None, tmp_path: Path
) -> None:
    path = _lines(tmp_path, "a,b", "账户,一线城市", encoding="gb18030")
    for formats in (Formats(encoding=stated), Formats(encoding=stated, missing=("一线城市",))):
        found, problems = batches([path], formats)
        expected = {} if stated else {"t.csv was read as gb18030": 1}
        assert dict(problems.notes) == expected
        cell = None if formats.missing else "一线城市"
        assert [b.table["b"].to_pylist() for b in found] == [[cell]]


@pytest.mark.parametrize("stream", [False, True])
def test_a_text_is_kept_where_it_is_decoded_and_read_at_once(stream: bool, tmp_path: Path) -> None:
    for encoding in ("utf-8", "gb18030"):
        path = _lines(tmp_path, "a,b", "账户,一线城市", encoding=encoding)
        file = text_file(path, Formats(encoding=encoding), (), keep=not stream)
        kept = encoding != "utf-8" and not stream
        assert file.text == ("a,b\n账户,一线城市\n".encode() if kept else None)
        assert "账户" not in repr(file)
        assert repr(file).endswith("above=0)")
        found, _ = batches([path], Formats(encoding=encoding), stream=stream)
        assert [b.place.file.text for b in found if len(b.table)] == [file.text]


def test_rows_of_another_width_are_counted_and_left_out(tmp_path: Path) -> None:
    path = _lines(tmp_path, "a,b", "1,2", "3", "4,5,6", "7,8")
    (batch,), problems = batches([path])
    assert batch.table["a"].to_pylist() == ["1", "7"]
    (fault,) = problems.faults
    assert (fault.problem, fault.count) == ("ragged", 2)
    assert fault.examples == ("line 3: 1 fields", "line 4: 3 fields")
    (batch,), problems = batches([_lines(tmp_path, "a,b", "1,2")])
    assert not problems.faults


def test_names_of_columns_are_unique_and_a_requested_one_is_there_once() -> None:
    for requested, refused in (({"a"}, True), ({"b", "c"}, False)):
        problems = Problems("customers")
        file = TextFile(Path("t.csv"), "utf-8", ",", ("a", " a", "", "b "), False)
        assert _names(file, requested, problems) == ["a", "a.2", ".3", "b"]
        assert [f.problem for f in problems.faults] == ["repeated_column"] * refused


def test_numbers_of_a_sheet_have_at_most_fifteen_digits() -> None:
    for number in (10**15 - 1, 10**15, 10**15 + 1):
        for sign in (1, -1):
            values = pd.Series([1, None, sign * number, sign * number], dtype=object)
            if number < 10**15:
                assert _excel_cells("n", values, Path("t")).to_pylist() == values.tolist()
            else:
                with pytest.raises(DataError, match="'n' has 2 numbers of 16 digits"):
                    _excel_cells("n", values, Path("t"))
    assert _excel_cells("n", pd.Series([], dtype="int64"), Path("t")).to_pylist() == []


@pytest.mark.parametrize("header", [None, 1, 2, 4])
def test_rows_of_a_sheet_are_those_below_its_header_that_are_not_blank(
    header: int | None, tmp_path: Path
) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [*[["title"]] * ((header or 1) - 1), [" a", "b"], ["x", 1], [], [None, 2]]:
        book.active.append(row)
    book.create_sheet("other").append(["a"])
    path = tmp_path / "t.xlsx"
    book.save(path)
    batch = _excel(path, FrameMapping(formats=Formats(header=header)), False)
    assert batch.table.to_pydict() == {"a": ["x", None], "b": [1, 2]}
    start = (header or 1) + 1
    assert batch.place.labels([0, 1]) == [f"row {start}", f"row {start + 2}"]
    assert batch.place.source == ""


@pytest.mark.parametrize("suffix", ["parquet", "xlsx"])
def test_a_damaged_file_is_a_problem_of_its_frame(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"t.{suffix}"
    path.write_bytes(b"no such file")
    found, problems = batches([path])
    assert not found
    (fault,) = problems.faults
    assert fault.problem == "unreadable"
    assert f"t.{suffix}: " in str(fault)


def test_a_column_in_memory_is_typed_or_text_and_has_no_nan() -> None:
    assert arrow_of(pd.Series([1.5, math.nan])).to_pylist() == [1.5, None]
    mixed = arrow_of(pd.Series([1, "x", None, math.nan], dtype=object))
    assert mixed.to_pylist() == ["1", "x", None, None]
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]}, index=["p", "q"])
    batch = frame_batch(frame, {"b", "c"})
    assert batch.table.to_pydict() == {"b": [3, 4]}
    assert batch.place.labels([1]) == ["row q"]
    empty = frame_batch(frame, set()).table
    assert (empty.num_rows, empty.column_names) == (2, [])
    table = frame_batch(pa.table({"a": [1], "b": [2]}), {"b"})
    assert table.table.to_pydict() == {"a": [1], "b": [2]}
    assert table.place.labels([0]) == ["row 0"]
    assert RowPlace(pd.Index([5]), Path("x/t.csv")).labels([0]) == ["t.csv row 5"]


def test_each_character_counts_once_as_frequent_or_not() -> None:
    """Also at the edges of a row of GB 2312, and of the rows that it leaves to users."""
    for lead in (0xA1, 0xA9, 0xB0, 0xD7):
        assert _is_chinese(bytes((lead, 0xA1)) + b"\x7f,1")
        assert not _is_chinese(bytes((lead, 0xA1)) + "\x80".encode("gb18030"))
    for lead in (0xAA, 0xAF, 0xD8, 0xF8, 0xFE):
        assert not _is_chinese(bytes((lead, 0xA1)))
    for lead in (0xB0, 0xD6):
        assert not _is_chinese(bytes((lead, 0xA0)))


@pytest.mark.parametrize("stated", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030"])
def test_a_stated_encoding_does_not_contradict_the_mark(stated: str, tmp_path: Path) -> None:
    for mark in ("utf-8-sig", "utf-16"):
        path = _lines(tmp_path, "a,b", "1,2", encoding=mark)
        if stated[:5] == mark[:5]:
            assert _stated_encoding(path, stated) == mark
        else:
            with pytest.raises(DataError, match=f"begins with the mark of {mark}, but"):
                _stated_encoding(path, stated)
