"""A rule may read a plug-in's fact only in a table that is decided after the fact is computed."""

from __future__ import annotations

from datetime import date
from typing import Any

import attrs
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import PluginError
from bankcrm.plugins import AddRule, AddTable, FactSource, ReplaceRule, SetParameter, assemble
from bankcrm.plugins.changes import known_facts
from bankcrm.plugins.conflicts import Attributed
from bankcrm.plugins.order import (
    COMPLAINT_STEPS,
    CUSTOMER_STEPS,
    check_fact_names,
    check_fact_order,
)
from bankcrm.policy import Policy, default_policies, default_policy
from bankcrm.rules import DecisionTable, Parameter, Rule

from .samples import adds_vip, plugin, refused

STEPS = (*CUSTOMER_STEPS, *COMPLAINT_STEPS)
TABLES = [step for step in STEPS if step[1]]
CUSTOMER_DOMAINS = ("lifecycle", "segmentation", "valuation", "risk")


def source(domain: str, fact: str = "own_fact", name: str = "ours") -> FactSource:
    return FactSource(name, domain, {}, {fact: "boolean"}, _nothing)


def _nothing(frames: Any, as_of: date) -> pd.DataFrame:
    raise AssertionError("facts are not computed here")


def rule_on(domain: str, table: str, fact: str = "own_fact", test: str = "= true") -> AddRule:
    """A rule before the first of a table; an outcome is taken over from that rule."""
    first = default_policy(domain).table(table).rules[0]
    rule = Rule("own-rule", {**dict(first.when), fact: test}, first.then)
    return AddRule(domain, table, rule, before=first.id)


def test_the_order_names_tables_of_the_shipped_policies() -> None:
    for domain, table in TABLES:
        assert table in default_policy(domain).tables
    assert len(set(STEPS)) == len(STEPS)


@pytest.mark.parametrize("given_to", [*CUSTOMER_DOMAINS, "complaints"])
@pytest.mark.parametrize(("domain", "table"), TABLES)
def test_a_rule_is_refused_before_its_source(given_to: str, domain: str, table: str) -> None:
    """Every domain and table of the two orders, against the position of the table."""
    steps = CUSTOMER_STEPS if (domain, table) in CUSTOMER_STEPS else COMPLAINT_STEPS
    starts = [i for i, (d, _) in enumerate(steps) if d == given_to]
    allowed = bool(starts) and starts[0] <= steps.index((domain, table))
    policy, rule = default_policy(domain), rule_on(domain, table).rule
    shipped = policy.tables[table][0]
    added = attrs.evolve(shipped, rules=(attrs.evolve(rule, owner="b"), *shipped.rules))
    policy = attrs.evolve(policy, tables={**policy.tables, table: (added,)})
    sources = [Attributed("ours", source(given_to))]
    if allowed:
        check_fact_order(steps, [policy], sources)
        return
    with pytest.raises(PluginError) as raised:
        check_fact_order(steps, [policy], sources)
    for part in ("rule 'own-rule'", f"table {domain}.{table}", "fact 'own_fact'", "source 'ours'"):
        assert part in str(raised.value)
    assert f"plug-in ours, domain {given_to}" in str(raised.value)


def rule_names(policy: Policy, table: str) -> list[str]:
    return [r.id for r in policy.table(table).rules]


def test_the_error_lists_the_tables_that_may_read_the_fact() -> None:
    message = refused(
        plugin("ours", facts=[source("segmentation")], changes=[rule_on("lifecycle", "stage")])
    )
    assert "it may be read in segmentation.rfm_segment, segmentation.rfm_level, " in message
    assert "lifecycle.stage," not in message.partition("it may be read in")[2]
    other = refused(
        plugin("ours", facts=[source("complaints")], changes=[rule_on("lifecycle", "stage")])
    )
    assert "it is computed for another kind of row" in other


@pytest.mark.parametrize("test", ["= true", "missing", "present", "= @own_figure"])
def test_every_test_of_the_fact_counts(test: str) -> None:
    figure = SetParameter("lifecycle", "own_figure", Parameter(True))
    changes = [figure] if "@" in test else []
    early = rule_on("lifecycle", "stage", test=test)
    assert "own_fact" in refused(
        plugin("ours", facts=[source("segmentation")], changes=[*changes, early])
    )
    nothing = plugin(
        "ours", facts=[source("segmentation")], changes=[rule_on("lifecycle", "stage", test="-")]
    )
    with pytest.raises(PluginError) as raised:  # the rule is shadowed, and not for its facts
        assemble(plugins=[nothing])
    assert "before this table" not in str(raised.value)


def test_a_replaced_rule_and_a_policy_of_the_plug_in_are_checked() -> None:
    early = rule_on("lifecycle", "stage")
    first = default_policy("lifecycle").table("stage").rules[0]
    replaced = ReplaceRule("lifecycle", "stage", attrs.evolve(early.rule, id=first.id))
    facts = [source("segmentation")]
    assert f"rule '{first.id}'" in refused(plugin("ours", facts=facts, changes=[replaced]))
    own = assemble(plugins=[plugin("x", facts=[source("lifecycle")], changes=[early])])["lifecycle"]
    for policy in (own, attrs.evolve(own, effective_from=date(2030, 1, 1))):
        message = refused(plugin("ours", facts=facts, policies=[policy]))
        assert "rule 'own-rule' of table lifecycle.stage" in message


def test_a_rule_of_the_base_is_checked_too() -> None:
    """A bank's own policy file may read the fact of a plug-in; the source is then at fault."""
    early = rule_on("lifecycle", "stage")
    own = assemble(plugins=[plugin("x", facts=[source("lifecycle")], changes=[early])])["lifecycle"]
    tables = {
        n: tuple(attrs.evolve(t, rules=[attrs.evolve(r, owner="") for r in t.rules]) for t in v)
        for n, v in own.tables.items()
    }
    base = default_policies().with_policy(attrs.evolve(own, tables=tables))
    ours = plugin("ours", facts=[source("segmentation")])
    with pytest.raises(PluginError, match="reads fact 'own_fact' of source 'ours'"):
        assemble(base, plugins=[ours])
    made = assemble(base, plugins=[ours, adds_vip()], on_error="isolate")
    assert {p.name: bool(p.error) for p in made.plugins} == {"ours": True, "vip-bank": False}


def test_in_isolation_the_plug_in_is_left_out() -> None:
    ours = plugin("ours", facts=[source("segmentation")], changes=[rule_on("lifecycle", "stage")])
    made = assemble(plugins=[ours, adds_vip()], on_error="isolate")
    infos = {p.name: p for p in made.plugins}
    assert "reads fact 'own_fact'" in infos["ours"].error
    assert made.fingerprint == assemble(plugins=[adds_vip()]).fingerprint


def test_a_fact_of_one_plug_in_may_be_read_by_another() -> None:
    gives = plugin("gives", facts=[source("lifecycle")])
    reads = plugin("reads", changes=[rule_on("segmentation", "tier")])
    assert rule_names(assemble(plugins=[gives, reads])["segmentation"], "tier")[0] == "own-rule"
    late = plugin("gives", facts=[source("segmentation")])
    early = plugin("reads", changes=[rule_on("lifecycle", "stage")])
    made = assemble(plugins=[late, early], on_error="isolate")
    assert [p.name for p in made.plugins if p.error] == ["reads"]


def test_a_table_that_the_review_does_not_decide_is_free() -> None:
    table = DecisionTable("gift", (Rule("yes", {"own_fact": "= true"}, 1), Rule("no", {}, 0)))
    ours = plugin("ours", facts=[source("segmentation")], changes=[AddTable("lifecycle", table)])
    assert assemble(plugins=[ours])["lifecycle"].table("gift").decide({"own_fact": True}).outcome


def test_two_sources_of_one_fact_are_refused() -> None:
    one, other = source("lifecycle"), source("valuation", name="theirs")
    message = refused(plugin("a", facts=[one]), plugin("b", facts=[other]))
    assert "source 'theirs' (plug-in b, domain valuation)" in message
    assert "both give fact 'own_fact'; rename one" in message
    apart = plugin("b", facts=[source("complaints")])  # another kind of row
    assert assemble(plugins=[plugin("a", facts=[one]), apart])


@given(st.permutations([("lifecycle", "integer"), ("complaints", "text"), ("risk", "boolean")]))
def test_a_domain_knows_the_fact_of_its_own_kind_of_row(order: list[tuple[str, str]]) -> None:
    """Of two facts of one name, that about complaints is for complaints alone."""
    sources = [
        Attributed(domain, FactSource(domain, domain, {}, {"own_fact": kind}, _nothing))
        for domain, kind in order
    ]
    kinds = {d: known_facts(d, sources)["own_fact"].type for d in ("complaints", "lifecycle")}
    about_customers = [kind for domain, kind in order if domain != "complaints"]
    assert kinds == {"complaints": "text", "lifecycle": about_customers[-1]}


def test_facts_of_a_domain_without_steps_may_share_a_name() -> None:
    both = [Attributed(n, source("scoring", name=n)) for n in ("one", "other")]
    check_fact_names([("lifecycle", "stage")], both)
    with pytest.raises(PluginError, match="both give fact 'own_fact'"):
        check_fact_names([("scoring", "band")], both)


def test_a_source_needs_a_domain_with_a_policy() -> None:
    message = refused(plugin("ours", facts=[source("sales")]))
    assert "plug-in ours gives facts own_fact to sales: there is no policy for domain" in message


@given(st.permutations(CUSTOMER_STEPS), st.sampled_from(CUSTOMER_DOMAINS))
def test_the_check_follows_any_order(order: list[tuple[str, str]], domain: str) -> None:
    """Against a model: walk the steps and collect the facts that are there."""
    sources = [Attributed("ours", source(d, f"{d}_fact")) for d in CUSTOMER_DOMAINS]
    there: set[str] = set()
    for step_domain, table in order:
        there.add(f"{step_domain}_fact")
        if not table:
            continue
        rule = Rule("r", {f"{domain}_fact": "= true"}, 1)
        policy = Policy("own", step_domain, "1", tables={table: DecisionTable(table, (rule,))})
        if f"{domain}_fact" in there:
            check_fact_order(order, [policy], sources)
        else:
            with pytest.raises(PluginError, match="not computed before this table"):
                check_fact_order(order, [policy], sources)


def test_names_of_plug_ins_and_tables_do_not_matter() -> None:
    """The first step of a domain decides, however many follow."""
    order = [("a", "one"), ("b", "two"), ("a", "three"), ("b", "four")]
    facts = [Attributed("p", source("b", "f"))]
    for place, (domain, table) in enumerate(order):
        tables = {table: DecisionTable(table, (Rule("r", {"f": "present"}, 1),))}
        policy = Policy("own", domain, "1", tables=tables)
        if place < 1:
            with pytest.raises(PluginError):
                check_fact_order(order, [policy], facts)
        else:
            check_fact_order(order, [policy], facts)
