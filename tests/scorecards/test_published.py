"""The figures of the issue's sources, computed by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bankcrm.errors import DataError, PolicyError, UnknownNameError
from bankcrm.frames.findings import findings_of
from bankcrm.intervals import poisson_rate
from bankcrm.policy import default_policy, load_policy
from bankcrm.scorecards import attain, follow_up, kpi_values, rank_subjects, rewards, scorecard
from bankcrm.scorecards.kpi import kpis_of


def events(*rows: tuple[object, ...], **columns: object) -> pd.DataFrame:
    """Rows of measure, day and value."""
    frame = pd.DataFrame(rows, columns=["measure", "date", "value"])
    return frame.assign(date=pd.to_datetime(frame["date"]), **columns)


def only(values: pd.DataFrame, kpi: str) -> pd.DataFrame:
    return values[(values["kpi"] == kpi).to_numpy()]


def churn_of(share: float) -> pd.DataFrame:
    rows = events(
        ("customers_lost", "2026-03-01", share * 1000), ("customers_exposed", "2026-03-01", 1000)
    )
    return kpi_values(rows, as_of="2026-03-31")


def test_a_ratio_of_periods_is_the_ratio_of_sums() -> None:
    pairs = [("01", 1, 2), ("02", 90, 100), ("03", 9, 18)]
    rows = [
        (m, f"2026-{month}-15", v)
        for month, hit, all_ in pairs
        for m, v in (("leads_converted", hit), ("leads_judged", all_))
    ]
    each = only(kpi_values(events(*rows), as_of="2026-03-31"), "lead_conversion")
    whole = only(kpi_values(events(*rows), as_of="2026-03-31", period="quarter"), "lead_conversion")
    assert each["value"].mean() == pytest.approx(0.633, abs=5e-4)
    assert whole["value"].tolist() == [pytest.approx(0.833, abs=5e-4)]
    assert whole["numerator"].tolist() == [100]
    assert whole["denominator"].tolist() == [120]


@pytest.mark.parametrize(
    ("actual", "attained"), [(0.04, 1.20), (0.0, 2.0), (0.12, -0.4), (0.05, 1.0), (0.10, 0.0)]
)
@pytest.mark.parametrize("baseline", [0.10, None])
def test_churn_against_target_and_baseline(
    actual: float, attained: float, baseline: float | None
) -> None:
    """Without a baseline it is twice the target: the same figures."""
    goal = pd.DataFrame({"kpi": ["churn"], "target": [0.05], "baseline": [baseline]})
    done = only(attain(churn_of(actual), goal), "churn").iloc[0]
    assert done["attainment"] == pytest.approx(attained)
    assert done["credited"] == pytest.approx(min(max(attained, 0), 1.5))


def test_three_of_three_do_not_come_before_290_of_300() -> None:
    rows = events(
        ("answers", "2026-03-01", 3),
        ("answers_satisfied", "2026-03-01", 3),
        ("answers", "2026-03-01", 300),
        ("answers_satisfied", "2026-03-01", 290),
        employee_id=["A", "A", "B", "B"],
    )
    values = kpi_values(rows, as_of="2026-03-31", by="employee_id")
    ranked = only(rank_subjects(values), "satisfied_share").set_index("subject")
    assert ranked["rank"].to_dict() == {"A": 2, "B": 1}
    assert ranked.loc["A", ["low", "high"]].tolist() == [pytest.approx(0.439, abs=5e-4), 1.0]
    assert ranked.loc["B", "low"] == pytest.approx(0.940, abs=5e-4)
    assert ranked.loc["B", "high"] == pytest.approx(0.982, abs=5e-4)
    assert ranked["rank_best"].tolist() == [1, 1]
    assert ranked["rank_worst"].tolist() == [2, 2]


def test_the_rate_has_garwoods_interval() -> None:
    """Against the quantiles of chi-square, as Garwood gives them."""
    counts, years = np.arange(30), np.linspace(0.5, 90, 30)
    rate, low, high = poisson_rate(counts, years, 0.9)
    assert rate == pytest.approx(counts / years)
    assert high == pytest.approx(stats.chi2.ppf(0.95, 2 * counts + 2) / 2 / years)
    assert low[1:] == pytest.approx(stats.chi2.ppf(0.05, 2 * counts[1:]) / 2 / years[1:])
    assert low[0] == 0
    assert np.isnan(poisson_rate(1, 0)[1])


def test_a_stock_is_the_value_of_the_last_day() -> None:
    rows = events(
        *[
            (m, day, v)
            for day, products, customers in (
                ("2026-01-31", 30, 10),
                ("2026-02-28", 40, 10),
                ("2026-03-31", 45, 15),
            )
            for m, v in (("products_open", products), ("customers_held", customers))
        ]
    )
    assert only(kpi_values(rows, as_of="2026-03-31", period="year"), "product_use")[
        "value"
    ].tolist() == [3.0]
    earlier = kpi_values(rows, as_of="2026-03-30", period="year")
    assert only(earlier, "product_use")["value"].tolist() == [4.0]


def test_a_subject_without_rows_on_the_last_day_has_no_stock() -> None:
    """Not that of an earlier day: its customers are with somebody else now."""
    rows = events(
        ("products_open", "2026-01-31", 5),
        ("customers_held", "2026-01-31", 2),
        ("products_open", "2026-02-28", 5),
        ("customers_held", "2026-02-28", 2),
        employee_id=["A", "A", "B", "B"],
    )
    found = only(
        kpi_values(rows, as_of="2026-02-28", by="employee_id", period="quarter"), "product_use"
    )
    assert found["value"].isna().tolist() == [True, False]
    assert found["reason"].iloc[0] == "no customers held in the period"


STAFF = pd.DataFrame(
    {
        "employee_id": ["A", "B", "C"],
        "department": ["marketing", "marketing", "product"],
        "branch": ["north", "south", "north"],
        "since": pd.to_datetime([None, "2026-02-15", None]),
        "until": pd.to_datetime(["2026-02-14", None, None]),
    }
)
OWNED = pd.DataFrame(
    {
        "customer_id": [1, 1, 2, 3],
        "employee_id": ["A", "B", "C", "B"],
        "since": pd.to_datetime([None, "2026-02-15", None, "2026-02-20"]),
        "until": pd.to_datetime(["2026-02-14", None, None, None]),
    }
)


def test_rows_belong_to_the_owner_of_the_day() -> None:
    rows = pd.DataFrame(
        {
            "measure": "transactions",
            "customer_id": [1, 1, 1, 2, 3, 3],
            "date": pd.to_datetime(
                ["2026-02-01", "2026-02-14", "2026-02-15", "2026-02-15", "2026-02-19", "2026-02-20"]
            ),
        }
    )
    asked = {"as_of": "2026-02-28", "employees": STAFF, "assignments": OWNED}
    found = kpi_values(rows, by="employee_id", **asked)
    assert only(found, "transactions").set_index("subject")["value"].to_dict() == {
        "A": 2,
        "B": 2,
        "C": 1,
    }
    (lost,) = findings_of(found)
    assert lost.problem == "without owner"
    assert lost.count == 1
    assert only(kpi_values(rows, **asked), "transactions")["value"].tolist() == [6]
    # A's and B's customer 1 is one customer of marketing
    by_department = kpi_values(rows, by="department", **asked)
    assert only(by_department, "active_customers").set_index("subject")["value"].to_dict() == {
        "marketing": 2,
        "product": 1,
    }
    both = kpi_values(rows, by=["department", "employee_id"], **asked)
    assert only(both, "active_customers")[["department", "subject", "value"]].values.tolist() == [
        ["marketing", "A", 1],
        ["marketing", "B", 2],
        ["product", "C", 1],
    ]


def test_who_joins_or_leaves_has_a_target_for_the_time_there() -> None:
    rows = pd.DataFrame(
        {
            "measure": "transactions",
            "employee_id": ["A", "B", "C"],
            "date": pd.to_datetime("2026-02-14"),
            "value": [7.0, 7.0, 14.0],
        }
    )
    values = kpi_values(rows, as_of="2026-02-28", by="employee_id", employees=STAFF)
    goal = pd.DataFrame({"kpi": ["transactions"], "target": [14.0]})
    done = only(attain(values, goal), "transactions").set_index("subject")
    assert done["present"].tolist() == [0.5, 0.5, 1.0]
    assert done["target"].tolist() == [7.0, 7.0, 14.0]
    assert done["attainment"].tolist() == [1.0, 1.0, 1.0]
    half = kpi_values(rows, as_of="2026-02-14", by="employee_id", employees=STAFF)
    assert only(half, "transactions").set_index("subject")["present"].to_dict() == {
        "A": 0.5,
        "B": 0,
        "C": 0.5,
    }


def test_missing_is_undecided_and_never_a_number() -> None:
    rows = events(("answers", "2026-03-01", 4), ("answers_satisfied", "2026-03-01", 4))
    values = kpi_values(rows, as_of="2026-03-31").set_index("kpi")
    assert values.loc["churn", "reason"] == "customers_lost and customers_exposed not recorded"
    assert values["value"].drop("satisfied_share").isna().all()
    goals = pd.DataFrame({"kpi": ["churn", "satisfied_share"], "target": [0.05, 0.8]})
    done = attain(values.reset_index(), goals).set_index("kpi")
    assert done.loc["satisfied_share", "reason"] == "fewer than 10 cases"
    card = scorecard(done.reset_index())
    assert card.scores["score"].isna().all()
    assert card.scores["grade"].isna().all()
    assert "churn (customers_lost and" in card.scores["missing"].iloc[0]
    assert "undecided" in card.explain("bank")
    paid = rewards(card, 100)
    assert paid["cents"].isna().all()
    assert findings_of(paid)[0].problem == "nobody rewarded"


def test_a_recorded_measure_without_rows_is_zero() -> None:
    rows = events(("complaints", "2026-03-01", 1), ("customer_months", "2026-03-01", 50))
    none = rows[1:].assign(
        measure=pd.Categorical(["customer_months"], ["complaints", "customer_months"])
    )
    assert only(kpi_values(none, as_of="2026-03-31"), "complaint_rate")["value"].tolist() == [0.0]
    unknown = kpi_values(rows[1:], as_of="2026-03-31")
    assert only(unknown, "complaint_rate")["value"].isna().all()


def test_part_of_the_weights_can_do() -> None:
    rows = events(("answers", "2026-03-01", 20), ("answers_satisfied", "2026-03-01", 20))
    goals = pd.DataFrame(
        {"kpi": ["churn", "satisfied_share"], "target": [0.05, 0.8], "weight": [1, 3]}
    )
    done = attain(kpi_values(rows, as_of="2026-03-31"), goals)
    policy = default_policy("scorecards").with_parameters(least_weight=0.75)
    assert scorecard(done).scores["score"].isna().all()
    assert scorecard(done, policy=policy).scores["score"].tolist() == [1.25]
    assert scorecard(done, policy=policy).scores["decided"].tolist() == [0.75]


def test_a_band_counts_whole_inside() -> None:
    policy = default_policy("scorecards")
    text = policy.to_toml().replace('id = "product_use"', 'id = "product_use"', 1)
    record = next(r for r in policy.raw_records["kpi"] if r["id"] == "product_use")
    assert record["better"] == "higher"
    where = text.index('id = "product_use"')
    banded = load_policy(text[:where] + text[where:].replace('"higher"', '"within"', 1))
    goal = pd.DataFrame(
        {"kpi": ["product_use"], "target": [2.0], "upper": [4.0], "baseline": [1.0]}
    )
    for products, attained in ((2, 1), (3, 1), (4, 1), (1, 0), (5, 0), (4.5, 0.5), (6, -1)):
        rows = events(
            ("products_open", "2026-03-31", products), ("customers_held", "2026-03-31", 1)
        )
        values = kpi_values(rows, as_of="2026-03-31", policy=banded)
        done = only(attain(values, goal, policy=banded), "product_use")
        assert done["attainment"].tolist() == [attained]
    for inside in (2.0, 4.0):
        with pytest.raises(DataError, match="wrong side"):
            attain(values, goal.assign(baseline=inside), policy=banded)


def test_the_most_special_target_is_used() -> None:
    rows = events(
        *[("transactions", f"2026-0{m}-10", 60) for m in (1, 2) for _ in "AB"],
        employee_id=["A", "B"] * 2,
    )
    values = only(kpi_values(rows, as_of="2026-02-28", by="employee_id"), "transactions")
    goals = pd.DataFrame(
        {
            "kpi": "transactions",
            "target": [10.0, 20, 30, 40, 50],
            "subject": [None, "A", None, "A", "Z"],
            "period": pd.to_datetime([None, None, "2026-02-01", "2026-02-01", None]),
        }
    )
    done = attain(values, goals)
    assert done[["subject", "target"]].values.tolist() == [
        ["A", 20],
        ["A", 40],
        ["B", 10],
        ["B", 30],
    ]
    assert [f.examples for f in findings_of(done)] == [("row 4: transactions",)]


def test_penalties_and_overdue_findings_are_actions() -> None:
    rows = events(
        ("transactions", "2026-03-01", 10),
        ("transactions", "2026-03-01", 100),
        employee_id=["A", "B"],
    )
    done = attain(
        kpi_values(rows, as_of="2026-03-31", by="employee_id"),
        pd.DataFrame({"kpi": ["transactions"], "target": [100.0]}),
    )
    checks = pd.DataFrame(
        {
            "check_id": [1, 2, 3],
            "kind": ["mystery", "self", "branch"],
            "date": pd.to_datetime("2026-03-01"),
            "employee_id": ["A", None, "B"],
            "department": [None, "product", None],
            "finding": ["no greeting", "x", "y"],
            "due": pd.to_datetime(["2026-03-20", "2026-03-21", "2026-03-22"]),
            "resolved": pd.to_datetime([None, None, "2026-03-22"]),
        }
    )
    found = follow_up(scorecard(done), checks, as_of="2026-03-31")
    assert found[["subject", "action", "owner"]].values.tolist() == [
        ["A", "mend_finding", "A"],
        ["product", "mend_finding", "product"],
        ["A", "warning", "product"],
    ]
    assert found["due"].dt.date.astype(str).tolist() == ["2026-03-20", "2026-03-21", "2026-04-15"]


def test_who_answers_for_a_penalty_is_who_cost_most() -> None:
    """Points are lost by weight and by distance; the order of the rows does not count."""
    rows = events(
        *[("customers_won", "2026-03-01", v) for v in (30, 90)],
        *[("transactions", "2026-03-01", v) for v in (90, 30)],
        employee_id=["A", "B", "A", "B"],
    )
    values = kpi_values(rows, as_of="2026-03-31", by="employee_id")
    goals = pd.DataFrame({"kpi": ["new_customers", "transactions"], "target": 100.0})
    card = scorecard(attain(values, goals))
    assert list(card.scores)[:3] == ["subject", "period", "decided"]
    assert card.scores["subject"].tolist() == ["A", "B"]
    turned = scorecard(attain(values.iloc[::-1], goals))
    pd.testing.assert_frame_equal(turned.scores, card.scores)
    for weights, owners in (((1, 1), ["marketing", "product"]), ((1, 9), ["product", "product"])):
        weighed = scorecard(attain(values, goals.assign(weight=weights)))
        found = follow_up(weighed, as_of="2026-03-31")
        assert found[["subject", "owner"]].values.tolist() == [
            [subject, owner]
            for subject, owner, poor in zip(
                "AB", owners, weighed.scores["grade"] == "poor", strict=True
            )
            if poor
        ]
        assert len(found)


def test_findings_of_checks_with_few_columns() -> None:
    card = scorecard(attain(churn_of(0.05), pd.DataFrame({"kpi": ["churn"], "target": [0.05]})))
    bare = pd.DataFrame({"check_id": [1], "kind": "self", "date": pd.to_datetime(["2026-03-01"])})
    assert follow_up(card, bare, as_of="2026-03-31").empty  # it is due on no day
    due = bare.assign(due=pd.to_datetime(["2026-03-30"]), branch="north")
    found = follow_up(card, due, as_of="2026-03-31")
    assert found[["subject", "owner", "because"]].values.tolist() == [
        ["north", "north", "overdue: finding not stated"]
    ]
    assert follow_up(card, due, as_of="2026-03-30").empty
    mended = due.assign(resolved=pd.to_datetime(["2026-03-31"]))
    assert follow_up(card, mended, as_of="2026-03-31").empty


def test_a_row_that_names_no_branch_counts_for_none() -> None:
    rows = events(
        ("transactions", "2026-03-01", 3), ("transactions", "2026-03-01", 4), branch=["north", None]
    )
    found = kpi_values(rows, as_of="2026-03-31", by="branch")
    assert only(found, "transactions")[["subject", "value"]].values.tolist() == [["north", 3.0]]


def test_a_poor_grade_that_may_be_chance_has_no_penalty() -> None:
    goal = pd.DataFrame({"kpi": ["satisfied_share"], "target": [0.9], "baseline": [0.5]})
    for answers, action in ((10, "none"), (1000, "warning")):
        rows = events(
            ("answers", "2026-03-01", answers), ("answers_satisfied", "2026-03-01", answers * 0.7)
        )
        paid = rewards(scorecard(attain(kpi_values(rows, as_of="2026-03-31"), goal)), 0)
        assert paid["grade"].tolist() == ["poor"]
        assert paid["reward"].tolist() == [action]


def test_faults_are_told_with_their_names() -> None:
    rows = events(("answers", "2026-03-01", 1), ("answers_satisfied", "2026-03-01", 2))
    with pytest.raises(DataError, match="answers_satisfied exceeds answers in 1 subjects"):
        kpi_values(rows, as_of="2026-03-31")
    with pytest.raises(UnknownNameError, match="no column 'branch'"):
        kpi_values(rows[:1], as_of="2026-03-31", by="branch")
    with pytest.raises(DataError, match=r"period: expected one of month, .*'week'"):
        kpi_values(rows[:1], as_of="2026-03-31", period="week")  # type: ignore[arg-type]
    values = kpi_values(rows[:1], as_of="2026-03-31")
    for bad, said in (
        ({"kpi": "churn", "target": 0.1, "baseline": 0.05}, "wrong side"),
        ({"kpi": "transactions", "target": 0.0}, "wrong side"),
        ({"kpi": "churn", "target": 0.0}, "wrong side"),
    ):
        with pytest.raises(DataError, match=said):
            attain(values, pd.DataFrame([bad]))
    with pytest.raises(DataError, match="second target"):
        attain(values, pd.DataFrame({"kpi": ["churn"] * 2, "target": 0.1}))
    with pytest.raises(UnknownNameError, match="no indicator 'chrun'"):
        attain(values, pd.DataFrame({"kpi": ["chrun"], "target": 0.1}))
    twice = OWNED.assign(until=pd.NaT)
    with pytest.raises(DataError, match="1 records of one customer_id overlap"):
        kpi_values(
            rows[:1].assign(customer_id=1), as_of="2026-03-31", by="employee_id", assignments=twice
        )


def test_a_faulty_indicator_is_refused_with_its_path() -> None:
    policy = default_policy("scorecards")
    text = policy.to_toml().replace('denominator = "leads_judged"\n', "")
    with pytest.raises(PolicyError, match=r"records.kpi\[2\].denominator.*needs a one|needs a"):
        kpis_of(load_policy(text))


def test_a_card_of_several_periods_and_columns() -> None:
    """Subjects are ranked within their period and the other columns; a period is named."""
    rows = events(
        *[("transactions", f"2026-0{month}-10", value) for month in (1, 2) for value in (50, 80)],
        employee_id=["A", "B"] * 2,
        branch=["north", "south"] * 2,
    )
    values = kpi_values(rows, as_of="2026-02-28", by=["branch", "employee_id"])
    ranked = only(rank_subjects(values), "transactions")
    assert ranked[["rank", "rank_worst"]].to_numpy().tolist() == [[1, 1]] * 4
    assert list(ranked.columns[: len(values.columns)]) == list(values.columns)
    goal = pd.DataFrame({"kpi": ["transactions"], "target": [50.0]})
    card = scorecard(attain(values, goal))
    assert "score 1.000" in card.explain("A", "2026-02-01")
    for call in (lambda: card.explain("A"), lambda: rewards(card, 10)):
        with pytest.raises(DataError, match="period"):
            call()
    with pytest.raises(UnknownNameError, match="no subject 'Z'"):
        card.explain("Z")
    paid = rewards(card, 10, period="2026-02-01", base=pd.Series({"A": 3, "B": 1}))
    assert paid["cents"].tolist() == [7, 3]  # 3 x 1.0 against 1 x 1.5
    with pytest.raises(DataError, match="base: missing or negative for 1 of 2"):
        rewards(card, 10, period="2026-02-01", base=pd.Series({"A": 3}))


def test_nothing_happened_and_nothing_is_asked() -> None:
    none = events().assign(measure=pd.Categorical([], ["transactions"]))
    values = kpi_values(none, as_of="2026-03-31")
    assert only(values, "transactions")["value"].tolist() == [0.0]
    done = attain(values, pd.DataFrame({"kpi": pd.Series([], dtype=object), "target": []}))
    assert set(done["reason"]) >= {"no target"}
    card = scorecard(done)
    assert card.scores.empty
    assert rewards(card, 100)["cents"].sum() == 0
    with pytest.raises(DataError, match="names a column twice"):
        kpi_values(none, as_of="2026-03-31", by=["branch", "branch"])
