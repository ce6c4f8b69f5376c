"""Groups of connected customers at scale, and against the definition of control.

The rival is `scipy.sparse.csgraph.connected_components` on the same links: it finds components of
all links, without control, and is the least that any identification has to do.

    python benchmarks/bench_risk.py [--quick]
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from bankcrm.risk import find_groups
from timing import compare, peak_memory_mb

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "risk"))
import naive

DAY = "2026-06-30"


def links(n: int, seed: int = 1) -> pd.DataFrame:
    """A deep random forest of owners, with joint holdings, small stakes, circles and 1 of 1,000
    shares too large."""
    draw = np.random.default_rng(seed)
    tree = int(n * 0.8)
    child = np.arange(1, tree + 1)
    near = np.maximum(child - 1 - draw.integers(0, 50, tree), 0)
    parent = np.where(draw.random(tree) < 0.02, draw.integers(0, child), near)
    share = np.where(draw.random(tree) < 0.6, draw.uniform(0.51, 0.7, tree), 0.3)
    again = 1 + draw.permutation(tree)[: n - tree]  # a second holder of 30 %
    other = np.maximum(again - 1 - draw.integers(0, 80, n - tree), 0)
    circle = draw.random(n - tree) < 0.01
    name = draw.permutation(tree + 1)  # the numbers of customers do not follow their groups
    a = name[np.concatenate([parent, np.where(circle, again, other)])]
    b = name[np.concatenate([child, np.where(circle, other, again)])]
    s = np.concatenate([share, np.where(draw.random(n - tree) < 0.001, 0.6, 0.3)])
    owns = pd.Categorical.from_codes(np.zeros(n, np.int8), ["owns"])
    return pd.DataFrame({"parent_id": a, "child_id": b, "share": s, "link": owns})


def components(frame: pd.DataFrame) -> int:
    a, b = frame["parent_id"].to_numpy(), frame["child_id"].to_numpy()
    size = int(max(a.max(), b.max())) + 1
    graph = coo_matrix((np.ones(len(a), np.int8), (a, b)), (size, size))
    return int(connected_components(graph, directed=False)[0])


def bench_identification(n: int, repeat: int) -> None:
    frame = links(n)
    compare(
        f"groups of {n:,} links, by connected_components",
        lambda: find_groups(frame, as_of=DAY),
        lambda: components(frame),
        limit=3,
        repeat=repeat,
    )
    groups = find_groups(frame, as_of=DAY)
    sizes = groups.members["group"].value_counts()
    print(f"{len(groups):,} groups, the largest of {sizes.iloc[0]:,}; {peak_memory_mb():,.0f} MB")
    large = groups.members.index[(groups.members["group"] == sizes.index[0]).to_numpy()]
    draw = np.random.default_rng(2)
    pairs = [draw.choice(large, 2) for _ in range(200)]
    groups.explain(*pairs[0])
    times = []
    for a, b in pairs:
        start = time.perf_counter()
        groups.explain(a, b)
        times.append(time.perf_counter() - start)
    worst, usual = max(times) * 1e3, statistics.median(times) * 1e3
    verdict = "ok" if usual < 1 else "MISSED"
    print(f"explain: median {usual:.3f} ms, longest {worst:.3f} ms  limit 1 ms  {verdict}")


def check_definition(graphs: int) -> None:
    """Groups of random graphs with circles, all in one call, against the naive definition."""
    draw = random.Random(1)
    parts, expected, circles = [], [], 0
    for i in range(graphs):
        found, size = naive.random_links(draw, whole=i % 2 == 0)
        if found:
            parts.append(naive.frame(found)[["parent_id", "child_id", "link", "share"]])
            parts[-1][["parent_id", "child_id"]] += 10 * i
        expected.append({frozenset(x + 10 + 10 * i for x in g) for g in naive.groups(found, size)})
    found_groups = find_groups(pd.concat(parts, ignore_index=True), as_of=DAY)
    ours: list[set[frozenset[int]]] = [set() for _ in range(graphs)]
    by_group = found_groups.members.index.to_series().groupby(
        found_groups.members["group"].to_numpy(), observed=True
    )
    for _, members in by_group:
        ours[(int(members.iloc[0]) - 10) // 10].add(frozenset(members))
    circles = sum(f.count for f in found_groups.findings if f.problem == "circle")
    equal = sum(a == b for a, b in zip(ours, expected, strict=True))
    print(
        f"definition of control: {equal:,} of {graphs:,} random graphs equal; {circles:,} circles"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    check_definition(2_000 if quick else 20_000)
    bench_identification(300_000 if quick else 10_000_000, 3)


if __name__ == "__main__":
    main()
