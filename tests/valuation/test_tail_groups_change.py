"""The Pareto tail, the split by groups, and two states of a book compared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.valuation import (
    compare_concentration,
    concentration,
    concentration_by,
    pareto_alpha,
)

# --- tail


def test_a_pareto_sample_gives_back_its_index_and_fits() -> None:
    x = np.random.default_rng(1).pareto(1.7, 5000) + 1
    tail = pareto_alpha(x, start=1.0, replicates=60, seed=2)
    assert abs(tail.alpha - 1.7) < 3 * tail.standard_error
    assert tail.size == 5000
    assert tail.p_value is not None
    assert tail.p_value > 0.1


def test_the_start_of_the_tail_is_found() -> None:
    generator = np.random.default_rng(6)
    x = np.concatenate([generator.uniform(0, 10, 6000), 10 * (generator.pareto(2, 4000) + 1)])
    tail = pareto_alpha(x, replicates=0)
    assert tail.start == pytest.approx(10, rel=0.35)
    assert tail.alpha == pytest.approx(2, rel=0.12)
    assert tail.p_value is None


@given(st.floats(0.3, 200), st.integers(50, 200))
def test_quantiles_of_a_power_law_give_back_its_index(alpha: float, size: int) -> None:
    """Steep tails as well, whose values hardly differ."""
    x = 10 * (1 - (np.arange(size) + 0.5) / size) ** (-1 / alpha)
    tail = pareto_alpha(x, start=10.0, replicates=0)
    assert tail.alpha == pytest.approx(alpha, rel=0.02)
    assert tail.size == size
    assert tail.start == 10
    assert tail.standard_error == pytest.approx(tail.alpha / size**0.5)
    assert tail.distance == pytest.approx(0.5 / size, abs=0.02)


def test_an_exponential_book_has_no_power_law() -> None:
    x = np.random.default_rng(3).exponential(1, 4000)
    tail = pareto_alpha(x, start=0.05, replicates=40, seed=1)
    assert tail.p_value == 0


def test_ties_and_losses_do_not_break_the_tail() -> None:
    x = np.concatenate([-np.ones(50), np.zeros(50), np.floor(50 * (np.arange(1, 400) / 400) ** -1)])
    assert pareto_alpha(x, replicates=5, seed=1).alpha > 0


def test_a_tail_needs_values() -> None:
    with pytest.raises(DataError, match="no tail of 50"):
        pareto_alpha([1.0, 2.0, 3.0], replicates=0)
    with pytest.raises(DataError, match="no tail of 50"):
        pareto_alpha(np.ones(100), replicates=0)
    with pytest.raises(DataError, match="above 1000"):
        pareto_alpha(np.arange(1.0, 100), start=1000, replicates=0)
    with pytest.raises(DataError, match="seed"):
        pareto_alpha(np.arange(1.0, 100))


# --- groups

grouped = st.lists(
    st.tuples(st.integers(0, 1000), st.sampled_from("abc")), min_size=2, max_size=50
).map(lambda rows: pd.DataFrame(rows, columns=["profit", "branch"]))


@given(grouped)
def test_theil_splits_exactly_and_gini_with_its_overlap(book: pd.DataFrame) -> None:
    assume(book["profit"].sum() > 0)
    split = concentration_by(book, "profit", "branch")
    assert split.theil is not None
    assert split.theil_within is not None
    assert split.theil_between is not None
    assert split.theil == pytest.approx(split.theil_within + split.theil_between, abs=1e-10)
    parts = split.gini_within + split.gini_between + split.gini_overlap
    assert split.gini == pytest.approx(parts, abs=1e-12)
    assert split.gini_overlap >= -1e-9
    assert split.groups["customers"].sum() == len(book)
    assert split.groups["share"].sum() == pytest.approx(1)


def test_groups_that_do_not_overlap_leave_no_overlap_term() -> None:
    book = pd.DataFrame({"profit": [1.0, 2, 3, 10, 20, 30], "branch": list("aaabbb")})
    split = concentration_by(book, "profit", "branch")
    assert split.gini_overlap == pytest.approx(0, abs=1e-12)
    assert split.groups.loc["b", "mean"] == 20
    assert split.groups.loc["a", "gini"] == pytest.approx(concentration([1.0, 2, 3]).gini)


def test_a_losing_group_has_its_part_but_no_figure_of_its_own() -> None:
    book = pd.DataFrame({"profit": [-5.0, -1, 30, 40], "branch": list("aabb")})
    split = concentration_by(book, "profit", "branch")
    assert np.isnan(split.groups.loc["a", "gini"])
    assert np.isnan(split.groups.loc["a", "top_fifth"])
    assert split.theil is None
    assert split.gini == pytest.approx(concentration(book["profit"]).gini)
    assert split.gini_overlap == pytest.approx(0, abs=1e-12)


def test_bad_groups() -> None:
    book = pd.DataFrame({"profit": [1.0, 2.0], "branch": ["a", None]})
    with pytest.raises(DataError, match="missing column region"):
        concentration_by(book, "profit", "region")
    with pytest.raises(DataError, match="null in 1 row"):
        concentration_by(book, "profit", "branch")


# --- change

pairs = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=3, max_size=30)


@given(pairs)
def test_the_effects_of_the_movers_sum_to_the_change(rows: list[tuple[int, int]]) -> None:
    before, after = (pd.Series(v, dtype=float) for v in zip(*rows, strict=True))
    assume(before.sum() > 0 and after.sum() > 0)
    change = compare_concentration(before, after, seed=1, replicates=20)
    difference = concentration(after).gini - concentration(before).gini
    assert change.gini.estimate == pytest.approx(difference, abs=1e-12)
    assert change.movers is not None
    assert change.movers["effect"].sum() == pytest.approx(difference, abs=1e-9)
    dominates = {"more_equal": difference < 1e-9, "less_equal": difference > -1e-9}
    assert dominates.get(change.dominance, True)


def test_dominance() -> None:
    equal, skewed = np.array([3.0, 3, 3, 3]), np.array([1.0, 2, 3, 6])
    assert compare_concentration(skewed, equal, seed=1, replicates=20).dominance == "more_equal"
    assert compare_concentration(equal, skewed, seed=1, replicates=20).dominance == "less_equal"
    assert compare_concentration(equal, equal * 2, seed=1, replicates=20).dominance == "same"
    crossing = compare_concentration([1.0, 1, 1, 9], [0.0, 3, 3, 6], seed=1, replicates=20)
    assert crossing.dominance == "crossing"
    assert crossing.movers is None


def test_new_and_lost_customers_are_movers() -> None:
    before = pd.Series({"ann": 1.0, "bob": 1.0, "cid": 1.0})
    after = pd.Series({"bob": 1.0, "cid": 1.0, "dan": 10.0})
    change = compare_concentration(before, after, seed=5, replicates=50)
    assert change.movers is not None
    assert set(change.movers.index) == {"ann", "bob", "cid", "dan"}
    assert change.movers.index[0] == "dan"
    assert change.movers.loc["ann", "after"] == 0
    assert change.movers["effect"].sum() == pytest.approx(concentration(after).gini)


def test_a_book_that_grows_keeps_its_effects_in_balance() -> None:
    before = pd.Series({"ann": 1.0, "bob": 4.0})
    after = pd.Series({"ann": 2.0, "bob": 4.0, "cid": 5.0, "dan": 9.0})
    change = compare_concentration(before, after, seed=5, replicates=50)
    assert change.movers is not None
    assert change.movers["effect"].sum() == pytest.approx(change.gini.estimate)


def test_a_change_has_the_method_of_its_interval() -> None:
    found = compare_concentration(
        [1.0, 1, 1, 9], [0.0, 3, 6], seed=1, confidence=0.5, replicates=50
    ).gini
    assert (found.method, found.confidence, found.sample_size) == ("bootstrap", 0.5, 3)
    wide = compare_concentration(
        [1.0, 1, 1, 9], [0.0, 3, 6], seed=1, confidence=0.9, replicates=50
    ).gini
    assert wide.lower < found.lower < found.upper < wide.upper


def test_paired_customers_give_a_narrower_interval() -> None:
    x = np.random.default_rng(7).lognormal(0, 1, 800)
    y = x * np.random.default_rng(8).uniform(0.9, 1.1, 800)
    paired = compare_concentration(pd.Series(x), pd.Series(y), seed=1, replicates=200).gini
    apart = compare_concentration(x, y, seed=1, replicates=200).gini
    assert paired.upper - paired.lower < 0.3 * (apart.upper - apart.lower)


def test_bad_states() -> None:
    with pytest.raises(DataError, match=r"customers with several rows \(a\)"):
        compare_concentration(pd.Series([1.0, 2], index=["a", "a"]), pd.Series([1.0, 2]), seed=1)
    with pytest.raises(DataError, match="total above 0"):
        compare_concentration([0.0, 0.0], [1.0, 2.0], seed=1)
    with pytest.raises(DataError, match="values: no resampled book has a total above 0"):
        compare_concentration([0.0, 0, 0, 0, 0, 1], [1.0, 2], seed=0, replicates=1)


@pytest.mark.parametrize("power", [-1000, -600, 600, 1000])
def test_groups_and_changes_of_amounts_of_any_size(power: int) -> None:
    data = pd.DataFrame({"profit": [1.0, 3, 2, 6, 9], "branch": list("aabbb")})
    far = data.assign(profit=np.ldexp(data["profit"], power))
    one, other = (concentration_by(d, "profit", "branch") for d in (data, far))
    for name in ("gini", "gini_within", "gini_between", "theil", "theil_within", "theil_between"):
        assert getattr(other, name) == pytest.approx(getattr(one, name)), name
    pd.testing.assert_frame_equal(
        other.groups.drop(columns=["total", "mean"]), one.groups.drop(columns=["total", "mean"])
    )
    assert np.ldexp(other.groups["total"], -power).tolist() == one.groups["total"].tolist()
    later = data["profit"] * [1, 1, 1, 1, 2]
    near = compare_concentration(data["profit"], later, seed=1, replicates=30)
    away = compare_concentration(
        far["profit"], pd.Series(np.ldexp(later, power)), seed=1, replicates=30
    )
    assert away.gini == near.gini
    assert away.movers["effect"].tolist() == pytest.approx(near.movers["effect"].tolist())
