"""Real events appended to a log, each checked at its place in the order of dates (LCM-2)."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import card, line
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import as_of_day, codes
from bankcrm.frames.conversion import require_columns
from bankcrm.frames.numbering import categorical, words_of
from bankcrm.lifecycle.log.apply import (
    ACCEPTED,
    CONTRADICTORY,
    CONTRADICTORY_RULE,
    REJECTIONS,
    Applied,
    Entries,
    Ints,
    apply_events,
    entry_numbers,
    instants,
    read_log,
)
from bankcrm.lifecycle.model import StageModel, given_model


@attrs.frozen(eq=False)
class Appended:
    """The result of `append_events`.

    Attributes:
        log: The log with the accepted events appended; no old entry is changed.
        rejected: The rejected events as they came, with ``reason`` and the ``stage`` at that time.
        changes: Old entries after which the stage is now different, because an event came late:
            ``entry``, ``customer_id``, ``date``, ``event``, ``was``, ``now``, and ``superseded``
            (whether the old entry no longer has any effect).
    """

    log: pd.DataFrame
    rejected: pd.DataFrame
    changes: pd.DataFrame

    def _figures(self) -> dict[str, object]:
        return {
            "log entries": len(self.log),
            "rejected": len(self.rejected),
            "old entries whose stage changed": len(self.changes),
        }

    def __repr__(self) -> str:
        return line("Appended", self._figures())

    def _repr_html_(self) -> str:
        why = self.rejected["reason"].value_counts()
        return card("Events appended", self._figures(), why[why > 0].to_frame("rejected"))


def append_events(
    log: object,
    events: object,
    *,
    as_of: object,
    model: StageModel | None = None,
    facts: pd.DataFrame | None = None,
) -> Appended:
    """Append real events to a log, each checked at its place in the order of dates.

    Events of one customer at one instant are applied in the model's order of events. Two of them
    are contradictory, and neither has an effect, if the two orders end in different stages or if
    one reverses the other. Both are rejected. If the log has one of them already, the other is
    appended with the rule ``contradictory``, and ``changes`` lists the first as superseded: the
    stages are the same as if both had come at once. A customer who is not in the log starts in the
    model's initial stage.

    Args:
        log: As `stage_log` gives it; an empty frame for a new log.
        events: ``customer_id``, ``date`` (day or naive instant), ``event``; ``cause`` if known.
        as_of: The day of recording; an event dated later is rejected.
        model: The stage model; the bank's six stages by default.
        facts: The facts that guards read, row for row with ``events``; without it no guard is
            evaluated.

    Returns:
        ``log``, ``rejected`` and ``changes``; see `Appended`. Rows of ``events`` = rows appended +
        rows of ``rejected``.

    Raises:
        DataError: A frame lacks a column, or dates have a wrong type.

    Source: LCM-2.
    """
    model = given_model(model)
    old = read_log(log, model)
    book = as_frame(events)
    new, reason = _read_events(book, old, as_of_day(as_of), model)
    accepted = np.flatnonzero(reason == ACCEPTED)
    both = _joined(old, new.part(accepted))
    is_new = np.arange(len(both.when)) >= len(old.when)
    closed = _closed_guards(book.iloc[accepted], facts, accepted, model)
    was, now = apply_events(old, model), apply_events(both, model, is_new=is_new, closed=closed)
    refused = now.refused[now.place[is_new]].copy()
    against = _against_log(now, is_new)[now.place[is_new]]
    refused[against] = ACCEPTED  # appended, since the log has the event that it contradicts
    reason[accepted] = refused
    kept = is_new.copy()
    kept[is_new] = refused == ACCEPTED
    out = reason != ACCEPTED
    rejected = book[out].assign(reason=categorical(reason[out], REJECTIONS))
    here = np.full(len(book), -1, dtype=np.int8)
    here[accepted] = now.before[now.place[is_new]]
    rejected["stage"] = categorical(here[out], model.stage_names)
    rows = _appended(
        book.iloc[accepted[refused == ACCEPTED]], both, now, kept, as_of_day(as_of), model
    )
    rows.insert(0, "entry", np.arange(len(rows)) + _next_entry(log))
    whole = pd.concat([_tidy(log, model), rows], ignore_index=True) if len(old.when) else rows
    return Appended(whole, rejected, _changes(log, old, was, now, model))


def _read_events(
    book: pd.DataFrame, old: Entries, day: np.datetime64, model: StageModel
) -> tuple[Entries, npt.NDArray[np.int8]]:
    """The events as entries after the old ones, and the reason to reject each, or `ACCEPTED`."""
    require_columns(book, ("customer_id", "date", "event"), "events")
    when = instants(book["date"], "events.date")
    who, customers = _placed(book["customer_id"], old.customers)
    stated = words_of(book["event"], "events.event")
    event = stated.set_categories(list(model.event_names)).codes.astype(np.int8)
    first = np.full(len(customers), np.datetime64("NaT", "s"))
    order = np.argsort(old.when, kind="stable")[::-1]
    first[old.who[order]] = old.when[order]
    tests = {
        "missing_customer": who < 0,
        "missing_date": np.isnat(when),
        "missing_event": stated.isna(),
        "unknown_event": event < 0,
        "after_recording": when >= (day + np.timedelta64(1, "D")).astype("datetime64[s]"),
        "duplicate": _repeats(old, who, when, event),
        "before_first_contact": when < first[who],
    }
    reason = np.full(len(book), ACCEPTED, dtype=np.int8)
    for name, bad in reversed(tests.items()):
        reason[bad] = REJECTIONS.index(name)
    after = np.zeros(len(book), dtype=np.int8)
    rank = event.astype(np.int64)  # the model's order of events
    contested = np.ones(len(book), dtype=np.bool_)
    return Entries(customers, who, when, event, after, rank, contested), reason


def _placed(ids: pd.Series, known: pd.Index) -> tuple[Ints, pd.Index]:
    """The place of each id among the customers known and then new; -1 for a missing id."""
    code, distinct = codes(ids)
    fresh = distinct[~distinct.isin(known)]
    if not len(known):
        customers = fresh
    else:  # an index with nothing appended keeps its type
        customers = known.append(fresh) if len(fresh) else known
    place = np.append(customers.get_indexer(distinct), -1)
    return place[code].astype(np.intp), customers


def _repeats(
    old: Entries, who: Ints, when: npt.NDArray[np.datetime64], event: npt.NDArray[np.int8]
) -> npt.NDArray[np.bool_]:
    """Events that are in the log already, or are repeated among the new ones."""
    rows = pd.DataFrame(
        {
            "who": np.append(old.who, who),
            "when": np.append(old.when, when),
            "event": np.append(old.event, event),
        }
    )
    return rows.duplicated().to_numpy()[len(old.who) :]


def _joined(old: Entries, new: Entries) -> Entries:
    return Entries(
        new.customers,
        np.append(old.who, new.who),
        np.append(old.when, new.when),
        np.append(old.event, new.event),
        np.append(old.after, new.after),
        np.append(old.rank, new.rank),
        np.append(old.contested, new.contested),
    )


def _against_log(now: Applied, is_new: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """In applied order, which new entries contradict an entry of the log."""
    new, against = is_new[now.order], now.against.copy()
    against[1:] &= new[1:] & ~new[:-1]
    return against


def _closed_guards(
    book: pd.DataFrame, facts: pd.DataFrame | None, accepted: Ints, model: StageModel
) -> npt.NDArray[np.bool_]:
    """For each event and stage, whether the guard of that move fails."""
    closed = np.zeros((len(accepted), len(model.stages)), dtype=np.bool_)
    if facts is None:
        return closed
    event = book["event"].astype(object).map(str).to_numpy()
    for move in model.moves:
        guard = model.guard(move)
        rows = np.flatnonzero(event == move.event)
        if guard is not None and len(rows):
            shut = guard.decide_codes(facts.iloc[accepted[rows]]).outcome == 1
            closed[rows[shut], model.stage_names.index(move.before)] = True
    return closed


def _appended(
    book: pd.DataFrame,
    both: Entries,
    now: Applied,
    kept: npt.NDArray[np.bool_],
    day: np.datetime64,
    model: StageModel,
) -> pd.DataFrame:
    """The accepted events as entries, in order of customer, date and the model's events."""
    rows = np.flatnonzero(kept)
    before, after = now.before[now.place[rows]], now.stage[now.place[rows]]
    event = both.event[rows]
    rules = np.array(model.stage_names, dtype=object)[before] + ":"
    rules += np.array(model.event_names, dtype=object)[event]
    rules[now.refused[now.place[rows]] == CONTRADICTORY] = CONTRADICTORY_RULE
    cause = book["cause"].to_numpy(dtype=object) if "cause" in book else None
    made = pd.DataFrame(
        {
            "customer_id": both.customers.take(both.who[rows]),
            "date": both.when[rows],
            "event": categorical(event, model.event_names),
            "before": categorical(before, model.stage_names),
            "after": categorical(after, model.stage_names),
            "rule": rules,
            "cause": pd.Series(cause, index=range(len(rows)), dtype=object),
            "recorded": np.full(len(rows), day.astype("datetime64[s]")),
        }
    )
    order = np.lexsort((both.rank[rows], both.when[rows], both.who[rows]))
    return made.iloc[order].reset_index(drop=True)


def _tidy(log: object, model: StageModel) -> pd.DataFrame:
    """The old log with the model's categories, which appending then keeps."""
    frame = as_frame(log)
    kinds = {"event": model.event_names, "before": model.stage_names, "after": model.stage_names}
    return frame.assign(
        **{
            c: words_of(frame[c], f"log.{c}").set_categories(list(k))
            for c, k in kinds.items()
            if c in frame
        }
    )


def _next_entry(log: object) -> int:
    frame = as_frame(log)
    return int(entry_numbers(frame).max()) + 1 if "entry" in frame and len(frame) else 0


def _changes(
    log: object, old: Entries, was: Applied, now: Applied, model: StageModel
) -> pd.DataFrame:
    """Old entries after which the stage differs from what it was before recording."""
    size = len(old.when)
    before, after = was.stage[was.place], now.stage[now.place[:size]]
    rows = np.flatnonzero(before != after)
    frame = as_frame(log)
    if size == 0:
        frame = pd.DataFrame(columns=["entry", "customer_id", "date", "event"])
    changes = frame.iloc[rows][["entry", "customer_id", "date", "event"]].reset_index(drop=True)
    changes["was"] = categorical(before[rows], model.stage_names)
    changes["now"] = categorical(after[rows], model.stage_names)
    changes["superseded"] = (now.refused[now.place[:size]] != ACCEPTED)[rows]
    return changes
