"""Risk: groups of connected customers, credit exposure and its limits, risks and the watch list."""

from __future__ import annotations

from bankcrm.risk.exposure.allotment import allot_limit
from bankcrm.risk.exposure.credit import credit_exposure
from bankcrm.risk.exposure.limits import limit_use
from bankcrm.risk.exposure.subjects import group_exposure
from bankcrm.risk.exposure.warnings import group_warnings
from bankcrm.risk.groups.groups import Groups, Tie, find_groups
from bankcrm.risk.groups.identity import apply_changes
from bankcrm.risk.watch_list.assessment import assess_risks
from bankcrm.risk.watch_list.funding import funding_concentration
from bankcrm.risk.watch_list.review import review_watch_list, summarise_watch_list

__all__ = [
    "Groups",
    "Tie",
    "allot_limit",
    "apply_changes",
    "assess_risks",
    "credit_exposure",
    "find_groups",
    "funding_concentration",
    "group_exposure",
    "group_warnings",
    "limit_use",
    "review_watch_list",
    "summarise_watch_list",
]
