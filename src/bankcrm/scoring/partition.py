"""The best cut of ordered cells into bins, by exact dynamic programming."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Trend = Literal["ascending", "descending", "peak", "valley"]

_RISES: dict[str, tuple[bool, ...]] = {
    "ascending": (True,),
    "descending": (False,),
    "peak": (True, False),
    "valley": (False, True),
}
_BEND_GAIN = 1.5
"""A peak or valley must have at least this times the information value of a one-way trend."""


@attrs.frozen
class Partition:
    """Neighbouring cells grouped into bins.

    Attributes:
        trend: How the event rate goes from bin to bin.
        starts: Position of the first cell of each bin; the first is 0.
        iv: Information value of the bins.
    """

    trend: Trend
    starts: tuple[int, ...]
    iv: float


def weight_of_evidence(
    count: npt.ArrayLike, events: npt.ArrayLike, rows: int, all_events: int
) -> tuple[Floats, Floats]:
    """Weight of evidence and information value of bins; an empty cell counts as half a row.

    Args:
        count: Rows of each bin.
        events: Rows with the event of each bin, of the same shape.
        rows: Rows of all bins.
        all_events: Rows with the event of all bins.

    Returns:
        ln(share of the rows without the event / share of those with it), above zero where the
        event is rarer than in the whole; and each bin's part of the information value.

    >>> woe, iv = weight_of_evidence([50, 50], [10, 30], 100, 40)
    >>> woe.round(4).tolist(), round(float(iv.sum()), 4)
    ([0.9808, -0.8109], 0.7466)
    """
    with_event = np.asarray(events, dtype=np.float64)
    without = np.asarray(count, dtype=np.float64) - with_event
    bad = np.where(with_event == 0, 0.5, with_event) / all_events
    good = np.where(without == 0, 0.5, without) / (rows - all_events)
    woe: Floats = np.log(good / bad)
    return woe, (good - bad) * woe


def best_partition(
    counts: Counts,
    events: Counts,
    *,
    rows: int,
    all_events: int,
    trend: Trend | Literal["auto"],
    max_bins: int,
    min_size: int,
) -> Partition:
    """The partition with the highest information value among those that keep the trend.

    The event rate strictly rises or falls from bin to bin. ``auto`` takes the better one-way
    trend, or a peak or valley that has half as much information value again. Where no partition of
    bins of the least size exists, all cells are one bin.

    Args:
        counts: Rows of each cell, in order.
        events: Rows with the event of each cell.
        rows: Rows of the whole sample, including those in no cell.
        all_events: Rows with the event of the whole sample.
        trend: How the event rate must go, or ``auto``.
        max_bins: The most bins.
        min_size: The fewest rows of a bin.
    """
    n, e = (np.concatenate([[0], np.cumsum(x)]) for x in (counts, events))
    size, hits = n[None, :] - n[:, None], e[None, :] - e[:, None]
    legal = size >= max(min_size, 1)  # a bin ends after its start
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(legal, hits / size, np.nan)
        _, iv = weight_of_evidence(size, hits, rows, all_events)
    iv = np.where(legal, iv, -np.inf)
    # by start of the bin before, start of the last bin, end of the last bin
    steps = {
        True: np.where(rate[:, :, None] < rate[None], 0.0, -np.inf),
        False: np.where(rate[:, :, None] > rate[None], 0.0, -np.inf),
    }
    if trend != "auto":
        return _found(_search(iv, [steps[up] for up in _RISES[trend]], max_bins), trend, None)
    up, down = (_search(iv, [steps[u] for u in _RISES[t]], max_bins) for t in ("peak", "valley"))
    one_way = max(_found(up, "ascending", 0), _found(down, "descending", 0), key=_rank)
    bent = max(_found(up, "peak", 1), _found(down, "valley", 1), key=_rank)
    return bent if bent.iv > _BEND_GAIN * one_way.iv else one_way


def _rank(found: Partition) -> float:
    return found.iv


@attrs.frozen(eq=False)
class _Search:
    """Best information value of bins that end at each cell.

    Attributes:
        best: Value by number of bins, phase of the trend, start and end of the last bin.
        before: Start of the bin before the last, and its phase, coded as start + cells x phase.
    """

    best: list[Floats]
    before: list[npt.NDArray[np.intp]]


def _search(iv: Floats, phases: list[Floats], max_bins: int) -> _Search:
    """Dynamic programming over the number of bins, the phase of the trend and the last bin.

    Args:
        iv: Information value of the bin from each start to each end.
        phases: What each phase of the trend adds to a pair of bins: 0 where it allows the pair.
        max_bins: The most bins.
    """
    cells = len(iv)
    first = np.full((len(phases), cells, cells), -np.inf)
    first[0, 0] = iv[0]
    best, before = [first], [np.zeros(first.shape, np.intp)]
    for _ in range(max_bins - 1):
        value, origin = np.full_like(first, -np.inf), np.zeros(first.shape, np.intp)
        for phase, allowed in enumerate(phases):
            earlier = best[-1][: phase + 1]
            came = earlier.argmax(axis=0)
            reach = earlier.max(axis=0)[:, :, None] + allowed
            at = reach.argmax(axis=0)
            value[phase] = np.take_along_axis(reach, at[None], axis=0)[0] + iv
            starts = np.arange(cells)[:, None]
            origin[phase] = at + cells * came[at, starts]
        if not np.isfinite(value).any():
            break
        best.append(value)
        before.append(origin)
    return _Search(best, before)


def _found(search: _Search, trend: Trend, phase: int | None) -> Partition:
    """The best partition that ends in a phase (None: in any); fewer bins where values are equal."""
    cells = search.best[0].shape[1]
    ends = [b[slice(None) if phase is None else [phase], :, -1] for b in search.best]
    values = np.array([end.max() for end in ends])
    if not np.isfinite(values).any():
        return Partition(trend, (0,), 0.0)  # no bin is large enough, so that all cells are one
    bins = int(np.flatnonzero(values >= values.max() - 1e-12)[0])
    place = int(ends[bins].argmax())
    at_phase, start = divmod(place, cells)
    at_phase = at_phase if phase is None else phase
    starts, end = [start], cells - 1
    for k in range(bins, 0, -1):
        came, previous = divmod(int(search.before[k][at_phase, start, end]), cells)
        at_phase, start, end = came, previous, start
        starts.append(start)
    return Partition(trend, tuple(reversed(starts)), float(values[bins]))
