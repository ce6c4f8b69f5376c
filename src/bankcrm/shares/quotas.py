"""Quotas of an apportionment: whole parts and the order of the remainders, both exact."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_EXACT = 2**62
_EPSILON = 2.0**-53
_DENOMINATOR = 10**6
_LONGEST = 1024


def sum_exact(values: Ints) -> int:
    """Sum int64 values without overflow.

    >>> sum_exact(np.array([2**62, 2**62, 2**62]))
    13835058055282163712
    """
    return (int((values >> 32).sum()) << 32) + int((values & 0xFFFFFFFF).sum())


def quotas_of(total: int, weights: Ints | Floats) -> tuple[Ints, Ints]:
    """The whole part of each quota, and numbers in the order of the remainders.

    Floating point decides where its rounding cannot matter, and whole numbers of any length where
    it could, so that weights in the same proportions give the same result.

    Args:
        total: The units to share.
        weights: Numbers above 0.

    >>> [part.tolist() for part in quotas_of(2, np.array([0.1, 0.1, 0.4]))]
    [[0, 0, 1], [0, 0, 0]]
    """
    if weights.dtype.kind == "i":
        whole_weights = weights.astype(np.int64, copy=False)
        of = sum_exact(whole_weights)
        if of < _EXACT and int(whole_weights.max()) * total < _EXACT:
            whole, remainder = np.divmod(whole_weights * np.int64(total), np.int64(of))
            return whole, remainder
    distinct, place, counts = np.unique(weights, return_inverse=True, return_counts=True)
    whole, order = _of_distinct(total, distinct, counts)
    return whole[place], order[place]


def _of_distinct(total: int, weights: npt.NDArray[Any], counts: Ints) -> tuple[Ints, Ints]:
    scaled = weights / weights.max()
    quota = scaled * (total / math.fsum(scaled * counts))
    error = 16 * _EPSILON * quota
    whole = np.floor(quota)
    remainder = quota - whole
    close = (remainder <= error) | (1 - remainder <= error)
    rising = np.argsort(remainder)
    doubt = error[rising]
    tied = np.diff(remainder[rising]) <= doubt[:-1] + doubt[1:]
    close[rising[:-1][tied]] = close[rising[1:][tied]] = True
    whole = whole.astype(np.int64)
    exact = np.zeros(len(weights), dtype=np.int64)
    if close.any():
        parts = proportions(weights)
        of = sum(map(operator.mul, parts, counts.tolist()))
        places = np.flatnonzero(close).tolist()
        found = [divmod(parts[i] * total, of) for i in places]
        whole[places] = [quotient for quotient, _ in found]
        remainder[places] = [rest / of for _, rest in found]
        ranks = {rest: rank for rank, rest in enumerate(sorted({rest for _, rest in found}))}
        exact[places] = [ranks[rest] for _, rest in found]
    rising = np.lexsort((exact, remainder))
    rises = (np.diff(remainder[rising]) > 0) | (np.diff(exact[rising]) > 0)
    order = np.empty(len(weights), dtype=np.int64)
    order[rising] = np.concatenate([[0], np.cumsum(rises)])
    return whole, order


def proportions(weights: npt.NDArray[Any]) -> list[int]:
    """Whole numbers in the proportions of the weights.

    The decimals 0.1, 0.2 and 0.3 are binary numbers that are not quite in the proportions of 1, 2
    and 3. So where every weight is a simple fraction of the largest, up to rounding, those
    fractions count; elsewhere the binary numbers as they are.

    >>> proportions(np.array([0.1, 0.2, 0.3]))
    [1, 2, 3]
    """
    if weights.dtype.kind == "i":
        return [int(w) for w in weights]
    fractions = _simple_fractions(weights / weights.max())
    if fractions is not None:
        above, below = (part.tolist() for part in fractions)
        common = math.lcm(*set(below))
        if common.bit_length() <= _LONGEST:
            return [a * (common // b) for a, b in zip(above, below, strict=True)]
    mantissa, exponent = np.frexp(weights)
    whole = (mantissa * 2.0**53).astype(np.int64).tolist()
    shifts = (exponent - exponent.min()).tolist()
    return [w << shift for w, shift in zip(whole, shifts, strict=True)]


def _simple_fractions(ratios: Floats) -> tuple[Ints, Ints] | None:
    """Numerators and denominators by continued fractions; None unless all ratios are simple."""
    if (ratios * _DENOMINATOR < 0.5).any():
        return None
    above, above_before = np.ones(len(ratios)), np.zeros(len(ratios))
    below, below_before = above_before, above
    rest, done = ratios, np.zeros(len(ratios), dtype=np.bool_)
    while not done.all():
        part = np.floor(rest)
        found = part * above + above_before, part * below + below_before
        above, above_before = np.where(done, above, found[0]), np.where(done, above_before, above)
        below, below_before = np.where(done, below, found[1]), np.where(done, below_before, below)
        done |= np.abs(above / below - ratios) <= 8 * _EPSILON * ratios
        if (below[~done] > _DENOMINATOR).any():
            return None
        rest = 1 / np.where(done, 1.0, rest - part)
    return above.astype(np.int64), below.astype(np.int64)
