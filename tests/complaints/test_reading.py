"""What decided a complaint, in words: the same as a single complaint's facts and clocks give."""

from __future__ import annotations

import pandas as pd
import pytest

from bankcrm.calendars import working_calendar
from bankcrm.complaints import SIGNALS, default_lexicon
from bankcrm.complaints.clocks.receipt import due_days
from bankcrm.complaints.clocks.rules import ClockRule
from bankcrm.complaints.processing import process_complaints
from bankcrm.policy import default_policy
from bankcrm.vocabulary import Kind, Severity

CALENDAR = working_calendar("CN")
FRAME = pd.DataFrame(
    {
        "complaint_id": range(1, 7),
        "received_at": pd.to_datetime("2026-03-02 20:30").tz_localize("Asia/Shanghai"),
        "kind": ["complaint", "complaint", "complaint", "complaint", "consultation", "suggestion"],
        "repeat": [True, None, False, None, None, None],
        "vulnerable": [True, False, None, True, None, None],
        "amount_at_stake": [None, 60_000.0, None, 12.5, None, None],
        "topic": [None, "payment", None, "payment", None, None],
    }
)


@pytest.mark.parametrize("preset", [None, "cn_2020_3", "eu_psd2", "fca_disp"])
def test_times_are_those_of_the_clocks_of_each_receipt(preset: str | None) -> None:
    policy = default_policy("complaints", preset) if preset else default_policy("complaints")
    routed = process_complaints(FRAME, as_of="2026-03-31", policy=policy, calendar=CALENDAR).routed
    topics = FRAME.set_index("complaint_id")["topic"].fillna("")
    for number, row in routed.iterrows():
        severity = None if pd.isna(row["severity"]) else Severity(row["severity"])
        clocks = due_days(
            row["received_at"], kind=Kind(row["kind"]), severity=severity, topic=topics[number],
            policy=policy, calendar=CALENDAR,
        )  # fmt: skip
        rules = [c.rule for c in clocks if c.rule.answers]
        said = [f"{r.name}: {r.amount(policy, severity):g} {r.unit}" for r in rules]
        assert str(row["time_allowed"]) == "; ".join(said) or not rules
        assert row["time_allowed"]


def test_a_clock_sets_no_day_before_its_rule_is_in_force() -> None:
    policy = default_policy("complaints", "cn_2020_3")
    times = pd.to_datetime(["2020-02-29 23:30", "2020-03-01 00:10"]).tz_localize("Asia/Shanghai")
    frame = FRAME.iloc[:2].assign(received_at=times, topic=None)
    routed = process_complaints(frame, as_of="2020-03-31", policy=policy, calendar=CALENDAR).routed
    before, since = routed["time_allowed"].astype(str)
    since_rules = {str(c.name) for c in policy.records("clocks", ClockRule) if c.since is not None}
    assert not any(name in before for name in since_rules)
    assert any(name in since for name in since_rules)


def test_signals_are_named_with_the_numbers_that_are_stated() -> None:
    routed = process_complaints(
        FRAME, as_of="2026-03-31", calendar=CALENDAR, classifier=default_lexicon()
    ).routed
    said = [str(v) for v in routed["signals"]]
    for text, row in zip(said, FRAME.to_dict("records"), strict=True):
        named = [n for n in SIGNALS if row.get(n) is True]
        amount = row["amount_at_stake"]
        named += [f"amount_at_stake: {amount:g}"] if amount == amount else []
        assert text == ("; ".join(named) or "none")
