"""Stages of customers, their moves and histories, and what follows from them."""

from __future__ import annotations

from bankcrm.lifecycle.actions.loss_causes import loss_causes
from bankcrm.lifecycle.actions.plan import plan_actions
from bankcrm.lifecycle.actions.playbooks import playbook
from bankcrm.lifecycle.actions.value_phase import assign_value_phases, value_facts
from bankcrm.lifecycle.actions.warnings import early_warnings
from bankcrm.lifecycle.history.dwell import dwell_times
from bankcrm.lifecycle.history.markov import (
    absorption_times,
    expected_reward,
    markov_value,
    markov_value_interval,
    steady_state,
)
from bankcrm.lifecycle.history.migration import migration_matrix
from bankcrm.lifecycle.history.panel import stage_spells
from bankcrm.lifecycle.history.rates import (
    churn_rates,
    growth,
    move_rate,
    reactivation_rate,
    stage_funnel,
    win_back_rate,
)
from bankcrm.lifecycle.history.stage_history import month_ends, stage_history
from bankcrm.lifecycle.log.append import append_events
from bankcrm.lifecycle.log.stage_log import replay, stage_log
from bankcrm.lifecycle.model import Move, StageModel, Term, stage_model
from bankcrm.lifecycle.stages.facts import assign_stages, stage_facts
from bankcrm.lifecycle.transitions import transition, transition_frame
from bankcrm.vocabulary import Event, Stage

__all__ = [
    "Event",
    "Move",
    "Stage",
    "StageModel",
    "Term",
    "absorption_times",
    "append_events",
    "assign_stages",
    "assign_value_phases",
    "churn_rates",
    "dwell_times",
    "early_warnings",
    "expected_reward",
    "growth",
    "loss_causes",
    "markov_value",
    "markov_value_interval",
    "migration_matrix",
    "month_ends",
    "move_rate",
    "plan_actions",
    "playbook",
    "reactivation_rate",
    "replay",
    "stage_facts",
    "stage_funnel",
    "stage_history",
    "stage_log",
    "stage_model",
    "stage_spells",
    "steady_state",
    "transition",
    "transition_frame",
    "value_facts",
    "win_back_rate",
]
