"""One row per customer over all segmentations, and the profile of each segment (EB-6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from bankcrm.arguments import as_items, refuse
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import codes, found_in, is_unicode, numbers
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.customers import refuse_repeated
from bankcrm.frames.findings import with_findings
from bankcrm.frames.numbering import words_of
from bankcrm.models import personal_columns


def customer_view(parts: Mapping[str, pd.DataFrame | pd.Series]) -> pd.DataFrame:
    """Join the results of all segmentations to one row per customer.

    The result has every customer of any part; a customer who is not in a part has nulls in its
    columns, which a finding counts. A column name that two parts share gets the name of its part as
    a prefix: ``tiers_rule``.

    Args:
        parts: Name of the part -> its frame, or a Series, indexed by customer.

    Returns:
        Index ``customer_id``, the columns of all parts in their order.

    Raises:
        DataError: There is no part, or a part has a customer twice.

    Source: EB-6.

    >>> tiers = pd.DataFrame({"tier": ["key"], "note": ["k"]}, index=[1])
    >>> levels = pd.DataFrame({"level": ["increase", "reduce"], "note": ["l", "c"]}, index=[1, 2])
    >>> view = customer_view({"tiers": tiers, "levels": levels})
    >>> list(view.columns), len(view)
    (['tier', 'tiers_note', 'level', 'levels_note'], 2)
    """
    if not isinstance(parts, Mapping):
        refuse("parts", "the frames to join, by name", parts)
    if not parts:
        raise DataError("parts: none given; pass at least one frame to join, by name")
    frames = {
        name: part.to_frame(part.name or name) if isinstance(part, pd.Series) else as_frame(part)
        for name, part in parts.items()
    }
    index: pd.Index | None = None
    for name, frame in frames.items():
        refuse_repeated(frame.index, name)
        index = frame.index if index is None else index.union(frame.index)
    index = pd.Index([] if index is None else index, name="customer_id")
    names = pd.Index([column for frame in frames.values() for column in frame.columns])
    shared = set(names[names.duplicated()])
    columns = {}
    faults = []
    for name, frame in frames.items():
        absent = index.difference(frame.index)
        if len(absent):
            fault = fault_in_rows(name, "customer_id", "not_in_part", absent, what="customer")
            faults.append(fault)
        spread = frame.reindex(index)
        for column in frame.columns:
            columns[f"{name}_{column}" if column in shared else str(column)] = spread[column]
    return with_findings(pd.DataFrame(columns, index=index), faults)


def profile(view: pd.DataFrame, *, by: str, features: list[str] | None = None) -> pd.DataFrame:
    """Describe each segment: its size, and its means and shares against all customers.

    Args:
        view: One row per customer, such as from `customer_view`.
        by: The column of the segments; customers without one are the segment ``(none)``.
        features: Columns to describe; None for all others that are not personal. Numbers and
            booleans are described by their mean, words by the share of each word. Dates are left
            out.

    Returns:
        Index ``segment``, ``feature``, ``word`` (empty for a mean): ``customers`` (size of the
        segment, int64), ``known`` (int64, customers with a known value), ``segment_value``
        and ``overall_value`` (mean or share, float64), and ``index`` (their ratio; above 1 is
        over-represented; null where the overall value is zero).

    Raises:
        UnknownNameError: The view does not have a column.

    Source: EB-6, PB-4.

    >>> view = pd.DataFrame({"tier": ["key", "key", "ordinary", "ordinary"],
    ...                      "age": [50, 60, 30, 40], "city": ["A", "A", "A", "B"]})
    >>> found = profile(view, by="tier")
    >>> found.loc[("key", "age", ""), "segment_value"].item()
    55.0
    >>> round(found.loc[("key", "city", "A"), "index"].item(), 3)
    1.333
    """
    view = as_frame(view)
    if not isinstance(by, str):
        refuse("by", "the name of a column", by)
    personal = {by, *personal_columns(view.columns)}
    chosen = (
        [c for c in view.columns if c not in personal]
        if features is None
        else as_items(features, "features", "a list of columns")
    )
    for name in (by, *chosen):
        if name not in view.columns:
            raise UnknownNameError("column in the view", name, view.columns)
    named = np.where(view[by].isna(), "(none)", view[by].to_numpy(dtype=object))
    named_rows = pd.Series(named, view.index, dtype=object)
    segment = pd.Series(words_of(named_rows, by), view.index)
    parts = []
    for name in chosen:
        values = view[name]
        if types.is_datetime64_any_dtype(values.dtype):
            continue
        if types.is_bool_dtype(values.dtype) or types.infer_dtype(values) in _NUMBERS:
            parts.append(_means(segment, values, name))
        else:
            parts.append(_shares(segment, values, name))
    if not parts:
        return _described(pd.DataFrame(columns=["segment", "feature", "word", *_VALUES]))
    return _described(pd.concat(parts, ignore_index=True))


_NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal", "complex")
_VALUES = ("customers", "known", "segment_value", "overall_value")


def _described(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.set_index(["segment", "feature", "word"])
    overall = rows["overall_value"].astype(np.float64)
    ratio = rows["segment_value"].astype(np.float64) / overall.where(overall != 0)
    return rows.assign(index=ratio)


def _means(segment: pd.Series, values: pd.Series, name: str) -> pd.DataFrame:
    number = numbers(values.astype("Float64") if types.is_bool_dtype(values) else values, name)
    place, names = segment.cat.codes.to_numpy(), list(segment.cat.categories)
    there = ~np.isnan(number)
    known = np.bincount(place[there], minlength=len(names))
    total = np.bincount(place[there], weights=number[there], minlength=len(names))
    mean = np.divide(total, known, out=np.full(len(names), np.nan), where=known > 0)
    return pd.DataFrame(
        {
            "segment": names,
            "feature": name,
            "word": "",
            "customers": np.bincount(place, minlength=len(names)),
            "known": known,
            "segment_value": mean,
            "overall_value": number[there].mean() if there.any() else np.nan,
        }
    )


def _words(values: pd.Series, name: str) -> tuple[npt.NDArray[np.int64], list[Any]]:
    """The code of each word, and the words in order."""
    code, found = codes(values, name)
    if not is_unicode("".join(map(str, found))):
        raise DataError(f"{name}: {found_in(values, 'value')}; decode them")
    order = sorted(range(len(found)), key=lambda place: str(found[place]))
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(order)), -1
    return rank[code], [found[place] for place in order]


def _shares(segment: pd.Series, values: pd.Series, name: str) -> pd.DataFrame:
    place, names = segment.cat.codes.to_numpy().astype(np.int64), list(segment.cat.categories)
    code, words = _words(values, name)
    there = code >= 0
    size = (len(names), len(words))
    pair = place[there] * len(words) + code[there]
    counts = np.bincount(pair, minlength=size[0] * size[1]).reshape(size)
    known = counts.sum(axis=1)
    share = np.divide(counts, known[:, None], out=np.full(size, np.nan), where=(known > 0)[:, None])
    overall = counts.sum(axis=0) / max(int(known.sum()), 1)
    return pd.DataFrame(
        {
            "segment": np.repeat(np.array(names, dtype=object), len(words)),
            "feature": name,
            "word": [str(w) for w in words] * len(names),
            "customers": np.repeat(np.bincount(place, minlength=len(names)), len(words)),
            "known": np.repeat(known, len(words)),
            "segment_value": share.ravel(),
            "overall_value": np.tile(overall, len(names)),
        }
    )
