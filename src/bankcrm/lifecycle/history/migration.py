"""How customers move between stages in a period: counts, chances, intervals (LCM-6, CBM-1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import card, line
from bankcrm.arguments import as_number
from bankcrm.errors import DataError
from bankcrm.intervals import wilson
from bankcrm.lifecycle.history.panel import Panel, groups_of, read_panel
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Method: TypeAlias = Literal["cohort", "duration"]
Counts: TypeAlias = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class MigrationMatrix:
    """Moves between stages, and the probabilities that follow.

    Attributes:
        method: ``cohort`` or ``duration``.
        counts: Observed moves, one row per stage before and one column per stage after; for
            ``cohort`` the diagonal counts customers who stayed.
        exposure: For each row the denominator of its probabilities: customers (``cohort``) or
            customer days (``duration``).
        probabilities: Probability of each stage after one period; null where a stage was never
            observed.
        period_days: Mean length of the period, days.
        generator: Rates per day between stages (``duration`` only).
    """

    method: Method
    counts: pd.DataFrame
    exposure: pd.Series
    probabilities: pd.DataFrame
    period_days: float
    generator: pd.DataFrame | None = None

    def interval(self, confidence: float = 0.95) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Lower and upper bounds of the probabilities by Wilson's interval (``cohort`` only).

        Raises:
            DataError: The matrix was made by ``duration``, which counts days, not trials.
        """
        if self.method != "cohort":
            raise DataError("interval: Wilson's interval needs counted customers: method='cohort'")
        trials = self.exposure.to_numpy(dtype=np.float64)[:, None]
        _, low, high = wilson(self.counts.to_numpy(), trials, confidence)
        rows, columns = self.counts.index, self.counts.columns
        return pd.DataFrame(low, rows, columns), pd.DataFrame(high, rows, columns)

    def plot(self, ax: Axes | None = None, language: Language = "en") -> Axes:
        """The probabilities as a heatmap; see `bankcrm.plots.migration`."""
        from bankcrm.plots import grids

        return grids.migration(self.probabilities, ax=ax, language=language)

    def _figures(self) -> dict[str, object]:
        moves = self.counts.to_numpy().sum()
        return {
            "method": self.method,
            "pairs of dates" if self.method == "cohort" else "moves": int(moves),
            "period (days)": self.period_days,
        }

    def __repr__(self) -> str:
        return line("MigrationMatrix", self._figures())

    def __str__(self) -> str:
        return f"{self!r}\n{self.probabilities.round(4)}"

    def _repr_html_(self) -> str:
        return card("Migration between stages", self._figures(), self.probabilities.round(4))


def migration_matrix(
    history: object,
    *,
    method: Method = "cohort",
    by: pd.Series | Literal["period"] | None = None,
    period_days: float | None = None,
) -> MigrationMatrix:
    """How customers moved from stage to stage between the dates of a history.

    ``cohort`` compares neighbouring dates: of those in a stage on one date, the share in each
    stage on the next. ``duration`` divides moves by the days spent in a stage, which uses spells of
    unequal length and moves there and back between distant dates, and takes the matrix exponential
    over one period. A customer who is not observed on either date is censored: the pair of dates
    does not count, and no stage is assumed.

    Args:
        history: As `stage_history` gives it.
        method: ``cohort`` or ``duration``.
        by: ``"period"`` for one matrix per pair of dates (``cohort`` only); a Series over customer
            ids for one matrix per segment; None for one matrix.
        period_days: Length of the period for ``duration``; the mean step between dates by default.

    Returns:
        `MigrationMatrix`; with ``by``, rows are indexed by group and stage before.

    Raises:
        DataError: Fewer than two dates, or ``by`` does not fit.

    Source: LCM-6.

    >>> history = pd.DataFrame({
    ...     "customer_id": [1, 1, 2, 2],
    ...     "date": pd.to_datetime(["2026-01-31", "2026-02-28"] * 2),
    ...     "stage": ["active", "dormant", "active", "active"]})
    >>> migration_matrix(history).probabilities.loc["active"].tolist()
    [0.5, 0.5]
    """
    if method not in ("cohort", "duration"):
        raise DataError(f"method: expected 'cohort' or 'duration', found {method!r}")
    panel = read_panel(history)
    if len(panel.dates) < 2:
        raise DataError("history: migration needs at least two dates")
    if not panel.stages:
        raise DataError("history: no stage is known in it, so no move; give one with stages")
    steps = np.diff(panel.dates.astype(np.int64)).astype(np.float64)
    if isinstance(by, str):
        if by != "period" or method != "cohort":
            raise DataError("by: expected a Series over customer ids, or 'period' with 'cohort'")
        labels: list[object] = list(pd.DatetimeIndex(panel.dates[1:].astype("datetime64[s]")))
        group = np.broadcast_to(np.arange(len(steps)), (len(panel.grid), len(steps)))
    else:
        customer, labels = groups_of(panel.customers, by)
        group = np.broadcast_to(customer[:, None], (len(panel.grid), len(steps)))
    period = float(steps.mean()) if period_days is None else period_days
    if not 0 < as_number(period, "period_days") < np.inf:
        raise DataError(f"period_days: expected a length above 0 days, found {period_days}")
    counts, days_spent = pair_counts(panel, group, max(len(labels), 1), steps)
    stages = len(panel.stages)
    if method == "cohort":
        exposure = counts.sum(axis=2)
        with np.errstate(invalid="ignore"):
            share = counts / exposure[:, :, None]
        generator = None
    else:
        exposure = days_spent
        moves = counts * ~np.eye(stages, dtype=np.bool_)
        rates, share = _generator(moves, exposure, period)
        generator = _frame(rates, panel.stages, labels)
        counts = moves
    return MigrationMatrix(
        method,
        _frame(counts, panel.stages, labels).astype(np.int64),
        pd.Series(exposure.ravel(), index=_rows(panel.stages, labels), name="exposure"),
        _frame(share, panel.stages, labels),
        period,
        generator,
    )


def pair_counts(
    panel: Panel,
    group: npt.NDArray[np.intp],
    groups: int,
    steps: npt.NDArray[np.float64],
) -> tuple[Counts, Counts]:
    """Pairs of neighbouring dates by group and stages; and days spent by group and stage."""
    size = len(panel.stages)
    counts = np.zeros(groups * size * size)
    spent = np.zeros(groups * size)
    for j, step in enumerate(steps):
        before, after = panel.grid[:, j], panel.grid[:, j + 1]
        seen = (before >= 0) & (after >= 0)
        row = group[seen, j] * size + before[seen]
        counts += np.bincount(row * size + after[seen], minlength=len(counts))
        spent += step * np.bincount(row, minlength=len(spent))
    return counts.reshape(groups, size, size), spent.reshape(groups, size)


def _generator(moves: Counts, exposure: Counts, period: float) -> tuple[Counts, Counts]:
    """Rates per day, and probabilities after a period; null for a stage that was never observed."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = np.where(exposure[:, :, None] > 0, moves / exposure[:, :, None], 0.0)
    diagonal = np.arange(rates.shape[1])
    rates[:, diagonal, diagonal] = -rates.sum(axis=2)
    from scipy.linalg import expm

    share = np.stack([expm(r * period) for r in rates])
    unseen = exposure == 0
    share[unseen] = np.nan
    rates[unseen] = np.nan
    return rates, share


def _rows(stages: tuple[str, ...], labels: list[object]) -> pd.Index:
    before = pd.Index(stages, name="before")
    return (
        pd.MultiIndex.from_product([labels, before], names=["by", "before"]) if labels else before
    )


def _frame(values: Counts, stages: tuple[str, ...], labels: list[object]) -> pd.DataFrame:
    columns = pd.Index(stages, name="after")
    return pd.DataFrame(
        values.reshape(-1, len(stages)), index=_rows(stages, labels), columns=columns
    )
