"""Offers, rankings and rules of association: whole results against loops over customers."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bankcrm.errors import DataError, UnknownNameError
from bankcrm.marketing import (
    AcquisitionOrder,
    LookAlike,
    Offers,
    ProductOffer,
    RankingCheck,
    acquisition_order,
    check_ranking,
    fit_offers,
    product_holdings,
    product_rules,
    rank_offers,
    referral_chain,
)
from bankcrm.marketing.offers.cards import with_holdings
from bankcrm.marketing.offers.holdings import Accounts
from bankcrm.marketing.offers.itemsets import Itemsets, cells_of, frequent_sets
from bankcrm.policy import default_policy

DAY = pd.Timestamp("2026-03-31")


def test_values_with_arrays_are_compared_by_identity() -> None:
    for kind in (AcquisitionOrder, LookAlike, RankingCheck, Accounts, Itemsets):
        assert kind.__eq__ is object.__eq__


# --- sets of products


@pytest.mark.parametrize("products", [1, 8, 9, 63, 64, 65, 70])
def test_the_distinct_holdings_and_how_many_have_them(products: int) -> None:
    rng = np.random.default_rng(products)
    held = rng.random((30, products)) < 0.5
    held[:, 1:] &= rng.random((30, 1)) < 0.3
    held[5:10, -1] ^= True  # rows that differ in the last product alone
    rows, counts = cells_of(held)
    found = {tuple(r): n for r, n in zip(rows.tolist(), counts.tolist(), strict=True)}
    wanted: dict[tuple[bool, ...], int] = {}
    for row in held.tolist():
        wanted[tuple(row)] = wanted.get(tuple(row), 0) + 1
    assert found == wanted
    assert counts.dtype == np.int64


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 12), st.sampled_from([1, 30]))
def test_frequent_sets_of_each_size(seed: int, size: int, least: int, step: int) -> None:
    rng = np.random.default_rng(seed)
    held = np.unique(rng.random((12, 5)) < 0.6, axis=0)
    customers = rng.integers(1, 5, len(held))
    with pytest.MonkeyPatch.context() as patch:  # few numbers in one step
        patch.setattr("bankcrm.marketing.offers.itemsets._TOGETHER", step)
        found = frequent_sets(held, customers, least, size)
    wanted = []
    for k in range(1, size + 1):
        seen = [(c, int(customers[held[:, c].all(axis=1)].sum()))
                for c in combinations(range(5), k)]  # fmt: skip
        wanted.append([(c, n) for c, n in seen if n >= least])
    while len(wanted) > 1 and not wanted[-1]:
        wanted.pop()
    assert [
        [(tuple(i), n) for i, n in zip(s.items.tolist(), s.counts.tolist(), strict=True)]
        for s in found
    ] == wanted


# --- rules of association

SEVEN = pd.DataFrame({"a": [True] * 7 + [False] * 93, "b": [True] * 100})


def test_shares_exactly_at_their_limits() -> None:
    """0.07 of 100 is 7, though their product in floats is more."""
    assert 0.07 * 100 > 7
    assert len(product_rules(SEVEN, min_share=0.07, min_confidence=0.07)) == 2
    assert len(product_rules(SEVEN, min_share=0.0701, min_confidence=0.07)) == 0
    assert product_rules(SEVEN, min_share=0.07, min_confidence=0.0701)["then"].tolist() == ["b"]
    assert product_rules(SEVEN, min_share=0.07, min_confidence=1.0)["then"].tolist() == ["b"]
    assert len(product_rules(SEVEN, min_share=0.07, min_confidence=0.0)) == 2
    everybody = pd.DataFrame({"a": [True, True], "b": [True, True]})
    assert len(product_rules(everybody, min_share=1.0)) == 2
    for wrong in ({"min_share": 0.0}, {"min_share": 1.01}, {"min_confidence": -0.01},
                  {"min_confidence": 1.01}):  # fmt: skip
        with pytest.raises(DataError, match="expected a share"):
            product_rules(SEVEN, **wrong)
    assert len(product_rules(SEVEN, max_products=62)) == 1
    for many in (1, 63):
        with pytest.raises(DataError, match="max_products: expected "):
            product_rules(SEVEN, max_products=many)
    few = pd.DataFrame({"a": [True] * 9, "b": [True] + [False] * 8})
    assert product_rules(few, min_confidence=0.0)["customers"].tolist() == [1, 1]


def test_defaults_of_the_rules() -> None:
    rng = np.random.default_rng(5)
    held = pd.DataFrame(rng.random((300, 5)) < 0.35, columns=list("abcde"))
    of_a = np.flatnonzero(held["a"])
    held["f"], held["g"] = np.isin(held.index, of_a[:8]), np.isin(held.index, of_a[-3:])
    found = product_rules(held)
    same = product_rules(held, min_share=0.01, min_confidence=0.1, max_products=3, confidence=0.95)
    pd.testing.assert_frame_equal(found, same)
    assert found["if_held"].map(len).max() == 2
    assert len(product_rules(held, min_confidence=0.05)) > len(found)
    assert len(product_rules(held, min_share=0.011)) < len(found)
    assert found["lift"].round(12).is_monotonic_decreasing
    narrow = product_rules(held, confidence=0.5)
    assert (narrow["lift_low"] > found["lift_low"]).all()


@pytest.mark.parametrize("columns", [[], ["a"], ["a", "b"]])
def test_nobody_holds_anything(columns: list[str]) -> None:
    for rows in (0, 3):
        found = product_rules(pd.DataFrame(False, index=range(rows), columns=columns, dtype=bool))
        assert len(found) == 0
        assert list(found)[:2] == ["if_held", "then"]


# --- order of acquisition


def accounts(seed: int, size: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    opened = pd.Series(DAY + pd.to_timedelta(rng.integers(-20, 5, size), unit="D"))
    closed = opened + pd.to_timedelta(rng.integers(0, 30, size), unit="D")
    return pd.DataFrame(
        {
            "customer_id": rng.integers(0, 9, size),
            "product": rng.choice(["a", "b", "c", "d"], size),
            "opened_date": opened,
            "closed_date": closed.mask(rng.random(size) < 0.5),
        }
    )


def scalability(held: list[set[str]], pairs: list[tuple[str, str]]) -> float:
    """Loevinger's H over some pairs of products."""
    errors = expected = 0.0
    for a, b in pairs:
        rare, wide = sorted((sum(a in h for h in held), sum(b in h for h in held)))
        both = sum({a, b} <= h for h in held)
        errors += rare - both
        expected += rare * (len(held) - wide) / len(held)
    return 1 - errors / expected if expected else math.nan


@given(st.integers(0, 10_000))
def test_products_and_transitions_with_all_their_columns(seed: int) -> None:
    rows = accounts(seed)
    first: dict[int, dict[str, pd.Timestamp]] = {}
    for row in rows.sort_values("opened_date").itertuples():
        if row.opened_date <= DAY:
            first.setdefault(row.customer_id, {}).setdefault(row.product, row.opened_date)
    held = [set(own) for own in first.values()]
    names = sorted({p for h in held for p in h}, key=lambda p: (-sum(p in h for h in held), p))
    found = acquisition_order(rows, as_of=DAY, confidence=0.9)
    products = pd.DataFrame(
        {
            "customers": [sum(p in h for h in held) for p in names],
            "share": [sum(p in h for h in held) / len(held) for p in names],
            "h": [scalability(held, [(p, q) for q in names if q != p]) for p in names],
        },
        index=pd.Index(names, name="product"),
    )
    pd.testing.assert_frame_equal(found.products, products, check_index_type=False)
    whole = scalability(held, list(combinations(names, 2)))
    assert found.h == (None if math.isnan(whole) else pytest.approx(whole))
    steps = []
    for a in sorted(names):
        went_on = [o for o in first.values() if a in o and max(o.values()) > o[a]]
        for b in sorted(names):
            gaps = [
                (o[b] - o[a]).days
                for o in went_on
                if b in o and o[b] == min(d for d in o.values() if d > o[a])
            ]
            if gaps:
                ends = stats.binomtest(len(gaps), len(went_on)).proportion_ci(0.9, "wilson")
                share = len(gaps) / len(went_on)
                steps.append((a, b, len(gaps), len(went_on), share, *ends, float(np.median(gaps))))
    columns = ["product", "then", "customers", "of", "share", "lower", "upper", "median_days"]
    pd.testing.assert_frame_equal(
        found.transitions, pd.DataFrame(steps, columns=columns), check_dtype=len(steps) > 0
    )
    assert "customers" in repr(found) + found._repr_html_()


@given(st.integers(0, 10_000))
def test_holdings_are_one_row_per_customer_of_the_accounts(seed: int) -> None:
    rows = accounts(seed)
    found = product_holdings(rows, as_of=DAY)
    assert found.index.tolist() == sorted(set(rows["customer_id"]))
    assert found.columns.tolist() == sorted(set(rows["product"]))
    assert set(found.dtypes) == {np.dtype(bool)}
    ids = pd.Index([5, 77, 3])
    known = with_holdings(
        pd.DataFrame({"x": [1, 2, 3]}, index=ids), Accounts.of(rows), np.datetime64(DAY, "D"),
        ["z", "a"],
    )  # fmt: skip
    assert known.columns.tolist() == ["x", *(f"holds_{p}" for p in found.columns), "holds_z"]
    assert not known["holds_z"].any()
    assert not known.loc[77, "holds_a":].any()
    for customer in (5, 3):
        if customer in found.index:
            assert known.loc[customer, "holds_a":"holds_d"].tolist() == found.loc[customer].tolist()
    low, high = np.datetime64("2026-03-20"), np.datetime64("2026-03-25")
    opened = Accounts.of(rows).opened_between(low, high)
    wanted = {(r.customer_id, r.product) for r in rows.itertuples()
              if pd.Timestamp(low) < r.opened_date <= pd.Timestamp(high)}  # fmt: skip
    assert {(c, p) for c in opened.index for p in opened if opened.loc[c, p]} == wanted


def test_facts_have_one_row_per_customer_and_no_holding_of_their_own() -> None:
    rows = Accounts.of(accounts(1))
    day = np.datetime64(DAY, "D")
    for facts, message in (
        (pd.DataFrame({"x": [1, 2, 3]}, index=[1, 1, 1]), "facts: customers with several rows"),
        (pd.DataFrame({"holds_a": [1]}, index=[1]), "columns holds_a are made of the accounts"),
        (pd.DataFrame({"x": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)])), "several levels"),
        ([1], "facts: expected"),
    ):
        with pytest.raises(DataError, match=message):
            with_holdings(facts, rows, day)


# --- cards and offers


@pytest.mark.parametrize("opened", [49, 50])
def test_a_card_needs_so_many_openings(opened: int) -> None:
    ids = np.arange(300)
    start = np.where(ids < opened, "2026-02-10", "2026-12-01")
    rows = pd.DataFrame({"customer_id": ids, "product": "fund",
                         "opened_date": pd.to_datetime(start)})  # fmt: skip
    facts = pd.DataFrame({"age": 30 + 20 * (ids < 40) + ids % 7}, index=ids)
    arguments: dict[str, Any] = {"as_ofs": ["2026-01-31", dt_of("2026-01-31")],
                                 "horizon_days": 90, "as_of": "2026-06-30"}  # fmt: skip
    found = fit_offers(lambda _: facts, rows, **arguments)
    (offer,) = found.products
    assert (offer.customers, offer.opened, offer.rate) == (300, opened, opened / 300)
    assert (offer.card is not None) == (opened == 50)
    assert offer.reason == ("" if opened == 50 else "opened 49 times; a card needs 50")
    names = ", ".join(f.name for f in offer.card.features) if offer.card else ""
    wanted = pd.DataFrame(
        [(300, opened, opened / 300, names, offer.reason)],
        columns=["customers", "opened", "rate", "features", "reason"],
        index=pd.Index(["fund"], name="product"),
    )
    pd.testing.assert_frame_equal(found.frame(), wanted)
    assert (len(found.days), found.horizon_days) == (1, 90)
    with pytest.raises(UnknownNameError, match="product"):
        fit_offers(lambda _: facts, rows, **arguments, products=["gold"])
    with pytest.raises(DataError, match="the windows of 2026-04-02 end after 2026-06-30"):
        fit_offers(lambda _: facts, rows, **{**arguments, "as_ofs": ["2026-04-01", "2026-04-02"]})
    assert ProductOffer("x", 0, 0).rate == 0.0
    assert f"cards {int(opened == 50)}" in repr(found)


def dt_of(text: str) -> object:
    return pd.Timestamp(text).date()


RATES = Offers(
    tuple(ProductOffer(p, 100, n, reason="few") for p, n in
          (("fund", 10), ("insurance", 40), ("mortgage", 30), ("term", 40), ("wealth", 20))),
    (), 90,
)  # fmt: skip


@pytest.mark.parametrize(("top", "value"), [(None, False), (1, False), (2, True), (3, True)])
def test_offers_of_each_customer_with_all_columns(top: int | None, value: bool) -> None:
    people = pd.DataFrame(
        {
            "kind": ["person", "person", "company", "person"],
            "birth_date": pd.to_datetime(["1990-01-01", "2008-04-01", None, "2008-03-31"]),
        },
        index=pd.Index([9, 4, 6, 5], name="customer_id"),
    )
    held = pd.DataFrame(
        {
            "customer_id": [9, 6, 6, 4],
            "product": ["term", "fund", "insurance", "fund"],
            "opened_date": pd.to_datetime(["2020-01-01"] * 4),
            "closed_date": pd.to_datetime([None, None, DAY, None]),
        }
    )
    credit = pd.DataFrame(
        {"customer_id": [9, 5, 77], "product": "mortgage",
         "decision": ["approved", "refused", "approved"]}
    )  # fmt: skip
    worth = {"fund": 9.0, "insurance": 1.0, "mortgage": 2.0, "term": 1.0, "wealth": 0.5}
    found = rank_offers(
        pd.DataFrame(index=pd.Index([5, 4, 9, 6])), RATES, customers=people, accounts=held,
        as_of=DAY, credit=credit, value=worth if value else None, top=top,
    )  # fmt: skip
    may = {5: ["fund", "insurance", "term", "wealth"], 4: [],
           9: ["fund", "insurance", "mortgage", "wealth"],
           6: ["insurance", "term", "wealth"]}  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    for customer, products in may.items():
        money = {p: RATES.rates[p] * (worth[p] if value else 1) for p in products}
        best = sorted(products, key=lambda p: -money[p])[:top]
        for rank, p in enumerate(best, 1):
            rule = "credit-approved" if p == "mortgage" else "nothing-against"
            reason = "as often as all customers: few"
            rows.append((customer, rank, p, RATES.rates[p], money[p], reason, rule))
        if not best:
            none = "no product that the customer lacks and may have"
            rows.append((customer, None, None, math.nan, math.nan, none, None))
    columns = ["customer_id", "rank", "product", "probability", "expected_value", "reason",
               "eligible_by"]  # fmt: skip
    wanted = pd.DataFrame(rows, columns=columns).astype({"rank": "Int64", "reason": "category"})
    wanted["product"] = pd.Categorical(wanted["product"], [p.product for p in RATES.products])
    rules = [r.id for r in default_policy("marketing").table("offer").rules]
    wanted["eligible_by"] = pd.Categorical(wanted["eligible_by"], rules)
    assert found.attrs.pop("policy")
    pd.testing.assert_frame_equal(found, wanted if value else wanted.drop(columns="expected_value"))


def test_three_offers_each_if_not_asked_for_more() -> None:
    people = pd.DataFrame({"kind": ["person"], "birth_date": pd.to_datetime(["1990-01-01"])},
                          index=[1])  # fmt: skip
    none = pd.DataFrame({"customer_id": [2], "product": "fund",
                         "opened_date": pd.to_datetime(["2020-01-01"])})  # fmt: skip
    found = rank_offers(pd.DataFrame(index=[1]), RATES, customers=people, accounts=none, as_of=DAY)
    assert found["product"].tolist() == ["insurance", "term", "wealth"]
    assert found["rank"].tolist() == [1, 2, 3]
    values = dict.fromkeys(["fund", "insurance", "mortgage", "term", "wealth"], "x")
    with pytest.raises(DataError, match="value"):
        rank_offers(pd.DataFrame(index=[1]), RATES, customers=people, accounts=none, as_of=DAY,
                    value=values)  # fmt: skip


# --- the check of a ranking


def measures_of(
    ranked: dict[int, list[str]], opened: dict[int, set[str]], k: int, products: int
) -> list[tuple[float, float, float]]:
    """Mean average precision, precision, recall, hit rate and coverage with their intervals."""
    each = []
    for customer, order in ranked.items():
        first, wanted = order[:k], opened[customer]
        hits = [p in wanted and p not in first[:n] for n, p in enumerate(first)]
        found = [sum(hits[: n + 1]) / (n + 1) for n, h in enumerate(hits) if h]
        each.append((sum(found) / min(len(wanted), k), sum(hits) / k, sum(hits) / len(wanted),
                     float(any(hits))))  # fmt: skip
    rows = [normal(list(values)) for values in zip(*each, strict=True)]
    hit = [e[3] for e in each]
    ends = stats.binomtest(int(sum(hit)), len(hit)).proportion_ci(method="wilson")
    rows[3] = (rows[3][0], ends.low, ends.high)
    shown = {p for order in ranked.values() for p in order[:k]}
    return [*rows, (len(shown) / products, math.nan, math.nan)]


def normal(values: list[float]) -> tuple[float, float, float]:
    mean = float(np.mean(values))
    if len(values) == 1:
        return mean, math.nan, math.nan
    half = stats.norm.ppf(0.975) * stats.sem(values)
    return mean, mean - half, mean + half


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 5))
def test_every_measure_of_a_ranking(seed: int, customers: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    names = list("abcd")
    popularity = {"d": 0.5, "b": 0.5, "a": 0.1}  # c comes last
    model = {c: list(rng.permutation(names)[: rng.integers(1, 5)]) for c in range(customers)}
    opened = {c: {n for n in [*names, "e"] if rng.random() < 0.4} for c in range(customers + 2)}
    rows = [(c, n, p) for c, own in model.items() for n, p in enumerate(own, 1)]
    ranked = pd.DataFrame(rows, columns=["customer_id", "rank", "product"])
    extra = pd.DataFrame({"customer_id": [0, 1], "rank": [None, 9], "product": ["a", None]})
    ranked = pd.concat([ranked.astype({"rank": "Int64"}), extra.astype({"rank": "Int64"})])
    pairs = [(c, p) for c, own in opened.items() for p in sorted(own)]
    acquired = pd.DataFrame(pairs * 2, columns=["customer_id", "product"])
    judged = {c: own for c, own in model.items() if opened[c]}
    if not judged:
        return
    found = check_ranking(ranked, acquired, popularity=popularity, k=k)
    popular = {c: sorted(own, key=lambda p: (-popularity.get(p, -9), p))
               for c, own in judged.items()}  # fmt: skip
    products = len({p for own in judged.values() for p in own})
    index = ["map", "precision", "recall", "hit_rate", "coverage"]
    for name, order in (("model", judged), ("popularity", popular)):
        wanted = pd.DataFrame(
            measures_of(order, opened, k, products), pd.Index(index, name="measure"),
            ["value", "lower", "upper"],
        )  # fmt: skip
        pd.testing.assert_frame_equal(found.measures.loc[name], wanted)
    chance = found.measures.loc["random"]
    assert chance["value"].between(0, 1).all()
    assert found.customers == len(judged)
    assert found.left_out == sum(bool(v) for v in opened.values()) - len(judged)
    gains = [
        a[0][0] - b[0][0]
        for c in judged
        for a, b in [[measures_of({c: own[c]}, opened, k, 1) for own in (judged, popular)]]
    ]
    gain = found.gain
    assert (gain.estimate, gain.lower, gain.upper) == pytest.approx(normal(gains), nan_ok=True)
    assert (gain.method, gain.sample_size, found.k) == ("normal", len(judged), k)


def test_a_check_looks_at_seven_places_and_at_chance_by_its_seed() -> None:
    rows = [(c, n, f"p{(n + c) % 9}") for c in range(40) for n in range(1, 10)]
    ranked = pd.DataFrame(rows, columns=["customer_id", "rank", "product"])
    opened = ranked[ranked["rank"] == 8][["customer_id", "product"]]
    found = check_ranking(ranked, opened, popularity={})
    assert found.k == 7
    assert found.measures.loc[("model", "hit_rate"), "value"] == 0
    same = check_ranking(ranked, opened, popularity={}, k=7, seed=0, confidence=0.95)
    pd.testing.assert_frame_equal(found.measures, same.measures)
    other = check_ranking(ranked, opened, popularity={}, seed=1).measures.loc["random"]
    assert not other.equals(found.measures.loc["random"])
    assert found.measures.loc[("random", "hit_rate"), "value"] == pytest.approx(7 / 9, abs=0.2)
    mixed = check_ranking(ranked[::-1], opened, popularity={})
    pd.testing.assert_frame_equal(found.measures, mixed.measures)
    for wrong in (0, 0.5, -1):
        with pytest.raises(DataError, match="k: expected a whole number from 1 "):
            check_ranking(ranked, opened, popularity={}, k=wrong)
    one = check_ranking(ranked, opened, popularity={}, k=1)
    assert "map" in repr(one)
    assert "first 1" in one._repr_html_()


# --- referrals


def test_values_that_are_missing_are_not_added() -> None:
    frame = pd.DataFrame(
        {"customer_id": [1, 2, 3, 4], "referred_by": [None, 1, 2, 9], "worth": [1.0, None, 5.0, 2]}
    )
    found = referral_chain(frame, value="worth")
    wanted = pd.DataFrame(
        {
            "depth": pd.array([0, 1, 2, 0], "Int64"),
            "root": [1, 1, 1, 4],
            "referred": [1, 1, 0, 0],
            "brought": pd.array([2, 1, 0, 0], "Int64"),
            "value_brought": [5.0, 5.0, 0.0, 0.0],
            "in_circle": False,
        },
        index=pd.Index([1, 2, 3, 4], name="customer_id"),
    )
    (fault,) = found.attrs["findings"]
    assert (fault["problem"], fault["count"], fault["examples"]) == (
        "unknown_referrer", 1, ("customer 4",),
    )  # fmt: skip
    found.attrs = {}
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)
    many = pd.DataFrame({"customer_id": range(7), "referred_by": 99})
    (fault,) = referral_chain(many).attrs["findings"]
    assert (fault["count"], len(fault["examples"])) == (7, 5)
