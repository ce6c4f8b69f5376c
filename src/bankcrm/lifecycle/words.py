"""Small codes as words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd


def categorical(code: npt.NDArray[np.integer], names: Sequence[str]) -> pd.Categorical[str]:
    """Codes as words; -1 is null.

    >>> categorical(np.array([1, -1]), ["a", "b"]).tolist()
    ['b', nan]
    """
    words: pd.Categorical[str] = pd.Categorical.from_codes(code, categories=pd.Index(list(names)))
    return words
