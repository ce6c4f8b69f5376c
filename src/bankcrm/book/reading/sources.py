"""The sources of a frame: each gives its rows as batches of raw columns, text or typed.

A new kind of source, such as a table of a database, is one more function here: it yields `Batch`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
import pyarrow as pa

from bankcrm.book.mapping import Formats, FrameMapping
from bankcrm.book.mapping.validation import SUFFIXES
from bankcrm.book.reading.cells import Array
from bankcrm.book.reading.problems import Place, Problems, RowPlace, TextPlace
from bankcrm.book.reading.text_files import TextFile, text_file
from bankcrm.errors import DataError, MissingExtraError, nearest, reason_of
from bankcrm.frames import DataFault

_BLOCK = 1 << 24
"""Bytes of a text file that are read at a time where it is streamed."""


@attrs.frozen
class Batch:
    """Rows of a source, with the source's own columns.

    Attributes:
        table: The columns, text or typed.
        place: What the rows are called in an error.
    """

    table: pa.Table
    place: Place


def files_of_frame(folder: Path, name: str, mapping: FrameMapping) -> list[Path]:
    """The files of a frame, in the order of their names; empty if there is none.

    Raises:
        DataError: A file that the mapping names is missing, or the frame exists twice.
    """
    if mapping.file is None:
        found = [p for s in SUFFIXES if (p := folder / f"{name}{s}").is_file()]
        if len(found) > 1:
            shown = " and ".join(p.name for p in found)
            raise DataError(f"{name} exists twice: {shown}; keep one, or name its file")
        return found
    literal = folder / mapping.file
    matching = [literal] if literal.is_file() else folder.glob(mapping.file)
    files = sorted(p for p in matching if p.is_file())
    if not files:
        present = sorted(p.name for p in folder.glob("[!.]*") if p.is_file())
        raise DataError(
            f"no file {mapping.file!r} in {folder}; present: {', '.join(present) or 'nothing'}"
            f"{nearest(mapping.file, present)}"
        )
    return files


def batches_of_files(
    files: Iterable[Path],
    mapping: FrameMapping,
    requested: Iterable[str],
    problems: Problems,
    *,
    stream: bool = False,
) -> Iterator[Batch]:
    """The rows of files in batches; a file that cannot be read is a problem of the frame.

    Args:
        files: The files.
        mapping: How the frame is read, with complete formats.
        requested: The columns that are expected.
        problems: Where problems are added.
        stream: Give the rows in parts that fit into memory.
    """
    files = list(files)
    named = len(files) > 1
    for path in files:
        try:
            suffix = path.suffix.lower()
            if suffix == ".parquet":
                yield from _parquet(path, named, stream)
            elif suffix == ".xlsx":
                yield _excel(path, mapping, named)
            else:
                file = text_file(path, mapping.formats, requested, keep=not stream)
                if file.encoding == "gb18030" and mapping.formats.encoding is None:
                    problems.notes[f"{path.name} was read as {file.encoding}"] += 1
                yield from _text(
                    file, mapping.formats, requested, problems, named=named, stream=stream
                )
        except DataError as error:
            problems.whole("", "unreadable", "", str(error))


def frame_batch(data: object, requested: Iterable[str]) -> Batch:
    """The requested columns of a frame in memory as a batch; all columns of an Arrow table."""
    if isinstance(data, pd.DataFrame):
        names = set(requested)
        columns = {str(n): arrow_of(values) for n, values in data.items() if n in names}
        return Batch(_table(columns, len(data)), RowPlace(data.index))
    table = pa.table(data)
    return Batch(table, RowPlace(pd.RangeIndex(len(table))))


def arrow_of(values: pd.Series) -> Array:
    """A column as an Arrow array; a column of mixed types as text."""
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        text = values.map(str, na_action="ignore")
        return pa.array(text.where(values.notna(), None), pa.string(), from_pandas=True)


def _table(columns: dict[str, Array], rows: int) -> pa.Table:
    if columns:
        return pa.table(columns)
    return pa.table({"": pa.nulls(rows)}).select([])


def _parquet(path: Path, named: bool, stream: bool) -> Iterator[Batch]:
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        parts = file.iter_batches() if stream else [file.read()]
        first = 0
        for part in parts:
            table = pa.table(part)
            for column in table.columns:
                if pa.types.is_dictionary(column.type):  # whose codes a damaged file may break
                    column.validate(full=True)
            index = pd.RangeIndex(first, first + len(table))
            yield Batch(table, RowPlace(index, path if named else None))
            first += len(table)
    except (ValueError, OSError) as error:  # ArrowInvalid is a ValueError
        raise DataError(f"{path.name}: not a Parquet file: {reason_of(error)}") from None


def _excel(path: Path, mapping: FrameMapping, named: bool) -> Batch:
    try:
        import openpyxl  # noqa: F401 - pandas loads it by name
    except ImportError as error:
        raise MissingExtraError(error.name or "openpyxl", "report") from None
    sheet = 0 if mapping.sheet is None else mapping.sheet
    missing = ["", *(mapping.formats.missing or ())]
    above = (mapping.formats.header or 1) - 1
    try:
        frame = pd.read_excel(
            path,
            sheet_name=sheet,
            header=above,
            dtype=object,
            keep_default_na=False,
            na_values=missing,
        )
    except Exception as error:  # zipfile, KeyError and more, by what is broken
        raise DataError(f"{path.name}: cannot be read as Excel: {error}") from None
    frame.index += above + 2  # as Excel numbers them: from 1, with the header
    frame = frame.dropna(how="all")
    columns = {str(n).strip(): _excel_cells(str(n), v, path) for n, v in frame.items()}
    return Batch(_table(columns, len(frame)), RowPlace(frame.index, path if named else None))


_EXCEL_EXACT = 10**15


def _excel_cells(name: str, values: pd.Series, path: Path) -> Array:
    """Cells of a sheet; whole numbers of more digits than Excel keeps are refused."""
    array = arrow_of(values)
    if pa.types.is_integer(array.type) and len(array):
        large = values.map(lambda v: abs(v) >= _EXCEL_EXACT, na_action="ignore").fillna(False)
        if large.any():
            raise DataError(
                f"{path.name}: column {name!r} has {int(large.sum()):,} numbers of 16 digits or "
                "more, of which Excel keeps only 15; export the column as text"
            )
    return array


def _text(
    file: TextFile,
    formats: Formats,
    requested: Iterable[str],
    problems: Problems,
    *,
    named: bool,
    stream: bool,
) -> Iterator[Batch]:
    """A text file with every column as text."""
    from pyarrow import csv

    ragged = False

    def skip(_: object) -> str:
        nonlocal ragged
        ragged = True
        return "skip"

    encoding = file.encoding if file.text is None else "utf-8"
    options = {
        "read_options": csv.ReadOptions(
            encoding=encoding,
            skip_rows=file.above,
            block_size=_BLOCK if stream else None,
            # Rows that may contain line breaks are found by one thread, for which others wait.
            use_threads=not file.quotes,
        ),
        "parse_options": csv.ParseOptions(
            delimiter=file.separator, newlines_in_values=file.quotes, invalid_row_handler=skip
        ),
        "convert_options": csv.ConvertOptions(
            column_types=dict.fromkeys(file.header, pa.string()),
            strings_can_be_null=True,
            null_values=["", *(formats.missing or ())],
        ),
    }
    names = _names(file, set(requested), problems)
    first = 0
    try:
        if stream:
            reader = csv.open_csv(file.path, **options)
            parts: Iterator[Any] = itertools.chain([reader.schema.empty_table()], reader)
        else:
            parts = iter(
                [
                    csv.read_csv(
                        file.path if file.text is None else pa.BufferReader(file.text), **options
                    )
                ]
            )
        for part in parts:
            table = pa.table(part).rename_columns(names)
            yield Batch(table, TextPlace(file, first, named))
            first += len(table)
    except (ValueError, OSError) as error:  # ArrowInvalid is a ValueError
        raise DataError(f"{file.path.name}: not a CSV file: {reason_of(error)}") from None
    if ragged:
        count, shown = file.ragged()
        where = f"{file.path.name}: {len(file.header)} fields, as in the header"
        problems.faults.append(
            DataFault(problems.frame, "", "ragged", count, tuple(shown), where, _RAGGED)
        )


_RAGGED = "put cells that contain the separator in quotation marks, and remove lines of totals"


def _names(file: TextFile, requested: set[str], problems: Problems) -> list[str]:
    """The names of the columns, each once; a name that is needed may not be there twice."""
    names: list[str] = []
    for place, field in enumerate(file.header, start=1):
        name = field.strip()
        if name in names and name in requested:
            problems.whole(name, "repeated_column", f"each name once in {file.path.name}")
        names.append(f"{name}.{place}" if name in names or not name else name)
    return names
