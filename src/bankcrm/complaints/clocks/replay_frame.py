"""Replay of the event logs of many cases at once, with the results of `replay_clock`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import pandas as pd

from bankcrm._display import SHOWN
from bankcrm.arguments import as_mapping
from bankcrm.calendars import WorkingCalendar
from bankcrm.calendars.countries import given_calendar
from bankcrm.complaints.base import complaints_policy, zoned
from bankcrm.complaints.clocks.event_log import read_events
from bankcrm.complaints.clocks.replay import replay_clock
from bankcrm.complaints.clocks.replayed_cases import ReplayedCases
from bankcrm.errors import CalendarError, IllegalTransitionError
from bankcrm.policy import Policy


def replay_clock_frame(
    events: object,
    *,
    policy: Policy | None = None,
    calendar: WorkingCalendar | str,
    as_of: dt.datetime,
    policies: Mapping[str, Policy] | None = None,
) -> pd.DataFrame:
    """The state of many cases, each replayed from its event log as `replay_clock` does.

    Args:
        events: A frame with one row per event: ``complaint_id``, ``at`` (aware instant), ``kind``
            and, where they are recorded, the other fields of `CaseEvent`: ``by``, ``to``,
            ``reason``, ``approver``, ``notice``, ``severity``, ``topic``, ``message`` and, on a
            ``policy_changed`` event, ``policy`` (a name in ``policies``). The rows may stand in
            any order; events of a case at one instant keep theirs.
        policy: The policy whose clocks bind from the start.
        calendar: The calendar whose working days count, or its country, such as ``CN``.
        as_of: The instant of the requested states; later events are left out.
        policies: The policies to which ``policy_changed`` events change, by name.

    Returns:
        Indexed by ``complaint_id``, one row per case with an event up to ``as_of``: ``status``,
        ``severity`` (categorical), ``accountable``, ``handler``, ``merged_into`` (text),
        ``transfers``, ``earlier`` (clocks before a re-opening, new facts or a new severity) and
        ``earlier_breached`` (how many of them were breached); then the columns of `deadlines`. A
        clock that the calendar does not cover has nulls; ``outside_calendar`` marks its case.

    Raises:
        IllegalTransitionError: An event is not allowed at its place in the log of its case.
        DataError: The frame does not fit, or ``as_of`` has no time zone.

    Source: CSC-5, CSC-6, EB-8.

    >>> from bankcrm.calendars import working_calendar
    >>> log = pd.DataFrame({
    ...     "complaint_id": [7, 7, 8],
    ...     "at": pd.to_datetime(["2024-09-27 10:00", "2024-10-09 09:00", "2024-10-09 11:00"])
    ...         .tz_localize("Asia/Shanghai"),
    ...     "kind": ["received", "responded", "received"],
    ...     "severity": ["moderate", None, "severe"]})
    >>> now = dt.datetime(2024, 10, 11, tzinfo=dt.timezone.utc)
    >>> cases = replay_clock_frame(log, calendar=working_calendar("CN"), as_of=now)
    >>> cases["status"].tolist(), cases["answer_state"].tolist()
    (['answered', 'open'], ['met', 'running'])
    """
    calendar = given_calendar(calendar)
    as_of = zoned(as_of)
    policies = as_mapping(policies, "policies", "a mapping of name to policy")
    log = read_events(events, as_of, policies)
    first = complaints_policy(policy)
    # The code of a name is its place among the choices of the column: that of its policy less one.
    replayed = ReplayedCases(log, [first, *map(complaints_policy, policies.values())], calendar)
    live = np.arange(len(log.ids))
    count = np.diff(log.begin)
    number = 0
    while len(live := live[(count[live] > number) & (replayed.refused[live] < 0)]):
        replayed.take(live, log.begin[live] + number)
        number += 1
    _refuse(replayed, first, calendar)
    result = replayed.frame(as_of)
    result.attrs["calendar"] = calendar.name
    return first.stamp(result)


def _refuse(replayed: ReplayedCases, first: Policy, calendar: WorkingCalendar) -> None:
    """Refuse logs with an event out of place, in the words of `replay_clock`."""
    log = replayed.log
    cases = np.flatnonzero(replayed.refused >= 0)
    if not len(cases):
        return
    lines = []
    for case in cases[:SHOWN].tolist():
        last = int(replayed.refused[case])
        events = [log.event(place) for place in range(int(log.begin[case]), last + 1)]
        try:
            replay_clock(events, policy=first, calendar=calendar, as_of=events[-1].at)
        except (IllegalTransitionError, CalendarError) as error:
            row = log.frame.index[log.row[last]]
            lines.append(f"\n  complaint_id {log.ids[case]}, row {row}: {error}")
    more = f"\n  and {len(cases) - SHOWN:,} more" if len(cases) > SHOWN else ""
    raise IllegalTransitionError(
        f"events: {len(cases):,} {'case has' if len(cases) == 1 else 'cases have'} an event that "
        "is not allowed at its place; correct or remove it:" + "".join(lines) + more
    )
