"""Intervals of concentration figures: a bootstrap on sorted values, a jackknife, the asymptotic.

All three work on values that are sorted once. A bootstrap book is a set of multiplicities of the
sorted values, so that its Lorenz curve needs a running sum and no sort.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from bankcrm.arguments import as_choice, as_generator, as_whole_number
from bankcrm.errors import DataError
from bankcrm.intervals import Interval, percentile_ends, quantile
from bankcrm.valuation.arrays import Floats

Statistic = Literal["gini", "theil", "hhi", "share_of_top", "holders_of"]
Method = Literal["bootstrap", "jackknife", "asymptotic"]
CELLS = 1 << 20  # values times replicates drawn at once


def drawn_counts(n: int, replicates: int, generator: np.random.Generator) -> Floats:
    """Multiplicities (replicates, n) of books drawn with replacement from n customers."""
    picks = generator.integers(0, n, size=(replicates, n), dtype=np.int32)
    if replicates > 1:
        picks = picks + np.arange(replicates)[:, None] * n
    counts = np.bincount(picks.ravel(), minlength=replicates * n)
    return counts.reshape(replicates, n).astype(np.float64)


def batches(n: int, replicates: int) -> list[int]:
    """Sizes of the batches that replicates are drawn in, so that memory stays bounded."""
    replicates = as_whole_number(replicates, "replicates", 1)
    step = min(max(1, CELLS // n), replicates)
    return [min(step, replicates - k) for k in range(0, replicates, step)]


def replicated(
    x: Floats, weights: Floats | None, counts: Floats, statistic: Statistic, share: float
) -> Floats:
    """The statistic of each replicate: ``x`` rising (n), ``counts`` (replicates, n)."""
    w = counts if weights is None else counts * weights
    total = np.einsum("bn,n->b", w, x)
    with np.errstate(divide="ignore", invalid="ignore"):
        if statistic == "hhi":
            result: Floats = (w @ (x * x)) / total**2
            return result
        if statistic == "theil":
            holders = w.sum(axis=1)
            theil: Floats = (w @ _x_log_x(x)) / total - np.log(total / holders)
            return theil
        people = np.cumsum(w, axis=1)
        holders = people[:, -1]
        if statistic == "gini":
            # sum of w x (2C - w) = 2 sum C (w x) - sum w w x, without a third array.
            ranks = 2 * np.einsum("bn,bn,n->b", people, w, x) - np.einsum("bn,bn,n->b", w, w, x)
            gini: Floats = ranks / (holders * total) - 1
            return gini
        return _lorenz_replicated(x, w, people, statistic, share)


def _lorenz_replicated(
    x: Floats, w: Floats, people: Floats, statistic: Statistic, share: float
) -> Floats:
    result = np.empty(len(w))
    for row, (one, counted) in enumerate(zip(w, people, strict=True)):
        holders = counted[-1]
        if statistic == "share_of_top":
            target = (1 - share) * holders
            cut = min(int(np.searchsorted(counted, target)), len(x) - 1)
            top = one[cut + 1 :] @ x[cut + 1 :] + (counted[cut] - target) * x[cut]
            result[row] = top / (one @ x)
        else:
            cumulated = np.cumsum((one * x)[::-1])
            target = share * cumulated[-1]
            reached = int(np.argmax(cumulated >= target * (1 - 1e-15)))
            at = len(x) - 1 - reached
            before = holders - counted[at]
            left = target - (cumulated[reached - 1] if reached else 0.0)
            result[row] = (before + (left / x[at] if x[at] > 0 else 0.0)) / holders
    return result


def bootstrap_ends(
    x: Floats,
    weights: Floats | None,
    statistic: Statistic,
    share: float,
    confidence: float,
    replicates: int,
    seed: int | None,
) -> tuple[float, float]:
    """Percentile ends of the statistic over resampled books."""
    n = len(x)
    generator = as_generator(seed)
    figures = np.concatenate(
        [
            replicated(x, weights, drawn_counts(n, rows, generator), statistic, share)
            for rows in batches(n, replicates)
        ]
    )
    if not np.isfinite(figures).all():
        raise DataError(
            f"values: {int((~np.isfinite(figures)).sum())} of {replicates} resampled books have no "
            f"total above 0, so {statistic} has no interval; the book is too small or too mixed"
        )
    lower, upper = percentile_ends(figures, confidence)
    return float(lower), float(upper)


def curve_band(
    x: Floats, weights: Floats | None, shares: Floats, confidence: float, replicates: int, seed: int
) -> tuple[Floats, Floats]:
    """Percentile ends of the Lorenz curve over resampled books, at shares of customers."""
    generator = as_generator(seed)
    curves = []
    for _ in range(as_whole_number(replicates, "replicates", 1)):
        drawn = drawn_counts(len(x), 1, generator)[0]
        w = drawn if weights is None else drawn * weights
        people = np.concatenate([[0.0], np.cumsum(w)])
        money = np.concatenate([[0.0], np.cumsum(w * x)])
        if money[-1] > 0:
            curves.append(np.interp(shares * people[-1], people, money) / money[-1])
    if not curves:
        raise DataError("values: no resampled book has a total above 0; too few or too mixed")
    lower, upper = percentile_ends(curves, confidence, axis=0)
    return lower, upper


def influence(x: Floats, statistic: Statistic, share: float) -> Floats:
    """Influence of each rising value on the statistic (mean 0 over the sample)."""
    n = len(x)
    mean = x.mean()
    raw: Floats
    if statistic == "hhi":
        raw = (x * x / mean**2 - 2 * (x * x).mean() / mean**3 * x) / n
    elif statistic == "theil":
        logs = _x_log_x(x)
        raw = logs / mean - (logs.mean() / mean**2 + 1 / mean) * x
    elif statistic == "gini":
        ranks = (2 * np.arange(1, n + 1) - 1) / n
        gini = (ranks @ x) / (n * mean) - 1
        raw = ((ranks - gini - 1) * x - 2 * np.cumsum(x) / n) / mean
    else:
        # Lorenz curve at p = 1 - share: (x - q)1{x <= q} - L x (Beach and Davidson, 1983).
        p = 1 - share
        quantile = x[min(int(p * n), n - 1)]
        below = np.minimum(x - quantile, 0.0)
        lorenz = (below.mean() + p * quantile) / mean
        raw = (lorenz * x - below) / mean
    centred: Floats = raw - raw.mean()
    return centred


def leave_one_out(x: Floats, statistic: Statistic, share: float) -> Floats:
    """The statistic without each of the rising values in turn."""
    n = len(x)
    total = x.sum() - x
    running = np.cumsum(x)
    result: Floats
    if statistic == "hhi":
        result = ((x * x).sum() - x * x) / total**2
    elif statistic == "theil":
        logs = _x_log_x(x)
        result = (logs.sum() - logs) / total - np.log(total / (n - 1))
    elif statistic == "gini":
        ranks = 2 * np.arange(1, n + 1) - 1
        # Without value i, each of those above it falls two odd ranks.
        left = (ranks @ x) - ranks * x - 2 * (running[-1] - running)
        result = left / ((n - 1) * total) - 1
    else:
        target = (1 - share) * (n - 1)
        whole = min(int(target), n - 2)
        part = target - whole
        low = running[whole - 1] if whole else 0.0
        # Without one of the poorest, the next value moves in among them.
        within = running[whole] - x + part * x[whole + 1]
        below = np.where(np.arange(n) <= whole, within, low + part * x[whole])
        result = 1 - below / total
    return result


def _x_log_x(x: Floats) -> Floats:
    result: Floats = x * np.log(np.where(x > 0, x, 1.0))
    return result


def statistic_interval(
    x: Floats,
    weights: Floats | None,
    estimate: float,
    statistic: Statistic,
    *,
    share: float,
    method: Method,
    confidence: float,
    replicates: int,
    seed: int | None,
) -> Interval:
    """Interval of a statistic of rising values by one of the three methods."""
    n = len(x)
    as_choice(method, ("bootstrap", "jackknife", "asymptotic"), "method")
    deviations = quantile(confidence)
    if n < 3:
        raise DataError(f"values: {n} are too few for an interval; expected 3 or more")
    if method == "bootstrap":
        lower, upper = bootstrap_ends(x, weights, statistic, share, confidence, replicates, seed)
        return Interval(estimate, lower, upper, confidence, method, n)
    if weights is not None or statistic == "holders_of":
        raise DataError(
            f"method: {method} is for unweighted values and not for holders_of; use bootstrap"
        )
    if method == "jackknife":
        left_out = leave_one_out(x, statistic, share)
        variance = (n - 1) / n * ((left_out - left_out.mean()) ** 2).sum()
    else:
        variance = (influence(x, statistic, share) ** 2).mean() / n
    reach = deviations * float(variance) ** 0.5
    return Interval(estimate, estimate - reach, estimate + reach, confidence, method, n)
