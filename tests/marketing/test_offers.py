"""Offers: order of acquisition, one card per product, who may have what, and the check beside
popularity and chance."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.marketing import (
    Offers,
    ProductOffer,
    acquisition_order,
    check_ranking,
    fit_offers,
    product_holdings,
    rank_offers,
)
from bankcrm.marketing.offers.itemsets import cells_of
from bankcrm.marketing.offers.order import loevinger
from bankcrm.policy import default_policy

DAY = pd.Timestamp("2026-03-31")
END = pd.Timestamp("2026-06-30")
PRODUCTS = ("demand", "term", "fund", "wealth", "insurance", "credit_card")
ACCOUNTS = ["customer_id", "product", "opened_date", "closed_date"]


def rows(*accounts: tuple[int, str, str, str | None]) -> pd.DataFrame:
    found = pd.DataFrame(accounts, columns=ACCOUNTS)
    return found.assign(**{c: pd.to_datetime(found[c]) for c in ACCOUNTS[2:]})


# Order of acquisition


def steps(n: int) -> pd.DataFrame:
    """Customers who acquire products one after the other, always in one order."""
    held = np.repeat(np.arange(n), np.arange(n) % len(PRODUCTS) + 1)
    place = np.concatenate([np.arange(i % len(PRODUCTS) + 1) for i in range(n)])
    opened = pd.Timestamp("2025-01-01") + pd.to_timedelta(place * 30, unit="D")
    product = np.array(PRODUCTS)[place]
    return pd.DataFrame({"customer_id": held, "product": product, "opened_date": opened})


def test_a_guttman_scale_has_h_of_one() -> None:
    found = acquisition_order(steps(60), as_of=END)
    assert found.h == 1.0
    assert (found.products["h"] == 1.0).sum() == len(PRODUCTS) - 1  # all but what everybody has
    assert found.products.index.tolist() == list(PRODUCTS)
    assert found.transitions["share"].tolist() == [1.0] * 5
    assert found.transitions["median_days"].tolist() == [30.0] * 5


def test_h_of_groceries_and_of_independent_products(shared_data: Path) -> None:
    baskets = pd.read_parquet(shared_data / "groceries" / "baskets.parquet")
    found = pd.crosstab(baskets["basket"], baskets["item"]).to_numpy() > 0
    top = found[:, np.argsort(-found.sum(axis=0), kind="stable")[:20]]
    assert round(loevinger(*cells_of(top))[0], 3) == 0.056
    rng = np.random.default_rng(1)
    alone = rng.random((20_000, 8)) < rng.random(8)
    assert abs(loevinger(*cells_of(alone))[0]) < 0.01


def random_accounts(seed: int, customers: int = 12, size: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    opened = DAY + pd.to_timedelta(rng.integers(-40, 20, size) * 5, unit="D")
    closed = pd.Series(opened + pd.to_timedelta(rng.integers(0, 200, size), unit="D"))
    return pd.DataFrame(
        {
            "customer_id": rng.integers(0, customers, size),
            "product": rng.choice(PRODUCTS[:4], size),
            "opened_date": opened,
            "closed_date": closed.mask(rng.random(size) < 0.6),
        }
    )


@given(st.integers(0, 10_000))
def test_transitions_and_holdings_are_those_of_a_row_loop(seed: int) -> None:
    accounts = random_accounts(seed)
    first: dict[int, dict[str, pd.Timestamp]] = defaultdict(dict)
    held = set()
    for row in accounts.sort_values("opened_date").itertuples():
        if row.opened_date <= DAY:
            first[row.customer_id].setdefault(row.product, row.opened_date)
            if pd.isna(row.closed_date) or row.closed_date > DAY:
                held.add((row.customer_id, row.product))
    went: dict[tuple[str, str], list[int]] = defaultdict(list)
    of: dict[str, int] = defaultdict(int)
    for own in first.values():
        for product, day in own.items():
            later = [d for d in own.values() if d > day]
            of[product] += bool(later)
            for then, next_day in own.items():
                if later and next_day == min(later):
                    went[product, then].append((next_day - day).days)
    found = acquisition_order(accounts, as_of=DAY)
    seen = {
        (r.product, r.then): (r.customers, r.of, r.median_days)
        for r in found.transitions.itertuples()
    }
    assert seen == {k: (len(v), of[k[0]], float(np.median(v))) for k, v in went.items()}
    assert found.customers == len(first)
    again = acquisition_order(accounts.sample(frac=1, random_state=seed), as_of=DAY)
    pd.testing.assert_frame_equal(again.transitions, found.transitions)
    pd.testing.assert_frame_equal(again.products, found.products)
    table = product_holdings(accounts, as_of=DAY)
    assert {(c, p) for c in table.index for p in table.columns if table.loc[c, p]} == held


def test_nobody_has_an_order() -> None:
    found = acquisition_order(rows((1, "fund", "2026-05-01", None)), as_of=DAY)
    assert (found.customers, found.h, len(found.products), len(found.transitions)) == (
        0,
        None,
        0,
        0,
    )
    one = acquisition_order(rows((1, "fund", "2026-01-01", None)), as_of=DAY)
    assert (one.customers, one.h, len(one.transitions)) == (1, None, 0)


# One card per product


@pytest.fixture(scope="module")
def bank() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers whose wealth decides what they hold, and what they open within the window."""
    rng = np.random.default_rng(3)
    n = 6_000
    wealth = rng.standard_normal(n)
    limits = np.linspace(-1.5, 1.2, len(PRODUCTS))
    had = wealth[:, None] + rng.standard_normal((n, 6)) > limits
    chance = 0.25 / (1 + np.exp(-2 * (wealth[:, None] - limits)))
    opened = ~had & (rng.random((n, 6)) < chance)
    who, product = np.nonzero(had | opened)
    day = np.where(had[who, product], DAY - pd.Timedelta(days=300), DAY + pd.Timedelta(days=40))
    names = np.array(PRODUCTS)[product]
    accounts = pd.DataFrame({"customer_id": who, "product": names, "opened_date": day})
    known = wealth + 0.3 * rng.standard_normal(n)
    facts = pd.DataFrame({"balance": np.round(1e4 * np.exp(known)), "noise": rng.random(n)})
    return facts, accounts


@pytest.fixture(scope="module")
def offers(bank: tuple[pd.DataFrame, pd.DataFrame]) -> Offers:
    facts, accounts = bank
    return fit_offers(lambda _: facts, accounts, as_ofs=[DAY], horizon_days=91, as_of=END)


def people(index: pd.Index) -> pd.DataFrame:
    born = pd.Timestamp("1985-05-05")
    return pd.DataFrame({"kind": "person", "birth_date": born}, index=index)


def test_a_product_is_fitted_on_those_who_lack_it(
    bank: tuple[pd.DataFrame, pd.DataFrame], offers: Offers
) -> None:
    facts, accounts = bank
    assert [p.product for p in offers.products] == sorted(PRODUCTS)
    for offer in offers.products:
        own = accounts[accounts["product"] == offer.product]
        held = own.loc[own["opened_date"] <= DAY, "customer_id"].nunique()
        assert offer.customers == len(facts) - held
        assert offer.opened == (own["opened_date"] > DAY).sum()
        assert offer.card is not None
        assert "balance" in {f.name for f in offer.card.features}
        assert f"holds_{offer.product}" not in {f.name for f in offer.card.features}
    assert Offers.from_toml(offers.to_toml()) == offers
    assert offers.rates.to_dict() == {p.product: p.rate for p in offers.products}


def test_what_is_opened_inside_the_window_enters_no_card(
    bank: tuple[pd.DataFrame, pd.DataFrame], offers: Offers
) -> None:
    """The leak: a product opened together with another one in the window tells nothing of it."""
    facts, accounts = bank
    fund = accounts[(accounts["product"] == "fund") & (accounts["opened_date"] > DAY)]
    more = pd.concat([accounts, fund.assign(product="term")])
    again = fit_offers(lambda _: facts, more, as_ofs=[DAY], horizon_days=91, as_of=END)
    cards = {p.product: p.card for p in again.products}
    for offer in offers.products:
        assert (cards[offer.product] == offer.card) == (offer.product != "term")
    # Holdings taken at the end of the window would have told the outcome almost without error.
    held = product_holdings(more, as_of=END).reindex(facts.index, fill_value=False)
    risk = ~product_holdings(more, as_of=DAY).reindex(facts.index, fill_value=False)["fund"]
    leak = held.loc[risk, "fund"] == facts.index[risk].isin(fund["customer_id"])
    assert leak.all()


def test_windows_end_by_the_day_of_the_accounts(bank: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    facts, accounts = bank
    with pytest.raises(DataError, match="end after 2026-06-30"):
        fit_offers(lambda _: facts, accounts, as_ofs=[DAY], horizon_days=92, as_of=END)
    few = fit_offers(
        lambda _: facts, accounts, as_ofs=[DAY], horizon_days=91, as_of=END, min_opened=10**6
    )
    assert all(p.card is None and "a card needs" in p.reason for p in few.products)


# Who may have what


def test_offers_are_products_that_the_customer_lacks_and_may_have(
    bank: tuple[pd.DataFrame, pd.DataFrame], offers: Offers
) -> None:
    facts, accounts = bank
    found = rank_offers(
        facts, offers, customers=people(facts.index), accounts=accounts, as_of=DAY, top=None
    )
    assert found["customer_id"].drop_duplicates().tolist() == facts.index.tolist()
    some = found.dropna(subset=["rank"])
    held = product_holdings(accounts, as_of=DAY).reindex(facts.index, fill_value=False)
    lacks = (~held).stack().loc[lambda lacks: lacks].index
    pairs = set(zip(some["customer_id"], some["product"].astype(str), strict=True))
    assert pairs == {(c, p) for c, p in lacks if p != "credit_card"}  # no credit was decided on
    without = found[found["rank"].isna()]
    assert without["reason"].eq("no product that the customer lacks and may have").all()
    fall = some.groupby("customer_id")["probability"].diff().fillna(0)
    assert (fall <= 0).all()
    mixed = rank_offers(
        facts.sample(frac=1, random_state=2),
        offers,
        customers=people(facts.index),
        accounts=accounts.sample(frac=1, random_state=2),
        as_of=DAY,
        top=None,
    )
    order = ["customer_id", "rank"]
    pd.testing.assert_frame_equal(
        mixed.sort_values(order, ignore_index=True), found.sort_values(order, ignore_index=True)
    )


def rates(*products: str) -> Offers:
    return Offers(tuple(ProductOffer(p, 100, 10 + i) for i, p in enumerate(products)), (), 90)


def offered(offers: Offers, **change: object) -> dict[str, str]:
    """Product -> rule, for one customer who holds a demand account."""
    given = {
        "customers": people(pd.Index([1])),
        "accounts": rows((1, "demand", "2020-01-01", None)),
        "as_of": DAY,
        "top": None,
        **change,
    }
    found = rank_offers(pd.DataFrame(index=[1]), offers, **given).dropna(subset=["rank"])
    return dict(zip(found["product"].astype(str), found["eligible_by"].astype(str), strict=True))


def test_credit_only_by_the_decision_of_the_bank() -> None:
    some = rates("demand", "fund", "mortgage", "consumer_loan", "business_loan")
    credit = pd.DataFrame(
        {
            "customer_id": [1, 1, 2],
            "product": ["mortgage", "consumer_loan", "consumer_loan"],
            "decision": ["approved", "refused", "approved"],
        }
    )
    assert offered(some) == {"fund": "nothing-against"}
    assert offered(some, credit=credit) == {
        "mortgage": "credit-approved",
        "fund": "nothing-against",
    }


def test_nobody_is_offered_what_the_bank_does_not_sell_or_sells_to_others() -> None:
    some = rates("fund", "mortgage", "business_loan", "gold_bars")
    firm = people(pd.Index([1])).assign(kind="company", birth_date=pd.NaT)
    all_granted = pd.DataFrame(
        {"customer_id": 1, "product": ["mortgage", "business_loan"], "decision": "approved"}
    )
    assert set(offered(some, credit=all_granted)) == {"fund", "mortgage"}
    assert set(offered(some, credit=all_granted, customers=firm)) == {"fund", "business_loan"}
    closed = default_policy("marketing").with_parameters(sold_products=["mortgage"])
    assert not offered(some, policy=closed)
    for born in ("2015-01-01", None):
        child = people(pd.Index([1])).assign(birth_date=pd.to_datetime([born]))
        assert not offered(some, customers=child)
    assert not default_policy("marketing").table("offer").check()


def test_a_closed_product_may_be_offered_again_and_value_ranks() -> None:
    once = rows((1, "fund", "2020-01-01", "2025-01-01"), (1, "term", "2026-05-01", None))
    some = rates("fund", "term", "wealth")
    assert list(offered(some, accounts=once)) == ["wealth", "term", "fund"]
    worth = {"fund": 900.0, "term": 10.0, "wealth": 20.0}
    assert list(offered(some, accounts=once, value=worth)) == ["fund", "wealth", "term"]
    with pytest.raises(DataError, match="no value of wealth"):
        offered(some, value={"fund": 1.0, "term": 1.0})


def test_an_unknown_feature_is_named(bank: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    facts, accounts = bank
    fund = fit_offers(
        lambda _: facts, accounts, as_ofs=[DAY], horizon_days=91, as_of=END, products=["fund"]
    )
    unknown = pd.DataFrame({"balance": [np.nan], "noise": [0.5]}, index=[-1])
    found = rank_offers(
        unknown, fund, customers=people(unknown.index), accounts=accounts, as_of=DAY
    )
    assert found["reason"].tolist() == ["balance is not known"]


# The check of a ranking


def listed(*lists: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        [(c, place, str(p)) for c, own in enumerate(lists) for place, p in enumerate(own, 1)],
        columns=["customer_id", "rank", "product"],
    )


@pytest.mark.parametrize(
    ("actual", "predicted", "k", "mean"),
    [
        ([[*range(1, 5)]], [[1, 2, 3, 4, 5]], 3, 1.0),
        ([[1, 3, 4], [1, 2, 4], [1, 3]], [[*range(1, 6)]] * 3, 3, 0.685185),
        ([[*range(1, 6)]] * 2, [[6, 4, 7, 1, 2], [1, 1, 1, 1, 1]], 5, 0.26),
        ([[1, 3], [1, 2, 3], [1, 2, 3]], [[*range(1, 6)], [1, 1, 1], [1, 2, 1]], 3, 11 / 18),
    ],
)
def test_published_mean_average_precision(
    actual: list[list[int]], predicted: list[list[int]], k: int, mean: float
) -> None:
    """The cases of ml_metrics, 1.0, .685185, .26 and 11/18."""
    opened = listed(*actual).drop(columns="rank")
    found = check_ranking(listed(*predicted), opened, popularity={}, k=k)
    assert round(found.measures.loc[("model", "map"), "value"], 6) == round(mean, 6)


def test_a_ranking_is_shown_beside_popularity_and_chance(
    bank: tuple[pd.DataFrame, pd.DataFrame], offers: Offers
) -> None:
    facts, accounts = bank
    credit = pd.DataFrame(
        {"customer_id": facts.index, "product": "credit_card", "decision": "approved"}
    )
    ranked = rank_offers(
        facts, offers, customers=people(facts.index), accounts=accounts, as_of=DAY,
        credit=credit, top=None,
    )  # fmt: skip
    opened = accounts[accounts["opened_date"] > DAY]
    found = check_ranking(ranked, opened, popularity=offers.rates, k=3)
    value = found.measures["value"].unstack()["map"]
    assert value["model"] > value["random"] + 0.05
    assert value["popularity"] > value["random"]
    assert found.gain.estimate == pytest.approx(value["model"] - value["popularity"])
    assert found.customers == opened["customer_id"].nunique()
    assert found.left_out == 0
    mixed = check_ranking(
        ranked.sample(frac=1, random_state=1), opened.sample(frac=1, random_state=1),
        popularity=offers.rates, k=3,
    )  # fmt: skip
    pd.testing.assert_frame_equal(mixed.measures, found.measures)
    # every place: all three have met all that was opened
    whole = check_ranking(ranked, opened, popularity=offers.rates, k=6).measures["value"].unstack()
    assert (whole["recall"] == 1).all()
    assert (whole["coverage"] == 1).all()


def test_the_check_tells_who_was_not_ranked() -> None:
    ranked, opened = listed([1, 2], [2, 1]), listed([1], [], [3]).drop(columns="rank")
    found = check_ranking(ranked, opened, popularity={}, k=2)
    assert (found.customers, found.left_out) == (1, 1)
    with pytest.raises(DataError, match="opened anything"):
        check_ranking(ranked, opened[opened["customer_id"] > 1], popularity={})
