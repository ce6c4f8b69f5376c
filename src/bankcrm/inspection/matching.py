"""Which table is which frame, and which of its columns is which: scores with their reasons."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs
import numpy as np

from bankcrm.book.contract import CONTRACT, FAMILY, FRAMES, KEYS
from bankcrm.frames import Column
from bankcrm.inspection.codes import directions, known_share
from bankcrm.inspection.columns import SourceColumn
from bankcrm.inspection.lexicon import Lexicon, data, fit, joined
from bankcrm.inspection.tables import SourceTable

ROLES = ("credit", "debit", "direction")
"""What a column may be for amounts of money, beside the amount: as ``amount.credit`` is."""

REQUIRED = ("customers", "transactions")
"""The frames that every book has."""

_ENOUGH = 0.5
_NEAR = 0.3
"""How much worse the name of a column may fit than that of another that is taken."""
_JOINS = 0.95
_BRACKETS = re.compile(r"\s*[（(\[【]([^)）\]】]+)[)）\]】]\s*$")


@attrs.frozen
class Match:
    """A column of the source that is taken for a column of the contract.

    Attributes:
        target: The column of the contract; with one of `ROLES` behind it for a part of amounts.
        column: The column of the source.
        score: How sure it is, from 0 to 1.
        reason: Why, for people.
        unit: The unit that its name states.
        account: Whether it names accounts, whose customers are meant.
    """

    target: str
    column: SourceColumn
    score: float
    reason: str
    unit: str | None = None
    account: bool = False


@attrs.frozen
class FrameMatch:
    """A table that is taken for a frame.

    Attributes:
        frame: The frame.
        table: The table.
        columns: Column of the contract, or role -> its match.
        score: How sure it is.
        rivals: Column of the contract -> other columns whose names fit it nearly as well.
        joins: Column of ids -> share of its ids that the frame of these ids has.
    """

    frame: str
    table: SourceTable
    columns: dict[str, Match]
    score: float
    rivals: dict[str, list[str]] = attrs.field(factory=dict)
    joins: dict[str, float] = attrs.field(factory=dict)

    @property
    def contract(self) -> Mapping[str, Column]:
        """The columns of the frame by the contract."""
        return {c.name: c for c in CONTRACT[self.frame]}

    @property
    def missing(self) -> list[Column]:
        """Required columns that nothing is taken for."""
        found = {t for t in self.contract if t in self.columns or self.sides(t)}
        return [c for c in CONTRACT[self.frame] if c.required and c.name not in found]

    def sides(self, target: str) -> tuple[Match, Match] | None:
        """The columns of what comes in and what goes out, if amounts are in two columns."""
        credit, debit = (self.columns.get(f"{target}.{side}") for side in ("credit", "debit"))
        return (credit, debit) if credit and debit else None

    @property
    def lacking(self) -> list[str]:
        """Required columns that nothing is taken for, and that no word for every row replaces."""
        return [c.name for c in self.missing if not c.choices]

    @property
    def unused(self) -> list[str]:
        """Columns of the source that are taken for nothing."""
        used = {m.column.name for m in self.columns.values()}
        return [n for n in self.table.columns if n not in used]


def matched(tables: Sequence[SourceTable]) -> list[FrameMatch]:
    """The frames that tables are taken for, each frame and table once, in the contract's order."""
    choices = [m for t in tables for f in FRAMES if (m := _frame_match(t, f)) is not None]
    found: dict[str, FrameMatch] = {}
    used: set[int] = set()
    for choice in sorted(choices, key=lambda m: -m.score):
        if choice.frame not in found and id(choice.table) not in used:
            found[choice.frame] = choice
            used.add(id(choice.table))
    people = _key_of(found, "customer_id")
    found = {f: _by_values(found[f], people) for f in FRAMES if f in found}
    keys = {key: _key_of(found, key) for key in ("customer_id", "account_id")}
    accounts = found.get("accounts")
    if accounts is not None and not accounts.lacking:
        found = {name: _by_account(f) for name, f in found.items()}
    return [attrs.evolve(f, joins=_joins(f, keys)) for f in found.values()]


def _by_account(found: FrameMatch) -> FrameMatch:
    """A frame that names only accounts, whose customers are then meant."""
    match = found.columns.get("account_id")
    if match is None or "customer_id" not in found.lacking:
        return found
    owner = Match("customer_id", match.column, match.score, "of the account", account=True)
    return attrs.evolve(found, columns={**found.columns, "customer_id": owner})


def _key_of(found: Mapping[str, FrameMatch], key: str) -> SourceColumn | None:
    """The column that has all ids of customers or of accounts."""
    home = next(frame for frame, column in KEYS.items() if column == key)
    match = found[home].columns.get(key) if home in found else None
    return match.column if match else None


def _joins(found: FrameMatch, keys: Mapping[str, SourceColumn | None]) -> dict[str, float]:
    """How many ids of each column the frame of these ids has."""
    shares: dict[str, float] = {}
    for target, match in found.columns.items():
        home = keys.get("account_id" if match.account else FAMILY.get(target, target))
        if home is not None and home is not match.column and match.column.filled:
            shares[target] = match.column.share_in(home.ids)
    return shares


def _frame_match(table: SourceTable, frame: str) -> FrameMatch | None:
    """A table as a frame; None if too little of it fits."""
    choices = sorted(_choices(table, frame), key=lambda m: -m.score)
    columns: dict[str, Match] = {}
    used: set[str] = set()
    for choice in choices:
        if choice.target not in columns and choice.column.name not in used:
            columns[choice.target] = choice
            used.add(choice.column.name)
    found = FrameMatch(frame, table, columns, 0.0)
    required = [c.name for c in CONTRACT[frame] if c.required]
    lacking = len(found.missing)
    named = _name_score(table.name, frame)
    if lacking == len(required) or (2 * lacking > len(required) and not named):
        return None
    if frame not in REQUIRED and found.lacking and not named:
        return None
    score = 2 * named - lacking
    score += sum(m.score * (1.0 if t in required else 0.4) for t, m in columns.items())
    key = columns.get(KEYS.get(frame, ""))
    if key is not None:
        score += 0.5 if key.column.unique else -1.5
    rivals = _rivals(choices, columns, used)
    return attrs.evolve(found, score=score, rivals=rivals)


def _rivals(
    choices: Sequence[Match], columns: Mapping[str, Match], used: set[str]
) -> dict[str, list[str]]:
    """The columns that are taken for nothing, but could be taken for one that is found."""
    found: dict[str, list[str]] = {}
    for choice in choices:
        if choice.column.name not in used and choice.score > columns[choice.target].score - _NEAR:
            found.setdefault(choice.target, []).append(choice.column.name)
    return found


def _choices(table: SourceTable, frame: str) -> Iterator[Match]:
    """Every column of a table that may be a column of a frame, by name and values."""
    ways = data("names")["columns"][frame]
    for source in table.columns.values():
        plain, unit = _unit(source.name)
        pieces = names().pieces(plain)
        parts = [t for t in ways if t.rpartition(".")[2] in ROLES]
        for target in [*(c.name for c in CONTRACT[frame]), *parts]:
            score, reason = 0.0, ""
            if joined(plain) == joined(target):
                score, reason = 1.1, "by its name"
            for place, way in enumerate(ways.get(target, ())):
                found = fit(pieces, way) - 0.05 * place
                if found > max(score, 0.0):
                    score, reason = found, _spelled(way)
                    near = [p.text for p in pieces if p.near]
                    if near:
                        reason = f"did you mean {reason}? {', '.join(near)} is close to it"
            if score:
                score *= _value_score(source, target, frame)
            if score >= _ENOUGH:
                yield Match(target, source, score, reason, unit)


def _spelled(way: str) -> str:
    return " ".join(w for w in way.split() if not w.endswith("?"))


@functools.cache
def names() -> Lexicon:
    """The words in names of columns and files."""
    return Lexicon.of(data("names")["concepts"])


@functools.cache
def _units() -> Lexicon:
    return Lexicon.of(data("names")["units"])


def _unit(name: str) -> tuple[str, str | None]:
    """A name without the unit in it, and the unit if it is not that of the contract."""
    bracket = _BRACKETS.search(name)
    text = bracket[1] if bracket else name.rpartition("_")[2]
    units = _units().words.get(joined(text), frozenset())
    if not units or text == name:
        return name, None
    unit = next(iter(units))
    plain = name[: bracket.start()] if bracket else name.rpartition("_")[0]
    return plain, None if unit == "one" else unit


def _name_score(name: str, frame: str) -> float:
    """How well the name of a file, sheet or table fits a frame."""
    pieces = names().pieces(name)
    concepts = data("names")["frames"][frame]
    if joined(name) == frame:
        return 1.5
    found = [n for n, concept in enumerate(concepts) for p in pieces if concept in p.meanings]
    return 1.0 - 0.3 * min(found) if found else 0.0


def _value_score(source: SourceColumn, target: str, frame: str) -> float:
    """Whether the values of a column can be those of a column of the contract: 0 if not."""
    column = {c.name: c for c in CONTRACT[frame]}.get(target.partition(".")[0])
    if column is None or not source.filled:
        return 0.9
    if target.endswith(".direction"):
        plus, minus, others = directions(source)
        return 0.0 if len(source.words) > 4 else 1.0 if (plus or minus) and not others else 0.7
    match column.kind:
        case "id":
            return 1.0 if _are_ids(source) else 0.0
        case "date":
            return 1.0 if source.patterns else 0.0
        case "instant":
            return (1.0 if source.instants else 0.8) if source.patterns else 0.0
        case "money" | "number" | "integer":
            return 1.0 if source.marks else 0.0
        case "boolean":
            known = {w.lower() for part in data("words")["booleans"].values() for w in part}
            return 1.0 if {w.lower() for w in source.words} <= known else 0.0
        case "category" if column.choices:
            return 0.0 if not source.coded else 0.75 + 0.25 * known_share(source, column)
        case "category":
            return 0.7 if source.unique and source.filled > 10 else 1.0
    return 1.0


def _are_ids(source: SourceColumn) -> bool:
    pattern = re.compile(r"[^\s.,/:]+(\.0+)?(-[^\s.,/:]+)*")
    words = source.words[:1000]
    return sum(bool(pattern.fullmatch(w)) for w in words) >= _JOINS * len(words)


def _by_values(found: FrameMatch, people: SourceColumn | None) -> FrameMatch:
    """A frame whose missing columns are found by values alone, where only one column can be it."""
    columns = dict(found.columns)
    own = columns.get("customer_id")
    if people is not None and found.frame != "customers":
        joins = {
            name: source.share_in(people.ids)
            for name, source in found.table.columns.items()
            if source.filled and _may_name_customers(name)
        }
        best = max(joins, key=lambda n: joins[n], default="")
        stated = joins.get(own.column.name, 0.0) if own else 0.0
        if best and joins[best] >= _JOINS and stated < _ENOUGH and "customer_id" in found.contract:
            columns = {t: m for t, m in columns.items() if m.column.name != best}
            reason = f"by its values: {joins[best]:.0%} of its ids are customers"
            columns["customer_id"] = Match("customer_id", found.table.columns[best], 0.5, reason)
    found = attrs.evolve(found, columns=columns)
    for column in found.missing:
        free = [found.table.columns[n] for n in found.unused]
        fitting = [s for s in free if s.filled and _only_by_values(s, column, found.frame)]
        if len(fitting) == 1:
            reason = f"by its values: no other column can be the {column.name}"
            match = Match(column.name, fitting[0], 0.5, reason)
            found = attrs.evolve(found, columns={**found.columns, column.name: match})
    return found


def _may_name_customers(name: str) -> bool:
    """Whether the name of a column says nothing against ids of customers."""
    meanings = {m for piece in names().pieces(name) for m in piece.meanings}
    return meanings <= {"customer", "id", "code", "info", "own"}


def _only_by_values(source: SourceColumn, column: Column, frame: str) -> bool:
    """Whether values alone may tell a column."""
    if column.kind == "id":
        return KEYS.get(frame) == column.name and source.unique and _are_ids(source)
    if column.kind == "date":
        return bool(source.patterns) and not source.numeric
    if column.kind == "money":
        pieces = names().pieces(source.name)
        one_side = any(p.meanings & {"credit", "debit"} for p in pieces)
        return source.numeric and not (source.patterns or one_side or _whole(source))
    return bool(column.choices) and source.coded and known_share(source, column) > _ENOUGH


def _whole(source: SourceColumn) -> bool:
    numbers = source.sample_amounts(source.marks[0])
    return bool(np.all((numbers == np.floor(numbers)) | np.isnan(numbers)))


def other_tables(tables: Iterable[SourceTable], frames: Iterable[FrameMatch]) -> list[str]:
    """What the tables are that no frame is read from."""
    used = {id(f.table): f for f in frames}
    taken = {f.frame: f.table.title for f in frames}
    lines: list[str] = []
    for table in tables:
        if id(table) in used:
            continue
        near = [m for f in FRAMES if (m := _frame_match(table, f)) is not None]
        best = max(near, key=lambda m: m.score, default=None)
        why = "looks like no frame of a book"
        if best is not None and best.frame in taken and _name_score(table.name, best.frame):
            why = (
                f"may be {best.frame} too, which {taken[best.frame]} has; if both are needed, put "
                "their rows into files of one kind"
            )
        lines.append(f"{table.title}: not used; it {why}")
    return lines
