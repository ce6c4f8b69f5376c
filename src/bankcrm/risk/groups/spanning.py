"""Groups as trees: each member's way to the head of its group."""

from __future__ import annotations

import attrs
import numpy as np

from bankcrm.frames.graph import connected_parts
from bankcrm.risk.groups.control import Forest, Ints, Mask, Places, compact


@attrs.frozen(eq=False)
class Spanning:
    """A tree over the members of each group.

    Attributes:
        group: The number of each entity's group, int32, in the order of its smallest member.
        size: The number of members of each group.
        head: The head of each group, int32.
        up: The next entity on the way to the head, int32; the entity itself for a head.
        level: The number of steps to the head, int32.
    """

    group: Places
    size: Ints
    head: Places
    up: Places
    level: Places


def spanning(forest: Forest, parent: Places, child: Places) -> Spanning:
    """The groups that control and further ties make.

    Args:
        forest: Entities below their controllers.
        parent: The first party of the ties that the forest does not hold, and of those that lead
            to an entity with several controllers.
        child: The other party of these ties.
    """
    root = forest.root
    size = len(root)
    own = np.arange(size, dtype=np.int32)
    a, b = root[parent], root[child]
    joined = a != b
    label = root
    if joined.any():
        nodes, a, b = compact(size, a[joined], b[joined])
        part = connected_parts(len(nodes), a, b)
        first = np.full(int(part.max()) + 1, size, np.int32)
        np.minimum.at(first, part, nodes.astype(np.int32))
        to = own.copy()
        to[nodes] = first[part]
        label = to[root]
    group, members = _numbered(label)
    head, several = _heads(group, members, forest)
    up = forest.up.copy()
    up[head] = head
    if several.any():
        inside = several[group]
        rows = inside[parent]
        tree = np.flatnonzero(inside & (forest.up != own))
        up[inside] = _breadth_first(
            np.flatnonzero(inside),
            np.concatenate([parent[rows], forest.up[tree]]),
            np.concatenate([child[rows], own[tree]]),
            head[several],
        )
    return Spanning(group, members, head, up, _levels(up))


def _numbered(label: Places) -> tuple[Places, Ints]:
    """Groups numbered in the order of their smallest member, and their sizes."""
    size = len(label)
    first = np.zeros(size, np.int32)
    first[label[::-1]] = np.arange(size - 1, -1, -1, dtype=np.int32)  # the last one written stays
    smallest = first[label]
    begins = np.zeros(size, np.bool_)
    begins[smallest] = True
    number = np.cumsum(begins, dtype=np.int32) - np.int32(1)
    group = number[smallest]
    return group, np.bincount(group)


def _heads(group: Places, members: Ints, forest: Forest) -> tuple[Places, Mask]:
    """The uncontrolled root that controls most entities, the smallest of several; and which groups
    have several roots."""
    root = forest.root
    own = np.arange(len(root), dtype=np.int32)
    roots = own[root == own]
    of = group[roots]
    several = np.bincount(of, minlength=len(members)) > 1
    head = np.zeros(len(members), np.int32)
    head[of] = roots
    if several.any():
        below = np.bincount(forest.tops_of(own)[1], minlength=len(root))
        some = several[of]
        roots, of = roots[some], of[some]
        order = np.lexsort((-roots, below[roots]))
        head[of[order]] = roots[order]  # the last one written stays
    return head, several


def _breadth_first(nodes: Ints, parent: Places, child: Places, heads: Places) -> Places:
    """The next node on a shortest way to a head, in order of the nodes."""
    from scipy.sparse import coo_matrix  # slow to import
    from scipy.sparse.csgraph import breadth_first_order

    size = len(nodes)
    a, b = np.searchsorted(nodes, parent), np.searchsorted(nodes, child)
    start = np.searchsorted(nodes, heads)
    source = np.full(len(start), size)
    rows = np.concatenate([a, b, source])
    columns = np.concatenate([b, a, start])
    shape = (size + 1,) * 2
    graph = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape).tocsr()
    graph.sum_duplicates()
    _, before = breadth_first_order(graph, size)
    before = before[:size].copy()
    before[start] = start
    found: Places = nodes[before].astype(np.int32)
    return found


def _levels(up: Places) -> Places:
    """The number of steps from each entity to its head."""
    level: Places = (up != np.arange(len(up))).astype(np.int32)
    ahead, active = up.copy(), np.flatnonzero(up[up] != up)
    while len(active):
        level[active] += level[ahead[active]]
        ahead[active] = ahead[ahead[active]]
        active = active[up[ahead[active]] != ahead[active]]
    return level
