"""Decision tables read from DMN 1.1 to 1.5."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import attrs

from bankcrm.errors import PolicyError
from bankcrm.rules.dmn_definitions import Definitions
from bankcrm.rules.dmn_grid import Grid, LeftOut
from bankcrm.rules.dmn_xml import is_guard, parse
from bankcrm.rules.feel import PREFIX
from bankcrm.rules.table import DecisionTable

_OTHER = ("businessKnowledgeModel", "decisionService", "import")


@attrs.frozen
class DmnFile:
    """What was read from a DMN file.

    Attributes:
        tables: The decision tables; one per output where a decision has several.
        left_out: What was not read, with the reasons. No decision is read in part.
    """

    tables: tuple[DecisionTable, ...]
    left_out: tuple[LeftOut, ...]

    def table(self, name: str) -> DecisionTable:
        """The table of this name.

        Raises:
            PolicyError: There is none, or it was left out; the message says why.
        """
        found = {t.id: t for t in self.tables}
        if name in found:
            return found[name]
        reasons = [str(part) for part in self.left_out if part.decision == name]
        raise PolicyError(reasons or f"no table {name!r}; there are {', '.join(found) or 'none'}")


def read_dmn(source: str | Path) -> DmnFile:
    """Read the decision tables of a DMN file.

    Cells hold literals, comparisons, intervals, lists, ``not``, ``null`` and names of constant
    decisions; a table with any other expression, or that reads another decision, is left out with
    the reason. A missing fact stops a row here, as everywhere in this library, whatever FEEL makes
    of null. The tables can run; `DecisionTable.check` proves them.

    Args:
        source: A path, or the XML itself. No document type, no entities, at most 20 MB.

    Raises:
        PolicyError: The file cannot be read, or is no DMN.

    >>> from bankcrm.policy import default_policy
    >>> table = default_policy("lifecycle").table("stage")
    >>> read_dmn(table.to_dmn()).tables[0] == table
    True
    """
    root = parse(source)
    file = Definitions(root)
    tables: list[DecisionTable] = []
    left_out: list[LeftOut] = []
    for decision in file.decisions:
        if is_guard(decision) or decision.get("name", "") in file.constants:
            continue
        found, problems = _read(file, decision)
        tables += found
        left_out += problems
    left_out += _unused(file, tables)
    left_out += [
        LeftOut(element.get("name", ""), f"a {kind} is not read")
        for kind in _OTHER
        for element in root.findall(kind)
    ]
    return DmnFile(tuple(tables), tuple(left_out))


def _read(file: Definitions, decision: ET.Element) -> tuple[list[DecisionTable], list[LeftOut]]:
    """The tables of one decision, or what keeps it from being read."""
    grid = decision.find("decisionTable")
    if grid is not None:
        return Grid(file, decision, grid).read()
    name = decision.get("name", "")
    what = "no expression" if len(decision) == 0 else "an expression"
    return [], [LeftOut(name, file.broken.get(name, f"{what}; only tables and constants are read"))]


def _unused(file: Definitions, tables: Sequence[DecisionTable]) -> Iterator[LeftOut]:
    used = {name for table in tables for name in table.parameters}
    for name in file.constants:
        if name.removeprefix(PREFIX) not in used:
            yield LeftOut(name, "a constant that no table which was read names")
