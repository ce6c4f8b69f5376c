"""Pictures of frames that the library returns; each function draws one and returns its axes.

Results with a picture of their own have a method ``plot``. The extra ``plot`` installs matplotlib.
Every function takes ``ax`` (None makes a figure) and ``language`` (``en`` or ``zh``).
"""

from __future__ import annotations

from bankcrm.plots.bars import ageing, funnel, pareto, sizes
from bankcrm.plots.curves import control_chart
from bankcrm.plots.grids import rfm_heatmap, stage_flow, tier_movement

__all__ = [
    "ageing",
    "control_chart",
    "funnel",
    "pareto",
    "rfm_heatmap",
    "sizes",
    "stage_flow",
    "tier_movement",
]
