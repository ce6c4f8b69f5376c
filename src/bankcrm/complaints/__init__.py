"""Complaints: intake, severity, routes, clocks, escalation, summaries."""

from bankcrm.complaints.assignment import assign_handlers, queue_order
from bankcrm.complaints.clocks.deadlines import deadlines
from bankcrm.complaints.clocks.events import CaseEvent
from bankcrm.complaints.clocks.replay import replay_clock
from bankcrm.complaints.clocks.replay_frame import replay_clock_frame
from bankcrm.complaints.clocks.rules import combine
from bankcrm.complaints.clocks.state import Clock, ClockState
from bankcrm.complaints.escalation import escalate, follow_ups
from bankcrm.complaints.facts import Classifier
from bankcrm.complaints.fca_return import fca_return
from bankcrm.complaints.intake import Intake, Referral, intake
from bankcrm.complaints.lexicon.lexicon import Lexicon
from bankcrm.complaints.lexicon.reader import default_lexicon, read_lexicon
from bankcrm.complaints.processing import ProcessedComplaints, process_complaints
from bankcrm.complaints.repeats import link_repeats
from bankcrm.complaints.routing import Route, route, route_frame
from bankcrm.complaints.severity import assess_severity, raise_severity, severity_facts
from bankcrm.complaints.summary import ageing, pareto, summarise
from bankcrm.complaints.taxonomy import Taxonomy, checklist, taxonomy
from bankcrm.complaints.trends import Trend, control_chart, trend
from bankcrm.models.complaint import Complaint
from bankcrm.vocabulary import SIGNALS

__all__ = [
    "SIGNALS",
    "CaseEvent",
    "Classifier",
    "Clock",
    "ClockState",
    "Complaint",
    "Intake",
    "Lexicon",
    "ProcessedComplaints",
    "Referral",
    "Route",
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
    "process_complaints",
    "queue_order",
    "raise_severity",
    "read_lexicon",
    "replay_clock",
    "replay_clock_frame",
    "route",
    "route_frame",
    "severity_facts",
    "summarise",
    "taxonomy",
    "trend",
]
