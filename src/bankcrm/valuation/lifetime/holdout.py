"""Forecasts of purchases, never without how an earlier forecast came out."""

from __future__ import annotations

import datetime as dt

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card, figures_of
from bankcrm.errors import DataError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import as_of_day
from bankcrm.intervals import Interval
from bankcrm.valuation.lifetime.cells import Floats
from bankcrm.valuation.lifetime.fit import PurchaseModel, PurchaseModelName, fit_purchases
from bankcrm.valuation.lifetime.purchases import Integers, Purchases, purchase_history
from bankcrm.valuation.lifetime.uncertainty import purchase_interval

_MANY = 7
"""Repeats that are counted together with more of them."""


@attrs.frozen(eq=False, repr=False)
class HoldoutCheck:
    """A forecast made on an earlier day, and what came.

    Attributes:
        model: The model, fitted on what was known on the day.
        as_of: The day.
        until: The last day of the forecast.
        customers: Customers with a purchase by the day.
        forecast: Purchases expected of them.
        actual: Purchases they made.
        correlation: Of the two by customer.
        error: Mean absolute error by customer.
        naive_error: That of the customer's own rate, repeats by age.
        by_repeats: Indexed by ``repeats`` (7 and more together): ``customers`` and the mean
            ``forecast`` and ``actual`` of each.
        weekly: One row per week: purchases cumulated, ``forecast`` and ``actual``.
    """

    model: PurchaseModel
    as_of: dt.date
    until: dt.date
    customers: int
    forecast: float
    actual: int
    correlation: float
    error: float
    naive_error: float
    by_repeats: pd.DataFrame
    weekly: pd.DataFrame

    @property
    def miss(self) -> float:
        """The share by which the forecast missed, below zero where it was too low."""
        return self.forecast / self.actual - 1 if self.actual else float("inf")

    def __repr__(self) -> str:
        return (
            f"<HoldoutCheck {self.as_of} to {self.until}: forecast {self.forecast:,.0f}, came "
            f"{self.actual:,} ({self.miss:+.1%}); correlation {self.correlation:.3f}, error "
            f"{self.error:.3f} (own rate {self.naive_error:.3f})>"
        )

    def _repr_html_(self) -> str:
        names = ("as_of", "until", "customers", "forecast", "actual", "miss", "correlation",
                 "error", "naive_error")  # fmt: skip
        return card("Holdout check", figures_of(self, *names), self.by_repeats)


def holdout_check(
    transactions: object,
    *,
    as_of: object,
    until: object,
    model: PurchaseModelName = "mbg_nbd",
    own_only: bool = False,
) -> HoldoutCheck:
    """Fit on what was known on a day, and compare the forecast with what came.

    Args:
        transactions: As for `purchase_history`.
        as_of: The day of the fit.
        until: The last day of the comparison, later; the transactions must reach it.
        model: As for `fit_purchases`.
        own_only: As for `purchase_history`.

    Raises:
        DataError: ``until`` is not after ``as_of``, or as for `purchase_history`.
    """
    start, end = as_of_day(as_of), as_of_day(until)
    length = int((end - start).astype(np.int64))
    if length < 1:
        raise DataError(f"until: {end} is not after as_of {start}")
    history = purchase_history(transactions, as_of=start, own_only=own_only)
    fitted = fit_purchases(history, model=model)
    forecast = fitted.expected(history, days=length).to_numpy()
    after, actual = _came(transactions, history.index, start, end, own_only)
    naive = history["repeats"].to_numpy() / np.maximum(history["age_days"], 1) * length
    return HoldoutCheck(
        model=fitted,
        as_of=start.astype(dt.date),
        until=end.astype(dt.date),
        customers=len(history),
        forecast=float(forecast.sum()),
        actual=int(actual.sum()),
        correlation=_correlation(forecast, actual),
        error=float(np.abs(forecast - actual).mean()),
        naive_error=float(np.abs(naive - actual).mean()),
        by_repeats=_by_repeats(history["repeats"], forecast, actual),
        weekly=_weekly(fitted, history, after, length),
    )


def _came(
    transactions: object, customers: pd.Index, start: np.datetime64, end: np.datetime64, own: bool
) -> tuple[Integers, Integers]:
    """Days after the start of each purchase that came, and how many each customer made."""
    moves = Purchases.read(transactions, own_only=own, policy=None)
    who, when = moves.visits()
    after = when - int(start.astype(np.int64))
    place = customers.get_indexer(moves.ids)[who]
    counted = (after > 0) & (after <= int((end - start).astype(np.int64))) & (place >= 0)
    return after[counted], np.bincount(place[counted], minlength=len(customers))


def _correlation(forecast: Floats, actual: Integers) -> float:
    if np.ptp(forecast) == 0 or np.ptp(actual) == 0:
        return float("nan")
    return float(np.corrcoef(forecast, actual)[0, 1])


def _by_repeats(repeats: pd.Series, forecast: Floats, actual: Integers) -> pd.DataFrame:
    frame = pd.DataFrame({"forecast": forecast, "actual": actual})
    groups = frame.groupby(np.minimum(repeats.to_numpy(), _MANY))
    found = groups.mean()
    found.insert(0, "customers", groups.size())
    return found.rename_axis("repeats")


def _weekly(
    model: PurchaseModel, history: pd.DataFrame, after: Integers, length: int
) -> pd.DataFrame:
    """Purchases cumulated by the end of each week."""
    ends = np.unique(np.append(np.arange(7, length, 7), length))
    return pd.DataFrame(
        {
            "days": ends,
            "forecast": [float(model.expected(history, days=e).sum()) for e in ends.tolist()],
            "actual": np.searchsorted(np.sort(after), ends, side="right"),
        },
        index=pd.RangeIndex(1, len(ends) + 1, name="week"),
    )


@attrs.frozen(eq=False, repr=False)
class PurchaseForecast:
    """A forecast of purchases with the check of an earlier one.

    Attributes:
        customers: Indexed by ``customer_id``: ``expected`` purchases and ``alive``, the
            probability that the customer is still one.
        total: Purchases expected of all; the interval is that of the parameters alone.
        holdout: How a forecast of the same model over the same length, or half the history if that
            is shorter, came out.
    """

    customers: pd.DataFrame
    total: Interval
    holdout: HoldoutCheck

    def __repr__(self) -> str:
        return f"<PurchaseForecast: {self.total} from the parameters alone; {self.holdout!r}>"

    def _repr_html_(self) -> str:
        note = f"The interval is that of the parameters alone. An earlier forecast: {self.holdout}"
        figures = {"purchases expected": str(self.total)}
        return card("Forecast of purchases", figures, self.customers, note)


def forecast_purchases(
    transactions: object,
    *,
    as_of: object,
    days: int,
    seed: int,
    model: PurchaseModelName = "mbg_nbd",
    own_only: bool = False,
) -> PurchaseForecast:
    """Forecast the purchases of each customer, and show how the last forecast came out.

    Args:
        transactions: As for `purchase_history`.
        as_of: The last day that is known.
        days: Length of the forecast, in days.
        seed: Seed of the draws of the interval.
        model: As for `fit_purchases`.
        own_only: As for `purchase_history`.

    Raises:
        DataError: As for `fit_purchases`; the history may be too short for a check.

    Source: PB-6.
    """
    today = as_of_day(as_of)
    history = purchase_history(transactions, as_of=today, own_only=own_only)
    fitted = fit_purchases(history, model=model)
    back = min(days, int(history["age_days"].max()) // 2)
    known = Purchases.read(transactions, own_only=False, policy=None).day <= today.astype(np.int64)
    holdout = holdout_check(
        as_frame(transactions).loc[known],
        as_of=today - np.timedelta64(back, "D"), until=today, model=model, own_only=own_only,
    )  # fmt: skip
    return PurchaseForecast(
        customers=pd.DataFrame(
            {"expected": fitted.expected(history, days=days), "alive": fitted.alive(history)}
        ),
        total=purchase_interval(history, fitted, days=days, seed=seed),
        holdout=holdout,
    )
