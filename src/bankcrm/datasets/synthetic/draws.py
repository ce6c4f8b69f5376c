"""Random draws in whole numbers only, so that a seed gives the same book on every platform."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_BITS = 12  # a quantile table has 4,096 steps, and its last step another 4,096
_STEPS = 1 << _BITS


class Draws:
    """A stream of draws from one seed and one section of the book.

    Only the raw 64-bit stream of PCG64 is used, which numpy guarantees, and integer arithmetic:
    floating-point functions may differ in the last digit from one machine to the next.
    """

    def __init__(self, seed: int, section: int, part: int = 0) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence([seed, section, part]))

    def below(self, limit: int | Ints, count: int) -> Ints:
        """Whole numbers from 0 to ``limit`` - 1 (limits below 2**31); 0 where it is 0."""
        raw = self._bits.random_raw(count)
        high = (raw >> np.uint64(33)).astype(np.int64)
        drawn: Ints = (high * limit) >> 31
        return drawn

    def chance(self, permille: int | Ints, count: int) -> Mask:
        """True in so many of a thousand rows."""
        return np.asarray(self.below(1000, count) < permille)

    def pick(self, weights: Sequence[int], count: int) -> npt.NDArray[np.int8]:
        """Places in a list, by weight."""
        edges = np.cumsum(weights)
        drawn = self.below(int(edges[-1]), count)
        place: npt.NDArray[np.int8] = np.searchsorted(edges, drawn, side="right").astype(np.int8)
        return place

    def quantile(self, table: Ints, count: int) -> Ints:
        """Values from a table that `lognormal` or `heavy_tailed` made."""
        raw = self._bits.random_raw(count)
        step = (raw >> np.uint64(64 - _BITS)).astype(np.int64)
        second = (raw >> np.uint64(64 - 2 * _BITS)).astype(np.int64) & (_STEPS - 1)
        part = (raw >> np.uint64(20)).astype(np.int64) & 0xFFFF
        top = step == _STEPS - 1
        low = np.where(top, _STEPS - 1 + second, step)
        # Inside an ordinary step the second twelve bits say how far; at the top they chose a step.
        far = np.where(top, part, (second << 4) | (part >> 12))
        drawn: Ints = table[low] + (((table[low + 1] - table[low]) * far) >> 16)
        return drawn

    def about(self, values: Ints, percent: int) -> Ints:
        """The values, each moved by up to so many per cent."""
        return values * (100 - percent + self.below(2 * percent + 1, len(values))) // 100


@cache
def lognormal(median: int, sigma: float) -> Ints:
    """The quantile table of a lognormal distribution, in whole units."""
    return _table(lambda p: median * math.exp(sigma * NormalDist().inv_cdf(p)))


@cache
def heavy_tailed(median: int, sigma: float, tail: float, alpha: float) -> Ints:
    """A lognormal body with a Pareto tail above the last ``tail`` share of the customers."""
    join = median * math.exp(sigma * NormalDist().inv_cdf(1 - tail))

    def value(p: float) -> float:
        if p <= 1 - tail:
            return median * math.exp(sigma * NormalDist().inv_cdf(p))
        return float(join * (tail / (1 - p)) ** (1 / alpha))

    return _table(value)


def _table(value: Callable[[float], float]) -> Ints:
    """Whole values at the edges of the steps; the open ends are cut half a step inside."""
    body = [value(max(i, 0.5) / _STEPS) for i in range(_STEPS)]
    last = [value(1 - (1 - min(i, _STEPS - 0.5) / _STEPS) / _STEPS) for i in range(1, _STEPS + 1)]
    table = np.array([round(v) for v in body + last], dtype=np.int64)
    table.flags.writeable = False  # it is shared
    return table


@cache
def counts_table(means: tuple[float, ...]) -> npt.NDArray[np.int8]:
    """For each mean a table of 4,096 Poisson counts, to be indexed by a draw below 4,096."""
    rows = []
    for mean in means:
        row: list[int] = []
        chance, total, k = math.exp(-mean), 0.0, 0
        while len(row) < _STEPS:
            total += chance
            row += [k] * (min(round(total * _STEPS), _STEPS) - len(row))
            k += 1
            chance *= mean / k
        rows.append(row)
    table = np.array(rows, dtype=np.int8)
    table.flags.writeable = False
    return table
