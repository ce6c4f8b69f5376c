"""The report of a review as one HTML file that needs no network."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import attrs
import pandas as pd

from bankcrm.arguments import as_kind
from bankcrm.errors import MissingExtraError
from bankcrm.report.words import Words
from bankcrm.vocabulary import Language, Tier

EXTRA_ROWS = 100
"""How many rows of a plug-in's section a page shows."""


@attrs.frozen(eq=False)
class EarlierReview:
    """The figures and tiers of an earlier review, with which a later one is compared.

    Attributes:
        as_of: The day of the review.
        summary: Its figures.
        standing: Stage and tier of every customer.
    """

    as_of: date
    summary: Mapping[str, Any]
    standing: pd.DataFrame


@attrs.frozen(eq=False)
class ReportContent:
    """What a report shows, in plain values.

    Attributes:
        name: The book's name.
        as_of: The day of the review.
        summary: The figures of the whole book, as in ``summary.json``.
        figures: Name and formatted value of each key figure.
        standing: Stage and tier of every customer; read only with an earlier review.
        findings: What was wrong with the data.
        explanations: The decisions of some customers, for the search on the page.
        sections: Title and content of plug-ins' sections.
        note: What a reader of the book should know.
        currency: Of its amounts; empty where it is not known.
        not_available: Result -> why it is null in the whole book.
        limits: What results leave out -> what the book does not record.
        earlier: An earlier review to compare with.
    """

    name: str
    as_of: date
    summary: Mapping[str, Any]
    figures: Mapping[str, str]
    standing: pd.DataFrame
    findings: pd.DataFrame
    explanations: Mapping[str, Any]
    sections: Sequence[tuple[str, pd.DataFrame | str]] = ()
    note: str = ""
    currency: str = ""
    not_available: Mapping[str, str] = attrs.field(factory=dict)
    limits: Mapping[str, str] = attrs.field(factory=dict)
    earlier: EarlierReview | None = None


def render_html(content: ReportContent, *, language: Language = "en") -> str:
    """Render a report as HTML text; every text of the data is escaped.

    Args:
        content: What it shows.
        language: ``en`` or ``zh``.

    Raises:
        MissingExtraError: The extra ``report`` is not installed.
    """
    as_kind(content, ReportContent, "content", "use Review.to_html()")
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise MissingExtraError("jinja2", "report") from error
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    words = Words(language)
    environment.filters |= {"w": words, "reasons": words.reasons}
    template = environment.from_string(_file("template.html"))
    s, earlier = content.summary, content.earlier
    return template.render(
        s=s,
        name=content.name,
        as_of=content.as_of,
        language="zh-CN" if language == "zh" else "en",
        note=content.note,
        currency=content.currency,
        figures=_figures(content, words),
        customers=words.sentence("{n} {n:customer|customers} on the day", n=s["customers"]),
        everybody=words.sentence("{n} in the book", n=sum(s["stage"].values())),
        glance=_glance(s, words),
        components=_components(s["contribution"]),
        reach=_reach(content.explanations, sum(s["stage"].values()), words),
        extra=[(title, _section(part)) for title, part in content.sections],
        earlier=earlier,
        movement=None if earlier is None else _movement(earlier.standing, content.standing),
        lorenz=_curve(s["concentration"]["lorenz"]),
        whale=_curve(s["concentration"]["whale"]),
        findings=content.findings.astype(str).to_dict("records"),
        absent={r: words.absence(why) for r, why in content.not_available.items()},
        not_available=_by_reason(content.not_available, words),
        limits={words(t): words.absence(why) for t, why in content.limits.items()},
        explanations=_script_json(_worded(content.explanations, words)),
        style=_file("style.css"),
        script=_file("explain.js"),
    )


def _file(name: str) -> str:
    return (importlib.resources.files("bankcrm.report") / name).read_text(encoding="utf-8")


def _by_reason(absent: Mapping[str, str], words: Words) -> dict[str, str]:
    """The results that are not available, and why, one entry per reason."""
    results: dict[str, list[str]] = {}
    for result, why in absent.items():
        results.setdefault(why, []).append(words(result))
    return {words(", ").join(names): words.absence(why) for why, names in results.items()}


def _glance(s: Mapping[str, Any], words: Words) -> list[str]:
    """The book in a few sentences."""
    stage, measured, complaints = s["stage"], s["concentration"], s["complaints"]
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
    if "warning" not in absent:
        sentences.append(
            words.sentence(
                "{alarm} {alarm:customer has|customers have} an alarm; {watch} {watch:is|are} on "
                "watch.",
                alarm=s["warning"].get("alarm", 0),
                watch=s["warning"].get("watch", 0),
            )
        )
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


def _components(amounts: Mapping[str, float | None]) -> list[dict[str, Any]]:
    """Amounts with the position and width of their bars on one scale, in percent.

    An amount that is not known has no bar.
    """
    known = [a for a in amounts.values() if a is not None]
    low, high = min(0.0, 0.0, *known), max(0.0, 0.0, *known)
    scale = 100 / ((high - low) or 1.0)
    return [
        {
            "name": name,
            "amount": amount,
            "left": 0.0 if amount is None else round((min(amount, 0.0) - low) * scale, 1),
            "width": 0.0 if amount is None else round(abs(amount) * scale, 1),
        }
        for name, amount in amounts.items()
    ]


def _reach(explanations: Mapping[str, Any], everybody: int, words: Words) -> str:
    """Which customers the page explains."""
    count = len(explanations["customers"])
    if count == everybody:
        return words("This page explains every customer of the book.")
    return words.sentence(
        "This page explains {n} of {all} customers: those with a warning and those with the "
        "largest contribution, positive or negative. For the others call review.explain(id).",
        n=count,
        all=everybody,
    )


def _section(content: pd.DataFrame | str) -> dict[str, Any] | str:
    """A plug-in's text, or the first rows of its frame as texts."""
    if isinstance(content, str):
        return content
    named = content.index.names != [None]
    shown = (content.reset_index() if named else content).head(EXTRA_ROWS)
    return {
        "columns": [str(c) for c in shown.columns],
        "rows": shown.astype(object).where(shown.notna(), "-").to_numpy().tolist(),
        "left": max(len(content) - EXTRA_ROWS, 0),
    }


def _figures(content: ReportContent, words: Words) -> list[tuple[str, str, str]]:
    """Name, value and change of each key figure; no change without an earlier review."""
    changes = {}
    if content.earlier is not None:
        changes = _changes(content.earlier.summary, content.summary)
    same = {"+0", "+0.0 pp", "+0.000"}
    shown = {
        name: words("no change") if c in same else f"{words('change')} {c}"
        for name, c in changes.items()
    }
    return [
        (name, words(" of ").join(value.split(" of ")), shown.get(name, ""))
        for name, value in content.figures.items()
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


def _movement(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, Any]:
    """Customers by tier before and after; customers of only one review are counted separately."""
    names = [t.value for t in Tier]
    old = before[["tier"]].rename(columns={"tier": "before"})
    both = old.join(after[["tier"]], how="inner").astype(object)
    if both.isna().to_numpy().any():
        names.append("(none)")
        both = both.fillna("(none)")
    pairs = both.groupby(["before", "tier"]).size().unstack(fill_value=0)
    table = pairs.reindex(index=names, columns=names, fill_value=0)
    return {
        "names": names,
        "rows": table.to_numpy().tolist(),
        "joined": len(after) - len(both),
        "gone": len(before) - len(both),
    }


def _curve(shares: Sequence[float] | None) -> dict[str, Any] | None:
    """A curve as an SVG path in a box of 100 by 100, with the heights of 0 and 1."""
    if shares is None:
        return None
    low, high = min(0.0, *shares), max(1.0, *shares)

    def height(value: float) -> float:
        return round(100 - (value - low) * 100 / (high - low), 2)

    step = 100 / (len(shares) - 1)
    points = (f"{i * step:.2f} {height(v)}" for i, v in enumerate(shares))
    return {
        "path": "M" + " L".join(points),
        "zero": height(0.0),
        "one": height(1.0),
        "fifth": height(shares[4 * (len(shares) - 1) // 5]),
        "peak": height(max(shares)),
    }


def _worded(explanations: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """Explanations together with the words that the page shows for them."""
    names = {t["id"] for t in explanations["tables"]}
    rules = [r for t in explanations["tables"] for r in t["rules"]]
    names |= {str(r["then"]) for r in rules} | {r["because"] for r in rules}
    names |= {*explanations["facts"], "true", "false", "person", "company", "good", "bad"}
    names |= {"undecided", "otherwise", "No such customer on this page."}
    absences = {t[key] for t in explanations["tables"] for key in ("elsewhere", "absent")}
    known = {n: words(n) for n in sorted(names)} | {a: words.absence(a) for a in sorted(absences)}
    return {**explanations, "words": known}


def _script_json(value: object) -> str:
    """JSON that is inert inside a script element for any data."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text
