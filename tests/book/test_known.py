"""No hindsight: what a book knows on a day, by an independent cut of the book at that day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bankcrm.book import CONTRACT, Book, contract_page
from bankcrm.calendars import working_calendar
from bankcrm.complaints import process_complaints, summarise
from bankcrm.datasets import load_berka, make_book
from bankcrm.engines import DuckDBEngine
from bankcrm.errors import DataError
from bankcrm.reviews import EngineReview, Review, review
from bankcrm.testing.books import books

DATED = {
    "transactions": "date",
    "accounts": "opened_date",
    "balances": "date",
    "loans": "granted_date",
    "contacts": "date",
    "complaints": "received_at",
    "credits": "granted_date",
    "capital": "date",
    "consents": "since",
}
"""Written anew, from the data contract's text: the date of a row."""
LATER = {
    "customers": ["first_contact_date", "inquiry_date", "contract_date", "closed_date"],
    "accounts": ["closed_date"],
    "complaints": ["sent_at", "acknowledged_at", "answered_at", "closed_at"],
    "links": ["until"],
}
"""The dates of things that may happen to a row after its own day."""


def day_of(value: Any) -> dt.date | None:
    """The day on a clock in Shanghai of an instant; a date as it is."""
    if pd.isna(value):
        return None
    stamp = pd.Timestamp(value)
    return stamp.date() if stamp.tzinfo is None else stamp.tz_convert("Asia/Shanghai").date()


def cut(book: Book, day: dt.date) -> Book:
    """The book as its clerk had it on the evening of the day: one row and one cell at a time."""
    frames = {name: frame.copy() for name, frame in book.frames().items()}
    for name, columns in LATER.items():
        for column in (c for c in columns if name in frames and c in frames[name]):
            late = [(day_of(v) or day) > day for v in frames[name][column]]
            frames[name][column] = frames[name][column].mask(pd.Series(late, frames[name].index))
    if "closure_reason" in frames["customers"]:
        people = frames["customers"]
        people["closure_reason"] = people["closure_reason"].where(people["closed_date"].notna())
    traces: dict[Any, list[dt.date]] = {}
    begins = ["first_contact_date", "inquiry_date", "contract_date"]
    for _, row in book.customers.iterrows():
        own = traces.setdefault(row["customer_id"], [])
        own += [d for c in begins if c in row and (d := day_of(row[c]))]
        closed = day_of(row.get("closed_date"))
        own += [closed] if closed and closed <= day else []
    for name, column in DATED.items():
        for _, row in (book.frame(name) if name in frames else pd.DataFrame()).iterrows():
            if "customer_id" in row and not pd.isna(row["customer_id"]):
                traces.setdefault(row["customer_id"], []).append(day_of(row[column]) or day)
    for name, column in (*DATED.items(), ("links", "since")):
        if name in frames and column in frames[name]:
            known = [(day_of(v) or day) <= day for v in frames[name][column]]
            frames[name] = frames[name].loc[known]
    known = [min(traces[c], default=day) <= day for c in book.customers["customer_id"]]
    frames["customers"] = frames["customers"].loc[known]
    return Book(**frames, as_of=day, name=book.name)


def assert_same(found: Review, expected: Review) -> None:
    """Customers with every fact, complaints and figures; findings are of the book as it came."""
    ours, theirs = (
        (r.output.frame() if isinstance(r, EngineReview) else r.facts).sort_index()
        for r in (found, expected)
    )
    assert ours.index.tolist() == theirs.index.tolist()
    plain = [f[ours.columns].astype(object) for f in (ours, theirs)]  # a file has None for nan
    plain = [f.where(f.notna(), None) for f in plain]
    pd.testing.assert_frame_equal(*plain, check_dtype=False)
    assert found.complaints.index.tolist() == expected.complaints.index.tolist()
    complaints = [r.complaints.reset_index(drop=True).astype(object) for r in (found, expected)]
    pd.testing.assert_frame_equal(*complaints, check_dtype=False)
    # Why a result is null names the rejected rows, which only the whole book has; findings and the
    # quality of the records are of the book as it came.
    worded = ("limits", "not_available")
    figures = [
        {
            k: set(v) - {"quality"} if k in worded else v
            for k, v in r.summary.items()
            if k not in ("findings", "quality")
        }
        for r in (found, expected)
    ]
    assert figures[0] == figures[1]
    assert found.fitted.values == expected.fitted.values


def days_of(book: Book) -> list[dt.date]:
    """Every day on which something happens in the book, and the day before it."""
    columns = {"customers": LATER["customers"], **{n: [c] for n, c in DATED.items()}}
    found = {
        day
        for name, frame in book.frames().items()
        for column in (*columns.get(name, ()), *LATER.get(name, ()))
        if column in frame
        for day in map(day_of, frame[column])
        if day is not None
    }
    known = {d - dt.timedelta(days=n) for d in found for n in (0, 1)}
    return sorted(d for d in known if d >= dt.date(1960, 1, 1)) or [dt.date(2026, 6, 30)]


@st.composite
def books_and_days(draw: st.DrawFn) -> tuple[Book, dt.date]:
    """A random book and a day that matters to it: those in between change nothing."""
    book = draw(books())
    return book, draw(st.sampled_from(days_of(book)))


@settings(max_examples=15)
@given(books_and_days())
def test_cutting_the_book_at_a_day_is_reviewing_it_as_of_that_day(
    drawn: tuple[Book, dt.date],
) -> None:
    book, day = drawn
    past = cut(book, day)
    if past.customers.empty:
        with pytest.raises(DataError, match=r"no customer to review .*not yet known"):
            review(book, as_of=day)
        return
    found = review(book, as_of=day)
    assert_same(found, review(past, as_of=day))


@settings(max_examples=20)
@given(books_and_days())
def test_no_row_is_lost_and_the_known_customers_stay(drawn: tuple[Book, dt.date]) -> None:
    book, day = drawn
    checked, faults = book.check(day, part=True)
    for name, frame in book.frames().items():
        away = checked.rejected.get(name, frame.iloc[:0])
        assert len(checked.frame(name)) + len(away) == len(frame)
    past = cut(book, day)
    for name, frame in checked.frames().items():
        assert len(frame) == len(past.frame(name)), name
    ids = [sorted(b.customers["customer_id"]) for b in (checked, past)]
    assert ids[0] == ids[1]
    counted = [f.count for f in faults if f.problem == "not_yet_known"]
    assert sum(counted) == len(book.customers) - len(past.customers)


SOURCES: list[Callable[[Book], Any]] = [lambda book: book, DuckDBEngine]


@settings(max_examples=5)
@given(books_and_days(), st.integers(1, 3))
def test_the_law_holds_on_duckdb(drawn: tuple[Book, dt.date], blocks: int) -> None:
    book, day = drawn
    past = cut(book, day)
    assume(len(past.customers) > 0)
    found = review(DuckDBEngine(book), as_of=day, blocks=blocks)
    assert_same(found, review(past, as_of=day))


@pytest.mark.parametrize(
    ("day", "on"),
    [
        ("2025-08-14", SOURCES[0]),
        ("2026-02-28", SOURCES[0]),
        ("2026-02-28", SOURCES[1]),
        ("2026-06-29", SOURCES[0]),
    ],
    ids=["2025-08-14", "2026-02-28", "2026-02-28-DuckDB", "2026-06-29"],
)
def test_the_law_holds_on_a_synthetic_bank(day: str, on: Callable[[Book], Any]) -> None:
    book, when = make_book(150, seed=7), dt.date.fromisoformat(day)
    past = cut(book, when)
    assert len(past.customers) < len(book.customers) or when.month == 6
    found = review(on(book), as_of=when)
    assert_same(found, review(past, as_of=when))
    assert_same(review(on(past), as_of=when), found)


def small(**changes: Any) -> Book:
    """Six customers, each known from something else, or from nothing."""
    dates = {
        "first_contact_date": [None, "2026-02-01", None, None, None, None],
        "contract_date": ["2026-01-01", "2026-05-01", "2026-05-01", None, "2026-05-01", None],
    }
    frames: dict[str, Any] = {
        "customers": pd.DataFrame(
            {
                "customer_id": [1, 2, 3, 4, 5, 6],
                "kind": "person",
                **{name: pd.to_datetime(days) for name, days in dates.items()},
            }
        ),
        "transactions": pd.DataFrame(
            {
                "customer_id": [3, 4],
                "date": pd.to_datetime(["2026-02-20", "2026-04-01"]),
                "amount": [10.0, 20.0],
                "kind": "card",
            }
        ),
        "links": pd.DataFrame({"parent_id": [1, 1], "child_id": [5, 2], "link": "owns",
                               "since": pd.to_datetime(["2020-01-01", "2026-06-01"])}),
    }  # fmt: skip
    return Book(**{**frames, **changes}, as_of=dt.date(2026, 6, 30), name="small")


def test_a_customer_exists_from_the_first_trace_on() -> None:
    """1 has a contract, 2 a contact, 3 a movement; 4 and 5 come later; 6 has no date at all."""
    checked, faults = small().check("2026-03-01")
    assert checked.customers["customer_id"].tolist() == [1, 2, 3, 6]
    away = checked.rejected["customers"]
    assert away["customer_id"].tolist() == [4, 5]
    assert set(away["fault"]) == {"customer_id: not_yet_known"}
    [fault] = [f for f in faults if f.problem == "not_yet_known"]
    assert (fault.count, fault.examples) == (2, ("row 3", "row 4"))
    assert checked.frame("links")["child_id"].tolist() == [5], "a link may name outside members"
    assert not [f for f in faults if f.problem == "unknown_customer"]
    found = review(small(), as_of="2026-03-01")
    stages = found.customers["stage"].astype(str).to_dict()
    assert stages == {1: "new", 2: "lead", 3: "new", 6: "prospect"}
    assert found.findings.set_index("problem").loc["not_yet_known", "count"] == 2


@pytest.mark.parametrize("on", SOURCES, ids=["memory", "DuckDB"])
def test_later_customers_of_berka_do_not_exist_yet(
    on: Callable[[Book], Any], shared_data: Path
) -> None:
    """Who has no account by the end of 1993, and no movement, is no customer then."""
    if not (shared_data / "berka").is_dir():
        pytest.skip("no Berka data")
    book = load_berka(shared_data / "berka")
    day = pd.Timestamp("1993-12-31")
    first = pd.concat(
        [
            book.customers.set_index("customer_id")["contract_date"],
            book.frame("accounts").groupby("customer_id")["opened_date"].min(),
            book.transactions.groupby("customer_id")["date"].min(),
        ]
    ).groupby(level=0).min()  # fmt: skip
    known = set(first.index[first <= day])
    found = review(on(book), as_of=day)
    assert found.summary["customers"] == len(known) < len(book.customers)
    assert "prospect" not in {k for k, n in found.summary["stage"].items() if n}
    later = found.findings.query("problem == 'not_yet_known'")["count"].sum()
    assert later == len(book.customers) - len(known)


def complaint(**columns: Any) -> pd.DataFrame:
    received = pd.to_datetime(["2026-03-02T01:00Z"])
    instants = {n: pd.to_datetime([v]) if n.endswith("_at") else v for n, v in columns.items()}
    return pd.DataFrame({"complaint_id": [1], "received_at": received, **instants})


CASES = {
    "answered in time": complaint(answered_at="2026-03-03T01:00Z", closed_at="2026-04-20T01:00Z"),
    "closed, never answered": complaint(closed_at="2026-04-20T01:00Z"),
    "answered later, closed before": complaint(
        answered_at="2026-04-20T01:00Z", closed_at="2026-03-03T01:00Z"
    ),
    "open": complaint(closed_at=None),
}


@pytest.mark.parametrize("day", ["2026-03-02", "2026-03-06", "2026-04-19", "2026-04-20"])
@pytest.mark.parametrize("case", CASES)
def test_review_processing_and_summary_agree_on_what_is_answered(case: str, day: str) -> None:
    """One definition: closed counts as answered, and a later answer is not known yet."""
    frame = CASES[case].assign(customer_id=1, kind="complaint", severity="minor")
    reviewed = review(small(complaints=frame), as_of=day).complaints
    alone = process_complaints(frame, as_of=day, calendar=working_calendar("CN")).routed
    assert alone["state"].tolist() == reviewed["state"].tolist()
    due = frame.assign(due=reviewed["due"].to_numpy())
    counted = summarise(due, calendar=working_calendar("CN"), as_of=day).iloc[0]
    state = reviewed["state"].iloc[0]
    assert counted["answered"] == (state in ("in_time", "late"))
    assert counted["in_time"] == (state == "in_time")
    assert counted["breached"] == (state in ("late", "overdue"))


def test_closed_complaints_without_an_answer_are_not_overdue() -> None:
    """Twelve hundred closed complaints of which the register kept no day of the answer."""
    received = pd.date_range("2025-01-01", periods=1200, freq="6h", tz="UTC")
    register = pd.DataFrame(
        {
            "complaint_id": range(1200),
            "received_at": received,
            "closed_at": received + pd.Timedelta(days=9),
        }
    )
    found = review(small(complaints=register), as_of="2026-06-30")
    assert found.summary["complaints"]["overdue"] == 0
    counted = summarise(register, calendar=working_calendar("CN"), as_of="2026-06-30")
    assert counted["closed"].sum() == counted["answered"].sum() == 1200


@pytest.mark.parametrize("on", SOURCES, ids=["memory", "DuckDB"])
@pytest.mark.parametrize("customer", ["absent", "null"])
def test_complaints_that_name_no_customer_are_reviewed(
    on: Callable[[Book], Any], customer: str
) -> None:
    """How many each customer has is then unknown, and not none."""
    frame = complaint(closed_at=None)
    frame = frame if customer == "absent" else frame.assign(customer_id=None)
    found = review(on(small(complaints=frame)), as_of="2026-06-30")
    assert found.complaints["state"].tolist() == ["overdue"]
    assert found.summary["complaints"]["accepted"] == 1


def test_labels_without_a_date_are_named_where_the_records_are_later() -> None:
    labelled = small()
    people = labelled.customers.assign(credit_standing="good", satisfaction=None)
    labelled = attrs.evolve(labelled, customers=people)
    early = review(labelled, as_of="2026-03-01").findings.query("problem == 'undated'")
    assert early[["frame", "column"]].to_numpy().tolist() == [["customers", "credit_standing"]]
    late = review(labelled, as_of="2026-06-30").findings
    assert late.empty or "undated" not in set(late["problem"])
    undated = attrs.evolve(labelled, as_of=None)
    assert "undated" in set(review(undated, as_of="2026-03-01").findings["problem"])


def test_a_label_is_known_from_its_date() -> None:
    frame = complaint(closed_at="2026-04-20T01:00Z", outcome=["upheld"], redress=[5.0])
    for day, known in (("2026-04-19", False), ("2026-04-20", True)):
        checked, faults = small(complaints=frame).check(day)
        assert checked.frame("complaints")[["outcome", "redress"]].notna().to_numpy().all() == known
        named = {f.column for f in faults if f.frame == "complaints"}
        assert named == (set() if known else {"closed_at", "outcome", "redress"})
    undated = frame.drop(columns="closed_at")
    checked, _ = small(complaints=undated).check("2026-04-19")
    assert checked.frame("complaints")["outcome"].tolist() == ["upheld"]


def test_a_later_row_does_not_push_out_an_earlier_one_with_its_number() -> None:
    moves = small().transactions.assign(transaction_id=7).iloc[::-1]
    checked, faults = small(transactions=moves).check("2026-03-01")
    assert checked.transactions["customer_id"].tolist() == [3]
    assert "duplicate_key" not in {f.problem for f in faults}


def test_the_contract_says_since_when_each_column_is_known() -> None:
    page = contract_page()
    assert "| `closure_reason` | category |  | `closed_date` |" in page
    assert "| `credit_standing` | category |  | undated |" in page
    assert "A row is known from its `granted_date`." in page
    for columns in CONTRACT.values():
        names = {c.name for c in columns}
        assert all(set(c.known_from) <= names for c in columns)
        assert not [c.name for c in columns if c.known_from and c.undated]
