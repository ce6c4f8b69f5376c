"""What each customer is worth, on what grounds, and how that worth is spread over the book."""

from bankcrm.book.balances import average_balances, average_outstanding
from bankcrm.valuation.concentration.change import ConcentrationChange, compare
from bankcrm.valuation.concentration.curves import ProfitSplit, WhaleCurve
from bankcrm.valuation.concentration.groups import GroupedConcentration, concentration_by
from bankcrm.valuation.concentration.intervals import Interval
from bankcrm.valuation.concentration.lorenz import (
    Concentration,
    concentration,
    profit_split,
    share_of_top,
    whale_curve,
)
from bankcrm.valuation.concentration.tail import ParetoTail, pareto_alpha
from bankcrm.valuation.contribution.components import contribution, explain_contribution
from bankcrm.valuation.contribution.positions import positions_of
from bankcrm.valuation.contribution.rates import Rates, TransferBand, TransferCurve, year_fraction
from bankcrm.valuation.grades import fit_grades, grade_contribution
from bankcrm.valuation.model import BookFrames
from bankcrm.valuation.retention import (
    RetentionEconomics,
    SpendCurve,
    SpendPlan,
    customer_value,
    retention_economics,
    spend_to_keep,
    spend_to_win,
)
from bankcrm.valuation.rules_of_thumb import EightyTwenty, is_eighty_twenty, rules_of_thumb
from bankcrm.valuation.value.measures import value_measures
from bankcrm.valuation.value.scales import GradeScale, Scale, fit_scale, points_scale
from bankcrm.valuation.value.score import Measure, ValueModel, fit_value_model, score_value
from bankcrm.valuation.value.weights import (
    AhpWeights,
    ahp_weights,
    combine_weights,
    entropy_weights,
)

__all__ = [
    "AhpWeights",
    "BookFrames",
    "Concentration",
    "ConcentrationChange",
    "EightyTwenty",
    "GradeScale",
    "GroupedConcentration",
    "Interval",
    "Measure",
    "ParetoTail",
    "ProfitSplit",
    "Rates",
    "RetentionEconomics",
    "Scale",
    "SpendCurve",
    "SpendPlan",
    "TransferBand",
    "TransferCurve",
    "ValueModel",
    "WhaleCurve",
    "ahp_weights",
    "average_balances",
    "average_outstanding",
    "combine_weights",
    "compare",
    "concentration",
    "concentration_by",
    "contribution",
    "customer_value",
    "entropy_weights",
    "explain_contribution",
    "fit_grades",
    "fit_scale",
    "fit_value_model",
    "grade_contribution",
    "is_eighty_twenty",
    "pareto_alpha",
    "points_scale",
    "positions_of",
    "profit_split",
    "retention_economics",
    "rules_of_thumb",
    "score_value",
    "share_of_top",
    "spend_to_keep",
    "spend_to_win",
    "value_measures",
    "whale_curve",
    "year_fraction",
]
