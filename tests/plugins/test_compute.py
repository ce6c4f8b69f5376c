"""What plug-ins compute over frames is checked before it is used."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bankcrm.calendars import working_calendar
from bankcrm.complaints import default_lexicon
from bankcrm.errors import DataError, PluginError
from bankcrm.plugins import (
    AddRule,
    Assembled,
    CalendarDay,
    FactSource,
    Section,
    Signal,
    TextClassifier,
    assemble,
    hookimpl,
)
from bankcrm.rules import Rule

DAY = date(2026, 6, 30)
FACTS = pd.DataFrame({"idle": [1, 2, 3]}, index=pd.Index([7, 8, 9], name="customer_id"))
CUSTOMERS = pd.DataFrame({"customer_id": [9, 8, 7], "city": ["Wuhan", "Xi'an", "Wuhan"]})


class Bank:
    """A plug-in as an object: any object with marked functions will do."""

    NAME = "bank"
    __version__ = "3"

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    @hookimpl
    def facts(self) -> Any:
        return self.answers.get("facts", [])

    @hookimpl
    def changes(self) -> Any:
        return self.answers.get("changes", [])

    @hookimpl
    def signals(self) -> Any:
        return self.answers.get("signals", [])

    @hookimpl
    def classifiers(self) -> Any:
        return self.answers.get("classifiers", [])

    @hookimpl
    def calendar_days(self) -> Any:
        return self.answers.get("days", [])

    @hookimpl
    def sections(self) -> Any:
        return self.answers.get("sections", [])


def assembled(on_error: Any = "raise", **answers: Any) -> Assembled:
    return assemble(plugins=[Bank(**answers)], on_error=on_error)


def in_wuhan(frames: Any, as_of: date) -> pd.DataFrame:
    city = frames["customers"].set_index("customer_id")["city"].reindex(frames["facts"].index)
    return pd.DataFrame({"in_wuhan": city == "Wuhan"})


def source(compute: Callable[..., Any], **changes: Any) -> FactSource:
    parts: dict[str, Any] = {
        "name": "place",
        "domain": "lifecycle",
        "inputs": {"customers": ["customer_id", "city"]},
        "columns": {"in_wuhan": "boolean"},
        "compute": compute,
    }
    return FactSource(**parts | changes)


def facts_of(compute: Callable[..., Any], on_error: Any = "raise", **changes: Any) -> pd.DataFrame:
    made = assembled(on_error, facts=[source(compute, **changes)])
    return made.with_facts("lifecycle", FACTS, {"customers": CUSTOMERS}, as_of=DAY)


def test_facts_are_joined_and_rules_may_name_them() -> None:
    rule = Rule("wuhan", {"in_wuhan": "= true", "closed": "= false"}, "active", "our board")
    made = assembled(
        facts=[source(in_wuhan)],
        changes=[AddRule("lifecycle", "stage", rule, after="lost-closed")],
    )
    facts = made.with_facts("lifecycle", FACTS, {"customers": CUSTOMERS}, as_of=DAY)
    assert facts["in_wuhan"].tolist() == [True, False, True]
    assert list(FACTS) == ["idle"]
    table = made["lifecycle"].table("stage")
    assert table.facts["in_wuhan"].type == "boolean"
    decided = table.decide(
        {"closed": False, "in_wuhan": True, "has_contract": True}, on_missing="undecided"
    )
    assert (decided.outcome, decided.rule, decided.owner) == ("active", "wuhan", "bank")
    other = made.with_facts("segmentation", FACTS, {}, as_of=DAY)
    assert other is FACTS


def test_a_source_sees_only_what_it_declares() -> None:
    seen: dict[str, Any] = {}

    def look(frames: Any, as_of: date) -> pd.DataFrame:
        seen.update({name: list(frame) for name, frame in frames.items()}, day=as_of)
        return in_wuhan(frames, as_of)

    facts_of(look, inputs={"customers": ["city", "customer_id"], "facts": "idle"})
    assert seen == {"facts": ["idle"], "customers": ["city", "customer_id"], "day": DAY}


def _changes_input(frames: Any, as_of: date) -> pd.DataFrame:
    frames["customers"].loc[0, "city"] = "Beijing"
    return in_wuhan(frames, as_of)


def _adds_to_input(frames: Any, as_of: date) -> pd.DataFrame:
    frames["customers"]["new"] = 1
    return in_wuhan(frames, as_of)


def _raises(*_: Any) -> Any:
    raise RuntimeError("boom")


WRONG: dict[str, tuple[Any, str]] = {
    "length": (lambda f, d: in_wuhan(f, d).iloc[:2], "returned 2 rows for 3"),
    "order": (lambda f, d: in_wuhan(f, d).iloc[::-1], "another index than that of facts"),
    "dtype": (lambda f, d: in_wuhan(f, d).astype(int), "expected true or false"),
    "columns": (lambda f, d: f["facts"].assign(x=1), "column(s) x; it declares in_wuhan"),
    "no columns": (lambda f, d: in_wuhan(f, d)[[]], "column(s) none"),
    "no frame": (lambda f, d: 3, "returned int, not a DataFrame"),
    "changed input": (_changes_input, "changed its input customers; work on new columns"),
    "new column in input": (_adds_to_input, "changed its input customers"),
    "raises": (_raises, "raised RuntimeError: boom"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_each_misuse_of_a_fact_is_reported(wrong: str, caplog: pytest.LogCaptureFixture) -> None:
    compute, expected = WRONG[wrong]
    before = CUSTOMERS.copy(deep=True)
    with pytest.raises(PluginError, match="plug-in bank: source 'place'") as raised:
        facts_of(compute)
    assert expected in str(raised.value)
    with caplog.at_level(logging.WARNING, "bankcrm.plugins"):
        left = facts_of(compute, "isolate")
    assert left["in_wuhan"].isna().all()  # missing, never false
    assert expected in caplog.text
    pd.testing.assert_frame_equal(CUSTOMERS, before)


def test_missing_inputs_are_reported() -> None:
    with pytest.raises(DataError, match="needs the frame 'cards'; given: facts, customers"):
        facts_of(in_wuhan, inputs={"cards": ["x"]})
    with pytest.raises(DataError, match=r"customers: missing column town; present: customer_id"):
        facts_of(in_wuhan, inputs={"customers": ["town"]})
    with pytest.raises(PluginError, match="facts in_wuhan are there already"):
        assembled(facts=[source(in_wuhan)]).with_facts(
            "lifecycle", FACTS.assign(in_wuhan=True), {"customers": CUSTOMERS}, as_of=DAY
        )


TEXTS = pd.Series(["the atm ate my card", "I will go to the press", ""], index=["a", "b", "c"])


def atm(texts: pd.Series) -> pd.Series:
    return texts.str.contains("atm")


def test_signals_and_classifiers_are_read_together() -> None:
    def press(texts: pd.Series) -> pd.DataFrame:
        return pd.DataFrame({"media_threat": texts.str.contains("press"), "kind": "complaint"})

    made = assembled(signals=[Signal("atm", atm)], classifiers=[TextClassifier("press", press)])
    read = made.classifier()
    assert read is not None
    found = read(TEXTS)
    assert found["atm"].tolist() == [True, False, False]
    assert found["media_threat"].tolist() == [False, True, False]
    both = made.classifier(default_lexicon())
    assert both is not None
    merged = both(TEXTS)
    assert merged["atm"].tolist() == [True, False, False]
    assert merged["media_threat"].tolist()[1]
    assert merged["kind"].notna().all()
    assert made["complaints"].table("severity") == assemble(plugins=[])["complaints"].table(
        "severity"
    )
    assert assemble(plugins=[]).classifier() is None
    assert assemble(plugins=[]).classifier(default_lexicon()) is not None


def test_a_signal_is_true_where_any_reads_it_and_a_word_comes_from_the_first() -> None:
    """Against every pair of readings of one text by two classifiers."""
    flags = [(a, b) for a in (False, True) for b in (False, True)]
    kinds = [(a, b) for a in (None, "consult") for b in (None, "complaint")]
    texts = pd.Series("text", index=range(16))

    def reader(at: int) -> Callable[[pd.Series], pd.DataFrame]:
        return lambda given: pd.DataFrame(
            {
                "urgent": [f[at] for f in flags for _ in kinds],
                "kind": [k[at] for _ in flags for k in kinds],
            },
            index=given.index,
        )

    read = assembled(
        classifiers=[TextClassifier("one", reader(0)), TextClassifier("other", reader(1))]
    ).classifier()
    assert read is not None
    found = read(texts)
    assert found["urgent"].tolist() == [a or b for a, b in flags for _ in kinds]
    kind = found["kind"].astype(object).where(found["kind"].notna(), None)
    assert kind.tolist() == [a or b for _ in flags for a, b in kinds]


def test_a_rule_may_name_a_signal() -> None:
    rule = Rule("moderate-atm", {"atm": "= true"}, "moderate", "our board")
    made = assembled(
        signals=[Signal("atm", atm)],
        changes=[AddRule("complaints", "severity", rule, before="minor")],
    )
    assert made["complaints"].table("severity").facts["atm"].type == "boolean"


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda t: t.str.len(), "must give a Series of true and false"),
        (lambda t: [True] * len(t), "must give a Series of true and false"),
        (lambda t: atm(t).iloc[:1], "returned 1 rows"),
        (_raises, "raised RuntimeError: boom"),
    ],
)
def test_signals_that_do_not_fit(read: Any, expected: str) -> None:
    strict = assembled(signals=[Signal("atm", read)]).classifier()
    assert strict is not None
    with pytest.raises(PluginError, match="plug-in bank: 'atm'") as raised:
        strict(TEXTS)
    assert expected in str(raised.value)
    lax = assembled("isolate", signals=[Signal("atm", read)]).classifier()
    assert lax is not None
    assert list(lax(TEXTS)) == []


def test_a_classifier_must_give_a_frame() -> None:
    read = assembled(classifiers=[TextClassifier("x", lambda t: t)]).classifier()
    assert read is not None
    with pytest.raises(PluginError, match="returned Series, not a DataFrame"):
        read(TEXTS)


def test_calendar_days() -> None:
    days = [
        CalendarDay(date(2026, 3, 2), working=False, reason="our foundation day"),
        CalendarDay(date(2026, 3, 1), working=True, calendar="CN"),
        CalendarDay(date(2026, 3, 3), working=False, calendar="Moon"),
    ]
    base = working_calendar("CN")
    own = assembled(days=days).calendar(base)
    wanted = np.array(["2026-03-01", "2026-03-02", "2026-03-03"], "datetime64[D]")
    assert base.is_working(wanted).tolist() == [False, True, True]
    assert own.is_working(wanted).tolist() == [True, False, True]
    assert assemble(plugins=[]).calendar(base) is base


def test_sections_of_a_report() -> None:
    frame = pd.DataFrame({"a": [1]})
    made = assembled(sections=[Section("Ours", lambda review: frame), Section("Words", str)])
    assert made.sections("the review")[1] == ("Words", "the review")
    assert made.sections("the review")[0][1] is frame
    with pytest.raises(PluginError, match="section 'Ours' returned int"):
        assembled(sections=[Section("Ours", lambda review: 3)]).sections("")
    with pytest.raises(PluginError, match="section 'Ours' raised RuntimeError"):
        assembled(sections=[Section("Ours", _raises)]).sections("")
    assert assembled("isolate", sections=[Section("Ours", _raises)]).sections("") == ()
