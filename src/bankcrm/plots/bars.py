"""Bars: segment sizes, profit split, funnel, resources, ageing, Pareto, policy impact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bankcrm._display import few
from bankcrm.errors import DataError
from bankcrm.frames import column_of
from bankcrm.plots._style import (
    BLUE,
    GREEN,
    GREY,
    HATCHES,
    ORANGE,
    RED,
    SERIES,
    Canvas,
    Text,
    drawing,
    labels,
    needs,
    percent_axis,
    picture,
    series_of,
    thousands,
)
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def sizes(
    counts: object, *, ax: Axes | None = None, title: str = "", language: Language = "en"
) -> Axes:
    """How many customers are in each segment, tier or stage, as horizontal bars with their shares.

    Args:
        counts: A Series or mapping of name to count.
        ax: Axes to draw on; None makes a figure.
        title: The title; by default "Customers by segment".
        language: Language of titles and labels.
    """
    values = series_of(counts, "sizes")
    return _horizontal_bars(values, title or ("Customers by segment", "客户分群"), ax, language)


@picture(size=lambda values: (6.4, 0.42 * len(values) + 1.2))
def _horizontal_bars(
    values: pd.Series[Any], title: Text | str, ax: Axes | None, language: Language
) -> Axes:
    c = drawing(ax, language)
    total = float(values.sum()) or 1.0
    bars = c.ax.barh(c.labels(values.index), values.to_numpy(), color=BLUE)
    c.ax.bar_label(bars, [f"{v:,.0f} ({v / total:.0%})" for v in values], padding=3)
    c.ax.invert_yaxis()
    c.ax.margins(x=0.2)
    thousands(c.ax, "x")
    return c.finish(title=title, x=("customers", "客户数"))


@picture("customers", "profit")
def profit_split(
    shares: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en"
) -> Axes:
    """Profitable, marginal and losing customers: their share of customers and of the
    contribution.

    Args:
        shares: Indexed by class (``profitable``, ``marginal``, ``losing``): ``customers`` and
            ``profit``, shares of the whole; ``reference`` is drawn as the textbook's figure.
        ax: Axes to draw on; None makes a figure.
        language: Language of titles and labels.
    """
    c = drawing(ax, language)
    ax = c.ax
    place = np.arange(len(shares))
    customers = c.text("share of customers", "客户占比")
    profit = c.text("share of the contribution", "贡献占比")
    first = ax.bar(place - 0.2, shares["customers"], 0.38, color=BLUE, label=customers)
    second = ax.bar(place + 0.2, shares["profit"], 0.38, color=ORANGE, hatch="//", label=profit)
    for bars in (first, second):
        ax.bar_label(bars, fmt=lambda v: f"{v:.0%}", padding=2)
    if "reference" in shares:
        label = c.text("rule of thumb", "经验法则")
        ax.plot(place - 0.2, shares["reference"], "_", color=RED, markersize=26, label=label)
    ax.axhline(0, color=GREY, linewidth=1)
    ax.set_xticks(place, c.labels(shares.index))
    ax.legend(frameon=False)
    ax.margins(y=0.15)
    percent_axis(ax, "y")
    title = ("Who brings the contribution", "贡献结构")
    return c.finish(title=title, x=("customers", "客户类别"), y=("share", "占比"))


_FUNNEL = ("reached", "converted", "rate", "lower", "upper")


@picture(*_FUNNEL, size=lambda steps: (6.8, 0.6 * len(steps) + 2.0))
def funnel(steps: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en") -> Axes:
    """Funnel from stage to stage, with the interval of each conversion.

    Args:
        steps: As `bankcrm.lifecycle.stage_funnel` gives it: indexed by stage, ``reached`` and
            ``converted`` (customers), ``to`` (the stage after), ``rate``, ``lower`` and ``upper``
            of the conversion to it.
        ax: Axes to draw on; None makes a figure.
        language: Language of titles and labels.
    """
    c = drawing(ax, language)
    ax = c.ax
    reached = np.append(steps["reached"], steps["converted"].iloc[-1])
    if not np.isfinite(reached).all():
        lost = [*steps.index[~np.isfinite(reached[:-1])]] or ["the last converted"]
        raise DataError(
            f"funnel: reached and converted need a number in each row; missing: {few(lost)}"
        )
    names = c.labels([*steps.index, column_of(steps, "to", "funnel").iloc[-1]])
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
    note = ("customers reached; conversion with its 95% interval", "客户数，转化率与95%区间")
    return c.finish(title=("Funnel", "转化漏斗"), x=note)


@picture("customers", "amount")
def resource_plan(
    tiers: pd.DataFrame, *, ax: Axes | None = None, unit: str = "", language: Language = "en"
) -> Axes:
    """Share of resources of each tier, beside its share of customers.

    Args:
        tiers: Indexed by tier: ``customers`` and ``amount``.
        ax: Axes to draw on; None makes a figure.
        unit: The unit of ``amount``.
        language: Language of titles and labels.
    """
    c = drawing(ax, language)
    ax = c.ax
    place = np.arange(len(tiers))
    shares = tiers[["customers", "amount"]] / tiers[["customers", "amount"]].sum().clip(lower=1)
    first = c.text("share of customers", "客户占比")
    second = c.text("share of resources", "资源占比")
    ax.bar(place - 0.2, shares["customers"], 0.38, color=GREY, label=first)
    ax.bar(place + 0.2, shares["amount"], 0.38, color=GREEN, hatch="//", label=second)
    amounts = [f"{v:,.0f} {c.labels([unit])[0]}".strip() for v in tiers["amount"]]
    ax.set_xticks(place, [f"{n}\n{a}" for n, a in zip(c.labels(tiers.index), amounts, strict=True)])
    ax.legend(frameon=False)
    ax.margins(y=0.12)
    percent_axis(ax, "y")
    title = ("Resources by tier", "资源配置")
    return c.finish(title=title, x=("tier", "客户层级"), y=("share", "占比"))


@picture()
def ageing(counts: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en") -> Axes:
    """Open complaints by age; side by side the open and the unanswered, or stacked by group.

    Args:
        counts: Indexed by age band, oldest last: ``open`` and ``unanswered``, as
            `bankcrm.complaints.ageing` gives it; or one column per group (a severity, say) whose
            sum is all open cases.
        ax: Axes to draw on; None makes a figure.
        language: Language of titles and labels.
    """
    counts = needs(counts, counts.columns, "ageing")
    beside = set(counts.columns) == {"open", "unanswered"}
    c = drawing(ax, language)
    _grouped_bars(c, counts, beside=beside)
    return c.finish(
        title=("Open complaints by age", "未结投诉账龄"),
        x=("working days used", "已用工作日"),
        y=("cases", "件数"),
    )


def _grouped_bars(c: Canvas, counts: pd.DataFrame, *, beside: bool) -> None:
    """Bars over the rows of a frame, stacked or side by side, distinct by colour and hatch."""
    place = np.arange(len(counts))
    base = np.zeros(len(counts))
    width = 0.8 / len(counts.columns) if beside else 0.7
    for i, (name, label) in enumerate(zip(counts, c.labels(counts.columns), strict=True)):
        values = counts[name].to_numpy(np.float64)
        left = place + (i - (len(counts.columns) - 1) / 2) * width if beside else place
        bars = c.ax.bar(left, values, width, bottom=base, label=label, edgecolor="white")
        for bar in bars:
            bar.set(facecolor=SERIES[i % len(SERIES)], hatch=HATCHES[i % len(HATCHES)])
        base = base if beside else base + values
    c.ax.set_xticks(place, c.labels(counts.index))
    c.ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    thousands(c.ax, "y")


@picture(size=(7.2, 4.6))
def pareto(
    counts: object, *, ax: Axes | None = None, line: float = 0.8, language: Language = "en"
) -> Axes:
    """Pareto chart of causes: counts in descending order, and their cumulated share.

    Args:
        counts: A Series or mapping of cause to count; or a frame with ``count``, as
            `bankcrm.complaints.pareto` gives it.
        ax: Axes to draw on; None makes a figure.
        line: Where the cumulated share is marked.
        language: Language of titles and labels.
    """
    if hasattr(counts, "columns"):  # a frame of any kind
        counts = needs(counts, ("count",), "pareto")["count"]
    values = series_of(counts, "pareto").sort_values(ascending=False, kind="stable")
    c = drawing(ax, language)
    ax = c.ax
    place = np.arange(len(values))
    share = values.cumsum().to_numpy() / (float(values.sum()) or 1.0)
    vital = np.concatenate([[True], share[:-1] < line])
    ax.bar(place, values.to_numpy(), color=[BLUE if v else GREY for v in vital])
    names = [_short(n) for n in c.labels(values.index)]
    ax.set_xticks(place, names, rotation=35, ha="right")
    thousands(ax, "y")
    right = ax.twinx()
    cumulated = c.text("cumulated share", "累计占比")
    right.plot(place, share, color=ORANGE, marker="o", linewidth=1.5, label=cumulated)
    right.axhline(line, color=RED, linestyle="--", linewidth=1, label=f"{line:.0%}")
    right.legend(frameon=False, loc="center right")
    right.set_ylim(0, 1.05)
    right.set_ylabel(cumulated)
    right.spines["top"].set_visible(False)
    percent_axis(right, "y")
    what = values.index.name or c.text("cause", "原因")
    (name,) = c.labels([what])
    c.finish(title=(f"Cases by {name}", f"按{name}的件数"), y=("cases", "件数"))
    ax.spines["right"].set_visible(True)
    return ax


def impact(moves: object, *, ax: Axes | None = None, language: Language = "en") -> Axes:
    """Policy impact: how many customers each move concerns.

    Args:
        moves: A Series or mapping of "before -> after" to customers; or a table of counts,
            outcomes before by outcomes after, whose diagonal (those who stay) is left out.
        ax: Axes to draw on; None makes a figure.
        language: Language of titles and labels.
    """
    if isinstance(moves, pd.DataFrame):
        moves = _moves(moves, language)
    title = ("Policy impact: customers that move", "政策影响：客户变动")
    return _horizontal_bars(series_of(moves, "impact"), title, ax, language)


def _moves(table: pd.DataFrame, language: Language) -> pd.Series[Any]:
    """The counts off the diagonal, largest first, named "before -> after"."""
    counts = {
        " → ".join(labels((before, after), language)): int(count)
        for before, row in zip(table.index, table.to_numpy(), strict=True)
        for after, count in zip(table.columns, row, strict=True)
        if before != after and count
    }
    if not counts:
        raise DataError("impact: nothing to draw; no customer moves")
    return pd.Series(counts).sort_values(ascending=False, kind="stable")


def _short(text: str, width: int = 28) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
