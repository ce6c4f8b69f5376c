"""Screening splits a frame into valid and rejected rows, and counts every fault."""

from __future__ import annotations

import datetime as dt
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
def test_rows_in_are_valid_rows_plus_rejected_rows(rows: list[dict[str, Any]], blank: bool) -> None:
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
