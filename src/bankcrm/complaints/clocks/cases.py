"""The events of many cases as columns of instants, and each clock of all of them."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.calendars import WorkingCalendar
from bankcrm.complaints.base import Mask, answered_at, not_stated
from bankcrm.complaints.clocks.measure import (
    Measured,
    PauseRound,
    StateCodes,
    measure,
    share_used,
    states,
)
from bankcrm.complaints.clocks.pauses import Pauses
from bankcrm.complaints.clocks.receipt import KINDS, binding, in_force
from bankcrm.complaints.clocks.rules import ClockRule
from bankcrm.complaints.clocks.time_units import DAY_UNITS, HOUR, Instants, Ticks, TimeUnits
from bankcrm.frames.arrays import Days
from bankcrm.frames.instants import utc_microseconds
from bankcrm.policy import Policy
from bankcrm.vocabulary import EventKind, Kind, Severity

MOMENTS = {
    EventKind.RECEIVED: "received_at",
    EventKind.SENT: "sent_at",
    EventKind.ACKNOWLEDGED: "acknowledged_at",
    EventKind.NEW_FACTS: "new_facts_at",
    EventKind.INFORMED: "informed_at",
    EventKind.DELAY_EXPLAINED: "delay_explained_at",
    EventKind.RESPONDED: "answered_at",
    EventKind.ACCEPTED: "accepted_at",
    EventKind.REOPENED: "reopened_at",
    EventKind.CLOSED: "closed_at",
    EventKind.WITHDRAWN: "withdrawn_at",
    EventKind.MERGED: "merged_at",
}
"""The column that holds the instant of each event."""

AGAIN = "reanswered_at"
_ENDS = ("closed_at", "withdrawn_at", "merged_at")
_NAT = np.datetime64("NaT", "us")
Rows = slice | npt.NDArray[np.intp]


@attrs.frozen(eq=False)
class ClockColumns:
    """One clock of all cases; null where it does not bind or lies outside the calendar."""

    due_at: Instants
    day: Days
    elapsed: npt.NDArray[np.float64]
    used: npt.NDArray[np.float64]
    state: StateCodes
    provisional: Mask
    open: Mask
    outside: Mask

    def filled(self, other: ClockColumns) -> ClockColumns:
        """These columns, with those of another where this clock has none."""
        empty = self.state < 0
        pairs = {
            f.name: (getattr(self, f.name), getattr(other, f.name))
            for f in attrs.fields(type(self))
        }
        return ClockColumns(**{n: np.where(empty, b, a) for n, (a, b) in pairs.items()})


@attrs.frozen(eq=False)
class Timed:
    """One clock of some cases: its time, and how it ended.

    Attributes:
        found: The time of each.
        met: Which were met.
        stopped: Which ended otherwise.
    """

    found: Measured
    met: Mask
    stopped: Mask


def clock_columns(
    rule: ClockRule,
    policy: Policy,
    units: TimeUnits,
    timed: Timed,
    place: npt.NDArray[np.intp],
    began: Mask,
) -> ClockColumns:
    """One clock of all cases, from the figures of those that were measured.

    Args:
        rule: The clock.
        policy: Its policy.
        units: Its units.
        timed: The figures.
        place: The row of each case with figures; the others get nulls.
        began: In which cases the clock began; those without figures lie outside the calendar.
    """
    rows = len(began)
    found = timed.found
    share = float(policy.value("at_risk_share"))
    code = states(found, share, timed.met, timed.stopped)
    reached = units.in_table(rule.unit, found.last)
    due_at, day, provisional = units.due(rule.unit, found.last[reached])
    place = place[reached]

    def spread(values: np.ndarray, empty: object) -> np.ndarray:
        if len(values) == rows:
            return values
        made = np.full(rows, empty, dtype=values.dtype)
        made[place] = values
        return made

    per = 1 if rule.unit in DAY_UNITS else HOUR
    known = spread(np.ones(len(place), dtype=np.bool_), False)
    return ClockColumns(
        due_at=spread(due_at, _NAT),
        day=spread(day, np.datetime64("NaT", "D")),
        elapsed=spread(found.elapsed[reached] / per, np.nan),
        used=spread(share_used(found)[reached], np.nan),
        state=spread(code[reached], -1),
        provisional=spread(provisional, False),
        open=spread(~(timed.met | timed.stopped)[reached], False),
        outside=began & ~known,
    )


class Cases:
    """The instants of the events of all cases up to now, read once."""

    def __init__(
        self,
        frame: pd.DataFrame,
        policy: Policy,
        calendar: WorkingCalendar,
        now: np.datetime64,
        pauses: Pauses,
    ) -> None:
        self.rows = len(frame)
        self.policy = policy
        self.calendar = calendar
        self.now = now
        self.pauses = pauses
        frame = frame.assign(answered_at=answered_at(frame)) if "closed_at" in frame else frame
        self.at: dict[str, Instants] = {}
        for name in (*MOMENTS.values(), AGAIN):
            if name in frame:
                instants = utc_microseconds(frame[name])
                self.at[name] = np.where(instants <= now, instants, _NAT)
        self.answered: Mask = ~np.isnat(self.at.get("answered_at", np.full(self.rows, _NAT)))
        stated = not_stated(Severity, policy)
        self.severity = _codes(frame, "severity", [s.value for s in Severity], stated)
        self.kind = _codes(frame, "kind", list(KINDS), not_stated(Kind, policy))
        self.topic = frame.get("topic")
        self.extended = np.zeros(self.rows, np.int64)
        if "extended" in frame:
            steps = frame["extended"].to_numpy(np.float64)
            self.extended = np.nan_to_num(steps).astype(np.int64)

    def clock(self, rule: ClockRule) -> ClockColumns:
        """One clock of all cases."""
        units = rule.units(self.policy, self.calendar)
        begin = self._begin(rule, units)
        started = np.flatnonzero(~np.isnat(begin))
        rows: Rows = slice(None) if len(started) == self.rows else started
        start = units.moments(rule.unit, begin[rows])
        met, stopped = self._ends(rule, start.at, rows)
        over = np.where(np.isnat(met), stopped, met)
        end = units.moments(rule.unit, np.where(np.isnat(over), self.now, over))
        limit = self._limits(rule, units)[rows]
        inside = start.covered & end.covered
        is_met, is_stopped = ~np.isnat(met), ~np.isnat(stopped)
        if not inside.all():
            start, end = start.part(inside), end.part(inside)
            started, over, limit = started[inside], over[inside], limit[inside]
            is_met, is_stopped = is_met[inside], is_stopped[inside]
        rounds = self._rounds(rule, started, over)
        found = measure(units, rule.unit, start, end, limit, rounds)
        timed = Timed(found, is_met, is_stopped)
        return clock_columns(rule, self.policy, units, timed, started, ~np.isnat(begin))

    def _begin(self, rule: ClockRule, units: TimeUnits) -> Instants:
        """When the clock starts; NaT where it does not bind."""
        begin = np.full(self.rows, _NAT)
        for at in self._columns(MOMENTS[k] for k in rule.starts if k in MOMENTS):
            begin = np.fmin(begin, at)
        for at in self._columns(MOMENTS[k] for k in rule.restarts if k in MOMENTS):
            begin = np.fmax(begin, at)
        bound = binding(rule, self.kind, self.topic, self.rows)
        if rule.dated:
            bound &= in_force(rule, units.local_day(begin))
        return begin if bound.all() else np.where(bound, begin, _NAT)

    def _columns(self, names: Iterable[str]) -> list[Instants]:
        return [self.at[name] for name in names if name in self.at]

    def _ends(self, rule: ClockRule, start: Instants, rows: Rows) -> tuple[Instants, Instants]:
        """When the clocks of some rows were met, or else stopped; NaT where they were not."""
        meets = [MOMENTS[k] for k in rule.meets if k in MOMENTS]
        if EventKind.RESPONDED in rule.meets:
            meets.append(AGAIN)
        met = self._earliest(meets, start, rows)
        stopped = self._earliest(_ENDS, start, rows)
        first = ~np.isnat(met) & ~(stopped < met)
        return np.where(first, met, _NAT), np.where(first, _NAT, stopped)

    def _earliest(self, names: Iterable[str], start: Instants, rows: Rows) -> Instants:
        """The earliest of some events at or after a start."""
        found = np.full(len(start), _NAT)
        for column in self._columns(names):
            at = column[rows]
            found = np.fmin(found, np.where(at >= start, at, _NAT))
        return found

    def _limits(self, rule: ClockRule, units: TimeUnits) -> Ticks:
        """Each case's limit in ticks."""
        amounts = np.array([rule.amount(self.policy, s) for s in Severity])
        limit: Ticks = units.ticks_of(rule.unit, amounts)[self.severity]
        for step in range(1, len(rule.extensions) + 1):
            more = units.ticks_of(rule.unit, rule.amount(self.policy, None, step))
            limit[self.extended >= step] = more
        return limit

    def _rounds(
        self, rule: ClockRule, started: npt.NDArray[np.intp], over: Instants
    ) -> list[PauseRound]:
        """The pauses of the cases whose clock runs; the end of a clock also ends a pause."""
        place = np.full(self.rows, -1)
        place[started] = np.arange(len(started))
        made = []
        for pause in self.pauses.of(rule):
            row = place[pause.row]
            use = row >= 0
            row, stop = row[use], pause.stop[use]
            made.append(
                PauseRound(row, pause.begin[use], np.where(np.isnat(stop), over[row], stop))
            )
        return made


def _codes(frame: pd.DataFrame, name: str, words: list[str], stated: str) -> npt.NDArray[np.intp]:
    default = words.index(stated)
    if name not in frame:
        return np.full(len(frame), default)
    code = pd.Categorical(frame[name], categories=words).codes
    return np.where(code < 0, default, code)
