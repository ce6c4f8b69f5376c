"""Plug-ins for the tests."""

from __future__ import annotations

import types
from typing import Any

import pytest

from bankcrm.errors import PluginError
from bankcrm.plugins import AddRule, SetParameter, assemble, hookimpl
from bankcrm.policy import default_policy
from bankcrm.rules import Parameter, Rule


def plugin(name: str, *, priority: int = 0, **hooks: Any) -> types.ModuleType:
    """A plug-in whose hooks return the given answers; a function is used as the hook itself."""
    module = types.ModuleType(name)
    module.PRIORITY = priority
    for hook, answer in hooks.items():
        function = answer if callable(answer) else _giving(answer)
        setattr(module, hook, hookimpl(function))
    return module


def _giving(answer: Any) -> Any:
    return lambda: answer


def first_tier_rule() -> str:
    return default_policy("segmentation").table("tier").rules[0].id


VIP = Rule("vip", {"standing": "= clear", "value_level": "= middle"}, "premium", source="our board")


def adds_vip(name: str = "vip-bank", **options: Any) -> types.ModuleType:
    change = AddRule("segmentation", "tier", VIP, before=first_tier_rule())
    return plugin(name, changes=[change], **options)


def refused(*plugins: Any, **options: Any) -> str:
    with pytest.raises(PluginError) as raised:
        assemble(plugins=plugins, **options)
    return str(raised.value)


def sets(value: int) -> list[SetParameter]:
    return [SetParameter("lifecycle", "lost_after_days", Parameter(value))]
