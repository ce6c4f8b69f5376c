"""The review of a book: its steps in order, with progress."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Literal, cast

from bankcrm.book import Book
from bankcrm.calendars import WorkingCalendar, working_calendar
from bankcrm.complaints import default_lexicon
from bankcrm.frames import as_of_day, findings_frame
from bankcrm.policy import PolicySet, default_policies
from bankcrm.progress import Progress
from bankcrm.reviews import steps
from bankcrm.reviews.model import SHOWN, Review
from bankcrm.reviews.summary import figures_of, summary_of

if TYPE_CHECKING:
    from pathlib import Path

    from bankcrm.engines import Engine

STEPS = 8


def review(
    book: Book | Engine,
    *,
    as_of: object,
    policies: PolicySet | None = None,
    calendar: WorkingCalendar | None = None,
    progress: Progress | None = None,
    engine: Literal["duckdb"] | None = None,
    out: str | Path | None = None,
) -> Review:
    """Review a bank's book: stage, RFM, contribution, tier and resources of every customer;
    severity, route and due day of every complaint.

    Args:
        book: the bank's frames; see `Book`. Or an engine that holds them, such as
            ``DuckDBEngine("folder")``: the review is then an `EngineReview`, whose customers stay
            on disk.
        as_of: the day of the review; nothing after it is looked at.
        policies: what to decide by; None: the defaults, or the presets that
            the book asks for. Dated policies are narrowed to the day.
        calendar: working days for due dates; None: mainland China's.
        progress: called with (steps done, steps in all, name of the next step).
        engine: ``duckdb`` takes the book to DuckDB first.
        out: of a review on an engine: the folder of results by review date; None: a temporary one.

    Raises:
        DataError: a frame that does not fit its contract; every fault is told.
        PolicyError: no version of a policy is in force on the day.

    Source: LCM-2, EB-3, CSC-2, CBM-3, CBM-6, CSC-3 to CSC-5.
    """
    if engine is not None or not isinstance(book, Book):
        from bankcrm.engines import DuckDBEngine, review_on

        held = DuckDBEngine(book) if isinstance(book, Book) else book
        return review_on(
            held, as_of=as_of, policies=policies, calendar=calendar, progress=progress, out=out
        )
    day = cast("date", as_of_day(as_of).item())
    rules = (policies or default_policies(book.presets)).at(day)
    tell = _teller(progress)
    tell("checking the data")
    sound, faults = book.check(day, zone=rules["bank"].value("time_zone"))

    def more(domain: str) -> steps.More:
        return lambda facts: rules.with_facts(domain, facts, sound.frames(), as_of=day)

    tell("lifecycle stages")
    staged = steps.stages(sound, day, rules["lifecycle"], more("lifecycle"))
    tell("recency, frequency, monetary value")
    scored = steps.rfm(sound, day, rules["segmentation"])
    tell("contribution")
    worth = steps.worth(sound, day, rules["valuation"])
    tell("value of customers")
    valued = worth.join(steps.value(sound, day, worth, rules["valuation"]))
    tell("tiers and resources")
    judged = valued[list(steps.TIER_FACTS)]
    tiered = steps.tiers(sound, judged, rules["segmentation"], more("segmentation"))
    tell("early warnings")
    warned = steps.warnings(sound, day, worth, rules["lifecycle"])
    tell("complaints")
    days_off = rules.calendar(calendar or working_calendar("CN"))
    reader = rules.classifier(default_lexicon())
    handled = steps.complaints(
        sound, day, rules["complaints"], days_off, reader, more("complaints")
    )
    facts = staged.join([scored, valued, tiered, warned])
    customers = facts[[c for c in SHOWN if c in facts]]
    tell("done")
    findings = [*faults, *handled.faults]
    return Review(
        name=book.name,
        as_of=day,
        customers=customers,
        complaints=handled.routed,
        summary=summary_of(book.name, day, figures_of(customers), handled, findings, rules),
        findings=findings_frame(findings),
        policies=rules,
        facts=facts,
        note=book.note,
        currency=book.currency,
    )


def _teller(progress: Progress | None) -> Callable[[str], None]:
    """A function that tells the name of the next step and how many are done."""
    done = itertools.count()

    def tell(name: str) -> None:
        if progress:
            progress(next(done), STEPS, name)

    return tell
