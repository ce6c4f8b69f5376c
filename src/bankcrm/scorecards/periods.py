"""Months, quarters and years as numbers and days."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from bankcrm.arguments import as_choice
from bankcrm.frames.arrays import Days
from bankcrm.units import MONTHS, Period

Numbered: TypeAlias = npt.NDArray[np.int64]


def months_in(period: Period) -> int:
    """The number of months in a period.

    Raises:
        DataError: There is no such period.

    >>> months_in("quarter")
    3
    """
    return MONTHS[as_choice(period, MONTHS, "period")]


def period_numbers(days: Days, period: Period) -> Numbered:
    """The number of the period of each day, counted from 1970.

    >>> period_numbers(np.array(["1970-05-02"], "datetime64[D]"), "quarter").tolist()
    [1]
    """
    return days.astype("datetime64[M]").astype(np.int64) // months_in(period)


def first_days(numbers: Numbered, period: Period) -> Days:
    """The first day of each period.

    >>> first_days(np.array([1]), "quarter").astype(str).tolist()
    ['1970-04-01']
    """
    months = np.asarray(numbers, np.int64) * months_in(period)
    found: Days = months.astype("datetime64[M]").astype("datetime64[D]")
    return found
