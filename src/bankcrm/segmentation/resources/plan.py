"""A finished allocation: what each customer and each tier gets, and why (CBM-6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card, line
from bankcrm.frames.ids import unknown_customer
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@attrs.frozen(eq=False)
class ResourcePlan:
    """An exact allocation of a budget.

    Attributes:
        customers: One row per customer: ``tier``, ``resource_level``, ``resource_level_rule``,
            ``weight``, ``amount`` (int64).
        tiers: One row per tier, best first: ``customers``, ``weight``, ``floor``, ``cap``,
            ``amount``.
        budget: Units that were allocated.
        unit: The unit, such as ``fen`` or ``minutes``.
        fingerprint: Fingerprint of the policy that decided.
    """

    customers: pd.DataFrame
    tiers: pd.DataFrame
    budget: int
    unit: str
    fingerprint: str

    def plot(self, ax: Axes | None = None, language: Language = "en") -> Axes:
        """Plot each tier's share of the budget beside its share of the customers."""
        from bankcrm.plots import bars

        return bars.resource_plan(self.tiers, ax=ax, unit=self.unit, language=language)

    def __repr__(self) -> str:
        figures = {"budget": self.budget, "unit": self.unit, "customers": len(self.customers)}
        return line("ResourcePlan", figures)

    def __str__(self) -> str:
        return f"{self!r}\n{self.tiers}"

    def _repr_html_(self) -> str:
        title = f"{self.budget:,} {self.unit} for {len(self.customers):,} customers"
        return card(title, frame=self.tiers, note=f"policy {self.fingerprint[:12]}")

    def explain(self, customer: object) -> str:
        """Explain in a few lines why a customer got its amount.

        Raises:
            UnknownNameError: The customer is not in the plan.
        """
        place = np.flatnonzero(self.customers.index == customer)
        if not len(place):
            raise unknown_customer(customer, self.customers.index, "the plan")
        row = self.customers.iloc[place[0]]
        tier = self.tiers.loc[row["tier"]]
        share = tier["amount"] / self.budget if self.budget else 0.0
        held = {tier["floor"]: " (its floor)", tier["cap"]: " (its cap)"}.get(tier["amount"], "")
        if tier["floor"] == 0 and tier["amount"] == 0:
            held = ""
        return "\n".join(
            [
                f"customer {customer}: {row['amount']:,} {self.unit} of {self.budget:,}",
                f"tier {row['tier']}: level {row['resource_level']} "
                f"by rule {row['resource_level_rule']}",
                f"the tier of {int(tier['customers']):,} customers gets {int(tier['amount']):,} "
                f"{self.unit}, {share:.1%} of the budget{held}",
                f"the customer's weight is {row['weight']:g} of the tier's {tier['weight']:g}",
            ]
        )

    def compare(self, other: ResourcePlan) -> pd.DataFrame:
        """Compare the amounts of each customer in this plan and another.

        Returns:
            One row per customer of either plan: ``before``, ``after``, ``change`` (int64 units, 0
            where it is not in the plan), ``tier_before``, ``tier_after``.
        """
        index = self.customers.index.union(other.customers.index)
        before, after = (p.customers.reindex(index) for p in (self, other))
        amounts = [f["amount"].fillna(0).astype(np.int64) for f in (before, after)]
        return pd.DataFrame(
            {
                "before": amounts[0],
                "after": amounts[1],
                "change": amounts[1] - amounts[0],
                "tier_before": before["tier"],
                "tier_after": after["tier"],
            },
            index=index,
        )
