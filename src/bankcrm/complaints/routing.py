"""Routes: who answers a complaint and by when (CSC-5), and who stays accountable (EB-8)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card, figures_of
from bankcrm.arguments import as_kind
from bankcrm.calendars import WorkingCalendar, business_day
from bankcrm.calendars.countries import given_calendar
from bankcrm.complaints.base import business_days, complaints_policy, contract, cutoff_of
from bankcrm.complaints.clocks.receipt import KINDS, answer_days, due_days
from bankcrm.complaints.clocks.rules import MARKS
from bankcrm.complaints.facts import (
    Classifier,
    ExtendFacts,
    checked_columns,
    complaint_facts,
    facts_of_one,
    identity,
    read_texts,
)
from bankcrm.complaints.lexicon.lexicon import Lexicon
from bankcrm.complaints.routes import RouteRule, routes_of
from bankcrm.complaints.severity import severities, severity_attrs
from bankcrm.frames import as_frame, check_frame
from bankcrm.frames.numbering import categorical, places_of
from bankcrm.models import Id
from bankcrm.models.complaint import Complaint
from bankcrm.policy import Policy
from bankcrm.rules import Decision
from bankcrm.vocabulary import Kind, Severity, Tier, word


def route_frame(
    complaints: object,
    *,
    calendar: WorkingCalendar | str,
    policy: Policy | None = None,
    classifier: Classifier | None = None,
    extend_facts: ExtendFacts = identity,
) -> pd.DataFrame:
    """Severity, owner, departments, due date and rule of every complaint.

    Args:
        complaints: A frame with ``received_at`` (aware instants); ``complaint_id``, ``kind``,
            ``product``, ``cause``, ``tier``, ``first_asked``, the signals and the other columns
            that `bankcrm.complaints.severity_facts` reads, where they are known.
        calendar: The calendar whose working days count, or its country, such as ``CN``.
        policy: The policy whose tables and times decide.
        classifier: Reads the column ``text`` where the signal columns, ``kind`` and ``cause`` are
            null, such as `bankcrm.complaints.default_lexicon`; None leaves texts unread.
        extend_facts: Adds columns to the facts that the tables ``severity``, ``route``,
            ``departments`` and ``priority`` read, such as those of plug-ins.

    Returns:
        The frame's index; ``kind``, ``severity`` (null unless it is a complaint),
        ``severity_rule``, ``route``, ``route_rule``, ``owner``, ``departments`` (joined by ``+``,
        the owner first), ``accountable`` (the employee asked first, if recorded), ``priority``,
        ``due`` (date) and ``provisional``.

    Raises:
        DataError: The frame does not fit its contract, or a table reads a fact that is not given.
        CalendarError: A complaint lies outside the calendar.

    Source: CSC-5, EB-8.

    >>> from bankcrm.calendars import working_calendar
    >>> complaints = pd.DataFrame({
    ...     "received_at": pd.to_datetime(["2024-09-27 10:00"]).tz_localize("Asia/Shanghai"),
    ...     "vulnerable": [True]})
    >>> routed = route_frame(complaints, calendar=working_calendar("CN"))
    >>> routed[["route", "due"]].iloc[0].tolist()
    ['with_departments', Timestamp('2024-10-10 00:00:00')]
    """
    calendar = given_calendar(calendar)
    return routed_with_facts(
        complaints,
        calendar=calendar,
        policy=policy,
        classifier=classifier,
        extend_facts=extend_facts,
    )[0]


def routed_with_facts(
    complaints: object,
    *,
    calendar: WorkingCalendar,
    policy: Policy | None,
    classifier: Classifier | None,
    extend_facts: ExtendFacts,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What `route_frame` gives, and the facts that the tables read."""
    policy = complaints_policy(policy)
    frame = as_frame(complaints)
    own = contract("received_at", "first_asked", "topic", required=("received_at",))
    checked = check_frame(frame, (*own, *checked_columns(policy)), frame="complaints")
    read = read_texts(frame, policy, classifier)
    facts = extend_facts(complaint_facts(checked, policy, read))
    kind = places_of(facts["kind"], KINDS)
    found = severities(facts, policy, kind == KINDS.index(Kind.COMPLAINT.value))
    facts = facts.assign(severity=found["severity"])
    table = policy.table("route")
    codes = table.decide_codes(facts, on_missing="raise")
    routes = routes_of(policy)
    chosen = [routes[name] for name in table.vocabulary]
    due, provisional = answer_days(
        checked["received_at"],
        kind=kind,
        severity=found["severity"].codes,
        topic=checked.get("topic"),
        policy=policy,
        calendar=calendar,
    )
    free = np.isnat(due)  # no clock binds: the days of the route apply
    if free.any():
        days = np.array([int(policy.value(r.days)) for r in chosen])[codes.outcome[free]]
        start = business_days(checked["received_at"][free], policy)
        due[free], provisional[free] = calendar.add_marked(start, days)
    priority = policy.table("priority")
    rank = priority.decide_codes(facts).outcome
    result = pd.DataFrame(
        {
            "kind": facts["kind"],
            **found,
            "route": categorical(codes.outcome, [r.name for r in chosen]),
            "route_rule": categorical(codes.rule, [r.id for r in table.rules]),
            "owner": categorical(codes.outcome, [r.owner for r in chosen]),
            "departments": _departments(facts, codes.outcome, chosen, policy),
            "accountable": checked.get("first_asked"),
            "priority": categorical(rank, priority.vocabulary, ordered=True),
            "due": due.astype("datetime64[s]"),
            "provisional": provisional,
        },
        index=checked.index,
        copy=False,
    )
    result.attrs.update(**severity_attrs(policy), calendar=calendar.name)
    return policy.stamp(result), facts


def _departments(
    facts: pd.DataFrame, route: np.ndarray, chosen: list[RouteRule], policy: Policy
) -> pd.Categorical:
    """The owner and the departments concerned, one text per distinct pair."""
    table = policy.table("departments")
    concerned = table.decide_codes(facts).outcome
    words = [
        joined(r.owner, c if r.involves == "concerned" else "none")
        for r in chosen
        for c in table.vocabulary
    ]
    return categorical(route * np.int16(len(table.vocabulary)) + concerned, words)


def joined(owner: str, concerned: str) -> str:
    """Departments as one text: the owner first, each of them once."""
    names = [owner, *([] if concerned == "none" else concerned.split("+"))]
    return "+".join(dict.fromkeys(names))


@attrs.frozen
class Route:
    """Who answers one complaint, by when, and why.

    Attributes:
        complaint_id: The complaint.
        kind: Consultation, suggestion or complaint.
        severity: None unless it is a complaint.
        route: The route's name.
        owner: The department that owns it.
        departments: All departments, the owner first.
        members: The task force by role, ``department:role``; empty without one.
        actions: What to do, in order.
        accountable: The employee asked first, who stays accountable (EB-8).
        priority: Rank in the queue among complaints of one severity.
        due: The bank's day by which the customer is answered.
        provisional: The due day depends on days that no official notice covers yet.
        deadlines: The due day of every clock that the receipt starts.
        decisions: The decisions behind it, by table.
        confirmation: The weakest mark of the figures of the clocks behind ``due``: ``primary``,
            ``secondary``, ``unconfirmed``, or empty where there is nothing to check.
    """

    complaint_id: Id
    kind: Kind
    severity: Severity | None
    route: str
    owner: str
    departments: tuple[str, ...]
    members: tuple[str, ...]
    actions: tuple[str, ...]
    accountable: str | None
    priority: str
    due: dt.date
    provisional: bool
    deadlines: Mapping[str, dt.date]
    decisions: Mapping[str, Decision] = attrs.field(repr=False)
    confirmation: str = ""

    def __str__(self) -> str:
        severity = f", {self.severity}" if self.severity else ""
        return f"{self.kind}{severity}: {self.owner} by {self.due} ({self.route})"

    def _repr_html_(self) -> str:
        names = ("complaint_id", "kind", "severity", "owner", "departments", "due", "provisional")
        figures = figures_of(
            self, *names, "confirmation", "priority", "actions", "deadlines", "reasons"
        )
        fingerprints = {d.fingerprint[:12] for d in self.decisions.values()}
        return card(f"Route {self.route}", figures, note=", ".join(sorted(fingerprints)))

    @property
    def reasons(self) -> tuple[str, ...]:
        """The rule of each table, with its reason and its source."""
        return tuple(
            f"{table}: {d.rule} ({'; '.join(t for t in (d.because, d.source) if t)})"
            for table, d in self.decisions.items()
        )


def route(
    complaint: Complaint,
    *,
    calendar: WorkingCalendar | str,
    policy: Policy | None = None,
    classifier: Classifier | None = None,
    tier: Tier | str | None = None,
    facts: Mapping[str, object] | None = None,
) -> Route:
    """The route of one complaint: owner, departments, task force, deadlines, reasons.

    It gives the same answer as `route_frame` and reads the same facts and tables.

    Args:
        complaint: The complaint.
        calendar: The calendar whose working days count, or its country, such as ``CN``.
        policy: The policy whose tables, times and clocks decide.
        classifier: Reads the text where the complaint's own fields are null.
        tier: The customer's tier; it changes the priority and never the severity.
        facts: Further facts that the bank's own tables read, by name.

    Raises:
        CalendarError: The complaint lies outside the calendar.
        MissingFactError: A table reads a fact that is not given.

    Source: CSC-5, EB-8.

    >>> from bankcrm.calendars import working_calendar
    >>> from bankcrm.complaints import default_lexicon
    >>> noon = dt.datetime(2024, 9, 27, 12, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    >>> one = Complaint(complaint_id=1, received_at=noon, text="信用卡被盗刷", first_asked="Wang")
    >>> found = route(one, calendar=working_calendar("CN"), classifier=default_lexicon())
    >>> str(found.severity), found.due.isoformat(), found.accountable
    ('severe', '2024-10-16', 'Wang')
    """
    calendar = given_calendar(calendar)
    policy = complaints_policy(policy)
    as_kind(complaint, Complaint, "complaint")
    read = _read(classifier, complaint.text)
    known = facts_of_one(complaint, policy, read, tier=tier, extra=facts)
    kind = word(Kind, known["kind"])
    severity: Severity | None = None
    decisions: dict[str, Decision] = {}
    if kind is Kind.COMPLAINT:
        decisions["severity"] = policy.table("severity").decide(known)
        severity = word(Severity, decisions["severity"].outcome)
    known["severity"] = None if severity is None else severity.value
    for name in ("route", "departments", "priority"):
        decisions[name] = policy.table(name).decide(known)
    rule = routes_of(policy)[decisions["route"].outcome]
    concerned = decisions["departments"].outcome if rule.involves == "concerned" else "none"
    clocks = due_days(
        complaint.received_at,
        kind=kind,
        severity=severity,
        topic=complaint.topic or "",
        policy=policy,
        calendar=calendar,
    )
    answers = [c for c in clocks if c.rule.answers]
    marks = [c.rule.confirmation(policy) for c in answers]
    if answers:
        due, provisional = min((c.day, c.provisional) for c in answers)
    else:  # no clock binds: the days of the route apply
        due, provisional = _route_due(complaint, int(policy.value(rule.days)), policy, calendar)
    return Route(
        complaint_id=complaint.complaint_id,
        kind=kind,
        severity=severity,
        route=rule.name,
        owner=rule.owner,
        departments=tuple(joined(rule.owner, concerned).split("+")),
        members=_members(rule, concerned),
        actions=rule.actions,
        accountable=complaint.first_asked,
        priority=decisions["priority"].outcome,
        due=due,
        provisional=provisional,
        deadlines={c.rule.name: c.day for c in clocks},
        decisions=decisions,
        confirmation=max(marks, key=MARKS.index, default=""),
    )


def _read(classifier: Classifier | None, text: str | None) -> Mapping[str, object] | None:
    """What the classifier reads in the text; None without a classifier or a text."""
    if classifier is None:
        return None
    if isinstance(classifier, Lexicon):  # reads a single text without building a frame
        return None if text is None else classifier.read(text)
    answer = classifier(pd.Series([text], dtype=object))
    return {str(name): answer[name].iloc[0] for name in answer}


def _members(rule: RouteRule, concerned: str) -> tuple[str, ...]:
    """The task force: ``concerned`` stands for each department concerned."""
    departments = [] if concerned == "none" else concerned.split("+")
    members: list[str] = []
    for member in rule.members:
        department, role = member.split(":")
        names = departments if department == "concerned" else [department]
        members += [f"{name}:{role}" for name in names]
    return tuple(dict.fromkeys(members))


def _route_due(
    complaint: Complaint, days: int, policy: Policy, calendar: WorkingCalendar
) -> tuple[dt.date, bool]:
    zone = policy.value("time_zone")
    day = business_day(complaint.received_at, zone=zone, cutoff=cutoff_of(policy))
    due = calendar.add_marked(day, days)
    return due.dates[0].item(), bool(due.provisional[0])
