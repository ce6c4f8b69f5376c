"""A case as of an instant: its status, people and clocks."""

from __future__ import annotations

import datetime as dt

import attrs

from bankcrm._display import card, figures_of, line
from bankcrm.complaints.clocks.events import CaseEvent
from bankcrm.errors import DataError
from bankcrm.vocabulary import CaseStatus, ClockStateKind, Severity


@attrs.frozen
class Clock:
    """One clock of a case, as of an instant.

    Attributes:
        name: The rule's name.
        kind: ``acknowledge``, ``answer``, ``regulator`` or ``review``.
        unit: What ``limit``, ``elapsed`` and ``paused`` count.
        limit: How long it may run, extensions included.
        started_at: When it started.
        elapsed: Time used, without pauses.
        paused: Time of the pauses.
        due: The bank's day by which it must be met.
        due_at: The end of the time: in days the first instant that is too late, in hours the
            last instant in time.
        state: The state of the clock.
        ended_at: When it was met, stopped or replaced; None while it runs.
        extended: Number of extensions.
        provisional: The due day depends on days that no official notice covers yet.
        source: The rule behind it.
        confirmation: How its figures were checked: ``primary``, ``secondary``, ``unconfirmed``, or
            empty where there is nothing to check.
        duty: Whether missing it breaks the rule.
    """

    name: str
    kind: str
    unit: str
    limit: float
    started_at: dt.datetime
    elapsed: float
    paused: float
    due: dt.date
    due_at: dt.datetime
    state: ClockStateKind
    ended_at: dt.datetime | None
    extended: int
    provisional: bool
    source: str
    confirmation: str = ""
    duty: bool = True

    @property
    def open(self) -> bool:
        """Whether it has not ended."""
        return self.ended_at is None


@attrs.frozen
class ClockState:
    """A case as of an instant: its status, people and clocks.

    Attributes:
        status: The status of the case.
        severity: The last assessed severity; it can only rise.
        accountable: The person asked first, regardless of transfers (EB-8).
        handler: Who has the case now.
        transfers: Number of transfers.
        clocks: The present clocks, in the policy's order.
        earlier: Clocks before a re-opening, new facts or a new severity.
        merged_into: The case into which it was merged.
        as_of: The instant of the state.
        events: The log, in order of time.
    """

    status: CaseStatus
    severity: Severity | None
    accountable: str
    handler: str
    transfers: int
    clocks: tuple[Clock, ...]
    earlier: tuple[Clock, ...]
    merged_into: str
    as_of: dt.datetime
    events: tuple[CaseEvent, ...] = attrs.field(repr=False)

    def __repr__(self) -> str:
        """Without the names of staff."""
        return line("ClockState", figures_of(self, "status", "severity", "as_of", "due"))

    def __str__(self) -> str:
        lines = [f"{self.status} as of {self.as_of}, severity {self.severity or 'not assessed'}"]
        lines += [
            f"  {c.name}: {c.state}, {c.elapsed:g} of {c.limit:g} {c.unit}, due {c.due}"
            for c in self.clocks
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        names = ("as_of", "severity", "transfers", "due", "merged_into")
        clocks = (
            "name",
            "state",
            "elapsed",
            "limit",
            "unit",
            "paused",
            "due",
            "extended",
            "source",
            "confirmation",
        )
        rows = [figures_of(c, *clocks) for c in self.clocks]
        return card(f"Case {self.status}", figures_of(self, *names), rows=rows)

    @property
    def due_at(self) -> dt.datetime | None:
        """The earliest instant at which an open clock that is a duty ends; None if none is open."""
        return min((c.due_at for c in self.clocks if c.open and c.duty), default=None)

    @property
    def due(self) -> dt.date | None:
        """The due day of the open clock that ends first; for an answered case, the day it was due.

        Clocks that are no duty do not count. None if a case ended without an answer, or if a letter
        that explains the delay met its clocks.
        """
        waiting = [c for c in self.clocks if c.open and c.duty]
        if not waiting and self.status in (CaseStatus.ANSWERED, CaseStatus.CLOSED):
            waiting = [c for c in self.clocks if c.duty and c.kind in ("answer", "regulator")]
        first = min(waiting, key=lambda c: c.due_at, default=None)
        return None if first is None else first.due

    def clock(self, name: str) -> Clock:
        """The present clock with this name."""
        for clock in self.clocks:
            if clock.name == name:
                return clock
        raise DataError(f"no clock {name!r}; running: {', '.join(c.name for c in self.clocks)}")
