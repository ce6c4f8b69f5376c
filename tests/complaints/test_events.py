"""Events that are refused, each with its reason."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs
import pandas as pd
import pytest

from bankcrm.complaints import (
    CaseEvent,
    combine,
    deadlines,
    replay_clock,
)
from bankcrm.complaints.clocks.rules import GENERAL, clock_rules
from bankcrm.errors import DataError, IllegalTransitionError, PolicyError, UnknownNameError
from bankcrm.policy import default_policy
from bankcrm.rules import Parameter

from .cases import BOTH, CHINA, CN, OURS, RECEIVED, event, replay


@pytest.mark.parametrize(
    ("log", "why"),
    [
        ([("responded", {})], "not received yet; allowed: received"),
        ([("received", {}), ("received", {})], "the case is open; allowed"),
        ([("received", {}), ("closed", {})], "answer the customer first"),
        ([("received", {}), ("resumed", {})], "it is not paused"),
        ([("received", {}), ("paused", {"reason": "x"}), ("responded", {})], "resume the case"),
        ([("received", {}), ("withdrawn", {}), ("reopened", {})], "allowed: nothing more"),
        (
            [("received", {"severity": "severe"}), ("assessed", {"severity": "minor"})],
            "can only be raised",
        ),
    ],
)
def test_an_event_that_is_not_allowed_says_why(
    log: list[tuple[str, dict[str, Any]]], why: str
) -> None:
    events = [event(f"2024-09-{20 + i} 10:00", k, **told) for i, (k, told) in enumerate(log)]
    with pytest.raises(IllegalTransitionError, match=why):
        replay(events, "2024-10-20 10:00")


def test_reopening_too_late_is_a_new_complaint() -> None:
    log = [RECEIVED, event("2024-09-21 10:00", "responded"), event("2024-09-22 10:00", "closed")]
    with pytest.raises(IllegalTransitionError, match="more than 90 days before"):
        replay([*log, event("2025-09-22 10:00", "reopened")], "2025-10-01 10:00")


@pytest.mark.parametrize("kind", ["paused", "extended", "transferred", "assigned", "merged"])
def test_an_event_without_its_why_or_whom_is_refused(kind: str) -> None:
    with pytest.raises(DataError, match="is missing"):
        event("2024-09-20 10:00", kind)


def test_naive_instants_unknown_words_and_empty_logs_are_refused() -> None:
    with pytest.raises(DataError, match="no time zone"):
        CaseEvent(dt.datetime(2024, 9, 20), "received")
    with pytest.raises(DataError, match="no EventKind"):
        event("2024-09-20 10:00", "recieved")
    with pytest.raises(DataError, match="no time zone"):
        replay_clock([RECEIVED], calendar=CN, as_of=dt.datetime(2024, 9, 21))
    with pytest.raises(DataError, match="none up to as_of"):
        replay([RECEIVED], "2024-09-19 10:00")
    with pytest.raises(DataError, match="no time zone"):
        deadlines(pd.DataFrame(), calendar=CN, as_of=dt.datetime(2024, 9, 21))


def test_a_combined_policy_has_what_its_clocks_read_and_what_the_internal_one_lacks() -> None:
    """The bank's own figures stay; a regulator's figure of no clock comes in if it is new."""
    other = attrs.evolve(CHINA, parameters={
        **CHINA.parameters,
        "grace_days": (Parameter(3, "days"),),
        "repeat_within_days": (Parameter(99, "days"),),
        "reopen_within_days": (Parameter(98, "days"),),
    })  # fmt: skip
    both = combine(OURS, other)
    assert both.value("grace_days") == 3
    for name in ("repeat_within_days", "reopen_within_days"):
        assert both.value(name) == OURS.value(name) != other.value(name)
    named = {n for rule in clock_rules(other) for n in rule.figures()}
    assert {n: both.value(n) for n in named} == {n: other.value(n) for n in named}


def test_clocks_of_a_policy_without_hours_of_its_own_run_by_those_of_the_bank() -> None:
    bare = {n: v for n, v in CHINA.parameters.items() if n not in GENERAL}
    both = combine(OURS, attrs.evolve(CHINA, parameters=bare, shared=None))
    theirs = {rule.name: rule for rule in clock_rules(both) if rule.name.startswith("cn_")}
    assert theirs
    for rule in theirs.values():
        assert (rule.time_zone, rule.cutoff_hour, rule.working_hours) == ("", None, ())


def test_policies_that_contradict_each_other_do_not_combine() -> None:
    both = combine(OURS, CHINA)
    assert both.id == f"{OURS.id}+{CHINA.id}"
    assert both.version == f"{OURS.version}+{CHINA.version}"
    with pytest.raises(PolicyError, match="cn_answer_days"):
        combine(BOTH, CHINA.with_parameters(cn_answer_days=14))
    with pytest.raises(PolicyError, match="twice"):
        combine(OURS, CHINA, CHINA)
    with pytest.raises(UnknownNameError):
        default_policy("complaints", "moon")
