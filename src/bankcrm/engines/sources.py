"""The sources of an engine: the files of each frame, and the types of its columns."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
import pyarrow as pa

from bankcrm.book import CONTRACT, Book
from bankcrm.book.files import book_entries
from bankcrm.book.mapping import BookMapping
from bankcrm.book.reading import write_parts
from bankcrm.databases.reading import Source
from bankcrm.errors import DataError, missing_columns
from bankcrm.frames.arrays import found_in
from bankcrm.frames.check import type_faults

_CSV_TYPES = {
    "date": "DATE",
    "instant": "TIMESTAMPTZ",
    "money": "DOUBLE",
    "number": "DOUBLE",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
}

_ARROW_TYPES = {
    "date": pa.timestamp("s"),
    "instant": pa.timestamp("us", "UTC"),
    "money": pa.float64(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "id": pa.null(),  # of the type of the other ids
}
"""The type of a column without a value, by its kind; else text."""


ROW = "_row"
"""The position of a row in its frame, by which the order of rows is restored."""
BLOCK = "_block"
"""The block of a row's customer."""


@attrs.frozen
class FrameFiles:
    """The files of one frame: a file, or a folder of files of one kind.

    Attributes:
        name: The frame.
        path: The file or folder.
        kind: ``parquet`` or ``csv``.
        converted: Whether it was converted from a bank's own files, with ids as text.
    """

    name: str
    path: Path
    kind: str
    converted: bool = False

    @property
    def pattern(self) -> str:
        """A glob of the files for DuckDB; a special character in the path stands for itself."""
        path = re.sub(r"[*?\[]", r"[\g<0>]", str(self.path))
        return str(Path(path) / "**" / f"*.{self.kind}") if self.path.is_dir() else path

    def parts(self) -> list[Path]:
        """The files, in order."""
        return sorted(self.path.rglob(f"*.{self.kind}")) if self.path.is_dir() else [self.path]

    def header(self, part: Path) -> set[str]:
        """The columns of one of the files; empty if it cannot be read."""
        import pyarrow.parquet as pq

        try:
            if self.kind == "parquet":
                return set(pq.read_schema(part).names)
            with open(part, encoding="utf-8-sig", errors="replace") as file:
                return {h.strip().strip('"') for h in file.readline().rstrip("\n").split(",")}
        except (pa.ArrowInvalid, OSError):
            return set()  # the engine reports the error

    def schema(self) -> pa.Schema | None:
        """The schema of the first Parquet file; None if there is none that can be read."""
        import pyarrow.parquet as pq

        try:
            return pq.read_schema(self.parts()[0]) if self.kind == "parquet" else None
        except (pa.ArrowInvalid, OSError):
            return None  # the engine reports the error

    def state(self) -> list[tuple[str, int, int]]:
        """Each file with its size and time of change."""
        return [_state_of(f) for f in self.parts()]


def mapping_of(folder: Path) -> BookMapping | None:
    """The mapping by which the files of a folder have to be converted before an engine reads them.

    None: the files have the columns of the contract, and an engine reads them in place.
    """
    if not folder.is_dir():
        return None
    mapping = book_entries(folder)[1]
    others = any((folder / f"{name}{s}").is_file() for name in CONTRACT for s in (".tsv", ".xlsx"))
    return mapping if others or mapping != BookMapping() else None


def converted(
    mapping: BookMapping, target: Path, *, folder: Path | None, database: Source | None
) -> tuple[dict[str, FrameFiles], str, str]:
    """Convert a bank's own files, or the tables of a database, to Parquet in another folder.

    Returns:
        The converted files, the state of the mapping and of the bank's own files (another one each
        time for a table of a database, which may have changed), and a note about the conversion.
    """
    written, sources, note = write_parts(mapping, target, folder=folder, database=database)
    state = [_state_of(f) for found in sources.values() for f in found]
    tables = [uuid.uuid4() for found in sources.values() if not found]
    files = {name: FrameFiles(name, path, "parquet", True) for name, path in written.items()}
    return files, repr((mapping, state, tables)), note


def _state_of(file: Path) -> tuple[str, int, int]:
    """A file with its size and time of change."""
    found = file.stat()
    return str(file), found.st_size, found.st_mtime_ns


def files_of(folder: Path) -> dict[str, FrameFiles]:
    """The frames that a folder holds: ``transactions.parquet``, or ``transactions/*.parquet``.

    Raises:
        DataError: No such folder, a required frame is missing, a frame exists twice, or the files
            have to be converted by a mapping.
    """
    if not folder.is_dir():
        raise DataError(
            f"{folder}: no such folder; expected a folder of files such as customers.parquet"
        )
    if mapping_of(folder) is not None:
        raise DataError(
            f"{folder}: the files have to be read by a mapping; convert them first with "
            "write_book(read_book(folder), other_folder), or use DuckDBEngine"
        )
    found: dict[str, FrameFiles] = {}
    for name in CONTRACT:
        places = [
            FrameFiles(name, path, kind)
            for kind in ("parquet", "csv")
            for path in (folder / f"{name}.{kind}", folder / name)
            if path.is_file() or (path.is_dir() and any(path.rglob(f"*.{kind}")))
        ]
        if len(places) > 1:
            shown = " and ".join(f"{p.path.name} ({p.kind})" for p in places)
            raise DataError(f"{folder}: {name} exists twice: {shown}; keep one")
        if places:
            found[name] = places[0]
    refuse_incomplete(str(folder), found)
    for files in found.values():
        _refuse_uneven(files)
    return found


def _refuse_uneven(found: FrameFiles) -> None:
    """Refuse parts of a frame that lack a column of the contract that other parts have."""
    contract = {c.name for c in CONTRACT[found.name]}
    headers = {part: contract & found.header(part) for part in found.parts()}
    every = set().union(*headers.values())
    short = {part: sorted(every - names) for part, names in headers.items() if every > names}
    if short:
        part, lacking = next(iter(short.items()))
        raise DataError(
            f"{found.name}: {len(short):,} of {len(headers):,} files lack a column of the others; "
            f"{part.name} has no {', '.join(lacking)}; give each file the same columns, empty "
            "where nothing is known"
        )


def in_zones(name: str, frame: pd.DataFrame, zones: Mapping[str, str]) -> pd.DataFrame:
    """A frame with its instants in the time zone of the source; engines store UTC."""
    moved = {}
    for column in (c.name for c in CONTRACT[name] if c.kind == "instant" and c.name in frame):
        values = frame[column]
        if values.dtype.kind == "M":
            aware = values if values.dt.tz is not None else values.dt.tz_localize("UTC")
            moved[column] = aware.dt.tz_convert(zones.get(column, "UTC"))
    return frame.assign(**moved)


def about_of(source: object) -> dict[str, Any]:
    """Name, day, presets, note and currency of a book, as far as its source has them."""
    if isinstance(source, Book):
        names = ("name", "as_of", "presets", "note", "currency")
        return {name: getattr(source, name) for name in names}
    if isinstance(source, str | Path) and Path(source).is_dir():
        return book_entries(Path(source))[0]
    return {}


def zones_of(name: str, frame: object) -> dict[str, str]:
    """The time zone of each instant of a frame or of its files; engines store only UTC."""
    instants = {c.name for c in CONTRACT[name] if c.kind == "instant"}
    if not instants:
        return {}
    if isinstance(frame, FrameFiles):
        schema = frame.schema()
    elif isinstance(frame, pd.DataFrame):
        schema = pa.Schema.from_pandas(frame.iloc[:0], preserve_index=False)
    else:
        schema = getattr(frame, "schema", None)
    if not isinstance(schema, pa.Schema):
        return {}
    return {
        f.name: f.type.tz
        for f in schema
        if f.name in instants and pa.types.is_timestamp(f.type) and f.type.tz
    }


def refuse_incomplete(where: str, found: Mapping[str, object]) -> None:
    """Refuse a book without customers or transactions."""
    missing = [name for name in ("customers", "transactions") if name not in found]
    if missing:
        raise DataError(
            f"{where}: no {' and no '.join(missing)}; found: {', '.join(found) or 'nothing'}"
        )


def refuse_missing_columns(name: str, columns: Iterable[str]) -> None:
    """Refuse a frame without a required column."""
    present = list(columns)
    missing = [c.name for c in CONTRACT[name] if c.required and c.name not in present]
    if missing:
        raise missing_columns(name, missing, present)


def csv_types(name: str) -> dict[str, str]:
    """How the contract's columns of a CSV file are parsed; ids and texts stay text."""
    return {c.name: _CSV_TYPES.get(c.kind, "VARCHAR") for c in CONTRACT[name]}


def from_arrow(table: pa.Table) -> pd.DataFrame:
    """Convert rows of an engine: days to ``datetime64[s]``, integers with nulls to Int64."""
    frame: pd.DataFrame = table.to_pandas(date_as_object=False)
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_integer(column.type) and column.null_count:
            frame[name] = column.to_pandas(integer_object_nulls=True).astype("Int64")
        elif pa.types.is_date(column.type) or column.type == pa.timestamp("us"):
            frame[name] = frame[name].astype("datetime64[s]")
    return frame


def arrow_table(name: str, frame: object) -> pa.Table:
    """Convert a frame to Arrow without copying plain columns; NaN becomes null."""
    if not isinstance(frame, pd.DataFrame):
        return frame if isinstance(frame, pa.Table) else pa.table(frame)
    lowered = [str(c).lower() for c in frame.columns]
    if len(set(lowered)) < len(lowered):
        twice = sorted({c for c in map(str, frame.columns) if lowered.count(c.lower()) > 1})
        raise DataError(
            f"{name}: columns {', '.join(twice)} differ only in case, and SQL ignores case; "
            "rename or drop one"
        )
    if faults := type_faults(frame, CONTRACT[name], frame=name):
        raise DataError("\n".join(map(str, faults)))
    ids = {c.name for c in CONTRACT[name] if c.kind == "id"}
    flat = frame.assign(**{c: _plain_ids(frame[c]) for c in ids.intersection(frame.columns)})
    null = {c.name: _ARROW_TYPES.get(c.kind, pa.string()) for c in CONTRACT[name]
            if c.name in flat and _is_null(flat[c.name])}  # fmt: skip
    try:
        table = pa.Table.from_pandas(flat.assign(**dict.fromkeys(null)), preserve_index=False)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        wrong = [c for c in flat.columns if not _fits_arrow(flat[c])]
        found = "; ".join(f"{c} holds {found_in(flat[c], 'value')}" for c in wrong)
        raise DataError(
            f"{name}: {found or 'no Arrow table'}; expected values of one type per column, or "
            "Unicode text; correct or leave out the columns"
        ) from None
    for column, kind in null.items():
        place = table.schema.get_field_index(column)
        table = table.set_column(place, column, pa.nulls(len(table), kind))
    return table


def _is_null(values: pd.Series) -> bool:
    """Whether a column has no value at all, so that its dtype says nothing."""
    return bool(values.head(1).isna().all() and values.isna().all()) and len(values) > 0


def _fits_arrow(values: pd.Series) -> bool:
    """Whether Arrow can hold a column."""
    try:
        pa.Array.from_pandas(values)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return False
    return True


def _plain_ids(ids: pd.Series) -> pd.Series:
    """Ids without categories, because SQL would join categories as text."""
    if isinstance(ids.dtype, pd.CategoricalDtype):
        kind: Any = ids.cat.categories.dtype
        if ids.isna().any():  # a plain integer holds no null
            kind = {"i": "Int64", "u": "UInt64"}.get(kind.kind, kind)
        return ids.astype(kind)
    return ids
