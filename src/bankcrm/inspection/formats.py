"""How the cells of each frame are written: entries of ``[formats]``, and what a person decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import pyarrow as pa

from bankcrm.book.reading.cells import FALSE, TRUE
from bankcrm.inspection.columns import MARKS, SourceColumn, days_of
from bankcrm.inspection.lexicon import data
from bankcrm.inspection.matching import FrameMatch

DECIDE = "DECIDE"
"""Stands in the draft where a person has to decide; no entry may have it, so that it is seen."""

Patterns = tuple[str | None, ...]


@attrs.frozen
class Entry:
    """An entry of ``[formats]``.

    Attributes:
        value: The value; `DECIDE` if there are choices.
        comment: Why, or between what to decide.
        assumed: The first choice, by which the draft is tried.
    """

    value: Any
    comment: str = ""
    assumed: Any = None

    @classmethod
    def choice(cls, choices: Sequence[Any], what: str) -> Entry:
        """An entry that a person decides."""
        shown = " or ".join(repr(c) if isinstance(c, str) else str(c) for c in choices)
        return cls(DECIDE, f"{what}: {shown}", choices[0])


Entries = dict[str, Entry]


def formats_of(frames: Sequence[FrameMatch]) -> dict[str, Entries]:
    """The entries of each frame; those that hold for all are under the empty name.

    Entries of columns are named ``dates.<column>``.
    """
    found: dict[str, Entries] = {f.frame: {**_files(f), **_words(f)} for f in frames}
    _add_marks(found, frames)
    _add_dates(found, frames)
    _add_zone(found, frames)
    shared = {
        key: entry
        for key in {k for entries in found.values() for k in entries}
        if (entry := _shared(key, found)) is not None
    }
    for entries in found.values():
        for key in shared:
            entries.pop(key, None)
    return {"": shared, **found}


def _shared(key: str, found: Mapping[str, Entries]) -> Entry | None:
    """An entry that all frames have alike; words for a missing value are put together."""
    entries = [e[key] for e in found.values() if key in e]
    if key in ("missing", "true", "false"):
        return Entry(sorted({w for e in entries for w in e.value}), entries[0].comment)
    alike = all((e.value, e.assumed) == (entries[0].value, entries[0].assumed) for e in entries)
    everywhere = len(entries) == len(found) or key in ("time_zone", "amounts_in")
    return entries[0] if alike and everywhere and not key.startswith("dates.") else None


def _files(found: FrameMatch) -> Entries:
    """Encoding and separator, where the reading would not recognise them."""
    table = found.table
    stated = attrs.asdict(table.formats, filter=lambda _, v: v is not None)
    entries = {k: Entry(v, f"of {table.title}") for k, v in stated.items()}
    for entry, choices in table.choices.items():
        entries[entry] = Entry.choice(choices, f"{table.title} can be read with each of these")
    return entries


def _words(found: FrameMatch) -> Entries:
    """Words for true, false and missing values, beside the usual ones."""
    entries: Entries = {}
    if found.table.missing:
        entries["missing"] = Entry(sorted(found.table.missing), "words for a missing value")
    known = data("words")["booleans"]
    usual = {w.lower() for w in (*TRUE, *FALSE)}
    seen = {
        w
        for target, m in found.columns.items()
        if (column := found.contract.get(target)) and column.kind == "boolean"
        for w in m.column.words
    }
    if not {w.lower() for w in seen} <= usual:
        for entry in ("true", "false"):
            words = {w.lower() for w in known[entry]}
            entries[entry] = Entry(
                sorted(w for w in seen if w.lower() in words), f"words for {entry}"
            )
    return entries


def _numeric(found: FrameMatch) -> list[SourceColumn]:
    """The text columns of a frame that are read as numbers."""
    kinds = {"money", "number", "integer"}
    return [
        m.column
        for target, m in found.columns.items()
        if not target.endswith(".direction") and m.column.text and m.column.filled
        and (c := found.contract.get(target.partition(".")[0])) and c.kind in kinds
    ]  # fmt: skip


def marks_of(found: FrameMatch) -> list[tuple[str, str | None]]:
    """The number marks that fit every number of a frame and give different numbers."""
    columns = _numeric(found)
    if not columns:
        return []
    count = {m: sum(m in c.marks for c in columns) for m in MARKS}
    fitting = [m for m in MARKS if count[m] == max(count.values())]
    distinct: list[tuple[str, str | None]] = []
    for marks in fitting:
        if all(any(not _same(c, marks, d) for c in columns) for d in distinct):
            distinct.append(marks)
    return distinct


def _same(column: SourceColumn, one: tuple[str, str | None], other: tuple[str, str | None]) -> bool:
    return bool(
        np.array_equal(column.sample_amounts(one), column.sample_amounts(other), equal_nan=True)
    )


def _add_marks(found: dict[str, Entries], frames: Sequence[FrameMatch]) -> None:
    choices = {f.frame: marks for f in frames if (marks := marks_of(f))}
    fitting = {
        f.frame: {m for m in MARKS if all(m in c.marks for c in _numeric(f))}
        for f in frames
        if f.frame in choices
    }
    sure = [f for f, marks in choices.items() if len(marks) == 1]
    common = [m for m in MARKS if sure and all(m in fitting[f] for f in sure)]
    for frame, marks in choices.items():
        if len(marks) > 1:
            texts = [_marks_text(m) for m in marks]
            found[frame]["decimal"] = Entry(
                DECIDE,
                f"numbers such as 1,200 or 1.200 can be read with {' or '.join(texts)}",
                marks[0][0],
            )
            found[frame]["thousands"] = Entry(
                DECIDE, "as above; remove the line if there is none", marks[0][1]
            )
        else:
            decimal, thousands = common[0] if common else marks[0]
            comment = f"numbers of {frame}"
            if len(sure) == len(choices) and common:
                comment = "numbers of all files"
            if decimal != ".":
                found[frame]["decimal"] = Entry(decimal, comment)
            if thousands:
                found[frame]["thousands"] = Entry(thousands, comment)
    if common and len(sure) == len(choices):  # frames without a number have no say
        for frame in found:
            if frame not in choices:
                found[frame] |= {
                    k: v for k, v in found[sure[0]].items() if k in ("decimal", "thousands")
                }


def _marks_text(marks: tuple[str, str | None]) -> str:
    decimal, thousands = marks
    return f"decimal {decimal!r}, " + (f"thousands {thousands!r}" if thousands else "no thousands")


def _add_dates(found: dict[str, Entries], frames: Sequence[FrameMatch]) -> None:
    every: dict[str, dict[str, tuple[list[Patterns], str]]] = {}
    for f in frames:
        timed = days_in(f)
        every[f.frame] = {t: patterns_of(c, list(timed.values())) for t, c in timed.items()}
    everywhere = [choices for columns in every.values() for choices, _ in columns.values()]
    for frame, columns in every.items():
        alike = all(choices == next(iter(columns.values()))[0] for choices, _ in columns.values())
        for target, (choices, reason) in columns.items():
            entry = _dates_entry(choices, reason)
            if entry is None:
                continue
            found[frame]["dates" if alike else f"dates.{target}"] = entry
    if everywhere and all(
        c == everywhere[0] for c in everywhere
    ):  # frames without days have no say
        for frame, columns in every.items():
            if not columns and (entry := _dates_entry(everywhere[0], "")):
                found[frame]["dates"] = entry


def _dates_entry(choices: list[Patterns], reason: str) -> Entry | None:
    texts: list[Any] = [c[0] if len(c) == 1 else list(c) for c in choices]
    if len(texts) > 1:
        return Entry.choice([t or "%Y-%m-%d" for t in texts], "days can be read with each of these")
    return None if texts[0] is None else Entry(texts[0], reason)


def days_in(found: FrameMatch) -> dict[str, SourceColumn]:
    """The text columns of a frame that are read as days."""
    return {
        t: m.column
        for t, m in found.columns.items()
        if (c := found.contract.get(t))
        and c.kind in ("date", "instant")
        and m.column.text
        and m.column.patterns
    }


def patterns_of(
    column: SourceColumn, siblings: Sequence[SourceColumn]
) -> tuple[list[Patterns], str]:
    """The patterns that read a column as different days; one where another column decides."""
    choices = _distinct(column)
    if len(choices) == 1:
        return choices, "how days are written"
    decided = {p[0]: s.name for s in siblings if len(p := _distinct(s)) == 1}
    known = [c for c in choices if c in decided]
    if len(known) == 1:
        return known, f"as in {decided[known[0]]!r}, where no other pattern fits"
    return choices, ""


def _distinct(column: SourceColumn) -> list[Patterns]:
    words = pa.array(column.words, pa.string())
    found: dict[Patterns, Any] = {}
    for patterns in column.patterns:
        days = days_of(words, patterns)
        if not any(days.equals(other) for other in found.values()):
            found[patterns] = days
    return list(found)


def _add_zone(found: dict[str, Entries], frames: Sequence[FrameMatch]) -> None:
    """The time zone, which nothing in the files can tell."""
    for f in frames:
        for target, match in f.columns.items():
            column, source = f.contract.get(target), match.column
            if column is None or not source.filled or not source.patterns:
                continue
            unzoned = column.kind == "instant" and not source.zoned
            zoned = column.kind == "date" and source.instants and source.zoned
            if unzoned or zoned:
                what = "have no time zone" if unzoned else "have a time zone; whose day counts"
                comment = f"times of {f.frame}.{target} {what}; such as 'Asia/Shanghai'"
                found[f.frame].setdefault("time_zone", Entry(DECIDE, comment, "Asia/Shanghai"))
