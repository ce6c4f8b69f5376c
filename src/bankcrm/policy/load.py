"""Policies read from TOML: a bank's files, the defaults and the presets that ship."""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from bankcrm.arguments import as_kind
from bankcrm.errors import PolicyError, UnknownNameError
from bankcrm.policy.header import Header
from bankcrm.policy.model import Policy, Record
from bankcrm.policy.policy_set import PolicySet
from bankcrm.policy.validation import faults_of
from bankcrm.policy.workbook import read_workbook
from bankcrm.rules import DecisionTable, Parameter
from bankcrm.rules.toml import RawTable, converter, parse_toml, plain, structure, table_of

DOMAINS = (
    "bank",
    "lifecycle",
    "segmentation",
    "valuation",
    "complaints",
    "risk",
    "marketing",
    "quality",
    "scorecards",
)


def load_policy(source: str | Path, *, shared: Policy | None = None) -> Policy:
    """Read a policy from a TOML file, from TOML text or from a workbook.

    Args:
        source: A path (``.toml``, or ``.xlsx`` as `Policy.to_xlsx` writes it), or TOML text.
        shared: The policy ``bank``, whose parameters the tables may name; None for the default
            one. A `PolicySet` puts every policy on its own ``bank``.

    Raises:
        PolicyError: All errors of the file together, each with its path or its cell.
    """
    if str(source).lower().endswith(".xlsx"):
        raw, reading = read_workbook(source)
        try:
            found = _policy_of(raw, shared, reading.faults)
        except PolicyError as error:
            raise PolicyError(map(reading.located, error.faults)) from None
        return found
    if (advice := _preset_advice(source)) and not Path(source).is_file():
        raise PolicyError([f"{source}: no such file; {advice}"])
    return _policy_of(parse_toml(source), shared, [])


def _policy_of(raw: Mapping[str, Any], shared: Policy | None, faults: list[str]) -> Policy:
    """A policy from what its file holds; ``faults`` are those of the file itself."""
    parts = ("policy", "parameters", "tables", "records")
    faults += [f"{k}: unknown key; known: {', '.join(parts)}" for k in raw if k not in parts]
    head = structure(converter(), raw.get("policy", {}), Header, "policy", faults)
    named = _mapping(raw, "parameters", faults)
    parameters = {
        name: versions
        for name, item in named.items()
        if (versions := _read_parameter(name, item, faults))
    }
    if head is not None and head.domain == "bank":
        shared = None
    elif shared is None:
        shared = default_policy("bank")
    else:
        as_kind(shared, Policy, "shared", 'give the policy "bank"')
    known = {**(shared.parameters if shared else {}), **parameters}
    tables = _read_tables(raw.get("tables", []), known, faults)
    records = _read_records(_mapping(raw, "records", faults), faults)
    if head is None:
        raise PolicyError(faults)
    policy = Policy(
        parameters=parameters,
        tables=tables,
        raw_records=records,
        shared=shared,
        **attrs.asdict(head),
    )
    # a parameter that does not fit is reported once, not again by each test that names it
    faulty = tuple(f"unknown parameter @{n}" for n in named if n not in parameters)
    found = [f for f in dict.fromkeys([*faults, *faults_of(policy)]) if not f.endswith(faulty)]
    if found:
        raise PolicyError(found)
    return policy


def default_policy(domain: str, preset: str | None = None) -> Policy:
    """The policy that ships with the library for a domain.

    Args:
        domain: ``bank``, ``lifecycle``, ``segmentation``, ``valuation``, ``complaints``,
            ``risk``, ``marketing``, ``quality`` or ``scorecards``.
        preset: The name of one of the domain's presets: the defaults with the parameters, tables
            and records of the preset in the place of those of the same name.

    Raises:
        UnknownNameError: There is no such domain or preset.

    >>> default_policy("complaints", "cn_2020_3").value("cn_answer_days")
    15
    """
    if not isinstance(domain, str) or domain not in DOMAINS:
        name = domain if isinstance(domain, str) else type(domain).__name__
        raise UnknownNameError("domain", name, DOMAINS, advice=_preset_advice(name))
    if preset is not None and preset not in presets(domain):
        advice = _preset_advice(preset)
        raise UnknownNameError(f"preset of {domain}", preset, presets(domain), advice=advice)
    return _shipped(domain, preset)


@functools.cache
def _shipped(domain: str, preset: str | None) -> Policy:
    package = importlib.resources.files("bankcrm")
    folder = package / domain
    if preset is None:
        bank = domain == "bank"
        file = package / "policy" / "bank.toml" if bank else folder / "defaults.toml"
        return load_policy(file.read_text(encoding="utf-8"))
    text = (folder / "presets" / f"{preset}.toml").read_text(encoding="utf-8")
    return _on_defaults(load_policy(text), default_policy(domain))


def _on_defaults(preset: Policy, defaults: Policy) -> Policy:
    """A preset as a whole policy: what it does not name is as in the defaults."""
    return attrs.evolve(
        preset,
        parameters={**defaults.parameters, **preset.parameters},
        tables={**defaults.tables, **preset.tables},
        raw_records={**defaults.raw_records, **preset.raw_records},
    )


def presets(domain: str) -> tuple[str, ...]:
    """The names of a domain's presets, sorted."""
    if not isinstance(domain, str):
        return ()
    folder = importlib.resources.files("bankcrm") / domain / "presets"
    if not folder.is_dir():
        return ()
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


def default_policies(presets: Sequence[str] | str = ()) -> PolicySet:
    """The default policy of every domain.

    Args:
        presets: Presets to take in the place of a domain's defaults, as ``valuation/czk_1993``.

    Raises:
        UnknownNameError: There is no such domain or preset.

    >>> default_policies(["valuation/czk_1993"])["valuation"].id
    'bankcrm.valuation.czk_1993'
    """
    chosen = {d: default_policy(d) for d in DOMAINS}
    for name in [presets] if isinstance(presets, str) else presets:
        domain, _, preset = str(name).partition("/")
        if not preset:
            raise _unknown_preset(str(name))
        chosen[domain] = default_policy(domain, preset)
    return PolicySet(chosen)


def _unknown_preset(name: str) -> UnknownNameError:
    """The error for a preset that is not named with its domain."""
    known = [f"{d}/{p}" for d in DOMAINS for p in presets(d)]
    advice = f"{name!r} is a domain; name one of its presets, as {name}/PRESET"
    return UnknownNameError("preset", name, known, advice=advice if name in DOMAINS else "")


def _preset_advice(name: object) -> str:
    """How to name a preset that was given in a wrong place; empty if it is no preset."""
    preset = str(name).rpartition("/")[2]
    found = [d for d in DOMAINS if preset in presets(d)]
    if not found:
        return ""
    call, word = f"default_policy({found[0]!r}, {preset!r})", f"{found[0]}/{preset}"
    return f"it is a preset: {call}, or on the command line {word}"


def _mapping(raw: Mapping[str, Any], key: str, faults: list[str]) -> Mapping[str, Any]:
    value = raw.get(key, {})
    if isinstance(value, Mapping):
        return value
    faults.append(f"{key}: expected [{key}.NAME], saw {value!r}")
    return {}


def _read_parameter(name: str, item: Any, faults: list[str]) -> tuple[Parameter, ...]:
    many = isinstance(item, list)
    read = [
        structure(
            converter(),
            raw,
            Parameter,
            f"parameters.{name}[{i}]" if many else f"parameters.{name}",
            faults,
        )
        for i, raw in enumerate(item if many else [item])
    ]
    return tuple(p for p in read if p is not None)


def _read_tables(
    raw: Any, parameters: Mapping[str, tuple[Parameter, ...]], faults: list[str]
) -> dict[str, tuple[DecisionTable, ...]]:
    if not isinstance(raw, list):
        faults.append(f"tables: expected [[tables]], saw {raw!r}")
        return {}
    tables: dict[str, tuple[DecisionTable, ...]] = {}
    known = {n: plain(v[0]) for n, v in parameters.items()}
    for number, item in enumerate(raw):
        if isinstance(item, RawTable):
            parts = attrs.evolve(item, parameters=known)
        elif isinstance(item, Mapping):
            header = dict(item)
            path = f"tables[{header.get('id', number)}]"
            rules, facts = header.pop("rules", []), header.pop("facts", {})
            parts = RawTable(path, header, facts, known, rules)
        else:
            faults.append(f"tables[{number}]: expected [[tables]], saw {item!r}")
            continue
        table = table_of(DecisionTable, parts, faults)
        if table is not None:
            bare = attrs.evolve(table, parameters={})
            tables[table.id] = (*tables.get(table.id, ()), bare)
    return tables


def _read_records(raw: Mapping[str, Any], faults: list[str]) -> dict[str, tuple[Record, ...]]:
    records: dict[str, tuple[Record, ...]] = {}
    for name, rows in raw.items():
        if not isinstance(rows, list) or not all(isinstance(r, Mapping) for r in rows):
            faults.append(f"records.{name}: expected [[records.{name}]]")
            continue
        records[name] = tuple(rows)
    return records
