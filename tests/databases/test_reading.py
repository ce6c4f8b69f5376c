"""Rows of tables and queries: every value as it stands in the database, whatever reads it."""

from __future__ import annotations

import datetime as dt
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bankcrm.databases.connection import PASSWORD, url_of
from bankcrm.databases.reading import CHUNK, reading, table_query
from bankcrm.errors import DatabaseError, DataError

sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed (extra sql)")

WAYS = ("url", "without adbc", "engine", "connection", "driver", "adbc")


@pytest.fixture(params=WAYS)
def source(
    request: pytest.FixtureRequest, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """One PostgreSQL database, opened in every way."""
    import psycopg

    engine = sqlalchemy.create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"))
    if request.param == "url":
        pytest.importorskip("adbc_driver_postgresql", reason="ADBC is not installed (extra test)")
        yield postgres
    elif request.param == "without adbc":
        monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
        yield postgres
    elif request.param == "engine":
        yield engine
    elif request.param == "connection":
        with engine.connect() as connection:
            yield connection
    elif request.param == "driver":
        with psycopg.connect(postgres) as connection:
            yield connection
    else:
        adbc = pytest.importorskip("adbc_driver_postgresql.dbapi", reason="ADBC is not installed")
        with adbc.connect(postgres) as connection:
            yield connection
    engine.dispose()


def rows(source: Any, query: str) -> list[dict[str, Any]]:
    """All rows of a query."""
    with reading(source) as read:
        return pa.concat_tables(read(query), promote_options="permissive").to_pylist()


VALUES = {
    "9007199254740993::bigint": 2**53 + 1,
    "1234567890123456789::numeric(19, 0)": 1234567890123456789,
    "12345678901234567890123::numeric(30, 0)": Decimal("12345678901234567890123"),
    "1200.10::numeric(18, 2)": 1200.1,
    "1200.10::numeric": 1200.1,
    "17850::numeric": 17850,
    "0.1::double precision": 0.1,
    "true": True,
    "'客户 %(x)s :name %'::text": "客户 %(x)s :name %",
    "date '2024-02-29'": dt.date(2024, 2, 29),
    "timestamp '2024-02-29 10:00:00.25'": dt.datetime(2024, 2, 29, 10, 0, 0, 250_000),
    "timestamptz '2024-02-29 10:00:00+08'": dt.datetime(2024, 2, 29, 2, tzinfo=dt.UTC),
    "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "'card'::word": "card",
}
"""SQL -> its value in Python."""


def test_every_value_is_read_exactly(source: Any, postgres: str) -> None:
    """Large ids, decimals, zones, and a null beside each of them."""
    import psycopg

    with psycopg.connect(postgres) as connection:
        connection.execute("CREATE TYPE word AS ENUM ('card', 'fee')")
    names = [f"c{n}" for n in range(len(VALUES))]
    listed = ", ".join(f"{sql} AS {name}" for name, sql in zip(names, VALUES, strict=True))
    nulls = ", ".join("NULL" for _ in names)
    first, second = rows(source, f"SELECT {listed} UNION ALL SELECT {nulls}")
    assert first == dict(zip(names, VALUES.values(), strict=True))
    assert set(second.values()) == {None}


def test_days_without_end_are_not_read_as_some_day(source: Any) -> None:
    """PostgreSQL's 'infinity' is no day that a book can hold."""
    for kind in ("date", "timestamp"):
        query = f"SELECT 'infinity'::{kind} AS closed UNION ALL SELECT '2024-01-01'"
        with pytest.raises((DataError, DatabaseError)) as caught:
            rows(source, query)
        assert "Traceback" not in str(caught.value)


def test_an_empty_table_has_its_columns(source: Any) -> None:
    """A frame without a row is a frame."""
    with reading(source) as read:
        table = pa.concat_tables(read("SELECT 1 AS a, 'x' AS b LIMIT 0"))
    assert (table.column_names, len(table)) == (["a", "b"], 0)


@pytest.mark.parametrize("adbc", [True, False])
def test_all_queries_see_one_state(
    postgres: str, adbc: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another connection commits between two frames would make them contradict each other."""
    import psycopg

    if not adbc:
        monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    with psycopg.connect(postgres, autocommit=True) as other:
        other.execute("CREATE TABLE one AS SELECT 1 AS n")
        with reading(postgres) as read:
            before = sum(len(chunk) for chunk in read("SELECT n FROM one"))
            other.execute("INSERT INTO one VALUES (2)")
            after = sum(len(chunk) for chunk in read("SELECT n FROM one"))
    assert before == after == 1


def test_rows_come_in_chunks(tmp_path: Path) -> None:
    """A large table is not read as a whole; types of later chunks join those of the first."""
    path = tmp_path / "bank.db"
    count = CHUNK * 2 + 7
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (n INTEGER, later TEXT)")
        connection.executemany(
            "INSERT INTO t VALUES (?, ?)",
            ((n, None if n < CHUNK else "x") for n in range(count)),
        )
        connection.commit()
    with reading(f"sqlite:///{path}") as read:
        chunks = list(read(table_query(f"sqlite:///{path}", "t")))
    assert [len(c) for c in chunks] == [0, CHUNK, CHUNK, 7]
    whole = pa.concat_tables(chunks, promote_options="permissive")
    assert whole["n"].to_pylist() == list(range(count))
    assert whole["later"].null_count == CHUNK


def test_values_of_several_types_name_the_column(tmp_path: Path) -> None:
    """SQLite takes any value in any column."""
    with closing(sqlite3.connect(":memory:")) as connection:
        query = "SELECT 1 AS mixed UNION ALL SELECT 'Ada'"
        with reading(connection) as read, pytest.raises(DataError, match="column mixed") as caught:
            list(read(query))
    assert "Ada" not in str(caught.value)


def test_a_table_that_is_not_there_is_named(source: Any) -> None:
    """One line, without the query."""
    with pytest.raises(DatabaseError, match='"nothing" does not exist') as caught:
        rows(source, "SELECT * FROM nothing WHERE name = 'Ada'")
    assert "Ada" not in str(caught.value)


def test_a_value_that_fails_is_not_shown(source: Any) -> None:
    """PostgreSQL prints it: a name, perhaps."""
    with pytest.raises(DatabaseError) as caught:
        rows(source, "SELECT CAST('Ada' || n AS INTEGER) AS x FROM generate_series(1, 2) t(n)")
    assert "Ada" not in str(caught.value)


def test_the_type_money_is_refused(postgres: str) -> None:
    """ADBC reads it as hundredths without a word."""
    pytest.importorskip("adbc_driver_postgresql", reason="ADBC is not installed (extra test)")
    with pytest.raises(DataError, match=r"amount: type money; use CAST\(amount AS NUMERIC"):
        rows(postgres, "SELECT 12.5::money AS amount")


def test_the_password_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a URL that has none takes it."""
    monkeypatch.setenv(PASSWORD, "s3cret")
    assert url_of("postgresql+psycopg://bank@host/crm").password == "s3cret"
    assert url_of("postgresql+psycopg://bank:own@host/crm").password == "own"
    assert url_of("sqlite:///crm.db").password is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://bank:s3cret@127.0.0.1:1/crm",
        "postgresql://bank:s3cret@127.0.0.1:port/crm",
        "nosuch://bank:s3cret@host/crm",
        "postgresql+nosuch://bank:s3cret@host/crm",
        "s3cret",
    ],
)
def test_no_error_shows_a_password(url: str) -> None:
    """A server that does not answer, and URLs that are wrong."""
    with pytest.raises((DatabaseError, DataError)) as caught:
        rows(url, "SELECT 1")
    assert "s3cret" not in str(caught.value)
    assert "database" in str(caught.value)


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLAlchemy loads drivers when they are needed."""
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(DatabaseError, match="driver pymysql is not installed"):
        rows("mysql+pymysql://bank@host/crm", "SELECT 1")
