"""Working-day calendars: against chinesecalendar, the official notices, numpy and the clock."""

from __future__ import annotations

import calendar
import datetime as dt
import warnings
from pathlib import Path
from zoneinfo import ZoneInfo

import attrs
import chinese_calendar
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.calendars import (
    ProvisionalDateWarning,
    WorkingCalendar,
    WorkingHours,
    add_working_days,
    business_day,
    working_calendar,
    working_days_between,
)
from bankcrm.calendars.ages import full_years
from bankcrm.calendars.terms import last_day_of_term, next_review
from bankcrm.errors import CalendarError, DataError, MissingExtraError, UnknownNameError

CN = working_calendar("CN")
settled_days = st.dates(dt.date(2004, 4, 1), dt.date(2026, 9, 1))
steps = st.integers(-40, 40)


def every_day(first: str, last: str) -> np.ndarray:
    return np.arange(first, np.datetime64(last) + 1, dtype="datetime64[D]")


# --- against others ---------------------------------------------------------------------------


def test_every_day_of_2004_to_2026_agrees_with_chinesecalendar() -> None:
    day = every_day("2004-01-01", "2026-12-31")
    theirs = [chinese_calendar.is_workday(d) for d in day.astype(object)]
    with pytest.warns(ProvisionalDateWarning, match="7 results"):
        assert CN.is_working(day).tolist() == theirs


def test_every_day_agrees_with_the_official_notices(shared_data: Path) -> None:
    table = pd.read_csv(shared_data / "cn_calendar" / "holiday_cn_2007_2026.csv")
    notices = dict(zip(pd.to_datetime(table["date"]).dt.date, table["is_off_day"], strict=True))
    day = every_day("2007-01-01", "2026-12-24")
    by_notice = [not notices.get(d, d.weekday() > 4) for d in day.astype(object)]
    assert CN.is_working(day).tolist() == by_notice


def test_adding_up_to_30_days_agrees_with_counting_by_hand_both_ways() -> None:
    """Oracle: the list of chinesecalendar's working days and a search, for every date."""
    day = every_day("2004-03-15", "2026-11-01")
    calendar_days = every_day("2004-01-01", "2026-12-31").astype(object)
    work = np.array([d for d in calendar_days if chinese_calendar.is_workday(d)], "datetime64[D]")
    after = np.searchsorted(work, day, side="right")
    before = np.searchsorted(work, day, side="left")
    for n in range(1, 31):
        np.testing.assert_array_equal(CN.add(day, n), work[after + n - 1])
        np.testing.assert_array_equal(CN.add(day, -n), work[before - n])
        np.testing.assert_array_equal(CN.add(day, np.full(len(day), n)), work[after + n - 1])
        np.testing.assert_array_equal(CN.add(day, np.full(len(day), -n)), work[before - n])


@given(settled_days, st.integers(1, 30))
def test_adding_agrees_with_chinesecalendars_own_search(day: dt.date, n: int) -> None:
    """Its count starts with the first working day *from* an off day, hence n - 1."""
    work = chinese_calendar.is_workday(day)
    assert CN.add(day, n) == chinese_calendar.find_workday(n if work else n - 1, day)
    assert CN.add(day, -n) == chinese_calendar.find_workday(-n, day)


@pytest.mark.parametrize("day", ["2024-09-29", "2025-10-11", "2026-02-14", "2026-10-10"])
def test_make_up_weekends_are_working_days(day: str) -> None:
    assert CN.is_working(day) is True
    assert np.datetime64(day).astype(object).weekday() >= 5


@given(settled_days, st.integers(-30, 30).filter(bool))
def test_numpy_made_exact_gives_the_same(day: dt.date, n: int) -> None:
    off = every_day("2003-12-31", "2030-12-31")[1:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ProvisionalDateWarning)
        off = off[~CN.is_working(off)]
    roll = "backward" if n > 0 else "forward"
    theirs = np.busday_offset(day, n, roll=roll, weekmask="1111111", holidays=off)
    assert CN.add(day, n) == theirs


# --- laws -------------------------------------------------------------------------------------


@attrs.frozen
class Plain:
    """A small calendar as a list of days; a day is its place in the list."""

    works: list[bool]
    first: dt.date
    until: int | None

    @property
    def calendar(self) -> WorkingCalendar:
        return WorkingCalendar("plain", self.first, self.works, self.date(self.until))

    def date(self, place: int | None) -> dt.date | None:
        return None if place is None else self.first + dt.timedelta(days=place)

    def dates(self, places: list[int | None]) -> np.ndarray:
        return np.array([self.date(p) for p in places], dtype="datetime64[D]")

    def outside(self, place: int | None) -> bool:
        return place is not None and not 0 <= place < len(self.works)

    def late(self, place: int | None) -> bool:
        return place is not None and self.until is not None and place > self.until

    def add(self, place: int | None, n: int) -> int | None:
        """The n-th working day; -1 where there is none."""
        if place is None:
            return None
        if self.outside(place):
            return -1
        work = [i for i, works in enumerate(self.works) if works]
        found = {
            True: [i for i in work if i > place][n - 1 :][:1],
            n == 0: [i for i in work if i >= place][:1],
            n < 0: [i for i in work[::-1] if i < place][-n - 1 :][:1],
        }[True]
        return found[0] if found else -1

    def between(self, a: int | None, b: int | None) -> float:
        if a is None or b is None:
            return np.nan
        low, high = sorted((a, b))
        return sum(self.works[low + 1 : high + 1]) * (1 if a <= b else -1)


@st.composite
def plain_calendars(draw: st.DrawFn) -> Plain:
    works = draw(st.lists(st.booleans(), min_size=1, max_size=9).filter(any))
    first = draw(st.sampled_from([dt.date(1969, 12, 29), dt.date(2026, 3, 1)]))
    return Plain(works, first, draw(st.none() | st.integers(-1, len(works))))


place = st.none() | st.integers(-2, 10)


def check_added(plain: Plain, starts: list[int | None], n: int | list[int]) -> None:
    numbers = n if isinstance(n, list) else [n] * len(starts)
    ends = [plain.add(*pair) for pair in zip(starts, numbers, strict=True)]
    if lost := sum(map(plain.outside, ends)):
        with pytest.raises(CalendarError, match=rf": {lost} dates \(or their results\) lie outs"):
            plain.calendar.add_marked(plain.dates(starts), n)
        return
    dates, provisional = plain.calendar.add_marked(plain.dates(starts), n)
    assert dates.tolist() == plain.dates(ends).tolist()
    late = [plain.late(a) or plain.late(b) for a, b in zip(starts, ends, strict=True)]
    assert provisional.tolist() == late


@given(plain_calendars(), st.lists(st.tuples(place, st.integers(-4, 4)), min_size=1, max_size=6))
def test_days_are_added_as_one_counts_them(
    plain: Plain, pairs: list[tuple[int | None, int]]
) -> None:
    reached = [pair for pair in pairs if not plain.outside(plain.add(*pair))]
    for some in (pairs, reached):
        check_added(plain, [p for p, _ in some], [n for _, n in some])
    check_added(plain, [p for p, _ in pairs], pairs[0][1])
    for start, n in pairs:
        check_added(plain, [start], [n])
        check_added(plain, [start], n)


@given(plain_calendars(), place, st.integers(-4, 4))
def test_one_day_is_added_as_many_are(plain: Plain, start: int | None, n: int) -> None:
    calendar, end = plain.calendar, plain.add(start, n)
    late = plain.late(start) or plain.late(end)
    for day in (plain.date(start), plain.dates([start])[0]):
        if plain.outside(end) or late:
            with pytest.raises(CalendarError):
                calendar.add(day, n, strict=True)
        if plain.outside(end):
            continue
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            found = calendar.add(day, n)
        assert found is pd.NaT if end is None else found == plain.date(end)
        assert bool(heard) is late


@given(plain_calendars(), st.lists(st.tuples(place, place), min_size=1, max_size=6))
def test_days_are_counted_as_one_counts_them(
    plain: Plain, pairs: list[tuple[int | None, int | None]]
) -> None:
    for chosen in (pairs, pairs[:1]):
        left, right = ([pair[side] for pair in chosen] for side in (0, 1))
        dates = plain.dates(left), plain.dates(right)
        if any(map(plain.outside, left + right)):
            with pytest.raises(CalendarError, match="lie outside"):
                plain.calendar.between_marked(*dates)
            continue
        counts, provisional = plain.calendar.between_marked(*dates)
        expected = [plain.between(a, b) for a, b in chosen]
        np.testing.assert_array_equal(counts, expected)
        assert counts.dtype == (np.float64 if np.isnan(expected).any() else np.int64)
        assert provisional.tolist() == [plain.late(a) or plain.late(b) for a, b in chosen]


@given(plain_calendars(), st.lists(place, min_size=1, max_size=6))
def test_days_are_looked_up_as_in_the_list(plain: Plain, days: list[int | None]) -> None:
    calendar, dates = plain.calendar, plain.dates(days)
    assert calendar.last == plain.dates([len(plain.works) - 1])[0]
    assert calendar.is_provisional(dates).tolist() == [plain.late(d) for d in days]
    if outside := [d for d in days if plain.outside(d)]:
        with pytest.raises(CalendarError, match=f": {len(outside)} dates lie outside"):
            calendar.is_working(dates)
        days = [d for d in days if not plain.outside(d)]
        dates = plain.dates(days)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert calendar.is_working(dates).tolist() == [
            d is not None and plain.works[d] for d in days
        ]
    assert len(heard) == any(map(plain.late, days))
    upto = [0 if d is None else sum(plain.works[: d + 1]) for d in days]
    assert calendar.count_to(dates).tolist() == upto
    assert calendar.count_to(plain.dates([-1, *days])).tolist() == [0, *upto]
    opened = calendar.with_openings(plain.dates([d for d in days if d is not None]))
    assert opened.working.tolist() == [w or i in days for i, w in enumerate(plain.works)]
    work = [i for i, works in enumerate(plain.works) if works]
    assert calendar.day_of(range(1, len(work) + 1)).tolist() == plain.dates(work).tolist()
    for count in (0, len(work) + 1):
        with pytest.raises(CalendarError, match=f"has {len(work)} working days .* 1 counts lie"):
            calendar.day_of([count])


@given(settled_days, steps.filter(lambda n: n > 0))
def test_between_undoes_add(day: dt.date, n: int) -> None:
    assert CN.between(day, CN.add(day, n)) == n


@given(settled_days, settled_days, settled_days)
def test_counts_add_up_along_any_path(a: dt.date, b: dt.date, c: dt.date) -> None:
    assert CN.between(a, b) + CN.between(b, c) == CN.between(a, c)


@given(settled_days, settled_days, steps)
def test_a_later_start_is_never_due_earlier(a: dt.date, b: dt.date, n: int) -> None:
    early, late = sorted([a, b])
    assert CN.add(early, n) <= CN.add(late, n)


@given(settled_days, steps)
def test_results_are_working_days(day: dt.date, n: int) -> None:
    assert CN.is_working(CN.add(day, n))


@given(settled_days, steps, steps)
def test_steps_in_one_direction_can_be_taken_in_two_parts(day: dt.date, m: int, n: int) -> None:
    if m * n > 0:
        assert CN.add(CN.add(day, m), n) == CN.add(day, m + n)


@given(st.lists(st.one_of(st.none(), settled_days), max_size=20), steps)
def test_scalar_array_series_and_index_agree(items: list[dt.date | None], n: int) -> None:
    array = np.array(items, dtype="datetime64[D]")
    one_by_one = [CN.add(d, n) if d else None for d in items]
    each = np.full(len(items), n)
    for answer in (
        CN.add(array, n),
        CN.add(array, each),
        CN.add(array.astype("datetime64[ns]"), n),
        CN.add(pd.Series(array.astype("datetime64[ns]")), n),
        CN.add(pd.DatetimeIndex(array.astype("datetime64[us]")), n),
    ):
        assert answer.dtype == "datetime64[D]"
        assert answer.astype(object).tolist() == one_by_one


@given(st.sets(settled_days, min_size=1, max_size=10))
def test_a_banks_own_days_are_on_top_and_leave_the_country_alone(own: set[dt.date]) -> None:
    days = sorted(own)
    closed = CN.with_closures(days, name="closed")
    opened = closed.with_openings(days)
    assert not closed.is_working(days).any()
    assert opened.is_working(days).all()
    assert (CN.working != closed.working).sum() == CN.is_working(days).sum()
    assert closed == CN.with_closures(days[::-1], name="closed")
    assert len({closed, CN.with_closures(days, name="closed")}) == 1
    assert closed != CN


# --- the edges --------------------------------------------------------------------------------


def test_zero_days_is_the_day_itself_or_the_next_working_day() -> None:
    assert CN.add("2024-10-01", 0) == dt.date(2024, 10, 8)
    assert CN.add("2024-10-08", [0]).astype(str).tolist() == ["2024-10-08"]


def test_zero_days_for_each_date_are_zero_days_for_all() -> None:
    days = every_day("2026-02-10", "2026-03-02")
    np.testing.assert_array_equal(CN.add(days, np.zeros(len(days), int)), CN.add(days, 0))


def test_off_day_start_counts_like_any_other() -> None:
    assert CN.add("2024-10-01", 1) == CN.add("2024-09-30", 1) == dt.date(2024, 10, 8)


def test_missing_dates_stay_missing() -> None:
    assert CN.add(None, 3) is pd.NaT
    assert not CN.is_working(np.array(["NaT"], "datetime64[D]"))[0]
    counts = CN.between(np.array(["NaT", "2026-03-02"], "datetime64[D]"), "2026-03-06")
    assert np.isnan(counts[0])
    assert counts[1] == 4
    with pytest.raises(DataError, match="a date is missing"):
        CN.between(pd.NaT, "2026-03-06")
    assert np.isnat(CN.add(np.array(["NaT"], "datetime64[D]"), [-2])).all()


@pytest.mark.filterwarnings("ignore:calendar CN")
def test_the_first_and_the_last_day_of_the_table_can_stand_beside_missing_dates() -> None:
    ends = ["2004-01-01", "2036-12-31"]
    for end in ends:
        assert CN.is_working([end, None]).tolist() == [CN.is_working(end), False]
        assert CN.count_to([end, None]).tolist() == [CN.count_to(end)[0], 0]
        assert CN.between([end, None], [end, end])[0] == 0
    assert "[" not in repr(CN), "its tables are not shown"


def test_a_date_outside_the_table_is_refused_and_named() -> None:
    for call in (
        lambda: CN.add("2003-12-31", 1),
        lambda: CN.add(["2003-12-31"], [1]),
        lambda: CN.add("2036-12-31", 1),
        lambda: CN.add("2004-01-01", -1),
        lambda: CN.is_working("2040-01-01"),
        lambda: CN.between("2003-12-31", "2020-01-01"),
        lambda: CN.with_closures(["1999-01-01"]),
        lambda: CN.add("2020-01-01", 10**12),
    ):
        with pytest.raises(CalendarError, match="runs from 2004-01-01 to 2036-12-31"):
            call()


def test_an_error_shows_the_first_five_dates() -> None:
    with pytest.raises(CalendarError, match=r"7 dates lie outside \(1999-.*-05, and 2 more\);"):
        CN.is_working([f"1999-01-0{day}" for day in range(1, 8)])
    with pytest.raises(CalendarError, match=r"5 dates lie outside \(1999-01-01, .*-05\);"):
        CN.is_working([f"1999-01-0{day}" for day in range(1, 6)])
    with pytest.raises(DataError, match=r"no whole number in 6 rows \(row 0, .*row 4, \.\.\.\)"):
        CN.add(["2026-03-02"] * 7, [0.5] * 6 + [1.0])


def test_texts_in_a_column_are_not_read_as_dates() -> None:
    with pytest.raises(DataError, match="found text"):
        CN.is_working(pd.Series(["2026-03-02"], dtype=object))


@pytest.mark.filterwarnings("error::bankcrm.calendars.table.ProvisionalDateWarning")
def test_the_last_day_with_a_notice_is_settled() -> None:
    assert CN.announced_until is not None
    until = CN.announced_until.item()
    day_before = CN.add(until, -1)
    assert CN.add(day_before, 1) == until
    assert CN.add([day_before], 1)[0] == until
    with pytest.raises(Warning, match="no official notice"):
        CN.add(until, 1)


def test_a_calendar_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        CN.working[0] = True


def test_past_the_last_notice_results_are_marked_or_refused() -> None:
    with pytest.warns(ProvisionalDateWarning, match="1 result depends on days after 2026-12-24"):
        CN.add(["2026-12-01", "2026-12-24"], 3)
    marked = CN.add_marked(["2026-12-01", "2026-12-24", "2027-01-05"], [3, 1, -20])
    assert marked.provisional.tolist() == [False, True, True]
    for call in (
        lambda: CN.add("2026-12-24", 1, strict=True),
        lambda: CN.is_working("2027-01-01", strict=True),
        lambda: CN.between("2026-12-01", "2026-12-28", strict=True),
    ):
        with pytest.raises(CalendarError, match="no official notice"):
            call()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CN.add("2026-12-01", 3, strict=True)


def test_a_notice_still_changes_the_last_week_of_the_year_before(shared_data: Path) -> None:
    """Why the calendar is settled only until 24 December of the last year announced."""
    table = pd.read_csv(shared_data / "cn_calendar" / "holiday_cn_2007_2026.csv")
    day = pd.to_datetime(table["date"])
    changed = day[day.dt.year < table["year_file"]]
    assert len(changed) == 10
    assert changed.dt.day.min() > 24


def test_bad_numbers_and_shapes_are_refused() -> None:
    with pytest.raises(DataError, match=r"no whole number in 1 row \(row 0\)"):
        CN.add(["2026-03-02", "2026-03-02"], [1.5, 2.0])
    with pytest.raises(DataError, match="3 numbers for 2 dates"):
        CN.add(["2026-03-02", "2026-03-02"], [1, 2, 3])
    with pytest.raises(DataError, match="time zone"):
        CN.add(dt.datetime(2026, 3, 2, tzinfo=dt.UTC), 1)
    with pytest.raises(DataError, match="not an ISO date"):
        CN.add("2 March", 1)
    with pytest.raises(DataError, match="without a date"):
        CN.with_closures([None])
    with pytest.raises(CalendarError, match="no working day"):
        WorkingCalendar("never", dt.date(2026, 1, 1), [False] * 7)


def test_whole_floats_and_nullable_integers_count_as_numbers_of_days() -> None:
    assert CN.add("2026-03-02", 2.0) == CN.add("2026-03-02", 2)
    series = pd.Series([2], dtype="Int64")
    assert CN.add(["2026-03-02"], series).astype(str).tolist() == ["2026-03-04"]


def test_a_calendar_without_an_end_of_notice_is_settled_throughout() -> None:
    plain = WorkingCalendar("plain", dt.date(2026, 1, 5), [True] * 5 + [False] * 2)
    assert plain.last == np.datetime64("2026-01-11")
    assert not plain.is_provisional(["2026-01-11"]).any()
    assert plain.add("2026-01-05", 4) == dt.date(2026, 1, 9)


def test_module_functions_take_a_calendar_or_a_country() -> None:
    assert add_working_days("2024-09-30", 1) == dt.date(2024, 10, 8)
    assert working_days_between("2024-09-30", "2024-10-08", calendar=CN) == 1


# --- other countries --------------------------------------------------------------------------


def test_other_countries_come_from_holidays() -> None:
    germany = working_calendar("DE", subdivision="BY")
    assert germany.name == "DE-BY"
    assert not germany.is_working("2026-06-04")  # Corpus Christi, in Bavaria only
    assert working_calendar("DE").is_working("2026-06-04")
    assert working_calendar("de").announced_until is None


def test_estimated_days_make_a_calendar_provisional() -> None:
    """From the first year on after which each year has an estimated day."""
    holidays = pytest.importorskip("holidays", reason="holidays is not installed")
    emirates = working_calendar("AE")
    off = holidays.country_holidays("AE", years=range(2004, 2041), language="en_US")
    estimated = {day.year for day, name in off.items() if "estimated" in name}
    settled = max(year for year in range(2004, 2041) if year not in estimated)
    assert settled < 2039
    for last_year in (2039, 2040):
        until = working_calendar("AE", last_year=last_year).announced_until
        assert until == np.datetime64(f"{settled}-12-31")
    assert (emirates.first, emirates.last) == (
        np.datetime64("2004-01-01"),
        np.datetime64("2040-12-31"),
    )
    assert working_calendar("AE", first_year=settled, last_year=settled).announced_until is None
    assert not emirates.is_working("2024-06-01")  # Saturday


def test_unknown_countries_and_a_missing_package_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="no country 'XX'"):
        working_calendar("XX")
    with pytest.raises(UnknownNameError, match="no subdivision of DE 'XX'"):
        working_calendar("DE", subdivision="XX")
    monkeypatch.setitem(__import__("sys").modules, "holidays", None)
    with pytest.raises(MissingExtraError, match=r"bankcrm\[calendars\]"):
        working_calendar("FR")


# --- terms and ages ---------------------------------------------------------------------------

dates = st.dates(dt.date(1930, 1, 1), dt.date(2090, 12, 31))


@given(dates, st.sets(st.integers(1, 12), min_size=1))
def test_the_next_review_is_the_first_such_day_that_comes(today: dt.date, months: set[int]) -> None:
    day = today + dt.timedelta(days=1)
    while not (day.day == 1 and day.month in months):
        day += dt.timedelta(days=1)
    for order in (sorted(months), sorted(months, reverse=True)):
        assert next_review(np.datetime64(today), order) == day


@given(st.lists(dates, min_size=1, max_size=5), st.integers(1, 40))
def test_a_term_ends_on_the_day_before_or_with_its_month(
    starts: list[dt.date], months: int
) -> None:
    expected = []
    for start in starts:
        year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
        length = calendar.monthrange(year, month + 1)[1]
        last = dt.date(year, month + 1, min(start.day, length))
        expected.append(last - dt.timedelta(days=start.day <= length))
    found = last_day_of_term(np.array(starts, dtype="datetime64[D]"), months)
    assert found.tolist() == expected


@given(st.lists(st.none() | dates, min_size=1, max_size=5), dates)
def test_an_age_is_the_number_of_birthdays(born: list[dt.date | None], today: dt.date) -> None:
    ages = full_years(np.array(born, dtype="datetime64[D]"), np.datetime64(today))
    later = [b and (today.month, today.day) < (b.month, b.day) for b in born]
    expected = [
        np.nan if b is None else today.year - b.year - bool(n)
        for b, n in zip(born, later, strict=True)
    ]
    np.testing.assert_array_equal(ages, expected)


# --- instants ---------------------------------------------------------------------------------


def test_an_instant_belongs_to_its_local_day() -> None:
    late = dt.datetime(2026, 3, 2, 16, 30, tzinfo=dt.UTC)
    assert business_day(late) == dt.date(2026, 3, 3)
    assert business_day(late, zone="Europe/London") == dt.date(2026, 3, 2)


def test_from_the_cut_off_hour_on_it_is_the_next_day() -> None:
    noon = pd.Series(pd.to_datetime(["2026-03-06 16:59:59", "2026-03-06 17:00:00"]))
    local = noon.dt.tz_localize("Asia/Shanghai")
    cut = business_day(local, cutoff=dt.time(17))
    assert cut.astype(str).tolist() == ["2026-03-06", "2026-03-07"]
    # Friday evening and Saturday morning lead to the same first working day.
    assert CN.add(cut, 1).astype(str).tolist() == ["2026-03-09", "2026-03-09"]


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_instants_of_every_unit_and_kind(unit: str) -> None:
    index = pd.DatetimeIndex(["2026-03-02 23:00", None], tz="UTC").as_unit(unit)
    arrow = pd.Series(index).astype("timestamp[us, tz=UTC][pyarrow]")
    objects = np.array([index[0].to_pydatetime(), None], dtype=object)
    for instants in (index, pd.Series(index), arrow, objects):
        assert business_day(instants).astype(str).tolist() == ["2026-03-03", "NaT"]


@given(
    st.datetimes(dt.datetime(1902, 1, 1), dt.datetime(2037, 12, 31), timezones=st.timezones()),
    st.sampled_from(["Asia/Shanghai", "Europe/London", "America/New_York", "UTC"]),
    st.none() | st.times(),
)
def test_one_instant_has_the_day_that_it_has_among_many(
    instant: dt.datetime, zone: str, cutoff: dt.time | None
) -> None:
    many = pd.Series([instant.astimezone(dt.UTC)])
    assert (
        business_day(instant, zone=zone, cutoff=cutoff)
        == business_day(many, zone=zone, cutoff=cutoff)[0]
    )


def test_instants_without_a_zone_are_refused() -> None:
    assert business_day(None) is pd.NaT
    with pytest.raises(DataError, match="expected a time zone"):
        business_day(pd.Series(pd.to_datetime(["2026-03-02"])))
    with pytest.raises(DataError, match="expected a time zone"):
        business_day([dt.datetime(2026, 3, 2), dt.datetime(2026, 3, 2, tzinfo=dt.UTC)])


# --- working hours ----------------------------------------------------------------------------

HOURS = WorkingHours(((dt.time(9), dt.time(12)), (dt.time(13, 30), dt.time(17, 30))))
moments = st.datetimes(
    dt.datetime(2024, 1, 10), dt.datetime(2025, 12, 1), timezones=st.just(ZoneInfo("Asia/Shanghai"))
).map(lambda t: t.replace(microsecond=0))


def slow_working_seconds(a: dt.datetime, b: dt.datetime) -> int:
    """Oracle: the overlap with every stretch of every day."""
    total, day = 0, a.date()
    while day <= b.date():
        if chinese_calendar.is_workday(day):
            for begin, end in HOURS.windows:
                start = max(a, dt.datetime.combine(day, begin, a.tzinfo))
                stop = min(b, dt.datetime.combine(day, end, a.tzinfo))
                total += max(0, int((stop - start).total_seconds()))
        day += dt.timedelta(days=1)
    return total


@given(moments, st.integers(0, 60 * 24 * 20))
def test_working_hours_agree_with_a_slow_count(start: dt.datetime, minutes: int) -> None:
    end = start + dt.timedelta(minutes=minutes)
    assert HOURS.between(CN, start, end) * 3600 == pytest.approx(slow_working_seconds(start, end))


@given(moments, st.integers(1, 100 * 60))
def test_adding_working_hours_is_undone_by_counting_them(start: dt.datetime, minutes: int) -> None:
    end = HOURS.add(CN, start, minutes / 60)
    assert HOURS.between(CN, start, end) == pytest.approx(minutes / 60)
    assert end >= start
    local = end.tz_convert("Asia/Shanghai").time()
    assert any(a < local <= b for a, b in HOURS.windows)


HALF_DAYS = WorkingHours(
    HOURS.windows, weekdays={6: [(dt.time(22), dt.time(0))], 5: [(dt.time(9), dt.time(12))]}
)
seconds = st.integers(0, 9 * 24 * 6).map(lambda n: n * 600)


@given(plain_calendars(), st.lists(seconds, min_size=1, max_size=3), seconds, seconds)
def test_hours_of_some_weekdays_agree_with_a_slow_count(
    plain: Plain, starts: list[int], end: int, amount: int
) -> None:
    """A Saturday morning, a Sunday night until midnight; and the hours of the whole calendar."""
    calendar, rows = plain.calendar, len(plain.works) * 86_400
    stretches = []
    for day, works in enumerate(plain.works):
        windows = dict(HALF_DAYS.weekdays).get((plain.first.weekday() + day) % 7, HOURS.windows)
        for window in windows if works else ():
            low, high = (day * 86_400 + t.hour * 3600 + t.minute * 60 for t in window)
            stretches.append((low, high if window[1] != dt.time(0) else (day + 1) * 86_400))

    def worked(upto: int) -> int:
        return sum(min(max(upto - low, 0), high - low) for low, high in stretches)

    def instant(second: float) -> pd.Timestamp:
        return pd.Timestamp(plain.first, tz="Asia/Shanghai") + pd.Timedelta(seconds=second)

    starts, end = [s % rows for s in starts], end % rows
    given = pd.DatetimeIndex([*map(instant, starts), pd.NaT]).as_unit("us")
    assert HALF_DAYS.total(calendar) == worked(rows) * 1_000_000
    expected = [*((worked(end) - worked(s)) / 3600 for s in starts), np.nan]
    assert HALF_DAYS.between(calendar, given, instant(end)) == pytest.approx(expected, nan_ok=True)
    assert HALF_DAYS.between(calendar, instant(starts[0]), instant(end)) == pytest.approx(
        expected[0]
    )
    last = max(high for _, high in stretches) if stretches else 0
    assert HALF_DAYS.add(calendar, instant(0), worked(rows) / 3600) == instant(last)
    if beyond := sum(worked(s) + amount > worked(rows) for s in starts):
        with pytest.raises(CalendarError, match=f"before {beyond} of"):
            HALF_DAYS.add(calendar, given, amount / 3600)
        return
    added = HALF_DAYS.add(calendar, given, [*[amount / 3600] * len(starts), 1.0])
    for start, found in zip(starts, added[:-1], strict=True):
        reached = worked(start) + amount
        first = next(
            (low + reached - worked(low) for low, high in stretches if worked(high) >= reached), 0
        )
        assert found == instant(max(start, first))
    assert added[-1] is pd.NaT


def test_working_hours_skip_lunch_weekends_and_holidays() -> None:
    assert HOURS.per_day == 7
    friday = pd.Timestamp("2024-09-30 11:00", tz="Asia/Shanghai")
    assert HOURS.add(CN, friday, 1) == pd.Timestamp("2024-09-30 12:00", tz="Asia/Shanghai")
    assert HOURS.add(CN, friday, 2) == pd.Timestamp("2024-09-30 14:30", tz="Asia/Shanghai")
    assert HOURS.add(CN, friday, 6) == pd.Timestamp("2024-10-08 10:00", tz="Asia/Shanghai")
    night = pd.Timestamp("2024-10-02 03:00", tz="Asia/Shanghai")
    assert HOURS.add(CN, night, 0) == night
    many = HOURS.add(CN, pd.Series([friday, pd.NaT]), [1, 1])
    assert many[0] == pd.Timestamp("2024-09-30 12:00", tz="Asia/Shanghai")
    assert many[1] is pd.NaT
    assert np.isnan(HOURS.between(CN, pd.Series([pd.NaT], dtype="datetime64[ns, UTC]"), friday))[0]


def test_working_hours_keep_to_the_wall_clock_over_summer_time() -> None:
    london = WorkingHours(((dt.time(9), dt.time(17)),), zone="Europe/London")
    friday = pd.Timestamp("2026-03-27 16:00", tz="Europe/London")  # clocks go on on the 29th
    assert london.add(working_calendar("GB"), friday, 2).isoformat() == "2026-03-30T10:00:00+01:00"


def test_bad_working_hours_are_refused() -> None:
    with pytest.raises(DataError, match="not stretches in order"):
        WorkingHours(((dt.time(9), dt.time(12)), (dt.time(11), dt.time(17))))
    with pytest.raises(DataError, match="negative"):
        HOURS.add(CN, dt.datetime(2026, 3, 2, tzinfo=dt.UTC), -1)
    with pytest.raises(CalendarError, match="counts lie outside"):
        CN.day_of([0])
    with pytest.raises(DataError, match=r"no whole number in 1 row \(row 1\)"):
        CN.day_of([1, 1.5])


def test_hours_and_days_without_an_end_leave_the_calendar() -> None:
    """Cast to whole numbers they would turn negative, and a deadline would be over at once."""
    start = dt.datetime(2026, 3, 2, 2, tzinfo=dt.UTC)
    for hours in (np.inf, 1e12, 1e300, [1.0, np.inf]):
        with pytest.raises(CalendarError, match="ends on 2036-12-31, before 1 of the working"):
            HOURS.add("CN", [start] * 2 if isinstance(hours, list) else start, hours)
    for days in ([2**64 - 5], [2.0**70], [-(2.0**70)], [np.inf]):
        with pytest.raises(CalendarError, match="lie outside"):
            CN.add(["2026-03-10"], np.array(days))
    with pytest.raises(DataError, match="hours: expected numbers"):
        HOURS.add(CN, start, "x")


def test_counts_and_days_are_each_others_inverse() -> None:
    day = every_day("2004-01-01", "2026-12-20")
    work = day[CN.is_working(day)]
    np.testing.assert_array_equal(CN.day_of(CN.count_to(work)), work)
    assert CN.count_to(["2003-12-31"]).tolist() == [0]
