"""The entries of a log as arrays, applied through a stage model for all customers at once."""

from __future__ import annotations

import itertools
from typing import TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.errors import DataError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import codes, days, numbers
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.conversion import require_columns
from bankcrm.frames.numbering import words_of
from bankcrm.lifecycle.model import StageModel

Ints: TypeAlias = npt.NDArray[np.intp]
Small: TypeAlias = npt.NDArray[np.int8]
Mask: TypeAlias = npt.NDArray[np.bool_]
Instants: TypeAlias = npt.NDArray[np.datetime64]

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
"""Why `append_events` rejects an event; the first reason that applies is given."""

CONTRADICTORY_RULE = "contradictory"
"""The rule of an entry that contradicts an older one of its instant: neither has an effect."""

ACCEPTED = -1
"""The code of an entry that has an effect; that of another is the place of its reason."""
CONTRADICTORY = REJECTIONS.index("contradictory")
GUARD_FAILED = REJECTIONS.index("guard_failed")
NO_SUCH_MOVE = REJECTIONS.index("no_such_move")


@attrs.frozen(eq=False)
class Entries:
    """Entries of a log as arrays.

    Attributes:
        customers: The customers, each once.
        who: Position of the customer of each entry.
        when: Instant of each entry, ``datetime64[s]``.
        event: Position of its event in the model; -1 for one that sets the stage ``after``.
        after: Position of the stage after it, which counts only without an event.
        rank: Order of the entries of one instant: among the old ones, and among those appended.
        contested: Which entries are looked at for contradictions with the one before them: new
            ones, and those that were recorded as contradictory.
    """

    customers: pd.Index
    who: Ints
    when: Instants
    event: Small
    after: Small
    rank: npt.NDArray[np.int64]
    contested: Mask

    def part(self, keep: Mask | Ints) -> Entries:
        """Some of the entries."""
        return Entries(
            self.customers,
            self.who[keep],
            self.when[keep],
            self.event[keep],
            self.after[keep],
            self.rank[keep],
            self.contested[keep],
        )


def instants(values: pd.Series, name: str) -> Instants:
    """Dates as naive instants, whole seconds.

    Raises:
        DataError: The values have a time zone, or are no dates.
    """
    days(values, name)  # raises for time zones and for what is no date
    return values.astype("datetime64[s]").to_numpy()


def words(values: pd.Series, known: tuple[str, ...], name: str) -> Small:
    """Words as positions among those known; -1 for null.

    Raises:
        DataError: A word is not known.
    """
    stated = words_of(values, f"log.{name}")
    unknown = [w for w in stated.categories.tolist() if w not in known]
    if unknown:
        raise DataError(
            f"log.{name}: the model does not know {few(unknown)}; "
            f"expected one of {', '.join(known)}"
        )
    return stated.set_categories(list(known)).codes.astype(np.int8)


def read_log(log: object, model: StageModel) -> Entries:
    """A log as arrays; an empty frame is an empty log.

    Raises:
        DataError: A column is missing, or a word is not in the model.
    """
    frame = as_frame(log)
    if len(frame) == 0 and len(frame.columns) == 0:
        frame = pd.DataFrame({name: pd.Series(dtype=object) for name in LOG_COLUMNS})
    needed = ("entry", "customer_id", "date", "event", "after")
    require_columns(frame, needed, "log")
    who, customers = codes(frame["customer_id"])
    fault_in_rows("log", "customer_id", "null", frame.index[who < 0], advice="give a log").refuse()
    contested = np.zeros(len(frame), dtype=np.bool_)
    if "rule" in frame:
        contested = (frame["rule"] == CONTRADICTORY_RULE).to_numpy(dtype=np.bool_)
    return Entries(
        customers,
        who,
        instants(frame["date"], "log.date"),
        words(frame["event"], model.event_names, "event"),
        words(frame["after"], model.stage_names, "after"),
        entry_numbers(frame),
        contested,
    )


def entry_numbers(frame: pd.DataFrame) -> Ints:
    """The column ``entry`` of a log.

    Raises:
        DataError: It has something else than whole numbers.
    """
    number = numbers(frame["entry"], "log.entry")
    exact = np.isfinite(number) & (number == np.floor(number)) & (np.abs(number) < 2.0**53)
    fault_in_rows(
        "log", "entry", "no whole number", frame.index[~exact], advice="give a log"
    ).refuse()
    return number.astype(np.int64)


@attrs.frozen(eq=False)
class Applied:
    """What each entry did, in order of customer and date.

    Attributes:
        order: Position of each entry among those given.
        place: For each entry given, its position in this order.
        before: Stage before it.
        stage: Stage after it.
        changed: Whether it changed the stage, or is the customer's first with an effect.
        refused: Code of the reason why it had no effect; `ACCEPTED` where it had one.
        against: Whether it contradicts the entry before it.
    """

    order: Ints
    place: Ints
    before: Small
    stage: Small
    changed: Mask
    refused: Small
    against: Mask


def apply_events(
    entries: Entries, model: StageModel, *, is_new: Mask | None = None, closed: Mask | None = None
) -> Applied:
    """Apply each customer's entries in order of date and rank, old ones before new ones.

    In round ``k`` the k-th entry of every customer is applied at once.

    Args:
        entries: The entries of a log.
        model: The stages, events and legal moves.
        is_new: Which entries are being appended; only they have guards.
        closed: For each new entry and stage, whether the guard fails.
    """
    size = len(entries.who)
    is_new = np.zeros(size, dtype=np.bool_) if is_new is None else is_new
    order = np.lexsort((entries.rank, is_new, entries.when, entries.who))
    who, event, after = entries.who[order], entries.event[order], entries.after[order]
    new, number = is_new[order], (np.cumsum(is_new) - 1)[order]  # among the new entries given
    twin = _same_instant(who, entries.when[order], event, entries.contested[order])
    starts = np.flatnonzero(np.append(True, who[1:] != who[:-1])[:size])
    lengths = np.diff(np.append(starts, size))
    table, clash = next_stage(model), contradictions(model)
    before, stage = np.empty(size, dtype=np.int8), np.empty(size, dtype=np.int8)
    refused, against = np.full(size, ACCEPTED, dtype=np.int8), np.zeros(size, dtype=np.bool_)
    state = np.full(len(starts), model.stage_names.index(model.initial), dtype=np.int8)
    for k in itertools.count():
        live = np.flatnonzero(lengths > k)
        if not len(live):
            break
        row = starts[live] + k
        here, what = state[live], event[row]
        follows = np.where(what < 0, after[row], table[here, what])
        paired = np.flatnonzero(twin[row] & (refused[row] == ACCEPTED))
        first = row[paired]
        bad = first[clash[here[paired], event[first], event[first + 1]]]
        refused[bad] = refused[bad + 1] = CONTRADICTORY
        against[bad + 1] = True
        refused[row[(follows < 0) & (refused[row] == ACCEPTED)]] = NO_SUCH_MOVE
        if closed is not None:
            guarded = np.flatnonzero(new[row] & (refused[row] == ACCEPTED))
            shut = guarded[closed[number[row[guarded]], here[guarded]]]
            refused[row[shut]] = GUARD_FAILED
        follows = np.where(refused[row] == ACCEPTED, follows, here).astype(np.int8)
        before[row], stage[row], state[live] = here, follows, follows
    changed = stage != before
    effective = np.flatnonzero(refused == ACCEPTED)
    first = np.append(True, who[effective[1:]] != who[effective[:-1]])[: len(effective)]
    changed[effective[first]] = True
    place = np.empty(size, dtype=np.intp)
    place[order] = np.arange(size)
    return Applied(order, place, before, stage, changed, refused, against)


def _same_instant(who: Ints, when: Instants, event: Small, contested: Mask) -> Mask:
    """Which events have a contested one of the same customer and instant after them."""
    same = np.zeros(len(who), dtype=np.bool_)
    both = (event[1:] >= 0) & (event[:-1] >= 0)
    same[:-1] = (who[1:] == who[:-1]) & (when[1:] == when[:-1]) & both & contested[1:]
    return same


def next_stage(model: StageModel) -> Small:
    """Stage after, for stage before and event; -1 where there is no such move."""
    names, events = model.stage_names, model.event_names
    table = np.full((len(names), len(events)), -1, dtype=np.int8)
    for move in model.moves:
        table[names.index(move.before), events.index(move.event)] = names.index(move.after)
    return table


def contradictions(model: StageModel) -> Mask:
    """For a stage and two events at one instant, whether they contradict each other.

    They do where both orders are legal but end in different stages, or where the only legal order
    leaves the stage and comes straight back to it.
    """
    table = next_stage(model)
    stages, events = table.shape
    clash = np.zeros((stages, events, events), dtype=np.bool_)
    for s in range(stages):
        for a in range(events):
            for b in range(events):
                there, back = _both(table, s, a, b), _both(table, s, b, a)
                ends = [e for e in (there, back) if e is not None]
                differ = len({end for _, end in ends}) > 1
                undone = len(ends) == 1 and ends[0][1] == s and ends[0][0] != s
                clash[s, a, b] = differ or undone
    return clash


def _both(table: Small, stage: int, first: int, second: int) -> tuple[int, int] | None:
    """The stage between and the stage after two events; None where an event is not legal."""
    between = int(table[stage, first])
    if between < 0 or table[between, second] < 0:
        return None
    return between, int(table[between, second])
