"""TimeUnits: the units in which a clock is measured, for one case and for a million alike."""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeAlias, cast

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.calendars import WorkingCalendar, WorkingHours, business_day, local_day
from bankcrm.complaints.base import Mask, cutoff_of
from bankcrm.errors import DataError
from bankcrm.frames import Days
from bankcrm.policy import Policy

_DAYS = ("working_days", "calendar_days")
UNITS = (*_DAYS, "hours", "working_hours")
Instants: TypeAlias = npt.NDArray[np.datetime64]
Amounts: TypeAlias = npt.NDArray[np.float64]


def utc(instants: Any) -> Instants:
    """Instants as naive UTC microseconds, the form in which units take them."""
    index = pd.DatetimeIndex(instants)
    if index.tz is None and not index.isna().all():
        raise DataError("instants: no time zone; localise them with .dt.tz_localize(...)")
    plain = index if index.tz is None else index.tz_convert("UTC").tz_localize(None)
    return plain.to_numpy().astype("datetime64[us]")


def moment(instant: dt.datetime) -> Instants:
    """One instant in that form."""
    return np.array([instant.astimezone(dt.UTC).replace(tzinfo=None)], dtype="datetime64[us]")


def aware(instants: Instants, zone: str) -> pd.DatetimeIndex:
    """Naive UTC microseconds as instants of a zone."""
    index = pd.DatetimeIndex(instants).tz_localize("UTC")
    return index if zone == "UTC" else index.tz_convert(zone)


@attrs.frozen
class TimeUnits:
    """Measures time in a bank's units: its calendar, zone, cut-off hour and working hours.

    Every measure adds up: ``elapsed(a, b) + elapsed(b, c) == elapsed(a, c)``. That is why a pause
    can be taken out wherever it lies, and why it is measured like the clock that it stops.
    """

    calendar: WorkingCalendar
    zone: str
    cutoff: dt.time | None
    hours: WorkingHours

    @classmethod
    def of(cls, policy: Policy, calendar: WorkingCalendar) -> TimeUnits:
        """The units that a policy asks for."""
        zone = str(policy.value("time_zone"))
        windows = [
            tuple(dt.time.fromisoformat(t) for t in window.split("-"))
            for window in policy.value("working_hours")
        ]
        return cls(calendar, zone, cutoff_of(policy), WorkingHours(cast("Any", windows), zone=zone))

    def day(self, instants: Instants) -> Days:
        """The bank's day of each instant."""
        return business_day(aware(instants, "UTC"), zone=self.zone, cutoff=self.cutoff)

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

    def delay(self, unit: str, a: Instants, b: Instants) -> Amounts:
        """Units by which a pause from ``a`` to ``b`` puts the due instant off.

        The time that the pause took; but in working days a day off stands for the next working
        day, so that a clock whose last day was left resumes on a Saturday with Monday to go.
        """
        if unit != "working_days":
            return self.elapsed(unit, a, b)
        begin, end = (self.calendar.add_marked(self.day(i), 0).dates for i in (a, b))
        return self.calendar.between_marked(begin, end).counts.astype(np.float64)

    def due(
        self, unit: str, start: Instants, limit: Amounts, delay: Amounts
    ) -> tuple[Instants, Days, Mask]:
        """When time is over: the first instant too late, the due day, and what is provisional.

        A target in days lasts to the end of its day.
        """
        if unit in _DAYS:
            day, provisional = self._day_due(unit, self.day(start), limit, delay)
            return self._day_end(day), day, provisional
        amount = limit + delay
        if unit == "hours":
            end = start + (amount * 3_600_000_000).astype("timedelta64[us]")
            return end, self.local_day(end), np.zeros(len(start), dtype=np.bool_)
        end = utc(self.hours.add(self.calendar, aware(start, "UTC"), amount))
        day = self.local_day(end)
        return end, day, self.calendar.is_provisional(day)

    def due_days(self, unit: str, start: dt.datetime, limits: Amounts) -> Days:
        """The due days of several limits that run from one instant, without a pause.

        Those of `due`, at less cost.
        """
        delay = np.zeros(len(limits))
        if unit in _DAYS:
            day = business_day(start, zone=self.zone, cutoff=self.cutoff)
            days = np.full(len(limits), day, dtype="datetime64[D]")
            return self._day_due(unit, days, limits, delay)[0]
        return self.due(unit, np.repeat(moment(start), len(limits)), limits, delay)[1]

    def _day_due(self, unit: str, day: Days, limit: Amounts, delay: Amounts) -> tuple[Days, Mask]:
        """The due day of a target in days, and what is provisional."""
        whole, more = np.ceil(limit).astype(np.int64), np.ceil(delay).astype(np.int64)
        if unit == "calendar_days":
            return day + whole + more, np.zeros(len(day), dtype=np.bool_)
        due = self.calendar.add_marked(day, whole)
        return self.calendar.add_marked(due.dates, more) if more.any() else due

    def local_day(self, instants: Instants) -> Days:
        """The local date of each instant, whatever the cut-off hour."""
        return local_day(aware(instants, "UTC"), self.zone)

    def _day_end(self, day: Days) -> Instants:
        """The first instant after a bank day: midnight, or the cut-off hour of that day."""
        end = (day + np.timedelta64(1, "D")).astype("datetime64[us]")
        if self.cutoff is not None:
            seconds = 86_400 - (self.cutoff.hour * 3600 + self.cutoff.minute * 60)
            end = end - np.timedelta64(seconds, "s")
        first = np.ones(len(end), dtype=np.bool_)
        index = pd.DatetimeIndex(end)
        return utc(index.tz_localize(self.zone, ambiguous=first, nonexistent="shift_forward"))
