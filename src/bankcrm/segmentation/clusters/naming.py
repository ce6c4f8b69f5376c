"""How far clusters stand from the whole book, and names that say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.segmentation.clusters.scales import NORMAL_MAD, Floats

_PLAIN = 0.5
"""Robust deviations from the median of all below which a feature is not worth a word."""


def medians(values: Floats, label: npt.NDArray[np.signedinteger], k: int) -> Floats:
    """The median of each group and feature, of shape (groups, features); NaN where none is known.

    Args:
        values: Shape (features, rows).
        label: Group of each row; -1 for none.
        k: Number of groups.
    """
    grouped = pd.DataFrame(values.T).groupby(label).median()
    found: Floats = grouped.reindex(range(k)).to_numpy()
    return found


def spreads(values: Floats) -> tuple[Floats, Floats]:
    """The median of each feature, and its spread: the MAD times 1.4826, or the deviation."""
    middle = np.nanmedian(values, axis=1)
    mad = NORMAL_MAD * np.nanmedian(np.abs(values - middle[:, None]), axis=1)
    return middle, np.where(mad > 0, mad, np.nanstd(np.sort(values, axis=1), axis=1))


def names_of(z: Floats, features: Sequence[str]) -> tuple[str, ...]:
    """A name for each cluster from the features that deviate most; each name once.

    Args:
        z: Robust deviations from all rows, of shape (clusters, features).
        features: Names of the features.

    >>> names_of(np.array([[3.0, -1.0], [0.1, 0.2]]), ["income", "logins"])
    ('high income, low logins', 'ordinary')
    """
    z = np.nan_to_num(z)
    order = np.argsort(-np.abs(z), axis=1, kind="stable")
    names = [""] * len(z)
    for words in range(2, max(2, len(features)) + 1):
        fixed = [n for n, times in Counter(names).items() if n and times == 1]
        for row, name in enumerate(names):
            if name not in fixed:
                names[row] = _name(z[row], order[row][:words], features)
        if len(set(names)) == len(names):
            break
    seen: Counter[str] = Counter()
    for row, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            names[row] = f"{name} ({seen[name]})"
    return tuple(names)


def _name(z: Floats, strongest: npt.NDArray[np.intp], features: Sequence[str]) -> str:
    words = [
        f"{'high' if z[i] > 0 else 'low'} {features[i].replace('_', ' ')}"
        for i in strongest.tolist()
        if abs(z[i]) >= _PLAIN
    ]
    return ", ".join(words) or "ordinary"
