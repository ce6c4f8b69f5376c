"""Marketing: campaigns measured against a control group."""

from __future__ import annotations

from bankcrm.marketing.campaigns.effect import ArmEffect, CampaignEffect, campaign_effect
from bankcrm.marketing.campaigns.groups import assign_groups
from bankcrm.marketing.campaigns.power import (
    SampleSize,
    detectable,
    power_of_test,
    sample_size,
    stopping_bounds,
)
from bankcrm.marketing.campaigns.returns import CampaignReturn, campaign_return
from bankcrm.marketing.campaigns.uplift import UpliftCurve, uplift_curve

__all__ = [
    "ArmEffect",
    "CampaignEffect",
    "CampaignReturn",
    "SampleSize",
    "UpliftCurve",
    "assign_groups",
    "campaign_effect",
    "campaign_return",
    "detectable",
    "power_of_test",
    "sample_size",
    "stopping_bounds",
    "uplift_curve",
]
