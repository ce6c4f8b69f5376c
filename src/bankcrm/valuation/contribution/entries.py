"""Entries of the transactions of a period: fees, interest and counts of activities."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.book.view import BookView, FrameView, Mask
from bankcrm.frames.arrays import row_blocks
from bankcrm.frames.numbering import Positions
from bankcrm.policy import Policy
from bankcrm.valuation.arrays import Floats, Integers
from bankcrm.valuation.contribution.accounts import Accounts

_BOOKED = ("fee", "interest", "penalty_interest")
"""The kinds of transactions that are entries of the bank."""


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
    amount, day = frame.numbers("amount"), frame.day("date")
    kind, kinds = _words(frame, "kind")
    channel, channels = _words(frame, "channel")
    of_kind, of_channel, names = _activities(kinds, channels)
    bank_made = np.append(kinds.isin(list(policy.value("bank_made_kinds"))), False)
    booked = {name: (np.zeros(slots), np.zeros(slots, dtype=np.bool_)) for name in _BOOKED}
    counts = np.zeros(len(names) * slots)
    for rows in row_blocks(len(frame)):
        use = np.flatnonzero((day[rows] >= first) & (day[rows] <= last)) + rows.start
        slot = _slots(frame, accounts, use).astype(np.intp)
        its_kind, its_channel, its_amount = kind[use], channel[use], amount[use]
        for name, (total, some) in booked.items():
            mine = np.flatnonzero(its_kind == _code(kinds, name))
            np.add.at(total, slot[mine], its_amount[mine])
            some[slot[mine]] = True
        activity = np.where(its_channel >= 0, of_channel[its_channel], of_kind[its_kind])
        own = np.flatnonzero(~bank_made[its_kind])
        np.add.at(counts, activity[own] * np.intp(slots) + slot[own], 1.0)
    paid, pays = booked["interest"]
    received, receives = booked["penalty_interest"]
    each = zip(names, counts.reshape(len(names), slots), strict=True)
    return {
        "fees": 0.0 - booked["fee"][0],
        "interest_paid": np.where(pays, paid, np.nan),
        "interest_received": np.where(receives, 0.0 - received, np.nan),
        # an activity that never took place is left out
        **{f"n_{name}": count for name, count in each if count.any()},
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


def _words(frame: FrameView, column: str) -> tuple[Integers, pd.Index]:
    """The code of the word of each row, -1 without one, and the words."""
    if not frame.has(column):
        return np.full(len(frame), -1, dtype=np.int8), pd.Index([], dtype=object)
    return frame.words(column)


def _code(words: pd.Index, word: str) -> int:
    """The code of a word; -2, which no row has, if it is not among the words."""
    found = int(words.get_indexer(pd.Index([word]))[0])
    return found if found >= 0 else -2


def _activities(kinds: pd.Index, channels: pd.Index) -> tuple[Positions, Positions, list[str]]:
    """The activity of each kind and of each channel, and the names of the activities.

    The activity of an entry is its channel, else its kind, else ``other``, the last of each table.
    """
    names = sorted({"other", *map(str, kinds), *map(str, channels)})
    place = {name: k for k, name in enumerate(names)}
    of_kind, of_channel = (
        np.array([place[str(w)] for w in words] + [place["other"]], dtype=np.int32)
        for words in (kinds, channels)
    )
    return of_kind, of_channel, names
