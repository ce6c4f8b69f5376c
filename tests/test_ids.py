"""Ids are exact everywhere: what goes in comes out, through every function, engine and file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm import Book, read_book, review, write_book
from bankcrm.book.contract import CONTRACT, FAMILY
from bankcrm.datasets import make_book
from bankcrm.engines import DuckDBEngine
from bankcrm.frames import Column, check_frame
from bankcrm.lifecycle import stage_facts
from bankcrm.segmentation import rfm_metrics
from bankcrm.valuation import positions_of, value_measures

SMALL = make_book(25, seed=4)
DAY = SMALL.as_of
BIG = 9_007_199_254_740_993  # 2**53 + 1, which no float holds
ID_COLUMNS = {
    name: [c.name for c in columns if c.kind == "id"] for name, columns in CONTRACT.items()
}


def nineteen(ids: pd.Series) -> pd.Series:
    """Ids of 19 digits."""
    return ids + (BIG * 1000)


def odd(ids: pd.Series) -> pd.Series:
    """Ids just beyond the whole numbers of a float."""
    return ids * 2 + BIG


def zeros(ids: pd.Series) -> pd.Series:
    """Texts with leading zeros."""
    texts = ids.astype("Int64").astype("string").str.zfill(19)
    return texts.astype(object).where(ids.notna(), None)


def unsigned(ids: pd.Series) -> pd.Series:
    """Unsigned whole numbers."""
    return odd(ids).astype("UInt64" if ids.isna().any() else np.uint64)


KINDS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "19 digits": nineteen,
    "beyond floats": odd,
    "leading zeros": zeros,
    "unsigned": unsigned,
}


def with_ids(
    book: Book, change: Callable[[pd.Series], pd.Series], only: Iterable[str] = ()
) -> Book:
    """A book with other ids; in some frames only, where they are equal numbers of another type."""
    frames: dict[str, Any] = {}
    for name, frame in book.frames().items():
        call = change if not only or name in only else odd
        ids = {c: call(frame[c].astype("Int64")) for c in ID_COLUMNS[name] if c in frame}
        plain = {c: v.astype(np.int64) if v.dtype == "Int64" and not v.isna().any() else v
                 for c, v in ids.items()}  # fmt: skip
        frames[name] = frame.assign(**plain)
    return Book(**frames, as_of=book.as_of)


@pytest.fixture(params=list(KINDS), scope="module")
def book(request: pytest.FixtureRequest) -> Book:
    return with_ids(SMALL, KINDS[request.param])


def texts(ids: Iterable[object]) -> set[str]:
    """Ids as text, without the nulls."""
    return {str(v) for v in ids if not pd.isna(v)}


def ids_of(book: Book, family: str) -> set[str]:
    """All ids of a family that a book has."""
    return {
        found
        for name, frame in book.frames().items()
        for c in ID_COLUMNS[name]
        if FAMILY.get(c, c) == family and c in frame
        for found in texts(frame[c])
    }


def same(found: Iterable[object], book: Book, family: str = "customer_id") -> None:
    """Every id that comes out is one that went in, and none is a float."""
    found = [v for v in found if not pd.isna(v)]
    assert found
    assert not [v for v in found if isinstance(v, float)]
    assert texts(found) <= ids_of(book, family)


def test_functions_give_the_ids_back(book: Book) -> None:
    start = pd.Timestamp(DAY) - pd.DateOffset(years=1)
    frames = {n: book.frame(n) for n in ("accounts", "balances", "transactions", "loans",
                                         "contacts")}  # fmt: skip
    positions = positions_of(**frames, start=start, end=DAY)
    for family in ("customer_id", "account_id", "loan_id"):
        same(positions[family], book, family)
    customers = texts(book.customers["customer_id"])
    assert texts(value_measures(book, as_of=DAY).index) == customers
    facts = stage_facts(customers=book.customers, transactions=book.transactions, as_of=DAY)
    assert texts(facts.index) == customers
    same(rfm_metrics(book.transactions, as_of=DAY).index, book)


def test_a_review_gives_the_ids_back(book: Book, tmp_path: Path) -> None:
    found = review(book, as_of=DAY)
    customers = texts(book.customers["customer_id"])
    assert texts(found.customers.index) == customers
    same(found.complaints["customer_id"], book)
    same(found.complaints.index, book, "complaint_id")
    same(found.actions["customer_id"], book)
    found.write(tmp_path / "out")
    assert texts(pd.read_parquet(tmp_path / "out" / "customers.parquet").index) == customers
    written = pd.read_csv(tmp_path / "out" / "customers.csv", dtype="string")
    assert texts(written["customer_id"].str.lstrip("'")) == customers
    found.to_excel(tmp_path / "review.xlsx")
    sheet = pd.read_excel(tmp_path / "review.xlsx", sheet_name="customers", dtype=object)
    assert texts(sheet["customer_id"]) == customers


def test_an_engine_gives_the_ids_back(book: Book) -> None:
    found = review(DuckDBEngine(book), as_of=DAY)
    assert texts(found.all_customers().index) == texts(book.customers["customer_id"])
    same(found.complaints["customer_id"], book)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_files_give_the_ids_back(book: Book, form: Any, tmp_path: Path) -> None:
    folder = write_book(book, tmp_path / "bank", form)
    again = read_book(folder)
    for name, columns in ID_COLUMNS.items():
        for column in (c for c in columns if c in book.frame(name)):
            old, new = book.frame(name)[column], again.frame(name)[column]
            assert [str(v) for v in new if not pd.isna(v)] == [
                str(v) for v in old if not pd.isna(v)
            ], (name, column)
    engine = DuckDBEngine(folder)
    ids = engine.fetch(f"SELECT customer_id FROM {engine.place('customers')}")["customer_id"]
    assert texts(ids) == texts(book.customers["customer_id"])


def test_signed_and_unsigned_ids_of_two_frames_are_the_same_customers() -> None:
    plain, mixed = with_ids(SMALL, odd), with_ids(SMALL, unsigned, only=("contacts", "customers"))
    pd.testing.assert_frame_equal(
        value_measures(plain, as_of=DAY), value_measures(mixed, as_of=DAY)
    )


@given(
    st.lists(st.integers(-(2**63), 2**64 - 1), min_size=1, unique=True)
    | st.lists(st.from_regex(r"0{1,4}[0-9]{1,19}", fullmatch=True), min_size=1, unique=True),
    st.booleans(),
)
def test_a_checked_frame_has_the_ids_that_it_was_given(ids: list[Any], null: bool) -> None:
    """A law: equal, or refused by name."""
    contract = (Column("customer_id", "id", nullable=True),)
    frame = pd.DataFrame({"customer_id": pd.Series([*ids, None] if null else ids, dtype=object)})
    wide = isinstance(ids[0], int) and max(ids) >= 2**63
    if wide:
        with pytest.raises(ValueError, match="customer_id"):
            check_frame(frame, contract)
        return
    found = check_frame(frame, contract)["customer_id"]
    assert [v for v in found.tolist() if not pd.isna(v)] == ids


@pytest.mark.parametrize("name", ["customers", "transactions", "accounts", "balances", "loans",
                                  "complaints"])  # fmt: skip
def test_ids_in_the_index_are_read_as_columns(name: str) -> None:
    frames: dict[str, Any] = SMALL.frames()
    indexed = Book(**{**frames, name: frames[name].set_index("customer_id")}, as_of=DAY)
    pd.testing.assert_frame_equal(
        value_measures(indexed, as_of=DAY), value_measures(SMALL, as_of=DAY), check_index_type=False
    )
    assert "customer_id" not in frames[name].index.names
