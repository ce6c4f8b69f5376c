"""The tables of the page about work: who has how much to do, the actions, and who moved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from bankcrm.report.grid import Grid, Kind, grid
from bankcrm.report.sections import left_out
from bankcrm.report.words import Words

ACTION_ROWS = 300
"""How many actions the page lists."""
MANAGERS = 100
"""How many employees the page lists with their actions."""
MOVED_ROWS = 300
"""How many customers the page names who moved."""
SETTLED_ROWS = 100
"""How many actions of an earlier review the page lists that are no longer listed."""


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
    priorities = [str(p) for p in actions["priority"].cat.categories]
    counted = counted.reindex(columns=priorities, fill_value=0)
    order = counted.sum(axis=1).sort_values(ascending=False, kind="stable").index[:limit]
    more, counted = len(counted) - len(order), counted.loc[order]
    late = actions["overdue"].astype(int).groupby(key).sum().reindex(order)
    first = actions["due"].groupby(key).min().reindex(order)
    columns: list[tuple[str, Kind, Iterable[Any]]] = [(by, kind, list(order))]
    columns += [(p, "number", counted[p].tolist()) for p in priorities]
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
