"""A book as a folder: a Parquet or CSV file for each frame, and book.toml."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import tomli_w
from pyarrow import csv

from bankcrm.arguments import as_path
from bankcrm.book.contract import CONTRACT, FRAMES
from bankcrm.book.model import Book, refuse_no_book
from bankcrm.errors import DataError
from bankcrm.folders import ResultFolder, refuse_source
from bankcrm.frames import Column, as_frame
from bankcrm.frames.arrays import codes

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
_SHOWN = 3

# Id columns that refer to the ids of another column get the type of that column.
_FAMILY = {"parent_id": "customer_id", "child_id": "customer_id", "referred_by": "customer_id"}


def read_book(folder: str | Path) -> Book:
    """Read a book from a folder.

    Each frame is a file with the frame's name, ``customers.parquet`` or ``customers.csv``. The
    optional ``book.toml`` has ``name``, ``as_of``, ``currency``, ``note``, ``presets`` and, for a
    synthetic book, ``seed``. In a CSV file an empty cell is a missing value, and dates are ISO
    8601. Ids are integers if all ids of the book are integers, else text (``007`` stays ``007``).

    Args:
        folder: The folder of the files.

    Raises:
        DataError: No such folder, a required file is missing, a file does not parse, or a frame
            exists twice.
    """
    folder = as_path(folder, "folder")
    if not folder.is_dir():
        raise DataError(
            f"{folder}: no such folder; expected a folder of files such as customers.parquet"
        )
    files = {name: _file(folder, name) for name in FRAMES}
    for name in ("customers", "transactions"):
        if files[name] is None:
            names = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
            present = ", ".join(names) or "nothing"
            raise DataError(
                f"{folder}: {name}.parquet or {name}.csv is missing; present: {present}"
            )
    facts = book_facts(folder)
    texts = {n: _read_csv(p, n) for n, p in files.items() if p is not None and p.suffix == ".csv"}
    frames: dict[str, Any] = {
        n: _read_parquet(p) for n, p in files.items() if p is not None and p.suffix == ".parquet"
    }
    frames |= _ids_alike(texts)
    return Book(**frames, **facts)


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
                _write(frame, name, target / f"{name}.{format}")
            except (TypeError, ValueError) as error:  # Arrow's own errors are both
                raise DataError(f"{name}: cannot be written as {format}: {error}") from None
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


def _file(folder: Path, name: str) -> Path | None:
    found = [folder / f"{name}.{s}" for s in _FORMATS if (folder / f"{name}.{s}").is_file()]
    if len(found) > 1:
        raise DataError(f"{folder}: {name} exists twice, as Parquet and as CSV; keep one")
    return found[0] if found else None


def book_facts(folder: Path) -> dict[str, Any]:
    """The entries of book.toml; without a name there, the book has the name of its folder."""
    path = folder / _TOML
    if not path.is_file():
        return {"name": folder.name}
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not TOML: {error}") from None
    if unknown := [key for key in entries if key not in _FACTS]:
        raise DataError(f"{path}: unknown key {', '.join(unknown)}; known: {', '.join(_FACTS)}")
    for key, (kind, words) in _FACTS.items():
        if key in entries and not isinstance(entries[key], kind):
            raise DataError(f"{path}: {key} = {entries[key]!r} is not {words}")
    return {"name": folder.name} | entries


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return as_frame(pq.read_table(path))  # dates as days, large ids exact
    except (ValueError, OSError) as error:  # ArrowInvalid is a ValueError
        raise DataError(f"{path}: not a Parquet file: {error}") from None


def _read_csv(path: Path, name: str) -> pd.DataFrame:
    """Read a frame from CSV with its contract columns parsed by kind, and ids as text."""
    columns = {c.name: c for c in CONTRACT[name]}
    texts = dict.fromkeys(columns, "string")
    try:
        raw = pd.read_csv(
            path, dtype=texts, keep_default_na=False, na_values=[""], encoding="utf-8"
        )
    except (ValueError, OSError) as error:  # ParserError and UnicodeDecodeError are ValueErrors
        raise DataError(f"{path}: not a CSV file: {error}") from None
    faults: list[str] = []
    parsed = {c: _parsed(columns[c], raw[c], path, faults) for c in raw.columns if c in columns}
    if faults:
        raise DataError("\n  ".join([f"{path}: columns that do not parse: {len(faults)}", *faults]))
    return raw.assign(**parsed)


def _parsed(column: Column, text: pd.Series, path: Path, faults: list[str]) -> pd.Series:
    """Parse one column by its kind; cells that do not parse are added to ``faults``."""
    if column.kind in ("id", "text"):
        return text
    if column.kind == "category":
        return text.astype("category")
    expected = "numbers"
    values: pd.Series
    if column.kind in ("date", "instant"):
        expected = "ISO dates such as 2026-06-30"
        moments = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
        zoned = text.str.contains(r"\d(?:Z|[+-]\d\d:?\d\d)$", na=False)
        if column.kind == "instant":
            expected = "instants with a time zone such as 2026-06-30T09:00:00+08:00"
            values = moments.mask(~zoned.to_numpy(dtype=np.bool_))
        else:
            values = moments.mask(zoned.to_numpy(dtype=np.bool_)).dt.tz_localize(None)
    elif column.kind == "boolean":
        expected = "true or false"
        words = {"true": True, "false": False, "1": True, "0": False}
        values = text.str.lower().map(words).astype("boolean")
    else:
        values = pd.to_numeric(text, errors="coerce").astype("float64")
    wrong = (values.isna() & text.notna()).to_numpy(dtype=np.bool_)
    if wrong.any():
        lines = np.flatnonzero(wrong)[:_SHOWN] + 2  # the header is line 1
        if column.personal:
            shown = ", ".join(f"line {n}" for n in lines)
        else:
            cells = text[wrong].iloc[:_SHOWN]
            shown = ", ".join(f"line {n}: {v!r}" for n, v in zip(lines, cells, strict=True))
        faults.append(f"{column.name}: cells that are not {expected}: {wrong.sum():,} ({shown})")
    return values


def _ids_alike(texts: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Convert each family of ids to integers if all of them are integers."""
    found: dict[str, dict[str, pd.Series]] = {}
    for name, frame in texts.items():
        for c in CONTRACT[name]:
            if c.kind == "id" and c.name in frame:
                family = found.setdefault(_FAMILY.get(c.name, c.name), {})
                family[f"{name}.{c.name}"] = frame[c.name]
    changed: dict[str, dict[str, pd.Series]] = {name: {} for name in texts}
    for family in found.values():
        coded = {place: codes(ids) for place, ids in family.items()}
        if not all(
            index.astype("string").str.fullmatch(r"0|-?[1-9]\d{0,17}").all()
            for _, index in coded.values()
        ):
            continue
        for place, (code, index) in coded.items():
            name, column = place.split(".")
            whole = index.astype("string").astype("int64").to_numpy()
            null = code < 0
            values = np.append(whole, 0)[code]
            changed[name][column] = pd.Series(
                pd.arrays.IntegerArray(values, null) if null.any() else values,
                index=texts[name].index,
            )
    return {name: frame.assign(**changed[name]) for name, frame in texts.items()}
