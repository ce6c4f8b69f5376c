"""Reviews of books that are larger than memory: DuckDB on one machine, Spark on many."""

from __future__ import annotations

from bankcrm.engines.duck import DuckDBEngine
from bankcrm.engines.engine import Engine
from bankcrm.engines.output import Output, read_output
from bankcrm.engines.spark import SparkEngine

__all__ = ["DuckDBEngine", "Engine", "Output", "SparkEngine", "read_output"]
