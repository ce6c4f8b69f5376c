"""The book: its frames and facts about the whole."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card, figures_of
from bankcrm.arguments import as_names, as_zone, refuse
from bankcrm.book.checks import later_customers, linked, no_customer, screened
from bankcrm.book.contract import CONTRACT, FRAMES, empty_frame
from bankcrm.book.known import not_yet_known
from bankcrm.book.mapping import BookMapping
from bankcrm.book.reading import mapped_frames
from bankcrm.book.unused import nearly_named
from bankcrm.errors import DataError
from bankcrm.frames import DataFault, as_frame
from bankcrm.frames.arrays import as_of_day
from bankcrm.frames.instants import ZONE
from bankcrm.frames.numbering import Numbered
from bankcrm.frames.readers import LastDay


def _optional_frame(data: object) -> pd.DataFrame | None:
    return None if data is None else as_frame(data)


def _optional_day(day: object) -> dt.date | None:
    if day is None:
        return None
    found: dt.date = as_of_day(day).astype(dt.date)
    return found


def _own(frames: Mapping[str, pd.DataFrame]) -> Mapping[str, pd.DataFrame]:
    return dict(frames)


def refuse_no_book(value: object, expected: str = "a Book") -> NoReturn:
    """Raise the error for an argument that is no book, with how to make one.

    Raises:
        DataError: Always.
    """
    if isinstance(value, str | Path):
        advice = f"read it first: read_book({str(value)!r})"
    elif isinstance(value, Mapping):
        advice = "unpack it: Book(**frames)"
    else:
        advice = "make one: Book(customers=..., transactions=...)"
    refuse("book", expected, value, advice)


_FIRST, _LAST = np.datetime64("1700-01-01"), np.datetime64("2200-12-31")  # as nanoseconds allow


@attrs.frozen(eq=False, repr=False)
class Book:
    """The records of a bank on one day: frames with the columns of `CONTRACT`.

    Only customers and transactions are required. A frame is pandas, or any object that supports the
    Arrow PyCapsule protocol. Nothing is checked until `check`.

    Attributes:
        customers: One row per customer.
        transactions: One row per transaction.
        accounts: One row per account.
        balances: One row per account and day.
        loans: One row per loan.
        contacts: One row per contact.
        complaints: One row per complaint.
        links: One row per link between two customers.
        credits: One row per credit of a customer, on or off the balance sheet.
        capital: The bank's capital, one row per day of its figures.
        consents: One row per statement of a customer on how the bank may contact them.
        as_of: The day of the records.
        name: The book's name.
        currency: Currency of the amounts (ISO 4217); empty where it is not known.
        seed: The seed of a synthetic book.
        presets: Policy presets that a review uses instead of the defaults, such as
            ``valuation/czk_1993``.
        note: A note for the reader, for example about what a conversion left out.
        rejected: Rows that `check` rejected, by frame, with the reason in the column ``fault``.
        mapping: How frames with other names, words or formats are read. It is applied when the book
            is made; the frames of the book then have the columns of the contract, and this is None.

    Raises:
        DataError: A frame is not a frame, or the mapping does not fit: all problems together.

    >>> people = pd.DataFrame({"cust": [1]})
    >>> moves = pd.DataFrame(
    ...     {"cust": [1], "day": ["05.01.2026"], "amt": ["1,200.50"], "code": ["S"]})
    >>> book = Book(people, moves, mapping=BookMapping.from_toml('''
    ... formats = { thousands = ",", dates = "%d.%m.%Y" }
    ... [customers]
    ... columns.customer_id = "cust"
    ... constants.kind = "person"
    ... [transactions]
    ... columns = { customer_id = "cust", date = "day", amount = "amt", kind = "code" }
    ... values.kind = { S = "salary" }
    ... '''))
    >>> book.transactions.iloc[0].astype(str).tolist()
    ['1', '2026-01-05 00:00:00', '1200.5', 'salary']
    """

    customers: pd.DataFrame = attrs.field(converter=as_frame)
    transactions: pd.DataFrame = attrs.field(converter=as_frame)
    accounts: pd.DataFrame | None = attrs.field(default=None, converter=_optional_frame)
    balances: pd.DataFrame | None = attrs.field(default=None, converter=_optional_frame)
    loans: pd.DataFrame | None = attrs.field(default=None, converter=_optional_frame)
    contacts: pd.DataFrame | None = attrs.field(default=None, converter=_optional_frame)
    complaints: pd.DataFrame | None = attrs.field(default=None, converter=_optional_frame)
    links: pd.DataFrame | None = attrs.field(default=None, converter=_optional_frame)
    credits: pd.DataFrame | None = attrs.field(default=None, converter=_optional_frame)
    capital: pd.DataFrame | None = attrs.field(default=None, converter=_optional_frame)
    consents: pd.DataFrame | None = attrs.field(default=None, converter=_optional_frame)
    as_of: dt.date | None = attrs.field(default=None, kw_only=True, converter=_optional_day)
    name: str = attrs.field(default="book", kw_only=True)
    currency: str = attrs.field(default="", kw_only=True)
    seed: int | None = attrs.field(default=None, kw_only=True)
    presets: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=as_names)
    note: str = attrs.field(default="", kw_only=True)
    rejected: Mapping[str, pd.DataFrame] = attrs.field(factory=dict, kw_only=True, converter=_own)
    mapping: BookMapping | None = attrs.field(default=None, kw_only=True)
    # The positions of customers that `check` found, for the view of the book that it gives.
    _numbered: Numbered = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        """Read named index levels as columns, and apply the mapping, if there is one."""
        for name, frame in self.frames().items():
            known = {c.name for c in CONTRACT[name]}
            levels = [n for n in frame.index.names if n in known and n not in frame.columns]
            if levels:
                object.__setattr__(self, name, frame.reset_index(levels))
        if self.mapping is None:
            return
        frames, note = mapped_frames(self.frames(), self.mapping)
        notes = [n for n in (self.note, note) if n]
        for name, value in {**frames, "note": "; ".join(notes), "mapping": None}.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        """Only the sizes, because a book contains personal data."""
        sizes = ", ".join(f"{name} {len(frame):,}" for name, frame in self.frames().items())
        return f"Book({self.name!r}, as_of={self.as_of}, {sizes})"

    def _repr_html_(self) -> str:
        """Only the sizes, as in ``repr``."""
        figures = figures_of(self, "as_of", "currency", "presets", "note")
        kept = {k: v for k, v in figures.items() if v != "-"}
        rows = [
            {"frame": name, "rows": len(frame), "rejected": len(self.rejected.get(name, ()))}
            for name, frame in self.frames().items()
        ]
        return card(f"Book {self.name}", kept, rows=rows)

    def frames(self) -> dict[str, pd.DataFrame]:
        """The frames of the book, by name; absent frames are left out."""
        found = {name: getattr(self, name) for name in FRAMES}
        return {name: frame for name, frame in found.items() if frame is not None}

    def frame(self, name: str) -> pd.DataFrame:
        """One frame; an empty frame with the columns of the contract if the book has none.

        Args:
            name: The name of the frame.

        Raises:
            UnknownNameError: A book has no frame of this name.
        """
        empty = empty_frame(name)
        frame: pd.DataFrame | None = getattr(self, name)
        return empty if frame is None else frame

    def check(
        self, as_of: object = None, *, zone: str = ZONE, part: bool = False
    ) -> tuple[Book, tuple[DataFault, ...]]:
        """Check the book, and restrict it to what is known on a day.

        A fault in a required column rejects the row (see `rejected`). A fault in an optional column
        leaves out the value and keeps the row. A date after ``as_of`` is a fault too: a later
        transaction is rejected, a later closing day is not known yet. A customer whose first date
        and first row are later does not exist yet, and is rejected as ``not_yet_known``. Rows of
        unknown customers are rejected, except complaints and links, which are kept and counted.

        Args:
            as_of: The day; by default the book's own.
            zone: The bank's time zone, in which the day of an instant is taken.
            part: Whether this is a part of a book, in which no customer may be left.

        Returns:
            The checked book (frames of canonical dtypes, each with the index 0, 1, 2 ...) and the
            faults. For each frame, rows in = rows kept + rows in ``rejected``.

        Raises:
            DataError: No day, no customer, a missing column, a wrong type or a duplicate customer.

        >>> book = Book(
        ...     pd.DataFrame({"customer_id": [1], "kind": ["person"]}),
        ...     pd.DataFrame(
        ...         {
        ...             "customer_id": [1, 2],
        ...             "date": pd.to_datetime(["2026-01-05", "2026-01-06"]),
        ...             "amount": [10.0, 20.0],
        ...             "kind": ["salary", "card"],
        ...         }
        ...     ),
        ... )
        >>> checked, faults = book.check("2026-06-30")
        >>> len(checked.transactions), faults[0].problem, len(checked.rejected["transactions"])
        (1, 'unknown_customer', 1)
        """
        if as_of is None and self.as_of is None:
            raise DataError(
                "as_of: the book has no day; pass one, such as check('2026-06-30') "
                "or --as-of 2026-06-30"
            )
        as_zone(zone)
        day = as_of_day(self.as_of if as_of is None else as_of)
        if not _FIRST <= day <= _LAST:
            raise DataError(f"as_of: {day} is out of range; give a day from {_FIRST} to {_LAST}")
        found: dict[str, pd.DataFrame] = {}
        rejected: dict[str, list[pd.DataFrame]] = {}
        found_faults: dict[str, list[DataFault]] = {}
        wrong: dict[str, str] = {}
        # The customers come last: the other frames say who is known on the day.
        later = pd.Series(dtype=object)
        for name, frame in reversed(self.frames().items()):
            away: list[pd.DataFrame] = []
            gone: list[DataFault] = []
            if name == "customers":
                late = not_yet_known(frame, found, rejected, LastDay(day, zone))
                away, gone = later_customers(frame, late, day)
                if away:
                    later, frame = away[0]["customer_id"], frame.loc[~late]
            try:
                found[name], rows, faulty = screened(name, frame, day, zone)
            except DataError as error:
                wrong[name] = str(error)
                continue
            rejected[name], found_faults[name] = away + rows, gone + faulty
        if wrong:
            raise DataError("\n".join(wrong[name] for name in reversed(wrong)))
        frames = {name: found[name] for name in reversed(found)}
        faults = [fault for name in frames for fault in found_faults[name]]
        if frames["customers"].empty and not part:
            raise no_customer(faults)
        unlinked, numbered = linked(frames, rejected, later)
        faults += unlinked
        faults += [] if part else nearly_named({n: f.columns for n, f in self.frames().items()})
        changes: dict[str, Any] = {
            name: frame.reset_index(drop=True) for name, frame in frames.items()
        }
        changes["rejected"] = {n: pd.concat(parts) for n, parts in rejected.items() if parts}
        checked = attrs.evolve(self, as_of=day, **changes)
        checked._numbered.update(numbered)
        return checked, tuple(faults)
