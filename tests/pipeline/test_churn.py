"""A churn card and a lifetime value as steps of a review."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from bankcrm.book import Book
from bankcrm.datasets import make_book
from bankcrm.engines import DuckDBEngine
from bankcrm.errors import DataError
from bankcrm.lifecycle.actions.warnings import weigh_signals
from bankcrm.pipeline import (
    STEPS,
    ChurnModel,
    churn_samples,
    churn_steps,
    fit_churn,
    with_lifetime_value,
)
from bankcrm.pipeline.churn import FEATURES, _facts_on
from bankcrm.policy import default_policies
from bankcrm.reviews import Review, review
from bankcrm.rules import DecisionTable, Rule
from bankcrm.scoring import check_card, score_case
from bankcrm.simulation import simulate

BOOK = make_book(3000, seed=1)
DAY = BOOK.as_of
assert DAY is not None
RETENTION = {"new": 0.8, "active": 0.9, "dormant": 0.5}


@pytest.fixture(scope="module")
def model() -> ChurnModel:
    return fit_churn(BOOK, as_of=DAY)


@pytest.fixture(scope="module")
def plain() -> Review:
    return review(BOOK, as_of=DAY)


def test_the_card_ranks_on_later_days_and_better_than_the_warning_score(model: ChurnModel) -> None:
    assert len(model.tests) == 3
    assert min(t.auc for t in model.tests) >= 0.80
    last = model.tests[-1]
    assert last.auc_lower < last.auc < last.auc_upper
    assert abs(last.predicted - last.observed) < 0.02
    samples = churn_samples(BOOK, as_ofs=[last.day], horizon_days=91)
    assert (len(samples.facts), int(samples.event.sum())) == (last.rows, last.events)
    rules = default_policies()
    facts = _facts_on(BOOK, last.day, rules.at(DAY))
    score = weigh_signals(facts["warning_rules"], rules["lifecycle"])["warning_score"]
    ids = samples.facts.index.get_level_values("customer_id")
    points = -score.reindex(ids).to_numpy()
    frame = pd.DataFrame({"points": points, "probability": 0.05})
    assert check_card(frame, samples.event.to_numpy()).auc.estimate < last.auc - 0.1


def test_facts_are_of_the_day_and_customers_were_new_or_active(plain: Review) -> None:
    day = DAY - dt.timedelta(days=91)
    samples = churn_samples(BOOK, as_ofs=[day], horizon_days=91)
    then = review(BOOK, as_of=day)
    at_risk = then.facts[then.facts["stage"].isin(["new", "active"])]
    one = samples.facts.droplevel("as_of")
    pd.testing.assert_frame_equal(one, at_risk[list(FEATURES)], check_names=False)
    churned = plain.facts["stage"].reindex(one.index).isin(["dormant", "lost"])
    np.testing.assert_array_equal(samples.event.to_numpy(), churned.to_numpy())


def test_what_happens_after_the_day_changes_no_model() -> None:
    early = DAY - dt.timedelta(days=100)
    frames = BOOK.frames()
    frames["transactions"] = frames["transactions"].loc[
        frames["transactions"]["date"] <= pd.Timestamp(early)
    ]
    cut = Book(**frames, name="cut", as_of=early)
    assert fit_churn(cut, as_of=early, windows=2) == fit_churn(BOOK, as_of=early, windows=2)


def test_a_review_has_the_columns_and_the_report_the_reasons_and_the_backtest(
    model: ChurnModel, plain: Review
) -> None:
    found = review(BOOK, as_of=DAY, steps=(*STEPS, *churn_steps(model)))
    columns = ["churn_points", "churn_probability", "churn_reasons"]
    pd.testing.assert_frame_equal(found.customers.drop(columns=columns), plain.customers)
    at_risk = found.customers["stage"].isin(["new", "active"]).to_numpy()
    assert (found.customers["churn_points"].notna().to_numpy() == at_risk).all()
    why = found.why_null("churn_points")
    assert why[~at_risk].str.startswith("does not apply").all()
    customer = found.customers.index[at_risk][0]
    one = score_case(found.facts.loc[customer].to_dict(), model.card)
    assert one.points == found.customers.at[customer, "churn_points"]
    assert "; ".join(one.reasons) == found.customers.at[customer, "churn_reasons"]
    page = found.to_html()
    first = found.customers["churn_probability"].nlargest(1).index[0]
    assert "Customers most likely to leave, by the churn card" in page
    assert found.customers.at[first, "churn_reasons"].split("; ")[0].split(" (")[0] in (
        page.replace("&gt;", ">").replace("&lt;", "<")
    )
    backtest = page.rpartition("Backtest of the churn card")[2]
    assert str(model.tests[-1].day) in backtest
    assert model.tests[-1].drifted in backtest
    assert "流失评分卡：回测" in found.to_html(language="zh")
    assert found.explain(customer).actions is not None


def test_duckdb_scores_as_memory_does(model: ChurnModel, tmp_path: object) -> None:
    small = make_book(120, seed=3)
    steps = (*with_lifetime_value(STEPS, RETENTION), *churn_steps(model))
    memory = review(small, as_of=small.as_of, steps=steps)
    engine = review(DuckDBEngine(small), as_of=small.as_of, steps=steps, blocks=2)
    columns = ["churn_points", "churn_probability", "lifetime_value"]
    theirs = engine.all_customers().reindex(memory.customers.index)  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(theirs[columns], memory.customers[columns])
    assert "Backtest of the churn card" in engine.to_html()


def test_the_model_survives_toml_and_pickle(model: ChurnModel) -> None:
    import pickle

    assert ChurnModel.from_toml(model.to_toml()) == model
    assert len(pickle.loads(pickle.dumps(churn_steps(model)))) == 2


def test_a_tier_table_reads_the_lifetime_value() -> None:
    small = make_book(300, seed=3)
    steps = with_lifetime_value(STEPS, RETENTION)
    found = review(small, as_of=small.as_of, steps=steps)
    customers = found.customers
    rate = found.policies["valuation"].value("discount_rate")
    mine = customers["is_customer"].to_numpy(bool)
    unit = customers["stage"].astype(object).map(RETENTION).astype(float)
    expected = customers["contribution"] * (1 + rate) / (1 + rate - unit)
    np.testing.assert_allclose(customers["lifetime_value"][mine], expected[mine])
    assert customers["lifetime_value"][~mine].isna().all()
    base = default_policies()
    table = DecisionTable(
        id="tier_value",
        outcomes=base["segmentation"].table("tier_value").outcomes,
        rules=(
            Rule("lasting", {"lifetime_value": ">= 20000"}, "high"),
            Rule("brief", {"lifetime_value": "< 20000"}, "middle"),
        ),
    )
    policies = base.with_policy(base["segmentation"].with_table(table))
    decided = review(small, as_of=small.as_of, policies=policies, steps=steps)
    high = (decided.customers["lifetime_value"] >= 20000).to_numpy()
    assert high.any()
    assert (decided.facts["value_level_rule"][high] == "lasting").all()


def test_a_simulation_passes_the_steps(model: ChurnModel) -> None:
    small = make_book(300, seed=3)
    steps = (*with_lifetime_value(STEPS, RETENTION), *churn_steps(model))
    proposed = default_policies()["lifecycle"].with_parameters(new_days=30)
    facts = review(small, as_of=small.as_of, steps=steps).facts
    plain, moved = (
        simulate(facts, proposed=proposed, steps=s).moved.tolist() for s in (STEPS, steps)
    )
    assert moved == plain


def test_books_without_churn_are_refused() -> None:
    small = make_book(300, seed=3)
    with pytest.raises(DataError, match="expected 1 or more"):
        fit_churn(small, as_of=small.as_of, windows=0)
    with pytest.raises(DataError, match="nobody is new or active"):
        fit_churn(small, as_of="1990-01-01", windows=1)
