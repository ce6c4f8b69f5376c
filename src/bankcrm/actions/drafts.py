"""Drafts of actions: what each source finds, before several reasons become one action."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.actions.situation import Situation
from bankcrm.frames.arrays import Days
from bankcrm.frames.numbering import categorical
from bankcrm.lifecycle.actions.playbooks import Action
from bankcrm.lifecycle.actions.tasks import Task
from bankcrm.rules import DecisionTable
from bankcrm.vocabulary import ContactPurpose

Rows: TypeAlias = npt.NDArray[np.intp]
Texts: TypeAlias = npt.NDArray[np.object_]

WORDS = ("action", "tasks", "title", "title_zh", "department", "channel", "purpose", "origin",
         "reason", "rules", "source", "manager")  # fmt: skip
"""The columns of a draft that are categorical."""


@attrs.frozen(eq=False)
class Reasons:
    """Why rows get an action, one entry per row.

    Attributes:
        reason: In words.
        rules: The rules as ``table.rule``.
        evidence: The facts that the rules read, as text.
        source: The source ids of the rules; empty where the task's own is enough.
    """

    reason: pd.Categorical
    rules: pd.Categorical
    evidence: Texts
    source: pd.Categorical

    @classmethod
    def same(cls, size: int, reason: str, rule: str, evidence: Texts) -> Reasons:
        """One reason for all rows."""
        return cls(_all(size, reason), _all(size, rule), evidence, _all(size, ""))

    def and_also(self, other: Reasons, rows: npt.NDArray[np.bool_]) -> Reasons:
        """These reasons, followed by those of another table in some rows.

        Args:
            other: Reasons of the same rows.
            rows: Where they are added.
        """

        def added(mine: pd.Categorical, theirs: pd.Categorical, by: str) -> pd.Categorical:
            codes = np.where(rows, theirs.codes, -1)
            return joined(mine, relabelled(codes, [str(c) for c in theirs.categories]), by)

        return Reasons(
            added(self.reason, other.reason, "; "),
            added(self.rules, other.rules, "+"),
            self.with_evidence(np.where(rows, other.evidence, "")).evidence,
            added(self.source, other.source, "+"),
        )

    def with_evidence(self, more: Texts) -> Reasons:
        """These reasons with more evidence; an empty text adds none."""
        between = np.where((self.evidence != "") & (more != ""), "; ", "").astype(object)
        return attrs.evolve(self, evidence=self.evidence + between + more.astype(object))


@attrs.frozen(eq=False)
class Draft:
    """One task that is to be done for some rows.

    Attributes:
        rows: Positions of the customers in the facts; -1 for none.
        task: What is to be done.
        origin: The name of the source.
        occasion: The day from which the due day is counted, one per row.
        due: The due day, one per row.
        reasons: Why, one per row.
        complaints: Positions of the complaints; None: the task is about no complaint.
        department: Who does it, one per row; None: the owner of the task.
        manager: The employee who does it, one per row; None: nobody is named.
    """

    rows: Rows
    task: Action | Task
    origin: str
    occasion: Days
    due: Days
    reasons: Reasons
    complaints: Rows | None = None
    department: pd.Categorical | None = None
    manager: pd.Categorical | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def columns(self) -> dict[str, pd.Categorical | npt.NDArray[Any]]:
        """The draft as columns, one row per task and customer."""
        task, reasons, size = self.task, self.reasons, len(self)
        # A task that contacts nobody has no channel and no purpose.
        purpose = str(task.purpose or (ContactPurpose.CONTACT if task.channel else ""))
        action = _all(size, task.action)
        return {
            "row": self.rows,
            "complaint": np.full(size, -1) if self.complaints is None else self.complaints,
            "action": action,
            "tasks": tasks_on(action, self.occasion),
            "title": _all(size, task.title),
            "title_zh": _all(size, task.title_zh),
            "department": _all(size, str(task.owner))
            if self.department is None
            else self.department,
            "channel": _all(size, str(task.channel or "")),
            "purpose": _all(size, purpose),
            "origin": _all(size, self.origin),
            "occasion": self.occasion.astype("datetime64[s]"),
            "due": self.due.astype("datetime64[s]"),
            "reason": reasons.reason,
            "rules": reasons.rules,
            "evidence": reasons.evidence,
            "source": joined(_all(size, task.source), reasons.source, "+"),
            "manager": _all(size, "") if self.manager is None else self.manager,
        }


def together(drafts: Sequence[Draft]) -> pd.DataFrame:
    """All drafts in one frame, one row per task and customer."""
    parts = [d.columns() for d in drafts if len(d)]
    if not parts:
        return pd.DataFrame()
    return pd.DataFrame({name: _stacked([p[name] for p in parts]) for name in parts[0]})


def _stacked(parts: Sequence[Any]) -> pd.Categorical | npt.NDArray[Any]:
    """The parts of a column, one below the other."""
    if not isinstance(parts[0], pd.Categorical):
        return np.concatenate(parts)
    starts = np.cumsum([0, *(len(p.categories) for p in parts)])
    codes = [p.codes.astype(np.int64) + s for p, s in zip(parts, starts[:-1], strict=True)]
    return relabelled(np.concatenate(codes), [str(c) for p in parts for c in p.categories])


def tasks_on(action: pd.Categorical, occasion: Days) -> pd.Categorical:
    """Actions with their occasions, such as ``wake_up@2026-06-01``.

    >>> tasks_on(pd.Categorical(["wake_up"]), np.array(["2026-06-01"], "datetime64[D]")).tolist()
    ['wake_up@2026-06-01']
    """
    day, distinct = pd.factorize(occasion.astype("datetime64[s]"))
    days = distinct.astype("datetime64[D]").astype(str)
    code, pairs = pd.factorize(action.codes.astype(np.int64) * len(days) + day)
    labels = [f"{action.categories[p // len(days)]}@{days[p % len(days)]}" for p in pairs.tolist()]
    return categorical(code, labels)


def reasons_of_table(
    situation: Situation,
    domain: str,
    table: str,
    rule_column: str,
    rows: Rows,
) -> Reasons:
    """Why a decision about customers came out as it did.

    Args:
        situation: Its facts have the rules that decided.
        domain: The domain of the policy.
        table: The table's id.
        rule_column: The column of the rule; several ids are joined by ``+``.
        rows: Positions of the customers.
    """
    if not len(rows):
        return Reasons.same(0, "", "", np.full(0, "", dtype=object))
    decided = situation.words(rule_column)[rows]
    return reasons_of(situation.policies[domain].table(table), decided, situation.facts, rows)


def reasons_of(
    table: DecisionTable, decided: pd.Categorical, facts: pd.DataFrame, rows: Rows
) -> Reasons:
    """Why rows were decided as they were.

    Args:
        table: The table that decided.
        decided: The rule of each row; several ids are joined by ``+``.
        facts: The facts.
        rows: The position of each row in the facts.
    """
    by_id = {row.rule.id: row for row in table.compiled.rows}
    chosen = [
        [by_id[i] for i in ([str(c)] if str(c) in by_id else str(c).split("+")) if i in by_id]
        for c in decided.categories
    ]
    evidence = np.full(len(decided), "", dtype=object)
    for code, rules in enumerate(chosen):
        at = np.flatnonzero(decided.codes == code)
        if len(at):
            read = dict.fromkeys(c.fact for r in rules for c in r.cells)
            evidence[at] = evidence_of(facts, list(read), rows[at])

    because = ["; ".join(r.rule.because or str(r.rule.then) for r in rules) for rules in chosen]
    names = ["+".join(f"{table.id}.{r.rule.id}" for r in rules) for rules in chosen]
    sources = ["+".join(dict.fromkeys(r.rule.source for r in rules)) for rules in chosen]
    reason, rule, source = (relabelled(decided.codes, w) for w in (because, names, sources))
    return Reasons(reason, rule, evidence, source)


def evidence_of(facts: pd.DataFrame, names: list[str], rows: Rows) -> Texts:
    """The values of facts in words, such as ``days_idle = 102; activity_ratio = 0.11``.

    Flags are left out: the reason in words says them.

    >>> facts = pd.DataFrame({"days_idle": [102, 7], "closed": [False, False]})
    >>> evidence_of(facts, ["days_idle", "closed"], np.array([0]))
    array(['days_idle = 102'], dtype=object)
    """
    shown = [n for n in names if n in facts and not pd.api.types.is_bool_dtype(facts[n].dtype)]
    found = np.full(len(rows), "", dtype=object)
    for place, name in enumerate(shown):
        part = _shown(facts[name].iloc[rows], f"; {name} = " if place else f"{name} = ")
        found = found + part if place else part
    return found


def _shown(values: pd.Series, start: str) -> Texts:
    """Values in words after a start; numbers with at most two decimals."""
    if pd.api.types.is_float_dtype(values.dtype):
        values = values.round(2)
    code, distinct = pd.factorize(values)
    words = [start + _word(v) for v in distinct]
    return np.array([*words, start + "unknown"], dtype=object)[code]


def _word(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    return str(value.date()) if isinstance(value, pd.Timestamp) else str(value)


def dated(name: str, days: Days) -> Texts:
    """A day in words, such as ``birthday = 2026-07-02``."""
    code, distinct = pd.factorize(days.astype("datetime64[s]"))
    words = [f"{name} = {day}" for day in distinct.astype("datetime64[D]")]
    return np.array([*words, f"{name} unknown"], dtype=object)[code]


def relabelled(codes: npt.NDArray[np.integer[Any]], labels: list[str]) -> pd.Categorical:
    """A categorical from codes whose labels may be alike; -1 is an empty text."""
    if len(codes) and codes.min() < 0:
        return categorical(np.where(codes < 0, len(labels), codes), [*labels, ""])
    return categorical(codes, labels)


def words_of(values: pd.Series) -> pd.Categorical:
    """A column of words, with an empty text for a null."""
    words = pd.Categorical(values)
    return relabelled(words.codes, [str(c) for c in words.categories])


def joined(one: pd.Categorical, two: pd.Categorical, by: str) -> pd.Categorical:
    """The words of two columns joined row by row, each part once.

    >>> joined(pd.Categorical(["a", "a"]), pd.Categorical(["b", "a"]), "+").tolist()
    ['a+b', 'a']
    """
    wide = len(two.categories) + 1
    code, pairs = pd.factorize((one.codes + 1).astype(np.int64) * wide + two.codes + 1)
    first, second = [*one.categories, ""], [*two.categories, ""]
    labels = []
    for pair in pairs.tolist():
        parts = (first[pair // wide - 1], second[pair % wide - 1])
        each = (p for part in parts for p in str(part).split(by) if p)
        labels.append(by.join(dict.fromkeys(each)))
    return relabelled(code, labels)


def _all(size: int, word: str) -> pd.Categorical:
    return categorical(np.zeros(size, np.int8), [word])
