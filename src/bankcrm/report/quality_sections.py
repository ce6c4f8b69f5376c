"""The tables of the page about the quality of the customers' records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bankcrm.report.grid import Grid, grid
from bankcrm.report.words import Words

DIMENSIONS_NOTE = (
    "The mean share of the rules of a dimension that the records pass, by weight; nothing is "
    "assessed where there is no share."
)
RULES_NOTE = "The lowest share of records that pass comes first."
_LEFT_OUT = "{n} more {n:row|rows} not shown."


def quality_tables(found: Mapping[str, Any], words: Words) -> dict[str, Grid | None]:
    """The tables of the section; None where there is nothing to show.

    Args:
        found: The part ``quality`` of the summary.
        words: The language.
    """
    return {"quality": _dimensions(found, words), "quality_rules": _rules(found, words)}


def _dimensions(found: Mapping[str, Any], words: Words) -> Grid | None:
    """One row per dimension, and one for the score."""
    if found["records"] is None:
        return None
    rows = found["dimensions"]
    title = "Quality of {n} {n:record|records} of customers"
    return grid(
        "quality-dimensions",
        words.sentence(title, n=found["records"]),
        [
            ("dimension", "word", [*(r["dimension"] for r in rows), "score"]),
            ("rules", "number", [*(r["assessed"] for r in rows), None]),
            ("share", "share", [*(r["share"] for r in rows), found["score"]]),
        ],
        words,
        note=words(DIMENSIONS_NOTE),
    )


def _rules(found: Mapping[str, Any], words: Words) -> Grid | None:
    """The rules that fail most."""
    rows = found["rules"]
    if not rows:
        return None
    more = found["failing"] - len(rows)
    return grid(
        "quality-rules",
        words("What the records lack most"),
        [
            ("field", "word", [r["field"] for r in rows]),
            ("dimension", "word", [r["dimension"] for r in rows]),
            ("rule", "text", [r["rule"] for r in rows]),
            ("assessed", "number", [r["assessed"] for r in rows]),
            ("failed", "number", [r["assessed"] - r["passed"] for r in rows]),
            ("share", "share", [r["share"] for r in rows]),
        ],
        words,
        note=words(RULES_NOTE),
        left_out=words.sentence(_LEFT_OUT, n=more) if more else "",
    )
