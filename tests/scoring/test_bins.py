"""Bins: the dynamic program against brute force, the published table, missing and rare values."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bankcrm.errors import DataError, UnknownNameError
from bankcrm.rules import parse_test
from bankcrm.scoring import fit_bins
from bankcrm.scoring.cells import _short, cells_of
from bankcrm.scoring.partition import Trend, best_partition

TRENDS: tuple[Trend, ...] = ("ascending", "descending", "peak", "valley")
cells = st.lists(
    st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
    min_size=1,
    max_size=7,
).filter(lambda table: 0 < sum(e for _, e in table) < sum(n for n, _ in table))


def keeps(rates: list[float], trend: Trend) -> bool:
    steps = [b - a for a, b in itertools.pairwise(rates)]
    if any(s == 0 for s in steps):
        return False
    signs = [bool(s > 0) for s in steps]
    turns = [signs[i] != signs[i + 1] for i in range(len(signs) - 1)]
    if trend == "ascending":
        return all(signs)
    if trend == "descending":
        return not any(signs)
    first = trend == "peak"
    if signs and sum(turns) == 0:
        return True  # a peak at one of the ends
    return not signs or (sum(turns) == 1 and signs[0] is first)


def brute(table: list[tuple[int, int]], trend: Trend, max_bins: int, least: int) -> float | None:
    rows, hits = sum(n for n, _ in table), sum(e for _, e in table)
    best = None
    for cuts in range(min(max_bins, len(table))):
        for places in itertools.combinations(range(1, len(table)), cuts):
            edges = [0, *places, len(table)]
            bins = [table[a:b] for a, b in itertools.pairwise(edges)]
            sums = [(sum(n for n, _ in b), sum(e for _, e in b)) for b in bins]
            if min(n for n, _ in sums) < least or not keeps([e / n for n, e in sums], trend):
                continue
            value = 0.0
            for n, e in sums:
                good, bad = ((n - e) or 0.5) / (rows - hits), (e or 0.5) / hits
                value += (good - bad) * math.log(good / bad)
            best = value if best is None else max(best, value)
    return best


@given(cells, st.sampled_from(TRENDS), st.integers(1, 5), st.integers(1, 30))
@example([(35, 0), (5, 0), (5, 0), (1, 1)], "ascending", 4, 1)  # equal rates are no rise
@example([(1, 1), (5, 0), (5, 0), (35, 0)], "descending", 4, 1)
def test_the_partition_is_the_best_of_all(
    table: list[tuple[int, int]], trend: Trend, max_bins: int, least: int
) -> None:
    counts, events = (np.array(x) for x in zip(*table, strict=True))
    found = best_partition(
        counts, events, rows=int(counts.sum()), all_events=int(events.sum()),
        trend=trend, max_bins=max_bins, min_size=least,
    )  # fmt: skip
    expected = brute(table, trend, max_bins, least)
    if expected is None:
        assert found.starts == (0,)
        return
    assert found.iv == pytest.approx(expected, abs=1e-12)
    sums = [
        (counts[a:b].sum(), events[a:b].sum())
        for a, b in itertools.pairwise([*found.starts, len(table)])
    ]
    assert len(sums) <= max_bins
    assert keeps([e / n for n, e in sums], trend)


@given(cells, st.integers(1, 5), st.integers(1, 30))
@example([(20, 13), (20, 7), (20, 4), (20, 16)], 4, 1)  # 1.9 times as much
@example([(20, 15), (20, 9), (20, 8), (20, 19)], 4, 1)  # 1.3 times as much
def test_a_bend_must_tell_half_as_much_again_as_one_direction(
    table: list[tuple[int, int]], max_bins: int, least: int
) -> None:
    counts, events = (np.array(x) for x in zip(*table, strict=True))
    found = best_partition(
        counts, events, rows=int(counts.sum()), all_events=int(events.sum()),
        trend="auto", max_bins=max_bins, min_size=least,
    )  # fmt: skip
    value = {t: brute(table, t, max_bins, least) for t in TRENDS}
    one_way = max(value["ascending"] or 0, value["descending"] or 0)
    bent = max(value["peak"] or 0, value["valley"] or 0)
    bends = bent > 1.5 * one_way
    assert found.iv == pytest.approx(bent if bends else one_way, abs=1e-12)
    names = ("peak", "valley") if bends else ("ascending", "descending")
    assert found.trend in names
    assert found.iv == pytest.approx(value[found.trend] or 0, abs=1e-12)


@given(
    st.lists(
        st.tuples(st.text("abcdefgh", min_size=1, max_size=2), st.booleans()),
        min_size=1,
        max_size=400,
    ),
    st.integers(1, 4),
)
@example([(f"{i:02}", i % 3 == 0) for i in range(40) for _ in range(1 + i % 4)], 1)
@example([(f"{i:02}", i % 3 == 0) for i in range(41) for _ in range(1 + i % 4)], 1)
def test_words_are_in_cells_by_their_rate_and_rare_words_in_one(
    rows: list[tuple[str, bool]], min_count: int
) -> None:
    """A slow count; more than forty words share forty cells."""
    words, event = [w for w, _ in rows], np.array([e for _, e in rows])
    found = cells_of(pd.Series(words), event, "x", min_count=min_count)
    groups: dict[str, list[bool]] = {}
    for word, hit in rows:
        groups.setdefault(word if words.count(word) >= min_count else "", []).append(hit)
    order = sorted(groups, key=lambda w: (sum(groups[w]) / len(groups[w]), w))
    place, above = {}, 0
    for i, word in enumerate(order):
        place[word] = above * 40 // len(rows) if len(order) > 40 else i
        above += len(groups[word])
    used = sorted(set(place.values()))
    cell = {word: used.index(p) for word, p in place.items()}
    assert found.code.tolist() == [cell.get(w, cell.get("")) for w in words]
    assert found.size == len(used)
    assert found.other == cell.get("")
    named = [tuple(w for w in order if w and cell[w] == c) for c in range(len(used))]
    assert found.words == tuple(named)


@given(st.lists(st.integers(0, 120), min_size=1, max_size=300))
def test_numbers_are_in_cells_of_neighbours(values: list[int]) -> None:
    """Each value is a cell, or where there are more than forty, each that begins a fortieth."""
    known, rows = sorted(values), len(values)
    starts = sorted(set(values))
    if len(starts) > 40:
        starts = sorted({known[0], *(known[i * rows // 40] for i in range(1, 40))})
    found = cells_of(pd.Series(values, dtype=float), np.zeros(rows, bool), "x", min_count=1)
    assert found.code.tolist() == [sum(s <= v for s in starts) - 1 for v in values]
    assert found.size == len(starts)
    assert found.edges == tuple((s, max(v for v in values if v < s)) for s in starts[1:])


@given(st.integers(-(10**9), 10**9), st.integers(0, 12), st.integers(1, 10**9))
def test_the_edge_of_a_cell_has_the_fewest_digits(top: int, digits: int, gap: int) -> None:
    edge, below = top / 10**digits, (top - gap) / 10**digits
    found = _short(edge, below)
    assert below < found <= edge
    exact, under = (Fraction(repr(x)) for x in (edge, below))
    last = int(Decimal(repr(float(found))).normalize().as_tuple().exponent)
    for power in range(last + 1, 12) if found else ():
        step = Fraction(10) ** power
        assert math.floor(exact / step) * step <= under, "no number with fewer digits fits"
    assert isinstance(found, int) == (found == math.floor(found))


def test_a_truth_value_of_one_row_is_a_cell_of_its_own() -> None:
    found = cells_of(pd.Series([True] + [False] * 50), np.arange(51) < 3, "x", min_count=30)
    assert (found.size, found.words, found.other) == (2, ((False,), (True,)), None)


def test_edges_of_any_size_are_short() -> None:
    found = [_short(1e15, 9e14), _short(999999999999999.0, 999999999999998.0), _short(5e-324, 0.0)]
    assert found == [1e15, 999999999999999, 5e-324]
    assert [type(x) for x in found] == [float, int, float]


def test_many_numbers_are_in_forty_cells_of_equal_size_but_for_equal_values() -> None:
    nothing = np.zeros(1000, bool)
    found = cells_of(pd.Series(np.arange(1000.0)), nothing, "x", min_count=1)
    assert np.bincount(found.code).tolist() == [25] * 40
    assert found.size == 40
    tied = cells_of(pd.Series(np.maximum(np.arange(1000.0), 99)), nothing, "x", min_count=1)
    assert np.bincount(tied.code).tolist() == [100] + [25] * 36, "no cell is empty"


def test_german_credit_has_the_published_information_values(shared_data: Path) -> None:
    raw = pd.read_csv(shared_data / "german_credit" / "german_credit.csv")
    bad = raw["creditability"] == "bad"
    published = {
        "status_of_existing_checking_account": 0.666012,
        "credit_history": 0.293234,
        "savings_account_and_bonds": 0.196010,
        "purpose": 0.169195,
        "property": 0.112638,
        "present_employment_since": 0.086434,
        "housing": 0.083293,
        "other_installment_plans": 0.057615,
        "foreign_worker": 0.043877,
    }
    found = {
        name: fit_bins(raw[name], bad, max_bins=20, min_share=0, min_count=1).iv
        for name in published
    }
    assert found == pytest.approx(published, abs=5e-7)


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(random: object) -> None:
    rng = np.random.default_rng(random.randrange(10**6))  # type: ignore[attr-defined]
    values = pd.Series(rng.normal(size=400).round(2)).where(rng.random(400) > 0.1)
    event = rng.random(400) < 1 / (1 + np.exp(-values.fillna(1)))
    order = rng.permutation(400)
    assert fit_bins(values, event) == fit_bins(values.iloc[order], event[order])


@given(st.randoms(use_true_random=False), st.sampled_from(["number", "text"]))
def test_each_value_is_in_the_bin_that_counts_it(random: object, kind: str) -> None:
    rng = np.random.default_rng(random.randrange(10**6))  # type: ignore[attr-defined]
    raw = rng.exponential(30, 600)
    values = pd.Series(raw if kind == "number" else ["abcdefg"[int(v) % 7] for v in raw])
    values = values.where(rng.random(600) > 0.15)
    event = rng.random(600) < np.where(raw > 30, 0.5, 0.2)
    found = fit_bins(values, event, feature="x")
    bins, expected = found.bins, []
    assert sum(b.count for b in bins) == 600
    for b in bins:
        absent = values.isna().to_numpy()
        if b.test.op == "missing":
            inside = absent
        elif b.test.op == "present":
            inside = ~absent
        else:
            passes = parse_test(str(b.test)).predicate()
            inside = np.array(
                [not m and bool(passes(v)) for v, m in zip(values, absent, strict=True)]
            )
        n, hits = int(inside.sum()), int((inside & event).sum())
        good, bad = ((n - hits) or 0.5) / (~event).sum(), (hits or 0.5) / event.sum()
        weak = n == 0 or (b.test.op == "missing" and n < 30)
        woe = 0.0 if weak else math.log(good / bad)
        rate = hits / n if n else math.nan
        expected.append((str(b.test), n, n / 600, hits, rate, woe, (good - bad) * woe))
    columns = ["test", "count", "share", "events", "rate", "woe", "iv"]
    pd.testing.assert_frame_equal(found.frame(), pd.DataFrame(expected, columns=columns))
    assert found.iv == pytest.approx(sum(iv for *_, iv in expected), abs=1e-12)
    assert found.trend in TRENDS if kind == "number" else found.trend == "words"
    count = [b.count for b in bins if b.test.op != "missing" and b.count]
    assert min(count) >= 30, "min_share is 5 %"
    assert len(count) <= 6
    wide = fit_bins(values, event, feature="x", max_bins=6, min_share=0.05, min_count=30)
    assert wide == found, "the defaults"


def test_a_stated_trend_is_kept_and_auto_takes_a_peak() -> None:
    values = pd.Series(np.tile(np.arange(30), 40), name="months")
    event = np.random.default_rng(1).random(1200) < np.where(np.abs(values - 15) < 5, 0.6, 0.1)
    auto = fit_bins(values, event)
    assert auto.trend == "peak"
    falling = fit_bins(values, event, trend="descending")
    rates = falling.frame()["rate"]
    assert rates.is_monotonic_decreasing
    assert falling.iv < auto.iv


def test_missing_values_weigh_nothing_where_they_are_few_and_their_own_bin_where_not() -> None:
    values = pd.Series([1.0, 2.0, 3.0, 4.0] * 100, name="x")
    event = np.arange(400) % 7 == 0
    few, many = values.copy(), values.copy()
    few[:5], many[:100] = np.nan, np.nan
    assert fit_bins(values, event, trend="ascending").bins[-1].test.op != "missing"
    assert (fit_bins(few, event).bins[-1].test.op, fit_bins(few, event).bins[-1].woe) == (
        "missing",
        0.0,
    )
    for absent, weighs in ((29, False), (30, True)):
        some = values.mask(np.arange(400) < absent)
        assert (fit_bins(some, event).bins[-1].woe != 0) is weighs
    last = fit_bins(many, event).bins[-1]
    assert last.count == 100
    assert last.woe == pytest.approx(
        math.log(((100 - last.events) / (400 - 58)) / (last.events / 58))
    )


def test_the_parts_of_the_information_value_add_up_over_at_most_six_bins() -> None:
    """Ten rising rates; five missing values are a bin without weight, which adds nothing."""
    values = pd.Series(np.repeat(np.arange(10.0), 1000), name="x")
    event = np.arange(10_000) % 1000 < np.repeat(np.arange(50, 1000, 95), 1000)
    values[:5] = np.nan
    found = fit_bins(values, event)
    assert [b.test.op for b in found.bins].count("missing") == 1
    assert len(found.bins) == 6 + 1
    assert found.frame()["iv"].sum() == pytest.approx(found.iv, rel=1e-12)


def test_a_feature_of_one_value_is_one_bin() -> None:
    found = fit_bins(pd.Series([1.0] * 8, name="x"), [True, False] * 4).frame()
    assert found["test"].iloc[0] == "present"
    assert found["count"].tolist()[0] == 8


def test_an_empty_cell_counts_as_half_a_row_and_no_other_does() -> None:
    values = pd.Series(["a"] * 50 + ["b"] * 50, name="x")
    event = np.r_[np.zeros(50, bool), np.arange(50) < 20]
    first, second = fit_bins(values, event).bins[:2]
    assert first.woe == pytest.approx(math.log((50 / 80) / (0.5 / 20)))
    assert second.woe == pytest.approx(math.log((30 / 80) / (20 / 20)))


def test_unknown_words_go_with_the_rare_ones_or_weigh_nothing() -> None:
    common = pd.Series((["a"] * 3 + ["b"]) * 100, name="x")
    event = np.arange(400) % 4 == 3
    event[:40] = ~event[:40]
    assert [b.woe for b in fit_bins(common, event).bins][-1] == 0.0
    rare = pd.concat([common, pd.Series(["c", "d"] * 20)], ignore_index=True).rename("x")
    bins = fit_bins(rare, np.r_[event, np.ones(40, bool)], min_share=0.01).bins
    assert bins[-1].test.op == "not"
    assert bins[-1].count == 40


@pytest.mark.parametrize("kind", [bool, "int8", "float64", "boolean", "Float64", object, list])
def test_an_event_is_read_alike_from_every_kind_of_column(kind: Any) -> None:
    values, event = np.arange(90) % 7, np.arange(90) % 3 == 0
    given = event.tolist() if kind is list else pd.Series(event).astype(kind)
    expected = fit_bins(values, event)
    assert fit_bins(values, given) == expected
    if kind in (bool, "int8", "float64"):
        assert fit_bins(values, event.astype(kind)) == expected


@pytest.mark.parametrize(
    ("values", "event", "words"),
    [
        ([1, 2], [True, True], "happened in 2 of 2 rows"),
        ([1, 2], [True, None], "event: null in 1 row"),
        ([1, 2], [0, 2], "booleans, or 0 and 1"),
        ([1.0, np.inf], [True, False], "infinite in 1 row"),
        (pd.to_datetime(["2026-01-01"] * 2), [True, False], "days since it"),
        ([1, 2, 3], [True, False], "3 values for 2 rows"),
    ],
)
def test_what_does_not_fit_is_refused(values: object, event: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        fit_bins(values, event)  # type: ignore[arg-type]


def test_limits_leave_a_bin() -> None:
    values, event = np.arange(100), np.arange(100) < 40
    one = fit_bins(values, event, max_bins=1, min_share=0, min_count=1).bins
    assert [(str(b.test), b.count) for b in one] == [("present", 100)]
    refused: list[tuple[dict[str, Any], str]] = [
        ({"max_bins": 0}, "max_bins: .* from 1 "),
        ({"min_share": 1}, "from 0 to below 1"),
        ({"min_share": -0.1}, "from 0 to below 1"),
    ]
    for wrong, words in refused:
        with pytest.raises(DataError, match=words):
            fit_bins(values, event, **wrong)


def test_an_unknown_trend_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="ascending"):
        fit_bins([1, 2], [True, False], trend="up")  # type: ignore[arg-type]
