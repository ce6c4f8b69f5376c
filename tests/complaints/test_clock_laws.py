"""Laws of clocks over random event logs."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.complaints import (
    CaseEvent,
    replay_clock,
)
from bankcrm.vocabulary import ClockStateKind, Severity

from .cases import BOTH, CN, OURS, START, logs


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
