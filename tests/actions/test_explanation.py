"""Why a customer is an alarm and what must be done by when, in a few lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from bankcrm import Review, review
from bankcrm.datasets import load_berka, make_book


@pytest.fixture(scope="module")
def bank() -> Review:
    return review(make_book(600, seed=7), as_of="2026-06-30")


def test_the_czech_customer_10566_is_an_alarm(shared_data: Path) -> None:
    found = review(load_berka(shared_data / "berka"), as_of="1994-03-30").explain("10566")
    text = str(found)
    assert len(text.splitlines()) <= 15
    assert "warning: alarm" in text
    assert "the balance is falling" in text
    assert "balance_ratio = 0.272" in text
    assert "by 1994-04-01, high: Call the customer and keep the relationship" in text


def test_the_short_form_covers_warnings_actions_and_complaints(bank: Review) -> None:
    still = bank.complaints[bank.complaints["state"] == "overdue"]
    one = still[still["customer_id"].isin(bank.facts.index)].iloc[0]
    found = bank.explain(one["customer_id"])
    assert f"  {one.name}: " in str(found)
    assert f"due {one['due'].date()}" in str(found)
    assert f"by {one['due'].date()}, urgent: Answer the complaint" in str(found)
    assert found.decisions[0].name == "stage"
    mine = found.complaints[[c.complaint_id for c in found.complaints].index(one.name)]
    assert f"signals: {one['signals']}; answer: " in str(mine)
    assert f"from {mine.counted_from}, pauses not recorded)" in str(mine)
    assert mine.received <= mine.counted_from <= mine.due


def test_every_customer_has_a_short_form_and_a_full_one(bank: Review) -> None:
    for customer in bank.facts.index[::20]:
        found = bank.explain(customer)
        assert len(str(found).splitlines()) <= 25
        assert found.full().startswith(str(found))
        mine = bank.actions[(bank.actions["customer_id"] == customer).fillna(False)]
        assert len(found.to_dict()["actions"]) == len(mine)
        known = bank.facts.loc[customer]
        for line in found.decisions:
            if line.name != "signals" and not line.name.endswith("_risk"):  # these collect
                assert line.outcome == (None if known.isna()[line.name] else known[line.name])
        assert "<strong>" in found._repr_html_()
