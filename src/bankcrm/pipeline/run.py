"""The steps of a review over a whole book in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import attrs
import pandas as pd

from bankcrm.book.view import BookView
from bankcrm.pipeline.block import Block
from bankcrm.pipeline.fitted import Fitted
from bankcrm.pipeline.reasons import NO_ABSENCES, is_left_out, limits_of, reasons_of
from bankcrm.pipeline.step import Step
from bankcrm.policy import PolicySet


@attrs.frozen(eq=False)
class Found:
    """What the steps found.

    Attributes:
        facts: Every column, one row per customer.
        fitted: What was learned from the whole book.
        reasons: Result -> why it is null in the whole book.
        limits: What results leave out -> what the book does not record.
    """

    facts: pd.DataFrame
    fitted: Fitted
    reasons: dict[str, str]
    limits: dict[str, str]


def run_steps(
    view: BookView,
    steps: Sequence[Step],
    *,
    day: date,
    policies: PolicySet,
    fitted: Fitted,
    learn: bool,
    report_progress: Callable[[str], None],
    absences: Mapping[str, str] = NO_ABSENCES,
) -> Found:
    """Run the steps in order over a book.

    Args:
        view: The checked book.
        steps: The steps.
        day: The day of the review.
        policies: What decides, as of the day.
        fitted: What is known of the whole book: at least what it records.
        learn: Whether the steps fit to this book; else the values of ``fitted`` are applied.
        report_progress: Called with the title of each step before it begins.
        absences: Frame -> why the book does not record it.
    """
    block = Block(view.customers, day, policies, fitted, lambda: view)
    last = {frame: step.name for step in steps for frame in step.frames}
    waiting = [step.name for step in steps if learn]
    for step in steps:
        report_progress(step.title)
        raw = None
        block.absent = reasons_of(steps, block.fitted, waiting=waiting)
        if not is_left_out(step, block.fitted, block.absent, waiting=waiting):
            raw = block.gather(step)
            if learn and step.fit is not None:
                value = step.fit.learn(step.fit.sample(raw, block.found), policies)
                block.fitted = block.fitted.with_value(step.fit.name, value)
        waiting = waiting[1:]
        if raw is None or is_left_out(step, block.fitted, block.absent, waiting=waiting):
            block.leave_out(step)
        else:
            block.apply(step, raw)
        block.release(f for f in step.frames if last[f] == step.name)
    reasons = reasons_of(steps, block.fitted, absences)
    limits = limits_of(steps, block.fitted, reasons, absences)
    return Found(block.found, block.fitted, reasons, limits)
