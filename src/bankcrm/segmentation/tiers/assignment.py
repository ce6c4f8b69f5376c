"""Customer tiers from contribution, value score, growth, risk and credit standing (CBM-3)."""

from __future__ import annotations

import pandas as pd

from bankcrm.frames import Column
from bankcrm.frames.customers import by_customer
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of

FACTS = (
    Column("contribution", "money", True, True, "CNY per year", "Profit from the customer."),
    Column("value_score", "number", False, True, "points of 100", minimum=0, maximum=100),
    Column("growth", "number", False, True, "points of 100", minimum=0, maximum=100),
    Column("risk", "number", False, True, "points of 100, lower is better", minimum=0, maximum=100),
    Column("credit_standing", "category", False, True, choices=("good", "watch", "bad")),
)
_STEPS = (
    ("standing", "tier_standing", ("credit_standing", "risk")),
    ("value_level", "tier_value", ("contribution", "value_score")),
    ("growth_level", "tier_growth", ("growth",)),
)


def assign_tiers(facts: object, *, policy: Policy | None = None) -> pd.DataFrame:
    """Assign a tier to each customer by the policy's tables.

    Three small tables decide standing, value level and growth level; the table ``tier`` decides
    from the three. Only ``contribution`` is required: the tables have rules of their own for a
    missing score, growth, risk or credit standing. A customer whose contribution is null has no
    value level, and no tier but where credit standing or risk decides it.

    Args:
        facts: One row per customer (``customer_id`` as index or column): ``contribution`` (CNY per
            year), and where known ``value_score``, ``growth``, ``risk`` (0 to 100 each; of risk,
            lower is better) and ``credit_standing`` (good, watch, bad). Values may be null. A
            bank's own table ``tier`` may read further columns.
        policy: Segmentation policy; the library's default if None.

    Returns:
        Index ``customer_id``: ``tier``, the levels that led to it (``standing``, ``value_level``,
        ``growth_level``), and the rule that decided each: ``tier_rule``, ``standing_rule``,
        ``value_level_rule``, ``growth_level_rule`` (all categorical; null where a fact is missing).

    Raises:
        DataError: Errors in the facts; one error lists them all.

    Source: CBM-3, CBM-4, CSC-2.

    >>> facts = pd.DataFrame({"contribution": [60_000.0, 60_000.0, 50.0],
    ...                       "credit_standing": ["good", "bad", None]}, index=[1, 2, 3])
    >>> assign_tiers(facts)["tier"].tolist()
    ['premium', 'restricted', 'ordinary']
    """
    policy = policy_of(policy, "segmentation")
    return policy.stamp(decide_tiers(tier_facts(facts), policy))


def tier_facts(facts: object) -> pd.DataFrame:
    """The checked facts, indexed by customer, with all columns; null where not recorded."""
    frame = by_customer(facts, FACTS, "facts")
    known = [column.name for column in FACTS]
    return frame.reindex(columns=[*known, *(c for c in frame.columns if c not in known)])


def decide_tiers(facts: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Run the four tables over facts that `tier_facts` has checked."""
    levels, rules = {}, {}
    for name, table, columns in _STEPS:
        decided = policy.table(table).decide_frame(facts[list(columns)], on_missing="undecided")
        levels[name], rules[f"{name}_rule"] = decided["outcome"], decided["rule"]
    tier = policy.table("tier")
    own = [name for name in tier.compiled.facts if name not in levels and name in facts]
    known = pd.DataFrame(levels, index=facts.index).join(facts[own])
    decided = tier.decide_frame(known, on_missing="undecided")
    rules["tier_rule"] = decided["rule"]
    return pd.DataFrame({"tier": decided["outcome"], **levels, **rules}, index=facts.index)
