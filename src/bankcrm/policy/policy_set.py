"""The policies of all domains, by which a review runs."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Self

import attrs
import pandas as pd

from bankcrm._display import card, line
from bankcrm.arguments import as_kind
from bankcrm.calendars import WorkingCalendar
from bankcrm.errors import UnknownNameError
from bankcrm.policy.effects import Classifier, PluginEffects, Sections
from bankcrm.policy.model import Policy
from bankcrm.rules.fingerprint import digest
from bankcrm.rules.values import FrozenDict, frozen_dict


def _on_bank(policies: Mapping[str, Policy]) -> FrozenDict[str, Policy]:
    """The policies, each reading what it lacks from the policy ``bank`` of the same set."""
    bank = policies.get("bank")
    if bank is None:
        return frozen_dict(policies)
    placed = {
        domain: p if domain == "bank" or p.shared == bank else attrs.evolve(p, shared=bank)
        for domain, p in policies.items()
    }
    return frozen_dict(placed)


@attrs.frozen
class PolicySet:
    """The policies that a review runs by, one per domain.

    Every policy reads what it lacks from the policy ``bank`` of the same set.

    Attributes:
        policies: Domain to policy.
        effects: What plug-ins add beyond rules; nothing in a plain set.

    >>> from bankcrm.policy import default_policies, default_policy
    >>> default_policies().with_policy(default_policy("lifecycle"))["lifecycle"].id
    'bankcrm.lifecycle'
    """

    policies: Mapping[str, Policy] = attrs.field(converter=_on_bank)
    effects: PluginEffects = attrs.field(factory=PluginEffects)

    def __getitem__(self, domain: str) -> Policy:
        if domain not in self.policies:
            raise UnknownNameError("policy for domain", domain, self.policies)
        return self.policies[domain]

    def __iter__(self) -> Iterator[Policy]:
        return iter(self.policies.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PolicySet) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return line("PolicySet", {d: f"{p.id} {p.version}" for d, p in self.policies.items()})

    def _repr_html_(self) -> str:
        rows = [
            {
                "domain": d,
                "policy": p.id,
                "version": p.version,
                "title": p.title,
                "fingerprint": p.fingerprint[:12],
            }
            for d, p in self.policies.items()
        ]
        return card("Policies", rows=rows, note=self.fingerprint[:12])

    def with_policy(self, policy: Policy) -> Self:
        """The same set with one policy in the place of its domain's."""
        as_kind(policy, Policy, "policy")
        return attrs.evolve(self, policies={**self.policies, policy.domain: policy})

    def at(self, day: date) -> Self:
        """Every policy as it stood on a day."""
        found = {d: p.at(day) for d, p in self.policies.items()}
        return self if found == self.policies else attrs.evolve(self, policies=found)

    def with_facts(
        self, domain: str, facts: pd.DataFrame, frames: Mapping[str, object], *, as_of: date
    ) -> pd.DataFrame:
        """A domain's facts with those of plug-ins; see `PluginEffects.with_facts`."""
        return self.effects.with_facts(domain, facts, frames, as_of)

    def classifier(self, base: Classifier | None = None) -> Classifier | None:
        """A classifier that adds what plug-ins read from texts to what ``base`` reads."""
        return self.effects.classifier(base)

    def calendar(self, base: WorkingCalendar) -> WorkingCalendar:
        """A calendar with the working days and closures of plug-ins."""
        return self.effects.calendar(base)

    def sections(self, review: object) -> Sections:
        """Title and content of the plug-ins' sections of a review's report."""
        return self.effects.sections(review)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the fingerprints of the policies."""
        return digest({d: p.fingerprint for d, p in self.policies.items()})
