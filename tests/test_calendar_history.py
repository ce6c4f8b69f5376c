"""Weekends have a history: every country of the package ``holidays``, day by day."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from bankcrm.calendars import working_calendar

holidays = pytest.importorskip(
    "holidays", reason="holidays is not installed (extra calendars): no days to compare with"
)

CN = working_calendar("CN")
DAYS = [dt.date(2004, 1, 1) + dt.timedelta(days=i) for i in range(8766)]
# mainland China follows the State Council's own notices; see test_calendars
COUNTRIES = sorted(c for c in holidays.list_supported_countries() if len(c) == 2 and c != "CN")


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_country_works_when_the_package_says_so(country: str) -> None:
    """Each day of 2004 to 2027, whatever the years and the language of the table."""
    calendar = working_calendar(country)
    oracle = holidays.country_holidays(country, years=range(2004, 2028))
    expected = np.array([oracle.is_working_day(d) for d in DAYS])
    np.testing.assert_array_equal(calendar.working[: len(DAYS)], expected)


@pytest.mark.parametrize(
    ("country", "change", "before", "after"),
    [  # weekdays off, Monday is 0: two weeks before a change and two after it
        ("AE", "2022-01-01", {4, 5}, {5, 6}),
        ("SA", "2013-06-29", {3, 4}, {4, 5}),
        ("OM", "2013-05-01", {3, 4}, {4, 5}),
        ("YE", "2013-08-15", {3, 4}, {4, 5}),
        ("DZ", "2009-01-01", {3, 4}, {4, 5}),
        ("SD", "2008-01-27", {4}, {4, 5}),
        ("KW", "2007-09-01", {3, 4}, {4, 5}),
    ],
)
def test_a_weekend_that_moved_moves_on_its_day(
    country: str, change: str, before: set[int], after: set[int]
) -> None:
    """Over a year before and a year after, a day of the week is off if and only if it always is."""
    calendar = working_calendar(country)
    day = np.datetime64(change)
    for first, expected in ((day - 7 * 56, before), (day + 7, after)):
        place = int((first - calendar.first).astype(np.int64))
        works = calendar.working[place : place + 7 * 50].reshape(50, 7)
        never = {
            int((first.astype(np.int64) + i + 3) % 7) for i in range(7) if not works[:, i].any()
        }
        assert never == expected


@pytest.mark.parametrize("day", ["01-01", "05-01", "10-01"])
def test_fixed_holidays_are_known_in_provisional_years(day: str) -> None:
    """1 January, 1 May and 1 October of every year after the last notice, on weekdays too."""
    assert CN.announced_until is not None
    years = range(int(str(CN.announced_until)[:4]) + 1, int(str(CN.last)[:4]) + 1)
    days = np.array([f"{year}-{day}" for year in years], dtype="datetime64[D]")
    assert len(days) == 10
    assert CN.is_provisional(days).all()
    assert not CN.working[(days - CN.first).astype(np.int64)].any()
    assert np.is_busday(days).any()  # or the weekend alone would explain it
