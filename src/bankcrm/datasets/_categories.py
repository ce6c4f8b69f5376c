"""Categorical columns with few words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.frames.arrays import ArrayLike, codes
from bankcrm.frames.numbering import categorical


def constant(word: str, count: int) -> pd.Series:
    """The same word in every row."""
    return coded(np.zeros(count, dtype=np.int8), [word])


def coded(code: npt.NDArray[np.integer], words: Sequence[str]) -> pd.Series:
    """Words by their position; -1 is null."""
    return pd.Series(categorical(code, words))


def category(values: ArrayLike) -> pd.Series:
    """A categorical of the values in sorted order; an empty text is null."""
    code, index = codes(pd.Series(np.asarray(values, dtype=object)))
    words = np.asarray(index, dtype=object)
    order = np.argsort(words.astype(str), kind="stable")
    order = order[words[order] != ""]
    rank = np.full(len(words) + 1, -1, dtype=np.intp)
    rank[order] = np.arange(len(order))
    return coded(rank[code], [str(w) for w in words[order]])
