"""What one step of a review is: facts, a fit to the whole book, decisions, and what they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import pandas as pd

from bankcrm.book.contract import CONTRACT
from bankcrm.calendars import WorkingCalendar
from bankcrm.errors import DataError
from bankcrm.policy import PolicySet
from bankcrm.rules.model import OnMissing

if TYPE_CHECKING:
    from bankcrm.pipeline.block import Block


Sections: TypeAlias = Sequence[tuple[str, pd.DataFrame | str]]
"""Title and content of sections of a report."""

CUSTOMER = "is_customer"
"""The column that says who is a customer of the bank on the day."""


@attrs.frozen
class Need:
    """What some results of a step rest on, and what happens without it.

    Attributes:
        any_of: Frames (``balances``), their columns (``transactions.balance``) or results of
            earlier steps (``contribution``): the book must have at least one of them.
        results: The columns that are null without it; empty: every column of the step. An outcome
            is still there for a row that a rule decides without the missing fact.
        partial: Where the results are not null without it: what they then leave out.
    """

    any_of: tuple[str, ...]
    results: tuple[str, ...] = ()
    partial: str = ""


def in_book(name: str) -> bool:
    """Whether a name is that of a frame of a book or of its column.

    >>> in_book("transactions.balance"), in_book("contribution")
    (True, False)
    """
    return name.partition(".")[0] in CONTRACT


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
            null. Empty: the ``where`` of the step.
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
        learn: (the samples of all blocks, policies) -> the value; None where there is nothing to
            learn from.
        nothing: Why the columns of the step are null where there was nothing to learn from.
    """

    name: str
    kind: type
    sample: Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]
    learn: Callable[[pd.DataFrame, PolicySet], Any]
    nothing: str = "there is nothing to learn from"


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
        frames: Frames of the book that ``facts`` reads.
        needs: What the step's results rest on.
        where: A boolean column: the results shown are null where it is false. Empty: the step
            applies to every row.
        unknown: Why a result is null for one customer of a book that records what it needs.
        shown: Columns, beside those of the decisions, that the review shows of the step.
        counted: Which of these the summary counts.
        hidden: Columns that later steps read and the review does not show.
        sections: (every column found, or None where they are on disk) -> title and content of
            sections of the report.
        follow_up: (the day, the calendar of working days) -> what follows for staff, as
            `bankcrm.scorecards.follow_up` lists it.
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
    frames: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    where: str = ""
    unknown: str = "not recorded for the customer"
    shown: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    sections: Callable[[pd.DataFrame | None], Sections] | None = None
    follow_up: Callable[[date, WorkingCalendar], pd.DataFrame] | None = attrs.field(
        default=None,
        repr=False,  # it may hold the checks of employees
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the review shows of the step: decisions first."""
        columns: list[str] = []
        for d in self.decisions:
            named = {"outcome": d.outcome, "rule": d.rule_column}
            columns += [named[part] for part in d.shown]
        return (*columns, *self.shown)

    @property
    def results(self) -> tuple[str, ...]:
        """Every result of the step: outcomes first."""
        outcomes = [d.outcome or d.rule_column for d in self.decisions]
        return (*outcomes, *self.shown, *self.hidden)

    def where_of(self, decision: Decision) -> str:
        """The column that says to which rows a decision applies; empty: to every row."""
        return decision.where or self.where


def passes_of(steps: tuple[Step, ...]) -> dict[str, int]:
    """The pass over the blocks in which each step is applied; steps are applied in their order.

    Pass 0 reads the frames. A step that fits waits for a sample of every block, so it comes one
    pass after the steps whose columns its sample reads.

    Raises:
        DataError: A step uses one that does not come before it, or its facts wait for a fit.
    """
    found: dict[str, int] = {}
    results: set[str] = set()
    for step in steps:
        late = [n for n in (*step.reads, *step.after) if n not in found]
        asked = [n for need in step.needs for n in need.any_of if not in_book(n)]
        late += [n for n in asked if n not in results]
        results |= set(step.results)
        if late:
            raise DataError(f"step {step.name!r} uses {', '.join(late)}, which comes later")
        if waiting := [n for n in step.reads if found[n]]:
            raise DataError(f"step {step.name!r}: its facts wait for the fit of {waiting[0]!r}")
        known = max((found[n] for n in step.after), default=0)
        before = max(found.values(), default=0)
        found[step.name] = max(before, known + 1) if step.fit is not None else before
    return found
