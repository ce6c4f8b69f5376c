"""Values of customers as arrays: complete finite numbers, or one clear error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bankcrm._display import few
from bankcrm.arguments import refuse
from bankcrm.errors import DataError
from bankcrm.frames.arrays import numbers
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.customers import refuse_repeated

Floats = NDArray[np.float64]
Integers = NDArray[np.integer[Any]]
_USUAL = 300  # powers of two between which sums and squares of amounts stay exact
Values = pd.Series | NDArray[np.generic] | Sequence[float]


def labels_of(values: Values) -> pd.Index:
    """The row labels of a Series; positions of anything else."""
    return values.index if isinstance(values, pd.Series) else pd.RangeIndex(len(values))


def raw_values(values: Values, name: str) -> Floats:
    """The values as a one-dimensional float64 array; nulls are nan."""
    column = values if isinstance(values, pd.Series) else np.asarray(values)
    if column.ndim != 1:
        raise DataError(f"{name}: expected one dimension, got shape {column.shape}")
    # A plain float array needs no conversion, and pandas would copy it into a Series.
    array: Floats
    if isinstance(column, np.ndarray) and column.dtype == np.float64:
        array = column
    else:
        array = numbers(column, name)
    if not len(array):
        raise DataError(f"{name}: no values; at least one is needed")
    return array


def refuse_not_finite(values: Values, array: Floats, name: str) -> None:
    """Raise a DataError that counts and shows the values that are missing or infinite."""
    bad = np.flatnonzero(~np.isfinite(array))
    if not len(bad):
        return
    labels = labels_of(values)
    first = few(bad, lambda row: f"{labels[row]}: {array[row]}")
    raise DataError(
        f"{name}: {len(bad)} of {len(array)} values are missing or infinite ({first}); "
        "expected finite numbers; leave these rows out, or use 0 where nothing was earned"
    )


def finite_values(values: Values, name: str) -> Floats:
    """The values as float64, refused when any is missing or infinite."""
    array = raw_values(values, name)
    refuse_not_finite(values, array, name)
    return array


def in_range(values: Floats) -> tuple[Floats, int]:
    """The values over a power of two, by which their sums and squares neither overflow nor vanish.

    Returns:
        The values times ``2**-power``, and the power: 0, and the array itself, for usual amounts.

    >>> [part.tolist() if hasattr(part, "tolist") else part
    ...  for part in in_range(np.array([2.0**1000, -(2.0**1001)]))]
    [[0.25, -0.5], 1002]
    """
    top = float(np.nanmax(np.abs(values), initial=0.0))
    power = int(np.frexp(top)[1])
    if top == 0 or abs(power) <= _USUAL:
        return values, 0
    scaled: Floats = np.ldexp(values, -power)
    return scaled, power


def customer_index(customers: Values | pd.Index) -> pd.Index:
    """The ids as an index, each once and none missing."""
    if isinstance(customers, str) or not isinstance(customers, Iterable):
        refuse("customers", "a column of ids", customers)
    index = pd.Index(customers)
    fault_in_rows("customers", "", "null", np.flatnonzero(index.isna()), "an id for each").refuse()
    refuse_repeated(index, "customers")
    return index


def summed(group: Integers, values: Floats, groups: int) -> Floats:
    """Sum of the values of each group."""
    result: Floats = np.bincount(group, values, groups).astype(np.float64, copy=False)
    return result
