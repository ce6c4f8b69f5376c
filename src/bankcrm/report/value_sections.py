"""The tables of the page about what customers bring: tiers, resources and contribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bankcrm.report.grid import Grid, Shown, grid
from bankcrm.report.words import Words


def tiers(s: Mapping[str, Any], of: str, words: Words) -> Grid:
    """What each tier brings."""
    rows = s["tiers"]
    sizes = [r["customers"] for r in rows]
    each = [
        r["contribution"] / r["customers"]
        if r["customers"] and r["contribution"] is not None
        else None
        for r in rows
    ]
    return grid(
        "tier-table",
        f"{words('Tiers')} ({of})",
        [
            ("tier", "word", [r["tier"] for r in rows]),
            ("customers", "number", sizes),
            ("share", "share", [None if n is None else n / max(s["customers"], 1) for n in sizes]),
            ("contribution a year", "number", [r["contribution"] for r in rows]),
            ("per customer", "number", each),
            ("mean value score", "number", [r["value_score"] for r in rows]),
        ],
        words,
        note=words(
            "Tiers follow value, growth and credit standing; the value score runs from 0 to 100 "
            "and is learned from the customers on the day."
        ),
    )


def resources(s: Mapping[str, Any], words: Words) -> Grid:
    """What the policy grants each tier."""
    rows = [r for r in s["tiers"] if r["level"]]
    return grid(
        "resource-table",
        words("What the policy grants a customer of each tier"),
        [
            ("tier", "word", [r["tier"] for r in rows]),
            ("level", "word", [r["level"] for r in rows]),
            ("customers", "number", [r["customers"] for r in rows]),
            ("manager", "word", [r["manager"] for r in rows]),
            ("response (hours)", "number", [r["response_hours"] for r in rows]),
            ("discount", "rate", [r["discount"] for r in rows]),
        ],
        words,
    )


def movement(names: Sequence[str], rows: Sequence[Sequence[int]], title: str, words: Words) -> Grid:
    """The customers of each earlier tier by their present tier."""
    head = f"{words('before')} \\ {words('after')}"
    columns: list[Shown] = [(head, "word", names)]
    columns += [(n, "number", [row[j] or None for row in rows]) for j, n in enumerate(names)]
    return grid("movement", title, columns, words)


def split(s: Mapping[str, Any], of: str, words: Words) -> Grid | None:
    """Who brings the contribution; None where it is not known."""
    measured = s["concentration"]
    if not measured["split"]:
        return None
    margin = f"{words('Marginal: a yearly contribution within')} ±{measured['margin']:,.0f}"
    negative = words(
        "The Gini is normalised to lie between 0 and 1, because some contributions are negative."
    )
    note = words.paragraph(
        f"{margin}{words('.')}",
        words("The rule of thumb is 25 : 45 : 30."),
        negative if measured["losing"] else "",
    )
    return grid(
        "split",
        f"{words('Who brings the contribution')} ({of})",
        [
            ("name", "word", ["profitable", "marginal", "losing"]),
            ("share of customers", "share", measured["split"]["customers"]),
            ("rule of thumb", "rate", [0.25, 0.45, 0.3]),
            ("contribution a year", "number", measured["split"]["profit"]),
        ],
        words,
        note=note,
    )


def components(s: Mapping[str, Any], of: str, words: Words) -> Grid:
    """The components of the contribution."""
    amounts = s["contribution"]
    others = s["others"]["contribution"]
    note = words("Income from the customers less their cost; the last line is the sum.")
    if others is not None:
        what = words("Contribution of those who are not customers on the day")
        note = words.paragraph(note, f"{what}{words(': ')}{others:,.0f}{words('.')}")
    return grid(
        "components",
        f"{words('Contribution over a year')} ({of})",
        [("component", "word", amounts), ("amount", "bar", amounts.values())],
        words,
        note=note,
    )
