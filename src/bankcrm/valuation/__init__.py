"""What each customer is worth, on what grounds, and how that worth is spread over the book."""

from bankcrm.valuation.concentration import (
    Concentration,
    ProfitSplit,
    WhaleCurve,
    concentration,
    profit_split,
    share_of_top,
    whale_curve,
)
from bankcrm.valuation.contribution import contribution, explain_contribution
from bankcrm.valuation.intervals import Interval
from bankcrm.valuation.positions import average_balances, average_outstanding, positions_of
from bankcrm.valuation.rates import Rates, TransferBand, TransferCurve, year_fraction

__all__ = [
    "Concentration",
    "Interval",
    "ProfitSplit",
    "Rates",
    "TransferBand",
    "TransferCurve",
    "WhaleCurve",
    "average_balances",
    "average_outstanding",
    "concentration",
    "contribution",
    "explain_contribution",
    "positions_of",
    "profit_split",
    "share_of_top",
    "whale_curve",
    "year_fraction",
]
