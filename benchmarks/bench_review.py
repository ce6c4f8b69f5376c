"""The review of a book in memory: growth with the number of customers, and peak of memory.

    python benchmarks/bench_review.py [--quick]

A review of each size runs in a process of its own, in turn, so that its peak is its own. The limit
for growth is 1.1 times linear, from 100,000 customers to ten times as many.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

from timing import note, peak_memory_mb

LIMIT = 1.1


def one(customers: int) -> dict[str, float]:
    """CPU seconds of a review, and the peak of memory with it, MB."""
    from bankcrm import review
    from bankcrm.datasets import make_book

    book = make_book(customers, seed=7)
    frames = sum(f.memory_usage(deep=True).sum() for f in book.frames().values()) / 1e6
    start = time.process_time()
    review(book, as_of=book.as_of)
    spent = time.process_time() - start
    return {"cpu": spent, "peak": peak_memory_mb(), "frames": float(frames)}


def apart(customers: int) -> dict[str, float]:
    """`one` in a process of its own."""
    run = [sys.executable, __file__, "--one", str(customers)]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    quick = "--quick" in sys.argv
    small, large, rounds = (30_000, 100_000, 3) if quick else (100_000, 1_000_000, 3)
    found = [(apart(small), apart(large)) for _ in range(rounds)]
    for size, place in ((small, 0), (large, 1)):
        cpu, peak, frames = (
            statistics.median(pair[place][name] for pair in found)
            for name in ("cpu", "peak", "frames")
        )
        print(f"{size:,} customers: {cpu:.2f} s CPU, peak {peak:,.0f} MB, frames {frames:,.0f} MB")
    ours = statistics.median(pair[1]["cpu"] for pair in found)
    linear = statistics.median(pair[0]["cpu"] for pair in found) * large / small
    work = f"review in memory, {large:,} customers"
    note(work, ours, f"{large / small:.3g} x {small:,}", linear, ours / linear, LIMIT)


if __name__ == "__main__":
    if "--one" in sys.argv:
        print(json.dumps(one(int(sys.argv[-1]))))
    else:
        main()
