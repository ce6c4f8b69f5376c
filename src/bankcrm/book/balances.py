"""Average balances and outstanding amounts of a period, exact to the day."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bankcrm.errors import DataError

Hold = Literal["forward", "backward", "linear"]
Days = NDArray[np.datetime64]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
ONE_DAY = np.timedelta64(1, "D")


def average_balances(
    account: Integers,
    day: Days,
    balance: Floats,
    accounts: int,
    *,
    start: np.datetime64,
    end: np.datetime64,
    hold: Hold = "forward",
    last_day: Days | None = None,
) -> tuple[Floats, Floats]:
    """Average credit and debit balance of each account over a period, both ends inside.

    The mean is over every day of the period; a day before an account's first observation counts
    as 0.

    Args:
        account: account code of each observation, 0 .. accounts - 1.
        day: day of each observation, ``datetime64[D]``; of several on a day the last row counts.
        balance: closing balance of that day.
        accounts: number of accounts.
        start: first day of the period.
        end: last day of the period.
        hold: ``forward``: a balance stands until the next (daily and running balances);
            ``backward``: it stands for the days since the one before (month-end balances);
            ``linear``: straight from one to the next, forward after the last.
        last_day: last day on which each account may hold money (its closing), if known.

    Returns:
        Average of the balances above zero, and of those below zero (as a positive number).

    >>> day = np.array(["2026-01-01", "2026-01-06"], "datetime64[D]")
    >>> credit, debit = average_balances(
    ...     np.array([0, 0]), day, np.array([100.0, -50.0]), 1,
    ...     start=np.datetime64("2026-01-01"), end=np.datetime64("2026-01-10"),
    ... )
    >>> credit.tolist(), debit.tolist()
    ([50.0], [25.0])
    """
    stamp = day.astype(np.int64)
    key = account * (1 << 32) + stamp
    if (key[1:] < key[:-1]).any():
        order = np.argsort(key, kind="stable")
        account, stamp, balance, key = account[order], stamp[order], balance[order], key[order]
    keep = np.append(key[1:] != key[:-1], True)[: len(key)]
    account, stamp, balance = account[keep], stamp[keep], balance[keep]
    n = len(account)
    same = np.append(account[1:] == account[:-1], False)[:n]
    first, last = int(start.astype(np.int64)), int(end.astype(np.int64)) + 1
    closing = np.full(n, last)
    if last_day is not None:
        closing = np.minimum((last_day[account] + ONE_DAY).astype(np.int64), last)
    following = np.where(same, np.roll(stamp, -1), closing)
    if hold == "backward":
        # The first observation of an account stands for its own month.
        month = day_of_month_start(stamp)
        before = np.where(np.roll(same, 1), np.roll(stamp, 1) + 1, month) if n else stamp
        low, high = before, np.where(same, stamp + 1, closing)
    else:
        low, high = stamp, following
    low, high = np.maximum(low, first), np.minimum(high, np.minimum(closing, last))
    length = np.maximum(high - low, 0).astype(np.float64)
    level = balance
    if hold == "linear":
        span = np.maximum(following - stamp, 1)
        slope = np.where(same, (np.roll(balance, -1) - balance) / span, 0.0) if n else balance
        level = balance + slope * ((low + high - 1) / 2.0 - stamp)
    elif hold not in ("forward", "backward"):
        raise DataError(f"hold: got {hold!r}; expected one of forward, backward, linear")
    whole = float(last - first)
    credit = np.bincount(account, np.maximum(level, 0.0) * length, accounts) / whole
    debit = np.bincount(account, np.maximum(-level, 0.0) * length, accounts) / whole
    return credit, debit


def day_of_month_start(stamp: NDArray[np.int64]) -> NDArray[np.int64]:
    """First day of the month of each day number (days since 1970-01-01)."""
    month = stamp.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]")
    return month.astype(np.int64)


def average_outstanding(
    granted: Days,
    term_months: Floats,
    amount: Floats,
    start: Days | np.datetime64,
    end: Days | np.datetime64,
) -> Floats:
    """Average amount lent over a period, both ends inside, repaid evenly over the term.

    Args:
        granted: day of payout, ``datetime64[D]``.
        term_months: term; a month counts 365.25 / 12 days.
        amount: amount paid out.
        start: first day of the period, of all or of each.
        end: last day of the period, of all or of each.

    >>> average_outstanding(
    ...     np.array(["2026-01-01"], "datetime64[D]"), np.array([12.0]), np.array([1200.0]),
    ...     np.datetime64("2026-01-01"), np.datetime64("2026-12-31"),
    ... ).round(0).tolist()
    [600.0]
    """
    length = np.maximum(term_months, 1e-9) * (365.25 / 12)
    first = (start - granted).astype(np.float64)
    last = (end - granted).astype(np.float64) + 1
    low, high = np.clip(first, 0.0, length), np.clip(last, 0.0, length)
    middle = 1 - (low + high) / (2 * length)
    result: Floats = amount * middle * (high - low) / np.maximum(last - first, 1.0)
    return result
