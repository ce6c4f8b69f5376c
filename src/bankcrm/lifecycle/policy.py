"""The policy of the lifecycle domain."""

from __future__ import annotations

from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of


def lifecycle_policy(policy: Policy | None) -> Policy:
    """The given policy, or the library's defaults."""
    return policy_of(policy, "lifecycle")
