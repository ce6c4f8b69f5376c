"""Weights of criteria from pairwise judgements (AHP), from data (entropy), or combined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bankcrm._display import card, few, figures_of
from bankcrm.arguments import as_choice, as_finite, as_mapping, as_numbers
from bankcrm.errors import DataError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import numbers
from bankcrm.frames.column import fault_in_rows
from bankcrm.valuation.arrays import Floats, in_range

Weights = Mapping[str, float]
SUM_TOLERANCE = 1e-6
# Number of criteria -> mean consistency index of random matrices (Saaty, 1980, table 1.4).
RANDOM_INDEX = {
    3: 0.58, 4: 0.90, 5: 1.12, 6: 1.24, 7: 1.32, 8: 1.41, 9: 1.45, 10: 1.49, 11: 1.51, 12: 1.48,
    13: 1.56, 14: 1.57, 15: 1.59,
}  # fmt: skip
# Printed tables round 1/3 to 0.33 and 1/7 to 0.14: a pair may miss its reciprocal by that much.
RECIPROCAL_TOLERANCE = 0.05


@attrs.frozen
class AhpWeights:
    """Weights from pairwise judgements, with the consistency of the judgements.

    Attributes:
        weights: Criterion -> weight; they sum to 1.
        lambda_max: Largest eigenvalue of the matrix; the number of criteria if fully consistent.
        consistency_index: (lambda_max - n) / (n - 1).
        consistency_ratio: The index over that of random judgements.
        consistent: Whether the ratio is within the limit.
        worst: The judgement that departs most from the weights: the two criteria.
    """

    weights: Mapping[str, float]
    lambda_max: float
    consistency_index: float
    consistency_ratio: float
    consistent: bool
    worst: tuple[str, str]

    def _repr_html_(self) -> str:
        checks = figures_of(self, "consistency_ratio", "consistent", "worst")
        rows = [{"criterion": n, "weight": w} for n, w in self.weights.items()]
        return card("Weights from pairwise judgements", checks, rows=rows)


def ahp_weights(
    pairwise: pd.DataFrame | Mapping[tuple[str, str], float] | NDArray[np.float64],
    *,
    names: Sequence[str] | None = None,
    limit: float = 0.1,
    on_inconsistent: Literal["raise", "flag"] = "raise",
) -> AhpWeights:
    """Weights from pairwise comparisons by Saaty's analytic hierarchy process.

    Args:
        pairwise: How many times more important the row is than the column: a square frame or
            array, or a mapping ``{("contribution", "risk"): 3}`` with one judgement per pair.
        names: The criteria, for an array.
        limit: Highest consistency ratio that is accepted.
        on_inconsistent: ``raise`` above the limit, or ``flag`` it in the result.

    Returns:
        The principal eigenvector as weights, the eigenvalue and the consistency ratio.

    Raises:
        DataError: Not square, not positive, not reciprocal, a pair missing, or inconsistent.

    Source: CSC-2; Saaty (1980).

    >>> pairs = {("profit", "risk"): 2, ("profit", "growth"): 4, ("risk", "growth"): 2}
    >>> result = ahp_weights(pairs)
    >>> {name: round(weight, 3) for name, weight in result.weights.items()}
    {'profit': 0.571, 'risk': 0.286, 'growth': 0.143}
    >>> result.consistent
    True
    """
    as_choice(on_inconsistent, ("raise", "flag"), "on_inconsistent")
    limit = as_finite(limit, "limit", 0.0)
    matrix, criteria = _matrix(pairwise, names)
    n = len(criteria)
    values, vectors = np.linalg.eig(matrix)
    largest = int(np.argmax(values.real))
    lambda_max = float(values[largest].real)
    vector = np.abs(vectors[:, largest].real)
    weights = vector / vector.sum()
    index = (lambda_max - n) / (n - 1) if n > 1 else 0.0
    ratio = index / RANDOM_INDEX[n] if n > 2 else 0.0
    gap = np.abs(np.log(matrix * weights[None, :] / weights[:, None]))
    row, column = (int(k) for k in np.unravel_index(np.argmax(gap), gap.shape))
    worst = (criteria[row], criteria[column])
    if ratio > limit and on_inconsistent == "raise":
        raise DataError(
            f"pairwise: consistency ratio {ratio:.3f} is over {limit:g}; the judgement "
            f"{worst[0]} : {worst[1]} = {matrix[row, column]:.3g} departs most (the weights give "
            f'{weights[row] / weights[column]:.3g}); revise it, or set on_inconsistent="flag"'
        )
    return AhpWeights(
        weights={name: float(w) for name, w in zip(criteria, weights, strict=True)},
        lambda_max=lambda_max,
        consistency_index=index,
        consistency_ratio=ratio,
        consistent=ratio <= limit,
        worst=worst,
    )


def _matrix(
    pairwise: pd.DataFrame | Mapping[tuple[str, str], float] | NDArray[np.float64],
    names: Sequence[str] | None,
) -> tuple[Floats, list[str]]:
    if isinstance(pairwise, pd.DataFrame):
        if list(pairwise.index) != list(pairwise.columns):
            raise DataError(
                "pairwise: rows and columns differ; expected the same criteria in order"
            )
        matrix, criteria = as_numbers(pairwise, "pairwise"), [str(c) for c in pairwise.columns]
    elif isinstance(pairwise, Mapping):
        criteria = list(dict.fromkeys(name for pair in pairwise for name in pair))
        place = {name: k for k, name in enumerate(criteria)}
        matrix = np.full((len(criteria), len(criteria)), np.nan)
        np.fill_diagonal(matrix, 1.0)
        for (left, right), times in pairwise.items():
            matrix[place[left], place[right]] = times
            if (right, left) not in pairwise and times:
                matrix[place[right], place[left]] = 1 / times
    else:
        matrix = np.atleast_1d(as_numbers(pairwise, "pairwise"))
        criteria = [str(k) for k in (names or range(len(matrix)))]
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(criteria) != len(matrix):
        raise DataError(
            f"pairwise: expected a square of {len(criteria)} criteria, got {matrix.shape}"
        )
    most = max(RANDOM_INDEX)
    if not 1 <= len(criteria) <= most:
        raise DataError(f"pairwise: {len(criteria)} criteria; expected 1 to {most}")
    bad = np.argwhere(~(np.isfinite(matrix) & (matrix > 0)))
    with np.errstate(invalid="ignore"):
        broken = np.argwhere(np.abs(matrix * matrix.T - 1) > RECIPROCAL_TOLERANCE)
    for pairs, what in ((bad, "missing, zero or negative"), (broken, "not reciprocal")):
        if len(pairs):
            first = few(pairs, lambda pair: " : ".join(criteria[place] for place in pair))
            raise DataError(
                f"pairwise: {len(pairs)} judgements are {what} ({first}); expected a number above "
                "0 for each pair, and a over b the inverse of b over a"
            )
    return matrix, criteria


def entropy_weights(frame: pd.DataFrame) -> dict[str, float]:
    """Weights by how much customers differ in each criterion: 1 minus the entropy of its column.

    Args:
        frame: One column per criterion, values of 0 or more, such as scaled indicators.

    Returns:
        Criterion -> weight; they sum to 1. A column of equal values gets 0.

    Raises:
        DataError: Values missing, infinite or negative, a column of zeros, or all columns equal.

    Source: CSC-2; Shannon (1948).

    >>> entropy_weights(pd.DataFrame({"flat": [1.0, 1, 1], "steep": [0.0, 0, 3]}))
    {'flat': 0.0, 'steep': 1.0}
    """
    frame = as_frame(frame)
    if len(frame) < 2:
        raise DataError(f"frame: {len(frame)} rows; expected two or more customers")
    differences: dict[str, float] = {}
    for name, values in frame.items():
        column = str(name)
        x = numbers(values, column)
        bad = ~(np.isfinite(x) & (x >= 0))
        problem = "missing, infinite or negative"
        fault_in_rows("frame", column, problem, frame.index[bad], "numbers of 0 or more").refuse()
        if not x.any():
            raise DataError(
                f"{column}: 0 in all rows; expected one number above 0, or leave it out"
            )
        x = in_range(x)[0]
        share = x / x.sum()
        positive = share[share > 0]
        entropy = -float((positive * np.log(positive)).sum()) / np.log(len(x))
        differences[column] = max(1 - entropy, 0.0) if 1 - entropy > 1e-12 else 0.0
    total = sum(differences.values())
    if total == 0:
        raise DataError(
            "frame: every column is the same for all customers; entropy gives no weights"
        )
    return {name: float(value / total) for name, value in differences.items()}


def combine_weights(
    *sets: Weights,
    shares: Sequence[float] | None = None,
    how: Literal["mean", "product"] = "mean",
) -> dict[str, float]:
    """One set of weights from several, such as expert (AHP) and measured (entropy) ones.

    Args:
        sets: Criterion -> weight, each summing to 1, over the same criteria.
        shares: Weight of each set; they sum to 1. By default all count equally.
        how: ``mean``, or ``product`` (geometric mean, scaled to sum to 1).

    >>> combine_weights({"a": 0.8, "b": 0.2}, {"a": 0.4, "b": 0.6})["a"].__round__(6)
    0.6
    """
    if not sets:
        raise DataError("weights: no sets to combine")
    criteria = list(sets[0])
    for weights in sets:
        check_weights(weights, criteria)
    counted = [1 / len(sets)] * len(sets) if shares is None else list(shares)
    if len(counted) != len(sets) or min(counted) < 0 or abs(sum(counted) - 1) > SUM_TOLERANCE:
        raise DataError(f"shares: got {counted} for {len(sets)} sets; expected one each, sum 1")
    table = np.array([[w[c] for c in criteria] for w in sets])
    part = np.array(counted)
    if how == "product":
        with np.errstate(divide="ignore"):
            mixed = np.exp(part @ np.log(table))
    else:
        mixed = part @ table
    if not mixed.sum() > 0:
        raise DataError("weights: the sets have no criterion in common with a weight above 0")
    mixed = mixed / mixed.sum()
    return {c: float(w) for c, w in zip(criteria, mixed, strict=True)}


def check_weights(weights: Weights, criteria: Sequence[str]) -> dict[str, float]:
    """The weights in the order of the criteria, refused unless they cover them and sum to 1."""
    weights = as_mapping(weights, "weights", "a mapping of indicator to weight")
    missing = [c for c in criteria if c not in weights]
    unknown = [c for c in weights if c not in criteria]
    if missing or unknown:
        raise DataError(
            f"weights: missing for {', '.join(missing) or 'none'}, unknown "
            f"{', '.join(unknown) or 'none'}; expected one for each of {', '.join(criteria)}"
        )
    total = sum(weights.values())
    bad = [c for c in criteria if not 0 <= weights[c] <= 1]
    if bad or not abs(total - 1) <= SUM_TOLERANCE:
        given = ", ".join(f"{c} {weights[c]:g}" for c in criteria)
        raise DataError(
            f"weights: {given} sum to {total:g}; expected weights of 0 to 1 that sum to 1"
        )
    return {c: float(weights[c]) for c in criteria}
