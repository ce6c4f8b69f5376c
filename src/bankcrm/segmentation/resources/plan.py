"""A finished allocation: what each customer and each tier gets, and why (CBM-6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card, line
from bankcrm.errors import UnknownNameError
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@attrs.frozen(eq=False)
class ResourcePlan:
    """An allocation of a budget, to the last unit.

    Args:
        customers: One row per customer: ``tier``, ``resource_level``, ``resource_level_rule``,
            ``weight``, ``amount`` (int64).
        tiers: A row a tier, best first: ``customers``, ``weight``, ``floor``, ``cap``, ``amount``.
        budget: Units that were to be shared.
        unit: What a unit is, such as ``fen`` or ``minutes``.
        fingerprint: Of the policy that decided.
    """

    customers: pd.DataFrame
    tiers: pd.DataFrame
    budget: int
    unit: str
    fingerprint: str

    def plot(self, ax: Axes | None = None, language: Language = "en") -> Axes:
        """What each tier receives beside its customers; see `bankcrm.plots.resource_plan`."""
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
        """Say in a few lines why a customer got its amount.

        Raises:
            UnknownNameError: The customer is not in the plan.
        """
        place = np.flatnonzero(self.customers.index == customer)
        if not len(place):
            raise UnknownNameError("customer in the plan", customer, self.customers.index[:5])
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
        """What changes for each customer from this plan to another.

        Returns:
            A row a customer of either plan: ``before``, ``after``, ``change`` (int64 units, 0 where
            it is not in the plan), ``tier_before``, ``tier_after``.
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
