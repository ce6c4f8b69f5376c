"""DuckDB's sources and faults: every way in, and a clear word where one is closed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bankcrm.book import CONTRACT, Book, read_book
from bankcrm.engines import DuckDBEngine, Engine
from bankcrm.errors import DataError, EngineError, MissingExtraError
from bankcrm.frames import check_frame

from .conftest import DAY, assert_same, random_frames

FRAMES = random_frames(7)


def metrics(engine: Engine) -> pd.DataFrame:
    """Something that reads the whole source."""
    amounts = "SUM(amount) AS total, COUNT(*) AS n, CAST(MAX(date) AS DATE) AS last"
    moves = engine.place("transactions")
    found = engine.fetch(f"SELECT customer_id, {amounts} FROM {moves} GROUP BY customer_id")
    return found.set_index("customer_id").sort_index()


def folder_of(frames: dict[str, pd.DataFrame], folder: Path, kind: str = "parquet") -> Path:
    """The frames as files."""
    folder.mkdir()
    for name, frame in frames.items():
        if kind == "csv":
            frame.to_csv(folder / f"{name}.csv", index=False)
        else:
            frame.to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def test_every_source_gives_the_same(tmp_path: Path) -> None:
    """Frames, a book, Arrow tables, Parquet, a folder of files, CSV, a database, a connection."""
    expected = metrics(DuckDBEngine(FRAMES))
    assert_same(metrics(DuckDBEngine(Book(**FRAMES, as_of=DAY))), expected)
    tables = {n: pa.Table.from_pandas(f, preserve_index=False) for n, f in FRAMES.items()}
    assert_same(metrics(DuckDBEngine(tables)), expected)
    folder = folder_of(FRAMES, tmp_path / "book")
    assert_same(metrics(DuckDBEngine(folder)), expected)
    split = folder_of(FRAMES, tmp_path / "split")
    (split / "transactions.parquet").rename(split / "one.parquet")
    (split / "transactions" / "year=2026").mkdir(parents=True)
    (split / "one.parquet").rename(split / "transactions" / "year=2026" / "one.parquet")
    assert_same(metrics(DuckDBEngine(str(split))), expected)
    assert_same(metrics(DuckDBEngine(folder_of(FRAMES, tmp_path / "text", "csv"))), expected)
    with duckdb.connect(str(tmp_path / "bank.duckdb")) as connection:
        for name, table in tables.items():
            connection.register("given", table)
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
        assert_same(metrics(DuckDBEngine(connection)), expected)
    assert_same(metrics(DuckDBEngine(tmp_path / "bank.duckdb", threads=1)), expected)


@pytest.mark.parametrize("ids", [["007", "8"], ["7", "8"]])
def test_ids_of_csv_files_are_read_as_the_book_reads_them(tmp_path: Path, ids: list[str]) -> None:
    """Ids are integers only if all of them are; 007 stays text."""
    people = pd.DataFrame({"customer_id": ids, "kind": "person"})
    moves = pd.DataFrame(
        {"customer_id": ["8"], "date": ["2026-06-01"], "amount": [5.5], "kind": "card"}
    )
    folder = folder_of({"customers": people, "transactions": moves}, tmp_path / "b", "csv")
    found = metrics(DuckDBEngine(folder))
    expected = read_book(folder).transactions["customer_id"].tolist()
    assert found.index.tolist() == expected


def test_a_corrupt_file_is_named(tmp_path: Path) -> None:
    """Not Parquet at all, and Parquet cut short."""
    folder = folder_of(FRAMES, tmp_path / "book")
    path = folder / "transactions.parquet"
    whole = path.read_bytes()
    for broken in (b"PAR1 this is not Parquet PAR1", whole[: len(whole) // 2]):
        path.write_bytes(broken)
        with pytest.raises(DataError, match=r"transactions\.parquet"):
            metrics(DuckDBEngine(folder))


def test_a_column_of_another_type_in_one_part_is_reported(tmp_path: Path) -> None:
    """Texts among the amounts stop the work; they never become nulls."""
    folder = folder_of(FRAMES, tmp_path / "book")
    moves = pd.read_parquet(folder / "transactions.parquet")
    (folder / "transactions.parquet").unlink()
    (folder / "transactions").mkdir()
    moves.to_parquet(folder / "transactions" / "a.parquet")
    moves.assign(amount="twelve").to_parquet(folder / "transactions" / "b.parquet")
    with pytest.raises(DataError, match="amount is VARCHAR, expected money"):
        metrics(DuckDBEngine(folder))


def test_sources_that_are_none_are_reported(tmp_path: Path) -> None:
    """No folder, an empty one, two forms of one frame, no such frame, columns missing."""
    with pytest.raises(DataError, match="no such folder"):
        DuckDBEngine(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no customers and no transactions"):
        DuckDBEngine(tmp_path)
    folder = folder_of(FRAMES, tmp_path / "book")
    FRAMES["customers"].to_csv(folder / "customers.csv")
    with pytest.raises(DataError, match="customers exists twice"):
        DuckDBEngine(folder)
    with pytest.raises(LookupError, match="no frame 'clients'"):
        DuckDBEngine({**FRAMES, "clients": FRAMES["customers"]})
    moves = FRAMES["transactions"]
    with pytest.raises(DataError, match="transactions: missing column"):
        DuckDBEngine({**FRAMES, "transactions": moves.drop(columns="date")})
    with pytest.raises(DataError, match="differ only in case"):
        DuckDBEngine({**FRAMES, "transactions": moves.assign(DATE=1)})
    aware = moves.assign(date=moves["date"].dt.tz_localize("Asia/Shanghai"))
    with pytest.raises(DataError, match="have a time zone"):
        DuckDBEngine({**FRAMES, "transactions": aware})
    mixed = moves.assign(memo=[1, "two"] * (len(moves) // 2))
    with pytest.raises(DataError, match=r"transactions: memo holds mixed-integer; expected"):
        DuckDBEngine({**FRAMES, "transactions": mixed})
    (tmp_path / "not.duckdb").write_text("no database")
    with pytest.raises(DataError, match="DuckDB, opening"):
        DuckDBEngine(tmp_path / "not.duckdb")


BAD_CELLS = [
    ("transactions", "amount", "1,200.00"),
    ("transactions", "date", "2026-13-01"),
    ("transactions", "channel", 7),
    ("transactions", "customer_id", "abc"),
    ("transactions", "customer_id", 2**70),
    ("customers", "birth_date", pd.Timestamp("1980-01-01", tz="UTC")),
    ("customers", "name", ["Li"]),
]


@pytest.mark.parametrize(("name", "column", "cell"), BAD_CELLS)
def test_a_cell_of_a_wrong_type_is_refused_as_in_memory(
    name: str, column: str, cell: object
) -> None:
    values = FRAMES[name][column].astype(object) if column in FRAMES[name] else None
    cells = [None] * len(FRAMES[name]) if values is None else values.to_list()
    cells[3] = cell
    bad = FRAMES[name].assign(**{column: pd.Series(cells, FRAMES[name].index, dtype=object)})
    with pytest.raises(DataError) as in_memory:
        check_frame(bad, CONTRACT[name], frame=name)
    with pytest.raises(DataError) as on_engine:
        DuckDBEngine({**FRAMES, name: bad})
    assert str(on_engine.value) in str(in_memory.value)  # which finds the faults of other rows too
    assert "row 3" in str(on_engine.value)


def test_ids_in_categories_join_like_plain_ones() -> None:
    """A categorical id is its value."""
    frames = {
        n: f.assign(customer_id=f["customer_id"].astype("category"))
        for n, f in FRAMES.items()
        if n != "complaints"
    }
    assert_same(metrics(DuckDBEngine(frames)), metrics(DuckDBEngine(FRAMES)))


def test_running_out_of_memory_and_disk_says_what_to_do(tmp_path: Path) -> None:
    """A limit that is too small, and no room to spill to."""
    engine = DuckDBEngine(FRAMES, memory_limit="20MB", threads=1, temp_directory=tmp_path)
    engine.connection.execute("SET max_temp_directory_size = '1MB'")
    with pytest.raises(EngineError, match="raise memory_limit"):
        engine.fetch(
            "SELECT len(list(h ORDER BY h)) FROM (SELECT hash(i) AS h FROM range(20000000) t(i)) s"
        )


def test_a_query_can_be_cancelled() -> None:
    """From another thread; it ends with an error that says so."""
    engine = DuckDBEngine(FRAMES)
    threading.Thread(target=lambda: (time.sleep(0.5), engine.cancel()), daemon=True).start()
    with pytest.raises(EngineError, match="cancelled"):
        engine.fetch("SELECT SUM(a.i * b.i) FROM range(3000000) a(i), range(3000000) b(i)")
    engine.close()


def test_a_file_that_changes_is_another_book(tmp_path: Path) -> None:
    """Work is taken up again only for the very same files."""
    folder = folder_of(FRAMES, tmp_path / "book")
    before = DuckDBEngine(folder).identity()
    assert DuckDBEngine(folder).identity() == before
    table = pq.read_table(folder / "customers.parquet")
    pq.write_table(table, folder / "customers.parquet", compression="none")
    assert DuckDBEngine(folder).identity() != before
    assert DuckDBEngine(FRAMES).identity() != DuckDBEngine(FRAMES).identity()


@pytest.mark.parametrize("package", ["duckdb", "sqlglot"])
def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """Which extra to install."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package}.*bankcrm\[engines\]"):
        DuckDBEngine(FRAMES)


def test_importing_the_engines_loads_neither_duckdb_nor_spark() -> None:
    """They load when an engine is made."""
    code = "import sys, bankcrm.engines; print({'duckdb', 'pyspark', 'sqlglot'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_spark_sources_and_faults(spark: Any, tmp_path: Path) -> None:
    """Files, frames, a book; a missing column, a corrupt file, a task that fails."""
    from bankcrm.engines.spark import SparkEngine

    folder = folder_of(FRAMES, tmp_path / "book")
    expected = metrics(DuckDBEngine(FRAMES))
    assert_same(metrics(SparkEngine(spark, folder)), expected)
    assert_same(metrics(SparkEngine(spark, Book(**FRAMES, as_of=DAY))), expected)
    with pytest.raises(DataError, match="missing column"):
        SparkEngine(spark, {**FRAMES, "customers": FRAMES["customers"].drop(columns="kind")})
    engine = SparkEngine(spark, folder)
    with pytest.raises((DataError, EngineError), match="Spark, running"):
        engine.fetch("SELECT CAST('twelve' AS DOUBLE) AS x FROM bankcrm_frame_transactions")
    (folder / "transactions.parquet").write_bytes(b"PAR1 not Parquet at all PAR1")
    with pytest.raises((DataError, EngineError), match="Spark"):
        metrics(SparkEngine(spark, folder))
