"""Campaigns: groups, power, effect, return and uplift against published and simulated figures."""

from __future__ import annotations

import math
from pathlib import Path

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bankcrm.errors import DataError, InfeasibleError
from bankcrm.intervals import newcombe
from bankcrm.marketing import (
    assign_groups,
    campaign_effect,
    campaign_return,
    detectable,
    power_of_test,
    sample_size,
    stopping_bounds,
    uplift_curve,
)


@pytest.mark.parametrize(
    ("x", "n", "x0", "n0", "low", "high"),
    [  # Newcombe (1998), table II, method 10
        (56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062), (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775), (0, 10, 0, 10, -0.2775, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0), (10, 10, 0, 10, 0.6075, 1.0),
    ],
)  # fmt: skip
def test_newcombe_published(x: int, n: int, x0: int, n0: int, low: float, high: float) -> None:
    found, lower, upper = newcombe(x, n, x0, n0)
    assert found == pytest.approx(x / n - x0 / n0)
    assert (round(float(lower), 4), round(float(upper), 4)) == (low, high)
    back, down, up = newcombe(x0, n0, x, n)  # the other way round, the interval is mirrored
    np.testing.assert_allclose([back, down, up], [-found, -upper, -lower], atol=1e-12)


def test_power_is_that_of_r() -> None:
    assert sample_size(0.5, 0.25, power=0.9).exact / 2 == pytest.approx(76.707, abs=5e-4)
    power = power_of_test(0.5, 0.25, control=50, treated=50)
    assert power == pytest.approx(0.740166, abs=5e-7)


@given(st.floats(0.02, 0.6), st.floats(0.02, 0.3), st.floats(0.55, 0.99), st.floats(0.1, 0.9))
def test_size_power_and_difference_are_one_relation(
    rate: float, difference: float, power: float, share: float
) -> None:
    size = sample_size(rate, difference, power=power, share_control=share)
    sizes = {"control": size.control, "treated": size.treated}
    reached = power_of_test(rate, difference, **sizes)
    assert reached >= power - 0.02  # one customer rounded up may shift the share
    assert detectable(rate, power=reached, **sizes) == pytest.approx(difference, rel=1e-6)


def test_power_of_unequal_groups_by_simulation() -> None:
    rng = np.random.default_rng(3)
    x = rng.binomial(600, 0.16, 20_000) / 600
    x0 = rng.binomial(200, 0.08, 20_000) / 200
    both = (x * 600 + x0 * 200) / 800
    error = np.sqrt(both * (1 - both) * (1 / 600 + 1 / 200))
    found = np.mean(np.abs(x - x0) / error > 1.959964)
    assert power_of_test(0.08, 0.08, control=200, treated=600) == pytest.approx(found, abs=0.015)


def test_what_cannot_be_found() -> None:
    with pytest.raises(InfeasibleError, match="take more customers"):
        detectable(0.9, control=10, treated=10)
    with pytest.raises(DataError, match="difference"):
        sample_size(0.5, 0.6)


@pytest.mark.parametrize(
    ("kind", "published"),
    [
        ("obrien_fleming", [4.8769, 3.3570, 2.6803, 2.2898, 2.0310]),
        ("pocock", [2.4380, 2.4268, 2.4102, 2.3966, 2.3860]),
    ],
)
def test_stopping_bounds_published(kind: str, published: list[float]) -> None:
    np.testing.assert_allclose(stopping_bounds(5, kind=kind), published, atol=6e-5)  # type: ignore[arg-type]


def test_stopping_bounds_keep_the_error_by_simulation() -> None:
    rng = np.random.default_rng(4)
    paths = rng.standard_normal((100_000, 4)).cumsum(axis=1) / np.sqrt(np.arange(1, 5))
    crossed = (np.abs(paths) > stopping_bounds(4, kind="pocock")).any(axis=1).mean()
    assert crossed == pytest.approx(0.05, abs=0.003)
    assert stopping_bounds(1)[0] == pytest.approx(1.959964, abs=1e-6)


PEOPLE = pd.DataFrame({"customer_id": np.arange(4_000), "tier": ["a", "b", "b", "c"] * 1_000})
SHARES = {"control": 0.2, "letter": 0.3, "call": 0.5}


@given(st.randoms(use_true_random=False), st.booleans())
def test_neither_order_nor_others_change_a_group(random: object, strata: bool) -> None:
    by = "tier" if strata else None
    whole = assign_groups(PEOPLE, campaign="spring", shares=SHARES, by=by)
    mixed = PEOPLE.sample(frac=1, random_state=random.randrange(2**31))  # type: ignore[attr-defined]
    again = assign_groups(mixed, campaign="spring", shares=SHARES, by=by).loc[PEOPLE.index]
    assert again["group"].tolist() == whole["group"].tolist()
    if not strata:
        part = assign_groups(mixed[:700], campaign="spring", shares=SHARES)
        assert part["group"].tolist() == whole["group"].loc[part.index].tolist()
        text = PEOPLE.assign(customer_id=PEOPLE["customer_id"].astype(str))
        other = assign_groups(text, campaign="spring", shares=SHARES)
        assert other["group"].tolist() == whole["group"].tolist()


def test_groups_have_their_shares() -> None:
    found = assign_groups(PEOPLE, campaign="spring", shares=SHARES)["group"]
    seen = found.value_counts().reindex(list(SHARES))
    assert stats.chisquare(seen, 4_000 * np.array(list(SHARES.values()))).pvalue > 0.001
    strata = assign_groups(PEOPLE, campaign="spring", shares=SHARES, by="tier")["group"]
    exact = pd.crosstab(PEOPLE["tier"], strata)[list(SHARES)]
    assert exact.to_numpy().tolist() == [[200, 300, 500], [400, 600, 1_000], [200, 300, 500]]


def test_campaigns_draw_independently() -> None:
    first, second = (
        assign_groups(PEOPLE, campaign=c, shares={"control": 0.5, "x": 0.5})["group"]
        for c in ("spring", "autumn")
    )
    assert stats.chi2_contingency(pd.crosstab(first, second)).pvalue > 0.001


def test_the_hash_is_pinned() -> None:
    """A release of pandas with another hash would give each customer another group."""
    found = assign_groups(PEOPLE[:8], campaign="spring", shares=SHARES)["group"].tolist()
    assert found == PINNED


PINNED = ["letter", "call", "call", "control", "call", "call", "call", "letter"]


def test_a_campaign_without_control_is_refused() -> None:
    with pytest.raises(DataError, match="cannot be measured"):
        assign_groups(PEOPLE, campaign="x", shares={"a": 0.5, "b": 0.5})
    for part in (0.6, 0.5 + 1e-8, 0.5 - 1e-8):
        with pytest.raises(DataError, match="add up to 1"):
            assign_groups(PEOPLE, campaign="x", shares={"control": 0.5, "b": part})
    for part in (0.0, 1.0):
        with pytest.raises(DataError, match="above 0 and below 1"):
            assign_groups(PEOPLE, campaign="x", shares={"control": part, "b": 1 - part})


def hillstrom(shared_data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    frame = pd.read_parquet(shared_data / "hillstrom" / "hillstrom.parquet")
    words = {"No E-Mail": "control", "Mens E-Mail": "men", "Womens E-Mail": "women"}
    groups = pd.DataFrame({"customer_id": range(len(frame)), "group": frame["segment"].map(words)})
    return groups, frame.assign(customer_id=range(len(frame)))


def test_hillstrom_published(shared_data: Path) -> None:
    groups, frame = hillstrom(shared_data)
    groups.attrs["shares"] = {"control": 1 / 3, "men": 1 / 3, "women": 1 / 3}
    visits = campaign_effect(groups, frame, value="visit")
    assert ends(visits.arm("men").difference) == (0.07659, 0.06995, 0.08323)
    assert ends(visits.arm("women").difference) == (0.04523, 0.03889, 0.05157)
    assert not visits.balance.suspect
    bought = campaign_effect(groups, frame, value="conversion")
    assert ends(bought.arm("men").difference) == (0.00681, 0.00501, 0.00864)
    assert ends(bought.arm("women").difference) == (0.00311, 0.00150, 0.00475)
    spend = campaign_effect(groups, frame, value="spend")
    for name, mean, error in (("men", 0.7698, 0.1452), ("women", 0.4244, 0.1303)):
        found = spend.arm(name).difference
        assert found.estimate == pytest.approx(mean, abs=5e-5)
        assert (found.upper - found.lower) / 2 / 1.96 == pytest.approx(error, abs=1e-4)
    # the history before the mailing explains hardly anything here, and the result says so
    adjusted = campaign_effect(groups, frame, value="spend", before="history")
    assert 0 <= adjusted.arm("men").variance_saved < 0.001


def ends(found: object) -> tuple[float, float, float]:
    return tuple(round(getattr(found, n), 5) for n in ("estimate", "lower", "upper"))  # type: ignore[return-value]


def test_openers_only_is_refused(shared_data: Path) -> None:
    groups, frame = hillstrom(shared_data)
    openers = frame[frame["visit"] == 1]
    with pytest.raises(DataError, match="have no row"):
        campaign_effect(groups, openers, value="conversion")


def two_arms(n: int = 400, lift: float = 2.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(5)
    group = np.where(np.arange(n) % 2, "offer", "control")
    before = rng.normal(10, 5, n)
    after = before + rng.normal(0, 1, n) + lift * (group == "offer")
    ids = np.arange(n)
    return (
        pd.DataFrame({"customer_id": ids, "group": group}),
        pd.DataFrame({"customer_id": ids, "before": before, "after": after}),
    )


def test_money_before_is_a_covariate() -> None:
    """CUPED gives the estimate of least squares with the covariate."""
    groups, frame = two_arms()
    raw = campaign_effect(groups, frame, value="after").arm("offer")
    adjusted = campaign_effect(groups, frame, value="after", before="before").arm("offer")
    flag = (groups["group"] == "offer").to_numpy(float)
    design = np.column_stack([np.ones(len(flag)), flag, frame["before"]])
    slope = np.linalg.lstsq(design, frame["after"].to_numpy(), rcond=None)[0][1]
    assert adjusted.difference.estimate == pytest.approx(slope, rel=1e-9)
    assert adjusted.variance_saved > 0.9
    width = raw.difference.upper - raw.difference.lower
    assert adjusted.difference.upper - adjusted.difference.lower < width / 3
    a, b = (frame["after"][groups["group"] == g] for g in ("offer", "control"))
    welch = stats.ttest_ind(a, b, equal_var=False)
    low, high = welch.confidence_interval()
    assert (raw.difference.lower, raw.difference.upper) == pytest.approx((low, high))
    assert raw.p_value == pytest.approx(welch.pvalue)


def test_a_shrunken_group_and_a_contacted_control_are_reported() -> None:
    groups, frame = two_arms()
    groups.attrs["shares"] = {"control": 0.5, "offer": 0.5}
    kept = groups[(groups["group"] == "control") | (groups["customer_id"] % 4 == 1)]
    assert kept.attrs["shares"]
    found = campaign_effect(kept, frame, value="after")
    assert found.balance.suspect
    assert "SUSPECT" in repr(found)
    touched = frame.assign(touched=frame["customer_id"] < 5)
    assert (
        campaign_effect(
            groups, touched, value="after", contacted="touched"
        ).balance.contacted_control
        == 3
    )


def test_shares_have_the_published_test_and_ratio() -> None:
    """The chi-square test without correction; Katz's interval of a ratio of shares."""
    group, hits = np.repeat(["offer", "control"], [700, 800]), [560, 140, 480, 320]
    groups = pd.DataFrame({"customer_id": range(1_500), "group": group})
    frame = pd.DataFrame({"customer_id": range(1_500), "responded": np.repeat([1, 0, 1, 0], hits)})
    found = campaign_effect(groups, frame).arm("offer")
    table = np.reshape(hits, (2, 2))
    assert found.p_value == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    ratio = stats.contingency.relative_risk(560, 700, 480, 800)
    assert found.relative is not None
    assert found.relative.estimate == pytest.approx(ratio.relative_risk - 1)
    low, high = ratio.confidence_interval()
    ends_of = (found.relative.lower, found.relative.upper)
    assert ends_of == pytest.approx((low - 1, high - 1), abs=1e-3)
    assert found.extra.estimate == pytest.approx(0.2 * 700)
    assert (found.customers, found.mean, found.control_mean) == (700, 0.8, 0.6)
    assert found.difference.sample_size == found.relative.sample_size == 1_500
    for nobody in ("offer", "control"):  # a ratio needs a response in both groups
        none = frame.assign(responded=frame["responded"].where(group != nobody, 0))
        assert campaign_effect(groups, none).arm("offer").relative is None
    silent = campaign_effect(groups, frame.assign(responded=0)).arm("offer")
    assert (silent.p_value, silent.difference.estimate, silent.relative) == (1.0, 0.0, None)


def test_holm_corrects_several_groups() -> None:
    rng = np.random.default_rng(6)
    group = np.repeat(["control", "a", "b"], 500)
    groups = pd.DataFrame({"customer_id": range(1_500), "group": group})
    hits = rng.random(1_500) < np.where(group == "a", 0.16, 0.1)
    frame = pd.DataFrame({"customer_id": range(1_500), "responded": hits})
    whole = campaign_effect(groups, frame)
    alone = [
        campaign_effect(groups[np.isin(group, ["control", g])], frame).arm(g).p_value
        for g in ("a", "b")
    ]
    low, high = sorted(alone)
    expected = {low: min(2 * low, 1), high: max(2 * low, high)}
    for g, p in zip(("a", "b"), alone, strict=True):
        assert whole.arm(g).p_value == pytest.approx(expected[p])


def test_return_of_a_campaign(shared_data: Path) -> None:
    groups, frame = hillstrom(shared_data)
    arm = campaign_effect(groups, frame, value="spend").arm("men")
    earned = campaign_return(arm, cost=2_000, margin=0.3)
    assert earned.gain.estimate == pytest.approx(arm.customers * 0.7698 * 0.3 - 2_000, rel=1e-3)
    assert earned.gain.lower < earned.gain.estimate < earned.gain.upper
    at_break_even = earned.break_even * arm.customers * 0.3
    assert at_break_even == pytest.approx(2_000)
    assert earned.cost_per_extra is not None
    assert campaign_return(arm, cost=0, margin=0.3).return_on_cost is None
    for end, back in (("estimate", "estimate"), ("lower", "upper"), ("upper", "lower")):
        money = getattr(arm.extra, end) * 0.3 - 2_000
        assert getattr(earned.gain, end) == pytest.approx(money)
        assert getattr(earned.return_on_cost, end) == pytest.approx(money / 2_000)
        per_extra = getattr(earned.cost_per_extra, back)
        assert per_extra == pytest.approx(2_000 / getattr(arm.extra, end))
    lost = attrs.evolve(arm, extra=attrs.evolve(arm.extra, lower=0.0))
    assert campaign_return(lost, cost=2_000, margin=0.3).cost_per_extra is None
    for cost, margin in ((-1, 0.3), (1, 0)):
        with pytest.raises(DataError, match="cost, margin"):
            campaign_return(arm, cost=cost, margin=margin)


def naive_qini(s: np.ndarray, t: np.ndarray, y: np.ndarray) -> list[float]:
    """The Qini curve by its definition: one pass per distinct score."""
    points = [0.0]
    for level in sorted(set(s.tolist()), reverse=True):
        top = s >= level
        treated, control = top & (t == 1), top & (t == 0)
        scale = treated.sum() / control.sum() if control.any() else 0.0
        points.append(float(y[treated].sum() - y[control].sum() * scale))
    return points


@given(st.integers(0, 10_000), st.integers(1, 12))
def test_the_curve_is_its_definition(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    s, t, y = rng.integers(0, levels, 60), rng.integers(0, 2, 60), rng.integers(0, 2, 60)
    t[:2] = 0, 1
    found = uplift_curve(s, t, y, draws=20)
    np.testing.assert_allclose(found.points["gain"], naive_qini(s, t, y))
    assert int(found.bands["customers"].sum()) == 60
    share = np.array([0, *(sum(s >= level) / 60 for level in sorted(set(s.tolist()))[::-1])])
    gain = np.array(naive_qini(s, t, y)) / t.sum()
    assert found.qini.estimate == pytest.approx(np.trapezoid(gain, share) - gain[-1] / 2)
    assert found.points["customers"].tolist() == pytest.approx(share * 60)
    x, x0 = int(y[t == 1].sum()), int(y[t == 0].sum())
    whole = [float(v) for v in newcombe(x, t.sum(), x0, 60 - t.sum())]
    overall = (found.overall.estimate, found.overall.lower, found.overall.upper)
    assert overall == pytest.approx(whole)
    assert found.points["uplift"].iloc[-1] == pytest.approx(60 * whole[0])
    bands = found.bands  # each band has its own shares, and together they are the whole
    assert (bands["treated_rate"] - bands["control_rate"]).dropna().tolist() == pytest.approx(
        bands["difference"].dropna().tolist()
    )
    one = uplift_curve(s, t, y, draws=20, bands=1).bands.iloc[0]
    assert (one["treated_rate"], one["control_rate"]) == pytest.approx(
        (y[t == 1].mean(), y[t == 0].mean())
    )
    order = rng.permutation(60)
    again = uplift_curve(s[order], t[order], y[order], draws=20)
    assert again.qini == found.qini
    pd.testing.assert_frame_equal(again.points, found.points)


def test_a_constant_score_is_worth_nothing_and_the_sign_turns() -> None:
    rng = np.random.default_rng(8)
    moved = rng.random(4_000)
    t = rng.integers(0, 2, 4_000)
    y = rng.random(4_000) < 0.1 + 0.3 * t * (moved > 0.5)
    assert uplift_curve(np.ones(4_000), t, y, draws=20).qini.estimate == 0
    good, bad = uplift_curve(moved, t, y), uplift_curve(-moved, t, y)
    assert good.qini.lower > 0 > bad.qini.upper
    noise = uplift_curve(rng.random(4_000), t, y)
    assert noise.qini.lower < 0 < noise.qini.upper
    assert math.isclose(good.points["gain"].iloc[-1], bad.points["gain"].iloc[-1])


def test_scores_without_both_groups_are_refused() -> None:
    with pytest.raises(DataError, match="only one group"):
        uplift_curve([1, 2], [1, 1], [0, 1])
    with pytest.raises(DataError, match="responded"):
        uplift_curve([1, 2], [1, 0], [0, 2])
