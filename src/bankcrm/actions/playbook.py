"""Actions of the playbook: what entering a stage asks for, the welcome and the care calendar."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.actions.drafts import Draft, Reasons, Rows, dated, reasons_of_table
from bankcrm.actions.situation import Situation
from bankcrm.frames.arrays import Days
from bankcrm.frames.numbering import categorical
from bankcrm.lifecycle.actions.plan import assigned, regular
from bankcrm.lifecycle.actions.playbooks import Action, Festival

_CARE = {
    "birthday": "the customer's birthday is near",
    "regular": "a regular contact with the customer is due",
}


def stage_actions(situation: Situation) -> list[Draft]:
    """What the stage asks for: from its first day on, or from the contract on (LCM-3)."""
    return [
        _of_stage(situation, action, rows)
        for action, rows in _assigned(situation)
        if action.starts in ("stage", "contract")
    ]


def care_actions(situation: Situation) -> list[Draft]:
    """Birthdays, festivals and regular visits that are due within the policy's ``plan_days``."""
    found = []
    for action, rows in _assigned(situation):
        if action.starts == "festival":
            found += _festivals(situation, action, rows)
        elif action.starts in _CARE:
            found.append(_care(situation, action, rows))
    return found


def _assigned(situation: Situation) -> list[tuple[Action, Rows]]:
    """Each action of the playbook that is for a customer, with its customers; none who has left."""
    columns = {"stage": situation.words("stage"), "tier": situation.words("tier")}
    columns["cause"] = _causes(situation)
    here = ~situation.flag("closed")
    book = pd.DataFrame(columns)
    policy = situation.policies["lifecycle"]
    each = ((a, np.flatnonzero(rows & here)) for a, rows in assigned(book, policy))
    return [(action, rows) for action, rows in each if len(rows)]


def _causes(situation: Situation) -> pd.Categorical:
    """The coded cause of dormancy, as far as it is known: a complaint that was not solved."""
    bad = situation.flag("complaint_open") | situation.flag("complaint_badly_solved")
    return categorical(np.where(bad, 0, -1), ["complaint"])


def _contract(situation: Situation) -> Days:
    """The day on which each relationship began; NaT without one."""
    known = situation.facts["days_since_contract"].to_numpy(np.float64, na_value=np.nan)
    age = np.where(np.isnan(known), 0, known).astype(np.int64)
    return np.where(np.isnan(known), np.datetime64("NaT", "D"), situation.today - age)


def _of_stage(situation: Situation, action: Action, rows: Rows) -> Draft:
    if action.starts == "contract":
        occasion = _contract(situation)[rows]
    else:
        since = situation.days("stage_since")[rows]
        occasion = np.where(np.isnat(since), situation.today, since)
    known = ~np.isnat(occasion)
    if str(action.channel) in situation.policies["lifecycle"].value("bundled_channels"):
        known &= ~(situation.days("last_contact")[rows] >= occasion)  # the bank spoke to them since
    rows, occasion = rows[known], occasion[known]
    return Draft(
        rows,
        action,
        "stage",
        occasion=occasion,
        due=situation.due(occasion, action.due, action.unit),
        reasons=reasons_of_table(situation, "lifecycle", "stage", "stage_rule", rows),
    )


def _horizon(situation: Situation) -> np.datetime64:
    ahead = int(situation.policies["lifecycle"].value("plan_days"))
    return situation.today + np.timedelta64(ahead, "D")


def _festivals(situation: Situation, action: Action, rows: Rows) -> list[Draft]:
    found = []
    for festival in situation.policies["lifecycle"].records("festival", Festival):
        day = np.datetime64(festival.date, "D")
        if situation.today < day <= _horizon(situation):
            days = np.full(len(rows), day)
            reasons = Reasons.same(
                len(rows), festival.name, _entry(action), dated("festival", days)
            )
            found.append(Draft(rows, action, "care", occasion=days, due=days, reasons=reasons))
    return found


def _care(situation: Situation, action: Action, rows: Rows) -> Draft:
    if action.starts == "birthday":
        day = situation.days("next_birthday")[rows]
        place = np.flatnonzero(~np.isnat(day))
        rows, occasion = rows[place], day[place]
        due, evidence = occasion, dated("birthday", occasion)
    else:
        signed = _contract(situation)[rows]
        place, occasion = regular(signed, action.due, situation.today, _horizon(situation))
        rows = rows[place]
        due, evidence = situation.on_working_day(occasion), dated("contract", signed[place])
    reasons = Reasons.same(len(rows), _CARE[action.starts], _entry(action), evidence)
    return Draft(rows, action, "care", occasion=occasion, due=due, reasons=reasons)


def _entry(action: Action) -> str:
    """The name of an entry of the playbook, as a rule."""
    return ".".join(p for p in ("playbook", action.stage, action.action, action.tier) if p)
