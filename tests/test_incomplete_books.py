"""A book of which parts are absent, empty or rejected: every step gives a result, with reasons."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest

from bankcrm import cli
from bankcrm.book import Book, empty_frame, write_book
from bankcrm.datasets import load_cfpb, make_book
from bankcrm.engines import DuckDBEngine
from bankcrm.errors import DataError
from bankcrm.pipeline import STEPS
from bankcrm.pipeline.beside import RISK
from bankcrm.pipeline.steps import needs_table
from bankcrm.policy import default_policies, default_policy
from bankcrm.reviews import Review, review
from bankcrm.simulation import simulate

WHOLE = make_book(40, seed=3)
OTHERS = [name for name in WHOLE.frames() if name != "customers"]
WAYS = ("absent", "empty", "one", "rejected")
VALUES = ("contribution", "value_score", "tier", "resource_level", "value_at_stake")


def without(book: Book, name: str, way: str) -> Book:
    """The book with one frame absent, empty, of one row, or with every row rejected."""
    frame = book.frame(name)
    changed: pd.DataFrame | None = {
        "absent": None if name != "transactions" else empty_frame(name),
        "empty": frame.iloc[:0],
        "one": frame.iloc[:1],
        "rejected": _spoiled(name, frame),
    }[way]
    return attrs.evolve(book, **{name: changed})


def _spoiled(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows that the check rejects: of a customer whom nobody knows, or of a word that is none."""
    if name == "complaints":
        none = pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us, UTC]")
        return frame.assign(received_at=none)
    if name == "capital":
        return frame.assign(date=pd.Series(pd.NaT, index=frame.index, dtype="datetime64[s]"))
    return frame.assign(link="none") if name == "links" else frame.assign(customer_id=-5)


def everything(book: Book, folder: Path, as_of: Any = None) -> Review:
    """All that a user can ask of a review in memory; return it."""
    day = as_of or book.as_of
    found = review(book, as_of=day)
    assert len(found.customers) == len(book.check(day)[0].customers)
    page = found.to_html(folder / "page.html")
    assert page.count("<section ") == 12
    found.to_html(language="zh", earlier=found)
    found.to_excel(folder / "book.xlsx")
    assert json.loads(json.dumps(found.summary, allow_nan=False)) == found.summary
    for customer in found.customers.index[:5]:
        for trace in found.explain(customer).values():
            decision = trace.decision
            assert decision.rule is not None or decision.because or decision.missing, decision
    assert f"{found}{found._repr_html_()}"
    return found


def assert_reasons(found: Review) -> None:
    """A result that is null has a reason; one with a reason is null but where a rule decides."""
    for name in found.customers:
        if name.endswith("_rule") or name == "warning_rules":
            continue
        values = found.customers[name]
        if values.isna().any() and name not in ("kind", "days_since_contract", "days_idle"):
            assert found.why_null(name).notna().tolist() == values.isna().tolist(), name
        if name in found.reasons and name not in ("stage", "tier", "resource_level"):
            assert values.isna().all(), name
        if values.isna().all() and name not in found.reasons:
            assert not found.facts["is_customer"].any(), name


def without_quality(reasons: Mapping[str, str]) -> dict[str, str]:
    """The quality of the records is measured in memory only; the engine says so."""
    return {k: v for k, v in reasons.items() if k != "quality"}


def assert_same_on_an_engine(book: Book, known: Review, as_of: Any = None) -> None:
    found = review(DuckDBEngine(book), as_of=as_of or book.as_of, blocks=2)
    ours, theirs = (without_quality(r.reasons) for r in (found, known))
    assert ours == theirs
    assert found.limits == known.limits
    assert found.key_figures() == known.key_figures()
    assert _plain(found.summary) == _plain(known.summary)
    assert "</html>" in found.to_html()


def _plain(summary: Mapping[str, Any]) -> Any:
    figures = {k: v for k, v in summary.items() if k != "quality"}
    lacks = {k: v for k, v in summary["not_available"].items() if k != "quality"}
    return _rounded({**figures, "not_available": lacks})


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return round(value, 5) if isinstance(value, float) else value


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", OTHERS)
def test_a_book_without_a_frame_is_reviewed(name: str, way: str, tmp_path: Path) -> None:
    book = without(WHOLE, name, way)
    found = everything(book, tmp_path)
    assert_reasons(found)
    # On an engine each frame is once absent or rejected; a simulation meets each frame once.
    turn = WAYS[OTHERS.index(name) % 2 * 3]
    if way == turn:
        assert_same_on_an_engine(book, found)
    elif way == WAYS[OTHERS.index(name) % 4]:
        simulate(book, default_policies(), default_policies(), as_of=book.as_of)


@pytest.mark.parametrize(("one", "two"), list(itertools.combinations(OTHERS, 2)))
def test_a_book_without_two_frames_is_reviewed(one: str, two: str) -> None:
    """Each pair, the ways in which they lack taken in turn."""
    place = OTHERS.index(one) + 3 * OTHERS.index(two)
    ways = WAYS[place % 4], WAYS[(place // 4) % 4]
    book = without(without(WHOLE, one, ways[0]), two, ways[1])
    found = review(book, as_of=book.as_of)
    assert_reasons(found)
    if place % 4 == 0:
        assert_same_on_an_engine(book, found)
    else:
        assert "</html>" in found.to_html()


@pytest.mark.parametrize("way", ["absent", "rejected"])
def test_the_command_reviews_it(
    way: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = without(without(WHOLE, "balances", way), "complaints", way)
    write_book(book, tmp_path / "book")
    for engine in ("memory", "duckdb"):
        out = tmp_path / engine
        cli.main(["review", str(tmp_path / "book"), "--out", str(out), "--engine", engine])
        printed = capsys.readouterr().out
        assert "not available: contribution, " in printed
        assert re.search(r"not available: .*\bcomplaints \(", printed)
        assert "Contribution a year" in printed
        assert "CNY" not in (out / "index.html").read_text(encoding="utf-8") or book.currency
    cli.main(["explain", str(book.customers["customer_id"].iloc[0]), str(tmp_path / "book")])
    assert re.search(r"  tier: .*balances", capsys.readouterr().out)


TWO = Book(WHOLE.customers, WHOLE.transactions, as_of=WHOLE.as_of, name="two frames")


def test_two_frames_alone_invent_no_value(tmp_path: Path) -> None:
    found = everything(TWO, tmp_path)
    assert found.customers[list(VALUES[:2])].isna().all(axis=None)
    barred = found.customers["tier"].dropna()
    assert set(barred) <= {"restricted"}
    assert set(found.customers.loc[barred.index, "tier_rule"]) <= {"restricted-standing"}
    assert {found.reasons[name] for name in VALUES} == {
        "the book has no balances and no transactions.balance"
    }
    s = found.summary
    assert s["contribution"]["contribution"] is None
    assert s["contribution"]["deposit_margin"] is None
    assert s["concentration"]["split"] is None
    assert all(row["contribution"] is None for row in s["tiers"])
    fees = TWO.transactions.query("kind == 'fee'")
    year = fees[fees["date"] > pd.Timestamp(TWO.as_of) - pd.Timedelta(days=365)]
    customers = found.customers.index[found.customers["is_customer"]]
    mine = year["customer_id"].isin(customers)
    assert s["contribution"]["fees"] == pytest.approx(-year.loc[mine, "amount"].sum(), abs=0.01)
    page = found.to_html()
    for currency in ("CNY", "amounts in"):
        assert currency not in page
    assert found.key_figures()["Contribution a year"] == "n/a"
    assert found.key_figures()["Only holding a product"] == "n/a"


def test_a_partial_lack_stays_zero() -> None:
    """The book records balances, and the customer has none: nothing is unknown."""
    first = WHOLE.customers["customer_id"].iloc[0]
    frames = {n: WHOLE.frame(n) for n in ("accounts", "balances", "loans")}
    frames = {n: f[f["customer_id"] != first] for n, f in frames.items()}
    found = review(attrs.evolve(WHOLE, **frames), as_of=WHOLE.as_of)
    assert found.customers.loc[first, "balance"] == 0
    assert found.customers["contribution"].notna().all()


def moves(**changes: object) -> pd.DataFrame:
    return WHOLE.transactions.assign(**changes)


@pytest.mark.parametrize(
    ("transactions", "says"),
    [
        (moves(kind="POS"), r"all [\d,]+ rows of transactions are rejected .*kind.*'POS'"),
        (moves(customer_id=-5), r"all [\d,]+ rows of transactions are rejected"),
        (moves(kind="interest"), "no customer on the day has a transaction of their own"),
    ],
)
def test_it_says_what_is_set_aside(transactions: pd.DataFrame, says: str, tmp_path: Path) -> None:
    book = attrs.evolve(WHOLE, transactions=transactions)
    found = everything(book, tmp_path)
    assert pd.Series([found.reasons["segment"]]).str.contains(says).all(), found.reasons["segment"]
    assert found.customers["segment"].isna().all()
    if "stage" in found.reasons:
        assert found.key_figures()["Lost"] == "n/a"
    assert_reasons(found)
    assert_same_on_an_engine(book, found)


def test_only_money_that_goes_out_is_reviewed(tmp_path: Path) -> None:
    """The size of a movement counts, whichever way it goes."""
    out = moves(amount=-moves()["amount"].abs())
    found = everything(attrs.evolve(WHOLE, transactions=out), tmp_path)
    expected = review(WHOLE, as_of=WHOLE.as_of).facts["monetary"]
    pd.testing.assert_series_equal(found.facts["monetary"], expected)


def test_a_day_before_every_transaction_is_reviewed(tmp_path: Path) -> None:
    book = attrs.evolve(WHOLE, customers=WHOLE.customers.assign(contract_date=pd.NaT))
    found = everything(book, tmp_path, "1990-01-01")
    assert found.summary["customers"] == 0
    assert "transactions" in found.reasons["segment"]
    assert found.key_figures()["Gini (normalised)"] == "n/a"


def unanswered(book: Book) -> Book:
    """The book whose complaints do not say when they were answered or closed."""
    found = book.complaints.drop(columns=["answered_at", "closed_at"], errors="ignore")
    return attrs.evolve(book, complaints=found)


def test_nothing_is_overdue_where_no_answer_is_recorded(tmp_path: Path) -> None:
    book = unanswered(WHOLE)
    found = review(book, as_of=book.as_of)
    assert found.summary["complaints"]["overdue"] is None
    assert found.key_figures()["Overdue complaints"] == "n/a"
    assert found.complaints["state"].isna().all()
    assert "not_recorded" in set(found.findings["problem"])
    assert "complaint_open" not in "".join(found.customers["warning_rules"].dropna())
    assert "complaints are overdue;" not in found.to_html()
    found.to_html(language="zh")
    found.write(tmp_path / "out")
    write_book(book, tmp_path / "book")
    other = review(DuckDBEngine(tmp_path / "book"), as_of=book.as_of, out=tmp_path / "duck")
    assert other.summary["complaints"] == found.summary["complaints"]


def test_public_complaints_that_are_closed_are_not_overdue(shared_data: Path) -> None:
    """CFPB names no answers; with a closing day, only what is not due yet or not closed is open."""
    public = load_cfpb(shared_data / "cfpb")
    public = public[public["received_at"] >= "2013-01-01"].head(1_200)
    day = public["received_at"].max().date() + dt.timedelta(days=30)
    closed = public.assign(closed_at=public["received_at"] + pd.Timedelta(days=5))
    for complaints, overdue in ((public, None), (closed, 0)):
        book = attrs.evolve(WHOLE, complaints=complaints, as_of=day)
        found = review(book, as_of=day).summary["complaints"]
        assert (found["accepted"], found["overdue"]) == (1_200, overdue)


def test_one_customer_is_reviewed(tmp_path: Path) -> None:
    book = make_book(1, seed=3)
    assert_same_on_an_engine(book, everything(book, tmp_path))


def test_a_book_without_any_customer_is_refused_with_the_values_seen() -> None:
    book = attrs.evolve(WHOLE, customers=WHOLE.customers.assign(kind="P"))
    for source in (book, DuckDBEngine(book)):
        with pytest.raises(
            DataError, match=r"no customer to review \(customers.kind.*40 rows.*'P'"
        ):
            review(source, as_of=WHOLE.as_of)


def test_a_block_may_have_no_customer_left() -> None:
    """On an engine, a block whose only customers are rejected does not end the review."""
    customers = WHOLE.customers.copy()
    customers["kind"] = np.where(np.arange(40) < 38, "P", customers["kind"].astype(str))
    book = Book(customers, WHOLE.transactions, as_of=WHOLE.as_of)
    known = review(book, as_of=WHOLE.as_of)
    found = review(DuckDBEngine(book), as_of=WHOLE.as_of, blocks=6)
    assert len(known.customers) == 2
    assert found.all_customers().index.tolist() == sorted(known.customers.index)
    assert without_quality(found.reasons) == without_quality(known.reasons)


def test_who_is_a_customer_is_decided_by_stage() -> None:
    book = make_book(300, seed=5)
    found = review(book, as_of=book.as_of)
    rows = found.customers
    mine = rows["stage"].isin(["new", "active", "dormant"])
    assert rows["is_customer"].tolist() == mine.tolist()
    assert 0 < mine.sum() < len(rows)
    for name in ("tier", "resource_level", "warning", "value_score"):
        assert rows.loc[mine, name].notna().all()
        assert rows.loc[~mine, name].isna().all()
        why = found.why_null(name)
        assert set(why[~mine]) == {"does not apply: no relationship with the bank on the day"}
    s = found.summary
    assert s["customers"] == mine.sum()
    assert sum(s["others"]["stage"].values()) == (~mine).sum()
    assert sum(row["customers"] for row in s["tiers"]) == mine.sum()
    total = rows["contribution"].sum()
    parts = s["contribution"]["contribution"] + s["others"]["contribution"]
    assert parts == pytest.approx(total, abs=0.02)
    values = np.sort(rows.loc[mine, "contribution"])
    top = values[::-1][: int(len(values) / 5)].sum() / values.sum()
    assert s["concentration"]["top_fifth_share"] == pytest.approx(top, abs=0.01)
    assert s["concentration"]["customers"] == mine.sum()


def test_active_is_split_by_movements() -> None:
    book = make_book(300, seed=5)
    found = review(book, as_of=book.as_of)
    recent = book.transactions[
        book.transactions["date"] > pd.Timestamp(book.as_of) - pd.Timedelta(days=90)
    ]
    policy = default_policy("lifecycle")
    automatic = [*policy.value("bank_made_kinds"), *policy.value("standing_order_kinds")]
    movers = set(recent[~recent["kind"].isin(automatic)]["customer_id"])
    active = found.customers.index[found.customers["stage"] == "active"]
    holding = [c for c in active if c not in movers and found.facts.loc[c, "quiet_product"]]
    assert found.summary["active"] == {
        "moving": len(active) - len(holding), "holding": len(holding),
    }  # fmt: skip
    assert holding


def test_a_bank_may_count_the_lost_as_customers() -> None:
    stages = ["new", "active", "dormant", "lost"]
    policy = default_policy("lifecycle").with_parameters(customer_stages=stages)
    found = review(WHOLE, as_of=WHOLE.as_of, policies=default_policies().with_policy(policy))
    lost = found.customers["stage"] == "lost"
    assert lost.any()
    assert found.customers.loc[lost, "tier"].notna().all()
    both = simulate(WHOLE, default_policies(), default_policies().with_policy(policy))
    assert set(found.customers.index[lost]) <= set(both.decisions["tier"].moved.index)


def test_the_fits_learn_from_the_customers_on_the_day() -> None:
    """Those who are no customers change no cut point and no scale, but those of referrals."""
    book = make_book(300, seed=5)
    known = review(book, as_of=book.as_of)
    mine = known.customers.index[known.customers["is_customer"]]
    kept = {
        n: f[f["customer_id"].isin(mine)] for n, f in book.frames().items() if "customer_id" in f
    }
    found = review(Book(**kept, as_of=book.as_of), as_of=book.as_of)
    assert found.fitted.values["rfm"] == known.fitted.values["rfm"]
    scales = [
        {m.name: s for m, s in zip(v.measures, v.scales, strict=True) if m.name != "referrals"}
        for v in (r.fitted.values["value"] for r in (found, known))
    ]
    assert scales[0] == scales[1]
    assert len(scales[0]) > 10


def test_the_table_of_needs_names_every_result_and_frame() -> None:
    table = needs_table()
    for step in STEPS:
        for need in step.needs:
            assert all(f"`{name}`" in table for name in (*need.any_of, *need.results))
    needs = [*(need for s in STEPS for need in s.needs), *RISK]
    named = {n.partition(".")[0] for need in needs for n in need.any_of}
    assert set(OTHERS) <= named | {"complaints"}
