"""A decision table as SQL: one CASE each for outcome, rule, missing fact and impossible value."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

import attrs

from bankcrm.errors import MissingExtraError, PolicyError, UnknownNameError
from bankcrm.rules.compiled import Cell, Compiled, Row
from bankcrm.rules.values import Fact

Node: TypeAlias = Any
"""A node of sqlglot's syntax tree."""

DIALECTS = {
    "duckdb": "duckdb",
    "spark": "spark",
    "postgres": "postgres",
    "postgresql": "postgres",
    "snowflake": "snowflake",
    "bigquery": "bigquery",
    "oracle": "oracle",
    "tsql": "tsql",
    "sqlserver": "tsql",
}

_NEVER_IN_NAMES = {"bigquery": '!"$()*,./;?@[\\]^`{}~', "oracle": '"'}


@attrs.frozen
class TableSql:
    """A decision table as SQL expressions over the columns of one row.

    Attributes:
        table: The table's id.
        dialect: The dialect of the expressions.
        columns: The columns that the expressions read, one for each fact.
        outcome: The outcome; null where the row is undecided.
        rule: The id of the deciding rule; null where the row is undecided.
        missing: The missing fact that stopped the row; null elsewhere.
        outside: The first fact whose value the table does not allow; null where there is none.
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
    made = _Renderer(table, DIALECTS[dialect], columns or {})
    _refuse_mixed_outcomes(table)
    return TableSql(
        table=table.id,
        dialect=made.dialect,
        columns=tuple(made.columns[name] for name in table.facts),
        outcome=made.case(lambda row: made.literal(row.rule.then)),
        rule=made.case(lambda row: made.literal(row.rule.id)),
        missing=made.case(lambda row: made.exp.null(), made.missing_fact),
        outside=made.outside(),
    )


def quoted(name: str, dialect: str) -> str:
    """A name as a quoted identifier of a dialect.

    >>> quoted('customer "id"', "duckdb")
    '"customer ""id\"""'
    """
    _refuse_unwritable(name, "column")
    never = _NEVER_IN_NAMES.get(DIALECTS[dialect], "")
    if found := sorted({c for c in name if c in never}):
        raise PolicyError(
            f"column {name!r}: {dialect} allows no {' '.join(found)} in a name; rename the column "
            "and say so with columns="
        )
    text: str = _sqlglot().to_identifier(name, quoted=True).sql(dialect=DIALECTS[dialect])
    return text


def _sqlglot() -> Any:
    """The syntax tree of sqlglot, loaded by name, since the extra is optional."""
    try:
        return importlib.import_module("sqlglot.expressions")
    except ImportError:
        raise MissingExtraError("sqlglot", "engines") from None


def _refuse_mixed_outcomes(table: Compiled) -> None:
    """A CASE has one type: SQL would convert texts and numbers into each other silently."""
    kinds = {_kind(row.rule.then) for row in table.rows}
    if len(kinds) > 1:
        raise PolicyError(
            f"table {table.id!r}: its outcomes are of several kinds ({', '.join(sorted(kinds))}), "
            "and a SQL column has one; make them all texts"
        )


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "date" if isinstance(value, date) else "text"


def _refuse_unwritable(text: str, what: str) -> None:
    """No SQL text can hold a null character or half of a surrogate pair."""
    if any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in text):
        raise PolicyError(f"{what} {text!r}: cannot be written in SQL; take the character out")


class _Renderer:
    """The pieces of one table in one dialect."""

    def __init__(self, table: Compiled, dialect: str, columns: Mapping[str, str]) -> None:
        self.exp = _sqlglot()
        self.table = table
        self.dialect = dialect
        facts = table.facts
        unknown = [name for name in columns if name not in facts]
        if unknown:
            raise UnknownNameError("fact", unknown[0], facts, f"table {table.id!r}")
        self.columns = {name: columns.get(name, name) for name in facts}
        for name in self.columns.values():
            quoted(name, dialect)

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
        """A CASE over the arms: ``then`` where a rule holds, ``unknown`` (null) where it may."""
        case, otherwise = self.exp.Case(), self.exp.null()
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
            case = case.when(self._is_null(cell.fact), self.literal(cell.fact), copy=False)
        return case

    def outside(self) -> str:
        """The first fact whose value the table does not allow, by name."""
        case = self.exp.Case()
        for name, fact in self.table.facts.items():
            for condition in self._impossible(name, fact):
                case = case.when(condition, self.literal(name), copy=False)
        return self._sql(case if case.args.get("ifs") else self.exp.null())

    def literal(self, value: Any) -> Node:
        """A constant; floats are written with an exponent, which every dialect reads as double."""
        exp = self.exp
        if isinstance(value, bool):
            return exp.true() if value else exp.false()
        if isinstance(value, int):
            return exp.Literal.number(value)
        if isinstance(value, float):
            return self._double(value)
        if isinstance(value, date):
            return exp.cast(exp.Literal.string(value.isoformat()), "date")
        return self._text(value)

    def _double(self, value: float) -> Node:
        if not math.isfinite(value):
            raise PolicyError(f"table {self.table.id!r}: {value} cannot be written in SQL")
        shortest = repr(abs(value))
        number = self.exp.Literal.number(shortest if "e" in shortest else f"{shortest}E0")
        return self.exp.Neg(this=number) if value < 0 else number

    def _text(self, value: Any) -> Node:
        text = value if isinstance(value, str) else str(value)
        _refuse_unwritable(text, f"table {self.table.id!r}: text")
        if self.dialect == "oracle" and text == "":
            raise PolicyError(
                f"table {self.table.id!r}: Oracle reads an empty text as missing; "
                "test 'missing' instead"
            )
        if self.dialect == "tsql" and not text.isascii():
            return self.exp.National(this=text)
        return self.exp.Literal.string(text)

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
        return self.exp.or_(self._is_null(cell.fact), self._test(cell), copy=False)

    def _test(self, cell: Cell) -> Node:
        exp, test = self.exp, cell.test
        if cell.predicate is None:
            null = self._is_null(cell.fact)
            return null if cell.needs == "missing" else exp.not_(null, copy=False)
        args = [self.literal(a) for a in test.constants]
        if test.op == "between":
            low = exp.GTE if test.closed[0] else exp.GT
            high = exp.LTE if test.closed[1] else exp.LT
            above = low(this=self._fact(cell.fact), expression=args[0])
            below = high(this=self._fact(cell.fact), expression=args[1])
            return self._all([above, below])
        if test.op == "in" or test.op == "not":
            found = exp.In(this=self._fact(cell.fact), expressions=args)
            return found if test.op == "in" else exp.not_(found, copy=False)
        compare = {"=": exp.EQ, "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE}[test.op]
        return compare(this=self._fact(cell.fact), expression=args[0])

    def _fact(self, name: str) -> Node:
        """The column of a fact, read as `decide_frame` reads it: NaN is missing, dates are days."""
        exp, kind = self.exp, self.table.facts[name].type
        column = exp.column(exp.to_identifier(self.columns[name], quoted=True))
        if kind in ("number", "integer"):
            return self._without_nan(column)
        if kind == "date":
            if self.dialect == "oracle":  # an Oracle DATE has a time of day
                return exp.Anonymous(this="TRUNC", expressions=[column])
            return exp.cast(column, "date")
        if kind == "text" and self.dialect == "tsql":  # its usual collations ignore case
            return exp.Collate(this=column, expression=exp.var("Latin1_General_BIN2"))
        if kind == "text" and self.dialect == "duckdb":  # an ENUM takes only its own texts
            return exp.cast(column, "text")
        return column

    def _without_nan(self, column: Node) -> Node:
        exp = self.exp
        if self.dialect == "tsql":  # SQL Server has no NaN
            return column
        if self.dialect == "oracle":
            return exp.Anonymous(this="NANVL", expressions=[column, exp.null()])
        if self.dialect == "bigquery":
            return exp.Case().when(exp.IsNan(this=column), exp.null()).else_(column.copy())
        nan = exp.cast(exp.Literal.string("NaN"), "double")
        return exp.Nullif(this=column, expression=nan)

    def _is_null(self, name: str) -> Node:
        return self.exp.Is(this=self._fact(name), expression=self.exp.null())

    def _impossible(self, name: str, fact: Fact) -> Iterator[Node]:
        exp = self.exp
        if fact.minimum is not None:
            yield exp.LT(this=self._fact(name), expression=self.literal(fact.minimum))
        if fact.maximum is not None:
            yield exp.GT(this=self._fact(name), expression=self.literal(fact.maximum))
        if fact.type == "integer":
            whole = exp.Floor(this=self._fact(name))
            yield exp.NEQ(this=self._fact(name), expression=whole)
        if fact.type == "text" and fact.values:
            known = [self.literal(v) for v in fact.values]
            yield exp.not_(exp.In(this=self._fact(name), expressions=known))

    def _sql(self, node: Node) -> str:
        text: str = node.sql(dialect=self.dialect)
        return text


def _value_cells(row: Row) -> list[Cell]:
    return [c for c in row.cells if c.predicate is not None]
