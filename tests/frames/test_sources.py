"""Frames from anywhere: what of them is read, under which names, and with which types."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames import Column, as_frame, check_frame, screen_frame
from bankcrm.frames.conversion import column_of, with_levels
from bankcrm.frames.customers import by_customer

NUMBER = (Column("x", "number"),)


def test_types_of_arrow() -> None:
    words = pa.DictionaryArray.from_arrays(pa.array([1, 0, None], pa.uint8()), pa.array(["b", "a"]))
    table = pa.table(
        {
            "whole": pa.array([1, 2, 3], pa.int64()),
            "null": pa.array([2**62 + 1, None, 3], pa.int64()),
            "unsigned": pa.array([2**63 + 1, None, 3], pa.uint64()),
            "small": pa.array([1, None, 3], pa.int32()),
            "word": words,
            "day": pa.array([dt.date(2026, 1, 1), None, None], pa.date32()),
        }
    )
    found = as_frame(table)
    assert {str(k): str(v) for k, v in found.drop(columns="day").dtypes.items()} == {
        "whole": "int64", "null": "Int64", "unsigned": "UInt64", "small": "float64",
        "word": "category",
    }  # fmt: skip
    assert found["day"].dtype.kind == "M"
    assert found["null"].iloc[0] == 2**62 + 1
    assert found["unsigned"].iloc[0] == 2**63 + 1
    assert found["word"].tolist()[:2] == ["a", "b"]
    assert not found["word"].cat.ordered
    full = as_frame(table.select(["whole"]))
    assert full["whole"].dtype == np.int64


def test_names_that_are_not_clear_are_refused() -> None:
    one = pd.DataFrame([[1] * 7], columns=list("aabbccd"))
    with pytest.raises(DataError, match="columns: a, b, c more than once"):
        as_frame(one)
    levels = pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")]))
    with pytest.raises(DataError, match="found several levels"):
        as_frame(levels)
    twice = pd.DataFrame({"x": [1]}, pd.MultiIndex.from_tuples([(1, 2)], names=["k", "k"]))
    with pytest.raises(DataError, match="index: the level k more than once"):
        as_frame(twice)
    unnamed = pd.DataFrame({"x": [1]}, pd.MultiIndex.from_tuples([(1, 2)]))
    assert as_frame(unnamed) is unnamed
    with pytest.raises(DataError, match="found Series"):
        as_frame(pd.Series([1]))


def test_personal_labels_become_a_column() -> None:
    names = pd.Index(["Li Na", "Wang"], name="name")
    rows = pd.DataFrame({"x": [1, -1]}, index=names)
    found = as_frame(rows)
    assert found["name"].tolist() == ["Li Na", "Wang"]
    assert found.index.tolist() == [0, 1]
    assert as_frame(rows.assign(name="z"))["name"].tolist() == ["z", "z"]  # the column is kept
    above = Column("x", "number", minimum=0)
    who = Column("who", "text", personal=True)
    for labelled, contract in ((rows, (above,)), (rows.rename_axis("who"), (above, who))):
        with pytest.raises(DataError, match=r"x: below minimum in 1 row \(row 1: -1\)"):
            check_frame(labelled, contract)


def test_levels_of_the_index_as_columns() -> None:
    index = pd.MultiIndex.from_tuples([(7, "a"), (8, "b")], names=["id", "k"])
    rows = pd.DataFrame({"x": [1, 2], "k": ["c", "d"]}, index=index)
    found = with_levels(rows, ["id", "k"])
    assert found.columns.tolist() == ["id", "x", "k"]
    assert found["k"].tolist() == ["c", "d"]
    assert found.index.tolist() == index.tolist()
    assert found.index.names == [None, None]
    assert rows.index.names == ["id", "k"]
    assert with_levels(rows, ["other"]) is rows
    assert column_of(rows, "k", "rows").tolist() == ["c", "d"]
    assert column_of(rows, "id", "rows").tolist() == [7, 8]
    with pytest.raises(DataError, match="rows: missing column 3; present: x, k"):
        column_of(rows, 3, "rows")
    named = check_frame(rows.droplevel("k"), (Column("id", "id"),))
    assert (named.columns.tolist(), named.index.tolist()) == (["id", "x", "k"], [7, 8])


def test_names_of_the_caller() -> None:
    rows = pd.DataFrame({"a": [1], "b": [2], "x": [3]})
    contract = (Column("x", "number"), Column("y", "number"))
    found = check_frame(rows, contract, names={"x": "a", "y": "b"})
    assert found.to_dict("list") == {"x": [1.0], "y": [2.0]}
    turned = check_frame(rows[["x", "a"]], contract, names={"x": "a", "y": "x"})
    assert turned.to_dict("list") == {"y": [3.0], "x": [1.0]} == {"x": [1.0], "y": [3.0]}
    same = check_frame(rows, NUMBER, names={"x": "x"})
    assert same.columns.tolist() == ["x", "a", "b"]
    with pytest.raises(DataError, match=r"unknown name; expected names from x, y"):
        check_frame(rows, contract, names={"z": "a", "x": "a", "y": "b"})
    with pytest.raises(DataError, match=r"y \(as 'c'\): missing column; present: a, b, x"):
        check_frame(rows, contract, names={"y": "c"})
    with pytest.raises(DataError, match="columns: expected a Column"):
        check_frame(rows, ("x",))


def test_optional_columns_may_be_absent_and_others_follow() -> None:
    contract = (Column("x", "number"), Column("y", "number", required=False))
    rows = pd.DataFrame({"z": ["a"], "x": [1]}, index=pd.Index([4], name="line"))
    found = check_frame(rows, contract)
    assert found.columns.tolist() == ["x", "z"]
    assert (found.index.name, found.index.tolist()) == ("line", [4])
    assert rows["x"].dtype == np.int64


def test_keys_of_one_and_of_two_columns() -> None:
    contract = (Column("a", "id", nullable=True), Column("b", "id", nullable=True))
    rows = pd.DataFrame({"a": [1, 1, None, None, 1], "b": [1, 2, 3, 3, 1]})
    check_frame(rows, contract)
    for key, count in (("a", 2), (["a", "b"], 1), ("b", 2)):
        with pytest.raises(DataError, match=f"duplicate key in {count} row"):
            check_frame(rows, contract, key=key)
        screened = screen_frame(rows, contract, key=key)
        assert len(screened.rejected) == count
        assert screened.faults[0].advice == "the rows are rejected"
        expected = "one row for each " + " + ".join([key] if isinstance(key, str) else key)
        assert screened.faults[0].expected == expected
    check_frame(rows[:2], contract, key=["a", "b"])
    check_frame(rows[["a"]], (contract[0], Column("b", "id", required=False)), key="b")
    with pytest.raises(UnknownNameError, match="no key 'c'; known: a, b"):
        check_frame(rows, contract, key="c")


def test_a_value_that_is_left_out_leaves_its_row() -> None:
    contract = (
        Column("id", "id"),
        Column("own", "boolean", required=False),
        Column("n", "integer", required=False, minimum=0),
    )
    rows = pd.DataFrame({"id": [1, 2, 2], "own": pd.array([True, None, False], "boolean"),
                         "n": [1, -1, 2]})  # fmt: skip
    kept = screen_frame(rows, contract, key="id", blank=True)
    assert kept.frame["own"].tolist()[0] is True
    assert kept.frame["own"].isna().tolist() == [False, True]
    assert kept.frame["n"].isna().tolist() == [False, True]
    assert kept.rejected["fault"].tolist() == ["id: duplicate_key"]
    assert kept.rejected["n"].tolist() == [2]
    plain = screen_frame(rows, contract, key="id")
    assert plain.rejected["fault"].tolist() == ["own: null", "id: duplicate_key"]
    assert [str(plain.frame[c].dtype) for c in ("id", "own", "n")] == ["int64", "bool", "int64"]
    sound = screen_frame(rows[:1], contract)
    assert (len(sound.rejected), sound.faults) == (0, ())
    assert sound.rejected.columns.tolist() == ["id", "own", "n", "fault"]


def test_the_type_and_the_time_zone_of_a_column_are_named() -> None:
    zoned = pd.DataFrame({"d": pd.to_datetime(["2026-01-01"], utc=True)})
    with pytest.raises(DataError, match=r"d: time zone; expected dates .*; take the local day"):
        check_frame(zoned, (Column("d", "date"),))
    objects = pd.DataFrame({"x": pd.Series([1, "a"], dtype=object)})
    with pytest.raises(DataError, match=r"found text in 1 of 2 rows \(row 1\)"):
        check_frame(objects, NUMBER)
    texts = r"expected numbers, found text; convert"  # older pandas: objects
    with pytest.raises(DataError, match=texts):
        check_frame(pd.DataFrame({"x": pd.Series(["a"], dtype="str")}), NUMBER)


def test_a_frame_by_customer_takes_no_index_of_several_levels() -> None:
    index = pd.MultiIndex.from_tuples([(1, 2)])
    with pytest.raises(DataError, match="customer_id: missing column"):
        by_customer(pd.DataFrame({"x": [1]}, index=index), NUMBER, "rows")
    level = pd.MultiIndex.from_tuples([(1, 2)], names=["customer_id", "k"])
    found = by_customer(pd.DataFrame({"x": [1]}, index=level), NUMBER, "rows")
    assert found["x"].to_dict() == {1: 1.0}
