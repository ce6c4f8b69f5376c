"""Curves: Lorenz, whale, survival, control chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bankcrm.frames import column_of
from bankcrm.plots._style import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    SERIES,
    drawing,
    needs,
    percent_axis,
    picture,
)
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DASHES = ("-", "--", "-.", ":")


@picture("customers", "value")
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
    c = drawing(ax, language)
    ax = c.ax
    equal, actual = c.text("equal shares", "平均分布"), c.text("customers", "客户")
    ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label=equal)
    ax.plot(curve["customers"], curve["value"], color=BLUE, linewidth=2, label=actual)
    if band is not None:
        band = needs(band, ("customers", "lower", "upper"), "lorenz band")
        ax.fill_between(band["customers"], band["lower"], band["upper"], color=BLUE, alpha=0.2)
    nearest = (curve["customers"] - 0.8).abs().to_numpy().argmin()
    share = 1 - float(curve["value"].iloc[nearest])
    text = c.text(f"top 20% of customers: {share:.0%}", f"前20%客户：{share:.0%}")
    ax.plot([0.8], [1 - share], "o", color=ORANGE, zorder=3, label=text)
    ax.legend(frameon=False, loc="upper left")
    percent_axis(ax, "xy")
    return c.finish(
        title=("Lorenz curve", "洛伦兹曲线"),
        x=("share of customers, lowest first", "客户累计占比（由低到高）"),
        y=("share of the total", "累计占比"),
    )


@picture("customers", "profit")
def whale(curve: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en") -> Axes:
    """Whale curve: profit cumulated over customers, best first, as a share of the total.

    Args:
        curve: ``customers`` (share, 0 to 1) and ``profit`` (share of total profit).
        ax: Axes to draw on; None makes a figure.
        language: Language of titles and labels.
    """
    c = drawing(ax, language)
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
        x=("share of customers, highest first", "客户累计占比（由高到低）"),
        y=("cumulated share of the total", "累计占比"),
    )


@picture()
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
    curves = needs(curves, ("days", "survival"), "survival")
    column_of(curves, "stage", "survival")
    names = ["by", "stage"] if "by" in curves else ["stage"]
    c = drawing(ax, language)
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


@picture(size=(7.2, 4.0))
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
    points = needs(points, (value, "centre", "lower", "upper"), "control_chart")
    c = drawing(ax, language)
    ax = c.ax
    x = range(len(points))
    ax.plot(x, points[value], color=BLUE, marker="o", linewidth=1.5)
    limits = (
        ("centre", GREY, "-", ("centre", "中心线")),
        ("upper", RED, "--", ("upper limit", "上控制限")),
        ("lower", RED, "--", ("lower limit", "下控制限")),
    )
    for column, colour, dash, name in limits:
        shape = "default" if column == "centre" else "steps-mid"
        ax.plot(x, points[column], color=colour, linestyle=dash, linewidth=1, drawstyle=shape)
        last = (len(points) - 1, float(points[column].iloc[-1]))
        ax.annotate(c.text(*name), last, (6, 0), textcoords="offset points", va="center")
    if "signal" in points:
        out = [i for i, s in enumerate(points["signal"]) if s]
        ax.plot(out, points[value].iloc[out], "s", color=RED, markersize=9, zorder=3)
    step = max(1, len(points) // 8)
    ax.set_xticks(list(x)[::step], c.labels(points.index[::step]), rotation=30, ha="right")
    return c.finish(
        title=("Control chart with its limits", "控制图（含控制限）"),
        x=("period", "期间"),
        y=("rate", "比率") if value == "rate" else ("count", "数量"),
    )
