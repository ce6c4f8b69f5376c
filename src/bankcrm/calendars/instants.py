"""The business day of an instant: where working days begin to count."""

from __future__ import annotations

import datetime as dt
from typing import overload

import numpy as np

from bankcrm.arguments import as_kind, as_zone
from bankcrm.frames.arrays import Days
from bankcrm.frames.instants import ZONE, Instants, Many, local_times, one_day, seconds_of


@overload
def business_day(
    instants: dt.datetime, *, zone: str = ..., cutoff: dt.time | None = ...
) -> dt.date: ...
@overload
def business_day(instants: Many, *, zone: str = ..., cutoff: dt.time | None = ...) -> Days: ...
def business_day(
    instants: Instants,
    *,
    zone: str = ZONE,
    cutoff: dt.time | None = None,
) -> dt.date | Days:
    """The business day of each instant: the local day, or the next one from the cut-off hour on.

    Clocks and due days count working days from it.

    It is the next *calendar* day, not the next working day: a Friday evening and a Saturday
    morning have the same first working day, so an earlier complaint is never due later.

    Args:
        instants: One time-zone aware instant, or an array, Series or Index of them.
        zone: The bank's time zone.
        cutoff: Local time from which an instant belongs to the next day; None for no cut-off.

    Returns:
        ``datetime.date`` for one instant, else ``datetime64[D]``; a missing instant stays missing.

    Raises:
        DataError: The instants have no time zone.

    >>> business_day(dt.datetime(2026, 3, 2, 16, 30, tzinfo=dt.timezone.utc)).isoformat()
    '2026-03-03'
    """
    if cutoff is not None:
        as_kind(cutoff, dt.time, "cutoff", "give a time of day, such as datetime.time(17)")
    if isinstance(instants, dt.datetime) and instants.tzinfo is not None:
        wall = instants.astimezone(as_zone(zone))  # one alone: no arrays
        late = cutoff is not None and wall.time() >= cutoff
        return wall.date() + dt.timedelta(days=late)
    local, scalar = local_times(instants, zone)
    if cutoff is not None:
        local = local + np.timedelta64(86_400 - seconds_of(cutoff), "s")
    return one_day(local.astype("datetime64[D]"), scalar)
