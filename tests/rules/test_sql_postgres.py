"""A table as SQL decides on a PostgreSQL server as `decide_frame` does in memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.policy import DOMAINS, default_policy
from bankcrm.rules import DecisionTable, Fact, HitPolicy, Rule
from bankcrm.rules.values import FactType
from bankcrm.testing.tables import clean_tables, tables, values

pytest.importorskip("sqlglot", reason="sqlglot is not installed (extra engines)")

ROWS = 500
"""Of each default table: 33 tables that pick one rule give 16,500 rows."""

TYPES = {
    "number": "DOUBLE PRECISION",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
    "text": "TEXT",
    "date": "DATE",
    "any": "TEXT",
}
COLUMNS = ["outcome", "rule", "missing"]


@pytest.fixture
def connection(postgres: str) -> Iterator[Any]:
    import psycopg

    with psycopg.connect(postgres, autocommit=True) as opened:
        yield opened


def load(connection: Any, table: DecisionTable, frame: pd.DataFrame, types: dict[str, str]) -> None:
    """Copy a frame into the table ``facts`` of the server, with its rows numbered."""
    from psycopg import sql

    kinds = {"n": "INT"} | {name: types[f.type] for name, f in table.compiled.facts.items()}
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in kinds.items()
    )
    connection.execute("DROP TABLE IF EXISTS facts")
    connection.execute(sql.SQL("CREATE TABLE facts ({})").format(columns))
    plain = frame[list(table.compiled.facts)].astype(object)
    plain = plain.where(plain.notna(), None).reset_index(names="n")
    with connection.cursor() as cursor, cursor.copy("COPY facts FROM STDIN") as copy:
        for row in plain.itertuples(index=False, name=None):
            copy.write_row(row)


def decided_there(connection: Any, table: DecisionTable) -> pd.DataFrame:
    """What the server says, in the order of the rows."""
    cursor = connection.execute(table.to_sql("postgres").select("facts", keep=["n"]))
    found = pd.DataFrame(cursor.fetchall(), columns=["n", *COLUMNS, "outside"])
    return found.sort_values("n", ignore_index=True)


def agree(table: DecisionTable, frame: pd.DataFrame, found: pd.DataFrame) -> None:
    """Outcome, rule and missing fact are the same in every row."""
    here = table.decide_frame(frame, on_missing="undecided")[COLUMNS].astype(object)
    expected = here.where(here.notna(), None).to_numpy().tolist()
    there = found[COLUMNS].astype(object)
    assert there.where(there.notna(), None).to_numpy().tolist() == expected
    assert found["outside"].isna().all()


def cells(rng: np.random.Generator, table: DecisionTable, name: str, fact: Fact) -> pd.Series:
    """Values about the constants of the table, where rules change; a sixth are missing."""
    if fact.type == "boolean":
        known: list[Any] = [True, False]
    elif fact.type == "text":
        own = [c for r in table.rules if name in r.when for c in r.when[name].constants]
        known = list(fact.values) or [*own, "another word", ""]
    else:
        limits = [
            float(c.value if hasattr(c, "value") else c)
            for row in table.compiled.rows
            for cell in row.cells
            if cell.fact == name
            for c in cell.test.constants
        ]
        near = [limit + step for limit in (0.0, *limits) for step in (-1, -0.01, 0, 0.01, 1)]
        if fact.type == "integer":
            near = [float(round(v)) for v in near]
        low = -np.inf if fact.minimum is None else fact.minimum
        high = np.inf if fact.maximum is None else fact.maximum
        known = sorted({v for v in near if low <= v <= high})
    drawn = pd.Series(rng.choice(np.array(known, dtype=object), ROWS), dtype=object)
    drawn = drawn.mask(rng.random(ROWS) < 1 / 6, None)
    if fact.type == "integer":
        return pd.Series([None if v is None else int(v) for v in drawn], dtype="Int64")
    return drawn.astype({"number": "float64", "boolean": "boolean"}.get(fact.type, "object"))


@pytest.mark.parametrize("number", ["DOUBLE PRECISION", "NUMERIC"])
def test_every_default_table_decides_on_the_server_as_in_memory(
    connection: Any, number: str
) -> None:
    """All default tables that pick one rule, about every constant of their rules, with nulls."""
    rng = np.random.default_rng(20260630)
    count, decided, stopped = 0, 0, 0
    for domain in DOMAINS:
        policy = default_policy(domain)
        for name in policy.tables:
            table = policy.table(name)
            if table.hit_policy.collects:
                continue
            facts = table.compiled.facts
            frame = pd.DataFrame({n: cells(rng, table, n, f) for n, f in facts.items()})
            load(connection, table, frame, {**TYPES, "number": number})
            found = decided_there(connection, table)
            agree(table, frame, found)
            count += len(found)
            decided += int(found["rule"].notna().sum())
            stopped += int(found["missing"].notna().sum())
    assert count >= 14_000
    assert min(decided, stopped) > 1_000  # the rows reach both kinds of arms


def test_any_table_decides_on_the_server_as_in_memory(connection: Any) -> None:
    """Hostile names and texts, every type and test, gaps and overlaps, with nulls."""

    tried = []

    @given(st.data())
    def law(data: st.DataObject) -> None:
        if data.draw(st.booleans()):
            table = data.draw(clean_tables(hit_policy=HitPolicy.UNIQUE))
        else:
            drawn = data.draw(tables(hit_policy=HitPolicy.FIRST))
            otherwise = Rule("otherwise", {}, drawn.rules[0].then)
            table = attrs.evolve(drawn, rules=[*drawn.rules, otherwise])
        size = data.draw(st.integers(1, 8))
        frame = pd.DataFrame(
            {
                name: pd.Series(
                    data.draw(st.lists(values(fact) | st.none(), min_size=size, max_size=size)),
                    dtype=object,
                )
                for name, fact in table.compiled.facts.items()
            },
            index=range(size),
        )
        load(connection, table, frame, TYPES)
        agree(table, frame, decided_there(connection, table))
        tried.append(table.hit_policy)

    law()
    assert set(tried) == {HitPolicy.FIRST, HitPolicy.UNIQUE}


def test_not_a_number_is_missing_and_a_time_of_day_is_cut_off(connection: Any) -> None:
    """For PostgreSQL NaN is larger than all numbers; for a rule it is missing."""
    table = DecisionTable(
        id="t",
        rules=(
            Rule("rich", {"money": ">= 100"}, "rich"),
            Rule("today", {"day": "= 2026-01-31"}, "today"),
            Rule("else", {}, "other"),
        ),
        facts={"money": "number", "day": "date"},
    )
    connection.execute("CREATE TABLE facts (n INT, money DOUBLE PRECISION, day TIMESTAMP)")
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO facts VALUES (%s, %s, %s)",
            [
                (0, float("nan"), None),
                (1, 1.0, dt.datetime(2026, 1, 31, 23, 59)),
                (2, float("inf"), None),
            ],
        )
    found = decided_there(connection, table)[COLUMNS].astype(object)
    assert found.where(found.notna(), None).to_numpy().tolist() == [
        [None, None, "money"],
        ["today", "today", None],
        ["rich", "rich", None],
    ]


ANSWER = [("yes", "y", None, None)]
REFUSED = [(None, None, None, "fact")]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
@pytest.mark.parametrize(
    ("kind", "test", "column", "answer"),
    [
        ("date", "= 2026-01-31", "DATE '2026-01-31'", ANSWER),
        ("date", "= 2026-01-31", "TIMESTAMP '2026-01-31 23:30:00'", ANSWER),
        ("date", "= 2026-01-31", "TIMESTAMPTZ '2026-01-31 12:00:00+00'", REFUSED),
        ("date", "= 2026-01-31", "TEXT '2026-01-31'", REFUSED),
        ("date", "= 2026-01-31", "20484", None),
        ("text", '= "1"', "VARCHAR '1'", ANSWER),
        ("text", '= "1"', "1", REFUSED),
        ("text", '= "a"', "1", None),
        ("number", ">= 1", "CAST(1 AS NUMERIC(10, 2))", ANSWER),
        ("number", ">= 1", "TEXT '1'", None),
        ("number", ">= 1", "true", None),
        ("integer", ">= 1", "1.5", REFUSED),
        ("integer", ">= 1", "CAST('Infinity' AS DOUBLE PRECISION)", REFUSED),
        ("boolean", "= true", "true", ANSWER),
        ("boolean", "= true", "1", None),
        ("boolean", "= true", "TEXT 'true'", None),
    ],
)
def test_the_server_refuses_the_columns_that_pandas_refuses(
    connection: Any, zone: str, kind: FactType, test: str, column: str, answer: list[Any] | None
) -> None:
    """None: the server cannot compare the types, and refuses the query."""
    import psycopg

    table = DecisionTable(
        id="t",
        rules=(Rule("y", {"fact": test}, "yes"), Rule("n", {}, "no")),
        facts={"fact": Fact(kind)},
    )
    sql = table.to_sql("postgres").select(f"(SELECT {column} AS fact) AS facts", keep=())
    connection.execute(f"SET TIME ZONE '{zone}'")
    if answer is None:
        with pytest.raises(psycopg.Error):
            connection.execute(sql)
    else:
        assert connection.execute(sql).fetchall() == answer
