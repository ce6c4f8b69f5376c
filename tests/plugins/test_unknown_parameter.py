"""A parameter that does not exist is refused when policies are assembled."""

from __future__ import annotations

import types

import pytest

from bankcrm.errors import PluginError
from bankcrm.plugins import AddRule, SetParameter, assemble, hookimpl
from bankcrm.rules import Parameter, Rule


def plugin(*changes: object) -> types.ModuleType:
    made = types.ModuleType("typo")
    made.changes = hookimpl(lambda: list(changes))
    return made


def test_a_misspelt_parameter_is_refused_and_one_that_a_rule_reads_is_not() -> None:
    wrong = SetParameter("lifecycle", "lost_after_dayz", Parameter(400))
    with pytest.raises(PluginError, match="no parameter 'lost_after_dayz'"):
        assemble(plugins=[plugin(wrong)])
    rule = Rule("mine", {"amount_at_stake": ">= @my_amount"}, "moderate")
    made = assemble(
        plugins=[
            plugin(
                SetParameter("complaints", "my_amount", Parameter(4000)),
                AddRule("complaints", "severity", rule, before="minor"),
            )
        ]
    )
    assert made["complaints"].value("my_amount") == 4000
