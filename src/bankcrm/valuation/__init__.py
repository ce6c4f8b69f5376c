"""Contribution and value of each customer, and how they are distributed over the book."""

from bankcrm.valuation.concentration.change import compare_concentration
from bankcrm.valuation.concentration.eighty_twenty import is_eighty_twenty
from bankcrm.valuation.concentration.groups import concentration_by
from bankcrm.valuation.concentration.lorenz import Concentration, concentration
from bankcrm.valuation.concentration.tail import pareto_alpha
from bankcrm.valuation.contribution.components import contribution, explain_contribution
from bankcrm.valuation.contribution.positions import positions_of
from bankcrm.valuation.contribution.rates import Rates, TransferBand, TransferCurve
from bankcrm.valuation.retention import (
    SpendCurve,
    customer_value,
    retention_economics,
    spend_to_keep,
    spend_to_win,
)
from bankcrm.valuation.rules_of_thumb import rules_of_thumb
from bankcrm.valuation.value.measures import value_measures
from bankcrm.valuation.value.score import Measure, ValueModel, fit_value_model, score_value
from bankcrm.valuation.value.weights import ahp_weights, combine_weights, entropy_weights

__all__ = [
    "Concentration",
    "Measure",
    "Rates",
    "SpendCurve",
    "TransferBand",
    "TransferCurve",
    "ValueModel",
    "ahp_weights",
    "combine_weights",
    "compare_concentration",
    "concentration",
    "concentration_by",
    "contribution",
    "customer_value",
    "entropy_weights",
    "explain_contribution",
    "fit_value_model",
    "is_eighty_twenty",
    "pareto_alpha",
    "positions_of",
    "retention_economics",
    "rules_of_thumb",
    "score_value",
    "spend_to_keep",
    "spend_to_win",
    "value_measures",
]
