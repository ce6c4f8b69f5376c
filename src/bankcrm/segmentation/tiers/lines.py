"""Contribution lines of the tiers, fitted on a book (CBM-3, CBM-5)."""

from __future__ import annotations

import attrs
import numpy as np

from bankcrm.arguments import as_share
from bankcrm.errors import DataError
from bankcrm.frames import DataFault, check_frame
from bankcrm.frames.arrays import Numbers, numbers
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.segmentation.tiers.assignment import FACTS


@attrs.frozen
class TierLines:
    """Contribution lines fitted on a book, for a policy.

    Attributes:
        premium: Lowest contribution of a premium customer, CNY per year.
        key: Lowest contribution of a key customer.
        restricted: A customer below it is restricted for losses.
        band: Width of the band below a line in which a customer keeps its tier, 0 to 1.
        customers: Number of customers that the lines were fitted on.
        findings: Lines above which more customers lie than were asked for, because many customers
            contribute the same as the line; no line divides them.
    """

    premium: float
    key: float
    restricted: float
    band: float
    customers: int
    findings: tuple[DataFault, ...] = ()

    def apply(self, policy: Policy | None = None) -> Policy:
        """The policy with these lines.

        Source: CBM-3.
        """
        policy = policy_of(policy, "segmentation")
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
    """Fit the contribution lines: the top share of customers is premium, the next share key.

    The defaults put a fifth of the customers above the key line, after the 20:80 rule. Customers
    who contribute the same get the same tier; where a line therefore takes in more customers than
    asked for, the result has a finding.

    Args:
        facts: One row per customer with ``contribution``; see `assign_tiers`. The lines are fitted
            on the customers whose contribution is known.
        premium_share: Share of customers at or above the premium line.
        key_share: Share of customers between key and premium line.
        restricted_share: Largest share of customers below the line of losses, which is at most 0.
        band: Relative width of the band in which a customer keeps its tier at a review.

    Returns:
        Frozen lines; ``lines.apply(policy)`` gives a policy with them.

    Raises:
        DataError: The shares are not valid, there are no customers, or lines coincide because too
            many customers contribute the same.

    Source: CBM-5, CBM-3.

    >>> import pandas as pd
    >>> facts = pd.DataFrame({"contribution": [float(v) for v in range(100)]})
    >>> lines = fit_tiers(facts)
    >>> (lines.premium, lines.key)
    (95.0, 80.0)
    >>> alike = pd.DataFrame({"contribution": [1.0] * 90 + [2.0] * 5 + [3.0] * 5})
    >>> [(f.problem, f.count) for f in fit_tiers(alike).findings]
    [('tied_at_key_line', 80)]
    """
    named = {
        "premium_share": premium_share,
        "key_share": key_share,
        "restricted_share": restricted_share,
    }
    shares = [as_share(value, name, zero=False, one=False) for name, value in named.items()]
    if sum(shares) >= 1:
        raise DataError(f"{', '.join(named)}: expected in all below 1, got {sum(shares):g}")
    band = as_share(band, "band", one=False)
    given = numbers(check_frame(facts, FACTS[:1], frame="facts")["contribution"])
    values = np.sort(given[~np.isnan(given)])
    count = len(values)
    if not count:
        raise DataError(
            f"facts: no customer to fit the lines on ({len(given):,} rows, none with a "
            "contribution)"
        )
    asked = {
        "premium": max(round(premium_share * count), 1),
        "key": max(round((premium_share + key_share) * count), 1),
    }
    premium, key = (float(values[-number]) for number in asked.values())
    restricted = min(float(values[min(round(restricted_share * count), count - 1)]), 0.0)
    if not restricted < key < premium:
        raise DataError(
            f"contribution: the lines coincide (restricted {restricted}, key {key}, premium "
            f"{premium}) since too many customers contribute the same; set them in the policy"
        )
    findings = [f for name, number in asked.items() if (f := _tied(name, values, number))]
    return TierLines(premium, key, restricted, band, count, tuple(findings))


def _tied(name: str, values: Numbers, asked: int) -> DataFault | None:
    """The finding of a line that lies on a value which more customers share than were asked for."""
    line = float(values[-asked])
    above = len(values) - int(np.searchsorted(values, line))
    if above == asked:
        return None
    return DataFault(
        "facts",
        "contribution",
        f"tied_at_{name}_line",
        above - asked,
        (f"{line}",),
        f"{asked:,} of {len(values):,} customers at or above the line, found {above:,}",
        f"set {name}_contribution of the policy, or review who is above the line",
    )
