"""The regions on which all tests of a table are constant, and each rule as a box of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from bankcrm.rules.compiled import Cell, Compiled, Row
from bankcrm.rules.unary import UnaryTest
from bankcrm.rules.values import constant_key, representatives, show

Box = Mapping[int, int]
"""The facts that a rule tests, by position, each with one bit set of regions."""
Predicate: TypeAlias = Callable[[Any], Any]
"""The test of a known value, or of an array of them."""
_EXACT = 1 << 53  # whole numbers beyond are not exact as floats


class Space:
    """The regions of every fact, with one representative value each; the last one is "missing".

    Attributes:
        rows: The rules, in the order of the table.
        names: The facts, by position.
        points: The representatives of each fact's regions.
        full: All regions of each fact, as a bit set.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.rows = compiled.table_rows
        self.names = list(compiled.facts)
        self._position = {name: i for i, name in enumerate(self.names)}
        constants: list[list[Any]] = [[] for _ in self.names]
        self._tested_for_missing: set[int] = set()
        for row in self.rows:
            for cell in row.cells:
                fact = self._position[cell.fact]
                constants[fact].extend(cell.test.constants)
                if cell.predicate is None:
                    self._tested_for_missing.add(fact)
        facts = list(compiled.facts.values())
        self.points: list[list[Any]] = [
            [*representatives(f, c), None] for f, c in zip(facts, constants, strict=True)
        ]
        self.full = [(1 << len(points)) - 1 for points in self.points]
        self._readers = [_reader(points[:-1]) for points in self.points]

    @cached_property
    def complete(self) -> dict[int, int]:
        """Rows without missing facts, except for facts that some rule tests for being missing."""
        return {
            fact: full if fact in self._tested_for_missing else full >> 1
            for fact, full in enumerate(self.full)
        }

    @cached_property
    def applies(self) -> list[dict[int, int]]:
        """The regions on which each rule applies for certain."""
        return [self._box(row, stops=False) for row in self.rows]

    @cached_property
    def stops(self) -> list[dict[int, int]]:
        """The regions on which each rule applies or, for a missing fact, stops the row."""
        return [self._box(row, stops=True) for row in self.rows]

    def _box(self, row: Row, *, stops: bool) -> dict[int, int]:
        return {self._position[c.fact]: self._mask(c, stops=stops) for c in row.cells}

    def _mask(self, cell: Cell, *, stops: bool) -> int:
        fact = self._position[cell.fact]
        missing = 1 << (len(self.points[fact]) - 1)
        if cell.predicate is None:
            return missing if cell.needs == "missing" else missing - 1
        return self._readers[fact].passed(cell.test, cell.predicate) | (missing if stops else 0)

    def example(self, box: Box) -> dict[str, object]:
        """The first row of a box that is not empty."""
        kinds = [f.type for f in self.compiled.facts.values()]
        found = {}
        for fact, (name, points) in enumerate(zip(self.names, self.points, strict=True)):
            mask = box.get(fact, self.full[fact])
            found[name] = show(points[(mask & -mask).bit_length() - 1], kinds[fact])
        return found


class _Reader:
    """The known regions of one fact, tested one by one."""

    def __init__(self, points: list[Any]) -> None:
        self.points = points

    def passed(self, test: UnaryTest, predicate: Predicate) -> int:
        """The regions that pass a test, as a bit set."""
        return sum(1 << i for i, p in enumerate(self.points) if predicate(p))


class _Numbers(_Reader):
    """Regions of numbers, all tested at once."""

    def __init__(self, points: list[Any]) -> None:
        super().__init__(points)
        self.values = np.array(points, np.float64)

    def passed(self, test: UnaryTest, predicate: Predicate) -> int:
        bits = np.packbits(predicate(self.values), bitorder="little")
        return int.from_bytes(bits.tobytes(), "little")


class _Texts(_Reader):
    """Regions of texts, found by their value."""

    def __init__(self, points: list[Any]) -> None:
        super().__init__(points)
        self.bits = {p: 1 << i for i, p in enumerate(points)}

    def passed(self, test: UnaryTest, predicate: Predicate) -> int:
        named = 0
        for constant in test.constants:
            named |= self.bits.get(constant_key(constant), 0)
        return (1 << len(self.points)) - 1 - named if test.op == "not" else named


def _reader(points: list[Any]) -> _Reader:
    if all(isinstance(p, str) for p in points):
        return _Texts(points)
    numbers = all(isinstance(p, int | float) and not isinstance(p, bool) for p in points)
    return _Numbers(points) if numbers and all(abs(p) < _EXACT for p in points) else _Reader(points)


def intersection(left: Box, right: Box) -> dict[int, int] | None:
    """The regions of both boxes; None where they have none in common."""
    both = dict(left)
    for fact, mask in right.items():
        both[fact] = both.get(fact, mask) & mask
        if not both[fact]:
            return None
    return both if all(both.values()) else None


def bits(mask: int) -> Iterator[int]:
    """The bits of a set, lowest first."""
    while mask:
        low = mask & -mask
        yield low
        mask ^= low


def lowest(mask: int) -> int:
    """The lowest bit of a set; 0 of an empty one."""
    return mask & -mask
