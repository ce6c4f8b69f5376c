"""Compare two states of a book: Lorenz dominance, change of the Gini, and its movers."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card
from bankcrm.arguments import as_generator
from bankcrm.errors import DataError
from bankcrm.intervals import Interval, percentile_ends
from bankcrm.valuation.arrays import Floats, Values, customer_index, finite_values, in_range
from bankcrm.valuation.concentration.intervals import batches, drawn_counts, replicated
from bankcrm.valuation.concentration.lorenz import Concentration, concentration

Dominance = Literal["more_equal", "less_equal", "crossing", "same"]
TOLERANCE = 1e-12


@attrs.frozen
class ConcentrationChange:
    """How the concentration of a book changed.

    Attributes:
        before: The earlier state.
        after: The later state.
        dominance: ``more_equal``: the later Lorenz curve lies nowhere below the earlier one;
            ``less_equal``: nowhere above; ``crossing``: both, so that measures may
            disagree; ``same``.
        gini: Later Gini less the earlier, with its bootstrap interval.
        movers: Frame by customer, largest effect first: value ``before`` and ``after`` (0 where
            missing) and ``effect`` on the Gini; the effects sum to its change. None without ids.
    """

    before: Concentration
    after: Concentration
    dominance: Dominance
    gini: Interval
    movers: pd.DataFrame | None = attrs.field(repr=False, eq=False)

    def __str__(self) -> str:
        dominance = self.dominance.replace("_", " ")
        ginis = f"Gini {self.before.gini:.4f} to {self.after.gini:.4f}"
        return f"{ginis}, {dominance}; change {self.gini}"

    def _repr_html_(self) -> str:
        figures = {
            "Gini before": self.before.gini,
            "Gini after": self.after.gini,
            "change": str(self.gini),
            "Lorenz curves": self.dominance.replace("_", " "),
        }
        return card("Change of concentration", figures)


def compare_concentration(
    before: Values,
    after: Values,
    *,
    seed: int,
    confidence: float = 0.95,
    replicates: int = 1000,
) -> ConcentrationChange:
    """Compare the concentration of two states of a book.

    Two Series are matched by their index (customer ids): customers are then resampled together,
    and the result has the effect of each customer. Other values are two independent samples.

    Args:
        before: Earlier values, one per customer.
        after: Later values.
        seed: Seed of the bootstrap.
        confidence: Coverage of the interval, between 0 and 1.
        replicates: Number of bootstrap books.

    Raises:
        DataError: Values missing or infinite, a repeated customer, or a total not above 0.

    Source: CBM-5; Atkinson (1970) for Lorenz dominance.

    >>> before, after = pd.Series([1.0, 1, 4]), pd.Series([1.0, 2, 3])
    >>> change = compare_concentration(before, after, seed=1, replicates=50)
    >>> change.dominance, round(float(change.movers["effect"].sum()), 6)
    ('more_equal', -0.111111)
    """
    old, new = concentration(before), concentration(after)
    difference = new.gini - old.gini
    movers = None
    if isinstance(before, pd.Series) and isinstance(after, pd.Series):
        first, second = _matched(before, after)
        movers = _movers(first, second)
        drawn = _paired(first.to_numpy(), second.to_numpy(), seed, replicates)
    else:
        generator = as_generator(seed)
        later = _ginis(new.values, generator, replicates)
        drawn = later - _ginis(old.values, generator, replicates)
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        raise DataError("values: no resampled book has a total above 0; too few or too mixed")
    lower, upper = percentile_ends(drawn, confidence)
    return ConcentrationChange(
        before=old,
        after=new,
        dominance=_dominance(old, new),
        gini=Interval(
            difference,
            float(lower),
            float(upper),
            confidence,
            "bootstrap",
            min(len(old.values), len(new.values)),
        ),
        movers=movers,
    )


def _dominance(before: Concentration, after: Concentration) -> Dominance:
    """Compare the curves at every corner of both."""
    n, m = len(before.values), len(after.values)
    shares = np.unique(np.concatenate([np.arange(n + 1) / n, np.arange(m + 1) / m]))
    gap = after.lorenz_at(shares) - before.lorenz_at(shares)
    above, below = bool((gap > TOLERANCE).any()), bool((gap < -TOLERANCE).any())
    if above and below:
        return "crossing"
    if above:
        return "more_equal"
    return "less_equal" if below else "same"


def _matched(before: pd.Series, after: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Both states over all customers; null where a customer is missing."""
    pair = []
    for series, name in ((before, "before"), (after, "after")):
        values = finite_values(series, name)
        pair.append(pd.Series(values, index=customer_index(series.index)))
    index = pair[0].index.union(pair[1].index)
    return pair[0].reindex(index), pair[1].reindex(index)


def _movers(before: pd.Series, after: pd.Series) -> pd.DataFrame:
    effect = _gini_parts(after.to_numpy()) - _gini_parts(before.to_numpy())
    frame = pd.DataFrame(
        {"before": before.fillna(0.0), "after": after.fillna(0.0), "effect": effect},
        index=before.index.rename("customer_id"),
    )
    order = np.argsort(-np.abs(effect), kind="stable")
    return frame.iloc[order]


def _gini_parts(x: Floats) -> Floats:
    """What each customer adds to the Gini; equal values share their ranks."""
    there = ~np.isnan(x)
    values = in_range(x[there])[0]
    n = len(values)
    parts = np.zeros(len(x))
    parts[there] = values * (2 * pd.Series(values).rank().to_numpy() - 1 - n) / (n * values.sum())
    return parts


def _paired(before: Floats, after: Floats, seed: int, replicates: int) -> Floats:
    """Changes of the Gini over books in which customers are drawn with both their states."""
    generator = as_generator(seed)
    n = len(before)
    states = []
    for x in (in_range(before)[0], in_range(after)[0]):
        order = np.argsort(x, kind="stable")
        states.append((order, np.nan_to_num(x[order]), (~np.isnan(x[order])).astype(np.float64)))
    found = []
    for rows in batches(n, replicates):
        counts = drawn_counts(n, rows, generator)
        first, second = (
            replicated(x, there, counts[:, order], "gini", 0.0) for order, x, there in states
        )
        found.append(second - first)
    return np.concatenate(found)


def _ginis(x: Floats, generator: np.random.Generator, replicates: int) -> Floats:
    x, n = in_range(x)[0], len(x)
    return np.concatenate(
        [
            replicated(x, None, drawn_counts(n, rows, generator), "gini", 0.0)
            for rows in batches(n, replicates)
        ]
    )
