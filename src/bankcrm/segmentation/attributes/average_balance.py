"""Average balances from irregular snapshots, exact to the day (EB-2)."""

from __future__ import annotations

import itertools
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

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
        DataError: Faults in the balances, all told at once, or a period that ends before it starts.

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
    # Rows in order of customer, account and day: each balance then ends where the next one begins.
    frame = frame[[*key, "balance"]].sort_values(list(key), ignore_index=True)
    day = frame["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    value = frame["balance"].to_numpy()
    customer, ids = codes(frame["customer_id"])
    account = codes(frame["account_id"])[0]
    opens = np.ones(len(frame), dtype=np.bool_)
    opens[1:] = (customer[1:] != customer[:-1]) | (account[1:] != account[:-1])
    until = np.full(len(frame), np.iinfo(np.int64).max)
    until[:-1] = np.where(opens[1:], until[:-1], day[1:])
    parts = []
    for low, high in _periods(first, last, method):
        total, known = _period(customer, opens, day, until, value, low, high, before_first)
        parts.append((total.round(4), known))
    result = _frame(parts, ids, _periods(first, last, method), method)
    late = int((day > last.astype(np.int64)).sum())
    faults = (
        [DataFault("balances", "date", "after_end", late, (), f"dates up to {last}")]
        if late
        else []
    )
    result.attrs["left_out"] = {"after_end": late} if late else {}
    return with_findings(result, faults)


def _periods(first: np.datetime64, last: np.datetime64, method: Method) -> list[tuple[int, int]]:
    """Half-open day ranges: the period itself, or its part in each month."""
    low, high = int(first.astype(np.int64)), int(last.astype(np.int64)) + 1
    if method == "daily":
        return [(low, high)]
    months = np.arange(
        first.astype("datetime64[M]"), last.astype("datetime64[M]") + np.timedelta64(2, "M")
    )
    edges = np.clip(months.astype("datetime64[D]").astype(np.int64), low, high)
    return [(int(a), int(b)) for a, b in itertools.pairwise(edges)]


def _period(
    customer: npt.NDArray[np.intp],
    opens: npt.NDArray[np.bool_],
    day: _Days,
    until: _Days,
    value: _Floats,
    low: int,
    high: int,
    before_first: BeforeFirst,
) -> tuple[_Floats, _Days]:
    """Average and known days of each customer code over the days ``low`` to ``high - 1``."""
    size = int(customer.max()) + 1 if len(customer) else 0
    held = np.clip(np.minimum(until, high) - np.maximum(day, low), 0, None)
    # An account is known from its first snapshot on; a customer from its first account's.
    begun = np.full(size, high, dtype=np.int64)
    np.minimum.at(begun, customer[opens], day[opens])
    known = high - np.clip(begun, low, high)
    if before_first == "zero":
        total = np.bincount(customer, weights=value * held, minlength=size)
        return total / (high - low), known
    account = np.cumsum(opens) - 1
    accounts = int(opens.sum())
    days_held = np.bincount(account, weights=held, minlength=accounts)
    money = np.bincount(account, weights=value * held, minlength=accounts)
    average = np.divide(money, days_held, out=np.zeros(accounts), where=days_held > 0)
    of_customer = np.bincount(customer[opens], weights=average, minlength=size)
    return of_customer.astype(np.float64), known


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
