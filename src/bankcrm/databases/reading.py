"""Rows of tables and queries, read in chunks as Arrow tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from bankcrm.databases.connection import Database, connected, sqlalchemy_, translated, url_of
from bankcrm.errors import DatabaseError, DataError

if TYPE_CHECKING:
    import sqlalchemy

Source: TypeAlias = "Database | Any"
"""A `Database`, or an open connection of ADBC or of a driver with Python's database API."""

Read: TypeAlias = Callable[[str], Iterator[pa.Table]]
"""Called with the text of a query; returns its rows, chunk by chunk."""

CHUNK = 100_000
"""Rows that are read at once."""


def is_url(source: object) -> bool:
    """Whether a text is the URL of a database, and not the path of a folder.

    >>> is_url("postgresql://bank@host/crm"), is_url("books/2026")
    (True, False)
    """
    return isinstance(source, str) and "://" in source


@contextmanager
def reading(source: Source) -> Iterator[Read]:
    """Open a source for reading.

    A URL of PostgreSQL is read by ADBC if its driver is installed, which is several times as fast;
    all queries of the block then see one state of the database. Connections of the caller stay
    open, with the isolation that they have.

    Args:
        source: The database. The password of a URL without one is taken from the environment
            variable ``BANKCRM_DATABASE_PASSWORD``.

    Raises:
        DatabaseError: There is no connection, it is lost, or a query is refused.
        MissingExtraError: The extra ``sql`` is not installed.

    >>> import sqlite3
    >>> with reading(sqlite3.connect(":memory:")) as read:
    ...     [row for chunk in read("SELECT 1 AS one, NULL AS none") for row in chunk.to_pylist()]
    [{'one': 1, 'none': None}]
    """
    alchemy = sqlalchemy_()
    with ExitStack() as stack:
        stack.enter_context(translated())
        if hasattr(source, "cursor"):
            yield _arrow_reader(source) if hasattr(source, "adbc_get_info") else _row_reader(source)
            return
        if not isinstance(source, alchemy.Engine | alchemy.Connection):
            url = url_of(source)
            _refuse_new_file(url)
            adbc = _adbc(url)
            if adbc is not None:
                yield _arrow_reader(stack.enter_context(adbc))
                return
        connection = stack.enter_context(connected(source))
        if connection is not source and connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        yield _alchemy_reader(connection)


def table_query(source: Source, table: str) -> str:
    """A query of all rows of a table.

    Args:
        source: The database.
        table: The table, with its schema if it has one: ``core.txn``. A name with capitals is
            quoted, as SQLAlchemy does.

    >>> table_query("sqlite://", "core.Txn")
    'SELECT * FROM core."Txn"'
    """
    alchemy = sqlalchemy_()
    if isinstance(source, str | alchemy.URL):
        dialect = url_of(source).get_dialect()()
    else:
        dialect = getattr(source, "dialect", None) or alchemy.engine.default.DefaultDialect()
    quote = dialect.identifier_preparer.quote
    return f"SELECT * FROM {'.'.join(quote(part) for part in table.split('.'))}"


def tables_of(source: Source) -> list[str]:
    """The names of the tables and views of a database, in its default schema.

    Raises:
        DataError: The source is a connection of a driver, which cannot be asked.
    """
    alchemy = sqlalchemy_()
    if hasattr(source, "cursor"):
        raise DataError(
            "mapping: a connection of a driver cannot list its tables; name the frames to read, "
            "such as BookMapping.from_toml('[customers]\\n[transactions]\\n')"
        )
    with connected(source) as connection:
        present = alchemy.inspect(connection)
        return [*present.get_table_names(), *present.get_view_names()]


def located(database: str, folder: Path | None) -> sqlalchemy.URL:
    """The URL of a database; the path of an SQLite file is relative to a folder.

    >>> located("sqlite:///core.db", Path("bank")).database
    'bank/core.db'
    """
    url = url_of(database)
    if url.get_backend_name() != "sqlite" or folder is None or url.database in (None, ":memory:"):
        return url
    return url.set(database=str(folder / str(url.database)))


def _adbc(url: sqlalchemy.URL) -> Any:
    """A connection of ADBC to PostgreSQL, not yet entered; None if ADBC cannot be used."""
    if url.get_backend_name() != "postgresql":
        return None
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError:
        return None
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return _snapshot(dbapi.connect(plain))


def _refuse_new_file(url: sqlalchemy.URL) -> None:
    """SQLite would make an empty file at a path that is wrong."""
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        path = Path(str(url.database))
        if not path.is_file() and not path.name.startswith("file:"):
            raise DatabaseError(f"database: no file {path}")


@contextmanager
def _snapshot(connection: Any) -> Iterator[Any]:
    with closing(connection), closing(connection.cursor()) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield connection


def _arrow_reader(connection: Any) -> Read:
    def read(query: str) -> Iterator[pa.Table]:
        with closing(connection.cursor()) as cursor:
            cursor.execute(query)
            with closing(cursor.fetch_record_batch()) as batches, _hiding_values():
                yield _plain(pa.Table.from_batches([], batches.schema))
                for batch in batches:
                    yield _plain(pa.Table.from_batches([batch]))

    return read


@contextmanager
def _hiding_values() -> Iterator[None]:
    """Arrow passes on what the database says about a value that fails, as an OSError."""
    try:
        yield
    except OSError:
        raise DatabaseError(
            "database: the query failed while its rows were read; the message is left out, because "
            "it may contain personal data"
        ) from None


def _alchemy_reader(connection: sqlalchemy.Connection) -> Read:
    # Without parameters a driver must not look for their marks in the text of the query.
    options = {"stream_results": True, "no_parameters": True}

    def read(query: str) -> Iterator[pa.Table]:
        with connection.exec_driver_sql(query, execution_options=options) as result:
            names = list(result.keys())
            yield _of_rows(names, [])
            for rows in result.partitions(CHUNK):
                yield _of_rows(names, cast("Sequence[Any]", rows))

    return read


def _row_reader(connection: Any) -> Read:
    def read(query: str) -> Iterator[pa.Table]:
        with closing(connection.cursor()) as cursor:
            cursor.execute(query)
            names = [column[0] for column in cursor.description]
            yield _of_rows(names, [])
            while rows := cursor.fetchmany(CHUNK):
                yield _of_rows(names, rows)

    return read


def _of_rows(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Rows of Python values as Arrow columns; whole numbers stay exact beside nulls."""
    found = [_array(name, [*map(itemgetter(n), rows)]) for n, name in enumerate(names)]
    return _plain(pa.table(found, names=list(names)))


def _array(name: str, values: list[Any]) -> pa.Array:
    kinds = set(map(type, values)) - {NoneType}
    if kinds and all(issubclass(kind, UUID) for kind in kinds):
        return pa.array([value and str(value) for value in values], pa.string())
    try:
        if kinds == {Decimal}:  # by way of text 5 times as fast
            texts = pa.array([None if v is None else str(v) for v in values], pa.string())
            return _number(texts, scale=int(pc.any(pc.match_substring(texts, ".")).as_py()))
        return pa.array(values)
    except (pa.ArrowException, OverflowError):
        raise DataError(
            f"column {name}: values of several types, or beyond the range of a type; convert it "
            f"in a query, such as SELECT CAST({name} AS VARCHAR(40)) AS {name} FROM ..."
        ) from None


def _plain(rows: pa.Table) -> pa.Table:
    """Rows with the types that files have: no decimals, no types of one database alone."""
    columns = [_plain_column(rows.field(n), rows[n]) for n in range(rows.num_columns)]
    return pa.table(columns, names=rows.column_names)


def _plain_column(field: pa.Field, values: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = field.type
    about = field.metadata or {}
    if about.get(b"POSTGRESQL:type") == b"money":  # its decimals depend on the server
        raise DataError(
            f"column {field.name}: type money; use CAST({field.name} AS NUMERIC(18, 2))"
        )
    if isinstance(kind, pa.UuidType):
        return pa.chunked_array([pa.array([v and str(v) for v in values.to_pylist()], pa.string())])
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
        values = values.cast(kind)
        if about.get(b"POSTGRESQL:type") == b"numeric":
            modifier = int(about.get(b"POSTGRESQL:typmod", b"-1"))
            return _number(values, scale=(modifier - 4) & 0x7FF if modifier >= 4 else 0)
        if about.get(b"POSTGRESQL:type", b"").startswith(b"unnamed"):  # an ENUM
            return values.cast(pa.string())
    if pa.types.is_decimal(kind):
        # By way of text, because Arrow's own conversion to doubles is not the nearest one.
        return _number(values.cast(pa.string()), scale=kind.scale)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        _refuse_endless(field.name, values)
    return values


def _number(texts: pa.ChunkedArray, *, scale: int) -> pa.ChunkedArray:
    """Decimals as doubles; whole numbers stay exact, because they may be ids."""
    if scale <= 0:
        with suppress(pa.ArrowInvalid):
            return texts.cast(pa.int64())
        with suppress(pa.ArrowInvalid):
            return texts.cast(pa.decimal128(38, 0))
    return texts.cast(pa.float64())


def _refuse_endless(name: str, days: pa.ChunkedArray) -> None:
    """PostgreSQL's 'infinity' would come out as some day."""
    outside = pc.invert(pc.is_in(pc.year(days), pa.array(range(1, 10_000)))).cast(pa.int64())
    count = pc.sum(pc.if_else(days.is_valid(), outside, 0)).as_py()
    if count:
        raise DataError(
            f"column {name}: days outside the years 1 to 9999 (such as 'infinity') in {count:,} "
            f"rows of those read; use a query with NULLIF({name}, 'infinity')"
        )
