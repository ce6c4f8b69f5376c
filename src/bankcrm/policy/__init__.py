"""Policies: the parameters, tables and records of a domain, dated, cited and fingerprinted."""

from __future__ import annotations

from bankcrm.policy.load import (
    DOMAINS,
    default_policies,
    default_policy,
    load_policy,
    presets,
)
from bankcrm.policy.model import Change, Policy
from bankcrm.policy.policy_set import PolicySet

__all__ = [
    "DOMAINS",
    "Change",
    "Policy",
    "PolicySet",
    "default_policies",
    "default_policy",
    "load_policy",
    "presets",
]
