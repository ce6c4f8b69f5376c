"""A decision table as SQL: one CASE each for outcome, rule, missing fact and impossible value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import attrs

from bankcrm.errors import PolicyError, UnknownNameError
from bankcrm.rules.compiled import Cell, Compiled, Row
from bankcrm.rules.sql_columns import DIALECTS, Node, SqlColumns, quoted
from bankcrm.rules.values import type_of_constant


@attrs.frozen
class TableSql:
    """A decision table as SQL expressions over the columns of one row.

    Attributes:
        table: The table's id.
        dialect: The dialect of the expressions.
        columns: The columns that the expressions read, one for each fact.
        outcome: The outcome; null where the row is undecided or has a value ``outside``.
        rule: The id of the deciding rule; null where the outcome is.
        missing: The missing fact that stopped the row; null elsewhere.
        outside: The first fact whose value the table does not allow, or whose column is of
            another type; null where there is none.
    """

    table: str
    dialect: str
    columns: tuple[str, ...]
    outcome: str
    rule: str
    missing: str
    outside: str

    def __str__(self) -> str:
        return f"{self.outcome} AS outcome,\n{self.rule} AS rule"

    def select(self, relation: str, *, keep: Sequence[str] = ("customer_id",)) -> str:
        """A SELECT that decides every row of a relation.

        Args:
            relation: SQL of the relation as it stands after FROM; it is not quoted.
            keep: Columns to carry along; they are quoted.

        Returns:
            SQL that gives the kept columns, ``outcome``, ``rule``, ``missing`` and ``outside``.
        """
        kept = [quoted(name, self.dialect) for name in keep]
        decided = [f"{getattr(self, n)} AS {n}" for n in ("outcome", "rule", "missing", "outside")]
        return f"SELECT {', '.join([*kept, *decided])} FROM {relation}"


def to_sql(table: Compiled, dialect: str, columns: Mapping[str, str] | None = None) -> TableSql:
    """Render a table; see `bankcrm.rules.DecisionTable.to_sql`."""
    if table.hit_policy.collects:
        raise PolicyError(
            f"table {table.id!r}: hit policy {table.hit_policy.value} collects the rules of a row, "
            "and SQL renders tables that pick one; use decide_frame on batches of the rows"
        )
    if dialect not in DIALECTS:
        raise UnknownNameError("SQL dialect", dialect, DIALECTS)
    read = SqlColumns(table, DIALECTS[dialect], columns or {})
    made = _Renderer(table, read)
    _refuse_mixed_outcomes(table)
    return TableSql(
        table=table.id,
        dialect=read.dialect,
        columns=tuple(read.names[name] for name in table.facts),
        outcome=made.case(lambda row: read.literal(row.rule.then)),
        rule=made.case(lambda row: read.literal(row.rule.id)),
        missing=made.case(lambda row: made.exp.null(), made.missing_fact),
        outside=made.outside(),
    )


def _refuse_mixed_outcomes(table: Compiled) -> None:
    """A CASE has one type: SQL would convert texts and numbers into each other silently."""
    kinds = {type_of_constant(row.rule.then) for row in table.rows}
    if len(kinds) > 1:
        raise PolicyError(
            f"table {table.id!r}: its outcomes are of several kinds ({', '.join(sorted(kinds))}), "
            "and a SQL column has one; make them all texts"
        )


class _Renderer:
    """The pieces of one table in one dialect."""

    def __init__(self, table: Compiled, columns: SqlColumns) -> None:
        self.exp = columns.exp
        self.table = table
        self.columns = columns
        self.impossible = [(n, list(columns.impossible(n))) for n in table.facts]

    def arms(self) -> Iterator[tuple[Node | None, Row, bool]]:
        """Condition (None: always), rule, and whether the condition only may hold."""
        rows = self.table.rows
        if self.table.in_order:
            for row in rows:
                yield from self._sure(row)
                yield from self._maybe(row)
            return
        # Any rule that holds for certain decides; a missing fact stops only rows that none decides.
        for row in rows:
            if row.cells:
                yield from self._sure(row)
        for row in rows:
            yield from self._maybe(row)
        for row in rows:
            if not row.cells:
                yield from self._sure(row)

    def case(
        self, then: Callable[[Row], Node], unknown: Callable[[Row], Node] | None = None
    ) -> str:
        """A CASE over the arms: ``then`` where a rule holds, ``unknown`` (null) where it may.

        It is null where the table does not allow a value.
        """
        case, otherwise = self.exp.Case(), self.exp.null()
        if bad := [condition for _, conditions in self.impossible for condition in conditions]:
            case = case.when(self.exp.or_(*bad), self.exp.null(), copy=False)
        for condition, row, only_maybe in self.arms():
            value = (unknown(row) if unknown else self.exp.null()) if only_maybe else then(row)
            if condition is None:
                otherwise = value
                break  # nothing after it can be reached
            case = case.when(condition, value, copy=False)
        whole = case.else_(otherwise, copy=False) if case.args.get("ifs") else otherwise
        return self._sql(whole)

    def missing_fact(self, row: Row) -> Node:
        """The first fact of a rule that is missing, by name."""
        case = self.exp.Case()
        for cell in _value_cells(row):
            case = case.when(
                self.columns.is_null(cell.fact), self.columns.literal(cell.fact), copy=False
            )
        return case

    def outside(self) -> str:
        """The first fact whose value the table does not allow, by name."""
        case = self.exp.Case()
        for name, conditions in self.impossible:
            for condition in conditions:
                case = case.when(condition, self.columns.literal(name), copy=False)
        return self._sql(case if case.args.get("ifs") else self.exp.null())

    def _sure(self, row: Row) -> Iterator[tuple[Node | None, Row, bool]]:
        """A condition that is true where the rule holds; unknown counts as not true in a WHEN."""
        parts = [self._test(c) for c in row.cells]
        yield (self._all(parts) if parts else None), row, False

    def _maybe(self, row: Row) -> Iterator[tuple[Node | None, Row, bool]]:
        """A condition that is true where no known fact contradicts the rule."""
        if any(_value_cells(row)):
            parts = [self._test(c) if c.predicate is None else self._open(c) for c in row.cells]
            yield self._all(parts), row, True

    def _all(self, parts: Sequence[Node]) -> Node:
        return self.exp.and_(*parts, copy=False)

    def _open(self, cell: Cell) -> Node:
        return self.exp.or_(self.columns.is_null(cell.fact), self._test(cell), copy=False)

    def _test(self, cell: Cell) -> Node:
        exp, test = self.exp, cell.test
        if cell.predicate is None:
            null = self.columns.is_null(cell.fact)
            return null if cell.needs == "missing" else exp.not_(null, copy=False)
        args = [self.columns.literal(a) for a in test.constants]
        if test.op == "between":
            low = exp.GTE if test.closed[0] else exp.GT
            high = exp.LTE if test.closed[1] else exp.LT
            above = low(this=self.columns.read(cell.fact), expression=args[0])
            below = high(this=self.columns.read(cell.fact), expression=args[1])
            return self._all([above, below])
        if test.op == "in" or test.op == "not":
            found = exp.In(this=self.columns.read(cell.fact), expressions=args)
            return found if test.op == "in" else exp.not_(found, copy=False)
        compare = {"=": exp.EQ, "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE}[test.op]
        return compare(this=self.columns.read(cell.fact), expression=args[0])

    def _sql(self, node: Node) -> str:
        text: str = node.sql(dialect=self.columns.dialect)
        return text


def _value_cells(row: Row) -> list[Cell]:
    return [c for c in row.cells if c.predicate is not None]
