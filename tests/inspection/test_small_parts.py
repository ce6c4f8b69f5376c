"""Parts of an inspection from columns and tables in memory, without files of a whole bank."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.book.contract import CONTRACT
from bankcrm.inspection.codes import codes_of, directions, known_share, own_words
from bankcrm.inspection.columns import SourceColumn
from bankcrm.inspection.draft import _code_lines, sections_of, signs_of
from bankcrm.inspection.formats import DECIDE, Entry, days_in, formats_of, marks_of, patterns_of
from bankcrm.inspection.inspect import _doubts, _last_day
from bankcrm.inspection.lexicon import Lexicon, Piece, fit, joined
from bankcrm.inspection.lines import Line, Section
from bankcrm.inspection.matching import FrameMatch, _unit, matched, other_tables
from bankcrm.inspection.tables import (
    SourceTable,
    _header,
    _headers,
    _recognised,
    _table,
    tables_of_folder,
)

COLUMNS = {frame: {c.name: c for c in columns} for frame, columns in CONTRACT.items()}


def source(*values: object, name: str = "x") -> SourceColumn:
    return SourceColumn(name, pa.chunked_array([pa.array(values)]))


def table(name: str, **columns: list[object]) -> SourceTable:
    return _table({"file": f"{name}.csv"}, name, pa.table(columns), "")


# --- columns ---


@given(st.lists(st.sampled_from(["a", "b", "c", "d", None]), min_size=1))
def test_words_are_counted_the_most_frequent_first(values: list[str | None]) -> None:
    column = SourceColumn("x", pa.chunked_array([pa.array(values, pa.string())]))
    counts = Counter(v for v in values if v is not None)
    assert column.by_word == counts
    assert [*column.by_word.values()] == sorted(counts.values(), reverse=True)
    assert column.filled == sum(counts.values())
    assert column.rows_of("a").tolist() == [v == "a" for v in values]
    assert column.among(["a", "z"]) == {"a"} & set(counts)
    rest = column.without({"a", "z"})
    assert rest.by_word == {w: n for w, n in counts.items() if w != "a"}
    assert column.unique == (bool(counts) and max(counts.values()) == 1)
    assert column.share_in(pa.array(["a", "b"])) == (
        len({"a", "b"} & set(counts)) / len(counts) if counts else 0.0
    )


def test_many_words_are_sampled_from_all_parts_of_the_table() -> None:
    column = source(*map(str, range(5_000)))
    words = [int(w) for w in column.words]
    assert len(words) == 2_000
    assert (words[0], words[-1]) == (0, 4_999)
    assert np.diff(words).max() <= 3
    assert len(source(*map(str, range(2_000))).words) == 2_000


@pytest.mark.parametrize(
    ("distinct", "each", "coded"),
    [(0, 0, False), (1, 1, True), (10, 1, True), (11, 4, False), (11, 5, True), (60, 5, True),
     (60, 4, False), (61, 9, False)],
)  # fmt: skip
def test_a_code_has_few_words_for_many_rows(distinct: int, each: int, coded: bool) -> None:
    column = source(*[f"w{n}" for n in range(distinct) for _ in range(each)], None)
    assert column.coded == coded


@pytest.mark.parametrize(
    ("texts", "fitting", "not_fitting"),
    [
        (["1.5", "-2.25"], [(".", None), (".", ",")], [(",", None), (",", ".")]),
        (["1,5", "-2,25"], [(",", None), (",", ".")], [(".", None), (".", ",")]),
        (["1,234.50", "2.5"], [(".", ",")], [(".", None), (",", ".")]),
        (["1.234,50", "2,5"], [(",", ".")], [(".", None), (".", ",")]),
        (["0,500", "1,250"], [(",", None)], [(".", ",")]),
        (["1 234.5"], [(".", " ")], [(".", None)]),
        (["a", "b"], [], [(".", None)]),
    ],
)
def test_the_marks_of_numbers_are_those_that_read_them(
    texts: list[str], fitting: list[tuple[str, str | None]], not_fitting: list[tuple[str, str]]
) -> None:
    column = source(*texts)
    assert set(fitting) <= set(column.marks)
    assert not set(not_fitting) & set(column.marks)
    assert column.numeric == bool(fitting)


@pytest.mark.parametrize(("wrong", "numeric"), [(0, True), (5, True), (6, False), (60, False)])
def test_a_column_is_numeric_where_nearly_all_its_cells_are(wrong: int, numeric: bool) -> None:
    column = source(*["12.5"] * (100 - wrong), *["n"] * wrong)
    assert column.numeric == numeric
    assert source(1.5, 2.5).numeric
    assert not source(dt.date(2026, 1, 1)).numeric


@pytest.mark.parametrize(
    ("values", "patterns"),
    [
        (["2026-06-30", "2026-01-02"], {(None,)}),
        (["30.06.2026", "01.02.2026"], {("%d.%m.%Y",)}),
        (["05/06/2026", "07/08/2026"], {("%d/%m/%Y",), ("%m/%d/%Y",)}),
        (["2026-06-30 10:11", "2026-01-02 00:00"], {(None,), ("%Y-%m-%d %H:%M",)}),
        (["30.06.2026 10:11:12"], {("%d.%m.%Y %H:%M:%S",)}),
        ([20260630, 20260102], {(None,)}),
        ([20261399, 7], set()),
        (["a1", "b2"], set()),
        (["none", "1"], set()),
        ([1.5], set()),
    ],
)
def test_the_patterns_of_days_are_those_that_read_them(
    values: list[object], patterns: set[tuple[str | None, ...]]
) -> None:
    assert set(source(*values).patterns) == patterns


WRITTEN = {
    "%Y-%m-%d": [f"2026-01-{n}" for n in range(13, 29)],
    "%d.%m.%Y": [f"{n}.02.2026" for n in range(13, 29)],
    "%Y年%m月%d日": [f"2026年3月{n}日" for n in range(13, 29)],
    "%d-%b-%Y": [f"{n}-Apr-2026" for n in range(13, 29)],
}
"""Days that one pattern alone reads."""


@pytest.mark.parametrize("count", [2, 3, 4])
def test_at_most_three_ways_of_writing_days_are_read_together(count: int) -> None:
    ways = list(WRITTEN)[:count]
    found = source(*(text for way in ways for text in WRITTEN[way])).patterns
    assert [set(f) for f in found] == ([set(ways)] if count <= 3 else [])


def test_ways_of_writing_days_that_contradict_each_other_are_not_read_together() -> None:
    """The 13th of a month is read by one of them alone, the 5th of June by both."""
    first = [f"{n}/04/2026" for n in range(13, 29)]
    second = [f"04/{n}/2026" for n in range(13, 29)]
    assert source(*first, *WRITTEN["%Y-%m-%d"]).patterns == (("%Y-%m-%d", "%d/%m/%Y"),)
    assert source(*WRITTEN["%Y-%m-%d"], *first, *second).patterns == ()


@pytest.mark.parametrize("days", [0, 2, 9, 10, 11, 18, 19, 20])
def test_the_share_of_days_decides_whether_a_column_has_them(days: int) -> None:
    """Half of the cells are enough for one pattern; two patterns need nearly all."""
    texts = [("2026-01-13", "14.02.2026")[n % 2] for n in range(days)]
    mixed = source(*texts, *["w 1"] * (20 - days)).patterns
    assert mixed == ((("%Y-%m-%d", "%d.%m.%Y"),) if days >= 19 else ())
    alone = source(*["2026-01-13"] * days, *["w 1"] * (20 - days)).patterns
    assert alone == (((None,),) if days >= 10 else ())
    beside = source(*["2026-01-13"] * days, *["14.02.2026"] * (20 - days)).patterns
    several = {("%Y-%m-%d", "%d.%m.%Y")} if 1 < days < 19 else {(("%d.%m.%Y", None)[days > 10],)}
    assert set(map(frozenset, beside)) == set(map(frozenset, several))
    numbers = source(*["1.5"] * days, *["w"] * (20 - days)).marks
    assert bool(numbers) == (days >= 10)


def test_many_words_that_are_no_days_are_no_days_together() -> None:
    texts = [*WRITTEN["%Y-%m-%d"], *WRITTEN["%d.%m.%Y"], *(f"w{n} 1" for n in range(9))]
    assert source(*texts).patterns == ()


@pytest.mark.parametrize(
    ("day", "plain"),
    [("18991231", False), ("19000101", True), ("20991231", True), ("21000101", False),
     ("20260013", False), ("20261301", False), ("20261201", True), ("20260100", False),
     ("20260131", True), ("20260132", False)],
)  # fmt: skip
def test_a_whole_number_is_a_day_of_a_calendar(day: str, plain: bool) -> None:
    assert source(int(day)).patterns == (((None,),) if plain else ())


@pytest.mark.parametrize(
    ("day", "known"),
    [("1899-12-31", False), ("1900-01-01", True), ("2100-12-31", True), ("2101-01-01", False)],
)
def test_days_of_two_centuries_are_known(day: str, known: bool) -> None:
    assert source(day).patterns == (((None,),) if known else ())


def test_nothing_is_known_of_an_empty_column() -> None:
    empty = SourceColumn("x", pa.chunked_array([pa.nulls(3, pa.string())]))
    assert (empty.marks, empty.patterns, empty.filled, empty.words) == ((), (), 0, [])
    assert not any((empty.numeric, empty.instants, empty.coded, empty.unique))
    whole = SourceColumn("x", pa.chunked_array([pa.nulls(3, pa.int64())]))
    assert whole.patterns == ()
    assert whole.share_in(pa.array(["a"])) == 0.0


@pytest.mark.parametrize(
    ("values", "instants", "zoned"),
    [
        (["2026-06-30 10:11", "2026-06-30T10:11"], True, False),
        (["2026-06-30T10:11:00Z", "2026-06-30 10:11:00+08:00"], True, True),
        (["2026-06-30"], False, False),
        (["2026-06-30 10:11", "2026-06-30"], False, False),
        ([dt.datetime(2026, 6, 30)], True, False),
        ([dt.datetime(2026, 6, 30, tzinfo=dt.UTC)], True, True),
        ([5], False, None),
        ([dt.time(10, 11)], False, None),
        (["2026-06-30 10:11"] * 19 + ["2026-06-30"], True, False),
        (["2026-06-30 10:11"] * 18 + ["2026-06-30"] * 2, False, False),
    ],
)
def test_instants_have_a_time_and_perhaps_a_zone(
    values: list[object], instants: bool, zoned: bool | None
) -> None:
    column = source(*values)
    assert column.instants == instants
    if zoned is not None:
        assert column.zoned == zoned


# --- codes ---


def test_what_a_word_means_may_depend_on_the_sign_of_its_amounts() -> None:
    kind = COLUMNS["transactions"]["kind"]
    words = ["TRF", "TRF", "salary", "XYZ", "TRF"]
    cases: list[tuple[list[float] | None, str, str]] = [
        ([1, 1, 1, 1, 1], "transfer_in", "all of its amounts come in"),
        ([-1, -1, 1, 1, -1], "transfer_out", "all of its amounts go out"),
        ([1, -1, 1, 1, 1], "", "amounts of both signs; transfer_in or transfer_out"),
        ([0, 1, -1, -1, np.nan], "transfer_in", "all of its amounts come in"),
        ([0, 0, 1, 1, np.nan], "", "no sign of its amounts is known; transfer_in or transfer_out"),
        (None, "", "no sign of its amounts is known; transfer_in or transfer_out"),
    ]
    for signs, meaning, doubt in cases:
        given_signs = None if signs is None else np.array(signs, np.float64)
        found = {c.word: c for c in codes_of(source(*words), kind, given_signs)}
        assert (found["TRF"].meaning, found["TRF"].doubt) == (meaning, doubt)
        assert (found["TRF"].rows, found["salary"].rows) == (3, 1)
        assert (found["salary"].meaning, found["salary"].doubt) == ("salary", "")
        assert (found["XYZ"].meaning, found["XYZ"].doubt) == ("", "not known")
    assert known_share(source(*words, None), kind) == 4 / 5
    assert known_share(SourceColumn("x", pa.chunked_array([pa.nulls(2, pa.string())])), kind) == 0


def test_the_words_of_a_direction_are_put_on_their_sides() -> None:
    assert directions(source("C", "D", "?", "C")) == (("C",), ("D",), ("?",))


def test_a_word_that_looks_missing_is_kept_beside_few_words_of_its_kind() -> None:
    assert own_words(["nan", "nv"], ["nan"]) == {"nan"}
    assert own_words(["nan"], ["nan"]) == set()
    assert own_words(["nan", "nv", "12.5"], ["nan"]) == set()
    many = [f"nv{' ' * n}" for n in range(1, 40)]  # each is the same word
    assert own_words(["nan", *many[:30]], ["nan"]) == {"nan"}
    assert own_words(["nan", *many[:31]], ["nan"]) == set()


# --- lexicon ---


WORDS = Lexicon.of({"customer": ["cust", "customer"], "id": ["no", "id"], "date": ["dt", "date"],
                    "open": ["open"], "person": ["客户"], "number": ["号"],
                    "both": ["open date"]})  # fmt: skip


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("CUST_NO", ["cust", "no"]),
        ("custno", ["cust", "no"]),
        ("openDate", ["opendate"]),
        ("cust_open_date_id", ["cust", "opendate", "id"]),
        ("custxno", ["custxno"]),
        ("custxno_dt_no", ["custxno", "dt", "no"]),
        ("客户号", ["客户", "号"]),
        ("客户甲乙号", ["客户", "甲乙", "号"]),
        ("x" * 200, ["x" * 200]),
        ("", []),
    ],
)
def test_a_name_is_read_as_its_longest_known_words(name: str, texts: list[str]) -> None:
    pieces = WORDS.pieces(name)
    assert [p.text for p in pieces] == texts
    assert all((p.meanings == frozenset()) == (p.text not in WORDS.words) for p in pieces)


def test_a_long_word_may_be_near_a_known_one() -> None:
    [near] = WORDS.pieces("custmer")
    assert near == Piece("custmer", frozenset({"customer"}), near=True)
    assert WORDS.pieces("custmer", near=False) == [Piece("custmer")]
    assert WORDS.pieces("dxte") == [Piece("dxte")]  # too short
    assert WORDS.pieces("cuxtxmxr") == [Piece("cuxtxmxr")]  # too far


@given(st.lists(st.sampled_from(["cust", "no", "dt", "zzz", "qqq", "custmer"]), max_size=5))
def test_how_well_a_name_fits(parts: list[str]) -> None:
    pieces = [p for part in parts for p in WORDS.pieces(part)]
    meanings = {"cust": "customer", "custmer": "customer", "no": "id", "dt": "date"}
    own = [meanings.get(p, "") for p in parts]
    for way, needed, optional in (("customer id?", ["customer"], {"id"}),
                                  ("customer id", ["customer", "id"], set()),
                                  ("id?", [], {"id"})):  # fmt: skip
        known = [m for m in own if m in {*needed, *optional}]
        strange, others = own.count(""), sum(m not in ("", *needed, *optional) for m in own)
        covered = all(n in known for n in needed)
        expected = 0.0
        if strange + others <= 1 and others < max(len(known), 1) and covered:
            near = parts.count("custmer") if "customer" in needed else 0
            expected = round(1 - 0.3 * strange - 0.4 * others - 0.1 * near, 2)
        assert fit(pieces, way) == expected


def test_a_code_means_what_all_its_parts_mean() -> None:
    found = Lexicon.of({"card": ["POS", "消费"], "fee": ["费", "POS"]})
    assert found.meaning("pos") == {"card", "fee"}
    assert found.meaning("POS消费") == {"card"}
    assert found.meaning("POS zz") == frozenset()
    assert found.meaning("费消费") == frozenset()
    assert found.meaning("??") == frozenset()
    assert joined(" -- ") == "--"


# --- lines ---


def test_a_line_is_a_key_a_value_and_a_comment_in_its_place() -> None:
    text = Line("key", Entry("v", "why  it\nis")).text()
    assert text == 'key = "v"'.ljust(36) + "  # why it is"
    wide = Line("客户", Entry(1, "c")).text()
    assert wide.index("#") == 38 - 2
    assert Line("key", Entry(True)).text() == "key = true"
    assert Line("", Entry("", "note")).text() == "# note"
    assert Line("a b", Entry(dt.date(2026, 6, 30)), off=True).text() == '# "a b" = 2026-06-30'
    value = {"column": "x", "plus": ["C", "号"], "unit": "percent"}
    line = Line("amount", Entry(value))
    assert line.text() == 'amount = { column = "x", plus = ["C", "号"], unit = "percent" }'
    assert line.shown == "column x, plus C/号, unit percent"
    assert Line("k", Entry("v")).shown == "v"


@pytest.mark.parametrize(
    ("entry", "is_open", "assumed"),
    [
        (Entry("v"), False, 'k = "v"'),
        (Entry(DECIDE), True, ""),
        (Entry(DECIDE, "", "first"), True, 'k = "first"'),
        (Entry({"c": [DECIDE]}, "", {"c": "x"}), True, 'k = { c = "x" }'),
        (Entry("v", "", "w"), True, 'k = "w"'),
    ],
)
def test_an_open_line_is_tried_with_its_first_choice(
    entry: Entry, is_open: bool, assumed: str
) -> None:
    line = Line("k", entry)
    assert line.open == is_open
    assert line.text(assumed=True) == assumed
    section = Section("s", "c", [line])
    assert section.text(assumed=True) == f"{'[s]':<36}  # c\n{assumed}"
    assert Section("s", "c", [line], lacking=True).text(assumed=True) == ""
    assert Section("s", "c", [line], lacking=True).text() == section.text()
    assert Section("", "c", [line]).text() == line.text()
    assert Section("s", "", [line]).text() == f"[s]\n{line.text()}"


# --- tables ---


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["a", "b"], ["1", "2"]], (1, 2)),
        ([["Title"], ["a", "b"], ["1", "2"]], (2, 2)),
        ([["T", "", ""], ["a", "b", ""], ["1", "2", "3"]], (2, 3)),
        ([["T", "", "", ""], ["a", "b", "", ""], ["x", "y", "z", ""], ["1"] * 4], (3, 4)),
        ([["a", "b"], ["1", "2"], ["1"], ["1", "2"]], None),
        ([["a", "b"], [""], ["1", "2"]], (1, 2)),
        ([["a"], ["1"]], None),
        ([["a", "b"]], (1, 2)),
        ([[""], []], None),
        ([], None),
    ],
)
def test_the_header_is_the_first_full_row_that_all_below_fit(
    rows: list[list[str]], expected: tuple[int, int] | None
) -> None:
    assert _header(dict(enumerate(rows, start=1))) == expected


def test_a_separator_splits_all_rows_alike(tmp_path: Path) -> None:
    cases = {"a;b,c\n1;2,3\n": {";": 1, ",": 1}, "T\na;b;c\n1;2;3\n": {";": 2},
             'a|"x\ny|z"|b\n1|2|3\n': {"|": 1}, "a\n1\n": {}}  # fmt: skip
    for text, expected in cases.items():
        (tmp_path / "x.csv").write_text(text)
        assert _headers(tmp_path / "x.csv", "utf-8") == expected
    (tmp_path / "x.csv").write_text("a;b;c,d\n1;2;3,4\n")
    assert list(_headers(tmp_path / "x.csv", "utf-8")) == [";", ","]  # the widest first
    (tmp_path / "x.tsv").write_text("a;b\n1;2\n")
    assert _headers(tmp_path / "x.tsv", "utf-8") == {}


def test_what_a_text_file_states_is_what_would_not_be_recognised(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    formats, choices, about = _recognised(path)
    assert (formats.encoding, formats.header, formats.separator, choices) == (None, None, None, {})
    assert about[1:] == ["separator ','"]
    path.write_text("Title\na\tb\n1\t2\n", encoding="utf-8")
    formats, choices, about = _recognised(path)
    assert (formats.header, choices) == (2, {})
    assert about[1:] == ["separator tab", "header in line 2"]
    path.write_bytes("a;b,c\n客户;2,3\n".encode("gb18030"))
    formats, choices, about = _recognised(path)
    assert choices["separator"] == [",", ";"]
    assert about[0] == "gb18030"


def test_words_for_a_missing_value_are_null_in_a_table() -> None:
    made = table("x", a=["N/A", "b", None], n=[1, 2, 3])
    assert made.missing == {"N/A"}
    assert made.columns["a"].filled == 1
    assert (made.rows, made.title, list(made.columns)) == (3, "x.csv", ["a", "n"])


# --- matching and the draft ---


def clients(**more: list[object]) -> SourceTable:
    kinds = ["P" if n % 4 else "C" for n in range(40)]
    return table("clients", **{"cust_no": list(range(40)), "cust_type": kinds, **more})


def moves(name: str = "txns", **more: list[object]) -> SourceTable:
    plain: dict[str, list[object]] = {
        "cust_no": list(range(40)), "txn_dt": [f"2024-03-{n % 28 + 1:02}" for n in range(40)],
        "amt": [(-1) ** n * (n + 1.25) for n in range(40)],
        "txn_cd": ["POS" if n % 2 else "SALARY" for n in range(40)],
    }  # fmt: skip
    columns = {**plain, **more}
    return table(name, **{n: c for n, c in columns.items() if c})


def transactions(**more: list[object]) -> FrameMatch:
    found = {f.frame: f for f in matched([clients(), moves(**more)])}
    return found["transactions"]


def draft_of(found: FrameMatch) -> str:
    return "\n".join(s.text() for s in sections_of("b", Entry(DECIDE), [found]))


def test_each_table_and_column_is_taken_once() -> None:
    people, txns, copy = clients(), moves(), moves("transactions")
    found = matched([people, txns, copy])
    assert [(f.frame, f.table) for f in found] == [("customers", people), ("transactions", copy)]
    named = {t: m.column.name for t, m in found[1].columns.items()}
    assert named == {
        "customer_id": "cust_no", "date": "txn_dt", "amount": "amt", "kind": "txn_cd"
    }  # fmt: skip
    assert found[1].joins == {"customer_id": 1.0}
    assert (found[1].lacking, found[1].unused, found[1].missing) == ([], [], [])
    [line] = other_tables([people, txns, copy], found)
    assert line == "txns.csv: not used; it looks like no frame of a book"
    [line] = other_tables([copy], matched([people, moves("movements")]))
    assert line.startswith("transactions.csv: not used; it may be transactions too, which movem")
    [other] = other_tables([table("zzz", q=["a b", "c d"])], found)
    assert other == "zzz.csv: not used; it looks like no frame of a book"


def test_ids_of_customers_are_found_by_their_values() -> None:
    hidden = transactions(cust_no=[], code=list(range(40)))
    assert hidden.columns["customer_id"].column.name == "code"
    assert "100% of its ids are customers" in hidden.columns["customer_id"].reason
    few = transactions(cust_no=[], code=[n + 3 for n in range(40)])  # 37 of 40
    assert "customer_id" in few.lacking
    enough = transactions(cust_no=[], code=[n + 2 for n in range(40)])  # 38 of 40
    assert enough.columns["customer_id"].column.name == "code"


@pytest.mark.parametrize(
    ("name", "plain", "unit"),
    [("income(元)", "income", None), ("amount (万元)", "amount", "ten_thousands"),
     ("amount", "amount", None), ("amt_zz", "amt_zz", None)],
)  # fmt: skip
def test_a_unit_is_split_from_a_name(name: str, plain: str, unit: str | None) -> None:
    assert _unit(name) == (plain, unit)


def test_amounts_are_signed_by_themselves_by_columns_or_by_words() -> None:
    signs = [(-1) ** n for n in range(40)]
    assert signs_of(transactions()).tolist() == signs
    plain: list[object] = [n + 1.25 for n in range(40)]
    assert signs_of(transactions(amt=plain)) is None
    sides = transactions(
        amt=[], credit=[v if n % 2 == 0 else None for n, v in enumerate(plain)],
        debit=[v if n % 2 else None for n, v in enumerate(plain)],
    )  # fmt: skip
    assert sides.sides("amount") is not None
    assert signs_of(sides).tolist() == signs
    words: list[object] = ["D" if n % 2 else "C" for n in range(40)]
    told = transactions(amt=plain, dr_cr=words)
    assert "amount.direction" in told.columns
    assert signs_of(told).tolist() == signs
    assert 'direction = "dr_cr", plus = ["C"], minus = ["D"]' in draft_of(told)
    unclear = transactions(amt=plain, dr_cr=["?", *words[1:]]).columns["amount.direction"]
    assert unclear.score == pytest.approx(0.7 * told.columns["amount.direction"].score)
    own = transactions(dr_cr=words)
    assert "has signs already, so 'dr_cr' is not needed" in draft_of(own)
    assert _doubts([transactions(amt=plain)])[0].startswith("transactions.amount: no amount is neg")
    assert _doubts([transactions()]) == _doubts([told]) == _doubts([sides]) == []


def test_ids_that_are_hardly_found_and_customers_twice_are_doubtful() -> None:
    [line] = _doubts([transactions(cust_no=[n + 21 for n in range(40)])])
    assert line.startswith("transactions.customer_id: only 47.5% of the ids in 'cust_no'")
    assert _doubts([transactions(cust_no=[n + 20 for n in range(40)])]) == []
    people = matched([clients(cust_no=[0, *range(39)]), moves()])[0]
    assert _doubts([people]) == [
        "customers.customer_id: not unique; a book has one row per customer"
    ]


def test_the_last_day_is_that_of_the_transactions() -> None:
    assert _last_day([transactions()]).value == dt.date(2024, 3, 28)
    days: list[object] = [f"{n % 12 + 1:02}/{(n + 3) % 12 + 1:02}/2024" for n in range(40)]
    asked = _last_day([transactions(txn_dt=days)])
    assert (asked.value, asked.assumed) == (DECIDE, dt.date(2024, 12, 9))
    unknown = _last_day([])
    assert (unknown.value, unknown.assumed) == (DECIDE, None)
    typed: list[object] = [dt.date(2024, 1, n % 28 + 1) for n in range(40)]
    assert _last_day([transactions(txn_dt=typed)]).value == dt.date(2024, 1, 28)


def test_another_column_decides_between_two_readings() -> None:
    either, clear = source("05/06/2026", "07/08/2026"), source("25/06/2026", name="clear")
    assert len(patterns_of(either, [either])[0]) == 2
    choices, reason = patterns_of(either, [either, clear])
    assert choices == [("%d/%m/%Y",)]
    assert reason == "as in 'clear', where no other pattern fits"
    assert patterns_of(clear, [])[0] == [("%d/%m/%Y",)]


def test_marks_of_all_files_are_those_that_are_sure() -> None:
    sure: list[object] = [f"{'-' if n % 2 else ''}{n + 1}.234,5" for n in range(40)]
    found = transactions(amt=sure)
    assert marks_of(found) == [(",", ".")]
    shared = formats_of(matched([clients(), moves(amt=sure)]))[""]
    assert {k: e.value for k, e in shared.items()} == {"decimal": ",", "thousands": "."}
    assert {e.comment for e in shared.values()} == {"numbers of all files"}
    entries = formats_of(matched([clients(income=["1.200"] * 40), moves(amt=sure)]))
    assert not {"decimal", "thousands"} & set(entries[""])
    assert entries["customers"]["decimal"].value == DECIDE
    assert entries["transactions"]["decimal"].value == ","
    doubtful: list[object] = [f"{'-' if n % 2 else ''}{n + 1},{n + 100}" for n in range(40)]
    asked = formats_of([transactions(amt=doubtful)])[""]
    assert asked["decimal"].value == asked["thousands"].value == DECIDE


def test_a_rate_above_one_is_in_per_cent() -> None:
    columns: dict[str, list[object]] = {
        "acct_no": list(range(40)), "cust_no": list(range(40)), "product": ["demand"] * 40,
        "opened": ["2020-01-15"] * 40,
    }  # fmt: skip
    for rate, percent in ((0.5, False), (1.0, False), (1.5, True)):
        accounts = table("accounts", **columns, rate=[rate] * 40)
        found = {f.frame: f for f in matched([clients(), moves(), accounts])}["accounts"]
        assert ('unit = "percent"' in draft_of(found)) == percent


def test_words_that_are_not_known_are_decided_one_by_one_or_together() -> None:
    kind = COLUMNS["transactions"]["kind"]
    for unknown in range(6):
        words = ["salary", *(f"ZQ{n}" for n in range(unknown)), *(f"ZQ{n}" for n in range(unknown))]
        codes = codes_of(source(*words), kind)
        lines, default = _code_lines(codes, kind)
        named = [line for line in lines if line.key]
        assert [line.key for line in named if line.entry.value == "salary"] == ["salary"]
        single = unknown <= 3
        asked = [line for line in named if line.entry.value == DECIDE]
        assert len(asked) == (unknown if single else 0)
        assert sum(line.off for line in named) == (0 if single else unknown)
        assert len(default) == (0 if single else 1)
        if default:
            assert default[0].entry.comment.startswith(f"{unknown} words in {2 * unknown} rows")
        assert (lines[0].key == "") == (unknown > 0)


def test_the_evidence_of_a_column_is_counted() -> None:
    ids: list[object] = [*range(38), None, 99]
    text = draft_of(transactions(cust_no=ids, chnl=[None] * 39 + ["ATM"]))
    assert "1 empty, 39 distinct" in text or "1 empty, unique" in text
    assert "97.4% of them are in customers" in text
    people = matched([clients(), moves()])[0]
    assert "unique" in draft_of(people)


def test_files_of_one_kind_are_one_table(tmp_path: Path) -> None:
    for name, text in {"a.csv": "x,y\n", "b_1.csv": "x,y\n1,2\n", "b_2.csv": "x,y\n3,4\n",
                       "c1.csv": "x,y\n1,2\n", "c2.csv": "x,z\n1,2\n", "note.txt": "",
                       "readme.md": "", ".hidden.csv": "", "no.pdf": ""}.items():  # fmt: skip
        (tmp_path / name).write_text(text)
    problems: list[str] = []
    found = {t.title: t for t in tables_of_folder(tmp_path, problems)}
    assert {n: (t.name, t.rows) for n, t in found.items()} == {
        "a.csv": ("a", 0), "b_*.csv": ("b", 2), "c1.csv": ("c", 1), "c2.csv": ("c", 1)
    }  # fmt: skip
    assert found["b_*.csv"].about.startswith("2 rows, 2 files, ")
    assert sorted(p.split(":")[0] for p in problems) == ["no.pdf", "note.txt"]


def test_an_optional_column_without_a_known_word_is_left_out_where_it_has_many() -> None:
    for words in (11, 10):
        people = table("clients", cust_no=list(range(60)), cust_type=["P"] * 59 + ["C"],
                       gender=[f"zq{n % words}" for n in range(60)])  # fmt: skip
        text = draft_of(matched([people, moves()])[0])
        assert ("left out, no word is known: zq0 (" in text) == (words > 10)
        assert ("[customers.values.gender]" in text) == (words <= 10)
        assert ('"" leaves the value out' in text) == (words <= 10)
        if words > 10:
            assert '# gender = "gender"' in text
            assert text.count("zq") == 10  # of eleven words


def test_a_unit_of_all_amounts_is_stated_once_and_others_by_column() -> None:
    people = clients(**{"年收入(万元)": [1.5] * 40})
    assert 'amounts_in = "' in draft_of(matched([people, moves()])[0])
    both = clients(**{"年收入(万元)": [1.5] * 40, "revenue": [2.5] * 40})
    text = draft_of(matched([both, moves()])[0])
    assert "amounts_in" not in text
    assert text.count("unit = ") == 1
    assert "revenue" in text


def test_what_a_column_is_not_known_to_be_is_said() -> None:
    found = matched([clients(), moves(amt=[], zz=["a b"] * 40)])
    lacking = found[1]
    assert lacking.lacking == ["amount"]
    text = draft_of(lacking)
    assert f'amount = "{DECIDE}"' in text
    assert "one of your columns: zz" in text
    assert "# not used: zz" in text
    assert sections_of("b", Entry(DECIDE), [lacking])[-1].lacking
    sections = sections_of("b", Entry(DECIDE), found, ["x.csv: why"], "sqlite://")
    assert [s.text() for s in sections][-1] == "# x.csv: why"
    assert 'database = "sqlite://"' in sections[0].text()
    assert '# currency = "CNY"' in sections[0].text()
    assert "database" not in sections_of("b", Entry(DECIDE), found)[0].text()


def test_a_kind_of_movements_that_no_column_has_is_one_word_for_all() -> None:
    text = draft_of(transactions(txn_cd=[]))
    assert f'kind = "{DECIDE}"' in text
    assert "[transactions.constants]" in text
    assumed = "\n".join(
        s.text(assumed=True) for s in sections_of("b", Entry(DECIDE), [transactions(txn_cd=[])])
    )
    assert 'kind = "other"' in assumed
    own = transactions(txn_cd=["card", "salary"] * 20)
    assert "[transactions.values" not in draft_of(own)
    assert "[transactions.constants]" not in draft_of(own)


def test_known_words_and_days_make_a_column_surer() -> None:
    kinds: list[object] = [f"ZQ{n % 4}" for n in range(40)]
    known, unknown = transactions(), transactions(txn_cd=kinds)
    assert set(days_in(known)) == {"date"}
    assert unknown.columns["kind"].score == pytest.approx(0.75 * known.columns["kind"].score)
    half: list[object] = ["POS" if n % 2 else "ZQ" for n in range(40)]
    part = transactions(txn_cd=half).columns["kind"]
    assert part.score == pytest.approx(0.875 * known.columns["kind"].score)
