"""The review of a book in memory: growth with the number of customers, and peak of memory.

    python benchmarks/bench_review.py [--quick] [--steps CUSTOMERS]

A review of each size runs in a process of its own, in turn, so that its peak is its own. The limit
for growth is 1.1 times linear, from 100,000 customers to ten times as many. ``--steps`` prints the
CPU seconds and the peak of each step of one review instead.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from timing import note, peak_memory_mb

LIMIT = 1.1


def one(customers: int) -> dict[str, float]:
    """CPU and wall seconds of a review, and the peak of memory with it, MB."""
    from bankcrm import review
    from bankcrm.datasets import make_book

    book = make_book(customers, seed=7)
    frames = sum(f.memory_usage(deep=True).sum() for f in book.frames().values()) / 1e6
    start, clock = time.process_time(), time.perf_counter()
    review(book, as_of=book.as_of)
    spent, took = time.process_time() - start, time.perf_counter() - clock
    return {"cpu": spent, "wall": took, "peak": peak_memory_mb(), "frames": float(frames)}


def by_step(customers: int) -> None:
    """Print CPU seconds and the highest resident memory of each step of one review."""
    from bankcrm import review
    from bankcrm.datasets import make_book

    book = make_book(customers, seed=7)
    review(make_book(100, seed=7), as_of=book.as_of)  # imports, policies and the lexicon
    statm, page = Path("/proc/self/statm"), 4096 / 1e6
    highest, spent, title, stop = 0.0, time.process_time(), "start", threading.Event()

    def watch() -> None:
        nonlocal highest
        while not stop.wait(0.005):
            highest = max(highest, int(statm.read_text().split()[1]) * page)

    def report(done: int, total: int, following: str) -> None:
        nonlocal highest, spent, title
        now = time.process_time()
        print(f"{title:<36} {now - spent:7.2f} s CPU, peak {highest:7,.0f} MB", flush=True)
        highest, spent, title = 0.0, now, following

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    review(book, as_of=book.as_of, progress=report)
    report(0, 0, "")
    stop.set()
    thread.join()


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
        cpu, wall, peak, frames = (
            statistics.median(pair[place][name] for pair in found)
            for name in ("cpu", "wall", "peak", "frames")
        )
        print(
            f"{size:,} customers: {cpu:.2f} s CPU, {wall:.2f} s wall, peak {peak:,.0f} MB, "
            f"frames {frames:,.0f} MB"
        )
    ours = statistics.median(pair[1]["cpu"] for pair in found)
    linear = statistics.median(pair[0]["cpu"] for pair in found) * large / small
    work = f"review in memory, {large:,} customers"
    note(work, ours, f"{large / small:.3g} x {small:,}", linear, ours / linear, LIMIT)


if __name__ == "__main__":
    if "--one" in sys.argv:
        print(json.dumps(one(int(sys.argv[-1]))))
    elif "--steps" in sys.argv:
        by_step(int(sys.argv[-1]))
    else:
        main()
