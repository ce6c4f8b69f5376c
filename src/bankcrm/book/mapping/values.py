"""A mapping as frozen values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from bankcrm.arguments import as_names, refuse
from bankcrm.book.mapping.validation import faults_of, raise_together

Words = Mapping[str, Any]


def _texts(values: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """One text, or several; None: not stated."""
    if values is not None and not isinstance(values, Iterable):
        refuse("texts", "a text, or several", values)
    return None if values is None else as_names(values)


def _words(values: Words) -> dict[str, Any]:
    return dict(values)


def _codes(values: Mapping[str, Words]) -> dict[str, dict[str, Any]]:
    return {column: dict(words) for column, words in values.items()}


@attrs.frozen
class Formats:
    """How the cells of text files are written; what is None is recognised, or has its usual form.

    Attributes:
        encoding: Encoding of the file, such as ``gb18030``; None: UTF-8, UTF-16 and GB18030 are
            recognised.
        header: Line of a text file, or row of a sheet, that has the names of the columns, where
            lines of a title stand above it; None: the first that is not blank.
        separator: Separator of the columns; None: comma, semicolon, tab and ``|`` are recognised.
        decimal: Decimal mark; None: a point.
        thousands: Mark between thousands; None: there is none.
        dates: Patterns of dates as for ``datetime.strptime``, such as ``%d.%m.%Y``; the first that
            fits a cell is used, for instants only those with a time of day (``%H``). None: ISO
            8601, ``2026/06/30`` and ``20260630``.
        time_zone: Zone of instants that are written without one; None: they are refused.
        true: Words for true; None: ``true``, ``1``.
        false: Words for false; None: ``false``, ``0``.
        missing: Words for a missing value, besides the empty cell, such as ``NULL``.
        amounts_in: Unit of all amounts of money: ``one``, ``cents``, ``thousands``,
            ``ten_thousands`` or ``millions``.
    """

    encoding: str | None = None
    header: int | None = None
    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    dates: tuple[str, ...] | None = attrs.field(default=None, converter=_texts)
    time_zone: str | None = None
    true: tuple[str, ...] | None = attrs.field(default=None, converter=_texts)
    false: tuple[str, ...] | None = attrs.field(default=None, converter=_texts)
    missing: tuple[str, ...] | None = attrs.field(default=None, converter=_texts)
    amounts_in: str | None = None

    def over(self, base: Formats) -> Formats:
        """These formats; what they do not state is as in ``base``.

        >>> Formats(decimal=",").over(Formats(encoding="gb18030", decimal="."))
        Formats(encoding='gb18030', decimal=',')
        """
        stated = attrs.asdict(self, filter=lambda _, value: value is not None)
        return attrs.evolve(base, **stated)

    def __repr__(self) -> str:
        """Only what is stated."""
        stated = attrs.asdict(self, filter=lambda _, value: value is not None)
        return f"Formats({', '.join(f'{k}={v!r}' for k, v in stated.items())})"


@attrs.frozen
class ColumnSource:
    """Where the values of one column of the contract come from.

    It is one column of the source; or two, ``credit`` and ``debit``, of which one holds what comes
    in and the other what goes out; or a column of unsigned amounts with a column of directions. The
    customer of a row may be that of its account.

    Attributes:
        column: Name of the column in the source.
        credit: Column of the amounts that come in.
        debit: Column of the amounts that go out.
        direction: Column that says whether the amount in ``column`` comes in or goes out.
        plus: Words in ``direction`` for what comes in.
        minus: Words in ``direction`` for what goes out.
        account: Column of the ids of accounts; the value is the customer of the account.
        unit: Unit of the amounts or numbers; None: that of the contract, or of ``amounts_in``.
        dates: Patterns of dates of this column; None: those of the file.
    """

    column: str | None = None
    credit: str | None = None
    debit: str | None = None
    direction: str | None = None
    plus: tuple[str, ...] = attrs.field(default=(), converter=as_names)
    minus: tuple[str, ...] = attrs.field(default=(), converter=as_names)
    account: str | None = None
    unit: str | None = None
    dates: tuple[str, ...] | None = attrs.field(default=None, converter=_texts)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the source that are read.

        >>> ColumnSource(credit="in", debit="out").names
        ('in', 'out')
        """
        found = (self.column, self.credit, self.debit, self.direction, self.account)
        return tuple(name for name in found if name is not None)


def _sources(columns: Mapping[str, str | ColumnSource]) -> dict[str, ColumnSource]:
    """A name alone means a single column of the source."""
    return {k: ColumnSource(v) if isinstance(v, str) else v for k, v in columns.items()}


@attrs.frozen
class FrameMapping:
    """How one frame is read.

    A column of the contract that is not named here is read from the column of its own name.

    Attributes:
        file: File name or glob, relative to the folder of the book; None: the file named after the
            frame. The rows of several files follow each other in the order of their names.
        sheet: Sheet of an Excel file; None: the first.
        table: Table of the database, with its schema if it has one: ``core.txn``.
        query: Query of the database, instead of a table.
        columns: Column of the contract -> its source.
        constants: Column of the contract -> the value of every row.
        values: Column of the contract -> word of the source -> word of the contract; an empty text
            means a missing value. Words of the contract need not be named.
        default: Column of the contract -> the word for values that ``values`` does not name.
            Without it such values are an error.
        formats: Formats of this frame, where they differ from those of the book.
    """

    file: str | None = None
    sheet: str | None = None
    table: str | None = None
    query: str | None = None
    columns: Mapping[str, ColumnSource] = attrs.field(factory=dict, converter=_sources)
    constants: Mapping[str, Any] = attrs.field(factory=dict, converter=_words)
    values: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict, converter=_codes)
    default: Mapping[str, str] = attrs.field(factory=dict, converter=_words)
    formats: Formats = Formats()

    def source(self, column: str) -> ColumnSource:
        """Where a column of the contract comes from."""
        return self.columns.get(column, ColumnSource(column))


@attrs.frozen
class BookMapping:
    """How the frames of a book are read from a bank's own files.

    Attributes:
        frames: Frame -> how it is read. One that is not named is read from the file of its name.
        formats: Formats of all frames.
        database: URL of the database of the frames with a table or a query, such as
            ``postgresql://bank@host/core``. Its password comes from the environment.

    Raises:
        DataError: The mapping does not fit the data contract; all errors are reported together,
            each with its path.

    >>> mapping = BookMapping.from_toml('''
    ... [formats]
    ... encoding = "gb18030"
    ...
    ... [transactions]
    ... file = "flow_*.csv"
    ... columns = { date = "txn_dt", amount = { credit = "in", debit = "out" } }
    ... values.kind = { POS = "card", SAL = "salary" }
    ... ''')
    >>> mapping.frame("transactions").source("date").names
    ('txn_dt',)
    """

    frames: Mapping[str, FrameMapping] = attrs.field(factory=dict, converter=_words)
    formats: Formats = Formats()
    database: str | None = None

    def __attrs_post_init__(self) -> None:
        """Check every frame against the data contract."""
        raise_together(faults_of(self.frames, self.formats, self.database))

    def frame(self, name: str) -> FrameMapping:
        """How one frame is read, with its formats complete."""
        found = self.frames.get(name, FrameMapping())
        return attrs.evolve(found, formats=found.formats.over(self.formats))

    @classmethod
    def from_toml(cls, source: str | Path) -> BookMapping:
        """Read a mapping from ``book.toml`` or from TOML text; the book's own entries are ignored.

        Args:
            source: A path, or the text itself.

        Raises:
            DataError: All errors together, each with its path.
        """
        from bankcrm.book.mapping.toml import read_mapping

        return read_mapping(source)

    def to_toml(self) -> str:
        """The mapping as TOML, as it stands in ``book.toml``.

        >>> print(BookMapping({"loans": FrameMapping(columns={"pd": "prob"})}).to_toml())
        [loans.columns]
        pd = "prob"
        <BLANKLINE>
        """
        from bankcrm.book.mapping.toml import write_mapping

        return write_mapping(self)
