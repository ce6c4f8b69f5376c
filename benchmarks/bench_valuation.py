"""Concentration and contribution at scale, beside bare numpy and PySAL's inequality.

Other library: ``pip install inequality``; without it the comparison is left out with a message.

    python benchmarks/bench_valuation.py [--quick]
"""

from __future__ import annotations

import argparse
import importlib.util
import time

import numpy as np
import pandas as pd

from bankcrm.book.view import book_view
from bankcrm.datasets import make_book
from bankcrm.policy import default_policy
from bankcrm.valuation import Rates, concentration, contribution
from bankcrm.valuation.contribution.components import COMPONENTS, MARGIN_PARTS
from bankcrm.valuation.contribution.positions import positions_in
from bankcrm.valuation.value.measures import value_measures_of
from timing import compare, peak_memory_mb, seconds


def concentration_figures(values: np.ndarray) -> tuple[float, float, object]:
    found = concentration(values)
    return found.gini, found.share_of_top(0.2), found.lorenz(101)


def pysal_figures(values: np.ndarray) -> tuple[float, float]:
    from inequality.gini import Gini
    from inequality.theil import Theil

    return Gini(values).g, float(Theil(values).T)


def our_figures(values: np.ndarray) -> tuple[float, float]:
    found = concentration(values)
    return found.gini, found.theil


def bench_concentration(n: int) -> None:
    values = np.random.default_rng(1).lognormal(8, 1.5, n)
    label = f"{n:,} values"
    compare(
        f"Gini, Lorenz curve and top share, {label}, by np.sort",
        lambda: concentration_figures(values),
        lambda: np.sort(values),
        limit=1.6,
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
    found = concentration(values)

    def sorted_each(times: int) -> None:
        generator = np.random.default_rng(1)
        for _ in range(times):
            picked = np.sort(values[generator.integers(0, n, n)])
            2 * (np.arange(1, n + 1) @ picked) / (n * picked.sum()) - (n + 1) / n

    few = max(replicates // 50, 1)
    compare(
        f"{few} bootstrap books of {n:,} values, by a sort each",
        lambda: found.interval("gini", seed=1, replicates=few),
        lambda: sorted_each(few),
        repeat=3,
    )
    whole = seconds(lambda: found.interval("gini", seed=1, replicates=replicates))
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


def bench_views(n: int) -> None:
    """Positions and measures of a checked book, and the peak of memory."""
    policy = default_policy("valuation")
    book = make_book(n, seed=1).check()[0]
    day = np.datetime64(book.as_of)
    view = book_view(book)

    def positions() -> pd.DataFrame:
        view.release(view.frames)
        return positions_in(view, start=day - 364, end=day, policy=policy)

    print(
        f"{n:,} customers: positions {seconds(positions):.2f} s, measures "
        f"{seconds(lambda: value_measures_of(view, as_of=day, policy=policy)):.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    share = 10 if parser.parse_args().quick else 1
    bench_concentration(10_000_000 // share)
    bench_bootstrap(1_000_000 // share, 1000 // share)
    bench_contribution(10_000_000 // share)
    bench_views(50_000 // share)


if __name__ == "__main__":
    main()
