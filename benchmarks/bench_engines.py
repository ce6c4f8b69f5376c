"""A book on DuckDB: facts against hand-written SQL, growth out of core, and against memory.

    python benchmarks/bench_engines.py [--quick] [--moves 100000000] [--folder DIR]

Needs the extra ``engines``. The books are made here, in a temporary folder, and deleted after:
100 million transactions of 10 million customers take about 3 GB of Parquet, and the review about
8 GB more while it runs. ``--moves`` sets the larger book, ``--quick`` takes a hundredth.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from bankcrm.book import read_book
from bankcrm.engines import DuckDBEngine
from bankcrm.engines.review import review_on
from bankcrm.policy import default_policy
from bankcrm.reviews import review
from timing import compare

DAY = "2026-06-30"
MEMORY, THREADS = "3GB", 2
KINDS = ["salary", "card", "card", "transfer_out", "cash_out", "fee", "interest", "standing_order"]

# What a careful engineer would write by hand for the same columns.
BY_HAND = """
CREATE OR REPLACE TEMP TABLE by_hand AS
WITH moves AS (
  SELECT customer_id, min(date) AS first_day,
    max(date) FILTER (own) AS last_own,
    count(*) FILTER (own AND date > DATE '2026-04-01') AS recent_count,
    count(*) FILTER (own AND date > DATE '2026-01-01' AND date <= DATE '2026-04-01')
      AS earlier_count,
    count(*) FILTER (NOT own AND date > DATE '2026-04-01') AS automatic_count,
    sum(abs(amount)) FILTER (own AND date > DATE '2026-04-01') AS recent_amount,
    sum(abs(amount)) FILTER (own AND date > DATE '2026-01-01' AND date <= DATE '2026-04-01')
      AS earlier_amount
  FROM (SELECT *, kind NOT IN ('interest', 'penalty_interest', 'fee', 'standing_order',
          'household', 'insurance', 'loan_payment') AS own
        FROM read_parquet('{book}/transactions.parquet'))
  WHERE date <= DATE '2026-06-30' GROUP BY customer_id
)
SELECT customer_id, c.kind, contract_date, closed_date, first_day, last_own,
  coalesce(recent_count, 0) AS recent_count, coalesce(earlier_count, 0) AS earlier_count,
  coalesce(automatic_count, 0) AS automatic_count, coalesce(recent_amount, 0) AS recent_amount,
  coalesce(earlier_amount, 0) AS earlier_amount,
  date_diff('day', coalesce(contract_date, first_day), DATE '2026-06-30') AS days_since_contract,
  date_diff('day', greatest(last_own, coalesce(contract_date, first_day)), DATE '2026-06-30')
    AS days_idle
FROM read_parquet('{book}/customers.parquet') c LEFT JOIN moves USING (customer_id)
"""


def make(folder: Path, moves: int) -> Path:
    """A book of ``moves`` transactions of a tenth as many customers, heavy-tailed, by date."""
    customers = moves // 10
    folder.mkdir(parents=True)
    kinds = "[" + ", ".join(f"'{k}'" for k in KINDS) + "]"
    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute(f"SET threads = {THREADS}")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(f"SET temp_directory = '{folder}/spill'")
        connection.execute(
            f"""COPY (SELECT i AS customer_id,
              CASE WHEN i % 12 = 0 THEN 'company' ELSE 'person' END AS kind,
              DATE '2019-01-01' + CAST(hash(i) % 2600 AS INTEGER) AS contract_date,
              CASE WHEN i % 33 = 0 THEN DATE '2026-05-01' END AS closed_date
            FROM range(1, {customers + 1}) t(i)) TO '{folder}/customers.parquet'"""
        )
        connection.execute(
            f"""COPY (SELECT i AS account_id, i AS customer_id, 'demand' AS product,
              DATE '2019-01-01' + CAST(hash(i) % 2600 AS INTEGER) AS opened_date
            FROM range(1, {customers + 1}) t(i)) TO '{folder}/accounts.parquet'"""
        )
        connection.execute(
            f"""COPY (SELECT c AS customer_id, c AS account_id,
              DATE '2024-07-01' + CAST(i * 729 // {moves} AS INTEGER) AS date,
              round(CASE WHEN k IN (1, 7) THEN 1 ELSE -0.3 END * exp(8 * b), 2) AS amount,
              {kinds}[k] AS kind
            FROM (SELECT i, 1 + CAST(floor({customers} * pow(a, 1.3)) AS BIGINT) AS c, b, k
              FROM (SELECT i, (hash(i) >> 11) / 9007199254740992.0 AS a,
                (hash(i + 77) >> 11) / 9007199254740992.0 AS b,
                1 + CAST(hash(i + 5) % 8 AS BIGINT) AS k
                FROM range({moves}) t(i)))) TO '{folder}/transactions.parquet'"""
        )
    shutil.rmtree(folder / "spill", ignore_errors=True)
    return folder


@contextmanager
def watched(folder: Path) -> Iterator[dict[str, float]]:
    """The most that was spilled to a folder, MB, and the time, s."""
    told = {"spill": 0.0}
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.5):
            sizes = [p.stat().st_size for p in folder.rglob("*") if p.is_file()]
            told["spill"] = max(told["spill"], sum(sizes) / 1e6)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    start, worked = time.perf_counter(), time.process_time()
    try:
        yield told
    finally:
        told["seconds"] = time.perf_counter() - start
        told["cpu"] = time.process_time() - worked  # of all threads; not of the other processes
        stop.set()
        thread.join()


def peak() -> float:
    """Highest resident memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def out_of_core(book: Path, moves: int, spill: Path, whole: bool) -> dict[str, float]:
    """Facts and decisions in SQL, then the whole review; what the review (or the SQL) took."""
    spill.mkdir(exist_ok=True)
    engine = DuckDBEngine(book, memory_limit=MEMORY, threads=THREADS, temp_directory=spill)
    table = default_policy("lifecycle").table("stage")
    with watched(spill) as told:
        stored = engine.stage_facts(as_of=DAY, rhythm=False).store("facts")
        engine.decide(table, stored).store("stages")
        metrics = engine.rfm_metrics(as_of=DAY, own_only=True).store("metrics")
        engine.score_rfm(metrics, engine.fit_rfm(metrics)).store("scores")
        spread = engine.concentration(metrics, "monetary")
        figures = spread.gini, spread.share_of_top(0.2)
    print(
        f"{moves:>11,} transactions: stages, RFM, Gini {figures[0]:.4f}, top fifth "
        f"{figures[1]:.4f} in SQL: {told['seconds']:7.1f} s ({told['cpu']:.1f} s CPU), "
        f"spilled {told['spill']:6.0f} MB, peak {peak():5.0f} MB",
        flush=True,
    )
    engine.close()
    if not whole:
        return told
    engine = DuckDBEngine(book, memory_limit=MEMORY, threads=THREADS, temp_directory=spill)
    with watched(spill) as told:
        result = review_on(engine, as_of=DAY, out=book / "out", progress=_steps())
    size = sum(p.stat().st_size for p in (book / "out").rglob("*.parquet")) / 1e6
    print(
        f"{moves:>11,} transactions: the whole review of {result.summary['customers']:,} "
        f"customers: {told['seconds']:7.1f} s ({told['cpu']:.1f} s CPU), "
        f"spilled {told['spill']:6.0f} MB, peak {peak():5.0f} MB, result {size:.0f} MB",
        flush=True,
    )
    engine.close()
    return told


def _steps() -> Callable[[int, int, str], None]:
    start = time.perf_counter()

    def tell(done: int, total: int, name: str) -> None:
        if "block" not in name or " block 1 " in name:
            print(f"    {time.perf_counter() - start:7.1f} s  {name}", flush=True)

    return tell


def facts(book: Path) -> None:
    """DuckDB facts against the same columns by hand."""
    engine = DuckDBEngine(book, memory_limit=MEMORY, threads=THREADS)
    hand = duckdb.connect()
    hand.execute(f"SET memory_limit = '{MEMORY}'")
    hand.execute(f"SET threads = {THREADS}")
    sql = BY_HAND.format(book=book)
    start = time.perf_counter()
    engine.stage_facts(as_of=DAY, rhythm=False).store("facts")
    engine.rfm_metrics(as_of=DAY).store("rfm")
    print(
        f"first call of both, looking the files through once: {time.perf_counter() - start:.2f} s"
    )
    compare(
        "stage facts on DuckDB against hand-written SQL",
        lambda: engine.stage_facts(as_of=DAY, rhythm=False).store("facts"),
        lambda: hand.execute(sql),
        limit=1.3,
        repeat=3,
    )
    by_hand = (
        "CREATE OR REPLACE TEMP TABLE rfm AS SELECT customer_id, date_diff('day', max(date), "
        "DATE '2026-06-30') AS recency_days, count(*) AS frequency, sum(abs(amount)) AS monetary "
        f"FROM read_parquet('{book}/transactions.parquet') "
        "WHERE date <= DATE '2026-06-30' GROUP BY customer_id"
    )
    compare(
        "RFM metrics on DuckDB against hand-written SQL",
        lambda: engine.rfm_metrics(as_of=DAY).store("rfm"),
        lambda: hand.execute(by_hand),
        limit=1.3,
        repeat=3,
    )


def beside_memory(book: Path, moves: int) -> None:
    """The review in memory beside the one on DuckDB, both from the files."""
    print(f"{moves:>11,} transactions, from Parquet to the review:", flush=True)
    ways: dict[str, Callable[[], object]] = {
        "on DuckDB": lambda: review_on(
            DuckDBEngine(book, memory_limit=MEMORY, threads=THREADS), as_of=DAY
        ),
        "in memory": lambda: review(read_book(book), as_of=DAY),
    }
    for name, run in ways.items():
        start, worked = time.perf_counter(), time.process_time()
        run()
        took, cpu = time.perf_counter() - start, time.process_time() - worked
        print(f"    {name} {took:8.1f} s ({cpu:.1f} s CPU), peak {peak():6.0f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--moves", type=int, default=100_000_000, help="of the larger book")
    parser.add_argument("--sql-only", action="store_true", help="no whole review out of core")
    parser.add_argument("--only", choices=["facts", "growth", "memory"])
    parser.add_argument("--folder", type=Path, help="where to make the books; a temporary folder")
    asked = parser.parse_args()
    large = 1_000_000 if asked.quick else asked.moves
    with tempfile.TemporaryDirectory(dir=asked.folder, prefix="bankcrm-bench-") as name:
        root = Path(name)
        if asked.only in (None, "facts"):
            book = make(root / "facts", min(large, 10_000_000))
            facts(book)
            shutil.rmtree(book)
        if asked.only in (None, "growth"):
            took = []
            for moves in (large // 10, large):
                book = make(root / f"growth-{moves}", moves)
                took.append(out_of_core(book, moves, root / "spill", not asked.sql_only))
                shutil.rmtree(book)
            for measure in ("seconds", "cpu"):
                growth = took[1][measure] / took[0][measure] / 10
                verdict = "ok" if growth <= 1.25 else "MISSED"
                print(
                    f"growth from a tenth to the whole, {measure}: {growth:.3f} of linear, "
                    f"limit 1.25  {verdict}"
                )
        if asked.only in (None, "memory"):
            moves = min(large, 20_000_000)
            beside_memory(make(root / "memory", moves), moves)


if __name__ == "__main__":
    main()
