"""Plug-ins change policies and report what they changed."""

from __future__ import annotations

import pickle
from datetime import date, timedelta
from typing import Any

import attrs
import pandas as pd
import pytest

from bankcrm.errors import PluginError, PolicyError, UnknownNameError
from bankcrm.lifecycle import Move
from bankcrm.lifecycle.model import Term
from bankcrm.plugins import (
    AddIndicators,
    AddRecords,
    AddRoute,
    AddRule,
    AddTable,
    Assembled,
    Preset,
    ReplaceRule,
    SetParameter,
    StageChange,
    assemble,
    read_changes,
)
from bankcrm.plugins.changes import changed
from bankcrm.plugins.conflicts import Attributed
from bankcrm.policy import default_policies, default_policy, load_policy
from bankcrm.rules import DecisionTable, Fact, Parameter, Rule
from bankcrm.segmentation import assign_tiers
from bankcrm.valuation import Measure

from .samples import VIP, adds_vip, first_tier_rule, plugin, refused


def test_without_plugins_nothing_changes() -> None:
    made = assemble(plugins=[])
    assert made == default_policies()
    assert made.fingerprint == default_policies().fingerprint
    assert made.plugins == ()


def test_a_rule_changes_a_tier_and_names_its_owner() -> None:
    facts = {"contribution": [50.0], "credit_standing": ["good"]}
    frame = pd.DataFrame(facts, index=[1])
    before = assign_tiers(frame)["tier"].iloc[0]
    made = assemble(plugins=[adds_vip()])
    after = assign_tiers(frame, policy=made["segmentation"])
    assert (before, after["tier"].iloc[0], after["tier_rule"].iloc[0]) == (
        "ordinary",
        "premium",
        "vip",
    )
    steps = {"standing": "clear", "value_level": "middle", "growth_level": "unknown"}
    decision = made["segmentation"].table("tier").decide(steps)
    assert (decision.outcome, decision.owner) == ("premium", "vip-bank")
    assert made.fingerprint != default_policies().fingerprint
    without = assemble(plugins=[adds_vip()], disable=["vip-bank"])
    assert without.fingerprint == default_policies().fingerprint


def test_the_environment_can_disable_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("vip-bank", " other , vip-bank ", "*"):
        monkeypatch.setenv("BANKCRM_DISABLE_PLUGINS", value)
        assert assemble(plugins=[adds_vip()]).plugins == ()
    monkeypatch.setenv("BANKCRM_DISABLE_PLUGINS", "other")
    assert [p.name for p in assemble(plugins=[adds_vip()]).plugins] == ["vip-bank"]


def test_changes_of_a_plugin_are_reported() -> None:
    (info,) = assemble(plugins=[adds_vip()]).plugins
    assert (info.name, info.hooks, info.priority, info.error) == ("vip-bank", ("changes",), 0, "")
    assert info.changes == (f"adds rule vip to segmentation.tier before {first_tier_rule()}",)
    assert str(info) == "plug-in vip-bank"


def test_every_kind_of_change() -> None:
    table = DecisionTable("gift", (Rule("yes", {"age": ">= @old"}, True), Rule("no", {}, False)))
    made = assemble(
        plugins=[
            plugin(
                "own",
                changes=[
                    SetParameter("lifecycle", "lost_after_days", Parameter(400, source="board")),
                    SetParameter("lifecycle", "old", Parameter(60, unit="years")),
                    AddTable("lifecycle", table),
                    AddRecords("lifecycle", "gifts", ({"name": "tea"},)),
                    ReplaceRule(
                        "complaints",
                        "severity",
                        Rule("moderate-late", {"time_used": ">= 0.5"}, "moderate"),
                    ),
                ],
            )
        ]
    )
    life = made["lifecycle"]
    assert life.value("lost_after_days") == 400
    kept = default_policy("lifecycle").parameter("lost_after_days")
    assert (life.parameter("lost_after_days").unit, life.parameter("lost_after_days").note) == (
        kept.unit,
        kept.note,
    )
    assert life.table("gift").decide({"age": 61}).owner == "own"
    assert life.raw_records["gifts"] == ({"name": "tea"},)
    rules = {r.id: r for r in made["complaints"].table("severity").rules}
    assert (str(rules["moderate-late"].when["time_used"]), rules["moderate-late"].owner) == (
        ">= 0.5",
        "own",
    )
    assert [r.id for r in made["complaints"].table("severity").rules] == [
        r.id for r in default_policy("complaints").table("severity").rules
    ]
    assert load_policy(life.to_toml()) == life


def test_rules_are_placed_before_or_after_the_named_rule() -> None:
    """After: in the order of the plug-ins; before: directly before; by way of others' rules too."""

    def rule(name: str) -> Rule:
        return Rule(name, {"x": f"= {name}"}, 1)

    def add(name: str, **place: str) -> AddRule:
        return AddRule("lifecycle", "order", rule(name), **place)

    table = DecisionTable("order", (rule("first"), rule("second"), Rule("last", {}, 1)))
    policies = default_policies()
    policies = policies.with_policy(policies["lifecycle"].with_table(table))
    one = plugin(
        "a", changes=[add("a1", after="first"), add("a2", after="first"), add("a3", before="b1")]
    )
    two = plugin("b", changes=[add("b1", before="last"), add("b2", after="first")])
    made = assemble(policies, plugins=[two, one])
    ids = [r.id for r in made["lifecycle"].table("order").rules]
    assert ids == ["first", "a1", "a2", "b2", "second", "a3", "b1", "last"]


def test_a_policy_replaces_the_one_of_its_domain() -> None:
    own = attrs.evolve(default_policy("lifecycle"), id="own.lifecycle", version="9")
    made = assemble(plugins=[plugin("own", policies=lambda policies: [own])])
    assert made["lifecycle"].id == "own.lifecycle"
    assert made["lifecycle"].table("stage").rules[0].owner == "own"
    assert made.plugins[0].changes == ("brings policy own.lifecycle 9",)


def test_a_dated_policy_is_in_force_on_its_days_only() -> None:
    own = default_policy("lifecycle").with_parameters(lost_after_days=500)
    first, last = date(2027, 1, 1), date(2027, 6, 30)
    one_day = timedelta(days=1)
    for starts, ends in ((first, last), (first, None), (None, last), (first, first)):
        dated = attrs.evolve(own, id="own", effective_from=starts, effective_to=ends)
        made = assemble(plugins=[plugin("own", policies=[dated])])
        assert made["lifecycle"].id == "bankcrm.lifecycle"
        for day in (first - one_day, first, first + one_day, last, last + one_day):
            in_force = (starts is None or day >= starts) and (ends is None or day <= ends)
            on_day = made.at(day)
            assert isinstance(on_day, Assembled)
            assert (on_day["lifecycle"].value("lost_after_days") == 500) == in_force


def test_presets_are_chosen_by_name() -> None:
    strict = default_policy("lifecycle").with_parameters(lost_after_days=200)
    offers = plugin("own", presets=[Preset("strict", attrs.evolve(strict, id="strict"))])
    assert assemble(plugins=[offers])["lifecycle"].id == "bankcrm.lifecycle"
    chosen = assemble(plugins=[offers], choose={"lifecycle": "strict"})["lifecycle"]
    assert (chosen.id, chosen.table("stage").rules[0].owner) == ("strict", "own")
    shipped = assemble(plugins=[], choose={"segmentation": "cn_sme_2011"})
    assert shipped["segmentation"] == default_policy("segmentation", "cn_sme_2011")
    with pytest.raises(UnknownNameError, match=r"no preset of lifecycle 'lax'; known: .*strict"):
        assemble(plugins=[offers], choose={"lifecycle": "lax"})


def test_stages_events_and_moves() -> None:
    frozen = StageChange(
        moves=[Move("active", "seized", "frozen"), Move("frozen", "released", "active")],
        stages=[Term("frozen", "冻结")],
        events=[Term("seized"), Term("released")],
    )
    made = assemble(plugins=[plugin("law", stages=[frozen])])
    model = made.stage_model("bank")
    assert model.move("active", "seized").after == "frozen"
    assert made.stage_model("private_banking").stage_names[0] == "awareness"
    broken = StageChange(moves=[Move("active", "seized", "frozen")], events=[Term("seized")])
    assert "breaks stage model bank" in refused(plugin("law", stages=[broken]))
    assert "no stage model 'shop'" in refused(
        plugin("law", stages=[attrs.evolve(frozen, model="shop")])
    )


def test_a_route_brings_its_owner_time_and_rules() -> None:
    route = AddRoute(
        "fast_lane",
        owner="marketing",
        days=1,
        rules=[
            Rule("suggestion", {"kind": "= suggestion"}, "fast_lane"),
        ],
        actions=["thank"],
        source="board",
    )
    made = assemble(plugins=[plugin("own", changes=[route])])["complaints"]
    decided = made.table("route").decide({"kind": "suggestion", "severity": None})
    assert (decided.outcome, decided.owner) == ("fast_lane", "own")
    assert made.value("fast_lane_days") == 1
    assert made.raw_records["routes"][-1]["owner"] == "marketing"


def test_the_rules_of_a_route_come_after_all_others() -> None:
    rules = [Rule("late", {"kind": "= suggestion"}, "slow"), Rule("later", {}, "slow")]
    route = AddRoute("slow", owner="risk", days=9, rules=rules, actions=["wait"], source="board")
    before = [r.id for r in default_policy("complaints").table("route").rules]
    again = attrs.evolve(route, rules=[attrs.evolve(rules[0], id=before[0])])
    for added, ids in ((route, [*before, "late", "later"]), (again, before)):
        made = changed(default_policy("complaints"), [Attributed("own", added)], {})
        assert [r.id for r in made.table("route").rules] == ids


def test_a_table_declares_the_facts_of_plugins_that_its_new_rules_read() -> None:
    facts = {"cars": Fact("number"), "pets": Fact("number")}
    table = DecisionTable("own", (Rule("a", {"x": "> 1"}, "a"),), facts={"x": Fact("number")})
    policy = attrs.evolve(default_policy("lifecycle"), tables={"own": (table,)})
    rule = Rule("b", {"cars": "> 1", "x": "> 0"}, "a")
    change = Attributed("p", AddRule("lifecycle", "own", rule, after="a"))
    found = changed(policy, [change], facts).table("own").facts
    assert set(found) == {"x", "cars"}
    plain = attrs.evolve(policy, tables={"own": (attrs.evolve(table, facts={}),)})
    assert not changed(plain, [change], facts).table("own").facts, "a table that declares none"


def test_indicators_and_weights() -> None:
    names = list(default_policy("valuation").value("weights"))
    weights = {n: 1 / len(names) for n in names}
    measure = Measure(names[0], "cards", better="higher", source="board")
    made = assemble(
        plugins=[plugin("own", changes=[AddIndicators([measure], {}), AddIndicators([], weights)])]
    )
    assert made["valuation"].records("measures", Measure)[-1] == measure
    assert made["valuation"].value("weights") == weights


def test_rules_from_a_file() -> None:
    text = f"""
    [[rules]]
    domain = "segmentation"
    table = "tier"
    before = "{first_tier_rule()}"
    id = "vip"
    when = {{ standing = "= clear", value_level = "= middle" }}
    then = "premium"
    source = "our board"

    [[parameters]]
    domain = "lifecycle"
    name = "lost_after_days"
    value = 400

    [[records.lifecycle.gifts]]
    name = "tea"
    """
    changes = read_changes(text)
    assert changes[0] == AddRule("segmentation", "tier", VIP, before=first_tier_rule())
    made = assemble(plugins=[plugin("own", changes=changes)])
    assert made["lifecycle"].value("lost_after_days") == 400
    assert made["lifecycle"].raw_records["gifts"] == ({"name": "tea"},)


@pytest.mark.parametrize("place", ["before", "after", ""])
def test_a_rule_from_a_file_goes_to_its_place_or_replaces_another(place: str) -> None:
    named = f'{place} = "{first_tier_rule()}"' if place else ""
    text = f"""
    [[rules]]
    domain = "segmentation"
    table = "tier"
    {named}
    id = "vip"
    when = {{ standing = "= clear", value_level = "= middle" }}
    then = "premium"
    source = "our board"
    """
    (change,) = read_changes(text)
    if place:
        assert change == AddRule("segmentation", "tier", VIP, **{place: first_tier_rule()})
    else:
        assert change == ReplaceRule("segmentation", "tier", VIP)


def test_files_of_changes_report_all_errors() -> None:
    text = """
    [[rules]]
    domain = "segmentation"
    table = "tier"
    id = "vip"
    when = { standing = "good" }
    then = "premium"
    [[rules]]
    domain = "x"
    table = "tier"
    id = "both"
    before = "a"
    after = "b"
    when = {}
    then = 1
    [[parameters]]
    domain = "lifecycle"
    name = "lost"
    value = nan
    [records]
    lifecycle = { gifts = 3 }
    [surprise]
    """
    with pytest.raises(PolicyError) as raised:
        read_changes(text)
    message = "\n".join(raised.value.faults)
    for path in (
        "surprise:",
        "rules[0].when.standing:",
        "rules[1]:",
        "parameters[0]:",
        "records.lifecycle.gifts:",
    ):
        assert path in message
    for broken in ("rules = 3", "parameters = 3"):
        with pytest.raises(PolicyError, match="expected"):
            read_changes(broken)


def test_assembled_policies_pickle() -> None:
    made = assemble(plugins=[adds_vip()])
    again = pickle.loads(pickle.dumps(made))
    assert again == made
    assert again.plugins == made.plugins


def test_entry_points_are_loaded_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """An installed distribution is found by its entry point; one that fails is reported."""
    info = tmp_path / "good_bank-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: good-bank\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[bankcrm]\ngood = good_bank\nbad = no_such_module\n")
    (tmp_path / "good_bank.py").write_text(
        "from bankcrm.plugins import hookimpl, SetParameter\n"
        "from bankcrm.rules import Parameter\n"
        "PRIORITY = 3\n"
        "@hookimpl\n"
        "def changes():\n"
        "    return [SetParameter('lifecycle', 'lost_after_days', Parameter(400))]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(
        PluginError, match=r"plug-in bad \(good-bank 1.2\) cannot be loaded: ModuleNotFoundError"
    ):
        assemble()
    made = assemble(on_error="isolate")
    infos = {p.name: p for p in made.plugins}
    assert "cannot be loaded" in infos["bad"].error
    assert (infos["good"].distribution, infos["good"].version, infos["good"].priority) == (
        "good-bank",
        "1.2",
        3,
    )
    assert made["lifecycle"].value("lost_after_days") == 400
    assert [p.name for p in assemble(disable=["bad"]).plugins if p.distribution == "good-bank"] == [
        "good"
    ]
    assert str(infos["good"]) == "plug-in good (good-bank 1.2)"
