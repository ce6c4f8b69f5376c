"""The same facts and decisions on an engine: DuckDB on one machine, Spark on many."""

from __future__ import annotations

from bankcrm.engines.duck import DuckDBEngine
from bankcrm.engines.engine import Engine
from bankcrm.engines.output import Output, OutputWriter, read_output
from bankcrm.engines.relation import Relation
from bankcrm.engines.review import EngineReview, review_on
from bankcrm.engines.spark import SparkEngine
from bankcrm.engines.spread import Spread

__all__ = [
    "DuckDBEngine",
    "Engine",
    "EngineReview",
    "Output",
    "OutputWriter",
    "Relation",
    "SparkEngine",
    "Spread",
    "read_output",
    "review_on",
]
