"""A column in any form as a Series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import refuse

ArrayLike: TypeAlias = "pd.Series | pd.Index | npt.NDArray[np.generic] | Sequence[object]"


def series_of(values: ArrayLike) -> pd.Series:
    """A Series over the same values."""
    if isinstance(values, pd.Series):
        return values
    if isinstance(values, pd.DataFrame | str):
        refuse("values", "one column", values, "give a column, such as frame['amount']")
    return pd.Series(
        values, dtype=object if isinstance(values, (list, tuple)) and not values else None
    )


def plain_categories(series: pd.Series) -> pd.Series:
    """A categorical column's values in the dtype of its categories; others as they are."""
    if not isinstance(series.dtype, pd.CategoricalDtype):
        return series
    categories = pd.Series(series.cat.categories)
    return pd.Series(categories.reindex(series.cat.codes.to_numpy()).array, index=series.index)
