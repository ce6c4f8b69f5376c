"""A book as a folder: a Parquet or CSV file for each frame, and book.toml."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import tomli_w

from bankcrm.arguments import as_path
from bankcrm.book.contract import CONTRACT, FRAMES
from bankcrm.book.mapping import BookMapping
from bankcrm.book.mapping.toml import mapping_of
from bankcrm.book.model import Book, refuse_no_book
from bankcrm.book.reading import read_frames
from bankcrm.databases.reading import Source, is_url
from bankcrm.disk import writing
from bankcrm.errors import DataError, without_values
from bankcrm.folders import ResultFolder, recover, refuse_source
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
    folder = as_path(source, "folder")
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
    *,
    force: bool = False,
) -> Path:
    """Write a book to a folder, from which `read_book` reads the same book.

    An earlier book that bankcrm wrote there is replaced. A folder with files of others is refused.

    Args:
        book: The book.
        folder: The folder; it is made if it does not exist.
        format: ``parquet`` (exact types, small, fast) or ``csv``.
        force: Replace the frames and ``book.toml`` of a folder that bankcrm did not write.

    Returns:
        The folder.

    Raises:
        DataError: The format is unknown, the folder is a file, or it has files of others.
    """
    if format not in _FORMATS:
        raise DataError(f"format: {format!r} is not one of {', '.join(_FORMATS)}")
    if not isinstance(book, Book):
        refuse_no_book(book)
    with book_folder(folder, force=force).replaced() as target:
        for name, frame in book.frames().items():
            try:
                with writing(target / f"{name}.{format}"):
                    _write(frame, name, target / f"{name}.{format}")
            except (TypeError, ValueError) as error:  # Arrow's own errors are both
                why = without_values(error)
                raise DataError(f"{name}: cannot be written as {format}: {why}") from None
        known = {key: getattr(book, key) for key in _FACTS}
        text = tomli_w.dumps({k: v for k, v in known.items() if v not in (None, "", ())})
        (target / _TOML).write_text(text, encoding="utf-8")
    return Path(folder)


def book_folder(folder: str | Path, *, force: bool = False) -> ResultFolder:
    """The folder of a book that is to be written."""
    names = [f"{name}.{suffix}" for name in FRAMES for suffix in _FORMATS]
    return ResultFolder(as_path(folder, "folder"), "book", (*names, _TOML), force)


def refuse_book_folder(out: str | Path, folder: str | Path) -> None:
    """Refuse to write results into the folder of a book, or into that of one of its frames.

    Raises:
        DataError: The results would lie among the files that are read.
    """
    refuse_source(out, folder, [Path(folder) / name for name in FRAMES])


def _write(frame: pd.DataFrame, name: str, path: Path) -> None:
    plain = frame.copy(deep=False)
    plain.attrs = {}
    if path.suffix == ".parquet":
        plain.to_parquet(path, index=False)
        return
    from pyarrow import csv

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
    recover(folder)
    path = folder / _TOML
    if not path.is_file():
        return {"name": folder.name}, BookMapping()
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not TOML: {error}") from None
    except (RecursionError, ValueError):  # nested without end, or a number of thousands of digits
        raise DataError(f"{path}: nested too deeply, or a number is too long") from None
    faults = [
        f"{key} = {raw[key]!r} is not {words}"
        for key, (kind, words) in _FACTS.items()
        if key in raw and not isinstance(raw[key], kind)
    ]
    presets = raw.get("presets", [])
    if isinstance(presets, list) and not all(isinstance(p, str) for p in presets):
        faults.append("presets has an element that is no text; expected such as 'domain/preset'")
    mapping = mapping_of(raw, faults)
    if faults:
        raise DataError(f"{path}: " + "\n  ".join(faults))
    return {"name": folder.name} | {k: raw[k] for k in _FACTS if k in raw}, mapping
