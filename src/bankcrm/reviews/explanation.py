"""Why one customer was decided as it was, and what is to be done: short, or rule by rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card, shown
from bankcrm.complaints.base import business_days
from bankcrm.frames.plain import plain, plain_rows
from bankcrm.policy import PolicySet
from bankcrm.rules import DecisionTable, Trace

_LISTED = 5
"""How many actions and complaints the short form lists."""


@attrs.frozen
class DecisionLine:
    """One decision about a customer, in one line.

    Attributes:
        name: The result, such as ``tier``.
        outcome: The outcome; None where there is none.
        because: Why, in words.
        rule: The rules that decided; empty where none did.
        source: Their source.
        evidence: The facts that they read.
    """

    name: str
    outcome: str | None
    because: str
    rule: str
    source: str
    evidence: Mapping[str, object]

    def __str__(self) -> str:
        # Flags are left out: the reason in words says them.
        facts = {k: v for k, v in self.evidence.items() if not isinstance(v, bool | np.bool_)}
        seen = ", ".join(f"{k} = {_seen(v)}" for k, v in facts.items())
        given = f" [{'; '.join(t for t in (self.rule, self.source, seen) if t)}]"
        outcome = f"{self.outcome}, " if self.outcome else ""
        return f"{self.name}: {outcome}{self.because}{given if self.rule else ''}"


@attrs.frozen
class ComplaintLine:
    """One complaint of a customer: its severity, its route and its clock.

    Attributes:
        complaint_id: The complaint.
        received: The day on which it was received.
        due: The day by which it is to be answered.
        state: Whether it was answered by then.
        severity: Its severity; None for what is no complaint.
        department: The department that owns it.
        because: Why it has its severity and its route.
        rules: The rules that decided.
        signals: What was read of it, such as ``repeat; amount_at_stake: 5000``.
        counted_from: The bank's day from which its time is counted.
        time_allowed: The time of each clock that sets its due day, such as
            ``answer: 15 working_days``.
        follow_up_due: The day by which the customer is asked whether the answer helped.
    """

    complaint_id: object
    received: date
    due: date
    state: str
    severity: str | None
    department: str
    because: str
    rules: tuple[str, ...]
    signals: str
    counted_from: date
    time_allowed: str
    follow_up_due: date | None = None

    def __str__(self) -> str:
        after = f", follow-up by {self.follow_up_due}" if self.follow_up_due else ""
        return (
            f"{self.complaint_id}: {self.severity or 'no complaint'}, "
            f"{self.state.replace('_', ' ')}, received {self.received}, due {self.due}{after}, "
            f"{self.department} ({self.because}; signals: {self.signals}; {self._clock()})"
        )

    def _clock(self) -> str:
        allowed = self.time_allowed.replace("_", " ")
        return f"{allowed} from {self.counted_from}, pauses not recorded"


@attrs.frozen
class Explanation(Mapping[str, Trace]):
    """Why one customer was decided as it was, and what is to be done by when.

    Print it for the short form; `full` adds every rule that was tested. As a mapping it gives the
    trace of each decision table, in the order of the decisions.

    Attributes:
        customer: The customer's id.
        as_of: The day of the review.
        traces: Table id -> every rule and test.
        decisions: The main decisions, one line each.
        actions: The actions of the review for the customer, the most pressing first.
        complaints: The customer's complaints, the last one first.
    """

    customer: object
    as_of: date
    traces: Mapping[str, Trace]
    decisions: tuple[DecisionLine, ...]
    actions: pd.DataFrame
    complaints: tuple[ComplaintLine, ...]

    def __getitem__(self, table: str) -> Trace:
        return self.traces[table]

    def __iter__(self) -> Iterator[str]:
        return iter(self.traces)

    def __len__(self) -> int:
        return len(self.traces)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Explanation):
            return NotImplemented
        return self._comparable() == other._comparable()

    __hash__ = None  # type: ignore[assignment]  # a mapping of traces

    def __str__(self) -> str:
        lines = [f"Customer {self.customer} as of {self.as_of}"]
        lines += [f"  {d}" for d in self.decisions]
        lines += _section("To do", self._to_do())
        return "\n".join([*lines, *_section("Complaints", list(map(str, self.complaints)))])

    def full(self) -> str:
        """The short form, and every rule that was tested with the values of its facts."""
        return "\n\n".join([str(self), *map(str, self.traces.values())])

    def to_dict(self) -> dict[str, Any]:
        """The explanation as plain values, ready for JSON, without the traces."""
        return {
            "customer": plain(self.customer),
            "as_of": self.as_of.isoformat(),
            "decisions": [plain(attrs.asdict(d)) for d in self.decisions],
            "actions": plain_rows(self.actions),
            "complaints": [plain(attrs.asdict(c)) for c in self.complaints],
        }

    def _comparable(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """All of it with None for a missing value, since NaN does not even equal itself."""
        return self.to_dict(), {t: plain(attrs.asdict(made)) for t, made in self.traces.items()}

    def _to_do(self) -> list[str]:
        return [
            f"by {row['due']}, {row['priority']}: {row['title']} ({row['department']}), "
            f"because {row['reason']}{_held(row)}"
            for row in plain_rows(self.actions)
        ]

    def __repr__(self) -> str:
        done = f"{len(self.traces)} decisions, {len(self.actions)} actions"
        return f"<Explanation of customer {self.customer} as of {self.as_of}: {done}>"

    def _repr_html_(self) -> str:
        figures = {
            d.name: f"{d.outcome}: {d.because}" if d.outcome else d.because for d in self.decisions
        }
        for name, lines in (("to do", self._to_do()), ("complaints", self.complaints)):
            if lines:
                figures[name] = "; ".join(map(str, lines[:_LISTED]))
        return card(f"Customer {self.customer} as of {self.as_of}", figures)


def decision_line(name: str, trace: Trace, table: DecisionTable) -> DecisionLine:
    """One decision in a line; of a table that collects, the reasons of all its rules."""
    made = trace.decision
    by_id = {rule.id: rule for rule in table.rules}
    rules = [by_id[i] for i in (made.rule or "").split("+") if i in by_id]
    if made.rule in by_id:
        rules = [by_id[made.rule]]
    because = "; ".join(r.because or str(r.then) for r in rules) or made.because
    outcome = None if made.outcome is None or isinstance(made.outcome, tuple) else made.outcome
    return DecisionLine(
        name=name,
        outcome=None if outcome is None else str(outcome),
        because=because or (f"{made.missing} is missing" if made.missing else "no rule applies"),
        rule=made.rule or "",
        source=made.source,
        evidence=dict(made.evidence),
    )


def complaint_lines(routed: pd.DataFrame, policies: PolicySet) -> tuple[ComplaintLine, ...]:
    """The complaints of a customer, the last one first."""
    because = {
        name: {r.id: r.because or str(r.then) for r in policies["complaints"].table(name).rules}
        for name in ("severity", "route")
    }
    lines = []
    start = business_days(routed["received_at"], policies["complaints"]).astype("datetime64[s]")
    dated = routed.assign(counted_from=start)
    for row in _records(dated.sort_values("received_at", ascending=False, kind="stable")):
        rules = {name: row[f"{name}_rule"] for name in because if _known(row[f"{name}_rule"])}
        after = row["follow_up_due"]
        lines.append(
            ComplaintLine(
                complaint_id=row["complaint_id"],
                received=row["received_at"].date(),
                due=row["due"].date(),
                state=str(row["state"]) if _known(row["state"]) else "answer not recorded",
                severity=str(row["severity"]) if _known(row["severity"]) else None,
                department=str(row["owner"]),
                because="; ".join(because[name][rule] for name, rule in rules.items()),
                signals=str(row["signals"]),
                counted_from=row["counted_from"].date(),
                time_allowed=str(row["time_allowed"]),
                rules=tuple(f"{name}.{rule}" for name, rule in rules.items()),
                follow_up_due=after.date() if _known(after) else None,
            )
        )
    return tuple(lines)


def _held(row: Mapping[str, Any]) -> str:
    """That the bank may not make the contact, and why; empty where nothing is against it."""
    if row["contact"] not in ("hold", "never"):
        return ""
    return f"; do not contact: {row['contact_reason']}"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    more = [f"  and {len(lines) - _LISTED} more"] if len(lines) > _LISTED else []
    return [f"{title}:", *(f"  {text}" for text in lines[:_LISTED]), *more] if lines else []


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    flat = frame.reset_index() if frame.index.name else frame
    return [{str(k): v for k, v in row.items()} for row in flat.to_dict("records")]


def _known(value: Any) -> bool:
    return not pd.isna(value)


def _seen(value: Any) -> str:
    """A fact as a person reads it.

    >>> _seen(102), _seen(0.1111111), _seen(None)
    ('102', '0.1111', 'unknown')
    """
    if pd.isna(value):
        return "unknown"
    return shown(value.item() if hasattr(value, "item") else value)
