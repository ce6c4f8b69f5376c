"""Clocks of many cases at once, with the same results as a replay of each log."""

from __future__ import annotations

import datetime as dt

import attrs
import numpy as np
import pandas as pd

from bankcrm.calendars import WorkingCalendar
from bankcrm.complaints.base import Mask, answered_at, complaints_policy, contract
from bankcrm.complaints.clocks.measure import (
    STATES,
    Measured,
    PauseRound,
    StateCodes,
    measure,
    share_used,
    states,
)
from bankcrm.complaints.clocks.receipt import KINDS, binding, in_force
from bankcrm.complaints.clocks.rules import ClockRule, clock_rules
from bankcrm.complaints.clocks.time_units import (
    DAY_UNITS,
    HOUR,
    Instants,
    Ticks,
    TimeUnits,
)
from bankcrm.errors import DataError
from bankcrm.frames import Column, as_frame, check_frame
from bankcrm.frames.arrays import Days
from bankcrm.frames.instants import Times, utc_microseconds
from bankcrm.frames.numbering import categorical
from bankcrm.policy import Policy
from bankcrm.vocabulary import ClockStateKind, EventKind, Severity

MOMENTS = {
    EventKind.RECEIVED: "received_at",
    EventKind.SENT: "sent_at",
    EventKind.ACKNOWLEDGED: "acknowledged_at",
    EventKind.NEW_FACTS: "new_facts_at",
    EventKind.INFORMED: "informed_at",
    EventKind.DELAY_EXPLAINED: "delay_explained_at",
    EventKind.RESPONDED: "answered_at",
    EventKind.ACCEPTED: "accepted_at",
    EventKind.REOPENED: "reopened_at",
    EventKind.CLOSED: "closed_at",
    EventKind.WITHDRAWN: "withdrawn_at",
    EventKind.MERGED: "merged_at",
}
"""The column that holds the instant of each event."""

_AGAIN = "reanswered_at"
_ENDS = ("closed_at", "withdrawn_at", "merged_at")
_NAT = np.datetime64("NaT", "us")

_OWN = ("received_at", "sent_at", "acknowledged_at", "answered_at", "closed_at", "severity", "kind")
_COLUMNS = (
    *contract(*_OWN, "topic", required=("received_at",)),
    *(
        Column(n, "instant", required=False, nullable=True)
        for n in ("new_facts_at", "informed_at", "delay_explained_at", "accepted_at")
    ),
    *(
        Column(n, "instant", required=False, nullable=True)
        for n in ("reopened_at", "withdrawn_at", "merged_at", _AGAIN)
    ),
    Column("extended", "integer", required=False, nullable=True, minimum=0),
)
_PAUSES = (
    Column("complaint_id", "id"),
    Column("paused_at", "instant"),
    Column("resumed_at", "instant", required=False, nullable=True),
)


def deadlines(
    complaints: object,
    *,
    policy: Policy | None = None,
    calendar: WorkingCalendar,
    as_of: dt.datetime,
    pauses: object = None,
) -> pd.DataFrame:
    """Due date and state of every clock of every case, as a replay of each log gives them.

    Args:
        complaints: A frame with ``received_at`` and, where they happened, ``sent_at``,
            ``acknowledged_at``, ``new_facts_at``, ``informed_at``, ``delay_explained_at``,
            ``answered_at``, ``accepted_at``, ``reopened_at``, ``closed_at``, ``withdrawn_at``,
            ``merged_at``, ``reanswered_at`` (aware instants); ``kind``, ``severity``, ``topic``,
            ``extended`` (steps of extension) and, with ``pauses``, ``complaint_id``. A case that
            was closed without an answer counts as answered then. Each case has one round and one
            severity; use `replay_clock` for cases that were re-opened more than once or assessed
            again.
        policy: The policy whose clocks bind.
        calendar: The calendar whose working days count.
        as_of: The instant of the requested states; later events are ignored.
        pauses: A frame with ``complaint_id``, ``paused_at`` and ``resumed_at`` (missing: still
            paused), without overlap, and ``reason`` for clocks that only some reasons pause.

    Returns:
        The frame's index; for each clock ``<clock>_due`` (date), ``<clock>_elapsed`` (its unit),
        ``<clock>_state``; then ``due`` and ``clock`` (the open clock that ends
        first; if an answered case has none, ``due`` is the day by which it was due),
        ``used`` (the largest share of its time that an open clock has used), ``breached`` (an open
        clock is breached), ``state`` (the worst of all clocks), ``provisional`` and
        ``outside_calendar``. Clocks that are no duty set none of ``due`` to ``state``. A clock that
        does not bind has nulls. So has one that the
        calendar does not cover; ``outside_calendar`` marks it.

    Raises:
        DataError: A frame does not fit, or a pause belongs to no case.

    Source: CSC-5, CSC-6.

    >>> from bankcrm.calendars import working_calendar
    >>> cases = pd.DataFrame({
    ...     "received_at": pd.to_datetime(["2024-09-27 10:00"]).tz_localize("Asia/Shanghai"),
    ...     "severity": ["moderate"]})
    >>> now = dt.datetime(2024, 10, 11, tzinfo=dt.timezone.utc)
    >>> deadlines(cases, calendar=working_calendar("CN"), as_of=now)["answer_state"].tolist()
    ['breached']
    """
    if as_of.tzinfo is None:
        raise DataError(f"as_of: {as_of} has no time zone; give an aware datetime")
    policy = complaints_policy(policy)
    frame = check_frame(as_frame(complaints), _COLUMNS, frame="complaints")
    now = np.datetime64(as_of.astimezone(dt.UTC).replace(tzinfo=None), "us")
    cases = _Cases(frame, policy, calendar, now, pauses)
    rules = clock_rules(policy)
    result = pd.DataFrame(index=frame.index)
    rows = len(frame)
    first = np.full(rows, np.datetime64("9999-12-31", "us"))
    first_rule = np.full(rows, -1, dtype=np.int8)
    due_day = np.full(rows, np.datetime64("NaT", "D"))
    worst = np.full(rows, -1, dtype=np.int8)
    answered = ~np.isnat(cases.at["answered_at"])
    answered_due = np.full(rows, _NAT)
    answered_day = due_day.copy()
    used = np.full(rows, np.nan)
    breached = np.zeros(rows, dtype=np.bool_)
    provisional = np.zeros(rows, dtype=np.bool_)
    outside = np.zeros(rows, dtype=np.bool_)
    for number, rule in enumerate(rules):
        clock = cases.clock(rule)
        result[f"{rule.name}_due"] = clock.day.astype("datetime64[s]")
        result[f"{rule.name}_elapsed"] = clock.elapsed
        result[f"{rule.name}_state"] = categorical(clock.state, STATES)
        provisional |= clock.provisional
        outside |= clock.outside
        if not rule.duty:
            continue  # missing an optional time breaks no rule, so it sets neither due nor breach
        earlier = clock.open & (clock.due_at < first)
        first[earlier], first_rule[earlier] = clock.due_at[earlier], number
        due_day[earlier] = clock.day[earlier]
        if rule.answers:
            sooner = answered & clock.met & ~(answered_due <= clock.due_at)
            answered_due[sooner], answered_day[sooner] = clock.due_at[sooner], clock.day[sooner]
        used = np.where(clock.open, np.fmax(used, clock.used), used)
        breached |= clock.open & (clock.state == _BREACHED)
        worst = np.where(_RANK[clock.state] > _RANK[worst], clock.state, worst)
    due_day = np.where(first_rule < 0, answered_day, due_day)
    result["due"] = due_day.astype("datetime64[s]")
    result["clock"] = categorical(first_rule, [r.name for r in rules])
    result["used"] = used
    result["breached"] = breached
    result["state"] = categorical(worst, STATES)
    result["provisional"] = provisional
    result["outside_calendar"] = outside
    result.attrs["calendar"] = calendar.name
    return policy.stamp(result)


# How bad each state is, in the order of the vocabulary; the last entry stands for "no clock".
_RANK = np.array([2, 4, 3, 5, 1, 0, -1], dtype=np.int8)


_BREACHED = STATES.index(ClockStateKind.BREACHED.value)


@attrs.frozen(eq=False)
class _Clock:
    """One clock of all cases; null where it does not bind."""

    due_at: Instants
    day: Days
    elapsed: np.ndarray
    used: np.ndarray
    state: StateCodes
    provisional: Mask
    open: Mask
    met: Mask
    outside: Mask


class _Cases:
    """The instants of the events of all cases, read once."""

    def __init__(
        self,
        frame: pd.DataFrame,
        policy: Policy,
        calendar: WorkingCalendar,
        now: np.datetime64,
        pauses: object,
    ) -> None:
        self.rows = len(frame)
        self.policy = policy
        self.calendar = calendar
        self.now = now
        frame = frame.assign(answered_at=answered_at(frame)) if "closed_at" in frame else frame
        self.at = {name: self._moment(frame, name) for name in (*MOMENTS.values(), _AGAIN)}
        stated = policy.value("not_stated_severity")
        self.severity = _codes(frame, "severity", [s.value for s in Severity], stated)
        self.kind = _codes(frame, "kind", list(KINDS), policy.value("not_stated_kind"))
        self.topic = frame.get("topic")
        self.extended = np.zeros(self.rows, np.int64)
        if "extended" in frame:
            steps = frame["extended"].to_numpy(np.float64)
            self.extended = np.nan_to_num(steps).astype(np.int64)
        self.pauses = () if pauses is None else _pauses(pauses, frame, now)
        self.source = (pauses, frame)

    def special(self, reasons: tuple[str, ...]) -> tuple[PauseRound, ...]:
        """The pauses for some reasons only; none where reasons are not recorded."""
        pauses, frame = self.source
        if pauses is None:
            return ()
        every = as_frame(pauses)
        if "reason" not in every:
            return ()
        return _pauses(every[every["reason"].isin(list(reasons))], frame, self.now)

    def _moment(self, frame: pd.DataFrame, name: str) -> Instants:
        if name not in frame:
            return np.full(self.rows, _NAT)
        instants = utc_microseconds(frame[name])
        return np.where(instants <= self.now, instants, _NAT)

    def _earliest(self, names: list[str], start: Instants) -> Instants:
        """The earliest of some events at or after a start."""
        found = np.full(self.rows, _NAT)
        for name in names:
            moment = self.at[name]
            better = (moment >= start) & (np.isnat(found) | (moment < found))
            found[better] = moment[better]
        return found

    def _start(self, rule: ClockRule) -> Instants:
        """When the clock starts; NaT where it does not bind."""
        start = np.full(self.rows, _NAT)
        for name in [MOMENTS[k] for k in rule.starts if k in MOMENTS]:
            start = np.where(np.isnat(start) | (self.at[name] < start), self.at[name], start)
        for name in [MOMENTS[k] for k in rule.restarts if k in MOMENTS]:
            start = np.where(np.isnat(start) | (self.at[name] > start), self.at[name], start)
        bound = binding(rule, self.kind, self.topic, self.rows)
        if rule.since is not None or rule.until is not None:
            day = rule.units(self.policy, self.calendar).local_day(start)
            bound &= in_force(rule, day)
        return np.where(bound, start, _NAT)

    def clock(self, rule: ClockRule) -> _Clock:
        """One clock of all cases."""
        units = rule.units(self.policy, self.calendar)
        start = self._start(rule)
        meets = [MOMENTS[k] for k in rule.meets if k in MOMENTS]
        if EventKind.RESPONDED in rule.meets:
            meets.append(_AGAIN)
        met = self._earliest(meets, start)
        stopped = self._earliest(list(_ENDS), start)
        stopped = np.where(~np.isnat(met) & ~(stopped < met), _NAT, stopped)
        met = np.where(np.isnat(stopped), met, _NAT)
        end = np.where(np.isnat(met), np.where(np.isnat(stopped), self.now, stopped), met)
        starts = ~np.isnat(start)
        runs = starts & units.covers(rule.unit, start) & units.covers(rule.unit, end)
        begun, ended = start[runs], end[runs]
        limit = self.limits(rule, units)[runs]
        over = np.where(np.isnat(met), stopped, met)[runs]
        pauses = self._rounds(rule, runs, over)
        found = measure(units, rule.unit, begun, ended, limit, pauses)
        return self._filled(rule, units, found, limit, runs, starts, met, stopped)

    def _filled(
        self,
        rule: ClockRule,
        units: TimeUnits,
        found: Measured,
        limit: Ticks,
        runs: Mask,
        starts: Mask,
        met: Instants,
        stopped: Instants,
    ) -> _Clock:
        """Measured clocks in their rows; null where none runs or the calendar does not cover it."""
        reached = units.in_table(rule.unit, found.last)
        safe = np.where(reached, found.last, found.last.min(where=reached, initial=_FAR))
        due_at, day, provisional = units.due(rule.unit, safe[reached])
        share = float(self.policy.value("at_risk_share"))
        ended = ~np.isnat(met[runs]), ~np.isnat(stopped[runs])
        code = states(found, limit, share, *ended)
        place = np.flatnonzero(runs)[reached]
        per = 1 if rule.unit in DAY_UNITS else HOUR

        def spread(values: np.ndarray, empty: object) -> np.ndarray:
            made = np.full(self.rows, empty, dtype=values.dtype)
            made[place] = values
            return made

        known = np.zeros(self.rows, dtype=np.bool_)
        known[place] = True
        return _Clock(
            due_at=spread(due_at, _NAT),
            day=spread(day, np.datetime64("NaT", "D")),
            elapsed=spread(found.elapsed[reached] / per, np.nan),
            used=spread(share_used(found.elapsed, limit)[reached], np.nan),
            state=spread(code[reached], -1),
            provisional=spread(provisional, False),
            open=known & np.isnat(met) & np.isnat(stopped),
            met=known & ~np.isnat(met),
            outside=starts & ~known,
        )

    def limits(self, rule: ClockRule, units: TimeUnits) -> Ticks:
        """Each case's limit in ticks."""
        amounts = np.array([rule.amount(self.policy, s) for s in Severity])
        limit: Ticks = units.ticks_of(rule.unit, amounts)[self.severity]
        steps = np.minimum(self.extended, len(rule.extensions))
        for step in range(1, len(rule.extensions) + 1):
            more = units.ticks_of(rule.unit, rule.amount(self.policy, None, step))
            limit[steps == step] = more
        return limit

    def _rounds(self, rule: ClockRule, runs: Mask, over: Instants) -> list[PauseRound]:
        """The pauses of the cases whose clock runs; the end of a clock also ends a pause."""
        place = np.cumsum(runs) - 1
        made = []
        if rule.pauses:
            rounds = self.pauses
        else:
            rounds = self.special(rule.pauses_for) if rule.pauses_for else ()
        for pause in rounds:
            use = runs[pause.row]
            row, stop = place[pause.row[use]], pause.stop[use]
            stop = np.where(np.isnat(stop), over[row], stop)
            made.append(PauseRound(row, pause.begin[use], stop))
        return made


_FAR = np.iinfo(np.int64).max


def _codes(frame: pd.DataFrame, name: str, words: list[str], stated: str) -> np.ndarray:
    default = words.index(stated)
    if name not in frame:
        return np.full(len(frame), default)
    code = pd.Categorical(frame[name], categories=words).codes
    return np.where(code < 0, default, code)


def _pauses(pauses: object, frame: pd.DataFrame, now: np.datetime64) -> tuple[PauseRound, ...]:
    """The pauses up to now: the first of every case, then the second, and so on."""
    checked = check_frame(as_frame(pauses), _PAUSES, frame="pauses")
    if "complaint_id" not in frame:
        raise DataError(
            "complaints: pauses need complaint_id; present: " + ", ".join(frame.columns)
        )
    row = pd.Index(frame["complaint_id"]).get_indexer(pd.Index(checked["complaint_id"]))
    if (row < 0).any():
        lost = checked["complaint_id"][row < 0].astype(str).head().tolist()
        raise DataError(
            f"pauses.complaint_id: {int((row < 0).sum()):,} rows belong to no case "
            f"({', '.join(lost)}); remove them"
        )
    begin = utc_microseconds(checked["paused_at"])
    stop: Times = np.full(len(checked), _NAT)
    if "resumed_at" in checked:
        stop = utc_microseconds(checked["resumed_at"])
    known = begin <= now
    stop = np.where(stop <= now, stop, _NAT)
    row, begin, stop = row[known], begin[known], stop[known]
    order = np.lexsort((begin, row))
    row, begin, stop = row[order], begin[order], stop[order]
    change = np.ones(len(row), dtype=np.bool_)
    change[1:] = row[1:] != row[:-1]
    number = np.arange(len(row)) - np.maximum.accumulate(np.where(change, np.arange(len(row)), 0))
    return tuple(
        PauseRound(row[number == i], begin[number == i], stop[number == i])
        for i in range(int(number.max(initial=-1)) + 1)
    )
