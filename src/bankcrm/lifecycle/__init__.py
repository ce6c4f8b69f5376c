"""Stages of customers, their moves and histories, and what follows from them."""

from __future__ import annotations

from bankcrm.lifecycle.facts import stage_facts
from bankcrm.lifecycle.stages import assign_stages

__all__ = ["assign_stages", "stage_facts"]
