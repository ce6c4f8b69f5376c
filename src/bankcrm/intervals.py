"""An estimate with its interval, and Wilson's interval for a share."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from bankcrm._display import card, figures_of
from bankcrm.errors import DataError

Floats = npt.NDArray[np.float64]


@attrs.frozen
class Interval:
    """An estimate with its confidence interval.

    Attributes:
        estimate: The figure of the sample itself.
        lower: Lower end.
        upper: Upper end.
        confidence: Coverage, between 0 and 1.
        method: How the ends were found.
        sample_size: Number of values behind the figure.
    """

    estimate: float
    lower: float
    upper: float
    confidence: float
    method: str
    sample_size: int

    def __contains__(self, figure: float) -> bool:
        """Whether a figure lies between the two ends."""
        return self.lower <= figure <= self.upper

    def __str__(self) -> str:
        return f"{self.estimate:.4g} [{self.lower:.4g}, {self.upper:.4g}] at {self.confidence:.0%}"

    def _repr_html_(self) -> str:
        return card(str(self), figures_of(self, "method", "sample_size"))


def wilson(
    hits: npt.ArrayLike, trials: npt.ArrayLike, confidence: float = 0.95
) -> tuple[Floats, Floats, Floats]:
    """Share, lower and upper bound by Wilson's score interval; null where there was no trial.

    Args:
        hits: Successes.
        trials: Trials, of the same shape.
        confidence: Coverage, between 0 and 1.

    >>> share, low, high = wilson([9], [10])
    >>> round(low[0], 4), round(high[0], 4)
    (np.float64(0.5958), np.float64(0.9821))
    """
    z = quantile(confidence)
    x, n = np.asarray(hits, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(n > 0, x / n, np.nan)
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # The ends are exact at 0 and 1, where rounding would leave a trace of a share.
    low = np.where(x == 0, np.where(n > 0, 0.0, np.nan), middle - half)
    high = np.where((x == n) & (n > 0), 1.0, middle + half)
    return share, low, high


def quantile(confidence: float) -> float:
    """The normal quantile of a two-sided interval.

    Raises:
        DataError: The confidence is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise DataError(f"confidence: expected a share between 0 and 1, found {confidence}")
    from scipy.special import ndtri

    return float(ndtri(0.5 + confidence / 2))


def newcombe(
    before: tuple[Floats, Floats, Floats], after: tuple[Floats, Floats, Floats]
) -> tuple[Floats, Floats, Floats]:
    """Difference of two independent shares with Newcombe's hybrid score interval (method 10).

    Args:
        before: Share, lower and upper bound, as `wilson` gives them.
        after: The same of the other sample.

    Returns:
        Share after less share before, lower and upper bound.

    >>> found = newcombe(wilson([48], [80]), wilson([56], [70]))
    >>> [round(float(part[0]), 4) for part in found]
    [0.2, 0.0524, 0.3339]
    """
    share, low, high = before
    later, later_low, later_high = after
    change = later - share
    down = np.sqrt((later - later_low) ** 2 + (high - share) ** 2)
    up = np.sqrt((later_high - later) ** 2 + (share - low) ** 2)
    return change, change - down, change + up
