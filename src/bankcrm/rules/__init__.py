"""The rule core: decision tables that are read, proven, run, compared and explained."""

from __future__ import annotations

from bankcrm.rules.check import Finding
from bankcrm.rules.decision import Decision, Trace
from bankcrm.rules.dmn_grid import LeftOut
from bankcrm.rules.dmn_read import DmnFile, read_dmn
from bankcrm.rules.model import HitPolicy, Parameter, Rule
from bankcrm.rules.table import DecisionTable
from bankcrm.rules.unary import UnaryTest, parse_test
from bankcrm.rules.values import Fact

__all__ = [
    "Decision",
    "DecisionTable",
    "DmnFile",
    "Fact",
    "Finding",
    "HitPolicy",
    "LeftOut",
    "Parameter",
    "Rule",
    "Trace",
    "UnaryTest",
    "parse_test",
    "read_dmn",
]
