"""The quality of the records of a frame, by rules of the record class and of the policy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import refuse
from bankcrm.book.contract import KEYS, MODELS
from bankcrm.errors import DataError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import as_of_day
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.conversion import require_columns, with_levels
from bankcrm.frames.readers import LastDay
from bankcrm.models import Customer, Record, columns_of
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.quality.measures.quality import Quality
from bankcrm.quality.measures.reading import Field, contract_of, read_field
from bankcrm.quality.measures.records import Placeholder, QualityRule
from bankcrm.quality.measures.verdicts import (
    Verdict,
    accuracy_verdict,
    class_verdicts,
    rule_verdict,
    unique_verdict,
)


def measure_quality(
    frame: object,
    model: type[Record] = Customer,
    *,
    as_of: object,
    policy: Policy | None = None,
    reference: object = None,
) -> Quality:
    """Measure the quality of records by completeness, validity, consistency and more.

    No row is refused: a value that does not fit is counted. Completeness and validity follow from
    the record class, timeliness, uniqueness and the rest from the policy. Validity is assessed on
    the values that are there, so that a missing one counts once.

    Args:
        frame: The records, one row each, as they came; columns beside those of the class may be
            read by rules of the policy, such as ``updated`` (the day of the last update).
        model: The record class.
        as_of: The day of the measurement; a later date is not valid.
        policy: The policy ``quality``: placeholders, expected fields, rules and weights.
        reference: A second source or a sample that was verified, with the same key; without one
            accuracy is null.

    Returns:
        Shares with intervals by field and dimension, a score with its parts, and measures by
        group and by customer.

    Raises:
        DataError: The data is no frame, has no column of the class, or the reference has no key.

    Source: LCM-4.

    >>> rows = pd.DataFrame({"customer_id": [1, 2], "kind": ["person", "person"],
    ...                      "name": ["NA", "Li Na"]})
    >>> found = measure_quality(rows, as_of="2026-06-30")
    >>> found.fields.loc["name-filled", ["assessed", "passed"]].tolist()
    [2, 1]
    """
    policy = policy_of(policy, "quality")
    day = as_of_day(as_of)
    if not (isinstance(model, type) and issubclass(model, Record)):
        refuse("model", "a record class", model, "such as bankcrm.models.Customer")
    until = LastDay(day, str(policy.value("time_zone")))
    data = with_levels(as_frame(frame), [c.name for c in columns_of(model)])
    rules = [r for r in policy.records("quality_rule", QualityRule) if r.model == model.__name__]
    fields = _fields(data, model, rules, policy, until)
    key = next((KEYS[n] for n, m in MODELS.items() if m is model and n in KEYS), None)
    verdicts = [*class_verdicts(model, fields, policy)]
    verdicts += [unique_verdict(key, fields)] if key else []
    verdicts += [rule_verdict(rule, fields, policy, day) for rule in rules]
    verdicts += _accuracy(fields, model, key, reference, policy, until)
    ids = data[key] if key in data else pd.Series(data.index, index=data.index)
    return Quality(
        tuple(verdicts),
        data,
        ids.rename(key or "row"),
        day.astype(object),
        policy,
    )


def _fields(
    data: pd.DataFrame,
    model: type[Record],
    rules: list[QualityRule],
    policy: Policy,
    until: LastDay,
) -> dict[str, Field]:
    """The columns of the record class, and those that a rule reads, as far as they are there."""
    known = {c.name: c for c in columns_of(model)}
    if not any(name in data for name in known):
        raise DataError(
            f"{model.__name__}: none of its columns is there: {', '.join(known)}; rename yours"
        )
    read = dict.fromkeys([*known, *(n for r in rules for n in (r.field, *r.unique, *r.when))])
    placeholders = policy.records("placeholder", Placeholder)
    return {
        name: read_field(
            data[name], known.get(name) or contract_of(data[name], name), placeholders, until
        )
        for name in read
        if name in data
    }


def _accuracy(
    fields: dict[str, Field],
    model: type[Record],
    key: str | None,
    reference: object,
    policy: Policy,
    until: LastDay,
) -> list[Verdict]:
    """A verdict for each field that the reference has, too; without one all are null."""
    names = [c.name for c in columns_of(model) if c.name != key and c.name in fields]
    if reference is None or key is None or key not in fields:
        reason = "no reference" if reference is None else "no key"
        return [
            Verdict("accuracy", n, f"{n}-as-reference", 1.0, "reference", "", reason=reason)
            for n in names
        ]
    other = as_frame(reference)
    require_columns(other, [key], "reference", "its rows are found by it")
    repeated = other.index[other[key].duplicated()]
    fault_in_rows("reference", key, "repeated", repeated, "one row for each").refuse()
    theirs = _fields(other, model, [], policy, until)
    at = pd.Index(theirs[key].values).get_indexer(pd.Index(fields[key].values))
    at = np.where(fields[key].fits, at, -1)
    return [_compared(n, fields[n], theirs, at) for n in names]


def _compared(
    name: str, ours: Field, theirs: dict[str, Field], at: npt.NDArray[np.intp]
) -> Verdict:
    if name in theirs:
        return accuracy_verdict(name, ours, theirs[name], at)
    reason = "not in the reference"
    return Verdict("accuracy", name, f"{name}-as-reference", 1.0, "reference", "", reason=reason)
