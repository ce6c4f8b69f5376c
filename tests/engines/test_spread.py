"""Concentration by ranges equals concentration in memory, wherever the ranges lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bankcrm.engines.spread as spread
from bankcrm.engines import DuckDBEngine, Spread
from bankcrm.errors import DataError
from bankcrm.valuation import concentration

from .conftest import random_frames

ENGINE = DuckDBEngine(random_frames(1))
MONEY = st.integers(-(10**6), 10**7).map(lambda cents: cents / 100)
SHARES = (0.0, 0.01, 0.2, 0.5, 0.999, 1.0)


def measured(values: list[float], parts: int) -> Spread:
    """The values on DuckDB."""
    ENGINE.connection.register("held", pd.DataFrame({"v": values}))
    return ENGINE.concentration(ENGINE.relation("SELECT v FROM held"), "v", parts=parts)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Part even a handful of values."""
    monkeypatch.setattr(spread, "SMALL", 1)


@given(st.lists(MONEY, min_size=2, max_size=60), st.integers(1, 9))
def test_every_figure_is_that_of_the_values_in_memory(values: list[float], parts: int) -> None:
    """Gini, HHI, shares, holders, curves, splits and quantiles; losses, zeros and ties too."""
    found, known = measured(values, parts), concentration(values)
    near: Any = lambda x: pytest.approx(x, rel=1e-9, abs=1e-9)  # noqa: E731
    assert found.total == near(known.total)
    assert found.profit_split(50.0).customers == near(known.profit_split(50.0).customers)
    assert found.profit_split(50.0).profit == near(known.profit_split(50.0).profit)
    probs = np.arange(1, 5) / 5
    assert found.quantiles(probs) == np.quantile(np.array(values) + 0.0, probs).tolist()
    if any(values):
        assert found.gini_normalised == near(known.gini_normalised)
    if known.total <= 1.0:
        return
    assert found.gini == near(known.gini)
    assert found.hhi == near(known.hhi)
    for share in SHARES:
        assert found.share_of_top(share) == near(known.share_of_top(share))
    for share in (0.1, 0.8, 1.0):
        assert found.holders_of(share) == pytest.approx(known.holders_of(share), abs=1e-6)
    np.testing.assert_allclose(found.lorenz(11), known.lorenz(11), rtol=1e-9, atol=1e-9)
    ours, theirs = found.whale_curve(11), known.whale_curve(11)
    np.testing.assert_allclose(ours.points, theirs.points, rtol=1e-9, atol=1e-9)
    assert (ours.peak, ours.peak_customers) == near((theirs.peak, theirs.peak_customers))
    assert ours.destroyed == near(theirs.destroyed)
    if min(values) >= 0:
        assert found.theil == near(known.theil)
    else:
        with pytest.raises(DataError, match="logarithm"):
            _ = found.theil


def test_on_spark(spark: Any) -> None:
    """The same SQL in Spark, in several ranges."""
    from bankcrm.engines.spark import SparkEngine

    values = np.random.default_rng(3).pareto(1.5, 400).round(4) - 0.1
    engine = SparkEngine(spark, random_frames(1))
    spark.createDataFrame(pd.DataFrame({"v": values})).createOrReplaceTempView("held")
    found = engine.concentration(engine.relation("SELECT v FROM held"), "v", parts=4)
    known = concentration(values)
    assert len(found.parts) == 4
    assert found.gini == pytest.approx(known.gini, rel=1e-9)
    assert found.share_of_top(0.2) == pytest.approx(known.share_of_top(0.2), rel=1e-9)
    assert found.quantiles([0.2, 0.5]) == np.quantile(values, [0.2, 0.5]).tolist()


def test_a_million_values_in_many_ranges() -> None:
    """Approximate cut points steer the work; the result is exact."""
    ENGINE.connection.execute(
        "CREATE OR REPLACE TEMP TABLE many AS SELECT exp(10 * ((hash(i) >> 11) / "
        "9007199254740992.0)) - 20 AS v FROM range(300000) t(i)"
    )
    found = ENGINE.concentration(ENGINE.relation("SELECT v FROM many"), "v")
    known = concentration(ENGINE.fetch("SELECT v FROM many")["v"])
    assert len(found.parts) == 256
    assert found.gini == pytest.approx(known.gini, rel=1e-12)
    assert found.share_of_top(0.2) == pytest.approx(known.share_of_top(0.2), rel=1e-12)
    assert found.holders_of(0.8) == pytest.approx(known.holders_of(0.8), rel=1e-9)


def test_what_has_no_concentration_is_refused() -> None:
    """No rows, nulls, infinities, shares that are none, a total of nothing."""
    for values, told in (([], "no rows"), ([1.0, None], "null"), ([np.inf, 1.0], "not finite")):
        with pytest.raises(DataError, match=told):
            measured(values, 2)
    nothing = measured([0.0, 0.0], 2)
    for ask in ("gini", "hhi"):
        with pytest.raises(DataError, match="total"):
            getattr(nothing, ask)
    with pytest.raises(DataError, match="normalised"):
        _ = nothing.gini_normalised
    with pytest.raises(DataError, match="expected 0 to 1"):
        measured([1.0, 2.0], 2).share_of_top(1.5)
