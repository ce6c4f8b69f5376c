"""The validation of a policy: units, dates, and the proofs of each table."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import attrs

from bankcrm.arguments import found
from bankcrm.rules import DecisionTable, Parameter
from bankcrm.units import figures, is_finite, time_fault, unit_fault

if TYPE_CHECKING:
    from bankcrm.policy.model import Policy

Versioned = Parameter | DecisionTable


def covers(item: Versioned | Policy, day: date) -> bool:
    """Whether something is in force on a day."""
    first, last = item.effective_from, item.effective_to
    return (first is None or first <= day) and (last is None or day <= last)


def at_day(
    items: Mapping[str, tuple[Any, ...]], day: date, path: str, faults: list[str]
) -> dict[str, tuple[Any, ...]]:
    """The versions in force on a day; adds names without one to ``faults``."""
    chosen = {}
    for name, versions in items.items():
        found = tuple(v for v in versions if covers(v, day))
        if not found:
            faults.append(f"{path}.{name}: no version is in force on {day}")
        chosen[name] = found
    return chosen


def faults_of(policy: Policy) -> Iterator[str]:
    """All errors of a policy, each with its path."""
    dates = list(_all_date_faults(policy))
    yield from dates
    for name, versions in policy.parameters.items():
        units = {p.unit for p in versions}
        if len(units) > 1:
            yield f"parameters.{name}: versions of different units: {', '.join(sorted(units))}"
        for p in versions:
            fault = unit_fault(p.value, p.unit) or time_fault(name, p.value)
            if fault:
                yield f"parameters.{name}: {fault}"
    yield from _record_faults(policy)
    snapshots = list(_snapshots(policy))
    if not snapshots and not dates:
        yield "policy: there is no day on which all its parameters and tables are in force"
    seen: set[str] = set()
    for snapshot in snapshots:
        for fault in _table_faults(snapshot):
            if fault not in seen:
                seen.add(fault)
                yield fault


def _record_faults(policy: Policy) -> Iterator[str]:
    """Figures, times of day and zones of records, such as a clock with hours of its own."""
    for name, rows in policy.raw_records.items():
        for i, row in enumerate(rows):
            for field, value in row.items():
                endless = [v for v in figures(value) if not is_finite(v)]
                fault = f"expected a finite number, got {found(endless[0])}" if endless else ""
                if field in ("working_hours", "cutoff_hour", "time_zone"):
                    fault = fault or time_fault(field, value)
                if fault:
                    yield f"records.{name}[{i}].{field}: {fault}"


def _all_date_faults(policy: Policy) -> Iterator[str]:
    yield from _backward("policy", policy)
    for name, versions in policy.parameters.items():
        yield from _date_faults(f"parameters.{name}", versions, policy)
    for name, tables in policy.tables.items():
        yield from _date_faults(f"tables[{name}]", tables, policy)


def _date_faults(path: str, versions: Sequence[Versioned], policy: Policy) -> Iterator[str]:
    """Dated versions must follow each other day by day: without overlap or gap."""
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


def _backward(path: str, item: Versioned | Policy) -> Iterator[str]:
    start, end = item.effective_from, item.effective_to
    if start and end and end < start:
        yield f"{path}: ends on {end}, before it starts on {start}"


def _snapshots(policy: Policy) -> Iterator[Policy]:
    """The policy on every day on which something in it changes and all of it is in force."""
    for day in sorted(_changes(policy)):
        missing: list[str] = []
        snapshot = _first_versions(policy, day, missing)
        if not missing:
            yield snapshot


def _changes(policy: Policy) -> set[date]:
    """The days on which a version comes into force, in the policy or in ``bank`` under it."""
    items: list[tuple[Versioned, ...]] = [*policy.parameters.values(), *policy.tables.values()]
    days = {version.effective_from or date.min for versions in items for version in versions}
    return days | (_changes(policy.shared) if policy.shared else set()) or {date.min}


def _first_versions(policy: Policy, day: date, missing: list[str]) -> Policy:
    """The policy as it stands on a day; of versions that overlap, which is reported, the first."""
    return attrs.evolve(
        policy,
        parameters={n: v[:1] for n, v in at_day(policy.parameters, day, "", missing).items()},
        tables={n: v[:1] for n, v in at_day(policy.tables, day, "", missing).items()},
        shared=policy.shared and _first_versions(policy.shared, day, missing),
    )


def _table_faults(policy: Policy) -> Iterator[str]:
    for name in policy.tables:
        for finding in policy.table(name).check():
            if finding.severity == "error":
                yield f"tables[{name}].{finding}"
