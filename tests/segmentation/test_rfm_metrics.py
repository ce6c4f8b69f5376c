"""RFM metrics: laws against a slow loop, options, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.book.view import Needs, view_of
from bankcrm.errors import DataError
from bankcrm.frames import DataFault
from bankcrm.frames.check import findings_frame
from bankcrm.frames.findings import findings_of
from bankcrm.policy import default_policy
from bankcrm.segmentation import (
    fit_rfm,
    rfm_metrics,
    score_rfm,
)
from bankcrm.segmentation.rfm.sums import rfm_metrics_of

AS_OF = "2026-06-30"


def moves(rows: list[tuple[Any, str, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


@st.composite
def books(draw: st.DrawFn) -> pd.DataFrame:
    size = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    offset = draw(st.sampled_from([0, 10**12]))
    days = rng.integers(0, 500, size)
    return pd.DataFrame(
        {
            "customer_id": rng.integers(0, 8, size) * draw(st.sampled_from([1, 37])) + offset,
            "date": np.datetime64("2025-05-01", "ns") + days.astype("timedelta64[D]"),
            "amount": rng.choice([-2.5, -1.25, 0.0, 1.5, 19.99, 50.0], size),
            "product": rng.choice(["demand", "fund"], size),
        }
    )


def slowly(
    frame: pd.DataFrame, *, window: int | None, count: str, value: str, refunds: str, zeros: str
) -> pd.DataFrame:
    """The metrics of every customer, one after the other, by pandas alone."""
    day = pd.Timestamp(AS_OF)
    frame = frame[frame["date"] <= day]
    if window is not None:
        frame = frame[(day - frame["date"]).dt.days < window]
    if zeros == "leave_out":
        frame = frame[frame["amount"] != 0]
    rows = {}
    for customer, part in frame.groupby("customer_id"):
        counted = part[part["amount"] >= 0] if refunds == "net" else part
        times = counted["date"].nunique() if count == "days" else len(counted)
        money = (part["amount"] if refunds == "net" else part["amount"].abs()).sum()
        if times:
            rows[customer] = {
                "recency_days": (day - counted["date"].max()).days,
                "frequency": times,
                "monetary": money / times if value == "mean" else money,
            }
    return pd.DataFrame.from_dict(rows, orient="index")


options = st.fixed_dictionaries(
    {
        "window": st.sampled_from([None, 1, 60, 400]),
        "count": st.sampled_from(["rows", "days"]),
        "value": st.sampled_from(["sum", "mean"]),
        "refunds": st.sampled_from(["count", "net"]),
        "zeros": st.sampled_from(["keep", "leave_out"]),
    }
)


@given(books(), options)
def test_metrics_equal_a_slow_loop(book: pd.DataFrame, chosen: dict[str, Any]) -> None:
    metrics = rfm_metrics(book, as_of=AS_OF, **chosen)
    expected = slowly(book, **chosen)
    assert metrics.index.tolist() == expected.index.tolist()
    for name in expected:
        assert metrics[name].tolist() == pytest.approx(expected[name].tolist(), abs=1e-4)
    plain = rfm_metrics(book, as_of=AS_OF)
    left = plain.attrs["left_out"].get("after_as_of", 0)
    assert plain["frequency"].sum() + left == len(book)


@given(books(), st.booleans())
def test_a_review_measures_alike_from_the_view(book: pd.DataFrame, with_kinds: bool) -> None:
    kinds = np.where(book["amount"] < 20, "interest", "salary")
    book = book.assign(kind=kinds) if with_kinds else book
    needs = {"transactions": Needs(("customer_id", "date", "amount"), ("kind",))}
    view = view_of({"transactions": book}, needs)["transactions"]
    policy = default_policy("segmentation")
    found = rfm_metrics_of(view, as_of=np.datetime64(AS_OF), policy=policy)
    expected = rfm_metrics(book, as_of=AS_OF, own_only=with_kinds)
    pd.testing.assert_frame_equal(found.sort_index(), expected)


@given(books(), st.integers(0, 2**32))
def test_row_order_does_not_matter(book: pd.DataFrame, seed: int) -> None:
    shuffled = book.sample(frac=1, random_state=seed % 2**31)
    one, two = rfm_metrics(book, as_of=AS_OF), rfm_metrics(shuffled, as_of=AS_OF)
    pd.testing.assert_frame_equal(one, two)
    if len(one):
        scored = score_rfm(one.sample(frac=1, random_state=1), fit_rfm(two))
        pd.testing.assert_frame_equal(scored.sort_index(), score_rfm(one, fit_rfm(one)))


@given(books(), st.sampled_from(["string", "category", "int64[pyarrow]", "Int64", "object"]))
def test_ids_of_any_dtype_measure_alike(book: pd.DataFrame, dtype: str) -> None:
    plain = rfm_metrics(book, as_of=AS_OF)
    other = rfm_metrics(book.assign(customer_id=book["customer_id"].astype(dtype)), as_of=AS_OF)
    words = book["customer_id"].astype(str).astype(object)
    assert rfm_metrics(book.assign(customer_id=words), as_of=AS_OF).index.tolist() == sorted(
        map(str, plain.index)
    )
    by_text = {str(k): v for k, v in other.to_dict("index").items()}
    assert by_text == {str(k): v for k, v in plain.to_dict("index").items()}


@given(books())
def test_by_product_gives_one_set_for_each(book: pd.DataFrame) -> None:
    both = rfm_metrics(book, as_of=AS_OF, by="product")
    for name in book["product"].unique():
        alone = rfm_metrics(book[book["product"] == name], as_of=AS_OF)
        if len(alone):
            part = both.xs(name, level="product")
            pd.testing.assert_frame_equal(part, alone, check_index_type=False)
    assert len(both) == sum(
        len(rfm_metrics(p, as_of=AS_OF)) for _, p in book.groupby("product", observed=True)
    )


def test_options_are_explicit() -> None:
    book = moves(
        [
            (1, "2026-06-01", 100.0),
            (1, "2026-06-01", 50.0),
            (1, "2026-06-20", -30.0),
            (2, "2026-01-05", 0.0),
            (2, "2026-02-05", 80.0),
            (3, "2026-06-29", -5.0),
        ]
    )
    counted = rfm_metrics(book, as_of=AS_OF)
    assert counted.loc[1].tolist() == [10, 3, 180.0]
    netted = rfm_metrics(book, as_of=AS_OF, refunds="net")
    assert netted.loc[1].tolist() == [29, 2, 120.0]
    assert 3 not in netted.index
    assert netted.attrs["left_out"] == {"only_refunds": 1}
    refunds = "at least one movement of zero or more"
    left = "1 customer has only refunds and is not measured"
    assert findings_of(netted) == (
        DataFault("transactions", "amount", "only_refunds", 1, ("row 5",), refunds, left),
    )
    assert rfm_metrics(book, as_of=AS_OF, count="days").loc[1, "frequency"] == 2
    assert rfm_metrics(book, as_of=AS_OF, value="mean").loc[1, "monetary"] == 60.0
    assert rfm_metrics(book, as_of=AS_OF, zeros="leave_out").loc[2].tolist() == [145, 1, 80.0]
    recent = rfm_metrics(book, as_of=AS_OF, window=31)
    assert recent.index.tolist() == [1, 3]
    assert recent.attrs["left_out"] == {"before_window": 2}
    with pytest.raises(DataError, match=r"refund in 2 rows .*refunds='refuse'"):
        rfm_metrics(book, as_of=AS_OF, refunds="refuse")
    with pytest.raises(DataError, match=r"amount: zero_amount in 1 rows .*; zeros='refuse'"):
        rfm_metrics(book, as_of=AS_OF, zeros="refuse")


def test_window_includes_its_first_day() -> None:
    book = moves([(1, "2026-06-01", 1.0), (2, "2026-05-31", 1.0)])
    assert rfm_metrics(book, as_of=AS_OF, window=30).index.tolist() == [1]
    assert rfm_metrics(book, as_of="2026-06-01", window=1).index.tolist() == [1]


def test_as_of_counts_to_its_last_second() -> None:
    book = moves([(1, "2026-06-30 23:59:59", 1.0), (1, "2026-07-01 00:00:00", 1.0)])
    metrics = rfm_metrics(book, as_of=AS_OF)
    assert metrics.loc[1].tolist() == [0, 1, 1.0]
    assert metrics.attrs["left_out"] == {"after_as_of": 1}


def test_own_only_leaves_out_what_the_bank_books() -> None:
    book = moves([(1, "2026-06-01", 100.0), (1, "2026-06-29", 2.0), (2, "2026-06-29", -1.0)])
    book["kind"] = ["salary", "interest", "fee"]
    with pytest.raises(DataError, match="missing column kinds; present: customer_id"):
        rfm_metrics(book, as_of=AS_OF, own_only=True, kind="kinds")
    own = rfm_metrics(book, as_of=AS_OF, own_only=True)
    assert own.loc[1].tolist() == [29, 1, 100.0]
    assert own.attrs["left_out"] == {"not_own": 2}


def test_each_row_is_left_out_for_one_reason_only() -> None:
    book = moves([(1, "2026-07-09", 0.0), (1, "2026-06-09", 0.0), (1, "2026-06-08", 4.0)])
    metrics = rfm_metrics(book, as_of=AS_OF, zeros="leave_out")
    assert metrics.attrs["left_out"] == {"after_as_of": 1, "zero_amount": 1}
    assert metrics.loc[1].tolist() == [22, 1, 4.0]
    reported = findings_of(metrics)
    assert reported == (
        DataFault("transactions", "date", "after_as_of", 1, ("row 0",), f"dates up to {AS_OF}"),
        DataFault(
            "transactions", "amount", "zero_amount", 1, ("row 1",), "amounts other than zero"
        ),
    )
    assert findings_frame(reported)["examples"].tolist() == ["row 0", "row 1"]


def test_empty_and_wholly_left_out_books_are_defined() -> None:
    assert len(rfm_metrics(moves([]), as_of=AS_OF)) == 0
    later = rfm_metrics(moves([("a", "2027-01-01", 1.0)]), as_of=AS_OF)
    assert len(later) == 0
    assert later.attrs["left_out"] == {"after_as_of": 1}
    refunds = rfm_metrics(moves([(1, "2026-01-01", -1.0)]), as_of=AS_OF, refunds="net")
    assert len(refunds) == 0
    assert refunds.attrs["left_out"] == {"only_refunds": 1}


def test_bad_transactions_are_reported_together() -> None:
    book = moves([(1, "2026-06-01", np.nan), (1, "2026-06-02", np.inf), (2, "2026-06-03", 1.0)])
    book.loc[2, "date"] = pd.NaT
    book["product"] = ["a", None, "b"]
    with pytest.raises(DataError) as caught:
        rfm_metrics(book, as_of=AS_OF, by="product")
    text = str(caught.value)
    assert "3 faults" in text
    assert "transactions.amount: not finite in 2 rows (row 0, row 1)" in text
    assert "transactions.date: null in 1 row (row 2)" in text
    assert "transactions.product: null in 1 row (row 1)" in text
    ids = moves([(None, "2026-06-01", 1.0), ("a", "2026-06-01", 1.0)])
    with pytest.raises(DataError) as alone:
        rfm_metrics(ids, as_of=AS_OF)
    assert str(alone.value) == (
        "transactions.customer_id: null in 1 row (row 0); expected a value; "
        "reject such rows first with bankcrm.frames.screen_frame"
    )


def test_bad_arguments_are_named() -> None:
    book = moves([(1, "2026-06-01", 1.0)])
    with pytest.raises(DataError, match=r"missing columns cust, amt; present: customer_id"):
        rfm_metrics(book, as_of=AS_OF, customer="cust", amount="amt")
    with pytest.raises(DataError, match="present: none"):
        rfm_metrics(pd.DataFrame(), as_of=AS_OF)
    with pytest.raises(DataError, match=r"window: .* from 1 .*int 0"):
        rfm_metrics(book, as_of=AS_OF, window=0)
    aware = book.assign(date=book["date"].dt.tz_localize("UTC"))
    with pytest.raises(DataError, match="time zone"):
        rfm_metrics(aware, as_of=AS_OF)
    with pytest.raises(DataError, match="time zone"):
        rfm_metrics(book, as_of=pd.Timestamp("2026-06-30", tz="UTC").to_pydatetime())
    with pytest.raises(DataError, match="amount: expected numbers"):
        rfm_metrics(book.assign(amount="1"), as_of=AS_OF)


def test_the_callers_frame_is_left_alone() -> None:
    book = moves([(1, "2026-06-01", -1.0), (2, "2026-07-01", 2.0)])
    copy = book.copy(deep=True)
    rfm_metrics(book, as_of=AS_OF)
    pd.testing.assert_frame_equal(book, copy)


def test_only_refunds_counts_the_rows_and_says_how_many_customers_they_are_of() -> None:
    rows = moves([(1, "2026-06-01", -1.0), (1, "2026-06-02", -2.0), (2, "2026-06-02", 5.0),
                  (3, "2026-06-03", -3.0), (3, "2026-07-03", 9.0)])  # fmt: skip
    left_out = rfm_metrics(rows, as_of=AS_OF, refunds="net")
    fault = {f.problem: f for f in findings_of(left_out)}["only_refunds"]
    assert (fault.count, fault.examples) == (3, ("row 0", "row 1", "row 3"))
    assert fault.advice == "2 customers have only refunds and are not measured"
    assert left_out.index.tolist() == [2], "rows in = rows counted + rows reported"
    assert len(rows) == left_out["frequency"].sum() + sum(left_out.attrs["left_out"].values())


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (["", "a", ""], r"customer_id: blank in 2 rows \(row 0: '', row 2: ''\)"),
        (pd.Categorical(["", "a", ""]), r"customer_id: blank in 2 rows"),
        ([1, "a", 1], r"customer_id: wrong type; .* found text in 1 of 3 rows \(row 1\); give"),
        ([2.0**53, 2.0**53 + 1, 7.0], r"customer_id: not exact in 2 rows .*64-bit integers or"),
        ([1.5, 2.0, 3.0], r"customer_id: not whole in 1 row"),
    ],
)
def test_ids_that_are_none_or_would_merge_customers_are_refused(ids: object, words: str) -> None:
    rows = moves([(1, "2026-06-01", 1.0)] * 3).assign(customer_id=ids)
    with pytest.raises(DataError, match=words):
        rfm_metrics(rows, as_of=AS_OF)


def test_whole_float_ids_are_the_same_customers_as_integers() -> None:
    rows = moves([(17850, "2026-06-01", 1.0), (9, "2026-06-02", 2.0)])
    floats = rows.assign(customer_id=rows["customer_id"].astype("float64"))
    found = [rfm_metrics(r, as_of=AS_OF) for r in (rows, floats)]
    pd.testing.assert_frame_equal(found[0], found[1])
