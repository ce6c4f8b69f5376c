"""The table of one DMN decision, read as decision tables."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as ET

import attrs

from bankcrm.errors import PolicyError
from bankcrm.rules.allowed import read_allowed
from bankcrm.rules.check import local_findings, overlaps
from bankcrm.rules.dmn_definitions import Definitions, day_of, reference
from bankcrm.rules.dmn_write import ANNOTATIONS
from bankcrm.rules.dmn_xml import POLICIES, is_guard, own, text_of
from bankcrm.rules.feel import PREFIX, read_cell, read_value
from bankcrm.rules.model import HitPolicy, Parameter, Rule
from bankcrm.rules.table import DecisionTable
from bankcrm.rules.unary import UnaryTest
from bankcrm.rules.values import FACT_TYPES, Fact, constant_key, type_of_constant

_HIT = {names: policy for policy, names in POLICIES.items()} | {
    ("RULE ORDER", ""): HitPolicy.COLLECT,
    ("OUTPUT ORDER", ""): HitPolicy.COLLECT,
    ("PRIORITY", ""): HitPolicy.FIRST,
}
_BY_PRIORITY = ("PRIORITY", "OUTPUT ORDER")
_ANY = UnaryTest("any")


@attrs.frozen
class LeftOut:
    """A part of a DMN file that was not read.

    Attributes:
        decision: The name of the decision.
        reason: Why it was not read.
        place: Where the cause is, as ``rule 3, input 'Age'``; empty for the whole decision.
    """

    decision: str
    reason: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.decision}{', ' if self.place else ''}{self.place}: {self.reason}"


@attrs.define
class _Column:
    """One input of a table."""

    name: str
    fact: Fact | None


@attrs.define
class _Output:
    """One output of a table."""

    table: str
    outcomes: tuple[Any, ...]
    allowed: tuple[UnaryTest, ...]
    default: Any


@attrs.define
class _Line:
    """One rule of a table: its cells by fact, and one outcome per output."""

    id: str
    whens: list[dict[str, UnaryTest]]
    thens: list[Any]
    notes: dict[str, str]


class Grid:
    """The table of one decision."""

    def __init__(self, file: Definitions, decision: ET.Element, grid: ET.Element) -> None:
        self.file = file
        self.name = decision.get("name", "")
        self.title = decision.get("label", "")
        self.grid = grid
        self.header = next(own(decision, "table"), None)
        self.left_out: list[LeftOut] = []
        names = (grid.get("hitPolicy", "UNIQUE"), grid.get("aggregation", ""))
        self.by_priority = names[0] in _BY_PRIORITY
        self.policy = _HIT.get(names, HitPolicy.UNIQUE)
        if names not in _HIT:
            self._leave(f"hit policy {' '.join(names).strip()} is not known")
        rows = list(enumerate(grid.findall("rule"), start=1))
        self.rows = [(number, row) for number, row in rows if not is_guard(row)]
        guarded = len(self.rows) < len(rows)
        if self.header is not None and guarded and self.policy is HitPolicy.FIRST:
            self._take_policy(self.header.get("hit_policy", "first"))
        if self.header is not None and self.name == f"{self.header.get('name')}_rules":
            self.name = self.header.get("name", "")

    def _take_policy(self, name: str) -> None:
        """The hit policy of a table that was written with guards, and so as ``FIRST``."""
        if name in tuple(HitPolicy):
            self.policy = HitPolicy(name)
        else:
            self._leave(f"hit policy {name!r} is not known")

    def _leave(self, reason: str, place: str = "") -> None:
        self.left_out.append(LeftOut(self.name, reason, place))

    def read(self) -> tuple[list[DecisionTable], list[LeftOut]]:
        """The tables of the outputs, or what keeps the decision from being read."""
        columns = [self._column(e, i) for i, e in enumerate(self.grid.findall("input"), start=1)]
        outputs = [self._output(e, i) for i, e in enumerate(self.grid.findall("output"), start=1)]
        lines = [self._line(row, number, columns, len(outputs)) for number, row in self.rows]
        if self.by_priority and not self.left_out:
            lines = self._by_priority(lines, outputs)
        if self.left_out:
            return [], self.left_out
        try:
            tables = [self._table(o, n, columns, lines) for n, o in enumerate(outputs)]
        except PolicyError as error:
            self._leave(str(error))
            return [], self.left_out
        for table in tables:
            errors = [f for f in local_findings(table) if f.severity == "error"]
            for finding in errors or overlaps(table):
                self._leave(finding.message, finding.path)
        return ([], self.left_out) if self.left_out else (tables, [])

    def _column(self, element: ET.Element, number: int) -> _Column:
        text = text_of(element, "inputExpression/text").strip()
        place = f"input {text!r}" if text else f"input {number}"
        declared = next(own(element, "fact"), None)
        known = self.file.inputs.get(text)
        if self.file.is_decision(text):
            self._leave("reads another decision; only facts are read", place)
        elif known is None and not text.replace(".", "_").isidentifier():
            self._leave(f"{text!r} is an expression; only the name of a fact is read", place)
        name = text if declared is None else declared.get("name", text)
        if declared is not None and "type" not in declared.attrib:
            return _Column(name, None)
        try:
            return _Column(name, self._fact(element, declared, known))
        except PolicyError as error:
            self._leave(str(error), place)
            return _Column(name, None)

    def _fact(
        self, element: ET.Element, declared: ET.Element | None, known: ET.Element | None
    ) -> Fact | None:
        typed = element.find("inputExpression")
        candidates = [e for e in (typed, known) if e is not None and reference(e)]
        kind, allowed = self.file.type_of(candidates[0]) if candidates else (None, "")
        allowed = text_of(element, "inputValues/text") or allowed
        if declared is None:
            return None if kind is None else read_allowed(Fact(kind), allowed)
        exact: Any = declared.get("type")
        if exact not in FACT_TYPES:
            raise PolicyError(f"type {exact!r}: expected one of {', '.join(FACT_TYPES)}")
        fact = Fact(exact, unit=declared.get("unit", ""), meaning=declared.get("meaning", ""))
        return read_allowed(fact, allowed)

    def _output(self, element: ET.Element, number: int) -> _Output:
        outputs = self.grid.findall("output")
        part = element.get("name") or str(number)
        table = self.name if len(outputs) == 1 else f"{self.name}.{part}"
        place = f"output {part!r}"
        text = text_of(element, "outputValues/text") or self.file.values_of(element)
        try:
            allowed = read_cell(text)
            outcomes = allowed[0].args if allowed[0].op in ("=", "in") else ()
            default = self._value(text_of(element, "defaultOutputEntry/text"))
        except PolicyError as error:
            self._leave(str(error), place)
            return _Output(table, (), (_ANY,), None)
        return _Output(table, outcomes if len(allowed) == 1 else (), allowed, default)

    @staticmethod
    def _value(text: str) -> Any:
        return None if text.strip() in ("", "null") else read_value(text)

    def _line(self, rule: ET.Element, number: int, columns: list[_Column], outputs: int) -> _Line:
        cells: list[tuple[UnaryTest, ...]] = []
        entries = rule.findall("inputEntry")
        if len(entries) != len(columns):
            self._leave(f"{len(entries)} cells for {len(columns)} inputs", f"rule {number}")
        for column, entry in zip(columns, entries, strict=False):
            place = f"rule {number}, input {column.name!r}"
            try:
                cells.append(read_cell(text_of(entry, "text"), self.file.constants))
            except PolicyError as error:
                self._leave(str(error), place)
                cells.append((_ANY,))
            if len(cells[-1]) > 1 and self.policy.collects:
                self._leave("a cell with 'or' counts twice where rules are collected", place)
        thens = rule.findall("outputEntry")
        if len(thens) != outputs:
            self._leave(f"{len(thens)} values for {outputs} outputs", f"rule {number}")
        values = [self._then(e, f"rule {number}, output {i}") for i, e in enumerate(thens, start=1)]
        names = [c.name for c in columns]
        whens = [dict(zip(names, c, strict=False)) for c in itertools.product(*cells)]
        notes = self._notes(rule)
        name = notes.get("rule")
        if not name and (self.header is None or name is None):
            name = f"rule-{number}"
        return _Line(name, [self._without_dashes(w, rule) for w in whens], values, notes)

    def _then(self, entry: ET.Element, place: str) -> Any:
        text = text_of(entry, "text")
        try:
            value = self._value(text)
        except PolicyError as error:
            self._leave(str(error), place)
            return 0
        if value is None or isinstance(value, tuple | dict):
            self._leave(f"{text!r} is no single value; an outcome is never null", place)
            return 0
        return value

    def _without_dashes(self, when: dict[str, UnaryTest], rule: ET.Element) -> dict[str, UnaryTest]:
        """The cells that test something.

        Where rules are collected, a rule of dashes matches like any other: it keeps its cells.
        """
        kept = {n: t for n, t in when.items() if t.op != "any"}
        extension = next(own(rule, "rule"), None)
        if extension is not None:
            spelled = {e.get("name", "") for e in extension}
            return {n: t for n, t in when.items() if t.op != "any" or n in spelled}
        return when if not kept and self.policy.collects else kept

    def _notes(self, rule: ET.Element) -> dict[str, str]:
        names = [e.get("name", "").lower() for e in self.grid.findall("annotation")]
        texts = [text_of(e, "text") for e in rule.findall("annotationEntry")]
        notes = dict(zip(names, texts, strict=False))
        others = [t for n, t in notes.items() if t and n not in ANNOTATIONS]
        because = text_of(rule, "description") or notes.get("because") or "; ".join(others)
        notes["because"] = because
        return notes

    def _by_priority(self, lines: list[_Line], outputs: list[_Output]) -> list[_Line]:
        """The rules in the order of their outcomes in the lists of allowed values."""
        if not outputs or not outputs[0].outcomes:
            self._leave("a priority needs the list of the output's values")
            return lines

        def rank(line: _Line) -> tuple[int, ...]:
            return tuple(o.outcomes.index(t) if t in o.outcomes else len(o.outcomes)
                         for o, t in zip(outputs, line.thens, strict=True))  # fmt: skip

        return sorted(lines, key=rank)

    def _table(
        self, output: _Output, number: int, columns: list[_Column], lines: list[_Line]
    ) -> DecisionTable:
        rules = [r for line in lines for r in _rules(line, line.thens[number])]
        self._refuse_values(output, rules)
        if output.default is not None:
            self._put_default(output.default, rules)
        self._refuse_catch_all(rules)
        named = {p for r in rules for t in r.when.values() for p in t.parameters}
        parameters = {n.removeprefix(PREFIX): p for n, p in self.file.constants.items()}
        header = {} if self.header is None else self.header.attrib
        return DecisionTable(
            id=output.table,
            rules=rules,
            outcomes=output.outcomes,
            hit_policy=self.policy,
            facts=_facts(columns, rules, parameters, foreign=self.header is None),
            parameters={n: p for n, p in parameters.items() if n in named},
            version=header.get("version", "1"),
            title=self.title,
            effective_from=day_of(header.get("effective_from")),
            effective_to=day_of(header.get("effective_to")),
        )

    def _refuse_values(self, output: _Output, rules: list[Rule]) -> None:
        for rule in rules:
            if not any(_holds(test, rule.then) for test in output.allowed):
                raise PolicyError(f"rule {rule.id}: {rule.then!r} is not among the output's values")

    def _put_default(self, value: Any, rules: list[Rule]) -> None:
        """The default output as the rule that applies where no other does."""
        found = None if self.header is None else self.header.find("{*}otherwise")
        if found is not None:
            notes = dict(found.attrib)
            place = int(notes.pop("place", "")) if notes.get("place", "").isdigit() else len(rules)
            dashes = {e.get("name", ""): UnaryTest("any") for e in found}
            rule = Rule(notes.pop("rule", "otherwise"), dashes, value, notes.get("source", ""),
                        notes.get("because", ""), notes.get("owner", ""))  # fmt: skip
            rules.insert(place, rule)
        elif self.policy is not HitPolicy.FIRST or all(r.when for r in rules):
            rules.append(Rule("otherwise", {}, value, because="the default output"))

    def _refuse_catch_all(self, rules: list[Rule]) -> None:
        """A rule without tests is our otherwise-rule; in DMN it overlaps every other rule."""
        if self.header is not None or self.policy not in (HitPolicy.UNIQUE, HitPolicy.ANY):
            return
        caught = [r for r in rules if not r.when and r.id != "otherwise"]
        same = self.policy is HitPolicy.ANY and len({repr(r.then) for r in rules}) == 1
        if caught and len(rules) > 1 and not same:
            raise PolicyError(f"rule {caught[0].id} applies everywhere and overlaps the others")


def _rules(line: _Line, then: Any) -> Iterator[Rule]:
    """One rule per way in which the cells of a line may pass."""
    for number, when in enumerate(line.whens, start=1):
        name = line.id if len(line.whens) == 1 else f"{line.id}-{number}"
        yield Rule(name, when, then, line.notes.get("source", "default"),
                   line.notes.get("because", ""), line.notes.get("owner", ""))  # fmt: skip


def _facts(
    columns: list[_Column],
    rules: list[Rule],
    parameters: Mapping[str, Parameter],
    *,
    foreign: bool,
) -> dict[str, Fact]:
    """The facts that are declared; of another tool's table all, by their cells where need be."""
    if not foreign:
        return {c.name: c.fact for c in columns if c.fact is not None}
    found: dict[str, Fact] = {}
    for column in columns:
        tests = [r.when[column.name] for r in rules if column.name in r.when]
        values = [c for t in tests for c in t.constants]
        values += [parameters[p].value for t in tests for p in t.parameters]
        kinds = [type_of_constant(v) for v in values]
        found[column.name] = column.fact or Fact(kinds[0] if kinds else "any")
    return found


def _holds(test: UnaryTest, value: Any) -> bool:
    if test.op == "any":
        return True
    if test.op in ("missing", "present"):
        return test.op == "present"
    if type_of_constant(value) != type_of_constant(test.constants[0]):
        return False
    return bool(test.predicate()(constant_key(value)))
