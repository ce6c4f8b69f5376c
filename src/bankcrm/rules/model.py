"""The parts of a decision table: rules, the figures that they name, and the hit policy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal

import attrs

from bankcrm.errors import PolicyError
from bankcrm.rules.unary import UnaryTest, parse_test
from bankcrm.rules.values import FrozenDict

Scalar = bool | int | float | str | date
OnMissing = Literal["raise", "undecided"]


class HitPolicy(StrEnum):
    """What happens where several rules apply, by the names of the DMN standard."""

    UNIQUE = "unique"
    FIRST = "first"
    ANY = "any"
    COLLECT = "collect"
    SUM = "collect_sum"
    MIN = "collect_min"
    MAX = "collect_max"
    COUNT = "collect_count"

    @property
    def collects(self) -> bool:
        """Whether every rule that applies has its part in the outcome."""
        return self.value.startswith("collect")


def freeze(value: Any) -> Any:
    """A plain TOML value that cannot be changed: tables and lists become frozen."""
    if isinstance(value, Mapping):
        return FrozenDict({str(k): freeze(v) for k, v in value.items()})
    return tuple(freeze(v) for v in value) if isinstance(value, list | tuple) else value


def _is_scalar(value: object) -> bool:
    if isinstance(value, float):
        return value == value
    return isinstance(value, bool | int | str | date) and not isinstance(value, datetime)


def _plain_value(_: object, __: object, value: Any) -> None:
    inner = value.values() if isinstance(value, Mapping) else value
    for item in inner if isinstance(value, Mapping | tuple) else [value]:
        if isinstance(item, Mapping | tuple):
            _plain_value(None, None, item)
        elif not _is_scalar(item):
            raise PolicyError(f"value: {item!r} is not a number, text, boolean or date")


def _outcome(_: object, __: object, then: Any) -> None:
    if not _is_scalar(then):
        raise PolicyError(f"then: an outcome is a number, text, boolean or date, not {then!r}")


@attrs.frozen
class Parameter:
    """A figure that a bank may set, with its unit and where it comes from.

    Args:
        value: a scalar; in policies also a tuple of scalars, or a mapping of names to scalars.
        unit: the unit of the value, ``days`` for example.
        source: an id of the source documents, a regulation, or ``default``.
        note: why the value is as it is.
        effective_from: first day on which the value is in force; None for "always was".
        effective_to: last day on which it is in force; None for "until further notice".
        confirmation: how the value was checked against its source: ``primary`` (the rule was
            read), ``secondary`` (someone who cites it was read), ``unconfirmed`` (it was not), or
            empty where there is nothing to check.
    """

    value: Any = attrs.field(converter=freeze, validator=_plain_value)
    unit: str = ""
    source: str = "default"
    note: str = ""
    effective_from: date | None = None
    effective_to: date | None = None
    confirmation: str = attrs.field(
        default="", validator=attrs.validators.in_(("", "primary", "secondary", "unconfirmed"))
    )


def _tests(when: Mapping[str, str | UnaryTest]) -> FrozenDict[str, UnaryTest]:
    return FrozenDict(
        {f: t if isinstance(t, UnaryTest) else parse_test(t) for f, t in when.items()}
    )


@attrs.frozen
class Rule:
    """One row of a decision table.

    Args:
        id: the rule's name within its table.
        when: fact name to unary test; empty for the otherwise-rule.
        then: the outcome.
        source: what the rule rests on.
        because: the reason in words, for people.
        owner: the plug-in that brought the rule; empty for a policy's own.
    """

    id: str
    when: Mapping[str, UnaryTest] = attrs.field(converter=_tests)
    then: Any = attrs.field(validator=_outcome)
    source: str = "default"
    because: str = ""
    owner: str = ""
