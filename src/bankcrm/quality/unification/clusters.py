"""Records that are one customer: connected by keys and pairs, apart where they must be."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from bankcrm.frames.arrays import Codes
from bankcrm.frames.graph import connected_parts

Positions = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

TWO_IDS, TOLD_APART = "two different valid ids", "known to be different customers"


@attrs.frozen(eq=False)
class Clusters:
    """The clusters of records.

    Attributes:
        label: The cluster of each record: the position of its first record.
        doubtful: The larger cluster that was set aside, by the position of its first record; -1.
        reason: 0 for two different ids, 1 for a pair that is known to be apart; -1.
    """

    label: Positions
    doubtful: Positions
    reason: npt.NDArray[np.int8]


def clusters_of(
    size: int,
    keys: Sequence[Codes],
    exclusive: Sequence[Codes],
    pairs: tuple[Positions, Positions],
    apart: tuple[Positions, Positions],
) -> Clusters:
    """Connect records by keys and pairs; take apart the clusters that cannot be one customer.

    Such a cluster is set aside: only records with the same valid id stay together in it.

    Args:
        size: How many records.
        keys: The code of each record, by key; -1 for none.
        exclusive: The same of ids of which a customer has only one.
        pairs: Records that a linker matched.
        apart: Records that are known to be different customers.
    """
    label = _connected(size, [*map(_star, keys), pairs])
    two = np.zeros(size, np.bool_)
    for code in exclusive:
        two |= _has_several(label, code)
    shared = np.zeros(size, np.bool_)
    same = label[apart[0]] == label[apart[1]]
    shared[label[apart[0][same]]] = True
    doubtful = two[label] | shared[label]
    reason = np.where(two[label], np.int8(0), np.int8(1))
    reason[~doubtful] = -1
    if not doubtful.any():
        return Clusters(label, np.full(size, -1), reason)
    by_id = [_star(np.where(doubtful, code, -1)) for code in exclusive]
    kept = [_within(edge, ~doubtful) for edge in [*map(_star, keys), pairs]]
    split = _connected(size, [*kept, *by_id])
    for code in exclusive:  # by two schemes of ids: one may be shared, the other not
        split = np.where(_has_several(split, code)[split] & doubtful, np.arange(size), split)
    torn = np.zeros(size, np.bool_)
    torn[split[apart[0][split[apart[0]] == split[apart[1]]]]] = True
    split = np.where(torn[split], np.arange(size), split)
    return Clusters(split, np.where(doubtful, label, -1), reason)


def _connected(size: int, edges: Sequence[tuple[Positions, Positions]]) -> Positions:
    """The first record of the component of each record."""
    a = np.concatenate([e[0] for e in edges]) if edges else np.zeros(0, np.intp)
    b = np.concatenate([e[1] for e in edges]) if edges else np.zeros(0, np.intp)
    component = connected_parts(size, a, b)
    first = np.full(int(component.max(initial=-1)) + 1, size, np.intp)
    np.minimum.at(first, component, np.arange(size))
    return np.asarray(first[component])


def _star(code: Codes) -> tuple[Positions, Positions]:
    """Each record that has a code with the first record that has it."""
    known = np.flatnonzero(code >= 0)
    first = np.full(int(code.max(initial=-1)) + 1, len(code), np.intp)
    first[code[known][::-1]] = known[::-1]  # of repeated places the last assignment stays
    head = first[code[known]]
    other = head != known
    return head[other], known[other]


def _within(edge: tuple[Positions, Positions], kept: Mask) -> tuple[Positions, Positions]:
    both = kept[edge[0]] & kept[edge[1]]
    return edge[0][both], edge[1][both]


def _has_several(label: Positions, code: Codes) -> Mask:
    """By the position of a cluster's first record: whether its records have several codes."""
    known = code >= 0
    least = np.full(len(label), np.iinfo(np.int64).max)
    most = np.full(len(label), -1)
    np.minimum.at(least, label[known], code[known])
    np.maximum.at(most, label[known], code[known])
    return np.asarray(most > least)
