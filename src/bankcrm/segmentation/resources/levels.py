"""The resource level of each tier, and what a tier is entitled to (CBM-6)."""

from __future__ import annotations

import attrs
import pandas as pd

from bankcrm.errors import UnknownNameError
from bankcrm.frames import column_of
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
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
    """The entitlements of a tier (CBM-6).

    Attributes:
        tier: The tier.
        level: Its resource level.
        manager: Code of the manager who serves the customer.
        response_hours: Longest time to a first answer, hours.
        price_discount: Discount on list prices, 0 to 1.
        queue: Code of the queue.
        events: Code of the events that the customer is invited to.
        source: Where the row comes from.
        note: A remark.
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
    """The entitlements of a tier: level, manager, response time, discount, queue and events.

    Args:
        tier: The tier.
        policy: Segmentation policy; the library's default if None.

    Raises:
        UnknownNameError: No such tier, or the policy has no entitlement for it.

    Source: CBM-6.

    >>> resource_rules("premium").manager
    'dedicated_with_team'
    """
    policy = policy_of(policy, "segmentation")
    rows = {row.tier.value: row for row in policy.records("entitlement", Entitlement)}
    name = str(tier)
    if name not in rows:
        raise UnknownNameError("tier with entitlements", name, rows)
    return rows[name]


def resource_levels(
    tiers: pd.DataFrame | pd.Series, *, policy: Policy | None = None
) -> pd.DataFrame:
    """Find the resource level of each customer by its tier.

    Args:
        tiers: A Series of tiers, or a frame with the column ``tier``, indexed by customer.
        policy: Segmentation policy; the library's default if None.

    Returns:
        The same index: ``resource_level`` and ``resource_level_rule`` (categorical; null for a
        customer without a tier).

    Raises:
        DataError: An unknown tier.

    Source: CBM-6.

    >>> resource_levels(pd.Series(["premium", "restricted"]))["resource_level"].tolist()
    ['priority', 'reduce']
    """
    policy = policy_of(policy, "segmentation")
    values = tiers if isinstance(tiers, pd.Series) else column_of(tiers, "tier", "tiers")
    frame = pd.DataFrame({"tier": values})
    decided = policy.table("resource_level").decide_frame(frame, on_missing="undecided")
    columns = {"resource_level": decided["outcome"], "resource_level_rule": decided["rule"]}
    return policy.stamp(pd.DataFrame(columns, index=frame.index))
