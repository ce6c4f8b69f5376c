"""Proofs about a table: exact on intervals and finite sets, each finding with an example row.

Every fact is cut into the regions on which all tests of the table are constant, with one
representative value each. A rule is then a box of regions, held as one bit set a fact, and
overlaps, gaps and shadows are questions about boxes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import attrs

from bankcrm._display import card, figures_of
from bankcrm.rules.compiled import Cell, Row, compile_table, fact_types, resolved_cells
from bankcrm.rules.values import representatives, show

if TYPE_CHECKING:
    from bankcrm.rules.table import DecisionTable

Box = tuple[int, ...]
Kind = Literal[
    "overlap",
    "conflict",
    "gap",
    "shadowed",
    "unreachable",
    "stranger",
    "unknown-fact",
    "unknown-parameter",
    "unused-parameter",
    "unused-fact",
    "outcome",
    "duplicate-rule",
    "type",
    "empty",
]


@attrs.frozen
class Finding:
    """One thing that is wrong with a table.

    Args:
        kind: what it is; ``overlap``, ``gap`` or ``shadowed`` for example.
        severity: ``error`` (the table does not load) or ``warning``.
        path: where it is, as ``rules[3].when.balance``.
        message: what it is in words.
        rules: ids of the rules concerned.
        example: a row of facts that shows it; empty where no row can (an unknown name, say).
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


def check(table: DecisionTable) -> list[Finding]:
    """Every finding of a table; see `DecisionTable.check`."""
    local = list(local_findings(table))
    if any(f.kind in ("unknown-parameter", "type", "empty", "unknown-fact") for f in local):
        return local  # the boxes of such a table have no meaning
    space = _Space(table)
    reach = [*_unreachable(table, space), *_outcomes(table, space)]
    dead = {rule for f in reach if f.kind == "unreachable" for rule in f.rules}
    shadows = list(_shadowed(table, space, dead))
    proofs = [*_overlaps(table, space), *shadows, *_gaps(table, space)]
    return [*local, *reach, *_strangers(table, space), *proofs]


def local_findings(table: DecisionTable, places: Sequence[int] = ()) -> Iterator[Finding]:
    """Findings that one rule shows alone; ``places`` renumbers rules as a file has them."""
    where = places or range(len(table.rules))
    if not table.rules:
        yield Finding("empty", "error", "rules", "the table has no rules")
    faults: list[str] = []
    tests = [
        (p, dict(resolved_cells(table, p, r, faults)))
        for p, r in zip(where, table.rules, strict=True)
    ]
    fact_types(table, tests, faults)
    for fault in faults:
        path, message = fault.split(": ", 1)
        kind: Kind = "unknown-parameter" if "unknown parameter" in message else "type"
        kind = "unknown-fact" if "not declared" in message else kind
        yield Finding(kind, "error", path, message)
    seen: set[str] = set()
    for place, rule in zip(where, table.rules, strict=True):
        if rule.id in seen:
            yield Finding(
                "duplicate-rule",
                "error",
                f"rules[{place}].id",
                f"{rule.id!r} occurs twice",
                (rule.id,),
            )
        seen.add(rule.id)
    yield from _unused(table)


def _unused(table: DecisionTable) -> Iterator[Finding]:
    used = {p for r in table.rules for t in r.when.values() for p in t.parameters}
    read = {name for r in table.rules for name in r.when}
    for name in table.parameters:
        if name not in used:
            yield Finding("unused-parameter", "warning", f"parameters.{name}", "no rule uses it")
    for name in table.facts:
        if name not in read:
            yield Finding("unused-fact", "warning", f"facts.{name}", "no rule reads it")


class _Space:
    """The regions of every fact, and every rule as a box of them."""

    def __init__(self, table: DecisionTable) -> None:
        self.compiled = compile_table(table)
        self.rows = sorted(self.compiled.rows, key=lambda row: row.index)
        self.names = list(self.compiled.facts)
        constants: dict[str, list[Any]] = {name: [] for name in self.names}
        self.ruled_missing = set()
        for row in self.rows:
            for cell in row.cells:
                constants[cell.fact].extend(cell.test.constants)
                if cell.predicate is None:
                    self.ruled_missing.add(cell.fact)
        # the last region of each fact is "missing"
        self.points = [
            [*representatives(f, constants[n]), None] for n, f in self.compiled.facts.items()
        ]

    @cached_property
    def everything(self) -> Box:
        return tuple((1 << len(points)) - 1 for points in self.points)

    @cached_property
    def complete(self) -> Box:
        """Rows without missing facts, but for those that some rule tests for being missing."""
        return tuple(
            (1 << len(p)) - 1 if n in self.ruled_missing else (1 << (len(p) - 1)) - 1
            for n, p in zip(self.names, self.points, strict=True)
        )

    @cached_property
    def boxes(self) -> list[Box]:
        """The regions on which each rule applies for certain."""
        return [self._box(row, stops=False) for row in self.rows]

    @cached_property
    def stops(self) -> list[Box]:
        """The regions on which each rule applies or, for a missing fact, stops the row."""
        return [self._box(row, stops=True) for row in self.rows]

    def _box(self, row: Row, *, stops: bool) -> Box:
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

    def example(self, box: Box) -> dict[str, object]:
        """The first point of a box that is not empty."""
        kinds = [f.type for f in self.compiled.facts.values()]
        picks = [(m & -m).bit_length() - 1 for m in box]
        values = [p[i] for p, i in zip(self.points, picks, strict=True)]
        return {n: show(v, k) for n, v, k in zip(self.names, values, kinds, strict=True)}


def _meet(left: Box, right: Box) -> Box | None:
    both = tuple(a & b for a, b in zip(left, right, strict=True))
    return both if all(both) else None


def uncovered(space: Box, boxes: Sequence[Box]) -> Box | None:
    """A point of ``space`` (as a box of single regions) that lies in none of the boxes."""
    if not all(space):
        return None
    dead_ends: set[tuple[int, frozenset[int]]] = set()

    def search(depth: int, active: frozenset[int]) -> Box | None:
        if not active:
            return tuple(mask & -mask for mask in space[depth:])
        if depth == len(space) or (depth, active) in dead_ends:
            return None
        if any(all(space[d] & ~boxes[i][d] == 0 for d in range(depth, len(space))) for i in active):
            return None
        for bit in _bits(space[depth]):
            rest = search(depth + 1, frozenset(i for i in active if boxes[i][depth] & bit))
            if rest is not None:
                return (bit, *rest)
        dead_ends.add((depth, active))
        return None

    return search(0, frozenset(range(len(boxes))))


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low
        mask ^= low


def _unreachable(table: DecisionTable, space: _Space) -> Iterator[Finding]:
    for row, box in zip(space.rows, space.boxes, strict=True):
        for name, mask, points in zip(space.names, box, space.points, strict=True):
            if mask == 0:
                test = table.rules[row.index].when[name]
                example = {name: show(points[0], space.compiled.facts[name].type)}
                yield Finding(
                    "unreachable",
                    "error",
                    f"rules[{row.index}].when.{name}",
                    f"no value of {name!r} passes '{test}', so rule {row.rule.id!r} never applies",
                    (row.rule.id,),
                    example,
                )


def _strangers(table: DecisionTable, space: _Space) -> Iterator[Finding]:
    """Texts that a test names but the fact cannot hold: a slip of the pen, most likely."""
    for row in space.rows:
        for cell in row.cells:
            values = space.compiled.facts[cell.fact].values
            strange = [c for c in cell.test.constants if values and c not in values]
            if strange:
                yield Finding(
                    "stranger",
                    "error",
                    f"rules[{row.index}].when.{cell.fact}",
                    f"{cell.fact!r} never holds {strange[0]!r}, only {', '.join(values)}",
                    (row.rule.id,),
                    {cell.fact: strange[0]},
                )


def _outcomes(table: DecisionTable, space: _Space) -> Iterator[Finding]:
    numeric = table.hit_policy.value in ("collect_sum", "collect_min", "collect_max")
    for row, box in zip(space.rows, space.boxes, strict=True):
        then, path = row.rule.then, f"rules[{row.index}].then"
        example = space.example(box) if all(box) else {}
        if table.outcomes and then not in table.outcomes:
            known = ", ".join(map(str, table.outcomes))
            message = f"{then!r} is not an outcome of the table ({known})"
            yield Finding("outcome", "error", path, message, (row.rule.id,), example)
        if numeric and (isinstance(then, bool) or not isinstance(then, int | float)):
            message = f"{table.hit_policy.value} needs a number, saw {then!r}"
            yield Finding("outcome", "error", path, message, (row.rule.id,), example)


def _overlaps(table: DecisionTable, space: _Space) -> Iterator[Finding]:
    policy = table.hit_policy.value
    if policy not in ("unique", "any"):
        return
    pairs = list(zip(space.rows, space.boxes, strict=True))
    for i, (row, box) in enumerate(pairs):
        for other, other_box in pairs[i + 1 :]:
            both = _meet(box, other_box)
            otherwise = bool(row.cells) != bool(other.cells)
            if both is None or otherwise or (policy == "any" and row.rule.then == other.rule.then):
                continue
            yield Finding(
                "overlap" if policy == "unique" else "conflict",
                "error",
                f"rules[{other.index}]",
                f"rules {row.rule.id!r} and {other.rule.id!r} both apply"
                + ("" if policy == "unique" else ", with different outcomes"),
                (row.rule.id, other.rule.id),
                space.example(both),
            )


def _shadowed(table: DecisionTable, space: _Space, dead: set[str]) -> Iterator[Finding]:
    """Rules that others always forestall: earlier ones, or all others for an otherwise-rule."""
    if table.hit_policy.collects:
        return
    in_order = space.compiled.in_order
    for i, (row, box) in enumerate(zip(space.rows, space.boxes, strict=True)):
        if row.rule.id in dead or not all(box) or not (in_order or not row.cells):
            continue
        before = [
            stops
            for j, (other, stops) in enumerate(zip(space.rows, space.stops, strict=True))
            if j < i or (other.cells and not in_order)
        ]
        if not before or uncovered(box, before) is not None:
            continue
        who = "the rules before it" if in_order else "the other rules"
        example = next(p for p in (_meet(box, space.complete), box) if p is not None)
        yield Finding(
            "shadowed",
            "error",
            f"rules[{row.index}]",
            f"rule {row.rule.id!r} never decides: {who} take every row that it would",
            (row.rule.id,),
            space.example(example),
        )


def _gaps(table: DecisionTable, space: _Space) -> Iterator[Finding]:
    if table.hit_policy.collects:
        return
    # a row stopped by a missing fact is told at run time; a gap is a row that nothing speaks of
    hole = uncovered(space.complete, space.stops)
    if hole is not None:
        message = "no rule applies to some rows; add an otherwise-rule (empty 'when')"
        yield Finding("gap", "error", "rules", message, (), space.example(hole))
