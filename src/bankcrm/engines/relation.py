"""A result that stays in its engine until it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pandas as pd

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
        frame = plain_dates(self.engine.fetch(self.sql))
        keys = list(self.key)
        return frame.set_index(keys).sort_index() if keys else frame

    def store(self, name: str) -> Relation:
        """Compute it once and keep it in the engine under a name."""
        self.engine.store(name, self.sql)
        return Relation(self.engine, f"SELECT * FROM {name}", self.key)

    def count(self) -> int:
        """The number of rows."""
        return int(self.engine.fetch(f"SELECT COUNT(*) AS n FROM {self} r")["n"].iloc[0])


def plain_dates(frame: pd.DataFrame) -> pd.DataFrame:
    """Days as ``datetime64[s]``, whichever objects an engine gives for them."""
    plain = frame.copy(deep=False)
    for name, values in frame.items():
        told = pd.api.types.infer_dtype(values, skipna=True) if values.dtype == object else ""
        naive = values.dtype.kind == "M" and getattr(values.dtype, "tz", None) is None
        if naive or told == "date":
            plain[name] = pd.to_datetime(values).astype("datetime64[s]")
    return plain
