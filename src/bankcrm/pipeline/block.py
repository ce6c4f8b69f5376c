"""Whole customers of a checked book, and the columns found about them so far."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import date
from typing import Any

import attrs
import numpy as np
import pandas as pd

from bankcrm.book.view import BookView
from bankcrm.errors import DataError, PluginError
from bankcrm.frames.numbering import categorical
from bankcrm.pipeline.fitted import Fitted
from bankcrm.pipeline.step import Decision, Step
from bankcrm.plugins import PluginFacts, fact_sources_of
from bankcrm.policy import Policy, PolicySet


@attrs.define(eq=False)
class Block:
    """Some customers of a book, on their way through the steps.

    Attributes:
        customers: The customers, in order.
        day: The day of the review.
        policies: What decides.
        fitted: What is known of the whole book so far.
        read: Makes the view of the block's checked frames, when a step first reads them.
        absent: The results that are null in the whole book.
        found: The columns found so far, one row per customer.
    """

    customers: pd.Index
    day: date
    policies: PolicySet
    fitted: Fitted
    read: Callable[[], BookView]
    absent: Collection[str] = ()
    found: pd.DataFrame = attrs.field(init=False)
    _view: BookView | None = attrs.field(init=False, default=None)

    @found.default
    def _no_columns(self) -> pd.DataFrame:
        return pd.DataFrame(index=self.customers)

    @property
    def view(self) -> BookView:
        """The view of the block's frames."""
        if self._view is None:
            self._view = self.read()
        return self._view

    def policy(self, domain: str) -> Policy:
        """The policy of a domain."""
        return self.policies[domain]

    def release(self, frames: Iterable[str]) -> None:
        """Drop the arrays kept of these frames."""
        if self._view is not None:
            self._view.release(frames)

    def add(self, columns: pd.DataFrame) -> None:
        """Join columns; one that is there already is replaced."""
        if not columns.index.equals(self.customers):
            raise DataError(
                f"columns {', '.join(map(str, columns.columns))} of a step: {len(columns)} rows; "
                f"expected one row per customer ({len(self.customers)}), in their order"
            )
        columns = columns.set_axis(self.customers, axis=0)
        again = [name for name in columns if name in self.found]
        if again:
            self.found = self.found.assign(**{str(name): columns[name] for name in again})
            columns = columns.drop(columns=again)
        self.found = pd.concat([self.found, columns], axis=1)

    def gather(self, step: Step) -> pd.DataFrame:
        """The facts of a step; no column where it has none of its own."""
        if step.facts is None:
            return pd.DataFrame(index=self.customers)
        return step.facts(self)

    def apply(self, step: Step, raw: pd.DataFrame) -> None:
        """Add the step's columns and those of its decisions."""
        value = None if step.fit is None else self.fitted.values.get(step.fit.name)
        self.add(self._limited(step, raw if step.apply is None else step.apply(self, raw, value)))
        if step.derive is not None:
            self.add(self._limited(step, step.derive(self.found, self.policies)))
        self._run_sources()
        for decision in step.decisions:
            self.add(self._decided(step, decision))

    def leave_out(self, step: Step) -> None:
        """Add the step's columns as nulls: the book does not record what they need."""
        size = len(self.customers)
        columns: dict[str, Any] = dict.fromkeys((*step.shown, *step.hidden), np.full(size, np.nan))
        for decision in step.decisions:
            table = self.policy(step.domain).table(decision.table)
            nothing = np.full(size, -1, np.int8)
            if decision.outcome:
                columns[decision.outcome] = categorical(nothing, list(table.vocabulary))
            columns[decision.rule_column] = categorical(nothing, [r.id for r in table.rules])
        self.add(pd.DataFrame(columns, index=self.customers))
        self._run_sources()

    def _limited(self, step: Step, columns: pd.DataFrame) -> pd.DataFrame:
        """The columns, null where the book cannot tell them or where the step does not apply."""
        nowhere = np.zeros(len(columns), np.bool_)
        shown = step.shown if step.where else ()
        made: dict[str, pd.Series] = {}
        for name in map(str, columns):
            if name in self.absent:
                made[name] = columns[name].where(nowhere)
            elif name in shown:
                made[name] = columns[name].where(self.found[step.where].to_numpy(np.bool_))
        return columns.assign(**made) if made else columns

    def _run_sources(self) -> None:
        """Run each plug-in's fact source as soon as the facts that it reads are there."""
        for source in self._sources():
            if set(source.reads) <= set(self.found.columns):
                frames = {n: f.frame for n in source.frames if (f := self.view.get(n)) is not None}
                self.add(source.compute(self.found, frames, self.day))

    def _sources(self) -> list[PluginFacts]:
        """The fact sources of customers that have not run yet."""
        return [
            source
            for source in fact_sources_of(self.policies)
            if source.domain != "complaints" and not set(source.columns) <= set(self.found.columns)
        ]

    def _decided(self, step: Step, decision: Decision) -> pd.DataFrame:
        waiting = {c: s for s in self._sources() for c in s.columns}
        table = self.policy(step.domain).table(decision.table)
        for fact in table.compiled.facts:
            column = decision.columns.get(fact, fact)
            if column not in self.found and column in waiting:
                source = waiting[column]
                raise PluginError(
                    f"plug-in {source.plugin}: table {decision.table!r} reads {fact!r} before "
                    f"source {source.source.name!r} can give it: it waits for "
                    f"{', '.join(c for c in source.reads if c not in self.found)}"
                )
        where = step.where_of(decision)
        return decide(attrs.evolve(decision, where=where), self.found, self.policy(step.domain))


def decide(decision: Decision, found: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """The outcome and the rule of a decision, for the rows to which it applies."""
    table = policy.table(decision.table)
    columns = {f: found[decision.columns.get(f, f)] for f in table.compiled.facts
               if decision.columns.get(f, f) in found}  # fmt: skip
    facts = pd.DataFrame(columns, index=found.index, copy=False)
    names = {"outcome": decision.outcome, "rule": decision.rule_column}
    if not decision.where:
        made = table.decide_frame(facts, on_missing=decision.on_missing)
        return pd.DataFrame({new: made[old] for old, new in names.items() if new}, copy=False)
    applies = found[decision.where].to_numpy(np.bool_)
    made = table.decide_frame(facts.loc[applies], on_missing=decision.on_missing)
    # By places: to look each customer up by its id would take longer than the decision.
    place = np.where(applies, np.cumsum(applies) - 1, -1)
    spread = {new: made[old].array.take(place, allow_fill=True)
              for old, new in names.items() if new}  # fmt: skip
    return pd.DataFrame(spread, index=found.index, copy=False)
