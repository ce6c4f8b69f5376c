"""The action list of a review: what to do, for whom, why and by when (LCM-3, CSC-7, PB-7)."""

from __future__ import annotations

from bankcrm.actions.contract import ACTION_COLUMNS, DONE_COLUMNS
from bankcrm.actions.known import read_done
from bankcrm.actions.plan import actions_in, find_actions
from bankcrm.actions.records import ContactRecords
from bankcrm.actions.select import select_actions
from bankcrm.actions.situation import Situation
from bankcrm.actions.sources import SOURCES, ActionSource

__all__ = [
    "ACTION_COLUMNS",
    "DONE_COLUMNS",
    "SOURCES",
    "ActionSource",
    "ContactRecords",
    "Situation",
    "actions_in",
    "find_actions",
    "read_done",
    "select_actions",
]
