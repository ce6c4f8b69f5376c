"""The changes of plug-ins applied to a policy: rules, parameters, tables and records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from bankcrm.plugins.conflicts import Attributed
from bankcrm.plugins.loading import PluginFaultError
from bankcrm.plugins.values import (
    AddIndicators,
    AddRecords,
    AddRoute,
    AddRule,
    AddTable,
    Change,
    FactSource,
    ReplaceRule,
    SetParameter,
    Signal,
)
from bankcrm.policy import Policy
from bankcrm.rules import DecisionTable, Fact, Parameter, Rule

C = TypeVar("C")


def changed(policy: Policy, owned: Sequence[Attributed], known: Mapping[str, Fact]) -> Policy:
    """A policy with the changes for its domain; errors and rules name the plug-in.

    Args:
        policy: The policy.
        owned: The changes of all plug-ins.
        known: The facts of plug-ins that the policy's rules may read, as declared.

    Raises:
        PluginFaultError: A change names a table, rule or place that is not there, or is taken.
    """
    mine = [
        Attributed(o.plugin, part)
        for o in owned
        for part in _parts(o, policy)
        if part.domain == policy.domain
    ]
    if not mine:
        return policy
    parameters = dict(policy.parameters)
    records = dict(policy.raw_records)
    tables = dict(policy.tables)
    # what the policy reads from ``bank`` is changed for this domain only
    under_parameters = policy.shared.parameters if policy.shared else {}
    under_records = policy.shared.raw_records if policy.shared else {}
    read = _names_read(mine)
    for owner, value in _of(mine, SetParameter):
        before = parameters.get(value.name) or under_parameters.get(value.name)
        if before is None and value.name not in read:
            names = ", ".join(sorted({*parameters, *under_parameters}))
            raise PluginFaultError(
                owner,
                f"plug-in {owner} {value}: {policy.id} has no parameter {value.name!r}, and no"
                f" rule of the plug-in reads it; known: {names}",
            )
        parameters[value.name] = (_parameter(value, before),)
    for _, added in _of(mine, AddRecords):
        rows = records.get(added.name, under_records.get(added.name, ()))
        records[added.name] = (*rows, *added.rows)
    for o, table in _of(mine, AddTable):
        if table.table.id in tables:
            raise PluginFaultError(o, f"plug-in {o} {table}: the policy has a table of that name")
        marked = [attrs.evolve(r, owner=o) for r in table.table.rules]
        tables[table.table.id] = (attrs.evolve(table.table, rules=marked),)
    rules = [o for o in mine if isinstance(o.value, AddRule | ReplaceRule)]
    for name in dict.fromkeys(o.value.table for o in rules):
        here = [o for o in rules if o.value.table == name]
        if name not in tables:
            message = f"{policy.id} has no table {name!r}; known: {', '.join(tables)}"
            raise PluginFaultError(here[0].plugin, f"plug-in {here[0].plugin}: {message}")
        tables[name] = tuple(_with_rules(t, here, known) for t in tables[name])
    return attrs.evolve(policy, parameters=parameters, tables=tables, raw_records=records)


def _names_read(owned: Iterable[Attributed]) -> set[str]:
    """The parameters that added rules, tables and records name."""
    rules = [o.value.rule for o in owned if isinstance(o.value, AddRule | ReplaceRule)]
    rules += [r for o in owned if isinstance(o.value, AddTable) for r in o.value.table.rules]
    rows = [row for o in owned if isinstance(o.value, AddRecords) for row in o.value.rows]
    named = {p for rule in rules for test in rule.when.values() for p in test.parameters}
    return named | {v for row in rows for v in row.values() if isinstance(v, str)}


def known_facts(domain: str, values: Sequence[Attributed]) -> dict[str, Fact]:
    """The facts and signals of plug-ins, as declared, for the rules of a domain.

    Where two facts have one name, that of a source for the same kind of row is used.
    """
    facts: dict[str, Fact] = {}
    sources = [a.value for a in values if isinstance(a.value, FactSource)]
    for source in sorted(
        sources, key=lambda s: (s.domain == "complaints") == (domain == "complaints")
    ):
        facts.update(source.columns)
    if domain == "complaints":
        facts |= {a.value.name: Fact("boolean") for a in values if isinstance(a.value, Signal)}
    return facts


def _of(owned: Iterable[Attributed], kind: type[C]) -> list[tuple[str, C]]:
    return [(o.plugin, o.value) for o in owned if isinstance(o.value, kind)]


def _parts(owned: Attributed, policy: Policy) -> list[Any]:
    """A change as simple ones: a route is a record, a parameter and rules."""
    change: Change = owned.value
    if isinstance(change, AddRoute):
        return _route_parts(change, policy) if policy.domain == "complaints" else []
    if isinstance(change, AddIndicators):
        return _indicator_parts(change)
    return [change]


def _route_parts(route: AddRoute, policy: Policy) -> list[Any]:
    days = f"{route.name}_days"
    record = {
        "name": route.name,
        "owner": route.owner,
        "involves": route.involves,
        "days": days,
        "actions": route.actions,
        "members": route.members,
        "source": route.source,
    }
    there = [r.id for t in policy.tables.get("route", ()) for r in t.rules] or ["(no rule)"]
    last = there[-1]
    rules: list[Any] = []
    for rule in route.rules:
        if rule.id in there:
            rules.append(ReplaceRule("complaints", "route", rule, outcomes=[route.name]))
        else:
            rules.append(AddRule("complaints", "route", rule, after=last, outcomes=[route.name]))
    figure = Parameter(route.days, unit="working days", source=route.source)
    return [
        SetParameter("complaints", days, figure),
        AddRecords("complaints", "routes", (record,)),
        *rules,
    ]


def _indicator_parts(added: AddIndicators) -> list[Any]:
    rows = tuple(attrs.asdict(m, value_serializer=_plain) for m in added.measures)
    parts: list[Any] = [AddRecords("valuation", "measures", rows)] if rows else []
    if added.weights:
        parts.append(SetParameter("valuation", "weights", Parameter(added.weights)))
    return parts


def _plain(_: object, __: object, value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _parameter(change: SetParameter, before: tuple[Parameter, ...] | None) -> Parameter:
    """The new parameter; with unit and note of the one before where the change gives none."""
    new = change.parameter
    if not before:
        return new
    return attrs.evolve(new, unit=new.unit or before[-1].unit, note=new.note or before[-1].note)


def _with_rules(
    table: DecisionTable, owned: Sequence[Attributed], known: Mapping[str, Fact]
) -> DecisionTable:
    rules = list(table.rules)
    facts = dict(table.facts)
    outcomes = table.outcomes
    places = {r.id: i for i, r in enumerate(rules)}
    for owner, change in _of(owned, ReplaceRule):
        if change.rule.id not in places:
            raise PluginFaultError(owner, _unknown(owner, str(change), change.rule.id, rules))
        rules[places[change.rule.id]] = attrs.evolve(change.rule, owner=owner)
    rules = placed(rules, _of(owned, AddRule))
    for o in owned:
        facts.update(o.value.facts)
        outcomes = tuple(dict.fromkeys([*outcomes, *o.value.outcomes])) if outcomes else ()
    if facts:
        named = {n for o in owned for n in o.value.rule.when}
        facts.update({n: f for n, f in known.items() if n in named and n not in facts})
    return attrs.evolve(table, rules=rules, facts=facts, outcomes=outcomes)


def placed(rules: Sequence[Rule], adds: Sequence[tuple[str, AddRule]]) -> list[Rule]:
    """The rules with others put before or after those that they name; in order where several are.

    Raises:
        PluginFaultError: A name that is not there, one that is there already, or names that go in
            a circle.
    """
    made = list(rules)
    waiting = list(adds)
    last: dict[str, str] = {}  # the rule that the next one "after" this one follows
    while waiting:
        left = []
        for owner, add in waiting:
            ids = [r.id for r in made]
            if add.rule.id in ids:
                message = f"plug-in {owner} {add}: there is a rule of that name; use ReplaceRule"
                raise PluginFaultError(owner, message)
            if add.before in ids:
                made.insert(ids.index(add.before), attrs.evolve(add.rule, owner=owner))
            elif add.after in ids:
                place = ids.index(last.get(add.after, add.after)) + 1
                made.insert(place, attrs.evolve(add.rule, owner=owner))
                last[add.after] = add.rule.id
            else:
                left.append((owner, add))
        if len(left) == len(waiting):
            _refuse(left, made)
        waiting = left
    return made


def _refuse(left: Sequence[tuple[str, AddRule]], rules: Sequence[Rule]) -> None:
    waiting = {add.rule.id for _, add in left}
    for owner, add in left:
        anchor = add.before or add.after
        if anchor not in waiting:
            raise PluginFaultError(owner, _unknown(owner, str(add), anchor, rules))
    circle = ", ".join(f"{add.rule.id} ({owner})" for owner, add in left)
    raise PluginFaultError(left[0][0], f"rules wait for each other in a circle: {circle}")


def _unknown(owner: str, change: str, name: str, rules: Sequence[Rule]) -> str:
    known = ", ".join(r.id for r in rules)
    return f"plug-in {owner} {change}: there is no rule {name!r}; known: {known}"
