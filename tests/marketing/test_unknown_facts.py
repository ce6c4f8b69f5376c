"""What the bank does not record is not known, and not none; statements of consent at each limit."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.marketing.test_consent import DAY, by_rows, decide, random_book, together

from bankcrm.errors import DataError
from bankcrm.marketing import consents_as_of, may_contact
from bankcrm.marketing.consent.statements import CHANNELS, PURPOSES, STATES, Consents
from bankcrm.policy import default_policy

ORDER = [r.id for r in default_policy("marketing").table("contact").rules]
"""The rules in the order in which they decide."""
AFTER = {"consents": "do-not-contact", "complaints": "no-consent", "contacts": "open-complaint"}
"""What is not recorded -> the last rule that does not depend on it."""
FACTS = {"consents": "consent", "complaints": "open_complaint", "contacts": "contacts_in_window"}


@pytest.fixture(scope="module")
def book() -> dict[str, pd.DataFrame]:
    return together([random_book(seed) for seed in range(40)])


@pytest.mark.parametrize("unknown", AFTER)
def test_what_depends_on_an_unknown_fact_is_undecided(
    book: dict[str, pd.DataFrame], unknown: str
) -> None:
    whole, found = decide(book), decide(book, **{unknown: None})
    hidden = [ORDER.index(r) > ORDER.index(AFTER[unknown]) for r in whole["rule"]]
    assert {True, False} == set(hidden)
    wanted = whole.copy()
    wanted.loc[hidden, ["outcome", "rule", "next_day"]] = None
    wanted["allowed"] &= ~np.array(hidden)
    reason = whole["reason"].astype(str).mask(hidden, f"{FACTS[unknown]} is not known")
    assert found["reason"].tolist() == reason.tolist()
    pd.testing.assert_frame_equal(found.drop(columns="reason"), wanted.drop(columns="reason"))


def test_optional_columns_may_be_absent(book: dict[str, pd.DataFrame]) -> None:
    plan = book["planned"].assign(priority=0, in_control=False)
    short = plan.drop(columns=["priority", "in_control"])
    pd.testing.assert_frame_equal(decide(book, planned=plan), decide(book, planned=short))
    never_closed = book["complaints"].assign(closed_at=pd.NaT)
    never_closed["closed_at"] = pd.to_datetime(never_closed["closed_at"], utc=True)
    pd.testing.assert_frame_equal(
        decide(book, complaints=never_closed),
        decide(book, complaints=never_closed.drop(columns="closed_at")),
    )
    anywhere = book["planned"].assign(channel=None)
    whole = book["consents"]["channel"].isna()
    pd.testing.assert_frame_equal(
        decide(book, planned=anywhere),
        decide(book, planned=anywhere, consents=book["consents"][whole]),
    )
    for column in ("purpose", "date", "customer_id"):
        for frame in ("planned", "contacts"):
            broken = book[frame].astype(object)
            broken.loc[0, column] = None
            with pytest.raises(DataError, match=f"{frame}.{column}: null in 1 row"):
                decide(book, **{frame: broken})


def test_a_cool_off_longer_than_the_window_of_the_cap() -> None:
    policy = default_policy("marketing").with_parameters(cool_off_days=40, contact_cap=2)
    books = [random_book(seed) for seed in range(200, 216)]
    found = decide(together(books), policy=policy)
    wanted = [r for b in books for _, r in sorted(by_rows(b, cool_off=40, cap=2).items())]
    assert found["outcome"].astype(str).tolist() == [row[0] for row in wanted]
    days = pd.Series([row[1] for row in wanted], dtype="datetime64[s]")
    assert found["next_day"].equals(days.astype(found["next_day"].dtype))


def test_a_cap_that_nobody_reaches() -> None:
    """It decides as a loop does, and takes no room for contacts that nobody has."""
    books = [random_book(seed) for seed in range(200, 208)]
    for cap in (0.5, 1, 3.5, 7, 1e300):
        policy = default_policy("marketing").with_parameters(contact_cap=cap)
        wanted = [r for b in books for _, r in sorted(by_rows(b, cap=math.ceil(cap)).items())]
        found = decide(together(books), policy=policy)
        assert found["outcome"].astype(str).tolist() == [row[0] for row in wanted], cap


def test_the_first_five_mistakes_are_named() -> None:
    one = random_book(1)
    plan = pd.concat([one["planned"][:1]] * 7).set_axis(pd.Index(range(10, 17)), axis=0)
    with pytest.raises(
        DataError, match=r"7 contacts lie before .* \(rows 10, .*, 14, and 2 more\)"
    ):
        decide(one, planned=plan.assign(date=DAY - pd.Timedelta(days=1)))
    with pytest.raises(DataError, match=r"7 rows of unknown customers \(90, .*, 94, and 2 more\)"):
        decide(one, planned=plan.assign(customer_id=range(90, 97)))
    assert len(decide(one, planned=plan.iloc[:0])) == 0


def said(seed: int, rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)

    def some(values: list[Any]) -> list[Any]:
        return [values[i] for i in rng.integers(0, len(values), rows)]

    day = dt.date(2026, 1, 1)
    return pd.DataFrame(
        {
            "customer_id": rng.integers(0, 3, rows),
            "purpose": some(["campaign", "greeting", None]),
            "channel": some(["phone", None]),
            "state": some(["granted", "refused", "withdrawn"]),
            "since": pd.to_datetime(some([day, day + dt.timedelta(1), day + dt.timedelta(2)])),
            "until": pd.to_datetime(some([None, dt.date(2026, 5, 1), dt.date(2026, 6, 1)])),
        }
    )


@pytest.mark.parametrize("left_out", [[], ["purpose"], ["channel"], ["until"]])
def test_the_last_statement_by_each_day(left_out: list[str]) -> None:
    frame = said(3).drop(columns=left_out)
    for as_of in (dt.date(2025, 12, 31), dt.date(2026, 1, 1), dt.date(2026, 1, 2)):
        wanted: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        for row in frame.to_dict("records"):
            purpose, channel = (
                None if pd.isna(v := row.get(n)) else v for n in ("purpose", "channel")
            )
            key = row["customer_id"], purpose, channel
            end = row.get("until", pd.NaT)
            rank = (
                row["since"],
                STATES.index(row["state"]),
                pd.Timestamp.max if pd.isna(end) else end,
            )
            if row["since"].date() <= as_of:
                wanted[key] = max(wanted.get(key, rank), rank)
        found = consents_as_of(frame, as_of)
        assert found.index.equals(pd.RangeIndex(len(wanted)))
        seen = {}
        for row in found.to_dict("records"):
            key = tuple(None if pd.isna(row[n]) else row[n]
                        for n in ("customer_id", "purpose", "channel"))  # fmt: skip
            end = pd.Timestamp.max if pd.isna(row["until"]) else row["until"]
            seen[key] = row["since"], STATES.index(row["state"]), end
        assert seen == wanted
        assert set(found) == {"customer_id", "purpose", "channel", "state", "since", "until"}
        order = [(k[0], k[1] or "~", k[2] or "~") for k in seen]
        place = {p: n for n, p in enumerate((*PURPOSES, "~"))}
        assert order == sorted(order, key=lambda k: (k[0], place[k[1]], k[2]))


def test_the_strictest_of_all_purposes_and_channels() -> None:
    rng = np.random.default_rng(4)
    size, customers = 300, 5
    who = rng.integers(0, customers, size)
    purpose, channel = (rng.integers(-1, len(n), size) for n in (PURPOSES, CHANNELS))
    keys = pd.DataFrame({"c": who, "p": purpose, "k": channel}).drop_duplicates()
    who, purpose, channel = (keys[n].to_numpy() for n in ("c", "p", "k"))
    state = rng.integers(1, len(STATES), len(who)).astype(np.int8)
    day = np.datetime64("2026-06-30")
    until = day + rng.integers(-2, 3, len(who))
    until[::3] = np.datetime64("NaT")
    given = Consents(who, purpose, channel, state, until, customers)
    asked = 200
    c, p, k = (rng.integers(0, n, asked) for n in (customers, len(PURPOSES), len(CHANNELS)))
    k[:20] = -1  # no channel is chosen yet
    on = np.full(asked, day) + rng.integers(-1, 2, asked)
    wanted = []
    for i in range(asked):
        own = [
            int(s)
            for w, q, h, s, u in zip(who, purpose, channel, state, until, strict=True)
            if w == c[i] and q in (-1, p[i]) and h in (-1, k[i]) and (np.isnat(u) or u >= on[i])
        ]
        wanted.append(max(own, default=0))
    found = given.strictest(c, p, k, on)
    assert found.tolist() == wanted
    assert found.dtype == np.int8
    assert Consents.__eq__ is object.__eq__


def test_statements_of_strangers_and_of_later_days_are_not_looked_up() -> None:
    frame = pd.DataFrame(
        {"customer_id": [7, 8, 9], "purpose": ["campaign", None, None], "channel": ["mail", None,
         None], "state": ["granted", "refused", "refused"],
         "since": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-01"])}
    )  # fmt: skip
    found = Consents.of(frame, pd.Index([8, 7]), np.datetime64("2026-01-01"))
    assert (found.customer.tolist(), found.state.tolist()) == ([1], [STATES.index("granted")])
    assert (found.purpose.tolist(), found.channel.tolist()) == (
        [PURPOSES.index("campaign")], [CHANNELS.index("mail")],
    )  # fmt: skip
    assert np.isnat(found.until).all()
    assert found.customers == 2


@pytest.mark.parametrize(("born", "outcome"), [("2008-06-30", "allow"), ("2008-07-01", "never")])
def test_a_person_is_a_minor_until_the_birthday(born: str, outcome: str) -> None:
    people = pd.DataFrame(
        {"kind": ["person", "company"], "birth_date": pd.to_datetime([born, None]),
         "do_not_contact": False, "deceased": False}, index=[1, 2],
    )  # fmt: skip
    plan = pd.DataFrame({"customer_id": [1, 2], "date": DAY, "purpose": "campaign",
                         "channel": "mail"})  # fmt: skip
    agreed = pd.DataFrame({"customer_id": [1, 2], "state": "granted", "since": DAY})
    none = pd.DataFrame({"customer_id": [], "received_at": pd.to_datetime([], utc=True)})
    found = may_contact(plan, customers=people, consents=agreed, contacts=plan.iloc[:0],
                        complaints=none, as_of=DAY)  # fmt: skip
    assert found["outcome"].tolist() == [outcome, "allow"]
