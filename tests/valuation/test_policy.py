"""The valuation policy and its presets."""

from __future__ import annotations

from bankcrm.policy import default_policy, presets
from bankcrm.valuation import Rates


def test_presets_have_the_same_names_as_the_defaults() -> None:
    defaults = default_policy("valuation")
    assert presets("valuation") == ("czk_1993", "private_banking")
    for name in presets("valuation"):
        preset = default_policy("valuation", name)
        assert set(preset.parameters) == set(defaults.parameters)
        assert Rates.from_policy(preset).day_count == "ACT/365"


def test_every_figure_is_cited() -> None:
    for name in (None, *presets("valuation")):
        policy = default_policy("valuation", name)
        for versions in policy.parameters.values():
            assert all(v.source for v in versions)
        assert all(m["source"] for m in policy.raw_records["measures"])
