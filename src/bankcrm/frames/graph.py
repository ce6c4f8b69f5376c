"""The connected parts of a graph of numbered nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Nodes = npt.NDArray[np.integer[Any]]


def connected_parts(
    size: int, a: Nodes, b: Nodes, *, strong: bool = False
) -> npt.NDArray[np.int32]:
    """The part of each node, numbered from 0.

    Args:
        size: How many nodes there are.
        a: One end of each link, as a number from 0.
        b: The other end.
        strong: Whether links lead from ``a`` to ``b`` only, and each node of a part must reach
            every other one.

    >>> connected_parts(4, np.array([0, 1]), np.array([1, 0])).tolist()
    [0, 0, 1, 2]
    """
    from scipy.sparse import coo_matrix  # slow to import
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(a), np.int8), (a, b)), (size, size))
    found: npt.NDArray[np.int32] = connected_components(
        graph, directed=strong, connection="strong"
    )[1]
    return found
