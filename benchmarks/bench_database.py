"""Reading a book from PostgreSQL, beside pandas.read_sql of the same tables.

    python benchmarks/bench_database.py [--quick] [--rows 5000000] [--repeat 3] [--server URL]

Needs the extra ``test``, and a server where the user may create databases: ``--server`` or the
environment variable ``BANKCRM_TEST_POSTGRES``. The database is made for the run and dropped after
it. ``--quick`` takes a fiftieth.
"""

from __future__ import annotations

import argparse
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pandas as pd
import psycopg
import sqlalchemy

from bankcrm.book import Book, read_book
from bankcrm.book.mapping import BookMapping, FrameMapping
from timing import compare, peak_memory_mb

LIMIT = 1.5
MAPPING = BookMapping(
    {
        "customers": FrameMapping(
            table="cust",
            columns={"customer_id": "cust_no", "kind": "typ"},
            values={"kind": {"P": "person", "C": "company"}},
        ),
        "transactions": FrameMapping(
            table="txn",
            columns={"customer_id": "cust_no", "date": "txn_dt", "amount": "amt", "kind": "code"},
            values={
                "kind": {"SAL": "salary", "POS": "card", "FEE": "fee", "INT": "interest"},
            },
        ),
    }
)


@contextmanager
def database(server: str, rows: int) -> Iterator[str]:
    """A database with a bank's own tables: other names and codes, NUMERIC amounts, nulls."""
    name = f"bankcrm_bench_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = urlsplit(server)._replace(path=f"/{name}").geturl()
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE cust AS SELECT i AS cust_no, "
                "CASE WHEN i % 12 = 0 THEN 'C' ELSE 'P' END AS typ "
                f"FROM generate_series(1, {rows // 50}) t(i)"
            )
            connection.execute(
                f"""CREATE TABLE txn AS SELECT 1 + (i * 7919::bigint) % {rows // 50} AS cust_no,
                  DATE '2024-07-01' + i % 700 AS txn_dt,
                  ((i * 104729::bigint) % 2000000 / 100.0 - 10000)::NUMERIC(18, 2) AS amt,
                  (ARRAY['SAL', 'POS', 'FEE', 'INT'])[1 + i % 4] AS code,
                  CASE WHEN i % 3 > 0 THEN 'mobile' END AS channel
                FROM generate_series(1, {rows}) t(i)"""
            )
            connection.execute("VACUUM ANALYZE")
        yield url
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def beside_pandas(url: str, rows: int, repeat: int) -> None:
    """The whole book, read and mapped, beside pandas, which only reads the tables."""
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1))

    def theirs() -> list[pd.DataFrame]:
        with engine.connect() as connection:
            return [
                pd.read_sql(sqlalchemy.text(f"SELECT * FROM {name}"), connection)
                for name in ("cust", "txn")
            ]

    def from_url() -> Book:
        return read_book(url, mapping=MAPPING)

    def from_connection() -> Book:
        with engine.connect() as connection:
            return read_book(connection, mapping=MAPPING)

    label = f"{rows:,} rows"
    compare(f"{label} from a URL (ADBC)", from_url, theirs, limit=LIMIT, repeat=repeat)
    compare(f"{label} from a connection", from_connection, theirs, limit=LIMIT, repeat=repeat)
    engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rows", type=int, default=5_000_000, help="transactions")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--server", default=os.environ.get("BANKCRM_TEST_POSTGRES"))
    asked = parser.parse_args()
    if not asked.server:
        parser.error("no server: give --server or set BANKCRM_TEST_POSTGRES")
    rows = asked.rows // 50 if asked.quick else asked.rows
    with database(asked.server, rows) as url:
        beside_pandas(url, rows, repeat=asked.repeat)
    print(f"peak memory {peak_memory_mb():,.0f} MB")


if __name__ == "__main__":
    main()
