"""A table made ready to run: parameters filled in, fact types resolved, tests compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any, Literal

import attrs

from bankcrm.errors import PolicyError
from bankcrm.rules.model import HitPolicy, Rule, TableDefinition
from bankcrm.rules.unary import UnaryTest
from bankcrm.rules.values import Fact, FactType, type_of_constant

_ORDERED = ("<", "<=", ">", ">=", "between")
Needs = Literal["missing", "present", "value"]


@attrs.frozen
class Cell:
    """One compiled test.

    Attributes:
        fact: The fact that it tests.
        test: The test with its parameters filled in.
        needs: What it needs of the fact: a value, or only whether it is missing or present.
        predicate: The test of a known value; None where only presence is tested.
    """

    fact: str
    test: UnaryTest
    needs: Needs
    predicate: Callable[[Any], Any] | None


@attrs.frozen
class Row:
    """One compiled rule.

    Attributes:
        index: Position of the rule in the table.
        rule: The rule.
        cells: Its tests without those that accept everything.
        otherwise: Whether it applies only where no other rule does.
    """

    index: int
    rule: Rule
    cells: tuple[Cell, ...]
    otherwise: bool = False


@attrs.frozen
class Compiled:
    """Everything that deciding by a table needs.

    Attributes:
        id: The table's id.
        version: The table's version.
        fingerprint: The table's SHA-256.
        hit_policy: What happens where several rules apply.
        vocabulary: Every outcome that the table may give, in display order.
        facts: The facts that the rules read, by name.
        rows: The rules in the order in which they are evaluated; where the order does not decide,
            the otherwise-rule is last.
    """

    id: str
    version: str
    fingerprint: str
    hit_policy: HitPolicy
    vocabulary: tuple[Any, ...]
    facts: dict[str, Fact]
    rows: tuple[Row, ...]

    @property
    def in_order(self) -> bool:
        """Whether the first rule that applies decides."""
        return self.hit_policy is HitPolicy.FIRST

    @property
    def table_rows(self) -> list[Row]:
        """The rules in the order of the table."""
        return sorted(self.rows, key=lambda row: row.index)


@attrs.frozen
class Fault:
    """A test that cannot be compiled.

    Attributes:
        kind: What is wrong, by the names of `bankcrm.rules.Finding`.
        path: Where it is, as ``rules[3].when.balance``.
        message: What is wrong, in words.
    """

    kind: Literal["unknown-parameter", "unknown-fact", "type"]
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def compile_table(table: TableDefinition) -> Compiled:
    """Compile a table.

    Raises:
        PolicyError: A test names an unknown parameter or fact, or mixes types.
    """
    faults: list[Fault] = []
    rules = [(i, r, dict(resolved_cells(table, i, r, faults))) for i, r in enumerate(table.rules)]
    facts = fact_types(table, [(i, tests) for i, _, tests in rules], faults)
    if faults:
        raise PolicyError(map(str, faults))
    if table.hit_policy is not HitPolicy.FIRST:  # the otherwise-rule is evaluated last
        rules.sort(
            key=lambda r: (
                all(t.op == "any" for t in r[2].values()),
                table.hit_policy.collects and not r[1].when,
            )
        )
    return Compiled(
        table.id,
        table.version,
        table.fingerprint,
        table.hit_policy,
        table.vocabulary,
        facts,
        tuple(_row(table, i, r, tuple(_cells(tests))) for i, r, tests in rules),
    )


def _row(table: TableDefinition, index: int, rule: Rule, cells: tuple[Cell, ...]) -> Row:
    """A rule whose cells all accept everything is the otherwise-rule.

    Where rules are collected, only a rule without cells is: one that spells out dashes is a
    match like any other, as DMN has it.
    """
    return Row(index, rule, cells, not cells and not (table.hit_policy.collects and rule.when))


def _cells(tests: dict[str, UnaryTest]) -> Iterator[Cell]:
    for name, test in tests.items():
        if test.op == "missing" or test.op == "present":
            yield Cell(name, test, test.op, None)
        elif test.op != "any":
            yield Cell(name, test, "value", test.predicate())


def resolved_cells(
    table: TableDefinition, index: int, rule: Rule, faults: list[Fault]
) -> Iterator[tuple[str, UnaryTest]]:
    """The tests of a rule with their parameters filled in; adds what is wrong to ``faults``."""
    for name, test in rule.when.items():
        path = f"rules[{index}].when.{name}"
        unknown = [p for p in test.parameters if p not in table.parameters]
        values = {p: table.parameters[p].value for p in test.parameters if p not in unknown}
        bad = [p for p, v in values.items() if not isinstance(v, bool | int | float | str | date)]
        faults += [Fault("unknown-parameter", path, f"unknown parameter @{p}") for p in unknown]
        faults += [Fault("type", path, f"parameter @{p} is not a single value") for p in bad]
        if unknown or bad:
            continue
        resolved = test.resolved(values)
        if test.op in _ORDERED and any(isinstance(c, bool | str) for c in resolved.constants):
            faults.append(Fault("type", path, f"{resolved} compares numbers and dates only"))
        else:
            yield name, resolved


def fact_types(
    table: TableDefinition,
    tests: Iterable[tuple[int, dict[str, UnaryTest]]],
    faults: list[Fault],
) -> dict[str, Fact]:
    """Every fact that the rules read: as declared, else by the type of its tests.

    Args:
        table: The table.
        tests: Position of each rule, and its tests by fact.
        faults: Takes what is wrong.
    """
    cells = [(f"rules[{i}].when.{n}", n, t) for i, row in tests for n, t in row.items()]
    facts: dict[str, Fact] = {}
    for path, name, test in cells:
        if table.facts and name not in table.facts:
            faults.append(Fault("unknown-fact", path, f"fact {name!r} is not declared in [facts]"))
        for constant in test.constants:
            kind = type_of_constant(constant)
            known = facts.setdefault(name, table.facts.get(name) or Fact(kind))
            if not _comparable(kind, known.type):
                message = f"{test} compares with a {kind}, the fact is a {known.type}"
                faults.append(Fault("type", path, message))
    for _, name, test in cells:
        if test.op != "any":
            facts.setdefault(name, table.facts.get(name) or Fact("any"))
    return facts


def _comparable(constant: FactType, expected: FactType) -> bool:
    """Whether a constant of one type can be compared with a fact of another."""
    return constant == expected or (constant == "number" and expected == "integer")
