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
from numpy.typing import NDArray

from bankcrm._display import card
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.policy import PolicySet
from bankcrm.rules import DecisionTable, Trace
from bankcrm.valuation.contribution.components import COMPONENTS
from bankcrm.vocabulary import Language

SHOWN = (
    *("kind", "stage", "stage_rule", "days_since_contract", "days_idle", "activity_ratio"),
    *("recency_days", "frequency", "monetary", "r", "f", "m", "score"),
    *("segment", "segment_rule", "rfm_level", "level_rule"),
    *("funds_credit", "interest_paid", "interest_received", "funds_cost"),
    *COMPONENTS,
    *("contribution", "balance", "outstanding"),
    *("value_score", "growth", "risk"),
    *("tier", "tier_rule", "resource_level", "resource_level_rule"),
    *("warning", "warning_rules", "warning_reasons", "warning_rank"),
)
"""The columns of a review's customers, where the book can tell them."""

INLINED = 10_000
"""How many customers a page explains without asking the library."""

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
        note: what a reader of the book should know.
        currency: of its amounts; empty where it is not known.
    """

    name: str
    as_of: date
    customers: pd.DataFrame
    complaints: pd.DataFrame
    summary: Mapping[str, Any]
    findings: pd.DataFrame
    policies: PolicySet
    facts: pd.DataFrame
    note: str = ""
    currency: str = ""

    def __repr__(self) -> str:
        figures = ", ".join(f"{k.lower()} {v}" for k, v in self.key_figures().items())
        return f"<Review of {self.name} as of {self.as_of}: {figures}>"

    def _repr_html_(self) -> str:
        title = f"Review of {self.name} as of {self.as_of}"
        return card(title, self.key_figures(), note=f"policies {self.policies.fingerprint[:12]}")

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

    def explanations(self, limit: int = INLINED) -> dict[str, Any]:
        """The decisions of at most ``limit`` customers in a compact plain form, for a page.

        All customers of a small book; of a larger one those with a warning first, then those with
        the largest contribution, gained or lost.

        Returns:
            ``tables`` (rules with their tests), ``facts`` (column names) and ``customers``: id to
            the number of the deciding rule in each table (-1: undecided), then the facts' values.
        """
        rules = {name: self.policies[domain].table(name) for domain, name in DECISIONS}
        wanted = dict.fromkeys(f for t in rules.values() for f in t.plan.facts)
        facts = [f for f in wanted if f in self.facts]
        chosen = self.facts.iloc[self._first(limit)]
        decided = [t.decide_codes(chosen, on_missing="undecided").rule for t in rules.values()]
        rows = zip(
            *(d.tolist() for d in decided), *(_plain_values(chosen[f]) for f in facts), strict=True
        )
        return {
            "tables": [{"id": n, **_plain_table(t)} for n, t in rules.items()],
            "facts": facts,
            "customers": dict(zip(chosen.index.astype(str), rows, strict=True)),
        }

    def _first(self, limit: int) -> NDArray[np.intp]:
        if len(self.facts) <= limit:
            return np.arange(len(self.facts))
        warned = self.facts["warning_rank"].notna().to_numpy()
        size = self.facts["contribution"].abs().to_numpy()
        first = np.argpartition(-(size + warned * (size.max() + 1)), limit)[:limit]
        return np.sort(first)

    def to_html(
        self,
        path: str | Path,
        *,
        earlier: Review | EarlierReview | None = None,
        language: Language = "en",
    ) -> None:
        """Write the report: one file that needs no network.

        Args:
            path: the file.
            earlier: an earlier review; key figures then show their change, tiers their movement.
            language: ``en`` or ``zh``.
        """
        from bankcrm.report import write_html

        write_html(self, path, earlier=earlier, language=language)

    def to_excel(self, path: str | Path) -> None:
        """Write customers, complaints, figures and findings as a workbook with typed columns."""
        from bankcrm.report import write_excel

        figures = pd.DataFrame(list(self.key_figures().items()), columns=["figure", "value"])
        sheets = {
            "figures": figures,
            "customers": self.customers.reset_index(),
            "complaints": self.complaints.reset_index(),
            "findings": self.findings,
        }
        write_excel(sheets, path)

    def to_parquet(self, folder: str | Path) -> None:
        """Write customers, complaints and findings as Parquet files of a folder."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        self.customers.to_parquet(target / "customers.parquet")
        self.complaints.to_parquet(target / "complaints.parquet")
        self.findings.to_parquet(target / "findings.parquet")

    def write(
        self,
        folder: str | Path,
        *,
        earlier: Review | EarlierReview | None = None,
        language: Language = "en",
    ) -> None:
        """Write everything: Parquet and CSV of the customers, the complaints, figures, report.

        Args:
            folder: where to; made if it is not there.
            earlier: an earlier review for the report to compare with.
            language: of the report.
        """
        from bankcrm.report import write_csv

        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        self._write_customers(target)
        write_csv(self.complaints, target / "complaints.csv")
        write_csv(self.findings, target / "findings.csv", index=False)
        text = json.dumps(self.summary, indent=2, ensure_ascii=False, allow_nan=False)
        (target / "summary.json").write_text(text + "\n", encoding="utf-8")
        self.to_html(target / "index.html", earlier=earlier, language=language)

    def standing(self) -> pd.DataFrame:
        """Stage and tier of every customer."""
        return self.customers[["stage", "tier"]]

    def _write_customers(self, target: Path) -> None:
        from bankcrm.report import write_csv

        self.customers.to_parquet(target / "customers.parquet")
        write_csv(self.customers, target / "customers.csv")


def _percent(share: float | None) -> str:
    return "n/a" if share is None else f"{share:.1%}"


def _plain_table(table: DecisionTable) -> dict[str, Any]:
    rules = [
        {
            "id": r.id,
            "then": r.then,
            "source": r.source,
            "because": r.because,
            "owner": r.owner,
            "when": {c.fact: str(c.test) for c in row.cells},
        }
        for row in sorted(table.plan.rows, key=lambda row: row.index)
        for r in [row.rule]
    ]
    return {"title": table.title, "version": table.version, "rules": rules}


def _plain_values(column: pd.Series) -> list[Any]:
    """A column as JSON values; null where missing."""
    known = column.astype(object).where(column.notna().to_numpy(), None)
    return [round(v, 4) if isinstance(v, float) else _plain(v) for v in known.tolist()]


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, date | pd.Timestamp) else value


@attrs.frozen(eq=False)
class EarlierReview:
    """What a later review compares itself with: the figures and tiers of a written review."""

    as_of: date
    summary: Mapping[str, Any]
    customers: pd.DataFrame

    def standing(self) -> pd.DataFrame:
        """Stage and tier of every customer."""
        return self.customers


def read_earlier(folder: str | Path) -> EarlierReview:
    """Read a folder that `Review.write` made, in memory or on an engine.

    Raises:
        DataError: the folder is not one of a review.
    """
    source = Path(folder)
    try:
        summary = json.loads((source / "summary.json").read_text(encoding="utf-8"))
        day = date.fromisoformat(summary["as_of"])
        whole = source / "customers.parquet"
        parts = sorted((source / f"review_date={day}").glob("*.parquet"))
        files = [whole] if whole.is_file() or not parts else parts
        pieces = [pd.read_parquet(file, columns=["stage", "tier"]) for file in files]
        customers = pd.concat([piece.astype(object) for piece in pieces])
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{source}: not a folder that a review has written: {error}") from error
    return EarlierReview(day, summary, customers)
