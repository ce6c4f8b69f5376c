"""Consent and contact policy: a row loop, laws, and what must never be allowed."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bankcrm.errors import DataError, PolicyError
from bankcrm.marketing import consents_as_of, may_contact
from bankcrm.policy import default_policy

DAY = pd.Timestamp("2026-06-30")
PURPOSES = ["campaign", "greeting", "revisit", "inquiry", "complaint_answer"]
CHANNELS = ["phone", "mail", "mobile"]
COUNTED = {"campaign", "greeting", "revisit", "contact"}


def random_book(seed: int, cool_off: int = 7) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    ids = rng.permutation(50)[:n]

    def days(size: int, low: int, high: int) -> pd.DatetimeIndex:
        return DAY + pd.to_timedelta(rng.integers(low, high, size), unit="D")

    born = pd.Series(pd.Timestamp("2008-06-28") + pd.to_timedelta(rng.integers(-9, 9, n), unit="D"))
    old = pd.Series(rng.random(n) < 0.8)
    born = born.where(~old, pd.Timestamp("1980-01-01")).mask(rng.random(n) < 0.1)
    customers = pd.DataFrame(
        {
            "customer_id": ids,
            "kind": rng.choice(["person", "company"], n, p=[0.9, 0.1]),
            "birth_date": born,
            "do_not_contact": pd.array(
                rng.choice([False, True, None], n, p=[0.9, 0.06, 0.04]), "boolean"
            ),
            "deceased": pd.array(
                rng.choice([False, True, None], n, p=[0.92, 0.05, 0.03]), "boolean"
            ),
        }
    )
    size = int(rng.integers(1, 22))
    planned = pd.DataFrame(
        {
            "customer_id": rng.choice(ids, size),
            "date": days(size, 0, 45),
            "purpose": rng.choice(PURPOSES, size, p=[0.5, 0.2, 0.1, 0.1, 0.1]),
            "channel": rng.choice(CHANNELS, size),
            "priority": rng.integers(0, 3, size),
            "in_control": rng.random(size) < 0.1,
        }
    )
    size = 3 * n
    consents = pd.DataFrame(
        {
            "customer_id": rng.choice(ids, size),
            "purpose": rng.choice([*PURPOSES[:2], None], size, p=[0.3, 0.1, 0.6]),
            "channel": rng.choice([*CHANNELS[:2], None], size, p=[0.2, 0.1, 0.7]),
            "state": rng.choice(["granted", "refused", "withdrawn"], size, p=[0.9, 0.05, 0.05]),
            "since": days(size, -90, 15),
        }
    )
    consents["until"] = consents["since"] + pd.to_timedelta(rng.integers(0, 200, size), unit="D")
    consents["until"] = consents["until"].mask(rng.random(size) < 0.7)
    size = int(rng.integers(0, 15))
    contacts = pd.DataFrame(
        {
            "customer_id": rng.choice(ids, size),
            "date": days(size, -45, 6),
            "purpose": rng.choice(PURPOSES, size),
        }
    )
    size = int(rng.integers(0, 3))
    received = pd.DatetimeIndex(days(size, -30, 5)).tz_localize("Asia/Shanghai")
    complaints = pd.DataFrame(
        {
            "customer_id": rng.choice(ids, size),
            "received_at": received,
            "closed_at": pd.Series(received + pd.Timedelta(days=20)).mask(rng.random(size) < 0.4),
        }
    )
    return {
        "planned": planned, "customers": customers, "consents": consents,
        "contacts": contacts, "complaints": complaints,
    }  # fmt: skip


def state_of(book: dict[str, pd.DataFrame], row: Any) -> str:
    """The strictest of the last known statements, one by one."""
    last: dict[tuple[object, object], Any] = {}
    strict = ["granted", "refused", "withdrawn"]
    for said in book["consents"].itertuples():
        if said.customer_id != row.customer_id or said.since > DAY:
            continue
        key = (None if pd.isna(said.purpose) else said.purpose,
               None if pd.isna(said.channel) else said.channel)  # fmt: skip
        if key[0] not in (None, row.purpose) or key[1] not in (None, row.channel):
            continue
        end = pd.Timestamp.max if pd.isna(said.until) else said.until
        found = (said.since, strict.index(said.state), end)
        last[key] = max(last[key], found) if key in last else found
    holding = [state for _, state, end in last.values() if end >= row.date]
    return strict[max(holding)] if holding else "none"


def by_rows(book: dict[str, pd.DataFrame], cool_off: int = 7, cap: int = 3) -> dict[int, tuple]:
    """The contact policy in plain sentences, row by row."""
    people = book["customers"].set_index("customer_id")
    made: dict[int, list[pd.Timestamp]] = {int(c): [] for c in people.index}
    for past in book["contacts"].itertuples():
        if past.date <= DAY and past.purpose in COUNTED:
            made[past.customer_id].append(past.date)
    end = DAY.tz_localize("Asia/Shanghai") + pd.Timedelta(days=1)
    found: dict[int, tuple] = {}
    plan = book["planned"].assign(
        p=book["planned"]["purpose"].map(
            ["contact", "inquiry", "revisit", "campaign", "greeting", "complaint_answer"].index
        ),
        c=book["planned"]["channel"].map({"phone": 2, "mail": 3, "mobile": 6}),
    )
    for row in plan.sort_values(["date", "priority", "p", "c"], kind="stable").itertuples():
        who = people.loc[row.customer_id]
        state = state_of(book, row)
        complaints = book["complaints"][book["complaints"]["customer_id"] == row.customer_id]
        open_ = ((complaints["received_at"] < end)
                 & ~(complaints["closed_at"] < end)).any()  # fmt: skip
        past = sorted(made[row.customer_id])
        near = [d for d in past if d > row.date - pd.Timedelta(days=30)]
        company = who["kind"] == "company"
        young = not company and (
            pd.isna(who["birth_date"]) or who["birth_date"] + pd.DateOffset(years=18) > DAY
        )
        next_day = pd.NaT
        if pd.isna(who["deceased"]):
            outcome = "hold"
        elif who["deceased"]:
            outcome = "never"
        elif pd.isna(who["do_not_contact"]):
            outcome = "hold"
        elif who["do_not_contact"] or state in ("refused", "withdrawn"):
            outcome = "never"
        elif row.purpose in ("inquiry", "complaint_answer"):
            outcome = "allow"
        elif row.in_control or (young and pd.isna(who["birth_date"])):
            outcome = "hold"
        elif young:
            outcome = "never"
        elif state == "none" or open_:
            outcome = "hold"
        elif len(near) >= cap or (past and (row.date - past[-1]).days < cool_off):
            outcome = "hold"
            next_day = row.date + pd.Timedelta(days=1)
            while (  # the first later day that fits both, tried one by one
                sum(d > next_day - pd.Timedelta(days=30) for d in past) >= cap
                or (next_day - past[-1]).days < cool_off
            ):
                next_day += pd.Timedelta(days=1)
        else:
            outcome = "allow"
            made[row.customer_id].append(row.date)
        found[row.Index] = (outcome, next_day)
    return found


def decide(book: dict[str, pd.DataFrame], **change: Any) -> pd.DataFrame:
    given = {**book, **change}
    return may_contact(
        given["planned"],
        **{k: given[k] for k in ("customers", "consents", "contacts", "complaints")},
        as_of=DAY,
        policy=given.get("policy"),
    )


def together(books: list[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """Several books as one: the customers of each have numbers of their own."""
    parts = [
        {k: v.assign(customer_id=v["customer_id"] + 100 * i) for k, v in book.items()}
        for i, book in enumerate(books)
    ]
    return {k: pd.concat([p[k] for p in parts], ignore_index=True) for k in parts[0]}


@pytest.mark.parametrize(("cool_off", "seeds"), [(7, range(100)), (2, range(100, 150))])
def test_the_policy_is_the_row_loop_on_150_books(cool_off: int, seeds: range) -> None:
    policy = default_policy("marketing").with_parameters(cool_off_days=cool_off)
    books = [random_book(seed) for seed in seeds]
    found = decide(together(books), policy=policy)
    wanted = [row for book in books for _, row in sorted(by_rows(book, cool_off).items())]
    assert found["outcome"].astype(str).tolist() == [row[0] for row in wanted]
    days = pd.Series([row[1] for row in wanted], dtype="datetime64[s]")
    assert found["next_day"].equals(days.astype(found["next_day"].dtype))
    reasons = {r.id: r.because for r in policy.table("contact").rules}
    assert set(found["rule"].dropna()) == set(reasons)
    decided = found[found["rule"].notna()]
    assert decided["reason"].tolist() == [reasons[rule] for rule in decided["rule"]]
    assert found["allowed"].tolist() == (found["outcome"] == "allow").tolist()


def test_row_order_changes_nothing_and_no_contact_vanishes() -> None:
    for seed in range(12):
        book = random_book(seed)
        whole = decide(book)
        mixed = {k: v.sample(frac=1, random_state=seed) for k, v in book.items()}
        again = decide(mixed).loc[whole.index]
        pd.testing.assert_frame_equal(again, whole)
        assert whole.index.equals(book["planned"].index)
        assert whole["outcome"].notna().all()
        assert (whole["allowed"] == (whole["outcome"] == "allow")).all()


def test_other_customers_change_nothing() -> None:
    for seed in range(6):
        book = random_book(seed)
        whole = decide(book)
        for customer in book["planned"]["customer_id"].unique():
            own = book["planned"][book["planned"]["customer_id"] == customer]
            pd.testing.assert_frame_equal(decide(book, planned=own), whole.loc[own.index])


def test_the_table_has_no_gap_and_no_shadow() -> None:
    assert not default_policy("marketing").table("contact").check()


def test_a_run_of_march_uses_the_consents_of_march() -> None:
    said = pd.DataFrame(
        {
            "customer_id": [7, 7, 7],
            "purpose": ["campaign", "campaign", None],
            "channel": [None] * 3,
            "state": ["granted", "granted", "withdrawn"],
            "since": pd.to_datetime(["2026-01-01", "2026-05-01", "2026-04-01"]),
        }
    )
    march = consents_as_of(said, dt.date(2026, 3, 31))
    assert march["state"].tolist() == ["granted"]
    assert march["since"].tolist() == [pd.Timestamp("2026-01-01")]
    # a newer grant of one purpose does not lift the withdrawal of all
    june = consents_as_of(said, "2026-06-30")
    assert june["state"].tolist() == ["granted", "withdrawn"]


def test_what_is_refused() -> None:
    book = random_book(1)
    early = book["planned"].assign(date=DAY - pd.Timedelta(days=1))
    with pytest.raises(DataError, match="lie before 2026-06-30"):
        decide(book, planned=early)
    with pytest.raises(DataError, match="unknown customers"):
        decide(book, planned=book["planned"].assign(customer_id=999))
    with pytest.raises(DataError, match="deceased"):
        decide(book, customers=book["customers"].drop(columns="deceased"))


def test_a_cap_of_none_is_no_policy() -> None:
    """Who wants no marketing at all says so by a rule, not by a cap that hides the others."""
    with pytest.raises(PolicyError, match="never decides"):
        default_policy("marketing").with_parameters(contact_cap=0)


def test_a_complaint_is_open_from_its_day_to_the_day_before_its_closing() -> None:
    people = pd.DataFrame({"customer_id": [1], "deceased": False, "do_not_contact": False,
                           "kind": "person", "birth_date": pd.Timestamp("1980-01-01")})  # fmt: skip
    agreed = pd.DataFrame(
        {"customer_id": [1], "channel": "mail", "purpose": "campaign",
         "state": "granted", "since": DAY}
    )  # fmt: skip
    plan = pd.DataFrame({"customer_id": [1], "date": DAY, "purpose": "campaign", "channel": "mail"})
    for received, closed, outcome in (
        (0, None, "hold"), (1, None, "allow"), (-5, 0, "allow"), (-5, 1, "hold"),
    ):  # fmt: skip
        days = [None if n is None else DAY + pd.Timedelta(days=n) for n in (received, closed)]
        at, done = pd.DatetimeIndex(days).tz_localize("Asia/Shanghai")
        complaints = pd.DataFrame({"customer_id": [1], "received_at": at, "closed_at": [done]})
        complaints["closed_at"] = pd.to_datetime(complaints["closed_at"], utc=True)
        found = may_contact(plan, customers=people, consents=agreed, complaints=complaints,
                            contacts=plan.iloc[:0], as_of=DAY)  # fmt: skip
        assert found["outcome"].tolist() == [outcome], (received, closed)


def test_a_complaint_of_nobody_known_holds_back_nobody() -> None:
    book = random_book(3)
    received = pd.DatetimeIndex(["2026-06-01"] * 2).tz_localize("Asia/Shanghai")
    ids = [book["customers"].index[0], None]
    named, anonymous = (
        pd.DataFrame({"customer_id": pd.array(i, "Int64"), "received_at": received[: len(i)]})
        for i in (ids[:1], ids)
    )
    pd.testing.assert_frame_equal(
        decide(book, complaints=named), decide(book, complaints=anonymous)
    )
