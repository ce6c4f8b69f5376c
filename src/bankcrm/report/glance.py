"""The review in a few sentences, and its key figures with their populations and changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from bankcrm.report.words import Words

POPULATIONS = {
    "Customers": "in a relationship on the day",
    "Active": "of the customers",
    "Only holding a product": "of the active",
    "Dormant": "of the customers",
    "Not customers": "prospects, leads and lost, in the book",
    "Lost": "in the book",
    "Contribution a year": "of the customers",
    "Share of the top fifth": "of the contribution of the customers",
    "Gini (normalised)": "of the contribution of the customers",
    "Complaints": "received up to the day",
    "Overdue complaints": "of the complaints",
    "Data findings": "in the whole book",
}
"""Of whom each key figure is."""


def attention(s: Mapping[str, Any], words: Words) -> list[str]:
    """The alarms and the overdue complaints in a few sentences."""
    sentences = []
    if "warning" not in s["not_available"]:
        sentences.append(
            words.sentence(
                "{alarm} {alarm:customer has|customers have} an alarm; {watch} {watch:is|are} on "
                "watch.",
                alarm=s["warning"].get("alarm", 0),
                watch=s["warning"].get("watch", 0),
            )
        )
    complaints = s["complaints"]
    if complaints["accepted"] and complaints["overdue"] is not None:
        late = complaints["state"].get("late", 0)
        sentences.append(
            words.sentence(
                "{overdue} {overdue:complaint is|complaints are} overdue; {late} of {answered} "
                "{answered:answer|answers} {late:was|were} late.",
                overdue=complaints["overdue"],
                late=late,
                answered=late + complaints["state"].get("in_time", 0),
            )
        )
    return sentences


def glance(s: Mapping[str, Any], words: Words) -> list[str]:
    """The book in a few sentences."""
    stage, measured = s["stage"], s["concentration"]
    absent, others = s["not_available"], s["others"]["stage"]
    sentences = []
    if "stage" not in absent:
        active = stage.get("active", 0)
        sentences.append(
            words.sentence(
                "{active} of {all} {all:customer|customers} ({share}) {active:is|are} active; "
                "{dormant} {dormant:is|are} dormant.",
                active=active,
                all=s["customers"],
                share=f"{active / max(s['customers'], 1):.0%}",
                dormant=stage.get("dormant", 0),
            )
        )
    if "stage" not in absent and s["active"]["holding"] is not None:
        sentences.append(
            words.sentence(
                "Of the active, {moving} {moving:moves|move} money and {holding} only "
                "{holding:holds|hold} a product that needs no movements.",
                **s["active"],
            )
        )
    if others:
        sentences.append(
            words.sentence(
                "{n} in the book {n:is|are} not {n:a customer|customers} on the day, and no share "
                "of customers counts {n:it|them}: {stages}.",
                n=sum(others.values()),
                stages=words(", ").join(f"{words(k)} {n:,}" for k, n in others.items()),
            )
        )
    if measured["top_fifth_share"] is not None:
        split = measured["split"]
        sentences.append(
            words.sentence(
                "The top fifth of the {n} {n:customer|customers} brings {share} of the "
                "contribution of {total}; {losing} of them cost more than they bring: {amount} a "
                "year.",
                n=measured["customers"],
                share=f"{measured['top_fifth_share']:.0%}",
                total=f"{measured['total']:,.0f}",
                losing=f"{split['customers'][2]:.1%}",
                amount=f"{split['profit'][2]:,.0f}",
            )
        )
    if "contribution" in absent:
        why = words.absence(absent["contribution"])
        sentences.append(
            words("Contribution, value and tiers are not available: {why}.").format(why=why)
        )
    return sentences


def workload(week: pd.DataFrame, every: int, words: Words) -> list[str]:
    """How many actions are due this week, and who has the most of them.

    Args:
        week: The actions due in the week of the review, or overdue.
        every: The number of all actions.
        words: The language.
    """
    if not len(week):
        return [words("No action is due this week.")] if every else []
    said = words.sentence(
        "{n} of {all} {all:action|actions} {n:is|are} due this week, {late} of them past "
        "{late:its|their} day.",
        n=len(week),
        all=every,
        late=int(week["overdue"].sum()),
    )
    departments = _most(week["department"])
    most = words.sentence(
        "Most of these are with {name}: {n}.",
        name=words.departments(departments[0]),
        n=departments[1],
    )
    if not week["manager"].notna().any():
        return [words.paragraph(said, most)]
    manager, number = _most(week["manager"].dropna())
    of = words.sentence("Among the managers, {name} has the most: {n}.", name=manager, n=number)
    return [words.paragraph(said, most, of)]


def carried_over(
    actions: pd.DataFrame, since: date | None, settled: pd.DataFrame | None, words: Words
) -> list[str]:
    """What became of the actions of an earlier review; nothing without one.

    Args:
        actions: The actions of this review.
        since: The day of the earlier one.
        settled: The actions of the earlier one that are no longer listed.
        words: The language.
    """
    if since is None or settled is None:
        return []
    done = int((settled["state"] == "done").sum())
    return [
        words.sentence(
            "Of the actions, {n} {n:is|are} listed since {day} or longer; of those of that day, "
            "{done} {done:is|are} done and {gone} {gone:is|are} no longer due.",
            n=int((actions["since"] <= pd.Timestamp(since)).sum()),
            day=since.isoformat(),
            done=done,
            gone=len(settled) - done,
        )
    ]


def _most(owners: pd.Series) -> tuple[str, int]:
    """Who has the most, and how many; of several the first by name."""
    counted = owners.astype(str).value_counts()
    most = int(counted.max())
    return min(counted.index[counted == most]), most


def key_figures(
    shown: Mapping[str, str],
    after: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    words: Words,
) -> list[tuple[str, str, str, str]]:
    """Name, value, population and change of each key figure.

    Args:
        shown: Name and formatted value.
        after: The figures of the review.
        before: Those of an earlier one; without it no figure has a change.
        words: The language.
    """
    changes = {} if before is None else _changes(before, after)
    same = {"+0", "+0.0 pp", "+0.000"}
    texts = {
        name: words("no change")
        if c in same
        else f"{words('change')} {c.replace(' pp', words(' pp'))}"
        for name, c in changes.items()
    }
    return [
        (
            words(name),
            words(" of ").join(value.split(" of ")),
            words(POPULATIONS.get(name, "")),
            texts.get(name, ""),
        )
        for name, value in shown.items()
    ]


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    """The change of each key figure that both reviews have."""
    paths = {
        "Customers": (("customers",), ",.0f", 1),
        "Active": (("stage", "active"), ",.0f", 1),
        "Dormant": (("stage", "dormant"), ",.0f", 1),
        "Lost": (("stage", "lost"), ",.0f", 1),
        "Contribution a year": (("contribution", "contribution"), ",.0f", 1),
        "Share of the top fifth": (("concentration", "top_fifth_share"), ".1f", 100),
        "Gini (normalised)": (("concentration", "gini_normalised"), ".3f", 1),
        "Complaints": (("complaints", "accepted"), ",.0f", 1),
        "Overdue complaints": (("complaints", "overdue"), ",.0f", 1),
    }
    changes = {}
    for name, (path, form, times) in paths.items():
        old, new = _at(before, path), _at(after, path)
        if old is not None and new is not None:
            unit = " pp" if times == 100 else ""
            changes[name] = format(times * (new - old), f"+{form}") + unit
    return changes


def _at(figures: Mapping[str, Any], path: Sequence[str]) -> float | None:
    """A figure of a summary; None where it is not known."""
    found: Any = figures
    for key in path:
        found = found.get(key)
        if found is None:
            return None
    return float(found)
