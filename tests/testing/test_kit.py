"""The kit that banks test with: drawn values are valid, and its laws find what is broken."""

from __future__ import annotations

import datetime as dt
import types
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bankcrm.book import Book
from bankcrm.book.contract import MODELS
from bankcrm.calendars import working_calendar
from bankcrm.complaints import replay_clock
from bankcrm.complaints.clocks.events import CaseEvent, next_status
from bankcrm.errors import DataError, PluginError, PolicyError
from bankcrm.frames import check_frame
from bankcrm.lifecycle import Move, replay, stage_model
from bankcrm.models import Record, columns_of
from bankcrm.plugins import Signal, TextClassifier, hookimpl
from bankcrm.policy import DOMAINS, Policy, default_policy
from bankcrm.reviews import review
from bankcrm.rules import DecisionTable, Parameter, Rule
from bankcrm.testing.books import books, case_events, stage_logs
from bankcrm.testing.invalid import Invalid, invalid_frames
from bankcrm.testing.laws import (
    LawError,
    check_plugin,
    check_policy,
    check_route_policy,
    check_stage_model,
    check_table,
    check_tier_policy,
)
from bankcrm.testing.registration import register
from bankcrm.testing.tables import policies

# --- what is drawn is valid ---


@settings(max_examples=20)
@given(books())
def test_a_drawn_book_has_nothing_wrong(book: Book) -> None:
    checked, faults = book.check()
    assert faults == ()
    assert len(checked.customers) == len(book.customers)


@settings(max_examples=4, phases=[Phase.explicit, Phase.generate])
@given(books())
def test_a_drawn_book_is_reviewed_or_refused(book: Book) -> None:
    """Refused only for a figure that the policy lacks, such as the rate of a rare product."""
    try:
        found = review(book, as_of=book.as_of)
    except DataError as error:
        assert "add the product to the policy" in str(error)  # noqa: PT017  # not expected always
    else:
        assert len(found.customers) == len(book.customers)


@given(stage_logs())
def test_a_drawn_log_replays_to_its_last_stages(log: pd.DataFrame) -> None:
    stages = replay(log, as_of=log["date"].max())
    last = log.groupby("customer_id")["after"].last().astype(str)
    assert stages["stage"].astype(str).to_dict() == last.to_dict()


@given(case_events())
def test_drawn_events_are_allowed(events: tuple[CaseEvent, ...]) -> None:
    status = None
    for event in events:
        status = next_status(status, event)  # raises where an event is not allowed
    assert status is not None


@settings(max_examples=15)
@given(case_events())
def test_drawn_events_run_a_clock(events: tuple[CaseEvent, ...]) -> None:
    as_of = events[-1].at + dt.timedelta(days=1)
    assert replay_clock(events, as_of=as_of, calendar=working_calendar("CN"))


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda m: m.__name__)
@settings(max_examples=15)
@given(data=st.data())
def test_an_invalid_frame_is_refused_for_its_fault(
    model: type[Record], data: st.DataObject
) -> None:
    found: Invalid = data.draw(invalid_frames(model, as_of=dt.date(2026, 6, 30)))
    with pytest.raises(DataError) as raised:
        check_frame(found.frame, columns_of(model), as_of=dt.date(2026, 6, 30))
    assert found.column in str(raised.value)


@pytest.mark.parametrize(
    "kind", [*MODELS.values(), DecisionTable, Policy, Book], ids=lambda kind: kind.__name__
)
@settings(max_examples=3)
@given(data=st.data())
def test_types_are_known_to_hypothesis(kind: type, data: st.DataObject) -> None:
    register()
    assert isinstance(data.draw(st.from_type(kind)), kind)


def test_the_fixture_is_a_book(bankcrm_book: Book) -> None:
    assert len(bankcrm_book.customers) == 200


# --- the laws hold for what ships ---


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_shipped_policies_keep_the_laws(domain: str) -> None:
    check_policy(default_policy(domain), examples=4)


@settings(max_examples=3, suppress_health_check=[HealthCheck.nested_given])
@given(policies())
def test_drawn_policies_keep_the_laws(policy: Policy) -> None:
    check_policy(policy, examples=3)


@pytest.mark.parametrize("name", ["bank", "private_banking", "value_phases"])
def test_the_shipped_stage_models_keep_the_laws(name: str) -> None:
    check_stage_model(stage_model(name), examples=20)


def test_the_shipped_tiers_and_routes_keep_the_laws() -> None:
    check_tier_policy(default_policy("segmentation"))
    check_route_policy(default_policy("complaints"))


# --- and they see what is broken ---


def changed(domain: str, table: str, rule: str, **changes: Any) -> Policy:
    """A shipped policy with one rule changed, without the proofs of a load."""
    policy = default_policy(domain)
    old = policy.table(table)
    rules = [attrs.evolve(r, **changes) if r.id == rule else r for r in old.rules]
    new = attrs.evolve(old, rules=rules, parameters={})
    return attrs.evolve(policy, tables={**policy.tables, table: (new,)})


def test_a_gap_breaks_the_law_of_tables() -> None:
    gap = DecisionTable("t", (Rule("a", {"x": "> 1"}, 1),))
    with pytest.raises(LawError, match="no rule applies to some rows"):
        check_table(gap)
    with pytest.raises(PolicyError, match="no rule applies"):
        check_policy(Policy("p", "own", "1", tables={"t": gap}))


def test_a_tier_that_falls_with_contribution_is_seen() -> None:
    worse = changed("segmentation", "tier_value", "top-contribution", then="loss")
    with pytest.raises(LawError, match="contribution "):
        check_tier_policy(worse)


def test_a_route_without_owner_is_seen() -> None:
    policy = default_policy("complaints")
    rows = [dict(r) for r in policy.raw_records["routes"]]
    rows[0] = {**rows[0], "owner": None}
    broken = attrs.evolve(policy, raw_records={**policy.raw_records, "routes": rows})
    with pytest.raises((LawError, PolicyError), match="owner"):
        check_route_policy(broken)


def test_a_dead_end_is_seen() -> None:
    model = stage_model("bank")
    assert model.final == ()
    broken = model.with_moves(Move("lost", "contract_signed", "lost"))
    object.__setattr__(broken, "final", ("lost",))
    with pytest.raises(LawError, match="final"):
        check_stage_model(broken)


# --- plug-ins ---


def plugin(**hooks: Any) -> types.ModuleType:
    module = types.ModuleType("own")
    for name, answer in hooks.items():
        setattr(module, name, hookimpl(answer))
    return module


def test_a_good_plugin_keeps_the_laws() -> None:
    from bankcrm.plugins import SetParameter

    def changes() -> list[SetParameter]:
        return [SetParameter("lifecycle", "lost_after_days", Parameter(400))]

    def signals() -> list[Signal]:
        return [Signal("atm", lambda texts: texts.str.contains("ATM"))]

    check_plugin(plugin(changes=changes, signals=signals), examples=3)


def test_a_plugin_that_does_not_assemble_is_reported() -> None:
    with pytest.raises(PluginError):
        check_plugin(plugin(changes=lambda: [3]))


def test_a_plugin_that_is_not_deterministic_is_reported() -> None:
    from bankcrm.plugins import SetParameter

    values = iter(range(400, 500))

    def changes() -> list[SetParameter]:
        return [SetParameter("lifecycle", "lost_after_days", Parameter(next(values)))]

    with pytest.raises(LawError, match="two assemblies differ"):
        check_plugin(plugin(changes=changes))


def test_a_classifier_that_is_not_deterministic_is_reported() -> None:
    random = np.random.default_rng(1)

    def read(texts: pd.Series) -> pd.DataFrame:
        return pd.DataFrame({"atm": random.random(len(texts)) < 0.5}, index=texts.index)

    with pytest.raises(LawError, match="another answer the second time"):
        check_plugin(plugin(classifiers=lambda: [TextClassifier("dice", read)]))
