"""Effects of campaigns, group by group: every figure against scipy or a loop, and each limit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bankcrm.errors import DataError, UnknownNameError
from bankcrm.intervals import newcombe
from bankcrm.marketing import (
    Campaign,
    CampaignEffect,
    UpliftCurve,
    assign_groups,
    campaign_effect,
    detectable,
    power_of_test,
    sample_size,
    stopping_bounds,
    uplift_curve,
)
from bankcrm.marketing.campaigns.effect import Balance
from bankcrm.marketing.campaigns.groups import draws


def groups_of(**sizes: int) -> pd.DataFrame:
    names = np.repeat([*sizes], [*sizes.values()])
    return pd.DataFrame({"customer_id": range(len(names)), "group": names})


def with_money(groups: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    before = rng.gamma(2, 50, len(groups))
    after = before * rng.uniform(0.5, 1.5, len(groups)) + 9 * (groups["group"] == "a")
    return groups[["customer_id"]].assign(before=before, after=after)


GROUPS = groups_of(b=30, control=25, a=40)
MONEY = with_money(GROUPS)


def test_money_is_compared_by_welch_and_corrected_by_holm() -> None:
    found = campaign_effect(GROUPS, MONEY, value="after", confidence=0.9)
    assert found.measure == "money"
    by_group = {g: MONEY["after"][GROUPS["group"] == g] for g in ("a", "b", "control")}
    control = by_group["control"]
    plain = {g: stats.ttest_ind(by_group[g], control, equal_var=False) for g in ("a", "b")}
    p = {g: float(test.pvalue) for g, test in plain.items()}
    low, high = sorted(p, key=lambda g: p[g])
    corrected = {low: min(1, 2 * p[low]), high: min(1, max(2 * p[low], p[high]))}
    z = stats.norm.ppf(0.95)
    rows = []
    for arm in ("b", "a"):
        own = by_group[arm]
        ends = plain[arm].confidence_interval(0.9)
        effect = own.mean() - control.mean()
        error = math.sqrt(sum((v.std() / v.mean()) ** 2 / len(v) for v in (own, control)))
        ratio = own.mean() / control.mean()
        rows.append(
            (
                *(len(own), own.mean(), control.mean(), effect, ends.low, ends.high),
                *(len(own) * x for x in (effect, ends.low, ends.high)),
                *(ratio - 1, ratio * math.exp(-z * error) - 1, ratio * math.exp(z * error) - 1),
                *(corrected[arm], 0.0),
            )
        )
    names = ["customers", "mean", "control_mean"]
    names += [f"{n}{end}" for n in ("difference", "extra", "relative")
              for end in ("", "_low", "_high")]  # fmt: skip
    wanted = pd.DataFrame(
        rows, pd.Index(["b", "a"], name="arm"), [*names, "p_value", "variance_saved"]
    )
    pd.testing.assert_frame_equal(found.frame(), wanted)
    arm = found.arm("a")
    assert arm.difference.sample_size == 65
    assert arm.relative is not None
    assert (arm.difference.method, arm.relative.method) == ("welch", "log")
    assert (arm.difference.confidence, arm.relative.confidence) == (0.9, 0.9)
    with pytest.raises(UnknownNameError, match="treated group"):
        found.arm("control")
    plain_text = repr(found)
    assert "SUSPECT" not in plain_text
    assert "not as planned" not in found._repr_html_()


def test_what_was_before_is_taken_out_within_the_groups() -> None:
    found = campaign_effect(GROUPS, MONEY, value="after", before="before")
    x, y = (MONEY[c] - MONEY.groupby(GROUPS["group"])[c].transform("mean")
            for c in ("before", "after"))  # fmt: skip
    slope = (x * y).sum() / (x * x).sum()
    left = MONEY["after"] - slope * (MONEY["before"] - MONEY["before"].mean())
    for arm in ("a", "b"):
        own, control = (left[GROUPS["group"] == g] for g in (arm, "control"))
        seen = found.arm(arm)
        assert seen.difference.estimate == pytest.approx(own.mean() - control.mean())
        low, high = stats.ttest_ind(own, control, equal_var=False).confidence_interval()
        assert (seen.difference.lower, seen.difference.upper) == pytest.approx((low, high))
        assert seen.mean == pytest.approx(MONEY["after"][GROUPS["group"] == arm].mean())
        assert seen.variance_saved == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)
    same = MONEY.assign(before=5.0)
    flat = campaign_effect(GROUPS, same, value="after", before="before").arm("a")
    assert flat.difference == campaign_effect(GROUPS, MONEY, value="after").arm("a").difference
    assert flat.variance_saved == 0
    still = campaign_effect(GROUPS, MONEY.assign(after=3.0), value="after", before="before")
    assert still.arm("a").variance_saved == 0
    # responses beside money before are compared as money
    both = MONEY.assign(responded=(MONEY["after"] > 90) * 1.0)
    assert campaign_effect(GROUPS, both).measure == "share"
    assert campaign_effect(GROUPS, both, before="before").measure == "money"
    assert campaign_effect(GROUPS, both.assign(responded=both["responded"] > 0)).measure == "share"


@pytest.mark.parametrize(("treated", "p"), [(3.0, 1.0), (4.0, 0.0)])
def test_money_that_does_not_vary(treated: float, p: float) -> None:
    groups = groups_of(a=2, control=3)
    money = groups.assign(after=np.where(groups["group"] == "a", treated, 3.0))
    arm = campaign_effect(groups, money, value="after").arm("a")
    ends = (arm.difference.estimate, arm.difference.lower, arm.difference.upper)
    assert ends == (treated - 3,) * 3
    assert (arm.p_value, arm.difference.sample_size) == (p, 5)
    assert arm.relative is not None
    assert arm.relative.estimate == pytest.approx(treated / 3 - 1)


def test_equal_groups_have_a_p_value_of_one_whatever_their_number() -> None:
    groups = groups_of(a=2, b=2, c=2, control=2)
    hit = groups.assign(responded=[1, 0] * 4)
    assert [a.p_value for a in campaign_effect(groups, hit).arms] == [1.0, 1.0, 1.0]


def test_groups_that_cannot_be_compared() -> None:
    outcome = pd.DataFrame({"customer_id": range(9), "responded": [0, 1, 0] * 3})
    assert len(campaign_effect(groups_of(a=2, control=2), outcome).arms) == 1
    for wrong in (groups_of(a=1, control=2), groups_of(a=2, control=1)):
        with pytest.raises(DataError, match="has fewer than 2 customers"):
            campaign_effect(wrong, outcome)
    for alone in (groups_of(control=4), groups_of(a=2, b=2)):
        with pytest.raises(DataError, match="expected 'control' and one treated group"):
            campaign_effect(alone, outcome)
    late = groups_of(a=5, control=7)
    with pytest.raises(DataError, match=r"3 assigned customers have no row \(9, 10, 11\)"):
        campaign_effect(late, outcome)
    with pytest.raises(
        DataError, match=r"9 assigned customers have no row \(3, 4, 5, 6, 7, and 4 more\)"
    ):
        campaign_effect(late, outcome[:3])


def test_the_sizes_of_groups_against_the_plan() -> None:
    plan = {"control": 0.25, "a": 0.5, "b": 0.25}
    groups = groups_of(a=40, b=30, control=25)
    groups.attrs["shares"] = plan
    outcome = with_money(groups).assign(touched=groups["customer_id"] >= 92)
    balance = campaign_effect(groups, outcome, value="after", contacted="touched").balance
    assert balance.customers == {"a": 40, "b": 30, "control": 25}
    assert balance.planned == plan
    expected = stats.chisquare([25, 40, 30], [95 / 4, 95 / 2, 95 / 4]).pvalue
    assert balance.p_value == pytest.approx(expected)
    assert balance.contacted_control == 3
    groups.attrs["shares"] = {**plan, "a": 0.25, "z": 0.25}  # nobody was assigned to z
    empty = campaign_effect(groups, outcome, value="after").balance
    expected = stats.chisquare([25, 40, 30, 0], [95 / 4] * 4).pvalue
    assert empty.p_value == pytest.approx(expected)
    assert (empty.suspect, empty.contacted_control) == (True, None)
    groups.attrs["shares"] = {"control": 0.5, "a": 0.5}
    with pytest.raises(DataError, match="b not in the planned shares"):
        campaign_effect(groups, outcome, value="after")
    del groups.attrs["shares"]
    assert campaign_effect(groups, outcome, value="after").balance.p_value is None


@pytest.mark.parametrize(
    ("p", "contacted", "suspect"),
    [(None, None, False), (0.001, 0, False), (0.000999, None, True), (1.0, 1, True)],
)
def test_suspect_groups(p: float | None, contacted: int | None, suspect: bool) -> None:
    assert Balance({}, {}, p, contacted).suspect == suspect


def test_values_with_frames_are_compared_by_identity() -> None:
    for kind in (CampaignEffect, UpliftCurve):
        assert kind.__eq__ is object.__eq__


def test_groups_follow_the_cumulated_shares_of_the_draw() -> None:
    people = pd.DataFrame({"customer_id": range(500)})
    shares = {"a": 0.1, "control": 0.6, "b": 0.3}
    found = assign_groups(people, campaign="spring", shares=shares)
    share = draws(people["customer_id"], "spring") / 2**64
    wanted = ["a" if d < 0.1 else "control" if d < 0.1 + 0.6 else "b" for d in share]
    assert found["group"].tolist() == wanted
    assert found["group"].cat.categories.tolist() == ["a", "control", "b"]
    assert found.attrs == {"campaign": "spring", "shares": shares}
    nobody = assign_groups(people[:0].assign(tier=[]), campaign="x", shares=shares, by="tier")
    assert len(nobody) == 0
    with pytest.raises(DataError, match="campaign: expected the name"):
        assign_groups(people, campaign=3, shares=shares)


# --- size and power


def test_defaults_of_size_and_power_are_those_that_the_docs_name() -> None:
    # power.prop.test(p1 = .5, p2 = .75, power = .8) of R: n = 57.67344
    size = sample_size(0.5, 0.25)
    assert size.exact / 2 == pytest.approx(57.67344, abs=1e-5)
    assert (size.control, size.treated) == (58, 58)
    assert size == sample_size(0.5, 0.25, power=0.8, share_control=0.5, confidence=0.95)
    third = sample_size(0.5, 0.25, share_control=1 / 3)
    assert (third.control, third.treated) == (
        math.ceil(third.exact / 3), math.ceil(third.exact * 2 / 3),
    )  # fmt: skip
    sizes = {"control": 60, "treated": 40}
    assert power_of_test(0.5, 0.2, **sizes) == power_of_test(0.5, 0.2, **sizes, confidence=0.95)
    assert detectable(0.5, **sizes) == detectable(0.5, **sizes, power=0.8, confidence=0.95)
    assert power_of_test(0.5, detectable(0.5, **sizes), **sizes) == pytest.approx(0.8, abs=1e-9)
    bounds = stopping_bounds(3)
    assert bounds.tolist() == stopping_bounds(3, kind="obrien_fleming", confidence=0.95).tolist()
    assert stopping_bounds(1).tolist() == pytest.approx([stats.norm.ppf(0.975)])


def test_rates_may_reach_their_ends_but_not_start_there() -> None:
    for difference in (0.5, -0.5):
        assert sample_size(0.5, difference).exact > 0
        for wrong in (difference * 1.001, 0):
            with pytest.raises(DataError, match="difference: expected one that is not 0"):
                sample_size(0.5, wrong)
    for rate in (0.0, 1.0):
        with pytest.raises(DataError, match="control_rate: expected a share above 0 and below 1"):
            sample_size(rate, 0.1)
        with pytest.raises(DataError, match="power: expected a share"):
            sample_size(0.5, 0.1, power=rate)
        with pytest.raises(DataError, match="share_control: expected a share"):
            sample_size(0.5, 0.1, share_control=rate)
    assert power_of_test(0.5, 0.1, control=1, treated=1) > 0
    for count in (0, 0.99, math.inf):
        with pytest.raises(DataError, match="control: expected 1 or more"):
            power_of_test(0.5, 0.1, control=count, treated=9)
        with pytest.raises(DataError, match="looks: expected a whole number from 1 "):
            stopping_bounds(count)
    with pytest.raises(DataError, match="kind: expected"):
        stopping_bounds(2, kind="haybittle")


def test_a_new_campaign_has_no_money() -> None:
    new = Campaign("spring")
    assert (new.committed, new.spent, new.budget, new.left) == (0, 0, None, None)
    for wrong in (0, -1):
        with pytest.raises(DataError, match="amount: expected money above 0"):
            Campaign("spring", budget=5.0).commit(wrong)
    assert Campaign("spring", budget=5.0).commit(0.5).left == 4.5


# --- uplift


def rates_of(rows: pd.DataFrame) -> tuple[int, float, int, float]:
    """Treated, their rate, untreated, and theirs."""
    t, c = rows[rows["t"] == 1], rows[rows["t"] == 0]
    return len(t), t["y"].mean() if len(t) else 0.0, len(c), c["y"].mean() if len(c) else 0.0


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 5))
def test_points_and_bands_of_the_curve(seed: int, levels: int, bands: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(4, 40))
    rows = pd.DataFrame({n: rng.integers(0, 2, size) for n in "ty"})
    rows["s"] = rng.integers(0, levels, size) / 4
    rows.loc[:1, "t"] = [0, 1]
    found = uplift_curve(rows["s"], rows["t"], rows["y"], bands=bands, draws=5)
    tops = [rows[rows["s"] >= s] for s in sorted(set(rows["s"]), reverse=True)]
    points = [(0, 0.0, 0.0)]
    for top in tops:
        n, rate, n0, base = rates_of(top)
        gain = rate * n - base * n if n0 else rate * n
        points.append((len(top), gain, (rate - base) * len(top)))
    wanted = pd.DataFrame(points, columns=["customers", "gain", "uplift"])
    pd.testing.assert_frame_equal(found.points, wanted)
    cuts, made = [], min(bands, len(tops))
    for k in range(1, made + 1):  # the first score with which a band is full
        cuts.append(next(len(t) for t in tops if len(t) >= size * k / made - 1e-9))
    best = rows.sort_values("s", ascending=False, ignore_index=True)
    ends = sorted(set(cuts))
    parts = [best[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    wanted = pd.DataFrame(
        [band_of(p) for p in parts],
        columns=["customers", "treated_rate", "control_rate", "difference", "lower", "upper"],
    )
    pd.testing.assert_frame_equal(found.bands, wanted)


def band_of(rows: pd.DataFrame) -> tuple[Any, ...]:
    n, rate, n0, base = rates_of(rows)
    x, x0 = round(rate * n), round(base * n0)
    seen = [math.nan if not n else rate, math.nan if not n0 else base]
    return (len(rows), *seen, *(float(v) for v in newcombe(x, n, x0, n0)))


def test_the_interval_of_qini_is_that_of_drawing_customers_again() -> None:
    rng = np.random.default_rng(2)
    s, t = rng.integers(0, 6, 300), rng.integers(0, 2, 300)
    y = (rng.random(300) < 0.2 + 0.1 * t * s / 5).astype(int)
    found = uplift_curve(s, t, y)
    assert found.qini == uplift_curve(s, t, y, bands=10, confidence=0.95, draws=200, seed=0).qini
    assert found.qini != uplift_curve(s, t, y, seed=1).qini
    assert len(uplift_curve(np.arange(300), t, y).bands) == 10
    values = []
    for _ in range(120):
        at = rng.integers(0, 300, 300)
        values.append(uplift_curve(s[at], t[at], y[at], draws=1).qini.estimate)
    low, high = np.quantile(values, [0.025, 0.975])
    wide = uplift_curve(s, t, y, draws=2000).qini
    assert (wide.lower, wide.upper) == pytest.approx((low, high), abs=0.012)
    assert (found.qini.method, found.overall.method) == ("bootstrap", "newcombe")
    assert (found.qini.sample_size, found.overall.sample_size) == (300, 300)
    assert found.qini.confidence == found.overall.confidence == 0.95
    half = uplift_curve(s, t, y, confidence=0.5, draws=2000).qini
    assert (half.lower, half.upper) == pytest.approx(np.quantile(values, [0.25, 0.75]), abs=0.01)
    assert "qini" in repr(found) + found._repr_html_()


def test_flags_and_scores_are_checked() -> None:
    for wrong in ([1, 2], [1, np.nan], [1, -1]):
        with pytest.raises(DataError, match=r"responded: .* in 1 row \(row 1\); expected booleans"):
            uplift_curve([1, 2], [1, 0], wrong)
    with pytest.raises(DataError, match="responded: 3 values for 2 scores"):
        uplift_curve([1, 2], [1, 0], [1, 0, 1])
    with pytest.raises(DataError, match="score: null in 1 row"):
        uplift_curve([1, np.nan], [1, 0], [1, 0])
    for group in (0, 1):
        with pytest.raises(DataError, match="found only one group"):
            uplift_curve([1, 2], [group] * 2, [0, 1])
    plain = uplift_curve([1, 2, 3], [1, 0, 1], [1, 0, 0], draws=3)
    flags = uplift_curve([1, 2, 3], [True, False, True], [True, False, False], draws=3)
    assert plain.qini == flags.qini
