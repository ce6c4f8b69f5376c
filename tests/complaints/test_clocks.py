"""Clocks: the known bugs of the field, one by one."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import attrs
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.calendars import working_calendar
from bankcrm.complaints import (
    CaseEvent,
    Clock,
    deadlines,
    replay_clock,
)
from bankcrm.complaints.clocks.rules import clock_rules
from bankcrm.complaints.clocks.time_units import HOUR, TimeUnits, moment
from bankcrm.policy import Policy, default_policy
from bankcrm.rules import Parameter
from bankcrm.vocabulary import CaseStatus, ClockStateKind

from .cases import BOTH, CN, OURS, RECEIVED, START, at, event, replay


def test_a_pause_over_a_holiday_takes_out_working_days_only() -> None:
    """Paused through the National Day week: eight calendar days, none of them worked twice."""
    log = [
        event("2024-09-27 10:00", "received", severity="moderate"),  # due 2024-10-10
        event("2024-09-30 18:00", "paused", reason="customer's papers"),
        event("2024-10-08 09:00", "resumed"),
    ]
    clock = replay(log, "2024-10-08 12:00").clock("answer")
    assert clock.paused == 1  # 8 October; the holiday itself stopped the clock anyway
    assert clock.due == dt.date(2024, 10, 11)
    assert clock.elapsed == 2  # Sunday 29 September (worked) and the 30th


def test_a_pause_over_a_policy_change_is_measured_once_on_the_new_ruler() -> None:
    ten = OURS.with_parameters(moderate_days=10)
    log = [
        RECEIVED,
        event("2024-09-23 10:00", "paused", reason="customer's papers"),
        event("2024-09-24 10:00", "policy_changed", policy=ten),
        event("2024-09-25 10:00", "resumed"),
    ]
    clock = replay(log, "2024-09-26 10:00").clock("answer")
    assert (clock.limit, clock.paused, clock.elapsed) == (10, 2, 2)
    assert clock.due == CN.add("2024-09-20", 12)


def test_reopening_after_closure_starts_a_clock_of_its_own_and_keeps_the_old_one() -> None:
    log = [
        RECEIVED,
        event("2024-09-26 10:00", "responded"),
        event("2024-09-27 10:00", "closed"),
        event("2024-10-08 10:00", "reopened"),
    ]
    state = replay(log, "2024-10-09 10:00")
    assert state.status is CaseStatus.OPEN
    assert state.clock("answer").state is ClockStateKind.MET
    assert state.clock("review").due == CN.add("2024-10-08", 10)
    assert state.due == state.clock("review").due


def test_a_breach_is_not_healed_by_reopening_or_by_new_facts() -> None:
    log = [
        RECEIVED,
        event("2024-10-12 10:00", "responded"),
        event("2024-10-13 10:00", "new_facts"),
    ]
    state = replay(log, "2024-10-14 10:00")
    assert [c.state for c in state.earlier] == [ClockStateKind.BREACHED]
    assert state.clock("answer").started_at == at("2024-10-13 10:00")


def test_no_breach_while_paused_but_one_before_the_pause_stays() -> None:
    paused = [RECEIVED, event("2024-09-23 10:00", "paused", reason="customer's papers")]
    clock = replay(paused, "2024-12-01 10:00").clock("answer")
    assert clock.state is ClockStateKind.PAUSED
    assert clock.elapsed == 1
    late = [RECEIVED, event("2024-10-08 10:00", "paused", reason="customer's papers")]
    assert replay(late, "2024-12-01 10:00").clock("answer").state is ClockStateKind.BREACHED


def test_a_pause_on_the_last_day_that_ends_on_a_day_off_leaves_the_next_working_day() -> None:
    """To be answered on Thursday, paused that morning: neither late on Saturday nor lost."""
    told = event("2024-08-01 09:00", "received", severity="minor")
    log = [told, event("2024-08-01 09:01", "paused", reason="customer's papers")]
    assert replay(log, "2024-08-03 12:00").clock("answer").state is ClockStateKind.PAUSED
    log.append(event("2024-08-03 12:00", "resumed"))
    clock = replay(log, "2024-08-05 12:00").clock("answer")
    assert (clock.due, clock.state) == (dt.date(2024, 8, 5), ClockStateKind.AT_RISK)
    assert replay(log, "2024-08-06 00:00").clock("answer").state is ClockStateKind.BREACHED


def test_a_merged_case_escalates_no_more() -> None:
    log = [RECEIVED, event("2024-09-23 10:00", "merged", to="C-1")]
    state = replay(log, "2025-09-23 10:00")
    assert state.status is CaseStatus.MERGED
    assert state.merged_into == "C-1"
    assert {c.state for c in state.clocks} <= {ClockStateKind.STOPPED, ClockStateKind.BREACHED}
    assert state.clock("answer").state is ClockStateKind.STOPPED
    assert state.due is None


def test_a_response_that_comes_late_is_a_breach_for_good() -> None:
    on_time = [RECEIVED, event("2024-09-27 23:59", "responded")]
    late = [RECEIVED, event("2024-09-28 00:00", "responded")]
    assert replay(on_time, "2024-12-01 10:00").clock("answer").state is ClockStateKind.MET
    clock = replay(late, "2024-12-01 10:00").clock("answer")
    assert clock.state is ClockStateKind.BREACHED
    assert not clock.open


def test_hours_run_through_a_change_of_the_clocks() -> None:
    """24 hours over the night in which British clocks go on end at 13:00 local time, not 12:00."""
    rows = ({"name": "day", "kind": "answer", "unit": "hours", "limit": "hours"},)
    policy = attrs.evolve(
        OURS.with_parameters(time_zone="Europe/London"),
        parameters={
            **OURS.with_parameters(time_zone="Europe/London").parameters,
            "hours": (Parameter(24),),
        },
        raw_records={**OURS.raw_records, "clocks": rows},
    )
    london = ZoneInfo("Europe/London")
    log = [CaseEvent(dt.datetime(2026, 3, 28, 12, tzinfo=london), "received")]
    noon = dt.datetime(2026, 3, 29, 12, tzinfo=london)
    state = replay_clock(log, policy=policy, calendar=CN, as_of=noon)
    clock = state.clock("day")
    assert clock.due_at.isoformat() == "2026-03-29T13:00:00+01:00"
    assert clock.elapsed == pytest.approx(23)


def test_days_end_at_local_midnight_on_the_day_of_a_clock_change() -> None:
    policy = default_policy("complaints", "fca_disp")
    london = ZoneInfo("Europe/London")
    log = [CaseEvent(dt.datetime(2026, 2, 1, 9, tzinfo=london), "received")]
    as_of = dt.datetime(2026, 2, 2, 9, tzinfo=london)
    clock = replay_clock(log, policy=policy, calendar=working_calendar("GB"), as_of=as_of)
    due = clock.clock("uk_final").due_at
    assert due.isoformat() == "2026-03-30T00:00:00+01:00"  # 8 weeks: the 29th to its end


def test_a_transfer_changes_the_handler_but_neither_the_clock_nor_who_is_accountable() -> None:
    log = [
        RECEIVED,
        event("2024-09-23 10:00", "assigned", to="Li"),
        event("2024-09-24 10:00", "transferred", to="Zhao", reason="risk's work"),
    ]
    state = replay(log, "2024-09-25 10:00")
    assert (state.accountable, state.handler, state.transfers) == ("Wang", "Zhao", 1)
    assert state.clocks == replay([RECEIVED], "2024-09-25 10:00").clocks


def test_a_case_whose_clock_outlives_the_calendar_is_marked_provisional() -> None:
    log = [event("2026-12-20 10:00", "received", severity="severe")]
    assert replay(log, "2026-12-21 10:00").clock("answer").provisional
    assert not replay([RECEIVED], "2024-09-21 10:00").clock("answer").provisional
    frame = pd.DataFrame({"received_at": [log[0].at, RECEIVED.at], "severity": "severe"})
    for policy in (OURS, BOTH):  # a clock that counts calendar days is never provisional
        told = deadlines(frame, policy=policy, calendar=CN, as_of=at("2026-12-21 10:00"))
        assert told["provisional"].tolist() == [True, False]
        assert told.attrs == {
            "policy": f"{policy.id}@{policy.version}",
            "fingerprint": policy.fingerprint,
            "calendar": CN.name,
            **({"unconfirmed": policy.unconfirmed} if policy.unconfirmed else {}),
        }


def test_an_event_told_late_takes_its_place() -> None:
    log = [RECEIVED, event("2024-09-26 10:00", "responded")]
    late = [
        event("2024-09-23 10:00", "paused", reason="papers"),
        event("2024-09-24 10:00", "resumed"),
    ]
    assert replay(log + late, "2024-10-01 10:00") == replay(
        [log[0], *late, log[1]], "2024-10-01 10:00"
    )


def test_a_clock_tells_all_of_itself() -> None:
    state = replay([RECEIVED], "2024-09-23 10:00")
    expected = Clock(
        name="answer",
        kind="answer",
        unit="working_days",
        limit=5,
        started_at=RECEIVED.at,
        elapsed=1,
        paused=0,
        due=dt.date(2024, 9, 27),
        due_at=at("2024-09-28 00:00"),
        state=ClockStateKind.RUNNING,
        ended_at=None,
        extended=0,
        provisional=False,
        source="CSC-5",
    )
    assert state.clock("answer") == expected
    answered = replay([RECEIVED, event("2024-09-23 09:00", "responded")], "2024-09-24 10:00")
    assert answered.clock("answer") == attrs.evolve(
        expected, state=ClockStateKind.MET, ended_at=at("2024-09-23 09:00")
    )
    assert str(state).splitlines() == [
        "open as of 2024-09-23 10:00:00+08:00, severity moderate",
        "  acknowledge: at_risk, 1 of 1 working_days, due 2024-09-23",
        "  answer: running, 1 of 5 working_days, due 2024-09-27",
    ]
    assert "severity not assessed" in str(replay([event("2024-09-20 10:00", "received")],
                                                 "2024-09-20 11:00"))  # fmt: skip
    assert repr(state) == (  # without the names of staff
        "<ClockState: status open, severity moderate, as of 2024-09-23T10:00:00+08:00, "
        "due 2024-09-23>"
    )


def test_the_bank_day_ends_at_its_cut_off_hour() -> None:
    cut = OURS.with_parameters(cutoff_hour=16.5)
    clock = replay([RECEIVED], "2024-09-23 10:00", cut).clock("answer")
    assert (clock.due, clock.due_at) == (dt.date(2024, 9, 27), at("2024-09-27 16:30"))
    for answered, state in (("16:29", ClockStateKind.MET), ("16:30", ClockStateKind.BREACHED)):
        log = [RECEIVED, event(f"2024-09-27 {answered}", "responded")]
        assert replay(log, "2024-10-08 10:00", cut).clock("answer").state is state
    frame = pd.DataFrame({"received_at": [RECEIVED.at], "severity": ["moderate"]})
    for now, told in (("16:29", "at_risk"), ("16:30", "breached")):
        asked = deadlines(frame, policy=cut, calendar=CN, as_of=at(f"2024-09-27 {now}"))
        assert asked["answer_state"].tolist() == [told]
    evening = attrs.evolve(RECEIVED, at=at("2024-09-20 16:30"))  # taken as Saturday's
    assert replay([evening], "2024-09-20 17:00", cut).clock("answer").due == dt.date(2024, 9, 27)


@pytest.mark.parametrize("unit", ["working_days", "calendar_days", "hours", "working_hours"])
@given(st.lists(st.integers(0, 60 * 24 * 90), min_size=3, max_size=3))
def test_time_measured_in_parts_is_the_time_of_the_whole(unit: str, minutes: list[int]) -> None:
    units = answer_units(OURS.with_parameters(cutoff_hour=17))
    a, b, c = (
        units.moments(unit, moment(START + dt.timedelta(minutes=m))) for m in sorted(minutes)
    )
    assert a.position <= b.position <= c.position
    assert c.reached - c.position in (0, 1)


def answer_units(policy: Policy) -> TimeUnits:
    return clock_rules(policy)[1].units(policy, CN)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/London", "America/New_York"])
def test_working_hours_are_hours_of_the_banks_own_place(zone: str) -> None:
    own = OURS.with_parameters(time_zone=zone, working_hours=("09:00-12:00", "13:00-17:30"))
    units = answer_units(own)
    morning, noon, evening = (
        units.moments(
            "working_hours", moment(dt.datetime(2024, 9, 23, h, 15, tzinfo=ZoneInfo(zone)))
        ).position
        for h in (8, 12, 20)
    )
    assert (noon - morning).tolist() == [3 * HOUR]
    assert (evening - noon).tolist() == [4.5 * HOUR]
