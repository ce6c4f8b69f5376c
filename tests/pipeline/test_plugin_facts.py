"""A plug-in's fact is a step: every decision after it reads it, in memory and on an engine."""

from __future__ import annotations

import types
from typing import Any

import attrs
import pandas as pd
import pytest

from bankcrm.datasets import make_book
from bankcrm.engines import DuckDBEngine
from bankcrm.errors import PluginError
from bankcrm.pipeline import STEPS
from bankcrm.plugins import AddRule, Change, FactSource, ReplaceRule, assemble, hookimpl
from bankcrm.plugins.order import CUSTOMER_STEPS
from bankcrm.policy import PolicySet, default_policy
from bankcrm.reviews import EngineReview, Review, review
from bankcrm.rules import HitPolicy, Rule

BOOK = make_book(600, seed=11)
TABLES = {
    "stage": ("lifecycle", "stage_rule"),
    "rfm_segment": ("segmentation", "segment_rule"),
    "rfm_level": ("segmentation", "rfm_level_rule"),
    "tier_standing": ("segmentation", "standing_rule"),
    "tier_value": ("segmentation", "value_level_rule"),
    "tier_growth": ("segmentation", "growth_level_rule"),
    "tier": ("segmentation", "tier_rule"),
    "resource_level": ("segmentation", "resource_level_rule"),
    "warning": ("lifecycle", "warning_rules"),
    "warning_level": ("lifecycle", "warning_rule"),
}
"""Table -> its domain, and the column of the rule that decided."""


def odd(frames: Any, as_of: Any) -> pd.DataFrame:
    """Every third customer or complaint."""
    index = frames["facts"].index
    return pd.DataFrame({"vip": index.to_numpy() % 3 == 0}, index=index)


def with_rule(
    domain: str, table: str, source: str, outcome: Any = None, usual: str = ""
) -> PolicySet:
    """A plug-in with a fact of one domain, and a rule on it in a table of the same or another."""
    known = default_policy(domain).table(table)
    first = known.rules[0]
    then = first.then if outcome is None else outcome
    rule = Rule("vip", {"vip": "= true"}, then, "board", because="a customer of the board")
    changes: list[Change] = [AddRule(domain, table, rule, before=first.id)]
    if known.hit_policy is HitPolicy.UNIQUE:  # no two rules may apply: one is split by the fact
        [split] = [r for r in known.rules if r.id == usual]
        cells = {fact: str(test) for fact, test in split.when.items()}
        mine = attrs.evolve(rule, when={**cells, "vip": "= true"}, then=split.then)
        others = attrs.evolve(split, when={**cells, "vip": "= false"})
        changes = [
            ReplaceRule(domain, table, others),
            AddRule(domain, table, mine, before=split.id),
        ]
    module = types.ModuleType("board")
    facts = [FactSource("vip", source, {}, {"vip": "boolean"}, odd)]
    vars(module)["changes"] = hookimpl(lambda: changes)
    vars(module)["facts"] = hookimpl(lambda: facts)
    return assemble(plugins=[module])


def everyone(found: Review) -> pd.DataFrame:
    facts = found.output.frame() if isinstance(found, EngineReview) else found.facts
    return facts.sort_index()


def _rules(facts: pd.DataFrame, column: str) -> pd.Series[str]:
    return facts[column].astype("string").fillna("").astype(object)


EARLIER = {"lifecycle": [], "segmentation": ["stage"]}
EARLIER["valuation"] = ["stage", "rfm_segment", "rfm_level"]
"""The tables that are decided before the first step of a source's domain."""


@pytest.fixture(scope="module")
def plain() -> Review:
    return review(BOOK, as_of=BOOK.as_of)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("source", EARLIER)
def test_a_rule_on_a_fact_of_a_plugin_decides(table: str, source: str, plain: Review) -> None:
    domain, column = TABLES[table]
    usual = str(plain.facts[column].value_counts().idxmax())
    if table in EARLIER[source]:
        with pytest.raises(PluginError, match=r"'vip' .*not computed before this table"):
            with_rule(domain, table, source, usual=usual)
        return
    policies = with_rule(domain, table, source, usual=usual)
    found = everyone(review(BOOK, as_of=BOOK.as_of, policies=policies))
    rules = _rules(found, column)
    named = rules.str.split("+").map(lambda ids: "vip" in ids)
    vip = found.index.to_numpy() % 3 == 0
    assert named[vip].any()
    assert not named[~vip].any()
    if list(TABLES).index(table) % 3 != list(EARLIER).index(source):
        return  # an engine meets each table once
    engine = review(DuckDBEngine(BOOK), as_of=BOOK.as_of, policies=policies, blocks=2)
    assert _rules(everyone(engine), column).tolist() == rules.tolist()
    customer = found.index[named.to_numpy()][0]
    assert "vip" in str(engine.explain(customer)[table])


@pytest.mark.parametrize("table", ["severity", "departments", "priority"])
def test_a_rule_on_a_fact_of_complaints_decides(table: str, plain: Review) -> None:
    """The fact reaches the table; it is never taken for false. (A route takes one rule only.)"""
    known = default_policy("complaints").table(table)
    usually = plain.complaints
    asked = usually["kind"].astype(str) == "complaint"
    vip = pd.Series(usually.index.to_numpy() % 3 == 0, usually.index) & asked
    other = known.rules[-1].then if table != "priority" else known.rules[0].then
    policies = with_rule("complaints", table, "complaints", outcome=other)
    for source in (BOOK, DuckDBEngine(BOOK)):
        found = review(source, as_of=BOOK.as_of, policies=policies).complaints
        same = found[table].astype(str) == usually[table].astype(str)
        assert same[~vip & asked].all()
        assert not same[vip].all()


def test_a_fact_that_waits_for_another_comes_after_it() -> None:
    """It reads the contribution, so no table before that may read it."""
    module = types.ModuleType("late")

    def rich(frames: Any, as_of: Any) -> pd.DataFrame:
        return pd.DataFrame({"rich": frames["facts"]["contribution"] > 1000})

    facts = FactSource("rich", "lifecycle", {"facts": ["contribution"]}, {"rich": "boolean"}, rich)
    vars(module)["facts"] = hookimpl(lambda: [facts])

    def changed(table: str, then: str) -> PolicySet:
        domain = "segmentation" if table == "tier" else "lifecycle"
        first = default_policy(domain).table(table).rules[0].id
        change = AddRule(
            domain, table, Rule("rich", {"rich": "= true"}, then, "board"), before=first
        )
        vars(module)["changes"] = hookimpl(lambda: [change])
        return assemble(plugins=[module])

    found = review(BOOK, as_of=BOOK.as_of, policies=changed("tier", "key"))
    by_rule = found.customers["tier_rule"].astype(str) == "rich"
    rich = (found.customers["contribution"] > 1000) & found.customers["is_customer"]
    assert by_rule.tolist() == rich.tolist()
    with pytest.raises(PluginError, match=r"'stage' reads 'rich' before .* waits for contribution"):
        review(BOOK, as_of=BOOK.as_of, policies=changed("stage", "lost"))


def test_the_check_of_facts_goes_by_the_order_of_the_steps() -> None:
    """Plug-ins are below the pipeline, so they have their own copy of its order."""
    decided = [(step.domain, d.table) for step in STEPS for d in step.decisions]
    assert [step for step in CUSTOMER_STEPS if step[1]] == decided
    domains = [domain for domain, _ in dict.fromkeys((s.domain, "") for s in STEPS)]
    assert list(dict.fromkeys(domain for domain, _ in CUSTOMER_STEPS)) == domains
