"""A mapping as a draft of ``book.toml``, with a comment on each proposal and what to decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np

from bankcrm.frames import Column
from bankcrm.frames.arrays import Numbers
from bankcrm.inspection.codes import Code, codes_of, directions
from bankcrm.inspection.formats import DECIDE, Entries, Entry, formats_of, marks_of
from bankcrm.inspection.lines import Line, Section
from bankcrm.inspection.matching import FrameMatch, Match
from bankcrm.report.words import rows_of

_MANY = 10
_ALONE = 3
"""Unknown words of a column that are decided one by one; more get one default."""


def sections_of(
    name: str,
    as_of: Entry,
    frames: Sequence[FrameMatch],
    others: Sequence[str] = (),
    database: str | None = None,
) -> list[Section]:
    """The draft of a book.

    Args:
        name: The name of the book.
        as_of: The day of the review.
        frames: The frames that were found.
        others: What is not used, for people.
        database: The URL of the database, without a password.
    """
    formats = formats_of(frames)
    head = [
        Line("name", Entry(name)),
        Line("as_of", as_of),
        Line("currency", Entry("CNY", "the currency of all amounts, if you know it"), off=True),
    ]
    if database:
        head.append(Line("database", Entry(database, "the password comes from the environment")))
    found = [Section("", "", head)]
    if formats[""]:
        lines = [Line(k, e) for k, e in sorted(formats[""].items())]
        found.append(Section("formats", "of all files", lines))
    for frame in frames:
        sections = _frame_sections(frame, formats[frame.frame])
        found += [attrs.evolve(s, lacking=bool(frame.lacking)) for s in sections]
    if others:
        found.append(Section("", "", [Line("", Entry("", line)) for line in others]))
    return found


def _frame_sections(found: FrameMatch, formats: Entries) -> Iterator[Section]:
    own = formats.copy()
    if unit := _same_unit(found):
        own["amounts_in"] = Entry(unit, "by the names of the columns")
    place = [Line(k, Entry(v)) for k, v in found.table.place.items()]
    yield Section(found.frame, found.table.about, place)
    entries = [Line(k, e) for k, e in sorted(own.items()) if not k.startswith("dates.")]
    if entries:
        yield Section(f"{found.frame}.formats", "", entries)
    columns = list(_columns(found, own))
    for name in found.lacking:
        comment = f"one of your columns: {', '.join(found.unused) or 'none is left'}"
        columns.append(Line(name, Entry(DECIDE, comment)))
    if found.unused:
        columns.append(Line("", Entry("", f"not used: {', '.join(found.unused)}")))
    yield Section(f"{found.frame}.columns", "column of the contract = your column", columns)
    if lacking := list(_constants(found)):
        yield Section(f"{found.frame}.constants", "no column of yours was found for these", lacking)
    defaults: list[Line] = []
    signs = signs_of(found)
    for target, match in found.columns.items():
        column = found.contract.get(target)
        if (
            column is None
            or not column.choices
            or not match.column.filled
            or _unknown(found, match)
        ):
            continue
        codes = codes_of(match.column, column, signs if found.frame == "transactions" else None)
        if all(c.word == c.meaning for c in codes):
            continue
        lines, default = _code_lines(codes, column)
        yield Section(f"{found.frame}.values.{target}", "your word = word of the contract", lines)
        defaults += default
    if defaults:
        yield Section(f"{found.frame}.default", "for words that are not named", defaults)


def _same_unit(found: FrameMatch) -> str | None:
    """The unit of all amounts of a frame, if their names state one."""
    money = [
        m.unit
        for t, m in found.columns.items()
        if (c := found.contract.get(t.partition(".")[0]))
        and c.kind == "money"
        and not t.endswith(".direction")
    ]
    return money[0] if money and len(set(money)) == 1 else None


def _unknown(found: FrameMatch, match: Match) -> bool:
    """Whether an optional column has many words and none is known: it is left out."""
    column = found.contract[match.target]
    if column.required or not column.choices or len(match.column.words) <= _MANY:
        return False
    return not any(c.meaning for c in codes_of(match.column, column))


def _columns(found: FrameMatch, formats: Entries) -> Iterator[Line]:
    single = _same_unit(found)
    for target in found.contract:
        match = found.columns.get(target)
        if sides := found.sides(target):
            comment = "what comes in, and what goes out, from the side of the customer"
            value = {"credit": sides[0].column.name, "debit": sides[1].column.name}
            yield Line(target, Entry(value, comment))
            continue
        if match is None:
            continue
        if _unknown(found, match):
            words = ", ".join(f"{w} ({n:,})" for w, n in list(match.column.by_word.items())[:10])
            yield Line(
                target, Entry(match.column.name, f"left out, no word is known: {words}"), off=True
            )
            continue
        if f"{target}.direction" in found.columns:
            yield _direction_line(found, match)
            continue
        source: dict[str, Any] = {"account" if match.account else "column": match.column.name}
        assumed = dict(source)
        comment = f"{match.reason}; {_evidence(match, found)}".strip("; ")
        if rivals := found.rivals.get(target):
            comment += f"; or is it {' or '.join(map(repr, rivals))}?"
        if match.unit and match.unit != single:
            source["unit"] = assumed["unit"] = match.unit
        elif target in ("rate",) and _is_percent(found, match):
            source["unit"] = assumed["unit"] = "percent"
            comment += "; above 1, so per cent"
        if (dates := formats.get(f"dates.{target}")) is not None:
            source["dates"], assumed["dates"] = dates.value, dates.assumed or dates.value
            comment += f"; {dates.comment}"
        value = source.get("column", source) if len(source) == 1 else source
        yield Line(target, Entry(value, comment, assumed if source != assumed else None))


def _direction_line(found: FrameMatch, match: Match) -> Line:
    """The amount with its direction; a signed amount needs none."""
    source = found.columns[f"{match.target}.direction"].column
    if (_numbers(found, match) < 0).any():
        comment = f"has signs already, so {source.name!r} is not needed"
        return Line(match.target, Entry(match.column.name, comment))
    plus, minus, others = directions(source)
    if plus and minus and not others:
        comment = "plus: what comes in, from the side of the customer"
        value = _direction(match, source.name, plus, minus)
        return Line(match.target, Entry(value, comment))
    words = ", ".join(f"{w} ({n:,})" for w, n in source.by_word.items())
    value = _direction(match, source.name, [DECIDE], [DECIDE])
    assumed = _direction(match, source.name, source.words[:1], source.words[1:])
    return Line(match.target, Entry(value, f"which word is for what comes in: {words}", assumed))


def _direction(
    match: Match, name: str, plus: Sequence[str], minus: Sequence[str]
) -> dict[str, Any]:
    words = {"plus": list(plus), "minus": list(minus)}
    return {"column": match.column.name, "direction": name, **words}


def _evidence(match: Match, found: FrameMatch) -> str:
    """What the values say."""
    source = match.column
    column = found.contract[match.target]
    if not source.filled:
        return "empty"
    empty = found.table.rows - source.filled
    notes = [f"{empty:,} empty"] if empty else []
    if column.kind == "id":
        notes.append("unique" if source.unique else f"{len(source.ids):,} distinct")
        home = "accounts" if match.account or match.target == "account_id" else "customers"
        if match.target in found.joins:
            notes.append(f"{found.joins[match.target]:.1%} of them are in {home}")
    return ", ".join(notes)


def _is_percent(found: FrameMatch, match: Match) -> bool:
    values = _numbers(found, match)
    return bool(np.nanmax(values, initial=0) > 1)


def _numbers(found: FrameMatch, match: Match) -> Numbers:
    marks = marks_of(found) or [(".", None)]
    return match.column.amounts(marks[0])


def signs_of(found: FrameMatch) -> Numbers | None:
    """The sign of the amount of each row; None where nothing shows it."""
    if sides := found.sides("amount"):
        credit, debit = (np.abs(np.nan_to_num(_numbers(found, side))) for side in sides)
        return np.asarray(np.sign(credit - debit))
    match, way = found.columns.get("amount"), found.columns.get("amount.direction")
    if match is None:
        return None
    amounts = _numbers(found, match)
    if way is None or (amounts < 0).any():
        return np.asarray(np.sign(amounts)) if (amounts < 0).any() else None
    plus, minus, others = directions(way.column)
    if others:
        return None
    signs = np.full(len(amounts), np.nan)
    for words, sign in ((plus, 1.0), (minus, -1.0)):
        for word in words:
            signs[way.column.rows_of(word)] = sign
    return signs


def _constants(found: FrameMatch) -> Iterator[Line]:
    """Required words that no column has: one word for every row."""
    for column in found.missing:
        if column.choices:
            first = "other" if "other" in column.choices else column.choices[0]
            comment = f"for every row, one of {', '.join(column.choices)}; or map a column of yours"
            yield Line(column.name, Entry(DECIDE, comment, first))


def _code_lines(codes: Sequence[Code], column: Column) -> tuple[list[Line], list[Line]]:
    """The lines of the words of a column, and of its default."""
    unknown = [c for c in codes if not c.meaning]
    first = "other" if "other" in column.choices else column.choices[0]
    known = ", ".join(column.choices)
    single = len(unknown) <= _ALONE
    lines = [Line("", Entry("", f"words: {known}"))] if unknown else []
    for code in codes:
        rows = rows_of(code.rows)
        if code.meaning:
            lines.append(Line(code.word, Entry(code.meaning, f"{rows}; {code.doubt}".strip("; "))))
        elif not column.required:
            comment = f'{rows}; {code.doubt}; "" leaves the value out'
            lines.append(Line(code.word, Entry("", comment)))
        elif single:
            lines.append(Line(code.word, Entry(DECIDE, f"{rows}; {code.doubt}", first)))
        else:
            lines.append(Line(code.word, Entry(first, f"{rows}; {code.doubt}"), off=True))
    if single or not column.required:
        return lines, []
    count = sum(c.rows for c in unknown)
    comment = f"{len(unknown)} words in {rows_of(count)}; such as {first!r}, or name them above"
    return lines, [Line(column.name, Entry(DECIDE, comment, first))]
