"""Pictures of what the library finds: each takes plain frames and returns its axes.

The extra ``plot`` brings matplotlib. Every function takes ``ax`` (None makes a figure) and
``language`` (``en`` or ``zh``), and titles and labels its axes.
"""

from __future__ import annotations

from bankcrm.plots.bars import (
    ageing,
    funnel,
    impact,
    pareto,
    profit_split,
    resource_plan,
    sizes,
)
from bankcrm.plots.curves import control_chart, lorenz, survival, whale
from bankcrm.plots.grids import migration, rfm_heatmap, stage_flow, tier_movement

__all__ = [
    "ageing",
    "control_chart",
    "funnel",
    "impact",
    "lorenz",
    "migration",
    "pareto",
    "profit_split",
    "resource_plan",
    "rfm_heatmap",
    "sizes",
    "stage_flow",
    "survival",
    "tier_movement",
    "whale",
]
