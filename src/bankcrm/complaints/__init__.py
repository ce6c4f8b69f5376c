"""Complaints: intake, severity, routes with due dates."""

from bankcrm.complaints.intake import Intake, Referral, intake
from bankcrm.complaints.matters import link_repeats
from bankcrm.complaints.model import Complaint
from bankcrm.complaints.routing import RouteRule, route_frame
from bankcrm.complaints.severity import Classifier, assess_severity, severity_facts
from bankcrm.complaints.words import SIGNALS, Department, Kind, Outcome, Relation, Severity, Signal

__all__ = [
    "SIGNALS",
    "Classifier",
    "Complaint",
    "Department",
    "Intake",
    "Kind",
    "Outcome",
    "Referral",
    "Relation",
    "RouteRule",
    "Severity",
    "Signal",
    "assess_severity",
    "intake",
    "link_repeats",
    "route_frame",
    "severity_facts",
]
