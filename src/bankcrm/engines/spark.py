"""The engine on Spark, in a session of the caller."""

from __future__ import annotations

import importlib
import itertools
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from bankcrm.book import CONTRACT, Book
from bankcrm.engines.engine import PREFIX, Engine, T, known_frame
from bankcrm.engines.sources import (
    BLOCK,
    FrameFiles,
    arrow_table,
    csv_types,
    files_of,
    from_arrow,
    refuse_incomplete,
    refuse_missing_columns,
    zones_of,
)
from bankcrm.errors import (
    DataError,
    EngineError,
    MissingExtraError,
    without_values,
)
from bankcrm.rules.sql_columns import quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class SparkEngine(Engine):
    """A book on Spark, in a session of the caller; bankcrm never starts a cluster.

    Args:
        session: The session.
        source: A folder of Parquet or CSV that the workers can read, a `Book`, or a mapping of
            frame names to Spark or pandas frames.

    Raises:
        DataError: No such source, or a compulsory frame or column is missing.
        MissingExtraError: pyspark or sqlglot is not installed.
    """

    dialect = "spark"

    def __init__(
        self, session: SparkSession, source: str | Path | Book | Mapping[str, object]
    ) -> None:
        super().__init__(source)
        self._errors = _spark_errors()
        self.session = session
        kept: Mapping[str, object]
        if isinstance(source, Book):
            kept = source.frames()
        elif isinstance(source, Mapping):
            kept = source
        else:
            kept = files_of(Path(source))
        refuse_incomplete("the source", kept)
        self.zones = {known_frame(name): zones_of(name, frame) for name, frame in kept.items()}
        self.places = {name: f"{PREFIX}frame_{name}" for name in kept}
        self._identity = repr(
            [(n, f.state()) if isinstance(f, FrameFiles) else uuid.uuid4() for n, f in kept.items()]
        )
        with self._translating("reading"):
            self.columns = {name: self._registered(name, frame) for name, frame in kept.items()}

    def fetch(self, sql: str) -> pd.DataFrame:
        """Run a SELECT and bring its rows into memory."""
        with self._translating("running"):
            return from_arrow(self.session.sql(self.render(sql)).toArrow())

    def cancel(self) -> None:
        """Stop every job of the session's application; the review ends with an `EngineError`."""
        self.session.sparkContext.cancelAllJobs()

    def part(self, sql: str, customer: str, folder: Path, blocks: int) -> None:
        """Write a SELECT as Parquet, split by customer, to a folder that the workers can access."""
        rows = self.session.sql(self.render(sql))
        whole = dict(rows.dtypes)[customer] in ("tinyint", "smallint", "int", "bigint", "double")
        kind = "BIGINT" if whole else "STRING"
        block = f"CAST(pmod(hash(CAST(`{customer}` AS {kind})), {blocks}) AS INT) AS {BLOCK}"
        with self._translating(f"writing {folder.name.lstrip('.')}"):
            parted = rows.selectExpr("*", "monotonically_increasing_id() AS _row", block)
            parted.write.partitionBy(BLOCK).mode("overwrite").parquet(str(folder))

    def each(
        self, call: Callable[[T], None], jobs: Sequence[T], report: Callable[[int], None]
    ) -> None:
        """Run the jobs on the workers; Spark repeats a job whose worker is lost."""
        report(0)
        done = partial(_worked, call, list(jobs))
        numbers = pa.table({"job": pa.array(range(len(jobs)), pa.int64())})
        with self._translating("working on the blocks"):
            frame = self.session.createDataFrame(numbers).repartitionByRange(len(jobs), "job")
            frame.mapInPandas(done, "job bigint").collect()

    def identity(self) -> str:
        """The files with sizes and times of change; unique for other sources."""
        return self._identity

    def _read(self, name: str, found: Any) -> DataFrame:
        place = str(found.path)
        if found.kind == "parquet":
            reader = self.session.read.option("mergeSchema", "true")
            return reader.option("recursiveFileLookup", "true").parquet(place)
        reader = self.session.read.option("header", "true").option("recursiveFileLookup", "true")
        raw = reader.csv(place)
        types = csv_types(name)
        return raw.selectExpr(
            *(f"CAST(`{c}` AS {_SPARK_TYPES.get(types.get(c, ''), 'STRING')}) AS `{c}`"
              for c in raw.columns)
        )  # fmt: skip

    def _registered(self, name: str, frame: object) -> tuple[str, ...]:
        """Register a frame as a view of the session; returns its columns."""
        if isinstance(frame, FrameFiles):
            frame = self._read(name, frame)
        elif isinstance(frame, pd.DataFrame):
            frame = self.session.createDataFrame(_flat(arrow_table(name, frame)))
        made: Any = frame
        columns = tuple(made.columns)
        refuse_missing_columns(name, columns)
        place = self.places[name]
        made = made.selectExpr(*_days(name, made.dtypes))
        made.createOrReplaceTempView(place)
        return columns

    @contextmanager
    def _translating(self, doing: str) -> Iterator[None]:
        """Convert Spark's errors to errors of bankcrm, with advice."""
        try:
            yield
        except self._errors as error:
            raise _translated(error, doing) from None  # its message quotes values of rows


_SPARK_TYPES = {
    "DATE": "DATE",
    "DOUBLE": "DOUBLE",
    "BIGINT": "BIGINT",
    "BOOLEAN": "BOOLEAN",
    "TIMESTAMPTZ": "TIMESTAMP",
}


def _spark_errors() -> tuple[type[Exception], ...]:
    try:
        importlib.import_module("sqlglot")  # every query needs it: fail before any work
        refused = importlib.import_module("pyspark.errors").PySparkException
        broken = importlib.import_module("py4j.protocol").Py4JError
    except ImportError as error:
        package = error.name or "pyspark"
        extra = "engines" if package == "sqlglot" else "spark"
        raise MissingExtraError(package, extra) from None
    return (refused, broken)


def _worked(
    call: Callable[[T], None], jobs: list[T], batches: Iterable[pd.DataFrame]
) -> Iterator[pd.DataFrame]:
    """Run the jobs with these numbers on a worker."""
    for batch in batches:
        for number in batch["job"]:
            call(jobs[int(number)])
        yield batch


def _days(name: str, types: list[tuple[str, str]]) -> list[str]:
    """The columns of a frame, with dates as days, which Spark would read as instants."""
    dates = {c.name for c in CONTRACT[name] if c.kind == "date"}
    return [
        f"CAST(`{c}` AS DATE) AS `{c}`"
        if c in dates and t.startswith("timestamp")
        else quoted(c, "spark")
        for c, t in types
    ]


def _flat(table: pa.Table) -> pa.Table:
    """Convert an Arrow table for Spark: categories to values, times to microseconds."""
    fields = []
    for field in table.schema:
        kind = field.type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if pa.types.is_timestamp(kind):
            kind = pa.timestamp("us", kind.tz)
        fields.append(pa.field(field.name, kind))
    return table.cast(pa.schema(fields))


def _translated(error: Exception, doing: str) -> Exception:
    text = str(error)
    if "Traceback (most recent call last)" in text:  # Python on a worker: its last error counts
        message = _end_of_traceback(text)
        if "No module named" in message:
            advice = "install it on the workers, or set PYSPARK_PYTHON to a Python that has it"
            return EngineError(f"Spark, {doing}: {message}; {advice}")
        return DataError(f"Spark, {doing}: {message}")
    message = without_values(error)
    if re.search(r"cancel|aborted|lost|killed|OutOfMemory|No space left", message, re.IGNORECASE):
        return EngineError(f"Spark, {doing}: {message}; the last complete result is unchanged")
    return DataError(f"Spark, {doing}: {message}")


def _end_of_traceback(text: str) -> str:
    """The last error of a traceback, with its whole message, which may have several lines."""
    lines = text.splitlines()
    named = [i for i, line in enumerate(lines) if re.match(r"[\w.]*(?:Error|Exception)\b", line)]
    last = lines[named[-1] if named else 0 :]
    message = itertools.takewhile(lambda line: not line.startswith("\tat "), last)
    return " ".join(line.strip() for line in message if line.strip())
