"""Working hours of a bank: checked when a policy loads, whole days, half days, clock changes."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import tomllib
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.calendars import WorkingCalendar, WorkingHours
from bankcrm.complaints import CaseEvent, Clock, replay_clock
from bankcrm.complaints.clocks.time_units import units_of
from bankcrm.errors import PolicyError
from bankcrm.policy import Policy, default_policy, load_policy
from bankcrm.rules.toml import plain

ZONE = "Asia/Shanghai"
WEEKDAYS = WorkingCalendar(
    "weekdays",
    dt.date(2024, 1, 1),
    np.is_busday(np.arange("2024-01-01", "2027-01-01", dtype="datetime64[D]")),
)
WITH_SATURDAY = WEEKDAYS.with_openings(["2024-03-09"], name="weekdays and a Saturday")


def policy_of(clock: dict[str, Any], **parameters: Any) -> Policy:
    """A policy from TOML: the default one with one clock, and parameters of its own."""
    raw = tomllib.loads(default_policy("complaints").to_toml())
    raw["parameters"] |= {n: {"value": v, "source": "default"} for n, v in parameters.items()}
    raw["records"]["clocks"] = [
        {"name": "clock", "kind": "answer", "limit": "limit", "pauses": True, **clock}
    ]
    return load_policy(tomli_w.dumps(plain(raw)))


def replayed(policy: Policy, calendar: WorkingCalendar, *times: str, zone: str = ZONE) -> Clock:
    """The clock of a case, received at the first time and seen at the last."""
    received, now = (dt.datetime.fromisoformat(t).replace(tzinfo=ZoneInfo(zone)) for t in times)
    log = [CaseEvent(received, "received")]
    return replay_clock(log, policy=policy, calendar=calendar, as_of=now).clock("clock")


WRONG = [
    ("working_hours", ["9-17"], "'9-17' is no stretch of time; write such as '09:00-17:00'"),
    ("working_hours", ["17:00-09:00"], "'17:00-09:00' is no stretch of time"),
    ("working_hours", ["09:00-24:30"], "'09:00-24:30' is no stretch of time"),
    ("working_hours", ["09:60-17:00"], "'09:60-17:00' is no stretch of time"),
    ("working_hours", ["09:00-13:00", "12:00-17:00"], "'12:00-17:00' begins before the stretch"),
    ("working_hours", ["Sunday 09:00-12:00"], "'Sunday 09:00-12:00' is no stretch of time"),
    ("working_hours", ["Sat 09:00-12:00"], "no stretch of time for an ordinary working day"),
    ("working_hours", [], "no stretch of time for an ordinary working day"),
    ("cutoff_hour", 17.999, "17.999 is no hour of the day; expected a number from 0 to 24"),
    ("cutoff_hour", 25, "25 is no hour of the day"),
    ("cutoff_hour", -1, "-1 is no hour of the day"),
    ("time_zone", "Mars/Olympus", "'Mars/Olympus' is no time zone; write such as"),
    ("time_zone", "", "'' is no time zone"),
]


@pytest.mark.parametrize(("name", "value", "message"), WRONG)
def test_a_policy_with_impossible_times_does_not_load(name: str, value: Any, message: str) -> None:
    """The path and one sentence, for a parameter and for a clock with times of its own."""
    days = {"unit": "working_days"}
    with pytest.raises(PolicyError) as raised:
        policy_of(days, limit=3, **{name: value})
    [fault] = raised.value.faults
    assert fault.startswith(f"parameters.{name}: ")
    assert message in fault
    with pytest.raises(PolicyError) as raised:
        policy_of({**days, name: value}, limit=3)
    [fault] = raised.value.faults
    assert fault.startswith(f"records.clocks[0].{name}: ")
    assert message in fault


@pytest.mark.parametrize("value", [17.999, 25])
def test_the_closing_hour_of_a_clock_is_an_hour_of_the_day(value: float) -> None:
    clock = {"unit": "working_days", "closing_hour": "close_hour"}
    with pytest.raises(PolicyError, match=r"parameters\.close_hour: .* is no hour of the day"):
        policy_of(clock, limit=3, close_hour=value)
    assert policy_of(clock, limit=3, close_hour=17.5).value("close_hour") == 17.5


def test_all_day_and_every_day_is_the_clock_on_the_wall() -> None:
    """24x7: hours of work are hours; a Friday evening's 10 hours end on Saturday morning."""
    every_day = WEEKDAYS.with_openings(
        np.arange("2024-01-01", "2027-01-01", dtype="datetime64[D]"), name="every day"
    )
    policy = policy_of({"unit": "working_hours"}, limit=10, working_hours=["00:00-24:00"])
    clock = replayed(policy, every_day, "2024-03-08 20:00", "2024-03-09 05:30")
    assert clock.due_at == dt.datetime(2024, 3, 9, 6, tzinfo=ZoneInfo(ZONE))
    assert (clock.elapsed, str(clock.state)) == (9.5, "at_risk")
    plain_hours = replayed(
        policy_of({"unit": "hours"}, limit=10), every_day, "2024-03-08 20:00", "2024-03-09 05:30"
    )
    assert (plain_hours.due_at, plain_hours.elapsed) == (clock.due_at, clock.elapsed)


def test_a_half_day_has_its_own_hours_and_is_a_whole_day_of_a_clock_in_days() -> None:
    """Friday 16:00, 4 hours: one on Friday, three on the Saturday morning."""
    hours = ["09:00-17:00", "Sat 09:00-12:00"]
    policy = policy_of({"unit": "working_hours"}, limit=4, working_hours=hours)
    clock = replayed(policy, WITH_SATURDAY, "2024-03-08 16:00", "2024-03-11 09:00")
    assert clock.due_at == dt.datetime(2024, 3, 9, 12, tzinfo=ZoneInfo(ZONE))
    assert clock.elapsed == 4  # no time passes from Saturday noon to Monday morning
    elsewhere = replayed(policy, WEEKDAYS, "2024-03-08 16:00", "2024-03-11 09:00")
    assert elsewhere.due == dt.date(2024, 3, 11)  # where the bank is closed on Saturdays
    days = policy_of({"unit": "working_days"}, limit=1, working_hours=hours)
    assert replayed(days, WITH_SATURDAY, "2024-03-08 16:00", "2024-03-08 17:00").due == dt.date(
        2024, 3, 9
    )


# --- changes of the clocks ---

CHANGES = {  # zone: a day on which an hour is skipped, a day on which one is repeated
    "Europe/London": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-10-04", "2026-04-05"),  # half an hour
    "America/Santiago": ("2026-09-06", "2026-04-05"),  # at midnight
}
WINDOWS = [("00:00-24:00",), ("00:30-01:30", "01:45-02:15"), ("01:00-02:00",), ("02:00-03:00",)]
EVERY_DAY = WorkingCalendar("every day", dt.date(2026, 1, 1), np.ones(365, dtype=np.bool_))


@st.composite
def around_a_change(draw: st.DrawFn) -> tuple[WorkingHours, dt.datetime, int]:
    """Hours of work, an instant within a day and a half of a change, and seconds of work."""
    zone = draw(st.sampled_from(list(CHANGES)))
    day = dt.datetime.fromisoformat(draw(st.sampled_from(CHANGES[zone])))
    hours = WorkingHours.read(draw(st.sampled_from(WINDOWS)), zone=zone)
    start = day.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)
    second = st.integers(-12 * 3600, 30 * 3600) | st.integers(0, 12).map(lambda n: n * 1800)
    start += dt.timedelta(seconds=draw(second))
    amount = draw(st.integers(0, 3 * 3600) | st.integers(0, 6).map(lambda n: n * 1800))
    return hours, start, amount


@functools.cache
def first_instant(zone: str, day: dt.date, wall: dt.time | None) -> dt.datetime:
    """The first instant of a day at which its clock shows a time or a later one; None: its end.

    A time that is skipped moves on, and of one that comes twice the first counts.
    """
    start = dt.datetime.combine(day, dt.time(12), dt.UTC) - dt.timedelta(hours=30)
    for i in range(60 * 60):
        at = start + dt.timedelta(minutes=i)
        local = at.astimezone(ZoneInfo(zone))
        if local.date() > day or (
            local.date() == day and wall is not None and local.time() >= wall
        ):
            return at
    raise AssertionError(f"no end of {day} in {zone}")


def slow_seconds(hours: WorkingHours, a: dt.datetime, b: dt.datetime) -> float:
    """Oracle: the overlap with every stretch of every day."""
    total, day = 0.0, a.date() - dt.timedelta(days=1)
    while day <= b.date() + dt.timedelta(days=1):
        for begin, end in hours.windows:
            stretch = (
                first_instant(hours.zone, day, begin),
                first_instant(hours.zone, day, None if end == dt.time(0) else end),
            )
            total += max((min(b, stretch[1]) - max(a, stretch[0])).total_seconds(), 0)
        day += dt.timedelta(days=1)
    return total


@given(around_a_change())
def test_hours_across_a_change_of_the_clocks_are_hours_that_passed(
    case: tuple[WorkingHours, dt.datetime, int],
) -> None:
    """Never before the start, never negative, and each undoes the other."""
    hours, start, amount = case
    end = hours.add(EVERY_DAY, start, amount / 3600)
    assert end >= start
    assert hours.between(EVERY_DAY, start, end) * 3600 == pytest.approx(amount, abs=1e-3)
    assert hours.between(EVERY_DAY, end, start) == -hours.between(EVERY_DAY, start, end)
    later = hours.add(EVERY_DAY, start, amount / 3600 + 1 / 60)
    assert later > end
    once_more = hours.add(EVERY_DAY, end, 1 / 60)
    assert abs((later - once_more).total_seconds()) < 1e-3  # in two steps as in one


@given(around_a_change(), st.integers(0, 8 * 60))
def test_time_never_runs_backwards(
    case: tuple[WorkingHours, dt.datetime, int], minutes: int
) -> None:
    hours, start, _ = case
    end = start + dt.timedelta(minutes=minutes)
    found = hours.between(EVERY_DAY, start, end)
    assert 0 <= found <= minutes / 60 + 1e-9
    assert found * 3600 == pytest.approx(slow_seconds(hours, start, end), abs=1e-3)


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York"])
def test_the_whole_day_of_a_change_has_23_or_25_hours(zone: str) -> None:
    whole = WorkingHours.read(["00:00-24:00"], zone=zone)
    for day, expected in zip(CHANGES[zone], (23, 25), strict=True):
        start = dt.datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
        end = start + dt.timedelta(days=1)  # the next midnight on the wall
        assert whole.between(EVERY_DAY, start, end) == expected
        assert whole.add(EVERY_DAY, start, expected) == end


def test_both_passes_of_a_repeated_hour_are_worked_time() -> None:
    """01:00 to 02:00 of the day on which it comes twice: two hours pass on the wall."""
    hours = WorkingHours.read(["00:00-24:00"], zone="Europe/London")
    ticks = [dt.datetime(2026, 10, 25, 0, m, tzinfo=dt.UTC) for m in (0, 15, 30, 45)]
    ticks += [t + dt.timedelta(hours=1) for t in ticks]  # 01:00 BST .. 01:45 GMT
    steps = [hours.between(EVERY_DAY, a, b) for a, b in itertools.pairwise(ticks)]
    assert steps == [0.25] * 7


def test_an_instant_after_the_last_closing_is_outside_of_the_calendar() -> None:
    week = WorkingCalendar("week", dt.date(2024, 9, 16), [True] * 7)
    units = units_of(week, "UTC", 24.0, ("09:00-17:00",), 16.25)
    instants = ["2024-09-15T23:00", "2024-09-16T00:00", "2024-09-22T16:14", "2024-09-22T16:15"]
    found = units.moments("working_days", np.array(instants, dtype="datetime64[us]"))
    assert found.covered.tolist() == [False, True, True, False]
    assert found.position.tolist()[1:3] == [1, 7]
    assert found.reached.tolist()[1:3] == [1, 7]


@pytest.mark.parametrize(
    ("cutoff", "closing", "end"),
    [(24.0, None, 24.0), (17.5, None, 17.5), (24.0, 16.25, 16.25), (17.0, 18.0, 18.0)],
)
@pytest.mark.parametrize("days", [[0, 3, 6], [6], [-40, 0, 2, 50], [200, 41], []])
def test_a_day_ends_alike_within_and_beyond_the_calendar(
    days: list[int], cutoff: float, closing: float | None, end: float
) -> None:
    """A clock of calendar days may be due after the last day of the calendar."""
    week = WorkingCalendar("week", dt.date(2024, 9, 16), [True] * 5 + [False] * 2)
    units = units_of(week, "Europe/London", cutoff, ("09:00-17:00",), closing)
    last = week.first.astype(np.int64) + np.array(days, dtype=np.int64)
    for unit, whole in (("working_days", 5), ("working_hours", 5 * 8 * 3_600_000_000)):
        assert units.in_table(unit, np.array([0, whole, whole + 1])).tolist() == [True, True, False]
    at, day, provisional = units.due("calendar_days", last)
    assert day.tolist() == [dt.date(2024, 9, 16) + dt.timedelta(days=n) for n in days]
    assert not provisional.any()
    expected = [dt.datetime(d.year, d.month, d.day) + dt.timedelta(hours=end) for d in day.tolist()]
    local = [t.replace(tzinfo=ZoneInfo("Europe/London")).astimezone(dt.UTC) for t in expected]
    assert at.tolist() == [t.replace(tzinfo=None) for t in local]
