"""Quality: identifiers, data quality, one record per customer, privacy."""

from __future__ import annotations

from bankcrm.quality.identifiers.check import check_identifiers, normalise_identifiers

__all__ = ["check_identifiers", "normalise_identifiers"]
