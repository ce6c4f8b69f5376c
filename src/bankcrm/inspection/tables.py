"""The tables that a folder or a database holds: files of one kind together, sheets, tables."""

from __future__ import annotations

import csv
import glob
import itertools
import re
from collections.abc import Iterator
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
from bankcrm.inspection.columns import SourceColumn, missing_words, without
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
        formats: The encoding and the separator, where they have to be stated.
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
            found += (
                _of_excel(files[0]) if files[0].suffix.lower() == ".xlsx" else [_of_files(files)]
            )
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
        head = path.name if path.suffix.lower() == ".xlsx" else _first_bytes(path)
        groups.setdefault((pattern, head), []).append(path)
    patterns = [pattern for pattern, _ in groups]
    whole = [g for (p, _), g in groups.items() if patterns.count(p) == 1]
    alone = [[f] for (p, _), g in groups.items() if patterns.count(p) > 1 for f in g]
    return [*whole, *alone]


def _first_bytes(path: Path) -> bytes:
    """The first line, by which files of one kind are known; that of Parquet is its columns."""
    if path.suffix.lower() == ".parquet":
        try:
            return str(pa.parquet.read_schema(path).names).encode()
        except (pa.ArrowInvalid, OSError):
            return path.name.encode()
    with path.open("rb") as file:
        return file.readline()


def _of_files(files: list[Path]) -> SourceTable:
    """One table of all files of a kind."""
    path = files[0]
    formats = Formats()
    choices: dict[str, list[str]] = {}
    about: list[str] = []
    if path.suffix.lower() != ".parquet":
        formats, choices, about = _recognised(path)
    problems = Problems(path.name)
    parts = [
        b.table
        for b in batches_of_files(
            files, FrameMapping(formats=_chosen(formats, choices)), (), problems
        )
    ]
    if not parts:
        raise DataError("; ".join(f.advice for f in problems.faults) or f"{path.name}: no row")
    table = pa.concat_tables(parts, promote_options="permissive")
    pattern = glob.escape(path.name)
    if len(files) > 1:
        pattern = re.sub(r"\d+", "*", pattern)
        about.insert(0, f"{len(files)} files")
    for fault in problems.faults:
        about.append(str(attrs.evolve(fault, frame="", advice="")).lstrip(": "))
    made = _table({"file": pattern}, re.sub(r"[\d_]+$", "", path.stem), table, "")
    return attrs.evolve(
        made, about=", ".join([rows_of(len(table)), *about]), formats=formats, choices=choices
    )


def _chosen(formats: Formats, choices: dict[str, list[str]]) -> Formats:
    return attrs.evolve(formats, **{entry: found[0] for entry, found in choices.items()})


def _recognised(path: Path) -> tuple[Formats, dict[str, list[str]], list[str]]:
    """Encoding and separator of a text file: as it is read anyway, as stated, or to be chosen."""
    choices: dict[str, list[str]] = {}
    stated: dict[str, str] = {}
    try:
        encoding = text_file(path, Formats(separator=","), (), keep=False).encoding
    except DataError:
        fitting = _encodings(path)
        if not fitting:
            raise
        encoding = stated["encoding"] = fitting[0]
        if len(fitting) > 1:
            choices["encoding"] = fitting
    separators = _separators(path, encoding)
    usual = _separator(path, Formats(**stated))
    if len(separators) > 1:
        choices["separator"] = separators
    elif separators and separators[0] != usual:
        stated["separator"] = separators[0]
    formats = Formats(**{k: v for k, v in stated.items() if k not in choices})
    separator = (separators or [usual or ","])[0]
    name = "tab" if separator == "\t" else repr(separator)
    return formats, choices, [encoding, f"separator {name}"]


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


def _separators(path: Path, encoding: str) -> list[str]:
    """The separators that give the first rows all one width, the widest first."""
    if path.suffix.lower() == ".tsv":
        return ["\t"]
    with path.open(encoding=encoding, newline="") as file:
        head = [line for line in itertools.islice(file, _HEAD) if line.strip()]
    widths = {s: {len(row) for row in csv.reader(head, delimiter=s)} for s in _SEPARATORS}
    fitting = {s: max(found) for s, found in widths.items() if len(found) == 1 and max(found) > 1}
    return sorted(fitting, key=lambda s: -fitting[s])


def _of_excel(path: Path) -> Iterator[SourceTable]:
    """One table per sheet of a workbook that has a row."""
    try:
        import openpyxl
    except ImportError as error:
        raise MissingExtraError(error.name or "openpyxl", "report") from None
    try:
        book = openpyxl.load_workbook(path, read_only=True)
        sheets = list(book.sheetnames)
        book.close()
    except Exception as error:  # zipfile, KeyError and more, by what is broken
        raise DataError(f"{path.name}: cannot be read as Excel: {error}") from None
    for sheet in sheets:
        problems = Problems(sheet)
        [*parts] = batches_of_files([path], FrameMapping(sheet=sheet), (), problems)
        if not parts:
            raise DataError("; ".join(f.advice for f in problems.faults))
        table = parts[0].table
        if table.num_columns:
            place = {"file": glob.escape(path.name), "sheet": sheet}
            name = (
                sheet
                if len(sheets) > 1 and not re.fullmatch(r"(Sheet|工作表)\d*", sheet)
                else path.stem
            )
            yield _table(place, name, table, f"sheet {sheet!r}, {rows_of(len(table))}")


def _table(place: dict[str, str], name: str, table: pa.Table, about: str) -> SourceTable:
    missing: set[str] = set()
    own: set[str] = set()
    for column in table.column_names:
        if words := missing_words(table[column]):
            missing |= words
            own |= own_words(SourceColumn(column, table[column]).words, words)
    missing -= own
    columns = {n: SourceColumn(n, without(table[n], missing)) for n in table.column_names}
    return SourceTable(place, name, columns, len(table), about, missing=frozenset(missing))
