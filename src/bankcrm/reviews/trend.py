"""Stages, customers and complaints over the last month ends, with what moved in and out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.complaints.base import business_days, local_days
from bankcrm.frames.arrays import Days, as_of_day
from bankcrm.lifecycle.history.path import NOT_KNOWN, last_month_ends, stage_movements
from bankcrm.policy import Policy, PolicySet

TREND_COLUMNS = ("date", "section", "name", "count", "moved_in", "moved_out")


def trend_of(
    paths: Mapping[str, int], routed: pd.DataFrame, day: date, policies: PolicySet
) -> pd.DataFrame:
    """The last month ends of a book, from one pass over it.

    Args:
        paths: Stages at the month ends (see `bankcrm.lifecycle.history.path`) -> customers.
        routed: The routed complaints.
        day: The day of the review.
        policies: What decides.

    Returns:
        One row per month end and figure: ``date``, ``section``, ``name``, ``count`` at the month
        end, ``moved_in`` and ``moved_out`` since the month end before, null where they have no
        meaning. Section ``stage`` has one name per stage, ``customers`` those in a relationship,
        ``complaints`` what was ``open`` (received and answered in the month), ``overdue``, and
        answered ``in_time`` or ``late`` in the month.

    Source: LCM-2, LCM-6, CSC-6.
    """
    ends = last_month_ends(as_of_day(day))
    parts = []
    if paths:
        lifecycle = policies["lifecycle"]
        stages = list(map(str, lifecycle.table("stage").vocabulary))
        parts.append(stage_movements(paths, stages, ends).assign(section="stage"))
        counted = set(lifecycle.value("customer_stages"))
        inside = _inside(paths, [s in counted for s in stages])
        both = stage_movements(inside, ["others", "customers"], ends)
        parts.append(both[both["name"] == "customers"].assign(section="customers"))
    if routed["state"].notna().any():  # else no answer is recorded
        parts.append(_complaints(routed, ends, policies["complaints"]).assign(section="complaints"))
    if not parts:
        return pd.DataFrame(columns=list(TREND_COLUMNS))
    return pd.concat(parts, ignore_index=True)[list(TREND_COLUMNS)]


def count_paths(parts: Iterable[pd.DataFrame]) -> Counter[str]:
    """How many customers have each path, from facts that come in parts."""
    found: Counter[str] = Counter()
    for part in parts:
        if "stage_path" in part:
            paths = part["stage_path"].astype("category").cat
            times = np.bincount(paths.codes[paths.codes >= 0], minlength=len(paths.categories))
            words = map(str, paths.categories.tolist())
            found.update(dict(zip(words, times.tolist(), strict=True)))
    return found


def _inside(paths: Mapping[str, int], counted: list[bool]) -> dict[str, int]:
    """The paths in two stages: outside and inside the relationship."""
    letters = {48 + code: str(int(inside)) for code, inside in enumerate(counted)}
    letters[ord(NOT_KNOWN)] = "0"
    found: dict[str, int] = {}
    for path, number in paths.items():
        word = path.translate(letters)
        found[word] = found.get(word, 0) + number
    return found


def _complaints(routed: pd.DataFrame, ends: Days, policy: Policy) -> pd.DataFrame:
    received = local_days(routed["received_at"], policy)
    answered = business_days(routed["answered_at"], policy)
    due = routed["due"].to_numpy().astype("datetime64[D]")
    late = answered > due

    def upto(days: Days) -> npt.NDArray[np.int64]:
        known = np.sort(days[~np.isnat(days)])
        return np.searchsorted(known, ends, side="right")

    came, went = upto(received), upto(answered)
    missed = upto(np.where(np.isnat(answered) | late, due, np.datetime64("NaT", "D")))
    # One that was answered late is no longer overdue from its answer on.
    overdue = missed - upto(np.where(late, answered, np.datetime64("NaT", "D")))
    monthly = {
        "in_time": upto(answered[~late & ~np.isnat(answered)]),
        "late": upto(answered[late]),
    }
    frames = [_figure(ends, "open", came - went, _steps(came), _steps(went))]
    frames.append(_figure(ends, "overdue", overdue))
    frames += [_figure(ends, n, _steps(total)) for n, total in monthly.items()]
    return pd.concat(frames, ignore_index=True)


def _steps(total: npt.NDArray[np.int64]) -> pd.Series:
    """What was added in each month; not known for the first one."""
    return pd.Series(total).diff().astype("Int64")


def _figure(
    ends: Days,
    name: str,
    count: object,
    came: pd.Series | None = None,
    went: pd.Series | None = None,
) -> pd.DataFrame:
    unknown = pd.Series([None] * len(ends), dtype="Int64")
    return pd.DataFrame(
        {
            "date": ends.astype("datetime64[s]"),
            "name": name,
            "count": count,
            "moved_in": unknown if came is None else came,
            "moved_out": unknown if went is None else went,
        }
    ).astype({"count": "Int64"})
