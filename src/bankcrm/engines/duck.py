"""The engine on DuckDB, which reads files in place, a database, or frames in memory."""

from __future__ import annotations

import importlib
import re
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bankcrm.arguments import refuse
from bankcrm.book import CONTRACT, Book
from bankcrm.book.contract import FAMILY
from bankcrm.book.mapping import BookMapping
from bankcrm.databases.reading import Source, is_url
from bankcrm.engines.engine import PREFIX, Engine, T, known_frame
from bankcrm.engines.sources import (
    BLOCK,
    ROW,
    FrameFiles,
    arrow_table,
    converted,
    csv_types,
    files_of,
    from_arrow,
    mapping_of,
    refuse_incomplete,
    refuse_missing_columns,
    zones_of,
)
from bankcrm.errors import (
    DataError,
    EngineError,
    MissingExtraError,
    without_values,
)
from bankcrm.rules.sql_columns import quoted

if TYPE_CHECKING:
    import duckdb

    from bankcrm.engines.workers import Workers

_FITTING = {
    "date": "DATE|TIMESTAMP|NULL",
    "instant": "TIME ZONE|TIMESTAMPTZ|NULL",
    "money": "INT|DOUBLE|FLOAT|DECIMAL|NULL",
    "number": "INT|DOUBLE|FLOAT|DECIMAL|NULL",
    "integer": "INT|DOUBLE|FLOAT|DECIMAL|NULL",
    "boolean": "BOOLEAN|NULL",
}
"""Kind of the contract -> pattern of the DuckDB types that it accepts."""

_CLOSED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
}
"""How a DuckDB file is opened: its views and macros read no other file and load no extension."""
_ROWS = 1_000_000  # per batch

WHOLE = r"0|-?[1-9]\d{0,18}"
"""Ids are read as integers if all ids of the book are integers; ``007`` stays text."""


class DuckDBEngine(Engine):
    """A book on DuckDB, read in place.

    Args:
        source: A folder of Parquet or CSV (``transactions.parquet``, or a folder ``transactions``
            of such files; files that need a mapping are converted first), a DuckDB file, an open
            DuckDB connection whose tables are named after the frames, a `Book`, or a mapping of
            frame names to frames. Frames are not copied. Or another database, as `read_book` takes
            it, whose tables are copied to Parquet first, part by part.
        mapping: How the frames of a folder or of another database are read, instead of the mapping
            in ``book.toml``.
        memory_limit: Memory that DuckDB may use, such as ``"4GB"``; beyond it DuckDB uses disk.
        threads: Threads that DuckDB may use; None: DuckDB's default.
        workers: Processes that work on blocks of customers at the same time; each takes the memory
            of a block. The results are the same for any number.
        temp_directory: Folder for data that exceeds the memory limit and for converted files; None:
            DuckDB's default, and that of the system.

    Raises:
        DataError: No such source, or a compulsory frame or column is missing.
        MissingExtraError: duckdb or sqlglot is not installed.

    >>> customers = pd.DataFrame({"customer_id": [1, 2], "kind": ["person", "company"]})
    >>> moves = pd.DataFrame({"customer_id": [1], "date": pd.to_datetime(["2026-03-01"]),
    ...                       "amount": [250.0], "kind": ["salary"]})
    >>> engine = DuckDBEngine({"customers": customers, "transactions": moves})
    >>> engine.fetch(f"SELECT SUM(amount) AS total FROM {engine.place('transactions')}")
       total
    0  250.0
    """

    dialect = "duckdb"

    def __init__(
        self,
        source: str | Path | Book | Mapping[str, object] | duckdb.DuckDBPyConnection | Source,
        *,
        mapping: BookMapping | None = None,
        memory_limit: str | None = None,
        threads: int | None = None,
        workers: int = 1,
        temp_directory: str | Path | None = None,
    ) -> None:
        super().__init__(source)
        self.workers = _number_of_workers(workers)
        self._workers: Workers | None = None  # while a run works on blocks
        duckdb = _duckdb()
        self._errors: type[Exception] = duckdb.Error
        own = str | Path | Book | Mapping | duckdb.DuckDBPyConnection
        database = None if isinstance(source, own) and not is_url(source) else source
        file = Path(source) if isinstance(source, str | Path) and database is None else None
        self.files: dict[str, FrameFiles] = {}
        self._state = ""
        self._workspace: tempfile.TemporaryDirectory[str] | None = None
        self._closed = file is not None and file.is_file()
        self.connection: Any  # of duckdb, which is loaded only here
        with self._translating("opening"):
            if isinstance(source, duckdb.DuckDBPyConnection):
                self.connection = source.cursor()
            elif file is not None and file.is_file():
                self.connection = duckdb.connect(str(file), read_only=True, config=_CLOSED)
            else:
                self.connection = duckdb.connect()
            self._set("memory_limit", memory_limit)
            self._set("threads", threads)
            self._set("temp_directory", None if temp_directory is None else str(temp_directory))
            self._set("TimeZone", "UTC")
        frames = source.frames() if isinstance(source, Book) else source
        if isinstance(frames, Mapping):
            self.places = {n: self._registered(n, frame) for n, frame in frames.items()}
        elif database is not None or (file is not None and not file.is_file()):
            self.files = self._files(file, database, mapping, temp_directory)
            self.places = {name: _reading(found) for name, found in self.files.items()}
        else:
            self.places = {name: quoted(name, "duckdb") for name in self._tables()}
        refuse_incomplete(str(file or "the source"), self.places)
        kept: Mapping[str, object] = frames if isinstance(frames, Mapping) else self.files
        self.zones = {name: zones_of(name, frame) for name, frame in kept.items()}
        self.columns = {name: self._columns(name, place) for name, place in self.places.items()}
        self._check_cells()

    def fetch(self, sql: str) -> pd.DataFrame:
        """Run a SELECT and bring its rows into memory."""
        with self._translating("running"):
            found = self.connection.sql(sql)
        if found is None:
            refuse("sql", "a SELECT", sql)
        with self._translating("running"):
            return from_arrow(found.to_arrow_table())

    def part(self, sql: str, customer: str, folder: Path, blocks: int) -> None:
        """Write a SELECT as Parquet, split by customer."""
        place = str(folder).replace("'", "''")
        kind = self._kind(sql, customer)
        parted = (
            f"SELECT *, row_number() OVER () - 1 AS {ROW}, "
            f"CAST(hash(CAST({customer} AS {kind})) % {blocks} AS INTEGER) AS {BLOCK} "
            f"FROM ({sql}) s"
        )
        with self._translating(f"writing {folder.name.lstrip('.')}"):
            if self._closed:  # DuckDB itself may write no file
                from pyarrow import dataset

                rows = self.connection.sql(parted).to_arrow_reader(_ROWS)
                dataset.write_dataset(
                    rows, folder, format="parquet", partitioning=[BLOCK], partitioning_flavor="hive"
                )
                return
            self.connection.execute(
                f"COPY ({parted}) TO '{place}' (FORMAT parquet, COMPRESSION lz4, "
                f"PARTITION_BY ({BLOCK}))"
            )

    def each(
        self, call: Callable[[T], None], jobs: Sequence[T], report: Callable[[int], None]
    ) -> None:
        """Call a function for each job: one after the other, or in several processes."""
        if self._workers is None or len(jobs) == 1:
            super().each(call, jobs, report)
        else:
            self._workers.each(call, jobs, report)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Keep the processes while a run works on blocks."""
        if self.workers == 1:
            yield
            return
        from bankcrm.engines.workers import Workers

        self._workers = Workers(self.workers)
        try:
            yield
        finally:
            self._workers.end()
            self._workers = None

    def identity(self) -> str:
        """The files with sizes and times of change; unique for frames in memory."""
        if not self.files:
            return uuid.uuid4().hex
        if self._workspace is not None:
            return self._state
        return repr([(n, f.state()) for n, f in sorted(self.files.items())])

    def cancel(self) -> None:
        """Stop the running query from another thread; it ends with an `EngineError`."""
        self.connection.interrupt()

    def close(self) -> None:
        """Close the connection, and delete files that were converted for it."""
        self.connection.close()
        if self._workspace is not None:
            self._workspace.cleanup()

    def _files(
        self,
        folder: Path | None,
        database: Source | None,
        mapping: BookMapping | None,
        temporary: str | Path | None,
    ) -> dict[str, FrameFiles]:
        """The files of a folder; what needs a mapping is converted once, part by part."""
        if mapping is None and folder is not None:
            mapping = mapping_of(folder)
            if mapping is None:
                return files_of(folder)
        stated = mapping or BookMapping()
        self._workspace = tempfile.TemporaryDirectory(prefix=PREFIX, dir=temporary)
        files, self._state, note = converted(
            stated, Path(self._workspace.name), folder=folder, database=database
        )
        self.note = "; ".join(n for n in (self.note, note) if n)
        return files

    def _set(self, option: str, value: str | int | None) -> None:
        if value is None:
            return
        with self._translating(f"setting {option} to {str(value)!r}"):
            self.connection.execute(f"SET {option} = '{str(value).replace(chr(39), chr(39) * 2)}'")

    @contextmanager
    def _translating(self, doing: str) -> Iterator[None]:
        """Convert DuckDB's errors to errors of bankcrm, with advice."""
        try:
            yield
        except self._errors as error:
            raise _translated(error, doing) from None  # its message quotes values of rows

    def _kind(self, sql: str, column: str) -> str:
        """The type as which ids are hashed: equal ids of two types must get one hash."""
        [row] = self.connection.execute(f"DESCRIBE SELECT {column} FROM ({sql}) s").fetchall()
        return "BIGINT" if re.search("INT|DOUBLE|FLOAT", str(row[1])) else "VARCHAR"

    def _tables(self) -> list[str]:
        present = self.fetch("SELECT table_name AS name FROM information_schema.tables")["name"]
        return [name for name in CONTRACT if name in set(present)]

    def _registered(self, name: str, frame: object) -> str:
        known_frame(name)
        place = f"{PREFIX}frame_{name}"
        with self._translating(f"reading {name}"):
            self.connection.register(place, arrow_table(name, frame))
        return place

    def _columns(self, name: str, place: str) -> tuple[str, ...]:
        """The columns of a frame, their types checked against the contract."""
        with self._translating(f"reading {name}"):
            described = self.connection.execute(f"DESCRIBE SELECT * FROM {place}").fetchall()
        types = {str(row[0]): str(row[1]) for row in described}
        known = {c.name: c for c in CONTRACT[name]}
        refuse_missing_columns(name, types)
        wrong = [
            f"{n} is {t}, expected {known[n].kind}"
            for n, t in types.items()
            if n in known and not re.search(_FITTING.get(known[n].kind, ""), t)
        ]
        if wrong:
            raise DataError(
                f"{name}: {'; '.join(wrong)}; convert the column (one file of several may be of "
                "another type)"
            )
        zoned = [n for n, t in types.items() if n in known and known[n].kind == "date"
                 and "TIME ZONE" in t]  # fmt: skip
        if zoned:
            raise DataError(
                f"{name}: {', '.join(zoned)} have a time zone, but bank dates are plain days; "
                "store the local day"
            )
        return tuple(types)

    def _check_cells(self) -> None:
        """Refuse CSV cells that are not numbers; read ids as integers where all are integers."""
        others = {
            (name, column): int(n)
            for name, found in self.files.items()
            if found.kind == "csv" or found.converted
            for column, n in self._counted(name).items()
        }
        kinds = {(name, c.name): c.kind for name in self.files for c in CONTRACT[name]}
        wrong = [
            f"{name}.{column}: NaN or infinity in {n:,} row{'s' * (n != 1)}; expected "
            "finite numbers; correct them, or leave the cell empty where the number is not known"
            for (name, column), n in others.items()
            if n and kinds[name, column] != "id"
        ]
        if wrong:
            raise DataError("\n".join(wrong))
        families: dict[str, list[tuple[str, str]]] = {}
        for name in self.files:
            ids = [c.name for c in CONTRACT[name] if c.kind == "id"]
            for column in (c for c in ids if c in self.columns[name]):
                families.setdefault(FAMILY.get(column, column), []).append((name, column))
        whole: dict[str, list[str]] = {}
        for places in families.values():
            sources = [self.files[name] for name, _ in places]
            if any(s.kind != "csv" and not s.converted for s in sources):
                continue
            if not any(others[place] for place in places):
                for name, column in places:
                    whole.setdefault(name, []).append(column)
        for name, columns in whole.items():
            casts = ", ".join(f"CAST({c} AS BIGINT) AS {c}" for c in columns)
            self.connection.execute(
                f"CREATE OR REPLACE TEMP VIEW {PREFIX}{name}_text AS "
                f"SELECT * REPLACE ({casts}) FROM {_reading(self.files[name])}"
            )
            self.places = {**self.places, name: f"{PREFIX}{name}_text"}

    def _counted(self, name: str) -> dict[str, Any]:
        """How many ids of each column are no 64-bit integers, and how many numbers not finite."""
        counts = [
            f"COUNT(*) FILTER ({_strange(quoted(c.name, 'duckdb'), c.kind)}) AS "
            f"{quoted(c.name, 'duckdb')}"
            for c in CONTRACT[name]
            if c.kind in ("id", "money", "number") and c.name in self.columns[name]
        ]
        found = self.fetch(f"SELECT {', '.join(counts)} FROM {self.places[name]}")
        return {str(column): n for column, n in found.iloc[0].items()}


def _number_of_workers(value: object) -> int:
    """The number of processes, checked.

    Raises:
        DataError: It is no whole number from 1 on.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        refuse("workers", "a whole number of processes, at least 1", value)
    return value


def _duckdb() -> Any:
    try:
        import duckdb

        importlib.import_module("sqlglot")  # every query needs it: fail before any work
    except ImportError as error:
        raise MissingExtraError(error.name or "duckdb", "engines") from None
    return duckdb


def _strange(column: str, kind: str) -> str:
    """A test in SQL: an id that is no 64-bit integer, or a number that is not finite."""
    if kind != "id":
        return f"NOT isfinite({column})"
    return (
        f"NOT regexp_full_match({column}, '{WHOLE}') "
        f"OR ({column} IS NOT NULL AND TRY_CAST({column} AS BIGINT) IS NULL)"
    )


def _reading(found: FrameFiles) -> str:
    """How DuckDB reads the files of a frame."""
    pattern = found.pattern.replace("'", "''")
    if found.kind == "parquet":
        return f"read_parquet('{pattern}', union_by_name = true)"
    header = found.header(found.parts()[0])
    types = ", ".join(f"'{c}': '{t}'" for c, t in csv_types(found.name).items() if c in header)
    return (
        f"read_csv('{pattern}', header = true, delim = ',', union_by_name = true, "
        f"types = {{{types}}})"
    )


def _translated(error: Exception, doing: str) -> Exception:
    message = without_values(error)
    kind = type(error).__name__
    if "interrupt" in kind.lower():
        return EngineError(f"DuckDB, {doing}: cancelled; the last complete result is unchanged")
    full = any(text in message for text in ("No space left", "max_temp_directory"))
    if kind == "OutOfMemoryException" or full:
        return EngineError(
            f"DuckDB, {doing}: {message}; raise memory_limit, give a temp_directory with more "
            "space, or lower threads; the last complete result is unchanged"
        )
    return DataError(f"DuckDB, {doing}: {message}")
