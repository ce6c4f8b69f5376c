"""What a fact may hold: one value and a column are read alike, and refused alike."""

from __future__ import annotations

import copy
import datetime as dt
import math
import pickle
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bankcrm.errors import DataError, PolicyError
from bankcrm.rules import DecisionTable, Fact, Rule
from bankcrm.rules.values import FrozenDict, fact, representatives
from bankcrm.testing.tables import DTYPES, Dtype, column, facts, values
from bankcrm.vocabulary import Stage


class Plain(Enum):
    GOLD = "gold"


def asking(spec: Any, test: str) -> DecisionTable:
    return DecisionTable(
        "t", (Rule("yes", {"x": test}, "yes"), Rule("no", {}, "no")), facts={"x": spec}
    )


def outcomes(table: DecisionTable, series: Any) -> list[Any]:
    decided = table.decide_frame(pd.DataFrame({"x": series}), on_missing="undecided")
    return [None if pd.isna(o) else o for o in decided["outcome"]]


YES, NO = "yes", "no"
DAY = dt.date(2026, 1, 31)


@pytest.mark.parametrize(
    ("kind", "test", "value", "outcome"),
    [
        ("number", ">= 1.5", Decimal("1.5"), YES),
        ("number", ">= 1", np.float32(1), YES),
        ("number", ">= 1", np.int8(0), NO),
        ("number", ">= 1", float("inf"), YES),
        ("number", "= 9007199254740993", 2**53 + 1, YES),
        ("number", "= 9007199254740993", 2**53, NO),
        ("integer", "= 2", 2.0, YES),
        ("integer", "= 2", np.uint64(2), YES),
        ("boolean", "= true", np.bool_(True), YES),
        ("text", "= gold", np.str_("gold"), YES),
        ("text", "= gold", Plain.GOLD, YES),
        ("text", "= lost", Stage.LOST, YES),
        ("date", ">= 2026-01-31", DAY, YES),
        ("date", ">= 2026-01-31", dt.datetime(2026, 1, 31, 23, 59), YES),
        ("date", ">= 2026-01-31", pd.Timestamp("2026-01-30 23:59"), NO),
        ("date", "= 1969-12-31", np.datetime64("1969-12-31T23:00"), YES),
        ("date", "= 1969-12-31", dt.datetime(1969, 12, 31, 23), YES),
    ],
)
def test_values_of_every_make_are_read(kind: Any, test: str, value: object, outcome: str) -> None:
    """Scalars of numpy, pandas, Decimal and enums mean what the plain value means."""
    table = asking(kind, test)
    assert table.decide({"x": value}).outcome == outcome
    assert outcomes(table, pd.Series([value], dtype=object)) == [outcome]
    assert outcomes(table, pd.Series([value, None], dtype=object)) == [outcome, None]
    assert outcomes(table, pd.Series(pd.Categorical([value, None]))) == [outcome, None]


NULLS = [
    None,
    float("nan"),
    np.float32("nan"),
    np.float16("nan"),
    np.datetime64("NaT"),
    pd.NaT,
    pd.NA,
    Decimal("NaN"),
    Decimal("sNaN"),
]


@pytest.mark.parametrize("null", NULLS, ids=lambda n: f"{type(n).__name__}-{n}")
@pytest.mark.parametrize("kind", ["number", "integer", "boolean", "text", "date", "any"])
def test_nulls_of_every_kind_are_missing(kind: Any, null: object) -> None:
    """A null never drifts through a comparison into the otherwise-row."""
    test = {"boolean": "= true", "text": "= a", "date": "= 2026-01-31", "any": "present"}
    table = asking(kind, test.get(kind, "= 1"))
    expected = None if kind != "any" else NO
    assert table.decide({"x": null}, on_missing="undecided").outcome == expected
    if not (kind in ("any", "text") and isinstance(null, Decimal)):  # unknown to pandas itself
        assert outcomes(table, pd.Series([null], dtype=object)) == [expected]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("number", "12", "a number"),
        ("number", True, "a number"),
        ("number", np.timedelta64(5, "D"), "a number"),
        ("number", [1, 2], "a number"),
        ("number", np.array([1, 2]), "a number"),
        ("integer", 1.5, "a whole number"),
        ("integer", float("inf"), "a whole number"),
        ("integer", True, "a whole number"),
        ("boolean", 1, "true or false"),
        ("boolean", "true", "true or false"),
        ("text", 3, "a text"),
        ("text", b"gold", "a text"),
        ("text", ["gold"], "a text"),
        ("date", "2026-01-31", "a date without time zone"),
        ("date", 20260131, "a date without time zone"),
        ("date", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "a date without time zone"),
        ("date", pd.Timestamp("2026-01-01", tz="Asia/Shanghai"), "a date without time zone"),
    ],
)
def test_values_of_another_type_are_refused_never_coerced(
    kind: Any, value: object, expected: str
) -> None:
    test = {"boolean": "= true", "text": "= a", "date": "= 2026-01-31"}.get(kind, "= 1")
    table = asking(kind, test)
    with pytest.raises(DataError, match=f"fact 'x': expected {expected}"):
        table.decide({"x": value})
    with pytest.raises(DataError, match="fact 'x'"):
        outcomes(table, pd.Series([value, None], dtype=object))


COLUMNS: list[tuple[Any, Any]] = [
    ("number", pd.Series(["12"])),
    ("number", pd.Series([True])),
    ("number", pd.Series(pd.to_timedelta([1]))),
    ("number", pd.Series([1 + 2j])),
    ("integer", pd.Series([1.5, np.nan])),
    ("boolean", pd.Series([1, 0])),
    ("boolean", pd.Series([1.0, np.nan])),
    ("text", pd.Series([1, 2])),
    ("text", pd.Series([True])),
    ("date", pd.Series([1, 2])),
    ("date", pd.Series(["2026-01-31"])),
    ("date", pd.Series(pd.to_datetime(["2026-01-31"]).tz_localize("UTC"))),
    (
        "date",
        pd.Series(pd.to_datetime(["2026-01-31"]), dtype=pd.ArrowDtype(pa.timestamp("us", "UTC"))),
    ),
    ("text", pd.Series(pd.Categorical([1, 2]))),
    ("number", pd.Series(pd.Categorical(["a"]))),
]


@pytest.mark.parametrize(("kind", "series"), COLUMNS)
def test_columns_of_another_dtype_are_refused(kind: Any, series: pd.Series) -> None:
    test = {"boolean": "= true", "text": "= a", "date": "= 2026-01-31"}.get(kind, "= 1")
    with pytest.raises(DataError, match="fact 'x'"):
        outcomes(asking(kind, test), series)


@pytest.mark.parametrize("kind", ["number", "integer", "boolean", "text", "date"])
@pytest.mark.parametrize(
    "series",
    [
        pd.Series([np.nan, np.nan]),
        pd.Series([pd.NaT, pd.NaT]),
        pd.Series([None, None], dtype=object),
        pd.Series([None, None], dtype="boolean"),
        pd.Series([None, None], dtype=pd.ArrowDtype(pa.null())),
        pd.Series(pd.Categorical([None, None])),
    ],
)
def test_a_column_that_holds_nothing_is_missing_whatever_its_dtype(kind: Any, series: Any) -> None:
    """As pandas makes them of facts that no row has."""
    test = {"boolean": "= true", "text": "= a", "date": "= 2026-01-31"}.get(kind, "= 1")
    assert outcomes(asking(kind, test), series) == [None, None]


DATES = pd.Series(pd.to_datetime(["2026-01-31", "2026-02-01", None]))
TEXTS = pd.Series(["a", "b", None], dtype=object)
NUMBERS = pd.Series([1, 2, None], dtype="Int64")
ARROW = {
    "dictionary": pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string())),
    "large": pd.ArrowDtype(pa.large_string()),
    "decimal": pd.ArrowDtype(pa.decimal128(30, 2)),
    "instant": pd.ArrowDtype(pa.timestamp("ms")),
    "day": pd.ArrowDtype(pa.date32()),
}


@pytest.mark.parametrize(
    ("kind", "test", "series"),
    [
        ("text", "= a", TEXTS.astype(ARROW["dictionary"])),
        ("text", "= a", TEXTS.astype("string")),
        ("text", "= a", TEXTS.astype(ARROW["large"])),
        ("number", "= 1", NUMBERS.astype(ARROW["decimal"])),
        ("number", "= 1", NUMBERS.astype("UInt8")),
        ("integer", "= 1", NUMBERS.astype("float64")),
        ("integer", "= 1", NUMBERS.astype("category")),
        ("date", "= 2026-01-31", DATES.astype("category")),
        ("date", "= 2026-01-31", DATES.astype("datetime64[ns]")),
        ("date", "= 2026-01-31", DATES.astype(ARROW["instant"])),
        ("date", "= 2026-01-31", DATES.astype(ARROW["instant"]).astype(ARROW["day"])),
        ("boolean", "= true", pd.Series([True, False, None], dtype="category")),
        ("boolean", "= true", pd.Series([True, False, None], dtype="boolean")),
        ("boolean", "= true", pd.Series([True, False, None], dtype=pd.ArrowDtype(pa.bool_()))),
    ],
)
def test_columns_of_every_make_are_read(kind: Any, test: str, series: pd.Series) -> None:
    assert outcomes(asking(kind, test), series) == [YES, NO, None]


@given(st.data())
def test_a_column_holds_what_was_put_in(data: st.DataObject) -> None:
    """The kit's columns keep values through every dtype, so that laws over them mean something."""
    found = data.draw(facts())
    cells = data.draw(st.lists(values(found) | st.none(), max_size=4))
    dtype: Dtype = data.draw(st.sampled_from(DTYPES))
    made = column(cells, found, dtype)
    assert [pd.isna(v) for v in made] == [c is None for c in cells]
    known = [c for c in cells if c is not None]
    if found.type == "date":
        assert list(pd.to_datetime(made.dropna().astype(object))) == [
            pd.Timestamp(c) for c in known
        ]
    else:
        assert list(made.dropna()) == known


def test_what_is_outside_the_bounds_is_counted() -> None:
    share = asking({"type": "number", "minimum": 0, "maximum": 1}, ">= 0.5")
    with pytest.raises(DataError, match=r"at least 0, at most 1"):
        share.decide({"x": 1.5})
    frame = pd.DataFrame({"x": [0.5, -1, 2, np.nan]})
    with pytest.raises(DataError, match=r"2 row\(s\) \(1, 2\) outside .*: -1.0, 2.0; correct"):
        share.decide_frame(frame)
    low = asking({"type": "number", "minimum": 0}, "= 1")
    with pytest.raises(DataError, match=r"1 row\(s\)"):
        low.decide_frame(pd.DataFrame({"x": [-0.5, 7]}))
    high = asking({"type": "integer", "maximum": 3}, "= 1")
    with pytest.raises(DataError, match=r"1 row\(s\)"):
        high.decide_frame(pd.DataFrame({"x": [4, 3, 1]}))
    with pytest.raises(DataError, match="at most 3"):
        high.decide({"x": 4})


def test_texts_outside_the_list_are_counted_by_row() -> None:
    tier = asking({"type": "text", "values": ["gold", "silver"]}, "= gold")
    series = pd.Series(["gold", "bronze", "tin", "bronze"])
    for made in (series, series.astype("category"), series.astype("string[pyarrow]")):
        with pytest.raises(DataError, match=r"3 row\(s\) \(1, 2, 3\) outside .*gold, silver"):
            outcomes(tier, made)
    with pytest.raises(DataError, match="'bronze'"):
        tier.decide({"x": "bronze"})
    unused = pd.Series(pd.Categorical(["gold"], categories=["gold", "bronze"]))
    assert outcomes(tier, unused) == [YES]  # a category that no row has does no harm


def test_an_empty_frame_is_decided() -> None:
    for series in (
        pd.Series([], dtype=object),
        pd.Series([], dtype="float64"),
        pd.Series([], dtype="Int64"),
    ):
        assert outcomes(asking("integer", "= 1"), series) == []


def test_frames_of_other_makers_are_taken() -> None:
    table = asking("number", ">= 2")
    for data in (pl.DataFrame({"x": [1, 3]}), pa.table({"x": [1, 3]})):
        assert list(table.decide_frame(data)["outcome"]) == [NO, YES]
        assert table.compare(table, data).rows == 2
    with pytest.raises(DataError, match="expected a pandas DataFrame"):
        table.decide_frame([1, 2])


def test_missing_and_repeated_columns_are_reported() -> None:
    table = asking("number", ">= 2")
    with pytest.raises(DataError, match=r"missing column x; present: a, b"):
        table.decide_frame(pd.DataFrame({"a": [1], "b": [1]}))
    with pytest.raises(DataError, match="present: none"):
        table.decide_frame(pd.DataFrame())
    with pytest.raises(DataError, match="columns: x more than once"):
        table.decide_frame(pd.DataFrame([[1, 2]], columns=["x", "x"]))


def test_the_callers_frame_is_not_changed() -> None:
    frame = pd.DataFrame({"x": pd.Series([1, None], dtype="Int64")})
    before = frame.copy(deep=True)
    asking("number", ">= 2").decide_frame(frame, on_missing="undecided")
    pd.testing.assert_frame_equal(frame, before)


def test_facts_are_made_from_short_forms() -> None:
    made = Fact("integer", minimum=0)
    assert fact(made) is made
    assert fact("integer") == Fact("integer")
    assert fact({"type": "integer", "minimum": 0}) == made


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"type": "number", "minimum": 2, "maximum": 1}, "leave no value"),
        ({"type": "number", "minimum": float("nan")}, "leave no value"),
        ({"type": "text", "minimum": 2}, "minimum and maximum are for numbers"),
        ({"type": "boolean", "values": ["a"]}, "values are for texts"),
    ],
)
def test_invalid_facts_are_refused(spec: dict[str, Any], expected: str) -> None:
    with pytest.raises(PolicyError, match=expected):
        fact(spec)
    with pytest.raises(ValueError):
        Fact("money")


def test_frozen_mappings_refuse_every_change() -> None:
    frozen = FrozenDict({"a": 1})
    for change in (
        lambda: frozen.__setitem__("a", 2),
        lambda: frozen.__delitem__("a"),
        lambda: frozen.__ior__({"b": 1}),
        frozen.clear,
        lambda: frozen.pop("a"),
        frozen.popitem,
        lambda: frozen.setdefault("b", 1),
        lambda: frozen.update({"b": 1}),
    ):
        with pytest.raises(TypeError, match="make a new value instead"):
            change()
    assert frozen == {"a": 1}
    assert hash(frozen) == hash(FrozenDict({"a": 1}))
    assert pickle.loads(pickle.dumps(frozen)) == copy.deepcopy(frozen) == frozen
    assert type(pickle.loads(pickle.dumps(frozen))) is FrozenDict


@given(st.lists(st.floats(allow_nan=False) | st.integers(), min_size=1, max_size=5))
@example([math.inf])
@example([-math.inf, math.inf])
def test_regions_hold_a_point_on_each_side_of_every_constant(constants: list[float]) -> None:
    points = list(representatives(Fact("number"), constants))
    assert points == sorted(set(points))
    assert set(constants) <= set(points)
    if all(abs(c) < 1e300 for c in constants):
        assert points[0] < min(constants)
        assert points[-1] > max(constants)


def test_regions_of_texts_have_one_that_no_rule_names() -> None:
    points = list(representatives(Fact("text"), ["any other text", "a"]))
    assert len(points) == len(set(points)) == 3
    assert list(representatives(Fact("text", values=("x", "y")), ["x"])) == ["x", "y"]
    assert list(representatives(Fact("any"), [])) == ["any value"]
    assert list(representatives(Fact("integer"), [float("inf")])) == [-1, 0, 1]


def test_whole_numbers_beyond_float_are_kept_beside_fractions() -> None:
    """Two neighbours that a float cannot distinguish, in one column with a fraction."""
    table = asking("number", "= 9007199254740993")
    series = pd.Series([2**53 + 1, 2**53, 0.5, None], dtype=object)
    assert outcomes(table, series) == [YES, NO, NO, None]


@pytest.mark.parametrize(
    ("kind", "test", "series", "expected"),
    [
        (
            "text",
            "= a",
            pd.Series([["a"]] * 4),
            "a text, saw ['a'], ['a'], ['a'], ['a'] in 4 row(s)",
        ),
        ("text", "= a", pd.Series([1, 2, 3, 4]), "a text, saw 1, 2, 3, 4 in 4 row(s)"),
        ("text", "= a", pd.Series([1, 1, "a"]), "a text, saw 1 in 2 row(s)"),
        ("date", "= 2026-01-31", pd.Series([1.0, np.nan]), "saw 1.0 in 1 row(s)"),
        ("boolean", "= true", pd.Series([1] * 9), "saw 1, 1, 1, 1, 1, and 4 more in 9 row(s)"),
        ("number", "= 1", pd.Series(["a", "a"]), "a number, saw 'a', 'a' in 2 row(s)"),
    ],
)
def test_messages_of_wrong_columns(kind: Any, test: str, series: pd.Series, expected: str) -> None:
    with pytest.raises(DataError) as raised:
        outcomes(asking(kind, test), series)
    message = str(raised.value)
    assert message.startswith("fact 'x': expected ")
    assert expected in message
    assert message.endswith("; convert the values before deciding")


def test_the_message_of_a_text_outside_the_list() -> None:
    tier = asking({"type": "text", "values": ["gold", "silver"]}, "= gold")
    with pytest.raises(DataError) as raised:
        outcomes(tier, pd.Series(["bronze", "gold"]))
    assert str(raised.value) == (
        "fact 'x': 1 row(s) (0) outside what the table allows (one of gold, silver): 'bronze'; "
        "correct the data or widen the table's [facts]"
    )


def test_plain_columns_are_read() -> None:
    assert outcomes(asking("boolean", "= true"), pd.Series([True, False])) == [YES, NO]
    assert outcomes(asking("number", "= 2"), pd.Series([2, 3], dtype="uint64")) == [YES, NO]
    assert outcomes(asking("integer", "= -2"), pd.Series([-2, 3], dtype="int8")) == [YES, NO]
    early = pd.Series(pd.to_datetime(["1900-01-01", "2026-01-31", None]))
    assert outcomes(asking("date", "< 1970-01-01"), early) == [YES, NO, None]
    with pytest.raises(
        DataError,
        match=r"7 row\(s\) \(0, 1, .*2 more\) outside .*: 7, 7, 7, 7, 7, and 2 more;",
    ):
        outcomes(asking({"type": "integer", "maximum": 3}, "= 1"), pd.Series([7] * 7))


def test_errors_show_the_first_five_values_and_count_all() -> None:
    facts = {"x": Fact("number", minimum=0), "n": Fact("integer")}
    table = DecisionTable(id="t", rules=(Rule("a", {"x": "> 1", "n": "> 1"}, 1),), facts=facts)
    bad = pd.DataFrame({"x": [1.0, *range(-7, 0)], "n": 1})
    with pytest.raises(
        DataError, match=r"'x': 7 row\(s\) \(1, .*: -7\.0, -6\.0, -5\.0, -4\.0, -3\.0, and 2 more"
    ):
        table.decide_frame(bad)
    words = pd.DataFrame({"x": 1.0, "n": [f"w{i}" for i in range(7)]})
    with pytest.raises(
        DataError, match=r"saw 'w0', 'w1', 'w2', 'w3', 'w4', and 2 more in 7 row\(s\)"
    ):
        table.decide_frame(words)
    mixed = pd.DataFrame({"x": pd.Series([None, -1, 2, -3, "no"], dtype=object), "n": 1})
    with pytest.raises(DataError, match=r"'x': 2 row\(s\) \(1, 3\) outside .*: -1, -3; correct"):
        table.decide_frame(mixed)
    with pytest.raises(DataError, match=r"saw 'no' in 1 row\(s\) \(4\)"):
        table.decide_frame(mixed.iloc[::-1])
    with pytest.raises(DataError, match=r"'n': 1 row\(s\) \(0\) outside .*: 1\.5; correct"):
        table.decide_frame(pd.DataFrame({"x": 1.0, "n": [1.5, 2.0, None]}))
