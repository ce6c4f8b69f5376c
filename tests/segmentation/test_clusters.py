"""Clusters: published figures of iris, laws of rows, blocks and threads, rules, portraits."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from bankcrm.errors import DataError, UnknownNameError
from bankcrm.segmentation import (
    Clusters,
    assign_clusters,
    cluster_rules,
    fit_clusters,
    portrait,
)
from bankcrm.segmentation.clusters.kmeans import converge, fit_centres, nearest
from bankcrm.segmentation.clusters.naming import names_of
from bankcrm.segmentation.clusters.stability import jaccard

IRIS = pd.read_csv(Path(__file__).with_name("iris.csv"))
FLOWERS = list(IRIS.columns)


def bank(rows: int = 1500, seed: int = 1) -> pd.DataFrame:
    """Three kinds of customers, one of them rich; some facts are missing."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, rows, p=[0.5, 0.3, 0.2])
    frame = pd.DataFrame(
        {
            "assets": np.array([8e3, 3e4, 2e6])[kind] * rng.lognormal(0, 0.3, rows),
            "logins": rng.poisson(np.array([2, 40, 8])[kind]),
            "age_years": rng.normal(np.array([60, 30, 50])[kind], 4).round(),
        },
        index=pd.Index(np.arange(rows) + 100, name="customer_id"),
    )
    frame.loc[frame.index[rng.random(rows) < 0.02], "assets"] = np.nan
    return frame


BANK = bank()
FEATURES = list(BANK.columns)
SCALES = {"assets": "log"}


@functools.cache
def fitted() -> Clusters:
    """The clusters of the bank; made by the first test that asks for them."""
    return fit_clusters(BANK, FEATURES, scales=SCALES, ks=range(2, 6))


@pytest.mark.parametrize(
    ("k", "inertia", "silhouette"),
    [
        (2, 152.347952, 0.681046),
        (3, 78.851441, 0.552819),
        (4, 57.228473, 0.498051),
        (5, 46.446182, 0.488749),
    ],
)
def test_inertia_and_silhouette_of_iris_are_the_published_ones(
    k: int, inertia: float, silhouette: float
) -> None:
    found = fit_clusters(IRIS, FLOWERS, k=k, scales="none")
    assert (round(found.inertia, 6), round(found.silhouette, 6)) == (inertia, silhouette)


def test_the_three_clusters_of_iris_are_stable() -> None:
    found = fit_clusters(IRIS, FLOWERS, k=3, scales="none")
    assert sorted(c.size for c in found.clusters) == [38, 50, 62]
    assert found.trail[0].stability == pytest.approx(0.878, abs=0.06)
    assert found.stable


def test_the_most_stable_number_of_clusters_is_taken() -> None:
    assert len(fitted().clusters) == 3
    assert max(fitted().trail, key=lambda t: t.stability).k == 3
    assert [t.k for t in fitted().trail] == [2, 3, 4, 5]
    alone = fit_clusters(BANK, FEATURES, scales=SCALES, k=3)
    assert alone.clusters == fitted().clusters
    noise = pd.DataFrame(np.random.default_rng(3).random((300, 4)), columns=list("abcd"))
    assert not fit_clusters(noise, list("abcd"), ks=[5, 6]).stable


def test_each_centre_is_the_mean_of_its_rows_and_each_row_goes_to_the_nearest() -> None:
    found = fit_clusters(IRIS, FLOWERS, k=4, scales="none")
    gaps = cdist(IRIS.to_numpy(), found.centres)
    label = gaps.argmin(axis=1)
    for number in range(4):
        assert IRIS[label == number].mean().to_numpy() == pytest.approx(found.centres[number])
    assigned = assign_clusters(IRIS, found)
    assert assigned["cluster"].cat.codes.tolist() == label.tolist()
    assert assigned["distance"].to_numpy() == pytest.approx(gaps.min(axis=1))
    assert assigned["second"].cat.codes.tolist() == np.argsort(gaps, axis=1)[:, 1].tolist()
    assert (gaps.min(axis=1) ** 2).sum() == pytest.approx(found.inertia)


@settings(max_examples=6)  # each fits two times, with bootstrap
@given(st.integers(0, 10_000), st.integers(2, 3), st.integers(1, 30))
def test_the_order_of_rows_and_the_cut_of_blocks_change_no_bit(seed: int, k: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(40, 3)).round(1), columns=list("abc"))
    frame = pd.concat([frame, frame.iloc[:5]], ignore_index=True)  # some rows are equal
    fitted = fit_clusters(frame, list("abc"), k=k, scales={"a": "log"})
    mixed = frame.sample(frac=1, random_state=seed)
    assert fit_clusters(mixed, list("abc"), k=k, scales={"a": "log"}) == fitted
    whole = assign_clusters(frame, fitted)
    parts = [assign_clusters(part, fitted) for part in (frame.iloc[:cut], frame.iloc[cut:])]
    pd.testing.assert_frame_equal(pd.concat(parts), whole, check_exact=True)


@given(st.permutations([0.0, 0.5, 10.0, 30.0]), st.integers(2, 4))
def test_a_centre_without_rows_takes_the_farthest_row(places: list[float], k: int) -> None:
    """All centres but the first start where no row is nearest to them."""
    far = np.array([[0.0], *([1000.0 + i] for i in range(1, k))])
    centres, inertia = converge(np.array([places]), far)
    ordered = sorted(places)
    groups = [*([p] for p in ordered[5 - k :]), ordered[: 5 - k]]  # one for each of the farthest
    assert sorted(centres[:, 0]) == sorted(float(np.mean(g)) for g in groups)
    assert inertia == pytest.approx(sum(((np.array(g) - np.mean(g)) ** 2).sum() for g in groups))


def test_a_frame_larger_than_the_sample_obeys_the_same_laws() -> None:
    many = bank(14_000, seed=5)
    found = fit_clusters(many, FEATURES, k=3, scales=SCALES)
    assert found.rows + found.left_out == len(many)
    assert fit_clusters(many[::-1], FEATURES, k=3, scales=SCALES) == found
    label = assign_clusters(many, found)["cluster"].cat.codes.to_numpy()
    scaled = found.scaled(many)
    for number, cluster in enumerate(found.clusters):
        own = scaled[:, label == number]
        assert own.shape[1] == cluster.size
        assert own.mean(axis=1) == pytest.approx(cluster.centre, abs=1e-2)


def test_threads_change_no_bit() -> None:
    code = (
        "import pandas as pd, sys; from bankcrm.segmentation import fit_clusters;"
        "f = pd.read_csv(sys.argv[1]); print(fit_clusters(f, list(f), k=3).fingerprint)"
    )
    one = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    path = str(Path(__file__).with_name("iris.csv"))
    ran = subprocess.run(
        [sys.executable, "-c", code, path], env=one, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == fit_clusters(IRIS, FLOWERS, k=3).fingerprint


def test_a_missing_fact_leaves_a_row_undecided_and_counted() -> None:
    absent = BANK["assets"].isna()
    assert (fitted().left_out, fitted().rows) == (absent.sum(), (~absent).sum())
    assigned = assign_clusters(BANK, fitted())
    assert assigned["cluster"].isna().equals(absent)
    assert set(assigned.loc[absent, "missing"]) == {"assets"}
    assert assigned.loc[absent, ["distance", "second"]].isna().all(axis=None)
    assert assigned.index.equals(BANK.index)


def test_clusters_go_to_toml_and_back() -> None:
    again = Clusters.from_toml(fitted().to_toml())
    assert again == fitted()
    assert again.fingerprint == fitted().fingerprint
    pd.testing.assert_frame_equal(assign_clusters(BANK, again), assign_clusters(BANK, fitted()))


def test_the_centre_of_a_feature_is_in_its_own_unit() -> None:
    rich = fitted().frame()["assets"].max()
    assert 1.5e6 < rich < 2.5e6
    assert any("high assets" in name for name in fitted().names)


def test_money_on_the_signed_logarithm_has_a_sign() -> None:
    frame = pd.DataFrame({"profit": [-1e6, -1.1e6, -9e5, 5.0, 6.0, 4.0, 1e6, 1.2e6, 9e5]})
    found = fit_clusters(frame, ["profit"], k=3, scales="log")
    assert [c.size for c in found.clusters] == [3, 3, 3]
    assert found.frame()["profit"].iloc[0] == pytest.approx(-1e6, rel=0.1)


def test_rules_are_proven_and_counted_on_the_rows() -> None:
    found = cluster_rules(BANK, fitted())
    assert found.table.check() == []
    assert len(found.table.rules) == len(fitted().clusters)
    decided = found.table.decide_frame(BANK, on_missing="undecided")
    assigned = assign_clusters(BANK, fitted())["cluster"]
    known = assigned.notna()
    same = decided["outcome"].astype(str)[known] == assigned.astype(str)[known]
    assert found.agreement == same.mean() > 0.98
    assert decided["outcome"].isna()[known].sum() == 0
    assert 1 <= found.price < 1.1
    mixed = cluster_rules(BANK.sample(frac=1, random_state=2), fitted())
    assert (mixed.table, mixed.agreement, mixed.price) == (
        found.table,
        found.agreement,
        found.price,
    )


@settings(max_examples=6)
@given(st.integers(0, 10_000))
def test_two_clusters_are_cut_where_the_fewest_rows_are_lost(seed: int) -> None:
    frame = pd.DataFrame(
        np.random.default_rng(seed).normal(size=(50, 2)).round(1), columns=["a", "b"]
    )
    fitted = fit_clusters(frame, ["a", "b"], k=2, scales="none")
    label = cdist(frame.to_numpy(), fitted.centres).argmin(axis=1)
    cuts = {}  # feature and edges of a gap -> rows that a cut in it puts to the other centre
    for column, centres in zip("ab", fitted.centres.T, strict=True):
        edges = sorted({*frame[column], *centres})
        for low, high in pairwise(e for e in edges if centres.min() <= e <= centres.max()):
            side = (frame[column] >= high) == bool(centres[1] > centres[0])
            cuts[column, low, high] = int((side != label).sum())
    found = cluster_rules(frame, fitted)
    least = min(cuts.values())
    assert found.agreement == pytest.approx(1 - least / 50)
    ((column, test),) = found.table.rules[0].when.items()
    at = float(str(test).split()[-1])
    (width,) = [h - low for c, low, h in cuts if c == column and low < at <= h]
    widest = max(h - low for (_, low, h), lost in cuts.items() if lost == least)
    assert width == pytest.approx(widest)
    told = found.table.decide_frame(frame)["outcome"].astype(str).to_numpy()
    apart = sum(((g - g.mean()) ** 2).to_numpy().sum() for _, g in frame.groupby(told))
    nearest = (cdist(frame.to_numpy(), fitted.centres).min(axis=1) ** 2).sum()
    assert found.price == pytest.approx(apart / nearest)


def test_rows_that_lie_on_their_centres_cost_nothing() -> None:
    frame = pd.DataFrame({"a": [1.0, 1.0, 5.0]})
    found = cluster_rules(frame, fit_clusters(frame, ["a"], k=2, scales="none"))
    assert (found.price, found.agreement, found.rows) == (1.0, 1.0, 3)


@settings(max_examples=10)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=5), st.integers(2, 3))
def test_few_distinct_rows_are_fitted_or_refused_with_a_sentence(rows: list[int], k: int) -> None:
    frame = pd.DataFrame({"a": rows}, dtype=float)
    if len(set(rows)) < k:
        with pytest.raises(DataError, match="distinct rows"):
            fit_clusters(frame, ["a"], k=k, scales="none")
    else:  # bootstrap samples of few rows often have fewer distinct ones than clusters
        assert sum(c.size for c in fit_clusters(frame, ["a"], k=k, scales="none").clusters) == (
            len(rows)
        )


def test_a_refit_keeps_the_names_of_the_clusters_that_stayed() -> None:
    earlier = fitted()
    later = fit_clusters(bank(1400, seed=9), FEATURES, k=3, scales=SCALES)
    known = earlier.renamed({earlier.names[0]: "savers"})
    assert known.names == ("savers", *earlier.names[1:])
    again = later.matched(known)
    assert again.names == known.names
    assert again.centres.tolist() == later.centres.tolist()
    more = fit_clusters(bank(1400, seed=9), FEATURES, k=4, scales=SCALES).matched(known)
    assert set(known.names) < set(more.names)
    assert len(set(more.names)) == 4
    turned = fit_clusters(bank(1400, seed=9), FEATURES[::-1], k=3, scales=SCALES)
    matched = turned.matched(known)
    both = assign_clusters(BANK, matched)["cluster"], assign_clusters(BANK, known)["cluster"]
    known_rows = both[0].notna()
    assert (both[0].astype(str) == both[1].astype(str))[known_rows].mean() > 0.99
    with pytest.raises(DataError, match="earlier: has features"):
        fit_clusters(IRIS, FLOWERS, k=2).matched(known)


@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 4))
def test_each_name_is_given_once(seed: int, k: int, features: int) -> None:
    z = np.random.default_rng(seed).normal(size=(k, features)).round()
    names = names_of(z, [f"f{i}" for i in range(features)])
    assert len(set(names)) == k


def standing(all_: pd.Series, own: pd.Series) -> list[float]:
    """Share of known values, value, value of all, and the difference in deviations."""
    if all_.dtype == "boolean":
        value, overall = float(own.mean()) if own.notna().any() else np.nan, float(all_.mean())
        spread = (overall * (1 - overall)) ** 0.5
    else:
        value, overall = own.median(), all_.median()
        spread = 1.482602218505602 * (all_ - overall).abs().median() or all_.std(ddof=0)
    return [own.notna().mean(), value, overall, (value - overall) / spread if spread else 0.0]


def test_a_portrait_is_the_medians_of_each_group() -> None:
    frame = BANK.assign(city="x", same=7, few=np.where(BANK["logins"] > 40, 5, 1))
    frame["app"] = (BANK["logins"] > 20).astype("boolean").where(BANK["age_years"] > 40)
    frame["true"] = True
    tier = pd.Series(np.where(BANK["assets"] > 1e5, "rich", "other"), index=BANK.index)
    tier[BANK["assets"].isna()] = None
    tier.iloc[[7]] = "alone"
    found = portrait(frame, tier)
    features = [*FEATURES, "same", "few", "app", "true"]
    expected = []
    for group in ("alone", "other", "rich"):
        own = frame[tier == group]
        sizes = [len(own), len(own) / len(frame)]
        all_of = {n: frame[n].astype("boolean") if n == "true" else frame[n] for n in features}
        expected += [[group, n, *sizes, *standing(s, s[tier == group])] for n, s in all_of.items()]
    columns = ["group", "feature", "rows", "share", "known", "value", "overall", "z"]
    pd.testing.assert_frame_equal(
        found[columns], pd.DataFrame(expected, columns=columns), check_dtype=False
    )
    by_name = found.set_index(["group", "feature"])
    assert by_name.loc[("rich", "assets"), "name"].startswith("high assets")
    mixed = frame.sample(frac=1, random_state=3)
    again = portrait(mixed, tier.reindex(mixed.index)).set_index(["group", "feature"])
    pd.testing.assert_frame_equal(again, by_name)
    by_number = portrait(BANK, pd.Series([10, 9] * 750), features=["assets"])
    assert by_number["group"].tolist() == [9, 10]
    unknown = portrait(pd.DataFrame({"a": [np.nan, np.nan]}), ["x", "y"])
    assert unknown["known"].tolist() == [0, 0]
    assert unknown[["value", "overall", "z"]].isna().all(axis=None)


@settings(max_examples=3)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_stability_is_the_mean_jaccard_similarity_of_sets_of_rows(seed: int, k: int) -> None:
    points = np.random.default_rng(seed).normal(size=(2, 30)).round(1)
    label, _ = nearest(points, fit_centres(points, k, np.random.default_rng(1), 1))
    found = jaccard(points, label, k, np.random.default_rng(seed))
    rng, total = np.random.default_rng(seed), np.zeros(k)
    for _ in range(50):
        drawn = np.unique(rng.integers(0, 30, 30))
        again, _ = nearest(points[:, drawn], fit_centres(points[:, drawn], k, rng, 2))
        theirs = [set(drawn[again == c].tolist()) for c in range(k)]
        for c in range(k):
            own = set(drawn[label[drawn] == c].tolist())
            total[c] += max(len(own & t) / max(len(own | t), 1) for t in theirs)
    assert found == pytest.approx(total / 50)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"logins": np.inf}, "logins: infinite in 1,500 rows"),
        ({"logins": 3}, "logins: has one value in all rows"),
        ({"logins": "many"}, "logins: expected numbers"),
        ({"logins": np.nan}, "0 distinct rows"),
    ],
)
def test_a_feature_that_cannot_be_used_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        fit_clusters(BANK.assign(**change), FEATURES, k=2)


def test_clusters_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="savers"):
        fitted().renamed({"savers": "a"})
    with pytest.raises(DataError, match="expected each name once"):
        fitted().renamed({fitted().names[0]: fitted().names[1]})
    short = attrs.evolve(fitted().clusters[0], centre=(1.0,))
    with pytest.raises(DataError, match="1 numbers in its centre"):
        attrs.evolve(fitted(), clusters=(short,))


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="age_years"):
        fit_clusters(BANK, ["age"], k=2)
    with pytest.raises(UnknownNameError, match="robust, log, none"):
        fit_clusters(BANK, FEATURES, k=2, scales="rank")  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="scales"):
        fit_clusters(BANK, FEATURES, k=2, scales={"asset": "log"})
    for k in (1, 0, 101, 2.5):
        with pytest.raises(DataError, match="2 to 100"):
            fit_clusters(BANK, FEATURES, k=k)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="each once"):
        fit_clusters(BANK, ["logins", "logins"], k=2)
    with pytest.raises(DataError, match="3 distinct rows"):
        fit_clusters(pd.DataFrame({"a": [1, 2, 3, 3]}), ["a"], k=4)
    with pytest.raises(DataError, match="2 values for 1,500 rows"):
        portrait(BANK, [1, 2])
    with pytest.raises(DataError, match="no row has a group"):
        portrait(BANK, [None] * 1500)
