"""The report of a review as one HTML file that needs no network."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from bankcrm.errors import MissingExtraError
from bankcrm.report.words import Words
from bankcrm.vocabulary import Language


class Dated(Protocol):
    """What the report needs of an earlier review."""

    @property
    def as_of(self) -> date:
        """The day of the review."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """The figures of the whole book."""

    @property
    def customers(self) -> pd.DataFrame:
        """A row a customer, with ``tier``."""


class Reviewed(Dated, Protocol):
    """What the report needs of a review."""

    @property
    def name(self) -> str:
        """The book's name."""

    @property
    def findings(self) -> pd.DataFrame:
        """What was wrong with the data."""

    def key_figures(self) -> dict[str, str]:
        """The first figures, formatted."""

    def explanations(self) -> dict[str, Any]:
        """The decisions of some customers, for the search on the page."""


def write_html(
    review: Reviewed,
    path: str | Path,
    *,
    earlier: Dated | None = None,
    language: Language = "en",
) -> None:
    """Write the report of a review to a file; see `render_html`."""
    text = render_html(review, earlier=earlier, language=language)
    Path(path).write_text(text, encoding="utf-8")


def render_html(
    review: Reviewed, *, earlier: Dated | None = None, language: Language = "en"
) -> str:
    """The report of a review as HTML text; every text of the data is escaped.

    Args:
        review: the review.
        earlier: an earlier review to compare with.
        language: ``en`` or ``zh``.

    Raises:
        MissingExtraError: the extra ``report`` is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise MissingExtraError("jinja2", "report") from error
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    words = Words(language)
    environment.filters["w"] = words
    template = environment.from_string(_file("template.html"))
    s = review.summary
    return template.render(
        s=s,
        name=review.name,
        as_of=review.as_of,
        language="zh-CN" if language == "zh" else "en",
        figures=_figures(review, earlier),
        earlier=earlier,
        movement=None if earlier is None else _movement(earlier.customers, review.customers),
        lorenz=_curve(s["concentration"]["lorenz"]),
        whale=_curve(s["concentration"]["whale"]),
        findings=review.findings.astype(str).to_dict("records"),
        explanations=_script_json(_worded(review.explanations(), words)),
        style=_file("style.css"),
        script=_file("explain.js"),
    )


def _file(name: str) -> str:
    return (importlib.resources.files("bankcrm.report") / name).read_text(encoding="utf-8")


def _figures(review: Reviewed, earlier: Dated | None) -> list[tuple[str, str, str]]:
    """Name, value and change of each key figure; no change without an earlier review."""
    now = review.key_figures()
    changes = {} if earlier is None else _changes(earlier.summary, review.summary)
    return [(name, value, changes.get(name, "")) for name, value in now.items()]


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    def whole(*path: str) -> str:
        return f"{_at(after, path) - _at(before, path):+,.0f}"

    changes = {
        "Customers": whole("customers"),
        "Active": whole("stage", "active"),
        "Dormant": whole("stage", "dormant"),
        "Lost": whole("stage", "lost"),
        "Contribution a year": whole("contribution", "contribution"),
        "Complaints": whole("complaints", "accepted"),
        "Overdue complaints": whole("complaints", "overdue"),
    }
    old, new = before["concentration"], after["concentration"]
    if old["gini"] is not None and new["gini"] is not None:
        share = 100 * (new["top_fifth_share"] - old["top_fifth_share"])
        changes["Share of the top fifth"] = f"{share:+.1f} pp"
        changes["Gini"] = f"{new['gini'] - old['gini']:+.3f}"
    return changes


def _at(figures: Mapping[str, Any], path: Sequence[str]) -> float:
    for key in path:
        figures = figures.get(key, {})
    return 0.0 if isinstance(figures, Mapping) else figures


def _movement(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, Any]:
    """Customers by tier before and after; those of one review alone are counted apart."""
    names = [str(c) for c in after["tier"].astype("category").cat.categories]
    old = before[["tier"]].rename(columns={"tier": "before"})
    both = old.join(after[["tier"]], how="inner").astype(str)
    table = pd.crosstab(both["before"], both["tier"]).reindex(
        index=names, columns=names, fill_value=0
    )
    return {
        "names": names,
        "rows": table.to_numpy().tolist(),
        "joined": len(after) - len(both),
        "gone": len(before) - len(both),
    }


def _curve(shares: Sequence[float] | None) -> dict[str, Any] | None:
    """A curve as an SVG path in a box 100 wide and 100 high, with the heights of 0 and 1."""
    if shares is None:
        return None
    low, high = min(0.0, *shares), max(1.0, *shares)

    def height(value: float) -> float:
        return round(100 - (value - low) * 100 / (high - low), 2)

    step = 100 / (len(shares) - 1)
    points = (f"{i * step:.2f} {height(v)}" for i, v in enumerate(shares))
    return {"path": "M" + " L".join(points), "zero": height(0.0), "one": height(1.0)}


def _worded(explanations: dict[str, Any], words: Words) -> dict[str, Any]:
    """Explanations with the page's words beside them."""
    names = {t["id"] for t in explanations["tables"]}
    names |= {str(r["then"]) for t in explanations["tables"] for r in t["rules"]}
    names |= {"undecided", "otherwise", "No such customer on this page."}
    return {**explanations, "words": {n: words(n) for n in sorted(names)}}


def _script_json(value: object) -> str:
    """JSON that is inert inside a script element, whatever the data hold."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text
