"""The tables of the page about groups, credit, and relationship risks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bankcrm.report.grid import Grid, grid
from bankcrm.report.sections import counts
from bankcrm.report.words import Words

RISK_NOTE = (
    "The highest of five risks of each customer: credit, operational, market, reputation, "
    "liquidity."
)

_MOVEMENTS = {"enter": "new on the list", "stay": "still on the list"}
_CHANGES = {"joined": "joined a group", "left": "left its group", "merged": "groups merged",
            "split": "group split"}  # fmt: skip


def risk_tables(s: Mapping[str, Any], of: str, words: Words) -> dict[str, Grid | None]:
    """The tables of the section; None where there is nothing to show.

    Args:
        s: The summary of the review.
        of: The customers whose risks are counted, for people.
        words: The language.
    """
    return {
        "risk_levels": counts("risk-levels", "Relationship risks", s["risk_level"], words,
                              RISK_NOTE, of),
        "group_figures": _figures(s["risk"], words),
        "funding": _funding(s["risk"]["funding"], words),
        "limit_use": _limits(s["risk"]["limit_use"], words),
        "group_warnings": _warnings(s["risk"]["group_warnings"], words),
        "group_changes": _changes(s["risk"]["changed_groups"], words),
        "watch_list": _watched(s["risk"]["watched"], words),
    }  # fmt: skip


def _figures(risk: Mapping[str, Any], words: Words) -> Grid:
    """Groups and credit in figures."""
    named = {
        "Groups of connected customers": risk["groups"],
        "Members of groups": risk["members"],
        "Members of the largest group": risk["largest_group"],
        "Credit exposure": risk["exposure"],
        "Loans": risk["loans"],
        "Groups with a warning": risk["warned_groups"],
    }
    odd = words(", ").join(f"{words(name)} {n:,}" for name, n in risk["findings"].items())
    return grid(
        "group-figures",
        words("Groups and credit"),
        [("name", "word", named), ("number or amount", "number", named.values())],
        words,
        note=words(": ").join((words("What is odd about links and credits"), odd)) if odd else "",
    )


def _funding(rows: list[dict[str, Any]], words: Words) -> Grid | None:
    """How concentrated deposits are, by customer and by group."""
    if not rows:
        return None
    return grid(
        "funding",
        words("Concentration of deposits"),
        [
            ("counted by", "word", ["customer", "group"][: len(rows)]),
            ("depositors", "number", [r["holders"] for r in rows]),
            ("ten largest", "rate", [r["top_share"] for r in rows]),
            ("Herfindahl index", "text", [f"{r['hhi']:.4f}" for r in rows]),
        ],
        words,
    )


def _limits(rows: list[dict[str, Any]], words: Words) -> Grid | None:
    """The limits that are used most."""
    if not rows:
        return None
    return grid(
        "limit-use",
        words("Use of credit limits"),
        [
            ("limit", "word", [r["limit"] for r in rows]),
            ("customer or group", "subject", [(r["kind"], r["subject"]) for r in rows]),
            ("state", "bad", [r["state"] for r in rows]),
            ("used", "number", [r["used"] for r in rows]),
            ("allowed", "number", [r["allowed"] for r in rows]),
            ("use", "rate", [r["use"] for r in rows]),
        ],
        words,
        note=words("The highest use first; at most 25."),
    )


def _warnings(rows: list[dict[str, Any]], words: Words) -> Grid | None:
    """The groups with a warning about their credit."""
    if not rows:
        return None
    return grid(
        "group-warnings",
        words("Groups with a warning"),
        [
            ("group", "text", [r["group"] for r in rows]),
            ("reasons", "reasons", [r["reasons"] for r in rows]),
            ("exposure", "number", [r["exposure"] for r in rows]),
            ("branches", "number", [r["branches"] for r in rows]),
        ],
        words,
        note=words("Most warnings first; at most 25."),
    )


def _changes(rows: list[dict[str, Any]], words: Words) -> Grid | None:
    """The groups whose members changed since an earlier review."""
    if not rows:
        return None
    return grid(
        "group-changes",
        words("Groups that changed since the earlier review"),
        [
            ("change", "word", [_CHANGES[r["change"]] for r in rows]),
            ("before", "text", [r["before"] or "" for r in rows]),
            ("after", "text", [r["after"] or "" for r in rows]),
            ("members", "number", [r["members"] for r in rows]),
        ],
        words,
        note=words("Most members first; at most 25."),
    )


def _watched(rows: list[dict[str, Any]], words: Words) -> Grid | None:
    """The customers on the watch list."""
    if not rows:
        return None
    return grid(
        "watch-list",
        words("Watch list"),
        [
            ("customer", "customer", [r["customer_id"] for r in rows]),
            ("level", "bad", [r["level"] for r in rows]),
            ("on the list", "word", [_MOVEMENTS[r["movement"]] for r in rows]),
            ("reasons", "reasons", [r["reasons"] for r in rows]),
            ("because of", "customer", [r["lifted_by"] for r in rows]),
            ("owner", "department", [r["owner"] for r in rows]),
            ("next review", "day", [r["next_review"] for r in rows]),
        ],
        words,
        note=words("High risks first, then the earliest next review; at most 25."),
    )
