"""What the transactions of a period book: fees, interest and counts of activities."""

from __future__ import annotations

import numpy as np

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
    inside = inside_period(frame, first, last)
    slot = _slots(frame, accounts)[inside]
    amount = frame.numbers("amount")[inside]

    def sums(kind: str) -> tuple[Floats, Mask]:
        rows = np.flatnonzero(frame.is_any("kind", (kind,))[inside])
        found = np.zeros(slots, dtype=np.bool_)
        found[slot[rows]] = True
        return summed(slot[rows], amount[rows], slots), found

    paid, pays = sums("interest")
    received, receives = sums("penalty_interest")
    return {
        "fees": 0.0 - sums("fee")[0],
        "interest_paid": np.where(pays, paid, np.nan),
        "interest_received": np.where(receives, 0.0 - received, np.nan),
        **_activities(frame, inside, slot, slots, policy),
    }


def inside_period(frame: FrameView, first: int, last: int) -> Mask:
    """Which rows are dated inside the period."""
    day = frame.day("date")
    return (day >= first) & (day <= last)


def _slots(frame: FrameView, accounts: Accounts) -> Integers:
    """Where each transaction is counted: on its account, else on its customer."""
    owner = frame.customer().astype(np.intp)
    if not frame.has("account_id"):
        return owner + len(accounts)
    account = frame.account()
    # The last place serves the position -1 of an entry without account.
    own = (account >= 0) & (np.append(accounts.owner, -1)[account] == owner)
    return np.where(own, account, owner + len(accounts))


def _activities(
    frame: FrameView, inside: Mask, slot: Integers, slots: int, policy: Policy
) -> dict[str, Floats]:
    """How often each activity took place, by slot."""
    names, activity = _named(frame)
    bank_made = set(policy.value("bank_made_kinds"))
    activity = np.where(frame.is_any("kind", bank_made), -1, activity)[inside]
    served = activity >= 0
    key = activity[served] * np.intp(slots) + slot[served]
    counts = np.bincount(key, minlength=len(names) * slots).reshape(len(names), slots)
    return {
        f"n_{name}": count.astype(np.float64)
        for name, count in zip(names, counts, strict=True)
        if count.any()
    }


def _named(frame: FrameView) -> tuple[list[str], Positions]:
    """The activities by name, and that of each row: its channel, else its kind, else ``other``."""
    words = [frame.words(c) for c in ("kind", "channel") if frame.has(c)]
    names = sorted({"other", *(str(name) for _, found in words for name in found)})
    place = {name: k for k, name in enumerate(names)}
    activity = np.full(len(frame), place["other"], dtype=np.int32)
    for code, found in words:
        position = np.array([place[str(name)] for name in found] + [-1], dtype=np.int32)[code]
        activity = np.where(position >= 0, position, activity)
    return names, activity
