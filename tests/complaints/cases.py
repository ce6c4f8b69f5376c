"""Cases, event logs and policies that the tests of clocks share."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from bankcrm.calendars import working_calendar
from bankcrm.complaints import (
    CaseEvent,
    ClockState,
    combine,
    replay_clock,
)
from bankcrm.policy import default_policy
from bankcrm.vocabulary import Severity

CN = working_calendar("CN")
ZONE = ZoneInfo("Asia/Shanghai")
OURS = default_policy("complaints")
CHINA = default_policy("complaints", "cn_2020_3")
BOTH = combine(OURS, CHINA)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZONE)


def event(text: str, kind: str, **told: Any) -> CaseEvent:
    return CaseEvent(at(text), kind, **told)


def replay(log: list[CaseEvent], as_of: str, policy: Any = OURS) -> ClockState:
    return replay_clock(log, policy=policy, calendar=CN, as_of=at(as_of))


RECEIVED = event("2024-09-20 10:00", "received", by="Wang", severity="moderate")
"""A Friday; 5 working days later is Friday the 27th."""


START = at("2024-08-01 09:00")


@st.composite
def logs(draw: st.DrawFn) -> list[CaseEvent]:
    """A legal event log: a random walk over the allowed moves."""
    severity = draw(st.sampled_from(list(Severity)))
    moment = START + dt.timedelta(minutes=draw(st.integers(0, 60 * 24 * 60)))
    log = [CaseEvent(moment, "received", by="Wang", severity=severity)]
    status = "open"
    for _ in range(draw(st.integers(0, 7))):
        moment += dt.timedelta(minutes=draw(st.integers(1, 60 * 24 * 12)))
        kind, status = draw(
            st.sampled_from(
                {
                    "open": [
                        ("acknowledged", "open"),
                        ("informed", "open"),
                        ("delay_explained", "open"),
                        ("transferred", "open"),
                        ("new_facts", "open"),
                        ("paused", "paused"),
                        ("responded", "answered"),
                        ("withdrawn", "end"),
                    ],
                    "paused": [("resumed", "open"), ("assigned", "paused"), ("merged", "end")],
                    "answered": [
                        ("reopened", "open"),
                        ("closed", "closed"),
                        ("accepted", "answered"),
                    ],
                    "closed": [("reopened", "open")],
                    "end": [("", "end")],
                }[status]
            )
        )
        if not kind:
            break
        log.append(CaseEvent(moment, kind, to="Li", reason="papers"))
    return log


def wide(log: list[CaseEvent]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One log as a row of a frame, and its pauses."""
    columns = {
        "received": "received_at",
        "acknowledged": "acknowledged_at",
        "informed": "informed_at",
        "delay_explained": "delay_explained_at",
        "new_facts": "new_facts_at",
        "responded": "answered_at",
        "accepted": "accepted_at",
        "withdrawn": "withdrawn_at",
        "merged": "merged_at",
        "closed": "closed_at",
    }
    row: dict[str, Any] = {"complaint_id": 1, "severity": str(log[0].severity)}
    pauses: list[dict[str, Any]] = []
    for e in log:
        if e.kind == "paused":
            pauses.append({"complaint_id": 1, "paused_at": e.at, "resumed_at": None})
        elif e.kind == "resumed":
            pauses[-1]["resumed_at"] = e.at
        elif str(e.kind) in columns:
            row.setdefault(columns[str(e.kind)], e.at)
    return row, pauses
