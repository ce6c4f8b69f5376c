"""Cards: laws of points, one answer on every path, real data, leakage."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from bankcrm.errors import DataError, UnknownNameError
from bankcrm.rules import UnaryTest
from bankcrm.scoring import (
    Bins,
    Card,
    PointScale,
    Score,
    check_card,
    fit_bins,
    fit_card,
    score_card,
    score_case,
    stability,
)


def sample(rows: int = 2000, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    idle, balance = rng.exponential(60, rows).round(), rng.normal(0, 1, rows).round(3)
    channel = rng.choice(["app", "branch", "phone"], rows, p=[0.6, 0.3, 0.1])
    wages = rng.random(rows) < 0.4
    odds = -3 + idle / 60 - 0.8 * balance - wages + (channel == "phone")
    event = rng.random(rows) < 1 / (1 + np.exp(-odds))
    frame = pd.DataFrame({"idle": idle, "balance": balance, "channel": channel, "wages": wages})
    frame.loc[rng.random(rows) < 0.1, "balance"] = np.nan
    return frame, event


FACTS, EVENT = sample()


@pytest.fixture(scope="module")
def card() -> Card:
    return fit_card(FACTS, EVENT)


def regression(woe: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients on all rows, the constant first, and their covariance, by another optimiser."""
    design = np.column_stack([np.ones(len(woe)), -woe])

    def loss(beta: np.ndarray) -> float:
        odds = design @ beta
        return float(np.logaddexp(0, odds).sum() - odds[event].sum())

    def slope(beta: np.ndarray) -> np.ndarray:
        return np.asarray(design.T @ (1 / (1 + np.exp(-design @ beta)) - event))

    start = np.zeros(design.shape[1])
    best = minimize(loss, start, jac=slope, method="BFGS", options={"gtol": 1e-6}).x
    p = 1 / (1 + np.exp(-design @ best))
    return best, np.linalg.inv((design * (p * (1 - p))[:, None]).T @ design)


def holds(test: UnaryTest, value: object) -> bool:
    """Whether a value is in a bin."""
    if test.op in ("missing", "present"):
        return bool(pd.isna(value)) is (test.op == "missing")
    return bool(pd.notna(value) and test.predicate()(value))


def place_of(bins: Bins, value: object) -> int:
    """The bin of a value, or -1, by trying each bin."""
    found = [i for i, b in enumerate(bins.bins) if holds(b.test, value)]
    assert len(found) <= 1
    return found[0] if found else -1


def woe_of(bins: Bins, values: pd.Series) -> np.ndarray:
    return np.array([bins.bins[place_of(bins, v)].woe for v in values])


def test_a_card_is_what_its_definition_says(card: Card) -> None:
    """Its bins are those of each feature alone; its points are rounded weights of evidence."""
    alone = [fit_bins(FACTS[c], EVENT) for c in FACTS]
    alone = sorted((b for b in alone if b.iv >= 0.02), key=lambda b: (-b.iv, b.feature))
    assert [f.bins for f in card.features] == alone
    best, covariance = regression(
        np.column_stack([woe_of(b, FACTS[b.feature]) for b in alone]), EVENT
    )
    assert [f.coefficient for f in card.features] == pytest.approx(best[1:], abs=1e-6)
    assert np.array(card.covariance) == pytest.approx(covariance, rel=1e-5)
    factor = 20 / math.log(2)
    assert card.base_points == round(600 - factor * math.log(50) - factor * best[0])
    for f in card.features:
        assert list(f.points) == [round(factor * f.coefficient * b.woe) for b in f.bins.bins]
        assert f.coefficient > 0
    assert repr(card) == "<Card: features 4, rows 2,000, events 301>"
    assert (card.rows, card.events, card.dropped) == (len(FACTS), EVENT.sum(), ())
    assert card.probability(np.arange(300, 900)) == pytest.approx(
        1 / (1 + np.exp((np.arange(300, 900) - 600) / factor + math.log(50) - card.shift))
    )


def test_settings_of_a_card_are_those_of_its_bins(card: Card) -> None:
    least = min(f.bins.iv for f in card.features)
    assert fit_card(FACTS, EVENT, min_iv=least).features == card.features
    limits: dict[str, Any] = {"max_bins": 3, "min_share": 0.2, "min_count": 250}
    trends: dict[str, Any] = {"balance": "valley"}
    found = fit_card(FACTS, EVENT, trends=trends, min_iv=0.1, **limits)
    alone = {c: fit_bins(FACTS[c], EVENT, trend=trends.get(c, "auto"), **limits) for c in FACTS}
    assert {f.name: f.bins for f in found.features} == {
        c: b for c, b in alone.items() if b.iv >= 0.1
    }
    weak = {c: f"its information value {b.iv:.3f} is below 0.1" for c, b in alone.items()}
    assert [(d.feature, d.reason) for d in found.dropped] == [
        (c, weak[c]) for c in FACTS if alone[c].iv < 0.1
    ]
    assert found.dropped


def test_features_go_one_by_one_until_each_weight_is_above_its_standard_error() -> None:
    rng = np.random.default_rng(3)
    facts, event = FACTS.loc[:999, ["idle", "balance"]], EVENT[:1000]
    for i in range(5):
        facts[f"proxy_{i}"] = (facts["idle"] + rng.normal(0, 10 * i + 10, 1000)).round()
    bins = [fit_bins(facts[c], event) for c in facts]
    bins.sort(key=lambda b: -b.iv)
    woe = [woe_of(b, facts[b.feature]) for b in bins]
    dropped = []
    while True:
        best, covariance = regression(np.column_stack(woe), event)
        sure = (best / np.sqrt(np.diag(covariance)))[1:]
        if (weakest := int(sure.argmin())) >= 0 and sure[weakest] > 1:
            break
        why = "against its own trend" if sure[weakest] <= 0 else "below its standard error"
        dropped.append((bins.pop(weakest).feature, why))
        woe.pop(weakest)
    found = fit_card(facts, event)
    assert [f.bins for f in found.features] == bins
    assert [
        (d.feature, d.reason[-len(w) :]) for d, (_, w) in zip(found.dropped, dropped, strict=True)
    ] == dropped
    assert len({why for _, why in dropped}) == 2
    assert sure.min() < 2, "one standard error is enough"


def test_more_points_are_less_probable_and_points_follow_the_evidence(card: Card) -> None:
    points = np.arange(300, 900)
    assert (np.diff(card.probability(points)) < 0).all()
    for feature in card.features:
        woe = np.array([b.woe for b in feature.bins.bins])
        assert (np.diff(np.array(feature.points)[np.argsort(woe)]) >= 0).all()
        assert feature.coefficient > 0


def test_a_scale_has_odds_and_a_distance_above_zero() -> None:
    assert PointScale(odds=0.5, double=0.5).offset == pytest.approx(600.5)
    for wrong in ({"odds": 0.0}, {"double": 0.0}, {"double": -20.0}):
        with pytest.raises(DataError, match="expected both above 0"):
            PointScale(**wrong)


def test_points_double_the_odds() -> None:
    scale = PointScale(base=500, odds=10, double=30)
    card = fit_card(FACTS, EVENT, scale=scale)
    p = card.probability([500, 530])
    odds = (1 - p) / p
    assert odds[1] / odds[0] == pytest.approx(2)
    assert odds[0] == pytest.approx(10, rel=0.1)  # but for the rounding of points


def test_probabilities_add_up_to_the_events(card: Card) -> None:
    scored = score_card(FACTS, card)
    assert scored["probability"].sum() == pytest.approx(EVENT.sum(), rel=1e-9)
    twice = np.r_[EVENT, np.ones(len(EVENT), bool)]
    moved = card.recalibrated(np.r_[scored["points"], scored["points"]], twice)
    assert 2 * moved.probability(scored["points"]).sum() == pytest.approx(twice.sum(), rel=1e-9)
    assert moved.features == card.features
    rare = card.recalibrated([480.0, 500.0, 520.0], [True, False, False])
    assert rare.probability([480.0, 500.0, 520.0]).sum() == pytest.approx(1, rel=1e-9)


def score(card: Card, row: pd.Series, reasons: int) -> Score:
    """The score of a case, by trying each bin of each feature."""
    points, lost = card.base_points, []
    for f in card.features:
        place = place_of(f.bins, row[f.name])
        if place < 0:
            return Score(None, None, (), f.name)
        points += f.points[place]
        loss = max(f.points) - f.points[place]
        lost.append((-loss, len(lost), f"{f.name} {f.bins.bins[place].test} (-{loss})"))
    named = tuple(text for loss, _, text in sorted(lost)[:reasons] if loss)
    return Score(points, float(card.probability(points)), named)


@pytest.mark.parametrize("reasons", [0, 1, 2, 3, 9])
def test_every_case_is_scored_alike_alone_and_in_a_frame(card: Card, reasons: int) -> None:
    facts = FACTS.head(80).assign(idle=FACTS["idle"].mask(FACTS.index % 9 == 4))
    facts.loc[13:22, "channel"] = None
    facts.index = facts.index[::-1]
    expected = [score(card, row, reasons) for _, row in facts.iterrows()]
    assert [
        score_case(row.to_dict(), card, reasons=reasons) for _, row in facts.iterrows()
    ] == expected
    columns = {
        "points": [np.nan if s.points is None else s.points for s in expected],
        "probability": [np.nan if s.probability is None else s.probability for s in expected],
        "reasons": [None if s.missing else "; ".join(s.reasons) for s in expected],
        "missing": [s.missing or None for s in expected],
    }
    frame = pd.DataFrame(columns, index=facts.index)
    found = score_card(facts, card, reasons=reasons)
    assert ("reasons" in found) is (reasons > 0)
    texts = [c for c in ("reasons", "missing") if c in found]
    plain = found.astype(dict.fromkeys(texts, object))
    pd.testing.assert_frame_equal(plain, frame[list(found)].astype(dict.fromkeys(texts, object)))
    if reasons in (0, 3):
        assert score_card(facts, card, reasons=0).equals(
            found.drop(columns="reasons", errors="ignore")
        )
        assert reasons == 0 or found.equals(score_card(facts, card)), "three are the default"


def test_sql_gives_the_same_points(card: Card) -> None:
    duckdb = pytest.importorskip("duckdb")
    unknown = pd.DataFrame({"idle": [None, 3.0], "balance": [1.0, 0.0], "channel": ["app", "fax"],
                            "wages": [True, False]})  # fmt: skip
    facts = pd.concat([FACTS, unknown], ignore_index=True)
    facts["wages"] = facts["wages"].astype(bool)
    facts["renamed"] = facts.pop("idle")
    sql = card.to_sql("duckdb", columns={"idle": "renamed"})
    points = duckdb.sql(f"SELECT {sql} AS points FROM facts").df()["points"]
    expected = score_card(facts.rename(columns={"renamed": "idle"}), card)["points"]
    assert np.isnan(expected.iloc[-2])
    np.testing.assert_array_equal(points.to_numpy(float, na_value=np.nan), expected)


def test_every_table_is_proven(card: Card) -> None:
    for table in card.tables():
        assert [f for f in table.check() if f.severity == "error"] == []


def test_the_order_of_the_cases_changes_nothing(card: Card) -> None:
    order = np.random.default_rng(7).permutation(len(FACTS))
    again = fit_card(FACTS.iloc[order], EVENT[order])
    assert again.tables() == card.tables()
    assert again.base_points == card.base_points


@pytest.mark.parametrize("cut", [1, 42, 99])
def test_blocks_of_cases_are_scored_as_the_whole(card: Card, cut: int) -> None:
    facts = FACTS.head(100)
    whole = score_card(facts, card)
    parts = pd.concat([score_card(facts.iloc[:cut], card), score_card(facts.iloc[cut:], card)])
    as_text = {"reasons": str, "missing": str}
    pd.testing.assert_frame_equal(whole.astype(as_text), parts.astype(as_text))


def test_a_missing_fact_is_missing(card: Card) -> None:
    """Missing values have points of their own if the fit saw some, else there are no points."""
    facts = FACTS.head(3).copy()
    facts.loc[0, "balance"] = np.nan
    facts.loc[1, "idle"] = np.nan
    scored = score_card(facts, card)
    assert scored["missing"].tolist()[1] == "idle"
    assert scored[["points", "probability", "reasons"]].iloc[1].isna().all()
    assert scored["points"].notna().tolist() == [True, False, True]
    assert score_case({**facts.iloc[1].to_dict()}, card).missing == "idle"
    scored = score_card(FACTS.head(200).assign(idle=FACTS["idle"].mask(FACTS.index == 7)), card)
    assert np.flatnonzero(scored["missing"].notna()).tolist() == [7], "no other lacks a fact"
    nothing = facts.head(1).assign(idle=np.nan, wages=pd.array([None], dtype="boolean"))
    lacking = [f.name for f in card.features if f.name in ("idle", "wages")]
    assert score_card(nothing, card)["missing"].tolist() == lacking[:1], "the first of several"
    balance = next(f for f in card.features if f.name == "balance")
    assert balance.bins.bins[-1].test.op == "missing"
    assert balance.points[-1] != 0 or abs(balance.bins.bins[-1].woe) < 0.02
    with pytest.raises(DataError, match="idle"):
        score_card(facts.drop(columns="idle"), card)


def test_a_feature_that_would_turn_against_its_trend_is_dropped_with_the_reason() -> None:
    rng = np.random.default_rng(3)
    true = rng.normal(size=6000)
    proxy = true + rng.normal(0, 0.3, 6000)
    event = rng.random(6000) < 1 / (1 + np.exp(-(2.5 * true - 1.2 * proxy)))
    card = fit_card(pd.DataFrame({"true": true, "proxy": proxy}), event)
    assert [(d.feature, "against its own trend" in d.reason) for d in card.dropped] == [
        ("proxy", True)
    ]
    twin = fit_card(FACTS.assign(again=FACTS["idle"] * 2), EVENT)
    assert ("idle", "it says the same as again") in [(d.feature, d.reason) for d in twin.dropped]


@pytest.mark.parametrize(("differ", "same"), [(1, True), (8, False)])
def test_features_repeat_each_other_from_a_correlation_of_999_in_a_thousand(
    differ: int, same: bool
) -> None:
    rng = np.random.default_rng(4)
    first = rng.random(4000) < 0.5
    second = first.copy()
    second[:differ] = ~second[:differ]
    event = rng.random(4000) < np.where(first, 0.5, 0.2)
    found = fit_card(pd.DataFrame({"a": first, "b": second}), event)
    assert (np.corrcoef(first, second)[0, 1] > 0.999) is np.bool_(same)
    assert any(d.reason.startswith("it says the same as") for d in found.dropped) is same


def test_the_frame_of_a_card_has_one_numbered_row_per_bin(card: Card) -> None:
    frame = card.frame()
    assert frame.index.tolist() == list(range(len(frame)))
    assert frame["points"].tolist() == [p for f in card.features for p in f.points]
    assert frame["count"].groupby(frame["feature"]).sum().tolist() == [len(FACTS)] * 4


def test_a_card_survives_toml(card: Card) -> None:
    assert Card.from_toml(card.to_toml()) == card
    assert Card.from_toml(card.to_toml()).fingerprint == card.fingerprint
    with pytest.raises(DataError, match="Card"):
        Card.from_toml("a = 1\n")


def test_what_leaks_the_event_or_tells_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="only after the event"):
        fit_card(FACTS.assign(closed=EVENT), EVENT)
    with pytest.raises(DataError, match="no feature predicts the event"):
        fit_card(FACTS[["idle"]], EVENT, min_iv=99)
    with pytest.raises(UnknownNameError, match="did you mean 'idle'"):
        fit_card(FACTS, EVENT, features=["idel"])


def shift(then: list[object], now: list[object], names: list[str]) -> tuple[float, str]:
    """The stability index of two lists of bins, and the first bin that adds most."""
    parts = {}
    for name in names:
        if counts := [x.count(name) for x in (then, now)]:
            a, b = ((n or 0.5) / len(x) for n, x in zip(counts, (then, now), strict=True))
            parts[name] = (b - a) * math.log(b / a) if any(counts) else 0.0
    return sum(parts.values()), max(parts, key=lambda n: parts[n])


@pytest.mark.parametrize("rows", [900, 7])
def test_stability_compares_the_shares_of_each_bin_and_of_ten_bands(card: Card, rows: int) -> None:
    then = FACTS.head(rows)
    now = FACTS.tail(2 * rows // 3).assign(idle=lambda f: f["idle"].mask(f.index % 3 == 0))
    now = now[now["channel"] != "phone"]  # a bin that gets empty
    expected = {}
    for f in card.features:
        names = [*(str(b.test) for b in f.bins.bins), "undecided"]
        bins = [[names[place_of(f.bins, v)] for v in x[f.name]] for x in (then, now)]
        expected[f.name] = shift(*bins, names)
        fitted = [n for n, b in zip(names, f.bins.bins, strict=False) for _ in range(b.count)]
        of_fit = shift(fitted, bins[1], names)
        assert tuple(stability(now, card).loc[f.name]) == (pytest.approx(of_fit[0]), of_fit[1])
    points = [score_card(x, card)["points"].dropna().tolist() for x in (then, now)]
    cuts = sorted({sorted(points[0])[len(points[0]) * i // 10] for i in range(1, 10)})
    names = [f"< {cuts[0]:g}", *(f">= {c:g}" for c in cuts)]
    bins = [[names[sum(c <= p for c in cuts)] for p in x] for x in points]
    expected["points"] = shift(*bins, names)
    found = stability(now, card, then=then)
    assert found["psi"].to_dict() == pytest.approx({n: psi for n, (psi, _) in expected.items()})
    assert found["bin"].to_dict() == {n: worst for n, (_, worst) in expected.items()}
    assert found["psi"].is_monotonic_decreasing
    assert found["bin"].iloc[0] == "undecided" or rows < 900


def test_stability_is_zero_where_nothing_moved(card: Card) -> None:
    assert stability(FACTS, card)["psi"].max() == 0
    assert "points" not in stability(FACTS, card).index
    twice = stability(pd.concat([FACTS, FACTS]), card, then=FACTS)["psi"]
    assert twice.abs().max() < 1e-12, "a bin that is empty on both days has not moved"


def telco(folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    raw = pd.read_csv(next((folder / "telco").iterdir())).drop(columns="customerID")
    raw["TotalCharges"] = pd.to_numeric(raw["TotalCharges"], errors="coerce")
    return raw.drop(columns="Churn"), (raw["Churn"] == "Yes").to_numpy()


def bank(folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    raw = pd.read_csv(folder / "bank_marketing" / "bank_marketing.csv.gz")
    return raw.drop(columns="y"), (raw["y"] == "yes").to_numpy()


def auc_on_held_out(facts: pd.DataFrame, event: np.ndarray, seeds: int) -> float:
    found = []
    for seed in range(seeds):
        train = np.random.default_rng(seed).random(len(facts)) < 0.7
        card = fit_card(facts[train], event[train])
        scored = score_card(facts[~train], card, reasons=0)
        found.append(check_card(scored, event[~train]).auc.estimate)
    return float(np.mean(found))


def test_telco_churn_on_held_out_customers(shared_data: Path) -> None:
    assert auc_on_held_out(*telco(shared_data), seeds=5) >= 0.84


def test_bank_marketing_without_what_is_known_only_after_the_call(shared_data: Path) -> None:
    facts, event = bank(shared_data)
    honest = auc_on_held_out(facts.drop(columns="duration"), event, seeds=1)
    assert honest >= 0.75
    assert auc_on_held_out(facts, event, seeds=1) > honest + 0.05  # the leak would look better
