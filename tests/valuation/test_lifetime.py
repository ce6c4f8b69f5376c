"""Models of purchases: published fits, laws, the known traps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import gammaln

from bankcrm.datasets import load_cdnow
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.valuation.lifetime import (
    PurchaseModel,
    SpendModel,
    fit_by_segment,
    fit_purchases,
    fit_spend,
    forecast_purchases,
    holdout_check,
    purchase_history,
    purchase_interval,
    purchase_value,
)
from bankcrm.valuation.lifetime.fit import KERNELS, PurchaseModelName

MODELS: tuple[PurchaseModelName, ...] = ("bg_nbd", "mbg_nbd", "pareto_nbd")
PUBLISHED = {
    "bg_nbd": {"r": 0.24259293, "alpha": 4.4135323, "a": 0.7928860, "b": 2.4257524},
    "mbg_nbd": {"r": 0.5248, "alpha": 6.183, "a": 0.8914, "b": 1.614},
}


@pytest.fixture(scope="module")
def summary(shared_data: Path) -> pd.DataFrame:
    """CDNOW in rounded weeks, as published."""
    raw = load_cdnow(shared_data / "cdnow", "summary")
    return pd.DataFrame(
        {
            "repeats": raw["frequency"],
            "span_days": raw["recency"] * 7,
            "age_days": raw["age"] * 7,
            "mean_amount": raw["mean_amount"].where(raw["frequency"] > 0),
        }
    )


@pytest.fixture(scope="module")
def sample(shared_data: Path) -> pd.DataFrame:
    return load_cdnow(shared_data / "cdnow", "sample")


@pytest.fixture(scope="module")
def cdnow(sample: pd.DataFrame) -> pd.DataFrame:
    return purchase_history(sample, as_of="1997-09-30")


def customer(repeats: float, span: float, age: float) -> pd.DataFrame:
    """One customer, in weeks."""
    return pd.DataFrame({"repeats": [repeats], "span_days": [span * 7], "age_days": [age * 7]})


def fitted(model: PurchaseModelName, *values: float) -> PurchaseModel:
    names = KERNELS[model].names
    return PurchaseModel(model, dict(zip(names, values, strict=True)), (), 0.0, 1, 7.0)


def test_bg_nbd_and_mbg_nbd_have_the_published_parameters(summary: pd.DataFrame) -> None:
    bg = fit_purchases(summary, model="bg_nbd")
    assert dict(bg.parameters) == pytest.approx(PUBLISHED["bg_nbd"], rel=1e-6)
    assert bg.log_likelihood == pytest.approx(-9582.42556, abs=1e-5)
    mbg = fit_purchases(summary)
    assert {n: float(f"{v:.4g}") for n, v in mbg.parameters.items()} == PUBLISHED["mbg_nbd"]
    assert mbg.log_likelihood == pytest.approx(-9582.13268, abs=1e-5)


def test_one_customer_has_the_published_forecast(summary: pd.DataFrame) -> None:
    bg = fit_purchases(summary, model="bg_nbd")
    one = customer(2, 30.43, 38.86)
    assert round(float(bg.expected(one, days=39 * 7)[0]), 3) == 1.226
    assert round(float(bg.alive(one)[0]), 4) == 0.7266


def test_the_fits_in_days_and_weeks_are_those_of_the_packages(cdnow: pd.DataFrame) -> None:
    """CLVTools in weeks from days, clvkit in days."""
    weeks = fit_purchases(cdnow, model="bg_nbd")
    assert weeks.log_likelihood == pytest.approx(-9582.429, abs=5e-4)
    assert list(weeks.parameters.values()) == pytest.approx(
        [0.2425945, 4.4136019, 0.7929199, 2.4258881], rel=1e-5
    )
    days = fit_purchases(cdnow, model="bg_nbd", unit_days=1)
    assert days.parameters["alpha"] == pytest.approx(30.895214, abs=1e-5)
    assert days.log_likelihood == pytest.approx(-14363.530443, abs=1e-5)


def test_pareto_nbd_has_the_published_parameters_and_errors(cdnow: pd.DataFrame) -> None:
    found = fit_purchases(cdnow, model="pareto_nbd")
    published = [0.55315, 10.57633, 0.60625, 11.67150]
    assert list(found.parameters.values()) == pytest.approx(published, rel=3e-4)
    assert found.log_likelihood == pytest.approx(-9594.976, abs=5e-4)
    errors = [0.0476264, 0.8427222, 0.1872594, 6.2105448]
    assert list(found.errors.values()) == pytest.approx(errors, rel=3e-4)


def test_gamma_gamma_has_the_published_parameters(summary: pd.DataFrame) -> None:
    spend = fit_spend(summary)
    assert (round(spend.p, 2), round(spend.q, 2)) == (6.25, 3.74)
    assert spend.v == pytest.approx(15.44, abs=0.01)
    assert spend.log_likelihood == pytest.approx(-4055.92, abs=0.005)
    assert spend.customers == 946
    assert round(spend.mean, 3) == 35.171
    assert SpendModel.from_toml(spend.to_toml()) == spend


def test_bg_bb_has_the_published_parameters(shared_data: Path) -> None:
    raw = pd.read_csv(shared_data / "donations" / "donations.csv")
    donors = raw.loc[raw.index.repeat(raw["weights"])]
    history = pd.DataFrame(
        {
            "repeats": donors["frequency"],
            "span_days": donors["recency"] * 365,
            "age_days": donors["periods"] * 365,
        }
    )
    found = fit_purchases(history, model="bg_bb", unit_days=365)
    assert [round(v, 4) for v in found.parameters.values()] == pytest.approx(
        [1.2035, 0.7497, 0.6567, 2.7834], abs=1.1e-4
    )
    assert found.log_likelihood == pytest.approx(-33225.58, abs=0.005)
    odd = history.assign(age_days=history["age_days"] + 0.5)
    with pytest.raises(DataError, match="whole periods"):
        fit_purchases(odd, model="bg_bb", unit_days=365)


def test_the_holdout_has_the_published_correlations(sample: pd.DataFrame) -> None:
    bg, pareto = (
        holdout_check(sample, as_of="1997-09-30", until="1998-06-30", model=m)
        for m in ("bg_nbd", "pareto_nbd")
    )
    assert bg.actual == pareto.actual == 1882
    assert round(bg.correlation, 3) == 0.626
    assert round(pareto.correlation, 3) == 0.630
    assert bg.error < bg.naive_error
    assert bg.by_repeats["customers"].sum() == bg.customers == 2357
    assert bg.weekly["days"].tolist() == [*range(7, 273, 7), 273]
    assert bg.weekly["actual"].iloc[-1] == 1882
    assert bg.weekly["forecast"].iloc[-1] == pytest.approx(bg.forecast)
    assert "came 1,882" in repr(bg)


def test_a_forecast_shows_the_check_and_an_interval_that_misses(sample: pd.DataFrame) -> None:
    known = sample[sample["date"] <= "1997-09-30"]
    found = forecast_purchases(known, as_of="1997-09-30", days=273, seed=1)
    assert not found.total.lower <= 1882 <= found.total.upper
    assert str(found.holdout.as_of) < str(found.holdout.until) == "1997-09-30"
    assert "HoldoutCheck" in repr(found)
    later = forecast_purchases(sample, as_of="1997-09-30", days=273, seed=1)
    pd.testing.assert_frame_equal(found.customers, later.customers)  # no hindsight
    assert repr(found) == repr(later)


@pytest.mark.parametrize("model", MODELS)
def test_the_unit_of_time_changes_only_the_units(
    cdnow: pd.DataFrame, model: PurchaseModelName
) -> None:
    few = cdnow.head(600)
    weeks, days = (fit_purchases(few, model=model, unit_days=u) for u in (7, 1))
    assert days.log_likelihood + few["repeats"].sum() * np.log(7) == pytest.approx(
        weeks.log_likelihood, rel=1e-11
    )
    pd.testing.assert_series_equal(
        weeks.expected(few, days=100), days.expected(few, days=100), rtol=1e-5
    )


@pytest.mark.parametrize("model", MODELS)
def test_the_order_of_customers_changes_nothing(
    cdnow: pd.DataFrame, model: PurchaseModelName
) -> None:
    few = cdnow.head(500)
    turned = few.iloc[::-1]
    one, other = fit_purchases(few, model=model), fit_purchases(turned, model=model)
    assert one == other
    whole = one.expected(few, days=90)
    pd.testing.assert_series_equal(whole, one.expected(turned, days=90).reindex(whole.index))
    parts = pd.concat([one.expected(few[:123], days=90), one.expected(few[123:], days=90)])
    pd.testing.assert_series_equal(whole, parts, rtol=1e-12)
    assert PurchaseModel.from_toml(one.to_toml()) == one


rates = st.floats(0.2, 5.0)


@given(st.sampled_from(MODELS), rates, st.floats(1, 30), rates, rates, st.integers(1, 40))
def test_more_purchases_at_equal_recency_never_lower_the_expectation_of_the_living(
    model: PurchaseModelName, r: float, alpha: float, a: float, b: float, repeats: int
) -> None:
    """With the last purchase on the last day, more purchases never lower the expectation."""
    p = fitted(model, r, alpha, a, b)
    history = pd.concat([customer(n, 40, 40) for n in (repeats, repeats + 1)], ignore_index=True)
    less, more = p.expected(history, days=180)
    assert more >= less * (1 - 1e-9)


@given(st.sampled_from(MODELS), rates, st.floats(1, 30), rates, rates, st.integers(0, 30))
def test_longer_silence_makes_a_customer_less_probably_alive(
    model: PurchaseModelName, r: float, alpha: float, a: float, b: float, repeats: int
) -> None:
    p = fitted(model, r, alpha, a, b)
    ages = [40.0, 45.0, 60.0, 100.0]
    span = 0.0 if repeats == 0 else 30.0
    history = pd.concat([customer(repeats, span, age) for age in ages], ignore_index=True)
    alive = p.alive(history).to_numpy()
    assert (np.diff(alive) <= 1e-12).all()
    assert ((alive >= 0) & (alive <= 1)).all()
    expected = [float(p.expected(history, days=d).iloc[0]) for d in (30, 60, 400)]
    assert expected == sorted(expected)


@given(rates, st.floats(1, 30), rates, st.floats(1, 30), st.integers(0, 60), st.floats(0.1, 1))
def test_pareto_is_the_integral_over_the_time_of_death(
    r: float, alpha: float, s: float, beta: float, x: int, recent: float
) -> None:
    age = 50.0
    span = 0.0 if x == 0 else age * recent
    k = r + x

    def density(t: float) -> float:
        log = -k * np.log((alpha + t) / (alpha + span)) - (s + 1) * np.log((beta + t) / beta)
        return s / beta * float(np.exp(log))

    dead = quad(density, span, age, epsrel=1e-11, limit=200)[0]
    lives = float(np.exp(-k * np.log((alpha + age) / (alpha + span)))) * (beta / (beta + age)) ** s
    found = fitted("pareto_nbd", r, alpha, s, beta).alive(customer(x, span, age))[0]
    assert found == pytest.approx(lives / (lives + dead), rel=1e-7)


@given(st.sampled_from(["bg_nbd", "mbg_nbd"]), rates, st.floats(1, 30), rates, rates)
def test_the_expectation_is_that_of_simulated_customers(
    model: PurchaseModelName, r: float, alpha: float, a: float, b: float
) -> None:
    """A new customer, by drawing rates and chances to drop out; within five standard errors."""
    rng = np.random.default_rng(7)
    size, weeks = 4000, 30.0
    rate, drop = rng.gamma(r, 1 / alpha, size), rng.beta(a, b, size)
    chances = rng.geometric(np.clip(drop, 1e-12, 1)) - (model == "mbg_nbd")  # purchases till gone
    made = np.minimum(rng.poisson(rate * weeks), chances)
    new = pd.DataFrame({"repeats": [0], "span_days": [0], "age_days": [0]})
    expected = float(fitted(model, r, alpha, a, b).expected(new, days=weeks * 7)[0])
    error = made.std(ddof=1) / np.sqrt(size)
    assert abs(made.mean() - expected) <= 5 * error + 1e-9


def test_the_two_ways_to_the_expectation_agree() -> None:
    from bankcrm.valuation.lifetime import bg_nbd

    p, x, age = np.array([0.5, 6.0, 0.8, 2.5]), np.array([0.0, 3.0, 40.0]), np.full(3, 50.0)
    plain = bg_nbd.expected(p, x, np.minimum(x, 1) * 40, age, 30.0, 1)
    living = bg_nbd._by_quadrature(p, x, age, 30.0, 1)
    alive = bg_nbd.alive(p, x, np.minimum(x, 1) * 40, age, 1)
    np.testing.assert_allclose(living * alive, plain, rtol=1e-4)


def test_near_daily_customers_are_fitted() -> None:
    """The case of lifetimes#405: customers who buy nearly every day."""
    rng = np.random.default_rng(1)
    age = rng.integers(60, 240, 2_000)
    rate = rng.beta(40, 4, 2_000)
    repeats = rng.binomial(age, rate)
    left = rng.random(2_000) < 0.2
    span = np.where(left, rng.integers(30, 60, 2_000), age - rng.geometric(0.9, 2_000) + 1)
    repeats = np.minimum(repeats, span)
    history = pd.DataFrame({"repeats": repeats, "span_days": span, "age_days": age})
    for model in ("mbg_nbd", "bg_nbd"):
        found = fit_purchases(history, model=model, unit_days=1)
        assert np.isfinite(list(found.parameters.values())).all()
        assert np.isfinite(found.log_likelihood)
        assert ((found.alive(history) >= 0) & (found.alive(history) <= 1)).all()
        expected = found.expected(history, days=30)
        assert ((expected >= 0) & (expected < 31)).all()
        steady = history[(span == age) & (repeats > 0.9 * span)]
        assert found.expected(steady, days=30).mean() > 20


def test_frequent_customers_have_finite_probabilities(cdnow: pd.DataFrame) -> None:
    """x from 161 to 254, where the printed formula gives no number."""
    found = fit_purchases(cdnow, model="pareto_nbd")
    history = pd.concat(
        [customer(161, 38.0, 38.9), customer(200, 38.8, 38.9), customer(254, 37.0, 38.9),
         customer(254, 38.9, 38.9), customer(2000, 30.0, 38.9)],
        ignore_index=True,
    )  # fmt: skip
    for model in ("pareto_nbd", "bg_nbd", "mbg_nbd"):
        found = fit_purchases(cdnow, model=model)
        for figure in (found.alive(history), found.expected(history, days=273)):
            assert np.isfinite(figure).all()
        alive = found.alive(history)
        assert alive[1] > alive[0] > alive[2]
        assert alive[3] > 0.99


def test_a_equal_to_one_is_the_limit() -> None:
    history = customer(3, 20, 30)
    for model, other in (("bg_nbd", (0.5, 5.0)), ("mbg_nbd", (0.5, 5.0))):
        at = [float(fitted(model, *other, a, 2.0).expected(history, days=200)[0])  # type: ignore[arg-type]
              for a in (0.999, 1.0, 1.001)]  # fmt: skip
        assert at[1] == pytest.approx((at[0] + at[2]) / 2, rel=1e-5)
    p = [float(fitted("pareto_nbd", 0.5, 5.0, s, 9.0).expected(history, days=200)[0])
         for s in (0.999, 1.0, 1.001)]  # fmt: skip
    assert p[1] == pytest.approx((p[0] + p[2]) / 2, rel=1e-5)


def test_intervals_of_three_kinds_agree(cdnow: pd.DataFrame) -> None:
    model = fit_purchases(cdnow, model="bg_nbd")
    delta = purchase_interval(cdnow, model, "r")
    profile = purchase_interval(cdnow, model, "r", method="profile")
    drawn = purchase_interval(cdnow, model, "r", method="bootstrap", replicates=25, seed=1)
    assert (round(delta.lower, 4), round(delta.upper, 4)) == (0.2192, 0.2685)
    assert (round(profile.lower, 4), round(profile.upper, 4)) == (0.2193, 0.2686)
    assert drawn.lower == pytest.approx(0.2192, abs=0.012)
    assert drawn.upper == pytest.approx(0.2685, abs=0.015)
    total = purchase_interval(cdnow, model, days=273, seed=1)
    assert total.estimate == pytest.approx(float(model.expected(cdnow, days=273).sum()))
    assert total == purchase_interval(cdnow, model, days=273, seed=1)
    assert 1882 not in total
    with pytest.raises(DataError, match="seed"):
        purchase_interval(cdnow, model, days=273)
    with pytest.raises(UnknownNameError, match="alpha"):
        purchase_interval(cdnow, model, "beta")


def test_segments_gain_what_their_likelihoods_gain(cdnow: pd.DataFrame) -> None:
    split = cdnow.assign(cohort=np.where(np.arange(len(cdnow)) % 2, "odd", "even"))
    found = fit_by_segment(split, "cohort")
    apart = sum(fit_purchases(part).log_likelihood for _, part in split.groupby("cohort"))
    assert found.likelihood_ratio == pytest.approx(2 * (apart - found.pooled.log_likelihood))
    assert found.p_value > 0.01
    tilted = split.assign(cohort=np.where(split["repeats"] > 2, "many", "few"))
    assert fit_by_segment(tilted, "cohort").p_value < 1e-6


def test_value_is_discounted_month_by_month(cdnow: pd.DataFrame) -> None:
    few = cdnow[(cdnow["repeats"] == 0) | (cdnow["mean_amount"] > 0)].head(300)
    model, spend = fit_purchases(few), fit_spend(few)
    free = purchase_value(few, model, spend, horizon_days=365.25, yearly_rate=0.0, margin=0.3)
    plain = model.expected(few, days=365.25) * spend.expected(few) * 0.3
    np.testing.assert_allclose(free["value"], plain, rtol=1e-9)
    dear = purchase_value(few, model, spend, horizon_days=365.25, yearly_rate=0.08, margin=0.3)
    ends = np.arange(1, 13) / 12
    reached = np.array([model.expected(few, days=365.25 * e).to_numpy() for e in ends])
    bought = np.diff(reached, axis=0, prepend=np.zeros((1, len(few))))
    value = (bought / (1.08 ** (ends - 1 / 24))[:, None]).sum(axis=0) * spend.expected(few) * 0.3
    np.testing.assert_allclose(dear["value"], value, rtol=1e-9)
    amounts = spend.expected(few)
    own, mean = few["mean_amount"], spend.mean
    shrunk = few["repeats"] > 0
    low, high = np.minimum(own, mean), np.maximum(own, mean)
    assert ((amounts >= low - 1e-9) & (amounts <= high + 1e-9))[shrunk].all()
    assert np.allclose(amounts[~shrunk], mean)


def test_history_counts_days_and_knows_nothing_of_later_ones() -> None:
    rows = pd.DataFrame(
        {
            "customer_id": [1, 1, 1, 1, 2, 1, 3],
            "date": pd.to_datetime(
                ["2026-01-01", "2026-01-01", "2026-01-11", "2026-01-12", "2026-01-05", "2026-02-01",
                 "2026-01-07"]
            ),
            "amount": [10.0, 5.0, 30.0, -8.0, 7.0, 99.0, -3.0],
            "kind": ["payment"] * 4 + ["interest"] + ["payment"] * 2,
        }
    )  # fmt: skip
    found = purchase_history(rows, as_of="2026-01-31")
    assert found.index.tolist() == [1, 2]  # a customer with refunds only has bought nothing
    assert found.loc[1].tolist() == [1, 10, 30, 22.0, 15.0, 37.0]
    assert found.attrs["left_out"] == {"after_as_of": 1, "not_own": 0}
    own = purchase_history(rows, as_of="2026-01-31", own_only=True)
    assert own.index.tolist() == [1]
    with pytest.raises(DataError, match="amount"):
        purchase_history(rows.drop(columns="amount"), as_of="2026-01-31")


def test_what_cannot_be_fitted_is_refused(cdnow: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="has a repeat"):
        fit_purchases(cdnow[cdnow["repeats"] == 0])
    with pytest.raises(DataError, match="are no history"):
        fit_purchases(cdnow.assign(span_days=cdnow["age_days"] + 1))
    with pytest.raises(UnknownNameError, match="mbg_nbd"):
        fit_purchases(cdnow, model="nbd")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no finite one above 0"):
        fit_spend(cdnow.assign(mean_amount=-1.0))
    with pytest.raises(DataError, match="not after as_of"):
        holdout_check(pd.DataFrame(), as_of="2026-01-31", until="2026-01-31")


def test_the_likelihood_is_that_of_one_customer_written_out() -> None:
    """BG/NBD of one customer by the printed formula."""
    from bankcrm.valuation.lifetime import bg_nbd
    from bankcrm.valuation.lifetime.cells import Cells

    r, alpha, a, b, x, span, age = 0.5, 6.0, 0.8, 2.5, 3, 20.0, 30.0
    one = Cells(*(np.array([float(v)]) for v in (x, span, age, 1)))
    a1 = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    a2 = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    a3, a4 = (alpha + age) ** -(r + x), a / (b + x - 1) * (alpha + span) ** -(r + x)
    value, _ = bg_nbd.score_of(one, 0)(np.log([r, alpha, a, b]), one.weights)
    assert value == pytest.approx(a1 + a2 + np.log(a3 + a4))
