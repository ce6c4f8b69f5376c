"""The purchases of each customer: how many, over which time, and what they cost."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.frames import Column, as_frame
from bankcrm.frames.arrays import as_of_day, codes, days, numbers
from bankcrm.frames.check import type_faults
from bankcrm.frames.conversion import require_columns
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of

Integers = npt.NDArray[np.int64]
_COLUMNS = ("customer_id", "date", "amount")


def purchase_history(
    transactions: object, *, as_of: object, own_only: bool = False, policy: Policy | None = None
) -> pd.DataFrame:
    """The purchases of each customer up to a day, as the models of lifetime value read them.

    All purchases of one day are one purchase. A negative amount is a refund: it lowers the amounts
    and counts no purchase.

    Args:
        transactions: ``customer_id``, ``date`` and ``amount``; ``kind`` for ``own_only``.
        as_of: The last day that counts. Later rows are left out and counted in
            ``frame.attrs["left_out"]``.
        own_only: Leave out what the customer does not decide each time: what the bank books
            itself and standing orders.
        policy: Valuation policy, read for ``own_only``; the library's default if None.

    Returns:
        One row per customer with a purchase, indexed by ``customer_id`` in rising order:
        ``repeats`` (int64, purchases after the first), ``span_days`` (int64, from the first
        purchase to the last), ``age_days`` (int64, from the first purchase to ``as_of``),
        ``mean_amount`` (of the repeats; null without one), ``first_amount`` and ``total``.

    Raises:
        DataError: A column is missing, or a value is null or not finite.

    Source: Fader, Hardie and Lee (2005); EB-3.

    >>> rows = pd.DataFrame({"customer_id": [7, 7, 9], "amount": [10.0, 30.0, 5.0],
    ...                      "date": pd.to_datetime(["2026-01-05", "2026-02-04", "2026-02-09"])})
    >>> purchase_history(rows, as_of="2026-03-06").loc[7, ["repeats", "span_days", "age_days"]]
    repeats       1
    span_days    30
    age_days     60
    Name: 7, dtype: int64
    """
    moves = Purchases.read(transactions, own_only=own_only, policy=policy)
    today = int(as_of_day(as_of).astype(np.int64))
    late = moves.day > today
    found = _histories(moves.where(~late), today)
    found.attrs["left_out"] = {"after_as_of": int(late.sum()), "not_own": moves.not_own}
    return found


@attrs.frozen(eq=False)
class Purchases:
    """The rows that count, as arrays.

    Attributes:
        code: Position of the customer in ``ids``.
        day: Days since 1970-01-01.
        amount: Money; below zero for a refund.
        ids: The customers.
        not_own: Rows left out, since the customer did not decide them.
    """

    code: Integers
    day: Integers
    amount: npt.NDArray[np.float64]
    ids: pd.Index
    not_own: int = 0

    @classmethod
    def read(cls, transactions: object, *, own_only: bool, policy: Policy | None) -> Purchases:
        """The rows of a frame that count, whatever their day.

        Raises:
            DataError: A column is missing, or a value is null or not finite.
        """
        frame = as_frame(transactions)
        needed = (*_COLUMNS, *(("kind",) if own_only else ()))
        require_columns(frame, needed, "transactions")
        if faults := type_faults(frame, (Column("customer_id", "id"),), frame="transactions"):
            raise DataError(str(faults[0]))  # ids of two types have no order
        code, ids = codes(frame["customer_id"])
        day, amount = days(frame["date"], "date"), numbers(frame["amount"], "amount")
        bad = (code < 0) | np.isnat(day) | ~np.isfinite(amount)
        if bad.any():
            raise DataError(
                f"transactions: {int(bad.sum()):,} rows lack a customer, a day or a finite amount "
                f"(first at row {frame.index[int(bad.argmax())]}); reject them first with "
                "bankcrm.frames.screen_frame"
            )
        moves = cls(code, day.astype(np.int64), amount, ids)
        if not own_only:
            return moves
        known = policy_of(policy, "valuation")
        kinds = [*known.value("bank_made_kinds"), *known.value("standing_order_kinds")]
        not_own = frame["kind"].isin(kinds).to_numpy()
        return attrs.evolve(moves.where(~not_own), not_own=int(not_own.sum()))

    def where(self, rows: npt.NDArray[np.bool_]) -> Purchases:
        """Some of the rows."""
        return attrs.evolve(
            self, code=self.code[rows], day=self.day[rows], amount=self.amount[rows]
        )

    def visits(self) -> tuple[Integers, Integers]:
        """Customer and day of each purchase: those of one day count once, refunds never."""
        bought = self.amount >= 0
        code, day = self.code[bought], self.day[bought]
        first = int(day.min(initial=0))
        width = int(day.max(initial=0)) - first + 1
        pairs = np.unique(code * width + (day - first))
        return pairs // width, pairs % width + first


def _histories(moves: Purchases, today: int) -> pd.DataFrame:
    """Histories from rows up to a day."""
    size, code = len(moves.ids), moves.code
    who, when = moves.visits()
    count = np.bincount(who, minlength=size)
    first, last = np.full(size, today), np.full(size, np.iinfo(np.int64).min)
    np.minimum.at(first, who, when)
    np.maximum.at(last, who, when)
    total = np.bincount(code, moves.amount, size).round(4)
    at_start = np.where(moves.day == first[code], moves.amount, 0.0)
    start = np.bincount(code, at_start, size).round(4)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(count > 1, (total - start) / (count - 1), np.nan)
    columns = {
        "repeats": count - 1,
        "span_days": last - first,
        "age_days": today - first,
        "mean_amount": mean,
        "first_amount": start,
        "total": total,
    }
    made = pd.DataFrame(columns, index=moves.ids.rename("customer_id"))[count > 0].sort_index()
    return made.astype(dict.fromkeys(("repeats", "span_days", "age_days"), np.int64))
