"""The tables of a review in a database, written in one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import pandas as pd
import pyarrow as pa

from bankcrm.databases.connection import Database, transaction
from bankcrm.errors import DataError

if TYPE_CHECKING:
    import sqlalchemy

DAY = "review_date"
_ROWS = 5_000  # of one statement; more are not faster and need more memory


@attrs.frozen
class ResultTable:
    """A table to write.

    Attributes:
        name: Its name.
        schema: Its columns, without ``review_date``; none where there are no results to write.
        parts: Returns its rows, part by part.
        key: Columns that identify a row of one review date; None: there are none.
        typed: Whether the types are known without a row; else an empty table is not created.
    """

    name: str
    schema: pa.Schema
    parts: Callable[[], Iterable[pa.Table]]
    key: tuple[str, ...] | None = None
    typed: bool = True

    @property
    def ready(self) -> bool:
        """Whether the types of the columns are known."""
        return self.typed or any(part.num_rows for part in self.parts())


def replace_rows(
    database: Database, day: dt.date, tables: Sequence[ResultTable], schema: str | None = None
) -> None:
    """Replace the rows of a review date in one transaction; tables that do not exist are created.

    Args:
        database: The database; see `bankcrm.databases.connection.connected`.
        day: The review date.
        tables: The tables.
        schema: The schema of the tables; None: the default of the connection.

    Raises:
        DataError: A table exists with other columns; all differences are reported together.
        DatabaseError: The database refuses a statement, or the connection is lost.
    """
    import sqlalchemy as sa

    with transaction(database) as connection:
        present = sa.inspect(connection)
        found = {
            table.name: {c["name"]: c["type"] for c in present.get_columns(table.name, schema)}
            for table in tables
            if present.has_table(table.name, schema)
        }
        _refuse_differences(tables, found)
        for table in tables:
            _replace(connection, table, day, schema, found.get(table.name))


def whole_table(
    name: str, frame: pd.DataFrame, key: tuple[str, ...] | None = None, *, typed: bool = True
) -> ResultTable:
    """A frame in memory as a table to write; a named index comes first.

    Args:
        name: The name of the table.
        frame: The rows.
        key: Columns that identify a row of one review date; None: there are none.
        typed: Whether the types are known without a row.
    """
    named = frame if frame.index.name is None else frame.reset_index()
    rows = pa.Table.from_pandas(named, preserve_index=False)
    schema = stored_schema([rows.schema])
    if not typed and not len(rows):
        schema = pa.schema([field.with_type(pa.null()) for field in schema])
    return ResultTable(name, schema, lambda: [rows], key, typed)


def stored_schema(schemas: Iterable[pa.Schema], names: Sequence[str] | None = None) -> pa.Schema:
    """One schema for parts whose types may differ: words without codes, instants in UTC.

    Args:
        schemas: The schemas of the parts.
        names: The columns, in order; those that no part has are left out. None: all.
    """
    flat = [pa.schema([(f.name, _flat(f.type)) for f in schema]) for schema in schemas]
    whole = pa.unify_schemas(flat, promote_options="permissive")
    present = whole.names if names is None else [n for n in names if n in whole.names]
    return pa.schema([whole.field(name) for name in present])


def _flat(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_timestamp(kind):
        # SQLite stores no zone. Days are timestamps of whole seconds without a zone.
        return pa.timestamp("us", "UTC") if kind.tz else _naive(kind)
    return kind


def _naive(kind: pa.DataType) -> pa.DataType:
    return pa.date32() if kind.unit == "s" else pa.timestamp("us")


def _replace(
    connection: sqlalchemy.Connection,
    table: ResultTable,
    day: dt.date,
    schema: str | None,
    found: Mapping[str, Any] | None,
) -> None:
    """Replace the rows of one table, of which ``found`` has the columns if it exists."""
    stored = table.schema if found is None else _as_stored(table.schema, found)
    target = _table(table, stored, schema)
    if found is not None:
        connection.execute(target.delete().where(target.c[DAY] == day))
    elif table.ready:
        target.create(connection)
    for part in filter(len, table.parts()):
        rows = _plain(part, stored, table.name)
        for batch in rows.to_batches(max_chunksize=_ROWS):
            dated = batch.append_column(DAY, pa.repeat(day, len(batch)).cast(pa.date32()))
            connection.execute(target.insert(), dated.to_pylist())


def _plain(part: pa.Table, stored: pa.Schema, name: str) -> pa.Table:
    """A part with the columns and types of the stored table; a column that it lacks is null."""
    columns = []
    for field in stored:
        if field.name not in part.column_names:
            columns.append(pa.nulls(len(part), field.type))
            continue
        try:
            columns.append(part[field.name].cast(field.type))
        except pa.ArrowInvalid:
            raise DataError(
                f"{name}: {field.name} has numbers with decimals, and the column of the database "
                "takes whole numbers; alter its type to DOUBLE PRECISION"
            ) from None
    return pa.table(columns, schema=stored)


def _table(table: ResultTable, stored: pa.Schema, schema: str | None) -> sqlalchemy.Table:
    import sqlalchemy as sa

    key = () if table.key is None else (DAY, *table.key)
    fields = [pa.field(DAY, pa.date32()), *stored]
    columns = [
        sa.Column(f.name, _type(f.type), primary_key=f.name in key, autoincrement=False)
        for f in fields
    ]
    return sa.Table(table.name, sa.MetaData(), *columns, schema=schema)


def _type(kind: pa.DataType) -> Any:
    """The SQL type of an Arrow type."""
    import sqlalchemy as sa

    if pa.types.is_boolean(kind):
        return sa.Boolean()
    if pa.types.is_integer(kind):
        return sa.BigInteger()
    if pa.types.is_floating(kind):
        return sa.Double()
    if pa.types.is_date(kind):
        return sa.Date()
    if pa.types.is_timestamp(kind):
        return sa.DateTime(timezone=kind.tz is not None)
    return sa.Text()


def _refuse_differences(
    tables: Sequence[ResultTable], found: Mapping[str, Mapping[str, Any]]
) -> None:
    faults = [
        f"{table.name}: {fault}"
        for table in tables
        if table.name in found and table.schema.names
        for fault in _differences(table.schema, found[table.name])
    ]
    if faults:
        head = (
            "database: tables with other columns than this review has; alter or rename them, or "
            "write to another schema or database; nothing was changed"
        )
        raise DataError("\n  ".join([head, *faults]))


def _differences(schema: pa.Schema, found: Mapping[str, Any]) -> list[str]:
    """How the columns of a table in the database differ from those to write."""
    faults = []
    if missing := [n for n in (DAY, *schema.names) if n not in found]:
        faults.append(f"missing column(s) {', '.join(missing)}")
    if more := [n for n in found if n not in (DAY, *schema.names)]:
        faults.append(f"column(s) that a review does not have: {', '.join(more)}")
    return faults + [
        f"{field.name} is {found[field.name]}, expected {_type(field.type)}"
        for field in schema
        if field.name in found and not _fits(field.type, found[field.name])
    ]


def _fits(kind: pa.DataType, found: Any) -> bool:
    """Whether a column of the database takes the values; a column without a value says nothing."""
    import sqlalchemy as sa

    if pa.types.is_null(kind):
        return True
    if pa.types.is_boolean(kind):
        return isinstance(found, sa.Boolean)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return isinstance(found, sa.Integer | sa.Numeric | sa.Float)
    family = sa.Date if pa.types.is_date(kind) else sa.String
    return isinstance(found, sa.DateTime if pa.types.is_timestamp(kind) else family)


def _as_stored(schema: pa.Schema, found: Mapping[str, Any]) -> pa.Schema:
    """A schema whose numbers are whole where the column of the database is.

    Whether a column of whole numbers has nulls decides its type in memory.
    """
    import sqlalchemy as sa

    return pa.schema(
        [
            field.with_type(pa.int64())
            if pa.types.is_floating(field.type) and isinstance(found[field.name], sa.Integer)
            else field
            for field in schema
        ]
    )
