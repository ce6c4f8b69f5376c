"""Every customer's stage on each of many dates, in one pass over the movements (LCM-2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.arguments import refuse
from bankcrm.book.view import BookView, Names, view_of
from bankcrm.errors import DataError
from bankcrm.frames.arrays import ArrayLike, days
from bankcrm.frames.numbering import categorical
from bankcrm.lifecycle.history.panel import Grid, Panel, history_frame
from bankcrm.lifecycle.model import StageModel, given_model
from bankcrm.lifecycle.policy import lifecycle_policy
from bankcrm.lifecycle.stages.facts import NEEDS, facts_on, table_facts
from bankcrm.lifecycle.stages.timeline import read_timeline
from bankcrm.lifecycle.stages.windows import Windows
from bankcrm.policy import Policy


def stage_history(
    customers: object,
    transactions: object,
    *,
    dates: ArrayLike,
    policy: Policy | None = None,
    contacts: object = None,
    accounts: object = None,
    model: StageModel | None = None,
    names: Mapping[str, Names] | None = None,
) -> pd.DataFrame:
    """Every customer's stage on each date, as `assign_stages` gives it as of that date.

    The movements are put in order once and then pass through two windows that roll from date to
    date.

    Args:
        customers: As in `stage_facts`.
        transactions: As in `stage_facts`.
        dates: The dates, such as month ends; any order, each once.
        policy: As in `assign_stages`.
        contacts: As in `stage_facts`.
        accounts: As in `stage_facts`.
        model: Which stages count as progress; the bank's six by default.
        names: Frame name -> {canonical column: the caller's column}.

    Returns:
        Indexed by ``customer_id`` and ``date``, customer by customer: ``stage``, ``furthest`` (the
        furthest stage reached up to the date, within the dates) and ``stage_rule`` (categorical).
        All are null before the first day on which the book records anything about the customer.

    Raises:
        DataError: A frame does not fit, there is no date, or a date is given twice.

    Source: LCM-2.

    >>> signed = pd.to_datetime(["2026-01-10"])
    >>> customers = pd.DataFrame({"customer_id": [1], "contract_date": signed})
    >>> movements = pd.DataFrame({"customer_id": [1], "date": signed})
    >>> ends = pd.to_datetime(["2025-12-31", "2026-01-31", "2026-04-30"])
    >>> stage_history(customers, movements, dates=ends)["stage"].tolist()
    [nan, 'new', 'dormant']
    """
    policy = lifecycle_policy(policy)
    frames = {
        "customers": customers,
        "transactions": transactions,
        "contacts": contacts,
        "accounts": accounts,
    }
    view = view_of(frames, NEEDS, names=names, zone=policy.value("time_zone"))
    when = _dates(dates)
    model = given_model(model)
    stage, rule = stage_codes_on(view, when, policy)
    table = policy.table("stage")
    stages = tuple(map(str, table.vocabulary))
    furthest = furthest_stage(stage, stages, model)
    panel = Panel(stages, view.customers, when, stage)
    columns = {
        "furthest": categorical(furthest.ravel(), model.stage_names),
        "stage_rule": categorical(rule.ravel(), [r.id for r in table.rules]),
    }
    return policy.stamp(history_frame(panel, columns))


def stage_codes_on(
    view: BookView, dates: npt.NDArray[np.datetime64], policy: Policy
) -> tuple[Grid, npt.NDArray[np.int16]]:
    """The codes of stage and rule, one row per customer and one column per date; -1 for none."""
    timeline = read_timeline(view, policy)
    windows = Windows(timeline, policy)
    table = policy.table("stage")
    size = len(dates), timeline.size
    stage, rule = np.empty(size, dtype=np.int8), np.empty(size, dtype=np.int16)
    for i, day in enumerate(dates.astype(np.int64).tolist()):
        windows.advance(day)
        facts = facts_on(day, timeline, windows, policy)
        decided = table.decide_codes(table_facts(facts, view, policy))
        known = timeline.known <= day
        stage[i] = np.where(known, decided.outcome, -1)
        rule[i] = np.where(known, decided.rule, -1)
    return np.ascontiguousarray(stage.T), np.ascontiguousarray(rule.T)


def furthest_stage(grid: Grid, stages: Sequence[str], model: StageModel) -> Grid:
    """The furthest stage of progress up to each date, as a position in the model's stages.

    Raises:
        DataError: A stage is not in the model.
    """
    if unknown := [s for s in stages if s not in model.stage_names]:
        raise DataError(
            f"stages {', '.join(unknown)} are not in model {model.id!r}, which has "
            f"{', '.join(model.stage_names)}; give the model that they belong to"
        )
    place = [model.progress[model.stage_names.index(s)] for s in stages]
    table = np.array([*place, -1], dtype=np.int8)
    furthest: Grid = np.maximum.accumulate(table[grid], axis=1)
    return furthest


def month_ends(first: str, last: str) -> npt.NDArray[np.datetime64]:
    """The last days of the months from ``first`` to ``last``, both ``YYYY-MM``.

    >>> month_ends("2024-01", "2024-02").astype(str).tolist()
    ['2024-01-31', '2024-02-29']
    """
    try:
        start, stop = np.datetime64(first, "M"), np.datetime64(last, "M")
        months = np.arange(start, stop + np.timedelta64(1, "M"))
    except (ValueError, TypeError):
        refuse("first, last", "months such as '2024-01'", first if first is not None else last)
    ends: npt.NDArray[np.datetime64] = (months + np.timedelta64(1, "M")).astype("datetime64[D]")
    ends -= np.timedelta64(1, "D")
    return ends


def _dates(dates: ArrayLike) -> npt.NDArray[np.datetime64]:
    day = np.sort(days(dates, "dates"))
    if len(day) == 0 or np.isnat(day).any():
        raise DataError("dates: expected at least one date, and none missing")
    distinct, times = np.unique(day, return_counts=True)
    if len(distinct) < len(day):
        twice = few(distinct[times > 1])
        raise DataError(f"dates: {twice} are given twice; give each date once")
    return day
