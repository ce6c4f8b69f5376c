"""What would change is counted once, for every customer, with its reason."""

from __future__ import annotations

from collections import Counter
from datetime import date

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.datasets import make_book
from bankcrm.errors import DataError, PolicyError, UnknownNameError
from bankcrm.lifecycle import playbook
from bankcrm.policy import PolicySet, default_policies, default_policy
from bankcrm.reviews import review
from bankcrm.risk.watch_list.assessment import RISKS
from bankcrm.simulation import DecisionImpact, Impact, challenge, simulate, split
from bankcrm.simulation.impact import _short

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
    with pytest.raises(DataError, match=r"share: expected a share from 0 to 1, got the float 1\.5"):
        split([1], share=1.5, trial="a")
    with pytest.raises(DataError, match=r"null in 1 row \(row 1\)"):
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


# --- the whole result against loops ---


def decided_twice(table: str, proposed: PolicySet) -> list[tuple[int, str, str, str, str]]:
    """Customer, then outcome and rule before and after; a null is ``(undecided)``."""
    found = []
    for policies in (CURRENT, proposed):
        domain = next(p.domain for p in policies if table in p.tables)
        made = policies[domain].table(table).decide_frame(HOLES, on_missing="undecided")
        found.append(made[["outcome", "rule"]].astype(object).fillna("(undecided)"))
    return list(
        zip(
            HOLES.index.tolist(),
            *(column for frame in found for column in (frame["outcome"], frame["rule"])),
            strict=True,
        )
    )


HOLES = facts(400, seed=2).astype({"days_idle": "Int64", "contribution": "Float64"})
HOLES.iloc[:40, HOLES.columns.get_loc("days_idle")] = pd.NA
HOLES.iloc[30:60, HOLES.columns.get_loc("contribution")] = pd.NA


def test_moves_values_and_reasons_are_those_of_a_loop() -> None:
    proposed = with_lost_after(200)
    stage = simulate(HOLES, CURRENT, proposed).decisions["stage"]
    assert stage.value is not None
    weights = HOLES["contribution"].fillna(0.0).astype(float).to_dict()
    rows = decided_twice("stage", proposed)
    cells: dict[tuple[str, str], list[float]] = {}
    reasons: dict[tuple[str, str], list[float]] = {}
    for customer, before, rule, after, rule_after in rows:
        cells.setdefault((before, after), []).append(weights[customer])
        if before != after:
            reasons.setdefault((rule, rule_after), []).append(weights[customer])
    for old in stage.migration.index:
        for new in stage.migration.columns:
            expected = cells.get((old, new), [])
            assert stage.migration.loc[old, new] == len(expected)
            assert stage.value.loc[old, new] == pytest.approx(sum(expected))
    assert stage.migration.to_numpy().sum() == len(rows)
    counted = stage.reasons.astype({"rule_before": str, "rule_after": str})
    assert counted["count"].tolist() == sorted(map(len, reasons.values()), reverse=True)
    assert counted.index.tolist() == list(range(len(reasons)))
    for old, new, count, value in counted.iloc[:, :4].itertuples(index=False):
        assert (count, value) == (len(reasons[old, new]), pytest.approx(sum(reasons[old, new])))
    moved = [(c, a, b) for c, a, _, b, _ in rows if a != b]
    assert [(c, *stage.moved.loc[c, ["before", "after"]].astype(str)) for c, _, _ in moved] == moved


def test_a_row_that_is_no_longer_decided_has_its_reason() -> None:
    """A rule by a fact that nobody recorded: its rows move to undecided."""
    stage = CURRENT["lifecycle"].table("stage")
    rules = tuple(attrs.evolve(r, when={**r.when, "days_idle": ">= 0"}) for r in stage.rules[:-1])
    asking = attrs.evolve(stage, rules=(*rules, stage.rules[-1]))
    lifecycle = attrs.evolve(CURRENT["lifecycle"], tables={
        **CURRENT["lifecycle"].tables, "stage": (asking,)
    })  # fmt: skip
    found = simulate(HOLES, CURRENT, CURRENT.with_policy(lifecycle)).decisions["stage"]
    lost = found.reasons[found.reasons["rule_after"] == "(undecided)"]
    assert len(lost) > 0
    assert set(lost["because"]) == {"a fact is missing"}
    because = {r.id: r.because or r.source for r in stage.rules}
    kept = found.reasons[found.reasons["rule_after"] != "(undecided)"]
    assert all(r.because == because[str(r.rule_after)] for r in kept.itertuples())


def test_workload_and_resources_are_those_of_a_loop() -> None:
    proposed = with_lost_after(200)
    impact = simulate(HOLES, CURRENT, proposed)
    for column, policies in (("before", CURRENT), ("after", proposed)):
        stages = [row[1 if column == "before" else 3] for row in decided_twice("stage", proposed)]
        work: Counter[str] = Counter()
        levels: Counter[str] = Counter()
        for stage in stages:
            known = stage != "(undecided)"
            actions = playbook(stage, policy=policies["lifecycle"]) if known else ()
            work.update(str(action.owner) for action in actions)
        assert impact.workload[column].to_dict() == dict(work)
        moved = impact.decisions["resource_level"].migration
        for level, number in impact.resources[column].items():
            sums = moved.sum(axis=1 if column == "before" else 0)
            levels[str(level)] += int(sums.get(level, 0))
            assert number == levels[str(level)]
    for frame in (impact.workload, impact.resources):
        assert (frame["change"] == frame["after"] - frame["before"]).all()
    assert impact.workload["change"].any()


def test_dated_figures_are_those_of_the_day() -> None:
    """The line moves in 2026; before it, the proposed policy changes nothing."""
    lifecycle = default_policy("lifecycle")
    [now] = lifecycle.parameters["lost_after_days"]
    versions = (
        attrs.evolve(now, effective_to=date(2025, 12, 31)),
        attrs.evolve(now, value=200, effective_from=date(2026, 1, 1)),
    )
    dated = attrs.evolve(
        lifecycle, parameters={**lifecycle.parameters, "lost_after_days": versions}
    )
    assert len(simulate(FACTS, CURRENT, dated, as_of="2025-12-31").moved) == 0
    later = simulate(FACTS, CURRENT, dated, as_of="2026-01-01")
    expected = simulate(FACTS, CURRENT, with_lost_after(200))
    assert later.moved.tolist() == expected.moved.tolist() != []
    book = simulate(make_book(60, seed=3), CURRENT, dated, as_of=date(2026, 1, 1))
    assert set(book.decisions["stage"].moved["after"]) == {"lost"}


def test_what_cannot_be_simulated_is_refused() -> None:
    with pytest.raises(PolicyError, match="proposed: give the policies"):
        simulate(FACTS, CURRENT)
    with pytest.raises(DataError, match="a Book or a frame of facts"):
        simulate("book", CURRENT, CURRENT)
    with pytest.raises(DataError, match="facts: customers with several rows"):
        simulate(FACTS.iloc[[0, 1, 0, 2, 0]], CURRENT, CURRENT)
    undated = attrs.evolve(make_book(20, seed=3), as_of=None)
    with pytest.raises(DataError, match="as_of: the book records no day"):
        simulate(undated, CURRENT, CURRENT)


def with_moves(count: int) -> Impact:
    """The impact on facts of which some move."""
    alike = {
        "kind": "person",
        "closed": False,
        "has_contract": True,
        "quiet_product": False,
        "activity_ratio": 1.0,
    }
    quiet = FACTS.assign(**alike, days_since_contract=2_000, days_idle=10)
    quiet.iloc[:count, quiet.columns.get_loc("days_idle")] = 300
    columns = ["contacted", "inquired", "days_since_contract", "days_idle", *alike]
    return simulate(quiet[columns], CURRENT, with_lost_after(200))


@pytest.mark.parametrize(("count", "first"), [(10, ""), (11, " (the first 10 of 11)")])
def test_the_text_lists_ten_who_move(count: int, first: str) -> None:
    impact = with_moves(count)
    assert len(impact.moves) == count, "one decision moves"
    text = str(impact)
    [table] = [part for part in text.split("\n\n") if part.startswith("who moves")]
    title, head, *rows = table.splitlines()
    assert title == f"who moves{first}"
    assert head.split() == ["id", "decision", "before", "after", "rule_before", "rule_after"]
    assert [row.split()[0] for row in rows] == [str(c) for c in FACTS.index[:10]]
    assert impact.moves.index.tolist() == list(range(count))


def test_the_text_lists_five_pairs_of_outcomes() -> None:
    names = [f"s{n}" for n in range(7)]
    moved = pd.DataFrame(
        {"before": [n for n in names for _ in range(9 - int(n[1]))], "after": "new"}
    )
    moved["rule_before"] = moved["rule_after"] = "r"
    none = pd.DataFrame()
    for shown, more in ((5, None), (6, 4), (7, 7)):
        rows = moved[moved["before"].isin(names[:shown])]
        change = DecisionImpact("d", "t", 99, none, None, rows, none)
        lines = [f"  s{n} → new: {9 - n}" for n in range(5)]
        lines += [f"  other moves: {more}"] if more else []
        title = f"d.t: {len(rows)} of 99 rows move"
        assert _short(change).splitlines() == [title, *lines]


def test_a_plot_shows_the_decision_that_moves_most() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra plot)")
    impact = simulate(FACTS, CURRENT, CURRENT.with_policy(
        default_policy("segmentation").with_parameters(key_contribution=1_000.0)
    ))  # fmt: skip
    sizes = {name: len(d.moved) for name, d in impact.decisions.items()}
    moving = [name for name, size in sizes.items() if size]
    assert len(moving) > 1

    def drawn(table: str | None) -> list[float]:
        return sorted(bar.get_width() for bar in impact.plot(table=table).patches)

    def counts(table: str) -> list[float]:
        moved = impact.decisions[table].moved.astype(str)
        return sorted(moved.groupby(["before", "after"]).size().astype(float))

    assert drawn(None) == counts(max(sizes, key=lambda name: sizes[name]))
    least = min(moving, key=lambda name: sizes[name])
    assert drawn(least) == counts(least)
    with pytest.raises(UnknownNameError, match="no decision compared 'stag'"):
        impact.plot(table="stag")
    with pytest.raises(DataError, match="nothing to plot"):
        attrs.evolve(impact, decisions={}).plot()
