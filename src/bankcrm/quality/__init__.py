"""Quality: identifiers, data quality, one record per customer, privacy."""

from __future__ import annotations

from bankcrm.quality.identifiers.check import check_identifiers, normalise_identifiers
from bankcrm.quality.measures.measure import measure_quality
from bankcrm.quality.measures.quality import Quality
from bankcrm.quality.privacy.masks import mask_personal
from bankcrm.quality.privacy.pseudonyms import pseudonymise
from bankcrm.quality.privacy.retention import retention_plan
from bankcrm.quality.unification.unify import Unified, unify

__all__ = [
    "Quality",
    "Unified",
    "check_identifiers",
    "mask_personal",
    "measure_quality",
    "normalise_identifiers",
    "pseudonymise",
    "retention_plan",
    "unify",
]
