"""Tables to and from TOML: equal tables come back, and all errors are reported with their paths."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import PolicyError
from bankcrm.rules import DecisionTable, HitPolicy, Parameter, Rule
from bankcrm.testing.tables import clean_tables

GOOD = """
[table]
id = "stage"
version = "2026.1"
title = "Stage"
effective_from = 2026-01-01
hit_policy = "first"
outcomes = ["active", "lost"]

[facts]
idle = { type = "integer", minimum = 0 }
closed = "boolean"

[parameters.lost]
value = 365
unit = "days"
source = "default"
note = "no figure is given"

[[rules]]
id = "closed"
when = { closed = "= true" }
then = "lost"
source = "LCM-2"
because = "said so"

[[rules]]
id = "gone"
when = { idle = ">= @lost" }
then = "lost"

[[rules]]
id = "otherwise"
when = {}
then = "active"
"""


@given(clean_tables())
def test_a_table_reads_back_equal(table: DecisionTable) -> None:
    text = table.to_toml()
    again = DecisionTable.from_toml(text)
    assert again == table
    assert again.fingerprint == table.fingerprint
    assert again.to_toml() == text


@given(
    st.text(min_size=1),
    st.text(),
    st.one_of(
        st.integers(-(2**62), 2**62),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
        st.booleans(),
    ),
)
def test_words_and_figures_of_every_kind_read_back(name: str, note: str, value: Any) -> None:
    table = DecisionTable(
        id=name,
        title=note,
        parameters={name: Parameter(value, note=note), "list": Parameter([value, {"a": value}])},
        rules=(
            Rule(name, {name: f"= {_quoted(name)}"}, value, because=note),
            Rule(f"{name} else", {}, value),
        ),
    )
    again = DecisionTable.from_toml(table.to_toml())
    assert again == table
    assert again.parameters[name] == table.parameters[name]


def _quoted(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)


def test_a_file_is_read_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "stage.toml"
    path.write_text(GOOD, encoding="utf-8")
    table = DecisionTable.from_toml(path)
    assert table == DecisionTable.from_toml(GOOD) == DecisionTable.from_toml(str(path))
    assert (table.id, table.version, table.hit_policy) == ("stage", "2026.1", HitPolicy.FIRST)
    assert table.decide({"closed": False, "idle": 365}).rule == "gone"
    assert table.parameters["lost"].note == "no figure is given"
    assert str(table.effective_from) == "2026-01-01"


def test_facts_may_stand_in_the_table_part() -> None:
    moved = GOOD.replace("[facts]", "[table.facts]")
    assert DecisionTable.from_toml(moved) == DecisionTable.from_toml(GOOD)


def faults_of(text: str) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as raised:
        DecisionTable.from_toml(text)
    return raised.value.faults


def test_all_errors_are_reported_together_with_their_paths() -> None:
    """One load reports all errors, in the parts that fit as well as in those that do not."""
    bad = (
        GOOD.replace('hit_policy = "first"', 'hit_policy = "last"')
        .replace('closed = "boolean"', 'closed = "truth"')
        .replace('unit = "days"', "unit = 3")
        .replace("= true", "= = true")
        .replace('because = "said so"', 'reason = "said so"')
        .replace('id = "otherwise"\nwhen = {}', "when = {}")
        + "\n[surprise]\nx = 1\n"
    )
    faults = faults_of(bad)
    paths = sorted(f.split(": ")[0] for f in faults)
    assert paths == [
        "facts.closed",
        "parameters.lost.unit",
        "rules[0]",
        "rules[0].when.closed",
        "rules[2].id",
        "surprise",
        "table.hit_policy",
    ]
    message = "\n".join(faults)
    assert "unknown key(s) reason; known: id, when, then, source, because, owner" in message
    assert "required key 'id' is missing" in message
    assert "at character 3" in message


def test_proofs_and_errors_are_reported_together_where_possible() -> None:
    bad = GOOD.replace('id = "gone"', 'id = "closed"').replace("unit =", "units =")
    bad = bad.replace('then = "active"', 'then = "activ"').replace(">= @lost", ">= @lots")
    message = faults_of(bad)
    assert any(f.startswith("parameters.lost: unknown key(s) units") for f in message)
    assert "rules[1].id: 'closed' occurs twice" in message
    assert "rules[1].when.idle: unknown parameter @lots" in message
    assert "rules[2].then: 'activ' is not an outcome of the table" in message


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('then = "active"', 'then = "gold"', "rules[2].then: 'gold' is not an outcome"),
        ("when = {}", 'when = { idle = "< 300" }', "rules: no rule applies to some rows"),
        (">= @lost", ">= @lots", "rules[1].when.idle: unknown parameter @lots"),
        (">= @lost", "= gold", "compares with a text, the fact is a integer"),
        ("{ idle =", "{ ilde =", "rules[1].when.ilde: fact 'ilde' is not declared"),
        ("= true", "in (true, false)", "rules[1]: rule 'gone' never decides"),
        (">= @lost", "(5..5)", "rules[1].when.idle: no value of 'idle' passes '(5..5)'"),
        (">= @lost", "< 0", "rules[1].when.idle: no value of 'idle' passes '< 0'"),
        ("value = 365", "value = [1, 2]", "parameter @lost is not a single value"),
        ("value = 365", 'value = "a"', "compares numbers and dates only"),
        ("value = 365", "value = true", "compares numbers and dates only"),
        ("value = 365", "value = nan", "parameters.lost: value: expected a finite number"),
        ("minimum = 0", "minimum = 0, maximum = -1", "facts.idle: minimum 0.0 and maximum -1.0"),
        ("minimum = 0", "least = 0", "facts.idle: unknown key(s) least"),
        ('id = "gone"', 'id = "closed"', "rules[1].id: 'closed' occurs twice"),
        ("2026-01-01", '"2026-01-01"', "table.effective_from: expected date, saw '2026-01-01'"),
        ("2026-01-01", "2026-01-01T00:00:00", "table.effective_from: expected date"),
        ('title = "Stage"', "title = 3", "table.title: expected str, saw 3"),
        ("minimum = 0", "minimum = true", "facts.idle.minimum: expected float, saw True"),
        ("minimum = 0", 'minimum = "0"', "facts.idle.minimum: expected float, saw '0'"),
        ("2026-01-01", "20260101", "table.effective_from: expected date, saw 20260101"),
    ],
)
def test_each_fault_by_example(old: str, new: str, fault: str) -> None:
    assert old in GOOD
    assert fault in "\n".join(faults_of(GOOD.replace(old, new)))


def test_an_undeclared_value_is_an_error() -> None:
    table = """
    [table]
    id = "t"
    [facts]
    tier = { type = "text", values = ["gold", "silver"] }
    [[rules]]
    id = "a"
    when = { tier = "in (gold, sliver)" }
    then = 1
    [[rules]]
    id = "b"
    when = {}
    then = 2
    """
    (fault,) = faults_of(table)
    assert fault.startswith("rules[0].when.tier: 'tier' never holds 'sliver', only gold, silver")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "table = 3",
        "rules = 3",
        "rules = [3]",
        "table = [1]\nfacts = 3\nparameters = 4",
        "facts = {x = 3}",
        "[table]\nid = 't'",
        "parameters = {p = 3}",
        "[[table]]\nid = 't'",
        "\x00",
        "a",
        "=",
        "a = [[" * 900,
        "x = " + "9" * 5000,
        "/no/such/file.toml",
        "é" * 400,
    ],
)
def test_broken_files_raise_policy_errors(text: str) -> None:
    assert faults_of(text)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        DecisionTable.from_toml(tmp_path / "none.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes("title = 'é'".encode("latin-1"))
    with pytest.raises(PolicyError, match="cannot be read"):
        DecisionTable.from_toml(latin)
    (tmp_path / "bad.toml").write_text("a = \n", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"bad\.toml: not valid TOML: .*line 1"):
        DecisionTable.from_toml(tmp_path / "bad.toml")


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none().map(lambda _: "")
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats()
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


def _paths(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    return [path, *(p for k, v in items for p in _paths(v, (*path, k)))]


def mutated(data: st.DataObject, document: dict[str, Any]) -> str:
    """A good document with one or two of its nodes replaced by anything, or taken out."""
    for _ in range(data.draw(st.integers(1, 2))):
        *above, last = data.draw(st.sampled_from([p for p in _paths(document) if p]))
        node: Any = document
        for key in above:
            node = node[key]
        if data.draw(st.booleans()):
            node[last] = data.draw(ANYTHING)
        else:
            del node[last]
    return tomli_w.dumps(document)


@given(st.data())
def test_any_change_to_a_file_gives_a_table_or_faults(data: st.DataObject) -> None:
    """Whatever a hand does to a file, loading ends with a table or with faults and paths."""
    text = mutated(data, tomllib.loads(GOOD))
    faults: tuple[str, ...] = ()
    try:
        table = DecisionTable.from_toml(text + "\n")
        assert DecisionTable.from_toml(table.to_toml()) == table
    except PolicyError as error:
        faults = error.faults
    assert all(": " in fault for fault in faults)
    assert len(set(faults)) == len(faults)


@given(st.text())
def test_any_text_gives_a_table_or_faults(text: str) -> None:
    with pytest.raises(PolicyError):
        DecisionTable.from_toml(text + "\n")


def test_a_table_without_rules_is_empty() -> None:
    (finding,) = DecisionTable("t", ()).check()
    assert (finding.kind, str(finding)) == ("empty", "rules: the table has no rules")


def test_what_is_not_used_is_a_warning() -> None:
    table = DecisionTable(
        "t",
        (Rule("a", {}, 1),),
        facts={"x": "number"},
        parameters={"p": Parameter(1)},
    )
    assert {(f.kind, f.severity, f.path) for f in table.check()} == {
        ("unused-fact", "warning", "facts.x"),
        ("unused-parameter", "warning", "parameters.p"),
    }
    assert table.checked() is table


def test_numeric_policies_need_numbers() -> None:
    table = DecisionTable("t", (Rule("a", {"x": "> 1"}, "gold"),), hit_policy="collect_sum")
    (finding,) = table.check()
    assert str(finding) == "rules[0].then: collect_sum needs a number, saw 'gold'; for example x=2"
    with pytest.raises(PolicyError, match="collect_sum needs a number"):
        table.checked()
    truth = DecisionTable("t", (Rule("a", {"x": "> 1"}, True),), hit_policy="collect_max")
    assert [f.kind for f in truth.check()] == ["outcome"]


def test_a_table_with_unknown_names_cannot_be_run() -> None:
    table = DecisionTable("t", (Rule("a", {"x": "> @p"}, 1), Rule("b", {"x": "= a"}, 1)))
    with pytest.raises(PolicyError, match="unknown parameter @p"):
        table.decide({"x": 1})
    mixed = DecisionTable("t", (Rule("a", {"x": "> 1"}, 1), Rule("b", {"x": "= a"}, 1)))
    assert [f.kind for f in mixed.check()] == ["type"]


def test_the_kind_and_message_of_every_finding() -> None:
    """Programs read the kind, people the words: both are part of the interface."""
    table = DecisionTable(
        "t",
        (
            Rule("a", {"x": "> @p"}, 1),
            Rule("a", {"y": "= 1"}, 1),
            Rule("c", {"x": "= word"}, 1),
        ),
        facts={"x": "number"},
    )
    assert [(f.kind, str(f)) for f in table.check()] == [
        ("unknown-parameter", "rules[0].when.x: unknown parameter @p"),
        ("unknown-fact", "rules[1].when.y: fact 'y' is not declared in [facts]"),
        ("type", "rules[2].when.x: = word compares with a text, the fact is a number"),
        ("duplicate-rule", "rules[1].id: 'a' occurs twice"),
    ]
    unused = DecisionTable("t", (Rule("a", {}, 1),), parameters={"p": Parameter(1)})
    assert [str(f) for f in unused.check()] == ["parameters.p: no rule uses it"]
    bare = DecisionTable("t", (Rule("a", {}, 1),), facts={"x": "number"})
    assert [str(f) for f in bare.check()] == ["facts.x: no rule reads it"]
    wide = DecisionTable("t", (Rule("a", {"x": "> 1"}, 3), Rule("b", {}, 1)), outcomes=(1, 2))
    (finding,) = wide.check()
    assert finding.kind == "outcome"
    assert str(finding) == (
        "rules[0].then: 3 is not an outcome of the table (1, 2); for example x=2"
    )


@pytest.mark.parametrize(
    ("policy", "then", "expected"),
    [
        ("unique", 1, "rules[1]: rules 'a' and 'b' both apply; for example x=2"),
        (
            "any",
            2,
            "rules[1]: rules 'a' and 'b' both apply, with different outcomes; for example x=2",
        ),
    ],
)
def test_messages_of_overlaps(policy: str, then: int, expected: str) -> None:
    rules = (Rule("a", {"x": "> 1"}, 1), Rule("b", {"x": "> 1"}, then), Rule("c", {}, 1))
    assert [str(f) for f in DecisionTable("t", rules, hit_policy=policy).check()] == [expected]


def test_messages_of_shadowed_rules() -> None:
    rules = (Rule("a", {"x": "> 1"}, 1), Rule("b", {"x": "> 2"}, 2), Rule("c", {}, 1))
    (finding,) = DecisionTable("t", rules).check()
    assert str(finding) == (
        "rules[1]: rule 'b' never decides: the rules before it take every row that it would; for "
        "example x=3"
    )
    both = (Rule("c", {}, 1), Rule("a", {"x": "> 1"}, 1), Rule("b", {"x": "<= 1"}, 2))
    (finding,) = DecisionTable("t", both, hit_policy="unique").check()
    assert str(finding) == (
        "rules[0]: rule 'c' never decides: the other rules take every row that it would; for "
        "example x=0"
    )


def test_an_unknown_parameter_of_the_second_table_has_its_path() -> None:
    assert "table.surprise" not in "\n".join(faults_of(GOOD.replace("= true", "= = true")))
