"""Checks against their definitions, pair by pair."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.intervals import wilson
from bankcrm.scoring import check_card

points = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=4, max_size=60).filter(
    lambda rows: 2 <= sum(e for _, e in rows) <= len(rows) - 2
)


def scored(values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"points": values, "probability": 1 / (1 + np.exp(values / 3.0))})


@given(points)
def test_the_area_is_the_share_of_pairs_in_order_with_delongs_error(
    rows: list[tuple[int, bool]],
) -> None:
    value = np.array([p for p, _ in rows], float)
    event = np.array([e for _, e in rows])
    found = check_card(scored(value), event).auc
    x, y = value[event], value[~event]
    pairs = (x[:, None] < y[None]) + 0.5 * (x[:, None] == y[None])
    assert found.estimate == pytest.approx(pairs.mean())
    variance = pairs.mean(axis=1).var(ddof=1) / len(x) + pairs.mean(axis=0).var(ddof=1) / len(y)
    half = 1.959963984540054 * np.sqrt(variance)
    assert found.lower == pytest.approx(max(pairs.mean() - half, 0))
    assert found.upper == pytest.approx(min(pairs.mean() + half, 1))


@given(points, st.integers(1, 10))
def test_bands_hold_every_row_once_and_equal_points_together(
    rows: list[tuple[int, bool]], bands: int
) -> None:
    value = np.array([p for p, _ in rows], float)
    event = np.array([e for _, e in rows])
    found = check_card(scored(value), event, bands=bands)
    assert found.bands["count"].sum() == len(rows)
    assert found.bands["events"].sum() == event.sum() == found.events
    assert (found.bands["lowest"].to_numpy()[1:] > found.bands["highest"].to_numpy()[:-1]).all()
    assert len(found.bands) <= bands
    assert found.bands["gain"].iloc[-1] == pytest.approx(1)
    assert found.bands["lift"].iloc[-1] == pytest.approx(1)
    for _, band in found.bands.iterrows():
        inside = (value >= band["lowest"]) & (value <= band["highest"])
        assert inside.sum() == band["count"]
        assert event[inside].sum() == band["events"]
        share, low, high = wilson([event[inside].sum()], [inside.sum()])
        assert (band["rate"], band["lower"], band["upper"]) == (share[0], low[0], high[0])
        assert band["predicted"] == pytest.approx(scored(value)["probability"][inside].mean())
    steps = np.unique(value)
    ks = max(abs((value[event] <= s).mean() - (value[~event] <= s).mean()) for s in steps)
    assert found.ks == pytest.approx(ks)
    assert found.gini == pytest.approx(2 * found.auc.estimate - 1)
    assert found.brier == pytest.approx(np.mean((scored(value)["probability"] - event) ** 2))


def test_there_are_ten_bands_by_default() -> None:
    value = np.arange(100.0)
    assert check_card(scored(value), value % 3 == 0).bands["count"].tolist() == [10] * 10


def test_rows_without_points_are_counted_and_left_out() -> None:
    frame = scored(np.array([1.0, 2.0, np.nan, 4.0]))
    found = check_card(frame, [True, False, True, False])
    assert (found.rows, found.undecided, found.events) == (3, 1, 1)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match="score_card"):
        check_card(pd.DataFrame({"points": [1]}), [True])
    with pytest.raises(DataError, match="1 values for 2 rows"):
        check_card(scored(np.array([1.0, 2.0])), [True])


def test_pictures_show_the_bands() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    value = np.arange(100.0)
    found = check_card(scored(value), value % 3 == 0)
    for ax in (found.plot(), found.plot_gain()):
        assert ax.get_title(loc="left")
        assert ax.get_xlabel()
    assert len(found.plot_gain().lines[1].get_xdata()) == len(found.bands) + 1
    plt.close("all")
