"""The rule 20:80 as a statement about the values of a book (CBM-5)."""

from __future__ import annotations

import attrs

from bankcrm._display import card, figures_of
from bankcrm.intervals import Interval
from bankcrm.valuation.arrays import Values
from bankcrm.valuation.concentration.lorenz import concentration


@attrs.frozen
class EightyTwenty:
    """How far a book is from 20:80, as a statement instead of a yes or no.

    Attributes:
        share: Part of the total that the best fifth of the customers gives.
        interval: Its confidence interval.
        holders: Share of customers, best first, that give four fifths of the total.
        within: Whether 80 % lies in the interval.
        statement: The same in words.
    """

    share: float
    interval: Interval
    holders: float
    within: bool
    statement: str

    def __str__(self) -> str:
        return self.statement

    def _repr_html_(self) -> str:
        return card(self.statement, figures_of(self, "share", "holders", "interval"))


def is_eighty_twenty(values: Values, *, seed: int, confidence: float = 0.95) -> EightyTwenty:
    """Compare what the best fifth of the customers gives with the four fifths of the rule.

    Args:
        values: One number per customer.
        seed: Seed of the bootstrap behind the interval.
        confidence: Coverage of the interval, between 0 and 1.

    Source: CBM-5 (20:80).

    >>> print(is_eighty_twenty([1, 1, 1, 1, 16] * 200, seed=1).statement[:46])
    The best 20 % of 1,000 customers give 80.0 % o
    """
    found = concentration(values)
    share, holders = found.share_of_top(0.2), found.holders_of(0.8)
    interval = found.interval(
        "share_of_top", share=0.2, confidence=confidence, seed=seed, replicates=500
    )
    within = 0.8 in interval
    verdict = "as the rule says" if within else f"{'above' if share > 0.8 else 'below'} its 80 %"
    statement = (
        (
            f"The best 20 % of {len(found.values):,} customers give {share:.1%} of the total "
            f"({confidence:.0%} interval {interval.lower:.1%} to {interval.upper:.1%}), "
            f"{verdict}; 80 % comes from the best {holders:.1%}."
        )
        .replace("%", " %")
        .replace("  %", " %")
    )
    return EightyTwenty(share, interval, holders, within, statement)
