"""Small helpers shared by this package: checked frames by customer, categories."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.frames import Column, check_frame

CUSTOMER = Column("customer_id", "id", meaning="The customer.")


def by_customer(data: object, columns: Sequence[Column], frame: str) -> pd.DataFrame:
    """A checked frame with one row a customer, indexed by ``customer_id``.

    A frame without a ``customer_id`` column is taken to be indexed by customer.
    """
    if isinstance(data, pd.DataFrame) and "customer_id" not in (*data.columns, *data.index.names):
        data = data.rename_axis(index="customer_id")
    checked = check_frame(data, (CUSTOMER, *columns), frame=frame, key="customer_id")
    return checked.set_index("customer_id")


def places(values: pd.Series, names: Sequence[str]) -> npt.NDArray[np.int64]:
    """The place of each value in a fixed order of names; -1 for a null or an unknown one."""
    ordered = values.astype("category").cat.set_categories(list(names))
    return ordered.cat.codes.to_numpy().astype(np.int64)


def named(place: npt.NDArray[np.int64], names: Sequence[str]) -> pd.Categorical:
    """The names at these places as an ordered categorical; -1 is a null."""
    dtype: pd.CategoricalDtype = pd.CategoricalDtype(list(names), ordered=True)
    return pd.Categorical.from_codes(place, dtype=dtype)
