"""The steps of a review on an engine, block by block."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from bankcrm._display import first_few
from bankcrm._version import __version__
from bankcrm.book import Book, empty_frame
from bankcrm.book.checks import no_customer
from bankcrm.book.oddities import oddities, period_of
from bankcrm.book.recorded import absences
from bankcrm.engines.blocks import Workspace, groups_of, part_book
from bankcrm.engines.output import Output, OutputWriter
from bankcrm.engines.tasks import BlockTasks, Job
from bankcrm.folders import ResultFolder
from bankcrm.frames import DataFault
from bankcrm.pipeline.fitted import Fitted
from bankcrm.pipeline.reasons import limits_of, reasons_of
from bankcrm.pipeline.step import Step, passes_of
from bankcrm.policy import PolicySet

if TYPE_CHECKING:
    from bankcrm.engines.engine import Engine

ROWS_PER_BLOCK = 2_000_000
"""Average number of transactions per block, unless the number of blocks is given."""
LAYOUT = 4
"""Version of the intermediate results; a run continues only results of the same version."""


@attrs.frozen
class EngineFound:
    """The result of the steps for the customers of an engine's book.

    Attributes:
        output: Every customer with every column, on disk.
        fitted: The values fitted to the whole book.
        reasons: Result -> why it is null in the whole book.
        limits: What results leave out -> what the book does not record.
        faults: Problems of the frames.
        period: The first and the last day of the transactions.
    """

    output: Output
    fitted: Fitted
    reasons: dict[str, str]
    limits: dict[str, str]
    faults: tuple[DataFault, ...]
    period: tuple[str | None, str | None]


def run_on(
    engine: Engine,
    steps: tuple[Step, ...],
    *,
    day: date,
    policies: PolicySet,
    fitted: Fitted | None,
    out: ResultFolder,
    blocks: int,
    report_progress: Callable[[str], None],
) -> EngineFound:
    """Run the steps over the blocks of an engine's book, and write every customer as Parquet.

    Args:
        engine: The engine that holds the book.
        steps: The steps.
        day: The day of the review.
        policies: The policies in force on the day.
        fitted: The fitted values of an earlier review; None: they are fitted to this book.
        out: The folder of results by review date. Its names are those of the files that describe
            the last result of the day, and go with it.
        blocks: The number of blocks.
        report_progress: Called with a title before each task.

    Raises:
        DataError: A frame does not match its contract, or several customers share an account or a
            record id; or another run writes to the folder.
        EngineError: The engine or the disk failed.
    """
    key = {
        "book": engine.identity(),
        "bankcrm": __version__,
        "layout": LAYOUT,
        "steps": [s.name for s in steps],
        "fitted": None if fitted is None else fitted.to_toml(),
        "policies": policies.fingerprint,
        "day": day,
        "blocks": blocks,
    }
    writer = OutputWriter(out.path, day, key, out.force, out.names)
    with writer.alone(), engine.at_work():
        return _run(engine, steps, writer, policies, fitted, blocks, report_progress)


def _run(
    engine: Engine,
    steps: tuple[Step, ...],
    writer: OutputWriter,
    policies: PolicySet,
    fitted: Fitted | None,
    blocks: int,
    report_progress: Callable[[str], None],
) -> EngineFound:
    day = writer.day
    writer.begin()
    workspace = Workspace(writer.root / f".review_date={day.isoformat()}.work", writer.key)
    workspace.begin()
    known = fitted or Fitted(engine.recorded(), policies=policies.fingerprint)
    tasks = BlockTasks(workspace, steps, policies, day, engine.name, engine.zones, known)
    report_progress("splitting the book by customer")
    part_book(engine, workspace, blocks)
    groups = groups_of(workspace, blocks)
    if not groups:
        raise no_customer(())
    jobs: list[Job] = list(enumerate(groups))

    def each(what: str, call: Callable[[Job], None]) -> None:
        def report(place: int) -> None:
            report_progress(f"{what}, block {place + 1} of {len(jobs)}")

        engine.each(call, jobs, report)

    for number in range(number_of_passes(steps)):
        if fitted is None:
            tasks = _learned(tasks, number, len(jobs))
        title = "facts" if not number else _titles(steps, number)
        each(title, partial(tasks.run, number))
        if not number and fitted is None:
            corrected = _corrected(tasks, len(jobs))
            if corrected is not tasks:
                tasks = corrected
                engine.each(partial(tasks.run, number), jobs, lambda place: None)
    each("results", partial(tasks.finish, writer))
    sources = tasks.sources(len(jobs))
    faults = _merged([fault for found in sources for fault in found.faults])
    absent = absences(engine.sizes(), {n for found in sources for n in found.recorded}, faults)
    if "customers" in absent:
        raise no_customer(faults)
    reasons = reasons_of(steps, tasks.fitted, absent)
    signs = tasks.signs(len(jobs))
    faults += tuple(oddities(signs, day, policies["bank"]))
    output = writer.commit(
        {"as_of": day.isoformat(), "policies": policies.fingerprint, "bankcrm": __version__}
    )
    workspace.end()
    limits = limits_of(steps, tasks.fitted, reasons, absent)
    # Complaints are checked together later: those of unknown customers are in no block.
    faults = tuple(f for f in faults if f.frame != "complaints")
    return EngineFound(output, tasks.fitted, reasons, limits, faults, period_of(signs))


def default_blocks(engine: Engine) -> int:
    """The number of blocks for an engine's book, by its number of transactions."""
    moves = engine.fetch(f"SELECT COUNT(*) AS n FROM {engine.place('transactions')}")
    return 1 + int(moves["n"].iloc[0]) // ROWS_PER_BLOCK


def number_of_passes(steps: tuple[Step, ...]) -> int:
    """The number of passes over the blocks that the steps need."""
    return 1 + max(passes_of(steps).values())


def _titles(steps: tuple[Step, ...], number: int) -> str:
    passes = passes_of(steps)
    return ", ".join(dict.fromkeys(s.title for s in steps if passes[s.name] == number))


def _corrected(tasks: BlockTasks, blocks: int) -> BlockTasks:
    """The tasks with what the checked frames record, if a whole frame or column was rejected."""
    recorded = {n for found in tasks.sources(blocks) for n in found.recorded}
    if recorded == set(tasks.fitted.recorded):
        return tasks
    fitted = attrs.evolve(tasks.fitted, recorded=recorded)
    return attrs.evolve(tasks, fitted=fitted, corrected=True)


def _learned(tasks: BlockTasks, number: int, blocks: int) -> BlockTasks:
    """The tasks with the fitted values of the steps of a pass."""
    fitted = tasks.fitted
    for step in tasks.steps:
        if step.fit is not None and number and tasks.learns(step, number):
            value = step.fit.learn(tasks.sample(step, blocks), tasks.policies)
            fitted = fitted.with_value(step.fit.name, value)
    return attrs.evolve(tasks, fitted=fitted)


WHOLE = ("complaints", "links", "credits", "capital")
"""The frames that are read whole: they are few, and some of their rows belong to no customer."""


def whole_book(engine: Engine, frames: Iterable[str] = ()) -> Book:
    """A book of all complaints, links and credits, which are few, with the customers they name.

    Args:
        engine: The engine.
        frames: More frames to read, for these customers only.
    """
    found: dict[str, Any] = {
        name: engine.zoned(name, engine.fetch(f"SELECT * FROM {engine.place(name)}"))
        for name in WHOLE
        if name in engine.columns
    }
    ids = [
        f"SELECT {column} AS customer_id FROM {engine.place(name)}"
        for name in found
        for column in ("customer_id", "parent_id", "child_id")
        if column in engine.columns[name]
    ]
    one = f"SELECT MIN(customer_id) AS customer_id FROM {engine.place('customers')}"
    named = " UNION ".join([one, *ids])
    others = (set(frames) | {"customers"}) & set(engine.columns) - set(found)
    found |= {
        name: engine.zoned(
            name,
            engine.fetch(
                f"SELECT f.* FROM {engine.place(name)} f "
                f"JOIN ({named}) n ON f.customer_id = n.customer_id"
            ),
        )
        for name in others
    }
    found.setdefault("transactions", empty_frame("transactions"))
    return Book(**found, name=engine.name)


def _merged(found: list[dict[str, Any]]) -> tuple[DataFault, ...]:
    """The faults of all blocks, merged by kind with their counts."""
    merged: dict[tuple[str, ...], DataFault] = {}
    for raw in found:
        fault = DataFault(**raw)
        key = (fault.frame, fault.column, fault.problem, fault.expected, fault.advice)
        before = merged.get(key)
        if before is not None:
            examples = first_few(sorted((*before.examples, *fault.examples), key=_row))
            fault = attrs.evolve(fault, count=fault.count + before.count, examples=examples)
        merged[key] = fault
    return tuple(merged.values())


def _row(example: str) -> int:
    """The number of the row of an example, such as ``row 7: 'POS'``; 0 where it has none."""
    found = re.match(r"row (\d+)", example)
    return int(found[1]) if found else 0
