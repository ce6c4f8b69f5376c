"""Exact apportionment: Hamilton's largest remainder under floors and caps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bankcrm.errors import DataError, InfeasibleError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_EXACT = 2**62
_UNBOUNDED = np.iinfo(np.int64).max


def apportion(
    total: int,
    weights: npt.ArrayLike,
    *,
    floors: npt.ArrayLike | None = None,
    caps: npt.ArrayLike | None = None,
) -> Ints:
    """Share whole units by weight so that they add up to the last one.

    Without bounds this is Hamilton's method: everyone gets the whole part of its quota, and what is
    left goes to the largest remainders. With floors and caps the quotas are those of
    water-filling: the share is ``weight * level``, held between floor and cap, at the level that
    uses up the total.
    Equal remainders go to the larger weight first, then to the earlier position.

    Args:
        total: Units to share (money in minor units, staff minutes, seats), not negative.
        weights: One finite number a receiver, not negative; zero gets its floor only.
        floors: Least units, one for all or one each; none means zero.
        caps: Most units, one for all or one each; none means no cap.

    Returns:
        int64 array, one a weight, with sum ``total``.

    Raises:
        DataError: A weight, floor, cap or total that is no valid number.
        InfeasibleError: No sharing meets the bounds; the message names the one that binds.

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
        given = np.asarray(weights, dtype=np.float64)
    if given.ndim != 1:
        raise DataError(f"weights: expected one dimension, got shape {given.shape}")
    if given.dtype.kind == "f":
        given = given.astype(np.float64)
        _refuse(~np.isfinite(given), "weights", "not finite", given)
    else:
        given = given.astype(np.int64)
    _refuse(given < 0, "weights", "negative", given)
    if given.dtype.kind == "f" and (given < 2**42).all():
        # Weights such as 6.0 or 0.25 are whole numbers of 1/1024, for which quotas are exact.
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
        first = ", ".join(f"[{i}] = {np.atleast_1d(values)[i]}" for i in where[:5])
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


def sum_exact(values: Ints) -> int:
    """Sum int64 values without overflow.

    >>> sum_exact(np.array([2**62, 2**62, 2**62]))
    13835058055282163712
    """
    return (int((values >> 32).sum()) << 32) + int((values & 0xFFFFFFFF).sum())


def _fixed(total: int, weights: Ints | Floats, low: Ints, high: Ints) -> tuple[Bools, Bools]:
    """Who sits at the floor and who at the cap when the water is at its level."""
    positive = weights > 0
    at_low, at_high = ~positive, np.zeros(len(weights), dtype=np.bool_)
    w = weights[positive].astype(np.float64)
    lo, hi = low[positive].astype(np.float64), high[positive].astype(np.float64)
    # The share of one is flat at its floor, rises from lo/w on, and is flat again from hi/w on.
    breaks = np.concatenate([lo / w, hi / w])
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
    if free.any():
        whole, remainder = _quotas(rest, weights[free])
        shares[free] = np.clip(whole, low[free], high[free])
    else:
        remainder = np.zeros(0)
    left = total - sum_exact(shares)
    while left:
        # One unit each to the largest remainders that still have room; rounding of the level may
        # leave nobody free, so everybody with room takes part after the free ones.
        room = (shares < high) & (weights > 0) if left > 0 else shares > low
        rank = np.full(len(shares), -1.0)
        rank[free] = remainder
        chosen = _largest(np.flatnonzero(room), rank if left > 0 else -rank, weights, abs(left))
        shares[chosen] += 1 if left > 0 else -1
        left = total - sum_exact(shares)
        remainder = np.zeros(int(free.sum()))
    return shares


def _quotas(total: int, weights: Ints | Floats) -> tuple[Ints, Floats | Ints]:
    """Whole part and remainder of each quota: exact for whole weights, else in floating point."""
    if weights.dtype.kind == "i":
        exact = weights.astype(np.int64, copy=False)
        of = sum_exact(exact)
        if of < _EXACT and int(exact.max()) * total < _EXACT:
            whole, remainder = np.divmod(exact * np.int64(total), np.int64(of))
            return whole, remainder
    as_float = weights.astype(np.float64)
    as_float = as_float / as_float.max()
    quota = as_float * (float(total) / as_float.sum())
    whole_part = np.floor(quota)
    return whole_part.astype(np.int64), quota - whole_part


def _largest(candidates: Ints, rank: Floats, weights: Ints | Floats, count: int) -> Ints:
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
