"""Rulers: the units in which a clock is measured, for one case and for a million alike."""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeAlias, cast

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.calendars import WorkingCalendar, WorkingHours, bank_day
from bankcrm.columns import Days
from bankcrm.complaints._frames import Mask
from bankcrm.errors import DataError
from bankcrm.policy import Policy

UNITS = ("working_days", "calendar_days", "hours", "working_hours")
Instants: TypeAlias = npt.NDArray[np.datetime64]
Amounts: TypeAlias = npt.NDArray[np.float64]


def utc(instants: Any) -> Instants:
    """Instants as naive UTC microseconds, the form in which rulers take them."""
    index = pd.DatetimeIndex(instants)
    if index.tz is None and not index.isna().all():
        raise DataError("instants: no time zone; localise them with .dt.tz_localize(...)")
    plain = index if index.tz is None else index.tz_convert("UTC").tz_localize(None)
    return plain.to_numpy().astype("datetime64[us]")


def aware(instants: Instants, zone: str) -> pd.DatetimeIndex:
    """Naive UTC microseconds as instants of a zone."""
    return pd.DatetimeIndex(instants).tz_localize("UTC").tz_convert(zone)


@attrs.frozen
class Rulers:
    """Measures time in a bank's units: its calendar, zone, cut-off hour and working hours.

    Every measure adds up: ``elapsed(a, b) + elapsed(b, c) == elapsed(a, c)``. That is why a pause
    can be taken out wherever it lies, and why it is measured like the clock that it stops.
    """

    calendar: WorkingCalendar
    zone: str
    cutoff: dt.time | None
    hours: WorkingHours

    @classmethod
    def of(cls, policy: Policy, calendar: WorkingCalendar) -> Rulers:
        """The rulers that a policy asks for."""
        zone = str(policy.value("time_zone"))
        windows = [
            tuple(dt.time.fromisoformat(t) for t in window.split("-"))
            for window in policy.value("working_hours")
        ]
        return cls(calendar, zone, cutoff_of(policy), WorkingHours(cast("Any", windows), zone=zone))

    def day(self, instants: Instants) -> Days:
        """The bank's day of each instant."""
        return cast("Days", bank_day(aware(instants, "UTC"), zone=self.zone, cutoff=self.cutoff))

    def elapsed(self, unit: str, a: Instants, b: Instants) -> Amounts:
        """Units from ``a`` to ``b``."""
        if unit == "hours":
            return (b - a) / np.timedelta64(1, "h")
        if unit == "working_hours":
            between = self.hours.between(self.calendar, aware(a, "UTC"), aware(b, "UTC"))
            return np.asarray(between, dtype=np.float64)
        start, end = self.day(a), self.day(b)
        if unit == "working_days":
            return self.calendar.between_marked(start, end).counts.astype(np.float64)
        gap = (end - start).astype(np.float64)
        return np.where(np.isnat(start) | np.isnat(end), np.nan, gap)

    def due(self, unit: str, start: Instants, amount: Amounts) -> tuple[Instants, Days, Mask]:
        """When time is over: the first instant too late, the due day, and what is provisional.

        A target in days lasts to the end of its day.
        """
        certain = np.zeros(len(start), dtype=np.bool_)
        if unit == "hours":
            end = start + (amount * 3_600_000_000).astype("timedelta64[us]")
            return end, self.local_day(end), certain
        if unit == "working_hours":
            end = utc(self.hours.add(self.calendar, aware(start, "UTC"), amount))
            day = self.local_day(end)
            return end, day, self.calendar.is_provisional(day)
        whole = np.ceil(amount).astype(np.int64)
        day = self.day(start)
        if unit == "working_days":
            day, certain = self.calendar.add_marked(day, whole)
        else:
            day = day + whole
        return self._day_end(day), day, certain

    def local_day(self, instants: Instants) -> Days:
        """The local date of each instant, whatever the cut-off hour."""
        return cast("Days", bank_day(aware(instants, "UTC"), zone=self.zone))

    def _day_end(self, day: Days) -> Instants:
        """The first instant after a bank day: midnight, or the cut-off hour of that day."""
        end = (day + np.timedelta64(1, "D")).astype("datetime64[us]")
        if self.cutoff is not None:
            seconds = 86_400 - (self.cutoff.hour * 3600 + self.cutoff.minute * 60)
            end = end - np.timedelta64(seconds, "s")
        first = np.ones(len(end), dtype=np.bool_)
        index = pd.DatetimeIndex(end)
        return utc(index.tz_localize(self.zone, ambiguous=first, nonexistent="shift_forward"))


def cutoff_of(policy: Policy) -> dt.time | None:
    """The local hour from which an instant belongs to the next day; None without one."""
    hour = float(policy.value("cutoff_hour"))
    return None if hour >= 24 else dt.time(int(hour), round(hour % 1 * 60))
