"""The figures of a review from small frames, each by a loop over its rows."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.complaints import ProcessedComplaints
from bankcrm.errors import DataError
from bankcrm.frames.findings import DataFault
from bankcrm.policy import default_policies, default_policy
from bankcrm.report.html import EarlierReview
from bankcrm.reviews.change import ReviewChange, change_since, moved_since
from bankcrm.reviews.explanation import decision_line
from bankcrm.reviews.figures import NOT_AVAILABLE, key_figures
from bankcrm.reviews.page_rows import leading_rows, plain_complaints
from bankcrm.reviews.risk import RiskResults, figures_of_risk
from bankcrm.reviews.series import with_review
from bankcrm.reviews.summary import (
    _complaints,
    _concentration,
    _rfm,
    _tier_rows,
    count_values,
    first_warned,
)
from bankcrm.reviews.trend import count_paths, trend_of
from bankcrm.rules import DecisionTable, Rule
from bankcrm.valuation import concentration

POLICIES = default_policies()
DAY = dt.date(2026, 6, 30)


# --- summary ---


@given(st.lists(st.sampled_from(["b", "a", None]), max_size=12))
def test_values_are_counted_in_the_order_of_the_vocabulary(values: list[str | None]) -> None:
    found = count_values(pd.Series(values, dtype=pd.CategoricalDtype(["b", "a", "c"])))
    expected = {name: values.count(name) for name in ("b", "a", "c")}
    missing = {"(none)": values.count(None)} if None in values else {}
    assert list(found.items()) == [*expected.items(), *missing.items()]


def warned_customers(rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "warning_signals": [n % 4 for n in range(rows)],
            "warning": [("alarm", "watch", None)[n % 3] for n in range(rows)],
            "warning_reasons": "a",
            "stage": "active",
            "tier": "key",
            "contribution": [(-1) ** n * float(n) for n in range(rows)],
            "value_at_stake": [float(n % 5) for n in range(rows)],
            "warning_score": [float(n % 7) for n in range(rows)],
        },
        index=pd.Index([rows - n for n in range(rows)], name="customer_id"),
    )


def test_the_first_warned_have_an_alarm_and_the_most_at_stake() -> None:
    people = warned_customers(80)
    rows = [(i, r) for i, r in people.iterrows() if r["warning_signals"] > 0]
    rows.sort(key=lambda row: (row[1]["warning"] != "alarm", -row[1]["value_at_stake"],
                               -row[1]["warning_score"], row[0]))  # fmt: skip
    expected = [i for i, _ in rows]
    assert first_warned(people, None).index.tolist() == expected
    assert first_warned(people).index.tolist() == expected[:25]
    assert first_warned(people, 3).index.tolist() == expected[:3]


@given(st.integers(0, 40), st.integers(1, 45))
def test_leading_rows_have_an_alarm_a_warning_or_a_large_contribution(
    rows: int, limit: int
) -> None:
    people = warned_customers(rows)
    found = leading_rows(people, limit).tolist()
    assert found == sorted(found)
    order = [(r["warning"] == "alarm", r["warning_signals"] > 0, abs(r["contribution"]))
             for _, r in people.iterrows()]  # fmt: skip
    weights = sorted((a + w, size) for a, w, size in order)
    chosen = sorted((order[n][0] + order[n][1], order[n][2]) for n in found)
    assert chosen == weights[max(rows - limit, 0) :]


def test_tiers_of_nobody_and_customers_without_a_tier() -> None:
    sums = pd.DataFrame(
        {
            "customers": [2.0, 3.0, 0.0],
            "contribution": [1.234, np.nan, np.nan],
            "value_score": [11.0, np.nan, np.nan],
            "scored": [2.0, 0.0, 0.0],
        },
        index=["key", "(none)", "ordinary"],
    )
    policy = default_policy("segmentation")
    rows = {r["tier"]: r for r in _tier_rows(sums, policy, known=True)}
    short = {n: (r["customers"], r["contribution"], r["value_score"]) for n, r in rows.items()}
    assert list(short)[-1] == "(none)"
    assert short["key"] == (2, 1.23, 5.5)
    assert short["(none)"] == (3, None, None)
    assert {n: v for n, v in short.items() if n not in ("key", "(none)")} == dict.fromkeys(
        [n for n in short if n not in ("key", "(none)")], (0, 0.0, None)
    )
    assert rows["(none)"]["level"] is None
    assert rows["key"]["level"]
    unknown = {r["tier"]: r for r in _tier_rows(sums.head(1), policy, known=False)}
    assert "(none)" not in unknown
    assert unknown["ordinary"]["customers"] is None
    assert unknown["ordinary"]["contribution"] is None


def test_scores_that_nobody_has_count_zero() -> None:
    counts = pd.DataFrame([[4, 0], [0, 7]], index=[1, 3], columns=[2, 3])
    assert _rfm(counts) == {"r": [1, 2, 3], "f": [3, 2, 1],
                            "customers": [[0, 0, 7], [0, 0, 0], [0, 4, 0]]}  # fmt: skip
    assert _rfm(counts.iloc[:0]) == {"r": [], "f": [], "customers": []}


@pytest.mark.parametrize("values", [[5.0], [0.0, 0.0], [-3.0, 2.0], [-1.0, 0.0, 4.0, 10.0]])
def test_shares_of_a_total_that_is_not_above_zero_are_not_known(values: list[float]) -> None:
    measured = concentration(np.array(values))
    found = _concentration(measured, POLICIES["valuation"])
    assert found["customers"] == len(values)
    assert found["total"] == sum(values)
    assert found["losing"] == sum(v < 0 for v in values)
    several = len(values) > 1 and any(values)
    assert (found["gini_normalised"] is not None) == several
    positive = sum(values) > 0
    for name in ("top_fifth_share", "gini", "holders_of_80", "lorenz", "whale", "peak"):
        assert (found[name] is not None) == positive, name
    if positive:
        assert len(found["lorenz"]) == len(found["whale"]) == 101
        assert found["top_fifth_share"] == measured.share_of_top(0.2)
        assert found["holders_of_80"] == measured.holders_of(0.8)
    nothing = _concentration(None, POLICIES["valuation"])
    assert {n: v for n, v in nothing.items() if v is not None} == {"margin": found["margin"]}


def routed_complaints(states: list[str | None]) -> pd.DataFrame:
    rows = len(states)
    days: dict[str | None, int] = {"in_time": 4, "late": 44}
    received = pd.date_range("2026-01-01", periods=rows, freq="9D", tz="Asia/Shanghai")
    return pd.DataFrame(
        {
            "received_at": received,
            "answered_at": [
                r + pd.Timedelta(days=days[s]) if s in days else pd.NaT
                for r, s in zip(received, states, strict=True)
            ],
            "due": (received.tz_localize(None).normalize() + pd.Timedelta(days=20)),
            "kind": "complaint",
            "severity": pd.Categorical(["minor"] * rows),
            "severity_rule": pd.Categorical([None] * rows, []),
            "route_rule": pd.Categorical([None] * rows, []),
            "owner": "risk",
            "departments": "risk",
            "state": pd.Categorical(states, ["in_time", "late", "open", "overdue"]),
        },
        index=pd.Index([100 + n for n in range(rows)], name="complaint_id"),
    )


def test_open_complaints_are_listed_by_their_due_day() -> None:
    states = [("open", "overdue", "late", "in_time")[n % 4] for n in range(60)]
    routed = routed_complaints(states).iloc[::-1]
    found = _complaints(ProcessedComplaints(routed, 3, ()))
    assert (found["accepted"], found["rejected"]) == (60, 3)
    assert found["overdue"] == states.count("overdue")
    expected = [str(100 + n) for n, s in enumerate(states) if s in ("open", "overdue")]
    assert [row["complaint"] for row in found["open"]] == expected[:25]
    assert found["open"][0]["due"] == "2026-01-21"
    unknown = _complaints(ProcessedComplaints(routed_complaints([None, None]), 0, ()))
    assert unknown["overdue"] is None
    nothing = _complaints(ProcessedComplaints(routed.iloc[:0], 0, ()))
    assert nothing["overdue"] == 0


def test_the_page_explains_overdue_complaints_first_and_the_newest_last() -> None:
    states = [("in_time", "late", "open", "overdue")[n % 4] for n in range(8)]
    routed = routed_complaints(states)
    found = plain_complaints(routed, POLICIES)["complaints"]
    rank = {"overdue": 0, "open": 1, "late": 2, "in_time": 3}
    order = sorted(range(8), key=lambda n: (rank[states[n]], -n))
    assert list(found) == [str(100 + n) for n in order]


# --- key figures ---


def test_a_figure_that_is_not_known_is_not_zero() -> None:
    summary: dict[str, Any] = {
        "customers": 1_200,
        "stage": {"active": 900, "dormant": 30, "lost": 4},
        "active": {"holding": 20},
        "others": {"stage": {"lead": 5, "lost": 4}},
        "contribution": {"contribution": 1_234.5},
        "concentration": {"top_fifth_share": 0.8, "total": 2_000.0, "gini_normalised": 0.5},
        "complaints": {"accepted": 7, "overdue": None},
    }
    assert key_figures(summary, {}, 1_000) == {
        "Customers": "1,200", "Active": "900 of 1,200", "Only holding a product": "20 of 900",
        "Dormant": "30 of 1,200", "Not customers": "9", "Lost": "4",
        "Contribution a year": "1,234", "Share of the top fifth": "80.0% of 2,000",
        "Gini (normalised)": "0.500", "Complaints": "7", "Overdue complaints": "n/a",
        "Data findings": "1,000",
    }  # fmt: skip
    unknown = key_figures(summary, {"stage": "why", "complaints": "why"}, 0)
    for name in ("Active", "Dormant", "Lost", "Only holding a product", "Complaints"):
        assert unknown[name] == NOT_AVAILABLE
    other = {**summary, "active": {"holding": None}, "complaints": {"accepted": 7, "overdue": 2}}
    found = key_figures(other, {}, 0)
    assert (found["Only holding a product"], found["Overdue complaints"]) == ("n/a", "2")
    assert key_figures(other, {"complaints": "why"}, 0)["Overdue complaints"] == "n/a"


# --- risk ---


def limit_rows(rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "limit": "single",
            "subject": list(range(rows)),
            "kind": "customer",
            "used": [n + 0.12345 for n in range(rows)],
            "allowed": 100.0,
            "use": [(n * 7 % rows) / 3 for n in range(rows)],
            "state": [("breach", "within")[n % 2] for n in range(rows)],
        }
    )


def test_the_figures_of_risk_are_those_of_the_rows() -> None:
    use = limit_rows(40)
    warnings = pd.DataFrame(
        {"warnings": [n % 3 for n in range(90)], "reasons": "r", "exposure": 1.237, "branches": 2},
        index=pd.Index([f"G{n}" for n in range(90)], name="group"),
    )
    watch = pd.DataFrame(
        {
            "customer_id": list(range(60)),
            "level": pd.Categorical([("low", "high")[n % 2] for n in range(60)], ["low", "high"],
                                    ordered=True),
            "movement": [("enter", "stay", "leave")[n % 3] for n in range(60)],
            "reasons": "r",
            "lifted_by": None,
            "owner": "risk",
            "next_review": [pd.Timestamp("2026-07-01") + pd.Timedelta(days=n * 7 % 60)
                            for n in range(60)],
        }
    ).set_index("customer_id")  # fmt: skip
    changes = pd.DataFrame(
        {
            "change": ["joined"] * 3 + ["left"] * 2,
            "before": [None, None, "A", "B", "B"],
            "after": ["A", "A", "C", None, None],
        },
        index=pd.Index(range(5), name="customer_id"),
    )
    faults = [DataFault("links", "share", "odd", 2, ()), DataFault("links", "x", "none", 0, ())]
    found = figures_of_risk(
        RiskResults(limit_use=use, group_warnings=warnings, watch_list=watch,
                    group_changes=changes, findings=tuple(faults))
    )  # fmt: skip
    order = sorted(range(40), key=lambda n: -use.loc[n, "use"])
    assert [r["subject"] for r in found["limit_use"]] == [str(n) for n in order[:25]]
    assert found["limit_use"][0]["used"] == round(order[0] + 0.12345, 2)
    assert found["limit_use"][1]["use"] == round(use.loc[order[1], "use"], 6)
    assert found["limits"] == {"breach": 20, "within": 20}
    assert found["warned_groups"] == 60
    assert [r["group"] for r in found["group_warnings"]] == [
        f"G{n}" for n in range(90) if n % 3
    ][:25]  # fmt: skip
    assert found["group_warnings"][0]["exposure"] == 1.24
    kept = [n for n in range(60) if n % 3 != 2]
    kept.sort(key=lambda n: (-(n % 2), n * 7 % 60, n))
    assert [r["customer_id"] for r in found["watched"]] == [str(n) for n in kept[:25]]
    assert found["watch_list"] == {"low": 20, "high": 20}
    assert found["watch_movements"] == {"enter": 20, "stay": 20, "leave": 20}
    assert [(r["before"], r["after"], r["members"]) for r in found["changed_groups"]] == [
        (None, "A", 2), ("B", None, 2), ("A", "C", 1)
    ]  # fmt: skip
    assert found["findings"] == {"odd": 2}
    for name, rows in (("limit_use", use), ("group_warnings", warnings), ("watched", watch)):
        assert set(found[name][0]) <= {str(rows.index.name), *rows.columns}, name
    none = figures_of_risk(RiskResults())
    lists = ("limit_use", "group_warnings", "changed_groups", "watched", "funding")
    assert all(none[name] == [] for name in lists)
    assert none["findings"] == {}
    rest = set(none) - {*lists, "findings"}
    assert all(none[name] is None for name in rest)


# --- trend ---


def test_a_complaint_is_open_overdue_or_answered_at_each_month_end() -> None:
    states = [("open", "overdue", "late", "in_time")[n % 4] for n in range(20)]
    routed = routed_complaints(states)
    found = trend_of({}, routed, DAY, POLICIES)
    assert set(found["section"]) == {"complaints"}
    ends = sorted(found["date"].unique())
    days = [
        (r["received_at"].date(), r["answered_at"].date() if pd.notna(r["answered_at"]) else None,
         r["due"].date()) for _, r in routed.iterrows()
    ]  # fmt: skip
    count: Counter[tuple[dt.date, str]] = Counter()
    for end in (pd.Timestamp(e).date() for e in ends):
        first = end.replace(day=1)
        for received, answered, due in days:
            there = received <= end
            done = answered is not None and answered <= end
            count[end, "open"] += there and not done
            count[end, "overdue"] += due <= end and not done
            if answered and first <= answered <= end:
                count[end, "late" if answered > due else "in_time"] += 1
            count[end, "came"] += there and received >= first
            count[end, "went"] += done and answered >= first
    for row in found.itertuples():
        end = row.date.date()
        if row.name in ("open", "overdue") or end != pd.Timestamp(ends[0]).date():
            assert row[4] == count[end, row.name], (end, row.name)
        if row.name == "open" and end != pd.Timestamp(ends[0]).date():
            assert (row.moved_in, row.moved_out) == (count[end, "came"], count[end, "went"])
    unknown = routed_complaints([None, None])
    assert trend_of({}, unknown, DAY, POLICIES).empty


def test_paths_are_counted_over_parts() -> None:
    parts = [pd.DataFrame({"stage_path": ["01", "11", None]}), pd.DataFrame({"x": [1]}),
             pd.DataFrame({"stage_path": ["01", "01"]})]  # fmt: skip
    assert count_paths(parts) == {"01": 3, "11": 1}


# --- change ---


def test_who_moved_is_told_for_each_result() -> None:
    before = pd.DataFrame({"stage": ["active", "lost", None], "tier": ["key", "key", None]},
                          index=[1, 2, 3])  # fmt: skip
    after = pd.DataFrame({"stage": ["active", "active"], "tier": ["key", None]}, index=[1, 4])
    found = moved_since(before, after)
    assert found.index.tolist() == list(range(len(found)))
    assert found.to_numpy().tolist() == [
        [4, "stage", "(not in the review)", "active"],
        [2, "stage", "lost", "(not in the review)"],
        [3, "stage", "(none)", "(not in the review)"],
        [2, "tier", "key", "(none)"],
    ]
    assert moved_since(before[["tier"]], after[["stage"]]).empty
    none = pd.DataFrame(columns=["state"])
    moves = pd.concat([found, found.tail(1)], ignore_index=True)
    change = ReviewChange(DAY, none, moves, pd.DataFrame({"state": ["done", "x", "done"]}), none)
    assert change.counts()["customers"].tolist() == [2, 1, 1, 1]
    assert change.action_counts() == {"repeated": 0, "done": 2, "no longer due": 1}


def summary(day: str, **figures: Any) -> dict[str, Any]:
    return {
        "as_of": day, "book": "b", "customers": 5, "contribution": {"contribution": 1.0},
        "concentration": {"top_fifth_share": None, "gini_normalised": 0.5}, "warning": {"alarm": 1},
        "complaints": {"accepted": 1, "overdue": None}, **figures,
    }  # fmt: skip


NO_ACTIONS = pd.DataFrame({"action_id": [], "department": [], "since": []}, dtype=object).astype(
    {"since": "datetime64[s]"}
)


def test_figures_that_differ_are_listed() -> None:
    standing = pd.DataFrame({"stage": ["active"]}, index=[1])
    earlier = EarlierReview(dt.date(2026, 3, 31), summary("2026-03-31", tier={"key": 2}), standing)
    later = summary("2026-06-30", customers=7, stage={"active": 3})
    found = change_since(earlier, later, NO_ACTIONS, standing).figures
    rows = found.astype(object).where(found.notna(), None).to_numpy().tolist()
    assert sorted(rows, key=str) == [
        ["customers", "customers", 5.0, 7.0, 2.0],
        ["stage", "active", None, 3.0, None],
        ["tier", "key", 2.0, None, None],
    ]
    same = change_since(earlier, summary("2026-03-31", tier={"key": 2}), NO_ACTIONS, standing)
    assert same.figures.empty
    with pytest.raises(DataError, match="earlier: a review of 2026-03-31, after the day"):
        change_since(earlier, summary("2026-03-30"), NO_ACTIONS, standing)


def test_a_review_of_the_same_day_takes_the_place_of_the_one_before() -> None:
    history = with_review(pd.DataFrame(columns=["as_of", "book", "section", "name", "value"]),
                          summary("2026-06-30"), NO_ACTIONS)  # fmt: skip
    both = with_review(history, summary("2026-03-31", customers=4), NO_ACTIONS)
    again = with_review(both, summary("2026-06-30", customers=9), NO_ACTIONS)
    people = again[again["section"] == "customers"]
    assert people[["as_of", "value"]].to_numpy().tolist() == [["2026-03-31", 4], ["2026-06-30", 9]]
    assert again.index.tolist() == list(range(len(again)))
    assert again["value"].notna().all()
    other = with_review(again.assign(book="other"), summary("2026-06-30"), NO_ACTIONS)
    assert set(other["book"]) == {"b"}


# --- explanation ---


@pytest.mark.parametrize(
    ("row", "outcome", "because"),
    [
        ({"x": 2}, "big", "it is big"),
        ({"x": 0}, "small", "small"),
        ({"x": None}, None, "x is missing"),
    ],
)
def test_a_decision_in_a_line(row: dict[str, Any], outcome: str | None, because: str) -> None:
    rules = (Rule("big", {"x": "> 1"}, "big", because="it is big"), Rule("small", {}, "small"))
    table = DecisionTable("size", rules)
    line = decision_line("size", table.explain(row), table)
    assert (line.outcome, line.because) == (outcome, because)
    kinds = (Rule("a", {"x": "> 1"}, 1, because="why a"), Rule("b", {"x": "> 0"}, 2))
    both = DecisionTable("kinds", kinds, hit_policy="collect")
    found = decision_line("kinds", both.explain({"x": 5}), both)
    assert (found.outcome, found.rule, found.because) == (None, "a+b", "why a; 2")
    nothing = decision_line("kinds", both.explain({"x": 0}), both)
    assert nothing.because == "no rule applies"
