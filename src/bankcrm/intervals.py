"""An estimate with its interval; intervals for a share and for the difference of two."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from bankcrm._display import card, figures_of
from bankcrm.arguments import as_share

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


def newcombe(
    hits: npt.ArrayLike,
    trials: npt.ArrayLike,
    other_hits: npt.ArrayLike,
    other_trials: npt.ArrayLike,
    confidence: float = 0.95,
) -> tuple[Floats, Floats, Floats]:
    """Difference of two independent shares, lower and upper bound, by Newcombe's score interval.

    Args:
        hits: Successes of the first group.
        trials: Its trials.
        other_hits: Successes of the group that is subtracted.
        other_trials: Its trials.
        confidence: Coverage, between 0 and 1.

    Returns:
        Three float64 arrays; null where a group has no trial.

    Source: Newcombe (1998), Statistics in Medicine 17, 873-890, method 10.

    >>> share, low, high = newcombe([56], [70], [48], [80])
    >>> round(float(low[0]), 4), round(float(high[0]), 4)
    (0.0524, 0.3339)
    """
    first, low, high = wilson(hits, trials, confidence)
    second, other_low, other_high = wilson(other_hits, other_trials, confidence)
    difference = first - second
    return (
        difference,
        difference - np.hypot(first - low, other_high - second),
        difference + np.hypot(high - first, second - other_low),
    )


def quantile(confidence: float) -> float:
    """The normal quantile of a two-sided interval.

    Raises:
        DataError: The confidence is not between 0 and 1.
    """
    confidence = as_share(confidence, "confidence", zero=False, one=False)
    from scipy.special import ndtri

    return float(ndtri(0.5 + confidence / 2))


def percentile_ends(
    drawn: npt.ArrayLike, confidence: float, axis: int | None = None
) -> npt.NDArray[np.float64]:
    """The two ends of the middle part of what was drawn.

    Raises:
        DataError: The confidence is not between 0 and 1.

    >>> percentile_ends(range(101), 0.9).round(6).tolist()
    [5.0, 95.0]
    """
    quantile(confidence)  # checks the confidence
    low = 0.5 - confidence / 2
    ends: Floats = np.quantile(np.asarray(drawn, np.float64), [low, 1 - low], axis=axis)
    return ends


def poisson_rate(
    count: npt.ArrayLike, exposure: npt.ArrayLike, confidence: float = 0.95
) -> tuple[Floats, Floats, Floats]:
    """Rate of events per unit of exposure with Garwood's exact interval; null without exposure.

    Args:
        count: Events, whole numbers.
        exposure: Time or units in which they happened, of the same shape.
        confidence: Coverage, between 0 and 1.

    >>> rate, low, high = poisson_rate([0, 10], [1, 1])
    >>> rate.tolist(), low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 10.0], [0.0, 4.795], [3.689, 18.39])
    """
    quantile(confidence)  # checks the confidence
    from scipy.special import gammaincinv

    tail = (1 - confidence) / 2
    x, n = np.asarray(count, dtype=np.float64), np.asarray(exposure, dtype=np.float64)
    over = np.where(n > 0, n, np.nan)
    low = np.where(x > 0, gammaincinv(np.maximum(x, 1e-300), tail), 0.0)
    return x / over, low / over, gammaincinv(x + 1, 1 - tail) / over
