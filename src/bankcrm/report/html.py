"""The report of a review as one HTML file that needs no network."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import attrs
import pandas as pd

from bankcrm.arguments import as_kind
from bankcrm.errors import MissingExtraError
from bankcrm.report import action_sections, sections, trends, value_sections
from bankcrm.report.charts import curve, flow, heatmap
from bankcrm.report.count_sections import complaint_counts, customer_counts
from bankcrm.report.glance import attention, carried_over, glance, key_figures, workload
from bankcrm.report.packing import packed, packed_actions, script_json, sources
from bankcrm.report.quality_sections import quality_tables
from bankcrm.report.risk_sections import risk_tables
from bankcrm.report.tables import FORMULA
from bankcrm.report.words import Words
from bankcrm.vocabulary import Language, Tier

if TYPE_CHECKING:
    from jinja2 import Template

HISTORY_COLUMNS = ["as_of", "book", "section", "name", "value"]
NO_RULES: Mapping[str, Any] = {"tables": [], "facts": [], "complaints": {}}


@attrs.frozen(eq=False)
class EarlierReview:
    """The figures and tiers of an earlier review, with which a later one is compared.

    Attributes:
        as_of: The day of the review.
        summary: Its figures.
        standing: Stage and tier of every customer.
        groups: Its groups of connected customers, one row per member; None where not known.
        watch_list: Its watch list, one row per customer; None where not known.
        actions: Its action list; None where not known.
    """

    as_of: date
    summary: Mapping[str, Any]
    standing: pd.DataFrame
    groups: pd.DataFrame | None = None
    watch_list: pd.DataFrame | None = None
    actions: pd.DataFrame | None = None


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
        warned: The customers with an alarm, then those on watch, each with the most at stake first.
        complaints: The complaints, with their route, state and due day.
        actions: What is to be done, with the columns of `bankcrm.actions.ACTION_COLUMNS`, the most
            pressing first.
        week: Those of them that are due in the week of the day, or overdue.
        trend: The last month ends, as in `bankcrm.Review.trend`.
        history: Figures of reviews written before, as from `bankcrm.reviews.read_history`.
        complaint_rules: The decisions about some complaints.
        sections: Title and content of plug-ins' sections.
        step_sections: The same of steps of the review, in words that `Words` knows.
        note: What a reader of the book should know.
        currency: Of its amounts; empty where it is not known.
        not_available: Result -> why it is null in the whole book.
        limits: What results leave out -> what the book does not record.
        settings: Further settings by which the review was made, by name.
        earlier: An earlier review to compare with.
        moved: With an earlier review: who moved in which result, from where to where.
        settled: With an earlier review: its actions that are no longer listed, and their state.
    """

    name: str
    as_of: date
    summary: Mapping[str, Any]
    figures: Mapping[str, str]
    standing: pd.DataFrame
    findings: pd.DataFrame
    explanations: Mapping[str, Any]
    warned: pd.DataFrame
    complaints: pd.DataFrame
    actions: pd.DataFrame
    week: pd.DataFrame
    trend: pd.DataFrame
    history: pd.DataFrame = attrs.field(factory=partial(pd.DataFrame, columns=HISTORY_COLUMNS))
    complaint_rules: Mapping[str, Any] = NO_RULES
    sections: Sequence[tuple[str, pd.DataFrame | str]] = ()
    step_sections: Sequence[tuple[str, pd.DataFrame | str]] = ()
    note: str = ""
    currency: str = ""
    not_available: Mapping[str, str] = attrs.field(factory=dict)
    limits: Mapping[str, str] = attrs.field(factory=dict)
    settings: Mapping[str, str] = attrs.field(factory=dict)
    earlier: EarlierReview | None = None
    moved: pd.DataFrame | None = None
    settled: pd.DataFrame | None = None


def render_html(content: ReportContent, *, language: Language = "en") -> str:
    """Render a report as HTML text; every text of the data is escaped.

    Args:
        content: What it shows.
        language: ``en`` or ``zh``.

    Raises:
        MissingExtraError: The extra ``report`` is not installed.
    """
    as_kind(content, ReportContent, "content", "use Review.to_html()")
    words = Words(language)
    return _page(language).render(
        **_head(content, words),
        **_tables(content, words),
        **_charts(content, words),
        explanations=script_json(_explained(content, words)),
        style=_file("style.css") + _file("print.css"),
        script=_file("why.js") + _file("tables.js"),
        foot=_css_text(_foot(content, words)),
    )


@cache
def _page(language: Language) -> Template:
    """The template of the page, which takes longer to compile than to render for a small bank."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise MissingExtraError("jinja2", "report") from error
    environment = Environment(
        loader=PackageLoader("bankcrm.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["w"] = Words(language)
    return environment.get_template("page.html")


def _explained(content: ReportContent, words: Words) -> dict[str, Any]:
    """What the script of the page reads: the decisions, and what is to be done."""
    found = packed(content.explanations, content.complaint_rules, words, FORMULA)
    to_do = content.actions.assign(title=action_sections.titles(content.actions, words))
    return found | {"actions": packed_actions(to_do, content.as_of, found, words)}


def _foot(content: ReportContent, words: Words) -> str:
    """The line at the foot of every printed page."""
    policies = f"{words('policies')} {content.summary['fingerprint'][:12]}"
    title = words(": ").join((words("Customer review"), content.name))
    return f"{title}, {content.as_of} · {policies}"


def _css_text(text: str) -> str:
    r"""A text as a string of CSS, in which nothing but letters and digits stands as itself.

    >>> _css_text("a</style>")
    '"a\\3c \\2f style\\3e "'
    """
    plain = (c if c.isalnum() and c.isascii() else f"\\{ord(c):x} " for c in text[:200])
    return f'"{"".join(plain)}"'


def _file(name: str) -> str:
    return (importlib.resources.files("bankcrm.report") / "page" / name).read_text(encoding="utf-8")


def _head(content: ReportContent, words: Words) -> dict[str, Any]:
    """What the page says in words: title, sentences, key figures, what is missing, settings."""
    s, earlier = content.summary, content.earlier
    everybody = sum(s["stage"].values())
    before = None if earlier is None else earlier.summary
    since = None if earlier is None else earlier.as_of
    return {
        "s": s,
        "name": content.name,
        "as_of": content.as_of,
        "language": "zh-CN" if words.language == "zh" else "en",
        "note": content.note,
        "currency": content.currency,
        "earlier": earlier,
        "figures": key_figures(content.figures, s, before, words),
        "glance": glance(s, words),
        "attention": [
            *attention(s, words),
            *workload(content.week, len(content.actions), words),
            *carried_over(content.actions, since, content.settled, words),
        ],
        "reach": _reach(content, everybody, words),
        "absent": {r: words.absence(why) for r, why in content.not_available.items()},
        "not_available": _by_reason(content.not_available, words),
        "limits": {words(t): words.absence(why) for t, why in content.limits.items()},
        "settings": _settings(content, words),
        "sources": sources(
            [*content.explanations["tables"], *content.complaint_rules["tables"]], words
        ),
    }


def _tables(content: ReportContent, words: Words) -> dict[str, Any]:
    """The tables of the page."""
    s = content.summary
    of = words.sentence("{n} {n:customer|customers} on the day", n=s["customers"])
    warned, since = content.warned, content.earlier is not None
    return {
        **customer_counts(s, of, words),
        **complaint_counts(s["complaints"], words),
        **risk_tables(s, of, words),
        **quality_tables(s["quality"], words),
        "customers": of,
        "alarms": sections.warnings(warned, "alarm", s["customers"], sections.WARNED_ROWS, words),
        "watched": sections.warnings(warned, "watch", s["customers"], sections.WATCHED_ROWS, words),
        "signals": sections.signals(warned, s["warning"], words),
        "moved_in_month": trends.movements(content.trend, words),
        "owners": action_sections.owners(content.actions, words),
        "managers": action_sections.managers(content.actions, words),
        "actions": action_sections.actions(content.actions, words, since=since),
        "settled": action_sections.settled(content.settled, words),
        "movers": action_sections.movers(content.moved, words),
        "due": sections.due(content.complaints, pd.Timestamp(content.as_of), words),
        "tiers": value_sections.tiers(s, of, words),
        "resources": value_sections.resources(s, words),
        "split": value_sections.split(s, of, words),
        "components": value_sections.components(s, of, words),
        "unconfirmed": sections.unconfirmed(s, words),
        "policies": sections.policies(s, words),
        "findings": sections.findings(content.findings, words) if len(content.findings) else None,
        "extra": _more_tables(content, words),
    }


def _more_tables(content: ReportContent, words: Words) -> list[tuple[str, Any]]:
    """The sections of steps and of the caller: a title with a sentence or a table."""
    of_steps = ((words(t), words(p) if isinstance(p, str) else p) for t, p in content.step_sections)
    found: list[tuple[str, Any]] = []
    for i, (title, part) in enumerate((*of_steps, *content.sections), start=1):
        if isinstance(part, str):
            found.append((title, part))
        else:
            rows = sections.frame(f"table-{i}", title, part, words, sections.EXTRA_ROWS)
            found.append((title, rows))
    return found


def _charts(content: ReportContent, words: Words) -> dict[str, Any]:
    """The geometry of the charts, and what they say in words."""
    s, earlier = content.summary, content.earlier
    found: dict[str, Any] = {
        "lorenz": curve(s["concentration"]["lorenz"]),
        "whale": curve(s["concentration"]["whale"]),
        "heat": heatmap(s["rfm"]["customers"]) if s["rfm"]["customers"] else None,
        "stage_sparks": [
            *trends.sparks(content.trend, "customers"),
            *trends.sparks(content.trend, "stage"),
        ],
        "complaint_sparks": trends.sparks(content.trend, "complaints"),
        "review_sparks": trends.reviewed(content.history),
        "flow": None,
        "movement": None,
    }
    if earlier is not None:
        moved = _movement(earlier.standing, content.standing)
        title = f"{words('Movement since')} {earlier.as_of}"
        found["flow"] = flow(moved["names"], moved["rows"])
        found["movement"] = value_sections.movement(moved["names"], moved["rows"], title, words)
        found["moved"] = moved
    return found


def _settings(content: ReportContent, words: Words) -> list[tuple[str, str]]:
    """How the report was made: enough to make it again."""
    s, period = content.summary, content.summary["period"]
    rows = [
        ("Book", content.name),
        ("Day of the review", content.as_of.isoformat()),
        (
            "Transactions",
            f"{period['first']} – {period['last']}" if period["last"] else words("none"),
        ),
        ("Amounts in", content.currency or words("not recorded")),
        ("Compared with", content.earlier.as_of.isoformat() if content.earlier else words("none")),
        ("Program", f"bankcrm {s['bankcrm']}"),
        *content.settings.items(),
    ]
    return [(words(name), value) for name, value in rows]


def _by_reason(absent: Mapping[str, str], words: Words) -> dict[str, str]:
    """The results that are not available, and why, one entry per reason."""
    results: dict[str, list[str]] = {}
    for result, why in absent.items():
        results.setdefault(why, []).append(words(result))
    return {words(", ").join(names): words.absence(why) for why, names in results.items()}


def _reach(content: ReportContent, everybody: int, words: Words) -> str:
    """Which customers the page explains, and which complaints."""
    count = len(content.explanations["customers"])
    cases, all_cases = len(content.complaint_rules["complaints"]), len(content.complaints)
    said = words("This page explains every customer of the book.")
    if count != everybody:
        said = words.sentence(
            "This page explains {n} of {all} customers: those with a warning and those with the "
            "largest contribution, positive or negative. For the others call review.explain(id).",
            n=count,
            all=everybody,
        )
    if cases == all_cases:
        return said
    return words.paragraph(
        said,
        words.sentence(
            "Of {all} complaints it explains {n}: those not answered, those answered late, and "
            "the newest.",
            n=cases,
            all=all_cases,
        ),
    )


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
