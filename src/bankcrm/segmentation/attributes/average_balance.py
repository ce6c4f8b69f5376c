"""Average balances from irregular snapshots, exact to the day (EB-2)."""

from __future__ import annotations

import itertools
from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from bankcrm.arguments import as_choice
from bankcrm.book.balances import average_balances
from bankcrm.book.view import day_number, day_numbers
from bankcrm.errors import DataError
from bankcrm.frames import Column, DataFault, check_frame
from bankcrm.frames.arrays import as_of_day, codes
from bankcrm.frames.findings import with_findings

Method: TypeAlias = Literal["daily", "monthly"]
BeforeFirst: TypeAlias = Literal["zero", "leave_out"]

_COLUMNS = (
    Column("customer_id", "id"),
    Column("account_id", "id"),
    Column("date", "date"),
    Column("balance", "money"),
)


def average_balance(
    balances: object,
    *,
    start: object,
    end: object,
    method: Method = "daily",
    before_first: BeforeFirst = "zero",
) -> pd.DataFrame:
    """Average each customer's balance over a period, from snapshots on any days.

    A balance holds from its day until the day before the next snapshot of the account; the last one
    before ``start`` is carried in. Snapshots after ``end`` are left out; a finding counts them.

    Args:
        balances: ``customer_id``, ``account_id``, ``date``, ``balance`` (end of day, in currency
            units); one row per account and day.
        start: First day of the period.
        end: Last day of the period; it counts.
        method: ``daily``: the mean of the daily balances of the period. ``monthly``: the same for
            each calendar month of the period.
        before_first: The days before an account's first snapshot: ``zero`` takes them as zero (the
            account was not open), ``leave_out`` averages over the days known.

    Returns:
        Index ``customer_id`` (and ``month``, its first day, if ``monthly``): ``average_balance``
        (float64, the customer's accounts added) and ``days_known`` (int64, days of the period on
        which at least one account had a balance).

    Raises:
        DataError: Errors in the balances (one error lists them all), or the period ends before it
            starts.

    Source: EB-2.

    >>> rows = pd.DataFrame({"customer_id": [1, 1], "account_id": [10, 10],
    ...                      "date": pd.to_datetime(["2026-01-01", "2026-01-21"]),
    ...                      "balance": [100.0, 400.0]})
    >>> average_balance(rows, start="2026-01-01", end="2026-01-30")["average_balance"].tolist()
    [200.0]
    """
    as_choice(method, get_args(Method), "method")
    as_choice(before_first, get_args(BeforeFirst), "before_first")
    first, last = as_of_day(start), as_of_day(end)
    if last < first:
        raise DataError(f"end {last} lies before start {first}")
    key = ("customer_id", "account_id", "date")
    frame = check_frame(balances, _COLUMNS, frame="balances", key=key)
    customer, ids = codes(frame["customer_id"])
    number, distinct = codes(frame["account_id"])
    # An account that two customers share counts for each of them by that customer's own rows.
    account, pairs = pd.factorize(customer * len(distinct) + number)
    owner = pairs // max(len(distinct), 1)
    day = day_numbers(frame["date"].to_numpy())
    order = np.lexsort((day, account))
    account, day, balance = account[order], day[order], frame["balance"].to_numpy()[order]

    periods = _periods(day_number(first), day_number(last), method)
    averages, days_known = [], []
    for low, high in periods:
        found = average_balances(account, day, balance, len(pairs), start=low, end=high)
        mean = found.credit - found.debit
        if before_first == "leave_out":
            mean = mean * (high - low + 1) / np.maximum(found.days, 1)
        averages.append(np.bincount(owner, mean, len(ids)).round(4))
        # A customer is known from the first snapshot of any account on.
        longest = np.zeros(len(ids))
        np.maximum.at(longest, owner, found.days)
        days_known.append(longest.astype(np.int64))
    result = pd.DataFrame(
        {
            "average_balance": np.stack(averages, axis=1).ravel(),
            "days_known": np.stack(days_known, axis=1).ravel(),
        },
        index=_index(ids, periods, method),
    ).sort_index()

    late = int((day > day_number(last)).sum())
    result.attrs["left_out"] = {"after_end": late} if late else {}
    expected = f"dates up to {last}"
    fault = DataFault("balances", "date", "after_end", late, (), expected)
    return with_findings(result, [fault] if late else [])


def _periods(first: int, last: int, method: Method) -> list[tuple[int, int]]:
    """First and last day of the period, or of its part in each month."""
    if method == "daily":
        return [(first, last)]
    ends = np.array([first, last], dtype="datetime64[D]").astype("datetime64[M]")
    months = np.arange(ends[0], ends[1] + np.timedelta64(2, "M")).astype("datetime64[D]")
    edges = np.clip(months.astype(np.int64), first, last + 1)
    return [(int(a), int(b) - 1) for a, b in itertools.pairwise(edges)]


def _index(ids: pd.Index, periods: list[tuple[int, int]], method: Method) -> pd.Index:
    customers: pd.Index = ids.rename("customer_id")
    if method == "daily":
        return customers
    starts = np.array([low for low, _ in periods], dtype="datetime64[D]")
    months = pd.DatetimeIndex(starts.astype("datetime64[M]").astype("datetime64[s]"))
    return pd.MultiIndex.from_product([customers, months], names=["customer_id", "month"])
