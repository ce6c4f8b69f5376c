"""Concentration of a value over customers: Lorenz curve, Gini, top share, whale curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card
from bankcrm.arguments import as_choice, as_number, as_numbers, as_share, as_whole_number
from bankcrm.errors import DataError
from bankcrm.frames.column import fault_in_rows
from bankcrm.intervals import Interval
from bankcrm.shares import herfindahl
from bankcrm.valuation.arrays import (
    Floats,
    Values,
    finite_values,
    in_range,
    labels_of,
    raw_values,
    refuse_not_finite,
)
from bankcrm.valuation.concentration.curves import (
    ProfitSplit,
    WhaleCurve,
    log_sum,
    rank_sum,
    sums_below,
)
from bankcrm.valuation.concentration.intervals import (
    Method,
    Statistic,
    curve_band,
    statistic_interval,
)
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST = float(np.finfo(np.float64).max)
NO_TOTAL = 1e-12  # a total below this share of the gross sum is rounding, not profit


@attrs.frozen
class Concentration:
    """The concentration of values over customers, measured on one sorted copy.

    Losses and zeros count. A zero is a customer without profit. With losses the Lorenz curve dips
    below zero, Gini may exceed 1, and the best customers may hold more than the total (the whale
    curve). Shares of a total need a total above zero; otherwise they raise a DataError.
    ``gini_normalised`` and ``profit_split`` are defined for every book with a value other than 0.
    Theil is not defined with losses and raises a DataError.

    Attributes:
        values: Values in rising order, float64.
        weights: Number of customers of each value, in the same order; None for one each.
        holders: Number of customers (the sum of the weights).
        total: Sum of the values; infinite if a float cannot hold it, which no share depends on.
    """

    values: Floats = attrs.field(repr=False, eq=attrs.cmp_using(eq=np.array_equal))
    weights: Floats | None = attrs.field(
        repr=False, default=None, eq=attrs.cmp_using(eq=np.array_equal)
    )
    holders: float = attrs.field(init=False)
    total: float = attrs.field(init=False)
    # The same values over a power of two, in which no sum overflows or vanishes.
    _power: int = attrs.field(init=False, repr=False, eq=False)
    _unit: Floats = attrs.field(init=False, repr=False, eq=False)
    _unit_total: float = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        power = in_range(self.values[[0, -1]])[1]
        unit = np.ldexp(self.values, -power) if power else self.values
        total = float(unit.sum() if self.weights is None else unit @ self.weights)
        holders = len(unit) if self.weights is None else self.weights.sum()
        found = {"_power": power, "_unit": unit, "_unit_total": total, "holders": float(holders)}
        for name, value in found.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "total", self._in_money(total))

    def _in_money(self, units: float) -> float:
        with np.errstate(over="ignore"):
            return float(np.ldexp(units, self._power))

    @property
    def rank_total(self) -> float:
        """Sum of each value times its odd rank, from which Gini is computed."""
        return self._in_money(self._unit_ranks)

    @property
    def _unit_ranks(self) -> float:
        if self.weights is None:
            return rank_sum(self._unit)
        ranks = 2 * np.cumsum(self.weights) - self.weights
        return float((self._unit * self.weights) @ ranks)

    @property
    def has_total(self) -> bool:
        """Whether the total is above 0, so that shares of it are defined."""
        # Only a book with losses can total a rounding error; others need no second pass.
        total = self._unit_total
        return total > 0 and (bool(self._unit[0] >= 0) or total > NO_TOTAL * self._gross())

    @property
    def gini(self) -> float:
        """Gini coefficient: mean difference over twice the mean; above 1 possible with losses."""
        return self._unit_ranks / (self.holders * self._shared_total()) - 1

    @property
    def gini_normalised(self) -> float:
        """Gini between 0 and 1 also with losses: mean difference over its largest possible value.

        Source: Raffinetti, Siletti and Vernizzi (2015). Without losses it is the Gini times
        n / (n - 1). It needs two customers and one value other than 0, but no positive total.
        """
        gross = self._gross()
        if gross == 0 or self.holders <= 1:
            raise DataError(
                f"values: {self.holders:g} customers with {gross:g} in all; the normalised Gini "
                "needs at least two customers and one value other than 0"
            )
        difference = self._unit_ranks - self.holders * self._unit_total
        return difference / ((self.holders - 1) * gross)

    @property
    def hhi(self) -> float:
        """Herfindahl-Hirschman index: sum of the squared shares of the customers."""
        return herfindahl(self._unit, self.weights, self._shared_total())

    @property
    def theil(self) -> float:
        """Theil's T: mean of (x / mean) ln(x / mean), where 0 ln 0 is 0; undefined with losses."""
        if self._unit[0] < 0:
            losing = int(np.searchsorted(self._unit, 0.0))
            raise DataError(
                f"values: {losing} of {len(self._unit)} are below 0; Theil's index takes the "
                "logarithm of each value and is not defined with losses; use gini_normalised"
            )
        mean = self._shared_total() / self.holders
        start = int(np.searchsorted(self._unit, 0.0, side="right"))
        weights = None if self.weights is None else self.weights[start:]
        return log_sum(self._unit[start:], mean, weights) / self.holders

    def share_of_top(self, share: float) -> float:
        """Part of the total that the best ``share`` of customers holds.

        >>> concentration([0, 0, 1, 1, 8]).share_of_top(0.2)
        0.8
        """
        share = as_share(share, "share")
        total = self._shared_total()
        if self.weights is not None:
            return 1 - float(self.lorenz_at(np.array([1 - share]))[0])
        n = len(self._unit)
        target = share * n
        whole = min(int(target), n)
        top = self._unit[n - whole :].sum()
        part = (target - whole) * self._unit[n - whole - 1] if whole < n else 0.0
        return float(top + part) / total

    def holders_of(self, share: float) -> float:
        """Smallest share of customers, best first, that holds ``share`` of the total.

        >>> round(concentration([0, 0, 1, 1, 8]).holders_of(0.8), 6)
        0.2
        """
        share = as_share(share, "share")
        target = share * self._shared_total()
        falling = self._unit[::-1]
        weights = None if self.weights is None else self.weights[::-1]
        cumulated = np.cumsum(falling if weights is None else falling * weights)
        # The curve rises as long as the values are above zero: the target is met before the peak.
        reached = int(np.argmax(cumulated >= target * (1 - 1e-15)))
        counts = 1.0 if weights is None else float(weights[reached])
        before = float(reached if weights is None else weights[:reached].sum())
        missing = target - (float(cumulated[reached - 1]) if reached else 0.0)
        piece = float(falling[reached]) * counts
        part = min(missing / piece, 1.0) if piece > 0 else 0.0
        return (before + part * counts) / self.holders

    def lorenz_at(self, shares: Floats) -> Floats:
        """Part of the total that the lowest ``shares`` of customers hold, linear in between.

        Raises:
            DataError: A share is not from 0 to 1.
        """
        shares = as_numbers(shares, "shares")
        outside = np.flatnonzero(~((shares >= 0) & (shares <= 1)))
        fault_in_rows("shares", "", "no share from 0 to 1", outside).refuse()
        total = self._shared_total()
        if self.weights is None:
            result: Floats = sums_below(self._unit, shares * len(self._unit)) / total
            return result
        people = np.concatenate([[0.0], np.cumsum(self.weights)])
        money = np.concatenate([[0.0], np.cumsum(self._unit * self.weights)])
        below: Floats = np.interp(shares * people[-1], people, money) / total
        return below

    def lorenz(self, points: int = 101) -> pd.DataFrame:
        """Lorenz curve at evenly spaced shares of customers, lowest value first.

        Args:
            points: Number of points, the two ends included.

        Returns:
            Frame with ``customers`` and ``value``, both shares from 0 to 1.

        >>> concentration([1, 1, 2]).lorenz(4)["value"].tolist()
        [0.0, 0.25, 0.5, 1.0]
        """
        shares = _even(points)
        return pd.DataFrame({"customers": shares, "value": self.lorenz_at(shares)})

    def whale_curve(self, points: int = 101) -> WhaleCurve:
        """Cumulative profit over customers in falling order, its peak and the loss after the peak.

        >>> whale = concentration([-10, 5, 15]).whale_curve(4)
        >>> whale.peak, whale.destroyed
        (2.0, 1.0)
        """
        total = self._shared_total()
        shares = _even(points)
        start = int(np.searchsorted(self._unit, 0.0, side="right"))
        best = self._unit[start:]
        weights = None if self.weights is None else self.weights[start:]
        peak = float(best.sum() if weights is None else best @ weights) / total
        count = float(len(best) if weights is None else weights.sum())
        curve = 1 - self.lorenz_at(1 - shares)
        return WhaleCurve(
            points=pd.DataFrame({"customers": shares, "profit": curve}),
            peak=peak,
            peak_customers=count / self.holders,
            destroyed=max(peak - 1, 0.0) if self._unit[0] < 0 else 0.0,
        )

    def lorenz_band(
        self,
        *,
        seed: int,
        confidence: float = 0.95,
        replicates: int = 200,
        points: int = 101,
    ) -> pd.DataFrame:
        """Interval around the Lorenz curve, point by point, over resampled books.

        Args:
            seed: Seed of the bootstrap.
            confidence: Coverage, between 0 and 1.
            replicates: Number of bootstrap books.
            points: Number of points, the two ends included.

        Returns:
            Frame with ``customers``, ``lower`` and ``upper``.

        >>> band = concentration([1.0, 2, 3, 4, 50]).lorenz_band(seed=1)
        >>> bool((band["lower"] <= band["upper"]).all())
        True
        """
        self._shared_total()
        shares = _even(points)
        lower, upper = curve_band(self._unit, self.weights, shares, confidence, replicates, seed)
        return pd.DataFrame({"customers": shares, "lower": lower, "upper": upper})

    def plot(
        self,
        ax: Axes | None = None,
        language: Language = "en",
        *,
        band: pd.DataFrame | None = None,
    ) -> Axes:
        """The Lorenz curve with the point of the top fifth.

        Args:
            ax: Axes to draw on; None makes a figure.
            language: Of titles and labels.
            band: An interval around it, from `lorenz_band`.
        """
        from bankcrm.plots import curves

        return curves.lorenz(self.lorenz(), ax=ax, band=band, language=language)

    def _repr_html_(self) -> str:
        figures: dict[str, object] = {"customers": self.holders, "total": self.total}
        if self.has_total:
            figures |= {
                "Gini": self.gini,
                "share of the top fifth": f"{self.share_of_top(0.2):.1%}",
                "customers with 80 %": f"{self.holders_of(0.8):.1%}",
            }
        losing = int(np.searchsorted(self._unit, 0.0))
        return card("Concentration", figures | {"values below 0": losing})

    def profit_split(self, margin: float) -> ProfitSplit:
        """Shares of customers that give profit, are marginal or lose money.

        Args:
            margin: Money; a customer between ``-margin`` and ``margin`` is marginal.

        >>> concentration([-50, -1, 0, 2, 90]).profit_split(5).customers
        (0.2, 0.6, 0.2)
        """
        margin = as_number(margin, "margin")
        if not (np.isfinite(margin) and margin >= 0):
            raise DataError(f"margin: got {margin}; expected an amount of money of 0 or more")
        cuts = (
            int(np.searchsorted(self.values, -margin, side="left")),
            int(np.searchsorted(self.values, margin, side="right")),
        )
        weights = np.ones(len(self.values)) if self.weights is None else self.weights
        losing, marginal, giving = np.split(weights, cuts)
        lost, flat, given = np.split(self._unit * weights, cuts)
        sums = (self._in_money(float(part.sum())) for part in (given, flat, lost))
        return ProfitSplit(
            margin=float(margin),
            customers=(
                float(giving.sum()) / self.holders,
                float(marginal.sum()) / self.holders,
                float(losing.sum()) / self.holders,
            ),
            profit=(next(sums), next(sums), next(sums)),
        )

    def interval(
        self,
        statistic: Statistic,
        *,
        share: float | None = None,
        method: Method = "bootstrap",
        confidence: float = 0.95,
        replicates: int = 1000,
        seed: int | None = None,
    ) -> Interval:
        """Confidence interval of one of the figures, the customers being a sample of the book.

        Args:
            statistic: ``gini``, ``theil``, ``hhi``, ``share_of_top`` or ``holders_of``.
            share: The share of customers (or of value) that the last two need.
            method: ``bootstrap`` (percentiles of resampled books; the values stay sorted, only
                their multiplicities are drawn), ``jackknife`` (leave one out) or ``asymptotic``
                (variance of the influence function).
            confidence: Coverage, between 0 and 1.
            replicates: Number of bootstrap books.
            seed: Seed of the bootstrap, which needs one.

        Returns:
            The estimate with its lower and upper end.

        >>> found = concentration([1.0, 2, 3, 4, 50]).interval("gini", seed=1)
        >>> found.lower <= found.estimate <= found.upper
        True
        """
        estimate = {
            "gini": lambda: self.gini,
            "theil": lambda: self.theil,
            "hhi": lambda: self.hhi,
            "share_of_top": lambda: self.share_of_top(_needed(share, statistic)),
            "holders_of": lambda: self.holders_of(_needed(share, statistic)),
        }
        as_choice(statistic, estimate, "statistic")
        return statistic_interval(
            self._unit,
            self.weights,
            estimate[statistic](),
            statistic,
            share=0.0 if share is None else share,
            method=method,
            confidence=confidence,
            replicates=replicates,
            seed=seed,
        )

    def _gross(self) -> float:
        sizes = np.abs(self._unit)
        return float(sizes.sum() if self.weights is None else sizes @ self.weights)

    def _shared_total(self) -> float:
        """The total in units, refused where it is not above zero: shares of it mean nothing."""
        if self.has_total:
            return self._unit_total
        raise DataError(
            f"values: {len(self._unit)} values total {self.total:g}; a share of the total needs a "
            "total above 0; use gini_normalised or profit_split, or leave out the losses"
        )


def _needed(share: float | None, statistic: str) -> float:
    if share is None:
        raise DataError(f"share: {statistic} needs one, such as share=0.2")
    return share


def _even(points: int) -> Floats:
    return np.linspace(0.0, 1.0, as_whole_number(points, "points", 2))


def concentration(values: Values, *, weights: Values | None = None) -> Concentration:
    """Sort the values once and measure their concentration.

    Args:
        values: One number per customer (profit, spend, balance), losses and zeros included.
        weights: Number of customers of each value, above 0; by default one each.

    Returns:
        A frozen value with the figures as properties and methods.

    Raises:
        DataError: No values, values that are missing or infinite, weights that do not fit.

    Source: CBM-5.

    >>> concentration([0, 0, 0, 10]).gini
    0.75
    """
    array = raw_values(values, "values")
    if weights is None:
        ordered = np.sort(array)
        # Missing values sort to the end, infinities to the two ends: no second pass to find them.
        if not (np.isfinite(ordered[0]) and np.isfinite(ordered[-1])):
            refuse_not_finite(values, array, "values")
        ordered.setflags(write=False)
        return Concentration(ordered)
    refuse_not_finite(values, array, "values")
    counts = finite_values(weights, "weights")
    if len(counts) != len(array):
        raise DataError(f"weights: got {len(counts)} for {len(array)} values; expected one each")
    expected = "the number of customers that each value stands for"
    low = labels_of(weights)[counts <= 0]
    fault_in_rows("weights", "", "0 or below", low, expected, "leave out those with none").refuse()
    if counts.max() > _MOST / len(counts):
        raise DataError("weights: too large to add up; expected numbers of customers")
    order = np.argsort(array, kind="stable")
    ordered, carried = array[order], counts[order]
    ordered.setflags(write=False)
    carried.setflags(write=False)
    return Concentration(ordered, carried)
