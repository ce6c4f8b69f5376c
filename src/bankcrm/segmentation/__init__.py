"""Segmentation: RFM, attributes, tiers and their review, memberships, resources, one view."""

from __future__ import annotations

from bankcrm.segmentation.attributes.average_balance import average_balance
from bankcrm.segmentation.attributes.classification import Attribute, segment_attributes
from bankcrm.segmentation.attributes.memberships import memberships
from bankcrm.segmentation.attributes.product_use import product_use
from bankcrm.segmentation.attributes.views import customer_view, profile
from bankcrm.segmentation.model import TIER_LADDER, Entitlement, Treatment
from bankcrm.segmentation.resources.allocation import (
    ResourcePlan,
    allocate,
    resource_levels,
    resource_rules,
)
from bankcrm.segmentation.resources.apportionment import apportion
from bankcrm.segmentation.resources.managers import assign_managers
from bankcrm.segmentation.rfm.metrics import rfm_metrics
from bankcrm.segmentation.rfm.segments import rfm_migration, segment_rfm
from bankcrm.segmentation.rfm.thresholds import (
    RfmCuts,
    RfmThresholds,
    fit_rfm,
    score_rfm,
    weighted_rfm,
)
from bankcrm.segmentation.tiers.assignment import TierLines, assign_tiers, fit_tiers
from bankcrm.segmentation.tiers.review import review_tiers, tier_migration

__all__ = [
    "TIER_LADDER",
    "Attribute",
    "Entitlement",
    "ResourcePlan",
    "RfmCuts",
    "RfmThresholds",
    "TierLines",
    "Treatment",
    "allocate",
    "apportion",
    "assign_managers",
    "assign_tiers",
    "average_balance",
    "customer_view",
    "fit_rfm",
    "fit_tiers",
    "memberships",
    "product_use",
    "profile",
    "resource_levels",
    "resource_rules",
    "review_tiers",
    "rfm_metrics",
    "rfm_migration",
    "score_rfm",
    "segment_attributes",
    "segment_rfm",
    "tier_migration",
    "weighted_rfm",
]
