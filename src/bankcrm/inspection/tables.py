"""The tables that a folder or a database holds: files of one kind together, sheets, tables."""

from __future__ import annotations

import contextlib
import csv
import glob
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa

from bankcrm.book.mapping import Formats, FrameMapping
from bankcrm.book.mapping.validation import SUFFIXES
from bankcrm.book.reading.problems import Problems
from bankcrm.book.reading.sources import batches_of_files
from bankcrm.book.reading.text_files import text_file
from bankcrm.databases.reading import Source, reading, table_query, tables_of
from bankcrm.errors import BankcrmError, DataError, MissingExtraError
from bankcrm.inspection.codes import own_words
from bankcrm.inspection.columns import SourceColumn
from bankcrm.policy import default_policy
from bankcrm.quality.measures.records import null_words
from bankcrm.report.words import rows_of

ENCODINGS = ("gb18030", "big5", "cp1252", "cp1250", "shift_jis", "euc_kr")
"""Encodings to offer for a file that is neither UTF-8 nor UTF-16."""

_SEPARATORS = (",", ";", "\t", "|")
_HEAD = 50
_SKIPPED = ("book.toml", "readme.md", "readme.txt")


@attrs.frozen(eq=False)
class SourceTable:
    """One table of the source, as the mapping of a frame names it.

    Attributes:
        place: ``file``, and perhaps ``sheet``, or ``table``.
        name: What its name says about its content: that of the file without its numbers, or sheet.
        columns: Its columns.
        rows: Its number of rows.
        about: How it is written, for people.
        formats: The encoding, header and separator, where they have to be stated.
        choices: What a person has to choose: entry of the formats -> the choices, the first of
            which is used to look further.
        missing: Words in it for a missing value.
    """

    place: dict[str, str]
    name: str
    columns: dict[str, SourceColumn] = attrs.field(repr=False)
    rows: int
    about: str = ""
    formats: Formats = attrs.field(factory=Formats)
    choices: dict[str, list[str]] = attrs.field(factory=dict)
    missing: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        """The table in a sentence."""
        sheet = f" ({self.place['sheet']})" if "sheet" in self.place else ""
        return self.place.get("table") or self.place["file"] + sheet


def tables_of_folder(folder: Path, problems: list[str]) -> list[SourceTable]:
    """The tables of a folder; what cannot be read is added to ``problems``.

    Files with the same header, whose names differ only in numbers, are one table.
    """
    found: list[SourceTable] = []
    for files in _alike(folder, problems):
        try:
            excel = files[0].suffix.lower() == ".xlsx"
            found += _of_excel(files) if excel else [_of_files(files)]
        except (BankcrmError, OSError) as error:
            problems.append(str(error))
    return found


def tables_of_database(database: Source, problems: list[str]) -> list[SourceTable]:
    """The tables and views of a database."""
    found: list[SourceTable] = []
    names = tables_of(database)
    with reading(database) as read:
        for name in names:
            try:
                parts = list(read(table_query(database, name)))
                table = pa.concat_tables(parts, promote_options="permissive")
                found.append(_table({"table": name}, name, table, rows_of(len(table))))
            except (BankcrmError, pa.ArrowException) as error:
                problems.append(f"{name}: {error}")
    return found


def _alike(folder: Path, problems: list[str]) -> list[list[Path]]:
    """The files of the folder, those of one kind together."""
    groups: dict[tuple[str, Any], list[Path]] = {}
    for path in sorted(folder.glob("[!.]*")):
        if path.is_dir() or path.name.lower() in _SKIPPED:
            continue
        if path.suffix.lower() not in SUFFIXES:
            problems.append(f"{path.name}: not looked at; expected one of {', '.join(SUFFIXES)}")
            continue
        pattern = re.sub(r"\d+", "*", path.name)
        groups.setdefault((pattern, _head_of(path)), []).append(path)
    patterns = [pattern for pattern, _ in groups]
    whole = [g for (p, _), g in groups.items() if patterns.count(p) == 1]
    alone = [[f] for (p, _), g in groups.items() if patterns.count(p) > 1 for f in g]
    return [*whole, *alone]


def _head_of(path: Path) -> object:
    """What files of one kind have in common: their first line without its numbers, or columns."""
    try:
        if path.suffix.lower() == ".parquet":
            return tuple(pa.parquet.read_schema(path).names)
        if path.suffix.lower() == ".xlsx":
            return tuple((name, tuple(rows[:1])) for name, rows in _sheets(path).items())
    except (BankcrmError, OSError, pa.ArrowInvalid):
        return path.name  # is reported when it is read
    with path.open("rb") as file:
        return re.sub(rb"\d+", b"*", file.readline())


def _of_files(files: list[Path]) -> SourceTable:
    """One table of all files of a kind."""
    path = files[0]
    formats = Formats()
    choices: dict[str, list[str]] = {}
    about: list[str] = []
    if path.suffix.lower() != ".parquet":
        formats, choices, about = _recognised(path)
    mapping = FrameMapping(formats=_chosen(formats, choices))
    table, faults = _joined(files, mapping)
    place, kind = _place(files)
    made = _table({"file": place}, re.sub(r"[\d_]+$", "", path.stem), table, "")
    about = [rows_of(len(table)), *kind, *about, *faults]
    return attrs.evolve(made, about=", ".join(about), formats=formats, choices=choices)


def _joined(files: list[Path], mapping: FrameMapping) -> tuple[pa.Table, list[str]]:
    """The rows of files of one kind, and what is wrong with them."""
    problems = Problems(files[0].name)
    parts = [b.table for b in batches_of_files(files, mapping, (), problems)]
    if not parts:
        advice = "; ".join(f.advice for f in problems.faults)
        raise DataError(advice or f"{files[0].name}: no row")
    faults = [str(attrs.evolve(f, frame="", advice="")).lstrip(": ") for f in problems.faults]
    return pa.concat_tables(parts, promote_options="permissive"), faults


def _place(files: list[Path]) -> tuple[str, list[str]]:
    """The name of a file, or the pattern of several and how many they are."""
    name = glob.escape(files[0].name)
    if len(files) == 1:
        return name, []
    return re.sub(r"\d+", "*", name), [f"{len(files)} files"]


def _chosen(formats: Formats, choices: dict[str, list[str]]) -> Formats:
    chosen: dict[str, Any] = {entry: found[0] for entry, found in choices.items()}
    return attrs.evolve(formats, **chosen)


def _recognised(path: Path) -> tuple[Formats, dict[str, list[str]], list[str]]:
    """Encoding, header and separator of a text file: as read anyway, as stated, or to be chosen."""
    choices: dict[str, list[str]] = {}
    stated: dict[str, Any] = {}
    try:
        encoding = text_file(path, Formats(separator=","), (), keep=False).encoding
    except DataError:
        fitting = _encodings(path)
        if not fitting:
            raise
        encoding = stated["encoding"] = fitting[0]
        if len(fitting) > 1:
            choices["encoding"] = fitting
    headers = _headers(path, encoding)
    first = next(iter(headers.values()), 1)
    separators = [s for s, line in headers.items() if line == first]
    if first > 1:
        stated["header"] = first
    usual = _separator(path, Formats(**stated))
    if len(separators) > 1:
        choices["separator"] = separators
    elif separators and separators[0] != usual:
        stated["separator"] = separators[0]
    formats = Formats(**{k: v for k, v in stated.items() if k not in choices})
    separator = (separators or [usual or ","])[0]
    about = [encoding, f"separator {'tab' if separator == chr(9) else repr(separator)}"]
    return formats, choices, [*about, *_about_header(stated.get("header"))]


def _about_header(line: int | None) -> list[str]:
    return [f"header in line {line}"] if line else []


def _encodings(path: Path) -> list[str]:
    """Encodings in which a file gives different texts."""
    found: dict[str, str] = {}
    content = path.read_bytes()
    for encoding in ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text not in found.values():
            found[encoding] = text
    return list(found)


def _separator(path: Path, formats: Formats) -> str | None:
    """The separator with which a file is read if none is stated."""
    try:
        return text_file(path, formats, (), keep=False).separator
    except DataError:
        return None


def _headers(path: Path, encoding: str) -> dict[str, int]:
    """The separators that give the first rows all one width, the widest first -> header's line."""
    found: dict[str, tuple[int, int]] = {}
    with path.open(encoding=encoding, newline="") as file:
        head = list(itertools.islice(file, _HEAD))
    for separator in ["\t"] if path.suffix.lower() == ".tsv" else _SEPARATORS:
        reader = csv.reader(head, delimiter=separator)
        rows: dict[int, list[str]] = {}
        line = 1
        for row in reader:
            rows[line] = row
            line = reader.line_num + 1
        if fitting := _header(rows):
            found[separator] = fitting
    return {s: found[s][0] for s in sorted(found, key=lambda s: -found[s][1])}


def _header(rows: Mapping[int, Sequence[str]]) -> tuple[int, int] | None:
    """The number of the row that names the columns, and its width, where all rows below fit it.

    A title above has fewer cells, or mostly empty ones.

    >>> _header({1: ["Movements", "", ""], 2: [], 3: ["no", "day", "sum"], 4: ["1", "", "5"]})
    (3, 3)
    """
    filled = {n: row for n, row in rows.items() if any(cell.strip() for cell in row)}
    if not filled:
        return None
    width = len(filled[max(filled)])
    for number, row in filled.items():
        if len(row) == width and 2 * sum(bool(cell.strip()) for cell in row) > width > 1:
            below = [len(r) for n, r in filled.items() if n > number]
            return (number, width) if set(below) <= {width} else None
    return None


def _sheets(path: Path) -> dict[str, list[tuple[str, ...]]]:
    """The first rows of each sheet of a workbook.

    Raises:
        DataError: It cannot be read.
        MissingExtraError: The extra ``report`` is not installed.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise MissingExtraError(error.name or "openpyxl", "report") from None
    try:
        with contextlib.closing(openpyxl.load_workbook(path, read_only=True)) as book:
            return {
                sheet.title: [
                    tuple("" if cell is None else str(cell) for cell in row)
                    for row in sheet.iter_rows(max_row=_HEAD, values_only=True)
                ]
                for sheet in book.worksheets
            }
    except Exception as error:  # zipfile, KeyError and more, by what is broken
        raise DataError(f"{path.name}: cannot be read as Excel: {error}") from None


def _of_excel(files: list[Path]) -> Iterator[SourceTable]:
    """One table per sheet of workbooks of one kind that has a row."""
    place, kind = _place(files)
    sheets = _sheets(files[0])
    for sheet, head in sheets.items():
        header = _header(dict(enumerate(head, start=1)))
        formats = Formats(header=header[0] if header and header[0] > 1 else None)
        table, faults = _joined(files, FrameMapping(sheet=sheet, formats=formats))
        if table.num_columns:
            numbered = len(sheets) == 1 or re.fullmatch(r"(Sheet|工作表)\d*", sheet)
            about = [f"sheet {sheet!r}", rows_of(len(table)), *kind]
            about += [*_about_header(formats.header), *faults]
            made = _table(
                {"file": place, "sheet": sheet},
                re.sub(r"[\d_]+$", "", files[0].stem) if numbered else sheet,
                table,
                ", ".join(about),
            )
            yield attrs.evolve(made, formats=formats)


def _table(place: dict[str, str], name: str, table: pa.Table, about: str) -> SourceTable:
    columns = [SourceColumn(n, table[n]) for n in table.column_names]
    nulls = null_words(default_policy("quality"))
    missing: set[str] = set()
    own: set[str] = set()
    for column in columns:
        if column.text and (words := column.among(nulls)):
            missing |= words
            own |= own_words(column.words, words)
    missing -= own
    found = {c.name: c.without(missing) for c in columns}
    return SourceTable(place, name, found, len(table), about, missing=frozenset(missing))
