"""Ranking by the lower end of the interval, with the ranks that chance leaves open."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.frames import Column, as_frame, check_frame
from bankcrm.frames.arrays import Numbers
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.scorecards.kpi import kpis_of

_VALUES = (
    Column("kpi", "category"),
    Column("period", "date"),
    Column("low", "number", True, True),
    Column("high", "number", True, True),
)


def rank_subjects(values: object, *, policy: Policy | None = None) -> pd.DataFrame:
    """Rank the subjects of each indicator and period by the worse end of the interval.

    With few cases the interval is wide, so that three successes out of three do not come before
    290 of 300.

    Args:
        values: From `kpi_values`.
        policy: Its records ``kpi`` say what is better.

    Returns:
        The values with ``rank`` (1 is best; equal ones share a rank), ``rank_best`` and
        ``rank_worst``: the ranks that the intervals leave open. Null where the value is, or where
        the indicator is best within a band.

    Raises:
        DataError: The frame is not from `kpi_values`.

    Source: default.

    >>> from bankcrm.scorecards import kpi_values
    >>> rows = pd.DataFrame({"measure": ["answers", "answers_satisfied"] * 2,
    ...     "employee_id": ["A", "A", "B", "B"], "value": [3, 3, 300, 290],
    ...     "date": pd.to_datetime("2026-03-01")})
    >>> found = rank_subjects(kpi_values(rows, as_of="2026-03-31", by="employee_id"))
    >>> found[found["kpi"] == "satisfied_share"].set_index("subject")["rank"].to_dict()
    {'A': 2, 'B': 1}
    """
    policy = policy_of(policy, "scorecards")
    frame = check_frame(values, _VALUES, frame="values")[list(as_frame(values).columns)]
    better = {name: kpi.better for name, kpi in kpis_of(policy).items()}
    sense = frame["kpi"].map(better).astype(object).to_numpy()
    low = np.where(
        sense == "higher", frame["low"], np.where(sense == "lower", -frame["high"], np.nan)
    )
    high = np.where(
        sense == "higher", frame["high"], np.where(sense == "lower", -frame["low"], np.nan)
    )
    within = ["kpi", "period", *getattr(values, "attrs", {}).get("by", [])[:-1]]
    result = frame.assign(**ranks(low, high, frame[within]))
    result.attrs = dict(getattr(values, "attrs", {}))
    return policy.stamp(result)


def ranks(low: Numbers, high: Numbers, within: pd.DataFrame) -> dict[str, pd.Series]:
    """Rank, best and worst rank of each row among those that share all columns of ``within``."""
    found = {name: np.zeros(len(low), np.int64) for name in ("rank", "rank_best", "rank_worst")}
    known = ~np.isnan(low) & ~np.isnan(high)
    group = within.groupby(list(within.columns), observed=True, dropna=False).ngroup().to_numpy()
    order = np.argsort(group[known], kind="stable")
    rows = np.flatnonzero(known)[order]
    for part in np.split(rows, np.flatnonzero(np.diff(group[rows])) + 1):
        lows, highs = np.sort(low[part]), np.sort(high[part])
        found["rank"][part] = 1 + _above(lows, low[part])
        found["rank_best"][part] = 1 + _above(lows, high[part])
        found["rank_worst"][part] = len(part) - np.searchsorted(highs, low[part], side="left")
    return {
        name: pd.Series(pd.arrays.IntegerArray(rank, ~known), index=within.index)
        for name, rank in found.items()
    }


def _above(ordered: Numbers, values: Numbers) -> npt.NDArray[np.int64]:
    """How many of the ordered numbers exceed each value."""
    found: npt.NDArray[np.int64] = len(ordered) - np.searchsorted(ordered, values, side="right")
    return found
