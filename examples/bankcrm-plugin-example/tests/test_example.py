"""The plug-in changes a tier and a severity, says so, and leaves no trace when it is disabled."""

from __future__ import annotations

from datetime import date

import bankcrm_example
import pandas as pd
import pytest

from bankcrm.calendars import working_calendar
from bankcrm.plugins import Assembled, assemble
from bankcrm.policy import default_policies
from bankcrm.testing.laws import check_plugin

DAY = date(2026, 6, 30)
STEPS = {"standing": "clear", "value_level": "middle", "growth_level": "unknown"}


@pytest.fixture
def ours() -> Assembled:
    """The policies with the plug-in as it is installed; others that may be there are left out."""
    found = assemble(on_error="isolate")
    others = [p.name for p in found.plugins if p.name != "example"]
    return assemble(disable=others)


def test_it_is_installed_and_listed(ours: Assembled) -> None:
    (info,) = ours.plugins
    assert (info.name, info.distribution, info.version) == (
        "example",
        "bankcrm-plugin-example",
        "1.0",
    )
    assert "adds rule example-payroll to segmentation.tier before ordinary" in info.changes


def test_it_keeps_the_laws() -> None:
    check_plugin(bankcrm_example, examples=5)


def test_it_changes_a_tier_and_is_named(ours: Assembled) -> None:
    base = default_policies()["segmentation"].table("tier").decide(STEPS)
    new = ours["segmentation"].table("tier").decide({**STEPS, "pays_salary": True})
    assert (base.outcome, base.owner) == ("ordinary", "")
    assert (new.outcome, new.rule, new.owner) == ("key", "example-payroll", "example")


def test_it_changes_a_severity_and_is_named(ours: Assembled) -> None:
    table = ours["complaints"].table("severity")
    known = table.compiled.facts.items()
    calm = {n: False if f.type == "boolean" else f.minimum or 0.0 for n, f in known}
    assert table.decide(calm).outcome == "minor"
    new = table.decide({**calm, "atm_fault": True})
    assert (new.outcome, new.owner) == ("moderate", "example")


def test_disabled_it_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANKCRM_DISABLE_PLUGINS", "*")
    assert assemble().fingerprint == default_policies().fingerprint


def test_the_fact(ours: Assembled) -> None:
    moved = pd.DataFrame(
        {
            "customer_id": [1, 2, 3],
            "date": pd.to_datetime(["2026-06-01", "2026-01-01", "2026-06-01"]),
            "kind": ["salary", "salary", "card"],
        }
    )
    facts = pd.DataFrame(index=pd.Index([3, 2, 1], name="customer_id"))
    made = ours.with_facts("segmentation", facts, {"transactions": moved}, as_of=DAY)
    assert made["pays_salary"].tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The ATM ate my card", True),
        ("the cash machine was broken", True),
        ("取款机故障，没有出钞", True),
        ("我的卡被吞卡了", True),
        ("the atm is far away", False),
        ("", False),
    ],
)
def test_the_signal(text: str, expected: bool) -> None:
    assert bankcrm_example.atm_fault(pd.Series([text])).tolist() == [expected]


def test_the_day(ours: Assembled) -> None:
    base = working_calendar("CN")
    assert base.is_working("2026-03-16")
    assert not ours.calendar(base).is_working("2026-03-16")
