"""Clocks of many cases at once, with the same results as a replay of each log."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from bankcrm.calendars import WorkingCalendar
from bankcrm.calendars.countries import given_calendar
from bankcrm.complaints.base import complaints_policy, contract, zoned
from bankcrm.complaints.clocks.cases import AGAIN, Cases
from bankcrm.complaints.clocks.clock_table import ClockTable
from bankcrm.complaints.clocks.pauses import read_pauses
from bankcrm.complaints.clocks.rules import clock_rules
from bankcrm.frames import Column, as_frame, check_frame
from bankcrm.policy import Policy

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
    calendar: WorkingCalendar | str,
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
        calendar: The calendar whose working days count, or its country, such as ``CN``.
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
    calendar = given_calendar(calendar)
    as_of = zoned(as_of)
    policy = complaints_policy(policy)
    frame = check_frame(as_frame(complaints), _COLUMNS, frame="complaints")
    now = np.datetime64(as_of.astimezone(dt.UTC).replace(tzinfo=None), "us")
    cases = Cases(frame, policy, calendar, now, read_pauses(pauses, frame, now))
    rules = clock_rules(policy)
    table = ClockTable(len(frame), [r.name for r in rules])
    for rule in rules:
        clock = cases.clock(rule)
        table.add(rule, clock, cases.answered)
    result = pd.DataFrame(table.columns(), index=frame.index)
    result.attrs["calendar"] = calendar.name
    return policy.stamp(result)
