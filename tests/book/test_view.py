"""Frames as arrays: each array is what a slow loop over the rows gives."""

from __future__ import annotations

import datetime as dt
import inspect
import itertools
from zoneinfo import ZoneInfo

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.book import Book
from bankcrm.book.checks import _same_type
from bankcrm.book.view import (
    NEVER,
    BookView,
    FrameView,
    Needs,
    book_view,
    day_number,
    known_positions,
    view_of,
)
from bankcrm.errors import DataError
from bankcrm.testing.books import books

TEXT_IDS = ("customer_id", "parent_id", "child_id", "account_id")
SHANGHAI = ZoneInfo("Asia/Shanghai")


def day_of(value: object) -> int:
    """Days since 1970-01-01 by the standard library."""
    if value is None or pd.isna(value):
        return int(NEVER)
    assert isinstance(value, dt.datetime)
    local = value if value.tzinfo is None else value.astimezone(SHANGHAI)
    return (local.date() - dt.date(1970, 1, 1)).days


@given(books())
def test_a_view_holds_what_the_rows_hold(book: Book) -> None:
    checked, _ = book.check(book.as_of or "2026-06-30")
    view = book_view(checked)
    place = {c: i for i, c in enumerate(view.customers.tolist())}
    account = {a: i for i, a in enumerate(view.accounts().tolist())}
    assert len(account) == len(view.accounts())
    for name, frame in view.frames.items():
        rows = checked.frame(name)
        assert len(frame) == len(rows)
        for column in rows.columns.intersection(["customer_id", "parent_id", "child_id"]):
            expected = [place.get(i, -1) for i in rows[column].tolist()]
            assert frame.customer(str(column)).tolist() == expected
        if "account_id" in rows:
            known = rows["account_id"].astype(object).where(rows["account_id"].notna(), None)
            assert frame.account().tolist() == [account.get(i, -1) for i in known.tolist()]
        for column, values in rows.items():
            if pd.api.types.is_datetime64_any_dtype(values.dtype):
                expected = [day_of(None if pd.isna(v) else v.to_pydatetime()) for v in values]
                assert frame.day(str(column)).tolist() == expected


@given(books(max_customers=3), st.sampled_from(["C{:04d}", "{}-x", "{}"]), st.booleans())
def test_a_view_of_text_ids_holds_what_one_of_numbers_holds(
    book: Book, form: str, unknown: bool
) -> None:
    """Also where the check rejects rows of unknown customers."""
    if unknown and len(book.customers) > 1:
        book = attrs.evolve(book, customers=book.customers.iloc[1:])
    frames = {}
    for name, frame in book.frames().items():
        ids = {str(c): frame[c] for c in frame if str(c) in TEXT_IDS}
        texts = {c: v.map(form.format, na_action="ignore").astype("str") for c, v in ids.items()}
        frames[name] = frame.assign(**texts)
    day = book.as_of or "2026-06-30"
    (numbers, gone), (texts_, away) = (b.check(day) for b in (book, attrs.evolve(book, **frames)))
    assert [(f.frame, f.column, f.count) for f in away] == [
        (f.frame, f.column, f.count) for f in gone
    ]
    one, other = book_view(numbers), book_view(texts_)
    assert other.accounts().tolist() == [form.format(a) for a in one.accounts().tolist()]
    for name, frame in one.frames.items():
        for column in frame.frame.columns.intersection(["customer_id", "parent_id", "child_id"]):
            assert other[name].customer(column).tolist() == frame.customer(column).tolist()
        if frame.has("account_id"):
            assert other[name].account().tolist() == frame.account().tolist()


def test_the_local_day_goes_by_the_zone() -> None:
    late = pd.DataFrame(
        {"customer_id": [1, 2], "received_at": pd.to_datetime(["2026-03-01T17:00:00Z", None])}
    )
    needs = {"complaints": Needs(("customer_id", "received_at"))}
    with pytest.raises(DataError, match=r"complaints\.received_at: null in 1 row"):
        view_of({"complaints": late}, needs)
    for zone, day in (("Asia/Shanghai", "2026-03-02"), ("UTC", "2026-03-01")):
        view = view_of({"complaints": late.iloc[:1]}, needs, zone=zone)
        assert view["complaints"].day("received_at").tolist() == [day_number(np.datetime64(day))]


@given(st.lists(st.sampled_from(["fee", "card", None])), st.sets(st.sampled_from(["fee", "tax"])))
def test_rows_that_hold_a_word(kinds: list[str | None], words: set[str]) -> None:
    moves = pd.DataFrame(
        {
            "customer_id": np.arange(len(kinds)),
            "date": pd.Timestamp("2026-01-01"),
            "kind": pd.Series(kinds, dtype=object),
        }
    )
    needs = Needs(("customer_id", "date"))
    view = view_of({"transactions": moves}, {"transactions": needs})["transactions"]
    assert view.is_any("kind", words).tolist() == [k in words for k in kinds]
    assert not view.is_any("channel", words).any()
    assert np.isnan(view.numbers("amount")).all()
    assert (view.day("closed_date") == NEVER).all()


def test_a_bank_has_kinds_of_its_own_but_no_kind_of_customer() -> None:
    moves = pd.DataFrame(
        {"customer_id": [1], "date": pd.to_datetime(["2026-01-01"]), "kind": ["raffle"]}
    )
    customers = pd.DataFrame({"customer_id": [1], "kind": ["ghost"]})
    needs = {
        "customers": Needs(("customer_id",), ("kind",)),
        "transactions": Needs(("customer_id", "date"), ("kind",)),
    }
    view = view_of({"transactions": moves}, needs)
    assert view["transactions"].is_any("kind", ["raffle"]).tolist() == [True]
    with pytest.raises(DataError, match=r"customers\.kind: outside choices"):
        view_of({"customers": customers, "transactions": moves}, needs)


IDS = st.lists(st.integers(0, 6), max_size=6)


@given(IDS, IDS, IDS)
def test_without_their_frame_the_customers_are_those_of_the_others(
    one: list[int], two: list[int], three: list[int]
) -> None:
    asked = {"transactions": one, "complaints": two, "loans": three}
    frames = {
        name: pd.DataFrame({"customer_id": np.array(ids, np.int64)}) for name, ids in asked.items()
    }
    view = view_of(frames, {name: Needs(("customer_id",)) for name in frames})
    assert sorted(view.customers) == sorted({*one, *two, *three})


def test_an_unknown_customer_is_refused_and_named() -> None:
    moves = pd.DataFrame({"customer_id": [7, 7, 1], "date": pd.to_datetime(["2026-01-01"] * 3)})
    needs = {"customers": Needs(("customer_id",)), "transactions": Needs(("customer_id", "date"))}
    customers = pd.DataFrame({"customer_id": [1]})
    with pytest.raises(DataError, match=r"transactions\.customer_id: 2 rows name 1 customers .*7"):
        view_of({"customers": customers, "transactions": moves}, needs)


def test_a_frame_without_a_row_is_recorded_only_if_the_whole_book_has_one() -> None:
    customers = pd.DataFrame({"customer_id": [1], "kind": ["person"]})
    empty = Book(customers, pd.DataFrame({"customer_id": [1]}).iloc[:0])
    assert set(book_view(empty).frames) == {"customers"}
    view = book_view(empty, recorded=["transactions"])
    assert set(view.frames) == {"customers", "transactions"}
    assert len(view["transactions"]) == 0
    with pytest.raises(DataError, match="loans: the book has no such frame"):
        view["loans"]
    assert view.get("transactions", "amount") is None


def test_released_arrays_are_made_again() -> None:
    customers = pd.DataFrame({"customer_id": [3, 1], "kind": "person"})
    view = book_view(Book(customers, customers[["customer_id"]].iloc[:0]))
    before = view["customers"].customer()
    assert view["customers"].customer() is before
    view.release(["customers", "loans"])
    assert view["customers"].customer() is not before
    assert view["customers"].customer().tolist() == before.tolist()


@pytest.mark.parametrize("more", [2**63 + 1, "C7"])
def test_accounts_of_other_types_are_numbered_together(more: object) -> None:
    """Whole numbers beside unsigned ones or texts: none becomes a float."""
    one = pd.DataFrame({"customer_id": [5], "account_id": [2**53 + 1]})
    other = pd.DataFrame({"customer_id": [5, 5], "account_id": [more, more]})
    needs = Needs(("customer_id", "account_id"))
    frames = {"accounts": one, "transactions": other}
    view = view_of(frames, dict.fromkeys(frames, needs))
    assert view.accounts().tolist() == [2**53 + 1, more]
    assert view["accounts"].account().tolist() == [0]
    assert view["transactions"].account().tolist() == [1, 1]


def test_a_view_is_equal_to_itself_alone_and_is_given_no_arrays() -> None:
    customers = pd.DataFrame({"customer_id": [3, 1], "kind": "person"})
    one, other = (book_view(Book(customers, customers[["customer_id"]])) for _ in range(2))
    views: set[object] = {one, other}
    for view in (one, other):
        views |= set(view.frames.values())
    assert len(views) == 2 + 2 * 2
    for kind in (FrameView, BookView):
        given = inspect.signature(kind).parameters
        assert set(given) == {f.name for f in attrs.fields(kind) if not f.name.startswith("_")}
    assert one["transactions"].where(np.array([True, False])).customer().tolist() == [0]


def test_a_customer_has_one_row_of_customers_and_any_of_others() -> None:
    one, two = pd.DataFrame({"customer_id": [1, 2]}), pd.DataFrame({"customer_id": [1, 1]})
    needs = {name: Needs(("customer_id",)) for name in ("customers", "contacts")}
    assert view_of({"customers": one, "contacts": two}, needs)["contacts"].customer().tolist() == [
        0,
        0,
    ]
    with pytest.raises(DataError, match="customers"):
        view_of({"customers": two, "contacts": one}, needs)
    assert view_of({"customers": None, "contacts": two}, needs).size == 1


@pytest.mark.parametrize("ids", [[5, 7, 7], ["a", "b", "b"]])
def test_positions_of_known_customers(ids: list[object]) -> None:
    """The first customer is known as well; a missing id is none, and no unknown one."""
    known = pd.Index(ids[:2])
    found = known_positions(pd.Series([*ids, None], dtype=object), known, "loans")
    assert found.tolist() == [0, 1, 1, -1]
    with pytest.raises(DataError, match=r"loans\.customer_id: 1 rows name 1 customers"):
        known_positions(pd.Series(ids[:2]), known[:1], "loans")


NUMBERS, TEXTS = pd.Series([1, 2]), pd.Series(["1", "x"])


def test_ids_of_two_frames_are_of_one_type() -> None:
    series = {
        "integers": [NUMBERS, NUMBERS.astype("float64"), NUMBERS.astype("category")],
        "text": [TEXTS, TEXTS.astype("category"), TEXTS.astype(object)],
        "": [NUMBERS[:0], TEXTS[:0], pd.Series([None, None], dtype=object)],
    }
    for (one, left), (two, right) in itertools.product(series.items(), repeat=2):
        for ids, known in itertools.product(left, right):
            if one and two and one != two:
                with pytest.raises(DataError, match=f"loans.x: {one}, but .* holds {two}"):
                    _same_type("loans", "x", ids, known)
            elif two or not len(known):  # missing ids alone are no customers
                _same_type("loans", "x", ids, known)
