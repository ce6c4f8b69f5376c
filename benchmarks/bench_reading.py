"""Reading a large text file by a mapping, against ``pandas.read_csv`` of the same files.

    python benchmarks/bench_reading.py [--quick]

The limit of the project: at most 1.5 times the CPU time of ``pandas.read_csv``, which parses no
dates, maps no codes and checks no cell.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from bankcrm import read_book

LIMIT = 1.5
CODES = np.array(["POS", "SAL", "TRF", "ATM", "FEE"])
MAPPING = """
[formats]
dates = "%Y/%m/%d"

[customers]
columns = { customer_id = "cust" }
constants = { kind = "person" }

[transactions]
file = "flow.csv"
columns = { customer_id = "cust", date = "dt", amount = "amt", kind = "code" }

[transactions.values.kind]
POS = "card"
SAL = "salary"
TRF = "transfer_out"
ATM = "cash_out"
FEE = "fee"
"""


def write(folder: Path, rows: int, *, encoding: str, thousands: bool) -> Path:
    """A folder with a bank's own files."""
    rng = np.random.default_rng(5)
    days = (np.datetime64("2024-01-01") + rng.integers(0, 730, rows)).astype(str)
    amounts = np.round(rng.normal(0, 2_000, rows), 2)
    flow = pa.table(
        {
            "no": np.arange(rows),
            "cust": rng.integers(0, rows // 10, rows),
            "dt": np.char.replace(days, "-", "/"),
            "amt": pd.Series(amounts).map("{:,.2f}".format) if thousands else amounts,
            "code": CODES[rng.integers(0, len(CODES), rows)],
            "note": np.array(["工资", "消费"])[rng.integers(0, 2, rows)],
        }
    )
    separator = ";" if thousands else ","
    csv.write_csv(
        flow, folder / "flow.csv", csv.WriteOptions(delimiter=separator, quoting_style="needed")
    )
    csv.write_csv(pa.table({"cust": np.arange(rows // 10)}), folder / "customers.csv")
    if encoding != "utf-8":
        text = (folder / "flow.csv").read_text(encoding="utf-8")
        (folder / "flow.csv").write_text(text, encoding=encoding)
    marks = 'thousands = ","\n' if thousands else ""
    (folder / "book.toml").write_text(MAPPING.replace("[formats]\n", f"[formats]\n{marks}"))
    return folder / "flow.csv"


def cpu(call: Callable[[], object]) -> float:
    """CPU seconds of one call, of all threads."""
    start = time.process_time()
    call()
    return time.process_time() - start


def compare(
    label: str, ours: Callable[[], object], theirs: Callable[[], object], rows: int
) -> None:
    """Run both in turn, and print the ratio of the medians of their CPU times."""
    ours(), theirs()
    pairs = [(cpu(ours), cpu(theirs)) for _ in range(5)]
    mine, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    verdict = "ok" if mine / other <= LIMIT else "MISSED"
    print(
        f"{label:<44} {mine:6.2f} s CPU ({rows / mine / 1e6:4.1f} million rows/s)  against "
        f"{other:6.2f} s  ratio {mine / other:5.2f}  limit {LIMIT:g}  {verdict}"
    )


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--quick", action="store_true", help="500,000 rows, not 5,000,000")
    rows = 500_000 if reader.parse_args().quick else 5_000_000
    print(f"{rows:,} transactions")
    for label, encoding, thousands in (
        ("UTF-8, commas", "utf-8", False),
        ("UTF-8, semicolons, 1,200.00", "utf-8", True),
        ("GB18030, commas", "gb18030", False),
        ("GB18030, semicolons, 1,200.00", "gb18030", True),
    ):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            flow = write(folder, rows, encoding=encoding, thousands=thousands)
            options = {"sep": ";", "thousands": ","} if thousands else {}
            files = [(flow, options), (folder / "customers.csv", {})]
            compare(
                label,
                lambda: read_book(folder),  # noqa: B023 - called at once
                lambda: [pd.read_csv(f, encoding=encoding, **o) for f, o in files],  # noqa: B023
                rows,
            )


if __name__ == "__main__":
    main()
