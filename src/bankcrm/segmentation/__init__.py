"""Segmentation: RFM, tiers and their movement, resources."""

from __future__ import annotations

from bankcrm.segmentation._findings import findings_of
from bankcrm.segmentation.model import TIER_LADDER, Entitlement, Treatment
from bankcrm.segmentation.resources import ResourcePlan, allocate, resource_levels, resource_rules
from bankcrm.segmentation.rfm import rfm_metrics
from bankcrm.segmentation.rfm_scores import (
    RfmCuts,
    RfmThresholds,
    fit_rfm,
    score_rfm,
    weighted_rfm,
)
from bankcrm.segmentation.rfm_segments import rfm_migration, segment_rfm
from bankcrm.segmentation.shares import apportion
from bankcrm.segmentation.tiers import TierLines, assign_tiers, fit_tiers
from bankcrm.vocabulary import ResourceLevel, Tier

__all__ = [
    "TIER_LADDER",
    "Entitlement",
    "ResourceLevel",
    "ResourcePlan",
    "RfmCuts",
    "RfmThresholds",
    "Tier",
    "TierLines",
    "Treatment",
    "allocate",
    "apportion",
    "assign_tiers",
    "findings_of",
    "fit_rfm",
    "fit_tiers",
    "resource_levels",
    "resource_rules",
    "rfm_metrics",
    "rfm_migration",
    "score_rfm",
    "segment_rfm",
    "weighted_rfm",
]
