"""What is stale or odd about a book, though each of its rows fits the contract."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, cast

import numpy as np
import pandas as pd

from bankcrm._display import first_few
from bankcrm.book.contract import CONTRACT, DATED_BY
from bankcrm.book.signs import BINS
from bankcrm.book.view import day_number
from bankcrm.frames import DataFault
from bankcrm.policy import Policy

_FLOWS = ("transactions", "balances", "contacts", "complaints")  # frames that go on all the time
_GAPS = 3  # a frame has ended when it pauses so many times as long as ever before
_UNITS = (2.0, 3.0)  # hundreds and thousands, as powers of ten
_NEAR = 0.35  # of a power of ten: typical sizes of one unit differ by less than about 2
_ALIKE = 1.0  # the other months lie within ten times of each other


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

    >>> from bankcrm.book.signs import SIGNS
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

    >>> from bankcrm.book.signs import SIGNS
    >>> period_of(pd.DataFrame([], columns=list(SIGNS)))
    (None, None)
    """
    moves = signs[(signs["sign"] == "day") & (signs["frame"] == "transactions")]
    if not len(moves):
        return None, None
    return _day(int(moves["place"].min())), _day(int(moves["place"].max()))


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
    median = (sums[half].groupby("group")["place"].first() + 0.5) / BINS
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
    for key, rows in signs.groupby(list(by)):
        yield tuple(str(k) for k in cast("tuple[str, ...]", key)), rows


def _day(number: int | np.integer[Any]) -> str:
    return str(np.datetime64(int(number), "D"))


def _month(number: str) -> str:
    return str(np.datetime64(int(number), "M"))
