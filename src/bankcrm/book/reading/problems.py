"""Problems of the cells of a frame, collected over all its files and reported together."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import SHOWN
from bankcrm.book.reading.text_files import TextFile
from bankcrm.errors import nearest
from bankcrm.frames import Column, DataFault
from bankcrm.frames.readers import Mask

_WORDS = 10  # that a mapping lacks: more than the few examples of a fault, for it needs each


class Place(Protocol):
    """Where the rows of a batch stand, for people."""

    @property
    def source(self) -> str:
        """The name of the file, if the frame has several; else empty."""

    def labels(self, rows: Sequence[int]) -> list[str]:
        """What each row is called."""


@attrs.frozen
class TextPlace:
    """Rows of a text file, named by line.

    Attributes:
        file: The file.
        first: The number of the batch's first row.
        named: Whether labels name the file, since the frame has several.
    """

    file: TextFile
    first: int = 0
    named: bool = False

    def labels(self, rows: Sequence[int]) -> list[str]:
        """The lines on which the rows begin."""
        lines = self.file.lines([self.first + row for row in rows])
        found = [f"line {lines.get(self.first + row, '?')}" for row in rows]
        return [f"{self.source} {label}".lstrip() for label in found]

    @property
    def source(self) -> str:
        """The name of the file, if the frame has several."""
        return self.file.path.name if self.named else ""


@attrs.frozen(eq=False)
class RowPlace:
    """Rows of a frame or of a file of rows, named by their label.

    Attributes:
        index: The labels.
        path: The file, if labels name it.
    """

    index: pd.Index
    path: Path | None = None

    def labels(self, rows: Sequence[int]) -> list[str]:
        """The labels of the rows."""
        return [f"{self.source} row {self.index[row]}".lstrip() for row in rows]

    @property
    def source(self) -> str:
        """The name of the file, if the frame has several."""
        return self.path.name if self.path else ""


Shown = list[tuple[Place, int, str | None]]


@attrs.define
class _Problem:
    expected: str
    advice: str
    count: int = 0
    shown: Shown = attrs.field(factory=list)


@attrs.define
class Problems:
    """The problems found in one frame so far.

    Attributes:
        frame: The frame's name.
        faults: Faults of the frame as a whole.
        notes: What was converted on the way, for the reader.
    """

    frame: str
    faults: list[DataFault] = attrs.field(factory=list)
    notes: Counter[str] = attrs.field(factory=Counter)
    _found: dict[tuple[str, str], _Problem] = attrs.field(factory=dict)
    _unmapped: dict[str, tuple[Column, Counter[str]]] = attrs.field(factory=dict)

    def whole(self, column: str, problem: str, expected: str = "", advice: str = "") -> None:
        """Add a fault of the frame, or of a whole column, each once for all files."""
        if not any(column and (f.column, f.problem) == (column, problem) for f in self.faults):
            self.faults.append(DataFault(self.frame, column, problem, 0, (), expected, advice))

    def cells(
        self,
        column: Column,
        problem: str,
        wrong: Mask,
        *,
        values: Any,
        place: Place,
        expected: str,
        advice: str = "",
    ) -> None:
        """Add the cells of a batch that are wrong; values of personal columns are not shown.

        Args:
            column: The column of the contract.
            problem: What is wrong.
            wrong: The rows.
            values: The cells of the batch as an Arrow array; None: they are not shown.
            place: Where the rows stand.
            expected: What was expected.
            advice: What to do.
        """
        rows = np.flatnonzero(wrong)
        if not len(rows):
            return
        found = self._found.setdefault((column.name, problem), _Problem(expected, advice))
        found.count += len(rows)
        for row in rows[: SHOWN - len(found.shown)]:
            hidden = column.personal or values is None
            found.shown.append(
                (place, int(row), None if hidden else repr(values[int(row)].as_py()))
            )

    def unmapped(self, column: Column, words: Counter[str]) -> None:
        """Add words that the mapping does not name, with the number of rows of each."""
        if words:
            self._unmapped.setdefault(column.name, (column, Counter()))[1].update(words)

    def reported(self) -> list[DataFault]:
        """All problems as faults."""
        labels = _labels(found.shown for found in self._found.values())
        faults = list(self.faults)
        for (column, problem), found in self._found.items():
            examples = [
                labels[id(place), row] + ("" if value is None else f": {value}")
                for place, row, value in found.shown
            ]
            faults.append(
                DataFault(
                    self.frame,
                    column,
                    problem,
                    found.count,
                    tuple(examples),
                    found.expected,
                    found.advice,
                )
            )
        faults += [self._unmapped_fault(column, words) for column, words in self._unmapped.values()]
        return faults

    def _unmapped_fault(self, column: Column, words: Counter[str]) -> DataFault:
        shown = ", ".join(f"{word!r} ({count:,})" for word, count in words.most_common(_WORDS))
        more = f" and {len(words) - _WORDS:,} more" if len(words) > _WORDS else ""
        first = words.most_common(1)[0][0]
        close = nearest(first, column.choices)
        example = f'"{first}" = "{column.choices[0]}"'
        return DataFault(
            self.frame,
            column.name,
            "unmapped_value",
            words.total(),
            (),
            f"one of {', '.join(column.choices)}",
            f"seen: {shown}{more}{close}; name them under [{self.frame}.values.{column.name}], "
            f"such as {example}, or give a default",
        )


def _labels(shown: Iterable[Shown]) -> dict[tuple[int, int], str]:
    """The label of each row; each place is asked once, because it may have to read a file."""
    places: dict[int, Place] = {}
    rows: dict[int, set[int]] = {}
    for place, row, _ in itertools.chain.from_iterable(shown):
        places[id(place)] = place
        rows.setdefault(id(place), set()).add(row)
    return {
        (key, row): label
        for key, place in places.items()
        for row, label in zip(sorted(rows[key]), place.labels(sorted(rows[key])), strict=True)
    }
