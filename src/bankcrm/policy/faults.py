"""What is wrong with a policy: units, dates, and each table's own proofs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import attrs

from bankcrm.policy.dates import Dated, Versioned, at_day
from bankcrm.units import time_fault, unit_fault

if TYPE_CHECKING:
    from bankcrm.policy.model import Policy


def faults_of(policy: Policy) -> Iterator[str]:
    """Every fault of a policy, each with its path."""
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


def _date_faults(path: str, versions: Sequence[Versioned], policy: Policy) -> Iterator[str]:
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


def _backward(path: str, item: Dated) -> Iterator[str]:
    start, end = item.effective_from, item.effective_to
    if start and end and end < start:
        yield f"{path}: ends on {end}, before it starts on {start}"


def _snapshots(policy: Policy) -> Iterator[Policy]:
    """The policy on every day on which something in it changes and all of it is in force."""
    items: list[tuple[Versioned, ...]] = [*policy.parameters.values(), *policy.tables.values()]
    days = {version.effective_from or date.min for versions in items for version in versions}
    for day in sorted(days or {date.min}):
        missing: list[str] = []
        parameters = at_day(policy.parameters, day, "", missing)
        tables = at_day(policy.tables, day, "", missing)
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
