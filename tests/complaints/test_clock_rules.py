"""Several clocks at once: extensions, topics, dates and changes of policy."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pandas as pd
import pytest

from bankcrm.calendars import working_calendar
from bankcrm.complaints import (
    CaseEvent,
    combine,
    deadlines,
    replay_clock,
)
from bankcrm.errors import DataError, IllegalTransitionError
from bankcrm.policy import Policy, default_policy
from bankcrm.vocabulary import ClockStateKind, Kind

from .cases import BOTH, CHINA, CN, OURS, RECEIVED, at, event, replay


def test_several_clocks_bind_at_once_and_the_earliest_is_the_due_date() -> None:
    log = [attrs.evolve(RECEIVED, severity="severe"), event("2024-09-20 11:00", "acknowledged")]
    state = replay(log, "2024-09-23 10:00", BOTH)
    assert state.clock("answer").due == dt.date(2024, 10, 10)  # 10 working days, a Sunday worked
    assert state.clock("cn_answer").due == dt.date(2024, 10, 5)  # 15 calendar days
    assert state.due == dt.date(2024, 10, 5)


def test_extensions_go_step_by_step_with_approval_and_notice_to_60_days_at_most() -> None:
    log = [event("2024-03-01 10:00", "received", severity="severe")]
    log.append(event("2024-03-10 10:00", "extended", reason="complex"))
    assert replay(log, "2024-03-11 10:00", CHINA).due == dt.date(2024, 3, 31)
    bare = event("2024-03-20 10:00", "extended", reason="very complex")
    with pytest.raises(IllegalTransitionError, match="needs an approver"):
        replay([*log, bare], "2024-03-21 10:00", CHINA)
    with pytest.raises(IllegalTransitionError, match="needs notice"):
        replay([*log, attrs.evolve(bare, approver="Chief")], "2024-03-21 10:00", CHINA)
    full = attrs.evolve(bare, approver="Chief", notice=True)
    state = replay([*log, full], "2024-03-21 10:00", CHINA)
    assert state.due == dt.date(2024, 4, 30)
    assert state.clock("cn_answer").limit == 60
    again = attrs.evolve(full, at=at("2024-03-22 10:00"))
    with pytest.raises(IllegalTransitionError, match="had all of its extensions"):
        replay([*log, full, again], "2024-03-23 10:00", CHINA)


def test_an_extension_comes_before_the_time_is_over_and_needs_a_clock_that_can_be_extended() -> (
    None
):
    log = [event("2024-03-01 10:00", "received")]
    late = event("2024-03-17 00:00", "extended", reason="complex")
    with pytest.raises(IllegalTransitionError, match="was over already"):
        replay([*log, late], "2024-03-20 10:00", CHINA)
    with pytest.raises(IllegalTransitionError, match="no open clock can be extended"):
        replay([RECEIVED, event("2024-09-23 10:00", "extended", reason="x")], "2024-09-24 10:00")


def test_a_regulators_clock_does_not_stop_for_a_pause() -> None:
    log = [RECEIVED, event("2024-09-23 10:00", "paused", reason="papers")]
    state = replay(log, "2024-10-06 00:00", BOTH)
    assert state.clock("cn_answer").state is ClockStateKind.BREACHED
    assert state.clock("answer").state is ClockStateKind.PAUSED


def test_withdrawal_ends_and_new_facts_restart() -> None:
    gone = replay([RECEIVED, event("2024-09-23 10:00", "withdrawn")], "2025-01-01 10:00", CHINA)
    assert gone.clock("cn_answer").state is ClockStateKind.STOPPED
    log = [RECEIVED, event("2024-09-30 10:00", "new_facts")]
    assert replay(log, "2024-10-01 10:00", CHINA).due == dt.date(2024, 10, 15)


def test_a_policy_change_drops_adds_and_stops_clocks_as_the_new_policy_says() -> None:
    change = event("2024-09-24 10:00", "policy_changed", policy=BOTH)
    state = replay([RECEIVED, change], "2024-09-25 10:00")
    assert state.clock("cn_answer").started_at == change.at  # a new rule does not reach back
    back = event("2024-09-25 10:00", "policy_changed", policy=OURS)
    stopped = replay([RECEIVED, change, back], "2024-09-26 10:00").clock("cn_answer")
    assert stopped.state is ClockStateKind.STOPPED
    pause = event("2024-09-23 10:00", "paused", reason="papers")
    paused = replay([RECEIVED, pause, change], "2024-09-26 10:00")
    assert paused.clock("answer").state is ClockStateKind.PAUSED
    assert paused.clock("cn_answer").state is ClockStateKind.RUNNING


def test_a_pause_that_the_new_policy_does_not_know_ends_with_the_change() -> None:
    rows = tuple(
        {**row, "pauses": False} if row["name"] == "answer" else row
        for row in OURS.raw_records["clocks"]
    )
    strict = attrs.evolve(OURS, raw_records={**OURS.raw_records, "clocks": rows})
    pause = event("2024-09-23 10:00", "paused", reason="papers")
    to_strict = event("2024-09-25 10:00", "policy_changed", policy=strict)
    clock = replay([RECEIVED, pause, to_strict], "2024-09-26 10:00").clock("answer")
    assert (clock.paused, clock.elapsed) == (2, 2)
    back = event("2024-09-26 10:00", "policy_changed", policy=OURS)
    clock = replay([RECEIVED, pause, to_strict, back], "2024-09-27 10:00").clock("answer")
    assert (clock.paused, clock.elapsed) == (3, 2)


def clocks_of(policy: Policy, *rows: dict[str, Any]) -> Policy:
    return attrs.evolve(policy, raw_records={**policy.raw_records, "clocks": rows})


def test_a_policy_change_reaches_every_clock_that_still_runs() -> None:
    _, answer, review = OURS.raw_records["clocks"]
    quick = clocks_of(OURS, {**answer, "limits": {}, "limit": "severe_days"}, review)
    change = event("2024-09-24 10:00", "policy_changed", policy=quick)
    running = replay([RECEIVED, change], "2024-09-25 10:00")
    assert running.clock("acknowledge").state is ClockStateKind.BREACHED
    assert running.clock("acknowledge").ended_at == change.at
    assert running.clock("answer").limit == 10
    told = [RECEIVED, event("2024-09-20 11:00", "acknowledged"), change]
    after_met = replay(told, "2024-09-25 10:00")
    assert after_met.clock("acknowledge").state is ClockStateKind.MET
    assert after_met.clock("answer").limit == 10


def test_a_clock_that_a_change_brings_during_a_pause_is_paused_from_the_start() -> None:
    more = clocks_of(
        OURS, *OURS.raw_records["clocks"], {**OURS.raw_records["clocks"][1], "name": "second"}
    )
    pause = event("2024-09-23 10:00", "paused", reason="papers")
    change = event("2024-09-24 10:00", "policy_changed", policy=more)
    paused = replay([RECEIVED, pause, change], "2024-09-26 10:00").clock("second")
    assert (paused.state, paused.elapsed, paused.paused) == (ClockStateKind.PAUSED, 0, 2)
    open_ = replay([RECEIVED, change], "2024-09-26 10:00").clock("second")
    assert (open_.state, open_.elapsed, open_.paused) == (ClockStateKind.RUNNING, 2, 0)


def test_a_pause_stops_the_clock_of_a_route() -> None:
    """A suggestion has the days of its route where no clock of the policy binds it."""
    log = [
        attrs.evolve(RECEIVED, message=Kind.SUGGESTION, severity=None),
        event("2024-09-23 10:00", "paused", reason="papers"),
    ]
    clock = replay(log, "2024-09-27 10:00").clock("route_suggestion")
    assert (clock.state, clock.elapsed, clock.paused) == (ClockStateKind.PAUSED, 1, 4)


def test_an_extension_outlives_a_policy_change_and_topics_still_choose() -> None:
    log = [event("2024-03-01 10:00", "received", severity="severe")]
    log.append(event("2024-03-10 10:00", "extended", reason="complex"))
    log.append(event("2024-03-11 10:00", "policy_changed", policy=BOTH))
    clock = replay(log, "2024-03-12 10:00", CHINA).clock("cn_answer")
    assert (clock.extended, clock.limit) == (1, 30)
    uk = combine(OURS, default_policy("complaints", "fca_disp"))
    for topic, names in (("payments", {"uk_payments"}), ("", {"uk_final"})):
        told = attrs.evolve(RECEIVED, topic=topic)
        change = event("2024-09-24 10:00", "policy_changed", policy=uk)
        state = replay([told, change], "2024-09-25 10:00")
        assert {c.name for c in state.clocks} & {"uk_payments", "uk_final"} == names


def test_topics_choose_the_clock() -> None:
    uk = default_policy("complaints", "fca_disp")
    london = ZoneInfo("Europe/London")
    noon = dt.datetime(2026, 3, 2, 12, tzinfo=london)
    gb = working_calendar("GB")
    for topic, name, due in (
        ("payments", "uk_payments", dt.date(2026, 3, 23)),
        ("", "uk_final", dt.date(2026, 4, 27)),
    ):
        log = [CaseEvent(noon, "received", topic=topic)]
        state = replay_clock(log, policy=uk, calendar=gb, as_of=noon)
        assert state.clock(name).due == due
        other = {"uk_payments", "uk_final"} - {name}
        assert other.isdisjoint(c.name for c in state.clocks)
    with pytest.raises(DataError, match="no clock 'uk_payments'"):
        state.clock("uk_payments")


def test_a_dated_clock_binds_no_case_from_before_its_day() -> None:
    for day, binds in (("2020-02-29 10:00", False), ("2020-03-01 00:00", True)):
        names = [c.name for c in replay([event(day, "received")], "2020-03-02 10:00", BOTH).clocks]
        assert ("cn_answer" in names) == binds
        frame = pd.DataFrame({"received_at": [at(day)]})
        told = deadlines(frame, policy=BOTH, calendar=CN, as_of=at("2020-03-02 10:00"))
        assert told["cn_answer_due"].notna().tolist() == [binds]
        assert told["answer_due"].notna().all()
