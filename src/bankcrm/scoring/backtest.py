"""Fit on earlier days, test on later ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import card as html_card
from bankcrm.arguments import as_kind
from bankcrm.errors import DataError
from bankcrm.scoring.card import Card
from bankcrm.scoring.checks import CardChecks, check_card
from bankcrm.scoring.fit import fit_card
from bankcrm.scoring.samples import Samples
from bankcrm.scoring.score import score_card
from bankcrm.scoring.stability import stability
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FitCard: TypeAlias = "Callable[[pd.DataFrame, npt.NDArray[np.bool_]], Card]"


@attrs.frozen(eq=False)
class BacktestDay:
    """A card tested on one day.

    Attributes:
        day: The day; its window lies after every window of the fit.
        fitted_on: The days of the fit.
        card: The card.
        checks: Its checks on the rows of the day.
        drift: As of `bankcrm.scoring.stability`, from the days of the fit to the day.
    """

    day: dt.date
    fitted_on: tuple[dt.date, ...]
    card: Card
    checks: CardChecks
    drift: pd.DataFrame


@attrs.frozen(eq=False)
class Backtest:
    """The tests of a card on later days than those it was fitted on.

    Attributes:
        tests: One per day with an earlier window to fit on, the earliest first.
    """

    tests: tuple[BacktestDay, ...]

    def frame(self) -> pd.DataFrame:
        """One row per test day.

        Returns:
            ``rows``, ``events``, ``auc`` with ``auc_lower`` and ``auc_upper``, ``ks``,
            ``predicted`` and ``observed`` (rates), ``fitted_days``, ``psi`` (of the points) and
            ``drifted`` (the feature that changed most).
        """
        rows = [
            {
                "day": t.day,
                "rows": t.checks.rows,
                "events": t.checks.events,
                "auc": t.checks.auc.estimate,
                "auc_lower": t.checks.auc.lower,
                "auc_upper": t.checks.auc.upper,
                "ks": t.checks.ks,
                "predicted": t.checks.predicted,
                "observed": t.checks.observed,
                "fitted_days": len(t.fitted_on),
                "psi": float(t.drift["psi"].loc["points"]),
                "drifted": str(t.drift.index.drop("points")[0]),
            }
            for t in self.tests
        ]
        return pd.DataFrame(rows).set_index("day")

    def _repr_html_(self) -> str:
        return html_card("Backtest of a scorecard", frame=self.frame())

    def plot(self, ax: Axes | None = None, language: Language = "en") -> Axes:
        """Predicted and observed rates of the last test day."""
        return self.tests[-1].checks.plot(ax, language)


def backtest(samples: Samples, *, fit: FitCard = fit_card) -> Backtest:
    """Test a card on each day that lies after the end of the windows it can be fitted on.

    Args:
        samples: As `outcome_samples` gives them, with two days or more.
        fit: (facts, event) -> card; `fit_card`, or a function that calls it with other settings.

    Raises:
        DataError: No day lies after the end of an earlier window.
    """
    as_kind(samples, Samples, "samples", "give the result of outcome_samples")
    length = dt.timedelta(days=samples.horizon_days)
    tests = []
    for day in samples.days:
        earlier = tuple(d for d in samples.days if d + length <= day)
        if not earlier:
            continue
        then, happened = samples.of(earlier)
        now, outcome = samples.of([day])
        card = fit(then, happened)
        checks = check_card(score_card(now, card, reasons=0), outcome)
        tests.append(BacktestDay(day, earlier, card, checks, stability(now, card, then=then)))
    if not tests:
        raise DataError(
            f"samples: {len(samples.days)} days with windows of {samples.horizon_days} days leave "
            "no day after the end of an earlier window; give more days, or a shorter horizon"
        )
    return Backtest(tuple(tests))
