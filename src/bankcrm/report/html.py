"""The report of a review as one HTML file that needs no network."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from bankcrm.errors import MissingExtraError
from bankcrm.vocabulary import Labelled, ResourceLevel, Severity, Stage, Tier


class Reviewed(Protocol):
    """What the report needs of a review."""

    @property
    def name(self) -> str:
        """The book's name."""

    @property
    def as_of(self) -> date:
        """The day of the review."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """The figures of the whole book."""

    @property
    def findings(self) -> pd.DataFrame:
        """What was wrong with the data."""

    def key_figures(self) -> dict[str, str]:
        """The first figures, formatted."""


def write_html(review: Reviewed, path: str | Path) -> None:
    """Write the report of a review to a file."""
    Path(path).write_text(render_html(review), encoding="utf-8")


def render_html(review: Reviewed) -> str:
    """The report of a review as HTML text; every text of the data is escaped.

    Raises:
        MissingExtraError: the extra ``report`` is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise MissingExtraError("jinja2", "report") from error
    source = importlib.resources.files("bankcrm.report") / "template.html"
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string(source.read_text(encoding="utf-8"))
    s = review.summary
    charts = [
        ("Lifecycle stages", _bars(s["stage"], Stage)),
        ("Tiers", _bars(s["tier"], Tier)),
        ("Resource levels", _bars(s["resource_level"], ResourceLevel)),
        ("RFM segments", _bars(s["segment"], None)),
        ("Complaints by severity", _bars(s["complaints"]["severity"], Severity)),
    ]
    return template.render(
        review=review,
        figures=review.key_figures(),
        charts=charts,
        components=s["contribution"],
        findings=review.findings.astype(str).to_dict("records"),
        policies=s["policies"],
    )


def _bars(counts: Mapping[str, int], words: type[Labelled] | None) -> list[dict[str, object]]:
    total = sum(counts.values()) or 1
    label = {w.value: f"{w.label()} {w.label('zh')}" for w in words} if words else {}
    return [
        {"name": label.get(k, k.replace("_", " ")), "count": v, "share": v / total}
        for k, v in counts.items()
    ]
