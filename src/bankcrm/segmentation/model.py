"""Values of segmentation: entitlements, treatments, the ladder of tiers."""

from __future__ import annotations

from typing import Final

import attrs

from bankcrm.errors import UnknownNameError
from bankcrm.vocabulary import ResourceLevel, Tier

#: The ladder, lowest first. A customer with potential stands above an ordinary one: its weight in
#: resources is larger, and it lost something when its growth is gone.
TIER_LADDER: Final = (Tier.RESTRICTED, Tier.ORDINARY, Tier.POTENTIAL, Tier.KEY, Tier.PREMIUM)


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


@attrs.frozen
class Treatment:
    """What is done for a level of RFM (EB-3)."""

    level: str
    treatment: str
    source: str = "default"
