"""Temporary."""

from __future__ import annotations

from datetime import date

import attrs
import numpy as np
import pandas as pd

from bankcrm.book import Book
from bankcrm.calendars import WorkingCalendar
from bankcrm.complaints import Classifier, default_lexicon, intake, route_frame
from bankcrm.complaints.routing import received_day
from bankcrm.frames import DataFault, Days, days
from bankcrm.policy import Policy


@attrs.frozen(eq=False)
class Handled:
    """Complaints taken in and routed; what was rejected, and why."""

    routed: pd.DataFrame
    rejected: int
    faults: tuple[DataFault, ...]


def complaints(
    book: Book,
    day: date,
    policy: Policy,
    calendar: WorkingCalendar,
    classifier: Classifier | None = None,
) -> Handled:
    """Complaints taken in, assessed (their texts read, by default by the lexicon) and routed."""
    reader = classifier or default_lexicon()
    taken = intake(book.frame("complaints"), policy=policy, as_of=day)
    accepted, beyond = _within(calendar, taken.accepted.set_index("complaint_id"), policy)
    route = route_frame(accepted, policy=policy, calendar=calendar, classifier=reader)
    kept = accepted.reindex(columns=["customer_id", "received_at", "product"])
    routed = kept.join(route.rename(columns={"rule": "route_rule"}))
    routed["state"] = _states(routed["due"], _answer_days(accepted, policy), day)
    rejected = len(taken.rejected) + len(taken.accepted) - len(accepted)
    return Handled(routed, rejected, (*_intake_faults(taken.findings), *beyond))


def _within(
    calendar: WorkingCalendar, accepted: pd.DataFrame, policy: Policy
) -> tuple[pd.DataFrame, tuple[DataFault, ...]]:
    """Complaints of the calendar's years; the others have no due day and are set aside."""
    day = received_day(accepted["received_at"], policy)
    outside = (day < calendar.first) | (day > calendar.last)
    if not outside.any():
        return accepted, ()
    fault = DataFault(
        "complaints",
        "received_at",
        "outside_calendar",
        int(outside.sum()),
        tuple(map(str, accepted.index[outside][:5])),
        expected=f"{calendar.first} to {calendar.last}, the days of calendar {calendar.name}",
        advice="give a calendar that reaches them (rejected)",
    )
    return accepted.loc[~outside], (fault,)


def _answer_days(accepted: pd.DataFrame, policy: Policy) -> Days:
    """The bank's day on which each complaint was answered; NaT where it was not."""
    if "answered_at" not in accepted:
        return np.full(len(accepted), np.datetime64("NaT", "D"))
    return received_day(accepted["answered_at"], policy)


def _states(due: pd.Series, answered: Days, day: date) -> pd.Categorical:
    """Answered in time or late; else open, or overdue if its day has passed."""
    limit = days(due, "due")
    late = np.where(np.isnat(answered), limit < np.datetime64(day), answered > limit)
    names = np.array(["in_time", "late", "open", "overdue"])
    return pd.Categorical(names[late + 2 * np.isnat(answered)], categories=names)


def _intake_faults(found: pd.DataFrame) -> tuple[DataFault, ...]:
    """The intake's findings, told once for each problem."""
    groups = found.groupby(["problem", "column", "effect", "advice"], sort=False, observed=True)
    return tuple(
        DataFault(
            "complaints",
            str(column),
            str(problem),
            len(rows),
            tuple(map(str, rows["row"].head(5))),
            advice=f"{advice} ({effect})",
        )
        for (problem, column, effect, advice), rows in groups
    )
