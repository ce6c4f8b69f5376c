"""One case decided and explained: the scalar half of the kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import attrs

from bankcrm._display import card, figures_of, stamp
from bankcrm.errors import DataError, MissingFactError
from bankcrm.rules.compiled import Cell, Row
from bankcrm.rules.values import FrozenDict, read, show

if TYPE_CHECKING:
    from bankcrm.rules.model import OnMissing
    from bankcrm.rules.table import DecisionTable

Status = Literal["passed", "failed", "unknown"]


@attrs.frozen
class Decision:
    """An outcome with its grounds.

    Args:
        outcome: what was decided; None where the case is undecided. Under ``collect`` a tuple.
        rule: id of the rule that decided; ids joined by ``+`` under the collecting policies.
        source: what the rule rests on.
        because: the reason in words.
        evidence: the facts that the rule looked at, with the values seen.
        table: the table's id.
        version: the table's version.
        fingerprint: the table's SHA-256.
        owner: the plug-in that brought the rule; empty for a policy's own.
        missing: the missing fact that left the case undecided; empty otherwise.
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
        if self.missing:
            return f"{self.table}: undecided, {self.missing} is missing"
        reason = f": {self.because}" if self.because else ""
        return f"{self.table}: {self.outcome} by {self.rule} ({self.source}){reason} [{seen}]"

    def _repr_html_(self) -> str:
        told = "undecided" if self.missing else str(self.outcome)
        figures = figures_of(self, "rule", "because", "source", "evidence", "owner", "missing")
        kept = {k: v for k, v in figures.items() if v != "-"}
        return card(f"{self.table}: {told}", kept, note=stamp(self.version, self.fingerprint))


def decide(table: DecisionTable, facts: Mapping[str, object], on_missing: OnMissing) -> Decision:
    """Decide one case; see `DecisionTable.decide`."""
    check_on_missing(on_missing)
    seen = {name: read(facts.get(name), f, name) for name, f in table.plan.facts.items()}
    hits, doubt = _matches(table, seen)
    if doubt is not None:
        if on_missing == "raise":
            raise MissingFactError(_missing_text(table, doubt))
        return _decision(table, None, None, {}, missing=doubt)
    if table.hit_policy.collects:
        return _collected(table, hits, facts)
    if not hits:
        raise _no_rule(table, seen)
    rule = hits[0].rule
    names = [c.fact for c in hits[0].cells] or list(table.plan.facts)
    return _decision(table, rule.then, rule, {n: facts.get(n) for n in names})


def check_on_missing(on_missing: object) -> None:
    """Refuse a word that would otherwise quietly mean one of the two."""
    if on_missing != "raise" and on_missing != "undecided":
        raise DataError(f"on_missing: expected 'raise' or 'undecided', saw {on_missing!r}")


def _matches(table: DecisionTable, seen: dict[str, Any]) -> tuple[list[Row], str | None]:
    """The rules that apply, and the missing fact that stops the case if there is one."""
    plan = table.plan
    all_of_them = table.hit_policy.collects
    hits: list[Row] = []
    doubt: str | None = None
    for row in plan.rows:
        if row.otherwise and (hits or doubt) and not plan.in_order:
            continue  # the otherwise-rule speaks only where no other may
        applies, unknown = _applies(row, seen)
        if not applies:
            continue
        if unknown is None:
            hits.append(row)
            if not all_of_them:
                return hits, None
        else:
            doubt = doubt or unknown
            if plan.in_order:
                return hits, doubt
    return hits, doubt


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
    table: DecisionTable,
    outcome: Any,
    rule: Any,
    evidence: Mapping[str, object],
    missing: str = "",
) -> Decision:
    source, because, owner = (rule.source, rule.because, rule.owner) if rule else ("", "", "")
    return Decision(
        outcome,
        rule.id if rule else None,
        source,
        because,
        FrozenDict(evidence),
        table.id,
        table.version,
        table.fingerprint,
        owner,
        missing,
    )


def _collected(table: DecisionTable, hits: list[Row], facts: Mapping[str, object]) -> Decision:
    rules = [h.rule for h in sorted(hits, key=lambda h: h.index)]
    names = dict.fromkeys(c.fact for h in hits for c in h.cells)
    return Decision(
        aggregate(table.hit_policy.value, [r.then for r in rules]),
        "+".join(r.id for r in rules),
        "; ".join(dict.fromkeys(r.source for r in rules)),
        "; ".join(r.because for r in rules if r.because),
        FrozenDict((n, facts.get(n)) for n in (names or table.plan.facts)),
        table.id,
        table.version,
        table.fingerprint,
        "; ".join(dict.fromkeys(r.owner for r in rules if r.owner)),
    )


def aggregate(policy: str, outcomes: list[Any]) -> Any:
    """The outcome of a collecting table from the outcomes of the rules that apply."""
    if policy == "collect":
        return tuple(outcomes)
    if policy == "collect_count":
        return len(outcomes)
    if policy == "collect_sum":
        return sum(outcomes)
    pick: Callable[[list[Any]], Any] = min if policy == "collect_min" else max
    return pick(outcomes) if outcomes else None


def _missing_text(table: DecisionTable, fact: str) -> str:
    return (
        f"table {table.id!r}: fact {fact!r} is missing, so no rule can be chosen for certain; "
        "give the fact, add a rule that tests 'missing', or pass on_missing='undecided'"
    )


def _no_rule(table: DecisionTable, seen: Mapping[str, object]) -> MissingFactError:
    shown = ", ".join(f"{k}={v!r}" for k, v in seen.items())
    return MissingFactError(
        f"table {table.id!r}: no rule applies to {shown}; add an otherwise-rule (empty 'when')"
    )


@attrs.frozen
class CellTrace:
    """One cell as it was seen."""

    fact: str
    test: str
    value: object
    status: Status


@attrs.frozen
class RuleTrace:
    """One rule as it was seen."""

    rule: str
    outcome: Any
    source: str
    status: Status
    cells: tuple[CellTrace, ...]


@attrs.frozen
class Trace:
    """Every rule and cell of a table over one case; print it to read it."""

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


def trace(table: DecisionTable, facts: Mapping[str, object]) -> Trace:
    """Explain one case; see `DecisionTable.explain`."""
    seen = {name: read(facts.get(name), f, name) for name, f in table.plan.facts.items()}
    rows = sorted(table.plan.rows, key=lambda row: row.index)
    rules = tuple(_rule_trace(table, row, seen) for row in rows)
    return Trace(table.id, table.version, decide(table, facts, "undecided"), rules)


def _rule_trace(table: DecisionTable, row: Row, seen: dict[str, Any]) -> RuleTrace:
    kinds = table.plan.facts
    cells = tuple(
        CellTrace(
            c.fact, str(c.test), show(seen[c.fact], kinds[c.fact].type), _status(c, seen[c.fact])
        )
        for c in row.cells
    )
    statuses = [c.status for c in cells]
    overall: Status = "unknown" if "unknown" in statuses else "passed"
    overall = "failed" if "failed" in statuses else overall
    return RuleTrace(row.rule.id, row.rule.then, row.rule.source, overall, cells)


def _status(cell: Cell, value: Any) -> Status:
    if cell.predicate is None:
        passed = (value is None) == (cell.needs == "missing")
    elif value is None:
        return "unknown"
    else:
        passed = bool(cell.predicate(value))
    return "passed" if passed else "failed"
