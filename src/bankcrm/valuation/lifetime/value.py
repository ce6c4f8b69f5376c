"""Money: what the purchases to come are worth, and what a customer of a bank is worth."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bankcrm.arguments import as_finite, as_kind, as_number
from bankcrm.errors import DataError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import numbers
from bankcrm.frames.conversion import require_columns
from bankcrm.frames.numbering import words_of
from bankcrm.valuation.lifetime.fit import KERNELS, PurchaseModel
from bankcrm.valuation.lifetime.spend import SpendModel
from bankcrm.valuation.retention import customer_value

_YEAR = 365.25
_MONTH = _YEAR / 12
_LONGEST = 1_000 * _YEAR


def purchase_value(
    history: object,
    model: PurchaseModel,
    spend: SpendModel,
    *,
    horizon_days: float,
    yearly_rate: float,
    margin: float = 1.0,
) -> pd.DataFrame:
    """The present value of the purchases of each customer over a horizon.

    The horizon is cut into equal parts of about a month (of the model's periods, where they are
    whole); the purchases expected in a part are discounted from its middle.

    Args:
        history: As `purchase_history` gives it.
        model: A fitted model of purchases.
        spend: A fitted model of amounts.
        horizon_days: Length of the horizon, in days.
        yearly_rate: Effective discount rate per year of 365.25 days.
        margin: Profit per unit of money spent.

    Returns:
        The index of ``history``: ``alive`` (probability), ``expected`` (purchases over the
        horizon), ``amount`` (money per purchase) and ``value`` (money).

    Raises:
        DataError: The horizon is not above 0, or the rate not above -1.

    Source: PB-6.
    """
    as_kind(model, PurchaseModel, "model", "give the result of fit_purchases")
    as_kind(spend, SpendModel, "spend", "give the result of fit_spend")
    horizon_days = as_number(horizon_days, "horizon_days")
    yearly_rate, margin = as_finite(yearly_rate, "yearly_rate"), as_number(margin, "margin")
    if not (0 < horizon_days < _LONGEST and yearly_rate > -1 and np.isfinite(margin)):
        raise DataError(
            f"horizon_days {horizon_days}, yearly_rate {yearly_rate}, margin {margin}; expected a "
            "horizon above 0 and below 1,000 years, a rate above -1 and a finite margin"
        )
    part = model.unit_days if KERNELS[model.model].whole else _MONTH
    parts = max(round(horizon_days / part), 1)
    ends = np.linspace(0, horizon_days, parts + 1)[1:]
    amount = spend.expected(history)
    before = discounted = pd.Series(0.0, index=amount.index)
    for end in ends.tolist():
        reached = model.expected(history, days=end)
        middle = end - horizon_days / parts / 2
        discounted = discounted + (reached - before) / (1 + yearly_rate) ** (middle / _YEAR)
        before = reached
    return pd.DataFrame(
        {
            "alive": model.alive(history),
            "expected": before,
            "amount": amount,
            "value": discounted * amount * margin,
        }
    )


def lifetime_value(
    customers: pd.DataFrame,
    *,
    retention: Mapping[str, float],
    discount: float,
    growth: float = 0.0,
) -> pd.Series:
    """The lifetime value of each customer of a bank, as a column that tables can read.

    It is the present value of the customer's contribution for as long as the customer stays, who
    stays each period with the probability of the stage; see `bankcrm.valuation.customer_value`. A
    customer who costs money has a value below zero.

    Args:
        customers: ``stage`` (text) and ``contribution`` (money per period), one row per customer.
        retention: Stage -> probability of staying a period; a customer of a stage with 0 brings
            the contribution of one period. Measure it, with `bankcrm.lifecycle.churn_rates` or
            `fit_retention`.
        discount: Discount rate per period.
        growth: Growth of the contribution per period.

    Returns:
        ``lifetime_value`` (float64, money), of the same index; null where stage or contribution
        is.

    Raises:
        DataError: A stage has no retention, or the value has no end.

    Source: PB-6, EB-7.

    >>> rows = pd.DataFrame({"stage": ["active", "lost", None], "contribution": [100.0, 0.0, 5.0]})
    >>> lifetime_value(rows, retention={"active": 0.9, "lost": 0.0}, discount=0.1).round(2).tolist()
    [550.0, 0.0, nan]
    """
    as_kind(customers, pd.DataFrame, "customers")
    as_kind(retention, Mapping, "retention", "give stage and probability")
    require_columns(customers, ("stage", "contribution"), "customers")
    stage = words_of(as_frame(customers)["stage"], "customers.stage")
    unknown = [s for s in stage.remove_unused_categories().categories if s not in retention]
    if unknown:
        raise DataError(
            f"retention: none given for the stages {', '.join(map(str, unknown))}; give the "
            "probability of staying a period for each stage"
        )
    rates = [retention.get(s, 0.0) for s in stage.categories]
    per_unit = customer_value(1.0, np.array(rates, dtype=np.float64), discount, growth=growth)
    unit = np.append(per_unit, np.nan)[stage.codes]
    money = numbers(customers["contribution"], "contribution")
    return pd.Series(unit * money, index=customers.index, name="lifetime_value")
