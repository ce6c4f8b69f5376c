"""The value phase of a relationship, from the trend of balances and contribution (PB-2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.book.view import Needs, day_number, day_numbers, known_positions, view_of
from bankcrm.frames import Column, check_frame
from bankcrm.frames.arrays import as_of_day
from bankcrm.lifecycle.policy import lifecycle_policy
from bankcrm.policy import Policy

Floats: TypeAlias = npt.NDArray[np.float64]

NEEDS = {"customers": Needs(("customer_id",), ("contract_date",))}
VALUE_COLUMNS = (
    Column("customer_id", "id"),
    Column("date", "date"),
    Column("balance", "money", required=False, unit="CNY"),
    Column("contribution", "money", required=False, unit="CNY"),
)


def value_facts(
    customers: object,
    values: object,
    *,
    as_of: object,
    policy: Policy | None = None,
    names: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """The trend of balances and contribution of every customer up to a day.

    The trend is the slope of a straight line through the values of the policy's ``trend_days``, as
    a share per year of their mean size. With both columns it is the mean of the two trends.

    Args:
        customers: ``customer_id``; ``contract_date`` where known.
        values: ``customer_id``, ``date`` and ``balance`` or ``contribution`` or both, in money; the
            rows of one day are added up.
        as_of: The day; later rows are left out.
        policy: Parameters ``trend_days`` and ``trend_points``.
        names: Canonical column -> the caller's column, of ``values``.

    Returns:
        One row per customer: ``has_contract``; ``months_since_contract`` (null without a
        contract); ``value_trend`` (share per year) with ``trend_known`` (false, and the trend null,
        below ``trend_points`` days with a value, or where all are zero).

    Raises:
        DataError: A frame does not fit, or names a customer who is not in ``customers``.

    Source: PB-2.
    """
    policy = lifecycle_policy(policy)
    day = day_number(as_of_day(as_of))
    view = view_of({"customers": customers}, NEEDS)
    rows = check_frame(values, VALUE_COLUMNS, frame="values", names=names)
    age = day - day_numbers(rows["date"].to_numpy()).astype(np.int64)
    recent = (age >= 0) & (age < int(policy.value("trend_days")))
    customer = known_positions(rows["customer_id"], view.customers, "values")[recent]
    trends = [
        yearly_trend(customer, -age[recent], rows[c].to_numpy()[recent], view.size, policy)
        for c in ("balance", "contribution")
        if c in rows
    ]
    trend = np.mean(trends, axis=0) if trends else np.full(view.size, np.nan)
    signed = view["customers"].day("contract_date")
    month = policy.value("year_days") / 12
    months = np.where(signed <= day, (day - signed.astype(np.float64)) / month, np.nan)
    return pd.DataFrame(
        {
            "has_contract": ~np.isnan(months),
            "months_since_contract": months,
            "trend_known": ~np.isnan(trend),
            "value_trend": trend,
        },
        index=view.customers,
    )


def yearly_trend(
    customer: npt.NDArray[np.integer[Any]],
    day: npt.NDArray[np.int64],
    value: Floats,
    size: int,
    policy: Policy,
) -> Floats:
    """Least-squares slope of each customer's values, as a share per year of their mean size.

    >>> values = np.zeros(3, int), np.array([0, 365, 730]), np.array([90.0, 100, 110])
    >>> yearly_trend(*values, 1, lifecycle_policy(None))
    array([0.10006849])
    """
    # Values of one day are one point of the line: a customer's total on that day.
    rows = pd.DataFrame({"who": customer, "when": day, "value": value})
    points = rows.groupby(["who", "when"], as_index=False)["value"].sum()
    who, when, total = (points[name].to_numpy() for name in points)
    count = np.bincount(who, minlength=size)
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = np.bincount(who, weights=when, minlength=size) / count
        off = when - middle[who]
        slope = np.bincount(who, weights=off * total, minlength=size) / np.bincount(
            who, weights=off * off, minlength=size
        )
        level = np.bincount(who, weights=np.abs(total), minlength=size) / count
        trend = slope * policy.value("year_days") / level
    return np.where((count >= int(policy.value("trend_points"))) & (level > 0), trend, np.nan)


def assign_value_phases(facts: pd.DataFrame, *, policy: Policy | None = None) -> pd.DataFrame:
    """The value phase of every customer: introduction, growth, maturity or decline.

    Args:
        facts: From `value_facts`.
        policy: Its table ``value_phase`` decides.

    Returns:
        The facts' index; ``value_phase`` and ``value_phase_rule`` (categorical), null for customers
        without a contract and for those whose trend is not known; ``missing`` names the fact.

    Source: PB-2.

    >>> facts = pd.DataFrame({"has_contract": [True], "months_since_contract": [30.0],
    ...                       "trend_known": [True], "value_trend": [0.25]})
    >>> assign_value_phases(facts)["value_phase"].tolist()
    ['growth']
    """
    policy = lifecycle_policy(policy)
    decided = policy.table("value_phase").decide_frame(facts, on_missing="undecided")
    names = {"outcome": "value_phase", "rule": "value_phase_rule"}
    return policy.stamp(decided.rename(columns=names))
