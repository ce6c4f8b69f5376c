"""On Spark a table's SQL refuses columns of another type, as `decide_frame` does."""

from __future__ import annotations

from typing import Any

import pytest

from bankcrm.rules import DecisionTable, Fact, Rule
from bankcrm.rules.values import FactType

ANSWER = [("yes", "y", None, None)]


@pytest.mark.parametrize(
    ("kind", "test", "column", "answer"),
    [
        ("date", "= 2026-01-31", "DATE'2026-01-31'", ANSWER),
        ("date", "= 2026-01-31", "TIMESTAMP_NTZ'2026-01-31 23:30:00'", ANSWER),
        ("date", "= 2026-01-31", "TIMESTAMP'2026-01-31 12:00:00'", None),  # of the session's zone
        ("date", "= 2026-01-31", "'2026-01-31'", None),
        ("text", '= "1"', "'1'", ANSWER),
        ("text", '= "1"', "1", None),
        ("number", ">= 1", "CAST(1 AS DECIMAL(10, 2))", ANSWER),
        ("number", ">= 1", "'1'", None),
        ("integer", ">= 1", "CAST('Infinity' AS DOUBLE)", None),
        ("boolean", "= true", "true", ANSWER),
        ("boolean", "= true", "'true'", None),
    ],
)
def test_spark_refuses_the_columns_that_pandas_refuses(
    spark: Any, kind: FactType, test: str, column: str, answer: list[Any] | None
) -> None:
    table = DecisionTable(
        id="t",
        rules=(Rule("y", {"fact": test}, "yes"), Rule("n", {}, "no")),
        facts={"fact": Fact(kind)},
    )
    sql = table.to_sql("spark").select(f"(SELECT {column} AS fact)", keep=())
    found = [tuple(row) for row in spark.sql(sql).collect()]
    assert found == (answer or [(None, None, None, "fact")])
