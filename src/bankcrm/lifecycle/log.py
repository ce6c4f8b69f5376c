"""The append-only log of moves: written from a history or from events, and played back (LCM-2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.columns import as_frame, as_of_day, codes, days
from bankcrm.errors import DataError
from bankcrm.lifecycle.facts import lifecycle_policy
from bankcrm.lifecycle.fold import Fold, contradictions, fold, next_stage
from bankcrm.lifecycle.model import Move, StageModel, stage_model
from bankcrm.lifecycle.panel import Panel, categorical, read_panel
from bankcrm.policy import Policy

Ints: TypeAlias = npt.NDArray[np.intp]

LOG_COLUMNS = (
    "entry",
    "customer_id",
    "date",
    "event",
    "before",
    "after",
    "rule",
    "cause",
    "recorded",
)
REJECTIONS = (
    "missing_customer",
    "missing_date",
    "missing_event",
    "unknown_event",
    "after_recording",
    "duplicate",
    "before_first_contact",
    "contradictory",
    "guard_failed",
    "no_such_move",
)
"""Why `record` set an event aside; the first that applies is told."""


@attrs.frozen
class RuleEvent:
    """The event that a rule of the stage table speaks of, for the log."""

    rule: str
    event: str


@attrs.frozen(eq=False)
class Recorded:
    """What came of recording events.

    Args:
        log: The log with the accepted events appended; no old entry is changed.
        rejected: The events set aside, as they came, with ``reason``; and where the stage then
            was: ``stage``.
        changes: Old entries after which the stage is now another, since an event came late:
            ``entry``, ``customer_id``, ``date``, ``event``, ``was``, ``now``, and ``superseded``
            (whether the old entry no longer has any effect).
    """

    log: pd.DataFrame
    rejected: pd.DataFrame
    changes: pd.DataFrame


def stage_log(
    history: object, *, model: StageModel | None = None, policy: Policy | None = None
) -> pd.DataFrame:
    """The moves in a history, each one legal in the model.

    A customer's first entry has no event and no stage before. Where two dates of the history
    lie so far apart that a customer made several moves between them, the shortest legal chain is
    written, all on the later date. A change that the model has no chain for has no event.

    Args:
        history: As `stage_history` gives it.
        model: The stage model; the bank's six stages by default.
        policy: Its records ``rule_event`` tell which event a rule of the stage table speaks of.

    Returns:
        A row a move, in order of customer and date: ``entry`` (running number), ``customer_id``,
        ``date``, ``event``, ``before``, ``after``, ``rule`` (of the stage table; of the model for
        a step in between), ``cause`` (null), ``recorded`` (the date).

    Source: LCM-2.
    """
    model = stage_model() if model is None else model
    panel = read_panel(history)
    told = {r.rule: r.event for r in lifecycle_policy(policy).records("rule_event", RuleEvent)}
    grid = _in_model(panel, model)
    row, column = np.nonzero(_changed(grid))
    before, after = _filled_before(grid)[row, column], grid[row, column]
    rule, rules = _rules(history, panel, row, column)
    length, steps = _steps(model, told, rules)
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


def replay(log: object, *, at: object, model: StageModel | None = None) -> pd.DataFrame:
    """The stages that a log gives on a day.

    Entries count by their date, whenever they were recorded; of one date, in order of ``entry``.
    An entry whose event is not legal any more, since an earlier one came late, has no effect.

    Args:
        log: As `stage_log` or `record` gives it.
        at: The day; later entries are left out.
        model: The stage model; the bank's six stages by default.

    Returns:
        Indexed by ``customer_id``, for customers with an entry by then: ``stage``, ``furthest``
        (categorical), ``since`` (date of the last change).

    Raises:
        DataError: The log lacks a column, or has a stage or event that is not in the model.

    Source: LCM-2.
    """
    model = stage_model() if model is None else model
    read = _read_log(log, model)
    read = read.part(read.when < (as_of_day(at) + 1).astype("datetime64[s]"))
    folded = _fold(read, model)
    done = pd.DataFrame({"who": read.who[folded.order], "stage": folded.stage})
    progress = np.array([*model.progress, -1], dtype=np.int8)
    done["furthest"] = progress[folded.stage]
    done["since"] = pd.Series(read.when[folded.order]).where(pd.Series(folded.changed))
    by_customer = done.groupby("who", sort=True)
    result = pd.DataFrame(
        {
            "stage": categorical(by_customer["stage"].last().to_numpy(), model.stage_names),
            "furthest": categorical(by_customer["furthest"].max().to_numpy(), model.stage_names),
            "since": by_customer["since"].max().to_numpy(),
        },
        index=read.customers.take(np.unique(read.who)),
    )
    return result.rename_axis("customer_id")


def record(
    log: object,
    events: object,
    *,
    on: object,
    model: StageModel | None = None,
    facts: pd.DataFrame | None = None,
) -> Recorded:
    """Append real events to a log, each checked where it falls in the order of dates.

    Events of one customer at one instant are taken in the model's order of events. Two of them
    are contradictory, and both set aside, where the two orders end in different stages or where
    the one undoes the other. A customer who is not in the log starts in the model's initial
    stage.

    Args:
        log: As `stage_log` gives it; an empty frame for a new log.
        events: ``customer_id``, ``date`` (day or naive instant), ``event``; ``cause`` if known.
        on: The day of recording; an event dated later is set aside.
        model: The stage model; the bank's six stages by default.
        facts: What guards look at, row for row with ``events``; without it they are not asked.

    Returns:
        `Recorded`; rows of ``events`` = rows appended + rows of ``rejected``.

    Raises:
        DataError: A frame lacks a column, or dates have a wrong type.

    Source: LCM-2.
    """
    model = stage_model() if model is None else model
    old = _read_log(log, model)
    book = as_frame(events)
    new, reason = _read_events(book, old, as_of_day(on), model)
    took = np.flatnonzero(reason < 0)
    both = _joined(old, new.part(took))
    is_new = np.arange(len(both.when)) >= len(old.when)
    closed = _closed_guards(book.iloc[took], facts, took, model)
    was, now = _fold(old, model), _fold(both, model, is_new=is_new, closed=closed)
    refused = now.refused[now.place[is_new]]
    reason[took] = refused
    kept = is_new.copy()
    kept[is_new] = refused < 0
    rejected = book[reason >= 0].assign(
        reason=categorical(reason[reason >= 0], REJECTIONS),
    )
    here = np.full(len(book), -1, dtype=np.int8)
    here[took] = now.before[now.place[is_new]]
    rejected["stage"] = categorical(here[reason >= 0], model.stage_names)
    rows = _appended(book.iloc[took[refused < 0]], both, now, kept, as_of_day(on), model)
    rows["entry"] = np.arange(len(rows)) + _next_entry(log)
    whole = pd.concat([_tidy(log, model), rows], ignore_index=True) if len(old.when) else rows
    return Recorded(whole, rejected, _changes(log, old, was, now, model))


@attrs.frozen(eq=False)
class _Entries:
    """Entries of a log as arrays; ``after`` rules where ``event`` is -1."""

    customers: pd.Index
    who: Ints
    when: npt.NDArray[np.datetime64]
    event: npt.NDArray[np.int8]
    after: npt.NDArray[np.int8]
    rank: npt.NDArray[np.int64]

    def part(self, keep: npt.NDArray[np.bool_] | Ints) -> _Entries:
        return _Entries(
            self.customers,
            self.who[keep],
            self.when[keep],
            self.event[keep],
            self.after[keep],
            self.rank[keep],
        )


def _instants(values: pd.Series, name: str) -> npt.NDArray[np.datetime64]:
    days(values, name)  # refuses time zones and what is no date
    return values.astype("datetime64[s]").to_numpy()


def _words(values: pd.Series, known: tuple[str, ...], name: str) -> npt.NDArray[np.int8]:
    code, distinct = codes(values)
    strange = [w for w in distinct.tolist() if str(w) not in known]
    if strange:
        raise DataError(f"log.{name}: {strange} are not in the model, which has {list(known)}")
    table = np.array([*(known.index(str(w)) for w in distinct.tolist()), -1], dtype=np.int8)
    return table[code]


def _read_log(log: object, model: StageModel) -> _Entries:
    frame = as_frame(log)
    if len(frame) == 0 and len(frame.columns) == 0:
        frame = pd.DataFrame({name: pd.Series(dtype=object) for name in LOG_COLUMNS})
    needed = ("entry", "customer_id", "date", "event", "after")
    if missing := [n for n in needed if n not in frame]:
        raise DataError(
            f"log: missing column {', '.join(missing)}; "
            f"present: {', '.join(map(str, frame.columns))}"
        )
    who, customers = codes(frame["customer_id"])
    return _Entries(
        customers,
        who,
        _instants(frame["date"], "log.date"),
        _words(frame["event"], model.event_names, "event"),
        _words(frame["after"], model.stage_names, "after"),
        frame["entry"].to_numpy(dtype=np.int64),
    )


def _fold(
    entries: _Entries,
    model: StageModel,
    *,
    is_new: npt.NDArray[np.bool_] | None = None,
    closed: npt.NDArray[np.bool_] | None = None,
) -> Fold:
    return fold(
        entries.who,
        np.lexsort((entries.rank, entries.when, entries.who)),
        entries.when,
        entries.event,
        entries.after,
        table=next_stage(model),
        clash=contradictions(model),
        initial=model.stage_names.index(model.initial),
        is_new=is_new,
        closed=closed,
        reasons=(
            REJECTIONS.index("contradictory"),
            REJECTIONS.index("guard_failed"),
            REJECTIONS.index("no_such_move"),
        ),
    )


def _in_model(panel: Panel, model: StageModel) -> npt.NDArray[np.int8]:
    """The history's stage codes as positions in the model's stages."""
    if strange := [s for s in panel.stages if s not in model.stage_names]:
        raise DataError(f"history: stages {strange} are not in model {model.id!r}")
    table = np.array([*(model.stage_names.index(s) for s in panel.stages), -1], dtype=np.int8)
    return table[panel.grid]


def _filled_before(grid: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """The stage last seen before each date; -1 where there was none."""
    seen = np.where(grid >= 0, np.arange(grid.shape[1]), -1)
    last = np.maximum.accumulate(seen, axis=1)
    before = np.full(grid.shape, -1, dtype=np.int8)
    rows = np.arange(len(grid))[:, None]
    before[:, 1:] = np.where(last[:, :-1] >= 0, grid[rows, np.maximum(last[:, :-1], 0)], -1)
    return before


def _changed(grid: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
    return (grid >= 0) & (grid != _filled_before(grid))


def _rules(history: object, panel: Panel, row: Ints, column: Ints) -> tuple[Ints, list[str]]:
    """The rule of each change; -1 where the history has none."""
    frame = as_frame(history)
    if "rule" not in frame:
        return np.full(len(row), -1, dtype=np.intp), []
    rule = read_panel(frame.assign(stage=frame["rule"].astype("category")))
    return rule.grid[row, column].astype(np.intp), list(rule.stages)


def _steps(
    model: StageModel, told: Mapping[str, str], rules: list[str]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.void]]:
    """For stage before (+1), stage after and rule (+1): how many entries, and each of them."""
    names = model.stage_names
    size = (len(names) + 1, len(names), len(rules) + 1)
    longest = max((len(c) for c in model.paths.values()), default=1)
    count = np.ones(size, dtype=np.intp)
    kind = [("event", np.int8), ("before", np.int8), ("after", np.int8), ("move", np.int16)]
    steps = np.full((*size, max(longest, 1)), -1, dtype=kind)
    steps["before"] = (np.arange(len(names) + 1) - 1)[:, None, None, None]
    steps["after"] = np.arange(len(names))[None, :, None, None]
    for (before, after), chain in model.paths.items():
        cell = names.index(before) + 1, names.index(after)
        for r in range(len(rules) + 1):
            asked = model.move(before, told.get(rules[r - 1], "") if r else "")
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


def _read_events(
    book: pd.DataFrame, old: _Entries, on: np.datetime64, model: StageModel
) -> tuple[_Entries, npt.NDArray[np.int8]]:
    """The events as entries after the old ones, and why some cannot be taken (-1: can)."""
    if missing := [n for n in ("customer_id", "date", "event") if n not in book]:
        raise DataError(
            f"events: missing column {', '.join(missing)}; "
            f"present: {', '.join(map(str, book.columns))}"
        )
    when = _instants(book["date"], "events.date")
    ids = pd.Index(book["customer_id"])
    customers = old.customers.append(ids[~ids.isin(old.customers) & ids.notna()].unique())
    who = np.where(ids.isna(), -1, customers.get_indexer(ids)).astype(np.intp)
    code, distinct = codes(book["event"])
    known = [str(w) in model.event_names for w in distinct.tolist()]
    place = [
        model.event_names.index(str(w)) if ok else -1
        for w, ok in zip(distinct.tolist(), known, strict=True)
    ]
    event = np.array([*place, -1], dtype=np.int8)[code]
    first = np.full(len(customers), np.datetime64("NaT"), dtype="datetime64[s]")
    order = np.argsort(old.when, kind="stable")[::-1]
    first[old.who[order]] = old.when[order]
    tests = {
        "missing_customer": who < 0,
        "missing_date": np.isnat(when),
        "missing_event": code < 0,
        "unknown_event": event < 0,
        "after_recording": when >= (on + 1).astype("datetime64[s]"),
        "duplicate": _repeats(old, who, when, event),
        "before_first_contact": when < first[who],
    }
    reason = np.full(len(book), -1, dtype=np.int8)
    for name, bad in reversed(tests.items()):
        reason[bad] = REJECTIONS.index(name)
    start = int(old.rank.max(initial=-1)) + 1
    # One instant: the model's order of events.
    after = np.full(len(book), -1, dtype=np.int8)
    return _Entries(customers, who, when, event, after, start + event.astype(np.int64)), reason


def _repeats(
    old: _Entries, who: Ints, when: npt.NDArray[np.datetime64], event: npt.NDArray[np.int8]
) -> npt.NDArray[np.bool_]:
    """Events that are in the log already, or stand twice among the new ones."""
    rows = pd.DataFrame(
        {
            "who": np.append(old.who, who),
            "when": np.append(old.when, when),
            "event": np.append(old.event, event),
        }
    )
    return rows.duplicated().to_numpy()[len(old.who) :]


def _joined(old: _Entries, new: _Entries) -> _Entries:
    return _Entries(
        new.customers,
        np.append(old.who, new.who),
        np.append(old.when, new.when),
        np.append(old.event, new.event),
        np.append(old.after, new.after),
        np.append(old.rank, new.rank),
    )


def _closed_guards(
    book: pd.DataFrame, facts: pd.DataFrame | None, took: Ints, model: StageModel
) -> npt.NDArray[np.bool_]:
    """For each event taken and each stage, whether the guard of that move fails."""
    closed = np.zeros((len(took), len(model.stages)), dtype=np.bool_)
    if facts is None:
        return closed
    event = book["event"].astype(object).map(str).to_numpy()
    for move in model.moves:
        guard = model.guard(move)
        rows = np.flatnonzero(event == move.event)
        if guard is not None and len(rows):
            shut = guard.decide_codes(facts.iloc[took[rows]]).outcome == 1
            closed[rows[shut], model.stage_names.index(move.before)] = True
    return closed


def _appended(
    book: pd.DataFrame,
    both: _Entries,
    now: Fold,
    kept: npt.NDArray[np.bool_],
    on: np.datetime64,
    model: StageModel,
) -> pd.DataFrame:
    """The accepted events as entries, in order of date and of the model's events."""
    rows = np.flatnonzero(kept)
    before, after = now.before[now.place[rows]], now.stage[now.place[rows]]
    event = both.event[rows]
    rules = np.array(model.stage_names, dtype=object)[before] + ":"
    cause = book["cause"].to_numpy(dtype=object) if "cause" in book else None
    made = pd.DataFrame(
        {
            "entry": 0,
            "customer_id": both.customers.take(both.who[rows]),
            "date": both.when[rows],
            "event": categorical(event, model.event_names),
            "before": categorical(before, model.stage_names),
            "after": categorical(after, model.stage_names),
            "rule": rules + np.array(model.event_names, dtype=object)[event],
            "cause": pd.Series(cause, index=range(len(rows)), dtype=object),
            "recorded": np.full(len(rows), on.astype("datetime64[s]")),
        }
    )
    order = np.lexsort((both.rank[rows], both.when[rows], both.who[rows]))
    return made.iloc[order].reset_index(drop=True)


def _tidy(log: object, model: StageModel) -> pd.DataFrame:
    """The old log with the model's categories, so that appending keeps them."""
    frame = as_frame(log)
    kinds = {"event": model.event_names, "before": model.stage_names, "after": model.stage_names}
    return frame.assign(
        **{c: pd.Categorical(frame[c], categories=list(k)) for c, k in kinds.items() if c in frame}
    )


def _next_entry(log: object) -> int:
    frame = as_frame(log)
    return int(frame["entry"].max()) + 1 if "entry" in frame and len(frame) else 0


def _changes(
    log: object, old: _Entries, was: Fold, now: Fold, model: StageModel
) -> pd.DataFrame:
    """Old entries after which the stage differs from what it was before recording."""
    size = len(old.when)
    before, after = was.stage[was.place], now.stage[now.place[:size]]
    rows = np.flatnonzero(before != after)
    frame = as_frame(log)
    if size == 0:
        frame = pd.DataFrame(columns=["entry", "customer_id", "date", "event"])
    told = frame.iloc[rows][["entry", "customer_id", "date", "event"]].reset_index(drop=True)
    told["was"] = categorical(before[rows], model.stage_names)
    told["now"] = categorical(after[rows], model.stage_names)
    told["superseded"] = (now.refused[now.place[:size]] >= 0)[rows]
    return told
