"""Steps are row-local but for their fits: blocks, halves and one customer get the same."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.book import Book, empty_frame
from bankcrm.book.recorded import recorded_in
from bankcrm.book.view import book_view
from bankcrm.datasets import load_berka, make_book
from bankcrm.errors import DataError
from bankcrm.pipeline import STEPS, Decision, Fit, Fitted, Need, Step
from bankcrm.pipeline.block import Block, decide
from bankcrm.pipeline.reasons import reasons_of
from bankcrm.pipeline.run import run_steps
from bankcrm.pipeline.step import passes_of
from bankcrm.policy import default_policies, default_policy
from bankcrm.reviews import Review, review
from bankcrm.rules import DecisionTable, Rule
from bankcrm.testing.books import books

DAY = date(2026, 6, 30)
TWO = Book(
    pd.DataFrame({"customer_id": [3, 1], "kind": "person"}), empty_frame("transactions"), as_of=DAY
)


def part_of(book: Book, ids: Any) -> Book:
    """Some customers of a book, with the rows that name them."""
    frames = {
        name: frame[frame["customer_id"].isin(ids)] if "customer_id" in frame else frame
        for name, frame in book.frames().items()
        if name != "links"
    }
    return attrs.evolve(book, **frames, links=None)


def assert_rows_equal(found: pd.DataFrame, known: pd.DataFrame) -> None:
    """Bit-equal rows; of categoricals the words count, not the list of those that occur."""
    assert found.index.tolist() == known.index.tolist()
    assert list(found.columns) == list(known.columns)
    for name in known:
        a, b = found[name], known[name]
        if isinstance(b.dtype, pd.CategoricalDtype):
            a, b = a.astype(object), b.astype(object)
        pd.testing.assert_series_equal(a, b, check_exact=True)


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_given_the_fits_a_part_of_the_customers_gets_the_rows_of_the_whole(share: float) -> None:
    book = make_book(900, seed=8)
    known = review(book, as_of=DAY)
    ids = book.customers["customer_id"].sample(frac=share, random_state=1)
    found = review(part_of(book, ids), as_of=DAY, fitted=known.fitted)
    assert_rows_equal(found.customers, known.customers.loc[found.customers.index])
    assert found.fitted == known.fitted


def test_given_the_fits_one_customer_of_berka_gets_the_same(shared_data: Path) -> None:
    book = load_berka(shared_data / "berka")
    known = review(book, as_of="1994-03-30")
    kept = Fitted.from_toml(known.fitted.to_toml())
    assert kept == known.fitted
    assert {"rfm", "interest", "value"} <= set(kept.values)
    for customer in known.customers.index[[0, 400, 1200]]:
        found = review(part_of(book, [customer]), as_of="1994-03-30", fitted=kept)
        assert_rows_equal(found.customers, known.customers.loc[[customer]])


@settings(max_examples=10)
@given(books(max_customers=6), st.integers(1, 5))
def test_random_books_in_parts_get_the_rows_of_the_whole(book: Book, first: int) -> None:
    known = review(book, as_of=book.as_of)
    ids = book.customers["customer_id"].iloc[:first]
    found = review(part_of(book, ids), as_of=book.as_of, fitted=known.fitted)
    assert_rows_equal(found.customers, known.customers.loc[found.customers.index])


def test_a_fitted_value_goes_to_toml_and_back(tmp_path: Path) -> None:
    fitted = review(make_book(200, seed=2), as_of=DAY).fitted
    fitted.to_toml(tmp_path / "fitted.toml")
    assert Fitted.from_toml(tmp_path / "fitted.toml") == fitted
    assert "personal" not in repr(fitted)
    with pytest.raises(DataError, match="not a fitted value"):
        Fitted.from_toml("[fitted]\nx = 1")
    with pytest.raises(DataError, match="no step fits charm; known: rfm, "):
        Fitted.from_toml('[fitted]\npolicies = ""\nrecorded = []\n[values.charm]\n')
    with pytest.raises(DataError, match=r"nowhere.toml cannot be read: no such file"):
        Fitted.from_toml(tmp_path / "nowhere.toml")
    with pytest.raises(DataError, match="expected texts in policies and recorded"):
        Fitted.from_toml('[fitted]\npolicies = ""\nrecorded = ["loans", 1]\n[values]\n')
    with pytest.raises(DataError, match="bins"):
        Fitted.from_toml(
            '[fitted]\npolicies = ""\nrecorded = []\n[values.rfm]\nbins = 2026-01-01\n'
        )


def test_what_a_book_records_is_its_rows_and_values() -> None:
    frames = {
        "customers": pd.DataFrame({"customer_id": [1], "kind": ["person"], "income": [None]}),
        "loans": pd.DataFrame({"loan_id": []}),
    }
    assert recorded_in(frames) == ("customers", "customers.customer_id", "customers.kind")


def test_passes_follow_the_fits() -> None:
    passes = passes_of(STEPS)
    assert passes["stage"] == 0
    assert passes["rfm"] == passes["contribution"] == 1
    assert passes["value"] == passes["tier"] == passes["warning"] == 2
    fit = Fit("x", dict, lambda raw, found: raw, lambda sample, policies: {})
    with pytest.raises(ValueError, match="'b' uses a, which comes later"):
        passes_of((Step("b", "b", "lifecycle", after=("a",)), Step("a", "a", "lifecycle")))
    with pytest.raises(ValueError, match="its facts wait for the fit of 'a'"):
        passes_of((Step("a", "a", "lifecycle", fit=fit), Step("b", "b", "lifecycle", reads=("a",))))


def run(steps: tuple[Step, ...], book: Book, policies: Any = None) -> Any:
    checked, _ = book.check(DAY)
    fitted = Fitted(recorded_in(checked.frames()))
    view = book_view(checked, recorded=fitted.frames)
    return run_steps(
        view, steps, day=DAY, policies=policies or default_policies(), fitted=fitted,
        learn=True, report_progress=lambda title: None,
    )  # fmt: skip


def test_a_step_without_what_it_needs_is_null_with_a_reason() -> None:
    """And so is a step that requires it; a step that does not goes on."""
    rules = (Rule("big", {"n": "> 1"}, "big"), Rule("small", {}, "small"))
    table = DecisionTable(id="size", outcomes=("big", "small"), rules=rules)
    policy = default_policy("lifecycle").with_table(table)
    policies = default_policies().with_policy(policy)

    def count(block: Block) -> pd.DataFrame:
        return pd.DataFrame({"n": np.bincount(block.view["loans"].customer())})

    steps = (
        Step("loans", "loans", "lifecycle", facts=count,
             needs=(Need(("loans", "accounts.rate")),),
             decisions=(Decision("size", "size"),), shown=("n",)),
        Step("more", "more", "lifecycle", needs=(Need(("size",)),), shown=("m",)),
        Step("free", "free", "lifecycle",
             facts=lambda b: pd.DataFrame({"f": 1}, index=b.customers), shown=("f",)),
    )  # fmt: skip
    customers = pd.DataFrame({"customer_id": [3, 1], "kind": "person"})
    found = run(
        steps,
        Book(
            customers,
            customers[["customer_id"]].iloc[:0].assign(date=pd.NaT, amount=1.0, kind="card"),
        ),
        policies,
    )
    reason = "the book has no loans and no accounts.rate"
    assert found.reasons == dict.fromkeys(("size", "n", "m"), reason)
    assert found.facts[["n", "size", "size_rule", "m"]].isna().all(axis=None)
    assert found.facts["size"].cat.categories.tolist() == ["big", "small"]
    assert found.facts["f"].tolist() == [1, 1]
    assert reasons_of(steps, Fitted(["loans"])) == {}
    with pytest.raises(DataError, match="'more' uses size, which comes later"):
        passes_of(steps[1:])


def test_a_decision_applies_where_it_says() -> None:
    table = DecisionTable(
        id="t", rules=(Rule("high", {"x": "> 1"}, "high"), Rule("low", {}, "low"))
    )
    policy = default_policy("lifecycle").with_table(table)
    found = pd.DataFrame({"x": [2.0, None, 0.0], "ours": [True, False, True]})
    made = decide(Decision("t", "level", where="ours"), found, policy)
    assert made["level"].tolist()[0] == "high"
    assert made["level"].isna().tolist() == [False, True, False]
    undecided = decide(Decision("t", "level"), found, policy)
    assert undecided["level"].isna().tolist() == [False, True, False]


def test_columns_have_one_row_per_customer() -> None:
    step = Step("wrong", "wrong", "lifecycle", facts=lambda b: pd.DataFrame({"f": [1]}, index=[3]))
    with pytest.raises(ValueError, match="one row per customer"):
        run((step,), TWO)


def test_the_stages_that_warnings_see_are_those_of_the_review() -> None:
    """Contacts included: with them a prospect is a lead, for the warning as well."""
    whole = make_book(400, seed=6)
    no_dates = whole.customers.assign(first_contact_date=pd.NaT, contract_date=pd.NaT)
    whole = attrs.evolve(whole, customers=no_dates, transactions=whole.transactions.iloc[:90])
    found: Review = review(whole, as_of=DAY)
    without: Review = review(attrs.evolve(whole, contacts=None), as_of=DAY)
    assert (found.facts["stage"].astype(str) != without.facts["stage"].astype(str)).any()
    for result in (found, without):
        table = result.policies["lifecycle"].table("warning")
        rules = table.decide_frame(result.facts)["rule"]
        assert rules.astype(str).tolist() == result.facts["warning_rules"].astype(str).tolist()
