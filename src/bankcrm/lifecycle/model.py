"""Stage models as data: stages, events and the legal moves between them (LCM-2, PB-1, PB-2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import attrs

from bankcrm._display import card, line
from bankcrm.arguments import as_kind
from bankcrm.errors import PolicyError, UnknownNameError, known_names
from bankcrm.lifecycle.model_check import model_faults
from bankcrm.rules import DecisionTable, Parameter, Rule, UnaryTest, parse_test
from bankcrm.rules.toml import converter, parse_toml, structure
from bankcrm.vocabulary import Language, in_chinese

MODELS = ("bank", "private_banking", "value_phases")


@attrs.frozen
class Term:
    """A stage or an event of a model.

    Attributes:
        name: The value in data.
        zh: The Chinese label.
        reaches: For a stage, the stage of progress that it implies; empty for the stage itself.
    """

    name: str
    zh: str = ""
    reaches: str = ""


def _tests(when: Mapping[str, str | UnaryTest]) -> Mapping[str, UnaryTest]:
    return {f: t if isinstance(t, UnaryTest) else parse_test(t) for f, t in when.items()}


@attrs.frozen
class Move:
    """One legal move: from a stage, by an event, to a stage, under a guard.

    Attributes:
        before: The stage that the customer is in.
        event: What happens.
        after: The stage that follows; the same one for a move that changes nothing.
        when: The guard: fact name to unary test; empty for a move that is always legal.
        source: Where the move comes from: a DOMAIN id or ``default``.
        because: The reason in words.
    """

    before: str = attrs.field(converter=str)
    event: str = attrs.field(converter=str)
    after: str = attrs.field(converter=str)
    when: Mapping[str, UnaryTest] = attrs.field(factory=dict, converter=_tests, hash=False)
    source: str = "default"
    because: str = ""

    @property
    def rule(self) -> str:
        """The move's name: ``before:event``."""
        return f"{self.before}:{self.event}"


@attrs.frozen
class _Header:
    id: str
    initial: str
    version: str = "1"
    title: str = ""
    source: str = ""
    final: tuple[str, ...] = ()


@attrs.frozen
class _RawMove:
    """A move in a file: it may start from several stages."""

    before: tuple[str, ...]
    event: str
    after: str
    when: dict[str, UnaryTest] = attrs.field(factory=dict)
    source: str = "default"
    because: str = ""


@attrs.frozen
class StageModel:
    """Stages, events and legal moves; checked when it is made.

    Attributes:
        id: The model's name.
        initial: The stage in which every customer starts.
        stages: The stages, in order of progress.
        events: The events, in the order in which they happen on one day.
        moves: The legal moves.
        final: Stages that no move leaves.
        parameters: Constants that guards refer to with ``@``.
        version: The model's version.
        title: What the model describes, for people.
        source: Where it comes from.

    Raises:
        PolicyError: All errors together: an unknown stage or event, two moves for one stage and
            event, a stage that no move reaches, a dead end that is not final, a guard with an
            unknown parameter.

    >>> model = stage_model("bank")
    >>> model.legal_events("dormant")
    ('contract_signed', 'reactivated', 'closed', 'went_silent')
    """

    id: str
    initial: str = attrs.field(converter=str)
    stages: tuple[Term, ...]
    events: tuple[Term, ...]
    moves: tuple[Move, ...]
    final: tuple[str, ...] = ()
    parameters: Mapping[str, Parameter] = attrs.field(factory=dict, hash=False)
    version: str = "1"
    title: str = ""
    source: str = ""

    def __attrs_post_init__(self) -> None:
        if faults := list(model_faults(self)):
            raise PolicyError(faults)

    def __repr__(self) -> str:
        return line(f"StageModel {self.id!r}", self._figures())

    def _repr_html_(self) -> str:
        rows = [
            {
                "before": m.before,
                "event": m.event,
                "after": m.after,
                "when": tuple(f"{fact} {test}" for fact, test in m.when.items()),
                "because": m.because,
                "source": m.source,
            }
            for m in self.moves
        ]
        return card(self.title or self.id, self._figures(), rows=rows, note=self.source)

    def _figures(self) -> dict[str, object]:
        return {"version": self.version, "stages": self.stage_names, "moves": len(self.moves)}

    @classmethod
    def from_toml(cls, source: str | Path) -> Self:
        """Read a model from TOML text or a file.

        Raises:
            PolicyError: All errors of the file, each with its path.
        """
        raw = parse_toml(source)
        faults = [
            f"{key}: unknown key; {known_names(key, _SECTIONS)}"
            for key in raw
            if key not in _SECTIONS
        ]
        made = converter()
        head = structure(made, raw.get("model", {}), _Header, "model", faults)
        terms = {
            part: [
                structure(made, t, Term, f"{part}[{i}]", faults) for i, t in enumerate(raw[part])
            ]
            for part in ("stages", "events")
            if part in raw
        }
        moves = [
            structure(made, _listed(m), _RawMove, f"moves[{i}]", faults)
            for i, m in enumerate(raw.get("moves", []))
        ]
        figures = {
            name: structure(made, p, Parameter, f"parameters.{name}", faults)
            for name, p in raw.get("parameters", {}).items()
        }
        if faults or head is None:
            raise PolicyError(faults)
        return cls(
            stages=tuple(t for t in terms.get("stages", ()) if t is not None),
            events=tuple(t for t in terms.get("events", ()) if t is not None),
            moves=tuple(
                Move(before, m.event, m.after, m.when, m.source, m.because)
                for m in moves
                if m is not None
                for before in m.before
            ),
            parameters={n: p for n, p in figures.items() if p is not None},
            **attrs.asdict(head),
        )

    def with_moves(
        self, *moves: Move, stages: Iterable[Term] = (), events: Iterable[Term] = ()
    ) -> Self:
        """The same model with more moves; a move for the same stage and event is replaced.

        >>> model = stage_model("bank").with_moves(Move("lead", "went_silent", "lost"))
        >>> model.move("lead", "went_silent").after
        'lost'
        """
        new = {(m.before, m.event): m for m in moves}
        kept = [m for m in self.moves if (m.before, m.event) not in new]
        return attrs.evolve(
            self,
            moves=(*kept, *moves),
            stages=(*self.stages, *stages),
            events=(*self.events, *events),
        )

    def move(self, stage: str, event: str) -> Move | None:
        """The move for a stage and an event; None where there is none."""
        return self._by_pair.get((str(stage), str(event)))

    def legal_events(self, stage: str) -> tuple[str, ...]:
        """The events that have a move from a stage, in the model's order."""
        if str(stage) not in self.stage_names:
            raise UnknownNameError("stage", stage, self.stage_names)
        return tuple(e for e in self.event_names if (str(stage), e) in self._by_pair)

    def label(self, name: str, language: Language = "en") -> str:
        """The label of a stage or an event."""
        for term in (*self.stages, *self.events):
            if term.name == name:
                return term.zh or name if in_chinese(language) else name.replace("_", " ")
        raise UnknownNameError("stage or event", name, (*self.stage_names, *self.event_names))

    def guard(self, move: Move) -> DecisionTable | None:
        """The guard of a move as a decision table of one rule; None where it has none."""
        return self._guards[move.rule] if move.when else None

    @cached_property
    def stage_names(self) -> tuple[str, ...]:
        """The stages' names, in order of progress."""
        return tuple(s.name for s in self.stages)

    @cached_property
    def event_names(self) -> tuple[str, ...]:
        """The events' names, in the order in which they happen on one day."""
        return tuple(e.name for e in self.events)

    @cached_property
    def progress(self) -> tuple[int, ...]:
        """For each stage, the position of the furthest stage of progress that it implies."""
        names = self.stage_names
        return tuple(names.index(s.reaches or s.name) for s in self.stages)

    @cached_property
    def paths(self) -> Mapping[tuple[str, str], tuple[Move, ...]]:
        """The shortest chain of moves between two stages, by way of stages of progress only."""
        return {
            (a, b): chain
            for a in self.stage_names
            for b, chain in _chains(self, a).items()
            if a != b
        }

    @cached_property
    def _by_pair(self) -> dict[tuple[str, str], Move]:
        return {(m.before, m.event): m for m in self.moves}

    @cached_property
    def _guards(self) -> dict[str, DecisionTable]:
        return {m.rule: self._guard_table(m) for m in self.moves if m.when}

    def _guard_table(self, move: Move) -> DecisionTable:
        return DecisionTable(
            id=f"{self.id}:{move.rule}",
            version=self.version,
            rules=(
                Rule("guard", move.when, True, move.source, move.because),
                Rule("otherwise", {}, False),
            ),
            parameters={
                p: self.parameters[p] for test in move.when.values() for p in test.parameters
            },
        )


_SECTIONS = ("model", "stages", "events", "moves", "parameters")


@cache
def given_model(model: StageModel | None) -> StageModel:
    """The model that a caller gives; the bank's six stages for None.

    Raises:
        DataError: It is no stage model.
    """
    if model is None:
        return stage_model()
    given: StageModel = as_kind(model, StageModel, "model", "use stage_model(name)")
    return given


def stage_model(name: str = "bank") -> StageModel:
    """A stage model that ships with the library: ``bank``, ``private_banking`` or ``value_phases``.

    Raises:
        UnknownNameError: There is no such model.

    Source: LCM-2, PB-1, PB-2.

    >>> stage_model("private_banking").stage_names
    ('awareness', 'consideration', 'decision', 'experience', 'exit')
    """
    if name not in MODELS:
        raise UnknownNameError("stage model", name, MODELS)
    text = files("bankcrm.lifecycle").joinpath("models", f"{name}.toml").read_text("utf-8")
    return StageModel.from_toml(text)


def _chains(model: StageModel, start: str) -> dict[str, tuple[Move, ...]]:
    """The shortest chains of moves from a stage, breadth first."""
    passable = {s.name for s in model.stages if s.reaches in ("", s.name)}
    found: dict[str, tuple[Move, ...]] = {start: ()}
    front = [start]
    while front:
        after: list[str] = []
        for here in front:
            if here != start and here not in passable:
                continue
            for move in (m for m in model.moves if m.before == here):
                if move.after not in found:
                    found[move.after] = (*found[here], move)
                    after.append(move.after)
        front = after
    return found


def _listed(raw: Any) -> Any:
    """A raw move whose ``before`` is always a list."""
    if isinstance(raw, dict) and isinstance(raw.get("before"), str):
        return {**raw, "before": [raw["before"]]}
    return raw
