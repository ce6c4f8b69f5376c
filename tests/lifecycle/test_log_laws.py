"""A log that grows by batches of events is that of a loop over each customer's entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest

from bankcrm.errors import IllegalTransitionError
from bankcrm.lifecycle import (
    Move,
    StageModel,
    append_events,
    replay,
    stage_log,
    stage_model,
    transition,
)
from bankcrm.lifecycle.log.apply import LOG_COLUMNS, REJECTIONS
from bankcrm.lifecycle.model import MODELS, Term

DAYS = pd.to_datetime(["2026-01-30", "2026-02-28", "2026-03-31"])
BATCHES = tuple((day.strftime("%Y-%m-%d"), day + pd.Timedelta(days=1)) for day in DAYS)


RING = StageModel(
    id="ring",
    initial="a",
    stages=(Term("a"), Term("b"), Term("c")),
    events=(Term("on"), Term("back"), Term("out"), Term("home")),
    moves=(
        *(Move(one, "on", two) for one, two in ("ab", "bc", "ca")),
        *(Move(one, "back", two) for one, two in ("ac", "ba", "cb")),
        *(Move("b", "out", "c"), Move("b", "home", "a"), Move("c", "home", "a")),
    ),
)
"""A model in which every stage can be reached again, the first one too."""


@attrs.define(eq=False)
class Row:
    """One entry: an event, with the facts that its guard reads, or a stage that is set."""

    customer: Any
    when: Any
    event: str | None
    after: str | None = None
    order: int = 0
    contested: bool = True
    facts: dict[str, Any] | None = None


def path(model: StageModel, stage: str, events: Sequence[str]) -> list[str] | None:
    """The stages after each event; None where one of them is not legal."""
    stages = []
    for event in events:
        move = model.move(stage, event)
        if move is None:
            return None
        stages.append(stage := move.after)
    return stages


def contradict(model: StageModel, stage: str, one: str, two: str) -> bool:
    orders = [p for p in (path(model, stage, e) for e in ([one, two], [two, one])) if p]
    if len(orders) == 2:
        return orders[0][-1] != orders[1][-1]
    return any(between != stage == end for between, end in orders)


def walk(rows: list[Row], model: StageModel) -> list[tuple[str, str, str]]:
    """The stage before and after each of a customer's entries, and why it has no effect.

    The second of two that contradict each other has the reason ``against``.
    """
    stage, found, clash = model.initial, [], dict[int, str]()
    for k, row in enumerate(rows):
        if k not in clash and k + 1 < len(rows):
            then = rows[k + 1]
            both = row.event and then.event and then.contested and row.when == then.when
            if both and contradict(model, stage, row.event, then.event):
                clash |= {k: "contradictory", k + 1: "against"}
        after, reason = row.after, clash.get(k, "")
        if row.event and not reason:
            try:
                after = transition(stage, row.event, model=model, facts=row.facts).after
            except IllegalTransitionError as refused:
                reason = "guard_failed" if "guard failed" in str(refused) else "no_such_move"
        after = stage if reason else after
        found.append((stage, after, reason))
        stage = after
    return found


def in_order(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda r: (r.when, r.order))


def why_not(row: Row, log: list[Row], earlier: list[Row], until: Any, model: StageModel) -> str:
    """Why an event is not even tried; empty if it is."""
    known = [o for o in log if o.customer == row.customer]
    same = (row.customer, row.when, row.event)
    if row.customer is None:
        return "missing_customer"
    if pd.isna(row.when):
        return "missing_date"
    if row.event is None:
        return "missing_event"
    if row.event not in model.event_names:
        return "unknown_event"
    if row.when >= until:
        return "after_recording"
    if same in [(o.customer, o.when, o.event) for o in (*log, *earlier)]:
        return "duplicate"
    return "before_first_contact" if known and row.when < min(o.when for o in known) else ""


def drawn(rng: np.random.Generator, model: StageModel, last: Any, size: int) -> list[Row]:
    """Events of some customers; many of them share an instant."""
    some = last - pd.to_timedelta(rng.integers(-30, 900, 4), unit="h")
    shared = pd.to_datetime(["2026-01-25", "2026-01-27"])  # by all batches
    instants = [*some, *shared, last, last - pd.Timedelta(days=1)]
    events = [*model.event_names] * 4 + ["unknown", None]
    return [
        Row(
            rng.choice([*range(8)] * 3 + [None]),
            rng.choice([*instants * 4, pd.NaT]),
            rng.choice(events),
            facts={
                "closed": bool(rng.random() < 0.2),
                "days_idle": int(rng.integers(0, 800)),
                "value_trend": float(rng.normal(0, 0.2)),
            },
        )
        for _ in range(size)
    ]


@pytest.mark.parametrize("guarded", [True, False])
@pytest.mark.parametrize("model", [*map(stage_model, MODELS), RING], ids=lambda m: m.id)
@pytest.mark.parametrize("seed", range(3))
def test_batches_of_events_are_applied_as_one_customer_at_a_time(
    model: StageModel, guarded: bool, seed: int
) -> None:
    rng = np.random.default_rng([seed, guarded])
    log = pd.DataFrame()
    rows: list[Row] = []  # of the log, in order of entry
    if seed:
        stages = rng.choice([*model.stage_names], (4, 2))
        days = pd.to_datetime(["2026-01-05", "2026-01-25"])
        history = pd.DataFrame(
            [(c, d, s) for c in range(4) for d, s in zip(days, stages[c], strict=True)],
            columns=["customer_id", "date", "stage"],
        )
        log = stage_log(history, model=model)
        rows = [
            Row(
                e.customer_id, e.date, e.event if isinstance(e.event, str) else None, e.after,
                e.entry, False,
            )
            for e in log.itertuples()
        ]  # fmt: skip
    for day, until in BATCHES:
        new = drawn(rng, model, until, 40)
        frame = pd.DataFrame(
            {
                "customer_id": pd.array([r.customer for r in new], dtype="Int64"),
                "date": pd.to_datetime([r.when for r in new]),
                "event": pd.Series([r.event for r in new], dtype=object),
            }
        )
        facts = pd.DataFrame([r.facts for r in new]) if guarded else None
        done = append_events(log, frame, as_of=day, model=model, facts=facts)
        reasons = [why_not(r, rows, new[:i], until, model) for i, r in enumerate(new)]
        tried = [r for r, reason in zip(new, reasons, strict=True) if not reason]
        for row in tried:
            row.order = len(rows) + model.event_names.index(row.event)
            row.facts = row.facts if guarded else None
        stages = dict[int, str]()  # id of a row -> the stage at the time
        added: list[tuple[Row, str, str, str]] = []
        changes = []
        for customer in sorted({r.customer for r in (*rows, *tried)}):
            old = in_order([r for r in rows if r.customer == customer])
            whole = in_order(old + [r for r in tried if r.customer == customer])
            was = {id(r): a for r, (_, a, _) in zip(old, walk(old, model), strict=True)}
            steps = walk(whole, model)
            for k, (row, (before, after, reason)) in enumerate(zip(whole, steps, strict=True)):
                stages[id(row)] = before
                if id(row) in was:
                    if after != was[id(row)]:
                        changes.append([row.order, was[id(row)], after, bool(reason)])
                elif not reason:
                    added.append((row, before, after, f"{before}:{row.event}"))
                elif reason == "against" and id(whole[k - 1]) in was:
                    added.append((row, before, after, "contradictory"))
                else:
                    reasons[new.index(row)] = reason.replace("against", "contradictory")
        rejected = [i for i, reason in enumerate(reasons) if reason]
        assert done.rejected.index.tolist() == rejected
        assert done.rejected["reason"].tolist() == [reasons[i] for i in rejected]
        found = done.rejected["stage"].astype(object)
        assert [s if isinstance(s, str) else None for s in found] == [
            stages.get(id(new[i])) for i in rejected
        ]
        fresh = done.log.iloc[len(log) :].sort_values("customer_id", kind="stable")
        columns = ["customer_id", "date", "event", "before", "after", "rule"]
        assert fresh[columns].to_numpy(dtype=object).tolist() == [
            [r.customer, r.when, r.event, before, after, rule] for r, before, after, rule in added
        ]
        assert done.log["entry"].tolist() == list(range(len(done.log)))
        assert done.log.index.tolist() == list(range(len(done.log)))
        assert tuple(done.log.columns) == LOG_COLUMNS
        assert done.changes.columns.tolist() == [
            *("entry", "customer_id", "date", "event", "was", "now", "superseded")
        ]
        found = done.changes[["entry", "was", "now", "superseded"]]
        assert found.to_numpy(dtype=object).tolist() == sorted(changes)
        for (row, _, _, rule), entry in zip(added, fresh["entry"].tolist(), strict=True):
            row.order, row.contested, row.facts = entry, rule == "contradictory", None
            rows.append(row)
        log = done.log
        for at in (day, "2026-01-15", "2026-03-20"):
            until_then = pd.Timestamp(at) + pd.Timedelta(days=1)
            expected = slow_replay([r for r in rows if r.when < until_then], model)
            replayed = replay(log, as_of=at, model=model).astype(object)
            assert replayed.T.to_dict("list") == expected


def slow_replay(rows: list[Row], model: StageModel) -> dict[Any, list[Any]]:
    """The stage of each customer, the furthest, and since when."""
    found: dict[Any, list[Any]] = {}
    order = model.stage_names
    for customer in sorted({r.customer for r in rows}):
        own = in_order([r for r in rows if r.customer == customer])
        for row, (before, after, reason) in zip(own, walk(own, model), strict=True):
            if reason:
                continue
            furthest = order[model.progress[order.index(after)]]
            stage, most, since = found.get(customer, [None, furthest, None])
            if stage is None or before != after:
                since = row.when
            found[customer] = [after, max(most, furthest, key=order.index), since]
    return found


def test_two_events_contradict_each_other_beside_two_of_the_log_that_do() -> None:
    def at_once(*names: str) -> pd.DataFrame:
        return pd.DataFrame({"customer_id": 1, "date": pd.Timestamp("2026-02-01"), "event": names})

    history = pd.DataFrame({"customer_id": [1], "date": ["2026-01-31"], "stage": ["lost"]})
    log = stage_log(history.astype({"date": "datetime64[s]"}))
    for event in ("contract_signed", "closed"):
        log = append_events(log, at_once(event), as_of="2026-02-01").log
    assert log["rule"].tolist()[1:] == ["lost:contract_signed", "contradictory"]
    both = append_events(log, at_once("won_back", "went_silent"), as_of="2026-02-01")
    assert both.rejected["reason"].tolist() == ["contradictory"] * 2
    assert len(both.log) == len(log)


def test_what_was_appended_is_shown_with_the_reasons_of_what_was_not() -> None:
    day = pd.Timestamp("2026-02-01")
    events = pd.DataFrame(
        {"customer_id": [1, 1, 2], "date": day, "event": ["contacted", "nothing", "reactivated"]}
    )
    done = append_events(pd.DataFrame(), events, as_of=day)
    assert repr(done) == (
        "<Appended: log entries 1, rejected 2, old entries whose stage changed 0>"
    )
    shown = done._repr_html_()
    for reason in REJECTIONS:
        assert (reason in shown) == (reason in ("unknown_event", "no_such_move"))
