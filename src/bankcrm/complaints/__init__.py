"""Complaints: intake, severity, routes, clocks, escalation, summaries."""

from bankcrm.complaints.clock_rules import ClockRule, ClockStateKind, Extension, combine
from bankcrm.complaints.clock_state import Clock, ClockState
from bankcrm.complaints.clocks import replay_clock
from bankcrm.complaints.deadlines import deadlines
from bankcrm.complaints.escalation import escalate, follow_ups
from bankcrm.complaints.events import CaseEvent, CaseStatus, EventKind
from bankcrm.complaints.intake import Intake, Referral, intake
from bankcrm.complaints.lexicon import Entry, Lexicon, Negation, Span, default_lexicon, read_lexicon
from bankcrm.complaints.matters import link_repeats
from bankcrm.complaints.one import Route, route
from bankcrm.complaints.returns import fca_return
from bankcrm.complaints.routing import RouteRule, route_frame
from bankcrm.complaints.severity import Classifier, assess_severity, raise_severity, severity_facts
from bankcrm.complaints.summary import ageing, pareto, summarise
from bankcrm.complaints.taxonomy import Heading, Requirement, Taxonomy, checklist, taxonomy
from bankcrm.complaints.watch import Trend, control_chart, trend
from bankcrm.complaints.work import assign_handlers, queue_order
from bankcrm.models.complaint import Complaint
from bankcrm.vocabulary import SIGNALS

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
    "Entry",
    "EventKind",
    "Extension",
    "Heading",
    "Intake",
    "Lexicon",
    "Negation",
    "Referral",
    "Requirement",
    "Route",
    "RouteRule",
    "Span",
    "Taxonomy",
    "Trend",
    "ageing",
    "assess_severity",
    "assign_handlers",
    "checklist",
    "combine",
    "control_chart",
    "deadlines",
    "default_lexicon",
    "escalate",
    "fca_return",
    "follow_ups",
    "intake",
    "link_repeats",
    "pareto",
    "queue_order",
    "raise_severity",
    "read_lexicon",
    "replay_clock",
    "route",
    "route_frame",
    "severity_facts",
    "summarise",
    "taxonomy",
    "trend",
]
