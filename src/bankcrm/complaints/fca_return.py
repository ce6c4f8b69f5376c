"""Export for a supervisor, in the layout of the FCA's complaints return."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.calendars import WorkingCalendar
from bankcrm.calendars.countries import given_calendar
from bankcrm.complaints.base import business_days, contract, local_days
from bankcrm.errors import DataError
from bankcrm.frames import as_frame, check_frame
from bankcrm.frames.arrays import as_of_day, numbers
from bankcrm.policy import Policy, default_policy
from bankcrm.policy.given import policy_of
from bankcrm.vocabulary import Outcome

_NAMES = ("received_at", "closed_at", "outcome", "redress", "product")
_UPHELD = (Outcome.UPHELD.value, Outcome.PARTLY_UPHELD.value)
_THREE = 3
_EIGHT_WEEKS = 56


def fca_return(
    complaints: object,
    *,
    start: object,
    end: object,
    by: str = "product",
    calendar: WorkingCalendar | str,
    policy: Policy | None = None,
) -> pd.DataFrame:
    """Opened, outstanding, closed by time taken, upheld and redress, by product.

    Args:
        complaints: ``received_at`` and, where known, ``closed_at``, ``outcome``, ``redress``.
        start: First day of the reporting period.
        end: Last day of the reporting period.
        by: The column to group by; missing values form one row.
        calendar: The calendar whose business days count for the three days.
        policy: The policy whose time zone gives each instant its day; None takes the
            preset ``fca_disp``.

    Returns:
        Indexed by ``by``, in the order of names, and a last row ``total``: ``outstanding_start``,
        ``opened``, ``closed_3_days`` (by the third business day), ``closed_8_weeks`` (later, but
        by the end of eight weeks), ``closed_later``, ``closed``, ``outstanding_end``, ``upheld``
        (of those closed, in whole or in part) and ``redress`` (money).

    Source: CSC-6; DISP 1 Annex 1 (the layout is ours).

    >>> from bankcrm.calendars import working_calendar
    >>> complaints = pd.DataFrame({
    ...     "received_at": pd.to_datetime(["2024-03-04"]).tz_localize("Europe/London"),
    ...     "closed_at": pd.to_datetime(["2024-03-07"]).tz_localize("Europe/London"),
    ...     "product": ["fund"]})
    >>> table = fca_return(
    ...     complaints, start="2024-01-01", end="2024-06-30", calendar=working_calendar("GB"))
    >>> table.loc["fund", ["opened", "closed_3_days"]].astype(int).tolist()
    [1, 1]
    """
    calendar = given_calendar(calendar)
    preset = default_policy("complaints", "fca_disp")
    policy = policy_of(preset if policy is None else policy, "complaints")
    first, last = as_of_day(start), as_of_day(end)
    if last < first:
        raise DataError(f"end: {last} is before start {first}")
    frame = check_frame(
        as_frame(complaints), contract(*_NAMES, required=("received_at",)), frame="complaints"
    )
    if by not in frame:
        raise DataError(f"complaints: no column {by!r}; present: {', '.join(map(str, frame))}")
    received = local_days(frame["received_at"], policy)
    started = business_days(frame["received_at"], policy)
    never = np.full(len(frame), np.datetime64("NaT", "D"))
    closed_on = local_days(frame["closed_at"], policy) if "closed_at" in frame else never
    ended = business_days(frame["closed_at"], policy) if "closed_at" in frame else never
    before = received < first
    opened = (received >= first) & (received <= last)
    closed = (closed_on >= first) & (closed_on <= last)
    open_then = ~(closed_on < first)
    three = calendar.add_marked(started, _THREE).dates
    eight = started + np.timedelta64(_EIGHT_WEEKS, "D")
    upheld = frame["outcome"].isin(_UPHELD).to_numpy() if "outcome" in frame else closed & False
    redress = (
        np.nan_to_num(numbers(frame["redress"], "redress"))
        if "redress" in frame
        else np.zeros(len(frame))
    )
    measures = {
        "outstanding_start": before & open_then,
        "opened": opened,
        "closed_3_days": closed & (ended <= three),
        "closed_8_weeks": closed & (ended > three) & (ended <= eight),
        "closed_later": closed & (ended > three) & (ended > eight),
        "closed": closed,
        "outstanding_end": (before | opened) & ~(closed_on <= last),
        "upheld": closed & upheld,
        "redress": np.where(closed, redress, 0.0),
    }
    group = frame[by].astype(object).where(frame[by].notna(), "(missing)")
    table = pd.DataFrame(measures, index=frame.index).groupby(group.to_numpy()).sum().sort_index()
    table.loc["total"] = table.sum()
    whole = [n for n in measures if n != "redress"]
    result = table.rename_axis(by).astype({**dict.fromkeys(whole, "int64"), "redress": "float64"})
    return policy.stamp(result)
