"""The working-day calendar: a table of days that answers by look-up."""

from __future__ import annotations

import datetime as dt
import warnings
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast, overload

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.calendars.arguments import NAT, ONE_DAY, DayLike, ManyDays, read_counts, read_days
from bankcrm.errors import CalendarError, DataError
from bankcrm.frames.arrays import Days, as_of_day, row_blocks
from bankcrm.frames.column import fault_in_rows

Counts: TypeAlias = npt.NDArray[np.int64] | npt.NDArray[np.float64]
_Ints: TypeAlias = npt.NDArray[np.int64]
T = TypeVar("T", bound=np.generic)
_ONE = np.timedelta64(1, "D")
_CHUNK = 16_384  # days that stay in the processor's cache
_EPOCH = dt.date(1970, 1, 1).toordinal()
_LOST = np.iinfo(np.int64).min // 2  # a rank of no working day, whatever is added to it


class ProvisionalDateWarning(UserWarning):
    """A result depends on days that no official notice covers yet."""


class MarkedDates(NamedTuple):
    """Dates, and which of them depend on days that no official notice covers yet."""

    dates: Days
    provisional: npt.NDArray[np.bool_]


class MarkedCounts(NamedTuple):
    """Numbers of working days, and which of them depend on days without an official notice."""

    counts: Counts
    provisional: npt.NDArray[np.bool_]


def _bytes(table: npt.NDArray[np.bool_]) -> bytes:
    """What makes two tables equal (and hashable)."""
    return table.tobytes()


def _frozen_table(working: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    table = np.array(working, dtype=np.bool_)
    table.setflags(write=False)
    return table


def _day(value: DayLike) -> np.datetime64:
    """`as_of_day`, for what the constructor takes."""
    return as_of_day(value)


@attrs.frozen(cache_hash=True)  # units of time are kept by calendar
class WorkingCalendar:
    """The working days of a bank, as a table from a first day to a last day.

    Args:
        name: The name of the calendar in results and errors.
        first: Day of the table's first entry.
        working: One boolean per day, from ``first`` on.
        announced_until: Last day that is settled; later days are a projection, and every result
            that depends on them is marked provisional. None: the whole table is settled.

    Source: CSC-5.

    >>> import datetime as dt
    >>> from bankcrm.calendars import working_calendar
    >>> cn = working_calendar("CN")
    >>> cn.is_working(dt.date(2024, 9, 29))  # a make-up Sunday
    True
    >>> cn.add(dt.date(2024, 9, 27), 5).isoformat()  # the National Day week does not count
    '2024-10-10'
    """

    name: str
    first: np.datetime64 = attrs.field(converter=_day)
    working: npt.NDArray[np.bool_] = attrs.field(
        converter=_frozen_table, eq=_bytes, repr=lambda table: f"<{len(table):,} days>"
    )
    announced_until: np.datetime64 | None = attrs.field(
        default=None, converter=attrs.converters.optional(_day)
    )
    # _upto[i + 1]: working days up to and with day i; the first entry is of a missing date.
    _upto: npt.NDArray[np.int64] = attrs.field(init=False, eq=False, repr=False)
    # The working days by rank from 1 on, between two missing ones.
    _padded: Days = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if not self.working.any():
            raise CalendarError(f"calendar {self.name}: no working day in its table")
        upto = np.concatenate(([0], np.cumsum(self.working))).astype(np.int64)
        object.__setattr__(self, "_upto", upto)
        places = self.first + np.flatnonzero(self.working) * _ONE
        object.__setattr__(self, "_padded", np.concatenate(([NAT], places, [NAT])))

    @property
    def last(self) -> np.datetime64:
        """Last day of the table."""
        return self.first + (len(self.working) - 1) * _ONE

    @overload
    def is_working(self, dates: DayLike, *, strict: bool = ...) -> bool: ...
    @overload
    def is_working(self, dates: ManyDays, *, strict: bool = ...) -> npt.NDArray[np.bool_]: ...
    def is_working(
        self, dates: DayLike | ManyDays, *, strict: bool = False
    ) -> bool | npt.NDArray[np.bool_]:
        """Whether the bank works on each day; a missing date is not a working day.

        Args:
            dates: One date, or an array, Series or Index of them.
            strict: Refuse days after ``announced_until`` instead of warning.

        Raises:
            CalendarError: A day lies outside the table, or is provisional under ``strict``.

        >>> from bankcrm.calendars import working_calendar
        >>> working_calendar("CN").is_working("2026-02-14")
        True
        """
        day, scalar = read_days(dates)
        result = self._looked_up(self._worked, day)
        self._check_provisional(self._beyond(day), strict)
        return bool(result[0]) if scalar else result

    def is_provisional(self, dates: DayLike | ManyDays) -> npt.NDArray[np.bool_]:
        """Which days lie after the last one that is settled by an official notice.

        >>> from bankcrm.calendars import working_calendar
        >>> working_calendar("CN").is_provisional(["2030-01-01"]).tolist()
        [True]
        """
        return self._beyond(read_days(dates)[0])

    @overload
    def add(self, dates: DayLike, n: int, *, strict: bool = ...) -> dt.date: ...
    @overload
    def add(self, dates: DayLike, n: ManyDays, *, strict: bool = ...) -> Days: ...
    @overload
    def add(self, dates: ManyDays, n: int | ManyDays, *, strict: bool = ...) -> Days: ...
    def add(
        self, dates: DayLike | ManyDays, n: int | ManyDays, *, strict: bool = False
    ) -> dt.date | Days:
        """The n-th working day after each date (before it, where n is negative).

        The start does not count. With ``n = 0`` the answer is the date itself, or on an off day
        the next working day. A missing date stays missing.

        Args:
            dates: One date, or an array, Series or Index of them.
            n: Working days, one number or one per date.
            strict: Refuse results that depend on days after ``announced_until``. Without it such
                results come with a `ProvisionalDateWarning`; `add_marked` marks them.

        Returns:
            ``datetime.date`` for one date (``pandas.NaT`` if missing), else ``datetime64[D]``.

        Raises:
            CalendarError: A date or a result lies outside the table.

        Source: CSC-5.

        >>> from bankcrm.calendars import working_calendar
        >>> working_calendar("CN").add("2026-02-13", [1, 2, -1]).astype(str).tolist()
        ['2026-02-14', '2026-02-24', '2026-02-12']
        """
        if isinstance(n, (int, np.integer)) and (dates is None or isinstance(dates, ONE_DAY)):
            one, late = self._add_one(dates, int(n))
            if late:
                self._check_provisional(np.array([True]), strict)
            return one
        result, provisional = self.add_marked(dates, n)
        self._check_provisional(provisional, strict)
        return result

    def add_marked(self, dates: DayLike | ManyDays, n: int | ManyDays) -> MarkedDates:
        """The results of `add`, always as an array, with marks of provisional results.

        >>> from bankcrm.calendars import working_calendar
        >>> dates, provisional = working_calendar("CN").add_marked(["2026-12-25"], 5)
        >>> provisional.tolist()
        [True]
        """
        day, _ = read_days(dates)
        steps = read_counts(n)
        if steps.ndim == 0:
            result = self._add_same(day, int(steps))
        else:
            if len(day) != 1 and len(day) != len(steps):
                raise DataError(
                    f"n: {len(steps):,} numbers for {len(day):,} dates; give one per date"
                )
            day = np.ascontiguousarray(np.broadcast_to(day, steps.shape))
            result = self._add_each(day, steps)
        # of a negative number, the start is the later end of the counted days
        return MarkedDates(result, self._beyond(result) | self._beyond(day))

    @overload
    def between(self, a: DayLike, b: DayLike, *, strict: bool = ...) -> int: ...
    @overload
    def between(self, a: ManyDays, b: DayLike | ManyDays, *, strict: bool = ...) -> Counts: ...
    @overload
    def between(self, a: DayLike, b: ManyDays, *, strict: bool = ...) -> Counts: ...
    def between(
        self, a: DayLike | ManyDays, b: DayLike | ManyDays, *, strict: bool = False
    ) -> int | Counts:
        """Working days after ``a`` up to and with ``b``; negative where ``b`` is earlier.

        It is the inverse of `add`: ``between(d, add(d, n)) == n`` for every n from 1 up. It is
        additive: ``between(a, b) + between(b, c) == between(a, c)``.

        Args:
            a: One date, or an array, Series or Index of them (excluded).
            b: The same (included).
            strict: Refuse counts over days after ``announced_until``.

        Returns:
            ``int`` for two dates, else ``int64``; ``float64`` with NaN where a date is missing.

        Raises:
            CalendarError: A date lies outside the table.
            DataError: One date of a scalar pair is missing.

        >>> from bankcrm.calendars import working_calendar
        >>> working_calendar("CN").between("2024-09-27", "2024-10-10")
        5
        """
        left, one_left = read_days(a)
        right, one_right = read_days(b)
        counts, late = self.between_marked(left, right)
        self._check_provisional(late, strict)
        if one_left and one_right:
            if np.isnan(counts[0]):
                raise DataError(f"between({a!r}, {b!r}): a date is missing; give both")
            return int(counts[0])
        return counts

    def between_marked(self, a: ManyDays, b: ManyDays) -> MarkedCounts:
        """The results of `between` for arrays, with marks of provisional results and no warning."""
        left, _ = read_days(a)
        right, _ = read_days(b)
        marks = self._beyond(left) | self._beyond(right)
        if len(left) != len(right) or not (self._covers(left) and self._covers(right)):
            start, end = self._index(left), self._index(right)
            counts = self._upto[end] - self._upto[start]
            missing = (start == 0) | (end == 0)
            return MarkedCounts(
                np.where(missing, np.nan, counts) if missing.any() else counts, marks
            )
        counts = np.empty(len(left), dtype=np.int64)
        for part in row_blocks(len(left), _CHUNK):
            start, end = self._offsets(left[part]), self._offsets(right[part])
            upto = self._upto.take(end, mode="clip")
            np.subtract(upto, self._upto.take(start, mode="clip"), out=counts[part])
        return MarkedCounts(counts, marks)

    def count_to(self, dates: DayLike | ManyDays) -> _Ints:
        """Working days from the table's first day up to and with each date; 0 if it is missing."""
        day, _ = read_days(dates)
        return self._looked_up(self._upto, np.where(day == self.first - _ONE, NAT, day))

    def day_of(self, counts: npt.ArrayLike) -> Days:
        """The working day of each count; the inverse of `count_to`.

        Raises:
            CalendarError: The table has no such working day.
            DataError: A count is no whole number.
        """
        rank = read_counts(counts, "counts")
        outside = (rank < 1) | (rank > len(self._padded) - 2)
        if outside.any():
            raise CalendarError(
                f"calendar {self.name} has {len(self._padded) - 2:,} working days from "
                f"{self.first} to {self.last}; {int(outside.sum()):,} counts lie outside"
            )
        return self._padded[rank]

    def with_closures(self, dates: ManyDays, *, name: str | None = None) -> WorkingCalendar:
        """This calendar with the bank's own days off.

        >>> from bankcrm.calendars import working_calendar
        >>> cn = working_calendar("CN").with_closures(["2026-03-02"], name="CN, our bank")
        >>> cn.is_working("2026-03-02")
        False
        """
        return self._with(dates, False, name)

    def with_openings(self, dates: ManyDays, *, name: str | None = None) -> WorkingCalendar:
        """This calendar with the bank's own extra working days.

        >>> from bankcrm.calendars import working_calendar
        >>> working_calendar("CN").with_openings(["2026-03-01"]).is_working("2026-03-01")
        True
        """
        return self._with(dates, True, name)

    def _with(self, dates: ManyDays, value: bool, name: str | None) -> WorkingCalendar:
        day, _ = read_days(dates)
        undated = np.flatnonzero(np.isnat(day))
        fault_in_rows(
            f"calendar {self.name}", "", "closure or opening without a date", undated
        ).refuse()
        working = self.working.copy()
        working[self._index(day) - 1] = value
        return attrs.evolve(self, name=name or self.name, working=working)

    def _index(self, day: Days) -> _Ints:
        """Place of each day in the padded table; 0 for a missing date."""
        index = self._offsets(day)
        if not self._covers(day):
            missing = np.isnat(day)
            index[missing] = 0
            outside = ((index < 1) & ~missing) | (index > len(self.working))
            if outside.any():
                self._refuse(day[outside], "dates")
        return index

    def _looked_up(self, table: npt.NDArray[T], day: Days) -> npt.NDArray[T]:
        """The entry of a padded table for each day."""
        if not self._covers(day):
            return table.take(self._index(day))
        result = np.empty(len(day), dtype=table.dtype)
        for part in row_blocks(len(day), _CHUNK):
            table.take(self._offsets(day[part]), mode="clip", out=result[part])
        return result

    def _covers(self, day: Days) -> bool:
        """Whether all days lie in the table; a missing date, the lowest int64, does not."""
        number, first = day.view(np.int64), int(self.first.astype(np.int64))
        return not len(day) or bool(
            first <= number.min() and number.max() < first + len(self.working)
        )

    def _add_one(self, date: DayLike | None, n: int) -> tuple[dt.date, bool]:
        """Add one number to one date, and whether the result is provisional; see `_plain`."""
        if type(date) is dt.date:
            number = date.toordinal() - _EPOCH
        elif pd.isna(cast("str | None", date)):
            return cast("dt.date", pd.NaT), False
        else:
            number = int(as_of_day(date).astype(np.int64))
        ahead, back, padded, first, until = self._plain
        place = min(max(number - first + 1, 0), len(ahead) - 1)
        rank = (ahead if n > 0 else back)[place] + n
        result = padded[min(max(rank, 0), len(padded) - 1)]
        if result is None:
            self._refuse(np.array([as_of_day(date)]), "dates (or their results)")
        later = result.toordinal() - _EPOCH
        return result, max(later, number) > until

    def _add_same(self, day: Days, n: int) -> Days:
        """Add one number to every date: a single lookup in a table composed for that number."""
        ranks = self._ahead if n > 0 else self._back
        table = self._padded.take(ranks + n, mode="clip")
        result = np.empty(len(day), dtype="datetime64[D]")
        for part in row_blocks(len(day), _CHUNK):
            table.take(self._offsets(day[part]), mode="clip", out=result[part])
        return self._known(day, result)

    def _add_each(self, day: Days, n: _Ints) -> Days:
        """Add each date its own number."""
        backwards = bool(n.size and n.min() <= 0)
        result = np.empty(len(day), dtype="datetime64[D]")
        for part in row_blocks(len(day), _CHUNK):
            offsets, steps = self._offsets(day[part]), n[part]
            rank = self._ahead.take(offsets, mode="clip")
            if backwards:
                rank = np.where(steps > 0, rank, self._back.take(offsets, mode="clip"))
            rank += steps
            self._padded.take(rank, mode="clip", out=result[part])
        return self._known(day, result)

    @cached_property
    def _worked(self) -> npt.NDArray[np.bool_]:
        """Whether each day is a working day; the first entry is of a missing date."""
        return np.concatenate(([False], self.working))

    @cached_property
    def _ahead(self) -> _Ints:
        """Rank from which to count forwards, for each place of the padded table."""
        return np.concatenate(([_LOST], self._upto[1:], [_LOST]))

    @cached_property
    def _back(self) -> _Ints:
        """Rank from which to count backwards."""
        return np.concatenate(([_LOST], self._upto[:-1] + 1, [_LOST]))

    @cached_property
    def _plain(self) -> tuple[list[int], list[int], list[Any], int, float]:
        """The tables of `_add_each` as lists, which one date reads faster: ranks ahead and back,
        working days by rank, the number of the first day, and that of the last settled one.
        """
        until = self.announced_until
        settled = np.inf if until is None else int(until.astype(np.int64))
        first = int(self.first.astype(np.int64))
        return (
            self._ahead.tolist(), self._back.tolist(), self._padded.tolist(), first, settled
        )  # fmt: skip

    def _offsets(self, day: Days) -> _Ints:
        """Places in the padded table, unchecked: a missing date falls beyond one of its ends."""
        return day.view(np.int64) + (1 - int(self.first.astype(np.int64)))

    def _known(self, day: Days, result: Days) -> Days:
        """The result, if only missing dates have none."""
        # NaT is the lowest int64, so one pass shows whether there is any.
        if result.size and result.view(np.int64).min() == NAT.astype(np.int64):
            lost = np.isnat(result) & ~np.isnat(day)
            if lost.any():
                self._refuse(day[lost], "dates (or their results)")
        return result

    def _beyond(self, day: Days) -> npt.NDArray[np.bool_]:
        """Which days lie after the last settled one; a missing day, the lowest int64, does not."""
        until = self.announced_until
        if until is None:
            return np.zeros(len(day), dtype=np.bool_)
        late: npt.NDArray[np.bool_] = day.view(np.int64) > until.astype(np.int64)
        return late

    def _refuse(self, day: Days, what: str) -> None:
        raise CalendarError(
            f"calendar {self.name} runs from {self.first} to {self.last}: "
            f"{len(day):,} {what} lie outside ({few(day)}); "
            "give a calendar that covers them"
        )

    def _check_provisional(self, provisional: npt.NDArray[np.bool_], strict: bool) -> None:
        """Warn of provisional results, or refuse them."""
        count = int(np.count_nonzero(provisional))
        if not count:
            return
        depend = "result depends" if count == 1 else "results depend"
        text = (
            f"calendar {self.name}: {count:,} {depend} on days after {self.announced_until}, "
            "which no official notice covers yet"
        )
        if strict:
            raise CalendarError(f"{text}; update the calendar, or allow them with strict=False")
        warnings.warn(text, ProvisionalDateWarning, stacklevel=3)
