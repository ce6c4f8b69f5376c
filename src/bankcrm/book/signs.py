"""Counts of a book's rows by day, value and size, by which its oddities are judged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.book.contract import CONTRACT, DATED_BY
from bankcrm.book.view import NEVER, BookView, DayNumbers, FrameView, Mask
from bankcrm.frames.arrays import Codes, Numbers, row_blocks

SIGNS = ("sign", "frame", "column", "group", "place", "rows", "low", "high")
"""The columns of `signs_of`; those of several parts of a book are joined below one another."""
BINS = 20
"""Sizes of an amount per power of ten."""

_AMOUNTS = {"transactions": "amount", "balances": "balance"}
_MEASURED = ("money", "number", "integer", "date", "instant")


def signs_of(view: BookView) -> pd.DataFrame:
    """What the oddities of a book are judged by: counts that add up over parts of its customers.

    Args:
        view: The view of a checked book, or of some of its customers.

    Returns:
        One row per sign, with the columns of `SIGNS`: rows by day, how many of them repeat
        another row, the least and greatest value of each column, and rows by size of amount.
    """
    found: list[tuple[Any, ...]] = []
    for name, frame in view.frames.items():
        found += _values(name, frame)
        if name in DATED_BY and frame.has(DATED_BY[name]):
            dates = _Dates.of(frame.day(DATED_BY[name]))
            found += _days(name, frame, dates)
            if name in _AMOUNTS:
                found += _sizes(name, frame, dates)
    found += _shared_accounts(view)
    signs = pd.DataFrame(found, columns=list(SIGNS))
    return signs.astype({"place": "int64", "rows": "int64", "low": "float64", "high": "float64"})


@attrs.frozen(eq=False)
class _Dates:
    """The days of a frame's rows.

    Attributes:
        day: The day of each row, `NEVER` where it is missing.
        first: The first day.
        number: The rows of each day from the first one on; at last those without a day.
    """

    day: DayNumbers
    first: int
    number: npt.NDArray[np.int64]

    @classmethod
    def of(cls, day: DayNumbers) -> _Dates:
        last = day.max(initial=0)
        known = day[day < NEVER] if last == NEVER else day
        first = int(known.min()) if len(known) else 0
        span = int(known.max()) - first + 1 if len(known) else 0
        found = cls(day, first, np.zeros(span + 1, dtype=np.int64))
        for rows in row_blocks(len(day)):
            np.add.at(found.number, found.since(rows), 1)
        return found

    def since(self, rows: slice | Mask) -> Codes:
        """The days of some rows, counted from the first; its own number where one is missing."""
        offset = np.subtract(self.day[rows], self.first, dtype=np.intp)
        return np.minimum(offset, len(self.number) - 1)

    def present(self) -> Codes:
        """The days that some row has, counted from the first."""
        return np.flatnonzero(self.number[:-1])


def _days(name: str, frame: FrameView, dates: _Dates) -> Iterator[tuple[Any, ...]]:
    """Rows by day, and how many of them repeat an earlier row (``low``)."""
    repeats = np.zeros_like(dates.number)
    if name == "transactions":
        np.add.at(repeats, dates.since(_repeats(frame)), 1)
    days = dates.present()
    for place, n, again in zip(
        (days + dates.first).tolist(), dates.number[days].tolist(), repeats[days].tolist(),
        strict=True,
    ):  # fmt: skip
        yield "day", name, DATED_BY[name], "", place, n, again, 0.0


def _repeats(moves: FrameView) -> Mask:
    """Which rows equal an earlier one in every column but the number of the transaction."""
    found = np.zeros(len(moves), dtype=np.bool_)
    amount, day, customer = moves.numbers("amount"), moves.day("date"), moves.customer()
    mixed = np.empty(len(moves), dtype=np.uint32)
    for rows in row_blocks(len(moves)):
        part = (amount[rows] + 0.0).view(np.uint64)  # 0.0 and -0.0 are one amount
        part *= np.uint64(0x9E3779B97F4A7C15)
        part ^= day[rows].astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
        part ^= customer[rows].astype(np.uint64) * np.uint64(0x165667B19E3779F9)
        mixed[rows] = part >> np.uint64(32)
    ordered = np.sort(mixed)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    # Only these few rows are compared in all columns.
    alike = np.flatnonzero(pd.Series(mixed, copy=False).isin(twice))
    columns = [c for c in moves.frame if c != "transaction_id"]
    found[alike] = moves.frame[columns].iloc[alike].duplicated().to_numpy()
    return found


def _values(name: str, frame: FrameView) -> Iterator[tuple[Any, ...]]:
    """The least and the greatest value of each measured column, and the rows that have one."""
    for column in CONTRACT[name]:
        if column.name not in frame.frame or column.kind not in _MEASURED:
            continue
        values: npt.NDArray[Any]
        if column.kind in ("date", "instant"):
            day = frame.day(column.name)
            values, some = day, day < NEVER
        else:
            values = frame.numbers(column.name)
            some = ~np.isnan(values)
        if not some.all():
            values = values[some]
        if len(values):
            yield "value", name, column.name, "", 0, len(values), values.min(), values.max()


def _sizes(name: str, frame: FrameView, dates: _Dates) -> Iterator[tuple[Any, ...]]:
    """Rows by size of the amount, whole ones and whole hundreds of them, by month and product."""
    column = _AMOUNTS[name]
    size = _sized(frame.numbers(column), dates.day)
    if not len(size):
        return
    least = int(size.min()) // 4
    wide = 4 * (int(size.max()) // 4 - least + 1)
    months, month = _months(dates)
    groups: dict[str, tuple[Callable[[slice], Codes], Iterable[Any]]] = {
        "month": (lambda rows: month[dates.since(rows)], months.tolist())
    }
    if frame.has("product"):
        code, words = frame.words("product")
        groups["product"] = (lambda rows: code[rows].astype(np.intp), words)
    for by, (group_of, names) in groups.items():
        labels = [str(n) for n in names]
        cells = np.zeros((len(labels) + 1) * wide, dtype=np.int64)  # rows without a group first
        for rows in row_blocks(len(size)):
            cell = (group_of(rows) + 1) * wide + size[rows]
            np.add.at(cells, cell - 4 * least, 1)
        counts = cells.reshape(len(labels) + 1, wide // 4, 4)[1:, :, :3]
        group, at = np.nonzero(counts.any(axis=2))
        for g, place, (cents, uneven, even) in zip(
            group.tolist(), (at + least).tolist(), counts[group, at].tolist(), strict=True
        ):
            whole = uneven + even
            yield by, name, column, labels[g], place, cents + whole, whole, even


def _sized(values: Numbers, day: DayNumbers) -> npt.NDArray[np.int16]:
    """Four times the size of each amount, plus its kind.

    Kind 0 has cents, 1 is whole, 2 is in whole hundreds, 3 does not count.
    """
    found = np.empty(len(values), dtype=np.int16)
    for rows in row_blocks(len(values)):
        amount = np.abs(values[rows])
        none = ~((amount > 0) & (day[rows] < NEVER))
        amount[none] = 1.0
        whole = amount == np.floor(amount)
        kind = whole.astype(np.int16)
        kind[whole] += amount[whole] % 100 == 0
        kind[none] = 3
        # The natural logarithm takes a third of the time of log10; 1, 10, 100 begin their bins.
        size = np.floor(np.log(amount) * (BINS / math.log(10)) + 1e-9)
        found[rows] = 4 * size.astype(np.int16) + kind
    return found


def _months(dates: _Dates) -> tuple[Codes, Codes]:
    """The months, counted from 1970-01, and the code of the month of each day; -1 for none."""
    days = dates.present()
    month = (days + dates.first).astype("datetime64[D]").astype("datetime64[M]")
    months, code = np.unique(month.astype(np.int64), return_inverse=True)
    found = np.full(len(dates.number), -1, dtype=np.intp)
    found[days] = code
    return months, found


def _shared_accounts(view: BookView) -> Iterator[tuple[Any, ...]]:
    """Rows of accounts that the frames give to several customers."""
    frames = {n: f for n in ("accounts", "transactions", "balances", "loans")
              if (f := view.get(n, "account_id", "customer_id")) is not None}  # fmt: skip
    if not frames:
        return
    owner = np.full(len(view.accounts()) + 1, -1, np.int32)  # the last is that of no account
    for frame in frames.values():
        for rows in row_blocks(len(frame)):
            account, customer = frame.account()[rows], frame.customer()[rows]
            known = customer >= 0
            owner[account[known]] = customer[known]
    several = np.zeros(len(owner), np.bool_)
    for frame in frames.values():
        for rows in row_blocks(len(frame)):
            account, customer = frame.account()[rows], frame.customer()[rows]
            several[account[(owner[account] != customer) & (customer >= 0)]] = True
    several[-1] = False
    for name, frame in frames.items():
        count = int(several[frame.account()].sum()) if several.any() else 0
        if count:
            examples = few(view.accounts()[several[:-1]])
            yield "several", name, "account_id", examples, 0, count, 0.0, 0.0
