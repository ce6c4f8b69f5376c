"""Tables and queries of a database as sources of frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bankcrm.book.contract import FRAMES
from bankcrm.book.mapping import BookMapping, Formats
from bankcrm.book.reading.cells import Array, is_text
from bankcrm.book.reading.problems import RowPlace
from bankcrm.book.reading.sources import Batch
from bankcrm.databases.connection import translated
from bankcrm.databases.reading import Read, Source, table_query, tables_of
from bankcrm.errors import DatabaseError, DataError


def queries_of(
    mapping: BookMapping, database: Source | None, folder: Path | None
) -> dict[str, str]:
    """The query of each frame that comes from a database.

    Without a folder these are all frames of the mapping, each from the table of its own name unless
    the mapping states another; or, if it names no frame, those whose tables exist.

    Raises:
        DataError: A frame comes from a table, but there is no database.
    """
    stated = {n: f for n, f in mapping.frames.items() if f.table or f.query}
    if database is None:
        if stated:
            raise DataError(
                f"{', '.join(stated)}: a table or query without a database; state database = "
                '"postgresql://user@host/name" in book.toml, or pass a URL or connection'
            )
        return {}
    names = list(stated)
    if folder is None:
        names = list(mapping.frames) or [n for n in FRAMES if n in tables_of(database)]
    return {
        name: frame.query or table_query(database, frame.table or name)
        for name in names
        for frame in [mapping.frame(name)]
    }


def batches_of_query(
    read: Read,
    name: str,
    query: str,
    formats: Formats,
    report: Callable[[str, int], None],
    *,
    stream: bool,
) -> Iterator[Batch]:
    """The rows of a query in batches.

    Args:
        read: Runs the query; see `bankcrm.databases.reading.reading`.
        name: The frame.
        query: The query.
        formats: The formats of the frame, of which text columns need the words for missing values.
        report: Called after each chunk, with the frame and its rows so far.
        stream: Give the rows in parts that fit into memory.

    Raises:
        DatabaseError: The query fails.
        DataError: A column has values of several types.
    """
    try:
        with translated():
            parts = _counted(read(query), name, report)
            whole = [] if stream else [pa.concat_tables(parts, promote_options="permissive")]
            first = 0
            for table in whole or parts:
                index = pd.RangeIndex(first, first + len(table))
                yield Batch(_without_words(table, formats.missing), RowPlace(index))
                first += len(table)
    except DatabaseError as error:
        raise DatabaseError(f"{name}: {error}") from None
    except pa.ArrowException:
        raise DataError(
            "a column has values of several types; convert it in a query, such as "
            "SELECT CAST(x AS VARCHAR(40)) AS x FROM ..."
        ) from None


def _counted(
    chunks: Iterator[pa.Table], name: str, report: Callable[[str, int], None]
) -> Iterator[pa.Table]:
    rows = 0
    for chunk in chunks:
        rows += len(chunk)
        report(name, rows)
        yield chunk


def _without_words(table: pa.Table, missing: tuple[str, ...] | None) -> pa.Table:
    """A table whose texts for a missing value are null, as in a text file."""
    if not missing:
        return table
    words = pa.array(missing)

    def known(values: Array) -> Array:
        if not is_text(values):
            return values
        return pc.if_else(pc.is_in(pc.utf8_trim_whitespace(values), words), None, values)

    return pa.table([known(c) for c in table.columns], names=table.column_names)
