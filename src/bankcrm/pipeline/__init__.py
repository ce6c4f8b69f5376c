"""The steps of a review as one table, and what the whole book teaches them."""

from __future__ import annotations

from bankcrm.pipeline.fitted import Fitted
from bankcrm.pipeline.step import Decision, Fit, Need, Step
from bankcrm.pipeline.steps import STEPS

__all__ = ["STEPS", "Decision", "Fit", "Fitted", "Need", "Step"]
