"""Replay of a case's event log: every clock that binds, each on its own ruler."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import lru_cache

import attrs
import numpy as np

from bankcrm.calendars import WorkingCalendar, local_day
from bankcrm.complaints.base import complaints_policy
from bankcrm.complaints.clocks.events import CaseEvent, in_place, next_status
from bankcrm.complaints.clocks.rules import ClockRule, clock_rules
from bankcrm.complaints.clocks.state import Clock, ClockState
from bankcrm.complaints.clocks.time_units import TimeUnits, aware, moment
from bankcrm.errors import DataError, IllegalTransitionError
from bankcrm.policy import Policy
from bankcrm.vocabulary import CaseStatus, ClockStateKind, EventKind, Severity

K = EventKind


def replay_clock(
    events: Iterable[CaseEvent],
    *,
    policy: Policy | None = None,
    calendar: WorkingCalendar,
    as_of: dt.datetime,
    after: ClockState | None = None,
) -> ClockState:
    """The state of a case, replayed from its event log; nothing but the log decides.

    Args:
        events: The log in any order; events after ``as_of`` are left out.
        policy: Whose clocks bind from the start (a ``policy_changed`` event brings another).
        calendar: Whose working days count.
        as_of: The instant for which the state is asked.
        after: A state of the same case whose log these events go on from.

    Raises:
        IllegalTransitionError: An event is not allowed where it stands; the reason is told.
        DataError: ``as_of`` has no time zone, or no event lies before it.

    Source: CSC-5, CSC-6, EB-8.

    >>> from bankcrm.calendars import working_calendar
    >>> cn = dt.timezone(dt.timedelta(hours=8))
    >>> log = [CaseEvent(dt.datetime(2024, 9, 27, 10, tzinfo=cn), "received", severity="moderate")]
    >>> state = replay_clock(
    ...     log, calendar=working_calendar("CN"), as_of=dt.datetime(2024, 10, 9, 9, tzinfo=cn))
    >>> answer = state.clock("answer")
    >>> answer.due.isoformat(), answer.elapsed, str(answer.state)
    ('2024-10-10', 4.0, 'at_risk')
    """
    if as_of.tzinfo is None:
        raise DataError(f"as_of: {as_of} has no time zone; give an aware datetime")
    log = in_place([*(after.events if after else ()), *events], as_of)
    if not log:
        raise DataError("events: none up to as_of; a case starts with 'received'")
    case = _Case(complaints_policy(policy), calendar)
    for event in log:
        case.take(event)
    return case.state(log, as_of)


def first_due(
    receipt: CaseEvent, *, policy: Policy, calendar: WorkingCalendar
) -> dict[str, dt.date]:
    """The due day of every clock that a receipt starts, as its replay would tell."""
    case = _Case(policy, calendar)
    case.take(receipt)
    runs = list(case.runs.values())
    units = _units(policy, calendar)
    due: dict[str, dt.date] = {}
    for unit in dict.fromkeys(run.rule.unit for run in runs):
        rules = [run.rule for run in runs if run.rule.unit == unit]
        limits = np.array([rule.amount(policy, case.severity, 0) for rule in rules])
        days = units.due_days(unit, receipt.at, limits).tolist()
        due |= zip((rule.name for rule in rules), days, strict=True)
    return {name: due[name] for name in case.runs}


@attrs.define
class _Run:
    """One clock while the log is replayed."""

    rule: ClockRule
    policy: Policy
    start: dt.datetime
    pauses: list[tuple[dt.datetime, dt.datetime | None]] = attrs.Factory(list)
    extended: int = 0
    end: dt.datetime | None = None
    met: bool = False

    def pause(self, at: dt.datetime) -> None:
        if self.rule.pauses and self.end is None:
            self.pauses.append((at, None))

    def resume(self, at: dt.datetime) -> None:
        if self.pauses and self.pauses[-1][1] is None:
            self.pauses[-1] = (self.pauses[-1][0], at)

    def finish(self, at: dt.datetime, met: bool) -> None:
        if self.end is None:
            self.resume(at)
            self.end, self.met = at, met


@attrs.define
class _Case:
    """A case while its log is replayed."""

    policy: Policy
    calendar: WorkingCalendar
    status: CaseStatus | None = None
    severity: Severity | None = None
    topic: str = ""
    accountable: str = ""
    handler: str = ""
    transfers: int = 0
    merged_into: str = ""
    closed_at: dt.datetime | None = None
    runs: dict[str, _Run] = attrs.Factory(dict)
    past: list[_Run] = attrs.Factory(list)

    def take(self, event: CaseEvent) -> None:
        """Let one event happen."""
        status = next_status(self.status, event)
        self._people(event)
        if event.kind == K.REOPENED:
            self._check_reopening(event)
        if event.kind == K.EXTENDED:
            self._extend(event)
        if event.kind == K.POLICY_CHANGED and event.policy is not None:
            self._change(event.policy, event.at)
        self._clocks(event)
        if status in (CaseStatus.MERGED, CaseStatus.WITHDRAWN):
            self.merged_into = event.to if status == CaseStatus.MERGED else ""
            for run in self.runs.values():
                run.finish(event.at, met=False)
        if status == CaseStatus.CLOSED:
            self.closed_at = event.at
            for run in self.runs.values():
                run.finish(event.at, met=False)
        self.status = status

    def _people(self, event: CaseEvent) -> None:
        if event.kind == K.RECEIVED:
            self.accountable = self.handler = event.by
            self.topic = event.topic
        if event.kind in (K.ASSIGNED, K.TRANSFERRED):
            self.handler = event.to
            self.transfers += event.kind == K.TRANSFERRED
        if event.severity is not None:
            order = list(Severity)
            if self.severity and order.index(event.severity) < order.index(self.severity):
                raise IllegalTransitionError(
                    f"assessed at {event.at.isoformat()}: {event.severity} is milder than "
                    f"{self.severity}; a severity is only ever raised"
                )
            self.severity = event.severity

    def _clocks(self, event: CaseEvent) -> None:
        day = self._day(event.at)
        for rule in _rules(self.policy):
            run = self.runs.get(rule.name)
            if event.kind in rule.restarts and (run is None or run.start != event.at):
                if run is not None:
                    run.finish(event.at, met=False)
                    self.past.append(run)
                if rule.binds(self.topic, day):
                    self.runs[rule.name] = _Run(rule, self.policy, event.at)
            elif event.kind in rule.starts and run is None and rule.binds(self.topic, day):
                self.runs[rule.name] = _Run(rule, self.policy, event.at)
            elif run is not None and event.kind in rule.meets:
                run.finish(event.at, met=True)
            elif run is not None and event.kind == K.PAUSED:
                run.pause(event.at)
            elif run is not None and event.kind == K.RESUMED:
                run.resume(event.at)

    def _day(self, at: dt.datetime) -> dt.date:
        return local_day(at, self.policy.value("time_zone"))

    def _check_reopening(self, event: CaseEvent) -> None:
        days = float(self.policy.value("reopen_within_days"))
        if self.closed_at is not None and event.at - self.closed_at > dt.timedelta(days=days):
            raise IllegalTransitionError(
                f"reopened at {event.at.isoformat()}: the case was closed at "
                f"{self.closed_at.isoformat()}, more than {days:g} days before; "
                "take it in as a new complaint (a repeat)"
            )
        self.closed_at = None

    def _extend(self, event: CaseEvent) -> None:
        """Take the next step of every open clock that can be extended."""
        can = [r for r in self.runs.values() if r.rule.extensions and r.end is None]
        why = "" if can else "no open clock can be extended"
        for run in can:
            if run.extended == len(run.rule.extensions):
                why = f"clock {run.rule.name} has had all of its extensions"
                continue
            step = run.rule.extensions[run.extended]
            if step.approver and not event.approver:
                why = f"step {step.name!r} of clock {run.rule.name} needs an approver"
            elif step.notice and not event.notice:
                why = f"step {step.name!r} of clock {run.rule.name} needs notice to the customer"
            elif event.at >= self._measure(run, event.at).due_at:
                why = f"the time of clock {run.rule.name} was over already"
            else:
                run.extended += 1
                why = ""
        if why:
            raise IllegalTransitionError(f"extended at {event.at.isoformat()}: {why}")

    def _change(self, policy: Policy, at: dt.datetime) -> None:
        """Go on under another policy: what is elapsed stays, on the new policy's ruler."""
        self.policy = policy
        rules = {r.name: r for r in _rules(policy)}
        for name, run in self.runs.items():
            if run.end is not None:
                continue
            if name not in rules:
                run.finish(at, met=False)
                continue
            rule = rules[name]
            was_paused = bool(run.pauses) and run.pauses[-1][1] is None
            if was_paused and not rule.pauses:
                run.resume(at)
            run.rule, run.policy = rule, policy
            run.extended = min(run.extended, len(rule.extensions))
            if self.status == CaseStatus.PAUSED and not was_paused:
                run.pause(at)
        for name, rule in rules.items():
            # A new rule does not reach back: it runs from the change on.
            waits = self.status in (CaseStatus.OPEN, CaseStatus.PAUSED)
            new = name not in self.runs and K.RECEIVED in rule.starts
            if waits and new and rule.binds(self.topic, self._day(at)):
                self.runs[name] = _Run(rule, policy, at)
                if self.status == CaseStatus.PAUSED:
                    self.runs[name].pause(at)

    def _measure(self, run: _Run, as_of: dt.datetime) -> Clock:
        units = _units(run.policy, self.calendar)
        rule = run.rule
        end = run.end or as_of
        stops = [(moment(p), moment(min(r or end, end))) for p, r in run.pauses]
        paused = sum(float(units.elapsed(rule.unit, a, b)[0]) for a, b in stops)
        delay = sum(float(units.delay(rule.unit, a, b)[0]) for a, b in stops)
        start = moment(run.start)
        elapsed = float(units.elapsed(rule.unit, start, moment(end))[0]) - paused
        limit = rule.amount(run.policy, self.severity, run.extended)
        due_at, due, provisional = units.due(rule.unit, start, np.array([limit]), np.array([delay]))
        late = end.timestamp() >= float(due_at.astype(np.int64)[0]) / 1e6
        now_paused = run.end is None and bool(run.pauses) and run.pauses[-1][1] is None
        risk = elapsed >= float(run.policy.value("at_risk_share")) * limit
        return Clock(
            name=rule.name,
            kind=rule.kind,
            unit=rule.unit,
            limit=limit,
            started_at=run.start,
            elapsed=elapsed,
            paused=paused,
            due=due[0].item(),
            due_at=aware(due_at, units.zone)[0].to_pydatetime(),
            state=_state(late, run, now_paused, risk),
            ended_at=run.end,
            extended=run.extended,
            provisional=bool(provisional[0]),
            source=rule.source,
        )

    def state(self, log: tuple[CaseEvent, ...], as_of: dt.datetime) -> ClockState:
        """The state as of an instant."""
        if self.status is None:
            raise DataError("events: none up to as_of; a case starts with 'received'")
        order = {r.name: i for i, r in enumerate(_rules(self.policy))}
        runs = sorted(self.runs.values(), key=lambda r: order.get(r.rule.name, len(order)))
        return ClockState(
            status=self.status,
            severity=self.severity,
            accountable=self.accountable,
            handler=self.handler,
            transfers=self.transfers,
            clocks=tuple(self._measure(r, as_of) for r in runs),
            earlier=tuple(self._measure(r, as_of) for r in self.past),
            merged_into=self.merged_into,
            as_of=as_of,
            events=log,
        )


def _state(late: bool, run: _Run, paused: bool, risk: bool) -> ClockStateKind:
    if late:
        return ClockStateKind.BREACHED
    if run.end is not None:
        return ClockStateKind.MET if run.met else ClockStateKind.STOPPED
    if paused:
        return ClockStateKind.PAUSED
    return ClockStateKind.AT_RISK if risk else ClockStateKind.RUNNING


@lru_cache(maxsize=64)
def _rules(policy: Policy) -> tuple[ClockRule, ...]:
    return clock_rules(policy)


@lru_cache(maxsize=64)
def _units(policy: Policy, calendar: WorkingCalendar) -> TimeUnits:
    return TimeUnits.of(policy, calendar)
