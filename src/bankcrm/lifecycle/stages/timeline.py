"""Customers' dates and movements as plain arrays, and windows that roll over them in one pass."""

from __future__ import annotations

from typing import TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.book.relationship import LONG_AGO
from bankcrm.book.view import NEVER, BookView, DayNumbers, Mask, Needs
from bankcrm.frames import categorical

Ints: TypeAlias = DayNumbers
KINDS = ("person", "company")
DATES = ("first_contact_date", "inquiry_date", "contract_date", "closed_date")

NEEDS = {
    "customers": Needs(("customer_id",), ("kind", *DATES)),
    "transactions": Needs(("customer_id", "date"), ("amount", "kind")),
    "contacts": Needs(("customer_id", "date"), ("purpose",)),
    "accounts": Needs(("customer_id", "product", "opened_date"), ("closed_date",)),
}
"""What the stage of a customer reads of each frame."""


@attrs.frozen(eq=False)
class Movements:
    """Movements in order of their day: the customer's position, the day, the turnover."""

    customer: Ints
    day: Ints
    turnover: npt.NDArray[np.float64] | None

    def upto(self, day: int) -> int:
        """How many movements happened on ``day`` or before."""
        return int(np.searchsorted(self.day, day, side="right"))

    def count(self, size: int, start: int, stop: int) -> npt.NDArray[np.intp]:
        """Movements of each customer among those from position ``start`` to ``stop``."""
        return np.bincount(self.customer[start:stop], minlength=size)

    def amount(self, size: int, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Turnover of each customer over the same movements, CNY."""
        if self.turnover is None:
            return np.full(size, np.nan)
        total = np.bincount(
            self.customer[start:stop], weights=self.turnover[start:stop], minlength=size
        )
        return total.astype(np.float64, copy=False)


@attrs.frozen(eq=False)
class Timeline:
    """All that stages need of a book, as arrays over the customers.

    Days are int32 counts since 1970-01-01; ``NEVER`` stands for a missing date. ``first`` is the
    day of the first movement of any kind, ``known`` the first day on which anything is on file.
    """

    index: pd.Index
    kind: pd.Categorical
    contract: Ints
    first: Ints
    closed: Ints
    contacted: Ints
    inquired: Ints
    known: Ints
    quiet: tuple[Ints, Ints, Ints]
    own: Movements
    automatic: Movements
    customers: pd.DataFrame

    @property
    def size(self) -> int:
        """The number of customers."""
        return len(self.index)


def read_timeline(
    view: BookView,
    *,
    until: int,
    automatic_kinds: tuple[str, ...],
    lead_purposes: tuple[str, ...] = (),
    quiet_products: tuple[str, ...] = (),
) -> Timeline:
    """Lay a book out; whatever happened after day ``until`` is left out.

    Args:
        view: The book; ``customers``, and ``transactions``, ``contacts`` and ``accounts`` where it
            records them.
        until: The last day, in days since 1970-01-01.
        automatic_kinds: Kinds of transaction that run without the customer.
        lead_purposes: Purposes of a contact that make a lead.
        quiet_products: Products that may be held without movements.
    """
    people, size = view["customers"], view.size
    own, automatic = _movements(view, until, automatic_kinds)
    first = np.minimum(_first(own, size), _first(automatic, size))

    def known_by(column: str) -> Ints:
        day = people.day(column)
        return np.where(day <= until, day, NEVER).astype(np.int32)

    contract, closed = known_by("contract_date"), known_by("closed_date")
    met, asked = _contacts(view, until, lead_purposes)
    contacted = np.minimum(known_by("first_contact_date"), met)
    inquired = np.minimum(known_by("inquiry_date"), asked)
    known = np.minimum.reduce([contract, contacted, inquired, closed, first])
    undated = np.logical_and.reduce([people.day(d) == NEVER for d in DATES])
    return Timeline(
        index=view.customers,
        kind=_kinds(view),
        contract=contract,
        first=first,
        closed=closed,
        contacted=contacted,
        inquired=inquired,
        # A customer on file without any date was always there, as far as the book tells.
        known=np.where(undated, LONG_AGO, known).astype(np.int32),
        quiet=_quiet(view, quiet_products),
        own=own,
        automatic=automatic,
        customers=people.frame,
    )


def _kinds(view: BookView) -> pd.Categorical:
    people = view["customers"]
    company = people.is_any("kind", ["company"])
    return categorical(company.astype(np.int8), KINDS)


def _movements(
    view: BookView, until: int, automatic_kinds: tuple[str, ...]
) -> tuple[Movements, Movements]:
    """The customers' own movements and the automatic ones, each in order of their day."""
    moves = view.get("transactions")
    if moves is None:
        none = np.empty(0, dtype=np.int32)
        return Movements(none, none, None), Movements(none, none, None)
    customer, day = moves.customer(), moves.day("date")
    turnover = np.abs(moves.numbers("amount")) if moves.has("amount") else None
    automatic = moves.is_any("kind", automatic_kinds)
    known = day <= until
    return (
        _in_order(customer, day, turnover, ~automatic & known),
        _in_order(customer, day, turnover, automatic & known),
    )


def _in_order(
    customer: Ints, day: Ints, turnover: npt.NDArray[np.float64] | None, keep: Mask
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


def _first(movements: Movements, size: int) -> Ints:
    """The day of each customer's first movement."""
    first = np.full(size, NEVER, dtype=np.int32)
    first[movements.customer[::-1]] = movements.day[::-1]  # the last write stays: the earliest
    return first


def _contacts(view: BookView, until: int, lead_purposes: tuple[str, ...]) -> tuple[Ints, Ints]:
    """The first contact and the first inquiry of each customer among the contacts."""
    size = view.size
    contacts = view.get("contacts")
    if contacts is None:
        never = np.full(size, NEVER, dtype=np.int32)
        return never, never
    customer, day = contacts.customer(), contacts.day("date")
    known = day <= until
    if not contacts.has("purpose"):
        return _earliest(customer[known], day[known], size), np.full(size, NEVER, dtype=np.int32)
    met = known & contacts.is_any("purpose", [*lead_purposes, "inquiry"])
    asked = known & contacts.is_any("purpose", ["inquiry"])
    return (
        _earliest(customer[met], day[met], size),
        _earliest(customer[asked], day[asked], size),
    )


def _earliest(customer: Ints, day: Ints, size: int) -> Ints:
    first = np.full(size, NEVER, dtype=np.int32)
    np.minimum.at(first, customer, day)
    return first


def _quiet(view: BookView, quiet_products: tuple[str, ...]) -> tuple[Ints, Ints, Ints]:
    """Customer, opening and closing day of each account that may be held without movements."""
    accounts = view.get("accounts")
    if accounts is None:
        none = np.empty(0, dtype=np.int32)
        return none, none, none
    quiet = accounts.is_any("product", quiet_products)
    opened, closed = accounts.day("opened_date"), accounts.day("closed_date")
    return accounts.customer()[quiet], opened[quiet], closed[quiet]


class Windows:
    """Counts of own movements that roll from day to day; each one enters and leaves a window once.

    Args:
        timeline: The customers and their movements.
        recent_days: Length of the recent window, days.
        earlier_days: Length of the window before it, days.
    """

    def __init__(self, timeline: Timeline, recent_days: int, earlier_days: int) -> None:
        self._timeline = timeline
        self._lengths = recent_days, earlier_days
        size = timeline.size
        self.last: Ints = np.full(size, LONG_AGO, dtype=np.int32)
        self.recent: npt.NDArray[np.int64] = np.zeros(size, dtype=np.int64)
        self.earlier: npt.NDArray[np.int64] = np.zeros(size, dtype=np.int64)
        self.span = (0, 0, 0)

    def advance(self, day: int) -> None:
        """Move on to ``day``, which must not lie before the last one."""
        own, size = self._timeline.own, self._timeline.size
        recent_days, earlier_days = self._lengths
        stop = own.upto(day)
        middle = own.upto(day - recent_days)
        start = own.upto(day - recent_days - earlier_days)
        was_start, was_middle, was_stop = self.span
        self.last[own.customer[was_stop:stop]] = own.day[was_stop:stop]  # in order of days
        # Movements that ran through a window since the last day need not be counted in and out.
        if middle >= was_stop:
            self.recent[:] = own.count(size, middle, stop)
            self.earlier[:] = own.count(size, start, middle)
        else:
            moved = own.count(size, was_middle, middle)
            self.recent += own.count(size, was_stop, stop) - moved
            self.earlier += moved - own.count(size, was_start, start)
        self.span = start, middle, stop
