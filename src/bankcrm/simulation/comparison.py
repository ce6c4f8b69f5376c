"""Two sets of policies over the same customers, before one of them goes live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.errors import DataError, PolicyError, UnknownNameError
from bankcrm.frames import as_frame
from bankcrm.lifecycle import playbook
from bankcrm.policy import PolicySet
from bankcrm.rules import DecisionTable
from bankcrm.simulation.impact import DecisionImpact, Impact

if TYPE_CHECKING:
    from bankcrm.book import Book

Codes = npt.NDArray[np.int16]

CHAIN = (
    ("lifecycle", "stage", "stage"),
    ("segmentation", "rfm_segment", "segment"),
    ("segmentation", "rfm_level", "rfm_level"),
    ("segmentation", "tier_standing", "standing"),
    ("segmentation", "tier_value", "value_level"),
    ("segmentation", "tier_growth", "growth_level"),
    ("segmentation", "tier", "tier"),
    ("segmentation", "resource_level", "resource_level"),
)
"""Domain, table, and the column under which later tables know its outcome."""

UNDECIDED = "(undecided)"


@attrs.frozen(eq=False)
class _Decided:
    """One table's decisions over all rows, as codes into names."""

    table: DecisionTable
    outcome: Codes
    rule: Codes

    def column(self, index: pd.Index) -> pd.Series:
        dtype = pd.CategoricalDtype(list(self.table.vocabulary))
        return pd.Series(pd.Categorical.from_codes(self.outcome, dtype=dtype), index=index)


def simulate(
    book_or_facts: Book | object,
    current: PolicySet,
    proposed: PolicySet,
    *,
    as_of: date | None = None,
    value: str = "contribution",
) -> Impact:
    """Decide every row by two sets of policies and tell what changes, for whom and why.

    Args:
        book_or_facts: a `Book`, which is reviewed under both sets; or a frame of facts, such as
            ``review.facts``, a row a customer. Tables are decided in the order of the review, each
            on the outcomes of those before it; a table whose facts are not there is skipped.
        current: the policies in force.
        proposed: those that would take their place.
        as_of: the day for a book; by default the one it records. Dated policies are narrowed to it.
        value: the column of the facts whose sum tells what the rows are worth; unused if absent.

    Raises:
        DataError: no row, or facts that do not fit.

    >>> facts = pd.DataFrame({"tier": ["key", "ordinary"]}, index=[1, 2])
    >>> from bankcrm.policy import default_policies
    >>> len(simulate(facts, default_policies(), default_policies()).moved)
    0
    """
    from bankcrm.book import Book

    if isinstance(book_or_facts, Book):
        return _of_book(book_or_facts, current, proposed, as_of, value)
    if as_of is not None:
        current, proposed = current.at(as_of), proposed.at(as_of)
    facts = as_frame(book_or_facts)
    return _impact(facts, facts, current, proposed, value, {})


def _of_book(
    book: Book, current: PolicySet, proposed: PolicySet, as_of: date | None, value: str
) -> Impact:
    """Facts rest on policies too (what counts as idle, say), so both reviews are run whole."""
    from bankcrm.reviews import review

    day = as_of or book.as_of
    if day is None:
        raise DataError("as_of: the book records no day; give one")
    before = review(book, as_of=day, policies=current)
    after = review(book, as_of=day, policies=proposed)
    extra = {
        name: _of_complaints(before.complaints, after.complaints, name, current, proposed)
        for name in ("severity", "route")
        if len(before.complaints)
    }
    return _impact(before.facts, after.facts, current.at(day), proposed.at(day), value, extra)


def _impact(
    facts: pd.DataFrame,
    facts_after: pd.DataFrame,
    current: PolicySet,
    proposed: PolicySet,
    value: str,
    extra: Mapping[str, DecisionImpact],
) -> Impact:
    if not len(facts):
        raise DataError("facts: no row to simulate on")
    skipped: dict[str, str] = {}
    before = _chain(facts, current, skipped)
    after = _chain(facts_after, proposed, skipped, before if facts is facts_after else {})
    worth = facts[value].to_numpy(np.float64, na_value=0.0) if value in facts else None
    decisions = {
        name: _compare(before[name], after[name], domain, facts.index, worth)
        for domain, name, _ in CHAIN
        if name in before and name in after
    }
    if not decisions and not extra:
        told = "; ".join(f"{table}: {why}" for table, why in skipped.items())
        raise DataError(f"facts: no table can be decided ({told})")
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
    )


def _changes(current: PolicySet, proposed: PolicySet) -> tuple[str, ...]:
    both = [d for d in current.policies if d in proposed.policies]
    return tuple(f"{d}: {change}" for d in both for change in current[d].diff(proposed[d]))


def _chain(
    facts: pd.DataFrame,
    policies: PolicySet,
    skipped: dict[str, str],
    known: Mapping[str, _Decided] | None = None,
) -> dict[str, _Decided]:
    """Every table of the chain that can be decided, each on the outcomes of those before it.

    What another set decided on the same facts is taken over where table and inputs are the same.
    """
    columns: dict[str, pd.Series] = {str(n): facts[n] for n in facts.columns}
    fresh: set[str] = set()  # outcomes that differ from those of the other set
    decided: dict[str, _Decided] = {}
    for domain, name, outcome in CHAIN:
        try:
            table = policies[domain].table(name)
        except (UnknownNameError, PolicyError) as error:
            skipped[name] = str(error)
            continue
        needs = list(table.compiled.facts)
        absent = [n for n in needs if n not in columns]
        if absent:
            skipped[name] = f"no column {', '.join(absent)}"
            continue
        twin = (known or {}).get(name)
        if twin is not None and twin.table == table and not fresh & set(needs):
            decided[name] = twin
        else:
            frame = pd.DataFrame({n: columns[n] for n in needs}, index=facts.index, copy=False)
            codes = table.decide_codes(frame, on_missing="undecided")
            decided[name] = _Decided(table, codes.outcome, codes.rule)
            fresh.add(outcome)
        columns[outcome] = decided[name].column(facts.index)
    return decided


def _compare(
    before: _Decided,
    after: _Decided,
    domain: str,
    index: pd.Index,
    worth: npt.NDArray[np.float64] | None,
) -> DecisionImpact:
    names = list(dict.fromkeys([*before.table.vocabulary, *after.table.vocabulary, UNDECIDED]))
    one, two = _places(before, names), _places(after, names)
    moved = np.flatnonzero(one != two)
    rules_before = [*(r.id for r in before.table.rules), UNDECIDED]
    rules_after = [*(r.id for r in after.table.rules), UNDECIDED]
    frame = pd.DataFrame(
        {
            "before": _named(one[moved], names),
            "after": _named(two[moved], names),
            "rule_before": _named(before.rule[moved], rules_before),
            "rule_after": _named(after.rule[moved], rules_after),
        },
        index=index[moved],
    )
    because = {r.id: r.because or r.source for r in after.table.rules}
    return DecisionImpact(
        domain,
        after.table.id,
        len(index),
        _matrix(one, two, names, None),
        None if worth is None else _matrix(one, two, names, worth),
        frame,
        _reasons(frame, None if worth is None else worth[moved], because),
    )


def _places(decided: _Decided, names: Sequence[object]) -> npt.NDArray[np.intp]:
    places = [names.index(v) for v in decided.table.vocabulary]
    found: npt.NDArray[np.intp] = np.array([*places, len(names) - 1], np.intp)[decided.outcome]
    return found


def _named(codes: npt.NDArray[Any], names: Sequence[object]) -> pd.Categorical:
    last = len(names) - 1  # -1, which stands for undecided, is the last name
    made: pd.Categorical = pd.Categorical.from_codes(
        np.where(codes < 0, last, codes), categories=pd.Index(list(names))
    )
    return made


def _matrix(
    one: npt.NDArray[np.intp],
    two: npt.NDArray[np.intp],
    names: Sequence[object],
    worth: npt.NDArray[np.float64] | None,
) -> pd.DataFrame:
    width = len(names)
    cells = np.bincount(one * width + two, weights=worth, minlength=width * width)
    table = cells.reshape(width, width)
    index = pd.Index(list(names), name="before")
    frame = pd.DataFrame(table, index=index, columns=index.rename("after"))
    used = np.union1d(one, two)
    return frame.iloc[used, used]


def _reasons(
    moved: pd.DataFrame, worth: npt.NDArray[np.float64] | None, because: Mapping[str, str]
) -> pd.DataFrame:
    """Who moved by which rule in the place of which, the most frequent first."""
    count = moved.assign(value=0.0 if worth is None else worth).groupby(
        ["rule_before", "rule_after"], observed=True
    )
    made = count.agg(count=("value", "size"), value=("value", "sum")).reset_index()
    made["because"] = [because.get(str(r), "a fact is missing") for r in made["rule_after"]]
    return made.sort_values("count", ascending=False, kind="stable", ignore_index=True)


def _of_complaints(
    before: pd.DataFrame, after: pd.DataFrame, name: str, current: PolicySet, proposed: PolicySet
) -> DecisionImpact:
    """What changes for complaints; a message that is no complaint has no severity."""

    def decided(frame: pd.DataFrame, policies: PolicySet) -> _Decided:
        table = policies["complaints"].table(name)
        outcomes = pd.CategoricalDtype(list(table.vocabulary))
        rules = pd.CategoricalDtype([r.id for r in table.rules])
        return _Decided(
            table,
            frame[name].astype(outcomes).cat.codes.to_numpy().astype(np.int16),
            frame[f"{name}_rule"].astype(rules).cat.codes.to_numpy().astype(np.int16),
        )

    one, two = decided(before, current), decided(after.reindex(before.index), proposed)
    return _compare(one, two, "complaints", before.index, None)


def _counts(before: _Decided | None, after: _Decided | None, name: str) -> pd.DataFrame:
    """Rows by outcome, before and after."""
    if before is None or after is None:
        return _change({}, {}, name)
    told = [
        dict(
            zip(
                d.table.vocabulary,
                np.bincount(d.outcome[d.outcome >= 0], minlength=len(d.table.vocabulary)),
                strict=True,
            )
        )
        for d in (before, after)
    ]
    return _change(told[0], told[1], name)


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
    """Actions that the stage playbook asks of each department (LCM-3, LCM-5)."""
    if before is None or after is None:
        return _change({}, {}, "department")
    return _change(_actions(before, current), _actions(after, proposed), "department")


def _actions(decided: _Decided, policies: PolicySet) -> dict[str, int]:
    names = decided.table.vocabulary
    counts = np.bincount(decided.outcome[decided.outcome >= 0], minlength=len(names))
    work: dict[str, int] = {}
    for stage, count in zip(names, counts, strict=True):
        for action in _plays(str(stage), policies):
            work[action] = work.get(action, 0) + int(count)
    return work


def _plays(stage: str, policies: PolicySet) -> list[str]:
    """The owner of each action for a stage; none for a stage without a playbook."""
    try:
        return [str(a.owner) for a in playbook(stage, policy=policies["lifecycle"])]
    except UnknownNameError:
        return []
