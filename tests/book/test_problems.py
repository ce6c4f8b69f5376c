"""What a book lacks, and what does not fit in it, told by counts and first examples."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.book import CONTRACT, Book
from bankcrm.book.holdings import open_on
from bankcrm.book.reading.problems import Problems, RowPlace
from bankcrm.book.recorded import absences, recorded_in
from bankcrm.book.view import book_view
from bankcrm.frames import DataFault

COLUMNS = {c.name: c for c in CONTRACT["customers"]}
BATCHES = st.lists(st.lists(st.booleans(), max_size=6), max_size=4)


@given(BATCHES, st.sampled_from(["income", "kind", "birth_date"]), st.booleans())
def test_all_wrong_cells_are_counted_and_the_first_five_shown(
    batches: list[list[bool]], name: str, given: bool
) -> None:
    """Over all files of the frame; a personal value is not shown, and none that is not given."""
    problems, expected = Problems("customers"), []
    for number, wrong in enumerate(batches):
        place = RowPlace(pd.Index([f"r{row}" for row in range(len(wrong))]), Path(f"{number}.csv"))
        values = pa.array([f"v{row}" for row in range(len(wrong))]) if given else None
        problems.cells(COLUMNS[name], "odd", np.array(wrong, dtype=bool), values=values,
                       place=place, expected="even")  # fmt: skip
        shown = given and not COLUMNS[name].personal
        expected += [f"{number}.csv row r{row}" + (f": 'v{row}'" if shown else "")
                     for row, one in enumerate(wrong) if one]  # fmt: skip
    found = [(f.column, f.problem, f.count, f.examples) for f in problems.reported()]
    assert found == ([(name, "odd", len(expected), tuple(expected[:5]))] if expected else [])


def test_a_fault_of_a_column_is_told_once_and_one_of_a_frame_each_time() -> None:
    problems = Problems("customers")
    for column, problem in [("kind", "a"), ("kind", "a"), ("kind", "b"), ("income", "a"),
                            ("", "a"), ("", "a")]:  # fmt: skip
        problems.whole(column, problem)
    told = [(f.column, f.problem) for f in problems.reported()]
    assert told == [("kind", "a"), ("kind", "b"), ("income", "a"), ("", "a"), ("", "a")]


def test_words_of_all_batches_are_counted_together() -> None:
    problems = Problems("customers")
    for words in ({"X": 1, "Y": 3}, {}, {"X": 4}):
        problems.unmapped(COLUMNS["kind"], Counter(words))
    (fault,) = problems.reported()
    assert (fault.problem, fault.count) == ("unmapped_value", 8)
    assert "seen: 'X' (5), 'Y' (3)" in fault.advice
    assert '"X" = ' in fault.advice


@pytest.mark.parametrize("size", [None, 0, 1, 2, 1200])
@pytest.mark.parametrize("faulty", [False, True])
def test_the_reason_why_a_frame_is_not_recorded(size: int | None, faulty: bool) -> None:
    faults = [
        DataFault("loans", "amount", "null", 3, ("row 0",), advice="do this"),
        DataFault("accounts", "product", "null", 1, ("row 5",)),
    ]
    sizes = {} if size is None else {"loans": size}
    why = absences(sizes, ["customers", "transactions"], faults if faulty else faults[1:])
    assert set(why) == CONTRACT.keys() - {"customers", "transactions"}
    reason = why["loans"]
    if size is None:
        assert reason == "the book has no loans"
    elif size == 0:
        assert reason == "loans has no row"
    elif not faulty:
        assert reason == f"no row of loans is known on the day ({size:,} in all)"
    else:
        rows = {1: "the only row of loans is", 2: "all 2 rows of loans are"}
        assert reason.startswith(rows.get(size, "all 1,200 rows of loans are") + " rejected (")
        assert "amount" in reason
        assert "product" not in reason
        assert "do this" not in reason


@given(st.lists(st.tuples(st.none() | st.integers(0, 9), st.none() | st.text(max_size=2))))
def test_a_column_is_recorded_where_a_row_has_it(rows: list[tuple[int | None, str | None]]) -> None:
    frame = pd.DataFrame({"customer_id": range(len(rows)), "income": [r[0] for r in rows],
                          "manager": [r[1] for r in rows], "other": 1})  # fmt: skip
    expected = {"customers", "customers.customer_id"} if rows else set()
    for place, name in enumerate(("income", "manager")):
        if any(row[place] is not None for row in rows):
            expected.add(f"customers.{name}")
    assert set(recorded_in({"customers": frame})) == expected


DAYS = st.none() | st.integers(-2, 2)


@given(st.lists(st.tuples(DAYS, DAYS), min_size=1, max_size=6), st.booleans())
def test_an_account_is_open_from_its_opening_to_the_day_before_its_closing(
    spans: list[tuple[int | None, int | None]], dated: bool
) -> None:
    columns = dict(zip(("opened_date", "closed_date"), zip(*spans, strict=True), strict=True))
    frame = pd.DataFrame({"customer_id": 1, "product": "demand_deposit"}, index=range(len(spans)))
    for name, days in columns.items():
        if dated or name == "closed_date":
            whole = [np.datetime64("NaT", "D") if d is None else np.datetime64(d, "D")
                     for d in days]  # fmt: skip
            frame[name] = np.array(whole, "datetime64[D]").astype("datetime64[s]")
    people, none = pd.DataFrame({"customer_id": [1]}), pd.DataFrame({"customer_id": [], "date": []})
    view = book_view(Book(people, none, accounts=frame))["accounts"]
    for day in range(-3, 4):
        expected = [
            (not dated or opened is None or day >= opened) and (closed is None or day < closed)
            for opened, closed in spans
        ]
        assert open_on(view, day).tolist() == expected
