"""A table made ready to run: parameters put in, fact types settled, tests compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import attrs

from bankcrm.errors import PolicyError
from bankcrm.rules.unary import UnaryTest
from bankcrm.rules.values import Fact, FactType, type_of_constant

if TYPE_CHECKING:
    from bankcrm.rules.model import Rule
    from bankcrm.rules.table import DecisionTable

_ORDERED = ("<", "<=", ">", ">=", "between")
Needs = Literal["missing", "present", "value"]


@attrs.frozen
class Cell:
    """One compiled test: what it needs of the fact, and the predicate on known values."""

    fact: str
    test: UnaryTest
    needs: Needs
    predicate: Callable[[Any], Any] | None


@attrs.frozen
class Row:
    """One compiled rule; the otherwise-rule speaks only where no other does."""

    index: int
    rule: Rule
    cells: tuple[Cell, ...]
    otherwise: bool = False


@attrs.frozen
class Plan:
    """The compiled table: the facts that it reads and its rows; the otherwise-row comes last."""

    facts: dict[str, Fact]
    rows: tuple[Row, ...]
    in_order: bool


def plan_of(table: DecisionTable) -> Plan:
    """Compile a table.

    Raises:
        PolicyError: a test names an unknown parameter, or mixes types.
    """
    faults: list[str] = []
    rules = [(i, r, dict(resolved_cells(table, i, r, faults))) for i, r in enumerate(table.rules)]
    facts = fact_types(table, [(i, tests) for i, _, tests in rules], faults)
    if faults:
        raise PolicyError(faults)
    in_order = table.hit_policy.value == "first"
    if not in_order:  # an empty rule is the otherwise-rule wherever it stands; where rules are
        # collected, one whose cells are all "-" is a match like any other, as DMN has it
        collects = table.hit_policy.collects
        rules.sort(
            key=lambda r: (all(t.op == "any" for t in r[2].values()), collects and not r[1].when)
        )
    rows = tuple(
        Row(i, r, cells, not cells and not (table.hit_policy.collects and r.when))
        for i, r, cells in ((i, r, tuple(_cells(tests))) for i, r, tests in rules)
    )
    return Plan(facts, rows, in_order)


def _cells(tests: dict[str, UnaryTest]) -> Iterator[Cell]:
    for name, test in tests.items():
        if test.op == "missing" or test.op == "present":
            yield Cell(name, test, test.op, None)
        elif test.op != "any":
            yield Cell(name, test, "value", test.predicate())


def resolved_cells(
    table: DecisionTable, index: int, rule: Rule, faults: list[str]
) -> Iterator[tuple[str, UnaryTest]]:
    """The tests of a rule with their parameters put in; what cannot be is told in ``faults``."""
    for name, test in rule.when.items():
        path = f"rules[{index}].when.{name}"
        unknown = [p for p in test.parameters if p not in table.parameters]
        values = {p: table.parameters[p].value for p in test.parameters if p not in unknown}
        bad = [p for p, v in values.items() if not isinstance(v, bool | int | float | str | date)]
        faults.extend(f"{path}: unknown parameter @{p}" for p in unknown)
        faults.extend(f"{path}: parameter @{p} is not a single value" for p in bad)
        if unknown or bad:
            continue
        resolved = test.resolved(values)
        if test.op in _ORDERED and any(isinstance(c, bool | str) for c in resolved.constants):
            faults.append(f"{path}: {resolved} compares numbers and dates only")
        else:
            yield name, resolved


def fact_types(
    table: DecisionTable,
    tests: list[tuple[int, dict[str, UnaryTest]]],
    faults: list[str],
) -> dict[str, Fact]:
    """Every fact that the rules read: as declared, else by the type of its tests."""
    cells = [(f"rules[{i}].when.{n}", n, t) for i, row in tests for n, t in row.items()]
    facts: dict[str, Fact] = {}
    for path, name, test in cells:
        if table.facts and name not in table.facts:
            faults.append(f"{path}: fact {name!r} is not declared in [facts]")
        for constant in test.constants:
            kind = type_of_constant(constant)
            known = facts.setdefault(name, table.facts.get(name) or Fact(kind))
            if not fits(kind, known.type):
                faults.append(f"{path}: {test} compares with a {kind}, the fact is a {known.type}")
    for _, name, test in cells:
        if test.op != "any":
            facts.setdefault(name, table.facts.get(name) or Fact("any"))
    return facts


def fits(constant: FactType, expected: FactType) -> bool:
    """Whether a constant of one type can be compared with a fact of another."""
    return constant == expected or (constant == "number" and expected == "integer")
