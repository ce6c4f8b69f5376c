"""Actions from review to review: which were done, and since when one is listed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.actions.contract import DONE_COLUMNS
from bankcrm.actions.situation import Situation
from bankcrm.arguments import as_path
from bankcrm.errors import DataError, reason_of
from bankcrm.frames import check_frame
from bankcrm.frames.arrays import Days, as_of_day

_ID = r"^(?P<subject>(?:customer|complaint|staff):.+):(?P<tasks>\w+@\d{4}-\d\d-\d\d(?:\+.+)?)$"


def tasks_of(ids: pd.Series) -> pd.DataFrame:
    """The tasks of actions, one row each.

    Args:
        ids: Ids as in the column ``action_id``.

    Returns:
        ``place`` (the position of the action), ``subject``, ``action`` and ``occasion`` (text).

    Raises:
        DataError: A value is not the id of an action.

    >>> tasks_of(pd.Series(["customer:7:wake_up@2026-06-01+revisit@2026-06-09"])).values.tolist()
    [[0, 'customer:7', 'wake_up', '2026-06-01'], [0, 'customer:7', 'revisit', '2026-06-09']]
    """
    texts = ids.astype(object).reset_index(drop=True)
    parts = texts.astype(str).str.extract(_ID)
    wrong = np.flatnonzero(parts["tasks"].isna())
    if len(wrong):
        raise DataError(
            f"action_id: {len(wrong):,} rows have no id of an action (rows "
            f"{few(wrong)}); expected one such as "
            "customer:7:wake_up@2026-06-01, from the column action_id of actions.csv"
        )
    each = parts["tasks"].str.split("+").explode()
    named = each.str.split("@", n=1, expand=True)
    named = named if len(each) else pd.DataFrame({0: each, 1: each})
    return pd.DataFrame(
        {
            "place": each.index.to_numpy(),
            "subject": parts["subject"].reindex(each.index).to_numpy(),
            "action": named[0].to_numpy(),
            "occasion": named[1].to_numpy(),
        }
    )


def read_done(path: str | Path) -> pd.DataFrame:
    """Read a CSV file of actions that were done.

    Args:
        path: The file, in UTF-8, with the columns of `DONE_COLUMNS`; days such as 2026-06-30.

    Raises:
        DataError: The file cannot be read, or a column or a day does not fit.
    """
    source = as_path(path)
    try:
        frame = pd.read_csv(source, dtype=str, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise DataError(f"{source}: not a CSV file of actions: {reason_of(error)}") from error
    if "day" in frame:
        day = pd.to_datetime(frame["day"], format="%Y-%m-%d", errors="coerce")
        wrong = np.flatnonzero(day.isna() & frame["day"].notna())
        if len(wrong):
            lines = few(wrong + 2)
            raise DataError(
                f"{source}: day: {len(wrong):,} rows have no day (lines {lines}); expected days "
                "such as 2026-06-30"
            )
        frame["day"] = day
    return check_frame(frame, DONE_COLUMNS, frame=source.name)


def checked_done(done: object, day: date) -> pd.DataFrame:
    """The tasks that were done up to a day: those of `tasks_of`, with ``day``.

    Args:
        done: The list of actions that were done, with the columns of `DONE_COLUMNS`.
        day: The day; what was done later is not known yet.

    Raises:
        DataError: The list does not fit.
    """
    frame = check_frame(done, DONE_COLUMNS, frame="done").reset_index(drop=True)
    tasks = tasks_of(frame["action_id"])
    when = frame["day"].to_numpy().astype("datetime64[D]")[tasks["place"].to_numpy(np.intp)]
    known: pd.DataFrame = tasks.assign(day=when)[when <= as_of_day(day)]
    return known.reset_index(drop=True)


def subjects_of(drafts: pd.DataFrame, situation: Situation) -> npt.NDArray[np.object_]:
    """The subject of each draft: its complaint, else its customer, else the staff it is about."""
    row, complaint = drafts["row"].to_numpy(), drafts["complaint"].to_numpy()
    manager = drafts["manager"].astype(object)
    who = manager.where(manager.notna() & (manager != ""), drafts["department"].astype(object))
    found: npt.NDArray[np.object_] = _named("customer", situation.facts.index)[row]
    about = complaint >= 0
    found[about] = _named("complaint", situation.complaints.index)[complaint[about]]
    staff = (row < 0) & ~about
    found[staff] = "staff:" + who.to_numpy(object)[staff]
    return found


def _named(kind: str, ids: pd.Index) -> npt.NDArray[np.object_]:
    """The ids as subjects, and one more for the position -1."""
    texts: npt.NDArray[np.object_] = np.append(ids.astype(str).to_numpy(object), "")
    named: npt.NDArray[np.object_] = f"{kind}:" + texts
    return named


def done_drafts(drafts: pd.DataFrame, situation: Situation) -> npt.NDArray[np.bool_]:
    """Which drafts were done: on the same occasion, or within ``done_days`` before the review.

    The second is for those that count from the day of the review and so have no day of their own.
    """
    found = np.zeros(len(drafts), np.bool_)
    if situation.done is None or not len(situation.done) or not len(drafts):
        return found
    done = situation.done
    subject = subjects_of(drafts, situation)
    at = np.flatnonzero(pd.Index(subject).isin(done["subject"]))
    occasion = drafts["occasion"].to_numpy().astype("datetime64[D]")[at]
    action = drafts["action"].astype(object).to_numpy()[at]
    asked = pd.MultiIndex.from_arrays([subject[at], action, occasion.astype(str)])
    exact = asked.isin(pd.MultiIndex.from_frame(done[["subject", "action", "occasion"]]))
    last = done.groupby(["subject", "action"])["day"].max()
    latest = last.reindex(asked.droplevel(2)).to_numpy().astype("datetime64[D]")
    days = int(situation.policies["lifecycle"].value("done_days"))
    recent = latest + np.timedelta64(days, "D") > situation.today
    found[at] = exact | ((occasion == situation.today) & recent)
    return found


def listed_since(
    ids: pd.Series, day: date, known: pd.DataFrame | None, known_on: date | None
) -> Days:
    """The day since which each action is listed; that of the review for a new one.

    Args:
        ids: The ids of the actions.
        day: The day of the review.
        known: The action list of an earlier review; None: every action is new.
        known_on: The day of that review.
    """
    found = np.full(len(ids), as_of_day(day))
    if known is None or not len(known):
        return found
    before = _tasks_between(known["action_id"], str(known_on))
    listed = known["since"].iloc[before["place"]].reset_index(drop=True)
    first = listed.groupby([before[name] for name in _TASK]).min()
    now = _tasks_between(ids, str(day))
    since = first.reindex(pd.MultiIndex.from_frame(now[_TASK])).to_numpy().astype("datetime64[D]")
    np.fmin.at(found, now["place"].to_numpy(np.intp), since)
    return found


_TASK = ["subject", "action", "occasion"]


def _tasks_between(ids: pd.Series, today: str) -> pd.DataFrame:
    """The tasks, to compare reviews; one of the day itself comes without an occasion too."""
    tasks = tasks_of(ids)
    undated = tasks[(tasks["occasion"] == today).to_numpy(np.bool_)].assign(occasion="")
    return pd.concat([tasks, undated], ignore_index=True)


def settled_actions(
    before: pd.DataFrame, was: date, after: pd.DataFrame, day: date, done: pd.DataFrame | None
) -> pd.DataFrame:
    """The actions of an earlier list that a later one no longer has.

    Args:
        before: The earlier list.
        was: The day of the earlier review.
        after: The later list.
        day: The day of the later review.
        done: The tasks that were done, from `checked_done`; None: not known.

    Returns:
        The columns of the action list after ``state``: ``done``, or ``no longer due`` where the
        reason is gone or the action has lapsed.
    """
    tasks, still = (
        _tasks_between(before["action_id"], str(was)),
        _tasks_between(after["action_id"], str(day)),
    )
    keys = pd.MultiIndex.from_frame(tasks[_TASK])
    listed = _any(tasks["place"], keys.isin(pd.MultiIndex.from_frame(still[_TASK])), len(before))
    finished = np.zeros(len(before), np.bool_)
    if done is not None and len(done):
        plain = pd.MultiIndex.from_frame(done[["subject", "action"]])
        finished = _any(tasks["place"], keys.droplevel(2).isin(plain), len(before))
    rows = before[~listed].reset_index(drop=True)
    state = np.where(finished[~listed], "done", "no longer due")
    return rows.assign(state=pd.Categorical(state))[["state", *rows.columns]]


def _any(place: pd.Series, mask: npt.NDArray[np.bool_], size: int) -> npt.NDArray[np.bool_]:
    return np.bincount(place[mask], minlength=size) > 0
