"""What completes a review once every customer is decided, in memory and on engines alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

import attrs
import pandas as pd

from bankcrm.actions import ContactRecords, Situation, actions_in, find_actions
from bankcrm.actions.situation import calendar_for
from bankcrm.book import Book
from bankcrm.calendars import WorkingCalendar
from bankcrm.complaints import ProcessedComplaints, default_lexicon, process_complaints
from bankcrm.engines.engine import Engine
from bankcrm.frames import DataFault
from bankcrm.frames.check import findings_frame
from bankcrm.pipeline import Fitted, Step
from bankcrm.pipeline.beside import limits_beside
from bankcrm.pipeline.reading import shown_columns
from bankcrm.plugins import fact_sources_of
from bankcrm.policy import PolicySet
from bankcrm.progress import Progress
from bankcrm.report.html import EarlierReview
from bankcrm.reviews.model import Review
from bankcrm.reviews.quality import UNKNOWN
from bankcrm.reviews.risk import RISK_COLUMNS, RiskResults, risk_results, risks_of
from bankcrm.reviews.summary import figure_columns, figures_of, summary_of
from bankcrm.reviews.trend import count_paths, trend_of


@attrs.frozen(eq=False)
class Asked:
    """What is asked of a review; see `bankcrm.reviews.review`.

    Attributes:
        day: The day of the review.
        policies: The policies in force on the day.
        calendar: Working days for due dates.
        steps: The steps.
        fitted: The fitted values of an earlier review; None: they are fitted to the book.
        earlier: An earlier review, not of a later day; None: nothing is compared.
        done: The actions that were done up to the day; None: not known.
        progress: Called before each step.
    """

    day: date
    policies: PolicySet
    calendar: WorkingCalendar
    steps: tuple[Step, ...]
    fitted: Fitted | None
    earlier: EarlierReview | None
    done: pd.DataFrame | None
    progress: Progress | None

    def counter(self, total: int) -> Callable[[str], None]:
        """A function that reports the title of the next step and the number of steps done."""
        done = 0

        def report(title: str) -> None:
            nonlocal done
            if self.progress:
                self.progress(done, total, title)
            done += 1

        return report


@attrs.frozen(eq=False)
class Decided:
    """The customers of a book, each decided.

    Attributes:
        source: The book as it came.
        named: The checked book; on an engine the frames that are whole, and who is named in them.
        facts: All facts and decisions; on an engine those of the leading customers.
        parts: The facts of all customers in parts, with the columns that are asked for; None: they
            are ``facts``.
        fitted: The values fitted to the whole book.
        faults: Problems of the data.
        period: The first and the last day of the transactions.
        reasons: Result -> why it is null in the whole book.
        limits: What results of customers leave out -> what the book does not record.
        contacting: Whom the bank may contact; None: nothing is known about it.
        quality: The figures of the quality of records, or why there are none.
    """

    source: Book | Engine
    named: Book
    facts: pd.DataFrame
    parts: Callable[[list[str]], Iterable[pd.DataFrame]] | None
    fitted: Fitted
    faults: tuple[DataFault, ...]
    period: tuple[str | None, str | None]
    reasons: Mapping[str, str]
    limits: Mapping[str, str]
    contacting: ContactRecords | None
    quality: Mapping[str, Any] | str

    def read(self, columns: list[str]) -> Iterable[pd.DataFrame]:
        """Columns of all customers."""
        return [self.facts] if self.parts is None else self.parts(columns)


def completed(decided: Decided, asked: Asked, report: Callable[[str], None]) -> Review:
    """Process complaints, find groups and actions, and add up the figures of the whole book."""
    day, rules, steps = asked.day, asked.policies, asked.steps
    report("complaints")
    processed = _complaints(decided.named, asked)
    figures = figures_of(decided.read(figure_columns(steps)), steps)
    limits = {**decided.limits, **limits_beside(decided.reasons)}
    report("groups and credit")
    risks = risks_of(map(_risks, decided.read([*RISK_COLUMNS])), asked.earlier)
    risk = risk_results(decided.named, day, rules["risk"], risks, decided.reasons, asked.earlier)
    reasons, quality = dict(decided.reasons), UNKNOWN
    if isinstance(decided.quality, str):
        reasons["quality"] = decided.quality
    else:
        quality = decided.quality
    findings = [*decided.faults, *processed.faults]
    report("actions")
    situation = _situation(decided, asked, processed, risk)
    if decided.parts is None:
        actions = find_actions(situation)
    else:
        actions = actions_in(decided.parts, situation)
    trend = trend_of(count_paths(decided.read(["stage_path"])), processed.routed, day, rules)
    source, facts = decided.source, decided.facts
    summary = summary_of(
        source.name,
        day,
        figures,
        processed,
        findings,
        rules,
        reasons,
        limits,
        decided.period,
        risk,
        quality,
    )
    report("done")
    return Review(
        name=source.name,
        as_of=day,
        customers=facts[[c for c in shown_columns(steps) if c in facts]],
        complaints=processed.routed,
        actions=actions,
        risk=risk,
        trend=trend,
        summary=summary,
        findings=findings_frame(findings),
        policies=rules,
        facts=facts,
        fitted=decided.fitted,
        reasons=reasons,
        limits=limits,
        steps=steps,
        note=source.note,
        currency=source.currency,
        done=asked.done,
    )


def _complaints(book: Book, asked: Asked) -> ProcessedComplaints:
    """Process the complaints of a checked book, with the facts that plug-ins add."""

    def extended(facts: pd.DataFrame) -> pd.DataFrame:
        for source in fact_sources_of(asked.policies):
            if source.domain == "complaints":
                facts = facts.join(source.compute(facts, book.frames(), asked.day))
        return facts

    return process_complaints(
        book.frame("complaints"),
        as_of=asked.day,
        policy=asked.policies["complaints"],
        calendar=asked.calendar,
        classifier=asked.policies.classifier(default_lexicon()),
        extend_facts=extended,
    )


def _risks(facts: pd.DataFrame) -> pd.DataFrame:
    """The columns that the watch list reads; null where the steps do not have them."""
    return facts.reindex(columns=[*RISK_COLUMNS])


def _situation(
    decided: Decided, asked: Asked, processed: ProcessedComplaints, risk: RiskResults
) -> Situation:
    """What the sources of actions read."""
    days = calendar_for(asked.calendar, asked.day)
    staff = [s.follow_up(asked.day, days) for s in asked.steps if s.follow_up is not None]
    before = asked.earlier
    return Situation(
        decided.facts,
        processed.routed,
        asked.day,
        asked.policies,
        days,
        earlier=None if before is None else before.standing,
        watch=risk.watch_list,
        contacting=decided.contacting,
        staff=pd.concat(staff, ignore_index=True) if staff else None,
        known=None if before is None else before.actions,
        known_on=None if before is None else before.as_of,
        done=asked.done,
    )
