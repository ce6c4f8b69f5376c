"""Contracts: published cohorts, sums written out, and a value for each customer of a bank."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import hyp2f1

from bankcrm.errors import DataError, UnknownNameError
from bankcrm.valuation import customer_value
from bankcrm.valuation.lifetime import fit_retention, lifetime_value

HIGH_END = ([131, 126, 90, 60, 42, 34, 26], 491)
REGULAR = ([369, 163, 86, 56, 37, 27, 21], 241)


def test_sbg_has_the_published_parameters_on_both_cohorts() -> None:
    for cohort, published in ((HIGH_END, (0.6681, 3.8061, -1611.16)),
                              (REGULAR, (0.7041, 1.1820, -1680.27))):  # fmt: skip
        found = fit_retention(*cohort)
        assert (round(found.alpha, 4), round(found.beta, 4)) == published[:2]
        assert round(found.log_likelihood, 2) == pytest.approx(published[2], abs=0.01)


def test_the_residual_lifetime_is_the_published_one() -> None:
    found = fit_retention(*HIGH_END).residual_value(range(8), discount=0.1)
    published = [5.4145, 5.9014, 6.2939, 6.6199, 6.8967, 7.1357, 7.3447, 7.5296]
    assert found.round(4).tolist() == published
    assert round(float(found[7]), 3) == 7.530


@given(st.integers(0, 20), st.floats(0.01, 0.5))
def test_the_residual_lifetime_is_the_hypergeometric_one(renewals: int, discount: float) -> None:
    model = fit_retention(*REGULAR)
    n, a, b = renewals + 1, model.alpha, model.beta
    closed = (b + n - 1) / (a + b + n - 1) * hyp2f1(1, b + n, a + b + n, 1 / (1 + discount))
    found = model.residual_value(renewals, discount=discount, margin=3.0)
    assert float(found.iloc[0]) == pytest.approx(3 * closed, rel=1e-7)


def test_bdw_forecasts_years_that_it_has_not_seen() -> None:
    """Year 12 was .394 and .173; sBG says .378 and .170."""
    for cohort, came in ((HIGH_END, 0.394), (REGULAR, 0.173)):
        bdw = fit_retention(*cohort, model="bdw").survival(12)["survival"].iloc[-1]
        sbg = fit_retention(*cohort).survival(12)["survival"].iloc[-1]
        assert abs(bdw - came) < abs(sbg - came) or abs(bdw - came) < 0.005
    assert round(float(bdw), 4) == 0.1773


def test_retention_rises_and_survival_starts_at_one() -> None:
    curve = fit_retention(*HIGH_END).survival(30)
    assert curve["survival"].iloc[0] == 1
    assert curve["retention"].iloc[1:].is_monotonic_increasing
    assert np.isnan(curve["retention"].iloc[0])


@pytest.mark.parametrize(
    ("lost", "kept", "model", "words"),
    [
        ([5], 3, "sbg", "needs losses of 2"),
        ([5, 3], 3, "bdw", "of 3"),
        ([-1, 3], 3, "sbg", "from 0"),
    ],
)
def test_too_little_is_refused(lost: list[float], kept: float, model: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        fit_retention(lost, kept, model=model)  # type: ignore[arg-type]


def test_unknown_names_and_endless_sums_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="bdw"):
        fit_retention(*HIGH_END, model="weibull")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"above 0\.0002"):
        fit_retention(*HIGH_END).residual_value(3, discount=0)
    with pytest.raises(DataError, match="whole numbers"):
        fit_retention(*HIGH_END).residual_value([1.5], discount=0.1)  # type: ignore[list-item]


def test_each_customer_has_the_value_of_the_stage_and_nulls_stay() -> None:
    rows = pd.DataFrame(
        {
            "stage": pd.Categorical(["active", "dormant", None, "active"]),
            "contribution": [100.0, 40.0, 7.0, np.nan],
        },
        index=["a", "b", "c", "d"],
    )
    retention = {"active": 0.9, "dormant": 0.4, "lost": 0.0}
    found = lifetime_value(rows, retention=retention, discount=0.08, growth=0.01)
    assert found["a"] == pytest.approx(float(customer_value(100, 0.9, 0.08, growth=0.01)))
    assert found["b"] == pytest.approx(float(customer_value(40, 0.4, 0.08, growth=0.01)))
    assert found.isna().tolist() == [False, False, True, True]
    with pytest.raises(DataError, match="dormant"):
        lifetime_value(rows, retention={"active": 0.9}, discount=0.08)


def test_a_table_can_read_the_column() -> None:
    from bankcrm.rules import DecisionTable, Rule

    table = DecisionTable(
        id="band",
        rules=(Rule("high", {"lifetime_value": ">= 500"}, "high"), Rule("low", {}, "low")),
    )
    rows = pd.DataFrame({"stage": ["active", "lost"], "contribution": [100.0, 10.0]})
    value = lifetime_value(rows, retention={"active": 0.9, "lost": 0.0}, discount=0.1)
    assert table.decide_frame(value.to_frame())["outcome"].tolist() == ["high", "low"]
