"""The tables of the report that count customers and complaints by one property."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bankcrm.report.sections import counts
from bankcrm.report.words import Words

_STAGES = (
    "Everybody in the book is in one stage on this day: the stage of the first rule that applies."
)
_SEGMENTS = (
    "By recency, frequency and amount of the customer's own transactions, with cut points learned "
    "from the customers on the day; (none): no transaction of their own."
)
_STATES = "Late: answered after the due day. Overdue: not answered, and the due day has passed."
_SEVERITIES = "(none): consultations and suggestions."
_DEPARTMENTS = "The first department owns the case; the others work on it too."


def customer_counts(s: Mapping[str, Any], of: str, words: Words) -> dict[str, Any]:
    """The customers by stage, segment and warning.

    Args:
        s: The figures of a review.
        of: The number of customers on the day, in words.
        words: The words of the language.
    """
    everybody = words.sentence("{n} in the book", n=sum(s["stage"].values()))
    found = {
        "stages": ("Lifecycle stages", s["stage"], _STAGES, everybody),
        "segments": ("RFM segments", s["segment"], _SEGMENTS, of),
        "levels": ("Warning levels", s["warning"], "", of),
    }
    return {k: counts(k, t, n, words, note, who) for k, (t, n, note, who) in found.items()}


def complaint_counts(cases: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """The complaints by state, severity, kind and department; nothing where there are none.

    Args:
        cases: The figures of a review's complaints.
        words: The words of the language.
    """
    if not cases["accepted"]:
        return {}
    received = words.sentence("{n} received up to the day", n=cases["accepted"])
    departments = {words.departments(d): n for d, n in cases["departments"].items() if n}
    found = {
        "states": ("By state", cases["state"], _STATES),
        "severities": ("By severity", cases["severity"], _SEVERITIES),
        "kinds": ("By kind", cases["kind"], ""),
        "departments": ("By department", departments, _DEPARTMENTS),
    }
    return {k: counts(k, t, n, words, note, received) for k, (t, n, note) in found.items()}
