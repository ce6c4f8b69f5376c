"""All frames of a book, read by its mapping; the problems of all are reported together."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import attrs
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bankcrm.book.contract import CONTRACT, FRAMES
from bankcrm.book.mapping import BookMapping
from bankcrm.book.reading.cells import as_text, is_text
from bankcrm.book.reading.conversion import FrameReading
from bankcrm.book.reading.ids import ids_alike
from bankcrm.book.reading.owners import Owners
from bankcrm.book.reading.problems import Problems
from bankcrm.book.reading.sources import Batch, batches_of_files, files_of_frame, frame_batch
from bankcrm.book.reading.tables import batches_of_query, queries_of
from bankcrm.book.reading.words import WORDS
from bankcrm.databases.reading import Source, located, reading
from bankcrm.errors import DataError
from bankcrm.frames import Column, DataFault, as_frame
from bankcrm.frames.findings import raise_faults
from bankcrm.progress import Progress

_REQUIRED = ("customers", "transactions")
_ACCOUNTS_FIRST = sorted(FRAMES, key=lambda name: name != "accounts")
"""The frames in the order of their reading, because accounts may name the customers of others."""

_TYPES = {
    "id": pa.string(),
    "text": pa.string(),
    "category": WORDS,
    "date": pa.date32(),
    "instant": pa.timestamp("us", "UTC"),
    "money": pa.float64(),
    "number": pa.float64(),
    "integer": pa.float64(),
    "boolean": pa.bool_(),
}
"""The type of a column whose parts have several types, by its kind."""


class FrameSource(Protocol):
    """Gives the rows of a frame in batches."""

    def __call__(self, *, stream: bool) -> Iterable[Batch]:
        """The batches; with ``stream`` each fits into memory."""


@attrs.define
class BookReading:
    """The reading of a book: one reading per frame, with one report of all problems.

    Attributes:
        mapping: The mapping of the book.
        readings: The reading of each frame that the source has.
        files: The files of each frame that comes from files.
        owners: The customers of the accounts.
    """

    mapping: BookMapping
    readings: dict[str, FrameReading] = attrs.field(factory=dict)
    files: dict[str, list[Path]] = attrs.field(factory=dict)
    owners: Owners = attrs.field(factory=Owners)

    def of(self, name: str) -> FrameReading:
        """The reading of a frame."""
        return self.readings.setdefault(
            name, FrameReading(name, self.mapping.frame(name), Problems(name), self.owners)
        )

    def converted(self, name: str, batch: Batch) -> pa.Table:
        """The columns of the contract of one batch of a frame."""
        table = self.of(name).converted(batch)
        if name == "accounts":
            self.owners.add(table)
        return table

    @contextmanager
    def sources(
        self, folder: Path | None, database: Source | None, progress: Progress | None
    ) -> Iterator[dict[str, FrameSource]]:
        """The source of each frame that the book has; a missing one is a problem."""
        if database is None and self.mapping.database is not None:
            database = located(self.mapping.database, folder)
        queries = queries_of(self.mapping, database, folder)
        files = self.files = {} if folder is None else self._files(folder, set(queries))
        if folder is None:
            for name in [n for n in _REQUIRED if n not in queries]:
                advice = f'name its table, table = "...", under [{name}] of the mapping'
                self.of(name).problems.whole("", "no_table", "a table or query", advice)
        names = [name for name in _ACCOUNTS_FIRST if name in files or name in queries]

        def report(name: str, rows: int | None = None) -> None:
            if progress:
                text = name if rows is None else f"{name}: {rows:,} rows"
                progress(names.index(name), len(names), text)

        with reading(database) if queries else nullcontext() as read:
            yield {
                name: functools.partial(
                    batches_of_query,
                    read,
                    name,
                    queries[name],
                    self.of(name).mapping.formats,
                    report,
                )
                if name in queries and read is not None
                else functools.partial(self._batches_of_files, name, files[name], report)
                for name in names
            }

    def _files(self, folder: Path, others: set[str]) -> dict[str, list[Path]]:
        """The files of each frame that the folder holds; missing ones are problems."""
        found: dict[str, list[Path]] = {}
        for name in [n for n in FRAMES if n not in others]:
            try:
                files = files_of_frame(folder, name, self.mapping.frame(name))
            except DataError as error:
                self.of(name).problems.whole("", "no_file", "", str(error))
                continue
            if files:
                found[name] = files
            elif name in _REQUIRED:
                present = ", ".join(sorted(p.name for p in folder.glob("[!.]*"))) or "nothing"
                self.of(name).problems.whole(
                    "",
                    "no_file",
                    f"{name}.parquet, {name}.csv or {name}.xlsx in {folder}",
                    f'present: {present}; name it, file = "...", under [{name}] in book.toml',
                )
        return found

    def _batches_of_files(
        self, name: str, files: list[Path], report: Callable[[str], None], *, stream: bool
    ) -> Iterator[Batch]:
        report(name)
        found = self.of(name)
        return batches_of_files(
            files, found.mapping, found.requested(), found.problems, stream=stream
        )

    def tables(
        self, folder: Path | None, database: Source | None, progress: Progress | None = None
    ) -> dict[str, pa.Table]:
        """The rows of each frame; what does not fit is null, and a problem."""
        found: dict[str, pa.Table] = {}
        with self.sources(folder, database, progress) as sources:
            for name, batches in sources.items():
                parts = [self.converted(name, batch) for batch in batches(stream=False)]
                if parts:
                    found[name] = joined(parts, name)
        return {name: found[name] for name in FRAMES if name in found}

    def faults(self) -> list[DataFault]:
        """All problems of all frames."""
        for found in self.readings.values():
            found.finish()
        return [f for r in self.readings.values() for f in r.problems.reported()]

    def finish(self) -> tuple[str, ...]:
        """Raise all problems of all frames together; returns what was converted on the way."""
        raise_faults(self.faults())
        return tuple(
            note + (f" ({count:,} rows)" if count > 1 else "")
            for found in self.readings.values()
            for note, count in found.problems.notes.items()
        )


def read_frames(
    mapping: BookMapping,
    *,
    folder: Path | None = None,
    database: Source | None = None,
    progress: Progress | None = None,
) -> tuple[dict[str, Any], str]:
    """Read the frames of a folder, of a database, or of both by a mapping.

    Args:
        mapping: The mapping; an empty one for files or tables in the data contract.
        folder: The folder of the files; None: all frames come from the database.
        database: The database of tables and queries; None: the one that the mapping names.
        progress: Called before each frame, and for each chunk of a table.

    Returns:
        The frames, and a note about what was recognised and converted.

    Raises:
        DataError: All problems of all frames and files together.
    """
    book = BookReading(mapping)
    tables = book.tables(folder, database, progress)
    notes = book.finish()
    return {name: as_frame(table) for name, table in ids_alike(tables).items()}, "; ".join(notes)


def tried_frames(
    mapping: BookMapping, *, folder: Path | None = None, database: Source | None = None
) -> tuple[dict[str, pd.DataFrame], list[DataFault]]:
    """Read as `read_frames` does, but return what does not fit instead of raising it.

    Args:
        mapping: The mapping.
        folder: The folder of the files; None: all frames come from the database.
        database: The database of tables and queries; None: the one that the mapping names.

    Returns:
        The frames, in which cells that do not fit are null, and all problems.
    """
    book = BookReading(mapping)
    tables = book.tables(folder, database)
    faults = book.faults()
    if faults:
        return {name: as_frame(table) for name, table in tables.items()}, faults
    return {name: as_frame(table) for name, table in ids_alike(tables).items()}, []


def mapped_frames(
    frames: Mapping[str, Any], mapping: BookMapping
) -> tuple[dict[str, pd.DataFrame], str]:
    """Frames in memory under the names, words and formats of the contract.

    Args:
        frames: The frames.
        mapping: The mapping; its files are ignored.

    Returns:
        The frames with their own row labels and their other columns, and a note.

    Raises:
        DataError: All problems of all frames together.
    """
    book = BookReading(mapping)
    tables: dict[str, pa.Table] = {}
    others: dict[str, pd.DataFrame] = {}
    for name in [n for n in _ACCOUNTS_FIRST if n in frames]:
        data, reading = frames[name], book.of(name)
        tables[name] = book.converted(name, frame_batch(data, reading.requested()))
        if isinstance(data, pd.DataFrame):
            used = {n for s in reading.mapping.columns.values() for n in s.names}
            used.update(tables[name].column_names)
            others[name] = data[[n for n in data if n not in used]]
    notes = book.finish()
    tables = ids_alike(tables)
    found = {name: as_frame(tables[name]) for name in frames}
    for name, other in others.items():
        found[name] = pd.concat([found[name].set_axis(other.index), other], axis="columns")
    return found, "; ".join(notes)


def write_parts(
    mapping: BookMapping,
    target: Path,
    *,
    folder: Path | None = None,
    database: Source | None = None,
) -> tuple[dict[str, Path], dict[str, list[Path]], str]:
    """Convert a book to Parquet part by part, for books larger than memory.

    Ids are written as text, because only the whole book shows whether all are integers.

    Args:
        mapping: The mapping.
        target: The folder to write to.
        folder: The folder of the files; None: all frames come from the database.
        database: The database of tables and queries; None: the one that the mapping names.

    Returns:
        The Parquet file of each frame, the files that each was read from (none for a table of a
        database), and a note.

    Raises:
        DataError: All problems of all frames and files together.
    """
    import pyarrow.parquet as pq

    book = BookReading(mapping)
    written: dict[str, Path] = {}
    with book.sources(folder, database, None) as sources, ExitStack() as files:
        for name, batches in sources.items():
            path = target / f"{name}.parquet"
            for batch in batches(stream=True):
                table = of_contract(book.converted(name, batch), name)
                if name not in written:
                    writer = files.enter_context(
                        pq.ParquetWriter(path, table.schema, compression="lz4")
                    )
                    written[name] = path
                writer.write_table(table.select(writer.schema.names).cast(writer.schema))
    notes = book.finish()
    return written, {name: book.files.get(name, []) for name in written}, "; ".join(notes)


def joined(parts: list[pa.Table], name: str) -> pa.Table:
    """The parts of a frame as one table; a column of several types gets that of its kind."""
    if len(parts) == 1:
        return parts[0]
    if any(part.schema != parts[0].schema for part in parts):
        parts = [of_contract(part, name) for part in parts]
    return pa.concat_tables(parts, promote_options="default")


def of_contract(table: pa.Table, name: str) -> pa.Table:
    """A table with the type of its kind for each column of the contract, and text for others."""
    kinds = {c.name: c for c in CONTRACT[name]}
    return pa.table({n: _as_kind(table[n], kinds.get(n)) for n in table.column_names})


def _as_kind(values: Any, column: Column | None) -> Any:
    kind = pa.string() if column is None else _TYPES[column.kind]
    if values.type == kind:
        return values
    if is_text(values) and pa.types.is_string(kind):
        return pc.cast(values, kind)
    if pa.types.is_string(kind):
        return as_text(values)
    if pa.types.is_timestamp(kind) and getattr(values.type, "tz", None):
        return pc.cast(values, pa.timestamp("us", values.type.tz))
    if kind == WORDS:
        return pc.cast(values, pa.string()).dictionary_encode()
    try:
        return pc.cast(values, kind, safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return values  # as they are: the check of the book names the column and its type
