"""A dated list of tasks from the playbook (LCM-3, LCM-5, CSC-7)."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.calendars import WorkingCalendar
from bankcrm.calendars.countries import given_calendar
from bankcrm.frames import Column, as_frame, check_frame
from bankcrm.frames.arrays import Days, as_of_day
from bankcrm.lifecycle.actions.playbooks import Action, Festival, specificity
from bankcrm.lifecycle.policy import lifecycle_policy
from bankcrm.policy import Policy

Mask: TypeAlias = npt.NDArray[np.bool_]

PLAN_COLUMNS = (
    Column("customer_id", "id"),
    Column("stage", "category"),
    Column("stage_since", "date", required=False, nullable=True),
    Column("contract_date", "date", required=False, nullable=True),
    Column("closed_date", "date", required=False, nullable=True),
    Column("birth_date", "date", required=False, nullable=True),
    Column("cause", "category", required=False, nullable=True),
    Column("tier", "category", required=False, nullable=True),
)
DONE_COLUMNS = (
    Column("customer_id", "id"),
    Column("action", "text"),
    Column("occasion", "date", nullable=True),
)


def plan_actions(
    customers: object,
    *,
    as_of: object,
    calendar: WorkingCalendar | str,
    policy: Policy | None = None,
    done: object = None,
) -> pd.DataFrame:
    """A dated task list: each action once per occasion, none for a closed customer.

    Actions that start with the stage or the contract are planned as long as the customer is in the
    stage; birthdays, festivals and regular visits are planned if they are due within the policy's
    ``plan_days``. Greetings are due on the day itself, working day or not.

    Args:
        customers: ``customer_id``, ``stage``; ``stage_since``, ``contract_date``, ``closed_date``,
            ``birth_date``, ``cause``, ``tier`` where known. Without ``stage_since`` the clock of a
            stage's actions starts on ``as_of``.
        as_of: The day of planning.
        calendar: The calendar of working days.
        policy: Records ``playbook`` and ``festival``, parameter ``plan_days``.
        done: Tasks that are done or planned already, as this function returns them
            (``customer_id``, ``action``, ``occasion``): they are not planned again.

    Returns:
        One row per task, by due date: ``customer_id``, ``action``, ``title``, ``stage``, ``owner``,
        ``channel``, ``occasion`` and ``due`` (dates), ``overdue`` (bool), ``source``.
        ``attrs["festivals_until"]`` is the last day that the policy's festivals cover.

    Raises:
        DataError: The frame does not fit.
        CalendarError: A date that the calendar does not cover.

    Source: LCM-3, CSC-7.
    """
    calendar = given_calendar(calendar)
    policy = lifecycle_policy(policy)
    day = as_of_day(as_of)
    horizon = day + np.timedelta64(int(policy.value("plan_days")), "D")
    book = check_frame(customers, PLAN_COLUMNS, frame="customers", key="customer_id")
    festivals = policy.records("festival", Festival)
    parts = [
        _tasks(book, action, rows, day, horizon, calendar, festivals)
        for action, rows in assigned(book, policy)
    ]
    tasks = pd.concat([_no_tasks(book), *parts], ignore_index=True)
    tasks = tasks[~(tasks.pop("closed").to_numpy() <= tasks["due"].to_numpy())]
    tasks = _not_done(tasks, done)
    tasks = tasks.drop_duplicates(["customer_id", "action", "occasion"])
    tasks["overdue"] = tasks["due"].to_numpy().astype("datetime64[D]") < day
    tasks = tasks.sort_values(["due", "customer_id"], kind="stable", ignore_index=True)
    covered = max((f.date for f in festivals), default=None)
    tasks.attrs["festivals_until"] = str(covered or "")
    return policy.stamp(tasks)


def assigned(book: pd.DataFrame, policy: Policy) -> list[tuple[Action, Mask]]:
    """Each action with the rows that it is for: of one name the most specific one."""
    actions = policy.records("playbook", Action)
    free = {(a.stage, a.action): np.ones(len(book), dtype=np.bool_) for a in actions}
    words = {n: pd.Categorical(book[n]) for n in ("stage", "cause", "tier") if n in book}

    def equals(column: str, word: str) -> Mask:
        if column not in words:
            return np.zeros(len(book), dtype=np.bool_)
        equal: Mask = np.append(words[column].categories == word, False)[words[column].codes]
        return equal

    found = []
    for action in sorted(actions, key=specificity, reverse=True):
        rows = free[action.stage, action.action] & equals("stage", action.stage)
        if action.cause:
            rows &= equals("cause", action.cause)
        if action.tier:
            rows &= equals("tier", action.tier)
        free[action.stage, action.action] &= ~rows
        found.append((action, rows))
    return found


def _date(book: pd.DataFrame, column: str) -> Days:
    if column not in book:
        return np.full(len(book), np.datetime64("NaT", "D"))
    return book[column].to_numpy().astype("datetime64[D]")


def _tasks(
    book: pd.DataFrame,
    action: Action,
    rows: Mask,
    day: np.datetime64,
    horizon: np.datetime64,
    calendar: WorkingCalendar,
    festivals: tuple[Festival, ...],
) -> pd.DataFrame:
    """The tasks of one action."""
    chosen = book[rows & ~(_date(book, "closed_date") <= day)]
    place, occasion = _occasions(chosen, action, day, horizon, festivals)
    if action.starts == "regular":
        due = occasion
    elif action.unit == "working_days" and len(occasion):
        due = np.asarray(calendar.add(occasion, action.due), dtype="datetime64[D]")
    else:
        due = occasion + np.timedelta64(action.due, "D")
    picked = chosen.iloc[place]
    return pd.DataFrame(
        {
            "customer_id": picked["customer_id"].array,
            "action": action.action,
            "title": action.title,
            "stage": action.stage,
            "owner": str(action.owner),
            "channel": str(action.channel),
            "occasion": occasion.astype("datetime64[s]"),
            "due": due.astype("datetime64[s]"),
            "source": action.source,
            "closed": _date(picked, "closed_date").astype("datetime64[s]"),
        }
    )


def _occasions(
    chosen: pd.DataFrame,
    action: Action,
    day: np.datetime64,
    horizon: np.datetime64,
    festivals: tuple[Festival, ...],
) -> tuple[npt.NDArray[np.intp], Days]:
    """Rows and the dates of their occasions; a row may have several."""
    if action.starts == "stage":
        since = _date(chosen, "stage_since")
        return np.arange(len(chosen)), np.where(np.isnat(since), day, since)
    if action.starts == "contract":
        signed = _date(chosen, "contract_date")
        known = np.flatnonzero(signed <= day)
        return known, signed[known]
    if action.starts == "festival":
        ahead = [np.datetime64(f.date, "D") for f in festivals]
        ahead = [f for f in ahead if day < f <= horizon]
        place = np.tile(np.arange(len(chosen)), len(ahead))
        return place, np.repeat(np.array(ahead, dtype="datetime64[D]"), len(chosen))
    if action.starts == "birthday":
        return birthdays(_date(chosen, "birth_date"), day, horizon)
    return regular(_date(chosen, "contract_date"), action.due, day, horizon)


def birthdays(
    born: Days, day: np.datetime64, horizon: np.datetime64
) -> tuple[npt.NDArray[np.intp], Days]:
    """Birthdays after ``day`` and up to ``horizon``; 29 February is kept on the 28th."""
    month = born.astype("datetime64[M]")
    of_year = (month - born.astype("datetime64[Y]")).astype(np.int64)
    of_month = (born - month).astype(np.int64)
    places, dates = [np.empty(0, dtype=np.intp)], [np.empty(0, dtype="datetime64[D]")]
    years = np.arange(
        day.astype("datetime64[Y]"), horizon.astype("datetime64[Y]") + np.timedelta64(1, "Y")
    )
    for year in years:
        start = year.astype("datetime64[M]") + np.where(np.isnat(born), 0, of_year)
        length = (
            (start + np.timedelta64(1, "M")).astype("datetime64[D]") - start.astype("datetime64[D]")
        ).astype(int)
        date = start.astype("datetime64[D]") + np.minimum(of_month, length - 1)
        hit = np.flatnonzero(~np.isnat(born) & (day < date) & (date <= horizon))
        places.append(hit)
        dates.append(date[hit])
    return np.concatenate(places), np.concatenate(dates)


def regular(
    signed: Days, every: int, day: np.datetime64, horizon: np.datetime64
) -> tuple[npt.NDArray[np.intp], Days]:
    """Every so many days from the contract on, after ``day`` and up to ``horizon``."""
    known = np.flatnonzero(signed <= day)
    age = (day - signed[known]).astype(np.int64)
    first = signed[known] + ((age // every + 1) * every)
    times = np.maximum((horizon - first).astype(np.int64) // every + 1, 0)
    number = np.arange(int(times.sum())) - np.repeat(np.cumsum(times) - times, times)
    return np.repeat(known, times), np.repeat(first, times) + number * every


def _no_tasks(book: pd.DataFrame) -> pd.DataFrame:
    """An empty list of tasks, so that the columns are there when nothing is to do."""
    never = pd.Series([], dtype="datetime64[s]")
    text = pd.Series([], dtype=object)
    return pd.DataFrame(
        {
            "customer_id": book["customer_id"].iloc[:0].array,
            **dict.fromkeys(("action", "title", "stage", "owner", "channel"), text),
            "occasion": never,
            "due": never,
            "source": text,
            "closed": never,
        }
    )


def _not_done(tasks: pd.DataFrame, done: object) -> pd.DataFrame:
    if done is None or not len(as_frame(done)):
        return tasks
    finished = check_frame(done, DONE_COLUMNS, frame="done")
    keys = ["customer_id", "action", "occasion"]
    keyed = pd.MultiIndex.from_frame(finished[keys].astype({"action": object}))
    return tasks[~pd.MultiIndex.from_frame(tasks[keys]).isin(keyed)]
