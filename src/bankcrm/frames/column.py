"""The contract of a column, and a fault in one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal, TypeAlias, get_args

import attrs

from bankcrm._display import first_few
from bankcrm.arguments import one_of, text
from bankcrm.errors import DataError

ColumnKind: TypeAlias = Literal[
    "id", "text", "category", "date", "instant", "money", "number", "integer", "boolean"
]


PERSONAL = frozenset({
    "name", "birth_date", "phone", "email", "id_number", "document_number", "address", "text",
    "contact_name", "counterparty",
})  # fmt: skip
"""Columns that hold personal data in whatever frame they are; the record classes agree."""


def _words(choices: Iterable[object]) -> tuple[str, ...]:
    return tuple(str(c) for c in choices)


@attrs.frozen
class Column:
    """The contract of one column of a frame.

    Attributes:
        name: Canonical name.
        kind: ``id``, ``text``, ``category``, ``date`` (naive day), ``instant`` (time-zone aware),
            ``money``, ``number``, ``integer`` or ``boolean``.
        required: Whether the column must be there.
        nullable: Whether its values may be missing.
        unit: Unit of the values, such as ``CNY`` or ``rate per year``.
        meaning: One short sentence for the data contract.
        choices: The values that a ``category`` may hold; empty for any.
        minimum: Lowest number allowed.
        maximum: Highest number allowed.
        personal: Personal data: faults show row labels, never values. By default that of a name
            in `PERSONAL`.
        known_from: Date columns of the frame from the first of which the value is known; empty:
            with its row. A date of such a column may lie ahead.
        undated: The value is a state that may change, and no column says since when it holds.

    >>> Column("share", "number", minimum=0, maximum=1).nullable
    False
    """

    name: str = attrs.field(validator=text)
    kind: ColumnKind = attrs.field(validator=one_of(*get_args(ColumnKind)))
    required: bool = True
    nullable: bool = False
    unit: str = ""
    meaning: str = ""
    choices: tuple[str, ...] = attrs.field(default=(), converter=_words)
    minimum: float | None = None
    maximum: float | None = None
    personal: bool = attrs.field(
        default=attrs.Factory(lambda self: self.name in PERSONAL, takes_self=True)
    )
    known_from: tuple[str, ...] = ()
    undated: bool = False


@attrs.frozen
class DataFault:
    """One kind of fault in one column, with its rows and advice.

    Attributes:
        frame: Name of the frame.
        column: Name of the column.
        problem: What is wrong, such as ``null`` or ``below_minimum``.
        count: Number of rows; 0 for a fault of the whole column.
        examples: The first rows, with their values unless these are personal data.
        expected: What the column should hold.
        advice: What to do.

    >>> print(DataFault("transactions", "amount", "null", 2, ("row 3", "row 9"), "a number"))
    transactions.amount: null in 2 rows (row 3, row 9); expected a number
    """

    frame: str
    column: str
    problem: str
    count: int
    examples: tuple[str, ...] = attrs.field(default=(), converter=_words)
    expected: str = ""
    advice: str = ""

    def __str__(self) -> str:
        where = f"{self.frame}.{self.column}" if self.column else self.frame
        text = f"{where}: {self.problem.replace('_', ' ')}"
        if self.count:
            text += f" in {self.count:,} row{'s' if self.count != 1 else ''}"
        if self.examples:
            more = ", ..." if self.count > len(self.examples) else ""
            text += f" ({', '.join(self.examples)}{more})"
        if self.expected:
            text += f"; expected {self.expected}"
        return f"{text}; {self.advice}" if self.advice else text

    def refuse(self) -> None:
        """Raise the fault, if any row has it.

        Raises:
            DataError: There are rows with the fault; the first few are named.
        """
        if self.count:
            raise DataError(str(self))


def fault_in_rows(
    frame: str,
    column: str,
    problem: str,
    labels: Collection[object],
    expected: str = "",
    advice: str = "",
    *,
    what: str = "row",
) -> DataFault:
    """The fault of some rows, with the labels of the first few.

    Args:
        frame: Name of the frame.
        column: Name of the column.
        problem: What is wrong.
        labels: The labels of all rows with the fault.
        expected: What the column should hold.
        advice: What to do.
        what: What a label names.

    >>> print(fault_in_rows("links", "share", "null", [3, 9], what="customer"))
    links.share: null in 2 rows (customer 3, customer 9)
    """
    examples = first_few(labels, f"{what} {{}}".format)
    return DataFault(frame, column, problem, len(labels), examples, expected, advice)
