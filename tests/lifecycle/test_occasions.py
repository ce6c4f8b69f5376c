"""Birthdays, regular visits and contacts are found as a loop over days and contacts finds them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.book.view import Needs, view_of
from bankcrm.lifecycle.actions.occasions import occasions_of
from bankcrm.lifecycle.actions.plan import birthdays, regular
from bankcrm.policy import default_policy
from bankcrm.vocabulary import Channel, ContactOutcome

DAY = dt.date(2026, 2, 12)
CHANNELS = [str(c) for c in Channel]
NEEDS = {
    "customers": Needs(("customer_id",), ("birth_date", "manager")),
    "contacts": Needs(("customer_id", "date"), ("channel", "outcome")),
}
days = st.dates(dt.date(2023, 12, 1), dt.date(2025, 3, 31))
born = st.one_of(st.none(), st.dates(dt.date(1950, 1, 1), dt.date(2000, 12, 31)),
                 st.sampled_from([dt.date(1980, 2, 29), dt.date(1980, 1, 1)]))  # fmt: skip


def stamps(dates: list[dt.date | None]) -> np.ndarray:
    return np.array(dates, dtype="datetime64[D]")


def is_birthday(date: dt.date, birth: dt.date) -> bool:
    """29 February is kept on the 28th where there is none."""
    if (birth.month, birth.day) == (2, 29):
        return date.month == 2 and (date + dt.timedelta(1)).month == 3
    return (date.month, date.day) == (birth.month, birth.day)


@given(st.lists(born, max_size=4), days, st.integers(0, 800))
def test_birthdays_are_found_day_by_day(
    births: list[dt.date | None], day: dt.date, ahead: int
) -> None:
    place, date = birthdays(stamps(births), *stamps([day, day + dt.timedelta(ahead)]))
    following = [day + dt.timedelta(n) for n in range(1, ahead + 1)]
    expected = [(i, d) for i, b in enumerate(births) if b for d in following if is_birthday(d, b)]
    assert sorted(zip(place.tolist(), date.tolist(), strict=True)) == expected


@given(st.lists(st.one_of(st.none(), days), max_size=5), st.integers(1, 60), days,
       st.integers(0, 200))  # fmt: skip
def test_regular_visits_are_found_day_by_day(
    signed: list[dt.date | None], every: int, day: dt.date, ahead: int
) -> None:
    place, date = regular(stamps(signed), every, *stamps([day, day + dt.timedelta(ahead)]))
    following = [day + dt.timedelta(n) for n in range(1, ahead + 1)]
    expected = [
        (i, d) for i, s in enumerate(signed) if s and s <= day
        for d in following if (d - s).days % every == 0
    ]  # fmt: skip
    assert list(zip(place.tolist(), date.tolist(), strict=True)) == expected


people = st.fixed_dictionaries(
    {"birth_date": st.one_of(born, st.dates(dt.date(1990, 2, 11), dt.date(1990, 3, 20))),
     "manager": st.sampled_from(["Li", "Wu", None])}
)  # fmt: skip
contact = st.fixed_dictionaries(
    {
        "customer_id": st.integers(1, 4),
        "date": st.one_of(st.dates(dt.date(2026, 2, 10), dt.date(2026, 2, 14)),
                          st.dates(dt.date(1965, 1, 1), dt.date(1975, 1, 1))),
        "channel": st.sampled_from([*CHANNELS[2:5], "fax"]),
        "outcome": st.sampled_from(["positive", *map(str, ContactOutcome), None]),
    }
)  # fmt: skip


@settings(max_examples=15)
@given(st.lists(people, min_size=4, max_size=4), st.lists(contact, min_size=1, max_size=20))
def test_contacts_are_counted_one_by_one(
    persons: list[dict[str, Any]], contacts: list[dict[str, Any]]
) -> None:
    frames = {
        "customers": pd.DataFrame(persons).assign(customer_id=[1, 2, 3, 4]),
        "contacts": pd.DataFrame(contacts),
    }
    for frame, name in (("customers", "birth_date"), ("contacts", "date")):
        frames[frame][name] = pd.to_datetime(frames[frame][name])
    policy = default_policy("lifecycle")
    found = occasions_of(view_of(frames, NEEDS), np.datetime64(DAY), policy)
    ahead = [DAY + dt.timedelta(n) for n in range(1, int(policy.value("plan_days")) + 1)]
    for customer, person in enumerate(persons, 1):
        row = found.loc[customer]
        birth = person["birth_date"]
        following = [d for d in ahead if birth and is_birthday(d, birth)]
        assert_same(row["next_birthday"], following[0] if following else None)
        own = [c for c in contacts if c["customer_id"] == customer and c["date"] <= DAY]
        met = [c["date"] for c in own if c["outcome"] != "no_answer"]
        assert_same(row["last_contact"], max(met, default=None))
        liked = [c for c in own if c["outcome"] == "positive" and c["channel"] in CHANNELS]
        by_channel = {w: [c["date"] for c in liked if c["channel"] == w] for w in CHANNELS}
        best = max(CHANNELS, key=lambda w: (len(by_channel[w]), max(by_channel[w], default=DAY)))
        assert_same(row["preferred_channel"], best if liked else None)
        assert_same(row["manager"], person["manager"])


def assert_same(found: Any, expected: Any) -> None:
    if expected is None:
        assert pd.isna(found)
    else:
        assert (found.date() if isinstance(found, pd.Timestamp) else found) == expected


def test_a_book_without_contacts_or_managers_has_no_channel() -> None:
    view = view_of({"customers": pd.DataFrame({"customer_id": [1]})}, NEEDS)
    found = occasions_of(view, np.datetime64(DAY), default_policy("lifecycle"))
    assert found.isna().all(axis=None)
    assert tuple(found["preferred_channel"].cat.categories) == tuple(CHANNELS)
