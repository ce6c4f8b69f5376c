"""Curves: Lorenz, whale, survival, control chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bankcrm.plots._style import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    SERIES,
    canvas,
    needs,
    percent_axis,
)
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DASHES = ("-", "--", "-.", ":")


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
        ax: Axes to draw on; None makes a figure.
        band: ``customers``, ``lower`` and ``upper``: an interval around the curve, as
            `bankcrm.valuation.Concentration.lorenz_band` gives it.
        language: Language of titles and labels.
    """
    needs(curve, ("customers", "value"), "lorenz")
    with canvas(ax, language) as c:
        ax = c.ax
        ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
        ax.plot(curve["customers"], curve["value"], color=BLUE, linewidth=2)
        if band is not None:
            needs(band, ("customers", "lower", "upper"), "lorenz band")
            ax.fill_between(band["customers"], band["lower"], band["upper"], color=BLUE, alpha=0.2)
        nearest = (curve["customers"] - 0.8).abs().to_numpy().argmin()
        share = 1 - float(curve["value"].iloc[nearest])
        ax.plot([0.8], [1 - share], "o", color=ORANGE, zorder=3)
        text = c.text(f"top 20 % of customers: {share:.0%}", f"前20%客户：{share:.0%}")
        ax.annotate(text, (0.8, 1 - share), (-12, 0), textcoords="offset points", ha="right")
        percent_axis(ax, "xy")
        return c.finish(
            title=("Lorenz curve", "洛伦兹曲线"),
            x=("share of customers, lowest first", "客户累计占比（由低到高）"),
            y=("share of value", "价值累计占比"),
        )


def whale(curve: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en") -> Axes:
    """Whale curve: profit cumulated over customers, best first, as a share of the total.

    Args:
        curve: ``customers`` (share, 0 to 1) and ``profit`` (share of total profit).
        ax: Axes to draw on; None makes a figure.
        language: Language of titles and labels.
    """
    needs(curve, ("customers", "profit"), "whale")
    with canvas(ax, language) as c:
        ax = c.ax
        top = int(curve["profit"].to_numpy().argmax())
        x, y = float(curve["customers"].iloc[top]), float(curve["profit"].iloc[top])
        after = curve.iloc[top:]
        ax.fill_between(after["customers"], after["profit"], 1, color=RED, alpha=0.15)
        ax.plot(curve["customers"], curve["profit"], color=BLUE, linewidth=2)
        ax.axhline(1, color=GREY, linestyle="--", linewidth=1)
        ax.plot([x], [y], "o", color=ORANGE, zorder=3)
        text = c.text(f"peak {y:.0%} at {x:.0%} of customers", f"顶点 {y:.0%}（{x:.0%}客户）")
        ax.annotate(text, (x, y), (0, 8), textcoords="offset points", ha="center")
        ax.margins(y=0.12)
        percent_axis(ax, "xy")
        return c.finish(
            title=("Whale curve", "鲸鱼曲线"),
            x=("share of customers, most profitable first", "客户累计占比（由高到低）"),
            y=("cumulated profit, share of total", "累计利润占比"),
        )


def survival(curves: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en") -> Axes:
    """Survival of stages: the share of spells that last longer than a time.

    Args:
        curves: Indexed by ``stage`` and ``days`` (with a group before them: ``by``), or with
            these columns: ``survival``; ``lower`` and ``upper`` are drawn as a band. As
            `bankcrm.lifecycle.dwell_times` gives it.
        ax: Axes to draw on; None makes a figure.
        language: Language of titles and labels.
    """
    if "days" in curves.index.names:
        curves = curves.reset_index()
    needs(curves, ("stage", "days", "survival"), "survival")
    names = ["by", "stage"] if "by" in curves else ["stage"]
    with canvas(ax, language) as c:
        ax = c.ax
        groups = curves.groupby(names, observed=True, sort=False)
        for i, (stage, part) in enumerate(groups):
            colour, dash = SERIES[i % len(SERIES)], _DASHES[i % len(_DASHES)]
            days, kept = (np.append(s, part[c]) for s, c in ((0, "days"), (1, "survival")))
            (label,) = c.labels([stage if len(names) > 1 else stage[0]])
            ax.step(days, kept, where="post", color=colour, linestyle=dash, label=label)
            if {"lower", "upper"} <= set(part.columns):
                low, high = (np.append(1, part[c]) for c in ("lower", "upper"))
                ax.fill_between(days, low, high, step="post", color=colour, alpha=0.15)
        ax.set_ylim(0, 1.02)
        ax.legend(frameon=False)
        percent_axis(ax, "y")
        return c.finish(
            title=("How long stages last", "阶段停留"),
            x=("time in the stage (days)", "时间（天）"),
            y=("share still in the stage", "仍在该阶段的占比"),
        )


def control_chart(
    points: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en"
) -> Axes:
    """Control chart of a count or rate over periods, with its limits; signals are marked.

    Args:
        points: Indexed by period: ``rate`` (or ``value``), ``centre``, ``lower``, ``upper``;
            ``signal`` (true or a word) if points out of control are to be marked. As
            `bankcrm.complaints.control_chart` gives it.
        ax: Axes to draw on; None makes a figure.
        language: Language of titles and labels.
    """
    value = "rate" if "rate" in points else "value"
    needs(points, (value, "centre", "lower", "upper"), "control_chart")
    with canvas(ax, language, size=(7.2, 4.0)) as c:
        ax = c.ax
        x = range(len(points))
        ax.plot(x, points[value], color=BLUE, marker="o", linewidth=1.5)
        ax.plot(x, points["centre"], color=GREY, linewidth=1)
        ax.plot(x, points["upper"], color=RED, linestyle="--", linewidth=1, drawstyle="steps-mid")
        ax.plot(x, points["lower"], color=RED, linestyle="--", linewidth=1, drawstyle="steps-mid")
        if "signal" in points:
            out = [i for i, s in enumerate(points["signal"]) if s]
            ax.plot(out, points[value].iloc[out], "s", color=RED, markersize=9, zorder=3)
        step = max(1, len(points) // 8)
        ax.set_xticks(list(x)[::step], c.labels(points.index[::step]), rotation=30, ha="right")
        return c.finish(
            title=("Control chart", "控制图"),
            x=("period", "期间"),
            y=("count", "数量"),
        )
