"""Assign customers to managers under capacity and coverage, with few moves (CBM-6, EB-10)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from bankcrm._display import few
from bankcrm.arguments import as_kind
from bankcrm.errors import DataError
from bankcrm.frames import Column, check_frame
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.customers import by_customer, refuse_repeated
from bankcrm.frames.findings import with_findings
from bankcrm.frames.numbering import places_of
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.segmentation.tiers.ladder import TIER_LADDER

_TIERS = tuple(tier.value for tier in reversed(TIER_LADDER))
_CUSTOMER = (
    Column("tier", "category", nullable=True, choices=_TIERS),
    Column("branch", "text", False, True),
    Column("language", "text", False, True),
)
_MANAGER = (
    Column("manager_id", "id"),
    Column("capacity", "integer", minimum=0, meaning="Most customers."),
    Column("tiers", "text", False, True, meaning="Tiers covered, as 'premium|key'; null for all."),
    Column("branch", "text", False, True, meaning="Serves this branch only; null for all."),
    Column("languages", "text", False, True, meaning="Languages spoken, as 'zh|en'; null for all."),
)
_Bools = npt.NDArray[np.bool_]
_Ints = npt.NDArray[np.int64]


def assign_managers(
    customers: object,
    managers: object,
    *,
    policy: Policy | None = None,
    current: pd.Series | None = None,
) -> pd.DataFrame:
    """Assign a manager to each customer, the best tiers first, with as few moves as possible.

    Customers of the same tier, branch, language and present manager form one group. The shares of
    groups among managers solve a transport problem, whose vertices are whole numbers:
    first the most weight of customers (the policy's ``manager_priority`` by tier) gets a manager,
    then the fewest customers change theirs. Tiers with priority zero, and customers without a
    tier, get none.

    Args:
        customers: One row per customer: ``tier``; optional ``branch`` and ``language``.
        managers: One row per manager: ``manager_id``, ``capacity``; ``tiers``, ``branch``,
            ``languages`` where the manager serves only some.
        policy: Segmentation policy; the library's default if None.
        current: The present manager by customer; null for none.

    Returns:
        Index ``customer_id``: ``manager_id`` (null for none), ``status`` (kept, moved, assigned,
        none) and ``reason`` for those without (no_manager_due, no_manager_fits, no_capacity).
        ``frame.attrs["moved"]`` counts the customers who change their manager.

    Raises:
        DataError: Errors in either frame, or a present manager who is not among the managers (leave
            the customer's value null if the manager is gone).

    Source: CBM-6, EB-10.

    >>> customers = pd.DataFrame({"tier": ["premium", "key"]}, index=[1, 2])
    >>> managers = pd.DataFrame({"manager_id": ["Li", "Wu"], "capacity": [1, 1],
    ...                          "tiers": ["premium|key", "key"]})
    >>> assign_managers(customers, managers)["manager_id"].tolist()
    ['Li', 'Wu']
    """
    policy = policy_of(policy, "segmentation")
    people = by_customer(customers, _CUSTOMER, "customers")
    staff = check_frame(managers, _MANAGER, frame="managers", key="manager_id")
    held = _held(people.index, pd.Index(staff["manager_id"]), current)
    group, groups = _groups(people, held)
    fits = _fits(groups, staff)
    priority = policy.value("manager_priority")
    weight = np.array(
        [float(priority.get(_TIERS[t], 0.0)) if t >= 0 else 0.0 for t in groups["tier"]]
    )
    fits &= (weight > 0)[:, None]
    size = np.bincount(group, minlength=len(groups))
    share = _transport(size, staff["capacity"].to_numpy(np.int64), fits, weight, groups["held"])
    chosen = _spread(group, share)
    return _result(people, staff, held, chosen, (groups, group, fits, weight), policy)


def _held(customers: pd.Index, managers: pd.Index, current: pd.Series | None) -> _Ints:
    """The position of each customer's present manager; -1 for none."""
    if current is None:
        current = pd.Series(dtype=object)
    as_kind(current, pd.Series, "current", "give a Series of manager_id by customer_id")
    refuse_repeated(current.index, "current")
    values = current.astype(object).reindex(customers)  # whole numbers stay whole beside nulls
    held = managers.get_indexer(pd.Index(values.to_numpy()))
    unknown = (held < 0) & values.notna().to_numpy()
    if unknown.any():
        first = few(values[unknown].unique())
        raise DataError(
            f"current: {int(unknown.sum())} customers with managers who are not among the managers "
            f"({first}); leave the value null where the manager is gone"
        )
    return held.astype(np.int64)


def _groups(people: pd.DataFrame, held: _Ints) -> tuple[_Ints, pd.DataFrame]:
    """Number the groups of equal customers; one row per group."""
    keys = pd.DataFrame(
        {"tier": places_of(people["tier"], _TIERS), "held": held}, index=people.index
    )
    for name in ("branch", "language"):
        keys[name] = people.get(name)
        keys[name] = keys[name].astype(object).where(keys[name].notna(), None)
    grouped = keys.groupby(list(keys.columns), dropna=False)
    number: _Ints = grouped.ngroup().to_numpy().astype(np.int64)
    first = np.unique(number, return_index=True)[1]
    return number, keys.iloc[first].reset_index(drop=True)


def _fits(groups: pd.DataFrame, staff: pd.DataFrame) -> _Bools:
    """Which manager may serve which group."""
    names = np.array([*_TIERS, ""], dtype=object)[groups["tier"].to_numpy(np.int64)]
    fits = _covered(pd.Series(names, dtype=object), staff, "tiers")
    fits &= _covered(groups["branch"], staff, "branch")
    return fits & _covered(groups["language"], staff, "languages")


def _covered(value: pd.Series, staff: pd.DataFrame, bound: str) -> _Bools:
    """Whether a manager's list has the value of a group; a missing value or list fits all."""
    result = np.ones((len(value), len(staff)), dtype=np.bool_)
    if bound not in staff:
        return result
    free = value.isna()
    for m, text in enumerate(staff[bound].astype(object).where(staff[bound].notna(), "")):
        if listed := [part.strip() for part in text.split("|") if part.strip()]:
            result[:, m] = (free | value.isin(listed)).to_numpy()
    return result


def _transport(
    size: _Ints, capacity: _Ints, fits: _Bools, weight: npt.NDArray[np.float64], held: pd.Series
) -> _Ints:
    """How many of each group go to each manager: linear, with whole numbers at its corners."""
    g, m = np.nonzero(fits)
    share = np.zeros(fits.shape, dtype=np.int64)
    if not len(g):
        return share
    moved = (held.to_numpy(np.int64)[g] >= 0) & (held.to_numpy(np.int64)[g] != m)
    # A better customer in the place of another outweighs the moves that it may cost: a chain of
    # moves passes each manager at most once.
    gap = np.diff(np.unique([0.0, *weight])).min()
    gain = weight[g] / gap * (len(capacity) + 1.0)
    column = np.arange(len(g))
    ones = np.ones(len(g))
    from scipy.optimize import LinearConstraint, milp
    from scipy.sparse import coo_array, vstack

    supply = coo_array((ones, (g, column)), shape=(len(size), len(g)))
    demand = coo_array((ones, (m, column)), shape=(len(capacity), len(g)))
    limits = np.concatenate([size, capacity]).astype(np.float64)
    rows = vstack([supply, demand]).tocsr()
    solved = milp(moved - gain, constraints=LinearConstraint(rows, -np.inf, limits))
    share[g, m] = np.rint(np.asarray(solved.x, dtype=np.float64)).astype(np.int64)
    return share


def _spread(group: _Ints, share: _Ints) -> _Ints:
    """The manager of each customer: a group's first customers go to its first manager."""
    order = np.argsort(group, kind="stable")
    start = np.searchsorted(group[order], np.arange(len(share) + 1))
    chosen = np.full(len(group), -1, dtype=np.int64)
    for g, given in enumerate(share):
        rows = order[start[g] : start[g + 1]]
        chosen[rows[: given.sum()]] = np.repeat(np.arange(len(given)), given)
    return chosen


def _result(
    people: pd.DataFrame,
    staff: pd.DataFrame,
    held: _Ints,
    chosen: _Ints,
    solved: tuple[pd.DataFrame, _Ints, _Bools, npt.NDArray[np.float64]],
    policy: Policy,
) -> pd.DataFrame:
    _, group, fits, weight = solved
    status = np.select(
        [chosen < 0, held < 0, held == chosen], ["none", "assigned", "kept"], "moved"
    )
    reason = np.full(len(chosen), None, dtype=object)
    none = chosen < 0
    reason[none] = np.select(
        [weight[group[none]] == 0, ~fits[group[none]].any(axis=1)],
        ["no_manager_due", "no_manager_fits"],
        "no_capacity",
    )
    ids = staff["manager_id"].reset_index(drop=True)
    if types.is_integer_dtype(ids.dtype):
        ids = ids.astype("Int64")  # stays whole beside the nulls
    result = pd.DataFrame(
        {
            "manager_id": ids.reindex(np.where(none, len(ids), chosen)).array,
            "status": pd.Categorical(status, ["kept", "moved", "assigned", "none"]),
            "reason": pd.Categorical(reason, ["no_manager_due", "no_manager_fits", "no_capacity"]),
        },
        index=people.index,
    )
    faults = []
    for name in ("no_manager_fits", "no_capacity"):
        without = people.index[reason == name]
        if len(without):
            advice = "add managers, or widen what they cover"
            faults.append(
                fault_in_rows("customers", "manager", name, without, "", advice, what="customer")
            )
    result.attrs["moved"] = int((status == "moved").sum())
    return policy.stamp(with_findings(result, faults))
