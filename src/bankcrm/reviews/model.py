"""What a review found: frames, figures, explanations, and what it writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd

from bankcrm.errors import UnknownNameError
from bankcrm.policy import PolicySet
from bankcrm.rules import Trace

DECISIONS = (
    ("lifecycle", "stage"),
    ("segmentation", "rfm_segment"),
    ("segmentation", "rfm_level"),
    ("segmentation", "tier_standing"),
    ("segmentation", "tier_value"),
    ("segmentation", "tier_growth"),
    ("segmentation", "tier"),
    ("segmentation", "resource_level"),
)


@attrs.frozen(eq=False)
class Review:
    """What a review found.

    Args:
        name: the book's name.
        as_of: the day of the review.
        customers: a row a customer of the book, indexed by ``customer_id``: stage, RFM,
            contribution with its components, tier and resource level, each with its rule.
        complaints: a row an accepted complaint, indexed by ``complaint_id``: kind, severity, owner,
            due day, each with its rule.
        summary: the figures of the whole book, ready for JSON.
        findings: what was wrong with the data: counts and examples.
        policies: the policies that decided.
        facts: all that the decisions rest on, a row a customer; `explain` reads it.
    """

    name: str
    as_of: date
    customers: pd.DataFrame
    complaints: pd.DataFrame
    summary: Mapping[str, Any]
    findings: pd.DataFrame
    policies: PolicySet
    facts: pd.DataFrame

    def __repr__(self) -> str:
        figures = ", ".join(f"{k.lower()} {v}" for k, v in self.key_figures().items())
        return f"<Review of {self.name} as of {self.as_of}: {figures}>"

    def key_figures(self) -> dict[str, str]:
        """The figures that a manager asks for first, formatted."""
        s = self.summary
        spread = s["concentration"]
        return {
            "Customers": f"{s['customers']:,}",
            "Active": f"{s['stage'].get('active', 0):,}",
            "Dormant": f"{s['stage'].get('dormant', 0):,}",
            "Lost": f"{s['stage'].get('lost', 0):,}",
            "Contribution a year": f"{s['contribution']['contribution']:,.0f}",
            "Share of the top fifth": _percent(spread["top_fifth_share"]),
            "Gini": "n/a" if spread["gini"] is None else f"{spread['gini']:.3f}",
            "Complaints": f"{s['complaints']['accepted']:,}",
            "Overdue complaints": f"{s['complaints']['overdue']:,}",
            "Data findings": f"{len(self.findings):,}",
        }

    def explain(self, customer: object) -> dict[str, Trace]:
        """Why a customer stands where it does: every table that decided, rule by rule.

        Args:
            customer: the customer's id.

        Returns:
            Table id to its trace, in the order of the decisions; tables whose facts this customer
            does not have (scores without a movement, say) are left out.

        Raises:
            UnknownNameError: the customer is not in the review.
        """
        place = np.flatnonzero(self.facts.index == customer)
        if not place.size:
            raise UnknownNameError("customer", customer, [*self.facts.index[:3], "..."])
        row = {str(name): column.iloc[place[0]] for name, column in self.facts.items()}
        traces = {}
        for domain, name in DECISIONS:
            trace = self.policies[domain].table(name).explain(row)
            if not trace.decision.missing:
                traces[name] = trace
        return traces

    def to_html(self, path: str | Path) -> None:
        """Write the report: one file that needs no network."""
        from bankcrm.report import write_html

        write_html(self, path)

    def write(self, folder: str | Path) -> None:
        """Write everything: Parquet and CSV of the customers, the complaints, figures, report."""
        from bankcrm.report import write_csv

        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        self.customers.to_parquet(target / "customers.parquet")
        write_csv(self.customers, target / "customers.csv")
        write_csv(self.complaints, target / "complaints.csv")
        write_csv(self.findings, target / "findings.csv", index=False)
        text = json.dumps(self.summary, indent=2, ensure_ascii=False, allow_nan=False)
        (target / "summary.json").write_text(text + "\n", encoding="utf-8")
        self.to_html(target / "index.html")


def _percent(share: float | None) -> str:
    return "n/a" if share is None else f"{share:.1%}"
