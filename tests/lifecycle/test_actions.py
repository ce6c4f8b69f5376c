"""Causes, playbooks, plans, warnings and value phases."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.calendars import working_calendar
from bankcrm.errors import DataError, PolicyError, UnknownNameError
from bankcrm.lifecycle import (
    assign_value_phases,
    early_warnings,
    loss_causes,
    plan_actions,
    playbook,
    stage_facts,
    value_facts,
    warning_facts,
)
from bankcrm.policy import Policy, default_policy, load_policy
from bankcrm.vocabulary import Channel, Department, Stage, Tier

POLICY = default_policy("lifecycle")
CALENDAR = working_calendar("CN")


# --- causes of loss ---------------------------------------------------------------------------


def test_a_book_that_leaves_as_the_rule_says_lies_within_it() -> None:
    causes = (
        ["fees"] * 14 + ["competitor"] * 9 + ["moved_away"] * 9 + [None] * 60 + ["no_reason"] * 8
    )
    table = loss_causes(pd.DataFrame({"closure_reason": causes}))
    assert table["count"].tolist() == [14, 9, 9, 68]
    assert table["share"].tolist() == table["rule"].tolist()
    assert table["within"].all()
    assert (table["lower"] < table["share"]).all()
    assert (table["share"] < table["upper"]).all()


def test_a_book_that_leaves_for_one_cause_alone_breaks_the_rule() -> None:
    table = loss_causes(pd.DataFrame({"closure_reason": ["fees"] * 100}))
    assert table["within"].tolist() == [False] * 4, "too many for one group, too few for the others"
    assert (table["lower"] > table["rule"]).tolist() == [True, False, False, False]


def test_a_cause_of_another_name_and_a_group_as_cause() -> None:
    table = loss_causes(pd.DataFrame({"why": ["other", "fees"]}), column="why")
    assert table["count"].to_dict() == {
        "product_or_complaint": 1,
        "competition": 0,
        "other": 1,
        "indifference": 0,
    }


def test_unknown_causes_and_a_missing_column_are_told() -> None:
    with pytest.raises(DataError, match="2 rows hold reasons that the policy does not know"):
        loss_causes(pd.DataFrame({"closure_reason": ["bored", "bored", "fees"]}))
    with pytest.raises(DataError, match="missing column closure_reason"):
        loss_causes(pd.DataFrame({"why": ["fees"]}))


# --- playbooks and plans ----------------------------------------------------------------------


def test_every_stage_has_a_playbook_with_owner_and_channel() -> None:
    for stage in Stage:
        actions = playbook(stage)
        assert actions
        for action in actions:
            assert isinstance(action.owner, Department)
            assert isinstance(action.channel, Channel)
            assert action.source != "default"
            assert action.title_zh


def test_the_special_action_takes_the_place_of_the_general() -> None:
    plain = {a.action: a for a in playbook("dormant")}
    caused = {a.action: a for a in playbook("dormant", cause="service_quality")}
    assert plain["wake_up"].cause == ""
    assert caused["wake_up"].cause == "service_quality"
    assert caused["wake_up"].due < plain["wake_up"].due
    assert caused.keys() == plain.keys()
    visits = {
        t: next(a.due for a in playbook("active", tier=t) if a.action == "revisit") for t in Tier
    }
    assert visits[Tier.PREMIUM] < visits[Tier.KEY] < visits[Tier.ORDINARY]


def test_a_stage_without_a_playbook_is_named() -> None:
    with pytest.raises(
        UnknownNameError, match="no stage in the playbook 'asleep'; known: prospect"
    ):
        playbook("asleep")


def test_a_broken_playbook_tells_every_fault() -> None:
    text = POLICY.to_toml().replace('owner = "marketing"', 'owner = "sales"', 1)
    with pytest.raises(PolicyError, match=r"records.playbook\[0\].*'sales'"):
        playbook("prospect", policy=load_policy(text))


def book(**changes: Any) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "customer_id": [1, 2, 3, 4, 5, 6],
        "stage": ["new", "active", "dormant", "lost", "active", "lost"],
        "contract_date": [
            "2026-02-11",
            "2020-03-01",
            "2020-01-01",
            "2020-01-01",
            "2020-01-01",
            None,
        ],
        "closed_date": [None, None, None, None, "2026-02-01", None],
        "birth_date": [None, "1980-02-29", None, None, "1980-02-20", None],
        "cause": [None, None, "fees", None, None, None],
        "tier": ["ordinary", "premium", "ordinary", None, "key", None],
        **changes,
    }
    frame = pd.DataFrame(columns)
    for name in frame.columns[frame.columns.str.endswith(("_date", "_since"))]:
        frame[name] = pd.to_datetime(frame[name])
    return frame


def plan(customers: pd.DataFrame, as_of: str = "2026-02-12", **more: Any) -> pd.DataFrame:
    return plan_actions(customers, as_of=as_of, calendar=CALENDAR, **more)


def due(tasks: pd.DataFrame, customer: int, action: str) -> list[str]:
    mine = tasks[(tasks["customer_id"] == customer) & (tasks["action"] == action)]
    return mine["due"].dt.strftime("%Y-%m-%d").tolist()


def test_tasks_are_dated_by_working_days_and_occasions() -> None:
    tasks = plan(book())
    # 14 February 2026 is a make-up Saturday; the Spring Festival is off until the 23rd.
    assert due(tasks, 1, "welcome_call") == ["2026-02-14"]
    assert due(tasks, 1, "welcome_benefit") == ["2026-02-25"]
    assert due(tasks, 2, "birthday_greeting") == ["2026-02-28"]
    assert due(tasks, 2, "festival_greeting") == ["2026-02-17"]
    assert len(due(tasks, 2, "revisit")) == 1
    assert set(tasks.loc[tasks["customer_id"] == 3, "title"]) == {
        "Offer a fee that fits the use",
        "Find out why the customer fell asleep",
    }
    assert due(tasks, 4, "exit_survey") == due(tasks, 6, "exit_survey")
    assert 5 not in tasks["customer_id"].tolist()
    assert tasks["due"].is_monotonic_increasing
    assert tasks.index.equals(pd.RangeIndex(len(tasks)))
    assert tasks.attrs == {
        "policy": POLICY.id,
        "fingerprint": POLICY.fingerprint,
        "festivals_until": "2027-09-15",
    }


def test_a_policy_without_festivals_greets_on_none() -> None:
    policy = attrs.evolve(POLICY, raw_records={**POLICY.raw_records, "festival": ()})
    tasks = plan(book(), policy=policy)
    assert tasks.attrs["festivals_until"] == ""
    assert set(plan(book())["action"]) - set(tasks["action"]) == {"festival_greeting"}


def test_what_is_done_is_not_planned_again() -> None:
    first = plan(book())
    assert plan(book(), done=first).empty
    half = first.iloc[::2]
    rest = plan(book(), done=half)
    assert len(rest) + len(half) == len(first)
    assert len(plan(book(), done=first.iloc[:0])) == len(first)


def test_a_task_past_its_day_is_overdue_and_the_clock_starts_with_the_stage() -> None:
    since = book(stage_since=["2026-02-11"] * 2 + ["2026-01-05"] + [None] * 3)
    tasks = plan(since)
    late = tasks[tasks["customer_id"] == 3]
    assert late["overdue"].all()
    assert (late["occasion"] == pd.Timestamp("2026-01-05")).all()
    assert not tasks.loc[tasks["customer_id"] == 4, "overdue"].any()


def test_nothing_to_plan_still_has_its_columns() -> None:
    empty = plan(book().iloc[:0])
    assert empty.empty
    assert list(empty.columns) == list(plan(book()).columns)
    assert plan(book()[["customer_id", "stage"]])["customer_id"].nunique() == 6


@given(st.integers(0, 4000), st.lists(st.integers(-2000, 200), min_size=6, max_size=6))
@settings(max_examples=20)
def test_no_action_twice_and_none_on_a_closed_customer(start: int, closed: list[int]) -> None:
    day = np.datetime64("2010-01-04") + start
    ends = pd.to_datetime([day + c for c in closed])
    tasks = plan(
        book(closed_date=ends, contract_date=pd.Timestamp("2008-05-05"), tier="premium"),
        as_of=str(day),
    )
    assert not tasks.duplicated(["customer_id", "action", "occasion"]).any()
    end = dict(enumerate(ends, start=1))
    assert all(end[c] > d for c, d in zip(tasks["customer_id"], tasks["due"], strict=True))
    assert (
        not tasks["customer_id"].isin([c for c, e in end.items() if e <= pd.Timestamp(day)]).any()
    )


def test_birthdays_over_new_year_and_many_visits_in_one_plan() -> None:
    long = POLICY.with_parameters(plan_days=70)
    tasks = plan(
        book(birth_date=[None, "1980-01-05", None, None, None, None]), "2025-12-20", policy=long
    )
    assert due(tasks, 2, "birthday_greeting") == ["2026-01-05"]
    assert due(tasks, 2, "revisit") == ["2025-12-30", "2026-01-29", "2026-02-28"]
    assert due(tasks, 2, "festival_greeting") == ["2026-01-01", "2026-02-17"]


def test_a_special_visit_takes_the_place_of_the_general_in_a_plan() -> None:
    actions = tuple(
        {**a, "due": 37} if a.get("tier") == "premium" else a
        for a in POLICY.raw_records["playbook"]
    )
    policy = attrs.evolve(
        POLICY.with_parameters(plan_days=400),
        raw_records={**POLICY.raw_records, "playbook": actions},
    )
    visits = pd.to_datetime(due(plan(book(), policy=policy), 2, "revisit"))
    assert len(visits) >= 10
    assert set(visits[1:] - visits[:-1]) == {pd.Timedelta(days=37)}


# --- early warnings ---------------------------------------------------------------------------

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


def warned(**more: Any) -> dict[int, str]:
    table = early_warnings(CUSTOMERS, MOVES, as_of=DAY, **more)
    return {c: str(r) for c, r in table["rules"].astype(object).items() if r != "none"}


def test_a_customer_is_measured_by_their_own_rhythm() -> None:
    assert warned() == {2: "overdue", 3: "salary-gone"}
    facts = warning_facts(CUSTOMERS, MOVES, as_of=DAY)
    assert facts.loc[2, "overdue_ratio"] == pytest.approx(40 / 7, rel=0.1)
    assert not facts.loc[5, "has_rhythm"]
    assert np.isnan(facts.loc[5, "overdue_ratio"])


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
            "date": pd.to_datetime(["2025-11-30", "2026-02-28"] * 2),
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
    told = warned(accounts=accounts, balances=balances, complaints=complaints)
    assert told[1] == "balance-falling+product-closed+complaint-badly-solved"
    assert told[5] == "complaint-open"
    assert 4 not in told  # closed already: nothing to be warned of
    later = complaints.assign(closed_at=complaints["closed_at"] + pd.Timedelta(days=60))
    assert warned(complaints=later)[1] == "complaint-open"
    assert warned(complaints=later.assign(received_at=later["closed_at"])[1:2]) == warned()
    bare = complaints[["customer_id", "received_at"]]
    assert warned(complaints=bare)[1] == "complaint-open"
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
                "date": pd.to_datetime(["2025-11-30", "2026-02-28"]),
                "balance": [1000.0, 300.0],
            }
        ),
        "complaints": pd.DataFrame(
            {"customer_id": [5], "received_at": [closed.tz_localize("Asia/Shanghai")]}
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
    told = warned(**sources)
    assert told[1] == "balance-falling+product-closed"
    assert told[5] == "complaint-open"
    assert warned(**renamed, names=theirs) == told
    columns = {"customer_id": "who", "date": "day", "kind": "sort"}
    customers = CUSTOMERS.rename(columns={"customer_id": "who"})
    table = early_warnings(
        customers,
        MOVES.rename(columns=columns),
        as_of=DAY,
        names={"customers": {"customer_id": "who"}, "transactions": columns},
    )["rules"].astype(object)
    assert table[table != "none"].to_dict() == warned()


@pytest.mark.parametrize(
    ("name", "column"),
    [("accounts", "product"), ("balances", "account_id"), ("complaints", "received_at")],
)
def test_a_source_that_does_not_fit_is_named(name: str, column: str) -> None:
    with pytest.raises(DataError, match=rf"{name}\.{column}.*: missing column"):
        early_warnings(CUSTOMERS, MOVES, as_of=DAY, **{name: pd.DataFrame({"customer_id": [1]})})


def test_warnings_stand_on_the_facts_of_their_own_policy() -> None:
    policy = POLICY.with_parameters(recent_days=14)
    facts = stage_facts(CUSTOMERS, MOVES, as_of=DAY, policy=policy)
    told = warning_facts(CUSTOMERS, MOVES, as_of=DAY, policy=policy)
    pd.testing.assert_frame_equal(told[facts.columns], facts)
    stranger = pd.DataFrame(
        {"customer_id": [9], "product": "card", "opened_date": DAY, "closed_date": DAY}
    )
    dated = stranger.astype({"opened_date": "datetime64[s]", "closed_date": "datetime64[s]"})
    with pytest.raises(DataError, match=r"accounts\.customer_id: 1 rows .*\(9\)"):
        warning_facts(CUSTOMERS, MOVES, as_of=DAY, accounts=dated)


def test_a_salary_paid_on_the_day_is_not_gone() -> None:
    salaries = weekly(3, DAY, DAY, "salary")
    assert warning_facts(CUSTOMERS, MOVES, as_of=DAY)["salary_gone"].to_dict()[3]
    paid = warning_facts(CUSTOMERS, pd.concat([MOVES, salaries]), as_of=DAY)
    assert not paid["salary_gone"].any()


def test_a_quiet_product_is_quiet_for_the_warnings_too() -> None:
    term = pd.DataFrame(
        {"customer_id": [1], "product": "term", "opened_date": pd.to_datetime(["2020-01-01"])}
    )
    facts = warning_facts(CUSTOMERS, MOVES, as_of=DAY, accounts=term)
    assert facts["quiet_product"].to_dict() == {1: True, 2: False, 3: False, 4: False, 5: False}


def test_warnings_are_ranked_by_what_is_at_stake() -> None:
    by_score = early_warnings(CUSTOMERS, MOVES, as_of=DAY)
    assert by_score["rank"].dropna().tolist() == [1, 2]
    assert set(by_score.index) == set(CUSTOMERS["customer_id"])
    assert by_score["reasons"].iloc[-1] == ""
    value = pd.Series([5.0, 9.0, 2.0, 1.0, 0.0], index=[1, 2, 3, 4, 5])
    by_value = early_warnings(CUSTOMERS, MOVES, as_of=DAY, value=value)
    assert by_value.index[:2].tolist() == [2, 3]
    assert by_value["value_at_stake"].iloc[0] == 9
    assert by_value["level"].iloc[-1] == "none"
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
        early_warnings(CUSTOMERS, plain, as_of=DAY)["rules"].astype(object)
    )


# --- value phases -----------------------------------------------------------------------------


def phase(trend: float, months: float = 40, policy: Policy | None = None) -> Any:
    facts = pd.DataFrame({"months_since_contract": [months], "value_trend": [trend]})
    return assign_value_phases(facts, policy=policy)["phase"].iloc[0]


def test_phases_follow_the_trend() -> None:
    assert phase(0.3) == "growth"
    assert phase(0.0) == "maturity"
    assert phase(-0.3) == "decline"
    assert phase(0.3, months=2) == "introduction"
    assert pd.isna(phase(np.nan))
    assert pd.isna(phase(0.3, months=np.nan))


def test_a_straight_line_has_its_slope_as_trend() -> None:
    dates = pd.date_range("2025-04-30", periods=12, freq="ME")
    age = (dates - dates[0]).days.to_numpy()
    rows = [
        pd.DataFrame({"customer_id": c, "date": dates, "balance": 1000 * (1 + r * age / 365.25)})
        for c, r in ((1, 0.5), (2, 0.0), (3, -0.4))
    ]
    values = pd.concat([*rows, rows[0].iloc[:2].assign(customer_id=4)])
    customers = pd.DataFrame(
        {"customer_id": [1, 2, 3, 4, 5], "contract_date": pd.Timestamp("2020-01-01")}
    )
    facts = value_facts(customers, values, as_of="2026-03-31")
    level = [1000 * (1 + r * age.mean() / 365.25) for r in (0.5, 0.0, -0.4)]
    told = facts["value_trend"].to_numpy()
    assert np.allclose(told[:3], [500 / level[0], 0, -400 / level[2]])
    assert facts["trend_known"].tolist() == [True, True, True, False, False]
    assert assign_value_phases(facts)["phase"].astype(object).tolist()[:3] == [
        "growth",
        "maturity",
        "decline",
    ]
    both = values.assign(contribution=values["balance"] / 100)
    again = value_facts(customers, both, as_of="2026-03-31")
    assert np.allclose(again["value_trend"][:3], told[:3])
    halves = pd.concat([values.assign(balance=values["balance"] / 2)] * 2)
    assert np.allclose(
        value_facts(customers, halves, as_of="2026-03-31")["value_trend"][:3], told[:3]
    )
    empty = value_facts(
        customers.drop(columns="contract_date"), values.iloc[:0], as_of="2026-03-31"
    )
    assert not empty["trend_known"].any()
    assert empty["months_since_contract"].isna().all()
    nothing = value_facts(customers, values[["customer_id", "date"]], as_of="2026-03-31")
    assert not nothing["trend_known"].any()


valued_days = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(1, 100)), min_size=1, max_size=40
)


@given(valued_days)
def test_a_trend_is_the_line_through_the_totals_of_the_days(rows: list[tuple[int, ...]]) -> None:
    """Customer by customer by numpy's own least squares, days close together."""
    values = pd.DataFrame(rows, columns=["customer_id", "date", "balance"])
    totals = values.groupby(["customer_id", "date"])["balance"].sum()
    values["date"] = pd.Timestamp("2026-03-01") + pd.to_timedelta(values["date"], unit="D")
    customers = pd.DataFrame({"customer_id": range(4)})
    told = value_facts(customers, values, as_of="2026-03-10")["value_trend"]
    for customer in range(4):
        own = totals[totals.index.get_level_values("customer_id") == customer].droplevel(0)
        if len(own) < POLICY.value("trend_points"):
            assert np.isnan(told[customer])
        else:
            slope = np.polyfit(own.index.to_numpy(dtype=float), own.to_numpy(dtype=float), 1)[0]
            assert told[customer] == pytest.approx(slope * 365.25 / own.mean(), abs=1e-6)


def test_faulty_values_are_told_with_their_frame() -> None:
    customers = pd.DataFrame({"customer_id": [1, 2]})
    values = pd.DataFrame({"customer_id": [7], "date": pd.to_datetime(["2026-03-01"])})
    with pytest.raises(DataError, match=r"customers\.customer_id: duplicate key"):
        value_facts(pd.concat([customers, customers]), values, as_of="2026-03-31")
    with pytest.raises(DataError, match=r"values\.customer_id: 1 rows .*\(7\)"):
        value_facts(customers, values, as_of="2026-03-31")
    with pytest.raises(DataError, match=r"values\.date: missing column"):
        value_facts(customers, values[["customer_id"]], as_of="2026-03-31")
