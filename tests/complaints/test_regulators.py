"""Each regulator's clocks on a worked case; a person counted every due day.

The comment of a case says how. Working days are counted a second time here, on holidays that are
written down below and not taken from the library.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pandas as pd
import pytest

from bankcrm.calendars import WorkingCalendar, working_calendar
from bankcrm.complaints import (
    CaseEvent,
    ClockState,
    Complaint,
    combine,
    deadlines,
    process_complaints,
    replay_clock,
    route,
    route_frame,
    summarise,
    taxonomy,
)
from bankcrm.complaints.clocks.rules import ClockRule, clock_rules
from bankcrm.policy import Policy, default_policy, presets
from bankcrm.vocabulary import CaseStatus

CALENDARS = {
    "ae_cbuae": ("AE", None),
    "asic_rg271": ("AU", "NSW"),
    "br_ouvidoria": ("BR", None),
    "ca_bank_act": ("CA", None),
    "cfpb": ("US", None),
    "cn_2020_3": ("CN", None),
    "cn_pboc_2020_5": ("CN", None),
    "eu_psd2": ("BE", None),
    "fca_disp": ("GB", "ENG"),
    "hk_hkma_ic4": ("HK", None),
    "ie_cpc": ("IE", None),
    "in_rbi": ("IN", None),
    "iso_10002": ("CN", None),
    "my_bnm": ("MY", None),
    "sg_fa_2021": ("SG", None),
    "tw_fcpa": ("TW", None),
    "za_fais": ("ZA", None),
}

HOLIDAYS = {
    "fca_disp": "2018-01-01 2024-03-29 2024-04-01 2024-05-06 2024-05-27",
    "asic_rg271": "2024-03-29 2024-04-01 2024-04-25",
    "sg_fa_2021": "2024-03-29 2024-04-10 2024-05-01",
    "eu_psd2": "2024-04-01 2024-05-01 2024-05-09 2024-05-20",
    "ie_cpc": "2026-03-17 2026-04-06 2026-05-04 2026-06-01",
    "my_bnm": "2026-03-21 2026-05-01 2026-05-27",
    "br_ouvidoria": "2024-03-29 2024-04-21 2024-05-01",
    "iso_10002": "2024-04-04 2024-04-05",
}
"""Holidays on and near the days that the cases count, from the countries' official lists."""


@attrs.frozen
class Case:
    """A complaint and the day by which a clock must be met."""

    preset: str
    clock: str
    start: str
    days: int
    due: str
    topic: str = ""
    extended: int = 0
    starts: str = "received"


CASES = [
    # Thursday 28 March 2024 before Easter. Business days: 2 April is day 1, 4 April day 3.
    Case("fca_disp", "uk_summary", "2024-03-28", 3, "2024-04-04"),
    # 3 days are left in March, 30 in April: 33; 23 May is day 56.
    Case("fca_disp", "uk_final", "2024-03-28", 56, "2024-05-23"),
    # 2 to 5 April are days 1 to 4; 8 to 12 April 5 to 9; 15 to 19 April 10 to 14; 22 April 15.
    Case("fca_disp", "uk_payments", "2024-03-28", 15, "2024-04-22", "payments"),
    # 23 to 26 April: 19; 29 April to 3 May: 24; 6 May is off; 10 May: 28; 17 May: 33; 21 May: 35.
    Case("fca_disp", "uk_payments", "2024-03-28", 35, "2024-05-21", "payments", extended=1),
    # A payments complaint of 12 January 2018 keeps eight weeks: 19 days in January, 28 in
    # February: 47; 9 March is day 56. From the 13th, a Saturday, on: Monday the 15th is day 1.
    Case("fca_disp", "uk_final_payments", "2018-01-12", 56, "2018-03-09", "payments"),
    Case("fca_disp", "uk_payments", "2018-01-13", 15, "2018-02-02", "payments"),
    # Friday 22 March 2024: Monday is the business day after it, not 24 hours later.
    Case("asic_rg271", "au_acknowledge", "2024-03-22", 1, "2024-03-25"),
    # 9 days are left in March; 21 April is day 30, 12 April day 21; with April's 30, 6 May day 45.
    Case("asic_rg271", "au_answer", "2024-03-22", 30, "2024-04-21"),
    Case("asic_rg271", "au_credit", "2024-03-22", 21, "2024-04-12", "hardship"),
    Case("asic_rg271", "au_credit", "2024-03-22", 21, "2024-04-12", "default_notice"),
    Case("asic_rg271", "au_super", "2024-03-22", 45, "2024-05-06", "superannuation"),
    Case("asic_rg271", "au_super", "2024-03-22", 45, "2024-05-06", "trustee"),
    # The objection period ends on 1 March: 30 days in March, 30 in April, 30 in May.
    Case(
        *("asic_rg271", "au_death_benefit", "2024-03-01", 90, "2024-05-30", "death_benefit"),
        starts="sent",
    ),
    # 20 days are left in September: 25 September is day 15, 10 October day 30; with October's 31,
    # 9 November is day 60.
    Case("cn_2020_3", "cn_answer", "2024-09-10", 15, "2024-09-25"),
    Case("cn_2020_3", "cn_answer", "2024-09-10", 30, "2024-10-10", extended=1),
    Case("cn_2020_3", "cn_answer", "2024-09-10", 60, "2024-11-09", extended=2),
    Case("cn_pboc_2020_5", "pboc_answer", "2024-09-10", 15, "2024-09-25", starts="sent"),
    Case(
        *("cn_pboc_2020_5", "pboc_answer", "2024-09-10", 60, "2024-11-09"),
        extended=1,
        starts="sent",
    ),
    # 30 days are left in March.
    Case("cfpb", "us_response", "2024-03-01", 15, "2024-03-16", starts="sent"),
    Case("cfpb", "us_response", "2024-03-01", 60, "2024-04-30", extended=1, starts="sent"),
    # 16 days are left in January, 29 are in February 2024.
    Case("hk_hkma_ic4", "hk_acknowledge", "2024-01-15", 7, "2024-01-22"),
    Case("hk_hkma_ic4", "hk_answer", "2024-01-15", 30, "2024-02-14"),
    Case("hk_hkma_ic4", "hk_answer", "2024-01-15", 60, "2024-03-15", extended=1),
    # Good Friday is off: 1 April is day 1, 5 April day 5; 8 and 9: 7; Hari Raya on the 10th;
    # 11 and 12: 9; 15 to 19: 14; 22 to 26: 19; 29 April is day 20.
    Case("sg_fa_2021", "sg_acknowledge", "2024-03-28", 2, "2024-04-02", "financial_advice"),
    Case("sg_fa_2021", "sg_answer", "2024-03-28", 20, "2024-04-29", "financial_advice"),
    # 30 days in both schemes; the citation changes on 1 July.
    Case("in_rbi", "in_answer_2021", "2026-06-30", 30, "2026-07-30"),
    Case("in_rbi", "in_answer", "2026-07-01", 30, "2026-07-31"),
    # Belgium: 26 to 29 March are days 1 to 4, Easter Monday is off, 2 to 5 April: 8; 8 to 12: 13;
    # 16 April is day 15. 19 April: 18; 26: 23; 30: 25; 1 May off; 3 May: 27; 8: 30; Ascension on
    # the 9th; 10: 31; 16 May is day 35.
    Case("eu_psd2", "eu_payments", "2024-03-25", 15, "2024-04-16", "payments"),
    Case("eu_psd2", "eu_payments", "2024-03-25", 35, "2024-05-16", "payments", extended=1),
    # Ireland works on Good Friday, 3 April 2026. From 24 March: 31 March is day 5, 3 April 8,
    # 10 April 12, 17 April 17, 22 April 20, 1 May 27, 8 May 31, 15 May 36, 21 May 40. A case of
    # the day before, under the code of 2012, is due one working day earlier.
    Case("ie_cpc", "ie_acknowledge", "2026-03-23", 5, "2026-03-30"),
    Case("ie_cpc", "ie_acknowledge", "2026-03-24", 5, "2026-03-31"),
    Case("ie_cpc", "ie_update", "2026-03-23", 20, "2026-04-21"),
    Case("ie_cpc", "ie_update", "2026-03-24", 20, "2026-04-22"),
    Case("ie_cpc", "ie_answer", "2026-03-23", 40, "2026-05-20"),
    Case("ie_cpc", "ie_answer", "2026-03-24", 40, "2026-05-21"),
    Case("ie_cpc", "ie_payments", "2026-03-24", 15, "2026-04-15", "payments"),
    Case("ie_cpc", "ie_payments", "2026-03-24", 35, "2026-05-14", "payments", extended=1),
    # 56 days from the day after receipt: 29 days are left in January; 27 February is day 56.
    Case("ca_bank_act", "ca_answer", "2024-01-02", 56, "2024-02-27"),
    # The guidelines of 2009 for the last time, in calendar days: April has 30.
    Case("my_bnm", "my_old", "2026-03-31", 14, "2026-04-14"),
    Case("my_bnm", "my_old", "2026-03-31", 30, "2026-04-30", extended=1),
    Case("my_bnm", "my_old", "2026-03-31", 60, "2026-05-30", extended=2),
    # The policy document for the first time, in working days: 2 and 3 April, then 6 to 8: 5;
    # 10 April: 7; 17: 12; 24: 17; 29 April: 20; 30 April: 21; 1 May off; 8 May: 26; 14 May: 30.
    Case("my_bnm", "my_acknowledge", "2026-04-01", 1, "2026-04-02"),
    Case("my_bnm", "my_answer", "2026-04-01", 5, "2026-04-08"),
    Case("my_bnm", "my_answer", "2026-04-01", 20, "2026-04-29", extended=1),
    Case("my_bnm", "my_answer", "2026-04-01", 30, "2026-05-14", extended=2),
    # 30 days are left in March.
    Case("tw_fcpa", "tw_answer", "2024-03-01", 30, "2024-03-31"),
    Case("ae_cbuae", "ae_sanadak", "2024-03-01", 30, "2024-03-31"),
    # 25 to 28 March: 4; Good Friday off; 1 to 5 April: 9; 8 April: 10; 12: 14; 19: 19; 22: 20.
    Case("br_ouvidoria", "br_answer", "2024-03-22", 10, "2024-04-08"),
    Case("br_ouvidoria", "br_answer", "2024-03-22", 20, "2024-04-22", extended=1),
    # Three and six weeks. July and August have 31 days.
    Case("za_fais", "za_acknowledge", "2024-06-30", 21, "2024-07-21", "financial_advice"),
    Case("za_fais", "za_answer", "2024-06-30", 42, "2024-08-11", "financial_advice"),
    Case("za_fais", "za_acknowledge_2024", "2024-07-01", 21, "2024-07-22", "financial_advice"),
    Case("za_fais", "za_answer_2024", "2024-07-01", 42, "2024-08-12", "financial_advice"),
    # A Monday and the Tuesday after it.
    Case("iso_10002", "iso_acknowledge", "2024-03-04", 1, "2024-03-05"),
    # The request for a review, 30 days before the end of October.
    Case("cn_2020_3", "cn_review", "2024-10-01", 30, "2024-10-31", starts="reopened"),
]

# Marks of the sources: p the rule was read, s someone who cites it, u neither.
FIGURES = {
    "fca_disp": "uk_summary_days=3p uk_final_days=56p uk_payments_days=15p"
    " uk_payments_exceptional_days=35p",
    "asic_rg271": "au_acknowledge_days=1s au_answer_days=30s au_super_days=45s"
    " au_death_benefit_days=90s au_credit_days=21s",
    "cn_2020_3": "cn_answer_days=15s cn_complex_days=30s cn_special_days=60s cn_review_days=30u",
    "cn_pboc_2020_5": "pboc_answer_days=15s pboc_complex_days=60s",
    "hk_hkma_ic4": "hk_acknowledge_days=7s hk_answer_days=30s hk_interim_days=60s",
    "sg_fa_2021": "sg_acknowledge_days=2p sg_answer_days=20p",
    "in_rbi": "in_answer_days=30s",
    "eu_psd2": "eu_payments_days=15p eu_payments_exceptional_days=35s",
    "ie_cpc": "ie_acknowledge_days=5s ie_update_days=20s ie_answer_days=40s ie_payments_days=15p"
    " ie_payments_exceptional_days=35u",
    "ca_bank_act": "ca_answer_days=56s",
    "my_bnm": "my_old_days=14s my_old_complex_days=30u my_old_longest_days=60u"
    " my_acknowledge_days=1s my_simple_days=5s my_complex_days=20s my_third_party_days=30s"
    " my_longest_days=60s",
    "za_fais": "za_acknowledge_days=21p za_answer_days=42p za_2024_acknowledge_days=21u"
    " za_2024_answer_days=42u",
    "ae_cbuae": "ae_sanadak_days=30p",
    "br_ouvidoria": "br_answer_days=10u br_extended_days=20u",
    "tw_fcpa": "tw_answer_days=30p",
    "cfpb": "us_response_days=15s us_final_days=60s",
    "iso_10002": "",
}


def calendar_of(preset: str) -> WorkingCalendar:
    country, part = CALENDARS[preset]
    return working_calendar(country, subdivision=part)


def counted(case: Case, unit: str) -> dt.date:
    """The due day, counted one day at a time."""
    off = {dt.date.fromisoformat(d) for d in HOLIDAYS.get(case.preset, "").split()}
    day, left = dt.date.fromisoformat(case.start), case.days
    while left:
        day += dt.timedelta(days=1)
        left -= unit == "calendar_days" or (day.weekday() < 5 and day not in off)
    return day


def local(policy: Policy, text: str) -> dt.datetime:
    """An instant in the policy's zone; a day alone is its noon."""
    moment = dt.datetime.fromisoformat(text if " " in text else f"{text} 12:00")
    return moment.replace(tzinfo=ZoneInfo(policy.value("time_zone")))


def log_of(case: Case, policy: Policy) -> list[CaseEvent]:
    """The events of a case, without those that answer it."""
    start = local(policy, case.start)
    before = start if case.starts == "received" else start - dt.timedelta(days=9)
    log = [CaseEvent(before, "received", topic=case.topic)]
    if case.starts == "reopened":
        log.append(CaseEvent(start - dt.timedelta(days=2), "responded"))
    if case.starts != "received":
        log.append(CaseEvent(start, case.starts))
    for step in range(case.extended):
        moment = start + dt.timedelta(hours=step + 1)
        log.append(CaseEvent(moment, "extended", reason="complex", approver="Head", notice=True))
    return log


def row_of(case: Case, policy: Policy) -> dict[str, Any]:
    """The case as a row of a frame."""
    log = log_of(case, policy)
    row: dict[str, Any] = {"topic": case.topic, "extended": case.extended}
    names = {"responded": "answered_at"}
    row |= {names.get(str(e.kind), f"{e.kind}_at"): e.at for e in log if e.kind != "extended"}
    return row


def replayed(preset: str, events: list[tuple[str, str]], as_of: str, topic: str = "") -> ClockState:
    """The state of a case whose events are told as local days and kinds."""
    policy = default_policy("complaints", preset)
    log = [
        CaseEvent(local(policy, at), kind, topic=topic if kind == "received" else "")
        for at, kind in events
    ]
    now = local(policy, as_of)
    return replay_clock(log, policy=policy, calendar=calendar_of(preset), as_of=now)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.clock}-{c.start}-{c.days}")
def test_a_worked_case_is_due_on_the_day_that_a_person_counts(case: Case) -> None:
    policy = default_policy("complaints", case.preset)
    calendar = calendar_of(case.preset)
    log = log_of(case, policy)
    now = log[-1].at + dt.timedelta(minutes=1)
    clock = replay_clock(log, policy=policy, calendar=calendar, as_of=now).clock(case.clock)
    due = dt.date.fromisoformat(case.due)
    assert counted(case, clock.unit) == due  # the case itself
    assert (clock.limit, clock.due) == (case.days, due)
    frame = pd.DataFrame([row_of(case, policy)])
    row = deadlines(frame, policy=policy, calendar=calendar, as_of=now).iloc[0]
    assert row[f"{case.clock}_due"].date() == due


def test_every_clock_of_every_preset_has_a_worked_case() -> None:
    shipped = {
        (preset, rule.name)
        for preset in presets("complaints")
        for rule in default_policy("complaints", preset).records("clocks", ClockRule)
    }
    assert shipped == {(case.preset, case.clock) for case in CASES}


@pytest.mark.parametrize("preset", presets("complaints"))
def test_every_figure_has_its_source_and_its_mark(preset: str) -> None:
    policy = default_policy("complaints", preset)
    marks = {"p": "primary", "s": "secondary", "u": "unconfirmed"}
    expected = {}
    for entry in FIGURES[preset].split():
        name, figure = entry.split("=")
        expected[name] = (int(figure[:-1]), marks[figure[-1]])
    bank = default_policy("complaints").parameters
    cited = {n: policy.parameter(n) for n in policy.parameters if n not in bank}
    cited = {n: p for n, p in cited.items() if p.source != "default"}
    assert {n: (p.value, p.confirmation) for n, p in cited.items()} == expected
    assert all(p.note and p.unit for p in cited.values())
    assert policy.unconfirmed == tuple(n for n, (_, mark) in expected.items() if mark[0] == "u")
    used = {n for rule in clock_rules(policy) for n in rule.figures()}
    assert set(cited) <= used  # no figure without effect


@pytest.mark.parametrize("preset", presets("complaints"))
def test_topics_are_those_of_the_taxonomy_and_no_clock_starts_before_its_rule(preset: str) -> None:
    policy = default_policy("complaints", preset)
    known = set(taxonomy().codes("topic"))
    for rule in policy.records("clocks", ClockRule):
        assert {*rule.topics, *rule.not_topics} <= known
        assert rule.since is None or rule.since >= policy.effective_from
        assert rule.source != "default"


def test_a_summary_resolution_needs_acceptance_by_close_of_business_on_day_three() -> None:
    got = ("2024-03-28", "received")
    said = ("2024-04-03 10:00", "responded")
    bare = replayed("fca_disp", [got, said], "2024-04-04 16:59").clock("uk_summary")
    assert bare.open  # a response alone resolves nothing
    for minute, state in (("16:59", "met"), ("17:01", "breached")):
        log = [got, said, (f"2024-04-04 {minute}", "accepted")]
        assert replayed("fca_disp", log, "2024-04-05").clock("uk_summary").state == state


def test_a_missed_summary_resolution_breaks_no_rule() -> None:
    policy = default_policy("complaints", "fca_disp")
    got, now = local(policy, "2024-03-28"), local(policy, "2024-04-10")
    state = replayed("fca_disp", [("2024-03-28", "received")], "2024-04-10")
    frame = pd.DataFrame({"received_at": [got]})
    calendar = calendar_of("fca_disp")
    row = deadlines(frame, policy=policy, calendar=calendar, as_of=now).iloc[0]
    assert row["uk_summary_state"] == state.clock("uk_summary").state == "breached"
    assert (row["breached"], row["state"], row["clock"]) == (False, "running", "uk_final")
    assert row["due"].date() == state.due == dt.date(2024, 5, 23)


def test_the_eight_week_letter_meets_the_clock_and_leaves_the_case_open() -> None:
    got = ("2024-03-28", "received")
    for day, state in (("2024-05-23", "met"), ("2024-05-24", "breached")):
        log = [got, (day, "delay_explained")]
        found = replayed("fca_disp", log, "2024-06-30")
        assert found.clock("uk_final").state == state
        assert found.status is CaseStatus.OPEN


def test_after_a_delay_notice_a_case_has_no_due_day_until_it_is_answered() -> None:
    log = [("2024-03-22", "received"), ("2024-03-22 13:00", "acknowledged")]
    log.append(("2024-04-10", "delay_explained"))
    assert replayed("asic_rg271", log, "2024-06-30").due is None
    answered = replayed("asic_rg271", [*log, ("2024-06-10", "responded")], "2024-06-30")
    assert answered.due == dt.date(2024, 4, 21)


def test_a_frame_of_letters_gives_what_the_replay_gives() -> None:
    policy = default_policy("complaints", "asic_rg271")
    days = ("2024-03-22", "2024-03-22 13:00", "2024-04-10", "2024-06-10", "2024-06-30")
    got, confirmed, letter, answer, now = (local(policy, day) for day in days)
    frame = pd.DataFrame(
        {
            "received_at": [got] * 2,
            "acknowledged_at": [confirmed] * 2,
            "delay_explained_at": [letter] * 2,
            "answered_at": [pd.NaT, answer],
        }
    )
    found = deadlines(frame, policy=policy, calendar=calendar_of("asic_rg271"), as_of=now)
    assert found["au_answer_state"].tolist() == ["met", "met"]
    assert found["breached"].tolist() == [False, False]
    assert found["due"].dt.date.tolist() == [pd.NaT, dt.date(2024, 4, 21)]


def test_a_delay_notice_meets_the_clocks_of_rg_271_but_not_those_of_credit() -> None:
    for topic, clock, state in (
        ("", "au_answer", "met"),
        ("superannuation", "au_super", "met"),
        ("hardship", "au_credit", "breached"),
    ):
        log = [("2024-03-22", "received"), ("2024-04-10", "delay_explained")]
        assert replayed("asic_rg271", log, "2024-06-30", topic).clock(clock).state == state


def test_an_irish_update_is_no_answer() -> None:
    log = [("2026-03-24", "received"), ("2026-04-22", "informed")]
    found = replayed("ie_cpc", log, "2026-06-30")
    assert found.clock("ie_update").state == "met"
    assert found.clock("ie_answer").state == "breached"
    assert replayed("ie_cpc", log[:1], "2026-04-23").clock("ie_update").state == "breached"


def test_only_an_outside_appraisal_pauses_order_2020_3_and_nothing_pauses_canada() -> None:
    china = default_policy("complaints", "cn_2020_3")
    canada = default_policy("complaints", "ca_bank_act")
    # Ten days of appraisal, 12 to 22 September: 25 September becomes 5 October.
    for policy, preset, reason, due in (
        (china, "cn_2020_3", "appraisal", dt.date(2024, 10, 5)),
        (china, "cn_2020_3", "papers", dt.date(2024, 9, 25)),
        # 20 days are left in September, 31 are in October: 5 November is day 56.
        (canada, "ca_bank_act", "appraisal", dt.date(2024, 11, 5)),
    ):
        log = [
            CaseEvent(local(policy, "2024-09-10"), "received"),
            CaseEvent(local(policy, "2024-09-12"), "paused", reason=reason),
            CaseEvent(local(policy, "2024-09-22"), "resumed"),
        ]
        now = local(policy, "2024-09-23")
        state = replay_clock(log, policy=policy, calendar=calendar_of(preset), as_of=now)
        assert state.due == due


@pytest.mark.parametrize(
    ("preset", "received", "topic"),
    [
        ("cn_pboc_2020_5", "2024-09-10", ""),  # made to the bank directly: no number of days
        ("cn_2020_3", "2020-02-29", ""),
        ("hk_hkma_ic4", "2023-04-04", ""),
        ("ca_bank_act", "2022-06-29", ""),
        ("sg_fa_2021", "2024-03-28", ""),  # no number for complaints other than about advice
        ("eu_psd2", "2024-03-25", ""),
        ("asic_rg271", "2021-10-04", ""),
    ],
)
def test_where_no_rule_has_a_number_no_clock_runs(preset: str, received: str, topic: str) -> None:
    found = replayed(preset, [(received, "received")], received + " 13:00", topic)
    assert (found.clocks, found.due) == ((), None)


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("fca_disp", ()),
        ("cn_2020_3", ("cn_review_days",)),
        ("br_ouvidoria", ("br_answer_days", "br_extended_days")),
    ],
)
def test_results_name_the_figures_that_are_not_confirmed(
    preset: str, expected: tuple[str, ...]
) -> None:
    policy = combine(default_policy("complaints"), default_policy("complaints", preset))
    calendar = calendar_of(preset)
    got = local(policy, "2024-09-10")
    frame = pd.DataFrame({"complaint_id": [1], "received_at": [got]})
    results = (
        route_frame(frame, policy=policy, calendar=calendar),
        deadlines(frame, policy=policy, calendar=calendar, as_of=got),
        process_complaints(frame, policy=policy, calendar=calendar, as_of="2024-09-10").routed,
        summarise(frame, policy=policy, calendar=calendar, as_of="2024-09-10"),
    )
    assert [r.attrs.get("unconfirmed", ()) for r in results] == [expected] * len(results)
    again = default_policy("complaints").stamp(results[0])
    assert "unconfirmed" not in again.attrs  # of the policy that decided last
    routed = route(Complaint(complaint_id=1, received_at=got), policy=policy, calendar=calendar)
    behind = {"fca_disp": "", "cn_2020_3": "", "br_ouvidoria": "unconfirmed"}
    assert routed.confirmation == behind[preset]
