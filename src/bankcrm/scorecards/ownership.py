"""Which dated record holds on the day of each row: who looked after the customer on that day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.errors import DataError
from bankcrm.frames.arrays import Days, row_blocks
from bankcrm.frames.numbering import positions_in

_BLOCK = 2**17
"""How many rows are looked up at once: few enough for the processor's cache."""
_EARLY, _LATE = -(2**40), 2**40  # before and after every day
_Entry = TypeVar("_Entry", bound=np.generic)
Rows = npt.NDArray[np.intp]
Numbered = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class Spans:
    """Dated records as steps: from a day on a record of the subject holds, or none does.

    The first step of each subject begins before every day, so that each day has one step. The last
    step of all is that of unknown subjects, on which nothing holds.

    Attributes:
        subjects: The distinct subjects.
        first: The first step of each subject, and the one of unknown subjects.
        who: The subject of each step.
        since: The first day of each step.
        row: The row of the record in the frame; -1 where none holds.
    """

    subjects: pd.Index
    first: Rows
    who: Rows
    since: Numbered
    row: Rows

    def look_up(
        self, subjects: pd.Series, days: Days, tables: Sequence[npt.NDArray[_Entry]]
    ) -> list[npt.NDArray[_Entry]]:
        """The entry of each table for the record that holds for each subject on each day.

        Args:
            subjects: The subject of each row.
            days: The day of each row.
            tables: One entry per row of the records' frame, and a last one for no record.
        """
        who = positions_in(subjects, self.subjects)
        day = days.astype("datetime64[D]", copy=False).view(np.int64)
        by_step = [table[self.row] for table in tables]
        found = [np.empty(len(who), table.dtype) for table in tables]
        jumps = self._jumps()
        for rows in row_blocks(len(who), _BLOCK):
            step = self.first.take(who[rows], mode="wrap")
            for jump, begins in jumps:
                step += (begins.take(step) <= day[rows]) * jump
            for table, entries in zip(by_step, found, strict=True):
                entries[rows] = table.take(step)
        return found

    def _jumps(self) -> list[tuple[int, Numbered]]:
        """Jumps over 4, 2 and 1 steps, each with the day from which on it is right.

        In this order they lead to the last step of the subject that has begun.
        """
        most = int(np.diff(self.first).max(initial=1)) - 1
        found = []
        for jump in (2**power for power in reversed(range(most.bit_length()))):
            begins = np.full(len(self.since), _LATE)
            same = self.who[jump:] == self.who[:-jump]
            begins[:-jump][same] = self.since[jump:][same]
            found.append((jump, begins))
        return found


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
    who = positions_in(frame[subject], subjects).astype(np.intp)
    order = np.lexsort((since, who))
    who, since, until = who[order], since[order], until[order]
    same = who[1:] == who[:-1]
    over = np.flatnonzero(same & (since[1:] <= until[:-1]))
    if len(over):
        rows = few(over, lambda i: f"rows {order[i]} and {order[i + 1]}")
        raise DataError(
            f"{name}.since: {len(over):,} records of one {subject} overlap ({rows}); end the "
            "earlier one with `until` on the day before the next"
        )
    head = np.append(True, ~same)[: len(who)] & (since > _EARLY)
    gap = until < _LATE  # of no day where the next record follows at once
    steps = 1 + head.astype(np.int64) + gap  # nothing before the first, the record, nothing after
    place = np.cumsum(steps) - steps + head
    row, begins = np.full(int(steps.sum()) + 1, -1), np.full(int(steps.sum()) + 1, _EARLY)
    row[place], begins[place], begins[place[gap] + 1] = order, since, until[gap] + 1
    step_who = np.append(np.repeat(who, steps), len(subjects))
    count = np.bincount(step_who)
    return Spans(subjects, np.cumsum(count) - count, step_who, begins, row)


def _days(frame: pd.DataFrame, column: str, open_: int) -> Numbered:
    if column not in frame:
        return np.full(len(frame), open_, np.int64)
    days = frame[column].to_numpy().astype("datetime64[D]")
    found: Numbered = np.where(np.isnat(days), open_, days.astype(np.int64))
    return found
