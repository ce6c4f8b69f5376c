"""Other ids in the frames of a call, and the ids in its result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import numpy as np
import pandas as pd

IDS = {"customer_id", "parent_id", "child_id", "record_id", "account_id", "loan_id",
       "complaint_id", "transaction_id"}  # fmt: skip


def beyond_floats(ids: pd.Series) -> pd.Series:
    """Whole numbers just beyond those of a float."""
    return ids.astype("Int64") * 2 + 9_007_199_254_740_993


def leading_zeros(ids: pd.Series) -> pd.Series:
    """Texts of 19 digits."""
    return ids.astype("Int64").astype("string").str.zfill(19)


def unsigned(ids: pd.Series) -> pd.Series:
    """The same numbers without a sign."""
    return beyond_floats(ids).astype("UInt64")


def with_ids(frame: Any, change: Callable[[pd.Series], pd.Series]) -> Any:
    """A frame with other ids, where they are whole numbers."""
    if not isinstance(frame, pd.DataFrame):
        return frame
    made = frame.assign(**{str(c): _changed(frame[c], change) for c in frame if c in IDS})
    if frame.index.name in IDS:
        labels = _changed(frame.index.to_series(), change)
        made = made.set_axis(pd.Index(labels.array, name=frame.index.name))
    return made


def _changed(ids: pd.Series, change: Callable[[pd.Series], pd.Series]) -> pd.Series:
    if ids.map(lambda v: isinstance(v, str)).any():
        return ids
    made = change(ids)
    if made.isna().any():
        return made
    return made.astype({"string": object, "Int64": np.int64, "UInt64": np.uint64}[str(made.dtype)])


def ids_in(value: Any, depth: int = 0) -> Iterator[tuple[str, pd.Series]]:
    """The ids of a result: those of its frames, wherever they are in it."""
    if isinstance(value, pd.DataFrame | pd.Series):
        for name in value.index.names:
            if name in IDS:
                yield str(name), value.index.get_level_values(name).to_series()
        if isinstance(value, pd.DataFrame):
            yield from ((str(c), value[c]) for c in value if c in IDS)
    elif depth < 3:
        parts = ()
        if attrs.has(type(value)):
            parts = tuple(getattr(value, a.name) for a in attrs.fields(type(value)))
        elif isinstance(value, Mapping | tuple):
            parts = tuple(value.values() if isinstance(value, Mapping) else value)
        for part in parts:
            yield from ids_in(part, depth + 1)


def texts(ids: pd.Series) -> set[str]:
    """Ids as texts, without the nulls."""
    return set(ids.dropna().astype(str))
