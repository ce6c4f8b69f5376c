"""Time a piece of work beside its rivals, interleaved, in CPU seconds.

Other programs on the machine stretch wall time, not so much CPU time, which counts the seconds of
all threads. Every measurement is one line, and one row of the table of ``run.py``.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import time
from collections.abc import Callable, Mapping

ROWS = "BANKCRM_BENCHMARK_ROWS"
"""The variable with the file to which every measurement is added, one JSON object per line."""

Call = Callable[[], object]


def seconds(call: Call) -> float:
    """Wall seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def cpu(call: Call, times: int = 1) -> float:
    """CPU seconds of one call, of all threads; the mean of a number of calls."""
    start = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - start) / times


def spent(call: Call, times: int = 1) -> tuple[float, float]:
    """CPU seconds and wall seconds of one call; the means of a number of calls."""
    start = time.perf_counter()
    used = cpu(call, times)
    return used, (time.perf_counter() - start) / times


def compare(
    work: str,
    ours: Call,
    theirs: Call | Mapping[str, Call],
    *,
    limit: float | None = None,
    repeat: int = 5,
) -> float:
    """Run ours and every rival in turn ``repeat`` times after a warm-up; print the best rival.

    Args:
        work: What is done.
        ours: Does it with bankcrm.
        theirs: Does it otherwise; several rivals by name.
        limit: The highest ratio that the project asks for.
        repeat: How often each is measured.

    Returns:
        The median of the ratios of CPU time to the fastest rival, measured in pairs.
    """
    rivals = theirs if isinstance(theirs, Mapping) else {"by hand": theirs}
    for call in (ours, *rivals.values()):
        call()
    rounds = [(*spent(ours), [cpu(r) for r in rivals.values()]) for _ in range(repeat)]
    medians = [statistics.median(r[2][i] for r in rounds) for i in range(len(rivals))]
    best = medians.index(min(medians))
    ratio = statistics.median(mine / others[best] for mine, _, others in rounds)
    mine, wall = (statistics.median(r[i] for r in rounds) for i in (0, 1))
    note(work, mine, list(rivals)[best], medians[best], ratio, limit, wall)
    return ratio


def within(work: str, ours: Call, limit: float, *, times: int = 1, repeat: int = 5) -> float:
    """Measure work that has a limit in CPU seconds and no rival; print and return its median."""
    ours()
    found = [spent(ours, times) for _ in range(repeat)]
    mine, wall = (statistics.median(f[i] for f in found) for i in (0, 1))
    note(work, mine, "limit", limit, mine / limit, 1.0, wall)
    return mine


def note(
    work: str, ours: float, rival: str, theirs: float, ratio: float, limit: float | None,
    wall: float | None = None,
) -> None:  # fmt: skip
    """Print a measurement in CPU seconds; add it and its wall time to the rows of ``run.py``."""
    met = "" if limit is None else f"  goal {limit:g}  {'met' if ratio <= limit else 'MISSED'}"
    print(
        f"{work:<58} {shown(ours):>9}  {rival} {shown(theirs):>9}  ratio {ratio:7.3f}{met}",
        flush=True,
    )
    if path := os.environ.get(ROWS):
        row = {
            "work": work,
            "ours": ours,
            "wall": wall,
            "rival": rival,
            "theirs": theirs,
            "ratio": ratio,
            "goal": limit,
        }
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def shown(seconds: float) -> str:
    """A time with its unit.

    >>> shown(0.0123), shown(0.0000123), shown(12.3)
    ('12.3 ms', '12.3 us', '12.3 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"


def peak_memory_mb() -> float:
    """Highest resident memory of this process so far, in MB (Linux counts in kB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
