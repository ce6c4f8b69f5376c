"""The exact allocation of a budget to tiers and their customers (CBM-6)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.errors import DataError, InfeasibleError, UnknownNameError
from bankcrm.frames import Column
from bankcrm.frames.arrays import numbers
from bankcrm.frames.customers import by_customer
from bankcrm.frames.numbering import places_of
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.segmentation.resources.levels import resource_levels
from bankcrm.segmentation.resources.plan import ResourcePlan
from bankcrm.segmentation.tiers.ladder import TIER_LADDER
from bankcrm.shares.apportionment import apportion
from bankcrm.vocabulary import Tier

if TYPE_CHECKING:
    pass

_MOST = 2**62
_TIERS = tuple(tier.value for tier in reversed(TIER_LADDER))
_TIER = Column("tier", "category", nullable=True, choices=_TIERS, meaning="The customer's tier.")
_POTENTIAL = Column("potential", "number", False, True, "weight", minimum=0)
_WEIGHT = Column("weight", "number", False, True, "weight", minimum=0)
_CAP = Column("cap", "integer", False, True, "units of the budget", minimum=0)
_FLOOR = Column("floor", "integer", False, True, "units of the budget", minimum=0)


def allocate(
    customers: object, *, budget: int, unit: str = "units", policy: Policy | None = None
) -> ResourcePlan:
    """Allocate a budget to tiers, and the amount of each tier to its customers, without a rest.

    A tier's weight is the policy's ``allocation_weight`` of one customer times its customers,
    limited to ``allocation_floor`` and ``allocation_cap`` (shares of the budget); a tier of weight
    zero gets nothing. In a tier all customers get the same, or amounts in proportion to the column
    ``weight``; in the tier ``potential`` to the column ``potential`` where it exists.

    Args:
        customers: One row per customer (``customer_id`` as index or column) with ``tier`` (a
            customer whose tier is null gets nothing); optional
            ``weight`` and ``potential`` (numbers, not negative), ``floor`` and ``cap`` (whole
            units of the budget for this customer).
        budget: Whole units, such as money in minor units or staff minutes.
        unit: The name of a unit.
        policy: Segmentation policy; the library's default if None.

    Returns:
        A frozen plan; its amounts add up to ``budget``.

    Raises:
        DataError: Errors in the customers, an unknown tier, a negative budget.
        InfeasibleError: Floors exceed the budget, or caps and zero weights leave a rest.

    Source: CBM-6.

    >>> tiers = pd.DataFrame({"tier": ["premium", "ordinary", "ordinary"]}, index=[1, 2, 3])
    >>> allocate(tiers, budget=100).customers["amount"].tolist()
    [75, 13, 12]
    """
    policy = policy_of(policy, "segmentation")
    everyone = by_customer(customers, (_TIER, _POTENTIAL, _WEIGHT, _FLOOR, _CAP), "customers")
    frame = everyone.loc[everyone["tier"].notna()]
    tier = places_of(frame["tier"], _TIERS)
    weight = _customer_weights(frame, tier)
    low = _bound(frame, "floor")
    high = _bound(frame, "cap")
    plan = _tier_plan(tier, budget, low, high, policy)
    amount = np.zeros(len(frame), dtype=np.int64)
    for code, name in enumerate(plan.index):
        rows = np.flatnonzero(tier == code)
        if not len(rows):
            continue
        try:
            amount[rows] = apportion(
                int(plan["amount"].iloc[code]),
                weight[rows],
                floors=None if low is None else low[rows],
                caps=None if high is None else high[rows],
            )
        except InfeasibleError as error:
            raise InfeasibleError(f"tier {name}: {error}") from None
    levels = resource_levels(frame["tier"], policy=policy)
    shares = frame[["tier"]].join(levels).assign(weight=weight, amount=amount)
    if len(frame) < len(everyone):
        shares = shares.reindex(everyone.index)
        shares = shares.assign(
            weight=shares["weight"].fillna(0.0), amount=shares["amount"].fillna(0).astype(np.int64)
        )
    plan["weight"] = np.bincount(tier, weights=weight, minlength=len(_TIERS))
    return ResourcePlan(policy.stamp(shares), plan, int(budget), unit, policy.fingerprint)


def _customer_weights(frame: pd.DataFrame, tier: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    weight = np.ones(len(frame))
    if "weight" in frame:
        weight = _filled(frame, "weight")
    if "potential" in frame:
        of_potential = tier == _TIERS.index(Tier.POTENTIAL.value)
        weight = np.where(of_potential, _filled(frame, "potential", of_potential), weight)
    return weight


def _filled(
    frame: pd.DataFrame, name: str, needed: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.float64]:
    values = numbers(frame[name], name)
    gap = np.isnan(values) if needed is None else np.isnan(values) & needed
    if gap.any():
        first = few(frame.index[gap])
        raise DataError(
            f"customers.{name}: null for {int(gap.sum())} customers ({first}); "
            "fill it or leave the column out"
        )
    return values


def _bound(frame: pd.DataFrame, name: str) -> npt.NDArray[np.int64] | None:
    if name not in frame:
        return None
    none = 0 if name == "floor" else np.iinfo(np.int64).max
    values = frame[name]
    filled = np.full(len(frame), none, dtype=np.int64)
    there = values.notna().to_numpy()
    filled[there] = values[there].astype(np.int64).to_numpy()
    return filled


def _tier_plan(
    tier: npt.NDArray[np.int64],
    budget: int,
    low: npt.NDArray[np.int64] | None,
    high: npt.NDArray[np.int64] | None,
    policy: Policy,
) -> pd.DataFrame:
    count = np.bincount(tier, minlength=len(_TIERS))
    per_head = _by_tier(policy, "allocation_weight")
    if not isinstance(budget, (int, np.integer)) or isinstance(budget, bool) or budget < 0:
        raise DataError(f"budget: {budget!r}; expected whole units >= 0, such as cents or minutes")
    if budget > _MOST:
        raise DataError(f"budget: more than {_MOST:,} units; give larger units")
    floors = _parts(_by_tier(policy, "allocation_floor"), budget, math.floor) * (count > 0)
    caps = _parts(_by_tier(policy, "allocation_cap"), budget, math.ceil)
    if low is not None:
        floors = np.maximum(floors, np.bincount(tier, weights=low, minlength=5).astype(np.int64))
    if high is not None:
        most = np.bincount(tier, weights=np.minimum(high, budget), minlength=5)
        caps = np.minimum(caps, most.astype(np.int64))
    frame = pd.DataFrame(
        {"customers": count, "weight": 0.0, "floor": floors, "cap": caps},
        index=pd.Index(_TIERS, name="tier"),
    )
    if not count.any():
        if budget:
            raise InfeasibleError(f"customers: none has a tier, so {budget:,} units are left")
        return frame.assign(amount=0)
    try:
        frame["amount"] = apportion(int(budget), count * per_head, floors=floors, caps=caps)
    except InfeasibleError as error:
        listed = frame[frame["customers"] > 0].to_dict("index")
        raise InfeasibleError(f"tiers: {error}; by tier: {listed}") from None
    return frame


def _parts(
    shares: npt.NDArray[np.float64], budget: int, whole: Callable[[Fraction], int]
) -> npt.NDArray[np.int64]:
    """Whole parts of a budget; a share such as 0.29 is the decimal, so that 100 give 29."""
    return np.array([whole(Fraction(repr(s)) * int(budget)) for s in shares.tolist()], np.int64)


def _by_tier(policy: Policy, name: str) -> npt.NDArray[np.float64]:
    given: Mapping[str, float] = policy.value(name)
    unknown = sorted(set(given) - set(_TIERS))
    if unknown:
        raise UnknownNameError(f"tier in {name}", ", ".join(unknown), _TIERS)
    return np.array([float(given.get(t, 0.0)) for t in _TIERS])
