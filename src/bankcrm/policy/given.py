"""The policies that a caller gives, or the defaults; anything else is refused in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from bankcrm.arguments import refuse
from bankcrm.policy.load import default_policies, default_policy
from bankcrm.policy.model import Policy
from bankcrm.policy.policy_set import PolicySet


def policy_of(policy: Policy | None, domain: str) -> Policy:
    """The policy that a caller gives, or the default of the domain.

    Raises:
        DataError: It is no policy; the message says how to make one.

    >>> policy_of(None, "lifecycle").id
    'bankcrm.lifecycle'
    """
    if policy is None:
        return default_policy(domain)
    if isinstance(policy, Policy):
        return policy
    if isinstance(policy, PolicySet):
        advice = f"give that of one domain: policies[{domain!r}]"
    else:
        advice = f"use load_policy(path), or default_policy({domain!r}, preset)"
    refuse("policy", "a Policy", policy, advice)


def policies_of(
    policies: PolicySet | None, presets: Sequence[str] = (), name: str = "policies"
) -> PolicySet:
    """The set of policies that a caller gives, or the defaults with presets.

    Raises:
        DataError: It is no set of policies; the message says how to make one.
    """
    if policies is None:
        return default_policies(presets)
    if isinstance(policies, PolicySet):
        return policies
    if isinstance(policies, Policy):
        advice = "put it into a set: default_policies().with_policy(policy)"
    else:
        advice = (
            "use default_policies(['domain/preset']), or default_policies().with_policy(policy)"
        )
    refuse(name, "a PolicySet", policies, advice)
