"""Events of a book and of staff records; planted managers are found again."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bankcrm import review
from bankcrm.book import Book
from bankcrm.book.relationship import relationship_on
from bankcrm.book.view import book_view, day_number
from bankcrm.datasets import make_book
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames.findings import findings_of
from bankcrm.lifecycle import churn_rates, month_ends, stage_history
from bankcrm.pipeline import STEPS, scorecard_steps
from bankcrm.policy import default_policy
from bankcrm.scorecards import (
    Scorecard,
    attain,
    kpi_events,
    kpi_values,
    rank_subjects,
    scorecard,
    with_states,
)

DAY = dt.date(2026, 6, 30)
SINCE = "2025-07-01"


@pytest.fixture(scope="module")
def book() -> Book:
    return make_book(600, seed=11, as_of=DAY)


def count(events: pd.DataFrame, measure: str) -> float:
    return float(events["value"][(events["measure"] == measure).to_numpy()].sum())


AUTOMATIC = {"interest", "penalty_interest", "fee", "standing_order", "household", "insurance",
             "loan_payment"}  # fmt: skip
Event = tuple[str, int, pd.Timestamp, float]


def events_by_hand(book: Book) -> Iterator[Event]:
    """Measure, customer, day and value of each event, customer by customer."""
    wait = pd.Timedelta(days=default_policy("scorecards").value("conversion_days"))
    for row in book.customers.to_dict("records"):
        customer, contract = row["customer_id"], row["contract_date"]
        asked = row["inquiry_date"]
        yield "prospects", customer, row["first_contact_date"], 1.0
        yield "customers_won", customer, contract, 1.0
        if not pd.isna(row["referred_by"]):
            yield "customers_referred", customer, contract, 1.0
        if not pd.isna(asked) and (pd.isna(contract) or contract >= asked):
            yield "leads", customer, asked, 1.0
            yield "leads_judged", customer, asked + wait, 1.0
            if contract <= asked + wait:
                yield "leads_converted", customer, asked + wait, 1.0
    assert book.transactions is not None
    assert book.accounts is not None
    assert book.complaints is not None
    moves = book.transactions[~book.transactions["kind"].isin(AUTOMATIC)]
    for customer, day, amount in zip(
        moves["customer_id"], moves["date"], moves["amount"], strict=True
    ):
        yield "transactions", customer, day, 1.0
        yield "transaction_amount", customer, day, abs(float(amount))
    first: dict[int, pd.Timestamp] = {}
    accounts = book.accounts.sort_values("opened_date")
    for customer, day in zip(accounts["customer_id"], accounts["opened_date"], strict=True):
        yield "purchases", customer, day, 1.0
        if day > first.setdefault(customer, day):
            yield "purchases_repeated", customer, day, 1.0
    for customer, instant in zip(
        book.complaints["customer_id"], book.complaints["received_at"], strict=True
    ):
        if not pd.isna(customer):
            day = instant.tz_convert("Asia/Shanghai").tz_localize(None).normalize()
            yield "complaints", customer, day, 1.0


def months_by_hand(book: Book, until: str) -> Iterator[Event]:
    """The same of each month: who was a customer at its start and end, with how many products."""
    policy = default_policy("scorecards")
    view = book_view(book)
    assert book.accounts is not None

    def current(day: pd.Timestamp) -> set[int]:
        rows = relationship_on(view, day_number(np.datetime64(day, "D")), policy).current
        return set(view.customers[rows])

    last = pd.Timestamp(until)
    for start in pd.date_range(SINCE, until, freq="MS"):
        end = start + pd.offsets.MonthEnd()
        before, after = current(start - pd.Timedelta(days=1)), current(min(end, last))
        part = ((min(end, last) - start).days + 1) / end.day
        for customer in before:
            yield "customer_months", customer, start, part
            if end <= last:
                yield "customers_exposed", customer, start, 1.0
                if customer not in after:
                    yield "customers_lost", customer, start, 1.0
        if end <= last:
            closed = book.accounts["closed_date"]
            held = book.accounts[(book.accounts["opened_date"] <= end) & ~(closed <= end)].groupby(
                "customer_id"
            )
            for customer in after:
                yield "customers_held", customer, end, 1.0
                if customer in held.groups:
                    yield "products_open", customer, end, float(len(held.groups[customer]))


@pytest.mark.parametrize("until", ["2026-06-30", "2026-02-10"])
def test_measures_of_a_book_against_its_frames(book: Book, until: str) -> None:
    """Each event has its customer, day and value, whole or cut off on an earlier day."""
    checked = book.check(until)[0]
    events = kpi_events(book, since=SINCE, as_of=until)
    columns = [events[c] for c in ("measure", "customer_id", "date", "value")]
    by_hand = [*events_by_hand(checked), *months_by_hand(checked, until)]
    expected = Counter(e for e in by_hand if pd.Timestamp(SINCE) <= e[2] <= pd.Timestamp(until))
    assert Counter(zip(*columns, strict=True)) == expected
    assert set(events["measure"]) == set(events["measure"].cat.categories)
    assert len(set(events["measure"])) == 16


def test_what_the_book_does_not_record_is_no_measure(book: Book) -> None:
    bare = Book(book.customers.drop(columns="referred_by"), book.transactions, as_of=DAY)
    known = kpi_events(bare, since=SINCE)["measure"].cat.categories
    assert not {"customers_referred", "purchases", "complaints", "products_open"} & {*known}
    values = kpi_values(kpi_events(bare, since=SINCE), as_of=DAY, period="year").set_index("kpi")
    assert values.loc["referral", "value"].isna().all()
    assert values.loc["new_customers", "value"].notna().all()


def test_surveys_checks_and_trainings_are_measures(book: Book) -> None:
    asked = pd.DataFrame(
        {
            "survey_id": range(6),
            "date": pd.to_datetime("2026-03-01"),
            "customer_id": pd.array([1, 1, 1, 1, None, None], "Int64"),
            "respondent_id": [None, None, None, None, "E1", "E2"],
            "points": [8.0, 7.0, None, 4.0, 5.0, 1.0],
            "scale_low": [0, 0, 0, 1, 1, 1],
            "scale_high": [10, 10, 10, 5, 5, 5],
        }
    )
    checks = pd.DataFrame(
        {
            "check_id": [1, 2],
            "kind": "mystery",
            "date": pd.to_datetime("2026-03-01"),
            "employee_id": ["E1", "E2"],
            "points": [8.0, None],
            "maximum": [10.0, 10.0],
        }
    )
    taught = pd.DataFrame(
        {"employee_id": ["E1", "E2"], "date": pd.to_datetime("2026-03-01"), "passed": [True, False]}
    )
    events = kpi_events(book, since=SINCE, surveys=asked, checks=checks, trainings=taught)
    assert {
        m: count(events, m)
        for m in (
            "answers",
            "answers_satisfied",
            "employee_answers",
            "employee_answers_satisfied",
            "check_points",
            "check_possible",
            "trainings",
            "trainings_passed",
        )
    } == {
        "answers": 3,
        "answers_satisfied": 2,
        "employee_answers": 2,
        "employee_answers_satisfied": 1,
        "check_points": 8,
        "check_possible": 10,
        "trainings": 2,
        "trainings_passed": 1,
    }
    assert [f.problem for f in findings_of(events)] == ["without answer", "without points"]
    values = kpi_values(events, as_of=DAY, by="employee_id", period="year")
    passed = values[(values["kpi"] == "training_passed").to_numpy()]
    assert passed.dropna(subset="value").set_index("subject")["value"].to_dict() == {
        "E1": 1,
        "E2": 0,
    }
    with pytest.raises(DataError, match=r"surveys\.points: 1 rows do not fit their scale"):
        kpi_events(book, since=SINCE, surveys=asked.assign(points=[11.0, 7, None, 4, 5, 1]))
    with pytest.raises(DataError, match="first day of a month"):
        kpi_events(book, since="2025-07-02")


def test_churn_is_by_the_stage_at_the_start_of_the_period(book: Book) -> None:
    """At risk is whom the history of stages finds there the day before; the lost were theirs."""
    frames = {"contacts": book.contacts, "accounts": book.accounts}
    history = stage_history(
        book.customers, book.transactions, dates=month_ends("2025-06", "2026-06"), **frames
    )
    events = with_states(kpi_events(book, since=SINCE), history)
    values = kpi_values(events, as_of=DAY, by="stage")
    found = values[(values["kpi"] == "churn").to_numpy()].groupby("subject", observed=True)
    sums = found[["numerator", "denominator"]].sum()
    expected = churn_rates(history).groupby("stage")["at_risk"].sum()
    for stage in ("new", "active", "dormant"):
        assert sums.loc[stage, "denominator"] == expected[stage]
    lost = events[(events["measure"] == "customers_lost").to_numpy()]
    before = lost["date"] - pd.Timedelta(days=1)
    stage_then = history["stage"].reindex(pd.MultiIndex.from_arrays([lost["customer_id"], before]))
    assert lost["stage"].astype(object).tolist() == stage_then.astype(object).tolist()
    assert len(lost) > 0
    assert sums["numerator"].sum() == len(lost)


def test_states_are_those_before_the_day() -> None:
    rows = pd.DataFrame({"measure": "transactions", "customer_id": [1, 1, 1, 2, None, 1]}).assign(
        date=pd.to_datetime(["2026-01-01", "2026-01-02", "2026-03-01", "2026-03-01"] * 2)[:6]
    )
    states = pd.DataFrame(
        {
            "customer_id": [1, 1, 1],
            "date": pd.to_datetime(["2026-02-01", "2026-01-01", "2026-02-28"]),
            "tier": ["key", "ordinary", None],
            "stage": ["new", "active", "lost"],
        }
    )
    found = with_states(rows, states, columns=["tier", "stage"])
    tiers = found["tier"].astype(object)
    assert tiers.where(tiers.notna(), "").tolist() == ["", "ordinary", "", "", "", "ordinary"]
    assert found["stage"].astype(object)[2] == "lost"
    with pytest.raises(DataError, match="3 rows are second states"):
        with_states(rows, pd.concat([states, states]))
    with pytest.raises(UnknownNameError, match="segment"):
        with_states(rows, states, columns="segment")


def test_the_book_of_an_engine_is_refused_with_advice() -> None:
    with pytest.raises(DataError, match=r"a Book in memory.*read_book\(folder\)"):
        kpi_events(object(), since=SINCE)  # type: ignore[arg-type]


def test_planted_managers_are_found_in_their_order(book: Book) -> None:
    """Six managers of known quality: ranks agree with the truth where the intervals decide."""
    random = np.random.default_rng(5)
    quality = dict(zip("ABCDEF", (0.95, 0.88, 0.80, 0.70, 0.58, 0.45), strict=True))
    people = book.customers["customer_id"]
    held = pd.DataFrame(
        {"customer_id": people, "employee_id": random.choice([*quality], len(people))}
    )
    who = np.tile(np.arange(len(people)), 6)
    chance = held["employee_id"].map(quality).to_numpy()[who]
    asked = pd.DataFrame(
        {
            "survey_id": np.arange(len(who)),
            "customer_id": people.to_numpy()[who],
            "date": pd.to_datetime("2026-01-15")
            + pd.to_timedelta(random.integers(0, 160, len(who)), "D"),
            "points": np.where(random.random(len(who)) < chance, 5, 2),
            "scale_low": 1,
            "scale_high": 5,
        }
    )
    events = kpi_events(book, since="2026-01-01", surveys=asked)
    values = kpi_values(events, as_of=DAY, by="employee_id", period="year", assignments=held)
    found = rank_subjects(values)
    found = found[(found["kpi"] == "satisfied_share").to_numpy()].set_index("subject")
    truth = {name: place + 1 for place, name in enumerate(quality)}
    assert found["rank"].to_dict() == truth
    for name, place in truth.items():
        assert found["rank_best"][name] <= place <= found["rank_worst"][name]
        assert found["low"][name] <= quality[name] <= found["high"][name]
    goal = pd.DataFrame({"kpi": ["satisfied_share"], "target": [0.9], "baseline": [0.4]})
    card = scorecard(attain(values, goal))
    assert card.scores.set_index("subject")["rank"].to_dict() == truth
    assert "satisfied_share" in card.explain("A")
    # With a twentieth of the answers the ranks of neighbours are open, and still hold the truth.
    few = asked.sample(180, random_state=1)
    events = kpi_events(book, since="2026-01-01", surveys=few)
    values = kpi_values(events, as_of=DAY, by="employee_id", period="year", assignments=held)
    found = rank_subjects(values)
    found = found[(found["kpi"] == "satisfied_share").to_numpy()].set_index("subject")
    assert (found["rank_worst"] - found["rank_best"]).max() >= 2
    for name, place in truth.items():
        assert found["rank_best"][name] <= place <= found["rank_worst"][name]


@pytest.fixture(scope="module")
def cards() -> tuple[Book, list[Scorecard]]:
    book = make_book(60, seed=3, as_of=DAY)
    held = book.customers[["customer_id"]].assign(employee_id="Zhang Wei")
    staff = pd.DataFrame({"employee_id": ["Zhang Wei"], "department": ["marketing"]})
    events = kpi_events(book, since="2026-01-01")
    goal = pd.DataFrame({"kpi": ["transactions", "satisfied_share"], "target": [100.0, 0.9]})
    made = []
    for by in ("department", "employee_id"):
        values = kpi_values(
            events, as_of=DAY, by=by, period="year", employees=staff, assignments=held
        )
        made.append(scorecard(attain(values, goal)))
    hard = pd.DataFrame({"kpi": ["transactions"], "target": [1e6]})
    made.append(scorecard(attain(values, hard)))
    return book, made


CHECKS = pd.DataFrame(
    {
        "check_id": [1, 2, 3],
        "kind": ["mystery", "self", "branch"],
        "date": pd.to_datetime("2026-01-10"),
        "employee_id": ["Li Na", None, "Zhang Wei"],
        "department": [None, "product", None],
        "finding": ["no greeting", "old leaflets", "done"],
        "due": pd.to_datetime(["2026-02-20", "2026-06-20", "2026-02-20"]),
        "resolved": pd.to_datetime([None, None, "2026-02-20"]),
    }
)


def test_scores_are_in_the_report_and_what_follows_in_the_actions(
    cards: tuple[Book, list[Scorecard]], tmp_path: Path
) -> None:
    book, made = cards
    steps = (*STEPS, *scorecard_steps(*made, checks=CHECKS))
    plain, shown = review(book, as_of=DAY), review(book, as_of=DAY, steps=steps)
    pd.testing.assert_frame_equal(plain.customers, shown.customers)
    page, without = shown.to_html(), plain.to_html()
    for text in (
        "Scores by department",
        "Parts of the scores by employee",
        "Zhang Wei",
        "answers_satisfied and answers not recorded",
    ):
        assert text in page
        assert text not in without
    staff = shown.actions[shown.actions["origin"] == "staff"].set_index("action_id")
    assert len(shown.actions) == len(plain.actions) + len(staff)
    columns = ["department", "manager", "due", "reason", "rules", "evidence", "overdue"]
    days = staff["due"].dt.strftime("%Y-%m-%d")
    found = staff.assign(due=days)[columns].astype(object).fillna("").astype(str).to_dict("index")
    assert {k: [*v.values()] for k, v in found.items()} == {
        "staff:Li Na:mend_finding@2026-02-20": [
            "customer_service", "Li Na", "2026-02-20", "overdue: no greeting", "check.1",
            "subject = Li Na", "True",
        ],
        "staff:product:mend_finding@2026-06-20": [
            "product", "", "2026-06-20", "overdue: old leaflets", "check.2",
            "subject = product", "True",
        ],
        "staff:Zhang Wei:staff_warning@2026-06-30": [
            "product", "Zhang Wei", "2026-07-14", "far from the targets", "rule.warning",
            "subject = Zhang Wei", "False",
        ],
    }  # fmt: skip
    shown.write(tmp_path)
    assert set(staff.index) <= set(pd.read_csv(tmp_path / "actions.csv")["action_id"])
    other = review(book, as_of=DAY, steps=steps, engine="duckdb", blocks=2)
    assert other.actions["action_id"].tolist() == shown.actions["action_id"].tolist()
    for step in steps[len(STEPS) :]:
        assert step.sections is not None
        for (title, here), (name, there) in zip(
            step.sections(None), step.sections(shown.facts), strict=True
        ):
            assert title == name
            assert isinstance(here, pd.DataFrame)
            pd.testing.assert_frame_equal(here, there)  # type: ignore[arg-type]
            assert title in other.to_html()
