"""Intervals: slow resampling, leaving one out by hand, coverage, and input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.valuation import concentration
from bankcrm.valuation.concentration.intervals import (
    Statistic,
    batches,
    drawn_counts,
    influence,
    leave_one_out,
    replicated,
)

FIGURES: tuple[Statistic, ...] = ("gini", "theil", "hhi", "share_of_top", "holders_of")
samples = st.lists(st.integers(1, 1000), min_size=3, max_size=25).map(
    lambda v: np.sort(np.array(v, dtype=float))
)


def figure(x: np.ndarray, statistic: Statistic, share: float = 0.3) -> float:
    figures = concentration(x)
    if statistic == "share_of_top":
        return figures.share_of_top(share)
    if statistic == "holders_of":
        return figures.holders_of(share)
    return float(getattr(figures, statistic))


@pytest.mark.parametrize("statistic", FIGURES)
@given(x=samples, seed=st.integers(0, 10**6))
def test_multiplicities_give_the_figure_of_the_resampled_book(
    statistic: Statistic, x: np.ndarray, seed: int
) -> None:
    counts = drawn_counts(len(x), 4, np.random.default_rng(seed))
    assert counts.sum(axis=1).tolist() == [len(x)] * 4
    expected = [figure(np.repeat(x, row.astype(int)), statistic) for row in counts]
    assert replicated(x, None, counts, statistic, 0.3) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("statistic", FIGURES[:4])
@given(x=samples, share=st.floats(0.05, 0.95))
def test_leaving_one_out_is_the_figure_without_it(
    statistic: Statistic, x: np.ndarray, share: float
) -> None:
    expected = [figure(np.delete(x, k), statistic, share) for k in range(len(x))]
    assert leave_one_out(x, statistic, share) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("statistic", FIGURES[:4])
def test_the_influence_is_the_slope_of_the_figure(statistic: Statistic) -> None:
    """Giving one customer a little more weight moves the figure by its influence."""
    x = np.sort(np.random.default_rng(5).lognormal(0, 1, 400))
    slope = influence(x, statistic, 0.2)
    assert slope.mean() == pytest.approx(0, abs=1e-9)
    step = 1e-4
    for k in (0, 100, 350, 399):
        weights = np.full((1, 400), 1 - step)
        weights[0, k] += 400 * step
        moved = replicated(x, None, weights, statistic, 0.2)[0]
        still = replicated(x, None, np.ones((1, 400)), statistic, 0.2)[0]
        if statistic == "hhi":  # weights are customers: its square does not fall with them
            continue
        assert (moved - still) / step == pytest.approx(slope[k], rel=0.1, abs=0.1)


@pytest.mark.parametrize("statistic", FIGURES[:4])
def test_the_three_methods_agree_on_a_large_sample(statistic: Statistic) -> None:
    figures = concentration(np.random.default_rng(8).gamma(2, 3, 3000))
    share = 0.2 if statistic == "share_of_top" else None
    boot = figures.interval(statistic, share=share, seed=1, replicates=600)
    jack = figures.interval(statistic, share=share, method="jackknife")
    flat = figures.interval(statistic, share=share, method="asymptotic")
    width = flat.upper - flat.lower
    assert jack.upper - jack.lower == pytest.approx(width, rel=0.05)
    assert boot.upper - boot.lower == pytest.approx(width, rel=0.15)
    assert boot.estimate == jack.estimate == flat.estimate
    assert flat.estimate in flat


def test_the_asymptotic_interval_covers_as_often_as_it_says() -> None:
    generator = np.random.default_rng(21)
    hits = sum(
        0.5 in concentration(generator.exponential(size=800)).interval("gini", method="asymptotic")
        for _ in range(400)
    )
    assert 0.91 <= hits / 400 <= 0.98


def test_holders_of_and_weights_have_a_bootstrap() -> None:
    x = np.random.default_rng(4).lognormal(0, 1, 500)
    found = concentration(x).interval("holders_of", share=0.8, seed=2, replicates=200)
    assert found.lower < found.estimate < found.upper
    weighted = concentration(x, weights=np.full(500, 3.0)).interval("gini", seed=2, replicates=200)
    plain = concentration(x).interval("gini", seed=2, replicates=200)
    assert (weighted.lower, weighted.upper) == pytest.approx((plain.lower, plain.upper))


@given(samples)
def test_the_jackknife_by_hand(x: np.ndarray) -> None:
    n = len(x)
    left = np.array([figure(np.delete(x, k), "gini") for k in range(n)])
    error = ((n - 1) ** 2 / n * left.var(ddof=1)) ** 0.5
    found = concentration(x).interval("gini", method="jackknife", confidence=0.95)
    middle = figure(x, "gini")
    assert found.lower == pytest.approx(middle - 1.959964 * error, abs=1e-6)
    assert found.upper == pytest.approx(middle + 1.959964 * error, abs=1e-6)
    assert (found.confidence, found.method, found.sample_size) == (0.95, "jackknife", n)
    assert {found.lower, found.estimate, found.upper} == {
        end for end in (found.lower, found.estimate, found.upper) if end in found
    }
    assert found.lower - 1e-9 not in found
    assert found.upper + 1e-9 not in found


@pytest.mark.parametrize("confidence", [0.5, 0.9])
def test_a_lorenz_band_holds_the_middle_of_the_resampled_curves(confidence: float) -> None:
    x = np.sort(np.random.default_rng(4).lognormal(0, 1, 12))
    generator = np.random.default_rng(9)
    drawn = [drawn_counts(12, 1, generator)[0].astype(int) for _ in range(40)]
    for weights in (None, np.arange(12, 0, -1)):
        each = np.ones(12, dtype=int) if weights is None else weights
        books = [np.repeat(x, counts * each) for counts in drawn]
        curves = [concentration(book).lorenz(5)["value"] for book in books]
        lower, upper = np.quantile(curves, [0.5 - confidence / 2, 0.5 + confidence / 2], axis=0)
        figures = concentration(x, weights=weights)
        band = figures.lorenz_band(seed=9, confidence=confidence, replicates=40, points=5)
        assert band["customers"].tolist() == [0, 0.25, 0.5, 0.75, 1]
        assert band["lower"].tolist() == pytest.approx(lower.tolist())
        assert band["upper"].tolist() == pytest.approx(upper.tolist())


def test_the_same_seed_gives_the_same_interval() -> None:
    figures = concentration([1.0, 2, 3, 9, 30])
    assert figures.interval("gini", seed=3) == figures.interval("gini", seed=3)
    assert figures.interval("gini", seed=3) != figures.interval("gini", seed=4)


def test_a_batch_holds_what_fits_in_memory() -> None:
    assert sum(batches(10, 1000)) == 1000
    assert batches(10**9, 3) == [1, 1, 1]


def test_bad_input() -> None:
    figures = concentration([1.0, 2, 3, 4])
    with pytest.raises(DataError, match="seed"):
        figures.interval("gini")
    with pytest.raises(DataError, match="confidence"):
        figures.interval("gini", seed=1, confidence=95)
    with pytest.raises(DataError, match="too few"):
        concentration([1.0, 2]).interval("gini", seed=1)
    with pytest.raises(DataError, match=r"statistic: expected one of .*'mean'"):
        figures.interval("mean", seed=1)
    with pytest.raises(DataError, match=r"method: expected one of .*'guess'"):
        figures.interval("gini", method="guess")
    with pytest.raises(DataError, match="share_of_top needs one"):
        figures.interval("share_of_top", seed=1)
    with pytest.raises(DataError, match="use bootstrap"):
        figures.interval("holders_of", share=0.8, method="jackknife")
    with pytest.raises(DataError, match="no total above 0"):
        concentration([0.0, 0, 0, 1]).interval("gini", seed=1)
    with pytest.raises(DataError, match="expected a share above 0 and below 1, got the int 95"):
        figures.lorenz_band(seed=1, confidence=95)
    with pytest.raises(DataError, match="values: no resampled book has a total above 0"):
        concentration([0.0, 0, 0, 0, 0, 1]).lorenz_band(seed=3, replicates=1)
