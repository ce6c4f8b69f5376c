"""The resource level of each tier, and what a tier is entitled to (CBM-6)."""

from __future__ import annotations

import pandas as pd

from bankcrm.errors import UnknownNameError
from bankcrm.policy import Policy, default_policy
from bankcrm.segmentation.model import Entitlement
from bankcrm.vocabulary import Tier


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
