"""Which products each customer holds on a day, and which they opened in a window."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.book.holdings import open_on
from bankcrm.book.view import FrameView, Needs, day_number, view_of
from bankcrm.frames.arrays import as_of_day

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_NEEDS = {"accounts": Needs(("customer_id", "product"), ("opened_date", "closed_date"))}


def product_holdings(accounts: object, *, as_of: object) -> pd.DataFrame:
    """Which products each customer holds on a day.

    Args:
        accounts: ``customer_id``, ``product``, ``opened_date`` and ``closed_date`` as in a book.
            What was opened after the day or closed by it is not held.
        as_of: The day.

    Returns:
        One row per customer whom an account names, indexed by ``customer_id`` and sorted by it;
        one boolean column per product, sorted by name.

    Raises:
        DataError: A column does not fit.

    Source: EB-9.

    >>> rows = pd.DataFrame({"customer_id": [1, 1, 2], "product": ["card", "fund", "card"],
    ...     "opened_date": pd.to_datetime(["2024-01-05", "2026-05-01", "2024-02-01"]),
    ...     "closed_date": pd.to_datetime([None, None, "2025-12-01"])})
    >>> product_holdings(rows, as_of="2026-03-31").to_numpy().tolist()
    [[True, False], [False, False]]
    """
    found = Accounts.of(accounts)
    return found.table(open_on(found.rows, day_number(as_of_day(as_of)))).sort_index()


@attrs.frozen(eq=False)
class Accounts:
    """The accounts of a book, checked.

    Attributes:
        rows: One row per account.
        customers: The customers whom they name.
        products: The products, sorted by name.
        product: Position of the product of each account.
        opened: Day of opening in days since 1970-01-01; of all accounts the greatest number where
            it is not given.
    """

    rows: FrameView
    customers: pd.Index
    products: tuple[str, ...]
    product: Ints
    opened: npt.NDArray[np.int32]

    @classmethod
    def of(cls, accounts: object) -> Accounts:
        """Check the frame, and number its products.

        Raises:
            DataError: A column does not fit.
        """
        view = view_of({"accounts": accounts}, _NEEDS)
        rows = view["accounts"]
        code, words = rows.words("product")
        names = tuple(sorted(map(str, words)))
        place = np.array([*(names.index(str(w)) for w in words), -1], np.int64)
        return cls(rows, view.customers, names, place[code], rows.day("opened_date"))

    def table(self, chosen: Mask) -> pd.DataFrame:
        """Customers by products: whether one of the chosen accounts is theirs."""
        found = np.zeros((len(self.customers), len(self.products)), np.bool_)
        found[self.rows.customer()[chosen], self.product[chosen]] = True
        return pd.DataFrame(found, self.customers, pd.Index(self.products))

    def opened_between(self, after: np.datetime64, until: np.datetime64) -> pd.DataFrame:
        """Customers by products: whether they opened one after a day and not later than another."""
        low, high = day_number(after), day_number(until)
        return self.table((self.opened > low) & (self.opened <= high))
