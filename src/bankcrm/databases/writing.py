"""The tables of a review in a database, written in one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
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
        schema: Its columns, without ``review_date``.
        parts: Returns its rows, part by part.
        key: Columns that identify a row of one review date; None: there are none.
    """

    name: str
    schema: pa.Schema
    parts: Callable[[], Iterable[pa.Table]]
    key: tuple[str, ...] | None = None


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
    with transaction(database) as connection:
        targets = [_table(t, schema) for t in tables]
        _create_or_check(connection, targets, schema)
        for source, target in zip(tables, targets, strict=True):
            connection.execute(target.delete().where(target.c[DAY] == day))
            for part in source.parts():
                _insert(connection, target, _plain(part, source.schema), day)


def whole_table(name: str, frame: pd.DataFrame, key: tuple[str, ...] | None = None) -> ResultTable:
    """A frame in memory as a table to write; a named index comes first.

    Args:
        name: The name of the table.
        frame: The rows.
        key: Columns that identify a row of one review date; None: there are none.
    """
    named = frame if frame.index.name is None else frame.reset_index()
    rows = pa.Table.from_pandas(named, preserve_index=False)
    return ResultTable(name, stored_schema([rows.schema]), lambda: [rows], key)


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


def _plain(part: pa.Table, schema: pa.Schema) -> pa.Table:
    """A part with the columns and types of the stored table; a column that it lacks is null."""
    columns = [
        part[f.name].cast(f.type) if f.name in part.column_names else pa.nulls(len(part), f.type)
        for f in schema
    ]
    return pa.table(columns, schema=schema)


def _insert(connection: sqlalchemy.Connection, target: Any, rows: pa.Table, day: dt.date) -> None:
    for batch in rows.to_batches(max_chunksize=_ROWS):
        if batch.num_rows:
            dated = batch.append_column(DAY, pa.repeat(day, len(batch)).cast(pa.date32()))
            connection.execute(target.insert(), dated.to_pylist())


def _table(source: ResultTable, schema: str | None) -> sqlalchemy.Table:
    import sqlalchemy as sa

    key = () if source.key is None else (DAY, *source.key)
    columns = [sa.Column(DAY, sa.Date(), nullable=False, primary_key=DAY in key)]
    for field in source.schema:
        own = field.name in key
        columns.append(
            sa.Column(field.name, _type(field.type), primary_key=own, autoincrement=False)
        )
    return sa.Table(source.name, sa.MetaData(), *columns, schema=schema)


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


def _create_or_check(
    connection: sqlalchemy.Connection, targets: Sequence[Any], schema: str | None
) -> None:
    import sqlalchemy as sa

    present = sa.inspect(connection)
    faults: list[str] = []
    for target in targets:
        if present.has_table(target.name, schema=schema):
            found = {c["name"]: c["type"] for c in present.get_columns(target.name, schema=schema)}
            faults += [f"{target.name}: {fault}" for fault in _differences(target, found)]
        else:
            target.create(connection)
    if faults:
        raise DataError(
            "\n  ".join(
                [
                    "database: tables of other columns than those of this review; alter or rename "
                    "them, or write to another schema or database; nothing was changed",
                    *faults,
                ]
            )
        )


def _differences(target: Any, found: dict[str, Any]) -> list[str]:
    names = [c.name for c in target.columns]
    faults = []
    if missing := [n for n in names if n not in found]:
        faults.append(f"missing column(s) {', '.join(missing)}")
    if more := [n for n in found if n not in names]:
        faults.append(f"column(s) that a review does not have: {', '.join(more)}")
    faults += [
        f"{c.name} is {found[c.name]}, expected {c.type}"
        for c in target.columns
        if c.name in found and not _fits(c.type, found[c.name])
    ]
    return faults


def _fits(expected: Any, found: Any) -> bool:
    """Whether a column of a type takes the values; whole numbers fit numbers."""
    import sqlalchemy as sa

    kinds = (sa.Boolean, sa.Integer, sa.Float, sa.Date, sa.DateTime, sa.String)
    [kind] = [k for k in kinds if isinstance(expected, k)]
    takers = (kind, sa.Numeric) if kind is sa.Integer else (kind,)
    return isinstance(found, takers)
