"""One case decided and explained: the scalar half of the kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import attrs

from bankcrm._display import card, figures_of, stamp
from bankcrm.arguments import as_choice
from bankcrm.errors import MissingFactError
from bankcrm.rules.compiled import Cell, Compiled, Row
from bankcrm.rules.model import HitPolicy, OnMissing
from bankcrm.rules.values import FrozenDict, read, show

Status = Literal["passed", "failed", "unknown"]


@attrs.frozen
class Decision:
    """An outcome with the rule and the facts behind it.

    Attributes:
        outcome: The outcome; None where the case is undecided. A tuple under ``collect``.
        rule: Id of the rule that decided; ids joined by ``+`` under the collecting policies.
        source: The source of the rule.
        because: The reason in words; without an outcome, why there is none, where that is known.
        evidence: The facts that the rule reads, with their values.
        table: The table's id.
        version: The table's version.
        fingerprint: The table's SHA-256.
        owner: The plug-in that added the rule; empty for a rule of the policy.
        missing: The missing fact that left the case undecided; empty otherwise.
    """

    outcome: Any
    rule: str | None
    source: str
    because: str
    evidence: Mapping[str, object]
    table: str
    version: str
    fingerprint: str
    owner: str = ""
    missing: str = ""

    def __str__(self) -> str:
        seen = ", ".join(f"{k}={v}" for k, v in self.evidence.items())
        reason = f": {self.because}" if self.because else ""
        if self.missing:
            return f"{self.table}: undecided, {self.missing} is missing{reason}"
        if self.rule is None:
            return f"{self.table}: no outcome{reason}"
        return f"{self.table}: {self.outcome} by {self.rule} ({self.source}){reason} [{seen}]"

    def _repr_html_(self) -> str:
        outcome = "undecided" if self.rule is None else str(self.outcome)
        figures = figures_of(self, "rule", "because", "source", "evidence", "owner", "missing")
        kept = {k: v for k, v in figures.items() if v != "-"}
        return card(f"{self.table}: {outcome}", kept, note=stamp(self.version, self.fingerprint))


def decide(table: Compiled, facts: Mapping[str, object], on_missing: OnMissing) -> Decision:
    """Decide one case; see `bankcrm.rules.DecisionTable.decide`."""
    check_on_missing(on_missing)
    seen = _read_facts(table, facts)
    hits, unknown_fact = _matches(table, seen)
    if unknown_fact is not None:
        if on_missing == "raise":
            raise MissingFactError(_missing_text(table, unknown_fact))
        return _decision(table, None, [], {}, missing=unknown_fact)
    if table.hit_policy.collects:
        outcome = aggregate(table.hit_policy, [h.rule.then for h in hits])
    elif hits:
        outcome = hits[0].rule.then
    else:
        raise _no_rule(table, seen)
    names = dict.fromkeys(c.fact for h in hits for c in h.cells) or table.facts
    return _decision(table, outcome, hits, {n: facts.get(n) for n in names})


def check_on_missing(on_missing: OnMissing) -> None:
    """Refuse a word that would otherwise silently mean one of the two."""
    as_choice(on_missing, get_args(OnMissing), "on_missing")


def _read_facts(table: Compiled, facts: Mapping[str, object]) -> dict[str, Any]:
    return {name: read(facts.get(name), f, name) for name, f in table.facts.items()}


def _matches(table: Compiled, seen: dict[str, Any]) -> tuple[list[Row], str | None]:
    """The rules that apply, in table order, and the missing fact that stops the case, if any."""
    in_order, collects = table.in_order, table.hit_policy.collects
    hits: list[Row] = []
    unknown_fact: str | None = None
    for row in table.rows:
        if row.otherwise and (hits or unknown_fact) and not in_order:
            continue  # the otherwise-rule is evaluated only if no other rule may apply
        applies, unknown = _applies(row, seen)
        if not applies:
            continue
        if unknown is None:
            hits.append(row)
            if not collects:
                return hits, None
        else:
            unknown_fact = unknown_fact or unknown
            if in_order:
                return hits, unknown_fact
    return sorted(hits, key=lambda row: row.index), unknown_fact


def _applies(row: Row, seen: dict[str, Any]) -> tuple[bool, str | None]:
    """Whether no cell fails, and the first fact that is not known."""
    unknown = None
    for cell in row.cells:
        value = seen[cell.fact]
        predicate = cell.predicate
        if predicate is None:
            if (value is None) != (cell.needs == "missing"):
                return False, None
        elif value is None:
            unknown = unknown or cell.fact
        elif not predicate(value):
            return False, None
    return True, unknown


def _decision(
    table: Compiled,
    outcome: Any,
    hits: list[Row],
    evidence: Mapping[str, object],
    missing: str = "",
) -> Decision:
    rules = [hit.rule for hit in hits]
    undecided = bool(missing)
    return Decision(
        outcome=outcome,
        rule=None if undecided else "+".join(r.id for r in rules),
        source="; ".join(dict.fromkeys(r.source for r in rules)),
        because="; ".join(r.because for r in rules if r.because),
        evidence=FrozenDict(evidence),
        table=table.id,
        version=table.version,
        fingerprint=table.fingerprint,
        owner="; ".join(dict.fromkeys(r.owner for r in rules if r.owner)),
        missing=missing,
    )


def aggregate(policy: HitPolicy, outcomes: list[Any]) -> Any:
    """The outcome of a collecting table from the outcomes of the rules that apply."""
    if policy is HitPolicy.COLLECT:
        return tuple(outcomes)
    if policy is HitPolicy.COUNT:
        return len(outcomes)
    if policy is HitPolicy.SUM:
        return sum(outcomes)
    pick: Callable[[list[Any]], Any] = min if policy is HitPolicy.MIN else max
    return pick(outcomes) if outcomes else None


def _missing_text(table: Compiled, fact: str) -> str:
    return (
        f"table {table.id!r}: fact {fact!r} is missing, so no rule can be chosen for certain; "
        "give the fact, add a rule that tests 'missing', or pass on_missing='undecided'"
    )


def _no_rule(table: Compiled, seen: Mapping[str, object]) -> MissingFactError:
    shown = ", ".join(f"{k}={v!r}" for k, v in seen.items())
    return MissingFactError(
        f"table {table.id!r}: no rule applies to {shown}; add an otherwise-rule (empty 'when')"
    )


@attrs.frozen
class CellTrace:
    """One test of an explained rule, with the value seen."""

    fact: str
    test: str
    value: object
    status: Status


@attrs.frozen
class RuleTrace:
    """One rule of an explained decision, with its tests."""

    rule: str
    outcome: Any
    source: str
    status: Status
    cells: tuple[CellTrace, ...]


@attrs.frozen
class Trace:
    """Every rule and test of a table for one case; print it to read it."""

    table: str
    version: str
    decision: Decision
    rules: tuple[RuleTrace, ...]

    def __str__(self) -> str:
        lines = [str(self.decision)]
        for r in self.rules:
            chosen = "->" if r.rule in (self.decision.rule or "").split("+") else "  "
            lines.append(f"{chosen} {r.status:<8}{r.rule}: {r.outcome} ({r.source})")
            lines += [f"     {c.status:<8}{c.fact} {c.test}, saw {c.value}" for c in r.cells]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        d = self.decision
        rows = [
            {
                "": "→" if r.rule in (d.rule or "").split("+") else " ",
                "rule": r.rule,
                "status": r.status,
                "outcome": r.outcome,
                "cells": tuple(f"{c.fact} {c.test}, saw {c.value}: {c.status}" for c in r.cells),
                "source": r.source,
            }
            for r in self.rules
        ]
        return card(str(d), rows=rows, note=stamp(d.version, d.fingerprint))


def trace(table: Compiled, facts: Mapping[str, object]) -> Trace:
    """Explain one case; see `bankcrm.rules.DecisionTable.explain`."""
    seen = _read_facts(table, facts)
    rules = tuple(_rule_trace(table, row, seen) for row in table.table_rows)
    return Trace(table.id, table.version, decide(table, facts, "undecided"), rules)


def _rule_trace(table: Compiled, row: Row, seen: dict[str, Any]) -> RuleTrace:
    cells = tuple(_cell_trace(table, cell, seen[cell.fact]) for cell in row.cells)
    statuses = [c.status for c in cells]
    overall: Status = "unknown" if "unknown" in statuses else "passed"
    overall = "failed" if "failed" in statuses else overall
    return RuleTrace(row.rule.id, row.rule.then, row.rule.source, overall, cells)


def _cell_trace(table: Compiled, cell: Cell, value: Any) -> CellTrace:
    seen = show(value, table.facts[cell.fact].type)
    return CellTrace(cell.fact, str(cell.test), seen, _status(cell, value))


def _status(cell: Cell, value: Any) -> Status:
    if cell.predicate is None:
        passed = (value is None) == (cell.needs == "missing")
    elif value is None:
        return "unknown"
    else:
        passed = bool(cell.predicate(value))
    return "passed" if passed else "failed"
