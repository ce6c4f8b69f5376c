"""Robust scales of features, and the values of rows on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, get_args

import attrs
import numpy as np
import numpy.typing as npt

from bankcrm.arguments import as_items, refuse
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import numbers
from bankcrm.frames.column import fault_in_rows

ScaleKind: TypeAlias = Literal["robust", "log", "none"]
Floats: TypeAlias = npt.NDArray[np.float64]
NORMAL_MAD = 1.482602218505602
"""Standard deviations of a normal distribution per median absolute deviation."""


@attrs.frozen
class FeatureScale:
    """How a feature is scaled: its value less ``middle``, in units of ``spread``.

    Attributes:
        feature: Name of the feature.
        kind: ``robust``; ``log``: of the logarithm of 1 plus the value, with its sign, for skewed
            money; ``none``: as it is.
        middle: Median.
        spread: Median absolute deviation times 1.4826; the standard deviation where that is 0.
    """

    feature: str
    kind: ScaleKind
    middle: float
    spread: float

    def scaled(self, values: Floats) -> Floats:
        """Values on the scale."""
        found: Floats = (_transformed(values, self.kind) - self.middle) / self.spread
        return found

    def value(self, scaled: Floats) -> Floats:
        """The values that lie at places of the scale."""
        x = scaled * self.spread + self.middle
        return np.sign(x) * np.expm1(np.abs(x)) if self.kind == "log" else x


def features_of(features: Sequence[str]) -> list[str]:
    """The names of features, each once.

    Raises:
        DataError: No feature is given, or one occurs twice.
    """
    names = as_items(features, "features", "a list of columns")
    if not names or len(set(map(str, names))) < len(names):
        raise DataError(f"features: expected one or more columns, each once, got {len(names)}")
    return names


def values_of(facts: object, features: Sequence[str]) -> Floats:
    """The features as rows of an array of shape (features, rows); NaN where missing.

    Raises:
        DataError: A column holds no numbers, or infinite ones.
        UnknownNameError: A column is not there.
    """
    frame = as_frame(facts)
    found = np.empty((len(features), len(frame)))
    for row, name in zip(found, features, strict=True):
        if not isinstance(name, str) or name not in frame.columns:
            raise UnknownNameError("feature", name, map(str, frame.columns))
        row[:] = numbers(frame[name], name)
        infinite = frame.index[np.isinf(row)]
        fault_in_rows("facts", name, "infinite", infinite, "a number or null").refuse()
    return found


def fit_scales(
    values: Floats, features: Sequence[str], kinds: ScaleKind | Mapping[str, ScaleKind]
) -> tuple[FeatureScale, ...]:
    """The scale of each feature, from values without NaN.

    Raises:
        DataError: A feature has one value in all rows.
        UnknownNameError: No such kind of scale or feature.
    """
    if not isinstance(kinds, str | Mapping):
        refuse("scales", "the name of a scale, or a mapping of features to names", kinds)
    asked = dict.fromkeys(features, kinds) if isinstance(kinds, str) else dict(kinds)
    for name, kind in asked.items():
        if name not in features:
            raise UnknownNameError("feature", name, features, "scales")
        if kind not in get_args(ScaleKind):
            raise UnknownNameError("scale", kind, get_args(ScaleKind))
    return tuple(
        _scale(x, name, asked.get(name, "robust")) for x, name in zip(values, features, strict=True)
    )


def _scale(values: Floats, feature: str, kind: ScaleKind) -> FeatureScale:
    if (values == values[0]).all():
        raise DataError(f"{feature}: has one value in all rows; leave it out")
    if kind == "none":
        return FeatureScale(feature, kind, 0.0, 1.0)
    x = _transformed(values, kind)
    middle = float(np.median(x))
    spread = NORMAL_MAD * float(np.median(np.abs(x - middle))) or float(np.sort(x).std())
    return FeatureScale(feature, kind, middle, spread)


def _transformed(values: Floats, kind: ScaleKind) -> Floats:
    return np.sign(values) * np.log1p(np.abs(values)) if kind == "log" else values


def in_order(values: Floats) -> Floats:
    """The same rows in an order that depends on their values alone.

    >>> in_order(np.array([[2.0, 1.0, 1.0], [0.0, 5.0, 3.0]])).tolist()
    [[1.0, 1.0, 2.0], [3.0, 5.0, 0.0]]
    """
    found: Floats = values[:, np.lexsort(values[::-1])]
    return found
