"""The check of a frame: nothing is lost or changed, and all faults are reported together."""

from __future__ import annotations

import contextlib
import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.frames import Column, as_frame, check_frame, screen_frame

from .samples import AS_OF, CONTRACT, GOOD, faults_of, good


def test_pandas_passes_through_and_arrow_data_is_read() -> None:
    frame = good()
    assert as_frame(frame) is frame
    for other in (pa.Table.from_pandas(frame), pl.from_pandas(frame)):
        pd.testing.assert_frame_equal(
            check_frame(other, CONTRACT), check_frame(frame, CONTRACT), check_dtype=False
        )


def test_large_ids_beside_a_null_keep_every_digit() -> None:
    large = 2**62 + 1
    frame = as_frame(pl.DataFrame({"id": [large, None]}))
    assert int(frame["id"].iloc[0]) == large


@pytest.mark.parametrize("data", [None, 3, "a,b", {"a": [1]}, [1, 2]])
def test_data_that_is_not_a_frame_is_refused(data: object) -> None:
    with pytest.raises(DataError, match=f"found {type(data).__name__}"):
        as_frame(data)


def test_a_valid_frame_is_returned_in_plain_form() -> None:
    frame = good(extra=["x", "y"], count=pd.array([3, None], dtype="Int64"), own=[True, False])
    before = frame.copy(deep=True)
    found = check_frame(frame, CONTRACT, as_of=AS_OF, key="customer_id")
    assert list(found.columns) == [*GOOD, "count", "own", "extra"]
    kinds = {str(c): str(found[c].dtype) for c in found}
    assert kinds["customer_id"] == "int64"
    assert kinds["date"] == "datetime64[s]"
    assert kinds["amount"] == kinds["count"] == "float64"
    assert kinds["kind"] == "category"
    assert kinds["own"] == "bool"
    assert found["kind"].cat.categories.tolist() == ["salary", "card"]
    pd.testing.assert_frame_equal(frame, before)


def test_the_callers_names_are_taken_also_from_an_index_level() -> None:
    frame = good().rename(columns={"customer_id": "cust_no", "amount": "amt"}).set_index("cust_no")
    found = check_frame(frame, CONTRACT, names={"customer_id": "cust_no", "amount": "amt"})
    assert found["customer_id"].tolist() == [1, 2]
    assert found.index.tolist() == [1, 2]
    assert found.index.name is None
    kept = check_frame(good().rename_axis("line"), CONTRACT).index  # no column is called so
    assert kept.name == "line"
    both = good().set_index(["customer_id", "date"])
    assert check_frame(both, CONTRACT)["customer_id"].tolist() == [1, 2]


def test_a_named_column_wins_over_one_of_the_canonical_name() -> None:
    frame = good(cust_no=[7, 8])
    found = check_frame(frame, CONTRACT, names={"customer_id": "cust_no"})
    assert found["customer_id"].tolist() == [7, 8]


def test_all_faults_are_reported_in_one_error() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 1, None, 4],
            "amount": [np.inf, np.nan, 5e6, 1.0],
            "kind": ["salary", "gold", None, "card"],
            "date": pd.to_datetime(["2026-01-01", "2026-07-01", None, "2026-01-04"]),
            "at": pd.to_datetime(["2026-01-01"] * 4),
        }
    ).drop(columns="kind")
    message = faults_of(frame, key="customer_id")
    assert message.splitlines()[0] == "9 faults"
    for line in (
        "moves.kind: missing column; present: customer_id, amount, date, at",
        "moves.customer_id: null in 1 row (row 2)",
        "moves.amount: null in 1 row (row 1)",
        "moves.customer_id: duplicate key in 1 row (row 1: 1.0)",
        "moves.date: null in 1 row (row 2)",
        "moves.date: after as of in 1 row (row 1: 2026-07-01 00:00:00); expected dates up to",
        "moves.amount: not finite in 1 row (row 0: inf)",
        "moves.amount: above maximum in 1 row (row 2: 5000000.0); expected at most 1e+06 CNY",
        "moves.at: wrong type; expected instants with a time zone",
    ):
        assert line in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"customer_id": [1, "b"]}, "customer_id: wrong type; expected whole numbers or text"),
        ({"customer_id": [1.5, 2.0]}, "customer_id: not whole in 1 row (row 0: 1.5)"),
        ({"customer_id": [2.0**53, 2.0]}, "customer_id: not exact in 1 row (row 0: "),
        ({"customer_id": ["", "b"]}, "customer_id: blank in 1 row (row 0: '')"),
        ({"customer_id": pd.Series(["a", "\ud800"], dtype=object)},
         "customer_id: not unicode in 1 row (row 1)"),
        ({"note": pd.Series(["\ud800", "a"], dtype=object)}, "note: not unicode in 1 row (row 0)"),
        ({"customer_id": [True, False]}, "customer_id: wrong type"),
        ({"customer_id": pd.Categorical([True, False])}, "customer_id: wrong type"),
        ({"amount": ["1", "2"]}, "amount: wrong type; expected numbers, found"),
        ({"amount": [-2e6, 0]}, "amount: below minimum in 1 row"),
        ({"kind": [1, 2]}, "kind: wrong type; expected text, found int64"),
        ({"kind": ["salary", "gold"]}, "outside choices in 1 row (row 1: 'gold')"),
        ({"date": ["2026-01-01", "2026-01-02"]}, "date: wrong type; expected dates"),
        ({"date": pd.to_datetime(["2026-01-01"] * 2, utc=True)}, "date: time zone"),
        ({"note": [1, 2]}, "note: wrong type; expected text"),
        ({"count": [1.5, 2]}, "count: not whole in 1 row"),
        ({"count": [np.inf, 2]}, "count: not finite in 1 row"),
        ({"own": ["yes", "no"]}, "own: wrong type; expected true or false"),
        ({"own": [1, 0]}, "own: wrong type"),
        ({"at": [dt.datetime(2026, 1, 1), None]}, "at: wrong type; expected instants"),
        (
            {"at": pd.Series([dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)])
             .astype(object)},
            "at: wrong type",
        ),
        (
            {"at": pd.Series(pd.to_datetime(["2026-01-01"] * 2)).astype(
                pd.ArrowDtype(pa.timestamp("us")))},
            "at: wrong type",
        ),
        ({"at": ["2026-01-01T00:00:00Z", None]}, "at: wrong type"),
        ({"at": pd.to_datetime(["2026-07-01T01:00:00Z", None])}, "at: after as of in 1 row"),
    ],
)  # fmt: skip
def test_each_fault_is_reported(change: dict[str, Any], message: str) -> None:
    assert message in faults_of(good(**change))


def test_the_local_day_of_an_instant_counts() -> None:
    """One in the morning in Shanghai is still the day before in London, however it is written."""
    late = pd.to_datetime(["2026-06-30T17:00:00Z", None])
    for written in (late, late.tz_convert("Asia/Shanghai")):
        assert "after as of" in faults_of(good(at=written))
        check_frame(good(at=written), CONTRACT, as_of=AS_OF, zone="UTC")


@pytest.mark.parametrize(
    "at",
    [
        pd.Series([dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None], dtype=object),
        pd.Series(pd.to_datetime(["2026-01-01T00:00Z", None]), dtype=pd.ArrowDtype(
            pa.timestamp("us", "UTC"))),
        pd.Series([None, None], dtype=object),
    ],
)  # fmt: skip
def test_instants_are_read_from_every_dtype(at: pd.Series) -> None:
    found = check_frame(good(at=at), CONTRACT)["at"]
    assert isinstance(found.dtype, pd.DatetimeTZDtype)
    assert found.isna().tolist() == at.isna().tolist()


@pytest.mark.parametrize(
    "ids",
    [
        pd.Series([1, 2], dtype=object),
        pd.Series(["a", "b"], dtype="category"),
        pd.Series(["a", "b"], dtype="string"),
        pd.Series([1, 2], dtype="category"),
        pd.Series([1.0, 2.0]),
        pd.Series([1.0, 2.0], dtype=object),
        pd.Series([Decimal(1), Decimal(2)], dtype=object),
        pd.Series([1, 2], dtype=pd.ArrowDtype(pa.int64())),
    ],
)
def test_ids_are_read_from_every_dtype(ids: pd.Series) -> None:
    found = check_frame(good(customer_id=ids), CONTRACT)["customer_id"]
    assert [str(v).removesuffix(".0") for v in ids] == [str(v) for v in found]


def test_ids_with_a_null_where_it_is_allowed() -> None:
    contract = (Column("referred_by", "id", nullable=True),)
    for ids in (
        pd.Series([1.0, np.nan]),
        pd.Series([1, None], dtype=object),
        pd.Series([None, None], dtype="datetime64[s]"),
    ):
        found = check_frame(pd.DataFrame({"referred_by": ids}), contract)["referred_by"]
        assert found.isna().tolist() == ids.isna().tolist()


@pytest.mark.parametrize("kind", ["id", "integer"])
@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (pd.Series([2.0**60, 1.0]), "not exact in 1 row"),
        (pd.Series([1e300, 1.0]), "not exact in 1 row"),
        (pd.Series([10**30, 1], dtype=object), "(wrong type|not exact)"),
    ],
)
def test_whole_numbers_too_large_are_reported_not_wrapped(
    values: pd.Series, problem: str, kind: Any
) -> None:
    with pytest.raises(DataError, match=f"n: {problem}"):
        check_frame(pd.DataFrame({"n": values}), (Column("n", kind),))


def test_large_unsigned_numbers() -> None:
    frame = pd.DataFrame({"n": pd.Series([2**64 - 1], dtype="uint64")})
    assert check_frame(frame, (Column("n", "id"),))["n"].iloc[0] == 2**64 - 1
    with pytest.raises(DataError, match="not exact"):
        check_frame(frame, (Column("n", "integer"),))


def test_personal_data_never_shows_in_an_error() -> None:
    contract = (Column("phone", "category", choices=("none",)),)  # by its name
    with pytest.raises(DataError) as caught:
        check_frame(pd.DataFrame({"phone": ["13800138000"]}), contract)
    assert "row 0" in str(caught.value)
    assert "138" not in str(caught.value)


def test_a_repeated_column_and_an_unknown_name_are_faults() -> None:
    frame = good()
    twice = pd.concat([frame, frame[["amount"]]], axis=1)
    assert "moves.amount: repeated column" in faults_of(twice)
    assert "moves.custmer: unknown name; expected names from" in faults_of(
        frame, names={"custmer": "c"}
    )
    assert "amount (as 'amt')" in faults_of(frame.drop(columns="amount"), names={"amount": "amt"})
    assert "no column at all" in faults_of(pd.DataFrame())


def test_an_empty_frame_with_the_columns_is_valid() -> None:
    found = check_frame(good().iloc[:0], CONTRACT, key="customer_id", as_of=AS_OF)
    assert len(found) == 0
    assert str(found["date"].dtype) == "datetime64[s]"


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(allow_nan=False),
    st.just(Decimal("NaN")),
    st.text(max_size=3),
    st.binary(max_size=2),
    st.dates(),
    st.datetimes(timezones=st.none() | st.just(dt.UTC)),
    st.lists(st.integers(), max_size=2),
    st.just(pd.NA),
    st.just(pd.NaT),
    st.timedeltas(),
)


@given(data=st.data(), blank=st.booleans())
def test_any_input_is_read_or_refused_with_a_data_error(data: st.DataObject, blank: bool) -> None:
    """No cell of any type brings anything but a frame or a DataError."""
    size = data.draw(st.integers(0, 4))
    columns = {
        c.name: pd.Series(data.draw(st.lists(CELLS, min_size=size, max_size=size)), dtype=object)
        for c in CONTRACT
        if data.draw(st.booleans()) or c.name == "kind"
    }
    frame = pd.DataFrame(columns)
    if data.draw(st.booleans()):
        frame = frame.infer_objects()
    for arguments in ({}, {"key": ["customer_id", "kind"], "as_of": AS_OF}):
        with contextlib.suppress(DataError):
            check_frame(frame, CONTRACT, **arguments)
        with contextlib.suppress(DataError):
            screened = screen_frame(frame, CONTRACT, blank=blank, **arguments)
            assert len(screened.frame) + len(screened.rejected) == size


def test_an_index_named_like_a_column_is_not_ambiguous() -> None:
    frame = good().set_index("customer_id", drop=False)
    found = check_frame(frame, CONTRACT)
    assert found.index.name is None
    assert found.groupby("customer_id").size().tolist() == [1, 1]


def test_an_unknown_kind_of_column_is_refused() -> None:
    with pytest.raises(ValueError, match="kind"):
        Column("x", "colour")
