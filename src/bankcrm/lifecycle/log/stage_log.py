"""The append-only log of moves: made from a history, and replayed to a day (LCM-2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import as_of_day
from bankcrm.frames.numbering import categorical, words_of
from bankcrm.lifecycle.history.panel import Panel, read_panel
from bankcrm.lifecycle.log.apply import ACCEPTED, apply_events, read_log
from bankcrm.lifecycle.model import Move, StageModel, given_model
from bankcrm.lifecycle.policy import lifecycle_policy
from bankcrm.policy import Policy

Ints: TypeAlias = npt.NDArray[np.intp]


@attrs.frozen
class RuleEvent:
    """The event that a rule of the stage table implies.

    Attributes:
        rule: Id of the rule.
        event: Name of the event.
    """

    rule: str
    event: str


def stage_log(
    history: object, *, model: StageModel | None = None, policy: Policy | None = None
) -> pd.DataFrame:
    """The moves in a history, each one legal in the model.

    A customer's first entry has no event and no stage before. If a customer made several moves
    between two dates of the history, the log has the shortest legal chain, all on the later date.
    A change for which the model has no chain has no event.

    Args:
        history: As `stage_history` gives it.
        model: The stage model; the bank's six stages by default.
        policy: Its records ``rule_event`` give the event of a rule of the stage table.

    Returns:
        One row per move, in order of customer and date: ``entry`` (running number),
        ``customer_id``, ``date``, ``event``, ``before``, ``after``, ``rule`` (of the stage table;
        of the model for a step in between), ``cause`` (null), ``recorded`` (the date).

    Source: LCM-2.
    """
    model = given_model(model)
    panel = read_panel(history)
    event_of = {r.rule: r.event for r in lifecycle_policy(policy).records("rule_event", RuleEvent)}
    grid = _in_model(panel, model)
    seen = _seen_before(grid)
    row, column = np.nonzero((grid >= 0) & (grid != seen))
    before, after = seen[row, column], grid[row, column]
    rule, rules = _rules(history, row, column)
    length, steps = _steps(model, event_of, rules)
    case = (before.astype(np.intp) + 1, after.astype(np.intp), rule + 1)
    count = length[case]
    place = np.repeat(np.arange(len(row)), count)
    step = np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count)
    picked = steps[(case[0][place], case[1][place], case[2][place], step)]
    names = model.stage_names
    last = step == count[place] - 1
    labels = np.array([*rules, *(m.rule for m in model.moves), None], dtype=object)
    stepped = np.where(picked["move"] >= 0, len(rules) + picked["move"], -1)
    by = np.where(last & (rule[place] >= 0), rule[place], stepped)
    day = panel.dates.astype("datetime64[s]")[column[place]]
    return pd.DataFrame(
        {
            "entry": np.arange(len(place)),
            "customer_id": panel.customers.take(row[place]),
            "date": day,
            "event": categorical(picked["event"], model.event_names),
            "before": categorical(picked["before"], names),
            "after": categorical(picked["after"], names),
            "rule": labels[by],
            "cause": pd.Series(None, index=range(len(place)), dtype=object),
            "recorded": day,
        }
    )


def replay(log: object, *, as_of: object, model: StageModel | None = None) -> pd.DataFrame:
    """The stages on a day, replayed from a log.

    Entries count by their date, whenever they were recorded; of one date, in order of ``entry``.
    An entry whose event is no longer legal, because an earlier one came late, has no effect.

    Args:
        log: As `stage_log` or `append_events` gives it.
        as_of: The day; later entries are left out.
        model: The stage model; the bank's six stages by default.

    Returns:
        Indexed by ``customer_id``, for customers with an entry that had an effect by then:
        ``stage``, ``furthest`` (categorical), ``since`` (date of the last change).

    Raises:
        DataError: The log lacks a column, or has a stage or event that is not in the model.

    Source: LCM-2.
    """
    model = given_model(model)
    read = read_log(log, model)
    read = read.part(
        read.when < (as_of_day(as_of) + np.timedelta64(1, "D")).astype("datetime64[s]")
    )
    applied = apply_events(read, model)
    some = (
        applied.refused == ACCEPTED
    )  # a customer whose every entry is without effect is not in the log
    who, stage = read.who[applied.order][some], applied.stage[some]
    done = pd.DataFrame({"who": who, "stage": stage})
    done["furthest"] = np.array(model.progress, dtype=np.int8)[stage]
    when = pd.Series(read.when[applied.order][some])
    done["since"] = when.where(pd.Series(applied.changed[some]))
    by_customer = done.groupby("who")
    result = pd.DataFrame(
        {
            "stage": categorical(by_customer["stage"].last().to_numpy(), model.stage_names),
            "furthest": categorical(by_customer["furthest"].max().to_numpy(), model.stage_names),
            "since": by_customer["since"].max().to_numpy(),
        },
        index=read.customers.take(np.unique(who)),
    )
    return result.rename_axis("customer_id")


def _in_model(panel: Panel, model: StageModel) -> npt.NDArray[np.int8]:
    """The history's stage codes as positions in the model's stages."""
    if unknown := [s for s in panel.stages if s not in model.stage_names]:
        raise DataError(f"history: stages {unknown} are not in model {model.id!r}")
    table = np.array([*(model.stage_names.index(s) for s in panel.stages), -1], dtype=np.int8)
    return table[panel.grid]


def _seen_before(grid: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """The stage last seen before each date; -1 where there was none."""
    before = np.full(grid.shape, -1, dtype=np.int8)
    for j in range(1, grid.shape[1]):
        last = grid[:, j - 1]
        before[:, j] = np.where(last >= 0, last, before[:, j - 1])
    return before


def _rules(history: object, row: Ints, column: Ints) -> tuple[Ints, list[str]]:
    """The rule of each change; -1 where the history has none."""
    frame = as_frame(history)
    if "stage_rule" not in frame:
        return np.full(len(row), -1, dtype=np.intp), []
    rules = words_of(frame["stage_rule"], "history.stage_rule")
    rule = read_panel(frame.assign(stage=rules))
    return rule.grid[row, column].astype(np.intp), list(rule.stages)


def _steps(
    model: StageModel, event_of: Mapping[str, str], rules: list[str]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.void]]:
    """For stage before (+1), stage after and rule (+1): how many entries, and each of them."""
    names = model.stage_names
    size = (len(names) + 1, len(names), len(rules) + 1)
    count = np.ones(size, dtype=np.intp)
    # A shortest chain is in no stage twice.
    kind = [("event", np.int8), ("before", np.int8), ("after", np.int8), ("move", np.int16)]
    steps = np.full((*size, len(names)), -1, dtype=kind)
    steps["before"] = (np.arange(len(names) + 1) - 1)[:, None, None, None]
    steps["after"] = np.arange(len(names))[None, :, None, None]
    for (before, after), chain in model.paths.items():
        cell = names.index(before) + 1, names.index(after)
        for r in range(len(rules) + 1):
            asked = model.move(before, event_of.get(rules[r - 1], "") if r else "")
            taken = (asked,) if asked and asked.after == after else chain
            count[(*cell, r)] = len(taken)
            for i, move in enumerate(taken):
                steps[(*cell, r, i)] = _step(model, move)
    return count, steps


def _step(model: StageModel, move: Move) -> tuple[int, int, int, int]:
    names = model.stage_names
    return (
        model.event_names.index(move.event),
        names.index(move.before),
        names.index(move.after),
        model.moves.index(move),
    )
