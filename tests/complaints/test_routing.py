"""Routes: one complaint and a frame agree; owners, days and priorities follow the manual."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.calendars import working_calendar
from bankcrm.complaints import (
    CaseEvent,
    Complaint,
    assign_handlers,
    combine,
    deadlines,
    default_lexicon,
    escalate,
    follow_ups,
    queue_order,
    replay_clock,
    route,
    route_frame,
)
from bankcrm.complaints.routes import routes_of
from bankcrm.errors import CalendarError, DataError, IllegalTransitionError
from bankcrm.models import frame_of
from bankcrm.policy import default_policy, presets
from bankcrm.vocabulary import Severity, Tier

from .strategies import ZONE, complaints

CN = working_calendar("CN")
POLICY = default_policy("complaints")
LEXICON = default_lexicon()
NOON = dt.datetime(2024, 9, 20, 12, tzinfo=ZONE)


@settings(max_examples=25)
@given(st.lists(complaints(), min_size=1, max_size=6), st.sampled_from([None, LEXICON]))
def test_one_by_one_and_as_a_frame_the_routes_are_equal(
    many: list[Complaint], classifier: object
) -> None:
    frame = frame_of(many)
    routed = route_frame(frame, calendar=CN, classifier=classifier)
    for complaint, (_, row) in zip(many, routed.iterrows(), strict=True):
        one = route(complaint, calendar=CN, classifier=classifier)
        assert row["kind"] == one.kind
        assert (None if pd.isna(row["severity"]) else row["severity"]) == one.severity
        assert (row["route"], row["owner"]) == (one.route, one.owner)
        assert row["departments"].split("+") == list(one.departments)
        assert row["due"].date() == one.due
        assert row["route_rule"] == one.decisions["route"].rule
        assert row["priority"] == one.priority
        assert (None if pd.isna(row["accountable"]) else row["accountable"]) == one.accountable
        assert bool(row["provisional"]) == one.provisional
        if one.severity is not None:
            assert row["severity_rule"] == one.decisions["severity"].rule
            assert one.deadlines["answer"] == one.due


@pytest.mark.parametrize(
    ("text", "kind", "departments"),
    [
        ("请问如何办理转账", "consultation", "customer_service"),
        ("建议增加周末窗口", "suggestion", "customer_service"),
        ("手续费太高", "complaint", "customer_service"),
        ("被盗刷，手续费太高", "complaint", "customer_service+risk"),
    ],
)
def test_a_text_tells_kind_and_cause_where_the_fields_are_silent(
    text: str, kind: str, departments: str
) -> None:
    told = Complaint(complaint_id="C-1", received_at=NOON, text=text)
    for classifier in (LEXICON, lambda texts: LEXICON(texts)):
        one = route(told, calendar=CN, classifier=classifier)
        row = route_frame(frame_of([told]), calendar=CN, classifier=classifier).iloc[0]
        assert one.complaint_id == "C-1"
        assert (one.kind, row["kind"]) == (kind, kind)
        assert ("+".join(one.departments), row["departments"]) == (departments, departments)
    own = attrs.evolve(told, kind="suggestion", cause="marketing")
    assert route(own, calendar=CN, classifier=LEXICON).kind == "suggestion"
    assert route(told, calendar=CN).kind == "complaint"  # unread, so what the policy says


@pytest.mark.parametrize("preset", presets("complaints"))
@settings(max_examples=20)
@given(complaint=complaints())
def test_the_deadlines_are_those_that_a_replay_of_the_receipt_gives(
    preset: str, complaint: Complaint
) -> None:
    policy = combine(POLICY, default_policy("complaints", preset))
    one = route(complaint, calendar=CN, policy=policy)
    receipt = CaseEvent(complaint.received_at, "received", severity=one.severity, message=one.kind)
    state = replay_clock([receipt], policy=policy, calendar=CN, as_of=complaint.received_at)
    assert one.deadlines == {clock.name: clock.due for clock in state.clocks}


SHORT = {"name": "short", "kind": "answer", "unit": "working_days", "limit": "severe_days"}
CLOCKS = [
    {"topics": ["payments"]},
    {"not_topics": ["payments"]},
    {"since": dt.date(2025, 1, 1)},
    {"until": dt.date(2025, 1, 1)},
    {"since": dt.date(2024, 12, 1), "until": dt.date(2025, 1, 31), "topics": ["payments"]},
]


@pytest.mark.filterwarnings("ignore:calendar CN")
@pytest.mark.parametrize("bound", CLOCKS)
@pytest.mark.parametrize("other", [False, True])
def test_a_clock_binds_some_complaints_and_the_others_are_due_by_their_route(
    bound: dict[str, Any], other: bool
) -> None:
    """One by one and as a frame, with another clock beside it and without."""
    long = {**SHORT, "name": "long", "unit": "calendar_days", "limit": "reopen_within_days"}
    rows = ({**SHORT, **bound}, *([long] if other else []))
    policy = attrs.evolve(POLICY, raw_records={**POLICY.raw_records, "clocks": rows})
    days = [dt.datetime(2024, 12, 31, 10, tzinfo=ZONE), dt.datetime(2025, 1, 2, 10, tzinfo=ZONE)]
    last = CN.announced_until.item()
    days += [dt.datetime.combine(last, dt.time(10), ZONE)]
    told = [
        Complaint(complaint_id=f"{topic} {day}", received_at=day, topic=topic, kind="complaint")
        for topic in ("payments", "other")
        for day in days
    ]
    one = [route(c, calendar=CN, policy=policy) for c in told]
    frame = route_frame(frame_of(told), calendar=CN, policy=policy)
    assert frame["due"].dt.date.tolist() == [r.due for r in one]
    assert frame["provisional"].tolist() == [r.provisional for r in one]
    routes = routes_of(policy)
    for complaint, found in zip(told, one, strict=True):
        day = complaint.received_at.date()
        inside = (complaint.topic == "payments") is ("topics" in bound) or not {
            "topics", "not_topics"} & set(bound)  # fmt: skip
        inside = inside and bound.get("since", day) <= day <= bound.get("until", day)
        due = CN.add(day, int(policy.value("severe_days"))) if inside else None
        late = day + dt.timedelta(days=int(policy.value("reopen_within_days"))) if other else None
        expected = min((d for d in (due, late) if d), default=None)
        if expected is None:
            expected = CN.add(day, int(policy.value(routes[found.route].days)))
        assert found.due == expected
        assert found.provisional == (expected > last and expected != late)


@given(complaints())
def test_due_dates_are_working_days(complaint: Complaint) -> None:
    assert CN.is_working(route(complaint, calendar=CN).due)


@settings(max_examples=20)
@given(complaints(), st.sampled_from([None, *Tier]))
def test_who_the_customer_is_changes_the_priority_and_never_the_severity(
    complaint: Complaint, tier: Tier | None
) -> None:
    plain, ranked = route(complaint, calendar=CN), route(complaint, calendar=CN, tier=tier)
    assert ranked.severity == plain.severity
    assert ranked.due == plain.due
    frame = frame_of([complaint]).assign(tier=None if tier is None else tier.value)
    assert route_frame(frame, calendar=CN)["priority"].tolist() == [ranked.priority]


@pytest.mark.parametrize(
    ("told", "name", "days", "departments"),
    [
        ({}, "on_the_spot", 0, ("customer_service",)),
        ({"vulnerable": True}, "with_departments", 5, ("customer_service",)),
        (
            {"vulnerable": True, "cause": "marketing"},
            "with_departments",
            5,
            ("customer_service", "marketing"),
        ),
        (
            {"data_leak": True, "cause": "data_protection"},
            "task_force",
            10,
            ("customer_service", "risk", "data_analysis"),
        ),
        ({"kind": "consultation", "data_leak": True}, "consult", 0, ("customer_service",)),
        (
            {"kind": "suggestion", "product": "mortgage"},
            "suggest",
            10,
            ("customer_service", "product", "risk"),
        ),
    ],
)
def test_the_manuals_routes(
    told: dict[str, object], name: str, days: int, departments: tuple[str, ...]
) -> None:
    one = route(Complaint(complaint_id=1, received_at=NOON, **told), calendar=CN)
    assert one.route == name
    assert one.due == CN.add(NOON.date(), days)
    assert one.departments == departments


def test_a_severe_complaint_has_a_task_force_by_role_and_reasons() -> None:
    told = Complaint(
        complaint_id=1,
        received_at=NOON,
        funds_safety=True,
        cause="pricing_fees",
        first_asked="Wang",
    )
    one = route(told, calendar=CN)
    assert one.members == (
        "customer_service:lead",
        "product:head",
        "risk:head",
        "professional:adviser",
    )
    assert str(one) == f"complaint, severe: customer_service by {one.due} (task_force)"
    assert "form_task_force" in one.actions
    assert one.accountable == "Wang"
    assert (
        one.reasons[0]
        == "severity: severe-funds (money is not safe, or fraud is reported; default)"
    )
    assert one.deadlines == {"acknowledge": dt.date(2024, 9, 23), "answer": one.due}


def test_a_banks_figures_and_cut_off_hour_are_used() -> None:
    told = Complaint(complaint_id=1, received_at=NOON, repeat=True)
    quick = POLICY.with_parameters(moderate_days=2)
    assert route(told, calendar=CN, policy=quick).due == CN.add(NOON.date(), 2)
    evening = attrs.evolve(told, received_at=NOON.replace(day=19, hour=17))
    cut = POLICY.with_parameters(cutoff_hour=16.5)
    assert route(evening, calendar=CN, policy=cut).due == CN.add(dt.date(2024, 9, 20), 5)
    assert route_frame(frame_of([evening]), calendar=CN, policy=cut)["due"].dt.day.tolist() == [27]


def test_the_frame_keeps_its_index_and_says_by_which_policy() -> None:
    frame = frame_of([Complaint(complaint_id=1, received_at=NOON)]).set_axis(["x"])
    routed = route_frame(frame, calendar=CN)
    assert routed.index.tolist() == ["x"]
    assert routed.attrs["fingerprint"] == POLICY.fingerprint
    assert (routed.attrs["policy"], routed.attrs["calendar"]) == (
        f"{POLICY.id}@{POLICY.version}",
        CN.name,
    )
    assert list(routed) == [
        "kind", "severity", "severity_rule", "route", "route_rule", "owner", "departments",
        "accountable", "priority", "due", "provisional",
    ]  # fmt: skip
    assert route_frame(frame.iloc[:0], calendar=CN).empty


def test_bad_frames_are_refused() -> None:
    frame = frame_of([Complaint(complaint_id=1, received_at=NOON)])
    with pytest.raises(DataError, match="received_at"):
        route_frame(frame.drop(columns="received_at"), calendar=CN)
    with pytest.raises(DataError, match="kind"):
        route_frame(frame.assign(kind="praise"), calendar=CN)
    with pytest.raises(DataError, match="tier"):
        route_frame(frame.assign(tier="gold"), calendar=CN)
    with pytest.raises(CalendarError):
        route_frame(frame.assign(received_at=pd.Timestamp("1999-01-01", tz="UTC")), calendar=CN)


# --- the day's work ---------------------------------------------------------------------------


def test_the_queue_goes_by_severity_then_time_left_then_priority() -> None:
    routed = pd.DataFrame(
        {
            "severity": ["minor", "severe", "severe", None, "severe"],
            "due": pd.to_datetime(
                ["2026-03-01", "2026-03-09", "2026-03-05", "2026-03-01", "2026-03-05"]
            ),
            "priority": ["first", "first", "normal", "first", "high"],
        },
        index=list("abcde"),
    )
    queue = queue_order(routed, as_of="2026-03-02")
    assert queue.index.tolist() == ["e", "c", "b", "a", "d"]
    assert queue["place"].tolist() == [1, 2, 3, 4, 5]
    assert queue["days_left"].tolist() == [3, 3, 7, -1, -1]
    assert queue["days_left"].dtype == "int64"
    rare = pd.CategoricalDtype(["first", "high", "normal", "low"])
    ranked = routed.assign(priority=pd.Series(["low", None, "normal", None, "low"], routed.index))
    ranked = ranked.assign(severity="minor", due=pd.Timestamp("2026-03-05"))
    queue = queue_order(ranked.astype({"priority": rare}), as_of="2026-03-02")
    assert queue.index.tolist() == ["c", "a", "e", "b", "d"]  # who has no priority comes last


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["cs", "risk", None]), st.sampled_from(["h0", "h1", "h2", "x", None])
        ),
        max_size=20,
    ),
    st.lists(
        st.tuples(st.sampled_from(["cs", "risk"]), st.integers(0, 5), st.integers(0, 5)), max_size=5
    ),
)
def test_each_case_goes_to_whom_it_is_or_to_the_least_loaded_with_room(
    cases: list[tuple[str | None, str | None]], people: list[tuple[str, int, int]]
) -> None:
    """Case by case; of equally loaded handlers the first."""
    queue = pd.DataFrame(cases, columns=["owner", "accountable"], dtype=object)
    staff = pd.DataFrame(people, columns=["department", "capacity", "load"])
    staff.insert(0, "handler", [f"h{i}" for i in range(len(people))])
    staff = staff.astype({"capacity": "int64", "load": "int64", "handler": "str"})
    load = staff.set_index("handler")["load"].to_dict()
    expected = []
    for owner, asked in cases:
        free = [
            (load[p.handler], i, p.handler)
            for i, p in enumerate(staff.itertuples())
            if p.department == owner and load[p.handler] < p.capacity
        ]
        names = [name for *_, name in free]
        expected.append(asked if asked in names else min(free)[2] if free else None)
        if expected[-1]:
            load[expected[-1]] += 1
    given_to = assign_handlers(queue, staff)["handler"]
    assert given_to.astype(object).where(given_to.notna(), None).tolist() == expected


def test_the_first_asked_person_keeps_the_case_while_there_is_room() -> None:
    queue = pd.DataFrame({"owner": ["cs"] * 4, "accountable": ["b", None, "b", "b"]})
    staff = pd.DataFrame({"handler": ["a", "b"], "department": ["cs", "cs"], "capacity": [1, 2]})
    given_to = assign_handlers(queue, staff)["handler"]
    assert given_to.tolist()[:3] == ["b", "a", "b"]
    assert pd.isna(given_to.iloc[3])
    with pytest.raises(DataError, match="handler"):
        assign_handlers(queue, pd.concat([staff, staff]))


# --- escalation and follow-up -----------------------------------------------------------------

LEVELS = ["none", "handler", "department_head", "complaints_manager", "senior_management"]


@given(st.floats(0, 5), st.floats(0, 5))
def test_more_time_used_never_lowers_the_level(a: float, b: float) -> None:
    low, high = sorted([a, b])
    clocks = pd.DataFrame({"used": [low, high], "clock": ["answer", "answer"]})
    assert escalate(clocks)["escalation"].cat.codes.is_monotonic_increasing


def test_the_ladder_by_hand_and_a_banks_own() -> None:
    clocks = pd.DataFrame(
        {"used": [0.49, 0.5, 0.8, 1.0, 1.01, 1.5, 1.51], "clock": ["answer"] * 7},
        index=list("abcdefg"),
    )
    result = escalate(clocks)
    ranks = [LEVELS.index(level) for level in result["escalation"]]
    assert ranks == [0, 1, 2, 2, 3, 3, 4]
    assert result.index.tolist() == list("abcdefg")
    assert result["escalation_rule"].tolist() == [
        "early", "half", "at-risk", "at-risk", "over", "over", "far-over",
    ]  # fmt: skip
    assert result["escalation"].cat.ordered
    mark = {"policy": f"{POLICY.id}@{POLICY.version}", "fingerprint": POLICY.fingerprint}
    assert result.attrs.items() >= mark.items()
    strict = POLICY.with_parameters(head_share=0.3, remind_share=0.1)
    assert escalate(clocks, policy=strict)["escalation"].tolist()[:2] == ["department_head"] * 2
    with pytest.raises(DataError, match=r"^clocks.used: below minimum"):
        escalate(clocks.assign(used=-1.0))


def test_more_severe_never_means_less_time_used_before_escalation() -> None:
    """Nor a larger share of it: the ladder stands at the same shares for every severity."""
    day = pd.date_range("2024-11-04", periods=40, freq="D", tz=str(ZONE))
    first: dict[str, float] = {}
    for severity in Severity:
        frame = pd.DataFrame({"received_at": [day[0]], "severity": [severity.value],
                              "acknowledged_at": [day[0]]})  # fmt: skip
        for now in day:
            clocks = deadlines(frame, calendar=CN, as_of=now.to_pydatetime())
            if LEVELS.index(escalate(clocks)["escalation"].iloc[0]) >= 2:
                first[severity.value] = clocks["answer_elapsed"].iloc[0]
                break
    assert first == {"minor": 1, "moderate": 4, "severe": 8}
    assert first["moderate"] / 5 == first["severe"] / 10


def test_cases_that_are_over_escalate_no_more() -> None:
    frame = pd.DataFrame(
        {
            "received_at": [NOON] * 3,
            "merged_at": [NOON + dt.timedelta(hours=1), pd.NaT, pd.NaT],
            "answered_at": [pd.NaT, NOON + dt.timedelta(hours=1), pd.NaT],
        }
    )
    clocks = deadlines(frame, calendar=CN, as_of=NOON + dt.timedelta(days=60))
    assert escalate(clocks)["escalation"].tolist() == ["none", "none", "senior_management"]
    assert set(escalate(clocks)["escalation"].cat.categories) == set(LEVELS)


@settings(max_examples=8)
@given(st.integers(0, 23 * 60), st.sampled_from(list(Severity)))
def test_a_case_is_over_for_escalation_as_soon_as_it_is_breached(
    minutes: int, severity: Severity
) -> None:
    """Received before the National Day week: never "nearly over" once the time is over."""
    received = dt.datetime(2024, 9, 20, tzinfo=ZONE) + dt.timedelta(minutes=minutes)
    frame = pd.DataFrame({"received_at": [received], "severity": [severity.value]})
    for days in range(40):
        clocks = deadlines(frame, calendar=CN, as_of=received + dt.timedelta(days=days))
        level = LEVELS.index(escalate(clocks)["escalation"].iloc[0])
        assert (level >= LEVELS.index("complaints_manager")) == clocks["breached"].iloc[0]


@given(st.datetimes(dt.datetime(2024, 3, 1), dt.datetime(2024, 6, 1), timezones=st.just(ZONE)))
def test_a_case_can_be_reopened_until_the_day_that_follow_ups_gives(closed: dt.datetime) -> None:
    until = follow_ups(pd.DataFrame({"closed_at": [closed]}), calendar=CN)["reopen_until"].iloc[0]
    log = [
        CaseEvent(closed - dt.timedelta(days=2), "received"),
        CaseEvent(closed - dt.timedelta(days=1), "responded"),
        CaseEvent(closed, "closed"),
    ]
    last = dt.datetime.combine(until.date(), dt.time(23, 59), ZONE)
    then = last + dt.timedelta(days=2)
    state = replay_clock([*log, CaseEvent(last, "reopened")], calendar=CN, as_of=then)
    assert state.status == "open"
    late = CaseEvent(last + dt.timedelta(minutes=1), "reopened")
    with pytest.raises(IllegalTransitionError, match="more than 90 days"):
        replay_clock([*log, late], calendar=CN, as_of=then)


def test_the_topic_chooses_the_clock_of_a_route() -> None:
    """A payments complaint has 15 business days in the UK, and any other eight weeks."""
    policy = combine(POLICY, default_policy("complaints", "fca_disp"))
    theirs = [c for c in policy.raw_records["clocks"] if c["name"].startswith("uk_")]
    policy = attrs.evolve(policy, raw_records={**policy.raw_records, "clocks": theirs})
    gb = working_calendar("GB", subdivision="ENG")
    noon = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
    eight_weeks = dt.date(2026, 4, 27)
    for topic, due in (
        ("payments", dt.date(2026, 3, 23)),
        ("fees", eight_weeks),
        (None, eight_weeks),
    ):
        one = Complaint(complaint_id=1, received_at=noon, kind="complaint", topic=topic)
        assert route(one, calendar=gb, policy=policy).due == due
        frame = pd.DataFrame({"received_at": [noon], "kind": ["complaint"], "topic": [topic]})
        assert route_frame(frame, calendar=gb, policy=policy)["due"].iloc[0].date() == due


def test_follow_ups() -> None:
    frame = pd.DataFrame(
        {
            "answered_at": [NOON, pd.NaT],
            "closed_at": [NOON, pd.NaT],
            "satisfaction": [59.0, np.nan],
        }
    )
    told = follow_ups(frame, calendar=CN)
    assert told["follow_up_due"].dt.date.tolist()[0] == CN.add(NOON.date(), 3)
    assert told["reopen_until"].dt.date.tolist()[0] == NOON.date() + dt.timedelta(days=90)
    assert told["satisfied"].tolist()[0] is False
    assert told.isna().all(axis=1).tolist() == [False, True]
    assert {str(d) for d in told.dtypes} == {"datetime64[s]", "boolean"}
    for name, column in (
        ("answered_at", "follow_up_due"),
        ("closed_at", "reopen_until"),
        ("satisfaction", "satisfied"),
    ):
        alone = follow_ups(frame[[name]].set_axis(["x", "y"]), calendar=CN)
        pd.testing.assert_series_equal(alone[column], told[column].set_axis(["x", "y"]))
        assert alone.drop(columns=column).isna().all(axis=None)
        assert alone.index.tolist() == ["x", "y"]


def test_follow_ups_go_by_the_banks_own_figures() -> None:
    frame = pd.DataFrame(
        {"answered_at": [NOON] * 3, "closed_at": [NOON] * 3, "satisfaction": [59.0, 60.0, 80.0]}
    )
    assert follow_ups(frame, calendar=CN)["satisfied"].tolist() == [False, True, True]
    own = POLICY.with_parameters(follow_up_days=1, reopen_within_days=7, satisfied_from=80)
    told = follow_ups(frame, policy=own, calendar=CN)
    assert told["satisfied"].tolist() == [False, False, True]
    assert set(told["follow_up_due"].dt.date) == {CN.add(NOON.date(), 1)}
    assert set(told["reopen_until"].dt.date) == {NOON.date() + dt.timedelta(days=7)}
    with pytest.raises(DataError, match=r"^complaints.satisfaction: above maximum"):
        follow_ups(frame.assign(satisfaction=101.0), calendar=CN)


def test_the_card_of_a_route_names_the_tables_that_decided() -> None:
    """By the first twelve letters of their fingerprints, as all cards do."""
    found = route(Complaint(complaint_id=7, received_at=NOON), calendar=CN)
    card = found._repr_html_()
    marks = {decision.fingerprint for decision in found.decisions.values()}
    assert len(found.decisions) > 1
    assert sorted({mark[:12] for mark in marks}) == sorted(set(re.findall("[0-9a-f]{12,}", card)))
    assert found.route in card
    assert all(reason.split(":")[0] in card for reason in found.reasons)
