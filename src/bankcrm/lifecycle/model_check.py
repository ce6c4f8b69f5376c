"""The check of a stage model: words, moves, dead ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bankcrm.lifecycle.model import StageModel


def model_faults(model: StageModel) -> Iterator[str]:
    """All errors of a model, each with its path."""
    stages, events = model.stage_names, model.event_names
    for what, names in (("stages", stages), ("events", events)):
        if not names:
            yield f"{what}: there are none"
        yield from (
            f"{what}: {n!r} is given twice" for n in dict.fromkeys(names) if names.count(n) > 1
        )
    for i, stage in enumerate(model.stages):
        if stage.reaches and stage.reaches not in stages:
            yield f"stages[{i}].reaches: {stage.reaches!r} is not a stage"
    for name in (model.initial, *model.final):
        if name not in stages:
            yield f"model: {name!r} is not a stage; stages: {', '.join(stages)}"
    seen: dict[tuple[str, str], int] = {}
    for i, move in enumerate(model.moves):
        for part, name, known in (
            ("before", move.before, stages),
            ("event", move.event, events),
            ("after", move.after, stages),
        ):
            if name not in known:
                yield f"moves[{i}].{part}: {name!r} is unknown; known: {', '.join(known)}"
        first = seen.setdefault((move.before, move.event), i)
        if first != i:
            yield f"moves[{i}]: a second move for {move.before} by {move.event}; see moves[{first}]"
        for fact, test in move.when.items():
            for p in test.parameters:
                if p not in model.parameters:
                    yield f"moves[{i}].when.{fact}: unknown parameter @{p}"
    yield from _shape_faults(model)


def _shape_faults(model: StageModel) -> Iterator[str]:
    reached, front = {model.initial}, [model.initial]
    while front:
        here = front.pop()
        for move in model.moves:
            if move.before == here and move.after not in reached:
                reached.add(move.after)
                front.append(move.after)
    for i, name in enumerate(model.stage_names):
        out = any(m.before == name and m.after != name for m in model.moves)
        if name not in reached:
            yield f"stages[{i}]: no chain of moves leads to {name!r} from {model.initial!r}"
        if not out and name not in model.final:
            yield f"stages[{i}]: {name!r} is a dead end; name it in model.final or add a move"
        if out and name in model.final:
            yield f"stages[{i}]: {name!r} is final, but a move leads out of it"
