"""The interface of an engine: a book's frames in place, and work on blocks of its customers."""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from pathlib import Path
from typing import TypeVar, cast

import pandas as pd

from bankcrm.book.contract import CONTRACT
from bankcrm.engines.sources import about_of, in_zones
from bankcrm.errors import UnknownNameError
from bankcrm.frames.arrays import as_of_day
from bankcrm.rules.sql_columns import quoted

PREFIX = "bankcrm_"
"""Prefix of the tables and views that an engine creates."""

T = TypeVar("T")


class Engine(abc.ABC):
    """An engine that reads a book's frames as relations and runs steps on blocks of its customers.

    An engine defines no fact: each block runs the steps of a review in memory. SQL is written once,
    in the dialect of DuckDB, and translated for the engine by sqlglot.

    Attributes:
        columns: The columns of each frame.
        places: Frame -> the SQL expression that reads it, for use after FROM.
        zones: Frame -> instant column -> time zone, where the source has one.
        name: The book's name.
        as_of: The day of the book, if it has one.
        presets: The policy presets that the book names.
        note: A note about the book for the reader.
        currency: The currency of its amounts; empty where it is not known.
        folder: The folder of the book; None for another source.
    """

    dialect: str
    columns: Mapping[str, tuple[str, ...]]
    places: Mapping[str, str]
    zones: Mapping[str, Mapping[str, str]]
    name: str
    as_of: date | None
    presets: tuple[str, ...]
    note: str
    currency: str
    folder: Path | None

    def __init__(self, source: object) -> None:
        about = about_of(source)
        is_folder = isinstance(source, str | Path) and Path(source).is_dir()
        self.folder = Path(str(source)) if is_folder else None
        self.name = str(about.get("name", "book"))
        day = about.get("as_of")
        self.as_of = None if day is None else cast("date", as_of_day(day).item())
        self.presets = tuple(about.get("presets", ()))
        self.note = str(about.get("note", ""))
        self.currency = str(about.get("currency", ""))

    @abc.abstractmethod
    def fetch(self, sql: str) -> pd.DataFrame:
        """Run a SELECT in DuckDB's dialect and bring its rows into memory."""

    @abc.abstractmethod
    def part(self, sql: str, customer: str, folder: Path, blocks: int) -> None:
        """Write a SELECT as Parquet, split by customer: ``folder/_block=0`` and so on.

        The column ``_row`` has the position of each row in the SELECT.

        Args:
            sql: The SELECT, in DuckDB's dialect.
            customer: The column of the customer's id.
            folder: The folder to write.
            blocks: The number of blocks.
        """

    def each(
        self, call: Callable[[T], None], jobs: Sequence[T], report: Callable[[int], None]
    ) -> None:
        """Call a function for each job, one after the other.

        Args:
            call: The function.
            jobs: The jobs.
            report: Called with the number of a job before it begins.
        """
        for number, job in enumerate(jobs):
            report(number)
            call(job)

    def at_work(self) -> AbstractContextManager[None]:
        """While a run works on blocks, by `each`."""
        return nullcontext()

    @abc.abstractmethod
    def identity(self) -> str:
        """A text that identifies the content of the book; it changes when a file changes."""

    def place(self, name: str) -> str:
        """The SQL expression that reads a frame, for use after FROM.

        Raises:
            UnknownNameError: The book has no such frame.
        """
        if name in self.places:
            return self.places[name]
        raise UnknownNameError("frame", name, self.places)

    def zoned(self, name: str, frame: pd.DataFrame) -> pd.DataFrame:
        """A frame with its instants in the time zone of the source; engines store UTC."""
        return in_zones(name, frame, self.zones.get(name, {}))

    def render(self, sql: str) -> str:
        """Translate SQL from DuckDB's dialect to that of the engine."""
        return sql if self.dialect == "duckdb" else _transpiled(sql, self.dialect)

    def recorded(self) -> tuple[str, ...]:
        """Frames that have a row, and their contract columns that have a value."""
        found: list[str] = []
        for name, columns in self.columns.items():
            known = [c.name for c in CONTRACT[name] if c.name in columns]
            counts = ", ".join(
                f"COUNT({quoted(c, 'duckdb')}) AS {quoted(f'n_{c}', 'duckdb')}" for c in known
            )
            row = self.fetch(f"SELECT COUNT(*) AS n, {counts} FROM {self.place(name)}").iloc[0]
            if row["n"]:
                found += [name, *(f"{name}.{c}" for c in known if row[f"n_{c}"])]
        return tuple(found)

    def sizes(self) -> dict[str, int]:
        """The number of rows of each frame."""
        counted = {
            n: self.fetch(f"SELECT COUNT(*) AS n FROM {self.place(n)}") for n in self.columns
        }
        return {name: int(found["n"].iloc[0]) for name, found in counted.items()}


@functools.lru_cache
def _transpiled(sql: str, dialect: str) -> str:
    import sqlglot

    [text] = sqlglot.transpile(sql, read="duckdb", write=dialect)
    return text


def known_frame(name: str) -> str:
    """The name of a frame of a book, checked."""
    if name not in CONTRACT:
        raise UnknownNameError("frame", name, CONTRACT)
    return name
