"""The records of the policy that data quality is measured by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from bankcrm.errors import PolicyError
from bankcrm.policy import Policy
from bankcrm.rules.unary import UnaryTest
from bankcrm.vocabulary import IdentifierScheme, QualityDimension, word


@attrs.frozen
class Placeholder:
    """Values that stand for a missing one.

    Attributes:
        values: The values.
        kind: The kind of the columns that they are looked for in; ``null``: text and words; empty
            if ``field`` is given.
        field: The one field that they are looked for in.
        source: Where they come from.
    """

    values: tuple[Any, ...]
    kind: str = ""
    field: str = ""
    source: str = "default"

    def is_for(self, field: str, kind: str) -> bool:
        """Whether the values are looked for in a column."""
        if self.field:
            return self.field == field
        return kind in (("text", "category") if self.kind == "null" else (self.kind,))


def null_words(policy: Policy) -> list[str]:
    """The words that files and databases write for a missing value."""
    found = policy.records("placeholder", Placeholder)
    return [v for p in found if p.kind == "null" for v in p.values]


@attrs.frozen
class Expected:
    """The optional fields of a record class that are expected to be filled."""

    model: str
    fields: tuple[str, ...]
    source: str = "default"


@attrs.frozen
class QualityRule:
    """What a field is expected to hold, beyond its record class.

    Attributes:
        id: The rule's name.
        model: The record class.
        field: The field.
        dimension: A `QualityDimension`.
        test: What a value must pass: a unary test.
        check: What a value must pass: an `IdentifierScheme`.
        unique: The fields that together no other row repeats.
        when: Fields and their tests: the rows that the rule is for.
        measure: What ``test`` looks at: the ``value``, or its ``age_days`` on the day.
        weight: Its weight among the rules of its dimension.
        because: What is wrong where it fails.
        source: Where it comes from.
    """

    id: str
    model: str
    field: str
    dimension: str
    test: UnaryTest | None = None
    check: str = ""
    unique: tuple[str, ...] = ()
    when: Mapping[str, UnaryTest] = attrs.field(factory=dict)
    measure: Literal["value", "age_days"] = "value"
    weight: float = 1.0
    because: str = ""
    source: str = "default"

    def __attrs_post_init__(self) -> None:
        """Refuse a rule without exactly one of test, check and unique."""
        if sum(map(bool, (self.test, self.check, self.unique))) != 1:
            raise PolicyError(f"rule {self.id!r}: give one of test, check and unique")
        if self.weight < 0:
            raise PolicyError(f"rule {self.id!r}: weight {self.weight} is below zero")
        try:
            word(QualityDimension, self.dimension)
            if self.check:
                word(IdentifierScheme, self.check)
        except ValueError as error:
            raise PolicyError(f"rule {self.id!r}: {error}") from None
