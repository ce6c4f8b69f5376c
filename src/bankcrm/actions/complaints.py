"""Actions about complaints: the answer by its due day, and the follow-up (CSC-5, CSC-6)."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from bankcrm.actions.drafts import Draft, Reasons, Rows, dated, joined, reasons_of_table, words_of
from bankcrm.actions.situation import Situation
from bankcrm.frames.numbering import positions_in
from bankcrm.lifecycle.actions.tasks import Task, tasks_for


def answer_actions(situation: Situation) -> list[Draft]:
    """The answer to every open complaint."""
    return _of_event(situation, "answer", "complaint", _open(situation), "due")


def follow_up_actions(situation: Situation) -> list[Draft]:
    """The question after an answer, where no satisfaction is recorded yet."""
    routed = situation.complaints
    asks = routed["follow_up_due"].notna() & routed["satisfied"].isna()
    rows = asks.to_numpy(np.bool_) & ~_open(situation)
    return _of_event(situation, "follow_up", "follow_up", rows, "follow_up_due")


def _open(situation: Situation) -> npt.NDArray[np.bool_]:
    still: npt.NDArray[np.bool_] = (
        situation.complaints["state"].isin(["open", "overdue"]).to_numpy()
    )
    return still


def _of_event(
    situation: Situation, event: str, origin: str, rows: npt.NDArray[np.bool_], due: str
) -> list[Draft]:
    tasks = tasks_for(situation.policies["lifecycle"], event)
    return [_of_task(situation, task, origin, np.flatnonzero(rows), due) for task in tasks]


def _of_task(situation: Situation, task: Task, origin: str, at: Rows, due: str) -> Draft:
    routed = situation.complaints.iloc[at]
    received = routed["received_at"].dt.tz_localize(None).to_numpy().astype("datetime64[D]")
    limit = routed[due].to_numpy().astype("datetime64[D]")
    customers = positions_in(routed["customer_id"], situation.facts.index).astype(np.intp)
    return Draft(
        customers,
        task,
        origin,
        occasion=received,
        due=limit,
        reasons=_reasons(situation, at),
        complaints=at,
        department=words_of(routed["owner"]),
        manager=words_of(routed["accountable"]),
    )


def _reasons(situation: Situation, at: Rows) -> Reasons:
    """Why a complaint has its route: severity, then the rule of the route."""
    cases = attrs.evolve(situation, facts=situation.complaints)
    severity = reasons_of_table(cases, "complaints", "severity", "severity_rule", at)
    route = reasons_of_table(cases, "complaints", "route", "route_rule", at)
    routed = situation.complaints.iloc[at]
    received = routed["received_at"].dt.tz_localize(None).to_numpy().astype("datetime64[D]")
    state = routed["state"].astype(object).to_numpy()
    return Reasons(
        joined(severity.reason, route.reason, "; "),
        joined(severity.rules, route.rules, "+"),
        dated("received", received) + "; state = " + state,
        joined(severity.source, route.source, "+"),
    )
