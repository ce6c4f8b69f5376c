"""Weekends have a history: every country whose weekend changed, day by day."""

from __future__ import annotations

import datetime as dt

import holidays
import numpy as np
import pytest

from bankcrm.calendars import working_calendar

CN = working_calendar("CN")


@pytest.mark.parametrize("country", ["AE", "SA", "OM", "YE", "DZ", "SD", "KW", "GB", "IN", "HK"])
def test_a_country_works_when_the_package_says_so(country: str) -> None:
    calendar = working_calendar(country, first_year=2004, last_year=2027)
    oracle = holidays.country_holidays(country, years=range(2004, 2028), language="en_US")
    days = [dt.date(2004, 1, 1) + dt.timedelta(days=i) for i in range(8766)]
    expected = np.array([oracle.is_working_day(d) for d in days])
    np.testing.assert_array_equal(calendar.working, expected)


def test_the_emirates_moved_their_weekend_at_the_end_of_2021() -> None:
    emirates = working_calendar("AE")
    assert emirates.is_working("2021-12-26")  # a Sunday
    assert not emirates.is_working("2021-12-24")  # a Friday
    assert not emirates.is_working("2022-06-05")
    assert emirates.is_working("2022-06-03")


@pytest.mark.parametrize("day", ["2030-01-01", "2029-05-01", "2030-10-01"])
def test_fixed_holidays_are_known_in_provisional_years(day: str) -> None:
    assert CN.is_provisional([day])[0]
    assert not CN.working[(np.datetime64(day) - CN.first).astype(int)]
