"""The figures of a whole review, ready for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

import bankcrm
from bankcrm.columns import DataFault
from bankcrm.policy import PolicySet
from bankcrm.reviews.steps import Handled
from bankcrm.valuation import concentration
from bankcrm.valuation.components import COMPONENTS


def summary_of(
    name: str,
    day: date,
    customers: pd.DataFrame,
    handled: Handled,
    findings: Sequence[DataFault],
    policies: PolicySet,
) -> dict[str, Any]:
    """Counts, totals and fingerprints of a review."""
    components = [c for c in (*COMPONENTS, "contribution") if c in customers]
    totals = customers[components].sum()
    return {
        "bankcrm": bankcrm.__version__,
        "book": name,
        "as_of": day.isoformat(),
        "customers": len(customers),
        **{c: _counts(customers[c]) for c in ("stage", "segment", "tier", "resource_level")},
        "contribution": {c: round(float(totals[c]), 2) for c in components},
        "concentration": _spread(customers["contribution"]),
        "warning": _counts(customers["warning"]),
        "complaints": {
            "accepted": len(handled.routed),
            "rejected": handled.rejected,
            "overdue": int((handled.routed["state"] == "overdue").sum()),
            **{c: _counts(handled.routed[c]) for c in ("kind", "severity", "owner")},
        },
        "findings": sum(f.count for f in findings),
        "policies": {
            d: {"id": p.id, "version": p.version, "fingerprint": p.fingerprint}
            for d, p in policies.policies.items()
        },
    }


def _counts(values: pd.Series) -> dict[str, int]:
    """How often each value occurs, in the vocabulary's order; ``none`` where there is none."""
    categories = values.astype("category").cat
    counts = np.bincount(categories.codes.to_numpy() + 1, minlength=len(categories.categories) + 1)
    named = dict(zip(["none", *map(str, categories.categories)], counts.tolist(), strict=True))
    missing = named.pop("none")
    return {**named, **({"none": missing} if missing else {})}


def _spread(values: pd.Series) -> dict[str, float | None]:
    """Concentration of contribution; null where the total is not positive and has no shares."""
    if values.sum() <= 0:
        return {"top_fifth_share": None, "gini": None, "holders_of_80": None}
    spread = concentration(values)
    return {
        "top_fifth_share": spread.share_of_top(0.2),
        "gini": spread.gini,
        "holders_of_80": spread.holders_of(0.8),
    }
