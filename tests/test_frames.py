"""Laws of the frame checks: nothing lost, nothing changed, every dtype alike, every fault told."""

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
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.frames import (
    Column,
    DataFault,
    as_frame,
    as_of_day,
    check_frame,
    codes,
    days,
    findings_frame,
    numbers,
    screen_frame,
)

# Each of these laws runs for many dtypes, so each takes fewer examples.
FEWER = settings(max_examples=settings.default.max_examples // 4)
AS_OF = dt.date(2026, 6, 30)
CONTRACT = (
    Column("customer_id", "id"),
    Column("date", "date"),
    Column("amount", "money", unit="CNY", minimum=-1e6, maximum=1e6),
    Column("kind", "category", choices=("salary", "card")),
    Column("note", "text", False, True, personal=True),
    Column("count", "integer", False, True),
    Column("own", "boolean", False, True),
    Column("at", "instant", False, True),
)
GOOD = {
    "customer_id": [1, 2],
    "date": [dt.date(2026, 1, 1), dt.date(2026, 2, 1)],
    "amount": [10.0, -5.5],
    "kind": ["salary", "card"],
}


def good(**changes: Any) -> pd.DataFrame:
    """A sound frame of two rows with some columns changed or added."""
    return pd.DataFrame(GOOD | changes)


def faults_of(frame: object, **arguments: Any) -> str:
    with pytest.raises(DataError) as caught:
        check_frame(frame, CONTRACT, frame="moves", as_of=AS_OF, **arguments)
    return str(caught.value)


# Conversions


WHOLE = st.lists(st.none() | st.integers(-(10**9), 10**9), min_size=1, max_size=30)
NUMBER_DTYPES: dict[str, Any] = {
    "object": lambda v: pd.Series(v, dtype=object),
    "float": lambda v: pd.Series([np.nan if x is None else float(x) for x in v]),
    "nullable": lambda v: pd.Series(v, dtype="Int64"),
    "nullable float": lambda v: pd.Series(v, dtype="Float64"),
    "arrow": lambda v: pd.Series(v, dtype=pd.ArrowDtype(pa.int64())),
    "arrow decimal": lambda v: pd.Series(
        [None if x is None else Decimal(x) for x in v], dtype=pd.ArrowDtype(pa.decimal128(20, 2))
    ),
    "decimal": lambda v: pd.Series([None if x is None else Decimal(x) for x in v], dtype=object),
    "category": lambda v: pd.Series(v, dtype="Int64").astype("category"),
}


@pytest.mark.parametrize("kind", NUMBER_DTYPES)
@FEWER
@given(WHOLE)
def test_numbers_are_the_same_from_every_dtype(kind: str, values: list[int | None]) -> None:
    expected = np.array([np.nan if v is None else float(v) for v in values])
    found = numbers(NUMBER_DTYPES[kind](values))
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, expected)


DAYS = st.lists(
    st.none() | st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1)), min_size=1, max_size=30
)
DAY_DTYPES: dict[str, Any] = {
    "object": lambda v: pd.Series(v, dtype=object),
    "list": lambda v: v,
    "[s]": lambda v: pd.Series(np.array(v, dtype="datetime64[D]").astype("datetime64[s]")),
    "[us]": lambda v: pd.Series(np.array(v, dtype="datetime64[us]")),
    "[ns]": lambda v: pd.Series(np.array(v, dtype="datetime64[ns]")),
    "arrow date": lambda v: pd.Series(v, dtype=pd.ArrowDtype(pa.date32())),
    "arrow instant": lambda v: pd.Series(v, dtype=pd.ArrowDtype(pa.timestamp("us"))),
    "category": lambda v: pd.Series(np.array(v, dtype="datetime64[us]")).astype("category"),
    "index": lambda v: pd.DatetimeIndex(np.array(v, dtype="datetime64[us]")),
}


@pytest.mark.parametrize("kind", DAY_DTYPES)
@FEWER
@given(DAYS)
def test_days_are_the_same_from_every_dtype(kind: str, values: list[dt.date | None]) -> None:
    found = days(DAY_DTYPES[kind](values))
    assert found.dtype == np.dtype("datetime64[D]")
    np.testing.assert_array_equal(found, np.array(values, dtype="datetime64[D]"))


@pytest.mark.parametrize("first", [0, 1])
def test_one_instant_with_a_zone_among_dates_is_refused(first: int) -> None:
    mixed = [dt.date(2026, 1, 1), dt.datetime(2026, 1, 2, 23, tzinfo=dt.UTC)]
    with pytest.raises(DataError, match="some dates carry a time zone"):
        days(pd.Series([mixed[first], None, mixed[1 - first]], dtype=object))
    assert days([mixed[0], dt.datetime(2026, 1, 2, 23), pd.NaT]).astype(str).tolist() == [
        "2026-01-01",
        "2026-01-02",
        "NaT",
    ]


@given(st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)))
def test_a_time_of_day_is_cut_off_also_before_1970(moment: dt.datetime) -> None:
    expected = np.datetime64(moment.date())
    assert days(pd.Series([moment]))[0] == expected
    assert days(pd.Series([moment], dtype=object))[0] == expected
    assert as_of_day(moment) == expected


ID_DTYPES: dict[str, Any] = NUMBER_DTYPES | {
    "text": lambda v: pd.Series([None if x is None else str(x) for x in v], dtype=object),
    "string": lambda v: pd.Series([None if x is None else str(x) for x in v], dtype="string"),
    "arrow text": lambda v: pd.Series(
        [None if x is None else str(x) for x in v], dtype=pd.ArrowDtype(pa.string())
    ),
    "text category": lambda v: pd.Series(
        [None if x is None else str(x) for x in v], dtype="category"
    ),
    "unused category": lambda v: pd.Series(
        pd.Categorical(
            [None if x is None else str(x) for x in v],
            [*sorted({str(x) for x in v if x is not None}), "nobody"],
        )
    ),
}
IDS = st.lists(st.none() | st.integers(-20, 60) | st.integers(-(10**15), 10**15), max_size=30)


@pytest.mark.parametrize("kind", ID_DTYPES)
@FEWER
@given(IDS)
def test_codes_number_the_distinct_values(kind: str, values: list[int | None]) -> None:
    """Equal ids get equal codes, a null gets -1, and the index has each used value once."""
    series = ID_DTYPES[kind](values)
    code, index = codes(series)
    assert code.dtype == np.intp
    assert index.is_unique
    assert sorted(set(code[code >= 0])) == list(range(len(index)))
    back = [None if c < 0 else int(index[c]) for c in code]
    assert back == [None if pd.isna(v) else int(v) for v in series]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_dense_and_sparse_whole_numbers_are_coded_alike(values: list[int]) -> None:
    dense, _ = codes(np.array(values))
    sparse, index = codes(np.array(values) * 1_000_003)
    np.testing.assert_array_equal(dense, sparse)
    assert index.is_monotonic_increasing


def test_codes_of_large_unsigned_ids_and_of_fractions() -> None:
    code, index = codes(pd.Series([2**63 + 1, 5, 2**63 + 1], dtype="uint64"))
    assert code.tolist() == [0, 1, 0]
    assert index.tolist() == [2**63 + 1, 5]
    assert codes(pd.Series([0.5, 2.0, 0.5]))[0].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (pd.Series(["1", "2"]), "to_numeric"),
        (pd.Series([True, False]), "bool"),
        (pd.Series([1, "2"], dtype=object), "mixed"),
        (pd.Series([1j]), "complex"),
        (pd.Series([dt.date(2026, 1, 1)]), "date"),
    ],
)
def test_what_is_no_number_is_refused(values: pd.Series, word: str) -> None:
    with pytest.raises(DataError, match=f"fee: expected numbers, found .*{word}"):
        numbers(values, "fee")


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (pd.Series(["2026-01-01"]), "to_datetime"),
        (pd.Series([20260101]), "int64"),
        (pd.Series(pd.to_datetime(["2026-01-01"], utc=True)), "time zone"),
        (pd.Series([dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None], dtype=object), "time zone"),
        (pd.Series([None, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)], dtype=object), "time zone"),
        (
            pd.Series(
                pd.to_datetime(["2026-01-01"], utc=True),
                dtype=pd.ArrowDtype(pa.timestamp("us", "UTC")),
            ),
            "time zone",
        ),
    ],
)
def test_what_is_no_plain_day_is_refused(values: pd.Series, word: str) -> None:
    with pytest.raises(DataError, match=f"due: .*{word}"):
        days(values, "due")


def test_columns_of_nothing_but_nulls_are_read() -> None:
    for empty in (pd.Series([None, None]), pd.Series([np.nan, np.nan])):
        assert np.isnan(numbers(empty)).all()
        assert np.isnat(days(empty)).all()
    assert numbers(pd.Series(pd.to_datetime([None]))).size == 1
    assert len(codes([])[0]) == 0
    assert len(codes(np.array([], dtype=np.int64))[1]) == 0


@pytest.mark.parametrize(
    "as_of",
    [
        AS_OF,
        dt.datetime(2026, 6, 30, 23, 59),
        "2026-06-30",
        np.datetime64("2026-06-30T12:00"),
        pd.Timestamp("2026-06-30 08:00"),
    ],
)
def test_a_day_may_come_in_any_naive_form(as_of: object) -> None:
    found = as_of_day(as_of)
    assert found == np.datetime64("2026-06-30")
    assert found.dtype == np.dtype("datetime64[D]")


@pytest.mark.parametrize(
    "as_of",
    [
        None,
        20260630,
        True,
        "yesterday",
        "30.6.2026",
        pd.NaT,
        np.datetime64("NaT"),
        pd.Timestamp("2026-06-30", tz="UTC"),
    ],
)
def test_what_is_no_day_is_refused(as_of: object) -> None:
    with pytest.raises(DataError, match=r"^as_of: .*; give a date"):
        as_of_day(as_of)


# Frames from elsewhere


def test_pandas_passes_through_and_arrow_speakers_are_read() -> None:
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
def test_what_is_no_frame_is_refused(data: object) -> None:
    with pytest.raises(DataError, match=f"found {type(data).__name__}"):
        as_frame(data)


# Checks


def test_a_sound_frame_comes_back_in_plain_form() -> None:
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
    both = good().set_index(["customer_id", "date"])
    assert check_frame(both, CONTRACT)["customer_id"].tolist() == [1, 2]


def test_a_named_column_wins_over_one_of_the_canonical_name() -> None:
    frame = good(cust_no=[7, 8])
    found = check_frame(frame, CONTRACT, names={"customer_id": "cust_no"})
    assert found["customer_id"].tolist() == [7, 8]


def test_all_faults_come_in_one_error() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 1, None, 4],
            "amount": [np.inf, np.nan, 5e6, 1.0],
            "kind": ["salary", "gold", None, "card"],
            "date": pd.to_datetime(["2026-01-01", "2026-07-01", None, "2026-01-04"]),
            "at": pd.to_datetime(["2026-01-01"] * 4),
        }
    ).drop(columns="kind")
    told = faults_of(frame, key="customer_id")
    assert told.splitlines()[0] == "9 faults"
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
        assert line in told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"customer_id": [1, "b"]}, "customer_id: wrong type; expected whole numbers or text"),
        ({"customer_id": [1.5, 2.0]}, "customer_id: not whole in 1 row (row 0: 1.5)"),
        ({"customer_id": ["", "b"]}, "customer_id: blank in 1 row"),
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
def test_each_fault_is_told(change: dict[str, Any], told: str) -> None:
    assert told in faults_of(good(**change))


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
def test_whole_numbers_too_large_are_told_not_wrapped(
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
    contract = (Column("phone", "category", choices=("none",), personal=True),)
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


def test_an_empty_frame_with_the_columns_is_sound() -> None:
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
def test_whatever_comes_in_is_read_or_refused_in_our_own_words(
    data: st.DataObject, blank: bool
) -> None:
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
        Column("x", "colour")  # type: ignore[arg-type]


# Screens


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "customer_id": st.none() | st.integers(1, 4),
            "date": st.none() | st.dates(dt.date(2026, 6, 25), dt.date(2026, 7, 5)),
            "amount": st.floats(width=32) | st.just(np.nan),
            "kind": st.sampled_from(["salary", "card", "gold", None]),
            "count": st.none() | st.sampled_from([1.0, 2.5, np.inf]),
        }
    ),
    max_size=12,
)


@pytest.mark.parametrize("blank", [False, True])
@given(rows=ROWS)
def test_rows_in_are_rows_out_plus_rows_set_aside(rows: list[dict[str, Any]], blank: bool) -> None:
    """And what is left is sound: checking it again finds nothing."""
    columns = ["customer_id", "date", "amount", "kind", "count"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["date"] = pd.to_datetime(frame["date"])
    frame["amount"] = frame["amount"].astype(float)
    frame["kind"] = frame["kind"].astype(object)
    screened = screen_frame(frame, CONTRACT, key=["customer_id", "date"], as_of=AS_OF, blank=blank)
    together = sorted([*screened.frame.index, *screened.rejected.index])
    assert together == list(range(len(frame)))
    check_frame(screened.frame, CONTRACT, key=["customer_id", "date"], as_of=AS_OF)
    assert (len(screened.rejected) > 0) <= (len(screened.faults) > 0)
    assert sum(f.count for f in screened.faults) >= len(screened.rejected)
    assert screened.rejected["fault"].str.contains(": ").all()
    sound = not screened.faults
    if sound:
        check_frame(frame, CONTRACT, key=["customer_id", "date"], as_of=AS_OF)
    else:
        with pytest.raises(DataError):
            check_frame(frame, CONTRACT, key=["customer_id", "date"], as_of=AS_OF)


def test_a_blanked_value_leaves_its_row_in() -> None:
    frame = good(count=[1.5, 2.0], at=pd.to_datetime(["2027-01-01T00:00Z", None]))
    screened = screen_frame(frame, CONTRACT, as_of=AS_OF, blank=True)
    assert len(screened.frame) == 2
    assert screened.frame["count"].isna().tolist() == [True, False]
    assert screened.frame["at"].isna().all()
    assert {f.problem for f in screened.faults} == {"not_whole", "after_as_of"}
    assert all("the row stays" in f.advice for f in screened.faults)


def test_a_row_with_two_faults_tells_the_first_and_counts_for_both() -> None:
    screened = screen_frame(good(amount=[np.nan, 1], kind=["gold", "card"]), CONTRACT)
    assert screened.rejected["fault"].tolist() == ["amount: null"]
    assert [(f.column, f.count) for f in screened.faults] == [("amount", 1), ("kind", 1)]


def test_of_rows_with_one_key_the_first_stays() -> None:
    screened = screen_frame(good(customer_id=[1, 1]), CONTRACT, key="customer_id")
    assert screened.frame.index.tolist() == [0]
    assert screened.rejected["fault"].tolist() == ["customer_id: duplicate_key"]


def test_a_fault_of_the_whole_frame_stops_a_screen() -> None:
    with pytest.raises(DataError, match="missing column"):
        screen_frame(good().drop(columns="amount"), CONTRACT)


def test_a_screened_boolean_with_nulls_and_whole_numbers_are_plain_again() -> None:
    contract = (Column("n", "integer"), Column("b", "boolean"), Column("id", "id"))
    frame = pd.DataFrame({"n": [1, None], "b": [True, None], "id": [5.0, None]})
    found = screen_frame(frame, contract).frame
    assert [str(found[c].dtype) for c in ("n", "b", "id")] == ["int64", "bool", "int64"]
    large = pd.DataFrame({"n": [2**60 + 1], "b": [True], "id": [1]})
    assert check_frame(large, contract)["n"].iloc[0] == 2**60 + 1


# Faults


def test_findings_become_a_frame() -> None:
    fault = DataFault("customers", "kind", "null", 3, ("row 1", "row 2"), "text", "fill them")
    found = findings_frame([fault])
    assert found.loc[0, "examples"] == "row 1, row 2"
    assert findings_frame([]).columns.tolist() == found.columns.tolist()
    assert str(fault) == (
        "customers.kind: null in 3 rows (row 1, row 2, ...); expected text; fill them"
    )
    assert str(DataFault("customers", "", "empty", 0)) == "customers: empty"
