"""Levels, entitlements, allocation and the plan it makes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError, InfeasibleError, UnknownNameError
from bankcrm.policy import default_policy
from bankcrm.segmentation import allocate, assign_managers, resource_levels, resource_rules
from bankcrm.segmentation.resources.levels import Entitlement
from bankcrm.vocabulary import Tier

POLICY = default_policy("segmentation")
TIERS = [tier.value for tier in Tier]

books = st.lists(
    st.tuples(st.sampled_from(TIERS), st.integers(1, 9)), min_size=1, max_size=40
).filter(lambda rows: any(tier != "restricted" for tier, _ in rows))


def book(rows: list[tuple[str, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["tier", "potential"]).rename_axis("customer_id")


@given(books, st.integers(0, 10**12))
def test_the_budget_is_shared_to_the_last_unit(rows: list[tuple[str, int]], budget: int) -> None:
    plan = allocate(book(rows), budget=budget)
    assert plan.customers["amount"].sum() == budget
    assert plan.tiers["amount"].sum() == budget
    by_tier = plan.customers.groupby(plan.customers["tier"].astype(str))["amount"].sum()
    for tier, amount in by_tier.items():
        assert amount == plan.tiers.loc[tier, "amount"]
    spread = plan.customers[plan.customers["tier"] != "potential"].groupby(
        plan.customers["tier"].astype(str)
    )["amount"]
    assert ((spread.max() - spread.min()) <= 1).all(), "alike inside a tier"


@given(books)
def test_a_head_of_a_better_tier_gets_no_less(rows: list[tuple[str, int]]) -> None:
    plan = allocate(book(rows).drop(columns="potential"), budget=10**9)
    tiers = plan.tiers[plan.tiers["customers"] > 0]
    per_head = tiers["amount"] / tiers["customers"]
    restricted_held = plan.tiers.loc["restricted", "amount"] == plan.tiers.loc["restricted", "cap"]
    ordered = per_head[per_head.index != "restricted"] if restricted_held else per_head
    assert (np.diff(ordered) <= 1).all(), "tiers stand best first"


def test_shares_of_the_budget_are_exact_decimals() -> None:
    """0.29 of 100 is 29 and 0.55 of 100 is 55, though the products of the floats are not."""
    floors = {**POLICY.value("allocation_floor"), "key": 0.29}
    caps = {**POLICY.value("allocation_cap"), "premium": 0.55}
    policy = POLICY.with_parameters(allocation_floor=floors, allocation_cap=caps)
    tiers = allocate(book([("premium", 1), ("key", 1)]), budget=100, policy=policy).tiers
    assert (tiers.loc["key", "floor"], tiers.loc["premium", "cap"]) == (29, 55)


def test_potential_customers_share_by_potential() -> None:
    plan = allocate(book([("potential", 9), ("potential", 1)]), budget=1000)
    assert plan.customers["amount"].tolist() == [900, 100]
    assert plan.customers["resource_level"].tolist() == ["selective"] * 2


def test_weights_floors_and_caps_of_customers() -> None:
    rows = book([("key", 1)] * 3).drop(columns="potential")
    assert allocate(rows.assign(weight=[3.0, 1.0, 0.0]), budget=8).customers["amount"].tolist() == [
        6,
        2,
        0,
    ]
    capped = allocate(rows.assign(cap=[10, None, None], floor=[0, 0, 50]), budget=100)
    assert capped.customers["amount"].tolist() == [10, 40, 50]
    some = allocate(rows.assign(floor=[None, 2, None], weight=[0.0, 0.0, 1.0]), budget=8)
    assert some.customers["amount"].tolist() == [0, 2, 6], "no floor is a floor of nothing"


def test_restricted_customers_are_cut_or_stopped() -> None:
    rows = book([("ordinary", 1)] * 5 + [("restricted", 1)] * 5)
    cut = allocate(rows, budget=1000)
    assert cut.tiers.loc["restricted", "amount"] == 50, "held by the cap of 5 %"
    assert "5.0% of the budget (its cap)" in cut.explain(5)
    weights = dict(POLICY.value("allocation_weight")) | {"restricted": 0.0}
    stopped = allocate(rows, budget=1000, policy=POLICY.with_parameters(allocation_weight=weights))
    assert stopped.tiers.loc["restricted", "amount"] == 0
    left_out = POLICY.with_parameters(allocation_weight={"ordinary": 1.0})
    unweighed = allocate(rows, budget=1000, policy=left_out)
    assert unweighed.tiers["amount"].to_dict() == stopped.tiers["amount"].to_dict()
    change = cut.compare(stopped)
    assert change["change"].sum() == 0
    assert (change.loc[5:, "change"] < 0).all()


def test_plans_of_different_customers_compare() -> None:
    one = allocate(book([("key", 1), ("key", 1)]), budget=10)
    two = allocate(book([("key", 1), ("premium", 1), ("key", 1)]), budget=10)
    change = one.compare(two)
    assert change["before"].tolist() == [5, 5, 0]
    assert change["after"].sum() == 10
    assert change.loc[1, ["tier_before", "tier_after"]].tolist() == ["key", "premium"]


def test_explain_says_why() -> None:
    floors = dict(POLICY.value("allocation_floor")) | {"ordinary": 0.5}
    policy = POLICY.with_parameters(allocation_floor=floors)
    rows = book([("premium", 1), ("ordinary", 1)])
    plan = allocate(rows, budget=1000, unit="minutes", policy=policy)
    text = plan.explain(1)
    assert "customer 1: 500 minutes of 1,000" in text
    assert "rule ordinary-maintain" in text
    assert "50.0% of the budget (its floor)" in text
    assert plan.fingerprint == policy.fingerprint
    assert plan.explain(0) == (
        "customer 0: 500 minutes of 1,000\n"
        "tier premium: level priority by rule premium-first\n"
        "the tier of 1 customers gets 500 minutes, 50.0% of the budget\n"
        "the customer's weight is 1 of the tier's 1"
    )
    assert "0 units" in allocate(rows, budget=0).explain(0)
    with pytest.raises(
        UnknownNameError, match="no customer 99 in the plan; ids are whole numbers, such as"
    ):
        plan.explain(99)


def test_every_tier_has_a_level_and_entitlements() -> None:
    levels = resource_levels(pd.DataFrame({"tier": TIERS}))
    assert dict(zip(TIERS, levels["resource_level"], strict=True)) == {
        "premium": "priority",
        "key": "increase",
        "ordinary": "maintain",
        "potential": "selective",
        "restricted": "reduce",
    }
    for tier in Tier:
        row = resource_rules(tier)
        assert row.tier is tier
        assert row.level == levels["resource_level"].iloc[TIERS.index(tier.value)]
    times = [resource_rules(t).response_hours for t in ("premium", "key", "ordinary")]
    assert times == sorted(times)


def test_entitlements_name_the_tiers_and_levels_that_there_are() -> None:
    words: dict[str, Any] = {
        "manager": "",
        "response_hours": 1.0,
        "price_discount": 0.0,
        "queue": "",
        "events": "",
    }
    with pytest.raises(UnknownNameError, match=r"no tier 'gold'; known: .*premium"):
        Entitlement("gold", "increase", **words)
    with pytest.raises(UnknownNameError, match=r"no resource level 'fat'; known: .*increase"):
        Entitlement("key", "fat", **words)


def test_bad_allocations_are_reported() -> None:
    rows = book([("key", 1), ("potential", 1)])
    for budget in (-1, 1.5, True):
        with pytest.raises(DataError, match="budget: "):
            allocate(rows, budget=budget)
    with pytest.raises(DataError, match="tier"):
        allocate(rows.assign(tier="gold"), budget=1)
    with pytest.raises(DataError, match="duplicate key"):
        allocate(pd.concat([rows, rows]), budget=1)
    for name, gaps in (("potential", 1), ("weight", 2)):
        with pytest.raises(DataError, match=f"{name}: null for {gaps} customers .*; fill it or"):
            allocate(rows.assign(**{name: np.nan}), budget=1)
    with pytest.raises(InfeasibleError, match="tiers: floors: they add up to 20, more than"):
        allocate(rows.assign(floor=10), budget=15)
    with pytest.raises(InfeasibleError, match="tier key: "):
        allocate(rows.iloc[[0]].assign(weight=0.0), budget=5)
    weights = POLICY.with_parameters(allocation_weight={"gold": 1.0})
    with pytest.raises(UnknownNameError, match="gold"):
        allocate(rows, budget=1, policy=weights)
    with pytest.raises(UnknownNameError, match="tier with entitlements 'gold'"):
        resource_rules("gold")
    with pytest.raises(DataError):
        resource_levels(pd.Series(["gold"]))


def test_a_customer_without_a_tier_gets_nothing() -> None:
    tiers = pd.DataFrame({"tier": ["premium", None, "ordinary"]}, index=[1, 2, 3])
    plan = allocate(tiers, budget=100)
    known = allocate(tiers.dropna(), budget=100)
    assert plan.customers["amount"].tolist() == [86, 0, 14]
    assert plan.customers["amount"].drop(2).tolist() == known.customers["amount"].tolist()
    pd.testing.assert_frame_equal(plan.tiers, known.tiers)
    nobody = pd.DataFrame({"tier": [None]}, index=[1])
    assert allocate(nobody, budget=0).customers["amount"].tolist() == [0]
    with pytest.raises(InfeasibleError, match="none has a tier"):
        allocate(nobody, budget=5)
    managers = pd.DataFrame({"manager_id": ["Li"], "capacity": [9]})
    found = assign_managers(tiers, managers)
    assert found["status"].tolist() == ["assigned", "none", "assigned"]
    assert found["reason"].tolist()[1] == "no_manager_due"
