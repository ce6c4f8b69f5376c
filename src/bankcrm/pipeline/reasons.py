"""Why results are null, or leave something out: what the book does not record."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bankcrm.pipeline.fitted import Fitted
from bankcrm.pipeline.step import Need, Step, in_book
from bankcrm.rules.values import FrozenDict

NO_ABSENCES: Mapping[str, str] = FrozenDict({})
_NOT_IN_BOOK = "the book has no {}"


def reasons_of(
    steps: Sequence[Step],
    fitted: Fitted,
    absences: Mapping[str, str] = NO_ABSENCES,
    *,
    waiting: Collection[str] = (),
) -> dict[str, str]:
    """Result -> why it is null in the whole book.

    Args:
        steps: The steps.
        fitted: What the book records, and what was learned from it.
        absences: Frame -> why the book does not record it; see `bankcrm.book.recorded.absences`.
        waiting: Names of steps whose fit is still to come.

    >>> from bankcrm.pipeline.step import Step
    >>> steps = (
    ...     Step("value", "value", "valuation", needs=(Need(("balances", "loans")),), shown=("v",)),
    ...     Step("rank", "rank", "valuation", needs=(Need(("v",)),), shown=("rank",)),
    ... )
    >>> reasons_of(steps, Fitted(["customers"]))
    {'v': 'the book has no balances and no loans', 'rank': 'the book has no balances and no loans'}
    """
    reasons: dict[str, str] = {}
    for step in steps:
        for need in step.needs:
            if not need.partial and (why := _why(need, fitted, reasons, absences)):
                for result in need.results or step.results:
                    reasons.setdefault(result, why)
        if step.fit is not None and _learned_nothing(step, fitted, waiting):
            for result in step.results:
                reasons.setdefault(result, step.fit.nothing)
    return reasons


def limits_of(
    steps: Sequence[Step],
    fitted: Fitted,
    reasons: Mapping[str, str],
    absences: Mapping[str, str] = NO_ABSENCES,
) -> dict[str, str]:
    """What results leave out without being null -> what the book does not record.

    >>> need = Need(("loans",), ("profit",), partial="profit counts no loans")
    >>> limits_of((Step("p", "p", "valuation", needs=(need,), shown=("profit",)),), Fitted([]), {})
    {'profit counts no loans': 'the book has no loans'}
    """
    return {
        need.partial: why
        for step in steps
        for need in step.needs
        if need.partial
        and (why := _why(need, fitted, reasons, absences))
        # A result that is null leaves nothing out.
        and not (need.results and set(need.results) <= set(reasons))
    }


def is_left_out(
    step: Step, fitted: Fitted, absent: Collection[str], *, waiting: Collection[str] = ()
) -> bool:
    """Whether a step has no result at all, so that its facts are not read.

    Args:
        step: The step.
        fitted: What the book records, and what was learned from it.
        absent: The results that are null in the whole book.
        waiting: Names of steps whose fit is still to come.
    """
    whole = [n for n in step.needs if not n.results and not n.partial]
    return _learned_nothing(step, fitted, waiting) or any(
        not _is_met(need, fitted, absent) for need in whole
    )


def _learned_nothing(step: Step, fitted: Fitted, waiting: Collection[str]) -> bool:
    """Whether the fit of a step is done and found nothing."""
    return step.fit is not None and step.name not in waiting and step.fit.name not in fitted.values


def _is_met(need: Need, fitted: Fitted, absent: Collection[str]) -> bool:
    return any(fitted.records(n) if in_book(n) else n not in absent for n in need.any_of)


def _why(
    need: Need, fitted: Fitted, reasons: Mapping[str, str], absences: Mapping[str, str]
) -> str:
    """Why a need is not met; empty where it is."""
    if _is_met(need, fitted, reasons):
        return ""
    causes = {n: reasons.get(n) or absences.get(n) or _NOT_IN_BOOK.format(n) for n in need.any_of}
    missing = [n for n, why in causes.items() if why == _NOT_IN_BOOK.format(n)]
    both = [_NOT_IN_BOOK.format(" and no ".join(missing))] if missing else []
    return "; ".join(dict.fromkeys([*(w for n, w in causes.items() if n not in missing), *both]))


def needs_page(steps: Sequence[Step], more: Sequence[Need] = ()) -> str:
    """What each result rests on, as a Markdown table.

    Args:
        steps: The steps.
        more: Needs of results outside the steps.
    """
    lines = ["| result | needs one of | without it |", "| --- | --- | --- |"]
    for needs, every in [*((s.needs, s.results) for s in steps), (tuple(more), ())]:
        for need in needs:
            results = ", ".join(f"`{r}`" for r in need.results or every)
            names = ", ".join(f"`{n}`" for n in need.any_of)
            lines.append(f"| {results} | {names} | {need.partial or 'null'} |")
    return "\n".join(lines)
