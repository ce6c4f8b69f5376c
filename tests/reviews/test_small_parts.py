"""Parts of a review from small frames: what changed, explanations, folders, risk, and pages."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest

from bankcrm.actions.known import checked_done
from bankcrm.book import Book
from bankcrm.calendars import working_calendar
from bankcrm.errors import DataError
from bankcrm.lifecycle.history.path import NOT_KNOWN, last_month_ends
from bankcrm.policy import default_policies
from bankcrm.quality import measure_quality
from bankcrm.report.html import EarlierReview
from bankcrm.reviews.change import ReviewChange, change_since
from bankcrm.reviews.completion import Asked
from bankcrm.reviews.explanation import DecisionLine, Explanation, complaint_lines
from bankcrm.reviews.folder import files_of_day, read_earlier, review_folder, write_summary
from bankcrm.reviews.page_rows import (
    EXPLAINED_COMPLAINTS,
    _plain_table,
    _plain_values,
    _rule_numbers,
    leading_rows,
    plain_complaints,
)
from bankcrm.reviews.quality import LISTED, quality_figures
from bankcrm.reviews.risk import (
    RiskResults,
    _at_risk,
    _capacity,
    _capital,
    _funding,
    figures_of_risk,
    risks_of,
)
from bankcrm.reviews.series import HISTORY_COLUMNS, SERIES, read_history
from bankcrm.reviews.trend import trend_of
from bankcrm.risk import find_groups
from bankcrm.rules import DecisionTable, Rule

POLICIES = default_policies()
DAY = dt.date(2026, 6, 30)


# --- change ---


def actions(**since: str) -> pd.DataFrame:
    """Actions of customers of these names, each with the day since which it is listed."""
    return pd.DataFrame(
        {
            "action_id": [f"customer:{n}:wake_up@2026-01-05" for n in since],
            "department": "sales",
            "since": pd.to_datetime([*since.values()]).as_unit("s"),
        }
    )


def figures_of(day: str, **figures: Any) -> dict[str, Any]:
    measured = {"top_fifth_share": None, "gini_normalised": 0.5}
    return {"as_of": day, "book": "b", "customers": 5, "contribution": {}, "warning": {},
            "concentration": measured, "complaints": {"accepted": 1, "overdue": 0},
            **figures}  # fmt: skip


NOBODY = pd.DataFrame({"stage": []})


def test_an_action_is_repeated_done_or_no_longer_due() -> None:
    before = actions(kept="2026-02-01", gone="2026-03-31", finished="2026-03-31")
    now = actions(new="2026-06-30", kept="2026-06-30")
    earlier = EarlierReview(dt.date(2026, 3, 31), figures_of("2026-03-31"), NOBODY, actions=before)
    done = checked_done(
        pd.DataFrame({"action_id": before["action_id"].tail(1), "day": [pd.Timestamp(2026, 4, 1)],
                      "note": ["x"]}), DAY
    )  # fmt: skip
    found = change_since(earlier, figures_of("2026-06-30"), now, NOBODY, done)
    settled = found.settled.set_index("action_id")["state"].astype(str).to_dict()
    names = {n: f"customer:{n}:wake_up@2026-01-05" for n in ("gone", "finished", "kept")}
    assert settled == {names["gone"]: "no longer due", names["finished"]: "done"}
    assert found.repeated["action_id"].tolist() == [names["kept"]]
    assert found.repeated.columns.tolist() == now.columns.tolist()
    assert found.dated(now)["since"].astype(str).tolist() == ["2026-06-30", "2026-02-01"]
    assert found.action_counts() == {"repeated": 1, "done": 1, "no longer due": 1}
    assert "actions repeated 1, actions done 1, actions no longer due 1" in repr(found)
    unknown = attrs.evolve(earlier, actions=None)
    nothing = change_since(unknown, figures_of("2026-06-30"), now, NOBODY)
    assert nothing.settled.empty
    assert nothing.repeated.empty


def test_a_change_prints_its_rows_without_their_numbers() -> None:
    names = ["section", "name", "before", "after", "change"]
    figures = pd.DataFrame([["stage", "lost", 1.5, 2.5, 1.0]], columns=names)
    moves = [["a", "tier", "x", "y"], ["b", "stage", "p", "q"], ["c", "tier", "x", "z"],
             ["a", "stage", "p", "q"]]  # fmt: skip
    moved = pd.DataFrame(moves, columns=["customer_id", "result", "before", "after"])
    none = pd.DataFrame({"state": []})
    change = ReviewChange(DAY, figures, moved, none, none)
    counted = [["stage", "p", "q", 2], ["tier", "x", "y", 1], ["tier", "x", "z", 1]]
    assert change.counts().to_numpy().tolist() == counted
    assert change.counts().index.tolist() == [0, 1, 2]
    alike = attrs.evolve(change, moved=moved.iloc[[3, 2, 0]]).counts()
    assert alike["after"].tolist() == ["q", "z", "y"], "of as many customers each, as they came"
    lines = [line.split() for line in str(change).splitlines()]
    assert ["stage", "lost", "1.5", "2.5", "1.0"] in lines
    assert all([str(cell) for cell in row] in lines for row in counted)
    assert "figures changed 1, customers moved 3" in repr(change)


def test_moves_keep_the_customers_of_the_later_review_first() -> None:
    before = pd.DataFrame({"stage": ["a", "a"]}, index=[1, 2])
    after = pd.DataFrame({"stage": ["b", "b"]}, index=[9, 2])
    earlier = EarlierReview(DAY, figures_of("2026-06-30"), before)
    moved = change_since(earlier, figures_of("2026-06-30"), actions(), after).moved
    assert moved["customer_id"].tolist() == [9, 2, 1]


# --- explanation ---


def test_a_decision_shows_its_facts_but_no_flags() -> None:
    facts = {"x": 2, "flag": True, "other": np.bool_(False), "y": None}
    full = DecisionLine("tier", "key", "much value", "r", "s", facts)
    assert str(full) == "tier: key, much value [r; s; x = 2, y = unknown]"
    assert str(attrs.evolve(full, source="", evidence={})) == "tier: key, much value [r]"
    assert str(attrs.evolve(full, outcome=None, rule="")) == "tier: much value"


def complaint_rows(days: list[str], **columns: Any) -> pd.DataFrame:
    received = pd.to_datetime(days).tz_localize("Asia/Shanghai")
    severity, route = (POLICIES["complaints"].table(t).rules for t in ("severity", "route"))
    frame = {
        "customer_id": 7, "received_at": received, "product": "demand", "kind": "complaint",
        "due": received.tz_localize(None).normalize() + pd.Timedelta(days=20),
        "state": "open", "severity": "minor", "owner": "risk", "signals": "repeat",
        "severity_rule": severity[0].id, "route_rule": route[-1].id,
        "time_allowed": "answer: 15 working_days",
        "follow_up_due": [pd.Timestamp("2026-08-01"), *[pd.NaT] * (len(days) - 1)], **columns,
    }  # fmt: skip
    index = pd.Index([f"c{n}" for n in range(len(days))], name="complaint_id")
    return pd.DataFrame(frame, index=index)


def test_complaints_are_explained_the_last_one_first() -> None:
    rules = [POLICIES["complaints"].table(t).rules[n] for t, n in (("severity", 0), ("route", -1))]
    routed = complaint_rows(["2026-03-02 10:00", "2026-05-04 10:00", "2026-04-01 10:00"])
    lines = complaint_lines(routed, POLICIES)
    assert [line.complaint_id for line in lines] == ["c1", "c2", "c0"]
    last = lines[-1]
    assert last.because == "; ".join(r.because or str(r.then) for r in rules)
    assert last.rules == (f"severity.{rules[0].id}", f"route.{rules[1].id}")
    assert (last.received, last.due) == (dt.date(2026, 3, 2), dt.date(2026, 3, 22))
    assert (last.follow_up_due, lines[0].follow_up_due) == (dt.date(2026, 8, 1), None)
    assert str(last).startswith("c0: minor, open, received 2026-03-02, due 2026-03-22, follow-up")
    assert str(last).endswith("answer: 15 working days from 2026-03-02, pauses not recorded)")
    assert "follow-up" not in str(lines[0])
    other = complaint_rows(["2026-03-02 10:00"], severity=None, severity_rule=None, state=None)
    [plain] = complaint_lines(other, POLICIES)
    assert (plain.severity, plain.state) == (None, "answer not recorded")
    assert str(plain).startswith("c0: no complaint, answer not recorded, received")
    assert plain.rules == (f"route.{rules[1].id}",)


def explanation(complaints: int, contact: str = "allowed") -> Explanation:
    days = [f"2026-03-{n + 1:02} 10:00" for n in range(complaints)]
    lines = complaint_lines(complaint_rows(days), POLICIES) if days else ()
    task = {"due": "2026-07-01", "priority": "high", "title": "Call", "department": "sales",
            "reason": "idle", "contact": contact, "contact_reason": "objected"}  # fmt: skip
    table = DecisionTable("size", (Rule("big", {"x": "> 1"}, "big"),))
    return Explanation(7, DAY, {"size": table.explain({"x": 2})},
                       (DecisionLine("size", "big", "b", "", "", {}),), pd.DataFrame([task]),
                       lines)  # fmt: skip


@pytest.mark.parametrize("complaints", [0, 1, 5, 6, 8])
def test_the_short_form_lists_five_complaints_and_counts_the_others(complaints: int) -> None:
    found = explanation(complaints)
    lines = str(found).splitlines()
    assert sum(line.startswith("  c") for line in lines) == min(complaints, 5)
    more = [line for line in lines if line.endswith(" more")]
    assert more == ([f"  and {complaints - 5} more"] if complaints > 5 else [])
    assert ("Complaints:" in lines) == (complaints > 0)
    assert ("complaints" in found._repr_html_()) == (complaints > 0)


@pytest.mark.parametrize(
    ("contact", "shown"), [("hold", True), ("never", True), ("allowed", False)]
)
def test_a_task_says_that_the_customer_is_not_to_be_contacted(contact: str, shown: bool) -> None:
    assert ("; do not contact: objected" in str(explanation(0, contact))) == shown


def test_explanations_are_equal_by_what_they_say() -> None:
    one = explanation(2)
    assert one == explanation(2)
    assert one != explanation(1)
    other = DecisionTable("size", (Rule("big", {"x": "> 1"}, "big"),)).explain({"x": 3})
    assert one != attrs.evolve(one, traces={"size": other})
    assert one != "text"
    missing = DecisionTable("size", (Rule("none", {"x": "missing"}, "none"),))
    first, second = (missing.explain({"x": float(text)}) for text in ("nan", "nan"))
    assert attrs.evolve(one, traces={"size": first}) == attrs.evolve(one, traces={"size": second})
    assert (list(one), len(one), one["size"]) == (["size"], 1, one.traces["size"])


# --- folder ---


def written(folder: Path, *, parts: int = 0) -> dict[str, Any]:
    """A folder as a review leaves it, with customers in one file or in parts."""
    people = pd.DataFrame(
        {"stage": ["active", "lost"], "tier": ["key", None], "size": [1, 2]},
        index=pd.Index([1, 2], name="customer_id"),
    )
    folder.mkdir()
    if parts:
        (folder / "review_date=2026-06-30").mkdir()
        for n in range(parts):
            people.iloc[n::parts].to_parquet(
                folder / "review_date=2026-06-30" / f"part-{n}.parquet"
            )
    else:
        people.to_parquet(folder / "customers.parquet")
    actions(one="2026-06-30").to_parquet(folder / "actions.parquet")
    pd.DataFrame({"customer_id": [1], "group": ["G1"]}).to_parquet(folder / "groups.parquet")
    (folder / "trend.csv").write_text("date\n")
    summary = {"as_of": "2026-06-30", "book": "银行", "customers": 2}
    write_summary(summary, folder)
    return summary


@pytest.mark.parametrize("parts", [0, 1, 2])
def test_a_written_folder_is_read_as_an_earlier_review(parts: int, tmp_path: Path) -> None:
    summary = written(tmp_path / "r", parts=parts)
    found = read_earlier(tmp_path / "r")
    assert (found.as_of, found.summary) == (DAY, summary)
    assert found.standing.sort_index().astype(object).fillna("").to_numpy().tolist() == [
        ["active", "key"], ["lost", ""]
    ]  # fmt: skip
    assert found.standing.columns.tolist() == ["stage", "tier"]
    assert found.groups is not None
    assert found.groups["group"].tolist() == ["G1"]
    assert found.watch_list is None
    assert found.actions is not None
    assert len(found.actions) == 1
    (tmp_path / "r" / "trend.csv").unlink()  # nothing is read of it
    assert read_earlier(tmp_path / "r").as_of == DAY
    (tmp_path / "r" / "actions.parquet").write_bytes(b"other")
    with pytest.raises(DataError, match=r"actions\.parquet changed since summary\.json"):
        read_earlier(tmp_path / "r")


def test_the_summary_has_the_digest_of_every_other_file(tmp_path: Path) -> None:
    summary = written(tmp_path / "r")
    text = (tmp_path / "r" / "summary.json").read_text(encoding="utf-8")
    found = json.loads(text)
    names = {"customers.parquet", "actions.parquet", "groups.parquet", "trend.csv"}
    digests = {n: hashlib.sha256((tmp_path / "r" / n).read_bytes()).hexdigest() for n in names}
    assert found == {**summary, "files": digests}
    assert '\n  "book": "银行",\n' in text
    assert text.endswith("}\n")
    with pytest.raises(ValueError, match="JSON"):
        write_summary({"x": float("nan")}, tmp_path / "r")


def test_files_of_a_day_are_those_of_a_review_of_that_day(tmp_path: Path) -> None:
    written(tmp_path / "r")
    assert {"summary.json", "customers.parquet"} <= set(files_of_day(tmp_path / "r", DAY))
    assert files_of_day(tmp_path / "r", dt.date(2026, 6, 29)) == ()
    assert files_of_day(tmp_path / "none", DAY) == ()
    for text in ("{", "[]", "{}", "[" * 100_000):
        (tmp_path / "r" / "summary.json").write_text(text)
        assert files_of_day(tmp_path / "r", DAY) == ()
        with pytest.raises(DataError, match="not a folder that a review has written"):
            read_earlier(tmp_path / "r")


def test_a_folder_of_others_is_refused_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(DataError, match="did not write"):
        review_folder(tmp_path).refuse_foreign()
    review_folder(tmp_path, force=True).refuse_foreign()
    names = set(review_folder(tmp_path, as_of=DAY).names) - set(review_folder(tmp_path).names)
    assert names == {"review_date=2026-06-30/*"}


def test_a_history_is_read_or_empty(tmp_path: Path) -> None:
    assert read_history(tmp_path).columns.tolist() == HISTORY_COLUMNS
    rows = pd.DataFrame([["2026-06-30", "007", "stage", "lost", 2.0]], columns=HISTORY_COLUMNS)
    rows.to_csv(tmp_path / SERIES, index=False)
    assert read_history(str(tmp_path)).to_numpy().tolist() == rows.to_numpy().tolist()
    (tmp_path / SERIES).write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="not the history of reviews"):
        read_history(tmp_path)


# --- rows of a page ---


def test_customers_with_a_warning_lead_even_where_little_is_known() -> None:
    people = pd.DataFrame(
        {
            "warning": pd.array(["none", "watch", "alarm", None, "watch", "none"], "string"),
            "warning_signals": pd.array([0, 1, 1, None, 2, 0], "Int64"),
            "contribution": [10.0, 0.0, np.nan, -3.0, 9.0, -20.0],
        }
    )
    order = [2, 4, 1, 5, 0, 3]  # alarm, then watch, then the largest contribution
    for limit in range(1, 6):
        assert leading_rows(people, limit).tolist() == sorted(order[:limit])
    assert leading_rows(people, 6).tolist() == list(range(6))


def test_the_rules_of_a_row_are_numbered_as_in_the_table() -> None:
    rules = (Rule("b", {"x": "> 2"}, 1), Rule("a+c", {"x": "> 1"}, 2), Rule("a", {}, 3))
    table = DecisionTable("t", rules, hit_policy="collect")
    column = pd.Series(["a", "a+c", "b+a", None, "b", ""])
    assert _rule_numbers(table, column) == [[2], [1], [0, 2], [], [0], []]
    shown = _plain_table(table, {"x": "column_x"})
    assert [r["id"] for r in shown["rules"]] == ["b", "a+c", "a"]
    assert shown["rules"][0]["when"] == {"column_x": "> 2"}
    assert _plain_table(table)["rules"][0]["when"] == {"x": "> 2"}
    assert shown["hit"].startswith("collect")


def test_values_of_a_page_are_short_and_plain() -> None:
    assert _plain_values(pd.Series([1.23456789, np.nan, 1e9 / 3])) == [1.23457, None, 333333000.0]
    assert _plain_values(pd.Series(pd.to_datetime(["2026-06-30 10:11", None]))) == [
        "2026-06-30", None
    ]  # fmt: skip
    assert _plain_values(pd.Series([dt.date(2026, 6, 30), "a", True], dtype=object)) == [
        "2026-06-30", "a", True
    ]  # fmt: skip


def test_a_complaint_of_a_page_has_its_rules_and_its_facts() -> None:
    routed = complaint_rows(["2026-03-02 10:05", "2026-05-04 10:00"], severity_rule=["", None])
    found = plain_complaints(routed.drop(columns="product"), POLICIES)
    assert "product" not in found["facts"]
    route = POLICIES["complaints"].table("route").rules
    [severities, routes, *facts] = found["complaints"]["c0"]
    assert (severities, routes) == ([], [len(route) - 1])
    row = dict(zip(found["facts"], facts, strict=True))
    assert row["received_at"] == "2026-03-02 10:05"
    assert (row["counted_from"], row["paused"], row["due"]) == (
        "2026-03-02", "not recorded", "2026-03-22"
    )  # fmt: skip
    absent = {t["id"]: t["absent"] for t in found["tables"]}
    assert absent["route"] == "a fact is missing"
    assert "no severity" in absent["severity"]
    many = complaint_rows(["2026-03-02 10:05"] * (EXPLAINED_COMPLAINTS + 3))
    assert len(plain_complaints(many, POLICIES)["complaints"]) == EXPLAINED_COMPLAINTS


# --- quality ---


def test_the_quality_of_records_lists_the_rules_that_fail_most() -> None:
    people = pd.DataFrame(
        {
            "customer_id": [1, 2, 2, 4], "kind": ["person", "person", "odd", "company"],
            "name": ["NA", "Li Na", None, "A"], "phone": ["1", None, "x", "2"],
            "birth_date": pd.to_datetime(["1990-01-01", "2030-01-01", None, None]),
            "email": ["a", "b@c.de", None, ""],
        }
    )  # fmt: skip
    policy = POLICIES["quality"]
    found = quality_figures(people, DAY, policy)
    measured = measure_quality(people, as_of=DAY, policy=policy)
    failing = []
    for rule, row in measured.fields.iterrows():
        if row["weight"] > 0 and row["assessed"] > 0 and row["passed"] < row["assessed"]:
            failing.append((row["share"], str(rule)))
    assert found["records"] == 4
    assert found["failing"] == len(failing)
    assert [r["rule"] for r in found["rules"]] == [rule for _, rule in sorted(failing)][:LISTED]
    assert found["score"] == round(measured.score, 6)
    for row in found["rules"]:
        assert row["share"] == round(row["passed"] / row["assessed"], 6)
    shares = measured.dimensions["share"]
    for row in found["dimensions"]:
        share = shares[row["dimension"]]
        assert row["share"] == (None if pd.isna(share) else round(share, 6))


# --- risk ---


def risk_rows(levels: list[str | None], **columns: Any) -> pd.DataFrame:
    rows = len(levels)
    return pd.DataFrame(
        {"risk_level": levels, "raised_risks": 0, "risk_reasons": "", "is_customer": True,
         "deposits": 1.0, **columns},
        index=pd.Index(range(1, rows + 1), name="customer_id"),
    )  # fmt: skip


def test_whose_risk_is_kept_from_parts() -> None:
    watched = EarlierReview(DAY, {}, NOBODY, watch_list=pd.DataFrame({"customer_id": [2, 9]}))
    whole = risk_rows(["high", None, None, "none"])
    parts = [whole.iloc[[3, 1]].astype({"risk_level": "category"}), whole.iloc[[2, 0]]]
    assert risks_of(parts, watched).index.tolist() == [1, 2, 4]
    assert risks_of(parts, None).index.tolist() == [1, 4]
    assert risks_of(parts, EarlierReview(DAY, {}, NOBODY)).index.tolist() == [1, 4]
    alone = risks_of([parts[0]], None)
    assert isinstance(alone["risk_level"].dtype, pd.CategoricalDtype)


def test_who_may_come_on_the_watch_list() -> None:
    risks = risk_rows(["none", "high", "none", "none"])
    links = pd.DataFrame({"parent_id": [3], "child_id": [8], "share": [0.9], "link": ["owns"]})
    groups = find_groups(links, as_of=DAY)
    listed = pd.DataFrame({"customer_id": [4]})
    cases = [(None, None, [2]), (listed, None, [2, 4]), (None, groups, [2, 3]),
             (listed, groups, [2, 3, 4])]  # fmt: skip
    for given, tied, expected in cases:
        assert _at_risk(risks, given, tied).index.tolist() == expected
    sizes = figures_of_risk(RiskResults(groups=groups))
    assert (sizes["groups"], sizes["members"], sizes["largest_group"]) == (1, 2, 2)
    nobody = find_groups(links.iloc[:0], as_of=DAY)
    none = figures_of_risk(RiskResults(groups=nobody))
    assert (none["groups"], none["members"], none["largest_group"]) == (0, 0, None)


def test_exposure_is_added_up_in_cents() -> None:
    exposure = pd.DataFrame({"exposure": [1.111, 2.222], "loans": [0.111, 0.333]})
    found = figures_of_risk(RiskResults(exposure=exposure))
    assert (found["exposure"], found["loans"]) == (3.33, 0.44)


def bank(**frames: pd.DataFrame) -> Book:
    people = pd.DataFrame({"customer_id": [1, 2, 3], "kind": ["person", "company", "company"]})
    moves = pd.DataFrame(
        {"customer_id": [1], "date": pd.to_datetime(["2026-06-05"]), "amount": [1.0],
         "kind": ["card"]}
    )  # fmt: skip
    return Book(**{"customers": people, "transactions": moves, **frames})


def test_the_capital_is_that_of_the_last_day() -> None:
    days = pd.to_datetime(["2024-12-31", "2025-12-31", "2023-12-31"])
    capital = pd.DataFrame({"date": days, "net": [2.0, 3.0, 1.0], "note": "x"})
    found = _capital(bank(capital=capital))
    assert found is not None
    assert (found.net, found.tier1) == (3.0, None)
    assert _capital(bank()) is None


def test_the_capacity_is_the_revenue_or_else_the_income() -> None:
    people = bank().customers
    both = people.assign(revenue=[np.nan, 5.0, -1.0], income=[7.0, 8.0, 9.0])
    nothing = people.assign(income=[0.0, 0.0, 1.0])
    cases: list[tuple[pd.DataFrame, list[float | None]]] = [
        (both, [7.0, 5.0, None]), (both.drop(columns="income"), [None, 5.0, None]),
        (both.drop(columns="revenue"), [7.0, 8.0, 9.0]),
        (people.assign(income=0.5), [0.5] * 3), (nothing, [None, None, 1.0]),
    ]  # fmt: skip
    for customers, expected in cases:
        found = _capacity(bank(customers=customers))
        assert found is not None
        assert found.index.tolist() == [1, 2, 3]
        assert [None if pd.isna(v) else v for v in found] == expected
    assert _capacity(bank()) is None


def test_funding_counts_deposits_of_customers_whose_risk_is_known() -> None:
    risks = risk_rows(["none", None, "high", "none"], deposits=[0.5, 9.0, 1.5, 0.0])
    found = _funding(risks, None)
    assert found is not None
    assert found["holders"].tolist() == [2] * len(found)
    assert found["total"].tolist() == [2.0] * len(found)
    assert _funding(risks.iloc[[1, 3]], None) is None


# --- completion ---


def test_progress_counts_the_steps_that_are_done() -> None:
    seen: list[tuple[int, int, str]] = []
    asked = Asked(DAY, POLICIES, working_calendar("CN"), (), None, None, None,
                  lambda done, total, title: seen.append((done, total, title)))  # fmt: skip
    report = asked.counter(3)
    for title in ("a", "b", "c"):
        report(title)
    assert seen == [(0, 3, "a"), (1, 3, "b"), (2, 3, "c")]
    attrs.evolve(asked, progress=None).counter(1)("nobody listens")


# --- trend ---


def test_stages_and_customers_at_each_month_end() -> None:
    ends = last_month_ends(np.datetime64(DAY)).astype(str).tolist()
    lifecycle = POLICIES["lifecycle"]
    stages = list(map(str, lifecycle.table("stage").vocabulary))
    inside = set(lifecycle.value("customer_stages"))
    chance = np.random.default_rng(1)
    letters = [*map(str, range(len(stages))), NOT_KNOWN]
    paths = {"".join(chance.choice(letters, len(ends))): n + 1 for n in range(6)}
    routed = complaint_rows(["2026-03-02 10:00"], state=None).assign(answered_at=pd.NaT)
    found = trend_of(paths, routed, DAY, POLICIES)
    assert found.index.tolist() == list(range(len(found)))
    assert len(found) == len(ends) * (len(stages) + 1)

    def of(letter: str) -> str:
        return "" if letter == NOT_KNOWN else stages[int(letter)]

    for row in found.to_dict("records"):
        place = ends.index(str(row["date"])[:10])
        names = inside if row["section"] == "customers" else {row["name"]}
        here = {p: of(p[place]) in names for p in paths}
        assert row["count"] == sum(n for p, n in paths.items() if here[p])
        was = {p: of(p[place - 1]) in names for p in paths} if place else None
        if was is None:
            assert pd.isna(row["moved_in"])
        else:
            came = sum(n for p, n in paths.items() if here[p] and not was[p])
            assert row["moved_in"] == came
            assert row["moved_out"] == sum(n for p, n in paths.items() if was[p] and not here[p])
