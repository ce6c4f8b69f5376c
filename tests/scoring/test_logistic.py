"""The regression against a general optimiser; distinct rows against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from bankcrm.errors import DataError
from bankcrm.scoring.logistic import distinct_rows, fit_logistic


@given(st.integers(0, 10**6), st.floats(-3, 3))
def test_the_fit_has_the_highest_likelihood_wherever_it_starts(seed: int, start: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(12, 2))
    counts = rng.integers(5, 40, 12).astype(float)
    events = np.clip(rng.binomial(counts.astype(int), 0.4), 1, counts - 1).astype(float)
    design = np.column_stack([np.ones(12), x])

    def loss(beta: np.ndarray) -> float:
        p = 1 / (1 + np.exp(-design @ beta))
        return -float(events @ np.log(p) + (counts - events) @ np.log1p(-p))

    best = minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-5})
    for found in (
        fit_logistic(x, counts, events),
        fit_logistic(x, counts, events, np.array([start, -start, start])),
    ):
        assert found.coefficients == pytest.approx(best.x, abs=1e-4)
        assert found.log_likelihood == pytest.approx(-loss(found.coefficients), rel=1e-12)
        assert found.log_likelihood >= -best.fun - 1e-9
        p = 1 / (1 + np.exp(-design @ found.coefficients))
        curve = (design.T * (counts * p * (1 - p))) @ design
        assert found.covariance == pytest.approx(np.linalg.inv(curve), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("steps", [1.0, 1e-3])
def test_what_tells_the_event_without_error_is_refused(steps: float) -> None:
    x = np.arange(6.0)[:, None] * steps
    with pytest.raises(DataError, match="without error"):
        fit_logistic(x, np.full(6, 10.0), np.array([0, 0, 0, 10.0, 10, 10]))


def test_an_event_of_one_in_a_million_is_no_certainty() -> None:
    """Log odds of -18, far from where an event is no matter of chance."""
    counts, events = np.array([1e8, 1e8]), np.array([1.0, 3.0])
    found = fit_logistic(np.array([[0.0], [1.0]]), counts, events)
    odds = np.log(events / (counts - events))
    assert found.coefficients == pytest.approx([odds[0], odds[1] - odds[0]])


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans()), min_size=1))
@pytest.mark.parametrize("size", [4, 2**40])
def test_distinct_rows_are_those_of_numpy(size: int, rows: list[tuple[int, int, bool]]) -> None:
    """Also where a code of all combinations would not fit into 64 bits."""
    table = np.array([(a, b, size - 1 - a) for a, b, _ in rows], dtype=np.intp)
    event = np.array([e for *_, e in rows])
    found = distinct_rows(list(table.T), [size, 4, size], event)
    distinct, place = np.unique(table, axis=0, return_inverse=True)
    assert found.codes.tolist() == distinct.tolist()
    assert found.counts.tolist() == [(place == i).sum() for i in range(len(distinct))]
    assert found.events.tolist() == [(event & (place == i)).sum() for i in range(len(distinct))]
