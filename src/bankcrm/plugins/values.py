"""What plug-ins return: frozen values, each one addition or change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from bankcrm.arguments import as_names
from bankcrm.errors import PolicyError
from bankcrm.lifecycle.model import Move, Term
from bankcrm.policy import Policy
from bankcrm.rules import DecisionTable, Fact, Parameter, Rule
from bankcrm.rules.model import freeze
from bankcrm.rules.values import FrozenDict, facts_of

if TYPE_CHECKING:
    import pandas as pd

    from bankcrm.valuation import Measure

Frames: TypeAlias = "Mapping[str, pd.DataFrame]"


def _tuple(items: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(items)


def _inputs(inputs: Mapping[str, Iterable[str]]) -> FrozenDict[str, tuple[str, ...]]:
    return FrozenDict({frame: as_names(columns) for frame, columns in inputs.items()})


@attrs.frozen
class AddRule:
    """A rule added to a table.

    Attributes:
        domain: The policy's domain.
        table: The table's id.
        rule: The rule; its owner becomes the plug-in.
        before: Id of the rule that it goes before. Give this or ``after``.
        after: Id of the rule that it follows.
        facts: Declarations of facts that the table does not declare yet.
        outcomes: Outcomes that the table does not have yet.
    """

    domain: str
    table: str
    rule: Rule
    before: str = ""
    after: str = ""
    facts: Mapping[str, Fact] = attrs.field(factory=dict, converter=facts_of)
    outcomes: tuple[Any, ...] = attrs.field(default=(), converter=_tuple)

    def __attrs_post_init__(self) -> None:
        if bool(self.before) == bool(self.after):
            raise PolicyError(f"rule {self.rule.id!r}: name the rule that it goes before, or after")

    def __str__(self) -> str:
        place = f"before {self.before}" if self.before else f"after {self.after}"
        return f"adds rule {self.rule.id} to {self.domain}.{self.table} {place}"


@attrs.frozen
class ReplaceRule:
    """A rule that replaces the one with the same id; the fields are those of `AddRule`."""

    domain: str
    table: str
    rule: Rule
    facts: Mapping[str, Fact] = attrs.field(factory=dict, converter=facts_of)
    outcomes: tuple[Any, ...] = attrs.field(default=(), converter=_tuple)

    def __str__(self) -> str:
        return f"replaces rule {self.rule.id} of {self.domain}.{self.table}"


@attrs.frozen
class AddTable:
    """A decision table that the policy does not have."""

    domain: str
    table: DecisionTable

    def __str__(self) -> str:
        return f"adds table {self.table.id} to {self.domain}"


@attrs.frozen
class SetParameter:
    """Another value for a parameter of a policy, or a new parameter."""

    domain: str
    name: str
    parameter: Parameter

    def __str__(self) -> str:
        return f"sets {self.domain}.{self.name} to {self.parameter.value}"


@attrs.frozen
class AddRecords:
    """Records at the end of one of a policy's lists, such as actions of a playbook."""

    domain: str
    name: str
    rows: tuple[Mapping[str, Any], ...] = attrs.field(converter=freeze)

    def __str__(self) -> str:
        return f"adds {len(self.rows)} record(s) to {self.domain}.{self.name}"


@attrs.frozen
class AddRoute:
    """A route for complaints: who owns it and by when, and the rules that lead to it.

    Attributes:
        name: The route's name, an outcome of the table ``route``.
        owner: The department that answers.
        days: The time for the answer, in working days.
        rules: The rules that lead there; ids of rules already there are replaced.
        involves: ``none`` or ``concerned`` departments.
        actions: What is done, in order.
        members: The members of a task force.
        source: The source of the route.
    """

    name: str
    owner: str
    days: int
    rules: tuple[Rule, ...] = attrs.field(converter=_tuple)
    involves: str = "none"
    actions: tuple[str, ...] = attrs.field(default=(), converter=as_names)
    members: tuple[str, ...] = attrs.field(default=(), converter=as_names)
    source: str = "default"

    def __str__(self) -> str:
        return f"adds route {self.name}, owned by {self.owner}"


@attrs.frozen
class AddIndicators:
    """Measures of customer value, and the weights of their indicators.

    Attributes:
        measures: Measures that the valuation policy does not have.
        weights: The weights of all indicators, summing to 1; empty keeps the policy's.
    """

    measures: tuple[Measure, ...] = attrs.field(default=(), converter=_tuple)
    weights: Mapping[str, float] = attrs.field(factory=dict, converter=freeze)

    def __str__(self) -> str:
        what = [f"adds measure {m.name}" for m in self.measures]
        return ", ".join([*what, *(["sets the weights of value"] if self.weights else [])])


Change: TypeAlias = (
    AddRule | ReplaceRule | AddTable | SetParameter | AddRecords | AddRoute | AddIndicators
)


@attrs.frozen
class Preset:
    """A policy under a name; used if `assemble` chooses it."""

    name: str
    policy: Policy

    def __str__(self) -> str:
        return f"offers preset {self.name} of {self.policy.domain}"


@attrs.frozen
class StageChange:
    """Stages, events and moves of a stage model; a move for the same stage and event is replaced.

    Attributes:
        moves: The moves.
        stages: Stages that the model does not have.
        events: Events that it does not have.
        model: ``bank``, ``private_banking`` or ``value_phases``.
    """

    moves: tuple[Move, ...] = attrs.field(converter=_tuple)
    stages: tuple[Term, ...] = attrs.field(default=(), converter=_tuple)
    events: tuple[Term, ...] = attrs.field(default=(), converter=_tuple)
    model: str = "bank"

    def __str__(self) -> str:
        return f"sets moves {', '.join(m.rule for m in self.moves)} of stage model {self.model}"


@attrs.frozen
class FactSource:
    """Facts and the function that computes them.

    Attributes:
        name: Name of the source in errors.
        domain: The domain whose first step computes the facts; the rules of this and of every later
            step may read them.
        inputs: The frames and columns that it needs: the book's frames by name, and ``facts`` for
            what the domain knows already.
        columns: The facts that it gives, as declared.
        compute: Takes the inputs by name and the day; gives a frame with the index of ``facts``
            and exactly these columns. It must compute each customer alone: an engine calls it
            for one block of customers at a time.
    """

    name: str
    domain: str
    inputs: Mapping[str, tuple[str, ...]] = attrs.field(converter=_inputs)
    columns: Mapping[str, Fact] = attrs.field(converter=facts_of)
    compute: Callable[[Frames, date], pd.DataFrame]

    def __str__(self) -> str:
        return f"gives facts {', '.join(self.columns)} to {self.domain}"


@attrs.frozen
class Signal:
    """A severity signal read from texts: a fact that rules of ``severity`` may read.

    Attributes:
        name: The signal's name.
        read: Takes texts; gives a boolean for each, with the same index.
    """

    name: str
    read: Callable[[pd.Series], pd.Series]

    def __str__(self) -> str:
        return f"reads signal {self.name} from texts"


@attrs.frozen
class TextClassifier:
    """A classifier of complaints' texts; see `bankcrm.complaints.Classifier`."""

    name: str
    read: Callable[[pd.Series], pd.DataFrame]

    def __str__(self) -> str:
        return f"classifies texts by {self.name}"


@attrs.frozen
class CalendarDay:
    """A day on which the bank works or is closed, unlike its calendar.

    Attributes:
        day: The day.
        working: Whether the bank works on that day.
        reason: Why.
        calendar: The name of the calendar that it is for; empty for all.
    """

    day: date
    working: bool
    reason: str = ""
    calendar: str = ""

    def __str__(self) -> str:
        return f"{'works' if self.working else 'rests'} on {self.day}"


@attrs.frozen
class Section:
    """A section of the report.

    Attributes:
        title: The heading.
        make: Takes the review; gives a frame, or plain text.
    """

    title: str
    make: Callable[[Any], pd.DataFrame | str]

    def __str__(self) -> str:
        return f"adds section {self.title!r} to the report"
