"""Parts of a frame from several files or tables: their types, words, signs and customers."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bankcrm.book import CONTRACT
from bankcrm.book.mapping import BookMapping, FrameMapping
from bankcrm.book.reading import sources
from bankcrm.book.reading.amounts import net, signs_of
from bankcrm.book.reading.frames import joined, of_contract, write_parts
from bankcrm.book.reading.owners import Owners
from bankcrm.book.reading.problems import Problems
from bankcrm.book.reading.tables import _without_words, queries_of
from bankcrm.book.reading.words import WORDS, word_cells
from bankcrm.errors import DataError

DAY = dt.date(2026, 6, 30)
UTC = dt.datetime(2026, 6, 30, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("frame", "column", "values", "expected"),
    [
        ("complaints", "case_id", pa.array([7, None]), pa.array(["7", None])),
        ("complaints", "case_id", pa.array(["7"], pa.large_string()), pa.array(["7"])),
        ("complaints", "note", pa.array([1.0, 2.5]), pa.array(["1", "2.5"])),
        ("transactions", "kind", pa.array(["a", None]), pa.array(["a", None]).dictionary_encode()),
        ("transactions", "amount", pa.array([1]), pa.array([1.0])),
        ("transactions", "date", pa.array([UTC.replace(tzinfo=None)]), pa.array([DAY])),
        ("complaints", "repeat", pa.array([1, 0]), pa.array([True, False])),
        ("customers", "employees", pa.array([3, None]), pa.array([3.0, None])),
    ],
)
def test_a_column_of_parts_has_the_type_of_its_kind(
    frame: str, column: str, values: pa.Array, expected: pa.Array
) -> None:
    found = of_contract(pa.table({column: values}), frame)[column]
    assert found.to_pylist() == expected.to_pylist()
    assert found.type == (WORDS if pa.types.is_dictionary(expected.type) else expected.type)
    assert of_contract(pa.table({column: found}), frame)[column].equals(found)


def test_instants_of_parts_keep_their_zone_and_what_has_no_kind_stays() -> None:
    shanghai = pa.array([UTC]).cast(pa.timestamp("s", "Asia/Shanghai"))
    found = of_contract(pa.table({"received_at": shanghai}), "complaints")["received_at"]
    assert found.type == pa.timestamp("us", "Asia/Shanghai")
    assert found.to_pylist()[0] == UTC
    wrong = pa.table({"amount": pa.array(["x"])})
    assert of_contract(wrong, "transactions").equals(wrong)
    one, other = pa.table({"amount": [1]}), pa.table({"amount": [2.5]})
    assert joined([one, one], "transactions").equals(pa.table({"amount": pa.array([1, 1])}))
    assert joined([one], "transactions") is one
    assert joined([one, other], "transactions")["amount"].to_pylist() == [1.0, 2.5]


KIND = next(c for c in CONTRACT["customers"] if c.name == "kind")
CELLS = st.none() | st.sampled_from(["P", " C ", "person", "x", "y", ""])


@given(st.lists(CELLS, max_size=6), st.booleans(), st.booleans(), st.booleans())
@example(["P", ""], True, True, False)
def test_words_go_by_the_mapping_then_by_the_contract_then_by_the_default(
    cells: list[str | None], mapped: bool, valued: bool, default: bool
) -> None:
    parts: dict[str, Any] = {"columns": {"kind": "typ"} if mapped else {}}
    if valued:
        parts["values"] = {"kind": {"P": "person", "C": "company", "y": ""}}
    if default:
        parts["default"] = {"kind": "sole_trader"}
    problems = Problems("customers")
    mapping = FrameMapping(**parts)
    found = word_cells(pa.array(cells, pa.string()), KIND, mapping, problems).to_pylist()
    expected, unknown = [], 0
    for cell in cells:
        word = (cell or "").strip()
        if not word:
            expected.append(None)
        elif valued and word in ("P", "C", "y"):
            expected.append({"P": "person", "C": "company", "y": None}[word])
        elif word in KIND.choices or not (mapped or valued or default):
            expected.append(word)
        else:
            expected.append("sole_trader" if default else None)
            unknown += not default
    assert found == expected
    assert [f.count for f in problems.reported()] == ([unknown] if unknown else [])


@given(st.lists(st.none() | st.sampled_from(["C", " D", "x", "y", ""]), max_size=6))
def test_the_sign_of_a_direction_is_that_of_its_word(cells: list[str | None]) -> None:
    sign, unknown = signs_of(pa.array(cells, pa.string()), ("C", "H"), ("D",))
    words = [(c or "").strip() for c in cells]
    expected = [{"C": 1.0, "D": -1.0}.get(w, np.nan) for w in words]
    np.testing.assert_array_equal(sign, expected)
    assert unknown == Counter(w for w in words if w and w not in ("C", "D"))


AMOUNT = st.sampled_from([np.nan, 0.0, 2.5, -1.0])


@given(st.lists(st.tuples(AMOUNT, AMOUNT), max_size=5))
def test_credit_less_debit_is_missing_where_both_are(rows: list[tuple[float, float]]) -> None:
    credit, debit = (np.array([r[i] for r in rows], np.float64) for i in (0, 1))
    amount, both = net(credit, debit)
    for (plus, minus), value, two in zip(rows, amount.tolist(), both.tolist(), strict=True):
        known = [v for v in (plus, -minus) if v == v]
        assert value == sum(known) if known else np.isnan(value)
        assert two == (len(known) == 2 and 0 not in (plus, minus))


def test_the_customer_of_an_account_is_that_of_any_part() -> None:
    owners = Owners()
    assert not owners
    owners.add(pa.table({"account_id": [1]}))
    assert not owners, "without customers, accounts have no owner"
    owners.add(pa.table({"account_id": [1, None], "customer_id": ["a", "b"]}))
    owners.add(pa.table({"account_id": ["x", "y"], "customer_id": ["c", None]}))
    assert owners
    found = owners.of(pa.array(["x", "1", None, "z", "y"])).to_pylist()
    assert found == ["c", "a", None, None, None]


def test_words_for_a_missing_value_are_null_in_columns_of_text() -> None:
    table = pa.table({"a": ["NA", " NA ", "N", None], "b": [1, 2, 3, 4]})
    assert _without_words(table, None) is table
    found = _without_words(table, ("NA", "1"))
    assert found.to_pydict() == {"a": [None, None, "N", None], "b": [1, 2, 3, 4]}


def test_a_table_needs_a_database() -> None:
    for frame, refused in ((FrameMapping(), False), (FrameMapping(table="t"), True),
                           (FrameMapping(query="select 1"), True)):  # fmt: skip
        mapping = BookMapping({"loans": frame, "contacts": FrameMapping()})
        if refused:
            with pytest.raises(DataError, match="loans: a table or query without a database"):
                queries_of(mapping, None, None)
        else:
            assert queries_of(mapping, None, None) == {}


def test_a_book_that_is_converted_part_by_part_is_never_held_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part is a row group of its own, and the parts have the rows in their order."""
    monkeypatch.setattr(sources, "_BLOCK", 200)
    rows = [f"{n},person" for n in range(100)]
    (tmp_path / "customers.csv").write_text("\n".join(["customer_id,kind", *rows, ""]))
    (tmp_path / "transactions.csv").write_text("customer_id,date,amount,kind\n1,2026-01-31,5,fee\n")
    (tmp_path / "made").mkdir()
    written, _, _ = write_parts(BookMapping(), tmp_path / "made", folder=tmp_path)
    found = pq.ParquetFile(written["customers"])
    assert found.num_row_groups > 3
    assert found.read()["customer_id"].to_pylist() == [str(n) for n in range(100)]
