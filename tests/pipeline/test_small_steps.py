"""Small steps of their own: what each part of a step does, and why a result is null."""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.book import Book
from bankcrm.book.recorded import recorded_in
from bankcrm.book.view import BookView, book_view
from bankcrm.calendars import working_calendar
from bankcrm.errors import DataError, PluginError, PolicyError, UnknownNameError
from bankcrm.pipeline import Decision, Fit, Fitted, Need, Step, scorecard_steps
from bankcrm.pipeline.averages import averages_of
from bankcrm.pipeline.beside import NO_TRANSFERS, limits_beside, reasons_beside
from bankcrm.pipeline.block import Block
from bankcrm.pipeline.churn import ChurnModel, ChurnTest, _sections, churn_samples, fit_churn
from bankcrm.pipeline.facts import (
    InterestProducts,
    learn_funding,
    learn_interest,
    learn_rfm,
    learn_value,
    population,
    positions,
    rfm_scores,
    warnings,
)
from bankcrm.pipeline.lifetime import with_lifetime_value
from bankcrm.pipeline.reading import explain, not_applicable, null_reasons
from bankcrm.pipeline.reasons import is_left_out, limits_of, needs_page, reasons_of
from bankcrm.pipeline.referrals import Referrals, learn_referrals, referrals_of, referrers
from bankcrm.pipeline.run import run_steps
from bankcrm.pipeline.step import passes_of
from bankcrm.plugins import FactSource, assemble, hookimpl
from bankcrm.policy import PolicySet, default_policies, default_policy
from bankcrm.rules import DecisionTable, Rule
from bankcrm.scorecards import attain, kpi_values, scorecard
from bankcrm.scoring import fit_card
from bankcrm.valuation import score_value

DAY = dt.date(2026, 6, 30)
POLICIES = default_policies()
SIZE = DecisionTable("size", (Rule("big", {"x": "> 1"}, "big"), Rule("small", {}, "small")))
KINDS = DecisionTable(
    "kinds", (Rule("one", {"x": "> 1"}, 1), Rule("two", {"y": "> 1"}, 1)), hit_policy="collect"
)


def with_tables(*tables: DecisionTable) -> PolicySet:
    """The default policies with tables of the lifecycle."""
    policy = default_policy("lifecycle")
    for table in tables:
        policy = policy.with_table(table)
    return POLICIES.with_policy(policy)


def step(name: str = "size", **parts: Any) -> Step:
    return Step(name, name, "lifecycle", **parts)


def small_book(customers: int = 4, **frames: pd.DataFrame) -> Book:
    """A few customers, and other frames."""
    people = pd.DataFrame({"customer_id": range(1, customers + 1), "kind": "person"})
    moves = pd.DataFrame(
        {"customer_id": [1], "date": [pd.Timestamp("2026-05-05")], "amount": 1.0, "kind": "card"}
    )
    return Book(people, moves, **frames)


def view_of(book: Book) -> BookView:
    checked, faults = book.check(DAY)
    assert not faults
    return book_view(checked, recorded=Fitted(recorded_in(checked.frames())).frames)


def run(steps: tuple[Step, ...], **more: Any) -> Any:
    view = view_of(small_book())
    made = {"policies": POLICIES, "learn": True, "fitted": Fitted(["customers"]), **more}
    return run_steps(view, steps, day=DAY, report_progress=lambda title: None, **made)


# --- reading ---


ROWS = pd.DataFrame(
    {
        "x": [2.0, 0.0, None, 5.0],
        "y": [None, 3.0, 0.0, 2.0],
        "ours": [True, True, True, False],
        "size": ["big", "small", None, None],
        "size_rule": ["big", "small", None, None],
        "kinds_rules": ["one", "two", None, None],
        "plain": [1.0, None, None, None],
    }
)
STEPS = (
    step(decisions=(Decision("size", "size"),), where="ours"),
    step("kinds", decisions=(Decision("kinds", "", "kinds_rules", {"y": "second"}),)),
    step("plain", shown=("plain",), where="ours", unknown="nobody said"),
)
OURS = "does not apply: ours is false"


@pytest.mark.parametrize(
    ("column", "reasons", "expected"),
    [
        ("size", {}, [None, None, "x is missing", OURS]),
        ("size_rule", {}, [None, None, "x is missing", OURS]),
        ("size", {"size": "no loans"}, [None, None, "no loans", OURS]),
        ("size_rule", {"size": "no loans"}, [None, None, "no loans", OURS]),
        ("kinds_rules", {"kinds_rules": "why"}, [None, None, "why", "why"]),
        ("plain", {}, [None, "nobody said", "nobody said", OURS]),
        ("plain", {"plain": "no loans"}, [None, "no loans", "no loans", OURS]),
    ],
)
def test_each_null_has_its_reason(
    column: str, reasons: dict[str, str], expected: list[str | None]
) -> None:
    found = null_reasons(ROWS, column, STEPS, with_tables(SIZE, KINDS), reasons)
    assert found.astype(object).where(found.notna(), None).tolist() == expected
    assert not_applicable("is_customer") == (
        "does not apply: no relationship with the bank on the day"
    )
    whole = null_reasons(ROWS.drop(columns="ours"), "size", STEPS, with_tables(SIZE, KINDS), {})
    assert whole.dropna().tolist() == ["x is missing"], "nobody is known to be no customer"
    with pytest.raises(UnknownNameError, match="no result 'siz'"):
        null_reasons(ROWS, "siz", STEPS, with_tables(SIZE, KINDS), {})


def test_a_row_is_explained_by_its_facts() -> None:
    policies = with_tables(SIZE, KINDS)
    reasons = {"size": "no loans", "kinds_rules": "no contacts"}
    row = {"x": 2.0, "y": 0.0, "second": 5.0, "ours": True}
    traces = explain(row, STEPS, policies, reasons)
    assert list(traces) == ["size", "kinds"]
    assert (traces["size"].decision.outcome, traces["size"].decision.because) == ("big", "")
    assert traces["kinds"].decision.rule == "one+two", "the fact y is the column second"
    outside = explain({**row, "ours": False}, STEPS, policies, reasons)["size"]
    assert (outside.decision.outcome, outside.decision.because, outside.rules) == (None, OURS, ())
    unknown = explain({"x": None, "second": 5.0, "ours": True}, STEPS, policies, reasons)
    assert unknown["size"].decision.because == "no loans"
    assert unknown["kinds"].decision.because == "no contacts"
    alone = explain({"x": None, "second": 5.0, "ours": True}, STEPS, policies, {})
    assert alone["size"].decision.missing == "x"
    assert alone["size"].decision.because != "no loans"


# --- a block ---


def frame(**columns: Any) -> Callable[[Block], pd.DataFrame]:
    return lambda block: pd.DataFrame(columns, index=block.customers)


def test_a_step_adds_its_columns_and_replaces_those_of_before() -> None:
    first = step("a", facts=frame(a=[1, 2, 3, 4], b=[5, 6, 7, 8]), shown=("a",))
    later = step(
        "b",
        facts=frame(b=[0, 0, 0, 1]),
        apply=lambda block, raw, value: raw.assign(c=raw["b"] + block.found["a"]),
        derive=lambda found, policies: pd.DataFrame({"d": found["c"] * 2}),
    )
    found = run((first, later)).facts
    assert found.index.tolist() == [1, 2, 3, 4]
    assert found.to_dict("list") == {
        "a": [1, 2, 3, 4], "b": [0, 0, 0, 1], "c": [1, 2, 3, 5], "d": [2, 4, 6, 10],
    }  # fmt: skip
    shifted = step("x", facts=lambda b: pd.DataFrame({"f": 1}, index=b.customers[::-1]))
    with pytest.raises(DataError, match=r"columns f of a step: 4 rows; expected one row per"):
        run((shifted,))


def test_what_a_step_shows_is_null_where_it_does_not_apply() -> None:
    marks = step("m", facts=frame(ours=[True, False, True, False], n=[1.0, 2.0, 3.0, 4.0]))
    shows = step("s", facts=frame(v=[1.0, 2.0, 3.0, 4.0], w=[1, 2, 3, 4]), where="ours",
                 shown=("v",))  # fmt: skip
    found = run((marks, shows)).facts
    assert found["n"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert found["v"].fillna(-1.0).tolist() == [1.0, -1.0, 3.0, -1.0]
    assert found["w"].tolist() == [1, 2, 3, 4], "a column that is not shown is whole"
    needs = step("p", facts=frame(v=[1.0] * 4, w=[2.0] * 4), shown=("v", "w"),
                 needs=(Need(("loans",), ("v",)),))  # fmt: skip
    part = run((needs,))
    assert part.facts["v"].isna().all()
    assert part.facts["w"].tolist() == [2.0] * 4
    assert part.reasons == {"v": "the book has no loans"}


def test_a_fit_learns_from_a_sample_or_is_given() -> None:
    fit = Fit("most", dict, lambda raw, found: raw * 10,
              lambda sample, _: float(sample["n"].max()) or None, "all are zero")  # fmt: skip
    fitting = step(
        "f", facts=frame(n=[1.0, 4.0, 2.0, 3.0]), fit=fit, shown=("n", "part"),
        apply=lambda block, raw, most: raw.assign(part=raw["n"] / most),
    )  # fmt: skip
    learned = run((fitting,))
    assert learned.fitted.values == {"most": 40.0}
    assert learned.facts["part"].tolist() == [0.025, 0.1, 0.05, 0.075]
    given_ = run((fitting,), learn=False, fitted=Fitted(["customers"], {"most": 2.0}))
    assert given_.fitted.values == {"most": 2.0}
    assert given_.facts["part"].tolist() == [0.5, 2.0, 1.0, 1.5]
    after = step("g", shown=("h",), needs=(Need(("part",)),), facts=frame(h=[1] * 4))
    nothing = run((attrs.evolve(fitting, facts=frame(n=[0.0] * 4)), after))
    assert nothing.facts[["n", "part", "h"]].isna().all(axis=None)
    assert nothing.reasons == dict.fromkeys(("n", "part", "h"), "all are zero")
    twice = attrs.evolve(fitting, name="two", fit=attrs.evolve(fit, name="other"))
    assert run((fitting, twice)).fitted.values == {"most": 40.0, "other": 40.0}


def test_views_are_released_after_their_last_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, ...]] = []
    release = BookView.release
    monkeypatch.setattr(
        BookView, "release", lambda view, names: (told.append((*names,)), release(view, ()))
    )
    reads = [("a", ("loans", "contacts")), ("b", ("loans",)), ("c", ())]
    run(tuple(step(n, facts=lambda b: (b.view, b.found[[]])[1], frames=f) for n, f in reads))
    assert told == [("contacts",), ("loans",), ()]


def test_decisions_that_are_left_out_are_null_words_of_their_tables() -> None:
    decisions = (Decision("size", "size"), Decision("kinds", "", "kinds_rules"))
    lacking = step(decisions=decisions, needs=(Need(("loans",)),), facts=frame(x=[2.0] * 4))
    found = run((lacking,), policies=with_tables(SIZE, KINDS)).facts
    assert [*found] == ["size", "size_rule", "kinds_rules"]
    assert found.isna().all(axis=None)
    for name, words in {"size": ["big", "small"], "kinds_rules": ["one", "two"]}.items():
        assert sorted(found[name].cat.categories) == words


# --- facts of plug-ins ---


def sources(*facts: FactSource) -> PolicySet:
    """The default policies with the facts of a plug-in."""
    module = types.ModuleType("mine")
    vars(module)["facts"] = hookimpl(lambda: [*facts])
    return assemble(plugins=[module])


def source(
    name: str, reads: Mapping[str, list[str]], made: Callable[[Any], Any], domain: str = "lifecycle"
) -> FactSource:
    """A source of one number per customer."""
    return FactSource(
        name, domain, reads, {name: "number"},
        lambda frames, day: pd.DataFrame({name: made(frames)}, index=frames["facts"].index),
    )  # fmt: skip


def test_a_source_runs_once_as_soon_as_all_that_it_reads_is_found() -> None:
    """Also where it reads every column found so far, or none at all."""
    calls: list[tuple[str, list[str]]] = []

    def doubled(frames: Any) -> Any:
        calls.append(("doubled", [*frames["facts"]]))
        return frames["facts"]["activity_ratio"] * 2 + frames["transactions"]["amount"].sum()

    def plain(frames: Any) -> float:
        calls.append(("plain", [*frames["facts"]]))
        return 7.0

    def text(frames: Any) -> float:
        raise AssertionError("a fact of complaints is none of customers")

    reads = {"facts": ["days_idle", "activity_ratio"], "transactions": ["amount"]}
    policies = sources(
        source("doubled", reads, doubled), source("plain", {}, plain),
        source("text", {}, text, "complaints"),
    )  # fmt: skip
    nothing = (step("n"), step("m"))
    found = run(nothing, policies=policies).facts
    assert [*found] == ["plain"]
    every = {**reads, "facts": ["plain", *reads["facts"]]}
    known = run(
        (step("a", facts=frame(plain=[1.0] * 4, activity_ratio=[1.0, 2.0, 3.0, 4.0])),
         step("b", facts=frame(days_idle=[0] * 4)),
         *nothing),
        policies=sources(source("doubled", every, doubled)),
    ).facts  # fmt: skip
    assert [*known] == ["plain", "activity_ratio", "days_idle", "doubled"]
    assert known["doubled"].tolist() == [3.0, 5.0, 7.0, 9.0]
    assert calls == [("plain", []), ("doubled", ["plain", "days_idle", "activity_ratio"])]


def test_a_table_that_reads_a_fact_too_early_names_what_the_source_waits_for() -> None:
    late = source("y", {"facts": ["x", "contribution", "growth"]}, lambda frames: 1.0)
    policies = sources(late)
    policies = policies.with_policy(policies["lifecycle"].with_table(SIZE).with_table(KINDS))
    facts = frame(x=[2.0, 0.0, 1.0, 3.0])
    found = run((step(facts=facts, decisions=(Decision("size", "size"),)),), policies=policies)
    assert found.facts["size"].tolist() == ["big", "small", "small", "big"]
    reads = step(facts=facts, decisions=(Decision("kinds", "", "kinds_rules"),))
    with pytest.raises(PluginError, match=r"'kinds' reads 'y' before .* contribution, growth$"):
        run((reads,), policies=policies)
    there = step("a", facts=frame(y=[0.0, 2.0, 0.0, 2.0]))
    rules = run((there, reads), policies=policies).facts["kinds_rules"]
    assert rules.tolist() == ["one", "two", "", "one+two"]


# --- needs ---


def test_reasons_name_every_frame_that_would_do() -> None:
    steps = (
        step("a", shown=("a", "b"), needs=(Need(("loans", "balances"), ("a",)),)),
        step("c", shown=("c",), needs=(Need(("a", "contacts")),)),
        step("d", shown=("d",), needs=(Need(("loans",), ("d",), partial="d counts no loans"),)),
        step("e", shown=("e",), needs=(Need(("a",), ("b",), partial="b is half"),)),
    )
    none = Fitted(["customers"])
    lacking = "the book has no loans and no balances"
    both = f"{lacking}; the book has no contacts"
    reasons = reasons_of(steps, none)
    assert reasons == {"a": lacking, "c": both}
    assert limits_of(steps, none, reasons) == {
        "d counts no loans": "the book has no loans", "b is half": lacking
    }  # fmt: skip
    absent = {"loans": "all rows of loans are rejected"}
    assert reasons_of(steps, none, absent)["a"] == (
        "all rows of loans are rejected; the book has no balances"
    )
    assert limits_of(steps, none, {"d": "x", "a": "y"}) == {"b is half": "y"}
    assert reasons_of(steps, Fitted(["loans"])) == {}
    assert limits_of(steps, Fitted(["loans"]), {}) == {}
    assert [is_left_out(s, none, reasons) for s in steps] == [False, True, False, False]
    assert [is_left_out(s, Fitted(["contacts"]), ["a"]) for s in steps] == [False] * 4
    half = step("f", shown=("f",), needs=(Need(("loans",), partial="f counts no loans"),))
    assert not is_left_out(half, none, ()), "it only leaves something out"
    page = needs_page(steps[:1], [Need(("x.y",), ("z",), partial="half")])
    assert page.splitlines()[2:] == [
        "| `a` | `loans`, `balances` | null |",
        "| `z` | `x.y` | half |",
    ]


def test_a_fit_that_waits_is_not_yet_left_out() -> None:
    fit = Fit("x", dict, lambda raw, found: raw, lambda sample, policies: {})
    fitting = step("a", fit=fit, shown=("a",))
    assert not is_left_out(fitting, Fitted([]), (), waiting=["a"])
    assert is_left_out(fitting, Fitted([]), (), waiting=["b"])
    assert not is_left_out(fitting, Fitted([], {"x": {}}), ())
    assert reasons_of([fitting], Fitted([]), waiting=["a"]) == {}
    assert reasons_of([fitting], Fitted([])) == {"a": "there is nothing to learn from"}
    assert reasons_of([step("b", shown=("b",))], Fitted([])) == {}
    plain = [step("p"), step("q", after=("p",)), attrs.evolve(fitting, after=("p",))]
    assert passes_of((*plain, step("z", fit=fit, after=("a",)), step("y"))) == {
        "p": 0, "q": 0, "a": 1, "z": 2, "y": 2,
    }  # fmt: skip
    assert passes_of((attrs.evolve(fitting, after=()), step("p"))) == {"a": 1, "p": 1}
    with pytest.raises(DataError, match="wait for the fit of 'a'"):
        passes_of((plain[0], plain[2], step("late", reads=("p", "a"))))


def test_columns_and_results_of_a_step() -> None:
    decisions = (
        Decision("t", "t"),
        Decision("u", "", "u_rules", shown=("rule",), where="there"),
        Decision("v", "v", shown=(), counted=True),
    )
    made = step("s", decisions=decisions, shown=("n",), hidden=("h",), where="here")
    assert made.columns == ("t", "t_rule", "u_rules", "n")
    assert made.results == ("t", "u_rules", "v", "n", "h")
    assert [made.where_of(d) for d in decisions] == ["here", "there", "here"]
    assert [d.counted for d in decisions] == [False, False, True]
    assert "follow_up" not in repr(made)


def test_what_is_recorded_of_customers() -> None:
    recorded = ["complaints", "capital", "loans", "loans.customer_id", "customers.income"]
    fitted = Fitted(recorded)
    assert fitted.frames == {"loans", "capital"}, "complaints of nobody are not of customers"
    assert fitted.records("contacts", "loans")
    assert not fitted.records("contacts", "complaints.customer_id")
    assert repr(fitted) == "<Fitted: nothing; 5 frames and columns recorded>"
    named = fitted.with_value("a", {}).with_value("b", None)
    assert repr(named) == "<Fitted: a; 5 frames and columns recorded>"
    for text in ("[fitted]", "[values]", "fitted = 1\n[values]", "[fitted]\n[values]",
                 '[fitted]\npolicies = ""\nrecorded = [1]\n[values]',
                 '[fitted]\npolicies = ""\nrecorded = "loans"\n[values]'):  # fmt: skip
        with pytest.raises(DataError, match="fitted: not a fitted value"):
            Fitted.from_toml(text)
    with pytest.raises(DataError, match="no step fits mine; known: rfm"):
        Fitted.from_toml('[fitted]\npolicies = ""\nrecorded = []\n[values.mine]\n')


# --- facts of the review's own steps ---


def test_customers_are_those_of_a_stage_or_of_a_running_contract() -> None:
    found = pd.DataFrame(
        {
            "stage": ["active", "lost", None, None, None, "lead"],
            "has_contract": [False, True, True, True, False, True],
            "closed": [True, False, False, True, False, False],
        }
    )
    made = population(found, POLICIES)["is_customer"]
    assert made.tolist() == [True, False, True, False, False, False]


def test_what_is_learned_from_a_whole_book() -> None:
    sample = pd.DataFrame(
        {
            "kind": ["interest_paid", "interest_received", "interest_paid", "interest_paid"],
            "product": ["term", "mortgage", "demand", "term"],
        }
    )
    assert learn_interest(sample, POLICIES) == InterestProducts(("demand", "term"), ("mortgage",))
    thirds = pd.DataFrame({"deposits": [100 / 3, 0.125]})
    assert learn_funding(thirds, POLICIES).total == 33.46
    assert learn_value(pd.DataFrame({"a": []}), POLICIES) is None
    assert learn_value(pd.DataFrame({"a": [np.nan]}), POLICIES) is None
    metrics = pd.DataFrame({"recency_days": [], "frequency": [], "monetary": []})
    assert learn_rfm(metrics, POLICIES) is None
    block = Block(pd.Index([3]), DAY, POLICIES, Fitted([]), lambda: view_of(small_book()))
    scored = rfm_scores(block, metrics, None)
    assert scored.index.tolist() == [3]
    assert scored.isna().all(axis=None)
    assert scored.dtypes.astype(str).to_dict() == {
        "recency_days": "Int64", "frequency": "Int64", "monetary": "float64",
        "r": "Int8", "f": "Int8", "m": "Int8", "rfm_score": "Int64",
    }  # fmt: skip
    counts = pd.DataFrame({"customer_id": [7, 3, 7], "referrals": [1, 2, 4]})
    known = learn_referrals(counts, POLICIES)
    assert known == Referrals((3, 7), (2, 5))
    assert referrals_of(block, counts, known)["referrals"].tolist() == [2.0]
    other = Block(pd.Index([7, 8]), DAY, POLICIES, Fitted([]), lambda: view_of(small_book()))
    assert referrals_of(other, counts, known)["referrals"].tolist() == [5.0, 0.0]


def test_positions_are_of_the_year_that_ends_with_the_day() -> None:
    ago = [0, 9, 10, 11]
    days = [pd.Timestamp(DAY) - pd.Timedelta(days=n) for n in ago]
    fees = pd.DataFrame(
        {"customer_id": 1, "date": days, "amount": [-1.0, -2.0, -4.0, -8.0], "kind": "fee"}
    )
    book = attrs.evolve(small_book(), transactions=fees)
    ten = POLICIES.with_policy(default_policy("valuation").with_parameters(year_days=10))
    block = Block(pd.Index([1, 2, 3, 4]), DAY, ten, Fitted(["transactions"]), lambda: view_of(book))
    assert positions(block)["fees"].tolist() == [3.0], "the day and the nine days before it"


def test_referrers_are_counted_by_the_customers_of_a_block() -> None:
    book = small_book()
    named = attrs.evolve(book, customers=book.customers.assign(referred_by=[9, None, 1, 9]))
    for given_, expected in ((named, [(1, 1), (9, 2)]), (book, [])):
        block = Block(
            pd.Index([1, 2, 3, 4]), DAY, POLICIES, Fitted([]), lambda b=given_: view_of(b)
        )
        found = referrers(block)[["customer_id", "referrals"]]
        assert sorted(found.itertuples(index=False, name=None)) == expected


def test_who_brings_nothing_puts_nothing_at_stake() -> None:
    rules = pd.Series(pd.Categorical(["none"] * 4))
    found = pd.DataFrame({"warning_rules": rules, "contribution": [0.5, -3.0, None, 20.0]})
    stake = warnings(found, POLICIES)["value_at_stake"]
    assert stake.fillna(-1.0).tolist() == [0.5, 0.0, -1.0, 20.0]


def test_the_lifetime_value_comes_right_after_the_contribution() -> None:
    steps = [step("a"), step("contribution"), step("b"), step("c")]
    names = [s.name for s in with_lifetime_value(steps, {"active": 0.9})]
    assert names == ["a", "contribution", "lifetime_value", "b", "c"]
    with pytest.raises(UnknownNameError, match="no step 'contribution'"):
        with_lifetime_value(steps[:1], {"active": 0.9})


balances = st.lists(
    st.tuples(st.integers(1, 3), st.dates(dt.date(2025, 11, 1), dt.date(2026, 7, 31)),
              st.integers(-50, 50)),
    max_size=12, unique_by=lambda row: (row[0], row[1]),
)  # fmt: skip


@given(balances, st.integers(1, 4))
def test_average_balances_are_those_of_a_loop_over_days(
    rows: list[tuple[int, dt.date, int]], months: int
) -> None:
    """What is held above zero on each day of the last calendar months, and of the present one."""
    book = small_book(3)
    if rows:
        held = pd.DataFrame(rows, columns=["customer_id", "date", "balance"])
        held = held.assign(account_id=held["customer_id"] + 10, date=pd.to_datetime(held["date"]))
        book = attrs.evolve(book, balances=held)
    day = np.datetime64("2026-06-17")
    policy = default_policy("segmentation").with_parameters(membership_months=months)
    view = book_view(book, recorded=Fitted(recorded_in(book.frames())).frames)
    found = averages_of(view, day, policy)
    first = {"daily_average": dt.date(2026, 7 - months, 1), "monthly_average": dt.date(2026, 6, 1)}
    for name, start in first.items():
        days = [
            start + dt.timedelta(days=n) for n in range((dt.date(2026, 6, 17) - start).days + 1)
        ]
        for customer in (1, 2, 3):
            own = sorted((d, b) for c, d, b in rows if c == customer and d <= days[-1])
            each = [max([b for d, b in own if d <= one][-1:] or [0]) for one in days]
            seen = found.loc[customer, name]
            if not own:
                assert pd.isna(seen)
            else:
                assert seen == pytest.approx(sum(max(b, 0) for b in each) / len(days))


# --- the churn card ---


def test_a_window_has_a_day_at_least() -> None:
    book = small_book()
    for wrong in ({"windows": 0}, {"horizon_days": 0}):
        with pytest.raises(DataError, match="expected 1 or more"):
            fit_churn(book, as_of=DAY, **wrong)
    with pytest.raises(DataError, match="nobody is new or active"):
        fit_churn(book, as_of="2020-06-30", windows=1, horizon_days=1)


def fading_book() -> Book:
    """Customers who come back after days or months; some seldom, so that they seem to leave."""
    start, draw = np.datetime64(DAY) - 900, np.random.default_rng(3)
    rows = []
    for customer in range(1, 401):
        gaps = draw.lognormal(draw.uniform(2, 4), 1.2, size=60).astype(int) + 1
        days = (start + gaps.cumsum()).astype("datetime64[s]")
        rows.append(
            pd.DataFrame({"customer_id": customer, "date": days[days <= np.datetime64(DAY)]})
        )
    people = pd.DataFrame({"customer_id": range(1, 401), "kind": "person"})
    return Book(people, pd.concat(rows, ignore_index=True).assign(amount=-5.0, kind="card"))


FADING = fading_book()


def test_a_card_is_fitted_on_windows_one_after_the_other() -> None:
    days = [DAY - dt.timedelta(days=120), DAY - dt.timedelta(days=60)]
    model = fit_churn(FADING, as_of=DAY, windows=2, horizon_days=60)
    samples = churn_samples(FADING, as_ofs=days, horizon_days=60)
    assert model.days == (*days,)
    assert model.card == fit_card(*samples.of(samples.days))
    (test,) = model.tests
    later = samples.event[samples.event.index.get_level_values("as_of") == pd.Timestamp(days[1])]
    assert (test.day, test.rows, test.events) == (days[1], len(later), later.sum())
    assert 0 < test.events < test.rows


def test_by_itself_a_card_is_fitted_on_a_year() -> None:
    """Four windows of 13 weeks, so that each season counts once, and every day of the week."""
    year = fit_churn(FADING, as_of=DAY)
    assert [(DAY - day).days for day in year.days] == [52 * 7, 39 * 7, 26 * 7, 13 * 7]
    assert fit_churn(FADING, as_of=DAY, windows=1).tests == ()


def test_the_policy_at_the_end_of_the_last_window_decides() -> None:
    days = [DAY - dt.timedelta(days=90), DAY - dt.timedelta(days=60)]
    briefly = attrs.evolve(default_policy("lifecycle"), effective_from=DAY, effective_to=DAY)
    found = churn_samples(
        FADING, as_ofs=days, horizon_days=60, policies=POLICIES.with_policy(briefly)
    )
    usual = churn_samples(FADING, as_ofs=days, horizon_days=60)
    pd.testing.assert_frame_equal(found.facts, usual.facts)
    with pytest.raises(PolicyError, match="not in force on"):
        fit_churn(FADING, as_of=days[1], windows=1, policies=POLICIES.with_policy(briefly))
    with pytest.raises(DataError, match="no days"):
        churn_samples(FADING, as_ofs=[], horizon_days=60)


def test_the_report_lists_25_customers_with_few_digits() -> None:
    chances = [n / 61 for n in range(30)]
    facts = pd.DataFrame({"churn_probability": [*chances, None], "churn_points": 7, "other": 1})
    events = pd.Series([n % 3 > 1 - n // 300 for n in range(400)])
    card = fit_card(pd.DataFrame({"a": range(400)}), events)
    test = ChurnTest(DAY, 9, 3, 0.98765, 0.5, 1.0, 0.1, 0.1, 0.0, "a")
    model = ChurnModel(card, 91, (DAY,), (test,))
    (who, rows), (_, tests), _ = _sections(model, facts)
    assert who.startswith("Customers most likely to leave")
    assert isinstance(rows, pd.DataFrame)
    assert rows.index.tolist() == list(range(29, 4, -1))
    assert rows["churn_probability"].tolist() == [round(chances[n], 3) for n in rows.index]
    assert [*rows.columns] == ["churn_probability", "churn_points"]
    assert isinstance(tests, pd.DataFrame)
    assert tests["auc"].tolist() == [0.988]
    assert model.frame().index.tolist() == [DAY]
    untested = attrs.evolve(model, tests=())
    assert "fitted on one day only" in str(_sections(untested, None)[0][1])
    assert len(_sections(model, None)) == 2


# --- results beside those about customers ---


def test_results_beside_customers_need_frames_of_their_own() -> None:
    rests = {
        "complaints": {"complaints"},
        "groups": {"links"},
        "group_warnings": {"links", "credits"},
        "exposure": {"credits"},
        "limit_use": {"credits", "capital"},
    }
    frames = ["complaints", "links", "credits", "capital"]
    for missing in [*frames, ""]:
        recorded = [f for f in frames if f != missing]
        found = reasons_beside(recorded, {}, {})
        expected = {r: f"the book has no {missing}" for r, f in rests.items() if missing in f}
        assert found == expected
        assert limits_beside(found).keys() == (
            set() if "group_warnings" in found else {NO_TRANSFERS}
        )
    why = reasons_beside(frames, {}, {"risk_level": "no policy", "tier": "x"})
    assert why == {"watch_list": "no policy"}
    empty = reasons_beside(frames[1:], {"complaints": "complaints has no row"}, {})
    assert empty == {"complaints": "complaints has no row"}


# --- scorecards and value ---


def test_each_scorecard_has_its_sections_and_the_first_the_checks() -> None:
    rows = pd.DataFrame(
        {"measure": "transactions", "employee_id": ["A", "B"], "value": [100 / 3, 120.0]}
    ).assign(date=pd.Timestamp("2026-03-01"))
    values = kpi_values(rows, as_of="2026-03-31", by="employee_id")
    goal = pd.DataFrame({"kpi": ["transactions"], "target": [100]})
    card = scorecard(attain(values, goal))
    checks = pd.DataFrame(
        {"check_id": [1], "kind": ["mystery"], "date": pd.to_datetime(["2026-01-10"]),
         "employee_id": ["A"], "finding": ["no greeting"],
         "due": pd.to_datetime(["2026-02-20"])}
    )  # fmt: skip
    steps = scorecard_steps(card, card, checks=checks)
    assert [s.name for s in steps] == ["scorecard_1", "scorecard_2"]
    calendar = working_calendar("CN")
    found = [s.follow_up(DAY, calendar) for s in steps if s.follow_up is not None]
    assert [(f["action"] == "mend_finding").sum() for f in found] == [1, 0]
    assert steps[0].sections is not None
    (title, scores), (second, parts) = steps[0].sections(None)
    assert (title, second) == ("Scores by employee", "Parts of the scores by employee")
    assert isinstance(scores, pd.DataFrame)
    assert isinstance(parts, pd.DataFrame)
    assert scores.index.tolist() == card.scores["subject"].tolist()
    assert scores["score"].tolist() == [round(s, 3) for s in card.scores["score"]]
    assert parts["value"].tolist() == [33.333, 120.0]
    days = card.scores["period"].dt.strftime("%Y-%m-%d").tolist()
    assert scores["period"].astype(str).tolist() == days


@pytest.mark.parametrize(
    ("by", "name", "others"),
    [
        ((), "bank", []),
        (("department",), "department", []),
        (("branch", "employee_id"), "employee", ["branch"]),
        (("branch", "department", "employee_id"), "employee", ["branch", "department"]),
    ],
)
def test_scores_are_by_the_last_column_and_show_the_others(
    by: tuple[str, ...], name: str, others: list[str]
) -> None:
    rows = pd.DataFrame(
        {"measure": "transactions", "branch": "N", "department": "D", "employee_id": ["A", "B"],
         "date": pd.Timestamp("2026-03-01"), "value": [50.0, 120.0]}
    )  # fmt: skip
    values = kpi_values(rows, as_of="2026-03-31", by=by)
    goal = pd.DataFrame({"kpi": ["transactions"], "target": [100]})
    (made,) = scorecard_steps(scorecard(attain(values, goal)))
    assert made.sections is not None
    (title, scores), (second, parts) = made.sections(None)
    assert (title, second) == (f"Scores by {name}", f"Parts of the scores by {name}")
    for shown in (scores, parts):
        assert isinstance(shown, pd.DataFrame)
        assert shown.index.name == "subject"
        assert [*shown.columns[: len(others) + 1]] == [*others, "period"]


def test_the_learned_value_model_is_that_of_the_measures() -> None:
    rows = pd.DataFrame(
        {"contribution": [10.0, 900.0, np.nan], "satisfaction": [60.0, 80.0, 70.0],
         "tenure_years": [1.0, 9.0, 2.0], "income": [1e5, 2e5, 1e4],
         "credit_standing": ["watch", "good", "good"]}
    )  # fmt: skip
    model = learn_value(rows, POLICIES)
    assert model is not None
    pd.testing.assert_frame_equal(score_value(rows, model=model), score_value(rows))
