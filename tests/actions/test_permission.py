"""The contact policy over the action list: nothing vanishes, nothing is allowed by ignorance."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bankcrm import Review, review
from bankcrm.actions import ContactRecords, Situation
from bankcrm.actions.contract import FOUND
from bankcrm.actions.permission import permitted
from bankcrm.actions.situation import calendar_for
from bankcrm.book import Book
from bankcrm.calendars import working_calendar
from bankcrm.datasets import make_book
from bankcrm.marketing import may_contact
from bankcrm.policy import default_policies

DAY = pd.Timestamp("2026-06-30")


@pytest.fixture(scope="module")
def silent() -> Book:
    """A book that records no consents."""
    whole = make_book(300, seed=7)
    people = whole.customers.drop(columns="deceased")
    return attrs.evolve(whole, consents=None, customers=people)


@pytest.fixture(scope="module")
def book(silent: Book) -> Book:
    """Three of four customers agreed, some only until a day ahead; one of twenty refused all."""
    ids = silent.customers["customer_id"]
    said = pd.DataFrame(
        {
            "customer_id": ids,
            "purpose": np.where(ids % 3 == 0, "contact", None),
            "state": np.where(ids % 20 == 0, "refused", "granted"),
            "since": DAY - pd.to_timedelta(ids % 300, unit="D"),
            "until": pd.Series(DAY + pd.Timedelta(days=5), ids.index).where(ids % 7 == 0),
        }
    )
    said.loc[ids % 20 == 0, "purpose"] = None
    people = silent.customers.assign(deceased=ids % 50 == 3)
    return attrs.evolve(silent, consents=said[ids % 4 != 1], customers=people)


def situation(found: Review, records: ContactRecords) -> Situation:
    days = calendar_for(working_calendar("CN"), found.as_of)
    return Situation(
        found.facts, found.complaints, found.as_of, found.policies, days, contacting=records
    )


@pytest.fixture(scope="module")
def found(book: Book) -> Review:
    return review(book, as_of=DAY)


def test_a_book_without_consents_allows_nothing_and_loses_nothing(
    silent: Book, found: Review
) -> None:
    unknown = review(silent, as_of=DAY).actions
    contacts = unknown["purpose"].notna()
    assert (unknown.loc[contacts, "contact"] == "unknown").all()
    assert (unknown.loc[contacts, "contact_reason"] == "consent is not known").all()
    assert unknown.loc[~contacts, ["contact", "contact_reason"]].isna().all(axis=None)
    # the policy marks actions and takes none away
    assert_frame_equal(unknown[list(FOUND)], found.actions[list(FOUND)])


def test_each_contact_has_the_verdict_of_the_policy(book: Book, found: Review) -> None:
    actions = found.actions[found.actions["purpose"].notna()]
    plan = actions[["customer_id", "purpose", "channel"]].assign(
        date=actions["due"].clip(lower=DAY), priority=actions["priority"].cat.codes
    )
    open_ = found.complaints[found.complaints["state"].isin(["open", "overdue"])]
    verdict = may_contact(
        plan.astype({"customer_id": "int64"}),
        customers=book.customers.assign(do_not_contact=False),
        consents=book.consents,
        contacts=book.contacts,
        complaints=open_.dropna(subset=["customer_id"]),
        as_of=DAY,
    )
    pairs = {"contact": "outcome", "contact_rule": "rule", "contact_reason": "reason"}
    for ours, theirs in pairs.items():
        assert actions[ours].astype(object).tolist() == verdict[theirs].astype(object).tolist()
    assert actions["contact_from"].equals(verdict["next_day"])
    assert set(actions["contact"].astype(str)) == {"allow", "hold", "never"}
    waits = actions["contact_rule"].isin(["cool-off", "cap"])
    assert waits.any()
    assert (actions["contact_from"].notna() == waits).all()
    assert (actions.loc[waits, "contact_from"] > plan.loc[waits, "date"]).all()


def test_service_passes_the_cap_but_never_a_refusal(book: Book, found: Review) -> None:
    service = found.actions[found.actions["purpose"].isin(["inquiry", "complaint_answer"])]
    gone = service["customer_id"].isin(book.customers.query("deceased")["customer_id"])
    refused = (service["customer_id"] % 20 == 0) & ~gone
    assert refused.any()
    assert (service.loc[refused, "contact_rule"] == "refused").all()
    assert (service.loc[gone, "contact_rule"] == "deceased").all()
    assert (service.loc[~refused & ~gone, "contact_rule"] == "service").all()


def test_no_marketing_comes_with_an_answer_that_the_bank_owes(found: Review) -> None:
    counted = default_policies()["marketing"].value("counted_purposes")
    service = found.actions[~found.actions["purpose"].isin(counted)]
    owed = service[service["purpose"].notna() & service["complaint_id"].isna()]
    assert set(owed["action"]) == {"answer_inquiry", "open_accounts"}
    assert not owed["reason"].str.contains(";").any()


def test_what_is_not_recorded_is_not_allowed(book: Book, found: Review) -> None:
    frames = book.frames()
    plain = frames["customers"].drop(columns="deceased")
    changes = {
        "contacts_in_window is not known": {**frames, "contacts": frames["contacts"].iloc[:0]},
        "open_complaint is not known": {**frames, "complaints": frames["complaints"].iloc[:0]},
        "it is not known whether the customer is alive": {**frames, "customers": plain},
    }
    for reason, kept in changes.items():
        records = ContactRecords.of(kept, {n for n, f in kept.items() if len(f)})
        actions = permitted(found.actions[list(FOUND)], situation(found, records))
        marketing = actions[actions["purpose"].isin(["contact", "campaign", "greeting"])]
        assert len(marketing)
        assert not (marketing["contact"] == "allow").any()
        assert reason in set(marketing["contact_reason"])


def test_without_consents_only_what_is_sure_is_said(book: Book, found: Review) -> None:
    frames = {n: f for n, f in book.frames().items() if n != "consents"}
    people = frames["customers"].assign(do_not_contact=frames["customers"]["customer_id"] % 9 == 0)
    records = ContactRecords.of({**frames, "customers": people}, set(frames))
    actions = permitted(found.actions[list(FOUND)], situation(found, records))
    actions = actions[actions["purpose"].notna()]
    sure = people.loc[people["deceased"] | people["do_not_contact"], "customer_id"]
    never = actions["customer_id"].isin(sure)
    assert never.any()
    assert (actions.loc[never, "contact"] == "never").all()
    assert (actions.loc[~never, "contact"] == "unknown").all()
    assert (actions.loc[~never, "contact_reason"] == "consent is not known").all()


def test_an_earlier_day_uses_the_consents_of_its_day(book: Book, found: Review) -> None:
    day = DAY - pd.Timedelta(days=150)
    known = book.check(day)[0].frame("consents")
    records = ContactRecords.of({**book.frames(), "consents": known}, set(book.frames()))
    then = attrs.evolve(situation(found, records), day=day.date())
    actions = permitted(found.actions[list(FOUND)], then)
    silent = actions["purpose"].notna() & ~actions["customer_id"].isin(known["customer_id"])
    assert set(actions.loc[silent & (actions["contact"] == "allow"), "contact_rule"]) == {"service"}
    said = found.actions.loc[silent, "contact"] == "allow"
    assert (said & (actions["contact_rule"] == "no-consent")).any()  # who agreed later


def test_a_consent_may_end_on_a_day_ahead(book: Book) -> None:
    checked, faults = book.check(DAY)
    assert checked.consents is not None
    assert (checked.consents["until"].dropna() > DAY).all()
    assert not [f for f in faults if f.frame == "consents"]
    late = book.consents.assign(since=DAY + pd.Timedelta(days=1))
    assert not len(attrs.evolve(book, consents=late).check(DAY)[0].consents)
