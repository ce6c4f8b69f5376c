"""A simulation lists who moves from where to where, what it costs, and which actions change."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from bankcrm import review, simulate
from bankcrm.book import Book
from bankcrm.datasets import make_book
from bankcrm.errors import DataError
from bankcrm.policy import default_policies, default_policy
from bankcrm.simulation import Impact
from bankcrm.simulation.moves import action_changes, cost_of

AS_OF = "2026-06-30"


@pytest.fixture(scope="module")
def book() -> Book:
    return make_book(500, seed=7)


@pytest.fixture(scope="module")
def impact(book: Book) -> Impact:
    lower = default_policy("segmentation").with_parameters(
        premium_contribution=12_000.0, premium_contribution_keep=11_000.0
    )
    return simulate(book, proposed=lower, as_of=AS_OF)


def test_who_moves_is_named_with_both_outcomes(book: Book, impact: Impact) -> None:
    before = review(book, as_of=AS_OF).facts["tier"].astype(str)
    moved = impact.moves[impact.moves["decision"] == "tier"].set_index("id")
    assert len(moved) > 0
    assert (moved["before"] == before[moved.index]).all()
    assert (moved["after"] != moved["before"]).all()
    assert set(impact.moves["id"]) == set(impact.moved)
    assert moved.index[0] in set(impact.moves["id"].head(10))
    printed = str(impact)
    assert "who moves" in printed
    assert "..." not in printed
    counted = moved.groupby(["before", "after"]).size()
    (old, new), most = counted.idxmax(), counted.max()
    assert f"  {old} → {new}: {most:,}\n" in printed


def test_discounts_cost_what_the_entitlements_say(impact: Impact, book: Book) -> None:
    facts = review(book, as_of=AS_OF).facts
    granted = default_policies()["segmentation"].raw_records["entitlement"]
    share = {row["tier"]: row["price_discount"] for row in granted}
    expected = sum(
        fees * share[tier]
        for fees, tier in zip(facts["fees"], facts["tier"].astype(object), strict=True)
        if tier in share and fees == fees
    )
    cost = impact.cost
    assert cost.loc["discounts", "before"] == pytest.approx(expected)
    assert cost.loc["discounts", "after"] >= expected
    assert cost.loc["service_weight", "change"] > 0


def test_changed_actions_are_the_difference_of_both_lists(book: Book) -> None:
    sooner = default_policy("lifecycle").with_parameters(alarm_score=2.0)
    found = simulate(book, proposed=sooner, as_of=AS_OF).actions
    before = review(book, as_of=AS_OF).actions
    calls = before.loc[before["action"] == "retention_call", "customer_id"]
    added = found[(found["change"] == "added") & (found["action"] == "retention_call")]
    assert len(added) > 0
    assert not added["customer_id"].isin(calls).any()
    dropped = found[(found["change"] == "dropped") & (found["action"] == "check_in")]
    assert added["customer_id"].isin(dropped["customer_id"]).all()
    assert action_changes(before, before).empty


def test_everything_is_written(impact: Impact, tmp_path: Path) -> None:
    impact.write(tmp_path)
    moves = pd.read_csv(tmp_path / "moves.csv")
    assert moves["id"].tolist() == impact.moves["id"].tolist()
    text = (tmp_path / "impact.json").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert "\\u" not in text, "Chinese titles can be read"
    whole = json.loads(text)
    assert whole == json.loads(json.dumps(impact.to_dict(), default=str))
    for name, rows, first in (
        ("actions", impact.actions, "change"),
        ("cost", impact.cost, "measure"),
    ):
        written = pd.read_csv(tmp_path / f"{name}.csv")
        assert (len(written), written.columns[0]) == (len(rows), first)
    assert len(whole["moves"]) == len(moves)
    assert len(whole["actions"]) == len(impact.actions)
    (tmp_path / "moves.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(DataError, match="changed since"):
        impact.write(tmp_path)


def actions_of(rows: list[tuple[int, str, str, str | None]]) -> pd.DataFrame:
    """Actions by customer, name, due day and channel."""
    frame = pd.DataFrame(rows, columns=["customer_id", "action", "due", "channel"])
    plain = {"complaint_id": None, "priority": "high", "department": "risk", "contact": "yes"}
    return frame.assign(**plain)


def test_each_kind_of_change_of_an_action() -> None:
    """Equal actions are matched in their order; a value that is missing in both has not changed."""
    before = actions_of([
        (1, "call", "07-01", "phone"), (1, "call", "07-02", "phone"), (1, "mail", "07-01", None),
        (2, "call", "07-01", None), (3, "call", "07-01", "phone"), (4, "call", "07-01", "phone"),
    ])  # fmt: skip
    after = actions_of([
        (5, "call", "07-01", "phone"), (4, "call", "07-01", None), (1, "mail", "07-01", None),
        (1, "call", "07-01", "phone"), (1, "call", "07-03", "phone"), (2, "call", "07-01", "mail"),
    ])  # fmt: skip
    found = action_changes(before, after)
    assert found.index.tolist() == list(range(5))
    plain = found.astype(object).where(found.notna(), None)
    rows = plain[["change", "customer_id", "action", "due", "channel"]].to_numpy().tolist()
    assert rows == [
        ["added", 5, "call", "07-01", "phone"],
        ["dropped", 3, "call", "07-01", "phone"],
        ["changed", 4, "call", "07-01", None],
        ["changed", 1, "call", "07-03", "phone"],
        ["changed", 2, "call", "07-01", "mail"],
    ]


@pytest.mark.parametrize(
    ("fees", "given"),
    [({"fees": [100.0, None, 40.0]}, True), ({"fees": [None] * 3}, False), ({}, False)],
)
def test_the_cost_of_a_tier_by_a_loop(fees: dict[str, list[float]], given: bool) -> None:
    policies = default_policies()
    policy = policies["segmentation"]
    tiers = ["key", "premium", None]
    facts = pd.DataFrame({"tier": tiers, **{n: pd.Series(v, dtype=float) for n, v in fees.items()}})
    share = {r["tier"]: r["price_discount"] for r in policy.raw_records["entitlement"]}
    weight = policy.value("allocation_weight")
    other = facts.assign(tier=["premium", "premium", "key"])
    cost = cost_of(facts, other, policies, policies)
    for column, names in (("before", tiers), ("after", list(other["tier"]))):
        known = [t for t in names if t]
        assert cost.loc["service_weight", column] == sum(weight[t] for t in known)
        expected = (
            sum(f * share[t] for f, t in zip(fees["fees"], names, strict=True) if t and f)
            if given
            else None
        )
        discounts = cost.loc["discounts", column]
        assert pd.isna(discounts) if expected is None else discounts == pytest.approx(expected)
    assert cost.loc["service_weight", "change"] == pytest.approx(
        cost.loc["service_weight", "after"] - cost.loc["service_weight", "before"]
    )


def test_other_actions_are_counted_in_the_text(impact: Impact) -> None:
    counted = impact.actions.groupby(["action", "department", "change"]).size()
    [table] = [p for p in str(impact).split("\n\n") if p.startswith("actions that change")]
    rows = [line.split() for line in table.splitlines()[3:]]
    numbers = [int(cell) for row in rows for cell in row if cell.isdigit()]
    assert sum(numbers) == counted.sum() == len(impact.actions)
    [cost] = [p for p in str(impact).split("\n\n") if p.startswith("what it costs")]
    for line in cost.splitlines()[3:]:
        measure, *shown = line.split()
        assert [float(v) for v in shown] == [round(v, 2) for v in impact.cost.loc[measure]]
