"""What would change: policies compared over a book before one of them goes live, and trials."""

from __future__ import annotations

from bankcrm.simulation.comparison import simulate
from bankcrm.simulation.impact import DecisionImpact, Impact
from bankcrm.simulation.trials import challenge, split

__all__ = ["DecisionImpact", "Impact", "challenge", "simulate", "split"]
