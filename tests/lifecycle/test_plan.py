"""Playbooks and dated task lists."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bankcrm.calendars import working_calendar
from bankcrm.errors import PolicyError, UnknownNameError
from bankcrm.lifecycle import (
    plan_actions,
    playbook,
)
from bankcrm.lifecycle.actions.plan import birthdays, regular
from bankcrm.lifecycle.actions.playbooks import Festival
from bankcrm.policy import default_policy, load_policy
from bankcrm.vocabulary import Channel, Department, Stage, Tier

POLICY = default_policy("lifecycle")
CALENDAR = working_calendar("CN")


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


def test_a_broken_playbook_reports_every_error() -> None:
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
        "Find out why the customer became dormant",
    }
    assert due(tasks, 4, "exit_survey") == due(tasks, 6, "exit_survey")
    assert 5 not in tasks["customer_id"].tolist()
    assert tasks["due"].is_monotonic_increasing
    assert tasks.index.equals(pd.RangeIndex(len(tasks)))
    assert tasks.attrs == {
        "policy": f"{POLICY.id}@{POLICY.version}",
        "fingerprint": POLICY.fingerprint,
        "festivals_until": "2027-09-15",
    }


@settings(max_examples=6)
@given(st.lists(st.tuples(*(st.sampled_from(words) for words in (
    list(Stage), ["fees", "service_quality", None], [*Tier, None]
))), min_size=6, max_size=6))  # fmt: skip
def test_a_plan_has_the_actions_of_each_customers_playbook(drawn: list[tuple[Any, ...]]) -> None:
    stages, causes, tiers = zip(*drawn, strict=True)
    people = book(stage=stages, cause=causes, tier=tiers, closed_date=None)
    found = plan(people[["customer_id", "stage", "cause", "tier"]])
    for customer, (stage, cause, tier) in enumerate(drawn, 1):
        actions = playbook(stage, cause=cause or "", tier=tier)
        expected = {(a.action, a.title) for a in actions if a.starts in ("stage", "festival")}
        own = found[found["customer_id"] == customer]
        assert set(zip(own["action"], own["title"], strict=True)) == expected


@pytest.mark.parametrize(
    ("closed", "planned"), [("2026-02-14", []), ("2026-02-15", ["2026-02-14"])]
)
def test_nothing_is_due_from_the_day_of_closing_on(closed: str, planned: list[str]) -> None:
    tasks = plan(book(closed_date=[closed, None, None, None, None, None]))
    assert due(tasks, 1, "welcome_call") == planned


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
@settings(max_examples=8)
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


LEAP = dt.date(1980, 2, 29)
born_days = st.lists(
    st.none() | st.dates(dt.date(1950, 1, 1), dt.date(2005, 12, 31)) | st.just(LEAP), max_size=5
)
some_day = st.dates(dt.date(2026, 1, 1), dt.date(2028, 3, 2))


def on(dates: list[dt.date | None]) -> np.ndarray:
    return np.array(dates, dtype="datetime64[D]")


def ahead_of(day: dt.date, length: int) -> list[dt.date]:
    return [day + dt.timedelta(n) for n in range(1, length + 1)]


@given(born_days, some_day, st.integers(0, 800))
@example([LEAP, dt.date(1980, 2, 28), dt.date(1980, 3, 1)], dt.date(2027, 2, 27), 1)
@example([LEAP], dt.date(2028, 2, 28), 1)
def test_birthdays_are_those_of_each_day_ahead(
    born: list[dt.date | None], day: dt.date, length: int
) -> None:
    def is_birthday(one: dt.date | None, now: dt.date) -> bool:
        if one is None:
            return False
        leap = now.year % 4 == 0
        return (now.month, now.day) == (
            (2, 28) if (one.month, one.day) == (2, 29) and not leap else (one.month, one.day)
        )

    place, date = birthdays(on(born), np.datetime64(day), np.datetime64(day) + length)
    expected = [
        (i, now) for now in ahead_of(day, length) for i, b in enumerate(born) if is_birthday(b, now)
    ]
    assert sorted(zip(place.tolist(), date.tolist(), strict=True)) == sorted(expected)


@given(
    st.lists(st.none() | st.dates(dt.date(2025, 11, 1), dt.date(2026, 2, 1)), max_size=5),
    st.integers(1, 40),
    st.integers(0, 100),
)
def test_regular_occasions_are_those_of_each_day_ahead(
    signed: list[dt.date | None], every: int, length: int
) -> None:
    day = dt.date(2026, 1, 15)
    place, date = regular(on(signed), every, np.datetime64(day), np.datetime64(day) + length)
    expected = [
        (i, now)
        for i, one in enumerate(signed)
        for now in ahead_of(day, length)
        if one is not None and one <= day and (now - one).days % every == 0
    ]
    assert list(zip(place.tolist(), date.tolist(), strict=True)) == expected


def test_festivals_are_greeted_after_the_day_and_up_to_the_horizon() -> None:
    festival = POLICY.records("festival", Festival)[3].date
    ahead = dt.timedelta(int(POLICY.value("plan_days")))
    for day, greeted in (
        (festival, False),
        (festival - dt.timedelta(1), True),
        (festival - ahead, True),
        (festival - ahead - dt.timedelta(1), False),
    ):
        tasks = plan(book(), as_of=day.isoformat())
        occasions = tasks.loc[tasks["action"] == "festival_greeting", "occasion"]
        assert (pd.Timestamp(festival) in set(occasions)) == greeted
