"""The review of a book: checks, the steps of the pipeline, complaints, figures."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Literal, cast, overload

import attrs
import pandas as pd

from bankcrm.actions import ContactRecords, Situation, actions_in, find_actions
from bankcrm.actions.known import checked_done
from bankcrm.actions.records import RECORDED
from bankcrm.actions.situation import calendar_for
from bankcrm.book import Book
from bankcrm.book.files import refuse_book_folder
from bankcrm.book.known import undated_labels
from bankcrm.book.model import refuse_no_book
from bankcrm.book.oddities import oddities, period_of, signs_of
from bankcrm.book.recorded import absences, recorded_in
from bankcrm.book.unused import nearly_named
from bankcrm.book.view import book_view
from bankcrm.calendars import WorkingCalendar, working_calendar
from bankcrm.complaints import ProcessedComplaints, default_lexicon, process_complaints
from bankcrm.engines.engine import Engine
from bankcrm.folders import ResultFolder
from bankcrm.frames.arrays import as_of_day
from bankcrm.frames.check import findings_frame
from bankcrm.pipeline import STEPS, Fitted, Step
from bankcrm.pipeline.beside import limits_beside, reasons_beside
from bankcrm.pipeline.reading import shown_columns
from bankcrm.pipeline.run import run_steps
from bankcrm.plugins import fact_sources_of
from bankcrm.policy import PolicySet
from bankcrm.policy.given import policies_of
from bankcrm.progress import Progress
from bankcrm.report.html import EarlierReview
from bankcrm.reviews.engine_review import EngineReview, leading_customers
from bankcrm.reviews.folder import files_of_day, review_folder
from bankcrm.reviews.model import Review, earlier_of
from bankcrm.reviews.quality import LATER, ON_ENGINE, UNKNOWN, quality_figures
from bankcrm.reviews.risk import RISK_COLUMNS, RiskResults, risk_results, risks_of
from bankcrm.reviews.summary import figure_columns, figures_of, summary_of
from bankcrm.reviews.trend import count_paths, trend_of


@overload
def review(
    book: Book,
    *,
    as_of: object,
    policies: PolicySet | None = ...,
    calendar: WorkingCalendar | None = ...,
    fitted: Fitted | None = ...,
    steps: tuple[Step, ...] = ...,
    progress: Progress | None = ...,
    earlier: Review | EarlierReview | None = ...,
    done: object | None = ...,
) -> Review: ...
@overload
def review(
    book: Engine,
    *,
    as_of: object,
    policies: PolicySet | None = ...,
    calendar: WorkingCalendar | None = ...,
    fitted: Fitted | None = ...,
    steps: tuple[Step, ...] = ...,
    progress: Progress | None = ...,
    earlier: Review | EarlierReview | None = ...,
    done: object | None = ...,
    out: str | Path | None = ...,
    force: bool = ...,
    blocks: int | None = ...,
) -> EngineReview: ...
@overload
def review(
    book: Book | Engine,
    *,
    as_of: object,
    policies: PolicySet | None = ...,
    calendar: WorkingCalendar | None = ...,
    fitted: Fitted | None = ...,
    steps: tuple[Step, ...] = ...,
    progress: Progress | None = ...,
    earlier: Review | EarlierReview | None = ...,
    done: object | None = ...,
    engine: Literal["duckdb"] | None = ...,
    out: str | Path | None = ...,
    force: bool = ...,
    blocks: int | None = ...,
) -> Review: ...
def review(
    book: Book | Engine,
    *,
    as_of: object,
    policies: PolicySet | None = None,
    calendar: WorkingCalendar | None = None,
    fitted: Fitted | None = None,
    steps: tuple[Step, ...] = STEPS,
    progress: Progress | None = None,
    earlier: Review | EarlierReview | None = None,
    done: object | None = None,
    engine: Literal["duckdb"] | None = None,
    out: str | Path | None = None,
    force: bool = False,
    blocks: int | None = None,
) -> Review:
    """Review a bank's book: stage, RFM, contribution, tier, resources and warnings of every
    customer; severity, route and due day of every complaint.

    Args:
        book: The bank's frames; see `Book`. Or an engine that holds them, such as
            ``DuckDBEngine("folder")``: the review is then an `EngineReview`, whose customers stay
            on disk.
        as_of: The day of the review; nothing after it is used.
        policies: The policies; None: the defaults, with the presets that the book names. Dated
            policies: the version in force on the day.
        calendar: Working days for due dates; None: mainland China.
        fitted: The fitted values of an earlier review (``review.fitted``): cut points, scales and
            what its book records. Customers are then decided as that review would have decided
            them. None: the values are fitted to this book.
        steps: The steps of the review.
        progress: Called with (steps done, steps in all, name of the next step).
        earlier: An earlier review: customers whose tier is another since have an action. Groups of
            connected customers keep their ids, the watch list goes on, and actions say since
            when they are listed.
        done: The actions that were done, one row each with ``action_id``, ``day`` and ``note`` (see
            `bankcrm.actions.DONE_COLUMNS`); they are not listed again for the same occasion.
        engine: ``duckdb`` reviews a `Book` on DuckDB.
        out: Engines only: the folder of results by review date; None: a temporary folder.
        force: Engines only: replace a result of the day in ``out`` that bankcrm did not write.
        blocks: Engines only: the number of blocks of customers; None: by the number of
            transactions.

    Raises:
        DataError: A frame does not match its contract; all faults are reported together.
        PolicyError: No version of a policy is in force on the day.
        EngineError: The engine or the disk failed.

    Source: LCM-2, EB-3, CSC-2, CBM-3, CBM-6, CSC-3 to CSC-5.
    """
    day = cast("date", as_of_day(as_of).item())
    if not isinstance(book, Book | Engine):
        refuse_no_book(book, "a Book or an engine such as DuckDBEngine(folder)")
    rules = policies_of(policies, book.presets).at(day)
    days_off = rules.calendar(calendar or working_calendar("CN"))
    before = None if earlier is None else earlier_of(earlier)
    finished = None if done is None else checked_done(done, day)
    if engine is None and isinstance(book, Book):
        report = _counter(progress, len(steps) + 5)
        return _in_memory(book, day, rules, days_off, fitted, steps, report, before, finished)
    from bankcrm.engines import DuckDBEngine

    source = DuckDBEngine(book) if isinstance(book, Book) else book
    if out is not None and source.folder is not None:
        refuse_book_folder(out, source.folder)
    target = None if out is None else review_folder(out, force=force)
    if target is not None:
        target.refuse_foreign()
        target = attrs.evolve(target, names=files_of_day(target.path, day))
    return _on_engine(
        source, day, rules, days_off, fitted, steps, progress, target, blocks, before, finished
    )


def _in_memory(
    book: Book,
    day: date,
    rules: PolicySet,
    calendar: WorkingCalendar,
    fitted: Fitted | None,
    steps: tuple[Step, ...],
    report_progress: Callable[[str], None],
    earlier: EarlierReview | None,
    done: pd.DataFrame | None,
) -> Review:
    zone = rules["bank"].value("time_zone")
    report_progress("checking the data")
    checked, faults = book.check(day, zone=zone)
    recorded = recorded_in(checked.frames())
    absent = absences({n: len(f) for n, f in book.frames().items()}, recorded, faults)
    known = fitted or Fitted(recorded, policies=rules.fingerprint)
    faults = (*faults, *undated_labels(recorded, faults, day, book.as_of))
    view = book_view(checked, recorded=known.frames, zone=zone)
    signs = signs_of(view)
    odd = oddities(signs, day, rules["bank"])
    found = run_steps(
        view,
        steps,
        day=day,
        policies=rules,
        fitted=known,
        learn=fitted is None,
        report_progress=report_progress,
        absences=absent,
    )
    report_progress("complaints")
    processed = _complaints(checked, day, rules, calendar)
    customers = found.facts[[c for c in shown_columns(steps) if c in found.facts]]
    figures = figures_of([found.facts], steps)
    reasons = found.reasons | reasons_beside(recorded, absent, found.reasons)
    limits = found.limits | limits_beside(reasons)
    report_progress("groups and credit")
    known_before = _before(earlier, day)
    risks = risks_of([_risks(found.facts)], known_before)
    risk = risk_results(checked, day, rules["risk"], risks, reasons, known_before)
    report_progress("data quality")
    quality = UNKNOWN
    if book.as_of is None or book.as_of <= day:
        quality = quality_figures(book.customers, day, rules["quality"])
    else:
        reasons |= {"quality": LATER}
    findings = [*faults, *odd, *processed.faults]
    report_progress("actions")
    contacting = None
    if set(RECORDED) & {*known.recorded, *recorded}:
        contacting = ContactRecords.of(checked.frames(), known.frames | Fitted(recorded).frames)
    situation = _situation(
        found.facts, processed.routed, day, rules, calendar, steps, earlier, risk, done
    )
    actions = find_actions(attrs.evolve(situation, contacting=contacting))
    trend = trend_of(count_paths([found.facts]), processed.routed, day, rules)
    report_progress("done")
    return Review(
        name=book.name,
        as_of=day,
        customers=customers,
        complaints=processed.routed,
        actions=actions,
        risk=risk,
        trend=trend,
        summary=summary_of(
            book.name,
            day,
            figures,
            processed,
            findings,
            rules,
            reasons,
            limits,
            period_of(signs),
            risk,
            quality,
        ),
        findings=findings_frame(findings),
        policies=rules,
        facts=found.facts,
        fitted=found.fitted,
        reasons=reasons,
        limits=limits,
        steps=steps,
        note=book.note,
        currency=book.currency,
        done=done,
    )


def _on_engine(
    engine: Engine,
    day: date,
    rules: PolicySet,
    calendar: WorkingCalendar,
    fitted: Fitted | None,
    steps: tuple[Step, ...],
    progress: Progress | None,
    out: ResultFolder | None,
    blocks: int | None,
    earlier: EarlierReview | None,
    done: pd.DataFrame | None,
) -> EngineReview:
    from bankcrm.engines.contacts import contact_frames
    from bankcrm.engines.run import WHOLE, default_blocks, number_of_passes, run_on, whole_book

    blocks = blocks or default_blocks(engine)
    report = _counter(progress, 4 + blocks * (number_of_passes(steps) + 1))
    kept = tempfile.TemporaryDirectory(prefix="bankcrm-") if out is None else None
    found = run_on(
        engine,
        steps,
        day=day,
        policies=rules,
        fitted=fitted,
        out=out or review_folder(cast("tempfile.TemporaryDirectory[str]", kept).name),
        blocks=blocks,
        report_progress=report,
    )
    report("complaints")
    read = {n for s in fact_sources_of(rules) if s.domain == "complaints" for n in s.frames}
    named, faults = whole_book(engine, read).check(
        day, zone=rules["bank"].value("time_zone"), part=True
    )
    processed = _complaints(named, day, rules, calendar)
    late = [f for f in faults if f.frame in ("complaints", "links", "capital")]
    late += nearly_named(engine.columns)
    late += undated_labels(found.fitted.recorded, (*found.faults, *late), day, engine.as_of)
    figures = figures_of(found.output.parts(figure_columns(steps)), steps)
    head = leading_customers(found.output)
    recorded = recorded_in(named.frames())
    sizes = {n: s for n, s in engine.sizes().items() if n in WHOLE}
    absent = absences(sizes, recorded, faults)
    reasons = found.reasons | reasons_beside(recorded, absent, found.reasons)
    reasons |= {"quality": ON_ENGINE}
    limits = found.limits | limits_beside(reasons)
    report("groups and credit")
    known_before = _before(earlier, day)
    risks = risks_of(map(_risks, found.output.parts([*RISK_COLUMNS])), known_before)
    risk = risk_results(named, day, rules["risk"], risks, reasons, known_before)
    findings = [*found.faults, *late, *processed.faults]
    report("actions")
    own = found.fitted if fitted is None else Fitted(engine.recorded())
    contacting = None
    if set(RECORDED) & {*found.fitted.recorded, *own.recorded}:
        frames = contact_frames(engine, day, rules)
        contacting = ContactRecords.of(frames, found.fitted.frames | own.frames)
    situation = _situation(head, processed.routed, day, rules, calendar, steps, earlier, risk, done)
    actions = actions_in(
        found.output.parts,
        attrs.evolve(situation, contacting=contacting),
    )
    paths = count_paths(found.output.parts(["stage_path"]))
    trend = trend_of(paths, processed.routed, day, rules)
    report("done")
    return EngineReview(
        name=engine.name,
        as_of=day,
        customers=head[[c for c in shown_columns(steps) if c in head]],
        complaints=processed.routed,
        actions=actions,
        risk=risk,
        trend=trend,
        summary=summary_of(
            engine.name,
            day,
            figures,
            processed,
            findings,
            rules,
            reasons,
            limits,
            found.period,
            risk,
            UNKNOWN,
        ),
        findings=findings_frame(findings),
        policies=rules,
        facts=head,
        fitted=found.fitted,
        reasons=reasons,
        limits=limits,
        steps=steps,
        note=engine.note,
        currency=engine.currency,
        done=done,
        output=attrs.evolve(found.output, kept=kept),
    )


def _situation(
    facts: pd.DataFrame,
    complaints: pd.DataFrame,
    day: date,
    rules: PolicySet,
    calendar: WorkingCalendar,
    steps: tuple[Step, ...],
    earlier: EarlierReview | None,
    risk: RiskResults,
    done: pd.DataFrame | None,
) -> Situation:
    """What the sources of actions read."""
    days = calendar_for(calendar, day)
    staff = [step.follow_up(day, days) for step in steps if step.follow_up is not None]
    known = _before(earlier, day)
    return Situation(
        facts,
        complaints,
        day,
        rules,
        days,
        earlier=None if earlier is None else earlier.standing,
        watch=risk.watch_list,
        staff=pd.concat(staff, ignore_index=True) if staff else None,
        known=None if known is None else known.actions,
        known_on=None if known is None else known.as_of,
        done=done,
    )


def _before(earlier: EarlierReview | None, day: date) -> EarlierReview | None:
    """The earlier review, if it is not of a later day: nothing after the day is used."""
    return None if earlier is None or earlier.as_of > day else earlier


def _risks(facts: pd.DataFrame) -> pd.DataFrame:
    """The columns that the watch list reads; null where the steps do not have them."""
    return facts.reindex(columns=[*RISK_COLUMNS])


def _complaints(
    book: Book, day: date, rules: PolicySet, calendar: WorkingCalendar
) -> ProcessedComplaints:
    """Process the complaints of a checked book, with the facts that plug-ins add."""

    def extended(facts: pd.DataFrame) -> pd.DataFrame:
        for source in fact_sources_of(rules):
            if source.domain == "complaints":
                facts = facts.join(source.compute(facts, book.frames(), day))
        return facts

    return process_complaints(
        book.frame("complaints"),
        as_of=day,
        policy=rules["complaints"],
        calendar=calendar,
        classifier=rules.classifier(default_lexicon()),
        extend_facts=extended,
    )


def _counter(progress: Progress | None, total: int) -> Callable[[str], None]:
    """A function that reports the title of the next step and the number of steps done."""
    done = 0

    def report(title: str) -> None:
        nonlocal done
        if progress:
            progress(done, total, title)
        done += 1

    return report
