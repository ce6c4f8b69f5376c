"""Whether a customer is in a relationship with the bank on a day."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.book import Book
from bankcrm.book.relationship import LONG_AGO, Relationship, relationship, relationship_on
from bankcrm.book.view import NEVER, Needs, book_view, day_number, view_of
from bankcrm.lifecycle import stage_facts
from bankcrm.policy import default_policy
from bankcrm.testing.books import books

POLICY = default_policy("bank")
NEEDS = {
    "customers": Needs(("customer_id",), ("contract_date", "closed_date")),
    "transactions": Needs(("customer_id", "date"), ("kind",)),
}


def one(
    day: str,
    contract: str | None = None,
    closed: str | None = None,
    moves: tuple[tuple[str, str], ...] = (),
) -> Relationship:
    dates = {"contract_date": contract, "closed_date": closed}
    customers = pd.DataFrame(
        {"customer_id": [1], **{k: pd.to_datetime([v]) for k, v in dates.items()}}
    )
    frame = pd.DataFrame(
        {
            "customer_id": [1] * len(moves),
            "date": pd.to_datetime([m[0] for m in moves]),
            "kind": pd.Series([m[1] for m in moves], dtype=object),
        }
    )
    view = view_of({"customers": customers, "transactions": frame}, NEEDS)
    return relationship_on(view, day_number(np.datetime64(day)), POLICY)


@pytest.mark.parametrize(
    ("day", "current"),
    [("2025-12-31", False), ("2026-01-01", True), ("2026-05-31", True), ("2026-06-01", False)],
)
def test_a_relationship_runs_from_the_contract_to_the_day_before_the_closing(
    day: str, current: bool
) -> None:
    assert one(day, "2026-01-01", "2026-06-01").current.tolist() == [current]


def test_the_first_movement_of_any_kind_stands_for_a_missing_contract() -> None:
    moves = (("2026-03-05", "interest"), ("2026-03-09", "card"))
    found = one("2026-03-05", moves=moves)
    assert found.current.tolist() == [True]
    assert found.contract.tolist() == [day_number(np.datetime64("2026-03-05"))]
    before = one("2026-03-04", moves=moves)
    assert before.contract.tolist() == [NEVER]
    assert not before.current.any()


@pytest.mark.parametrize(
    ("move", "returned"),
    [
        (("2026-06-02", "card"), True),
        (("2026-06-01", "card"), False),
        (("2026-06-02", "interest"), False),
        (("2026-06-02", "standing_order"), False),
        (("2026-06-03", "card"), False),
    ],
)
def test_only_an_own_movement_after_the_closing_day_is_a_return(
    move: tuple[str, str], returned: bool
) -> None:
    found = one("2026-06-02", "2026-01-01", "2026-06-01", (move,))
    assert found.returned.tolist() == [returned]
    assert found.closed.tolist() == [not returned]


@given(books(), st.dates(dt.date(2015, 1, 1), dt.date(2026, 6, 30)))
def test_it_is_the_relationship_that_stage_facts_report(book: Book, day: dt.date) -> None:
    found = relationship_on(book_view(book), day_number(np.datetime64(day)), POLICY)
    facts = stage_facts(book.customers, book.transactions, as_of=day)
    for name in ("has_contract", "closed", "returned"):
        assert getattr(found, name).tolist() == facts[name].tolist(), name


def test_every_order_of_the_four_days_by_a_loop() -> None:
    """Contract, closing, first and last movement before, on and after the day, or missing."""
    day, dates = 2, (1, 2, 3, NEVER)
    rows = list(itertools.product(dates, dates, dates, (LONG_AGO, 1, 2)))
    found = relationship(*(np.array(column, np.int32) for column in zip(*rows, strict=True)), day)
    for place, (contract, closing, first, last) in enumerate(rows):
        began = [d for d in (contract, first) if d <= day][:1]
        shut = closing <= day
        back = shut and (last > closing or any(d > closing for d in began))
        case = f"contract {contract}, closing {closing}, first {first}, last {last}"
        assert found.contract[place] == (began[0] if began else NEVER), case
        assert found.has_contract[place] == bool(began), case
        assert (found.closed[place], found.returned[place]) == (shut and not back, back), case
        assert found.current[place] == (bool(began) and (not shut or back)), case
