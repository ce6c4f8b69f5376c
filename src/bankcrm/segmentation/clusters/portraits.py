"""Portraits of groups: how each stands beside all customers, feature by feature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import ArrayLike, codes, numbers
from bankcrm.frames.column import fault_in_rows
from bankcrm.segmentation.clusters.naming import medians, names_of, spreads
from bankcrm.segmentation.clusters.scales import Floats, features_of


def portrait(
    facts: object, labels: ArrayLike, *, features: Sequence[str] | None = None
) -> pd.DataFrame:
    """What sets each group of customers apart, for labels of any kind: clusters, tiers, stages.

    Args:
        facts: One row per customer.
        labels: The group of each row, in the same order; rows without one count among all only.
        features: Columns of numbers or booleans; None: all such columns.

    Returns:
        One row per group and feature, groups in the order of their labels: ``group``,
        ``feature``, ``rows`` and ``share`` (of the group, of all rows), ``known`` (share of its
        rows with the feature), ``value`` (median; of a boolean the share that is true), ``overall``
        (the same of all rows), ``z`` (difference in robust deviations of all rows; of a boolean in
        standard deviations; 0 where all rows are equal) and ``name``, from the features that
        differ most.

    Raises:
        DataError: Lengths differ, no row has a label, or a feature holds other values.
        UnknownNameError: A feature is not there.

    Source: PB-4, CBM-8.

    >>> people = pd.DataFrame({"income": [1, 2, 9, 9], "loan": [False, False, True, True]})
    >>> found = portrait(people, ["a", "a", "b", "b"])
    >>> found.loc[found["group"] == "b", ["feature", "value", "overall"]].to_numpy().tolist()
    [['income', 9.0, 5.5], ['loan', 1.0, 0.5]]
    """
    frame = as_frame(facts)
    label, groups = codes(labels)
    if len(label) != len(frame):
        raise DataError(f"labels: {len(label):,} values for {len(frame):,} rows")
    if not len(groups):
        raise DataError("labels: no row has a group")
    if not isinstance(pd.Series(labels).dtype, pd.CategoricalDtype):
        order = np.argsort(groups if types.is_numeric_dtype(groups.dtype) else groups.map(str))
        groups, label = groups[order], np.append(np.argsort(order), -1)[label]
    names = _plain_columns(frame) if features is None else features_of(features)
    if not names:
        raise DataError("facts: no column of numbers or booleans; name the features")
    found = [_standing(frame, name, label, len(groups)) for name in names]
    value, everyone, z, known = (np.column_stack([f[i] for f in found]) for i in range(4))
    rows = np.bincount(label[label >= 0], minlength=len(groups))
    shape = value.shape
    return pd.DataFrame(
        {
            "group": np.repeat(groups, shape[1]),
            "feature": np.tile(names, shape[0]),
            "rows": np.repeat(rows, shape[1]),
            "share": np.repeat(rows / max(len(frame), 1), shape[1]),
            "known": known.ravel(),
            "value": value.ravel(),
            "overall": np.broadcast_to(everyone, shape).ravel(),
            "z": z.ravel(),
            "name": np.repeat(names_of(z, names), shape[1]),
        }
    )


def _plain_columns(frame: pd.DataFrame) -> list[str]:
    """The columns of numbers or booleans."""
    return [
        str(name)
        for name in frame.columns
        if isinstance(name, str) and types.is_numeric_dtype(frame[name].dtype)
    ]


def _standing(
    frame: pd.DataFrame, name: str, label: npt.NDArray[np.intp], k: int
) -> tuple[Floats, float, Floats, Floats]:
    """Value of each group and of all, the robust difference, and the share of known values."""
    if not isinstance(name, str) or name not in frame.columns:
        raise UnknownNameError("feature", name, map(str, frame.columns))
    true_or_false = types.is_bool_dtype(frame[name].dtype)
    x = numbers(frame[name].astype("Int8") if true_or_false else frame[name], name)
    fault_in_rows("facts", name, "infinite", frame.index[np.isinf(x)], "a number or null").refuse()
    there = ~np.isnan(x)
    known = np.bincount(label[there & (label >= 0)], minlength=k)
    rows = np.bincount(label[label >= 0], minlength=k)
    if not there.any():
        return np.full(k, np.nan), np.nan, np.full(k, np.nan), np.zeros(k)
    if true_or_false:
        hits = np.bincount(label[(x == 1) & (label >= 0)], minlength=k)
        with np.errstate(invalid="ignore"):  # nothing of nothing is not known
            value, everyone = hits / known, float((x == 1).sum() / there.sum())
        spread = np.sqrt(everyone * (1 - everyone))
    else:
        value = medians(x[None, :], label, k)[:, 0]
        middle, widths = spreads(x[None, :])
        everyone, spread = float(middle[0]), float(widths[0])
    z = (value - everyone) / spread if spread > 0 else value - value
    return value, everyone, z, known / np.maximum(rows, 1)
