"""Numbers of a policy that no bank means: not finite, or a time that no calendar reaches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from bankcrm.errors import PolicyError
from bankcrm.policy import Policy, default_policies, load_policy

POLICIES = default_policies()
NEVER_FINITE = (math.nan, math.inf, -math.inf, 10**400, -(10**400))


def numbers(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every figure of a value, and a function that puts another in its place."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield value, lambda new: new
    elif isinstance(value, tuple):
        for place, part in enumerate(value):
            for found, put in numbers(part):
                yield found, lambda new, i=place, p=put: (*value[:i], p(new), *value[i + 1 :])
    elif hasattr(value, "items"):
        for name, part in value.items():
            for found, put in numbers(part):
                yield found, lambda new, n=name, p=put: {**value, n: p(new)}


@pytest.mark.parametrize("policy", POLICIES.policies.values(), ids=POLICIES.policies.keys())
def test_every_figure_of_a_policy_is_finite(policy: Policy) -> None:
    for name in policy.parameters:
        for _, put in numbers(policy.value(name)):
            for wrong in NEVER_FINITE:
                with pytest.raises(PolicyError, match="finite number") as caught:
                    policy.with_parameters(**{name: put(wrong)})
                assert len(str(caught.value)) < 400


def test_a_time_has_1000_years_at_most() -> None:
    lifecycle, complaints = POLICIES["lifecycle"], POLICIES["complaints"]
    assert lifecycle.with_parameters(new_days=365_000).value("new_days") == 365_000
    for policy, name in ((lifecycle, "dormant_after_days"), (complaints, "severe_days")):
        for wrong in (366_000, 10**9, 1e300, -1):
            with pytest.raises(PolicyError, match=rf"{name}: .*expected 0 to 1,000 years"):
                policy.with_parameters(**{name: wrong})


def test_figures_of_records_are_finite_too() -> None:
    text = POLICIES["lifecycle"].to_toml()
    assert "weight = 1.5" in text
    with pytest.raises(PolicyError, match=r"records\.signal\[\d\]\.weight: inf is not a finite"):
        load_policy(text.replace("weight = 1.5", "weight = inf"))
