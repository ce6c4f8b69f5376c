"""Simulations of small steps on a few rows, decided by hand."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest

from bankcrm.pipeline import STEPS, Decision, Step
from bankcrm.policy import PolicySet, default_policies, default_policy
from bankcrm.rules import DecisionTable, Rule
from bankcrm.simulation import Impact, challenge, simulate
from bankcrm.simulation.comparison import _change, _impact

CURRENT = default_policies()
FACTS = pd.DataFrame({"a": [1, 2, 3, 4]}, index=pd.Index([11, 12, 13, 14], name="customer_id"))


def size_table(limit: int) -> DecisionTable:
    rules = (Rule("big", {"x": f">= {limit}"}, "large", because=f"from {limit}"),
             Rule("little", {}, "small", because="the rest"))  # fmt: skip
    return DecisionTable("size", rules)


def with_tables(*tables: DecisionTable) -> PolicySet:
    policy = default_policy("lifecycle")
    for table in tables:
        policy = policy.with_table(table)
    return CURRENT.with_policy(policy)


def doubled(columns: pd.DataFrame, policies: PolicySet) -> pd.DataFrame:
    return pd.DataFrame({"x": columns["a"] * 2})


SIZE = Step("size", "size", "lifecycle", derive=doubled, derives_from=("a",),
            decisions=(Decision("size", "size"),))  # fmt: skip
KINDS = Step("kinds", "kinds", "lifecycle", decisions=(Decision("kinds", ""),))


def simulated(facts: pd.DataFrame, before: int, after: int, **more: Any) -> Impact:
    tables = (size_table(before), size_table(after))
    return simulate(facts, *map(with_tables, tables), steps=(SIZE,), **more)


def test_a_derived_column_is_decided_by_both_sets() -> None:
    """Twice 2 and 3 lie between the limits; nothing but the column that is derived from."""
    impact = simulated(FACTS, 4, 8)
    change = impact.decisions["size"]
    assert impact.moved.tolist() == [12, 13]
    assert change.moved["before"].tolist() == ["large"] * 2
    assert change.moved["after"].tolist() == ["small"] * 2
    assert change.migration.loc["large", ["large", "small"]].tolist() == [1, 2]
    assert change.value is None
    [reason] = change.reasons.to_dict("records")
    assert reason == {
        "rule_before": "big", "rule_after": "little", "count": 2, "value": 0.0,
        "because": "the rest",
    }  # fmt: skip
    assert simulated(FACTS, 4, 4).moved.empty
    absent = simulate(FACTS.assign(x=[9, 0, 9, 0]).drop(columns="a"), with_tables(size_table(4)),
                      with_tables(size_table(10)), steps=(SIZE,))  # fmt: skip
    assert absent.moved.tolist() == [11, 13], "a column that is there is not derived"


@pytest.mark.parametrize(
    ("amounts", "known"), [([1.0, None, 4.0, 8.0], True), ([None] * 4, False), ([0.0] * 4, True)]
)
def test_the_value_is_that_of_the_rows_that_move(amounts: list[float], known: bool) -> None:
    facts = FACTS.assign(worth=pd.array(amounts, "Float64"))
    change = simulated(facts, 4, 8, value="worth").decisions["size"]
    moved = sum(a or 0.0 for a in amounts[1:3])
    assert change.reasons["value"].tolist() == [moved]
    assert (change.value is not None) == known
    if change.value is not None:
        assert change.value.loc["large", "small"] == moved
        assert change.value.to_numpy().sum() == sum(a or 0.0 for a in amounts)
    assert simulated(facts, 4, 8).decisions["size"].value is None, "no contribution is known"


def test_a_table_of_one_set_alone_is_skipped_with_its_reason() -> None:
    both = (*STEPS, SIZE)
    facts = FACTS.assign(tier=["key", "premium", "ordinary", "key"])
    one, two = CURRENT, with_tables(size_table(4))
    for before, after in ((one, two), (two, one)):
        impact = simulate(facts, before, after, steps=both)
        assert "size" not in impact.decisions
        assert "size" in impact.skipped["size"]
        assert "resource_level" in impact.decisions
        assert "resource_level" not in impact.skipped
    assert "size" in simulate(facts, two, two, steps=both).decisions


def test_facts_that_change_are_decided_anew() -> None:
    """Same tables, but facts that depend on the policies: as in the reviews of a book."""
    policies = with_tables(size_table(4))
    other = FACTS.assign(a=[1, 1, 3, 1])
    impact = _impact(FACTS, other, policies, policies, "worth", (SIZE,), {})
    assert impact.moved.tolist() == [12, 14]
    assert impact.changes == ()


def test_rules_that_a_table_collects_have_their_reasons() -> None:
    def table(limit: int) -> DecisionTable:
        rules = (Rule("one", {"a": f">= {limit}"}, 1, because="first"),
                 Rule("two", {"a": ">= 3"}, 1, because="second"))  # fmt: skip
        return DecisionTable("kinds", rules, hit_policy="collect")

    change = simulate(FACTS, with_tables(table(4)), with_tables(table(2)), steps=(KINDS,))
    reasons = change.decisions["kinds"].reasons
    found = dict(zip(reasons["rule_after"].astype(str), reasons["because"], strict=True))
    assert found == {"one": "first", "one+two": "first; second"}
    assert change.moved.tolist() == [12, 13]


def test_a_decision_applies_where_its_column_is_true() -> None:
    """The others are undecided on both sides, and do not move."""
    step = attrs.evolve(SIZE, decisions=(Decision("size", "size", where="ours"),))
    facts = FACTS.assign(ours=[True, True, False, True])
    policies = [with_tables(size_table(limit)) for limit in (4, 8)]
    change = simulate(facts, *policies, steps=(step,)).decisions["size"]
    assert change.moved.index.tolist() == [12]
    assert change.migration.loc["(undecided)", "(undecided)"] == 1
    wider = facts.assign(ours=True)
    impact = _impact(facts, wider, policies[0], policies[0], "worth", (step,), {})
    assert impact.decisions["size"].moved["before"].tolist() == ["(undecided)"]
    assert impact.moved.tolist() == [13]


def test_what_one_side_lacks_counts_as_none() -> None:
    before, after = {"product": 3, "risk": 2}, {"risk": 5, "branch": 4}
    made = _change(before, after, "department")
    assert made.index.tolist() == ["product", "risk", "branch"]
    for name, row in made.iterrows():
        old, new = before.get(str(name), 0), after.get(str(name), 0)
        assert row.tolist() == [old, new, new - old]


def test_tables_of_tiers_and_stages_that_one_side_lacks() -> None:
    """Nothing is added up where one side decides nothing."""
    facts = FACTS.assign(
        tier=["key", "premium", "ordinary", "key"], stage=["active", "new", "lost", "active"]
    )
    known = simulate(facts, CURRENT, CURRENT)
    assert (len(known.cost), len(known.workload), len(known.resources) > 0) == (0, 0, True)
    policy = CURRENT["segmentation"]
    tables = {n: t for n, t in policy.tables.items() if n != "resource_level"}
    lacking = CURRENT.with_policy(attrs.evolve(policy, tables=tables))
    steps = (*STEPS, SIZE)
    more = (
        with_tables(size_table(4)),
        lacking.with_policy(with_tables(size_table(4))["lifecycle"]),
    )
    for sides in (more, more[::-1]):
        impact = simulate(facts, *sides, steps=steps)
        assert (len(impact.resources), list(impact.decisions)) == (0, ["size"])


def test_results_with_frames_are_compared_by_identity() -> None:
    one, two = simulated(FACTS, 4, 8), simulated(FACTS, 4, 8)
    assert one != two
    assert one.decisions["size"] != two.decisions["size"]
    assert len({one, two, one}) == 2


def test_written_moves_have_the_columns_of_the_frame(tmp_path: Any) -> None:
    impact = simulated(FACTS, 4, 8)
    impact.write(tmp_path)
    moves = pd.read_csv(tmp_path / "moves.csv")
    assert moves.columns.tolist() == impact.moves.columns.tolist()
    assert moves["id"].tolist() == [12, 13]
    cost = pd.read_csv(tmp_path / "cost.csv")
    assert cost.columns.tolist() == ["measure", "before", "after", "change"]
    assert cost.empty


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_each_row_of_a_trial_is_decided_by_one_table(share: float) -> None:
    facts = pd.DataFrame({"x": np.arange(20)}, index=pd.Index(range(20), name="customer_id"))
    tables = {"champion": size_table(5), "challenger": size_table(15)}
    made = challenge(*tables.values(), facts, share=share, trial="t")
    assert made.columns.tolist() == ["arm", "outcome", "rule", "fingerprint"]
    assert made.index.tolist() == facts.index.tolist()
    for x, row in made.astype(object).iterrows():
        table = tables[row["arm"]]
        limit = {"champion": 5, "challenger": 15}[row["arm"]]
        large = int(str(x)) >= limit
        assert row["outcome"] == ("large" if large else "small")
        assert (row["rule"], row["fingerprint"]) == (
            "big" if large else "little",
            table.fingerprint,
        )
    assert {str(t) for t in made.dtypes} == {"category"}


TIERS = DecisionTable("tier", (Rule("high", {"a": ">= 3"}, "key"), Rule("low", {}, "ordinary")))
TIER = Step("tier", "tiers", "segmentation", decisions=(Decision("tier", "tier"),))


def with_tier_from(limit: int) -> PolicySet:
    first = attrs.evolve(TIERS.rules[0], when={"a": f">= {limit}"})
    table = attrs.evolve(TIERS, rules=(first, TIERS.rules[1]))
    return CURRENT.with_policy(default_policy("segmentation").with_table(table))


def test_what_tiers_cost_before_and_after_by_a_loop() -> None:
    facts = FACTS.assign(fees=[10.0, 20.0, None, 41.234])
    before, after = with_tier_from(4), with_tier_from(2)
    impact = simulate(facts, before, after, steps=(TIER,))
    policy = CURRENT["segmentation"]
    share = {r["tier"]: r["price_discount"] for r in policy.raw_records["entitlement"]}
    weight = policy.value("allocation_weight")
    for side, limit in (("before", 4), ("after", 2)):
        tiers = ["key" if a >= limit else "ordinary" for a in facts["a"]]
        fees = facts["fees"].fillna(0.0)
        discounts = sum(f * share[t] for f, t in zip(fees, tiers, strict=True))
        assert impact.cost.loc["discounts", side] == pytest.approx(discounts)
        assert impact.cost.loc["service_weight", side] == sum(weight[t] for t in tiers)
    assert (impact.cost["change"] == impact.cost["after"] - impact.cost["before"]).all()
    assert impact.cost["change"].all()


def test_tiers_that_one_side_does_not_decide_cost_nothing() -> None:
    decided = with_tier_from(4)
    policy = CURRENT["segmentation"]
    tables = {name: t for name, t in policy.tables.items() if name != "tier"}
    lacking = CURRENT.with_policy(attrs.evolve(policy, tables=tables))
    both = [p.with_policy(with_tables(size_table(4))["lifecycle"]) for p in (decided, lacking)]
    for sides in (both, both[::-1]):
        impact = simulate(FACTS, *sides, steps=(TIER, SIZE))
        assert (len(impact.cost), list(impact.decisions)) == (0, ["size"])


def test_the_text_shows_costs_to_the_cent() -> None:
    cost = pd.DataFrame({"before": [1.0], "after": [2.23456], "change": [1.23456]}, ["discounts"])
    text = str(attrs.evolve(simulated(FACTS, 4, 4), cost=cost))
    [table] = [part for part in text.split("\n\n") if part.startswith("what it costs")]
    assert table.split()[-3:] == ["1.0", "2.23", "1.23"]
