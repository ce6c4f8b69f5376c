"""Replay and deadlines against the slow simulator, over random calendars and sequences.

The number of sequences comes from the Hypothesis profile; CLOCK_SEQUENCES sets another one.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bankcrm.calendars import WorkingCalendar
from bankcrm.complaints import CaseEvent, combine, deadlines, replay_clock
from bankcrm.policy import Policy, default_policy
from bankcrm.rules import Parameter

from .simulator import simulate

ZONE = ZoneInfo("Asia/Shanghai")
FIRST = dt.date(2024, 2, 1)
OURS = default_policy("complaints")
SEQUENCES = int(os.environ.get("CLOCK_SEQUENCES", "0"))


def policy_of(unit: str, limit: int) -> Policy:
    """One clock that pauses, with a limit in days, or minutes in hours."""
    amount = limit if "days" in unit else limit / 60
    clock = {"name": "clock", "kind": "answer", "unit": unit, "limit": "limit", "pauses": True}
    rest = {**OURS.parameters, "limit": (Parameter(amount),)}
    return attrs.evolve(OURS, parameters=rest, raw_records={**OURS.raw_records, "clocks": (clock,)})


@st.composite
def sequences(draw: st.DrawFn) -> dict[str, Any]:
    unit = draw(st.sampled_from(["working_days", "calendar_days", "hours", "working_hours"]))
    week = draw(st.sampled_from([(5, 6), (4, 5), (6,), ()]))
    holidays = draw(st.sets(st.integers(0, 60), max_size=15))
    limit = draw(st.integers(0, 5)) if "days" in unit else draw(st.integers(1, 2000))
    gap = st.integers(0, 60 * 24 * 6) | st.sampled_from([1, 60 * 24, 60 * 48])
    now = dt.datetime(2024, 2, 1) + dt.timedelta(minutes=draw(st.integers(0, 60 * 24 * 10)))
    start, pauses = now, []
    for _ in range(draw(st.integers(0, 3))):
        now += dt.timedelta(minutes=1 + draw(gap))
        begin = now
        now += dt.timedelta(minutes=1 + draw(gap))
        pauses.append((begin, now))
    if pauses and draw(st.booleans()) and draw(st.booleans()):
        pauses[-1] = (pauses[-1][0], None)
    now += dt.timedelta(minutes=1 + draw(gap))
    answered = now if draw(st.booleans()) and (not pauses or pauses[-1][1]) else None
    as_of = now + dt.timedelta(minutes=draw(gap))
    if draw(st.integers(0, 3)) == 0:  # in the middle of it
        as_of = start + (as_of - start) * draw(st.floats(0, 1))
        as_of = as_of.replace(second=0, microsecond=0)
    return {
        "unit": unit, "limit": limit, "start": start, "pauses": pauses, "answered": answered,
        "as_of": max(as_of, start), "week": week, "holidays": holidays,
    }  # fmt: skip


def calendar_of(week: tuple[int, ...], holidays: set[int]) -> WorkingCalendar:
    days = [FIRST + dt.timedelta(days=i) for i in range(-5, 200)]
    working = [
        (d.weekday() not in week and (d - FIRST).days not in holidays) or (d - FIRST).days > 62
        for d in days
    ]
    return WorkingCalendar("random", days[0], working)


@settings(
    max_examples=SEQUENCES or settings.default.max_examples,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    deadline=None,
)
@given(sequences())
def test_replay_deadlines_and_a_minute_by_minute_simulator_agree(case: dict[str, Any]) -> None:
    calendar = calendar_of(case["week"], case["holidays"])
    unit, limit, as_of = case["unit"], case["limit"], case["as_of"].replace(tzinfo=ZONE)
    policy = policy_of(unit, limit)
    known = [(p, r) for p, r in case["pauses"] if p <= case["as_of"]]
    answered = case["answered"]
    answered = answered if answered and answered <= case["as_of"] else None
    expected = simulate(
        works=lambda d: bool(calendar.is_working(d)),
        unit=unit,
        limit=limit,
        start=case["start"],
        pauses=[(p, r if r and r <= case["as_of"] else None) for p, r in known],
        answered=case["answered"]
        if case["answered"] and case["answered"] <= case["as_of"]
        else None,
        as_of=case["as_of"],
    )
    log = [CaseEvent(case["start"].replace(tzinfo=ZONE), "received")]
    for begin, end in case["pauses"]:
        log.append(CaseEvent(begin.replace(tzinfo=ZONE), "paused", reason="papers"))
        if end:
            log.append(CaseEvent(end.replace(tzinfo=ZONE), "resumed"))
    if case["answered"]:
        log.append(CaseEvent(case["answered"].replace(tzinfo=ZONE), "responded"))
    clock = replay_clock(log, policy=policy, calendar=calendar, as_of=as_of).clock("clock")
    per = 1 if "days" in unit else 60
    seen = (round(clock.elapsed * per), round(clock.paused * per), clock.due, str(clock.state))
    assert seen == (expected.elapsed, expected.paused, expected.due, expected.state)
    assert (clock.state == "breached") == (clock.elapsed > clock.limit)
    frame = pd.DataFrame(
        {"complaint_id": [1], "received_at": [log[0].at], "answered_at": [case["answered"]]}
    )
    frame["answered_at"] = pd.to_datetime(frame["answered_at"]).dt.tz_localize(str(ZONE))
    stops = pd.DataFrame(
        {
            "complaint_id": [1] * len(case["pauses"]),
            "paused_at": pd.to_datetime([p for p, _ in case["pauses"]]).tz_localize(str(ZONE)),
            "resumed_at": pd.to_datetime([r for _, r in case["pauses"]]).tz_localize(str(ZONE)),
        }
    )
    row = deadlines(frame, policy=policy, calendar=calendar, as_of=as_of, pauses=stops).iloc[0]
    assert row["clock_state"] == str(clock.state)
    assert row["clock_due"].date() == clock.due
    assert row["clock_elapsed"] == clock.elapsed


def week(limit: int, received: str, *pauses: tuple[str, str]) -> tuple[Policy, list[CaseEvent]]:
    def at(text: str) -> dt.datetime:
        return dt.datetime.fromisoformat(text).replace(tzinfo=ZONE)

    log = [CaseEvent(at(received), "received")]
    for begin, end in pauses:
        log += [CaseEvent(at(begin), "paused", reason="papers"), CaseEvent(at(end), "resumed")]
    return policy_of("working_days", limit), log


PLAIN = WorkingCalendar(
    "weekdays",
    dt.date(2024, 1, 1),
    np.is_busday(np.arange("2024-01-01", "2025-01-01", dtype="datetime64[D]")),
)


@pytest.mark.parametrize(
    ("limit", "received", "pause", "due"),
    [
        (1, "2024-03-08 16:00", ("2024-03-09 10:00", "2024-03-13 17:00"), "2024-03-14"),
        (3, "2024-03-06 10:00", ("2024-03-10 18:00", "2024-03-15 00:15"), "2024-03-18"),
    ],
)
def test_a_pause_that_begins_on_a_day_off(
    limit: int, received: str, pause: tuple[str, str], due: str
) -> None:
    policy, log = week(limit, received, pause)
    last = dt.datetime.fromisoformat(due).replace(tzinfo=ZONE)
    for days, breached in ((0, False), (1, True)):
        now = last + dt.timedelta(days=days)
        clock = replay_clock(log, policy=policy, calendar=PLAIN, as_of=now).clock("clock")
        assert clock.due.isoformat() == due
        assert clock.elapsed == limit + days
        assert (clock.state == "breached") == breached


def test_a_pause_after_a_breach_moves_nothing() -> None:
    policy, log = week(3, "2024-03-22 10:00", ("2024-04-01 10:00", "2024-04-15 10:00"))
    now = dt.datetime(2024, 4, 20, tzinfo=ZONE)
    clock = replay_clock(log, policy=policy, calendar=PLAIN, as_of=now).clock("clock")
    assert (clock.due.isoformat(), str(clock.state)) == ("2024-03-27", "breached")
    assert clock.paused == 0


def test_a_new_severity_heals_no_breach_and_makes_none() -> None:
    def at(day: int) -> dt.datetime:
        return dt.datetime(2024, 3, day, 10, tzinfo=ZONE)

    log = [
        CaseEvent(at(4), "received", severity="minor"),
        CaseEvent(at(6), "assessed", severity="severe"),
    ]
    answer = replay_clock(log, calendar=PLAIN, as_of=at(7)).clock("answer")
    assert (str(answer.state), answer.due) == ("breached", dt.date(2024, 3, 4))
    log = [
        CaseEvent(at(4), "received", severity="moderate"),
        CaseEvent(at(6), "assessed", severity="severe"),
    ]
    state = replay_clock(log, calendar=PLAIN, as_of=at(7))
    assert state.clock("answer").due == dt.date(2024, 3, 18)
    assert [(c.due, c.limit, c.ended_at) for c in state.earlier] == [
        (dt.date(2024, 3, 11), 5, at(6))
    ]
    log = [CaseEvent(at(4), "received"), CaseEvent(at(6), "assessed", severity="minor")]
    answer = replay_clock(log, calendar=PLAIN, as_of=at(6)).clock("answer")
    assert (str(answer.state), answer.due) == ("at_risk", dt.date(2024, 3, 6))


def test_the_order_of_presets_does_not_matter_and_each_keeps_its_zone() -> None:
    uk, cn = (default_policy("complaints", p) for p in ("fca_disp", "cn_2020_3"))
    one, other = combine(OURS, uk, cn), combine(OURS, cn, uk)
    assert one == other
    log = [CaseEvent(dt.datetime(2024, 3, 4, 23, 30, tzinfo=dt.UTC), "received")]
    log.append(CaseEvent(dt.datetime(2024, 3, 5, tzinfo=dt.UTC), "extended", reason="complex"))
    for policy in (one, other):
        state = replay_clock(
            log, policy=policy, calendar=PLAIN, as_of=dt.datetime(2024, 3, 6, tzinfo=dt.UTC)
        )
        assert state.clock("uk_final").due == dt.date(2024, 4, 29)  # from 4 March in London
        assert state.clock("cn_answer").due == dt.date(2024, 4, 4)  # from 5 March in Shanghai
        assert state.clock("cn_answer").extended == 1


def test_hours_end_exactly_after_a_pause() -> None:
    policy = policy_of("hours", 60)
    start = dt.datetime(2024, 3, 4, 10, 0, 0, 123_457, tzinfo=ZONE)
    log = [
        CaseEvent(start, "received"),
        CaseEvent(start + dt.timedelta(microseconds=1), "paused", reason="papers"),
        CaseEvent(start + dt.timedelta(microseconds=7_654_321), "resumed"),
    ]
    end = start + dt.timedelta(hours=1, microseconds=7_654_320)
    clock = replay_clock(log, policy=policy, calendar=PLAIN, as_of=end).clock("clock")
    assert (clock.due_at, str(clock.state)) == (end, "at_risk")
    later = end + dt.timedelta(microseconds=1)
    assert (
        str(replay_clock(log, policy=policy, calendar=PLAIN, as_of=later).clock("clock").state)
        == "breached"
    )


def test_the_end_of_a_calendar_stops_only_the_cases_beyond_it() -> None:
    frame = pd.DataFrame(
        {
            "received_at": pd.to_datetime(["2024-03-04", "2024-12-30", "2031-01-01"]).tz_localize(
                "UTC"
            )
        }
    )
    told = deadlines(frame, calendar=PLAIN, as_of=dt.datetime(2024, 12, 30, 12, tzinfo=dt.UTC))
    assert told["outside_calendar"].tolist() == [False, True, False]
    assert told["answer_due"].notna().tolist() == [True, False, False]


def test_one_answer_to_by_when_for_every_kind() -> None:
    from bankcrm.complaints import Complaint, route
    from bankcrm.vocabulary import Kind

    now = dt.datetime(2024, 3, 6, 10, tzinfo=ZONE)
    for policy in (OURS, combine(OURS, default_policy("complaints", "fca_disp"))):
        for kind in Kind:
            for signal in ("vulnerable", "data_leak", "kind"):
                facts = {signal: True} if signal != "kind" else {}
                one = route(
                    Complaint(complaint_id=1, received_at=now, kind=kind, **facts),
                    calendar=PLAIN, policy=policy,
                )  # fmt: skip
                frame = pd.DataFrame(
                    {
                        "received_at": [now],
                        "kind": [kind.value],
                        "severity": [one.severity and one.severity.value],
                        "acknowledged_at": [now],
                    }
                )
                told = deadlines(frame, calendar=PLAIN, policy=policy, as_of=now)
                duty = [c for c in told if c.endswith("_due") and c not in ("uk_summary_due",)]
                dues = told[duty].iloc[0].drop("acknowledge_due").dropna()
                assert min(dues).date() == one.due, (kind, one)
