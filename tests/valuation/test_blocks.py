"""A block of customers gives the same rows as the whole book, to the last bit."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.book import Book
from bankcrm.book.recorded import recorded_in
from bankcrm.book.view import BookView, book_view
from bankcrm.datasets import make_book
from bankcrm.policy import Policy, default_policy
from bankcrm.testing.books import books
from bankcrm.valuation import contribution, fit_value_model, score_value
from bankcrm.valuation.contribution.interest import INTEREST, fill_interest, interest_products
from bankcrm.valuation.contribution.positions import balance_source, positions_in
from bankcrm.valuation.value.measures import count_referrals, value_measures_of
from bankcrm.vocabulary import Channel, Product, TransactionKind

END = np.datetime64("2026-06-30")
START = np.datetime64("2025-07-01")


def complete_policy() -> Policy:
    """A policy with a rate for every product and a cost for every activity."""
    products = [p.value for p in Product]
    policy = default_policy("valuation")
    rates = {
        name: {**dict.fromkeys(products, 0.1), **policy.value(name)}
        for name in ("rate_paid", "rate_charged", "account_cost", "loss_given_default",
                     "risk_weight", "tenor_months", "commission")
    }  # fmt: skip
    activities = {a.value: 0.7 for kind in (Channel, TransactionKind) for a in kind}
    return policy.with_parameters(**rates, activity_cost=activities)


POLICY = complete_policy()


def parts_of(book: Book, cuts: Iterable[set[object]]) -> list[BookView]:
    """A view of the customers of each cut, which knows what frames the whole book records."""
    recorded = {n for n, f in book.frames().items() if len(f)}
    views = []
    for ids in cuts:
        frames = {
            n: f[f["customer_id"].isin(list(ids))]
            for n, f in book.frames().items()
            if "customer_id" in f
        }
        views.append(book_view(attrs.evolve(book, **frames, links=None), recorded=recorded))
    return views


def by_customer(parts: list[pd.DataFrame], like: pd.DataFrame) -> pd.DataFrame:
    """Rows of parts by customer; an activity that nobody of a part has counts 0."""
    rows = []
    for part in parts:
        lacking = [c for c in like if c not in part]
        zero = {c: 0.0 if str(c).startswith("n_") else None for c in lacking}
        rows.append(part.assign(**zero)[list(like)].astype(object))
    every = pd.concat(rows, ignore_index=True)
    every = every.where(every.notna(), None)
    return every.sort_values("customer_id", kind="stable", ignore_index=True)


def check_blocks(book: Book, cuts: list[set[object]]) -> None:
    whole, parts = book_view(book), parts_of(book, cuts)
    source = balance_source(recorded_in(book.frames()))
    found, *each = (
        positions_in(view, start=START, end=END, source=source, policy=POLICY)
        for view in (whole, *parts)
    )
    pd.testing.assert_frame_equal(
        by_customer(each, found), by_customer([found], found), check_exact=True
    )
    products = interest_products(found)
    booked = [interest_products(part) for part in each]
    assert {c: set().union(*(b[c] for b in booked)) for c in INTEREST} == products

    def summed(positions: pd.DataFrame, view: BookView) -> pd.DataFrame:
        filled = fill_interest(positions, products)
        return contribution(filled, policy=POLICY, customers=view.customers)

    profits = summed(found, whole)
    pairs = zip(each, parts, strict=True)
    block_profits = pd.concat([summed(positions, view) for positions, view in pairs])
    pd.testing.assert_frame_equal(
        block_profits.loc[profits.index], profits, check_exact=True, check_index_type=False
    )
    referrals = count_referrals(whole)
    measured, *some = (
        value_measures_of(view, as_of=END, policy=POLICY, referrals=referrals)
        for view in (whole, *parts)
    )
    model = fit_value_model(measured.assign(contribution=profits["contribution"]), policy=POLICY)
    for view, measures in zip(parts, some, strict=True):
        pd.testing.assert_frame_equal(
            measures, measured.loc[view.customers], check_exact=True, check_categorical=False,
            check_index_type=False,
        )  # fmt: skip
        rows = measures.assign(contribution=profits["contribution"])
        every = measured.assign(contribution=profits["contribution"])
        pd.testing.assert_frame_equal(
            score_value(rows, model=model, policy=POLICY),
            score_value(every, model=model, policy=POLICY).loc[view.customers],
            check_exact=True,
            check_index_type=False,
        )


@settings(max_examples=15)
@given(books(max_customers=5), st.data())
def test_a_book_cut_in_two_gives_the_rows_of_the_whole(book: Book, data: st.DataObject) -> None:
    checked = book.check()[0]
    ids = checked.customers["customer_id"].tolist()
    first = set(data.draw(st.lists(st.sampled_from(ids), max_size=len(ids) - 1, unique=True)))
    cuts = [c for c in (first, set(ids) - first) if c]
    check_blocks(checked, cuts)


@pytest.mark.parametrize("left_out", [(), ("balances",), ("balances", "running")])
def test_a_synthetic_book_in_blocks_gives_the_rows_of_the_whole(left_out: tuple[str, ...]) -> None:
    book = make_book(300, seed=5)
    moves = book.transactions
    if "running" in left_out:
        moves = moves.drop(columns="balance", errors="ignore")
    elif left_out:
        moves = moves.assign(balance=moves["amount"].cumsum().round(2))
    balances = None if "balances" in left_out else book.balances
    book = attrs.evolve(book, transactions=moves, balances=balances).check(END)[0]
    ids = book.customers["customer_id"].tolist()
    assert (
        balance_source(recorded_in(book.frames()))
        == ["balances", "running", "amounts"][len(left_out)]
    )
    check_blocks(book, [set(ids[:1]), set(ids[1:9]), set(ids[9::2]), set(ids[10::2])])


def test_a_block_without_balances_in_a_book_with_balances_has_no_balance() -> None:
    day = pd.to_datetime
    book = Book(
        pd.DataFrame({"customer_id": [1, 2], "kind": "person"}),
        pd.DataFrame({"customer_id": [1, 2], "account_id": [10, 20], "amount": [900.0, 700.0],
                      "date": day(["2026-01-05", "2026-01-06"]), "kind": "salary",
                      "balance": [900.0, 700.0]}),
        balances=pd.DataFrame({"account_id": [10], "customer_id": [1], "balance": [900.0],
                               "date": day(["2026-01-05"])}),
    )  # fmt: skip
    checked = book.check(END)[0]
    (part,) = parts_of(checked, [{2}])
    source = balance_source(recorded_in(checked.frames()))
    found = positions_in(part, start=START, end=END, source=source, policy=POLICY)
    assert found[["customer_id", "account_id", "balance"]].to_numpy().tolist() == [[2, 20, 0]]
    assert positions_in(part, start=START, end=END, source="running", policy=POLICY)[
        "balance"
    ].tolist() == pytest.approx([700 * 176 / 365])


def test_a_product_that_books_interest_in_another_block_books_none_here() -> None:
    moves = pd.DataFrame({"customer_id": [1, 2], "account_id": [10, 20], "amount": [9.0, 700.0],
                          "date": pd.to_datetime(["2026-01-05"] * 2),
                          "kind": ["interest", "salary"]})  # fmt: skip
    book = Book(pd.DataFrame({"customer_id": [1, 2], "kind": "person"}), moves).check(END)[0]
    one, two = parts_of(book, [{1}, {2}])
    check_blocks(book, [{1}, {2}])
    booked, plain = (
        positions_in(view, start=START, end=END, source="amounts", policy=POLICY)
        for view in (one, two)
    )
    assert interest_products(booked) == {"interest_paid": {"demand"}, "interest_received": set()}
    assert plain["interest_paid"].isna().all()
    filled = fill_interest(plain, interest_products(booked))
    assert filled["interest_paid"].tolist() == [0.0]
    assert filled["interest_received"].isna().all()
