"""Chains of referrals: who brought whom, and what came of it (CBM-8, LCM-6)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.frames import Column, DataFault
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.customers import by_customer
from bankcrm.frames.findings import with_findings
from bankcrm.frames.numbering import positions_in

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def referral_chain(customers: object, *, value: str | None = None) -> pd.DataFrame:
    """How deep each customer is in a chain of referrals, and whom each brought in all.

    Args:
        customers: One row per customer that is known on the day: ``customer_id``,
            ``referred_by`` (nullable) and the column ``value``.
        value: A column of money, such as the contribution, to add up over those who were brought;
            None for none.

    Returns:
        Index ``customer_id``, in the order given: ``depth`` (0: referred by nobody in the frame),
        ``root`` (the first of the chain), ``referred`` (number of customers brought directly),
        ``brought`` (directly or through others), ``value_brought`` (their sum; null values are
        not added) if asked for, and ``in_circle``: customers who brought each other in a circle.
        Those have no depth, root or number of customers brought, and those whom they brought no
        depth or root. Circles and unknown referrers are findings, see
        `bankcrm.frames.findings.findings_of`.

    Raises:
        DataError: A column does not fit.

    Source: CBM-8, LCM-6.

    >>> people = pd.DataFrame({"customer_id": [1, 2, 3, 4], "referred_by": [None, 1, 2, 1]})
    >>> referral_chain(people)[["depth", "referred", "brought"]].to_numpy().tolist()
    [[0, 2, 3], [1, 1, 1], [2, 0, 0], [1, 0, 0]]
    """
    if value is not None and not isinstance(value, str):
        raise DataError("value: expected the name of a column of the customers, or None")
    money = (Column(value, "money", nullable=True),) if value is not None else ()
    frame = by_customer(
        customers, (Column("referred_by", "id", nullable=True), *money), "customers"
    )
    ids = frame.index
    order = np.argsort(ids if ids.dtype.kind in "iu" else ids.map(str), kind="stable")
    place = np.argsort(order)  # sums run in the order of the ids
    ordered = frame.iloc[order]
    parent = positions_in(ordered["referred_by"], ordered.index).astype(np.int64)
    circle = _in_circle(parent)
    above = np.where(circle, -1, parent)  # cut circles open
    depth, root = _depths(above)
    lost = circle[root]
    worth = ordered[value].fillna(0.0).to_numpy(np.float64) if value is not None else None
    brought, sums = _totals(above, depth, worth)
    found = pd.DataFrame(
        {
            "depth": pd.arrays.IntegerArray(depth, lost),
            "root": ordered.index.take(root).to_series().mask(lost).array,
            "referred": np.bincount(parent[parent >= 0], minlength=len(parent)),
            "brought": pd.arrays.IntegerArray(brought, circle.copy()),
        },
        index=ordered.index,
    )
    if sums is not None:
        found["value_brought"] = np.where(circle, np.nan, sums)
    found["in_circle"] = circle
    unknown = ordered["referred_by"].notna().to_numpy(np.bool_) & (parent < 0)
    faults = [
        *_fault(unknown[place], ids, "unknown_referrer", "a customer of the frame",
                "these customers count as the first of their chains"),
        *_fault(circle[place], ids, "circle", "chains with a first customer",
                "correct who referred whom; these customers have no depth"),
    ]  # fmt: skip
    return with_findings(found.iloc[place], faults)


def _in_circle(parent: Ints) -> Mask:
    """Whether each customer is in a circle, by doubling the steps up."""
    size = len(parent)
    up = np.append(np.where(parent < 0, size, parent), size)
    for _ in range(max(size, 1).bit_length()):
        up = up[up]
    found = np.zeros(size + 1, np.bool_)
    found[up[:size]] = True  # who never comes to an end is led into a circle, and all around it
    return found[:size]


def _depths(parent: Ints) -> tuple[Ints, Ints]:
    """Steps up to the first of each chain, and who that is."""
    own = np.arange(len(parent))
    up, steps = np.where(parent < 0, own, parent), (parent >= 0).astype(np.int64)
    while (up[up] != up).any():
        steps += steps[up]
        up = up[up]
    return steps, up


def _totals(
    parent: Ints, depth: Ints, worth: npt.NDArray[np.float64] | None
) -> tuple[Ints, npt.NDArray[np.float64] | None]:
    """Number and value of all below each customer, level by level from the deepest up."""
    size = len(parent)
    count = np.zeros(size, np.int64)
    total = np.zeros(size) if worth is not None else None
    order = np.argsort(depth, kind="stable")
    ends = np.cumsum(np.bincount(depth)) if size else np.empty(0, np.int64)
    for level in range(len(ends) - 1, 0, -1):  # one step per level of the deepest chain
        rows = order[ends[level - 1] : ends[level]]
        np.add.at(count, parent[rows], count[rows] + 1)
        if total is not None and worth is not None:
            np.add.at(total, parent[rows], total[rows] + worth[rows])
    return count, total


def _fault(rows: Mask, ids: pd.Index, problem: str, expected: str, advice: str) -> list[DataFault]:
    if not rows.any():
        return []
    column = "referred_by"
    return [
        fault_in_rows("customers", column, problem, ids[rows], expected, advice, what="customer")
    ]
