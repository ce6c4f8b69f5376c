"""A new decision is one entry: the step appears in the review, everywhere that reads it."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from bankcrm.datasets import make_book
from bankcrm.engines import DuckDBEngine
from bankcrm.pipeline import STEPS, Decision, Step
from bankcrm.pipeline.block import Block
from bankcrm.policy import PolicySet, default_policies
from bankcrm.reviews import EngineReview, Review, review
from bankcrm.rules import DecisionTable, Parameter, Rule
from bankcrm.simulation import simulate

BOOK = make_book(300, seed=3)
ATTENTION = DecisionTable(
    id="attention",
    outcomes=("visit", "call", "none"),
    parameters={"contacts": Parameter(1, unit="count")},
    rules=(
        Rule("visit", {"tier": "in (premium, key)", "warning": "= alarm"}, "visit", "PB-3"),
        Rule("call", {"contacts": "> @contacts"}, "call", "PB-3", because="is in touch"),
        Rule("none", {}, "none"),
    ),
)


def contacts_of(block: Block) -> pd.DataFrame:
    """How often the bank met each customer."""
    met = block.view["contacts"].customer()
    counts = pd.Series(met).value_counts().reindex(range(len(block.customers)), fill_value=0)
    return pd.DataFrame({"contacts": counts.to_numpy()}, index=block.customers)


STEP = Step(
    name="attention",
    title="attention",
    domain="segmentation",
    facts=contacts_of,
    frames=("contacts",),
    decisions=(Decision("attention", "attention", counted=True),),
    shown=("contacts",),
)
WITH_STEP = (*STEPS, STEP)


def policies(contacts: int = 1) -> PolicySet:
    base = default_policies()
    table = ATTENTION.with_parameters({"contacts": contacts})
    return base.with_policy(base["segmentation"].with_table(table))


@pytest.fixture(scope="module")
def reviewed() -> Review:
    return review(BOOK, as_of=BOOK.as_of, policies=policies(), steps=WITH_STEP)


def test_the_review_shows_it(reviewed: Review) -> None:
    assert list(reviewed.customers.columns[-3:]) == ["attention", "attention_rule", "contacts"]
    counts = BOOK.contacts["customer_id"].value_counts()
    expected = counts.reindex(reviewed.customers.index, fill_value=0)
    assert reviewed.customers["contacts"].tolist() == expected.tolist()
    called = reviewed.customers["attention"] == "call"
    assert called.any()
    assert (reviewed.customers.loc[called, "contacts"] > 1).all()


def test_the_explanation_has_it(reviewed: Review) -> None:
    customer = reviewed.customers.index[reviewed.customers["attention"] == "call"][0]
    trace = reviewed.explain(customer)["attention"]
    assert (trace.decision.outcome, trace.decision.rule) == ("call", "call")
    assert trace.decision.evidence["contacts"] > 1


def test_the_summary_and_the_report_have_it(reviewed: Review) -> None:
    counted = reviewed.customers["attention"].value_counts()
    assert reviewed.summary["attention"] == {o: counted.get(o, 0) for o in ATTENTION.outcomes}
    page = reviewed.to_html()
    start = page.index('id="explanations">') + len('id="explanations">')
    explained = json.loads(page[start : page.index("</script>", start)])
    assert "attention" in [t["id"] for t in explained["customer"]["tables"]]
    assert "contacts" in explained["customer"]["facts"]


def test_a_simulation_has_it(reviewed: Review) -> None:
    impact = simulate(reviewed.facts, policies(), policies(contacts=3), steps=WITH_STEP)
    moved = impact.decisions["attention"].moved
    expected = (reviewed.customers["attention"] == "call") & (reviewed.customers["contacts"] <= 3)
    assert moved.index.tolist() == reviewed.customers.index[expected].tolist()
    assert set(moved["after"]) == {"none"}
    whole = simulate(BOOK, policies(), policies(contacts=3), as_of=BOOK.as_of, steps=WITH_STEP)
    assert whole.decisions["attention"].moved.index.tolist() == moved.index.tolist()


def test_an_engine_has_it(reviewed: Review) -> None:
    engine = DuckDBEngine(BOOK)
    found = review(engine, as_of=BOOK.as_of, policies=policies(), steps=WITH_STEP, blocks=3)
    assert isinstance(found, EngineReview)
    everyone = found.all_customers()
    for name in ("attention", "attention_rule", "contacts"):
        assert everyone[name].tolist() == reviewed.customers[name].sort_index().tolist()
    assert found.summary["attention"] == reviewed.summary["attention"]
