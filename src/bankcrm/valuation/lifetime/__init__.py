"""Lifetime value: fitted models of purchases and of contracts, and a value for each customer."""

from __future__ import annotations

from bankcrm.valuation.lifetime.contracts import RetentionModel, fit_retention
from bankcrm.valuation.lifetime.fit import PurchaseModel, fit_purchases
from bankcrm.valuation.lifetime.holdout import (
    HoldoutCheck,
    PurchaseForecast,
    forecast_purchases,
    holdout_check,
)
from bankcrm.valuation.lifetime.purchases import purchase_history
from bankcrm.valuation.lifetime.spend import SpendModel, fit_spend
from bankcrm.valuation.lifetime.uncertainty import SegmentFits, fit_by_segment, purchase_interval
from bankcrm.valuation.lifetime.value import lifetime_value, purchase_value

__all__ = [
    "HoldoutCheck",
    "PurchaseForecast",
    "PurchaseModel",
    "RetentionModel",
    "SegmentFits",
    "SpendModel",
    "fit_by_segment",
    "fit_purchases",
    "fit_retention",
    "fit_spend",
    "forecast_purchases",
    "holdout_check",
    "lifetime_value",
    "purchase_history",
    "purchase_interval",
    "purchase_value",
]
