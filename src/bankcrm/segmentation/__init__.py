"""Segmentation: RFM, attributes, tiers, clusters, memberships, resources, one view."""

from __future__ import annotations

from bankcrm.segmentation.attributes.average_balance import average_balance
from bankcrm.segmentation.attributes.classification import segment_attributes
from bankcrm.segmentation.attributes.memberships import memberships
from bankcrm.segmentation.attributes.product_use import product_use
from bankcrm.segmentation.attributes.views import customer_view, profile
from bankcrm.segmentation.clusters.fit import fit_clusters
from bankcrm.segmentation.clusters.model import Clusters, assign_clusters
from bankcrm.segmentation.clusters.portraits import portrait
from bankcrm.segmentation.clusters.rules import ClusterRules, cluster_rules
from bankcrm.segmentation.resources.allocation import allocate
from bankcrm.segmentation.resources.levels import resource_levels, resource_rules
from bankcrm.segmentation.resources.managers import assign_managers
from bankcrm.segmentation.rfm.metrics import rfm_metrics
from bankcrm.segmentation.rfm.segments import rfm_migration, segment_rfm
from bankcrm.segmentation.rfm.thresholds import (
    RfmThresholds,
    fit_rfm,
    score_rfm,
    weighted_rfm,
)
from bankcrm.segmentation.tiers.assignment import assign_tiers
from bankcrm.segmentation.tiers.ladder import TIER_LADDER
from bankcrm.segmentation.tiers.lines import fit_tiers
from bankcrm.segmentation.tiers.migration import tier_migration
from bankcrm.segmentation.tiers.review import review_tiers
from bankcrm.shares.apportionment import apportion

__all__ = [
    "TIER_LADDER",
    "ClusterRules",
    "Clusters",
    "RfmThresholds",
    "allocate",
    "apportion",
    "assign_clusters",
    "assign_managers",
    "assign_tiers",
    "average_balance",
    "cluster_rules",
    "customer_view",
    "fit_clusters",
    "fit_rfm",
    "fit_tiers",
    "memberships",
    "portrait",
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
