"""Changes read from a TOML file, so that the rules of a plug-in are data to review."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from bankcrm.errors import PolicyError
from bankcrm.plugins.values import AddRecords, AddRule, Change, ReplaceRule, SetParameter
from bankcrm.rules import Fact, Parameter, Rule
from bankcrm.rules.toml import converter, parse_toml, structure
from bankcrm.rules.unary import UnaryTest


@attrs.frozen
class _RawRule:
    """A rule as a file of changes has it: the rule, and where it goes."""

    domain: str
    table: str
    id: str
    when: dict[str, UnaryTest]
    then: Any
    source: str = "default"
    because: str = ""
    before: str = ""
    after: str = ""
    facts: dict[str, Fact] = attrs.field(factory=dict)
    outcomes: tuple[Any, ...] = ()


@attrs.frozen
class _RawParameter:
    """A parameter as a file of changes has it."""

    domain: str
    name: str
    value: Any
    unit: str = ""
    source: str = "default"
    note: str = ""


def read_changes(source: str | Path) -> tuple[Change, ...]:
    """Read changes from a TOML file or from TOML text.

    ``[[rules]]`` have ``domain`` and ``table``, then what any rule has; ``before`` or ``after``
    names the rule that it goes before or after, and without them it replaces the one with its
    ``id``. ``[[parameters]]`` have ``domain``, ``name`` and ``value``. ``[[records.DOMAIN.LIST]]``
    are added at the end of a list.

    Raises:
        PolicyError: All errors of the file together, each with its path.

    >>> text = '''
    ... [[parameters]]
    ... domain = "lifecycle"
    ... name = "lost_after_days"
    ... value = 400
    ... '''
    >>> print(read_changes(text)[0])
    sets lifecycle.lost_after_days to 400
    """
    raw = parse_toml(source)
    known = ("rules", "parameters", "records")
    faults = [f"{k}: unknown key; known: {', '.join(known)}" for k in raw if k not in known]
    made: list[Change | None] = []
    for i, item in enumerate(_listed(raw, "rules", faults)):
        rule = structure(converter(), item, _RawRule, f"rules[{i}]", faults)
        if rule is not None:
            made.append(_rule(rule, f"rules[{i}]", faults))
    for i, item in enumerate(_listed(raw, "parameters", faults)):
        figure = structure(converter(), item, _RawParameter, f"parameters[{i}]", faults)
        if figure is not None:
            made.append(_parameter(figure, f"parameters[{i}]", faults))
    made += _records(raw.get("records", {}), faults)
    if faults:
        raise PolicyError(faults)
    return tuple(change for change in made if change is not None)


def _listed(raw: Mapping[str, Any], key: str, faults: list[str]) -> list[Any]:
    items = raw.get(key, [])
    if isinstance(items, list):
        return items
    faults.append(f"{key}: expected [[{key}]], saw {items!r}")
    return []


def _rule(raw: _RawRule, path: str, faults: list[str]) -> Change | None:
    try:
        rule = Rule(raw.id, raw.when, raw.then, raw.source, raw.because)
        if not raw.before and not raw.after:
            return ReplaceRule(raw.domain, raw.table, rule, raw.facts, raw.outcomes)
        place = (raw.before, raw.after)
        return AddRule(raw.domain, raw.table, rule, *place, raw.facts, raw.outcomes)
    except PolicyError as error:
        faults.append(f"{path}: {error}")
        return None


def _parameter(raw: _RawParameter, path: str, faults: list[str]) -> Change | None:
    try:
        figure = Parameter(raw.value, raw.unit, raw.source, raw.note)
    except PolicyError as error:
        faults.append(f"{path}: {error}")
        return None
    return SetParameter(raw.domain, raw.name, figure)


def _records(raw: Any, faults: list[str]) -> list[Change | None]:
    made: list[Change | None] = []
    for domain, lists in raw.items() if isinstance(raw, Mapping) else ():
        for name, rows in lists.items() if isinstance(lists, Mapping) else ():
            if isinstance(rows, list) and all(isinstance(r, Mapping) for r in rows):
                made.append(AddRecords(domain, name, tuple(rows)))
            else:
                faults.append(f"records.{domain}.{name}: expected [[records.{domain}.{name}]]")
    return made
