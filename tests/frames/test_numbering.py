"""Codes, positions, days and rows as plain values, against dictionaries and slow loops."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.frames import Column, DataFault, column_of
from bankcrm.frames.arrays import day_stamps, days, look_up, small_codes, surely_distinct
from bankcrm.frames.customers import by_customer
from bankcrm.frames.findings import findings_of, raise_faults, with_findings
from bankcrm.frames.graph import connected_parts
from bankcrm.frames.instants import instants_of, local_day, local_times, utc_microseconds
from bankcrm.frames.numbering import categorical, places_of, positions_in, words_of
from bankcrm.frames.plain import plain, plain_rows

NUMBERS = st.integers(-3, 12) | st.sampled_from([-(2**62), 10**9, 10**9 + 1, 2**62])
BLOCKS = st.integers(1, 4)


@given(
    st.lists(st.none() | NUMBERS, max_size=12),
    st.lists(NUMBERS, max_size=12, unique=True),
    st.sampled_from(["int64", "Int64", "object", "str", "string[pyarrow]"]),
    BLOCKS,
)
def test_a_position_is_that_in_the_index(
    ids: list[int | None], index: list[int], kind: str, block: int
) -> None:
    if kind == "int64":
        ids = [i for i in ids if i is not None]
    column, known = pd.Series(ids, dtype="Int64"), pd.Series(index, dtype="int64")
    texts = kind not in ("int64", "Int64")
    made = column.astype("string").astype(kind) if texts else column.astype(kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bankcrm.frames.arrays.blocks.BLOCK", block)
        found = positions_in(made, pd.Index(known.astype(str).astype(kind) if texts else known))
    place = {value: n for n, value in enumerate(index)}
    assert found.dtype == np.int32
    assert found.tolist() == [-1 if i is None else place.get(i, -1) for i in ids]


@given(st.lists(NUMBERS, max_size=8))
def test_ids_that_are_surely_distinct_are_distinct(ids: list[int]) -> None:
    column = pd.Series(ids, dtype="int64")
    near = bool(ids) and max(ids) - min(ids) < 1024
    assert surely_distinct(column) == (near and len(set(ids)) == len(ids))


@given(
    st.lists(st.none() | st.tuples(st.integers(-9, 9), st.sampled_from([0, 1, 86_399]))),
    st.sampled_from(["s", "us"]),
    BLOCKS,
)
def test_a_stamp_is_the_midnight_of_its_day(
    times: list[tuple[int, int] | None], unit: str, block: int
) -> None:
    seconds = [None if t is None else t[0] * 86_400 + t[1] for t in times]
    stamps = np.array(["NaT" if s is None else s for s in seconds], "datetime64[s]")
    column = pd.Series(stamps.astype(f"datetime64[{unit}]"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bankcrm.frames.arrays.blocks.BLOCK", block)
        found = day_stamps(column)
    assert found.dtype == "datetime64[s]"
    midnights = [None if t is None else dt.datetime(1970, 1, 1) + dt.timedelta(t[0]) for t in times]
    assert found.tolist() == midnights
    assert days(column).tolist() == [m and m.date() for m in midnights]


@given(st.lists(st.sampled_from(["high", "low", "other", None])), st.booleans())
def test_places_and_categories_of_words(values: list[str | None], ordered: bool) -> None:
    names = ["low", "high", "low"]  # two codes share a name
    column = pd.Series(values, dtype=object, name="level")
    found = places_of(column, ["low", "high"])
    assert found.tolist() == [{"low": 0, "high": 1}.get(v or "", -1) for v in values]
    made = categorical(np.where(found == 0, 2, found), names, ordered=ordered)
    assert made.categories.tolist() == ["low", "high"]
    assert made.ordered == ordered
    assert [v if isinstance(v, str) else None for v in made] == [
        v if v in names else None for v in values
    ]
    code, index = small_codes(column)
    table = np.append(np.array([n == "low" for n in index], dtype=np.bool_), False)
    assert look_up(table, code).tolist() == [v == "low" for v in values]


def test_many_names_are_a_type_of_their_own() -> None:
    for size in (127, 128, 255, 256, 300):
        names = [f"n{i}" for i in range(size)]
        code = np.arange(-1, size)
        made = categorical(code, names)
        assert made.tolist()[1:] == names
        assert np.isnan(made.tolist()[0])
        small, index = small_codes(pd.Series(made))
        assert small.dtype == ("int8" if size <= 127 else "int16")
        assert look_up(np.append(np.arange(size), -1), small).tolist() == code.tolist()
        assert index.tolist() == names
    assert categorical(np.array([0]), [1]).tolist() == [1]
    assert categorical(np.array([0]), [True]).tolist() == [True]


@pytest.mark.parametrize("bad", [[1], b"x", "\ud800"])
def test_what_is_no_word_is_refused(bad: object) -> None:
    with pytest.raises(DataError, match="level: expected words, found"):
        words_of(pd.Series(["a", bad], dtype=object), "level")


@given(st.integers(1, 7), st.data(), st.booleans())
def test_parts_of_a_graph_are_whom_one_reaches(size: int, data: Any, strong: bool) -> None:
    node = st.integers(0, size - 1)
    links = data.draw(st.lists(st.tuples(node, node), max_size=9))
    ends = np.array(links, dtype=np.int64).reshape(-1, 2)
    found = connected_parts(size, ends[:, 0], ends[:, 1], strong=strong)
    reach = np.eye(size, dtype=bool)
    for _ in range(size):
        for a, b in links:
            reach[:, b] |= reach[:, a]
            if not strong:
                reach[:, a] |= reach[:, b]
    together = reach & reach.T
    np.testing.assert_array_equal(found[:, None] == found, together)
    assert set(found) == set(range(len(set(found))))


ZONES = st.sampled_from(["Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "UTC"])
WALL = st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2024, 12, 31)) | st.sampled_from(
    [
        dt.datetime(2024, 3, 10, 2, 30),  # skipped in New York, as is the next in Lord Howe
        dt.datetime(2024, 10, 6, 2, 15),
        dt.datetime(2024, 11, 3, 1, 30),  # twice in New York
        dt.datetime(2024, 4, 7, 1, 45),
    ]
)


@given(
    st.lists(WALL.map(lambda t: t.replace(microsecond=0, fold=0)), min_size=1, max_size=4), ZONES
)
def test_instants_of_wall_clock_times(walls: list[dt.datetime], zone: str) -> None:
    """A skipped time becomes the first instant after it, a double one the first of the two."""
    found = instants_of(np.array([*walls, "NaT"], "datetime64[s]"), zone)
    here = ZoneInfo(zone)
    assert found[-1] is pd.NaT
    for wall, instant in zip(walls, found[:-1].to_pydatetime(), strict=True):
        utc = wall.replace(tzinfo=here).astimezone(dt.UTC)
        if utc.astimezone(here).replace(tzinfo=None) == wall:
            assert instant.astimezone(dt.UTC) == utc
        else:  # the clock jumps over it
            assert instant.astimezone(here).replace(tzinfo=None) > wall
            before = instant.astimezone(dt.UTC) - dt.timedelta(seconds=1)
            assert before.astimezone(here).replace(tzinfo=None) < wall


AWARE = st.none() | st.datetimes(
    dt.datetime(2024, 1, 1), dt.datetime(2025, 1, 1), timezones=st.just(dt.UTC)
)


@given(st.lists(AWARE, min_size=1, max_size=4), ZONES, st.sampled_from(["list", "series", "index"]))
def test_local_times_are_those_of_the_standard_library(
    instants: list[Any], zone: str, kind: str
) -> None:
    here = ZoneInfo(zone)
    walls = [None if i is None else i.astimezone(here).replace(tzinfo=None) for i in instants]
    column = pd.to_datetime(pd.Series(instants, dtype=object), utc=True)
    given = {"list": instants, "series": column, "index": pd.DatetimeIndex(column)}[kind]
    local, scalar = local_times(given, zone)
    assert not scalar
    assert local.dtype == "datetime64[s]"
    assert local.tolist() == [w and w.replace(microsecond=0) for w in walls]
    assert local_day(given, zone).tolist() == [w and w.date() for w in walls]
    plain_utc = utc_microseconds(given)
    assert plain_utc.tolist() == [i and i.replace(tzinfo=None) for i in instants]
    one = instants[0]
    assert local_times(one, zone)[1]
    alone = local_day(one, zone)
    assert alone is pd.NaT if walls[0] is None else alone == walls[0].date()
    assert utc_microseconds(one).tolist() == [one and one.replace(tzinfo=None)]


def test_naive_instants_are_refused() -> None:
    naive = dt.datetime(2026, 1, 1)
    mixed = [naive, naive.replace(tzinfo=dt.UTC)]
    many: list[Any] = [naive, [naive], pd.Series([naive, None]), mixed]
    for bad in many:
        with pytest.raises(DataError, match="expected a time zone"):
            local_times(bad, "UTC")
    for bad in many[:2]:
        with pytest.raises(DataError, match="time zone"):
            utc_microseconds(bad)


SCORE = (Column("score", "number"),)


def test_a_frame_by_customer_has_its_id_in_a_column_or_in_the_index() -> None:
    plain_index = pd.DataFrame({"score": [3, 5]}, index=[7, 9])
    for frame in (
        plain_index,
        plain_index.rename_axis("customer_id"),
        plain_index.rename_axis("customer_id").reset_index(),
        plain_index.rename_axis("no"),
    ):
        found = by_customer(frame, SCORE, "scores")
        assert found.index.name == "customer_id"
        assert found["score"].to_dict() == {7: 3.0, 9: 5.0}
    with pytest.raises(DataError, match="customer_id: missing column"):
        by_customer(plain_index.rename_axis("name"), SCORE, "scores")  # a name is no id
    with pytest.raises(DataError, match="duplicate key"):
        by_customer(pd.DataFrame({"score": [3, 5]}, index=[7, 7]), SCORE, "scores")


def test_one_column_of_a_frame() -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index([5, 6], name="id"))
    assert column_of(frame, "a", "moves").tolist() == [1, 2]
    assert column_of(frame, "id", "moves").tolist() == [5, 6]
    with pytest.raises(DataError, match=r"^moves: missing column b; present: a$"):
        column_of(frame, "b", "moves")
    with pytest.raises(DataError, match=r"present: none$"):
        column_of(pd.DataFrame(), "b", "moves")


def test_rows_are_plain() -> None:
    frame = pd.DataFrame({"n": [1, 2]}, index=pd.Index([5, 6], name="id"))
    assert plain_rows(frame) == [{"id": 5, "n": 1}, {"id": 6, "n": 2}]
    assert plain_rows(frame.rename_axis(None)) == [{"n": 1}, {"n": 2}]
    assert [type(v) for v in plain_rows(frame)[0].values()] == [int, int]
    for value, expected in (
        (np.float64(1.5), 1.5),
        (np.nan, None),
        (pd.NaT, None),
        (dt.date(2026, 1, 2), "2026-01-02"),
        ({"a": (1, np.int64(2))}, {"a": [1, 2]}),
        ("x", "x"),
    ):
        assert plain(value) == expected


def test_findings_stay_with_the_frame_and_are_raised_together() -> None:
    faults = [DataFault("t", "a", "null", 1, ("row 1",)), DataFault("t", "b", "null", 2)]
    frame = with_findings(pd.DataFrame(), faults)
    assert findings_of(frame) == tuple(faults)
    raise_faults([])
    with pytest.raises(DataError, match=r"^t\.a: null in 1 row \(row 1\)$"):
        raise_faults(faults[:1])
    with pytest.raises(DataError, match=r"^2 faults\n  t\.a: .*\n  t\.b: null in 2 rows$"):
        raise_faults(faults)
