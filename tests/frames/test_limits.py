"""Readers, codes and days at their limits: exactly at each, one below and one above."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from bankcrm.errors import DataError
from bankcrm.frames import Column, check_frame
from bankcrm.frames.arrays import (
    codes,
    day_stamps,
    days,
    dense_range,
    distinct_values,
    is_unicode,
    look_up,
    midnights,
    numbers,
    row_blocks,
    small_codes,
    surely_distinct,
    whole_days,
)
from bankcrm.frames.column import ColumnKind
from bankcrm.frames.instants import (
    instants_of,
    local_day,
    local_times,
    seconds_of,
    utc_microseconds,
)
from bankcrm.frames.numbering import categorical, places_of, positions_in, type_of_names
from bankcrm.frames.readers import READERS, LastDay

DAY = np.datetime64("2026-06-30")
LIMIT = 2**53


def read(
    kind: str, values: pd.Series, until: LastDay | None = None, **contract: Any
) -> tuple[pd.Series, dict[str, list[bool]]]:
    """The values that a reader makes, and the rows of each flaw that some row has."""
    column = Column("x", cast("ColumnKind", kind), **contract)
    found, flaws = READERS[kind](values, column, until)
    rows = {f.problem: np.asarray(f.mask).tolist() for f in flaws if np.any(f.mask)}
    return pd.Series(found), rows


def plain(values: pd.Series) -> list[Any]:
    return [None if pd.isna(v) else v for v in values]


# --- numbers


def test_a_number_at_its_least_and_its_greatest() -> None:
    given = pd.Series([1.0, 0.999, 9.0, 9.001, np.nan, np.inf, -np.inf])
    found, flaws = read("number", given, minimum=1, maximum=9)
    assert found.dtype == np.float64
    assert plain(found) == plain(given)
    rows = range(7)
    assert flaws == {
        "null": [i == 4 for i in rows],
        "not_finite": [i in (5, 6) for i in rows],
        "below_minimum": [i == 1 for i in rows],
        "above_maximum": [i == 3 for i in rows],
    }
    assert "null" not in read("number", given, nullable=True)[1]
    for sound in ([1.0, 9.0], [], [np.nan]):
        assert (
            read("money", pd.Series(sound, dtype=float), nullable=True, minimum=1, maximum=9)[1]
            == {}
        )
    for infinite in (np.inf, -np.inf):
        for others in ([], [np.nan]):
            one = pd.Series([infinite, *others])
            flaws = read("number", one, nullable=True, minimum=1, maximum=9)[1]
            assert flaws == {"not_finite": [True] + [False] * len(others)}
    zero = read("number", pd.Series([0.0, -0.5]), minimum=0)[1]
    assert zero == {"below_minimum": [False, True]}
    assert read("number", pd.Series([0.0, 0.5]), maximum=0)[1] == {"above_maximum": [False, True]}


def test_a_whole_number_at_the_last_that_a_float_holds() -> None:
    given = pd.Series([LIMIT, -LIMIT, LIMIT + 2, 2.5, 3.0])
    found, flaws = read("integer", given)
    assert found.dtype == np.float64
    assert flaws == {
        "not_whole": [False, False, False, True, False],
        "not_exact": [False, False, True, False, False],
    }
    whole, flaws = read("integer", given[[0, 1, 4]])
    assert (plain(whole), whole.dtype, flaws) == ([LIMIT, -LIMIT, 3], np.int64, {})
    large, flaws = read("integer", pd.Series([2**63 - 1, LIMIT + 1]))
    assert (large.tolist(), large.dtype, flaws) == ([2**63 - 1, LIMIT + 1], np.int64, {})
    for beyond in (2**63, 2**64 - 1):
        flaws = read("integer", pd.Series([beyond, 1], dtype="uint64"))[1]
        assert flaws == {"not_exact": [True, False]}
    small, _ = read("integer", pd.Series([7, 2], dtype="uint64"))
    assert (small.tolist(), small.dtype) == ([7, 2], np.int64)
    null, flaws = read("integer", pd.Series([1, None], dtype="Int64"), nullable=True)
    assert (plain(null), null.dtype, flaws) == ([1.0, None], np.float64, {})
    assert read("integer", pd.Series([np.inf, 1.0]))[1] == {"not_finite": [True, False]}


def test_ids_in_floats_and_in_objects() -> None:
    given = pd.Series([LIMIT - 1, 1 - LIMIT, LIMIT, -LIMIT, 1.5, np.inf, np.nan, 4.0])
    found, flaws = read("id", given)
    assert str(found.dtype) == "Int64"
    assert plain(found) == [LIMIT - 1, 1 - LIMIT, None, None, None, None, None, 4]
    assert flaws == {
        "null": [i == 6 for i in range(8)],
        "not_whole": [i in (4, 5) for i in range(8)],
        "not_exact": [i in (2, 3) for i in range(8)],
    }
    whole, flaws = read("id", given[[0, 1, 7]])
    assert (whole.tolist(), whole.dtype, flaws) == ([LIMIT - 1, 1 - LIMIT, 4], np.int64, {})
    objects, flaws = read("id", pd.Series([2**63 - 1, None], dtype=object), nullable=True)
    assert (plain(objects), str(objects.dtype), flaws) == ([2**63 - 1, None], "Int64", {})
    assert read("id", pd.Series([5, 6], dtype=object))[0].dtype == np.int64
    with pytest.raises(DataError, match="ids beyond 64 bits"):
        read("id", pd.Series([2**63, 1], dtype=object))
    for dtype, wanted in (("uint64", "int64"), ("UInt64", "Int64")):
        fits = read("id", pd.Series([2**63 - 1, 1], dtype=dtype))[0]
        assert (fits.tolist(), str(fits.dtype)) == ([2**63 - 1, 1], wanted)
        beyond = read("id", pd.Series([2**63, 1], dtype=dtype))[0]
        assert (beyond.tolist(), str(beyond.dtype)) == ([2**63, 1], dtype)


def test_ids_that_are_texts() -> None:
    for dtype in ("object", "str", "string", "category"):
        found, flaws = read("id", pd.Series(["a", "", None, " "], dtype=dtype))
        assert plain(found) == ["a", "", None, " "]
        assert flaws == {"null": [i == 2 for i in range(4)], "blank": [i == 1 for i in range(4)]}
    broken = pd.Series(["a", "\ud800", None], dtype=object)
    for kind in ("id", "text"):
        flaws = read(kind, broken, nullable=True)[1]
        assert flaws == {"not_unicode": [False, True, False]}
    for wrong in ([True], [dt.date(2026, 1, 1)], ["a", 1], [b"a"]):
        with pytest.raises(DataError):
            read("id", pd.Series(wrong, dtype=object))
    for wrong in ([True], pd.to_datetime(["2026-01-01"])):
        with pytest.raises(DataError, match="no ids"):
            read("id", pd.Series(wrong))
    nothing = pd.Series(pd.to_datetime([None, None]))
    assert read("id", nothing)[1] == {"null": [True, True]}


# --- days, instants, truth and words


def test_a_date_at_the_last_day() -> None:
    given = pd.Series(pd.to_datetime(["2026-06-30", "2026-07-01", None, "1950-01-01"]))
    until = LastDay(DAY, "UTC")
    found, flaws = read("date", given, until)
    assert found.dtype == "datetime64[s]"
    assert flaws == {"null": [i == 2 for i in range(4)], "after_as_of": [i == 1 for i in range(4)]}
    assert read("date", given, until, nullable=True, known_from=("y",))[1] == {}
    assert read("date", given, nullable=True)[1] == {}
    early = LastDay(np.datetime64("1960-01-01"), "UTC")
    assert read("date", given[3:], early)[1] == {}
    assert read("date", given[:1], early)[1] == {"after_as_of": [True]}


def test_an_instant_at_the_end_of_the_last_day() -> None:
    given = pd.Series(pd.to_datetime(["2026-06-30T15:59:59Z", "2026-06-30T16:00:00Z", None]))
    late = {"after_as_of": [False, True, False]}
    until = LastDay(DAY, "Asia/Shanghai")
    for dtype in ("datetime64[us, UTC]", "object", pd.ArrowDtype(pa.timestamp("us", "UTC"))):
        found, flaws = read("instant", given.astype(dtype), until, nullable=True)
        assert isinstance(found.dtype, pd.DatetimeTZDtype)
        assert flaws == late
    assert read("instant", given, until)[1] == {"null": [False, False, True], **late}
    assert read("instant", given, LastDay(DAY, "UTC"), nullable=True)[1] == {}
    assert read("instant", given, until, nullable=True, known_from=("y",))[1] == {}
    nothing = read("instant", pd.Series([None, None], dtype=object), until, nullable=True)[0]
    assert str(nothing.dt.tz) == "UTC"
    for wrong in (given.dt.tz_localize(None), pd.Series([1]), pd.Series(["2026-01-01T00:00Z"])):
        with pytest.raises(DataError):
            read("instant", wrong)


def test_truth() -> None:
    for values, dtype, wanted in (
        ([True, False], "bool", "bool"), ([True, False], "object", "bool"),
        ([True, False], "boolean", "bool"), ([True, None], "boolean", "boolean"),
        ([True, None], "object", "boolean"), ([None, None], "object", "boolean"),
        ([None, None], "float64", "boolean"),
    ):  # fmt: skip
        found, flaws = read("boolean", pd.Series(values, dtype=dtype))
        assert (plain(found), str(found.dtype)) == (values, wanted)
        null = [v is None for v in values]
        assert flaws == ({"null": null} if any(null) else {})
        assert read("boolean", pd.Series(values, dtype=dtype), nullable=True)[1] == {}
    for wrong in ([1, 0], ["yes", "no"], [True, "x"]):
        with pytest.raises(DataError, match="no booleans"):
            read("boolean", pd.Series(wrong, dtype=object))


@pytest.mark.parametrize("size", [2, 127, 128, 200])
def test_words_of_a_choice(size: int) -> None:
    words = tuple(f"w{i}" for i in range(size))
    given = [*words[::-1], None, "other"]
    for dtype in ("object", "str", "category"):
        found, flaws = read("category", pd.Series(given, dtype=dtype), choices=words)
        assert plain(found) == [*words[::-1], None, None]
        assert found.cat.categories.tolist() == list(words)
        assert flaws == {
            "null": [i == size for i in range(size + 2)],
            "outside_choices": [i == size + 1 for i in range(size + 2)],
        }
        free, flaws = read("category", pd.Series(given, dtype=dtype))
        assert plain(free) == given
        assert flaws == {"null": [i == size for i in range(size + 2)]}
    same = pd.Series(pd.Categorical(words[:2], categories=words))
    column = Column("x", "category", choices=words)
    assert READERS["category"](same, column, None)[0] is same
    turned = pd.Series(pd.Categorical(words[:2], categories=words[::-1]))
    again = read("category", turned, choices=words)[0]
    assert again.cat.categories.tolist() == list(words)
    assert again.tolist() == list(words[:2])
    with pytest.raises(DataError, match="no text"):
        read("category", pd.Series([1, 2]), choices=words)


def test_text() -> None:
    for values in (["a", None], [None, None], []):
        found, flaws = read("text", pd.Series(values, dtype=object), nullable=True)
        assert plain(found) == values
        assert flaws == {}
    assert read("text", pd.Series(["a", None]))[1] == {"null": [False, True]}
    assert read("text", pd.Series([np.nan, np.nan]), nullable=True)[1] == {}
    for wrong in ([1], [b"a"], [dt.date(2026, 1, 1)], [1.0, np.nan]):
        with pytest.raises(DataError, match="no text"):
            read("text", pd.Series(wrong))


# --- days


def test_days_of_seconds_and_their_midnights() -> None:
    day = 86_400
    second = [0, -1, day - 1, day, -day, -day - 1, None]
    stamps = np.array(["NaT" if s is None else s for s in second], "datetime64[s]")
    wanted = [None if s is None else s // day for s in second]
    found = whole_days(stamps)
    assert [None if np.isnat(d) else int(d.astype(int)) for d in found] == wanted
    back = midnights(found)
    assert back.dtype == "datetime64[s]"
    assert [None if np.isnat(s) else int(s.astype(int)) for s in back] == [
        None if d is None else d * day for d in wanted
    ]
    for n in (0, 1):
        assert whole_days(stamps[:n]).dtype == midnights(found[:n]).dtype.str.replace("s", "D")
    whole = pd.Series(stamps[[0, 3, 4, 6]])
    assert day_stamps(whole) is not whole.to_numpy(copy=True)
    assert np.shares_memory(day_stamps(whole), whole.to_numpy())
    odd = day_stamps(pd.Series(stamps))
    assert [None if np.isnat(s) else int(s.astype(int)) for s in odd] == [
        None if s is None else s // day * day for s in second
    ]


@pytest.mark.parametrize("dtype", [pa.int64(), pa.string(), pa.time32("s")])
def test_columns_of_arrow_that_are_no_dates(dtype: pa.DataType) -> None:
    values = {"int64": [1], "string": ["2026-01-01"], "time32[s]": [dt.time(1)]}[str(dtype)]
    with pytest.raises(DataError, match="due: expected dates, found"):
        days(pd.Series(values, dtype=pd.ArrowDtype(dtype)), "due")
    nothing = days(pd.Series([None, None], dtype=pd.ArrowDtype(dtype)))
    assert np.isnat(nothing).all()
    assert nothing.dtype == "datetime64[D]"


def test_one_column_is_no_frame_and_no_text() -> None:
    for wrong in (pd.DataFrame({"a": [1]}), "2026-01-01"):
        for call in (days, numbers, codes):
            with pytest.raises(DataError, match="values: expected one column"):
                call(wrong)


def test_seconds_of_a_time_of_day() -> None:
    for time in (dt.time(0, 0, 0), dt.time(0, 0, 59), dt.time(0, 59), dt.time(23, 59, 59)):
        moment = dt.datetime.combine(dt.date(2026, 1, 1), time)
        assert seconds_of(time) == (moment - dt.datetime(2026, 1, 1)).total_seconds()


# --- codes


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_table_is_at_most_eight_times_as_long_as_the_rows(rows: int) -> None:
    longest = 8 * rows + 1024
    for span, dense in ((longest - 1, True), (longest, True), (longest + 1, False)):
        ids = np.array([-3, span - 4])
        assert dense_range(ids, rows) == ((-3, span) if dense else None)
    two = 8 * 2 + 1024
    for span, sure in ((two, True), (two + 1, False)):
        column = pd.Series([span - 4, -3])
        assert surely_distinct(column) == sure
        assert codes(column)[0].tolist() == [1, 0]
        assert codes(column)[1].tolist() == [-3, span - 4]
        assert distinct_values(column).tolist() == [-3, span - 4]
        assert positions_in(column, pd.Index(column)).tolist() == [0, 1]
    for other in (pd.Series([1, 2], dtype="Int64"), pd.Series([], dtype="int64"), pd.Series(["a"])):
        assert not surely_distinct(other)
    assert not surely_distinct(pd.Series([4, 4]))
    assert surely_distinct(pd.Series([4]))


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "Int64", "float64"])
def test_codes_are_numbered_in_rising_order(dtype: str) -> None:
    code, index = codes(pd.Series([100, -100, 0, 100], dtype=dtype))
    assert (code.tolist(), index.tolist()) == ([2, 0, 1, 2], [-100, 0, 100])
    assert (code.dtype, index.dtype) == (np.intp, np.int64)
    assert distinct_values(pd.Series([100, -100, 0], dtype=dtype)).tolist() == [-100, 0, 100]
    nobody, none = codes(pd.Series([], dtype=dtype))
    assert (len(nobody), len(none), nobody.dtype) == (0, 0, np.intp)


def test_floats_are_whole_numbers_below_the_last_exact_one() -> None:
    for most, whole in ((LIMIT - 1, True), (LIMIT, False)):
        for values in ([float(most), None, 1.0], [-float(most), None, 1.0]):
            code, index = codes(pd.Series(values))
            assert index.dtype == (np.int64 if whole else np.float64)
            assert code[1] == -1
            assert sorted(code.tolist()) == [-1, 0, 1]
            first = [index[c] for c in code[[0, 2]]]
            assert first == [values[0], 1.0]
    part = codes(pd.Series([2.5, 2.0, 2.5]))
    assert (part[0].tolist(), part[1].tolist()) == ([0, 1, 0], [2.5, 2.0])


def test_large_numbers_beside_a_null_stay_exact() -> None:
    code, index = codes(pd.Series([LIMIT + 1, None, LIMIT], dtype="Int64"))
    assert (code.tolist(), index.tolist()) == ([1, -1, 0], [LIMIT, LIMIT + 1])
    assert codes(pd.Series([None, None], dtype="Int64"))[0].tolist() == [-1, -1]


def test_what_is_no_id_is_refused() -> None:
    cases = (([[1]], "list"), ([{1: 2}, "a"], r"dict in 1 of 2 rows \(row 0\)"), ([{1}], "set"))
    for wrong, found in cases:
        with pytest.raises(DataError, match=f"expected ids or words, found {found}"):
            codes(pd.Series(wrong, dtype=object))
    for wrong in (["\ud800"], ["a", 1, "\udfff"]):
        with pytest.raises(DataError, match="found text that is no Unicode text"):
            codes(pd.Series(wrong, dtype=object))
    assert [is_unicode(t) for t in ("", "é", "\ud7ff", "\ud800", "\udfff", "\ue000")] == [
        True, True, True, False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize("code_type", ["int8", "int16", "int64"])
@pytest.mark.parametrize("table_type", ["int8", "bool", "int16", "float64"])
@pytest.mark.parametrize("size", [1, 2, 127, 128])
def test_the_last_entry_is_that_of_no_code(size: int, code_type: str, table_type: str) -> None:
    if code_type == "int8" and size > 128:
        return
    table = np.arange(size).astype(table_type)
    code = np.arange(-1, size - 1).astype(code_type)
    found = look_up(table, code)
    assert found.tolist() == [table[-1], *table[: size - 1]]
    assert found.dtype == table.dtype


def test_blocks_of_rows() -> None:
    for rows in (0, 1, 6, 7, 8):
        blocks = [(s.start, s.stop) for s in row_blocks(rows, 7)]
        assert blocks == [(n, min(n + 7, rows)) for n in range(0, rows, 7)]
    assert [s.stop for s in row_blocks(2**16 + 1)] == [2**16, 2**16 + 1]


@pytest.mark.parametrize("block", [1, 2, 9])
def test_small_codes_of_categories_leave_out_the_unused(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bankcrm.frames.arrays.blocks.BLOCK", block)
    for values in (["b", None, "a"], ["b", "c", "a", None], [None], [], ["c", "c", "b", "a"]):
        column = pd.Series(pd.Categorical(values, categories=["c", "a", "b"]))
        code, index = small_codes(column)
        used = [w for w in ("c", "a", "b") if w in values]
        assert index.tolist() == used
        assert code.tolist() == [used.index(v) if v else -1 for v in values]
        assert code.dtype == np.int8
    texts, index = small_codes(pd.Series(["b", None, "a"], dtype=object))
    assert (texts.tolist(), index.tolist(), texts.dtype) == ([0, -1, 1], ["b", "a"], np.int8)


def test_positions_of_ids_in_other_types() -> None:
    numbers_, texts = pd.Series([5, 7, -9]), pd.Series(["5", None])
    assert positions_in(numbers_, pd.Index(["5", "7"])).tolist() == [-1, -1, -1]
    assert positions_in(texts, pd.Index([5, 7])).tolist() == [-1, -1]
    assert positions_in(numbers_, pd.Index([], dtype="int64")).tolist() == [-1, -1, -1]
    assert positions_in(numbers_[:0], pd.Index([5])).tolist() == []
    near = pd.Series([4, 5, 6, 7, 8, 2**63 - 1, -(2**63)])
    assert positions_in(near, pd.Index([7, 5])).tolist() == [-1, 1, -1, 0, -1, -1, -1]
    assert positions_in(near, pd.Index([7, 5], dtype="int32")).dtype == np.int32
    floats = pd.Series([5.0, np.nan, 7.5, 7.0])
    assert positions_in(floats, pd.Index([7, 5])).tolist() == [1, -1, -1, 0]
    sparse = pd.Index([5, 2**40])
    assert positions_in(pd.Series([2**40, 6, 5]), sparse).tolist() == [1, -1, 0]


def test_categories_have_no_order_unless_asked_for() -> None:
    assert not categorical(np.array([0, -1]), ["b", "a"]).ordered
    assert categorical(np.array([0]), ["b", "a"], ordered=True).ordered
    assert not type_of_names(("a",)).ordered
    assert type_of_names(("a",), True).ordered
    shared = categorical(np.array([0, 1, 2, -1]), ["b", "a", "b"])
    assert shared.categories.tolist() == ["b", "a"]
    assert shared.codes.tolist() == [0, 1, 0, -1]
    assert places_of(pd.Series(["a", "z", None, "b"]), ["b", "a"]).tolist() == [1, -1, -1, 0]
    assert type_of_names((1, 2)) != type_of_names((1.0, 2.0))
    assert type_of_names(("x",)) is type_of_names(("x",))


def test_the_defaults_of_a_column() -> None:
    """Required, never null and not personal: what is looser is said."""
    column = Column("x", "id")
    assert (column.required, column.nullable, column.personal, column.undated) == (
        True, False, False, False,
    )  # fmt: skip
    with pytest.raises(DataError, match="x: missing column"):
        check_frame(pd.DataFrame({"y": [1]}), [column])
    with pytest.raises(DataError, match="x: null in 1 row"):
        check_frame(pd.DataFrame({"x": [1, None]}), [column])
    with pytest.raises(DataError, match=r"x: not whole in 1 row \(row 0: 1.5\)"):
        check_frame(pd.DataFrame({"x": [1.5]}), [column])


def test_five_rows_of_a_fault_are_shown() -> None:
    for rows, more in ((5, ""), (6, ", ...")):
        with pytest.raises(DataError) as caught:
            check_frame(pd.DataFrame({"x": [-1.0] * rows}), [Column("x", "number", minimum=0)])
        shown = ", ".join(f"row {n}: -1.0" for n in range(5))
        assert f"below minimum in {rows} rows ({shown}{more})" in str(caught.value)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NaT, pd.NA])
def test_a_date_beside_any_missing_value(missing: object) -> None:
    day, noon = dt.date(2026, 1, 1), dt.datetime(2026, 1, 1, 12)
    for values in ([day, missing], [noon, missing]):
        found = days(pd.Series(values, dtype=object))
        assert found.astype(str).tolist() == ["2026-01-01", "NaT"]
        assert found.dtype == "datetime64[D]"


def test_instants_that_have_no_zone_in_any_type() -> None:
    naive = pd.Series(pd.to_datetime(["2026-01-01 17:00", None]))
    of_arrow = naive.astype(pd.ArrowDtype(pa.timestamp("us")))
    for wrong in (naive, of_arrow, pd.Series([1, 2]), pd.Series(["2026-01-01T00:00Z"])):
        with pytest.raises(DataError, match="instants: expected a time zone"):
            local_times(wrong, "UTC")
    aware = of_arrow.astype(pd.ArrowDtype(pa.timestamp("us", "UTC")))
    for sound in (aware, naive.dt.tz_localize("UTC"), aware.astype(object)):
        assert local_day(sound).astype(str).tolist() == ["2026-01-02", "NaT"]
        assert local_day(sound, "UTC").astype(str).tolist() == ["2026-01-01", "NaT"]
        local, alone = local_times(sound, "America/New_York")
        assert local.astype(str).tolist() == ["2026-01-01T12:00:00", "NaT"]
        assert (local.dtype, alone) == (np.dtype("datetime64[s]"), False)
    for nothing in (pd.Series([None, None]), pd.Series([np.nan, np.nan]), [None, None]):
        assert np.isnat(local_times(nothing, "UTC")[0]).all()
        assert np.isnat(utc_microseconds(nothing)).all()
    assert local_day(cast("Any", None)) is pd.NaT
    for wrong in (pd.DataFrame({"a": aware}), "2026-01-01"):
        with pytest.raises(DataError, match="instants: expected one column"):
            local_times(cast("Any", wrong), "UTC")
    for bad in ([1, "x"], [dt.datetime(9999, 1, 1, tzinfo=dt.UTC), object()]):
        with pytest.raises(DataError, match="instants"):
            utc_microseconds(bad)


@pytest.mark.parametrize(
    ("zone", "wall", "utc"),
    [
        ("America/New_York", "2024-03-10T01:59:59", "2024-03-10T06:59:59"),
        ("America/New_York", "2024-03-10T02:00:00", "2024-03-10T07:00:00"),
        ("America/New_York", "2024-03-10T02:59:59", "2024-03-10T07:00:00"),
        ("America/New_York", "2024-11-03T01:00:00", "2024-11-03T05:00:00"),
        ("Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T10:00:00"),  # a day was skipped
        ("Pacific/Kiritimati", "1994-12-31T09:00:00", "1994-12-31T10:00:00"),
    ],
)
def test_skipped_and_double_times_of_a_clock(zone: str, wall: str, utc: str) -> None:
    found = instants_of(np.array([wall, "NaT"], "datetime64[s]"), zone)
    assert str(found.tz) == zone
    assert found.tz_convert("UTC").tz_localize(None)[0] == pd.Timestamp(utc)
    assert found[1] is pd.NaT


@pytest.mark.parametrize(
    "values",
    [[1, 2], ["2026-01-01"], [True], [1.5, None], [b"x"], [dt.timedelta(1)], [dt.time(1)],
     [dt.date(2026, 1, 1), 1], [dt.datetime(2026, 1, 1), "x"]],
)  # fmt: skip
def test_objects_that_are_no_dates(values: list[object]) -> None:
    with pytest.raises(DataError, match="due: expected dates, found"):
        days(pd.Series(values, dtype=object), "due")
    if all(isinstance(v, float | None) for v in values):
        return
    with pytest.raises(DataError, match="fee: expected numbers, found"):
        numbers(pd.Series([dt.date(2026, 1, 1), *values], dtype=object), "fee")


def test_numbers_of_objects() -> None:
    for values in ([1, 2.5, None], [Decimal("1.5"), None], [1, None], [None, np.nan], []):
        found = numbers(pd.Series(values, dtype=object))
        assert found.dtype == np.float64
        assert plain(pd.Series(found)) == [None if pd.isna(v) else float(v) for v in values]
    with pytest.raises(DataError, match="fee: expected numbers, found a number beyond 1e308"):
        numbers(pd.Series([10**400], dtype=object), "fee")
    for wrong in ([True], [None, False]):
        with pytest.raises(DataError, match="fee: expected numbers, found bool"):
            numbers(pd.Series(wrong, dtype="boolean"), "fee")
    nothing = numbers(pd.Series(pd.to_datetime([None, None])))
    assert np.isnan(nothing).tolist() == [True, True]
