"""Clocks of many cases at once, with the answers that a replay of each log would give."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from bankcrm.calendars import WorkingCalendar
from bankcrm.complaints.base import Mask, complaints_policy, contract
from bankcrm.complaints.clocks.rules import ClockRule, clock_rules
from bankcrm.complaints.clocks.time_units import Amounts, Instants, TimeUnits, utc
from bankcrm.errors import DataError
from bankcrm.frames import Column, as_frame, categorical, check_frame
from bankcrm.policy import Policy
from bankcrm.vocabulary import ClockStateKind, EventKind, Severity

MOMENTS = {
    EventKind.RECEIVED: "received_at",
    EventKind.SENT: "sent_at",
    EventKind.ACKNOWLEDGED: "acknowledged_at",
    EventKind.NEW_FACTS: "new_facts_at",
    EventKind.RESPONDED: "answered_at",
    EventKind.REOPENED: "reopened_at",
    EventKind.CLOSED: "closed_at",
    EventKind.WITHDRAWN: "withdrawn_at",
    EventKind.MERGED: "merged_at",
}
"""The column that holds the instant of each event."""

_AGAIN = "reanswered_at"
_ENDS = ("closed_at", "withdrawn_at", "merged_at")
_STATES = [s.value for s in ClockStateKind]
_STATE = {s: i for i, s in enumerate(ClockStateKind)}
_NAT = np.datetime64("NaT", "us")

_OWN = ("received_at", "sent_at", "acknowledged_at", "answered_at", "closed_at", "severity")
_COLUMNS = (
    *contract(*_OWN, required=("received_at",)),
    *(
        Column(n, "instant", required=False, nullable=True)
        for n in ("new_facts_at", "reopened_at", "withdrawn_at", "merged_at", _AGAIN)
    ),
    Column("topic", "category", required=False, nullable=True),
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
    """Due date and state of every clock of every case.

    Args:
        complaints: A frame with ``received_at`` and, where they happened, ``sent_at``,
            ``acknowledged_at``, ``new_facts_at``, ``answered_at``, ``reopened_at``, ``closed_at``,
            ``withdrawn_at``, ``merged_at``, ``reanswered_at`` (aware instants); ``severity``,
            ``topic``, ``extended`` (steps of extension) and, with ``pauses``, ``complaint_id``.
            One round of a case: what was re-opened more than once is for `replay_clock`.
        policy: Whose clocks bind.
        calendar: Whose working days count.
        as_of: The instant for which the states are asked; what lies after it has not happened.
        pauses: A frame with ``complaint_id``, ``paused_at`` and ``resumed_at`` (missing: still
            paused), without overlap.

    Returns:
        The frame's index; for each clock ``<clock>_due`` (date), ``<clock>_elapsed`` (its unit),
        ``<clock>_state``; then ``due`` and ``clock`` (the open clock that runs out first),
        ``used`` (the largest share of its time that an open clock has used), ``state`` (the
        worst) and ``provisional``. A clock that does not bind has nulls.

    Raises:
        DataError: A frame does not fit, or a pause belongs to no case.

    Source: CSC-5, CSC-6.

    >>> from bankcrm.calendars import working_calendar
    >>> told = pd.DataFrame({
    ...     "received_at": pd.to_datetime(["2024-09-27 10:00"]).tz_localize("Asia/Shanghai"),
    ...     "severity": ["moderate"]})
    >>> now = dt.datetime(2024, 10, 11, tzinfo=dt.timezone.utc)
    >>> deadlines(told, calendar=working_calendar("CN"), as_of=now)["answer_state"].tolist()
    ['breached']
    """
    if as_of.tzinfo is None:
        raise DataError(f"as_of: {as_of} has no time zone; give an aware datetime")
    policy = complaints_policy(policy)
    frame = check_frame(as_frame(complaints), _COLUMNS, frame="complaints")
    now = np.datetime64(as_of.astimezone(dt.UTC).replace(tzinfo=None), "us")
    case = _Cases(frame, TimeUnits.of(policy, calendar), policy, now, pauses)
    rules = clock_rules(policy)
    result = pd.DataFrame(index=frame.index)
    rows = len(frame)
    first = np.full(rows, np.datetime64("9999-12-31", "us"))
    first_rule = np.full(rows, -1, dtype=np.int8)
    due_day = np.full(rows, np.datetime64("NaT", "D"))
    worst = np.full(rows, -1, dtype=np.int8)
    used = np.full(rows, np.nan)
    provisional = np.zeros(rows, dtype=np.bool_)
    for number, rule in enumerate(rules):
        due_at, day, elapsed, state, marked, still = case.clock(rule)
        result[f"{rule.name}_due"] = day.astype("datetime64[s]")
        result[f"{rule.name}_elapsed"] = elapsed
        result[f"{rule.name}_state"] = categorical(state, _STATES)
        earlier = still & (due_at < first)
        first[earlier], first_rule[earlier], due_day[earlier] = (
            due_at[earlier],
            number,
            day[earlier],
        )
        limit = case.limits(rule)
        share = np.where(limit > 0, elapsed / np.where(limit > 0, limit, 1), elapsed)
        used = np.where(still, np.fmax(used, share), used)
        worst = np.where(_RANK[state] > _RANK[worst], state, worst)
        provisional |= marked
    result["due"] = due_day.astype("datetime64[s]")
    result["clock"] = categorical(first_rule, [r.name for r in rules])
    result["used"] = used
    result["state"] = categorical(worst, _STATES)
    result["provisional"] = provisional
    result.attrs["calendar"] = calendar.name
    return policy.stamp(result)


# How bad each state is, in the order of the vocabulary; the last entry stands for "no clock".
_RANK = np.array([2, 4, 3, 5, 1, 0, -1], dtype=np.int8)


class _Cases:
    """The moments of all cases, read once."""

    def __init__(
        self,
        frame: pd.DataFrame,
        units: TimeUnits,
        policy: Policy,
        now: np.datetime64,
        pauses: object,
    ) -> None:
        self.rows = len(frame)
        self.units = units
        self.policy = policy
        self.now = now
        self.at = {name: self._moment(frame, name) for name in (*MOMENTS.values(), _AGAIN)}
        self.severity = _codes(frame, "severity", [s.value for s in Severity], policy)
        self.topic = frame.get("topic")
        told = frame["extended"].to_numpy(np.float64) if "extended" in frame else None
        self.extended = np.zeros(self.rows, np.int64)
        if told is not None:
            self.extended = np.nan_to_num(told).astype(np.int64)
        self.pauses = None if pauses is None else _pauses(pauses, frame, now)

    def _moment(self, frame: pd.DataFrame, name: str) -> Instants:
        if name not in frame:
            return np.full(self.rows, _NAT)
        instants = utc(frame[name])
        return np.where(instants <= self.now, instants, _NAT)

    def _earliest(self, names: list[str], start: Instants) -> Instants:
        """The first of some moments from a start on."""
        found = np.full(self.rows, _NAT)
        for name in names:
            moment = self.at[name]
            better = (moment >= start) & (np.isnat(found) | (moment < found))
            found[better] = moment[better]
        return found

    def clock(
        self, rule: ClockRule
    ) -> tuple[Instants, np.ndarray, Amounts, np.ndarray, Mask, Mask]:
        """Due instant, due day, elapsed, state, provisional and openness of one clock."""
        start = np.full(self.rows, _NAT)
        for name in [MOMENTS[k] for k in rule.starts if k in MOMENTS]:
            start = np.where(np.isnat(start) | (self.at[name] < start), self.at[name], start)
        for name in [MOMENTS[k] for k in rule.restarts if k in MOMENTS]:
            start = np.where(np.isnat(start) | (self.at[name] > start), self.at[name], start)
        if self.topic is not None and (rule.topics or rule.not_topics):
            bound = ~self.topic.isin(list(rule.not_topics)).to_numpy()
            if rule.topics:
                bound &= self.topic.isin(list(rule.topics)).to_numpy()
            start = np.where(bound, start, _NAT)
        elif rule.topics:
            start = np.full(self.rows, _NAT)
        if rule.since is not None:
            early = self.units.local_day(start) < np.datetime64(rule.since, "D")
            start = np.where(early, _NAT, start)
        runs = ~np.isnat(start)
        begun = np.where(runs, start, self.now)  # a stand-in, taken out again below
        meets = [MOMENTS[k] for k in rule.meets if k in MOMENTS]
        if EventKind.RESPONDED in rule.meets:
            meets.append(_AGAIN)
        met = self._earliest(meets, begun)
        stopped = self._earliest(list(_ENDS), begun)
        stopped = np.where(~np.isnat(met) & ~(stopped < met), _NAT, stopped)
        met = np.where(np.isnat(stopped), met, _NAT)
        end = np.where(np.isnat(met), np.where(np.isnat(stopped), self.now, stopped), met)
        limit = self.limits(rule)
        paused, delay, is_paused = self._paused(rule, begun, end)
        elapsed = self.units.elapsed(rule.unit, begun, end) - paused
        due_at, day, marked = self.units.due(rule.unit, begun, limit, delay)
        still = runs & np.isnat(met) & np.isnat(stopped)
        state = np.full(self.rows, _STATE[ClockStateKind.RUNNING], dtype=np.int8)
        state[elapsed >= float(self.policy.value("at_risk_share")) * limit] = 1
        state[is_paused] = _STATE[ClockStateKind.PAUSED]
        state[~np.isnat(stopped)] = _STATE[ClockStateKind.STOPPED]
        state[~np.isnat(met)] = _STATE[ClockStateKind.MET]
        state[end >= due_at] = _STATE[ClockStateKind.BREACHED]
        state[~runs] = -1
        return (
            due_at,
            np.where(runs, day, np.datetime64("NaT", "D")),
            np.where(runs, elapsed, np.nan),
            state,
            marked & runs,
            still,
        )

    def limits(self, rule: ClockRule) -> Amounts:
        """Each case's limit in the clock's unit."""
        by_severity = np.array([rule.amount(self.policy, s, 0) for s in Severity])
        limit: Amounts = by_severity[self.severity]
        steps = np.minimum(self.extended, len(rule.extensions))
        for step in range(1, len(rule.extensions) + 1):
            limit[steps == step] = rule.amount(self.policy, None, step)
        return limit

    def _paused(
        self, rule: ClockRule, start: Instants, end: Instants
    ) -> tuple[Amounts, Amounts, Mask]:
        """Time that pauses took out of each clock, what they put it off, and who is paused now."""
        none = np.zeros(self.rows, dtype=np.float64)
        if self.pauses is None or not rule.pauses:
            return none, none, none.astype(np.bool_)
        row, begin, stop = self.pauses
        inside = (begin >= start[row]) & (begin <= end[row])
        row, begin, stop = row[inside], begin[inside], stop[inside]
        going = np.isnat(stop)
        last = np.where(going | (stop > end[row]), end[row], stop)
        is_paused: Mask = np.zeros(self.rows, dtype=np.bool_)
        is_paused[row[going]] = True
        paused, delay = none.copy(), none.copy()
        np.add.at(paused, row, self.units.elapsed(rule.unit, begin, last))
        np.add.at(delay, row, self.units.delay(rule.unit, begin, last))
        return paused, delay, is_paused


def _codes(frame: pd.DataFrame, name: str, words: list[str], policy: Policy) -> np.ndarray:
    untold = words.index(policy.value("not_stated_severity"))
    if name not in frame:
        return np.full(len(frame), untold)
    code = pd.Categorical(frame[name], categories=words).codes
    return np.where(code < 0, untold, code)


def _pauses(
    pauses: object, frame: pd.DataFrame, now: np.datetime64
) -> tuple[np.ndarray, Instants, Instants]:
    """Row of the case, start and end of every pause up to now."""
    told = check_frame(as_frame(pauses), _PAUSES, frame="pauses")
    if "complaint_id" not in frame:
        raise DataError(
            "complaints: pauses need complaint_id; present: " + ", ".join(frame.columns)
        )
    row = pd.Index(frame["complaint_id"]).get_indexer(pd.Index(told["complaint_id"]))
    if (row < 0).any():
        lost = told["complaint_id"][row < 0].astype(str).head().tolist()
        raise DataError(
            f"pauses.complaint_id: {int((row < 0).sum()):,} rows belong to no case "
            f"({', '.join(lost)}); leave them out"
        )
    begin = utc(told["paused_at"])
    stop = utc(told["resumed_at"]) if "resumed_at" in told else np.full(len(told), _NAT)
    known = begin <= now
    stop = np.where(stop <= now, stop, _NAT)
    return row[known], begin[known], stop[known]
