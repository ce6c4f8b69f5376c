"""Grids and flows: RFM heatmap, migration heatmap, stages over time, tier movement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bankcrm._display import few
from bankcrm.errors import DataError
from bankcrm.frames import column_of
from bankcrm.frames.arrays import days
from bankcrm.frames.numbering import words_of
from bankcrm.plots._style import (
    HATCHES,
    SERIES,
    Canvas,
    Text,
    drawing,
    needs,
    percent_axis,
    picture,
    thousands,
)
from bankcrm.vocabulary import Language, Tier

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_HIGHEST = 20  # a score beyond it would make a picture that nobody can read


@picture(size=(5.6, 4.8))
def rfm_heatmap(
    scores: pd.DataFrame,
    *,
    ax: Axes | None = None,
    value: str | None = None,
    language: Language = "en",
) -> Axes:
    """Customers by recency and frequency score, or the mean of a value in each cell.

    Args:
        scores: ``r`` and ``f`` (whole numbers, the best is the highest) for each customer; rows
            without them, or without the value, are left out.
        ax: Axes to draw on; None makes a figure.
        value: A column whose mean is shown instead of the number of customers.
        language: Language of titles and labels.
    """
    scores = needs(scores, ("r", "f", *([value] if value else [])), "rfm_heatmap")
    known = scores.dropna(subset=["r", "f", *([value] if value else [])])
    if known.empty:
        raise DataError(
            f"rfm_heatmap: nothing to draw; none of {len(scores):,} customers has "
            f"{' and '.join(['scores', *([value] if value else [])])}"
        )
    cells = known.groupby(["f", "r"], observed=True)
    table = (cells[value].mean() if value else cells.size()).unstack("r")
    score = known[["r", "f"]].to_numpy()
    bad = ~((score == np.floor(score)) & (score >= 1) & (score <= _HIGHEST)).all(axis=1)
    if bad.any():
        raise DataError(
            f"rfm_heatmap: {bad.sum():,} rows ({few(known.index[bad])}) have other scores; "
            f"expected whole scores r and f from 1 to {_HIGHEST}"
        )
    top = int(score.max())
    grid = table.reindex(index=range(top, 0, -1), columns=range(1, top + 1))
    c = drawing(ax, language)
    ax = c.ax
    _cells(ax, grid, "{:,.0f}")
    (name,) = c.labels([value or "customers"])
    what = c.text(f"mean {name}", f"平均{name}") if value else c.text("customers", "客户数")
    _scale(c, what)
    return c.finish(
        title=(f"RFM: {what} by score", f"RFM：{what}"),
        x=("recency score (R)", "最近一次（R）得分"),
        y=("frequency score (F)", "频率（F）得分"),
    )


@picture(size=lambda matrix: (1.0 * len(matrix.columns) + 2.6, 0.7 * len(matrix) + 1.6))
def migration(
    matrix: pd.DataFrame,
    *,
    ax: Axes | None = None,
    title: Text = ("Migration", "迁移矩阵"),
    language: Language = "en",
) -> Axes:
    """Migration matrix as a heatmap: rows are where customers came from, and sum to one.

    Args:
        matrix: Square; probabilities, or counts, which become shares of their row.
        ax: Axes to draw on; None makes a figure.
        title: The title in English and in Chinese.
        language: Language of titles and labels.
    """
    matrix = needs(matrix, matrix.columns, "migration")
    sums = matrix.sum(axis=1)
    shares = matrix.div(sums.where(sums > 0), axis=0)
    c = drawing(ax, language)
    _cells(c.ax, shares, "{:.0%}", top=1.0)
    _scale(c, c.text("share of the row", "占该行比例"), percent=True)
    columns = c.labels(shares.columns)
    c.ax.set_xticks(range(len(columns)), columns, rotation=30, ha="right")
    c.ax.set_yticks(range(len(shares)), c.labels(shares.index))
    return c.finish(title=title, x=("after", "之后"), y=("before", "之前"))


@picture(size=(7.2, 4.2))
def stage_flow(counts: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en") -> Axes:
    """Shares of customers by stage from date to date, stacked.

    Args:
        counts: Indexed by date; one column per stage, values are customers. Or a history as
            `bankcrm.lifecycle.stage_history` gives it, ``stage`` by customer and ``date``, which
            is counted here; customers that have no stage yet are left out.
        ax: Axes to draw on; None makes a figure.
        language: Language of titles and labels.
    """
    if "stage" in counts:
        by = [days(column_of(counts, "date", "stage_flow")), words_of(counts["stage"], "stage")]
        counts = counts.groupby(by, observed=True).size().unstack(fill_value=0)
    counts = needs(counts, counts.columns, "stage_flow")
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    c = drawing(ax, language)
    ax = c.ax
    x = np.arange(len(shares))
    layers = ax.stackplot(
        x,
        shares.to_numpy(np.float64).T,
        labels=c.labels(shares.columns),
        colors=SERIES[: len(shares.columns)],
    )
    for layer, hatch in zip(layers, HATCHES * 2, strict=False):
        layer.set(hatch=hatch, edgecolor="white", linewidth=0.4)
    step = max(1, len(x) // 8)
    ax.set_xticks(x[::step], c.labels(shares.index[::step]), rotation=30, ha="right")
    ax.set_ylim(0, 1)
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), reverse=True)
    percent_axis(ax, "y")
    return c.finish(
        title=("Stages over time", "生命周期阶段变化"),
        x=("date", "日期"),
        y=("share of customers", "客户占比"),
    )


def tier_movement(
    matrix: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en"
) -> Axes:
    """Movement between tiers: each tier's customers by the tier that they go to, best tier first.

    Args:
        matrix: Counts, tiers before by tiers after.
        ax: Axes to draw on; None makes a figure.
        language: Language of titles and labels.
    """
    matrix = needs(matrix, (), "tier_movement")
    order = [
        t.value for t in Tier if t.value in {*map(str, matrix.index), *map(str, matrix.columns)}
    ]
    ordered = matrix.rename(index=str, columns=str)
    if set(order) == {*ordered.index} == {*ordered.columns}:
        ordered = ordered.loc[order, order]
    return migration(ordered, ax=ax, title=("Tier movement", "层级变动"), language=language)


def _scale(c: Canvas, label: str, *, percent: bool = False) -> None:
    """The scale of the colours of the heatmap."""
    figure = c.ax.get_figure(root=True)
    if figure is None:
        return
    bar = figure.colorbar(c.ax.images[0], ax=c.ax, label=label, fraction=0.05)
    bar.outline.set_visible(False)
    if percent:
        percent_axis(bar.ax, "y")
    else:
        thousands(bar.ax, "y")


def _cells(ax: Axes, grid: pd.DataFrame, form: str, top: float | None = None) -> None:
    """A heatmap with its numbers, dark text on light cells and light text on dark ones."""
    values = grid.to_numpy(dtype=np.float64, na_value=np.nan)
    high = top if top is not None else float(np.nanmax(values, initial=1.0))
    ax.imshow(np.nan_to_num(values), cmap="Blues", vmin=0, vmax=high, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            colour = "white" if value > 0.55 * high else "black"
            ax.text(column, row, form.format(value), ha="center", va="center", color=colour)
    ax.set_xticks(range(len(grid.columns)), [str(c) for c in grid.columns])
    ax.set_yticks(range(len(grid)), [str(c) for c in grid.index])
