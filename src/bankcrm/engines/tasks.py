"""The tasks for one block of customers, on this machine or on a worker of a cluster."""

from __future__ import annotations

import json
from datetime import date
from functools import cached_property, partial
from typing import Any, TypeAlias

import attrs
import pandas as pd

from bankcrm.book.recorded import recorded_in
from bankcrm.book.signs import signs_of
from bankcrm.book.view import BookView, book_view
from bankcrm.engines.blocks import Workspace, Zones, book_of
from bankcrm.engines.output import OutputWriter
from bankcrm.pipeline.block import Block
from bankcrm.pipeline.fitted import Fitted
from bankcrm.pipeline.reasons import is_left_out, reasons_of
from bankcrm.pipeline.step import Step, passes_of
from bankcrm.policy import PolicySet

Job: TypeAlias = tuple[int, list[int]]
"""The number of a group of blocks, and the numbers of its blocks."""

_FOUND = "found"


@attrs.frozen
class BlockTasks:
    """The tasks for a block of customers; picklable, so that they run on a worker.

    The steps run in passes. Pass 0 reads the frames and stores the facts of every step; a later
    pass applies the steps whose fitted values are known by then. Intermediate results are on disk.

    Attributes:
        workspace: The folder of intermediate results.
        steps: The steps.
        policies: The policies in force on the day.
        day: The day of the review.
        name: The book's name.
        zones: Frame -> instant column -> time zone.
        fitted: The values fitted so far.
        corrected: Whether ``fitted`` has what the checked frames record, not only what the frames
            hold as they came.
    """

    workspace: Workspace
    steps: tuple[Step, ...]
    policies: PolicySet
    day: date
    name: str
    zones: Zones
    fitted: Fitted
    corrected: bool = False

    def run(self, number: int, job: Job) -> None:
        """Run a pass over a block, unless it is done already."""
        self.workspace.frames(self._folder(number), job[0], partial(self._run, number, job))

    def finish(self, writer: OutputWriter, job: Job) -> None:
        """Write the block's part of the result."""
        name = f"customers-{job[0]:05d}.parquet"
        if not (writer.partial / name).is_file():
            last = max(passes_of(self.steps).values())
            writer.write(name, self._read(last, job[0], _FOUND))

    def sample(self, step: Step, blocks: int) -> pd.DataFrame:
        """The rows of every block that the fit of a step needs."""
        number = self._passes[step.name] - 1
        pieces = [self._read(number, n, f"sample-{step.name}") for n in range(blocks)]
        return pd.concat([p for p in pieces if len(p)] or pieces)

    @property
    def _passes(self) -> dict[str, int]:
        return passes_of(self.steps)

    def _run(self, number: int, job: Job) -> dict[str, pd.DataFrame]:
        source = _Source(self, job)
        raw: dict[str, pd.DataFrame] = {}

        def facts(step: Step) -> pd.DataFrame:
            return raw[step.name] if not number else self._read(0, job[0], step.name)

        block = self._begun(number, job, source)
        waiting = self._waiting(number)
        block.absent = reasons_of(self.steps, self.fitted, waiting=waiting)
        for step in self.steps:
            left_out = is_left_out(step, self.fitted, block.absent, waiting=waiting)
            if not number and not left_out:
                raw[step.name] = block.gather(step)
            if self._passes[step.name] == number:
                if left_out:
                    block.leave_out(step)
                else:
                    block.apply(step, facts(step))
        kept = {_FOUND: block.found}
        for step in self.steps:
            if step.fit is not None and self.learns(step, number + 1):
                kept[f"sample-{step.name}"] = step.fit.sample(facts(step), block.found)
        if not number:
            kept |= {n: frame for n, frame in raw.items() if self._passes[n]}
            kept["source"] = source.found
            kept["signs"] = signs_of(source.view)
        return kept

    def learns(self, step: Step, number: int) -> bool:
        """Whether a step is fitted before a pass."""
        waiting = self._waiting(number - 1)
        absent = reasons_of(self.steps, self.fitted, waiting=waiting)
        return (
            step.fit is not None
            and self._passes[step.name] == number
            and not is_left_out(step, self.fitted, absent, waiting=waiting)
        )

    def _waiting(self, number: int) -> list[str]:
        """The steps whose fit comes after a pass."""
        return [n for n, passed in self._passes.items() if passed > number]

    def _begun(self, number: int, job: Job, source: _Source) -> Block:
        """The block with the columns of the previous pass."""
        if not number:
            return self._block(source.view.customers, source)
        found = self._read(number - 1, job[0], _FOUND)
        block = self._block(found.index, source)
        block.found = found
        return block

    def sources(self, blocks: int) -> list[SourceFound]:
        """What the check found in each block's frames."""
        rows = [self._read(0, n, "source").iloc[0] for n in range(blocks)]
        return [
            SourceFound(tuple(json.loads(row["recorded"])), json.loads(row["faults"]))
            for row in rows
        ]

    def signs(self, blocks: int) -> pd.DataFrame:
        """The signs of oddities of every block."""
        return pd.concat([self._read(0, n, "signs") for n in range(blocks)])

    def _block(self, customers: pd.Index, source: _Source) -> Block:
        return Block(customers, self.day, self.policies, self.fitted, lambda: source.view)

    def _read(self, number: int, block: int, name: str) -> pd.DataFrame:
        return self.workspace.read(self._folder(number), block, name)

    def _folder(self, number: int) -> str:
        return f"pass-{number}{'-corrected' if self.corrected else ''}"


@attrs.frozen
class SourceFound:
    """What the check found in the frames of a block.

    Attributes:
        recorded: The frames and columns that hold something.
        faults: The faults, in plain values.
    """

    recorded: tuple[str, ...]
    faults: list[dict[str, Any]]


class _Source:
    """The frames of a block, read and checked on first use."""

    def __init__(self, tasks: BlockTasks, job: Job) -> None:
        self.tasks, self.job = tasks, job

    @cached_property
    def _checked(self) -> tuple[BookView, pd.DataFrame]:
        t = self.tasks
        zone = t.policies["bank"].value("time_zone")
        book = book_of(t.workspace, t.zones, self.job[1], t.name, t.day)
        checked, faults = book.check(t.day, zone=zone, part=True)
        view = book_view(checked, recorded=t.fitted.frames, zone=zone)
        found = {
            "recorded": json.dumps(recorded_in(checked.frames())),
            "faults": json.dumps([attrs.asdict(f) for f in faults]),
        }
        return view, pd.DataFrame([found])

    @property
    def view(self) -> BookView:
        """The view of the block's frames."""
        return self._checked[0]

    @property
    def found(self) -> pd.DataFrame:
        """What the check found, as JSON in one row."""
        return self._checked[1]
