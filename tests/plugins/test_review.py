"""A plug-in changes a tier and a severity in a whole review; disabled, all is as before."""

from __future__ import annotations

import types
from typing import Any

import pandas as pd
import pytest

from bankcrm.datasets import make_book
from bankcrm.engines import DuckDBEngine
from bankcrm.plugins import AddRule, CalendarDay, FactSource, Signal, assemble, hookimpl
from bankcrm.reviews import Review, review
from bankcrm.rules import Rule

BOOK = make_book(150, seed=11)


def paid(frames: Any, as_of: Any) -> pd.DataFrame:
    salaries = frames["transactions"].query("kind == 'salary'")["customer_id"].unique()
    index = frames["facts"].index
    return pd.DataFrame({"pays_salary": index.isin(salaries)}, index=index)


def ours() -> types.ModuleType:
    payroll = Rule(
        "payroll",
        {"standing": "= clear", "value_level": "= middle", "pays_salary": "= true"},
        "key",
        "board",
    )
    words = Rule("always", {"any_words": "= true"}, "severe", "board")
    module = types.ModuleType("ours")
    answers: dict[str, Any] = {
        "changes": [
            AddRule("segmentation", "tier", payroll, before="ordinary"),
            AddRule("complaints", "severity", words, before="minor"),
        ],
        "facts": [
            FactSource(
                "salary",
                "segmentation",
                {"transactions": ["customer_id", "kind"]},
                {"pays_salary": "boolean"},
                paid,
            )
        ],
        "signals": [Signal("any_words", lambda texts: texts.fillna("").str.len() > 0)],
        "calendar_days": [CalendarDay(pd.Timestamp("2026-03-16").date(), working=False)],
    }
    for name, answer in answers.items():
        setattr(module, name, hookimpl(lambda answer=answer: answer))
    return module


def run(policies: Any) -> Review:
    return review(BOOK, as_of=BOOK.as_of, policies=policies)


@pytest.fixture(scope="module")
def plain() -> Review:
    return run(assemble(plugins=[]))


@pytest.fixture(scope="module")
def with_ours() -> Review:
    return run(assemble(plugins=[ours()]))


def test_tiers_change_by_the_plugins_rule_and_fact(plain: Review, with_ours: Review) -> None:
    moved = with_ours.customers["tier_rule"].astype(str) == "payroll"
    assert moved.any()
    assert set(with_ours.customers.loc[moved, "tier"]) == {"key"}
    assert set(plain.customers.loc[moved, "tier"].astype(str)) == {"ordinary"}
    assert with_ours.facts.loc[moved, "pays_salary"].all()
    same = plain.customers.loc[~moved, "tier"].astype(str)
    assert same.equals(with_ours.customers.loc[~moved, "tier"].astype(str))


def test_the_explanation_names_the_owner(with_ours: Review) -> None:
    moved = with_ours.customers["tier_rule"].astype(str) == "payroll"
    trace = with_ours.explain(with_ours.customers.index[moved][0])["tier"]
    assert (trace.decision.rule, trace.decision.owner) == ("payroll", "ours")
    assert trace.decision.evidence["pays_salary"]


def test_severities_change_by_the_plugins_signal(plain: Review, with_ours: Review) -> None:
    by_ours = with_ours.complaints["severity_rule"].astype(str) == "always"
    assert by_ours.any()
    assert set(with_ours.complaints.loc[by_ours, "severity"].astype(str)) == {"severe"}
    assert set(plain.complaints.loc[by_ours, "severity"].astype(str)) == {"minor"}


def test_on_an_engine_the_plugins_change_the_same(with_ours: Review) -> None:
    """Facts block by block, signals and days off: every row as in memory."""
    policies = assemble(plugins=[ours()])
    found = review(DuckDBEngine(BOOK), as_of=BOOK.as_of, policies=policies, blocks=3)
    for name in ("tier", "tier_rule", "resource_level"):
        on_engine, in_memory = found.all_customers()[name], with_ours.customers[name]
        assert on_engine.astype(str).tolist() == in_memory.astype(str).tolist()
    for name in ("severity", "severity_rule", "due"):
        on_engine, in_memory = found.complaints[name], with_ours.complaints[name]
        assert on_engine.astype(str).tolist() == in_memory.astype(str).tolist()
    assert found.key_figures() == with_ours.key_figures()


def test_disabled_by_name_all_is_as_before(plain: Review) -> None:
    off = run(assemble(plugins=[ours()], disable=["ours"]))
    assert off.policies.fingerprint == plain.policies.fingerprint
    pd.testing.assert_frame_equal(off.customers, plain.customers)
    pd.testing.assert_frame_equal(off.complaints, plain.complaints)


def test_one_complaint_is_assessed_alike() -> None:
    """A severity that rests on a plug-in's signal is the same alone and in a frame."""
    from bankcrm.calendars import working_calendar
    from bankcrm.complaints import Complaint, default_lexicon, route

    made = assemble(plugins=[ours()])
    complaint = Complaint(
        complaint_id=1,
        received_at=pd.Timestamp("2024-09-27 10:00", tz="Asia/Shanghai").to_pydatetime(),
        kind="complaint",
        text="something",
    )
    found = route(
        complaint,
        calendar=working_calendar("CN"),
        policy=made["complaints"],
        classifier=made.classifier(default_lexicon()),
    )
    assert str(found.severity) == "severe"
    assert found.decisions["severity"].owner == "ours"
