"""Models of purchases, beside lifetimes and clvkit, on CDNOW and at scale.

Other libraries: ``pip install lifetimes clvkit lifelines``; without one its lines are left
out with a message. Times are CPU seconds on one thread.

    python benchmarks/bench_lifetime.py [--quick]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import warnings
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from bankcrm.datasets import load_cdnow
from bankcrm.valuation.lifetime import (
    fit_purchases,
    fit_spend,
    purchase_history,
    purchase_interval,
)
from timing import compare, peak_memory_mb
from timing import cpu as cpu_seconds

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def bench_lifetimes(history: pd.DataFrame, donors: pd.DataFrame) -> None:
    if importlib.util.find_spec("lifetimes") is None:
        print("lifetimes is left out: not installed")
        return
    from lifetimes import (
        BetaGeoBetaBinomFitter,
        BetaGeoFitter,
        GammaGammaFitter,
        ModifiedBetaGeoFitter,
        ParetoNBDFitter,
    )

    x, span, age = history["repeats"], history["span_days"] / 7, history["age_days"] / 7
    paid = history[history["mean_amount"] > 0]
    cells = donors.groupby(list(donors.columns)).size().reset_index(name="weights")
    rivals: list[tuple[str, Callable[[], object], Callable[[], object], float]] = [
        ("bg_nbd", lambda: fit_purchases(history, model="bg_nbd"),
         lambda: BetaGeoFitter().fit(x, span, age), 1 / 10),
        ("mbg_nbd", lambda: fit_purchases(history),
         lambda: ModifiedBetaGeoFitter().fit(x, span, age), 1 / 10),
        ("pareto_nbd", lambda: fit_purchases(history, model="pareto_nbd"),
         lambda: ParetoNBDFitter().fit(x, span, age), 1 / 5),
        ("gamma_gamma", lambda: fit_spend(paid),
         lambda: GammaGammaFitter().fit(paid["repeats"], paid["mean_amount"]), 1 / 5),
        ("bg_bb", lambda: fit_purchases(donors, model="bg_bb", unit_days=365),
         lambda: BetaGeoBetaBinomFitter().fit(cells["repeats"], cells["span_days"] // 365,
                                              cells["age_days"] // 365, cells["weights"]), 1 / 5),
    ]  # fmt: skip
    for name, ours, theirs, limit in rivals:
        compare(f"fit of {name}, by lifetimes", ours, theirs, limit=limit, repeat=7)


def bench_bootstrap(history: pd.DataFrame) -> None:
    if importlib.util.find_spec("clvkit") is None:
        print("clvkit is left out: not installed")
        return
    model = fit_purchases(history, model="bg_nbd")
    by_clvkit = clvkit_replicate()
    compare(
        "40 bootstrap replicates of bg_nbd, by two of clvkit",
        lambda: purchase_interval(
            history, model, "r", method="bootstrap", replicates=40, seed=1
        ),
        by_clvkit,
        limit=20 / 50, repeat=5,
    )  # fmt: skip


def clvkit_replicate() -> Callable[[], object]:
    """Two replicates of the bootstrap of clvkit: a simulated book and a fit to it, each."""
    from clvkit import BGNBD, CustomerBase

    sample = load_cdnow(DATA / "cdnow", "sample")
    known = sample[sample["date"] <= "1997-09-30"][["customer_id", "date", "amount"]]
    base = CustomerBase.from_transactions(
        known,
        customer_id_col="customer_id",
        datetime_col="date",
        amount_col="amount",
        time_unit="D",
    )
    model = BGNBD().fit(base)
    return lambda: model.parameter_uncertainty(n=2, seed=1)


def bench_cox() -> None:
    """A discrete hazard as a logistic regression on person-periods, beside Cox's model."""
    if importlib.util.find_spec("lifelines") is None:
        print("lifelines is left out: not installed")
        return
    from lifelines import CoxPHFitter
    from lifelines.datasets import load_rossi

    from bankcrm.scoring.logistic import fit_logistic

    rossi = load_rossi()
    facts = [c for c in rossi if c not in ("week", "arrest")]
    weeks = rossi.loc[rossi.index.repeat(rossi["week"])].reset_index()
    week = weeks.groupby("index").cumcount().to_numpy() + 1
    event = (week == weeks["week"]) & (weeks["arrest"] == 1)
    steps = np.unique(np.quantile(rossi.loc[rossi["arrest"] == 1, "week"], np.linspace(0, 1, 14)))
    period = np.searchsorted(steps[1:-1], week)
    time_steps = (period[:, None] == np.arange(1, period.max() + 1)).astype(float)
    x = np.column_stack([weeks[facts].to_numpy(float), time_steps])
    hazard = fit_logistic(x, np.ones(len(x)), event.to_numpy(float)).coefficients[1:]
    cox = CoxPHFitter().fit(rossi, "week", "arrest")
    found = pd.DataFrame({"hazard": hazard[: len(facts)], "cox": cox.params_.reindex(facts)})
    found["difference"] = found["hazard"] - found["cox"]
    print(f"Rossi, {len(x):,} person-weeks in {period.max() + 1} steps; Cox log-likelihood "
          f"{cox.log_likelihood_:.3f}")  # fmt: skip
    print(found.round(4).to_string())


def bench_scale(customers: int) -> None:
    rng = np.random.default_rng(1)
    age = rng.integers(100, 400, customers)
    rate, drop = rng.gamma(0.5, 1 / 30, customers), rng.beta(0.9, 2.0, customers)
    possible = rng.poisson(rate * age)
    repeats = np.minimum(np.minimum(possible, rng.geometric(drop) - 1), age)
    share = np.where(possible > 0, repeats / np.maximum(possible, 1), 0) * rng.random(customers)
    span = np.where(repeats > 0, np.clip((share * age).astype(int), repeats, age), 0)
    history = pd.DataFrame({"repeats": repeats, "span_days": span, "age_days": age})
    cells = len(history.drop_duplicates())
    before = peak_memory_mb()
    cpu = cpu_seconds(lambda: fit_purchases(history))
    print(f"mbg_nbd of {customers:,} customers in {cells:,} cells: {cpu:.2f} s CPU; peak memory "
          f"{peak_memory_mb():,.0f} MB ({before:,.0f} before)")  # fmt: skip
    model = fit_purchases(history)
    cpu = cpu_seconds(lambda: model.expected(history, days=365))
    print(f"expectation for {customers:,} customers: {cpu:.2f} s CPU")


def bench_near_daily(customers: int) -> None:
    """Customers who buy nearly every day, where lifetimes does not converge (its issue 405)."""
    rng = np.random.default_rng(1)
    age = rng.integers(60, 240, customers)
    repeats = rng.binomial(age, rng.beta(40, 4, customers))
    left = rng.random(customers) < 0.2
    span = np.where(left, rng.integers(30, 60, customers), age - rng.geometric(0.9, customers) + 1)
    repeats = np.minimum(repeats, span)
    history = pd.DataFrame({"repeats": repeats, "span_days": span, "age_days": age})
    cpu = cpu_seconds(lambda: fit_purchases(history, model="bg_nbd", unit_days=1))
    print(f"bg_nbd of {customers:,} near-daily customers: {cpu:.2f} s CPU")
    if importlib.util.find_spec("lifetimes") is not None:
        from lifetimes import BetaGeoFitter

        try:
            BetaGeoFitter().fit(repeats, span, age)
            print("lifetimes: converged")
        except Exception as error:
            print(f"lifetimes: {type(error).__name__}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    if DATA.is_dir():
        history = purchase_history(load_cdnow(DATA / "cdnow", "sample"), as_of="1997-09-30")
        raw = pd.read_csv(DATA / "donations" / "donations.csv")
        donors = raw.loc[raw.index.repeat(raw["weights"]), ["frequency", "recency", "periods"]]
        donors.columns = pd.Index(["repeats", "span_days", "age_days"])
        donors = donors.assign(
            span_days=donors["span_days"] * 365, age_days=donors["age_days"] * 365
        )
        bench_lifetimes(history, donors)
        bench_bootstrap(history)
    else:
        print("CDNOW is left out: ../shared/data is missing")
    bench_cox()
    bench_scale(100_000 if quick else 1_000_000)
    bench_near_daily(10_000 if quick else 100_000)


if __name__ == "__main__":
    main()
