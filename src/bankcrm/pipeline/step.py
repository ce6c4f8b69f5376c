"""What one step of a review is: facts, a fit to the whole book, and decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.policy import PolicySet
from bankcrm.rules.model import OnMissing

if TYPE_CHECKING:
    from bankcrm.pipeline.block import Block


@attrs.frozen
class Decision:
    """One decision table of a step, and the columns of its outcome.

    Attributes:
        table: The table's id in the policy of the step's domain.
        outcome: The column of the outcome, which later steps read; empty for a table that collects
            rules and so has no single outcome.
        rule: The column of the rule that decided; ``<outcome>_rule`` if empty.
        columns: Fact of the table -> column, where the names differ.
        where: A boolean column: the decision applies to the rows where it is true; the others are
            null. Empty: it applies to every row.
        on_missing: ``raise``, or ``undecided`` for a null outcome where a fact is missing.
        shown: Which of ``outcome`` and ``rule`` the review's frame of customers shows.
        counted: Whether the summary counts the outcomes.
    """

    table: str
    outcome: str
    rule: str = ""
    columns: Mapping[str, str] = attrs.field(factory=dict)
    where: str = ""
    on_missing: OnMissing = "undecided"
    shown: tuple[str, ...] = ("outcome", "rule")
    counted: bool = False

    @property
    def rule_column(self) -> str:
        """The column of the rule that decided."""
        return self.rule or f"{self.outcome}_rule"


@attrs.frozen
class Fit:
    """What a step learns from the whole book: one small frozen value.

    Attributes:
        name: The name of the value in `Fitted`.
        kind: The class of the value, by which it is read back from TOML.
        sample: (raw facts, columns found so far) of one block -> the rows that the fit needs of it.
        learn: (the samples of all blocks, policies) -> the value.
    """

    name: str
    kind: type
    sample: Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]
    learn: Callable[[pd.DataFrame, PolicySet], Any]


@attrs.frozen
class Step:
    """One step of a review. All of it but ``fit`` is row-local: a customer in a block of customers
    gets the same as in the whole book.

    Attributes:
        name: The step's name.
        title: What it does, for people.
        domain: Whose policy decides.
        facts: The facts of a block's customers. It alone reads frames.
        fit: What the step learns from the whole book, if anything.
        apply: (block, raw facts, fitted value) -> the step's columns; by default the raw facts.
        derive: (columns found so far, policies) -> more columns; a simulation runs it again.
        derives_from: The columns that ``derive`` reads.
        decisions: Tables, in order, each on the columns found before it.
        reads: Earlier steps whose columns ``facts`` reads; none of them may wait for a fit.
        after: Earlier steps whose columns the fit's sample reads.
        requires: Earlier steps without which this one has no result either.
        frames: Frames of the book that ``facts`` reads.
        needs: Frames or columns (``transactions.balance``) of which the book must record at least
            one; else the step's columns are null, with a reason.
        shown: Columns, beside those of the decisions, that the review shows of the step.
        hidden: Columns that later steps read and the review does not show.
    """

    name: str
    title: str
    domain: str
    facts: Callable[[Block], pd.DataFrame] | None = None
    fit: Fit | None = None
    apply: Callable[[Block, pd.DataFrame, Any], pd.DataFrame] | None = None
    derive: Callable[[pd.DataFrame, PolicySet], pd.DataFrame] | None = None
    derives_from: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    reads: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the review shows of the step: decisions first."""
        columns: list[str] = []
        for d in self.decisions:
            named = {"outcome": d.outcome, "rule": d.rule_column}
            columns += [named[part] for part in d.shown]
        return (*columns, *self.shown)


def passes_of(steps: tuple[Step, ...]) -> dict[str, int]:
    """The pass over the blocks in which each step is applied; steps are applied in their order.

    Pass 0 reads the frames. A step that fits waits for a sample of every block, so it comes one
    pass after the steps whose columns its sample reads.

    Raises:
        DataError: A step uses one that does not come before it, or its facts wait for a fit.
    """
    found: dict[str, int] = {}
    for step in steps:
        late = [n for n in (*step.reads, *step.after, *step.requires) if n not in found]
        if late:
            raise DataError(f"step {step.name!r} uses {', '.join(late)}, which comes later")
        if waiting := [n for n in step.reads if found[n]]:
            raise DataError(f"step {step.name!r}: its facts wait for the fit of {waiting[0]!r}")
        known = max((found[n] for n in step.after), default=0)
        before = max(found.values(), default=0)
        found[step.name] = max(before, known + 1) if step.fit is not None else before
    return found
