"""A book in a bank's own format, read by its mapping, is the same book."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.book import CONTRACT, Book, read_book
from bankcrm.book.mapping import BookMapping, ColumnSource, Formats, FrameMapping
from bankcrm.book.reading.cells import numbers
from bankcrm.datasets import make_book
from bankcrm.errors import DataError
from bankcrm.reviews import review
from bankcrm.testing.books import books

from .foreign import MISSING, Style, chinese_bank, rows_of, written

FORMATS = st.builds(
    lambda marks, **others: Formats(decimal=marks[0], thousands=marks[1], **others),
    st.sampled_from([(None, None), (".", ","), (",", "."), (",", "\u00a0"), (".", "'")]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"]),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    dates=st.sampled_from([None, "%Y/%m/%d", "%d.%m.%Y", "%Y%m%d"]),
    time_zone=st.sampled_from([None, "Asia/Shanghai", "Europe/Prague"]),
    true=st.sampled_from([None, ("是",), ("Y", "J")]),
    false=st.sampled_from([None, ("否",), ("N",)]),
    missing=st.sampled_from([None, MISSING]),
    amounts_in=st.sampled_from([None, "cents", "thousands", "ten_thousands"]),
)
STYLES = st.builds(
    Style,
    FORMATS,
    amounts=st.sampled_from(["plain", "sides", "direction"]),
    ids=st.dictionaries(st.sampled_from(list(CONTRACT)), st.just(".0")),
    files=st.sampled_from([1, 2]),
)


@given(books(), STYLES)
def test_a_book_in_a_foreign_format_is_the_same_book(
    tmp_path_factory: pytest.TempPathFactory, book: Book, style: Style
) -> None:
    folder = tmp_path_factory.mktemp("foreign")
    mapping = written(book, folder, style)
    (folder / "book.toml").write_text(mapping.to_toml(), encoding="utf-8")
    found = read_book(folder)
    assert sorted(found.frames()) == sorted(book.frames())
    for name, frame in book.frames().items():
        assert rows_of(found.frame(name), name) == rows_of(frame, name)


@settings(max_examples=15)
@given(books(), STYLES, st.integers(1, 4))
def test_a_title_above_the_header_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, book: Book, style: Style, lines: int
) -> None:
    folder = tmp_path_factory.mktemp("titled")
    mapping = written(book, folder, style)
    encoding = mapping.formats.encoding or "utf-8"
    for path in folder.glob("*.csv"):
        text = path.read_bytes().decode(encoding)
        path.write_bytes(("The title, of a bank\r\n" * lines + text).encode(encoding))
    mapping = attrs.evolve(mapping, formats=attrs.evolve(mapping.formats, header=lines + 1))
    found = read_book(folder, mapping=mapping)
    for name, frame in book.frames().items():
        assert rows_of(found.frame(name), name) == rows_of(frame, name)


def test_an_error_under_a_title_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("Title\n\ncustomer_id,kind\n1,person\n")
    (tmp_path / "transactions.csv").write_text(
        "Title\n\ncustomer_id,date,amount,kind\n1,2026-01-01,5,card\n1,2026-01-01,x,card\n"
    )
    with pytest.raises(DataError, match=r"line 5: 'x'"):
        read_book(tmp_path, mapping=BookMapping(formats=Formats(header=3)))


@given(st.lists(st.decimals(-(10**12), 10**12, places=2), min_size=1))
def test_decimals_become_the_nearest_numbers(amounts: list[Decimal]) -> None:
    cells = pa.array(amounts, pa.decimal128(16, 2))
    assert numbers(cells, Formats()).values.to_pylist() == [float(a) for a in amounts]
    assert numbers(cells, Formats(), 3).values.to_pylist() == [float(a * 1000) for a in amounts]


def test_a_header_that_several_separators_split_is_refused(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("id;kind,note\n1;person,a\n", encoding="utf-8")
    (tmp_path / "transactions.csv").write_text("customer_id,date,amount,kind\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"customers.csv: the header has ',' and ';'; name the sep"):
        read_book(tmp_path)


# Frames that name only the account


def test_the_customer_of_an_account_is_that_of_its_rows(tmp_path: Path) -> None:
    book = make_book(60, seed=4)
    moves = book.transactions[book.transactions["account_id"].notna()].reset_index(drop=True)
    book.customers.to_csv(tmp_path / "customers.csv", index=False)
    book.accounts.to_csv(tmp_path / "accounts.csv", index=False)
    moves.drop(columns="customer_id").to_csv(tmp_path / "transactions.csv", index=False)
    owner = {"customer_id": ColumnSource(account="account_id")}
    mapping = BookMapping({"transactions": FrameMapping(columns=owner)})
    found = read_book(tmp_path, mapping=mapping)
    assert found.transactions["customer_id"].tolist() == moves["customer_id"].tolist()
    assert found.transactions["account_id"].tolist() == moves["account_id"].tolist()

    frames = {"transactions": moves.drop(columns="customer_id"), "accounts": book.accounts}
    in_memory = Book(customers=book.customers, **frames, mapping=mapping)
    assert in_memory.transactions["customer_id"].tolist() == moves["customer_id"].tolist()

    book.accounts[1:].to_csv(tmp_path / "accounts.csv", index=False)
    lost = int((moves["account_id"] == book.accounts["account_id"].iloc[0]).sum())
    assert lost
    short = read_book(tmp_path, mapping=mapping)
    assert f"the account is not among the accounts ({lost} rows)" in short.note
    checked, faults = short.check(book.as_of)
    assert len(checked.transactions) == len(moves) - lost
    assert lost in {f.count for f in faults if f.column == "customer_id"}

    (tmp_path / "accounts.csv").unlink()
    with pytest.raises(DataError, match="frame accounts"):
        read_book(tmp_path, mapping=mapping)


# A folder of a Chinese bank


@pytest.fixture(scope="module")
def bank() -> Book:
    return make_book(300, seed=11)


@pytest.fixture(scope="module")
def folder(bank: Book, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bank")
    mapping = chinese_bank(bank, place)
    text = f'name = "{bank.name}"\nas_of = {bank.as_of}\n{mapping.to_toml()}'
    (place / "book.toml").write_text(text, encoding="utf-8")
    return place


def test_the_folder_of_a_chinese_bank_is_its_book(bank: Book, folder: Path) -> None:
    found = read_book(folder)
    for name, frame in bank.frames().items():
        assert rows_of(found.frame(name), name) == rows_of(frame, name)
    assert "客户信息_0.csv was read as gb18030" in found.note
    assert "transactions.customer_id: ids with decimals such as 17850.0 read as 17850" in found.note


def test_engines_read_the_mapped_folder_as_memory_does(bank: Book, folder: Path) -> None:
    pytest.importorskip("duckdb", reason="duckdb is not installed (extra engines)")
    from bankcrm.engines import DuckDBEngine

    engine = DuckDBEngine(folder)
    again = DuckDBEngine(folder)
    assert engine.identity() == again.identity()
    assert engine.note == read_book(folder).note
    ours, theirs = review(engine, as_of=bank.as_of), review(bank, as_of=bank.as_of)
    for name in ("stage", "tier", "contribution"):
        assert ours.all_customers()[name].tolist() == theirs.customers[name].tolist()
    places = Path(again._workspace.name) if again._workspace else folder
    assert places != folder
    again.close()
    assert not places.exists()


# Problems


def _files(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


PEOPLE = "customer_id,kind\n1,person\n2,company\n"
MOVES = "customer_id,date,amount,kind\n1,2026-01-31,10.5,salary\n"


def _moves(folder: Path, rows: str, toml: str = "") -> pd.DataFrame:
    """The transactions of a folder with these rows."""
    (folder / "book.toml").write_text(toml, encoding="utf-8")
    return read_book(_files(folder, customers=PEOPLE, transactions=rows)).transactions


def test_one_run_reports_the_problems_of_all_frames_and_files(tmp_path: Path) -> None:
    _files(
        tmp_path,
        customers="Customer_ID,typ,born,phone\n1,P,1980-01-01,1\n2,X,secret,2\n",
        flow_1='cust,day,amt,code\n1,31.12.2025,1,POS\n1,"31.\n12.",2,POS\n\n1,1.1.2026,x,FOO\n',
        flow_2="cust,day,code\n1,1.1.2026,FOO\n1,1.1.2026,BAR\n",
        loans="loan_id,customer_id\n1,1\n",
    )
    (tmp_path / "book.toml").write_text("""
        formats = { dates = ["%d.%m.%Y", "%Y-%m-%d"] }
        [customers]
        columns = { kind = "typ", birth_date = "born" }
        values.kind = { P = "person" }
        [transactions]
        file = "flow_*.csv"
        columns = { customer_id = "cust", date = "dy", amount = "amt", kind = "code" }
        values.kind = { POS = "card" }
    """)
    with pytest.raises(DataError) as caught:
        read_book(tmp_path)
    text = str(caught.value)
    for words in (
        "customers.customer_id: missing column; present: Customer_ID, typ, born, phone; "
        "did you mean 'Customer_ID'?",
        'map it, customer_id = "Customer_ID", under [customers.columns] in book.toml',
        "customers.birth_date: does not parse in 1 row (line 3)",
        "customers.kind: unmapped value in 1 row; expected one of person, company; seen: 'X' (1)",
        "transactions.date: missing column; present in flow_1.csv: cust, day, amt, code; "
        "did you mean 'day'?",
        "transactions.amount: does not parse in 1 row (flow_1.csv line 6: 'x')",
        "transactions.amount: missing column; present in flow_2.csv: cust, day, code",
        "transactions.kind: unmapped value in 3 rows; expected one of salary, ",
        "seen: 'FOO' (2), 'BAR' (1); name them under [transactions.values.kind]",
        "loans.granted_date: missing column",
    ):
        assert words in text, words
    assert "secret" not in text


@pytest.mark.parametrize(
    ("rows", "toml", "message"),
    [
        ("customer_id;date;amount,kind\n", "", "the header has ',' and ';'"),
        ("customer_id,date,amount,kind\n1,2026-01-31\n", "", "ragged in 1 row (line 2: 2 fields)"),
        (MOVES + '1,2026-01-31,1,"salary\n', "", "opens on line 3 is never closed"),
        ("customer_id,date,date,amount,kind\n", "", "transactions.date: repeated column"),
        (MOVES.replace("10.5", '"1,200.5"'), "", "state thousands = ',' under [formats]"),
        (MOVES.replace("10.5", '"12,00"'), 'formats.thousands = ","', "line 2: '12,00'"),
        (MOVES.replace("10.5", '"1.200,5"'), 'formats.decimal = ","', "line 2: '1.200,5'"),
        (MOVES.replace("10.5", "nan"), "", "line 2: 'nan'"),
        (MOVES.replace("2026-01-31", "2026-01"), "", "line 2: '2026-01'"),
        (MOVES.replace("2026-01-31", "2026"), "", "line 2: '2026'"),
        (MOVES.replace("2026-01-31", "31/01/2026"), "", "state the pattern, such as dates ="),
        (MOVES.replace("\n1,", "\n6.2220212E+18,"), "", "a spreadsheet has cut them"),
        (MOVES, 'transactions.file = "flow.csv"', "no file 'flow.csv'"),
        (MOVES, 'transactions.file = "transaction.csv"', "did you mean 'transactions.csv'?"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    tmp_path: Path, rows: str, toml: str, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        _moves(tmp_path, rows, toml)
    assert message in str(caught.value)


SIDES = 'transactions.columns = { amount = { credit = "in", debit = "out" } }'
SIGNED = (
    'transactions.columns = { amount = { column = "a", direction = "d", plus = "C", minus = "D" } }'
)


@pytest.mark.parametrize(
    ("header", "cells", "toml", "message"),
    [
        ("in,out", ["1,2"], SIDES, "an amount in 'in' or in 'out', not in both"),
        ("a,d", ["-1,D", "-2,D", "3,C"], SIGNED, "signed already"),
        ("a,d", ["1,D", "2,E"], SIGNED, "expected C, D in 'd'; words seen: 'E'"),
        ("a,d", ["1,D", "2,"], SIGNED, "no direction in 1 row (line 3: None)"),
    ],
)
def test_amounts_that_contradict_themselves_are_reported(
    tmp_path: Path, header: str, cells: list[str], toml: str, message: str
) -> None:
    rows = "".join(f"1,2026-01-31,card,{c}\n" for c in cells)
    with pytest.raises(DataError) as caught:
        _moves(tmp_path, f"customer_id,date,kind,{header}\n{rows}", toml)
    assert message in str(caught.value)


def test_a_reversal_keeps_its_sign(tmp_path: Path) -> None:
    rows = "".join(f"1,2026-01-31,card,{c}\n" for c in ("5,D", "-5,D", "-1,C", ",C"))
    found = _moves(tmp_path, f"customer_id,date,kind,a,d\n{rows}", SIGNED)
    assert found["amount"].fillna(0).tolist() == [-5, 5, -1, 0]


def test_lines_are_right_after_rows_of_another_width(tmp_path: Path) -> None:
    rows = "customer_id,date,amount,kind\n1,2\n1,2026-01-31,x,card\n"
    with pytest.raises(DataError, match=r"(?s)line 2: 2 fields.*amount: .*\(line 3: 'x'\)"):
        _moves(tmp_path, rows)


def test_a_header_may_have_line_breaks_and_names_without_use(tmp_path: Path) -> None:
    header = ' customer_id ,date,amount,kind,"my\nnote",,x,x'
    found = _moves(tmp_path, f"\n{header}\n1,2026-01-31,1,card,secret,a,b,c\n")
    assert list(found.columns)[4:] == ["my\nnote", ".6", "x", "x.8"]
    with pytest.raises(DataError, match=r"\(line 4: '1_0'\)"):
        _moves(tmp_path, f"\n{header}\n1,2026-01-31,1_0,card,secret,a,b,c\n")


# Encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gbk"])
def test_encodings_are_recognised(tmp_path: Path, encoding: str) -> None:
    text = "customer_id,kind,city\n1,person,成都\n2,person,一线城市\n"
    _files(tmp_path, transactions=MOVES)
    (tmp_path / "customers.csv").write_bytes(text.encode(encoding))
    found = read_book(tmp_path)
    assert found.customers["city"].tolist() == ["成都", "一线城市"]
    assert found.note == ("customers.csv was read as gb18030" if encoding == "gbk" else "")


@pytest.mark.parametrize("encoding", ["cp1252", "cp1251", "big5", "shift_jis"])
def test_ambiguous_encodings_have_to_be_named(tmp_path: Path, encoding: str) -> None:
    word = {"cp1252": "Köln", "cp1251": "москва", "big5": "臺北縣"}.get(encoding, "東京都庁")
    text = f"customer_id,kind,city\n1,person,{word}\n"
    _files(tmp_path, transactions=MOVES)
    (tmp_path / "customers.csv").write_bytes(text.encode(encoding))
    with pytest.raises(DataError, match=r"neither UTF-8 nor clearly GB18030; name its encoding"):
        read_book(tmp_path)
    named = BookMapping({"customers": FrameMapping(formats=Formats(encoding=encoding))})
    cities = read_book(tmp_path, mapping=named).customers["city"].tolist()
    assert cities == [word]
    wrong = BookMapping(formats=Formats(encoding="ascii"))
    with pytest.raises(DataError, match="not ascii before byte"):
        read_book(tmp_path, mapping=wrong)


def test_a_mark_that_contradicts_the_stated_encoding_is_refused(tmp_path: Path) -> None:
    _files(tmp_path, transactions=MOVES)
    (tmp_path / "customers.csv").write_bytes(PEOPLE.encode("utf-8-sig"))
    with pytest.raises(DataError, match="begins with the mark of utf-8-sig"):
        read_book(tmp_path, mapping=BookMapping(formats=Formats(encoding="gbk")))


# Ids


def test_ids_are_exact_and_join_whatever_their_type(tmp_path: Path) -> None:
    pd.DataFrame({"customer_id": [17850.0, 17851.0], "kind": "person"}).to_parquet(
        tmp_path / "customers.parquet"
    )
    rows = "transaction_id,customer_id,date,amount,kind\n"
    rows += "6222021234567890123, 17850 ,2026-01-31,1,card\n"
    rows += "6222021234567890124,17851.0,2026-01-31,1,card\n"
    found = read_book(_files(tmp_path, transactions=rows))
    assert found.customers["customer_id"].tolist() == [17850, 17851]
    assert found.transactions["customer_id"].tolist() == [17850, 17851]
    assert found.transactions["transaction_id"].tolist() == [
        6222021234567890123,
        6222021234567890124,
    ]
    assert found.note.count("ids with decimals such as 17850.0 read as 17850") == 2
    assert len(found.check("2026-06-30")[0].transactions) == 2


@pytest.mark.parametrize("number", [2.0**53, -(2.0**53), Decimal(2**53 + 1), 17850.5])
def test_an_id_of_which_a_float_may_have_lost_a_digit_is_rejected(
    tmp_path: Path, number: Any
) -> None:
    """2**53 is what a float makes of 2**53 + 1."""
    ids = pa.array([1, number], pa.array([number]).type)
    pq.write_table(pa.table({"customer_id": ids, "kind": ["person"] * 2}),
                   tmp_path / "customers.parquet")  # fmt: skip
    checked, faults = read_book(_files(tmp_path, transactions=MOVES)).check("2026-06-30")
    assert checked.customers["customer_id"].tolist() == [1]
    assert {f.problem for f in faults} in ({"not_exact"}, {"not_whole"})
    exact = pd.DataFrame({"customer_id": [2.0**53 - 1, 5.0], "kind": "person"})
    exact.to_parquet(tmp_path / "customers.parquet")
    assert read_book(tmp_path).customers["customer_id"].tolist() == [2**53 - 1, 5]


def test_ids_are_text_in_all_frames_where_one_is_no_number(tmp_path: Path) -> None:
    pd.DataFrame({"customer_id": [1, 2], "kind": "person"}).to_parquet(
        tmp_path / "customers.parquet"
    )
    rows = MOVES + "A7,2026-01-31,1,card\n99999999999999999999,2026-01-31,1,card\n"
    found = read_book(_files(tmp_path, transactions=rows))
    assert found.customers["customer_id"].tolist() == ["1", "2"]
    assert found.transactions["customer_id"].tolist() == ["1", "A7", "99999999999999999999"]


# Other sources


def test_excel_tsv_and_parquet(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl", reason="openpyxl is not installed (extra report)")
    people = pd.DataFrame(
        {
            "号": [1, "A2", None],
            "born": pd.to_datetime(["1980-01-31", None, None]),
            "typ": [1, 2, None],
        }
    )
    with pd.ExcelWriter(tmp_path / "people.xlsx") as writer:
        pd.DataFrame({"x": [1]}).to_excel(writer, sheet_name="one", index=False)
        people.to_excel(writer, sheet_name="二", index=False)
    (tmp_path / "transactions.tsv").write_text(MOVES.replace(",", "\t"))
    pd.DataFrame(
        {"id": ["L1"], "who": ["1"], "day": [20240229], "amt": [123456], "st": ["ok"], "n": [12]}
    ).to_parquet(tmp_path / "credit.parquet")
    mapping = BookMapping.from_toml("""
        [customers]
        file = "people.xlsx"
        sheet = "二"
        columns = { customer_id = "号", birth_date = "born", kind = "typ" }
        values.kind = { 1 = "person", 2 = "company" }
        [loans]
        file = "credit.parquet"
        values.status = { ok = "running" }
        [loans.columns]
        loan_id = "id"
        customer_id = "who"
        granted_date = "day"
        amount = { column = "amt", unit = "cents" }
        status = "st"
        term_months = "n"
    """)
    found, faults = read_book(tmp_path, mapping=mapping).check("2026-06-30")
    assert faults == ()
    assert found.customers["customer_id"].tolist() == ["1", "A2"]
    assert found.customers["kind"].tolist() == ["person", "company"]
    assert found.customers["birth_date"].iloc[0] == pd.Timestamp("1980-01-31")
    loan = found.frame("loans").iloc[0]
    assert (loan["granted_date"], loan["amount"]) == (pd.Timestamp("2024-02-29"), 1234.56)
    assert (loan["customer_id"], loan["status"]) == ("1", "running")


def test_long_numbers_of_excel_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl", reason="openpyxl is not installed (extra report)")
    people = pd.DataFrame({"customer_id": [6222021234567890000], "kind": ["person"]})
    people.to_excel(tmp_path / "customers.xlsx", index=False)
    with pytest.raises(DataError, match="Excel keeps only 15; export the column as text"):
        read_book(_files(tmp_path, transactions=MOVES))


def test_frames_in_memory_keep_their_labels_and_other_columns() -> None:
    moves = pd.DataFrame(
        {"cust": [1, 1], "day": [20260131, 20260201], "amt": [-150, 7], "code": ["x", "POS"]},
        index=["a", "b"],
    ).assign(extra=[object(), None], amount=[0, 0])
    before = moves.copy(deep=True)
    mapping = BookMapping(
        {
            "customers": FrameMapping(constants={"kind": "person", "city": "成都"}),
            "transactions": FrameMapping(
                columns={
                    "customer_id": "cust",
                    "date": "day",
                    "amount": ColumnSource("amt", unit="cents"),
                    "kind": "code",
                },
                values={"kind": {"POS": "card"}},
                default={"kind": "other"},
            ),
        }
    )
    book = Book(pd.DataFrame({"customer_id": [1]}), moves, mapping=mapping)
    assert book.mapping is None
    found = book.transactions
    assert found.index.tolist() == ["a", "b"]
    assert found["amount"].tolist() == [-1.5, 0.07]
    assert found["kind"].tolist() == ["other", "card"]
    assert found["extra"].tolist() == moves["extra"].tolist()
    assert book.customers["city"].tolist() == ["成都"]
    pd.testing.assert_frame_equal(moves, before)
    assert book.check("2026-06-30")[1] == ()


def test_a_word_may_mean_missing_and_a_default_takes_no_missing_cell(tmp_path: Path) -> None:
    rows = "customer_id,date,amount,kind,channel\n"
    rows += "".join(f"1,2026-01-31,1,card,{c}\n" for c in ("ATM", "?", "", "web", "pigeon"))
    toml = """
        [transactions]
        values.channel = { ATM = "atm", "?" = "", web = "online" }
        default.channel = "branch"
    """
    found = _moves(tmp_path, rows, toml)["channel"]
    assert found.astype(object).fillna("-").tolist() == ["atm", "-", "-", "online", "branch"]
