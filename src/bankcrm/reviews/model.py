"""The result of a review: frames, figures, explanations and files."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card
from bankcrm.actions import select_actions
from bankcrm.arguments import as_kind, as_path, as_whole_number
from bankcrm.databases.connection import Database
from bankcrm.databases.writing import ResultTable, replace_rows, whole_table
from bankcrm.disk import whole_file, writing
from bankcrm.folders import ResultFolder
from bankcrm.frames.ids import as_id, unknown_customer
from bankcrm.pipeline import STEPS, Fitted, Step
from bankcrm.pipeline.reading import decisions_of, explain, null_reasons
from bankcrm.policy import PolicySet
from bankcrm.report import ReportContent, render_html, write_csv, write_excel
from bankcrm.report.html import EarlierReview
from bankcrm.reviews.change import STANDING, ReviewChange, change_since
from bankcrm.reviews.explanation import DecisionLine, Explanation, complaint_lines, decision_line
from bankcrm.reviews.figures import key_figures
from bankcrm.reviews.folder import review_folder, write_summary
from bankcrm.reviews.page_rows import INLINED, plain_complaints, plain_explanations
from bankcrm.reviews.risk import REMEMBERED, RISK_FRAMES, RiskResults
from bankcrm.reviews.series import SERIES, read_history, with_review
from bankcrm.reviews.summary import first_warned
from bankcrm.rules import Trace
from bankcrm.vocabulary import Language

_PARQUET = ("customers.parquet", "customers/*", "complaints.parquet", "actions.parquet",
            "findings.parquet", *(f"{name}.parquet" for name in RISK_FRAMES))  # fmt: skip


@attrs.frozen(eq=False)
class Review:
    """The result of a review.

    Attributes:
        name: The book's name.
        as_of: The day of the review.
        customers: One row per customer of the book, indexed by ``customer_id``: stage, RFM,
            contribution with its components, tier, resource level and warning, each with its rule.
        complaints: One row per accepted complaint, indexed by ``complaint_id``: kind, severity,
            owner, due day, each with its rule.
        actions: One row per action, the most pressing first, with the columns of
            `bankcrm.actions.ACTION_COLUMNS`: what to do, for whom, why, and by when.
        risk: Groups of connected customers, their credit and its limits, and the watch list.
        trend: The last 24 month ends: stages, customers and complaints with what moved in and out;
            see `bankcrm.reviews.trend`.
        summary: The figures of the whole book, ready for JSON.
        findings: Problems of the data: counts and examples.
        policies: The policies that decided.
        facts: All facts and decisions, one row per customer; `explain` reads them.
        fitted: The values fitted to the whole book; ``review(other, fitted=...)`` applies them.
        reasons: Result -> why it is null in the whole book; see also `why_null`.
        limits: What results leave out -> what the book does not record.
        steps: The steps of the review.
        note: A note about the book for the reader.
        currency: Currency of the amounts; empty where it is not known.
        done: The tasks that were done up to the day; None: not known.
    """

    name: str
    as_of: date
    customers: pd.DataFrame
    complaints: pd.DataFrame
    actions: pd.DataFrame
    risk: RiskResults
    trend: pd.DataFrame
    summary: Mapping[str, Any]
    findings: pd.DataFrame
    policies: PolicySet
    facts: pd.DataFrame
    fitted: Fitted
    reasons: Mapping[str, str] = attrs.field(factory=dict)
    limits: Mapping[str, str] = attrs.field(factory=dict)
    steps: tuple[Step, ...] = STEPS
    note: str = ""
    currency: str = ""
    done: pd.DataFrame | None = None

    def __repr__(self) -> str:
        figures = ", ".join(f"{k.lower()} {v}" for k, v in self.key_figures().items())
        return f"<Review of {self.name} as of {self.as_of}: {figures}>"

    def _repr_html_(self) -> str:
        title = f"Review of {self.name} as of {self.as_of}"
        return card(title, self.key_figures(), note=f"policies {self.policies.fingerprint[:12]}")

    def key_figures(self) -> dict[str, str]:
        """The main figures, formatted for people."""
        return key_figures(self.summary, self.reasons, len(self.findings))

    def why_null(self, column: str) -> pd.Series:
        """Why each value of a column of ``customers`` is null: it does not apply, or it is missing.

        Args:
            column: A result, such as ``tier``.

        Returns:
            One text per row of ``facts``, null where the value is there.

        Raises:
            UnknownNameError: The review has no such result.
        """
        return null_reasons(self.facts, column, self.steps, self.policies, self.reasons)

    def explain(self, customer: object) -> Explanation:
        """Explain the decisions about one customer, and what is to be done by when.

        Args:
            customer: The customer's id; text and a whole number of the same digits are alike.

        Returns:
            A value that prints a short form; its `Explanation.full` adds every rule. As a mapping
            it is table id -> trace, in the order of the decisions; a table without an outcome for
            this customer says why: it does not apply, or a fact is missing.

        Raises:
            UnknownNameError: The customer is not in the review.
        """
        customer = as_id(customer, self.facts.index)
        place = np.flatnonzero(self.facts.index == customer)
        if not place.size:
            raise unknown_customer(customer, self.facts.index, "the review")
        row = {str(name): column.iloc[place[0]] for name, column in self.facts.items()}
        traces = explain(row, self.steps, self.policies, self.reasons)
        return Explanation(
            customer=customer,
            as_of=self.as_of,
            traces=traces,
            decisions=self._decision_lines(traces),
            actions=_of_customer(self.actions, customer),
            complaints=complaint_lines(_of_customer(self.complaints, customer), self.policies),
        )

    def _decision_lines(self, traces: Mapping[str, Trace]) -> tuple[DecisionLine, ...]:
        """The main decisions in a line each: those counted, and signals that were found."""
        return tuple(
            decision_line(
                d.outcome or (step.name if len(step.decisions) == 1 else d.table),
                traces[d.table],
                self.policies[step.domain].table(d.table),
            )
            for step, d in decisions_of(self.steps)
            if d.counted or (not d.outcome and _is_found(traces[d.table].decision.outcome))
        )

    def explanations(self, limit: int = INLINED) -> dict[str, Any]:
        """The decisions about at most ``limit`` customers in a compact plain form, for a page.

        A small book has all its customers there. Of a larger book, customers with a warning come
        first, then those with the largest contribution, positive or negative.

        Args:
            limit: The largest number of customers.

        Returns:
            ``tables`` (rules with their tests, and why there may be no outcome), ``facts`` (column
            names) and ``customers``: id -> the numbers of the deciding rules in each table (empty
            where undecided), then the values of the facts.
        """
        limit = as_whole_number(limit, "limit", most=math.inf)
        return plain_explanations(self.facts, self.steps, self.policies, self.reasons, limit)

    def to_html(
        self,
        path: str | Path | None = None,
        *,
        earlier: Review | EarlierReview | None = None,
        language: Language = "en",
    ) -> str:
        """Make the report: one HTML page that needs no network.

        Args:
            path: The file to write; None writes no file.
            earlier: An earlier review; the page then shows the change of key figures and tiers.
            language: ``en`` or ``zh``.

        Returns:
            The page.

        Raises:
            MissingExtraError: The extra ``report`` is not installed.
        """
        change = None if earlier is None else self.change_since(earlier)
        text = self._page(earlier, language, None, change)
        if path is not None:
            with whole_file(as_path(path)) as temporary:
                temporary.write_text(text, encoding="utf-8")
        return text

    def _page(
        self,
        earlier: Review | EarlierReview | None,
        language: Language,
        history: pd.DataFrame | None,
        change: ReviewChange | None,
    ) -> str:
        content = self._content(earlier)
        if change is not None:
            content = attrs.evolve(
                content,
                actions=change.dated(self.actions),
                moved=change.moved,
                settled=change.settled,
            )
        if history is not None:
            content = attrs.evolve(content, history=history)
        return render_html(content, language=language)

    def _content(self, earlier: Review | EarlierReview | None) -> ReportContent:
        before = None if earlier is None else earlier_of(earlier)
        return ReportContent(
            name=self.name,
            as_of=self.as_of,
            summary=self.summary,
            figures=self.key_figures(),
            standing=self.customers if before is None else self.standing(),
            findings=self.findings,
            explanations=self.explanations(),
            warned=first_warned(self.facts, None),
            complaints=self.complaints,
            actions=self.actions,
            week=select_actions(self.actions, as_of=self.as_of, week=self.as_of),
            trend=self.trend,
            complaint_rules=plain_complaints(self.complaints, self.policies),
            sections=self.policies.sections(self),
            step_sections=self._step_sections(self.facts),
            note=self.note,
            currency=self.currency,
            not_available=self.reasons,
            limits=self.limits,
            earlier=before,
        )

    def _step_sections(self, facts: pd.DataFrame | None) -> list[tuple[str, pd.DataFrame | str]]:
        return [part for s in self.steps if s.sections is not None for part in s.sections(facts)]

    def to_excel(self, path: str | Path) -> None:
        """Write customers, complaints, figures and findings as an Excel workbook.

        Args:
            path: The file.

        Raises:
            MissingExtraError: The extra ``report`` is not installed.
            DataError: A frame has more rows than a sheet can have.
        """
        figures = pd.DataFrame(list(self.key_figures().items()), columns=["figure", "value"])
        sheets = {
            "figures": figures,
            "customers": self.customers.reset_index(),
            "complaints": self.complaints.reset_index(),
            "actions": self.actions,
            **self.risk.frames(),
            "findings": self.findings,
        }
        write_excel(sheets, path)

    def to_parquet(self, folder: str | Path, *, force: bool = False) -> None:
        """Write customers, complaints, actions and findings as Parquet files.

        Groups, their changes, use of limits, group warnings and the watch list are files too, where
        known.

        Args:
            folder: The folder; it is made if it does not exist.
            force: Replace the files of a folder that bankcrm did not write; see `write`.

        Raises:
            DataError: The folder has files that bankcrm did not write.
        """
        with ResultFolder(
            as_path(folder, "folder"), "review", _PARQUET, force
        ).replaced() as target:
            self._parquet_customers(target)
            _write_parquet(self.complaints, target / "complaints.parquet")
            _write_parquet(self.actions, target / "actions.parquet")
            _write_parquet(self.findings, target / "findings.parquet")
            self._parquet_risk(target, RISK_FRAMES)

    def to_database(self, database: Database, schema: str | None = None) -> None:
        """Write the results to tables of their names.

        The tables are ``customers``, ``complaints``, ``actions``, ``findings``, ``groups``,
        ``group_changes``, ``limit_use``, ``group_warnings``, ``watch_list`` and ``summary``.
        Each has the column ``review_date``. In one transaction the rows of the same review
        date are replaced; those of other dates are kept, and a failure changes nothing. Tables that
        do not exist are created, but for some with their first row. ``summary`` has one row
        per review date, with the figures as JSON. Instants are stored in UTC.

        Args:
            database: A URL such as ``postgresql://bank@host/crm`` or ``sqlite:///crm.db``, or an
                engine or open connection of SQLAlchemy. The password of a URL without one is taken
                from the environment variable ``BANKCRM_DATABASE_PASSWORD``.
            schema: The schema of the tables, which must exist; None: that of the connection.

        Raises:
            MissingExtraError: The extra ``sql`` is not installed.
            DataError: A table exists with other columns.
            DatabaseError: There is no connection, or the database refuses a statement.
        """
        figures = json.dumps(self.summary, ensure_ascii=False, allow_nan=False)
        tables = [
            whole_table("summary", pd.DataFrame({"book": [self.name], "summary": [figures]}), ()),
            self._customers_table(),
            whole_table("complaints", self.complaints, ("complaint_id",), typed=False),
            whole_table("actions", self.actions, typed=False),
            whole_table("findings", self.findings),
            *self._risk_tables(),
        ]
        replace_rows(database, self.as_of, tables, schema)

    def _risk_tables(self) -> list[ResultTable]:
        """Groups, limits and the watch list; a result that is not known has no row."""
        found = self.risk.frames()
        keys = {"groups": ("customer_id",), "watch_list": ("customer_id",)}
        return [
            whole_table(name, found.get(name, pd.DataFrame()), keys.get(name), typed=False)
            for name in RISK_FRAMES
        ]

    def _customers_table(self) -> ResultTable:
        return whole_table("customers", self.customers, ("customer_id",))

    def write(
        self,
        folder: str | Path,
        *,
        earlier: Review | EarlierReview | None = None,
        language: Language = "en",
        force: bool = False,
    ) -> None:
        """Write customers, complaints, actions, findings, figures, trend and the report.

        Groups, their changes, use of limits, group warnings and the watch list are CSV files too,
        where known. A later review goes on from ``groups.parquet`` and ``watch_list.parquet``.

        An earlier review that bankcrm wrote to the folder is replaced as a whole: a failure changes
        nothing; ``history.csv`` keeps its figures (see `read_history`). A folder with files of
        others is refused.

        Args:
            folder: The folder; it is made if it does not exist.
            earlier: An earlier review to compare with: the report shows what changed,
                ``changes.csv`` every figure, ``moved.csv`` who moved from where to where, and
                ``settled.csv`` the actions that are no longer listed.
            language: Language of the report.
            force: Replace the files of these names in a folder that bankcrm did not write.

        Raises:
            DataError: The folder has files that bankcrm did not write, another run is writing
                there, or the disk cannot be written.
        """
        history = with_review(read_history(folder), self.summary, self.actions)
        with review_folder(folder, force=force, as_of=self.as_of).replaced() as target:
            self._write_customers(target)
            write_csv(self.complaints, target / "complaints.csv")
            write_csv(self.actions, target / "actions.csv", index=False)
            _write_parquet(self.actions, target / "actions.parquet")
            write_csv(self.trend, target / "trend.csv", index=False)
            write_csv(history, target / SERIES, index=False)
            change = None if earlier is None else self.change_since(earlier)
            if change is not None:
                write_csv(change.figures, target / "changes.csv", index=False)
                write_csv(change.moved, target / "moved.csv", index=False)
                write_csv(change.settled, target / "settled.csv", index=False)
            write_csv(self.findings, target / "findings.csv", index=False)
            for name, frame in self.risk.frames().items():
                write_csv(frame, target / f"{name}.csv", index=False)
            self._parquet_risk(target, REMEMBERED)
            page = self._page(earlier, language, history, change)
            (target / "index.html").write_text(page, encoding="utf-8")
            write_summary(self.summary, target)

    def change_since(self, earlier: Review | EarlierReview) -> ReviewChange:
        """What changed since an earlier review: every figure, and who moved from where to where.

        Args:
            earlier: An earlier review of the same bank, or what `read_earlier` reads of one.

        Raises:
            DataError: It is of a later day.
        """
        before = earlier_of(earlier)
        return change_since(before, self.summary, self.actions, self.standing(), self.done)

    def standing(self) -> pd.DataFrame:
        """Stage, segment, tier, resource level and warning of every customer."""
        return self.customers[[c for c in STANDING if c in self.customers]]

    def _write_customers(self, target: Path) -> None:
        self._parquet_customers(target)
        write_csv(self.customers, target / "customers.csv")

    def _parquet_risk(self, target: Path, names: tuple[str, ...]) -> None:
        for name, frame in self.risk.frames().items():
            if name in names:
                _write_parquet(frame, target / f"{name}.parquet")

    def _parquet_customers(self, target: Path) -> None:
        _write_parquet(self.customers, target / "customers.parquet")


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    with writing(path):
        frame.to_parquet(path)


def earlier_of(earlier: Review | EarlierReview) -> EarlierReview:
    """What a later review reads of an earlier one."""
    if isinstance(earlier, EarlierReview):
        return earlier
    as_kind(earlier, Review, "earlier", "give a review, or read_earlier(folder)")
    kept = {name: f for name, f in earlier.risk.frames().items() if name in REMEMBERED}
    return EarlierReview(
        earlier.as_of, earlier.summary, earlier.standing(), actions=earlier.actions, **kept
    )


def _is_found(outcome: object) -> bool:
    """Whether a table that collects has found more than none."""
    return bool(outcome) and outcome not in ("none", ("none",))


def _of_customer(frame: pd.DataFrame, customer: object) -> pd.DataFrame:
    """The rows of one customer."""
    return frame[(frame["customer_id"] == customer).to_numpy(np.bool_, na_value=False)]
