"""AHP on Saaty's printed matrices, entropy weights, combinations, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.valuation import ahp_weights, combine_weights, entropy_weights

# Saaty's matrices (upper triangles) with the weights, eigenvalue and ratio printed beside them.
WEALTH = (  # wealth of nations: US, USSR, China, France, UK, Japan, West Germany
    [[4, 9, 6, 6, 5, 5], [7, 5, 5, 3, 4], [1 / 5, 1 / 5, 1 / 7, 1 / 5], [1, 1 / 3, 1 / 3],
     [1 / 3, 1 / 3], [2]],
    [0.427, 0.230, 0.021, 0.052, 0.052, 0.123, 0.094], 7.61, 0.08,
)  # fmt: skip
CHAIRS = ([[5, 6, 7], [4, 6], [4]], [0.61, 0.24, 0.10, 0.05], 4.39, 0.14)
CHAIRS_2 = ([[4, 6, 7], [3, 4], [2]], [0.62, 0.22, 0.10, 0.06], 4.1, 0.04)
HOUSE = (  # size, transport, neighbourhood, age, yard, facilities, condition, financing
    [[5, 3, 7, 6, 6, 1 / 3, 1 / 4], [1 / 3, 5, 3, 3, 1 / 5, 1 / 7], [6, 3, 4, 6, 1 / 5],
     [1 / 3, 1 / 4, 1 / 7, 1 / 8], [1 / 2, 1 / 5, 1 / 6], [1 / 5, 1 / 6], [1 / 2]],
    [0.173, 0.054, 0.188, 0.018, 0.031, 0.036, 0.167, 0.333], 9.669, 0.169,
)  # fmt: skip


def square(upper: list[list[float]]) -> np.ndarray:
    size = len(upper) + 1
    matrix = np.eye(size)
    for i, row in enumerate(upper):
        for j, value in enumerate(row, start=i + 1):
            matrix[i, j], matrix[j, i] = value, 1 / value
    return matrix


@pytest.mark.parametrize(
    ("upper", "weights", "lambda_max", "ratio"),
    [WEALTH, CHAIRS, CHAIRS_2, HOUSE],
    ids=["wealth", "chairs", "chairs-2", "house"],
)
def test_saatys_printed_weights_and_ratios(
    upper: list[list[float]], weights: list[float], lambda_max: float, ratio: float
) -> None:
    judged = ahp_weights(square(upper), on_inconsistent="flag")
    digits = 0.001 if len(str(weights[0])) == 5 else 0.01
    assert list(judged.weights.values()) == pytest.approx(weights, abs=digits)
    assert judged.lambda_max == pytest.approx(lambda_max, abs=0.02)
    assert judged.consistency_ratio == pytest.approx(ratio, abs=0.01)
    assert judged.consistent == (ratio <= 0.1)


@given(st.lists(st.floats(0.05, 1), min_size=1, max_size=9))
def test_consistent_judgements_give_back_their_weights(raw: list[float]) -> None:
    weights = np.array(raw) / sum(raw)
    judged = ahp_weights(weights[:, None] / weights[None, :])
    assert list(judged.weights.values()) == pytest.approx(weights.tolist(), rel=1e-6)
    assert judged.lambda_max == pytest.approx(len(raw))
    assert abs(judged.consistency_ratio) < 1e-6


SAATY = {3: 0.58, 4: 0.90, 5: 1.12, 6: 1.24, 7: 1.32, 8: 1.41, 9: 1.45, 10: 1.49, 11: 1.51,
         12: 1.48, 13: 1.56, 14: 1.57, 15: 1.59}  # fmt: skip
"""The index of random judgements by the number of criteria, as Saaty (1980) prints it."""


@pytest.mark.parametrize("size", range(1, 16))
def test_the_ratio_is_the_index_over_that_of_random_judgements(size: int) -> None:
    draw = np.random.default_rng(size)
    judged = ahp_weights(
        square([draw.uniform(1 / 9, 9, size - i).tolist() for i in range(1, size)] or [[]])[
            :size, :size
        ],
        on_inconsistent="flag",
    )
    index = (judged.lambda_max - size) / max(size - 1, 1)
    expected = index / SAATY[size] if size in SAATY else 0.0
    assert judged.consistency_ratio == pytest.approx(expected, abs=1e-12)


@given(
    st.lists(st.floats(0.2, 1), min_size=4, max_size=8),
    st.tuples(st.integers(0, 3), st.integers(0, 3)).filter(lambda p: p[0] != p[1]),
)
def test_one_wrong_judgement_among_right_ones_is_the_worst(
    raw: list[float], pair: tuple[int, int]
) -> None:
    weights, (i, j) = np.array(raw), pair
    matrix = weights[:, None] / weights[None, :]
    matrix[i, j], matrix[j, i] = matrix[i, j] * 20, matrix[j, i] / 20
    names = [f"c{n}" for n in range(len(raw))]
    judged = ahp_weights(matrix, names=names, on_inconsistent="flag")
    assert set(judged.worst) == {f"c{i}", f"c{j}"}
    if not judged.consistent:
        said = f"judgement {judged.worst[0]} : {judged.worst[1]} = "
        with pytest.raises(DataError, match=said):
            ahp_weights(matrix, names=names)


def test_frames_mappings_and_rounded_reciprocals() -> None:
    names = ["profit", "risk", "growth"]
    frame = pd.DataFrame([[1, 3, 7], [0.33, 1, 3], [0.14, 0.33, 1]], index=names, columns=names)
    pairs = {("profit", "risk"): 3.0, ("profit", "growth"): 7.0, ("risk", "growth"): 3.0}
    one, other = ahp_weights(frame), ahp_weights(pairs)
    assert list(one.weights) == names
    assert list(one.weights.values()) == pytest.approx(list(other.weights.values()), abs=0.01)


def test_inconsistent_judgements_are_refused_with_the_worst_pair() -> None:
    circle = {("a", "b"): 9.0, ("b", "c"): 9.0, ("c", "a"): 9.0}
    with pytest.raises(DataError, match=r"consistency ratio [\d.]+ is over 0.1; the judgement"):
        ahp_weights(circle)
    flagged = ahp_weights(circle, on_inconsistent="flag")
    assert not flagged.consistent
    assert set(flagged.worst) < {"a", "b", "c"}


def test_judgements_that_do_not_fit() -> None:
    with pytest.raises(DataError, match="2 judgements are missing"):
        ahp_weights({("a", "b"): 2.0, ("b", "c"): 2.0} | {("a", "c"): float("inf")})
    with pytest.raises(DataError, match=r"2 judgements are missing.* \(a : c, c : a\); expected"):
        ahp_weights({("a", "b"): 2.0, ("b", "c"): 2.0})
    with pytest.raises(DataError, match=r"6 judgements are missing.* \((\w : \w, ){5}and 1 more\)"):
        ahp_weights({("a", "b"): 2.0, ("b", "c"): 2.0, ("c", "d"): 2.0})
    with pytest.raises(DataError, match="zero or negative"):
        ahp_weights({("a", "b"): 0.0})
    with pytest.raises(DataError, match="not reciprocal"):
        ahp_weights(np.array([[1.0, 2.0], [2.0, 1.0]]))
    with pytest.raises(DataError, match="expected a square"):
        ahp_weights(np.ones((2, 3)))
    with pytest.raises(DataError, match="expected a square of 2"):
        ahp_weights(np.ones((3, 3)), names=["a", "b"])
    with pytest.raises(DataError, match="rows and columns differ"):
        ahp_weights(pd.DataFrame(np.eye(2), index=["a", "b"], columns=["b", "a"]))
    with pytest.raises(DataError, match="expected 1 to 15"):
        ahp_weights(np.ones((16, 16)))


# --- entropy


def test_entropy_weights_by_hand() -> None:
    frame = pd.DataFrame({"a": [1.0, 3.0], "b": [1.0, 1.0], "c": [0.0, 4.0]})
    spread_a = 1 + (0.25 * np.log(0.25) + 0.75 * np.log(0.75)) / np.log(2)
    expected = {"a": spread_a / (spread_a + 1), "b": 0.0, "c": 1 / (spread_a + 1)}
    assert entropy_weights(frame) == pytest.approx(expected)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=20),
    st.floats(0.1, 100),
)
def test_entropy_weights_sum_to_one_and_ignore_units(
    rows: list[tuple[int, int]], unit: float
) -> None:
    frame = pd.DataFrame(rows, columns=["a", "b"], dtype=float)
    if (frame.sum() == 0).any() or (frame.nunique() == 1).all():
        return
    weights = entropy_weights(frame)
    assert sum(weights.values()) == pytest.approx(1)
    huge = frame.assign(a=np.ldexp(frame["a"] / frame["a"].max(), 1023))
    assert entropy_weights(huge) == pytest.approx(weights, abs=1e-9)
    scaled = entropy_weights(frame.assign(a=frame["a"] * unit))
    assert scaled == pytest.approx(weights, abs=1e-6)


@given(st.floats(0.01, 1e6), st.integers(2, 60))
def test_a_column_of_equal_values_has_no_weight(value: float, size: int) -> None:
    flat = pd.Series([value] * size)
    steep = pd.Series([0.0] * (size - 1) + [1.0])
    assert entropy_weights(pd.DataFrame({"flat": flat, "steep": steep})) == {"flat": 0, "steep": 1}
    with pytest.raises(DataError, match="entropy gives no weights"):
        entropy_weights(pd.DataFrame({"flat": flat, "same": flat}))


def test_entropy_refuses_values_without_weights() -> None:
    with pytest.raises(DataError, match="a: missing, infinite or negative in 1 row"):
        entropy_weights(pd.DataFrame({"a": [1.0, np.nan]}))
    with pytest.raises(DataError, match="negative"):
        entropy_weights(pd.DataFrame({"a": [1.0, -1.0]}))
    with pytest.raises(DataError, match="a: 0 in all rows"):
        entropy_weights(pd.DataFrame({"a": [0.0, 0.0]}))
    with pytest.raises(DataError, match="entropy gives no weights"):
        entropy_weights(pd.DataFrame({"a": [2.0, 2.0]}))
    with pytest.raises(DataError, match="1 rows"):
        entropy_weights(pd.DataFrame({"a": [2.0]}))


# --- combinations


def test_combined_weights() -> None:
    one, other = {"a": 0.8, "b": 0.2}, {"b": 0.6, "a": 0.4}
    assert combine_weights(one, other) == pytest.approx({"a": 0.6, "b": 0.4})
    assert combine_weights(one, other, shares=[0.25, 0.75]) == pytest.approx({"a": 0.5, "b": 0.5})
    product = combine_weights(one, other, how="product")
    assert product["a"] / product["b"] == pytest.approx((0.8 * 0.4 / (0.2 * 0.6)) ** 0.5)
    assert sum(product.values()) == pytest.approx(1)


def test_weights_that_do_not_fit() -> None:
    with pytest.raises(DataError, match=r"sum to 1\.1"):
        combine_weights({"a": 0.9, "b": 0.2})
    with pytest.raises(DataError, match="weights of 0 to 1"):
        combine_weights({"a": 1.5, "b": -0.5})
    with pytest.raises(DataError, match="missing for b, unknown c"):
        combine_weights({"a": 0.5, "b": 0.5}, {"a": 0.5, "c": 0.5})
    with pytest.raises(DataError, match="expected one each, sum 1"):
        combine_weights({"a": 1.0}, shares=[0.5])
    with pytest.raises(DataError, match="no sets"):
        combine_weights()
    with pytest.raises(DataError, match="in common"):
        combine_weights({"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 1.0}, how="product")
