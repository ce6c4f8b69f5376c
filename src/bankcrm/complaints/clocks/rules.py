"""Clock rules: start, end, limit and extensions of a clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import attrs

from bankcrm.arguments import one_of
from bankcrm.calendars import WorkingCalendar, local_day
from bankcrm.complaints.base import not_stated
from bankcrm.complaints.clocks.time_units import UNITS, TimeUnits, units_of
from bankcrm.complaints.routes import routes_of
from bankcrm.errors import PolicyError
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.rules.values import frozen_dict
from bankcrm.vocabulary import EventKind, Kind, Severity, word

CLOCK_KINDS = ("acknowledge", "inform", "answer", "regulator", "review")
ANSWERS = ("answer", "regulator")
"""Kinds of clocks that an answer meets; the earliest gives the due day of the answer."""

MARKS = ("primary", "secondary", "", "unconfirmed")
"""How a figure was checked, best first; see `bankcrm.rules.Parameter`."""


@attrs.frozen
class Extension:
    """One step by which a clock may be extended.

    Attributes:
        name: The name of the step.
        limit: Name of the parameter with the new limit, counted from the clock's start.
        approver: Whether someone senior must approve it.
        notice: Whether the customer must be informed.
    """

    name: str
    limit: str
    approver: bool = False
    notice: bool = False


def _events(names: Any) -> tuple[EventKind, ...]:
    return tuple(word(EventKind, n) for n in names)


def _kinds(names: Any) -> tuple[Kind, ...]:
    return tuple(word(Kind, n) for n in names)


@attrs.frozen
class ClockRule:
    """One clock of a policy.

    Attributes:
        name: The clock's name, unique in a policy.
        kind: ``acknowledge``, ``inform``, ``answer``, ``regulator`` or ``review``.
        unit: ``working_days``, ``calendar_days``, ``hours`` or ``working_hours``.
        limit: Name of the parameter with its limit.
        limits: Severity to name of the parameter, where the limit depends on it.
        starts: Events that start it; only the first counts.
        restarts: Events that restart it.
        meets: Events that meet it.
        pauses: Whether every pause stops it.
        pauses_for: The only reasons for which a pause stops it, such as ``appraisal``.
        kinds: The only kinds of message that it binds; empty for all.
        topics: The only topics that it binds; empty for all.
        not_topics: Topics that it does not bind.
        since: The first day on which it can start; None without one.
        until: The last day on which it can start; None without one.
        closing_hour: Name of the parameter with the local hour at which its last day ends; empty
            for the end of the day.
        duty: Whether missing it breaks the rule; false for an optional time.
        extensions: Steps by which it may be extended, in order.
        source: The rule behind it.
        note: A remark for readers.
        time_zone: Its own time zone; empty for the policy's.
        cutoff_hour: Its own cut-off hour; None for the policy's.
        working_hours: Its own working hours; empty for the policy's.
    """

    name: str
    kind: str = attrs.field(validator=one_of(*CLOCK_KINDS))
    unit: str = attrs.field(validator=one_of(*UNITS))
    limit: str = ""
    limits: Mapping[str, str] = attrs.field(factory=dict, converter=frozen_dict)
    starts: tuple[EventKind, ...] = attrs.field(default=(EventKind.RECEIVED,), converter=_events)
    restarts: tuple[EventKind, ...] = attrs.field(default=(), converter=_events)
    meets: tuple[EventKind, ...] = attrs.field(default=(EventKind.RESPONDED,), converter=_events)
    pauses: bool = False
    pauses_for: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = attrs.field(default=(), converter=_kinds)
    topics: tuple[str, ...] = ()
    not_topics: tuple[str, ...] = ()
    since: dt.date | None = None
    until: dt.date | None = None
    closing_hour: str = ""
    duty: bool = True
    extensions: tuple[Extension, ...] = ()
    source: str = "default"
    note: str = ""
    time_zone: str = ""
    cutoff_hour: float | None = None
    working_hours: tuple[str, ...] = ()

    @property
    def answers(self) -> bool:
        """Whether it sets the day by which the customer must be answered."""
        return self.duty and self.kind in ANSWERS

    @property
    def dated(self) -> bool:
        """Whether it is in force on some days alone."""
        return bool(self.since or self.until)

    def binds(self, kind: Kind, topic: str, at: dt.datetime, policy: Policy) -> bool:
        """Whether the clock can start at an instant for a message of a kind about a topic."""
        if self.kinds and kind not in self.kinds:
            return False
        if topic in self.not_topics or (self.topics and topic not in self.topics):
            return False
        if not self.dated:
            return True
        day = local_day(at, self.zone(policy))
        return not ((self.since and day < self.since) or (self.until and day > self.until))

    def zone(self, policy: Policy) -> str:
        """The time zone of its days."""
        return self.time_zone or str(policy.value("time_zone"))

    def amount(self, policy: Policy, severity: Severity | None, extended: int = 0) -> float:
        """The limit in the clock's unit, for a severity and a number of extensions."""
        name = self.limit
        if extended:
            name = self.extensions[extended - 1].limit
        elif self.limits:
            name = self.limits[severity or not_stated(Severity, policy)]
        return float(policy.value(name))

    def units(self, policy: Policy, calendar: WorkingCalendar) -> TimeUnits:
        """The units in which it is measured."""
        cutoff = policy.value("cutoff_hour") if self.cutoff_hour is None else self.cutoff_hour
        return units_of(
            calendar,
            self.zone(policy),
            float(cutoff),
            self.working_hours or tuple(policy.value("working_hours")),
            float(policy.value(self.closing_hour)) if self.closing_hour else None,
        )

    def figures(self) -> tuple[str, ...]:
        """The names of the parameters that it reads."""
        named = list(self.limits.values()) if self.limits else [self.limit]
        named += [e.limit for e in self.extensions]
        return (*named, self.closing_hour) if self.closing_hour else tuple(named)

    def confirmation(self, policy: Policy) -> str:
        """The weakest mark of its figures; see `bankcrm.rules.Parameter`."""
        marks = [policy.parameter(n).confirmation for n in self.figures()]
        return max(marks, key=MARKS.index)


@lru_cache
def clock_rules(policy: Policy) -> tuple[ClockRule, ...]:
    """The clocks of a policy.

    If no clock of a policy covers the answer to a consultation or a suggestion, the days of its
    route give one, such as ``route_consultation``.

    Raises:
        PolicyError: A rule names a parameter that does not exist, or lacks a severity's limit.
    """
    rules = policy.records("clocks", ClockRule)
    faults = [fault for rule in rules for fault in _faults(rule, policy)]
    names = [r.name for r in rules]
    faults += [
        f"records.clocks[{n}]: twice" for n in sorted({n for n in names if names.count(n) > 1})
    ]
    if faults:
        raise PolicyError(faults)
    return (*rules, *_of_routes(rules, policy))


def _faults(rule: ClockRule, policy: Policy) -> Iterator[str]:
    path = f"records.clocks[{rule.name}]"
    for name in rule.figures():
        if not policy.has_parameter(name):
            yield f"{path}: no parameter {name!r}"
    if rule.limits and set(rule.limits) != {s.value for s in Severity}:
        yield f"{path}.limits: give one for every severity"


def _of_routes(rules: tuple[ClockRule, ...], policy: Policy) -> Iterator[ClockRule]:
    """Clocks from the days of routes, for the kinds that no answering clock binds."""
    if "route" not in policy.tables or "routes" not in policy.raw_records:
        return
    routes = routes_of(policy)
    for kind in Kind:
        if any(r.answers and (not r.kinds or kind in r.kinds) for r in rules):
            continue
        facts = {"kind": kind.value, "severity": None}
        decided = policy.table("route").decide(facts, on_missing="undecided")
        if decided.outcome is None:
            continue
        route = routes[decided.outcome]
        yield ClockRule(
            name=f"route_{kind.value}",
            kind="answer",
            unit="working_days",
            limit=route.days,
            kinds=(kind,),
            pauses=True,
            source=route.source,
        )


GENERAL = (
    "at_risk_share",
    "cutoff_hour",
    "reopen_within_days",
    "time_zone",
    "not_stated_severity",
    "not_stated_kind",
    "working_hours",
)
"""General parameters of the bank; a combined policy takes them from the internal one."""


def combine(internal: Policy, *regulators: Policy) -> Policy:
    """Combine policies so that all their clocks bind; the earliest sets the due date.

    Tables, routes and the bank's own parameters come from ``internal``. A regulator adds its clocks
    with the parameters that they name, and what ``internal`` lacks. Its clocks keep its time zone,
    cut-off and working hours. The order of the regulators does not matter.

    Raises:
        PolicyError: Two policies have a clock or a parameter with the same name and different
            content.

    >>> from bankcrm.policy import default_policy
    >>> both = combine(default_policy("complaints"), default_policy("complaints", "cn_2020_3"))
    >>> [rule.name for rule in clock_rules(both)][:5]
    ['acknowledge', 'answer', 'review', 'cn_answer', 'cn_review']
    """
    internal = policy_of(internal, "complaints")
    regulators = tuple(policy_of(r, "complaints") for r in regulators)
    ordered = sorted(regulators, key=lambda r: (r.id, r.version))
    parameters = dict(internal.parameters)
    records = {name: list(rows) for name, rows in internal.raw_records.items()}
    faults: list[str] = []
    for other in ordered:
        figures = {n for r in other.records("clocks", ClockRule) for n in r.figures()}
        for name, versions in other.parameters.items():
            if name in GENERAL or (name in internal.parameters and name not in figures):
                continue
            if parameters.setdefault(name, versions) != versions:
                faults.append(f"parameters.{name}: {other.id} has another value")
        for name, rows in other.raw_records.items():
            if name != "clocks" and name in internal.raw_records:
                continue
            kept = [_at_home(r, other, internal) for r in rows] if name == "clocks" else rows
            records.setdefault(name, []).extend(kept)
    if faults:
        raise PolicyError(faults)
    policy = attrs.evolve(
        internal,
        id="+".join([internal.id, *(r.id for r in ordered)]),
        version="+".join([internal.version, *(r.version for r in ordered)]),
        parameters=parameters,
        raw_records=records,
    ).checked()
    clock_rules(policy)
    return policy


def _at_home(clock: Mapping[str, Any], own: Policy, internal: Policy) -> Mapping[str, Any]:
    """A regulator's clock with its own time zone, cut-off and hours where they differ."""
    differing = {
        name: own.value(name)
        for name in ("time_zone", "cutoff_hour", "working_hours")
        if own.has_parameter(name) and own.value(name) != internal.value(name)
    }
    return {**differing, **clock}
