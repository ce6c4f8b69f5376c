"""Average balances of the last half-year and month, by which clubs are joined (EB-2)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.book.balances import average_balances, observations_of
from bankcrm.book.view import BookView, FrameView, day_number
from bankcrm.policy import Policy


def averages_of(view: BookView, day: np.datetime64, policy: Policy) -> pd.DataFrame:
    """The average of what each customer holds in balances above zero, up to a day.

    Args:
        view: ``balances``, if the book records them.
        day: The last day.
        policy: Its ``membership_months`` is the length of the daily average.

    Returns:
        One row per customer: ``daily_average`` over the last calendar months of a membership, the
        present one included, and ``monthly_average`` over the present one, in currency units; null
        for a customer without a balance.

    Source: EB-2.
    """
    balances = view.get("balances", "account_id", "balance")
    names = {"daily_average": int(policy.value("membership_months")), "monthly_average": 1}
    if balances is None:
        unknown = np.full(view.size, np.nan)
        return pd.DataFrame(dict.fromkeys(names, unknown), index=view.customers)
    month, end = day.astype("datetime64[M]"), day_number(day)
    first = {n: (month - np.timedelta64(months - 1, "M")) for n, months in names.items()}
    found = {n: _average(balances, day_number(start), end) for n, start in first.items()}
    return pd.DataFrame(found, index=view.customers)


def _average(balances: FrameView, start: int, end: int) -> npt.NDArray[np.float64]:
    seen = observations_of(balances)
    size = len(balances.customers)
    found = average_balances(
        seen.account, seen.day, seen.balance, len(seen.owner), start=start, end=end
    )
    total = np.bincount(seen.owner, found.credit, size)
    known = np.bincount(balances.customer()[balances.day("date") <= end], minlength=size) > 0
    return np.where(known, total, np.nan)
