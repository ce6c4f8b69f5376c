"""The inspection of a folder or a database: match, draft, try the draft, name what it supports."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pandas as pd

from bankcrm.arguments import as_path
from bankcrm.book import Book
from bankcrm.book.contract import CONTRACT
from bankcrm.book.files import book_entries
from bankcrm.book.mapping import BookMapping
from bankcrm.book.reading import tried_frames
from bankcrm.book.recorded import absences, recorded_in
from bankcrm.databases.connection import url_of
from bankcrm.databases.reading import Source, is_url
from bankcrm.errors import DataError
from bankcrm.frames import DataFault
from bankcrm.inspection.columns import days_of
from bankcrm.inspection.draft import sections_of, signs_of
from bankcrm.inspection.formats import DECIDE, Entry, Patterns, days_in, patterns_of
from bankcrm.inspection.lines import Section
from bankcrm.inspection.matching import REQUIRED, FrameMatch, matched, other_tables
from bankcrm.inspection.model import TOML, FoundColumn, FoundFrame, Inspection
from bankcrm.inspection.tables import SourceTable, tables_of_database, tables_of_folder
from bankcrm.pipeline.beside import COMPLAINTS, RISK, reasons_beside
from bankcrm.pipeline.fitted import Fitted
from bankcrm.pipeline.reasons import limits_of, reasons_of
from bankcrm.pipeline.steps import STEPS
from bankcrm.quality import measure_quality
from bankcrm.report.words import rows_of

_WORST = 5
"""How many fields of a dimension are named."""
_ROW = re.compile(r"row \d+(?=:|$)")
"""The number of a row at the beginning of an example."""
_HEAD = """\
# A draft by `bankcrm inspect`. Each line is a proposal with its reason: read it, and correct it.
# Replace every "DECIDE"; until then the book is not read. Then run `bankcrm inspect` again: it
# checks this file, and reports all problems together.
"""


def inspect_book(source: str | Path | Source, *, fresh: bool = False) -> Inspection:
    """Look at the files of a folder, or the tables of a database, and propose their mapping.

    Rows, ids and words are counted in whole tables; how numbers and days are written is judged by
    up to 2,000 distinct values of a column. Then the whole book is read by the draft. A folder that
    has a ``book.toml`` is checked by it.

    Args:
        source: The folder, or the database as for `read_book`.
        fresh: Propose a mapping although the folder has a ``book.toml``.

    Returns:
        The draft of a ``book.toml``, what to decide in it, all problems of all frames, and which
        results a review of this book will have.

    Raises:
        DataError: No such folder, or it has no table.
        DatabaseError: The database cannot be reached.
    """
    problems: list[str] = []
    if not isinstance(source, str | Path) or is_url(source):
        tables = tables_of_database(source, problems)
        return _drafted("bank", tables, problems, None, source)
    folder = as_path(source, "folder")
    if folder.is_file():
        raise DataError(f"{folder}: is a file; give its folder, which has all frames of the book")
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected a folder of a bank's files")
    if (folder / TOML).is_file() and not fresh:
        return _checked(folder)
    return _drafted(
        folder.resolve().name, tables_of_folder(folder, problems), problems, folder, None
    )


def _drafted(
    name: str,
    tables: list[SourceTable],
    problems: list[str],
    folder: Path | None,
    database: Source | None,
) -> Inspection:
    if not tables:
        seen = "; ".join(problems) or "it is empty"
        raise DataError(f"{folder or 'database'}: no table was found ({seen})")
    every = matched(tables)
    found = [f for f in every if f.frame in REQUIRED or len(f.lacking) <= 1]
    problems += [_lacking(f) for f in every if f.lacking]
    problems += [
        f"{frame}: no table looks like it; a book needs customers and transactions"
        for frame in REQUIRED
        if frame not in {f.frame for f in every}
    ]
    problems += _doubts(found)
    unread = [_lacking(f) for f in every if f not in found]
    others = other_tables(tables, every)
    day = _last_day(found)
    sections = sections_of(name, day, found, [*others, *unread], _shown_url(database))
    made = Inspection(
        name,
        "\n".join([_HEAD, *(s.text() + "\n" for s in sections)]),
        True,
        tuple(FoundFrame(f.frame, f.table.title, f.table.rows, f.table.about) for f in found),
        columns=_columns(sections),
        decisions=_decisions(sections),
        problems=tuple(problems),
        notes=(*others, *_left_out(sections), *_questions(found)),
    )
    readable = {f.frame for f in found if not f.lacking}
    if not readable.issuperset(REQUIRED):
        return made
    assumed = BookMapping.from_toml("\n".join(s.text(assumed=True) for s in sections))
    lacking = {f.frame for f in every if f.lacking}
    return _tried(made, assumed, day.assumed or day.value, folder, database, lacking)


def _lacking(found: FrameMatch) -> str:
    text = (
        f"{found.frame}: {found.table.title} has no column for {', '.join(found.lacking)}; its "
        f"other columns: {', '.join(found.unused) or 'none'}"
    )
    if found.lacking == ["customer_id"] and "account_id" in found.columns:
        return f"{text}; if only accounts name the customer, export both in one table"
    return f"{text}; name it in book.toml"


def _doubts(found: Sequence[FrameMatch]) -> list[str]:
    """What the columns themselves show to be doubtful."""
    doubts: list[str] = []
    for f in found:
        for target, share in f.joins.items():
            if share < 0.5 and f.frame not in ("complaints", "links"):
                doubts.append(
                    f"{f.frame}.{target}: only {share:.1%} of the ids in "
                    f"{f.columns[target].column.name!r} are found; is it the right column?"
                )
        owner = f.columns.get("customer_id")
        if f.frame == "customers" and owner is not None and not owner.column.unique:
            doubts.append("customers.customer_id: not unique; a book has one row per customer")
        unsigned = f.frame == "transactions" and "amount.direction" not in f.columns
        if unsigned and not f.lacking and signs_of(f) is None:
            doubts.append(
                "transactions.amount: no amount is negative, and no column says what goes out; "
                "amounts that go out must be negative"
            )
    return doubts


def _last_day(found: Sequence[FrameMatch]) -> Entry:
    """The last day of the transactions, to be decided if their dates are not clear."""
    moves = next((f for f in found if f.frame == "transactions"), None)
    match = moves.columns.get("date") if moves else None
    unknown = Entry(DECIDE, "the day of the review, such as 2026-06-30")
    if moves is None or match is None or not match.column.patterns:
        return unknown
    values = match.column.values
    choices: list[Patterns] = []
    if match.column.text:
        choices, _ = patterns_of(match.column, list(days_in(moves).values()))
        values = days_of(match.column.distinct, choices[0])
    days = pd.to_datetime(pd.Series(values.to_pandas()), errors="coerce", utc=True).dropna()
    if not len(days):
        return unknown
    last = days.max().date()
    if len(choices) > 1:
        return Entry(DECIDE, "the day of the review; those of the transactions are not clear", last)
    return Entry(last, "the last day of the transactions; the day of the review")


def _left_out(sections: Sequence[Section]) -> list[str]:
    """The words of optional columns whose meaning is not known."""
    return [
        f"{s.name.replace('.values', '')}: the word {line.key!r} is left out, {line.entry.comment}"
        for s in sections
        if ".values." in s.name
        for line in s.lines
        if line.key and line.entry.value == ""
    ]


def _questions(found: Sequence[FrameMatch]) -> list[str]:
    """The columns that may be another one."""
    return [
        f"{f.frame}.{target}: {' or '.join(map(repr, [f.columns[target].column.name, *names]))}?"
        for f in found
        for target, names in f.rivals.items()
    ]


def _columns(sections: Sequence[Section]) -> tuple[FoundColumn, ...]:
    return tuple(
        FoundColumn(frame, line.key, line.shown, line.entry.comment)
        for s in sections
        for frame, _, part in [s.name.partition(".")]
        if part == "columns"
        for line in s.lines
        if line.key and not line.off
    )


def _decisions(sections: Sequence[Section]) -> tuple[str, ...]:
    return tuple(
        f"{s.name + '.' if s.name else ''}{line.key}: {line.entry.comment}"
        for s in sections
        for line in s.lines
        if line.open and not line.off
    )


def _shown_url(database: Source | None) -> str | None:
    """The URL of a database without its password."""
    if database is None:
        return None
    url = getattr(database, "url", None) or getattr(getattr(database, "engine", None), "url", None)
    if isinstance(database, str) or hasattr(database, "drivername"):
        url = url_of(database)
    return None if url is None else str(url._replace(password=None))  # `set` would keep it


def _checked(folder: Path) -> Inspection:
    """The check of a mapping that is there."""
    text = (folder / TOML).read_text(encoding="utf-8")
    made = Inspection(folder.resolve().name, text, False, ())
    try:
        facts, mapping = book_entries(folder)
    except DataError as error:
        lines = str(error).splitlines()
        waiting = tuple(line.strip() for line in lines if DECIDE in line)
        others = tuple(line.strip() for line in lines if DECIDE not in line)
        return attrs.evolve(made, decisions=waiting, problems=others)
    day = pd.Timestamp(facts["as_of"]).date() if "as_of" in facts else None
    return _tried(made, mapping, day, folder, None)


def _tried(
    made: Inspection,
    mapping: BookMapping,
    day: dt.date | None,
    folder: Path | None,
    database: Source | None,
    lacking: Collection[str] = (),
) -> Inspection:
    """Read and check the book as a review would, and name what it supports.

    Args:
        made: What is known so far.
        mapping: How the book is read.
        day: The day of the review.
        folder: Its files.
        database: Its tables.
        lacking: Frames that cannot be read, for which that is reported already.
    """
    frames, faults = tried_frames(mapping, folder=folder, database=database)
    frames = {name: frame for name, frame in frames.items() if name not in lacking}
    faults = [f for f in faults if f.frame not in lacking]
    stated: list[DataFault] = list(faults)
    problems = [*made.problems, *(_shown(f) for f in faults)]
    quality = _quality(frames, day)
    sizes = {name: len(frame) for name, frame in frames.items()}
    if not faults and day is not None:
        try:
            given: dict[str, Any] = {**frames}
            checked, found_by_check = Book(**given, as_of=day).check()
            frames, stated = checked.frames(), list(found_by_check)
            problems += [_shown(f) for f in stated]
        except DataError as error:
            problems.append(re.sub(r"( in [\d,]+ rows?) \([^;]*?\)(?=;|$)", r"\1", str(error)))
    recorded = recorded_in(frames)
    fitted = Fitted(recorded)
    waiting = [s.name for s in STEPS if s.fit is not None]
    why = absences(sizes, recorded, [_without_examples(f) for f in stated])
    reasons = reasons_of(STEPS, fitted, why, waiting=waiting)
    rules = {d.rule for s in STEPS for d in s.decisions}
    results = [r for s in STEPS for r in s.results if r not in s.hidden and r not in rules]
    results += [r for need in (COMPLAINTS, *RISK) for r in need.results]
    reasons |= reasons_beside(recorded, why, reasons)
    found = made.frames or tuple(
        FoundFrame(n, _place(mapping, n), size, rows_of(size)) for n, size in sizes.items()
    )
    return attrs.evolve(
        made,
        frames=found,
        problems=tuple(dict.fromkeys(problems)),
        quality=quality,
        available=tuple(r for r in dict.fromkeys(results) if r not in reasons),
        reasons=reasons,
        limits=limits_of(STEPS, fitted, reasons, why),
    )


def _quality(frames: Mapping[str, pd.DataFrame], day: object) -> tuple[str, ...]:
    """The dimensions of the customers' records that were assessed, each with what lacks most."""
    if not isinstance(day, dt.date) or "customers" not in frames:
        return ()  # the day is still to be decided
    found = measure_quality(frames["customers"], as_of=day)
    rules = found.fields[(found.fields["weight"] > 0) & (found.fields["share"] < 1)]
    lines = []
    for dimension, share in found.dimensions["share"].dropna().items():
        worst = rules[(rules["dimension"] == dimension).to_numpy()].nsmallest(_WORST, "share")
        lacking = ", ".join(f"{r.field} {r.share:.1%}" for r in worst.itertuples())
        lines.append(f"{dimension} {share:.1%}{': ' if lacking else ''}{lacking}")
    return tuple(lines)


def _place(mapping: BookMapping, name: str) -> str:
    frame = mapping.frame(name)
    return frame.file or frame.table or ("a query" if frame.query else f"the file {name}")


def _shown(fault: DataFault) -> str:
    return str(_without_examples(fault))


def _without_examples(fault: DataFault) -> DataFault:
    """A fault without values that may be ids or personal data; only the numbers of rows stay."""
    column = {c.name: c for c in CONTRACT[fault.frame]}.get(fault.column)
    if column is None or column.kind == "id" or column.personal:
        rows = tuple(found.group() for e in fault.examples if (found := _ROW.match(e)))
        return attrs.evolve(fault, examples=rows)
    return fault
