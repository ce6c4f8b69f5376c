"""Moves between stages: one customer's with its reason, or many by lookup (LCM-2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import card, figures_of
from bankcrm.arguments import as_mapping, refuse
from bankcrm.errors import DataError, IllegalTransitionError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import ArrayLike, codes, row_blocks
from bankcrm.frames.numbering import categorical
from bankcrm.lifecycle.model import Move, StageModel, given_model

Cells: TypeAlias = npt.NDArray[np.uint8]

REASONS = (
    "moved",
    "stayed",
    "no_such_move",
    "guard_failed",
    "unknown_stage",
    "unknown_event",
    "missing_stage",
    "missing_event",
)
"""The reasons of `transition_frame`; rows with the first two are legal."""


@attrs.frozen
class Transition:
    """A legal move of one customer, with its reason.

    Attributes:
        before: Stage before the move.
        event: What happened.
        after: Stage after the move.
        rule: The move's name in the model.
        source: Where the move comes from.
        because: The reason in words.
    """

    before: str
    event: str
    after: str
    rule: str
    source: str
    because: str = ""

    def __str__(self) -> str:
        reason = f": {self.because}" if self.because else ""
        return f"{self.before} by {self.event} to {self.after} ({self.source}){reason}"

    def _repr_html_(self) -> str:
        figures = figures_of(self, "event", "rule", "because", "source")
        return card(f"{self.before} → {self.after}", figures)


def transition(
    stage: str,
    event: str,
    *,
    model: StageModel | None = None,
    facts: Mapping[str, object] | None = None,
) -> Transition:
    """Move one customer to the next stage, or raise an error with the reason.

    Args:
        stage: The stage that the customer is in.
        event: What happened.
        model: The stage model; the bank's six stages by default.
        facts: The facts that guards read. Without it no guard is evaluated.

    Raises:
        IllegalTransitionError: There is no such move (the error names the legal events), its guard
            fails (the error names each failed test and the value), or the stage or the event is
            not in the model.
        MissingFactError: A guard needs a fact that is not in ``facts``.

    Source: LCM-2.

    >>> transition("dormant", "reactivated").after
    'active'
    >>> transition("active", "went_idle", facts={"closed": False, "days_idle": 9})
    Traceback (most recent call last):
    bankcrm.errors.IllegalTransitionError: active by went_idle, guard failed: days_idle >= 90, saw 9
    """
    model = given_model(model)
    stage, event = str(stage), str(event)
    for what, name, known in (
        ("stage", stage, model.stage_names),
        ("event", event, model.event_names),
    ):
        if name not in known:
            raise IllegalTransitionError(
                f"{what} {name!r} is not in model {model.id!r}; it has {', '.join(known)}"
            )
    move = model.move(stage, event)
    if move is None:
        legal = ", ".join(model.legal_events(stage)) or "none, the stage is final"
        raise IllegalTransitionError(
            f"model {model.id!r} has no move from {stage} by {event}; legal from here: {legal}"
        )
    if facts is not None:
        _pass_guard(model, move, as_mapping(facts, "facts", "a mapping of fact to value"))
    return Transition(stage, event, move.after, move.rule, move.source, move.because)


def _pass_guard(model: StageModel, move: Move, facts: Mapping[str, object]) -> None:
    guard = model.guard(move)
    if guard is None or guard.decide(facts).outcome:
        return
    failed = [
        f"{c.fact} {c.test}, saw {c.value}"
        for c in guard.explain(facts).rules[0].cells
        if c.status == "failed"
    ]
    raise IllegalTransitionError(
        f"{move.before} by {move.event}, guard failed: {'; '.join(failed)}"
    )


def transition_frame(
    stages: ArrayLike,
    events: ArrayLike,
    *,
    model: StageModel | None = None,
    facts: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Move every customer to the next stage at once, with the same results as `transition`.

    Args:
        stages: The stage of each customer; a categorical is fastest.
        events: The event of each customer, row for row.
        model: The stage model; the bank's six stages by default.
        facts: The facts that guards read, row for row. Without it no guard is evaluated.

    Returns:
        The index of ``stages``; ``next`` (categorical, null where the move is not legal), ``legal``
        (bool) and ``reason`` (categorical, one of `REASONS`).

    Raises:
        DataError: The lengths differ.
        MissingFactError: A guard needs a fact that is missing on a row.

    Source: LCM-2.

    >>> moves = transition_frame(["dormant", "prospect"], ["reactivated", "went_idle"])
    >>> moves["legal"].tolist(), moves["reason"].tolist()
    ([True, False], ['moved', 'no_such_move'])
    """
    model = given_model(model)
    before, event = encode(stages, model.stage_names), encode(events, model.event_names)
    if len(before) != len(event):
        raise DataError(f"{len(before):,} stages but {len(event):,} events; give one for each row")
    index = stages.index if isinstance(stages, pd.Series) else pd.RangeIndex(len(before))
    # One small number for each stage and event; 0 is a missing value, the last an unknown one.
    width = len(model.event_names) + 2
    key = before * np.uint16(width) + event
    after_of, reason_of = lookup(model)
    after, reason = _look_up(after_of, key), _look_up(reason_of, key)
    if facts is not None:
        _close_guards(model, before, event, as_frame(facts), after, reason)
    columns = {
        "next": categorical(after, model.stage_names),
        "legal": after >= 0,
        "reason": categorical(reason, REASONS),
    }
    return pd.DataFrame(columns, index=index, copy=False)


def encode(words: ArrayLike, known: tuple[str, ...]) -> Cells:
    """Values as numbers: 0 for a missing one, 1 for the first known, one past the last for others.

    >>> encode(["b", None, "x"], ("a", "b")).tolist()
    [2, 0, 3]
    """
    if isinstance(words, pd.DataFrame):
        refuse("values", "one column", words, "give a column, such as frame['stage']")
    series = words if isinstance(words, pd.Series) else pd.Series(words)
    if isinstance(series.dtype, pd.CategoricalDtype):
        code, distinct = series.cat.codes.to_numpy(), pd.Index(series.cat.categories)
        if code.dtype == np.int8 and tuple(distinct) == known:
            return code.view(np.uint8) + np.uint8(1)
    else:
        code, distinct = codes(series)
    place = {word: i + 1 for i, word in enumerate(known)}
    number = [place.get(str(word), len(known) + 1) for word in distinct.tolist()]
    table = np.array([*number, 0], dtype=np.uint8)
    return table[code]  # the code -1 of a missing word finds the last entry


def lookup(model: StageModel) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """For each stage and event, the stage after (-1 if none) and the position of the reason."""
    stages, events = model.stage_names, model.event_names
    after = np.full((len(stages) + 2, len(events) + 2), -1, dtype=np.int8)
    reason = np.full(after.shape, REASONS.index("no_such_move"), dtype=np.int8)
    for move in model.moves:
        cell = stages.index(move.before) + 1, events.index(move.event) + 1
        after[cell] = stages.index(move.after)
        reason[cell] = move.after == move.before
    reason[:, -1] = REASONS.index("unknown_event")
    reason[:, 0] = REASONS.index("missing_event")
    reason[-1, :] = REASONS.index("unknown_stage")
    reason[0, :] = REASONS.index("missing_stage")
    return after.ravel(), reason.ravel()


def _look_up(table: npt.NDArray[np.int8], key: npt.NDArray[np.integer]) -> npt.NDArray[np.int8]:
    """``table[key]``, in parts that fit into the processor's cache."""
    found = np.empty(len(key), dtype=np.int8)
    for part in row_blocks(len(key)):
        np.take(table, key[part], out=found[part], mode="clip")
    return found


def _close_guards(
    model: StageModel,
    before: Cells,
    event: Cells,
    facts: pd.DataFrame,
    after: npt.NDArray[np.int8],
    reason: npt.NDArray[np.int8],
) -> None:
    """Make the moves illegal whose guard fails."""
    if len(facts) != len(before):
        raise DataError(f"{len(before):,} stages but facts for {len(facts):,} rows")
    for move in model.moves:
        guard = model.guard(move)
        if guard is None:
            continue
        at_stage = before == model.stage_names.index(move.before) + 1
        rows = np.flatnonzero(at_stage & (event == model.event_names.index(move.event) + 1))
        failed = rows[guard.decide_codes(facts.iloc[rows]).outcome == 1]
        after[failed] = -1
        reason[failed] = REASONS.index("guard_failed")
