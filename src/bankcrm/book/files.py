"""A book as a folder: a Parquet or CSV file for each frame, and book.toml."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import tomli_w
from pyarrow import csv

from bankcrm.book.contract import CONTRACT, FRAMES
from bankcrm.book.mapping import BookMapping
from bankcrm.book.mapping.toml import mapping_of
from bankcrm.book.model import Book
from bankcrm.book.reading import read_frames
from bankcrm.databases.reading import Source, is_url
from bankcrm.errors import DataError
from bankcrm.progress import Progress

_FORMATS = ("parquet", "csv")
_TOML = "book.toml"
_FACTS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "name": (str, "text"),
    "as_of": ((dt.date, str), "a date"),
    "currency": (str, "text"),
    "seed": (int, "an integer"),
    "presets": (list, "a list of texts"),
    "note": (str, "text"),
}


def read_book(
    source: str | Path | Source,
    *,
    mapping: BookMapping | None = None,
    progress: Progress | None = None,
) -> Book:
    """Read a book from a folder or a database.

    Each frame is a file with the frame's name, such as ``customers.parquet``, ``customers.csv`` or
    ``customers.xlsx``, or the file that the mapping names. The optional ``book.toml`` has ``name``,
    ``as_of``, ``currency``, ``note``, ``presets``, for a synthetic book ``seed``, and the mapping.
    In a text file an empty cell is a missing value, and dates are ISO 8601 unless the mapping has
    another pattern. Ids are integers if all ids of the book are integers, else text (``007`` stays
    ``007``).

    A database is a URL of SQLAlchemy, whose password comes from the environment variable
    ``BANKCRM_DATABASE_PASSWORD``; an engine or connection of SQLAlchemy; or a connection of ADBC or
    of a driver with Python's database API. Each frame is the table of its own name, or the table or
    query that the mapping names.

    Args:
        source: The folder of the files, or the database.
        mapping: How the frames are read, instead of the mapping in ``book.toml``.
        progress: Called with (frames done, frames in all, the frame and its rows so far).

    Raises:
        DatabaseError: The database cannot be reached, or a query fails.
        DataError: No such folder; or all problems of all frames and files together: a missing file
            or column, cells that do not parse, words that the mapping does not name.
    """
    if not isinstance(source, str | Path) or is_url(source):
        frames, note = read_frames(mapping or BookMapping(), database=source, progress=progress)
        return Book(**frames, note=note)
    folder = Path(source)
    if not folder.is_dir():
        raise DataError(
            f"{folder}: no such folder; expected a folder of files such as customers.parquet"
        )
    facts, stated = book_entries(folder)
    frames, note = read_frames(
        stated if mapping is None else mapping, folder=folder, progress=progress
    )
    notes = [n for n in (facts.pop("note", ""), note) if n]
    return Book(**frames, **facts, note="; ".join(notes))


def write_book(
    book: Book,
    folder: str | Path,
    format: Literal["parquet", "csv"] = "parquet",  # noqa: A002 - pandas and pyarrow name it so
) -> Path:
    """Write a book to a folder, from which `read_book` reads the same book.

    Files of an earlier book in the folder are replaced; other files are not changed.

    Args:
        book: The book.
        folder: The folder; it is made if it does not exist.
        format: ``parquet`` (exact types, small, fast) or ``csv``.

    Returns:
        The folder.

    Raises:
        DataError: The format is unknown, or the folder is a file.
    """
    if format not in _FORMATS:
        raise DataError(f"format: {format!r} is not one of {', '.join(_FORMATS)}")
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: is a file; give a folder")
    folder.mkdir(parents=True, exist_ok=True)
    for name in FRAMES:
        for suffix in _FORMATS:
            (folder / f"{name}.{suffix}").unlink(missing_ok=True)
    for name, frame in book.frames().items():
        try:
            _write(frame, name, folder / f"{name}.{format}")
        except (TypeError, ValueError) as error:  # Arrow's own errors are both
            raise DataError(f"{name}: cannot be written as {format}: {error}") from None
    known = {key: getattr(book, key) for key in _FACTS}
    text = tomli_w.dumps({k: v for k, v in known.items() if v not in (None, "", ())})
    (folder / _TOML).write_text(text, encoding="utf-8")
    return folder


def _write(frame: pd.DataFrame, name: str, path: Path) -> None:
    plain = frame.copy(deep=False)
    plain.attrs = {}
    if path.suffix == ".parquet":
        plain.to_parquet(path, index=False)
        return
    # Arrow writes CSV seven times as fast as pandas, but does not write some types.
    zoned = {c: "string" for c in plain if isinstance(plain[c].dtype, pd.DatetimeTZDtype)}
    table = pa.Table.from_pandas(plain.astype(zoned), preserve_index=False)
    dates = {c.name for c in CONTRACT[name] if c.kind == "date"}
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            column = table.column(place).cast(field.type.value_type)
        elif field.name in dates and pa.types.is_timestamp(field.type):
            column = table.column(place).cast(pa.date32(), safe=False)
        else:
            continue
        table = table.set_column(place, field.name, column)
    csv.write_csv(table, path, csv.WriteOptions(quoting_style="needed"))


def book_entries(folder: Path) -> tuple[dict[str, Any], BookMapping]:
    """What book.toml says about the whole book, and its mapping.

    Without a name there, the book has the name of its folder.

    Raises:
        DataError: All errors of the file together, each with its path.
    """
    path = folder / _TOML
    if not path.is_file():
        return {"name": folder.name}, BookMapping()
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not TOML: {error}") from None
    faults = [
        f"{key} = {raw[key]!r} is not {words}"
        for key, (kind, words) in _FACTS.items()
        if key in raw and not isinstance(raw[key], kind)
    ]
    mapping = mapping_of(raw, faults)
    if faults:
        raise DataError(f"{path}: " + "\n  ".join(faults))
    return {"name": folder.name} | {k: raw[k] for k in _FACTS if k in raw}, mapping
