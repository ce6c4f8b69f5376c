"""Parts of the engine on Spark that need no Spark: types, jobs and errors."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any, cast

import pandas as pd
import pyarrow as pa
import pytest

from bankcrm.engines.spark import SparkEngine, _days, _flat, _translated, _worked
from bankcrm.errors import DataError, EngineError, MissingExtraError


def test_dates_alone_become_days() -> None:
    """Columns of dates that Spark holds as times; texts and instants stay as they are."""
    types = [("date", "timestamp"), ("amount", "double"),
             ("kind", "timestamp")]  # fmt: skip
    for (name, _), text in zip(types, _days("transactions", types), strict=True):
        assert ("AS DATE" in text) == (name == "date")
        assert f"`{name}`" in text
    assert "AS DATE" not in _days("transactions", [("date", "date")])[0]


def test_arrow_tables_have_types_that_spark_knows() -> None:
    words = pa.array(["a", None, "a"]).dictionary_encode()
    times = pa.array([1, None, 3], pa.timestamp("s", "UTC"))
    table = pa.table({"word": words, "time": times, "plain": [1, 2, 3]})
    flat = _flat(table)
    assert flat.column_names == table.column_names
    assert [str(t) for t in flat.schema.types] == ["string", "timestamp[us, tz=UTC]", "int64"]
    assert flat.to_pylist() == table.to_pylist()


def test_a_worker_runs_the_jobs_of_its_batches() -> None:
    done: list[str] = []
    batches = [pd.DataFrame({"job": [2, 0]}), pd.DataFrame({"job": [1]})]
    given = list(_worked(done.append, ["a", "b", "c"], batches))
    assert done == ["c", "a", "b"]
    assert [g.equals(b) for g, b in zip(given, batches, strict=True)] == [True, True]


TRACE = """An exception was thrown:
Traceback (most recent call last):
  File "x.py", line 1, in <module>
ValueError: an earlier error
During handling of it:
  File "z.py", line 3
KeyError: another one
  File "y.py", line 2
bankcrm.errors.DataError: {message}
expected: 1 to 9

\tat org.apache.spark.Task.run
\tat java.Thread
Caused by: more
"""


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (TRACE.format(message="branch 7"), DataError,
         "Spark, reading: bankcrm.errors.DataError: branch 7 expected: 1 to 9"),
        (TRACE.format(message="No module named 'x'"), EngineError,
         "Spark, reading: bankcrm.errors.DataError: No module named 'x' expected: 1 to 9; install "
         "it on the workers, or set PYSPARK_PYTHON to a Python that has it"),
        ("Job 1 cancelled", EngineError,
         "Spark, reading: Job 1 cancelled; the last complete result is unchanged"),
        ("No module named 'x'", DataError, "Spark, reading: No module named 'x'"),
        ("Traceback (most recent call last):\n  nothing\n\tat java", DataError,
         "Spark, reading: Traceback (most recent call last): nothing"),
    ],
)  # fmt: skip
def test_an_error_of_spark_says_what_happened(text: str, kind: type[Exception], said: str) -> None:
    error = _translated(RuntimeError(text), "reading")
    assert (type(error), str(error)) == (kind, said)


@pytest.mark.skipif(importlib.util.find_spec("pyspark") is not None, reason="pyspark is installed")
def test_the_extra_of_spark_is_named() -> None:
    with pytest.raises(MissingExtraError, match=r"pyspark.*bankcrm\[spark\]"):
        SparkEngine(cast("Any", None), {})


def test_the_extra_of_both_engines_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    with pytest.raises(MissingExtraError, match=r"sqlglot.*bankcrm\[engines\]"):
        SparkEngine(cast("Any", None), {})
