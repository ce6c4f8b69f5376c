"""Positions of a period from a book's frames: balances, booked interest, fees, activities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bankcrm.book.balances import Hold, average_balances, average_outstanding
from bankcrm.errors import DataError
from bankcrm.frames import as_frame, as_of_day, check_frame, codes, days
from bankcrm.policy import Policy, default_policy
from bankcrm.valuation.arrays import Floats, Integers, summed
from bankcrm.valuation.contribution.accounts import (
    ACCOUNTS,
    BALANCES,
    CONTACTS,
    LOANS,
    TRANSACTIONS,
    Accounts,
    accounts_of,
    placed,
)

Source = Literal["auto", "balances", "running", "amounts"]


def positions_of(
    accounts: object = None,
    balances: object = None,
    transactions: object = None,
    loans: object = None,
    contacts: object = None,
    *,
    start: object,
    end: object,
    source: Source = "auto",
    hold: Hold = "forward",
    policy: Policy | None = None,
) -> pd.DataFrame:
    """Positions of a period, ready for `contribution`: a row for each account and each loan.

    Balances come from ``balances``, else from the running ``balance`` of the transactions, else
    from their cumulated amounts. Interest and penalty interest are taken as booked where the
    period's transactions hold any for the product, else by rate. Transactions without an account,
    or on the account of another customer, make one row a customer, of the product ``none``. A
    loan is repaid evenly over its term; where ``outstanding`` says what was left at the end, its
    schedule is shifted to meet that. An account of a loan product that is also in ``loans`` is
    counted there.

    Args:
        accounts: the canonical frame, or None (accounts are then of the default product).
        balances: the canonical frame, or None.
        transactions: the canonical frame, or None.
        loans: the canonical frame, or None.
        contacts: the canonical frame, or None. Each contact is an activity of its channel; a
            customer's contacts make a row of the product ``none``.
        start: first day of the period.
        end: last day of the period, inside it.
        source: where balances come from: ``auto``, or one of ``balances``, ``running``,
            ``amounts``.
        hold: what a balance stands for; see `average_balances`.
        policy: valuation policy; None: the defaults.

    Returns:
        Frame of positions, with ``attrs["left_out"]``: counts of rows of the frames that lie
        outside the period, by frame.

    Raises:
        DataError: frames that do not fit, an account twice, a period that ends before it starts.

    Source: CSC-2.
    """
    policy = default_policy("valuation") if policy is None else policy
    first, last = as_of_day(start), as_of_day(end)
    if last < first:
        raise DataError(f"end: {last} lies before start {first}; expected the last day inside")
    frames = {
        name: check_frame(frame, columns, frame=name)
        for name, frame, columns in (
            ("accounts", accounts, ACCOUNTS),
            ("balances", balances, BALANCES),
            ("transactions", transactions, TRANSACTIONS),
            ("loans", loans, LOANS),
            ("contacts", contacts, CONTACTS),
        )
        if frame is not None and len(as_frame(frame))
    }
    table = accounts_of(frames, policy)
    left_out: dict[str, int] = {}
    parts = [_account_rows(frames, table, first, last, source, hold, policy, left_out)]
    if "loans" in frames:
        parts.append(_loan_rows(frames["loans"], table, first, last, policy, left_out))
    if "contacts" in frames:
        parts.append(_contact_rows(frames["contacts"], first, last, left_out))
    result = pd.concat([p for p in parts if len(p)] or parts, ignore_index=True)
    result["product"] = result["product"].astype("category")
    counts = [c for c in map(str, result) if c.startswith("n_")]
    for name in ("balance", "outstanding", "fees", *counts):
        result[name] = result[name].fillna(0.0) if name in result else 0.0
    result.attrs["left_out"] = left_out
    return result


def _account_rows(
    frames: Mapping[str, pd.DataFrame],
    table: Accounts,
    first: np.datetime64,
    last: np.datetime64,
    source: Source,
    hold: Hold,
    policy: Policy,
    left_out: dict[str, int],
) -> pd.DataFrame:
    """A row for each account, then one for each customer with entries outside accounts."""
    accounts = len(table.ids)
    side = policy.value("side")
    booked = _booked(frames.get("transactions"), table, first, last, policy, left_out)
    credit, debit = _balances(frames, table, first, last, source, hold)
    lent = np.array([side.get(p) == "loan" for p in table.product], dtype=np.bool_)
    told = np.zeros(accounts, dtype=np.bool_)
    if "loans" in frames and "account_id" in frames["loans"]:
        place = placed(frames["loans"]["account_id"], table.ids)
        told[place[place >= 0]] = True
    opens = np.where(np.isnat(table.opened), first, np.maximum(table.opened, first))
    closes = np.where(np.isnat(table.closed), last, np.minimum(table.closed, last))
    life = (closes - opens).astype(np.int64) + 1
    whole = int((last - first).astype(np.int64)) + 1
    # Averages over the account's own days of the period: balance times days stays the same.
    own = whole / np.maximum(life, 1)
    rows = pd.DataFrame(
        {
            "customer_id": table.owners.take(table.owner),
            "product": table.product,
            "start": opens.astype("datetime64[s]"),
            "end": closes.astype("datetime64[s]"),
            "account_id": table.ids,
            "balance": np.where(lent, 0.0, credit) * own,
            "outstanding": np.where(lent, np.where(told, 0.0, credit + debit), debit) * own,
            "rate_paid": np.where(lent, np.nan, table.rate),
            "rate_charged": np.where(lent, table.rate, np.nan),
            **{name: values[:accounts] for name, values in booked.items()},
        }
    )
    moved = rows[["balance", "outstanding", *booked]].fillna(0.0).ne(0.0).any(axis=1).to_numpy()
    gone = (life < 1) & ~moved
    left_out["accounts"] = int(gone.sum())
    outside = life < 1
    rows.loc[outside, ["start", "end"]] = [
        pd.Timestamp(first).as_unit("s"),
        pd.Timestamp(last).as_unit("s"),
    ]
    rows = rows[~gone]
    loose = {name: values[accounts:] for name, values in booked.items()}
    rest = _loose_rows(loose, table, first, last)
    return pd.concat([p for p in (rows, rest) if len(p)] or [rows], ignore_index=True)


def _loose_rows(
    booked: Mapping[str, Floats], table: Accounts, first: np.datetime64, last: np.datetime64
) -> pd.DataFrame:
    """A row for each customer with entries outside accounts, of the product ``none``."""
    there = np.zeros(len(table.owners), dtype=np.bool_)
    for values in booked.values():
        there |= np.nan_to_num(values) != 0
    count = int(there.sum())
    return pd.DataFrame(
        {
            "customer_id": table.owners[there],
            "product": "none",
            "start": np.full(count, first.astype("datetime64[s]")),
            "end": np.full(count, last.astype("datetime64[s]")),
            "balance": 0.0,
            "outstanding": 0.0,
            **{name: values[there] for name, values in booked.items()},
        }
    )


def _booked(
    transactions: pd.DataFrame | None,
    table: Accounts,
    first: np.datetime64,
    last: np.datetime64,
    policy: Policy,
    left_out: dict[str, int],
) -> dict[str, Floats]:
    """Fees, interest and counts of activities by slot: accounts first, then customers."""
    slots = len(table.ids) + len(table.owners)
    if transactions is None:
        return {"fees": np.zeros(slots)}
    slot = _slots(transactions, table)
    day = days(transactions["date"])
    inside = (day >= first) & (day <= last)
    left_out["transactions"] = int(len(day) - inside.sum())
    if not inside.all():
        transactions, slot = transactions.loc[inside], slot[inside]
    amount = transactions["amount"].to_numpy(np.float64)
    if "kind" in transactions:
        kind, kinds = codes(transactions["kind"])
    else:
        kind, kinds = np.zeros(len(amount), dtype=np.intp), pd.Index(["other"])

    def entries(name: str) -> tuple[Floats, NDArray[np.bool_]]:
        rows = kind == (kinds.get_loc(name) if name in kinds else -2)
        found = np.zeros(slots, dtype=np.bool_)
        found[slot[rows]] = True
        return summed(slot[rows], amount[rows], slots), found

    result = {
        "fees": 0.0 - entries("fee")[0],
        "interest_paid": _where_booked(*entries("interest"), table),
        "interest_received": 0.0 - _where_booked(*entries("penalty_interest"), table),
    }
    channel, channels = np.full(len(kind), -1), pd.Index([])
    if "channel" in transactions:
        channel, channels = codes(transactions["channel"])
    activity = np.where(channel >= 0, channel + len(kinds), kind)
    free = set(policy.value("bank_made_kinds"))
    served = ~np.isin(kind, [k for k, name in enumerate(kinds) if str(name) in free])
    names = np.array([str(name) for name in [*kinds, *channels]], dtype=object)
    for name in dict.fromkeys(names[np.unique(activity[served])]):
        rows = served & np.isin(activity, np.flatnonzero(names == name))
        result[f"n_{name}"] = np.bincount(slot[rows], minlength=slots).astype(np.float64)
    return result


def _where_booked(amount: Floats, found: NDArray[np.bool_], table: Accounts) -> Floats:
    """Booked interest; null for a product none of whose accounts has any, so that rates serve."""
    accounts = len(table.ids)
    product, names = codes(pd.Series(table.product, dtype=object))
    seen = np.bincount(product, found[:accounts], len(names)) > 0
    known = np.concatenate([seen[product], found[accounts:]])
    return np.where(known, amount, np.nan)


def _slots(transactions: pd.DataFrame, table: Accounts) -> Integers:
    """Where each transaction is counted: on its account, else on its customer."""
    owner = placed(transactions["customer_id"], table.owners)
    if "account_id" not in transactions:
        return owner + len(table.ids)
    account = placed(transactions["account_id"], table.ids)
    held = account >= 0
    # The last place serves the code -1 of an entry without account.
    held &= np.append(table.owner, -1)[account] == owner
    return np.where(held, account, owner + len(table.ids))


def _balances(
    frames: Mapping[str, pd.DataFrame],
    table: Accounts,
    first: np.datetime64,
    last: np.datetime64,
    source: Source,
    hold: Hold,
) -> tuple[Floats, Floats]:
    """Average credit and debit balance of each account, from the source asked for."""
    moves = frames.get("transactions")
    if moves is not None and "account_id" not in moves:
        moves = None
    running = moves is not None and "balance" in moves and bool(moves["balance"].notna().any())
    if source == "auto":
        if "balances" in frames:
            source = "balances"
        else:
            source = "running" if running else "amounts"
            hold = "forward"
    there = {"balances": "balances" in frames, "running": running, "amounts": moves is not None}
    if source not in there:
        raise DataError(f"source: got {source!r}; expected auto or one of {', '.join(there)}")
    if not there[source]:
        if source == "amounts" and moves is None:
            return np.zeros(len(table.ids)), np.zeros(len(table.ids))
        raise DataError(f"source: there are no {source} to take balances from; try auto")
    frame = frames["balances"] if source == "balances" else moves
    if frame is None:  # pragma: no cover - for the type checker
        raise DataError("source: no frame")
    account = placed(frame["account_id"], table.ids)
    day = days(frame["date"])
    value = frame["amount" if source == "amounts" else "balance"].to_numpy(np.float64)
    use = (account >= 0) & (day <= last) & ~np.isnan(value)
    if not use.all():
        account, day, value = account[use], day[use], value[use]
    if source == "amounts":
        order = np.argsort(account * (1 << 32) + day.astype(np.int64), kind="stable")
        account, day, value = account[order], day[order], value[order].cumsum()
        begins = np.flatnonzero(np.append(True, account[1:] != account[:-1])[: len(account)])
        before = np.append(0.0, value)[begins]
        value = value - np.repeat(before, np.diff(np.append(begins, len(account))))
    closed = np.where(np.isnat(table.closed), last, table.closed)
    return average_balances(
        account, day, value, len(table.ids), start=first, end=last, hold=hold, last_day=closed
    )


def _loan_rows(
    loans: pd.DataFrame,
    table: Accounts,
    first: np.datetime64,
    last: np.datetime64,
    policy: Policy,
    left_out: dict[str, int],
) -> pd.DataFrame:
    """A row for each loan that is out within the period."""
    size = len(loans)

    def facts(column: str) -> Floats:
        there = column in loans
        return loans[column].to_numpy(np.float64) if there else np.full(size, np.nan)

    granted = days(loans["granted_date"])
    amount, term = facts("amount"), facts("term_months")
    begins = np.maximum(granted, first)
    left = facts("outstanding")
    planned = average_outstanding(granted, term, amount, begins, last)
    at_end = average_outstanding(granted, term, amount, last, last)
    # Where the bank knows what was left at the end, the whole schedule is shifted to meet it.
    average = np.where(np.isnan(left), planned, np.maximum(planned + left - at_end, 0.0))
    out = (granted <= last) & ((average > 0) | (np.nan_to_num(left) > 0))
    left_out["loans"] = int(size - out.sum())
    rows = pd.DataFrame(
        {
            "customer_id": loans["customer_id"].to_numpy(),
            "product": _loan_products(loans, table, policy).to_numpy(),
            "start": begins.astype("datetime64[s]"),
            "end": np.full(size, last.astype("datetime64[s]")),
            "loan_id": loans["loan_id"].to_numpy(),
            "outstanding": average,
            "tenor_months": term,
            "rate_charged": facts("rate"),
            "pd": facts("pd"),
            "lgd": facts("lgd"),
            "ead": left,
            **({"status": loans["status"].to_numpy()} if "status" in loans else {}),
        }
    )
    return rows[out]


def _contact_rows(
    contacts: pd.DataFrame, first: np.datetime64, last: np.datetime64, left_out: dict[str, int]
) -> pd.DataFrame:
    """A row for each customer whom the bank met in the period, with the meetings by channel."""
    day = days(contacts["date"])
    inside = (day >= first) & (day <= last)
    left_out["contacts"] = int(len(day) - inside.sum())
    customer, owners = codes(contacts.loc[inside, "customer_id"])
    channel, channels = codes(contacts.loc[inside, "channel"])
    counts = {
        f"n_{name}": np.bincount(customer[channel == k], minlength=len(owners)).astype(np.float64)
        for k, name in enumerate(channels)
    }
    return pd.DataFrame(
        {
            "customer_id": owners,
            "product": "none",
            "start": np.full(len(owners), first.astype("datetime64[s]")),
            "end": np.full(len(owners), last.astype("datetime64[s]")),
            **counts,
        }
    )


def _loan_products(loans: pd.DataFrame, table: Accounts, policy: Policy) -> pd.Series:
    """Product of each loan: its own, else its account's where that is a loan, else the default."""
    side = policy.value("side")
    product = pd.Series([None] * len(loans), dtype=object)
    if "account_id" in loans:
        place = placed(loans["account_id"], table.ids)
        # The last place serves the code -1 of a loan without account.
        lent = [p if side.get(p) == "loan" else None for p in table.product] + [None]
        product = pd.Series(np.array(lent, dtype=object)[place], dtype=object)
    if "product" in loans:
        own = loans["product"].astype(object).reset_index(drop=True)
        product = own.where(own.notna(), product)
    return product.where(product.notna(), policy.value("default_loan_product"))
