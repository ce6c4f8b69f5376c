"""What would change: the result of a comparison of two sets of policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs
import pandas as pd

from bankcrm._display import card, line
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@attrs.frozen(eq=False)
class DecisionImpact:
    """What changes in one decision.

    Args:
        domain: the policy's domain.
        table: the table's id.
        rows: how many rows were decided.
        migration: counts, outcomes before by outcomes after.
        value: the same with the value of the customers instead of their number; None without one.
        moved: index of the rows that move; ``before``, ``after``, ``rule_before``, ``rule_after``.
        reasons: a row a pair of rules that moved somebody: ``count``, ``value``, ``because`` (the
            new rule's words), most rows first.
    """

    domain: str
    table: str
    rows: int
    migration: pd.DataFrame
    value: pd.DataFrame | None
    moved: pd.DataFrame
    reasons: pd.DataFrame

    def __str__(self) -> str:
        return (
            f"{self.domain}.{self.table}: {len(self.moved):,} of {self.rows:,} rows move\n"
            f"{self.migration}"
        )

    def plot(self, ax: Axes | None = None, language: Language = "en") -> Axes:
        """The moves of this decision, most first."""
        from bankcrm.plots import bars

        return bars.impact(self.migration, ax=ax, language=language)

    def __repr__(self) -> str:
        told = {"rows": self.rows, "moved": len(self.moved)}
        return line(f"DecisionImpact {self.domain}.{self.table}", told)

    def _repr_html_(self) -> str:
        title = f"{self.domain}.{self.table}: {len(self.moved):,} of {self.rows:,} rows move"
        return card(title, frame=self.migration)


@attrs.frozen(eq=False)
class Impact:
    """What would change if the proposed policies took the place of the current ones.

    Args:
        changes: what differs between the policies, as ``domain: path: before -> after``.
        decisions: table id to what changes in it; only tables that both sets could decide.
        skipped: table id to the reason why it was not compared.
        moved: index of the customers of whom any decision changes.
        resources: a row a resource level: customers ``before``, ``after`` and ``change``.
        workload: a row a department: actions of the stage playbook ``before``, ``after``,
            ``change``.
    """

    changes: tuple[str, ...]
    decisions: Mapping[str, DecisionImpact]
    skipped: Mapping[str, str]
    moved: pd.Index
    resources: pd.DataFrame
    workload: pd.DataFrame

    def __str__(self) -> str:
        parts = [f"{len(self.changes)} changes of policy, {len(self.moved):,} rows move"]
        parts += list(self.changes)
        parts += [str(d) for d in self.decisions.values() if len(d.moved)]
        for name, frame in (("resource level", self.resources), ("department", self.workload)):
            if len(frame) and frame["change"].any():
                parts.append(f"customers or actions by {name}\n{frame}")
        return "\n\n".join(parts)

    def plot(
        self, ax: Axes | None = None, language: Language = "en", *, table: str | None = None
    ) -> Axes:
        """The moves of one decision, most first.

        Args:
            ax: axes to draw on; None makes a figure.
            language: of titles and labels.
            table: the decision; None: the one that moves most rows.

        Raises:
            UnknownNameError: no such decision was compared.
            DataError: nobody moves.
        """
        if table is not None and table not in self.decisions:
            raise UnknownNameError("decision compared", table, self.decisions)
        if not self.decisions:
            raise DataError("impact: nothing to draw; no decision was compared")
        most = max(self.decisions.values(), key=lambda d: len(d.moved))
        return (most if table is None else self.decisions[table]).plot(ax, language)

    def __repr__(self) -> str:
        told = {"changes of policy": len(self.changes), "rows moved": len(self.moved)}
        return line("Impact", {**told, "decisions compared": len(self.decisions)})

    def _repr_html_(self) -> str:
        title = f"{len(self.changes)} changes of policy, {len(self.moved):,} rows move"
        rows = [
            {"decision": f"{d.domain}.{d.table}", "rows": d.rows, "moved": len(d.moved)}
            for d in self.decisions.values()
        ]
        changes = {"changes": self.changes, "skipped": tuple(self.skipped)}
        return card(title, changes, self.resources, rows=rows)
