"""The ids of groups, which stay from one day to the next, and what changed in between."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.frames import Column
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.customers import by_customer

Ints = npt.NDArray[np.int64]

CHANGES = ("joined", "left", "merged", "split")
"""How the group of a member changed: it came into a group or left it; its group became part of
another; or it left its group, which goes on, for another group."""

_PREVIOUS = (Column("group", "category", meaning="The group on the earlier day."),)

_CHANGES = (
    Column("before", "category", nullable=True, meaning="The group before; null for none."),
    Column("after", "category", nullable=True, meaning="The group after; null for none."),
)


def group_names(
    ids: pd.Index, member: Ints, group: npt.NDArray[np.int32], previous: object = None
) -> tuple[npt.NDArray[np.object_], pd.DataFrame]:
    """The id of each group, and the members whose group changed.

    A group is named after its smallest member when it is first seen, as ``G100001``. Later it
    keeps its id as long as it has a member that was in it: of several old groups in one, the id of
    the one that brings most members stays; of several parts of one old group, the part with most
    of its members keeps the id; the smaller id or member decides between equals.

    Args:
        ids: The parties, in rising order.
        member: The places of the members of groups, in rising order.
        group: The number of each member's group, from 0 on without a gap.
        previous: The ``members`` of the earlier day, or any frame with ``customer_id`` and
            ``group``.

    Returns:
        The id of each group, and one row per member that changed, by ``customer_id``: ``before``
        and ``after`` (null without a group) and ``change``, a word of `CHANGES`.
    """
    count = int(group.max()) + 1 if len(group) else 0
    smallest = np.zeros(count, np.int64)
    smallest[group[::-1]] = member[::-1]  # members are in rising order, and the last one stays
    names = np.array([f"G{i}" for i in ids[smallest].tolist()], dtype=object)
    if previous is None:
        return names, _no_changes(ids)
    earlier = by_customer(previous, _PREVIOUS, "previous")["group"].astype(object)
    kept = _kept_names(ids, member, group, earlier)
    taken = set(earlier)
    for number in range(count):  # one step per group
        if number in kept:
            names[number] = kept[number]
        elif names[number] in taken:
            names[number] = _free(names[number], taken)
        taken.add(names[number])
    after = pd.Series(names[group], index=ids[member])
    return names, _changes(earlier, after)


def _kept_names(
    ids: pd.Index, member: Ints, group: npt.NDArray[np.int32], earlier: pd.Series
) -> dict[int, str]:
    """The groups that keep an id of the earlier day."""
    old = earlier.reindex(ids[member]).to_numpy()
    rows = pd.DataFrame({"group": group, "old": old, "member": member}).dropna()
    if rows.empty:
        return {}
    shared = rows.groupby(["group", "old"])["member"].agg(["size", "min"]).reset_index()
    shared = shared.sort_values(["size", "old", "min"], ascending=[False, True, True])
    kept: dict[int, str] = {}
    used: set[str] = set()
    for number, name in zip(shared["group"].tolist(), shared["old"].tolist(), strict=True):
        if number not in kept and name not in used:
            kept[number] = name
            used.add(name)
    return kept


def _free(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name}.{number}" in taken:
        number += 1
    return f"{name}.{number}"


def _changes(earlier: pd.Series, after: pd.Series) -> pd.DataFrame:
    everyone = after.index.union(earlier.index)
    found = pd.DataFrame({"before": earlier.reindex(everyone), "after": after.reindex(everyone)})
    before, now = found["before"], found["after"]
    found = found[before.fillna("").ne(now.fillna(""))]
    goes_on = found["before"].isin(set(after)).to_numpy(np.bool_)
    change = np.select(
        [found["before"].isna(), found["after"].isna(), goes_on], ["joined", "left", "split"],
        "merged",
    )  # fmt: skip
    return found.assign(change=pd.Categorical(change, categories=list(CHANGES))).rename_axis(
        "customer_id"
    )


def _no_changes(ids: pd.Index) -> pd.DataFrame:
    columns: dict[str, Any] = {"before": [], "after": [], "change": []}
    found = pd.DataFrame(columns, index=ids[:0].rename("customer_id"), dtype=object)
    return found.astype({"change": pd.CategoricalDtype(list(CHANGES))})


def apply_changes(previous: object, changes: object) -> pd.Series:
    """The groups of a day from those of an earlier one and the changes between them.

    Args:
        previous: The ``members`` of the earlier day.
        changes: The ``changes`` of the later day.

    Returns:
        The group of each member, indexed by ``customer_id`` in rising order.

    Raises:
        DataError: The changes do not follow that day.

    >>> before = pd.DataFrame({"customer_id": [1, 2], "group": ["G1", "G1"]})
    >>> left = pd.DataFrame({"before": ["G1"], "after": [None]}, index=[2])
    >>> apply_changes(before, left).to_dict()
    {1: 'G1'}
    """
    groups = by_customer(previous, _PREVIOUS, "previous")["group"].astype(object)
    later = by_customer(changes, _CHANGES, "changes")[["before", "after"]].astype(object)
    were = groups.reindex(later.index)
    other = later.index[(were.fillna("") != later["before"].fillna("")).to_numpy()]
    advice = "give the day before"
    fault_in_rows(
        "changes", "before", "not the group of that day", other, advice=advice, what="customer"
    ).refuse()
    found = pd.concat([groups.drop(later.index, errors="ignore"), later["after"]])
    after: pd.Series = found.dropna().sort_index().rename_axis("customer_id").rename("group")
    return after
