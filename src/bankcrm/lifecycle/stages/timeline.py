"""Customers' dates and movements as plain arrays, and windows that roll over them in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.frames import Column, categorical, check_frame, codes

Ints: TypeAlias = npt.NDArray[np.int32]
Mask: TypeAlias = npt.NDArray[np.bool_]
Names: TypeAlias = Mapping[str, str]

NEVER = np.int32(2**31 - 1)
"""The day of what has not happened: later than every real day, so ``day <= as_of`` is false."""
LONG_AGO = np.int32(-(2**30))

KINDS = ("person", "company")

CUSTOMER_COLUMNS = (
    Column("customer_id", "id"),
    Column("kind", "category", required=False, choices=KINDS, meaning="person or company"),
    *(
        Column(name, "date", required=False, nullable=True)
        for name in ("first_contact_date", "inquiry_date", "contract_date", "closed_date")
    ),
)
TRANSACTION_COLUMNS = (
    Column("customer_id", "id"),
    Column("date", "date"),
    Column("amount", "money", required=False, unit="CNY"),
    Column("kind", "text", required=False, nullable=True),
)
CONTACT_COLUMNS = (
    Column("customer_id", "id"),
    Column("date", "date"),
    Column("purpose", "text", required=False, nullable=True),
)
ACCOUNT_COLUMNS = (
    Column("customer_id", "id"),
    Column("product", "text"),
    Column("opened_date", "date"),
    Column("closed_date", "date", required=False, nullable=True),
)


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
    kind: pd.Categorical[str]
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
    customers: object,
    transactions: object,
    *,
    until: int,
    automatic_kinds: tuple[str, ...],
    lead_purposes: tuple[str, ...] = (),
    quiet_products: tuple[str, ...] = (),
    contacts: object = None,
    accounts: object = None,
    names: Mapping[str, Names] | None = None,
) -> Timeline:
    """Check the frames and lay them out; whatever happened after day ``until`` is left out.

    Raises:
        DataError: A frame does not fit its contract, or names a customer who is not there.
    """
    names = names or {}
    book = check_frame(
        customers, CUSTOMER_COLUMNS, frame="customers", names=names.get("customers"),
        key="customer_id",
    )  # fmt: skip
    index = pd.Index(book["customer_id"], name="customer_id")
    own, automatic = _movements(
        transactions, index, until, automatic_kinds, names.get("transactions")
    )
    first = np.minimum(_first(own, len(index)), _first(automatic, len(index)))
    contract = _dates(book, "contract_date", until)
    closed = _dates(book, "closed_date", until)
    contacted = _dates(book, "first_contact_date", until)
    inquired = _dates(book, "inquiry_date", until)
    if contacts is not None:
        met, asked = _contacts(contacts, index, until, lead_purposes, names.get("contacts"))
        contacted, inquired = np.minimum(contacted, met), np.minimum(inquired, asked)
    known = np.minimum.reduce([contract, contacted, inquired, closed, first])
    return Timeline(
        index=index,
        kind=_kinds(book),
        contract=contract,
        first=first,
        closed=closed,
        contacted=contacted,
        inquired=inquired,
        # A customer on file without any date was always there, for all that we know.
        known=np.where(_undated(book), LONG_AGO, known).astype(np.int32),
        quiet=_quiet(accounts, index, until, quiet_products, names.get("accounts")),
        own=own,
        automatic=automatic,
        customers=book,
    )


def _days(values: pd.Series) -> Ints:
    """Days since 1970-01-01; a missing date becomes ``NEVER``."""
    day = values.to_numpy().astype("datetime64[D]").astype(np.int64)
    return np.where(day == np.iinfo(np.int64).min, np.int64(NEVER), day).astype(np.int32)


def _undated(book: pd.DataFrame) -> Mask:
    """Which customers carry no date at all, not even a later one."""
    dates = [c.name for c in CUSTOMER_COLUMNS if c.kind == "date" and c.name in book]
    return book[dates].isna().all(axis=1).to_numpy()


def _dates(book: pd.DataFrame, name: str, until: int) -> Ints:
    if name not in book:
        return np.full(len(book), NEVER, dtype=np.int32)
    day = _days(book[name])
    return np.where(day <= until, day, NEVER).astype(np.int32)


def _kinds(book: pd.DataFrame) -> pd.Categorical[str]:
    if "kind" in book:
        return categorical(book["kind"].cat.codes.to_numpy(), KINDS)
    return categorical(np.zeros(len(book), dtype=np.int8), KINDS)


def positions(ids: pd.Series, index: pd.Index, frame: str) -> npt.NDArray[np.int32]:
    """The position of each id among the customers.

    Raises:
        DataError: Some ids are not among them.
    """
    code, distinct = codes(ids)
    place = index.get_indexer(distinct)
    strange = place < 0
    if strange.any():
        rows = np.flatnonzero(strange[code])
        first = ", ".join(repr(v) for v in distinct[strange][:5].tolist())
        raise DataError(
            f"{frame}.customer_id: {len(rows):,} rows name {int(strange.sum()):,} customers "
            f"who are not in customers ({first}); add the customers or leave the rows out"
        )
    return place.astype(np.int32)[code]


def _movements(
    transactions: object,
    index: pd.Index,
    until: int,
    automatic_kinds: tuple[str, ...],
    names: Names | None,
) -> tuple[Movements, Movements]:
    book = check_frame(transactions, TRANSACTION_COLUMNS, frame="transactions", names=names)
    customer = positions(book["customer_id"], index, "transactions")
    day = _days(book["date"])
    turnover = np.abs(book["amount"].to_numpy()) if "amount" in book else None
    own = _own(book, automatic_kinds)
    return (
        _in_order(customer, day, turnover, own & (day <= until)),
        _in_order(customer, day, turnover, ~own & (day <= until)),
    )


def _own(book: pd.DataFrame, automatic_kinds: tuple[str, ...]) -> Mask:
    """Which movements the customer made; a movement of unknown kind counts as the customer's."""
    if "kind" not in book or not automatic_kinds:
        return np.ones(len(book), dtype=np.bool_)
    code, distinct = codes(book["kind"])
    own = np.append(~np.isin(distinct.to_numpy(dtype=object), automatic_kinds), True)
    picked: Mask = own[code]
    return picked


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


def _contacts(
    contacts: object,
    index: pd.Index,
    until: int,
    lead_purposes: tuple[str, ...],
    names: Names | None,
) -> tuple[Ints, Ints]:
    """The first contact and the first inquiry of each customer among the contacts."""
    book = check_frame(contacts, CONTACT_COLUMNS, frame="contacts", names=names)
    customer = positions(book["customer_id"], index, "contacts")
    day = _days(book["date"])
    day = np.where(day <= until, day, NEVER).astype(np.int32)
    if "purpose" not in book:
        return _earliest(customer, day, len(index)), np.full(len(index), NEVER, dtype=np.int32)
    purpose = book["purpose"].astype(object)
    met = purpose.isin([*lead_purposes, "inquiry"]).to_numpy()
    asked = (purpose == "inquiry").to_numpy(dtype=np.bool_, na_value=False)
    return (
        _earliest(customer[met], day[met], len(index)),
        _earliest(customer[asked], day[asked], len(index)),
    )


def _earliest(customer: Ints, day: Ints, size: int) -> Ints:
    first = np.full(size, NEVER, dtype=np.int32)
    np.minimum.at(first, customer, day)
    return first


def _quiet(
    accounts: object,
    index: pd.Index,
    until: int,
    quiet_products: tuple[str, ...],
    names: Names | None,
) -> tuple[Ints, Ints, Ints]:
    """Customer, opening and closing day of each account that may be quiet by its nature."""
    if accounts is None:
        empty = np.empty(0, dtype=np.int32)
        return empty, empty, empty
    book = check_frame(accounts, ACCOUNT_COLUMNS, frame="accounts", names=names)
    book = book[book["product"].astype(object).isin(quiet_products).to_numpy()]
    customer = positions(book["customer_id"], index, "accounts")
    closed = _days(book["closed_date"]) if "closed_date" in book else np.full(len(book), NEVER)
    return customer, _days(book["opened_date"]), closed.astype(np.int32)


class Windows:
    """Counts of the customers' own movements that roll from day to day, each movement met thrice.

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
