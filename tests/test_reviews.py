"""The review as a whole: nobody is lost, nothing is guessed, the figures agree with the rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bankcrm
from bankcrm.book import Book
from bankcrm.datasets import load_berka, make_book
from bankcrm.errors import DataError, PolicyError, UnknownNameError
from bankcrm.policy import default_policies, default_policy
from bankcrm.quality import measure_quality
from bankcrm.reviews import Review, review


@pytest.fixture(scope="module")
def book() -> Book:
    return make_book(800, seed=11)


@pytest.fixture(scope="module")
def reviewed(book: Book) -> Review:
    return review(book, as_of=book.as_of)


def tiny(**changes: object) -> Book:
    frames: dict[str, object] = {
        "customers": pd.DataFrame(
            {
                "customer_id": ["a", "b", "c"],
                "kind": ["person", "company", "person"],
                "contract_date": pd.to_datetime(["2024-01-01", "2025-01-01", None]),
            }
        ),
        "transactions": pd.DataFrame(
            {
                "customer_id": ["a", "a", "b"],
                "date": pd.to_datetime(["2026-06-05", "2026-01-06", "2024-06-01"]),
                "amount": [100.0, -20.0, 30.0],
                "kind": ["salary", "card", "card"],
            }
        ),
    }
    return Book(**(frames | changes))


def test_every_customer_is_there_once(book: Book, reviewed: Review) -> None:
    assert reviewed.customers.index.is_unique
    assert set(reviewed.customers.index) == set(book.customers["customer_id"])


def test_every_decision_names_its_rule(reviewed: Review) -> None:
    everybody = reviewed.customers
    customers = everybody[everybody["is_customer"]]
    for rows, name in ((everybody, "stage"), (customers, "tier"), (customers, "resource_level")):
        assert rows[name].notna().all()
        assert rows[f"{name}_rule"].notna().all()


def test_components_add_up_to_the_contribution(reviewed: Review) -> None:
    parts = [c for c in reviewed.summary["contribution"] if c != "contribution"]
    total = reviewed.customers[parts].sum(axis=1)
    assert (total - reviewed.customers["contribution"]).abs().max() < 0.005


def test_the_summary_counts_the_rows(book: Book, reviewed: Review) -> None:
    s = reviewed.summary
    others = sum(s["others"]["stage"].values())
    assert sum(s["stage"].values()) == s["customers"] + others == len(book.customers)
    for name in ("stage", "tier", "resource_level"):
        counts = {k: v for k, v in s[name].items() if v}
        assert counts == reviewed.customers[name].value_counts().loc[lambda c: c > 0].to_dict()
    complaints = s["complaints"]
    assert complaints["accepted"] + complaints["rejected"] <= len(book.frame("complaints"))
    assert complaints["accepted"] == len(reviewed.complaints)
    measured = measure_quality(book.customers, as_of=book.as_of)
    assert s["quality"]["score"] == pytest.approx(measured.score, abs=1e-6)
    assert s["quality"]["records"] == len(book.customers)


def test_complaints_have_an_owner_and_a_day(reviewed: Review) -> None:
    assert len(reviewed.complaints) > 0
    assert reviewed.complaints["owner"].notna().all()
    assert reviewed.complaints["severity_rule"].notna().any()


def test_the_same_book_gives_the_same_review(book: Book, reviewed: Review) -> None:
    again = review(book, as_of=book.as_of)
    pd.testing.assert_frame_equal(again.customers, reviewed.customers)
    assert again.summary == reviewed.summary


def test_the_size_of_blocks_of_rows_changes_nothing(
    book: Book, reviewed: Review, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bankcrm.frames.arrays.blocks.BLOCK", 1000)
    again = review(book, as_of=book.as_of)
    pd.testing.assert_frame_equal(again.facts, reviewed.facts, check_exact=True)
    assert again.summary == reviewed.summary
    assert again.findings.equals(reviewed.findings)


def test_what_happens_later_changes_nothing(book: Book) -> None:
    day = pd.Timestamp(book.as_of) - pd.Timedelta(days=90)
    known = review(book, as_of=day)
    past = book.transactions[book.transactions["date"] <= day]
    cut = Book(
        book.customers,
        past,
        **{k: v for k, v in book.frames().items() if k not in ("customers", "transactions")},
    )
    pd.testing.assert_frame_equal(review(cut, as_of=day).customers, known.customers)


def test_the_caller_keeps_the_frames(book: Book) -> None:
    before = {name: frame.copy() for name, frame in book.frames().items()}
    review(book, as_of=book.as_of)
    for name, frame in book.frames().items():
        pd.testing.assert_frame_equal(frame, before[name])


def test_a_changed_threshold_moves_customers(book: Book, reviewed: Review) -> None:
    policy = default_policy("lifecycle").with_parameters(lost_after_days=120, dormant_after_days=60)
    other = review(book, as_of=book.as_of, policies=default_policies().with_policy(policy))
    assert other.summary["stage"]["lost"] > reviewed.summary["stage"]["lost"]
    fingerprint = other.summary["policies"]["lifecycle"]["fingerprint"]
    assert (
        fingerprint
        == policy.fingerprint
        != reviewed.summary["policies"]["lifecycle"]["fingerprint"]
    )


def test_a_notebook_shows_the_figures(reviewed: Review) -> None:
    shown = reviewed._repr_html_()
    assert all(value in shown for value in reviewed.key_figures().values())
    assert reviewed.policies.fingerprint[:12] in shown


def test_progress_is_reported_step_by_step() -> None:
    seen: list[tuple[int, int, str]] = []
    review(tiny(), as_of="2026-06-30", progress=lambda *step: seen.append(step))
    done, totals, names = zip(*seen, strict=True)
    assert list(done) == list(range(len(seen)))
    assert set(totals) == {len(seen) - 1}
    assert names[-1] == "done"


def test_a_book_without_movements_is_reviewed() -> None:
    none = tiny().transactions.head(0)
    result = review(tiny(transactions=none), as_of="2026-06-30")
    assert len(result.customers) == 3
    assert result.customers["segment"].isna().all()
    assert result.summary["concentration"]["gini"] is None
    assert "n/a" in repr(result)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"transactions": tiny().transactions.drop(columns="amount")}, "amount"),
        ({"customers": pd.concat([tiny().customers] * 2)}, "duplicate"),
        ({"customers": tiny().customers.head(0)}, "customer"),
    ],
)
def test_a_book_that_does_not_fit_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        review(tiny(**changes), as_of="2026-06-30")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"customer_id": "nobody"}, "unknown_customer"),
        ({"date": pd.Timestamp("2026-07-01")}, "after_as_of"),
        ({"amount": float("nan")}, "null"),
        ({"amount": float("inf")}, "not_finite"),
    ],
)
def test_a_bad_row_is_rejected_and_counted(row: dict[str, object], problem: str) -> None:
    good = tiny().transactions
    bad = pd.concat([good, good.head(1).assign(**row)], ignore_index=True)
    result = review(tiny(transactions=bad), as_of="2026-06-30")
    found = result.findings.set_index("problem")["count"]
    assert found[problem] == 1
    clean = review(tiny(), as_of="2026-06-30")
    pd.testing.assert_frame_equal(result.customers, clean.customers)


def test_a_complaint_that_the_calendar_does_not_reach_is_rejected(
    book: Book, reviewed: Review
) -> None:
    """It has no due day; all others are routed as before."""
    complaints = book.frame("complaints").copy()
    complaints.loc[complaints.index[0], "received_at"] = pd.Timestamp("1995-05-05", tz="UTC")
    found = review(attrs.evolve(book, complaints=complaints), as_of=book.as_of)
    old = str(complaints["complaint_id"].iloc[0])
    faults = found.findings.query("problem == 'outside_calendar'")
    assert faults[["frame", "column", "count"]].to_numpy().tolist() == [
        ["complaints", "received_at", 1]
    ]
    assert old in str(faults["examples"].iloc[0])
    assert set(found.complaints.index.astype(str)) == set(reviewed.complaints.index.astype(str)) - {
        old
    }
    assert found.summary["complaints"]["rejected"] == reviewed.summary["complaints"]["rejected"] + 1


def test_no_policy_for_the_day_is_an_error() -> None:
    late = bankcrm.load_policy(
        default_policy("lifecycle")
        .to_toml()
        .replace('domain = "lifecycle"', 'domain = "lifecycle"\neffective_from = 2030-01-01')
    )
    with pytest.raises(PolicyError, match="not in force"):
        review(tiny(), as_of="2026-06-30", policies=default_policies().with_policy(late))


def test_berka_is_reviewed_whole(shared_data: Path) -> None:
    book = load_berka(shared_data / "berka")
    result = review(book, as_of=date(1994, 3, 30))
    assert len(result.customers) == 1229
    assert result.policies["valuation"].id == "bankcrm.valuation.czk_1993"
    assert set(result.customers.index) == set(book.customers["customer_id"])
    fees = book.transactions.query("kind == 'fee' and date > '1993-03-30'")["amount"].sum()
    assert result.summary["contribution"]["fees"] == pytest.approx(-fees, abs=0.005)


def test_every_decision_can_be_explained(reviewed: Review) -> None:
    for customer in reviewed.customers.index[::97]:
        row = reviewed.customers.loc[customer]
        traces = reviewed.explain(customer)
        for table, column in (("stage", "stage"), ("tier", "tier"), ("rfm_segment", "segment")):
            if pd.notna(row[column]):
                assert traces[table].decision.outcome == row[column]
                assert traces[table].decision.rule == row[f"{column}_rule"]
    with pytest.raises(UnknownNameError, match="nobody"):
        reviewed.explain("nobody")


def test_it_writes_a_folder(reviewed: Review, tmp_path: Path) -> None:
    reviewed.write(tmp_path / "deep" / "folder")
    page = (tmp_path / "deep" / "folder" / "index.html").read_text(encoding="utf-8")
    assert reviewed.policies["lifecycle"].fingerprint[:16] in page
    kept = pd.read_parquet(tmp_path / "deep" / "folder" / "customers.parquet")
    assert kept.index.equals(reviewed.customers.index)


def test_hostile_names_are_inert_in_the_page(tmp_path: Path) -> None:
    book = tiny(name="<script>alert(1)</script>", as_of="2026-06-30")
    review(book, as_of="2026-06-30").to_html(tmp_path / "r.html")
    assert "<script>alert(1)" not in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_the_public_face_gives_the_function_and_not_a_module() -> None:
    assert bankcrm.review is review
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = bankcrm.nothing
    assert set(bankcrm.__all__) == set(dir(bankcrm))


def equal_payers(customers: int, first: str, months: int) -> Book:
    """Everybody has the same movement on the same day of each month."""
    ids = np.arange(customers)
    days = pd.date_range(first, periods=months, freq="MS")
    moves = pd.DataFrame(
        {"customer_id": np.tile(ids, months), "date": np.repeat(days, customers), "amount": -50.0}
    )
    return Book(pd.DataFrame({"customer_id": ids, "kind": "person"}), moves.assign(kind="card"))


def test_segments_of_equal_customers_do_not_contradict_what_they_do() -> None:
    """Whoever pays monthly for two years is not new; whoever is lost is not recent."""
    payers = review(equal_payers(300, "2024-07-01", 24), as_of="2026-06-30").customers
    assert set(payers["stage"]) == {"active"}
    assert set(payers["segment"]) == {"loyal"}
    idle = review(equal_payers(2, "2019-03-01", 1), as_of="2026-06-30").customers
    assert set(idle["stage"]) == {"lost"}
    assert idle["segment"].isna().all()  # there is no customer on the day to compare with
    mixed = pd.concat([equal_payers(2, "2019-03-01", 1).transactions,
                       equal_payers(9, "2024-07-01", 24).transactions.assign(
                           customer_id=lambda moves: moves["customer_id"] + 100)])  # fmt: skip
    people = pd.DataFrame({"customer_id": mixed["customer_id"].unique(), "kind": "person"})
    both = review(Book(people, mixed), as_of="2026-06-30").customers
    lost = both[both["stage"] == "lost"]
    assert set(lost["r"]) == {1}
    assert not set(lost["segment"]) & {"new", "promising", "champions", "loyal"}


@settings(max_examples=15)
@given(st.lists(st.integers(0, 2000), min_size=1, max_size=12))
def test_nobody_who_is_lost_for_being_idle_is_called_recent(idle: list[int]) -> None:
    """Also where the whole book is idle, so that the least idle are lost as well."""
    day = pd.Timestamp("2026-06-30")
    moves = pd.DataFrame(
        {
            "customer_id": range(len(idle)),
            "date": day - pd.to_timedelta(idle, unit="D"),
            "amount": 10.0,
            "kind": "card",
        }
    )
    people = pd.DataFrame({"customer_id": range(len(idle)), "kind": "person"})
    found = review(Book(people, moves), as_of=day).customers
    lost = (found["stage"] == "lost").to_numpy()
    assert (found.loc[lost, "r"].dropna() == 1).all()
    if not lost.all():  # there is somebody to compare with
        assert found.loc[lost, "r"].notna().all()
