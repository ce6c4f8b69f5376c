"""A churn card trained on a book, as a step of a review beside the early warnings (PB-3, PB-7)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import cache, partial

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import card as html_card
from bankcrm._display import figures_of
from bankcrm.arguments import as_items, as_kind, as_number
from bankcrm.book import Book
from bankcrm.book.recorded import recorded_in
from bankcrm.book.view import book_view
from bankcrm.errors import DataError
from bankcrm.frames.arrays import as_of_day
from bankcrm.pipeline.fitted import Fitted
from bankcrm.pipeline.run import run_steps
from bankcrm.pipeline.step import Need, Sections, Step
from bankcrm.pipeline.steps import STEPS
from bankcrm.policy import PolicySet
from bankcrm.policy.given import policies_of
from bankcrm.scoring import Card, Samples, backtest, fit_card, outcome_samples, score_card
from bankcrm.wire.toml import Saved

FEATURES = (
    "kind",
    "contacted",
    "returned",
    "quiet_product",
    "days_since_contract",
    "days_idle",
    "activity_ratio",
    "recent_count",
    "earlier_count",
    "recent_amount",
    "earlier_amount",
    "automatic_count",
    "usual_gap_days",
    "overdue_ratio",
    "balance_ratio",
    "product_closed",
    "complaint_open",
    "complaint_badly_solved",
    "salary_gone",
)
"""Facts of stages and early warnings; all are of windows that end on the day."""
START, ENDS = ("new", "active"), ("dormant", "lost")
AT_RISK = "may_churn"
_STEPS = ("stage", "population", "signals")
_LISTED = 25


@attrs.frozen
class ChurnTest:
    """How a card that was fitted on earlier days came out on a later one.

    Attributes:
        day: The day, whose window lies after all windows of the fit.
        rows: Customers at risk.
        events: Those who churned.
        auc: Probability that one who churned has fewer points than one who did not.
        auc_lower: Lower end of its interval.
        auc_upper: Upper end.
        predicted: Mean probability.
        observed: Rate of churn.
        psi: Population stability index of the points since the fit.
        drifted: The feature that changed most.
    """

    day: dt.date
    rows: int
    events: int
    auc: float
    auc_lower: float
    auc_upper: float
    predicted: float
    observed: float
    psi: float
    drifted: str


@attrs.frozen
class ChurnModel(Saved):
    """A churn card with how it came out; a frozen value that goes to TOML.

    Attributes:
        card: The card, fitted on all days.
        horizon_days: Length of the window in which churn counts.
        days: The days of the fit.
        tests: Tests of cards that were fitted on earlier days alone; empty where there was only
            one day.
    """

    card: Card
    horizon_days: int
    days: tuple[dt.date, ...]
    tests: tuple[ChurnTest, ...]

    def frame(self) -> pd.DataFrame:
        """The tests, one row per day."""
        names = [a.name for a in attrs.fields(ChurnTest)]
        rows = [attrs.astuple(t) for t in self.tests]
        return pd.DataFrame(rows, columns=names).set_index("day")

    def _repr_html_(self) -> str:
        figures = figures_of(self, "horizon_days", "days")
        return html_card("Churn card", figures, self.frame(), "; ".join(_features(self.card)))


def churn_samples(
    book: Book, *, as_ofs: Sequence[object], horizon_days: int, policies: PolicySet | None = None
) -> Samples:
    """Facts of customers who were new or active on each day, and who was dormant or lost later.

    Each day's facts are those of a review of the book as it was known on that day.

    Args:
        book: The book; it must reach the end of the last window.
        as_ofs: The days.
        horizon_days: Length of the window after each day.
        policies: The policies; None: the defaults, with the presets that the book names. The
            version in force at the end of the last window decides on all days.

    Raises:
        DataError: The days make no windows, or nobody is at risk on any of them.
    """
    as_kind(book, Book, "book")
    asked = as_items(as_ofs, "as_ofs", "a list of days")
    if not asked:
        raise DataError("as_ofs: no days; expected one or more")
    horizon_days = int(as_number(horizon_days, "horizon_days"))
    last = max(as_of_day(d) for d in asked) + np.timedelta64(horizon_days, "D")
    rules = policies_of(policies, book.presets).at(last.astype(dt.date))

    @cache
    def known(day: dt.date) -> pd.DataFrame:
        return _facts_on(book, day, rules)

    def at_risk(day: dt.date) -> pd.DataFrame:
        found = known(day)
        return found.loc[_may_churn(found), [f for f in FEATURES if f in found]]

    def churned(_: dt.date, end: dt.date) -> pd.Series:
        stage = known(end)["stage"].astype(object)
        return stage.isin(ENDS).astype("boolean").mask(stage.isna())

    samples = outcome_samples(at_risk, churned, as_ofs=asked, horizon_days=horizon_days)
    if samples.facts.empty:
        raise DataError("book: nobody is new or active on any of the days; give later days")
    return samples


def _facts_on(book: Book, day: dt.date, rules: PolicySet) -> pd.DataFrame:
    zone = rules["bank"].value("time_zone")
    checked, _ = book.check(day, zone=zone)
    known = Fitted(recorded_in(checked.frames()), policies=rules.fingerprint)
    return run_steps(
        book_view(checked, recorded=known.frames, zone=zone),
        [s for s in STEPS if s.name in _STEPS],
        day=day, policies=rules, fitted=known, learn=True, report_progress=lambda _: None,
    ).facts  # fmt: skip


def _may_churn(found: pd.DataFrame) -> npt.NDArray[np.bool_]:
    at_risk: npt.NDArray[np.bool_] = found["stage"].isin(START).to_numpy(np.bool_)
    return at_risk


def fit_churn(
    book: Book,
    *,
    as_of: object,
    horizon_days: int = 91,
    windows: int = 4,
    policies: PolicySet | None = None,
) -> ChurnModel:
    """A churn card from the windows of a book that end by a day, with its backtest.

    Args:
        book: The book, which must reach the day; every day before it is looked at as it was known.
        as_of: The last day that is known.
        horizon_days: Length of a window, in days.
        windows: How many windows, one after the other, the last of which ends on ``as_of``.
        policies: As for `churn_samples`.

    Returns:
        The model; `churn_steps` makes steps of a review of it.

    Raises:
        DataError: Nobody is at risk, nobody churned, or no fact predicts who does.

    Source: PB-3, PB-7.
    """
    as_kind(book, Book, "book")
    if windows < 1 or horizon_days < 1:
        raise DataError(f"windows {windows}, horizon_days {horizon_days}; expected 1 or more")
    end = as_of_day(as_of)
    back = np.arange(windows, 0, -1) * horizon_days
    samples = churn_samples(
        book,
        as_ofs=list(end - back.astype("timedelta64[D]")),
        horizon_days=horizon_days,
        policies=policies,
    )
    tests: tuple[ChurnTest, ...] = ()
    if len(samples.days) > 1:
        rows = backtest(samples).frame().reset_index()
        names = [a.name for a in attrs.fields(ChurnTest)]
        tests = tuple(ChurnTest(*row) for row in rows[names].astype(object).to_numpy().tolist())
    card = fit_card(*samples.of(samples.days))
    return ChurnModel(card, horizon_days, samples.days, tests)


def churn_steps(model: ChurnModel) -> tuple[Step, ...]:
    """The steps that score customers by a churn card, to come after the others of a review.

    ``review(book, as_of=day, steps=(*STEPS, *churn_steps(model)))`` then has the columns
    ``churn_points``, ``churn_probability`` and ``churn_reasons`` of customers who are new or
    active. The early warnings stay as they are.

    Args:
        model: As `fit_churn` gives it, or read from TOML.
    """
    as_kind(model, ChurnModel, "model", "give the result of fit_churn")
    features = tuple(f.name for f in model.card.features)
    return (
        Step(
            name="churn_risk",
            title="churn card",
            domain="lifecycle",
            derive=_at_risk,
            derives_from=("stage",),
            hidden=(AT_RISK,),
        ),
        Step(
            name="churn",
            title="churn card",
            domain="lifecycle",
            derive=partial(_scores, model.card),
            derives_from=features,
            needs=(Need(("stage",)),),
            where=AT_RISK,
            shown=("churn_points", "churn_probability", "churn_reasons"),
            sections=partial(_sections, model),
        ),
    )


def _at_risk(found: pd.DataFrame, _: PolicySet) -> pd.DataFrame:
    return pd.DataFrame({AT_RISK: _may_churn(found)}, index=found.index)


def _scores(card: Card, found: pd.DataFrame, _: PolicySet) -> pd.DataFrame:
    # what the book does not record is missing
    scored = score_card(found.reindex(columns=[f.name for f in card.features]), card)
    return pd.DataFrame(
        {
            "churn_points": scored["points"],
            "churn_probability": scored["probability"],
            "churn_reasons": scored["reasons"].astype(object),
        }
    )


def _sections(model: ChurnModel, facts: pd.DataFrame | None) -> Sections:
    """What the report shows: who may leave and why, how the card came out, and its points."""
    parts: list[tuple[str, pd.DataFrame | str]] = []
    if facts is not None:
        columns = ["churn_probability", "churn_points", "churn_reasons", "warning", "contribution"]
        named = [c for c in columns if c in facts]
        first = facts.dropna(subset=["churn_probability"]).nlargest(_LISTED, "churn_probability")
        parts.append(("Customers most likely to leave, by the churn card", _short(first[named])))
    tests: pd.DataFrame | str = _short(model.frame())
    if not model.tests:
        tests = "The card was fitted on one day only, so it is not tested on a later one."
    parts.append(("Backtest of the churn card", tests))
    points = model.card.frame()[["feature", "test", "points", "count", "rate"]]
    parts.append(("Points of the churn card", _short(points)))
    return parts


def _short(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers with few digits, for people."""
    return frame.round(dict.fromkeys(frame.select_dtypes("float").columns, 3))


def _features(card: Card) -> list[str]:
    return [f"{f.name} (IV {f.bins.iv:.3f})" for f in card.features]
