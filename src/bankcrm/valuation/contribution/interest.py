"""Booked interest: products that book it somewhere in the book need no rate."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from bankcrm.book.view import Mask

INTEREST = ("interest_paid", "interest_received")


def interest_products(positions: pd.DataFrame) -> dict[str, set[str]]:
    """The products that have an account with booked interest, for each kind of interest.

    The products of a whole book are the unions of those of its parts.

    Args:
        positions: Positions as `positions_in` gives them.

    Returns:
        ``interest_paid`` and ``interest_received``, each with the names of products.

    >>> positions = pd.DataFrame({"account_id": [1, 2], "product": ["demand", "term"],
    ...                           "interest_paid": [None, 3.0], "interest_received": None})
    >>> interest_products(positions)
    {'interest_paid': {'term'}, 'interest_received': set()}
    """
    of_account = _of_account(positions)
    return {
        column: set(map(str, positions["product"][of_account & positions[column].notna()].unique()))
        for column in INTEREST
    }


def fill_interest(positions: pd.DataFrame, products: Mapping[str, Collection[str]]) -> pd.DataFrame:
    """Positions whose accounts have 0 instead of null where their product books interest.

    An account without a booking in the period earned no interest, if its product books interest.
    Where no account of the product books any, the interest stays null and is computed by rate.

    Args:
        positions: Positions as `positions_in` gives them.
        products: The products that book interest; see `interest_products`.
    """
    of_account = _of_account(positions)
    filled = {
        column: positions[column].mask(
            of_account
            & positions[column].isna()
            & positions["product"].isin(list(products[column])),
            0.0,
        )
        for column in INTEREST
    }
    return positions.assign(**filled)


def _of_account(positions: pd.DataFrame) -> Mask:
    return np.asarray(positions["account_id"].notna(), dtype=np.bool_)
