"""Markov chains: published figures first, then laws against closed forms and simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import beta, poisson

from bankcrm.errors import DataError
from bankcrm.lifecycle import (
    absorption_times,
    expected_reward,
    markov_value,
    markov_value_interval,
    steady_state,
)

REPURCHASE = (0.3, 0.2, 0.15, 0.05)


def recency_chain(chances: tuple[float, ...]) -> np.ndarray:
    """Recency 1, 2, ... and former customer: a purchase leads back to 1."""
    size = len(chances) + 1
    matrix = np.zeros((size, size))
    for i, p in enumerate(chances):
        matrix[i, 0], matrix[i, i + 1] = p, 1 - p
    matrix[-1, -1] = 1
    return matrix


def bonus_malus(rate: float, classes: int = 5) -> np.ndarray:
    """A year without a claim leads one class down, one claim one up, two or more two up."""
    none, one = poisson.pmf([0, 1], rate)
    matrix = np.zeros((classes, classes))
    for i in range(classes):
        matrix[i, max(i - 1, 0)] += none
        matrix[i, min(i + 1, classes - 1)] += one
        matrix[i, min(i + 2, classes - 1)] += 1 - none - one
    return matrix


@pytest.mark.parametrize(
    ("horizon", "printed"),
    [
        (4, [50.1150, 4.2199, 0.5921, -1.9801, 0]),
        (None, [52.3196, 5.5538, 1.2508, -1.8200, 0]),
    ],
)
def test_pfeifer_and_carraway(horizon: int | None, printed: list[float]) -> None:
    value = markov_value(
        recency_chain(REPURCHASE), [36, -4, -4, -4, 0], discount=0.2, horizon=horizon
    )
    assert value.round(4).tolist() == printed


def test_pfeifer_and_carraway_stopping_after_recency_three() -> None:
    value = markov_value(recency_chain(REPURCHASE[:3]), [36, -4, -4, 0], discount=0.2)
    assert value.round(4).tolist() == [53.1494, 6.6207, 2.6437, 0]


def test_telephone_chain_at_year_five() -> None:
    reward = expected_reward([[0.9, 0.1], [0.05, 0.95]], [79, -2], period=5)
    assert round(reward[0], 5) == 48.96009


def test_bonus_malus_steady_state() -> None:
    share = steady_state(bonus_malus(0.05))
    assert share.name == "share"
    assert share.round(6).tolist()[:4] == [0.947459, 0.048577, 0.003695, 0.000251]
    assert round(share[4], 7) == 0.0000176


chains = arrays(np.float64, (4, 4), elements=st.floats(0.01, 1)).map(
    lambda a: a / a.sum(axis=1, keepdims=True)
)
rewards = arrays(np.float64, 4, elements=st.floats(-100, 100))


@given(chains)
def test_steady_state_is_kept_by_the_chain_and_is_its_far_future(matrix: np.ndarray) -> None:
    share = steady_state(matrix).to_numpy()
    assert np.allclose(share @ matrix, share)
    assert np.isclose(share.sum(), 1)
    assert np.allclose(np.linalg.matrix_power(matrix, 5000), share, atol=1e-8)


@given(chains, rewards, st.floats(0.01, 0.5), st.integers(0, 30))
def test_value_is_the_discounted_sum_of_expected_rewards(
    matrix: np.ndarray, reward: np.ndarray, discount: float, horizon: int
) -> None:
    terms = [
        expected_reward(matrix, reward, period=t) / (1 + discount) ** t for t in range(horizon + 1)
    ]
    value = markov_value(matrix, reward, discount=discount, horizon=horizon)
    assert np.allclose(value, sum(terms))


@given(chains, rewards, st.floats(0.05, 0.5))
def test_endless_value_is_what_long_horizons_come_to(
    matrix: np.ndarray, reward: np.ndarray, discount: float
) -> None:
    endless = markov_value(matrix, reward, discount=discount)
    assert np.allclose(endless, markov_value(matrix, reward, discount=discount, horizon=900))


def test_pfeifer_and_carraway_undiscounted() -> None:
    """The former customer earns nothing, so that the sum over all periods is finite."""
    matrix, reward = recency_chain(REPURCHASE), [36, -4, -4, -4, 0]
    value = markov_value(matrix, reward, discount=0)
    assert np.allclose(value, markov_value(matrix, reward, discount=0, horizon=400))
    rng, worth = np.random.default_rng(7), []
    for _ in range(20_000):
        stage, earned = 0, 0.0
        while stage < 4:
            earned += reward[stage]
            stage = 0 if rng.random() < REPURCHASE[stage] else stage + 1
        worth.append(earned)
    assert np.mean(worth) == pytest.approx(value[0], abs=4 * np.std(worth) / len(worth) ** 0.5)


@st.composite
def ending_chains(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Three stages that may lead to each other, and to two that are never left and earn nothing."""
    open_ = draw(arrays(np.float64, (3, 5), elements=st.sampled_from([0.0, 0.2, 0.5, 1.0])))
    open_[:, 4] += 0.1
    matrix = np.vstack([open_ / open_.sum(axis=1, keepdims=True), np.eye(5)[3:]])
    reward = draw(arrays(np.float64, 3, elements=st.floats(-100, 100)))
    return matrix, np.append(reward, [0.0, 0.0])


@given(ending_chains(), st.sampled_from([0.0, -0.02, 1e-13, 0.1]))
def test_where_rewards_end_any_rate_gives_the_sum(
    chain: tuple[np.ndarray, np.ndarray], discount: float
) -> None:
    """The oracle is the plain sum; a customer leaves with a chance of 1 in 31 or more a period."""
    matrix, reward = chain
    value = markov_value(matrix, reward, discount=discount)
    assert np.allclose(value, markov_value(matrix, reward, discount=discount, horizon=4000))
    assert value[3] == value[4] == 0


@given(chains, rewards)
def test_rewards_that_cancel_out_have_a_finite_sum(matrix: np.ndarray, reward: np.ndarray) -> None:
    reward = reward - steady_state(matrix).to_numpy() @ reward
    if np.abs(reward).max() < 1e-6:
        return
    value = markov_value(matrix, reward, discount=0)
    assert np.allclose(value, markov_value(matrix, reward, discount=0, horizon=2000), atol=1e-6)


@pytest.mark.parametrize(
    ("matrix", "reward", "discount", "message"),
    [
        ([[0.5, 0.5], [0.0, 1.0]], [1, 2], 0, r"is infinite, 2 a period, .*earning: 1 2; give"),
        ([[0.5, 0.5], [0.5, 0.5]], [1, 2], 0, "is infinite, 1.5 a period"),
        ([[0.0, 1.0], [1.0, 0.0]], [1, -1], 0, "swings for ever"),
        ([[0.5, 0.5], [0.0, 1.0]], [1, 0], -0.6, "is infinite: rewards grow faster"),
    ],
)
def test_values_without_a_limit_are_refused(
    matrix: list[list[float]], reward: list[float], discount: float, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        markov_value(matrix, reward, discount=discount)
    assert np.isfinite(markov_value(matrix, reward, discount=discount, horizon=9)).all()


def test_stages_that_never_earn_do_not_count() -> None:
    """From stage 1 on nothing is earned, whatever the rate and however long."""
    value = markov_value([[0.5, 0.5], [0.0, 1.0]], [1, 0], discount=-0.2)
    assert value.tolist() == pytest.approx([1 / (1 - 0.5 / 0.8), 0])
    assert markov_value([[1.0]], [0], discount=0).tolist() == [0]


@given(chains)
def test_absorption_times_solve_the_first_step_equations(matrix: np.ndarray) -> None:
    frame = pd.DataFrame(matrix, index=list("abcd"), columns=list("abcd"))
    result = absorption_times(frame, absorbing=["d"])
    periods = result["periods"].to_numpy()
    assert periods[3] == 0
    assert np.allclose(periods[:3], 1 + (matrix @ periods)[:3])
    assert np.allclose(result["d"], 1)


def test_absorption_of_the_geometric_and_the_gambler() -> None:
    assert absorption_times([[0.8, 0.2], [0, 1]])["periods"].round(9).tolist() == [5, 0]
    # A fair game from 1 of 3: 1 * (3 - 1) = 2 rounds on average, won with chance 1/3.
    ruin = absorption_times([[1, 0, 0, 0], [0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5], [0, 0, 0, 1]])
    assert ruin["periods"].round(9).tolist() == [0, 2, 2, 0]
    assert ruin[3].round(9).tolist() == [0, round(1 / 3, 9), round(2 / 3, 9), 1]


def test_absorption_that_is_not_certain_takes_for_ever() -> None:
    matrix = pd.DataFrame(
        [[0.5, 0.25, 0.25], [0, 1, 0], [0, 0, 1]], index=list("abc"), columns=list("abc")
    )
    result = absorption_times(matrix, absorbing=["b"])
    assert result["periods"].tolist() == [np.inf, 0, np.inf]
    assert result["b"].tolist() == [0.5, 1, 0]


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[0.5, 0.5], [0.5, 0.6]], "add up to 1"),
        ([[0.5, 0.5], [1.5, -0.5]], "add up to 1"),
        ([[0.5, np.nan], [0.5, 0.5]], "add up to 1"),
        ([[0.5, 0.5]], "square"),
        (pd.DataFrame([[1.0, 0], [0, 1]], index=["a", "b"], columns=["b", "a"]), "order"),
    ],
)
def test_what_is_no_transition_matrix_is_refused(matrix: object, message: str) -> None:
    for call in (
        lambda: steady_state(matrix),
        lambda: absorption_times(matrix),
        lambda: markov_value(matrix, [1, 1], discount=0.1),
    ):
        with pytest.raises(DataError, match=message):
            call()


def test_a_chain_with_two_ends_has_no_single_steady_state() -> None:
    with pytest.raises(
        DataError, match=r"2 sets of stages are never left \(0; 1\).*use absorption_times"
    ):
        steady_state([[1, 0], [0, 1]])


def test_rewards_go_by_name() -> None:
    matrix = pd.DataFrame([[0.5, 0.5], [0.0, 1.0]], index=["a", "b"], columns=["a", "b"])
    by_name = markov_value(matrix, {"b": 0, "a": 10}, discount=0.1, horizon=1)
    assert by_name.to_dict() == pytest.approx({"a": 10 + 5 / 1.1, "b": 0})
    with pytest.raises(DataError, match="too many or missing: b, c"):
        markov_value(matrix, {"a": 1, "c": 2}, discount=0.1)
    with pytest.raises(DataError, match="2 numbers, one for each of a, b"):
        markov_value(matrix, [1, 2, 3], discount=0.1)
    with pytest.raises(DataError, match=r"null or infinite in 1 row \(stage b\)"):
        markov_value(matrix, [1, np.nan], discount=0.1)


@pytest.mark.parametrize("bad", [-1, 1.5])
def test_periods_are_whole(bad: float) -> None:
    with pytest.raises(DataError, match=r"horizon: .*whole number"):
        markov_value([[1.0]], [1], discount=0.1, horizon=bad)


@pytest.mark.parametrize("discount", [0.0, -0.1])
def test_an_endless_value_needs_a_discount(discount: float) -> None:
    with pytest.raises(DataError, match="infinite"):
        markov_value([[1.0]], [1], discount=discount)
    assert markov_value([[1.0]], [1], discount=0, horizon=2)[0] == 3


def test_discounts_below_minus_one_and_missing_absorbing_stages_are_refused() -> None:
    with pytest.raises(DataError, match="above -1"):
        markov_value([[1.0]], [1], discount=-1, horizon=2)
    with pytest.raises(DataError, match="no stage is absorbing"):
        absorption_times([[0.5, 0.5], [0.5, 0.5]])
    with pytest.raises(DataError, match="no stage lost"):
        absorption_times([[0.5, 0.5], [0.5, 0.5]], absorbing=["lost"])


def test_the_value_of_a_chain_lies_in_its_interval_which_narrows_with_counts() -> None:
    stages = ["new", "active", "lost"]
    counts = pd.DataFrame([[20, 70, 10], [0, 90, 10], [0, 5, 95]], stages, stages)
    rewards = {"new": 10.0, "active": 100.0, "lost": 0.0}
    found = markov_value_interval(counts, rewards, discount=0.1, seed=1)
    share = counts.div(counts.sum(axis=1), axis=0)
    pd.testing.assert_series_equal(found["value"], markov_value(share, rewards, discount=0.1))
    assert ((found["lower"] < found["value"]) & (found["value"] < found["upper"])).all()
    many = markov_value_interval(counts * 100, rewards, discount=0.1, seed=1)
    width, narrow = (f["upper"] - f["lower"] for f in (found, many))
    assert (narrow / width).tolist() == pytest.approx([0.1] * 3, rel=0.15)
    with pytest.raises(DataError, match="nobody was in new"):
        markov_value_interval(counts.assign(new=0, active=0).mul([0, 1, 1], axis=0), rewards,
                              discount=0.1, seed=1)  # fmt: skip


@pytest.mark.parametrize("confidence", [0.95, 0.5])
def test_the_interval_of_a_chance_to_stay_is_that_of_its_beta_distribution(
    confidence: float,
) -> None:
    """The value of an active customer, 100 / (1 - stay / 1.1), grows with the chance to stay."""
    counts = pd.DataFrame([[90, 10], [0, 50]])
    chosen = {} if confidence == 0.95 else {"confidence": confidence}
    found = markov_value_interval(counts, [100, 0], discount=0.1, seed=1, **chosen)
    stay = beta(90.5, 10.5).ppf([(1 - confidence) / 2, (1 + confidence) / 2])
    assert found.loc[0, ["lower", "upper"]].tolist() == pytest.approx(
        (100 / (1 - stay / 1.1)).tolist(), rel=0.03
    )
    assert found.loc[1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("bad", [-1.0, 0.5, np.nan, np.inf])
def test_counts_are_whole_numbers_of_customers(bad: float) -> None:
    for discount, message in (
        (0.1, r"counts: no count in 1 row \(stage 0\)"),
        (0, "above 0 per period"),
    ):
        counts = pd.DataFrame([[90, bad if discount else 10], [0, 50]])
        with pytest.raises(DataError, match=message):
            markov_value_interval(counts, [100, 0], discount=discount, seed=1)


@pytest.mark.parametrize("unit", [1.0, 1e9 / 7])
def test_stages_before_rewards_that_cancel_out_have_a_finite_sum_too(unit: float) -> None:
    chain = [[0.5, 0.3, 0.2], [0.0, 0.6, 0.4], [0.0, 0.5, 0.5]]
    rewards = [unit, 4 * unit, -5 * unit]  # 5/9 and 4/9 of the time in the last two
    endless = markov_value(chain, rewards, discount=0)
    long = markov_value(chain, rewards, discount=0, horizon=400)
    assert endless.tolist() == pytest.approx(long.tolist())


def test_rewards_that_just_keep_pace_with_losses_have_no_limit() -> None:
    with pytest.raises(DataError, match="by the factor 1 per period"):
        markov_value([[0.5, 0.5], [0.0, 1.0]], [1, 0], discount=-0.5)


def test_absorption_has_the_periods_and_then_each_end() -> None:
    chain = pd.DataFrame([[0.5, 0.5], [0, 1.0]], ["on", "off"], ["on", "off"])
    assert absorption_times(chain).columns.tolist() == ["periods", "off"]
    with pytest.raises(DataError, match="found 2 by 3"):
        absorption_times(np.full((2, 3), 1 / 3))


def test_the_interval_of_a_move_that_one_customer_made() -> None:
    """The share that moved has a beta distribution with a half more on each side."""
    counts = pd.DataFrame([[9, 1], [0, 5]], ["on", "off"], ["on", "off"])
    found = markov_value_interval(counts, [1, 0], discount=0.1, seed=3, draws=20_000).loc["on"]
    stay = beta(9.5, 1.5).ppf([0.025, 0.975])
    assert found[["lower", "upper"]].tolist() == pytest.approx(1 / (1 - stay / 1.1), rel=0.03)
