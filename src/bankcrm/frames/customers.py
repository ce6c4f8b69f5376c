"""Frames with one row per customer."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bankcrm._display import few
from bankcrm.errors import DataError
from bankcrm.frames.check import check_frame
from bankcrm.frames.column import PERSONAL, Column

_CUSTOMER = Column("customer_id", "id", meaning="The customer.")


def by_customer(data: object, columns: Sequence[Column], frame: str) -> pd.DataFrame:
    """A checked frame with one row per customer, indexed by ``customer_id``.

    Args:
        data: A frame; one without a column ``customer_id`` is taken to be indexed by customer.
        columns: The contract of the other columns.
        frame: What to call the frame in errors.

    Raises:
        DataError: The frame does not fit the contract, or names a customer twice.

    >>> scores = pd.DataFrame({"score": [3, 5]}, index=[7, 9])
    >>> by_customer(scores, (Column("score", "number"),), "scores").loc[9].tolist()
    [5.0]
    """
    if (
        isinstance(data, pd.DataFrame)
        and data.index.nlevels == 1
        and "customer_id" not in (*data.columns, data.index.name)
        and data.index.name not in PERSONAL  # a name is no id
    ):
        data = data.rename_axis(index="customer_id")
    checked = check_frame(data, (_CUSTOMER, *columns), frame=frame, key="customer_id")
    return checked.set_index("customer_id")


def refuse_repeated(customers: pd.Index, where: str) -> None:
    """Refuse an index in which a customer occurs more than once.

    Raises:
        DataError: A customer occurs more than once.
    """
    if not customers.is_unique:
        ids = customers[customers.duplicated()].unique()
        raise DataError(
            f"{where}: customers with several rows ({few(ids)}); give each customer one row"
        )
