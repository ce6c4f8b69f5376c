"""The steps of a review as one table, and what the whole book teaches them."""

from __future__ import annotations

from bankcrm.pipeline.churn import ChurnModel, churn_samples, churn_steps, fit_churn
from bankcrm.pipeline.fitted import Fitted
from bankcrm.pipeline.lifetime import with_lifetime_value
from bankcrm.pipeline.scorecards import scorecard_steps
from bankcrm.pipeline.step import Decision, Fit, Need, Step
from bankcrm.pipeline.steps import STEPS

__all__ = [
    "STEPS",
    "ChurnModel",
    "Decision",
    "Fit",
    "Fitted",
    "Need",
    "Step",
    "churn_samples",
    "churn_steps",
    "fit_churn",
    "scorecard_steps",
    "with_lifetime_value",
]
