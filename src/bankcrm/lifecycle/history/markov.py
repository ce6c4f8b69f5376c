"""Markov chains over stages: steady state, time to absorption and value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.arguments import (
    as_finite,
    as_generator,
    as_items,
    as_kind,
    as_number,
    as_numbers,
    as_whole_number,
    refuse,
)
from bankcrm.errors import DataError
from bankcrm.frames.column import fault_in_rows
from bankcrm.intervals import percentile_ends

Floats: TypeAlias = npt.NDArray[np.float64]
Chain: TypeAlias = "pd.DataFrame | npt.NDArray[np.float64] | Sequence[Sequence[float]]"
_ROUNDING = 1e-12
Rewards: TypeAlias = "pd.Series | Mapping[str, float] | Sequence[float] | npt.NDArray[np.float64]"


def steady_state(P: Chain) -> pd.Series:  # noqa: N803 - P is the field's own name
    """The shares of the stages in the long run.

    Args:
        P: Transition probabilities of one period, one row per stage before.

    Returns:
        A share for each stage, adding up to 1.

    Raises:
        DataError: ``P`` is not a transition matrix, or the long-run shares depend on the start.

    Source: CBM-5.

    >>> [round(x, 4) for x in steady_state([[0.9, 0.1], [0.05, 0.95]])]
    [0.3333, 0.6667]
    """
    matrix, names = chain(P)
    closed = closed_classes(matrix)
    if len(closed) > 1:
        sets = "; ".join(", ".join(str(names[i]) for i in c) for c in closed)
        raise DataError(
            f"P: {len(closed)} sets of stages are never left ({sets}), so the shares depend on the "
            "start; use absorption_times, or look at one set alone"
        )
    inside = closed[0]
    share = np.zeros(len(matrix))
    share[inside] = _stationary(matrix[np.ix_(inside, inside)])
    return pd.Series(share, index=names, name="share")


def _stationary(block: Floats) -> Floats:
    """The long-run shares of stages that lead to each other and nowhere else."""
    size = len(block)
    equations = np.vstack([(block.T - np.eye(size))[:-1], np.ones(size)])
    share: Floats = np.linalg.solve(equations, np.append(np.zeros(size - 1), 1.0))
    return share


def absorption_times(P: Chain, *, absorbing: Sequence[object] | None = None) -> pd.DataFrame:  # noqa: N803
    """Expected periods until a chain is absorbed, and where.

    Args:
        P: Transition probabilities of one period.
        absorbing: Stages to stop at, whether or not they can be left (first passage); by default
            the stages that are never left.

    Returns:
        One row per stage: ``periods`` (infinite where absorption is not certain) and, under each
        absorbing stage's name, the probability to end there.

    Raises:
        DataError: ``P`` is not a transition matrix, or there is no such absorbing stage.

    Source: LCM-6.

    >>> absorption_times([[0.8, 0.2], [0.0, 1.0]])["periods"].round(6).tolist()
    [5.0, 0.0]
    """
    matrix, names = chain(P)
    if absorbing is None:
        stop = np.flatnonzero(np.diag(matrix) == 1.0)
    else:
        absorbing = as_items(absorbing, "absorbing", "a list of stages")
        if unknown := [a for a in absorbing if a not in names]:
            raise DataError(f"absorbing: no stage {few(unknown)}; expected some of {few(names)}")
        stop = np.flatnonzero(names.isin(absorbing))
    if len(stop) == 0:
        raise DataError("P: no stage is absorbing; name some with absorbing=")
    stopped = matrix.copy()
    stopped[stop] = np.eye(len(matrix))[stop]
    trapped = [c for c in closed_classes(stopped) if not np.isin(c, stop).any()]
    never = np.concatenate([np.empty(0, dtype=np.intp), *trapped])
    through = np.setdiff1d(np.arange(len(matrix)), np.union1d(stop, never))
    away = np.linalg.inv(np.eye(len(through)) - stopped[np.ix_(through, through)])
    periods = np.zeros(len(matrix))
    periods[never] = np.inf
    lost = _reaching(stopped, np.isin(np.arange(len(matrix)), never))[through]
    periods[through] = np.where(lost, np.inf, away.sum(axis=1))
    ends = np.zeros((len(matrix), len(stop)))
    ends[stop] = np.eye(len(stop))
    ends[through] = away @ stopped[np.ix_(through, stop)]
    result = pd.DataFrame(ends, index=names, columns=names[stop])
    result.insert(0, "periods", periods)
    return result


def markov_value(
    P: Chain,  # noqa: N803
    rewards: Rewards,
    *,
    discount: float,
    horizon: int | None = None,
) -> pd.Series:
    """The present value of a customer in each stage, by the migration model of Pfeifer & Carraway.

    The reward of the present period counts in full, that of period ``t`` by ``(1 + discount)**-t``.
    Without a horizon the value is the limit of the sum over all periods, from the fundamental
    matrix. It is finite for any discount above 0, and for others where rewards end: where a chain
    is absorbed in stages that earn nothing, or settles on rewards that cancel out.

    Args:
        P: Transition probabilities of one period.
        rewards: What a customer in each stage contributes in a period, in money; by stage name, or
            in the order of ``P``.
        discount: Rate per period, above -1.
        horizon: Last period that counts; None for an infinite horizon.

    Returns:
        A value for each stage, in the unit of ``rewards``.

    Raises:
        DataError: ``P`` is not a transition matrix, rewards do not fit, or the sum over all periods
            has no finite limit; the message names the stages that earn for ever.

    Source: PB-6; Pfeifer & Carraway (2000), Journal of Interactive Marketing 14(2); Kemeny & Snell
    (1960) for the fundamental matrix.

    >>> P = [[0.3, 0.7, 0.0], [0.2, 0.0, 0.8], [0.0, 0.0, 1.0]]
    >>> round(float(markov_value(P, [36, -4, 0], discount=0.2)[0]), 4)
    51.5745
    >>> markov_value(P, [36, -4, 0], discount=0).round(4).tolist()
    [59.2857, 7.8571, 0.0]
    """
    matrix, names = chain(P)
    reward = _rewards(rewards, names)
    discount = as_finite(discount, "discount")
    if discount <= -1:
        raise DataError(f"discount: expected a rate above -1 per period, found {discount}")
    if horizon is None:
        value = _endless_value(matrix, reward, float(discount), names)
    else:
        step = matrix / (1 + discount)
        value = reward
        for _ in range(as_whole_number(horizon, "horizon")):
            value = reward + step @ value
    return pd.Series(value, index=names, name="value")


def markov_value_interval(
    counts: pd.DataFrame,
    rewards: Rewards,
    *,
    discount: float,
    seed: int,
    draws: int = 2000,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """The value of `markov_value` with an interval, from how many customers moved.

    Each row of the matrix is drawn from its Dirichlet distribution given the counts, with a half
    for each move that the model allows, that is, each that was seen. The interval says how well the
    counts settle the matrix, not that the moves will stay the same.

    Args:
        counts: Customers by stage before (rows) and after (columns), one period later.
        rewards: As for `markov_value`.
        discount: Rate per period, above 0.
        seed: Seed of the draws.
        draws: Number of matrices.
        confidence: Coverage, between 0 and 1.

    Returns:
        Indexed by stage: ``value``, ``lower`` and ``upper``, in the unit of ``rewards``.

    Raises:
        DataError: Counts are not whole numbers from 0 on, a stage has none, or as for
            `markov_value`.

    Source: PB-6.

    >>> counts = pd.DataFrame([[90, 10], [0, 50]], index=["active", "lost"],
    ...                       columns=["active", "lost"])
    >>> found = markov_value_interval(counts, [100, 0], discount=0.1, seed=1)
    >>> found.loc["active"].round().tolist()
    [550.0, 407.0, 724.0]
    """
    as_kind(counts, pd.DataFrame, "counts", "give customers by stage before and after")
    seen = as_numbers(counts, "counts")
    whole = np.isfinite(seen) & (seen >= 0) & (seen == np.floor(seen))
    odd = counts.index[~whole.all(axis=-1)]
    fault_in_rows("counts", "", "no count", odd, "whole numbers from 0 on", what="stage").refuse()
    if (empty := seen.sum(axis=1) == 0).any():
        stages = ", ".join(map(str, counts.index[empty]))
        raise DataError(f"counts: nobody was in {stages} before; leave the stage out")
    if not as_number(discount, "discount") > 0:
        raise DataError(f"discount: expected a rate above 0 per period, found {discount}")
    share = pd.DataFrame(seen / seen.sum(axis=1, keepdims=True), counts.index, counts.columns)
    value = markov_value(share, rewards, discount=discount)
    matrix, names = chain(share)
    reward = _rewards(rewards, names)
    half = np.where(seen > 0, seen + 0.5, 0.0)
    draws = as_whole_number(draws, "draws", 1)
    drawn = as_generator(seed).standard_gamma(half, (draws, *half.shape))
    drawn /= drawn.sum(axis=2, keepdims=True)
    system = np.eye(len(matrix)) - drawn / (1 + discount)
    values = np.linalg.solve(system, reward[:, None])
    ends = percentile_ends(values[:, :, 0], confidence, axis=0)
    return pd.DataFrame({"value": value, "lower": ends[0], "upper": ends[1]})


def _endless_value(matrix: Floats, reward: Floats, discount: float, names: pd.Index) -> Floats:
    """The sum over all periods; a stage from which no reward can be reached is worth nothing."""
    value = np.zeros(len(matrix))
    through = _reaching(matrix, reward != 0)
    if discount == 0:
        for inside in closed_classes(matrix):
            if reward[inside].any():
                value[inside] = _settled_value(matrix, reward, inside, names)
                through[inside] = False
    step = matrix / (1 + discount)
    inner = step[np.ix_(through, through)]
    growth = float(np.abs(np.linalg.eigvals(inner)).max(initial=0.0))
    if growth >= 1 - _ROUNDING:
        raise DataError(
            f"discount: at a rate of {discount:g} the value is infinite: rewards grow faster than "
            f"customers leave, by the factor {growth:g} per period; give horizon= or a higher rate"
        )
    known = reward[through] + step[through] @ value
    value[through] = np.linalg.solve(np.eye(len(inner)) - inner, known)
    return value


def _settled_value(
    matrix: Floats, reward: Floats, inside: npt.NDArray[np.intp], names: pd.Index
) -> Floats:
    """The undiscounted sum in stages that are never left.

    It is finite where the rewards cancel out in the long run, and the chain has no fixed rhythm.
    """
    block, earned = matrix[np.ix_(inside, inside)], reward[inside]
    share = _stationary(block)
    rhythm = (np.abs(np.linalg.eigvals(block)) > 1 - _ROUNDING).sum() > 1
    mean = float(share @ earned)
    endless = abs(mean) > _ROUNDING * float(share @ np.abs(earned))
    if rhythm or endless:
        stages = ", ".join(f"{names[i]} {reward[i]:g}" for i in inside)
        how = f"is infinite, {mean:g} a period" if endless else "swings for ever"
        raise DataError(
            f"discount: at a rate of 0 the value {how}, because these stages are never left and "
            f"go on earning: {stages}; give horizon= or a rate above 0"
        )
    size = len(inside)
    long_run = np.tile(share, (size, 1))
    return np.asarray(np.linalg.solve(np.eye(size) - block + long_run, earned), dtype=np.float64)


def _reaching(matrix: Floats, goal: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The stages from which a stage of ``goal`` can be reached, that stage included."""
    found = goal
    for _ in range(len(matrix)):
        found = found | (matrix[:, found] > 0).any(axis=1)
    return found


def expected_reward(P: Chain, rewards: Rewards, *, period: int) -> pd.Series:  # noqa: N803
    """The reward expected in one later period, undiscounted, from each stage now.

    Args:
        P: Transition probabilities of one period.
        rewards: As in `markov_value`.
        period: How many periods from now; 0 is the present one.

    Source: PB-6.

    >>> round(float(expected_reward([[0.9, 0.1], [0.05, 0.95]], [79, -2], period=5)[0]), 5)
    48.96009
    """
    matrix, names = chain(P)
    steps = np.linalg.matrix_power(matrix, as_whole_number(period, "period"))
    return pd.Series(steps @ _rewards(rewards, names), index=names, name="reward")


def chain(P: Chain) -> tuple[Floats, pd.Index]:  # noqa: N803
    """A transition matrix checked, and the names of its stages.

    Raises:
        DataError: Not square, a probability outside 0 to 1, or rows that do not add up to 1.
    """
    matrix = as_numbers(P, "P")
    if matrix.ndim != 2:
        refuse("P", "a square matrix", P)
    frame = P if isinstance(P, pd.DataFrame) else pd.DataFrame(matrix)
    if matrix.shape[0] != matrix.shape[1] or matrix.size == 0:
        raise DataError(
            f"P: expected a square matrix, found {matrix.shape[0]} by {matrix.shape[1]}"
        )
    if isinstance(P, pd.DataFrame) and list(frame.index) != list(frame.columns):
        raise DataError("P: rows and columns name different stages, or in another order")
    bad = ~(np.abs(matrix.sum(axis=1) - 1) <= 1e-8) | (matrix < 0).any(axis=1)
    if bad.any():
        rows = few(np.flatnonzero(bad), lambda i: f"{frame.index[i]}: {matrix[i].sum():g}")
        raise DataError(
            f"P: {int(bad.sum())} rows are no probabilities that add up to 1 (sums {rows}); "
            "a stage that was never seen has no row: leave it out, or give it one"
        )
    return matrix, pd.Index(frame.index)


def closed_classes(matrix: Floats) -> list[npt.NDArray[np.intp]]:
    """The sets of stages that are never left once entered."""
    from scipy.sparse.csgraph import connected_components

    count, member = connected_components(matrix > 0, directed=True, connection="strong")
    sets = [np.flatnonzero(member == c) for c in range(count)]
    return [s for s in sets if not np.delete(matrix[s], s, axis=1).any()]


def _rewards(rewards: Rewards, names: pd.Index) -> Floats:
    if isinstance(rewards, Mapping):
        rewards = pd.Series(rewards)
    if isinstance(rewards, pd.Series):
        differing = rewards.index.symmetric_difference(names)
        if len(differing):
            raise DataError(
                f"rewards: expected one for each of {few(names)}; "
                f"too many or missing: {few(differing)}"
            )
        rewards = rewards.reindex(names)
    reward = as_numbers(rewards, "rewards")
    if reward.shape != (len(names),):
        raise DataError(f"rewards: expected {len(names)} numbers, one for each of {few(names)}")
    unknown = names[~np.isfinite(reward)]
    fault_in_rows("rewards", "", "null or infinite", unknown, what="stage").refuse()
    return reward
