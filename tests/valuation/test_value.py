"""Scales and the value score: laws, missing measures, one new customer, what is refused."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from bankcrm.errors import DataError
from bankcrm.policy import Policy, default_policy
from bankcrm.valuation import Measure, fit_value_model, score_value
from bankcrm.valuation.value.scales import KNOTS, GradeScale, fit_scale, points_scale

numbers = st.lists(st.integers(-1000, 1000), min_size=1, max_size=40)
FIVE = ("contribution", "satisfaction", "loyalty", "growth", "risk")


# --- scales


@pytest.mark.parametrize("method", ["rank", "robust_z", "min_max"])
@given(values=numbers, better=st.booleans())
def test_a_scale_is_monotone_and_stays_within_0_and_1(
    method: str, values: list[int], better: bool
) -> None:
    scale = fit_scale(np.array(values), method, higher_is_better=better)
    asked = np.sort(np.array([*values, -5000.0, 5000.0, 0.5]))
    scores = scale.apply(asked)
    assert ((scores >= 0) & (scores <= 1)).all()
    steps = np.diff(scores if better else -scores)
    assert (steps >= -1e-12).all()


@given(numbers)
def test_the_rank_is_the_share_below_with_ties_halved(values: list[int]) -> None:
    x = np.array(values)
    expected = [((x < v).sum() + (x <= v).sum()) / (2 * len(x)) for v in values]
    assert fit_scale(x, "rank").apply(x).tolist() == pytest.approx(expected)


def test_a_large_book_keeps_a_thousand_points_of_its_ranks() -> None:
    x = np.random.default_rng(1).lognormal(0, 1, 20_000)
    scale = fit_scale(x, "rank")
    assert len(scale.at) <= KNOTS
    exact = (np.argsort(np.argsort(x)) + 0.5) / len(x)
    assert scale.apply(x) == pytest.approx(exact, abs=2e-3)


def test_robust_z_does_not_mind_one_millionaire() -> None:
    x = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 1e9])
    scale = fit_scale(x, "robust_z")
    deviation = 2.5 / norm.ppf(0.75)
    assert scale.apply([5.5, 8.0]).tolist() == pytest.approx(
        [0.5, norm.cdf(2.5 / deviation)], abs=1e-6
    )
    assert fit_scale([3.0, 3, 3], "robust_z").apply([2, 3, 4]).tolist() == pytest.approx(
        [norm.cdf(-1), 0.5, norm.cdf(1)]
    )
    assert fit_scale([3.0, 3, 3, 3, 9], "robust_z").apply([3]).tolist() == [0.5]
    assert scale.at == pytest.approx((5.5, 5.5 + deviation))
    assert scale.score == (0.5, 1.0)


def test_missing_values_are_left_out_of_the_fit_and_stay_missing() -> None:
    scale = fit_scale([1.0, np.nan, 3.0], "min_max")
    assert scale.apply([2.0, np.nan])[0] == 0.5
    assert np.isnan(scale.apply([np.nan])).all()
    assert fit_scale([4.0, 4.0], "min_max").apply([4.0]).tolist() == [0.5]


@pytest.mark.parametrize("method", ["rank", "robust_z", "min_max"])
@pytest.mark.parametrize("power", [-1060, -600, 600, 1013])
def test_a_scale_does_not_depend_on_the_size_of_the_amounts(method: Any, power: int) -> None:
    x = np.array([-900.0, -3, 0, 2, 2, 700, 1000])
    near, far = fit_scale(x, method), fit_scale(np.ldexp(x, power), method)
    digits = 1e-4 if power < -1022 else 1e-6  # below the normal floats there are fewer digits
    assert far.apply(np.ldexp(x, power)) == pytest.approx(near.apply(x), abs=digits)
    less, same, more = fit_scale([1e17, 1e17], method).apply([0.5e17, 1e17, 2e17])
    assert less <= same == 0.5 <= more


def test_grades_in_words() -> None:
    scale = GradeScale({"good": 1.0, "bad": 0.0})
    column = pd.Series(["good", None, "bad"], dtype="category")
    assert scale.apply(column)[[0, 2]].tolist() == [1.0, 0.0]
    assert np.isnan(scale.apply(column)[1])
    with pytest.raises(DataError, match="standing: unknown grades odd; expected one of good, bad"):
        scale.apply(pd.Series(["odd"], name="standing"))


def test_scales_that_do_not_fit() -> None:
    with pytest.raises(DataError, match="none to fit a scale on"):
        fit_scale([np.nan], "rank")
    with pytest.raises(DataError, match="infinite in 1 row"):
        fit_scale([1.0, np.inf], "rank")
    with pytest.raises(DataError, match="rank, robust_z, min_max"):
        fit_scale([1.0], "mode")
    with pytest.raises(DataError, match="score from 0 to 1"):
        points_scale({1: 5.0})
    with pytest.raises(DataError, match=r"measures\.x: scale 'odd'"):
        Measure("risk", "x", scale="odd").fitted(pd.Series([1.0]))


# --- the score


def book(size: int = 50, seed: int = 3) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "contribution": generator.normal(100, 300, size),
            "volume": generator.lognormal(8, 1, size),
            "products": generator.integers(1, 6, size).astype(float),
            "satisfaction": generator.uniform(20, 100, size),
            "complaints_a_year": generator.integers(0, 3, size).astype(float),
            "active_months": generator.uniform(0, 1, size),
            "tenure_years": generator.uniform(0, 20, size),
            "referrals": generator.integers(0, 3, size).astype(float),
            "income": generator.lognormal(11, 0.5, size),
            "income_growth": generator.uniform(-1, 1, size),
            "balance_growth": generator.uniform(-1, 1, size),
            "age_years": generator.uniform(18, 90, size),
            "occupation_growth": generator.uniform(0, 1, size),
            "loan_status": generator.choice(["finished", "running", "in_debt", "unpaid"], size),
            "credit_standing": generator.choice(["good", "watch", "bad"], size),
            "penalty_entries": generator.integers(0, 4, size).astype(float),
            "payment_burden": generator.uniform(0, 0.8, size),
        },
        index=pd.RangeIndex(100, 100 + size, name="customer_id"),
    )


LOWER = {"complaints_a_year", "penalty_entries", "payment_burden", "age_years"}


def test_the_parts_sum_to_the_score_and_lie_within_it() -> None:
    found = score_value(book())
    parts = found[[f"part_{name}" for name in FIVE]]
    assert parts.sum(axis=1).tolist() == pytest.approx(found["score"].tolist())
    assert found["score"].between(0, 100).all()
    assert found.index.equals(book().index)
    weights = default_policy("valuation").value("weights")
    for name in FIVE:
        good = 100 - found[name] if name == "risk" else found[name]
        assert found[f"part_{name}"].tolist() == pytest.approx((good * weights[name]).tolist())


@given(st.sampled_from(sorted(set(book().columns) - {"loan_status", "credit_standing"})),
       st.integers(0, 49), st.floats(0, 5))  # fmt: skip
def test_a_better_measure_never_lowers_the_score(name: str, row: int, more: float) -> None:
    frame = book()
    model = fit_value_model(frame)
    before = score_value(frame, model=model)["score"].iloc[row]
    if name == "age_years":
        better = max(frame[name].iloc[row] - 10 * more, 30.0) if frame[name].iloc[row] > 30 else 30
    elif name in LOWER:
        better = frame[name].iloc[row] - more
    else:
        better = frame[name].iloc[row] + more * frame[name].std()
    frame.loc[frame.index[row], name] = better
    assert score_value(frame, model=model)["score"].iloc[row] >= before - 1e-9


@pytest.mark.parametrize("name", ["loan_status", "credit_standing"])
def test_a_better_grade_never_lowers_the_score(name: str) -> None:
    frame = book()
    model = fit_value_model(frame)
    order = {"loan_status": ["unpaid", "in_debt", "running", "finished"],
             "credit_standing": ["bad", "watch", "good"]}[name]  # fmt: skip
    scores = [score_value(frame.assign(**{name: grade}), model=model)["score"] for grade in order]
    for worse, better in pairwise(scores):
        assert (better >= worse).all()


def test_one_new_customer_is_scored_like_in_the_book() -> None:
    frame = book()
    model = fit_value_model(frame)
    alone = score_value(frame.iloc[[7]], model=model)
    pd.testing.assert_frame_equal(alone, score_value(frame).iloc[[7]])


def test_risk_is_shown_as_risk() -> None:
    frame = book()
    model = fit_value_model(frame)
    safe = frame.assign(loan_status="finished", credit_standing="good", penalty_entries=-1.0,
                        payment_burden=-1.0)  # fmt: skip
    assert (score_value(safe, model=model)["risk"] <= score_value(frame, model=model)["risk"]).all()


def policy_with(rule: str) -> Policy:
    return default_policy("valuation").with_parameters(missing_measures=rule)


def test_the_rules_for_missing_measures() -> None:
    frame = book()
    holes = frame.copy()
    holes.loc[100, ["satisfaction", "complaints_a_year"]] = np.nan
    model = fit_value_model(frame)
    present = score_value(holes, model=model).loc[100]
    assert present["missing"] == 2
    assert np.isnan(present["satisfaction"])
    others = [f"part_{n}" for n in FIVE if n != "satisfaction"]
    full = score_value(frame, model=model).loc[100]
    assert present["score"] == pytest.approx(full[others].sum() / 0.85)
    neutral = score_value(holes, model=fit_value_model(frame, policy=policy_with("neutral"))).loc[
        100
    ]
    assert neutral["satisfaction"] == 50
    worst = score_value(holes, model=fit_value_model(frame, policy=policy_with("worst"))).loc[100]
    assert worst["satisfaction"] == 0
    refusing = fit_value_model(frame, policy=policy_with("raise"))
    with pytest.raises(DataError, match=r"satisfaction: 1; complaints_a_year: 1; customers 100"):
        score_value(holes, model=refusing)
    assert score_value(frame, model=refusing)["missing"].sum() == 0
    nothing = frame.iloc[[0]].mask(frame.iloc[[0]].notna())
    assert np.isnan(score_value(nothing, model=model)["score"]).all()


def test_an_indicator_without_measures_leaves_its_weight_to_the_others() -> None:
    frame = book().drop(columns=["satisfaction", "complaints_a_year"])
    found = score_value(frame)
    assert found.attrs["left_out"] == ("satisfaction", "complaints_a_year")
    assert found["satisfaction"].isna().all()
    parts = found[[f"part_{n}" for n in FIVE]].sum(axis=1)
    assert parts.tolist() == pytest.approx(found["score"].tolist())
    assert score_value(frame, policy=policy_with("worst"))["part_satisfaction"].eq(0).all()
    with pytest.raises(DataError, match="no measure of satisfaction is there"):
        score_value(frame, policy=policy_with("raise"))
    with pytest.raises(DataError, match="no measure of contribution, satisfaction, loyalty"):
        score_value(pd.DataFrame({"shoe_size": [42.0]}))
    with pytest.raises(DataError, match="missing_measures: got 'guess'"):
        score_value(frame, policy=policy_with("guess"))


def test_other_weights() -> None:
    frame = book()
    only = {name: float(name == "loyalty") for name in FIVE}
    found = score_value(frame, weights=only)
    assert found["score"].tolist() == pytest.approx(found["loyalty"].tolist())
    model = fit_value_model(frame)
    assert score_value(frame, model=model, weights=only)["score"].tolist() == pytest.approx(
        found["score"].tolist()
    )
    with pytest.raises(DataError, match="sum to 1"):
        score_value(frame, weights=dict.fromkeys(FIVE, 0.3))
    with pytest.raises(DataError, match="missing column volume"):
        score_value(frame.drop(columns="volume"), model=model)


def test_the_private_bank_model() -> None:
    policy = default_policy("valuation", "private_banking")
    frame = pd.DataFrame(
        {
            "aum": [1e7, 3e7, 9e7],
            "credit_standing": ["watch", "good", "good"],
            "referrals": [0.0, 1.0, 5.0],
            "public_standing": ["none", "local", "national"],
        }
    )
    found = score_value(frame, policy=policy)
    assert found["score"].is_monotonic_increasing
    assert {"wealth", "risk_control", "brand_influence"} <= set(found)
    assert found.attrs["policy"] == "bankcrm.valuation.private_banking@2026.1"
