"""One input goes through every domain and every engine, and means the same everywhere."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bankcrm.book import Book
from bankcrm.book.contract import CONTRACT
from bankcrm.datasets import make_book
from bankcrm.engines import DuckDBEngine
from bankcrm.lifecycle import loss_causes
from bankcrm.plugins import AddRecords, AddRule, Change, SetParameter, assemble, hookimpl
from bankcrm.policy import PolicySet, default_policies, default_policy
from bankcrm.reviews import EngineReview, Review, review
from bankcrm.rules import Parameter, Rule
from bankcrm.segmentation import segment_attributes
from bankcrm.valuation import rules_of_thumb

Engine = Callable[[Book], Any]
ENGINES = pytest.mark.parametrize("on", [lambda book: book, DuckDBEngine], ids=["memory", "DuckDB"])
CUSTOMER = 100_007


ONE_MOVE = pd.DataFrame(
    {"customer_id": [0], "date": [pd.Timestamp("2025-01-05")], "amount": 1.0, "kind": "card"}
)
COMPANY = pd.DataFrame(
    {
        "kind": ["company"],
        "founded_date": [pd.Timestamp("2025-05-01")],
        "revenue_growth": [-0.3],
    },
    index=pd.Index([1], name="customer_id"),
)


def with_changes(*changes: Change) -> PolicySet:
    module = types.ModuleType("board")
    vars(module)["changes"] = hookimpl(lambda: list(changes))
    return assemble(plugins=[module])


def lost_for(reasons: list[str | None]) -> pd.DataFrame:
    """Customers who were lost in the last year, with these reasons."""
    return pd.DataFrame(
        {
            "customer_id": range(len(reasons)),
            "kind": "person",
            "contract_date": pd.Timestamp("2020-01-01"),
            "closed_date": pd.Timestamp("2026-02-01"),
            "closure_reason": reasons,
        }
    )


def facts_of(found: Review) -> pd.DataFrame:
    return found.output.frame() if isinstance(found, EngineReview) else found.facts


def with_complaint(received: str, closed: str | None = None) -> Book:
    """A bank with one complaint."""
    complaint = pd.DataFrame(
        {
            "complaint_id": [1],
            "customer_id": [CUSTOMER],
            "received_at": [pd.Timestamp(received)],
            "kind": ["complaint"],
            "answered_at": pd.to_datetime([closed], utc=True),
            "closed_at": pd.to_datetime([closed], utc=True),
        }
    )
    whole = make_book(60, seed=4)
    return Book(**{**whole.frames(), "complaints": complaint}, name="late")


@ENGINES
@pytest.mark.parametrize("received", ["2026-03-01T17:00:00+00:00", "2026-03-02T01:00:00+08:00"])
def test_a_complaint_late_in_the_evening_is_received_on_the_banks_day(
    on: Engine, received: str
) -> None:
    """1 March in London, 2 March in Shanghai: known to every domain from the 2nd on."""
    book = with_complaint(received)
    before = review(on(book), as_of="2026-03-01")
    assert before.summary["complaints"]["accepted"] == 0
    assert not facts_of(before)["complaint_open"].any()
    [finding] = before.findings.query("frame == 'complaints'").to_dict("records")
    assert (finding["problem"], finding["count"]) == ("after_as_of", 1)
    after = review(on(book), as_of="2026-03-02")
    assert after.complaints["state"].tolist() == ["open"]
    assert facts_of(after)["complaint_open"].to_dict()[CUSTOMER]
    london = default_policies().with_policy(
        default_policy("bank").with_parameters(time_zone="Europe/London")
    )
    there = review(on(book), as_of="2026-03-01", policies=london)
    assert there.complaints["state"].tolist() == ["open"]
    assert facts_of(there)["complaint_open"].to_dict()[CUSTOMER]


@ENGINES
def test_a_complaint_closed_late_in_the_evening_is_closed_on_the_banks_day(on: Engine) -> None:
    """Closed on 1 March in London, 2 March in Shanghai: open at the end of 1 March."""
    book = with_complaint("2026-02-27T02:00:00+00:00", closed="2026-03-01T17:00:00+00:00")
    for day, is_open in (("2026-03-01", True), ("2026-03-02", False)):
        found = review(on(book), as_of=day)
        assert facts_of(found)["complaint_open"].to_dict()[CUSTOMER] is is_open
        assert found.complaints["state"].isin(["open", "overdue"]).tolist() == [is_open]


@ENGINES
def test_a_window_begins_on_the_banks_day(on: Engine) -> None:
    """The year before 30 June 2026 begins with 1 July: 17:00 in London is already in it."""

    def value(received: str) -> float:
        found = review(on(with_complaint(received)), as_of="2026-06-30")
        return float(facts_of(found).loc[CUSTOMER, "value_score"])

    late = value("2025-06-30T17:00:00+00:00")
    assert late == value("2025-07-02T02:00:00+00:00")
    assert late < value("2025-06-30T15:00:00+00:00")


@ENGINES
def test_the_due_day_counts_from_the_business_day(on: Engine) -> None:
    """After the cut-off a complaint counts from the next day, but it is known on its own."""
    cut = default_policies().with_policy(default_policy("bank").with_parameters(cutoff_hour=17))
    book = with_complaint("2026-03-02T18:00:00+08:00")
    early, late = (
        review(on(book), as_of="2026-03-02", policies=policies) for policies in (None, cut)
    )
    assert late.complaints["due"].iloc[0] > early.complaints["due"].iloc[0]
    for found in (early, late):
        assert facts_of(found)["complaint_open"].to_dict()[CUSTOMER]


def test_every_loss_reason_is_known_to_every_domain() -> None:
    reasons = [r["code"] for r in default_policy("bank").raw_records["loss_reason"]]
    reasons += list(default_policy("bank").value("loss_reason_shares"))
    size = len(reasons) + 3
    customers = lost_for([*reasons, None, None, None])
    book = Book(customers, ONE_MOVE, as_of="2026-06-30")
    lost = loss_causes(customers)
    assert lost["count"].sum() == size
    thumb = rules_of_thumb(book, as_of="2026-06-30", contribution=pd.Series(1.0, index=range(size)))
    measured = thumb[thumb["rule"] == "14:9:9:68"]
    assert (measured["observed"] * size).round(6).tolist() == lost["count"].tolist()
    assert review(book, as_of="2026-06-30").customers["stage"].tolist() == ["lost"] * size


def test_a_loss_reason_of_a_plugin_is_known_to_every_domain() -> None:
    own = AddRecords("bank", "loss_reason", ({"code": "merged_away", "group": "other"},))
    policies = with_changes(own)
    customers = lost_for(["merged_away", "merged_away", "fees"])
    found = loss_causes(customers, policy=policies["lifecycle"])
    assert found.loc["other", "count"] == 2
    book = Book(customers, ONE_MOVE, as_of="2026-06-30")
    profit = pd.Series(1.0, index=range(3))
    thumb = rules_of_thumb(
        book, as_of="2026-06-30", contribution=profit, policy=policies["valuation"]
    )
    measured = thumb[thumb["rule"] == "14:9:9:68"]
    assert (measured["observed"] * 3).round(6).tolist() == found["count"].tolist()


@ENGINES
def test_a_zone_of_a_plugin_moves_the_day_in_every_domain(on: Engine) -> None:
    """1 March 17:00 in London is still 1 March there: the complaint is known on that day."""
    zone = SetParameter("bank", "time_zone", Parameter("Europe/London"))
    book = with_complaint("2026-03-01T17:00:00+00:00")
    found = review(on(book), as_of="2026-03-01", policies=with_changes(zone))
    assert found.complaints["state"].tolist() == ["open"]
    assert facts_of(found)["complaint_open"].to_dict()[CUSTOMER]


def test_a_plugin_changes_the_phase_of_a_company_in_the_one_table() -> None:
    rule = Rule("falling", {"revenue_growth": "< -0.2"}, "decline", "board", because="it shrinks")
    first = default_policy("bank").table("company_phase").rules[0].id
    policies = with_changes(AddRule("bank", "company_phase", rule, before=first))
    found = segment_attributes(COMPANY, as_of="2026-06-30", policy=policies["segmentation"])
    assert found["company_phase"].tolist() == ["decline"]
    assert found["company_phase_rule"].tolist() == ["falling"]


def test_a_company_has_one_phase() -> None:
    """One year old with falling revenue: entry, by the only table there is."""
    named = {d: p.tables for d, p in default_policies().policies.items()}
    assert [
        d for d, tables in named.items() if any("phase" in t and "value" not in t for t in tables)
    ] == ["bank"]
    assert segment_attributes(COMPANY, as_of="2026-06-30")["company_phase"].tolist() == ["entry"]


@ENGINES
def test_a_customer_who_joined_yesterday(on: Engine) -> None:
    whole = make_book(80, seed=2)
    customers = whole.customers.copy()
    place = customers.index[customers["customer_id"] == CUSTOMER]
    customers.loc[place, "contract_date"] = pd.Timestamp("2026-06-29")
    customers.loc[place, ["closed_date", "closure_reason"]] = None
    frames = {
        n: f if n in ("customers", "links", "capital") else f[f["customer_id"] != CUSTOMER]
        for n, f in whole.frames().items()
    }
    found = review(on(Book(**{**frames, "customers": customers})), as_of="2026-06-30")
    row = facts_of(found).loc[CUSTOMER]
    assert (row["stage"], row["days_since_contract"], row["days_idle"]) == ("new", 1, 1)
    assert (row["contribution"], row["warning"]) == (0.0, "none")
    assert pd.isna(row["segment"])
    assert row["tier"] in ("ordinary", "potential")
    day_before = review(on(Book(**{**frames, "customers": customers})), as_of="2026-06-28")
    assert CUSTOMER not in facts_of(day_before).index, "no trace of the customer by then"
    assert "not_yet_known" in set(day_before.findings["problem"])
    customers.loc[place, "first_contact_date"] = pd.Timestamp("2026-06-28")
    met = review(on(Book(**{**frames, "customers": customers})), as_of="2026-06-28")
    assert facts_of(met).loc[CUSTOMER, "stage"] in ("prospect", "lead")


@pytest.mark.parametrize("null", [None, float("nan"), pd.NaT], ids=str)
def test_a_column_without_a_value_means_the_same_whatever_its_dtype(null: object) -> None:
    """Every optional column is null: a number, a day and an object that are missing are alike."""
    frames = {
        n: f.assign(**{c.name: null for c in CONTRACT[n] if not c.required and c.name in f.columns})
        for n, f in make_book(60, seed=4).frames().items()
    }
    book = Book(**frames, name="null")
    memory, duck = (
        facts_of(review(source, as_of="2026-06-30")).sort_index()
        for source in (book, DuckDBEngine(book))
    )
    ours, theirs = (
        f.astype(object).where(f.notna(), None).astype(str) for f in (memory[duck.columns], duck)
    )
    assert_frame_equal(theirs, ours, check_names=False)
