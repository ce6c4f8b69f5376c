"""The shipped policies, and sets of policies."""

from __future__ import annotations

import pickle
from datetime import date

import attrs
import pytest

from bankcrm.errors import UnknownNameError
from bankcrm.policy import (
    DOMAINS,
    PolicySet,
    default_policies,
    default_policy,
    load_policy,
    presets,
)


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_shipped_policies_are_valid(domain: str) -> None:
    """They load, read back equal, and every parameter and rule gives its source."""
    for policy in (default_policy(domain), *(default_policy(domain, p) for p in presets(domain))):
        assert policy.domain == domain
        assert load_policy(policy.to_toml()) == policy
        for versions in policy.parameters.values():
            assert all(p.source for p in versions)
        for tables in policy.tables.values():
            assert all(rule.source for table in tables for rule in table.rules)


def test_unknown_domains_and_presets() -> None:
    with pytest.raises(UnknownNameError, match="no domain 'sales'; known: bank, lifecycle, "):
        default_policy("sales")
    with pytest.raises(UnknownNameError, match="no preset of lifecycle 'none'"):
        default_policy("lifecycle", "none")
    assert presets("no_such_domain") == ()


def test_a_set_of_policies() -> None:
    policies = default_policies()
    assert [p.domain for p in policies] == list(DOMAINS)
    assert policies == default_policies()
    assert hash(policies) == hash(default_policies())
    own = attrs.evolve(default_policy("lifecycle"), version="own")
    changed = policies.with_policy(own)
    assert changed["lifecycle"].version == "own"
    assert policies["lifecycle"].version != "own"
    assert changed.fingerprint != policies.fingerprint
    assert policies != "policies"
    assert changed.at(date(2026, 1, 1))["lifecycle"].version == "own"
    with pytest.raises(UnknownNameError, match="no policy for domain 'sales'"):
        policies["sales"]
    assert pickle.loads(pickle.dumps(changed)) == changed
    assert isinstance(PolicySet({}).fingerprint, str)
