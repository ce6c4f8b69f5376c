"""Small sources of an engine, by hand: types, files, ids, zones, and what is checked of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from bankcrm.book import Book
from bankcrm.book.mapping import BookMapping
from bankcrm.engines import DuckDBEngine
from bankcrm.engines.contacts import contact_frames
from bankcrm.engines.run import _merged, default_blocks, whole_book
from bankcrm.engines.sources import (
    FrameFiles,
    arrow_table,
    files_of,
    from_arrow,
    in_zones,
    mapping_of,
    zones_of,
)
from bankcrm.errors import DataError, EngineError
from bankcrm.frames import DataFault
from bankcrm.policy import default_policies

DAY = date(2026, 6, 30)
PEOPLE = pd.DataFrame({"customer_id": [1, 2, 3, 4], "kind": "person"})
MOVES = pd.DataFrame(
    {
        "customer_id": [1, 2, 2],
        "date": pd.to_datetime(["2026-06-01", "2026-06-02", "2026-06-03"]),
        "amount": [1.0, -2.5, 4.0],
        "kind": "card",
    }
)
LEAST = {"customers": PEOPLE, "transactions": MOVES}


def written(folder: Path, **frames: pd.DataFrame) -> Path:
    """A folder of CSV files."""
    folder.mkdir(exist_ok=True)
    for name, frame in (LEAST | frames).items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    return folder


# --- types and counts ---


@pytest.mark.parametrize(
    ("column", "sql", "said"),
    [
        ("date", "DATE '2026-06-01'", ""),
        ("date", "TIMESTAMP '2026-06-01'", ""),
        ("date", "'2026-06-01'", "date is VARCHAR, expected date"),
        ("date", "20260601", "date is INTEGER, expected date"),
        ("date", "TIMESTAMPTZ '2026-06-01'", "date have a time zone"),
        ("amount", "1", ""),
        ("amount", "CAST(1 AS DECIMAL(9, 2))", ""),
        ("amount", "CAST(1 AS FLOAT)", ""),
        ("amount", "true", "amount is BOOLEAN, expected money"),
        ("amount", "'1'", "amount is VARCHAR, expected money"),
        ("other", "TIMESTAMPTZ '2026-06-01'", ""),
        ("other", "[1]", ""),
        ("kind", "'fee'", ""),
    ],
)
def test_a_column_has_the_type_of_its_kind(column: str, sql: str, said: str) -> None:
    cells = {"customer_id": "1", "date": "DATE '2026-06-01'", "amount": "1.5", "kind": "'card'"}
    cells[column] = sql
    selected = ", ".join(f"{cell} AS {name}" for name, cell in cells.items())
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE customers AS SELECT 1 AS customer_id, 'person' AS kind")
        connection.execute("CREATE TABLE other AS SELECT 1 AS x")
        connection.execute(f"CREATE TABLE transactions AS SELECT {selected}")
        if said:
            with pytest.raises(DataError, match=f"transactions: {said}"):
                DuckDBEngine(connection)
            return
        engine = DuckDBEngine(connection)
        assert engine.columns["transactions"] == tuple(cells)
        assert set(engine.places) == set(LEAST)


def test_rows_and_values_are_counted_by_a_loop() -> None:
    frames = {
        **LEAST,
        "transactions": MOVES.assign(channel=None, balance=[None, 3.0, None]),
        "contacts": pd.DataFrame(
            columns=["contact_id", "customer_id", "date", "channel", "purpose"]
        ),
    }
    engine = DuckDBEngine(frames)
    assert engine.sizes() == {name: len(frame) for name, frame in frames.items()}
    expected = []
    for name, frame in frames.items():
        if len(frame):
            expected += [name, *(f"{name}.{c}" for c in frame if frame[c].notna().any())]
    assert sorted(engine.recorded()) == sorted(expected)
    assert "transactions.channel" not in engine.recorded()


@pytest.mark.parametrize(
    ("rows", "blocks"), [(1, 1), (1_999_999, 1), (2_000_000, 2), (3_999_999, 2), (4_000_000, 3)]
)
def test_a_block_has_fewer_than_two_million_transactions(rows: int, blocks: int) -> None:
    """On average."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE customers AS SELECT 1 AS customer_id, 'person' AS kind")
        connection.execute(
            "CREATE VIEW transactions AS SELECT 1 AS customer_id, DATE '2026-06-01' AS date, "
            f"1.0 AS amount, 'card' AS kind FROM range({rows})"
        )
        assert default_blocks(DuckDBEngine(connection)) == blocks


def test_settings_are_those_of_the_caller(tmp_path: Path) -> None:
    def current(engine: DuckDBEngine, name: str) -> Any:
        return engine.fetch(f"SELECT current_setting('{name}') AS v")["v"].item()

    plain = DuckDBEngine(LEAST)
    spill = tmp_path / "it's"
    engine = DuckDBEngine(LEAST, threads=1, memory_limit="100MB", temp_directory=spill)
    assert current(engine, "threads") == 1
    assert current(engine, "memory_limit") == "95.3 MiB" != current(plain, "memory_limit")
    assert current(engine, "temp_directory") == str(spill)
    assert current(plain, "TimeZone") == current(engine, "TimeZone") == "UTC"
    with pytest.raises(DataError, match="setting memory_limit to 'much'"):
        DuckDBEngine(LEAST, memory_limit="much")


def test_jobs_run_in_this_process_unless_more_are_asked_for() -> None:
    """One job alone always does, and so does every job outside a run."""
    here: list[int] = []
    begun: list[int] = []
    for more, jobs in (({}, [1, 2, 3]), ({"workers": 2}, [4])):
        engine = DuckDBEngine(LEAST, **more)
        with engine.at_work():
            engine.each(here.append, jobs, begun.append)
    engine.each(here.append, [5, 6], begun.append)
    assert here == [1, 2, 3, 4, 5, 6]
    assert begun == [0, 1, 2, 0, 0, 1]
    with engine.at_work(), pytest.raises(EngineError, match="cannot be sent to other processes"):
        engine.each(lambda job: None, [7, 8], begun.append)


# --- files ---


def test_the_files_of_a_frame(tmp_path: Path) -> None:
    """A file, or every file of the kind below a folder, whose characters stand for themselves."""
    folder = tmp_path / "a[1]*"
    for name in ("b/2.csv", "b/1.csv", "c.csv", "c.parquet"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(' "x",y \n1,2\n')
    whole = FrameFiles("links", folder, "csv")
    assert [p.relative_to(folder).as_posix() for p in whole.parts()] == [
        "b/1.csv",
        "b/2.csv",
        "c.csv",
    ]
    with duckdb.connect() as connection:
        globbed = connection.execute("SELECT file FROM glob(?)", [whole.pattern]).fetchall()
    assert sorted(row[0] for row in globbed) == [str(p) for p in whole.parts()]
    one = FrameFiles("links", folder / "c.csv", "csv")
    assert one.parts() == [folder / "c.csv"]
    assert one.header(one.path) == {"x", "y"}
    assert one.schema() is None
    assert [(s[0], s[1]) for s in one.state()] == [(str(one.path), one.path.stat().st_size)]
    broken = FrameFiles("links", folder / "c.parquet", "parquet")
    assert (broken.header(broken.path), broken.schema()) == (set(), None)
    good = folder / "d.parquet"
    MOVES.to_parquet(good, index=False)
    read = FrameFiles("links", good, "parquet")
    assert read.header(good) == set(MOVES)
    schema = read.schema()
    assert schema is not None
    assert schema.names == list(MOVES)
    assert not read.converted


def test_a_folder_is_read_in_place_unless_it_has_a_mapping(tmp_path: Path) -> None:
    folder = written(tmp_path / "book")
    assert mapping_of(folder) is None
    assert mapping_of(folder / "customers.csv") is None
    found = files_of(folder)
    assert {n: (f.path.name, f.kind) for n, f in found.items()} == {
        n: (f"{n}.csv", "csv") for n in LEAST
    }
    (folder / "loans").mkdir()
    (folder / "notes.tsv").write_text("x\n")
    assert set(files_of(folder)) == set(LEAST)
    (folder / "loans.tsv").write_text("x\n")
    assert mapping_of(folder) == BookMapping()
    with pytest.raises(DataError, match="have to be read by a mapping"):
        files_of(folder)


def test_parts_of_one_frame_have_the_same_columns(tmp_path: Path) -> None:
    """Columns that the contract does not know may differ."""
    folder = written(tmp_path / "book")
    (folder / "transactions.csv").rename(tmp_path / "a.csv")
    parts = folder / "transactions"
    parts.mkdir()
    MOVES.assign(channel="branch", mine=1).to_csv(parts / "a.csv", index=False)
    MOVES.assign(channel="branch", yours=1).to_csv(parts / "b.csv", index=False)
    assert DuckDBEngine(folder).sizes()["transactions"] == 2 * len(MOVES)
    MOVES.assign(balance=1.0).to_csv(parts / "c.csv", index=False)
    said = r"3 of 3 files lack a column of the others; a\.csv has no balance;"
    with pytest.raises(DataError, match=said):
        files_of(folder)


@pytest.mark.parametrize("count", [1, 2])
def test_numbers_that_are_none_are_counted(tmp_path: Path, count: int) -> None:
    amounts = ["NaN", "inf", "3"][:count] + ["1"] * (3 - count)
    folder = written(tmp_path / "book", transactions=MOVES.assign(amount=amounts))
    rows = {1: "1 row;", 2: "2 rows;"}[count]
    with pytest.raises(DataError, match=f"^transactions.amount: NaN or infinity in {rows}"):
        DuckDBEngine(folder)


@pytest.mark.parametrize(
    ("ids", "whole"),
    [
        (["1", "2"], True), (["-1", "0"], True), (["1", "02"], False), (["1", "x"], False),
        (["1", "9223372036854775807"], True), (["1", "9223372036854775808"], False),
        (["1", None], True),
    ],
)  # fmt: skip
def test_ids_are_integers_where_all_of_their_family_are(
    tmp_path: Path, ids: list[str], whole: bool
) -> None:
    """The id of a link is one of a customer; those of contacts are of another family."""
    links = pd.DataFrame({"parent_id": ids, "child_id": ["1", "2"], "link": "controls"})
    contacts = pd.DataFrame(
        {"contact_id": ["c1"], "customer_id": ["1"], "date": ["2026-06-01"], "channel": ["phone"],
         "purpose": ["contact"]}
    )  # fmt: skip
    engine = DuckDBEngine(written(tmp_path / "book", links=links, contacts=contacts))
    for name, column in (("customers", "customer_id"), ("transactions", "customer_id"),
                         ("links", "parent_id"), ("contacts", "customer_id")):  # fmt: skip
        found = engine.fetch(f"SELECT {column} AS c FROM {engine.place(name)}")["c"].dropna()
        assert {isinstance(v, str) for v in found} == {not whole}, name
    assert engine.fetch(f"SELECT contact_id AS c FROM {engine.place('contacts')}")["c"][0] == "c1"


AMOUNTS = 'columns.amount = "value"'


def test_a_given_mapping_takes_the_place_of_the_folders_own(tmp_path: Path) -> None:
    folder = written(tmp_path / "book", transactions=MOVES.rename(columns={"amount": "value"}))
    (folder / "book.toml").write_text(f'name = "b"\n[transactions]\n{AMOUNTS}\n')
    by_itself = DuckDBEngine(folder)
    MOVES.rename(columns={"amount": "other"}).to_csv(folder / "transactions.csv", index=False)
    mapping = BookMapping.from_toml('[transactions]\ncolumns.amount = "other"\n')
    given = DuckDBEngine(folder, mapping=mapping)
    for engine in (by_itself, given):
        found = engine.fetch(f"SELECT amount FROM {engine.place('transactions')}")
        assert found["amount"].tolist() == MOVES["amount"].tolist()
    assert DuckDBEngine(folder, mapping=mapping).identity() == given.identity()
    kinds = BookMapping.from_toml(
        '[transactions]\ncolumns.amount = "other"\nvalues.kind = { card = "fee" }\n'
    )
    assert DuckDBEngine(folder, mapping=kinds).identity() != given.identity()


def test_tables_of_another_database_are_copied(tmp_path: Path) -> None:
    """They may have changed meanwhile, so that each copy is another book."""
    pytest.importorskip("sqlalchemy", reason="sqlalchemy is not installed (extra sql)")
    file = tmp_path / "bank.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        for name, frame in LEAST.items():
            frame.astype({"date": str} if "date" in frame else {}).to_sql(
                name, connection, index=False
            )
        named = BookMapping.from_toml("[customers]\n[transactions]\n")
        one = DuckDBEngine(connection, mapping=named)
    two = DuckDBEngine(f"sqlite:///{file}")
    for engine in (one, two):
        assert engine.sizes() == {name: len(frame) for name, frame in LEAST.items()}
        ids = engine.fetch(f"SELECT customer_id AS c FROM {engine.place('customers')}")["c"]
        assert ids.tolist() == PEOPLE["customer_id"].tolist()
    assert one.identity() != two.identity() == two.identity()
    again = DuckDBEngine(f"sqlite:///{file}")
    assert again.identity() != two.identity()


def test_a_database_file_is_only_read_and_named_in_its_errors(tmp_path: Path) -> None:
    file = tmp_path / "bank.duckdb"
    with duckdb.connect(str(file)) as connection:
        for name, frame in LEAST.items():
            connection.register("given", frame)
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
    with pytest.raises(duckdb.Error, match="read-only"):
        DuckDBEngine(file).connection.execute("DELETE FROM customers")
    empty = tmp_path / "empty.duckdb"
    duckdb.connect(str(empty)).close()
    said = "no customers and no transactions; found: nothing"
    with pytest.raises(DataError, match=rf"^{empty}: {said}"):
        DuckDBEngine(empty)
    with pytest.raises(DataError, match=rf"^the source: {said}"):
        DuckDBEngine({})


def test_files_that_need_a_mapping_are_converted_once(tmp_path: Path) -> None:
    folder = written(tmp_path / "book")
    (folder / "customers.csv").unlink()
    PEOPLE.to_csv(folder / "customers.tsv", sep="\t", index=False)
    engine, other = DuckDBEngine(folder), DuckDBEngine(folder)
    assert engine.identity() == other.identity()
    assert {f.converted for f in engine.files.values()} == {True}
    found = engine.fetch(f"SELECT customer_id AS c FROM {engine.place('customers')}")["c"]
    assert found.tolist() == PEOPLE["customer_id"].tolist()
    places = [f.path for f in engine.files.values()]
    assert all(p.exists() for p in places)
    engine.close()
    assert not any(p.exists() for p in places)
    PEOPLE[:2].to_csv(folder / "customers.tsv", sep="\t", index=False)
    assert DuckDBEngine(folder).identity() != other.identity()


# --- frames in memory ---


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", None])
def test_instants_come_back_in_the_zone_of_the_source(zone: str | None) -> None:
    received = pd.Series(pd.to_datetime(["2026-06-01 10:00", None])).dt.tz_localize(zone)
    complaints = pd.DataFrame(
        {"complaint_id": [1, 2], "customer_id": [1, 2], "received_at": received, "text": "x"}
    )
    zones = zones_of("complaints", complaints)
    assert zones == ({} if zone is None else {"received_at": zone})
    table = pa.Table.from_pandas(complaints)
    assert zones_of("complaints", table) == zones
    assert zones_of("transactions", MOVES) == {}
    assert zones_of("complaints", {"received_at": received}) == {}
    aware = received if zone else received.dt.tz_localize("UTC")
    utc = complaints.assign(received_at=aware.dt.tz_convert("UTC"))
    for stored in (utc, utc.assign(received_at=utc["received_at"].dt.tz_localize(None))):
        found = in_zones("complaints", stored, zones)
        assert str(found["received_at"].dt.tz) == (zone or "UTC")
        assert (found["received_at"].dropna() == aware.dropna()).all()
    other = pd.DatetimeIndex(["2026-06-01", None], tz="Europe/Prague", name="closed_at")
    assert zones_of("complaints", complaints.set_index(other)) == zones, "of columns alone"
    broken = pd.Series(["\ud800", "x"], dtype=object)
    assert zones_of("complaints", complaints.assign(text=broken)) == zones, "not of the cells"
    words = complaints.assign(received_at="yesterday")
    assert in_zones("complaints", words, zones)["received_at"].tolist() == ["yesterday"] * 2


def test_a_column_without_values_has_the_type_of_its_kind() -> None:
    empty = MOVES.assign(channel=None, balance=None, value_date=None, other=None)
    table = arrow_table("transactions", empty)
    assert table.column_names == list(empty)
    kinds = dict(zip(table.column_names, table.schema.types, strict=True))
    assert pa.types.is_string(kinds["channel"])
    assert pa.types.is_floating(kinds["balance"])
    assert {kinds[c] for c in ("other",)} == {pa.null()}
    assert table["amount"].to_pylist() == MOVES["amount"].tolist()
    partly = MOVES.assign(balance=[None, None, 3.5], amount=[None, 2.0, None])
    found = arrow_table("transactions", partly)
    assert found["balance"].to_pylist() == [None, None, 3.5]
    assert found["amount"].to_pylist() == [None, 2.0, None]
    for rows in (1, 2):
        short = arrow_table("transactions", MOVES[:rows].assign(channel=None))
        assert pa.types.is_string(short.schema.field("channel").type)
    none = arrow_table("transactions", MOVES[:0].astype({"amount": "int64"}))
    assert pa.types.is_integer(none.schema.field("amount").type)


def test_names_that_differ_in_case_are_refused_with_both() -> None:
    with pytest.raises(DataError, match="transactions: columns KIND, kind differ only in case"):
        arrow_table("transactions", MOVES.assign(KIND=1))
    assert arrow_table("transactions", MOVES.assign(kinds=1)).num_columns == MOVES.shape[1] + 1


def test_rows_of_an_engine_keep_their_type() -> None:
    table = pa.table(
        {
            "whole": pa.array([1, 2**60 + 1]),
            "gaps": pa.array([None, 2**60 + 1]),
            "day": pa.array([DAY, None], pa.date32()),
            "time": pa.array([None, pd.Timestamp("2026-06-30 10:11:12")], pa.timestamp("us")),
            "float": pa.array([None, 1.5]),
        }
    )
    found = from_arrow(table)
    kinds = {name: str(kind) for name, kind in found.dtypes.items()}
    assert kinds == {"whole": "int64", "gaps": "Int64", "day": "datetime64[s]",
                     "time": "datetime64[s]", "float": "float64"}  # fmt: skip
    for name in found:
        given = table[str(name)].to_pylist()
        for value, expected in zip(found[name], given, strict=True):
            if expected is None:
                assert pd.isna(value)
            else:
                day = isinstance(expected, date)
                assert value == (pd.Timestamp(expected) if day else expected)


@pytest.mark.parametrize("gap", [False, True])
@pytest.mark.parametrize("kind", ["int64", "uint64", "object"])
def test_ids_in_categories_are_plain(kind: str, gap: bool) -> None:
    ids = pd.Series([5, 7, 5]).astype(str if kind == "object" else kind).astype("category")
    if gap:
        ids[1] = None
    table = arrow_table("transactions", MOVES.assign(customer_id=ids))
    expected = ["5", "7", "5"] if kind == "object" else [5, 7, 5]
    assert table["customer_id"].to_pylist() == [
        *expected[:1],
        None if gap else expected[1],
        *expected[2:],
    ]
    assert not pa.types.is_dictionary(table.schema.field("customer_id").type)


# --- what a review brings into memory ---


def test_contacts_of_the_window_are_fetched() -> None:
    policies = default_policies()
    policy = policies["marketing"]
    back = max(policy.value("cap_window_days"), policy.value("cool_off_days"))
    days = [DAY - timedelta(days=int(back) + n) for n in (-2, -1, 0, 1)] + [DAY]
    contacts = pd.DataFrame(
        {"contact_id": range(5), "customer_id": 1, "date": pd.to_datetime(days),
         "channel": "phone", "purpose": "contact"}
    )  # fmt: skip
    people = PEOPLE.assign(name="n", do_not_contact=True)
    frames = contact_frames(DuckDBEngine({**LEAST, "customers": people, "contacts": contacts}),
                            DAY, policies)  # fmt: skip
    inside = [d for d in days if (DAY - d).days < back]
    assert frames["contacts"]["date"].dt.date.tolist() == inside
    assert set(frames) == {"customers", "contacts"}
    assert list(frames["customers"]) == ["customer_id", "kind", "do_not_contact"]
    for frame in frames.values():
        assert frame.index.tolist() == list(range(len(frame)))
    assert "index" not in frames["contacts"]
    assert frames["customers"]["do_not_contact"].all()
    assert len(frames["customers"]) == len(people)


def test_a_book_of_complaints_has_the_customers_they_name() -> None:
    complaints = pd.DataFrame(
        {"complaint_id": [1, 2], "customer_id": pd.array([3, None], "Int64"),
         "received_at": pd.to_datetime(["2026-06-01", "2026-06-02"]).tz_localize("UTC")}
    )  # fmt: skip
    links = pd.DataFrame({"parent_id": [4], "child_id": [99], "link": "controls"})
    engine = DuckDBEngine({**LEAST, "complaints": complaints, "links": links})
    plain, more = whole_book(engine), whole_book(engine, ["transactions", "loans"])
    for book in (plain, more):
        assert sorted(book.customers["customer_id"]) == [1, 3, 4], "and the first of all"
        assert book.complaints is not None
        assert len(book.complaints) == 2
    assert len(plain.transactions) == 0
    assert more.transactions["customer_id"].tolist() == [1]
    alone = whole_book(DuckDBEngine(Book(**LEAST, name="mine")))
    assert (alone.customers["customer_id"].tolist(), alone.name) == ([1], "mine")


def test_faults_of_blocks_are_added_up() -> None:
    """By kind; the examples are the first rows of the book."""
    found = [
        {"frame": "f", "column": "c", "problem": "null", "count": n, "examples": rows}
        for n, rows in ((2, ["row 9: 'x'", "row 11"]), (3, ["row 10", "row 2", "row 1"]),
                        (1, ["of a column"]))
    ]  # fmt: skip
    other = found[0] | {"problem": "unknown"}
    one, two = _merged([*found, other])
    assert one.count == sum(f["count"] for f in found)
    rows = ["of a column", "row 1", "row 2", "row 9: 'x'", "row 10"]
    assert list(one.examples) == rows
    assert two == DataFault(**other)


def test_other_errors_of_duckdb_are_translated() -> None:
    engine = DuckDBEngine(LEAST)
    with pytest.raises(DataError, match="DuckDB, running: "):
        engine.fetch("SELECT nothing FROM nowhere")
    for wrong in ("No space left on device", "max_temp_directory_size"):
        with pytest.raises(EngineError, match="raise memory_limit"):
            engine.fetch(f"SELECT error('{wrong}')")


def test_a_column_of_two_types_is_named() -> None:
    """The one that Arrow cannot hold, not the first."""
    mixed = MOVES.assign(channel=[1, "two", 3])
    with pytest.raises(DataError, match=r"^transactions\.channel: "):
        arrow_table("transactions", mixed)


def test_sql_is_that_of_the_engines_dialect() -> None:
    """DuckDB's own is unchanged; Spark quotes names otherwise."""
    engine = DuckDBEngine(LEAST)
    sql = 'select  "kind" from t'
    assert engine.render(sql) == sql
    engine.dialect = "spark"
    assert engine.render(sql) == "SELECT `kind` FROM t"
