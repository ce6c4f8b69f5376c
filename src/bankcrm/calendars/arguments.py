"""Dates and numbers of days, as callers give them to a calendar."""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import as_numbers, refuse
from bankcrm.frames.arrays import Days, as_of_day, days
from bankcrm.frames.column import fault_in_rows

DayLike: TypeAlias = "dt.date | str | np.datetime64"
# Not `ArrayLike`: a text is a sequence too, and would be taken for many dates.
ManyDays: TypeAlias = "pd.Series | pd.Index | npt.NDArray[np.generic] | list[Any] | tuple[Any, ...]"

NAT = np.datetime64("NaT", "D")
ONE_DAY = (str, dt.date, np.datetime64)
_BEYOND = 2**40
"""More days than any calendar has."""


def read_days(dates: object) -> tuple[Days, bool]:
    """Days as an array, and whether one date was given."""
    if isinstance(dates, np.ndarray) and dates.dtype == "datetime64[D]" and dates.ndim == 1:
        return dates, False
    if dates is None or isinstance(dates, ONE_DAY):
        if pd.isna(cast("str | None", dates)):
            return np.array([NAT]), True
        return np.array([as_of_day(dates)]), True
    if isinstance(dates, (list, tuple)) and any(isinstance(d, str) for d in dates):
        return np.array([NAT if pd.isna(d) else as_of_day(d) for d in dates]), False
    return days(cast("ManyDays", dates)), False


def read_counts(n: object, name: str = "n") -> npt.NDArray[np.int64]:
    """Numbers of days as int64; those beyond it as a number that no calendar reaches.

    Raises:
        DataError: One is missing, or no whole number.
    """
    if n is None:
        refuse(name, "whole numbers of days", n)
    values = np.asarray(n)
    if values.dtype.kind not in "iu":
        values = as_numbers(n, name)
        broken = np.flatnonzero(~(values == np.floor(values)))
        fault_in_rows(name, "", "no whole number", broken, "whole numbers of days").refuse()
        values = np.maximum(values, -_BEYOND)
    if values.dtype.kind != "i":
        values = np.minimum(values, _BEYOND)
    counts: npt.NDArray[np.int64] = values.astype(np.int64)
    return counts
