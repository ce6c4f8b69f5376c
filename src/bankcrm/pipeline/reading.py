"""What a review, an explanation, a simulation and a report read from the table of steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import pandas as pd

from bankcrm.errors import UnknownNameError
from bankcrm.pipeline.step import CUSTOMER, Decision, Step
from bankcrm.policy import PolicySet
from bankcrm.rules import Decision as RuleDecision
from bankcrm.rules import DecisionTable, Trace


def decisions_of(steps: Sequence[Step]) -> Iterator[tuple[Step, Decision]]:
    """Every decision with its step, in order."""
    for step in steps:
        for decision in step.decisions:
            yield step, decision


def shown_columns(steps: Sequence[Step]) -> list[str]:
    """The columns that a review shows, in order."""
    return [column for step in steps for column in step.columns]


def counted_columns(steps: Sequence[Step]) -> list[str]:
    """The outcomes and other columns that a summary counts, in order."""
    outcomes = [d.outcome for _, d in decisions_of(steps) if d.counted]
    return [*outcomes, *(column for step in steps for column in step.counted)]


NOT_A_CUSTOMER = "does not apply: no relationship with the bank on the day"


def not_applicable(where: str) -> str:
    """Why a decision does not apply to the rows where a column is false.

    >>> not_applicable("has_loan")
    'does not apply: has_loan is false'
    """
    return NOT_A_CUSTOMER if where == CUSTOMER else f"does not apply: {where} is false"


def explain(
    row: Mapping[str, Any],
    steps: Sequence[Step],
    policies: PolicySet,
    reasons: Mapping[str, str],
) -> dict[str, Trace]:
    """Why one row was decided as it was: table id -> trace, in the order of the decisions.

    A table without an outcome for the row says why: it does not apply, or a fact is missing.

    Args:
        row: Every fact and outcome of the row.
        steps: The steps.
        policies: What decided.
        reasons: Result -> why it is null in the whole book.
    """
    traces: dict[str, Trace] = {}
    for step, decision in decisions_of(steps):
        facts = {**row, **{f: row[c] for f, c in decision.columns.items() if c in row}}
        trace = policies[step.domain].table(decision.table).explain(facts)
        because = reasons.get(decision.outcome or decision.rule_column, "")
        where = step.where_of(decision)
        if where and not row[where]:
            trace = attrs.evolve(trace, rules=(), decision=_none(trace.decision, where))
        elif trace.decision.missing and because:
            found = attrs.evolve(trace.decision, because=because)
            trace = attrs.evolve(trace, decision=found)
        traces[decision.table] = trace
    return traces


def _none(decision: RuleDecision, where: str) -> RuleDecision:
    """The decision of a table that does not apply."""
    return attrs.evolve(
        decision, outcome=None, rule=None, source="", because=not_applicable(where), evidence={},
        owner="", missing="",
    )  # fmt: skip


def null_reasons(
    facts: pd.DataFrame,
    column: str,
    steps: Sequence[Step],
    policies: PolicySet,
    reasons: Mapping[str, str],
) -> pd.Series:
    """Why each value of a result is null; null where the value is there.

    Args:
        facts: Every fact and outcome, one row per customer.
        column: The result.
        steps: The steps.
        policies: What decided.
        reasons: Result -> why it is null in the whole book.

    Raises:
        UnknownNameError: The steps have no such result.
    """
    known = {c: s for s in steps for c in (*s.results, *(d.rule_column for d in s.decisions))}
    if column not in known:
        raise UnknownNameError("result", column, known)
    step = known[column]
    decision = next((d for d in step.decisions if column in (d.outcome, d.rule_column)), None)
    result = column if decision is None else decision.outcome or decision.rule_column
    why = pd.Series(reasons.get(result, step.unknown), index=facts.index, dtype=object)
    if decision is not None and result not in reasons:
        why = _missing_facts(decision, facts, policies[step.domain].table(decision.table))
    where = step.where if decision is None else step.where_of(decision)
    if where and where in facts:
        why = why.where(facts[where].to_numpy(np.bool_), not_applicable(where))
    return why.where(facts[column].isna(), None)


def _missing_facts(decision: Decision, facts: pd.DataFrame, table: DecisionTable) -> pd.Series:
    """The name of the fact that left each row undecided, in words."""
    columns = {f: facts[c] for f in table.compiled.facts
               if (c := decision.columns.get(f, f)) in facts}  # fmt: skip
    made = table.decide_frame(pd.DataFrame(columns, index=facts.index), on_missing="undecided")
    missing = made["missing"].astype(object)
    return (missing + " is missing").where(missing.notna(), None)
