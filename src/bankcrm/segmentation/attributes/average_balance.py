"""Average balances from irregular snapshots, exact to the day (EB-2)."""

from __future__ import annotations

import itertools
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.book.balances import average_balances
from bankcrm.book.view import day_number
from bankcrm.errors import DataError
from bankcrm.frames import Column, DataFault, as_of_day, check_frame, codes, with_findings

Method: TypeAlias = Literal["daily", "monthly"]
BeforeFirst: TypeAlias = Literal["zero", "leave_out"]

_COLUMNS = (
    Column("customer_id", "id"),
    Column("account_id", "id"),
    Column("date", "date"),
    Column("balance", "money"),
)
_Days = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]


def average_balance(
    balances: object,
    *,
    start: object,
    end: object,
    method: Method = "daily",
    before_first: BeforeFirst = "zero",
) -> pd.DataFrame:
    """Average each customer's balance over a period, from snapshots of any rhythm.

    A balance holds from its day until the day before the next snapshot of the account; the last one
    before ``start`` is carried in. Snapshots after ``end`` are left out and told as a finding.

    Args:
        balances: ``customer_id``, ``account_id``, ``date``, ``balance`` (end of day, in currency
            units); one row an account and day.
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
    first, last = as_of_day(start), as_of_day(end)
    if last < first:
        raise DataError(f"end {last} lies before start {first}")
    key = ("customer_id", "account_id", "date")
    frame = check_frame(balances, _COLUMNS, frame="balances", key=key)
    # The kernel does not sort again what is in order of account and day.
    frame = frame[[*key, "balance"]].sort_values(list(key), ignore_index=True)
    customer, ids = codes(frame["customer_id"])
    new = ~frame[["customer_id", "account_id"]].duplicated().to_numpy()
    account, owner = np.cumsum(new) - 1, customer[new]
    day = frame["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    balance = frame["balance"].to_numpy()
    periods = _periods(first, last, method)
    parts = []
    for low, high in periods:
        found = average_balances(account, day, balance, len(owner), start=low, end=high - 1)
        average = found.credit - found.debit
        if before_first == "leave_out":
            average = average * (high - low) / np.where(found.days > 0, found.days, 1.0)
        total, known = np.zeros(len(ids)), np.zeros(len(ids))
        np.add.at(total, owner, average)
        np.maximum.at(known, owner, found.days)
        parts.append((total.round(4), known.astype(np.int64)))
    result = _frame(parts, ids, periods, method)
    late = int((day > day_number(last)).sum())
    fault = DataFault("balances", "date", "after_end", late, (), f"dates up to {last}")
    result.attrs["left_out"] = {"after_end": late} if late else {}
    return with_findings(result, [fault] if late else [])


def _periods(first: np.datetime64, last: np.datetime64, method: Method) -> list[tuple[int, int]]:
    """Half-open ranges of day numbers: the period itself, or its part in each month."""
    low, high = day_number(first), day_number(last) + 1
    if method == "daily":
        return [(low, high)]
    months = np.arange(
        first.astype("datetime64[M]"), last.astype("datetime64[M]") + np.timedelta64(2, "M")
    )
    edges = np.clip(months.astype("datetime64[D]").astype(np.int64), low, high)
    return [(int(a), int(b)) for a, b in itertools.pairwise(edges)]


def _frame(
    parts: list[tuple[_Floats, _Days]],
    ids: pd.Index,
    periods: list[tuple[int, int]],
    method: Method,
) -> pd.DataFrame:
    average = np.stack([p[0] for p in parts], axis=1).ravel()
    known = np.stack([p[1] for p in parts], axis=1).ravel()
    index: pd.Index = ids.rename("customer_id")
    if method == "monthly":
        starts = np.array([low for low, _ in periods], dtype="datetime64[D]")
        months = pd.DatetimeIndex(starts.astype("datetime64[M]").astype("datetime64[s]"))
        index = pd.MultiIndex.from_product([index, months], names=["customer_id", "month"])
    frame = pd.DataFrame({"average_balance": average, "days_known": known}, index=index)
    return frame.sort_index()
