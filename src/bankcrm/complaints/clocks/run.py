"""One clock of a case while its log is replayed."""

from __future__ import annotations

import datetime as dt

import attrs
import numpy as np

from bankcrm.calendars import WorkingCalendar
from bankcrm.complaints.clocks.events import CaseEvent
from bankcrm.complaints.clocks.measure import KINDS_OF_STATE, Measured, PauseRound, measure, states
from bankcrm.complaints.clocks.rules import ClockRule
from bankcrm.complaints.clocks.state import Clock
from bankcrm.complaints.clocks.time_units import DAY_UNITS, HOUR, TimeUnits, aware_one, moment
from bankcrm.policy import Policy
from bankcrm.vocabulary import Severity

_NEVER = np.array(["NaT"], dtype="datetime64[us]")
_ONLY = np.zeros(1, dtype=np.intp)


@attrs.define
class Run:
    """One clock while the log is replayed."""

    rule: ClockRule
    policy: Policy
    calendar: WorkingCalendar
    start: dt.datetime
    severity: Severity | None
    pauses: list[tuple[dt.datetime, dt.datetime | None]] = attrs.Factory(list)
    extended: int = 0
    floor: int = 0  # ticks used when the limit changed: a clock in time then stays in time
    end: dt.datetime | None = None
    met: bool = False
    units: TimeUnits = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.units = self.rule.units(self.policy, self.calendar)

    def follow(self, rule: ClockRule, policy: Policy) -> None:
        """Continue under the rule of another policy."""
        self.rule, self.policy = rule, policy
        self.units = rule.units(policy, self.calendar)
        self.extended = min(self.extended, len(rule.extensions))

    @property
    def limit(self) -> int:
        """The limit in ticks."""
        amount = self.rule.amount(self.policy, self.severity, self.extended)
        return max(int(self.units.ticks_of(self.rule.unit, amount)), self.floor)

    @property
    def paused(self) -> bool:
        """Whether it is paused and has not ended."""
        return self.end is None and bool(self.pauses) and self.pauses[-1][1] is None

    def pause(self, at: dt.datetime, reason: str) -> None:
        """Stop it, if the reason stops it and it has not ended."""
        stops = self.rule.pauses or reason in self.rule.pauses_for
        if stops and self.end is None:
            self.pauses.append((at, None))

    def resume(self, at: dt.datetime) -> None:
        """End its pause, if there is one."""
        if self.pauses and self.pauses[-1][1] is None:
            self.pauses[-1] = (self.pauses[-1][0], at)

    def finish(self, at: dt.datetime, met: bool) -> None:
        """End it, if it has not ended; the end also ends a pause."""
        if self.end is None:
            self.resume(at)
            self.end, self.met = at, met

    def measured(self, as_of: dt.datetime) -> Measured:
        """Its time up to its end, or to an instant."""
        rounds = [
            PauseRound(_ONLY, moment(begin), _NEVER if stop is None else moment(stop))
            for begin, stop in self.pauses
        ]
        units, unit = self.units, self.rule.unit
        start = units.inside(unit, moment(self.start))
        end = units.inside(unit, moment(self.end or as_of))
        return measure(units, unit, start, end, np.array([self.limit]), rounds)

    def breached(self, at: dt.datetime) -> bool:
        """Whether it has used more than its limit by an instant."""
        return bool(self.measured(at).breached[0])

    def clock(self, as_of: dt.datetime) -> Clock:
        """The clock as of an instant."""
        rule, units = self.rule, self.units
        found = self.measured(as_of)
        due_at, due, provisional = units.due(rule.unit, found.last)
        ended = self.end is not None
        code = states(
            found,
            float(self.policy.value("at_risk_share")),
            np.array([ended and self.met]),
            np.array([ended and not self.met]),
        )
        per = 1 if rule.unit in DAY_UNITS else HOUR
        return Clock(
            name=rule.name,
            kind=rule.kind,
            unit=rule.unit,
            limit=int(found.limit[0]) / per,
            started_at=self.start,
            elapsed=float(found.elapsed[0]) / per,
            paused=float(found.paused[0]) / per,
            due=due[0].item(),
            due_at=aware_one(due_at[0], units.zone),
            state=KINDS_OF_STATE[code[0]],
            ended_at=self.end,
            extended=self.extended,
            provisional=bool(provisional[0]),
            source=rule.source,
            confirmation=rule.confirmation(self.policy),
            duty=rule.duty,
        )

    def refusal(self, event: CaseEvent) -> str:
        """Why the clock cannot take its next step of extension; empty if it can."""
        name = self.rule.name
        if self.extended == len(self.rule.extensions):
            return f"clock {name} has had all of its extensions"
        step = self.rule.extensions[self.extended]
        if step.approver and not event.approver:
            return f"step {step.name!r} of clock {name} needs an approver"
        if step.notice and not event.notice:
            return f"step {step.name!r} of clock {name} needs notice to the customer"
        return f"the time of clock {name} was over already" if self.breached(event.at) else ""
