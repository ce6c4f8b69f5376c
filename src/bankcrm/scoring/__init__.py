"""Points-based scorecards: fit, score, check, and test on later days."""

from __future__ import annotations

from bankcrm.scoring.backtest import Backtest, backtest
from bankcrm.scoring.bins import Bins, fit_bins
from bankcrm.scoring.card import Card, PointScale
from bankcrm.scoring.checks import CardChecks, check_card
from bankcrm.scoring.fit import fit_card
from bankcrm.scoring.samples import Samples, outcome_samples
from bankcrm.scoring.score import Score, score_card, score_case
from bankcrm.scoring.stability import stability

__all__ = [
    "Backtest",
    "Bins",
    "Card",
    "CardChecks",
    "PointScale",
    "Samples",
    "Score",
    "backtest",
    "check_card",
    "fit_bins",
    "fit_card",
    "outcome_samples",
    "score_card",
    "score_case",
    "stability",
]
