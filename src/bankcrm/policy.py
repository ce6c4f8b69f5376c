"""Policies: the parameters, tables and records of a domain, dated, cited and fingerprinted."""

from __future__ import annotations

import functools
import importlib.resources
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

import attrs
import tomli_w

from bankcrm._display import card, line, shown, stamp
from bankcrm.errors import PolicyError, UnknownNameError
from bankcrm.rules import DecisionTable, Parameter
from bankcrm.rules.table import canonical, digest, freeze
from bankcrm.rules.toml import converter, parse_toml, plain, structure, table_body, table_of
from bankcrm.rules.values import FrozenDict, frozen_dict
from bankcrm.units import unit_fault

if TYPE_CHECKING:
    import pandas as pd

    from bankcrm.calendars import WorkingCalendar

DOMAINS = ("lifecycle", "segmentation", "valuation", "complaints")
Record = Mapping[str, Any]
Classifier: TypeAlias = "Callable[[pd.Series], pd.DataFrame]"
T = TypeVar("T")
Dated = Parameter | DecisionTable


def _versions(items: Mapping[str, Any]) -> FrozenDict[str, tuple[Any, ...]]:
    return FrozenDict(
        {n: tuple(v) if isinstance(v, list | tuple) else (v,) for n, v in items.items()}
    )


def _frozen_records(items: Mapping[str, Any]) -> FrozenDict[str, tuple[Record, ...]]:
    return FrozenDict({n: freeze(v) for n, v in _versions(items).items()})


@attrs.frozen
class Change:
    """One difference between two policies; None where one of them lacks it."""

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.path}: {self.before} -> {self.after}"

    def _repr_html_(self) -> str:
        return card(self.path, {"before": self.before, "after": self.after})


@attrs.frozen
class _Header:
    """The ``[policy]`` part of a file."""

    id: str
    domain: str
    version: str
    title: str = ""
    note: str = ""
    effective_from: date | None = None
    effective_to: date | None = None


@attrs.frozen(eq=False)
class Policy:
    """All that one domain decides by: figures, tables and records, each dated and cited.

    Args:
        id: the policy's name.
        domain: ``lifecycle``, ``segmentation``, ``valuation``, ``complaints`` or a bank's own.
        version: the policy's version.
        parameters: name to the dated versions of a figure.
        tables: table id to its dated versions.
        raw_records: name to plain records, read through `records`.
        title: what the policy is for, for people.
        note: what a reader should know of it.
        effective_from: first day on which the policy is in force.
        effective_to: last day on which it is in force.

    >>> policy = default_policy("lifecycle")
    >>> policy.table("stage").hit_policy.value
    'first'
    """

    id: str
    domain: str
    version: str
    parameters: Mapping[str, tuple[Parameter, ...]] = attrs.field(factory=dict, converter=_versions)
    tables: Mapping[str, tuple[DecisionTable, ...]] = attrs.field(factory=dict, converter=_versions)
    raw_records: Mapping[str, tuple[Record, ...]] = attrs.field(
        factory=dict, converter=_frozen_records
    )
    title: str = ""
    note: str = ""
    effective_from: date | None = None
    effective_to: date | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return line(
            f"Policy {self.id!r}",
            {
                "version": self.version,
                "parameters": len(self.parameters),
                "tables": len(self.tables),
                "fingerprint": self.fingerprint[:12],
            },
        )

    def _repr_html_(self) -> str:
        rows = [
            {"parameter": name, "value": p.value, "unit": p.unit, "source": p.source}
            for name, versions in self.parameters.items()
            for p in versions
        ]
        in_force = f"{shown(self.effective_from)} to {shown(self.effective_to)}"
        figures = {
            "policy": self.id,
            "in force": in_force if self.effective_from or self.effective_to else "always",
            "tables": tuple(self.tables),
            "records": tuple(self.raw_records),
        }
        note = stamp(self.version, self.fingerprint)
        return card(self.title or self.id, figures, rows=rows, note=note)

    def value(self, name: str) -> Any:
        """The value of a parameter; a mapping or a tuple where the file has one.

        Raises:
            UnknownNameError: the policy has no such parameter.
            PolicyError: it has several dated values; narrow the policy with `at` first.
        """
        return self.parameter(name).value

    def parameter(self, name: str) -> Parameter:
        """A parameter with its unit, source and note."""
        return self._one(self.parameters, "parameter", name)

    def table(self, name: str) -> DecisionTable:
        """A decision table with the parameters that it names put in."""
        table = self._ready.get(name)
        if table is None:
            table = _with_parameters(self._one(self.tables, "table", name), self)
            self._ready[name] = table
        return table

    @functools.cached_property
    def _ready(self) -> dict[str, DecisionTable]:
        """Tables with their parameters put in, made when first asked for and kept compiled."""
        return {}

    def records(self, name: str, kind: type[T]) -> tuple[T, ...]:
        """The records of a list, each read as a ``kind`` (an attrs class).

        Raises:
            PolicyError: every record that does not fit, with its path.
        """
        faults: list[str] = []
        rows = self.raw_records.get(name)
        if rows is None:
            raise UnknownNameError("record list", name, self.raw_records)
        read = [
            structure(converter(), r, kind, f"records.{name}[{i}]", faults)
            for i, r in enumerate(rows)
        ]
        if faults:
            raise PolicyError(faults)
        return tuple(r for r in read if r is not None)

    def _one(self, items: Mapping[str, tuple[T, ...]], what: str, name: str) -> T:
        versions = items.get(name)
        if versions is None:
            raise UnknownNameError(f"{what} in policy {self.id!r}", name, items)
        if len(versions) > 1:
            raise PolicyError(
                [f"{what} {name!r} has {len(versions)} dated versions; call policy.at(date) first"]
            )
        return versions[0]

    def at(self, day: date) -> Self:
        """The policy as it stood on a day: one version of every table and parameter.

        Raises:
            PolicyError: the policy, a table or a parameter has no version for that day.
        """
        day = day.date() if isinstance(day, datetime) else day
        faults = [] if _covers(self, day) else [f"policy {self.id!r} is not in force on {day}"]
        parameters = _at(self.parameters, day, "parameters", faults)
        tables = _at(self.tables, day, "tables", faults)
        if faults:
            raise PolicyError(faults)
        return attrs.evolve(self, parameters=parameters, tables=tables)

    def with_parameters(self, **values: Any) -> Self:
        """The same policy with other parameter values, checked like a loaded one.

        Raises:
            PolicyError: an unknown name, a value that does not fit its unit, or a table that the
                new value breaks.
        """
        faults = [f"parameters.{n}: no such parameter" for n in values if n not in self.parameters]
        if faults:
            raise PolicyError(faults)
        changed = {n: attrs.evolve(self.parameter(n), value=v) for n, v in values.items()}
        kinds = [
            f"parameters.{n}: {p.value!r} is of another kind than {self.value(n)!r}"
            for n, p in changed.items()
            if _kind(p.value) != _kind(self.value(n))
        ]
        new = attrs.evolve(self, parameters={**self.parameters, **changed})
        return new.checked(kinds)

    def with_table(self, table: DecisionTable) -> Self:
        """The same policy with one table added or replaced, checked like a loaded one."""
        new = attrs.evolve(self, tables={**self.tables, table.id: (table,)})
        return new.checked()

    def checked(self, faults: Sequence[str] = ()) -> Self:
        """The same policy, if nothing is wrong with it.

        Raises:
            PolicyError: every fault: units, dates, and each table's own proofs.
        """
        found = [*faults, *_faults(self)]
        if found:
            raise PolicyError(found)
        return self

    def diff(self, other: Policy) -> tuple[Change, ...]:
        """What changes from this policy to another, by path.

        >>> old = default_policy("lifecycle")
        >>> print(old.diff(old.with_parameters(lost_after_days=400))[0])
        parameters.lost_after_days.value: 365 -> 400
        """
        before, after = (dict(_leaves("", _content(p))) for p in (self, other))
        paths = dict.fromkeys([*before, *after])
        return tuple(
            Change(p.lstrip("."), before.get(p), after.get(p))
            for p in paths
            if before.get(p) != after.get(p)
        )

    def to_toml(self) -> str:
        """The policy as TOML text; `load_policy` gives back an equal policy."""
        header = _Header(*(getattr(self, a.name) for a in attrs.fields(_Header)))
        body: dict[str, Any] = {"policy": plain(header)}
        if self.parameters:
            body["parameters"] = {n: _body(v) for n, v in self.parameters.items()}
        if self.tables:
            body["tables"] = [table_body(t) for v in self.tables.values() for t in v]
        if self.raw_records:
            body["records"] = {n: [plain(r) for r in v] for n, v in self.raw_records.items()}
        return tomli_w.dumps(body)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the canonical content: equal policies have equal fingerprints."""
        return digest(canonical(self))


def load_policy(source: str | Path) -> Policy:
    """Read a policy from a TOML file or from TOML text.

    Raises:
        PolicyError: every fault of the file at once, each with its path.
    """
    raw = parse_toml(source)
    known = ("policy", "parameters", "tables", "records")
    faults = [f"{k}: unknown key; known: {', '.join(known)}" for k in raw if k not in known]
    head = structure(converter(), raw.get("policy", {}), _Header, "policy", faults)
    named = _mapping(raw, "parameters", faults)
    parameters = {
        name: versions
        for name, item in named.items()
        if (versions := _read_parameter(name, item, faults))
    }
    tables = _read_tables(raw.get("tables", []), parameters, faults)
    records = _read_records(_mapping(raw, "records", faults), faults)
    if head is None:
        raise PolicyError(faults)
    policy = Policy(
        parameters=parameters,
        tables=tables,
        raw_records=records,
        **attrs.asdict(head),
    )
    # a parameter that is there but faulty is told once, not again by each test that names it
    faulty = tuple(f"unknown parameter @{n}" for n in named if n not in parameters)
    told = [f for f in dict.fromkeys([*faults, *_faults(policy)]) if not f.endswith(faulty)]
    if told:
        raise PolicyError(told)
    return policy


@functools.cache
def default_policy(domain: str, preset: str | None = None) -> Policy:
    """The policy that ships with the library for a domain.

    Args:
        domain: ``lifecycle``, ``segmentation``, ``valuation`` or ``complaints``.
        preset: the name of one of the domain's presets instead of its defaults.

    Raises:
        UnknownNameError: there is no such domain or preset.
    """
    if domain not in DOMAINS:
        raise UnknownNameError("domain", domain, DOMAINS)
    folder = importlib.resources.files("bankcrm") / domain
    if preset is None:
        return load_policy((folder / "defaults.toml").read_text(encoding="utf-8"))
    names = presets(domain)
    if preset not in names:
        raise UnknownNameError(f"preset of {domain}", preset, names)
    return load_policy((folder / "presets" / f"{preset}.toml").read_text(encoding="utf-8"))


def presets(domain: str) -> tuple[str, ...]:
    """The names of a domain's presets, sorted."""
    folder = importlib.resources.files("bankcrm") / domain / "presets"
    if not folder.is_dir():
        return ()
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


@attrs.frozen(eq=False)
class PolicySet:
    """The policies that a review runs by, one a domain.

    >>> default_policies().with_policy(default_policy("lifecycle"))["lifecycle"].id
    'bankcrm.lifecycle'
    """

    policies: Mapping[str, Policy] = attrs.field(converter=frozen_dict)

    def __getitem__(self, domain: str) -> Policy:
        if domain not in self.policies:
            raise UnknownNameError("policy for domain", domain, self.policies)
        return self.policies[domain]

    def __iter__(self) -> Iterator[Policy]:
        return iter(self.policies.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PolicySet) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return line("PolicySet", {d: f"{p.id} {p.version}" for d, p in self.policies.items()})

    def _repr_html_(self) -> str:
        rows = [
            {
                "domain": d,
                "policy": p.id,
                "version": p.version,
                "title": p.title,
                "fingerprint": p.fingerprint[:12],
            }
            for d, p in self.policies.items()
        ]
        return card("Policies", rows=rows, note=self.fingerprint[:12])

    def with_policy(self, policy: Policy) -> Self:
        """The same set with one policy in the place of its domain's."""
        return attrs.evolve(self, policies={**self.policies, policy.domain: policy})

    def at(self, day: date) -> Self:
        """Every policy as it stood on a day."""
        return attrs.evolve(self, policies={d: p.at(day) for d, p in self.policies.items()})

    def with_facts(
        self, domain: str, facts: pd.DataFrame, frames: Mapping[str, object], *, as_of: date
    ) -> pd.DataFrame:
        """A domain's facts; with those of plug-ins where `bankcrm.plugins` has assembled some."""
        return facts

    def classifier(self, base: Classifier | None = None) -> Classifier | None:
        """The classifier of complaints' texts; joined by those of plug-ins where there are any."""
        return base

    def calendar(self, base: WorkingCalendar) -> WorkingCalendar:
        """The working days; with those of plug-ins where there are any."""
        return base

    def sections(self, review: object) -> tuple[tuple[str, pd.DataFrame | str], ...]:
        """Title and content of plug-ins' sections of a report; none in a plain set."""
        return ()

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the fingerprints of the policies."""
        return digest({d: p.fingerprint for d, p in self.policies.items()})


def default_policies(presets: Sequence[str] = ()) -> PolicySet:
    """The default policy of every domain.

    Args:
        presets: presets to take in the place of a domain's defaults, as ``valuation/czk_1993``.

    Raises:
        UnknownNameError: there is no such domain or preset.

    >>> default_policies(["valuation/czk_1993"])["valuation"].id
    'bankcrm.valuation.czk_1993'
    """
    chosen = {d: default_policy(d) for d in DOMAINS}
    for name in presets:
        domain, _, preset = name.partition("/")
        chosen[domain] = default_policy(domain, preset)
    return PolicySet(chosen)


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
        if not isinstance(item, Mapping):
            faults.append(f"tables[{number}]: expected [[tables]], saw {item!r}")
            continue
        header = dict(item)
        path = f"tables[{header.get('id', number)}]"
        rules, facts = header.pop("rules", []), header.pop("facts", {})
        table = table_of(DecisionTable, header, facts, known, rules, path, faults)
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


def _with_parameters(table: DecisionTable, policy: Policy) -> DecisionTable:
    names = dict.fromkeys(p for r in table.rules for t in r.when.values() for p in t.parameters)
    used = {n: policy.parameter(n) for n in names if n in policy.parameters}
    return attrs.evolve(table, parameters={**table.parameters, **used})


def _covers(item: Policy | Dated, day: date) -> bool:
    first, last = item.effective_from, item.effective_to
    return (first is None or first <= day) and (last is None or day <= last)


def _at(
    items: Mapping[str, tuple[Any, ...]], day: date, path: str, faults: list[str]
) -> dict[str, tuple[Any, ...]]:
    chosen = {}
    for name, versions in items.items():
        found = tuple(v for v in versions if _covers(v, day))
        if not found:
            faults.append(f"{path}.{name}: no version is in force on {day}")
        chosen[name] = found
    return chosen


def _faults(policy: Policy) -> Iterator[str]:
    dates = list(_all_date_faults(policy))
    yield from dates
    for name, versions in policy.parameters.items():
        units = {p.unit for p in versions}
        if len(units) > 1:
            yield f"parameters.{name}: versions of different units: {', '.join(sorted(units))}"
        for p in versions:
            fault = unit_fault(p.value, p.unit)
            if fault:
                yield f"parameters.{name}: {fault}"
    snapshots = list(_snapshots(policy))
    if not snapshots and not dates:
        yield "policy: there is no day on which all its parameters and tables are in force"
    seen: set[str] = set()
    for snapshot in snapshots:
        for fault in _table_faults(snapshot):
            if fault not in seen:
                seen.add(fault)
                yield fault


def _all_date_faults(policy: Policy) -> Iterator[str]:
    yield from _backward("policy", policy)
    for name, versions in policy.parameters.items():
        yield from _date_faults(f"parameters.{name}", versions, policy)
    for name, tables in policy.tables.items():
        yield from _date_faults(f"tables[{name}]", tables, policy)


def _date_faults(path: str, versions: Sequence[Dated], policy: Policy) -> Iterator[str]:
    """Dated versions must follow each other day by day: no overlap, no hole, none in the policy."""
    ordered = sorted(versions, key=lambda v: v.effective_from or date.min)
    for v in ordered:
        yield from _backward(path, v)
    start, end = ordered[0].effective_from, ordered[-1].effective_to
    if start and policy.effective_from and policy.effective_from < start:
        yield f"{path}: no version is in force from {policy.effective_from} until {start}"
    if end and policy.effective_to and end < policy.effective_to:
        yield f"{path}: no version is in force from {end} until {policy.effective_to}"
    for before, after in itertools.pairwise(ordered):
        end, start = before.effective_to, after.effective_from
        if end is None or start is None or end >= start:
            yield f"{path}: two versions are in force on {start or 'the first day'}"
        elif end + timedelta(days=1) != start:
            yield f"{path}: no version is in force between {end} and {start}"


def _backward(path: str, item: Policy | Dated) -> Iterator[str]:
    start, end = item.effective_from, item.effective_to
    if start and end and end < start:
        yield f"{path}: ends on {end}, before it starts on {start}"


def _snapshots(policy: Policy) -> Iterator[Policy]:
    """The policy on every day on which something in it changes and all of it is in force."""
    items: list[tuple[Dated, ...]] = [*policy.parameters.values(), *policy.tables.values()]
    days = {version.effective_from or date.min for versions in items for version in versions}
    for day in sorted(days or {date.min}):
        missing: list[str] = []
        parameters = _at(policy.parameters, day, "", missing)
        tables = _at(policy.tables, day, "", missing)
        if not missing:  # where two versions overlap, which is told, the first is looked at
            yield attrs.evolve(
                policy,
                parameters={n: v[:1] for n, v in parameters.items()},
                tables={n: v[:1] for n, v in tables.items()},
            )


def _table_faults(policy: Policy) -> Iterator[str]:
    for name in policy.tables:
        for finding in policy.table(name).check():
            if finding.severity == "error":
                yield f"tables[{name}].{finding}"


def _kind(value: Any) -> str:
    if isinstance(value, bool | str | date):
        return type(value).__name__
    if isinstance(value, int | float):
        return "number"
    return "mapping" if isinstance(value, Mapping) else "list"


def _body(versions: tuple[Parameter, ...]) -> Any:
    bodies = [plain(p) for p in versions]
    return bodies[0] if len(bodies) == 1 else bodies


def _content(policy: Policy) -> dict[str, Any]:
    """The policy by name rather than by position, so that a diff names rules by their ids."""
    tables = {
        name: [{**canonical(t), "rules": {r.id: canonical(r) for r in t.rules}} for t in versions]
        for name, versions in policy.tables.items()
    }
    content: dict[str, Any] = {**canonical(policy), "tables": tables}
    return content


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}", inner)
    elif isinstance(value, list) and value and not isinstance(value[0], str | int | float):
        for i, inner in enumerate(value):
            yield from _leaves(path if len(value) == 1 else f"{path}[{i}]", inner)
    else:
        yield path, value
