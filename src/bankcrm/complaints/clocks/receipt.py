"""Due days of the clocks that a receipt starts, for one case and for many."""

from __future__ import annotations

import datetime as dt

import attrs
import numpy as np
import pandas as pd

from bankcrm.calendars import WorkingCalendar, local_day
from bankcrm.complaints.base import Mask
from bankcrm.complaints.clocks.rules import ClockRule, clock_rules
from bankcrm.complaints.clocks.time_units import Instants, Ticks, TimeUnits, moment
from bankcrm.frames.arrays import Days
from bankcrm.policy import Policy
from bankcrm.vocabulary import EventKind, Kind, Severity, word

KINDS = tuple(k.value for k in Kind)
SEVERITIES = tuple(s.value for s in Severity)


def binding(rule: ClockRule, kind: np.ndarray, topic: pd.Series | None, rows: int) -> Mask:
    """Which cases a clock binds by their kind (codes of `KINDS`) and their topic."""
    bound = np.ones(rows, dtype=np.bool_)
    if rule.kinds:
        bound = np.isin(kind, [KINDS.index(k.value) for k in rule.kinds])
    if topic is not None and rule.not_topics:
        bound &= ~topic.isin(list(rule.not_topics)).to_numpy()
    if rule.topics:
        some = np.zeros(rows, dtype=np.bool_)
        bound &= some if topic is None else topic.isin(list(rule.topics)).to_numpy()
    return bound


def in_force(rule: ClockRule, day: Days) -> Mask:
    """On which local days a clock can start."""
    inside = np.ones(len(day), dtype=np.bool_)
    if rule.since is not None:
        inside &= ~(day < np.datetime64(rule.since, "D"))
    if rule.until is not None:
        inside &= ~(day > np.datetime64(rule.until, "D"))
    return inside


@attrs.frozen
class DueDay:
    """The due day of one clock.

    Attributes:
        rule: The clock.
        day: The local day by which it must be met.
        provisional: The day depends on days that no official notice covers yet.
    """

    rule: ClockRule
    day: dt.date
    provisional: bool


def due_days(
    received_at: dt.datetime,
    *,
    kind: Kind,
    severity: Severity | None,
    topic: str,
    policy: Policy,
    calendar: WorkingCalendar,
) -> tuple[DueDay, ...]:
    """The due day of every clock that the receipt of one case starts.

    Raises:
        CalendarError: The case lies outside the calendar.
    """
    start = moment(received_at)
    made = []
    for rule in clock_rules(policy):
        if EventKind.RECEIVED not in (*rule.starts, *rule.restarts):
            continue
        if not rule.binds(kind, topic, received_at, policy):
            continue
        units = rule.units(policy, calendar)
        limit = np.atleast_1d(units.ticks_of(rule.unit, rule.amount(policy, severity)))
        day, provisional = units.due_day(rule.unit, _last(units, rule.unit, start, limit))
        made.append(DueDay(rule, day[0].item(), bool(provisional[0])))
    return tuple(made)


def answer_days(
    received_at: pd.Series,
    *,
    kind: np.ndarray,
    severity: np.ndarray,
    topic: pd.Series | None,
    policy: Policy,
    calendar: WorkingCalendar,
) -> tuple[Days, Mask]:
    """The day by which each case must be answered: the earliest of its answer clocks.

    Args:
        received_at: Aware instants, none missing.
        kind: Codes of `KINDS`.
        severity: Codes of `SEVERITIES`; -1 where it is not assessed.
        topic: What each case is about; None where it is not recorded.
        policy: The policy whose clocks bind.
        calendar: The calendar whose working days count.

    Returns:
        The due day (NaT where no such clock binds), and which are provisional.
    """
    rows = len(received_at)
    due: Days | None = None
    provisional = np.zeros(rows, dtype=np.bool_)
    for (units, unit), rules in _groups(policy, calendar).items():
        table = np.full((len(KINDS), len(Severity) + 1), _FAR)
        plain = [r for r in rules if not (r.topics or r.not_topics or r.since or r.until)]
        for rule in plain:
            limits = np.array([rule.amount(policy, s) for s in (*Severity, None)])
            kinds = [not rule.kinds or word(Kind, k) in rule.kinds for k in KINDS]
            table[kinds] = np.minimum(table[kinds], units.ticks_of(unit, limits))
        limit = table.ravel().take(kind * table.shape[1] + severity % table.shape[1])
        day = None
        for rule in [r for r in rules if r not in plain]:
            amounts = [rule.amount(policy, s) for s in (*Severity, None)]
            ticks = units.ticks_of(unit, np.array(amounts))[severity]
            bound = binding(rule, kind, topic, rows)
            if rule.dated:
                day = local_day(received_at, units.zone) if day is None else day
                bound = bound & in_force(rule, day)
            limit = np.where(bound & (ticks < limit), ticks, limit)
        binds = limit < _FAR
        if binds.all():
            found, marked = _due(units, unit, received_at, limit)
        else:
            found, marked = np.full(rows, np.datetime64("NaT", "D")), np.zeros(rows, dtype=np.bool_)
            found[binds], marked[binds] = _due(units, unit, received_at[binds], limit[binds])
        if due is not None:
            later = (due <= found) | ~binds
            found, marked = np.where(later, due, found), np.where(later, provisional, marked)
        due, provisional = found, marked
    if due is None:
        return np.full(rows, np.datetime64("NaT", "D")), np.zeros(rows, dtype=np.bool_)
    return due, provisional


_FAR = np.iinfo(np.int64).max


def _groups(
    policy: Policy, calendar: WorkingCalendar
) -> dict[tuple[TimeUnits, str], list[ClockRule]]:
    """The answer clocks, grouped by the units in which they are measured."""
    groups: dict[tuple[TimeUnits, str], list[ClockRule]] = {}
    for rule in clock_rules(policy):
        if rule.answers and EventKind.RECEIVED in (*rule.starts, *rule.restarts):
            groups.setdefault((rule.units(policy, calendar), rule.unit), []).append(rule)
    return groups


def _due(units: TimeUnits, unit: str, received_at: pd.Series, limit: Ticks) -> tuple[Days, Mask]:
    if unit == "working_days" and units.closing is None:
        day = units.business_day(received_at)
        return units.calendar.add_marked(day, limit)
    start = received_at.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    start = start.astype("datetime64[us]")
    return units.due_day(unit, _last(units, unit, start, limit))


def _last(units: TimeUnits, unit: str, start: Instants, limit: Ticks) -> Ticks:
    """The last tick in time of clocks without a pause."""
    begun = units.inside(unit, start)
    last: Ticks = np.where(limit == 0, begun.reached, begun.position) + limit
    return last
