"""The sentences of the page, and the words of its rules, from figures by hand."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from bankcrm.report import html, value_sections
from bankcrm.report.count_sections import complaint_counts, customer_counts
from bankcrm.report.glance import _most, attention, glance, key_figures
from bankcrm.report.grid import Grid
from bankcrm.report.packing import _values, listed, packed
from bankcrm.report.quality_sections import quality_tables
from bankcrm.report.risk_sections import risk_tables
from bankcrm.report.sections import counts, findings, policies, unconfirmed
from bankcrm.report.words import Words
from bankcrm.vocabulary import Tier

EN, ZH = Words("en"), Words("zh")


def texts(found: Any) -> list[list[str]]:
    assert isinstance(found, Grid)
    return [[cell.text for cell in row] for row in found.rows]


def figures(**more: Any) -> dict[str, Any]:
    """The figures of a small book."""
    return {
        "customers": 4,
        "stage": {"active": 3, "dormant": 1, "lost": 2},
        "segment": {"loyal": 4},
        "others": {"stage": {}, "contribution": None},
        "active": {"moving": 1, "holding": 2},
        "concentration": {"top_fifth_share": None, "split": None},
        "warning": {"alarm": 1, "watch": 2},
        "complaints": {"accepted": 5, "overdue": 1, "state": {"late": 1, "in_time": 3}},
        "not_available": {},
        **more,
    }


# --- sentences ---


def test_alarms_and_overdue_complaints_are_counted() -> None:
    assert attention(figures(), EN) == [
        "1 customer has an alarm; 2 are on watch.",
        "1 complaint is overdue; 1 of 4 answers was late.",
    ]
    none = figures(warning={}, complaints={"accepted": 5, "overdue": 0, "state": {}})
    assert attention(none, EN) == [
        "0 customers have an alarm; 0 are on watch.",
        "0 complaints are overdue; 0 of 0 answers were late.",
    ]
    unknown = figures(complaints={"accepted": 5, "overdue": None, "state": {}})
    assert len(attention(unknown, EN)) == 1
    nothing = figures(complaints={"accepted": 0, "overdue": 0, "state": {}})
    assert len(attention(nothing, EN)) == 1
    assert len(attention(figures(not_available={"warning": "why"}), EN)) == 1


def test_the_book_is_summarised_as_far_as_it_is_known() -> None:
    assert glance(figures(), EN) == [
        "3 of 4 customers (75%) are active; 1 is dormant.",
        "Of the active, 1 moves money and 2 only hold a product that needs no movements.",
    ]
    nobody = figures(customers=0, stage={}, active={"moving": 0, "holding": None})
    assert glance(nobody, EN) == ["0 of 0 customers (0%) are active; 0 are dormant."]
    others = figures(others={"stage": {"lead": 1, "lost": 1_200}, "contribution": None})
    assert glance(others, EN)[2].startswith("1,201 in the book are not customers on the day")
    assert glance(others, EN)[2].endswith(": lead 1, lost 1,200.")
    absent = figures(not_available={"stage": "why", "contribution": "transactions has no row"})
    assert glance(absent, EN) == [
        "Contribution, value and tiers are not available: transactions has no row."
    ]
    measured = {
        "top_fifth_share": 0.7512, "customers": 4, "total": 12_345.6,
        "split": {"customers": [0.25, 0.5, 0.2499], "profit": [1.0, 2.0, -1_500.4]},
    }  # fmt: skip
    assert glance(figures(concentration=measured), EN)[2] == (
        "The top fifth of the 4 customers brings 75% of the contribution of 12,346; 25.0% of them "
        "cost more than they bring: -1,500 a year."
    )


@pytest.mark.parametrize(
    ("owners", "most"),
    [(["b", "a", "b"], ("b", 2)), (["b", "a"], ("a", 1)), (["c", "c", "b", "b", "a"], ("b", 2))],
)
def test_of_several_with_the_most_the_first_by_name_is_said(
    owners: list[str], most: tuple[str, int]
) -> None:
    assert _most(pd.Series(owners)) == most


# --- words ---


def test_a_test_of_a_rule_is_said_in_words() -> None:
    tests = {
        "missing": "is not known", "present": "is known", "-": "any", "= true": "yes",
        "= at_risk": "at risk", '= "at_risk"': "at risk", ">= 50000": "≥ 50,000", "<= 1.5": "≤ 1.5",
        "> 3": "> 3", "< -2": "< -2", "[1..2]": "≥ 1, ≤ 2", "(1..2)": "> 1, < 2",
        "[1..2)": "≥ 1, < 2", "(0.5..2000]": "> 0.5, ≤ 2,000", "in (lost)": "lost",
        "in (at_risk, lost)": "at risk or lost", "not (at_risk, lost)": "not at risk, lost",
    }  # fmt: skip
    assert {t: EN.test(t) for t in tests} == tests


def test_why_a_result_is_missing_is_said_in_the_language() -> None:
    for reason in (
        "the book has no loans", "no row of loans is known on the day (1,200 in all)",
        "loans has no row", "all 1,200 rows of loans are rejected (loans.amount: null in 2 rows)",
        "the only row of loans is rejected (loans.amount: null in 1 row)",
        "loans has no row; the book has no links",
    ):  # fmt: skip
        assert EN.absence(reason) == reason
        chinese = ZH.absence(reason)
        assert "loans" in chinese
        assert "row of" not in chinese
        assert ("1,200" in chinese) == ("1,200" in reason)
        assert ("links" in chinese) == ("links" in reason)


def test_a_list_of_facts_keeps_its_numbers() -> None:
    assert listed("media_threat", EN) == "media threat"
    assert listed("answer: 15", EN) == "answer: 15"
    assert (
        listed("answer: 1.5e-3 working_days; repeat", EN) == "answer: 1.5e-3 working days; repeat"
    )
    assert listed("a: b: c", EN) == "a: b: c"
    assert listed("answer: 15", ZH) == "答复：15"


def test_values_of_facts_are_in_words_where_these_differ() -> None:
    explained: dict[str, Any] = {
        "tables": [{"id": "t"}],
        "facts": ["stage", "signals", "owner", "customer_id", "age"],
        "customers": {
            "1": ([0], "active", "repeat; answer: 15 working_days", "legal", "active", 3),
            "2": ([0], None, "media_threat", "risk", "dormant", None),
        },
    }
    found = _values(explained, "customers", ZH)
    assert found == {
        "active": ZH("active"),
        "repeat; answer: 15 working_days": listed("repeat; answer: 15 working_days", ZH),
        "media_threat": listed("media_threat", ZH),
    }
    assert _values(explained, "customers", EN) == {}, "underscores alone make no difference"


def test_a_page_without_a_customer_or_complaint_has_empty_columns() -> None:
    rule = {"then": "key", "because": "why", "when": {"age": ">= 18"}, "source": "x"}
    table = {"id": "t", "title": "title", "rules": [rule]}
    explained = {"tables": [table], "facts": ["age"], "customers": {}}
    none: dict[str, Any] = {"tables": [], "facts": ["p", "q"], "complaints": {}}
    found = packed(explained, none, EN, "guard")
    assert found["customer"]["rules"] == found["customer"]["values"] == [[]]
    assert found["complaint"]["rules"] == []
    assert found["complaint"]["values"] == [[], []]
    assert found["customer"]["tables"][0]["rules"][0]["when"] == {"age": "≥ 18"}


# --- tables ---


def test_customers_and_complaints_are_counted() -> None:
    found = customer_counts(figures(), "4 customers on the day", EN)
    assert found["stages"].title == "Lifecycle stages (6 in the book)"
    assert found["segments"].title == "RFM segments (4 customers on the day)"
    assert texts(found["stages"]) == [
        ["active", "3", "50.0%"], ["dormant", "1", "16.7%"], ["lost", "2", "33.3%"]
    ]  # fmt: skip
    assert complaint_counts({"accepted": 0}, EN) == {}
    cases = {
        "accepted": 3, "state": {"late": 3}, "severity": {"minor": 1}, "kind": {"complaint": 3},
        "departments": {"legal+risk": 2, "risk": 0},
    }  # fmt: skip
    tables = complaint_counts(cases, EN)
    assert texts(tables["departments"]) == [["legal + risk", "2", "100.0%"]]
    assert tables["states"].title == "By state (3 received up to the day)"
    assert texts(counts("x", "x", {"a": 0}, EN)) == [["a", "0", "0.0%"]]
    assert counts("x", "Groups", {}, EN).title == "Groups"


def test_quality_has_a_line_for_its_score() -> None:
    rule = {"field": "phone", "dimension": "accuracy", "rule": "r", "assessed": 7, "passed": 5,
            "share": 5 / 7}  # fmt: skip
    dimension = {"dimension": "accuracy", "assessed": 2, "share": 0.75}
    found = {"records": 7, "dimensions": [dimension], "score": 0.5, "rules": [rule], "failing": 3}
    tables = quality_tables(found, EN)
    assert texts(tables["quality"]) == [["accuracy", "2", "75.0%"], ["score", "-", "50.0%"]]
    assert texts(tables["quality_rules"]) == [["phone", "accuracy", "r", "7", "2", "71.4%"]]
    whole = quality_tables({**found, "failing": 1}, EN)
    left = [grid.left_out for t in (tables, whole) if (grid := t["quality_rules"]) is not None]
    assert left == ["2 more rows not shown.", ""]
    none = quality_tables({**found, "records": None, "rules": []}, EN)
    assert none == {"quality": None, "quality_rules": None}


def test_groups_and_credit_are_shown_as_far_as_they_are_known() -> None:
    risk: dict[str, Any] = {
        "groups": 2, "members": 5, "largest_group": 3, "exposure": 1_200.0, "loans": 7,
        "warned_groups": None, "findings": {}, "funding": [], "limit_use": [],
        "group_warnings": [], "changed_groups": [], "watched": [],
    }  # fmt: skip
    s = {"risk_level": {"high": 1, "low": 3}, "risk": risk}
    found = risk_tables(s, "4 customers", EN)
    assert [name for name, table in found.items() if table is not None] == [
        "risk_levels", "group_figures"
    ]  # fmt: skip
    assert [row[1] for row in texts(found["group_figures"])] == ["2", "5", "3", "1,200", "7", "-"]
    deposits = [{"holders": 3, "top_share": 0.5, "hhi": 0.12345}, {"holders": 2, "top_share": 0.6,
                                                                "hhi": 0.5}]  # fmt: skip
    odd = {**risk, "findings": {"loans": 1_200, "links": 2}, "funding": deposits}
    rows = texts(risk_tables({**s, "risk": odd}, "4", EN)["funding"])
    assert rows == [["customer", "3", "50%", "0.1235"], ["group", "2", "60%", "0.5000"]]
    one = risk_tables({**s, "risk": {**odd, "funding": deposits[:1]}}, "4", EN)
    assert len(texts(one["funding"])) == 1
    figures_ = one["group_figures"]
    assert figures_ is not None
    assert figures_.note == "What is odd about links and credits: loans 1,200, links 2"
    changed = [{"change": "joined", "before": None, "after": "g", "members": 3}]
    moved = risk_tables({**s, "risk": {**risk, "changed_groups": changed}}, "4", EN)
    assert texts(moved["group_changes"]) == [["joined a group", "-", "g", "3"]]


def test_the_contribution_is_split_only_where_it_is_known() -> None:
    measured: dict[str, Any] = {
        "split": {"customers": [0.2, 0.5, 0.3], "profit": [100.0, 5.0, -20.0]},
        "margin": 1_234.5, "losing": 2,
    }  # fmt: skip
    found = value_sections.split({"concentration": measured}, "4", EN)
    assert texts(found) == [
        ["profitable", "20.0%", "25%", "100"],
        ["marginal", "50.0%", "45%", "5"],
        ["losing", "30.0%", "30%", "-20"],
    ]
    assert found is not None
    assert "±1,234" in found.note
    assert "normalised" in found.note
    plain = value_sections.split({"concentration": {**measured, "losing": 0}}, "4", EN)
    assert plain is not None
    assert "normalised" not in plain.note
    assert value_sections.split({"concentration": {"split": None}}, "4", EN) is None
    others = {"contribution": {"income": 5.0}, "others": {"contribution": 0.0}}
    assert value_sections.components(others, "4", EN).note.endswith("on the day: 0.")
    unknown = {**others, "others": {"contribution": None}}
    assert "on the day" not in value_sections.components(unknown, "4", EN).note
    granted = {"tier": "key", "level": "increase", "customers": 4, "manager": True,
               "response_hours": 4, "discount": 0.1}  # fmt: skip
    tiers = [granted, {**granted, "level": None}]
    assert texts(value_sections.resources({"tiers": tiers}, EN)) == [
        ["key", EN("increase"), "4", EN(True), "4", "10%"]
    ]


def test_policies_are_named_with_the_start_of_their_fingerprint() -> None:
    policy = {"id": "own", "version": "1", "fingerprint": "0123456789abcdef0123", "unconfirmed": []}
    s = {"policies": {"complaints": policy}}
    assert texts(policies(s, EN)) == [["complaints", "own", "1", "0123456789abcdef"]]
    assert unconfirmed(s, EN) is None
    figure = {"name": "days", "value": 30, "unit": "calendar_days", "source": "x"}
    asked = {"policies": {"complaints": {**policy, "unconfirmed": [figure]}}}
    assert texts(unconfirmed(asked, EN)) == [["days", "30 calendar days", "x"]]


def test_findings_end_at_500_and_are_in_words() -> None:
    row = {"frame": "loans", "problem": "below_minimum", "rows": 3, "expected": "a; b",
           "advice": ""}  # fmt: skip
    found = findings(pd.DataFrame([row] * 502), EN)
    assert texts(found)[0] == ["loans", "below minimum", "3", "a; b", "-"]
    assert (len(found.rows), found.left_out) == (500, "2 more rows not shown.")


# --- the page ---


def content(**more: Any) -> Any:
    """What the head of a page reads."""
    plain = {
        "name": "bank", "as_of": date(2026, 6, 30), "currency": "", "earlier": None,
        "settings": {}, "complaints": [1, 2],
        "summary": {"period": {"first": None, "last": None}, "bankcrm": "0", "fingerprint":
                    "0123456789abcdef"},
        "explanations": {"customers": {"1": (), "2": ()}},
        "complaint_rules": {"complaints": {"7": (), "8": ()}},
        "step_sections": (), "sections": (),
    }  # fmt: skip
    return SimpleNamespace(**{**plain, **more})


def test_the_page_says_whom_it_explains() -> None:
    every = html._reach(content(), 2, EN)
    assert every == "This page explains every customer of the book."
    assert html._reach(content(), 3, EN).startswith("This page explains 2 of 3 customers: ")
    some = html._reach(content(complaints=[1, 2, 3]), 2, EN)
    assert some.startswith(f"{every} Of 3 complaints it explains 2: ")


def test_the_settings_say_what_is_not_recorded() -> None:
    assert dict(html._settings(content(), EN)) == {
        "Book": "bank", "Day of the review": "2026-06-30", "Transactions": "none",
        "Amounts in": "not recorded", "Compared with": "none", "Program": "bankcrm 0",
    }  # fmt: skip
    period = {"first": "2025-01-01", "last": "2026-06-01"}
    more = content(
        currency="CZK", earlier=SimpleNamespace(as_of=date(2026, 3, 31)), settings={"Seed": "7"},
        summary={"period": period, "bankcrm": "0"},
    )  # fmt: skip
    found = dict(html._settings(more, EN))
    assert found["Transactions"] == "2025-01-01 – 2026-06-01"
    assert (found["Amounts in"], found["Compared with"]) == ("CZK", "2026-03-31")
    assert found["Seed"] == "7"


def test_the_foot_has_the_start_of_the_fingerprint_and_no_end_of_a_style() -> None:
    assert html._foot(content(), EN) == "Customer review: bank, 2026-06-30 · policies 0123456789ab"
    assert html._css_text("aé1<") == '"a\\e9 1\\3c "'
    assert html._css_text("x" * 300) == f'"{"x" * 200}"'


def test_more_sections_are_numbered_and_end_at_a_hundred_rows() -> None:
    rows = pd.DataFrame({"n": range(101)})
    found = html._more_tables(
        content(
            step_sections=[("at_risk", "at_risk")], sections=[("at_risk", "at_risk"), ("T", rows)]
        ),
        EN,
    )
    assert found[0] == ("at risk", "at risk"), "words of a step are looked up"
    assert found[1] == ("at_risk", "at_risk"), "those of a plug-in are not"
    title, table = found[2]
    assert (title, table.name, len(table.rows)) == ("T", "table-3", 100)
    assert table.left_out == "1 more row not shown."


def test_customers_of_one_review_are_counted_beside_the_movement() -> None:
    names = [t.value for t in Tier]
    before = pd.DataFrame({"tier": [names[0], names[1], names[0], None]}, index=[1, 2, 3, 4])
    after = pd.DataFrame({"tier": [names[0], names[0], names[1], names[1], names[1]]},
                         index=[1, 2, 4, 5, 6])  # fmt: skip
    found = html._movement(before, after)
    assert found["names"] == [*names, "(none)"]
    assert (found["joined"], found["gone"]) == (2, 1)
    moved = {(a, b): n for a, row in zip(found["names"], found["rows"], strict=True)
             for b, n in zip(found["names"], row, strict=True) if n}  # fmt: skip
    assert moved == {(names[0], names[0]): 1, (names[1], names[0]): 1, ("(none)", names[1]): 1}
    assert html._movement(before.head(3), after)["names"] == names


def whole(**more: Any) -> Any:
    """What a page shows of a book of four customers, of which little is known."""
    nothing: dict[str, Any] = {"split": None, "lorenz": None, "whale": None}
    risk: dict[str, Any] = dict.fromkeys(
        ("groups", "members", "largest_group", "exposure", "loans", "warned_groups")
    )
    lists = ("funding", "limit_use", "group_warnings", "changed_groups", "watched")
    s = figures(
        risk={**risk, "findings": {}, **{name: [] for name in lists}}, risk_level={},
        quality={"records": None, "rules": []}, tiers=[], contribution={}, policies={},
        rfm={"customers": []}, fingerprint="0123456789abcdef", bankcrm="0",
        period={"first": None, "last": None},
        concentration={"top_fifth_share": None, **nothing},
        complaints={"accepted": 0, "overdue": 0, "state": {}},
    )  # fmt: skip
    s["policies"] = {"complaints": {"id": "p", "version": "1", "fingerprint": "f" * 20,
                                    "unconfirmed": []}}  # fmt: skip
    warned = pd.DataFrame(
        {"warning": ["alarm"] * 2_001 + ["watch"] * 201, "warning_reasons": "a", "stage": "active",
         "tier": "key", "warning_score": 1.0, "contribution": 1.0}
    )  # fmt: skip
    day = pd.Timestamp("2026-06-30")
    action = {"customer_id": "7", "complaint_id": None, "title": "call", "title_zh": "call",
              "due": day, "since": day, "overdue": False, "priority": "high",
              "department": "risk", "manager": None, "contact": "yes", "reason": "a"}  # fmt: skip
    to_do = pd.DataFrame([action]).astype({"priority": "category"})
    trend = pd.DataFrame(
        {"section": ["stage", "stage", "customers", "customers", "complaints", "complaints"],
         "name": ["active", "active", "customers", "customers", "open", "open"],
         "date": pd.to_datetime(["2026-05-31", "2026-06-30"] * 3), "count": [1, 2] * 3,
         "moved_in": 1, "moved_out": 0}
    )  # fmt: skip
    due = pd.DataFrame(columns=["state"])
    plain = content(
        summary=s, warned=warned, actions=to_do, week=to_do.head(0), trend=trend, moved=None,
        settled=None, complaints=due, findings=pd.DataFrame(), note="", figures={"Customers": "4"},
        not_available={"tier": "why"}, limits={"at_risk": "why"}, standing=None,
        history=pd.DataFrame(columns=html.HISTORY_COLUMNS),
        explanations={"tables": [], "customers": {}},
        complaint_rules={"tables": [], "complaints": {}},
    )  # fmt: skip
    return SimpleNamespace(**{**vars(plain), **more})


def test_lists_of_warned_customers_end_at_their_limits() -> None:
    found = html._tables(whole(), EN)
    assert (len(found["alarms"].rows), len(found["watched"].rows)) == (2_000, 200)
    assert found["alarms"].title == "Alarms: 2,001 of 4 customers"
    assert found["watched"].left_out.startswith("1 more row")
    absent = {n for n, table in found.items() if table is None}
    assert {"settled", "movers", "due", "managers", "findings", "unconfirmed"} <= absent


def test_an_earlier_review_adds_what_changed() -> None:
    standing = pd.DataFrame({"tier": ["key", "ordinary"]}, index=[1, 2])
    before = {**whole().summary, "customers": 1}
    earlier = SimpleNamespace(as_of=date(2026, 3, 31), summary=before, standing=standing)
    settled = whole().actions.assign(state="done")
    after = standing.assign(tier="key")
    page = whole(earlier=earlier, standing=after, settled=settled)
    heads = [[head for head, _ in html._tables(c, EN)["actions"].heads] for c in (whole(), page)]
    assert ["listed since" in found for found in heads] == [False, True]
    charts, plain = html._charts(page, EN), html._charts(whole(), EN)
    assert (plain["flow"], plain["movement"]) == (None, None)
    assert charts["movement"].title == "Movement since 2026-03-31"
    assert {(b.before, b.after): b.count for b in charts["flow"].bands} == {
        ("key", "key"): 1,
        ("ordinary", "key"): 1,
    }
    assert [s.name for s in plain["stage_sparks"]] == ["customers", "active"]
    assert [s.name for s in plain["complaint_sparks"]] == ["open"]
    assert (plain["heat"], plain["lorenz"], plain["review_sparks"]) == (None, None, [])
    [figure] = html._head(page, EN)["figures"]
    assert figure[3] == "change +3"
    assert html._head(whole(), EN)["figures"][0][3] == ""
    said = html._head(page, EN)["attention"]
    assert any("are done" in sentence or "is done" in sentence for sentence in said)


def test_the_head_says_what_is_not_available_by_its_reason() -> None:
    found = html._head(whole(not_available={"tier": "a", "at_risk": "b", "stage": "a"}), EN)
    assert found["not_available"] == {"tier, stage": "a", "at risk": "b"}
    assert found["absent"] == {"tier": "a", "at_risk": "b", "stage": "a"}
    assert found["limits"] == {"at risk": "why"}
    assert found["language"] == "en"
    assert html._head(whole(), ZH)["language"] == "zh-CN"


def test_each_key_figure_shows_its_own_change() -> None:
    """A figure of before and one of after, of which each differs by another number."""

    def at(times: int) -> dict[str, Any]:
        return {
            "customers": 1 * times,
            "stage": {"active": 2 * times, "dormant": 3 * times, "lost": 4 * times},
            "contribution": {"contribution": 5_000.0 * times},
            "concentration": {"top_fifth_share": 0.06 * times, "gini_normalised": 0.007 * times},
            "complaints": {"accepted": 8 * times, "overdue": 9 * times},
        }

    names = ["Customers", "Active", "Dormant", "Lost", "Contribution a year",
             "Share of the top fifth", "Gini (normalised)", "Complaints",
             "Overdue complaints"]  # fmt: skip
    changes = key_figures(dict.fromkeys(names, "1"), at(2), at(1), EN)
    assert [change.removeprefix("change ") for _, _, _, change in changes] == [
        *("+1", "+2", "+3", "+4", "+5,000", "+6.0 pp", "+0.007", "+8", "+9")
    ]
