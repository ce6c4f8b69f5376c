"""The check of a mapping against the data contract: every error with its path."""

from __future__ import annotations

import codecs
import datetime as dt
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from bankcrm.book.contract import CONTRACT
from bankcrm.errors import DataError, nearest
from bankcrm.frames import Column
from bankcrm.units import is_time_zone

if TYPE_CHECKING:
    from bankcrm.book.mapping.values import ColumnSource, Formats, FrameMapping

POWERS = {
    "one": 0,
    "cents": -2,
    "thousands": 3,
    "ten_thousands": 4,
    "millions": 6,
    "percent": -2,
}
"""Unit of the source -> the power of ten that makes it the unit of the contract."""

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".xlsx")
"""The kinds of files that are read."""

_PROBE = dt.datetime(2003, 4, 5, 6, 7, 8, tzinfo=dt.UTC)
"""A moment whose parts all differ, by which patterns are compared."""

_KINDS: Mapping[str, tuple[type, ...]] = {
    "id": (int, str),
    "text": (str,),
    "category": (str,),
    "date": (dt.date,),
    "instant": (dt.datetime,),
    "money": (int, float),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
}
"""Kind of a column -> types that a constant of it may have."""


def raise_together(faults: Iterable[str]) -> None:
    """Raise one error that lists all faults, if there are any.

    Raises:
        DataError: There is at least one fault.
    """
    found = list(faults)
    if found:
        head = [] if len(found) == 1 else [f"{len(found)} faults"]
        raise DataError("\n  ".join([*head, *found]))


def faults_of(
    frames: Mapping[str, FrameMapping], formats: Formats, database: str | None
) -> list[str]:
    """All errors of a mapping, each with its path."""
    found = [*_format_faults(formats, "formats"), *_database_faults(database)]
    for name, frame in frames.items():
        if name not in CONTRACT:
            found.append(f"{name}: a book has no such frame{nearest(name, CONTRACT)}")
            continue
        found += _source_faults(frame, name)
        found += _format_faults(frame.formats, f"{name}.formats")
        known = {c.name: c for c in CONTRACT[name]}
        for part in ("columns", "constants", "values", "default"):
            entries = getattr(frame, part)
            for key, entry in entries.items():
                path = f"{name}.{part}.{key}"
                if key not in known:
                    found.append(f"{path}: {name} has no such column{nearest(key, known)}")
                else:
                    found += _ENTRY_FAULTS[part](known[key], entry, path)
        found += [
            f"{name}.constants.{key}: the column has a source too; keep one of the two"
            for key in frame.constants
            if key in frame.columns
        ]
    return found


def _database_faults(url: object) -> Iterator[str]:
    """A URL without a password; its text is not shown, because it may contain one."""
    if url is None:
        return
    if not isinstance(url, str) or "://" not in url:
        yield "database: not a URL; expected for example postgresql://bank@host/core"
    elif _PASSWORD.search(unquote(url)):
        yield (
            "database: the URL contains a password; remove it, and set the environment variable "
            "BANKCRM_DATABASE_PASSWORD"
        )


_PASSWORD = re.compile(r"://[^:/]*:[^@]*@|(password|passwd|pwd)\s*=", re.I)


def _source_faults(frame: FrameMapping, name: str) -> Iterator[str]:
    sources = [part for part in ("file", "table", "query") if getattr(frame, part) is not None]
    if len(sources) > 1:
        yield f"{name}: {' and '.join(sources)} are stated; keep one"
    suffix = "" if frame.file is None else PurePath(frame.file).suffix.lower()
    if frame.file is not None and suffix not in SUFFIXES:
        yield f"{name}.file: {frame.file!r} is not one of {', '.join(SUFFIXES)}"
    if frame.sheet is not None and suffix not in ("", ".xlsx"):
        yield f"{name}.sheet: only Excel files (.xlsx) have sheets, and file = {frame.file!r}"


def _column_faults(column: Column, source: ColumnSource, path: str) -> Iterator[str]:
    one = source.column is not None or source.account is not None
    two = source.credit is not None or source.debit is not None
    if source.account is not None and (source.column is not None or two):
        yield f"{path}: account stands alone; saw {', '.join(source.names)}"
    if source.account is not None and (
        column.name != "customer_id" or path.startswith("accounts.")
    ):
        yield f"{path}: account is for the customer_id of frames other than accounts"
    if one == two or (two and (source.credit is None or source.debit is None)):
        seen = ", ".join(source.names) or "nothing"
        yield f"{path}: expected a column, or credit and debit, saw {seen}"
    if two and column.kind != "money":
        yield f"{path}: credit and debit are for amounts of money; {column.name} is {column.kind}"
    stated = (source.direction is not None, bool(source.plus), bool(source.minus))
    if any(stated) and not (all(stated) and one and column.kind == "money"):
        yield (
            f"{path}: a direction is for amounts of money, and needs column, direction and "
            'the words plus and minus, such as plus = ["C"], minus = ["D"]'
        )
    if both := set(source.plus) & set(source.minus):
        yield f"{path}: {', '.join(sorted(both))} cannot be both plus and minus"
    if source.unit is not None:
        if column.kind not in ("money", "number"):
            yield f"{path}.unit: units are for numbers; {column.name} is {column.kind}"
        else:
            yield from _unit_faults(source.unit, f"{path}.unit")
    if source.dates is not None:
        if column.kind not in ("date", "instant"):
            yield f"{path}.dates: patterns are for dates; {column.name} is {column.kind}"
        else:
            yield from _pattern_faults(source.dates, f"{path}.dates")


def _constant_faults(column: Column, value: Any, path: str) -> Iterator[str]:
    kinds = _KINDS[column.kind]
    wrong = not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)
    if wrong or (column.kind == "date" and isinstance(value, dt.datetime)):
        yield f"{path}: {value!r} does not fit; expected {column.kind}"
    elif column.choices:
        yield from _word_faults(column, value, path)
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path}: {value!r} is not a finite number"
    elif isinstance(value, dt.datetime) and value.tzinfo is None:
        yield f"{path}: {value} has no time zone"


def _value_faults(column: Column, words: Mapping[str, str], path: str) -> Iterator[str]:
    if column.kind != "category":
        yield f"{path}: values are for words; {column.name} is {column.kind}"
        return
    for theirs, ours in words.items():
        place = f"{path}.{theirs}"
        if ours == "" and not column.nullable:
            yield f"{place}: {column.name} may not be missing"
        elif ours != "":
            yield from _word_faults(column, ours, place)


def _default_faults(column: Column, word: str, path: str) -> Iterator[str]:
    if column.kind != "category" or not isinstance(word, str):
        yield f"{path}: a default is a word; {column.name} is {column.kind}"
    else:
        yield from _word_faults(column, word, path)


_ENTRY_FAULTS: Mapping[str, Any] = {
    "columns": _column_faults,
    "constants": _constant_faults,
    "values": _value_faults,
    "default": _default_faults,
}


def _word_faults(column: Column, word: str, path: str) -> Iterator[str]:
    if column.choices and word not in column.choices:
        known = f"; expected one of {', '.join(column.choices)}"
        yield f"{path}: {word!r} is not a {column.name}{nearest(word, column.choices) or known}"


def _unit_faults(unit: str, path: str) -> Iterator[str]:
    if unit not in POWERS:
        yield f"{path}: {unit!r} is not one of {', '.join(POWERS)}"


def _format_faults(formats: Formats, path: str) -> Iterator[str]:
    if formats.encoding is not None:
        try:
            codecs.lookup(formats.encoding)
        except (LookupError, ValueError):
            expected = "expected a name such as gb18030"
            yield f"{path}.encoding: {formats.encoding!r} is unknown; {expected}"
    if formats.header is not None and formats.header < 1:
        yield f"{path}.header: {formats.header} is no line; the first is 1"
    for part in ("separator", "decimal", "thousands"):
        mark = getattr(formats, part)
        if mark is not None and len(mark) != 1:
            yield f"{path}.{part}: {mark!r} is not one character"
    decimal = formats.decimal or "."
    if decimal not in ".,":
        yield f"{path}.decimal: {decimal!r} is neither a point nor a comma"
    if decimal == formats.thousands:
        yield f"{path}.thousands: {decimal!r} is the decimal mark too"
    if formats.thousands is not None and (formats.thousands.isalnum() or formats.thousands in "+-"):
        yield f"{path}.thousands: {formats.thousands!r} is not a mark between digits"
    if formats.dates is not None:
        yield from _pattern_faults(formats.dates, f"{path}.dates")
    if formats.time_zone is not None and not is_time_zone(formats.time_zone):
        expected = "expected a name such as Asia/Shanghai"
        yield f"{path}.time_zone: {formats.time_zone!r} is unknown; {expected}"
    lowered = [{w.lower() for w in words or ()} for words in (formats.true, formats.false)]
    if both := lowered[0] & lowered[1]:
        yield f"{path}.true: {', '.join(sorted(both))} cannot be both true and false"
    if formats.amounts_in is not None:
        yield from _unit_faults(formats.amounts_in, f"{path}.amounts_in")


def _pattern_faults(patterns: tuple[str, ...], path: str) -> Iterator[str]:
    """Each pattern names a whole day, and no two read one text as different days."""
    written: dict[str, str] = {}
    for pattern in patterns:
        text = _PROBE.strftime(pattern)
        found = _parsed(text, pattern)
        if found is None or found.date() != _PROBE.date():
            yield f"{path}: {pattern!r} does not name a day; expected for example '%d.%m.%Y'"
        else:
            written[pattern] = text
    for first, second in itertools.permutations(written, 2):
        found = _parsed(written[first], second)
        if found is not None and found.date() != _PROBE.date():
            text = written[first]
            yield f"{path}: {first!r} and {second!r} read {text} as different days; keep one"
            return


def _parsed(text: str, pattern: str) -> dt.datetime | None:
    try:
        return dt.datetime.strptime(text, pattern)
    except ValueError:
        return None
