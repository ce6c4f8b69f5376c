"""Facts, fits and decisions in an engine equal those of the functions on frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.datasets import make_book
from bankcrm.engines import DuckDBEngine, Engine
from bankcrm.errors import DataError, MissingFactError
from bankcrm.lifecycle import assign_stages, stage_facts
from bankcrm.policy import default_policy
from bankcrm.segmentation import average_balance, fit_rfm, rfm_metrics, score_rfm
from bankcrm.valuation import positions_of

from .conftest import DAY, assert_same, random_frames

SEEDS = st.integers(0, 10**6)
TABLE = default_policy("lifecycle").table("stage")
Frames = dict[str, pd.DataFrame]


def on_frames(frames: Frames) -> pd.DataFrame:
    """The stage facts by the function."""
    return stage_facts(
        frames["customers"], frames["transactions"], as_of=DAY,
        contacts=frames.get("contacts"), accounts=frames.get("accounts"),
    )  # fmt: skip


def check_stages(engine: Engine, frames: Frames) -> None:
    """Facts and stages of the engine against those of the functions."""
    expected = on_frames(frames)
    stored = engine.stage_facts(as_of=DAY).store("stored_facts")
    assert_same(stored.frame(), expected)
    stages = assign_stages(expected).rename(columns={"stage": "outcome"})
    assert_same(engine.decide(TABLE, stored).frame(), stages)


def check_rfm(engine: Engine, frames: Frames, **options: Any) -> None:
    """Metrics, cut points and scores of the engine against those of the functions."""
    expected = rfm_metrics(frames["transactions"], as_of=DAY, **options)
    metrics = engine.rfm_metrics(as_of=DAY, **options).store("stored_metrics")
    assert_same(metrics.frame(), expected)
    if len(expected) and "by" not in options:
        fitted = fit_rfm(expected)
        assert engine.fit_rfm(metrics) == fitted
        assert_same(engine.score_rfm(metrics, fitted).frame(), score_rfm(expected, fitted))


@given(SEEDS)
def test_stage_facts_and_stages_on_duckdb(seed: int) -> None:
    """Every fact, stage and rule of random books, absent columns and nulls included."""
    frames = random_frames(seed)
    check_stages(DuckDBEngine(frames), frames)


@given(SEEDS, st.data())
def test_rfm_on_duckdb(seed: int, data: st.DataObject) -> None:
    """Metrics under every option, cut points to the last bit, every score."""
    frames = random_frames(seed)
    options = {
        "window": data.draw(st.sampled_from([None, 1, 90])),
        "count": data.draw(st.sampled_from(["rows", "days"])),
        "value": data.draw(st.sampled_from(["sum", "mean"])),
        "refunds": data.draw(st.sampled_from(["count", "net"])),
        "zeros": data.draw(st.sampled_from(["keep", "leave_out"])),
        "own_only": data.draw(st.booleans()),
    }
    check_rfm(DuckDBEngine(frames), frames, **options)


def test_rfm_for_each_group() -> None:
    """One set of metrics a customer and group."""
    frames = random_frames(3)
    frames["transactions"] = frames["transactions"].assign(channel="branch")
    frames["transactions"].loc[::2, "channel"] = "mobile"
    check_rfm(DuckDBEngine(frames), frames, by="channel")


@given(SEEDS, st.sampled_from(["daily", "monthly"]), st.sampled_from(["zero", "leave_out"]))
def test_average_balances_on_duckdb(seed: int, method: Any, before_first: Any) -> None:
    """Averages of irregular snapshots, exact to the day."""
    frames = random_frames(seed)
    options = {
        "start": "2026-01-15", "end": "2026-06-30", "method": method, "before_first": before_first
    }  # fmt: skip
    expected = average_balance(frames["balances"], **options)
    found = DuckDBEngine(frames).average_balance(**options).frame()
    assert_same(found, expected)


@given(SEEDS)
def test_booked_sums_are_those_of_the_positions(seed: int) -> None:
    """Fees, interest and activities of a period, summed over the positions of each customer."""
    frames = random_frames(seed)
    moves = frames["transactions"]
    frames["transactions"] = moves.assign(kind=moves["kind"].fillna("other"))
    start = pd.Timestamp("2026-01-01")
    found = DuckDBEngine(frames).booked_sums(start=start, end=DAY).frame()
    positions = positions_of(transactions=frames["transactions"], start=start, end=DAY)
    columns = [c for c in found if c in positions]
    expected = positions.groupby("customer_id")[columns].sum()
    some = found[(found != 0).any(axis=1)]
    assert_same(some[columns], expected.loc[some.index])
    counted = [c for c in positions if c.startswith("n_")]
    assert set(counted) <= set(found.columns)
    assert found[columns].to_numpy().sum() == pytest.approx(expected.to_numpy().sum())


@given(SEEDS)
def test_complaint_counts_on_duckdb(seed: int) -> None:
    """Complaints of known customers by the day, open ones, and the last."""
    rows = random_frames(seed)["complaints"].dropna(subset=["customer_id"])
    day = pd.Timestamp("2026-06-30", tz="UTC")
    rows = rows[rows["received_at"] <= day]
    rows = rows.assign(open=~(rows["answered_at"] <= day))
    groups = rows.groupby("customer_id")
    expected = pd.DataFrame(
        {
            "complaints": groups.size(),
            "open_complaints": groups["open"].sum(),
            "last_complaint": groups["received_at"].max().dt.tz_localize(None),
        }
    )
    found = DuckDBEngine(random_frames(seed)).complaint_counts(as_of=DAY).frame()
    assert_same(found, expected)


def test_a_window_of_complaints() -> None:
    """Only those of the last days count."""
    engine = DuckDBEngine(random_frames(5))
    some = engine.complaint_counts(as_of=DAY, window=30).frame()["complaints"].sum()
    assert 0 <= some < engine.complaint_counts(as_of=DAY).frame()["complaints"].sum()


def test_facts_on_spark(spark: Any) -> None:
    """The same SQL, rendered for Spark: stage facts, stages, metrics, cut points, scores."""
    from bankcrm.engines.spark import SparkEngine

    frames = random_frames(1)
    engine = SparkEngine(spark, frames)
    check_stages(engine, frames)
    check_rfm(engine, frames, own_only=True, count="days", value="mean")
    duck = DuckDBEngine(frames)
    period = {"start": "2026-01-15", "end": "2026-06-30"}
    for name, options in (
        ("average_balance", {**period, "method": "monthly", "before_first": "leave_out"}),
        ("booked_sums", period),
        ("complaint_counts", {"as_of": DAY}),
    ):
        found, expected = (getattr(e, name)(**options).frame() for e in (engine, duck))
        assert_same(found, expected)


def test_berka_on_duckdb(shared_data: Any) -> None:
    """Every fact, stage, metric and score of the real bank's customers."""
    from bankcrm.datasets import load_berka

    check_book(load_berka(shared_data / "berka"), "1994-03-30")


def test_the_synthetic_bank_on_duckdb() -> None:
    """The same of a bank of persons and companies with every frame."""
    book = make_book(2000, seed=11)
    check_book(book, book.as_of)


def check_book(book: Any, day: object) -> None:
    """Facts, stages, metrics and scores of a checked book on DuckDB and on frames."""
    sound, _ = book.check(day)
    engine = DuckDBEngine(sound)
    facts = stage_facts(
        sound.customers, sound.transactions, as_of=day,
        contacts=sound.contacts, accounts=sound.accounts,
    )  # fmt: skip
    stored = engine.stage_facts(as_of=day).store("f")
    assert_same(stored.frame(), facts)
    stages = assign_stages(facts).rename(columns={"stage": "outcome"})
    assert_same(engine.decide(TABLE, stored).frame(), stages)
    expected = rfm_metrics(sound.transactions, as_of=day, own_only=True)
    metrics = engine.rfm_metrics(as_of=day, own_only=True).store("m")
    assert_same(metrics.frame(), expected)
    assert engine.fit_rfm(metrics) == fit_rfm(expected)
    assert engine.fit_rfm(metrics, method="r-rfm") == fit_rfm(expected, method="r-rfm")
    own = fit_rfm(expected, method="fixed", bins=3, cuts={
        "recency_days": (10, 50), "frequency": (2, 9), "monetary": (100, 1000.5)})  # fmt: skip
    assert_same(engine.score_rfm(metrics, own).frame(), score_rfm(expected, own))


def test_facts_without_rhythm_leave_out_two_columns() -> None:
    """Who needs no usual gap need not pay for its distinct count."""
    engine = DuckDBEngine(random_frames(2))
    whole = engine.stage_facts(as_of=DAY).frame()
    brief = engine.stage_facts(as_of=DAY, rhythm=False).frame()
    assert_same(brief, whole.drop(columns=["active_days", "usual_gap_days"]))


def test_what_does_not_fit_is_refused_by_name() -> None:
    """Nulls, infinities, unknown customers, absent frames and columns, unknown options."""
    frames = random_frames(6, moves=10)
    moves = frames["transactions"].reset_index(drop=True)
    wrong = moves.assign(amount=moves["amount"].mask(moves.index < 2, np.inf))
    engine = DuckDBEngine(frames | {"transactions": wrong})
    with pytest.raises(DataError, match="amount: 2 rows are null or not finite"):
        engine.rfm_metrics(as_of=DAY)
    strangers = moves.assign(customer_id=moves["customer_id"].max() * 99)
    with pytest.raises(DataError, match="1 customers are not in customers"):
        DuckDBEngine(frames | {"transactions": strangers}).stage_facts(as_of=DAY)
    twice = frames | {"balances": pd.concat([frames["balances"]] * 2)}
    with pytest.raises(DataError, match="occur more than once"):
        DuckDBEngine(twice).average_balance(start="2026-01-01", end="2026-01-31")
    less = {k: v for k, v in frames.items() if k != "balances"}
    with pytest.raises(DataError, match="balances: the book has none"):
        DuckDBEngine(less).average_balance(start="2026-01-01", end="2026-01-31")
    for options in ({"count": "weeks"}, {"refunds": "refuse"}, {"window": 0}):
        with pytest.raises(DataError):
            DuckDBEngine(frames).rfm_metrics(as_of=DAY, **options)
    with pytest.raises(DataError, match="lies before start"):
        DuckDBEngine(frames).average_balance(start="2026-02-01", end="2026-01-31")
    with pytest.raises(DataError, match="no such option"):
        DuckDBEngine(frames).average_balance(start="2026-01-01", end="2026-01-31", method="x")
    metrics = DuckDBEngine(frames).rfm_metrics(as_of=DAY)
    with pytest.raises(DataError, match="an engine fits"):
        DuckDBEngine(frames).fit_rfm(metrics, method="fixed")
    with pytest.raises(DataError, match="missing column"):
        DuckDBEngine(frames).rfm_metrics(as_of=DAY, by="region")


def test_decisions_stop_as_on_frames() -> None:
    """A missing fact, a value not allowed, no rule: the same refusals as `decide_frame`."""
    engine = DuckDBEngine(random_frames(1))
    rows = engine.relation(
        "SELECT * FROM (VALUES (1, 40, 'a'), (2, NULL, 'a'), (3, -1, 'b')) t(customer_id, age, k)"
    )
    from bankcrm.rules import DecisionTable, Fact, Rule

    rules = (Rule("old", {"age": ">= 18"}, "old"), Rule("young", {"age": "< 18"}, "young"))
    open_table = DecisionTable(id="t", rules=rules)
    with pytest.raises(MissingFactError, match="fact 'age' is missing in 1 row"):
        engine.decide(open_table, rows)
    kept = engine.decide(open_table, rows, on_missing="undecided").frame()
    assert kept["missing"].fillna("").tolist() == ["", "age", ""]
    strict = DecisionTable(id="t", rules=rules, facts={"age": Fact("integer", minimum=0)})
    with pytest.raises(DataError, match="outside what the table allows: 'age'"):
        engine.decide(strict, rows, on_missing="undecided")
    gap = DecisionTable(id="t", rules=(Rule("a", {"k": "= a"}, "x"),))
    with pytest.raises(MissingFactError, match="no rule applies to 1 row"):
        engine.decide(gap, rows)


@settings(max_examples=5)
@given(SEEDS)
def test_the_callers_frames_stay_as_they_are(seed: int) -> None:
    """The engine reads and never writes."""
    frames = random_frames(seed)
    before = {n: f.copy() for n, f in frames.items()}
    engine = DuckDBEngine(frames)
    engine.stage_facts(as_of=DAY).frame()
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(frame, before[name])
