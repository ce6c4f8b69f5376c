"""The figures of a whole review, ready for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

import bankcrm
from bankcrm.columns import DataFault
from bankcrm.policy import Policy, PolicySet
from bankcrm.reviews.steps import Handled
from bankcrm.segmentation import resource_rules
from bankcrm.valuation import concentration
from bankcrm.valuation.components import COMPONENTS
from bankcrm.vocabulary import Tier

CURVE_POINTS = 101
LISTED = 25
"""How many warnings and open complaints the summary lists."""


def summary_of(
    name: str,
    day: date,
    customers: pd.DataFrame,
    handled: Handled,
    findings: Sequence[DataFault],
    policies: PolicySet,
) -> dict[str, Any]:
    """Counts, totals, lists and fingerprints of a review: all that a report needs."""
    components = [c for c in (*COMPONENTS, "contribution") if c in customers]
    totals = customers[components].sum()
    return {
        "bankcrm": bankcrm.__version__,
        "book": name,
        "as_of": day.isoformat(),
        "customers": len(customers),
        **{c: counts(customers[c]) for c in ("stage", "segment", "tier", "resource_level")},
        "contribution": {c: round(float(totals[c]), 2) for c in components},
        "concentration": spread_of(customers["contribution"], policies["valuation"]),
        "tiers": tier_rows(customers, policies["segmentation"]),
        "warning": counts(customers["warning"]),
        "warnings": _first_warnings(customers),
        "complaints": _complaints(handled),
        "findings": sum(f.count for f in findings),
        "policies": {
            d: {"id": p.id, "version": p.version, "fingerprint": p.fingerprint}
            for d, p in policies.policies.items()
        },
    }


def counts(values: pd.Series) -> dict[str, int]:
    """How often each value occurs, in the vocabulary's order; ``(none)`` where there is none."""
    categories = values.astype("category").cat
    found = np.bincount(categories.codes.to_numpy() + 1, minlength=len(categories.categories) + 1)
    named = dict(zip(map(str, categories.categories), found[1:].tolist(), strict=True))
    return {**named, **({"(none)": int(found[0])} if found[0] else {})}


def spread_of(values: pd.Series, policy: Policy) -> dict[str, Any]:
    """Concentration of contribution; shares are null where the total is not above zero."""
    spread = concentration(values)
    split = spread.profit_split(policy.value("rule_marginal"))
    known: dict[str, Any] = {
        "top_fifth_share": None,
        "gini": None,
        "holders_of_80": None,
        "lorenz": None,
        "whale": None,
        "split": {"customers": list(split.customers), "profit": list(split.profit)},
        "margin": split.margin,
    }
    if spread.total <= 0:
        return known
    whale = spread.whale_curve(CURVE_POINTS)
    return known | {
        "top_fifth_share": spread.share_of_top(0.2),
        "gini": spread.gini,
        "holders_of_80": spread.holders_of(0.8),
        "lorenz": spread.lorenz(CURVE_POINTS)["value"].round(6).tolist(),
        "whale": whale.points["profit"].round(6).tolist(),
        "peak": whale.peak,
        "peak_customers": whale.peak_customers,
    }


def tier_rows(customers: pd.DataFrame, policy: Policy) -> list[dict[str, Any]]:
    """A row a tier: customers, contribution, mean score, and what the tier is entitled to."""
    groups = customers.groupby("tier", observed=False)
    sums = groups["contribution"].sum()
    scores = groups["value_score"].mean()
    sizes = groups.size()
    rows = []
    for tier in Tier:
        right = resource_rules(tier, policy=policy)
        row = {
            "tier": tier.value,
            "customers": int(sizes.get(tier.value, 0)),
            "contribution": round(float(sums.get(tier.value, 0.0)), 2),
            "value_score": _rounded(scores.get(tier.value)),
        }
        plain = {k: getattr(right, k) for k in ("level", "manager", "response_hours", "queue")}
        rows.append(row | plain | {"level": right.level.value, "discount": right.price_discount})
    return rows


def _rounded(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else round(float(value), 1)


def _first_warnings(customers: pd.DataFrame) -> list[dict[str, Any]]:
    """The customers with the most at stake among those that show a warning."""
    ranked = customers[customers["warning_rank"].le(LISTED).fillna(False).to_numpy(bool)]
    ranked = ranked.sort_values("warning_rank")
    columns = {
        "customer": ranked.index.astype(str).tolist(),
        "warning": _texts(ranked["warning"]),
        "reasons": _texts(ranked["warning_reasons"]),
        "stage": _texts(ranked["stage"]),
        "tier": _texts(ranked["tier"]),
        "contribution": ranked["contribution"].round(2).tolist(),
    }
    return _records(columns)


def _complaints(handled: Handled) -> dict[str, Any]:
    routed = handled.routed
    open_ = routed[routed["state"].isin(["open", "overdue"]).to_numpy()]
    first = open_.sort_values("due", kind="stable").head(LISTED)
    columns = {
        "complaint": first.index.astype(str).tolist(),
        **{c: first[c].pipe(_texts) for c in ("kind", "severity", "owner", "state")},
        "due": _texts(first["due"].dt.strftime("%Y-%m-%d")),
    }
    return {
        "accepted": len(routed),
        "rejected": handled.rejected,
        "overdue": int((routed["state"] == "overdue").sum()),
        **{c: counts(routed[c]) for c in ("kind", "severity", "owner", "state")},
        "open": _records(columns),
    }


def _texts(values: pd.Series) -> list[str]:
    """Values as texts, empty where missing."""
    present = values.notna()
    return [str(v) if p else "" for v, p in zip(values, present, strict=True)]


def _records(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]
