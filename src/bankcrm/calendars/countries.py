"""The public working days of a country, from official notices."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt

from bankcrm.arguments import as_kind
from bankcrm.calendars.arguments import DayLike, ManyDays
from bankcrm.calendars.table import Counts, WorkingCalendar
from bankcrm.errors import MissingExtraError, UnknownNameError
from bankcrm.frames.arrays import Days

_Ints: TypeAlias = npt.NDArray[np.int64]
_BEYOND_NOTICE_YEARS = 10


@lru_cache
def working_calendar(
    country: str, *, subdivision: str | None = None, first_year: int = 2004, last_year: int = 2040
) -> WorkingCalendar:
    """The public working days of a country.

    ``"CN"`` follows the State Council's yearly notices, make-up weekends included. It is settled
    until 24 December of the last year announced, because the next notice can still change the days
    around New Year. The ten years after that are plain weekdays, marked provisional. Other
    countries need the extra ``calendars``; where their days are only estimated (moon sightings),
    the calendar is provisional from the first estimated year on. Each calendar is built once.

    Args:
        country: ISO 3166 code.
        subdivision: A state or province with days of its own; not for ``"CN"``.
        first_year: First year of the table (``"CN"`` starts in 2004).
        last_year: Last year of the table (``"CN"`` ends ten years after its last notice).

    Raises:
        MissingExtraError: The package ``holidays`` is not installed.
        UnknownNameError: No such country.

    >>> working_calendar("CN").is_working("2026-10-10")
    True
    """
    if country.upper() == "CN" and subdivision is None:
        return _mainland()
    try:
        import holidays
    except ImportError:
        raise MissingExtraError("holidays", "calendars") from None
    code = country.upper()
    supported = holidays.list_supported_countries()
    if code not in supported:
        raise UnknownNameError("country", country, sorted(supported))
    if subdivision is not None and subdivision not in supported[code]:
        raise UnknownNameError(f"subdivision of {code}", subdivision, supported[code])
    # in English on every machine: the name of a holiday shows whether it is estimated
    off = holidays.country_holidays(
        code, subdiv=subdivision, years=range(first_year, last_year + 1), language="en_US"
    )
    first, day, _ = _span(first_year, last_year)
    # checked day by day: weekends have changed (Friday and Saturday until 2021 in the Emirates)
    working = np.array([off.is_working_day(d) for d in day.tolist()])
    estimated = {d.year for d, name in off.items() if "estimated" in name}
    settled = last_year
    while settled in estimated:
        settled -= 1
    until = None if settled == last_year else dt.date(settled, 12, 31)
    name = code if subdivision is None else f"{code}-{subdivision}"
    return WorkingCalendar(name, first, working, until)


def _mainland() -> WorkingCalendar:
    import chinese_calendar  # builds its tables when imported, so only where it is needed

    first_year = min(chinese_calendar.holidays).year
    last_year = max(chinese_calendar.holidays).year
    first, day, weekday = _span(first_year, last_year + _BEYOND_NOTICE_YEARS)
    working = weekday < 5
    working[_places(day, chinese_calendar.holidays)] = False
    working[_places(day, chinese_calendar.workdays)] = True
    later = range(last_year + 1, last_year + _BEYOND_NOTICE_YEARS + 1)
    fixed = [dt.date(year, month, 1) for year in later for month in (1, 5, 10)]
    working[_places(day, fixed)] = False  # holidays in every year, whatever the next notice says
    return WorkingCalendar("CN", first, working, dt.date(last_year, 12, 24))


def _span(first_year: int, last_year: int) -> tuple[dt.date, Days, _Ints]:
    """First day, all days and their weekdays (Monday is 0) of whole years."""
    day = np.arange(f"{first_year:04d}-01-01", f"{last_year + 1:04d}-01-01", dtype="datetime64[D]")
    return dt.date(first_year, 1, 1), day, (day.astype(np.int64) + 3) % 7


def _places(day: Days, dates: Iterable[dt.date]) -> _Ints:
    """Positions of the dates in a range of days; dates outside are left out."""
    index: _Ints = (np.array(sorted(dates), dtype="datetime64[D]") - day[0]).astype(np.int64)
    return index[(index >= 0) & (index < len(day))]


def add_working_days(
    dates: DayLike | ManyDays, n: int | ManyDays, *, calendar: WorkingCalendar | str = "CN"
) -> dt.date | Days:
    """The n-th working day after each date; see `WorkingCalendar.add`.

    >>> add_working_days("2025-10-10", 1).isoformat()  # 2025-10-11 is a make-up Saturday
    '2025-10-11'
    """
    return given_calendar(calendar).add(cast("ManyDays", dates), n)


def working_days_between(
    a: DayLike | ManyDays, b: DayLike | ManyDays, *, calendar: WorkingCalendar | str = "CN"
) -> int | Counts:
    """Working days after ``a`` up to and with ``b``; see `WorkingCalendar.between`.

    >>> working_days_between("2025-09-30", "2025-10-11")
    3
    """
    return given_calendar(calendar).between(cast("ManyDays", a), b)


def given_calendar(calendar: WorkingCalendar | str) -> WorkingCalendar:
    """The calendar itself, or that of a country.

    Raises:
        DataError: It is neither a calendar nor a text.
        UnknownNameError: There is no calendar of this country.

    >>> given_calendar("CN").name
    'CN'
    """
    if isinstance(calendar, str):
        return working_calendar(calendar)
    given: WorkingCalendar = as_kind(calendar, WorkingCalendar, "calendar", "or give 'CN'")
    return given
