"""A part of the action list: one owner's, or one week's."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import pandas as pd

from bankcrm.actions.contract import COLUMN_NAMES
from bankcrm.arguments import refuse
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames import as_frame, column_of
from bankcrm.frames.arrays import as_of_day, days
from bankcrm.frames.conversion import with_levels
from bankcrm.vocabulary import Department

_WEEK = re.compile(r"(\d{4})-?W(\d{2})")
_SEVEN = np.timedelta64(7, "D")


def select_actions(
    actions: pd.DataFrame, *, as_of: object, owner: str | None = None, week: object = None
) -> pd.DataFrame:
    """The actions of an owner, or of a week.

    Args:
        actions: The action list of a review.
        as_of: The day of the review; its own week includes what is overdue.
        owner: A department, or a manager; None: every owner.
        week: An ISO week such as ``2026-W27``, or a day of it; None: every week.

    Returns:
        The rows in their order, numbered anew.

    Raises:
        UnknownNameError: No department and no manager of the list has this name.
        DataError: The week is not a date.

    >>> days = pd.to_datetime(["2026-06-29", "2026-07-08"])
    >>> actions = pd.DataFrame({"department": ["product", "risk"], "manager": None, "due": days})
    >>> select_actions(actions, as_of="2026-06-30", week="2026-W27")["department"].tolist()
    ['product']
    """
    actions = with_levels(as_frame(actions), COLUMN_NAMES)
    chosen = np.ones(len(actions), dtype=np.bool_)
    if owner is not None:
        department = column_of(actions, "department", "actions").astype(object)
        manager = column_of(actions, "manager", "actions").astype(object)
        managers = manager.dropna().astype(str).unique().tolist()
        if owner not in (*map(str, Department), *managers):
            raise UnknownNameError("owner", owner, [*map(str, Department), *sorted(managers)])
        chosen &= ((department == owner) | (manager == owner)).to_numpy(np.bool_)
    if week is not None:
        monday = _monday(week)
        due = days(column_of(actions, "due", "actions"), "actions.due")
        in_time = due >= monday
        if monday <= as_of_day(as_of) < monday + _SEVEN:
            in_time |= due < as_of_day(as_of)
        chosen &= in_time & (due < monday + _SEVEN)
    return actions[chosen].reset_index(drop=True)


def _monday(week: object) -> np.datetime64:
    """The first day of a week."""
    found = _WEEK.fullmatch(week) if isinstance(week, str) else None
    try:
        if found:
            return np.datetime64(date.fromisocalendar(int(found[1]), int(found[2]), 1), "D")
        day = as_of_day(week)
    except (ValueError, DataError):
        refuse("week", "an ISO week such as 2026-W27, or a day", week)
    return day - np.timedelta64((int(day.astype(np.int64)) + 3) % 7, "D")
