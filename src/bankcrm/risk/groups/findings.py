"""What is odd about the links: circles, loops, two controllers, shares that do not add up."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from bankcrm._display import first_few
from bankcrm.frames import DataFault
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.graph import connected_parts
from bankcrm.risk.groups.control import Control, Ints, Places, compact, only_parents, roots_of
from bankcrm.risk.groups.ties import CONTROL, SELF_LOOP, STAKE, Ties

_PEELS = 2  # more rounds take more time than they save


def findings_on(ties: Ties, control: Control, tolerance: float) -> tuple[DataFault, ...]:
    """The findings about links in force; none of them drops a link that can be used.

    Args:
        ties: The links.
        control: Who controls whom.
        tolerance: By how much shares may exceed the whole, for rounding.
    """
    held = (ties.code == CONTROL) | (ties.code == STAKE)
    owns = held & (ties.frame["link"] == "owns").to_numpy(np.bool_)
    total = np.zeros(len(ties.ids))
    np.add.at(total, ties.child, np.where(owns, np.nan_to_num(ties.share), 0.0))
    needs = ties.frame["link"].isin(["owns", "depends"]).to_numpy(np.bool_)
    unknown = needs & np.isnan(ties.share) & (ties.code < SELF_LOOP)
    found = [
        _rows("parent_id", "self_loop", ties.code == SELF_LOOP, "two parties",
              "the links are not used"),
        _rows("share", "null", unknown, "the share held, or the part of revenue or cost",
              "the links make no group"),
        _parties("parent_id", "two_controllers", _with_several_controllers(ties, control),
                 ties.ids, "one controller", "all of them are in one group"),
        _parties("share", "above_one", np.flatnonzero(total > 1 + tolerance), ties.ids,
                 "shares that add up to 1 at most", "the shares are used as they are"),
        _circles(ties.parent[held], ties.child[held], ties.ids),
        DataFault("links", "share", "near_control", control.near, (),
                  "a sum that is clearly above or below the controlling share",
                  "the sums count as half: more exact shares would decide"),
    ]  # fmt: skip
    return tuple(fault for fault in found if fault.count)


def _rows(column: str, problem: str, rows: np.ndarray, expected: str, advice: str) -> DataFault:
    return fault_in_rows("links", column, problem, np.flatnonzero(rows), expected, advice)


def _parties(
    column: str, problem: str, places: Iterable[int], ids: pd.Index, expected: str, advice: str
) -> DataFault:
    found = ids[np.asarray(list(places), np.int64)]
    return DataFault("links", column, problem, len(found), first_few(found), expected, advice)


def _with_several_controllers(ties: Ties, control: Control) -> Ints:
    """The entities that several parties control, of whom none controls another."""
    forks, tops = control.forest.forks, control.forest.tops
    below = forks != tops
    count = np.bincount(forks[below], minlength=len(ties.ids))
    return np.flatnonzero(count > 1)


def circles_of(parent: Places, child: Places, size: int) -> Places:
    """The number of the circle of each entity; -1 outside of circles.

    Args:
        parent: The first party of each link, from 0 to ``size`` - 1.
        child: The other party.
        size: The number of entities.

    >>> circles_of(np.array([0, 1, 2], np.int32), np.array([1, 0, 3], np.int32), 4).tolist()
    [0, 0, -1, -1]
    """
    a, b = parent, child
    for _ in range(_PEELS):  # an entity without a child is on no circle
        has_child = np.zeros(size, np.bool_)
        has_child[a] = True
        keep = has_child[b] & (a != b)
        a, b = a[keep], b[keep]
    up, extra = only_parents(size, a, b)
    root = roots_of(up)
    # Whoever has one parent is on a circle only with that parent: its root stands for it. What is
    # left are the links to roots.
    rows = np.flatnonzero(extra)
    own = np.arange(size, dtype=np.int32)
    rounds = np.flatnonzero((root == own) & (up != own))
    a = np.concatenate([a[rows], up[rounds]])
    b = np.concatenate([b[rows], rounds.astype(np.int32)])
    top = root[a]
    part = _strong_parts(size, top, b)
    inside = part[top] == part[b]
    a = a[inside]
    on = np.zeros(size, np.bool_)
    while len(a):  # from the last link of each circle up to its root
        on[a] = True
        a = up[a]
        a = np.unique(a[~on[a]])
    nodes = np.flatnonzero(on)
    circle = np.full(size, -1, np.int32)
    circle[nodes] = np.unique(part[root[nodes]], return_inverse=True)[1]
    return circle


def _strong_parts(size: int, parent: Places, child: Places) -> Places:
    """One member of the strongly connected part of each entity."""
    inside = np.zeros(size, np.bool_)
    inside[parent] = True
    has_parent = np.zeros(size, np.bool_)
    has_parent[child] = True
    inside &= has_parent
    keep = inside[parent] & inside[child]
    nodes, a, b = compact(size, parent[keep], child[keep])
    part = np.arange(size, dtype=np.int32)
    if len(nodes):
        found = connected_parts(len(nodes), a, b, strong=True)
        one = np.empty(len(nodes), np.int32)
        one[found] = nodes  # one member of each part
        part[nodes] = one[found]
    return part


def _circles(parent: Places, child: Places, ids: pd.Index) -> DataFault:
    circle = circles_of(parent, child, len(ids))
    members = np.flatnonzero(circle >= 0)
    count = int(circle.max()) + 1 if len(members) else 0
    expected = "no circle of owners"
    advice = f"{len(members):,} parties in {count:,} circles, each in one group"
    examples = first_few(ids[members])
    return DataFault("links", "parent_id", "circle", count, examples, expected, advice)
