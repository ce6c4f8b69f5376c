"""The policy of the lifecycle domain."""

from __future__ import annotations

from bankcrm.policy import Policy, default_policy


def lifecycle_policy(policy: Policy | None) -> Policy:
    """The given policy, or the library's defaults."""
    return default_policy("lifecycle") if policy is None else policy
