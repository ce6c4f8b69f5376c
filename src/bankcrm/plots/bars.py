"""Bars: segment sizes, profit split, funnel, resources, ageing, Pareto, policy impact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.plots._style import (
    BLUE,
    GREEN,
    GREY,
    HATCHES,
    ORANGE,
    RED,
    SERIES,
    axes,
    finish,
    labels,
    lettering,
    needs,
    percent_axis,
    series_of,
    thousands,
)
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def sizes(
    counts: object,
    *,
    ax: Axes | None = None,
    title: str = "",
    language: Language = "en",
) -> Axes:
    """How many customers are in each segment, tier or stage, as lying bars with their shares.

    Args:
        counts: a Series or mapping of name to count.
        ax: axes to draw on; None makes a figure.
        title: the title; by default "Customers by segment".
        language: of titles and labels.

    Returns:
        The axes.
    """
    values = series_of(counts, "sizes")
    zh = language == "zh"
    with lettering(language):
        ax = axes(ax, size=(6.4, 0.42 * len(values) + 1.2))
        total = float(values.sum()) or 1.0
        names = labels(values.index, language)
        bars = ax.barh(names, values.to_numpy(), color=BLUE)
        ax.bar_label(bars, [f"{v:,.0f} ({v / total:.0%})" for v in values], padding=3)
        ax.invert_yaxis()
        ax.margins(x=0.2)
        thousands(ax, "x")
        heading = title or ("客户分群" if zh else "Customers by segment")
        return finish(ax, title=heading, x="客户数" if zh else "customers", y="")


def profit_split(
    shares: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en"
) -> Axes:
    """Profitable, marginal and losing customers: their share of customers and of profit.

    Args:
        shares: indexed by class (``profitable``, ``marginal``, ``losing``): ``customers`` and
            ``profit``, shares of the whole; ``rule`` is drawn as the textbook's figure.
        ax: axes to draw on; None makes a figure.
        language: of titles and labels.

    Returns:
        The axes.
    """
    needs(shares, ("customers", "profit"), "profit_split")
    zh = language == "zh"
    with lettering(language):
        ax = axes(ax)
        place = np.arange(len(shares))
        customers = "客户占比" if zh else "share of customers"
        profit = "利润占比" if zh else "share of profit"
        first = ax.bar(place - 0.2, shares["customers"], 0.38, color=BLUE, label=customers)
        second = ax.bar(place + 0.2, shares["profit"], 0.38, color=ORANGE, hatch="//", label=profit)
        for bars in (first, second):
            ax.bar_label(bars, fmt=lambda v: f"{v:.0%}", padding=2)
        if "rule" in shares:
            label = "经验法则" if zh else "rule of thumb"
            ax.plot(place - 0.2, shares["rule"], "_", color=RED, markersize=26, label=label)
        ax.axhline(0, color=GREY, linewidth=1)
        ax.set_xticks(place, labels(shares.index, language))
        ax.legend(frameon=False)
        ax.margins(y=0.15)
        percent_axis(ax, "y")
        title = "利润结构" if zh else "Who makes the profit"
        return finish(
            ax, title=title, x="客户类别" if zh else "customers", y="占比" if zh else "share"
        )


def funnel(steps: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en") -> Axes:
    """Funnel from stage to stage, with the interval of each conversion.

    Args:
        steps: as `bankcrm.lifecycle.stage_funnel` gives it: indexed by stage, ``reached`` and
            ``converted`` (customers), ``to`` (the stage after), ``rate``, ``lower`` and ``upper``
            of the conversion to it.
        ax: axes to draw on; None makes a figure.
        language: of titles and labels.

    Returns:
        The axes.
    """
    needs(steps, ("to", "reached", "converted", "rate", "lower", "upper"), "funnel")
    zh = language == "zh"
    with lettering(language):
        ax = axes(ax, size=(6.8, 0.6 * len(steps) + 2.0))
        reached = np.append(steps["reached"], steps["converted"].iloc[-1]).astype(np.float64)
        names = labels([*steps.index, steps["to"].iloc[-1]], language)
        ax.barh(names, reached, left=-reached / 2, color=BLUE, height=0.7)
        widest = max(float(reached.max()), 1.0)
        texts = [f"{reached[0]:,.0f}"] + [
            f"{n:,.0f}   " + (f"{r:.0%} [{a:.0%}, {b:.0%}]" if r == r else "")
            for n, r, a, b in zip(
                reached[1:], steps["rate"], steps["lower"], steps["upper"], strict=True
            )
        ]
        for i, text in enumerate(texts):
            ax.text(widest * 0.52, i, text, va="center")
        ax.invert_yaxis()
        ax.set_xlim(-widest * 0.55, widest * 1.05)
        ax.set_xticks([])
        ax.spines["bottom"].set_visible(False)
        note = (
            "客户数，转化率与95%区间" if zh else "customers reached, conversion with its interval"
        )
        return finish(ax, title="转化漏斗" if zh else "Funnel", x=note, y="")


def resource_plan(
    tiers: pd.DataFrame, *, ax: Axes | None = None, unit: str = "", language: Language = "en"
) -> Axes:
    """What each tier receives, beside its share of customers.

    Args:
        tiers: indexed by tier: ``customers`` and ``amount``.
        ax: axes to draw on; None makes a figure.
        unit: the unit of ``amount``.
        language: of titles and labels.

    Returns:
        The axes.
    """
    needs(tiers, ("customers", "amount"), "resource_plan")
    zh = language == "zh"
    with lettering(language):
        ax = axes(ax)
        place = np.arange(len(tiers))
        shares = tiers[["customers", "amount"]] / tiers[["customers", "amount"]].sum().clip(lower=1)
        first, second = (
            ("客户占比", "资源占比") if zh else ("share of customers", "share of resources")
        )
        ax.bar(place - 0.2, shares["customers"], 0.38, color=GREY, label=first)
        bars = ax.bar(place + 0.2, shares["amount"], 0.38, color=GREEN, hatch="//", label=second)
        ax.bar_label(
            bars, [f"{v:,.0f} {unit}".strip() for v in tiers["amount"]], padding=2, fontsize=8
        )
        ax.set_xticks(place, labels(tiers.index, language))
        ax.legend(frameon=False)
        ax.margins(y=0.12)
        percent_axis(ax, "y")
        title = "资源配置" if zh else "Resources by tier"
        return finish(ax, title=title, x="客户层级" if zh else "tier", y="占比" if zh else "share")


def ageing(counts: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en") -> Axes:
    """Open complaints by age; side by side the open and the unanswered, or stacked by group.

    Args:
        counts: indexed by age band, oldest last: ``open`` and ``unanswered``, as
            `bankcrm.complaints.ageing` gives it; or a column a group (a severity, say) whose
            sum is all open cases.
        ax: axes to draw on; None makes a figure.
        language: of titles and labels.

    Returns:
        The axes.
    """
    zh = language == "zh"
    title = "未结投诉账龄" if zh else "Open complaints by age"
    with lettering(language):
        beside = set(counts.columns) == {"open", "unanswered"}
        ax = grouped(counts, ax=ax, what="ageing", beside=beside, language=language)
        return finish(
            ax,
            title=title,
            x="已用工作日" if zh else "working days used",
            y="件数" if zh else "cases",
        )


def grouped(
    counts: pd.DataFrame, *, ax: Axes | None, what: str, beside: bool, language: Language
) -> Axes:
    """Columns over the rows of a frame, stacked or side by side, told apart by colour and hatch."""
    if counts.empty:
        raise DataError(f"{what}: nothing to draw; the frame has no rows")
    ax = axes(ax)
    place = np.arange(len(counts))
    base = np.zeros(len(counts))
    width = 0.8 / len(counts.columns) if beside else 0.7
    for i, (name, label) in enumerate(
        zip(counts.columns, labels(counts.columns, language), strict=True)
    ):
        values = counts[name].to_numpy(np.float64)
        left = place + (i - (len(counts.columns) - 1) / 2) * width if beside else place
        bars = ax.bar(left, values, width, bottom=base, label=label, edgecolor="white")
        for bar in bars:
            bar.set(facecolor=SERIES[i % len(SERIES)], hatch=HATCHES[i % len(HATCHES)])
        base = base if beside else base + values
    ax.set_xticks(place, labels(counts.index, language))
    ax.legend(frameon=False)
    thousands(ax, "y")
    return ax


def pareto(
    counts: object, *, ax: Axes | None = None, line: float = 0.8, language: Language = "en"
) -> Axes:
    """Pareto chart of causes: counts in falling order, and their cumulated share.

    Args:
        counts: a Series or mapping of cause to count; or a frame with ``count``, as
            `bankcrm.complaints.pareto` gives it.
        ax: axes to draw on; None makes a figure.
        line: where the cumulated share is marked.
        language: of titles and labels.

    Returns:
        The axes.
    """
    if isinstance(counts, pd.DataFrame):
        needs(counts, ("count",), "pareto")
        counts = counts["count"]
    values = series_of(counts, "pareto").sort_values(ascending=False, kind="stable")
    zh = language == "zh"
    with lettering(language):
        ax = axes(ax, size=(7.2, 4.6))
        place = np.arange(len(values))
        share = values.cumsum().to_numpy() / (float(values.sum()) or 1.0)
        vital = np.concatenate([[True], share[:-1] < line])
        ax.bar(place, values.to_numpy(), color=[BLUE if v else GREY for v in vital])
        names = [_short(n) for n in labels(values.index, language)]
        ax.set_xticks(place, names, rotation=35, ha="right")
        thousands(ax, "y")
        right = ax.twinx()
        right.plot(place, share, color=ORANGE, marker="o", linewidth=1.5)
        right.axhline(line, color=RED, linestyle="--", linewidth=1)
        right.set_ylim(0, 1.05)
        right.set_ylabel("累计占比" if zh else "cumulated share")
        right.spines["top"].set_visible(False)
        percent_axis(right, "y")
        finish(ax, title="投诉原因" if zh else "Causes", x="", y="件数" if zh else "cases")
        ax.spines["right"].set_visible(True)
        return ax


def impact(moves: object, *, ax: Axes | None = None, language: Language = "en") -> Axes:
    """Policy impact: how many customers each move concerns.

    Args:
        moves: a Series or mapping of "before -> after" to customers; or a table of counts,
            outcomes before by outcomes after, whose diagonal (those who stay) is left out.
        ax: axes to draw on; None makes a figure.
        language: of titles and labels.

    Returns:
        The axes.
    """
    title = "政策影响：客户变动" if language == "zh" else "Policy impact: customers that move"
    if isinstance(moves, pd.DataFrame):
        moves = _moves(moves, language)
    return sizes(moves, ax=ax, title=title, language=language)


def _moves(table: pd.DataFrame, language: Language) -> pd.Series[Any]:
    """The counts off the diagonal, most first, named "before -> after"."""
    counts = {
        " → ".join(labels((before, after), language)): int(count)
        for before, row in zip(table.index, table.to_numpy(), strict=True)
        for after, count in zip(table.columns, row, strict=True)
        if before != after and count
    }
    if not counts:
        raise DataError("impact: nothing to draw; nobody moves")
    return pd.Series(counts).sort_values(ascending=False, kind="stable")


def _short(text: str, width: int = 28) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
