"""The part of each period in which a subject was there."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.frames.arrays import Days, Numbers


def presence(
    names: pd.DataFrame, edges: Days, day: np.datetime64, employees: pd.DataFrame | None
) -> Numbers:
    """The part of each period, up to a day, in which each subject was there.

    Employees are there from ``since`` to ``until``; anything else always.

    Args:
        names: One row per subject, with the columns that it is by.
        edges: The first day of each period, and of the one after the last.
        day: Days after it do not count.
        employees: Checked; None: everybody is there.

    Returns:
        Shares, one row per subject and one column per period.

    >>> edges = np.array(["2026-04-01", "2026-05-01"], "datetime64[D]")
    >>> staff = pd.DataFrame({"employee_id": ["A", "B"],
    ...                       "since": pd.to_datetime(["2026-04-16", None])})
    >>> presence(staff[["employee_id"]], edges, np.datetime64("2026-04-30"), staff).tolist()
    [[0.5], [1.0]]
    """
    starts, ends = edges[:-1], edges[1:]  # the day after the last
    length = (ends - starts).astype(np.float64)
    one = np.timedelta64(1, "D")
    until = np.minimum(ends, day + one)
    if employees is None or "employee_id" not in names.columns:
        whole: Numbers = np.tile((until - starts).astype(np.float64) / length, (len(names), 1))
        return whole
    by = [name for name in names.columns if name in employees.columns]
    since = _column(employees, "since", starts[0])
    last = _column(employees, "until", ends[-1])
    overlap = np.minimum(last[:, None] + one, until) - np.maximum(since[:, None], starts)
    shares = np.maximum(overlap.astype(np.float64), 0.0) / length
    keys = pd.MultiIndex.from_frame(employees[by].astype(object))
    code, distinct = pd.factorize(keys)
    sums = np.zeros((len(distinct) + 1, len(starts)))
    np.add.at(sums, code, shares)
    place = distinct.get_indexer(pd.MultiIndex.from_frame(names[by].astype(object)))
    found: Numbers = sums[place]
    return found


def _column(frame: pd.DataFrame, name: str, open_: np.datetime64) -> Days:
    if name not in frame:
        return np.full(len(frame), open_)
    days = frame[name].to_numpy().astype("datetime64[D]")
    found: Days = np.where(np.isnat(days), open_, days)
    return found
