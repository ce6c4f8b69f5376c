"""Early warnings: signals, weights and order."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.book import Book
from bankcrm.book.view import BookView, book_view, view_of
from bankcrm.errors import DataError, MissingFactError
from bankcrm.lifecycle import (
    early_warnings,
    stage_facts,
)
from bankcrm.lifecycle.actions.signals import signal_facts_of
from bankcrm.lifecycle.actions.warnings import NEEDS
from bankcrm.lifecycle.stages.facts import stage_facts_of
from bankcrm.policy import Policy, default_policy
from bankcrm.rules import Rule
from bankcrm.testing.books import books

POLICY = default_policy("lifecycle")


DAY = "2026-03-31"


def weekly(customer: int, first: str, last: str, kind: str = "card") -> pd.DataFrame:
    dates = pd.date_range(first, last, freq="7D")
    return pd.DataFrame({"customer_id": customer, "date": dates, "kind": kind, "amount": -10.0})


CUSTOMERS = pd.DataFrame(
    {
        "customer_id": [1, 2, 3, 4, 5],
        "contract_date": pd.to_datetime(["2020-01-01"] * 5),
        "closed_date": pd.to_datetime([None, None, None, "2026-01-01", None]),
    }
)
MOVES = pd.concat(
    [
        weekly(1, "2025-10-01", "2026-03-30"),
        weekly(2, "2025-10-01", "2026-02-20"),
        weekly(3, "2025-10-01", "2026-03-30"),
        weekly(3, "2025-08-01", "2026-01-20", "salary"),
        weekly(4, "2025-10-01", "2025-12-30"),
        weekly(5, "2026-03-01", "2026-03-05"),
    ]
)


def all_facts(
    customers: pd.DataFrame = CUSTOMERS,
    moves: pd.DataFrame = MOVES,
    policy: Policy = POLICY,
    **frames: pd.DataFrame,
) -> pd.DataFrame:
    view = view_of({"customers": customers, "transactions": moves, **frames}, NEEDS)
    day = np.datetime64(DAY)
    facts = stage_facts_of(view, day, policy)
    return facts.join(signal_facts_of(view, facts, day, policy))


def warned(**more: Any) -> dict[int, str]:
    table = early_warnings(CUSTOMERS, MOVES, as_of=DAY, **more)
    return {c: str(r) for c, r in table["warning_rules"].astype(object).items() if r != "none"}


def test_a_customer_is_measured_by_their_own_rhythm() -> None:
    assert warned() == {2: "overdue", 3: "salary-gone"}
    facts = all_facts()
    assert facts.loc[2, "overdue_ratio"] == pytest.approx(40 / 7, rel=0.1)
    assert not facts.loc[5, "has_rhythm"]
    assert np.isnan(facts.loc[5, "overdue_ratio"])


@pytest.mark.parametrize(("last", "has_rhythm"), [("2026-03-16", False), ("2026-03-23", True)])
def test_a_rhythm_takes_four_active_days(last: str, has_rhythm: bool) -> None:
    facts = all_facts(moves=weekly(1, "2026-03-02", last))
    assert facts.loc[1, "has_rhythm"] == has_rhythm
    assert np.isnan(facts.loc[1, "overdue_ratio"]) != has_rhythm


def test_a_rule_gives_its_reason_and_without_one_its_signal() -> None:
    def reasons(policy: Policy | None = None) -> list[object]:
        found = early_warnings(CUSTOMERS, MOVES, as_of=DAY, policy=policy)
        return found.loc[[2, 3], "warning_reasons"].tolist()

    policy = default_policy("lifecycle")
    table = policy.table("warning")
    by_id = {rule.id: rule for rule in table.rules}
    assert reasons() == [by_id["overdue"].because, by_id["salary-gone"].because]
    bare = attrs.evolve(table, rules=tuple(attrs.evolve(r, because="") for r in table.rules))
    signals = [str(by_id[name].then) for name in ("overdue", "salary-gone")]
    assert reasons(policy.with_table(bare)) == signals


def test_each_source_adds_its_signal() -> None:
    accounts = pd.DataFrame(
        {
            "customer_id": [1, 1],
            "product": ["demand", "card"],
            "opened_date": pd.to_datetime(["2020-01-01"] * 2),
            "closed_date": pd.to_datetime([None, "2026-03-01"]),
        }
    )
    balances = pd.DataFrame(
        {
            "account_id": [7, 7, 8, 8],
            "customer_id": [1, 1, 5, 5],
            "date": pd.to_datetime(["2025-11-30", "2026-01-15"] * 2),
            "balance": [1000.0, 300.0, 1000.0, 900.0],
        }
    )
    complaints = pd.DataFrame(
        {
            "customer_id": [5, 1, None],
            "received_at": pd.to_datetime(["2026-03-01"] * 3).tz_localize("Asia/Shanghai"),
            "closed_at": pd.to_datetime([None, "2026-03-05", None]).tz_localize("Asia/Shanghai"),
            "satisfaction": [None, 20.0, None],
        }
    )
    found = warned(accounts=accounts, balances=balances, complaints=complaints)
    assert found[1] == "balance-falling+product-closed+complaint-badly-solved"
    assert found[5] == "complaint-open"
    assert 4 not in found  # closed already: nothing to be warned of
    later = complaints.assign(closed_at=complaints["closed_at"] + pd.Timedelta(days=60))
    assert warned(complaints=later)[1] == "complaint-open"
    assert warned(complaints=later.assign(received_at=later["closed_at"])[1:2]) == warned()
    bare = complaints[["customer_id", "received_at"]]
    assert warned(complaints=bare) == warned()  # nothing says which are open
    answered = bare.assign(answered_at=complaints["closed_at"])
    assert warned(complaints=answered)[5] == "complaint-open"
    assert 1 not in warned(accounts=accounts.drop(columns="closed_date"))
    today = accounts.assign(closed_date=pd.Timestamp(DAY))
    assert warned(accounts=today)[1] == "product-closed"
    tomorrow = accounts.assign(closed_date=pd.Timestamp(DAY) + pd.Timedelta(days=1))
    assert 1 not in warned(accounts=tomorrow)


def test_each_source_may_have_names_of_its_own() -> None:
    closed = pd.Timestamp("2026-03-01")
    sources = {
        "accounts": pd.DataFrame(
            {"customer_id": [1], "product": "card", "opened_date": closed, "closed_date": closed}
        ),
        "balances": pd.DataFrame(
            {
                "account_id": [7, 7],
                "customer_id": [1, 1],
                "date": pd.to_datetime(["2025-11-30", "2026-01-15"]),
                "balance": [1000.0, 300.0],
            }
        ),
        "complaints": pd.DataFrame(
            {
                "customer_id": [5],
                "received_at": [closed.tz_localize("Asia/Shanghai")],
                "closed_at": pd.to_datetime([None]).tz_localize("Asia/Shanghai"),
            }
        ),
    }
    theirs = {
        "accounts": {"closed_date": "ended"},
        "balances": {"balance": "saldo"},
        "complaints": {"received_at": "came_in"},
    }
    renamed = {
        name: frame.rename(columns=theirs[name]).reset_index(drop=True)
        for name, frame in sources.items()
    }
    found = warned(**sources)
    assert found[1] == "balance-falling+product-closed"
    assert found[5] == "complaint-open"
    assert warned(**renamed, names=theirs) == found
    columns = {"customer_id": "who", "date": "day", "kind": "sort"}
    customers = CUSTOMERS.rename(columns={"customer_id": "who"})
    table = early_warnings(
        customers,
        MOVES.rename(columns=columns),
        as_of=DAY,
        names={"customers": {"customer_id": "who"}, "transactions": columns},
    )["warning_rules"].astype(object)
    assert table[table != "none"].to_dict() == warned()


@pytest.mark.parametrize(
    ("name", "column"),
    [("accounts", "product"), ("balances", "account_id"), ("complaints", "received_at")],
)
def test_a_source_that_does_not_fit_is_named(name: str, column: str) -> None:
    with pytest.raises(DataError, match=rf"{name}\.{column}.*: missing column"):
        early_warnings(CUSTOMERS, MOVES, as_of=DAY, **{name: pd.DataFrame({"customer_id": [1]})})


def test_warnings_use_the_facts_of_their_own_policy() -> None:
    policy = POLICY.with_parameters(recent_days=14)
    facts = stage_facts(CUSTOMERS, MOVES, as_of=DAY, policy=policy)
    found = all_facts(policy=policy)
    pd.testing.assert_frame_equal(found[facts.columns], facts)
    unknown = pd.DataFrame(
        {"customer_id": [9], "product": "card", "opened_date": DAY, "closed_date": DAY}
    )
    dated = unknown.astype({"opened_date": "datetime64[s]", "closed_date": "datetime64[s]"})
    with pytest.raises(DataError, match=r"accounts\.customer_id: 1 rows .*\(9\)"):
        all_facts(accounts=dated)


def test_a_salary_paid_on_the_day_is_not_gone() -> None:
    salaries = weekly(3, DAY, DAY, "salary")
    assert all_facts()["salary_gone"].to_dict()[3]
    paid = all_facts(moves=pd.concat([MOVES, salaries]))
    assert not paid["salary_gone"].any()


def test_a_quiet_product_is_quiet_for_the_warnings_too() -> None:
    term = pd.DataFrame(
        {"customer_id": [1], "product": "term", "opened_date": pd.to_datetime(["2020-01-01"])}
    )
    facts = all_facts(accounts=term)
    assert facts["quiet_product"].to_dict() == {1: True, 2: False, 3: False, 4: False, 5: False}


def test_warnings_are_ranked_by_what_is_at_stake() -> None:
    by_score = early_warnings(CUSTOMERS, MOVES, as_of=DAY)
    assert by_score["warning_signals"].tolist() == [1, 1, 0, 0, 0]
    assert by_score.index[:2].tolist() == [3, 2]
    assert set(by_score.index) == set(CUSTOMERS["customer_id"])
    assert by_score["warning_reasons"].iloc[-1] == ""
    value = pd.Series([5.0, 9.0, 2.0, 1.0, 0.0], index=[1, 2, 3, 4, 5])
    by_value = early_warnings(CUSTOMERS, MOVES, as_of=DAY, value=value)
    assert by_value.index[:2].tolist() == [2, 3]
    assert by_value["value_at_stake"].iloc[0] == 9
    assert by_value["warning"].iloc[-1] == "none"
    with pytest.raises(DataError, match=r"value: missing for 1 customers with a signal \(3\)"):
        early_warnings(CUSTOMERS, MOVES, as_of=DAY, value=value.drop(3))


@given(st.permutations([1, 2, 3, 4, 5]))
@settings(max_examples=8)
def test_the_order_of_the_values_at_stake_does_not_matter(order: list[int]) -> None:
    value = pd.Series([5.0, 9.0, 2.0, 1.0, 0.0], index=[1, 2, 3, 4, 5]).reindex(order)
    table = early_warnings(CUSTOMERS, MOVES, as_of=DAY, value=value)
    assert table.index[:2].tolist() == [2, 3]
    assert table["value_at_stake"].to_dict() == value.to_dict()


def test_a_signal_without_a_weight_is_a_fault() -> None:
    kept = tuple(r for r in POLICY.raw_records["signal"] if r["signal"] != "overdue")
    policy = attrs.evolve(POLICY, raw_records={**POLICY.raw_records, "signal": kept})
    with pytest.raises(DataError, match="signals overdue have no record"):
        early_warnings(CUSTOMERS, MOVES, as_of=DAY, policy=policy)


def test_without_kinds_no_salary_is_missed() -> None:
    plain = MOVES.drop(columns="kind")
    assert "salary-gone" not in set(
        early_warnings(CUSTOMERS, plain, as_of=DAY)["warning_rules"].astype(object)
    )


# --- balances ---------------------------------------------------------------------------------


def balances_of(*rows: tuple[int, int, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["account_id", "customer_id", "date", "balance"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def ratio(*rows: tuple[int, int, str, float], **frames: pd.DataFrame) -> float:
    return float(all_facts(balances=balances_of(*rows), **frames).loc[1, "balance_ratio"])


# On 2026-03-31 the recent window is 2026-01-01 .. 03-31 and the earlier one the 90 days before.
START, MIDDLE = "2025-10-03", "2026-01-01"


def test_each_balance_counts_for_its_days() -> None:
    assert ratio((7, 1, START, 1000), (7, 1, MIDDLE, 500)) == 0.5
    # 60 of the 90 recent days at 1,000 and 30 at 400.
    assert ratio((7, 1, START, 1000), (7, 1, "2026-03-02", 400)) == pytest.approx(0.8)
    daily = [(7, 1, str(d), 1000.0) for d in pd.date_range(START, "2026-03-01").date]
    assert ratio(*daily, (7, 1, "2026-03-02", 400)) == pytest.approx(0.8)


def test_the_windows_begin_and_end_on_their_days() -> None:
    """The first and the last day of each window count, and the day before the first does not."""
    a_day = (7, 1, START, 900), (7, 1, "2025-10-04", 0)
    assert ratio(*a_day, (7, 1, "2026-03-31", 900)) == 1  # one day of 90 in either
    assert ratio(*a_day, (7, 1, "2025-12-31", 900), (7, 1, MIDDLE, 0)) == 0
    before = (7, 1, "2025-10-02", 900), (7, 1, START, 0)
    assert math.isnan(ratio(*before, (7, 1, MIDDLE, 900)))


def test_a_small_balance_has_a_ratio_too() -> None:
    assert ratio((7, 1, START, 0.5), (7, 1, MIDDLE, 0.25)) == 0.5


def test_a_debt_counts_against_the_balances() -> None:
    """1,000 and a debt of 500 before; the debt is paid at the middle."""
    debt = (8, 1, START, -500), (8, 1, MIDDLE, 0)
    assert ratio((7, 1, START, 1000), *debt) == 2


def test_windows_of_other_lengths_compare_averages_not_sums() -> None:
    """One account holds 900 on the last of 30 earlier days, then 300 on each of 10 recent ones."""
    days = POLICY.with_parameters(earlier_days=30, recent_days=10)
    rows = balances_of((7, 1, "2026-03-21", 900), (7, 1, "2026-03-22", 300))
    facts = all_facts(policy=days, balances=rows)
    assert facts.loc[1, "balance_ratio"] == pytest.approx(1 / 3)


def test_money_that_moves_between_own_accounts_does_not_fall() -> None:
    moved = ((7, 1, START, 1000), (7, 1, "2025-11-17", 0), (8, 1, "2025-11-17", 1000))
    assert ratio(*moved) == pytest.approx(1)


def test_the_days_before_the_first_known_balance_do_not_count_as_zero() -> None:
    assert ratio((7, 1, "2025-12-20", 1000), (7, 1, MIDDLE, 500)) == 0.5
    facts = all_facts(balances=balances_of((7, 1, MIDDLE, 500)))
    assert not facts["balance_known"].any()
    assert facts["balance_ratio"].isna().all()


def test_an_account_holds_nothing_after_its_closing_day() -> None:
    accounts = pd.DataFrame(
        {
            "account_id": [7],
            "customer_id": [1],
            "product": ["demand"],
            "opened_date": pd.to_datetime([START]),
            "closed_date": pd.to_datetime(["2026-01-30"]),
        }
    )
    assert ratio((7, 1, START, 900), accounts=accounts) == pytest.approx(30 / 90)


# --- plug-in facts and contacts ---------------------------------------------------------------


def with_rule(table: str, fact: str, rule: Rule) -> Policy:
    old = POLICY.table(table)
    facts = {**old.facts, fact: "boolean"}
    return POLICY.with_table(attrs.evolve(old, rules=(rule, *old.rules), facts=facts))


VIP = pd.DataFrame({"vip": [True, False, False, False, False]}, index=[1, 2, 3, 4, 5])


def test_own_facts_reach_the_tables_stage_warning_and_warning_level() -> None:
    when = {"vip": "= true"}
    stage = with_rule("stage", "vip", Rule("vip", when, "lost", "own"))
    frames = {"customers": CUSTOMERS, "transactions": MOVES}
    rules = early_warnings(**frames, as_of=DAY, facts=VIP, policy=stage)["warning_rules"]
    assert rules[1] == "none", "a lost customer has no warning"
    warning = with_rule("warning", "vip", Rule("own-vip", when, "overdue", "own"))
    table = early_warnings(**frames, as_of=DAY, facts=VIP, policy=warning)
    assert table.loc[1, ["warning", "warning_rules"]].tolist() == ["watch", "own-vip"]
    level = with_rule("warning_level", "vip", Rule("own-vip", when, "alarm", "own"))
    table = early_warnings(**frames, as_of=DAY, facts=VIP, policy=level)
    assert (table["warning"] == "alarm").to_dict() == VIP["vip"].to_dict()
    with pytest.raises(MissingFactError, match="vip"):
        early_warnings(**frames, as_of=DAY, facts=VIP.drop(1), policy=level)


def test_own_facts_must_be_one_row_per_customer_under_names_of_their_own() -> None:
    frames = {"customers": CUSTOMERS, "transactions": MOVES}
    with pytest.raises(DataError, match=r"facts: customers with several rows \(1\)"):
        early_warnings(**frames, as_of=DAY, facts=pd.concat([VIP, VIP[:1]]))
    with pytest.raises(DataError, match="facts: days_idle are computed by the library"):
        early_warnings(**frames, as_of=DAY, facts=VIP.rename(columns={"vip": "days_idle"}))
    with pytest.raises(DataError, match="facts: salary_gone are computed by the library"):
        early_warnings(**frames, as_of=DAY, facts=VIP.rename(columns={"vip": "salary_gone"}))


def test_warnings_see_the_stage_that_contacts_decide() -> None:
    when = {"stage": "= lead", "complaint_open": "= true"}
    policy = with_rule("warning", "vip", Rule("lead-complaint", when, "complaint_open", "own"))
    received = pd.to_datetime(["2026-03-01"]).tz_localize("Asia/Shanghai")
    frames = {
        "customers": pd.DataFrame({"customer_id": [9]}),
        "transactions": MOVES.iloc[:0],
        "complaints": pd.DataFrame(
            {
                "customer_id": [9],
                "received_at": received,
                "closed_at": received + pd.Timedelta("9W"),
            }
        ),
    }
    met = pd.DataFrame(
        {"customer_id": [9], "date": pd.to_datetime(["2026-02-01"]), "purpose": "inquiry"}
    )
    without = early_warnings(**frames, as_of=DAY, policy=policy)
    assert without["warning_rules"].tolist() == ["none"]
    with_contact = early_warnings(**frames, as_of=DAY, policy=policy, contacts=met)
    assert with_contact["warning_rules"].tolist() == ["lead-complaint"]


@pytest.mark.parametrize(("time", "known"), [("15:59", True), ("16:00", False)])
def test_a_complaint_is_received_on_the_local_day_of_the_bank(time: str, known: bool) -> None:
    received = pd.to_datetime([f"{DAY}T{time}"]).tz_localize("UTC")
    complaints = pd.DataFrame(
        {
            "customer_id": [5],
            "received_at": received,
            "closed_at": pd.to_datetime([None], utc=True),
        }
    )
    assert all_facts(complaints=complaints)["complaint_open"].to_dict()[5] is known


@given(books(), st.data())
def test_a_block_of_customers_has_the_signals_of_the_whole_book(
    book: Book, data: st.DataObject
) -> None:
    ids = book.customers["customer_id"].tolist()
    some = data.draw(st.lists(st.sampled_from(ids), min_size=1, unique=True))
    recorded = [n for n, f in book.frames().items() if len(f)]
    whole = signals_of(book_view(book, recorded=recorded))
    part = attrs.evolve(
        book,
        **{
            n: f[f["customer_id"].isin(some)]
            for n, f in book.frames().items()
            if n in recorded and "customer_id" in f
        },
    )
    found = signals_of(book_view(part, recorded=recorded))
    pd.testing.assert_frame_equal(found, whole.loc[found.index])


def signals_of(view: BookView) -> pd.DataFrame:
    day = np.datetime64("2026-06-30")
    facts = stage_facts_of(view, day, POLICY)
    return facts.join(signal_facts_of(view, facts, day, POLICY))


# --- edges of the windows ---------------------------------------------------------------------


def before(days: int) -> pd.Timestamp:
    return pd.Timestamp(DAY) - pd.Timedelta(days=days)


@pytest.mark.parametrize(
    ("closed", "expected"),
    [(-1, (True, False)), (0, (False, True)), (179, (False, True)), (180, (False, False))],
)
def test_a_complaint_is_open_until_its_closing_and_then_remembered_for_180_days(
    closed: int, expected: tuple[bool, bool]
) -> None:
    instants = pd.DatetimeIndex([before(200), before(closed)]).tz_localize("Asia/Shanghai")
    complaints = pd.DataFrame(
        {"customer_id": [5], "received_at": instants[:1], "closed_at": instants[1:]}
    ).assign(satisfaction=49.0)
    facts = all_facts(complaints=complaints).loc[5]
    assert (facts["complaint_open"], facts["complaint_badly_solved"]) == expected
    content = all_facts(complaints=complaints.assign(satisfaction=50.0)).loc[5]
    assert not content["complaint_badly_solved"]


@pytest.mark.parametrize(
    ("days", "gone"),
    [((269, 200, 46), True), ((270, 200, 46), False), ((269, 200, 45), False), ((200, 46), False)],
)
def test_pay_is_gone_after_three_payments_in_270_days_and_none_in_45(
    days: tuple[int, ...], gone: bool
) -> None:
    pay = pd.DataFrame({"customer_id": 5, "date": [before(d) for d in days], "kind": "salary"})
    assert all_facts(moves=pay.assign(amount=1.0)).loc[5, "salary_gone"] == gone


@pytest.mark.parametrize(("days", "closed"), [(-1, False), (0, True), (89, True), (90, False)])
def test_a_product_closed_within_90_days_is_a_signal(days: int, closed: bool) -> None:
    accounts = pd.DataFrame(
        {
            "customer_id": [1],
            "product": ["card"],
            "opened_date": [before(500)],
            "closed_date": [before(days)],
        }
    )
    assert all_facts(accounts=accounts).loc[1, "product_closed"] == closed


@pytest.mark.parametrize(("days", "count"), [(-1, 0), (0, 1), (89, 1), (90, 0)])
def test_automatic_movements_are_counted_within_90_days(days: int, count: int) -> None:
    fee = pd.DataFrame({"customer_id": [1], "date": [before(days)], "kind": ["fee"]})
    assert all_facts(moves=fee.assign(amount=-1.0)).loc[1, "automatic_count"] == count
