"""Last day, number and amount of the movements of each customer; the kernel of RFM."""

from __future__ import annotations

from typing import Any, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.book.view import FrameView, day_number
from bankcrm.frames.arrays import row_blocks
from bankcrm.policy import Policy

Mask: TypeAlias = npt.NDArray[np.bool_]
_Integers: TypeAlias = npt.NDArray[np.integer[Any]]
_Floats: TypeAlias = npt.NDArray[np.float64]
_Numbers: TypeAlias = npt.NDArray[np.int64]

NO_TICK = np.iinfo(np.int64).min


@attrs.frozen(eq=False)
class Movements:
    """The movements that count, as arrays with one entry per row.

    Attributes:
        code: The position of the customer (or of customer and group), not negative.
        tick: The date in a unit of the caller's choice.
        amount: The signed amount, in currency units.
        visit: Which rows count as a movement; None where every row does.
        absolute: Whether amounts are added by their absolute value.
    """

    code: _Integers
    tick: _Integers
    amount: _Floats
    visit: Mask | None = None
    absolute: bool = False

    def where(self, rows: Mask) -> Movements:
        """Some of the rows."""
        visit = None if self.visit is None else self.visit[rows]
        return attrs.evolve(
            self, code=self.code[rows], tick=self.tick[rows], amount=self.amount[rows], visit=visit
        )


@attrs.frozen(eq=False)
class Sums:
    """What the movements of each code add up to.

    Attributes:
        last: The greatest tick, int64; ``NO_TICK`` without a movement.
        visits: The number of movements, int64.
        money: The amounts added, rounded to a ten-thousandth of the currency unit, float64, so
            that the order of rows does not matter.
    """

    last: _Numbers
    visits: _Numbers
    money: _Floats


def sums_of(moves: Movements, size: int, counted: Mask | None = None) -> Sums:
    """The last tick, the number and the amount of the movements of each code.

    Args:
        moves: The movements.
        size: The number of codes.
        counted: Which rows are added; None: all of them.

    >>> moves = Movements(np.array([1, 1]), np.array([3, 9]), np.array([2.0, -5.0]), absolute=True)
    >>> found = sums_of(moves, 2)
    >>> found.last[1].item(), found.visits.tolist(), found.money.tolist()
    (9, [0, 2], [0.0, 7.0])
    """
    last = np.full(size, NO_TICK, dtype=np.int64)
    visits = np.zeros(size, dtype=np.int64)
    money = np.zeros(size)
    for rows in row_blocks(len(moves.code)):
        # Without a conversion of types numpy takes its fast path.
        code, tick, amount = moves.code[rows], moves.tick[rows], moves.amount[rows]
        visit = None if moves.visit is None else moves.visit[rows]
        if counted is not None:
            some = np.flatnonzero(counted[rows])
            code, tick, amount = code[some], tick[some], amount[some]
            visit = None if visit is None else visit[some]
        code, tick = code.astype(np.intp, copy=False), tick.astype(np.int64, copy=False)
        np.add.at(money, code, np.abs(amount) if moves.absolute else amount)
        if visit is not None:
            code, tick = code[visit], tick[visit]
        np.maximum.at(last, code, tick)
        np.add.at(visits, code, 1)
    return Sums(last, visits, money.round(4))


def count_days(moves: Movements, days: _Numbers, size: int) -> _Numbers:
    """The number of different days on which each code has a movement."""
    seen = slice(None) if moves.visit is None else moves.visit
    code, day = moves.code[seen], days[seen]
    if not len(code):
        return np.zeros(size, dtype=np.int64)
    first = int(day.min())
    span = int(day.max()) - first + 1
    # numpy sorts whole numbers several times faster than pandas hashes them.
    pairs = np.sort(code.astype(np.int64) * span + (day - first))
    fresh = np.append(True, pairs[1:] != pairs[:-1])
    counted = np.bincount(pairs[fresh] // span, minlength=size)
    return counted.astype(np.int64, copy=False)


def rfm_metrics_of(
    transactions: FrameView, *, as_of: np.datetime64, policy: Policy
) -> pd.DataFrame:
    """The metrics of `bankcrm.segmentation.rfm_metrics` from a checked frame, for a review.

    Every movement by ``as_of`` counts by its absolute amount, but for those that the bank makes
    itself (the policy's ``bank_made_kinds``) where the frame has the column ``kind``.

    Args:
        transactions: ``customer_id``, ``date``, ``amount`` and where known ``kind``.
        as_of: The day of the review; it still counts.
        policy: Segmentation policy.

    Returns:
        Index ``customer_id``, in the order of the view, of the customers with a counted movement:
        ``recency_days`` (int64), ``frequency`` (int64) and ``monetary`` (float64).

    Source: EB-3.

    >>> from bankcrm.book.view import Needs, view_of
    >>> from bankcrm.policy import default_policy
    >>> rows = pd.DataFrame({"customer_id": [7, 7, 9], "amount": [100.0, -40.0, 5.0],
    ...                      "date": pd.to_datetime(["2026-06-01", "2026-06-29", "2026-07-02"])})
    >>> needs = {"transactions": Needs(("customer_id", "date", "amount"), ("kind",))}
    >>> view = view_of({"transactions": rows}, needs)["transactions"]
    >>> day, policy = np.datetime64("2026-06-30"), default_policy("segmentation")
    >>> rfm_metrics_of(view, as_of=day, policy=policy).loc[7].tolist()
    [1.0, 2.0, 140.0]
    """
    today = day_number(as_of)
    code, day = transactions.customer(), transactions.day("date")
    moves = Movements(code, day, transactions.numbers("amount"), absolute=True)
    counted = (day <= today) & (code >= 0)
    if transactions.has("kind"):
        counted &= ~transactions.is_any("kind", policy.value("bank_made_kinds"))
    sums = sums_of(moves, len(transactions.customers), None if counted.all() else counted)
    found = np.flatnonzero(sums.visits)
    return pd.DataFrame(
        {
            "recency_days": today - sums.last[found],
            "frequency": sums.visits[found],
            "monetary": sums.money[found],
        },
        index=transactions.customers[found],
    )
