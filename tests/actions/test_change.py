"""An earlier review: every section is compared, who moved is named, and tier moves have actions."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bankcrm import Review, review
from bankcrm.book import Book
from bankcrm.datasets import make_book
from bankcrm.engines import DuckDBEngine
from bankcrm.reviews import read_earlier

AS_OF = "2026-06-30"


@pytest.fixture(scope="module")
def book() -> Book:
    return make_book(500, seed=7)


@pytest.fixture(scope="module")
def before(book: Book) -> Review:
    return review(book, as_of="2026-03-31")


@pytest.fixture(scope="module")
def now(book: Book, before: Review) -> Review:
    return review(book, as_of=AS_OF, earlier=before)


def test_who_moved_is_named_for_every_result(before: Review, now: Review) -> None:
    moved = now.change_since(before).moved
    for name in ("stage", "segment", "tier", "resource_level", "warning"):
        was = before.facts[name].astype(object).reindex(now.facts.index)
        both = now.facts[name].notna() & was.notna()
        expected = now.facts.index[both & (now.facts[name].astype(object) != was)]
        rows = moved[(moved["result"] == name) & ~moved["before"].str.startswith("(")]
        rows = rows[~rows["after"].str.startswith("(")]
        assert sorted(rows["customer_id"]) == sorted(expected)
    assert len(moved)


def test_every_section_of_figures_is_compared(before: Review, now: Review) -> None:
    figures = now.change_since(before).figures
    assert {"customers", "stage", "segment", "contribution", "warning"} <= set(figures["section"])
    one = figures[(figures["section"] == "customers")].iloc[0]
    assert one["before"] == before.summary["customers"]
    assert one["change"] == now.summary["customers"] - before.summary["customers"]
    assert now.change_since(now).moved.empty
    assert now.change_since(now).figures.empty


def test_a_written_review_is_compared_like_one_in_memory(
    before: Review, now: Review, tmp_path: Path
) -> None:
    before.write(tmp_path / "before")
    read = read_earlier(tmp_path / "before")
    now.write(tmp_path / "now", earlier=read)
    moved = pd.read_csv(tmp_path / "now" / "moved.csv")
    expected = now.change_since(before).moved
    assert moved.astype(str).to_numpy().tolist() == expected.astype(str).to_numpy().tolist()
    assert (tmp_path / "now" / "changes.csv").is_file()


def test_a_moved_tier_has_an_action(book: Book, before: Review, now: Review) -> None:
    ladder = ["restricted", "ordinary", "potential", "key", "premium"]
    was = before.facts["tier"].astype(object).reindex(now.facts.index)
    both = now.facts["tier"].notna() & was.notna() & now.facts["is_customer"]
    place = {t: n for n, t in enumerate(ladder)}
    step = now.facts.loc[both, "tier"].astype(object).map(place) - was[both].map(place)
    up = step.index[step > 0]
    assert len(up)
    rows = now.actions[now.actions["origin"].str.contains("tier")]
    assert set(up) <= set(rows["customer_id"])
    assert rows["evidence"].str.contains("tier before = ").all()
    duck = review(DuckDBEngine(book), as_of=AS_OF, earlier=before, blocks=2)
    ours = now.actions.astype(str).to_numpy().tolist()
    assert duck.actions.astype(str).to_numpy().tolist() == ours


def test_members_of_a_club_are_reviewed_at_the_start_of_the_half_year(now: Review) -> None:
    wealthy = now.facts["monthly_average"] >= 1_000_000
    members = now.facts.index[wealthy & now.facts["is_customer"]]
    found = now.actions[now.actions["action"] == "membership_review"]
    assert set(found["customer_id"]) >= set(members)
    assert (found["due"] == "2026-07-01").all()


def test_no_membership_is_reviewed_in_spring(before: Review) -> None:
    assert not (before.actions["action"] == "membership_review").any()
