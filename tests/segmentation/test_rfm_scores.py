"""RFM thresholds and scores: laws, groups, faulty thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError, PolicyError, UnknownNameError
from bankcrm.segmentation import (
    RfmThresholds,
    fit_rfm,
    score_rfm,
    segment_rfm,
)
from bankcrm.segmentation.rfm.thresholds import RfmCuts


@st.composite
def metrics_frames(draw: st.DrawFn) -> pd.DataFrame:
    size = draw(st.integers(1, 60))
    few = st.lists(st.integers(0, 9), min_size=size, max_size=size)
    return pd.DataFrame(
        {"recency_days": draw(few), "frequency": draw(few), "monetary": np.array(draw(few)) / 2}
    )


@given(metrics_frames(), st.integers(2, 9), st.sampled_from(["quantile", "r-rfm"]))
def test_scores_are_monotone_and_ties_share_them(
    metrics: pd.DataFrame, bins: int, method: Any
) -> None:
    scores = score_rfm(metrics, fit_rfm(metrics, bins=bins, method=method))
    for metric, score, sign in (("recency_days", "r", -1), ("frequency", "f", 1)):
        value = sign * metrics[metric].to_numpy()
        order = np.argsort(value, kind="stable")
        found = scores[score].to_numpy()[order].astype(int)
        assert (np.diff(found) >= 0).all()
        assert (np.diff(found)[np.diff(value[order]) == 0] == 0).all()
    assert scores[["r", "f", "m"]].to_numpy().min() >= 1
    assert scores[["r", "f", "m"]].to_numpy().max() <= bins
    digits = scores["r"].astype(int) * 100 + scores["f"].astype(int) * 10 + scores["m"].astype(int)
    assert scores["rfm_score"].tolist() == digits.tolist()


@given(metrics_frames(), st.integers(2, 9))
def test_quantile_scores_are_those_of_cut_where_cut_works(metrics: pd.DataFrame, bins: int) -> None:
    """On data without repeated cut points pandas' cut (right-closed, type 7) agrees."""
    values = metrics["monetary"]
    cuts = np.quantile(values, np.arange(0, bins + 1) / bins)
    if len(np.unique(cuts)) < bins + 1:
        return
    expected = pd.cut(values, cuts, labels=False, include_lowest=True) + 1
    assert score_rfm(metrics, fit_rfm(metrics, bins=bins))["m"].tolist() == expected.tolist()


@given(metrics_frames(), st.sampled_from(["quantile", "r-rfm"]))
def test_thresholds_survive_toml_and_json_and_score_alone(
    metrics: pd.DataFrame, method: Any
) -> None:
    """A customer scored alone tomorrow gets what it gets in the whole book today."""
    fitted = fit_rfm(metrics, method=method)
    kept = RfmThresholds.from_toml(fitted.to_toml())
    assert kept == fitted == RfmThresholds.from_json(fitted.to_json())
    whole = score_rfm(metrics, fitted)
    pd.testing.assert_frame_equal(score_rfm(metrics.iloc[[-1]], kept), whole.iloc[[-1]])


def test_constant_data_one_customer_and_one_time_buyers_are_defined() -> None:
    constant = pd.DataFrame({"recency_days": [5] * 9, "frequency": [1] * 9, "monetary": [7.0] * 9})
    thresholds = fit_rfm(constant)
    assert set(score_rfm(constant, thresholds)["rfm_score"]) == {333}, "nobody differs: the middle"
    assert set(segment_rfm(score_rfm(constant, thresholds))["segment"]) == {"loyal"}
    assert RfmThresholds.from_toml(thresholds.to_toml()) == thresholds
    newcomer = pd.DataFrame({"recency_days": [4, 6], "frequency": [2, 0], "monetary": [8.0, 6.0]})
    assert score_rfm(newcomer, thresholds)["rfm_score"].tolist() == [555, 111]
    one = constant.iloc[[0]]
    assert score_rfm(one, fit_rfm(one))["rfm_score"].tolist() == [333]
    once = pd.DataFrame(
        {"recency_days": range(10), "frequency": [1] * 8 + [2, 9], "monetary": [1.0] * 10}
    )
    scores = score_rfm(once, fit_rfm(once))
    assert scores["f"].tolist() == [1] * 8 + [5, 5], "one-time buyers share the lowest score"
    segment_rfm(scores)


@given(metrics_frames(), st.integers(2, 9))
def test_scores_that_nobody_can_get_are_reported(metrics: pd.DataFrame, bins: int) -> None:
    """Where cut points repeat, no value scores between them, of any customer of any book."""
    fitted = fit_rfm(metrics, bins=bins)
    reported = {f.column for f in fitted.findings}
    grid = np.arange(-1, 11) / 2
    every = pd.DataFrame({"recency_days": grid, "frequency": grid, "monetary": grid})
    scores = score_rfm(every, fitted)
    for metric, score in (("recency_days", "r"), ("frequency", "f"), ("monetary", "m")):
        repeated = len(set(fitted.groups[0].of(metric))) < bins - 1
        assert (metric in reported) == repeated
        if repeated:
            assert scores[score].nunique() < bins


@given(metrics_frames(), st.integers(2, 9))
def test_a_shared_value_is_scored_by_its_place_among_the_others(
    metrics: pd.DataFrame, bins: int
) -> None:
    """By counting customers: a value on which several quantiles fall passes those up to its place.

    So the lowest value has the lowest score, and the highest the highest, however many share it.
    """
    scores = score_rfm(metrics, fit_rfm(metrics, bins=bins))
    for metric, score in (("frequency", "f"), ("monetary", "m"), ("recency_days", "r")):
        values = metrics[metric].tolist()
        quantiles = [float(np.quantile(values, k / bins)) for k in range(1, bins)]
        for value, found in zip(values, scores[score], strict=True):
            below, above = sum(v < value for v in values), sum(v > value for v in values)
            if quantiles.count(value) < 2:
                continue
            # the place is above k / bins, in whole numbers: no rounding
            part, whole = (below, below + above) if below + above else (1, 2)
            place = 1 + sum(part * bins > k * whole for k in range(1, bins))
            assert found == (place if score != "r" else bins + 1 - place)
            if below + above:
                assert below or found == (1 if score != "r" else bins)
                assert above or found == (bins if score != "r" else 1)


@given(metrics_frames(), st.integers(2, 9), st.integers(1, 8))
def test_who_counts_as_lost_has_the_lowest_recency_score(
    metrics: pd.DataFrame, bins: int, lost: int
) -> None:
    """And the limit only ever lowers a score, that of recency."""
    plain = score_rfm(metrics, fit_rfm(metrics, bins=bins))
    found = score_rfm(metrics, fit_rfm(metrics, bins=bins, lost_after_days=lost))
    assert (found["r"][metrics["recency_days"] >= lost] == 1).all()
    assert (found["r"] <= plain["r"]).all()
    pd.testing.assert_frame_equal(found[["f", "m"]], plain[["f", "m"]])


@given(metrics_frames(), st.integers(2, 9), st.integers(1, 12))
def test_cut_points_are_quantiles_plus_one_and_at_most_equal_steps_to_the_limit(
    metrics: pd.DataFrame, bins: int, lost: int
) -> None:
    plus_one = fit_rfm(metrics, bins=bins, method="r-rfm", lost_after_days=lost).groups[0]
    for metric in ("recency_days", "frequency", "monetary"):
        expected = [float(np.quantile(metrics[metric], k / bins)) + 1 for k in range(1, bins)]
        if metric == "recency_days":
            steps = [k / (bins - 1) * (lost - 1) for k in range(1, bins)]
            expected = [min(pair) for pair in zip(expected, steps, strict=True)]
        assert plus_one.of(metric) == pytest.approx(expected)


def test_a_long_enough_limit_changes_nothing_and_an_impossible_one_is_refused() -> None:
    metrics = pd.DataFrame({"recency_days": [1, 5, 9], "frequency": 1, "monetary": [1.0, 2.0, 3.0]})
    assert fit_rfm(metrics, lost_after_days=365) == fit_rfm(metrics)
    with pytest.raises(PolicyError, match="lost_after_days: 0"):
        fit_rfm(metrics, lost_after_days=0)


def test_fixed_cut_points_mean_from_this_value_on_and_within_these_days() -> None:
    cuts = {"recency_days": [30, 90], "frequency": [2, 10], "monetary": [1000, 10_000]}
    thresholds = fit_rfm(pd.DataFrame(), bins=3, method="fixed", cuts=cuts)
    assert thresholds.groups == (RfmCuts((30, 90), (2, 10), (1000, 10_000)),)
    metrics = pd.DataFrame(
        {
            "recency_days": [30, 31, 91],
            "frequency": [10, 9, 1],
            "monetary": [10_000.0, 1000.0, 999.99],
        }
    )
    assert score_rfm(metrics, thresholds)["rfm_score"].tolist() == [333, 222, 111]


def test_thresholds_per_group_score_each_group_by_its_own() -> None:
    metrics = pd.DataFrame(
        {
            "recency_days": [1, 2, 1, 2],
            "frequency": [1, 2, 10, 20],
            "monetary": [1.0, 2.0, 100.0, 200.0],
            "line": ["a", "a", "b", "b"],
        }
    )
    thresholds = fit_rfm(metrics, bins=2, by="line")
    shown = [thresholds._repr_html_(), fit_rfm(metrics, bins=2)._repr_html_()]
    assert ["<td>all</td>" in s for s in shown] == [False, True]
    assert "<td>b</td>" in shown[0]
    assert RfmThresholds.from_toml(thresholds.to_toml()) == thresholds
    assert score_rfm(metrics, thresholds)["rfm_score"].tolist() == [211, 122, 211, 122]
    by_level = metrics.set_index(["line"], append=True)
    assert score_rfm(by_level, thresholds)["m"].tolist() == [1, 2, 1, 2]
    with pytest.raises(UnknownNameError, match="known: a, b"):
        score_rfm(metrics.assign(line="c"), thresholds)
    with pytest.raises(UnknownNameError, match="no column or index level for by 'x'"):
        fit_rfm(metrics, by="x")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('method="fixed"\nbins=3\n[[groups]]\nrecency_days=[1,1]', "required field"),
        ("bins=", "not TOML"),
        (
            'method="fixed"\nbins=3\n[[groups]]\nrecency_days=[9,3]\nfrequency=[1,2]\n'
            "monetary=[1,2]",
            r"groups\[0\].recency_days: 9.0, 3.0 are not increasing",
        ),
        (
            'method="fixed"\nbins=2\n[[groups]]\nrecency_days=[nan]\nfrequency=[1]\nmonetary=[1]',
            "not all finite",
        ),
        (
            'method="x"\nbins=12\n[[groups]]\nrecency_days=[1]\nfrequency=[1]\nmonetary=[1]',
            "bins: 12",
        ),
        (
            'method="fixed"\nbins=3\n[[groups]]\nrecency_days=[3,9]\nfrequency=[2,2]\n'
            "monetary=[1,2]",
            r"groups\[0\].frequency: 2.0, 2.0 are not increasing",
        ),
        ('method="quantile"\nbins=2\ngroups=[]', "groups: "),
        (
            'method="fixed"\nbins=2\nmore=1\n[[groups]]\nrecency_days=[1]\nfrequency=[1]\n'
            "monetary=[1]",
            "more",
        ),
    ],
)
def test_faulty_thresholds_are_refused(text: str, fault: str) -> None:
    with pytest.raises(PolicyError, match=fault):
        RfmThresholds.from_toml(text)


def test_faulty_fits_are_refused() -> None:
    metrics = pd.DataFrame({"recency_days": [1], "frequency": [1], "monetary": [1.0]})
    cuts = {"recency_days": [3, 1], "frequency": [1, 2], "monetary": [1, 2]}
    with pytest.raises(PolicyError, match="not increasing"):
        fit_rfm(metrics, bins=3, method="fixed", cuts=cuts)
    with pytest.raises(PolicyError, match="cuts: expected recency_days"):
        fit_rfm(metrics, method="fixed")
    with pytest.raises(DataError, match="method 'quantile' fits its own"):
        fit_rfm(metrics, cuts={})
    for bins in (1, 10):
        with pytest.raises(PolicyError, match=f"bins: {bins}"):
            fit_rfm(metrics, bins=bins)
        with pytest.raises(PolicyError, match=f"bins: {bins}; expected 2 to 9"):
            RfmThresholds("quantile", bins, fit_rfm(metrics).groups)
    with pytest.raises(DataError, match="no customer to fit on"):
        fit_rfm(metrics.iloc[:0])
    with pytest.raises(DataError, match="metrics: missing column monetary"):
        score_rfm(metrics[["recency_days", "frequency"]], fit_rfm(metrics))
    with pytest.raises(DataError, match="recency_days: 1 values are not finite"):
        fit_rfm(metrics.assign(recency_days=np.nan))
    with pytest.raises(PolicyError, match="not JSON"):
        RfmThresholds.from_json("{")
    two = [fit_rfm(metrics).groups[0]] * 2
    with pytest.raises(PolicyError, match="by: missing"):
        RfmThresholds("quantile", 5, tuple(two))
