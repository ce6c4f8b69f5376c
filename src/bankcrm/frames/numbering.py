"""Small codes as categoricals, and the position of each row's customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.frames.arrays import codes

Positions: TypeAlias = npt.NDArray[np.int32]


def categorical(
    code: npt.NDArray[np.integer[Any]], names: Sequence[Any], *, ordered: bool = False
) -> pd.Categorical:
    """A categorical from codes; several codes may share a name, and -1 is null.

    Args:
        code: Position of each row's name, integer; -1 for none.
        names: The names, in display order.
        ordered: Whether the categories have an order.

    >>> categorical(np.array([1, -1]), ["a", "b"]).tolist()
    ['b', nan]
    """
    distinct = list(dict.fromkeys(names))
    if len(distinct) < len(names):
        place = np.array([distinct.index(n) for n in names] + [-1], dtype=np.int16)
        code = place[code]
    dtype = pd.CategoricalDtype(pd.Index(distinct), ordered=ordered)
    made: pd.Categorical = pd.Categorical.from_codes(code, dtype=dtype)
    return made


def places_of(values: pd.Series, names: Sequence[str]) -> npt.NDArray[np.int64]:
    """The place of each value in a fixed order of names; -1 for a null or an unknown value.

    >>> places_of(pd.Series(["low", "high", None]), ["high", "low"]).tolist()
    [1, 0, -1]
    """
    code, words = codes(values)
    known = {name: place for place, name in enumerate(names)}
    return np.array([*(known.get(w, -1) for w in words.tolist()), -1], dtype=np.int64)[code]


def positions_in(ids: pd.Series, index: pd.Index) -> Positions:
    """The position of each id in an index of customers; -1 for a null or an unknown id.

    >>> positions_in(pd.Series([7, 5, 9]), pd.Index([5, 7])).tolist()
    [1, 0, -1]
    """
    code, distinct = codes(ids)
    place = np.append(index.get_indexer(distinct), -1).astype(np.int32)
    return place[code]
