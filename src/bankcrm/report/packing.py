"""The decisions of the page as compact JSON, with the words that it shows for them."""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd

from bankcrm.report.words import Words

TEXTS = (
    ", ", ": ", "; ", "All facts", "Close", "Complaint", "Complaints of this customer", "Customer",
    "Decisions", "Due later", "Due this week or overdue", "Filter", "Full trace",
    "No action is due this week.", "No such complaint on this page.",
    "No such customer on this page.", "No such owner on this page.",
    "Only customers that this page explains; all are in actions.csv.",
    "Save as CSV", "Show all", "Show fewer", "What to do", "Why there is a warning", "action",
    "applies", "ascending", "by", "complaint", "customer", "descending", "does not apply", "due",
    "no", "not reached", "otherwise", "priority", "reasons", "rows", "rows not printed",
    "sorted by", "undecided", "yes",
)  # fmt: skip
"""What the script says."""


def packed(
    explanations: Mapping[str, Any], complaints: Mapping[str, Any], words: Words, guard: str
) -> dict[str, Any]:
    """What the script of the page reads.

    Args:
        explanations: As `bankcrm.Review.explanations` gives them.
        complaints: The same of complaints, under ``complaints``.
        words: The language.
        guard: The pattern of texts that a spreadsheet would run.
    """
    tables = [*explanations["tables"], *complaints["tables"]]
    facts = [*explanations["facts"], *complaints["facts"]]
    return {
        "language": words.language,
        "guard": guard,
        "customer": _subject(explanations, "customers", words),
        "complaint": _subject(complaints, "complaints", words),
        "words": _known(tables, facts, words)
        | _values(explanations, "customers", words)
        | _values(complaints, "complaints", words),
        "text": {t: words(t) for t in TEXTS},
        "sources": sources(tables, words),
    }


_LISTS = ("signals", "time_allowed", "paused")
"""Facts whose values are lists of names, some with a number and a unit."""
_DEPARTMENTS = ("owner", "departments")
"""Facts whose values are departments, which may have the names of facts."""
_WITH_NUMBER = re.compile(r"(?P<name>\w+): (?P<number>[\d.e+-]+)(?: (?P<unit>\w+))?")


def _values(explained: Mapping[str, Any], kind: str, words: Words) -> dict[str, str]:
    """The values of facts in words, where they differ from the names in the data."""
    columns = zip(*explained[kind].values(), strict=True)
    rows = zip(explained["facts"], list(columns)[len(explained["tables"]) :], strict=False)
    found: dict[str, str] = {}
    for fact, column in rows:
        shown = functools.partial(listed, words=words) if fact in _LISTS else words
        if fact in _DEPARTMENTS or fact.endswith("_id"):
            continue
        found |= {v: shown(v) for v in sorted({v for v in column if isinstance(v, str)})}
    return {n: w for n, w in found.items() if w != n.replace("_", " ")}


def listed(text: str, words: Words) -> str:
    """A list of names, some with a number and a unit, in words.

    >>> listed("repeat; answer: 15 working_days", Words("en"))
    'repeat; answer: 15 working days'
    >>> listed("media_threat; answer: 15 working_days", Words("zh"))
    '媒体曝光威胁；答复：15工作日'
    """
    shown = []
    for part in text.split("; "):
        found = _WITH_NUMBER.fullmatch(part)
        if found is None:
            shown.append(words(part))
        elif words.language == "zh":
            shown.append(f"{words(found['name'])}：{found['number']}{words(found['unit'] or '')}")
        else:
            shown.append(f"{words(found['name'])}: {found['number']} {words(found['unit'] or '')}")
    return words("; ").join(s.strip() for s in shown)


def _subject(explained: Mapping[str, Any], kind: str, words: Words) -> dict[str, Any]:
    rows: Mapping[str, Sequence[Any]] = explained[kind]
    columns = (
        script_columns(rows) if rows else [[] for _ in (*explained["tables"], *explained["facts"])]
    )
    count = len(explained["tables"])
    for at, fact in enumerate(explained["facts"], start=count):
        if fact in _DEPARTMENTS and rows:
            columns[at] = _coded([words.departments(row[at]) for row in rows.values()])
    return {
        "ids": list(rows),
        "tables": [_table(t, words) for t in explained["tables"]],
        "facts": list(explained["facts"]),
        "rules": columns[:count],
        "values": columns[count:],
    }


ACTION_FACTS = ("title", "due", "priority", "department", "manager", "channel", "reason", "held")


def packed_actions(
    actions: pd.DataFrame, as_of: date, found: Mapping[str, Any], words: Words
) -> dict[str, Any]:
    """The actions for the customers and about the complaints that the page explains.

    Args:
        actions: As in `bankcrm.Review.actions`.
        as_of: The day of the review; ``until`` is the last day of its week.
        found: What `packed` made; its words take up those of the actions.
        words: The language.
    """
    customers = actions["customer_id"].astype("string").astype(object)
    complaints = actions["complaint_id"].astype("string").astype(object)
    explained = customers.isin(found["customer"]["ids"]) | complaints.isin(
        found["complaint"]["ids"]
    )
    rows = actions[explained.to_numpy()]
    texts = rows.assign(
        reason=_each(rows["reason"], words.reasons),
        due=rows["due"].dt.strftime("%Y-%m-%d"),
        held=_held(rows, words),
    )
    found["words"].update({w: words(w) for c in ("priority", "channel") for w in _names(rows[c])})
    columns = {f: texts[f].astype(object).where(texts[f].notna(), None) for f in ACTION_FACTS}
    columns |= {"customer": customers[explained], "complaint": complaints[explained]}
    plain = {n: c.astype(object).where(c.notna(), None).tolist() for n, c in columns.items()}
    until = as_of + timedelta(days=6 - as_of.weekday())
    return {
        **{name: _coded(values) for name, values in plain.items()},
        "departments": {d: words.departments(d) for d in _names(rows["department"])},
        "until": until.isoformat(),
        "more": len(actions) - len(rows),
    }


def _held(actions: pd.DataFrame, words: Words) -> pd.Series:
    """Why the bank may not make a contact; null where nothing is against it."""
    against = actions["contact"].isin(["hold", "never"])
    shown = _each(
        actions["contact_reason"], lambda why: f"{words('do not contact')}{words(': ')}{words(why)}"
    )
    return shown.where(against, None)


def _names(values: pd.Series) -> list[str]:
    return [str(v) for v in values.dropna().unique()]


def _each(values: pd.Series, change: Callable[[str], str]) -> pd.Series:
    """Texts changed one by one, each distinct one once."""
    return values.astype(object).map({v: change(v) for v in _names(values)})


def _table(table: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """A table with its tests in words."""
    rules = [
        {**rule, "when": {fact: words.test(test) for fact, test in rule["when"].items()}}
        for rule in table["rules"]
    ]
    return {**table, "title": words(table["title"]), "rules": rules}


def _known(
    tables: Iterable[Mapping[str, Any]], facts: Iterable[str], words: Words
) -> dict[str, str]:
    """The words of tables, outcomes, reasons and values, where they differ from their names."""
    tables = list(tables)
    names = {t["id"] for t in tables} | set(facts)
    for rule in (r for t in tables for r in t["rules"]):
        names |= {str(rule["then"]), rule["because"], *rule["when"]}
    absences = {t.get("absent", "") for t in tables} | {t.get("elsewhere", "") for t in tables}
    found = {n: words(n) for n in sorted(names) if n}
    found |= {a: words.absence(a) for a in sorted(absences) if a}
    return {n: w for n, w in found.items() if w != n}


@functools.cache
def _sources() -> Mapping[str, Mapping[str, str]]:
    file = importlib.resources.files("bankcrm.report") / "sources.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def sources(tables: Iterable[Mapping[str, Any]], words: Words) -> dict[str, str]:
    """What each source that a rule cites says, as far as it is a passage of the documents."""
    cited = {s for t in tables for r in t["rules"] for s in r["source"].split("; ")}
    known = _sources()
    return {s: known[s][words.language] for s in sorted(cited) if s in known}


def script_json(value: object) -> str:
    """JSON that is inert inside a script element for any data."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def script_columns(rows: Mapping[str, Sequence[Any]]) -> list[Any]:
    """The columns of rows by id; a column of few values is a dictionary and codes.

    >>> script_columns({"a": (1.5, "key"), "b": (2.5, "key"), "c": (3.5, "key"), "d": (4.5, "key")})
    [[1.5, 2.5, 3.5, 4.5], {'d': ['key'], 'c': '0000'}]
    """
    return [_coded(list(column)) for column in zip(*rows.values(), strict=True)]


_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def _coded(values: list[Any]) -> Any:
    """A column of few values as a dictionary and codes: one digit each where that is enough."""
    keys = [tuple(v) if isinstance(v, list) else (type(v).__name__, v) for v in values]
    place = {k: i for i, k in enumerate(dict.fromkeys(keys))}
    if 3 * len(place) > len(values):
        return values
    firsts: dict[Any, Any] = {}
    for key, value in zip(keys, values, strict=True):
        firsts.setdefault(key, value)
    codes = [place[k] for k in keys]
    short = "".join(map(_DIGITS.__getitem__, codes)) if len(place) <= len(_DIGITS) else codes
    return {"d": list(firsts.values()), "c": short}
