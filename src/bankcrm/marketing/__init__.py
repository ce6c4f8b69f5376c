"""Marketing: campaigns, consent and contact policy, channels, offers and prospects."""

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
from bankcrm.marketing.campaigns.record import Campaign, CampaignStep, move_campaign
from bankcrm.marketing.campaigns.returns import CampaignReturn, campaign_return
from bankcrm.marketing.campaigns.uplift import UpliftCurve, uplift_curve
from bankcrm.marketing.channels.satisfaction import satisfaction
from bankcrm.marketing.channels.use import channel_measures, first_contact_resolution
from bankcrm.marketing.consent.contact import may_contact
from bankcrm.marketing.consent.statements import consents_as_of
from bankcrm.marketing.offers.cards import Offers, ProductOffer, fit_offers
from bankcrm.marketing.offers.check import RankingCheck, check_ranking
from bankcrm.marketing.offers.holdings import product_holdings
from bankcrm.marketing.offers.order import AcquisitionOrder, acquisition_order
from bankcrm.marketing.offers.product_rules import product_rules
from bankcrm.marketing.offers.ranking import rank_offers
from bankcrm.marketing.prospects.counterparties import counterparties
from bankcrm.marketing.prospects.lookalike import LookAlike, fit_lookalike
from bankcrm.marketing.prospects.referrals import referral_chain

__all__ = [
    "AcquisitionOrder",
    "ArmEffect",
    "Campaign",
    "CampaignEffect",
    "CampaignReturn",
    "CampaignStep",
    "LookAlike",
    "Offers",
    "ProductOffer",
    "RankingCheck",
    "SampleSize",
    "UpliftCurve",
    "acquisition_order",
    "assign_groups",
    "campaign_effect",
    "campaign_return",
    "channel_measures",
    "check_ranking",
    "consents_as_of",
    "counterparties",
    "detectable",
    "first_contact_resolution",
    "fit_lookalike",
    "fit_offers",
    "may_contact",
    "move_campaign",
    "power_of_test",
    "product_holdings",
    "product_rules",
    "rank_offers",
    "referral_chain",
    "sample_size",
    "satisfaction",
    "stopping_bounds",
    "uplift_curve",
]
