"""Plug-ins: a bank's own rules, facts, signals, days and sections, without a fork."""

from __future__ import annotations

from bankcrm.hookspecs import hookimpl
from bankcrm.plugins.assembly import Assembled, assemble
from bankcrm.plugins.compute import PluginFacts
from bankcrm.plugins.effects import fact_sources_of
from bankcrm.plugins.files import read_changes
from bankcrm.plugins.loading import PluginInfo
from bankcrm.plugins.values import (
    AddIndicators,
    AddRecords,
    AddRoute,
    AddRule,
    AddTable,
    CalendarDay,
    Change,
    FactSource,
    Preset,
    ReplaceRule,
    Section,
    SetParameter,
    Signal,
    StageChange,
    TextClassifier,
)

__all__ = [
    "AddIndicators",
    "AddRecords",
    "AddRoute",
    "AddRule",
    "AddTable",
    "Assembled",
    "CalendarDay",
    "Change",
    "FactSource",
    "PluginFacts",
    "PluginInfo",
    "Preset",
    "ReplaceRule",
    "Section",
    "SetParameter",
    "Signal",
    "StageChange",
    "TextClassifier",
    "assemble",
    "fact_sources_of",
    "hookimpl",
    "read_changes",
]
