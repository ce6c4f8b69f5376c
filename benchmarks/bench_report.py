"""Time and size of the files of a large review, the review itself left aside.

    python benchmarks/bench_report.py [--quick]

The limits of the project: a report of 1,000,000 customers in under 60 s; one of 100,000 and more in
under 5 MB, opened by Chromium in under 2 s (left out where it is not installed); one of 5,000 in
under 1.5 MB; ``customers.csv`` in 1.5 times the CPU time of Arrow's writer behind the same guard
against formulas, each text looked at once.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from statistics import median

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from bankcrm import Review, review
from bankcrm.datasets import make_book
from bankcrm.report import write_csv
from timing import compare, peak_memory_mb, seconds

SECONDS, OPENED = 60.0, 2.0
SAMPLE, SAMPLE_MEGABYTES, MEGABYTES = 5_000, 1.5, 5.0


def opened(page: Path, times: int = 5) -> tuple[float, float] | None:
    """The seconds until Chromium has loaded a page, and CPU seconds of its main thread.

    The medians of several times; None without Chromium.
    """
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        return None
    if not program or not driver:
        return None
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in ("headless", "no-sandbox", "disable-gpu"):
        options.add_argument(f"--{flag}")
    browser = webdriver.Chrome(options=options, service=Service(driver))
    try:
        browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
        took, used = [], []
        for _ in range(times):
            browser.get("about:blank")
            browser.get(page.as_uri())
            script = "return performance.getEntriesByType('navigation')[0].loadEventEnd"
            took.append(float(browser.execute_script(script)) / 1000)
            found = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
            used += [float(m["value"]) for m in found if m["name"] == "TaskDuration"]
        return median(took), median(used)
    finally:
        browser.quit()


def measure(result: Review, customers: int, folder: Path) -> None:
    """Time, size and opening of the report in both languages."""
    limit = SAMPLE_MEGABYTES if customers <= SAMPLE else MEGABYTES
    for language in ("en", "zh"):
        page = folder / f"{language}.html"
        took = seconds(lambda: result.to_html(page, language=language))  # noqa: B023 - called at once
        size = page.stat().st_size / 1e6
        shown = opened(page)
        kept = took < SECONDS and size < limit and (shown is None or shown[0] < OPENED)
        seen = "left out: no Chromium"
        if shown is not None:
            seen = f"{shown[0]:.2f} s ({shown[1]:.2f} s CPU)  limit {OPENED:g}"
        print(
            f"report of {customers:,} {language}: {took:6.2f} s  limit {SECONDS:g}   "
            f"{size:5.2f} MB  limit {limit:g}   opened {seen}  {'ok' if kept else 'MISSED'}"
        )


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
    reader.add_argument("--quick", action="store_true", help="100,000 customers, not 1,000,000")
    customers = 100_000 if reader.parse_args().quick else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        sample = make_book(SAMPLE, seed=7)
        measure(review(sample, as_of=sample.as_of), SAMPLE, Path(folder))
    book = make_book(customers, seed=7)
    result = review(book, as_of=book.as_of)
    print(f"{customers:,} customers, {len(book.transactions):,} transactions reviewed")
    with tempfile.TemporaryDirectory() as folder:
        measure(result, customers, Path(folder))
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
