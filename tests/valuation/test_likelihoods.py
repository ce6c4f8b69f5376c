"""The models of purchases and amounts, against their densities written out and integrated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import beta as beta_function
from scipy.special import gamma as gamma_function
from scipy.stats import betaprime

from bankcrm.errors import DataError
from bankcrm.valuation.lifetime import spend
from bankcrm.valuation.lifetime.cells import Cells, Floats, Score
from bankcrm.valuation.lifetime.fit import KERNELS, PurchaseModelName
from bankcrm.valuation.lifetime.maximise import maximise

MODELS = tuple(sorted(KERNELS))
shapes = st.tuples(*[st.floats(0.2, 4.0)] * 4)


def printed_parts(
    model: str, p: tuple[float, ...], x: int, span: float, age: float
) -> tuple[float, float]:
    """The likelihood of a history in two parts: the customer is alive, or has dropped out."""
    if model == "bg_bb":
        alpha, b, gamma, delta = p
        lives = [
            beta_function(alpha + x, b + n - x) / beta_function(alpha, b)
            * beta_function(gamma + died, delta + n) / beta_function(gamma, delta)
            for n, died in [(age, 0), *((n, 1) for n in np.arange(span, age))]
        ]  # fmt: skip
        return lives[0], sum(lives[1:])
    r, alpha, a, b = p
    bought = gamma_function(r + x) / gamma_function(r) * alpha**r
    if model == "pareto_nbd":
        dead = quad(
            lambda t: (alpha + t) ** -(r + x) * a * b**a * (b + t) ** -(a + 1), span, age,
            epsrel=1e-11,
        )[0]  # fmt: skip
        return bought * (alpha + age) ** -(r + x) * (b / (b + age)) ** a, bought * dead
    chances = x + (model == "mbg_nbd")
    alive = beta_function(a, b + chances) / beta_function(a, b) * (alpha + age) ** -(r + x)
    dead = beta_function(a + 1, b + chances - 1) * (alpha + span) ** -(r + x) if chances else 0.0
    return bought * alive, bought * dead / beta_function(a, b)


def printed_future(model: str, p: tuple[float, ...], x: int, age: float, time: float) -> float:
    """Expected purchases of a customer who is alive, as an integral or a sum over the time."""
    if model == "bg_bb":  # alive after the last period that was seen, not yet in the next one
        alpha, b, gamma, delta = p
        stays = [
            beta_function(gamma, delta + age + n) / beta_function(gamma, delta + age)
            for n in range(1, int(time) + 1)
        ]
        return sum(stays) * (alpha + x) / (alpha + b + age)
    r, alpha, a, b = p
    if model == "pareto_nbd":
        lived = quad(lambda t: ((b + age) / (b + age + t)) ** a, 0, time, epsrel=1e-11)[0]
        return float((r + x) / (alpha + age) * lived)
    chances = x + (model == "mbg_nbd")

    def until_gone(drop: float) -> float:
        """Purchases to come of one who drops out after each with this chance."""
        drop = max(drop, 1e-12)
        return float(-np.expm1(-(r + x) * np.log1p(drop * time / (alpha + age))) / drop)

    found = quad(until_gone, 0, 1, weight="alg", wvar=(a - 1, b + chances - 1), epsrel=1e-10)[0]
    return float(found / beta_function(a, b + chances))


def history(model: str, x: int, recent: float, age: int) -> tuple[int, float]:
    """A history that fits the model: repeats, and the time of the last one."""
    if x == 0:
        return 0, 0.0
    if model == "bg_bb":
        return min(x, age), float(max(round(recent * age), min(x, age)))
    return x, recent * age


@given(st.sampled_from(MODELS), shapes, st.integers(0, 6), st.floats(0.1, 1.0), st.integers(1, 20))
def test_a_model_is_its_printed_density(
    model: PurchaseModelName, p: tuple[float, ...], x: int, recent: float, age: int
) -> None:
    x, span = history(model, x, recent, age)
    alive, dead = printed_parts(model, p, x, span, age)
    kernel, at = KERNELS[model], np.array(p)
    one = Cells(*(np.array([float(v)]) for v in (x, span, age, 3)))
    value, _ = kernel.score_of(one)(np.log(at), one.weights)
    assert value == pytest.approx(3 * np.log(alive + dead), rel=1e-7, abs=1e-7)
    state = (one.repeats, one.span, one.age)
    lives = alive / (alive + dead)
    shown = lives
    if model == "bg_bb":  # and has not dropped out before the next period
        shown *= (p[3] + age) / (p[2] + p[3] + age)
    assert kernel.alive(at, *state) == pytest.approx([shown], rel=1e-7)
    future = printed_future(model, p, x, age, 7.0)
    assert kernel.expected(at, *state, 7.0) == pytest.approx([lives * future], rel=1e-6)


def slope_of(score: Score, at: Floats, weights: Floats) -> Floats:
    """The slope of a likelihood by differences of its value."""
    steps = np.eye(len(at)) * 1e-5
    return np.array([(score(at + s, weights)[0] - score(at - s, weights)[0]) / 2e-5 for s in steps])


@given(st.sampled_from(MODELS), shapes, st.integers(0, 2**31))
def test_the_slope_is_that_of_the_likelihood(
    model: PurchaseModelName, p: tuple[float, ...], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x = np.array([0.0, 0, 1, 2, 5, 5])
    age = rng.integers(6, 12, 6).astype(np.float64)
    span = np.where(x > 0, np.maximum(x, rng.integers(1, age + 1)), 0.0)
    weights = rng.integers(1, 9, 6).astype(np.float64)
    score, at = KERNELS[model].score_of(Cells(x, span, age, weights)), np.log(p)
    np.testing.assert_allclose(score(at, weights)[1], slope_of(score, at, weights), atol=1e-5)


@given(st.floats(0.2, 9), st.floats(0.2, 9), st.floats(0.5, 50), st.integers(0, 2**31))
def test_mean_amounts_have_a_beta_prime_distribution(
    p: float, q: float, v: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x = np.array([1.0, 1, 2, 7])
    z, weights = rng.uniform(1, 90, 4), np.array([1.0, 2, 3, 4])
    score, at = spend._score_of(x, z), np.log([p, q, v])
    value, slope = score(at, weights)
    assert value == pytest.approx(weights @ betaprime.logpdf(z, p * x, q, scale=v / x), rel=1e-9)
    np.testing.assert_allclose(slope, slope_of(score, at, weights), atol=1e-5)


def hill(top: Floats, shape: Floats, power: int) -> Score:
    """A likelihood with its highest point at the logarithms ``top``."""

    def score(at: Floats, weights: Floats) -> tuple[float, Floats]:
        off = at - top
        square = float(off @ shape @ off)
        value = -weights.sum() * (1 + square) ** power
        return value, -2 * power * weights.sum() * (1 + square) ** (power - 1) * (shape @ off)

    return score


@settings(max_examples=10)
@given(st.lists(st.floats(-6, 6), min_size=3, max_size=3), st.integers(0, 2**31), st.integers(1, 2))
def test_the_highest_point_is_found_with_its_curvature(
    top: list[float], seed: int, power: int
) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(3, 3))
    shape = (root @ root.T + np.eye(3)) / 500  # so flat that the slope alone shows no top
    start = np.array([1.0, 2.0, 5.0])
    weights = np.array([3.0, 4.0])
    found = maximise(hill(np.array(top), shape, power), weights, start, "hill")
    np.testing.assert_allclose(np.log(found.parameters), top, atol=1e-7)
    assert found.log_likelihood == pytest.approx(-7)
    curve = -2 * power * 7 * shape
    np.testing.assert_allclose(found.curvature, curve, rtol=1e-4, atol=1e-5)
    size = np.outer(found.parameters, found.parameters)
    np.testing.assert_allclose(
        found.covariance() / size, np.linalg.inv(-curve), rtol=1e-3, atol=1e-4
    )


def test_a_likelihood_that_always_rises_ends_at_the_edge() -> None:
    """The edge is a factor of e^12 from the start; no covariance is known there."""
    for way, factor in ((1.0, np.exp(12)), (-1.0, np.exp(-12)), (1e-8, 1.0)):

        def rising(at: Floats, weights: Floats, way: float = way) -> tuple[float, Floats]:
            off = at[1] - 1
            return float(way * at[0] - np.cosh(off)), np.array([way, -np.sinh(off)])

        found = maximise(rising, np.ones(2), np.array([3.0, 1.0]), "rising")
        assert found.parameters == pytest.approx([3 * factor, np.e], rel=1e-5)
        assert np.isnan(found.covariance()).all()


def test_a_likelihood_without_a_flat_top_is_refused() -> None:
    def tent(at: Floats, _: Floats) -> tuple[float, Floats]:
        return float(-np.abs(at - 0.3).sum()), np.where(at < 0.3, 1.0, -1.0)

    def nowhere(at: Floats, _: Floats) -> tuple[float, Floats]:
        return np.nan, np.zeros(len(at))

    for score in (tent, nowhere):
        with pytest.raises(DataError, match=r"tent: no parameters .* for 1,200 customers"):
            maximise(score, np.full(2, 600.0), np.ones(2), "tent")
