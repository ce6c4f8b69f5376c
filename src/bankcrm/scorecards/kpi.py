"""Key performance indicators as records of the policy."""

from __future__ import annotations

from typing import Literal

import attrs

from bankcrm.errors import PolicyError
from bankcrm.policy import Policy


@attrs.frozen
class Kpi:
    """An indicator: which measures it is made of, and how its values add up (LCM-6).

    Attributes:
        id: Its name.
        title: Its name for people.
        family: ``acquisition``, ``activity``, ``satisfaction``, ``loyalty``, ``churn`` or another.
        kind: ``sum`` (values add up), ``ratio`` (sum over sum), ``stock`` (values of the last day
            of the period, over those of the denominator if it has one) or ``distinct`` (number of
            different customers).
        numerator: The measure that is counted.
        better: ``higher``, ``lower`` or ``within`` a band.
        unit: Unit of the value.
        owner: The department that answers for the indicator.
        source: The passage that asks for it, or ``default``.
        denominator: The measure that is divided by; empty for none.
        interval: ``share`` (Wilson), ``rate`` (exact, of a Poisson count) or ``none``.
        minimum_n: Least denominator for which an attainment is decided.
        note: How the indicator can be misread or gamed.
    """

    id: str
    title: str
    family: str
    kind: Literal["sum", "ratio", "stock", "distinct"]
    numerator: str
    better: Literal["higher", "lower", "within"]
    unit: str
    owner: str
    source: str
    denominator: str = ""
    interval: Literal["share", "rate", "none"] = "none"
    minimum_n: float = 0
    note: str = ""

    @property
    def is_divided(self) -> bool:
        """Whether the value is a numerator over a denominator."""
        return self.denominator != ""


def kpis_of(policy: Policy) -> dict[str, Kpi]:
    """The indicators of a policy by id.

    Raises:
        PolicyError: All records that do not fit, each with its path.

    >>> from bankcrm.policy import default_policy
    >>> kpis_of(default_policy("scorecards"))["churn"].better
    'lower'
    """
    found: dict[str, Kpi] = {}
    faults: list[str] = []
    for i, kpi in enumerate(policy.records("kpi", Kpi)):
        path = f"records.kpi[{i}]"
        if kpi.id in found:
            faults.append(f"{path}.id: {kpi.id!r} is there twice")
        if kpi.is_divided != (kpi.kind == "ratio") and kpi.kind != "stock":
            needs = "needs a" if kpi.kind == "ratio" else "has no"
            faults.append(f"{path}.denominator: {kpi.id!r} is a {kpi.kind}, which {needs} one")
        if kpi.interval != "none" and not kpi.is_divided:
            faults.append(f"{path}.interval: {kpi.id!r} has no denominator, so no interval")
        found[kpi.id] = kpi
    if faults:
        raise PolicyError(faults)
    return found
