"""Complaints from register to decision: intake, route and timeliness of the answer."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import first_few
from bankcrm.arguments import refuse
from bankcrm.calendars import WorkingCalendar
from bankcrm.calendars.countries import given_calendar
from bankcrm.complaints.base import answered_at, business_days, complaints_policy, known_by
from bankcrm.complaints.escalation import follow_ups
from bankcrm.complaints.facts import Classifier, ExtendFacts, identity
from bankcrm.complaints.intake import intake
from bankcrm.complaints.lexicon.reader import default_lexicon
from bankcrm.complaints.reading import limits_of, signals_of
from bankcrm.complaints.routing import routed_with_facts
from bankcrm.frames import DataFault
from bankcrm.frames.arrays import Days, as_of_day, days
from bankcrm.policy import Policy
from bankcrm.vocabulary import Timeliness


@attrs.frozen(eq=False)
class ProcessedComplaints:
    """Accepted and routed complaints, and the faults of the rejected ones.

    Attributes:
        routed: Indexed by ``complaint_id``: ``customer_id``, ``received_at``, ``product``, the
            columns of `route_frame`, ``answered_at``, ``state`` (`bankcrm.vocabulary.Timeliness`),
            ``signals`` (what was read) and ``time_allowed`` (of each clock that sets the due day),
            and ``follow_up_due`` and ``satisfied`` of `follow_ups`.
        rejected: Number of rows that were rejected.
        faults: One fault per problem, with the number of rows and the first few.
    """

    routed: pd.DataFrame
    rejected: int
    faults: tuple[DataFault, ...]


def process_complaints(
    frame: object,
    *,
    as_of: object,
    policy: Policy | None = None,
    calendar: WorkingCalendar | str,
    classifier: Classifier | None = None,
    extend_facts: ExtendFacts | None = None,
) -> ProcessedComplaints:
    """Take in, assess and route complaints, and check whether each was answered in time.

    Args:
        frame: Complaints; see `bankcrm.complaints.intake`.
        as_of: A complaint received after this day is rejected, and what happened to one after it is
            not known; open ones due before it are overdue. The state of complaints is null where
            the frame has neither ``answered_at`` nor ``closed_at``.
        policy: The policy whose tables and times decide.
        calendar: The calendar whose working days count; complaints outside it are rejected.
        classifier: Reads the texts; None takes `bankcrm.complaints.default_lexicon`.
        extend_facts: Adds columns to the facts, which are indexed by ``complaint_id``.

    Source: CSC-3 to CSC-6.

    >>> from bankcrm.calendars import working_calendar
    >>> complaints = pd.DataFrame({
    ...     "complaint_id": [1, 2],
    ...     "received_at": pd.to_datetime(["2026-03-02", "2026-03-09"]).tz_localize("UTC"),
    ...     "closed_at": pd.to_datetime(["2026-03-02", None]).tz_localize("UTC")})
    >>> found = process_complaints(
    ...     complaints, as_of="2026-03-31", calendar=working_calendar("CN"))
    >>> found.routed["state"].tolist(), found.rejected
    (['in_time', 'overdue'], 0)
    """
    calendar = given_calendar(calendar)
    policy = complaints_policy(policy)
    if extend_facts is not None and not callable(extend_facts):
        refuse("extend_facts", "a function of the facts", extend_facts)
    taken = intake(frame, policy=policy, as_of=as_of)
    day = as_of_day(as_of)
    known = known_by(taken.accepted, day, policy)
    accepted, outside = _within(calendar, known.set_index("complaint_id"), policy)
    routed, facts = routed_with_facts(
        accepted,
        policy=policy,
        calendar=calendar,
        classifier=classifier or default_lexicon(),
        extend_facts=extend_facts or identity,
    )
    routed = accepted.reindex(columns=["customer_id", "received_at", "product"]).join(routed)
    routed["answered_at"] = answered_at(accepted)
    answered = business_days(routed["answered_at"], policy)
    routed["state"] = _timeliness(routed["due"], answered, day)
    unanswered = _unanswered(accepted)
    if unanswered:
        routed.loc[:, "state"] = None
    routed["signals"] = signals_of(facts, policy)
    routed["time_allowed"] = limits_of(accepted, routed, policy)
    after = follow_ups(accepted, policy=policy, calendar=calendar)
    routed = routed.join(after[["follow_up_due", "satisfied"]])
    rejected = len(taken.rejected) + len(taken.accepted) - len(accepted)
    return ProcessedComplaints(
        policy.stamp(routed), rejected, (*_intake_faults(taken.findings), *outside, *unanswered)
    )


def _unanswered(accepted: pd.DataFrame) -> tuple[DataFault, ...]:
    """A fault if nothing says which complaints are answered; then none is open or overdue."""
    if not len(accepted) or {"answered_at", "closed_at"} & set(accepted.columns):
        return ()
    fault = DataFault(
        "complaints",
        "answered_at",
        "not_recorded",
        len(accepted),
        (),
        expected="answered_at or closed_at",
        advice="without both nobody knows which complaints are overdue (state is null)",
    )
    return (fault,)


def _within(
    calendar: WorkingCalendar, accepted: pd.DataFrame, policy: Policy
) -> tuple[pd.DataFrame, tuple[DataFault, ...]]:
    """Keep complaints within the calendar; the others have no due day and are rejected."""
    day = business_days(accepted["received_at"], policy)
    outside = (day < calendar.first) | (day > calendar.last)
    if not outside.any():
        return accepted, ()
    fault = DataFault(
        "complaints",
        "received_at",
        "outside_calendar",
        int(outside.sum()),
        first_few(accepted.index[outside]),
        expected=f"{calendar.first} to {calendar.last}, the days of calendar {calendar.name}",
        advice="give a calendar that covers them (rejected)",
    )
    return accepted.loc[~outside], (fault,)


def _timeliness(due: pd.Series, answered: Days, as_of: np.datetime64) -> pd.Categorical:
    """Answered in time or late; else open, or overdue if its due day has passed."""
    limit = days(due, "due")
    waiting = np.isnat(answered)
    late = np.where(waiting, limit < as_of, answered > limit)
    unanswered = np.where(late, Timeliness.OVERDUE.value, Timeliness.OPEN.value)
    in_time = np.where(late, Timeliness.LATE.value, Timeliness.IN_TIME.value)
    names = [t.value for t in Timeliness]
    return pd.Categorical(np.where(waiting, unanswered, in_time).astype(object), categories=names)


def _intake_faults(findings: pd.DataFrame) -> tuple[DataFault, ...]:
    """The findings of the intake, one fault per problem."""
    groups = findings.groupby(["problem", "column", "effect", "advice"], sort=False, observed=True)
    return tuple(
        DataFault(
            "complaints",
            str(column),
            str(problem),
            len(rows),
            first_few(rows["row"]),
            advice=f"{advice} ({effect})",
        )
        for (problem, column, effect, advice), rows in groups
    )
