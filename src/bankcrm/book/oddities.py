"""Signs that a book is stale or odd, though each of its rows fits the contract."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any, cast

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few, first_few
from bankcrm.book.contract import CONTRACT, DATED_BY
from bankcrm.book.view import NEVER, BookView, DayNumbers, FrameView, Mask, day_number
from bankcrm.frames import DataFault
from bankcrm.frames.arrays import Codes, Numbers, row_blocks
from bankcrm.policy import Policy

SIGNS = ("sign", "frame", "column", "group", "place", "rows", "low", "high")
"""The columns of `signs_of`; those of several parts of a book are joined below one another."""

_FLOWS = ("transactions", "balances", "contacts", "complaints")  # frames that go on all the time
_AMOUNTS = {"transactions": "amount", "balances": "balance"}
_MEASURED = ("money", "number", "integer", "date", "instant")
_BIN = 20  # bins of the size of an amount per power of ten
_GAPS = 3  # a frame has ended when it pauses so many times as long as ever before
_UNITS = (2.0, 3.0)  # hundreds and thousands, as powers of ten
_NEAR = 0.35  # of a power of ten: typical sizes of one unit differ by less than about 2
_ALIKE = 1.0  # the other months lie within ten times of each other


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


def oddities(signs: pd.DataFrame, day: date, policy: Policy) -> list[DataFault]:
    """What is odd about a book, as findings.

    Args:
        signs: From `signs_of`, of the whole book or of all its parts.
        day: The day of the review.
        policy: The policy ``bank``, whose ``stale_after_days``, ``frames_apart_days``,
            ``odd_rows`` and ``repeated_share`` are the limits.

    Returns:
        Findings with the problems ``stale``, ``ends_early``, ``constant``,
        ``several_customers``, ``repeated_rows`` and ``another_unit``.

    >>> from bankcrm.policy import default_policy
    >>> days = [("day", "transactions", "date", "", 17956, 2, 0.0, 0.0)]
    >>> signs = pd.DataFrame(days, columns=list(SIGNS))
    >>> [f.problem for f in oddities(signs, date(2026, 6, 30), default_policy("bank"))]
    ['stale']
    """
    return [
        *_stale(signs, day, policy),
        *_ended(signs, policy),
        *_constant(signs, policy),
        *_several_customers(signs),
        *_repeated(signs, policy),
        *_other_units(signs, policy),
    ]


def period_of(signs: pd.DataFrame) -> tuple[str | None, str | None]:
    """The first and the last day of the transactions; None where there is none.

    >>> period_of(pd.DataFrame([], columns=list(SIGNS)))
    (None, None)
    """
    moves = signs[(signs["sign"] == "day") & (signs["frame"] == "transactions")]
    if not len(moves):
        return None, None
    return _day(int(moves["place"].min())), _day(int(moves["place"].max()))


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
        counts = cells.reshape(len(labels) + 1, -1, 4)[1:, :, :3]
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
        size = np.floor(np.log(amount) * (_BIN / math.log(10)) + 1e-9)
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


def _stale(signs: pd.DataFrame, day: date, policy: Policy) -> Iterator[DataFault]:
    moves = signs[(signs["sign"] == "day") & (signs["frame"] == "transactions")]
    limit = policy.value("stale_after_days")
    if not len(moves):
        return
    last = int(moves["place"].max())
    idle = day_number(np.datetime64(day)) - last
    if idle > limit:
        yield DataFault(
            "transactions",
            "date",
            "stale",
            int(moves["rows"].sum()),
            (f"last movement {_day(last)}",),
            f"movements up to {limit:g} days before {day}, not {idle:,}",
            "give newer records, or review as of an earlier day",
        )


def _ended(signs: pd.DataFrame, policy: Policy) -> Iterator[DataFault]:
    """Frames that end long before the others, and not because they pause as they always did."""
    flows = signs[(signs["sign"] == "day") & signs["frame"].isin(_FLOWS)]
    if not len(flows):
        return
    latest = int(flows["place"].max())
    for (name,), rows in _grouped(flows, "frame"):
        days = np.unique(rows["place"].to_numpy())
        pause = int(np.diff(days).max()) if len(days) > 1 else 0
        behind = latest - int(days[-1])
        limit = max(policy.value("frames_apart_days"), _GAPS * pause)
        if behind > limit and rows["rows"].sum() >= policy.value("odd_rows"):
            yield DataFault(
                name,
                DATED_BY[name],
                "ends_early",
                int(rows["rows"].sum()),
                (f"last row {_day(days[-1])}",),
                f"rows up to about {_day(latest)}, where the other frames end",
                "give the rest of the frame, or review as of an earlier day",
            )


def _constant(signs: pd.DataFrame, policy: Policy) -> Iterator[DataFault]:
    known = {(n, c.name): c for n, columns in CONTRACT.items() for c in columns}
    values = signs[signs["sign"] == "value"]
    for (name, column), rows in _grouped(values, "frame", "column"):
        count, low = int(rows["rows"].sum()), rows["low"].min()
        if count < policy.value("odd_rows") or low < rows["high"].max():
            continue
        contract = known[name, column]
        shown = _day(int(low)) if contract.kind in ("date", "instant") else f"{low:g}"
        examples = () if contract.personal else (shown,)
        advice = "check whether the value stands for one that is not known"
        yield DataFault(name, column, "constant", count, examples, "values that differ", advice)


def _several_customers(signs: pd.DataFrame) -> Iterator[DataFault]:
    several = signs[signs["sign"] == "several"]
    for (name, column), rows in _grouped(several, "frame", "column"):
        yield DataFault(
            name,
            column,
            "several_customers",
            int(rows["rows"].sum()),
            (rows["group"].iloc[0],),
            "one customer for each account, in all frames",
            "correct the rows, or check whether two systems number their accounts alike",
        )


def _repeated(signs: pd.DataFrame, policy: Policy) -> Iterator[DataFault]:
    """Rows that are there twice: a notable share of all, or half of a day as if loaded twice."""
    moves = signs[(signs["sign"] == "day") & (signs["frame"] == "transactions")]
    days = moves.groupby("place")[["rows", "low"]].sum()
    doubled = (days["rows"] >= policy.value("odd_rows")) & (2 * days["low"] >= days["rows"])
    repeats, rows = days["low"].sum(), days["rows"].sum()
    if doubled.any() or (
        repeats >= policy.value("odd_rows") and repeats >= policy.value("repeated_share") * rows
    ):
        shown = days.index[doubled] if doubled.any() else days.index[days["low"] > 0]
        yield DataFault(
            "transactions",
            "",
            "repeated_rows",
            int(repeats),
            first_few(shown, _day),
            "rows that differ in more than their number",
            "check whether a file was loaded twice; the rows are kept",
        )


def _other_units(signs: pd.DataFrame, policy: Policy) -> Iterator[DataFault]:
    sized = signs[signs["sign"].isin(("month", "product"))]
    for (by, name, column), rows in _grouped(sized, "sign", "frame", "column"):
        groups = _typical(rows, int(policy.value("odd_rows")))
        odd = _other_months(groups) if by == "month" else _other_products(groups)
        for group, usual in odd:
            label = _month(group) if by == "month" else group
            yield DataFault(
                name,
                column,
                "another_unit",
                int(groups["rows"][group]),
                (f"{by} {label}: typically {10 ** float(groups['size'][group]):,.4g}",),
                f"amounts of about {10**usual:,.4g}, as in the other {by}s",
                "check whether these amounts are in cents or thousands",
            )


def _typical(rows: pd.DataFrame, fewest: int) -> pd.DataFrame:
    """Rows, median size (a power of ten) and share of whole and even amounts of each group."""
    sums = rows.groupby(["group", "place"])[["rows", "low", "high"]].sum().reset_index()
    total = sums.groupby("group")[["rows", "low", "high"]].sum()
    half = sums.groupby("group")["rows"].cumsum() * 2 >= sums["group"].map(total["rows"])
    median = (sums[half].groupby("group")["place"].first() + 0.5) / _BIN
    found = total.assign(size=median, whole=total["low"] / total["rows"])
    found["even"] = total["high"] / total["rows"]
    return found[found["rows"] >= fewest]


def _other_months(groups: pd.DataFrame) -> Iterator[tuple[str, float]]:
    """Months a hundred or a thousand times as large or small as the others, which are alike."""
    size = groups["size"]
    usual = float(size.median())
    away = (size - usual).abs()
    odd = away > _ALIKE
    near = np.min([np.abs(away - unit) for unit in _UNITS], axis=0) < _NEAR
    if len(size) >= 3 and (odd.sum() * 2 < len(size)) and (near | ~odd).all():
        yield from ((str(g), usual) for g in groups.index[odd])


def _other_products(groups: pd.DataFrame) -> Iterator[tuple[str, float]]:
    """Products whose amounts are all whole, uneven and large, where the others have cents.

    Products differ in size by nature, so the size alone says nothing: amounts in cents are whole
    numbers whose last two digits are as varied as the cents of the others.
    """
    cents = (groups["whole"] == 1) & (groups["even"] < 0.1)
    others = groups[~cents]
    if not len(others) or (others["whole"] > 0.5).any():
        return
    usual = float(others["size"].median())
    for group, size in groups.loc[cents, "size"].items():
        if size > usual + 1:
            yield str(group), usual


def _grouped(signs: pd.DataFrame, *by: str) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    for key, rows in signs.groupby(list(by), sort=False):
        yield tuple(str(k) for k in cast("tuple[str, ...]", key)), rows


def _day(number: int | np.integer[Any]) -> str:
    return str(np.datetime64(int(number), "D"))


def _month(number: str) -> str:
    return str(np.datetime64(int(number), "M"))
