"""Curves: Lorenz, whale, survival, control chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bankcrm.plots._style import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    axes,
    finish,
    lettering,
    needs,
    percent_axis,
    thousands,
)
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def lorenz(
    curve: pd.DataFrame,
    *,
    ax: Axes | None = None,
    band: pd.DataFrame | None = None,
    language: Language = "en",
) -> Axes:
    """Lorenz curve of value over customers, poorest first, with the point of the top fifth.

    Args:
        curve: ``customers`` and ``value``, cumulated shares from 0 to 1.
        ax: axes to draw on; None makes a figure.
        band: ``customers``, ``low`` and ``high``: an interval around the curve.
        language: of titles and labels.

    Returns:
        The axes.
    """
    needs(curve, ("customers", "value"), "lorenz")
    zh = language == "zh"
    with lettering(language):
        ax = axes(ax)
        ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
        ax.plot(curve["customers"], curve["value"], color=BLUE, linewidth=2)
        if band is not None:
            needs(band, ("customers", "low", "high"), "lorenz band")
            ax.fill_between(band["customers"], band["low"], band["high"], color=BLUE, alpha=0.2)
        nearest = (curve["customers"] - 0.8).abs().to_numpy().argmin()
        held = 1 - float(curve["value"].iloc[nearest])
        ax.plot([0.8], [1 - held], "o", color=ORANGE, zorder=3)
        text = f"前20%客户：{held:.0%}" if zh else f"top 20 % of customers: {held:.0%}"
        ax.annotate(text, (0.8, 1 - held), (-12, 0), textcoords="offset points", ha="right")
        percent_axis(ax, "xy")
        return finish(
            ax,
            title="洛伦兹曲线" if zh else "Lorenz curve",
            x="客户累计占比（由低到高）" if zh else "share of customers, lowest first",
            y="价值累计占比" if zh else "share of value",
        )


def whale(curve: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en") -> Axes:
    """Whale curve: profit cumulated over customers, best first, as a share of the total.

    Args:
        curve: ``customers`` (share, 0 to 1) and ``profit`` (share of total profit).
        ax: axes to draw on; None makes a figure.
        language: of titles and labels.

    Returns:
        The axes.
    """
    needs(curve, ("customers", "profit"), "whale")
    zh = language == "zh"
    with lettering(language):
        ax = axes(ax)
        top = int(curve["profit"].to_numpy().argmax())
        x, y = float(curve["customers"].iloc[top]), float(curve["profit"].iloc[top])
        after = curve.iloc[top:]
        ax.fill_between(after["customers"], after["profit"], 1, color=RED, alpha=0.15)
        ax.plot(curve["customers"], curve["profit"], color=BLUE, linewidth=2)
        ax.axhline(1, color=GREY, linestyle="--", linewidth=1)
        ax.plot([x], [y], "o", color=ORANGE, zorder=3)
        text = f"顶点 {y:.0%}（{x:.0%}客户）" if zh else f"peak {y:.0%} at {x:.0%} of customers"
        ax.annotate(text, (x, y), (0, 8), textcoords="offset points", ha="center")
        ax.margins(y=0.12)
        percent_axis(ax, "xy")
        return finish(
            ax,
            title="鲸鱼曲线" if zh else "Whale curve",
            x="客户累计占比（由高到低）" if zh else "share of customers, most profitable first",
            y="累计利润占比" if zh else "cumulated profit, share of total",
        )


def survival(
    curves: pd.DataFrame, *, ax: Axes | None = None, unit: str = "days", language: Language = "en"
) -> Axes:
    """Survival of stages: the share of spells that last longer than a time.

    Args:
        curves: ``stage``, ``time`` and ``survival``; ``low`` and ``high`` are drawn as a band.
        ax: axes to draw on; None makes a figure.
        unit: the unit of ``time``.
        language: of titles and labels.

    Returns:
        The axes.
    """
    from bankcrm.plots._style import SERIES

    needs(curves, ("stage", "time", "survival"), "survival")
    zh = language == "zh"
    with lettering(language):
        ax = axes(ax)
        groups = curves.groupby("stage", observed=True, sort=False)
        for colour, (stage, part) in zip(SERIES * len(groups), groups, strict=False):
            ax.step(part["time"], part["survival"], where="post", color=colour, label=str(stage))
            if {"low", "high"} <= set(part.columns):
                ax.fill_between(
                    part["time"], part["low"], part["high"], step="post", color=colour, alpha=0.15
                )
        ax.set_ylim(0, 1.02)
        ax.legend(frameon=False)
        percent_axis(ax, "y")
        return finish(
            ax,
            title="阶段停留" if zh else "How long stages last",
            x=f"时间（{unit}）" if zh else f"time in the stage ({unit})",
            y="仍在该阶段的占比" if zh else "share still in the stage",
        )


def control_chart(
    points: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en"
) -> Axes:
    """Control chart of a count or rate over periods, with its limits; signals are marked.

    Args:
        points: indexed by period: ``value``, ``centre``, ``lower``, ``upper``; ``signal`` (bool) if
            points out of control are to be marked.
        ax: axes to draw on; None makes a figure.
        language: of titles and labels.

    Returns:
        The axes.
    """
    needs(points, ("value", "centre", "lower", "upper"), "control_chart")
    zh = language == "zh"
    with lettering(language):
        ax = axes(ax, size=(7.2, 4.0))
        x = range(len(points))
        ax.plot(x, points["value"], color=BLUE, marker="o", linewidth=1.5)
        ax.plot(x, points["centre"], color=GREY, linewidth=1)
        ax.plot(x, points["upper"], color=RED, linestyle="--", linewidth=1, drawstyle="steps-mid")
        ax.plot(x, points["lower"], color=RED, linestyle="--", linewidth=1, drawstyle="steps-mid")
        if "signal" in points:
            out = [i for i, s in enumerate(points["signal"]) if s]
            ax.plot(out, points["value"].iloc[out], "s", color=RED, markersize=9, zorder=3)
        step = max(1, len(points) // 8)
        ax.set_xticks(
            list(x)[::step], [str(p) for p in points.index[::step]], rotation=30, ha="right"
        )
        thousands(ax, "y")
        return finish(
            ax,
            title="控制图" if zh else "Control chart",
            x="期间" if zh else "period",
            y="数量" if zh else "count",
        )
