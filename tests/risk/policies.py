"""The default policy of risk with records of a bank's own."""

from __future__ import annotations

import attrs

from bankcrm.policy import Policy, default_policy, load_policy


def with_exceptions(text: str) -> Policy:
    """The defaults with documented exceptions, written as TOML."""
    own = load_policy('[policy]\nid = "own"\ndomain = "risk"\nversion = "1"\n' + text)
    base = default_policy("risk")
    return attrs.evolve(base, raw_records={**base.raw_records, **own.raw_records})
