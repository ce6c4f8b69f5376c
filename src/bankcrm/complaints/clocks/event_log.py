"""The events of many cases as columns, in the order in which they happened."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.complaints.base import Mask
from bankcrm.complaints.clocks.events import NEEDED, CaseEvent
from bankcrm.complaints.clocks.receipt import KINDS, SEVERITIES
from bankcrm.complaints.clocks.time_units import Instants
from bankcrm.errors import DataError
from bankcrm.frames import Column, as_frame, check_frame
from bankcrm.frames.arrays import codes
from bankcrm.frames.column import DataFault, fault_in_rows
from bankcrm.frames.findings import raise_faults
from bankcrm.frames.instants import utc_microseconds
from bankcrm.policy import Policy
from bankcrm.vocabulary import EventKind

Codes = npt.NDArray[np.int8]
Places = npt.NDArray[np.intp]
EVENTS = tuple(EventKind)
CODE = {kind: number for number, kind in enumerate(EVENTS)}
"""The code of each kind of event."""

_SLOTS = [CODE[EventKind.PAUSED], CODE[EventKind.POLICY_CHANGED]]  # events that can begin a pause


def _columns(policies: Mapping[str, Policy]) -> tuple[Column, ...]:
    texts = [
        Column(n, "text", required=False, nullable=True, personal=True)
        for n in ("by", "to", "approver")
    ]
    words = [
        Column(name, "category", required=False, nullable=True, choices=tuple(choices))
        for name, choices in (
            *(("reason", ()), ("topic", ())),
            *(("severity", SEVERITIES), ("message", KINDS), ("policy", policies)),
        )
    ]
    return (
        Column("complaint_id", "id"),
        Column("at", "instant"),
        Column("kind", "category", choices=EVENTS),
        Column("notice", "boolean", required=False, nullable=True),
        *texts,
        *words,
    )


@attrs.frozen(eq=False)
class EventLog:
    """The events of many cases up to an instant, by case and time.

    Attributes:
        frame: The checked events, as they came.
        ids: The id of each case.
        row: The row of the frame in which each event stands.
        case: The case of each event, rising.
        at: When each event happened, as naive UTC microseconds.
        kind: Codes of `EVENTS`.
        policies: The policies that cases can change to, by name.
    """

    frame: pd.DataFrame
    ids: pd.Index
    row: Places
    case: Places
    at: Instants
    kind: Codes
    policies: Mapping[str, Policy]

    @cached_property
    def begin(self) -> Places:
        """The place of the first event of each case, and one after the last event."""
        return np.searchsorted(self.case, np.arange(len(self.ids) + 1))

    @cached_property
    def slot(self) -> Places:
        """How many events before each one, of all cases, could begin a pause."""
        can = np.isin(self.kind, _SLOTS)
        return np.concatenate(([0], can.cumsum()))

    def codes(self, name: str) -> npt.NDArray[np.signedinteger[Any]]:
        """The codes of a column of words, event by event; -1 where there is none."""
        if name not in self.frame:
            return np.full(len(self.row), -1, dtype=np.int8)
        found: npt.NDArray[np.signedinteger[Any]]
        found = np.asarray(self.frame[name].cat.codes)
        return found[self.row]

    def words(self, name: str) -> tuple[str, ...]:
        """What the codes of a column mean."""
        return tuple(self.frame[name].cat.categories) if name in self.frame else ()

    def stated(self, name: str) -> Mask:
        """Where a text is not empty, or a mark is set, event by event."""
        if name not in self.frame:
            return np.zeros(len(self.row), dtype=np.bool_)
        return _given(self.frame[name])[self.row]

    def texts(self, name: str, events: Places) -> npt.NDArray[np.object_]:
        """A text of some events; None where it is not recorded, or the event is -1."""
        if name not in self.frame:
            return np.full(len(events), None, dtype=object)
        text = self.frame[name].to_numpy(dtype=object)
        none = (events < 0) | ~self.stated(name)[events]
        found: npt.NDArray[np.object_] = text[self.row[events]]
        found[none] = None
        return found

    def event(self, place: int) -> CaseEvent:
        """One event as a record."""
        values = self.frame.iloc[self.row[place]]
        names = ("by", "to", "reason", "approver", "severity", "topic", "message")
        stated = {n: values[n] for n in names if n in values and not pd.isna(values[n])}
        policy = self.policies.get(values.get("policy"))
        notice = bool(self.stated("notice")[place])
        when = values["at"].floor("us").to_pydatetime()
        return CaseEvent(when, values["kind"], notice=notice, policy=policy, **stated)


def read_events(events: object, as_of: dt.datetime, policies: Mapping[str, Policy]) -> EventLog:
    """The events of many cases up to ``as_of``; events at one instant keep their order.

    Raises:
        DataError: The frame does not fit, or an event lacks what its kind needs.
    """
    frame = check_frame(as_frame(events), _columns(policies), frame="events")
    if not policies and "policy" in frame and frame["policy"].notna().any():
        raise DataError("events.policy: names policies, but none were given; give policies")
    kind: Codes = frame["kind"].cat.codes.to_numpy().astype(np.int8, copy=False)
    raise_faults(_lacking(frame, kind))
    at = utc_microseconds(frame["at"])
    case, ids = codes(frame["complaint_id"])
    row = np.flatnonzero(at <= np.datetime64(as_of.astimezone(dt.UTC).replace(tzinfo=None), "us"))
    if len(row) < len(frame):
        case, known = codes(case[row])
        ids = ids[known.to_numpy()]
    before, after = slice(None, -1), slice(1, None)
    same = case[after] == case[before]
    rises = (case[after] > case[before]) | (same & (at[row[after]] >= at[row[before]]))
    if not rises.all():
        order = np.lexsort((at[row], case))
        row, case = row[order], case[order]
    return EventLog(frame, ids, row, case, at[row], kind[row], policies)


def _lacking(frame: pd.DataFrame, kind: Codes) -> list[DataFault]:
    """Events without the field that their kind needs."""
    faults = []
    for needs, (name, meaning) in NEEDED.items():
        lacks = kind == CODE[needs]
        if name in frame:
            lacks = lacks & ~_given(frame[name])
        if lacks.any():
            what = f"missing on {needs} events"
            rows = frame.index[lacks]
            faults.append(fault_in_rows("events", name, what, rows, meaning, "give it"))
    return faults


def _given(values: pd.Series) -> Mask:
    """Where a value is neither null nor empty."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        table = np.array([*(bool(c) for c in values.cat.categories), False])
        return table[values.cat.codes.to_numpy()]
    given = values.notna().to_numpy()
    if given.any():
        given = given & values.where(given, "").astype(bool).to_numpy()
    return given
