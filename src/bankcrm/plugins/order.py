"""The order in which a review decides, and the check that no rule reads a fact before it is there.

A fact of a plug-in is computed at the first step of its source's domain; every table from there on
may read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from bankcrm.plugins.conflicts import Attributed
from bankcrm.plugins.loading import PluginFaultError
from bankcrm.plugins.values import FactSource
from bankcrm.policy import Policy
from bankcrm.rules import Rule

Step: TypeAlias = tuple[str, str]
"""Domain and table of a step; the table is empty where a step computes facts only."""

CUSTOMER_STEPS: tuple[Step, ...] = (
    ("lifecycle", "stage"),
    ("segmentation", "rfm_segment"),
    ("segmentation", "rfm_level"),
    ("valuation", ""),
    ("segmentation", "tier_standing"),
    ("segmentation", "tier_value"),
    ("segmentation", "tier_growth"),
    ("segmentation", "tier"),
    ("segmentation", "resource_level"),
    ("lifecycle", "warning"),
    ("lifecycle", "warning_level"),
    ("risk", "credit_risk"),
    ("risk", "operational_risk"),
    ("risk", "market_risk"),
    ("risk", "reputation_risk"),
    ("risk", "liquidity_risk"),
)
"""The steps of a review with one row per customer."""

COMPLAINT_STEPS: tuple[Step, ...] = (
    ("complaints", "severity"),
    ("complaints", "route"),
    ("complaints", "departments"),
    ("complaints", "priority"),
)
"""The steps of a review with one row per complaint."""


def check_fact_order(
    order: Sequence[Step], policies: Iterable[Policy], sources: Sequence[Attributed]
) -> None:
    """Refuse a rule that reads a plug-in's fact before the fact is computed.

    Args:
        order: The steps over one kind of row, in order.
        policies: The policies whose rules are checked.
        sources: The fact sources of all plug-ins.

    Raises:
        PluginFaultError: Names rule, table, fact and source, and where the fact may be read.
    """
    domains = [domain for domain, _ in order]
    starts = {domain: domains.index(domain) for domain in domains}
    given = {fact: source for source in sources for fact in source.value.columns}
    for policy in policies:
        for place, (domain, table) in enumerate(order):
            if domain != policy.domain:
                continue
            for rule, fact in _reads(policy, table):
                source = given.get(fact)
                start = starts.get(source.value.domain) if source else place
                if source and (start is None or place < start):
                    where = _available(order, start)
                    raise _too_early(f"{domain}.{table}", rule, fact, source, where)


def check_fact_names(steps: Sequence[Step], sources: Sequence[Attributed]) -> None:
    """Refuse two sources that give facts of one name to the same kind of row.

    Raises:
        PluginFaultError: Names the fact and both sources.
    """
    domains = {domain for domain, _ in steps}
    given: dict[str, Attributed] = {}
    for source in sources:
        for fact in source.value.columns if source.value.domain in domains else ():
            before = given.setdefault(fact, source)
            if before is not source:
                raise PluginFaultError(
                    source.plugin,
                    f"{_named(source)} and {_named(before)} both give fact {fact!r}; rename one",
                )


def _reads(policy: Policy, table: str) -> Iterator[tuple[Rule, str]]:
    for version in policy.tables.get(table, ()):
        for rule in version.rules:
            for fact, test in rule.when.items():
                if test.op != "any":
                    yield rule, fact


def _available(order: Sequence[Step], start: int | None) -> str:
    if start is None:
        return "it is computed for another kind of row"
    tables = [f"{domain}.{table}" for domain, table in order[start:] if table]
    return f"it may be read in {', '.join(tables)}"


def _too_early(
    table: str, rule: Rule, fact: str, source: Attributed, where: str
) -> PluginFaultError:
    message = (
        f"rule {rule.id!r} of table {table} reads fact {fact!r} of {_named(source)}, which is not "
        f"computed before this table: {where}; or give the source the domain of the table"
    )
    return PluginFaultError(rule.owner or source.plugin, message)


def _named(source: Attributed) -> str:
    value: FactSource = source.value
    return f"source {value.name!r} (plug-in {source.plugin}, domain {value.domain})"
