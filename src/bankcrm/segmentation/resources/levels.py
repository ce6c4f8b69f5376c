"""The resource level of each tier, and what a tier is entitled to (CBM-6)."""

from __future__ import annotations

import attrs
import pandas as pd

from bankcrm.errors import UnknownNameError
from bankcrm.policy import Policy, default_policy
from bankcrm.vocabulary import ResourceLevel, Tier


def _tier(name: object) -> Tier:
    for tier in Tier:
        if tier == name:
            return tier
    raise UnknownNameError("tier", name, Tier)


def _level(name: object) -> ResourceLevel:
    for level in ResourceLevel:
        if level == name:
            return level
    raise UnknownNameError("resource level", name, ResourceLevel)


@attrs.frozen
class Entitlement:
    """What a tier is entitled to (CBM-6).

    Args:
        tier: The tier.
        level: How resources go to it.
        manager: Code of who looks after the customer.
        response_hours: Longest time to a first answer, in hours.
        price_discount: Discount on list prices, 0 to 1.
        queue: Code of the place in the queue.
        events: Code of the events that the customer is asked to.
        source: Where the row comes from.
        note: What else is to say.
    """

    tier: Tier = attrs.field(converter=_tier)
    level: ResourceLevel = attrs.field(converter=_level)
    manager: str
    response_hours: float
    price_discount: float
    queue: str
    events: str
    source: str = "default"
    note: str = ""


def resource_rules(tier: Tier | str, *, policy: Policy | None = None) -> Entitlement:
    """What a tier is entitled to: level, manager, response time, discount, queue and events.

    Args:
        tier: The tier.
        policy: Segmentation policy; the library's defaults if none.

    Raises:
        UnknownNameError: No such tier, or the policy has no entitlement for it.

    Source: CBM-6.

    >>> resource_rules("premium").manager
    'dedicated_with_team'
    """
    policy = policy or default_policy("segmentation")
    rows = {row.tier.value: row for row in policy.records("entitlement", Entitlement)}
    name = str(tier)
    if name not in rows:
        raise UnknownNameError("tier with entitlements", name, rows)
    return rows[name]


def resource_levels(
    tiers: pd.DataFrame | pd.Series, *, policy: Policy | None = None
) -> pd.DataFrame:
    """The resource level of each customer by its tier.

    Args:
        tiers: A Series of tiers, or a frame with the column ``tier``, indexed by customer.
        policy: Segmentation policy; the library's defaults if none.

    Returns:
        The same index: ``resource_level`` and ``resource_level_rule`` (categorical).

    Raises:
        DataError: An unknown tier, or a missing one.

    Source: CBM-6.

    >>> resource_levels(pd.Series(["premium", "restricted"]))["resource_level"].tolist()
    ['priority', 'cut']
    """
    policy = policy or default_policy("segmentation")
    values = tiers if isinstance(tiers, pd.Series) else tiers["tier"]
    frame = pd.DataFrame({"tier": values})
    decided = policy.table("resource_level").decide_frame(frame)
    columns = {"resource_level": decided["outcome"], "resource_level_rule": decided["rule"]}
    return policy.stamp(pd.DataFrame(columns, index=frame.index))
