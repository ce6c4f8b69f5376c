"""Ages in whole years."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bankcrm.frames.arrays import Days


def full_years(born: Days, today: np.datetime64) -> npt.NDArray[np.float64]:
    """Whole years between two days; a person born on 29 February is a year older on 1 March.

    >>> full_years(np.array(["2000-02-29", "2000-03-01"], "datetime64[D]"),
    ...            np.datetime64("2026-02-28")).tolist()
    [25.0, 25.0]
    """
    month = born.astype("datetime64[M]")
    this_month = today.astype("datetime64[M]")
    months = (this_month - month).astype(np.float64)
    day_of_birth = (born - month.astype("datetime64[D]")).astype(np.float64)
    day_today = (today - this_month.astype("datetime64[D]")).astype(np.float64)
    months = months - (day_of_birth > day_today)
    return np.where(np.isnat(born), np.nan, np.floor(months / 12))
