"""The decisions of a review in a compact plain form, for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bankcrm.complaints.base import business_days
from bankcrm.pipeline import Step
from bankcrm.pipeline.reading import decisions_of, not_applicable
from bankcrm.policy import PolicySet
from bankcrm.rules import DecisionTable

INLINED = 10_000
"""How many customers the page of a report explains."""
EXPLAINED_COMPLAINTS = 2_000
"""How many complaints it explains."""
NO_SEVERITY = "consultations and suggestions have no severity"


def plain_explanations(
    facts: pd.DataFrame,
    steps: Sequence[Step],
    policies: PolicySet,
    reasons: Mapping[str, str],
    limit: int,
) -> dict[str, Any]:
    """The decisions about at most ``limit`` customers; see `bankcrm.Review.explanations`."""
    decisions = [(d, policies[step.domain].table(d.table)) for step, d in decisions_of(steps)]
    where = {d.table: step.where_of(d) for step, d in decisions_of(steps)}
    read = dict.fromkeys(d.columns.get(f, f) for d, t in decisions for f in t.compiled.facts)
    read |= dict.fromkeys(w for w in where.values() if w)
    shown = [f for f in read if f in facts]
    chosen = facts.iloc[leading_rows(facts, limit)]
    rules = [_rule_numbers(t, chosen[d.rule_column]) for d, t in decisions]
    rows = zip(*rules, *(_plain_values(chosen[f]) for f in shown), strict=True)
    return {
        "tables": [
            {
                "id": d.table,
                **_plain_table(t, d.columns),
                "where": where[d.table],
                "elsewhere": not_applicable(where[d.table]) if where[d.table] else "",
                "absent": reasons.get(d.outcome or d.rule_column, "a fact is missing"),
                "brief": "outcome" in d.shown and bool(d.outcome),
            }
            for d, t in decisions
        ],
        "facts": shown,
        "customers": dict(zip(chosen.index.astype(str), rows, strict=True)),
    }


_COMPLAINT_FACTS = (
    "customer_id", "received_at", "product", "kind", "severity", "route", "owner", "departments",
    "accountable", "priority", "signals", "counted_from", "time_allowed", "paused", "due",
    "provisional", "state",
)  # fmt: skip


def plain_complaints(routed: pd.DataFrame, policies: PolicySet) -> dict[str, Any]:
    """Severity, route and due day of the complaints that matter most, in the same form.

    Those overdue come first, then those open, then those answered late, then the newest.
    """
    policy = policies["complaints"]
    rank = routed["state"].astype(object).map({"overdue": 0, "open": 1, "late": 2}).fillna(3)
    order = routed.assign(_rank=rank.to_numpy()).sort_values(
        ["_rank", "received_at"], ascending=[True, False], kind="stable"
    )
    chosen = routed.loc[order.index[:EXPLAINED_COMPLAINTS]]
    start = business_days(chosen["received_at"], policy).astype("datetime64[s]")
    chosen = chosen.assign(counted_from=start, paused="not recorded")
    tables = [policy.table("severity"), policy.table("route")]
    rules = [_rule_numbers(t, chosen[f"{t.id}_rule"]) for t in tables]
    facts = [f for f in _COMPLAINT_FACTS if f in chosen]
    columns = [
        _moments(chosen[f]) if f == "received_at" else _plain_values(chosen[f]) for f in facts
    ]
    rows = zip(*rules, *columns, strict=True)
    absent = {"severity": NO_SEVERITY}
    return {
        "tables": [
            {"id": t.id, **_plain_table(t), "where": "", "elsewhere": "",
             "absent": absent.get(t.id, "a fact is missing")}
            for t in tables
        ],
        "facts": facts,
        "complaints": dict(zip(chosen.index.astype(str), rows, strict=True)),
    }  # fmt: skip


def _moments(instants: pd.Series) -> list[str]:
    """Instants to the minute, on the bank's clock."""
    return list(instants.dt.strftime("%Y-%m-%d %H:%M"))


def leading_rows(customers: pd.DataFrame, limit: int) -> NDArray[np.intp]:
    """Positions of the customers that a report explains, in the order of the frame.

    Customers with an alarm come first, then others with a warning, then those with the largest
    absolute contribution.
    """
    if len(customers) <= limit:
        return np.arange(len(customers))
    alarmed = (customers["warning"] == "alarm").to_numpy(np.bool_, na_value=False)
    warned = customers["warning_signals"].to_numpy(np.float64, na_value=0.0) > 0
    size = np.nan_to_num(customers["contribution"].abs().to_numpy())
    rank = size + (warned + alarmed.astype(np.int64)) * (size.max() + 1)
    return np.sort(np.argpartition(-rank, limit)[:limit])


def _rule_numbers(table: DecisionTable, rules: pd.Series) -> list[list[int]]:
    """The positions of the rules that decided each row; several where the table collects."""
    column = rules.astype("category")
    place = {r.id: i for i, r in enumerate(table.rules)}
    of_word = [
        [place[i] for i in ([str(c)] if str(c) in place else str(c).split("+")) if i]
        for c in column.cat.categories
    ]
    return [[] if code < 0 else of_word[code] for code in column.cat.codes]


def _plain_table(table: DecisionTable, columns: Mapping[str, str] | None = None) -> dict[str, Any]:
    named = columns or {}
    rules = [
        {
            "id": r.id,
            "then": r.then,
            "source": r.source,
            "because": r.because,
            "owner": r.owner,
            "when": {named.get(c.fact, c.fact): str(c.test) for c in row.cells},
        }
        for row in sorted(table.compiled.rows, key=lambda row: row.index)
        for r in [row.rule]
    ]
    about = {"title": table.title, "version": table.version, "hit": str(table.hit_policy)}
    return {**about, "rules": rules}


def _plain_values(column: pd.Series) -> list[Any]:
    """A column as JSON values; null where missing."""
    known = column.astype(object).where(column.notna().to_numpy(), None)
    return [float(f"{v:.6g}") if isinstance(v, float) else _plain(v) for v in known.tolist()]


def _plain(value: Any) -> Any:
    return str(value)[:10] if isinstance(value, date | pd.Timestamp) else value
