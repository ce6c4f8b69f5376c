"""The tables of the page from small frames: each limit, and each figure by a loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

import pandas as pd
import pytest

from bankcrm.report import action_sections, glance, sections, trends, value_sections
from bankcrm.report.grid import Cell, Grid, grid
from bankcrm.report.words import Words

EN = Words("en")
DAY = pd.Timestamp("2026-06-30")


def texts(found: Grid | None) -> list[list[str]]:
    """What the cells of a table show."""
    assert found is not None
    return [[cell.text for cell in row] for row in found.rows]


def shown(kind: Any, value: object) -> Cell:
    """The only cell of a table of one value."""
    [[cell]] = grid("x", "x", [("x", kind, [value])], EN).rows
    return cell


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("share", 0.1234, Cell("12.3%", 0.1234, bar=(0.0, 12.3))),
        ("share", 1.5, Cell("150.0%", 1.5, bar=(0.0, 100.0))),
        ("share", -0.5, Cell("-50.0%", -0.5, bar=(0.0, 0.0))),
        ("share", None, Cell("-")),
        ("rate", 0.256, Cell("26%", 0.256)),
        ("number", 99.96, Cell("100.0", 99.96)),
        ("number", 100.4, Cell("100", 100.4)),
        ("number", -100.0, Cell("-100", -100.0)),
        ("number", 7, Cell("7", 7.0)),
        ("number", float("nan"), Cell("-")),
        ("bar", -2.5, Cell("-2.5", -2.5, bar=(0.0, 100.0), bad=True)),
        ("bar", 0.0, Cell("0", 0.0, bar=(0.0, 0.0))),
        ("bar", None, Cell("-")),
        ("bad", "alarm", Cell("alarm", bad=True)),
        ("bad", "watch", Cell("watch")),
        ("word", "", Cell("-")),
        ("subject", ("customer", 7), Cell("7", href="#customer=7", style="wrap")),
        ("subject", ("group", 7), Cell("7", style="wrap")),
        ("owner", "risk", Cell("risk", href="#owner=risk")),
    ],
)
def test_a_value_is_shown_by_its_kind(kind: str, value: object, cell: Cell) -> None:
    assert shown(kind, value) == cell


def test_numbers_are_aligned_and_words_are_not() -> None:
    found = grid("x", "x", [(k, k, []) for k in ("number", "share", "rate", "bar", "day")], EN)
    assert [aligned for _, aligned in found.heads] == [True, True, True, True, False]


def work(count: int) -> pd.DataFrame:
    """Actions of customers 0, 1, and so on, with one for nobody's complaint."""
    rows = range(count)
    return pd.DataFrame(
        {
            "customer_id": list(rows),
            "complaint_id": pd.array([None] * count, dtype="Int64"),
            "title": [f"call {n}" for n in rows],
            "title_zh": [None if n % 2 else f"致电 {n}" for n in rows],
            "due": [DAY + pd.Timedelta(days=n % 11 - 3) for n in rows],
            "since": [DAY - pd.Timedelta(days=n % 4) for n in rows],
            "overdue": [n % 11 < 3 for n in rows],
            "priority": pd.Categorical(
                ["high" if n % 3 else "urgent" for n in rows], ["urgent", "high", "low"]
            ),
            "department": ["risk" if n % 5 else "legal" for n in rows],
            "manager": pd.Series([None if n % 2 else n for n in rows], dtype=object),
            "contact": "phone",
            "reason": "a reason",
            "state": ["done" if n % 3 else "gone" for n in rows],
        }
    )


def counted(found: pd.DataFrame, by: str) -> dict[str, list[str]]:
    """Owner -> actions by priority, all, those past their day, and the earliest day."""
    expected: dict[str, list[str]] = {}
    rows = found.astype({by: object}).to_dict("records")
    for owner in found[by].dropna().unique():
        own = [row for row in rows if row[by] == owner]
        numbers = [sum(r["priority"] == p for r in own) for p in ("urgent", "high", "low")]
        numbers += [len(own), sum(bool(r["overdue"]) for r in own)]
        expected[str(owner)] = [*map(str, numbers), min(r["due"] for r in own).date().isoformat()]
    return expected


def test_owners_and_managers_are_counted() -> None:
    found = work(230)
    by_department = action_sections.owners(found, EN)
    assert {row[0]: row[1:] for row in texts(by_department)} == counted(found, "department")
    by_manager = action_sections.managers(found, EN)
    assert by_manager is not None
    assert by_manager.title == "Actions by manager: 115 of 230"
    assert by_manager.left_out == "15 more rows not shown; all are in actions.csv."
    expected = counted(found, "manager")
    assert texts(by_manager) == [[n, *expected[n]] for n in list(expected)[:100]]
    assert [text[0] for text in texts(by_department)] == ["risk", "legal"], "the most first"
    nobody = found.assign(manager=None)
    assert action_sections.managers(nobody, EN) is None
    assert action_sections.owners(found.head(0), EN) is None


Section = Callable[[pd.DataFrame], Grid | None]
LISTS: list[tuple[Section, int, str]] = [
    (lambda found: action_sections.actions(found, EN), 300, "actions.csv"),
    (lambda found: action_sections.settled(found, EN), 100, "settled.csv"),
]


@pytest.mark.parametrize(("section", "limit", "file"), LISTS, ids=["actions", "settled"])
def test_a_list_ends_at_its_limit(section: Section, limit: int, file: str) -> None:
    assert section(work(0)) is None
    for more, said in ((0, ""), (1, "1 more row not"), (2, "2 more rows not")):
        found = section(work(limit + more))
        assert found is not None
        assert [row[0] for row in texts(found)] == [f"call {n}" for n in range(limit)]
        assert found.left_out == (f"{said} shown; all are in {file}." if said else "")


def test_an_action_shows_what_its_row_holds() -> None:
    found = work(4)
    plain = action_sections.actions(found, EN)
    assert plain is not None
    heads = [head for head, _ in plain.heads]
    names = ["action", "customer", "due", "priority", "owner", "contact", "reasons"]
    assert heads == names, "no complaint, and no earlier review"
    assert [row[4] for row in texts(plain)] == ["legal, 0", "risk", "risk, 2", "risk"]
    about = found.assign(complaint_id=pd.array([None, 8, None, None], dtype="Int64"))
    since = action_sections.actions(about, EN, since=True)
    assert since is not None
    assert [head for head, _ in since.heads] == [
        *("action", "customer", "complaint", "due", "listed since"), *names[3:]
    ]  # fmt: skip
    assert [row[2] for row in texts(since)] == ["-", "8", "-", "-"]
    assert texts(since)[1][4] == "2026-06-29"
    assert action_sections.titles(found, Words("zh")) == ["致电 0", "call 1", "致电 2", "call 3"]


def test_the_week_names_who_has_the_most() -> None:
    found = work(12)
    [said] = glance.workload(found, 20, EN)
    assert said == (
        "12 of 20 actions are due this week, 4 of them past their day. "
        "Most of these are with risk: 9. Among the managers, 0 has the most: 1."
    )
    assert glance.workload(found.head(0), 3, EN) == ["No action is due this week."]
    assert glance.workload(found.head(0), 0, EN) == []
    [alone] = glance.workload(found.assign(manager=None).head(1), 1, EN)
    assert alone.startswith("1 of 1 action is due this week, 1 of them past its day.")
    assert "managers" not in alone


def test_what_became_of_earlier_actions() -> None:
    listed, settled = work(8), work(7)
    assert glance.carried_over(listed, None, settled, EN) == []
    assert glance.carried_over(listed, DAY.date(), None, EN) == []
    since = date(2026, 6, 28)
    [said] = glance.carried_over(listed, since, settled, EN)
    assert said.startswith("Of the actions, 4 are listed since 2026-06-28 or longer; ")
    assert said.endswith("4 are done and 3 are no longer due.")


def test_key_figures_show_their_change() -> None:
    before: dict[str, Any] = {
        "customers": 900,
        "stage": {"active": 500, "dormant": 10, "lost": 4},
        "contribution": {"contribution": 1_000_000.0},
        "concentration": {"top_fifth_share": 0.8, "gini_normalised": 0.5},
        "complaints": {"accepted": 7, "overdue": None},
    }
    after = {
        **before,
        "customers": 2_100,
        "stage": {"active": 490, "dormant": 10},
        "contribution": {"contribution": 1_000_250.0},
        "concentration": {"top_fifth_share": 0.8123, "gini_normalised": 0.4988},
        "complaints": {"accepted": 6, "overdue": 3},
    }
    names = [*glance.POPULATIONS, "Another"]
    found = glance.key_figures(dict.fromkeys(names, "1 of 2"), after, before, EN)
    changes = {name: change for name, _, _, change in found if change}
    assert changes == {
        "Customers": "change +1,200",
        "Active": "change -10",
        "Dormant": "no change",
        "Contribution a year": "change +250",
        "Share of the top fifth": "change +1.2 pp",
        "Gini (normalised)": "change -0.001",
        "Complaints": "change -1",
    }
    assert {value for _, value, _, _ in found} == {"1 of 2"}
    assert {n: of for n, _, of, _ in found} == {**glance.POPULATIONS, "Another": ""}
    alone = glance.key_figures({"Customers": "3"}, after, None, EN)
    assert alone == [("Customers", "3", glance.POPULATIONS["Customers"], "")]


@pytest.mark.parametrize(("rows", "said"), [(3, ""), (4, "1 more row"), (5, "2 more rows")])
def test_a_frame_ends_at_its_limit(rows: int, said: str) -> None:
    found = sections.frame("x", "x", pd.DataFrame({"n": range(rows)}), EN, 3)
    assert texts(found) == [["0"], ["1"], ["2"]]
    assert found.left_out == (f"{said} not shown." if said else "")
    named = pd.DataFrame({"n": [5]}, index=pd.Index(["a"], name="id"))
    assert texts(sections.frame("x", "x", named, EN, 3)) == [["a", "5"]]


def test_open_complaints_are_listed_by_their_due_day() -> None:
    states = ["open", "overdue", "late", "open", "overdue"]
    days = [3, -2, -9, 0, -5]
    frame = pd.DataFrame(
        {
            "customer_id": pd.array([1, None, 3, 4, 5], dtype="Int64"),
            "kind": "complaint",
            "severity": "minor",
            "owner": "risk",
            "state": states,
            "due": [DAY + pd.Timedelta(days=n) for n in days],
        },
        index=pd.Index([10, 11, 12, 13, 14]),
    )
    found = sections.due(frame, DAY, EN)
    assert found is not None
    assert found.title == "Not answered: 4 of 5 complaints"
    expected = [("14", "5"), ("11", "2"), ("13", "-"), ("10", "-")]
    assert [(row[0], row[-1]) for row in texts(found)] == expected
    assert [row[1] for row in texts(found)] == ["5", "-", "4", "1"]
    assert sections.due(frame.iloc[[2]], DAY, EN) is None


def warned(rows: int) -> pd.DataFrame:
    """Customers with an alarm or on watch, in turn, and one without either."""
    return pd.DataFrame(
        {
            "warning": [("alarm", "watch")[n % 2] for n in range(rows)] + ["none"],
            "warning_reasons": ["a; b" if n % 2 else "a" for n in range(rows)] + ["c"],
            "stage": "active",
            "tier": "key",
            "warning_score": 1.5,
            "contribution": 10.0,
        },
        index=pd.Index(range(rows + 1), name="customer_id"),
    )


def test_warnings_end_at_their_limit_and_signals_are_counted() -> None:
    found = warned(5)
    alarms = sections.warnings(found, "alarm", 9, 2, EN)
    assert alarms is not None
    assert alarms.title == "Alarms: 3 of 9 customers"
    assert [row[0] for row in texts(alarms)] == ["0", "2"]
    assert alarms.left_out.startswith("1 more row not shown")
    whole = sections.warnings(found, "alarm", 9, 3, EN)
    assert whole is not None
    assert whole.left_out == ""
    levels = {"alarm": 3, "watch": 2, "none": 1}
    signals = sections.signals(found, levels, EN)
    expected = Counter(s for _, row in found.head(5).iterrows()
                       for s in row["warning_reasons"].split("; "))  # fmt: skip
    assert {row[0]: row[1:] for row in texts(signals)} == {
        s: [str(n), f"{n / 5:.1%}"] for s, n in expected.items()
    }
    assert sections.signals(found, {**levels, "watch": 3}, EN) is None, "not all are known"
    assert sections.signals(found, {"none": 1}, EN) is None
    assert sections.warnings(found.tail(1), "alarm", 9, 3, EN) is None


def test_movements_are_those_of_the_last_month() -> None:
    names = {"stage": ["active", "dormant"], "customers": ["active"], "complaints": ["active"]}
    rows = [
        (section, name, pd.Timestamp(end), count + 100 * month, month + count, 2 * month + count)
        for month, end in enumerate(["2026-04-30", "2026-05-31", "2026-06-30"])
        for count, (section, name) in enumerate((s, n) for s in names for n in names[s])
    ]
    columns = ["section", "name", "date", "count", "moved_in", "moved_out"]
    trend = pd.DataFrame(rows, columns=columns)
    found = trends.movements(trend, EN)
    assert found is not None
    assert found.title == "Movement in 2026-06"
    assert [head for head, _ in found.heads][-1] == "2026-04"
    assert texts(found) == [
        ["active", "200", "2", "4", "0"],
        ["dormant", "201", "3", "5", "1"],
        ["active", "202", "4", "6", "2"],
    ]
    assert trends.movements(trend[trend["section"] == "complaints"], EN) is None
    lines = trends.sparks(trend, "stage")
    assert [(s.name, s.points) for s in lines] == [
        ("active", (("2026-04", 0.0), ("2026-05", 100.0), ("2026-06", 200.0))),
        ("dormant", (("2026-04", 1.0), ("2026-05", 101.0), ("2026-06", 201.0))),
    ]
    assert trends.sparks(trend.assign(count=0), "stage") == [], "a line of zeros says nothing"


def test_the_lines_of_earlier_reviews_are_in_the_order_of_their_days() -> None:
    shown_ = {"contribution": "contribution", "concentration": "top_fifth_share",
              "tier": "key", "warning": "alarm"}  # fmt: skip
    rows = [
        (day, section, name, value)
        for value, day in ((3.0, "2026-06-30"), (1.0, "2026-04-30"), (2.0, "2026-05-31"))
        for section, name in [*shown_.items(), ("contribution", "cost"), ("stage", "active")]
    ]
    history = pd.DataFrame(rows, columns=["as_of", "section", "name", "value"])
    found = trends.reviewed(history)
    assert [s.name for s in found] == list(shown_.values())
    days = ("2026-04-30", "2026-05-31", "2026-06-30")
    assert all(s.points == tuple(zip(days, (1.0, 2.0, 3.0), strict=True)) for s in found)


def test_tiers_and_movements_between_them() -> None:
    row = {"tier": "key", "customers": 4, "contribution": 10.0, "value_score": 50.0}
    none = {"tier": "middle", "customers": None, "contribution": None, "value_score": None}
    nobody = {"tier": "ordinary", "customers": 0, "contribution": 0.0, "value_score": None}
    figures = {"customers": 10, "tiers": [row, none, nobody]}
    assert [line[1:] for line in texts(value_sections.tiers(figures, "10", EN))] == [
        ["4", "40.0%", "10", "2.5", "50"],
        ["-", "-", "-", "-", "-"],
        ["0", "0.0%", "0", "-", "-"],
    ]
    moved = value_sections.movement(["key", "ordinary"], [[3, 0], [1, 200]], "x", EN)
    assert texts(moved) == [["key", "3", "-"], ["ordinary", "1", "200"]]


def test_open_complaints_end_at_their_limit() -> None:
    for rows, said in ((500, ""), (502, "2 more rows not shown")):
        frame = pd.DataFrame(
            {"customer_id": pd.array([1] * rows, dtype="Int64"), "kind": "complaint",
             "severity": "minor", "owner": "risk", "state": "open", "due": DAY}
        )  # fmt: skip
        found = sections.due(frame, DAY, EN)
        assert found is not None
        assert (len(found.rows), found.left_out.partition(";")[0]) == (500, said)


def test_movers_of_tiers_come_before_those_of_stages() -> None:
    assert action_sections.movers(None, EN) is None
    moved = pd.DataFrame(
        {
            "customer_id": pd.array([1, 2, 1, 3], dtype="Int64"),
            "result": ["stage", "tier", "tier", "segment"],
            "before": ["active", "key", "middle", "loyal"],
            "after": ["dormant", "middle", "key", "lost"],
        }
    )
    found = action_sections.movers(moved, EN)
    assert found is not None
    assert found.title == "3 moves of 2 customers to another tier or stage"
    assert texts(found) == [
        ["2", "tier", "key", "middle"],
        ["1", "tier", "middle", "key"],
        ["1", "stage", "active", "dormant"],
    ]
    assert action_sections.movers(moved.tail(1), EN) is None
    many = pd.concat([moved.iloc[[1]]] * 301)
    long = action_sections.movers(many, EN)
    assert long is not None
    assert (len(long.rows), long.left_out[:10]) == (300, "1 more row")
