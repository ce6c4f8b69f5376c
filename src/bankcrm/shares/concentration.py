"""The concentration of a total."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bankcrm.arguments import as_number, refuse

Floats = npt.NDArray[np.float64]


def herfindahl(values: Floats, weights: Floats | None = None, total: float | None = None) -> float:
    """The Herfindahl-Hirschman index: the sum of the squared shares of a total.

    Args:
        values: The parts, float64.
        weights: How many holders have each part; None for one each.
        total: Their sum, where it is known already; it must not be 0.

    >>> round(herfindahl(np.array([30.0, 30, 20, 20])), 6)
    0.26
    """
    if weights is not None and np.shape(weights) != np.shape(values):
        refuse("weights", "one number for each value", weights)
    squares = values * values
    if total is None:
        total = float(values.sum() if weights is None else values @ weights)
    elif not as_number(total, "total"):
        refuse("total", "a number other than 0", total)
    numerator = squares.sum() if weights is None else squares @ weights
    return float(numerator) / (total * total)  # not a power, which overflows with an error
