"""The scorecards of departments and employees as a section of a review's report."""

from __future__ import annotations

from datetime import date
from functools import partial

import pandas as pd

from bankcrm.arguments import as_kind
from bankcrm.calendars import WorkingCalendar
from bankcrm.pipeline.step import Sections, Step
from bankcrm.scorecards import Scorecard, follow_up


def scorecard_steps(*cards: Scorecard, checks: object | None = None) -> tuple[Step, ...]:
    """Steps that add scores to the report of a review, and what follows from them to its actions.

    They add no column: a scorecard is about staff, not about customers. The penalties are those of
    the last period of each card.

    Args:
        cards: From `bankcrm.scorecards.scorecard`, such as one by department and one by employee.
        checks: One row per check (`bankcrm.models.Check`), whose overdue findings are actions.

    Returns:
        The steps, for ``review(book, steps=(*STEPS, *scorecard_steps(card)))``.

    Raises:
        DataError: One is no scorecard.

    Source: LCM-6.
    """
    for card in cards:
        as_kind(card, Scorecard, "cards", "from scorecard(done)")
    return tuple(
        Step(
            f"scorecard_{i}",
            "Scorecards",
            "scorecards",
            sections=partial(_sections, card),
            follow_up=partial(_follow_up, card, checks if i == 1 else None),
        )
        for i, card in enumerate(cards, start=1)
    )


def _follow_up(
    card: Scorecard, checks: object | None, day: date, calendar: WorkingCalendar
) -> pd.DataFrame:
    last = card.scores["period"].max() if len(card.scores) else None
    return follow_up(card, checks, as_of=day, period=last, calendar=calendar)


def _sections(card: Scorecard, _: pd.DataFrame | None) -> Sections:
    by = card.scores.attrs["by"]
    name = (by[-1] if by else "bank").removesuffix("_id")
    keys = [*by[:-1], "subject", "period"]
    scores = card.scores[[*keys, "score", "score_low", "score_high", "grade", "rank", "rank_best",
                          "rank_worst", "missing"]]  # fmt: skip
    parts = card.parts[[*keys, "kpi", "value", "target", "attainment", "share", "points", "reason"]]
    return (
        (f"Scores by {name}", _shown(scores)),
        (f"Parts of the scores by {name}", _shown(parts)),
    )


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    """The table by subject, with few digits and days as text."""
    days = frame["period"].dt.date.astype(str)
    return frame.assign(period=days).round(3).set_index("subject")
