"""The dates of customers and their movements as arrays, laid out once for many days."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.book.relationship import LONG_AGO, own_movements
from bankcrm.book.view import NEVER, BookView, DayNumbers, FrameView, Mask
from bankcrm.frames.numbering import Positions, categorical
from bankcrm.policy import Policy
from bankcrm.vocabulary import CustomerKind

KINDS = tuple(k.value for k in CustomerKind)
DATES = ("first_contact_date", "inquiry_date", "contract_date", "closed_date")


@attrs.frozen(eq=False)
class Movements:
    """Movements in order of their day.

    Attributes:
        customer: Position of the customer of each movement, int32.
        day: Day of each movement, int32 days since 1970-01-01.
        turnover: Size of each movement, CNY; None where the amounts are not known.
    """

    customer: Positions
    day: DayNumbers
    turnover: npt.NDArray[np.float64] | None

    def upto(self, day: int) -> int:
        """The number of movements on ``day`` or before it."""
        return int(np.searchsorted(self.day, np.int32(day), side="right"))

    def count(self, size: int, start: int, stop: int) -> npt.NDArray[np.intp]:
        """The number of movements of each customer, from position ``start`` to ``stop``."""
        return np.bincount(self.customer[start:stop], minlength=size)

    def amount(self, size: int, start: int, stop: int) -> npt.NDArray[np.float64]:
        """The turnover of each customer over the same movements, CNY."""
        if self.turnover is None:
            return np.full(size, np.nan)
        total = np.bincount(
            self.customer[start:stop], weights=self.turnover[start:stop], minlength=size
        )
        return total.astype(np.float64, copy=False)


@attrs.frozen(eq=False)
class Timeline:
    """The dates of customers and the movements that they made.

    Days are int32 days since 1970-01-01, one per customer; `NEVER` stands for a missing date.

    Attributes:
        customers: The customers in order.
        kind: Person or company.
        contract: Contract date.
        closed: Day on which the customer ended the relationship.
        contacted: Day of the first contact.
        inquired: Day of the first inquiry.
        first: Day of the first movement of any kind.
        known: First day on which the book records anything about the customer.
        own: The movements that the customers made themselves.
        quiet: The accounts that need no movements, such as term deposits; None where the book has
            no accounts.
    """

    customers: pd.Index
    kind: pd.Categorical
    contract: DayNumbers
    closed: DayNumbers
    contacted: DayNumbers
    inquired: DayNumbers
    first: DayNumbers
    known: DayNumbers
    own: Movements
    quiet: FrameView | None

    @property
    def size(self) -> int:
        """The number of customers."""
        return len(self.customers)


def read_timeline(view: BookView, policy: Policy) -> Timeline:
    """Lay out the frames of a view; the timeline is kept, until `forget_timeline`."""
    return view["customers"].once(_kept_as(policy), lambda: _laid_out(view, policy))


def forget_timeline(view: BookView, policy: Policy) -> None:
    """Drop the timeline that is kept, where none will be read again."""
    view["customers"].forget(_kept_as(policy))


def _kept_as(policy: Policy) -> str:
    return f"timeline by {policy.fingerprint}"


def _laid_out(view: BookView, policy: Policy) -> Timeline:
    people = view["customers"]
    contacted, inquired = people.day("first_contact_date"), people.day("inquiry_date")
    contacts = view.get("contacts", "date")
    if contacts is not None:
        met, asked = _first_contacts(contacts, view.size, policy.value("lead_purposes"))
        contacted, inquired = np.minimum(contacted, met), np.minimum(inquired, asked)
    contract, closed = people.day("contract_date"), people.day("closed_date")
    first = np.full(view.size, NEVER, dtype=np.int32)
    none = first[:0]
    own = Movements(none, none, None)
    moves = view.get("transactions", "date")
    if moves is not None:
        np.minimum.at(first, moves.customer(), moves.day("date"))
        own = _own(moves, policy)
    accounts = view.get("accounts", "product")
    if accounts is not None:
        accounts = accounts.where(accounts.is_any("product", policy.value("quiet_products")))
    known = np.minimum.reduce([contract, closed, contacted, inquired, first])
    undated = np.logical_and.reduce([people.day(name) == NEVER for name in DATES])
    return Timeline(
        customers=view.customers,
        kind=_kinds(people),
        contract=contract,
        closed=closed,
        contacted=contacted,
        inquired=inquired,
        first=first,
        # A customer whose record has no date may have been there from the beginning.
        known=np.where(undated, LONG_AGO, known).astype(np.int32),
        own=own,
        quiet=accounts,
    )


def _kinds(people: FrameView) -> pd.Categorical:
    if not people.has("kind"):
        return categorical(np.zeros(len(people), dtype=np.int8), KINDS)
    code, words = people.words("kind")
    table = np.array([KINDS.index(str(w)) for w in words], dtype=np.int8)
    return categorical(table[code], KINDS)


def _own(moves: FrameView, policy: Policy) -> Movements:
    keep = own_movements(moves, policy) & (moves.day("date") < NEVER)
    turnover = np.abs(moves.numbers("amount")) if moves.has("amount") else None
    return _in_order(moves.customer(), moves.day("date"), turnover, keep)


def _in_order(
    customer: Positions,
    day: DayNumbers,
    turnover: npt.NDArray[np.float64] | None,
    keep: Mask,
) -> Movements:
    if not keep.all():
        customer, day = customer[keep], day[keep]
        turnover = None if turnover is None else turnover[keep]
    if len(day) == 0 or (day[1:] >= day[:-1]).all():
        return Movements(customer, day, turnover)
    offset = day - day.min()
    # numpy sorts 16-bit numbers by radix, in linear time; 65,536 days are 179 years.
    narrow = offset.astype(np.uint16) if int(offset.max()) < 2**16 else offset
    order = np.argsort(narrow, kind="stable")
    return Movements(customer[order], day[order], None if turnover is None else turnover[order])


def _first_contacts(
    contacts: FrameView, size: int, lead_purposes: tuple[str, ...]
) -> tuple[DayNumbers, DayNumbers]:
    """The day of the first contact and of the first inquiry of each customer."""
    everything = np.ones(len(contacts), dtype=np.bool_)
    asked = contacts.is_any("purpose", ["inquiry"])
    met = contacts.is_any("purpose", lead_purposes) if contacts.has("purpose") else everything
    return _earliest(contacts, met | asked, size), _earliest(contacts, asked, size)


def _earliest(contacts: FrameView, rows: Mask, size: int) -> DayNumbers:
    first = np.full(size, NEVER, dtype=np.int32)
    np.minimum.at(first, contacts.customer()[rows], contacts.day("date")[rows])
    return first
