"""What a proposed policy costs, and which actions change."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.actions.contract import COLUMN_NAMES
from bankcrm.frames.arrays import numbers
from bankcrm.policy import PolicySet
from bankcrm.segmentation import resource_rules
from bankcrm.vocabulary import Tier

_SAME = ["customer_id", "complaint_id", "action"]
_COMPARED = ["due", "priority", "department", "channel", "contact"]


def action_changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """The actions that one list has and the other has not, or has otherwise.

    Args:
        before: The action list under the policies in force.
        after: The action list under the proposed ones.

    Returns:
        The columns of the action list after ``change``: ``added``, ``dropped``, or ``changed`` in
        due day, priority, department, channel or contact (the new row).

    >>> row = {"customer_id": 1, "complaint_id": None, "action": "wake_up", "due": "2026-07-01",
    ...        "priority": "high", "department": "product", "channel": "phone",
    ...        "contact": "hold"}
    >>> later = pd.DataFrame([row | {"due": "2026-07-09"}])
    >>> action_changes(pd.DataFrame([row]), later)["change"].tolist()
    ['changed']
    """
    one, two = _numbered(before), _numbered(after)
    added, dropped = ~two.index.isin(one.index), ~one.index.isin(two.index)
    both = two.index[~added]
    differs = np.zeros(len(both), dtype=np.bool_)
    for name in _COMPARED:
        was = one.loc[both, name].astype(object).to_numpy()
        now = two.loc[both, name].astype(object).to_numpy()
        missing = pd.isna(was) & pd.isna(now)
        differs |= ~missing & np.not_equal(was.astype(str), now.astype(str))
    parts = {"added": two[added], "dropped": one[dropped], "changed": two.loc[both[differs]]}
    names = [c for c in COLUMN_NAMES if c in after]
    plain = [p.astype(object).assign(change=change) for change, p in parts.items()]
    return pd.concat(plain, ignore_index=True)[["change", *names]]


def _numbered(actions: pd.DataFrame) -> pd.DataFrame:
    """The actions by customer, complaint, action and number among equals."""
    keys = actions[_SAME].astype("string").fillna("")
    place = keys.groupby(_SAME).cumcount()
    return actions.set_index(pd.MultiIndex.from_frame(keys.assign(place=place)))


def cost_of(
    before: pd.DataFrame, after: pd.DataFrame, current: PolicySet, proposed: PolicySet
) -> pd.DataFrame:
    """What tiers cost under both sets of policies.

    Args:
        before: Facts with ``tier``, and ``fees`` where known, under the policies in force.
        after: The same under the proposed ones.
        current: The policies in force.
        proposed: The proposed ones.

    Returns:
        One row per measure: ``before``, ``after`` and ``change``. ``discounts``: the price
        discounts of the tiers on the fees of a year, in currency units (null where fees are not
        known); ``service_weight``: the weights by which the tiers share service, added up.

    Source: CBM-6.
    """
    made = pd.DataFrame(
        {"before": _cost(before, current), "after": _cost(after, proposed)}, dtype=np.float64
    )
    made["change"] = made["after"] - made["before"]
    return made.rename_axis("measure")


def _cost(facts: pd.DataFrame, policies: PolicySet) -> dict[str, float]:
    policy = policies["segmentation"]
    tier = facts["tier"].astype(object)
    discount = {str(t): resource_rules(str(t), policy=policy).price_discount for t in Tier}
    weight = policy.value("allocation_weight")
    fees = numbers(facts["fees"]) if "fees" in facts else np.full(len(facts), np.nan)
    given = fees * tier.map(discount).to_numpy(np.float64, na_value=0.0)
    return {
        "discounts": float(np.nansum(given)) if (~np.isnan(fees)).any() else np.nan,
        "service_weight": float(tier.map(dict(weight)).astype(np.float64).sum()),
    }
