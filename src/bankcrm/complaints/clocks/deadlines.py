"""Clocks of many cases at once, with the same results as a replay of each log."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from bankcrm.calendars import WorkingCalendar
from bankcrm.complaints.base import complaints_policy, contract, zoned
from bankcrm.complaints.clocks.cases import AGAIN, Cases
from bankcrm.complaints.clocks.measure import STATES
from bankcrm.complaints.clocks.pauses import read_pauses
from bankcrm.complaints.clocks.rules import clock_rules
from bankcrm.frames import Column, as_frame, check_frame
from bankcrm.frames.numbering import categorical
from bankcrm.policy import Policy
from bankcrm.vocabulary import ClockStateKind

# How bad each state is, in the order of the vocabulary; the last entry stands for "no clock".
_RANK = np.array([2, 4, 3, 5, 1, 0, -1], dtype=np.int8)
_BREACHED = STATES.index(ClockStateKind.BREACHED.value)
_NAT = np.datetime64("NaT", "us")
_OWN = ("received_at", "sent_at", "acknowledged_at", "answered_at", "closed_at", "severity", "kind")
_COLUMNS = (
    *contract(*_OWN, "topic", required=("received_at",)),
    *(
        Column(n, "instant", required=False, nullable=True)
        for n in ("new_facts_at", "informed_at", "delay_explained_at", "accepted_at")
    ),
    *(
        Column(n, "instant", required=False, nullable=True)
        for n in ("reopened_at", "withdrawn_at", "merged_at", AGAIN)
    ),
    Column("extended", "integer", required=False, nullable=True, minimum=0),
)


def deadlines(
    complaints: object,
    *,
    policy: Policy | None = None,
    calendar: WorkingCalendar,
    as_of: dt.datetime,
    pauses: object = None,
) -> pd.DataFrame:
    """Due date and state of every clock of every case, as a replay of each log gives them.

    Args:
        complaints: A frame with ``received_at`` and, where they happened, ``sent_at``,
            ``acknowledged_at``, ``new_facts_at``, ``informed_at``, ``delay_explained_at``,
            ``answered_at``, ``accepted_at``, ``reopened_at``, ``closed_at``, ``withdrawn_at``,
            ``merged_at``, ``reanswered_at`` (aware instants); ``kind``, ``severity``, ``topic``,
            ``extended`` (steps of extension) and, with ``pauses``, ``complaint_id``. A case that
            was closed without an answer counts as answered then. Each case has one round and one
            severity; use `replay_clock` for cases that were re-opened more than once or assessed
            again.
        policy: The policy whose clocks bind.
        calendar: The calendar whose working days count.
        as_of: The instant of the requested states; later events are ignored.
        pauses: A frame with ``complaint_id``, ``paused_at`` and ``resumed_at`` (missing: still
            paused), without overlap, and ``reason`` for clocks that only some reasons pause.

    Returns:
        The frame's index; for each clock ``<clock>_due`` (date), ``<clock>_elapsed`` (its unit),
        ``<clock>_state``; then ``due`` and ``clock`` (the open clock that ends
        first; if an answered case has none, ``due`` is the day by which it was due),
        ``used`` (the largest share of its time that an open clock has used), ``breached`` (an open
        clock is breached), ``state`` (the worst of all clocks), ``provisional`` and
        ``outside_calendar``. Clocks that are no duty set none of ``due`` to ``state``. A clock that
        does not bind has nulls. So has one that the
        calendar does not cover; ``outside_calendar`` marks it.

    Raises:
        DataError: A frame does not fit, or a pause belongs to no case or overlaps another.

    Source: CSC-5, CSC-6.

    >>> from bankcrm.calendars import working_calendar
    >>> cases = pd.DataFrame({
    ...     "received_at": pd.to_datetime(["2024-09-27 10:00"]).tz_localize("Asia/Shanghai"),
    ...     "severity": ["moderate"]})
    >>> now = dt.datetime(2024, 10, 11, tzinfo=dt.timezone.utc)
    >>> deadlines(cases, calendar=working_calendar("CN"), as_of=now)["answer_state"].tolist()
    ['breached']
    """
    as_of = zoned(as_of)
    policy = complaints_policy(policy)
    frame = check_frame(as_frame(complaints), _COLUMNS, frame="complaints")
    now = np.datetime64(as_of.astimezone(dt.UTC).replace(tzinfo=None), "us")
    cases = Cases(frame, policy, calendar, now, read_pauses(pauses, frame, now))
    rules = clock_rules(policy)
    result = pd.DataFrame(index=frame.index)
    rows = len(frame)
    first = np.full(rows, np.datetime64("9999-12-31", "us"))
    first_rule = np.full(rows, -1, dtype=np.int8)
    due_day = np.full(rows, np.datetime64("NaT", "D"))
    worst = np.full(rows, -1, dtype=np.int8)
    answered_due = np.full(rows, _NAT)
    answered_day = due_day.copy()
    used = np.full(rows, np.nan)
    breached = np.zeros(rows, dtype=np.bool_)
    provisional = np.zeros(rows, dtype=np.bool_)
    outside = np.zeros(rows, dtype=np.bool_)
    for number, rule in enumerate(rules):
        clock = cases.clock(rule)
        result[f"{rule.name}_due"] = clock.day.astype("datetime64[s]")
        result[f"{rule.name}_elapsed"] = clock.elapsed
        result[f"{rule.name}_state"] = categorical(clock.state, STATES)
        provisional |= clock.provisional
        outside |= clock.outside
        if not rule.duty:
            continue  # missing an optional time breaks no rule, so it sets neither due nor breach
        earlier = clock.open & (clock.due_at < first)
        first[earlier], first_rule[earlier] = clock.due_at[earlier], number
        due_day[earlier] = clock.day[earlier]
        if rule.answers:
            sooner = cases.answered & clock.met & ~(answered_due <= clock.due_at)
            answered_due[sooner], answered_day[sooner] = clock.due_at[sooner], clock.day[sooner]
        used = np.where(clock.open, np.fmax(used, clock.used), used)
        breached |= clock.open & (clock.state == _BREACHED)
        worst = np.where(_RANK[clock.state] > _RANK[worst], clock.state, worst)
    due_day = np.where(first_rule < 0, answered_day, due_day)
    result["due"] = due_day.astype("datetime64[s]")
    result["clock"] = categorical(first_rule, [r.name for r in rules])
    result["used"] = used
    result["breached"] = breached
    result["state"] = categorical(worst, STATES)
    result["provisional"] = provisional
    result["outside_calendar"] = outside
    result.attrs["calendar"] = calendar.name
    return policy.stamp(result)
