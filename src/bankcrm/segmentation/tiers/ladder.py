"""The order of the tiers (CBM-3)."""

from __future__ import annotations

from typing import Final

from bankcrm.vocabulary import Tier

TIER_LADDER: Final = (Tier.RESTRICTED, Tier.ORDINARY, Tier.POTENTIAL, Tier.KEY, Tier.PREMIUM)
"""The tiers, lowest first. A customer with potential ranks above an ordinary one: it has a larger
weight in resources, and it moves down when its growth is gone."""
