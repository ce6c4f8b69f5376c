"""Customers with the same history, counted once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.errors import DataError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import numbers
from bankcrm.frames.conversion import require_columns

Floats: TypeAlias = npt.NDArray[np.float64]
Score: TypeAlias = Callable[[Floats, Floats], tuple[float, Floats]]
"""(Logarithms of the parameters, weights) -> log-likelihood and its slope by each logarithm."""


@attrs.frozen(eq=False)
class Cells:
    """Distinct purchase histories and how many customers have each.

    Attributes:
        repeats: Purchases after the first.
        span: Time from the first purchase to the last.
        age: Time from the first purchase to the end of the observation.
        weights: Customers.
    """

    repeats: Floats
    span: Floats
    age: Floats
    weights: Floats

    @property
    def customers(self) -> float:
        """The number of customers."""
        return float(self.weights.sum())


def is_count(repeats: Floats) -> npt.NDArray[np.bool_]:
    """Which numbers are whole repeats from 0 on.

    >>> is_count(np.array([0.0, 3.0, 1.5, -1.0, np.nan, 1e300])).tolist()
    [True, True, False, False, False, False]
    """
    whole: npt.NDArray[np.bool_] = repeats == np.floor(repeats)
    whole &= (repeats >= 0) & (repeats < 2**31)
    return whole


def columns_of(history: object, unit_days: float) -> tuple[pd.DataFrame, Floats, Floats, Floats]:
    """The frame of a history, and its repeats, span and age in a unit of time.

    Raises:
        DataError: A column is not there, or a row is no history.
    """
    frame = as_frame(history)
    names = ("repeats", "span_days", "age_days")
    require_columns(frame, names, "history", "give the result of purchase_history")
    x, span, age = (numbers(frame[n], n) for n in names)
    bad = ~(is_count(x) & (span >= 0) & (span <= age) & (age < np.inf))
    bad |= (x == 0) != (span == 0)
    if bad.any():
        rows = few(frame.index[bad])
        raise DataError(
            f"history: {int(bad.sum()):,} rows are no history ({rows}); expected whole repeats "
            "from 0 on, 0 <= span_days <= age_days, and a span of 0 just where there is no repeat"
        )
    return frame, x, span / unit_days, age / unit_days


def distinct_histories(x: Floats, span: Floats, age: Floats) -> tuple[Cells, npt.NDArray[np.intp]]:
    """The cells of customers, in a fixed order, and the cell of each customer.

    >>> cells, place = distinct_histories(*(np.array([1.0, 0, 1]), np.array([2.0, 0, 2]),
    ...                                     np.array([9.0, 9, 9])))
    >>> cells.weights.tolist(), place.tolist()
    ([1.0, 2.0], [1, 0, 1])
    """
    _, key = np.unique(age, return_inverse=True)
    spans, code = np.unique(span, return_inverse=True)
    key = key * len(spans) + code
    key = key * int(x.max(initial=0) + 1) + x.astype(np.int64)
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    weights = np.bincount(place, minlength=len(first)).astype(np.float64)
    return Cells(x[first], span[first], age[first], weights), place
