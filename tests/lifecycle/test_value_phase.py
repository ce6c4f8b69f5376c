"""Value phases and the trend that they rest on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.lifecycle import (
    assign_value_phases,
    value_facts,
)
from bankcrm.policy import Policy, default_policy

POLICY = default_policy("lifecycle")


def phase(trend: float, months: float = 40, policy: Policy | None = None) -> Any:
    facts = pd.DataFrame({"months_since_contract": [months], "value_trend": [trend]})
    return assign_value_phases(facts, policy=policy)["value_phase"].iloc[0]


def test_phases_follow_the_trend() -> None:
    assert phase(0.3) == "growth"
    assert phase(0.0) == "maturity"
    assert phase(-0.3) == "decline"
    assert phase(0.3, months=2) == "introduction"
    assert pd.isna(phase(np.nan))
    assert pd.isna(phase(0.3, months=np.nan))


def test_a_straight_line_has_its_slope_as_trend() -> None:
    dates = pd.date_range("2025-04-30", periods=12, freq="ME")
    age = (dates - dates[0]).days.to_numpy()
    rows = [
        pd.DataFrame({"customer_id": c, "date": dates, "balance": 1000 * (1 + r * age / 365.25)})
        for c, r in ((1, 0.5), (2, 0.0), (3, -0.4))
    ]
    values = pd.concat([*rows, rows[0].iloc[:2].assign(customer_id=4)])
    customers = pd.DataFrame(
        {"customer_id": [1, 2, 3, 4, 5], "contract_date": pd.Timestamp("2020-01-01")}
    )
    facts = value_facts(customers, values, as_of="2026-03-31")
    level = [1000 * (1 + r * age.mean() / 365.25) for r in (0.5, 0.0, -0.4)]
    found = facts["value_trend"].to_numpy()
    assert np.allclose(found[:3], [500 / level[0], 0, -400 / level[2]])
    assert facts["trend_known"].tolist() == [True, True, True, False, False]
    assert assign_value_phases(facts)["value_phase"].astype(object).tolist()[:3] == [
        "growth",
        "maturity",
        "decline",
    ]
    both = values.assign(contribution=values["balance"] / 100)
    again = value_facts(customers, both, as_of="2026-03-31")
    assert np.allclose(again["value_trend"][:3], found[:3])
    halves = pd.concat([values.assign(balance=values["balance"] / 2)] * 2)
    assert np.allclose(
        value_facts(customers, halves, as_of="2026-03-31")["value_trend"][:3], found[:3]
    )
    empty = value_facts(
        customers.drop(columns="contract_date"), values.iloc[:0], as_of="2026-03-31"
    )
    assert not empty["trend_known"].any()
    assert empty["months_since_contract"].isna().all()
    nothing = value_facts(customers, values[["customer_id", "date"]], as_of="2026-03-31")
    assert not nothing["trend_known"].any()


WINDOW = POLICY.value("trend_days")
AGES = st.integers(0, 5) | st.sampled_from([-1, WINDOW - 1, WINDOW])  # the last is too old
valued_days = st.lists(
    st.tuples(st.integers(0, 3), AGES, st.integers(1, 100)), min_size=1, max_size=40
)


@given(valued_days)
@example([(0, age, age + 2) for age in (-1, 0, 3, WINDOW - 1, WINDOW)])
def test_a_trend_is_the_line_through_the_totals_of_the_days(rows: list[tuple[int, ...]]) -> None:
    """Customer by customer by numpy's own least squares, days close together."""
    values = pd.DataFrame(rows, columns=["customer_id", "date", "balance"])
    values["date"] *= -1
    recent = values[values["date"].between(1 - WINDOW, 0)]
    totals = recent.groupby(["customer_id", "date"])["balance"].sum()
    values["date"] = pd.Timestamp("2026-03-10") + pd.to_timedelta(values["date"], unit="D")
    customers = pd.DataFrame({"customer_id": range(4)})
    found = value_facts(customers, values, as_of="2026-03-10")["value_trend"]
    for customer in range(4):
        own = totals[totals.index.get_level_values("customer_id") == customer].droplevel(0)
        if len(own) < POLICY.value("trend_points"):
            assert np.isnan(found[customer])
        else:
            slope = np.polyfit(own.index.to_numpy(dtype=float), own.to_numpy(dtype=float), 1)[0]
            assert found[customer] == pytest.approx(slope * 365.25 / own.mean(), abs=1e-6, rel=1e-6)


def test_errors_of_values_name_their_frame() -> None:
    customers = pd.DataFrame({"customer_id": [1, 2]})
    values = pd.DataFrame({"customer_id": [7], "date": pd.to_datetime(["2026-03-01"])})
    with pytest.raises(DataError, match=r"customers\.customer_id: duplicate key"):
        value_facts(pd.concat([customers, customers]), values, as_of="2026-03-31")
    with pytest.raises(DataError, match=r"values\.customer_id: 1 rows .*\(7\)"):
        value_facts(customers, values, as_of="2026-03-31")
    with pytest.raises(DataError, match=r"values\.date: missing column"):
        value_facts(customers, values[["customer_id"]], as_of="2026-03-31")
