"""Two tables over the same rows: who would move, and from where to where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pandas as pd

from bankcrm.errors import DataError

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


def compare(table: DecisionTable, other: DecisionTable, frame: pd.DataFrame) -> TableComparison:
    """Decide the rows by both tables; see `DecisionTable.compare`."""
    if table.hit_policy.collects or other.hit_policy.collects:
        raise DataError("compare needs two tables that give one outcome a row, not collecting ones")
    names = list(dict.fromkeys([*table.vocabulary, *other.vocabulary, "(undecided)"]))
    first = table.decide_frame(frame, on_missing="undecided")
    second = other.decide_frame(frame, on_missing="undecided")
    before = _outcomes(first, names)
    after = _outcomes(second, names)
    width = len(names)
    cells = (before.codes.astype("int64") * width + after.codes).astype("int64")
    counts = pd.Series(cells).value_counts().reindex(range(width * width), fill_value=0)
    migration = pd.DataFrame(
        counts.to_numpy().reshape(width, width),
        index=pd.Index(names, name="before"),
        columns=pd.Index(names, name="after"),
    )
    present = migration.any(axis=1) | migration.any(axis=0)
    moved = before.codes != after.codes
    return TableComparison(
        migration.loc[present, present],
        frame.index[moved],
        first.loc[moved, "rule"],
        second.loc[moved, "rule"],
        len(frame),
    )


def _outcomes(decided: pd.DataFrame, names: list[object]) -> pd.Categorical:
    filled = decided["outcome"].cat.set_categories(names).fillna("(undecided)")
    return pd.Categorical(filled, categories=names)
