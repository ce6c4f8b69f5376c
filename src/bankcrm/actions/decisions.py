"""Actions that follow from decisions about customers: warnings and restrictions (PB-7, CBM-4)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.actions.drafts import Reasons, draft, joined, reasons_of, reasons_of_table
from bankcrm.actions.situation import Situation
from bankcrm.calendars.terms import next_review
from bankcrm.lifecycle.actions.tasks import tasks_for


def warning_actions(situation: Situation) -> list[pd.DataFrame]:
    """A call to every customer with an alarm or under watch, from the day of the review on."""
    found = []
    for task in tasks_for(situation.policies["lifecycle"], "alarm", "watch"):
        rows = np.flatnonzero(situation.is_any("warning", task.event))
        today = np.full(len(rows), situation.today)
        signals = reasons_of_table(situation, "lifecycle", "warning", "warning_rules", rows)
        level = reasons_of_table(situation, "lifecycle", "warning_level", "warning_rule", rows)
        reasons = Reasons(
            signals.reason,
            joined(level.rules, signals.rules, "+"),
            level.evidence + "; " + signals.evidence,
            joined(level.source, signals.source, "+"),
        )
        due = situation.due(today, task.due, task.unit)
        found.append(draft(rows, task, "warning", occasion=today, due=due, reasons=reasons))
    return found


def restriction_actions(situation: Situation) -> list[pd.DataFrame]:
    """What is done with restricted customers by the next review of tiers (CBM-4)."""
    policy = situation.policies["segmentation"]
    table = policy.table("restricted_action")
    facts = situation.facts.reindex(columns=list(table.facts))
    restricted = situation.is_any("tier", "restricted") & facts.notna().all(axis=1).to_numpy()
    rows = np.flatnonzero(restricted)
    decided = table.decide_frame(facts.iloc[rows])
    review = np.array([next_review(situation.today, policy.value("review_months"))])
    found = []
    for task in tasks_for(situation.policies["lifecycle"], *map(str, table.vocabulary)):
        at = np.flatnonzero((decided["outcome"] == task.event).to_numpy(np.bool_))
        tier = reasons_of_table(situation, "segmentation", "tier", "tier_rule", rows[at])
        why = reasons_of(table, pd.Categorical(decided["rule"])[at], facts.iloc[rows[at]])
        reasons = Reasons(
            joined(tier.reason, why.reason, "; "),
            joined(tier.rules, why.rules, "+"),
            why.evidence,
            joined(tier.source, why.source, "+"),
        )
        today = np.full(len(at), situation.today)
        due = np.repeat(situation.on_working_day(review), len(at))
        made = draft(rows[at], task, "restriction", occasion=today, due=due, reasons=reasons)
        found.append(made)
    return found
