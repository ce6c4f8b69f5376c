"""Scorecards: indicators of departments and employees, targets, grades, rewards, follow-up."""

from __future__ import annotations

from bankcrm.scorecards.attainment import attain
from bankcrm.scorecards.card import Scorecard, scorecard
from bankcrm.scorecards.events import kpi_events
from bankcrm.scorecards.kpi import Kpi
from bankcrm.scorecards.ranking import rank_subjects
from bankcrm.scorecards.rewards import follow_up, rewards
from bankcrm.scorecards.states import with_states
from bankcrm.scorecards.values import kpi_values

__all__ = [
    "Kpi",
    "Scorecard",
    "attain",
    "follow_up",
    "kpi_events",
    "kpi_values",
    "rank_subjects",
    "rewards",
    "scorecard",
    "with_states",
]
