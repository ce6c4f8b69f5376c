"""The Pareto tail of a book: exponent, start of the tail, and a test of the power law."""

from __future__ import annotations

import attrs
import numpy as np

from bankcrm._display import card, figures_of
from bankcrm.arguments import as_finite, as_generator, as_whole_number
from bankcrm.errors import DataError
from bankcrm.valuation.arrays import Floats, Values, finite_values

CANDIDATES = 60  # starts of the tail that are tried
LEAST_TAIL = 50  # values that a tail needs


@attrs.frozen
class ParetoTail:
    """A Pareto tail: P(X > x) = (start / x) ** alpha above ``start``.

    Attributes:
        alpha: Pareto index; a whole Pareto book has Gini 1 / (2 alpha - 1).
        standard_error: Of alpha, start given.
        start: Value where the tail begins.
        size: Number of values in the tail.
        distance: Largest gap between the tail's distribution and the fitted one.
        p_value: Share of books drawn from the fit that fit worse; 0.1 or less is evidence
            against a power law. None without a test.
    """

    alpha: float
    standard_error: float
    start: float
    size: int
    distance: float
    p_value: float | None

    def _repr_html_(self) -> str:
        return card("Pareto tail", figures_of(self, *attrs.asdict(self)))


def pareto_alpha(
    values: Values,
    *,
    start: float | None = None,
    replicates: int = 100,
    seed: int | None = None,
) -> ParetoTail:
    """Fit a Pareto tail by maximum likelihood and test how well it fits.

    The start of the tail is where the fit is closest (Kolmogorov-Smirnov distance), among sixty
    starts at equal steps of the logarithm of the tail's size. Values of 0 or below are left
    out.

    Args:
        values: One number per customer.
        start: Where the tail begins, if known.
        replicates: Books drawn for the test of fit, each fitted anew; 0: no test.
        seed: Required by the test.

    Raises:
        DataError: Fewer than 50 values above 0 (or above ``start``), or all the same.

    Source: Clauset, Shalizi and Newman (2009).

    >>> x = np.random.default_rng(5).pareto(1.5, 20_000) + 1
    >>> bool(abs(pareto_alpha(x, replicates=0).alpha - 1.5) < 0.15)
    True
    """
    array = np.sort(finite_values(values, "values"))
    positive = array[array > 0]
    replicates = as_whole_number(replicates, "replicates")
    if start is not None:
        start = as_finite(start, "start")
    generator = as_generator(seed) if replicates else None
    alpha, began, distance, size = _fitted(positive, start)
    p_value = None
    if generator is not None:
        worse = 0
        body = positive[: len(positive) - size]
        for _ in range(replicates):
            drawn = _drawn(body, size, alpha, began, generator)
            worse += _fitted(drawn, None if start is None else began)[2] >= distance
        p_value = worse / replicates
    return ParetoTail(
        alpha=alpha,
        standard_error=alpha / size**0.5,
        start=began,
        size=size,
        distance=distance,
        p_value=p_value,
    )


def _drawn(
    body: Floats, size: int, alpha: float, start: float, generator: np.random.Generator
) -> Floats:
    """A book like the fit: its tail from the power law, its body drawn again."""
    n = len(body) + size
    tail = int(generator.binomial(n, size / n))
    high = start * (1 - generator.random(tail)) ** (-1 / alpha)
    low = generator.choice(body, n - tail) if n > tail and len(body) else np.empty(0)
    return np.sort(np.concatenate([low, high]))


def _fitted(x: Floats, start: float | None) -> tuple[float, float, float, int]:
    """Alpha, start, distance and size of the best tail of rising values."""
    n = len(x)
    if start is not None:
        sizes = np.array([n - int(np.searchsorted(x, start))])
    else:
        sizes = np.unique(np.geomspace(LEAST_TAIL, max(n, LEAST_TAIL), CANDIDATES).astype(np.intp))
        # A tail begins at a value, not in the middle of equal ones.
        sizes = np.unique(n - np.searchsorted(x, x[n - sizes[sizes <= n]]))
    sizes = sizes[(sizes >= LEAST_TAIL) & (sizes <= n)]
    best = (float("nan"), float("nan"), float("inf"), 0)
    for size in sizes:
        tail = x[n - size :]
        began = float(tail[0]) if start is None else float(start)
        logs = np.log(tail / began)
        total = float(logs.sum())
        if total <= 0:
            continue
        alpha = float(size) / total
        fitted = -np.expm1(-alpha * logs)
        steps = np.arange(size + 1) / size
        distance = float(max((fitted - steps[:-1]).max(), (steps[1:] - fitted).max()))
        if distance < best[2]:
            best = (alpha, began, distance, int(size))
    if not best[3]:
        raise DataError(
            f"values: {n} above 0 give no tail of {LEAST_TAIL} or more differing values"
            f"{'' if start is None else f' above {start:g}'}; expected more, or a lower start"
        )
    return best
