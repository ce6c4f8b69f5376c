"""A book loses no row, reports every fault, and reads back what it wrote."""

from __future__ import annotations

import datetime as dt
import pickle
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.book import CONTRACT, FRAMES, Book, contract_page, empty_frame, read_book, write_book
from bankcrm.book.files import refuse_book_folder
from bankcrm.datasets import make_book
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.folders import MARK
from bankcrm.frames import check_frame

AS_OF = dt.date(2026, 6, 30)


def customers(**changes: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {"customer_id": [1, 2, 3], "kind": ["person", "company", "person"]} | changes
    )


def moves(**changes: Any) -> pd.DataFrame:
    plain = {
        "customer_id": [1, 2, 3],
        "date": pd.to_datetime(["2026-01-05", "2026-02-05", "2026-03-05"]),
        "amount": [10.0, -20.0, 30.0],
        "kind": ["salary", "card", "cash_in"],
    }
    return pd.DataFrame(plain | changes)


def book(**frames: Any) -> Book:
    return Book(**({"customers": customers(), "transactions": moves(), "as_of": AS_OF} | frames))


@pytest.fixture(scope="module")
def bank() -> Book:
    return make_book(400, seed=3)


# The check


def test_a_sound_book_has_no_fault(bank: Book) -> None:
    checked, faults = bank.check()
    assert faults == ()
    assert not checked.rejected
    again, none = checked.check()
    assert none == ()
    for name, frame in checked.frames().items():
        assert len(frame) == len(bank.frame(name))
        pd.testing.assert_frame_equal(again.frame(name), frame)
        check_frame(frame, CONTRACT[name])


SPOILS = st.lists(
    st.tuples(
        st.sampled_from(["id", "date", "amount", "kind", "channel", "blank id"]),
        st.integers(0, 29),
    ),
    max_size=8,
)


@given(SPOILS)
def test_rows_in_are_rows_left_plus_rows_rejected(spoils: list[tuple[str, int]]) -> None:
    """Any fault of a transaction; the total of the kept rows is that of the valid rows."""
    frame = pd.concat([moves()] * 10, ignore_index=True).assign(channel="atm")
    frame["customer_id"] = frame["customer_id"].astype("Int64")
    lost: set[int] = set()
    for what, row in spoils:
        match what:
            case "id":
                frame.loc[row, "customer_id"] = 99
            case "blank id":
                frame.loc[row, "customer_id"] = None
            case "date":
                frame.loc[row, "date"] = pd.Timestamp("2026-07-01")
            case "amount":
                frame.loc[row, "amount"] = np.nan
            case "kind":
                frame.loc[row, "kind"] = "gift"
            case "channel":
                frame.loc[row, "channel"] = "pigeon"
        if what != "channel":
            lost.add(row)
    before = frame.copy(deep=True)
    checked, faults = book(transactions=frame).check()
    away = checked.rejected.get("transactions", frame.iloc[:0])
    assert set(away.index) == lost
    assert len(checked.transactions) + len(away) == len(frame)
    valid = frame.drop(index=sorted(lost))
    assert checked.transactions["amount"].sum() == pytest.approx(valid["amount"].sum())
    assert (len(faults) == 0) == (len(spoils) == 0)
    pd.testing.assert_frame_equal(frame, before)


def test_each_problem_is_counted_and_named() -> None:
    spoiled = book(
        customers=customers(
            satisfaction=[150.0, 50.0, None],
            contract_date=pd.to_datetime(["2020-01-01", "2027-01-01", "2020-01-01"]),
            closed_date=pd.to_datetime(["2019-01-01", None, "2030-01-01"]),
        ),
        contacts=pd.DataFrame(
            {
                "contact_id": [1, 1],
                "customer_id": [1, 2],
                "date": pd.to_datetime(["2026-01-01"] * 2),
                "channel": "phone",
                "purpose": "revisit",
            }
        ),
        links=pd.DataFrame(
            {
                "parent_id": [1, 2, 77, 1],
                "child_id": [2, 2, 1, 3],
                "link": "owns",
                "since": pd.to_datetime([None, None, None, "2026-12-01"]),
            }
        ),
        complaints=pd.DataFrame(
            {
                "complaint_id": [1, 2, 3],
                "customer_id": [1, 88, None],
                "received_at": pd.to_datetime(["2026-06-01T00:00Z"] * 3),
                "answered_at": pd.to_datetime(["2026-05-01T00:00Z", None, "2026-07-09T00:00Z"]),
            }
        ),
    )
    checked, faults = spoiled.check()
    counts = {(f.frame, f.column, f.problem): f.count for f in faults}
    assert counts == {
        ("customers", "satisfaction", "above_maximum"): 1,
        ("customers", "contract_date", "after_as_of"): 1,
        ("customers", "closed_date", "after_as_of"): 1,
        ("customers", "closed_date", "contradiction"): 1,
        ("contacts", "contact_id", "duplicate_key"): 1,
        ("links", "since", "after_as_of"): 1,
        ("links", "child_id", "contradiction"): 1,
        ("links", "parent_id", "unknown_customer"): 1,
        ("complaints", "answered_at", "after_as_of"): 1,
        ("complaints", "answered_at", "contradiction"): 1,
        ("complaints", "customer_id", "unknown_customer"): 1,
    }
    # Every customer stays; what is not known yet is missing.
    assert checked.customers["customer_id"].tolist() == [1, 2, 3]
    assert checked.customers["closed_date"].isna().all()
    assert checked.customers["contract_date"].isna().tolist() == [False, True, False]
    # Unknown customers may complain and own; a later link and a link to oneself are rejected.
    assert checked.frame("complaints")["complaint_id"].tolist() == [1, 2, 3]
    assert checked.frame("links")["parent_id"].tolist() == [1, 77]
    assert sorted(checked.rejected) == ["contacts", "links"]
    assert checked.rejected["links"]["fault"].tolist() == [
        "since: after_as_of",
        "child_id: contradiction",
    ]


def test_a_birth_after_the_contract_is_left_out() -> None:
    """Else a mistyped birthday would turn a customer into a lead."""
    odd = customers(
        birth_date=pd.to_datetime(["2020-01-01", None, None]),
        contract_date=pd.to_datetime(["2010-01-01", None, None]),
    )
    checked, faults = book(customers=odd).check()
    assert [(f.column, f.problem) for f in faults] == [("birth_date", "contradiction")]
    assert checked.customers["contract_date"].notna().tolist() == [True, False, False]


def test_an_earlier_day_shows_the_book_as_it_was(bank: Book) -> None:
    earlier, _ = bank.check("2025-12-31")
    assert earlier.as_of == dt.date(2025, 12, 31)
    later = earlier.rejected["customers"]["customer_id"]
    assert len(earlier.customers) + len(later) == len(bank.customers)
    began = bank.customers.set_index("customer_id").loc[later, "contract_date"].dropna()
    assert len(began)
    assert began.min() > pd.Timestamp("2025-12-31")
    for name, column in (("transactions", "date"), ("accounts", "opened_date")):
        assert earlier.frame(name)[column].max() <= pd.Timestamp("2025-12-31")
    assert earlier.customers["closed_date"].dropna().max() <= pd.Timestamp("2025-12-31")


def test_reasons_that_stop_a_book() -> None:
    with pytest.raises(DataError, match=r"^as_of: the book has no day"):
        book(as_of=None).check()
    with pytest.raises(DataError, match="as_of: 'soon' is not an ISO date"):
        book().check("soon")
    with pytest.raises(DataError, match=r"customers\.customer_id: duplicate key in 1 row"):
        book(customers=customers(customer_id=[1, 2, 2])).check()
    with pytest.raises(DataError, match="customers: no customer to review"):
        book(customers=customers().iloc[:0]).check()
    with pytest.raises(DataError, match=r"no customer to review .*null in 3 rows"):
        book(customers=customers(customer_id=[None] * 3)).check()
    with pytest.raises(DataError, match=r"integers, but customers\.customer_id holds text"):
        book(customers=customers(customer_id=["1", "2", "3"])).check()
    with pytest.raises(DataError, match=r"text, but customers\.customer_id holds integers"):
        book(transactions=moves(customer_id=pd.Categorical(["1", "2", "3"]))).check()
    with pytest.raises(DataError, match="expected a pandas DataFrame"):
        book(transactions=[1, 2])


def test_faults_of_several_frames_come_in_one_error() -> None:
    broken = book(customers=customers().drop(columns="kind"), transactions=moves(amount=["1"] * 3))
    with pytest.raises(DataError) as caught:
        broken.check()
    assert "customers.kind: missing column" in str(caught.value)
    assert "transactions.amount: wrong type" in str(caught.value)


def test_an_empty_book_of_transactions_is_sound() -> None:
    checked, faults = book(transactions=moves().iloc[:0]).check()
    assert faults == ()
    assert len(checked.transactions) == 0


def test_frames_of_other_libraries_and_of_text_ids() -> None:
    mixed = book(
        customers=pl.from_pandas(customers(customer_id=["a", "b", "c"])),
        transactions=pl.from_pandas(moves(customer_id=["a", "b", "z"])),
    )
    checked, faults = mixed.check()
    assert len(checked.transactions) == 2
    assert faults[0].examples == ("z",)


# The value


def test_a_book_shows_sizes_not_people(bank: Book) -> None:
    shown = repr(bank)
    assert shown.startswith("Book('synthetic', as_of=2026-06-30, customers 400, transactions ")
    assert str(bank.customers["name"].iloc[0]) not in shown
    page = attrs.evolve(bank, note="a test", as_of=None)._repr_html_()
    assert "a test" in page
    assert "400" in page
    assert "as_of" not in page  # what is not known is not shown
    assert str(bank.customers["name"].iloc[0]) not in page


def test_a_day_of_a_check_lies_within_five_centuries() -> None:
    plain = book()
    assert str(plain.check("2200-12-31")[0].as_of) == "2200-12-31"
    with pytest.raises(DataError, match="no customer to review"):
        plain.check("1700-01-01")
    for day in ("1699-12-31", "2201-01-01"):
        with pytest.raises(DataError, match=f"as_of: {day} is out of range"):
            plain.check(day)


def test_results_do_not_go_into_the_folder_of_a_frame(tmp_path: Path) -> None:
    write_book(book(), tmp_path / "bank")
    (tmp_path / "bank" / "transactions").mkdir()
    for out in (tmp_path / "bank", tmp_path / "bank" / "transactions" / "results"):
        with pytest.raises(DataError, match="write the results to another folder"):
            refuse_book_folder(out, tmp_path / "bank")
    refuse_book_folder(tmp_path / "bank" / "results", tmp_path / "bank")


def test_a_book_is_frozen_and_goes_to_another_process() -> None:
    plain = book()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        plain.name = "x"
    checked, _ = plain.check()
    again = pickle.loads(pickle.dumps(checked))
    pd.testing.assert_frame_equal(again.customers, checked.customers)


def test_a_frame_that_is_not_there_is_empty() -> None:
    plain = book()
    assert sorted(plain.frames()) == ["customers", "transactions"]
    for name in FRAMES:
        empty = empty_frame(name)
        assert list(empty.columns) == [c.name for c in CONTRACT[name]]
        check_frame(empty, CONTRACT[name])
    assert len(plain.frame("loans")) == 0
    with pytest.raises(UnknownNameError, match="no frame 'loan'; known: customers"):
        plain.frame("loan")


# Files


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_a_book_reads_back_what_it_wrote(bank: Book, tmp_path: Path, form: Any) -> None:
    checked, _ = attrs.evolve(bank, note="synthetic").check()
    folder = write_book(checked, tmp_path / "deep" / "bank", form)
    found = read_book(folder)
    for name in ("name", "as_of", "currency", "seed", "note"):
        assert getattr(found, name) == getattr(checked, name)
    again, faults = found.check()
    assert faults == ()
    for name, frame in checked.frames().items():
        for column in frame:
            ours, theirs = frame[column], again.frame(name)[column]
            if isinstance(ours.dtype, pd.DatetimeTZDtype):
                assert (theirs.isna() == ours.isna()).all()
                assert (theirs.dropna() == ours.dropna()).all()
            else:
                assert theirs.astype(object).where(theirs.notna(), None).tolist() == (
                    ours.astype(object).where(ours.notna(), None).tolist()
                )


def test_writing_again_leaves_no_stale_frame_and_no_other_file_touched(
    bank: Book, tmp_path: Path
) -> None:
    write_book(bank, tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    write_book(book(), tmp_path, "csv")
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != MARK) == [
        "book.toml",
        "customers.csv",
        "notes.txt",
        "transactions.csv",
    ]
    assert len(read_book(tmp_path).customers) == 3


def _csv(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


CUSTOMERS = "customer_id,kind,name\n1,person,NA\n2,company,\n"
MOVES = "customer_id,date,amount,kind\n1,2026-01-31,10.5,salary\n"


def test_ids_stay_text_where_one_of_them_is_no_whole_number(tmp_path: Path) -> None:
    """So 007 stays 007, in every frame of the book alike; and NA is a name like another."""
    plain = read_book(_csv(tmp_path, customers=CUSTOMERS, transactions=MOVES))
    assert plain.customers["customer_id"].tolist() == [1, 2]
    assert plain.customers["name"].fillna("").tolist() == ["NA", ""]
    assert plain.name == tmp_path.name
    padded = read_book(
        _csv(tmp_path, customers=CUSTOMERS.replace("\n1,", "\n001,"), transactions=MOVES)
    )
    assert padded.customers["customer_id"].tolist() == ["001", "2"]
    assert padded.transactions["customer_id"].tolist() == ["1"]
    _, faults = padded.check(AS_OF)
    assert faults[0].problem == "unknown_customer"


def test_a_missing_id_is_no_reason_to_read_text(tmp_path: Path) -> None:
    links = "parent_id,child_id,link\n1,2,owns\n,1,owns\n"
    found = read_book(_csv(tmp_path, customers=CUSTOMERS, transactions=MOVES, links=links))
    assert found.frame("links")["parent_id"].fillna(0).tolist() == [1, 0]
    checked, faults = found.check(AS_OF)
    assert [f.problem for f in faults] == ["null"]
    assert len(checked.frame("links")) == 1


def test_instants_and_booleans_in_csv(tmp_path: Path) -> None:
    text = "complaint_id,received_at,in_court,colour\n1,2026-06-01T09:00:00+08:00,true,red\n"
    folder = _csv(tmp_path, customers=CUSTOMERS, transactions=MOVES, complaints=text)
    found, faults = read_book(folder).check(AS_OF)
    assert faults == ()
    row = found.frame("complaints").iloc[0]
    assert row["received_at"] == pd.Timestamp("2026-06-01T01:00Z")
    assert row["in_court"]
    assert row["colour"] == "red"


def test_cells_that_do_not_parse_are_reported_by_line(tmp_path: Path) -> None:
    people = "customer_id,kind,birth_date,income\n1,person,31.12.1980,much\n2,person,,5\n"
    complaints = "complaint_id,received_at,in_court\n1,2026-06-01 09:00,perhaps\n"
    _csv(tmp_path, customers=people, transactions=MOVES)
    with pytest.raises(DataError) as caught:
        read_book(tmp_path)
    text = str(caught.value)
    assert text.startswith("2 faults")
    assert "customers.birth_date: does not parse in 1 row (line 2); expected ISO dates" in text
    assert "customers.income: does not parse in 1 row (line 2: 'much'); expected numbers" in text
    _csv(tmp_path, customers=CUSTOMERS, complaints=complaints)
    with pytest.raises(DataError, match=r"(?s)received_at: .* time zone .*in_court: .*true or 1"):
        read_book(tmp_path)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("name = ", "not TOML"),
        ("colour = 'red'", "colour: unknown key; known: name, as_of"),
        ("seed = 'x'", "seed = 'x' is not an integer"),
        ("name = 3", "name = 3 is not text"),
        ("as_of = 3", "as_of = 3 is not a date"),
        ("as_of = 'June'", "as_of: 'June' is not an ISO date"),
    ],
)
def test_a_broken_book_toml_is_reported(tmp_path: Path, toml: str, message: str) -> None:
    _csv(tmp_path, customers=CUSTOMERS, transactions=MOVES)
    (tmp_path / "book.toml").write_text(toml)
    with pytest.raises(DataError, match=message):
        read_book(tmp_path)


def test_folders_that_hold_no_book_are_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        read_book(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"(?s)customers: no file.*nothing.*transactions: no file"):
        read_book(tmp_path)
    _csv(tmp_path, customers=CUSTOMERS)
    with pytest.raises(DataError, match=r"transactions: no file; .*; present: customers\.csv"):
        read_book(tmp_path)
    (tmp_path / "transactions.parquet").write_text("no")
    with pytest.raises(DataError, match="not a Parquet file"):
        read_book(tmp_path)
    _csv(tmp_path, transactions=MOVES)
    with pytest.raises(DataError, match="transactions exists twice"):
        read_book(tmp_path)
    (tmp_path / "transactions.parquet").unlink()
    _csv(tmp_path, transactions='a,b\n1,"2\n')
    with pytest.raises(DataError, match="not a CSV file"):
        read_book(tmp_path)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_what_no_file_can_hold_is_reported(tmp_path: Path, form: Any) -> None:
    odd = book(customers=customers(extra=[1, "a", object()]))
    with pytest.raises(DataError, match=f"customers: cannot be written as {form}: .*extra"):
        write_book(odd, tmp_path, form)


def test_text_with_commas_quotes_and_breaks_survives_csv(tmp_path: Path) -> None:
    names = ['Li, "Na"', "two\nlines", " 张 "]
    write_book(book(customers=customers(name=names)), tmp_path, "csv")
    assert read_book(tmp_path).customers["name"].tolist() == names


def test_writing_elsewhere_than_to_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="is a file; give a folder"):
        write_book(book(), tmp_path / "file")
    with pytest.raises(DataError, match="format: 'xlsx' is not one of parquet, csv"):
        write_book(book(), tmp_path, "xlsx")


# The contract's page


def test_the_page_tells_every_column_of_every_frame() -> None:
    page = contract_page()
    for name, columns in CONTRACT.items():
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        rows = [line for line in section.splitlines() if line.startswith("| `")]
        assert [row.split("`")[1] for row in rows] == [c.name for c in columns]
        for row, column in zip(rows, columns, strict=True):
            assert column.meaning in row
            assert all(f"`{word}`" in row for word in column.choices)
    assert "- closed_date on or after contract_date" in page


def test_the_page_says_since_when_a_date_is_known() -> None:
    """A date of the row's own day is known from the row, another one from itself."""
    page = contract_page()
    for frame, dated_by, others in (
        ("transactions", "date", ()),
        ("accounts", "opened_date", ("closed_date",)),
        ("customers", None, ("contract_date", "closed_date", "birth_date")),
    ):
        section = page.split(f"\n## {frame}\n")[1].split("\n## ")[0]
        rows = [line for line in section.splitlines() if line.startswith("| `")]
        itself = {row.split("`")[1] for row in rows if "| itself |" in row}
        assert itself >= set(others)
        assert dated_by not in itself
        kinds = {c.name: c.kind for c in CONTRACT[frame]}
        assert {kinds[name] for name in itself} <= {"date", "instant"}


def test_named_levels_of_an_index_are_columns(bank: Book) -> None:
    """A level beside a column of its name is left alone, and so is one of another name."""
    people, moves = bank.customers, bank.transactions
    for levels in (["customer_id"], ["customer_id", "date"]):
        book = Book(people.set_index("customer_id"), moves.set_index(levels))
        pd.testing.assert_frame_equal(
            book.transactions[list(moves.columns)].reset_index(drop=True),
            moves.reset_index(drop=True),
        )
        assert book.customers["customer_id"].tolist() == people["customer_id"].tolist()
    beside = people.set_index("customer_id", drop=False)
    assert list(Book(beside, moves).customers.columns) == list(people.columns)
    other = people.rename_axis("serial")
    assert list(Book(other, moves).customers.columns) == list(people.columns)
