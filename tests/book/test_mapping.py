"""A mapping goes to TOML and back, and reports all its errors together, each with its path."""

from __future__ import annotations

import datetime as dt
import itertools
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


def faulty(frame: str, **parts: Any) -> bool:
    try:
        BookMapping({frame: FrameMapping(**parts)})
    except DataError:
        return True
    return False


ENTRIES = {"column": "a", "credit": "b", "debit": "c", "direction": "d", "plus": "P", "minus": "M",
           "account": "e"}  # fmt: skip
MONEY = ({"credit", "debit"}, {"column", "direction", "plus", "minus"})


@pytest.mark.parametrize(
    ("frame", "column", "forms"),
    [
        ("transactions", "amount", ({"column"}, *MONEY)),
        ("transactions", "customer_id", ({"column"}, {"account"})),
        ("transactions", "kind", ({"column"},)),
        ("accounts", "customer_id", ({"column"},)),
        ("customers", "satisfaction", ({"column"},)),
    ],
)
def test_a_source_has_one_of_its_forms(
    frame: str, column: str, forms: tuple[set[str], ...]
) -> None:
    """Of all combinations of its entries, no other than these is taken."""
    for size in range(len(ENTRIES) + 1):
        for names in itertools.combinations(ENTRIES, size):
            source = ColumnSource(**{name: ENTRIES[name] for name in names})
            assert faulty(frame, columns={column: source}) == (set(names) not in forms), names


DAY, NAIVE = dt.date(2026, 6, 30), dt.datetime(2026, 6, 30, 9)
AWARE = NAIVE.replace(tzinfo=dt.UTC)
VALUES = ("card", "x", "", 1, 0, -2.5, float("inf"), True, DAY, NAIVE, AWARE)


@pytest.mark.parametrize(
    ("frame", "column", "taken"),
    [
        ("transactions", "kind", ("card",)),
        ("transactions", "amount", (1, 0, -2.5)),
        ("transactions", "date", (DAY,)),
        ("transactions", "customer_id", ("card", "x", "", 1, 0)),
        ("customers", "employees", (1, 0)),
        ("complaints", "received_at", (AWARE,)),
        ("complaints", "repeat", (True,)),
        ("complaints", "text", ("card", "x", "")),
    ],
)
def test_a_constant_is_of_the_kind_of_its_column(
    frame: str, column: str, taken: tuple[Any, ...]
) -> None:
    found = [v for v in VALUES if not faulty(frame, constants={column: v})]
    assert list(map(repr, found)) == [repr(v) for v in VALUES if repr(v) in map(repr, taken)]


@pytest.mark.parametrize("decimal", [None, ".", ",", "_", ".,", ""])
def test_marks_of_numbers_are_one_character_and_differ(decimal: str | None) -> None:
    for thousands in (None, ".", ",", "'", " ", "_", "+", "-", "0", "a", "", "  "):
        point = decimal or "."
        right = point in (".", ",") and decimal != ""
        right &= thousands is None or (len(thousands) == 1 and thousands not in "+-0a")
        right &= thousands != point
        formats = Formats(decimal=decimal, thousands=thousands)
        assert faulty("loans", formats=formats) != right, (decimal, thousands)
        assert faulty("loans", formats=Formats(separator=thousands)) == (thousands in ("", "  "))


@pytest.mark.parametrize("part", ["file", "table", "query"])
def test_a_frame_has_one_source(part: str) -> None:
    names = {"file": "a.csv", "table": "a", "query": "select 1"}
    assert not faulty("loans", **{part: names[part]})
    for other in names.keys() - {part}:
        assert faulty("loans", **{part: names[part], other: names[other]})
    assert faulty("loans", **names)


def test_only_excel_files_have_sheets() -> None:
    for file in (None, "a.xlsx", "A.XLSX", "a.csv", "a.parquet"):
        taken = file is None or file.lower().endswith(".xlsx")
        assert faulty("loans", file=file, sheet="x") != taken
        assert not faulty("loans", file=file)


def test_a_word_of_a_mapping_is_one_of_the_contract() -> None:
    for words, wrong in (({"P": "person"}, False), ({"P": "human"}, True), ({"P": ""}, False)):
        nullable = next(c for c in CONTRACT["customers"] if c.name == "kind").nullable
        expected = wrong or (words["P"] == "" and not nullable)
        assert faulty("customers", values={"kind": words}) == expected
    assert not faulty("customers", default={"kind": "person"})
    assert faulty("customers", default={"kind": "human"})
    assert faulty("customers", default={"kind": 1})


@pytest.mark.parametrize(
    ("patterns", "taken"),
    [
        (("%d.%m.%Y",), True),
        (("%d.%m.%Y", "%Y-%m-%d"), True),
        (("%Y-%m-%d", "%Y-%m-%d %H:%M"), True),
        (("%d/%m/%Y", "%m/%d/%Y"), False),
        (("%m/%d/%Y", "%Y-%m-%d", "%d/%m/%Y"), False),
        (("%Y%m%d", "%Y%d%m"), False),
        (("%Y-%m",), False),
        (("%d.%m.%Y", "%m"), False),
        ((), True),
    ],
)
def test_patterns_name_one_day_each(patterns: tuple[str, ...], taken: bool) -> None:
    assert faulty("loans", formats=Formats(dates=patterns)) != taken
    source = ColumnSource("a", dates=patterns)
    assert faulty("transactions", columns={"date": source}) != taken
