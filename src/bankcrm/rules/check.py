"""Proofs about a table: exact on intervals and finite sets, each finding with an example row.

Every fact is cut into the regions on which all tests of the table are constant, with one
representative value each. A rule is then a hypercube of regions, held as one bit set per fact, and
overlaps, gaps and shadowed rules are questions about hypercubes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import attrs

from bankcrm._display import card, figures_of
from bankcrm.rules.compiled import (
    Cell,
    Compiled,
    Fault,
    Row,
    compile_table,
    fact_types,
    resolved_cells,
)
from bankcrm.rules.model import HitPolicy, TableDefinition
from bankcrm.rules.values import representatives, show

Hypercube = tuple[int, ...]
"""One bit set of regions per fact."""

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
]
_NUMERIC = (HitPolicy.SUM, HitPolicy.MIN, HitPolicy.MAX)
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
        return local  # the hypercubes of such a table have no meaning
    space = _Space(compile_table(table))
    reach = [*_unreachable(space), *_outcomes(table, space)]
    dead = {rule for f in reach if f.kind == "unreachable" for rule in f.rules}
    proofs = [*_overlaps(space), *_shadowed(space, dead), *_gaps(space)]
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
    """The rules that apply together where only one may, or with different outcomes."""
    return list(_overlaps(_Space(compile_table(table))))


def _unused(table: TableDefinition) -> Iterator[Finding]:
    used = {p for r in table.rules for t in r.when.values() for p in t.parameters}
    read = {name for r in table.rules for name in r.when}
    for name in table.parameters:
        if name not in used:
            yield Finding("unused-parameter", "warning", f"parameters.{name}", "no rule uses it")
    for name in table.facts:
        if name not in read:
            yield Finding("unused-fact", "warning", f"facts.{name}", "no rule reads it")


class _Space:
    """The regions of every fact, and every rule as a hypercube of them."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.rows = compiled.table_rows
        self.names = list(compiled.facts)
        constants: dict[str, list[Any]] = {name: [] for name in self.names}
        self.tested_for_missing = set()
        for row in self.rows:
            for cell in row.cells:
                constants[cell.fact].extend(cell.test.constants)
                if cell.predicate is None:
                    self.tested_for_missing.add(cell.fact)
        # the last region of each fact is "missing"
        self.points = [[*representatives(f, constants[n]), None] for n, f in compiled.facts.items()]

    @cached_property
    def everything(self) -> Hypercube:
        return tuple((1 << len(points)) - 1 for points in self.points)

    @cached_property
    def complete(self) -> Hypercube:
        """Rows without missing facts, except for facts that some rule tests for being missing."""
        return tuple(
            (1 << len(p)) - 1 if n in self.tested_for_missing else (1 << (len(p) - 1)) - 1
            for n, p in zip(self.names, self.points, strict=True)
        )

    @cached_property
    def applies(self) -> list[Hypercube]:
        """The regions on which each rule applies for certain."""
        return [self._hypercube(row, stops=False) for row in self.rows]

    @cached_property
    def stops(self) -> list[Hypercube]:
        """The regions on which each rule applies or, for a missing fact, stops the row."""
        return [self._hypercube(row, stops=True) for row in self.rows]

    def _hypercube(self, row: Row, *, stops: bool) -> Hypercube:
        cells = {cell.fact: cell for cell in row.cells}
        return tuple(
            self._mask(cells[name], points, stops=stops) if name in cells else full
            for name, points, full in zip(self.names, self.points, self.everything, strict=True)
        )

    @staticmethod
    def _mask(cell: Cell, points: list[Any], *, stops: bool) -> int:
        known = points[:-1]
        absent = 1 << len(known)
        if cell.predicate is None:
            return absent if cell.needs == "missing" else absent - 1
        mask = sum(1 << i for i, p in enumerate(known) if cell.predicate(p))
        return mask | (absent if stops else 0)

    def example(self, hypercube: Hypercube) -> dict[str, object]:
        """The first point of a hypercube that is not empty."""
        kinds = [f.type for f in self.compiled.facts.values()]
        picks = [(m & -m).bit_length() - 1 for m in hypercube]
        values = [p[i] for p, i in zip(self.points, picks, strict=True)]
        return {n: show(v, k) for n, v, k in zip(self.names, values, kinds, strict=True)}


def _intersection(left: Hypercube, right: Hypercube) -> Hypercube | None:
    both = tuple(a & b for a, b in zip(left, right, strict=True))
    return both if all(both) else None


def uncovered(space: Hypercube, hypercubes: Sequence[Hypercube]) -> Hypercube | None:
    """A point of ``space`` (as a hypercube of single regions) that none of the others covers."""
    if not all(space):
        return None
    dead_ends: set[tuple[int, frozenset[int]]] = set()

    def search(depth: int, active: frozenset[int]) -> Hypercube | None:
        if not active:
            return tuple(mask & -mask for mask in space[depth:])
        if depth == len(space) or (depth, active) in dead_ends:
            return None
        rest_of_space = range(depth, len(space))
        if any(all(space[d] & ~hypercubes[i][d] == 0 for d in rest_of_space) for i in active):
            return None
        for bit in _bits(space[depth]):
            rest = search(depth + 1, frozenset(i for i in active if hypercubes[i][depth] & bit))
            if rest is not None:
                return (bit, *rest)
        dead_ends.add((depth, active))
        return None

    return search(0, frozenset(range(len(hypercubes))))


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low
        mask ^= low


def _unreachable(space: _Space) -> Iterator[Finding]:
    for row, hypercube in zip(space.rows, space.applies, strict=True):
        for name, mask, points in zip(space.names, hypercube, space.points, strict=True):
            if mask == 0:
                test, kind = row.rule.when[name], space.compiled.facts[name].type
                yield Finding(
                    "unreachable",
                    "error",
                    f"rules[{row.index}].when.{name}",
                    f"no value of {name!r} passes '{test}', so rule {row.rule.id!r} never applies",
                    (row.rule.id,),
                    {name: show(points[0], kind)},
                )


def _undeclared_values(space: _Space) -> Iterator[Finding]:
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


def _outcomes(table: TableDefinition, space: _Space) -> Iterator[Finding]:
    for row, hypercube in zip(space.rows, space.applies, strict=True):
        then, path = row.rule.then, f"rules[{row.index}].then"
        example = space.example(hypercube) if all(hypercube) else {}
        if table.outcomes and then not in table.outcomes:
            known = ", ".join(map(str, table.outcomes))
            message = f"{then!r} is not an outcome of the table ({known})"
            yield Finding("outcome", "error", path, message, (row.rule.id,), example)
        is_number = isinstance(then, int | float) and not isinstance(then, bool)
        if table.hit_policy in _NUMERIC and not is_number:
            message = f"{table.hit_policy.value} needs a number, saw {then!r}"
            yield Finding("outcome", "error", path, message, (row.rule.id,), example)


def _overlaps(space: _Space) -> Iterator[Finding]:
    policy = space.compiled.hit_policy
    if policy not in (HitPolicy.UNIQUE, HitPolicy.ANY):
        return
    pairs = list(zip(space.rows, space.applies, strict=True))
    for i, (row, hypercube) in enumerate(pairs):
        for other, other_hypercube in pairs[i + 1 :]:
            both = _intersection(hypercube, other_hypercube)
            otherwise = bool(row.cells) != bool(other.cells)
            same = policy is HitPolicy.ANY and row.rule.then == other.rule.then
            if both is None or otherwise or same:
                continue
            yield Finding(
                "overlap" if policy is HitPolicy.UNIQUE else "conflict",
                "error",
                f"rules[{other.index}]",
                f"rules {row.rule.id!r} and {other.rule.id!r} both apply"
                + ("" if policy is HitPolicy.UNIQUE else ", with different outcomes"),
                (row.rule.id, other.rule.id),
                space.example(both),
            )


def _shadowed(space: _Space, dead: set[str]) -> Iterator[Finding]:
    """Rules whose every row another rule takes: an earlier one, or any for the otherwise-rule."""
    if space.compiled.hit_policy.collects:
        return
    in_order = space.compiled.in_order
    for i, (row, hypercube) in enumerate(zip(space.rows, space.applies, strict=True)):
        if row.rule.id in dead or not all(hypercube) or not (in_order or not row.cells):
            continue
        before = [
            stops
            for j, (other, stops) in enumerate(zip(space.rows, space.stops, strict=True))
            if j < i or (other.cells and not in_order)
        ]
        if not before or uncovered(hypercube, before) is not None:
            continue
        who = "the rules before it" if in_order else "the other rules"
        complete = _intersection(hypercube, space.complete)
        yield Finding(
            "shadowed",
            "error",
            f"rules[{row.index}]",
            f"rule {row.rule.id!r} never decides: {who} take every row that it would",
            (row.rule.id,),
            space.example(hypercube if complete is None else complete),
        )


def _gaps(space: _Space) -> Iterator[Finding]:
    if space.compiled.hit_policy.collects:
        return
    # a row stopped by a missing fact is reported at run time; a gap is a row that no rule covers
    gap = uncovered(space.complete, space.stops)
    if gap is not None:
        message = "no rule applies to some rows; add an otherwise-rule (empty 'when')"
        yield Finding("gap", "error", "rules", message, (), space.example(gap))
