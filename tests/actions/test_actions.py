"""Laws of the action list: one action per contact, none lost, none doubled, the same in parts."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from pandas.testing import assert_frame_equal

from bankcrm import Review, review
from bankcrm.actions import (
    ACTION_COLUMNS,
    SOURCES,
    ContactRecords,
    Situation,
    actions_in,
    find_actions,
)
from bankcrm.actions.contract import PRIORITIES
from bankcrm.actions.plan import _add_reasons
from bankcrm.actions.situation import calendar_for
from bankcrm.book import Book
from bankcrm.calendars import working_calendar
from bankcrm.datasets import make_book
from bankcrm.frames import check_frame
from bankcrm.testing.books import books

AS_OF = "2026-06-30"
CALENDAR = working_calendar("CN")
GREETINGS = ("birthday_greeting", "festival_greeting")


@pytest.fixture(scope="module")
def bank() -> Review:
    book = make_book(1_500, seed=3)
    complaints = book.frame("complaints")
    waiting = complaints.index % 5 == 0  # in the synthetic bank few are
    times = {c: complaints[c].mask(waiting) for c in ("answered_at", "closed_at")}
    return review(attrs.evolve(book, complaints=complaints.assign(**times)), as_of=AS_OF)


def situation(reviewed: Review, records: ContactRecords | None = None) -> Situation:
    days = calendar_for(CALENDAR, reviewed.as_of)
    return Situation(
        reviewed.facts, reviewed.complaints, reviewed.as_of, reviewed.policies, days,
        watch=reviewed.risk.watch_list, contacting=records,
    )  # fmt: skip


def test_the_list_keeps_its_contract(bank: Review) -> None:
    names = [c.name for c in ACTION_COLUMNS]
    assert list(bank.actions) == names
    check_frame(bank.actions, ACTION_COLUMNS, frame="actions")
    assert bank.actions["action_id"].is_unique
    assert not bank.actions.duplicated(["customer_id", "complaint_id", "action", "due"]).any()


@settings(max_examples=8)
@given(books())
def test_no_action_is_doubled_or_goes_to_a_customer_who_left(book: Book) -> None:
    found = review(book, as_of=AS_OF)
    check_frame(found.actions, ACTION_COLUMNS, frame="actions")
    assert found.actions["action_id"].is_unique
    gone = found.facts.index[found.facts["closed"]]
    own = found.actions[found.actions["complaint_id"].isna()]
    assert not own["customer_id"].isin(gone).any()


@settings(max_examples=8)
@given(books())
def test_a_customer_among_few_gets_the_same_actions_as_among_many(book: Book) -> None:
    found = review(book, as_of=AS_OF)

    def one_by_one(columns: list[str]) -> list[pd.DataFrame]:
        known = [c for c in columns if c in found.facts]
        return [found.facts.loc[[c], known] for c in found.facts.index]

    frames = book.check(AS_OF)[0].frames()
    records = ContactRecords.of(frames, {n for n, f in frames.items() if len(f)})
    parts = actions_in(one_by_one, situation(found, records))
    assert_frame_equal(parts.astype(object), found.actions.astype(object), check_like=True)
    assert parts.attrs == found.actions.attrs


def test_every_alarm_and_watch_has_one_action_that_says_why(bank: Review) -> None:
    for level in ("alarm", "watch"):
        warned = bank.facts.index[bank.facts["warning"] == level]
        rows = bank.actions[bank.actions["rules"].str.contains(f"warning_level.{level}")]
        assert sorted(rows["customer_id"]) == sorted(warned)
        for customer, rules in zip(rows["customer_id"], rows["rules"], strict=True):
            signals = bank.facts.loc[customer, "warning_rules"]
            assert all(f"warning.{s}" in rules.split("+") for s in signals.split("+"))


def test_every_open_complaint_has_one_answer_by_its_due_day(bank: Review) -> None:
    still = bank.complaints[bank.complaints["state"].isin(["open", "overdue"])]
    answers = bank.actions[bank.actions["action"] == "answer_complaint"]
    answers = answers.set_index("complaint_id").sort_index()
    assert len(still)
    assert answers.index.tolist() == still.index.tolist()
    assert (answers["due"].to_numpy() == still["due"].to_numpy()).all()
    assert answers["overdue"].tolist() == (still["state"] == "overdue").tolist()
    assert answers["department"].tolist() == still["owner"].tolist()


def test_calls_of_one_week_become_one_action_with_its_reasons(bank: Review) -> None:
    calls = bank.actions[
        bank.actions["channel"].isin(["phone", "face_to_face"])
        & bank.actions["complaint_id"].isna()
    ]
    spread = calls.sort_values("due").groupby("customer_id")["due"].diff().dt.days
    assert not (spread == 0).any()
    several = bank.actions[bank.actions["rules"].str.contains("playbook.active.revisit")]
    several = several[several["origin"] == "warning+care"]
    assert len(several)
    assert several["action"].isin(["check_in", "retention_call"]).all()
    assert several["reason"].str.contains("a regular contact with the customer is due").all()


def test_reasons_are_neither_lost_nor_invented(bank: Review) -> None:
    """The reasons of the list are those of the sources, each run alone."""
    where = situation(bank)
    alone = [find_actions(where, [source]) for source in SOURCES]
    found = {
        (row.customer_id, row.complaint_id, rule)
        for frame in alone
        for row in frame.astype(object).where(frame.notna(), None).itertuples()
        for rule in row.rules.split("+")
    }
    whole = bank.actions.astype(object).where(bank.actions.notna(), None)
    seen = {
        (row.customer_id, row.complaint_id, rule)
        for row in whole.itertuples()
        for rule in row.rules.split("+")
    }
    assert seen == found


def test_due_days_are_working_days_but_for_greetings(bank: Review) -> None:
    others = bank.actions[~bank.actions["action"].isin(GREETINGS)]
    days = others["due"].to_numpy().astype("datetime64[D]")
    assert CALENDAR.is_working(days).all()


def test_the_most_pressing_come_first(bank: Review) -> None:
    place = bank.actions["priority"].cat.codes.to_numpy()
    assert (np.diff(place) >= 0).all()
    for name in PRIORITIES:
        stake = bank.actions.loc[bank.actions["priority"] == name, "value_at_stake"].fillna(-1)
        assert stake.is_monotonic_decreasing


def test_old_actions_lapse_but_open_complaints_stay(bank: Review) -> None:
    late = attrs.evolve(situation(bank), day=pd.Timestamp("2026-12-31").date())
    found = find_actions(late)
    assert found.attrs["lapsed"] > bank.actions.attrs["lapsed"]
    old = found["due"] < pd.Timestamp("2026-12-31") - pd.Timedelta(days=90)
    assert set(found.loc[old, "action"]) == {"answer_complaint"}


def test_a_year_without_a_calendar_counts_monday_to_friday() -> None:
    signed = pd.to_datetime(["1996-12-31"])
    book = Book(
        customers=pd.DataFrame({"customer_id": [7], "kind": ["person"], "contract_date": signed}),
        transactions=pd.DataFrame(
            {"customer_id": [7], "date": signed, "amount": [10.0], "kind": ["cash_in"]}
        ),
    )
    actions = review(book, as_of="1997-01-02").actions.set_index("action")
    assert actions.loc["welcome_call", "due"] == pd.Timestamp("1997-01-03")


@pytest.mark.parametrize("contacts", [3, 60, 100])  # more words than an int8 numbers
def test_merged_contacts_keep_their_own_words(contacts: int) -> None:
    words = [f"{a}{i}" for i in range(contacts) for a in "ab"]
    names = ("tasks", "origin", "reason", "rules", "source")
    ordered = pd.DataFrame({name: pd.Categorical(words) for name in names})
    ordered["evidence"] = np.array(words, dtype=object)
    start = np.arange(0, 2 * contacts, 2)
    merged = ordered.iloc[start].reset_index(drop=True)
    _add_reasons(merged, ordered, np.arange(contacts), start + 1)
    assert merged["reason"].tolist() == [f"a{i}; b{i}" for i in range(contacts)]
    assert merged["rules"].tolist() == [f"a{i}+b{i}" for i in range(contacts)]
