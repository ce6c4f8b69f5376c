"""A slow simulator of one clock, minute by minute: the oracle for replay and deadlines.

It shares no code with the library. It walks through the minutes and keeps sets of the days that it
has used and given back; it never subtracts two positions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import attrs

MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)
WINDOWS = ((540, 720), (810, 1050))  # 09:00-12:00 and 13:30-17:30 in minutes


@attrs.frozen
class Simulated:
    """What the simulator saw: days, or minutes where a clock counts hours."""

    elapsed: int
    paused: int
    due: dt.date
    state: str


@attrs.define
class _Days:
    """A clock in days. A day off counts with the working day after it."""

    works: Callable[[dt.date], bool]
    limit: int
    start: dt.date
    used: set[dt.date] = attrs.Factory(set)
    free: set[dt.date] = attrs.Factory(set)
    taken: set[dt.date] = attrs.Factory(set)
    waiting: bool = False  # off since the start: nothing counts yet
    interrupted: bool = False
    asleep: bool = False
    over: bool = False

    def __attrs_post_init__(self) -> None:
        self.waiting = not self.works(self.start) and self.limit > 0
        if not self.waiting:
            self.free.add(self.belongs(self.start))

    def belongs(self, day: dt.date) -> dt.date:
        while not self.works(day):
            day += DAY
        return day

    def day(self, day: dt.date) -> None:
        """A day begins."""
        self.waiting = self.waiting and not self.works(day)
        if not self.asleep:
            self.visit(day)
        elif self.works(day) and day not in self.free:
            self.free.add(day)
            self.taken.add(day)

    def visit(self, day: dt.date) -> None:
        if not self.waiting and self.belongs(day) not in self.free:
            self.used.add(self.belongs(day))
        self.over = self.over or len(self.used) > self.limit

    def pause(self, now: dt.datetime) -> None:
        day = now.date()
        self.asleep = True
        self.interrupted = self.works(day) or self.belongs(day) in self.free
        if not self.works(day):
            self.used.discard(self.belongs(day))  # counted ahead, and given back

    def resume(self, now: dt.datetime) -> None:
        day = now.date()
        if self.interrupted and not self.works(day) and self.belongs(day) not in self.free:
            self.free.add(self.belongs(day))
            self.taken.add(self.belongs(day))
        self.asleep = False
        self.visit(day)

    def minute(self, now: dt.datetime) -> None:
        """A minute passes; only days count."""

    @property
    def elapsed(self) -> int:
        return len(self.used)

    def paused(self, now: dt.datetime) -> int:
        ahead = self.belongs(now.date())
        off = not self.works(now.date())
        more = self.asleep and self.interrupted and off and ahead not in self.free
        return len(self.taken) + more

    def due(self, now: dt.datetime) -> dt.date:
        """The day before the first one on which it is over."""
        day = now.date()
        while not self.over:
            day += DAY
            self.day(day)
        return day - DAY


@attrs.define
class _Minutes:
    """A clock in minutes, all of them or those within working hours."""

    runs: Callable[[dt.datetime], bool]
    limit: int
    asleep: bool = False
    elapsed: int = 0
    slept: int = 0

    @property
    def over(self) -> bool:
        return self.elapsed > self.limit

    def day(self, day: dt.date) -> None:
        """Days do not matter."""

    def pause(self, now: dt.datetime) -> None:
        self.asleep = True

    def resume(self, now: dt.datetime) -> None:
        self.asleep = False

    def minute(self, now: dt.datetime) -> None:
        """The minute that ends now has passed."""
        if self.runs(now - MINUTE):
            self.slept += self.asleep
            self.elapsed += not self.asleep

    def paused(self, now: dt.datetime) -> int:
        return self.slept

    def due(self, now: dt.datetime) -> dt.date:
        while self.elapsed < self.limit:
            now += MINUTE
            self.minute(now)
        return now.date()


def simulate(
    *,
    works: Callable[[dt.date], bool],
    unit: str,
    limit: int,
    start: dt.datetime,
    pauses: Sequence[tuple[dt.datetime, dt.datetime | None]],
    answered: dt.datetime | None,
    as_of: dt.datetime,
) -> Simulated:
    """Run one clock; times are local, whole minutes. A limit counts days, or minutes in hours."""
    stop = min(answered, as_of) if answered else as_of
    clock: _Days | _Minutes
    if unit == "hours":
        clock = _Minutes(lambda _: True, limit)
    elif unit == "working_hours":
        clock = _Minutes(
            lambda t: works(t.date()) and any(a <= t.hour * 60 + t.minute < b for a, b in WINDOWS),
            limit,
        )
    else:
        clock = _Days(works if unit == "working_days" else lambda _: True, limit, start.date())
        clock.visit(start.date())
    begins = {p for p, _ in pauses}
    ends = {r for _, r in pauses if r}
    now, breach, ended_by_limit = start, None, None
    while True:
        if now in begins and now <= stop and not clock.over:
            clock.pause(now)
        if now in ends and now <= stop and clock.asleep:
            clock.resume(now)
        if clock.over and breach is None:
            breach = now
        if ended_by_limit is None and not clock.asleep and clock.elapsed == limit:
            ended_by_limit = now
        if clock.asleep:
            ended_by_limit = None
        if now >= stop:
            break
        now += MINUTE
        clock.minute(now)
        if now.date() != (now - MINUTE).date():
            clock.day(now.date())
    elapsed, paused, asleep = clock.elapsed, clock.paused(now), clock.asleep
    met = answered is not None and answered <= as_of
    if clock.over:
        state = "breached"
    elif met:
        state = "met"
    elif asleep:
        state = "paused"
    else:
        state = "at_risk" if elapsed >= 0.8 * limit else "running"
    if asleep:
        clock.resume(now)
    if isinstance(clock, _Days):
        due = breach.date() - DAY if breach else clock.due(now)
    else:
        due = ended_by_limit.date() if ended_by_limit else clock.due(now)
    return Simulated(elapsed, paused, due, state)
