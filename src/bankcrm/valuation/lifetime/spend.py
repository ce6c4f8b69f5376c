"""Gamma-Gamma: what a purchase of each customer is worth on average.

Source: Fader, Hardie and Lee (2005), RFM and CLV; Fader and Hardie (2013), note 025.
"""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd
from scipy.special import gammaln, psi

from bankcrm._display import card, few, figures_of
from bankcrm.errors import DataError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import numbers
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.conversion import require_columns
from bankcrm.valuation.lifetime.cells import Floats, Score, is_count
from bankcrm.valuation.lifetime.maximise import maximise
from bankcrm.wire.toml import Saved

NAMES = ("p", "q", "v")


@attrs.frozen
class SpendModel(Saved):
    """A fitted model of the mean amount of a purchase.

    Attributes:
        p: Shape of the amounts of one customer.
        q: Shape of the customers' scales.
        v: Scale of the customers' scales, in money.
        log_likelihood: Of the mean amounts.
        customers: Customers of the fit.
    """

    p: float
    q: float
    v: float
    log_likelihood: float
    customers: int

    @property
    def mean(self) -> float:
        """The mean amount over all customers, in money; not finite where ``q`` is at most 1."""
        return self.p * self.v / (self.q - 1) if self.q > 1 else float("inf")

    def expected(self, history: object) -> pd.Series:
        """The expected amount of a purchase of each customer, in money (float64).

        It lies between the customer's own mean and that of all customers, nearer to the first the
        more purchases there are.

        Args:
            history: ``repeats`` and ``mean_amount``, as `purchase_history` gives them.
        """
        frame = as_frame(history)
        x, z = _amounts(frame)
        own = np.where(x > 0, x * z, 0.0)
        found = self.p * (self.v + own) / (self.p * x + self.q - 1)
        return pd.Series(found, index=frame.index, name="amount")

    def _repr_html_(self) -> str:
        return card("Model of amounts", figures_of(self, *NAMES, "mean", "customers"))


def fit_spend(history: object) -> SpendModel:
    """Fit the mean amount of a purchase to customers with a repeat.

    The model assumes that amounts have nothing to do with how often a customer buys: look at the
    correlation of ``repeats`` and ``mean_amount`` first. The first purchase is not in the mean.

    Args:
        history: ``repeats`` and ``mean_amount``, as `purchase_history` gives them.

    Raises:
        DataError: A mean amount is not above zero, or the mean over all customers is infinite.

    Source: as the module; PB-6.
    """
    frame = as_frame(history)
    x, z = _amounts(frame)
    bad = (x > 0) & ~((z > 0) & np.isfinite(z))
    if bad.any():
        rows = few(frame.index[bad])
        raise DataError(
            f"mean_amount: {int(bad.sum()):,} customers with repeats have no finite one above 0 "
            f"({rows}); the model knows amounts above 0 only: leave them out, and count their "
            "margins apart"
        )
    repeated = x > 0
    x, z = x[repeated], z[repeated]
    if len(x) < 3:
        raise DataError(f"history: {len(x)} customers have a repeat; too few to fit amounts")
    mean = float(z.mean())
    best = maximise(_score_of(x, z), np.ones(len(x)), np.array([2.0, 2.0, mean]), "gamma_gamma")
    p, q, v = best.parameters.tolist()
    made = SpendModel(p, q, v, best.log_likelihood, len(x))
    if q <= 1:
        most = frame.index[repeated][int(np.argmax(x * z))]
        raise DataError(
            f"mean_amount: the fit has no finite mean amount (q {q:.3f}); a few customers spend "
            f"nearly all, {most!s} most: fit segments apart"
        )
    return made


def _amounts(frame: pd.DataFrame) -> tuple[Floats, Floats]:
    names = ("repeats", "mean_amount")
    require_columns(frame, names, "history", "give the result of purchase_history")
    repeats = numbers(frame["repeats"], "repeats")
    others = frame.index[~is_count(repeats)]
    fault_in_rows("history", "repeats", "no count", others, "whole repeats from 0 on").refuse()
    return repeats, numbers(frame["mean_amount"], "mean_amount")


def _score_of(x: Floats, z: Floats) -> Score:
    """The log-likelihood of the parameters and its slope."""
    distinct, place = np.unique(x, return_inverse=True)
    log_x, log_z = np.log(x), np.log(z)

    def score(at: Floats, weights: Floats) -> tuple[float, Floats]:
        p, q, v = np.exp(at)
        by_x = np.bincount(place, weights, len(distinct))
        late = np.log(v + x * z)
        value = (
            by_x @ (gammaln(p * distinct + q) - gammaln(p * distinct) - gammaln(q) + q * np.log(v))
            + weights @ ((p * x - 1) * log_z + p * x * log_x - (p * x + q) * late)
        )  # fmt: skip
        both = psi(p * distinct + q)
        slope = np.array([
            by_x @ (distinct * (both - psi(p * distinct))) + weights @ (x * (log_z + log_x - late)),
            by_x @ (both - psi(q) + np.log(v)) - weights @ late,
            by_x.sum() * q / v - weights @ ((p * x + q) / (v + x * z)),
        ])  # fmt: skip
        return float(value), slope * np.exp(at)

    return score
