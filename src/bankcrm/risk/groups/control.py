"""Who controls whom: the least fixpoint of control, on arrays.

X controls Y when X and what X controls hold more than a share of Y. The entities that nobody else
controls are the ultimate ones: it is enough to add up holdings by them, because what a controlled
entity controls is also controlled by its controller.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import attrs
import numpy as np
import numpy.typing as npt

from bankcrm.frames.graph import connected_parts

Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Shares = npt.NDArray[np.float64]

_BITS = 32  # of the number of a row


@attrs.frozen(eq=False)
class Forest:
    """Entities below those by whom they are controlled.

    Attributes:
        up: The only controller of each entity; the entity itself where it has none or several.
        root: Where the way up ends: at an entity without a controller, at one with several, or at
            the smallest entity of a circle.
        extra: Which of the edges lead to an entity with several controllers.
        forks: Entities with several controllers, and the roots above them; sorted.
        tops: The ultimate controller that belongs to each place of ``forks``.
    """

    up: Places
    root: Places
    extra: Mask
    forks: Places
    tops: Places

    def tops_of(self, entities: Places) -> tuple[Ints, Places]:
        """The ultimate controllers of entities: the place of the entity, and the controller."""
        root = self.root[entities]
        if not len(self.forks):
            return np.arange(len(entities)), root
        forked = self.is_fork[root]
        plain, several = np.flatnonzero(~forked), np.flatnonzero(forked)
        start = np.searchsorted(self.forks, root[several], "left")
        count = np.searchsorted(self.forks, root[several], "right") - start
        place = np.concatenate([plain, np.repeat(several, count)])
        return place, np.concatenate([root[plain], self.tops[_runs(start, count)]])

    def is_under(self, top: Places, entity: Places) -> Mask:
        """Whether each entity is the given ultimate controller or controlled by it."""
        root = self.root[entity]
        under: Mask = root == top
        if len(self.forks):
            forked = np.flatnonzero(self.is_fork[root])
            size = np.int64(len(self.root))
            pairs = self.forks.astype(np.int64) * size + self.tops
            asked = root[forked].astype(np.int64) * size + top[forked]
            place = np.minimum(np.searchsorted(pairs, asked), len(pairs) - 1)
            under[forked] = pairs[place] == asked
        return under

    def below(self, parent: Places, child: Places) -> Forest:
        """The forest of these pairs and more.

        Args:
            parent: The controller of each pair; those of this forest come first.
            child: The controlled entity.
        """
        start = len(self.extra)
        more, own = child[start:], np.arange(len(self.up), dtype=np.int32)
        to, extra = only_parents(len(own), parent[start:], more)
        before = child[:start][self.extra]
        second = more[self.up[more] != more]
        to[before], to[second] = before, second
        extra = np.concatenate([self.extra, extra | (to[more] == more)])
        up = np.where(to == own, self.up, to)
        moved = np.flatnonzero((to != own)[self.root])
        root = self.root.copy()
        root[moved] = roots_of(to)[root[moved]]
        if len(second):  # whoever was below it by its one controller
            several = np.zeros(len(own), np.bool_)
            several[second] = True
            extra[:start] |= several[child[:start]]
            up[second] = second
            below = np.zeros(len(own), np.bool_)
            below[root[second]] = True
            below = below[root]
            root[below] = up[below]
            root = _settled(root, up, np.flatnonzero(below & (up[root] != root)))
        forks, tops = _forks(len(own), root[parent[extra]], child[extra])
        return Forest(up, root, extra, forks, tops)

    @functools.cached_property
    def is_fork(self) -> Mask:
        """Whether each entity is one of ``forks``."""
        found = np.zeros(len(self.root), np.bool_)
        found[self.forks] = True
        return found


@attrs.frozen(eq=False)
class Control:
    """The control among entities.

    Attributes:
        forest: Entities below their controllers.
        parent: The controllers that hold enough only together with what they control.
        child: What each of them controls.
        share: What they hold together.
        holdings: The rows of the stakes that are added up, pair after pair.
        ends: Where the rows of each pair end.
        near: How many sums exceed the share by less than the tolerance.
    """

    forest: Forest
    parent: Places
    child: Places
    share: Shares
    holdings: Ints
    ends: Ints
    near: int


def control(
    size: int,
    parent: Places,
    child: Places,
    share: Shares,
    direct: Mask,
    *,
    decide: Callable[[Shares], Mask],
    tolerance: float,
) -> Control:
    """The least fixpoint of control.

    Args:
        size: The number of entities.
        parent: The holder of each stake, from 0 to ``size`` - 1, int32.
        child: The entity that it is a stake in.
        share: The part of the votes; nan where it is not known.
        direct: Stakes that give control by themselves.
        decide: Which sums of stakes give control.
        tolerance: By how much a sum of several stakes has to exceed a share: each may be rounded.
    """
    loops = parent == child
    rows = np.flatnonzero(direct & ~loops)
    a, b = parent[rows], child[rows]
    # A direct stake controls: no other top gets control by it, so only the others are added up.
    stakes = np.flatnonzero((share > 0) & ~direct & ~loops)
    total = np.bincount(child[stakes], share[stakes], size).astype(np.float64, copy=False)
    open_ = total > 0
    open_[open_] = decide(total[open_])
    stakes = stakes[open_[child[stakes]]]
    found: list[tuple[Places, Places, Shares, Ints, Ints]] = []
    near = 0
    forest = forest_of(size, a, b)
    while len(stakes):
        place, top = forest.tops_of(parent[stakes])
        row = stakes[place]
        free = ~forest.is_under(top, child[row])
        row, top = row[free], top[free]  # a stake of a holder with one more top counts for it later
        key = top.astype(np.int64) * size + child[row]
        row, key = _by_key(row, key)
        start = np.flatnonzero(np.diff(key, prepend=-1))
        counts = np.diff(start, append=len(row))
        several = counts > 1  # one stake that does not control does not control with itself
        rows = np.flatnonzero(np.repeat(several, counts))
        row, start, counts = row[rows], _starts(counts[several]), counts[several]
        key = key[rows[start]]
        sums = np.add.reduceat(share[row], start) if len(start) else np.empty(0)
        enough = decide(sums - tolerance)
        near = int(decide(sums[~enough]).sum())
        if not enough.any():
            break
        chosen = np.flatnonzero(enough)
        above = (key[chosen] // size).astype(np.int32)
        below = (key[chosen] % size).astype(np.int32)
        rows = row[_runs(start[chosen], counts[chosen])]
        found.append((above, below, sums[chosen], rows, counts[chosen]))
        a, b = np.concatenate([a, above]), np.concatenate([b, below])
        forest = forest.below(a, b)
    none, nothing = np.empty(0, np.int32), np.empty(0, np.int64)
    return Control(
        forest=forest,
        parent=np.concatenate([none, *(f[0] for f in found)]),
        child=np.concatenate([none, *(f[1] for f in found)]),
        share=np.concatenate([np.empty(0), *(f[2] for f in found)]),
        holdings=np.concatenate([nothing, *(f[3] for f in found)]),
        ends=np.cumsum(np.concatenate([nothing, *(f[4] for f in found)])),
        near=near,
    )


def _by_key(row: Ints, key: Ints) -> tuple[Ints, Ints]:
    """Rows and their keys by key, then by row; a stable sort is several times as slow."""
    order = np.argsort(key)
    key = key[order]
    run = np.cumsum(np.diff(key, prepend=key[:1]) > 0)
    row = (run << _BITS) | row[order]
    row.sort()
    return row & ((1 << _BITS) - 1), key


def _starts(times: Ints) -> Ints:
    """Where runs of these lengths start, one after the other."""
    starts: Ints = np.cumsum(times) - times
    return starts


def _runs(start: Ints, times: Ints) -> Ints:
    """The places from each start on, so many times: 5 and 2 times are 5, 6."""
    offset = np.arange(int(times.sum())) - np.repeat(_starts(times), times)
    runs: Ints = np.repeat(start, times) + offset
    return runs


def forest_of(size: int, parent: Places, child: Places) -> Forest:
    """The forest of entities below their controllers.

    Args:
        size: The number of entities.
        parent: The controller of each pair; a pair may occur several times.
        child: The controlled entity.
    """
    up, extra = only_parents(size, parent, child)
    root = roots_of(up)
    forks, tops = _forks(size, root[parent[extra]], child[extra])
    return Forest(up, root, extra, forks, tops)


def only_parents(size: int, parent: Places, child: Places) -> tuple[Places, Mask]:
    """The only parent of each entity, or the entity itself; and which pairs are one of several.

    >>> only_parents(4, np.array([0, 0, 1], np.int32), np.array([1, 3, 3], np.int32))[0].tolist()
    [0, 0, 2, 3]
    """
    up = np.arange(size, dtype=np.int32)
    up[child] = parent  # of several parents, the last one written
    extra = up[child] != parent
    if extra.any():
        several = np.zeros(size, np.bool_)
        several[child[extra]] = True
        extra = several[child]
        up[several] = np.flatnonzero(several)
    return up, extra


def roots_of(up: Places) -> Places:
    """Where the way up from each entity ends; a circle ends at its smallest entity.

    >>> roots_of(np.array([0, 0, 1, 4, 3, 4], np.int32)).tolist()
    [0, 0, 0, 3, 3, 3]
    """
    return _settled(up.copy(), up, np.flatnonzero(up[up] != up))


def _settled(root: Places, up: Places, active: Ints) -> Places:
    """Follow the way up of some entities from ``root``, which is not its end, in place."""
    for _ in range(len(up).bit_length()):
        if not len(active):
            return root
        root[active] = root[root[active]]
        active = active[up[root[active]] != root[active]]
    # What is left lies on a circle or below one; after so many rounds it is mapped onto the circle.
    circle = np.unique(root[active])
    least, step = circle.astype(np.int32), up[circle]
    for _ in range(len(circle).bit_length()):
        place = np.searchsorted(circle, step)
        least, step = np.minimum(least, least[place]), step[place]
    root[active] = least[np.searchsorted(circle, root[active])]
    return root


def _forks(size: int, parent: Places, child: Places) -> tuple[Places, Places]:
    """The ultimate controllers of the roots that have several controllers."""
    if not len(child):
        return np.empty(0, np.int32), np.empty(0, np.int32)
    nodes, a, b = compact(size, parent, child)
    circle = connected_parts(len(nodes), a, b, strong=True)
    a, b = circle[a], circle[b]
    a, b = a[a != b], b[a != b]
    count = int(circle.max()) + 1
    first = np.full(count, len(nodes), np.int64)
    np.minimum.at(first, circle, np.arange(len(nodes)))
    source = np.ones(count, np.bool_)
    source[b] = False
    pairs = np.flatnonzero(source).astype(np.int64) * (count + 1)  # a source is its own top
    fresh = pairs
    while len(fresh):  # one round per step of the way down
        order = np.argsort(a, kind="stable")
        start = np.searchsorted(a[order], fresh // count, "left")
        times = np.searchsorted(a[order], fresh // count, "right") - start
        below = b[order][_runs(start, times)]
        reached = np.unique(below.astype(np.int64) * count + np.repeat(fresh % count, times))
        fresh = np.setdiff1d(reached, pairs, assume_unique=True)
        pairs = np.union1d(pairs, fresh)
    # every node of a circle has the ultimate controllers of the circle
    order = np.argsort(circle, kind="stable")
    start = np.searchsorted(circle[order], pairs // count, "left")
    times = np.searchsorted(circle[order], pairs // count, "right") - start
    node = order[_runs(start, times)]
    top = first[np.repeat(pairs % count, times)]
    sort = np.lexsort((top, node))
    return nodes[node[sort]].astype(np.int32), nodes[top[sort]].astype(np.int32)


def compact(size: int, parent: Places, child: Places) -> tuple[Ints, Places, Places]:
    """The entities that pairs name, in rising order, and the pairs by their place among them."""
    named = np.zeros(size, np.bool_)
    named[parent] = True
    named[child] = True
    number = np.cumsum(named, dtype=np.int32) - np.int32(1)
    return np.flatnonzero(named), number[parent], number[child]
