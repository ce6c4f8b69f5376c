"""Time and size of the report of a large book, the review itself left aside.

    python benchmarks/bench_report.py [--quick]

The limits of the project: a report of 1,000,000 customers in under 60 s and under 5 MB.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bankcrm import review
from bankcrm.datasets import make_book
from timing import peak_memory_mb, seconds

SECONDS, MEGABYTES = 60.0, 5.0


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
    print(f"peak memory {peak_memory_mb():,.0f} MB")


if __name__ == "__main__":
    main()
