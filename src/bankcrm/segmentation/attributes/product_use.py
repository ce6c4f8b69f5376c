"""Open products of each customer, and the needs that they serve (CSC-1)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.book.holdings import open_on
from bankcrm.book.view import FrameView, day_number
from bankcrm.frames import Column, check_frame
from bankcrm.frames.arrays import as_of_day, codes
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of

_ACCOUNTS = (
    Column("account_id", "id"),
    Column("customer_id", "id"),
    Column("product", "category"),
    Column("opened_date", "date", True, True),
    Column("closed_date", "date", False, True),
)
_SHARES = {"investing": "invest_share", "consuming": "consume_share", "saving": "save_share"}


def product_use(accounts: object, *, as_of: object, policy: Policy | None = None) -> pd.DataFrame:
    """Count the open products of each customer, and the shares of the needs that they serve.

    Args:
        accounts: ``account_id``, ``customer_id``, ``product``, ``opened_date`` (null: open since
            ever) and where closed ``closed_date``.
        as_of: The day; an account opened later, or closed by then, is left out.
        policy: Segmentation policy; its parameter ``product_need`` gives the need that a product
            serves (investing, consuming, saving).

    Returns:
        Index ``customer_id``: ``products`` (int64, different open products), ``invest_share``,
        ``consume_share``, ``save_share`` (float64, shares of the open accounts that have a need;
        null without one), as `segment_attributes` reads them.

    Raises:
        DataError: Errors in the accounts; one error lists them all.

    Source: CSC-1.

    >>> accounts = pd.DataFrame({"account_id": [1, 2], "customer_id": [7, 7],
    ...                          "product": ["demand", "fund"],
    ...                          "opened_date": pd.to_datetime(["2020-01-01", "2021-01-01"])})
    >>> product_use(accounts, as_of="2026-01-01").loc[7].tolist()
    [2.0, 0.5, 0.0, 0.5]
    """
    policy = policy_of(policy, "segmentation")
    frame = check_frame(accounts, _ACCOUNTS, frame="accounts", key="account_id")
    customer, ids = codes(frame["customer_id"])
    view = FrameView(frame, ids, lambda: pd.Index(frame["account_id"]))
    is_open = open_on(view, day_number(as_of_day(as_of)))
    customer, product = customer[is_open], frame["product"][is_open]
    code, names = codes(product)
    pairs = np.unique(customer * max(len(names), 1) + code)
    counts = np.bincount(pairs // max(len(names), 1), minlength=len(ids))
    need = product.astype(object).map(dict(policy.value("product_need"))).to_numpy()
    accounts_by_need = np.stack(
        [np.bincount(customer[need == word], minlength=len(ids)) for word in _SHARES]
    )
    total = accounts_by_need.sum(axis=0)
    share = accounts_by_need / np.where(total > 0, total, np.nan)
    columns = {"products": counts, **dict(zip(_SHARES.values(), share, strict=True))}
    result = pd.DataFrame(columns, index=ids.rename("customer_id"))
    return policy.stamp(result.sort_index())
