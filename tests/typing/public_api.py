"""The public API as a user's type checker sees it: mypy --strict and pyright read this file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import assert_type

import pandas as pd

import bankcrm
from bankcrm.calendars import WorkingCalendar, business_day, working_calendar
from bankcrm.errors import BankcrmError, MissingExtraError, PolicyError
from bankcrm.frames import Column, check_frame
from bankcrm.lifecycle import assign_stages, stage_facts
from bankcrm.plugins import Assembled
from bankcrm.policy import Policy, default_policies, default_policy, load_policy
from bankcrm.rules import Decision, DecisionTable, Finding, HitPolicy, Parameter, Rule, Trace
from bankcrm.simulation import Impact
from bankcrm.valuation import Concentration, concentration
from bankcrm.vocabulary import Stage, Tier


def tables(frame: pd.DataFrame, facts: Mapping[str, object]) -> None:
    """Decision tables."""
    table = DecisionTable(
        id="activity",
        hit_policy=HitPolicy.FIRST,
        facts={"days_idle": "integer"},
        parameters={"idle": Parameter(90, unit="days")},
        rules=(Rule("idle", {"days_idle": ">= @idle"}, "dormant"), Rule("other", {}, "active")),
    )
    assert_type(table.decide(facts), Decision)
    assert_type(table.decide(facts, on_missing="undecided").missing, str)
    assert_type(table.decide_frame(frame), pd.DataFrame)
    assert_type(table.explain(facts), Trace)
    assert_type(table.check(), list[Finding])
    assert_type(table.to_toml(), str)
    assert_type(table.fingerprint, str)
    assert_type(DecisionTable.from_toml(Path("table.toml")), DecisionTable)
    assert_type(table.compare(table, frame).rows, int)


def policies() -> None:
    """Policies."""
    policy = default_policy("lifecycle")
    assert_type(policy, Policy)
    assert_type(policy.with_parameters(new_days=60), Policy)
    assert_type(policy.at(dt.date(2026, 6, 30)), Policy)
    assert_type(policy.table("stage"), DecisionTable)
    assert_type(load_policy("ours.toml").fingerprint, str)
    try:
        load_policy("broken.toml")
    except PolicyError as error:
        assert_type(error.faults, tuple[str, ...])


def words_and_calendars() -> None:
    """Words and working days."""
    assert_type(Stage.DORMANT.label("zh"), str)
    assert_type([tier.label("en") for tier in Tier], list[str])
    calendar = working_calendar("CN")
    assert_type(calendar, WorkingCalendar)
    assert_type(calendar.is_working(dt.date(2026, 10, 1)), bool)
    assert_type(calendar.add(dt.date(2026, 9, 30), 5), dt.date)


def frames(frame: pd.DataFrame) -> None:
    """Frames: checked at the edge, results are frames."""
    columns = (Column("customer_id", "id"), Column("amount", "money", nullable=True))
    assert_type(check_frame(frame, columns, key=("customer_id",)), pd.DataFrame)
    facts = stage_facts(frame, frame, as_of=dt.date(2026, 6, 30))
    assert_type(assign_stages(facts), pd.DataFrame)
    spread = concentration(frame["amount"])
    assert_type(spread, Concentration)
    assert_type(spread.share_of_top(0.2), float)


def changes(book: bankcrm.Book, noon: dt.datetime) -> None:
    """Policies put together, and what they would change."""
    policies = bankcrm.assemble(disable=["ours"])
    assert_type(policies, Assembled)
    impact = bankcrm.simulate(book, default_policies(), policies)
    assert_type(impact, Impact)
    assert_type(impact.moved, pd.Index)
    assert_type(business_day(noon), dt.date)


def reviews(book: bankcrm.Book) -> None:
    """The review, and its errors."""
    result = bankcrm.review(book, as_of=dt.date(2026, 6, 30), policies=default_policies())
    assert_type(result, bankcrm.Review)
    assert_type(result.customers, pd.DataFrame)
    result.write(Path("out"))
    try:
        bankcrm.read_book("folder")
    except MissingExtraError as error:
        assert_type(error.extra, str)
    except BankcrmError as error:
        assert_type(str(error), str)
