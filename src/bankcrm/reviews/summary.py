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
from bankcrm.pipeline.step import CUSTOMER
from bankcrm.pipeline.steps import PRODUCTS_UNKNOWN
from bankcrm.policy import Policy, PolicySet
from bankcrm.reviews.risk import RiskResults, figures_of_risk
from bankcrm.segmentation import resource_rules
from bankcrm.valuation import Concentration, concentration
from bankcrm.valuation.contribution.components import COMPONENTS
from bankcrm.vocabulary import Tier

CURVE_POINTS = 101
LISTED = 25
"""How many warnings and open complaints the summary lists."""
NONE = "(none)"
"""The count of rows without a value."""
HOLDING = "active-quiet-product"
"""The rule of customers who are active only because they hold a product that needs no movements."""
_SUMMED = (*COMPONENTS, "contribution")
_LISTED_COLUMNS = ("warning_signals", "warning", "warning_reasons", "stage", "tier", "contribution",
                   "value_at_stake", "warning_score")  # fmt: skip


@attrs.frozen(eq=False)
class Figures:
    """The figures from which a summary is made; those of all but ``others`` are of customers.

    Attributes:
        customers: The number of customers on the day.
        others: Stage -> number of those who are no customers on the day.
        counts: Counted column -> value -> number of customers; ``stage`` counts everybody.
        totals: Sum of each component of contribution, and of contribution; None where unknown.
        other_total: The contribution of the others; None where unknown.
        holding: Active customers who move no money and hold a product that needs no movements.
        tiers: Customers, contribution and scores by tier.
        warned: The first customers with a warning; see `first_warned`.
        rfm: Customers with a transaction of their own: number by frequency and recency score.
        concentration: Concentration of the contribution; None where no contribution is known.
    """

    customers: int
    others: Mapping[str, int]
    counts: Mapping[str, Mapping[str, int]]
    totals: Mapping[str, float | None]
    other_total: float | None
    holding: int
    tiers: pd.DataFrame
    warned: pd.DataFrame
    rfm: pd.DataFrame
    concentration: Concentration | None


def figures_of(parts: Iterable[pd.DataFrame], steps: Sequence[Step]) -> Figures:
    """The figures of customers that are in memory or come in parts."""
    counted = counted_columns(steps)
    size, holding = 0, 0
    totals: dict[str, list[float]] = {c: [] for c in _SUMMED}
    counts: dict[str, Counter[str]] = {c: Counter() for c in counted}
    others: Counter[str] = Counter()
    other_totals: list[float] = []
    tiers: list[pd.DataFrame] = []
    warned: list[pd.DataFrame] = []
    scores: list[pd.Series] = []
    contributions: list[np.ndarray[Any, Any]] = []
    for part in parts:
        customers, rest = _by_relationship(part)
        size += len(customers)
        others.update(count_values(rest["stage"]))
        for column in counted:
            counts[column].update(count_values((part if column == "stage" else customers)[column]))
        for column in _SUMMED:
            totals[column] += _total(customers, column)
        other_totals += _total(rest, "contribution")
        holding += int((customers["stage_rule"] == HOLDING).sum())
        tiers.append(_by_tier(customers))
        warned.append(first_warned(customers))
        scores.append(customers.groupby(["f", "r"], observed=True).size())
        contributions.append(customers["contribution"].dropna().to_numpy(np.float64))
    values = np.concatenate(contributions)
    return Figures(
        customers=size,
        others={stage: n for stage, n in others.items() if n},
        counts={c: dict(found) for c, found in counts.items()},
        totals={c: sum(found) if found else None for c, found in totals.items()},
        other_total=sum(other_totals) if other_totals else None,
        holding=holding,
        tiers=pd.concat(tiers).groupby(level=0).sum(min_count=1),
        warned=first_warned(pd.concat(warned)),
        rfm=pd.concat(scores).groupby(level=[0, 1]).sum().unstack("r", fill_value=0),
        concentration=concentration(values) if len(values) else None,
    )


def _by_relationship(part: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The customers on the day, and the others."""
    if CUSTOMER not in part:
        return part, part.iloc[:0]
    mine = part[CUSTOMER].to_numpy(np.bool_)
    return part.loc[mine], part.loc[~mine]


def _total(rows: pd.DataFrame, column: str) -> list[float]:
    """The sum of a column; nothing where no value is known."""
    if column not in rows or not rows[column].notna().any():
        return []
    return [float(rows[column].sum())]


def figure_columns(steps: Sequence[Step]) -> list[str]:
    """The columns that `figures_of` reads, as far as they are present."""
    listed = [
        CUSTOMER, "stage", "stage_rule", "r", "f", *counted_columns(steps), *_SUMMED, "value_score",
        *_LISTED_COLUMNS,
    ]  # fmt: skip
    return list(dict.fromkeys(listed))


def count_values(values: pd.Series) -> dict[str, int]:
    """How often each value occurs, in the order of the vocabulary; missing counts as `NONE`."""
    categories = values.astype("category").cat
    found = np.bincount(categories.codes.to_numpy() + 1, minlength=len(categories.categories) + 1)
    named = dict(zip(map(str, categories.categories), found[1:].tolist(), strict=True))
    return {**named, **({NONE: int(found[0])} if found[0] else {})}


def first_warned(customers: pd.DataFrame, limit: int | None = LISTED) -> pd.DataFrame:
    """The first customers with a warning; None for a limit gives them all.

    Alarms come first, then the most at stake, then the highest warning score, then by id.
    """
    signals = customers["warning_signals"].to_numpy(np.float64, na_value=0.0)
    warned = customers.loc[signals > 0, list(_LISTED_COLUMNS)]
    alarm = (warned["warning"] == "alarm").to_numpy(np.bool_, na_value=False)
    ordered = (
        warned.assign(_alarm=alarm)
        .sort_index(kind="stable")
        .sort_values(["_alarm", "value_at_stake", "warning_score"], ascending=False, kind="stable")
    )
    return ordered.drop(columns="_alarm").head(len(ordered) if limit is None else limit)


def _by_tier(customers: pd.DataFrame) -> pd.DataFrame:
    """Customers, contribution and scores by tier; null where none is known."""
    tier = customers["tier"].astype(object)
    groups = customers.groupby(tier.where(tier.notna(), NONE).astype(str))
    return pd.DataFrame(
        {
            "customers": groups.size(),
            "contribution": groups["contribution"].sum(min_count=1),
            "value_score": groups["value_score"].sum(min_count=1),
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
    limits: Mapping[str, str],
    period: tuple[str | None, str | None],
    risk: RiskResults,
    quality: Mapping[str, Any],
) -> dict[str, Any]:
    """Counts, totals, lists and fingerprints of a review."""
    counts = {
        # No customer is known to be in a category that the book cannot tell.
        c: {value: n for value, n in found.items() if n} if c in reasons else found
        for c, found in figures.counts.items()
    }
    warning = counts.pop("warning")
    active = counts["stage"].get("active", 0)
    rules = policies["lifecycle"].table("stage").rules
    split = PRODUCTS_UNKNOWN not in limits and any(rule.id == HOLDING for rule in rules)
    return {
        "bankcrm": __version__,
        "book": name,
        "as_of": day.isoformat(),
        "period": dict(zip(("first", "last"), period, strict=True)),
        "customers": figures.customers,
        "others": {"stage": dict(figures.others), "contribution": _rounded(figures.other_total)},
        **counts,
        "active": {
            "moving": active - figures.holding if split else None,
            "holding": figures.holding if split else None,
        },
        "rfm": _rfm(figures.rfm),
        "contribution": {c: _rounded(total) for c, total in figures.totals.items()},
        "concentration": _concentration(figures.concentration, policies["valuation"]),
        "tiers": _tier_rows(figures.tiers, policies["segmentation"], known="tier" not in reasons),
        "warning": warning,
        "warnings": _warnings(figures.warned),
        "complaints": _complaints(processed),
        "risk": figures_of_risk(risk),
        "quality": dict(quality),
        "findings": sum(f.count for f in findings),
        "not_available": dict(reasons),
        "limits": dict(limits),
        "fingerprint": policies.fingerprint,
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


def _rfm(counts: pd.DataFrame) -> dict[str, Any]:
    """Customers by recency score (columns) and frequency score (rows, the highest first)."""
    if counts.empty:
        return {"r": [], "f": [], "customers": []}
    top = int(max(counts.index.max(), counts.columns.max()))
    scores = range(1, top + 1)
    whole = counts.reindex(index=scores[::-1], columns=scores, fill_value=0)
    return {"r": list(scores), "f": list(scores[::-1]), "customers": whole.to_numpy().tolist()}


def _unconfirmed(policy: Policy) -> list[dict[str, Any]]:
    """The parameters that were not checked against their source, with value, unit and source."""
    rows = [(name, policy.parameter(name)) for name in policy.unconfirmed]
    return [{"name": n, "value": p.value, "unit": p.unit, "source": p.source} for n, p in rows]


def _rounded(total: float | None) -> float | None:
    return None if total is None else round(total, 2)


def _concentration(measured: Concentration | None, policy: Policy) -> dict[str, Any]:
    """Concentration of the contribution of the customers.

    Shares are null where the total is not above zero, all figures where no contribution is known.
    """
    margin = policy.value("rule_marginal")
    names = ("customers", "total", "losing", "top_fifth_share", "gini", "gini_normalised",
             "holders_of_80", "lorenz", "whale", "peak", "peak_customers", "split")  # fmt: skip
    figures: dict[str, Any] = {**dict.fromkeys(names), "margin": margin}
    if measured is None:
        return figures
    split = measured.profit_split(margin)
    losing = int(np.searchsorted(measured.values, 0.0))
    figures |= {
        "customers": len(measured.values),
        "total": round(measured.total, 2),
        "losing": losing,
        "split": {"customers": list(split.customers), "profit": list(split.profit)},
    }
    if len(measured.values) > 1 and measured.values.any():
        figures["gini_normalised"] = measured.gini_normalised
    if not measured.has_total:
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


def _tier_rows(tiers: pd.DataFrame, policy: Policy, *, known: bool) -> list[dict[str, Any]]:
    """One row per tier: customers, contribution, mean score, and what the tier is entitled to.

    Customers without a tier have a row of their own, if there are any.

    Args:
        tiers: Sums by tier.
        policy: Segmentation policy.
        known: Whether the book can tell who is in a tier; else no row says that nobody is.
    """
    names = [*(t.value for t in Tier), *([NONE] if NONE in tiers.index else [])]
    rows = []
    for name, sums in zip(names, tiers.reindex(names).to_numpy(np.float64), strict=True):
        size, total, score, scored = (None if np.isnan(v) else float(v) for v in sums)
        row: dict[str, Any] = {
            "tier": name,
            "customers": int(size) if size else 0 if known else None,
            "contribution": _rounded(0.0 if total is None and known and not size else total),
            "value_score": round(score / scored, 1) if score is not None and scored else None,
        }
        rows.append(row | _granted(name, policy))
    return rows


def _granted(tier: str, policy: Policy) -> dict[str, Any]:
    """What a tier is entitled to; null without a tier."""
    plain = ("manager", "response_hours", "queue")
    if tier == NONE:
        return dict.fromkeys((*plain, "level", "discount"))
    rules = resource_rules(tier, policy=policy)
    found = {k: getattr(rules, k) for k in plain}
    return found | {"level": rules.level.value, "discount": rules.price_discount}


def _warnings(ranked: pd.DataFrame) -> list[dict[str, Any]]:
    columns = {
        "customer": ranked.index.astype(str).tolist(),
        "warning": _texts(ranked["warning"]),
        "reasons": _texts(ranked["warning_reasons"]),
        "stage": _texts(ranked["stage"]),
        "tier": _texts(ranked["tier"]),
        "contribution": [None if pd.isna(v) else round(v, 2) for v in ranked["contribution"]],
    }
    return _records(columns)


def _complaints(processed: ProcessedComplaints) -> dict[str, Any]:
    routed = processed.routed
    timed = not len(routed) or routed["state"].notna().any()  # else no answer is recorded
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
        "overdue": int((routed["state"] == "overdue").sum()) if timed else None,
        **{
            c: count_values(routed[c])
            for c in ("kind", "severity", "owner", "departments", "state")
        },
        "open": _records(columns),
    }


def _texts(values: pd.Series) -> list[str]:
    """Values as texts, empty where missing."""
    present = values.notna()
    return [str(v) if p else "" for v, p in zip(values, present, strict=True)]


def _records(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]
