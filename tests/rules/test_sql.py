"""A table as SQL decides as `decide_frame` does: executed on DuckDB, parsed for the others."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.errors import DataError, MissingExtraError, PolicyError, UnknownNameError
from bankcrm.policy import DOMAINS, default_policy
from bankcrm.rules import DecisionTable, Fact, HitPolicy, Rule, UnaryTest
from bankcrm.rules.sql import TableSql
from bankcrm.rules.sql_columns import DIALECTS, TYPES, quoted

duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed (extra engines)")
sqlglot = pytest.importorskip("sqlglot", reason="sqlglot is not installed (extra engines)")

CONNECTION = duckdb.connect()
WRITABLE = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
TEXTS = st.sampled_from(
    ["a", "B", "b", "", "'", "''", '"', "\\", "\\'", "'; DROP TABLE rows; --", "客户", "%", "\n",
     "NaN", "null", "missing", "{x}", "`", "]", "a\tb", "🏦"]
) | st.text(WRITABLE, max_size=4)  # fmt: skip
NUMBERS = st.sampled_from(
    [0, 1, -1, 2, 365, 0.1, -0.1, 0.5, 1e-7, 1e300, -2.5, 123456789.123456789, 10**15]
) | st.floats(-1e6, 1e6, allow_nan=False)
WHOLE = st.integers(-5, 5)
DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)) | st.just(dt.date(2026, 1, 31))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "number": NUMBERS,
    "integer": WHOLE,
    "boolean": st.booleans(),
    "text": TEXTS,
    "date": DAYS,
    "any": TEXTS,
}
ORDERED = ("number", "integer", "date")


@st.composite
def unary_tests(draw: st.DrawFn, kind: str) -> UnaryTest:
    """A unary test that suits a fact of a kind."""
    values = VALUES[kind]
    ops = ["missing", "present", "any"]
    if kind != "any":
        ops += ["=", "in", "not"] * 2
    if kind in ORDERED:
        ops += ["<", "<=", ">", ">=", "between"]
    op = draw(st.sampled_from(ops))
    if op in ("missing", "present", "any"):
        return UnaryTest(op)
    if op == "between":
        low, high = sorted([draw(values), draw(values)])
        return UnaryTest(op, (low, high), (draw(st.booleans()), draw(st.booleans())))
    if op in ("in", "not"):
        return UnaryTest(op, tuple(draw(st.lists(values, min_size=1, max_size=3))))
    return UnaryTest(op, (draw(values),))


@st.composite
def tables(draw: st.DrawFn) -> DecisionTable:
    """A table that decides every row, over facts with hostile names."""
    names = draw(st.lists(TEXTS.filter(bool), min_size=1, max_size=3, unique_by=str.lower))
    kinds = {name: draw(st.sampled_from(list(VALUES))) for name in names}
    count = draw(st.integers(1, 5))
    outcomes = draw(st.sampled_from([TEXTS, WHOLE, NUMBERS, st.booleans(), DAYS]))
    rules = [
        Rule(
            f"rule'{i}",
            {
                n: draw(unary_tests(kinds[n]))
                for n in draw(st.sets(st.sampled_from(names), min_size=1))
            },
            draw(outcomes),
        )
        for i in range(count)
    ]
    table = DecisionTable(
        id="t'able",
        rules=(*rules, Rule("otherwise", {}, draw(outcomes))),
        hit_policy=draw(st.sampled_from([HitPolicy.FIRST, HitPolicy.UNIQUE, HitPolicy.ANY])),
        facts={n: Fact(k) for n, k in kinds.items()},
    )
    faulty = any(f.severity == "error" for f in table.check())
    return attrs.evolve(table, hit_policy=HitPolicy.FIRST) if faulty else table


@st.composite
def frames(draw: st.DrawFn, table: DecisionTable) -> pd.DataFrame:
    """Rows for a table: constants of its tests, other values, and nulls."""
    size = draw(st.integers(1, 12))
    columns = {}
    for name, fact in table.facts.items():
        own = [c for r in table.rules if name in r.when for c in r.when[name].constants]
        values = VALUES[fact.type]
        if own:
            values = st.sampled_from(own) | values
        if fact.type == "integer":
            values = values.filter(lambda v: float(v).is_integer())
        cells = draw(st.lists(values | st.none(), min_size=size, max_size=size))
        columns[name] = _column(cells, fact.type, draw(st.booleans()))
    return pd.DataFrame(columns)


def _column(cells: list[Any], kind: str, plain: bool) -> pd.Series:
    if kind == "number":
        floats = [None if c is None else float(c) for c in cells]
        return pd.Series(floats, dtype="float64" if plain else "Float64")
    if kind == "integer":
        return pd.Series(cells, dtype="Int64")
    if kind == "boolean":
        return pd.Series(cells, dtype="boolean" if plain else object)
    if kind == "date":
        return pd.to_datetime(pd.Series(cells, dtype=object)).astype("datetime64[s]")
    return pd.Series(cells, dtype=object if plain else "category")


def decided(table: DecisionTable, frame: object) -> pd.DataFrame:
    """What the pandas kernel says, as plain objects with None for null."""
    return _plain(table.decide_frame(frame, on_missing="undecided"))


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    wanted = frame[["outcome", "rule", "missing"]].astype(object)
    return wanted.where(wanted.notna(), None)


def run(table: DecisionTable, frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    """The same on DuckDB."""
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    sql = table.to_sql("duckdb").select("rows", keep=())
    return CONNECTION.register("rows", rows).execute(sql).fetchall()


@given(st.data())
def test_duckdb_decides_as_pandas_does(data: st.DataObject) -> None:
    """Outcome, rule and missing fact of every row, over hostile names, values and nulls."""
    table = data.draw(tables())
    frame = data.draw(frames(table))
    expected = list(decided(table, frame).itertuples(index=False, name=None))
    found = [row[:3] for row in run(table, frame)]
    assert found == expected


@settings(max_examples=15)
@given(tables())
def test_every_dialect_parses_back_to_the_same_names_and_texts(table: DecisionTable) -> None:
    """No value ends its literal early: what is parsed has our texts and columns and no others."""
    ours = {r.id for r in table.rules} | {str(n) for n in table.compiled.facts}
    ours |= {c for r in table.rules for t in r.when.values() for c in t.constants if _is_text(c)}
    ours |= {str(c) for r in table.rules for t in r.when.values() for c in t.constants}
    ours |= {str(r.then) for r in table.rules} | {"NaN", "nan", "(", "BaseType"}
    ours |= {t for kinds in TYPES.values() for names in kinds.values() for t in names}
    for dialect in dict.fromkeys(DIALECTS.values()):
        sql = _rendered(table, dialect)
        if sql is None:
            continue
        [parsed] = sqlglot.parse(sql.select("book"), read=dialect)
        texts = {e.this for e in parsed.find_all(sqlglot.exp.Literal) if e.is_string}
        texts |= {e.this for e in parsed.find_all(sqlglot.exp.National)}
        assert texts <= ours
        columns = {e.name for e in parsed.find_all(sqlglot.exp.Column)}
        assert columns <= {*table.compiled.facts, "customer_id", "Latin1_General_BIN2", "C"}
        assert {e.name for e in parsed.find_all(sqlglot.exp.Table)} == {"book"}


def _rendered(table: DecisionTable, dialect: str) -> TableSql | None:
    """The table in a dialect; None where two dialects lack a name or a text that it has."""
    if dialect not in ("bigquery", "oracle"):
        return table.to_sql(dialect)
    try:
        return table.to_sql(dialect)
    except PolicyError:
        return None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_tables_that_ship_render_in_every_dialect(domain: str) -> None:
    """Each default table that picks a rule is SQL that each dialect's parser takes."""
    policy = default_policy(domain)
    for name in policy.tables:
        table = policy.table(name)
        if table.hit_policy.collects:
            continue
        for dialect in dict.fromkeys(DIALECTS.values()):
            [parsed] = sqlglot.parse(table.to_sql(dialect).select("facts"), read=dialect)
            assert isinstance(parsed, sqlglot.exp.Select)


def test_a_text_cannot_break_out_of_its_literal() -> None:
    """The classical injection is a text like any other; the table that it names stays."""
    hostile = "x'; DROP TABLE victims; --"
    table = DecisionTable(
        id="t", rules=(Rule("hit", {hostile: UnaryTest("=", (hostile,))}, hostile),
                       Rule("else", {}, "no")),
    )  # fmt: skip
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE victims AS SELECT 1 AS one")
        connection.register("rows", pa.table({hostile: [hostile, "other"]}))
        found = connection.execute(table.to_sql("duckdb").select("rows", keep=())).fetchall()
        assert [row[0] for row in found] == [hostile, "no"]
        assert connection.execute("SELECT count(*) FROM victims").fetchone() == (1,)


def test_not_a_number_is_missing_and_a_time_of_day_is_cut_off() -> None:
    """Columns of an engine may hold NaN and timestamps; both read as the frame reads them."""
    table = DecisionTable(
        id="t",
        rules=(
            Rule("rich", {"money": ">= 100"}, "rich"),
            Rule("today", {"day": "= 2026-01-31"}, "today"),
            Rule("else", {}, "other"),
        ),
        facts={"money": "number", "day": "date"},
    )
    sql = table.to_sql("duckdb").select("rows", keep=())
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE rows AS SELECT * FROM (VALUES ('NaN'::DOUBLE, NULL::TIMESTAMP), "
            "(1.0, '2026-01-31 23:59:00'), ('Infinity'::DOUBLE, NULL)) t(money, day)"
        )
        found = [row[:3] for row in connection.execute(sql).fetchall()]
    assert found == [(None, None, "money"), ("today", "today", None), ("rich", "rich", None)]


def test_values_that_the_table_does_not_allow_are_named() -> None:
    """`decide_frame` refuses them; SQL names the fact in ``outside``."""
    table = DecisionTable(
        id="t",
        rules=(Rule("else", {"kind": "present", "age": "present", "n": "present"}, "x"),
               Rule("none", {}, "y")),
        facts={"kind": Fact("text", values=("person", "company")), "age": Fact("number", minimum=0,
               maximum=150), "n": Fact("integer")},
    )  # fmt: skip
    rows = pd.DataFrame(
        {
            "kind": ["person", "pet", "company", "person", "person"],
            "age": [1.0, 2.0, -1.0, 200.0, 3.0],
            "n": [1.0, 1.0, 1.0, 1.0, 1.5],
        }
    )
    assert [row[3] for row in run(table, rows)] == [None, "kind", "age", "age", "n"]


WHOLE_TYPES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "UBIGINT")
DAY_TYPES = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMPTZ")
FLOATS = st.sampled_from(["0.0", "-1.5", "2.0", "0.1", "NaN", "Infinity", "-Infinity"])
INSTANTS = st.sampled_from(["2026-01-30 23:30:00", "2026-01-31 00:00:00", "2026-01-31 17:00:00"])
CELLS: dict[str, st.SearchStrategy[str]] = {
    "BOOLEAN": st.sampled_from(["true", "false"]),
    **dict.fromkeys(WHOLE_TYPES, st.integers(0, 5).map(str)),
    "FLOAT": st.sampled_from(["0.5", "2.0", "NaN", "Infinity"]),
    "DOUBLE": FLOATS,
    "DECIMAL(10,2)": st.sampled_from(["0.50", "2.00", "3.25"]),
    "VARCHAR": st.sampled_from(["a", "A", "1", "0", "true", "2026-01-31", ""]),
    "ENUM('a', 'B')": st.sampled_from(["a", "B"]),
    **dict.fromkeys(DAY_TYPES, INSTANTS),
    "TIME": st.just("17:00:00"),
    "INTERVAL": st.just("1 day"),
    "BLOB": st.just("a"),
}
"""DuckDB types, and texts that cast to values of each."""

CONSTANTS: dict[str, st.SearchStrategy[Any]] = {
    "number": st.sampled_from([0, 1, 0.5, 2, 3.25]),
    "integer": st.integers(0, 3),
    "boolean": st.booleans(),
    "text": st.sampled_from(["a", "B", "1", "true"]),
    "date": st.sampled_from([dt.date(2026, 1, 30), dt.date(2026, 1, 31), dt.date(2026, 2, 1)]),
    "any": st.nothing(),
}


@st.composite
def typed_facts(draw: st.DrawFn) -> tuple[Fact, UnaryTest, str, list[str | None]]:
    """A fact, a test of it, the DuckDB type of its column, and the column's cells."""
    kind = draw(st.sampled_from(list(CONSTANTS)))
    bounds = {"minimum": 1} if kind in ("number", "integer") and draw(st.booleans()) else {}
    if kind == "text" and draw(st.booleans()):
        bounds = {"values": ("a", "B", "1", "true")}
    constants = CONSTANTS[kind]
    ops = ["missing", "present"] if kind == "any" else ["missing", "=", "in", "not"]
    op = draw(st.sampled_from(ops + ["<", ">="] * (kind in ORDERED)))
    size = {"missing": 0, "present": 0, "in": 2, "not": 2}.get(op, 1)
    test = UnaryTest(op, tuple(draw(constants) for _ in range(size)))
    column = draw(st.sampled_from(list(CELLS)))
    cells = draw(st.lists(CELLS[column] | st.none(), min_size=3, max_size=3))
    return Fact(kind, **bounds), test, column, cells


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
@settings(max_examples=max(60, settings.default.max_examples))
@given(
    facts=st.lists(typed_facts(), min_size=1, max_size=2),
    collation=st.sampled_from(["", "NOCASE"]),
)
def test_duckdb_takes_and_refuses_the_columns_that_pandas_does(
    zone: str, facts: list[tuple[Fact, UnaryTest, str, list[str | None]]], collation: str
) -> None:
    """Any type of column, zone and collation of a session: one result, or both refuse."""
    table = DecisionTable(
        id="t",
        rules=(
            *(Rule(f"r{i}", {f"f{i}": test}, f"o{i}") for i, (_, test, _, _) in enumerate(facts)),
            Rule("otherwise", {}, "no"),
        ),
        facts={f"f{i}": fact for i, (fact, *_) in enumerate(facts)},
    )
    columns = ", ".join(f"CAST(? AS {column})" for _, _, column, _ in facts)
    names = ", ".join(f"f{i}" for i in range(len(facts)))
    rows = " UNION ALL ".join([f"SELECT {columns}"] * 3)
    cells = [cells[row] for row in range(3) for *_, cells in facts]
    with duckdb.connect() as connection:
        connection.execute(f"SET TimeZone = '{zone}'; SET default_collation = '{collation}'")
        connection.execute(f"CREATE TABLE book AS SELECT * FROM ({rows}) AS t({names})", cells)
        try:
            sql = table.to_sql("duckdb").select("book", keep=())
            found = connection.execute(sql).fetchall()
        except duckdb.Error:
            found = [(None, None, None, "f0")]
        refused = any(outside is not None for *_, outside in found)
        frame = connection.sql("SELECT * FROM book").to_arrow_table()
    try:
        expected = list(decided(table, frame).itertuples(index=False, name=None))
    except DataError:
        assert refused, found
        return
    if refused:  # a column without a value may be refused for its type
        assert any(set(cells) <= {None, "NaN"} for *_, cells in facts), found
        return
    assert [row[:3] for row in found] == expected


def test_a_value_outside_leaves_its_row_undecided() -> None:
    """A row that `decide_frame` refuses has no outcome, whatever its rules say of it."""
    table = DecisionTable(
        id="t",
        rules=(Rule("yes", {"flag": "= true"}, "yes"), Rule("no", {}, "no")),
        facts={"flag": Fact("boolean")},
    )
    assert run(table, pd.DataFrame({"flag": [1, 0]})) == [(None, None, None, "flag")] * 2


def test_texts_are_compared_by_their_letters_where_a_session_may_ignore_case() -> None:
    """DuckDB and SQL Server; the usual collations of the others keep small and capital apart."""
    rules = (Rule("a", {"x": "= a"}, 1), Rule("b", {}, 2))
    table = DecisionTable(id="t", rules=rules, facts={"x": "text"})
    collated = set()
    for dialect in dict.fromkeys(DIALECTS.values()):
        parsed = sqlglot.parse_one(table.to_sql(dialect).select("book"), read=dialect)
        if any(parsed.find_all(sqlglot.exp.Collate)):
            collated.add(dialect)
    assert collated == {"duckdb", "tsql"}


def test_columns_may_have_other_names() -> None:
    """A bank's own column names take the place of the facts' names."""
    table = DecisionTable(id="t", rules=(Rule("a", {"age": "< 18"}, "minor"), Rule("b", {}, "ok")))
    sql = table.to_sql("duckdb", columns={"age": 'AGE "years"'})
    assert sql.columns == ('AGE "years"',)
    assert 'WHEN NULLIF("AGE ""years""", CAST(\'NaN\' AS DOUBLE)) < 18 THEN' in str(sql)
    with pytest.raises(UnknownNameError, match="no fact 'sex' in table 't'"):
        table.to_sql("duckdb", columns={"sex": "s"})


def test_a_table_of_one_otherwise_rule_is_a_constant() -> None:
    """There is nothing to ask, so there is no CASE."""
    sql = DecisionTable(id="t", rules=(Rule("all", {}, 3),)).to_sql("spark")
    assert (sql.outcome, sql.rule, sql.missing, sql.outside) == ("3", "'all'", "NULL", "NULL")


def test_what_cannot_be_written_is_refused() -> None:
    """Collecting tables, mixed outcomes, null characters, infinities, Oracle's empty text."""
    rules = (Rule("a", {"x": "> 1"}, 1), Rule("b", {}, 2))
    with pytest.raises(PolicyError, match="collects the rules"):
        DecisionTable(id="t", rules=rules, hit_policy=HitPolicy.SUM).to_sql("duckdb")
    with pytest.raises(PolicyError, match="several kinds"):
        DecisionTable(id="t", rules=(rules[0], Rule("b", {}, "two"))).to_sql("duckdb")
    with pytest.raises(UnknownNameError, match="no SQL dialect 'dbase'"):
        DecisionTable(id="t", rules=rules).to_sql("dbase")
    empty = DecisionTable(id="t", rules=(Rule("a", {"x": '= ""'}, 1), rules[1]))
    with pytest.raises(PolicyError, match="Oracle"):
        empty.to_sql("oracle")
    for text in ("a\x00b", "\ud800"):
        with pytest.raises(PolicyError, match="cannot be written in SQL"):
            quoted(text, "duckdb")
    with pytest.raises(PolicyError, match="cannot be written in SQL"):
        DecisionTable(id="t", rules=(Rule("a", {}, "a\x00b"),)).to_sql("duckdb")
    infinite = DecisionTable(
        id="t", rules=(Rule("a", {"x": UnaryTest(">", (np.inf,))}, 1), rules[1])
    )
    with pytest.raises(PolicyError, match="inf cannot be written"):
        infinite.to_sql("duckdb")


def test_without_sqlglot_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule core works without the extra; only rendering asks for it."""
    monkeypatch.setitem(sys.modules, "sqlglot.expressions", None)
    with pytest.raises(MissingExtraError, match=r"bankcrm\[engines\]"):
        DecisionTable(id="t", rules=(Rule("a", {}, 1),)).to_sql("duckdb")
