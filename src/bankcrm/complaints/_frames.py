"""Small helpers over frames: categories by code, gaps filled with a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Mask: TypeAlias = npt.NDArray[np.bool_]
Codes: TypeAlias = npt.NDArray[np.signedinteger[Any]]


def categories(codes: Codes, words: Sequence[str], *, ordered: bool = False) -> pd.Categorical:
    """Words by their place; several places may share a word, and -1 is a gap."""
    distinct = list(dict.fromkeys(words))
    place = np.array([distinct.index(w) for w in words] + [-1], dtype=np.int16)
    dtype = pd.CategoricalDtype(distinct, ordered=ordered)
    made: pd.Categorical = pd.Categorical.from_codes(place[codes], dtype=dtype)
    return made


def filled(frame: pd.DataFrame, name: str, word: str) -> pd.Series:
    """A category column whose gaps (or whose absence) hold a word of their own."""
    if name not in frame:
        return pd.Series(categories(np.zeros(len(frame), np.int8), [word]), index=frame.index)
    values = frame[name]
    if not values.isna().any():
        return values
    if word not in values.cat.categories:
        values = values.cat.add_categories([word])
    return values.fillna(word)


def blank(values: pd.Series) -> Mask:
    """Which values are missing or hold nothing but white space."""
    empty: Mask = values.isna().to_numpy()
    if values.dtype == object or pd.api.types.is_string_dtype(values.dtype):
        text = values.astype("string").str.strip()
        empty = empty | (text == "").to_numpy(dtype=np.bool_, na_value=True)
    return empty
