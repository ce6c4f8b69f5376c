"""The review of a book: every customer is decided, in memory or on an engine."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import Literal, cast, overload

import attrs

from bankcrm.actions import ContactRecords
from bankcrm.actions.known import checked_done
from bankcrm.actions.records import RECORDED
from bankcrm.arguments import as_choice, as_kind, as_whole_number, refuse
from bankcrm.book import Book
from bankcrm.book.files import refuse_book_folder
from bankcrm.book.known import undated_labels
from bankcrm.book.model import refuse_no_book
from bankcrm.book.oddities import oddities, period_of
from bankcrm.book.recorded import absences, recorded_in
from bankcrm.book.signs import signs_of
from bankcrm.book.unused import nearly_named
from bankcrm.book.view import book_view
from bankcrm.calendars import WorkingCalendar
from bankcrm.calendars.countries import given_calendar
from bankcrm.engines.engine import Engine
from bankcrm.folders import ResultFolder
from bankcrm.frames.arrays import as_of_day
from bankcrm.pipeline import STEPS, Fitted, Step
from bankcrm.pipeline.beside import reasons_beside
from bankcrm.pipeline.run import run_steps
from bankcrm.plugins import fact_sources_of
from bankcrm.policy import PolicySet
from bankcrm.policy.given import policies_of
from bankcrm.progress import Progress
from bankcrm.report.html import EarlierReview
from bankcrm.reviews.change import not_later
from bankcrm.reviews.completion import Asked, Decided, completed
from bankcrm.reviews.engine_review import EngineReview, leading_customers
from bankcrm.reviews.folder import files_of_day, review_folder
from bankcrm.reviews.model import Review, earlier_of
from bankcrm.reviews.quality import LATER, ON_ENGINE, quality_figures


@overload
def review(
    book: Book,
    *,
    as_of: object,
    policies: PolicySet | None = ...,
    calendar: WorkingCalendar | str | None = ...,
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
    calendar: WorkingCalendar | str | None = ...,
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
    calendar: WorkingCalendar | str | None = ...,
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
    calendar: WorkingCalendar | str | None = None,
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
        calendar: Working days for due dates, or their country; None: mainland China.
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
        DataError: A frame does not match its contract; all faults are reported together. Or the
            earlier review is of a later day.
        PolicyError: No version of a policy is in force on the day.
        EngineError: The engine or the disk failed.

    Source: LCM-2, EB-3, CSC-2, CBM-3, CBM-6, CSC-3 to CSC-5.
    """
    day = cast("date", as_of_day(as_of).item())
    if not isinstance(book, Book | Engine):
        refuse_no_book(book, "a Book or an engine such as DuckDBEngine(folder)")
    if fitted is not None:
        as_kind(fitted, Fitted, "fitted", "give review.fitted")
    if progress is not None and not callable(progress):
        refuse("progress", "a function of steps done, steps in all and the next one", progress)
    rules = policies_of(policies, book.presets).at(day)
    asked = Asked(
        day=day,
        policies=rules,
        calendar=rules.calendar(given_calendar("CN" if calendar is None else calendar)),
        steps=steps,
        fitted=fitted,
        earlier=None if earlier is None else not_later(earlier_of(earlier), day),
        done=None if done is None else checked_done(done, day),
        progress=progress,
    )
    if engine is not None:
        as_choice(engine, ("duckdb",), "engine")
    if blocks is not None:
        blocks = as_whole_number(blocks, "blocks", 1)
    if engine is None and isinstance(book, Book):
        for name, given in (("out", out), ("force", force or None), ("blocks", blocks)):
            if given is not None:
                refuse(name, "None without an engine", given, "use Review.write, or give engine=")
        return _in_memory(book, asked)
    from bankcrm.engines import DuckDBEngine

    source = DuckDBEngine(book) if isinstance(book, Book) else book
    if out is not None and source.folder is not None:
        refuse_book_folder(out, source.folder)
    target = None if out is None else review_folder(out, force=force)
    if target is not None:
        target.refuse_foreign()
        target = attrs.evolve(target, names=files_of_day(target.path, day))
    return _on_engine(source, asked, target, blocks)


def _in_memory(book: Book, asked: Asked) -> Review:
    day, rules = asked.day, asked.policies
    zone = rules["bank"].value("time_zone")
    report = asked.counter(len(asked.steps) + 5)
    report("checking the data")
    checked, faults = book.check(day, zone=zone)
    recorded = recorded_in(checked.frames())
    absent = absences({n: len(f) for n, f in book.frames().items()}, recorded, faults)
    known = asked.fitted or Fitted(recorded, policies=rules.fingerprint)
    faults = (*faults, *undated_labels(recorded, faults, day, book.as_of))
    view = book_view(checked, recorded=known.frames, zone=zone)
    signs = signs_of(view)
    odd = oddities(signs, day, rules["bank"])
    found = run_steps(
        view,
        asked.steps,
        day=day,
        policies=rules,
        fitted=known,
        learn=asked.fitted is None,
        report_progress=report,
        absences=absent,
    )
    contacting = None
    if set(RECORDED) & {*known.recorded, *recorded}:
        contacting = ContactRecords.of(checked.frames(), known.frames | Fitted(recorded).frames)
    report("data quality")
    of_the_day = book.as_of is None or book.as_of <= day
    decided = Decided(
        source=book,
        named=checked,
        facts=found.facts,
        parts=None,
        fitted=found.fitted,
        faults=(*faults, *odd),
        period=period_of(signs),
        reasons=found.reasons | reasons_beside(recorded, absent, found.reasons),
        limits=found.limits,
        contacting=contacting,
        quality=quality_figures(book.customers, day, rules["quality"]) if of_the_day else LATER,
    )
    return completed(decided, asked, report)


def _on_engine(
    engine: Engine, asked: Asked, out: ResultFolder | None, blocks: int | None
) -> EngineReview:
    from bankcrm.engines.contacts import contact_frames
    from bankcrm.engines.run import WHOLE, default_blocks, number_of_passes, run_on, whole_book

    day, rules, steps = asked.day, asked.policies, asked.steps
    blocks = blocks or default_blocks(engine)
    report = asked.counter(4 + blocks * (number_of_passes(steps) + 1))
    kept = tempfile.TemporaryDirectory(prefix="bankcrm-") if out is None else None
    found = run_on(
        engine,
        steps,
        day=day,
        policies=rules,
        fitted=asked.fitted,
        out=out or review_folder(cast("tempfile.TemporaryDirectory[str]", kept).name),
        blocks=blocks,
        report_progress=report,
    )
    read = {n for s in fact_sources_of(rules) if s.domain == "complaints" for n in s.frames}
    named, faults = whole_book(engine, read).check(
        day, zone=rules["bank"].value("time_zone"), part=True
    )
    late = [f for f in faults if f.frame in ("complaints", "links", "capital")]
    late += nearly_named(engine.columns)
    late += undated_labels(found.fitted.recorded, (*found.faults, *late), day, engine.as_of)
    recorded = recorded_in(named.frames())
    sizes = {n: s for n, s in engine.sizes().items() if n in WHOLE}
    absent = absences(sizes, recorded, faults)
    own = found.fitted if asked.fitted is None else Fitted(engine.recorded())
    contacting = None
    if set(RECORDED) & {*found.fitted.recorded, *own.recorded}:
        frames = contact_frames(engine, day, rules)
        contacting = ContactRecords.of(frames, found.fitted.frames | own.frames)
    decided = Decided(
        source=engine,
        named=named,
        facts=leading_customers(found.output),
        parts=found.output.parts,
        fitted=found.fitted,
        faults=(*found.faults, *late),
        period=found.period,
        reasons=found.reasons | reasons_beside(recorded, absent, found.reasons),
        limits=found.limits,
        contacting=contacting,
        quality=ON_ENGINE,
    )
    output = attrs.evolve(found.output, kept=kept)
    return EngineReview.of(completed(decided, asked, report), output)
