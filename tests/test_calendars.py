"""Working-day calendars: against chinesecalendar, the official notices, numpy and the clock."""

from __future__ import annotations

import datetime as dt
import warnings
from pathlib import Path
from zoneinfo import ZoneInfo

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


@pytest.mark.parametrize("n", range(1, 31))
def test_adding_up_to_30_days_agrees_with_counting_by_hand_both_ways(n: int) -> None:
    """Oracle: the list of chinesecalendar's working days and Python's bisect, for every date."""
    day = every_day("2004-03-15", "2026-11-01")
    calendar_days = every_day("2004-01-01", "2026-12-31").astype(object)
    work = np.array([d for d in calendar_days if chinese_calendar.is_workday(d)], "datetime64[D]")
    after = np.searchsorted(work, day, side="right")
    before = np.searchsorted(work, day, side="left")
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
    with pytest.raises(CalendarError, match=r"7 dates lie outside \(1999-01-01, .*-05, \.\.\.\);"):
        CN.is_working([f"1999-01-0{day}" for day in range(1, 8)])


def test_texts_in_a_column_are_not_read_as_dates() -> None:
    with pytest.raises(DataError, match="found str"):
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
    with pytest.raises(DataError, match="1 are not whole"):
        CN.add(["2026-03-02", "2026-03-02"], [1.5, 2.0])
    with pytest.raises(DataError, match="3 numbers for 2 dates"):
        CN.add(["2026-03-02", "2026-03-02"], [1, 2, 3])
    with pytest.raises(DataError, match="time zone"):
        CN.add(dt.datetime(2026, 3, 2, tzinfo=dt.UTC), 1)
    with pytest.raises(DataError, match="not an ISO date"):
        CN.add("2 March", 1)
    with pytest.raises(DataError, match="has no date"):
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
    emirates = working_calendar("AE")
    assert emirates.announced_until is not None
    assert emirates.is_provisional(["2039-01-01"]).all()
    assert not emirates.is_working("2024-06-01")  # Saturday


def test_unknown_countries_and_a_missing_package_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="no country 'XX'"):
        working_calendar("XX")
    with pytest.raises(UnknownNameError, match="no subdivision of DE 'XX'"):
        working_calendar("DE", subdivision="XX")
    monkeypatch.setitem(__import__("sys").modules, "holidays", None)
    with pytest.raises(MissingExtraError, match=r"bankcrm\[calendars\]"):
        working_calendar("FR")


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
    with pytest.raises(DataError, match="no time zone"):
        business_day(pd.Series(pd.to_datetime(["2026-03-02"])))
    with pytest.raises(DataError, match="no time zone"):
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
    with pytest.raises(DataError, match="whole numbers"):
        CN.day_of([1.5])


def test_counts_and_days_are_each_others_inverse() -> None:
    day = every_day("2004-01-01", "2026-12-20")
    work = day[CN.is_working(day)]
    np.testing.assert_array_equal(CN.day_of(CN.count_to(work)), work)
    assert CN.count_to(["2003-12-31"]).tolist() == [0]
