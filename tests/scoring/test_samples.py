"""Samples of outcomes: nothing of the window in the facts; tests on later days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pandas as pd
import pytest

from bankcrm.errors import DataError
from bankcrm.scoring import (
    backtest,
    check_card,
    fit_card,
    outcome_samples,
    score_card,
    stability,
)

CUSTOMERS = 400
DAYS = [dt.date(2026, 1, 1) + dt.timedelta(days=90 * i) for i in range(5)]


def purchases(seed: int = 1, customers: int = CUSTOMERS) -> pd.DataFrame:
    """Who bought which product on which day; holders of a card buy insurance more often."""
    rng = np.random.default_rng(seed)
    start = np.datetime64("2025-06-01")
    card = pd.DataFrame({"customer_id": np.arange(customers), "product": "card"})
    card["date"] = start + rng.integers(0, 700, customers).astype("timedelta64[D]")
    loan = card.assign(product="loan")
    loan["date"] = card["date"].to_numpy() + rng.exponential(200, customers).astype(
        "timedelta64[D]"
    )
    loan = loan[rng.random(customers) < 0.7]
    return pd.concat([card, loan], ignore_index=True)


Facts: TypeAlias = Callable[[dt.date], pd.DataFrame]
Event: TypeAlias = Callable[[dt.date, dt.date], pd.Series]


def holdings(bought: pd.DataFrame, customers: int = CUSTOMERS) -> tuple[Facts, Event]:
    def facts(day: dt.date) -> pd.DataFrame:
        known = bought[bought["date"] <= pd.Timestamp(day)]
        frame = pd.DataFrame(index=pd.RangeIndex(customers))
        for product in ("card", "loan"):
            frame[product] = frame.index.isin(known["customer_id"][known["product"] == product])
        first = known.groupby("customer_id")["date"].min()
        frame["days_as_customer"] = (pd.Timestamp(day) - first).dt.days.reindex(frame.index)
        return frame[~frame.pop("loan")]  # a loan is bought once

    def event(day: dt.date, last: dt.date) -> pd.Series:
        new = bought[(bought["product"] == "loan") & (bought["date"] > pd.Timestamp(day))]
        new = new[new["date"] <= pd.Timestamp(last)]
        return pd.Series(pd.RangeIndex(customers).isin(new["customer_id"]), index=range(customers))

    return facts, event


def test_a_product_bought_in_the_window_is_not_held_at_its_start() -> None:
    bought = purchases()
    samples = outcome_samples(*holdings(bought), as_ofs=DAYS, horizon_days=90)
    dates = bought.pivot(index="customer_id", columns="product", values="date")
    for day, customer in samples.facts.index[::5]:
        has = dates["card"].get(customer)
        assert samples.facts["card"].loc[(day, customer)] == (has <= day)
        loan = dates["loan"].get(customer)
        in_window = pd.notna(loan) and day < loan <= day + pd.Timedelta(days=90)
        assert samples.event.loc[(day, customer)] == in_window


def test_what_happens_after_a_day_changes_no_fact_of_it() -> None:
    bought = purchases()
    later = bought.assign(
        date=bought["date"].where(
            bought["date"] <= pd.Timestamp(DAYS[2]), bought["date"] + pd.Timedelta(days=400)
        )
    )
    one, other = (
        outcome_samples(*holdings(b), as_ofs=DAYS[:3], horizon_days=90) for b in (bought, later)
    )
    pd.testing.assert_frame_equal(one.facts, other.facts)
    assert not one.event.equals(other.event)


def test_customers_whose_event_is_unknown_are_left_out_and_counted() -> None:
    facts = pd.DataFrame({"x": [1, 2, 3]}, index=["a", "b", "c"])
    windows = []

    def event(day: dt.date, last: dt.date) -> pd.Series:
        windows.append((str(day), str(last)))
        return pd.Series([True, None], index=["a", "b"], dtype="boolean")

    samples = outcome_samples(lambda day: facts, event, as_ofs=["2026-01-31"], horizon_days=30)
    assert windows == [("2026-01-31", "2026-03-02")]
    assert samples.facts.index.get_level_values(1).tolist() == ["a"]
    assert samples.left_out == 2
    assert repr(samples) == "<Samples: days 1, rows 1, events 1>"
    assert samples.days == (dt.date(2026, 1, 31),)


def test_a_test_day_lies_after_every_window_of_the_fit() -> None:
    samples = outcome_samples(*holdings(purchases()), as_ofs=DAYS, horizon_days=100)
    seen = []

    def fit(facts, event):  # type: ignore[no-untyped-def]
        seen.append(facts.index.unique(level="as_of"))
        return fit_card(facts, event)

    found = backtest(samples, fit=fit)
    assert len({found, samples, *found.tests}) == 5, "as objects: they hold frames"
    assert len(found.tests) == 3
    for one, days in zip(found.tests, seen, strict=True):
        assert (days + pd.Timedelta(days=100) <= pd.Timestamp(one.day)).all()
        assert tuple(d.date() for d in days) == one.fitted_on
    rows = []
    for day, t in zip(DAYS[2:], found.tests, strict=True):
        earlier = [d for d in DAYS if d + dt.timedelta(days=100) <= day]
        (then, event), (now, outcome) = samples.of(earlier), samples.of([day])
        assert t.card == fit_card(then, event)
        checks = check_card(score_card(now, t.card), outcome)
        drift = stability(now, t.card, then=then)
        pd.testing.assert_frame_equal(t.drift, drift)
        most = drift.index[drift.index != "points"][0]
        rows.append((day, len(now), outcome.sum(), checks.auc.estimate, checks.auc.lower,
                     checks.auc.upper, checks.ks, checks.predicted, outcome.mean(), len(earlier),
                     drift["psi"]["points"], most))  # fmt: skip
    columns = ["day", "rows", "events", "auc", "auc_lower", "auc_upper", "ks", "predicted",
               "observed", "fitted_days", "psi", "drifted"]  # fmt: skip
    expected = pd.DataFrame(rows, columns=columns).set_index("day")
    pd.testing.assert_frame_equal(found.frame(), expected)
    assert (expected["auc"] > 0.5).all()


def test_days_without_an_earlier_window_are_refused() -> None:
    samples = outcome_samples(*holdings(purchases()), as_ofs=DAYS[:2], horizon_days=400)
    with pytest.raises(DataError, match="no day after the end"):
        backtest(samples)
    for days, horizon in (([], 90), (DAYS, 0)):
        with pytest.raises(DataError, match=r"one day or more|horizon_days: .* from 1 "):
            outcome_samples(*holdings(purchases()), as_ofs=days, horizon_days=horizon)
    assert outcome_samples(*holdings(purchases()), as_ofs=DAYS, horizon_days=1).horizon_days == 1
    twice = pd.DataFrame({"x": [1, 2]}, index=["a", "a"])
    with pytest.raises(DataError, match="customers with several rows"):
        outcome_samples(lambda d: twice, lambda a, b: twice["x"], as_ofs=DAYS, horizon_days=9)
