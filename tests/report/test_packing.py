"""What the script of the page reads: each value comes back from its codes and its words."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.report.packing import (
    ACTION_FACTS,
    listed,
    packed,
    packed_actions,
    script_columns,
    script_json,
    sources,
)
from bankcrm.report.words import Words
from bankcrm.reviews import Review
from bankcrm.reviews.page_rows import plain_complaints
from bankcrm.vocabulary import Language

LANGUAGES: tuple[Language, ...] = ("en", "zh")
LISTED, OWNERS = ("signals", "time_allowed", "paused"), ("owner", "departments")


def unpacked(column: Any) -> list[Any]:
    """A column as the script reads it: a list of values, or a dictionary and codes."""
    if isinstance(column, list):
        return column
    codes = [int(c, 36) for c in column["c"]] if isinstance(column["c"], str) else column["c"]
    return [column["d"][code] for code in codes]


@given(st.integers(1, 60), st.integers(1, 50), st.randoms(use_true_random=False))
def test_a_column_comes_back_from_its_codes(size: int, values: int, chance: Any) -> None:
    column = [chance.randrange(values) for _ in range(size)]
    [found] = script_columns({str(n): (value,) for n, value in enumerate(column)})
    assert unpacked(found) == column
    few = 3 * len(set(column)) <= size
    assert isinstance(found, dict) == few
    if few:
        assert found["d"] == list(dict.fromkeys(column))


@pytest.mark.parametrize(("values", "short"), [(36, True), (37, False)])
def test_one_digit_stands_for_each_of_36_values(values: int, short: bool) -> None:
    column = list(range(values)) * 3
    [found] = script_columns({str(n): (value,) for n, value in enumerate(column)})
    assert isinstance(found["c"], str) == short
    assert unpacked(found) == column


def test_values_of_two_types_are_two_values() -> None:
    [found] = script_columns({str(n): (value,) for n, value in enumerate([1, True, 1.0] * 5)})
    assert [type(v) for v in unpacked(found)] == [int, bool, float] * 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_name_is_shown_in_words(reviewed: Review, language: Language) -> None:
    """The script shows `words[name]`, else the name itself without its underscores."""
    words = Words(language)
    customers, complaints = (
        reviewed.explanations(),
        plain_complaints(reviewed.complaints, reviewed.policies),
    )
    found = packed(customers, complaints, words, "guard")
    parts = {"customers": customers, "complaints": complaints}
    names = {t["id"] for p in parts.values() for t in p["tables"]}
    names |= {fact for p in parts.values() for fact in p["facts"]}
    rules = [r for p in parts.values() for t in p["tables"] for r in t["rules"]]
    names |= {str(r["then"]) for r in rules} | {r["because"] for r in rules}
    names |= {fact for r in rules for fact in r["when"]}
    for name in names - {""}:
        assert found["words"].get(name, name) == words(name)
    absences = {
        t.get(k) for p in parts.values() for t in p["tables"] for k in ("absent", "elsewhere")
    }
    for reason in absences - {None, ""}:
        assert found["words"].get(reason, reason) == words.absence(str(reason))
    for kind, part in parts.items():
        facts = part["facts"]
        for row in part[kind].values():
            for fact, value in zip(facts, row[len(part["tables"]) :], strict=True):
                if isinstance(value, str) and fact not in OWNERS and not fact.endswith("_id"):
                    shown = listed(value, words) if fact in LISTED else words(value)
                    assert found["words"].get(value, value.replace("_", " ")) == shown
    assert not [name for name, word in found["words"].items() if name == word]
    cited = {s for r in rules for s in r["source"].split("; ")}
    assert {*found["sources"]} <= cited
    assert found["sources"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_rows_of_a_subject_come_back(reviewed: Review, language: Language) -> None:
    words = Words(language)
    for explained, kind, name in (
        (reviewed.explanations(), "customers", "customer"),
        (plain_complaints(reviewed.complaints, reviewed.policies), "complaints", "complaint"),
    ):
        rows = explained[kind]
        empty = {"tables": [], "facts": [], "customers": {}, "complaints": {}}
        given_ = (explained, empty) if kind == "customers" else (empty, explained)
        found = packed(*given_, words, "guard")[name]
        assert found["ids"] == list(rows)
        columns = [unpacked(c) for c in (*found["rules"], *found["values"])]
        facts = [*[""] * len(explained["tables"]), *explained["facts"]]
        for place, (fact, column) in enumerate(zip(facts, columns, strict=True)):
            plain = [row[place] for row in rows.values()]
            shown = [words.departments(v) for v in plain] if fact in OWNERS else plain
            assert column == shown, fact


def test_the_actions_of_the_explained_customers_and_complaints() -> None:
    count = 7
    actions = pd.DataFrame(
        {
            "customer_id": pd.array([1, 2, None, 4, 1, 9, 9], dtype="Int64"),
            "complaint_id": pd.array([None, 5, 6, 6, 5, 6, None], dtype="Int64"),
            "title": [f"task {n}" for n in range(count)],
            "due": pd.date_range("2026-06-30", periods=count),
            "priority": "high",
            "department": ["risk", "legal", "risk", "legal", "risk", "risk", "risk"],
            "manager": None,
            "channel": "phone",
            "reason": "a; b",
            "contact": ["yes", "hold", "never", "yes", "yes", "yes", "yes"],
            "contact_reason": "a complaint is open",
        }
    )
    explained: dict[str, Any] = {
        "customer": {"ids": ["1", "2"]}, "complaint": {"ids": ["6"]}, "words": {}
    }  # fmt: skip
    found = packed_actions(actions, date(2026, 7, 1), explained, Words("en"))
    assert unpacked(found["title"]) == [f"task {n}" for n in range(6)]
    assert found["more"] == 1
    assert set(found) >= set(ACTION_FACTS)
    assert unpacked(found["due"])[0] == "2026-06-30"
    why = "do not contact: a complaint is open"
    assert unpacked(found["held"]) == [None, why, why, None, None, None]
    assert found["departments"] == {"risk": "risk", "legal": "legal"}


@pytest.mark.parametrize("day", [date(2026, 6, 29) + timedelta(days=n) for n in range(8)])
def test_a_week_ends_on_sunday(day: date) -> None:
    columns = ["customer_id", "complaint_id", "due", *ACTION_FACTS, "contact", "contact_reason"]
    none = pd.DataFrame({name: pd.Series(dtype=object) for name in dict.fromkeys(columns)})
    none["due"] = pd.to_datetime(none["due"])
    explained: dict[str, Any] = {"customer": {"ids": []}, "complaint": {"ids": []}, "words": {}}
    until = date.fromisoformat(packed_actions(none, day, explained, Words("en"))["until"])
    assert until.isoweekday() == 7
    assert 0 <= (until - day).days < 7


def test_the_script_keeps_letters_and_hides_marks() -> None:
    text = script_json({"a": "沉睡 <b>&\u2028", "day": date(2026, 6, 30)})
    assert "沉睡" in text
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "沉睡 <b>&\u2028", "day": "2026-06-30"}


def test_a_source_that_is_no_passage_is_left_out() -> None:
    tables = [{"rules": [{"source": "DOMAIN.md; nothing like this"}, {"source": ""}]}]
    assert sources(tables, Words("en")).keys() <= {"DOMAIN.md"}
