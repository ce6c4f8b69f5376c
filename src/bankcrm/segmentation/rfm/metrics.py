"""Recency, frequency and monetary value of each customer, as of a day (EB-3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.frames import DataFault, as_frame, as_of_day, codes, days, numbers
from bankcrm.policy import Policy, default_policy
from bankcrm.segmentation._codes import BLOCK, customer_codes, distinct_days
from bankcrm.segmentation._findings import stop, with_findings

Count: TypeAlias = Literal["rows", "days"]
Value: TypeAlias = Literal["sum", "mean"]
Refunds: TypeAlias = Literal["count", "net", "refuse"]
Zeros: TypeAlias = Literal["keep", "leave_out", "refuse"]

_Bools: TypeAlias = npt.NDArray[np.bool_]
_Ints: TypeAlias = npt.NDArray[np.int64]
_Floats: TypeAlias = npt.NDArray[np.float64]
_FRAME = "transactions"


@attrs.frozen
class _Moves:
    """The columns that count, as plain arrays of one length."""

    code: npt.NDArray[np.intp]
    date: npt.NDArray[np.datetime64]
    amount: _Floats
    visit: _Bools | None = None  # None: every row is a visit
    by_size: bool = False  # amounts count by their size

    def where(self, keep: _Bools) -> _Moves:
        visit = None if self.visit is None else self.visit[keep]
        return _Moves(self.code[keep], self.date[keep], self.amount[keep], visit, self.by_size)


class _Extremes(NamedTuple):
    """The least and greatest of each column, found in one pass."""

    code: int
    first: int
    last: int
    least: float
    finite: bool


class _Sums(NamedTuple):
    last: npt.NDArray[np.datetime64]
    visits: _Ints
    money: _Floats


def rfm_metrics(
    transactions: object,
    *,
    as_of: object,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    by: str | None = None,
    window: int | None = None,
    count: Count = "rows",
    value: Value = "sum",
    refunds: Refunds = "count",
    zeros: Zeros = "keep",
    own_only: bool = False,
    kind: str = "kind",
    policy: Policy | None = None,
) -> pd.DataFrame:
    """Measure each customer's recency, frequency and monetary value as of a day.

    Rows after ``as_of`` and whatever an option leaves out are counted in
    ``frame.attrs["left_out"]`` and told as findings (see `findings_of`); nothing else is dropped.
    Sums are rounded to a ten-thousandth of the currency unit, so the order of rows never matters.

    Args:
        transactions: A row a movement: customer, day and signed amount; see `as_frame`.
        as_of: The day of the review; it still counts.
        customer: Column of the customer id.
        date: Column of the day (naive).
        amount: Column of the amount, in currency units.
        by: Column of a product line or customer group; gives one set of metrics for each.
        window: Days to look back, ``as_of`` included; none looks back to the beginning.
        count: ``rows`` counts every movement, ``days`` each day once.
        value: ``sum`` of the amounts, or their ``mean`` for each counted row or day.
        refunds: Negative amounts: ``count`` takes them as movements of their size (a bank's
            outgoing payments are business too), ``net`` subtracts them and counts no movement,
            ``refuse`` stops.
        zeros: Movements of nothing: ``keep``, ``leave_out`` or ``refuse``.
        own_only: Leave out what the bank itself books: the kinds in the policy's
            ``bank_made_kinds`` (interest, fees).
        kind: Column of the kind of movement, read if ``own_only``.
        policy: Segmentation policy; the library's defaults if none, read if ``own_only``.

    Returns:
        A frame indexed by ``customer_id`` (and by ``by``) in rising order: ``recency_days``
        (int64, days since the last counted movement), ``frequency`` (int64) and ``monetary``
        (float64). A customer of whom nothing was counted is not in it.

    Raises:
        DataError: Columns are missing or of the wrong type, values are null or not finite, or
            something is refused; every fault is told.

    Source: EB-3.

    >>> moves = pd.DataFrame({
    ...     "customer_id": [7, 7, 9],
    ...     "date": pd.to_datetime(["2026-06-01", "2026-06-29", "2026-07-02"]),
    ...     "amount": [100.0, -40.0, 5.0],
    ... })
    >>> metrics = rfm_metrics(moves, as_of="2026-06-30")
    >>> metrics.loc[7].tolist(), metrics.attrs["left_out"]
    ([1.0, 2.0, 140.0], {'after_as_of': 1})
    """
    last = as_of_day(as_of)
    if window is not None and window < 1:
        raise DataError(f"window: {window} days; give at least 1, or none for the whole history")
    frame = as_frame(transactions)
    wanted = [customer, date, amount, *([by] if by else []), *([kind] if own_only else [])]
    _present(frame, wanted)
    code, ids = customer_codes(frame[customer])
    moves = _Moves(code, _dates(frame[date], date), numbers(frame[amount], amount))
    seen = _extremes(moves)
    group_code, groups = codes(frame[by]) if by else (None, pd.Index([]))
    _sound(frame, moves, seen, wanted, group_code)
    faults: list[DataFault] = []
    out: _Bools = np.zeros(0, dtype=np.bool_)
    reasons = _reasons(moves, seen, last, window, zeros, refunds, amount, date)
    if own_only:
        made = (policy or default_policy("segmentation")).value("bank_made_kinds")
        reasons.append(
            ("not_own", kind, frame[kind].isin(list(made)).to_numpy(), "the customer's own moves")
        )
    for problem, column, mask, expected in reasons:
        fresh = mask & ~out if len(out) else mask
        if fresh.any():
            faults.append(_fault(frame, problem, column, fresh, expected))
            out = out | fresh if len(out) else fresh
    if seen.least < 0:
        visit = moves.amount >= 0 if refunds == "net" else None
        moves = attrs.evolve(moves, visit=visit, by_size=refunds == "count")
    if group_code is not None:
        moves = attrs.evolve(moves, code=moves.code * len(groups) + group_code)
    if len(out):
        moves = moves.where(~out)
    size = len(ids) * (len(groups) if by else 1)
    sums = _sums(moves, size, count)
    result, unseen = _result(sums, ids, groups, by, last, value)
    if customers := _only_refunds(sums, moves, size):
        expected = "at least one movement of zero or more"
        faults.append(DataFault(_FRAME, amount, "only_refunds", customers, (), expected))
    left_out = {f.problem: f.count for f in faults}
    result.attrs["left_out"] = left_out
    return with_findings(result.sort_index() if unseen else result, faults)


def _present(frame: pd.DataFrame, wanted: list[str]) -> None:
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        there = ", ".join(map(str, frame.columns)) or "no column at all"
        raise DataError(
            f"{_FRAME}: missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"present: {there}; name yours with customer=, date=, amount="
        )


def _dates(values: pd.Series, name: str) -> npt.NDArray[np.datetime64]:
    """Naive dates in the unit they came in: only one a customer is converted to days."""
    if isinstance(values.dtype, np.dtype) and values.dtype.kind == "M":
        return values.to_numpy()
    return days(values, name)


def _extremes(moves: _Moves) -> _Extremes:
    found = []
    ticks = moves.date.view(np.int64)
    for start in range(0, len(ticks), BLOCK):
        rows = slice(start, start + BLOCK)
        tick, amount = ticks[rows], moves.amount[rows]
        found.append((moves.code[rows].min(), tick.min(), tick.max(), amount.min(), amount.sum()))
    if not found:
        return _Extremes(0, 0, 0, 0.0, True)
    code, first, last, least, total = zip(*found, strict=True)
    # An infinite sum of finite amounts only costs a second look.
    finite = bool(np.isfinite(total).all())
    return _Extremes(min(code), min(first), max(last), min(least), finite)


def _sound(
    frame: pd.DataFrame,
    moves: _Moves,
    seen: _Extremes,
    wanted: list[str],
    group: npt.NDArray[np.intp] | None,
) -> None:
    """Refuse nulls and amounts that are not finite, all at once."""
    checks: list[tuple[str, str, bool, Callable[[], _Bools]]] = [
        (wanted[0], "null", seen.code < 0, lambda: moves.code < 0),
        (wanted[1], "null", seen.first == _NAT, lambda: np.isnat(moves.date)),
        (wanted[2], "not_finite", not seen.finite, lambda: ~np.isfinite(moves.amount)),
    ]
    if group is not None:
        checks.append((wanted[3], "null", True, lambda: group < 0))
    faults = [
        _fault(frame, problem, column, mask, "a value", _SCREEN)
        for column, problem, suspect, find in checks
        if suspect and (mask := find()).any()
    ]
    stop(faults)


_NAT = np.iinfo(np.int64).min
_SCREEN = "set such rows aside first with bankcrm.frames.screen_frame"


def _fault(
    frame: pd.DataFrame, problem: str, column: str, mask: _Bools, expected: str, advice: str = ""
) -> DataFault:
    rows = np.flatnonzero(mask)
    examples = tuple(f"row {label}" for label in frame.index[rows[:5]])
    return DataFault(_FRAME, column, problem, len(rows), examples, expected, advice)


def _reasons(
    moves: _Moves,
    seen: _Extremes,
    last: np.datetime64,
    window: int | None,
    zeros: Zeros,
    refunds: Refunds,
    amount: str,
    date: str,
) -> list[tuple[str, str, _Bools, str]]:
    """Rows that an option leaves out, with the reason; a refused row stops."""
    found: list[tuple[str, str, _Bools, str]] = []
    if not len(moves.date):
        return found
    end = last + np.timedelta64(1, "D")
    if seen.last >= end.astype(moves.date.dtype).view(np.int64):
        found.append(("after_as_of", date, moves.date >= end, f"dates up to {last}"))
    if window is not None:
        start = end - np.timedelta64(window, "D")
        found.append(("before_window", date, moves.date < start, f"dates from {start} on"))
    if zeros != "keep":
        zero = moves.amount == 0
        _refuse(zeros == "refuse", zero, amount, "zero_amount", "zeros")
        found.append(("zero_amount", amount, zero, "amounts other than zero"))
    if refunds == "refuse":
        _refuse(True, moves.amount < 0, amount, "refund", "refunds")
    return found


def _refuse(refused: bool, mask: _Bools, amount: str, problem: str, option: str) -> None:
    if refused and mask.any():
        rows = np.flatnonzero(mask)
        raise DataError(
            f"{_FRAME}.{amount}: {problem} in {len(rows):,} rows (first at position {rows[0]}); "
            f"{option}='refuse' allows none"
        )


def _sums(moves: _Moves, size: int, count: Count) -> _Sums:
    """Last visit, visits and money of each code, in blocks that stay in the processor's cache."""
    latest = np.full(size, _NAT, dtype=np.int64)
    visits = np.zeros(size, dtype=np.int64)
    money = np.zeros(size)
    ticks = moves.date.view(np.int64)
    for start in range(0, len(ticks), BLOCK):
        rows = slice(start, start + BLOCK)
        code, tick = moves.code[rows], ticks[rows]
        amount = moves.amount[rows]
        np.add.at(money, code, np.abs(amount) if moves.by_size else amount)
        if moves.visit is not None:
            code, tick = code[moves.visit[rows]], tick[moves.visit[rows]]
        np.maximum.at(latest, code, tick)
        if count == "rows":
            np.add.at(visits, code, 1)
    if count == "days":
        seen = slice(None) if moves.visit is None else moves.visit
        days_seen = distinct_days(moves.code[seen], moves.date[seen])
        visits = np.bincount(days_seen, minlength=size).astype(np.int64, copy=False)
    last = latest.view(moves.date.dtype).astype("datetime64[D]")
    return _Sums(last, visits, money.round(4))


def _only_refunds(sums: _Sums, moves: _Moves, size: int) -> int:
    """How many have refunds but no movement to measure."""
    if moves.visit is None:
        return 0
    seen = np.bincount(moves.code, minlength=size) > 0
    return int((seen & (sums.visits == 0)).sum())


def _result(
    sums: _Sums,
    ids: pd.Index,
    groups: pd.Index,
    by: str | None,
    last: np.datetime64,
    value: Value,
) -> tuple[pd.DataFrame, bool]:
    at = np.flatnonzero(sums.visits > 0)
    whole = len(at) == len(sums.visits)
    visits = sums.visits if whole else sums.visits[at]
    money = sums.money if whole else sums.money[at]
    recency = (last - (sums.last if whole else sums.last[at])).astype(np.int64)
    if by is None:
        index = (ids if whole else ids[at]).rename("customer_id")
    else:
        index = pd.MultiIndex.from_arrays(
            [ids[at // len(groups)], groups[at % len(groups)]], names=["customer_id", by]
        )
    data = {
        "recency_days": recency,
        "frequency": visits,
        "monetary": money / visits if value == "mean" else money,
    }
    return pd.DataFrame(data, index=index, copy=False), not index.is_monotonic_increasing
