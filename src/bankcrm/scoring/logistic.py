"""Logistic regression over distinct rows and how often each occurs."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from bankcrm.errors import DataError

Floats = npt.NDArray[np.float64]
_STEPS = 50
_SEPARATED = 25.0
"""A log odds beyond which the event is no longer a matter of chance."""


@attrs.frozen(eq=False)
class LogisticFit:
    """A fitted regression.

    Attributes:
        coefficients: The constant, then one per column.
        covariance: Their covariance, from the curvature of the likelihood.
        log_likelihood: At the fit.
    """

    coefficients: Floats
    covariance: Floats
    log_likelihood: float


@attrs.frozen(eq=False)
class DistinctRows:
    """The distinct rows of a table of codes.

    Attributes:
        codes: Distinct rows, one column per feature.
        counts: How often each occurs.
        events: How often with the event.
    """

    codes: npt.NDArray[np.intp]
    counts: Floats
    events: Floats


def distinct_rows(
    codes: list[npt.NDArray[np.intp]], sizes: list[int], event: npt.NDArray[np.bool_]
) -> DistinctRows:
    """The distinct combinations of codes, in a fixed order.

    Args:
        codes: Code of each row, from 0, by feature.
        sizes: Number of codes of each feature.
        event: Whether the event happened, one per row.
    """
    key = np.zeros(len(event), dtype=np.int64)
    span = 1
    for code, size in zip(codes, sizes, strict=True):
        if span * size > np.iinfo(np.int64).max:
            distinct, key = np.unique(key, return_inverse=True)
            span = len(distinct)
        key = key * size + code
        span *= size
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    counts = np.bincount(place, minlength=len(first)).astype(np.float64)
    hits = np.bincount(place[event], minlength=len(first)).astype(np.float64)
    return DistinctRows(np.column_stack([c[first] for c in codes]), counts, hits)


def fit_logistic(
    x: Floats, counts: Floats, events: Floats, start: Floats | None = None
) -> LogisticFit:
    """Maximum likelihood by Newton's method.

    Args:
        x: One row per distinct row, one column per feature.
        counts: How often each occurs.
        events: How often with the event.
        start: Coefficients to start from, the constant first; None: those of no features.

    Raises:
        DataError: No finite coefficients have the highest likelihood.

    >>> fit = fit_logistic(np.array([[0.0], [1.0]]), np.array([40.0, 40.0]), np.array([10.0, 20.0]))
    >>> fit.coefficients.round(6).tolist()  # ln(10 / 30), and the log odds ratio ln 3
    [-1.098612, 1.098612]
    """
    from scipy.special import expit  # slow to import

    design = np.column_stack([np.ones(len(x)), x])
    beta = np.zeros(design.shape[1])
    share = events.sum() / counts.sum()
    beta[0] = np.log(share / (1 - share))
    beta = beta if start is None else start
    value = _log_likelihood(design, counts, events, beta)
    for _ in range(_STEPS):
        p = expit(design @ beta)
        slope = design.T @ (events - counts * p)
        curve = (design * (counts * p * (1 - p))[:, None]).T @ design
        step = np.linalg.lstsq(curve, slope, rcond=1e-12)[0]
        if slope @ step < 1e-10:
            return LogisticFit(beta, np.linalg.pinv(curve, rcond=1e-12), value)
        for _ in range(30):
            tried = _log_likelihood(design, counts, events, beta + step)
            if tried >= value - 1e-12 * abs(value):
                break
            step = step / 2
        beta, value = beta + step, tried
        if np.abs(design @ beta).max() > _SEPARATED:
            break
    raise DataError(
        "the features tell the event without error, so that no weights are the best; leave out "
        "what is known only after the event"
    )


def _log_likelihood(design: Floats, counts: Floats, events: Floats, beta: Floats) -> float:
    odds = design @ beta
    return float(events @ odds - counts @ np.logaddexp(0, odds))
