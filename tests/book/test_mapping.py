"""A mapping goes to TOML and back, and reports all its errors together, each with its path."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.book import CONTRACT
from bankcrm.book.mapping import BookMapping, ColumnSource, Formats, FrameMapping
from bankcrm.errors import DataError

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
FORMATS = st.builds(
    Formats,
    encoding=st.none() | st.sampled_from(["utf-8", "gb18030", "utf-16"]),
    separator=st.none() | st.sampled_from([",", ";", "\t"]),
    decimal=st.none() | st.just("."),
    thousands=st.none() | st.sampled_from([",", " ", "'"]),
    dates=st.none() | st.sampled_from([("%Y/%m/%d",), ("%d.%m.%Y", "%Y%m%d")]),
    time_zone=st.none() | st.just("Asia/Shanghai"),
    true=st.none() | st.just(("是", "Y")),
    false=st.none() | st.just(("否", "N")),
    amounts_in=st.none() | st.sampled_from(["cents", "ten_thousands"]),
)
AMOUNTS = st.one_of(
    st.builds(ColumnSource, credit=NAMES, debit=NAMES),
    st.builds(ColumnSource, NAMES, direction=NAMES, plus=st.just("C"), minus=st.just(("D", "X"))),
    st.builds(ColumnSource, NAMES, unit=st.sampled_from(["cents", "thousands"])),
)


@st.composite
def frame_mappings(draw: st.DrawFn, name: str) -> FrameMapping:
    columns, values, default = {}, {}, {}
    for column in CONTRACT[name]:
        if draw(st.booleans()):
            columns[column.name] = draw(AMOUNTS if column.kind == "money" else NAMES)
        if column.choices and draw(st.booleans()):
            words = st.sampled_from(column.choices)
            values[column.name] = draw(st.dictionaries(NAMES, words, max_size=3))
            default[column.name] = draw(words)
    file = draw(st.none() | st.just("flow_*.csv"))
    return FrameMapping(
        file, columns=columns, values=values, default=default, formats=draw(FORMATS)
    )


MAPPINGS = st.builds(
    BookMapping,
    st.fixed_dictionaries({}, optional={name: frame_mappings(name) for name in CONTRACT}),
    FORMATS,
)


@given(MAPPINGS)
def test_a_mapping_is_read_back_from_its_toml(mapping: BookMapping) -> None:
    assert BookMapping.from_toml(mapping.to_toml() + "\n") == mapping


@given(FORMATS, FORMATS)
def test_formats_of_a_frame_come_before_those_of_the_book(own: Formats, base: Formats) -> None:
    both = own.over(base)
    for field in ("encoding", "thousands", "dates", "true", "amounts_in"):
        stated = getattr(own, field)
        assert getattr(both, field) == (getattr(base, field) if stated is None else stated)


def test_all_forms_of_an_entry() -> None:
    mapping = BookMapping.from_toml("""
        name = "ours"
        as_of = 2026-06-30
        formats = { dates = "%Y/%m/%d", true = ["是"], false = "否" }

        [customers]
        file = "客户.xlsx"
        sheet = "二月"
        constants = { kind = "person", first_contact_date = 2020-01-01 }
        columns = { customer_id = "客户号" }

        [transactions.columns]
        amount = { column = "金额", direction = "借贷", plus = "贷", minus = "借", unit = "cents" }
        date = { column = "日期", dates = "%Y%m%d" }

        [transactions.values.kind]
        POS = "card"
    """)
    assert mapping.formats.dates == ("%Y/%m/%d",)
    customers, moves = mapping.frame("customers"), mapping.frame("transactions")
    assert customers.constants == {"kind": "person", "first_contact_date": dt.date(2020, 1, 1)}
    assert customers.formats.false == ("否",)
    assert moves.source("amount").names == ("金额", "借贷")
    assert moves.source("amount").plus == ("贷",)
    assert moves.source("channel").names == ("channel",)
    assert mapping.frame("loans") == FrameMapping(formats=mapping.formats)


def test_all_errors_of_a_mapping_come_together_with_their_paths() -> None:
    with pytest.raises(DataError) as caught:
        BookMapping.from_toml("""
            tranactions = {}
            [formats]
            encoding = "gbk-18"
            dates = ["%d/%m/%Y", "%m/%d/%Y"]
            [customers]
            file = "customers.doc"
            colums = {}
            [transactions.columns]
            dat = "day"
            amount = { credit = "in" }
            [transactions.values.kind]
            POS = "crad"
            [loans]
            file = 3
        """)
    for words in (
        "tranactions: unknown key; did you mean 'transactions'?",
        "customers: unknown key(s) colums; known: file",
        "loans.file: expected str, saw 3",
        "formats.encoding: 'gbk-18' is unknown",
        "formats.dates: '%d/%m/%Y' and '%m/%d/%Y' read 05/04/2003 as different days",
        "transactions.columns.dat: transactions has no such column; did you mean 'date'?",
        "transactions.columns.amount: expected a column, or credit and debit, saw in",
        "transactions.values.kind.POS: 'crad' is not a kind; did you mean 'card'?",
    ):
        assert words in str(caught.value)


CARD = ColumnSource("amt", direction="dc", plus="C", minus="D")


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"file": "a.doc"}, "'a.doc' is not one of .csv"),
        ({"file": "a.csv", "sheet": "x"}, "only Excel files"),
        ({"columns": {"date": ColumnSource(credit="a", debit="b")}}, "date is date"),
        ({"columns": {"amount": ColumnSource()}}, "saw nothing"),
        ({"columns": {"amount": ColumnSource("a", credit="b", debit="c")}}, "saw a, b, c"),
        ({"columns": {"amount": ColumnSource("a", plus="C")}}, "needs column, direction"),
        ({"columns": {"kind": CARD}}, "a direction is for amounts"),
        (
            {"columns": {"amount": ColumnSource("a", direction="b", plus="C", minus="C")}},
            "C cannot be both",
        ),
        ({"columns": {"kind": ColumnSource("a", unit="cents")}}, "units are for numbers"),
        ({"columns": {"amount": ColumnSource("a", unit="dozen")}}, "'dozen' is not one of one"),
        ({"columns": {"amount": ColumnSource("a", dates="%Y")}}, "patterns are for dates"),
        ({"columns": {"date": ColumnSource("a", dates="%Y/%m")}}, "does not name a day"),
        ({"constants": {"amount": "1"}}, "'1' does not fit; expected money"),
        ({"constants": {"amount": True}}, "True does not fit"),
        ({"constants": {"amount": float("nan")}}, "nan is not a finite number"),
        ({"constants": {"date": dt.datetime(2020, 1, 1)}}, "does not fit; expected date"),
        ({"constants": {"kind": "gift"}}, "'gift' is not a kind; expected one of"),
        (
            {"constants": {"kind": "card"}, "columns": {"kind": "k"}},
            "the column has a source too",
        ),
        ({"values": {"amount": {"a": "b"}}}, "values are for words; amount is money"),
        ({"values": {"kind": {"a": ""}}}, "kind may not be missing"),
        ({"default": {"amount": "other"}}, "a default is a word"),
        ({"default": {"kind": "others"}}, "did you mean 'other'?"),
        ({"formats": Formats(separator="||")}, "'||' is not one character"),
        ({"formats": Formats(decimal="_")}, "neither a point nor a comma"),
        ({"formats": Formats(decimal=",", thousands=",")}, "the decimal mark too"),
        ({"formats": Formats(thousands=".")}, "the decimal mark too"),
        ({"formats": Formats(thousands="0")}, "not a mark between digits"),
        ({"formats": Formats(time_zone="Asia/Peking")}, "'Asia/Peking' is unknown"),
        ({"formats": Formats(true="Y", false="y")}, "y cannot be both true and false"),
        ({"formats": Formats(amounts_in="dozens")}, "'dozens' is not one of"),
    ],
)
def test_what_does_not_fit_is_refused(frame: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        BookMapping({"transactions": FrameMapping(**frame)})
    assert message in str(caught.value)
    assert str(caught.value).startswith("transactions.")


def test_a_frame_that_no_book_has_and_text_that_is_no_toml() -> None:
    with pytest.raises(DataError, match=r"loan: a book has no such frame; did you mean 'loans'\?"):
        BookMapping({"loan": FrameMapping()})
    with pytest.raises(DataError, match="not valid TOML"):
        BookMapping.from_toml("a = \n")
