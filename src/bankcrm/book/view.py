"""The frames of a book as arrays: each column is read once, whichever function asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar, cast

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.arguments import as_mapping
from bankcrm.book.contract import CONTRACT, FRAMES
from bankcrm.book.model import Book
from bankcrm.errors import DataError
from bankcrm.frames import Column, as_frame, check_frame
from bankcrm.frames.arrays import (
    Numbers,
    SmallCodes,
    codes,
    distinct_values,
    is_whole_numbers,
    look_up,
    row_blocks,
    small_codes,
    whole_days,
)
from bankcrm.frames.instants import ZONE, local_day
from bankcrm.frames.numbering import Numbered, Positions, positions_in

DayNumbers: TypeAlias = npt.NDArray[np.int32]
Mask: TypeAlias = npt.NDArray[np.bool_]
WordCodes: TypeAlias = SmallCodes
Names: TypeAlias = Mapping[str, str]
T = TypeVar("T")

_MISSING = np.iinfo(np.int64).min
NEVER = np.int32(2**31 - 1)
"""The number of a missing day: later than every real day, so ``day <= as_of`` is false."""


def day_number(day: np.datetime64) -> int:
    """A day as days since 1970-01-01, as `FrameView.day` counts them.

    >>> day_number(np.datetime64("1970-02-01"))
    31
    """
    return int(day.astype("datetime64[D]").astype(np.int64))


def day_numbers(days: npt.NDArray[np.datetime64]) -> DayNumbers:
    """Days as int32 days since 1970-01-01; a missing day is `NEVER`.

    >>> day_numbers(np.array(["1970-01-02", "NaT"], "datetime64[D]")).tolist()
    [1, 2147483647]
    """
    found = np.empty(len(days), dtype=np.int32)
    for rows in row_blocks(len(days)):
        number = whole_days(days[rows]).view(np.int64)
        found[rows] = np.where(number == _MISSING, NEVER, number)
    return found


@attrs.frozen(eq=False)
class FrameView:
    """One checked frame, its columns as arrays that are made when first asked for and then kept.

    Attributes:
        frame: The checked frame.
        customers: The customers of the book, in order.
        accounts: The accounts of the book; made when first asked for.
        zone: The time zone in which an instant has its day.
    """

    frame: pd.DataFrame
    customers: pd.Index
    accounts: Callable[[], pd.Index]
    zone: str = ZONE
    _made: dict[tuple[str, str], Any] = attrs.field(factory=dict, init=False)

    def __len__(self) -> int:
        return len(self.frame)

    def has(self, *columns: str) -> bool:
        """Whether the frame has all of these columns."""
        return all(c in self.frame for c in columns)

    def customer(self, column: str = "customer_id") -> Positions:
        """The position of each row's customer, int32; -1 where it is missing or unknown."""
        return self._once(
            "customer", column, lambda: positions_in(self.frame[column], self.customers)
        )

    def keep_customers(self, column: str, place: Positions) -> None:
        """Keep positions that are known already, so that `customer` does not find them again."""
        self._made["customer", column] = place

    def account(self, column: str = "account_id") -> Positions:
        """The position of each row's account, int32; -1 where it is missing."""
        return self._once(
            "account", column, lambda: positions_in(self.frame[column], self.accounts())
        )

    def number_accounts(self, known: pd.Index) -> pd.Index:
        """The known accounts, and after them those that only this frame names.

        The positions of texts are kept on the way, for they take long to number.
        """
        ids = self.frame["account_id"]
        whole = is_whole_numbers(ids)
        code, distinct = (None, distinct_values(ids)) if whole else codes(ids)
        place = positions_in(pd.Series(distinct), known)
        more = place < 0
        if code is not None:
            place = np.where(more, len(known) + np.cumsum(more) - 1, place)
            self._made["account", "account_id"] = np.append(place, -1).astype(np.int32)[code]
        return _appended(known, distinct[more])

    def day(self, column: str) -> DayNumbers:
        """A date as int32 days since 1970-01-01, an instant as its local day; `NEVER` if missing.

        A column that the frame does not have is missing in every row.
        """
        return self._once("day", column, lambda: self._days(column))

    def words(self, column: str) -> tuple[WordCodes, pd.Index]:
        """The code of each row's word (-1 where missing), in small integers, and the words."""
        return self._once("words", column, lambda: small_codes(self.frame[column]))

    def is_any(self, column: str, words: Iterable[object]) -> Mask:
        """Which rows hold one of these words; none where the frame lacks the column."""
        if column not in self.frame:
            return np.zeros(len(self.frame), dtype=np.bool_)
        code, distinct = self.words(column)
        return look_up(np.append(distinct.isin(list(words)), False), code)

    def numbers(self, column: str) -> Numbers:
        """A column of numbers as float64; nan where missing, and everywhere without the column."""
        if column not in self.frame:
            return np.full(len(self.frame), np.nan)
        return self.frame[column].to_numpy(np.float64, na_value=np.nan)

    def where(self, rows: Mask) -> FrameView:
        """A view of some of the rows."""
        return FrameView(self.frame.loc[rows], self.customers, self.accounts, self.zone)

    def release(self) -> None:
        """Drop the arrays that were kept; asked for again, they are made again."""
        self._made.clear()

    def _days(self, column: str) -> DayNumbers:
        if column not in self.frame:
            return np.full(len(self.frame), NEVER)
        values = self.frame[column]
        if isinstance(values.dtype, pd.DatetimeTZDtype):
            return day_numbers(local_day(values, self.zone))
        return day_numbers(values.to_numpy())

    def once(self, what: str, make: Callable[[], T]) -> T:
        """What a function makes of this frame; it is made when first asked for, and then kept."""
        return self._once(what, "", make)

    def forget(self, what: str) -> None:
        """Drop what was kept by `once`; asked for again, it is made again."""
        self._made.pop((what, ""), None)

    def _once(self, what: str, column: str, make: Callable[[], T]) -> T:
        key = what, column
        if key not in self._made:
            self._made[key] = make()
        return cast("T", self._made[key])


@attrs.frozen(eq=False)
class BookView:
    """The checked frames of a book, by name. A frame that the book does not record is not there.

    A frame is *recorded* where the book has a row of it. Of a recorded frame even the absence of
    rows is an answer: the customer has no complaint, and not an unknown number of complaints.

    Attributes:
        customers: The customers in order.
        frames: The recorded frames by name.
        zone: The time zone in which an instant has its day.
    """

    customers: pd.Index
    frames: Mapping[str, FrameView]
    zone: str = ZONE
    _accounts: list[pd.Index] = attrs.field(factory=list, init=False)

    def __getitem__(self, name: str) -> FrameView:
        if name not in self.frames:
            raise DataError(f"{name}: the book has no such frame; it has {', '.join(self.frames)}")
        return self.frames[name]

    def get(self, name: str, *columns: str) -> FrameView | None:
        """A recorded frame that has these columns; else None."""
        frame = self.frames.get(name)
        return frame if frame is not None and frame.has(*columns) else None

    @property
    def size(self) -> int:
        """The number of customers."""
        return len(self.customers)

    def accounts(self) -> pd.Index:
        """Every account that a frame names, each once: those of ``accounts`` first."""
        if not self._accounts:
            order = ("accounts", "balances", "transactions", "loans")
            found = pd.Index([], dtype=np.int64)
            for frame in (f for n in order if (f := self.get(n, "account_id"))):
                found = frame.number_accounts(found)
            self._accounts.append(found)
        return self._accounts[0]

    def release(self, names: Iterable[str]) -> None:
        """Drop the arrays kept of these frames."""
        for name in names:
            if name in self.frames:
                self.frames[name].release()


def book_view(book: Book, *, recorded: Iterable[str] | None = None, zone: str = ZONE) -> BookView:
    """The view of a checked book.

    Args:
        book: A book from `Book.check`.
        recorded: The frames that the whole book records, where this one is a part of its
            customers; by default those that have a row here.
        zone: The bank's time zone.
    """
    rows = {n for n, f in book.frames().items() if len(f)}
    names = {"customers", *(rows if recorded is None else recorded)}
    return _view({n: book.frame(n) for n in FRAMES if n in names}, zone, book._numbered)


@attrs.frozen
class Needs:
    """The columns of one frame that a function reads.

    Attributes:
        required: Columns that must be there.
        optional: Columns that are read where they are there.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


def view_of(
    frames: Mapping[str, object],
    needs: Mapping[str, Needs],
    *,
    names: Mapping[str, Names] | None = None,
    zone: str = ZONE,
) -> BookView:
    """Check the frames that a function was given against the contract of a book, and view them.

    Words are not held to the library's vocabulary, but for those of ``customers``: a bank may have
    kinds and products of its own. Without ``customers``, those of the other frames are numbered.

    Args:
        frames: Frames by name; None stands for a frame that was not given.
        needs: The columns of each frame that are read.
        names: Frame name -> {canonical column: the caller's column}.
        zone: The bank's time zone.

    Raises:
        DataError: A frame does not fit the contract, or names a customer who is not in
            ``customers``.

    >>> moves = pd.DataFrame({"customer_id": [7], "date": pd.to_datetime(["2026-03-01"])})
    >>> needs = {"transactions": Needs(("customer_id", "date"))}
    >>> view_of({"transactions": moves}, needs)["transactions"].customer().tolist()
    [0]
    """
    renames = as_mapping(names, "names", "a mapping of frame to its names")
    checked = {
        name: check_frame(
            as_frame(frame),
            _contract(name, needs[name]),
            frame=name,
            names=renames.get(name),
            key="customer_id" if name == "customers" else (),
        )
        for name, frame in frames.items()
        if frame is not None
    }
    view = _view(checked, zone)
    for name, frame in view.frames.items():
        if "customers" in checked and name != "customers" and frame.has("customer_id"):
            _refuse_unknown(name, frame.frame["customer_id"], frame.customer())
    return view


def _contract(name: str, needs: Needs) -> tuple[Column, ...]:
    """The contract's columns that a function reads, those that it requires being compulsory."""
    columns = {c.name: c for c in CONTRACT[name]}
    found = []
    for column in (*needs.required, *needs.optional):
        choices = columns[column].choices if name == "customers" else ()
        required = column in needs.required
        found.append(attrs.evolve(columns[column], required=required, choices=choices))
    return tuple(found)


def known_positions(ids: pd.Series, customers: pd.Index, frame: str) -> Positions:
    """The position of each id among the customers; -1 where it is missing.

    Args:
        ids: Customer ids.
        customers: The customers, in order.
        frame: What to call the frame in errors.

    Raises:
        DataError: Some ids are not among the customers.
    """
    place = positions_in(ids, customers)
    _refuse_unknown(frame, ids, place)
    return place


def _refuse_unknown(frame: str, ids: pd.Series, place: Positions) -> None:
    unknown = (place < 0) & ids.notna().to_numpy()
    if unknown.any():
        names = ids[unknown].drop_duplicates()
        raise DataError(
            f"{frame}.customer_id: {int(unknown.sum()):,} rows name {len(names):,} customers "
            f"who are not in customers ({few(names.tolist(), repr)}); add the customers or leave "
            "the rows out"
        )


def _view(
    frames: Mapping[str, pd.DataFrame],
    zone: str,
    numbered: Numbered | None = None,
) -> BookView:
    customers = _customers(frames).rename("customer_id")
    views: dict[str, FrameView] = {}
    view = BookView(customers, views, zone)
    views |= {n: FrameView(f, customers, view.accounts, zone) for n, f in frames.items()}
    for (name, column), place in (numbered or {}).items():
        if name in views:
            views[name].keep_customers(column, place)
    return view


def _customers(frames: Mapping[str, pd.DataFrame]) -> pd.Index:
    """The customers of a book; without their frame, those that the other frames name."""
    if "customers" in frames:
        ids: pd.Index = pd.Index(frames["customers"]["customer_id"])
        return ids
    found = pd.Index([], dtype=np.int64)
    for frame in frames.values():
        more = distinct_values(frame["customer_id"])
        found = _appended(found, more[~more.isin(found)])
    return found


def _appended(ids: pd.Index, more: pd.Index) -> pd.Index:
    """Some ids and more of them; an empty index has no type of its own."""
    if not len(ids) or not len(more):
        return ids if len(ids) else more
    if more.dtype != ids.dtype:  # pandas makes floats of int64 and uint64
        ids, more = ids.astype(object), more.astype(object)
    return ids.append(more)
