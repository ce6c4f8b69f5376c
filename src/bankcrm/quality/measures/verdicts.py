"""The verdict of every rule on every row: passed, failed, or not assessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.errors import PolicyError
from bankcrm.frames.arrays import codes, surely_distinct
from bankcrm.models import Needs, OnlyFor, Record, RecordConstraint, columns_of
from bankcrm.policy import Policy
from bankcrm.quality.identifiers.check import valid_identifiers
from bankcrm.quality.measures.reading import Field, Mask
from bankcrm.quality.measures.records import Expected, QualityRule
from bankcrm.rules.compiled import Cell
from bankcrm.rules.fact_columns import FactColumn
from bankcrm.rules.unary import UnaryTest

_CLASS = "record class"


@attrs.frozen(eq=False)
class Verdict:
    """One rule and its verdict on every row.

    Rules share their masks, so none of them is changed.

    Attributes:
        dimension: The dimension that it belongs to.
        field: The field.
        rule: Its name.
        weight: Its weight in its dimension.
        source: Where the rule comes from.
        because: What is wrong where it fails.
        assessed: The rows that it is for, bool; None where no row can be assessed.
        passed: Those of them that pass, bool.
        reason: Why no row can be assessed; empty if some can.
    """

    dimension: str
    field: str
    rule: str
    weight: float
    source: str
    because: str
    assessed: Mask | None = None
    passed: Mask | None = None
    reason: str = ""

    @property
    def counts(self) -> tuple[int, int]:
        """How many rows were assessed, and how many passed."""
        if self.assessed is None or self.passed is None:
            return 0, 0
        return int(np.count_nonzero(self.assessed)), int(np.count_nonzero(self.passed))


def class_verdicts(
    model: type[Record], fields: Mapping[str, Field], policy: Policy
) -> Iterator[Verdict]:
    """Completeness, validity and consistency, which follow from the record class."""
    expected = {
        f
        for e in policy.records("expected", Expected)
        if e.model == model.__name__
        for f in e.fields
    }
    size = len(next(iter(fields.values())).filled)
    everyone = np.ones(size, np.bool_)
    for column in columns_of(model):
        name = column.name
        weight = float(column.required or name in expected)
        rule, because = f"{name}-filled", f"{name} is missing"
        filled = Verdict("completeness", name, rule, weight, _CLASS, because, reason="no column")
        if name not in fields:
            yield filled
            continue
        field = fields[name]
        rows = _applies(model, name, fields)
        if rows is None:
            yield attrs.evolve(filled, assessed=everyone, passed=field.filled, reason="")
        else:
            yield _judged(filled, rows, field.filled)
        because = f"{name} does not fit its contract"
        fits = Verdict("validity", name, f"{name}-fits", 1.0, _CLASS, because)
        yield attrs.evolve(fits, assessed=field.filled, passed=field.fits)
    for constraint in model.CONSTRAINTS:
        yield _constraint(constraint, fields)


def rule_verdict(
    rule: QualityRule, fields: Mapping[str, Field], policy: Policy, day: np.datetime64
) -> Verdict:
    """The verdict of a rule of the policy."""
    parts = rule.dimension, rule.field, rule.id, rule.weight, rule.source, rule.because
    needed = dict.fromkeys([rule.field, *rule.unique, *rule.when])
    if absent := [n for n in needed if n not in fields]:
        return Verdict(*parts, reason=f"no column {', '.join(absent)}")
    return _judged(Verdict(*parts), *_rule_rows(rule, fields, policy, day))


def unique_verdict(field: str, fields: Mapping[str, Field]) -> Verdict:
    """Uniqueness of the key of the record class."""
    because = f"another row has the same {field}"
    found = Verdict("uniqueness", field, f"{field}-unique", 1.0, _CLASS, because)
    if field not in fields:
        return attrs.evolve(found, reason="no column")
    return _judged(found, *_unique((field,), fields))


def accuracy_verdict(name: str, ours: Field, theirs: Field, at: npt.NDArray[np.intp]) -> Verdict:
    """Accuracy: the values of a field against those of a reference.

    Args:
        name: The field.
        ours: The field in the frame.
        theirs: The field in the reference.
        at: The row of the reference for each row of the frame; -1 for none.
    """
    known = ours.fits & np.append(theirs.fits, False)[at]  # the last is that of no row
    mine = ours.values.astype(object).to_numpy()
    given = np.append(theirs.values.astype(object).to_numpy(), np.array([None]))[at]
    same = np.zeros(len(known), np.bool_)
    same[known] = mine[known] == given[known]
    because = f"{name} differs from the reference"
    found = Verdict("accuracy", name, f"{name}-as-reference", 1.0, "reference", because)
    return _judged(found, known, same)


def _rule_rows(
    rule: QualityRule, fields: Mapping[str, Field], policy: Policy, day: np.datetime64
) -> tuple[Mask, Mask]:
    """The rows that a rule is for, and those that pass."""
    field = fields[rule.field]
    rows = np.ones(len(field.filled), np.bool_)
    for name, test in rule.when.items():
        rows &= _passes(fields[name], test, policy)
    if rule.unique:
        known, single = _unique(rule.unique, fields)
        return rows & known, single
    if rule.check:
        if field.wrong_type:
            return np.zeros_like(rows), rows
        valid, there = valid_identifiers(field.values, rule.check, as_of=day)
        return rows & field.fits & there, valid
    if rule.test is None:  # pragma: no cover - the record has one of the three
        raise PolicyError(f"rule {rule.id!r}: no test")
    if rule.test.op not in ("missing", "present"):
        rows &= field.fits
    if rule.measure == "age_days":
        field = _age(field, day)
    return rows, _passes(field, rule.test, policy)


def _passes(field: Field, test: UnaryTest, policy: Policy) -> Mask:
    """Where a test of a field holds for certain."""
    if test.op == "any":
        return np.ones(len(field.filled), np.bool_)
    if test.op in ("missing", "present"):
        return field.filled if test.op == "present" else ~field.filled
    known = test.resolved({n: policy.value(n) for n in test.parameters})
    if field.wrong_type:
        return np.zeros(len(field.filled), np.bool_)
    fact: FactColumn = field.fact
    try:
        return fact.passed(Cell(field.column.name, known, "value", known.predicate()))
    except TypeError:  # a text compared with a number
        name = field.column.name
        raise PolicyError(f"test {test} of {name}: {name} is a {field.column.kind}") from None


def _age(field: Field, day: np.datetime64) -> Field:
    """The days from the values of a date field to a day."""
    if field.wrong_type or field.column.kind != "date":
        return attrs.evolve(field, wrong_type=True)
    days = (day - field.values.to_numpy().astype("datetime64[D]")).astype(np.float64)
    days[~field.fits] = np.nan
    column = attrs.evolve(field.column, kind="number")
    return attrs.evolve(field, column=column, read=pd.Series(days, index=field.read.index))


def _unique(names: tuple[str, ...], fields: Mapping[str, Field]) -> tuple[Mask, Mask]:
    """The rows that have all of some fields, and those of them that no other row repeats."""
    known = np.logical_and.reduce([fields[n].fits for n in names])
    if len(names) > 1:
        keys = pd.DataFrame({n: fields[n].values for n in names}, copy=False)[known]
        single = np.zeros(len(known), np.bool_)
        single[known] = ~keys.duplicated(keep=False).to_numpy()
        return known, single
    values = fields[names[0]].values
    if known.all() and surely_distinct(values):
        return known, known
    code, distinct = codes(values)
    count = np.bincount(code[known], minlength=len(distinct))
    return known, np.append(count == 1, False)[code]


def _constraint(rule: RecordConstraint, fields: Mapping[str, Field]) -> Verdict:
    name = rule.fields[0]
    label = rule.expected.replace(" ", "-").replace("_", "-")
    found = Verdict("consistency", name, label, 1.0, _CLASS, f"expected {rule.expected}")
    if not all(n in fields for n in rule.fields):
        return attrs.evolve(found, reason="no column")
    read = [fields[n] for n in rule.fields]
    assessed = read[0].fits
    if not isinstance(rule, Needs):
        for other in read[1:]:
            assessed = assessed & other.fits
    frame = pd.DataFrame({n: fields[n].values for n in rule.fields}, copy=False)
    return _judged(found, assessed, ~rule.broken_rows(frame))


def _applies(model: type[Record], name: str, fields: Mapping[str, Field]) -> Mask | None:
    """The rows in which a field can have a value, by the record class; None for all."""
    parts = []
    for rule in model.CONSTRAINTS:
        if isinstance(rule, OnlyFor) and rule.field == name and rule.other in fields:
            parts.append(_equals(fields[rule.other], rule.value))
        if isinstance(rule, Needs) and rule.field == name and rule.other in fields:
            parts.append(fields[rule.other].filled)
    return np.logical_and.reduce(parts) if parts else None


def _equals(field: Field, value: str) -> Mask:
    return np.asarray((field.values == value).to_numpy(np.bool_, na_value=False) & field.fits)


def _judged(verdict: Verdict, assessed: Mask, passed: Mask) -> Verdict:
    """A verdict with its rows; only an assessed row passes."""
    both = assessed if passed is assessed else passed & assessed
    return attrs.evolve(verdict, assessed=assessed, passed=both, reason="")
