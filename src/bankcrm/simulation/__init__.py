"""Simulation: two sets of policies compared on a book, and trials on some customers."""

from __future__ import annotations

from bankcrm.simulation.comparison import simulate
from bankcrm.simulation.impact import DecisionImpact, Impact
from bankcrm.simulation.trials import challenge, split

__all__ = ["DecisionImpact", "Impact", "challenge", "simulate", "split"]
