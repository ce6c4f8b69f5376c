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
from bankcrm.simulation.moves import action_changes

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
    whole = json.loads((tmp_path / "impact.json").read_text(encoding="utf-8"))
    assert len(whole["moves"]) == len(moves)
    assert len(whole["actions"]) == len(impact.actions)
    (tmp_path / "moves.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(DataError, match="changed since"):
        impact.write(tmp_path)
