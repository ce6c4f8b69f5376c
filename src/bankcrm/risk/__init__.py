"""Risk: groups of connected customers, credit exposure and its limits, relationship risks."""

from __future__ import annotations

from bankcrm.risk.groups.groups import Groups, Tie, find_groups
from bankcrm.risk.groups.identity import apply_changes

__all__ = ["Groups", "Tie", "apply_changes", "find_groups"]
