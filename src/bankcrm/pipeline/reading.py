"""What a review, an explanation, a simulation and a report read from the table of steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bankcrm.pipeline.step import Decision, Step
from bankcrm.policy import PolicySet
from bankcrm.rules import Trace


def decisions_of(steps: Sequence[Step]) -> Iterator[tuple[Step, Decision]]:
    """Every decision with its step, in order."""
    for step in steps:
        for decision in step.decisions:
            yield step, decision


def shown_columns(steps: Sequence[Step]) -> list[str]:
    """The columns that a review shows, in order."""
    return [column for step in steps for column in step.columns]


def counted_columns(steps: Sequence[Step]) -> list[str]:
    """The outcomes that a summary counts, in order."""
    return [d.outcome for _, d in decisions_of(steps) if d.counted]


def explain(row: Mapping[str, Any], steps: Sequence[Step], policies: PolicySet) -> dict[str, Trace]:
    """Why one row was decided as it was: table id -> trace, in the order of the decisions.

    Tables whose facts the row does not have, or that do not apply to it, are left out.

    Args:
        row: Every fact and outcome of the row.
        steps: The steps.
        policies: What decided.
    """
    traces: dict[str, Trace] = {}
    for step, decision in decisions_of(steps):
        if decision.where and not row[decision.where]:
            continue
        facts = {**row, **{f: row[c] for f, c in decision.columns.items() if c in row}}
        trace = policies[step.domain].table(decision.table).explain(facts)
        if not trace.decision.missing:
            traces[decision.table] = trace
    return traces
