"""The steps of a review over a whole book in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import attrs
import pandas as pd

from bankcrm.book.view import BookView
from bankcrm.pipeline.block import Block
from bankcrm.pipeline.fitted import Fitted
from bankcrm.pipeline.step import Step
from bankcrm.policy import PolicySet


@attrs.frozen(eq=False)
class Found:
    """What the steps found.

    Attributes:
        facts: Every column, one row per customer.
        fitted: What was learned from the whole book.
        reasons: Step -> why its columns are null.
    """

    facts: pd.DataFrame
    fitted: Fitted
    reasons: dict[str, str]


def run_steps(
    view: BookView,
    steps: Sequence[Step],
    *,
    day: date,
    policies: PolicySet,
    fitted: Fitted,
    learn: bool,
    report_progress: Callable[[str], None],
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
    """
    block = Block(view.customers, day, policies, fitted, lambda: view)
    reasons = reasons_of(steps, fitted)
    last = {frame: step.name for step in steps for frame in step.frames}
    for step in steps:
        report_progress(step.title)
        if step.name in reasons:
            block.leave_out(step)
        else:
            raw = block.gather(step)
            if learn and step.fit is not None:
                sample = step.fit.sample(raw, block.found)
                value = step.fit.learn(sample, policies)
                block.fitted = block.fitted.with_value(step.fit.name, value)
            block.apply(step, raw)
        block.release(f for f in step.frames if last[f] == step.name)
    return Found(block.found, block.fitted, reasons)


def reasons_of(steps: Sequence[Step], fitted: Fitted) -> dict[str, str]:
    """Why steps have no result: what they need is not in the book.

    >>> from bankcrm.pipeline.step import Step
    >>> steps = (Step("value", "value", "valuation", needs=("balances", "loans")),)
    >>> reasons_of(steps, Fitted(["customers"]))
    {'value': 'the book has no balances and no loans'}
    """
    reasons: dict[str, str] = {}
    for step in steps:
        lacking = [n for n in step.requires if n in reasons]
        if step.needs and not fitted.records(*step.needs):
            reasons[step.name] = f"the book has no {' and no '.join(step.needs)}"
        elif lacking:
            reasons[step.name] = reasons[lacking[0]]
    return reasons
