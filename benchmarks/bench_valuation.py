"""Concentration and contribution at scale, beside bare numpy and PySAL's inequality.

Rivals: ``pip install inequality`` (left out, and said so, where it is not installed).

    python benchmarks/bench_valuation.py [--quick]
"""

from __future__ import annotations

import argparse
import importlib.util
import time

import numpy as np
import pandas as pd

from bankcrm.valuation import Rates, concentration, contribution, share_of_top
from bankcrm.valuation.contribution.components import COMPONENTS, MARGIN_PARTS
from timing import compare, peak_memory_mb, seconds


def spread_figures(values: np.ndarray) -> tuple[float, float, object]:
    spread = concentration(values)
    return spread.gini, spread.share_of_top(0.2), spread.lorenz(101)


def pysal_figures(values: np.ndarray) -> tuple[float, float]:
    from inequality.gini import Gini
    from inequality.theil import Theil

    return Gini(values).g, float(Theil(values).T)


def our_figures(values: np.ndarray) -> tuple[float, float]:
    spread = concentration(values)
    return spread.gini, spread.theil


def bench_concentration(n: int) -> None:
    values = np.random.default_rng(1).lognormal(8, 1.5, n)
    label = f"{n:,} values"
    compare(
        f"Gini, Lorenz curve and top share, {label}, by np.sort",
        lambda: spread_figures(values),
        lambda: np.sort(values),
        limit=1.6,
    )
    compare(
        f"top share alone, {label}, by np.partition",
        lambda: share_of_top(values, 0.2),
        lambda: np.partition(values, n - n // 5 - 1),
        limit=1.3,
        repeat=9,
    )
    if importlib.util.find_spec("inequality") is None:
        print("PySAL's inequality is not installed: left out")
        return
    few = values[: n // 5]
    ours, theirs = our_figures(few), pysal_figures(few)
    assert np.allclose(ours, theirs, rtol=1e-12), (ours, theirs)  # noqa: S101
    compare(
        f"Gini and Theil, {len(few):,} values, by PySAL inequality",
        lambda: our_figures(few),
        lambda: pysal_figures(few),
        limit=1 / 5,
        repeat=3,
    )


def bench_bootstrap(n: int, replicates: int) -> None:
    values = np.random.default_rng(2).lognormal(8, 1.5, n)
    spread = concentration(values)

    def sorted_each(times: int) -> None:
        generator = np.random.default_rng(1)
        for _ in range(times):
            picked = np.sort(values[generator.integers(0, n, n)])
            2 * (np.arange(1, n + 1) @ picked) / (n * picked.sum()) - (n + 1) / n

    few = max(replicates // 50, 1)
    compare(
        f"{few} bootstrap books of {n:,} values, by a sort each",
        lambda: spread.interval("gini", seed=1, replicates=few),
        lambda: sorted_each(few),
        repeat=3,
    )
    whole = seconds(lambda: spread.interval("gini", seed=1, replicates=replicates))
    print(f"{replicates:,} bootstrap books of {n:,} values: {whole:.1f} s")


def bench_contribution(n: int) -> None:
    generator = np.random.default_rng(3)
    products = np.array(["demand", "term", "mortgage", "consumer_loan"])
    code = generator.integers(0, 4, n)
    lent = code >= 2
    amount = generator.lognormal(9, 1.5, n)
    frame = pd.DataFrame(
        {
            "customer_id": generator.integers(0, n // 3, n),
            "product": pd.Categorical.from_codes(code, products),
            "start": np.full(n, np.datetime64("2026-01-01", "s")),
            "end": np.full(n, np.datetime64("2026-06-30", "s")),
            "balance": np.where(lent, 0.0, amount),
            "outstanding": np.where(lent, amount, 0.0),
            "fees": generator.exponential(5, n),
            "n_branch": generator.poisson(1, n).astype(float),
            "n_mobile": generator.poisson(9, n).astype(float),
        }
    )
    rates = Rates.from_policy()
    numeric = [c for c in frame if c not in ("product",)]

    def one_pass() -> float:
        return sum(float(frame[c].to_numpy().view(np.int64).sum()) for c in numeric)

    def written() -> list[np.ndarray]:
        source = frame["balance"].to_numpy()
        return [source * 1.5 for _ in (*MARGIN_PARTS, *COMPONENTS)]

    for by in ("position", "customer"):
        start = time.perf_counter()
        contribution(frame, rates=rates, by=by)
        ours = time.perf_counter() - start
        base, write = seconds(one_pass), seconds(written)
        print(
            f"contribution of {n:,} positions by {by}: {ours:.2f} s; one pass over the inputs "
            f"{base:.3f} s (ratio {ours / base:.1f}); writing as many columns {write:.2f} s "
            f"(ratio {ours / write:.1f})"
        )
    print(f"peak memory {peak_memory_mb():,.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    share = 10 if parser.parse_args().quick else 1
    bench_concentration(10_000_000 // share)
    bench_bootstrap(1_000_000 // share, 1000 // share)
    bench_contribution(10_000_000 // share)


if __name__ == "__main__":
    main()
