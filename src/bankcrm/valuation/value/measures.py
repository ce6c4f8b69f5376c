"""Raw measures of the value indicators from a book's frames, as of a day."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeGuard

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bankcrm.book.balances import Days
from bankcrm.frames import as_of_day, codes, days, numbers
from bankcrm.policy import Policy, default_policy
from bankcrm.valuation.arrays import Floats, Integers, Values, customer_index, summed
from bankcrm.valuation.model import BookFrames

YEAR = 365.25
Mask = NDArray[np.bool_]
WORST_LAST = ("finished", "running", "in_debt", "unpaid")
INCOME_KINDS = ("salary", "pension", "cash_in", "transfer_in")


def value_measures(
    book: BookFrames,
    *,
    as_of: object,
    contribution: Values | None = None,
    policy: Policy | None = None,
    known: Collection[str] = (),
) -> pd.DataFrame:
    """Raw measures of the five indicators (CSC-2) for every customer of a book.

    A measure that the book cannot tell is null; a column that it cannot tell at all is left out.

    Args:
        book: an object with the frames of a book, such as ``bankcrm.Book``.
        as_of: the day; later rows are left out.
        contribution: contribution of each customer (a Series by ``customer_id``), if known.
        policy: valuation policy; None: the defaults. ``measure_months`` is the window of flows.
        known: frames of which even none of the rows is an answer: 0 complaints, say, and not an
            unknown number of them. For a part of a book's customers, the frames that the whole has.

    Returns:
        Frame by ``customer_id``: ``contribution``, ``volume`` (money moved in the window),
        ``aum`` (last balances above 0), ``products``, ``satisfaction``, ``complaints_a_year``,
        ``active_months`` (share of the window's months with a movement), ``tenure_years``,
        ``referrals``, ``income``, ``income_growth`` (income entries in the second half of the
        window against the first, -1 to 1), ``balance_growth`` (net flow over all that moved, -1
        to 1), ``age_years``, ``occupation_growth``, ``loan_status`` (worst),
        ``credit_standing``, ``penalty_entries``, ``payment_burden`` (loan payments over income).

    Source: CSC-2, LCM-6.
    """
    policy = default_policy("valuation") if policy is None else policy
    day = as_of_day(as_of)
    months = int(policy.value("measure_months"))
    since = (day.astype("datetime64[M]") - np.timedelta64(months, "M")).astype("datetime64[D]")
    since = since + (day - day.astype("datetime64[M]").astype("datetime64[D]"))
    customers = customer_index(book.customers["customer_id"])
    columns: dict[str, object] = {}
    if contribution is not None:
        series = contribution if isinstance(contribution, pd.Series) else pd.Series(contribution)
        series = series.reindex(customers) if isinstance(contribution, pd.Series) else series
        columns["contribution"] = numbers(series, "contribution")
    columns |= _from_customers(book.customers, day, policy)

    def told(name: str) -> pd.DataFrame | None:
        rows: pd.DataFrame | None = getattr(book, name)
        return rows if rows is not None and (len(rows) or name in known) else None

    columns |= _from_transactions(told("transactions"), customers, since, day, months)
    columns |= _from_holdings(told("accounts"), told("loans"), customers, day)
    columns |= _from_balances(told("balances"), customers, day)
    columns |= _from_complaints(told("complaints"), customers, since, day, months)
    burden = columns.pop("_paid", None)
    if burden is not None and "income" in columns:
        income = numbers(pd.Series(columns["income"]), "income") * months / 12
        with np.errstate(divide="ignore", invalid="ignore"):
            columns["payment_burden"] = np.where(income > 0, np.asarray(burden) / income, np.nan)
    frame = pd.DataFrame(columns, index=customers.rename("customer_id"))
    return frame.dropna(axis="columns", how="all")


def customer_places(ids: pd.Series, customers: pd.Index) -> Integers:
    """The place of each row's customer; -1 for a null or unknown one."""
    code, distinct = codes(ids)
    return np.append(customers.get_indexer(distinct), -1)[code].astype(np.intp)


def _from_customers(
    customers: pd.DataFrame, day: np.datetime64, policy: Policy
) -> dict[str, object]:
    columns: dict[str, object] = {}
    for name in ("satisfaction", "income"):
        if name in customers:
            columns[name] = numbers(customers[name], name)
    if "credit_standing" in customers:
        columns["credit_standing"] = customers["credit_standing"].to_numpy(dtype=object)
    for name, source in (("tenure_years", "contract_date"), ("age_years", "birth_date")):
        if source in customers:
            columns[name] = _years(days(customers[source]), day)
    if "referred_by" in customers:
        index = pd.Index(customers["customer_id"])
        place = customer_places(customers["referred_by"], index)
        columns["referrals"] = np.bincount(place[place >= 0], minlength=len(index)).astype(float)
    if "occupation" in customers:
        table = policy.value("occupation_growth")
        code, names = codes(customers["occupation"])
        scores = np.array([table.get(str(n), np.nan) for n in names] + [np.nan])
        columns["occupation_growth"] = scores[code]
    return columns


def _years(since: Days, day: np.datetime64) -> Floats:
    passed = (day - since).astype(np.float64) / YEAR
    result: Floats = np.where(np.isnat(since) | (since > day), np.nan, passed)
    return result


def _has(rows: pd.DataFrame | None, *columns: str) -> TypeGuard[pd.DataFrame]:
    """Whether a frame is there with all of the columns."""
    return rows is not None and all(c in rows for c in columns)


def _from_transactions(
    transactions: pd.DataFrame | None,
    customers: pd.Index,
    since: np.datetime64,
    day: np.datetime64,
    months: int,
) -> dict[str, object]:
    if not _has(transactions, "customer_id", "date", "amount"):
        return {}
    size = len(customers)
    place = customer_places(transactions["customer_id"], customers)
    when = days(transactions["date"])
    use = (place >= 0) & (when > since) & (when <= day)
    place, when = place[use], when[use]
    amount = numbers(transactions["amount"], "amount")[use]
    month = ((day - when).astype(np.int64) * months) // int((day - since).astype(np.int64))
    seen = np.zeros(size * months, dtype=np.bool_)
    seen[place * months + month] = True
    late = month < months / 2
    columns: dict[str, object] = {
        "volume": summed(place, np.abs(amount), size),
        "active_months": seen.reshape(size, months).mean(axis=1),
        # What came in less what went out, over all that moved.
        "balance_growth": _over(summed(place, amount, size), summed(place, np.abs(amount), size)),
    }
    if "kind" not in transactions:
        return columns
    kind, kinds = codes(transactions["kind"])
    kind = kind[use]

    def of(*names: str) -> Mask:
        return np.isin(kind, np.flatnonzero(kinds.isin(names)))

    earned = of(*INCOME_KINDS) & (amount > 0)
    columns["income_growth"] = _growth(place[earned], amount[earned], late[earned], size)
    penalty, payment = of("penalty_interest"), of("loan_payment")
    columns["penalty_entries"] = np.bincount(place[penalty], minlength=size).astype(float)
    columns["_paid"] = 0.0 - summed(place[payment], amount[payment], size)
    return columns


def _growth(place: Integers, amount: Floats, late: Mask, size: int) -> Floats:
    """Flow of the second half less that of the first, over both: -1 to 1; null without any."""
    second = summed(place[late], amount[late], size)
    first = summed(place[~late], amount[~late], size)
    return _over(second - first, first + second)


def _over(part: Floats, whole: Floats) -> Floats:
    """The quotient, null where there is nothing to divide by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        result: Floats = np.where(whole > 0, part / whole, np.nan)
    return result


def _from_holdings(
    accounts: pd.DataFrame | None,
    loans: pd.DataFrame | None,
    customers: pd.Index,
    day: np.datetime64,
) -> dict[str, object]:
    """Different products in use, and the worst status of a customer's loans."""
    pairs = []
    columns: dict[str, object] = {}
    if _has(accounts, "customer_id", "product"):
        use = np.ones(len(accounts), dtype=np.bool_)
        if "opened_date" in accounts:
            use &= ~(days(accounts["opened_date"]) > day)
        if "closed_date" in accounts:
            use &= ~(days(accounts["closed_date"]) <= day)
        held = accounts.loc[use]
        pairs.append((customer_places(held["customer_id"], customers), held["product"].astype(str)))
    if _has(loans, "customer_id", "status"):
        place = customer_places(loans["customer_id"], customers)
        known = place >= 0
        if "granted_date" in loans:
            known &= ~(days(loans["granted_date"]) > day)
        place, status = place[known], loans.loc[known, "status"].astype(str)
        pairs.append((place, pd.Series("loan", index=status.index)))
        rank = status.map({name: k for k, name in enumerate(WORST_LAST)}).to_numpy(np.float64)
        worst = np.full(len(customers), -1.0)
        np.maximum.at(worst, place, np.nan_to_num(rank, nan=-1.0))
        columns["loan_status"] = np.array([*WORST_LAST, None], dtype=object)[worst.astype(np.intp)]
    if pairs:
        place = np.concatenate([p for p, _ in pairs])
        product, names = codes(pd.concat([names for _, names in pairs], ignore_index=True))
        distinct = np.unique(place[place >= 0] * len(names) + product[place >= 0])
        count = np.bincount(distinct // max(len(names), 1), minlength=len(customers))
        columns["products"] = count.astype(np.float64)
    return columns


def _from_balances(
    balances: pd.DataFrame | None, customers: pd.Index, day: np.datetime64
) -> dict[str, object]:
    """What a customer keeps with the bank: the last known balance of each account, if positive."""
    if not _has(balances, "account_id", "customer_id", "date", "balance"):
        return {}
    when = days(balances["date"])
    known = balances.loc[when <= day]
    order = np.argsort(when[when <= day], kind="stable")
    last = known.iloc[order].drop_duplicates("account_id", keep="last")
    place = customer_places(last["customer_id"], customers)
    held = np.maximum(numbers(last["balance"], "balance"), 0.0)
    return {"aum": summed(place[place >= 0], held[place >= 0], len(customers))}


def _from_complaints(
    complaints: pd.DataFrame | None,
    customers: pd.Index,
    since: np.datetime64,
    day: np.datetime64,
    months: int,
) -> dict[str, object]:
    if not _has(complaints, "customer_id", "received_at"):
        return {}
    received = complaints["received_at"]
    local = received.dt.tz_localize(None) if received.dt.tz is not None else received
    when = days(local)
    place = customer_places(complaints["customer_id"], customers)
    use = (place >= 0) & (when > since) & (when <= day)
    if "kind" in complaints:
        kind = complaints["kind"]
        use &= (kind.isna() | (kind == "complaint")).to_numpy(dtype=np.bool_)
    count = np.bincount(place[use], minlength=len(customers))
    return {"complaints_a_year": count * 12.0 / months}
