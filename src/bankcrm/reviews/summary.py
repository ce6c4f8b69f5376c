"""The figures of a whole review, ready for JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import attrs
import numpy as np
import pandas as pd

from bankcrm._version import __version__
from bankcrm.complaints import ProcessedComplaints
from bankcrm.frames import DataFault
from bankcrm.pipeline import Step
from bankcrm.pipeline.reading import counted_columns
from bankcrm.policy import Policy, PolicySet
from bankcrm.segmentation import resource_rules
from bankcrm.valuation import Concentration, concentration
from bankcrm.valuation.contribution.components import COMPONENTS
from bankcrm.vocabulary import Tier

CURVE_POINTS = 101
LISTED = 25
"""How many warnings and open complaints the summary lists."""
_SUMMED = (*COMPONENTS, "contribution")
_LISTED_COLUMNS = ("warning_signals", "warning", "warning_reasons", "stage", "tier", "contribution",
                   "value_at_stake", "warning_score")  # fmt: skip


@attrs.frozen(eq=False)
class Figures:
    """The figures from which a summary is made.

    Attributes:
        customers: The number of customers.
        counts: Counted column -> value -> number of customers.
        totals: Sum of each component of contribution, and of contribution.
        tiers: Customers, contribution and scores by tier.
        warned: The customers with the most at stake among those that have a warning.
        concentration: Concentration of the contribution.
    """

    customers: int
    counts: Mapping[str, Mapping[str, int]]
    totals: Mapping[str, float]
    tiers: pd.DataFrame
    warned: pd.DataFrame
    concentration: Concentration


def figures_of(parts: Iterable[pd.DataFrame], steps: Sequence[Step]) -> Figures:
    """The figures of customers that are in memory or come in parts."""
    counted = counted_columns(steps)
    numbers: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    counts: dict[str, Counter[str]] = {c: Counter() for c in counted}
    tiers: list[pd.DataFrame] = []
    warned: list[pd.DataFrame] = []
    contributions: list[np.ndarray[Any, Any]] = []
    for part in parts:
        numbers["customers"] += len(part)
        for column in counted:
            counts[column].update(count_values(part[column]))
        totals.update({c: float(part[c].sum()) for c in _SUMMED if c in part})
        tiers.append(_by_tier(part))
        warned.append(first_warned(part))
        contributions.append(part["contribution"].to_numpy())
    return Figures(
        customers=numbers["customers"],
        counts={c: dict(found) for c, found in counts.items()},
        totals=dict(totals),
        tiers=pd.concat(tiers).groupby(level=0).sum(),
        warned=first_warned(pd.concat(warned)),
        concentration=concentration(np.concatenate(contributions)),
    )


def figure_columns(steps: Sequence[Step]) -> list[str]:
    """The columns that `figures_of` reads, as far as they are present."""
    listed = [*counted_columns(steps), *_SUMMED, "value_score", *_LISTED_COLUMNS]
    return list(dict.fromkeys(listed))


def count_values(values: pd.Series) -> dict[str, int]:
    """How often each value occurs, in the order of the vocabulary; missing counts as ``(none)``."""
    categories = values.astype("category").cat
    found = np.bincount(categories.codes.to_numpy() + 1, minlength=len(categories.categories) + 1)
    named = dict(zip(map(str, categories.categories), found[1:].tolist(), strict=True))
    return {**named, **({"(none)": int(found[0])} if found[0] else {})}


def first_warned(customers: pd.DataFrame) -> pd.DataFrame:
    """The first customers with a warning: by value at stake, then by warning score, then by id."""
    warned = customers.loc[customers["warning_signals"].to_numpy() > 0, list(_LISTED_COLUMNS)]
    ordered = warned.sort_index(kind="stable").sort_values(
        ["value_at_stake", "warning_score"], ascending=False, kind="stable"
    )
    return ordered.head(LISTED)


def _by_tier(customers: pd.DataFrame) -> pd.DataFrame:
    """Customers, contribution and scores by tier."""
    groups = customers.groupby(customers["tier"].astype(str), observed=True)
    return pd.DataFrame(
        {
            "customers": groups.size(),
            "contribution": groups["contribution"].sum(),
            "value_score": groups["value_score"].sum(),
            "scored": groups["value_score"].count(),
        }
    )


def summary_of(
    name: str,
    day: date,
    figures: Figures,
    processed: ProcessedComplaints,
    findings: Sequence[DataFault],
    policies: PolicySet,
    reasons: Mapping[str, str],
) -> dict[str, Any]:
    """Counts, totals, lists and fingerprints of a review."""
    counts = dict(figures.counts)
    warning = counts.pop("warning")
    return {
        "bankcrm": __version__,
        "book": name,
        "as_of": day.isoformat(),
        "customers": figures.customers,
        **counts,
        "contribution": {c: round(total, 2) for c, total in figures.totals.items()},
        "concentration": _concentration(figures.concentration, policies["valuation"]),
        "tiers": _tier_rows(figures.tiers, policies["segmentation"]),
        "warning": warning,
        "warnings": _warnings(figures.warned),
        "complaints": _complaints(processed),
        "findings": sum(f.count for f in findings),
        "not_available": dict(reasons),
        "policies": {
            d: {
                "id": p.id,
                "version": p.version,
                "fingerprint": p.fingerprint,
                "unconfirmed": _unconfirmed(p),
            }
            for d, p in policies.policies.items()
        },
    }


def _unconfirmed(policy: Policy) -> list[dict[str, Any]]:
    """The parameters that were not checked against their source, with value, unit and source."""
    rows = [(name, policy.parameter(name)) for name in policy.unconfirmed]
    return [{"name": n, "value": p.value, "unit": p.unit, "source": p.source} for n, p in rows]


def _concentration(measured: Concentration, policy: Policy) -> dict[str, Any]:
    """Concentration of the contribution; shares are null where the total is not above zero."""
    split = measured.profit_split(policy.value("rule_marginal"))
    figures: dict[str, Any] = {
        "top_fifth_share": None,
        "gini": None,
        "holders_of_80": None,
        "lorenz": None,
        "whale": None,
        "split": {"customers": list(split.customers), "profit": list(split.profit)},
        "margin": split.margin,
    }
    if measured.total <= 0:
        return figures
    whale = measured.whale_curve(CURVE_POINTS)
    return figures | {
        "top_fifth_share": measured.share_of_top(0.2),
        "gini": measured.gini,
        "holders_of_80": measured.holders_of(0.8),
        "lorenz": measured.lorenz(CURVE_POINTS)["value"].round(6).tolist(),
        "whale": whale.points["profit"].round(6).tolist(),
        "peak": whale.peak,
        "peak_customers": whale.peak_customers,
    }


def _tier_rows(tiers: pd.DataFrame, policy: Policy) -> list[dict[str, Any]]:
    """One row per tier: customers, contribution, mean score, and what the tier is entitled to."""
    sums = tiers.reindex([tier.value for tier in Tier], fill_value=0)
    rows = []
    for tier, (size, total, score, scored) in zip(Tier, sums.to_numpy(), strict=True):
        granted = resource_rules(tier, policy=policy)
        row = {
            "tier": tier.value,
            "customers": int(size),
            "contribution": round(float(total), 2),
            "value_score": round(float(score / scored), 1) if scored else None,
        }
        plain = {k: getattr(granted, k) for k in ("manager", "response_hours", "queue")}
        rows.append(
            row | plain | {"level": granted.level.value, "discount": granted.price_discount}
        )
    return rows


def _warnings(ranked: pd.DataFrame) -> list[dict[str, Any]]:
    columns = {
        "customer": ranked.index.astype(str).tolist(),
        "warning": _texts(ranked["warning"]),
        "reasons": _texts(ranked["warning_reasons"]),
        "stage": _texts(ranked["stage"]),
        "tier": _texts(ranked["tier"]),
        "contribution": ranked["contribution"].round(2).tolist(),
    }
    return _records(columns)


def _complaints(processed: ProcessedComplaints) -> dict[str, Any]:
    routed = processed.routed
    open_ = routed[routed["state"].isin(["open", "overdue"]).to_numpy()]
    first = open_.sort_values("due", kind="stable").head(LISTED)
    columns = {
        "complaint": first.index.astype(str).tolist(),
        **{c: first[c].pipe(_texts) for c in ("kind", "severity", "owner", "state")},
        "due": _texts(first["due"].dt.strftime("%Y-%m-%d")),
    }
    return {
        "accepted": len(routed),
        "rejected": processed.rejected,
        "overdue": int((routed["state"] == "overdue").sum()),
        **{c: count_values(routed[c]) for c in ("kind", "severity", "owner", "state")},
        "open": _records(columns),
    }


def _texts(values: pd.Series) -> list[str]:
    """Values as texts, empty where missing."""
    present = values.notna()
    return [str(v) if p else "" for v, p in zip(values, present, strict=True)]


def _records(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]
