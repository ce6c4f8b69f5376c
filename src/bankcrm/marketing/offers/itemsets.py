"""Sets of products that many customers hold together: each size from the one below."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_TOGETHER = 1 << 21  # numbers that one step works on: few enough for the memory


@attrs.frozen(eq=False)
class Itemsets:
    """The frequent sets of one size.

    Attributes:
        items: One row per set: the positions of its products, rising; rows are sorted.
        counts: Customers who hold all of them.
    """

    items: Ints
    counts: Ints


def cells_of(held: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.bool_], Ints]:
    """The distinct rows of holdings and how many customers have each."""
    packed = np.packbits(held, axis=1)
    if packed.shape[1] <= 8:
        words = np.zeros((len(packed), 8), np.uint8)
        words[:, : packed.shape[1]] = packed
        _, first, counts = np.unique(words.view(np.uint64), return_index=True, return_counts=True)
    else:
        _, first, counts = np.unique(packed, axis=0, return_index=True, return_counts=True)
    return held[first], counts.astype(np.int64)


def frequent_sets(
    held: npt.NDArray[np.bool_], customers: Ints, least: int, max_size: int
) -> list[Itemsets]:
    """The sets of each size, from 1 on, that at least ``least`` customers hold.

    Args:
        held: Distinct rows of holdings, rows by products.
        customers: How many customers have each row.
        least: The least number of customers.
        max_size: The largest size.
    """
    matrix = held.astype(np.float64)
    single = customers @ matrix
    items = np.flatnonzero(single >= least)
    found = [Itemsets(items[:, None], single[items].astype(np.int64))]
    while len(found) < max_size and len(found[-1].items):
        found.append(_extended(matrix, held, customers, found[-1].items, items, least))
    return found if len(found[-1].items) or len(found) == 1 else found[:-1]


def _extended(
    matrix: Floats,
    held: npt.NDArray[np.bool_],
    customers: Ints,
    sets: Ints,
    items: Ints,
    least: int,
) -> Itemsets:
    """Each set with one product more that comes after its own."""
    step = max(_TOGETHER // max(len(matrix), 1), 1)
    rows, counts = [], []
    for start in range(0, len(sets), step):
        part = sets[start : start + step]
        both = held[:, part].all(axis=2) * customers[:, None]
        number = both.T.astype(np.float64) @ matrix[:, items]
        later = items[None, :] > part[:, -1:]
        which, at = np.nonzero((number >= least) & later)
        rows.append(np.column_stack([part[which], items[at]]))
        counts.append(number[which, at].astype(np.int64))
    return Itemsets(np.concatenate(rows), np.concatenate(counts))


def counts_of(sets: Itemsets, requested: Ints, products: int) -> Ints:
    """The counts of some sets among the frequent ones of their size; all must be there."""
    weights = np.int64(products) ** np.arange(requested.shape[1])[::-1]
    found: Ints = sets.counts[np.searchsorted(sets.items @ weights, requested @ weights)]
    return found
