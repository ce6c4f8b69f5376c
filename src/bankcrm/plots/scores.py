"""Pictures of a score: calibration and gain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bankcrm.plots._style import BLUE, GREY, ORANGE, drawing, percent_axis, picture
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@picture("predicted", "rate", "lower", "upper")
def calibration(bands: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en") -> Axes:
    """Observed over predicted rate of each band; a score that fits lies on the diagonal.

    Args:
        bands: ``predicted``, ``rate``, ``lower`` and ``upper``, one row per band.
        ax: Axes to draw on; None makes a figure.
        language: Language of titles and labels.
    """
    c = drawing(ax, language)
    top = float(bands[["predicted", "upper"]].to_numpy().max()) * 1.05
    c.ax.plot([0, top], [0, top], color=GREY, linestyle="--", linewidth=1)
    low, high = (bands["rate"] - bands["lower"], bands["upper"] - bands["rate"])
    c.ax.errorbar(
        bands["predicted"], bands["rate"], yerr=[low.clip(lower=0), high.clip(lower=0)],
        fmt="o", color=BLUE, ecolor=GREY, capsize=3,
    )  # fmt: skip
    percent_axis(c.ax, "xy")
    return c.finish(
        title=("Calibration", "校准"),
        x=("predicted rate", "预测比率"),
        y=("observed rate", "实际比率"),
    )


@picture("count", "gain")
def gain(bands: pd.DataFrame, *, ax: Axes | None = None, language: Language = "en") -> Axes:
    """Share of the events among the customers with the fewest points.

    Args:
        bands: ``count`` and ``gain``, one row per band, fewest points first.
        ax: Axes to draw on; None makes a figure.
        language: Language of titles and labels.
    """
    c = drawing(ax, language)
    share = np.append(0.0, np.cumsum(bands["count"]) / bands["count"].sum())
    c.ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    c.ax.plot(share, np.append(0.0, bands["gain"]), color=ORANGE, marker="o", linewidth=2)
    percent_axis(c.ax, "xy")
    return c.finish(
        title=("Gain", "增益"),
        x=("share of customers, fewest points first", "客户累计占比（分数由低到高）"),
        y=("share of events", "事件累计占比"),
    )
