"""The tables of the page, each from the plain figures of a review."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from bankcrm.report.grid import Grid, Kind, Shown, grid
from bankcrm.report.words import Words

WARNED_ROWS = 2_000
"""How many customers with an alarm the page lists."""
WATCHED_ROWS = 200
"""How many customers on watch the page lists."""
DUE_ROWS = 500
"""How many open complaints the page lists."""
ACTION_ROWS = 300
"""How many actions the page lists."""
MANAGERS = 100
"""How many employees the page lists with their actions."""
MOVED_ROWS = 300
"""How many customers the page names who moved."""
SETTLED_ROWS = 100
"""How many actions of an earlier review the page lists that are no longer listed."""
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


PRIORITIES = ("urgent", "high", "normal", "low")


def owners(actions: pd.DataFrame, words: Words) -> Grid | None:
    """How much each department has to do; None where there is nothing."""
    if not len(actions):
        return None
    title = words.sentence("Actions by department: {n} in all", n=len(actions))
    found, _ = _counted(actions, "department", "owner", 100)
    note = words("A name leads to its list: what is due this week, for whom and why.")
    return grid("owners", title, found, words, note=note)


def managers(actions: pd.DataFrame, words: Words) -> Grid | None:
    """How much each employee has to do; None where the book names none."""
    named = actions[actions["manager"].notna().to_numpy()]
    if not len(named):
        return None
    found, more = _counted(named, "manager", "manager", MANAGERS)
    title = words.sentence("Actions by manager: {n} of {all}", n=len(named), all=len(actions))
    rest = left_out(more, "actions.csv", words)
    return grid("managers", title, found, words, left_out=rest)


def _counted(
    actions: pd.DataFrame, by: str, kind: Kind, limit: int
) -> tuple[list[tuple[str, Kind, Iterable[Any]]], int]:
    """Actions by priority of those with the most, and how many are left out."""
    key = actions[by].astype(object)
    counted = pd.crosstab(key, actions["priority"].astype(object))
    counted = counted.reindex(columns=list(PRIORITIES), fill_value=0)
    order = counted.sum(axis=1).sort_values(ascending=False, kind="stable").index[:limit]
    more, counted = len(counted) - len(order), counted.loc[order]
    late = actions["overdue"].astype(int).groupby(key).sum().reindex(order)
    first = actions["due"].groupby(key).min().reindex(order)
    columns: list[tuple[str, Kind, Iterable[Any]]] = [(by, kind, list(order))]
    columns += [(p, "number", counted[p].tolist()) for p in PRIORITIES]
    columns += [
        ("all", "number", counted.sum(axis=1).tolist()),
        ("past their day", "number", late.tolist()),
        ("earliest due", "day", first.dt.strftime("%Y-%m-%d")),
    ]
    return columns, more


def actions(found: pd.DataFrame, words: Words, *, since: bool = False) -> Grid | None:
    """The actions, the most pressing first; None where there is nothing to do.

    Args:
        found: The action list.
        words: The language.
        since: Whether to show since when each is listed.
    """
    if not len(found):
        return None
    shown = found.head(ACTION_ROWS)
    about: list[tuple[str, Kind, Iterable[Any]]] = []
    if found["complaint_id"].notna().any():
        complaint = shown["complaint_id"].astype("string").astype(object)
        about.append(("complaint", "complaint", complaint))
    listed: list[tuple[str, Kind, Iterable[Any]]] = []
    if since:
        listed.append(("listed since", "day", shown["since"].dt.strftime("%Y-%m-%d")))
    return grid(
        "actions",
        words.sentence("Actions: {n}, the most pressing first", n=len(found)),
        [
            ("action", "task", titles(shown, words)),
            ("customer", "customer", shown["customer_id"].astype("string").astype(object)),
            *about,
            ("due", "day", shown["due"].dt.strftime("%Y-%m-%d")),
            *listed,
            ("priority", "bad", shown["priority"].astype(object)),
            ("owner", "text", _owners(shown, words)),
            ("contact", "word", shown["contact"].astype(object)),
            ("reasons", "reasons", shown["reason"].astype(object)),
        ],
        words,
        left_out=left_out(len(found) - len(shown), "actions.csv", words),
    )


def _owners(found: pd.DataFrame, words: Words) -> list[str]:
    """The department of each action, and the manager where the book names one."""
    departments = [words.departments(name) for name in found["department"]]
    managers = found["manager"].astype(object).where(found["manager"].notna(), None)
    both = zip(departments, managers, strict=True)
    return [d if m is None else words(", ").join((d, str(m))) for d, m in both]


def settled(found: pd.DataFrame | None, words: Words) -> Grid | None:
    """The actions of an earlier review that are no longer listed; None where there are none."""
    if found is None or not len(found):
        return None
    shown = found.head(SETTLED_ROWS)
    return grid(
        "settled",
        words.sentence("Actions that are no longer listed: {n}", n=len(found)),
        [
            ("action", "task", titles(shown, words)),
            ("customer", "customer", shown["customer_id"].astype("string").astype(object)),
            ("complaint", "complaint", shown["complaint_id"].astype("string").astype(object)),
            ("due", "day", shown["due"].dt.strftime("%Y-%m-%d")),
            ("owner", "department", shown["department"].astype(object)),
            ("state", "word", shown["state"].astype(object)),
        ],
        words,
        left_out=left_out(len(found) - len(shown), "settled.csv", words),
    )


def movers(moved: pd.DataFrame | None, words: Words) -> Grid | None:
    """Who moved to another tier, then who moved to another stage; None where nobody did."""
    if moved is None:
        return None
    parts = [moved[(moved["result"] == name).to_numpy()] for name in ("tier", "stage")]
    found = pd.concat(parts)
    if not len(found):
        return None
    shown = found.head(MOVED_ROWS)
    return grid(
        "movers",
        words.sentence(
            "{n} {n:move|moves} of {who} {who:customer|customers} to another tier or stage",
            n=len(found),
            who=int(found["customer_id"].nunique()),
        ),
        [
            ("customer", "customer", shown["customer_id"].astype("string").astype(object)),
            ("result", "word", shown["result"]),
            ("before", "word", shown["before"]),
            ("after", "word", shown["after"]),
        ],
        words,
        left_out=left_out(len(found) - len(shown), "moved.csv", words),
    )


def titles(found: pd.DataFrame, words: Words) -> list[str]:
    """The actions in the language of the page, in English where the policy has no other text."""
    english = found["title"].astype(object)
    if words.language == "en":
        return english.tolist()
    chinese = found["title_zh"].astype(object)
    return chinese.where(chinese.notna(), english).tolist()


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
