"""The concentration of a total."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
    squares = values * values
    if total is None:
        total = float(values.sum() if weights is None else values @ weights)
    numerator = squares.sum() if weights is None else squares @ weights
    return float(numerator) / (total * total)  # not a power, which overflows with an error
