"""Entries of the transactions of a period: fees, interest and counts of activities."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.book.view import BookView, FrameView, Mask
from bankcrm.frames.numbering import Positions
from bankcrm.policy import Policy
from bankcrm.valuation.arrays import Floats, Integers, summed
from bankcrm.valuation.contribution.accounts import Accounts


def booked_entries(
    view: BookView, accounts: Accounts, first: int, last: int, policy: Policy
) -> dict[str, Floats]:
    """Fees, interest and counts of activities by slot: one per account, then one per customer.

    An entry counts on its account, if that is the customer's own, else on its customer.

    Args:
        view: A view of checked frames.
        accounts: The accounts of the view.
        first: First day of the period.
        last: Last day of the period.
        policy: Valuation policy; ``bank_made_kinds`` are no activity of the customer.

    Returns:
        ``fees``, ``interest_paid`` and ``interest_received`` (null where none is booked) and one
        column ``n_<activity>`` per channel, or per kind of transaction without a channel.
    """
    slots = len(accounts) + view.size
    frame = view.get("transactions", "customer_id", "date", "amount")
    if frame is None:
        none = np.full(slots, np.nan)
        return {"fees": np.zeros(slots), "interest_paid": none, "interest_received": none}
    rows = np.flatnonzero(inside_period(frame, first, last))
    slot = _slots(frame, accounts, rows)
    amount = frame.numbers("amount")[rows]
    kind, kinds = _words(frame, "kind", rows)

    def sums(name: str) -> tuple[Floats, Mask]:
        mine = np.flatnonzero(np.append(kinds == name, False)[kind])
        found = np.zeros(slots, dtype=np.bool_)
        found[slot[mine]] = True
        return summed(slot[mine], amount[mine], slots), found

    paid, pays = sums("interest")
    received, receives = sums("penalty_interest")
    activity, names = _activities(kind, kinds, *_words(frame, "channel", rows))
    bank_made = np.append(kinds.isin(list(policy.value("bank_made_kinds"))), False)[kind]
    return {
        "fees": 0.0 - sums("fee")[0],
        "interest_paid": np.where(pays, paid, np.nan),
        "interest_received": np.where(receives, 0.0 - received, np.nan),
        **_counts(activity[~bank_made], names, slot[~bank_made], slots),
    }


def inside_period(frame: FrameView, first: int, last: int) -> Mask:
    """Which rows are dated inside the period."""
    day = frame.day("date")
    return (day >= first) & (day <= last)


def _slots(frame: FrameView, accounts: Accounts, rows: Integers) -> Positions:
    """Where each transaction is counted: on its account, else on its customer."""
    customer = frame.customer()[rows]
    of_customer = customer + np.int32(len(accounts))
    if not frame.has("account_id"):
        return of_customer
    account = frame.account()[rows]
    # The last place serves the position -1 of an entry without account.
    own = np.append(accounts.owner, -1)[account] == customer
    return np.where(own, account, of_customer)


def _words(frame: FrameView, column: str, rows: Integers) -> tuple[Integers, pd.Index]:
    """The code of the word of each row, -1 without one, and the words."""
    if not frame.has(column):
        return np.full(len(rows), -1), pd.Index([], dtype=object)
    code, words = frame.words(column)
    return code[rows], words


def _activities(
    kind: Integers, kinds: pd.Index, channel: Integers, channels: pd.Index
) -> tuple[Positions, list[str]]:
    """The activity of each entry and the names: its channel, else its kind, else ``other``."""
    names = sorted({"other", *map(str, kinds), *map(str, channels)})
    place = {name: k for k, name in enumerate(names)}
    of_kind, of_channel = (
        np.array([place[str(w)] for w in words] + [place["other"]], dtype=np.int32)
        for words in (kinds, channels)
    )
    return np.where(channel >= 0, of_channel[channel], of_kind[kind]), names


def _counts(
    activity: Positions, names: list[str], slot: Positions, slots: int
) -> dict[str, Floats]:
    """How often each activity took place, by slot; an activity that never did is left out."""
    key = activity * np.intp(slots) + slot
    counts = np.bincount(key, minlength=len(names) * slots).reshape(len(names), slots)
    return {
        f"n_{name}": count.astype(np.float64)
        for name, count in zip(names, counts, strict=True)
        if count.any()
    }
