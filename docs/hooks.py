"""mkdocs hook: default policies and data contract as tables made from their own source.

A page writes ``<!-- policy: lifecycle -->``, ``<!-- presets: complaints -->`` or
``<!-- contract -->`` where the tables belong, so that the docs cannot differ from the code.
"""

from __future__ import annotations

import html
import logging
import re
import tomllib
from pathlib import Path
from typing import Any

from bankcrm.book import contract_page

SOURCE = Path(__file__).resolve().parents[1] / "src" / "bankcrm"
LOG = logging.getLogger("mkdocs.hooks.policies")
DATES = {"from": "effective_from", "to": "effective_to"}
PRESETS = re.compile(r"^<!-- presets: (?P<name>\w+) -->$", re.M)
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
        named = {path for entry in entries for path in entry.values()}
        for page in sorted((docs / folder).glob("*.md")):
            path = page.relative_to(docs).as_posix()
            if path not in named:
                title = page.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
                entries.append({title: path})
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the tables of the named policies, and the data contract, where a page asks for them."""
    if "<!-- contract -->" in markdown:
        markdown = markdown.replace("<!-- contract -->", contract_page())
    markdown = PRESETS.sub(lambda found: preset_pages(found["name"]), markdown)
    return MARKER.sub(lambda found: policy_page(policy_file(found["name"])), markdown)


def preset_pages(domain: str) -> str:
    """Every preset of a domain, each under its own heading."""
    files = sorted((SOURCE / domain / "presets").glob("*.toml"))
    return "\n\n".join(f"## Preset `{f.stem}` of {domain}\n\n{policy_page(f)}" for f in files)


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
                    *(shown(version.get(key, "")) for key in ("unit", "source", "note")),
                )
            )
    return "### Parameters\n\n" + grid(("name", "value", "unit", "source", "note"), rows)


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
