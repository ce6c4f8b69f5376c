"""A group's limit shared among its members, exact to the cent."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.frames import Column
from bankcrm.frames.customers import by_customer
from bankcrm.shares import apportion

_COLUMNS = (
    Column("need", "number", minimum=0, meaning="The weight of the member."),
    Column("floor", "money", False, True, minimum=0, meaning="The least limit."),
    Column("cap", "money", False, True, minimum=0, meaning="The greatest limit."),
)


def allot_limit(limit: Decimal | float, members: object) -> pd.Series:
    """Share the limit of a group among its members by need; the shares add up to it exactly.

    Args:
        limit: The limit of the group, in money of at most two decimals.
        members: One row per member, by ``customer_id``: ``need`` (a weight, such as the financing
            that the member asks for or its revenue); where they apply ``floor`` (such as what is
            drawn already) and ``cap``, in money.

    Returns:
        The limit of each member in money, by ``customer_id``.

    Raises:
        DataError: The limit is no amount of money, or the frame does not fit.
        InfeasibleError: No shares meet floors and caps.

    Source: EB-4.

    >>> members = pd.DataFrame({"need": [6, 3, 1], "floor": [0, 0, 200.0]}, index=[7, 8, 9])
    >>> allot_limit(1000, members).to_dict()
    {7: 533.33, 8: 266.67, 9: 200.0}
    """
    cents = _cents(limit)
    frame = by_customer(members, _COLUMNS, "members")
    floors = np.ceil(_money(frame, "floor", 0.0) * 100 - 1e-6)
    caps = np.floor(_money(frame, "cap", np.inf) * 100 + 1e-6)
    shares = apportion(cents, frame["need"].to_numpy(), floors=floors, caps=np.minimum(caps, cents))
    return pd.Series(shares / 100, index=frame.index, name="limit")


def _cents(limit: Decimal | float) -> int:
    try:
        amount = Decimal(str(limit)) * 100
        whole = int(amount) if amount.is_finite() else -1
    except ArithmeticError:
        raise DataError(f"limit: {limit!r} is no amount of money; give such as 1000.50") from None
    if whole != amount or whole < 0:
        raise DataError(f"limit: {limit!r} is no amount of money of two decimals, 0 or more")
    return whole


def _money(frame: pd.DataFrame, name: str, default: float) -> np.ndarray:
    if name not in frame:
        return np.full(len(frame), default)
    return frame[name].fillna(default).to_numpy(np.float64)
