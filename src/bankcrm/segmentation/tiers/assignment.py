"""Customer tiers from contribution, value score, growth, risk and credit standing (CBM-3)."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.frames import Column, by_customer, check_frame, numbers
from bankcrm.policy import Policy, default_policy

_FACTS = (
    Column("contribution", "money", unit="CNY per year", meaning="Profit from the customer."),
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
    """Put each customer into a tier by the policy's tables.

    Three small tables judge standing, value and growth; the table ``tier`` decides from the three.
    Only ``contribution`` is compulsory: a missing score, growth, risk or credit standing is ruled
    on by rows of its own, never guessed.

    Args:
        facts: A row a customer (``customer_id`` as index or column): ``contribution`` (CNY per
            year), and where known ``value_score``, ``growth``, ``risk`` (0 to 100 each; of risk,
            lower is better) and ``credit_standing`` (good, watch, bad). Values may be null. A
            column for each fact more that a bank's own table ``tier`` names.
        policy: Segmentation policy; the library's defaults if none.

    Returns:
        Index ``customer_id``: ``tier``, the levels that led to it (``standing``, ``value_level``,
        ``growth_level``), and the rule that decided each: ``tier_rule``, ``standing_rule``,
        ``value_level_rule``, ``growth_level_rule`` (all categorical).

    Raises:
        DataError: Faults in the facts, all told at once.

    Source: CBM-3, CBM-4, CSC-2.

    >>> facts = pd.DataFrame({"contribution": [60_000.0, 60_000.0, 50.0],
    ...                       "credit_standing": ["good", "bad", None]}, index=[1, 2, 3])
    >>> assign_tiers(facts)["tier"].tolist()
    ['premium', 'restricted', 'ordinary']
    """
    policy = policy or default_policy("segmentation")
    return policy.stamp(decide_tiers(tier_facts(facts), policy))


def tier_facts(facts: object) -> pd.DataFrame:
    """The facts under check, indexed by customer, with every column there."""
    frame = by_customer(facts, _FACTS, "facts")
    for column in _FACTS:
        if column.name not in frame:
            frame[column.name] = np.nan if column.kind != "category" else None
    known = [column.name for column in _FACTS]
    return frame[[*known, *(c for c in frame.columns if c not in known)]]


def decide_tiers(facts: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Run the four tables over facts that `tier_facts` has checked."""
    levels, rules = {}, {}
    for name, table, columns in _STEPS:
        decided = policy.table(table).decide_frame(facts[list(columns)])
        levels[name], rules[f"{name}_rule"] = decided["outcome"], decided["rule"]
    tier = policy.table("tier")
    own = [name for name in tier.compiled.facts if name not in levels and name in facts]
    decided = tier.decide_frame(pd.DataFrame(levels, index=facts.index).join(facts[own]))
    rules["tier_rule"] = decided["rule"]
    return pd.DataFrame({"tier": decided["outcome"], **levels, **rules}, index=facts.index)


@attrs.frozen
class TierLines:
    """Contribution lines fitted on a book, to be kept and put into a policy.

    Args:
        premium: Least contribution of a premium customer, CNY per year.
        key: Least contribution of a key customer.
        restricted: A customer below it is restricted for losses.
        band: Width of the band below a line within which a customer keeps its tier, 0 to 1.
        customers: How many customers they were fitted on.
    """

    premium: float
    key: float
    restricted: float
    band: float
    customers: int

    def apply(self, policy: Policy | None = None) -> Policy:
        """The policy with these lines.

        Source: CBM-3.
        """
        policy = policy or default_policy("segmentation")
        return policy.with_parameters(
            premium_contribution=self.premium,
            premium_contribution_keep=self.premium - self.band * abs(self.premium),
            key_contribution=self.key,
            key_contribution_keep=self.key - self.band * abs(self.key),
            restricted_contribution=self.restricted,
            restricted_contribution_leave=self.restricted + self.band * abs(self.restricted),
        )


def fit_tiers(
    facts: object,
    *,
    premium_share: float = 0.05,
    key_share: float = 0.15,
    restricted_share: float = 0.02,
    band: float = 0.2,
) -> TierLines:
    """Fit the contribution lines to the book: the top share premium, the next share key.

    The defaults put a fifth of the customers above the key line, after the 20:80 rule.

    Args:
        facts: A row a customer with ``contribution``; see `assign_tiers`.
        premium_share: Share of customers at or above the premium line.
        key_share: Share of customers between key and premium line.
        restricted_share: Largest share below the line of losses; the line is never above zero.
        band: Relative width of the band in which a customer keeps its tier at a review.

    Returns:
        Frozen lines; ``lines.apply(policy)`` puts them into a policy.

    Raises:
        DataError: Shares that are no shares, no customers, or lines that fall together because
            too many customers contribute the same.

    Source: CBM-5, CBM-3.

    >>> facts = pd.DataFrame({"contribution": [float(v) for v in range(100)]})
    >>> lines = fit_tiers(facts)
    >>> (lines.premium, lines.key)
    (95.0, 80.0)
    """
    shares = (premium_share, key_share, restricted_share)
    if not all(0 < s < 1 for s in shares) or sum(shares) >= 1 or not 0 <= band < 1:
        raise DataError(f"shares {shares}, band {band}: expected shares above 0, in all below 1")
    values = np.sort(numbers(check_frame(facts, _FACTS[:1], frame="facts")["contribution"]))
    count = len(values)
    if not count:
        raise DataError("facts: no customer to fit the lines on")
    premium = float(values[-max(round(premium_share * count), 1)])
    key = float(values[-max(round((premium_share + key_share) * count), 1)])
    restricted = min(float(values[min(round(restricted_share * count), count - 1)]), 0.0)
    if not restricted < key < premium:
        raise DataError(
            f"contribution: the lines fall together (restricted {restricted}, key {key}, premium "
            f"{premium}) since too many customers contribute the same; set them in the policy"
        )
    return TierLines(premium, key, restricted, band, count)
