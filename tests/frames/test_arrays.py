"""Plain arrays are the same from every dtype."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.frames.arrays import (
    as_of_day,
    codes,
    days,
    distinct_values,
    numbers,
    small_codes,
)
from bankcrm.frames.numbering import is_among

from .samples import AS_OF, FEWER

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
    with pytest.raises(DataError, match="found datetime with a time zone in 1 of 3 rows"):
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
    assert (code == -1).tolist() == series.isna().tolist()
    back = [None if c < 0 else int(index[c]) for c in code]
    assert back == [None if pd.isna(v) else int(v) for v in series]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_dense_and_sparse_whole_numbers_are_coded_alike(values: list[int]) -> None:
    dense, _ = codes(np.array(values))
    sparse, index = codes(np.array(values) * 1_000_003)
    np.testing.assert_array_equal(dense, sparse)
    assert index.is_monotonic_increasing


OBJECTS = st.sampled_from(["a", "", "张", None, float("nan"), b"a", 1, True, Decimal(1)])
TEXTS = st.sampled_from(["a", "", "张", "a\x00b", None, float("nan")])


@given(st.lists(OBJECTS, max_size=8))
def test_objects_are_numbered_as_pandas_numbers_them(values: list[object]) -> None:
    plain = pd.Series(values, dtype=object)
    known, distinct = pd.factorize(plain)
    code, index = codes(plain)
    assert code.tolist() == known.tolist()
    assert code.dtype == np.intp
    assert index.dtype == object
    assert [(type(v), v) for v in index] == [(type(v), v) for v in distinct]


@given(st.lists(TEXTS, max_size=8))
def test_texts_are_numbered_by_their_first_place(values: list[object]) -> None:
    """To the end of each: pandas 2 takes a text for over at its first null character."""
    texts = [v for v in values if isinstance(v, str)]
    number = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    code, index = codes(pd.Series(values, dtype=object))
    assert code.tolist() == [number[v] if isinstance(v, str) else -1 for v in values]
    assert index.tolist() == [*number]


HEADS = st.sampled_from(["", "C", "C0", "张-", "٣"])
DIGITS = st.text("0127", max_size=3) | st.sampled_from(
    ["9" * 18, "9" * 19, "1" + "0" * 18, "½", "7 "]
)
NUMBERED = st.builds("{}{}".format, HEADS, DIGITS)


@given(st.lists(NUMBERED, max_size=8), HEADS, st.data())
@pytest.mark.parametrize("dtype", ["object", "str", "string[pyarrow]", "large_string[pyarrow]"])
def test_texts_that_end_with_numbers_are_numbered_as_texts(
    dtype: str, some: list[str], head: str, data: st.DataObject
) -> None:
    """Leading zeros, several lengths, other beginnings, nulls, and a part of a longer column."""
    alike = st.text("0127", max_size=3).map(head.__add__)
    values = data.draw(st.lists(st.sampled_from(some or [head]) | alike | st.none(), max_size=9))
    begin = data.draw(st.integers(0, 2))
    texts = [v for v in values[begin:] if v is not None]
    number = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    column = pd.Series(values, dtype=dtype).iloc[begin:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bankcrm.frames.arrays.blocks.BLOCK", data.draw(st.integers(1, 4)))
        code, index = codes(column)
    assert code.tolist() == [-1 if v is None else number[v] for v in values[begin:]]
    assert index.tolist() == [*number]
    assert index.dtype == column.dtype


@given(st.lists(st.sampled_from(["a", "b", None])), st.lists(st.sampled_from(["b", "c", None])))
@pytest.mark.parametrize("dtype", ["object", "str", "category"])
def test_ids_are_among_those_that_are_known(
    dtype: str, values: list[str | None], others: list[str | None]
) -> None:
    ids, known = pd.Series(values, dtype=dtype), pd.Series(others, dtype=dtype)
    expected = [v is not None and v in others for v in values]
    assert is_among(ids, known).tolist() == expected
    assert is_among(pd.Index(ids), pd.Index(known)).tolist() == expected


@given(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=12), st.integers(1, 4))
def test_categories_that_no_row_has_are_left_out(values: list[str | None], block: int) -> None:
    column = pd.Series(pd.Categorical(values, categories=["c", "x", "b", "a"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bankcrm.frames.arrays.blocks.BLOCK", block)
        code, index = small_codes(column)
    assert index.tolist() == [w for w in ("c", "b", "a") if w in values]
    assert [None if c < 0 else index[c] for c in code] == values


@given(st.lists(st.integers(-(2**40), 2**40) | st.integers(-9, 9), max_size=12), st.integers(1, 4))
def test_distinct_values_are_those_of_codes(values: list[int], block: int) -> None:
    column = pd.Series(values, dtype="int64")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bankcrm.frames.arrays.blocks.BLOCK", block)
        for kind in ("int64", "str", "float64"):
            values_of_kind = column.astype(kind)
            assert distinct_values(values_of_kind).equals(codes(values_of_kind)[1])


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
        (pd.Series([1, "2"], dtype=object), "text"),
        (pd.Series([1j]), "complex"),
        (pd.Series([dt.date(2026, 1, 1)]), "date"),
    ],
)
def test_values_that_are_not_numbers_are_refused(values: pd.Series, word: str) -> None:
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
def test_values_that_are_not_naive_days_are_refused(values: pd.Series, word: str) -> None:
    with pytest.raises(DataError, match=f"due: .*{word}"):
        days(values, "due")


def test_columns_of_nulls_only_are_read() -> None:
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
def test_as_of_may_be_given_in_any_naive_form(as_of: object) -> None:
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
def test_an_as_of_that_is_not_a_day_is_refused(as_of: object) -> None:
    with pytest.raises(DataError, match=r"^as_of: .*; give a date"):
        as_of_day(as_of)
