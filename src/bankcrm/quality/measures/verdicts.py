"""The verdict of every rule on every row: passed, failed, or not assessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.errors import PolicyError
from bankcrm.models import Needs, OnlyFor, Record, RecordConstraint, columns_of
from bankcrm.policy import Policy
from bankcrm.quality.identifiers.check import check_identifiers
from bankcrm.quality.measures.reading import Field, Mask
from bankcrm.quality.measures.records import Expected, QualityRule
from bankcrm.rules.compiled import Cell
from bankcrm.rules.fact_columns import FactColumn
from bankcrm.rules.unary import UnaryTest

PASSED, FAILED, SKIPPED = np.int8(1), np.int8(0), np.int8(-1)
_CLASS = "record class"


@attrs.frozen(eq=False)
class Verdict:
    """One rule and its verdict on every row.

    Attributes:
        dimension: The dimension that it belongs to.
        field: The field.
        rule: Its name.
        weight: Its weight in its dimension.
        source: Where the rule comes from.
        because: What is wrong where it fails.
        rows: 1 passed, 0 failed, -1 not assessed, int8; None where no row can be.
        reason: Why no row can be assessed; empty if some can.
    """

    dimension: str
    field: str
    rule: str
    weight: float
    source: str
    because: str
    rows: npt.NDArray[np.int8] | None
    reason: str = ""


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
    for column in columns_of(model):
        name = column.name
        weight = float(column.required or name in expected)
        rule, because = f"{name}-filled", f"{name} is missing"
        if name not in fields:
            yield Verdict("completeness", name, rule, weight, _CLASS, because, None, "no column")
            continue
        field = fields[name]
        rows = _verdict(field.filled, _applies(model, name, fields))
        yield Verdict("completeness", name, rule, weight, _CLASS, because, rows)
        rows = _verdict(field.fits, field.filled)
        because = f"{name} does not fit its contract"
        yield Verdict("validity", name, f"{name}-fits", 1.0, _CLASS, because, rows)
    for number, rule_ in enumerate(model.CONSTRAINTS, start=1):
        yield _constraint(rule_, number, fields)


def rule_verdict(
    rule: QualityRule, fields: Mapping[str, Field], policy: Policy, day: np.datetime64
) -> Verdict:
    """The verdict of a rule of the policy."""
    needed = dict.fromkeys([rule.field, *rule.unique, *rule.when])
    absent = [n for n in needed if n not in fields]
    rows, reason = None, f"no column {', '.join(absent)}"
    if not absent:
        rows, reason = _rule_rows(rule, fields, policy, day), ""
    return Verdict(
        rule.dimension, rule.field, rule.id, rule.weight, rule.source, rule.because, rows, reason
    )


def unique_verdict(field: str, fields: Mapping[str, Field]) -> Verdict:
    """Uniqueness of the key of the record class."""
    rows = _unique((field,), fields) if field in fields else None
    because = f"another row has the same {field}"
    reason = "" if rows is not None else "no column"
    return Verdict("uniqueness", field, f"{field}-unique", 1.0, _CLASS, because, rows, reason)


def accuracy_verdict(name: str, ours: Field, theirs: Field, at: npt.NDArray[np.intp]) -> Verdict:
    """Accuracy: the values of a field against those of a reference.

    Args:
        name: The field.
        ours: The field in the frame.
        theirs: The field in the reference.
        at: The row of the reference for each row of the frame; -1 for none.
    """
    known = (at >= 0) & ours.fits
    place = np.where(at >= 0, at, 0)
    other = theirs.values.array.take(place) if len(theirs.values) else ours.values.array
    if len(theirs.values):
        known &= theirs.fits[place]
    else:
        known &= False
    mine, given = ours.values.astype(object).to_numpy(), np.asarray(other, dtype=object)
    same = np.zeros(len(known), np.bool_)
    same[known] = mine[known] == given[known]
    because = f"{name} differs from the reference"
    return Verdict(
        "accuracy", name, f"{name}-as-reference", 1.0, "reference", because, _verdict(same, known)
    )


def _rule_rows(
    rule: QualityRule, fields: Mapping[str, Field], policy: Policy, day: np.datetime64
) -> npt.NDArray[np.int8]:
    field = fields[rule.field]
    rows = np.ones(len(field.filled), np.bool_)
    for name, test in rule.when.items():
        rows &= _passes(fields[name], test, policy)
    if rule.unique:
        verdict = _unique(rule.unique, fields)
        return np.where(rows, verdict, SKIPPED)
    if rule.check and field.wrong_type:
        return np.full(len(rows), SKIPPED)
    if rule.check:
        found = check_identifiers(field.values, rule.check, as_of=day)["valid"]
        valid = found.to_numpy(np.bool_, na_value=False)
        return _verdict(valid, rows & field.fits & found.notna().to_numpy())
    if rule.test is None:  # pragma: no cover - the record has one of the three
        raise PolicyError(f"rule {rule.id!r}: no test")
    if rule.test.op not in ("missing", "present"):
        rows &= field.fits
    if rule.measure == "age_days":
        field = _age(field, day)
    return _verdict(_passes(field, rule.test, policy), rows)


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
    days[field.values.isna().to_numpy()] = np.nan
    column = attrs.evolve(field.column, kind="number")
    return attrs.evolve(field, column=column, values=pd.Series(days, index=field.values.index))


def _unique(names: tuple[str, ...], fields: Mapping[str, Field]) -> npt.NDArray[np.int8]:
    keys = pd.DataFrame({n: fields[n].values for n in names})
    known = np.logical_and.reduce([fields[n].fits for n in names])
    repeated = np.zeros(len(keys), np.bool_)
    repeated[known] = keys[known].duplicated(keep=False).to_numpy()
    return _verdict(~repeated, known)


def _constraint(rule: RecordConstraint, number: int, fields: Mapping[str, Field]) -> Verdict:
    name = rule.fields[0]
    label = rule.expected.replace(" ", "-").replace("_", "-")
    rows, reason = None, "no column"
    if all(n in fields for n in rule.fields):
        read = [fields[n] for n in rule.fields]
        assessed = read[0].fits.copy()
        if not isinstance(rule, Needs):
            for other in read[1:]:
                assessed &= other.fits
        frame = pd.DataFrame({n: fields[n].values for n in rule.fields})
        rows, reason = _verdict(~rule.broken_rows(frame), assessed), ""
    return Verdict(
        "consistency", name, label, 1.0, _CLASS, f"expected {rule.expected}", rows, reason
    )


def _applies(model: type[Record], name: str, fields: Mapping[str, Field]) -> Mask:
    """The rows in which a field can have a value, by the constraints of the record class."""
    rows = np.ones(len(next(iter(fields.values())).filled), np.bool_)
    for rule in model.CONSTRAINTS:
        if isinstance(rule, OnlyFor) and rule.field == name and rule.other in fields:
            rows &= _equals(fields[rule.other], rule.value)
        if isinstance(rule, Needs) and rule.field == name and rule.other in fields:
            rows &= fields[rule.other].filled
    return rows


def _equals(field: Field, value: str) -> Mask:
    return np.asarray((field.values == value).to_numpy(np.bool_, na_value=False) & field.fits)


def _verdict(passed: Mask, assessed: Mask) -> npt.NDArray[np.int8]:
    found = passed.astype(np.int8)
    found[~assessed] = SKIPPED
    return found
