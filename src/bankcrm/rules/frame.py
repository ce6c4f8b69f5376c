"""Every row of a frame decided in one pass: the vector half of the kernel."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.errors import DataError, MissingFactError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import look_up, row_blocks
from bankcrm.frames.conversion import require_columns
from bankcrm.frames.numbering import categorical
from bankcrm.rules.compiled import Compiled, Row
from bankcrm.rules.decision import aggregate, check_on_missing
from bankcrm.rules.fact_columns import FactColumn, fact_column
from bankcrm.rules.model import HitPolicy, OnMissing

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.signedinteger[Any]]

CHUNK = 1 << 15  # rows decided together: few enough to stay in the processor's cache
UNDECIDED = -1


@attrs.frozen(eq=False)
class DecisionCodes:
    """The integer codes of a decided frame: int8, or int16 for a table of over 127 rules or words.

    Attributes:
        rule: Position of the deciding rule in ``table.rules``, -1 where undecided.
        outcome: Position of the outcome in ``table.vocabulary``, -1 where undecided.
        missing: Position in ``facts`` of the fact that was missing, -1 elsewhere.
        facts: The names of the facts that the table reads.
    """

    rule: Codes
    outcome: Codes
    missing: Codes
    facts: tuple[str, ...]


def decide_codes(table: Compiled, frame: object, on_missing: OnMissing) -> DecisionCodes:
    """Decide a frame as integer codes; see `bankcrm.rules.DecisionTable.decide_codes`."""
    frame = as_frame(frame)
    if table.hit_policy.collects:
        raise DataError(f"table {table.id!r} collects rules; use decide_frame")
    check_on_missing(on_missing)
    columns = fact_columns(table, frame)
    most = max(len(table.rows), len(table.vocabulary), len(table.facts))
    rule, outcome, missing = np.full(
        (3, len(frame)), UNDECIDED, np.int8 if most < 128 else np.int16
    )
    outcomes = [table.vocabulary.index(row.rule.then) for row in table.table_rows]
    to_outcome = np.array([*outcomes, UNDECIDED], rule.dtype)
    walk = _first if table.in_order else _any
    for part in row_blocks(len(frame), CHUNK):
        block = _Block(table, {n: c.part(part) for n, c in columns.items()})
        walk(block, rule[part], missing[part])
        outcome[part] = look_up(to_outcome, rule[part])
    _refuse_open_rows(table, frame, rule, missing, on_missing)
    return DecisionCodes(rule, outcome, missing, tuple(table.facts))


def decide_frame(table: Compiled, frame: object, on_missing: OnMissing) -> pd.DataFrame:
    """Decide a frame; see `bankcrm.rules.DecisionTable.decide_frame`."""
    frame = as_frame(frame)
    if table.hit_policy.collects:
        columns, missing = _collect(table, frame, on_missing)
    else:
        codes = decide_codes(table, frame, on_missing)
        ids = [row.rule.id for row in table.table_rows]
        columns = {
            "outcome": categorical(codes.outcome, list(table.vocabulary)),
            "rule": categorical(codes.rule, ids),
        }
        missing = codes.missing
    if on_missing == "undecided":
        columns["missing"] = categorical(missing, list(table.facts))
    result = pd.DataFrame(columns, index=frame.index, copy=False)
    result.attrs.update(table=table.id, version=table.version, fingerprint=table.fingerprint)
    return result


def fact_columns(table: Compiled, frame: pd.DataFrame) -> dict[str, FactColumn]:
    """Read every fact of a table from a frame's columns."""
    require_columns(frame, table.facts, f"table {table.id!r}")
    columns = {name: frame[name] for name in table.facts}
    repeated = [n for n, c in columns.items() if isinstance(c, pd.DataFrame)]
    if repeated:
        raise DataError(f"table {table.id!r}: column(s) {', '.join(repeated)} occur twice")
    return {name: fact_column(columns[name], f, name) for name, f in table.facts.items()}


class _Block:
    """Some rows of the facts, small enough for the cache."""

    def __init__(self, compiled: Compiled, columns: dict[str, FactColumn]) -> None:
        self.compiled = compiled
        self.columns = columns
        self.fact_number = {name: i for i, name in enumerate(compiled.facts)}

    def match(self, row: Row) -> tuple[Mask | None, Mask | None]:
        """Rows on which the rule applies for sure, and those on which it may; None is "all"."""
        sure: Mask | None = None
        maybe: Mask | None = None
        split = False
        for cell in row.cells:
            column = self.columns[cell.fact]
            passed = column.passed(cell)
            if cell.predicate is not None and column.missing is not None:
                open_ = passed | column.missing
                maybe = _and(sure if not split else maybe, open_)
                split = True
            elif split:
                maybe = _and(maybe, passed)
            sure = _and(sure, passed)
        return sure, (maybe if split else sure)

    def record_missing_fact(self, row: Row, stopped: Mask, missing: Codes) -> None:
        """Record the first missing fact of a rule on rows that it stopped, the first to do so."""
        for cell in row.cells:
            absent = self.columns[cell.fact].missing
            if cell.predicate is not None and absent is not None:
                rows = stopped & absent
                _put(missing, self.fact_number[cell.fact], rows)
                stopped = stopped > rows  # and not there


def _and(left: Mask | None, right: Mask) -> Mask:
    return right if left is None else left & right


def _first(block: _Block, rule: Codes, missing: Codes) -> None:
    """Take the rules in order; a rule that cannot be evaluated stops the row."""
    todo = np.ones(len(rule), np.bool_)
    for row in block.compiled.rows:
        sure, maybe = block.match(row)
        hit = todo if sure is None else sure & todo
        _put(rule, row.index, hit)
        if maybe is not None and maybe is not sure:
            reached = maybe & todo
            stopped = reached > hit
            if stopped.any():
                block.record_missing_fact(row, stopped, missing)
            hit = reached
        todo = todo > hit  # and not hit
        if not todo.any():
            return


def _put(codes: Codes, index: int, rows: Mask) -> None:
    """Write a number in rows that have none (-1) yet.

    Branch-free: three times faster than a masked copy where rows are scattered.
    """
    codes += rows.view(np.int8) * codes.dtype.type(index - UNDECIDED)


def _any(block: _Block, rule: Codes, missing: Codes) -> None:
    """Take any rule that applies for sure; a missing fact stops only rows that no rule decides."""
    todo = np.ones(len(rule), np.bool_)
    for row in block.compiled.rows:
        if not row.cells:  # the otherwise-rule: only where nothing else may apply
            _put(rule, row.index, todo & (missing == -1))
            break
        sure, maybe = block.match(row)
        hit = todo if sure is None else sure & todo
        _put(rule, row.index, hit)
        todo = todo > hit  # and not hit
        if maybe is not None and maybe is not sure:
            unknown = maybe & todo & (missing == -1)
            if unknown.any():
                block.record_missing_fact(row, unknown, missing)
    missing[rule != UNDECIDED] = -1


def _refuse_open_rows(
    table: Compiled,
    frame: pd.DataFrame,
    rule: Codes,
    missing: Codes,
    on_missing: OnMissing,
) -> None:
    """Raise where rows are stopped by a missing fact, or where no rule applies at all."""
    if rule.size == 0 or rule.min() != UNDECIDED:
        return
    if on_missing == "raise" and (missing >= 0).any():
        raise MissingFactError(missing_text(table, frame, missing))
    unmatched = np.flatnonzero((rule == UNDECIDED) & (missing == -1))
    if unmatched.size:
        raise MissingFactError(
            f"table {table.id!r}: no rule applies to {unmatched.size} row(s) "
            f"({few(frame.index[unmatched])}); add an otherwise-rule (empty 'when')"
        )


def missing_text(table: Compiled, frame: pd.DataFrame, missing: Codes) -> str:
    """Name each missing fact, the number of rows that it stops and the first few."""
    lines = []
    for number, name in enumerate(table.facts):
        rows = np.flatnonzero(missing == number)
        if rows.size:
            lines.append(
                f"fact {name!r} is missing in {rows.size} row(s): {few(frame.index[rows])}"
            )
    return (
        f"table {table.id!r}: {'; '.join(lines)}; give the fact, add a rule that tests "
        "'missing', or pass on_missing='undecided'"
    )


def _collect(
    table: Compiled, frame: pd.DataFrame, on_missing: OnMissing
) -> tuple[dict[str, Any], Codes]:
    """Outcome and rule columns of a collecting table.

    Outcome and label are computed once for each distinct set of rules that apply.
    """
    check_on_missing(on_missing)
    applies, missing = _rule_sets(table, frame)
    if on_missing == "raise" and (missing >= 0).any():
        raise MissingFactError(missing_text(table, frame, missing))
    decided = missing < 0
    sets, which = _distinct(applies if decided.all() else applies[decided])
    rules = [row.rule for row in table.table_rows]
    members = [[rules[i] for i in np.flatnonzero(s)] for s in sets]
    outcomes = [aggregate(table.hit_policy, [r.then for r in m]) for m in members]
    labels = ["+".join(r.id for r in m) for m in members]
    codes = np.full(len(frame), -1, np.int32)
    codes[decided] = which
    columns = {
        "outcome": _outcome_column(table, outcomes, codes),
        "rule": categorical(codes, labels),
    }
    return columns, missing


def _rule_sets(table: Compiled, frame: pd.DataFrame) -> tuple[Mask, Codes]:
    """Rows by rules: which apply; and the missing fact of each row that one stops."""
    columns = fact_columns(table, frame)
    applies = np.zeros((len(table.rows), len(frame)), np.bool_)
    missing = np.full(len(frame), -1, np.int16)
    block = _Block(table, columns)
    for row in table.rows:
        if not row.cells:
            none = ~applies.any(axis=0) & (missing == -1)
            applies[row.index] = none if row.otherwise else True
            continue
        sure, maybe = block.match(row)
        if sure is not None and maybe is not None:
            applies[row.index] = sure
            if maybe is not sure:
                block.record_missing_fact(row, (maybe > sure) & (missing == -1), missing)
    return applies.T, missing


def _distinct(applies: Mask) -> tuple[Mask, npt.NDArray[np.intp]]:
    """The distinct rows of a boolean matrix and the number of each row's own."""
    packed = np.packbits(applies, axis=1)
    words = np.zeros((len(packed), -(-max(packed.shape[1], 1) // 8) * 8), np.uint8)
    words[:, : packed.shape[1]] = packed
    keys: npt.NDArray[np.intp] = np.zeros(len(applies), np.intp)
    for column in words.view(np.uint64).T:  # fold 64 rules at a time into one dense number
        _, code = np.unique(column, return_inverse=True)
        _, keys = np.unique(keys * (code.max(initial=0) + 1) + code, return_inverse=True)
    _, first = np.unique(keys, return_index=True)
    return applies[first], keys


def _outcome_column(
    table: Compiled, outcomes: list[Any], codes: npt.NDArray[np.int32]
) -> npt.NDArray[Any]:
    """Each row's outcome: float64, or tuples under plain ``collect``; null where undecided."""
    if table.hit_policy is not HitPolicy.COLLECT:
        values = np.array([np.nan if o is None else o for o in outcomes] + [np.nan], np.float64)
        return values[codes]
    cells = np.empty(len(outcomes) + 1, object)
    for i, outcome in enumerate(outcomes):  # one by one, or numpy would unpack the tuples
        cells[i] = outcome
    return cells[codes]
