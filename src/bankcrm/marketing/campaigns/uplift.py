"""Whether a score finds the customers whom a campaign moves: uplift curve and Qini (CSC-8)."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import card, line
from bankcrm.arguments import as_generator, as_whole_number
from bankcrm.errors import DataError
from bankcrm.frames.arrays import ArrayLike, flags, numbers
from bankcrm.frames.column import fault_in_rows
from bankcrm.intervals import Interval, newcombe, percentile_ends

Floats = npt.NDArray[np.float64]
_FINE = 1000  # bands of the score between which the bootstrap does not tell customers apart


@attrs.frozen(eq=False, repr=False)
class UpliftCurve:
    """The effect of a campaign among the customers with the highest scores.

    Attributes:
        points: One row per distinct score, the highest first, after a row of zeros:
            ``customers`` (with this score or a higher one), ``gain`` (extra responses among them,
            scaled to the treated: the Qini curve) and ``uplift`` (difference of the response
            rates times the customers: the uplift curve).
        bands: Equal bands of customers by falling score: ``customers``, ``treated_rate``,
            ``control_rate``, ``difference``, ``lower`` and ``upper`` (Newcombe).
        qini: Area between the Qini curve and the straight line to its end, over the share of
            customers, in responses per treated customer; 0 for a score without information. The
            interval is the percentile bootstrap.
        overall: The difference of the response rates of all customers.
    """

    points: pd.DataFrame
    bands: pd.DataFrame
    qini: Interval
    overall: Interval

    def __repr__(self) -> str:
        return line("UpliftCurve", {"qini": str(self.qini), "overall": str(self.overall)})

    def _repr_html_(self) -> str:
        return card("Uplift by score", {"qini": str(self.qini)}, self.bands)


def uplift_curve(
    score: ArrayLike,
    treated: ArrayLike,
    responded: ArrayLike,
    *,
    bands: int = 10,
    confidence: float = 0.95,
    draws: int = 200,
    seed: int = 0,
) -> UpliftCurve:
    """Measure a score by the effect of the campaign among those whom it ranks first.

    Customers with the same score count together, so the order of the rows changes nothing.

    Args:
        score: Predicted effect of each customer, any number; higher is contacted first. It must
            not have been fitted on the same customers.
        treated: Whether each was treated: booleans, or 0 and 1.
        responded: Whether each responded: booleans, or 0 and 1.
        bands: Number of bands of the score.
        confidence: Coverage of the intervals.
        draws: Samples of the bootstrap.
        seed: Seed of the bootstrap.

    Raises:
        DataError: The lengths differ, a value is null or not 0 or 1, or a group is empty.

    Source: CSC-8; Radcliffe (2007).

    >>> flat = uplift_curve([1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0], bands=1)
    >>> flat.qini.estimate, flat.overall.estimate
    (0.0, 0.5)
    """
    s = numbers(score, "score")
    t, y = _flags(treated, "treated", len(s)), _flags(responded, "responded", len(s))
    null = np.flatnonzero(np.isnan(s))
    fault_in_rows("score", "", "null", null, advice="leave these rows out").refuse()
    if not 0 < t.sum() < len(t):
        raise DataError("treated: expected treated and untreated customers, found only one group")
    order = np.argsort(-s)
    # One row per distinct score: customers by treated and by response.
    last = np.flatnonzero(np.append(np.diff(s[order]) != 0, True))
    kind = (2 * t + y)[order]
    cells = np.stack([np.cumsum(kind == k)[last] for k in range(4)])  # up to and with each score
    zero = np.zeros((4, 1))
    totals = np.hstack([zero, cells])
    curve = _gain(totals)
    fine = _banded(cells, min(_FINE, len(last)))
    draws, bands = as_whole_number(draws, "draws", 1), as_whole_number(bands, "bands", 1)
    chance = np.diff(np.hstack([zero, fine]), axis=1)
    sampled = as_generator(seed).multinomial(len(s), (chance / len(s)).ravel(), size=draws)
    again = sampled.reshape(draws, 4, -1).cumsum(axis=2)
    areas = [_qini(np.hstack([zero, a])) for a in again if 0 < a[2:, -1].sum() < len(s)]
    low, high = percentile_ends(areas, confidence)
    whole = _differences(cells[:, -1:], confidence).iloc[0]
    return UpliftCurve(
        points=pd.DataFrame(
            {
                "customers": totals.sum(axis=0).astype(np.int64),
                "gain": curve,
                "uplift": _uplift(totals),
            }
        ),
        bands=_differences(
            np.diff(np.hstack([zero, _banded(cells, min(bands, len(last)))]), axis=1), confidence
        ),
        qini=Interval(_qini(totals), float(low), float(high), confidence, "bootstrap", len(s)),
        overall=Interval(
            float(whole["difference"]),
            float(whole["lower"]),
            float(whole["upper"]),
            confidence,
            "newcombe",
            len(s),
        ),
    )


def _flags(values: ArrayLike, name: str, rows: int) -> npt.NDArray[np.int8]:
    found = flags(values, name)
    if len(found) != rows:
        raise DataError(f"{name}: {len(found):,} values for {rows:,} scores; give one for each")
    return found.astype(np.int8)


def _gain(totals: Floats) -> Floats:
    """The Qini curve from cumulated customers: untreated 0, 1 and treated 0, 1."""
    control, treated = totals[0] + totals[1], totals[2] + totals[3]
    ratio = np.divide(treated, control, out=np.zeros_like(treated), where=control > 0)
    gain: Floats = totals[3] - totals[1] * ratio
    return gain


def _uplift(totals: Floats) -> Floats:
    control, treated = totals[0] + totals[1], totals[2] + totals[3]
    nothing = np.zeros_like(treated)
    rate = np.divide(totals[3], treated, out=nothing.copy(), where=treated > 0)
    base = np.divide(totals[1], control, out=nothing, where=control > 0)
    found: Floats = (rate - base) * (control + treated)
    return found


def _qini(totals: Floats) -> float:
    share = totals.sum(axis=0) / totals[:, -1].sum()
    gain = _gain(totals.astype(np.float64)) / totals[2:, -1].sum()
    return float(np.trapezoid(gain, share) - gain[-1] / 2)


def _banded(cells: Floats, bands: int) -> Floats:
    """The cumulated cells at the ends of about equal bands; equal scores stay together."""
    seen = cells.sum(axis=0)
    ends = np.searchsorted(seen, seen[-1] * np.arange(1, bands + 1) / bands - 1e-9)
    return cells[:, np.unique(ends)]


def _differences(cells: Floats, confidence: float) -> pd.DataFrame:
    control, treated = cells[0] + cells[1], cells[2] + cells[3]
    difference, low, high = newcombe(cells[3], treated, cells[1], control, confidence)
    with np.errstate(invalid="ignore"):
        rates = cells[3] / treated, cells[1] / control
    return pd.DataFrame(
        {
            "customers": (control + treated).astype(np.int64),
            "treated_rate": rates[0],
            "control_rate": rates[1],
            "difference": difference,
            "lower": low,
            "upper": high,
        }
    )
