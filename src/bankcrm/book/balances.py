"""Average balances and outstanding amounts of a period, exact to the day."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from bankcrm.arguments import as_choice
from bankcrm.book.view import FrameView
from bankcrm.frames.arrays import row_blocks

Hold = Literal["forward", "backward", "linear"]
Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.integer[Any]]
Rows: TypeAlias = "slice | npt.NDArray[np.intp]"
_Numbers: TypeAlias = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class AverageBalances:
    """Average balances of accounts over a period, one value per account.

    Attributes:
        credit: Mean of the balances above zero over every day of the period, float64.
        debit: Mean of the balances below zero over every day, as a positive number, float64.
        days: Days of the period on which the balance is known, float64.
    """

    credit: Floats
    debit: Floats
    days: Floats


@attrs.frozen(eq=False)
class Observations:
    """Balances in order of account and day, of several on one day the last.

    Attributes:
        account: Position of the account of each balance.
        day: Day of each balance, as days since 1970-01-01.
        balance: Closing balance of that day, float64.
        rows: Where each of them is in the frame.
        owner: Position of the customer of each account, one per account of the book; 0 for an
            account without a balance.
    """

    account: Integers
    day: Integers
    balance: Floats
    rows: Rows
    owner: Integers


def observations_of(balances: FrameView) -> Observations:
    """The balances of the frame ``balances``, put in order once for all who average them."""
    return balances.once("observations", lambda: _observations(balances))


def _observations(balances: FrameView) -> Observations:
    account, day = balances.account(), balances.day("date")
    owner = np.zeros(len(balances.accounts()), dtype=np.int32)
    owner[account] = balances.customer()
    rows = _in_order(account, day)
    amount = balances.numbers("balance")[rows]
    return Observations(account[rows], day[rows], amount, rows, owner)


def average_balances(
    account: Integers,
    day: Integers,
    balance: Floats,
    accounts: int,
    *,
    start: int,
    end: int,
    hold: Hold = "forward",
    last_day: Integers | None = None,
) -> AverageBalances:
    """Average credit and debit balance of each account over a period, both ends inside.

    The means are over every day of the period; a day before an account's first observation counts
    as 0. Days are days since 1970-01-01, as `bankcrm.book.view.day_number` counts them.

    Args:
        account: Position of the account of each observation, 0 to ``accounts - 1``.
        day: Day of each observation; of several on one day the last row counts.
        balance: Closing balance of that day, float64.
        accounts: Number of accounts.
        start: First day of the period.
        end: Last day of the period.
        hold: What a balance stands for. ``forward``: the days until the next balance (daily and
            running balances); ``backward``: the days since the balance before (month-end
            balances); ``linear``: a straight line to the next balance, ``forward`` after the last.
        last_day: Last day on which each account may hold money (its closing), one per account.

    Raises:
        DataError: ``hold`` is not one of the three.

    Source: CSC-2, EB-2.

    >>> found = average_balances(
    ...     np.array([0, 0]), np.array([0, 5]), np.array([100.0, -50.0]), 1, start=0, end=9)
    >>> found.credit.tolist(), found.debit.tolist(), found.days.tolist()
    ([50.0], [25.0], [10.0])
    """
    as_choice(hold, ("forward", "backward", "linear"), "hold")
    ordered = _in_order(account, day)
    account, stamp, balance = account[ordered], day[ordered], balance[ordered]
    after = end + 1
    closing = np.full(accounts, after, dtype=stamp.dtype)
    if last_day is not None:  # one longer than the last day, which may be the largest int32
        closing = np.minimum(last_day.astype(np.int64) + 1, after).astype(stamp.dtype)
    credit, debit, days = np.zeros(accounts), np.zeros(accounts), np.zeros(accounts)
    for rows in row_blocks(len(account)):
        near = slice(max(rows.start - 1, 0), rows.stop + 1)  # each row beside its neighbours
        held = _held(account[near], stamp[near], balance[near], closing, start, hold)
        level, low, high = (values[rows.start - near.start :][: rows.stop - rows.start]
                            for values in held)  # fmt: skip
        inside = np.flatnonzero(high > low)
        place, level = account[rows][inside].astype(np.intp), level[inside]
        length = (high[inside] - low[inside]).astype(np.float64)
        np.add.at(credit, place, np.maximum(level, 0.0) * length)
        np.add.at(debit, place, np.maximum(-level, 0.0) * length)
        np.add.at(days, place, length)
    period = float(after - start)
    return AverageBalances(credit=credit / period, debit=debit / period, days=days)


def _held(
    account: Integers, stamp: Integers, balance: Floats, closing: Integers, start: int, hold: Hold
) -> tuple[Floats, Integers, Integers]:
    """The level of each observation, and the days from and before which it stands for the account.

    The neighbours of the first and the last row are not known here.
    """
    same = np.append(account[1:] == account[:-1], False)[: len(account)]
    closing = closing[account]
    following = np.where(same, np.roll(stamp, -1), closing)
    if hold == "backward":
        # The first observation of an account stands for its own month.
        low = np.where(np.roll(same, 1), np.roll(stamp, 1) + 1, _month_start(stamp))
        high = np.where(same, stamp + 1, closing)
    else:
        low, high = stamp, following
    low, high = np.maximum(low, start), np.minimum(high, closing)
    if hold != "linear":
        return balance, low, high
    span = np.maximum(following - stamp, 1)
    slope = np.where(same, (np.roll(balance, -1) - balance) / span, 0.0)
    return balance + slope * ((low + high - 1) / 2.0 - stamp), low, high


def _in_order(account: Integers, day: Integers) -> Rows:
    """The observations in order of account and day, the last one of each day."""
    if _is_ordered(account, day):
        return slice(None)  # as a checked book has it: no copies
    key = account.astype(np.int64) * (1 << 32) + day
    order = np.argsort(key, kind="stable")
    key = key[order]
    last: Rows = order[np.append(key[1:] != key[:-1], True)]
    return last


def _is_ordered(account: Integers, day: Integers) -> bool:
    for rows in row_blocks(len(account)):
        a, d = (values[rows.start : rows.stop + 1] for values in (account, day))
        if not ((a[1:] > a[:-1]) | ((a[1:] == a[:-1]) & (d[1:] > d[:-1]))).all():
            return False
    return True


def _month_start(stamp: Integers) -> _Numbers:
    """First day of the month of each day."""
    month = stamp.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]")
    return month.astype(np.int64)


def average_outstanding(
    granted: Integers,
    term_months: Floats,
    amount: Floats,
    start: Integers | int,
    end: Integers | int,
    *,
    year_days: float,
) -> Floats:
    """Average amount lent over a period, both ends inside, repaid evenly over the term.

    Args:
        granted: Day of payout, as days since 1970-01-01.
        term_months: Term in months.
        amount: Amount paid out, float64.
        start: First day of the period, one for all loans or one per loan.
        end: Last day of the period, one for all loans or one per loan.
        year_days: Length of a year in days; a month is a twelfth of it.

    >>> average_outstanding(
    ...     np.array([0]), np.array([12.0]), np.array([1200.0]), 0, 364, year_days=365.25
    ... ).round(0).tolist()
    [600.0]
    """
    length = np.maximum(term_months, 1e-9) * (year_days / 12)
    first = np.asarray(start - granted.astype(np.int64), dtype=np.float64)
    last = np.asarray(end - granted.astype(np.int64), dtype=np.float64) + 1
    low, high = np.clip(first, 0.0, length), np.clip(last, 0.0, length)
    middle = 1 - (low + high) / (2 * length)
    result: Floats = amount * middle * (high - low) / np.maximum(last - first, 1.0)
    return result
