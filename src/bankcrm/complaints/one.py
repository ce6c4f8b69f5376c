"""The route of one complaint, with every reason; the same answer as `route_frame` gives."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import attrs
import pandas as pd

from bankcrm._display import card, figures_of
from bankcrm.calendars import WorkingCalendar, business_day
from bankcrm.complaints.clocks import first_due
from bankcrm.complaints.events import CaseEvent, EventKind
from bankcrm.complaints.lexicon import Lexicon
from bankcrm.complaints.routing import UNTOLD, RouteRule, joined, routes_of
from bankcrm.complaints.rulers import cutoff_of
from bankcrm.complaints.severity import Classifier, complaints_policy, scalar_facts
from bankcrm.models import Id
from bankcrm.models.complaint import Complaint
from bankcrm.policy import Policy
from bankcrm.rules import Decision
from bankcrm.vocabulary import Kind, Severity, Tier, word


@attrs.frozen
class Route:
    """Who answers one complaint, by when, and why.

    Args:
        complaint_id: The complaint.
        kind: Consultation, suggestion or complaint.
        severity: None unless it is a complaint.
        route: The route's name.
        owner: The department that owns it.
        departments: All departments, the owner first.
        members: The task force by role, ``department:role``; empty without one.
        actions: What to do, in order.
        accountable: The first-asked person, who stays so (EB-8).
        priority: Place in the queue among complaints of one severity.
        due: The bank's day by which the customer is answered.
        provisional: The due day rests on days without an official notice.
        deadlines: Every clock's due day, from receipt.
        decisions: The decisions behind it, by table.
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

    def __str__(self) -> str:
        severity = f", {self.severity}" if self.severity else ""
        return f"{self.kind}{severity}: {self.owner} by {self.due} ({self.route})"

    def _repr_html_(self) -> str:
        names = ("complaint_id", "kind", "severity", "owner", "departments", "due", "provisional")
        figures = figures_of(self, *names, "priority", "actions", "deadlines", "reasons")
        fingerprints = {d.fingerprint[:12] for d in self.decisions.values()}
        return card(f"Route {self.route}", figures, note=", ".join(sorted(fingerprints)))

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, table by table: the rule, its reason in words and its source."""
        return tuple(
            f"{table}: {d.rule} ({'; '.join(t for t in (d.because, d.source) if t)})"
            for table, d in self.decisions.items()
        )


def route(
    complaint: Complaint,
    *,
    calendar: WorkingCalendar,
    policy: Policy | None = None,
    classifier: Classifier | None = None,
    tier: Tier | str | None = None,
) -> Route:
    """The route of one complaint: owner, departments, task force, deadlines, reasons.

    Args:
        complaint: The complaint.
        calendar: Whose working days count.
        policy: Whose tables, times and clocks decide.
        classifier: Reads the text where the complaint's own fields are silent.
        tier: The customer's tier; it changes the priority and never the severity.

    Raises:
        CalendarError: The complaint lies outside the calendar.

    Source: CSC-5, EB-8.

    >>> from bankcrm.calendars import working_calendar
    >>> from bankcrm.complaints import default_lexicon
    >>> noon = dt.datetime(2024, 9, 27, 12, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    >>> told = Complaint(complaint_id=1, received_at=noon, text="信用卡被盗刷", first_asked="Wang")
    >>> found = route(told, calendar=working_calendar("CN"), classifier=default_lexicon())
    >>> str(found.severity), found.due.isoformat(), found.accountable
    ('severe', '2024-10-16', 'Wang')
    """
    policy = complaints_policy(policy)
    read = _read(classifier, complaint.text)
    kind = word(Kind, _told(complaint.kind, read, "kind") or policy.value("untold_kind"))
    facts = scalar_facts(complaint, policy, read)
    severity: Severity | None = None
    decisions: dict[str, Decision] = {}
    if kind is Kind.COMPLAINT:
        decisions["severity"] = policy.table("severity").decide(facts)
        severity = word(Severity, decisions["severity"].outcome)
    decisions["route"] = policy.table("route").decide(
        {"kind": kind.value, "severity": None if severity is None else severity.value}
    )
    decisions["departments"] = policy.table("departments").decide(
        {
            "cause": _told(complaint.cause, read, "cause") or UNTOLD,
            "product": complaint.product or UNTOLD,
        }
    )
    decisions["priority"] = policy.table("priority").decide(
        {
            "vulnerable": facts["vulnerable"],
            "tier": UNTOLD if tier is None else word(Tier, tier).value,
        }
    )
    rule = routes_of(policy)[decisions["route"].outcome]
    concerned = decisions["departments"].outcome if rule.involves == "concerned" else "none"
    zone = policy.value("time_zone")
    day = business_day(complaint.received_at, zone=zone, cutoff=cutoff_of(policy))
    due = calendar.add_marked(day, int(policy.value(rule.days)))
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
        due=due.dates[0].item(),
        provisional=bool(due.provisional[0]),
        deadlines=_deadlines(complaint, severity, policy, calendar),
        decisions=decisions,
    )


def _read(classifier: Classifier | None, text: str | None) -> dict[str, object] | None:
    """What the text tells; None where nothing reads it."""
    if classifier is None or text is None:
        return None
    if isinstance(classifier, Lexicon):  # reads a single text without building a frame
        return classifier.read(text)
    answer = classifier(pd.Series([text]))
    return {str(name): answer[name].iloc[0] for name in answer}


def _told(value: str | None, read: Mapping[str, object] | None, name: str) -> str | None:
    """A field's own word, else the text's."""
    if value is not None:
        return str(value)
    found = None if read is None else read.get(name)
    return found if isinstance(found, str) else None


def _members(rule: RouteRule, concerned: str) -> tuple[str, ...]:
    """The task force: ``concerned`` stands for each department concerned."""
    departments = [] if concerned == "none" else concerned.split("+")
    members: list[str] = []
    for member in rule.members:
        department, role = member.split(":")
        names = departments if department == "concerned" else [department]
        members += [f"{name}:{role}" for name in names]
    return tuple(dict.fromkeys(members))


def _deadlines(
    complaint: Complaint, severity: Severity | None, policy: Policy, calendar: WorkingCalendar
) -> dict[str, dt.date]:
    received = CaseEvent(
        complaint.received_at,
        EventKind.RECEIVED,
        by=complaint.first_asked or "",
        severity=severity,
    )
    return first_due(received, policy=policy, calendar=calendar)
