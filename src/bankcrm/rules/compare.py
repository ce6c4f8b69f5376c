"""Two tables over the same rows: who would move, and from where to where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import card
from bankcrm.errors import DataError
from bankcrm.frames import as_frame

if TYPE_CHECKING:
    from bankcrm.rules.table import DecisionTable


@attrs.frozen(eq=False)
class TableComparison:
    """What one table decides beside another.

    Args:
        migration: counts, outcomes of the first table by outcomes of the other; ``(undecided)``
            where a fact is missing.
        moved: index of the rows whose outcome differs.
        before: the rule ids of the first table for the rows that moved.
        after: the rule ids of the other table for the rows that moved.
        rows: how many rows were compared.
    """

    migration: pd.DataFrame
    moved: pd.Index
    before: pd.Series
    after: pd.Series
    rows: int

    def __str__(self) -> str:
        return f"{len(self.moved)} of {self.rows} rows move\n{self.migration}"

    def __repr__(self) -> str:
        return f"<TableComparison: {len(self.moved):,} of {self.rows:,} rows move>"

    def _repr_html_(self) -> str:
        return card(f"{len(self.moved):,} of {self.rows:,} rows move", frame=self.migration)


def compare(table: DecisionTable, other: DecisionTable, frame: object) -> TableComparison:
    """Decide the rows by both tables; see `DecisionTable.compare`."""
    if table.hit_policy.collects or other.hit_policy.collects:
        raise DataError("compare needs two tables that give one outcome a row, not collecting ones")
    frame = as_frame(frame)
    names = list(dict.fromkeys([*table.vocabulary, *other.vocabulary, "(undecided)"]))
    first = table.decide_frame(frame, on_missing="undecided")
    second = other.decide_frame(frame, on_missing="undecided")
    before = _numbers(first, names)
    after = _numbers(second, names)
    width = len(names)
    counts = np.bincount(before * width + after, minlength=width * width).reshape(width, width)
    migration = pd.DataFrame(
        counts, index=pd.Index(names, name="before"), columns=pd.Index(names, name="after")
    )
    present = np.flatnonzero(counts.any(axis=1) | counts.any(axis=0))
    moved = np.flatnonzero(before != after)
    return TableComparison(
        migration.iloc[present, present],
        frame.index[moved],
        first["rule"].iloc[moved],
        second["rule"].iloc[moved],
        len(frame),
    )


def _numbers(decided: pd.DataFrame, names: list[object]) -> npt.NDArray[np.int64]:
    """Each row's outcome as its place in ``names``, whose last stands for undecided rows."""
    outcome = decided["outcome"].array
    places = [names.index(c) for c in outcome.categories] + [len(names) - 1]
    found: npt.NDArray[np.int64] = np.array(places, np.int64)[outcome.codes]
    return found
