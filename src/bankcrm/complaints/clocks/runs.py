"""One clock of many cases while their logs are replayed: the columns of `Run`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from bankcrm.calendars import WorkingCalendar
from bankcrm.complaints.base import Mask
from bankcrm.complaints.clocks.cases import Timed
from bankcrm.complaints.clocks.event_log import EventLog, Places
from bankcrm.complaints.clocks.measure import Measured, PauseRound, measure
from bankcrm.complaints.clocks.rules import ClockRule
from bankcrm.complaints.clocks.time_units import Instants, Ticks
from bankcrm.policy import Policy
from bankcrm.vocabulary import Severity

_NEVER = np.datetime64("NaT", "us")


class Runs:
    """One clock of all cases while their logs are replayed, as columns; see `Run`.

    Args:
        rules: The clock's rule in each policy, by its number, that has one.
        policies: The policies.
        calendar: The calendar whose working days count.
        log: The events.
    """

    def __init__(
        self,
        rules: dict[int, ClockRule],
        policies: list[Policy],
        calendar: WorkingCalendar,
        log: EventLog,
    ) -> None:
        cases, slots = len(log.ids), int(log.slot[-1])
        self.rules = rules
        self.policies = policies
        self.calendar = calendar
        self.log = log
        self.policy = np.full(cases, -1, dtype=np.int8)  # whose rule it follows; -1: not started
        self.start: Instants = np.full(cases, _NEVER)
        self.severity = np.full(cases, -1, dtype=np.int8)
        self.extended = np.zeros(cases, dtype=np.int8)
        self.floor = np.zeros(cases, dtype=np.int64)
        self.end: Instants = np.full(cases, _NEVER)
        self.met = np.zeros(cases, dtype=np.bool_)
        self.outside = np.zeros(cases, dtype=np.bool_)  # once measured outside the calendar
        self.paused_in = np.full(cases, -1, dtype=np.intp)  # the slot of the pause that goes on
        self.taken = np.zeros(slots, dtype=np.bool_)  # the slots that paused it
        self.stop: Instants = np.full(slots, _NEVER)  # when the pause of each slot ended
        self._slot_at = log.at[np.flatnonzero(np.diff(log.slot))]
        self._limits: dict[int, Ticks] = {}

    @property
    def started(self) -> Mask:
        """Where it has started."""
        return self.policy >= 0

    @property
    def running(self) -> Mask:
        """Where it has started and not ended."""
        return self.started & np.isnat(self.end)

    def by_rule(self, rows: Places) -> Iterator[tuple[int, ClockRule, Places]]:
        """The places of started cases among some, by the policy that they follow, with its rule."""
        followed = self.policy[rows]
        for number, rule in self.rules.items():
            if len(place := np.flatnonzero(followed == number)):
                yield number, rule, place

    def begin(
        self, rows: Places, events: Places, policy: int, severity: npt.NDArray[np.int8]
    ) -> None:
        """Start it, or start it anew."""
        self.policy[rows] = policy
        self.start[rows] = self.log.at[events]
        self.severity[rows] = severity
        for column in (self.extended, self.floor):
            column[rows] = 0
        self.end[rows] = _NEVER
        self.met[rows] = self.outside[rows] = False
        self.paused_in[rows] = -1

    def pause(
        self, rows: Places, events: Places, reason: npt.NDArray[np.signedinteger[Any]]
    ) -> None:
        """Stop it, where the reason stops it and it has not ended."""
        going = self.running[rows]
        rows, events, reason = rows[going], events[going], reason[going]
        for _, rule, place in self.by_rule(rows):
            place = place[self.stopped_by(rule, reason[place])]
            slot = self.log.slot[events[place]]
            self.taken[slot] = True
            self.stop[slot] = _NEVER
            self.paused_in[rows[place]] = slot

    def stopped_by(self, rule: ClockRule, reason: npt.NDArray[np.signedinteger[Any]]) -> Mask:
        """Whether pauses for some reasons (codes) stop a rule's clock."""
        words = (*self.log.words("reason"), "")  # the code -1 finds the last
        stops: Mask = np.array([rule.pauses or word in rule.pauses_for for word in words])[reason]
        return stops

    def resume(self, rows: Places, at: Instants) -> None:
        """End its pause, where there is one."""
        slot = self.paused_in[rows]
        paused = slot >= 0
        self.stop[slot[paused]] = at[paused]
        self.paused_in[rows] = -1

    def finish(self, rows: Places, at: Instants, met: bool) -> None:
        """End it, where it has not ended; the end also ends a pause."""
        going = self.running[rows]
        rows, at = rows[going], at[going]
        self.resume(rows, at)
        self.end[rows], self.met[rows] = at, met

    def limit(self, rows: Places, policy: int) -> Ticks:
        """The limits in ticks of cases that follow one policy."""
        if policy not in self._limits:
            rule = self.rules[policy]
            owner, steps = self.policies[policy], range(len(rule.extensions) + 1)
            amounts = [[rule.amount(owner, s, n) for s in (*Severity, None)] for n in steps]
            units = rule.units(owner, self.calendar)
            self._limits[policy] = units.ticks_of(rule.unit, np.array(amounts))
        table = self._limits[policy]
        found: Ticks = table[self.extended[rows], self.severity[rows]]
        return np.maximum(found, self.floor[rows])

    def measured(self, rows: Places, at: Instants, policy: int) -> Measured:
        """The time of cases that follow one policy, up to their end or to an instant.

        Cases outside the calendar are marked; their figures mean nothing.
        """
        rule = self.rules[policy]
        units = rule.units(self.policies[policy], self.calendar)
        over = self.end[rows]
        start = units.moments(rule.unit, self.start[rows])
        end = units.moments(rule.unit, np.where(np.isnat(over), at, over))
        self.outside[rows] |= ~(start.covered & end.covered)
        limit = self.limit(rows, policy)
        return measure(units, rule.unit, start, end, limit, list(self._rounds(rows)))

    def breached(self, rows: Places, at: Instants, policy: int) -> Mask:
        """Which cases that follow one policy have used more than their limit by an instant."""
        return self.measured(rows, at, policy).breached

    def timed(self, rows: Places, at: Instants, policy: int) -> tuple[Timed, Places]:
        """The figures of cases that follow one policy and lie in the calendar, and these cases."""
        found = self.measured(rows, at, policy)
        inside = ~self.outside[rows]
        rows = rows[inside]
        ended, met = ~np.isnat(self.end[rows]), self.met[rows]
        return Timed(found.part(inside), ended & met, ended & ~met), rows

    def _rounds(self, rows: Places) -> Iterator[PauseRound]:
        """The pauses of some cases: the first of each, then the second, and so on."""
        if not len(self.taken):
            return
        slot = self.log.slot[self.log.begin[rows]]  # pauses before the start take no time
        last = self.log.slot[self.log.begin[rows + 1]]
        left = np.flatnonzero(slot < last)
        while len(left):
            here = slot[left]
            if (use := self.taken[here]).any():
                yield PauseRound(left[use], self._slot_at[here[use]], self.stop[here[use]])
            slot[left] += 1
            left = left[slot[left] < last[left]]
