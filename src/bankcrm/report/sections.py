"""The tables of the page, each from the plain figures of a review."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bankcrm.report.grid import Grid, Shown, grid
from bankcrm.report.words import Words

WARNED_ROWS = 2_000
"""How many customers with an alarm the page lists."""
WATCHED_ROWS = 200
"""How many customers on watch the page lists."""
DUE_ROWS = 500
"""How many open complaints the page lists."""
EXTRA_ROWS = 100
"""How many rows of a plug-in's section a page shows."""
_LEFT_OUT = "{n} more {n:row|rows} not shown; all are in {file}."


def warnings(
    warned: pd.DataFrame, level: str, customers: int, limit: int, words: Words
) -> Grid | None:
    """The customers of one warning level, the most at stake first; None where there is none."""
    rows = warned[(warned["warning"] == level).to_numpy()]
    if not len(rows):
        return None
    shown = rows.head(limit)
    title = {
        "alarm": "Alarms: {n} of {all} {all:customer|customers}",
        "watch": "On watch: {n} of {all} {all:customer|customers}",
    }[level]
    return grid(
        level,
        words.sentence(title, n=len(rows), all=customers),
        [
            ("customer", "customer", shown.index.astype(str)),
            ("reasons", "reasons", shown["warning_reasons"]),
            ("stage", "word", shown["stage"].astype(object)),
            ("tier", "word", shown["tier"].astype(object)),
            ("warning score", "number", shown["warning_score"]),
            ("contribution a year", "number", shown["contribution"]),
        ],
        words,
        note=words("The largest contribution first. An id leads to why."),
        left_out=left_out(len(rows) - len(shown), "customers.parquet", words),
    )


def signals(warned: pd.DataFrame, counted: Mapping[str, int], words: Words) -> Grid | None:
    """How many of the customers with a warning have each signal; None where not all are known."""
    levels = sum(n for level, n in counted.items() if level in ("alarm", "watch"))
    if not levels or int(warned["warning"].isin(["alarm", "watch"]).sum()) < levels:
        return None
    shown = warned[warned["warning"].isin(["alarm", "watch"]).to_numpy()]
    found = shown["warning_reasons"].astype(object).str.split("; ").explode().value_counts()
    return grid(
        "signals",
        words.sentence("Signals of {n} {n:customer|customers} with an alarm or on watch", n=levels),
        [
            ("signal", "reasons", found.index),
            ("customers", "number", found.tolist()),
            ("share", "share", [n / levels for n in found]),
        ],
        words,
    )


def left_out(rows: int, file: str, words: Words) -> str:
    """That rows are not shown, and where they are; empty where all are shown."""
    return words.sentence(_LEFT_OUT, n=rows, file=file) if rows > 0 else ""


def due(complaints: pd.DataFrame, as_of: pd.Timestamp, words: Words) -> Grid | None:
    """The complaints that are not answered, the earliest due day first; None without any."""
    rows = complaints[complaints["state"].isin(["open", "overdue"]).to_numpy()]
    if not len(rows):
        return None
    rows = rows.sort_values("due", kind="stable")
    shown = rows.head(DUE_ROWS)
    late = (as_of - shown["due"]).dt.days
    return grid(
        "due",
        words.sentence(
            "Not answered: {n} of {all} {all:complaint|complaints}",
            n=len(rows),
            all=len(complaints),
        ),
        [
            ("number", "complaint", shown.index.astype(str)),
            ("customer", "customer", shown["customer_id"].astype("string").astype(object)),
            ("kind", "word", shown["kind"].astype(object)),
            ("severity", "word", shown["severity"].astype(object)),
            ("owner", "department", shown["owner"].astype(object)),
            ("state", "bad", shown["state"].astype(object)),
            ("due", "day", shown["due"].dt.strftime("%Y-%m-%d")),
            ("days overdue", "number", late.where(late > 0, None)),
        ],
        words,
        note=words("Complaints, consultations and suggestions, the earliest due day first."),
        left_out=left_out(len(rows) - len(shown), "complaints.csv", words),
    )


def counts(
    name: str, title: str, found: Mapping[str, int], words: Words, note: str = "", of: str = ""
) -> Grid:
    """How often each value occurs, with its share."""
    total = max(sum(found.values()), 1)
    return grid(
        name,
        f"{words(title)} ({of})" if of else words(title),
        [
            ("name", "word", found),
            ("count", "number", found.values()),
            ("share", "share", [n / total for n in found.values()]),
        ],
        words,
        note=words(note) if note else "",
    )


def unconfirmed(s: Mapping[str, Any], words: Words) -> Grid | None:
    """The figures of a regulator that nobody checked against the rule."""
    rows = s["policies"]["complaints"]["unconfirmed"]
    if not rows:
        return None
    return grid(
        "unconfirmed",
        words("Figures that are not confirmed"),
        [
            ("parameter", "text", [r["name"] for r in rows]),
            ("parameter value", "text", [f"{r['value']} {words(r['unit'])}" for r in rows]),
            ("source", "text", [r["source"] for r in rows]),
        ],
        words,
        note=words(
            "The complaint policy has these figures, but nobody checked them against the rule. "
            "Deadlines that depend on them may be wrong."
        ),
    )


def policies(s: Mapping[str, Any], words: Words) -> Grid:
    """The policies that decided."""
    found = s["policies"]
    return grid(
        "policy-table",
        words("Policies in force"),
        [
            ("domain", "word", found),
            ("policy", "text", [p["id"] for p in found.values()]),
            ("version", "text", [p["version"] for p in found.values()]),
            ("fingerprint", "text", [p["fingerprint"][:16] for p in found.values()]),
        ],
        words,
        note=words(
            "A policy file always has the same fingerprint, which proves which rules decided."
        ),
    )


def findings(content: pd.DataFrame, words: Words) -> Grid:
    """What was wrong with the data; names of frames and columns stay as they are."""
    shown = content.astype(str)
    shown["problem"] = shown["problem"].map(words)
    for column in ("expected", "advice"):
        shown[column] = shown[column].map(words.reasons)
    return frame("finding-table", words("Findings about the data"), shown, words, 500)


def frame(name: str, title: str, content: pd.DataFrame, words: Words, limit: int) -> Grid:
    """The first rows of any frame, as texts; its headings are translated where they are known."""
    named = content.index.names != [None]
    whole = content.reset_index() if named else content
    shown = whole.head(limit)
    columns: list[Shown] = [
        (str(c), "text", shown[c].astype(object).tolist()) for c in shown.columns
    ]
    more = len(whole) - len(shown)
    note = words.sentence("{n} more {n:row|rows} not shown.", n=more) if more > 0 else ""
    return grid(name, title, columns, words, left_out=note)
