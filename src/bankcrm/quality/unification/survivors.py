"""Which value of each field survives in a cluster, from which record, and which values lose."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.quality.unification.clusters import Mask, Positions
from bankcrm.quality.unification.keys import KeyFields


@attrs.frozen(eq=False)
class Order:
    """How good the values of records are; positions of records, best first.

    Attributes:
        cluster: The number of each record's cluster, 0, 1, 2 ...
        recent: The records by the day of their last update, then by the rank of their source.
        ranked: The records by the rank of their source, then by the day.
    """

    cluster: Positions
    recent: Positions
    ranked: Positions


@attrs.frozen(eq=False)
class Survived:
    """The surviving values of a field.

    Attributes:
        record: The record that each cluster's value is from; -1 where no record has one.
        lost: The records whose value is another one.
    """

    record: Positions
    lost: Positions


def survived(field: str, rule: str, fields: KeyFields, order: Order) -> Survived:
    """The survivors of a field by a rule.

    Args:
        field: The field.
        rule: ``most_recent``, ``source_priority``, ``most_frequent`` or ``keep_all``.
        fields: The records.
        order: Which records are better.
    """
    known = ~fields.missing(field)
    size = int(order.cluster.max(initial=-1)) + 1
    best = order.ranked if rule == "source_priority" else order.recent
    value = _plain_code(fields.frame[field], known)
    if rule == "most_frequent":
        best = best[np.argsort(-_frequency(order.cluster, value, known)[best], kind="stable")]
    record = _first(order.cluster, best[known[best]], size)
    kept = np.where(record >= 0, value[record], -1)
    other = known & (value != kept[order.cluster])
    return Survived(record, np.flatnonzero(other))


def all_values(field: str, fields: KeyFields, order: Order, record: Positions) -> pd.Series:
    """Every distinct value of a field in each cluster, best first, as a tuple; empty for none."""
    values = fields.frame[field]
    known = ~fields.missing(field)
    best = order.recent[known[order.recent]]
    pairs = pd.DataFrame({"cluster": order.cluster[best], "value": values.array.take(best)})
    pairs = pairs.drop_duplicates()
    several = pairs.groupby("cluster", sort=True)["value"].agg(tuple)
    found = several.reindex(range(len(record)))
    return found.where(found.notna(), pd.Series([()] * len(record), dtype=object))


def _plain_code(values: pd.Series, known: Mask) -> npt.NDArray[np.intp]:
    try:
        code = pd.factorize(values)[0]
    except TypeError:  # lists cannot be hashed, so their texts are compared
        code = pd.factorize(values.map(repr))[0]
    return np.where(known, code, -1)


def _frequency(
    cluster: Positions, value: npt.NDArray[np.intp], known: Mask
) -> npt.NDArray[np.int64]:
    both = pd.factorize(cluster * (int(value.max(initial=0)) + 1) + np.where(known, value, 0))[0]
    weights = np.bincount(both, weights=known)
    return np.asarray(weights[both]).astype(np.int64)


def _first(cluster: Positions, best: Positions, size: int) -> Positions:
    found = np.full(size, -1, np.intp)
    found[cluster[best[::-1]]] = best[::-1]  # of repeated places the last assignment stays
    return found


def conflicts_of(
    fields: KeyFields,
    ids: Mapping[str, pd.Series],
    found: Mapping[str, tuple[str, Survived]],
    order: Order,
) -> pd.DataFrame:
    """Every value that lost: one row per field and record."""
    parts = []
    for field, (rule, survivors) in found.items():
        rows = survivors.lost
        if not len(rows) or rule == "keep_all":
            continue
        kept = survivors.record[order.cluster[rows]]
        part = pd.DataFrame({name: column.array.take(rows) for name, column in ids.items()})
        part["field"] = field
        part["value"] = fields.frame[field].astype(object).to_numpy()[rows]
        part["kept_from"] = ids["record_id"].array.take(kept)
        parts.append(part.assign(rule=rule))
    names = [*ids, "field", "value", "kept_from", "rule"]
    if not parts:
        return pd.DataFrame(columns=names)
    return pd.concat(parts, ignore_index=True)[names]
