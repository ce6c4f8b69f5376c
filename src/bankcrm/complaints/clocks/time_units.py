"""Units of deadline clocks (working days, calendar days, hours) as whole numbers of ticks."""

from __future__ import annotations

import datetime as dt
from functools import cached_property, lru_cache
from typing import TypeAlias, cast
from zoneinfo import ZoneInfo

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.calendars import WorkingCalendar, WorkingHours, business_day, local_day
from bankcrm.complaints.base import Mask, time_of
from bankcrm.errors import CalendarError
from bankcrm.frames.arrays import Days
from bankcrm.frames.instants import instants_of

DAY_UNITS = ("working_days", "calendar_days")
UNITS = (*DAY_UNITS, "hours", "working_hours")
HOUR = 3_600_000_000  # microseconds
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TICK = dt.timedelta(microseconds=1)
Instants: TypeAlias = npt.NDArray[np.datetime64]
Ticks: TypeAlias = npt.NDArray[np.int64]


def moment(instant: dt.datetime) -> Instants:
    """One aware instant as naive UTC microseconds."""
    # Numpy takes a number three times as fast as a datetime.
    return np.array([(instant - _EPOCH) // _TICK]).view("datetime64[us]")


def aware(instants: Instants, zone: str) -> pd.DatetimeIndex:
    """Naive UTC microseconds as instants of a zone."""
    index = pd.DatetimeIndex(instants).tz_localize("UTC")
    return index if zone == "UTC" else index.tz_convert(zone)


@attrs.frozen(eq=False)
class Moments:
    """Instants in the ticks of a clock.

    Attributes:
        at: The instants, as naive UTC microseconds.
        position: Ticks from a fixed day to each instant at which time begins to run.
        reached: Ticks that are used when a clock reaches each instant.
        off: Which lie on a day off; none where days off do not count.
        covered: Which lie within the calendar; all do if the unit needs none. The ticks of the
            others mean nothing.
    """

    at: Instants
    position: Ticks
    reached: Ticks
    off: Mask
    covered: Mask

    def part(self, rows: Mask | npt.NDArray[np.intp]) -> Moments:
        """Some of the instants."""
        return Moments(
            self.at[rows],
            self.position[rows],
            self.reached[rows],
            self.off[rows],
            self.covered[rows],
        )


@attrs.frozen
class TimeUnits:
    """Measures time in a bank's units: its calendar, zone, cut-off and working hours.

    Every unit is a whole number of ticks: a day is one tick, an hour is 3,600,000,000 microseconds.
    A day begins at midnight, or at the cut-off of the day before. When time begins to run, a
    day off counts as the working day before it; when time is measured, as the working day after
    it. A case received on a Saturday starts on Monday, and an answer on a Saturday counts as
    given on Monday.

    Attributes:
        calendar: Which days are worked.
        zone: The time zone of the bank.
        cutoff: Local time from which an instant belongs to the next day; None without one.
        hours: The hours of a working day.
        closing: Local time at which the last day of a clock ends; None for the end of the day.
    """

    calendar: WorkingCalendar
    zone: str
    cutoff: dt.time | None
    hours: WorkingHours
    closing: dt.time | None = None

    def moments(self, unit: str, instants: Instants) -> Moments:
        """Instants as a clock counts them; the day of each is found once."""
        known = ~np.isnat(instants)
        if unit == "hours":
            ticks = instants.astype(np.int64)
            return Moments(instants, ticks, ticks, np.zeros(len(ticks), dtype=np.bool_), known)
        if unit == "working_hours":
            worked = self.hours.worked(self.calendar, instants)
            none = np.zeros(len(worked), dtype=np.bool_)
            return Moments(instants, worked, worked, none, self._within(self._day(instants, None)))
        end = self.closing or self.cutoff
        day = self._day(instants, self.cutoff)
        last = day if end == self.cutoff else self._day(instants, end)
        if unit == "calendar_days":
            none = np.zeros(len(day), dtype=np.bool_)
            return Moments(instants, day.astype(np.int64), last.astype(np.int64), none, known)
        covered = self._within(day) if last is day else self._within(day) & self._within(last)
        position, off = self._working(day, covered)
        ticks, late = (position, off) if last is day else self._working(last, covered)
        return Moments(instants, position, ticks + late, off, covered)

    def inside(self, unit: str, instants: Instants) -> Moments:
        """The same as `moments`, for instants that must lie within the calendar.

        Raises:
            CalendarError: An instant lies outside.
        """
        found = self.moments(unit, instants)
        if not found.covered.all():
            shown = few(instants[~found.covered])
            raise CalendarError(
                f"calendar {self.calendar.name} runs from {self.calendar.first} to "
                f"{self.calendar.last}: {int((~found.covered).sum()):,} instants lie outside "
                f"({shown}); give a calendar that covers them"
            )
        return found

    def _within(self, day: Days) -> Mask:
        """Which days the calendar covers; a missing day is not among them."""
        number, first = day.view(np.int64), self._first
        inside: Mask = (number >= first) & (number < first + len(self.calendar.working))
        return inside

    @cached_property
    def _first(self) -> int:
        """The number of the first day of the calendar."""
        return int(self.calendar.first.astype(np.int64))

    @cached_property
    def _table(self) -> tuple[Ticks, Mask]:
        """Working days up to and with each day of the calendar, and which are days off."""
        working = self.calendar.working
        return self.calendar.count_to(self.calendar.first + np.arange(len(working))), ~working

    def _working(self, day: Days, covered: Mask) -> tuple[Ticks, Mask]:
        """Working days up to and with each day, and which are days off; 0 where not covered."""
        place = day.view(np.int64) - self._first
        if not covered.all():
            place = np.where(covered, place, 0)
        count, off = self._table
        return count[place], off[place]

    def in_table(self, unit: str, ticks: Ticks) -> Mask:
        """Which due positions the calendar covers."""
        if unit == "working_days":
            reached: Mask = ticks <= self._worked
            return reached
        if unit == "working_hours":
            return np.asarray(ticks <= self.hours.total(self.calendar))
        return np.ones(len(ticks), dtype=np.bool_)

    @cached_property
    def _worked(self) -> int:
        """The working days of the calendar."""
        return int(self.calendar.working.sum())

    def ticks_of(self, unit: str, amount: npt.NDArray[np.float64] | float) -> Ticks:
        """A limit in ticks; part of a day counts as a whole one."""
        if unit in DAY_UNITS:
            days: Ticks = np.ceil(np.asarray(amount)).astype(np.int64)
            return days
        ticks: Ticks = np.round(np.asarray(amount, dtype=np.float64) * HOUR).astype(np.int64)
        return ticks

    def due(self, unit: str, last: Ticks) -> tuple[Instants, Days, Mask]:
        """The end of the time after the last tick, its local day, and which are provisional.

        In days it is the end of the last day, the first instant that is too late; in hours it is
        the last instant in time.

        Raises:
            CalendarError: The calendar ends before.
        """
        if unit in DAY_UNITS:
            day, provisional = self.due_day(unit, last)
            return self._day_end(day), day, provisional
        end = last.astype("datetime64[us]")
        if unit == "working_hours":
            end = self.hours.instant_of(self.calendar, last)
        return end, *self._day_of(unit, end)

    def due_day(self, unit: str, last: Ticks) -> tuple[Days, Mask]:
        """The local day of `due`, and which are provisional; faster than `due`."""
        beyond = ~self.in_table(unit, last)
        if beyond.any():
            raise CalendarError(
                f"calendar {self.calendar.name} runs from {self.calendar.first} to "
                f"{self.calendar.last}: the due days of {int(beyond.sum()):,} clocks lie outside; "
                "give a calendar that covers them"
            )
        if unit == "working_days":
            day = self.calendar.day_of(last)
            return day, self.calendar.is_provisional(day)
        if unit == "calendar_days":
            return last.astype("datetime64[D]"), np.zeros(len(last), dtype=np.bool_)
        if unit == "hours":
            return self._day_of(unit, last.astype("datetime64[us]"))
        return self._day_of(unit, self.hours.instant_of(self.calendar, last))

    def _day_of(self, unit: str, end: Instants) -> tuple[Days, Mask]:
        day = self.local_day(end)
        if unit == "hours":
            return day, np.zeros(len(day), dtype=np.bool_)
        return day, self.calendar.is_provisional(day)

    def business_day(self, instants: pd.Series) -> Days:
        """The business day of each aware instant."""
        return business_day(instants, zone=self.zone, cutoff=self.cutoff)

    def local_day(self, instants: Instants) -> Days:
        """The local date of each instant, whatever the cut-off."""
        return local_day(aware(instants, "UTC"), self.zone)

    def _day(self, instants: Instants, end: dt.time | None) -> Days:
        # A missing instant is None as well.
        one = cast("dt.datetime | None", instants.item() if len(instants) == 1 else None)
        if one is not None:  # one case: no array of zones
            day = business_day(one.replace(tzinfo=dt.UTC), zone=self.zone, cutoff=end)
            return np.array([day.toordinal() - _EPOCH.toordinal()]).view("datetime64[D]")
        return business_day(aware(instants, "UTC"), zone=self.zone, cutoff=end)

    def _day_end(self, day: Days) -> Instants:
        """The first instant after a bank day: midnight, or the hour at which it ends."""
        if not len(day):
            return day.astype("datetime64[us]")
        if self._within(day).all():
            first, table = self.calendar.first, self._ends
        else:
            first = day.min()
            table = self._ends_of(np.arange(first, day.max() + 1))
        ends: Instants = table[day.view(np.int64) - int(first.astype(np.int64))]
        return ends

    @cached_property
    def _ends(self) -> Instants:
        """The ends of all days of the calendar: many cases share few days."""
        after = self.calendar.last + np.timedelta64(1, "D")
        return self._ends_of(np.arange(self.calendar.first, after))

    def _ends_of(self, day: Days) -> Instants:
        local = (day + np.timedelta64(1, "D")).astype("datetime64[us]")
        end = self.closing or self.cutoff
        if end is not None:
            local = local - np.timedelta64(86_400 - (end.hour * 3600 + end.minute * 60), "s")
        made = instants_of(local, self.zone).tz_convert("UTC").tz_localize(None)
        return made.to_numpy().astype("datetime64[us]")


def aware_one(instant: np.datetime64, zone: str) -> dt.datetime:
    """One instant in naive UTC as an instant of a zone."""
    plain: dt.datetime = instant.astype("datetime64[us]").item()
    return plain.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(zone))


@lru_cache
def units_of(
    calendar: WorkingCalendar,
    zone: str,
    cutoff_hour: float,
    working_hours: tuple[str, ...],
    closing_hour: float | None = None,
) -> TimeUnits:
    """The units for a calendar, zone, cut-off, working hours and closing hour, built once."""
    return TimeUnits(
        calendar,
        zone,
        time_of(cutoff_hour),
        WorkingHours.read(working_hours, zone=zone),
        None if closing_hour is None else time_of(closing_hour),
    )
