"""Retention economics: Reichheld's doubling, sums written out, slopes, best spends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.valuation import (
    SpendCurve,
    customer_value,
    retention_economics,
    spend_to_keep,
    spend_to_win,
)

rates = st.floats(0.0, 0.95)
discounts = st.floats(0.02, 0.5)
growths = st.floats(-0.2, 0.015)


@pytest.mark.parametrize("timing", ["start", "end"])
@given(rates, discounts, growths)
def test_the_value_is_the_sum_written_out(
    timing: str, retention: float, discount: float, growth: float
) -> None:
    periods = np.arange(1500)
    kept, grown = retention**periods, (1 + growth) ** periods
    if timing == "start":
        expected = (kept * grown / (1 + discount) ** periods).sum()
    else:
        expected = (kept * retention * grown / (1 + discount) ** (periods + 1)).sum()
    found = customer_value(1.0, retention, discount, growth=growth, timing=timing)
    assert float(found) == pytest.approx(expected, rel=1e-9)


def test_reichheld_defection_halved_doubles_the_lifetime_and_the_value() -> None:
    """Defection falls from 10 % to 5 % a year: mean lifetime rises from 10 to 20 years."""
    before, after = retention_economics(100, 0.90, 0.0), retention_economics(100, 0.95, 0.0)
    assert before.lifetime == pytest.approx(10)
    assert after.lifetime == pytest.approx(20)
    assert after.value == pytest.approx(2 * before.value)
    assert before.effect == pytest.approx(1.0)
    assert retention_economics(100, 0.90, 0.10).effect == pytest.approx(1 / 3)


@given(rates, discounts, growths, st.sampled_from(["start", "end"]))
def test_the_elasticity_is_the_slope(
    retention: float, discount: float, growth: float, timing: str
) -> None:
    found = retention_economics(1.0, retention, discount, growth=growth, timing=timing)
    if retention < 0.01:
        return
    step = 1e-6 * retention
    up, down = (
        float(customer_value(1.0, retention + s, discount, growth=growth, timing=timing))
        for s in (step, -step)
    )
    assert found.elasticity == pytest.approx((up - down) / found.value / 2e-6, rel=1e-4)


@given(st.floats(1, 1000), rates, discounts)
def test_the_break_even_spend_leaves_the_value_as_it_was(
    margin: float, retention: float, discount: float
) -> None:
    now = retention_economics(margin, retention, discount)
    more = retention_economics(margin, retention + now.points, discount, cost=now.keep_at_most)
    assert more.value == pytest.approx(now.value)
    assert now.win_at_most == now.value


def test_points_never_pass_full_retention() -> None:
    edge = retention_economics(100, 0.98, 0.1)
    assert edge.points == pytest.approx(0.02)
    full = retention_economics(100, 1.0, 0.1)
    assert full.lifetime == np.inf
    assert full.effect == pytest.approx(0)


def test_a_curve_over_retention() -> None:
    curve = retention_economics(100, 0.8, 0.1).curve()
    assert len(curve) == 50
    assert curve["value"].is_monotonic_increasing
    assert curve["effect"].iloc[:45].is_monotonic_increasing
    assert retention_economics(100, 0.8, 0.1).curve(np.array([0.8]))["value"].iloc[0] == (
        pytest.approx(retention_economics(100, 0.8, 0.1).value)
    )


# --- spending


@given(st.floats(0.5, 50), st.floats(0.05, 0.4), st.floats(0.05, 0.5), st.floats(1, 5000))
def test_the_marginal_cost_of_a_customer_won_is_the_value_of_a_customer(
    spend: float, rate: float, head: float, value: float
) -> None:
    curve = SpendCurve.through(spend, rate, ceiling=rate + head)
    plan = spend_to_win(value, curve)
    if plan.spend > 0:
        assert plan.marginal_cost == pytest.approx(value)
        assert plan.average_cost <= plan.marginal_cost
        assert plan.average_cost == pytest.approx(plan.spend / plan.rate)
    for other in np.linspace(0, 3 * spend, 13):
        assert plan.gain >= curve.rate(other) * value - other - 1e-6 * value


def test_keeping_stops_at_the_best_value() -> None:
    curve = SpendCurve.through(10.0, 0.8, ceiling=0.9, floor=0.5)
    plan = spend_to_keep(100.0, curve, 0.1)
    for spend in np.linspace(0, 100, 201):
        other = float(customer_value(100 - spend, curve.rate(spend), 0.1))
        assert plan.value >= other - 1e-6
    assert plan.gain == pytest.approx(plan.value - float(customer_value(100.0, 0.5, 0.1)))
    lazy = spend_to_keep(0.001, curve, 0.1)
    assert lazy.spend == 0
    assert lazy.gain == 0
    assert spend_to_win(0.001, curve).spend == 0
    assert spend_to_win(0.001, SpendCurve(0.0, 0.5, 0.1)).average_cost == 0


def test_bad_input() -> None:
    with pytest.raises(DataError, match="retention: outside 0 to 1 in 1 row"):
        customer_value(1.0, 1.2, 0.1)
    with pytest.raises(DataError, match="without an end"):
        customer_value(1.0, 1.0, 0.0)
    with pytest.raises(DataError, match="without an end"):
        retention_economics(1.0, 0.99, 0.01, growth=0.05)
    with pytest.raises(DataError, match="margin: missing or infinite"):
        customer_value(np.nan, 0.5, 0.1)
    with pytest.raises(DataError, match="timing"):
        customer_value(1.0, 0.5, 0.1, timing="middle")
    with pytest.raises(DataError, match="points"):
        retention_economics(1.0, 0.5, 0.1, points=0)
    with pytest.raises(DataError, match="floor < rate < ceiling"):
        SpendCurve.through(5.0, 0.5, ceiling=0.4)
    for spend, rate, floor, ceiling in (
        (0.0, 0.3, 0.0, 0.4), (5.0, 0.4, 0.0, 0.4), (5.0, 0.3, 0.3, 0.4), (5.0, 0.3, -0.1, 0.4),
        (5.0, 0.3, 0.0, 1.1),
    ):  # fmt: skip
        said = f"got spend {spend}, floor {floor}, rate {rate}, ceil"
        outside = [f"{n}: expected a share" for n, v in (("floor", floor), ("ceiling", ceiling))
                   if not 0 <= v <= 1]  # fmt: skip
        with pytest.raises(DataError, match=outside[0] if outside else said):
            SpendCurve.through(spend, rate, floor=floor, ceiling=ceiling)
    assert SpendCurve.through(5.0, 0.3, floor=0.0, ceiling=1.0).rate(5.0) == pytest.approx(0.3)
    with pytest.raises(DataError, match="without margin"):
        spend_to_keep(0.0, SpendCurve(0.1, 0.5, 0.1), 0.1)
