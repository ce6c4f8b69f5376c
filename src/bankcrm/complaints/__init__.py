"""Complaints: intake, severity, routes, clocks."""

from bankcrm.complaints.clock_rules import ClockRule, ClockStateKind, Extension, combine
from bankcrm.complaints.clocks import Clock, ClockState, replay_clock
from bankcrm.complaints.deadlines import deadlines
from bankcrm.complaints.events import CaseEvent, CaseStatus, EventKind
from bankcrm.complaints.intake import Intake, Referral, intake
from bankcrm.complaints.matters import link_repeats
from bankcrm.complaints.model import Complaint
from bankcrm.complaints.routing import RouteRule, route_frame
from bankcrm.complaints.severity import Classifier, assess_severity, severity_facts
from bankcrm.complaints.words import SIGNALS, Department, Kind, Outcome, Relation, Severity, Signal

__all__ = [
    "SIGNALS",
    "CaseEvent",
    "CaseStatus",
    "Classifier",
    "Clock",
    "ClockRule",
    "ClockState",
    "ClockStateKind",
    "Complaint",
    "Department",
    "EventKind",
    "Extension",
    "Intake",
    "Kind",
    "Outcome",
    "Referral",
    "Relation",
    "RouteRule",
    "Severity",
    "Signal",
    "assess_severity",
    "combine",
    "deadlines",
    "intake",
    "link_repeats",
    "replay_clock",
    "route_frame",
    "severity_facts",
]
