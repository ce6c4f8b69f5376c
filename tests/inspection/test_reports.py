"""What an inspection reports, from single lines, faults and columns in memory."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pandas as pd
import pytest
from tests.inspection.test_small_parts import clients, moves, transactions

from bankcrm import inspect_book
from bankcrm.book.contract import CONTRACT
from bankcrm.book.mapping import BookMapping
from bankcrm.frames import DataFault
from bankcrm.inspection.formats import DECIDE, Entry
from bankcrm.inspection.inspect import (
    _columns,
    _decisions,
    _doubts,
    _lacking,
    _last_day,
    _left_out,
    _place,
    _quality,
    _questions,
    _shown,
    _shown_url,
)
from bankcrm.inspection.lines import Line, Section
from bankcrm.inspection.matching import matched
from bankcrm.inspection.model import FoundFrame, Inspection
from bankcrm.quality import measure_quality

SECTIONS = [
    Section("", "", [Line("as_of", Entry(DECIDE, "which day"))]),
    Section("loans.columns", "", [
        Line("id", Entry("no", "by its name")),
        Line("rate", Entry(DECIDE, "one of these")),
        Line("term", Entry(DECIDE, "shown alone"), off=True),
        Line("", Entry("", "not used: x")),
    ]),
    Section("loans.values.purpose", "", [
        Line("A", Entry("", "3 rows; not known")),
        Line("B", Entry("car", "2 rows")),
        Line("", Entry("", "words: car")),
    ]),
    Section("loans.default", "", [Line("purpose", Entry("", "no"))]),
]  # fmt: skip


def test_each_line_of_the_draft_is_reported_where_it_belongs() -> None:
    assert _decisions(SECTIONS) == ("as_of: which day", "loans.columns.rate: one of these")
    columns = _columns(SECTIONS)
    assert [(c.frame, c.column, c.source, c.reason) for c in columns] == [
        ("loans", "id", "no", "by its name"), ("loans", "rate", DECIDE, "one of these"),
    ]  # fmt: skip
    assert _left_out(SECTIONS) == ["loans.purpose: the word 'A' is left out, 3 rows; not known"]


def test_a_second_candidate_is_asked_about() -> None:
    found = transactions(posting_dt=[f"2024-03-{n % 28 + 1:02}" for n in range(40)])
    assert _questions([found]) == ["transactions.date: 'txn_dt' or 'posting_dt'?"]
    assert _questions([transactions()]) == []


def test_a_frame_that_lacks_a_column_says_what_it_has() -> None:
    lacking = transactions(amt=[], zz=["a b"] * 40)
    assert _lacking(lacking) == (
        "transactions: txns.csv has no column for amount; its other columns: zz; "
        "name it in book.toml"
    )
    assert "its other columns: none; name it" in _lacking(transactions(amt=[]))
    accounts = transactions(cust_no=[], acct_no=[n + 500 for n in range(40)])
    assert _lacking(accounts).endswith("; if only accounts name the customer, export both in one "
                                       "table")  # fmt: skip
    both = transactions(cust_no=[], acct_no=[n + 500 for n in range(40)], amt=[])
    assert _lacking(both).endswith("; name it in book.toml")


@pytest.mark.parametrize("frame", ["complaints", "links"])
def test_ids_of_people_who_are_no_customers_are_no_doubt_there(frame: str) -> None:
    found = transactions(cust_no=[n + 1000 for n in range(40)])
    assert len(_doubts([found])) == 1
    assert _doubts([attrs.evolve(found, frame=frame)]) == []


def test_the_last_day_needs_days_that_are_known() -> None:
    assert _last_day(matched([clients(), moves()])[:1]).value == DECIDE
    assert _last_day([transactions(txn_dt=[])]).value == DECIDE
    zoned: list[object] = [dt.datetime(2024, 1, 1, n % 24, tzinfo=dt.UTC) for n in range(40)]
    assert _last_day([transactions(txn_dt=zoned)]).value == dt.date(2024, 1, 1)
    sure: list[object] = [f"{n % 28 + 1:02}/03/2024" for n in range(40)]
    assert _last_day([transactions(txn_dt=sure)]).value == dt.date(2024, 3, 28)


@pytest.mark.parametrize(
    ("entries", "place"),
    [('file = "a.csv"', "a.csv"), ('table = "t"', "t"), ('query = "SELECT 1"', "a query"),
     ("", "the file loans")],
)  # fmt: skip
def test_a_frame_is_read_from_its_place(entries: str, place: str) -> None:
    assert _place(BookMapping.from_toml(f"[loans]\n{entries}\n"), "loans") == place


@pytest.mark.parametrize(
    ("frame", "column"), [(f, c.name) for f, columns in CONTRACT.items() for c in columns]
)
def test_no_id_and_no_personal_value_is_an_example(frame: str, column: str) -> None:
    fault = DataFault(frame, column, "null", 2, ("row 3: Li", "row 9"), "a value")
    about = {c.name: c for c in CONTRACT[frame]}[column]
    assert ("Li" in _shown(fault)) == (about.kind != "id" and not about.personal)
    assert f"{frame}.{column}: null in 2 rows (row 3" in _shown(fault)


def test_values_of_an_unknown_column_are_no_examples() -> None:
    fault = DataFault("loans", "more", "null", 2, ("row 3: Li", "row 9"), "a value")
    assert _shown(fault) == "loans.more: null in 2 rows (row 3, row 9); expected a value"
    named = DataFault("loans", "more", "null", 2, ("row 3a", "row C9: Li", "7"), "a value")
    assert _shown(named) == "loans.more: null in 2 rows; expected a value"


def test_the_fields_that_lack_most_are_named_by_their_dimension() -> None:
    rows = range(12)
    people = pd.DataFrame(
        {
            "customer_id": rows,
            "kind": "person",
            "name": [f"Li {n}" if n % 2 else None for n in rows],
            "phone": ["1" if n % 3 else None for n in rows],
            "city": None,
            "gender": ["female"] * 11 + [None],
        }
    )
    day = dt.date(2026, 6, 30)
    measured = measure_quality(people, as_of=day)
    lines = _quality({"customers": people}, day)
    known = measured.dimensions["share"].dropna()
    assert [line.partition(" ")[0] for line in lines] == list(known.index)
    for line, (dimension, share) in zip(lines, known.items(), strict=True):
        fields = [
            (row.share, row.field)
            for row in measured.fields.itertuples()
            if row.dimension == dimension and row.weight > 0 and row.share < 1
        ]
        lacking = sorted(fields, key=lambda f: f[0])[:5]
        named = ", ".join(f"{field} {share:.1%}" for share, field in lacking)
        assert line == f"{dimension} {share:.1%}" + (f": {named}" if named else "")
    assert any(": " in line for line in lines)
    assert _quality({"customers": people}, None) == ()
    assert _quality({"customers": people}, DECIDE) == ()
    assert _quality({}, day) == ()


def test_a_draft_has_no_password_of_its_database(monkeypatch: pytest.MonkeyPatch) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed (extra sql)")
    text = "postgresql+psycopg://ada:secret@host/bank"
    url = sqlalchemy.make_url(text)
    sources: list[Any] = [
        *(text, url, SimpleNamespace(url=url)),
        SimpleNamespace(engine=SimpleNamespace(url=url)),
    ]
    plain = "postgresql+psycopg://ada@host/bank"
    assert {_shown_url(source) for source in sources} == {plain}
    monkeypatch.setenv("BANKCRM_DATABASE_PASSWORD", "secret")
    assert _shown_url(plain) == plain
    assert BookMapping.from_toml(f'database = "{_shown_url(text)}"').database == plain
    assert _shown_url(None) is None
    assert _shown_url(SimpleNamespace()) is None


def test_tables_of_a_database_are_frames_of_a_book(tmp_path: Path) -> None:
    path = tmp_path / "bank.db"
    with closing(sqlite3.connect(path)) as connection:
        for name, source in (("clients", clients()), ("txns", moves())):
            rows = {n: column.values.to_pylist() for n, column in source.columns.items()}
            pd.DataFrame(rows).to_sql(name, connection, index=False)
    found = inspect_book(f"sqlite:///{path}")
    assert (found.name, found.decisions, found.problems) == ("bank", (), ())
    assert found.mapping.database == f"sqlite:///{path}"
    assert found.quality, "the day of the review is known, so that the records are assessed"
    assert [(f.name, f.source, f.rows) for f in found.frames] == [
        ("customers", "clients", 40),
        ("transactions", "txns", 40),
    ]


def test_what_a_review_would_reject_is_a_problem(tmp_path: Path) -> None:
    """The whole book is checked by the draft, if every cell can be read."""
    ids = range(12)
    days = [f"2024-03-{n + 1:02}" for n in ids]
    for income, said in ((5, False), (-5, True)):
        people = pd.DataFrame({"cust_no": ids, "cust_type": "P", "income": income})
        money = [(-1) ** n * (n + 1.25) for n in ids]
        txns = pd.DataFrame({"cust_no": ids, "txn_dt": days, "amt": money, "txn_cd": "POS"})
        people.to_csv(tmp_path / "clients.csv", index=False)
        txns.to_csv(tmp_path / "txns.csv", index=False)
        problems = inspect_book(tmp_path).problems
        assert any("customers.income: below minimum in 12 rows" in p for p in problems) == said


def test_the_same_reason_is_given_once() -> None:
    found = Inspection(
        "bank",
        "",
        True,
        (FoundFrame("loans", "l.csv", 3, "3 rows"),),
        decisions=("a", "b"),
        notes=("n",),
        available=("x", "y"),
        reasons={"p": "no loans", "q": "no links", "r": "no loans"},
        limits={"s": "t"},
    )
    assert found.not_available() == {"no loans": ["p", "r"], "no links": ["q"]}
    assert str(found).splitlines() == [
        "bank",
        *("frames", "  loans: l.csv (3 rows)"),
        *("to note", "  n"),
        *("to decide (2)", "  a", "  b"),
        *("a review will have", "  x, y"),
        *("it will not have", "  p, r: no loans", "  q: no links"),
        *("it will leave out", "  s: t"),
    ]
    assert str(Inspection("bank", "", True, ())) == "bank"
    card = found._repr_html_()
    assert "l.csv" in card
    assert "to decide" in card
