"""Contracts that are renewed or not: sBG and BdW retention from the losses of cohorts.

Source: Fader and Hardie (2007), Journal of Interactive Marketing 21(1); (2010), Marketing Science
29(1) for the residual lifetime; Fader, Hardie, Liu, Davin and Steenburgh (2018) for BdW.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import attrs
import numpy as np
import pandas as pd
from scipy.special import betaln

from bankcrm._display import card, figures_of
from bankcrm.arguments import as_finite, as_numbers
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.valuation.lifetime.cells import Floats
from bankcrm.valuation.lifetime.maximise import maximise

_STEP = 1e-6
_TAIL = 1e-13
_PERIODS = 200_000


@attrs.frozen
class RetentionModel:
    """A fitted model of how long contracts last.

    Attributes:
        model: ``sbg`` or ``bdw``.
        alpha: With ``beta``, the spread of the probabilities of not renewing.
        beta: As ``alpha``.
        c: How the probability of one customer changes with time: above 1 it rises; 1 for ``sbg``.
        log_likelihood: Of the cohort.
        customers: Size of the cohort.
    """

    model: Literal["sbg", "bdw"]
    alpha: float
    beta: float
    c: float
    log_likelihood: float
    customers: float

    def survival(self, periods: int) -> pd.DataFrame:
        """The share of a cohort that is left, and its retention.

        Args:
            periods: Number of periods.

        Returns:
            Indexed by ``period`` from 0: ``survival`` and ``retention``, the share of those left
            before the period who renew (null at 0). Retention rises with time though nobody's
            own probability does, since those who would leave have left.
        """
        left = np.exp(self._log_survival(np.arange(periods + 1.0)))
        kept = np.append(np.nan, left[1:] / left[:-1])
        frame = pd.DataFrame({"survival": left, "retention": kept})
        return frame.rename_axis("period")

    def residual_value(
        self, renewals: Sequence[int] | int, *, discount: float, margin: float = 1.0
    ) -> pd.Series:
        """The present value that a customer still brings, just before the next renewal.

        Args:
            renewals: Renewals so far, whole numbers from 0 on.
            discount: Discount rate per period, above 0.
            margin: Money per period.

        Returns:
            Indexed by ``renewals``; with a margin of 1, the discounted expected residual lifetime.

        Raises:
            DataError: The rate is not above 0, or so near to it that the sum does not end.

        Source: Fader and Hardie (2010).
        """
        discount, margin = as_finite(discount, "discount"), as_finite(margin, "margin")
        if not discount > 0 or math.log1p(discount) < -math.log(_TAIL) / _PERIODS:
            raise DataError(f"discount: got {discount}; expected a rate per period above 0.0002")
        made = np.atleast_1d(as_numbers(renewals, "renewals"))
        if (made < 0).any() or (made != np.floor(made)).any():
            raise DataError(f"renewals: got {renewals}; expected whole numbers from 0 on")
        ahead = np.arange(math.ceil(-math.log(_TAIL) / math.log1p(discount)))
        weights = (1 + discount) ** -ahead.astype(np.float64)
        before = self._log_survival(made)
        values = [
            float(weights @ np.exp(self._log_survival(n + 1 + ahead) - already)) * margin
            for n, already in zip(made.tolist(), before.tolist(), strict=True)
        ]
        index = pd.Index(made.astype(np.int64), name="renewals")
        return pd.Series(values, index=index, name="residual_value")

    def _log_survival(self, periods: Floats) -> Floats:
        return _log_survival(np.array([self.alpha, self.beta, self.c]), periods)

    def _repr_html_(self) -> str:
        return card(
            "Model of renewals",
            figures_of(self, "model", "alpha", "beta", "c", "customers", "log_likelihood"),
        )


def _log_survival(p: Floats, periods: Floats) -> Floats:
    alpha, beta, c = p
    found: Floats = betaln(alpha, beta + periods**c) - betaln(alpha, beta)
    return found


def fit_retention(
    lost: Sequence[float], kept: float, *, model: Literal["sbg", "bdw"] = "sbg"
) -> RetentionModel:
    """Fit how long contracts last to the losses of one cohort.

    Args:
        lost: Customers lost at the first renewal, the second and so on.
        kept: Customers left after the last of them.
        model: ``sbg`` (each customer has a probability of not renewing, for good) or ``bdw`` (which
            may change with time; it needs three periods or more).

    Raises:
        DataError: Numbers are below 0, or too few to fit.
        UnknownNameError: No such model.

    Source: Fader and Hardie (2007); PB-6, LCM-6.

    >>> high_end = fit_retention([131, 126, 90, 60, 42, 34, 26], 491)
    >>> round(high_end.alpha, 4), round(high_end.beta, 4), round(high_end.log_likelihood, 2)
    (0.6681, 3.8061, -1611.16)
    >>> round(float(high_end.residual_value(7, discount=0.1).iloc[0]), 3)
    7.53
    """
    if model not in ("sbg", "bdw"):
        raise UnknownNameError("model", model, ("sbg", "bdw"))
    gone = as_numbers(lost, "lost")
    counts = np.append(gone, as_numbers(kept, "kept"))
    least = 2 if model == "sbg" else 3
    single = gone.ndim == 1 and len(counts) == len(gone) + 1
    if not single or not (np.isfinite(counts) & (counts >= 0)).all():
        raise DataError(
            "lost: expected counts of customers from 0 on, one per period, and one kept"
        )
    if len(gone) < least or (counts > 0).sum() < least:
        raise DataError(f"lost: {len(gone)} periods; {model} needs losses of {least} or more")
    periods = np.arange(len(gone) + 1.0)

    def log_likelihood(at: Floats, weights: Floats) -> float:
        p = np.exp(at) if model == "bdw" else np.append(np.exp(at), 1.0)
        left = _log_survival(p, periods)
        with np.errstate(divide="ignore", invalid="ignore"):
            at_each = np.append(left[:-1] + np.log(-np.expm1(np.diff(left))), left[-1])
        return float(weights @ np.where(weights > 0, at_each, 0.0))

    def score(at: Floats, weights: Floats) -> tuple[float, Floats]:
        steps = np.eye(len(at)) * _STEP
        slope = [log_likelihood(at + s, weights) - log_likelihood(at - s, weights) for s in steps]
        return log_likelihood(at, weights), np.array(slope) / (2 * _STEP)

    best = maximise(score, counts, np.ones(least), model)
    found = best.parameters if model == "bdw" else np.append(best.parameters, 1.0)
    alpha, beta, c = found.tolist()
    return RetentionModel(model, alpha, beta, c, best.log_likelihood, float(counts.sum()))
