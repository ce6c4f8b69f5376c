"""RFM metrics from the view of a book: the same for a customer in a block as in the whole book."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.book.view import Needs, view_of
from bankcrm.policy import default_policy
from bankcrm.segmentation import rfm_metrics
from bankcrm.segmentation.rfm.sums import rfm_metrics_of

AS_OF = "2026-06-30"
KINDS = ["salary", "card", "interest", "fee"]
NEEDS = {
    "customers": Needs(("customer_id",)),
    "transactions": Needs(("customer_id", "date", "amount"), ("kind",)),
}


@st.composite
def books(draw: st.DrawFn) -> pd.DataFrame:
    size = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    days = rng.integers(0, 500, size).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "customer_id": rng.integers(0, 8, size) * 37,
            "date": np.datetime64("2025-05-01", "ns") + days,
            "amount": rng.integers(-500, 5000, size) / 100,
            "kind": rng.choice(KINDS, size),
        }
    )


def of_view(book: pd.DataFrame, customers: object) -> pd.DataFrame:
    frames = {"customers": pd.DataFrame({"customer_id": customers}), "transactions": book}
    view = view_of(frames, NEEDS)["transactions"]
    policy = default_policy("segmentation")
    return rfm_metrics_of(view, as_of=np.datetime64(AS_OF), policy=policy)


@given(books(), st.booleans(), st.integers(0, 2**32))
def test_a_view_gives_the_public_metrics_in_the_order_of_its_customers(
    book: pd.DataFrame, kinds: bool, seed: int
) -> None:
    book = book if kinds else book.drop(columns="kind")
    everyone = np.random.default_rng(seed).permutation([*book["customer_id"].unique(), -1])
    found = of_view(book, everyone)
    expected = rfm_metrics(book, as_of=AS_OF, own_only=kinds)
    order = [c for c in everyone if c in expected.index]
    pd.testing.assert_frame_equal(found, expected.loc[order], check_index_type=False)


@given(books(), st.integers(0, 2**32))
def test_a_customer_in_a_block_measures_as_in_the_whole_book(book: pd.DataFrame, seed: int) -> None:
    everyone = book["customer_id"].unique()
    block = everyone[np.random.default_rng(seed).random(len(everyone)) < 0.5]
    whole = of_view(book, everyone)
    part = of_view(book[book["customer_id"].isin(block)], block)
    pd.testing.assert_frame_equal(part, whole[whole.index.isin(block)])
