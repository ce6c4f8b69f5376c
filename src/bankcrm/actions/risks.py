"""Actions about relationship risks: the review of each customer on the watch list (PB-7)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.actions.drafts import Draft, Reasons, Rows, reasons_of, reasons_of_table, relabelled
from bankcrm.actions.situation import Situation
from bankcrm.frames.numbering import positions_in
from bankcrm.lifecycle.actions.tasks import tasks_for
from bankcrm.risk.collected import NONE
from bankcrm.risk.watch_list.assessment import LEVELS, RISKS
from bankcrm.vocabulary import Department


def risk_actions(situation: Situation) -> list[Draft]:
    """The review of every customer on the watch list, by the day of its next review."""
    if situation.watch is None:
        return []
    place = positions_in(pd.Series(situation.watch.index), situation.facts.index)
    on_list = (place >= 0) & situation.watch["next_review"].notna().to_numpy(np.bool_)
    watch, rows = situation.watch[on_list], place[on_list].astype(np.intp)
    level_of = {f"risk_{level}": level for level in LEVELS}
    found = []
    for task in tasks_for(situation.policies["lifecycle"], *level_of):
        at = np.flatnonzero((watch["level"] == level_of[task.event]).to_numpy(np.bool_))
        case = watch.iloc[at]
        due = situation.on_working_day(case["next_review"].to_numpy().astype("datetime64[D]"))
        today = np.full(len(at), situation.today)
        reasons = _reasons(situation, case, rows[at])
        department, manager = owners_of(case["owner"], str(task.owner))
        found.append(
            Draft(
                rows[at],
                task,
                "risk",
                occasion=today,
                due=due,
                reasons=reasons,
                department=department,
                manager=manager,
            )
        )
    return found


def _reasons(situation: Situation, case: pd.DataFrame, rows: Rows) -> Reasons:
    """Why a customer is on the watch list, and the rules of the risks that it has."""
    table = situation.policies["risk"].table("watch_list")
    found = reasons_of(table, pd.Categorical(case["rule"]), case, np.arange(len(case)))
    lifted = case["lifted_by"].notna().to_numpy(np.bool_)
    name = case["lifted_by"].astype(object).to_numpy()
    found = found.with_evidence(np.where(lifted, "lifted by " + name.astype(str), ""))
    for risk in RISKS:
        raised = ~situation.is_any(f"{risk}_risk", NONE)[rows]
        raised &= situation.words(f"{risk}_risk").codes[rows] >= 0
        own = reasons_of_table(situation, "risk", f"{risk}_risk", f"{risk}_risk_rules", rows)
        found = found.and_also(own, raised)
    return found


def owners_of(owners: pd.Series, department: str) -> tuple[pd.Categorical, pd.Categorical]:
    """The department and the employee that own each case; no employee where a department does."""
    owner = pd.Categorical(owners)
    names = [str(c) for c in owner.categories]
    departments = {str(d) for d in Department}
    of = [n if n in departments else department for n in names]
    person = ["" if n in departments else n for n in names]
    codes = np.where(owner.codes < 0, len(names), owner.codes)
    return relabelled(codes, [*of, department]), relabelled(codes, [*person, ""])
