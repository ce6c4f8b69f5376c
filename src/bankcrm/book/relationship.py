"""When a customer is in a relationship with the bank: one definition for every domain (LCM-2)."""

from __future__ import annotations

import attrs
import numpy as np

from bankcrm.book.view import NEVER, BookView, DayNumbers, FrameView, Mask
from bankcrm.policy import Policy

LONG_AGO = np.int32(-(2**30))
"""The number of a day before every real day: the last movement of a customer without one."""


@attrs.frozen(eq=False)
class Relationship:
    """What is known on a day about the relationship of each customer with the bank.

    Attributes:
        contract: Day of the contract, else of the first movement, int32; `NEVER` where there is
            neither.
        closed: Whether the customer ended the relationship and did not return.
        returned: Whether the customer ended the relationship and returned.
    """

    contract: DayNumbers
    closed: Mask
    returned: Mask

    @property
    def has_contract(self) -> Mask:
        """Whether the customer has or had a contract."""
        contract: Mask = self.contract < NEVER
        return contract

    @property
    def current(self) -> Mask:
        """Whether the customer is in a relationship with the bank on the day."""
        return self.has_contract & ~self.closed


def relationship(
    contract: DayNumbers,
    closing: DayNumbers,
    first: DayNumbers,
    last: DayNumbers,
    day: int,
) -> Relationship:
    """The relationship of each customer on a day, from days since 1970-01-01.

    A customer who makes a movement, or signs a new contract, after the closing day has returned.

    Args:
        contract: Contract date of each customer; `NEVER` if missing.
        closing: Day on which each customer ended the relationship; `NEVER` if missing.
        first: Day of the first movement of any kind; `NEVER` if there is none.
        last: Day of the last movement up to ``day`` that the customer made; `LONG_AGO` if there is
            none.
        day: The day; contracts, closings and first movements after it are not known yet.

    Source: LCM-2.

    >>> days = [np.array([n], np.int32) for n in (10, 20, NEVER)]
    >>> relationship(*days, last=np.array([15], np.int32), day=30).current.tolist()
    [False]
    >>> relationship(*days, last=np.array([25], np.int32), day=30).current.tolist()
    [True]
    """
    known = np.where(contract <= day, contract, np.where(first <= day, first, NEVER))
    shut = closing <= day
    anew = (known > closing) & (known < NEVER)
    returned = shut & ((last > closing) | anew)
    return Relationship(known.astype(np.int32, copy=False), shut & ~returned, returned)


def relationship_on(view: BookView, day: int, policy: Policy) -> Relationship:
    """The relationship of each customer of a book on a day.

    Args:
        view: ``customers``, with ``contract_date`` and ``closed_date`` where known; and
            ``transactions`` with ``date``, and ``kind`` where known, if the book records them.
        day: Days since 1970-01-01; see `bankcrm.book.view.day_number`.
        policy: Its ``bank_made_kinds`` and ``standing_order_kinds`` are not the customer's own.
    """
    first = np.full(view.size, NEVER, dtype=np.int32)
    last = np.full(view.size, LONG_AGO, dtype=np.int32)
    moves = view.get("transactions", "date")
    if moves is not None:
        customer, when = moves.customer(), moves.day("date")
        np.minimum.at(first, customer, when)
        own = own_movements(moves, policy) & (when <= day)
        np.maximum.at(last, customer[own], when[own])
    people = view["customers"]
    return relationship(people.day("contract_date"), people.day("closed_date"), first, last, day)


def own_movements(transactions: FrameView, policy: Policy) -> Mask:
    """Which movements the customer made; one of an unknown kind counts as the customer's own.

    The bank's own postings and standing orders run without the customer.
    """
    return ~transactions.is_any("kind", automatic_kinds(policy))


def automatic_kinds(policy: Policy) -> tuple[str, ...]:
    """Kinds of transaction that run without the customer: the bank's own and standing orders."""
    return (*policy.value("bank_made_kinds"), *policy.value("standing_order_kinds"))
