"""Sums over sorted values, the whale curve and the profit split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card
from bankcrm.frames.arrays import row_blocks
from bankcrm.valuation.arrays import Floats, Integers
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLOCK = 1 << 15  # values a block: the partial sums of a block stay in the processor's cache


def rank_sum(ordered: Floats) -> float:
    """Sum of (2i - 1) x_i over rising values, i from 1, in one pass over blocks."""
    # einsum and not @: the threads of a BLAS cost more than they bring in so light a pass.
    whole = len(ordered) // BLOCK * BLOCK
    ramp = np.arange(1, 2 * BLOCK, 2, dtype=np.float64)
    blocks = ordered[:whole].reshape(-1, BLOCK)
    offsets = np.arange(len(blocks), dtype=np.float64) * (2 * BLOCK)
    rest = ordered[whole:]
    return float(
        np.einsum("ij,j->i", blocks, ramp).sum()
        + offsets @ blocks.sum(axis=1)
        + rest @ (ramp[: len(rest)] + 2.0 * whole)
    )


def log_sum(positive: Floats, mean: float, weights: Floats | None) -> float:
    """Sum of (x / mean) ln(x / mean), block by block, to keep the arrays small."""
    total = 0.0
    for rows in row_blocks(len(positive), BLOCK):
        ratio = positive[rows] / mean
        terms = np.log(ratio)
        terms *= ratio
        if weights is not None:
            terms *= weights[rows]
        total += float(terms.sum())
    return total


def sums_below(ordered: Floats, positions: Floats) -> Floats:
    """Sum of the first ``position`` rising values, a fraction of a value counted in proportion."""
    n = len(ordered)
    whole: Integers = np.minimum(positions.astype(np.intp), n)
    cuts = np.unique(np.append(whole, 0))
    starts = cuts[cuts < n]
    sums = np.concatenate([[0.0], np.add.reduceat(ordered, starts).cumsum()])
    part = (positions - whole) * ordered[np.minimum(whole, n - 1)]
    below: Floats = sums[np.searchsorted(cuts, whole)] + part
    return below


@attrs.frozen
class WhaleCurve:
    """Cumulative profit over customers in falling order of profit (Kaplan and Narayanan, 2001).

    Attributes:
        points: Frame with ``customers`` (share of customers, best first) and ``profit``
            (cumulative profit as a share of the total).
        peak: Highest point of the curve, as a share of the total (1 when nobody loses money).
        peak_customers: Share of customers at the peak: those that give a profit.
        destroyed: Profit lost again after the peak, as a share of the total.
    """

    points: pd.DataFrame = attrs.field(repr=False, eq=False)
    peak: float
    peak_customers: float
    destroyed: float

    def plot(self, ax: Axes | None = None, language: Language = "en") -> Axes:
        """The curve with its peak."""
        from bankcrm.plots import curves

        return curves.whale(self.points, ax=ax, language=language)

    def _repr_html_(self) -> str:
        shares = {
            "peak, of the total": self.peak,
            "customers at the peak": self.peak_customers,
            "lost after the peak, of the total": self.destroyed,
        }
        return card("Whale curve", {name: f"{share:.1%}" for name, share in shares.items()})


@attrs.frozen
class ProfitSplit:
    """Shares of profitable, marginal and losing customers, beside the 25:45:30 of CBM-5.

    Attributes:
        margin: Amounts between ``-margin`` and ``margin`` count as marginal.
        customers: Shares of customers (profitable, marginal, losing); they sum to 1.
        profit: Profit of the three, in money; they sum to the total.
        reference: The shares of the rule of thumb.
    """

    margin: float
    customers: tuple[float, float, float]
    profit: tuple[float, float, float]
    reference: tuple[float, float, float] = (0.25, 0.45, 0.30)

    def frame(self) -> pd.DataFrame:
        """By class: ``customers``, ``profit`` (null unless the total is above 0), ``reference``."""
        total = sum(self.profit)
        shares = [p / total if total > 0 else float("nan") for p in self.profit]
        return pd.DataFrame(
            {"customers": self.customers, "profit": shares, "reference": self.reference},
            index=pd.Index(["profitable", "marginal", "losing"], name="class"),
        )

    def plot(self, ax: Axes | None = None, language: Language = "en") -> Axes:
        """Shares of customers and of profit."""
        from bankcrm.plots import bars

        return bars.profit_split(self.frame(), ax=ax, language=language)

    def _repr_html_(self) -> str:
        note = f"marginal: between -{self.margin:,.0f} and {self.margin:,.0f}"
        frame = self.frame().assign(amount=self.profit).round(4)
        return card("Profit split", frame=frame, note=note)
