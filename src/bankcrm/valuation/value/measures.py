"""Raw measures of the value indicators from a book's frames, as of a day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bankcrm.book import Book
from bankcrm.book.balances import observations_of
from bankcrm.book.holdings import open_on
from bankcrm.book.model import refuse_no_book
from bankcrm.book.view import BookView, DayNumbers, FrameView, Needs, day_number, view_of
from bankcrm.calendars.ages import full_years
from bankcrm.frames.arrays import as_of_day, numbers, row_blocks
from bankcrm.frames.numbering import categorical
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.valuation.arrays import Floats, Values, summed
from bankcrm.vocabulary import LoanStatus

WORST_LAST = tuple(
    status.value
    for status in (
        LoanStatus.FINISHED,
        LoanStatus.RUNNING,
        LoanStatus.IN_DEBT,
        LoanStatus.UNPAID,
    )
)
INCOME_KINDS = ("salary", "pension", "cash_in", "transfer_in")

NEEDS = {
    "customers": Needs(
        ("customer_id",),
        (
            "satisfaction",
            "income",
            "credit_standing",
            "contract_date",
            "birth_date",
            "referred_by",
            "occupation",
        ),
    ),
    "transactions": Needs(("customer_id", "date", "amount"), ("kind",)),
    "accounts": Needs(("customer_id", "product"), ("opened_date", "closed_date")),
    "balances": Needs(("account_id", "customer_id", "date", "balance")),
    "loans": Needs(("customer_id",), ("granted_date", "status")),
    "complaints": Needs(("customer_id", "received_at"), ("kind",)),
}


def value_measures(
    book: Book,
    *,
    as_of: object,
    contribution: Values | None = None,
    policy: Policy | None = None,
) -> pd.DataFrame:
    """Raw measures of the five indicators (CSC-2) for every customer of a book.

    A measure that the book does not record is null. The other measures need the frames of a book
    in canonical form; a frame without rows counts as not recorded.

    Args:
        book: The book.
        as_of: The day; later rows are left out.
        contribution: Contribution of each customer, if known: a Series by ``customer_id``, or one
            number per customer.
        policy: Valuation policy; by default the library's. ``measure_months`` is the window of
            flows.

    Returns:
        Frame by ``customer_id``: ``contribution``, ``volume`` (money moved in the window),
        ``aum`` (last balances above 0), ``products``, ``satisfaction``, ``complaints_a_year``,
        ``active_months`` (share of the window's months with a movement), ``tenure_years``,
        ``referrals``, ``income``, ``income_growth`` (income entries in the second half of the
        window against the first, -1 to 1), ``balance_growth`` (net flow over all that moved, -1
        to 1), ``age_years`` (whole years), ``occupation_growth``, ``loan_status`` (worst),
        ``credit_standing``, ``penalty_entries``, ``payment_burden`` (loan payments over income).

    Raises:
        DataError: A frame lacks a column that it must have, or holds values that do not fit.

    Source: CSC-2, LCM-6.

    >>> customers = pd.DataFrame({"customer_id": [1], "birth_date": pd.to_datetime(["1990-07-01"])})
    >>> moves = pd.DataFrame({"customer_id": [1, 1], "amount": [30.0, -10.0],
    ...                       "date": pd.to_datetime(["2026-01-05", "2026-05-05"])})
    >>> found = value_measures(Book(customers, moves), as_of="2026-06-30")
    >>> found[["volume", "balance_growth", "age_years"]].values.tolist()
    [[40.0, 0.5, 35.0]]
    """
    policy = policy_of(policy, "valuation")
    view = recorded_view(book, NEEDS, policy)
    measures = value_measures_of(view, as_of=as_of_day(as_of), policy=policy)
    if contribution is None:
        return measures
    given = contribution
    if isinstance(given, pd.Series):
        given = given.reindex(view.customers)
    return measures.assign(contribution=numbers(given, "contribution"))


def recorded_view(book: Book, needs: Mapping[str, Needs], policy: Policy) -> BookView:
    """Check the frames of a book that have rows, and view them."""
    if not isinstance(book, Book):
        refuse_no_book(book)
    frames = book.frames()
    recorded = {n: frames[n] for n in needs if n in frames and (len(frames[n]) or n == "customers")}
    return view_of(recorded, needs, zone=policy.value("time_zone"))


def value_measures_of(
    view: BookView,
    *,
    as_of: np.datetime64,
    policy: Policy,
    referrals: pd.Series | None = None,
) -> pd.DataFrame:
    """Raw measures from a view of checked frames; see `value_measures`.

    Every measure has its column, null where the book does not record it; ``contribution`` is
    null. The measures of a customer depend on that customer's rows and referrals alone.

    Args:
        view: A view of checked frames, of a book or of a part of its customers.
        as_of: The day, ``datetime64[D]``.
        policy: Valuation policy.
        referrals: Number of customers whom each customer referred, by ``customer_id``, where the
            view is a part of a book: the sum of `count_referrals` over the parts. By default
            those in the view are counted.
    """
    day = day_number(as_of)
    months = int(policy.value("measure_months"))
    since = day - int(policy.value("year_days") * months / 12)
    referred = count_referrals(view) if referrals is None else referrals
    unknown = np.full(view.size, np.nan)
    columns: dict[str, Any] = dict.fromkeys(MEASURES, unknown)
    columns |= _of_customers(view["customers"], as_of, policy)
    if referred is not None:
        place = referred.index.get_indexer(view.customers)
        columns["referrals"] = np.append(referred.to_numpy(np.float64), 0.0)[place]
    columns |= _of_transactions(view, since, day, months, columns["income"])
    columns |= _of_holdings(view, day)
    columns |= _of_balances(view, day)
    columns |= _of_complaints(view, since, day, months)
    return pd.DataFrame(columns, index=view.customers, copy=False)


MEASURES = (
    "contribution",
    "volume",
    "aum",
    "products",
    "satisfaction",
    "complaints_a_year",
    "active_months",
    "tenure_years",
    "referrals",
    "income",
    "income_growth",
    "balance_growth",
    "age_years",
    "occupation_growth",
    "loan_status",
    "credit_standing",
    "penalty_entries",
    "payment_burden",
)


def count_referrals(view: BookView) -> pd.Series | None:
    """How many customers of a view each customer referred; None where the book records none.

    Returns:
        float64 counts, indexed by the ids of the customers who referred others.
    """
    frame = view["customers"]
    if not frame.has("referred_by"):
        return None
    code, index = frame.words("referred_by")
    if not len(index):
        return None
    counts = np.bincount(code[code >= 0], minlength=len(index))
    return pd.Series(counts.astype(np.float64), index=index.rename("customer_id"))


def _of_customers(frame: FrameView, as_of: np.datetime64, policy: Policy) -> dict[str, Any]:
    columns: dict[str, Any] = {n: frame.numbers(n) for n in ("satisfaction", "income")}
    if frame.has("credit_standing"):
        columns["credit_standing"] = frame.frame["credit_standing"].array
    day = day_number(as_of)
    contract, birth = frame.day("contract_date"), frame.day("birth_date")
    columns["tenure_years"] = _before(
        contract, day, (day - contract.astype(np.float64)) / policy.value("year_days")
    )
    columns["age_years"] = _before(birth, day, full_years(birth.astype("datetime64[D]"), as_of))
    if frame.has("occupation"):
        table = policy.value("occupation_growth")
        code, names = frame.words("occupation")
        scores = np.array([table.get(str(n), np.nan) for n in names] + [np.nan])
        columns["occupation_growth"] = scores[code]
    return columns


def _before(since: DayNumbers, day: int, years: Floats) -> Floats:
    """The years since a day; null where the day is missing or later."""
    return np.where(since <= day, years, np.nan)


def _of_transactions(
    view: BookView, since: int, day: int, months: int, income: Floats
) -> dict[str, Any]:
    frame = view.get("transactions")
    if frame is None:
        return {}
    size = view.size
    when, place, amount = frame.day("date"), frame.customer(), frame.numbers("amount")
    earned = frame.is_any("kind", INCOME_KINDS)
    seen = np.zeros((size, months), dtype=np.bool_)
    moved, net, first, second = (np.zeros(size) for _ in range(4))
    for rows in row_blocks(len(frame)):
        use = np.flatnonzero((when[rows] > since) & (when[rows] <= day)) + rows.start
        who, flow = place[use].astype(np.intp), amount[use]
        month = ((day - when[use].astype(np.int64)) * months) // (day - since)
        seen[who, month] = True
        np.add.at(moved, who, np.abs(flow))
        np.add.at(net, who, flow)
        income_rows = earned[use] & (flow > 0)
        for half, into in ((month < months / 2, second), (month >= months / 2, first)):
            mine = income_rows & half
            np.add.at(into, who[mine], flow[mine])
    columns = {
        "volume": moved,
        "active_months": seen.mean(axis=1),
        # What came in less what went out, over all that moved.
        "balance_growth": _over(net, moved),
    }
    if not frame.has("kind"):
        return columns
    # Income of the second half less that of the first, over both: -1 to 1.
    columns["income_growth"] = _over(second - first, first + second)
    inside = (when > since) & (when <= day)
    penalty = np.flatnonzero(frame.is_any("kind", ("penalty_interest",)) & inside)
    columns["penalty_entries"] = np.bincount(place[penalty], minlength=size).astype(np.float64)
    payment = np.flatnonzero(frame.is_any("kind", ("loan_payment",)) & inside)
    paid = 0.0 - summed(place[payment], amount[payment], size)
    columns["payment_burden"] = _over(paid, income * months / 12)
    return columns


def _over(part: Floats, whole: Floats) -> Floats:
    """The quotient; null where the whole is not above 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        result: Floats = np.where(whole > 0, part / whole, np.nan)
    return result


def _of_holdings(view: BookView, day: int) -> dict[str, Any]:
    """Different products in use, and the worst status of a customer's loans."""
    accounts, loans = view.get("accounts"), view.get("loans")
    if accounts is None and loans is None:
        return {}
    columns: dict[str, Any] = {}
    count = np.zeros(view.size)
    if accounts is not None:
        product, names = accounts.words("product")
        use = open_on(accounts, day) & (product >= 0)
        used = np.zeros((view.size, len(names)), dtype=np.bool_)
        used[accounts.customer()[use], product[use]] = True
        count += used.sum(axis=1)
    if loans is not None:
        granted = (
            loans.day("granted_date") <= day
            if loans.has("granted_date")
            else np.ones(len(loans), dtype=np.bool_)
        )
        place = loans.customer()
        borrows = np.zeros(view.size, dtype=np.bool_)
        borrows[place[granted]] = True
        count += borrows
        if loans.has("status"):
            worst = np.full(view.size, -1, dtype=np.int8)
            for rank, status in enumerate(WORST_LAST):
                worst[place[granted & loans.is_any("status", (status,))]] = rank
            columns["loan_status"] = categorical(worst, WORST_LAST)
    return {"products": count, **columns}


def _of_balances(view: BookView, day: int) -> dict[str, Any]:
    """What a customer keeps with the bank: the last known balance of each account, if positive."""
    frame = view.get("balances")
    if frame is None:
        return {}
    seen = observations_of(frame)
    known = np.flatnonzero(seen.day <= day)
    last = np.full(len(seen.owner), -1)
    last[seen.account[known]] = known  # of several days of an account the last one stays
    last = last[last >= 0]
    kept = np.maximum(seen.balance[last], 0.0)
    return {"aum": summed(frame.customer()[seen.rows][last], kept, view.size)}


def _of_complaints(view: BookView, since: int, day: int, months: int) -> dict[str, Any]:
    frame = view.get("complaints")
    if frame is None:
        return {}
    place, when = frame.customer(), frame.day("received_at")
    use = (place >= 0) & (when > since) & (when <= day)
    if frame.has("kind"):
        kind, _ = frame.words("kind")
        use &= (kind < 0) | frame.is_any("kind", ("complaint",))
    return {"complaints_a_year": np.bincount(place[use], minlength=view.size) * 12.0 / months}
