"""Small tables and values, each detail by itself."""

from __future__ import annotations

import datetime as dt
import sqlite3
import uuid
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from bankcrm.databases.connection import connected, transaction, translated, url_of
from bankcrm.databases.reading import is_url, located, reading, table_query, tables_of
from bankcrm.databases.writing import ResultTable, replace_rows, stored_schema, whole_table
from bankcrm.errors import DatabaseError, DataError

sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed (extra sql)")

DAY, OTHER = dt.date(2026, 6, 30), dt.date(2026, 3, 31)


class Cursor:
    """A cursor of a driver that returns given rows."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self.rows = rows
        self.description = [("value", None, None, None, None, None, None)]

    def execute(self, query: str) -> None:
        assert query

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        found, self.rows = self.rows[:size], self.rows[size:]
        return found

    def close(self) -> None:
        pass


def column(*values: object) -> pa.ChunkedArray:
    """The values as a driver returns them, read as a column."""
    with reading(SimpleNamespace(cursor=lambda: Cursor([(v,) for v in values]))) as read:
        return pa.concat_tables(read("SELECT"), promote_options="permissive")["value"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([Decimal(7), None, Decimal(2**53 + 1)], pa.int64()),
        ([Decimal(10**30), None], pa.decimal128(38, 0)),
        ([Decimal("1.5"), Decimal(7)], pa.float64()),
        ([Decimal("0.25")], pa.float64()),
        ([Decimal("12.0")], pa.float64()),
        ([1, None, 2**62], pa.int64()),
        (["a", None], pa.string()),
        ([True, None], pa.bool_()),
        ([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)], pa.date32()),
    ],
)
def test_values_of_a_driver_keep_their_kind(values: list[object], kind: pa.DataType) -> None:
    found = column(*values)
    assert found.type == kind
    assert found.to_pylist() == values


def test_ids_that_are_uuids_are_texts() -> None:
    one = uuid.uuid4()
    assert column(one, None).to_pylist() == [str(one), None]
    with pytest.raises(DataError, match="column value: values of several types"):
        column(one, 7)
    with pytest.raises(DataError, match="column value: values of several types"):
        column("a", 7)


def test_a_name_of_a_table_is_quoted_by_its_parts() -> None:
    engine = sqlalchemy.create_engine("sqlite://")
    for source in ("sqlite://", sqlalchemy.make_url("sqlite://"), engine, SimpleNamespace()):
        assert table_query(source, "core.Txn") == 'SELECT * FROM core."Txn"'
    assert table_query(engine, "txn") == "SELECT * FROM txn"


def test_a_url_is_no_path() -> None:
    assert is_url("sqlite://")
    assert not is_url("a/b")
    assert not is_url(Path("a://b"))
    assert not is_url(7)


@pytest.mark.parametrize(
    ("url", "folder", "database"),
    [
        ("sqlite:///core.db", "bank", "bank/core.db"),
        ("sqlite:///core.db", None, "core.db"),
        ("sqlite://", "bank", None),
        ("sqlite:///:memory:", "bank", ":memory:"),
        ("postgresql://host/core", "bank", "core"),
    ],
)
def test_a_file_is_beside_its_book(url: str, folder: str | None, database: str | None) -> None:
    assert located(url, None if folder is None else Path(folder)).database == database


def test_no_file_is_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="no file"), reading(f"sqlite:///{tmp_path / 'x.db'}"):
        pass
    assert not list(tmp_path.iterdir())
    for memory in ("sqlite://", "sqlite:///:memory:", "sqlite:///file::memory:?uri=true"):
        with reading(memory) as read:
            assert [r for chunk in read("SELECT 1 AS n") for r in chunk.to_pylist()] == [{"n": 1}]
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.executescript("CREATE TABLE t (n INTEGER); CREATE VIEW v AS SELECT * FROM t")
    assert tables_of(f"sqlite:///{tmp_path / 'x.db'}") == ["t", "v"]


def test_the_driver_that_is_installed_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    find = "bankcrm.databases.connection.importlib.util.find_spec"
    for installed, driver in (
        ({"psycopg"}, "postgresql+psycopg"),
        ({"psycopg", "psycopg2"}, "postgresql"),
        ({"psycopg2"}, "postgresql"),
        (set(), "postgresql"),
    ):
        monkeypatch.setattr(find, lambda name, there=installed: name if name in there else None)
        assert url_of("postgresql://host/core").drivername == driver
        assert url_of("sqlite://").drivername == "sqlite"


DATABASE = type("DatabaseError", (Exception,), {})
LONG = "a\tb  c" + "x" * 400 + "\nJohn Doe"
HIDDEN = "; the message is left out, because it may contain personal data"


def error(name: str, text: str = LONG, **parts: object) -> Exception:
    """An error of a driver, of a class with a name of Python's database API."""
    made: Exception = type(name, (DATABASE,), parts)(text)
    return made


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (error("OperationalError"), "a b c" + "x" * 295),
        (error("OperationalError", " \n"), "OperationalError"),
        (error("ProgrammingError", diag=SimpleNamespace(message_primary="no table")), "no table"),
        (error("IntegrityError", diag=SimpleNamespace(table_name="t", constraint_name="c")),
         f"IntegrityError t c{HIDDEN}"),
        (error("DataError"), f"DataError{HIDDEN}"),
        (error("SQLAlchemyError", orig=error("OperationalError")), f"OperationalError{HIDDEN}"),
    ],
)  # fmt: skip
def test_an_error_of_a_driver_shows_no_value(raised: Exception, message: str) -> None:
    with pytest.raises(DatabaseError) as caught, translated():
        raise raised
    assert str(caught.value) == f"database: {message}"


def test_other_errors_are_not_of_the_database() -> None:
    with pytest.raises(ZeroDivisionError), translated():
        raise ZeroDivisionError
    with pytest.raises(DataError, match="own"), translated():
        raise DataError("own")
    with pytest.raises(DatabaseError, match="no dialect nosuch; install its package"), translated():
        sqlalchemy.create_engine("nosuch://host/x")


FRAME = pd.DataFrame(
    {
        "n": [1, 2],
        "part": [0.5, None],
        "yes": [True, False],
        "day": pd.to_datetime(["2026-01-01", None]).astype("datetime64[s]"),
        "time": pd.to_datetime(["2026-01-01 10:00", None]).astype("datetime64[us]"),
        "instant": pd.to_datetime(["2026-01-01 10:00+08:00", None]).astype(
            "datetime64[us, Asia/Shanghai]"
        ),
        "code": pd.Categorical(["b", None]),
    },
    index=pd.Index(["x", "y"], name="id"),
)
STORED = {
    "review_date": "DATE", "id": "TEXT", "n": "BIGINT", "part": "DOUBLE", "yes": "BOOLEAN",
    "day": "DATE", "time": "DATETIME", "instant": "DATETIME", "code": "TEXT",
}  # fmt: skip


def described(path: Path, table: str = "t") -> dict[str, tuple[str, int]]:
    """Column -> its type, and its place in the key."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(f"PRAGMA table_info({table})").fetchall()
    return {row[1]: (row[2], row[5]) for row in rows}


def selected(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_a_table_is_made_with_its_types_and_key(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    replace_rows(f"sqlite:///{path}", DAY, [whole_table("t", FRAME, ("id",))])
    found = described(path)
    assert {name: kind for name, (kind, _) in found.items()} == STORED
    assert [name for name, (_, key) in found.items() if key] == ["review_date", "id"]
    rows = selected(path, "SELECT id, n, part, yes, day, time, instant, code FROM t ORDER BY id")
    assert rows[0][:5] == ("x", 1, 0.5, 1, "2026-01-01")
    assert rows[0][6].startswith("2026-01-01 02:00:00"), "instants are in UTC"
    assert rows[1] == ("y", 2, None, 0, None, None, None, None)
    replace_rows(f"sqlite:///{path}", DAY, [whole_table("plain", FRAME.reset_index(drop=True))])
    assert "id" not in described(path, "plain")
    assert not [name for name, (_, key) in described(path, "plain").items() if key]


def test_a_day_is_replaced_alone(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    for day, rows in ((DAY, FRAME), (OTHER, FRAME.head(1)), (DAY, FRAME.tail(1))):
        replace_rows(f"sqlite:///{path}", day, [whole_table("t", rows)])
    query = "SELECT review_date, id FROM t ORDER BY 1"
    assert selected(path, query) == [(OTHER.isoformat(), "x"), (DAY.isoformat(), "y")]


def test_an_empty_table_is_made_where_its_types_are_known(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    empty = FRAME.head(0)
    tables = [whole_table("known", empty), whole_table("unknown", empty, typed=False)]
    replace_rows(f"sqlite:///{path}", DAY, tables)
    assert set(described(path, "known")) == set(STORED)
    assert not described(path, "unknown")
    filled = whole_table("unknown", FRAME, typed=False)
    assert filled.ready
    replace_rows(f"sqlite:///{path}", DAY, [filled])
    assert set(described(path, "unknown")) == set(STORED)
    replace_rows(f"sqlite:///{path}", OTHER, [whole_table("unknown", empty, typed=False)])
    schema = stored_schema([pa.Table.from_pandas(FRAME).schema])
    given = ResultTable("later", schema, list)
    assert given.ready, "a schema that is given has types"


def test_many_rows_are_written_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    many = pd.DataFrame({"n": range(12_001)})
    replace_rows(f"sqlite:///{path}", DAY, [whole_table("t", many)])
    assert selected(path, "SELECT COUNT(*), SUM(n), MAX(n) FROM t") == [
        (12_001, 12_001 * 6_000, 12_000)
    ]


@pytest.mark.parametrize(
    ("column", "kind", "fault"),
    [
        ("n", "TEXT", "n is TEXT, expected BIGINT"),
        ("n", "NUMERIC", ""),
        ("n", "FLOAT", ""),
        ("part", "INTEGER", ""),
        ("part", "BOOLEAN", "part is BOOLEAN, expected DOUBLE"),
        ("yes", "INTEGER", "yes is INTEGER, expected BOOLEAN"),
        ("day", "TEXT", "day is TEXT, expected DATE"),
        ("day", "DATETIME", "day is DATETIME, expected DATE"),
        ("time", "DATE", "time is DATE, expected DATETIME"),
        ("instant", "TEXT", "instant is TEXT, expected DATETIME"),
        ("code", "DATE", "code is DATE, expected TEXT"),
        ("code", "VARCHAR(9)", ""),
    ],
)
def test_a_column_of_another_kind_is_reported(
    tmp_path: Path, column: str, kind: str, fault: str
) -> None:
    path = tmp_path / "crm.db"
    columns = ", ".join(f"{n} {kind if n == column else k}" for n, k in STORED.items())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE t ({columns})")
    whole = FRAME.assign(part=[2.0, None])
    if not fault:
        replace_rows(f"sqlite:///{path}", DAY, [whole_table("t", whole)])
        assert selected(path, "SELECT n, part FROM t ORDER BY n") == [(1, 2), (2, None)]
        return
    with pytest.raises(DataError) as caught:
        replace_rows(f"sqlite:///{path}", DAY, [whole_table("t", whole)])
    assert str(caught.value).splitlines()[1:] == [f"  t: {fault}"]
    missing = whole.drop(columns=["n", "code"])
    with pytest.raises(DataError) as caught:
        replace_rows(f"sqlite:///{path}", DAY, [whole_table("t", missing.assign(more=1))])
    lines = str(caught.value).splitlines()
    assert "  t: missing column(s) more" in lines
    assert "  t: column(s) that a review does not have: n, code" in lines


def test_a_column_that_says_nothing_fits_any_other(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    replace_rows(f"sqlite:///{path}", DAY, [whole_table("t", FRAME)])
    nothing = pa.table({"id": ["z"], **{n: pa.nulls(1) for n in FRAME.columns}})
    parts = ResultTable("t", stored_schema([nothing.schema]), lambda: [nothing])
    replace_rows(f"sqlite:///{path}", OTHER, [parts])
    assert selected(path, "SELECT * FROM t WHERE id = 'z'") == [
        (OTHER.isoformat(), "z", *[None] * len(FRAME.columns))
    ]


def test_numbers_with_decimals_do_not_go_to_a_column_of_whole_ones(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    replace_rows(f"sqlite:///{path}", DAY, [whole_table("t", FRAME[["n"]])])
    with pytest.raises(DataError, match="t: n has numbers with decimals"):
        replace_rows(f"sqlite:///{path}", OTHER, [whole_table("t", FRAME[["n"]] + 0.5)])
    replace_rows(f"sqlite:///{path}", OTHER, [whole_table("t", FRAME[["n"]].astype(float))])
    assert selected(path, "SELECT n, typeof(n) FROM t WHERE review_date < '2026-06'") == [
        (1, "integer"), (2, "integer"),
    ]  # fmt: skip


def test_parts_lack_columns_and_names_choose_them(tmp_path: Path) -> None:
    parts = [pa.table({"a": [1], "b": ["x"]}), pa.table({"a": [2.5], "c": [True]})]
    schema = stored_schema([p.schema for p in parts], ["c", "a", "d", "b"])
    assert schema.names == ["c", "a", "b"]
    assert schema.field("a").type == pa.float64()
    assert stored_schema([p.schema for p in parts]).names == ["a", "b", "c"]
    path = tmp_path / "crm.db"
    replace_rows(f"sqlite:///{path}", DAY, [ResultTable("t", schema, lambda: parts)])
    assert selected(path, "SELECT a, b, c FROM t ORDER BY a") == [(1, "x", None), (2.5, None, 1)]


# --- transactions ---


def count(path: Path) -> int:
    """The rows of the table, -1 without it."""
    try:
        return int(selected(path, "SELECT COUNT(*) FROM t")[0][0])
    except sqlite3.OperationalError:
        return -1


def failing(database: Any, *statements: str) -> None:
    """A block of statements that fails at its end."""
    with transaction(database) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        raise ZeroDivisionError


MADE = "CREATE TABLE IF NOT EXISTS t (n INTEGER)"


def test_a_block_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    for rows in (-1, 1):
        with pytest.raises(ZeroDivisionError):
            failing(f"sqlite:///{path}", MADE, "INSERT INTO t VALUES (1)")
        assert count(path) == rows
        with transaction(f"sqlite:///{path}") as connection:
            connection.exec_driver_sql(MADE)
            connection.exec_driver_sql("INSERT INTO t VALUES (2)")
        assert count(path) == (1 if rows < 0 else 2)


@pytest.mark.parametrize("kept", [True, False])
def test_a_block_in_a_transaction_of_the_caller_is_a_part_of_it(tmp_path: Path, kept: bool) -> None:
    path = tmp_path / "crm.db"
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    with engine.connect() as own:
        own.exec_driver_sql("CREATE TABLE t (n INTEGER)")
        own.commit()
        own.execute(sqlalchemy.text("INSERT INTO t VALUES (1)"))
        assert own.in_transaction()
        with transaction(own) as same:
            assert same is own
            same.exec_driver_sql("INSERT INTO t VALUES (2)")
        with pytest.raises(ZeroDivisionError):
            failing(own, "INSERT INTO t VALUES (3)")
        assert own.in_transaction()
        assert not own.closed
        assert count(path) == 0, "nothing is committed yet"
        (own.commit if kept else own.rollback)()
    assert count(path) == (2 if kept else 0)
    with connected(engine) as other:
        assert other.exec_driver_sql("SELECT COUNT(*) FROM t").scalar() == (2 if kept else 0)
    assert other.closed
    engine.dispose()


@pytest.mark.parametrize(("autocommit", "refused"), [(True, True), (False, False), (-1, False)])
def test_a_connection_that_commits_each_statement_undoes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autocommit: object, refused: bool
) -> None:
    """SQLite's -1 stands for the way of Python before it had the setting."""

    class Driver(sqlite3.Connection):
        autocommit: Any = None

    monkeypatch.setattr(Driver, "autocommit", autocommit)
    engine = sqlalchemy.create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(tmp_path / "crm.db", factory=Driver)
    )
    if refused:
        with pytest.raises(DataError, match="in autocommit mode"), transaction(engine):
            pass
    else:
        with transaction(engine) as connection:
            connection.exec_driver_sql("CREATE TABLE t (n INTEGER)")
        assert count(tmp_path / "crm.db") == 0
    engine.dispose()
