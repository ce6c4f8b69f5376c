"""The steps of a review: each takes the checked book and gives one frame."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, TypeAlias

import attrs
import numpy as np
import pandas as pd

from bankcrm.calendars import WorkingCalendar
from bankcrm.complaints import Classifier, default_lexicon, intake, route_frame
from bankcrm.complaints.routing import received_day
from bankcrm.frames import DataFault, Days, days
from bankcrm.lifecycle import assign_stages, early_warnings, stage_facts
from bankcrm.policy import Policy
from bankcrm.segmentation import (
    RfmThresholds,
    assign_tiers,
    fit_rfm,
    resource_levels,
    rfm_metrics,
    score_rfm,
    segment_rfm,
)
from bankcrm.valuation import (
    ValueModel,
    contribution,
    positions_of,
    score_value,
    value_measures,
)
from bankcrm.valuation.contribution.positions import Source

if TYPE_CHECKING:
    from bankcrm.book import Book

YEAR = timedelta(days=365)
TIER_FACTS = ("contribution", "value_score", "growth", "risk")
"""What tiers are judged by, beside credit standing."""

WARNED = {
    "level": "warning",
    "rules": "warning_rules",
    "reasons": "warning_reasons",
    "rank": "warning_rank",
}
"""Columns of the early warnings and their names in the review."""


More: TypeAlias = "Callable[[pd.DataFrame], pd.DataFrame]"
"""Joins what plug-ins know to a step's facts."""


def _same(facts: pd.DataFrame) -> pd.DataFrame:
    return facts


def _named(decided: pd.DataFrame, outcome: str, name: str) -> pd.DataFrame:
    """A decision's two columns under the names that they have in the review."""
    return decided[[outcome, "rule"]].set_axis([name, f"{name}_rule"], axis=1)


def stages(book: Book, day: date, policy: Policy, more: More = _same) -> pd.DataFrame:
    """The stage of every customer, with its facts."""
    facts = stage_facts(
        book.customers,
        book.transactions,
        as_of=day,
        policy=policy,
        contacts=book.contacts,
        accounts=book.accounts,
    )
    facts = more(facts)
    return facts.join(_named(assign_stages(facts, policy=policy), "stage", "stage"))


def rfm(book: Book, day: date, policy: Policy) -> pd.DataFrame:
    """Scores on cut points fitted to this book; customers without a movement have none."""
    found = metrics(book, day, policy)
    return scored(book, found, None if found.empty else fit_rfm(found), policy)


def metrics(book: Book, day: date, policy: Policy) -> pd.DataFrame:
    """Recency, frequency and monetary value of every customer with a movement."""
    own = "kind" in book.transactions
    return rfm_metrics(book.transactions, as_of=day, own_only=own, policy=policy)


def scored(
    book: Book, metrics: pd.DataFrame, thresholds: RfmThresholds | None, policy: Policy
) -> pd.DataFrame:
    """Scores and segments on given cut points; nobody has any without them."""
    if thresholds is None:
        return _no_rfm(book)
    scores = score_rfm(metrics, thresholds)
    named = segment_rfm(scores, policy=policy).drop(columns="treatment")
    rfm = metrics.join([scores, named.rename(columns={"level": "rfm_level"})])
    whole = dict.fromkeys(("recency_days", "frequency"), "Int64")
    small = dict.fromkeys(("r", "f", "m"), "Int8")
    return rfm.astype(whole | small).reindex(pd.Index(book.customers["customer_id"]))


def _no_rfm(book: Book) -> pd.DataFrame:
    return pd.DataFrame({"segment": None}, index=pd.Index(book.customers["customer_id"]))


def worth(book: Book, day: date, policy: Policy) -> pd.DataFrame:
    """The contribution of every customer over a year, with every component."""
    held = positions(book, day, policy)
    return contribution(held, policy=policy, customers=book.customers["customer_id"])


def positions(book: Book, day: date, policy: Policy, source: Source = "auto") -> pd.DataFrame:
    """A row an account or loan of the year that ends with the day."""
    return positions_of(
        accounts=book.accounts,
        balances=book.balances,
        transactions=book.transactions,
        loans=book.loans,
        contacts=book.contacts,
        start=day - YEAR + timedelta(days=1),
        end=day,
        source=source,
        policy=policy,
    )


def value(book: Book, day: date, contributed: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """The value score, growth and risk of every customer, on scales fitted to this book."""
    measures = value_measures(
        book, as_of=day, contribution=contributed["contribution"], policy=policy
    )
    return valued(measures, None, policy)


def valued(measures: pd.DataFrame, model: ValueModel | None, policy: Policy) -> pd.DataFrame:
    """The same from measures; without a model one is fitted on them."""
    scores = score_value(measures, model=model, policy=policy)
    return scores[["score", "growth", "risk"]].rename(columns={"score": "value_score"})


def warnings(book: Book, day: date, contributed: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Signs of coming dormancy or loss, ranked by the contribution at stake."""
    found = early_warnings(
        book.customers,
        book.transactions,
        as_of=day,
        policy=policy,
        accounts=book.accounts,
        balances=book.balances,
        complaints=book.complaints,
        value=contributed["contribution"].clip(lower=0),
    )
    return found[list(WARNED)].set_axis(list(WARNED.values()), axis=1)


def tiers(book: Book, valued: pd.DataFrame, policy: Policy, more: More = _same) -> pd.DataFrame:
    """Tier and resource level of every customer, with the facts that led to them."""
    known = book.customers.set_index("customer_id")
    facts = more(valued.join(known.reindex(columns=["credit_standing"])))
    decided = assign_tiers(facts, policy=policy)
    levels = _named(resource_levels(decided, policy=policy), "level", "resource_level")
    return facts.drop(columns=valued.columns).join(
        [decided.rename(columns={"rule": "tier_rule"}), levels]
    )


@attrs.frozen(eq=False)
class Handled:
    """Complaints taken in and routed; what was rejected, and why."""

    routed: pd.DataFrame
    rejected: int
    faults: tuple[DataFault, ...]


def complaints(
    book: Book,
    day: date,
    policy: Policy,
    calendar: WorkingCalendar,
    classifier: Classifier | None = None,
) -> Handled:
    """Complaints taken in, assessed (their texts read, by default by the lexicon) and routed."""
    reader = classifier or default_lexicon()
    taken = intake(book.frame("complaints"), policy=policy, as_of=day)
    accepted, beyond = _within(calendar, taken.accepted.set_index("complaint_id"), policy)
    route = route_frame(accepted, policy=policy, calendar=calendar, classifier=reader)
    kept = accepted.reindex(columns=["customer_id", "received_at", "product"])
    routed = kept.join(route.rename(columns={"rule": "route_rule"}))
    routed["state"] = _states(routed["due"], _answer_days(accepted, policy), day)
    rejected = len(taken.rejected) + len(taken.accepted) - len(accepted)
    return Handled(routed, rejected, (*_intake_faults(taken.findings), *beyond))


def _within(
    calendar: WorkingCalendar, accepted: pd.DataFrame, policy: Policy
) -> tuple[pd.DataFrame, tuple[DataFault, ...]]:
    """Complaints of the calendar's years; the others have no due day and are set aside."""
    day = received_day(accepted["received_at"], policy)
    outside = (day < calendar.first) | (day > calendar.last)
    if not outside.any():
        return accepted, ()
    fault = DataFault(
        "complaints",
        "received_at",
        "outside_calendar",
        int(outside.sum()),
        tuple(map(str, accepted.index[outside][:5])),
        expected=f"{calendar.first} to {calendar.last}, the days of calendar {calendar.name}",
        advice="give a calendar that reaches them (rejected)",
    )
    return accepted.loc[~outside], (fault,)


def _answer_days(accepted: pd.DataFrame, policy: Policy) -> Days:
    """The bank's day on which each complaint was answered; NaT where it was not."""
    if "answered_at" not in accepted:
        return np.full(len(accepted), np.datetime64("NaT", "D"))
    return received_day(accepted["answered_at"], policy)


def _states(due: pd.Series, answered: Days, day: date) -> pd.Categorical:
    """Answered in time or late; else open, or overdue if its day has passed."""
    limit = days(due, "due")
    late = np.where(np.isnat(answered), limit < np.datetime64(day), answered > limit)
    names = np.array(["in_time", "late", "open", "overdue"])
    return pd.Categorical(names[late + 2 * np.isnat(answered)], categories=names)


def _intake_faults(found: pd.DataFrame) -> tuple[DataFault, ...]:
    """The intake's findings, told once for each problem."""
    groups = found.groupby(["problem", "column", "effect", "advice"], sort=False, observed=True)
    return tuple(
        DataFault(
            "complaints",
            str(column),
            str(problem),
            len(rows),
            tuple(map(str, rows["row"].head(5))),
            advice=f"{advice} ({effect})",
        )
        for (problem, column, effect, advice), rows in groups
    )
