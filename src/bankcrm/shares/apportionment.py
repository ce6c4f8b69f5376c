"""Exact apportionment: Hamilton's largest remainder under floors and caps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bankcrm._display import few
from bankcrm.arguments import as_numbers
from bankcrm.errors import DataError, InfeasibleError
from bankcrm.shares.quotas import quotas_of, sum_exact

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_EXACT = 2**62
_UNBOUNDED = np.iinfo(np.int64).max
_NEVER = 1e290  # a level that no total reaches


def apportion(
    total: int,
    weights: npt.ArrayLike,
    *,
    floors: npt.ArrayLike | None = None,
    caps: npt.ArrayLike | None = None,
) -> Ints:
    """Share whole units by weight; the shares add up to the total exactly.

    Without bounds this is Hamilton's method: each receiver gets the whole part of its quota, and
    the rest goes to the largest remainders. With floors and caps the quotas are those of
    water-filling: the share is ``weight * level``, limited to floor and cap, at the level that
    uses up the total.
    Equal remainders go to the larger weight first, then to the earlier position. Only the
    proportions of the weights count: 0.1, 0.1 and 0.4 share as 1, 1 and 4 do.

    Args:
        total: Units to share (money in minor units, staff minutes, seats), not negative.
        weights: One finite number per receiver, not negative; a receiver of weight zero gets only
            its floor.
        floors: Fewest units, one for all or one per receiver; None for zero.
        caps: Most units, one for all or one per receiver; None for no cap.

    Returns:
        int64 array, one share per weight, with the sum ``total``.

    Raises:
        DataError: A weight, floor, cap or total is not a valid number.
        InfeasibleError: No shares meet the bounds; the message names the bound.

    Source: CBM-6.

    >>> apportion(10, [47_000, 16_000, 15_800, 12_000, 6_100, 3_100]).tolist()
    [5, 2, 1, 1, 1, 0]
    >>> apportion(100, [6, 3, 1], floors=20, caps=50).tolist()
    [50, 30, 20]
    """
    units = _whole_total(total)
    given = _weights(weights)
    low = _bounds(floors, len(given), 0, "floors")
    high = _bounds(caps, len(given), _UNBOUNDED, "caps")
    _feasible(units, given, low, high)
    if not len(given):
        return np.zeros(0, dtype=np.int64)
    bounded = floors is not None or caps is not None
    fixed = _fixed(units, given, low, high) if bounded else (given == 0, given < 0)
    return _round(units, given, low, high, fixed)


def _whole_total(total: int) -> int:
    units = int(total) if isinstance(total, (int, np.integer)) else None
    if units is None or isinstance(total, bool):
        raise DataError(f"total: {total!r} is not a whole number; give minor units, such as cents")
    if units < 0:
        raise DataError(f"total: {units} is negative; give a budget of zero or more")
    if units >= _EXACT:
        raise DataError(f"total: {units} is too large; at most {_EXACT - 1}")
    return units


def _weights(weights: npt.ArrayLike) -> npt.NDArray[np.int64] | Floats:
    given = np.asarray(weights)
    if given.ndim != 1 or given.dtype.kind not in "iufb":
        given = as_numbers(weights, "weights")
    if given.ndim != 1:
        raise DataError(f"weights: expected one dimension, got shape {given.shape}")
    if given.dtype.kind == "f":
        given = given.astype(np.float64)
        _refuse(~np.isfinite(given), "weights", "not finite", given)
    else:
        given = given.astype(np.int64)
    _refuse(given < 0, "weights", "negative", given)
    if given.dtype.kind == "f" and (given < 2**42).all():
        # Weights such as 6.0 or 0.25 are whole numbers of 1/1024, which are faster.
        whole = given * 1024
        return whole.astype(np.int64) if (whole == np.floor(whole)).all() else given
    return given


def _bounds(given: npt.ArrayLike | None, size: int, default: int, name: str) -> Ints:
    if given is None:
        return np.full(size, default, dtype=np.int64)
    values = np.asarray(given)
    if values.dtype.kind == "f":
        _refuse(~(values == np.floor(values)), name, "not whole", values)
        values = np.minimum(values, float(_EXACT))
    elif values.dtype.kind not in "iu":
        raise DataError(f"{name}: expected whole numbers, got {values.dtype}")
    if values.ndim > 1 or (values.ndim == 1 and len(values) != size):
        raise DataError(f"{name}: {values.shape} values for {size} weights")
    bounds = np.broadcast_to(values.astype(np.int64), (size,))
    _refuse(bounds < 0, name, "negative", bounds)
    return bounds


def _refuse(bad: Bools, name: str, problem: str, values: npt.NDArray[np.generic]) -> None:
    where = np.flatnonzero(bad)
    if len(where):
        first = few(where, lambda i: f"[{i}] = {np.atleast_1d(values)[i]}")
        raise DataError(f"{name}: {len(where)} {problem}: {first}; expected finite numbers >= 0")


def _feasible(total: int, weights: Ints | Floats, low: Ints, high: Ints) -> None:
    crossed = np.flatnonzero(low > high)
    if len(crossed):
        i = crossed[0]
        raise InfeasibleError(
            f"{len(crossed)} floors lie above their caps, first [{i}]: {low[i]} > {high[i]}"
        )
    least = sum_exact(low)
    if least > total:
        raise InfeasibleError(f"floors: they add up to {least}, more than the total of {total}")
    # A receiver of weight zero stays at its floor, so only the others can take up the rest.
    most = sum_exact(np.where(weights > 0, np.minimum(high, _EXACT), low))
    if most < total:
        reason = "no weight is above zero" if not (weights > 0).any() else "caps and zero weights"
        raise InfeasibleError(f"{reason}: at most {most} can be shared, less than {total}")


def _fixed(total: int, weights: Ints | Floats, low: Ints, high: Ints) -> tuple[Bools, Bools]:
    """Which receivers are at their floor and which at their cap."""
    positive = weights > 0
    at_low, at_high = ~positive, np.zeros(len(weights), dtype=np.bool_)
    w = weights[positive].astype(np.float64)
    w = w / w.max(initial=1e-300)
    lo, hi = low[positive].astype(np.float64), high[positive].astype(np.float64)
    # The share of one is flat at its floor, rises from lo/w on, and is flat again from hi/w on.
    with np.errstate(divide="ignore", over="ignore"):
        breaks = np.minimum(np.concatenate([lo / w, hi / w]), _NEVER)
    slopes = np.concatenate([w, -w])
    order = np.argsort(breaks, kind="stable")
    points, slope = breaks[order], np.cumsum(slopes[order])
    filled = lo.sum() + float(low[~positive].sum())
    filled = filled + np.concatenate([[0.0], np.cumsum(np.diff(points) * slope[:-1])])
    # The last break at which no more than the total is used begins the segment of the level.
    segment = int(np.searchsorted(filled, float(total), side="right")) - 1
    segment = min(max(segment, 0), len(points) - 1)
    rising = slope[segment]
    level = points[segment]
    if filled[segment] < total and rising > 0:
        level += (total - filled[segment]) / rising
    at_low[positive] = w * level <= lo
    at_high[positive] = w * level >= hi
    return at_low, at_high


def _round(
    total: int, weights: Ints | Floats, low: Ints, high: Ints, fixed: tuple[Bools, Bools]
) -> Ints:
    at_low, at_high = fixed
    shares = np.where(at_high, high, low)
    free = ~(at_low | at_high)
    rest = total - sum_exact(shares[~free])
    rank = np.full(len(shares), -1, dtype=np.int64)
    if free.any():
        whole, rank[free] = quotas_of(rest, weights[free])
        shares[free] = np.clip(whole, low[free], high[free])
    left = total - sum_exact(shares)
    while left:
        # One unit each to the largest remainders below their cap; rounding of the level may leave
        # no free receiver, so every other receiver below its cap comes after the free ones.
        room = (shares < high) & (weights > 0) if left > 0 else shares > low
        chosen = _largest(np.flatnonzero(room), rank if left > 0 else -rank, weights, abs(left))
        shares[chosen] += 1 if left > 0 else -1
        left = total - sum_exact(shares)
        rank[free] = 0
    return shares


def _largest(candidates: Ints, rank: Ints, weights: Ints | Floats, count: int) -> Ints:
    """The ``count`` candidates of highest rank; ties to the larger weight, then the earlier one."""
    if count >= len(candidates):
        return candidates
    ranks = rank[candidates]
    threshold = np.partition(ranks, len(ranks) - count)[len(ranks) - count]
    above = candidates[ranks > threshold]
    level = candidates[ranks == threshold]
    need = count - len(above)
    heavy = level[np.argsort(-weights[level], kind="stable")[:need]]
    return np.concatenate([above, heavy])
