"""Working hours of a day without breaks, for targets shorter than a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import as_numbers, as_zone
from bankcrm.calendars.countries import given_calendar
from bankcrm.calendars.table import WorkingCalendar
from bankcrm.errors import CalendarError, DataError
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.instants import Instants, instants_of, local_times, seconds_of, utc_microseconds
from bankcrm.units import WEEKDAYS, read_windows

Ticks: TypeAlias = npt.NDArray[np.int64]
Window: TypeAlias = tuple[dt.time, dt.time]
_DAY = 86_400
_HOUR = 3_600_000_000  # microseconds


def _windows(value: Any) -> tuple[Window, ...]:
    return tuple((a, b) for a, b in value)


def _by_weekday(value: Mapping[int, Any] | Iterable[Any]) -> tuple[tuple[int, Any], ...]:
    items: Iterable[Any] = value.items() if isinstance(value, Mapping) else value
    return tuple(sorted((day, _windows(windows)) for day, windows in items))


def _end(time: dt.time) -> int:
    """Seconds since midnight at which a window ends; midnight is the end of the day."""
    return seconds_of(time) or _DAY


@attrs.frozen
class WorkingHours:
    """The hours of a working day in which work is done, such as 9 to 12 and 13:30 to 17:30.

    A window is given in wall-clock time and measured in elapsed time: on a day when the clocks
    change, 00:00 to 24:00 has 23 or 25 hours.

    Attributes:
        windows: Start and end of each stretch of work, in order, without overlap. An end of
            ``time(0)`` is the end of the day, so that ``(time(0), time(0))`` is the whole day.
        zone: The bank's time zone.
        weekdays: Other windows on some weekdays (Monday is 0), such as a Saturday morning
            ``{5: [(time(9), time(12))]}``. They count on days that the calendar works.

    >>> import datetime as dt
    >>> from bankcrm.calendars import working_calendar
    >>> hours = WorkingHours(((dt.time(9), dt.time(12)), (dt.time(13), dt.time(18))))
    >>> from zoneinfo import ZoneInfo
    >>> friday = dt.datetime(2024, 9, 27, 17, tzinfo=ZoneInfo("Asia/Shanghai"))
    >>> hours.add(working_calendar("CN"), friday, 2).isoformat()  # Sunday the 29th is worked
    '2024-09-29T10:00:00+08:00'
    """

    windows: tuple[Window, ...] = attrs.field(converter=_windows)
    zone: str = "Asia/Shanghai"
    weekdays: tuple[tuple[int, tuple[Window, ...]], ...] = attrs.field(
        default=(), converter=_by_weekday
    )

    def __attrs_post_init__(self) -> None:
        as_zone(self.zone)
        for windows in (self.windows, *(w for _, w in self.weekdays)):
            edges = [s for a, b in windows for s in (seconds_of(a), _end(b))]
            rises = all(a < b for a, b in zip(edges[::2], edges[1::2], strict=True))
            if not edges or not rises or sorted(edges) != edges:
                raise DataError(
                    f"working hours: {windows} are not stretches in order without overlap; "
                    "give (start, end) pairs such as ((time(9), time(12)), (time(13), time(18)))"
                )
        if any(day not in range(7) for day, _ in self.weekdays):
            raise DataError("working hours: a weekday is a number from 0 (Monday) to 6 (Sunday)")

    @classmethod
    def read(cls, texts: Iterable[str], *, zone: str = "Asia/Shanghai") -> WorkingHours:
        """Working hours from texts: ``09:00-12:00``, ``00:00-24:00``, ``Sat 09:00-12:00``.

        Raises:
            DataError: A text is not a time window.

        >>> WorkingHours.read(["09:00-17:00", "Sat 09:00-12:00"]).weekdays[0][0]
        5
        """
        found = read_windows(list(texts))
        if isinstance(found, str):
            raise DataError(f"working hours: {found}")
        general = found.pop("", [])
        return cls(general, zone, {WEEKDAYS.index(d): w for d, w in found.items()})

    @property
    def per_day(self) -> float:
        """Hours of work on a working day without special windows."""
        return sum(_end(b) - seconds_of(a) for a, b in self.windows) / 3600

    def between(self, calendar: WorkingCalendar | str, a: Instants, b: Instants) -> Any:
        """Working hours from ``a`` to ``b``; negative where ``b`` is earlier.

        Returns:
            ``float`` for two instants, else ``float64``; NaN where an instant is missing.
        """
        (left, no_left, one_left), (right, no_right, one_right) = (
            self._worked(calendar, i) for i in (a, b)
        )
        hours = np.where(no_left | no_right, np.nan, (right - left) / _HOUR)
        return float(hours[0]) if one_left and one_right else hours

    def add(self, calendar: WorkingCalendar | str, instants: Instants, hours: Any) -> Any:
        """The instant at which a number of working hours is over; never before the start.

        Args:
            calendar: The calendar whose working days count, or the country of one, such as ``CN``.
            instants: One aware instant, or an array, Series or Index of them.
            hours: Zero or more, one number or one per instant.

        Returns:
            A ``Timestamp`` for one instant, else a ``DatetimeIndex``, in the zone of the hours.

        Raises:
            DataError: Hours are negative, or an instant has no time zone.
            CalendarError: The calendar ends before the hours are over.
        """
        amount = as_numbers(hours, "hours")
        fault_in_rows("hours", "", "negative", np.flatnonzero(amount < 0), "zero or more").refuse()
        worked, missing, scalar = self._worked(calendar, instants)
        missing = missing | np.isnan(amount)
        endless = self.total(calendar) + 1  # whoever adds more hours leaves the calendar as well
        ticks = np.round(np.minimum(np.nan_to_num(amount), endless / _HOUR) * _HOUR)
        given = utc_microseconds(instants)
        end = self.instant_of(calendar, np.where(missing, worked, worked + ticks.astype(np.int64)))
        ends = np.where(missing, np.datetime64("NaT", "us"), np.maximum(end, given))
        result = pd.DatetimeIndex(ends).tz_localize("UTC").tz_convert(self.zone)
        return result[0] if scalar and amount.ndim == 0 else result

    def worked(self, calendar: WorkingCalendar | str, utc: npt.NDArray[np.datetime64]) -> Ticks:
        """Microseconds worked from the calendar's first day to each instant (naive UTC).

        Before the first window, and for a missing instant, it is 0.
        """
        edges, done = _schedule(self, given_calendar(calendar))
        ticks = utc.astype("datetime64[us]").astype(np.int64)
        place = np.searchsorted(edges, ticks, side="right") - 1
        inside = (place >= 0) & (place % 2 == 0)
        place = np.maximum(place, 0)
        result: Ticks = done[place] + np.where(inside, ticks - edges[place], 0)
        return result

    def instant_of(
        self, calendar: WorkingCalendar | str, worked: Ticks
    ) -> npt.NDArray[np.datetime64]:
        """The first instant (naive UTC) by which a number of microseconds is worked.

        Raises:
            CalendarError: The calendar ends before.
        """
        calendar = given_calendar(calendar)
        edges, done = _schedule(self, calendar)
        if worked.size and worked.max() > done[-1]:
            raise CalendarError(
                f"calendar {calendar.name} ends on {calendar.last}, before "
                f"{int((worked > done[-1]).sum()):,} of the working hours are over; "
                "give a calendar that reaches further"
            )
        window = np.searchsorted(done[1::2], worked, side="left")
        ticks = edges[0::2][window] + worked - done[0::2][window]
        return ticks.astype("datetime64[us]")

    def total(self, calendar: WorkingCalendar | str) -> int:
        """Microseconds worked in the whole calendar."""
        return int(_schedule(self, given_calendar(calendar))[1][-1])

    def _worked(
        self, calendar: WorkingCalendar | str, instants: Instants
    ) -> tuple[Ticks, npt.NDArray[np.bool_], bool]:
        """Microseconds worked, which instants are missing, and whether one was given."""
        local, scalar = local_times(instants, self.zone)
        missing = np.isnat(local)
        day = local[~missing].astype("datetime64[D]")
        given_calendar(calendar).count_to(day)  # refuses days outside the calendar
        return self.worked(calendar, utc_microseconds(instants)), missing, scalar


@lru_cache
def _schedule(hours: WorkingHours, calendar: WorkingCalendar) -> tuple[Ticks, Ticks]:
    """Start and end of every stretch of work (UTC microseconds), and the work done by then."""
    all_days = calendar.first + np.arange(len(calendar.working)).astype("timedelta64[D]")
    days = all_days[calendar.working]
    weekday = (days.astype(np.int64) + 3) % 7
    own = dict(hours.weekdays)
    parts = []
    for windows, rows in [
        (hours.windows, ~np.isin(weekday, list(own))),
        *((w, weekday == d) for d, w in own.items()),
    ]:
        for begin, end in windows:
            for second in (seconds_of(begin), _end(end)):
                parts.append(days[rows].astype("datetime64[s]") + np.timedelta64(second, "s"))
    local = np.sort(np.concatenate(parts), kind="stable")
    edges = instants_of(local, hours.zone).tz_convert("UTC").tz_localize(None)
    ticks = edges.to_numpy().astype("datetime64[us]").astype(np.int64)
    length = np.maximum(ticks[1::2] - ticks[0::2], 0)
    total = length.cumsum()
    return ticks, np.column_stack((total - length, total)).ravel()
