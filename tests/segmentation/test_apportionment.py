"""Laws, published examples and bad input of exact apportionment."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bankcrm.errors import DataError, InfeasibleError
from bankcrm.segmentation import apportion
from bankcrm.shares.quotas import sum_exact

weights = st.lists(st.integers(0, 40), min_size=1, max_size=8).filter(any)


@st.composite
def bounded(draw: st.DrawFn) -> tuple[int, list[int], list[int], list[int]]:
    """A feasible demand with floors and caps."""
    given_weights = draw(weights)
    low = [draw(st.integers(0, 9)) for _ in given_weights]
    high = [floor + draw(st.integers(0, 12)) for floor in low]
    most = sum(h if w else lo for w, lo, h in zip(given_weights, low, high, strict=True))
    return draw(st.integers(sum(low), most)), given_weights, low, high


def water_filling(total: int, w: list[int], low: list[int], high: list[int]) -> list[Fraction]:
    """The continuous solution in exact fractions, by trying every segment of the level."""

    def shares(level: Fraction) -> list[Fraction]:
        return [
            min(max(x * level, Fraction(lo)), Fraction(hi))
            for x, lo, hi in zip(w, low, high, strict=True)
        ]

    breaks = {Fraction(b, x) for x, lo, hi in zip(w, low, high, strict=True) if x for b in (lo, hi)}
    points = sorted({Fraction(0), *breaks})
    below = max(p for p in points if sum(shares(p)) <= total)
    above = min((p for p in points if sum(shares(p)) >= total), default=below)
    used, most = sum(shares(below)), sum(shares(above))
    if most == used:
        return shares(below)
    return shares(below + (total - used) * (above - below) / (most - used))


def by_hand(total: int, w: list[int], low: list[int], high: list[int]) -> list[int]:
    """Largest remainders on the exact fractions, slowly."""
    quota = water_filling(total, w, low, high)
    share = [int(q) for q in quota]
    order = sorted(range(len(w)), key=lambda i: (-(quota[i] - share[i]), -w[i], i))
    for i in order[: total - sum(share)]:
        share[i] += 1
    return share


def test_published_hamilton_example() -> None:
    votes = [47_000, 16_000, 15_800, 12_000, 6_100, 3_100]
    assert apportion(10, votes).tolist() == [5, 2, 1, 1, 1, 0]


def test_equal_remainders_go_to_the_larger_weight_then_to_the_earlier() -> None:
    assert apportion(2, [1, 3]).tolist() == [0, 2]
    assert apportion(1, [1, 1]).tolist() == [1, 0]
    low, high = [3, 5, 4, 3, 4, 2], [9, 11, 9, 7, 4, 7]
    assert apportion(31, [10, 4, 6, 0, 5, 10], floors=low, caps=high).tolist() == [8, 5, 4, 3, 4, 7]


@pytest.mark.parametrize("scale", [1, 0.25])
def test_a_share_that_only_just_passes_its_cap_is_held_there(scale: float) -> None:
    """The level is 3.4 or so a unit of weight: the capped one leaves the rest to the others."""
    weights = np.array([1, 1, 1]) * scale
    assert apportion(10, weights, caps=[3, 10, 10]).tolist() == [3, 4, 3]
    weights = np.array([5, 5, 1, 8]) * scale
    shares = apportion(12, weights, floors=[4, 2, 0, 0], caps=[5, 9, 2, 7])
    assert shares.tolist() == by_hand(12, [5, 5, 1, 8], [4, 2, 0, 0], [5, 9, 2, 7])


def test_alabama_paradox_is_kept_and_documented() -> None:
    """One more unit takes one away from the smallest: a known trait of Hamilton's method."""
    assert apportion(10, [6, 6, 2]).tolist() == [4, 4, 2]
    assert apportion(11, [6, 6, 2]).tolist() == [5, 5, 1]


@given(st.integers(0, 10**15), weights)
def test_sum_is_exact_and_quota_holds(total: int, w: list[int]) -> None:
    shares = apportion(total, w).tolist()
    assert sum(shares) == total
    for share, weight in zip(shares, w, strict=True):
        quota = Fraction(total * weight, sum(w))
        assert int(quota) <= share <= -int(-quota // 1)


@given(bounded())
def test_equals_exact_fractions_under_floors_and_caps(
    demand: tuple[int, list[int], list[int], list[int]],
) -> None:
    total, w, low, high = demand
    shares = apportion(total, w, floors=low, caps=high)
    assert shares.tolist() == by_hand(total, w, low, high)


@given(
    bounded(),
    st.sampled_from([0.1, 0.37, 1e-9, 1e9]),
)
def test_floats_keep_sum_floors_and_caps(
    demand: tuple[int, list[int], list[int], list[int]], scale: float
) -> None:
    total, w, low, high = demand
    shares = apportion(total, np.array(w) * scale, floors=low, caps=high)
    assert shares.sum() == total
    assert (shares >= low).all()
    assert (shares <= high).all()
    quotas = water_filling(total, w, low, high)
    assert all(abs(int(s) - q) <= 1 for s, q in zip(shares, quotas, strict=True))


@given(st.integers(0, 10**6), st.integers(1, 30), st.floats(1e-6, 1e6))
def test_equal_weights_differ_by_at_most_one(total: int, size: int, weight: float) -> None:
    shares = apportion(total, np.full(size, weight))
    assert shares.max() - shares.min() <= 1
    assert (np.diff(shares) <= 0).all(), "what is left goes to the earlier positions"


@given(st.integers(0, 10**6), weights)
def test_permuting_receivers_permutes_shares(total: int, w: list[int]) -> None:
    assume(len(set(w)) == len(w))
    order = np.random.default_rng(len(w) + total).permutation(len(w))
    shares = apportion(total, w)
    assert apportion(total, np.array(w)[order]).tolist() == shares[order].tolist()


@given(st.integers(0, 10**6), weights, st.integers(1, 1000))
def test_scaling_whole_weights_changes_nothing(total: int, w: list[int], scale: int) -> None:
    assert apportion(total, w).tolist() == apportion(total, [x * scale for x in w]).tolist()


SCALES = st.sampled_from([0.1, 1 / 3, 0.37, 1e-9, 1e9, 1e-290, 1e290, 5e-324 * 2.0**60, 2.0**960])


@given(bounded(), SCALES, st.booleans())
def test_only_the_proportions_count(
    demand: tuple[int, list[int], list[int], list[int]], scale: float, free: bool
) -> None:
    """Equal proportions share alike, to the last unit and tie, however the floats round."""
    total, w, low, high = demand
    bounds = {} if free else {"floors": low, "caps": high}
    shares = by_hand(total, w, [0] * len(w) if free else low, [total] * len(w) if free else high)
    assert apportion(total, np.array(w) * scale, **bounds).tolist() == shares
    assert apportion(total, [x / 1000 for x in w], **bounds).tolist() == shares


@given(st.integers(0, 10**15), st.lists(st.floats(0, allow_infinity=False), min_size=1).filter(any))
def test_any_floats_share_as_their_exact_fractions(total: int, w: list[float]) -> None:
    """Oracle: largest remainders on the binary values, unless all are simple fractions."""
    exact = [Fraction(p) for p in _as_given(w)]
    quota = [total * x / sum(exact) for x in exact]
    share = [int(q) for q in quota]
    order = sorted(range(len(w)), key=lambda i: (-(quota[i] - share[i]), -w[i], i))
    for i in order[: total - sum(share)]:
        share[i] += 1
    assert apportion(total, w).tolist() == share


def _as_given(w: list[float]) -> list[Fraction]:
    top = Fraction(max(w))
    near = [(Fraction(x) / top).limit_denominator(10**6) for x in w]
    simple = all(
        abs(f * top - Fraction(x)) <= Fraction(x) / 2**50 for f, x in zip(near, w, strict=True)
    )
    return near if simple else [Fraction(x) for x in w]


def test_proportions_of_the_issue() -> None:
    assert apportion(2, [0.1, 0.1, 0.4]).tolist() == apportion(2, [1, 1, 4]).tolist() == [0, 0, 2]
    assert apportion(3, [0.1, 0.2, 0.3]).tolist() == apportion(3, [1, 2, 3]).tolist()
    assert apportion(2, [5e-324, 5e-324, 4 * 5e-324]).tolist() == [0, 0, 2]
    assert apportion(10**18, [1e308, 1e308, 1e-300]).tolist() == [5 * 10**17, 5 * 10**17, 0]


def test_huge_weights_and_totals_stay_exact_in_sum() -> None:
    """Where the products leave 64 bits, longer whole numbers decide."""
    shares = apportion(10**18, [2**62, 2**62, 1])
    assert sum(shares.tolist()) == 10**18
    assert shares.tolist()[:2] == [5 * 10**17] * 2
    assert sum_exact(np.array([2**62] * 5)) == 5 * 2**62
    assert apportion(1, [2**53, 2**53 + 1]).tolist() == [0, 1], "floats take them for equal"


def test_rounding_of_quotas_cannot_lose_a_unit() -> None:
    """Large totals over awkward fractions: the floats are off by many units, the sum by none."""
    w = np.random.default_rng(1).gamma(0.3, 1.0, 1000)
    for total in (10**17 + 1, 2**61 - 1):
        assert sum(apportion(total, w).tolist()) == total
        capped = apportion(total, w, floors=1, caps=total // 3)
        assert sum(capped.tolist()) == total
        assert capped.max() <= total // 3


def test_nothing_to_share_and_nobody_to_share_with() -> None:
    assert apportion(0, [3, 4]).tolist() == [0, 0]
    assert apportion(0, []).tolist() == []
    assert apportion(0, [0, 0]).tolist() == [0, 0]
    assert apportion(7, [True, False]).tolist() == [7, 0]
    assert apportion(4, [1, 1], caps=[np.inf, 1]).tolist() == [3, 1]


@pytest.mark.parametrize(
    ("total", "w", "bounds", "message"),
    [
        (-1, [1], {}, "total: -1 is negative"),
        (1.5, [1], {}, "total: 1.5 is not a whole number"),
        (True, [1], {}, "not a whole number"),
        (2**63, [1], {}, f"too large; at most {2**62 - 1}"),
        (1, [1, -2], {}, r"weights: 1 negative: \[1\] = -2"),
        (1, [1, np.nan], {}, "weights: 1 not finite"),
        (1, [[1, 2]], {}, "one dimension"),
        (1, [1], {"floors": [0.5]}, "floors: 1 not whole"),
        (1, [1], {"floors": ["a"]}, "floors: expected whole numbers"),
        (1, [1], {"caps": [1, 2]}, "caps: "),
        (1, [1], {"caps": [-1]}, "caps: 1 negative"),
    ],
)
def test_bad_input_is_named(
    total: int, w: list[float], bounds: dict[str, list[float]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        apportion(total, w, **bounds)


@pytest.mark.parametrize(
    ("total", "w", "bounds", "message"),
    [
        (5, [1, 1], {"floors": [3, 3]}, "floors: they add up to 6, more than the total of 5"),
        (5, [1, 1], {"caps": [2, 2]}, "caps and zero weights: at most 4"),
        (5, [1, 0], {"caps": [2, 9]}, "at most 2"),
        (5, [0, 0], {}, "no weight is above zero"),
        (5, [1, 1], {"floors": [3, 0], "caps": [2, 9]}, r"first \[0\]: 3 > 2"),
    ],
)
def test_infeasible_demand_names_the_constraint(
    total: int, w: list[int], bounds: dict[str, list[int]], message: str
) -> None:
    with pytest.raises(InfeasibleError, match=message):
        apportion(total, w, **bounds)
