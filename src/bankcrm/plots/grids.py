"""Grids and flows: RFM heatmap, migration heatmap, stages over time, tier movement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.plots._style import (
    HATCHES,
    SERIES,
    axes,
    finish,
    labels,
    lettering,
    needs,
    percent_axis,
)
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def rfm_heatmap(
    scores: pd.DataFrame,
    *,
    ax: Axes | None = None,
    value: str | None = None,
    language: Language = "en",
) -> Axes:
    """Customers by recency and frequency score, or the mean of a value in each cell.

    Args:
        scores: ``r`` and ``f`` (whole numbers, the best is the highest) for each customer.
        ax: axes to draw on; None makes a figure.
        value: a column whose mean is shown instead of the number of customers.
        language: of titles and labels.

    Returns:
        The axes.
    """
    needs(scores, ("r", "f", *([value] if value else [])), "rfm_heatmap")
    known = scores.dropna(subset=["r", "f"])
    cells = known.groupby(["f", "r"], observed=True)
    table = (cells[value].mean() if value else cells.size()).unstack("r")
    top = int(max(known["r"].max(), known["f"].max()))
    grid = table.reindex(index=range(top, 0, -1), columns=range(1, top + 1))
    zh = language == "zh"
    with lettering(language):
        ax = axes(ax, size=(5.6, 4.8))
        _cells(ax, grid, "{:,.0f}")
        what = value.replace("_", " ") if value else ("客户数" if zh else "customers")
        return finish(
            ax,
            title=f"RFM：{what}" if zh else f"RFM: {what} by score",
            x="最近一次（R）得分" if zh else "recency score (R)",
            y="频率（F）得分" if zh else "frequency score (F)",
        )


def migration(
    matrix: pd.DataFrame,
    *,
    ax: Axes | None = None,
    title: str = "",
    language: Language = "en",
) -> Axes:
    """Migration matrix as a heatmap: rows are where customers came from, and sum to one.

    Args:
        matrix: square; probabilities, or counts, which are turned into shares of their row.
        ax: axes to draw on; None makes a figure.
        title: the title; by default "Migration".
        language: of titles and labels.

    Returns:
        The axes.
    """
    if matrix.empty:
        raise DataError("migration: nothing to draw; the matrix has no rows")
    sums = matrix.sum(axis=1)
    shares = matrix.div(sums.where(sums > 0), axis=0)
    zh = language == "zh"
    with lettering(language):
        ax = axes(ax, size=(1.0 * len(matrix.columns) + 1.8, 0.7 * len(matrix) + 1.6))
        _cells(ax, shares, "{:.0%}", top=1.0)
        ax.set_xticks(
            range(len(shares.columns)), labels(shares.columns, language), rotation=30, ha="right"
        )
        ax.set_yticks(range(len(shares)), labels(shares.index, language))
        heading = title or ("迁移矩阵" if zh else "Migration")
        return finish(ax, title=heading, x="之后" if zh else "after", y="之前" if zh else "before")


def stage_flow(counts: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en") -> Axes:
    """How customers spread over the stages from date to date, stacked to the whole.

    Args:
        counts: indexed by date; a column a stage, values are customers. Or a history as
            `bankcrm.lifecycle.stage_history` gives it, ``stage`` by customer and ``date``, which
            is counted here; customers that have no stage yet are left out.
        ax: axes to draw on; None makes a figure.
        language: of titles and labels.

    Returns:
        The axes.
    """
    if counts.empty:
        raise DataError("stage_flow: nothing to draw; the frame has no rows")
    if "stage" in counts:
        counts = counts.groupby(["date", "stage"], observed=True).size().unstack(fill_value=0)
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    zh = language == "zh"
    with lettering(language):
        ax = axes(ax, size=(7.2, 4.2))
        x = np.arange(len(shares))
        layers = ax.stackplot(
            x,
            shares.to_numpy(np.float64).T,
            labels=labels(shares.columns, language),
            colors=SERIES[: len(shares.columns)],
        )
        for layer, hatch in zip(layers, HATCHES * 2, strict=False):
            layer.set(hatch=hatch, edgecolor="white", linewidth=0.4)
        step = max(1, len(x) // 8)
        ax.set_xticks(x[::step], labels(shares.index[::step], language), rotation=30, ha="right")
        ax.set_ylim(0, 1)
        ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), reverse=True)
        percent_axis(ax, "y")
        return finish(
            ax,
            title="生命周期阶段变化" if zh else "Stages over time",
            x="日期" if zh else "date",
            y="客户占比" if zh else "share of customers",
        )


def tier_movement(
    matrix: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en"
) -> Axes:
    """Movement between tiers: each tier's customers by the tier that they go to.

    Args:
        matrix: counts, tiers before by tiers after.
        ax: axes to draw on; None makes a figure.
        language: of titles and labels.

    Returns:
        The axes.
    """
    title = "层级变动" if language == "zh" else "Tier movement"
    return migration(matrix, ax=ax, title=title, language=language)


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
