"""Actions that follow from decisions: warnings, tier moves, restrictions (PB-7, CBM-4)."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd

from bankcrm.actions.drafts import Draft, Reasons, joined, reasons_of, reasons_of_table
from bankcrm.actions.situation import Situation
from bankcrm.calendars.terms import next_review
from bankcrm.frames.numbering import places_of
from bankcrm.lifecycle.actions.tasks import tasks_for
from bankcrm.segmentation.tiers.ladder import TIER_LADDER


def warning_actions(situation: Situation) -> list[Draft]:
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
        found.append(Draft(rows, task, "warning", occasion=today, due=due, reasons=reasons))
    return found


def tier_actions(situation: Situation) -> list[Draft]:
    """A call to customers whose tier is another than in the earlier review, if one is given."""
    if situation.earlier is None or "tier" not in situation.earlier:
        return []
    names = [str(t) for t in TIER_LADDER]
    now = places_of(pd.Series(situation.words("tier")), names)
    was_word = situation.earlier["tier"].reindex(situation.facts.index)
    was = places_of(was_word, names)
    both = (now >= 0) & (was >= 0) & situation.flag("is_customer")
    # Whom the bank restricts it does not call: the restriction has a task of its own.
    moved = {"tier_up": both & (now > was), "tier_down": both & (now < was) & (now > 0)}
    found = []
    for task in tasks_for(situation.policies["lifecycle"], *moved):
        rows = np.flatnonzero(moved[task.event])
        today = np.full(len(rows), situation.today)
        why = reasons_of_table(situation, "segmentation", "tier", "tier_rule", rows)
        before = was_word.astype(object).to_numpy()[rows]
        reasons = attrs.evolve(why, evidence="tier before = " + before + "; " + why.evidence)
        due = situation.due(today, task.due, task.unit)
        found.append(Draft(rows, task, "tier", occasion=today, due=due, reasons=reasons))
    return found


def membership_actions(situation: Situation) -> list[Draft]:
    """The review of club memberships at the start of the next half-year, when it is near (EB-2)."""
    policy = situation.policies["segmentation"]
    review = next_review(situation.today, policy.value("review_months"))
    ahead = int(situation.policies["lifecycle"].value("plan_days"))
    averages = ["daily_average", "monthly_average"]
    if review > situation.today + np.timedelta64(ahead, "D") or not set(averages) <= {
        *situation.facts
    }:
        return []
    table = policy.table("club")
    facts = situation.facts[averages]
    known = np.flatnonzero(facts.notna().any(axis=1).to_numpy() & situation.flag("is_customer"))
    decided = table.decide_frame(facts.iloc[known], on_missing="undecided")
    found = []
    for task in tasks_for(situation.policies["lifecycle"], "wealth", "private_banking"):
        at = np.flatnonzero((decided["outcome"] == task.event).to_numpy(np.bool_, na_value=False))
        rows = known[at]
        reasons = reasons_of(table, pd.Categorical(decided["rule"])[at], facts, rows)
        day = np.full(len(at), review)
        due = situation.on_working_day(day)
        found.append(Draft(rows, task, "membership", occasion=day, due=due, reasons=reasons))
    return found


def restriction_actions(situation: Situation) -> list[Draft]:
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
        why = reasons_of(table, pd.Categorical(decided["rule"])[at], facts, rows[at])
        reasons = Reasons(
            joined(tier.reason, why.reason, "; "),
            joined(tier.rules, why.rules, "+"),
            why.evidence,
            joined(tier.source, why.source, "+"),
        )
        today = np.full(len(at), situation.today)
        due = np.repeat(situation.on_working_day(review), len(at))
        found.append(Draft(rows[at], task, "restriction", occasion=today, due=due, reasons=reasons))
    return found
