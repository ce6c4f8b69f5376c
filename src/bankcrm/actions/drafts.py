"""Drafts of actions: what each source finds, before several reasons become one action."""

from __future__ import annotations

from typing import Any, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import union_categoricals

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


def draft(
    rows: Rows,
    task: Action | Task,
    origin: str,
    *,
    occasion: Days,
    due: Days,
    reasons: Reasons,
    complaints: Rows | None = None,
) -> pd.DataFrame:
    """Drafts of one task.

    Args:
        rows: Positions of the customers in the facts; -1 for none.
        task: What is to be done.
        origin: The name of the source.
        occasion: The day from which the due day is counted, one per row.
        due: The due day, one per row.
        reasons: Why, one per row.
        complaints: Positions of the complaints; None: the task is about no complaint.
    """
    size = len(rows)
    return pd.DataFrame(
        {
            "row": rows,
            "complaint": np.full(size, -1) if complaints is None else complaints,
            "action": _all(size, task.action),
            "tasks": tasks_on(task.action, occasion),
            "title": _all(size, task.title),
            "title_zh": _all(size, task.title_zh),
            "department": _all(size, str(task.owner)),
            "channel": _all(size, str(task.channel or "")),
            "purpose": _all(size, _purpose(task)),
            "origin": _all(size, origin),
            "occasion": occasion.astype("datetime64[s]"),
            "due": due.astype("datetime64[s]"),
            "reason": reasons.reason,
            "rules": reasons.rules,
            "evidence": reasons.evidence,
            "source": joined(_all(size, task.source), reasons.source, "+"),
            "manager": _all(size, ""),
        }
    )


def tasks_on(action: str, occasion: Days) -> pd.Categorical:
    """An action with its occasion, such as ``wake_up@2026-06-01``.

    >>> tasks_on("wake_up", np.array(["2026-06-01"], "datetime64[D]")).tolist()
    ['wake_up@2026-06-01']
    """
    code, distinct = pd.factorize(occasion.astype("datetime64[s]"))
    return categorical(code, [f"{action}@{day}" for day in distinct.astype("datetime64[D]")])


def _purpose(task: Action | Task) -> str:
    """What a task contacts a customer for; an empty text where it contacts nobody."""
    return str(task.purpose or (ContactPurpose.CONTACT if task.channel else ""))


def together(drafts: list[pd.DataFrame]) -> pd.DataFrame:
    """All drafts in one frame; the words of each column are united."""
    drafts = [d for d in drafts if len(d)]
    columns = [str(c) for c in drafts[0]] if drafts else []
    made: dict[str, Any] = {}
    for name in columns:
        if name in WORDS:
            made[name] = union_categoricals([d[name] for d in drafts])
        else:
            made[name] = np.concatenate([d[name].to_numpy() for d in drafts])
    return pd.DataFrame(made)


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
    by = situation.policies[domain].table(table)
    read = [name for name in by.facts if name in situation.facts]
    decided = situation.words(rule_column)[rows]
    return reasons_of(by, decided, situation.facts[read].iloc[rows])


def reasons_of(table: DecisionTable, decided: pd.Categorical, facts: pd.DataFrame) -> Reasons:
    """Why rows were decided as they were.

    Args:
        table: The table that decided.
        decided: The rule of each row; several ids are joined by ``+``.
        facts: The facts, one row each.
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
            evidence[at] = evidence_of(facts.iloc[at], list(read))

    because = ["; ".join(r.rule.because or str(r.rule.then) for r in rules) for rules in chosen]
    names = ["+".join(f"{table.id}.{r.rule.id}" for r in rules) for rules in chosen]
    sources = ["+".join(dict.fromkeys(r.rule.source for r in rules)) for rules in chosen]
    reason, rule, source = (relabelled(decided.codes, w) for w in (because, names, sources))
    return Reasons(reason, rule, evidence, source)


def evidence_of(facts: pd.DataFrame, names: list[str]) -> Texts:
    """The values of facts in words, such as ``days_idle = 102; activity_ratio = 0.11``.

    Flags are left out: the reason in words says them.

    >>> evidence_of(pd.DataFrame({"days_idle": [102], "closed": [False]}), ["days_idle", "closed"])
    array(['days_idle = 102'], dtype=object)
    """
    found = np.full(len(facts), "", dtype=object)
    for name in names:
        if name in facts and not pd.api.types.is_bool_dtype(facts[name]):
            start = f"{name} = " if not found.any() else f"; {name} = "
            found = found + (start + _shown(facts[name]))
    return found


def _shown(values: pd.Series) -> Texts:
    """Values in words; numbers with at most two decimals."""
    if pd.api.types.is_float_dtype(values):
        values = values.round(2)
    code, distinct = pd.factorize(values)
    words = [_word(v) for v in distinct]
    return np.array([*words, "unknown"], dtype=object)[code]


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
    place, distinct = pd.factorize(np.array([*labels, ""], dtype=object))
    return categorical(place[codes], list(distinct))


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
