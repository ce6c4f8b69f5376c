"""The figures of a whole review, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Protocol

import attrs
import numpy as np
import pandas as pd

import bankcrm
from bankcrm.frames import DataFault
from bankcrm.policy import Policy, PolicySet
from bankcrm.reviews.steps import Handled
from bankcrm.segmentation import resource_rules
from bankcrm.valuation import concentration
from bankcrm.valuation.concentration.curves import ProfitSplit, WhaleCurve
from bankcrm.valuation.contribution.components import COMPONENTS
from bankcrm.vocabulary import Tier

CURVE_POINTS = 101
COUNTED = ("stage", "segment", "tier", "resource_level", "warning")
"""Columns whose values the summary counts."""
LISTED = 25
"""How many warnings and open complaints the summary lists."""


def summary_of(
    name: str,
    day: date,
    figures: Figures,
    handled: Handled,
    findings: Sequence[DataFault],
    policies: PolicySet,
) -> dict[str, Any]:
    """Counts, totals, lists and fingerprints of a review: all that a report needs."""
    return {
        "bankcrm": bankcrm.__version__,
        "book": name,
        "as_of": day.isoformat(),
        "customers": figures.customers,
        **{c: figures.counts[c] for c in COUNTED if c != "warning"},
        "contribution": {c: round(total, 2) for c, total in figures.totals.items()},
        "concentration": spread_of(figures.spread, policies["valuation"]),
        "tiers": tier_rows(figures.tiers, policies["segmentation"]),
        "warning": figures.counts["warning"],
        "warnings": _first_warnings(figures.warned),
        "complaints": _complaints(handled),
        "findings": sum(f.count for f in findings),
        "policies": {
            d: {"id": p.id, "version": p.version, "fingerprint": p.fingerprint}
            for d, p in policies.policies.items()
        },
    }


class Spreading(Protocol):
    """What a summary asks of a concentration, in memory or in an engine."""

    @property
    def total(self) -> float:
        """The sum of the values."""

    @property
    def gini(self) -> float:
        """The Gini coefficient."""

    def share_of_top(self, share: float) -> float:
        """Part of the total that the best ``share`` of customers holds."""

    def holders_of(self, share: float) -> float:
        """Smallest share of customers that holds ``share`` of the total."""

    def lorenz(self, points: int = 101) -> pd.DataFrame:
        """The Lorenz curve."""

    def whale_curve(self, points: int = 101) -> WhaleCurve:
        """The whale curve with its peak."""

    def profit_split(self, margin: float) -> ProfitSplit:
        """Profitable, marginal and losing customers."""


@attrs.frozen(eq=False)
class Figures:
    """What a summary is made of, whether the customers are in memory or in an engine.

    Args:
        customers: how many there are.
        counts: for each column of `COUNTED` how often each value occurs.
        totals: sum of each component of contribution, and of contribution.
        tiers: from `by_tier`.
        warned: from `first_warned`.
        spread: concentration of contribution.
    """

    customers: int
    counts: Mapping[str, Mapping[str, int]]
    totals: Mapping[str, float]
    tiers: pd.DataFrame
    warned: pd.DataFrame
    spread: Spreading


def figures_of(customers: pd.DataFrame) -> Figures:
    """The figures of customers in memory."""
    return Figures(
        customers=len(customers),
        counts={c: counts(customers[c]) for c in COUNTED},
        totals=totals_of(customers),
        tiers=by_tier(customers),
        warned=first_warned(customers),
        spread=concentration(customers["contribution"]),
    )


def totals_of(customers: pd.DataFrame) -> dict[str, float]:
    """Sum of each component of contribution, and of contribution; they add up over parts."""
    components = [c for c in (*COMPONENTS, "contribution") if c in customers]
    return {c: float(customers[c].sum()) for c in components}


def by_tier(customers: pd.DataFrame) -> pd.DataFrame:
    """Customers, contribution and scores by tier; they add up over parts of a book."""
    groups = customers.groupby("tier", observed=False)
    return pd.DataFrame(
        {
            "customers": groups.size(),
            "contribution": groups["contribution"].sum(),
            "value_score": groups["value_score"].sum(),
            "scored": groups["value_score"].count(),
        }
    )


def first_warned(customers: pd.DataFrame) -> pd.DataFrame:
    """The customers with the most at stake among those that show a warning."""
    first = customers["warning_rank"].le(LISTED).fillna(False).to_numpy(bool)
    return customers[first].sort_values("warning_rank")


def counts(values: pd.Series) -> dict[str, int]:
    """How often each value occurs, in the vocabulary's order; ``(none)`` where there is none."""
    categories = values.astype("category").cat
    found = np.bincount(categories.codes.to_numpy() + 1, minlength=len(categories.categories) + 1)
    named = dict(zip(map(str, categories.categories), found[1:].tolist(), strict=True))
    return {**named, **({"(none)": int(found[0])} if found[0] else {})}


def spread_of(spread: Spreading, policy: Policy) -> dict[str, Any]:
    """Concentration of contribution; shares are null where the total is not above zero."""
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


def tier_rows(tiers: pd.DataFrame, policy: Policy) -> list[dict[str, Any]]:
    """A row a tier: customers, contribution, mean score, and what the tier is entitled to."""
    sums = tiers.reindex([tier.value for tier in Tier], fill_value=0)
    rows = []
    for tier, (size, total, score, scored) in zip(Tier, sums.to_numpy(), strict=True):
        right = resource_rules(tier, policy=policy)
        row = {
            "tier": tier.value,
            "customers": int(size),
            "contribution": round(float(total), 2),
            "value_score": round(float(score / scored), 1) if scored else None,
        }
        plain = {k: getattr(right, k) for k in ("level", "manager", "response_hours", "queue")}
        rows.append(row | plain | {"level": right.level.value, "discount": right.price_discount})
    return rows


def _first_warnings(ranked: pd.DataFrame) -> list[dict[str, Any]]:
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
