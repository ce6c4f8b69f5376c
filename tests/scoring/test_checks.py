"""Checks against their definitions, pair by pair."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from bankcrm.errors import DataError
from bankcrm.intervals import wilson
from bankcrm.scoring import check_card

points = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=4, max_size=60).filter(
    lambda rows: 2 <= sum(e for _, e in rows) <= len(rows) - 2
)


def scored(values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"points": values, "probability": 1 / (1 + np.exp(values / 3.0))})


@given(points, st.sampled_from([0.5, 0.8, 0.95]))
def test_the_area_is_the_share_of_pairs_in_order_with_delongs_error(
    rows: list[tuple[int, bool]], confidence: float
) -> None:
    value = np.array([p for p, _ in rows], float)
    event = np.array([e for _, e in rows])
    found = check_card(scored(value), event, confidence=confidence).auc
    if confidence == 0.95:
        assert found == check_card(scored(value), event).auc, "95 % is the default"
    x, y = value[event], value[~event]
    pairs = (x[:, None] < y[None]) + 0.5 * (x[:, None] == y[None])
    assert found.estimate == pytest.approx(pairs.mean())
    variance = pairs.mean(axis=1).var(ddof=1) / len(x) + pairs.mean(axis=0).var(ddof=1) / len(y)
    half = norm.ppf(1 - (1 - confidence) / 2) * np.sqrt(variance)
    assert found.lower == pytest.approx(max(pairs.mean() - half, 0))
    assert found.upper == pytest.approx(min(pairs.mean() + half, 1))
    assert (found.confidence, found.method, found.sample_size) == (confidence, "DeLong", len(rows))


@given(points, st.integers(1, 10))
def test_bands_hold_every_row_once_and_equal_points_together(
    rows: list[tuple[int, bool]], bands: int
) -> None:
    value = np.array([p for p, _ in rows], float)
    event = np.array([e for _, e in rows])
    found = check_card(scored(value), event, bands=bands, confidence=0.9)
    middle = [(value < v).mean() + (value == v).mean() / 2 for v in value]
    band = np.array([int(m * bands + 1e-9) for m in middle])
    assert found.bands["lowest"].tolist() == [value[band == b].min() for b in np.unique(band)]
    assert found.bands["highest"].tolist() == [value[band == b].max() for b in np.unique(band)]
    assert (found.rows, found.observed) == (len(rows), event.mean())
    assert found.predicted == pytest.approx(scored(value)["probability"].mean())
    assert found.bands["count"].sum() == len(rows)
    assert found.bands["events"].sum() == event.sum() == found.events
    assert (found.bands["lowest"].to_numpy()[1:] > found.bands["highest"].to_numpy()[:-1]).all()
    assert len(found.bands) <= bands
    for _, band in found.bands.iterrows():
        inside = (value >= band["lowest"]) & (value <= band["highest"])
        assert inside.sum() == band["count"]
        assert event[inside].sum() == band["events"]
        share, low, high = wilson([event[inside].sum()], [inside.sum()], 0.9)
        upto = value <= band["highest"]
        assert band["gain"] == pytest.approx(event[upto].sum() / event.sum())
        assert band["lift"] == pytest.approx(event[upto].mean() / event.mean())
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
    assert len({found, check_card(frame, [True, False, True, False])}) == 2, "as objects"
    assert repr(found) == "<CardChecks: 3 rows, AUC 1 [1, 1] at 95%, KS 1.000>"


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match="score_card"):
        check_card(pd.DataFrame({"points": [1]}), [True])
    with pytest.raises(DataError, match="bands: got 0; expected 1 or more"):
        check_card(scored(np.array([1.0, 2.0])), [True, False], bands=0)
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
