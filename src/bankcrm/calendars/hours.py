"""Working hours of a day, lunch break left out, for targets shorter than a day."""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from bankcrm.calendars.table import WorkingCalendar
from bankcrm.errors import DataError
from bankcrm.frames.instants import Instants, instants_of, local_times, seconds_of

Seconds: TypeAlias = npt.NDArray[np.int64]


def _windows(value: Any) -> tuple[tuple[dt.time, dt.time], ...]:
    return tuple((a, b) for a, b in value)


@attrs.frozen
class WorkingHours:
    """The hours of a working day in which work is done, such as 9 to 12 and 13:30 to 17:30.

    Time is measured on the wall clock of the zone: the hour that summer time skips or repeats
    lies at night, outside working hours.

    Args:
        windows: Start and end of each stretch of work, in order, without overlap.
        zone: The bank's time zone.

    >>> import datetime as dt
    >>> from bankcrm.calendars import working_calendar
    >>> hours = WorkingHours(((dt.time(9), dt.time(12)), (dt.time(13), dt.time(18))))
    >>> from zoneinfo import ZoneInfo
    >>> friday = dt.datetime(2024, 9, 27, 17, tzinfo=ZoneInfo("Asia/Shanghai"))
    >>> hours.add(working_calendar("CN"), friday, 2).isoformat()  # Sunday the 29th is worked
    '2024-09-29T10:00:00+08:00'
    """

    windows: tuple[tuple[dt.time, dt.time], ...] = attrs.field(converter=_windows)
    zone: str = "Asia/Shanghai"

    def __attrs_post_init__(self) -> None:
        edges = [seconds_of(t) for window in self.windows for t in window]
        if not edges or sorted(set(edges)) != edges:
            raise DataError(
                f"working hours: {self.windows} are not stretches in order without overlap; "
                "give (start, end) pairs such as ((time(9), time(12)), (time(13), time(18)))"
            )

    @property
    def per_day(self) -> float:
        """Hours of work in a working day."""
        return float(self._marks()[1][-1]) / 3600

    def between(self, calendar: WorkingCalendar, a: Instants, b: Instants) -> Any:
        """Working hours from ``a`` to ``b``; negative where ``b`` is earlier.

        Returns:
            ``float`` for two instants, else ``float64``; NaN where an instant is missing.
        """
        left, one_left = self._worked(calendar, a)
        right, one_right = self._worked(calendar, b)
        hours = (right - left) / 3600
        return float(hours[0]) if one_left and one_right else hours

    def add(self, calendar: WorkingCalendar, instants: Instants, hours: Any) -> Any:
        """When so many working hours are over; never before the instant itself.

        Args:
            calendar: Whose working days count.
            instants: One aware instant, or an array, Series or Index of them.
            hours: Zero or more, one number or one an instant.

        Returns:
            A ``Timestamp`` for one instant, else a ``DatetimeIndex``, in the zone of the hours.

        Raises:
            DataError: Hours are negative, or an instant has no time zone.
        """
        amount = np.asarray(hours, dtype=np.float64)
        if (amount < 0).any():
            raise DataError("hours: negative; give zero or more")
        worked, scalar = self._worked(calendar, instants)
        starts, sums = self._marks()
        length = sums[-1]
        target = worked + np.round(amount * 3600)
        missing = np.isnan(target)
        whole = np.where(missing, 1, target).astype(np.int64)
        rank = np.maximum(-(-whole // length), 1)
        rest = whole - (rank - 1) * length
        day = calendar.day_of(rank)
        # The stretch in which the work is done: its end, never the start of the next one.
        stretch = np.searchsorted(sums[1::2], rest, side="left")
        second = starts[0::2][stretch] + rest - sums[0::2][stretch]
        local = day.astype("datetime64[s]") + second.astype("timedelta64[s]")
        given, _ = local_times(instants, self.zone)
        local = np.where(missing, np.datetime64("NaT", "s"), np.maximum(local, given))
        result = instants_of(local, self.zone)
        return result[0] if scalar and amount.ndim == 0 else result

    def _worked(
        self, calendar: WorkingCalendar, instants: Instants
    ) -> tuple[npt.NDArray[np.float64], bool]:
        """Seconds worked since the calendar's first day; NaN for a missing instant."""
        local, scalar = local_times(instants, self.zone)
        day = local.astype("datetime64[D]")
        starts, sums = self._marks()
        missing = np.isnat(local)
        filled = np.where(missing, calendar.first.astype("datetime64[s]"), local)
        second = (filled - filled.astype("datetime64[D]")).astype(np.int64)
        upto = calendar.count_to(day)
        today = upto - calendar.count_to(day - np.timedelta64(1, "D"))
        worked = (upto - today) * sums[-1] + today * np.interp(second, starts, sums)
        return np.where(missing, np.nan, worked), scalar

    def _marks(self) -> tuple[Seconds, Seconds]:
        """Edges of the day's stretches in seconds since midnight, and the work done by then."""
        starts = [seconds_of(t) for window in self.windows for t in window]
        sums, total = [], 0
        for begin, end in zip(starts[::2], starts[1::2], strict=True):
            sums.append(total)
            total += end - begin
            sums.append(total)
        return np.array(starts), np.array(sums)
