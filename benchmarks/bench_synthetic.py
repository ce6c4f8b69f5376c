"""Making and reading books: time and memory of the synthetic bank, and of the full Berka set.

    python benchmarks/bench_synthetic.py [--quick]

The full Berka set is imitated by repeating the part in ../shared/data under new numbers:
1,056,861 transactions, against the 1,056,320 of the original.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pandas as pd

from bankcrm.book import read_book, write_book
from bankcrm.datasets import load_berka, make_book
from timing import peak_memory_mb, seconds

BERKA = Path(__file__).resolve().parents[2] / "shared" / "data" / "berka"


def enlarge(folder: Path, times: float) -> int:
    """Write the eight files with the transactions and what belongs to them repeated."""
    copies = int(times)
    step = 1_000_000
    rows = 0
    for path in BERKA.glob("*.asc"):
        text = {"k_symbol": str, "operation": str, "bank": str, "account": str, "bank_to": str}
        frame = pd.read_csv(path, sep=";", dtype=text | {"account_to": str}, keep_default_na=False)
        keys = [c for c in frame if c in ("account_id", "client_id", "disp_id", "loan_id")]
        keys += [c for c in frame if c in ("trans_id", "order_id", "card_id")]
        if keys:
            parts = [frame.assign(**{k: frame[k] + step * i for k in keys}) for i in range(copies)]
            if path.stem == "trans":
                half = frame[frame["account_id"] % 2 == 0]
                parts.append(half)  # more of the same, to reach the size of the original
            frame = pd.concat(parts)
        rows = max(rows, len(frame))
        frame.to_csv(folder / path.name, sep=";", index=False, lineterminator="\r\n")
    return rows


def main() -> None:
    quick = "--quick" in sys.argv
    for customers in (1_000, 100_000) if quick else (1_000, 100_000, 1_000_000):
        made: list[object] = []
        took = seconds(lambda n=customers, m=made: m.append(make_book(n, seed=7)))
        print(f"make_book({customers:,}): {took:.2f} s, peak {peak_memory_mb():,.0f} MB, {made[0]}")
        made.clear()
    book = make_book(20_000, seed=7)
    for kind in ("parquet", "csv"):
        with tempfile.TemporaryDirectory() as folder:
            wrote = seconds(lambda f=folder, k=kind: write_book(book, f, k))
            size = sum(p.stat().st_size for p in Path(folder).iterdir()) / 1e6
            read = seconds(lambda f=folder: read_book(f))
        print(
            f"20,000 customers as {kind}: written in {wrote:.2f} s, "
            f"read in {read:.2f} s, {size:.0f} MB"
        )
    print(f"check of 20,000 customers: {seconds(lambda: book.check()):.2f} s")
    if BERKA.is_dir():
        with tempfile.TemporaryDirectory() as folder:
            rows = enlarge(Path(folder), 2 if quick else 22)
            took = seconds(lambda: load_berka(folder))
        print(f"load_berka, {rows:,} transactions: {took:.2f} s")


if __name__ == "__main__":
    main()
