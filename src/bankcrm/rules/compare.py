"""Two tables over the same rows: which rows get another outcome, and which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import card
from bankcrm.errors import DataError
from bankcrm.frames import as_frame
from bankcrm.rules.compiled import Compiled
from bankcrm.rules.frame import decide_frame
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@attrs.frozen(eq=False)
class TableComparison:
    """How the decisions of two tables differ.

    Attributes:
        migration: Row counts, outcomes of the first table by outcomes of the other;
            ``(undecided)`` where a fact is missing.
        moved: Index of the rows whose outcome differs.
        before: Rule ids of the first table for these rows.
        after: Rule ids of the other table for these rows.
        rows: Number of rows compared.
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

    def plot(self, *, ax: Axes | None = None, language: Language = "en") -> Axes:
        """The shares of ``migration`` as a heatmap.

        Args:
            ax: Axes to draw on; None makes a figure.
            language: Language of titles and labels.

        Raises:
            MissingExtraError: The extra ``plot`` is not installed.
        """
        from bankcrm.plots import grids

        return grids.migration(self.migration, ax=ax, language=language)

    def _repr_html_(self) -> str:
        return card(f"{len(self.moved):,} of {self.rows:,} rows move", frame=self.migration)


def compare(table: Compiled, other: Compiled, frame: object) -> TableComparison:
    """Decide the rows by both tables; see `bankcrm.rules.DecisionTable.compare`."""
    if table.hit_policy.collects or other.hit_policy.collects:
        raise DataError("compare needs two tables with one outcome per row, not collecting ones")
    frame = as_frame(frame)
    names = list(dict.fromkeys([*table.vocabulary, *other.vocabulary, "(undecided)"]))
    first = decide_frame(table, frame, "undecided")
    second = decide_frame(other, frame, "undecided")
    before = _positions(first, names)
    after = _positions(second, names)
    migration = cross_count(before, after, names)
    present = np.flatnonzero(migration.any(axis=1) | migration.any(axis=0))
    moved = np.flatnonzero(before != after)
    return TableComparison(
        migration.iloc[present, present],
        frame.index[moved],
        first["rule"].iloc[moved],
        second["rule"].iloc[moved],
        len(frame),
    )


def cross_count(
    before: npt.NDArray[np.int64], after: npt.NDArray[np.int64], names: Sequence[object]
) -> pd.DataFrame:
    """Count the rows of each pair of names: one row per name before, one column per name after.

    Args:
        before: Position of each row's first name in ``names``, int64.
        after: Position of its second name.
        names: The names, in display order.

    >>> cross_count(np.array([0, 0]), np.array([0, 1]), ["low", "high"]).loc["low"].tolist()
    [1, 1]
    """
    size = len(names)
    counts = np.bincount(before * size + after, minlength=size * size).reshape(size, size)
    labels: pd.Index = pd.Index(list(names), dtype=object)
    return pd.DataFrame(
        counts.astype(np.int64), index=labels.rename("before"), columns=labels.rename("after")
    )


def _positions(decided: pd.DataFrame, names: list[object]) -> npt.NDArray[np.int64]:
    """Position of each row's outcome in ``names``, whose last entry is for undecided rows."""
    outcome = decided["outcome"].array
    positions = [names.index(c) for c in outcome.categories] + [len(names) - 1]
    found: npt.NDArray[np.int64] = np.array(positions, np.int64)[outcome.codes]
    return found
