"""Order, conflicts and misuse: each error names the plug-in, under both error policies."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import attrs
import pytest

from bankcrm.errors import PluginError, PolicyError
from bankcrm.plugins import (
    AddRule,
    AddTable,
    ReplaceRule,
    SetParameter,
    assemble,
)
from bankcrm.policy import PolicySet, default_policies
from bankcrm.rules import DecisionTable, Fact, Parameter, Rule

from .samples import VIP, adds_vip, first_tier_rule, plugin, refused, sets


def test_the_order_is_priority_then_name() -> None:
    many = [plugin("b", changes=[]), plugin("a", changes=[]), plugin("z", priority=-1, changes=[])]
    assert [p.name for p in assemble(plugins=many).plugins] == ["z", "a", "b"]


def test_two_owners_of_one_thing_need_a_priority() -> None:
    message = refused(plugin("a", changes=sets(1)), plugin("b", changes=sets(2)))
    assert "plug-ins a and b conflict: sets lifecycle.lost_after_days to 2" in message
    assert "higher PRIORITY" in message
    made = assemble(
        plugins=[plugin("a", changes=sets(400), priority=1), plugin("b", changes=sets(500))]
    )
    assert made["lifecycle"].value("lost_after_days") == 400
    changes_of = {p.name: p.changes for p in made.plugins}
    assert changes_of["b"] == ("gives way to a: sets lifecycle.lost_after_days to 500",)
    replace = ReplaceRule("segmentation", "tier", attrs.evolve(VIP, id=first_tier_rule()))
    assert "conflict" in refused(plugin("a", changes=[replace]), plugin("b", changes=[replace]))
    assert "gives the same twice" in refused(plugin("a", changes=[*sets(1), *sets(2)]))


def test_names_are_unique() -> None:
    assert "two plug-ins are called vip-bank" in refused(adds_vip(), adds_vip())


def veto_later(policies: Any) -> str:
    return "no premium customers in this bank"


def raises() -> Iterable[Any]:
    raise RuntimeError("boom")


def wrong_arguments(polices: Any) -> list[Any]:
    return []


OVERLAPS = Rule("mine", {"kind": "= complaint"}, "consult")
MINE = Rule(
    "mine", {"standing": "= clear", "value_level": "= middle"}, "premium", source="our board"
)
MISUSES: dict[str, tuple[dict[str, Any], str]] = {
    "wrong argument names": ({"changes": wrong_arguments}, "polices"),
    "unknown hook": ({"change": []}, "unknown hook 'change'"),
    "no hook": ({}, "implements no hook; mark functions with bankcrm.plugins.hookimpl"),
    "raising hook": ({"facts": raises}, "hook facts raised RuntimeError: boom"),
    "no list": ({"changes": 3}, "hook changes returned 3; expected a list of AddRule or"),
    "a text": ({"changes": "abc"}, "hook changes returned 'abc'"),
    "wrong values": ({"changes": ["x"]}, "hook changes returned 'x'; expected AddRule or"),
    "unknown rule to replace": (
        {"changes": [ReplaceRule("segmentation", "tier", MINE)]},
        "there is no rule 'mine'; known: ",
    ),
    "unknown rule to go before": (
        {"changes": [AddRule("segmentation", "tier", MINE, before="nobody")]},
        "there is no rule 'nobody'; known: ",
    ),
    "circle": (
        {
            "changes": [
                AddRule("segmentation", "tier", MINE, before="x"),
                AddRule("segmentation", "tier", attrs.evolve(MINE, id="x"), after="mine"),
            ]
        },
        "rules wait for each other in a circle: mine (bad), x (bad)",
    ),
    "name taken": (
        {"changes": [AddRule("lifecycle", "stage", Rule("active", {}, "lost"), before="active")]},
        "there is a rule of that name; use ReplaceRule",
    ),
    "unknown table": (
        {"changes": [ReplaceRule("lifecycle", "tier", MINE)]},
        "has no table 'tier'; known: stage",
    ),
    "table there": (
        {"changes": [AddTable("lifecycle", DecisionTable("stage", (MINE,)))]},
        "has a table of that name",
    ),
    "unknown domain": (
        {"changes": [ReplaceRule("sales", "tier", MINE)]},
        "there is no policy for domain 'sales'",
    ),
    "overlap under unique": (
        {
            "changes": [
                AddRule("complaints", "route", OVERLAPS, before="suggestion"),
            ]
        },
        "breaks policy bankcrm.complaints: tables[route].rules",
    ),
    "shadowed rule": (
        {"changes": [AddRule("lifecycle", "stage", Rule("all", {}, "lost"), before="prospect")]},
        "breaks policy bankcrm.lifecycle: ",
    ),
    "bad figure": (
        {"changes": [SetParameter("lifecycle", "lost_after_days", Parameter(-5))]},
        "does not fit the unit 'days'",
    ),
    "parameter that nobody reads": (
        {"changes": [SetParameter("lifecycle", "lost_after_dayz", Parameter(400))]},
        "bankcrm.lifecycle has no parameter 'lost_after_dayz', and no rule of the plug-in reads it",
    ),
    "bad priority": ({"priority": "high", "changes": []}, "PRIORITY is 'high', not a whole number"),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_each_misuse_is_reported_with_the_plugins_name(misuse: str) -> None:
    hooks, expected = MISUSES[misuse]
    message = refused(plugin("bad", **hooks))
    assert expected in message
    assert "bad" in message


@pytest.mark.parametrize("misuse", MISUSES)
def test_in_isolation_a_faulty_plugin_is_left_out_and_reported(misuse: str) -> None:
    """The others go on as if it were not there."""
    hooks, expected = MISUSES[misuse]
    made = assemble(plugins=[plugin("bad", **hooks), adds_vip()], on_error="isolate")
    infos = {p.name: p for p in made.plugins}
    assert expected.removeprefix("plug-in bad ") in infos["bad"].error
    assert infos["vip-bank"].error == ""
    assert made.fingerprint == assemble(plugins=[adds_vip()]).fingerprint


@pytest.mark.parametrize("on_error", ["raise", "isolate"])
def test_a_veto_is_never_isolated(on_error: Any) -> None:
    strict = plugin("strict", veto=veto_later)
    assert "plug-in strict vetoes these policies: no premium" in refused(strict, on_error=on_error)
    assert assemble(plugins=[plugin("mild", veto=lambda policies: None)]).plugins[0].error == ""


def test_a_veto_sees_the_assembled_policies() -> None:
    def at_most_a_year(policies: Any) -> str:
        days = policies["lifecycle"].value("lost_after_days")
        return "" if days <= 365 else f"{days} days are too long"

    guard = plugin("guard", veto=at_most_a_year)
    assert assemble(plugins=[guard])
    assert "400 days are too long" in refused(guard, plugin("own", changes=sets(400)))


def test_two_plugins_that_only_together_break_a_policy() -> None:
    """Where leaving out one is enough, the later in order is named."""
    one = Rule("one", {"kind": "= person", "days_idle": "> 5000"}, "lost")
    other = attrs.evolve(one, id="other", then="dormant")
    message = refused(
        plugin("a", changes=[AddRule("lifecycle", "stage", one, after="lost-closed")]),
        plugin("b", changes=[AddRule("lifecycle", "stage", other, after="one")]),
    )
    assert "plug-in b breaks policy bankcrm.lifecycle" in message


def bank_with_gifts() -> Any:
    """Policies of which a table is complete for years of 365 days or more."""
    rules = (Rule("new", {"days": "< @year_days"}, False), Rule("old", {"days": ">= 365"}, True))
    gift = DecisionTable("gift", rules, facts={"days": Fact("integer")})
    policies = default_policies()
    tables = {**policies["lifecycle"].tables, "gift": (gift,)}
    return policies.with_policy(attrs.evolve(policies["lifecycle"], tables=tables))


@pytest.mark.parametrize("order", list(itertools.permutations(["bank", "own", "odd"])))
def test_a_change_of_the_bank_that_breaks_another_domain_is_told_from_others(
    order: tuple[str, ...],
) -> None:
    changes = {
        "bank": SetParameter("bank", "year_days", Parameter(300)),  # nothing for 300 to 364 days
        "own": sets(400)[0],
        "odd": SetParameter("bank", "odd_rows", Parameter(30)),
    }
    many = [plugin(n, priority=i, changes=[changes[n]]) for i, n in enumerate(order)]
    with pytest.raises(PluginError, match=r"plug-in bank breaks .*lifecycle: tables\[gift\]"):
        assemble(bank_with_gifts(), plugins=many)
    made = assemble(bank_with_gifts(), plugins=many, on_error="isolate")
    assert [p.name for p in made.plugins if p.error] == ["bank"]
    assert made["lifecycle"].value("lost_after_days") == 400
    assert (made["bank"].value("odd_rows"), made["bank"].value("year_days")) == (30, 365.25)


@pytest.mark.parametrize("order", list(itertools.permutations(["bank", "own", "fine"])))
def test_of_several_faulty_plugins_each_is_left_out(order: tuple[str, ...]) -> None:
    gap = DecisionTable(
        "gap", (Rule("old", {"days": ">= 365"}, True),), facts={"days": Fact("integer")}
    )
    changes = {
        "bank": SetParameter("bank", "year_days", Parameter(300)),
        "own": AddTable("lifecycle", gap),
        "fine": sets(400)[0],
    }
    many = [plugin(n, priority=i, changes=[changes[n]]) for i, n in enumerate(order)]
    first = next(n for n in order if n != "fine")
    with pytest.raises(PluginError, match=f"plug-in {first} breaks"):
        assemble(bank_with_gifts(), plugins=many)
    made = assemble(bank_with_gifts(), plugins=many, on_error="isolate")
    assert {p.name for p in made.plugins if p.error} == {"bank", "own"}
    assert made["lifecycle"].value("lost_after_days") == 400


def test_a_set_without_the_policy_bank_takes_changes() -> None:
    alone = PolicySet({"lifecycle": default_policies()["lifecycle"]})
    made = assemble(alone, plugins=[plugin("a", changes=sets(400))])
    assert made["lifecycle"].value("lost_after_days") == 400
    assert list(made.policies) == ["lifecycle"]


def test_a_policy_that_is_broken_without_plugins_is_nobodys_fault() -> None:
    gap = DecisionTable(
        "gap", (Rule("old", {"days": ">= 365"}, True),), facts={"days": Fact("integer")}
    )
    policies = default_policies()
    tables = {**policies["lifecycle"].tables, "gap": (gap,)}
    broken = policies.with_policy(attrs.evolve(policies["lifecycle"], tables=tables))
    with pytest.raises(PolicyError, match="no rule applies to some rows") as raised:
        assemble(broken, plugins=[plugin("a", changes=sets(400))])
    assert "plug-in" not in str(raised.value)


def test_a_rule_needs_one_place() -> None:
    for place in ({}, {"before": "a", "after": "b"}):
        with pytest.raises(PolicyError, match="name the rule that it goes before, or after"):
            AddRule("lifecycle", "stage", VIP, **place)


@pytest.mark.parametrize("first", range(-2, 3))
@pytest.mark.parametrize("second", range(-2, 3))
def test_the_higher_priority_wins_whatever_its_sign(first: int, second: int) -> None:
    both = [plugin("a", changes=sets(400), priority=first),
            plugin("b", changes=sets(500), priority=second)]  # fmt: skip
    if first == second:
        assert "give one of them a higher PRIORITY" in refused(*both)
        return
    made = assemble(plugins=both)
    assert made["lifecycle"].value("lost_after_days") == (400 if first > second else 500)
