"""Screening splits a frame into valid and rejected rows, and counts every fault."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.frames import Column, DataFault, check_frame, screen_frame
from bankcrm.frames.check import findings_frame

from .samples import AS_OF, CONTRACT, good

ZONE = dt.timezone(dt.timedelta(hours=8))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "customer_id": st.none() | st.integers(1, 4),
            "date": st.none() | st.dates(dt.date(2026, 6, 28), dt.date(2026, 7, 2)),
            "amount": st.floats(width=32)
            | st.sampled_from([1e6, -1e6, np.inf, -np.inf, np.nan, 1e6 + 0.1, -1e6 - 0.1]),
            "kind": st.sampled_from(["salary", "card", "gold", None]),
            "count": st.sampled_from([None, 1.0, -7.0, 2.5, np.inf, 2.0**53, 2.0**53 + 2]),
            "own": st.sampled_from([True, False, None]),
            "at": st.none()
            | st.datetimes(dt.datetime(2026, 6, 30, 12), dt.datetime(2026, 6, 30, 20)).map(
                lambda t: t.replace(microsecond=0, tzinfo=dt.UTC)
            ),
        }
    ),
    max_size=12,
)
KEY = ["customer_id", "date"]
PROBLEMS: dict[tuple[str, str], Callable[[Any], bool]] = {
    ("customer_id", "null"): pd.isna,
    ("date", "null"): pd.isna,
    ("date", "after_as_of"): lambda v: not pd.isna(v) and v > AS_OF,
    ("amount", "null"): pd.isna,
    ("amount", "not_finite"): np.isinf,
    ("amount", "below_minimum"): lambda v: np.isfinite(v) and v < -1e6,
    ("amount", "above_maximum"): lambda v: np.isfinite(v) and v > 1e6,
    ("kind", "null"): pd.isna,
    ("kind", "outside_choices"): lambda v: v == "gold",
    ("count", "not_finite"): lambda v: v == np.inf,
    ("count", "not_whole"): lambda v: v == 2.5,
    ("count", "not_exact"): lambda v: v == 2.0**53 + 2,
    ("at", "after_as_of"): lambda v: v is not None and v.astimezone(ZONE).date() > AS_OF,
}
"""Column and problem -> whether a value has it, in the order in which faults are reported."""


def expected_faults(rows: list[dict[str, Any]]) -> dict[tuple[str, str], list[int]]:
    """The rows of each fault, one by one; of rows with one key the first is none."""
    found = {
        fault: [i for i, row in enumerate(rows) if has(row[fault[0]])]
        for fault, has in PROBLEMS.items()
    }
    seen, repeated = set(), []
    for i, row in enumerate(rows):
        key = (row["customer_id"], row["date"])
        if None in key or row["date"] > AS_OF:  # a row of a later day does not exist yet
            continue
        if key in seen:
            repeated.append(i)
        seen.add(key)
    found["customer_id", "duplicate_key"] = repeated
    return {fault: at for fault, at in found.items() if at}


@given(rows=ROWS, blank=st.booleans())
def test_a_screen_finds_the_faults_of_each_row(rows: list[dict[str, Any]], blank: bool) -> None:
    """Rows in are valid rows plus rejected rows; what is left is sound: a check finds nothing."""
    columns = [c.name for c in CONTRACT if c.name != "note"]
    labels = [f"r{i}" for i in range(len(rows))]
    frame = pd.DataFrame(rows, columns=columns, index=labels, dtype=object)
    frame["date"] = pd.to_datetime(frame["date"])
    frame["amount"] = frame["amount"].astype(float)
    frame["count"] = frame["count"].astype(float)
    screened = screen_frame(frame, CONTRACT, key=KEY, as_of=AS_OF, blank=blank)
    expected = expected_faults(rows)
    faults = {(f.column, f.problem): f for f in screened.faults}
    assert [(c, p, f.count) for (c, p), f in faults.items()] == [
        (c, p, len(at)) for (c, p), at in expected.items()
    ]
    for fault, at in expected.items():
        shown = [e.split(":")[0] for e in faults[fault].examples]
        assert shown == [f"row r{i}" for i in at[:5]]
    first: dict[int, str] = {}
    left_out = set()
    for (column, problem), at in expected.items():
        if blank and column in ("count", "at"):
            left_out |= {(i, column) for i in at}
        else:
            for i in at:
                first.setdefault(i, f"{column}: {problem}")
    assert screened.rejected["fault"].to_dict() == {labels[i]: first[i] for i in sorted(first)}
    pd.testing.assert_frame_equal(screened.rejected[columns], frame.loc[screened.rejected.index])
    kept = [i for i in range(len(rows)) if i not in first]
    assert screened.frame.index.tolist() == [labels[i] for i in kept]
    assert list(screened.frame) == columns
    for name in columns:
        values = [None if (i, name) in left_out else rows[i][name] for i in kept]
        found = [None if pd.isna(v) else v for v in screened.frame[name]]
        assert found == [pd.Timestamp(v) if v and name == "date" else v for v in values]
    check_frame(screened.frame, CONTRACT, key=KEY, as_of=AS_OF)
    if expected:
        with pytest.raises(DataError):
            check_frame(frame, CONTRACT, key=KEY, as_of=AS_OF)


def test_a_blanked_value_leaves_its_row_in() -> None:
    frame = good(count=[1.5, 2.0], at=pd.to_datetime(["2027-01-01T00:00Z", None]))
    screened = screen_frame(frame, CONTRACT, as_of=AS_OF, blank=True)
    assert len(screened.frame) == 2
    assert screened.frame["count"].isna().tolist() == [True, False]
    assert screened.frame["at"].isna().all()
    assert {f.problem for f in screened.faults} == {"not_whole", "after_as_of"}
    assert all("the row stays" in f.advice for f in screened.faults)


def test_a_row_with_two_faults_names_the_first_and_counts_for_both() -> None:
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


def test_findings_become_a_frame() -> None:
    fault = DataFault("customers", "kind", "null", 3, ("row 1", "row 2"), "text", "fill them")
    found = findings_frame([fault])
    assert found.loc[0, "examples"] == "row 1, row 2"
    assert findings_frame([]).columns.tolist() == found.columns.tolist()
    assert str(fault) == (
        "customers.kind: null in 3 rows (row 1, row 2, ...); expected text; fill them"
    )
    assert str(DataFault("customers", "", "empty", 0)) == "customers: empty"
