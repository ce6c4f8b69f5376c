"""What a campaign earned: its extra responses or money, less what it cost (CSC-8)."""

from __future__ import annotations

import attrs

from bankcrm.arguments import as_kind, as_number
from bankcrm.errors import DataError
from bankcrm.intervals import Interval
from bankcrm.marketing.campaigns.effect import ArmEffect


@attrs.frozen
class CampaignReturn:
    """The return of a campaign on one treated group.

    Attributes:
        cost: What was spent, in money.
        gain: Margin of the extra responses or money, less the cost, with its interval.
        return_on_cost: The gain per unit of money spent; None if nothing was spent.
        break_even: The effect per customer from which the campaign pays.
        cost_per_extra: Cost of one extra response or unit of money; None where the interval of
            the effect reaches down to 0: then the cost has no upper end.
    """

    cost: float
    gain: Interval
    return_on_cost: Interval | None
    break_even: float
    cost_per_extra: Interval | None


def campaign_return(effect: ArmEffect, *, cost: float, margin: float) -> CampaignReturn:
    """What a campaign earned on one treated group.

    Only what the group did beyond the control group counts, not all that it did.

    Args:
        effect: From `campaign_effect`: ``effect.arm("offer")``.
        cost: All that was spent on the group, in money.
        margin: What one extra response earns, in money; where the effect is in money, the part
            of it that the bank keeps.

    Raises:
        DataError: The cost is below 0, or the margin not above 0.

    Source: CSC-8.

    >>> found = Interval(0.04, 0.01, 0.07, 0.95, "newcombe", 2000)
    >>> whole = Interval(40.0, 10.0, 70.0, 0.95, "newcombe", 2000)
    >>> arm = ArmEffect("offer", 1000, 0.1, 0.06, found, whole, None, 0.01, 0.0)
    >>> earned = campaign_return(arm, cost=3000, margin=100)
    >>> print(earned.gain, earned.break_even)
    1000 [-2000, 4000] at 95% 0.03
    """
    as_kind(effect, ArmEffect, "effect", "such as campaign_effect(...).arm('offer')")
    spent, kept = as_number(cost, "cost"), as_number(margin, "margin")
    if not spent >= 0 or not kept > 0:
        raise DataError(f"cost, margin: expected 0 or more and above 0, got {cost} and {margin}")
    extra = effect.extra
    gain = _of(extra, *(e * kept - spent for e in (extra.estimate, extra.lower, extra.upper)))
    ratio = (
        _of(gain, *(g / spent for g in (gain.estimate, gain.lower, gain.upper))) if spent else None
    )
    per_extra = (
        _of(extra, spent / extra.estimate, spent / extra.upper, spent / extra.lower)
        if extra.lower > 0
        else None
    )
    return CampaignReturn(
        cost=spent,
        gain=gain,
        return_on_cost=ratio,
        break_even=spent / (kept * effect.customers),
        cost_per_extra=per_extra,
    )


def _of(like: Interval, estimate: float, lower: float, upper: float) -> Interval:
    return attrs.evolve(like, estimate=estimate, lower=lower, upper=upper)
