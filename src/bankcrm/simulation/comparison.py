"""Two sets of policies compared on the same customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, cast

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.book import Book
from bankcrm.book.model import refuse_no_book
from bankcrm.errors import DataError, PolicyError, UnknownNameError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import as_of_day
from bankcrm.frames.customers import refuse_repeated
from bankcrm.frames.numbering import categorical
from bankcrm.lifecycle import playbook
from bankcrm.pipeline import STEPS, Decision, Step
from bankcrm.pipeline.reading import decisions_of
from bankcrm.policy import Policy, PolicySet
from bankcrm.policy.given import policies_of
from bankcrm.reviews import review
from bankcrm.rules import DecisionTable
from bankcrm.simulation.impact import DecisionImpact, Impact
from bankcrm.simulation.moves import action_changes, cost_of

Codes = npt.NDArray[np.intp]

UNDECIDED = "(undecided)"


@attrs.frozen(eq=False)
class _Decided:
    """The decisions of one table over all rows, as categoricals."""

    table: DecisionTable
    outcomes: pd.Series
    rules: pd.Series

    @property
    def sizes(self) -> dict[object, int]:
        """Rows by outcome, in the order of the categories."""
        code = self.outcomes.cat.codes.to_numpy()
        names = self.outcomes.cat.categories
        counts = np.bincount(code[code >= 0], minlength=len(names))
        return dict(zip(names, counts.tolist(), strict=True))


def simulate(
    book_or_facts: Book | object,
    current: PolicySet | None = None,
    proposed: PolicySet | Policy | None = None,
    *,
    as_of: object = None,
    value: str = "contribution",
    steps: Sequence[Step] = STEPS,
) -> Impact:
    """Decide every row by two sets of policies, and report what changes and why.

    Args:
        book_or_facts: A `Book`, which is reviewed under both sets; or a frame of facts, such as
            ``review.facts``, one row per customer. Tables are decided in the order of the review,
            each on the outcomes of those before it; a table whose facts are absent is skipped.
        current: The policies in force; None: the defaults, with the presets that the book names.
        proposed: The policies that would replace them; or one policy, in the place of its domain's.
        as_of: The day for a book; by default its own. Dated policies: the version of this day.
        value: The column of the facts to sum over the rows that move; unused if absent or null.
        steps: The steps of the review.

    Raises:
        DataError: There is no row, or no table has all its facts.
        PolicyError: No proposed policies.

    >>> facts = pd.DataFrame({"tier": ["key", "ordinary"]}, index=[1, 2])
    >>> from bankcrm.policy import default_policies
    >>> len(simulate(facts, default_policies(), default_policies()).moved)
    0
    """
    day = None if as_of is None else cast("date", as_of_day(as_of).item())
    book = book_or_facts if isinstance(book_or_facts, Book) else None
    if isinstance(book_or_facts, str | Path):
        refuse_no_book(book_or_facts, "a Book or a frame of facts")
    before = policies_of(current, book.presets if book else (), "current")
    if proposed is None:
        raise PolicyError("proposed: give the policies that would replace the current ones")
    if isinstance(proposed, Policy):
        proposed = before.with_policy(proposed)
    after = policies_of(proposed, name="proposed")
    if book is not None:
        return _of_book(book, before, after, day, value, tuple(steps))
    if day is not None:
        before, after = before.at(day), after.at(day)
    facts = as_frame(book_or_facts)
    return _impact(facts, facts, before, after, value, steps, {})


def _of_book(
    book: Book,
    current: PolicySet,
    proposed: PolicySet,
    as_of: date | None,
    value: str,
    steps: tuple[Step, ...],
) -> Impact:
    """Facts depend on policies too, so the book is reviewed under both sets."""
    day = as_of or book.as_of
    if day is None:
        raise DataError("as_of: the book records no day; pass one, such as as_of=date(2026, 6, 30)")
    before = review(book, as_of=day, policies=current, steps=steps)
    after = review(book, as_of=day, policies=proposed, steps=steps)
    extra = {
        name: _of_complaints(before.complaints, after.complaints, name, current, proposed)
        for name in ("severity", "route")
        if len(before.complaints)
    }
    made = _impact(
        before.facts, after.facts, current.at(day), proposed.at(day), value, steps, extra
    )
    return attrs.evolve(made, actions=action_changes(before.actions, after.actions))


def _impact(
    facts: pd.DataFrame,
    facts_after: pd.DataFrame,
    current: PolicySet,
    proposed: PolicySet,
    value: str,
    steps: Sequence[Step],
    extra: Mapping[str, DecisionImpact],
) -> Impact:
    if not len(facts):
        raise DataError("facts: no row to simulate on")
    refuse_repeated(facts.index, "facts")
    skipped: dict[str, str] = {}
    before = _decide_all(facts, current, steps, skipped, {})
    same = before if facts is facts_after else {}
    after = _decide_all(facts_after, proposed, steps, skipped, same)
    known = value in facts and bool(facts[value].notna().any())
    weight = facts[value].to_numpy(np.float64, na_value=0.0) if known else None
    decisions = {
        d.table: _compare(before[d.table], after[d.table], step.domain, weight)
        for step, d in decisions_of(steps)
        if d.table in before and d.table in after
    }
    if not decisions and not extra:
        reasons = "; ".join(f"{table}: {why}" for table, why in skipped.items())
        raise DataError(f"facts: no table can be decided ({reasons})")
    moved = np.zeros(len(facts), np.bool_)
    for impact in decisions.values():
        moved[facts.index.get_indexer(impact.moved.index)] = True
    return Impact(
        _changes(current, proposed),
        {**decisions, **extra},
        {t: why for t, why in skipped.items() if t not in decisions},
        facts.index[moved],
        _counts(before.get("resource_level"), after.get("resource_level"), "level"),
        _workload(before.get("stage"), after.get("stage"), current, proposed),
        _costs(facts, before, after, current, proposed),
        pd.DataFrame(),
    )


def _costs(
    facts: pd.DataFrame,
    before: Mapping[str, _Decided],
    after: Mapping[str, _Decided],
    current: PolicySet,
    proposed: PolicySet,
) -> pd.DataFrame:
    """What the tiers cost; nothing where no tier was decided."""
    if "tier" not in before or "tier" not in after:
        nothing = pd.Index([], name="measure", dtype=object)
        return pd.DataFrame([], nothing, ["before", "after", "change"], dtype=np.float64)
    one, two = (facts.assign(tier=d["tier"].outcomes.array) for d in (before, after))
    return cost_of(one, two, current, proposed)


def _changes(current: PolicySet, proposed: PolicySet) -> tuple[str, ...]:
    both = [d for d in current.policies if d in proposed.policies]
    return tuple(f"{d}: {change}" for d in both for change in current[d].diff(proposed[d]))


def _decide_all(
    facts: pd.DataFrame,
    policies: PolicySet,
    steps: Sequence[Step],
    skipped: dict[str, str],
    other: Mapping[str, _Decided],
) -> dict[str, _Decided]:
    """Every decision for which the facts are present, each on the outcomes of those before it.

    Decisions of the other set are reused where table and inputs are the same.
    """
    columns: dict[str, pd.Series] = {str(n): facts[n] for n in facts.columns}
    changed: set[str] = set()  # columns that differ from those of the other set
    decided: dict[str, _Decided] = {}
    for step in steps:
        if step.derive is not None and set(step.derives_from) <= set(columns):
            given = {n: columns[n] for n in step.derives_from}
            made = step.derive(pd.DataFrame(given, index=facts.index, copy=False), policies)
            columns |= {str(n): made[n] for n in made}
            changed |= set(map(str, made))
        for decision in step.decisions:
            table = _table_of(step, decision, policies, columns, skipped)
            if table is None:
                continue
            known = other.get(decision.table)
            where = step.where_of(decision)
            needs = {where, *(decision.columns.get(f, f) for f in table.compiled.facts)}
            if known is not None and known.table == table and not changed & needs:
                found = known
            else:
                found = _decided(decision, table, columns, columns.get(where))
                changed |= {decision.outcome, decision.rule_column}
            decided[decision.table] = found
            columns |= {decision.outcome: found.outcomes, decision.rule_column: found.rules}
    return decided


def _table_of(
    step: Step,
    decision: Decision,
    policies: PolicySet,
    columns: Mapping[str, pd.Series],
    skipped: dict[str, str],
) -> DecisionTable | None:
    """The table of a decision; None, with the reason in ``skipped``, where it cannot decide."""
    try:
        table = policies[step.domain].table(decision.table)
    except (UnknownNameError, PolicyError) as error:
        skipped[decision.table] = str(error)
        return None
    absent = [c for f in table.compiled.facts if (c := decision.columns.get(f, f)) not in columns]
    if absent:
        skipped[decision.table] = f"no column {', '.join(absent)}"
        return None
    return table


def _decided(
    decision: Decision,
    table: DecisionTable,
    columns: Mapping[str, pd.Series],
    where: pd.Series | None,
) -> _Decided:
    """The decisions of the rows to which a table applies; without ``where``, of every row."""
    facts = pd.DataFrame(
        {f: columns[decision.columns.get(f, f)] for f in table.compiled.facts}, copy=False
    )
    applies = facts if where is None else facts.loc[where.to_numpy(np.bool_)]
    made = table.decide_frame(applies, on_missing="undecided").reindex(facts.index)
    # A table that collects has no single outcome: its outcome is the rules that apply.
    outcomes = made["rule"] if table.hit_policy.collects else made["outcome"]
    return _Decided(table, outcomes, made["rule"])


def _compare(
    before: _Decided, after: _Decided, domain: str, weight: npt.NDArray[np.float64] | None
) -> DecisionImpact:
    one, two, names = _aligned(before.outcomes, after.outcomes)
    moved = np.flatnonzero(one != two)
    frame = pd.DataFrame(
        {
            "before": categorical(one[moved], names),
            "after": categorical(two[moved], names),
            "rule_before": _with_undecided(before.rules.iloc[moved]),
            "rule_after": _with_undecided(after.rules.iloc[moved]),
        },
        index=before.outcomes.index[moved],
    )
    because = {r.id: r.because or r.source for r in after.table.rules}
    return DecisionImpact(
        domain,
        after.table.id,
        len(one),
        _matrix(one, two, names, None),
        None if weight is None else _matrix(one, two, names, weight),
        frame,
        _reasons(frame, None if weight is None else weight[moved], because),
    )


def _aligned(before: pd.Series, after: pd.Series) -> tuple[Codes, Codes, list[object]]:
    """Codes of two categoricals in one list of names; the last name is for undecided rows."""
    names: list[object] = [*before.cat.categories, *after.cat.categories, UNDECIDED]
    names = list(dict.fromkeys(names))
    place = {name: i for i, name in enumerate(names)}

    def coded(column: pd.Series) -> Codes:
        places = [*(place[c] for c in column.cat.categories), len(names) - 1]
        found: Codes = np.array(places, np.intp)[column.cat.codes.to_numpy()]
        return found

    return coded(before), coded(after), names


def _with_undecided(rules: pd.Series) -> pd.Categorical:
    names = [*rules.cat.categories, UNDECIDED]
    code = rules.cat.codes.to_numpy()
    return categorical(np.where(code < 0, len(names) - 1, code), names)


def _matrix(
    one: npt.NDArray[np.intp],
    two: npt.NDArray[np.intp],
    names: Sequence[object],
    weight: npt.NDArray[np.float64] | None,
) -> pd.DataFrame:
    width = len(names)
    cells = np.bincount(one * width + two, weights=weight, minlength=width * width)
    table = cells.reshape(width, width)
    index = pd.Index(list(names), name="before")
    frame = pd.DataFrame(table, index=index, columns=index.rename("after"))
    used = np.union1d(one, two)
    return frame.iloc[used, used]


def _reasons(
    moved: pd.DataFrame, weight: npt.NDArray[np.float64] | None, because: Mapping[str, str]
) -> pd.DataFrame:
    """The pairs of rules by which rows moved, the most frequent first."""
    count = moved.assign(value=0.0 if weight is None else weight).groupby(
        ["rule_before", "rule_after"], observed=True
    )
    made = count.agg(count=("value", "size"), value=("value", "sum")).reset_index()
    made["because"] = [
        "; ".join(because[r] for r in _rule_ids(str(rules), because)) or "a fact is missing"
        for rules in made["rule_after"]
    ]
    return made.sort_values("count", ascending=False, kind="stable", ignore_index=True)


def _rule_ids(rules: str, known: Mapping[str, str]) -> list[str]:
    """The rules that a label names: one, or several that a table collected."""
    return [rules] if rules in known else [r for r in rules.split("+") if r in known]


def _of_complaints(
    before: pd.DataFrame, after: pd.DataFrame, name: str, current: PolicySet, proposed: PolicySet
) -> DecisionImpact:
    """Changes of complaints; a message that is not a complaint has no severity."""

    def decided(frame: pd.DataFrame, policies: PolicySet) -> _Decided:
        table = policies["complaints"].table(name)
        outcomes = pd.CategoricalDtype(list(table.vocabulary))
        rules = pd.CategoricalDtype([r.id for r in table.rules])
        return _Decided(table, frame[name].astype(outcomes), frame[f"{name}_rule"].astype(rules))

    one, two = decided(before, current), decided(after.reindex(before.index), proposed)
    return _compare(one, two, "complaints", None)


def _counts(before: _Decided | None, after: _Decided | None, name: str) -> pd.DataFrame:
    """Rows by outcome, before and after."""
    if before is None or after is None:
        return _change({}, {}, name)
    return _change(before.sizes, after.sizes, name)


def _change(before: Mapping[Any, int], after: Mapping[Any, int], name: str) -> pd.DataFrame:
    index = pd.Index(list(dict.fromkeys([*before, *after])), name=name, dtype=object)
    made = pd.DataFrame(
        {
            "before": [int(before.get(n, 0)) for n in index],
            "after": [int(after.get(n, 0)) for n in index],
        },
        index=index,
        dtype=np.int64,
    )
    made["change"] = made["after"] - made["before"]
    return made


def _workload(
    before: _Decided | None, after: _Decided | None, current: PolicySet, proposed: PolicySet
) -> pd.DataFrame:
    """Actions of the stage playbook by department (LCM-3, LCM-5)."""
    if before is None or after is None:
        return _change({}, {}, "department")
    return _change(_actions(before, current), _actions(after, proposed), "department")


def _actions(decided: _Decided, policies: PolicySet) -> dict[str, int]:
    work: dict[str, int] = {}
    for stage, count in decided.sizes.items():
        for owner in _owners(str(stage), policies):
            work[owner] = work.get(owner, 0) + count
    return work


def _owners(stage: str, policies: PolicySet) -> list[str]:
    """The owner of each action for a stage; none for a stage without a playbook."""
    try:
        return [str(a.owner) for a in playbook(stage, policy=policies["lifecycle"])]
    except UnknownNameError:
        return []
