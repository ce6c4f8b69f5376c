"""What a column holds where other values are expected: the kinds, and the rows that hold them."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Hashable
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from pandas.api import types

from bankcrm._display import few

Expected: TypeAlias = Literal["number", "date", "instant", "text", "id", "boolean", "value"]
_FITTING: dict[str, type | tuple[type, ...]] = {
    "number": (int, float, Decimal, np.integer, np.floating),
    "date": (dt.date, np.datetime64),
    "instant": dt.datetime,
    "text": str,
    "id": (int, np.integer),
    "boolean": (bool, np.bool_),
    "value": Hashable,
}


def found_in(values: pd.Series, expected: Expected) -> str:
    """The dtype of a column, or the objects in it that are not as expected, with their rows.

    Args:
        values: The column.
        expected: What its values should be.

    >>> found_in(pd.Series([1.5, "x", None], index=["a", "b", "c"], dtype=object), "number")
    'text in 1 of 3 rows (row b)'
    >>> found_in(pd.Series(["x", "y"], dtype=object), "number"), found_in(pd.Series([1]), "text")
    ('text', 'int64')
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    if not (types.is_object_dtype(values.dtype) or types.is_string_dtype(values.dtype)):
        return str(values.dtype)
    cells = values.to_numpy(dtype=object)
    known = np.flatnonzero(~values.isna().to_numpy())
    texts = sum(isinstance(v, str) and is_unicode(v) for v in cells[known])
    if expected == "id" and texts * 2 >= len(known):
        expected = "text"  # as at least half of the ids are
    kinds = np.array([_odd_kind(v, expected) for v in cells[known]], dtype=object)
    odd = known[kinds != ""]
    if not len(odd):
        return types.infer_dtype(values)
    named = ", ".join(dict.fromkeys(k for k in kinds if k))
    if len(odd) == len(values):
        return named
    rows = few(values.index[odd], "row {}".format)
    return f"{named} in {len(odd):,} of {len(values):,} rows ({rows})"


def _odd_kind(value: Any, expected: Expected) -> str:
    """What a value is that is not as expected; empty if it is."""
    kind = "text" if isinstance(value, str) else type(value).__name__
    if isinstance(value, str) and not is_unicode(value):
        return "text that is no Unicode text"
    if isinstance(value, bytes) or not isinstance(value, _FITTING[expected]):
        return kind
    if isinstance(value, bool) and expected in ("number", "id"):
        return kind
    if isinstance(value, int) and expected == "number" and abs(value) > sys.float_info.max:
        return "a number beyond 1e308"
    if isinstance(value, int) and expected == "id" and not -(1 << 63) <= value < 1 << 63:
        return "a number beyond 64 bits"
    zoned = getattr(value, "tzinfo", None) is not None
    if expected == "date" and zoned:
        return f"{kind} with a time zone"
    return f"{kind} without a time zone" if expected == "instant" and not zoned else ""


def is_unicode(text: str) -> bool:
    """Whether a text can be written to a file: half a surrogate pair cannot.

    >>> is_unicode("张"), is_unicode("\\ud800")
    (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
