"""Intervals of parameters and forecasts, and fits by segment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs
import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import chdtrc

from bankcrm._display import card, figures_of
from bankcrm.arguments import as_finite, as_generator, as_kind, as_whole_number
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames import as_frame
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.numbering import words_of
from bankcrm.intervals import Interval, percentile_ends, quantile
from bankcrm.rules.values import frozen_dict
from bankcrm.valuation.lifetime.cells import Cells, Floats
from bankcrm.valuation.lifetime.fit import (
    KERNELS,
    PurchaseModel,
    PurchaseModelName,
    cells_of,
    fit_purchases,
)
from bankcrm.valuation.lifetime.maximise import maximise

IntervalMethod = Literal["delta", "profile", "bootstrap"]
PURCHASES = "purchases"


def purchase_interval(
    history: object,
    model: PurchaseModel,
    figure: str = PURCHASES,
    *,
    days: float | None = None,
    method: IntervalMethod = "delta",
    confidence: float = 0.95,
    replicates: int = 200,
    seed: int | None = None,
) -> Interval:
    """An interval of a parameter, or of the purchases expected of all customers.

    It says how well the data settles the model, and nothing of how well the model fits: what comes
    lies outside it more often than its confidence says. `holdout_check` shows how far.

    Args:
        history: The histories of the fit.
        model: The fitted model.
        figure: A parameter, or ``purchases``.
        days: For ``purchases``: length of the time to come.
        method: ``delta`` (from the covariance of the logarithms; for ``purchases`` by draws),
            ``profile`` (likelihood ratio; parameters only) or ``bootstrap`` (customers drawn anew:
            a weight for each cell).
        confidence: Coverage, between 0 and 1.
        replicates: Draws or resampled books.
        seed: Seed of the draws, where there are any.

    Raises:
        DataError: The method does not fit the figure, or the data does not settle the parameters.
        UnknownNameError: No such figure or method.
    """
    as_kind(model, PurchaseModel, "model", "give the result of fit_purchases")
    names = KERNELS[model.model].names
    if figure not in (*names, PURCHASES):
        raise UnknownNameError("figure", figure, (*names, PURCHASES))
    if method not in ("delta", "profile", "bootstrap"):
        raise UnknownNameError("method", method, ("delta", "profile", "bootstrap"))
    total = figure == PURCHASES
    if days is not None:
        days = as_finite(days, "days", 0.0)
    if total and (method == "profile" or days is None):
        raise DataError("figure 'purchases': give days=, and method 'delta' or 'bootstrap'")
    cells = cells_of(history, model.model, model.unit_days)
    found = _Figures(model, cells, figure, 0.0 if days is None else days / model.unit_days)
    best = np.array([model.parameters[n] for n in names])
    estimate = found.of(best, cells.weights)
    if method == "profile":
        low, high = found.profile(best, names.index(figure), confidence)
    elif method == "delta" and not total:
        half = quantile(confidence) * model.errors[figure] / estimate
        low, high = estimate * np.exp(-half), estimate * np.exp(half)
    else:
        replicates = as_whole_number(replicates, "replicates", 1)
        generator = as_generator(seed)
        drawn = (found.drawn if method == "delta" else found.resampled)(best, replicates, generator)
        low, high = percentile_ends(drawn, confidence)
    if not np.isfinite([low, high]).all():
        raise DataError(f"{figure}: the data does not settle the parameters; no interval is known")
    return Interval(estimate, float(low), float(high), confidence, method, model.customers)


@attrs.frozen(eq=False)
class _Figures:
    """A figure of a model over cells, and how it varies."""

    model: PurchaseModel
    cells: Cells
    figure: str
    time: float

    def of(self, p: Floats, weights: Floats) -> float:
        kernel, c = KERNELS[self.model.model], self.cells
        if self.figure != PURCHASES:
            return float(p[kernel.names.index(self.figure)])
        return float(weights @ kernel.expected(p, c.repeats, c.span, c.age, self.time))

    def drawn(self, best: Floats, draws: int, generator: np.random.Generator) -> list[float]:
        """The figure for parameters drawn from their normal distribution, on the log scale."""
        if not self.model.covariance:
            return [np.nan]
        spread = np.array(self.model.covariance) / np.outer(best, best)
        logs = generator.multivariate_normal(np.log(best), spread, draws, method="eigh")
        return [self.of(p, self.cells.weights) for p in np.exp(logs)]

    def resampled(self, best: Floats, books: int, generator: np.random.Generator) -> list[float]:
        """The figure of books whose customers are drawn anew."""
        score = KERNELS[self.model.model].score_of(self.cells)
        share = self.cells.weights / self.cells.customers
        found = []
        for _ in range(books):
            weights = generator.multinomial(round(self.cells.customers), share).astype(np.float64)
            fitted = maximise(score, weights, best, self.model.model)
            found.append(self.of(fitted.parameters, weights))
        return found

    def profile(self, best: Floats, place: int, confidence: float) -> tuple[float, float]:
        """Where the likelihood of the best other parameters falls by the normal quantile."""
        score, weights = KERNELS[self.model.model].score_of(self.cells), self.cells.weights
        others = np.arange(len(best)) != place
        fall = quantile(confidence) ** 2 / 2

        def left(shift: float) -> float:
            fixed = np.log(best[place]) + shift

            def of_others(at: Floats, w: Floats) -> tuple[float, Floats]:
                whole = np.insert(at, place, fixed)
                value, slope = score(whole, w)
                return value, slope[others]

            reached = maximise(of_others, weights, best[others], self.model.model)
            return self.model.log_likelihood - reached.log_likelihood - fall

        step = 4 * quantile(confidence) * self.model.errors[self.figure] / best[place]
        ends = []
        for sign in (-1.0, 1.0):
            reach = sign * step
            while left(reach) < 0:
                reach *= 2
                if abs(reach) > 20:
                    return np.nan, np.nan
            ends.append(float(best[place] * np.exp(brentq(left, 0, reach, xtol=1e-6))))
        return ends[0], ends[1]


@attrs.frozen(eq=False)
class SegmentFits:
    """A model fitted to each segment apart.

    Attributes:
        models: Segment -> model.
        pooled: The model of all together.
        likelihood_ratio: Twice the gain in log-likelihood of the fits apart.
        p_value: How probable such a gain is if segments do not differ.
    """

    models: Mapping[str, PurchaseModel] = attrs.field(converter=frozen_dict)
    pooled: PurchaseModel
    likelihood_ratio: float
    p_value: float

    def _repr_html_(self) -> str:
        rows = [{"segment": s, **m.parameters} for s, m in self.models.items()]
        figures = figures_of(self, "likelihood_ratio", "p_value")
        return card("Models of purchases by segment", figures, rows=rows)


def fit_by_segment(
    history: pd.DataFrame,
    by: str,
    *,
    model: PurchaseModelName = "mbg_nbd",
    unit_days: float = 7.0,
) -> SegmentFits:
    """Fit a model to each segment, and tell whether segments differ.

    Segments do the work of covariates, and each can be read: a cohort, a channel, a tier.

    Args:
        history: As `purchase_history` gives it, with a column of segments.
        by: That column; every row needs a value.
        model: As for `fit_purchases`.
        unit_days: As for `fit_purchases`.

    Raises:
        DataError: Rows have no segment, or a segment cannot be fitted.
    """
    as_kind(history, pd.DataFrame, "history", "give the result of purchase_history")
    history = as_frame(history)  # refuses a column that is there twice
    if not isinstance(by, str) or by not in history.columns:
        raise UnknownNameError("column", by, history.columns)
    absent = history.index[history[by].isna()]
    fault_in_rows("history", by, "null", absent, "a segment", "or leave these rows out").refuse()
    pooled = fit_purchases(history, model=model, unit_days=unit_days)
    models = {}
    segments = pd.Series(words_of(history[by], by), index=history.index)
    for segment, part in history.groupby(segments, observed=True):
        try:
            models[str(segment)] = fit_purchases(part, model=model, unit_days=unit_days)
        except DataError as error:
            raise DataError(f"{by} {segment!r}: {error}") from error
    gain = 2 * (sum(m.log_likelihood for m in models.values()) - pooled.log_likelihood)
    more = len(pooled.parameters) * (len(models) - 1)
    return SegmentFits(models, pooled, gain, float(chdtrc(more, max(gain, 0.0))) if more else 1.0)
