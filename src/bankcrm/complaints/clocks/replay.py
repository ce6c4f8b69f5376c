"""Replay of a case's event log: every clock that binds, each in its own unit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import attrs

from bankcrm.arguments import as_kind
from bankcrm.calendars import WorkingCalendar, local_day
from bankcrm.calendars.countries import given_calendar
from bankcrm.complaints.base import complaints_policy, not_stated, zoned
from bankcrm.complaints.clocks.events import CaseEvent, in_place, next_status
from bankcrm.complaints.clocks.rules import ClockRule, clock_rules
from bankcrm.complaints.clocks.run import Run
from bankcrm.complaints.clocks.state import Clock, ClockState
from bankcrm.errors import DataError, IllegalTransitionError
from bankcrm.policy import Policy
from bankcrm.vocabulary import CaseStatus, EventKind, Kind, Severity

K = EventKind
ENDED = (CaseStatus.MERGED, CaseStatus.WITHDRAWN, CaseStatus.CLOSED)
"""Statuses in which no clock runs."""


def replay_clock(
    events: Iterable[CaseEvent],
    *,
    policy: Policy | None = None,
    calendar: WorkingCalendar | str,
    as_of: dt.datetime,
    after: ClockState | None = None,
) -> ClockState:
    """The state of a case, replayed from its event log.

    A clock is breached if and only if it has used more than its limit. A breach is final: later
    events change neither its due day nor its state. A new severity gives a clock that is not
    breached a new limit from then on; ``earlier`` keeps the previous clock. A shorter limit never
    causes a breach for days that passed before it: the case is then due on the day of the
    assessment.

    Args:
        events: The log in any order; events after ``as_of`` are left out.
        policy: The policy whose clocks bind from the start (a ``policy_changed`` event
            replaces it).
        calendar: The calendar whose working days count, or its country, such as ``CN``.
        as_of: The instant of the requested state.
        after: An earlier state of the same case; the events continue its log.

    Raises:
        IllegalTransitionError: An event is not allowed at its place in the log; the error
            gives the reason.
        DataError: ``as_of`` has no time zone, or there is no event up to it.
        CalendarError: The case lies outside the calendar.

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
    calendar = given_calendar(calendar)
    as_of = zoned(as_of)
    if after is not None:
        as_kind(after, ClockState, "after", "give an earlier result of replay_clock")
    log = in_place([*(after.events if after else ()), *events], as_of)
    if not log:
        raise DataError("events: none up to as_of; a case starts with 'received'")
    case = _Case(complaints_policy(policy), calendar)
    for event in log:
        case.take(event)
    return case.state(log, as_of)


@attrs.define
class _Case:
    """A case while its log is replayed."""

    policy: Policy
    calendar: WorkingCalendar
    status: CaseStatus | None = None
    message: Kind = Kind.COMPLAINT
    severity: Severity | None = None
    topic: str = ""
    accountable: str = ""
    handler: str = ""
    transfers: int = 0
    merged_into: str = ""
    closed_at: dt.datetime | None = None
    reason: str = ""  # of the last pause
    runs: dict[str, Run] = attrs.Factory(dict)
    past: list[Clock] = attrs.Factory(list)

    def take(self, event: CaseEvent) -> None:
        """Apply one event."""
        status = next_status(self.status, event)
        self._people(event)
        self.reason = event.reason if event.kind == K.PAUSED else self.reason
        if event.severity is not None:
            self._assess(event.severity, event.at)
        if event.kind == K.REOPENED:
            self._check_reopening(event)
        if event.kind == K.EXTENDED:
            self._extend(event)
        if event.kind == K.POLICY_CHANGED and event.policy is not None:
            self._change(event.policy, event.at)
        self._clocks(event)
        if status != self.status and status in ENDED:
            self.merged_into = event.to if status == CaseStatus.MERGED else ""
            self.closed_at = event.at if status == CaseStatus.CLOSED else None
            for run in self.runs.values():
                run.finish(event.at, met=False)
        self.status = status

    def _people(self, event: CaseEvent) -> None:
        if event.kind == K.RECEIVED:
            self.accountable = self.handler = event.by
            self.topic = event.topic
            self.message = event.message or not_stated(Kind, self.policy)
        if event.kind in (K.ASSIGNED, K.TRANSFERRED):
            self.handler = event.to
            self.transfers += event.kind == K.TRANSFERRED

    def _assess(self, severity: Severity, at: dt.datetime) -> None:
        """Give every open clock the limit of a new severity, and keep the previous clock."""
        order = list(Severity)
        if self.severity and order.index(severity) < order.index(self.severity):
            raise IllegalTransitionError(
                f"assessed at {at.isoformat()}: {severity} is milder than "
                f"{self.severity}; a severity can only be raised"
            )
        self.severity = severity
        for run in self.runs.values():
            if run.end is not None or not run.rule.limits or run.breached(at):
                continue  # a clock that ended or is breached does not change
            before, used = run.limit, int(run.measured(at).elapsed[0])
            earlier = attrs.evolve(run, pauses=[*run.pauses])
            run.severity, run.floor = severity, used
            if run.limit != before:
                earlier.finish(at, met=False)
                self.past.append(earlier.clock(at))

    def _clocks(self, event: CaseEvent) -> None:
        for rule in clock_rules(self.policy):
            run = self.runs.get(rule.name)
            if event.kind in rule.restarts:
                if run is not None and run.start == event.at:
                    continue
                if run is not None:
                    run.finish(event.at, met=False)
                    self.past.append(run.clock(event.at))
                self._start(rule, event.at)
            elif event.kind in rule.starts and run is None:
                self._start(rule, event.at)
            elif run is not None and event.kind in rule.meets:
                run.finish(event.at, met=True)
            elif run is not None and event.kind == K.PAUSED:
                run.pause(event.at, event.reason)
            elif run is not None and event.kind == K.RESUMED:
                run.resume(event.at)

    def _start(self, rule: ClockRule, at: dt.datetime) -> None:
        if rule.binds(self.message, self.topic, at, self.policy):
            self.runs[rule.name] = Run(rule, self.policy, self.calendar, at, self.severity)

    def _check_reopening(self, event: CaseEvent) -> None:
        days = int(self.policy.value("reopen_within_days"))
        zone = self.policy.value("time_zone")
        if self.closed_at is not None:
            last = local_day(self.closed_at, zone) + dt.timedelta(days=days)
            if local_day(event.at, zone) > last:
                raise IllegalTransitionError(
                    f"reopened at {event.at.isoformat()}: the case was closed at "
                    f"{self.closed_at.isoformat()}, more than {days:g} days before; "
                    "take it in as a new complaint (a repeat)"
                )
        self.closed_at = None

    def _extend(self, event: CaseEvent) -> None:
        """Take the next step of every open clock that has one; raise an error if none has."""
        can = [r for r in self.runs.values() if r.rule.extensions and r.end is None]
        reasons = {run.rule.name: run.refusal(event) for run in can}
        taken = [run for run in can if not reasons[run.rule.name]]
        for run in taken:
            run.extended += 1
        if not taken:
            why = "; ".join(reasons[name] for name in sorted(reasons))
            raise IllegalTransitionError(
                f"extended at {event.at.isoformat()}: {why or 'no open clock can be extended'}"
            )

    def _change(self, policy: Policy, at: dt.datetime) -> None:
        """Continue under another policy: elapsed time is kept, in the unit of the new policy."""
        self.policy = policy
        rules = {r.name: r for r in clock_rules(policy)}
        for name, run in self.runs.items():
            if run.end is not None:
                continue
            if name not in rules:
                run.finish(at, met=False)
            elif not run.breached(at):
                self._adopt(run, rules[name], at)
        for name, rule in rules.items():
            # A new rule is not retroactive: it runs from the change on.
            waits = self.status in (CaseStatus.OPEN, CaseStatus.PAUSED)
            if waits and name not in self.runs and K.RECEIVED in rule.starts:
                self._start(rule, at)
                if self.status == CaseStatus.PAUSED and name in self.runs:
                    self.runs[name].pause(at, self.reason)

    def _adopt(self, run: Run, rule: ClockRule, at: dt.datetime) -> None:
        """Continue a running clock under the rule of another policy."""
        was_paused = run.paused
        if was_paused and not (rule.pauses or self.reason in rule.pauses_for):
            run.resume(at)
        run.follow(rule, self.policy)
        if self.status == CaseStatus.PAUSED and not was_paused:
            run.pause(at, self.reason)
        run.floor = int(run.measured(at).elapsed[0])

    def state(self, log: tuple[CaseEvent, ...], as_of: dt.datetime) -> ClockState:
        """The state as of an instant."""
        if self.status is None:
            raise DataError("events: none up to as_of; a case starts with 'received'")
        order = {r.name: i for i, r in enumerate(clock_rules(self.policy))}
        runs = sorted(self.runs.values(), key=lambda r: order.get(r.rule.name, len(order)))
        return ClockState(
            status=self.status,
            severity=self.severity,
            accountable=self.accountable,
            handler=self.handler,
            transfers=self.transfers,
            clocks=tuple(r.clock(as_of) for r in runs),
            earlier=tuple(self.past),
            merged_into=self.merged_into,
            as_of=as_of,
            events=log,
        )
