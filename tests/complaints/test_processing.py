"""Processing: what is decided of a register, and one answer across the package."""

from __future__ import annotations

import attrs
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.calendars import WorkingCalendar, working_calendar
from bankcrm.complaints import (
    Complaint,
    default_lexicon,
    process_complaints,
    route,
    route_frame,
    summarise,
)
from bankcrm.errors import DataError, MissingFactError
from bankcrm.models import frame_of
from bankcrm.policy import Policy, default_policy
from bankcrm.rules import Fact, Rule

from .strategies import complaints

CN = working_calendar("CN")
POLICY = default_policy("complaints")


def instants(*texts: str | None) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts)).tz_localize("Asia/Shanghai"))


def with_rule(policy: Policy, name: str, rule: Rule) -> Policy:
    table = policy.table(name)
    facts = {**table.facts, "vip": Fact("boolean")}
    return policy.with_table(attrs.evolve(table, rules=(rule, *table.rules), facts=facts))


VIP = POLICY
for _table, _outcome in (("severity", "severe"), ("departments", "risk"), ("priority", "first")):
    VIP = with_rule(VIP, _table, Rule("vip", {"vip": "= true"}, _outcome))


def test_a_plug_in_fact_reaches_every_table() -> None:
    frame = pd.DataFrame(
        {"complaint_id": [7, 8], "received_at": instants("2026-03-02", "2026-03-02")}
    )
    seen: list[pd.DataFrame] = []

    def extend(facts: pd.DataFrame) -> pd.DataFrame:
        seen.append(facts)
        return facts.assign(vip=facts.index == 8)

    found = process_complaints(
        frame, as_of="2026-03-31", policy=VIP, calendar=CN, extend_facts=extend
    ).routed
    assert [facts.index.tolist() for facts in seen] == [[7, 8]]
    assert {"kind", "product", "vulnerable", "time_used"} <= set(seen[0])
    assert found["severity"].tolist() == ["minor", "severe"]
    assert found["departments"].tolist() == ["customer_service", "customer_service+risk"]
    assert found["priority"].tolist() == ["normal", "first"]
    with pytest.raises(DataError, match="vip"):  # missing is never false
        process_complaints(frame, as_of="2026-03-31", policy=VIP, calendar=CN)
    one = Complaint(complaint_id=8, received_at=frame["received_at"][1].to_pydatetime())
    with pytest.raises(MissingFactError, match="vip"):
        route(one, policy=VIP, calendar=CN)
    assert route(one, policy=VIP, calendar=CN, facts={"vip": True}).severity == "severe"


@settings(max_examples=20)
@given(st.lists(complaints(), min_size=1, max_size=5), st.sampled_from([None, default_lexicon()]))
def test_a_fact_of_the_banks_own_is_read_alike_for_one_and_for_many(
    many: list[Complaint], classifier: object
) -> None:
    routed = route_frame(
        frame_of(many),
        policy=VIP,
        calendar=CN,
        classifier=classifier,
        extend_facts=lambda f: f.assign(vip=f.index % 2 == 0),
    )
    for place, (complaint, (_, row)) in enumerate(zip(many, routed.iterrows(), strict=True)):
        facts = {"vip": place % 2 == 0}
        one = route(complaint, policy=VIP, calendar=CN, classifier=classifier, facts=facts)
        assert (row["route"], row["priority"]) == (one.route, one.priority)
        assert row["departments"].split("+") == list(one.departments)
        for name in ("severity", "route"):
            if name in one.decisions:
                assert row[f"{name}_rule"] == one.decisions[name].rule


def test_the_four_states_and_a_closing_that_counts_as_an_answer() -> None:
    frame = pd.DataFrame(
        {
            "complaint_id": [1, 2, 3, 4, 5],
            "received_at": instants(*["2026-03-02 10:00"] * 4, "2026-03-30 10:00"),
            "answered_at": instants("2026-03-02 20:00", None, None, None, None),
            "closed_at": instants(None, "2026-03-02 20:00", "2026-03-03 09:00", None, None),
            "severity": ["minor"] * 5,
        }
    )
    found = process_complaints(frame, as_of="2026-03-30", calendar=CN)
    assert found.routed["state"].tolist() == ["in_time", "in_time", "late", "overdue", "open"]
    assert found.routed["due"].dt.day.tolist() == [2, 2, 2, 2, 30]
    told = frame.set_index("complaint_id").assign(due=found.routed["due"])
    counts = summarise(told, calendar=CN, as_of="2026-03-30").iloc[0]
    assert (counts["answered"], counts["in_time"], counts["breached"]) == (3, 2, 2)


def test_a_complaint_outside_the_calendar_is_rejected_with_its_reason() -> None:
    week = WorkingCalendar("week", pd.Timestamp("2026-03-02").date(), [True] * 30)
    edges = instants("2026-03-01", "2026-03-02", "2026-03-31", "2026-04-01")
    frame = pd.DataFrame({"complaint_id": range(4), "received_at": edges})
    found = process_complaints(frame, as_of="2026-04-01", calendar=week)
    assert (found.routed.index.tolist(), found.rejected) == ([1, 2], 2)
    assert [f.problem for f in found.faults if f.column == "received_at"] == ["outside_calendar"]
    assert found.routed.attrs["policy"] == f"{POLICY.id}@{POLICY.version}"


def test_a_late_evening_complaint_belongs_to_its_local_day_everywhere() -> None:
    """17:00 UTC on 1 March is 2 March in Shanghai: in intake, routes, months and due days."""
    frame = pd.DataFrame(
        {"complaint_id": [1], "received_at": pd.to_datetime(["2026-02-28 17:00"], utc=True)}
    )
    assert process_complaints(frame, as_of="2026-02-28", calendar=CN).rejected == 1
    found = process_complaints(frame, as_of="2026-03-01", calendar=CN)
    assert found.routed["due"].dt.date.astype(str).tolist() == ["2026-03-02"]  # a Sunday
    months = summarise(frame, period="month", calendar=CN, as_of="2026-03-01")
    assert months.index[months["received"] == 1].month.tolist() == [3]
