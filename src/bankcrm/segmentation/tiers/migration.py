"""Moves between tiers from one review to the next (CBM-4)."""

from __future__ import annotations

import pandas as pd

from bankcrm.frames import Column, check_frame
from bankcrm.frames.arrays import codes
from bankcrm.frames.numbering import places_of
from bankcrm.rules.compare import cross_count
from bankcrm.vocabulary import Tier

_NAMES = tuple(tier.value for tier in Tier)
_TIER = Column(
    "tier", "category", nullable=True, choices=_NAMES, meaning="The tier held from the day on."
)


def tier_migration(history: object, *, shares: bool = False) -> pd.DataFrame:
    """Count the moves between tiers from one review to the next.

    Args:
        history: One row per customer and review: ``customer_id``, ``date``, ``tier``. A customer
            whose tier is null at a review has no move to it or from it.
        shares: Shares of each row instead of counts; zero for a tier without a customer before.

    Returns:
        One row per tier before, one column per tier after, best first; int64 counts whose sum is
        the number of rows less the number of customers if no tier is null, or float64 shares.

    Raises:
        DataError: Errors in the history (one error lists them all), or a customer twice on one day.

    Source: CBM-4.

    >>> history = pd.DataFrame({"customer_id": [1, 1, 1], "tier": ["ordinary", "key", "key"],
    ...                         "date": pd.to_datetime(["2025-01-01", "2025-07-01", "2026-01-01"])})
    >>> moves = tier_migration(history)
    >>> moves.loc["ordinary", "key"].item(), moves.loc["key", "key"].item()
    (1, 1)
    """
    key = ("customer_id", "date")
    columns = (Column("customer_id", "id"), Column("date", "date"), _TIER)
    frame = check_frame(history, columns, frame="history", key=key)
    frame = frame.sort_values(list(key), ignore_index=True)
    customer = codes(frame["customer_id"])[0]
    tier = places_of(frame["tier"], _NAMES)
    follows = (customer[1:] == customer[:-1]) & (tier[1:] >= 0) & (tier[:-1] >= 0)
    moves = cross_count(tier[:-1][follows], tier[1:][follows], _NAMES)
    if not shares:
        return moves
    total = moves.sum(axis="columns")
    return moves.div(total.where(total > 0, 1), axis="index")
