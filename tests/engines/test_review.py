"""The review on an engine is the review: every row, figure, finding and explanation."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import threading
import types
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.book import Book, write_book
from bankcrm.datasets import make_book
from bankcrm.engines import DuckDBEngine, Engine, read_output
from bankcrm.errors import DataError, EngineError, UnknownNameError
from bankcrm.plugins import FactSource, assemble, hookimpl
from bankcrm.reviews import EngineReview, Review, read_earlier, review

from .conftest import assert_same


@pytest.fixture(scope="module")
def book() -> Book:
    """A bank of persons and companies with every frame, some of it faulty."""
    whole = make_book(700, seed=5)
    moves = whole.transactions.copy()
    moves.loc[moves.index[3], "amount"] = np.nan
    moves.loc[moves.index[5], "customer_id"] = 999_999_999
    people = whole.customers.copy()
    people["referred_by"] = people["customer_id"].shift(7).astype("Int64")
    people.loc[people.index[4], "closed_date"] = pd.Timestamp("1990-01-01")
    return Book(**{**whole.frames(), "transactions": moves, "customers": people},
                as_of=whole.as_of, name=whole.name)  # fmt: skip


@pytest.fixture(scope="module")
def known(book: Book) -> Review:
    """Its review in memory."""
    return review(book, as_of=book.as_of)


def assert_same_review(found: EngineReview, known: Review) -> None:
    """Customers, complaints, figures and findings."""
    assert_same(found.all_customers(), known.customers)
    for name in ("severity", "owner", "due", "state"):
        assert found.complaints[name].astype(str).tolist() == known.complaints[
            name
        ].astype(str).tolist()  # fmt: skip
    assert _rounded(_shared(found)) == _rounded(_shared(known))
    assert found.summary["quality"]["score"] is None
    assert "on disk" in found.summary["not_available"]["quality"]
    columns = ["frame", "column", "problem", "count", "expected", "advice"]
    order = ["frame", "column", "problem"]
    ours, theirs = (r.findings[columns].sort_values(order) for r in (found, known))
    assert ours.to_numpy().tolist() == theirs.to_numpy().tolist()
    lists = [r.actions.astype(str).to_numpy().tolist() for r in (found, known)]
    assert lists[0] == lists[1]
    assert found.trend.astype(str).equals(known.trend.astype(str))


def _shared(found: Review) -> dict[str, Any]:
    """The summary without the quality of the records, which is measured in memory alone."""
    absent = {k: v for k, v in found.summary["not_available"].items() if k != "quality"}
    return {**found.summary, "quality": None, "not_available": absent}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    return round(value, 5) if isinstance(value, float) else value


@pytest.mark.parametrize("blocks", [1, 4])
def test_on_duckdb(book: Book, known: Review, blocks: int) -> None:
    """In one block and in several, from frames in memory."""
    found = review(DuckDBEngine(book), as_of=book.as_of, blocks=blocks)
    assert len(found.output.files) == blocks
    assert_same_review(found, known)
    assert found.key_figures() == known.key_figures()


def test_more_blocks_than_customers(known: Review) -> None:
    """Blocks without a customer go with those of others."""
    small = make_book(5, seed=5)
    found = review(DuckDBEngine(small), as_of=small.as_of, blocks=9)
    assert_same_review(found, review(small, as_of=small.as_of))


@settings(max_examples=4)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_small_banks_in_many_blocks(customers: int, seed: int, blocks: int) -> None:
    """A block may well have no complaint, account or movement where the bank has some."""
    small = make_book(customers, seed=seed)
    found = review(DuckDBEngine(small), as_of=small.as_of, blocks=blocks)
    assert_same_review(found, review(small, as_of=small.as_of))


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_from_files(book: Book, known: Review, tmp_path: Path, kind: Any) -> None:
    """From the files that the book wrote."""
    folder = write_book(book, tmp_path / "book", kind)
    found = review(DuckDBEngine(folder), as_of=book.as_of, blocks=2)
    assert_same(found.all_customers(), known.customers)


def test_berka_on_duckdb(shared_data: Path) -> None:
    """The real bank: balances run with the transactions."""
    from bankcrm.datasets import load_berka

    berka = load_berka(shared_data / "berka")
    found = review(DuckDBEngine(berka), as_of="1994-03-30", blocks=3)
    assert_same_review(found, review(berka, as_of="1994-03-30"))


def test_on_spark(spark: Any, book: Book, known: Review, tmp_path: Path) -> None:
    """The same blocks, made and summed up by Spark."""
    from bankcrm.engines.spark import SparkEngine

    engine: Engine = SparkEngine(spark, book)
    found = review(engine, as_of=book.as_of, blocks=2, out=tmp_path)
    assert_same_review(found, known)


def test_berka_on_spark(spark: Any, shared_data: Path) -> None:
    """The real bank on Spark."""
    from bankcrm.datasets import load_berka
    from bankcrm.engines.spark import SparkEngine

    berka = load_berka(shared_data / "berka")
    engine: Engine = SparkEngine(spark, berka)
    found = review(engine, as_of="1994-03-30", blocks=2)
    assert_same_review(found, review(berka, as_of="1994-03-30"))


def test_a_spark_task_that_dies_leaves_nothing_half_written(
    spark: Any, book: Book, known: Review, tmp_path: Path
) -> None:
    """A worker is killed in the middle of its block; the next run completes the result."""
    from bankcrm.engines.spark import SparkEngine

    killed = tmp_path / "killed"

    def deadly(frames: Any, as_of: Any) -> pd.DataFrame:
        """A fact of a plug-in; the first worker that computes it does not survive."""
        import os
        import signal

        if not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        index = frames["facts"].index
        return pd.DataFrame({"lives": True}, index=index)

    plugin = types.ModuleType("deadly")
    source = FactSource("deadly", "lifecycle", {}, {"lives": "boolean"}, deadly)
    vars(plugin)["facts"] = hookimpl(lambda: [source])
    policies = assemble(plugins=[plugin])
    engine: Engine = SparkEngine(spark, write_book(book, tmp_path / "book"))
    with pytest.raises(EngineError, match="working on the blocks"):
        review(engine, as_of=book.as_of, policies=policies, blocks=2, out=tmp_path / "out")
    assert killed.exists()
    with pytest.raises(DataError, match="no complete result"):
        read_output(tmp_path / "out", book.as_of)
    found = review(engine, as_of=book.as_of, policies=policies, blocks=2, out=tmp_path / "out")
    assert_same(found.all_customers(), known.customers)


def test_the_error_of_a_spark_worker_is_reported(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of its traceback, and what to do where the worker lacks a package."""
    from bankcrm.engines.spark import SparkEngine

    engine = SparkEngine(spark, make_book(3, seed=1))

    def refuse(job: int) -> None:
        raise DataError(f"branch {job} is unknown\nexpected: 1 to 9")

    with pytest.raises(DataError, match=r"DataError: branch 17 is unknown expected: 1 to 9$"):
        engine.each(refuse, [17], lambda number: None)
    (tmp_path / "only_here.py").write_text("def job(number): ...\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    only_here = importlib.import_module("only_here")
    with pytest.raises(EngineError, match="No module named 'only_here'; install it on the workers"):
        engine.each(only_here.job, [1], lambda number: None)


def test_a_cancelled_spark_review_says_so(spark: Any, book: Book, tmp_path: Path) -> None:
    """Cancelled while a job runs; the earlier result is unchanged."""
    from bankcrm.engines.spark import SparkEngine

    engine = SparkEngine(spark, book)
    out = tmp_path / "out"
    before = review(engine, as_of=book.as_of, blocks=1, out=out).output.manifest

    over = threading.Event()

    def cancel() -> None:
        while not over.wait(0.05):  # between two jobs there is nothing to cancel
            engine.cancel()

    def watch(done: int, total: int, name: str) -> None:
        if name.startswith("facts"):
            threading.Thread(target=cancel).start()

    try:
        with pytest.raises(EngineError, match="the last complete result is unchanged"):
            review(engine, as_of=book.as_of, blocks=2, out=out, progress=watch)
    finally:
        over.set()
    assert read_output(out, book.as_of).manifest == before


def test_only_customers_and_transactions() -> None:
    """The least that a book may have."""
    whole = make_book(60, seed=9)
    least = Book(whole.customers, whole.transactions.drop(columns=["account_id"]))
    found = review(DuckDBEngine(least), as_of=whole.as_of, blocks=3)
    assert_same_review(found, review(least, as_of=whole.as_of))


def test_any_customer_is_explained(book: Book, known: Review, tmp_path: Path) -> None:
    """From the result on disk, with the same words as in memory."""
    found = review(DuckDBEngine(book), as_of=book.as_of, blocks=2, out=tmp_path)
    for customer in known.customers.index[[0, 77, 500]]:
        ours, theirs = found.explain(customer), known.explain(customer)
        assert {k: str(t.decision) for k, t in ours.items()} == {
            k: str(t.decision) for k, t in theirs.items()
        }
    with pytest.raises(UnknownNameError):
        found.explain(-1)
    found.to_html(tmp_path / "index.html")
    assert (tmp_path / "index.html").stat().st_size > 10_000
    assert read_output(tmp_path, book.as_of).rows == len(known.customers)


def test_an_engines_review_is_compared_and_compared_with(
    book: Book, known: Review, tmp_path: Path
) -> None:
    """Its folder is an earlier review like any other, and its report shows the movement."""
    earlier = date(2026, 3, 31)
    review(DuckDBEngine(book), as_of=earlier, blocks=2, out=tmp_path).write(tmp_path)
    before = read_earlier(tmp_path)
    in_memory = review(book, as_of=earlier)
    assert_same(before.standing, in_memory.standing())
    found = review(DuckDBEngine(book), as_of=book.as_of, blocks=2, out=tmp_path)
    pages = [r.to_html(earlier=before) for r in (found, known)]
    tables = [re.findall(r"<caption>Movement since.*?</table>", p, re.DOTALL) for p in pages]
    assert len(tables[0]) == 1
    assert tables[0] == tables[1]


class StopError(Exception):
    """The caller has had enough."""


@pytest.mark.parametrize("when", ["facts, block 2", "recency", "value of customers"])
def test_a_stopped_review_goes_on_where_it_was(
    book: Book, known: Review, tmp_path: Path, when: str
) -> None:
    """Finished blocks are kept; the last result is unchanged until the next is complete."""
    folder = write_book(book, tmp_path / "book")
    engine = DuckDBEngine(folder)
    before = review(engine, as_of=book.as_of, out=tmp_path / "out", blocks=1)

    def stop(done: int, total: int, name: str) -> None:
        if name.startswith(when) and name.endswith("block 2 of 3"):
            raise StopError

    with pytest.raises(StopError):
        review(engine, as_of=book.as_of, out=tmp_path / "out", blocks=3, progress=stop)
    assert read_output(tmp_path / "out", book.as_of).manifest == before.output.manifest
    work = tmp_path / "out" / f".review_date={book.as_of}.work"
    made = {p: p.stat().st_mtime_ns for p in work.rglob("*") if p.is_file()}
    assert made
    steps: list[tuple[int, int, str]] = []
    found = review(
        engine, as_of=book.as_of, out=tmp_path / "out", blocks=3,
        progress=lambda *step: steps.append(step),
    )  # fmt: skip
    assert_same(found.all_customers(), known.customers)
    assert steps[-1][2] == "done"
    assert [step[0] for step in steps] == list(range(len(steps)))
    assert not work.exists()


KILLED = """
import os, signal, sys
from bankcrm import review
from bankcrm.engines import DuckDBEngine

def kill(done, total, name):
    if "value of customers" in name and "block 2" in name:
        os.kill(os.getpid(), signal.SIGKILL)

review(DuckDBEngine(sys.argv[1]), as_of="2026-06-30", out=sys.argv[2], blocks=3, progress=kill)
"""


def test_a_killed_review_is_completed_by_the_next(
    book: Book, known: Review, tmp_path: Path
) -> None:
    """Killed between two blocks: nothing that looks whole; a second run completes it."""
    folder = write_book(book, tmp_path / "book")
    out = tmp_path / "out"
    ran = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(out)], check=False)
    assert ran.returncode == -9
    with pytest.raises(DataError, match="no complete result"):
        read_output(out, book.as_of)
    found = review(DuckDBEngine(folder), as_of=date(2026, 6, 30), out=out, blocks=3)
    assert_same(found.all_customers(), known.customers)


def test_what_blocks_would_separate_is_refused(book: Book) -> None:
    """An account of two customers, a number that occurs with two."""
    moves = book.transactions.reset_index(drop=True)
    other = moves["customer_id"].iloc[0]
    shared = moves.assign(
        customer_id=moves["customer_id"].mask(moves.index == len(moves) - 1, other)
    )
    frames = {**book.frames(), "transactions": shared}
    with pytest.raises(DataError, match="belong to several customers"):
        review(DuckDBEngine(frames), as_of=book.as_of, blocks=2)
    whole = review(DuckDBEngine(frames), as_of=book.as_of, blocks=1)
    assert sum(whole.summary["stage"].values()) == len(book.customers)


def test_a_frame_that_does_not_fit_stops_the_review(book: Book) -> None:
    """A customer twice is refused as in memory."""
    twice = pd.concat([book.customers, book.customers.iloc[:1]])
    with pytest.raises(DataError, match="customer_id"):
        review(DuckDBEngine({**book.frames(), "customers": twice}), as_of=book.as_of, blocks=2)
