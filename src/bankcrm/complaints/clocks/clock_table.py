"""The clocks of many cases as columns of a frame, and the due day of each case."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bankcrm.complaints.base import Mask
from bankcrm.complaints.clocks.cases import ClockColumns
from bankcrm.complaints.clocks.measure import STATES
from bankcrm.complaints.clocks.rules import ClockRule
from bankcrm.frames.numbering import categorical
from bankcrm.vocabulary import ClockStateKind

# How bad each state is, in the order of the vocabulary; the last entry stands for "no clock".
_RANK = np.array([2, 4, 3, 5, 1, 0, -1], dtype=np.int8)
_BREACHED = STATES.index(ClockStateKind.BREACHED.value)
_NAT = np.datetime64("NaT", "us")


class ClockTable:
    """The clocks of many cases, added one after the other.

    Args:
        rows: How many cases.
        names: The names of the clocks, in order.
    """

    def __init__(self, rows: int, names: Sequence[str]) -> None:
        self._names = list(names)
        self._clocks: dict[str, ClockColumns] = {}
        self._first = np.full(rows, np.datetime64("9999-12-31", "us"))
        self._first_clock = np.full(rows, -1, dtype=np.int8)
        self._due = np.full(rows, np.datetime64("NaT", "D"))
        self._worst = np.full(rows, -1, dtype=np.int8)
        self._answered_due = self._due.copy()
        self._used = np.full(rows, np.nan)
        self._breached = np.zeros(rows, dtype=np.bool_)
        self._provisional = np.zeros(rows, dtype=np.bool_)
        self._outside = np.zeros(rows, dtype=np.bool_)

    def add(self, rule: ClockRule, clock: ClockColumns, answered: Mask) -> None:
        """Add a clock.

        Args:
            rule: Its rule.
            clock: Its columns; a clock with a name that is there already fills the rows that have
                none yet.
            answered: The answered cases.
        """
        known = self._clocks.get(rule.name)
        self._clocks[rule.name] = clock if known is None else known.filled(clock)
        self._provisional |= clock.provisional
        self._outside |= clock.outside
        if not rule.duty:
            return  # missing an optional time breaks no rule, so it sets neither due nor breach
        earlier = clock.open & (clock.due_at < self._first)
        self._first[earlier] = clock.due_at[earlier]
        self._first_clock[earlier] = self._names.index(rule.name)
        self._due[earlier] = clock.day[earlier]
        if rule.answers:
            by = np.where(answered, clock.day, np.datetime64("NaT", "D"))
            self._answered_due = np.fmin(self._answered_due, by)
        self._used = np.where(clock.open, np.fmax(self._used, clock.used), self._used)
        self._breached |= clock.open & (clock.state == _BREACHED)
        worse = _RANK[clock.state] > _RANK[self._worst]
        self._worst = np.where(worse, clock.state, self._worst)

    def columns(self) -> dict[str, object]:
        """The columns of every clock, then those of each case; see `deadlines`."""
        made: dict[str, object] = {}
        for name in self._names:
            clock = self._clocks[name]
            made[f"{name}_due"] = clock.day.astype("datetime64[s]")
            made[f"{name}_elapsed"] = clock.elapsed
            made[f"{name}_state"] = categorical(clock.state, STATES)
        due = np.where(self._first_clock < 0, self._answered_due, self._due)
        return {
            **made,
            "due": due.astype("datetime64[s]"),
            "clock": categorical(self._first_clock, self._names),
            "used": self._used,
            "breached": self._breached,
            "state": categorical(self._worst, STATES),
            "provisional": self._provisional,
            "outside_calendar": self._outside,
        }
