"""A review on DuckDB: its growth beyond memory, and beside the review in memory.

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
from bankcrm.reviews import review
from timing import compare

DAY = "2026-06-30"
MEMORY, THREADS = "3GB", 2
KINDS = ["salary", "card", "card", "transfer_out", "cash_out", "fee", "interest", "standing_order"]


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
    measured = {"spill": 0.0}
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.5):
            sizes = [p.stat().st_size for p in folder.rglob("*") if p.is_file()]
            measured["spill"] = max(measured["spill"], sum(sizes) / 1e6)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    start, worked = time.perf_counter(), time.process_time()
    try:
        yield measured
    finally:
        measured["seconds"] = time.perf_counter() - start
        measured["cpu"] = time.process_time() - worked  # of all threads; not of the other processes
        stop.set()
        thread.join()


def peak() -> float:
    """Highest resident memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def out_of_core(book: Path, moves: int, spill: Path) -> dict[str, float]:
    """The whole review on DuckDB: time, CPU time and what was spilled."""
    spill.mkdir(exist_ok=True)
    engine = DuckDBEngine(book, memory_limit=MEMORY, threads=THREADS, temp_directory=spill)
    with watched(spill) as measured:
        result = review(engine, as_of=DAY, out=book / "out", progress=_steps())
    size = sum(p.stat().st_size for p in (book / "out").rglob("*.parquet")) / 1e6
    print(
        f"{moves:>11,} transactions: the whole review of {result.summary['customers']:,} "
        f"customers: {measured['seconds']:7.1f} s ({measured['cpu']:.1f} s CPU), "
        f"spilled {measured['spill']:6.0f} MB, peak {peak():5.0f} MB, result {size:.0f} MB",
        flush=True,
    )
    engine.close()
    return measured


def _steps() -> Callable[[int, int, str], None]:
    start = time.perf_counter()

    def report(done: int, total: int, name: str) -> None:
        if "block" not in name or " block 1 " in name:
            print(f"    {time.perf_counter() - start:7.1f} s  {name}", flush=True)

    return report


def beside_memory(book: Path, moves: int) -> None:
    """The review in memory beside the one on DuckDB, both from the files."""

    def on_duckdb() -> object:
        return review(DuckDBEngine(book, memory_limit=MEMORY, threads=THREADS), as_of=DAY)

    def in_memory() -> object:
        return review(read_book(book), as_of=DAY)

    work = f"review on DuckDB, {moves // 10:,} customers, {moves:,} transactions"
    compare(work, on_duckdb, {"review in memory": in_memory}, limit=1.3, repeat=5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--moves", type=int, default=100_000_000, help="of the larger book")
    parser.add_argument("--only", choices=["growth", "memory"])
    parser.add_argument("--folder", type=Path, help="where to make the books; a temporary folder")
    asked = parser.parse_args()
    large = 1_000_000 if asked.quick else asked.moves
    with tempfile.TemporaryDirectory(dir=asked.folder, prefix="bankcrm-bench-") as name:
        root = Path(name)
        if asked.only in (None, "growth"):
            took = []
            for moves in (large // 10, large):
                book = make(root / f"growth-{moves}", moves)
                took.append(out_of_core(book, moves, root / "spill"))
                shutil.rmtree(book)
            for measure in ("seconds", "cpu"):
                growth = took[1][measure] / took[0][measure] / 10
                verdict = "ok" if growth <= 1.1 else "MISSED"
                print(
                    f"growth from a tenth to the whole, {measure}: {growth:.3f} of linear, "
                    f"limit 1.1  {verdict}"
                )
        if asked.only in (None, "memory"):
            moves = min(large, 20_000_000)
            beside_memory(make(root / "memory", moves), moves)


if __name__ == "__main__":
    main()
