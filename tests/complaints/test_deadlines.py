"""Deadlines of many cases: what a replay of each log gives."""

from __future__ import annotations

import datetime as dt
import itertools

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bankcrm.calendars import WorkingCalendar, working_calendar
from bankcrm.complaints import (
    CaseEvent,
    combine,
    deadlines,
    replay_clock,
)
from bankcrm.complaints.clocks.cases import ClockColumns
from bankcrm.complaints.clocks.clock_table import ClockTable
from bankcrm.complaints.clocks.deadlines import _COLUMNS
from bankcrm.complaints.clocks.measure import STATES
from bankcrm.complaints.clocks.rules import clock_rules
from bankcrm.errors import CalendarError, DataError, PolicyError
from bankcrm.policy import default_policy, presets
from bankcrm.vocabulary import EventKind, Kind

from .cases import BOTH, CN, OURS, RECEIVED, at, event, logs, replay, wide

MILD_TO_BAD = ["stopped", "met", "running", "paused", "at_risk", "breached"]


@pytest.mark.parametrize("preset", presets("complaints"))
@settings(max_examples=15)
@given(log=logs(), later=st.integers(0, 60 * 24 * 40))
def test_a_frame_of_cases_gives_what_each_replay_gives(
    preset: str, log: list[CaseEvent], later: int
) -> None:
    policy = combine(OURS, default_policy("complaints", preset))
    kinds = [str(e.kind) for e in log]
    assume("reopened" not in kinds and kinds.count("new_facts") <= 1)
    for once in ("acknowledged", "informed", "delay_explained"):
        assume(kinds.count(once) <= 1)
    as_of = log[-1].at + dt.timedelta(minutes=later)
    state = replay_clock(log, policy=policy, calendar=CN, as_of=as_of)
    row, pauses = wide(log)
    frame = pd.DataFrame([row])
    stops = pd.DataFrame(pauses) if pauses else None
    if stops is not None:
        stops["resumed_at"] = pd.to_datetime(stops["resumed_at"], utc=True)
    result = deadlines(frame, policy=policy, calendar=CN, as_of=as_of, pauses=stops).iloc[0]
    for clock in state.clocks:
        assert result[f"{clock.name}_state"] == str(clock.state), clock
        assert result[f"{clock.name}_due"].date() == clock.due
        assert result[f"{clock.name}_elapsed"] == pytest.approx(clock.elapsed)
    assert pd.isna(result["review_state"])
    assert (None if pd.isna(result["due"]) else result["due"].date()) == state.due
    duties = [clock for clock in state.clocks if clock.duty]
    waiting = [clock for clock in duties if clock.open]
    first = min(waiting, key=lambda clock: clock.due_at, default=None)
    assert (None if pd.isna(result["clock"]) else result["clock"]) == (first and first.name)
    assert state.due_at == (first and first.due_at)
    used = [clock.elapsed / clock.limit if clock.limit else clock.elapsed for clock in waiting]
    assert max(used, default=float("nan")) == pytest.approx(result["used"], nan_ok=True)
    assert result["state"] == max((str(c.state) for c in duties), key=MILD_TO_BAD.index)
    assert result["provisional"] == any(clock.provisional for clock in state.clocks)


def test_the_worst_of_two_clocks_is_the_state_of_the_case() -> None:
    """For every pair of states, in both orders; None where a clock does not bind."""
    states = [None, *MILD_TO_BAD]
    pairs = list(itertools.product(states, states))
    table = ClockTable(len(pairs), ["one", "other"])
    rule = next(r for r in clock_rules(OURS) if r.duty)
    for part, name in enumerate(["one", "other"]):
        codes = [-1 if p[part] is None else STATES.index(p[part]) for p in pairs]
        empty = np.full(len(pairs), np.nan)
        no = np.zeros(len(pairs), np.bool_)
        clock = ClockColumns(
            due_at=empty.astype("datetime64[us]"),
            day=empty.astype("datetime64[D]"),
            elapsed=empty,
            used=empty,
            state=np.array(codes, np.int8),
            provisional=no,
            open=no,
            outside=no,
        )
        table.add(attrs.evolve(rule, name=name), clock, no)
    found = pd.Series(table.columns()["state"]).astype(object)
    worst = [max(pair, key=states.index) for pair in pairs]
    assert found.where(found.notna(), None).tolist() == worst


def test_the_frame_form_knows_reopening_topics_and_extensions() -> None:
    frame = pd.DataFrame(
        {
            "received_at": [at("2024-03-01 10:00")] * 2,
            "answered_at": [at("2024-03-05 10:00"), pd.NaT],
            "reopened_at": [at("2024-03-11 10:00"), pd.NaT],
            "reanswered_at": [at("2024-03-12 10:00"), pd.NaT],
            "extended": [0, 2],
        }
    )
    result = deadlines(frame, policy=BOTH, calendar=CN, as_of=at("2024-03-13 10:00"))
    assert result["review_state"].tolist()[0] == "met"
    assert result["cn_answer_due"].dt.date.tolist()[1] == dt.date(2024, 4, 30)
    uk = default_policy("complaints", "fca_disp")
    topics = frame.assign(topic=["payments", "other"])
    result = deadlines(
        topics, policy=uk, calendar=working_calendar("GB"), as_of=at("2024-03-13 10:00")
    )
    assert result["uk_payments_due"].notna().tolist() == [True, False]
    assert result["uk_final_due"].notna().tolist() == [False, True]
    bare = deadlines(
        frame, policy=uk, calendar=working_calendar("GB"), as_of=at("2024-03-13 10:00")
    )
    assert bare["uk_payments_due"].isna().all()


def test_of_events_at_one_instant_an_answer_counts_before_an_end() -> None:
    frame = pd.DataFrame(
        {
            "received_at": [at("2024-03-01 10:00")] * 3,
            "answered_at": [at("2024-03-05 10:00")] * 3,
            "withdrawn_at": pd.Series(
                [at("2024-03-05 09:59"), at("2024-03-05 10:00"), at("2024-03-05 10:01")]
            ),
        }
    )
    found = deadlines(frame, calendar=CN, as_of=at("2024-03-06 10:00"))
    assert found["answer_state"].tolist() == ["stopped", "met", "met"]


def test_of_clocks_that_end_at_one_instant_the_first_is_named() -> None:
    rows = OURS.raw_records["clocks"]
    again = [{**row, "name": "again"} for row in rows if row["name"] == "answer"]
    now = at("2024-03-04 10:00")
    frame = pd.DataFrame({"received_at": [at("2024-03-01 10:00")], "severity": ["severe"]})
    for clocks, first in (((*rows, *again), "answer"), ((*again, *rows), "again")):
        clocks = tuple(row for row in clocks if row["name"] in ("answer", "again"))
        policy = attrs.evolve(OURS, raw_records={**OURS.raw_records, "clocks": clocks})
        found = deadlines(frame, policy=policy, calendar=CN, as_of=now)
        assert found["again_due"].tolist() == found["answer_due"].tolist()
        assert found["clock"].tolist() == [first]


def test_a_column_without_values_says_as_little_as_none() -> None:
    """Also one that only some cases have: the others are as if nobody had recorded it."""
    frame = pd.DataFrame({"received_at": [at("2024-03-01 10:00")] * 2})
    now = at("2024-03-05 10:00")
    bare = deadlines(frame, policy=BOTH, calendar=CN, as_of=now)
    moment = pd.Series([at("2024-03-04 10:00"), pd.NaT])
    stated = {
        **{c.name: moment for c in _COLUMNS if c.kind == "instant" and c.name != "received_at"},
        "severity": pd.Series(["severe", None]),
        "kind": pd.Series(["complaint", None]),
        "topic": pd.Series(["payments", None]),
        "extended": pd.Series([1, None], dtype="Int64"),
    }
    assert {*stated, "received_at"} == {c.name for c in _COLUMNS}
    for name, values in stated.items():
        some = deadlines(frame.assign(**{name: values}), policy=BOTH, calendar=CN, as_of=now)
        pd.testing.assert_frame_equal(some.iloc[[1]], bare.iloc[[1]])
        nothing = frame.assign(**{name: values.where(values.index > 1)})
        found = deadlines(nothing, policy=BOTH, calendar=CN, as_of=now)
        pd.testing.assert_frame_equal(found, bare)


def test_a_pause_before_new_facts_is_not_taken_out_of_the_new_clock() -> None:
    log = [
        RECEIVED,
        event("2024-09-23 10:00", "paused", reason="papers"),
        event("2024-09-25 10:00", "resumed"),
        event("2024-09-26 10:00", "new_facts"),
    ]
    now = at("2024-09-27 10:00")
    row, pauses = wide(log)
    told = deadlines(pd.DataFrame([row]), calendar=CN, as_of=now, pauses=pd.DataFrame(pauses)).iloc[
        0
    ]
    clock = replay(log, "2024-09-27 10:00").clock("answer")
    assert clock.paused == 0
    assert (told["answer_elapsed"], told["answer_due"].date()) == (clock.elapsed, clock.due)


def test_pauses_that_nobody_ended_go_on() -> None:
    frame = pd.DataFrame(
        {"complaint_id": [1, 2], "received_at": [RECEIVED.at] * 2, "severity": "moderate"}
    )
    stops = pd.DataFrame({"complaint_id": [2], "paused_at": [at("2024-09-23 10:00")]})
    told = deadlines(frame, calendar=CN, as_of=at("2024-12-01 10:00"), pauses=stops)
    assert told["answer_state"].tolist() == ["breached", "paused"]
    assert told["answer_elapsed"].tolist()[1] == 1


def test_a_pause_of_no_case_is_refused() -> None:
    frame = pd.DataFrame({"complaint_id": [1], "received_at": [at("2024-03-01 10:00")]})
    stray = pd.DataFrame({"complaint_id": [2], "paused_at": [at("2024-03-02 10:00")]})
    now = at("2024-03-13 10:00")
    with pytest.raises(DataError, match="belong to no case"):
        deadlines(frame, calendar=CN, as_of=now, pauses=stray)
    mixed = stray.loc[[0, 0]].assign(complaint_id=[frame["complaint_id"].iloc[0], 77])
    with pytest.raises(DataError, match=r"1 rows belong to no case \(77\); remove them"):
        deadlines(frame, calendar=CN, as_of=now, pauses=mixed)
    with pytest.raises(DataError, match=r"missing column complaint_id; .*; pauses need it"):
        deadlines(frame[["received_at"]], calendar=CN, as_of=now, pauses=stray)


@pytest.mark.parametrize(
    ("begin", "end", "count"),
    [
        (["2024-03-02", "2024-03-05"], ["2024-03-06", "2024-03-07"], 1),  # they overlap
        (["2024-03-02", "2024-03-05"], [None, "2024-03-07"], 1),  # nobody ended the first
        (["2024-03-02", "2024-03-05"], ["2024-03-01", "2024-03-07"], 1),  # it ends too early
        (["2024-03-02", "2024-03-05"], ["2024-03-05", "2024-03-04"], 1),
        (["2024-03-02", "2024-03-05"], ["2024-03-05", "2024-03-07"], 0),  # one after the other
        (["2024-03-05", "2024-03-02"], ["2024-03-07", "2024-03-05"], 0),  # in any order
        (["2024-03-02", "2024-03-05", "2024-03-07"], ["2024-03-03", "2024-03-08", None], 1),
        (["2024-03-02", "2024-03-05", "2024-03-08"], ["2024-03-03", "2024-03-08", None], 0),
    ],
)
def test_pauses_that_no_log_can_have_are_refused(
    begin: list[str], end: list[str | None], count: int
) -> None:
    frame = pd.DataFrame({"complaint_id": [7, 8], "received_at": [at("2024-03-01 10:00")] * 2})
    stops = pd.DataFrame(
        {
            "complaint_id": [8] * len(begin),
            "paused_at": pd.to_datetime(begin).tz_localize("Asia/Shanghai"),
            "resumed_at": pd.to_datetime(end).tz_localize("Asia/Shanghai"),
        }
    )
    now = at("2024-03-13 10:00")
    if not count:
        assert len(deadlines(frame, calendar=CN, as_of=now, pauses=stops)) == 2
        return
    with pytest.raises(DataError, match=rf"pauses: {count} rows end before .*complaint_id 8\)"):
        deadlines(frame, calendar=CN, as_of=now, pauses=stops)


def test_pauses_need_one_row_per_case() -> None:
    frame = pd.DataFrame({"complaint_id": [7, 7], "received_at": [at("2024-03-01 10:00")] * 2})
    stops = pd.DataFrame({"complaint_id": [7], "paused_at": [at("2024-03-02 10:00")]})
    with pytest.raises(DataError, match=r"2 rows share an id \(7\)"):
        deadlines(frame, calendar=CN, as_of=at("2024-03-13 10:00"), pauses=stops)


def test_the_last_day_of_a_calendar_belongs_to_it() -> None:
    """For a frame as for a replay; and the day after it to neither."""
    week = WorkingCalendar("week", dt.date(2024, 9, 16), [True] * 5 + [False] * 2)
    log = [event("2024-09-16 10:00", "received", severity="minor")]
    frame = pd.DataFrame({"received_at": [log[0].at], "severity": ["minor"]})
    now = at("2024-09-22 23:59")
    one = replay_clock(log, policy=OURS, calendar=week, as_of=now).clock("answer")
    row = deadlines(frame, calendar=week, as_of=now).iloc[0]
    assert (row["answer_state"], row["answer_elapsed"]) == (str(one.state), one.elapsed)
    later = at("2024-09-23 00:00")
    assert deadlines(frame, calendar=week, as_of=later)["outside_calendar"].tolist() == [True]
    with pytest.raises(CalendarError, match="1 instants lie outside"):
        replay_clock(log, policy=OURS, calendar=week, as_of=later)


def test_an_extension_names_its_limit() -> None:
    china = default_policy("complaints", "cn_2020_3")
    clocks = [{**row, "extensions": [{"name": "complex"}]} for row in china.raw_records["clocks"]]
    bare = attrs.evolve(china, raw_records={**china.raw_records, "clocks": clocks})
    with pytest.raises(PolicyError, match=r"records.clocks\[0\].*required key 'limit' is missing"):
        clock_rules(bare)


@pytest.mark.parametrize("preset", presets("complaints"))
def test_every_preset_replays_and_says_which_figures_are_confirmed(preset: str) -> None:
    policy = default_policy("complaints", preset)
    log = [event("2024-09-20 10:00", "received"), event("2024-09-20 11:00", "sent")]
    state = replay_clock(log, policy=policy, calendar=CN, as_of=at("2024-09-21 10:00"))
    rules = [r for r in clock_rules(policy) if not r.kinds or Kind.COMPLAINT in r.kinds]
    bound = any(not r.topics and not r.until for r in rules)
    assert (state.due is not None) == bound
    for clock in state.clocks:
        named = {n for r in clock_rules(policy) if r.name == clock.name for n in r.figures()}
        marks = {policy.parameter(n).confirmation for n in named}
        assert clock.confirmation in marks
        assert (clock.confirmation == "unconfirmed") == ("unconfirmed" in marks)


def test_a_tiny_calendar_is_enough_and_its_end_is_told() -> None:
    week = WorkingCalendar("week", dt.date(2024, 9, 16), [True] * 5 + [False] * 2)
    with pytest.raises(ValueError, match="runs from 2024-09-16 to 2024-09-22"):
        replay_clock([RECEIVED], policy=OURS, calendar=week, as_of=at("2024-09-21 10:00"))


def test_event_kinds_have_both_labels() -> None:
    assert all(k.label("zh") and k.label("en") for k in EventKind)
