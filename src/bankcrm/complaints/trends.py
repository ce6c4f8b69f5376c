"""Trend test and control chart for complaint counts."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card, figures_of
from bankcrm.arguments import as_finite
from bankcrm.errors import DataError
from bankcrm.frames.arrays import ArrayLike, Numbers, numbers
from bankcrm.frames.column import fault_in_rows
from bankcrm.intervals import quantile

_RUN = 8  # points in a row on one side of the centre: Western Electric's fourth rule
_MEDIAN_RANGE = 0.954  # median distance of two normal values, in standard deviations


@attrs.frozen
class Trend:
    """A Mann-Kendall test for a steady rise or fall.

    Args:
        tau: Kendall's rank correlation with time, -1 to 1 (tau-b).
        p_value: Two-sided probability of a trend at least this strong if there is none.
        slope: Theil-Sen slope: the median change from one period to the next.
        direction: ``rising``, ``falling`` or ``none`` at the given confidence.
    """

    tau: float
    p_value: float
    slope: float
    direction: str

    def _repr_html_(self) -> str:
        return card(f"Trend: {self.direction}", figures_of(self, "tau", "p_value", "slope"))


def trend(counts: ArrayLike, *, confidence: float = 0.95) -> Trend:
    """Test a series of counts or rates, one per period, for a trend.

    Args:
        counts: At least four values in time order, none missing.
        confidence: Between 0 and 1; one minus the probability of a false alarm.

    Source: CSC-6.

    >>> trend([3, 4, 6, 9, 11, 15]).direction
    'rising'
    """
    quantile(confidence)  # checks it
    values = _series(counts, 4, "counts")
    time = np.arange(len(values))
    if np.ptp(values) == 0:
        return Trend(0.0, 1.0, 0.0, "none")
    from scipy import stats  # slow to import, and few callers test a trend

    test = stats.kendalltau(time, values)
    slope = float(stats.theilslopes(values, time).slope)
    tau, p_value = float(test.statistic), float(test.pvalue)
    direction = "none" if p_value >= 1 - confidence else "rising" if tau > 0 else "falling"
    return Trend(tau, p_value, slope, direction)


def control_chart(
    counts: ArrayLike, exposure: ArrayLike | None = None, *, sigmas: float = 3.0
) -> pd.DataFrame:
    """A u-chart of complaints with Laney's correction for overdispersion.

    Args:
        counts: Complaints, one number per period, in time order.
        exposure: Exposed units in each period (customers, accounts); None for a c-chart.
        sigmas: Distance of the limits from the centre.

    Returns:
        Indexed like ``counts``: ``rate``, ``centre``, ``lower``, ``upper`` and ``signal``
        (``above``, ``below``, ``run`` for eight in a row on one side, or empty).

    Source: CSC-6.

    >>> control_chart([10, 12, 9, 11, 10, 40, 11, 10])["signal"].tolist()[5]
    'above'
    """
    sigmas = as_finite(sigmas, "sigmas", 0.0)
    values = _series(counts, 2, "counts")
    size = np.ones(len(values)) if exposure is None else _series(exposure, 2, "exposure")
    if len(size) != len(values):
        raise DataError(
            f"exposure: {len(size):,} numbers for {len(values):,} counts; give one for each"
        )
    advice = "leave out what nobody was exposed to"
    fault_in_rows("exposure", "", "not above 0", np.flatnonzero(size <= 0), advice=advice).refuse()
    rate = values / size
    centre = values.sum() / size.sum()
    sigma = np.sqrt(centre / size)
    if values.any():
        z = (rate - centre) / sigma
        # Laney: the differences between neighbours show how much wider than chance the limits
        # must be. The median is used so that one peak does not widen the limits that detect it.
        sigma = sigma * max(1.0, float(np.median(np.abs(np.diff(z)))) / _MEDIAN_RANGE)
    lower, upper = np.maximum(centre - sigmas * sigma, 0), centre + sigmas * sigma
    side = np.sign(rate - centre)
    start = np.maximum.accumulate(np.where(side != np.roll(side, 1), np.arange(len(side)), 0))
    run = (np.arange(len(side)) - start + 1 >= _RUN) & (side != 0)
    signal = np.select([rate > upper, rate < lower, run], ["above", "below", "run"], "")
    index = counts.index if isinstance(counts, pd.Series) else pd.RangeIndex(len(values))
    return pd.DataFrame(
        {"rate": rate, "centre": centre, "lower": lower, "upper": upper, "signal": signal},
        index=index,
    )


def _series(values: ArrayLike, least: int, name: str) -> Numbers:
    array = numbers(values, name)
    if len(array) < least:
        raise DataError(f"{name}: {len(array)} numbers; expected {least} or more")
    bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0)))
    fault_in_rows(
        name, "", "missing, infinite or below 0", bad, "finite numbers of 0 or more"
    ).refuse()
    return array
