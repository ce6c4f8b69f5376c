"""Escalation of open cases, and follow-up after the answer (CSC-6)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.arguments import as_kind
from bankcrm.calendars import WorkingCalendar
from bankcrm.calendars.countries import given_calendar
from bankcrm.complaints.base import (
    business_days,
    complaints_policy,
    contract,
    local_days,
)
from bankcrm.frames import Column, as_frame, check_frame
from bankcrm.frames.arrays import numbers
from bankcrm.policy import Policy

_CLOCKS = (
    Column("used", "number", nullable=True, minimum=0, unit="share"),
    Column("clock", "category", nullable=True),
    Column("breached", "boolean", required=False, nullable=True),
)


def escalate(clocks: object, *, policy: Policy | None = None) -> pd.DataFrame:
    """Whom to inform of each case, by the share of its time that is used.

    Only a case with an open clock escalates; one that is met, withdrawn or merged does not. The
    policy's table ``escalation`` decides; its shares are the same for every severity.

    Args:
        clocks: From `bankcrm.complaints.deadlines`: ``used`` (share of its time) and ``clock``
            (the open clock; missing where none is open), and ``breached`` (an open clock is
            breached), which counts as more than the whole time whatever its unit.
        policy: The policy whose table ``escalation`` decides.

    Returns:
        The frame's index; ``escalation`` (ordered categorical) and ``escalation_rule``.

    Source: CSC-6.

    >>> clocks = pd.DataFrame({"used": [0.1, 0.85, 3.0], "clock": ["answer", "answer", None]})
    >>> escalate(clocks)["escalation"].tolist()
    ['none', 'department_head', 'none']
    """
    policy = complaints_policy(policy)
    frame = check_frame(as_frame(clocks), _CLOCKS, frame="clocks")
    used = np.nan_to_num(numbers(frame["used"], "used"))
    if "breached" in frame:  # a clock of no days, or a day off, may show no more than its limit
        over = frame["breached"].to_numpy(dtype=np.bool_, na_value=False)
        used = np.where(over, np.maximum(used, np.nextafter(1, 2)), used)
    facts = pd.DataFrame(
        {"open": frame["clock"].notna(), "used": used},
        index=frame.index,
    )
    decided = policy.table("escalation").decide_frame(facts)
    result = decided.rename(columns={"outcome": "escalation", "rule": "escalation_rule"})
    result["escalation"] = result["escalation"].cat.as_ordered()
    return policy.stamp(result)


_ANSWERED = contract("answered_at", "closed_at", "satisfaction")


def follow_ups(
    complaints: object, *, policy: Policy | None = None, calendar: WorkingCalendar | str
) -> pd.DataFrame:
    """When to ask the customer after the answer, and until when the case can be re-opened.

    Args:
        complaints: ``answered_at``, ``closed_at`` (aware instants) and ``satisfaction`` (0-100),
            where they are known.
        policy: Gives ``follow_up_days``, ``reopen_within_days`` and ``satisfied_from``.
        calendar: The calendar whose working days count, or its country, such as ``CN``.

    Returns:
        The frame's index; ``follow_up_due`` and ``reopen_until`` (dates, missing before an answer
        or a closure) and ``satisfied`` (boolean, missing where it is not recorded).

    Source: CSC-6.

    >>> from bankcrm.calendars import working_calendar
    >>> cases = pd.DataFrame({"answered_at": pd.to_datetime(["2024-09-30"]).tz_localize("UTC")})
    >>> follow_ups(cases, calendar=working_calendar("CN"))["follow_up_due"].dt.day.tolist()
    [10]
    """
    calendar = given_calendar(calendar)
    policy = complaints_policy(policy)
    as_kind(calendar, WorkingCalendar, "calendar", "use working_calendar('CN')")
    frame = check_frame(as_frame(complaints), _ANSWERED, frame="complaints")
    never = pd.Series(pd.DatetimeIndex([pd.NaT] * len(frame), tz="UTC"), index=frame.index)
    answered = business_days(frame.get("answered_at", never), policy)
    closed = local_days(frame.get("closed_at", never), policy)
    due = calendar.add_marked(answered, int(policy.value("follow_up_days"))).dates
    until = closed + np.timedelta64(int(policy.value("reopen_within_days")), "D")
    satisfaction = frame.get("satisfaction", pd.Series(np.nan, index=frame.index))
    points = numbers(satisfaction, "satisfaction")
    return pd.DataFrame(
        {
            "follow_up_due": due.astype("datetime64[s]"),
            "reopen_until": until.astype("datetime64[s]"),
            "satisfied": pd.array(points >= float(policy.value("satisfied_from")), dtype="boolean"),
        },
        index=frame.index,
    ).assign(satisfied=lambda f: f["satisfied"].mask(np.isnan(points)))
