"""Many cases while their event logs are replayed, one event of each at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.calendars import WorkingCalendar, local_day
from bankcrm.complaints.base import Mask, not_stated
from bankcrm.complaints.clocks.cases import clock_columns
from bankcrm.complaints.clocks.clock_table import ClockTable
from bankcrm.complaints.clocks.event_log import CODE, Codes, EventLog, Places
from bankcrm.complaints.clocks.events import MOVES
from bankcrm.complaints.clocks.receipt import KINDS, SEVERITIES, binding, in_force
from bankcrm.complaints.clocks.replay import ENDED
from bankcrm.complaints.clocks.rules import ClockRule, clock_rules
from bankcrm.complaints.clocks.runs import Runs
from bankcrm.complaints.clocks.time_units import Instants, aware
from bankcrm.frames.numbering import categorical
from bankcrm.policy import Policy
from bankcrm.vocabulary import CaseStatus, EventKind, Kind

K = EventKind
STATUSES = tuple(CaseStatus)
_NEVER = np.datetime64("NaT", "us")


def _moves() -> npt.NDArray[np.int8]:
    """The code of the status after each status (the last row: before the first event) and event."""
    table = np.full((len(STATUSES) + 1, len(CODE)), -1, dtype=np.int8)
    for status, moves in MOVES.items():
        row = -1 if status is None else STATUSES.index(status)
        for kind, after in moves.items():
            table[row, CODE[kind]] = STATUSES.index(after)
    return table


_AFTER = _moves()
_ENDED = [STATUSES.index(s) for s in ENDED]
_ANSWERED = [STATUSES.index(s) for s in (CaseStatus.ANSWERED, CaseStatus.CLOSED)]
_WAITING = [STATUSES.index(s) for s in (CaseStatus.OPEN, CaseStatus.PAUSED)]


class ReplayedCases:
    """Many cases while their logs are replayed: the columns of one case's state."""

    def __init__(self, log: EventLog, policies: list[Policy], calendar: WorkingCalendar) -> None:
        size = len(log.ids)
        self.log = log
        self.policies = policies
        self.calendar = calendar
        self.rules = [clock_rules(p) for p in policies]
        names = dict.fromkeys(r.name for rules in self.rules for r in rules)
        by_name = [{r.name: r for r in rules} for rules in self.rules]
        self.runs = {
            name: Runs(
                {i: rules[name] for i, rules in enumerate(by_name) if name in rules},
                policies,
                calendar,
                log,
            )
            for name in names
        }
        self.new_severity = log.codes("severity")
        self.new_policy = log.codes("policy") + 1
        self.reasons = log.codes("reason")
        self.refused = np.full(size, -1, dtype=np.intp)  # the event that is not allowed
        self.status = np.full(size, -1, dtype=np.int8)
        self.severity = np.full(size, -1, dtype=np.int8)
        self.policy = np.zeros(size, dtype=np.int8)
        self.handed = np.full(size, -1, dtype=np.intp)  # the event that gave it to its handler
        self.transfers = np.zeros(size, dtype=np.int64)
        self.closed_at: Instants = np.full(size, _NEVER)
        self.reason = np.zeros(
            size, dtype=self.reasons.dtype
        )  # of the last pause, if there was one
        self.earlier = np.zeros(size, dtype=np.int64)
        self.earlier_breached = np.zeros(size, dtype=np.int64)
        received = log.begin[:-1]
        stated = KINDS.index(not_stated(Kind, policies[0]))
        message = log.codes("message")[received]
        self.message = np.where(message < 0, stated, message)
        topics = ["", *log.words("topic")]
        self.topic = pd.Series(categorical(log.codes("topic")[received] + 1, topics))

    def take(self, cases: Places, events: Places) -> None:
        """Apply one event of each of some cases."""
        after = _AFTER[self.status[cases], self.log.kind[events]]
        self.refuse(cases[after < 0], events[after < 0])
        for code, kind in enumerate(EventKind):
            own = (after >= 0) & (self.log.kind[events] == code)
            if own.any():
                self._take(kind, cases[own], events[own], after[own])

    def refuse(self, cases: Places, events: Places) -> None:
        """Mark cases by an event that is not allowed; the first one counts."""
        new = self.refused[cases] < 0
        self.refused[cases[new]] = events[new]

    def _take(self, kind: EventKind, cases: Places, events: Places, after: Codes) -> None:
        """Apply events of one kind."""
        at = self.log.at[events]
        if kind in (K.ASSIGNED, K.TRANSFERRED):
            self.handed[cases] = events
            self.transfers[cases] += kind == K.TRANSFERRED
        if kind == K.PAUSED:
            self.reason[cases] = self.reasons[events]
        assessed = self.new_severity[events] >= 0
        if assessed.any():
            self._assess(cases[assessed], events[assessed])
        if kind == K.REOPENED:
            self._check_reopening(cases, events)
        if kind == K.EXTENDED:
            self._extend(cases, events)
        if kind == K.POLICY_CHANGED:
            self._change(cases, events)
        for number, place in self._by_policy(cases):
            for rule in self.rules[number]:
                self._clock(kind, rule, number, cases[place], events[place])
        over = np.isin(after, _ENDED) & (after != self.status[cases])
        if over.any():
            ended = cases[over]
            self.closed_at[ended] = at[over] if kind == K.CLOSED else _NEVER
            for runs in self.runs.values():
                runs.finish(ended, at[over], met=False)
        self.status[cases] = after

    def _by_policy(self, cases: Places) -> Iterator[tuple[int, Places]]:
        """The places of cases among some, by the number of their policy."""
        followed = self.policy[cases]
        for number in range(len(self.policies)):
            if len(place := np.flatnonzero(followed == number)):
                yield number, place

    def _assess(self, cases: Places, events: Places) -> None:
        """Give every open clock the limit of a new severity, and keep the previous clock."""
        at, severity = self.log.at[events], self.new_severity[events]
        self.refuse(cases[severity < self.severity[cases]], events[severity < self.severity[cases]])
        self.severity[cases] = severity
        for runs in self.runs.values():
            running = np.flatnonzero(runs.running[cases])
            for number, rule, place in runs.by_rule(cases[running]):
                if not rule.limits:
                    continue
                own = running[place]
                found = runs.measured(cases[own], at[own], number)
                own, used = own[~found.breached], found.elapsed[~found.breached]
                rows = cases[own]
                before = runs.limit(rows, number)
                runs.severity[rows] = severity[own]
                runs.floor[rows] = used
                self.earlier[rows] += runs.limit(rows, number) != before

    def _check_reopening(self, cases: Places, events: Places) -> None:
        closed = ~np.isnat(self.closed_at[cases])
        for number, place in self._by_policy(cases[closed]):
            rows, which = cases[closed][place], events[closed][place]
            policy = self.policies[number]
            days = np.timedelta64(int(policy.value("reopen_within_days")), "D")
            last = self._local_day(self.closed_at[rows], policy.value("time_zone")) + days
            late = self._local_day(self.log.at[which], policy.value("time_zone")) > last
            self.refuse(rows[late], which[late])
        self.closed_at[cases] = _NEVER

    def _local_day(self, instants: Instants, zone: str) -> npt.NDArray[np.datetime64]:
        return local_day(aware(instants, "UTC"), zone)

    def _extend(self, cases: Places, events: Places) -> None:
        """Take the next step of every open clock that has one; refuse cases in which none has."""
        at = self.log.at[events]
        approved, notified = self.log.stated("approver")[events], self.log.stated("notice")[events]
        taken = np.zeros(len(cases), dtype=np.bool_)
        unsure = np.zeros(len(cases), dtype=np.bool_)
        for runs in self.runs.values():
            running = np.flatnonzero(runs.running[cases])
            for number, rule, place in runs.by_rule(cases[running]):
                own = running[place]
                steps = runs.extended[cases[own]]
                for step, extension in enumerate(rule.extensions):
                    can = steps == step
                    can &= approved[own] | (not extension.approver)
                    can &= notified[own] | (not extension.notice)
                    some = own[can]
                    some = some[~runs.breached(cases[some], at[some], number)]
                    taken[some] = True
                    runs.extended[cases[some]] += 1
            unsure |= runs.outside[cases]
        refused = ~taken & ~unsure
        self.refuse(cases[refused], events[refused])

    def _change(self, cases: Places, events: Places) -> None:
        """Continue under another policy: elapsed time is kept, in the unit of the new policy."""
        self.policy[cases] = self.new_policy[events]
        waits = np.isin(self.status[cases], _WAITING)
        for number, place in self._by_policy(cases):
            rows, which = cases[place], events[place]
            rules = {r.name: r for r in self.rules[number]}
            for name, runs in self.runs.items():
                running = np.flatnonzero(runs.running[rows])
                if name not in rules:
                    runs.finish(rows[running], self.log.at[which[running]], met=False)
                    continue
                for old, _, some in runs.by_rule(rows[running]):
                    own = running[some]
                    own = own[~runs.breached(rows[own], self.log.at[which[own]], old)]
                    self._adopt(runs, number, rows[own], which[own])
            for name, rule in rules.items():
                # A new rule is not retroactive: it runs from the change on.
                runs = self.runs[name]
                new = place[waits[place] & ~runs.started[rows]]
                if len(new) and K.RECEIVED in rule.starts:
                    self._start(rule, number, cases[new], events[new])
                    paused = new[runs.started[cases[new]] & self._paused(cases[new])]
                    runs.pause(cases[paused], events[paused], self.reason[cases[paused]])

    def _paused(self, cases: Places) -> Mask:
        paused: Mask = self.status[cases] == STATUSES.index(CaseStatus.PAUSED)
        return paused

    def _adopt(self, runs: Runs, number: int, cases: Places, events: Places) -> None:
        """Continue running clocks under the rule of another policy."""
        rule, at = runs.rules[number], self.log.at[events]
        was_paused = runs.paused_in[cases] >= 0
        runs.policy[cases] = number
        runs.extended[cases] = np.minimum(runs.extended[cases], len(rule.extensions))
        keeps = runs.stopped_by(rule, self.reason[cases])
        ends = was_paused & ~keeps
        runs.resume(cases[ends], at[ends])
        pauses = self._paused(cases) & ~was_paused
        runs.pause(cases[pauses], events[pauses], self.reason[cases[pauses]])
        runs.floor[cases] = runs.measured(cases, at, number).elapsed

    def _clock(
        self, kind: EventKind, rule: ClockRule, number: int, cases: Places, events: Places
    ) -> None:
        """What events of one kind do to one clock."""
        runs = self.runs[rule.name]
        started = runs.started[cases]
        if kind in rule.restarts:
            again = ~started | (runs.start[cases] != self.log.at[events])
            replaced = again & started
            runs.finish(cases[replaced], self.log.at[events[replaced]], met=False)
            self._keep(runs, cases[replaced], self.log.at[events[replaced]])
            self._start(rule, number, cases[again], events[again])
            return
        if kind in rule.starts:
            self._start(rule, number, cases[~started], events[~started])
        cases, events = cases[started], events[started]
        if kind in rule.meets:
            runs.finish(cases, self.log.at[events], met=True)
        elif kind == K.PAUSED:
            runs.pause(cases, events, self.reasons[events])
        elif kind == K.RESUMED:
            runs.resume(cases, self.log.at[events])

    def _start(self, rule: ClockRule, number: int, cases: Places, events: Places) -> None:
        if not len(cases):
            return
        topic = self.topic.iloc[cases] if rule.topics or rule.not_topics else None
        bound = binding(rule, self.message[cases], topic, len(cases))
        if rule.dated:
            day = self._local_day(self.log.at[events], rule.zone(self.policies[number]))
            bound &= in_force(rule, day)
        if not bound.all():
            cases, events = cases[bound], events[bound]
        self.runs[rule.name].begin(cases, events, number, self.severity[cases])

    def _keep(self, runs: Runs, cases: Places, at: Instants) -> None:
        """Count clocks that another one replaces."""
        self.earlier[cases] += 1
        for number, _, place in runs.by_rule(cases):
            rows = cases[place]
            self.earlier_breached[rows] += runs.breached(rows, at[place], number)

    def frame(self, as_of: dt.datetime) -> pd.DataFrame:
        """The states as of an instant."""
        first, last = self.log.begin[:-1], self.log.begin[1:] - 1
        accountable = self.log.texts("by", first)
        given = self.log.texts("to", self.handed)
        merged = self.status == STATUSES.index(CaseStatus.MERGED)
        result = pd.DataFrame(
            {
                "status": categorical(self.status, STATUSES),
                "severity": categorical(self.severity, SEVERITIES),
                "accountable": accountable,
                "handler": np.where(self.handed < 0, accountable, given),
                "merged_into": self.log.texts("to", np.where(merged, last, -1)),
                "transfers": self.transfers,
                "earlier": self.earlier,
                "earlier_breached": self.earlier_breached,
            },
            index=self.log.ids.rename("complaint_id"),
        )
        return pd.concat([result, pd.DataFrame(self._clocks(as_of), index=result.index)], axis=1)

    def _clocks(self, as_of: dt.datetime) -> dict[str, object]:
        """The columns of the clocks as of an instant."""
        now = np.datetime64(as_of.astimezone(dt.UTC).replace(tzinfo=None), "us")
        answered = np.isin(self.status, _ANSWERED)
        table = ClockTable(len(answered), list(self.runs))
        for runs in self.runs.values():
            for number, rule in runs.rules.items():
                rows = np.flatnonzero(runs.policy == number)
                timed, inside = runs.timed(rows, np.full(len(rows), now), number)
                units = rule.units(self.policies[number], self.calendar)
                began = runs.policy == number
                columns = clock_columns(rule, self.policies[number], units, timed, inside, began)
                table.add(rule, columns, answered)
        return table.columns()
