"""The figures of the page over time: month ends of the book, and reviews written before."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bankcrm.report.charts import Spark, spark
from bankcrm.report.grid import Grid, grid
from bankcrm.report.words import Words

_REVIEWED = {"contribution": ("contribution",), "concentration": ("top_fifth_share",),
             "tier": None, "warning": ("alarm", "watch")}  # fmt: skip
"""The sections of earlier reviews that the page shows, and which of their figures."""


def sparks(trend: pd.DataFrame, section: str) -> list[Spark]:
    """The figures of one section at the month ends, as small lines."""
    rows = trend[(trend["section"] == section).to_numpy()]
    found = []
    for name in rows["name"].unique():
        one = rows[(rows["name"] == name).to_numpy()]
        days = one["date"].dt.strftime("%Y-%m")
        counts = [None if pd.isna(v) else float(v) for v in one["count"]]
        found.append(spark(str(name), list(zip(days, counts, strict=True))))
    return [s for s in found if s is not None and s.high]


def reviewed(history: pd.DataFrame) -> list[Spark]:
    """The figures of the reviews that were written to one folder, as small lines."""
    found = []
    for section, names in _REVIEWED.items():
        rows = history[(history["section"] == section).to_numpy()]
        for name in names or rows["name"].unique():
            one = rows[(rows["name"] == name).to_numpy()].sort_values("as_of")
            points = list(zip(one["as_of"].astype(str), one["value"].astype(float), strict=True))
            found.append(spark(str(name), points))
    return [s for s in found if s is not None]


def movements(trend: pd.DataFrame, words: Words) -> Grid | None:
    """Who moved in and out of each stage in the last month; None where it is not known."""
    rows = trend[trend["section"].isin(["stage", "customers"]).to_numpy()]
    if not len(rows):
        return None
    ends = sorted(rows["date"].unique())
    last = rows[(rows["date"] == ends[-1]).to_numpy()]
    first = rows[(rows["date"] == ends[0]).to_numpy()].set_index(["section", "name"])["count"]
    keys = pd.MultiIndex.from_frame(last[["section", "name"]])
    month = pd.Timestamp(ends[-1]).strftime("%Y-%m")
    return grid(
        "moved",
        words.sentence("Movement in {month}", month=month),
        [
            ("name", "word", last["name"]),
            ("at its end", "number", _plain(last["count"])),
            ("moved in", "number", _plain(last["moved_in"])),
            ("moved out", "number", _plain(last["moved_out"])),
            (pd.Timestamp(ends[0]).strftime("%Y-%m"), "number", _plain(first.reindex(keys))),
        ],
        words,
        note=words(
            "Stages at the end of the month, by the rules in force today; last column: their "
            "customers at the first month end."
        ),
    )


def _plain(values: Sequence[object] | pd.Series) -> list[int | None]:
    return [None if pd.isna(v) else int(v) for v in pd.Series(values)]
