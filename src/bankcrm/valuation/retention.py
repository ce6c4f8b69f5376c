"""Economics of retention: customer value, elasticity, effect of more retention, best spend."""

from __future__ import annotations

import math
from typing import Literal, Self

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card, figures_of
from bankcrm.arguments import as_finite, as_kind, as_number, as_numbers, as_share
from bankcrm.errors import DataError
from bankcrm.frames.column import fault_in_rows
from bankcrm.valuation.arrays import Floats

Timing = Literal["start", "end"]


def customer_value(
    margin: Floats | float,
    retention: Floats | float,
    discount: Floats | float,
    *,
    growth: Floats | float = 0.0,
    timing: Timing = "start",
) -> Floats:
    """Present value of the margins of customers that stay each period with a given probability.

    Args:
        margin: Margin of the first period, money.
        retention: Probability of staying from one period to the next, 0 to 1.
        discount: Discount rate per period.
        growth: Growth of the margin per period.
        timing: ``start``: a margin comes at the start of each period, the first for certain;
            ``end``: at the end of each, from those who stayed.

    Returns:
        Value, of the broadcast shape of the arguments.

    Raises:
        DataError: A retention outside 0..1, or margins that grow faster than they are discounted.

    >>> float(customer_value(100.0, 0.9, 0.0).round(6))  # mean lifetime of ten periods
    1000.0
    """
    m, r, d, g = np.broadcast_arrays(
        as_numbers(margin, "margin"),
        as_numbers(retention, "retention"),
        as_numbers(discount, "discount"),
        as_numbers(growth, "growth"),
    )
    for name, array in (("margin", m), ("retention", r), ("discount", d), ("growth", g)):
        fault_in_rows(name, "", "missing or infinite", np.flatnonzero(~np.isfinite(array))).refuse()
    fault_in_rows("retention", "", "outside 0 to 1", np.flatnonzero((r < 0) | (r > 1))).refuse()
    if timing not in ("start", "end"):
        raise DataError(f"timing: got {timing!r}; expected start or end")
    gap = 1 + d - r * (1 + g)
    endless = np.flatnonzero((gap <= 0) | (d <= -1) | (g < -1))
    expected = "retention x (1 + growth) below 1 + discount"
    advice = "lower the growth or raise the discount"
    fault_in_rows("retention", "", "without an end", endless, expected, advice).refuse()
    value: Floats = m * (1 + d) / gap if timing == "start" else m * r / gap
    return value


@attrs.frozen
class RetentionEconomics:
    """The economics of keeping one customer; see `retention_economics`.

    Attributes:
        margin: Margin of the first period, after the cost to keep.
        retention: Probability of staying for a period.
        discount: Discount rate per period.
        growth: Growth of the margin per period.
        timing: When margins come.
        value: Present value of the customer.
        lifetime: Mean number of periods, 1 / (1 - retention).
        elasticity: Percent more value for one percent more retention.
        points: Additional retention of the next two figures.
        effect: Share of value gained by ``points`` more retention.
        keep_at_most: Highest spend per period and customer to gain ``points``.
        win_at_most: Highest spend to win a customer: the value.
    """

    margin: float
    retention: float
    discount: float
    growth: float
    timing: Timing
    value: float
    lifetime: float
    elasticity: float
    points: float
    effect: float
    keep_at_most: float
    win_at_most: float

    def _repr_html_(self) -> str:
        return card("Economics of keeping a customer", figures_of(self, *attrs.asdict(self)))

    def curve(self, retention: Floats | None = None) -> pd.DataFrame:
        """Value and break-even spends over a range of retention rates.

        Args:
            retention: The rates; by default 0.50 to 0.99 in steps of one point.

        Returns:
            Frame with ``retention``, ``value``, ``lifetime``, ``effect`` (of ``points`` more),
            ``keep_at_most`` and ``win_at_most``.
        """
        rates = np.arange(50, 100) / 100 if retention is None else retention
        rows = [
            retention_economics(
                self.margin,
                float(rate),
                self.discount,
                growth=self.growth,
                points=self.points,
                timing=self.timing,
            )
            for rate in rates
        ]
        names = ["retention", "value", "lifetime", "effect", "keep_at_most", "win_at_most"]
        return pd.DataFrame({name: [getattr(row, name) for row in rows] for name in names})


def retention_economics(
    margin: float,
    retention: float,
    discount: float,
    *,
    growth: float = 0.0,
    cost: float = 0.0,
    points: float = 0.05,
    timing: Timing = "start",
) -> RetentionEconomics:
    """Value of a customer, its elasticity to retention, and the most to spend on keep and win.

    The effect of five points is the value gained by one customer (Reichheld's measure), not the
    profit of the bank.

    Args:
        margin: Margin of the first period, money, before the cost to keep.
        retention: Probability of staying from one period to the next, 0 to 1.
        discount: Discount rate per period.
        growth: Growth of the margin per period.
        cost: Present spend per period to keep the customer.
        points: Additional retention; the sum is at most 1. Where the margins would then have no
            end, the effect is infinite.
        timing: ``start`` or ``end`` of the period; see `customer_value`.

    Raises:
        DataError: As for `customer_value`.

    Source: CBM-5 (5:100, 1:5), PB-3; Reichheld (1996).

    >>> now = retention_economics(100, 0.90, 0.0)
    >>> round(now.lifetime, 6), round(now.effect, 6)  # ten years become twenty: value doubles
    (10.0, 1.0)
    """
    margin, cost = as_finite(margin, "margin"), as_finite(cost, "cost", 0.0)
    retention, points = as_number(retention, "retention"), as_finite(points, "points")
    net = margin - cost
    if not points > 0:
        raise DataError(f"points: got {points}; expected more than 0, such as 0.05")
    more = min(retention + points, 1.0)
    unit = float(customer_value(1.0, retention, discount, growth=growth, timing=timing))
    raised = float("inf")
    if more * (1 + growth) < 1 + discount:
        raised = float(customer_value(1.0, more, discount, growth=growth, timing=timing))
    value = net * unit
    pull = retention * (1 + growth) / (1 + discount - retention * (1 + growth))
    return RetentionEconomics(
        margin=net,
        retention=retention,
        discount=discount,
        growth=growth,
        timing=timing,
        value=value,
        lifetime=1 / (1 - retention) if retention < 1 else float("inf"),
        elasticity=pull if timing == "start" else pull + 1,
        points=more - retention,
        effect=raised / unit - 1 if unit else float("inf"),
        # Spent each period, it lowers the margin: (margin - spend) x unit value may not fall.
        keep_at_most=net * (1 - unit / raised),
        win_at_most=value,
    )


@attrs.frozen
class SpendCurve:
    """A rate by spend: from ``floor`` towards ``ceiling`` with falling returns.

    ``rate(spend) = ceiling - (ceiling - floor) exp(-steepness x spend)``; Blattberg and Deighton
    (1996) fit it from one known point and a judged ceiling.

    Attributes:
        floor: Rate without a spend.
        ceiling: Highest rate, which no spend reaches.
        steepness: Speed of the approach to the ceiling, per unit of money.
    """

    floor: float
    ceiling: float
    steepness: float

    @classmethod
    def through(cls, spend: float, rate: float, *, ceiling: float, floor: float = 0.0) -> Self:
        """The curve that passes through today's spend and rate.

        >>> curve = SpendCurve.through(5.0, 0.3, ceiling=0.4)
        >>> round(curve.rate(5.0), 9)
        0.3
        """
        spend = as_finite(spend, "spend", 0)
        floor, rate, ceiling = (
            as_share(value, name)
            for name, value in (("floor", floor), ("rate", rate), ("ceiling", ceiling))
        )
        if not (spend > 0 and 0 <= floor < rate < ceiling <= 1):
            raise DataError(
                f"spend curve: got spend {spend}, floor {floor}, rate {rate}, ceiling {ceiling}; "
                "expected spend above 0 and floor < rate < ceiling within 0..1"
            )
        return cls(floor, ceiling, float(np.log((ceiling - floor) / (ceiling - rate))) / spend)

    def rate(self, spend: float) -> float:
        """The rate at a spend per customer."""
        spend = as_finite(spend, "spend", 0)
        return self.ceiling - (self.ceiling - self.floor) * float(np.exp(-self.steepness * spend))

    def marginal_cost(self, spend: float) -> float:
        """Cost of the next customer at this spend: 1 / (rate gained per unit of money)."""
        spend = as_finite(spend, "spend", 0)
        slope = (
            (self.ceiling - self.floor) * self.steepness * float(np.exp(-self.steepness * spend))
        )
        return 1 / slope if slope else math.inf


@attrs.frozen
class SpendPlan:
    """A spend whose marginal cost of a customer equals the value of a customer.

    Attributes:
        spend: Money per prospect (to win), or per customer and period (to keep).
        rate: Share won, or kept.
        average_cost: Spend per customer won or kept.
        marginal_cost: Cost of the last one; the value where any is spent at all.
        value: Value of the customer at that point.
        gain: Value less spend, per prospect or customer.
    """

    spend: float
    rate: float
    average_cost: float
    marginal_cost: float
    value: float
    gain: float

    def _repr_html_(self) -> str:
        return card("Spend plan", figures_of(self, *attrs.asdict(self)))


def spend_to_win(value: float, curve: SpendCurve) -> SpendPlan:
    """Best spend per prospect: the marginal cost of a customer equals the value of a customer.

    Args:
        value: Value of a customer won, money.
        curve: Share won by spend per prospect.

    Source: CBM-5 (1:5 compares averages; the margin decides); Blattberg and Deighton (1996).

    >>> plan = spend_to_win(100.0, SpendCurve.through(5.0, 0.3, ceiling=0.4))
    >>> round(plan.marginal_cost, 6)
    100.0
    """
    as_kind(curve, SpendCurve, "curve", "use SpendCurve.through(spend, rate, ceiling=...)")
    value = as_finite(value, "value")
    reach = (curve.ceiling - curve.floor) * curve.steepness * value
    spend = float(np.log(reach)) / curve.steepness if reach > 1 else 0.0
    rate = curve.rate(spend)
    return SpendPlan(
        spend=spend,
        rate=rate,
        average_cost=spend / rate if rate else 0.0,
        marginal_cost=curve.marginal_cost(spend),
        value=value,
        gain=rate * value - spend,
    )


def spend_to_keep(
    margin: float,
    curve: SpendCurve,
    discount: float,
    *,
    growth: float = 0.0,
    timing: Timing = "start",
) -> SpendPlan:
    """Best spend per customer and period: the one with the highest value of the customer.

    Args:
        margin: Margin of the first period before the spend, money.
        curve: Retention by spend per customer and period.
        discount: Discount rate per period.
        growth: Growth of the margin per period.
        timing: ``start`` or ``end``; see `customer_value`.

    Source: CBM-5, PB-3; Blattberg and Deighton (1996).

    >>> plan = spend_to_keep(100.0, SpendCurve.through(10.0, 0.8, ceiling=0.9, floor=0.5), 0.1)
    >>> 0 < plan.spend < 100 and plan.gain > 0
    True
    """
    as_kind(curve, SpendCurve, "curve", "use SpendCurve.through(spend, rate, ceiling=...)")
    if not 0 < as_number(margin, "margin") < math.inf:
        raise DataError(
            f"margin: got {margin}; a customer without margin has no best spend; give more than 0"
        )

    def lost(spend: float) -> float:
        kept = customer_value(
            margin - spend, curve.rate(spend), discount, growth=growth, timing=timing
        )
        return -float(kept)

    from scipy.optimize import minimize_scalar

    found = minimize_scalar(lost, bounds=(0.0, margin), method="bounded", options={"xatol": 1e-9})
    spend = float(found.x) if -found.fun > -lost(0.0) else 0.0
    rate = curve.rate(spend)
    value = -lost(spend)
    return SpendPlan(
        spend=spend,
        rate=rate,
        average_cost=spend / rate if rate else 0.0,
        marginal_cost=curve.marginal_cost(spend),
        value=value,
        gain=value + lost(0.0),
    )
