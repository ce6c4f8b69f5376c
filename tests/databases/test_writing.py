"""Results in a database: all of a review or nothing, one review date at a time."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bankcrm import Book, Review, review
from bankcrm.datasets import make_book
from bankcrm.errors import DatabaseError, DataError
from bankcrm.reviews.engine_review import EngineReview

sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed (extra sql)")

TABLES = ("customers", "complaints", "findings", "summary")
BOOK = make_book(300, seed=7)
DAY, EARLIER = dt.date(2026, 6, 30), dt.date(2026, 3, 31)


@pytest.fixture(scope="module")
def later() -> Review:
    return review(BOOK, as_of=DAY)


@pytest.fixture(scope="module")
def before() -> Review:
    return review(BOOK, as_of=EARLIER)


@pytest.fixture(scope="module")
def streamed() -> EngineReview:
    pytest.importorskip("duckdb", reason="duckdb is not installed (extra engines)")
    found = review(BOOK, as_of=DAY, engine="duckdb", blocks=3)
    assert isinstance(found, EngineReview)
    return found


def rows(url: str, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query, read by the database's own driver."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return connection.execute(sql).fetchall()
    import psycopg

    with psycopg.connect(url) as connection:
        return connection.execute(sql).fetchall()


def run(url: str, *statements: str) -> None:
    """Run statements with SQLAlchemy's own connection."""
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def content(url: str) -> dict[str, set[tuple[Any, ...]]]:
    """All rows of all tables."""
    return {name: set(rows(url, f"SELECT * FROM {name}")) for name in TABLES}


def plain(frame: pd.DataFrame) -> set[tuple[Any, ...]]:
    """The rows of a frame as a database returns them: None for missing, days as dates."""
    columns = []
    for name in frame.columns:
        values = frame[name]
        if values.dtype.kind == "M" and values.dt.tz is None:
            values = values.dt.date
        columns.append(values.astype(object).where(values.notna().to_numpy(), None))
    return set(zip(*columns, strict=True))


def test_what_is_written_is_the_review(database: str, later: Review) -> None:
    """Every customer with every column, exact to the last bit; nulls are null."""
    later.to_database(database)
    shown = ["customer_id", *later.customers.columns]
    columns = ", ".join(f'"{c}"' for c in shown)
    assert set(rows(database, f"SELECT {columns} FROM customers")) == plain(
        later.customers.reset_index()
    )
    assert rows(database, "SELECT complaint_id FROM complaints ORDER BY 1") == [
        (i,) for i in sorted(later.complaints.index)
    ]
    [(day, book, figures)] = rows(database, "SELECT * FROM summary")
    assert (str(day), book, json.loads(figures)) == (str(DAY), later.name, dict(later.summary))


def test_instants_are_in_utc(database: str, later: Review) -> None:
    """A database without zones must not store the local time of a zone that it does not name."""
    later.to_database(database)
    [(found,)] = rows(database, "SELECT received_at FROM complaints ORDER BY complaint_id LIMIT 1")
    expected = later.complaints["received_at"].sort_index().iloc[0].tz_convert("UTC")
    moment = pd.Timestamp(found)
    assert (moment if moment.tzinfo else moment.tz_localize("UTC")) == expected


def test_one_review_date_is_replaced_and_others_stay(
    database: str, later: Review, before: Review
) -> None:
    """Writing twice is writing once; the order of the dates does not matter."""
    later.to_database(database)
    once = content(database)
    before.to_database(database)
    later.to_database(database)
    dates = rows(database, "SELECT review_date, COUNT(*) FROM customers GROUP BY 1 ORDER BY 1")
    sizes = [(str(EARLIER), len(before.customers)), (str(DAY), len(later.customers))]
    assert [(str(d), n) for d, n in dates] == sizes
    both = content(database)
    assert all(once[name] <= both[name] for name in TABLES)


def test_the_parts_of_an_engine_are_the_same_rows(
    database: str, later: Review, streamed: EngineReview
) -> None:
    """A review on an engine writes every customer, not only those that its report explains."""
    assert len(streamed.output.files) > 1
    found = []
    for result in (later, streamed):
        result.to_database(database)
        written = rows(database, "SELECT * FROM customers ORDER BY customer_id")
        found.append((pd.DataFrame(written), content(database)["complaints"]))
    pd.testing.assert_frame_equal(found[0][0], found[1][0])  # amounts to 1e-5 relative
    assert found[0][1] == found[1][1]


def test_a_failure_in_the_middle_leaves_the_earlier_rows(
    database: str, before: Review, later: Review, tmp_path: Path
) -> None:
    """A part that cannot be read comes after rows that were written already."""
    later.to_database(database)
    kept = content(database)
    broken = review(BOOK, as_of=DAY, engine="duckdb", blocks=3, out=tmp_path / "out")
    assert isinstance(broken, EngineReview)
    last = broken.output.files[-1]
    whole = last.read_bytes()
    last.write_bytes(whole[:4] + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :])
    with pytest.raises(OSError):
        broken.to_database(database)
    assert content(database) == kept


def test_a_failure_of_the_first_review_leaves_no_table(database: str, later: Review) -> None:
    """Tables are created in the transaction; a table of others in the way is not touched."""
    run(database, "CREATE TABLE findings (own INTEGER)", "INSERT INTO findings VALUES (1)")
    with pytest.raises(DataError, match="findings: missing column") as caught:
        later.to_database(database)
    assert "column(s) that a review does not have: own" in str(caught.value)
    assert rows(database, "SELECT own FROM findings") == [(1,)]
    inspected = sqlalchemy.inspect(
        sqlalchemy.create_engine(database.replace("postgresql:", "postgresql+psycopg:"))
    )
    assert inspected.get_table_names() == ["findings"]


def test_other_columns_and_types_are_reported_together(database: str, later: Review) -> None:
    """Each table and column that differs, in one error, and nothing is written."""
    later.to_database(database)
    kept = rows(database, "SELECT COUNT(*) FROM findings")
    run(
        database,
        "ALTER TABLE customers RENAME COLUMN tier TO class",
        "ALTER TABLE complaints DROP COLUMN due",
        "ALTER TABLE complaints ADD COLUMN due INTEGER",
    )
    with pytest.raises(DataError) as caught:
        later.to_database(database)
    text = str(caught.value)
    assert "customers: missing column(s) tier" in text
    assert "customers: column(s) that a review does not have: class" in text
    assert "complaints: due is INTEGER, expected DATE" in text
    assert rows(database, "SELECT COUNT(*) FROM findings") == kept


def test_whole_numbers_fit_a_column_of_numbers(database: str, later: Review) -> None:
    """A bank that made the column itself as DOUBLE or NUMERIC is not refused."""
    later.to_database(database)
    run(database, *(f"DELETE FROM {name}" for name in TABLES),
        "ALTER TABLE customers DROP COLUMN frequency",
        "ALTER TABLE customers ADD COLUMN frequency NUMERIC(20, 0)")  # fmt: skip
    later.to_database(database)
    [(total,)] = rows(database, "SELECT SUM(frequency) FROM customers")
    assert float(total) == float(later.customers["frequency"].sum())


def test_what_a_review_lacks_does_not_change_the_tables(database: str, later: Review) -> None:
    """A book without movements or complaints gives null columns; the next one fills them."""
    bare = Book(BOOK.customers, BOOK.transactions.iloc[:0], as_of=EARLIER)
    lacking = review(bare, as_of=EARLIER)
    for found in (lacking, later, lacking):
        found.to_database(database)
    [(filled, empty)] = rows(
        database, "SELECT COUNT(recency_days), COUNT(*) - COUNT(recency_days) FROM customers"
    )
    assert filled == later.customers["recency_days"].notna().sum()
    assert filled + empty == len(lacking.customers) + len(later.customers)
    run(database, *(f"DROP TABLE {name}" for name in TABLES))
    later.to_database(database)
    review(bare, as_of=EARLIER).to_database(database)
    later.to_database(database)
    [(again,)] = rows(database, "SELECT SUM(frequency) FROM customers")
    assert float(again) == float(later.customers["frequency"].sum())


def test_a_transaction_of_the_caller_stays_open(database: str, later: Review) -> None:
    """The rows are the caller's to commit or to roll back."""
    engine = sqlalchemy.create_engine(database.replace("postgresql:", "postgresql+psycopg:"))
    later.to_database(engine)
    run(database, *(f"DELETE FROM {name}" for name in TABLES))
    with engine.connect() as connection:
        begun = connection.begin()
        later.to_database(connection)
        begun.rollback()
        assert rows(database, "SELECT COUNT(*) FROM customers") == [(0,)]
        later.to_database(connection)
        assert not connection.closed
    assert rows(database, "SELECT COUNT(*) FROM customers") == [(300,)]
    engine.dispose()


def test_a_connection_that_commits_each_statement_is_refused(postgres: str, later: Review) -> None:
    """There would be no transaction to roll back."""
    url = postgres.replace("postgresql:", "postgresql+psycopg:")
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with pytest.raises(DataError, match="autocommit"):
        later.to_database(engine)
    engine.dispose()


def test_a_schema_is_named(postgres: str, later: Review) -> None:
    """The tables are made in the schema that is given; one that does not exist is named."""
    run(postgres, "CREATE SCHEMA crm")
    later.to_database(postgres, schema="crm")
    assert rows(postgres, "SELECT COUNT(*) FROM crm.customers") == [(300,)]
    with pytest.raises(DatabaseError, match='schema "other" does not exist'):
        later.to_database(postgres, schema="other")


@pytest.fixture
def person(database: str, later: Review) -> str:
    """A database that refuses one customer, and the customer's id."""
    later.to_database(database)
    customer = str(later.customers.index[17])
    if database.startswith("sqlite"):
        refusal = (
            "CREATE TRIGGER refuse BEFORE INSERT ON customers "
            f"WHEN NEW.customer_id = {customer} BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
    else:
        refusal = (
            f"ALTER TABLE customers ADD CONSTRAINT refuse CHECK (customer_id <> {customer}) "
            "NOT VALID"
        )
    run(database, refusal)
    return customer


def test_personal_data_is_in_no_error(database: str, person: str, later: Review) -> None:
    """PostgreSQL prints the row that fails, and SQLAlchemy the parameters; neither is shown."""
    kept = content(database)
    with pytest.raises(DatabaseError) as caught:
        later.to_database(database)
    assert person not in str(caught.value)
    assert "INSERT" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert content(database) == kept


def test_a_server_that_does_not_answer_is_reported_without_the_password(later: Review) -> None:
    """The message names neither the password of the URL nor that of the environment."""
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra test)")
    with pytest.raises(DatabaseError) as caught:
        later.to_database("postgresql://bank:s3cret@127.0.0.1:1/crm")
    assert "s3cret" not in str(caught.value)
