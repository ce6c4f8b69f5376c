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
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Shares = npt.NDArray[np.float64]


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

    def below(self, parent: Places, child: Places) -> Forest | None:
        """The forest with more entities below others; None where only a new one can tell.

        That is so where a controlled entity has a controller already, or is one of several.
        """
        first = np.ones(len(child), np.bool_)
        first[1:] = np.diff(np.sort(child)) > 0
        if not first.all() or (self.up[child] != child).any() or self.is_fork[child].any():
            return None
        to = np.arange(len(self.up), dtype=np.int32)
        to[child] = parent
        to = roots_of(to)
        up = self.up.copy()
        up[child] = parent
        extra = np.concatenate([self.extra, np.zeros(len(child), np.bool_)])
        return Forest(up, to[self.root], extra, self.forks, self.tops)

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
    rows = np.flatnonzero(direct & (parent != child))
    a, b = parent[rows], child[rows]
    held = np.nan_to_num(share)
    open_ = np.bincount(child[held > 0], minlength=size) > 1
    if open_.any():
        total = np.bincount(child, held, size).astype(np.float64)
        open_[open_] = decide(total[open_])
    stakes = np.flatnonzero(open_[child] & (held > 0) & (parent != child))
    found: list[tuple[Places, Places, Shares, Ints, Ints]] = []
    near = 0
    forest = forest_of(size, a, b)
    while len(stakes):
        place, top = forest.tops_of(parent[stakes])
        row = stakes[place]
        free = ~forest.is_under(top, child[row])
        row, top = row[free], top[free]
        left = np.zeros(len(share), np.bool_)
        left[row] = True
        stakes = np.flatnonzero(left)  # the others are stakes in what is controlled already
        key = top.astype(np.int64) * size + child[row]
        order = np.argsort(key, kind="stable")
        row, key = row[order], key[order]
        start = np.flatnonzero(np.diff(key, prepend=-1))
        sums = np.add.reduceat(held[row], start) if len(start) else np.empty(0)
        counts = np.diff(start, append=len(row))
        enough = decide(sums - np.where(counts > 1, tolerance, 0.0))
        near = int((decide(sums) & ~enough).sum())
        if not enough.any():
            break
        chosen = np.flatnonzero(enough)
        above = (key[start[chosen]] // size).astype(np.int32)
        below = (key[start[chosen]] % size).astype(np.int32)
        rows = row[_runs(start[chosen], counts[chosen])]
        found.append((above, below, sums[chosen], rows, counts[chosen]))
        a, b = np.concatenate([a, above]), np.concatenate([b, below])
        forest = forest.below(above, below) or forest_of(size, a, b)
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


def _runs(start: Ints, times: Ints) -> Ints:
    """The places from each start on, so many times: 5 and 2 times are 5, 6."""
    offset = np.arange(int(times.sum())) - np.repeat(np.cumsum(times) - times, times)
    runs: Ints = np.repeat(start, times) + offset
    return runs


def forest_of(size: int, parent: Places, child: Places) -> Forest:
    """The forest of entities below their controllers.

    Args:
        size: The number of entities.
        parent: The controller of each pair; a pair may occur several times.
        child: The controlled entity.
    """
    up = np.arange(size, dtype=np.int32)
    ways = np.bincount(child, minlength=size)
    extra = ways[child] > 1
    up[child[~extra]] = parent[~extra]
    if extra.any():  # the same pair twice is one controller
        rows = np.flatnonzero(extra)
        pairs = np.sort(child[rows].astype(np.int64) * size + parent[rows])
        pairs = pairs[np.diff(pairs, prepend=-1) > 0]
        only = np.bincount(pairs // size, minlength=size) == 1
        one = rows[only[child[rows]]]
        up[child[one]] = parent[one]
        extra[one] = False
    root = roots_of(up)
    forks, tops = _forks(size, root[parent[extra]], child[extra])
    return Forest(up, root, extra, forks, tops)


def roots_of(up: Places) -> Places:
    """Where the way up from each entity ends; a circle ends at its smallest entity.

    >>> roots_of(np.array([0, 0, 1, 4, 3, 4], np.int32)).tolist()
    [0, 0, 0, 3, 3, 3]
    """
    root = up.copy()
    active = np.flatnonzero(up[root] != root)
    rounds = max(len(up), 2).bit_length()
    for _ in range(rounds):
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
    graph = coo_matrix((np.ones(len(a), np.int8), (a, b)), (len(nodes), len(nodes)))
    _, circle = connected_components(graph, directed=True, connection="strong")
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
