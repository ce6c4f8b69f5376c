"""The content of a decision table: its rules, parameters, facts and hit policy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

import attrs

from bankcrm.arguments import as_choice, found, one_of
from bankcrm.errors import PolicyError, known_names
from bankcrm.frames.arrays import is_unicode
from bankcrm.rules.fingerprint import canonical, digest
from bankcrm.rules.unary import UnaryTest, parse_test
from bankcrm.rules.values import Fact, FrozenDict, facts_of, frozen_dict
from bankcrm.units import is_finite

Scalar = bool | int | float | str | date
OnMissing = Literal["raise", "undecided"]
_SCALAR = "a finite number, a text, a boolean or a date"


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
        """Whether every rule that applies contributes to the outcome."""
        return self.value.startswith("collect")


def _hit_policy(name: str) -> HitPolicy:
    return HitPolicy(as_choice(name, tuple(HitPolicy), "hit_policy"))


def freeze(value: Any) -> Any:
    """A plain TOML value made immutable: tables and lists are frozen."""
    if isinstance(value, Mapping):
        return FrozenDict({str(k): freeze(v) for k, v in value.items()})
    return tuple(freeze(v) for v in value) if isinstance(value, list | tuple) else value


def _is_scalar(value: object) -> bool:
    if isinstance(value, str):
        return is_unicode(value)
    known = isinstance(value, int | float | date) and not isinstance(value, datetime)
    return known and is_finite(value)


def _plain_value(_: object, __: object, value: Any) -> None:
    inner = value.values() if isinstance(value, Mapping) else value
    for item in inner if isinstance(value, Mapping | tuple) else [value]:
        if isinstance(item, Mapping | tuple):
            _plain_value(None, None, item)
        elif not _is_scalar(item):
            raise PolicyError(f"value: expected {_SCALAR}, got {found(item)}")


def _outcome(_: object, __: object, then: Any) -> None:
    if not _is_scalar(then):
        raise PolicyError(f"then: expected {_SCALAR}, got {found(then)}")


def check_outcomes(_: object, __: object, outcomes: tuple[Any, ...]) -> None:
    """The attrs validator of a vocabulary."""
    for outcome in outcomes:
        if not _is_scalar(outcome):
            raise PolicyError(f"outcomes: expected {_SCALAR} each, got {found(outcome)}")


@attrs.frozen
class Parameter:
    """A value that a bank may set, with its unit and source.

    Attributes:
        value: A scalar; in policies also a tuple of scalars, or a mapping of names to scalars.
        unit: The unit of the value, ``days`` for example.
        source: An id of the source documents, a regulation, or ``default``.
        note: Why the value is as it is.
        effective_from: First day on which the value is in force; None for "always was".
        effective_to: Last day on which it is in force; None for "until further notice".
        confirmation: How the value was checked against its source: ``primary`` (the rule was
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
        default="", validator=one_of("", "primary", "secondary", "unconfirmed")
    )


def changed_parameters(
    values: Mapping[str, Any], known: Collection[str], parameter: Callable[[str], Parameter]
) -> dict[str, Parameter]:
    """Parameters with other values.

    Args:
        values: Name -> new value.
        known: The names that there are.
        parameter: Gives the parameter of a name.

    Raises:
        PolicyError: Names that are not there, or values that no parameter can have.
    """
    faults, changed = [], {}
    for name, value in values.items():
        if name not in known:
            faults.append(f"parameters.{name}: no such parameter; {known_names(name, known)}")
            continue
        try:
            changed[name] = attrs.evolve(parameter(name), value=value)
        except PolicyError as error:
            faults += [f"parameters.{name}: {fault}" for fault in error.faults]
    if faults:
        raise PolicyError(faults)
    return changed


def _tests(when: Mapping[str, str | UnaryTest]) -> FrozenDict[str, UnaryTest]:
    return FrozenDict(
        {f: t if isinstance(t, UnaryTest) else parse_test(t) for f, t in when.items()}
    )


@attrs.frozen
class Rule:
    """One row of a decision table.

    Attributes:
        id: The rule's name within its table.
        when: Fact name to unary test; empty for the otherwise-rule.
        then: The outcome.
        source: The passage or decision that the rule implements.
        because: The reason in words, for people.
        owner: The plug-in that added the rule; empty for a rule of the policy.
    """

    id: str
    when: Mapping[str, UnaryTest] = attrs.field(converter=_tests)
    then: Any = attrs.field(validator=_outcome)
    source: str = "default"
    because: str = ""
    owner: str = ""


def _outcomes(outcomes: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(outcomes)


def _rules(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple(rules)


@attrs.frozen(eq=False)
class TableDefinition:
    """The content of a decision table; `bankcrm.rules.DecisionTable` adds what it can do.

    Compiling, checking, reading and writing take this class, and the table calls them: so each
    module of this package imports only modules below it.
    """

    id: str
    rules: tuple[Rule, ...] = attrs.field(converter=_rules)
    outcomes: tuple[Any, ...] = attrs.field(
        default=(), converter=_outcomes, validator=check_outcomes
    )
    hit_policy: HitPolicy = attrs.field(default=HitPolicy.FIRST, converter=_hit_policy)
    facts: Mapping[str, Fact] = attrs.field(factory=dict, converter=facts_of)
    parameters: Mapping[str, Parameter] = attrs.field(factory=dict, converter=frozen_dict)
    version: str = "1"
    title: str = ""
    effective_from: date | None = None
    effective_to: date | None = None

    @cached_property
    def vocabulary(self) -> tuple[Any, ...]:
        """Every outcome that the table may give, in display order."""
        return tuple(dict.fromkeys([*self.outcomes, *(r.then for r in self.rules)]))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the canonical content: equal tables have equal fingerprints."""
        return digest(canonical(self))
