"""mkdocs hook: default policies and data contract as tables made from their own source.

A page writes ``<!-- policy: lifecycle -->``, ``<!-- presets: valuation -->``,
``<!-- regulators -->``, ``<!-- contract -->`` or ``<!-- needs -->`` where the tables belong, so
that the docs cannot differ from the code.
"""

from __future__ import annotations

import html
import logging
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bankcrm.book import contract_page
from bankcrm.complaints.clocks.rules import ClockRule
from bankcrm.pipeline.steps import needs_table
from bankcrm.policy import Policy, default_policy, presets

SOURCE = Path(__file__).resolve().parents[1] / "src" / "bankcrm"
LOG = logging.getLogger("mkdocs.hooks.policies")
DATES = {"from": "effective_from", "to": "effective_to"}
PRESETS = re.compile(r"^<!-- presets: (?P<name>\w+) -->$", re.M)
PARTS = ("unit", "source", "confirmation", "note")
MARKS = ("primary", "secondary", "unconfirmed")
CLOCK_HEAD = ("clock", "time", "starts with", "met by", "which cases", "received")
SECTIONS = {
    "Tutorials": "tutorials",
    "How to": "how-to",
    "Reference": "reference",
    "Explanation": "explanation",
}
MARKER = re.compile(r"^<!-- policy: (?P<name>[\w/.-]+) -->$", re.M)


def on_config(config: Any) -> Any:
    """Put pages that the navigation does not name at the end of their folder's section."""
    docs = Path(config["docs_dir"])
    for section, folder in SECTIONS.items():
        entries = next(item[section] for item in config["nav"] if section in item)
        named = set(paths_of(entries))
        for page in sorted((docs / folder).glob("*.md")):
            path = page.relative_to(docs).as_posix()
            if path not in named:
                title = page.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
                entries.append({title: path})
    return config


def paths_of(entries: list[Any]) -> Iterator[str]:
    """The pages that entries of the navigation name, those of groups too."""
    for entry in entries:
        for target in entry.values():
            yield from paths_of(target) if isinstance(target, list) else (target,)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the tables of the named policies, and the data contract, where a page asks for them."""
    if "<!-- contract -->" in markdown:
        markdown = markdown.replace("<!-- contract -->", contract_page())
    if "<!-- needs -->" in markdown:
        markdown = markdown.replace("<!-- needs -->", needs_table())
    if "<!-- regulators -->" in markdown:
        markdown = markdown.replace("<!-- regulators -->", regulator_pages())
    markdown = PRESETS.sub(lambda found: preset_pages(found["name"]), markdown)
    return MARKER.sub(lambda found: policy_page(policy_file(found["name"])), markdown)


def preset_pages(domain: str) -> str:
    """Every preset of a domain, each under its own heading."""
    files = sorted((SOURCE / domain / "presets").glob("*.toml"))
    return "\n\n".join(f"## Preset `{f.stem}` of {domain}\n\n{policy_page(f)}" for f in files)


def regulator_pages() -> str:
    """The presets of complaints: an overview, then every figure and clock with its source."""
    policies = {name: default_policy("complaints", name) for name in presets("complaints")}
    rows = [
        (
            f"[`{name}`](#{name})",
            shown(policy.title),
            str(policy.effective_from or "undated"),
            *(str(marks(policy).count(mark) or "") for mark in MARKS),
        )
        for name, policy in policies.items()
    ]
    head = ("preset", "regulator and rule", "in force from", *MARKS)
    parts = [grid(head, rows), *(regulator(name, p) for name, p in policies.items())]
    return "\n\n".join(parts)


def marks(policy: Policy) -> list[str]:
    """The confirmation of each figure that a rule sets."""
    return [policy.parameter(name).confirmation for name in figures(policy)]


def figures(policy: Policy) -> list[str]:
    """The parameters that a rule sets; the others are the bank's own settings."""
    bank = default_policy("complaints").parameters
    names = [name for name in policy.parameters if name not in bank]
    return [name for name in names if policy.parameter(name).source != "default"]


def regulator(name: str, policy: Policy) -> str:
    """One preset: its note, its figures with source and confirmation, its clocks."""
    parts = [f"## {shown(policy.title)} {{ #{name} }}"]
    span = f", in force from {policy.effective_from}" if policy.effective_from else ""
    parts.append(f"`{name}`, version {policy.version}{span}. {shown(policy.note)}")
    rows = []
    for figure in figures(policy):
        p = policy.parameter(figure)
        texts = (f"`{figure}`", f"{p.value} {p.unit}", p.source, p.confirmation, p.note)
        rows.append((texts[0], *(shown(t) for t in texts[1:])))
    if rows:
        parts.append(grid(("figure", "value", "source", "confirmation", "what it is"), rows))
    clocks = policy.records("clocks", ClockRule)
    parts.append(grid(CLOCK_HEAD, [clock_row(rule, policy) for rule in clocks]))
    return "\n\n".join(parts)


def clock_row(rule: ClockRule, policy: Policy) -> tuple[str, ...]:
    """One clock: its time, when it starts, what meets it, and between which days it can start."""
    time = [f"{policy.value(rule.limit)} {rule.unit.replace('_', ' ')}"]
    time += [f"{e.name}: {policy.value(e.limit)}" for e in rule.extensions]
    starts = [*rule.starts, *(f"{k} (again)" for k in rule.restarts)]
    about = [f"only {', '.join(rule.topics)}"] if rule.topics else []
    about += [f"not {', '.join(rule.not_topics)}"] if rule.not_topics else []
    about += [f"paused for {', '.join(rule.pauses_for)}"] if rule.pauses_for else []
    about += ["no duty"] if not rule.duty else []
    dates = [f"{word} {day}" for word, day in (("from", rule.since), ("to", rule.until)) if day]
    cells = (f"`{rule.name}`", "<br>".join(time), ", ".join(starts), ", ".join(rule.meets))
    return (*cells, "; ".join(about), " ".join(dates))


def policy_file(name: str) -> Path:
    """``bank`` is policy/bank.toml, ``lifecycle`` its defaults.toml, ``x/presets/y`` a preset."""
    if name == "bank":
        return SOURCE / "policy" / "bank.toml"
    path = SOURCE / name
    return path / "defaults.toml" if path.is_dir() else path.with_suffix(".toml")


def policy_page(path: Path) -> str:
    """A policy file as Markdown: its head, its parameters, its tables and its records."""
    if not path.is_file():
        LOG.warning("a page asks for the policy %s, which is not there", path)
        return ""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    parts = [policy_head(content.get("policy", {}), path)]
    if content.get("parameters"):
        parts.append(parameters(content["parameters"]))
    parts += [decision_table(table) for table in content.get("tables", [])]
    parts += [records(name, rows) for name, rows in content.get("records", {}).items()]
    return "\n\n".join(parts)


def policy_head(policy: dict[str, Any], path: Path) -> str:
    """The policy's identity and where its file is."""
    version = ", ".join(filter(None, [f"version {policy.get('version', '')}", in_force(policy)]))
    place = path.relative_to(SOURCE.parent).as_posix()
    note = f"\n\n{shown(policy['note'])}" if policy.get("note") else ""
    name = f"**{policy.get('title', '')}** (`{policy.get('id', '')}`, {version})"
    return f"{name}, from `{place}`.{note}"


def parameters(entries: dict[str, Any]) -> str:
    """One row per parameter or dated version: value, unit, source, note."""
    rows = []
    for name, entry in entries.items():
        for version in entry if isinstance(entry, list) else [entry]:
            value = shown(version.get("value"))
            dates = in_force(version)
            rows.append(
                (
                    f"`{name}`",
                    f"{value}<br>{dates}" if dates else value,
                    *(shown(version.get(key, "")) for key in PARTS),
                )
            )
    return "### Parameters\n\n" + grid(("name", "value", *PARTS), rows)


def in_force(item: dict[str, Any]) -> str:
    """The days between which a dated item is in force; empty for an undated one."""
    days = [f"{word} {item[key]}" for word, key in DATES.items() if key in item]
    return " ".join(days)


def decision_table(table: dict[str, Any]) -> str:
    """One row per rule: its tests, outcome, source and reason."""
    dates = f" ({in_force(table)})" if in_force(table) else ""
    title = f"### Table `{table['id']}`: {table.get('title', '')}{dates}\n\n"
    outcomes = shown(table.get("outcomes", []))
    policy = f"Hit policy: {table.get('hit_policy', 'first')}. Outcomes: {outcomes}.\n\n"
    rules = table.get("rules", [])
    because = any(rule.get("because") for rule in rules)
    rows = []
    for number, rule in enumerate(rules, start=1):
        when = "<br>".join(f"`{fact}` {cell(test)}" for fact, test in rule.get("when", {}).items())
        row = [str(number), f"`{rule['id']}`", when or "*otherwise*", shown(rule["then"])]
        row.append(shown(rule.get("source", "")))
        rows.append((*row, shown(rule.get("because", ""))) if because else tuple(row))
    head = ("#", "rule", "when", "then", "source", "because")
    return title + policy + grid(head if because else head[:-1], rows)


def records(name: str, rows: list[dict[str, Any]]) -> str:
    """One row per record; the columns are the keys in the order in which they first appear."""
    head = list(dict.fromkeys(key for row in rows for key in row))
    body = [tuple(shown(row[key]) if key in row else "" for key in head) for row in rows]
    return f"### Records `{name}`\n\n" + grid(tuple(head), body)


def grid(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table; bars and line breaks inside a cell are escaped."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(str(text).replace("|", "\\|").replace("\n", " ") for text in line) + " |"
        for line in lines
    )


def cell(test: Any) -> str:
    """A unary test as code."""
    return f"`{test}`"


def shown(value: Any) -> str:
    """A TOML value for people."""
    if isinstance(value, dict):
        return "<br>".join(f"{key}: {shown(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(shown(part) for part in value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) >= 10_000:
        return f"{value:,}"
    return html.escape(str(value), quote=False)
