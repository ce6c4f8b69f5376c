"""What stands where other values are expected: the kinds, the number and the rows, by a table."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.arguments import as_numbers
from bankcrm.errors import DataError
from bankcrm.frames.arrays import codes, days, flags, found_in, numbers

NOON = dt.datetime(2026, 1, 31, 12)
CELLS: list[tuple[object, set[str]]] = [
    (7, {"number", "id", "value"}),
    (np.int64(7), {"number", "id", "value"}),
    (2**63, {"number", "value"}),
    (10**400, {"value"}),
    (1.5, {"number", "value"}),
    (Decimal("1.5"), {"number", "value"}),
    (True, {"boolean", "value"}),
    ("a", {"text", "value"}),
    ("a\ud800", set()),
    (b"a", set()),
    (["a"], set()),
    ({"a": 1}, set()),
    (dt.date(2026, 1, 31), {"date", "value"}),
    (NOON, {"date", "value"}),
    (NOON.replace(tzinfo=dt.UTC), {"instant", "value"}),
]
"""A cell, and what it fits; most ids of the columns below are whole numbers."""
KINDS = ("number", "date", "instant", "text", "boolean", "value")


@pytest.mark.parametrize("expected", KINDS)
@given(places=st.lists(st.integers(-1, len(CELLS) - 1), min_size=1, max_size=12))
def test_the_rows_that_do_not_fit_are_counted_and_named(expected: Any, places: list[int]) -> None:
    cells = [None if p < 0 else CELLS[p][0] for p in places]
    labels = [f"c{n}" for n in range(len(cells))]
    found = found_in(pd.Series(cells, index=labels, dtype=object), expected)
    known = [n for n, p in enumerate(places) if p >= 0]
    odd = [n for n in known if expected not in CELLS[places[n]][1]]
    if odd and len(odd) < len(cells):
        shown = ", ".join(f"row {labels[n]}" for n in odd[:5])
        more = f", and {len(odd) - 5} more" if len(odd) > 5 else ""
        assert found.endswith(f" in {len(odd)} of {len(cells)} rows ({shown}{more})")
    else:
        assert " rows (" not in found


@pytest.mark.parametrize("cell", [c for c, fits in CELLS if "id" not in fits])
def test_an_id_that_is_not_like_the_others_is_named(cell: object) -> None:
    found = found_in(pd.Series([7, 8, cell, 9], dtype=object), "id")
    assert found.endswith(" in 1 of 4 rows (row 2)")


def test_a_whole_number_among_ids_of_text_is_the_odd_one() -> None:
    found = found_in(pd.Series(["a", "b", 7], dtype=object), "id")
    assert found == "int in 1 of 3 rows (row 2)"


def test_columns_of_one_kind_are_named_by_it() -> None:
    assert found_in(pd.Series([1.5, 2.5]), "date") == "float64"
    assert found_in(pd.Series(["a", "b"], dtype="string"), "number") == "text"
    assert found_in(pd.Series(["a", "b", "a"], dtype="category"), "number") == "text"
    assert found_in(pd.Series(pd.Categorical([1, "b", 1])), "number") == (
        "text in 1 of 3 rows (row 1)"
    )


def test_no_value_of_the_column_is_shown() -> None:
    secret = pd.Series([1, "Zhang San", 2], dtype=object)
    for read in (numbers, days):
        with pytest.raises(DataError) as raised:
            read(secret, "name")
        assert "Zhang" not in str(raised.value)
    with pytest.raises(DataError) as listed:
        codes(pd.Series([1, ["Zhang San"], 2], dtype=object))
    assert "Zhang" not in str(listed.value)
    assert "row 1" in str(listed.value)


def test_an_argument_of_numbers_names_the_place_of_another_value() -> None:
    with pytest.raises(
        DataError, match=r"P: expected numbers, got text at position 1, 0, counted from 0$"
    ):
        as_numbers(pd.DataFrame({"a": [1, "Zhang San"]}), "P")
    with pytest.raises(
        DataError, match=r"^P: expected numbers, got dict at position 2, counted from 0$"
    ):
        as_numbers([1, None, {}], "P")


@pytest.mark.parametrize("dtype", ["bool", "boolean", "int8", "Float64", "object", "category"])
def test_flags_are_booleans_or_zero_and_one(dtype: str) -> None:
    given = pd.Series([True, False]) if "bool" in dtype else pd.Series([1, 0])
    assert flags(given.astype(dtype), "x").tolist() == [True, False]
    for wrong, what in (([1, 0, None], "null"), ([1, 0, 2], "neither 0 nor 1")):
        with pytest.raises(DataError, match=rf"^x: {what} in 1 row \(row c\)"):
            flags(pd.Series(wrong, index=["a", "b", "c"]), "x")
    assert flags([True, False], "x").tolist() == [True, False]
    with pytest.raises(DataError, match="expected numbers, found text in 1 of 2 rows"):
        flags(pd.Series([1, "yes"], dtype=object), "x")
