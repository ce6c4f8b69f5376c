"""Date arithmetic on whole arrays of days."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bankcrm.arguments import as_whole_number
from bankcrm.errors import DataError

Days = npt.NDArray[np.datetime64]
ONE_DAY = np.timedelta64(1, "D")


def last_day_of_term(start: Days, months: int) -> Days:
    """The last day of a term of whole months that begins on a day.

    It is the day before the same day of the month. If that month is too short, the term runs to
    the end of that month.

    >>> starts = np.array(["2026-03-01", "2027-08-31", "2026-08-31"], dtype="datetime64[D]")
    >>> last_day_of_term(starts, 6).astype(str).tolist()
    ['2026-08-31', '2028-02-29', '2027-02-28']
    """
    month = start.astype("datetime64[M]")
    day = start - month.astype("datetime64[D]")
    target = month + np.timedelta64(months, "M")
    end_of_target = (target + np.timedelta64(1, "M")).astype("datetime64[D]") - ONE_DAY
    same_day = target.astype("datetime64[D]") + day
    return np.where(same_day <= end_of_target, same_day - ONE_DAY, end_of_target)


def next_review(as_of: np.datetime64, months: Sequence[int]) -> np.datetime64:
    """The first day of one of these months of the year that lies after a day.

    Raises:
        DataError: There is no month, or one is not from 1 to 12.

    >>> str(next_review(np.datetime64("2026-07-01"), (1, 7)))
    '2027-01-01'
    """
    month = as_of.astype("datetime64[M]")
    named = [as_whole_number(m, "review_months", 1, 12) for m in months]
    if not named:
        raise DataError("review_months: expected one month of the year or more, got none")
    away = (np.array(named) - 2 - month.astype(np.int64)) % 12 + 1
    day: np.datetime64 = (month + away.astype("timedelta64[M]")).astype("datetime64[D]").min()
    return day
