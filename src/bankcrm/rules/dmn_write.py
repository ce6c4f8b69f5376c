"""Decision tables written as DMN 1.3."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal
from xml.etree import ElementTree as ET

import attrs

from bankcrm.errors import PolicyError
from bankcrm.rules.allowed import write_allowed
from bankcrm.rules.compiled import Compiled, compile_table
from bankcrm.rules.dmn_xml import MODEL, NOT_IN_XML, OWN, POLICIES, TYPES
from bankcrm.rules.feel import PREFIX, write_cell, write_value
from bankcrm.rules.model import HitPolicy, Parameter, Rule, TableDefinition
from bankcrm.rules.unary import UnaryTest
from bankcrm.rules.values import Fact, type_of_constant

MissingIn = Literal["guard", "feel"]
ANNOTATIONS = ("rule", "because", "source", "owner")
"""What a rule holds beside its cells; each is one column of annotations."""

_NAME = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
_WORDS = {"and", "or", "not", "null", "true", "false", "if", "then", "else", "in", "for", "return",
          "between", "some", "every", "satisfies", "instance", "of", "function",
          "date"}  # fmt: skip
_add = ET.SubElement


def write_dmn(tables: Sequence[TableDefinition], missing: MissingIn) -> str:
    """Decision tables as one DMN file; see `bankcrm.rules.DecisionTable.to_dmn`."""
    if missing not in ("guard", "feel"):
        raise PolicyError(f"missing: expected 'guard' or 'feel', saw {missing!r}")
    name = tables[0].title or tables[0].id
    root = ET.Element(
        "definitions",
        {"xmlns": MODEL, "xmlns:bankcrm": OWN, "id": "definitions", "name": name, "namespace": OWN},
    )
    inputs, constants = _Inputs(root, tables), _Constants(root, tables)
    for number, table in enumerate(tables, start=1):
        _Decision(table, number, inputs, constants).write(root, guarded=missing == "guard")
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode").replace("\r", "&#13;")
    if bad := NOT_IN_XML.search(text):
        where = text[max(0, bad.start() - 30) : bad.start()]
        raise PolicyError(f"the character {bad[0]!r} after {where!r} cannot be written in XML")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


class _Inputs:
    """The input data of a file: one per fact, whichever tables read it."""

    def __init__(self, root: ET.Element, tables: Sequence[TableDefinition]) -> None:
        self.ids: dict[str, str] = {}
        self.names: dict[str, str] = {}
        kinds: dict[str, str] = {}
        for table in tables:
            for fact, declared in _columns(table).items():
                kind = TYPES[declared.type]
                if kinds.setdefault(fact, kind) != kind:
                    message = f"fact {fact!r} is a {kinds[fact]} in one table and a {kind} in "
                    raise PolicyError(f"{message}{table.id!r}; write the tables to two files")
        for number, (fact, kind) in enumerate(kinds.items(), start=1):
            plain = _NAME.match(fact) and fact not in _WORDS and not fact.startswith(PREFIX)
            self.ids[fact] = f"input_{number}"
            self.names[fact] = fact if plain else f"fact_{number}"
            data = _add(root, "inputData", id=self.ids[fact], name=self.names[fact])
            _add(
                data,
                "variable",
                id=f"{self.ids[fact]}_variable",
                name=self.names[fact],
                typeRef=kind,
            )


class _Constants:
    """The parameters of a file, each a decision that is one constant."""

    def __init__(self, root: ET.Element, tables: Sequence[TableDefinition]) -> None:
        self.ids: dict[str, str] = {}
        found: dict[str, Parameter] = {}
        for table in tables:
            for name, parameter in table.parameters.items():
                if found.setdefault(name, parameter) != parameter:
                    message = f"parameter {name!r} has another value in table {table.id!r}"
                    raise PolicyError(f"{message}; write the tables to two files")
        for number, (name, parameter) in enumerate(found.items(), start=1):
            self.ids[name] = f"{PREFIX}{number}"
            self._write(root, name, parameter)

    def _write(self, root: ET.Element, name: str, parameter: Parameter) -> None:
        place = self.ids[name]
        decision = _add(root, "decision", id=place, name=PREFIX + name)
        if parameter.note:
            _add(decision, "description").text = parameter.note
        kept = attrs.asdict(parameter, recurse=False)
        details = {k: v for k, v in kept.items() if k not in ("value", "note")}
        _extend(decision, "parameter", {"name": name} | _texts(details))
        kind = _type_ref([parameter.value])
        _add(decision, "variable", _typed(kind), id=f"{place}_variable", name=PREFIX + name)
        expression = _add(decision, "literalExpression", id=f"{place}_value")
        _add(expression, "text").text = write_value(parameter.value)


@attrs.define
class _Line:
    """One row of a table on its way to XML."""

    cells: dict[str, str]
    output: str
    notes: tuple[str, ...]
    guard: bool = False
    dashes: tuple[str, ...] = ()


class _Decision:
    """One table as a decision, or as three where it collects and guards missing facts."""

    def __init__(
        self, table: TableDefinition, number: int, inputs: _Inputs, constants: _Constants
    ) -> None:
        self.table = table
        self.id = f"decision_{number}"
        self.inputs = inputs
        self.constants = constants
        self.compiled: Compiled = compile_table(table)
        self.columns = _columns(table)
        self.otherwise = next((r.rule for r in self.compiled.rows if r.otherwise), None)
        if table.hit_policy is HitPolicy.FIRST:
            self.otherwise = None  # the last row says it

    def write(self, root: ET.Element, *, guarded: bool) -> None:
        guards = {r.id: list(self._guards(r)) for r in self.table.rules} if guarded else {}
        name, policy = self.table.id, self.table.hit_policy
        if not any(guards.values()):
            self._write(root, self.id, name, [self._line(r, null=False) for r in self._rules])
        elif policy.collects:
            lines = [line for found in guards.values() for line in found]
            self._write_guards(root, lines)
            rules = [self._line(r, null=False) for r in self._rules]
            self._write(root, f"{self.id}_rules", f"{name}_rules", rules)
            self._write_choice(root)
        else:
            self._write(root, self.id, name, list(self._guarded(guards)), first=True)

    @property
    def _rules(self) -> list[Rule]:
        return [r for r in self.table.rules if r is not self.otherwise]

    def _guarded(self, guards: dict[str, list[_Line]]) -> Iterator[_Line]:
        """Rules and guards in the order in which the first that applies decides as our tables do.

        Where rules are tried in order, a missing fact stops the row at its rule. Elsewhere it stops
        only a row that no rule decides, so the guards come last.
        """
        in_order = self.compiled.in_order
        for rule in self._rules:
            if in_order:
                yield from guards[rule.id]
            yield self._line(rule, null=not in_order)
        if not in_order:
            for rule in self._rules:
                yield from guards[rule.id]

    def _line(self, rule: Rule, *, null: bool) -> _Line:
        cells = {name: _never_null(test) if null else write_cell(test)
                 for name, test in rule.when.items()}  # fmt: skip
        dashes = tuple(name for name, test in rule.when.items() if test.op == "any")
        return _Line(cells, write_value(rule.then), _notes(rule), dashes=dashes)

    def _guards(self, rule: Rule) -> Iterator[_Line]:
        """One row per fact of a rule: the fact is missing, and no other cell fails for certain."""
        for fact, test in rule.when.items():
            if test.op not in ("any", "missing", "present"):
                cells = {n: "null" if n == fact else _or_null(t) for n, t in rule.when.items()}
                note = f"{fact} is missing, so {rule.id} cannot be evaluated"
                yield _Line(cells, "null", ("", note, "", ""), guard=True)

    def _write(
        self, root: ET.Element, place: str, name: str, lines: list[_Line], *, first: bool = False
    ) -> None:
        table = self.table
        decision = self._decision(root, place, name, table.title)
        header = {"version": table.version, "effective_from": table.effective_from,
                  "effective_to": table.effective_to, "hit_policy": table.hit_policy}  # fmt: skip
        extension = _extend(decision, "table", {"name": table.id} | _texts(header))
        if self.otherwise is not None:
            own = dict(zip(ANNOTATIONS, _notes(self.otherwise), strict=True))
            place_of = str(table.rules.index(self.otherwise))
            element = _add(extension, "bankcrm:otherwise", {"place": place_of} | own)
            for name in self.otherwise.when:  # its cells are dashes
                _add(element, "bankcrm:dash", name=name)
        self._finish(decision, place, name, table.vocabulary)
        hit, aggregation = ("FIRST", "") if first else POLICIES[table.hit_policy]
        grid = _add(decision, "decisionTable", id=f"{place}_table", hitPolicy=hit)
        if aggregation:
            grid.set("aggregation", aggregation)
        self._inputs_of(grid, place)
        output = _add(grid, "output", _typed(_type_ref(table.vocabulary)), id=f"{place}_output")
        if table.outcomes:
            values = _add(output, "outputValues", id=f"{place}_outcomes")
            _add(values, "text").text = ", ".join(write_value(o) for o in table.outcomes)
        if self.otherwise is not None:
            entry = _add(output, "defaultOutputEntry", id=f"{place}_default")
            _add(entry, "text").text = write_value(self.otherwise.then)
        self._lines(grid, place, lines)

    def _write_guards(self, root: ET.Element, lines: list[_Line]) -> None:
        """The table that says whether a fact is missing which a rule needs."""
        place, name = f"{self.id}_missing", f"{self.table.id}_missing"
        decision = self._decision(root, place, name, "")
        _extend(decision, "guard")
        self._finish(decision, place, name, (True,))
        grid = _add(decision, "decisionTable", id=f"{place}_table", hitPolicy="FIRST")
        self._inputs_of(grid, place)
        output = _add(grid, "output", id=f"{place}_output", typeRef="boolean")
        entry = _add(output, "defaultOutputEntry", id=f"{place}_default")
        _add(entry, "text").text = "false"
        self._lines(grid, place, [attrs.evolve(line, output="true") for line in lines])

    def _write_choice(self, root: ET.Element) -> None:
        """The decision of a collecting table: nothing where a fact is missing that a rule needs."""
        name = self.table.id
        decision = _add(root, "decision", id=self.id, name=name)
        _extend(decision, "guard")
        _add(decision, "variable", id=f"{self.id}_variable", name=name)
        for part in ("missing", "rules"):
            need = _add(decision, "informationRequirement", id=f"{self.id}_needs_{part}")
            _add(need, "requiredDecision", href=f"#{self.id}_{part}")
        expression = _add(decision, "literalExpression", id=f"{self.id}_choice")
        _add(expression, "text").text = f"if {name}_missing then null else {name}_rules"

    def _decision(self, root: ET.Element, place: str, name: str, title: str) -> ET.Element:
        decision = _add(root, "decision", id=place, name=name)
        if title:
            decision.set("label", title)
        return decision

    def _finish(self, decision: ET.Element, place: str, name: str, outcomes: Sequence[Any]) -> None:
        """The decision's variable and what it reads."""
        collects = self.table.hit_policy is HitPolicy.COLLECT
        kind = "" if collects else _type_ref(outcomes)
        _add(decision, "variable", _typed(kind), id=f"{place}_variable", name=name)
        for number, fact in enumerate(self.columns, start=1):
            need = _add(decision, "informationRequirement", id=f"{place}_needs_{number}")
            _add(need, "requiredInput", href=f"#{self.inputs.ids[fact]}")
        for parameter in self.table.parameters:
            place_of = self.constants.ids[parameter]
            need = _add(decision, "informationRequirement", id=f"{place}_needs_{place_of}")
            _add(need, "requiredDecision", href=f"#{place_of}")

    def _inputs_of(self, grid: ET.Element, place: str) -> None:
        for number, (fact, declared) in enumerate(self.columns.items(), start=1):
            column = _add(grid, "input", id=f"{place}_input_{number}", label=fact)
            details = {"unit": declared.unit, "meaning": declared.meaning}
            if fact in self.table.facts:
                details["type"] = declared.type
            _extend(column, "fact", {"name": fact} | _texts(details))
            kind = _typed(TYPES[declared.type])
            expression = _add(column, "inputExpression", kind, id=f"{place}_expression_{number}")
            _add(expression, "text").text = self.inputs.names[fact]
            if fact in self.table.facts and (allowed := write_allowed(declared)):
                values = _add(column, "inputValues", id=f"{place}_values_{number}")
                _add(values, "text").text = allowed

    def _lines(self, grid: ET.Element, place: str, lines: list[_Line]) -> None:
        for name in ANNOTATIONS:
            _add(grid, "annotation", name=name)
        for number, line in enumerate(lines, start=1):
            rule = _add(grid, "rule", id=f"{place}_rule_{number}")
            if reason := line.notes[ANNOTATIONS.index("because")]:
                _add(rule, "description").text = reason  # what Camunda's modeller shows and edits
            if line.guard:
                _extend(rule, "guard")
            if line.dashes:
                extension = _extend(rule, "rule")
                for name in line.dashes:
                    _add(extension, "bankcrm:dash", name=name)
            for column, fact in enumerate(self.columns, start=1):
                entry = _add(rule, "inputEntry", id=f"{place}_cell_{number}_{column}")
                _add(entry, "text").text = line.cells.get(fact, "-")
            entry = _add(rule, "outputEntry", id=f"{place}_out_{number}")
            _add(entry, "text").text = line.output
            for note in line.notes:
                _add(_add(rule, "annotationEntry"), "text").text = note


def _columns(table: TableDefinition) -> dict[str, Fact]:
    """The facts of a table, in the order of its columns."""
    read = compile_table(table).facts
    names = dict.fromkeys([*table.facts, *(n for r in table.rules for n in r.when)])
    return {n: table.facts.get(n) or read.get(n) or Fact("any") for n in names}


def _or_null(test: UnaryTest) -> str:
    """A cell that also passes where the fact is missing; in FEEL ``not`` does already."""
    if test.op in ("any", "missing", "present", "not"):
        return write_cell(test)
    return f"null, {write_cell(test)}"


def _never_null(test: UnaryTest) -> str:
    """A cell that fails where the fact is missing; in FEEL only ``not`` would pass."""
    cell = write_cell(test)
    return cell.replace("not(", "not(null, ", 1) if test.op == "not" else cell


def _notes(rule: Rule) -> tuple[str, ...]:
    return rule.id, rule.because, rule.source, rule.owner


def _type_ref(values: Sequence[Any]) -> str:
    """The DMN type of constants; empty where they have several or are lists."""
    if any(isinstance(v, tuple | dict) for v in values):
        return ""
    kinds = {TYPES[type_of_constant(v)] for v in values}
    return kinds.pop() if len(kinds) == 1 else ""


def _typed(kind: str) -> dict[str, str]:
    return {"typeRef": kind} if kind and kind != "Any" else {}


def _texts(values: dict[str, Any]) -> dict[str, str]:
    """Attributes without those that are empty."""
    return {k: str(v) for k, v in values.items() if v not in (None, "")}


def _extend(
    parent: ET.Element, tag: str, attributes: Mapping[str, str] = MappingProxyType({})
) -> ET.Element:
    """Add an element of this library's name space to an element's extensions."""
    extensions = parent.find("extensionElements")
    if extensions is None:
        extensions = _add(parent, "extensionElements")
    return _add(extensions, f"bankcrm:{tag}", dict(attributes))
