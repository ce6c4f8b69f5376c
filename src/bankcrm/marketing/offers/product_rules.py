"""Association rules on holdings: who holds these products often holds that one too (EB-9)."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import as_share, as_whole_number
from bankcrm.errors import DataError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import flags
from bankcrm.intervals import wilson
from bankcrm.marketing.offers.itemsets import Itemsets, cells_of, counts_of, frequent_sets

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_EXACT = 2.0**62  # sets are numbered by whole numbers below this


def product_rules(
    holdings: object,
    *,
    min_share: float = 0.01,
    min_confidence: float = 0.1,
    max_products: int = 3,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Which products customers hold together, as rules "if they hold these, then also that".

    A rule describes what is held at one time. It does not predict what a customer buys next.

    Args:
        holdings: One row per customer, one boolean column per product: whether it is held on the
            day. Leave out what was closed before and what was opened later.
        min_share: Least share of the customers who hold all products of a rule.
        min_confidence: Least share of those with the left side who hold the right side too.
        max_products: Most products of a rule, left and right.
        confidence: Coverage of the intervals.

    Returns:
        One row per rule, the highest lift first: ``if_held`` (tuple of products), ``then``,
        ``support`` (share of all customers), ``confidence`` (share of those with the left side),
        ``lift`` (confidence by the share of all who hold the right side) with ``lift_low`` and
        ``lift_high`` (Wilson's interval of the confidence by that share), ``conviction``
        (infinite for a rule without exception), ``q_value`` (share of false findings among the
        rules at least as significant; one-sided Fisher test, Benjamini and Hochberg),
        ``customers`` (hold both sides) and ``new_customers`` (hold the left side, lack the right).

    Raises:
        DataError: A column is not boolean or has nulls, or a limit is not valid.

    Source: EB-9; Agrawal and Srikant (1994).

    >>> held = pd.DataFrame({"card": [1, 1, 1, 0], "fund": [1, 1, 0, 0]}, dtype=bool)
    >>> found = product_rules(held, min_confidence=0.9)
    >>> print(found[["if_held", "then", "lift", "new_customers"]].round(3).to_string(index=False))
    if_held then  lift  new_customers
    (fund,) card 1.333              0
    """
    names, held = _held(holdings)
    min_share = as_share(min_share, "min_share", zero=False)
    min_confidence = as_share(min_confidence, "min_confidence")
    max_products = as_whole_number(max_products, "max_products", 2)
    if max_products * math.log(len(names) or 1) > math.log(_EXACT):
        raise DataError(
            f"max_products: expected fewer for {len(names)} products, got {max_products}"
        )
    total = len(held)
    least = max(math.ceil(min_share * total - 1e-9), 1)
    sets = frequent_sets(*cells_of(held), least, max_products)
    parts = [
        _rules_of(bigger, smaller, sets[0], len(names), min_confidence)
        for smaller, bigger in pairwise(sets)
    ]
    left = [tuple(names[i] for i in row) for part in parts for row in part[0].tolist()]
    right, both, have, then = (
        np.concatenate([part[i] for part in parts] or [np.empty(0, np.int64)]) for i in range(1, 5)
    )
    share, low, high = wilson(both, have, confidence)
    base = then / max(total, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        conviction = np.where(both == have, np.inf, (1 - base) / (1 - share))
    from scipy.stats import hypergeom  # slow to import

    p = np.asarray(hypergeom.sf(both - 1, total, then, have)).reshape(-1)
    found = pd.DataFrame(
        {
            "if_held": pd.Series(left, dtype=object),
            "then": pd.Series([names[i] for i in right.tolist()], dtype=object),
            "support": both / max(total, 1),
            "confidence": share,
            "lift": share / base,
            "lift_low": low / base,
            "lift_high": high / base,
            "conviction": conviction,
            "q_value": _false_discovery(p),
            "customers": both,
            "new_customers": have - both,
        }
    )
    order = np.lexsort((found["then"], found["if_held"].map(str), -found["lift"].round(12)))
    return found.iloc[order].reset_index(drop=True)


def _held(holdings: object) -> tuple[list[str], npt.NDArray[np.bool_]]:
    frame = as_frame(holdings)
    held = {str(name): flags(frame[name], f"holdings.{name}") for name in frame.columns}
    names = sorted(held)  # the order of the columns changes no rule
    empty = np.empty((len(frame), 0), np.bool_)
    return names, np.column_stack([empty, *(held[name] for name in names)]).astype(np.bool_)


def _rules_of(
    bigger: Itemsets, smaller: Itemsets, single: Itemsets, products: int, least: float
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Left side, right side, and the customers who hold both, the left and the right."""
    size = bigger.items.shape[1]
    found = []
    for place in range(size):
        left = np.delete(bigger.items, place, axis=1)
        right = bigger.items[:, place]
        have = counts_of(smaller, left, products)
        then = counts_of(single, right[:, None], products)
        kept = bigger.counts >= least * have - 1e-9
        found.append([a[kept] for a in (left, right, bigger.counts, have, then)])
    left, right, both, have, then = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return left, right, both, have, then


def _false_discovery(p: Floats) -> Floats:
    """The q-value of each p-value by the step-up of Benjamini and Hochberg."""
    order = np.argsort(p)[::-1]
    scaled = p[order] * len(p) / np.arange(len(p), 0, -1)
    result = np.empty(len(p))
    result[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return result
