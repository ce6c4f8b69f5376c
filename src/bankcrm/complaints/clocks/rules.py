"""Clock rules: what starts a clock, what meets it, how long it runs, and what may extend it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import attrs

from bankcrm.complaints.clocks.time_units import UNITS
from bankcrm.errors import PolicyError
from bankcrm.policy import Policy
from bankcrm.rules.values import frozen_dict
from bankcrm.vocabulary import EventKind, Severity, word

CLOCK_KINDS = ("acknowledge", "answer", "regulator", "review")


@attrs.frozen
class Extension:
    """One step by which a clock may be extended.

    Args:
        name: What the step is called.
        limit: Name of the parameter with the new limit, counted from the clock's start.
        approver: Whether someone senior must approve it.
        notice: Whether the customer must be told.
    """

    name: str
    limit: str
    approver: bool = False
    notice: bool = False


def _kinds(names: Any) -> tuple[EventKind, ...]:
    return tuple(word(EventKind, n) for n in names)


@attrs.frozen
class ClockRule:
    """One clock of a policy.

    Args:
        name: What the clock is called; one of a name in a policy.
        kind: ``acknowledge``, ``answer``, ``regulator`` or ``review``.
        unit: ``working_days``, ``calendar_days``, ``hours`` or ``working_hours``.
        limit: Name of the parameter with its limit.
        limits: Severity -> name of the parameter, where the limit depends on it.
        starts: Events that start it; only the first counts.
        restarts: Events that start it anew.
        meets: Events that meet it.
        pauses: Whether a pause stops it.
        topics: The only topics that it binds; empty for all.
        not_topics: Topics that it does not bind.
        since: The first day on which it can start; None if it always was.
        extensions: Steps by which it may be extended, in order.
        source: The rule behind it.
        confirmed: Whether its figures were checked against the source.
        note: What a reader should know.
    """

    name: str
    kind: str = attrs.field(validator=attrs.validators.in_(CLOCK_KINDS))
    unit: str = attrs.field(validator=attrs.validators.in_(UNITS))
    limit: str = ""
    limits: Mapping[str, str] = attrs.field(factory=dict, converter=frozen_dict)
    starts: tuple[EventKind, ...] = attrs.field(default=(EventKind.RECEIVED,), converter=_kinds)
    restarts: tuple[EventKind, ...] = attrs.field(default=(), converter=_kinds)
    meets: tuple[EventKind, ...] = attrs.field(default=(EventKind.RESPONDED,), converter=_kinds)
    pauses: bool = False
    topics: tuple[str, ...] = ()
    not_topics: tuple[str, ...] = ()
    since: dt.date | None = None
    extensions: tuple[Extension, ...] = ()
    source: str = "default"
    confirmed: bool = True
    note: str = ""

    def binds(self, topic: str, day: dt.date) -> bool:
        """Whether the clock can start on a day for a case about this topic."""
        if self.since is not None and day < self.since:
            return False
        return topic not in self.not_topics and (not self.topics or topic in self.topics)

    def amount(self, policy: Policy, severity: Severity | None, extended: int) -> float:
        """The limit in the clock's unit, for a severity and a number of extensions."""
        if extended:
            return float(policy.value(self.extensions[extended - 1].limit))
        name = self.limit
        if self.limits:
            name = self.limits[severity or policy.value("not_stated_severity")]
        return float(policy.value(name))


def clock_rules(policy: Policy) -> tuple[ClockRule, ...]:
    """The clocks of a policy.

    Raises:
        PolicyError: A rule names a parameter that is not there, or lacks a severity's limit.
    """
    rules = policy.records("clocks", ClockRule)
    faults = []
    for rule in rules:
        named = [rule.limit] if not rule.limits else list(rule.limits.values())
        for name in [*named, *(e.limit for e in rule.extensions)]:
            if name not in policy.parameters:
                faults.append(f"records.clocks[{rule.name}]: no parameter {name!r}")
        if rule.limits and set(rule.limits) != {s.value for s in Severity}:
            faults.append(f"records.clocks[{rule.name}].limits: give one for every severity")
    names = [r.name for r in rules]
    faults += [
        f"records.clocks[{n}]: twice" for n in sorted({n for n in names if names.count(n) > 1})
    ]
    if faults:
        raise PolicyError(faults)
    return rules


GENERAL = (
    "at_risk_share",
    "cutoff_hour",
    "reopen_within_days",
    "time_zone",
    "not_stated_severity",
    "working_hours",
)
"""Parameters of the bank as a whole, which a combined policy takes from the internal one."""


def combine(internal: Policy, *regulators: Policy) -> Policy:
    """One policy under which the clocks of several bind at once; the earliest is the due date.

    Tables, routes and the bank's own parameters come from ``internal``.

    Raises:
        PolicyError: Two policies have a clock or a parameter of one name and different content.

    >>> from bankcrm.policy import default_policy
    >>> both = combine(default_policy("complaints"), default_policy("complaints", "cn_2020_3"))
    >>> [rule.name for rule in clock_rules(both)]
    ['acknowledge', 'answer', 'review', 'cn_answer', 'cn_review']
    """
    parameters = dict(internal.parameters)
    records = {name: list(rows) for name, rows in internal.raw_records.items()}
    faults: list[str] = []
    for other in regulators:
        for name, versions in other.parameters.items():
            if name in GENERAL:
                continue
            if parameters.setdefault(name, versions) != versions:
                faults.append(f"parameters.{name}: {other.id} says otherwise")
        for name, rows in other.raw_records.items():
            records.setdefault(name, []).extend(rows)
    if faults:
        raise PolicyError(faults)
    policy = attrs.evolve(
        internal,
        id="+".join([internal.id, *(r.id for r in regulators)]),
        version="+".join([internal.version, *(r.version for r in regulators)]),
        parameters=parameters,
        raw_records=records,
    ).checked()
    clock_rules(policy)
    return policy
