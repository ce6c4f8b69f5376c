"""Policies load completely, or report all errors together, each with its path."""

from __future__ import annotations

import copy
import pickle
import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import PolicyError, UnknownNameError
from bankcrm.policy import Policy, load_policy
from bankcrm.rules import DecisionTable, Parameter, Rule
from bankcrm.testing.tables import policies

GOOD = """
[policy]
id = "bank.lifecycle"
domain = "lifecycle"
version = "7"
title = "Our lifecycle"

[[parameters.lost]]
value = 365
unit = "days"
source = "default"
effective_to = 2025-12-31

[[parameters.lost]]
value = 300
unit = "days"
source = "board 2025-11"
effective_from = 2026-01-01

[parameters.rates]
value = { demand = 0.012, term = 0.021 }
unit = "rate per year"

[[tables]]
id = "stage"
outcomes = ["active", "lost"]
[[tables.rules]]
id = "gone"
when = { idle = ">= @lost" }
then = "lost"
[[tables.rules]]
id = "otherwise"
when = {}
then = "active"

[[records.playbook]]
stage = "lost"
days = 5
tags = ["a", "b"]
"""


@attrs.frozen
class Play:
    stage: str
    days: int
    tags: tuple[str, ...] = ()


def faults_of(text: str) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as raised:
        load_policy(text + "\n")
    return raised.value.faults


# --- reading ---


def test_a_policy_as_it_stood_on_a_day() -> None:
    policy = load_policy(GOOD)
    before, after = policy.at(date(2025, 12, 31)), policy.at(date(2026, 1, 1))
    assert (before.value("lost"), after.value("lost")) == (365, 300)
    assert after.parameter("lost").source == "board 2025-11"
    row = {"idle": 320}
    assert before.table("stage").decide(row).outcome == "active"
    assert after.table("stage").decide(row).outcome == "lost"
    assert before.fingerprint != after.fingerprint != policy.fingerprint
    assert policy.at(datetime(2026, 1, 1, 12)) == after
    assert after.at(date(2026, 5, 5)) == after


def test_what_has_several_versions_asks_for_a_day() -> None:
    policy = load_policy(GOOD)
    with pytest.raises(PolicyError, match=r"parameter 'lost' has 2 dated versions; call policy.at"):
        policy.value("lost")
    with pytest.raises(PolicyError, match="2 dated versions"):
        policy.table("stage")
    with pytest.raises(PolicyError, match="2 dated versions"):
        policy.with_parameters(lost=1)


def test_a_day_that_nothing_covers_is_an_error() -> None:
    bounded = GOOD.replace(
        'title = "Our', 'effective_from = 2025-01-01\neffective_to = 2026-06-30\ntitle = "Our'
    )
    policy = load_policy(bounded)
    for day in (date(2024, 12, 31), date(2026, 7, 1)):
        with pytest.raises(PolicyError, match=f"'bank.lifecycle' is not in force on {day}"):
            policy.at(day)
    assert policy.at(date(2025, 1, 1)).value("lost") == 365
    late = load_policy(
        GOOD.replace(
            'unit = "rate per year"', 'unit = "rate per year"\neffective_from = 2025-06-01'
        )
    )
    with pytest.raises(
        PolicyError, match=r"parameters\.rates: no version is in force on 2025-01-01"
    ):
        late.at(date(2025, 1, 1))


def test_values_tables_and_records_by_name() -> None:
    policy = load_policy(GOOD).at(date(2026, 1, 1))
    assert policy.value("rates") == {"demand": 0.012, "term": 0.021}
    assert policy.records("playbook", Play) == (Play("lost", 5, ("a", "b")),)
    assert policy.table("stage") is policy.table("stage")  # kept compiled
    for call in (
        lambda: policy.value("rate"),
        lambda: policy.table("stages"),
        lambda: policy.records("plays", Play),
    ):
        with pytest.raises(UnknownNameError, match="known: "):
            call()


@pytest.mark.parametrize("part", ["parameters", "tables", "raw_records"])
def test_the_parts_of_a_policy_have_names(part: str) -> None:
    with pytest.raises(PolicyError, match="expected a mapping by name, got a tuple"):
        Policy(id="p", domain="lifecycle", version="1", **{part: ()})


def test_records_report_all_errors() -> None:
    policy = load_policy(GOOD + '\n[[records.playbook]]\nstage = 3\ndays = "x"\n')
    with pytest.raises(PolicyError) as raised:
        policy.records("playbook", Play)
    assert raised.value.faults == (
        "records.playbook[1].stage: expected str, saw 3",
        "records.playbook[1].days: expected int, saw 'x'",
    )
    with pytest.raises(TypeError):
        policy.raw_records["playbook"][0]["stage"] = "new"
    assert policy.raw_records["playbook"][0]["tags"] == ("a", "b")


def test_a_file_is_read_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert load_policy(path) == load_policy(GOOD)
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")


# --- errors ---


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("2025-12-31", "2026-01-05", "parameters.lost: two versions are in force on 2026-01-01"),
        ("2025-12-31", "2025-12-30", "no version is in force between 2025-12-30 and 2026-01-01"),
        ("effective_to = 2025-12-31", "", "two versions are in force on 2026-01-01"),
        ("effective_from = 2026-01-01", "", "parameters.lost: two versions are in force on"),
        (
            "effective_from = 2026-01-01",
            "effective_from = 2026-01-01\neffective_to = 2025-02-01",
            "parameters.lost: ends on 2025-02-01, before it starts on 2026-01-01",
        ),
        (
            "[policy]",
            "[policy]\neffective_from = 2026-02-01\neffective_to = 2026-01-01",
            "policy: ends on 2026-01-01, before it starts on 2026-02-01",
        ),
        ('300\nunit = "days"', '300\nunit = "months"', "versions of different units: days, months"),
        ("value = 300", "value = -300", "parameters.lost: -300 does not fit the unit 'days'"),
        ("value = 300", "worth = 300", "parameters.lost[1]: unknown key(s) worth"),
        ("value = 300", 'value = "long"', "compares numbers and dates only"),
        ("rate per year", "rate per eon", "parameters.rates: unknown unit 'eon'"),
        ("@lost", "@lots", "tables[stage].rules[0].when.idle: unknown parameter @lots"),
        ("when = {}", 'when = { idle = "> 900" }', "rules[1]: rule 'otherwise' never decides"),
        ('then = "active"', 'then = "alive"', "rules[1].then: 'alive' is not an outcome"),
        ('id = "stage"\noutcomes', "outcomes", "tables[0].id: required key 'id' is missing"),
        ('domain = "lifecycle"', "", "policy.domain: required key 'domain' is missing"),
        ('version = "7"', "version = 7", "policy.version: expected str, saw 7"),
        ("[[records.playbook]]", "[records.playbook]", "playbook: expected [[records.playbook]]"),
        ("[policy]", "[surprise]\n[policy]", "surprise: unknown key; known: policy, parameters"),
    ],
)
def test_each_fault_by_example(old: str, new: str, fault: str) -> None:
    assert old in GOOD
    assert fault in "\n".join(faults_of(GOOD.replace(old, new)))


def test_a_gap_inside_the_policys_own_dates_is_an_error() -> None:
    dated = GOOD.replace(
        'title = "Our', 'effective_from = 2024-01-01\neffective_to = 2027-12-31\ntitle = "Our'
    )
    late = dated.replace(
        'unit = "rate per year"', 'unit = "rate per year"\neffective_from = 2025-01-01'
    )
    assert "parameters.rates: no version is in force from 2024-01-01 until 2025-01-01" in faults_of(
        late
    )
    early = dated.replace(
        'unit = "rate per year"', 'unit = "rate per year"\neffective_to = 2026-12-31'
    )
    assert "parameters.rates: no version is in force from 2026-12-31 until 2027-12-31" in faults_of(
        early
    )


def test_parts_that_are_never_in_force_together_are_a_fault() -> None:
    ended = GOOD.replace('id = "stage"', 'id = "stage"\neffective_to = 2019-12-31')
    dated = ended.replace(
        'unit = "rate per year"', 'unit = "rate per year"\neffective_from = 2020-01-01'
    )
    assert faults_of(dated) == (
        "policy: there is no day on which all its parameters and tables are in force",
    )


def test_all_errors_are_reported_together_and_once() -> None:
    bad = (
        GOOD.replace("value = 300", "value = -300")
        .replace("rate per year", "rate per eon")
        .replace('then = "active"', 'then = "alive"')
        .replace("days = 5", "days = 5\n[surprise]")
        .replace("value = 365", "valeu = 365")
    )
    faults = faults_of(bad)
    assert len(faults) == len(set(faults))
    reported = "\n".join(faults)
    for path in ("surprise:", "parameters.lost[0]", "parameters.lost: -300", "parameters.rates:"):
        assert path in reported
    assert "'alive' is not an outcome" in reported
    assert "unknown parameter" not in reported  # it is there, and its own error is reported


@pytest.mark.parametrize(
    "text",
    [
        "",
        "policy = 3",
        "parameters = 3",
        "parameters = { x = 3 }",
        "parameters = { x = [3] }",
        "tables = 3",
        "tables = [3]",
        "tables = [{ rules = 3 }]",
        "tables = [{ facts = 3 }]",
        "records = 3",
        "records = { x = 3 }",
        "[policy",
    ],
)
def test_broken_files_raise_policy_errors(text: str) -> None:
    assert faults_of(text)


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=3) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


def _paths(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items: Any = ()
    if isinstance(node, dict):
        items = node.items()
    elif isinstance(node, list):
        items = enumerate(node)
    return [path, *(p for key, inner in items for p in _paths(inner, (*path, key)))]


@given(st.data())
def test_any_change_to_a_file_gives_a_policy_or_faults(data: st.DataObject) -> None:
    document = tomllib.loads(GOOD)
    *above, last = data.draw(st.sampled_from([p for p in _paths(document) if p]))
    node: Any = document
    for key in above:
        node = node[key]
    if data.draw(st.booleans()):
        node[last] = data.draw(ANYTHING)
    else:
        del node[last]
    faults: tuple[str, ...] = ()
    try:
        policy = load_policy(tomli_w.dumps(document) + "\n")
        assert load_policy(policy.to_toml()) == policy
    except PolicyError as error:
        faults = error.faults
    assert all(": " in fault for fault in faults)
    assert len(set(faults)) == len(faults)


# --- changing ---


def test_with_parameters_is_checked_like_a_load() -> None:
    policy = load_policy(GOOD).at(date(2026, 1, 1))
    assert policy.with_parameters(lost=200).value("lost") == 200
    assert policy.value("lost") == 300
    assert policy.with_parameters(rates={"demand": 0.5}).value("rates") == {"demand": 0.5}
    with pytest.raises(PolicyError, match=r"parameters\.lots: no such parameter"):
        policy.with_parameters(lots=200)
    with pytest.raises(PolicyError, match="does not fit the unit 'days'"):
        policy.with_parameters(lost=-1)
    for value in ("long", True, date(2026, 1, 1), [1], {"a": 1}):
        with pytest.raises(PolicyError, match=r"parameters\.lost: .* is of another kind than 300"):
            policy.with_parameters(lost=value)


def test_a_parameter_that_breaks_a_table_is_refused() -> None:
    bounded = GOOD.replace(
        "outcomes =", 'facts = { idle = { type = "integer", minimum = 0 } }\noutcomes ='
    )
    policy = load_policy(bounded).at(date(2026, 1, 1))
    with pytest.raises(
        PolicyError, match=r"tables\[stage\]\.rules\[1\]: rule 'otherwise' never decides"
    ):
        policy.with_parameters(lost=0)


def test_with_table_is_checked_too() -> None:
    policy = load_policy(GOOD).at(date(2026, 1, 1))
    table = DecisionTable("extra", (Rule("a", {"idle": "> @lost"}, 1), Rule("b", {}, 2)))
    assert policy.with_table(table).table("extra").decide({"idle": 301}).outcome == 1
    with pytest.raises(PolicyError, match="unknown parameter @lots"):
        policy.with_table(
            DecisionTable("extra", (Rule("a", {"idle": "> @lots"}, 1), Rule("b", {}, 2)))
        )


def test_diff_names_rules_and_parameters() -> None:
    policy = load_policy(GOOD).at(date(2026, 1, 1))
    assert policy.diff(policy) == ()
    (change,) = policy.diff(policy.with_parameters(lost=200))
    assert str(change) == "parameters.lost.value: 300 -> 200"
    text = GOOD.replace('id = "gone"', 'id = "left"').replace('version = "7"', 'version = "8"')
    changes = {c.path: (c.before, c.after) for c in load_policy(GOOD).diff(load_policy(text))}
    assert changes["version"] == ("7", "8")
    assert changes["tables.stage.rules.gone.then"] == ("lost", None)
    assert changes["tables.stage.rules.left.then"] == (None, "lost")
    dated = {c.path for c in load_policy(GOOD).diff(load_policy(GOOD.replace("300", "310")))}
    assert dated == {"parameters.lost[1].value"}


# --- laws ---


@given(policies())
def test_a_policy_reads_back_equal(policy: Policy) -> None:
    text = policy.to_toml()
    again = load_policy(text)
    assert again == policy
    assert hash(again) == hash(policy)
    assert (again.fingerprint, again.to_toml()) == (policy.fingerprint, text)
    assert policy.diff(again) == ()


@given(policies(), st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_at_gives_one_version_of_everything(policy: Policy, day: date) -> None:
    """And it is the version whose dates hold the day."""
    now = policy.at(day)
    for name in policy.parameters:
        chosen = now.parameter(name)
        assert chosen in policy.parameters[name]
        assert (chosen.effective_from or day) <= day <= (chosen.effective_to or day)
    for name in policy.tables:
        assert now.table(name).check() is not None
    assert now.at(day) == now
    assert load_policy(now.to_toml()) == now


@given(policies())
def test_a_gap_or_overlap_of_one_day_is_reported(policy: Policy) -> None:
    for name, versions in policy.parameters.items():
        if len(versions) < 2:
            continue
        first, *rest = versions
        for shift, message in ((1, "two versions are in force"), (-1, "no version is in force")):
            moved = attrs.evolve(first, effective_to=first.effective_to + timedelta(days=shift))
            broken = attrs.evolve(policy, parameters={**policy.parameters, name: (moved, *rest)})
            with pytest.raises(PolicyError, match=rf"parameters\.{name}: {message}"):
                broken.checked()


@given(policies())
def test_policies_pickle_and_copy(policy: Policy) -> None:
    policy.at(date(2026, 1, 1))
    again = pickle.loads(pickle.dumps(policy))
    assert again == policy == copy.deepcopy(policy)
    assert again.fingerprint == policy.fingerprint


def test_policies_in_code_take_single_versions() -> None:
    policy = Policy(
        id="own",
        domain="own",
        version="1",
        parameters={"p": Parameter(1)},
        tables={"t": DecisionTable("t", (Rule("a", {}, 1),))},
    )
    assert policy.value("p") == 1
    assert policy.table("t").decide({}).outcome == 1
    assert policy != "own"
