"""Reading and reviewing a bank's own files and tables, beside what pandas needs to read them.

    python benchmarks/bench_reading.py [--quick] [--rows 5000000] [--repeat 5] [--server URL]

The limit of the project for reading: at most 1.5 times the CPU time of ``pandas.read_csv`` or
``pandas.read_sql`` in the same run, which parse no words, map no codes and check no cell.
``--quick`` takes a tenth. The tables need a PostgreSQL server where the user may create databases:
``--server`` or the environment variable ``BANKCRM_TEST_POSTGRES``; CPU time is that of this process
alone.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from bankcrm import read_book, review
from bankcrm.book import Book
from bankcrm.book.mapping import BookMapping
from timing import peak_memory_mb

LIMIT = 1.5
ROWS_OF_A_CUSTOMER = 50
CODES = np.array(["POS", "SAL", "TRF", "ATM", "FEE"])
MAPPING = """
[formats]
dates = "%Y/%m/%d"

[customers]
columns = { customer_id = "cust" }
constants = { kind = "person" }

[transactions]
columns = { customer_id = "cust", date = "dt", amount = "amt", kind = "code" }

[transactions.values.kind]
POS = "card"
SAL = "salary"
TRF = "transfer_out"
ATM = "cash_out"
FEE = "fee"
"""


def transactions(rows: int) -> pa.Table:
    """A bank's own table: other names and codes, days of two years."""
    rng = np.random.default_rng(5)
    days = np.datetime64("2024-01-01") + rng.integers(0, 730, rows)
    return pa.table(
        {
            "no": np.arange(rows),
            "cust": rng.integers(0, rows // ROWS_OF_A_CUSTOMER, rows),
            "dt": pa.array(days),
            "amt": np.round(rng.normal(0, 2_000, rows), 2),
            "code": CODES[rng.integers(0, len(CODES), rows)],
            "note": np.array(["工资", "消费"])[rng.integers(0, 2, rows)],
        }
    )


def write(folder: Path, rows: pa.Table, *, encoding: str, thousands: bool) -> list[Path]:
    """The table as a file, beside a file of customers and the mapping of both."""
    flow, customers = folder / "transactions.csv", folder / "customers.csv"
    written = rows.set_column(2, "dt", pa.compute.strftime(rows["dt"], "%Y/%m/%d"))
    if thousands:
        amounts = rows["amt"].to_pandas().map("{:,.2f}".format)
        written = written.set_column(3, "amt", pa.array(amounts))
    separator = ";" if thousands else ","
    csv.write_csv(written, flow, csv.WriteOptions(delimiter=separator, quoting_style="needed"))
    numbers = np.arange(len(rows) // ROWS_OF_A_CUSTOMER)
    csv.write_csv(pa.table({"cust": numbers}), customers)
    if encoding != "utf-8":
        flow.write_text(flow.read_text(encoding="utf-8"), encoding=encoding)
    marks = 'thousands = ","\n' if thousands else ""
    (folder / "book.toml").write_text(MAPPING.replace("[formats]\n", f"[formats]\n{marks}"))
    return [flow, customers]


@contextmanager
def database(server: str, rows: pa.Table) -> Iterator[str]:
    """A database with the same rows: days as DATE, amounts as NUMERIC."""
    import psycopg

    name = f"bankcrm_bench_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = urlsplit(server)._replace(path=f"/{name}").geturl()
    try:
        with tempfile.TemporaryDirectory() as place, psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE customers (cust INTEGER)")
            connection.execute(
                f"INSERT INTO customers SELECT generate_series(0, {len(rows) // 50 - 1})"
            )
            connection.execute(
                "CREATE TABLE transactions (no BIGINT, cust INTEGER, dt DATE, amt NUMERIC(18, 2), "
                "code TEXT, note TEXT)"
            )
            csv.write_csv(rows, Path(place) / "rows.csv", csv.WriteOptions(include_header=False))
            with (
                (Path(place) / "rows.csv").open("rb") as file,
                connection.cursor().copy("COPY transactions FROM STDIN (FORMAT csv)") as copy,
            ):
                while data := file.read(1 << 20):
                    copy.write(data)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        yield url
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Cost(NamedTuple):
    """What one call costs.

    Attributes:
        cpu: CPU seconds of all threads of this process.
        wall: Seconds on the clock.
    """

    cpu: float
    wall: float


def cost(call: Callable[[], object]) -> Cost:
    """The cost of one call."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return Cost(time.process_time() - cpu, time.perf_counter() - wall)


def compare(
    label: str,
    rows: int,
    repeat: int,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    limit: float | None = LIMIT,
) -> None:
    """Run both in turn; print the medians and their ratio.

    Args:
        label: What is compared.
        rows: The number of rows.
        repeat: How often each runs, after a first time.
        ours: What the project does.
        theirs: What pandas does.
        limit: The highest ratio of CPU times that the project asks for.
    """
    ours(), theirs()
    pairs = [(cost(ours), cost(theirs)) for _ in range(repeat)]
    mine, other = (
        Cost(*(statistics.median(c) for c in zip(*side, strict=True)))
        for side in zip(*pairs, strict=True)
    )
    ratio = mine.cpu / other.cpu
    verdict = "" if limit is None else f"  limit {limit:g}  {'ok' if ratio <= limit else 'MISSED'}"
    print(
        f"{label:<40} {rows / mine.wall / 1e6:5.2f} million rows/s  {mine.cpu:6.2f} s CPU  against "
        f"{rows / other.wall / 1e6:5.2f}  {other.cpu:6.2f} s  ratio {ratio:5.2f}{verdict}",
        flush=True,
    )


def reviewed(book: Book) -> object:
    """The review of a book on its last day."""
    return review(book, as_of="2025-12-30")


def of_files(table: pa.Table, repeat: int) -> None:
    """Files in four writings."""
    for label, encoding, thousands in (
        ("UTF-8, commas", "utf-8", False),
        ("UTF-8, semicolons, 1,200.00", "utf-8", True),
        ("GB18030, commas", "gb18030", False),
        ("GB18030, semicolons, 1,200.00", "gb18030", True),
    ):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            files = write(folder, table, encoding=encoding, thousands=thousands)
            options = {"sep": ";", "thousands": ","} if thousands else {}

            def theirs() -> None:
                for file in files:  # noqa: B023 - called at once
                    pd.read_csv(file, encoding=encoding, **options)  # noqa: B023

            compare(f"read {label}", len(table), repeat, lambda: read_book(folder), theirs)  # noqa: B023
            if label == "UTF-8, commas":
                compare(
                    f"review {label}",
                    len(table),
                    min(repeat, 3),
                    lambda: reviewed(read_book(folder)),  # noqa: B023
                    theirs,
                    limit=None,
                )


def of_tables(table: pa.Table, repeat: int, server: str) -> None:
    """Tables of PostgreSQL, from a URL and from an open connection."""
    import sqlalchemy

    mapping = BookMapping.from_toml(MAPPING)
    with database(server, table) as url:
        engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1))

        def theirs() -> None:
            with engine.connect() as connection:
                for name in ("customers", "transactions"):
                    pd.read_sql(sqlalchemy.text(f"SELECT * FROM {name}"), connection)

        def from_connection() -> Book:
            with engine.connect() as connection:
                return read_book(connection, mapping=mapping)

        def from_url() -> Book:
            return read_book(url, mapping=mapping)

        rows = len(table)
        compare("read PostgreSQL, a URL (ADBC)", rows, repeat, from_url, theirs)
        compare("read PostgreSQL, an open connection", rows, repeat, from_connection, theirs)
        compare(
            "review PostgreSQL, a URL (ADBC)",
            rows,
            min(repeat, 3),
            lambda: reviewed(from_url()),
            theirs,
            limit=None,
        )
        engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--rows", type=int, default=5_000_000, help="transactions")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--server", default=os.environ.get("BANKCRM_TEST_POSTGRES"))
    asked = parser.parse_args()
    table = transactions(asked.rows // 10 if asked.quick else asked.rows)
    print(f"{len(table):,} transactions of {len(table) // ROWS_OF_A_CUSTOMER:,} customers")
    of_files(table, asked.repeat)
    if asked.server:
        of_tables(table, asked.repeat, asked.server)
    else:
        print("left out: PostgreSQL, no server is named")
    print(f"peak memory {peak_memory_mb():,.0f} MB")


if __name__ == "__main__":
    main()
