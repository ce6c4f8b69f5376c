"""Recency, frequency and monetary value of each customer, as of a day (EB-3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias, get_args

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import as_choice, as_whole_number
from bankcrm.errors import DataError
from bankcrm.frames import Column, DataFault, as_frame, check_frame
from bankcrm.frames.arrays import (
    Codes,
    as_of_day,
    codes,
    days,
    is_whole_numbers,
    numbers,
    row_blocks,
)
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.conversion import require_columns
from bankcrm.frames.findings import raise_faults, with_findings
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.segmentation.rfm.sums import NO_TICK, Mask, Movements, Sums, count_days, sums_of

Count: TypeAlias = Literal["rows", "days"]
Value: TypeAlias = Literal["sum", "mean"]
Refunds: TypeAlias = Literal["count", "net", "refuse"]
Zeros: TypeAlias = Literal["keep", "leave_out", "refuse"]

_Dates: TypeAlias = npt.NDArray[np.datetime64]
_FRAME = "transactions"


@attrs.frozen
class _Extremes:
    """The least and greatest of each column, found in one pass."""

    code: int
    first: int
    last: int
    least: float
    finite: bool


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
    ``frame.attrs["left_out"]`` and reported as findings (see
    `bankcrm.frames.findings_of`); nothing else is dropped.
    Sums are rounded to a ten-thousandth of the currency unit, so the order of rows never matters.

    Args:
        transactions: One row per movement: customer, day and signed amount; see `as_frame`.
        as_of: The day of the review; it still counts.
        customer: Column of the customer id.
        date: Column of the day (naive).
        amount: Column of the amount, in currency units.
        by: Column of a product line or customer group; gives one set of metrics for each.
        window: Days to look back, ``as_of`` included; None for the whole history.
        count: ``rows`` counts every movement, ``days`` each day once.
        value: ``sum`` of the amounts, or their ``mean`` for each counted row or day.
        refunds: Negative amounts: ``count`` counts them by their absolute value (a bank's
            outgoing payments are business too), ``net`` subtracts them and counts no movement,
            ``refuse`` raises.
        zeros: Movements with the amount zero: ``keep``, ``leave_out`` or ``refuse``.
        own_only: Leave out what the bank books itself: the kinds in the policy's
            ``bank_made_kinds`` (interest, fees).
        kind: Column of the kind of movement, read if ``own_only``.
        policy: Segmentation policy; the library's default if None, read if ``own_only``.

    Returns:
        A frame indexed by ``customer_id`` (and by ``by``) in ascending order: ``recency_days``
        (int64, days since the last counted movement), ``frequency`` (int64) and ``monetary``
        (float64). A customer without a counted movement is not in it.

    Raises:
        DataError: Columns are missing or of the wrong type, values are null or not finite, ids
            are blank or not exact, or something is refused; one error lists all of them.

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
    today = as_of_day(as_of)
    as_choice(count, get_args(Count), "count")
    as_choice(value, get_args(Value), "value")
    as_choice(refunds, get_args(Refunds), "refunds")
    as_choice(zeros, get_args(Zeros), "zeros")
    if window is not None:
        window = as_whole_number(window, "window", 1)
    frame = as_frame(transactions)
    needed = [customer, date, amount, *([by] if by else []), *([kind] if own_only else [])]
    require_columns(frame, needed, _FRAME, "name yours with customer=, date=, amount=")
    code, ids = _number_customers(frame[customer], customer)
    dates = _dates(frame[date], date)
    moves = Movements(code, dates.view(np.int64), numbers(frame[amount], amount))
    group, groups = codes(frame[by]) if by else (None, pd.Index([""]))
    seen = _extremes(moves)
    _refuse_nulls(frame, moves, seen, needed, group)

    reasons = _left_out(moves, seen, dates.dtype, today, (date, amount), window, zeros, refunds)
    if own_only:
        made = policy_of(policy, "segmentation").value("bank_made_kinds")
        not_own = frame[kind].isin(list(made)).to_numpy()
        reasons.append(_Reason("not_own", kind, not_own, "the customer's own movements"))
    out, faults = _rows_out(frame, reasons)

    if seen.least < 0:
        visit = moves.amount >= 0 if refunds == "net" else None
        moves = attrs.evolve(moves, visit=visit, absolute=refunds == "count")
    if group is not None:
        moves = attrs.evolve(moves, code=moves.code * len(groups) + group)
    if out is not None:
        moves = moves.where(~out)
    sums = sums_of(moves, len(ids) * len(groups))
    if count == "days":
        day = moves.tick.view(dates.dtype).astype("datetime64[D]").view(np.int64)
        sums = attrs.evolve(sums, visits=count_days(moves, day, len(sums.visits)))
    faults += _only_refunds(frame, amount, sums, moves, out)

    found = np.flatnonzero(sums.visits)
    at = found if len(found) < len(sums.visits) else slice(None)
    last = sums.last[at].view(dates.dtype).astype("datetime64[D]")
    visits, money = sums.visits[at], sums.money[at]
    columns = {
        "recency_days": (today - last).astype(np.int64),
        "frequency": visits,
        "monetary": money / visits if value == "mean" else money,
    }
    index = _index(ids, groups if by else None, at, by)
    result = pd.DataFrame(columns, index=index, copy=False)
    if not result.index.is_monotonic_increasing:
        result = result.sort_index()
    result.attrs["left_out"] = {f.problem: f.count for f in faults}
    return with_findings(result, faults)


def _number_customers(ids: pd.Series, name: str) -> tuple[Codes, pd.Index]:
    """Number the customers; small whole numbers are their own code.

    The index may have ids that no row has, and need not be in order.
    """
    if not (is_whole_numbers(ids) and len(ids)):
        code, index = codes(ids)
        return code, _checked_ids(index, ids, name)
    values = ids.to_numpy().astype(np.int64, copy=False)
    lowest, highest = int(values.min()), int(values.max())
    if lowest >= 0 and highest <= len(values):
        return values.astype(np.intp, copy=False), pd.RangeIndex(highest + 1)
    code, distinct = pd.factorize(values)
    return code.astype(np.intp, copy=False), pd.Index(distinct)


def _checked_ids(distinct: pd.Index, ids: pd.Series, name: str) -> pd.Index:
    """The distinct ids as every frame holds them; blank, mixed and inexact ones are refused."""
    columns = (Column(name, "id", nullable=True),)
    try:
        read = check_frame(pd.DataFrame({name: distinct}), columns, frame=_FRAME)
    except DataError:
        check_frame(ids.to_frame(name), columns, frame=_FRAME)  # counts and names the rows
        raise
    index: pd.Index = pd.Index(read[name])
    return index


def _dates(values: pd.Series, name: str) -> _Dates:
    """Naive dates in their own unit: only one date per customer is converted to days."""
    if isinstance(values.dtype, np.dtype) and values.dtype.kind == "M":
        return values.to_numpy()
    return days(values, name)


def _extremes(moves: Movements) -> _Extremes:
    found = []
    for rows in row_blocks(len(moves.code)):
        tick, amount = moves.tick[rows], moves.amount[rows]
        found.append((moves.code[rows].min(), tick.min(), tick.max(), amount.min(), amount.sum()))
    if not found:
        return _Extremes(0, 0, 0, 0.0, True)
    code, first, last, least, total = zip(*found, strict=True)
    # An infinite sum of finite amounts only costs a second look.
    finite = bool(np.isfinite(total).all())
    return _Extremes(min(code), min(first), max(last), min(least), finite)


def _refuse_nulls(
    frame: pd.DataFrame, moves: Movements, seen: _Extremes, needed: list[str], group: Codes | None
) -> None:
    """Refuse nulls and amounts that are not finite; one error lists them all."""
    checks: list[tuple[str, str, bool, Callable[[], Mask]]] = [
        (needed[0], "null", seen.code < 0, lambda: moves.code < 0),
        (needed[1], "null", seen.first == NO_TICK, lambda: moves.tick == NO_TICK),
        (needed[2], "not_finite", not seen.finite, lambda: ~np.isfinite(moves.amount)),
    ]
    if group is not None:
        checks.append((needed[3], "null", True, lambda: group < 0))
    advice = "reject such rows first with bankcrm.frames.screen_frame"
    raise_faults(
        [
            _fault(frame, problem, column, rows, "a value", advice)
            for column, problem, suspected, find in checks
            if suspected and (rows := find()).any()
        ]
    )


def _fault(
    frame: pd.DataFrame, problem: str, column: str, mask: Mask, expected: str, advice: str = ""
) -> DataFault:
    return fault_in_rows(_FRAME, column, problem, frame.index[mask], expected, advice)


@attrs.frozen(eq=False)
class _Reason:
    """Rows that an option leaves out, and why."""

    problem: str
    column: str
    rows: Mask
    expected: str


def _left_out(
    moves: Movements,
    seen: _Extremes,
    unit: np.dtype[np.datetime64],
    today: np.datetime64,
    names: tuple[str, str],
    window: int | None,
    zeros: Zeros,
    refunds: Refunds,
) -> list[_Reason]:
    """The rows that the options leave out; a row that an option refuses stops."""
    found: list[_Reason] = []
    if not len(moves.code):
        return found
    date, amount = names
    tomorrow = today + np.timedelta64(1, "D")
    end = int(tomorrow.astype(unit).astype(np.int64))
    if seen.last >= end:
        late = moves.tick >= end
        found.append(_Reason("after_as_of", date, late, f"dates up to {today}"))
    if window is not None:
        start = tomorrow - np.timedelta64(window, "D")
        early = moves.tick < int(start.astype(unit).astype(np.int64))
        found.append(_Reason("before_window", date, early, f"dates from {start} on"))
    if zeros != "keep":
        zero = moves.amount == 0
        _refuse(zeros == "refuse", zero, amount, "zero_amount", "zeros")
        found.append(_Reason("zero_amount", amount, zero, "amounts other than zero"))
    if refunds == "refuse":
        _refuse(True, moves.amount < 0, amount, "refund", "refunds")
    return found


def _rows_out(frame: pd.DataFrame, reasons: list[_Reason]) -> tuple[Mask | None, list[DataFault]]:
    """The rows that are left out, each for its first reason; None where no row is."""
    out: Mask | None = None
    faults = []
    for reason in reasons:
        rows = reason.rows if out is None else reason.rows & ~out
        if rows.any():
            faults.append(_fault(frame, reason.problem, reason.column, rows, reason.expected))
            out = rows if out is None else out | rows
    return out, faults


def _refuse(refused: bool, rows: Mask, amount: str, problem: str, option: str) -> None:
    if refused and rows.any():
        first = int(np.argmax(rows))
        raise DataError(
            f"{_FRAME}.{amount}: {problem} in {int(rows.sum()):,} rows (first at position "
            f"{first}); {option}='refuse' allows none"
        )


def _only_refunds(
    frame: pd.DataFrame, amount: str, sums: Sums, moves: Movements, out: Mask | None
) -> list[DataFault]:
    """The rows of customers who have refunds but no movement to measure."""
    if moves.visit is None:
        return []
    alone = sums.visits[moves.code] == 0
    if not alone.any():
        return []
    rows = np.zeros(len(frame), dtype=np.bool_)
    rows[slice(None) if out is None else ~out] = alone
    customers = len(np.unique(moves.code[alone]))
    advice = (
        "1 customer has only refunds and is not measured"
        if customers == 1
        else f"{customers:,} customers have only refunds and are not measured"
    )
    expected = "at least one movement of zero or more"
    return [_fault(frame, "only_refunds", amount, rows, expected, advice)]


def _index(
    ids: pd.Index, groups: pd.Index | None, at: npt.NDArray[np.intp] | slice, by: str | None
) -> pd.Index:
    if groups is None:
        return ids[at].rename("customer_id")
    pairs = np.arange(len(ids) * len(groups))[at]
    return pd.MultiIndex.from_arrays(
        [ids[pairs // len(groups)], groups[pairs % len(groups)]], names=["customer_id", by]
    )
