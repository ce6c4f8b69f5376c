"""Clocks: the field's known bugs one by one, then laws over random event logs."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bankcrm.calendars import WorkingCalendar, working_calendar
from bankcrm.complaints import (
    CaseEvent,
    CaseStatus,
    Clock,
    ClockState,
    ClockStateKind,
    EventKind,
    combine,
    deadlines,
    replay_clock,
)
from bankcrm.complaints.rulers import Rulers, moment
from bankcrm.errors import DataError, IllegalTransitionError, PolicyError, UnknownNameError
from bankcrm.policy import Policy, default_policy, presets
from bankcrm.vocabulary import Severity

CN = working_calendar("CN")
ZONE = ZoneInfo("Asia/Shanghai")
OURS = default_policy("complaints")
CHINA = default_policy("complaints", "cn_2020_3")
BOTH = combine(OURS, CHINA)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZONE)


def event(text: str, kind: str, **told: Any) -> CaseEvent:
    return CaseEvent(at(text), kind, **told)


def replay(log: list[CaseEvent], as_of: str, policy: Any = OURS) -> ClockState:
    return replay_clock(log, policy=policy, calendar=CN, as_of=at(as_of))


RECEIVED = event("2024-09-20 10:00", "received", by="Wang", severity="moderate")
"""A Friday; 5 working days later is Friday the 27th."""


# --- the field's known bugs -------------------------------------------------------------------


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
    policy = default_policy("complaints", "asic_rg271").with_parameters(time_zone="Europe/London")
    london = ZoneInfo("Europe/London")
    log = [CaseEvent(dt.datetime(2026, 3, 28, 12, tzinfo=london), "received")]
    noon = dt.datetime(2026, 3, 29, 12, tzinfo=london)
    state = replay_clock(log, policy=policy, calendar=CN, as_of=noon)
    clock = state.clock("au_acknowledge")
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
            "policy": policy.id, "fingerprint": policy.fingerprint, "calendar": CN.name,
        }  # fmt: skip


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
    rulers = Rulers.of(OURS.with_parameters(cutoff_hour=17), CN)
    a, b, c = (moment(START + dt.timedelta(minutes=m)) for m in sorted(minutes))
    parts = rulers.elapsed(unit, a, b) + rulers.elapsed(unit, b, c)
    assert parts.tolist() == pytest.approx(rulers.elapsed(unit, a, c).tolist())
    never = moment(START) + np.timedelta64("NaT")
    assert np.isnan(rulers.elapsed(unit, a, never)).all()
    assert np.isnan(rulers.elapsed(unit, never, a)).all()


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/London", "America/New_York"])
def test_working_hours_are_hours_of_the_banks_own_place(zone: str) -> None:
    own = OURS.with_parameters(time_zone=zone, working_hours=("09:00-12:00", "13:00-17:30"))
    rulers = Rulers.of(own, CN)
    morning, noon, evening = (
        moment(dt.datetime(2024, 9, 23, hour, 15, tzinfo=ZoneInfo(zone))) for hour in (8, 12, 20)
    )
    assert rulers.elapsed("working_hours", morning, noon).tolist() == [3]
    assert rulers.elapsed("working_hours", noon, evening).tolist() == [4.5]


# --- several clocks and extensions ------------------------------------------------------------


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


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log", "why"),
    [
        ([("responded", {})], "not received yet; allowed: received"),
        ([("received", {}), ("received", {})], "the case is open; allowed"),
        ([("received", {}), ("closed", {})], "answer the customer first"),
        ([("received", {}), ("resumed", {})], "it is not paused"),
        ([("received", {}), ("paused", {"reason": "x"}), ("responded", {})], "resume the case"),
        ([("received", {}), ("withdrawn", {}), ("reopened", {})], "allowed: nothing more"),
        (
            [("received", {"severity": "severe"}), ("assessed", {"severity": "minor"})],
            "only ever raised",
        ),
    ],
)
def test_an_event_that_is_not_allowed_says_why(
    log: list[tuple[str, dict[str, Any]]], why: str
) -> None:
    events = [event(f"2024-09-{20 + i} 10:00", k, **told) for i, (k, told) in enumerate(log)]
    with pytest.raises(IllegalTransitionError, match=why):
        replay(events, "2024-10-20 10:00")


def test_reopening_too_late_is_a_new_complaint() -> None:
    log = [RECEIVED, event("2024-09-21 10:00", "responded"), event("2024-09-22 10:00", "closed")]
    with pytest.raises(IllegalTransitionError, match="more than 90 days before"):
        replay([*log, event("2025-09-22 10:00", "reopened")], "2025-10-01 10:00")


@pytest.mark.parametrize("kind", ["paused", "extended", "transferred", "assigned", "merged"])
def test_an_event_without_its_why_or_whom_is_refused(kind: str) -> None:
    with pytest.raises(DataError, match="is missing"):
        event("2024-09-20 10:00", kind)


def test_naive_instants_unknown_words_and_empty_logs_are_refused() -> None:
    with pytest.raises(DataError, match="no time zone"):
        CaseEvent(dt.datetime(2024, 9, 20), "received")
    with pytest.raises(DataError, match="no EventKind"):
        event("2024-09-20 10:00", "recieved")
    with pytest.raises(DataError, match="no time zone"):
        replay_clock([RECEIVED], calendar=CN, as_of=dt.datetime(2024, 9, 21))
    with pytest.raises(DataError, match="none up to as_of"):
        replay([RECEIVED], "2024-09-19 10:00")
    with pytest.raises(DataError, match="no time zone"):
        deadlines(pd.DataFrame(), calendar=CN, as_of=dt.datetime(2024, 9, 21))


def test_policies_that_contradict_each_other_do_not_combine() -> None:
    both = combine(OURS, CHINA)
    assert both.id == f"{OURS.id}+{CHINA.id}"
    assert both.version == f"{OURS.version}+{CHINA.version}"
    with pytest.raises(PolicyError, match="cn_answer_days"):
        combine(BOTH, CHINA.with_parameters(cn_answer_days=14))
    with pytest.raises(PolicyError, match="twice"):
        combine(OURS, CHINA, CHINA)
    with pytest.raises(UnknownNameError):
        default_policy("complaints", "moon")


# --- laws -------------------------------------------------------------------------------------

START = at("2024-08-01 09:00")


@st.composite
def logs(draw: st.DrawFn) -> list[CaseEvent]:
    """A legal event log: a random walk over the allowed moves."""
    severity = draw(st.sampled_from(list(Severity)))
    moment = START + dt.timedelta(minutes=draw(st.integers(0, 60 * 24 * 60)))
    log = [CaseEvent(moment, "received", by="Wang", severity=severity)]
    status = "open"
    for _ in range(draw(st.integers(0, 7))):
        moment += dt.timedelta(minutes=draw(st.integers(1, 60 * 24 * 12)))
        kind, status = draw(
            st.sampled_from(
                {
                    "open": [
                        ("acknowledged", "open"),
                        ("transferred", "open"),
                        ("new_facts", "open"),
                        ("paused", "paused"),
                        ("responded", "answered"),
                        ("withdrawn", "end"),
                    ],
                    "paused": [("resumed", "open"), ("assigned", "paused"), ("merged", "end")],
                    "answered": [
                        ("reopened", "open"),
                        ("closed", "closed"),
                        ("accepted", "answered"),
                    ],
                    "closed": [("reopened", "open")],
                    "end": [("", "end")],
                }[status]
            )
        )
        if not kind:
            break
        log.append(CaseEvent(moment, kind, to="Li", reason="papers"))
    return log


@given(logs(), st.integers(0, 8), st.integers(0, 60 * 24 * 40))
def test_splitting_a_log_anywhere_gives_the_same_state(
    log: list[CaseEvent], place: int, later: int
) -> None:
    as_of = log[-1].at + dt.timedelta(minutes=later)
    whole = replay_clock(log, policy=BOTH, calendar=CN, as_of=as_of)
    place = 1 + place % len(log)
    first = replay_clock(log[:place], policy=BOTH, calendar=CN, as_of=as_of)
    assert replay_clock(log[place:], policy=BOTH, calendar=CN, as_of=as_of, after=first) == whole


@given(logs(), st.randoms(use_true_random=False))
def test_the_order_in_which_events_are_told_does_not_matter(log: list[CaseEvent], mix: Any) -> None:
    as_of = log[-1].at + dt.timedelta(days=3)
    told = list(log)
    mix.shuffle(told)
    assert replay_clock(told, policy=BOTH, calendar=CN, as_of=as_of) == replay_clock(
        log, policy=BOTH, calendar=CN, as_of=as_of
    )


@given(
    st.integers(0, 60 * 24 * 30),
    st.integers(1, 60 * 24 * 20),
    st.integers(0, 60 * 24 * 20),
    st.sampled_from(list(Severity)),
    st.sampled_from(["working_days", "calendar_days", "hours", "working_hours"]),
)
def test_a_pause_never_brings_a_deadline_forward(
    begin: int, until_pause: int, length: int, severity: Severity, unit: str
) -> None:
    rows = tuple(
        {**row, "unit": unit} if row["name"] == "answer" else row
        for row in OURS.raw_records["clocks"]
    )
    policy = attrs.evolve(OURS, raw_records={**OURS.raw_records, "clocks": rows})
    received = START + dt.timedelta(minutes=begin)
    paused = received + dt.timedelta(minutes=until_pause)
    resumed = paused + dt.timedelta(minutes=length)
    log = [CaseEvent(received, "received", severity=severity)]
    as_of = resumed + dt.timedelta(days=1)
    plain = replay_clock(log, policy=policy, calendar=CN, as_of=as_of).clock("answer")
    log += [CaseEvent(paused, "paused", reason="papers"), CaseEvent(resumed, "resumed")]
    stopped = replay_clock(log, policy=policy, calendar=CN, as_of=as_of).clock("answer")
    assert stopped.due_at >= plain.due_at
    assert stopped.elapsed + stopped.paused == pytest.approx(plain.elapsed)
    assert stopped.elapsed <= plain.elapsed + 1e-9


@given(logs(), st.integers(0, 60 * 24 * 40))
def test_due_dates_in_working_days_are_working_days(log: list[CaseEvent], later: int) -> None:
    as_of = log[-1].at + dt.timedelta(minutes=later)
    state = replay_clock(log, policy=BOTH, calendar=CN, as_of=as_of)
    for clock in (*state.clocks, *state.earlier):
        if clock.unit == "working_days":
            assert CN.is_working(clock.due)
        assert clock.elapsed >= 0
        if clock.state in {"running", "at_risk", "paused"}:
            assert clock.open


@given(logs(), st.integers(0, 60 * 24 * 40), st.integers(0, 60 * 24 * 40))
def test_once_breached_always_breached(log: list[CaseEvent], later: int, more: int) -> None:
    first = log[-1].at + dt.timedelta(minutes=later)
    now = replay_clock(log, policy=BOTH, calendar=CN, as_of=first)
    then = replay_clock(log, policy=BOTH, calendar=CN, as_of=first + dt.timedelta(minutes=more))
    for clock in now.clocks:
        if clock.state is ClockStateKind.BREACHED:
            assert then.clock(clock.name).state is ClockStateKind.BREACHED


def wide(log: list[CaseEvent]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One log as a row of a frame, and its pauses."""
    columns = {
        "received": "received_at",
        "acknowledged": "acknowledged_at",
        "new_facts": "new_facts_at",
        "responded": "answered_at",
        "withdrawn": "withdrawn_at",
        "merged": "merged_at",
        "closed": "closed_at",
    }
    row: dict[str, Any] = {"complaint_id": 1, "severity": str(log[0].severity)}
    pauses: list[dict[str, Any]] = []
    for e in log:
        if e.kind == "paused":
            pauses.append({"complaint_id": 1, "paused_at": e.at, "resumed_at": None})
        elif e.kind == "resumed":
            pauses[-1]["resumed_at"] = e.at
        elif str(e.kind) in columns:
            row.setdefault(columns[str(e.kind)], e.at)
    return row, pauses


MILD_TO_BAD = ["stopped", "met", "running", "paused", "at_risk", "breached"]


@pytest.mark.parametrize("preset", presets("complaints"))
@settings(max_examples=15)
@given(log=logs(), later=st.integers(0, 60 * 24 * 40))
def test_a_frame_of_cases_gives_what_each_replay_gives(
    preset: str, log: list[CaseEvent], later: int
) -> None:
    policy = combine(OURS, default_policy("complaints", preset))
    kinds = [str(e.kind) for e in log]
    assume("reopened" not in kinds and kinds.count("new_facts") <= 1)
    assume(kinds.count("acknowledged") <= 1)
    as_of = log[-1].at + dt.timedelta(minutes=later)
    state = replay_clock(log, policy=policy, calendar=CN, as_of=as_of)
    row, pauses = wide(log)
    frame = pd.DataFrame([row])
    stops = pd.DataFrame(pauses) if pauses else None
    if stops is not None:
        stops["resumed_at"] = pd.to_datetime(stops["resumed_at"], utc=True)
    result = deadlines(frame, policy=policy, calendar=CN, as_of=as_of, pauses=stops).iloc[0]
    for clock in state.clocks:
        assert result[f"{clock.name}_state"] == str(clock.state), clock
        assert result[f"{clock.name}_due"].date() == clock.due
        assert result[f"{clock.name}_elapsed"] == pytest.approx(clock.elapsed)
    assert pd.isna(result["review_state"])
    assert (None if pd.isna(result["due"]) else result["due"].date()) == state.due
    waiting = [clock for clock in state.clocks if clock.open]
    first = min(waiting, key=lambda clock: clock.due_at, default=None)
    assert (None if pd.isna(result["clock"]) else result["clock"]) == (first and first.name)
    used = [clock.elapsed / clock.limit if clock.limit else clock.elapsed for clock in waiting]
    assert max(used, default=float("nan")) == pytest.approx(result["used"], nan_ok=True)
    assert result["state"] == max((str(c.state) for c in state.clocks), key=MILD_TO_BAD.index)
    assert result["provisional"] == any(clock.provisional for clock in state.clocks)


def test_the_frame_form_knows_reopening_topics_and_extensions() -> None:
    frame = pd.DataFrame(
        {
            "received_at": [at("2024-03-01 10:00")] * 2,
            "answered_at": [at("2024-03-05 10:00"), pd.NaT],
            "reopened_at": [at("2024-03-11 10:00"), pd.NaT],
            "reanswered_at": [at("2024-03-12 10:00"), pd.NaT],
            "extended": [0, 2],
        }
    )
    result = deadlines(frame, policy=BOTH, calendar=CN, as_of=at("2024-03-13 10:00"))
    assert result["review_state"].tolist()[0] == "met"
    assert result["cn_answer_due"].dt.date.tolist()[1] == dt.date(2024, 4, 30)
    uk = default_policy("complaints", "fca_disp")
    topics = frame.assign(topic=["payments", "other"])
    result = deadlines(
        topics, policy=uk, calendar=working_calendar("GB"), as_of=at("2024-03-13 10:00")
    )
    assert result["uk_payments_due"].notna().tolist() == [True, False]
    assert result["uk_final_due"].notna().tolist() == [False, True]
    bare = deadlines(
        frame, policy=uk, calendar=working_calendar("GB"), as_of=at("2024-03-13 10:00")
    )
    assert bare["uk_payments_due"].isna().all()


def test_a_pause_before_new_facts_is_not_taken_out_of_the_new_clock() -> None:
    log = [
        RECEIVED,
        event("2024-09-23 10:00", "paused", reason="papers"),
        event("2024-09-25 10:00", "resumed"),
        event("2024-09-26 10:00", "new_facts"),
    ]
    now = at("2024-09-27 10:00")
    row, pauses = wide(log)
    told = deadlines(pd.DataFrame([row]), calendar=CN, as_of=now, pauses=pd.DataFrame(pauses)).iloc[
        0
    ]
    clock = replay(log, "2024-09-27 10:00").clock("answer")
    assert clock.paused == 0
    assert (told["answer_elapsed"], told["answer_due"].date()) == (clock.elapsed, clock.due)


def test_pauses_that_nobody_ended_go_on() -> None:
    frame = pd.DataFrame(
        {"complaint_id": [1, 2], "received_at": [RECEIVED.at] * 2, "severity": "moderate"}
    )
    stops = pd.DataFrame({"complaint_id": [2], "paused_at": [at("2024-09-23 10:00")]})
    told = deadlines(frame, calendar=CN, as_of=at("2024-12-01 10:00"), pauses=stops)
    assert told["answer_state"].tolist() == ["breached", "paused"]
    assert told["answer_elapsed"].tolist()[1] == 1


def test_a_pause_of_no_case_is_refused() -> None:
    frame = pd.DataFrame({"complaint_id": [1], "received_at": [at("2024-03-01 10:00")]})
    stray = pd.DataFrame({"complaint_id": [2], "paused_at": [at("2024-03-02 10:00")]})
    now = at("2024-03-13 10:00")
    with pytest.raises(DataError, match="belong to no case"):
        deadlines(frame, calendar=CN, as_of=now, pauses=stray)
    with pytest.raises(DataError, match="pauses need complaint_id"):
        deadlines(frame[["received_at"]], calendar=CN, as_of=now, pauses=stray)


@pytest.mark.parametrize("preset", presets("complaints"))
def test_every_preset_replays_and_says_which_figures_are_confirmed(preset: str) -> None:
    policy = default_policy("complaints", preset)
    log = [event("2024-09-20 10:00", "received"), event("2024-09-20 11:00", "sent")]
    state = replay_clock(log, policy=policy, calendar=CN, as_of=at("2024-09-21 10:00"))
    assert state.due is not None or preset == "iso_10002"
    for rule in policy.raw_records["clocks"]:
        named = [rule.get("limit", ""), *(e["limit"] for e in rule.get("extensions", ()))]
        notes = [policy.parameter(n).note for n in named if n]
        assert rule.get("confirmed", True) == (not any("NOT CONFIRMED" in n for n in notes))


def test_a_tiny_calendar_is_enough_and_its_end_is_told() -> None:
    week = WorkingCalendar("week", dt.date(2024, 9, 16), [True] * 5 + [False] * 2)
    with pytest.raises(ValueError, match="runs from 2024-09-16 to 2024-09-22"):
        replay_clock([RECEIVED], policy=OURS, calendar=week, as_of=at("2024-09-21 10:00"))


def test_event_kinds_have_both_labels() -> None:
    assert all(k.label("zh") and k.label("en") for k in EventKind)
