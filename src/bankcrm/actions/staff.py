"""Actions about staff: what follows from a scorecard, and overdue findings of checks (LCM-7)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.actions.drafts import Draft, Reasons, relabelled, words_of
from bankcrm.actions.risks import owners_of
from bankcrm.actions.situation import Situation
from bankcrm.lifecycle.actions.tasks import tasks_for

PREFIX = "staff_"
"""What the events of these tasks begin with; the action of `follow_up` comes after it."""
_EVENTS = ("warning", "deduction", "transfer", "mend_finding")


def staff_actions(situation: Situation) -> list[Draft]:
    """Penalties of a scorecard and findings of checks that are overdue."""
    todo = situation.staff
    if todo is None:
        return []
    found = []
    for task in tasks_for(situation.policies["lifecycle"], *(PREFIX + e for e in _EVENTS)):
        rows = todo[(todo["action"] == task.event.removeprefix(PREFIX)).to_numpy(np.bool_)]
        due = rows["due"].to_numpy().astype("datetime64[D]")
        dated = task.event == PREFIX + "mend_finding"
        occasion = due if dated else np.full(len(rows), situation.today)
        nobody = np.full(len(rows), -1, np.intp)
        department, _ = owners_of(rows["owner"], str(task.owner))
        _, manager = owners_of(rows["subject"], str(task.owner))
        found.append(
            Draft(
                nobody,
                task,
                "staff",
                occasion=occasion,
                due=due,
                reasons=_reasons(rows),
                department=department,
                manager=manager,
            )
        )
    return found


def _reasons(rows: pd.DataFrame) -> Reasons:
    subject = "subject = " + rows["subject"].astype(object).fillna("not stated").astype(str)
    rule = words_of(rows["source"])
    names = [str(c).replace(" ", ".", 1) for c in rule.categories]
    return Reasons(
        words_of(rows["because"]),
        relabelled(rule.codes, names),
        subject.to_numpy(object),
        relabelled(np.zeros(len(rows), np.int8), [""]),
    )
