"""What would change is counted once, for every customer, with its reason."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.datasets import make_book
from bankcrm.errors import DataError
from bankcrm.policy import PolicySet, default_policies, default_policy
from bankcrm.reviews import review
from bankcrm.risk.watch_list.assessment import RISKS
from bankcrm.simulation import challenge, simulate, split

CURRENT = default_policies()


def with_lost_after(days: int) -> PolicySet:
    return CURRENT.with_policy(default_policy("lifecycle").with_parameters(lost_after_days=days))


def facts(rows: int, seed: int = 1) -> pd.DataFrame:
    """Facts of a bank's customers, for every table of the chain."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "kind": random.choice(["person", "company"], rows),
            "has_contract": random.random(rows) < 0.9,
            "closed": random.random(rows) < 0.05,
            "contacted": True,
            "inquired": True,
            "quiet_product": random.random(rows) < 0.1,
            "days_since_contract": random.integers(0, 3000, rows),
            "days_idle": random.integers(0, 900, rows),
            "activity_ratio": random.gamma(2, 0.5, rows),
            "credit_standing": random.choice(["good", "watch", "bad"], rows, p=[0.9, 0.07, 0.03]),
            "risk": random.uniform(0, 100, rows),
            "contribution": random.lognormal(7, 2, rows) - 500,
            "value_score": random.uniform(0, 100, rows),
            "growth": random.uniform(0, 100, rows),
        },
        index=pd.Index(range(1000, 1000 + rows), name="customer_id"),
    )


FACTS = facts(500)


def test_the_same_policies_change_nothing() -> None:
    impact = simulate(FACTS, CURRENT, default_policies())
    assert (len(impact.moved), impact.changes) == (0, ())
    assert {"stage", "tier", "resource_level"} <= set(impact.decisions)
    risks = {f"{risk}_risk" for risk in RISKS}
    assert set(impact.skipped) == {"rfm_segment", "rfm_level", "warning", "warning_level", *risks}
    assert impact.skipped["rfm_segment"].startswith("no column ")
    assert str(impact) == "0 changes of policy, 0 rows move"


def test_what_changes_is_what_two_runs_tell() -> None:
    """Against the slow way: decide twice, compare customer by customer."""
    proposed = with_lost_after(200)
    impact = simulate(FACTS, CURRENT, proposed)
    before = CURRENT["lifecycle"].table("stage").decide_frame(FACTS)
    after = proposed["lifecycle"].table("stage").decide_frame(FACTS)
    differs = before["outcome"].astype(str) != after["outcome"].astype(str)
    stage = impact.decisions["stage"]
    assert list(stage.moved.index) == list(FACTS.index[differs]) == list(impact.moved)
    assert list(stage.moved["before"]) == list(before.loc[differs, "outcome"])
    assert list(stage.moved["rule_after"]) == list(after.loc[differs, "rule"])
    assert stage.migration.to_numpy().sum() == stage.rows == len(FACTS)
    assert (
        stage.migration.loc["dormant", "lost"]
        == ((before["outcome"] == "dormant") & (after["outcome"] == "lost")).sum()
    )
    assert stage.value is not None
    assert stage.value.to_numpy().sum() == pytest.approx(FACTS["contribution"].sum())
    assert stage.reasons["count"].sum() == len(stage.moved)
    assert stage.reasons["value"].sum() == pytest.approx(
        FACTS.loc[stage.moved.index, "contribution"].sum()
    )
    assert stage.reasons.loc[0, "because"]
    assert impact.changes == ("lifecycle: parameters.lost_after_days.value: 365 -> 200",)
    message = str(impact)
    assert "lifecycle.stage: " in message
    assert "department" in message


def test_a_change_flows_down_the_chain() -> None:
    """A figure of one table moves the outcomes of the tables after it."""
    segmentation = default_policy("segmentation")
    line = segmentation.value("key_contribution") / 2
    proposed = CURRENT.with_policy(segmentation.with_parameters(key_contribution=line))
    impact = simulate(FACTS, CURRENT, proposed)
    assert len(impact.decisions["tier_value"].moved)
    assert len(impact.decisions["tier"].moved)
    assert len(impact.decisions["stage"].moved) == 0
    assert impact.resources["change"].sum() == 0
    assert impact.resources["change"].abs().sum() > 0
    union = set().union(*(d.moved.index for d in impact.decisions.values()))
    assert set(impact.moved) == union


def test_work_and_resources_are_counted() -> None:
    impact = simulate(FACTS, CURRENT, with_lost_after(200))
    assert (impact.workload["after"] - impact.workload["before"]).equals(
        impact.workload["change"].rename(None)
    )
    assert impact.workload["before"].sum() > len(FACTS) / 2
    stage = CURRENT["lifecycle"].table("stage").decide_frame(FACTS)["outcome"]
    customers = stage.isin(["new", "active", "dormant"]).sum()
    assert impact.resources["before"].sum() == customers < len(FACTS)


def test_missing_facts_are_undecided_on_both_sides() -> None:
    holes = FACTS.astype({"days_idle": "Int64"})
    holes.loc[holes.index[:10], "days_idle"] = pd.NA
    impact = simulate(holes, CURRENT, with_lost_after(200))
    assert "(undecided)" in impact.decisions["stage"].migration.index


def test_facts_that_decide_nothing_are_reported() -> None:
    with pytest.raises(DataError, match="no row to simulate on"):
        simulate(FACTS.iloc[:0], CURRENT, CURRENT)
    with pytest.raises(DataError, match=r"no table can be decided \(stage: no column"):
        simulate(pd.DataFrame({"x": [1]}), CURRENT, CURRENT)


def test_a_frame_without_value_has_none() -> None:
    impact = simulate(FACTS[["closed"]].assign(tier="key"), CURRENT, CURRENT)
    assert impact.decisions["resource_level"].value is None
    assert list(impact.decisions) == ["resource_level"]
    assert len(impact.workload) == 0


def test_a_book_is_reviewed_under_both() -> None:
    book = make_book(120, seed=3)
    proposed = with_lost_after(120)
    impact = simulate(book, CURRENT, proposed)
    assert book.as_of is not None
    before = review(book, as_of=book.as_of, policies=CURRENT).customers["stage"].astype(str)
    after = review(book, as_of=book.as_of, policies=proposed).customers["stage"].astype(str)
    assert list(impact.decisions["stage"].moved.index) == list(before.index[before != after])
    assert {"severity", "route"} <= set(impact.decisions)
    assert len(impact.decisions["route"].moved) == 0


def test_a_change_for_complaints_is_seen_in_a_book() -> None:
    book = make_book(200, seed=3)
    policy = default_policy("complaints")
    name = next(n for n in policy.parameters if "amount" in n and not n.startswith("not_stated"))
    proposed = CURRENT.with_policy(policy.with_parameters(**{name: 0.01}))
    impact = simulate(book, CURRENT, proposed, as_of=book.as_of)
    assert impact.decisions["severity"].rows == len(
        review(book, as_of=book.as_of, policies=CURRENT).complaints
    )


# --- champion and challenger ---


def test_the_split_is_stable() -> None:
    """Frozen answers: the same on every platform and in every version."""
    arms = split(range(1, 13), share=0.3, trial="spring")
    assert [int(i) for i, arm in arms.items() if arm == "challenger"] == FROZEN
    texts = split([str(i) for i in range(1, 13)], share=0.3, trial="spring")
    assert list(arms) == list(texts)


FROZEN = [5, 8, 12]


@given(
    st.lists(st.integers(0, 10**12), max_size=30),
    st.floats(0, 1),
    st.floats(0, 1),
    st.text(max_size=5),
)
def test_a_larger_share_keeps_who_is_in(ids: list[int], a: float, b: float, trial: str) -> None:
    low, high = sorted((a, b))
    small = split(ids, share=low, trial=trial) == "challenger"
    large = split(ids, share=high, trial=trial) == "challenger"
    assert (large | ~small).all()


def test_the_share_is_about_right_and_trials_do_not_fall_together() -> None:
    one = split(range(20_000), share=0.2, trial="a") == "challenger"
    two = split(range(20_000), share=0.2, trial="b") == "challenger"
    assert 0.19 < one.mean() < 0.21
    assert 0.03 < (one & two).mean() < 0.05
    assert split([1, 2], share=0, trial="a").tolist() == ["champion"] * 2
    assert split([1, 2], share=1, trial="a").tolist() == ["challenger"] * 2


def test_bad_splits_are_refused() -> None:
    with pytest.raises(DataError, match=r"share: 1\.5"):
        split([1], share=1.5, trial="a")
    with pytest.raises(DataError, match="1 missing"):
        split([1, None], share=0.5, trial="a")


def test_each_arm_is_decided_by_its_table() -> None:
    champion = CURRENT["lifecycle"].table("stage")
    challenger = with_lost_after(200)["lifecycle"].table("stage")
    decided = challenge(champion, challenger, FACTS, share=0.4, trial="spring")
    arm = split(FACTS.index, share=0.4, trial="spring")
    assert decided.index.equals(FACTS.index)
    assert list(decided["arm"]) == list(arm)
    one, two = (t.decide_frame(FACTS)["outcome"].astype(str) for t in (champion, challenger))
    expected = one.where((arm == "champion").to_numpy(), two)
    assert list(decided["outcome"].astype(str)) == list(expected)
    assert set(decided["fingerprint"]) == {champion.fingerprint, challenger.fingerprint}
    undecided = challenge(
        champion,
        challenger,
        FACTS.assign(closed=None),
        share=0.5,
        trial="x",
        on_missing="undecided",
    )
    assert undecided["outcome"].isna().any()


def test_dated_policies_are_narrowed_to_the_day() -> None:
    impact = simulate(FACTS, CURRENT, CURRENT, as_of=date(2026, 6, 30))
    assert len(impact.moved) == 0
