"""The policy ``bank``: what several domains read, once for all of them."""

from __future__ import annotations

import pickle
import types
from datetime import date

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.book.loss_reasons import LossReason
from bankcrm.errors import PluginError, PolicyError, UnknownNameError
from bankcrm.plugins import AddRecords, SetParameter, assemble, hookimpl
from bankcrm.policy import (
    DOMAINS,
    Policy,
    PolicySet,
    default_policies,
    default_policy,
    load_policy,
)
from bankcrm.rules import DecisionTable, Parameter, Rule
from bankcrm.testing.tables import policies

BANK = default_policy("bank")
OTHERS = [d for d in DOMAINS if d != "bank"]
LONG_YEAR = BANK.with_parameters(year_days=366)

MATURE = """
[policy]
id = "own.lifecycle"
domain = "lifecycle"
version = "1"

[[tables]]
id = "mature"
[[tables.rules]]
id = "yes"
when = { age_days = ">= @year_days" }
then = true
[[tables.rules]]
id = "no"
when = {}
then = false
"""

BOUNDED = "facts = { age_days = { type = 'number', maximum = 380 } }"


def mature(policy: Policy, days: float) -> object:
    return policy.table("mature").decide({"age_days": days}).outcome


def dated_bank() -> Policy:
    versions = (
        Parameter(365, unit="days", effective_to=date(2025, 12, 31)),
        Parameter(400, unit="days", effective_from=date(2026, 1, 1)),
    )
    return attrs.evolve(BANK, parameters={**BANK.parameters, "year_days": versions}).checked()


@pytest.mark.parametrize("domain", OTHERS)
def test_every_domain_reads_parameters_tables_and_records_of_the_bank(domain: str) -> None:
    policy = default_policy(domain)
    for name in BANK.parameters:
        assert policy.has_parameter(name)
        if name not in policy.parameters:
            assert policy.parameter(name) == BANK.parameter(name)
    assert policy.table("company_phase") == BANK.table("company_phase")
    reasons = policy.records("loss_reason", LossReason)
    assert reasons == BANK.records("loss_reason", LossReason)
    assert len(reasons) == len(BANK.raw_records["loss_reason"])


def test_the_bank_has_no_bank() -> None:
    assert BANK.shared is None
    assert not BANK.has_parameter("lost_after_days")
    with pytest.raises(UnknownNameError, match="no parameter 'lost_after_days' in policy"):
        BANK.value("lost_after_days")


def test_an_unknown_name_lists_those_of_the_policy_and_of_the_bank() -> None:
    policy = default_policy("lifecycle")
    for call in (lambda: policy.value("x"), lambda: policy.records("x", LossReason)):
        with pytest.raises(UnknownNameError) as raised:
            call()
        assert {"bankcrm.lifecycle"} <= set(str(raised.value).replace("'", " ").split())
    with pytest.raises(UnknownNameError, match=r"known: .*stage.*company_phase"):
        policy.table("x")
    with pytest.raises(UnknownNameError, match=r"known: .*lost_after_days.*year_days"):
        policy.value("x")
    with pytest.raises(UnknownNameError, match=r"known: .*loss_reason"):
        policy.records("x", LossReason)


def test_a_domains_own_value_wins() -> None:
    own = default_policy("lifecycle").with_parameters(year_days=360)
    assert own.value("year_days") == 360
    assert own.parameter("year_days").unit == "days"
    assert own.shared == BANK
    policies = default_policies().with_policy(own).with_policy(LONG_YEAR)
    assert policies["lifecycle"].value("year_days") == 360
    assert policies["valuation"].value("year_days") == 366


def test_a_domains_own_table_and_list_win() -> None:
    table = DecisionTable("company_phase", (Rule("all", {}, "maturity"),))
    lifecycle = default_policy("lifecycle").with_table(table)
    assert lifecycle.table("company_phase").decide({}).outcome == "maturity"
    code = {"code": "own", "group": "other", "zh": "x"}
    listed = attrs.evolve(lifecycle, raw_records={"loss_reason": [code]})
    assert [r.code for r in listed.records("loss_reason", LossReason)] == ["own"]
    assert attrs.evolve(listed, raw_records={"loss_reason": ()}).records("loss_reason", str) == ()


def test_a_plug_in_adds_to_what_the_domain_reads_from_the_bank() -> None:
    """In one domain only; unit and note of a parameter stay."""
    changes = [
        AddRecords("lifecycle", "loss_reason", ({"code": "own", "group": "other"},)),
        SetParameter("lifecycle", "year_days", Parameter(360)),
    ]
    module = types.ModuleType("ours")
    module.changes = hookimpl(lambda: changes)
    made = assemble(plugins=[module])
    reasons = made["lifecycle"].records("loss_reason", LossReason)
    assert reasons[:-1] == BANK.records("loss_reason", LossReason)
    assert reasons[-1].code == "own"
    year = made["lifecycle"].parameter("year_days")
    assert (year.value, year.unit) == (360, BANK.parameter("year_days").unit)
    assert made["bank"] == BANK
    assert made["valuation"] == default_policy("valuation")


def test_a_plug_in_that_changes_the_bank_must_not_break_a_domain() -> None:
    lifecycle = load_policy(MATURE.replace('id = "mature"', f'id = "mature"\n{BOUNDED}'))
    base = default_policies().with_policy(lifecycle)
    module = types.ModuleType("ours")
    for value, fits in ((370, True), (400, False)):
        change = SetParameter("bank", "year_days", Parameter(value))
        module.changes = hookimpl(lambda change=change: [change])
        if fits:
            assert assemble(base, plugins=[module])["lifecycle"].value("year_days") == value
        else:
            with pytest.raises(PluginError, match=r"plug-in ours breaks policy own\.lifecycle"):
                assemble(base, plugins=[module])


def test_a_table_of_the_bank_decides_by_the_domains_own_parameter() -> None:
    facts = {"company_age_years": 5, "revenue_growth": 0.0, "industry_outlook": "steady"}
    policy = default_policy("lifecycle")
    assert policy.table("company_phase").decide(facts).outcome == "maturity"
    own = policy.with_parameters(company_entry_years=6)
    assert own.table("company_phase").decide(facts).outcome == "entry"


def test_a_table_may_name_a_parameter_of_the_bank() -> None:
    policy = load_policy(MATURE)
    assert (mature(policy, 365.2), mature(policy, 365.3)) == (False, True)
    assert mature(load_policy(MATURE, shared=LONG_YEAR), 365.3) is False
    assert "year_days" not in policy.parameters


def test_a_file_is_checked_against_the_bank_that_is_given() -> None:
    text = MATURE.replace("@year_days", "@own_days")
    with pytest.raises(PolicyError, match="unknown parameter @own_days"):
        load_policy(text)
    bank = attrs.evolve(BANK, parameters={**BANK.parameters, "own_days": Parameter(10)})
    assert mature(load_policy(text, shared=bank), 10) is True


def test_a_set_puts_every_policy_on_its_bank() -> None:
    changed = default_policies().with_policy(LONG_YEAR)
    assert all(p.shared == LONG_YEAR for p in changed if p.domain != "bank")
    own = changed.with_policy(load_policy(MATURE))
    assert own["lifecycle"].value("year_days") == 366
    assert mature(own["lifecycle"], 365.3) is False
    without = PolicySet({"lifecycle": attrs.evolve(load_policy(MATURE), shared=LONG_YEAR)})
    assert without["lifecycle"].value("year_days") == 366
    assert pickle.loads(pickle.dumps(changed)) == changed


def test_changing_the_bank_changes_every_fingerprint() -> None:
    before, after = default_policies(), default_policies().with_policy(LONG_YEAR)
    for domain in DOMAINS:
        assert before[domain].fingerprint != after[domain].fingerprint
    assert before.fingerprint != after.fingerprint
    assert before.with_policy(BANK) == before


def test_diff_shows_a_change_of_the_bank_once() -> None:
    before, after = default_policies(), default_policies().with_policy(LONG_YEAR)
    assert [str(c) for c in before["bank"].diff(after["bank"])] == [
        "parameters.year_days.value: 365.25 -> 366"
    ]
    assert all(before[d].diff(after[d]) == () for d in OTHERS)


def test_a_dated_bank_gives_every_domain_the_value_of_the_day() -> None:
    policies = default_policies().with_policy(dated_bank()).with_policy(load_policy(MATURE))
    with pytest.raises(PolicyError, match="2 dated versions"):
        policies["lifecycle"].value("year_days")
    for day, expected in ((date(2025, 12, 31), 365), (date(2026, 1, 1), 400)):
        now = policies.at(day)
        assert {p.value("year_days") for p in now} == {expected}
        assert now["lifecycle"].at(day).value("year_days") == expected
        assert (mature(now["lifecycle"], 364), mature(now["lifecycle"], 400)) == (False, True)


def test_a_policy_is_checked_on_every_day_on_which_the_bank_changes() -> None:
    """The table is fine under the first version of the parameter, and breaks under the second."""
    bounded = MATURE.replace('id = "mature"', f'id = "mature"\n{BOUNDED}')
    assert load_policy(bounded)
    with pytest.raises(PolicyError, match="no value of 'age_days' passes"):
        load_policy(bounded, shared=dated_bank())


def test_a_day_that_the_bank_does_not_cover_is_an_error() -> None:
    bank = attrs.evolve(BANK, effective_from=date(2026, 1, 1))
    policies = default_policies().with_policy(bank)
    with pytest.raises(PolicyError, match=r"policy 'bankcrm\.bank' is not in force on 2025-12-31"):
        policies.at(date(2025, 12, 31))


@given(policies(), st.sampled_from(OTHERS))
def test_a_policy_reads_back_equal_on_its_bank(policy: Policy, domain: str) -> None:
    on_bank = attrs.evolve(policy, domain=domain, shared=LONG_YEAR)
    assert load_policy(on_bank.to_toml(), shared=LONG_YEAR) == on_bank
    assert load_policy(on_bank.to_toml()) != on_bank
