"""The result of a comparison of two sets of policies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pandas as pd

from bankcrm._display import card, line
from bankcrm.arguments import as_path
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.folders import ResultFolder
from bankcrm.frames.plain import plain_rows
from bankcrm.report import write_csv
from bankcrm.report.words import Count
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_LISTED = 10
"""How many rows that move the text lists."""
_PAIRS = 5
"""How many pairs of outcomes of one decision the text of all decisions lists."""
_FILES = ("moves.csv", "actions.csv", "cost.csv", "impact.json")


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.astype(object).to_dict("records")]


@attrs.frozen(eq=False)
class DecisionImpact:
    """The change of one decision.

    Attributes:
        domain: The domain of the policy.
        table: The table's id.
        rows: How many rows were decided.
        migration: Counts of rows, outcomes before by outcomes after.
        value: The same with the sum of the value column; None without such a column.
        moved: One row per row that moves: ``before``, ``after``, ``rule_before``, ``rule_after``.
        reasons: One row per pair of rules by which rows moved: ``count``, ``value`` and ``because``
            (of the new rule), most rows first.
    """

    domain: str
    table: str
    rows: int
    migration: pd.DataFrame
    value: pd.DataFrame | None
    moved: pd.DataFrame
    reasons: pd.DataFrame

    def __str__(self) -> str:
        return f"{self._title()}\n{self.migration.to_string()}"

    def to_dict(self) -> dict[str, Any]:
        """The change as plain values, ready for JSON; ``migration`` is before -> after -> rows."""
        return {
            "domain": self.domain,
            "rows": self.rows,
            "moved": len(self.moved),
            "migration": self.migration.astype(object).to_dict("index"),
            "reasons": _rows(self.reasons),
        }

    def plot(self, ax: Axes | None = None, language: Language = "en") -> Axes:
        """Plot the moves of this decision, the most frequent first."""
        from bankcrm.plots import bars

        return bars.impact(self.migration, ax=ax, language=language)

    def __repr__(self) -> str:
        figures = {"rows": self.rows, "moved": len(self.moved)}
        return line(f"DecisionImpact {self.domain}.{self.table}", figures)

    def _repr_html_(self) -> str:
        return card(self._title(), frame=self.migration)

    def _title(self) -> str:
        moved, rows = Count(len(self.moved)), Count(self.rows)
        return f"{self.domain}.{self.table}: {moved} of {rows} {rows:row|rows} {moved:moves|move}"


def _short(decision: DecisionImpact) -> str:
    """From which outcome to which rows move, the most frequent first."""
    pairs = decision.moved["before"].astype(str) + " → " + decision.moved["after"].astype(str)
    counted = pairs.value_counts().head(_PAIRS)
    lines = [f"  {pair}: {n:,}" for pair, n in counted.items()]
    more = len(pairs) - int(counted.sum())
    title = str(decision).partition("\n")[0]
    return "\n".join([title, *lines, *([f"  other moves: {more:,}"] if more else [])])


def moves_of(decisions: Mapping[str, DecisionImpact]) -> pd.DataFrame:
    """One row per customer or complaint and decision that moves.

    Returns:
        ``id``, ``decision``, ``before``, ``after``, ``rule_before``, ``rule_after`` (text), by
        decision.
    """
    names = ("before", "after", "rule_before", "rule_after")
    parts = [
        pd.DataFrame(
            {
                "id": impact.moved.index.astype(object),
                "decision": table,
                **{n: impact.moved[n].astype(str).to_numpy() for n in names},
            }
        )
        for table, impact in decisions.items()
        if len(impact.moved)
    ]
    columns = ["id", "decision", *names]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _first(rows: pd.DataFrame) -> str:
    return f" (the first {_LISTED} of {len(rows):,})" if len(rows) > _LISTED else ""


@attrs.frozen(eq=False)
class Impact:
    """What changes if the proposed policies replace the current ones.

    Attributes:
        changes: Differences between the policies, as ``domain: path: before -> after``.
        decisions: Table id -> its change; only tables that both sets can decide.
        skipped: Table id -> why it was not compared.
        moved: Index of the customers for whom any decision changes.
        resources: One row per resource level: customers ``before``, ``after`` and ``change``.
        workload: One row per department: actions of the stage playbook ``before``, ``after`` and
            ``change``.
        cost: One row per measure of what the tiers cost: ``before``, ``after`` and ``change``; see
            `bankcrm.simulation.moves.cost_of`.
        actions: The actions that are added, dropped or changed; empty for a frame of facts.
    """

    changes: tuple[str, ...]
    decisions: Mapping[str, DecisionImpact]
    skipped: Mapping[str, str]
    moved: pd.Index
    resources: pd.DataFrame
    workload: pd.DataFrame
    cost: pd.DataFrame
    actions: pd.DataFrame

    @property
    def moves(self) -> pd.DataFrame:
        """Who moves: one row per customer or complaint and decision, from where to where."""
        return moves_of(self.decisions)

    def __str__(self) -> str:
        parts = [self._title()]
        parts += list(self.changes)
        parts += [_short(d) for d in self.decisions.values() if len(d.moved)]
        if len(moves := self.moves):
            parts.append(f"who moves{_first(moves)}\n{moves.head(_LISTED).to_string(index=False)}")
        for name, frame in (("resource level", self.resources), ("department", self.workload)):
            if len(frame) and frame["change"].any():
                parts.append(f"customers or actions by {name}\n{frame.to_string()}")
        if self.cost["change"].any():
            parts.append(f"what it costs\n{self.cost.round(2).to_string()}")
        if len(self.actions):
            counts = self.actions.groupby(["action", "department", "change"]).size()
            parts.append(
                f"actions that change\n{counts.unstack('change', fill_value=0).to_string()}"
            )
        return "\n\n".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """The result as plain values, ready for JSON: frames as lists of rows."""
        return {
            "changes": list(self.changes),
            "moved": self.moved.tolist(),
            "decisions": {name: d.to_dict() for name, d in self.decisions.items()},
            "skipped": dict(self.skipped),
            "resources": _rows(self.resources.reset_index()),
            "workload": _rows(self.workload.reset_index()),
            "moves": plain_rows(self.moves),
            "cost": plain_rows(self.cost),
            "actions": plain_rows(self.actions),
        }

    def write(self, folder: str | Path, *, force: bool = False) -> None:
        """Write who moves, which actions change, and everything as JSON.

        Args:
            folder: The folder; it is made if it does not exist.
            force: Replace files of these names in a folder that bankcrm did not write.

        Raises:
            DataError: The folder has files that bankcrm did not write.
        """
        place = ResultFolder(as_path(folder, "folder"), "simulation", _FILES, force)
        with place.replaced() as target:
            write_csv(self.moves, target / "moves.csv", index=False)
            write_csv(self.actions, target / "actions.csv", index=False)
            write_csv(self.cost, target / "cost.csv")
            text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, default=str)
            (target / "impact.json").write_text(text + "\n", encoding="utf-8")

    def plot(
        self, ax: Axes | None = None, language: Language = "en", *, table: str | None = None
    ) -> Axes:
        """Plot the moves of one decision, the most frequent first.

        Args:
            ax: Axes to draw on; None makes a figure.
            language: Language of titles and labels.
            table: The decision; None: the one that moves most rows.

        Raises:
            UnknownNameError: No such decision was compared.
            DataError: No row moves.
        """
        if table is not None and table not in self.decisions:
            raise UnknownNameError("decision compared", table, self.decisions)
        if not self.decisions:
            raise DataError("impact: nothing to plot, because no decision was compared")
        most = max(self.decisions.values(), key=lambda d: len(d.moved))
        return (most if table is None else self.decisions[table]).plot(ax, language)

    def __repr__(self) -> str:
        figures = {"changes of policy": len(self.changes), "rows moved": len(self.moved)}
        return line("Impact", {**figures, "decisions compared": len(self.decisions)})

    def _repr_html_(self) -> str:
        rows = [
            {"decision": f"{d.domain}.{d.table}", "rows": d.rows, "moved": len(d.moved)}
            for d in self.decisions.values()
        ]
        changes = {"changes": self.changes, "skipped": tuple(self.skipped)}
        return card(self._title(), changes, self.resources, rows=rows)

    def _title(self) -> str:
        changes, moved = Count(len(self.changes)), Count(len(self.moved))
        return f"{changes} {changes:change|changes} of policy, {moved} {moved:row moves|rows move}"
