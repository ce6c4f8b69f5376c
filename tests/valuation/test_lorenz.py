"""Concentration: laws, closed forms, another library, a slow loop and real spend."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import erf

from bankcrm.errors import DataError
from bankcrm.valuation import concentration
from bankcrm.valuation.concentration.curves import BLOCK, rank_sum, sums_below

money = st.integers(0, 10**9).map(lambda cents: cents / 100)
books = st.lists(money, min_size=2, max_size=60).map(np.array).filter(lambda x: x.sum() > 0)
mixed = st.lists(st.integers(-(10**7), 10**8), min_size=2, max_size=60).map(
    lambda cents: np.array(cents) / 100
)


def pairwise_gini(x: np.ndarray) -> float:
    """Mean difference over twice the mean, by every pair."""
    return float(np.abs(x[:, None] - x[None, :]).mean() / (2 * x.mean()))


# --- laws


@given(mixed)
def test_gini_is_the_mean_difference_over_twice_the_mean_also_with_losses(x: np.ndarray) -> None:
    assume(x.sum() > 0.01 * np.abs(x).sum())
    assert concentration(x).gini == pytest.approx(pairwise_gini(x), abs=1e-12, rel=1e-12)


@given(books, st.floats(1e-3, 1e3))
def test_scaling_every_value_changes_no_share(x: np.ndarray, factor: float) -> None:
    one, other = concentration(x), concentration(x * factor)
    assert other.gini == pytest.approx(one.gini, abs=1e-12)
    assert other.share_of_top(0.2) == pytest.approx(one.share_of_top(0.2), abs=1e-12)
    assert other.theil == pytest.approx(one.theil, abs=1e-10)
    assert other.hhi == pytest.approx(one.hhi, abs=1e-12)


FAR = st.sampled_from([-1050, -1000, -600, -400, 400, 600, 990])


@given(mixed, FAR)
def test_no_amount_is_too_large_or_too_small_for_a_share(x: np.ndarray, power: int) -> None:
    """By a power of two the same book to the last bit, unless its small values are subnormal."""
    x = np.round(x)
    assume(x.sum() > 0.01 * np.abs(x).sum())
    one, far = concentration(x), concentration(np.ldexp(x, power))
    same = pytest.approx if power > -1000 else lambda v: pytest.approx(v, rel=1e-3)
    for name in ("gini", "gini_normalised", "hhi"):
        assert getattr(far, name) == same(getattr(one, name)), name
    if x.min() >= 0:
        assert far.theil == same(one.theil)
    for share in (0.2, 1 / 3, 0.8):
        assert far.share_of_top(share) == same(one.share_of_top(share))
        assert far.holders_of(share) == same(one.holders_of(share))
    assert far.whale_curve(5).peak == same(one.whale_curve(5).peak)
    assert far.profit_split(0).customers == one.profit_split(0).customers
    assert far.lorenz(5)["value"].tolist() == same(one.lorenz(5)["value"].tolist())
    if len(x) >= 3 and x.min() > 0:
        ends = [c.interval("gini", seed=1, replicates=20) for c in (one, far)]
        assert (ends[1].lower, ends[1].upper) == same((ends[0].lower, ends[0].upper))
        for method in ("jackknife", "asymptotic"):
            ends = [c.interval("hhi", method=method) for c in (one, far)]
            assert ends[1].lower == same(ends[0].lower)


def test_values_at_the_end_of_the_floats() -> None:
    found = concentration([1e308, 1e308, 1e307])
    small = concentration([10.0, 10.0, 1.0])
    assert found.total == np.inf
    assert found.share_of_top(1 / 3) == pytest.approx(small.share_of_top(1 / 3))
    assert found.gini == pytest.approx(small.gini)
    least = concentration([5e-324, 5e-324, 10 * 5e-324])
    assert least.gini == pytest.approx(concentration([1, 1, 10]).gini)
    assert concentration([1e308, -1e308, 1e308]).gini_normalised == pytest.approx(
        concentration([1, -1, 1]).gini_normalised
    )
    apart = concentration([1.0, 1.0, 1e308, 1e308])  # none but the largest is out of range
    assert (apart.gini, apart.hhi) == pytest.approx((0.5, 0.5))
    assert concentration([-1e308, 1.0, 1.0]).gini_normalised == pytest.approx(1)
    with pytest.raises(DataError, match="weights: too large"):
        concentration([1.0, 2.0], weights=[1e308, 1e308])


@given(books, st.integers(1, 10**6))
def test_adding_the_same_to_all_lowers_gini(x: np.ndarray, amount: int) -> None:
    assume(x.max() > x.min())
    assert concentration(x + amount).gini < concentration(x).gini


@given(books, st.data())
def test_a_transfer_from_rich_to_poor_lowers_gini_and_theil(x: np.ndarray, data: object) -> None:
    x = np.sort(x)
    assume(x[-1] - x[0] > 1)
    moved = x.copy()
    moved[0] += 0.25 * (x[-1] - x[0])
    moved[-1] -= 0.25 * (x[-1] - x[0])
    assert concentration(moved).gini < concentration(x).gini
    assert concentration(moved).theil < concentration(x).theil + 1e-12


@given(books, st.integers(2, 5))
def test_a_book_of_copies_has_the_same_shares(x: np.ndarray, copies: int) -> None:
    one, many = concentration(x), concentration(np.tile(x, copies))
    assert many.gini == pytest.approx(one.gini, abs=1e-12)
    assert many.theil == pytest.approx(one.theil, abs=1e-12)
    assert many.share_of_top(0.2) == pytest.approx(one.share_of_top(0.2), abs=1e-12)
    assert many.hhi == pytest.approx(one.hhi / copies, rel=1e-12)


@given(st.lists(st.tuples(st.integers(-50, 500), st.integers(1, 4)), min_size=2, max_size=30))
def test_a_weight_is_a_number_of_customers(pairs: list[tuple[int, int]]) -> None:
    values, counts = (np.array(v, dtype=float) for v in zip(*pairs, strict=True))
    spelled = np.repeat(values, counts.astype(int))
    assume(spelled.sum() > 0)
    weighted, plain = concentration(values, weights=counts), concentration(spelled)
    assert weighted.gini == pytest.approx(plain.gini, abs=1e-9)
    assert weighted.gini_normalised == pytest.approx(plain.gini_normalised, abs=1e-9)
    assert weighted.hhi == pytest.approx(plain.hhi, abs=1e-9)
    for share in (0.1, 0.2, 0.77):
        assert weighted.share_of_top(share) == pytest.approx(plain.share_of_top(share), abs=1e-9)
        assert weighted.holders_of(share) == pytest.approx(plain.holders_of(share), abs=1e-9)
    whale, other = weighted.whale_curve(7), plain.whale_curve(7)
    assert whale.peak == pytest.approx(other.peak)
    assert whale.peak_customers == pytest.approx(other.peak_customers)
    assert whale.points["profit"].tolist() == pytest.approx(other.points["profit"].tolist())
    assert weighted.profit_split(20).customers == pytest.approx(plain.profit_split(20).customers)
    assert weighted.profit_split(20).profit == pytest.approx(plain.profit_split(20).profit)
    if values.min() >= 0:
        assert weighted.theil == pytest.approx(plain.theil, abs=1e-9)


@given(books, st.floats(0.01, 0.99))
def test_holders_of_undoes_share_of_top(x: np.ndarray, share: float) -> None:
    figures = concentration(x)
    assert figures.share_of_top(figures.holders_of(share)) == pytest.approx(share, abs=1e-9)


@given(mixed)
def test_the_normalised_gini_stays_between_0_and_1(x: np.ndarray) -> None:
    assume(np.abs(x).sum() > 0)
    assert -1e-12 <= concentration(x).gini_normalised <= 1 + 1e-12


@given(books)
def test_lorenz_rises_from_0_to_1_below_the_diagonal(x: np.ndarray) -> None:
    curve = concentration(x).lorenz(21)
    assert curve["value"].iloc[0] == 0
    assert curve["value"].iloc[-1] == pytest.approx(1)
    assert (np.diff(curve["value"]) >= -1e-12).all()
    assert (curve["value"] <= curve["customers"] + 1e-12).all()


@given(mixed, st.floats(0, 1e6))
def test_a_profit_split_loses_no_customer_and_no_money(x: np.ndarray, margin: float) -> None:
    split = concentration(x).profit_split(margin)
    assert sum(split.customers) == pytest.approx(1)
    assert sum(split.profit) == pytest.approx(x.sum(), abs=1e-6)
    assert split.customers[0] == pytest.approx((x > margin).mean())
    assert split.customers[2] == pytest.approx((x < -margin).mean())


def test_a_profit_split_as_a_frame_stands_beside_the_rule() -> None:
    result = concentration([-50, -1, 0, 2, 90]).profit_split(5).frame()
    assert result.index.tolist() == ["profitable", "marginal", "losing"]
    assert result.index.name == "class"
    assert result["customers"].tolist() == [0.2, 0.6, 0.2]
    assert result["profit"].tolist() == pytest.approx([90 / 41, 1 / 41, -50 / 41])
    assert result["reference"].tolist() == [0.25, 0.45, 0.30]
    assert concentration([-50, 20]).profit_split(5).frame()["profit"].isna().all()


def test_sums_over_many_blocks_equal_plain_sums() -> None:
    x = np.sort(np.random.default_rng(3).lognormal(0, 2, 3 * BLOCK + 17))
    odd = 2.0 * np.arange(1, len(x) + 1) - 1
    assert rank_sum(x) == pytest.approx(float(odd @ x), rel=1e-12)
    positions = np.array([0, 1, 1.5, len(x) - 0.5, len(x), BLOCK])
    expected = np.interp(positions, np.arange(len(x) + 1), np.append(0, np.cumsum(x)))
    assert sums_below(x, positions) == pytest.approx(expected, rel=1e-12)


# --- closed forms and published shapes


@pytest.mark.parametrize(
    ("drawn", "gini"),
    [
        (lambda u: u, 1 / 3),
        (lambda u: -np.log1p(-u), 1 / 2),
        (lambda u: (1 - u) ** (-1 / 3), 1 / (2 * 3 - 1)),
    ],
    ids=["uniform", "exponential", "pareto"],
)
def test_gini_of_known_distributions(drawn: object, gini: float) -> None:
    """Quantiles in place of a sample leave only the error of the grid."""
    u = (np.arange(2_000_000) + 0.5) / 2_000_000
    assert concentration(drawn(u)).gini == pytest.approx(gini, abs=2e-5)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 1.5])
def test_gini_and_theil_of_a_lognormal_sample(sigma: float) -> None:
    x = np.random.default_rng(11).lognormal(3, sigma, 400_000)
    assert concentration(x).gini == pytest.approx(erf(sigma / 2), abs=0.01)
    assert concentration(x).theil == pytest.approx(sigma**2 / 2, rel=0.05)


def test_pareto_top_share_follows_its_closed_form() -> None:
    x = (1 - (np.arange(1_000_000) + 0.5) / 1_000_000) ** (-1 / 3)
    assert concentration(x).share_of_top(0.2) == pytest.approx(0.2 ** (1 - 1 / 3), abs=1e-4)


def test_equal_customers_and_one_who_has_all() -> None:
    equal, one = concentration([5.0] * 100), concentration([0.0] * 99 + [7.0])
    assert (equal.gini, equal.theil, equal.hhi) == pytest.approx((0, 0, 0.01))
    assert (one.gini, one.theil, one.hhi) == pytest.approx((0.99, np.log(100), 1))
    assert one.gini_normalised == pytest.approx(1)
    assert equal.share_of_top(0.2) == pytest.approx(0.2)
    assert equal.holders_of(0.8) == pytest.approx(0.8)


def test_the_same_figures_as_pysal() -> None:
    inequality = pytest.importorskip("inequality", reason="PySAL's inequality is not installed")
    from inequality.gini import Gini
    from inequality.theil import Theil

    assert inequality
    x = np.random.default_rng(2).lognormal(8, 1.2, 5000)
    assert concentration(x).gini == pytest.approx(Gini(x).g, abs=1e-12)
    assert concentration(x).theil == pytest.approx(float(Theil(x).T), abs=1e-12)


def test_the_whale_curve_of_kaplan_and_narayanan() -> None:
    """The best fifth makes 150 % to 300 % of the profit; the worst lose what is above 100 %."""
    book = np.array([10.0] * 20 + [0.5] * 60 + [-6.5] * 20)
    whale = concentration(book).whale_curve(points=101)
    assert whale.peak == pytest.approx((200 + 30) / 100)
    assert whale.peak_customers == pytest.approx(0.8)
    assert whale.destroyed == pytest.approx(1.3)
    assert whale.points["profit"].max() == pytest.approx(whale.peak)
    assert whale.points["profit"].iloc[20] == pytest.approx(2.0)
    assert whale.points["profit"].iloc[-1] == pytest.approx(1.0)
    assert concentration(book).gini > 1
    assert concentration([1.0, 2.0]).whale_curve().destroyed == 0


def test_a_fraction_of_a_customer_counts_in_proportion() -> None:
    figures = concentration([1.0, 2, 3])
    assert figures.share_of_top(0.5) == pytest.approx((3 + 0.5 * 2) / 6)
    assert figures.share_of_top(0.2) == pytest.approx(0.6 * 3 / 6)
    assert figures.share_of_top(0) == 0
    assert figures.share_of_top(1) == pytest.approx(1)
    assert figures.holders_of(0) == 0


# --- real data


def test_the_best_fifth_of_cdnow_customers_spent_two_thirds(shared_data: Path) -> None:
    orders = pd.read_parquet(shared_data / "cdnow" / "cdnow_master.parquet")
    amount = next(c for c in orders if "amount" in c.lower() or "spend" in c.lower())
    owner = next(c for c in orders if "id" in c.lower() or "customer" in c.lower())
    spend = orders.groupby(owner)[amount].sum()
    assert len(spend) == 23_570
    assert concentration(spend).share_of_top(0.2) == pytest.approx(0.678, abs=0.0005)


# --- input


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1, 2, 3], dtype="Int64"),
        pd.Series([1.0, 2, 3], dtype="double[pyarrow]"),
        pd.Series([Decimal(1), Decimal(2), Decimal(3)]),
        np.array([1, 2, 3], dtype=np.int8),
        [1, 2, 3],
        pd.Series([1, 2, 3], dtype="category"),
    ],
    ids=["nullable", "arrow", "decimal", "int8", "list", "category"],
)
def test_every_numeric_form_is_taken(values: object) -> None:
    assert concentration(values).gini == pytest.approx(2 / 9)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, None])
def test_missing_and_infinite_values_are_counted_and_shown(bad: float | None) -> None:
    values = pd.Series([1.0, bad, 3.0], index=["ann", "bob", "cid"], dtype=float)
    with pytest.raises(DataError, match=r"1 of 3 values are missing or infinite.*bob"):
        concentration(values)
    with pytest.raises(DataError, match="1 of 3"):
        concentration(values, weights=[1, 1, 1])
    with pytest.raises(DataError, match=r"^values: 1 of 2001 values are missing or infinite"):
        concentration(np.append(np.ones(2000), np.nan if bad is None else bad))


@pytest.mark.parametrize("values", [[0, 0, 0], [5, -5], [1, -8], [0.1, 0.2, -0.3]])
def test_shares_of_no_total_are_refused(values: list[float]) -> None:
    figures = concentration(values)
    for figure in ("gini", "hhi"):
        with pytest.raises(DataError, match="total above 0"):
            getattr(figures, figure)
    for call in (figures.share_of_top, figures.holders_of):
        with pytest.raises(DataError, match="total above 0"):
            call(0.2)
    with pytest.raises(DataError, match="total above 0"):
        figures.whale_curve()
    assert sum(figures.profit_split(1).customers) == pytest.approx(1)


def test_other_bad_input() -> None:
    with pytest.raises(DataError, match="no values"):
        concentration([])
    with pytest.raises(DataError, match="one dimension"):
        concentration(np.ones((2, 2)))
    with pytest.raises(DataError, match="not defined with losses"):
        _ = concentration([-1.0, 5]).theil
    with pytest.raises(DataError, match="at least two customers"):
        _ = concentration([0.0, 0.0]).gini_normalised
    with pytest.raises(DataError, match="got 2 for 3 values"):
        concentration([1, 2, 3], weights=[1, 2])
    with pytest.raises(DataError, match="weights: 0 or below in 1 row"):
        concentration([1, 2, 3], weights=[1, 0, 2])
    figures = concentration([1, 2])
    for share in (20, 1.01, -0.01, np.nan):
        for call in (figures.share_of_top, figures.holders_of):
            with pytest.raises(DataError, match="expected a share"):
                call(share)
    with pytest.raises(DataError, match="expected an amount"):
        concentration([1, 2]).profit_split(-1)
    with pytest.raises(DataError, match=r"points: .* from 2 "):
        concentration([1, 2]).lorenz(1)
    with pytest.raises(DataError, match="numbers"):
        concentration(["a", "b"])


def test_the_value_is_frozen_and_compares() -> None:
    values = np.array([3.0, 1, 2])
    figures = concentration(values)
    values[0] = 99
    assert figures == concentration([1, 2, 3])
    assert figures != concentration([1, 2, 4])
    assert repr(figures) == "Concentration(holders=3.0, total=6.0)"  # and no customer's value
    with pytest.raises(ValueError, match="read-only"):
        figures.values[0] = 5


def test_the_curve_has_no_share_outside_0_and_1() -> None:
    figures = concentration([1.0, 2.0, 5.0])
    assert figures.lorenz_at(np.array([0.0, 1.0])).tolist() == [0, 1]
    for wrong in (-0.1, 2.0, np.nan):
        with pytest.raises(DataError, match=r"shares: no share from 0 to 1 in 1 row \(row 1\)"):
            figures.lorenz_at(np.array([0.5, wrong]))
    for wrong in (-0.1, 1.1, np.nan):
        with pytest.raises(DataError, match="share: expected a share from 0 to 1"):
            figures.share_of_top(wrong)
        with pytest.raises(DataError, match="share: expected a share from 0 to 1"):
            figures.holders_of(wrong)
