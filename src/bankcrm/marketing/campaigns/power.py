"""How many customers a campaign needs, what it can find, and when it may stop early (CSC-8)."""

from __future__ import annotations

import math
from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt

from bankcrm.arguments import as_number, as_share, as_whole_number
from bankcrm.errors import DataError, InfeasibleError
from bankcrm.intervals import quantile

Floats = npt.NDArray[np.float64]
Spending = Literal["obrien_fleming", "pocock"]
_NODES = 400  # of the integral over the statistic between two looks
_FAR = 9.0  # standard deviations beyond which nothing is left


@attrs.frozen
class SampleSize:
    """How many customers a test of two shares needs.

    Attributes:
        control: Customers in the control group.
        treated: Customers in the treated group.
        exact: Both together before rounding up.
    """

    control: int
    treated: int
    exact: float


def sample_size(
    control_rate: float,
    difference: float,
    *,
    power: float = 0.8,
    share_control: float = 0.5,
    confidence: float = 0.95,
) -> SampleSize:
    """How many customers are needed to find a difference of two response rates.

    Args:
        control_rate: The rate that is expected without the campaign, between 0 and 1.
        difference: What the campaign should add to it (below 0: take away).
        power: The probability of finding the difference if it is there.
        share_control: Share of the control group.
        confidence: 1 less the probability of a finding where there is no difference.

    Raises:
        DataError: A rate or share is not between 0 and 1, or the difference is 0.

    Source: CSC-8; the two-sided normal test, as ``power.prop.test`` of R.

    >>> size = sample_size(0.5, 0.25, power=0.9)
    >>> size.control, size.treated, round(size.exact / 2, 3)
    (77, 77, 76.707)
    """
    from scipy.special import ndtri  # slow to import

    first, second, share = _rates(control_rate, difference, share_control)
    pooled, apart = _spreads(first, second, share)
    half = quantile(confidence) * pooled + float(ndtri(_share(power, "power"))) * apart
    exact = (half / difference) ** 2
    return SampleSize(
        control=math.ceil(exact * share), treated=math.ceil(exact * (1 - share)), exact=exact
    )


def power_of_test(
    control_rate: float,
    difference: float,
    *,
    control: int,
    treated: int,
    confidence: float = 0.95,
) -> float:
    """The probability that a test of this size finds a difference of two response rates.

    Args:
        control_rate: The rate that is expected without the campaign.
        difference: What the campaign adds to it.
        control: Customers in the control group.
        treated: Customers in the treated group.
        confidence: As for `sample_size`.

    Source: CSC-8; as ``power.prop.test`` of R.

    >>> round(power_of_test(0.5, 0.25, control=50, treated=50), 6)
    0.740166
    """
    from scipy.special import ndtr  # slow to import

    in_control = _count(control, "control")
    total = in_control + _count(treated, "treated")
    first, second, share = _rates(control_rate, difference, in_control / total)
    pooled, apart = _spreads(first, second, share)
    reached = abs(difference) * math.sqrt(total) - quantile(confidence) * pooled
    return float(ndtr(reached / apart))


def detectable(
    control_rate: float,
    *,
    control: int,
    treated: int,
    power: float = 0.8,
    confidence: float = 0.95,
) -> float:
    """The smallest rise of the response rate that a test of this size finds.

    Args:
        control_rate: The rate that is expected without the campaign.
        control: Customers in the control group.
        treated: Customers in the treated group.
        power: The probability of finding it.
        confidence: As for `sample_size`.

    Raises:
        InfeasibleError: Even a response of everybody would not be found.

    Source: CSC-8.

    >>> round(detectable(0.5, control=50, treated=50, power=0.740166), 4)
    0.25
    """
    from scipy.optimize import brentq  # slow to import

    top = 1 - _share(control_rate, "control_rate") - 1e-12
    requested = _share(power, "power")

    def excess(difference: float) -> float:
        return requested - power_of_test(
            control_rate, difference, control=control, treated=treated, confidence=confidence
        )

    if excess(top) > 0:
        raise InfeasibleError(
            f"control, treated: {control} and {treated} customers cannot find any rise above "
            f"{control_rate} with power {power}; take more customers"
        )
    return float(brentq(excess, 1e-12, top, xtol=1e-12))


def stopping_bounds(
    looks: int, *, kind: Spending = "obrien_fleming", confidence: float = 0.95
) -> Floats:
    """How large the test statistic has to be at each look to stop a campaign early.

    Several looks at growing data find something too often; these bounds spend the probability
    of a false finding over equally spaced looks (Lan and DeMets), two-sided.

    Args:
        looks: Number of looks, the last one at the end.
        kind: ``obrien_fleming``: hardly anything early; ``pocock``: about the same at each look.
        confidence: 1 less the probability of a false finding at any look.

    Returns:
        One bound per look, float64, for the absolute value of a standard normal statistic.

    Source: CSC-8; Lan and DeMets (1983), as ``gsDesign`` of R.

    >>> stopping_bounds(5).round(3).tolist()
    [4.877, 3.357, 2.68, 2.29, 2.031]
    """
    from scipy.special import ndtr, ndtri  # slow to import

    looks = as_whole_number(looks, "looks", 1, 1_000)
    side = (1 - _share(confidence, "confidence")) / 2
    times = np.arange(1, looks + 1) / looks
    if kind == "obrien_fleming":
        spent = 2 * ndtr(-ndtri(1 - side / 2) / np.sqrt(times))
    elif kind == "pocock":
        spent = side * np.log1p((math.e - 1) * times)
    else:
        raise DataError(f"kind: expected 'obrien_fleming' or 'pocock', got {kind!r}")
    return _bounds(times, np.diff(spent, prepend=0.0))


def _bounds(times: Floats, spend: Floats) -> Floats:
    """The bounds whose crossing, for the first time at each look, has the given probability.

    The density of the sum of increments among the paths that no earlier look stopped is carried
    on from look to look by Gauss-Legendre integration (Armitage, McPherson and Rowe).
    """
    from scipy.optimize import brentq  # slow to import
    from scipy.special import ndtr, ndtri

    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    bounds = [float(-ndtri(spend[0]))]
    step = math.sqrt(times[0])
    limit = bounds[0] * step
    points, mass = limit * nodes, np.exp(-((limit * nodes / step) ** 2) / 2) / step
    mass *= limit * weights / math.sqrt(2 * math.pi)
    for time, before, part in zip(times[1:], times[:-1], spend[1:], strict=True):
        step = math.sqrt(time - before)

        def crossing(
            limit: float, step: float = step, points: Floats = points, mass: Floats = mass,
            part: float = part,
        ) -> float:  # fmt: skip
            return float(mass @ ndtr((points - limit) / step)) - part

        limit = float(brentq(crossing, 0.0, _FAR, xtol=1e-13))
        bounds.append(limit / math.sqrt(time))
        ahead = limit * nodes
        density = np.exp(-(((ahead[:, None] - points) / step) ** 2) / 2) @ mass
        points, mass = ahead, density * limit * weights / (step * math.sqrt(2 * math.pi))
    return np.array(bounds)


def _count(value: float, name: str) -> float:
    number = as_number(value, name)
    if not 1 <= number < math.inf:
        raise DataError(f"{name}: expected 1 or more, got {value}")
    return number


def _share(value: float, name: str) -> float:
    return as_share(value, name, zero=False, one=False)


def _rates(control_rate: float, difference: float, share: float) -> tuple[float, float, float]:
    first = _share(control_rate, "control_rate")
    second = first + as_number(difference, "difference")
    if difference == 0 or not 0 <= second <= 1:
        raise DataError(
            f"difference: expected one that is not 0 and leaves a rate between 0 and 1, got "
            f"{difference} beside a rate of {first}"
        )
    return first, second, _share(share, "share_control")


def _spreads(first: float, second: float, share: float) -> tuple[float, float]:
    """Standard deviation of the difference times the root of all customers: pooled, and apart."""
    both = first * share + second * (1 - share)
    pooled = math.sqrt(both * (1 - both) * (1 / share + 1 / (1 - share)))
    apart = math.sqrt(first * (1 - first) / share + second * (1 - second) / (1 - share))
    return pooled, apart
