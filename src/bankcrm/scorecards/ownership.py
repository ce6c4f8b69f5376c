"""Which dated record holds on the day of each row: who looked after the customer on that day."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.frames.arrays import Days
from bankcrm.frames.numbering import positions_in

_BITS = 22  # days of 11,000 years
_EARLY, _LATE = -(2 ** (_BITS - 1)), 2 ** (_BITS - 1) - 1
Rows = npt.NDArray[np.intp]


@attrs.frozen(eq=False)
class Spans:
    """Dated records of subjects, of which at most one holds per subject and day.

    Attributes:
        subjects: The distinct subjects.
        row: The row in the frame of each record, by subject and first day.
        first: The place in ``row`` of the first record of each subject.
        count: The number of records of each subject.
        since: First day of each record in the order of ``row``.
        until: Last day.
    """

    subjects: pd.Index
    row: Rows
    first: Rows
    count: Rows
    since: npt.NDArray[np.int64]
    until: npt.NDArray[np.int64]

    def rows_on(self, subjects: pd.Series, days: Days) -> Rows:
        """The row of the record that holds for each subject on each day; -1 for none."""
        who = positions_in(subjects, self.subjects)
        if not len(self.subjects):
            return np.full(len(who), -1, np.intp)
        if len(self.row) == len(self.subjects) and self._always:
            alone: Rows = np.append(self.row[self.first], -1)[who]
            return alone
        day = days.astype("datetime64[D]").astype(np.int64)
        place = self.first[who]
        several = np.flatnonzero(self.count[who] > 1)
        if len(several):
            owner = np.repeat(np.arange(len(self.subjects), dtype=np.int64), self.count)
            keys = _key(owner, self.since)
            asked = _key(who[several].astype(np.int64), day[several])
            latest = np.searchsorted(keys, asked, side="right") - 1
            # before the first record of a subject lies the last one of another
            place[several] = np.maximum(latest, place[several])
        holds = (who >= 0) & (day >= self.since[place]) & (day <= self.until[place])
        found: Rows = np.where(holds, self.row[place], -1)
        return found

    @property
    def _always(self) -> bool:
        """Whether every record holds on every day."""
        return bool((self.since == _EARLY).all() and (self.until == _LATE).all())


def spans_of(frame: pd.DataFrame, subject: str, name: str) -> Spans:
    """The dated records of a checked frame with ``since`` and ``until``.

    Args:
        frame: One row per record; a missing day is open.
        subject: The column of the subject.
        name: What to call the frame in errors.

    Raises:
        DataError: Two records of one subject hold on one day.
    """
    since, until = (
        _days(frame, column, open_) for column, open_ in (("since", _EARLY), ("until", _LATE))
    )
    subjects = pd.Index(frame[subject].drop_duplicates())
    who = positions_in(frame[subject], subjects)
    order = np.lexsort((since, who))
    who, since, until = who[order], since[order], until[order]
    over = np.flatnonzero((who[1:] == who[:-1]) & (since[1:] <= until[:-1]))
    if len(over):
        rows = ", ".join(f"rows {order[i]} and {order[i + 1]}" for i in over[:5])
        raise DataError(
            f"{name}.since: {len(over):,} records of one {subject} overlap ({rows}); end the "
            "earlier one with `until` on the day before the next"
        )
    count = np.bincount(who, minlength=len(subjects))
    return Spans(subjects, order, np.cumsum(count) - count, count, since, until)


def _key(who: npt.NDArray[np.int64], day: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    key: npt.NDArray[np.int64] = (who << _BITS) + (np.clip(day, _EARLY, _LATE) - _EARLY)
    return key


def _days(frame: pd.DataFrame, column: str, open_: int) -> npt.NDArray[np.int64]:
    if column not in frame:
        return np.full(len(frame), open_, np.int64)
    days = frame[column].to_numpy().astype("datetime64[D]")
    found: npt.NDArray[np.int64] = np.where(np.isnat(days), open_, days.astype(np.int64))
    return found
