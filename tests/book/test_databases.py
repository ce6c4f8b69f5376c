"""A book in the tables of a database is the book of the files."""

from __future__ import annotations

import csv
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
import pytest
from hypothesis import given, settings

from bankcrm.book import CONTRACT, Book, read_book
from bankcrm.book.mapping import BookMapping, FrameMapping
from bankcrm.databases.connection import PASSWORD
from bankcrm.datasets import make_book
from bankcrm.errors import DatabaseError, DataError
from bankcrm.testing.books import books

from .foreign import CHINESE, Style, rows_of, written
from .test_reading import STYLES

sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed (extra sql)")

BANK = Style(
    attrs.evolve(CHINESE, encoding="gb18030", missing="NULL"),
    amounts="sides",
    ids={"transactions": ".0"},
    files=2,
)
SMALL = make_book(60, seed=3)


def tables_of_files(mapping: BookMapping, folder: Path) -> dict[str, list[dict[str, str]]]:
    """The cells of the files, as texts, read with the standard library."""
    formats = mapping.formats
    found = {}
    for name, frame in mapping.frames.items():
        found[name] = []
        for path in sorted(folder.glob(str(frame.file))):
            with path.open(encoding=formats.encoding or "utf-8", newline="") as file:
                found[name] += list(csv.DictReader(file, delimiter=formats.separator or ","))
    return found


def in_tables(mapping: BookMapping) -> BookMapping:
    """The mapping of the same book in tables ``t_customers`` and so on."""
    frames = {
        name: attrs.evolve(frame, file=None, table=f"t_{name}")
        for name, frame in mapping.frames.items()
    }
    return attrs.evolve(mapping, frames=frames)


def load(connection: Any, tables: Mapping[str, list[dict[str, str]]], mark: str) -> None:
    """Write cells to tables of texts with a driver; an empty cell is null."""
    cursor = connection.cursor()
    for name, rows in tables.items():
        columns = list(rows[0]) if rows else ["nothing"]
        cursor.execute(f"CREATE TABLE t_{name} ({', '.join(f'{c} TEXT' for c in columns)})")
        cursor.executemany(
            f"INSERT INTO t_{name} VALUES ({', '.join(mark for _ in columns)})",
            [tuple(cell or None for cell in row.values()) for row in rows],
        )
    connection.commit()


def assert_same(found: Book, expected: Book) -> None:
    """The same frames with the same rows."""
    assert sorted(found.frames()) == sorted(expected.frames())
    for name, frame in expected.frames().items():
        assert rows_of(found.frame(name), name) == rows_of(frame, name)


@settings(max_examples=15)
@given(books(), STYLES)
def test_a_foreign_book_in_tables_is_the_same_book(
    tmp_path_factory: pytest.TempPathFactory, book: Book, style: Style
) -> None:
    folder = tmp_path_factory.mktemp("foreign")
    mapping = written(book, folder, style)
    tables = tables_of_files(mapping, folder)
    if not all(tables[name] for name in tables):
        return  # the columns of an empty table are not those of the files
    with closing(sqlite3.connect(":memory:")) as connection:
        load(connection, tables, "?")
        assert_same(read_book(connection, mapping=in_tables(mapping)), book)


def test_the_banks_own_format_is_the_same_book_from_a_database(
    database: str, tmp_path: Path
) -> None:
    """Files in GB18030 with Chinese names and codes, beside the same cells in tables."""
    mapping = written(SMALL, tmp_path, BANK)
    loaded(database, tables_of_files(mapping, tmp_path))
    from_files = read_book(tmp_path, mapping=mapping)
    from_tables = read_book(database, mapping=in_tables(mapping))
    assert_same(from_files, SMALL)
    assert_same(from_tables, SMALL)
    for name, frame in from_files.frames().items():
        assert from_tables.frame(name).dtypes.to_dict() == frame.dtypes.to_dict()


def loaded(database: str, tables: Mapping[str, list[dict[str, str]]]) -> None:
    """Load tables through the driver of a database."""
    if database.startswith("sqlite"):
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection:
            load(connection, tables, "?")
        return
    import psycopg

    with psycopg.connect(database) as connection:
        load(connection, tables, "%s")


def test_an_engine_reviews_the_tables_as_the_book_in_memory(database: str, tmp_path: Path) -> None:
    """DuckDB reads tables by the same mapping: every customer and complaint comes out alike."""
    pytest.importorskip("duckdb", reason="duckdb is not installed (extra engines)")
    from bankcrm import review
    from bankcrm.engines import DuckDBEngine
    from bankcrm.reviews import EngineReview

    mapping = written(SMALL, tmp_path, BANK)
    loaded(database, tables_of_files(mapping, tmp_path))
    memory = review(read_book(database, mapping=in_tables(mapping)), as_of="2026-06-30")
    stated = attrs.evolve(in_tables(mapping), database=database)
    folder = tmp_path / "book"
    folder.mkdir()
    (folder / "book.toml").write_text(stated.to_toml(), encoding="utf-8")
    for engine in (DuckDBEngine(database, mapping=in_tables(mapping)), DuckDBEngine(folder)):
        found = review(engine, as_of="2026-06-30", blocks=3)
        assert isinstance(found, EngineReview)
        pd.testing.assert_frame_equal(
            found.all_customers().astype(object), memory.customers.sort_index().astype(object)
        )
        assert found.complaints["due"].tolist() == memory.complaints["due"].tolist()
        assert found.summary["contribution"] == memory.summary["contribution"]
        engine.close()


@pytest.mark.parametrize("way", ["url", "engine", "connection", "driver", "without adbc", "adbc"])
def test_typed_tables_of_the_contract_need_no_mapping(
    postgres: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers, days, instants and booleans of the database are those of the book."""
    import psycopg

    engine = sqlalchemy.create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"))
    types = {"id": "BIGINT", "date": "DATE", "instant": "TIMESTAMPTZ", "money": "NUMERIC(18, 2)",
             "number": "DOUBLE PRECISION", "integer": "INTEGER", "boolean": "BOOLEAN"}  # fmt: skip
    with psycopg.connect(postgres) as connection:
        for name, frame in SMALL.frames().items():
            columns = [c for c in CONTRACT[name] if c.name in frame]
            made = ", ".join(f'"{c.name}" {types.get(c.kind, "TEXT")}' for c in columns)
            connection.execute(f"CREATE TABLE {name} ({made})")
            known = {c.name for c in columns}
            plain = frame[[n for n in (c.name for c in columns) if n in known]].astype(object)
            with connection.cursor() as cursor, cursor.copy(f"COPY {name} FROM STDIN") as copy:
                for row in plain.where(plain.notna(), None).itertuples(index=False, name=None):
                    copy.write_row(row)
        connection.commit()
    named = BookMapping({name: FrameMapping() for name in SMALL.frames()})
    if way == "url":
        found = read_book(postgres)
    elif way == "without adbc":
        monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
        found = read_book(postgres)
    elif way == "engine":
        found = read_book(engine)
    elif way == "connection":
        with engine.connect() as opened:
            found = read_book(opened)
    elif way == "driver":
        with psycopg.connect(postgres) as opened:
            found = read_book(opened, mapping=named)
    else:
        adbc = pytest.importorskip("adbc_driver_postgresql.dbapi", reason="ADBC is not installed")
        with adbc.connect(postgres) as opened:
            found = read_book(opened, mapping=named)
    engine.dispose()
    assert_same(found, SMALL)


TOML = """
name = "bank"
as_of = 2026-06-30
database = "sqlite:///core.db"
[transactions]
query = "SELECT * FROM txn WHERE code <> 'X%'"
columns = { customer_id = "no", date = "day", amount = "amt", kind = "code" }
values.kind = { S = "salary" }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Customers in a file, transactions in a database beside it."""
    (tmp_path / "book.toml").write_text(TOML, encoding="utf-8")
    (tmp_path / "customers.csv").write_text("customer_id,kind\n7,person\n", encoding="utf-8")
    with closing(sqlite3.connect(tmp_path / "core.db")) as connection:
        connection.execute("CREATE TABLE txn (no INTEGER, day TEXT, amt REAL, code TEXT)")
        connection.execute("INSERT INTO txn VALUES (7, '2026-05-02', 12.5, 'S'), (7, '', 0, 'X%')")
        connection.commit()
    return tmp_path


def test_files_and_tables_make_one_book(folder: Path) -> None:
    """The path of an SQLite file is relative to the folder; each frame and chunk is reported."""
    told: list[tuple[int, int, str]] = []
    book = read_book(folder, progress=lambda *step: told.append(step))
    assert (book.name, str(book.as_of)) == ("bank", "2026-06-30")
    columns = ["customer_id", "amount", "kind"]
    assert book.transactions[columns].astype(object).to_numpy().tolist() == [[7, 12.5, "salary"]]
    assert told[0] == (0, 2, "customers")
    assert told[-1] == (1, 2, "transactions: 1 rows")


def test_the_mapping_goes_to_toml_and_back(folder: Path) -> None:
    """With its database, tables and queries."""
    mapping = BookMapping.from_toml(folder / "book.toml")
    assert mapping.database == "sqlite:///core.db"
    assert BookMapping.from_toml(mapping.to_toml()) == mapping


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://bank:s3cret@host/core",
        "postgresql://bank:s3c/r@et@host/core",
        "postgresql://bank@host/core?password=s3cret",
        "mssql+pyodbc:///?odbc_connect=UID%3Dbank%3BPWD%3Ds3cret",
    ],
)
def test_a_password_in_the_file_is_refused(folder: Path, url: str) -> None:
    """It says where the password belongs, and does not show it."""
    path = folder / "book.toml"
    path.write_text(TOML.replace("sqlite:///core.db", url), encoding="utf-8")
    with pytest.raises(DataError, match=PASSWORD) as caught:
        read_book(folder)
    assert "s3c" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["postgresql://bank@host:5432/core", "sqlite:////tmp/a.db", "oracle://h/?service_name=x"]
)
def test_a_url_without_a_password_is_taken(url: str) -> None:
    assert BookMapping(database=url).database == url


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sqlite:///core.db", "core.db", "database: not a URL"),
        ('database = "sqlite:///core.db"', "", "transactions: a table or query without a database"),
        ("query =", 'table = "txn"\nquery =', "transactions: table and query are stated; keep one"),
        ("SELECT * FROM txn", "SELECT * FROM absent", "transactions: database: no such table"),
        ("core.db", "nothing.db", "database: no file"),
        ("query = \"SELECT * FROM txn WHERE code <> 'X%'\"", "", "transactions: no file; expected"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, old: str, new: str, message: str) -> None:
    path = folder / "book.toml"
    path.write_text(TOML.replace(old, new), encoding="utf-8")
    with pytest.raises((DataError, DatabaseError)) as caught:
        read_book(folder)
    assert message in str(caught.value)
    assert not (folder / "nothing.db").exists()


def test_a_database_without_the_tables_of_a_book(folder: Path) -> None:
    """Both required frames are reported together; a driver cannot list its tables."""
    with pytest.raises(DataError) as caught:
        read_book(f"sqlite:///{folder / 'core.db'}")
    assert "customers" in str(caught.value)
    assert "transactions" in str(caught.value)
    with (
        closing(sqlite3.connect(folder / "core.db")) as connection,
        pytest.raises(DataError, match="cannot list its tables"),
    ):
        read_book(connection)


def test_a_source_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="int is no URL"):
        read_book(7)
