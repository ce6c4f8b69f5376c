"""All frames of a book, read by its mapping; the problems of all are reported together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bankcrm.book.contract import CONTRACT, FRAMES
from bankcrm.book.mapping import BookMapping
from bankcrm.book.reading.cells import as_text
from bankcrm.book.reading.conversion import FrameReading
from bankcrm.book.reading.ids import ids_alike
from bankcrm.book.reading.problems import Problems
from bankcrm.book.reading.sources import Batch, batches_of_files, files_of_frame, frame_batch
from bankcrm.book.reading.words import WORDS
from bankcrm.errors import DataError
from bankcrm.frames import Column, as_frame
from bankcrm.frames.findings import raise_faults

_REQUIRED = ("customers", "transactions")

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


@attrs.define
class BookReading:
    """The reading of a book: one reading per frame, with one report of all problems.

    Attributes:
        mapping: The mapping of the book.
        readings: The reading of each frame that the source has.
    """

    mapping: BookMapping
    readings: dict[str, FrameReading] = attrs.field(factory=dict)

    def of(self, name: str) -> FrameReading:
        """The reading of a frame."""
        return self.readings.setdefault(
            name, FrameReading(name, self.mapping.frame(name), Problems(name))
        )

    def files(self, folder: Path) -> dict[str, list[Path]]:
        """The files of each frame that the folder holds; missing ones are problems."""
        found: dict[str, list[Path]] = {}
        for name in FRAMES:
            try:
                files = files_of_frame(folder, name, self.mapping.frame(name))
            except DataError as error:
                self.of(name).problems.whole("", "no_file", "", str(error))
                continue
            if files:
                found[name] = files
            elif name in _REQUIRED:
                present = ", ".join(sorted(p.name for p in folder.iterdir())) or "nothing"
                self.of(name).problems.whole(
                    "",
                    "no_file",
                    f"{name}.parquet, {name}.csv or {name}.xlsx in {folder}",
                    f'present: {present}; name it, file = "...", under [{name}] in book.toml',
                )
        return found

    def batches(self, name: str, files: Iterable[Path], *, stream: bool) -> Iterable[Batch]:
        """The rows of a frame's files in batches."""
        reading = self.of(name)
        return batches_of_files(
            files, reading.mapping, reading.wanted(), reading.problems, stream=stream
        )

    def finish(self) -> tuple[str, ...]:
        """Raise all problems of all frames together; returns what was converted on the way."""
        for reading in self.readings.values():
            reading.finish()
        raise_faults([f for r in self.readings.values() for f in r.problems.reported()])
        return tuple(
            f"{name}: {note}" + (f" ({count:,} rows)" if count > 1 else "")
            for name, reading in self.readings.items()
            for note, count in reading.problems.notes.items()
        )


def read_frames(folder: Path, mapping: BookMapping) -> tuple[dict[str, Any], str]:
    """Read the frames of a folder by a mapping.

    Args:
        folder: The folder.
        mapping: The mapping; an empty one for files in the data contract.

    Returns:
        The frames, and a note about what was recognised and converted.

    Raises:
        DataError: All problems of all frames and files together.
    """
    book = BookReading(mapping)
    tables: dict[str, pa.Table] = {}
    for name, files in book.files(folder).items():
        reading = book.of(name)
        parts = [reading.converted(b) for b in book.batches(name, files, stream=False)]
        if parts:
            tables[name] = joined(parts, name)
    notes = book.finish()
    return {name: as_frame(table) for name, table in ids_alike(tables).items()}, "; ".join(notes)


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
    for name, data in frames.items():
        reading = book.of(name)
        batch = frame_batch(data, reading.wanted())
        tables[name] = reading.converted(batch)
        if isinstance(data, pd.DataFrame):
            used = {n for s in reading.mapping.columns.values() for n in s.names}
            used.update(tables[name].column_names)
            others[name] = data[[n for n in data if n not in used]]
    notes = book.finish()
    found = {name: as_frame(table) for name, table in ids_alike(tables).items()}
    for name, other in others.items():
        found[name] = pd.concat([found[name].set_axis(other.index), other], axis="columns")
    return found, "; ".join(notes)


def write_parts(folder: Path, mapping: BookMapping, target: Path) -> dict[str, Path]:
    """Convert the files of a book to Parquet part by part, for books larger than memory.

    Ids are written as text, because only the whole book shows whether all are integers.

    Args:
        folder: The folder of the files.
        mapping: The mapping.
        target: The folder to write to.

    Returns:
        The Parquet file of each frame.

    Raises:
        DataError: All problems of all frames and files together.
    """
    book = BookReading(mapping)
    written: dict[str, Path] = {}
    for name, files in book.files(folder).items():
        reading = book.of(name)
        path = target / f"{name}.parquet"
        writer = None
        for batch in book.batches(name, files, stream=True):
            table = of_contract(reading.converted(batch), name)
            if writer is None:
                writer = pq.ParquetWriter(path, table.schema, compression="lz4")
                written[name] = path
            writer.write_table(table.select(writer.schema.names))
        if writer is not None:
            writer.close()
    book.finish()
    return written


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
    if pa.types.is_string(kind):
        return as_text(values)
    if kind == WORDS:
        return pc.cast(values, pa.string()).dictionary_encode()
    try:
        return pc.cast(values, kind, safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return values
