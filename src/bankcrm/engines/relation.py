"""A result that stays in its engine until it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from bankcrm.engines.engine import Engine


@attrs.frozen(eq=False)
class Relation:
    """A SELECT and the engine that runs it.

    Args:
        engine: where it runs.
        sql: the SELECT, in DuckDB's dialect; `rendered` is what the engine runs.
        key: the columns that tell its rows apart.
    """

    engine: Engine
    sql: str
    key: tuple[str, ...] = ("customer_id",)

    @property
    def rendered(self) -> str:
        """The SELECT in the engine's own dialect."""
        return self.engine.render(self.sql)

    def __str__(self) -> str:
        """As it stands after FROM in a larger SELECT."""
        return f"({self.sql})"

    def frame(self) -> pd.DataFrame:
        """All rows in memory, indexed by the key in rising order, dates as ``datetime64``."""
        frame = self.engine.fetch(self.sql)
        keys = list(self.key)
        return frame.set_index(keys).sort_index() if keys else frame

    def store(self, name: str) -> Relation:
        """Compute it once and keep it in the engine under a name."""
        self.engine.store(name, self.sql)
        return Relation(self.engine, f"SELECT * FROM {name}", self.key)

    def count(self) -> int:
        """The number of rows."""
        return int(self.engine.fetch(f"SELECT COUNT(*) AS n FROM {self} r")["n"].iloc[0])


def from_arrow(table: pa.Table) -> pd.DataFrame:
    """Rows of an engine in memory: days as ``datetime64[s]``, whole numbers with nulls as Int64."""
    frame: pd.DataFrame = table.to_pandas(date_as_object=False)
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_integer(column.type) and column.null_count:
            frame[name] = column.to_pandas(integer_object_nulls=True).astype("Int64")
        elif pa.types.is_date(column.type) or column.type == pa.timestamp("us"):
            frame[name] = frame[name].astype("datetime64[s]")
    return frame
