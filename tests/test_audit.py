"""Recorded decisions can be decided again, and a changed line is refused."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.audit import decision_record, replay_record
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.policy import Policy, default_policies, default_policy
from bankcrm.rules import DecisionTable, Rule
from bankcrm.testing.tables import clean_tables, rows

POLICY = default_policy("lifecycle")
FACTS: dict[str, Any] = {
    "kind": "person",
    "has_contract": True,
    "closed": False,
    "contacted": True,
    "inquired": True,
    "quiet_product": False,
    "days_since_contract": 900,
    "days_idle": 400,
    "activity_ratio": 0.0,
    "name": "kept out",
}


def record(facts: dict[str, Any] = FACTS, **more: Any) -> str:
    decision = POLICY.table("stage").decide(facts, on_missing="undecided")
    return decision_record(decision, facts, POLICY, **more)


def test_a_record_is_one_stable_line() -> None:
    at = dt.datetime(2026, 6, 30, 9, tzinfo=dt.UTC)
    line = record(plugins=("bank 1.2",), subject="C7", at=at)
    assert "\n" not in line
    assert line == record(plugins=("bank 1.2",), subject="C7", at=at)
    held = json.loads(line)
    assert (held["outcome"], held["rule"], held["subject"]) == ("lost", "lost-idle-person", "C7")
    assert held["policy_fingerprint"] == POLICY.fingerprint
    assert held["plugins"] == ["bank 1.2"]
    assert "name" not in held["inputs"]  # only what the table reads
    assert held["at"] == "2026-06-30T09:00:00+00:00"


def test_the_same_policy_gives_the_same_outcome() -> None:
    for policies in (POLICY, default_policies()):
        replay = replay_record(record(), policies)
        assert (replay.same_policy, replay.same_outcome, replay.note) == (True, True, "")
        assert replay.recorded == replay.decision.outcome == "lost"


def test_another_policy_says_so() -> None:
    patient = POLICY.with_parameters(lost_after_days=500)
    replay = replay_record(record(), patient)
    assert (replay.same_policy, replay.same_outcome) == (False, False)
    assert "decided then by bankcrm.lifecycle" in replay.note
    assert "the table differs too" in replay.note
    assert "then lost by lost-idle-person, now dormant by dormant-idle-person" in replay.note
    other = POLICY.with_table(DecisionTable("more", (Rule("a", {}, 1),)))
    replay = replay_record(record(), other)
    assert (replay.same_policy, replay.same_outcome) == (False, True)
    assert "the table differs" not in replay.note


def test_undecided_cases_are_replayed_too() -> None:
    replay = replay_record(record(FACTS | {"closed": None}), POLICY)
    assert replay.same_outcome
    assert replay.decision.missing == "closed"


@given(st.data())
def test_every_decision_of_every_table_replays(data: st.DataObject) -> None:
    table = data.draw(clean_tables())
    policy = Policy("p", "own", "1", tables={"drawn": table})
    facts = data.draw(rows(table))
    line = decision_record(table.decide(facts, on_missing="undecided"), facts, policy)
    replay = replay_record(line, policy)
    assert (replay.same_policy, replay.same_outcome) == (True, True)
    assert replay_record(line.encode(), policy) == replay


@pytest.mark.parametrize("change", ["outcome", "inputs", "policy_fingerprint", "subject"])
def test_a_line_that_was_changed_is_refused(change: str) -> None:
    held = json.loads(record())
    held[change] = {} if change == "inputs" else "active"
    with pytest.raises(DataError, match="changed after it was made"):
        replay_record(json.dumps(held), POLICY)


@pytest.mark.parametrize(
    "line", ["", "{}", "[]", "3", '{"format": 2}', pytest.param("[" * 100_000, id="nested")]
)
def test_a_line_that_is_not_a_record_is_refused(line: str) -> None:
    with pytest.raises(DataError, match="record: "):
        replay_record(line, POLICY)


def test_invalid_records_are_refused() -> None:
    decision = POLICY.table("stage").decide(FACTS)
    with pytest.raises(DataError, match="made by another version of table 'stage'"):
        decision_record(decision, FACTS, POLICY.with_parameters(lost_after_days=500))
    with pytest.raises(DataError, match="with its time zone"):
        record(at=dt.datetime(2026, 6, 30))
    with pytest.raises(UnknownNameError, match="no table 'stage'"):
        replay_record(record(), default_policies().policies and type(default_policies())({}))
