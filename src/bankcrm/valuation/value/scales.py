"""Scales that map a measure to 0..1: fitted once on a book, frozen, applied to any customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import few
from bankcrm.arguments import as_choice
from bankcrm.errors import DataError
from bankcrm.frames.arrays import codes, numbers
from bankcrm.frames.column import fault_in_rows
from bankcrm.valuation.arrays import Floats, Values, in_range, labels_of

ScaleMethod = Literal["rank", "robust_z", "min_max"]
KNOTS = 1001  # points that a rank scale keeps of a large book


@attrs.frozen
class Scale:
    """A map of a measure to 0..1, where 1 is best for the bank; a missing value stays missing.

    Attributes:
        method: ``rank`` (share of the fitted book below, ties halved), ``robust_z`` (normal
            probability of the distance from the median in robust deviations), ``min_max``, or
            ``points`` (straight lines between stated points).
        at: Rising values: the points of the scale; for ``robust_z`` the median and one deviation
            above it.
        score: The score of each point, before it is turned.
        higher_is_better: False turns the scale round (risk, complaints).
    """

    method: str
    at: tuple[float, ...]
    score: tuple[float, ...]
    higher_is_better: bool = True

    def apply(self, values: Values) -> Floats:
        """Score of each value; values outside the fitted range get the end's score.

        >>> fit_scale([0, 10], "min_max").apply([5, 20]).tolist()
        [0.5, 1.0]
        """
        x = numbers(values if isinstance(values, pd.Series) else np.asarray(values), "values")
        at, power = in_range(np.array(self.at))
        x = np.ldexp(x, -power)
        if self.method == "robust_z":
            middle, step = at[0], at[1] - at[0]
            z = (x - middle) / step if step > 0 else np.sign(x - middle)
            from scipy.special import ndtr

            score: Floats = ndtr(z)
        else:
            score = np.interp(x, at, self.score)
        score = np.where(np.isnan(x), np.nan, score)
        return score if self.higher_is_better else 1 - score


@attrs.frozen
class GradeScale:
    """A map of words to 0..1 by a stated table, for a qualitative measure.

    Attributes:
        grades: Word -> score.
    """

    grades: Mapping[str, float]

    def apply(self, values: pd.Series) -> Floats:
        """Score of each grade; a missing grade stays missing, an unknown one is refused.

        >>> GradeScale({"good": 1.0, "bad": 0.0}).apply(pd.Series(["bad", "good"])).tolist()
        [0.0, 1.0]
        """
        code, found = codes(values)
        unknown = [str(g) for g in found if str(g) not in self.grades]
        if unknown:
            raise DataError(
                f"{values.name}: unknown grades {few(unknown)}; expected one of "
                f"{', '.join(self.grades)}"
            )
        scores = np.array([self.grades[str(g)] for g in found] + [np.nan], dtype=np.float64)
        result: Floats = scores[code]
        return result


def fit_scale(
    values: Values, method: ScaleMethod = "rank", *, higher_is_better: bool = True
) -> Scale:
    """Fit a scale on the values of a book; missing values are left out of the fit.

    Args:
        values: One number per customer.
        method: ``rank``, ``robust_z`` or ``min_max``.
        higher_is_better: False for measures that count against the customer.

    Returns:
        A frozen scale that scores a new customer as it scores the book.

    Raises:
        DataError: No value is there, or one is infinite.

    >>> fit_scale([1, 2, 2, 3], "rank").apply([2, 3]).tolist()
    [0.5, 0.875]
    """
    x = numbers(values if isinstance(values, pd.Series) else np.asarray(values), "values")
    fault_in_rows(
        "values", "", "infinite", labels_of(values)[np.isinf(x)], "finite numbers or null"
    ).refuse()
    x = np.sort(x[~np.isnan(x)])
    if not len(x):
        raise DataError("values: none to fit a scale on; expected one number or more")
    if method == "min_max":
        low, high = float(x[0]), float(x[-1])
        reach = max(abs(low) * 1e-9, 1.0)  # of a book of one value: below it 0, above it 1
        ends = (low, high) if high > low else (low - reach, low + reach)
        return Scale(method, ends, (0.0, 1.0), higher_is_better)
    if method == "robust_z":
        scaled, power = in_range(x)
        middle = float(np.median(scaled))
        ends = (middle, middle + _deviation(scaled, middle))
        at = tuple(float(np.ldexp(end, power)) for end in ends)
        return Scale(method, at, (0.5, 1.0), higher_is_better)
    as_choice(method, ("rank", "robust_z", "min_max"), "method")
    distinct, counts = np.unique(x, return_counts=True)
    if len(distinct) > KNOTS:
        picks = np.unique(np.linspace(0, len(distinct) - 1, KNOTS).astype(np.intp))
        below = np.cumsum(counts) - counts / 2
        distinct, middle_rank = distinct[picks], below[picks]
    else:
        middle_rank = np.cumsum(counts) - counts / 2
    return Scale(
        method, tuple(distinct.tolist()), tuple((middle_rank / len(x)).tolist()), higher_is_better
    )


def points_scale(points: Mapping[float, float], *, higher_is_better: bool = True) -> Scale:
    """A scale through stated points, straight in between: ``{18: 0.9, 30: 1.0, 65: 0.2}`` for age.

    >>> points_scale({0: 0.0, 10: 1.0}).apply([5]).tolist()
    [0.5]
    """
    at = sorted(points)
    score = [points[k] for k in at]
    if not at or not all(0 <= s <= 1 for s in score):
        raise DataError(f"points: got {dict(points)}; expected value -> score from 0 to 1")
    return Scale("points", tuple(at), tuple(score), higher_is_better)


def _deviation(x: Floats, middle: float) -> float:
    """Standard deviation of the middle of the book: from the median deviation, else wider."""
    median_deviation = float(np.median(np.abs(x - middle))) * 1.482602218505602
    if median_deviation > 0:
        return median_deviation
    return float(np.std(x))
