"""The replay of many logs at once: what `replay_clock` gives for each."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import attrs
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.calendars import WorkingCalendar
from bankcrm.complaints import (
    CaseEvent,
    ClockState,
    combine,
    deadlines,
    replay_clock,
    replay_clock_frame,
)
from bankcrm.complaints.clocks.events import MOVES, NEEDED
from bankcrm.errors import CalendarError, DataError, IllegalTransitionError
from bankcrm.policy import Policy, default_policy
from bankcrm.vocabulary import CaseStatus, EventKind, Kind, Severity

from .cases import BOTH, CN, OURS, START, at, event, wide
from .cases import logs as plain_logs

FIELDS = ("by", "to", "reason", "approver", "notice", "severity", "topic", "message")


def with_steps(count: int) -> Policy:
    """China's policy, whose answer has a limit for each severity, and can be extended."""
    steps = (
        {"name": "long", "limit": "cn_complex_days"},
        {"name": "longer", "limit": "cn_special_days"},
    )
    rows = [
        {**row, "extensions": steps[:count]} if row["name"] == "answer" else row
        for row in BOTH.raw_records["clocks"]
    ]
    return attrs.evolve(BOTH, raw_records={**BOTH.raw_records, "clocks": tuple(rows)})


POLICIES = {
    "steps": with_steps(2),
    "step": with_steps(1),
    "ours": OURS,
    "china": BOTH,
    "uk": combine(OURS, default_policy("complaints", "fca_disp")),
    "india": combine(OURS, default_policy("complaints", "in_rbi")),
    "old": combine(OURS, default_policy("complaints", "my_bnm")),
    "hours": default_policy("complaints", "eu_psd2"),
}


def walk(seed: int) -> list[CaseEvent]:
    """A log in which nearly all events are allowed, with every kind and field.

    One number makes it: so many fields are more than Hypothesis draws in a short time.
    """
    dice = random.Random(seed)
    moment = START + dt.timedelta(minutes=dice.randrange(60 * 24 * 9))
    status: CaseStatus | None = None
    log: list[CaseEvent] = []
    for number in range(dice.choice([1, 4, 6, 8, 10])):
        moves = MOVES[status]
        if not moves:
            break
        going = [k for k in moves if k not in (EventKind.MERGED, EventKind.WITHDRAWN)]
        telling = [k for k in (EventKind.EXTENDED, EventKind.ASSESSED) if k in moves]
        often = [k for k in (EventKind.PAUSED, EventKind.POLICY_CHANGED) if k in moves] * 4
        often = often if dice.random() < 0.3 else []
        kind = dice.choice(sorted([*moves, *going, *going, *telling, *telling, *often]))
        kind = dice.choice(list(EventKind)) if dice.random() < 0.01 else kind
        assessed = kind == EventKind.ASSESSED or (number == 0 and dice.random() < 0.5)
        worst = list(Severity)[number // 3 :] or [Severity.SEVERE]
        log.append(
            CaseEvent(
                moment,
                kind,
                by="Wang" if number == 0 else "",
                to=dice.choice(["Li", "Zhou"]),
                reason=dice.choice(["papers", "appraisal", "court"]),
                approver=dice.choice(["Wu", "Wu", ""]),
                notice=dice.random() < 0.7,
                severity=dice.choice(worst) if assessed else None,
                topic=dice.choice(["", "payments", "other"]),
                message=dice.choice([None, Kind.COMPLAINT, *Kind]),
                policy=POLICIES[dice.choice(sorted(POLICIES))],
            )
        )
        status = moves.get(kind, status)
        moment += dt.timedelta(minutes=dice.randrange(60 * 24 * 5) * (dice.random() < 0.9))
        if status == CaseStatus.CLOSED and dice.random() < 0.3:  # too late to be opened again
            moment += dt.timedelta(days=dice.randrange(80, 100))
    return log


def rows_of(log: list[CaseEvent], number: int) -> list[dict[str, Any]]:
    name = {id(policy): key for key, policy in POLICIES.items()}
    return [
        {
            "complaint_id": number,
            "at": e.at,
            "kind": str(e.kind),
            **{n: getattr(e, n) for n in FIELDS},
            "policy": name[id(e.policy)] if e.policy else None,
        }
        for e in log
    ]


def frame_of(logs: list[list[CaseEvent]], mix: random.Random | None = None) -> pd.DataFrame:
    rows = [row for number, log in enumerate(logs) for row in rows_of(log, number)]
    if mix is not None:  # events at one instant keep their order
        rows = sorted(rows, key=lambda row: (row["at"], row["complaint_id"] * 7 % 5))
    return pd.DataFrame(rows)


def replayed(
    log: list[CaseEvent], as_of: dt.datetime, policy: Policy, calendar: WorkingCalendar = CN
) -> ClockState | Exception:
    try:
        return replay_clock(log, policy=policy, calendar=calendar, as_of=as_of)
    except (IllegalTransitionError, CalendarError, DataError) as error:
        return error


def same(row: pd.Series, state: ClockState) -> None:
    """A row says what a state says."""
    for name in ("status", "severity", "transfers"):
        expected = getattr(state, name)
        assert row[name] == expected or (pd.isna(row[name]) and expected is None), name
    for name in ("accountable", "handler", "merged_into"):
        assert ("" if pd.isna(row[name]) else row[name]) == getattr(state, name), name
    assert row["earlier"] == len(state.earlier)
    assert row["earlier_breached"] == sum(c.state == "breached" for c in state.earlier)
    running = {clock.name: clock for clock in state.clocks}
    for name in [n.removesuffix("_elapsed") for n in row.index if n.endswith("_elapsed")]:
        clock = running.get(name)
        if clock is None:
            assert row[[f"{name}_due", f"{name}_state"]].isna().all(), name
            continue
        assert row[f"{name}_due"].date() == clock.due, name
        assert row[f"{name}_elapsed"] == pytest.approx(clock.elapsed), name
        assert row[f"{name}_state"] == clock.state, name
    assert (None if pd.isna(row["due"]) else row["due"].date()) == state.due
    assert row["provisional"] == any(clock.provisional for clock in state.clocks)
    waiting = [clock for clock in state.clocks if clock.duty and clock.open]
    assert row["breached"] == any(clock.state == "breached" for clock in waiting)
    assert not row["outside_calendar"]


@pytest.mark.parametrize("first", sorted(POLICIES))
@settings(max_examples=2, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    later=st.integers(60 * 24 * 8, 60 * 24 * 60) | st.integers(60 * 24 * 60, 60 * 24 * 200),
    mix=st.none() | st.randoms(use_true_random=False),
)
def test_every_case_is_as_its_replay(
    first: str, seed: int, later: int, mix: random.Random | None
) -> None:
    logs = [walk(seed + number) for number in range(30)]
    as_of, policy = START + dt.timedelta(minutes=later), POLICIES[first]
    states = [replayed(log, as_of, policy) for log in logs]
    given_ = {"policy": policy, "calendar": CN, "as_of": as_of, "policies": POLICIES}
    bad = {n: s for n, s in enumerate(states) if isinstance(s, IllegalTransitionError)}
    if bad:
        with pytest.raises(IllegalTransitionError) as refused:
            replay_clock_frame(frame_of(logs, mix), **given_)
        said = str(refused.value)
        assert said.startswith(f"events: {len(bad)} ")
        for number, error in list(bad.items())[:5]:
            assert f"complaint_id {number}, row " in said
            assert str(error) in said
    if len(bad) == len(logs):
        return
    allowed = frame_of([[] if n in bad else log for n, log in enumerate(logs)], mix)
    result = replay_clock_frame(allowed, **given_)
    known = [n for n, s in enumerate(states) if isinstance(s, ClockState)]
    assert result.index.tolist() == known
    for number in known:
        state = states[number]
        assert isinstance(state, ClockState)
        same(result.loc[number], state)


@settings(max_examples=20, deadline=None)
@given(st.lists(plain_logs(), min_size=1, max_size=5))
def test_cases_of_one_round_are_as_deadlines_says(logs: list[list[CaseEvent]]) -> None:
    once = [log for log in logs if len({e.kind for e in log}) == len(log)]
    once = [log for log in once if "reopened" not in {e.kind for e in log}]
    if not once:
        return
    as_of = START + dt.timedelta(days=80)
    result = replay_clock_frame(frame_of(once), policy=BOTH, calendar=CN, as_of=as_of)
    for number, log in enumerate(once):
        row, pauses = wide(log)
        stops = None
        if pauses:
            stops = pd.DataFrame(pauses)
            stops["resumed_at"] = pd.to_datetime(stops["resumed_at"], utc=True)
        known = deadlines(pd.DataFrame([row]), policy=BOTH, calendar=CN, as_of=as_of, pauses=stops)
        if number in result.index:
            mine = result.loc[[number], known.columns].reset_index(drop=True)
            pd.testing.assert_frame_equal(mine, known, check_dtype=False)


LOG = pd.DataFrame(
    {
        "complaint_id": ["b", "a", "b", "b"],
        "at": [at(f"2024-09-{d} 10:00") for d in (20, 23, 24, 25)],
        "kind": ["received", "received", "paused", "responded"],
        "severity": ["moderate", "minor", None, None],
        "reason": [None, None, "papers", ""],
    },
    index=[10, 11, 12, 13],
)


def replay_all(log: pd.DataFrame, as_of: str = "2024-10-11 10:00", **more: Any) -> pd.DataFrame:
    return replay_clock_frame(log, calendar=CN, as_of=at(as_of), **more)


def test_a_refused_event_is_named_by_complaint_and_row() -> None:
    with pytest.raises(IllegalTransitionError) as refused:
        replay_all(LOG)
    assert str(refused.value) == (
        "events: 1 case has an event that is not allowed at its place; correct or remove it:\n"
        "  complaint_id b, row 13: responded at 2024-09-25T10:00:00+08:00: the case is paused; "
        "resume the case first, so that the pause has an end"
    )
    many = pd.concat([LOG.assign(complaint_id=n) for n in range(9)])
    with pytest.raises(IllegalTransitionError) as refused:
        replay_all(many)
    first, *lines = str(refused.value).splitlines()
    assert first.startswith("events: 9 cases have ")
    assert [", row 11: received at" in line for line in lines] == [*[True] * 5, False]
    with pytest.raises(IllegalTransitionError) as refused:
        replay_all(many[many["complaint_id"] < 5])
    first, *lines = str(refused.value).splitlines()
    assert first.startswith("events: 5 cases have ")
    assert [", row 11: received at" in line for line in lines] == [True] * 5


def test_events_of_cases_in_turn_are_those_of_each_case() -> None:
    log = LOG.assign(
        complaint_id=["b", "a", "b", "a"], kind=["received"] * 2 + ["acknowledged"] * 2
    )
    in_turn, by_case = replay_all(log), replay_all(log.sort_values("complaint_id", kind="stable"))
    pd.testing.assert_frame_equal(in_turn.sort_index(), by_case.sort_index())
    assert in_turn["acknowledge_state"].notna().all()


def test_events_after_the_instant_are_left_out_and_their_cases_too() -> None:
    result = replay_all(LOG, "2024-09-22 10:00")
    assert result.index.tolist() == ["b"]
    assert result["status"].tolist() == ["open"]
    assert len(replay_all(LOG, "2024-09-01 10:00")) == 0
    assert len(replay_all(LOG.iloc[:0])) == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"reason": None}, r"events.reason: missing on paused events in 1 row \(row 12\)"),
        ({"kind": "policy_changed"}, r"events.policy: missing on policy changed events in 4 rows"),
        ({"kind": "transferred"}, "events.to: missing on transferred events in 4 rows"),
        ({"kind": "answered"}, "events.kind: outside choices in 4 rows"),
        ({"policy": "new"}, "events.policy: names policies, but none"),
        ({"policy": "new", "policies": POLICIES}, "events.policy: outside choices in 4 rows"),
        ({"at": pd.Timestamp("2024-09-20")}, "events.at: wrong type"),
    ],
)
def test_events_that_lack_something_are_refused(changed: dict[str, Any], said: str) -> None:
    policies = changed.pop("policies", None)
    with pytest.raises(DataError, match=said):
        replay_all(LOG.assign(**changed), policies=policies)


def test_every_field_that_a_record_needs_is_needed_in_a_frame() -> None:
    for kind, (field, _) in NEEDED.items():
        with pytest.raises(DataError, match=f"{field} is missing"):
            CaseEvent(START, kind)
        with pytest.raises(DataError, match=rf"events\.{field}: missing on"):
            replay_all(LOG.assign(kind=str(kind), reason="", severity=None))


def test_a_case_outside_the_calendar_is_marked_and_the_others_stand() -> None:
    short = WorkingCalendar("short", dt.date(2024, 9, 16), CN.working[7564 : 7564 + 25])
    log = pd.concat(
        [LOG.iloc[:2], LOG.iloc[:1].assign(complaint_id="c", at=at("2024-09-10 10:00"))]
    )
    now = at("2024-10-08 10:00")
    result = replay_clock_frame(log, calendar=short, as_of=now)
    assert result["outside_calendar"].to_dict() == {"b": False, "a": False, "c": True}
    assert result.loc["c", ["answer_due", "due"]].isna().all()
    assert result.loc["c", "status"] == "open"
    early = [event("2024-09-10 10:00", "received", severity="moderate")]
    assert isinstance(replayed(early, now, OURS, short), CalendarError)


def test_a_new_severity_does_not_end_a_pause() -> None:
    log = [
        event("2024-09-20 10:00", "received", severity="moderate"),
        event("2024-09-23 10:00", "paused", reason="papers"),
        event("2024-09-24 10:00", "assessed", severity="severe"),
    ]
    for hours in (1, 24 * 20):
        now = log[-1].at + dt.timedelta(hours=hours)
        answer = replay_clock(log, policy=OURS, calendar=CN, as_of=now).clock("answer")
        assert (str(answer.state), answer.elapsed) == ("paused", 1)


def test_a_new_policy_does_not_close_a_closed_case_again() -> None:
    """The time in which it can be re-opened runs from its closing."""
    log = [
        event("2024-01-08 10:00", "received", severity="minor"),
        event("2024-01-08 11:00", "responded"),
        event("2024-01-09 10:00", "closed"),
        event("2024-06-03 10:00", "policy_changed", policy=BOTH),
        event("2024-06-04 10:00", "reopened"),
    ]
    with pytest.raises(IllegalTransitionError, match=r"closed at 2024-01-09.* days before"):
        replay_clock(log, policy=OURS, calendar=CN, as_of=at("2024-06-05 10:00"))


def test_a_clock_starts_on_the_day_of_its_own_zone() -> None:
    """A rule in force since a day binds by the day of the regulator that made it."""
    rows = [
        {**row, "since": dt.date(2024, 3, 2), "time_zone": "America/New_York"}
        if row["name"] == "answer"
        else row
        for row in OURS.raw_records["clocks"]
    ]
    policy = attrs.evolve(OURS, raw_records={**OURS.raw_records, "clocks": tuple(rows)})
    log = [event("2024-03-02 10:00", "received", severity="severe")]  # the 1st in New York
    now = at("2024-03-04 10:00")
    state = replay_clock(log, policy=policy, calendar=CN, as_of=now)
    assert [clock.name for clock in state.clocks] == ["acknowledge"]
    cases = pd.DataFrame({"received_at": [log[0].at], "severity": ["severe"]})
    assert deadlines(cases, policy=policy, calendar=CN, as_of=now)["answer_due"].isna().all()
    frame = frame_of([log])
    assert (
        replay_clock_frame(frame, policy=policy, calendar=CN, as_of=now)["answer_due"].isna().all()
    )
