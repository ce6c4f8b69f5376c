"""The steps of a review: each takes the checked book and gives one frame."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, TypeAlias

import pandas as pd

from bankcrm.calendars import WorkingCalendar
from bankcrm.complaints import Classifier, ProcessedComplaints, process_complaints
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
from bankcrm.valuation.positions import Source

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
        book.accounts,
        book.balances,
        book.transactions,
        book.loans,
        book.contacts,
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


def complaints(
    book: Book,
    day: date,
    policy: Policy,
    calendar: WorkingCalendar,
    classifier: Classifier | None = None,
    more: More = _same,
) -> ProcessedComplaints:
    """Complaints taken in, assessed, routed, and whether each was answered in time."""
    return process_complaints(
        book.frame("complaints"),
        as_of=day,
        policy=policy,
        calendar=calendar,
        classifier=classifier,
        extend_facts=more,
    )
