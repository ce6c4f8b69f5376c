"""The pauses of many cases, one round after the other."""

from __future__ import annotations

from functools import cached_property

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import few
from bankcrm.complaints.clocks.measure import PauseRound
from bankcrm.complaints.clocks.rules import ClockRule
from bankcrm.errors import DataError
from bankcrm.frames import Column, as_frame, check_frame
from bankcrm.frames.conversion import require_columns
from bankcrm.frames.instants import Times, utc_microseconds

_COLUMNS = (
    Column("complaint_id", "id"),
    Column("paused_at", "instant"),
    Column("resumed_at", "instant", required=False, nullable=True),
)


@attrs.frozen(eq=False)
class Pauses:
    """The pauses of cases up to an instant, in order of case and time.

    Attributes:
        row: Position of the case of each pause.
        begin: When it was paused, as naive UTC microseconds.
        stop: When it was resumed; NaT while it is still paused.
        reason: Why it was paused; None where reasons are not recorded.
    """

    row: np.ndarray
    begin: Times
    stop: Times
    reason: pd.Series | None

    def of(self, rule: ClockRule) -> tuple[PauseRound, ...]:
        """The pauses that stop a clock: the first of every case, then the second, and so on."""
        if rule.pauses:
            return self._all
        if self.reason is None or not rule.pauses_for:
            return ()
        return self._rounds(self.reason.isin(list(rule.pauses_for)).to_numpy())

    @cached_property
    def _all(self) -> tuple[PauseRound, ...]:
        return self._rounds(np.ones(len(self.row), dtype=np.bool_))

    def _rounds(self, keep: np.ndarray) -> tuple[PauseRound, ...]:
        row, begin, stop = self.row[keep], self.begin[keep], self.stop[keep]
        place = np.arange(len(row))
        change = np.ones(len(row), dtype=np.bool_)
        change[1:] = row[1:] != row[:-1]
        number = place - np.maximum.accumulate(np.where(change, place, 0))
        return tuple(
            PauseRound(row[number == i], begin[number == i], stop[number == i])
            for i in range(int(number.max(initial=-1)) + 1)
        )


def read_pauses(pauses: object, cases: pd.DataFrame, now: np.datetime64) -> Pauses:
    """The pauses of cases up to now; a later resumption is not known yet.

    Raises:
        DataError: A pause belongs to no case, ends before it begins, or overlaps another.
    """
    if pauses is None:
        none = np.zeros(0, dtype="datetime64[us]")
        return Pauses(np.zeros(0, dtype=np.intp), none, none, None)
    checked = check_frame(as_frame(pauses), _COLUMNS, frame="pauses")
    row = _rows(checked, cases)
    begin = utc_microseconds(checked["paused_at"])
    stop: Times = np.full(len(checked), np.datetime64("NaT", "us"))
    if "resumed_at" in checked:
        stop = utc_microseconds(checked["resumed_at"])
    order = np.lexsort((begin, row))
    checked, row, begin, stop = checked.iloc[order], row[order], begin[order], stop[order]
    _refuse_overlaps(checked, row, begin, stop)
    known = begin <= now
    stop = np.where(stop <= now, stop, np.datetime64("NaT", "us"))
    reason = checked["reason"][known] if "reason" in checked else None
    return Pauses(row[known], begin[known], stop[known], reason)


def _rows(pauses: pd.DataFrame, cases: pd.DataFrame) -> np.ndarray:
    """Position of the case of each pause."""
    require_columns(cases, ["complaint_id"], "complaints", "pauses need it")
    ids = pd.Index(cases["complaint_id"])
    if not ids.is_unique:
        twice = ids.duplicated(keep=False)
        raise DataError(
            f"complaints.complaint_id: {int(twice.sum()):,} rows share an id "
            f"({few(ids[twice].unique())}); pauses need one row per case"
        )
    row: np.ndarray = ids.get_indexer(pd.Index(pauses["complaint_id"]))
    if (row < 0).any():
        raise DataError(
            f"pauses.complaint_id: {int((row < 0).sum()):,} rows belong to no case "
            f"({few(pauses['complaint_id'][row < 0])}); remove them"
        )
    return row


def _refuse_overlaps(pauses: pd.DataFrame, row: np.ndarray, begin: Times, stop: Times) -> None:
    """Pauses in order must end after they begin, and before the next one of their case begins."""
    bad = stop < begin
    bad[:-1] |= (row[1:] == row[:-1]) & ~(stop[:-1] <= begin[1:])
    if bad.any():
        raise DataError(
            f"pauses: {int(bad.sum()):,} rows end before they begin, or after the next pause of "
            f"their case begins (complaint_id {few(pauses['complaint_id'][bad].unique())}); "
            "a case is paused once at a time"
        )
