"""Clusters beside scikit-learn: a fit of ten starts, and the assignment of rows.

Ours makes its starts on a sample of 10,000 rows and settles on all rows; it also measures stability
(50 bootstrap fits) and silhouette, and names the clusters. scikit-learn makes each start on all
rows. The ratio of the inertias is printed, because a faster fit may be a worse one. Times are CPU
seconds on one thread, the median of interleaved runs; the data is random. Without scikit-learn
(``pip install scikit-learn``) the comparison is left out with a message.

    python benchmarks/bench_clusters.py [--quick]
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from bankcrm.segmentation import assign_clusters, cluster_rules, fit_clusters
from rivals import rival
from timing import compare, within

K = 5


def customers(rows: int) -> pd.DataFrame:
    """Rows around six places that overlap, on six features."""
    rng = np.random.default_rng(7)
    places = rng.normal(0, 2, (6, 6))
    x = places[rng.integers(0, 6, rows)] + rng.normal(0, 1.5, (rows, 6))
    return pd.DataFrame(x, columns=[f"feature_{i}" for i in range(6)])


def main(quick: bool) -> None:
    rows = 50_000 if quick else 200_000
    frame = customers(rows)
    names = list(frame)
    ours = fit_clusters(frame, names, k=K)
    if rival("sklearn") is not None:
        from sklearn.cluster import KMeans

        scaled = ours.scaled(frame).T.copy()
        theirs = KMeans(K, n_init=10, random_state=1).fit(scaled)
        compare(
            f"clusters, {rows:,} x 6, k {K}, ten starts",
            lambda: fit_clusters(frame, names, k=K),
            {"scikit-learn": lambda: KMeans(K, n_init=10, random_state=1).fit(scaled)},
            limit=1.5,
        )
        print(f"inertia by that of scikit-learn: {ours.inertia / theirs.inertia_:.6f}")
        compare(
            f"assign {rows:,} rows",
            lambda: assign_clusters(frame, ours),
            {"scikit-learn": lambda: theirs.predict(scaled)},
        )
    within(
        f"choose k of 2 to 8, {rows:,} rows",
        lambda: fit_clusters(frame, names),
        5.0,
        repeat=1,
    )
    within(f"rules, {rows:,} rows", lambda: cluster_rules(frame, ours), 2.0, repeat=1)
    print(cluster_rules(frame, ours))


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
