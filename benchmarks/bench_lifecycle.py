"""Lifecycle speed: moves by lookup, stages by table, histories in one pass.

Compared with: ``pip install transitions python-statemachine``. Run
``python benchmarks/bench_lifecycle.py [--quick]``; ``--quick`` is a hundredth of the size.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from bankcrm.lifecycle import (
    assign_stages,
    migration_matrix,
    month_ends,
    stage_history,
    stage_model,
    transition_frame,
)
from bankcrm.lifecycle.log.apply import next_stage
from bankcrm.policy import default_policy
from rivals import rival
from timing import compare, peak_memory_mb

QUICK = "--quick" in sys.argv
SCALE = 100 if QUICK else 1
MODEL = stage_model()


def moves() -> None:
    size = 10_000_000 // SCALE
    rng = np.random.default_rng(1)
    stage = rng.integers(0, len(MODEL.stages), size).astype(np.int8)
    event = rng.integers(0, len(MODEL.events), size).astype(np.int8)
    stages = pd.Series(pd.Categorical.from_codes(stage, categories=list(MODEL.stage_names)))
    events = pd.Series(pd.Categorical.from_codes(event, categories=list(MODEL.event_names)))
    table = next_stage(MODEL)
    compare(
        f"transition_frame, {size:,} customers, vs table[stage, event]",
        lambda: transition_frame(stages, events),
        lambda: table[stage, event],
        limit=3,
    )
    some = min(size, 20_000)
    names = [
        (MODEL.stage_names[s], MODEL.event_names[e])
        for s, e in zip(stage[:some], event[:some], strict=True)
    ]
    ours = _best(lambda: transition_frame(stages, events)) / size
    for name, make in (("transitions", _transitions), ("statemachine", _statemachine)):
        if (library := rival(name)) is None:
            continue
        theirs = _best(make(library, names), 2) / some
        times = theirs / ours
        verdict = "ok" if times >= 500 else "MISSED"
        print(
            f"rate against {name:<20} {1 / ours:14,.0f}/s against {1 / theirs:10,.0f}/s "
            f"= {times:8,.0f} times  at least 500  {verdict}"
        )


def _best(run: Callable[[], object], repeat: int = 3) -> float:
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def _transitions(library: Any, names: list[tuple[str, str]]) -> Callable[[], object]:
    class Customer:
        state: str

    machine = library.Machine(
        Customer(),
        states=list(MODEL.stage_names),
        initial=MODEL.initial,
        transitions=[[m.event, m.before, m.after] for m in MODEL.moves],
        ignore_invalid_triggers=True,
    )
    customer = machine.model

    def run() -> None:
        for stage, event in names:
            machine.set_state(stage)
            customer.trigger(event)

    return run


def _statemachine(library: Any, names: list[tuple[str, str]]) -> Callable[[], object]:
    states = {s: library.State(s, initial=s == MODEL.initial) for s in MODEL.stage_names}
    body: dict[str, Any] = {f"in_{s}": state for s, state in states.items()}
    body["allow_event_without_transition"] = True
    for event in MODEL.event_names:
        paths = [states[m.before].to(states[m.after]) for m in MODEL.moves if m.event == event]
        joined = paths[0]
        for path in paths[1:]:
            joined = joined | path
        body[event] = joined
    machine = type("Customer", (library.StateMachine,), body)()
    values = {s: state.value for s, state in states.items()}

    def run() -> None:
        for stage, event in names:
            machine.current_state_value = values[stage]
            machine.send(event)

    return run


STAGE_OF_RULE = (5, 1, 1, 0, 2, 3, 5, 5, 4, 4, 3)


def stages() -> None:
    size = 10_000_000 // SCALE
    rng = np.random.default_rng(2)
    kind = (rng.random(size) < 0.1).astype(np.int8)
    since = rng.integers(0, 3000, size)
    idle = np.minimum(since, rng.integers(0, 700, size))
    contract = rng.random(size) < 0.9
    facts = pd.DataFrame(
        {
            "kind": pd.Categorical.from_codes(kind, categories=["person", "company"]),
            "has_contract": contract,
            "closed": rng.random(size) < 0.05,
            "contacted": rng.random(size) < 0.5,
            "inquired": rng.random(size) < 0.3,
            "quiet_product": rng.random(size) < 0.2,
            "days_since_contract": pd.arrays.IntegerArray(since, ~contract),
            "days_idle": pd.arrays.IntegerArray(idle, ~contract),
            "activity_ratio": rng.random(size) * 2,
        },
        copy=False,
    )
    policy = default_policy("lifecycle")
    compare(
        f"assign_stages, {size:,} customers, vs numpy.select",
        lambda: assign_stages(facts, policy=policy),
        lambda: _selected(facts),
        limit=2,
        repeat=3,
    )
    same = assign_stages(facts, policy=policy)
    if not same["stage"].equals(_selected(facts)["stage"]):
        raise SystemExit("assign_stages and numpy.select differ")
    if compiled := _compiled():
        if not same["stage"].equals(_in_columns(*compiled(*_arrays(facts)))["stage"]):
            raise SystemExit("assign_stages and numba's loop differ")
        compare(
            f"assign_stages, {size:,} customers, beside a compiled loop",
            lambda: assign_stages(facts, policy=policy),
            {"numba": lambda: _in_columns(*compiled(*_arrays(facts)))},
        )


def _selected(facts: pd.DataFrame) -> pd.DataFrame:
    """The same rules written by hand on arrays, with the same two columns."""
    person = facts["kind"].cat.codes.to_numpy() == 0
    since = facts["days_since_contract"].array._data
    idle = facts["days_idle"].array._data
    unsigned = ~facts["has_contract"].to_numpy()
    asleep = facts["activity_ratio"].to_numpy() < 0.5
    conditions = [
        facts["closed"].to_numpy(),
        unsigned & facts["inquired"].to_numpy(),
        unsigned & facts["contacted"].to_numpy(),
        unsigned,
        since < 90,
        facts["quiet_product"].to_numpy(),
        person & (idle >= 365),
        ~person & (idle >= 540),
        person & (idle >= 90) & asleep,
        ~person & (idle >= 120) & asleep,
    ]
    rule = np.select(conditions, np.arange(10, dtype=np.int8), np.int8(10))
    return _in_columns(np.array(STAGE_OF_RULE, dtype=np.int8)[rule], rule)


def _in_columns(stage: Any, rule: Any) -> pd.DataFrame:
    table = default_policy("lifecycle").table("stage")
    return pd.DataFrame(
        {
            "stage": pd.Categorical.from_codes(stage, categories=list(table.vocabulary)),
            "stage_rule": pd.Categorical.from_codes(rule, categories=[r.id for r in table.rules]),
        },
        copy=False,
    )


def _arrays(facts: pd.DataFrame) -> list[Any]:
    plain = ("closed", "has_contract", "inquired", "contacted", "quiet_product")
    return [
        facts["kind"].cat.codes.to_numpy(),
        *(facts[name].to_numpy() for name in plain),
        *(facts[name].array._data for name in ("days_since_contract", "days_idle")),
        facts["activity_ratio"].to_numpy(),
    ]


def _compiled() -> Callable[..., Any] | None:
    """The same rules as one compiled loop over the customers."""
    if (numba := rival("numba")) is None:
        return None
    stage_of_rule = np.array(STAGE_OF_RULE, dtype=np.int8)

    def loop(
        kind: Any, closed: Any, signed: Any, inquired: Any, contacted: Any, quiet: Any,
        since: Any, idle: Any, ratio: Any,
    ) -> tuple[Any, Any]:  # fmt: skip
        stage, rule = np.empty((2, len(kind)), np.int8)
        for i in range(len(kind)):
            gone, slow = (365, 90) if kind[i] == 0 else (540, 120)
            if closed[i]:
                found = 0
            elif not signed[i]:
                found = 1 if inquired[i] else 2 if contacted[i] else 3
            elif since[i] < 90:
                found = 4
            elif quiet[i]:
                found = 5
            elif idle[i] >= gone:
                found = 6 if kind[i] == 0 else 7
            elif idle[i] >= slow and ratio[i] < 0.5:
                found = 8 if kind[i] == 0 else 9
            else:
                found = 10
            rule[i], stage[i] = found, stage_of_rule[found]
        return stage, rule

    made: Callable[..., Any] = numba.njit(loop)
    return made


def history() -> None:
    ends = month_ends("2023-01", "2025-12")
    kinds = ["card", "cash_out", "transfer_in", "interest", "fee"]
    print()
    for part in (4, 1):
        customers, rows = 1_000_000 // SCALE // part, 20_000_000 // SCALE // part
        rng = np.random.default_rng(3)
        start = np.datetime64("2022-01-01", "s")
        signed = start + rng.integers(0, 1100, customers) * np.timedelta64(86_400, "s")
        book = pd.DataFrame({"customer_id": np.arange(customers), "contract_date": signed})
        kind = pd.Categorical.from_codes(rng.integers(0, 5, rows).astype(np.int8), categories=kinds)
        moved = pd.DataFrame(
            {
                "customer_id": rng.integers(0, customers, rows),
                "date": start + rng.integers(0, 1460, rows) * np.timedelta64(86_400, "s"),
                "kind": kind,
            },
            copy=False,
        )
        before = peak_memory_mb()
        begun = time.perf_counter()
        result = stage_history(book, moved, dates=ends)
        took = time.perf_counter() - begun
        print(
            f"stage_history {customers:>9,} customers x {len(ends)} dates, {rows:>10,} movements: "
            f"{took:7.2f} s = {took / rows * 1e9:5.0f} ns per movement, "
            f"peak {peak_memory_mb():6,.0f} MB ({before:,.0f} MB before)"
        )
        del book, moved
    begun = time.perf_counter()
    migration_matrix(result)
    print(f"migration_matrix of that history: {time.perf_counter() - begun:.2f} s")


if __name__ == "__main__":
    moves()
    stages()
    history()
