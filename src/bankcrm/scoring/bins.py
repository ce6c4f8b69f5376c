"""Bins of one feature with their weight of evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import card, figures_of
from bankcrm.arguments import as_items, as_share, as_whole_number, refuse
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames.arrays import ArrayLike, flags
from bankcrm.rules import UnaryTest
from bankcrm.scoring.cells import Cells, FeatureKind, cells_of
from bankcrm.scoring.partition import Partition, Trend, best_partition, weight_of_evidence

AskedTrend = Trend | Literal["auto"]
Events = npt.NDArray[np.bool_]


@attrs.frozen
class Bin:
    """One bin: a unary test of the feature, and what was found in it.

    Attributes:
        test: The test, as ``[12..36)``, ``in (a, b)`` or ``missing``.
        count: Rows in the bin.
        events: Rows with the event.
        woe: Weight of evidence; above zero where the event is rarer than in the whole sample.
    """

    test: UnaryTest
    count: int
    events: int
    woe: float


@attrs.frozen
class Bins:
    """The bins of a feature; exactly one of them holds for a value.

    Attributes:
        feature: Name of the feature.
        kind: ``number``, ``text`` or ``boolean``.
        trend: How the event rate goes over the bins of a number; ``words`` for texts and booleans.
        bins: The bins: ranges in rising order, or words in order of their event rate; then
            ``missing`` if a value was missing.
        iv: Information value.
    """

    feature: str
    kind: FeatureKind
    trend: Literal["ascending", "descending", "peak", "valley", "words"]
    bins: tuple[Bin, ...]
    iv: float

    def frame(self) -> pd.DataFrame:
        """The bins: ``test``, ``count``, ``share``, ``events``, ``rate``, ``woe`` and ``iv``."""
        count = np.array([b.count for b in self.bins], dtype=np.int64)
        events = np.array([b.events for b in self.bins], dtype=np.int64)
        rows, hits = int(count.sum()), int(events.sum())
        _, iv = weight_of_evidence(count, events, rows, hits)
        with np.errstate(invalid="ignore"):
            rate = events / count
        return pd.DataFrame(
            {
                "test": [str(b.test) for b in self.bins],
                "count": count,
                "share": count / rows,
                "events": events,
                "rate": rate,
                "woe": [b.woe for b in self.bins],
                "iv": np.where([b.woe == 0 for b in self.bins], 0.0, iv),
            }
        )

    def _repr_html_(self) -> str:
        return card(f"Bins of {self.feature}", figures_of(self, "trend", "iv"), self.frame())


def fit_bins(
    values: ArrayLike,
    event: ArrayLike,
    *,
    feature: str = "",
    trend: AskedTrend = "auto",
    max_bins: int = 6,
    min_share: float = 0.05,
    min_count: int = 30,
) -> Bins:
    """Bins of a feature with the highest information value that keep a trend.

    Numbers are first cut into at most forty ranges with about as many rows each; words are put in
    order of their event rate. Among all ways to join neighbours, the best is found exactly.

    Args:
        values: Numbers, texts or booleans, one per row; a missing value is a bin of its own.
        event: Whether the event happened: booleans, or 0 and 1, one per row.
        feature: The name of the feature; by default that of the Series.
        trend: How the event rate goes as a number rises; ``auto`` takes the better of
            ``ascending`` and ``descending``, or a ``peak`` or ``valley`` that has half as much
            information value again.
        max_bins: The most bins, without that of missing values.
        min_share: The smallest share of the rows in a bin.
        min_count: The fewest rows of a bin. Words that are rarer are one group, which takes words
            that were never seen as well. Fewer missing values than this weigh nothing.

    Returns:
        The bins. A row without a value is in no bin if no value was missing in the fit.

    Raises:
        DataError: The event is missing somewhere or happened to all or none; the values are dates
            or infinite; lengths differ.
        UnknownNameError: No such trend.

    Source: default.

    >>> months = pd.Series([1, 2, 3, 4, 5, 6, 7, 8] * 20, name="months")
    >>> left = months < 4
    >>> bins = fit_bins(months, left, max_bins=2)
    >>> [str(b.test) for b in bins.bins], bins.trend
    (['< 4', '>= 4'], 'descending')
    """
    hits = event_of(event)
    column = series_of(values, "values")
    name = feature or str(column.name if column.name is not None else "feature")
    limits = BinLimits(max_bins, min_share, min_count)
    return binned(column, hits, name, trend, limits)[0]


@attrs.frozen
class BinLimits:
    """How many bins there may be, and how small."""

    max_bins: int
    min_share: float
    min_count: int

    def __attrs_post_init__(self) -> None:
        """Refuse limits that leave no bin."""
        as_whole_number(self.max_bins, "max_bins", 1)
        as_whole_number(self.min_count, "min_count", most=math.inf)
        as_share(self.min_share, "min_share", one=False)


def event_of(event: ArrayLike) -> Events:
    """The event of each row as booleans.

    Raises:
        DataError: It is missing somewhere, is neither true nor false, or has one value only.
    """
    plain = isinstance(event, np.ndarray) and event.ndim == 1
    found = flags(event if plain else series_of(event, "event"), "event")
    if found.any() and not found.all():
        return found
    raise DataError(
        f"event: happened in {int(found.sum()):,} of {len(found):,} rows; expected rows with and "
        "rows without it"
    )


def series_of(values: object, name: str) -> pd.Series:
    """A column of values as a Series.

    Raises:
        DataError: It is no column.
    """
    if isinstance(values, pd.Series):
        return values
    items = as_items(values, name, "one column") if not isinstance(values, np.ndarray) else values
    if isinstance(values, pd.DataFrame) or np.ndim(items) != 1:
        refuse(name, "one column", values, "give a column, such as frame['amount']")
    return pd.Series(items)


def binned(
    values: pd.Series, event: Events, feature: str, trend: AskedTrend, limits: BinLimits
) -> tuple[Bins, npt.NDArray[np.intp]]:
    """The bins of a feature, and the bin of each row (-1 where a value is in none)."""
    if len(values) != len(event):
        raise DataError(f"{feature}: {len(values):,} values for {len(event):,} rows of the event")
    known = ("auto", *get_args(Trend))
    if trend not in known:
        raise UnknownNameError("trend", trend, known)
    cells = cells_of(values, event, feature, min_count=limits.min_count)
    present = cells.code >= 0
    count = np.bincount(cells.code + 1, minlength=cells.size + 1)
    hits = np.bincount(cells.code[event] + 1, minlength=cells.size + 1)
    rows, all_events = len(event), int(event.sum())
    found: Partition | None = None
    if present.any():
        found = best_partition(
            count[1:],
            hits[1:],
            rows=rows,
            all_events=all_events,
            trend=trend if cells.kind == "number" else "ascending",
            max_bins=limits.max_bins,
            min_size=max(limits.min_count, int(np.ceil(limits.min_share * rows))),
        )
    starts = () if found is None else found.starts
    bins, code = _bins(cells, starts, count, hits, limits.min_count)
    kind_trend = found.trend if found is not None and cells.kind == "number" else "words"
    counts, events = ([getattr(b, name) for b in bins] for name in ("count", "events"))
    _, iv = weight_of_evidence(counts, events, rows, all_events)
    total = float(sum(v for v, b in zip(iv.tolist(), bins, strict=True) if b.woe))
    return Bins(feature, cells.kind, kind_trend, tuple(bins), total), code


def _bins(
    cells: Cells,
    starts: Sequence[int],
    count: npt.NDArray[np.intp],
    hits: npt.NDArray[np.intp],
    min_count: int,
) -> tuple[list[Bin], npt.NDArray[np.intp]]:
    """The bins from the first cell of each; those of unknown words and missing values come last."""
    rows, all_events = int(count.sum()), int(hits.sum())
    bin_of = np.append(np.searchsorted(starts, np.arange(cells.size), side="right") - 1, -1)
    code = bin_of[cells.code]
    sums = [
        (int(a.sum()), int(b.sum()))
        for a, b in (
            (count[1:][bin_of[:-1] == i], hits[1:][bin_of[:-1] == i]) for i in range(len(starts))
        )
    ]
    tests = cells.tests(tuple(starts)) if starts else []
    if cells.kind == "text" and cells.other is None and len(starts) > 1:
        tests.append(UnaryTest("not", tuple(w for words in cells.words for w in words)))
        sums.append((0, 0))
    if count[0]:
        tests.append(UnaryTest("missing"))
        sums.append((int(count[0]), int(hits[0])))
        code = np.where(cells.code < 0, len(tests) - 1, code)
    woe, _ = weight_of_evidence([n for n, _ in sums], [e for _, e in sums], rows, all_events)
    few = [
        n == 0 or (t.op == "missing" and n < min_count)
        for t, (n, _) in zip(tests, sums, strict=True)
    ]
    return [
        Bin(test, n, e, 0.0 if weak else float(w))
        for test, (n, e), w, weak in zip(tests, sums, woe, few, strict=True)
    ], code
