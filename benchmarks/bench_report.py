"""Time and size of the files of a large review, the review itself left aside.

    python benchmarks/bench_report.py [--quick]

The limits of the project: a report of 1,000,000 customers in under 60 s and under 5 MB;
``customers.csv`` in 1.5 times the CPU time of Arrow's writer behind the same guard against
formulas, each text looked at once.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from bankcrm import review
from bankcrm.datasets import make_book
from bankcrm.report import write_csv
from timing import compare, peak_memory_mb, seconds

SECONDS, MEGABYTES = 60.0, 5.0


def by_arrow(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame by Arrow; a text that a spreadsheet would run gets an apostrophe."""
    table = pa.Table.from_pandas(frame.reset_index(), preserve_index=False).unify_dictionaries()
    columns = []
    for column in table.columns:
        if pa.types.is_dictionary(column.type):
            words = column.chunk(0).dictionary
            if pc.any(pc.match_substring_regex(words, "^[=+@-]")).as_py():
                raise ValueError("a word starts a formula")
            column = column.cast(column.type.value_type)
        elif pa.types.is_large_string(column.type) or pa.types.is_string(column.type):
            mark, nothing = (pa.scalar(text, column.type) for text in ("'", ""))
            guarded = pc.binary_join_element_wise(mark, column, nothing)
            risky = pc.match_substring_regex(column, "^[=+@-]")
            column = pc.if_else(risky, guarded, column)
        columns.append(column)
    made = pa.table(columns, names=table.column_names)
    csv.write_csv(made, path, csv.WriteOptions(quoting_style="needed"))


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--quick", action="store_true", help="50,000 customers, not 1,000,000")
    customers = 50_000 if reader.parse_args().quick else 1_000_000
    book = make_book(customers, seed=7)
    result = review(book, as_of=book.as_of)
    print(f"{customers:,} customers, {len(book.transactions):,} transactions reviewed")
    with tempfile.TemporaryDirectory() as folder:
        for language in ("en", "zh"):
            page = Path(folder) / f"{language}.html"
            took = seconds(lambda: result.to_html(page, language=language))  # noqa: B023 - called at once
            size = page.stat().st_size / 1e6
            verdict = "ok" if took < SECONDS and size < MEGABYTES else "MISSED"
            print(
                f"report {language}: {took:6.2f} s  limit {SECONDS:g}   "
                f"{size:5.2f} MB  limit {MEGABYTES:g}  {verdict}"
            )
        frame = result.customers
        compare(
            f"customers.csv, {len(frame):,} rows, {len(frame.columns)} columns",
            lambda: write_csv(frame, Path(folder) / "ours.csv"),
            {"Arrow with the guard": lambda: by_arrow(frame, Path(folder) / "theirs.csv")},
            limit=1.5,
        )
    print(f"peak memory {peak_memory_mb():,.0f} MB")


if __name__ == "__main__":
    main()
