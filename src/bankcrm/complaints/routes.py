"""The routes of a policy: who owns a complaint, and in how many working days."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import attrs

from bankcrm.arguments import one_of
from bankcrm.policy import Policy


@attrs.frozen
class RouteRule:
    """One route of a policy.

    Attributes:
        name: The route's name.
        owner: The department that owns the complaint.
        involves: ``concerned`` if the departments concerned take part, else ``none``.
        days: Name of the parameter with its time in working days.
        source: The rule behind it.
        actions: What to do, in order.
        members: The task force, as ``department:role``.
    """

    name: str
    owner: str
    involves: str = attrs.field(validator=one_of("none", "concerned"))
    days: str
    source: str
    actions: tuple[str, ...] = ()
    members: tuple[str, ...] = ()


@lru_cache
def routes_of(policy: Policy) -> Mapping[str, RouteRule]:
    """The routes of a policy by name."""
    return MappingProxyType({r.name: r for r in policy.records("routes", RouteRule)})
