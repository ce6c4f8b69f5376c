"""Migration, dwell times and rates: counted by hand, and against other methods."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.linalg import expm
from scipy.stats import binomtest

from bankcrm.errors import DataError
from bankcrm.intervals import wilson
from bankcrm.lifecycle import (
    churn_rates,
    dwell_times,
    growth,
    migration_matrix,
    month_ends,
    move_rate,
    reactivation_rate,
    stage_funnel,
    stage_history,
    stage_spells,
    win_back_rate,
)
from bankcrm.lifecycle.history.dwell import survival_curve
from bankcrm.policy import default_policy

LETTERS = {"p": "prospect", "l": "lead", "n": "new", "a": "active", "d": "dormant", "o": "lost"}


def history_of(*paths: str) -> pd.DataFrame:
    rows = [
        (who, when, LETTERS.get(letter))
        for who, path in enumerate(paths)
        for letter, when in zip(path, month_ends("2026-01", "2027-12"), strict=False)
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "stage"])
    stage = pd.Categorical(frame["stage"], categories=list(LETTERS.values()))
    return frame.assign(date=pd.to_datetime(frame["date"]), stage=stage)


paths = st.lists(st.text("plnado-", min_size=4, max_size=6), min_size=1, max_size=12)


@given(paths)
def test_cohort_counts_are_the_pairs_of_neighbouring_dates(drawn: list[str]) -> None:
    drawn = [p.ljust(6, "-") for p in drawn]
    matrix = migration_matrix(history_of(*drawn))
    pairs = [(a, b) for p in drawn for a, b in pairwise(p) if "-" not in (a, b)]
    for a, before in LETTERS.items():
        row = [sum(x == a and y == b for x, y in pairs) for b in LETTERS]
        assert matrix.counts.loc[before].tolist() == row
        chances = matrix.probabilities.loc[before]
        if sum(row):
            assert chances.sum() == pytest.approx(1)
            assert matrix.exposure[before] == sum(row)
        else:
            assert chances.isna().all()


@given(paths)
@settings(max_examples=20)
def test_matrices_by_period_and_by_segment_add_up_to_the_whole(drawn: list[str]) -> None:
    history = history_of(*[p.ljust(6, "-") for p in drawn])
    whole = migration_matrix(history).counts
    segment = pd.Series(["odd" if i % 2 else "even" for i in range(len(drawn))])
    for by in ("period", segment):
        parts = migration_matrix(history, by=by)
        pd.testing.assert_frame_equal(
            parts.counts.groupby("before", sort=False).sum().reindex(whole.index), whole
        )


def test_the_interval_of_a_chance_is_wilsons() -> None:
    matrix = migration_matrix(history_of("aa", "aa", "aa", "ad"))
    low, high = matrix.interval(0.9)
    exact = binomtest(3, 4).proportion_ci(0.9, method="wilson")
    assert low.loc["active", "active"] == pytest.approx(exact.low)
    assert high.loc["active", "active"] == pytest.approx(exact.high)
    for usual, named in zip(matrix.interval(), matrix.interval(0.95), strict=True):
        pd.testing.assert_frame_equal(usual, named)


def test_durations_recover_the_generator_that_made_the_moves() -> None:
    rates = np.array([[-0.010, 0.008, 0.002], [0.02, -0.03, 0.01], [0.005, 0.0, -0.005]])
    rng = np.random.default_rng(4)
    stages = np.array(["new", "active", "lost"])
    days = np.arange(0, 2000)
    step = expm(rates)
    state = rng.integers(0, 3, 400)
    grid = np.empty((400, len(days)), dtype=int)
    for j in range(len(days)):
        grid[:, j] = state
        state = (step[state].cumsum(axis=1) > rng.random((400, 1))).argmax(axis=1)
    frame = pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(400), len(days)),
            "date": np.tile(np.datetime64("2020-01-01") + days, 400).astype("datetime64[s]"),
            "stage": pd.Categorical.from_codes(grid.ravel(), categories=stages),
        }
    )
    matrix = migration_matrix(frame, method="duration", period_days=30)
    assert matrix.generator is not None
    assert np.allclose(matrix.generator, rates, atol=0.0015)
    assert np.allclose(matrix.probabilities, expm(rates * 30), atol=0.02)
    assert np.allclose(matrix.probabilities.sum(axis=1), 1)
    assert matrix.period_days == 30
    assert migration_matrix(frame).period_days == 1


def test_a_matrix_says_what_it_counts() -> None:
    history = history_of("aad", "add")
    assert "pairs of dates 4" in repr(migration_matrix(history))
    assert "moves 2" in repr(migration_matrix(history, method="duration"))


def test_a_stage_that_was_never_seen_has_no_chances() -> None:
    matrix = migration_matrix(history_of("aad"), method="duration")
    assert matrix.probabilities.loc["lost"].isna().all()
    assert matrix.probabilities.loc["active"].sum() == pytest.approx(1)
    with pytest.raises(DataError, match="method='cohort'"):
        matrix.interval()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "guess"}, "'cohort' or 'duration'"),
        ({"by": "month"}, "or 'period'"),
        ({"by": "period", "method": "duration"}, "or 'period'"),
        ({"by": pd.Series(["x"], index=[99])}, r"1 customers have no segment \(0\)"),
        ({"method": "duration", "period_days": 0}, "above 0 days"),
    ],
)
def test_wrong_arguments_of_migration_are_errors(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        migration_matrix(history_of("aad"), **arguments)
    with pytest.raises(DataError, match="at least two dates"):
        migration_matrix(history_of("a"))


stays = st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=40)


@given(stays)
def test_survival_is_the_product_of_chances_to_stay(drawn: list[tuple[int, bool]]) -> None:
    curve = survival_curve(*zip(*drawn, strict=True))
    left = 1.0
    for day in sorted({d for d, _ in drawn}):
        at_risk = sum(d >= day for d, _ in drawn)
        left *= 1 - sum(d == day and over for d, over in drawn) / at_risk
        assert curve.loc[day, "survival"] == pytest.approx(left)
        assert curve.loc[day, "at_risk"] == at_risk
        assert curve.loc[day, "lower"] <= left + 1e-12
        assert left <= curve.loc[day, "upper"] + 1e-12


@given(stays)
@settings(max_examples=15)
def test_survival_and_its_interval_are_those_of_lifelines(drawn: list[tuple[int, bool]]) -> None:
    lifelines = pytest.importorskip("lifelines", reason="lifelines is not installed")
    days, ended = (np.array(c) for c in zip(*drawn, strict=True))
    curve = survival_curve(days, ended)
    theirs = lifelines.KaplanMeierFitter().fit(days, ended)
    at = curve.index.to_numpy()
    assert np.allclose(curve["survival"], theirs.survival_function_at_times(at))
    bounds = theirs.confidence_interval_.reindex(at)
    inner = ((curve["survival"] > 0) & (curve["survival"] < 1)).to_numpy()
    assert np.allclose(curve.loc[inner, ["lower", "upper"]], bounds[inner])


def test_stays_are_censored_truncated_and_summed_up() -> None:
    # Months 31, 28, 31, 30: new lasts 28 days; active ends after 31, or still runs.
    dwell = dwell_times(history_of("-naad", "-naaa", "aaddd"))
    new, active = dwell.summary.loc["new"], dwell.summary.loc["active"]
    assert new[["spells", "ended", "censored", "median_days", "mean_days"]].tolist() == [
        2, 2, 0, 31, 31,
    ]  # fmt: skip
    assert active[["spells", "ended", "censored", "left_truncated"]].tolist() == [2, 1, 1, 1]
    assert active["median_days"] == 61
    assert dwell.curve.loc["active", "at_risk"].tolist() == [2]


@given(paths)
@settings(max_examples=15)
def test_spells_and_stays_are_runs_of_equal_letters(drawn: list[str]) -> None:
    drawn = [p.ljust(6, "-") for p in drawn]
    history, ends = history_of(*drawn), month_ends("2026-01", "2026-06")
    runs = []
    for who, path in enumerate(drawn):
        start = 0
        for letter, same in groupby(path):
            stop = start + len(list(same))
            after = path[stop] if stop < 6 and path[stop] != "-" else None
            if letter != "-":
                end = ends[stop if after else stop - 1]
                row = (who, LETTERS[letter], ends[start], end, LETTERS.get(after or ""), start > 0)
                runs.append(row)
            start = stop
    spells = stage_spells(history)
    found = spells.astype(object).where(spells.notna(), None).itertuples(index=False, name=None)
    assert [(w, s, np.datetime64(a, "D"), np.datetime64(b, "D"), n, f) for w, s, a, b, n, f in found
            ] == runs  # fmt: skip
    if not runs:
        return
    summary = dwell_times(history).summary
    for stage in {r[1] for r in runs}:
        stays = [r for r in runs if r[1] == stage]
        whole = [r for r in stays if r[5]]
        ended = sum(r[4] is not None for r in whole)
        assert summary.loc[stage, ["spells", "ended", "censored", "left_truncated"]].tolist() == [
            len(whole), ended, len(whole) - ended, len(stays) - len(whole),
        ]  # fmt: skip
        left = [(int((r[3] - r[2]).astype(int)), r[4] is not None) for r in whole]
        points, chance, median = [(0, 1.0)], 1.0, np.nan
        for day in sorted({d for d, _ in left}):
            chance *= 1 - left.count((day, True)) / sum(d >= day for d, _ in left)
            points.append((day, chance))
            median = day if np.isnan(median) and chance < 0.5 + 1e-9 else median
        mean = sum((b - a) * high for (a, high), (b, _) in pairwise(points)) if left else np.nan
        assert summary.loc[stage, ["median_days", "mean_days"]].tolist() == pytest.approx(
            [median, mean], nan_ok=True
        )


def test_stays_by_segment() -> None:
    segment = pd.Series(["x", "y"])
    dwell = dwell_times(history_of("-nad", "-nnad"), by=segment)
    assert dwell.summary.loc[("x", "new"), "median_days"] == 31
    assert dwell.summary.loc[("y", "new"), "median_days"] == 61
    assert list(dwell.summary.index.names) == ["by", "stage"]
    assert list(dwell.curve.index.names) == ["by", "stage", "days"]


def test_a_segment_that_one_customer_lacks_is_asked_for() -> None:
    with pytest.raises(DataError, match=r"2 customers have no segment \(1, 3\)"):
        dwell_times(history_of("na", "na", "na", "na"), by=pd.Series(["x", "y"], index=[0, 2]))


def test_lengths_must_be_known() -> None:
    for bad in ([-1.0], [np.nan]):
        with pytest.raises(DataError, match=r"days: missing or below 0 in 1 row \(row 0\)"):
            survival_curve(bad, [True])
    with pytest.raises(DataError, match="give one for each"):
        survival_curve([1, 2], [True])


def test_the_funnel_counts_who_reached_and_who_went_on() -> None:
    funnel = stage_funnel(history_of("ppla", "pplo", "pppp", "nado", "-lll"))
    assert funnel[["to", "reached", "converted"]].to_numpy().tolist() == [
        ["lead", 5, 4],
        ["new", 4, 2],
        ["active", 2, 2],
    ]
    assert funnel.loc["lead", "rate"] == 0.5
    exact = binomtest(2, 4).proportion_ci(0.95, method="wilson")
    assert funnel.loc["lead", ["lower", "upper"]].tolist() == pytest.approx([*exact])
    assert funnel.loc["prospect", "median_days"] == 59
    with pytest.raises(DataError, match="not in model"):
        stage_funnel(history_of("pp").astype({"stage": object}).replace("prospect", "x"))


def test_churn_by_stage_and_period_is_compared_with_its_target() -> None:
    policy = default_policy("lifecycle").with_parameters(
        churn_targets={"active": 0.5, "all": 0.999}
    )
    churn = churn_rates(history_of("ao", "aa", "aa", "do", "dd", "po", "a-"), policy=policy)
    at = churn.xs(pd.Timestamp("2026-02-28"))
    assert at.loc["active", ["at_risk", "lost"]].tolist() == [3, 1]
    assert at.loc["all", ["at_risk", "lost"]].tolist() == [5, 2]
    monthly = 1 - 0.5 ** (28 / 365.25)
    assert at.loc["active", "target"] == pytest.approx(monthly)
    assert at["met"].isna().tolist() == [True, False, True, False]
    assert not at.loc["active", "met"]


def test_a_target_is_met_by_the_rate_itself_not_by_its_interval() -> None:
    policy = default_policy("lifecycle").with_parameters(churn_targets={"active": 0.5, "new": 0.5})
    lost_one_in_ten = history_of("ao", *["aa"] * 9, "nn")
    churn = churn_rates(lost_one_in_ten, policy=policy).xs(pd.Timestamp("2026-02-28"))
    active = churn.loc["active"]
    assert active["lower"] < active["target"] < active["rate"]
    assert churn["met"].tolist() == [True, False, pd.NA, pd.NA]
    assert churn["met"].dtype == "boolean"
    assert list(churn.columns) == ["at_risk", "lost", "rate", "lower", "upper", "target", "met"]


def test_a_target_is_that_of_the_length_of_each_period_and_is_met_by_an_equal_rate() -> None:
    policy = default_policy("lifecycle").with_parameters(churn_targets={"active": 0.5, "all": 0.0})
    churn = churn_rates(history_of("aaaa", "aaa-"), policy=policy)
    days = [28, 31, 30]  # from the last day of January to those of February, March and April
    assert churn.xs("active", level="stage")["target"].tolist() == pytest.approx(
        [1 - 0.5 ** (n / 365.25) for n in days]
    )
    assert churn.xs("all", level="stage")["rate"].tolist() == [0, 0, 0]
    assert churn.xs("all", level="stage")["met"].all()


@given(paths)
@settings(max_examples=10)
def test_rates_are_counted_customer_by_customer(drawn: list[str]) -> None:
    drawn = [p.ljust(6, "-") for p in drawn]
    history, ends = history_of(*drawn), month_ends("2026-01", "2026-06")
    grown, back, won = growth(history), reactivation_rate(history), win_back_rate(history)
    churn = churn_rates(history)
    assert grown.index.tolist() == [pd.Timestamp(e) for e in ends[1:]]
    for j, end in enumerate(grown.index):
        pairs = [p[j : j + 2] for p in drawn]
        before, now = (sum(p[k] == "p" for p in pairs) for k in (0, 1))
        entered = sum(p[0] != "p" == p[1] for p in pairs)
        left = sum(p[0] == "p" != p[1] for p in pairs)
        growing = now / before - 1 if before else np.nan
        expected = [before, entered, left, now, growing]
        assert grown.loc[end].tolist() == pytest.approx(expected, nan_ok=True)
        seen = [p for p in pairs if p[1] != "-"]
        for table, of, to in ((back, "d", "a"), (won, "o", "nad")):
            at_risk = [p for p in seen if p[0] in of]
            moved = sum(p[1] in to for p in at_risk)
            rate = [float(x[0]) for x in wilson([moved], [len(at_risk)], 0.95)]
            found = table.loc[end].tolist()
            assert found == pytest.approx([len(at_risk), moved, *rate], nan_ok=True)
        for name, letters in (("new", "n"), ("active", "a"), ("dormant", "d"), ("all", "nad")):
            at_risk = [p for p in seen if p[0] in letters]
            lost = sum(p[1] == "o" for p in at_risk)
            rate = [float(x[0]) for x in wilson([lost], [len(at_risk)], 0.95)]
            found = churn.loc[(end, name), ["at_risk", "lost", "rate", "lower", "upper"]].tolist()
            assert found == pytest.approx([len(at_risk), lost, *rate], nan_ok=True)


REACHED = {"p": 0, "l": 1, "n": 2, "a": 3, "d": 2, "o": 0, "-": -1}
"""Letter of a stage -> the stage of progress that it implies."""


@given(paths)
@settings(max_examples=20)
def test_the_funnel_is_counted_customer_by_customer(drawn: list[str]) -> None:
    drawn = [p.ljust(6, "-") for p in drawn]
    funnel, ends = stage_funnel(history_of(*drawn)), month_ends("2026-01", "2026-06")
    assert funnel.index.tolist() == ["prospect", "lead", "new"]
    firsts = [
        [next((j for j, c in enumerate(p) if REACHED[c] >= step), None) for step in range(4)]
        for p in drawn
    ]
    for step, row in enumerate(funnel.itertuples()):
        reached, converted = (sum(f[step + k] is not None for f in firsts) for k in (0, 1))
        known = [(f[step], f[step + 1]) for f in firsts if f[step + 1] is not None]
        taken = [(ends[b] - ends[a]).astype(int) for a, b in known if b > a]
        rate = [float(x[0]) for x in wilson([converted], [reached], 0.95)]
        assert (row.to, row.reached, row.converted) == (
            ["lead", "new", "active"][step], reached, converted,
        )  # fmt: skip
        assert [row.rate, row.lower, row.upper] == pytest.approx(rate, nan_ok=True)
        expected = float(np.median(taken)) if taken else np.nan
        assert row.median_days == pytest.approx(expected, nan_ok=True)


def test_growth_from_zero_is_null() -> None:
    table = growth(history_of("-p", "-p"))
    assert table["growth"].isna().all()


def test_returns_are_counted() -> None:
    history = history_of("da", "dd", "do", "oa", "on", "od", "oo", "ol", "op", "d-", "o-")
    assert reactivation_rate(history)[["at_risk", "moved"]].iloc[0].tolist() == [3, 1]
    assert win_back_rate(history)[["at_risk", "moved"]].iloc[0].tolist() == [6, 3]
    none = move_rate(history, before=["lead"], after=["new"])
    assert none["rate"].isna().all()
    with pytest.raises(DataError, match="at least two dates"):
        growth(history_of("a"))


@given(st.integers(0, 500), st.integers(0, 500), st.floats(0.5, 0.999))
@example(0, 5, 0.95)
@example(5, 0, 0.95)
def test_wilson_is_that_of_scipy(hits: int, more: int, confidence: float) -> None:
    if hits + more == 0:
        return
    share, low, high = wilson([hits], [hits + more], confidence)
    exact = binomtest(hits, hits + more).proportion_ci(confidence, method="wilson")
    assert np.allclose([share[0], low[0], high[0]], [hits / (hits + more), *exact])


def test_wilson_without_a_trial_and_with_a_wrong_confidence() -> None:
    assert np.isnan(wilson([0], [0])).all()
    with pytest.raises(DataError, match="above 0 and below 1"):
        wilson([1], [2], 1.0)


def test_analytics_of_random_books_agree_with_each_other(
    make_small_book: Callable[..., Any],
) -> None:
    book = make_small_book(8)
    history = stage_history(
        book.customers, book.transactions, dates=month_ends("2023-01", "2023-12")
    )
    counts = migration_matrix(history).counts
    dormant = reactivation_rate(history)[["at_risk", "moved"]].sum()
    assert dormant.tolist() == [counts.loc["dormant"].sum(), counts.loc["dormant", "active"]]
    lost = churn_rates(history).xs("active", level="stage")[["at_risk", "lost"]].sum()
    assert lost.tolist() == [counts.loc["active"].sum(), counts.loc["active", "lost"]]
