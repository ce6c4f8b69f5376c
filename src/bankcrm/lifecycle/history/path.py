"""Each customer's stages on past days in one word, and the first day in the present stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.book.view import BookView
from bankcrm.frames.numbering import categorical
from bankcrm.lifecycle.history.panel import Days, Grid
from bankcrm.lifecycle.history.stage_history import month_ends, stage_codes_on
from bankcrm.lifecycle.stages.facts import FACTS_OF_ANY_DAY
from bankcrm.policy import Policy

MONTHS = 24
"""How many month ends a path has."""
WEEKS = 13
"""How many Mondays before the day are looked at for the first day in a stage."""
NOT_KNOWN = "."
"""The letter of a month end at which the book knew nothing of the customer."""


def last_month_ends(day: np.datetime64) -> Days:
    """The last `MONTHS` month ends up to a day.

    >>> last_month_ends(np.datetime64("2026-06-29"))[[0, -1]].astype(str).tolist()
    ['2024-06-30', '2026-05-31']
    """
    last = (day + np.timedelta64(1, "D")).astype("datetime64[M]") - np.timedelta64(1, "M")
    return month_ends(str(last - np.timedelta64(MONTHS - 1, "M")), str(last))


def stage_path_of(
    view: BookView, stage: pd.Series, day: np.datetime64, policy: Policy
) -> pd.DataFrame:
    """The stage of each customer at the last month ends, and since when the present one holds.

    Args:
        view: As for `stage_facts`.
        stage: The stage of each customer on the day.
        day: The day.
        policy: Its table ``stage`` decides.

    Returns:
        One row per customer: ``stage_path`` (one letter per month end of `last_month_ends`: the
        place of the stage in the policy's table as a digit, `NOT_KNOWN` before the first trace) and
        ``stage_since``, the first Monday or month end on which the customer was in the present
        stage without a break; the day itself if there is none. Mondays of the last `WEEKS` weeks
        and the month ends of the path are looked at, the same days in every review. Both are null
        where the table reads a fact that is known for today alone, such as one of a plug-in.

    Source: LCM-2.
    """
    table = policy.table("stage")
    if set(table.facts) - {*FACTS_OF_ANY_DAY, *view["customers"].frame}:
        never = np.full(view.size, np.datetime64("NaT", "s"))
        unknown = categorical(np.full(view.size, -1), [])
        return pd.DataFrame({"stage_path": unknown, "stage_since": never}, index=view.customers)
    ends = last_month_ends(day)
    monday = day - np.timedelta64((int(day.astype(np.int64)) + 3) % 7, "D")
    mondays = monday - np.arange(WEEKS) * np.timedelta64(7, "D")
    dates = np.unique(np.concatenate([ends, mondays]))
    grid, _ = stage_codes_on(view, dates, policy)
    names = list(map(str, table.vocabulary))
    now = pd.Categorical(stage, categories=names).codes
    since = _since(grid, now, np.append(dates, day))
    return pd.DataFrame(
        {
            "stage_path": _paths(grid[:, np.isin(dates, ends)]),
            "stage_since": since.astype("datetime64[s]"),
        },
        index=view.customers,
    )


def _since(grid: Grid, now: npt.NDArray[np.int8], dates: Days) -> Days:
    """The first date of the unbroken run that ends today."""
    first = np.full(len(now), len(dates) - 1)
    same = np.ones(len(now), dtype=np.bool_)
    for place in range(grid.shape[1] - 1, -1, -1):
        same &= grid[:, place] == now
        first[same] = place
    return np.where(now >= 0, dates[first], np.datetime64("NaT", "D"))


def _paths(grid: Grid) -> pd.Categorical:
    """Each row of stage codes as a word; there are far fewer words than rows."""
    letters = np.where(grid < 0, ord(NOT_KNOWN), grid + ord("0")).astype(np.uint8, order="C")
    eights = pd.DataFrame(letters.view(np.int64))  # a path is a multiple of eight letters
    number = eights.groupby(list(eights)).ngroup().to_numpy()
    _, row = np.unique(number, return_index=True)
    words = letters[row].astype(np.uint32).view(f"U{grid.shape[1]}")
    return categorical(number, words.ravel().tolist())


def stage_movements(paths: Mapping[str, int], stages: Sequence[str], ends: Days) -> pd.DataFrame:
    """How many customers were in each stage at each month end, came into it and left it.

    Args:
        paths: Path -> number of customers.
        stages: The stages, in the order of the policy's table.
        ends: The month ends of the paths.

    Returns:
        One row per month end and stage: ``date``, ``name``, ``count``, ``moved_in`` and
        ``moved_out`` since the month end before (null for the first one).

    >>> ends = np.array(["2026-05-31", "2026-06-30"], "datetime64[D]")
    >>> stage_movements({"01": 2, "11": 1}, ["new", "active"], ends)["count"].tolist()
    [2, 1, 0, 3]
    """
    words = [w for w in paths if w]
    characters = np.array(words, f"U{len(ends)}").view(np.uint32).reshape(-1, len(ends))
    letters = characters.astype(np.int64) - 48
    many = np.array([paths[w] for w in words], np.int64)
    rows = []
    for place, end in enumerate(ends):
        for code, name in enumerate(stages):
            here = letters[:, place] == code
            was = letters[:, place - 1] == code if place else None
            rows.append(
                {
                    "date": end,
                    "name": name,
                    "count": int(many[here].sum()),
                    "moved_in": None if was is None else int(many[here & ~was].sum()),
                    "moved_out": None if was is None else int(many[was & ~here].sum()),
                }
            )
    frame = pd.DataFrame(rows)
    frame["date"] = frame["date"].astype("datetime64[s]")
    return frame.astype({"moved_in": "Int64", "moved_out": "Int64"})
