"""Satisfaction by channel: NPS, CSAT and CES with response rates and intervals (PB-8)."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import as_choice, as_whole_number
from bankcrm.frames import Column, check_frame
from bankcrm.frames.arrays import codes
from bankcrm.intervals import quantile, wilson

Floats = npt.NDArray[np.float64]
Measure = Literal["nps", "csat", "ces"]
_SCALES: dict[str, tuple[int, int]] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
_SATISFIED = 4  # of 5
_PROMOTER, _DETRACTOR = 9, 6  # from, up to


def satisfaction(
    surveys: object,
    *,
    measure: Measure,
    by: str = "channel",
    minimum: int = 10,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """How satisfied customers are with each channel, with an interval.

    ``nps``: promoters (9 or 10 of 10) less detractors (up to 6), between -1 and 1, by the adjusted
    Wald interval, which also holds for few answers. ``csat``: share of 4 or 5 of 5, by Wilson's
    interval. ``ces``: mean of 1 to 7 (7: least effort), by Student's interval.

    Args:
        surveys: One row per customer asked: the column ``by`` and ``score`` on the scale of the
            measure; null where the customer did not answer, which is no satisfaction.
        measure: What to measure.
        by: Column to compare.
        minimum: Below this number of answers there is no rank, only a range.
        confidence: Coverage of the intervals.

    Returns:
        One row per value of ``by``, in rising order: ``asked``, ``answered``, ``response_rate``,
        ``value``, ``lower``, ``upper`` and ``rank`` (Int64; 1 is the best; null below the
        minimum). ``value`` is null below the minimum, all three where nobody answered, and the
        interval of ``ces`` for a single answer.

    Raises:
        DataError: A score is not on the scale, or the measure is unknown.

    Source: PB-8; Bonett and Price (2012) for NPS.

    >>> asked = pd.DataFrame({"channel": "phone", "score": [10] * 50 + [8] * 30 + [3] * 20})
    >>> satisfaction(asked, measure="nps")[["value", "lower", "upper"]].round(3).iloc[0].tolist()
    [0.3, 0.141, 0.442]
    """
    as_choice(measure, _SCALES, "measure")
    minimum = as_whole_number(minimum, "minimum", most=math.inf)
    low, high = _SCALES[measure]
    frame = check_frame(
        surveys,
        (
            Column(by, "category"),
            Column("score", "integer", True, True, "points", "", (), low, high),
        ),
        frame="surveys",
    )
    code, names = codes(frame[by])
    score = frame["score"].to_numpy(np.float64)
    there = ~np.isnan(score)
    asked = np.bincount(code, minlength=len(names))
    answered = np.bincount(code[there], minlength=len(names))
    ends = {"nps": _nps, "csat": _csat, "ces": _ces}[measure]
    value, lower, upper = ends(code[there], score[there], answered, confidence)
    few = answered < minimum
    rank = pd.Series(np.where(few, np.nan, value)).rank(method="min", ascending=False)
    result = pd.DataFrame(
        {
            "asked": asked,
            "answered": answered,
            "response_rate": answered / asked,
            "value": np.where(few, np.nan, value),
            "lower": lower,
            "upper": upper,
            "rank": rank.astype("Int64").array,
        },
        index=pd.Index(names, name=by),
    )
    return result.sort_index()


def _counts(code: npt.NDArray[np.intp], rows: npt.NDArray[np.bool_], groups: int) -> Floats:
    return np.bincount(code[rows], minlength=groups).astype(np.float64)


def _nps(
    code: npt.NDArray[np.intp], score: Floats, answered: npt.NDArray[np.intp], confidence: float
) -> tuple[Floats, Floats, Floats]:
    """Promoters less detractors; the interval adds 3/4, 3/2 and 3/4 answers (adjusted Wald)."""
    up = _counts(code, score >= _PROMOTER, len(answered))
    down = _counts(code, score <= _DETRACTOR, len(answered))
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (up - down) / answered
    n = answered + 3.0
    good, bad = (up + 0.75) / n, (down + 0.75) / n
    half = quantile(confidence) * np.sqrt((good + bad - (good - bad) ** 2) / n)
    nobody = answered == 0
    lower = np.where(nobody, np.nan, np.maximum(good - bad - half, -1.0))
    upper = np.where(nobody, np.nan, np.minimum(good - bad + half, 1.0))
    return value, lower, upper


def _csat(
    code: npt.NDArray[np.intp], score: Floats, answered: npt.NDArray[np.intp], confidence: float
) -> tuple[Floats, Floats, Floats]:
    return wilson(_counts(code, score >= _SATISFIED, len(answered)), answered, confidence)


def _ces(
    code: npt.NDArray[np.intp], score: Floats, answered: npt.NDArray[np.intp], confidence: float
) -> tuple[Floats, Floats, Floats]:
    from scipy.stats import t

    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(code, score, len(answered)) / answered
        spread = np.bincount(code, (score - mean[code]) ** 2, len(answered)) / (answered - 1)
        half = t.ppf(0.5 + confidence / 2, answered - 1) * np.sqrt(spread / answered)
    return mean, mean - half, mean + half
