"""Scorecards: bins, whole cards and scores, beside optbinning and a card written out by hand.

Other library: ``pip install optbinning``; without it the comparison is left out with a message.
Times are CPU seconds on one thread. The data is that of ../shared/data, or random without it.

    python benchmarks/bench_scoring.py [--quick]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import warnings
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from bankcrm.datasets import make_book
from bankcrm.pipeline import fit_churn
from bankcrm.scoring import Card, check_card, fit_bins, fit_card, score_card
from timing import compare, peak_memory_mb
from timing import cpu as cpu_seconds

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def marketing() -> tuple[pd.DataFrame, np.ndarray]:
    """The campaigns of a bank, without what is known only after the call."""
    raw = pd.read_csv(DATA / "bank_marketing" / "bank_marketing.csv.gz")
    return raw.drop(columns=["y", "duration"]), (raw["y"] == "yes").to_numpy()


def random_facts(rows: int, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=rows).round(3) for i in range(10)})
    odds = -2 + frame.to_numpy() @ np.linspace(0.2, 0.6, 10)
    return frame, rng.random(rows) < 1 / (1 + np.exp(-odds))


def by_optbinning(frame: pd.DataFrame, event: np.ndarray) -> None:
    from optbinning import OptimalBinning

    for name in frame:
        kind = "numerical" if frame[name].dtype.kind in "iuf" else "categorical"
        trend = "auto" if kind == "numerical" else None
        made = OptimalBinning(name=name, dtype=kind, monotonic_trend=trend, max_n_prebins=50)
        made.fit(frame[name].to_numpy(), event)


def card_by_optbinning(frame: pd.DataFrame, event: np.ndarray) -> object:
    from optbinning import BinningProcess, Scorecard
    from sklearn.linear_model import LogisticRegression

    words = [c for c in frame if frame[c].dtype.kind not in "iuf"]
    process = BinningProcess(list(frame), categorical_variables=words,
                             selection_criteria={"iv": {"min": 0.02}})  # fmt: skip
    points = {"pdo": 20, "odds": 50, "scorecard_points": 600}
    card = Scorecard(process, LogisticRegression(max_iter=500), scaling_method="pdo_odds",
                     scaling_method_params=points)  # fmt: skip
    return card.fit(frame, event.astype(int))


def bench_fits() -> None:
    there = DATA.is_dir()
    frame, event = marketing() if there else random_facts(45_000)
    name = f"{len(frame):,} x {frame.shape[1]}"
    if importlib.util.find_spec("optbinning") is None:
        print("optbinning is left out: not installed")
        return
    warnings.simplefilter("ignore")
    compare(
        f"bins, {name}, by optbinning (50 prebins, auto)",
        lambda: [fit_bins(frame[c], event) for c in frame],
        lambda: by_optbinning(frame, event),
        limit=1 / 10, repeat=5,
    )  # fmt: skip
    compare(
        f"whole card, {name}, by optbinning",
        lambda: fit_card(frame, event),
        lambda: card_by_optbinning(frame, event),
        limit=1 / 5, repeat=5,
    )  # fmt: skip
    train = np.random.default_rng(1).random(len(frame)) < 0.7
    ours = score_card(frame[~train], fit_card(frame[train], event[train]), reasons=0)
    theirs = card_by_optbinning(frame[train], event[train])
    other = pd.DataFrame({"points": theirs.score(frame[~train]), "probability": 0.5})  # type: ignore[attr-defined]
    print(f"AUC on held out rows: {check_card(ours, event[~train]).auc}, "
          f"optbinning {check_card(other, event[~train]).auc}")  # fmt: skip


def by_hand(frame: pd.DataFrame, card: Card) -> np.ndarray:
    """Compare and add, for a card of numbers."""
    total = np.full(len(frame), float(card.base_points))
    for feature in card.features:
        x = frame[feature.name].to_numpy()
        total += feature.points[0]
        for i, b in enumerate(feature.bins.bins[1:], 1):
            total += (x >= b.test.args[0]) * float(feature.points[i] - feature.points[i - 1])
    return total


def bench_scores(rows: int) -> None:
    frame, event = random_facts(rows)
    label = f"{rows:,} x 10"
    cpu = cpu_seconds(lambda: fit_card(frame, event))
    print(f"fit of a card, {label}: {cpu:.2f} s CPU, peak memory {peak_memory_mb():,.0f} MB")
    card = fit_card(frame, event)
    np.testing.assert_array_equal(by_hand(frame, card), score_card(frame, card)["points"])
    hand = lambda: by_hand(frame, card)  # noqa: E731
    compare(f"points and probability, {label}, by compare and add",
            lambda: score_card(frame, card, reasons=0), hand, limit=4)  # fmt: skip
    compare(f"the same with three reasons, {label}", lambda: score_card(frame, card), hand,
            )  # fmt: skip
    scored = score_card(frame, card, reasons=0)
    if importlib.util.find_spec("sklearn") is not None:
        from sklearn.metrics import roc_auc_score

        compare(f"all checks, {rows:,} rows, by sklearn's AUC alone",
                lambda: check_card(scored, event),
                lambda: roc_auc_score(event, -scored["points"]))  # fmt: skip


def bench_churn(customers: int) -> None:
    book = make_book(customers, seed=1)
    cpu = cpu_seconds(lambda: fit_churn(book, as_of=book.as_of))
    model = fit_churn(book, as_of=book.as_of)
    print(f"churn card of {customers:,} synthetic customers: {cpu:.1f} s CPU")
    print(model.frame().drop(columns="drifted").round(4).to_string())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    quick = parser.parse_args().quick
    bench_fits()
    bench_scores(100_000 if quick else 1_000_000)
    bench_churn(2_000 if quick else 20_000)


if __name__ == "__main__":
    main()
