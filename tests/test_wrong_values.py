"""An argument out of its range, or a word that is not known, is refused with a sentence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from tests.scripts import nightly

from bankcrm import default_policy, review
from bankcrm.calendars import WorkingHours, business_day, working_calendar
from bankcrm.complaints import control_chart, route_frame, summarise, trend
from bankcrm.datasets import make_book
from bankcrm.errors import BankcrmError
from bankcrm.frames import Column, check_frame
from bankcrm.lifecycle import (
    churn_rates,
    growth,
    markov_value_interval,
    migration_matrix,
    playbook,
    stage_model,
)
from bankcrm.marketing import uplift_curve
from bankcrm.plugins import assemble
from bankcrm.risk import funding_concentration
from bankcrm.segmentation import average_balance, rfm_metrics
from bankcrm.valuation import (
    SpendCurve,
    ahp_weights,
    compare_concentration,
    concentration,
    retention_economics,
    spend_to_keep,
    spend_to_win,
)
from bankcrm.vocabulary import Stage

NAN, INF = float("nan"), float("inf")
BOOK = make_book(30, seed=2)
MOVES = BOOK.transactions
KNOWN = concentration([1.0, 2, 3, 4, 50])
HISTORY = pd.DataFrame(
    {
        "customer_id": [1, 1, 2, 2],
        "date": pd.to_datetime(["2026-01-31", "2026-02-28"] * 2),
        "stage": ["active", "dormant", "active", "active"],
    }
)
COUNTS = pd.DataFrame([[90, 10], [0, 50]], index=["a", "b"], columns=["a", "b"])
CURVE = SpendCurve.through(5.0, 0.3, ceiling=0.4)
NOON = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)


def value_of(**given: object) -> object:
    wanted = {"rewards": [1, 0], "discount": 0.1, "seed": 1, **given}
    return markov_value_interval(COUNTS, **wanted)


def metrics(**given: str) -> object:
    return rfm_metrics(MOVES, as_of=BOOK.as_of, **given)


def averages(**given: str) -> object:
    balances = BOOK.balances[["customer_id", "account_id", "date", "balance"]]
    return average_balance(balances, start="2026-01-01", end="2026-01-31", **given)


def uplift(**given: float) -> object:
    return uplift_curve([1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0], **given)


REFUSED: dict[str, Callable[[], object]] = {
    "count": lambda: metrics(count="days "),
    "value": lambda: metrics(value="median"),
    "refunds": lambda: metrics(refunds="drop"),
    "zeros": lambda: metrics(zeros="drop"),
    "method": lambda: averages(method="weekly"),
    "before_first": lambda: averages(before_first="null"),
    "on_error": lambda: assemble(on_error="warn", plugins=[]),
    "on_inconsistent": lambda: ahp_weights({("a", "b"): 2}, on_inconsistent="warn"),
    "limit": lambda: ahp_weights({("a", "b"): 2}, limit=NAN),
    "zone": lambda: business_day(NOON, zone="Shanghai"),
    "the zone of hours": lambda: WorkingHours.read(["09:00-17:00"], zone="Shanghai"),
    "the zone of a check": lambda: BOOK.check(zone="Shanghai"),
    "the zone of a frame": lambda: check_frame(MOVES, [Column("customer_id", "id")], zone=""),
    "key": lambda: check_frame(MOVES, [Column("customer_id", "id")], key="customer"),
    "language": lambda: Stage.NEW.label("fr"),
    "a model's language": lambda: stage_model().label("new", "fr"),
    "stage": lambda: growth(HISTORY, stage="leads"),
    "lost": lambda: churn_rates(HISTORY, lost="gone"),
    "stages": lambda: churn_rates(HISTORY, stages=["asleep"]),
    "legal events": lambda: stage_model().legal_events("asleep"),
    "tier": lambda: playbook("new", tier="gold"),
    "period_days": lambda: migration_matrix(HISTORY, method="duration", period_days=INF),
    "day": lambda: default_policy("bank").at("2026-02-30"),
    "seed": lambda: KNOWN.interval("gini", seed=-1),
    "a seed of a band": lambda: KNOWN.lorenz_band(seed=1.5),
    "replicates": lambda: compare_concentration([1.0, 2], [1.0, 3], seed=1, replicates=0),
    "confidence": lambda: compare_concentration([1.0, 2], [1.0, 3], seed=1, confidence=95),
    "draws": lambda: value_of(draws=0),
    "the confidence of a chain": lambda: value_of(confidence=1.0),
    "bands": lambda: uplift(bands=0),
    "the draws of a curve": lambda: uplift(draws=10**30),
    "sigmas": lambda: control_chart([3, 4, 5], sigmas=NAN),
    "the confidence of a trend": lambda: trend([3, 4, 6, 9], confidence=95),
    "cost": lambda: retention_economics(100, 0.9, 0.1, cost=NAN),
    "margin": lambda: spend_to_keep(INF, CURVE, 0.1),
    "the value of a customer": lambda: spend_to_win(NAN, CURVE),
    "blocks": lambda: review(BOOK, as_of=BOOK.as_of, blocks=-1),
    "out": lambda: review(BOOK, as_of=BOOK.as_of, out="results"),
    "calendar": lambda: summarise(BOOK.complaints, calendar=5, as_of=BOOK.as_of),
    "country": lambda: summarise(BOOK.complaints, calendar="China", as_of=BOOK.as_of),
    "engine": lambda: review(BOOK, as_of=BOOK.as_of, engine="spark"),
    "limit of explanations": lambda: review(BOOK, as_of=BOOK.as_of).explanations(-1),
    "a path of nothing": lambda: review(BOOK, as_of=BOOK.as_of).to_html(""),
    "a path that no file has": lambda: review(BOOK, as_of=BOOK.as_of).write("a\0b"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(name: str) -> None:
    with pytest.raises(BankcrmError) as caught:
        REFUSED[name]()
    assert len(str(caught.value).split()) > 3, caught.value


def test_the_number_of_customers_of_a_rate() -> None:
    calendar = working_calendar("CN")
    for wrong in (NAN, INF, -1):
        with pytest.raises(BankcrmError, match="customers: expected a finite number, 0 or more"):
            summarise(BOOK.complaints, calendar=calendar, as_of=BOOK.as_of, customers=wrong)


def test_a_count_of_rows_has_no_upper_limit() -> None:
    found = review(BOOK, as_of=BOOK.as_of)
    assert found.explanations(10**7) == found.explanations(30)
    lent = pd.DataFrame({"customer_id": [1, 2], "balance": [1.0, 2.0]})
    assert funding_concentration(lent, top=10**7)["top_share"].tolist() == [1.0]
    for wrong in (INF, NAN, 0.5):
        with pytest.raises(BankcrmError, match="limit: expected a whole number, 0 or more"):
            found.explanations(wrong)


def test_a_country_stands_for_its_calendar() -> None:
    calendar = working_calendar("CN")
    day = BOOK.as_of
    named = route_frame(BOOK.complaints, calendar="CN")
    pd.testing.assert_frame_equal(named, route_frame(BOOK.complaints, calendar=calendar))
    named = review(BOOK, as_of=day, calendar="CN").complaints
    pd.testing.assert_frame_equal(named, review(BOOK, as_of=day, calendar=calendar).complaints)


@pytest.mark.filterwarnings("ignore")
def test_the_examples_with_one_wrong_argument_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each public function and method of the docstrings' examples gives a sentence or a result."""
    monkeypatch.chdir(tmp_path)
    arguments = nightly("arguments")
    with arguments.Recorder() as recorder:
        arguments.run_examples()
    assert len(recorder.calls) > 250
    found = [
        f"{name}({argument}): {problem}"
        for name, call in sorted(recorder.calls.items())
        for argument, problem in arguments.faults(call)
        if problem
    ]
    assert not found, "\n".join(found)
