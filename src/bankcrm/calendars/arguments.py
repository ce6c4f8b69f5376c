"""Dates and numbers of days, as callers give them to a calendar."""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.arguments import refuse
from bankcrm.errors import DataError
from bankcrm.frames.arrays import Days, as_of_day, days

DayLike: TypeAlias = "dt.date | str | np.datetime64"
# Not `ArrayLike`: a text is a sequence too, and would be taken for many dates.
ManyDays: TypeAlias = "pd.Series | pd.Index | npt.NDArray[np.generic] | list[Any] | tuple[Any, ...]"

NAT = np.datetime64("NaT", "D")
ONE_DAY = (str, dt.date, np.datetime64)


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


def read_counts(n: int | ManyDays) -> npt.NDArray[np.int64]:
    """Numbers of days as int64."""
    if n is None:
        refuse("n", "whole numbers of days", n)
    values = np.asarray(n)
    if values.dtype.kind not in "iu":
        as_float = pd.to_numeric(pd.Series(n), errors="coerce").to_numpy(
            np.float64, na_value=np.nan
        )
        broken = ~(as_float == np.floor(as_float))
        if broken.any():
            where = few(np.flatnonzero(broken))
            raise DataError(f"n: {broken.sum():,} are not whole numbers of days (places {where})")
        values = as_float.reshape(values.shape)
    return values.astype(np.int64)
