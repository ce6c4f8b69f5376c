"""Facts and stages as of a day: against a slow reading of the rules, and their laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bankcrm.book.view import day_number, view_of
from bankcrm.errors import DataError, MissingFactError
from bankcrm.lifecycle import assign_stages, stage_facts
from bankcrm.lifecycle.stages.facts import FACTS_OF_ANY_DAY, NEEDS, facts_on
from bankcrm.lifecycle.stages.timeline import read_timeline
from bankcrm.lifecycle.stages.windows import Windows
from bankcrm.policy import Policy, default_policy
from bankcrm.rules import Rule

Make = Callable[..., Any]
seeds = st.integers(0, 100_000)
days = st.integers(-30, 1500).map(lambda n: np.datetime64("2022-01-01") + n)
DORMANCY = {"new": 0, "active": 0, "dormant": 1, "lost": 2}
POLICY = default_policy("lifecycle")
AUTOMATIC = {*POLICY.value("bank_made_kinds"), *POLICY.value("standing_order_kinds")}


def slow_facts(customer: Any, moves: list[Any], day: pd.Timestamp) -> dict[str, Any]:
    """One customer's facts, read straight off the definitions."""
    past = [m for m in moves if m.customer_id == customer.customer_id and m.date <= day]
    own = sorted(m.date for m in past if m.kind not in AUTOMATIC)
    contract = customer.contract_date
    if pd.isna(contract) or contract > day:
        contract = min((m.date for m in past), default=None)
    signed = not pd.isna(contract)
    shut = not pd.isna(customer.closed_date) and customer.closed_date <= day
    last = own[-1] if own else None
    back = shut and (
        (last is not None and last > customer.closed_date)
        or (signed and contract > customer.closed_date)
    )
    age = [(day - d).days for d in own]
    recent, earlier = sum(a < 90 for a in age), sum(90 <= a < 180 for a in age)
    anchor = max(d for d in (contract, last) if d is not None) if signed else None
    gaps = sorted(set(own))
    return {
        "has_contract": signed,
        "closed": shut and not back,
        "returned": back,
        "contacted": not pd.isna(customer.first_contact_date)
        and customer.first_contact_date <= day,
        "inquired": not pd.isna(customer.inquiry_date) and customer.inquiry_date <= day,
        "days_since_contract": (day - contract).days if signed else None,
        "days_idle": (day - anchor).days if signed else None,
        "recent_count": recent,
        "earlier_count": earlier,
        "activity_ratio": 1.0 if recent and not earlier else recent / max(earlier, 1),
        "active_days": len(gaps),
        "usual_gap_days": (gaps[-1] - gaps[0]).days / (len(gaps) - 1) if len(gaps) > 1 else None,
    }


def slow_stage(f: dict[str, Any], kind: str) -> str:
    """The six stages of LCM-2 in plain words."""
    person = kind == "person"
    if f["closed"]:
        return "lost"
    if not f["has_contract"]:
        return "lead" if f["inquired"] or f["contacted"] else "prospect"
    if f["days_since_contract"] < 90:
        return "new"
    if f["days_idle"] >= (365 if person else 540):
        return "lost"
    if f["days_idle"] >= (90 if person else 120) and f["activity_ratio"] < 0.5:
        return "dormant"
    return "active"


@given(seeds, days)
def test_facts_and_stages_are_what_the_definitions_say(
    make_small_book: Make, seed: int, day: np.datetime64
) -> None:
    book = make_small_book(seed)
    facts = stage_facts(book.customers, book.transactions, as_of=day)
    stages = assign_stages(facts)
    moves = list(book.transactions.itertuples())
    for customer in book.customers.itertuples():
        found = facts.loc[customer.customer_id]
        expected = slow_facts(customer, moves, pd.Timestamp(day))
        for name, value in expected.items():
            if value is None:
                assert pd.isna(found[name]), name
            else:
                assert found[name] == pytest.approx(value), name
        assert stages.loc[customer.customer_id, "stage"] == slow_stage(expected, customer.kind)


@given(seeds, days)
def test_nothing_after_the_day_matters(
    make_small_book: Make, seed: int, day: np.datetime64
) -> None:
    book = make_small_book(seed)
    cut = book.customers.copy()
    for column in cut.columns[cut.columns.str.endswith("_date")]:
        cut[column] = cut[column].where(cut[column] <= pd.Timestamp(day))
    past = book.transactions[book.transactions["date"] <= pd.Timestamp(day)]
    pd.testing.assert_frame_equal(
        stage_facts(book.customers, book.transactions, as_of=day),
        stage_facts(cut, past, as_of=day),
    )


def more_dormant(before: pd.Series, after: pd.Series) -> pd.Series:
    """Which customers moved to a more dormant stage."""
    was, now = before.astype(object).map(DORMANCY), after.astype(object).map(DORMANCY)
    return was.notna() & (now > was)


@given(seeds, days, seeds)
def test_more_activity_never_makes_a_customer_more_dormant(
    make_small_book: Make, seed: int, day: np.datetime64, other: int
) -> None:
    book, more = make_small_book(seed), make_small_book(other)
    ids = book.customers["customer_id"].to_numpy()
    extra = more.transactions.assign(
        customer_id=np.random.default_rng(other).choice(ids, len(more.transactions))
    )
    both = pd.concat([book.transactions, extra])
    before = assign_stages(stage_facts(book.customers, book.transactions, as_of=day))
    facts = stage_facts(book.customers, both, as_of=day)
    fell = more_dormant(before["stage"], assign_stages(facts)["stage"])
    # Without a contract on file an older movement tells of an older contract, which is no activity.
    assert not (fell & (facts["contract_basis"] == "contract_date")).any()


STRICTER = [
    default_policy("lifecycle").with_parameters(
        dormant_after_days=dormant, lost_after_days=dormant + 100, decline_ratio=ratio
    )
    for dormant, ratio in ((5, 2.0), (30, 0.8), (120, 0.1))
]


@given(seeds, days, st.sampled_from(STRICTER))
def test_recent_activity_never_makes_a_customer_more_dormant_under_any_thresholds(
    make_small_book: Make, seed: int, day: np.datetime64, policy: Policy
) -> None:
    book = make_small_book(seed)
    recent = book.transactions.assign(date=pd.Timestamp(day) - pd.Timedelta(days=10))
    both = pd.concat([book.transactions, recent])
    before, after = (
        assign_stages(stage_facts(book.customers, t, as_of=day, policy=policy), policy=policy)
        for t in (book.transactions, both)
    )
    assert not more_dormant(before["stage"], after["stage"]).any()


@given(seeds, days, st.integers(-20_000, 20_000))
@example(seed=1, day=np.datetime64("2026-01-01"), shift=-19_090)  # around 1 January 1970
def test_shifting_all_dates_shifts_nothing_else(
    make_small_book: Make, seed: int, day: np.datetime64, shift: int
) -> None:
    book = make_small_book(seed)
    by = pd.Timedelta(days=shift)
    customers = book.customers.copy()
    for column in customers.columns[customers.columns.str.endswith("_date")]:
        customers[column] = customers[column] + by
    moved = book.transactions.assign(date=book.transactions["date"] + by)
    before = stage_facts(book.customers, book.transactions, as_of=day)
    after = stage_facts(customers, moved, as_of=day + shift)
    after["last_activity"] = (after["last_activity"] - by).astype(before["last_activity"].dtype)
    pd.testing.assert_frame_equal(before, after)


@given(seeds, days, seeds)
def test_order_of_rows_does_not_matter(
    make_small_book: Make, seed: int, day: np.datetime64, shuffle: int
) -> None:
    book = make_small_book(seed)
    facts = stage_facts(book.customers, book.transactions, as_of=day)
    mixed = stage_facts(
        book.customers.sample(frac=1, random_state=shuffle),
        book.transactions.sample(frac=1, random_state=shuffle),
        as_of=day,
    )
    pd.testing.assert_frame_equal(facts, mixed.loc[facts.index])


@given(seeds, st.lists(st.integers(0, 1600), min_size=1, max_size=12).map(sorted))
def test_windows_that_roll_hold_what_fresh_ones_do(
    make_small_book: Make, seed: int, steps: list[int]
) -> None:
    book = make_small_book(seed)
    start = day_number(np.datetime64("2022-01-01"))
    policy = POLICY.with_parameters(recent_days=60, earlier_days=200)
    timeline = read_timeline(view_of(book._asdict(), NEEDS), policy)
    rolling = Windows(timeline, policy)
    for step in steps:
        rolling.advance(start + step)
        fresh = Windows(timeline, policy)
        fresh.advance(start + step)
        for name in ("recent", "earlier", "last"):
            assert (getattr(rolling, name) == getattr(fresh, name)).all()
        assert rolling.recent.sum() + rolling.earlier.sum() == rolling.span[2] - rolling.span[0]


CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d", "e"],
        "kind": ["person", "company", "person", "person", "person"],
        "first_contact_date": pd.to_datetime([None, None, "2026-01-05", None, None]),
        "contract_date": pd.to_datetime(["2024-01-01", "2024-01-01", None, None, "2024-01-01"]),
        "closed_date": pd.to_datetime([None, None, None, None, "2026-02-01"]),
    }
)
NO_MOVES = pd.DataFrame({"customer_id": pd.Series([], dtype=str), "date": pd.to_datetime([])})


def stages_of(**changes: Any) -> dict[str, str]:
    arguments: dict[str, Any] = {
        "customers": CUSTOMERS,
        "transactions": NO_MOVES,
        "as_of": "2026-03-31",
        **changes,
    }
    policy = arguments.get("policy")
    facts = stage_facts(arguments.pop("customers"), arguments.pop("transactions"), **arguments)
    return assign_stages(facts, policy=policy)["stage"].astype(object).to_dict()


def movements(*rows: tuple[str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "kind"])
    return frame.assign(date=pd.to_datetime(frame["date"]), amount=10.0)


def test_customers_without_movements_are_counted_from_their_contract() -> None:
    assert stages_of() == {"a": "lost", "b": "lost", "c": "lead", "d": "prospect", "e": "lost"}
    early = stages_of(as_of="2024-06-01")
    assert early == {
        "a": "dormant", "b": "dormant", "c": "prospect", "d": "prospect", "e": "dormant",
    }  # fmt: skip
    assert stages_of(as_of="2024-02-01")["a"] == "new"


def test_as_of_before_all_data_leaves_prospects() -> None:
    assert set(stages_of(as_of="1990-01-01").values()) == {"prospect"}


def test_automatic_movements_do_not_keep_a_customer_active() -> None:
    fees = movements(("a", "2026-03-30", "fee"), ("b", "2026-03-30", "cash_out"))
    assert stages_of(transactions=fees)["a"] == "lost"
    assert stages_of(transactions=fees)["b"] == "active"
    every = default_policy("lifecycle").with_parameters(bank_made_kinds=(), standing_order_kinds=())
    assert stages_of(transactions=fees, policy=every)["a"] == "active"


def test_a_quiet_term_deposit_is_not_dormant_while_it_runs() -> None:
    accounts = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "product": ["term", "demand"],
            "opened_date": pd.to_datetime(["2024-01-01"] * 2),
            "closed_date": pd.to_datetime(["2026-01-01", None]),
        }
    )
    assert stages_of(accounts=accounts, as_of="2025-12-31")["a"] == "active"
    assert stages_of(accounts=accounts, as_of="2026-01-01")["a"] == "lost"
    assert stages_of(accounts=accounts)["b"] == "lost"


def test_who_comes_back_after_closing_is_not_lost() -> None:
    back = movements(("e", "2026-02-20", "card"))
    assert stages_of(transactions=back)["e"] == "active"
    last_day = movements(("e", "2026-02-01", "card"))
    assert stages_of(transactions=last_day)["e"] == "lost"
    posting = movements(("e", "2026-02-20", "interest"))
    assert stages_of(transactions=posting)["e"] == "lost"
    anew = CUSTOMERS.assign(
        contract_date=CUSTOMERS["contract_date"].where(
            CUSTOMERS["customer_id"] != "e", pd.Timestamp("2026-03-01")
        )
    )
    assert stages_of(customers=anew)["e"] == "new"


def test_contacts_make_leads_but_campaigns_do_not() -> None:
    contacts = pd.DataFrame(
        {
            "customer_id": ["d", "d"],
            "date": pd.to_datetime(["2026-02-01", "2026-03-01"]),
            "purpose": ["campaign", "inquiry"],
        }
    )
    facts = stage_facts(CUSTOMERS, NO_MOVES, as_of="2026-02-15", contacts=contacts)
    assert not facts.loc["d", "contacted"]
    rules = assign_stages(stage_facts(CUSTOMERS, NO_MOVES, as_of="2026-03-15", contacts=contacts))
    assert rules.loc["d"].tolist() == ["lead", "lead-inquired"]
    nothing_leads = default_policy("lifecycle").with_parameters(lead_purposes=())
    found = stage_facts(
        CUSTOMERS, NO_MOVES, as_of="2026-03-15", contacts=contacts, policy=nothing_leads
    ).loc["d"]
    assert found["contacted"], "an inquiry is a contact whatever the policy says"
    assert found["inquired"]
    renamed = contacts.rename(columns={"date": "on", "purpose": "why"})
    names = {"contacts": {"date": "on", "purpose": "why"}}
    assert stages_of(contacts=renamed, names=names)["d"] == "lead"
    with pytest.raises(DataError, match=r"contacts\.date: missing column"):
        stages_of(contacts=renamed)
    bare = contacts.drop(columns="purpose")
    assert stages_of(contacts=bare, as_of="2026-02-15")["d"] == "lead"


def test_a_missing_contract_date_is_taken_from_the_first_movement_and_reported() -> None:
    moves = movements(("d", "2026-03-01", "card"), ("d", "2026-03-05", "fee"))
    facts = stage_facts(CUSTOMERS, moves, as_of="2026-03-31")
    assert facts["contract_basis"].tolist() == [
        "contract_date", "contract_date", "none", "first_movement", "contract_date",
    ]  # fmt: skip
    assert facts.loc["d", "days_since_contract"] == 30
    assert facts.loc["d", "automatic_count"] == 1
    on_the_day = stage_facts(CUSTOMERS, moves, as_of="2024-01-01")["contract_basis"]
    assert on_the_day["a"] == "contract_date"


@pytest.mark.parametrize("days_apart", [65_535, 65_536, 68_000, 131_000])
def test_movements_of_centuries_stay_in_order(days_apart: int) -> None:
    """More days apart than sixteen bits can number, or just not."""
    moves = movements(
        ("a", "2026-03-30", "card"),
        ("a", str(np.datetime64("2026-03-30") - days_apart), "card"),
        ("a", "2018-01-01", "card"),
        ("a", "2026-03-10", "card"),
    )
    facts = stage_facts(CUSTOMERS, moves, as_of="2026-03-31").loc["a"]
    assert facts["recent_count"] == 2
    assert facts["last_activity"] == pd.Timestamp("2026-03-30")


def test_the_stage_table_may_ask_for_any_column_of_the_customers() -> None:
    policy = default_policy("lifecycle")
    table = policy.table("stage")
    rule = Rule("active-vip", {"segment": "= vip", "days_idle": "< 1000"}, "active", "default")
    rules = list(table.rules)
    rules.insert([r.id for r in rules].index("lost-idle-person"), rule)
    wider = policy.with_table(
        attrs.evolve(table, rules=tuple(rules), facts={**table.facts, "segment": "text"})
    )
    vip = CUSTOMERS.assign(segment=["vip", "plain", "plain", "plain", "plain"])
    assert stages_of(customers=vip, policy=wider)["a"] == "active"
    assert stages_of(customers=vip, policy=wider)["b"] == "lost"
    with pytest.raises(DataError, match="segment"):
        stages_of(policy=wider)


def test_movements_of_two_centuries_are_put_in_order() -> None:
    customers = pd.DataFrame({"customer_id": [1, 2]})
    days = pd.to_datetime(["2026-01-10", "1800-01-01", "2026-01-20", "1799-12-31"])
    moves = pd.DataFrame({"customer_id": [1, 1, 2, 2], "date": days})
    facts = stage_facts(customers, moves, as_of="2026-01-31")
    assert facts["active_days"].tolist() == [2, 2]
    assert facts["last_activity"].tolist() == [days[0], days[2]]


def test_kinds_may_be_left_out_and_names_may_differ() -> None:
    plain = CUSTOMERS.drop(columns="kind").rename(columns={"customer_id": "cust_no"})
    moves = movements(("b", "2026-03-30", "card")).rename(columns={"date": "booked"})
    facts = stage_facts(
        plain,
        moves,
        as_of="2026-03-31",
        names={"customers": {"customer_id": "cust_no"}, "transactions": {"date": "booked"}},
    )
    assert facts["kind"].unique().tolist() == ["person"]
    assert facts.loc["b", "days_idle"] == 1
    assert facts.index.name == "customer_id"


def test_bare_customer_ids_are_prospects_with_a_rule() -> None:
    bare = pd.DataFrame({"customer_id": [1, 2]})
    moves = pd.DataFrame({"customer_id": [1], "date": pd.to_datetime(["2026-01-01"])})
    stages = assign_stages(stage_facts(bare, moves, as_of="2026-01-31"))
    assert stages["stage"].tolist() == ["new", "prospect"]
    assert stages["stage_rule"].tolist() == ["new", "prospect"]
    assert stages.attrs["policy"] == "bankcrm.lifecycle@2026.1"


def test_faulty_frames_are_refused_with_what_is_wrong() -> None:
    unknown = movements(("zz", "2026-01-01", "card"))
    with pytest.raises(DataError, match="1 rows name 1 customers who are not in customers"):
        stage_facts(CUSTOMERS, unknown, as_of="2026-03-31")
    with pytest.raises(DataError, match=r"customers\.customer_id: duplicate key"):
        stage_facts(pd.concat([CUSTOMERS, CUSTOMERS]), NO_MOVES, as_of="2026-03-31")
    with pytest.raises(DataError, match=r"transactions\.date: missing column"):
        stage_facts(CUSTOMERS, pd.DataFrame({"customer_id": ["a"]}), as_of="2026-03-31")
    with pytest.raises(DataError, match="not finite"):
        stage_facts(
            CUSTOMERS,
            movements(("a", "2026-01-01", "card")).assign(amount=np.inf),
            as_of="2026-03-31",
        )
    facts = stage_facts(CUSTOMERS, NO_MOVES, as_of="2026-03-31")
    facts["days_idle"] = facts["days_idle"].where(facts.index != "a")
    with pytest.raises(MissingFactError, match="days_idle"):
        assign_stages(facts)


def test_an_empty_book_has_empty_stages() -> None:
    facts = stage_facts(CUSTOMERS.iloc[:0], NO_MOVES, as_of="2026-03-31")
    assert assign_stages(facts).empty


@pytest.mark.parametrize("dtype", ["int64", "Int64", "string", "category", "int64[pyarrow]"])
def test_ids_of_any_dtype_give_the_same_stages(make_small_book: Make, dtype: str) -> None:
    book = make_small_book(3)
    day = "2024-06-30"
    plain = assign_stages(stage_facts(book.customers, book.transactions, as_of=day))
    cast = [f.assign(customer_id=f["customer_id"].astype(dtype)) for f in book]
    same = assign_stages(stage_facts(*cast, as_of=day))
    assert same["stage"].tolist() == plain["stage"].tolist()


def test_the_facts_of_any_day_are_those_that_every_day_has() -> None:
    signed = pd.to_datetime(["2026-01-10"])
    frames = {
        "customers": pd.DataFrame({"customer_id": [1], "contract_date": signed}),
        "transactions": pd.DataFrame({"customer_id": [1], "date": signed}),
    }
    day = day_number(np.datetime64("2026-03-31"))
    timeline = read_timeline(view_of(frames, NEEDS), POLICY)
    windows = Windows(timeline, POLICY)
    windows.advance(day)
    assert tuple(facts_on(day, timeline, windows, POLICY)) == FACTS_OF_ANY_DAY
