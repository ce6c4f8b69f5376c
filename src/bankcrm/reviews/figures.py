"""The main figures of a review, formatted for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOT_AVAILABLE = "n/a"


def key_figures(
    summary: Mapping[str, Any], reasons: Mapping[str, str], findings: int
) -> dict[str, str]:
    """The main figures by name; one that is not known is `NOT_AVAILABLE`.

    Args:
        summary: The figures of the whole book.
        reasons: Result -> why it is null in the whole book.
        findings: The number of problems of the data.
    """
    measured, complaints = summary["concentration"], summary["complaints"]
    recorded = "complaints" not in reasons
    known = {} if "stage" in reasons else summary["stage"]
    stage = {k: f"{n:,}" for k, n in known.items()}
    customers, active = f"{summary['customers']:,}", stage.get("active")
    return {
        "Customers": customers,
        "Active": _part(active, customers),
        "Only holding a product": _part(_shown(summary["active"]["holding"], ","), active),
        "Dormant": _part(stage.get("dormant"), customers),
        "Not customers": f"{sum(summary['others']['stage'].values()):,}",
        "Lost": stage.get("lost", NOT_AVAILABLE),
        "Contribution a year": _shown(summary["contribution"]["contribution"], ",.0f"),
        "Share of the top fifth": _part(
            _shown(measured["top_fifth_share"], ".1%"), _shown(measured["total"], ",.0f")
        ),
        "Gini (normalised)": _shown(measured["gini_normalised"], ".3f"),
        "Complaints": f"{complaints['accepted']:,}" if recorded else NOT_AVAILABLE,
        "Overdue complaints": _shown(complaints["overdue"] if recorded else None, ",.0f"),
        "Data findings": f"{findings:,}",
    }


def _part(value: str | None, whole: str | None) -> str:
    """A figure with the whole that it is a part of."""
    known = value not in (None, NOT_AVAILABLE) and whole is not None
    return f"{value} of {whole}" if known else NOT_AVAILABLE


def _shown(value: float | None, form: str) -> str:
    """A figure for people."""
    return NOT_AVAILABLE if value is None else format(value, form)
