"""Columns and constants in SQL: how each dialect reads the column of a fact as `read` does."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, TypeAlias

from bankcrm.errors import MissingExtraError, PolicyError, UnknownNameError
from bankcrm.rules.compiled import Compiled
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
_GREATEST = 1.7976931348623157e308  # the greatest finite double

# The types, as the engine names them, whose values each type of fact may hold. An instant with a
# zone is no date: its day depends on a zone, and in a session on the session's own.
TYPES: dict[str, dict[str, tuple[str, ...]]] = {
    "duckdb": {
        "number": (
            *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL"),
            *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
        ),
        "boolean": ("BOOLEAN",),
        "text": ("VARCHAR", "ENUM"),
        "date": ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"),
    },
    "spark": {
        "number": ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal"),
        "boolean": ("boolean",),
        "text": ("string",),
        "date": ("date", "timestamp_ntz"),
    },
    "postgres": {
        "number": ("smallint", "integer", "bigint", "real", "double precision", "numeric"),
        "boolean": ("boolean",),
        "text": ("text", "character varying", "character"),
        "date": ("date", "timestamp without time zone"),
    },
    "snowflake": {
        "number": ("INTEGER", "DECIMAL", "DOUBLE"),
        "boolean": ("BOOLEAN",),
        "text": ("VARCHAR",),
        "date": ("DATE", "TIMESTAMP_NTZ"),
    },
    "tsql": {
        "number": (
            *("tinyint", "smallint", "int", "bigint", "decimal", "numeric", "float", "real"),
            *("money", "smallmoney"),
        ),
        "boolean": ("bit",),
        "date": ("date", "datetime", "datetime2", "smalldatetime"),
    },
}

_FLOATS = {
    "duckdb": ("FLOAT", "DOUBLE"),
    "spark": ("float", "double"),
    "postgres": ("real", "double precision", "numeric"),
    "snowflake": ("DOUBLE",),
}
"""The types that can hold NaN, which counts as missing."""


class SqlColumns:
    """The columns of a table's facts, and its constants, in one dialect."""

    def __init__(self, table: Compiled, dialect: str, columns: Mapping[str, str]) -> None:
        unknown = [name for name in columns if name not in table.facts]
        if unknown:
            raise UnknownNameError("fact", unknown[0], table.facts, f"table {table.id!r}")
        self.exp = sqlglot_expressions()
        self.table = table
        self.dialect = dialect
        self.names = {name: columns.get(name, name) for name in table.facts}
        for name in self.names.values():
            quoted(name, dialect)

    def read(self, name: str) -> Node:
        """The column of a fact as `decide_frame` reads it: NaN is missing, dates are days."""
        exp, kind, column = self.exp, self.table.facts[name].type, self._column(name)
        if kind in ("number", "integer"):
            return self._without_nan(column)
        if kind == "any":
            return self._any(column)
        if kind == "date":
            if self.dialect == "oracle":  # an Oracle DATE has a time of day
                return exp.Anonymous(this="TRUNC", expressions=[column])
            return exp.cast(column, "date")
        if kind == "text" and self.dialect == "tsql":  # its usual collations ignore case
            return exp.Collate(this=column, expression=exp.var("Latin1_General_BIN2"))
        if kind == "text" and self.dialect == "duckdb":
            # An ENUM takes only its own texts, and a session may ignore case.
            text = exp.Collate(this=exp.cast(column, "text"), expression=exp.var("C"))
            return exp.Paren(this=text)
        return column

    def is_null(self, name: str) -> Node:
        """Whether a fact is missing."""
        return self.exp.Is(this=self.read(name), expression=self.exp.null())

    def impossible(self, name: str) -> Iterator[Node]:
        """Conditions under which the table does not allow a value, its type first."""
        exp, fact = self.exp, self.table.facts[name]
        yield from self._wrong_type(name, fact)
        if fact.minimum is not None:
            yield exp.LT(this=self.read(name), expression=self.literal(fact.minimum))
        if fact.maximum is not None:
            yield exp.GT(this=self.read(name), expression=self.literal(fact.maximum))
        if fact.type == "integer":
            if self.dialect not in ("oracle", "tsql"):  # their numbers have no such literal
                size = exp.Abs(this=self.read(name))
                yield exp.GT(this=size, expression=self.literal(_GREATEST))
            whole = exp.Floor(this=self.read(name))  # of an infinite number Spark refuses it
            yield exp.NEQ(this=self.read(name), expression=whole)
        if fact.type == "text" and fact.values:
            known = [self.literal(v) for v in fact.values]
            yield exp.not_(exp.In(this=self.read(name), expressions=known))

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

    def _column(self, name: str) -> Node:
        return self.exp.column(self.exp.to_identifier(self.names[name], quoted=True))

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

    def _any(self, column: Node) -> Node:
        """A column of any type; NaN is missing where the column is of floats."""
        exp, floats = self.exp, _FLOATS.get(self.dialect)
        if floats is None:
            return column
        text = exp.Lower(this=exp.cast(column.copy(), "text"))
        nan = exp.EQ(this=text, expression=exp.Literal.string("nan"))
        condition = exp.and_(self._is_type(column.copy(), floats), nan)
        return exp.Case().when(condition, exp.null()).else_(column)

    def _wrong_type(self, name: str, fact: Fact) -> Iterator[Node]:
        """Whether a column has a value of a type that the fact does not hold."""
        exp = self.exp
        kind = "number" if fact.type == "integer" else fact.type
        known = TYPES.get(self.dialect, {}).get(kind)
        if known is None:
            return
        wrong = exp.not_(self._is_type(self._column(name), known))
        present = exp.not_(exp.Is(this=self._column(name), expression=exp.null()))
        yield exp.and_(wrong, present)

    def _is_type(self, column: Node, types: tuple[str, ...]) -> Node:
        names = [self.exp.Literal.string(t) for t in types]
        return self.exp.In(this=self._type_of(column), expressions=names)

    def _type_of(self, column: Node) -> Node:
        """The type of a column as the engine names it, without its size."""
        exp, text = self.exp, self.exp.Literal.string

        def call(function: str, *arguments: Node) -> Node:
            return exp.Anonymous(this=function, expressions=list(arguments))

        if self.dialect == "duckdb":
            return call("SPLIT_PART", call("TYPEOF", column), text("("), exp.Literal.number(1))
        if self.dialect == "spark":
            size = exp.Literal.number(1)
            return call("SUBSTRING_INDEX", call("TYPEOF", column), text("("), size)
        if self.dialect == "postgres":
            return exp.cast(call("PG_TYPEOF", column), "text")
        if self.dialect == "snowflake":
            return call("TYPEOF", call("TO_VARIANT", column))
        return exp.cast(call("SQL_VARIANT_PROPERTY", column, text("BaseType")), "varchar(128)")

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
    made = sqlglot_expressions().to_identifier(name, quoted=True)
    text: str = made.sql(dialect=DIALECTS[dialect])
    return text


def sqlglot_expressions() -> Any:
    """The syntax tree of sqlglot, loaded by name, since the extra is optional."""
    try:
        return importlib.import_module("sqlglot.expressions")
    except ImportError:
        raise MissingExtraError("sqlglot", "engines") from None


def _refuse_unwritable(text: str, what: str) -> None:
    """No SQL text can hold a null character or half of a surrogate pair."""
    if any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in text):
        raise PolicyError(f"{what} {text!r}: cannot be written in SQL; take the character out")
