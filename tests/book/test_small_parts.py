"""Small parts of the book, each by itself: encodings, units, files and the days of movements."""

from __future__ import annotations

import inspect
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.book import CONTRACT, FRAMES, Book, write_book
from bankcrm.book.mapping import ColumnSource, Formats
from bankcrm.book.oddities import SIGNS, period_of
from bankcrm.book.reading.conversion import _power
from bankcrm.book.reading.text_files import _missing_bytes, _stated_encoding, _wide

LETTERS = "a\x7f\x80\u07ff\u0800\u8d26\uffff\U00010000\U0010ffff"


@given(st.text(st.sampled_from(LETTERS), max_size=4), st.sampled_from(LETTERS))
def test_a_character_that_is_cut_needs_the_rest_of_its_bytes(before: str, last: str) -> None:
    whole = last.encode()
    for size in range(1, len(whole) + 1):
        assert _missing_bytes(before.encode() + whole[:size]) == len(whole) - size
    assert _missing_bytes(before.encode()) == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_an_encoding_is_that_of_its_mark_or_of_its_zeros(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    text = "客户号,amount\n1,12.50\n" * 9
    path.write_bytes(text.encode(encoding))
    found = _stated_encoding(path, None)
    assert (found is None) == (encoding == "utf-8")
    assert path.read_text(encoding=found or "utf-8") == text
    assert _stated_encoding(path, "gb18030" if found is None else found)


def test_zeros_in_half_of_the_bytes_are_utf_16() -> None:
    for text, found in (("a,b" * 20, True), ("账号a" * 20, True), ("账号" * 20, False)):
        assert _wide(text.encode("utf-16-le")) == ("utf-16-le" if found else None)
        assert _wide(text.encode("utf-16-be")) == ("utf-16-be" if found else None)
        assert _wide(text.encode()) is None
    assert _wide(b"\0\0" * 40) is None, "zeros in every byte are no text"
    assert _wide(b"") is None


def test_a_unit_of_amounts_is_not_one_of_other_numbers() -> None:
    columns = {c.name: c for c in CONTRACT["customers"]}
    cents = Formats(amounts_in="cents")
    plain, own = ColumnSource("x"), ColumnSource("x", unit="ten_thousands")
    assert _power(columns["income"], plain, cents) == -2
    assert _power(columns["income"], own, cents) == 4
    assert _power(columns["satisfaction"], plain, cents) == 0
    assert _power(columns["employees"], plain, cents) == 0
    assert _power(columns["income"], plain, Formats()) == 0


def test_frames_are_given_by_name() -> None:
    kinds = {p.name: p.kind for p in inspect.signature(Book).parameters.values()}
    plain = [n for n, kind in kinds.items() if kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    assert set(plain) == set(FRAMES)
    assert {kinds[n] for n in kinds if n not in plain} == {inspect.Parameter.KEYWORD_ONLY}


def test_a_written_file_has_days_and_the_times_of_other_columns(tmp_path: Path) -> None:
    people = pd.DataFrame(
        {
            "customer_id": [1, 2],
            "kind": pd.Categorical(["person", "company"]),
            "contract_date": pd.to_datetime(["2024-01-02", None]),
            "birth_date": [None, None],
            "changed": pd.to_datetime(["2024-01-02 10:30", "2024-01-02 11:00"]),
        }
    )
    moves = pd.DataFrame({"customer_id": [1], "date": [pd.Timestamp("2026-05-05")],
                          "amount": 1.5, "kind": "card"})  # fmt: skip
    write_book(Book(people, moves), tmp_path, "csv")
    lines = (tmp_path / "customers.csv").read_text(encoding="utf-8").replace('"', "").splitlines()
    assert lines[1].startswith("1,person,2024-01-02,,2024-01-02 10:30:00")
    assert lines[2].startswith("2,company,,,2024-01-02 11:00:00")


def test_the_period_is_that_of_the_days_of_movements() -> None:
    def sign(kind: str, frame: str, place: int) -> dict[str, object]:
        return {**dict.fromkeys(SIGNS, 0), "sign": kind, "frame": frame, "place": place}

    rows = [sign("day", "transactions", 20_000), sign("day", "transactions", 20_009),
            sign("day", "balances", 30_000), sign("value", "transactions", 5)]  # fmt: skip
    assert period_of(pd.DataFrame(rows)) == ("2024-10-04", "2024-10-13")
    assert period_of(pd.DataFrame(rows[2:])) == (None, None)
