"""The highest likelihood of positive parameters, with their covariance."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from scipy.optimize import minimize

from bankcrm.errors import DataError
from bankcrm.valuation.lifetime.cells import Floats, Score

_EDGE = 12.0
"""How far the logarithm of a parameter may go from its start: beyond, customers do not differ."""
_TURN = 1e-5
_NEAR = 1e-4
"""Slope per customer from which Newton's steps take over."""
_CLOSE = 1e-7
"""The last step of the logarithms."""
_FLAT = 1e-5
"""Slope at the end, by the number of customers or the likelihood, whichever is more."""
_SLOW = 1e-7
"""Slope per customer at which quasi-Newton steps end where Newton's do not."""


@attrs.frozen(eq=False)
class Maximum:
    """The best parameters.

    Attributes:
        parameters: The parameters.
        log_likelihood: Of all customers.
        curvature: Of the log-likelihood by the logarithms of the parameters.
    """

    parameters: Floats
    log_likelihood: float
    curvature: Floats

    def covariance(self) -> Floats:
        """The covariance of the parameters; not a number where the data does not settle them."""
        size = np.outer(self.parameters, self.parameters)
        with np.errstate(all="ignore"):
            try:
                found: Floats = np.linalg.inv(-self.curvature) * size
            except np.linalg.LinAlgError:
                found = np.full_like(size, np.nan)
        return found if (np.diag(found) > 0).all() else np.full_like(size, np.nan)


def maximise(score: Score, weights: Floats, start: Floats, model: str) -> Maximum:
    """Parameters of the highest likelihood: quasi-Newton steps, then Newton's.

    Args:
        score: The log-likelihood and its slope.
        weights: Customers of each cell.
        start: Parameters to start from.
        model: Name of the model, for errors.

    Raises:
        DataError: The likelihood has no highest point that can be found.
    """
    total = float(weights.sum())

    def loss(at: Floats) -> tuple[float, Floats]:
        value, slope = score(at, weights)
        return -value / total, -slope / total

    def quasi_newton(at: Floats, small: float) -> Floats:
        options = {"ftol": 0.0, "gtol": small}
        limits = [(b - _EDGE, b + _EDGE) for b in begin.tolist()]
        found: Any = minimize(  # type: ignore[call-overload]
            loss, at, jac=True, method="L-BFGS-B", bounds=limits, options=options
        )
        best: Floats = found.x
        return best

    begin = np.log(start)
    near = quasi_newton(begin, _NEAR)
    at = _newton(score, weights, near)
    if at is None or np.abs(at - begin).max() > _EDGE:
        at = quasi_newton(near, _SLOW)
    value, slope = score(at, weights)
    inside = np.abs(at - begin) < _EDGE - 1e-6
    flat = _FLAT * max(total, abs(value))  # on a long ridge, steps gain less than rounding loses
    if not np.isfinite(value) or np.abs(slope[inside]).max(initial=0) > flat:
        raise DataError(
            f"{model}: no parameters of the highest likelihood were found for {total:,.0f} "
            "customers; their histories may be too alike, or too few"
        )
    return Maximum(np.exp(at), value, _curvature(score, weights, at, slope))


def _newton(score: Score, weights: Floats, at: Floats) -> Floats | None:
    """The top that Newton's steps reach; None where they do not end at one."""
    for _ in range(20):
        slope = score(at, weights)[1]
        curve = _curvature(score, weights, at, slope)
        try:
            np.linalg.cholesky(-curve)  # only around a top
            step = np.linalg.solve(-curve, slope)
        except np.linalg.LinAlgError:
            return None
        size = np.abs(step).max()
        if not size < 1:
            return None
        at = at + step
        if size < _CLOSE:
            return at
    return None


def _curvature(score: Score, weights: Floats, at: Floats, slope: Floats) -> Floats:
    """Second derivatives from differences of the slope to one side."""
    steps = np.eye(len(at)) * _TURN
    up = np.array([score(at + step, weights)[1] for step in steps])
    curve = (up - slope) / _TURN
    mean: Floats = (curve + curve.T) / 2
    return mean
