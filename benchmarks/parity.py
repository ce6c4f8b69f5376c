"""One review in memory, on DuckDB and on Spark, compared value by value.

    python benchmarks/parity.py [--customers 100000] [--blocks 8] [--spark]

Every column of every customer, complaint and action and every figure must be equal: words and dates
exactly, numbers to 1e-9 of their size. Needs the extra ``engines``; ``--spark`` needs the extra
``spark`` and Java. Ends with 1 if anything differs.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bankcrm.book import Book
from bankcrm.datasets import make_book
from bankcrm.engines import DuckDBEngine, Engine
from bankcrm.reviews import Review, review

TOLERANCE = 1e-9


def differences(found: pd.DataFrame, known: pd.DataFrame) -> tuple[list[str], float]:
    """Columns that are not equal, and the largest relative difference of a number."""
    if list(found.columns) != list(known.columns) or not found.index.equals(known.index):
        return ["rows or columns"], math.inf
    unequal, worst = [], 0.0
    for name in known.columns:
        a, b = found[name], known[name]
        if pd.api.types.is_numeric_dtype(b.dtype) and not pd.api.types.is_bool_dtype(b.dtype):
            x, y = (s.to_numpy(dtype=np.float64, na_value=np.nan) for s in (a, b))
            gap = np.abs(x - y) / np.maximum(np.maximum(np.abs(x), np.abs(y)), 1e-300)
            gap[(np.isnan(x) & np.isnan(y)) | (x == y)] = 0.0
            largest = float(np.max(gap, initial=0.0))
            worst = max(worst, largest)
            same = largest <= TOLERANCE  # false for a gap on one side only
        else:
            words = (s.astype(object).where(s.notna(), None).astype(str) for s in (a, b))
            same = next(words).tolist() == next(words).tolist()
        if not same:
            unequal.append(name)
    return unequal, worst


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every figure of a summary with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{place}]")
    else:
        yield path, value


def unequal_figures(found: Review, known: Review) -> list[str]:
    """Paths of the summary's figures that differ."""
    ours, theirs = dict(leaves(found.summary)), dict(leaves(known.summary))
    # The quality of the records is measured in memory alone, which an engine says.
    paths = [p for p in ours.keys() | theirs.keys() if "quality" not in p.split(".")[1:3]]
    return [path for path in paths if not _equal(ours.get(path), theirs.get(path))]


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(a == b)


def compare(name: str, engine: Engine, book: Book, known: Review, blocks: int) -> bool:
    """Review on an engine and print what differs."""
    start = time.perf_counter()
    found = review(engine, as_of=book.as_of, blocks=blocks)
    took = time.perf_counter() - start
    unequal, worst = differences(found.all_customers(), known.customers)
    for part in ("complaints", "actions"):
        columns, gap = differences(getattr(found, part), getattr(known, part))
        unequal += [f"{part}.{name}" for name in columns]
        worst = max(worst, gap)
    figures = unequal_figures(found, known)
    print(
        f"{name}: {len(known.customers):,} customers, {len(known.customers.columns)} columns, "
        f"{len(known.complaints):,} complaints, {len(known.actions):,} actions in {took:.0f} s; "
        f"unequal columns: {', '.join(unequal) or 'none'}; worst relative difference {worst:.1e}; "
        f"unequal figures: {', '.join(figures) or 'none'}",
        flush=True,
    )
    return not (unequal or figures)


def _spark(book: Book) -> Engine:
    from pyspark.sql import SparkSession

    from bankcrm.engines import SparkEngine

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the workers' Python is ours
    settings = {
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": "4g",
    }
    builder = SparkSession.builder.master("local[2]").config(map=settings)
    return SparkEngine(builder.getOrCreate(), book)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--spark", action="store_true", help="Spark in local mode as well")
    asked = parser.parse_args()
    book = make_book(asked.customers, seed=7)
    known = review(book, as_of=book.as_of)
    same = compare("DuckDB", DuckDBEngine(book), book, known, asked.blocks)
    if asked.spark:
        same &= compare("Spark", _spark(book), book, known, asked.blocks)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
