"""Answers as pydantic models, so that a client can be generated from the description."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, Field


class Fault(BaseModel):
    """One fault of a request."""

    path: str = Field(description="The field, such as facts.days_idle; empty for the whole body.")
    message: str


class Faults(BaseModel):
    """What is wrong with a request; no value of it is repeated."""

    detail: list[Fault]


class Health(BaseModel):
    """Whether the service decides, and by the newest policies."""

    status: Literal["ok", "stale"] = Field(
        description="stale: the newest files do not load, so older policies decide."
    )
    fingerprint: str
    fault: str = Field(description="Why the newest files do not load; empty where they do.")


class PolicyInForce(BaseModel):
    """A policy in force."""

    id: str
    version: str


class Policies(BaseModel):
    """The policies and plug-ins in force."""

    fingerprint: str
    policies: dict[str, PolicyInForce]
    plugins: list[str]
    fault: str


class Reloaded(BaseModel):
    """What a reload changed."""

    changed: bool
    fingerprint: str
    fault: str


class FactOfTable(BaseModel):
    """A fact that a table reads."""

    name: str
    type: str
    values: list[Any] = Field(description="The values that it may have; empty for any.")


class Decided(BaseModel):
    """An outcome with the rule and the facts behind it."""

    outcome: Any = Field(description="Null where the case is undecided.")
    rule: str | None
    source: str
    because: str
    evidence: dict[str, Any]
    table: str
    version: str
    fingerprint: str
    owner: str
    missing: str = Field(description="The missing fact that left the case undecided.")
    not_given: list[str] = Field(
        default_factory=list, description="Every fact of the table that was not given or null."
    )


class Step(BaseModel):
    """A decision on the way to a tier."""

    outcome: Any
    rule: str | None


class DecidedTier(Decided):
    """A tier, with what led to it."""

    steps: dict[str, Step]


class TierOfCase(BaseModel):
    """The tier of one of many customers."""

    tier: str
    tier_rule: str


class Routed(BaseModel):
    """Who answers a message, and by when."""

    kind: Literal["consultation", "suggestion", "complaint"]
    severity: Literal["minor", "moderate", "severe"] | None
    route: str
    owner: str
    departments: list[str]
    priority: str
    due: date
    provisional: bool = Field(description="The due day rests on days that no notice covers yet.")
    reasons: list[str]


class CellSeen(BaseModel):
    """One test of a rule, with the value seen."""

    fact: str
    test: str
    value: Any
    status: Literal["passed", "failed", "unknown"]


class RuleSeen(BaseModel):
    """One rule, with its tests."""

    rule: str
    outcome: Any
    source: str
    status: Literal["passed", "failed", "unknown"]
    cells: list[CellSeen]


class Explained(BaseModel):
    """Every rule and test of a table for one case."""

    table: str
    version: str
    decision: Decided
    rules: list[RuleSeen]
    text: str
