"""From the raw columns of a source to the columns of the contract, batch by batch."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bankcrm.book.contract import CONTRACT
from bankcrm.book.mapping import ColumnSource, Formats, FrameMapping
from bankcrm.book.mapping.validation import POWERS
from bankcrm.book.reading.amounts import Directions, net, signs_of
from bankcrm.book.reading.cells import PARSERS, Array, Cells, as_text, is_text, numbers
from bankcrm.book.reading.ids import id_cells
from bankcrm.book.reading.owners import Owners
from bankcrm.book.reading.problems import Place, Problems
from bankcrm.book.reading.sources import Batch
from bankcrm.book.reading.words import word_cells
from bankcrm.errors import DataError, nearest
from bankcrm.frames import Column
from bankcrm.frames.arrays import Numbers


@attrs.define
class FrameReading:
    """The reading of one frame: converts its batches and collects its problems.

    Attributes:
        name: The frame.
        mapping: How it is read, with complete formats.
        problems: What does not fit.
        owners: The customers of the accounts of the book.
    """

    name: str
    mapping: FrameMapping
    problems: Problems
    owners: Owners = attrs.field(factory=Owners)
    _directions: dict[str, Directions] = attrs.field(factory=dict)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the frame by the contract."""
        return CONTRACT[self.name]

    def requested(self) -> set[str]:
        """The columns of the source that are read if they are there."""
        return {n for c in self.columns for n in self.mapping.source(c.name).names}

    def converted(self, batch: Batch) -> pa.Table:
        """The columns of the contract of one batch, then the other columns of the source."""
        table = batch.table
        found: dict[str, Array] = {}
        for column in self.columns:
            source = self.mapping.source(column.name)
            missing = [n for n in source.names if n not in table.column_names]
            if column.name in self.mapping.constants:
                found[column.name] = _constant(self.mapping.constants[column.name], len(table))
            elif missing:
                self._report_missing(column, missing, batch)
            else:
                try:
                    found[column.name] = self._cells(column, source, table, batch.place)
                except DataError as error:
                    raise DataError(f"{self.name}.{column.name}: {error}") from None
        used = {n for s in self.mapping.columns.values() for n in s.names} | found.keys()
        rest = {n: table[n] for n in table.column_names if n not in used}
        return pa.table({**found, **rest}) if found or rest else table

    def finish(self) -> None:
        """Report what only the whole frame shows."""
        for column, directions in self._directions.items():
            if directions.signed_already:
                self.problems.whole(
                    column,
                    "signed_already",
                    "amounts without a sign beside a direction",
                    "every amount that goes out is negative: map the amount alone, "
                    "without its direction",
                )

    def _report_missing(self, column: Column, missing: list[str], batch: Batch) -> None:
        """Report a column of the source that is not there, if it is required or mapped."""
        stated = column.name in self.mapping.columns
        if not (stated or column.required):
            return
        present = batch.table.column_names
        free = [n for n in present if n not in self.requested()]
        close = nearest(missing[0], free) or nearest(column.name, free)
        name = close.split("'")[1] if close else "..."
        where = f" in {batch.place.source}" if batch.place.source else ""
        shown = f"present{where}: {', '.join(present) or 'no column at all'}"
        table = f"[{self.name}.columns] in book.toml"
        advice = f'map it, {column.name} = "{name}", under {table}'
        if stated:
            advice = f"correct {', '.join(map(repr, missing))} under {table}"
        self.problems.whole(column.name, "missing_column", "", f"{shown}{close}; {advice}")

    def _cells(self, column: Column, source: ColumnSource, table: pa.Table, place: Place) -> Array:
        formats = self.mapping.formats
        if source.dates is not None:
            formats = attrs.evolve(formats, dates=source.dates)
        if source.credit is not None or source.direction is not None:
            return self._split_amounts(column, source, table, place)
        raw = table[source.names[0]]
        if source.account is not None:
            return self._customers(column, raw)
        if column.kind == "category":
            return word_cells(raw, column, self.mapping, self.problems)
        if column.kind == "id":
            cells = id_cells(raw, column, self.problems)
        elif column.kind == "text":
            return raw if is_text(raw) else as_text(raw)
        elif column.kind in ("money", "number"):
            cells = numbers(raw, formats, _power(column, source, formats))
        else:
            cells = PARSERS[column.kind](raw, formats)
        self._report_cells(column, cells, raw, place)
        return cells.values

    def _customers(self, column: Column, accounts: Array) -> Array:
        """The customer of each account; the check of the book sets rows without one aside."""
        if not self.owners:
            advice = "name its file or table, or map customer_id to a column of your own"
            self.problems.whole(column.name, "no_accounts", "the frame accounts", advice)
        ids = as_text(id_cells(accounts, column, self.problems).values)
        found = self.owners.of(ids)
        if lost := found.null_count - ids.null_count:
            self.problems.notes[f"{self.name}: the account is not among the accounts"] += lost
        return found

    def _report_cells(self, column: Column, cells: Cells, raw: Array, place: Place) -> None:
        if cells.wrong is not None:
            self.problems.cells(
                column,
                "does_not_parse",
                cells.wrong,
                values=raw,
                place=place,
                expected=cells.expected,
                advice=cells.advice,
            )

    def _split_amounts(
        self, column: Column, source: ColumnSource, table: pa.Table, place: Place
    ) -> Array:
        power = _power(column, source, self.mapping.formats)

        def read(name: str | None) -> Numbers:
            cells = numbers(table[name], self.mapping.formats, power)
            self._report_cells(column, cells, table[name], place)
            return np.asarray(pc.cast(cells.values, pa.float64()).to_numpy(), dtype=np.float64)

        if source.direction is None:
            amounts, both = net(read(source.credit), read(source.debit))
            self.problems.cells(
                column,
                "credit_and_debit",
                both,
                values=None,
                place=place,
                expected=f"an amount in {source.credit!r} or in {source.debit!r}, not in both",
            )
            return pa.array(amounts, from_pandas=True)
        amounts = read(source.column)
        signs, unknown = signs_of(table[source.direction], source.plus, source.minus)
        self._directions.setdefault(column.name, Directions()).add(amounts, signs)
        self.problems.cells(
            column,
            "no_direction",
            np.isnan(signs) & ~np.isnan(amounts),
            values=table[source.direction],
            place=place,
            expected=f"{', '.join((*source.plus, *source.minus))} in {source.direction!r}",
            advice=f"words seen: {', '.join(map(repr, unknown))}" if unknown else "",
        )
        return pa.array(amounts * signs, from_pandas=True)


def _power(column: Column, source: ColumnSource, formats: Formats) -> int:
    """The power of ten from the unit of the source to that of the contract."""
    stated = formats.amounts_in if column.kind == "money" else None
    return POWERS[source.unit or stated or "one"]


def _constant(value: Any, rows: int) -> Array:
    array = pa.repeat(pa.scalar(value), rows)
    return array.dictionary_encode() if isinstance(value, str) else array
