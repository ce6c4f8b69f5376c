"""Positions of a period from a book's frames: balances, booked interest, fees, activities."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from bankcrm.arguments import as_choice
from bankcrm.book.balances import Hold, average_balances, observations_of
from bankcrm.book.recorded import recorded_in
from bankcrm.book.view import BookView, DayNumbers, Needs, day_number, view_of
from bankcrm.errors import DataError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import as_of_day
from bankcrm.frames.numbering import Positions
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.valuation.arrays import Floats
from bankcrm.valuation.contribution.accounts import (
    Accounts,
    accounts_in,
    refuse_repeated,
)
from bankcrm.valuation.contribution.entries import booked_entries, inside_period
from bankcrm.valuation.contribution.interest import fill_interest, interest_products
from bankcrm.valuation.contribution.loans import loan_rows

Source = Literal["auto", "balances", "running", "amounts"]
Columns: TypeAlias = dict[str, Any]
"""Columns of some positions: ``customer`` and ``account`` are positions in the view."""

NEEDS = {
    "accounts": Needs(
        ("account_id", "customer_id", "product"), ("opened_date", "closed_date", "rate")
    ),
    "balances": Needs(("account_id", "customer_id", "date", "balance"), ("product",)),
    "transactions": Needs(
        ("customer_id", "date", "amount"), ("account_id", "kind", "channel", "product", "balance")
    ),
    "loans": Needs(
        ("loan_id", "customer_id", "granted_date", "amount", "term_months"),
        ("account_id", "status", "rate", "outstanding", "pd", "lgd"),
    ),
    "contacts": Needs(("customer_id", "date", "channel")),
}


def positions_of(
    *,
    accounts: object = None,
    balances: object = None,
    transactions: object = None,
    loans: object = None,
    contacts: object = None,
    start: object,
    end: object,
    source: Source = "auto",
    hold: Hold = "forward",
    policy: Policy | None = None,
) -> pd.DataFrame:
    """Positions of a period, ready for `contribution`: one row per account and per loan.

    Balances come from ``balances``, else from the running ``balance`` of the transactions, else
    from their cumulated amounts. Interest and penalty interest count as booked where the
    transactions of the period have any for the product, else by rate. Transactions without an
    account, or on the account of another customer, make one row per customer, of the product
    ``none``. A loan is repaid evenly over its term; where ``outstanding`` gives what was left at
    the end, its schedule is shifted to that amount. An account of a loan product that is also in
    ``loans`` counts there.

    Args:
        accounts: The canonical frame; without it accounts have the default product.
        balances: The canonical frame.
        transactions: The canonical frame.
        loans: The canonical frame. A column ``product`` is read where there is one.
        contacts: The canonical frame. Each contact is an activity of its channel; the
            contacts of a customer make one row of the product ``none``.
        start: First day of the period.
        end: Last day of the period; it counts.
        source: Where balances come from: ``auto``, or one of ``balances``, ``running``,
            ``amounts``.
        hold: What a balance of ``balances`` stands for; see `average_balances`.
        policy: Valuation policy; by default the library's.

    Returns:
        Frame of positions, with ``attrs["left_out"]``: counts of rows of the frames that lie
        outside the period, by frame.

    Raises:
        DataError: Frames that do not fit, an account with several rows, a period that ends before
            it starts, or a source that the frames do not have.

    Source: CSC-2.

    >>> balances = pd.DataFrame({"account_id": [1], "customer_id": [7], "balance": [100.0],
    ...                          "date": pd.to_datetime(["2025-12-31"])})
    >>> found = positions_of(balances=balances, start="2026-01-01", end="2026-03-31")
    >>> found[["customer_id", "product", "balance"]].values.tolist()
    [[7, 'demand', 100.0]]
    """
    policy = policy_of(policy, "valuation")
    first, last = as_of_day(start), as_of_day(end)
    if last < first:
        raise DataError(f"end: {last} lies before start {first}; expected the last day inside")
    frames = {
        "accounts": accounts,
        "balances": balances,
        "transactions": transactions,
        "loans": loans,
        "contacts": contacts,
    }
    rows = {n: f for n, f in frames.items() if f is not None and len(as_frame(f))}
    view = view_of(rows, NEEDS, zone=policy.value("time_zone"))
    refuse_repeated(view)
    _refuse_source(view, source)
    positions = positions_in(view, start=first, end=last, source=source, hold=hold, policy=policy)
    return fill_interest(positions, interest_products(positions))


def positions_in(
    view: BookView,
    *,
    start: np.datetime64,
    end: np.datetime64,
    source: Source = "auto",
    hold: Hold = "forward",
    policy: Policy,
) -> pd.DataFrame:
    """Positions of a period from a view of checked frames; see `positions_of`.

    The positions of a customer depend on that customer's rows alone, once ``source`` is given.
    Interest is null where the period books none for the account; `fill_interest` sets it to 0
    for the products that book interest somewhere in the book.

    Args:
        view: A view of checked frames, of a book or of a part of its customers.
        start: First day of the period, ``datetime64[D]``.
        end: Last day of the period, ``datetime64[D]``.
        source: Where balances come from. For a part of a book, `balance_source` of the whole;
            the accounts of a part without such rows hold nothing.
        hold: What a balance of ``balances`` stands for.
        policy: Valuation policy.
    """
    first, last = day_number(start), day_number(end)
    accounts = accounts_in(view, policy)
    if source == "auto":
        source = balance_source(_recorded(view))
    credit, debit = _balances(view, accounts, first, last, source, hold)
    booked = booked_entries(view, accounts, first, last, policy)
    of_accounts = _account_rows(view, accounts, credit, debit, booked, first, last, policy)
    of_loans = loan_rows(view, accounts, first, last, policy)
    others = (
        _loose_rows(view, accounts, booked, first, last),
        of_loans,
        _contact_rows(view, first, last),
    )
    result = _frame(view, [of_accounts, *(p for p in others if len(p["customer"]))])
    left_out = {"accounts": int((accounts.owner >= 0).sum()) - len(of_accounts["customer"])}
    if (loans := view.get("loans")) is not None:
        left_out["loans"] = len(loans) - len(of_loans["customer"])
    for name in ("transactions", "contacts"):
        if (frame := view.get(name)) is not None:
            left_out[name] = int((~inside_period(frame, first, last)).sum())
    result.attrs["left_out"] = left_out
    return result


def balance_source(recorded: Collection[str]) -> Literal["balances", "running", "amounts"]:
    """Where the balances of a book come from: its balances, else its transactions.

    Args:
        recorded: The frames and columns that the whole book records, so that every part of it
            takes the same source; see `bankcrm.book.recorded.recorded_in`.

    >>> balance_source(["transactions", "transactions.account_id", "transactions.balance"])
    'running'
    """
    if "balances" in recorded:
        return "balances"
    running = {"transactions.account_id", "transactions.balance"} <= set(recorded)
    return "running" if running else "amounts"


def _recorded(view: BookView) -> tuple[str, ...]:
    return recorded_in({name: frame.frame for name, frame in view.frames.items()})


def _refuse_source(view: BookView, source: str) -> None:
    columns = {
        "auto": (),
        "balances": ("balances",),
        "running": ("transactions.account_id", "transactions.balance"),
        "amounts": (),
    }
    as_choice(source, columns, "source")
    if columns[source] and not set(columns[source]) <= set(_recorded(view)):
        raise DataError(f"source: the frames have no {source} balances; use source='auto'")


def _balances(
    view: BookView,
    accounts: Accounts,
    first: int,
    last: int,
    source: str,
    hold: Hold,
) -> tuple[Floats, Floats]:
    """Average credit and debit balance of each account, from the given source."""
    frame = view.get("balances" if source == "balances" else "transactions", "account_id")
    column = "amount" if source == "amounts" else "balance"
    if frame is None or not frame.has(column):
        return np.zeros(len(accounts)), np.zeros(len(accounts))
    if source == "balances":
        seen = observations_of(frame)
        account, day, value = seen.account, seen.day, seen.balance
    else:
        account, day, value = frame.account(), frame.day("date"), frame.numbers(column)
    use = (account >= 0) & (day <= last) & ~np.isnan(value)
    if not use.all():
        account, day, value = account[use], day[use], value[use]
    if source == "amounts":
        order = np.lexsort((day, account))
        account, day = account[order], day[order]
        # A sum of its own for each account: that of another account would leave its rounding.
        value = np.asarray(pd.Series(value[order]).groupby(account).cumsum(), dtype=np.float64)
    found = average_balances(
        account,
        day,
        value,
        len(accounts),
        start=first,
        end=last,
        hold=hold if source == "balances" else "forward",
        last_day=np.minimum(accounts.closed, last),
    )
    return found.credit, found.debit


def _account_rows(
    view: BookView,
    accounts: Accounts,
    credit: Floats,
    debit: Floats,
    booked: dict[str, Floats],
    first: int,
    last: int,
    policy: Policy,
) -> Columns:
    """One row per account that was open in the period or has an entry or a balance in it."""
    size = len(accounts)
    lent = accounts.is_lent(policy)
    counted = np.zeros(size, dtype=np.bool_)
    loans = view.get("loans", "account_id")
    if loans is not None:
        place = loans.account()
        counted[place[place >= 0]] = True
    opens, closes = np.maximum(accounts.opened, first), np.minimum(accounts.closed, last)
    life = closes - opens + 1
    # Averages over the account's own days of the period: balance times days stays the same.
    own = (last - first + 1) / np.maximum(life, 1)
    outside = life < 1
    columns: Columns = {
        "customer": accounts.owner,
        "product": np.array(accounts.products, dtype=object)[accounts.product],
        "start": np.where(outside, first, opens),
        "end": np.where(outside, last, closes),
        "account": np.arange(size, dtype=np.int32),
        "balance": np.where(lent, 0.0, credit) * own,
        "outstanding": np.where(lent, np.where(counted, 0.0, credit + debit), debit) * own,
        "rate_paid": np.where(lent, np.nan, accounts.rate),
        "rate_charged": np.where(lent, accounts.rate, np.nan),
        **{name: values[:size] for name, values in booked.items()},
    }
    moved = np.zeros(size, dtype=np.bool_)
    for name in ("balance", "outstanding", *booked):
        moved |= np.nan_to_num(columns[name]) != 0.0
    keep = (accounts.owner >= 0) & (moved | ~outside)
    return {name: values[keep] for name, values in columns.items()}


def _loose_rows(
    view: BookView, accounts: Accounts, booked: dict[str, Floats], first: int, last: int
) -> Columns:
    """One row per customer with entries outside the customer's accounts."""
    of_customer = {name: values[len(accounts) :] for name, values in booked.items()}
    found = np.zeros(view.size, dtype=np.bool_)
    for values in of_customer.values():
        found |= np.nan_to_num(values) != 0
    return {
        **_unplaced(np.flatnonzero(found), first, last),
        **{name: values[found] for name, values in of_customer.items()},
    }


def _unplaced(customer: Any, first: int, last: int) -> Columns:
    """Columns of positions that belong to a customer and to no account."""
    size = len(customer)
    return {
        "customer": customer.astype(np.int32),
        "product": np.full(size, "none", dtype=object),
        "start": np.full(size, first),
        "end": np.full(size, last),
    }


def _contact_rows(view: BookView, first: int, last: int) -> Columns:
    """One row per customer with a contact in the period, with the contacts by channel."""
    contacts = view.get("contacts")
    if contacts is None:
        return _unplaced(np.empty(0), first, last)
    inside = inside_period(contacts, first, last)
    customer = contacts.customer()[inside]
    channel, names = contacts.words("channel")
    channel = channel[inside]
    met = np.flatnonzero(np.bincount(customer, minlength=view.size))
    counts = {
        f"n_{name}": np.bincount(customer[channel == k], minlength=view.size)[met].astype(float)
        for k, name in enumerate(names)
    }
    return {**_unplaced(met, first, last), **{n: c for n, c in counts.items() if c.any()}}


def _frame(view: BookView, parts: list[Columns]) -> pd.DataFrame:
    """All positions as one frame; amounts and counts that a part does not have are 0."""
    names = dict.fromkeys(name for part in parts for name in part)
    sizes = [len(part["customer"]) for part in parts]

    def joined(name: str, missing: object) -> Any:
        each = zip(parts, sizes, strict=True)
        return np.concatenate([p[name] if name in p else np.full(n, missing) for p, n in each])

    def missing(name: str) -> object:
        if name in ("balance", "outstanding", "fees") or name.startswith("n_"):
            return 0.0
        return None if name == "status" else np.nan

    found: Columns = {
        "customer_id": _ids(view.customers, joined("customer", -1)),
        "product": pd.Categorical(joined("product", "")),
        "start": _dates(joined("start", 0)),
        "end": _dates(joined("end", 0)),
        "account_id": _ids(view.accounts(), joined("account", np.int32(-1))),
    }
    if any("loan" in part for part in parts):
        loans = pd.Index(view["loans"].frame["loan_id"])
        found["loan_id"] = _ids(loans, joined("loan", np.int32(-1)))
    made = {"customer", "account", "loan", *found}
    found |= {name: joined(name, missing(name)) for name in names if name not in made}
    return pd.DataFrame(found, copy=False)


def _ids(index: pd.Index, place: Positions) -> Any:
    """The ids at these positions; null for -1. Whole numbers stay whole numbers."""
    if not (place < 0).any():
        return index.take(place)
    if index.dtype.kind in "iu" and isinstance(index.dtype, np.dtype):
        index = index.astype("UInt64" if index.dtype.kind == "u" else "Int64")
    ids = index.array if pd.api.types.is_extension_array_dtype(index.dtype) else index.to_numpy()
    return pd.api.extensions.take(ids, place, allow_fill=True)


def _dates(day: DayNumbers) -> Any:
    return day.astype(np.int64).view("datetime64[D]").astype("datetime64[s]")
