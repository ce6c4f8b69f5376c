"""What a customer holds on a day: accounts that are open."""

from __future__ import annotations

from bankcrm.book.view import NEVER, FrameView, Mask


def open_on(accounts: FrameView, day: int) -> Mask:
    """Which accounts are open on a day: opened by then (or since ever), and not closed by then.

    Args:
        accounts: The frame ``accounts``; ``opened_date`` and ``closed_date`` where known.
        day: Days since 1970-01-01; see `bankcrm.book.view.day_number`.

    >>> import pandas as pd
    >>> from bankcrm.book.view import Needs, view_of
    >>> rows = pd.DataFrame({"customer_id": [1, 1, 1], "product": "term_deposit",
    ...                      "opened_date": pd.to_datetime(["1970-01-05", "1970-01-01", None]),
    ...                      "closed_date": pd.to_datetime([None, "1970-01-04", None])})
    >>> needs = {"accounts": Needs(("customer_id",), ("opened_date", "closed_date"))}
    >>> open_on(view_of({"accounts": rows.iloc[:2]}, needs)["accounts"], 3).tolist()
    [False, False]
    """
    still: Mask = accounts.day("closed_date") > day
    if not accounts.has("opened_date"):
        return still
    opened = accounts.day("opened_date")
    still &= (opened <= day) | (opened == NEVER)
    return still
