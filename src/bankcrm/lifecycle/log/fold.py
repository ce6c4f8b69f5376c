"""Many customers' events folded through a stage model, all customers at once."""

from __future__ import annotations

from typing import TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from bankcrm.lifecycle.model import StageModel

Ints: TypeAlias = npt.NDArray[np.intp]
Small: TypeAlias = npt.NDArray[np.int8]
Mask: TypeAlias = npt.NDArray[np.bool_]


@attrs.frozen(eq=False)
class Fold:
    """What became of each entry, in order of customer and date.

    Args:
        order: Position of each entry among those given.
        place: For each entry given, its position in this order.
        before: Stage before it.
        stage: Stage after it.
        changed: Whether it changed the stage, or is the customer's first.
        refused: Code of the reason why it had no effect; -1 where it had.
    """

    order: Ints
    place: Ints
    before: Small
    stage: Small
    changed: Mask
    refused: Small


def next_stage(model: StageModel) -> Small:
    """Stage after, for stage before and event; -1 where there is no such move."""
    names, events = model.stage_names, model.event_names
    table = np.full((len(names), len(events)), -1, dtype=np.int8)
    for move in model.moves:
        table[names.index(move.before), events.index(move.event)] = names.index(move.after)
    return table


def contradictions(model: StageModel) -> Mask:
    """For a stage and two events at one instant, whether they contradict each other.

    They do where both orders are legal but end in different stages, or where the only legal order
    leaves the stage and comes straight back to it.
    """
    table = next_stage(model)
    stages, events = table.shape
    clash = np.zeros((stages, events, events), dtype=np.bool_)
    for s in range(stages):
        for a in range(events):
            for b in range(events):
                there, back = _both(table, s, a, b), _both(table, s, b, a)
                ends = [e for e in (there, back) if e is not None]
                if a != b and ends:
                    differ = len({end for _, end in ends}) > 1
                    undone = len(ends) == 1 and ends[0][1] == s and ends[0][0] != s
                    clash[s, a, b] = differ or undone
    return clash


def _both(table: Small, stage: int, first: int, second: int) -> tuple[int, int] | None:
    """The stage between and the stage after two events; None where an event is not legal."""
    between = int(table[stage, first])
    after = int(table[between, second]) if between >= 0 else -1
    return None if after < 0 else (between, after)


def fold(
    who: Ints,
    order: Ints,
    when: npt.NDArray[np.datetime64],
    event: Small,
    after: Small,
    *,
    table: Small,
    clash: Mask,
    initial: int,
    reasons: tuple[int, int, int],
    is_new: Mask | None = None,
    closed: Mask | None = None,
) -> Fold:
    """Take each customer's entries in turn; in round ``k`` the k-th entry of everyone at once.

    Args:
        who: Customer of each entry.
        order: The entries in order of customer and date.
        when: Instant of each entry.
        event: Event of each entry; -1 for one that sets the stage ``after``.
        after: Stage that such an entry sets.
        table: From `next_stage`.
        clash: From `contradictions`.
        initial: Stage before a customer's first entry.
        reasons: Codes of contradictory, guard failed, no such move.
        is_new: Which entries are being recorded, so that contradictions are looked for.
        closed: For each new entry and stage, whether the guard fails.
    """
    size = len(order)
    who, when, event, after = who[order], when[order], event[order], after[order]
    new = np.zeros(size, dtype=np.bool_) if is_new is None else is_new[order]
    guard = np.full(size, -1, dtype=np.intp)
    if is_new is not None:
        number = np.cumsum(is_new) - 1
        guard = np.where(new, number[order], -1)
    same = np.zeros(size, dtype=np.bool_)
    same[:-1] = (who[1:] == who[:-1]) & (when[1:] == when[:-1]) & new[1:] & new[:-1]
    starts = np.flatnonzero(np.append(True, who[1:] != who[:-1])) if size else np.empty(0, np.intp)
    lengths = np.diff(np.append(starts, size))
    before, stage = np.empty(size, dtype=np.int8), np.empty(size, dtype=np.int8)
    refused = np.full(size, -1, dtype=np.int8)
    state = np.full(len(starts), initial, dtype=np.int8)
    contradictory, guard_failed, no_move = reasons
    for k in range(int(lengths.max(initial=0))):
        live = np.flatnonzero(lengths > k)
        row = starts[live] + k
        here, what = state[live], event[row]
        follows = np.where(what < 0, after[row], table[here, what])
        paired = np.flatnonzero(same[row] & (refused[row] < 0))
        twins = row[paired]
        bad = paired[clash[here[paired], event[twins], event[twins + 1]]]
        refused[row[bad]] = refused[row[bad] + 1] = contradictory
        missing = (follows < 0) & (refused[row] < 0)
        refused[row[missing]] = no_move
        if closed is not None:
            guarded = np.flatnonzero((guard[row] >= 0) & (refused[row] < 0))
            shut = guarded[closed[guard[row[guarded]], here[guarded]]]
            refused[row[shut]] = guard_failed
        follows = np.where(refused[row] >= 0, here, follows).astype(np.int8)
        before[row], stage[row], state[live] = here, follows, follows
    changed = stage != before
    changed[starts] = True
    place = np.empty(size, dtype=np.intp)
    place[order] = np.arange(size)
    return Fold(order, place, before, stage, changed, refused)
