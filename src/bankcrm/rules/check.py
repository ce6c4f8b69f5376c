"""Proofs about a table: exact on intervals and finite sets, each finding with an example row.

Every fact is cut into the regions on which all tests of the table are constant, with one
representative value each. A rule is then a box of regions, held as one bit set per fact, and
overlaps, gaps and shadowed rules are questions about boxes. Coverage by boxes is hard in general:
a check takes at most `bankcrm.rules.coverage.STEPS` steps, and says what it has not proven.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import attrs

from bankcrm._display import card, few, figures_of
from bankcrm.rules.compiled import (
    Fault,
    Row,
    compile_table,
    fact_types,
    resolved_cells,
)
from bankcrm.rules.coverage import STEPS, Budget, Coverage, OutOfStepsError
from bankcrm.rules.model import HitPolicy, TableDefinition
from bankcrm.rules.regions import Box, Space, intersection, lowest
from bankcrm.rules.values import show

Kind = Literal[
    "overlap",
    "conflict",
    "gap",
    "shadowed",
    "unreachable",
    "undeclared-value",
    "unknown-fact",
    "unknown-parameter",
    "unused-parameter",
    "unused-fact",
    "outcome",
    "duplicate-rule",
    "type",
    "empty",
    "not-proven",
]
_NUMERIC = (HitPolicy.SUM, HitPolicy.MIN, HitPolicy.MAX)
LISTED = 1_000
"""How many pairs of rules that overlap a check lists."""
_NOT_COMPILED = ("unknown-parameter", "unknown-fact", "type", "empty")


@attrs.frozen
class Finding:
    """One problem of a table.

    Attributes:
        kind: What it is; ``overlap``, ``gap`` or ``shadowed`` for example.
        severity: ``error`` (the table does not load) or ``warning``.
        path: Where it is, as ``rules[3].when.balance``.
        message: What it is in words.
        rules: Ids of the rules concerned.
        example: A row of facts that shows it; empty where no row can (an unknown name, say).
    """

    kind: Kind
    severity: Literal["error", "warning"]
    path: str
    message: str
    rules: tuple[str, ...] = ()
    example: Mapping[str, object] = attrs.field(factory=dict)

    def __str__(self) -> str:
        row = ", ".join(f"{k}={v}" for k, v in self.example.items())
        return f"{self.path}: {self.message}" + (f"; for example {row}" if row else "")

    def _repr_html_(self) -> str:
        return card(
            f"{self.severity}: {self.message}", figures_of(self, "path", "rules", "example")
        )


def check(table: TableDefinition) -> list[Finding]:
    """Every finding of a table; see `bankcrm.rules.DecisionTable.check`."""
    local = list(local_findings(table))
    if any(f.kind in _NOT_COMPILED for f in local):
        return local  # the boxes of such a table have no meaning
    space = Space(compile_table(table))
    reach = [*_unreachable(space), *_outcomes(table, space)]
    dead = {rule for f in reach if f.kind == "unreachable" for rule in f.rules}
    budget = Budget()
    proofs = [*_overlaps(space), *_shadowed(space, dead, budget), *_gaps(space, budget)]
    return [*local, *reach, *_undeclared_values(space), *proofs]


def local_findings(table: TableDefinition, places: Sequence[int] = ()) -> Iterator[Finding]:
    """Findings that need no proof over all rules.

    Args:
        table: The table.
        places: Position of each rule in its file, where some rules of the file are left out.
    """
    where = places or range(len(table.rules))
    rules = list(zip(where, table.rules, strict=True))
    if not rules:
        yield Finding("empty", "error", "rules", "the table has no rules")
    faults: list[Fault] = []
    fact_types(table, [(p, dict(resolved_cells(table, p, r, faults))) for p, r in rules], faults)
    for fault in faults:
        yield Finding(fault.kind, "error", fault.path, fault.message)
    seen: set[str] = set()
    for place, rule in rules:
        if rule.id in seen:
            path, message = f"rules[{place}].id", f"{rule.id!r} occurs twice"
            yield Finding("duplicate-rule", "error", path, message, (rule.id,))
        seen.add(rule.id)
    yield from _unused(table)


def overlaps(table: TableDefinition) -> list[Finding]:
    """The pairs of rules that apply together where only one may, or with different outcomes."""
    if table.hit_policy not in (HitPolicy.UNIQUE, HitPolicy.ANY):
        return []
    return [f for f in _overlaps(Space(compile_table(table))) if f.severity == "error"]


def _unused(table: TableDefinition) -> Iterator[Finding]:
    used = {p for r in table.rules for t in r.when.values() for p in t.parameters}
    read = {name for r in table.rules for name in r.when}
    for name in table.parameters:
        if name not in used:
            yield Finding("unused-parameter", "warning", f"parameters.{name}", "no rule uses it")
    for name in table.facts:
        if name not in read:
            yield Finding("unused-fact", "warning", f"facts.{name}", "no rule reads it")


def _unreachable(space: Space) -> Iterator[Finding]:
    for row, box in zip(space.rows, space.applies, strict=True):
        for fact, mask in box.items():
            if mask == 0:
                name, points = space.names[fact], space.points[fact]
                test, kind = row.rule.when[name], space.compiled.facts[name].type
                yield Finding(
                    "unreachable",
                    "error",
                    f"rules[{row.index}].when.{name}",
                    f"no value of {name!r} passes '{test}', so rule {row.rule.id!r} never applies",
                    (row.rule.id,),
                    {name: show(points[0], kind)},
                )


def _undeclared_values(space: Space) -> Iterator[Finding]:
    """Texts that a test names but the fact does not declare: probably typos."""
    for row in space.rows:
        for cell in row.cells:
            values = space.compiled.facts[cell.fact].values
            undeclared = [c for c in cell.test.constants if values and c not in values]
            if undeclared:
                yield Finding(
                    "undeclared-value",
                    "error",
                    f"rules[{row.index}].when.{cell.fact}",
                    f"{cell.fact!r} never holds {undeclared[0]!r}, only {', '.join(values)}",
                    (row.rule.id,),
                    {cell.fact: undeclared[0]},
                )


def _outcomes(table: TableDefinition, space: Space) -> Iterator[Finding]:
    for row, box in zip(space.rows, space.applies, strict=True):
        then, path = row.rule.then, f"rules[{row.index}].then"
        wrong = []
        if table.outcomes and then not in table.outcomes:
            known = ", ".join(map(str, table.outcomes))
            wrong.append(f"{then!r} is not an outcome of the table ({known})")
        is_number = isinstance(then, int | float) and not isinstance(then, bool)
        if table.hit_policy in _NUMERIC and not is_number:
            wrong.append(f"{table.hit_policy.value} needs a number, saw {then!r}")
        for message in wrong:
            example = space.example(box) if all(box.values()) else {}
            yield Finding("outcome", "error", path, message, (row.rule.id,), example)


def _overlaps(space: Space) -> Iterator[Finding]:
    policy = space.compiled.hit_policy
    if policy not in (HitPolicy.UNIQUE, HitPolicy.ANY):
        return
    listed = 0
    for row, other, both in _meeting(space):
        otherwise = bool(row.cells) != bool(other.cells)
        same = policy is HitPolicy.ANY and row.rule.then == other.rule.then
        if otherwise or same:
            continue
        listed += 1
        if listed > LISTED:
            yield _not_proven(f"overlaps beyond the first {LISTED:,}")
            return
        yield Finding(
            "overlap" if policy is HitPolicy.UNIQUE else "conflict",
            "error",
            f"rules[{other.index}]",
            f"rules {row.rule.id!r} and {other.rule.id!r} both apply"
            + ("" if policy is HitPolicy.UNIQUE else ", with different outcomes"),
            (row.rule.id, other.rule.id),
            space.example(both),
        )


def _meeting(space: Space) -> Iterator[tuple[Row, Row, dict[int, int]]]:
    """The pairs of rules that apply to some row together, with the regions where they do.

    The rules are swept along the regions of the fact that most of them test, so that rules which
    lie apart there are never compared.
    """
    tests = Counter(fact for box in space.applies for fact in box)
    pivot = tests.most_common(1)[0][0] if tests else -1
    full = space.full[pivot] if tests else 1
    order = sorted(
        (i for i, box in enumerate(space.applies) if all(box.values())),
        key=lambda i: (lowest(space.applies[i].get(pivot, full)), i),
    )
    active: list[int] = []
    for number in order:
        box = space.applies[number]
        start = lowest(box.get(pivot, full))
        active = [i for i in active if space.applies[i].get(pivot, full) >= start]
        for i in active:
            both = intersection(space.applies[i], box)
            if both is not None:
                first, second = sorted((i, number))
                yield space.rows[first], space.rows[second], both
        active.append(number)


def _shadowed(space: Space, dead: set[str], budget: Budget) -> Iterator[Finding]:
    """Rules whose every row another rule takes: an earlier one, or any for the otherwise-rule."""
    if space.compiled.hit_policy.collects:
        return
    in_order = space.compiled.in_order
    rules = list(zip(space.rows, space.applies, space.stops, strict=True))
    if not in_order:  # the otherwise-rule comes after all others
        rules.sort(key=lambda rule: not rule[0].cells)
    cover = Coverage(space, [stops for _, _, stops in rules], budget)
    open_: list[str] = []
    for row, box, stops in rules:
        asked = (in_order or not row.cells) and row is not rules[0][0]
        reachable = row.rule.id not in dead and all(box.values())
        decides = not asked or not reachable or _free(cover, box)
        if decides is None:
            open_.append(row.rule.id)
        elif not decides:
            who = "the rules before it" if in_order else "the other rules"
            complete = intersection(box, space.complete)
            yield Finding(
                "shadowed",
                "error",
                f"rules[{row.index}]",
                f"rule {row.rule.id!r} never decides: {who} take every row that it would",
                (row.rule.id,),
                space.example(box if complete is None else complete),
            )
        cover.add(stops)
    if open_:
        yield _not_proven(f"whether {len(open_)} rule(s) can decide: {few(open_)}", tuple(open_))


def _free(cover: Coverage, box: Box) -> bool | None:
    """Whether some row of a box is free; None where that is not proven."""
    try:
        return cover.free_point(box) is not None
    except OutOfStepsError:
        return None


def _gaps(space: Space, budget: Budget) -> Iterator[Finding]:
    if space.compiled.hit_policy.collects:
        return
    # a row stopped by a missing fact is reported at run time; a gap is a row that no rule covers
    cover = Coverage(space, space.stops, budget)
    for box in space.stops:
        cover.add(box)
    try:
        gap = cover.free_point(space.complete)
    except OutOfStepsError:
        yield _not_proven("whether some rule applies to every row")
        return
    if gap is not None:
        message = "no rule applies to some rows; add an otherwise-rule (empty 'when')"
        yield Finding("gap", "error", "rules", message, (), space.example(gap))


def _not_proven(what: str, rules: tuple[str, ...] = ()) -> Finding:
    message = f"not proven within {STEPS:,} steps: {what}"
    return Finding("not-proven", "warning", "rules", message, rules)
