"""Decision tables: ordered, dated, cited rules over named facts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import attrs
import pandas as pd

from bankcrm._display import card, line, stamp
from bankcrm.arguments import as_kind, as_mapping
from bankcrm.errors import PolicyError
from bankcrm.rules.check import Finding, check, overlaps
from bankcrm.rules.compare import TableComparison, compare
from bankcrm.rules.compiled import Compiled, compile_table
from bankcrm.rules.decision import Decision, Trace, decide, trace
from bankcrm.rules.dmn_write import MissingIn, write_dmn
from bankcrm.rules.frame import DecisionCodes, decide_codes, decide_frame
from bankcrm.rules.model import OnMissing, TableDefinition, changed_parameters
from bankcrm.rules.sheet import write_xlsx
from bankcrm.rules.sheet_read import read_xlsx
from bankcrm.rules.sql import TableSql, to_sql
from bankcrm.rules.toml import read_table, write_table


@attrs.frozen(repr=False)
class DecisionTable(TableDefinition):
    """Ordered rules over named facts; one definition for a mapping and for ten million rows.

    Attributes:
        id: The table's name.
        rules: The rules, in order.
        outcomes: The vocabulary of outcomes, in display order; empty means "as the rules say".
        hit_policy: What happens where several rules apply.
        facts: Type, values and bounds of each fact; a fact that is not declared takes the type of
            its tests.
        parameters: The parameters that tests name with ``@``.
        version: The table's version.
        title: What the table decides, for people.
        effective_from: First day on which the table is in force; None for "always was".
        effective_to: Last day on which the table is in force; None for "until further notice".

    >>> from bankcrm.rules import Parameter, Rule
    >>> table = DecisionTable(
    ...     id="activity", outcomes=("active", "dormant"),
    ...     parameters={"idle": Parameter(90, unit="days")},
    ...     rules=(Rule("recent", {"days_idle": "< @idle"}, "active"),
    ...            Rule("idle", {"days_idle": ">= @idle"}, "dormant", source="LCM-2")))
    >>> table.decide({"days_idle": 120}).outcome
    'dormant'
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DecisionTable) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return line(
            f"DecisionTable {self.id!r}",
            {
                "version": self.version,
                "rules": len(self.rules),
                "hit policy": self.hit_policy.value,
                "fingerprint": self.fingerprint[:12],
            },
        )

    def _repr_html_(self) -> str:
        rows = [
            {
                "rule": r.id,
                "when": tuple(f"{fact} {test}" for fact, test in r.when.items()) or "otherwise",
                "then": r.then,
                "because": r.because,
                "source": r.source,
            }
            for r in self.rules
        ]
        figures = {name: p.value for name, p in self.parameters.items()}
        note = f"{self.hit_policy.value}, {stamp(self.version, self.fingerprint)}"
        return card(self.title or self.id, figures, rows=rows, note=note)

    @classmethod
    def from_toml(cls, source: str | Path) -> Self:
        """Read a table from TOML text or from a file.

        Raises:
            PolicyError: All errors of the file together, each with its path.
        """
        return read_table(cls, source).checked()

    def to_toml(self) -> str:
        """The table as TOML text; `from_toml` gives back an equal table."""
        return write_table(self)

    def to_dmn(self, *, missing: MissingIn = "guard") -> str:
        """The table as DMN 1.3, from which `bankcrm.rules.read_dmn` reads an equal table.

        Args:
            missing: What another engine makes of a missing fact. ``guard``: rows before or after
                the rules give null, so that it decides as `decide` does with
                ``on_missing="undecided"``. ``feel``: the rules alone; a missing fact is then what
                FEEL makes of null, which is often false.

        Returns:
            The XML. Parameters are decisions of one constant each, with ``parameter_`` before
            their name; annotations hold rule, reason and source.

        Raises:
            PolicyError: A text has a character that XML cannot hold.

        >>> from bankcrm.rules import Rule
        >>> table = DecisionTable(id="t", rules=(Rule("of-age", {"age": ">= 18"}, "yes"),
        ...                                      Rule("minor", {}, "no")))
        >>> table.to_dmn(missing="feel").count("<rule ")
        2
        """
        return write_dmn([self], missing)

    @classmethod
    def from_xlsx(cls, path: str | Path) -> Self:
        """Read a table from a workbook that `to_xlsx` wrote and a person has edited.

        Cells are in the notation of DMN: ``>= 365``, ``[18..30)``, ``gold, silver``, ``not(gold)``,
        ``null`` for a missing fact; an empty cell tests nothing. Sheets whose name begins with
        ``notes`` are left to people.

        Raises:
            PolicyError: All errors of the workbook together, each with its cell.
            MissingExtraError: openpyxl is not installed.
        """
        return read_xlsx(cls, path)

    def to_xlsx(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the table to a workbook that a person can edit and `from_xlsx` reads.

        Every cell is text, so that no program makes a date or a formula of it.

        Args:
            path: The file.
            force: Whether to replace a file that exists.

        Returns:
            The path.

        Raises:
            PolicyError: The file exists, or a text does not fit in a cell.
            MissingExtraError: openpyxl is not installed.
        """
        return write_xlsx(self, path, force=force)

    def check(self) -> list[Finding]:
        """Prove the table: find overlaps, gaps, shadowed and unreachable rules, unknown names."""
        return check(self)

    def checked(self) -> Self:
        """The same table, if it has no errors.

        Raises:
            PolicyError: All errors that `check` finds.
        """
        if self._errors:
            raise PolicyError(self._errors)
        return self

    def decide(self, facts: Mapping[str, object], *, on_missing: OnMissing = "raise") -> Decision:
        """Decide one case.

        Args:
            facts: Fact name to value; a fact that is not there counts as missing.
            on_missing: ``raise``, or ``undecided`` for an outcome of None that names the fact.

        Raises:
            MissingFactError: The table cannot go on without a fact that is missing.
            DataError: A value is of the wrong type.
        """
        return decide(self.compiled, facts, on_missing)

    def decide_frame(self, frame: object, *, on_missing: OnMissing = "raise") -> pd.DataFrame:
        """Decide every row; the same rules as `decide`.

        Args:
            frame: A pandas DataFrame or Arrow data; one column per fact, others are ignored.
            on_missing: ``raise``, or ``undecided`` to keep such rows with a null outcome and a
                column ``missing`` that names the fact.

        Returns:
            Frame with the caller's index and the categorical columns ``outcome`` and ``rule``.
        """
        return decide_frame(self.compiled, frame, on_missing)

    def decide_codes(self, frame: object, *, on_missing: OnMissing = "raise") -> DecisionCodes:
        """Decide every row and return integer codes, for further computation."""
        return decide_codes(self.compiled, frame, on_missing)

    def to_sql(self, dialect: str, *, columns: Mapping[str, str] | None = None) -> TableSql:
        """The table as SQL that decides as `decide_frame` does with ``on_missing="undecided"``.

        Parameters are filled in, names are quoted and texts escaped. A rule that cannot be
        evaluated for a missing fact stops the row here as well, where plain SQL would go on. A
        value that `decide_frame` refuses leaves its row without an outcome, and ``outside`` names
        the fact. So does a value in a column of another type, such as 0 and 1 for a boolean or an
        instant with a zone for a date: give its day in a zone of your choice. Where an engine
        cannot compare a type at all, it refuses the whole query. BigQuery and Oracle cannot tell
        the type of a column in an expression; there the engine's own rules apply.

        Args:
            dialect: ``duckdb``, ``spark``, ``postgres``, ``snowflake``, ``bigquery``, ``oracle``
                or ``tsql``.
            columns: Fact name to column name, where they differ.

        Returns:
            One expression each for the outcome, the rule's id, the missing fact and a value that
            the table does not allow.

        Raises:
            PolicyError: The table collects rules, or a text cannot be written in SQL.
            MissingExtraError: Sqlglot is not installed.

        >>> from bankcrm.rules import Rule
        >>> table = DecisionTable(id="t", rules=(Rule("of-age", {"age": ">= 18"}, "yes"),
        ...                                      Rule("minor", {}, "no")))
        >>> print(table.to_sql("oracle").rule.replace(" WHEN", chr(10) + "WHEN"))
        CASE
        WHEN NANVL("age", NULL) >= 18 THEN 'of-age'
        WHEN NANVL("age", NULL) IS NULL OR NANVL("age", NULL) >= 18 THEN NULL ELSE 'minor' END
        """
        names = as_mapping(columns, "columns", "a mapping of fact to column")
        return to_sql(self.compiled, dialect, names)

    def explain(self, facts: Mapping[str, object]) -> Trace:
        """Every rule and every cell with the value seen: passed, failed or unknown."""
        return trace(self.compiled, facts)

    def compare(self, other: DecisionTable, frame: object) -> TableComparison:
        """What changes for these rows if ``other`` takes this table's place."""
        as_kind(other, DecisionTable, "other")
        return compare(self.compiled, other.compiled, frame)

    def with_parameters(self, values: Mapping[str, Any]) -> Self:
        """The same table with other parameter values; unknown names are refused."""
        changed = changed_parameters(values, self.parameters, self.parameters.__getitem__)
        return attrs.evolve(self, parameters={**self.parameters, **changed})

    @cached_property
    def _errors(self) -> tuple[str, ...]:
        return tuple(str(f) for f in self.check() if f.severity == "error")

    @cached_property
    def compiled(self) -> Compiled:
        """The table made ready to run: parameters filled in, tests compiled, types resolved.

        Raises:
            PolicyError: A test names an unknown parameter or fact, or mixes types; or two rules
                apply together under ``unique``, or with different outcomes under ``any``: the
                order of the rules would decide.
        """
        made = compile_table(self)
        if found := overlaps(self):
            raise PolicyError(map(str, found))
        return made
