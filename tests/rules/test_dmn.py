"""Decision tables to and from DMN: round trips, the compatibility kit, FEEL's semantics of null."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.errors import BankcrmError, MissingFactError, PolicyError
from bankcrm.policy import DOMAINS, default_policy
from bankcrm.policy.load import presets
from bankcrm.rules import DecisionTable, Fact, HitPolicy, Parameter, Rule, parse_test, read_dmn
from bankcrm.rules.dmn_definitions import Definitions
from bankcrm.rules.dmn_xml import parse
from bankcrm.rules.feel import read_cell, read_value, write_cell, write_value
from bankcrm.rules.values import constant_key
from bankcrm.testing import tables as strategies

from . import feel_engine, tck

needs_kit = pytest.mark.skipif(
    not tck.FOLDER.is_dir(), reason="the compatibility kit is not in ../shared/data/dmn_tck"
)
SHIPPED = [
    pytest.param(policy.table(name), id=f"{domain}-{preset or 'defaults'}-{name}")
    for domain in DOMAINS
    for preset in (None, *presets(domain))
    for policy in [default_policy(domain, preset)]
    for name, versions in policy.tables.items()
    if len(versions) == 1
]


def _read_one(xml: str) -> DecisionTable:
    file = read_dmn(xml)
    assert file.left_out == ()
    assert len(file.tables) == 1
    return file.tables[0]


# --- round trips ---------------------------------------------------------------------------------
@pytest.mark.parametrize("missing", ["guard", "feel"])
@pytest.mark.parametrize("table", SHIPPED)
def test_a_shipped_table_survives(table: DecisionTable, missing: Any) -> None:
    assert _read_one(table.to_dmn(missing=missing)).fingerprint == table.fingerprint


@given(strategies.clean_tables(), st.sampled_from(["guard", "feel"]))
def test_a_random_table_survives(table: DecisionTable, missing: Any) -> None:
    assert _read_one(table.to_dmn(missing=missing)).fingerprint == table.fingerprint


@pytest.mark.parametrize("missing", ["guard", "feel"])
@pytest.mark.parametrize("others", [(), (Rule("r1", {"vip": "= true"}, "B"),)])
def test_a_rule_of_dashes_keeps_its_cells(others: tuple[Rule, ...], missing: Any) -> None:
    """It is the default output of a table whose rules do not overlap."""
    table = DecisionTable(
        id="drawn",
        rules=(*others, Rule("r0", {"vip": "-", "odd name": "-"}, "A")),
        hit_policy="first" if others else "unique",
        facts={"vip": Fact("boolean"), "odd name": Fact("number")},
    )
    assert _read_one(table.to_dmn(missing=missing)).fingerprint == table.fingerprint


HARD = st.text(max_size=6) | st.sampled_from(
    ["", " ", " a ", "\r\n", "\t", "<&>", '"', "]]>", "\x00", "\x0b", "\ufffe", "\ud800", "客户"]
)


@given(name=HARD, because=HARD, text=HARD, title=HARD, unit=HARD)
def test_hostile_texts_survive_or_are_refused(
    name: str, because: str, text: str, title: str, unit: str
) -> None:
    rule = Rule("one", {name: parse_test("present")}, "x", because=because, source=text)
    table = DecisionTable(
        id="t",
        rules=(rule, Rule("two", {}, "y")),
        outcomes=("x", "y"),
        title=title,
        facts={name: Fact("text", values=(text, "other"), unit=unit)} if text != "other" else {},
    )
    try:
        xml = table.to_dmn()
    except PolicyError as error:
        assert "cannot be written in XML" in str(error)  # noqa: PT017  # not expected always
        return
    assert _read_one(xml) == table


def test_parameters_keep_all_that_is_said_of_them() -> None:
    parameter = Parameter(
        90, "days", "LCM-2", "A note.", date(2026, 1, 1), date(2026, 12, 31), "secondary"
    )
    table = DecisionTable(
        id="t",
        parameters={"idle": parameter},
        rules=(Rule("a", {"idle": "> @idle"}, True), Rule("b", {}, False)),
    )
    read = _read_one(table.to_dmn())
    assert read.parameters["idle"] == parameter
    assert read == table


# --- cells ---------------------------------------------------------------------------------------
@needs_kit
def test_cells_agree_with_a_feel_engine() -> None:
    """1,084 cells and values, as a FEEL engine decided them."""
    samples = json.loads((tck.FOLDER / "feel_cells.json").read_text())
    assert len(samples) == 1084
    for cell, value, passed in samples:
        assert _passes(cell, value) is passed, cell


def _passes(cell: str, value: Any) -> bool:
    found = []
    for test in read_cell(cell):
        if test.op in ("missing", "present"):
            found.append((value is None) == (test.op == "missing"))
        else:
            found.append(value is not None and bool(test.predicate()(constant_key(value))))
    return any(found)


@given(st.data())
def test_a_cell_is_read_as_it_was_written(data: st.DataObject) -> None:
    fact = data.draw(strategies.facts())
    test = data.draw(strategies.unary_tests(fact))
    (read,) = read_cell(write_cell(test))
    assert str(read) == str(test)


VALUES = st.recursive(
    st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.dates()
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner).map(tuple) | st.dictionaries(st.text("ab c", min_size=1), inner),
    max_leaves=6,
)


@given(VALUES)
def test_a_value_is_read_as_it_was_written(value: Any) -> None:
    read = read_value(write_value(value))
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("cell", "tests"),
    [
        ("", ["-"]),
        ("-", ["-"]),
        ('"a","b"', ["in (a, b)"]),
        ('"a, b"', ['= "a, b"']),
        (r'"a \"b\""', [r'= "a \"b\""']),
        ("]1..2[", ["(1..2)"]),
        ("(1..2]", ["(1..2]"]),
        ("< 1, > 5", ["< 1", "> 5"]),
        ("1, 2, [7..8]", ["in (1, 2)", "[7..8]"]),
        ("not(< 5)", [">= 5"]),
        ("not((1..5])", ["<= 1", "> 5"]),
        ('not(null, "a")', ["not (a)"]),
        ("not(null)", ["present"]),
        ("null, 1", ["= 1", "missing"]),
        ('date("2026-01-31")', ["= 2026-01-31"]),
        ('>= @"2026-01-31"', [">= 2026-01-31"]),
        ("-.5", ["= -0.5"]),
        ("not(true)", ["not (true)"]),
    ],
)
def test_cells_of_other_tools(cell: str, tests: list[str]) -> None:
    assert [str(t) for t in read_cell(cell)] == tests


@pytest.mark.parametrize(
    "cell",
    ["good", "x + 1", "> a", "[a..b]", 'time("10:00:00")', 'duration("P1D")', "not(not(1))",
     "not(< 1, > 5)", '> "a"', "< true", "1..2", "[1..", '"a', "1 2", "date(1)", "? > 5",
     "1e999", '"\\ud800"', "[1, 2]", "1,", ",", "not()", "not(1", "@now", "= 1"],
)  # fmt: skip
def test_expressions_are_refused(cell: str) -> None:
    with pytest.raises(PolicyError, match="cell"):
        read_cell(cell)


# --- the compatibility kit -----------------------------------------------------------------------
def _results(folder: Path) -> tuple[list[str], int, int]:
    """What is wrong, and the numbers of results that agree and that were left out."""
    file = read_dmn(next(folder.glob("*.dmn")))
    wrong, right, left = [], 0, 0
    for name, facts, expected in tck.cases(folder):
        for decision, result in expected.items():
            tables = [t for t in file.tables if t.id.partition(".")[0] == decision]
            if not tables:
                assert any(p.decision == decision and p.reason for p in file.left_out)
                left += 1
            elif (found := _answer(decision, tables, facts)) == result:
                right += 1
            else:
                wrong.append(f"{name} {decision}: {found} instead of {result}")
    return wrong, right, left


def _answer(decision: str, tables: list[DecisionTable], facts: dict[str, Any]) -> Any:
    outcomes = [t.decide(facts).outcome for t in tables]
    if tables[0].id == decision:
        return list(outcomes[0]) if isinstance(outcomes[0], tuple) else outcomes[0]
    names = [t.id.removeprefix(f"{decision}.") for t in tables]
    if isinstance(outcomes[0], tuple):
        return [dict(zip(names, row, strict=True)) for row in zip(*outcomes, strict=True)]
    return dict(zip(names, outcomes, strict=True))


@needs_kit
@pytest.mark.parametrize(("level", "right", "left"), [("level-2", 51, 0), ("level-3", 3, 57)])
def test_the_compatibility_kit(level: str, right: int, left: int) -> None:
    """Level 2: 51 of 51. Level 3: what can be read is right; the rest is left out with a reason."""
    found = [_results(folder) for folder in sorted((tck.FOLDER / level).iterdir())]
    assert [w for wrong, _, _ in found for w in wrong] == []
    assert sum(r for _, r, _ in found) == right
    assert sum(n for _, _, n in found) == left


# --- what another engine makes of it -------------------------------------------------------------
@settings(deadline=None)
@given(st.data())
def test_with_guards_an_engine_decides_as_we_do(data: st.DataObject) -> None:
    """A table under FEEL's semantics, nulls included."""
    table = data.draw(strategies.clean_tables())
    xml = table.to_dmn()
    for row in data.draw(st.lists(strategies.rows(table), min_size=1, max_size=12)):
        known = {n: v for n, v in row.items() if n in table.compiled.facts}
        try:
            ours: Any = table.decide(known, on_missing="undecided").outcome
        except MissingFactError:
            continue  # no rule applies
        theirs = feel_engine.decide(xml, table.id, _named(xml, known))
        if isinstance(theirs, list):
            theirs = tuple(theirs)
        if table.hit_policy in (HitPolicy.SUM, HitPolicy.COUNT) and ours == 0 and theirs is None:
            continue  # FEEL has no sum of nothing
        assert theirs == ours, (xml, known)


def _named(xml: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Facts by the names that they have in the file."""
    names = dict(feel_engine.fact_names(xml))
    return {names.get(n, n): v for n, v in facts.items()}


def test_without_guards_a_missing_fact_is_what_feel_makes_of_it() -> None:
    table = DecisionTable(
        id="tier",
        rules=(Rule("rich", {"worth": ">= 100"}, "key"), Rule("other", {}, "ordinary")),
    )
    none = {"worth": None}
    assert table.decide(none, on_missing="undecided").outcome is None
    assert feel_engine.decide(table.to_dmn(), "tier", none) is None
    assert feel_engine.decide(table.to_dmn(missing="feel"), "tier", none) == "ordinary"


# --- input from outside --------------------------------------------------------------------------
BOMB = """<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>
<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/"><x>&b;</x></definitions>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/passwd">]>
<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/"><x>&f;</x></definitions>"""


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (BOMB.encode(), "DOCTYPE"),
        (OUTSIDE.encode(), "DOCTYPE"),
        (BOMB.encode("utf-16"), "not XML|DOCTYPE"),
        (b"", "not XML"),
        (b"\x00\xff" * 50, "not XML"),
        (b"<definitions/>", "not DMN"),
        (b"<a xmlns='https://www.omg.org/spec/DMN/20191111/MODEL/'/>", "not DMN"),
        (b"<?xml version='1.0' encoding='nowhere'?><a/>", "not XML"),
        (b"<a>" * 200_000, "not XML"),
        (b" " * 20_000_001, "at most 20,000,000"),
    ],
    ids=["bomb", "outside", "bomb-utf16", "empty", "binary", "no-space", "other-root", "encoding",
         "deep", "large"],
)  # fmt: skip
def test_hostile_files_give_one_clear_error(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "x.dmn"
    path.write_bytes(data)
    with pytest.raises(PolicyError, match=message):
        read_dmn(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        read_dmn(tmp_path / "x.dmn")
    with pytest.raises(PolicyError, match="cannot be read"):
        read_dmn(tmp_path)


def _dmn(table: str, more: str = "") -> str:
    return (
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" name="d" namespace="n">'
        f'{more}<decision name="D">{table}</decision></definitions>'
    )


def _table(hit: str, rows: list[tuple[str, str]], *, output: str = "", kind: str = "number") -> str:
    lines = "".join(
        f"<rule><inputEntry><text>{cell}</text></inputEntry>"
        f"<outputEntry><text>{then}</text></outputEntry></rule>"
        for cell, then in rows
    )
    return (
        f'<decisionTable hitPolicy="{hit}"><input><inputExpression typeRef="{kind}"><text>x</text>'
        f"</inputExpression></input><output>{output}</output>{lines}</decisionTable>"
    )


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (_table("UNIQUE", [("&lt; 5", "1"), ("&lt; 9", "2")]), "both apply"),
        (_table("ANY", [("&lt; 5", "1"), ("&lt; 9", "2")]), "different outcomes"),
        (_table("UNIQUE", [("&lt; 5", "1"), ("-", "2")]), "overlaps"),
        (_table("UNIQUE", [("&lt; 5", "1"), ("-", "1")]), "applies everywhere"),
        (_table("ANY", [("&lt; 5", "1"), ("-", "2")]), "applies everywhere"),
        (_table("PRIORITY", [("&lt; 5", "1")]), "priority"),
        (_table("NEW", [("&lt; 5", "1")]), "hit policy"),
        (_table("FIRST", [("&lt; 5", "null")]), "never null"),
        (_table("FIRST", [("&lt; 5", "x + 1")]), "an expression"),
        (_table("FIRST", [("&lt; 5", "[1]")]), "no single value"),
        (_table("FIRST", [('"a"', "1")]), "compares with a text"),
        (_table("COLLECT", [("&lt; 5, &gt; 9", "1")]), "counts twice"),
        (_table("FIRST", [("1", "1")], kind="time"), "type 'time'"),
        (_table("FIRST", [("1", "1")], output="<outputValues><text>2, 3</text></outputValues>"),
         "not among"),
        ("<literalExpression><text>1 + 1</text></literalExpression>", "an expression"),
        ("", "no expression"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_left_out_with_its_reason(table: str, reason: str) -> None:
    file = read_dmn(_dmn(table))
    assert file.tables == ()
    assert any(reason in str(part) for part in file.left_out), file.left_out
    with pytest.raises(PolicyError, match="D"):
        file.table("D")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('hit_policy="any"', 'hit_policy="some"', "hit policy 'some'"),
        ('type="number"', 'type="money"', "type 'money': expected one of number"),
        ('confirmation="primary"', 'confirmation="sure"', "confirmation: expected one of prim"),
        ('effective_from="2026-01-31"', 'effective_from="soon"', "'soon' is no date"),
        ('version="2"', 'version="2" effective_to="never"', "'never' is no date"),
    ],
)
def test_what_a_hand_has_damaged_is_left_out_with_its_reason(
    old: str, new: str, reason: str
) -> None:
    """In the parts that only this library writes."""
    table = DecisionTable(
        id="t",
        version="2",
        hit_policy=HitPolicy.ANY,
        facts={"x": Fact("number")},
        parameters={"n": Parameter(1, "days", "L", "", date(2026, 1, 31), None, "primary")},
        rules=(Rule("a", {"x": "> @n"}, "big"), Rule("b", {}, "small")),
    )
    xml = table.to_dmn()
    assert old in xml
    file = read_dmn(xml.replace(old, new))
    assert file.tables == ()
    assert any(reason in str(part) for part in file.left_out), file.left_out


def test_rules_that_overlap_are_read_where_all_say_the_same() -> None:
    table = read_dmn(_dmn(_table("ANY", [("&lt; 5", "1"), ("-", "1")]))).table("D")
    assert [table.decide({"x": x}).outcome for x in (4, 5)] == [1, 1]


def test_a_rule_that_another_tool_adds_is_named_by_its_place() -> None:
    """It has no annotations; a rule whose name is empty keeps it."""
    rules = (Rule("a", {"x": "> 5"}, 1), Rule("", {"x": "> 2"}, 2), Rule("b", {}, 3))
    xml = DecisionTable("t", rules, facts={"x": Fact("number")}).to_dmn(missing="feel")
    first, rest = xml.split("</rule>", 1)
    notes = re.compile(r"\s*<annotationEntry>.*?</annotationEntry>", re.DOTALL)
    assert [r.id for r in _read_one(xml).rules] == ["a", "", "b"]
    bare = f"{notes.sub('', first)}</rule>{rest}"
    assert [r.id for r in _read_one(bare).rules] == ["rule-1", "", "b"]


def test_alternatives_in_one_cell_become_several_rules() -> None:
    table = read_dmn(_dmn(_table("FIRST", [("&lt; 5, &gt; 9", "1"), ("-", "2")]))).table("D")
    assert [table.decide({"x": x}).outcome for x in (4, 5, 9, 10)] == [1, 2, 2, 1]
    assert [r.id for r in table.rules] == ["rule-1-1", "rule-1-2", "rule-2"]


def test_components_of_a_type_that_refers_to_itself_end_at_the_fifth() -> None:
    item = ('<itemDefinition name="{0}"><typeRef>{1}</typeRef>{2}</itemDefinition>').format
    part = '<itemComponent name="next"><typeRef>node</typeRef></itemComponent>'
    chain = "".join(item(f"t{i}", f"t{i + 1}" if i < 8 else "number", "") for i in range(9))
    data = '<inputData name="{0}"><variable name="{0}" typeRef="{1}"/></inputData>'.format
    inputs = [data("tree", "node"), *(data(f"x{i}", f"t{i}") for i in range(9))]
    root = parse(_dmn("", item("node", "", part) + chain + "".join(inputs)))
    found = Definitions(root)
    tree = [name for name in found.inputs if name.startswith("tree")]
    assert tree == ["tree" + ".next" * depth for depth in range(6)]
    types = {i: ET.Element("variable", typeRef=f"t{i}") for i in range(9)}
    assert [found.type_of(types[i]) for i in range(3, 9)] == [("number", "")] * 6
    for i in range(3):
        with pytest.raises(PolicyError, match="is not supported"):
            found.type_of(types[i])


def test_lists_are_within_lists_fifty_deep_and_no_deeper() -> None:
    """And any number of lists beside each other."""
    assert write_value(read_value("[" * 50 + "]" * 50)) == "[" * 50 + "]" * 50
    assert len(read_value(f"[{', '.join(['[1]'] * 60)}]")) == 60
    with pytest.raises(PolicyError, match="more than 50 deep"):
        read_value("[" * 51 + "]" * 51)


def test_a_constant_of_another_tool_is_a_parameter() -> None:
    limit = (
        '<decision name="limit"><literalExpression><text>7</text></literalExpression></decision>'
        '<decision name="spare"><literalExpression><text>7</text></literalExpression></decision>'
    )
    file = read_dmn(_dmn(_table("FIRST", [("&lt; limit", "1"), ("-", "2")]), limit))
    table = file.table("D")
    assert table.decide({"x": 6}).outcome == 1
    assert table.with_parameters({"limit": 5}).decide({"x": 6}).outcome == 2
    assert [str(part) for part in file.left_out] == [
        "spare: a constant that no table which was read names"
    ]


@pytest.mark.parametrize(
    "space",
    [
        "http://www.omg.org/spec/DMN/20151101/dmn.xsd",
        "http://www.omg.org/spec/DMN/20180521/MODEL/",
        "https://www.omg.org/spec/DMN/20211108/MODEL/",
        "https://www.omg.org/spec/DMN/20230324/MODEL/",
    ],
)
def test_the_other_versions_of_dmn(space: str) -> None:
    xml = _dmn(_table("FIRST", [("&lt; 5", "1"), ("-", "2")]))
    table = read_dmn(xml.replace("https://www.omg.org/spec/DMN/20191111/MODEL/", space)).table("D")
    assert table.decide({"x": 4}).outcome == 1


@given(st.data())
def test_a_damaged_file_never_raises_anything_else(data: st.DataObject) -> None:
    xml = data.draw(st.sampled_from(SHIPPED)).values[0].to_dmn()
    start = data.draw(st.integers(0, len(xml) - 1))
    end = data.draw(st.integers(start, min(len(xml), start + 60)))
    damaged = xml[:start] + data.draw(st.text("<>&\"'=-/ 0a", max_size=8)) + xml[end:]
    try:
        read_dmn(damaged)
    except BankcrmError as error:
        assert str(error)  # noqa: PT017  # most damaged files are not expected to be read
