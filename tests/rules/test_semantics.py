"""What a table means, by an interpreter of its own that shares no code with the library."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from typing import Any

import attrs
import pandas as pd
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from bankcrm.errors import MissingFactError, PolicyError
from bankcrm.rules import DecisionTable, Fact, Finding, HitPolicy, Rule, UnaryTest, parse_test
from bankcrm.testing.tables import clean_tables, disjoint_tables, frames, rows, tables

# --- the oracle: three-valued logic, one cell at a time -------------------------------------------


def slow_cell(test: UnaryTest, value: Any) -> bool | None:
    """True, False, or None where it cannot be known."""
    if test.op == "any":
        return True
    if test.op in ("missing", "present"):
        return (value is None) == (test.op == "missing")
    if value is None:
        return None
    args: Any = test.args
    if test.op == "=":
        return bool(value == args[0])
    if test.op == "in":
        return any(value == a for a in args)
    if test.op == "not":
        return all(value != a for a in args)
    if test.op == "between":
        low, high = args
        left = low <= value if test.closed[0] else low < value
        return bool(left and (value <= high if test.closed[1] else value < high))
    return {
        "<": lambda: value < args[0],
        "<=": lambda: value <= args[0],
        ">": lambda: value > args[0],
        ">=": lambda: value >= args[0],
    }[test.op]()


def slow_rule(rule: Rule, row: dict[str, Any]) -> bool | None:
    cells = [slow_cell(test, row.get(name)) for name, test in rule.when.items()]
    return False if False in cells else None if None in cells else True


def is_otherwise(rule: Rule) -> bool:
    return all(test.op == "any" for test in rule.when.values())


def slow_decide(table: DecisionTable, row: dict[str, Any]) -> Any:
    """(outcome, rule ids); "missing" where a fact stops the row; "gap" where no rule applies."""
    known = [(rule, slow_rule(rule, row)) for rule in table.rules]
    if table.hit_policy is HitPolicy.FIRST:
        for rule, applies in known:
            if applies is None:
                return "missing"
            if applies:
                return rule.then, rule.id
        return "gap"

    def last(rule: Rule) -> bool:  # where rules are collected, dashes match like any other test
        return not rule.when if table.hit_policy.collects else is_otherwise(rule)

    proper = [(r, a) for r, a in known if not last(r)]
    others = [r for r, _ in known if last(r)]
    hits = [r for r, a in proper if a]
    doubt = any(a is None for _, a in proper)
    if table.hit_policy.collects:
        if doubt:
            return "missing"
        hits = hits or others[:1]
        thens = [r.then for r in hits]
        total: Any = {
            "collect": lambda: tuple(thens),
            "collect_sum": lambda: sum(thens),
            "collect_count": lambda: len(thens),
            "collect_min": lambda: min(thens, default=None),
            "collect_max": lambda: max(thens, default=None),
        }[table.hit_policy.value]()
        return total, "+".join(r.id for r in hits)
    if hits:
        return hits[0].then, hits[0].id
    if doubt:
        return "missing"
    return (others[0].then, others[0].id) if others else "gap"


def library_decides(table: DecisionTable, row: dict[str, Any]) -> Any:
    try:
        decision = table.decide(row, on_missing="undecided")
    except MissingFactError:
        return "gap"
    return "missing" if decision.missing else (decision.outcome, decision.rule)


def decidable(table: DecisionTable) -> DecisionTable:
    """The table; by the order of its rules where its hit policy refuses what `check` finds."""
    strict = table.hit_policy in (HitPolicy.UNIQUE, HitPolicy.ANY)
    faulty = any(f.severity == "error" for f in table.check())
    return attrs.evolve(table, hit_policy=HitPolicy.FIRST) if strict and faulty else table


# --- laws ---


@given(st.data())
def test_a_mapping_is_decided_as_the_definition_says(data: st.DataObject) -> None:
    """The fast kernel and the slow definition agree on every table and row."""
    table = data.draw(tables().map(decidable) | clean_tables())
    for row in data.draw(st.lists(rows(table), min_size=1, max_size=4)):
        assert library_decides(table, row) == slow_decide(table, row)


def scalar_column(table: DecisionTable, frame: pd.DataFrame) -> list[Any]:
    return [library_decides(table, row) for row in records(frame)]


def records(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    """The rows as mappings; pandas 2 gives none for a frame without columns."""
    return frame.to_dict("records") or [{} for _ in range(len(frame))]


@given(st.data())
def test_a_frame_is_decided_as_its_rows_are(data: st.DataObject) -> None:
    """Scalar equals vector: every hit policy, dtype and kind of null."""
    table = data.draw(tables().map(decidable) | clean_tables())
    frame = data.draw(frames(table))
    expected = scalar_column(table, frame)
    if "gap" in expected:
        with pytest.raises(MissingFactError, match="no rule applies"):
            table.decide_frame(frame, on_missing="undecided")
        return
    decided = table.decide_frame(frame, on_missing="undecided")
    assert decided.index.equals(frame.index)
    for outcome, rule, missing, want in zip(
        decided["outcome"], decided["rule"], decided["missing"], expected, strict=True
    ):
        if want == "missing":
            assert pd.isna(outcome)
            assert pd.isna(rule)
            assert missing in table.compiled.facts
        else:
            assert pd.isna(missing)
            assert rule == want[1]
            assert outcome == want[0] or (want[0] is None and pd.isna(outcome))


@given(st.data())
def test_a_row_and_a_frame_name_the_same_missing_fact(
    data: st.DataObject,
) -> None:
    table = data.draw(clean_tables())
    frame = data.draw(frames(table))
    decided = table.decide_frame(frame, on_missing="undecided")
    for row, stopped_by in zip(records(frame), decided["missing"], strict=True):
        named = table.decide(row, on_missing="undecided").missing
        assert named == ("" if pd.isna(stopped_by) else stopped_by)


@given(st.data())
def test_missing_facts_raise_by_default(data: st.DataObject) -> None:
    table = data.draw(clean_tables())
    frame = data.draw(frames(table))
    undecided = table.decide_frame(frame, on_missing="undecided")["missing"].dropna()
    if len(undecided):
        with pytest.raises(MissingFactError) as raised:
            table.decide_frame(frame)
        text = str(raised.value)
        assert all(f"{fact!r} is missing in {n} row(s)" in text for fact, n in _counts(undecided))
        with pytest.raises(MissingFactError, match=repr(undecided.iloc[0])):
            table.decide(frame.loc[undecided.index[0]].to_dict())
    else:
        assert "missing" not in table.decide_frame(frame)


def _counts(stopped_by: pd.Series) -> list[tuple[str, int]]:
    return [(str(fact), int(n)) for fact, n in stopped_by.astype(str).value_counts().items()]


@given(st.data())
def test_the_order_of_disjoint_rules_does_not_matter(data: st.DataObject) -> None:
    table = data.draw(disjoint_tables())
    shuffled = attrs.evolve(table, rules=data.draw(st.permutations(table.rules)))
    for row in data.draw(st.lists(rows(table, missing=False), min_size=1, max_size=4)):
        one, other = table.decide(row), shuffled.decide(row)
        assert (one.outcome, one.rule) == (other.outcome, other.rule)


@given(st.data())
def test_disjoint_tables_mean_the_same_under_every_single_hit_policy(data: st.DataObject) -> None:
    table = data.draw(disjoint_tables(hit_policy=HitPolicy.UNIQUE))
    row = data.draw(rows(table, missing=False))
    same = {
        attrs.evolve(table, hit_policy=policy).decide(row).outcome
        for policy in (HitPolicy.UNIQUE, HitPolicy.FIRST, HitPolicy.ANY)
    }
    assert len(same) == 1


@given(st.data())
def test_a_clean_table_decides_every_complete_row(data: st.DataObject) -> None:
    table = data.draw(clean_tables())
    row = data.draw(rows(table, missing=False))
    decision = table.decide(row)
    assert decision.rule is not None
    if not table.hit_policy.collects:
        assert decision.outcome in table.outcomes


# --- findings ---


def shows(table: DecisionTable, finding: Finding) -> bool:
    """Whether the example row of a finding shows what it says."""
    row: dict[str, Any] = dict(finding.example)
    by_id = {rule.id: rule for rule in table.rules}
    concerned = [by_id[i] for i in finding.rules]
    if finding.kind == "gap":
        return bool(slow_decide(table, row) == "gap")
    if finding.kind in ("overlap", "conflict"):
        both = all(slow_rule(rule, row) for rule in concerned)
        return both and (finding.kind == "overlap" or concerned[0].then != concerned[1].then)
    if finding.kind == "unreachable":
        (name,) = row
        return not slow_cell(concerned[0].when[name], row[name])
    if finding.kind == "shadowed":
        decided = slow_decide(table, row)
        return slow_rule(concerned[0], row) is True and decided[1] != concerned[0].id
    if finding.kind == "outcome":
        return all(slow_rule(rule, row) for rule in concerned)
    return finding.kind in ("unused-fact", "unused-parameter", "undeclared-value")


@given(tables())
def test_the_example_of_every_finding_shows_it(table: DecisionTable) -> None:
    findings = table.check()
    target(float(len(findings)))
    for finding in findings:
        assert shows(table, finding), str(finding)
        assert finding.path.split("[")[0].split(".")[0] in ("rules", "facts", "parameters")


FINITE = {
    "b": Fact("boolean"),
    "t": Fact("text", values=("x", "y", "z")),
    "n": Fact("integer", minimum=0, maximum=4),
}
TESTS = {
    "b": ["= true", "= false", "missing", "present", "-", "in (true, false)"],
    "t": ["= x", "in (x, y)", "not (x, y)", "not (z)", "missing", "present", "-"],
    "n": [">= 2", "< 2", "= 0", "[1..3)", "(1..3)", "(0..1)", "> 4", "not (0, 4)", "missing", "-"],
}


@st.composite
def finite_tables(draw: st.DrawFn) -> DecisionTable:
    policy = draw(st.sampled_from(["first", "unique", "any"]))
    rules = []
    for i in range(draw(st.integers(1, 5))):
        names = draw(st.lists(st.sampled_from(sorted(FINITE)), unique=True))
        when = {n: draw(st.sampled_from(TESTS[n])) for n in names}
        rules.append(Rule(f"r{i}", when, draw(st.sampled_from("AB"))))
    return DecisionTable("t", rules, outcomes="AB", hit_policy=policy, facts=FINITE)


def every_row(table: DecisionTable) -> Iterator[dict[str, Any]]:
    domains: dict[str, list[Any]] = {
        "b": [True, False, None],
        "t": ["x", "y", "z", None],
        "n": [0, 1, 2, 3, 4, None],
    }
    for cells in itertools.product(*domains.values()):
        yield dict(zip(domains, cells, strict=True))


def brute_force(table: DecisionTable) -> set[tuple[str, tuple[str, ...]]]:
    """Every finding by trying every row."""
    found: set[tuple[str, tuple[str, ...]]] = set()
    all_rows = list(every_row(table))
    ruled = {n for r in table.rules for n, t in r.when.items() if t.op in ("missing", "present")}
    applies = {r.id: [row for row in all_rows if slow_rule(r, row)] for r in table.rules}
    for rule in table.rules:
        if not applies[rule.id]:
            found.add(("unreachable", (rule.id,)))
        elif table.hit_policy is HitPolicy.FIRST or is_otherwise(rule):
            deciding = [slow_decide(table, row) for row in applies[rule.id]]
            if not any(d[1] == rule.id for d in deciding if isinstance(d, tuple)):
                found.add(("shadowed", (rule.id,)))
    if table.hit_policy is not HitPolicy.FIRST:
        for one, two in itertools.combinations(table.rules, 2):
            if is_otherwise(one) != is_otherwise(two):
                continue
            if any(row in applies[two.id] for row in applies[one.id]):
                if table.hit_policy is HitPolicy.UNIQUE:
                    found.add(("overlap", (one.id, two.id)))
                elif one.then != two.then:
                    found.add(("conflict", (one.id, two.id)))
    complete = [r for r in all_rows if all(r[n] is not None or n in ruled for n in r)]
    if any(slow_decide(table, row) == "gap" for row in complete):
        found.add(("gap", ()))
    return found


@given(finite_tables())
def test_proofs_find_what_trying_every_row_finds(table: DecisionTable) -> None:
    """Exact, not sampled: nothing is overlooked and nothing is made up."""
    expected = brute_force(table)
    target(float(len(expected)))
    found = {
        (f.kind, tuple(sorted(f.rules, key=lambda r: int(r[1:]))))
        for f in table.check()
        if f.severity == "error"
    }
    assert found == expected


def test_intervals_are_exact_between_neighbouring_numbers() -> None:
    """A gap of a single point is found, and none between neighbouring whole numbers."""
    gap = DecisionTable(
        "t", (Rule("low", {"x": "< 0.1"}, "A"), Rule("high", {"x": "> 0.1"}, "B")), ("A", "B")
    )
    (finding,) = gap.check()
    assert (finding.kind, dict(finding.example)) == ("gap", {"x": 0.1})
    whole = DecisionTable(
        "t",
        (Rule("low", {"x": "<= 1"}, "A"), Rule("high", {"x": ">= 2"}, "B")),
        facts={"x": "integer"},
    )
    assert whole.check() == []
    (finding,) = attrs.evolve(whole, facts={"x": "number"}).check()
    assert 1 < float(str(finding.example["x"])) < 2


def test_dates_end_where_the_calendar_ends() -> None:
    """No gap is seen after the last day that there is."""
    table = DecisionTable(
        "t",
        (
            Rule("before", {"d": "< 9999-12-31"}, "A"),
            Rule("last", {"d": "= 9999-12-31"}, "B"),
        ),
    )
    assert table.check() == []
    assert table.decide({"d": dt.date.max}).outcome == "B"


def test_a_table_of_many_rules_is_proven_in_time() -> None:
    """Forty rules over eight facts: the search does not go through every combination."""
    rules = [
        Rule(f"r{i}", {f"f{(i + k) % 8}": f"[{i}..{i + 3})" for k in range(3)}, i % 3)
        for i in range(40)
    ]
    table = DecisionTable("wide", (*rules, Rule("otherwise", {}, 0)))
    assert table.check() == []
    assert DecisionTable("wide", rules).check()[0].kind == "gap"


@pytest.mark.parametrize("policy", ["unique", "any"])
def test_a_table_built_here_is_checked_as_one_from_a_file(policy: str) -> None:
    """Under unique and any the order of the rules may never decide, so nothing is decided."""
    rules = (Rule("low", {"x": "< 5"}, "A"), Rule("high", {"x": "> 3"}, "B"), Rule("rest", {}, "C"))
    table = DecisionTable("t", rules, hit_policy=policy)
    frame = pd.DataFrame({"x": [4.0]})
    for use in (
        lambda: table.decide({"x": 9}),  # even where one rule applies
        lambda: table.decide_frame(frame),
        lambda: table.decide_codes(frame),
        lambda: table.explain({"x": 4}),
        lambda: table.compare(attrs.evolve(table, hit_policy="first"), frame),
        lambda: attrs.evolve(table, hit_policy="first").compare(table, frame),
        lambda: table.to_sql("duckdb"),
        lambda: DecisionTable.from_toml(table.to_toml()),
    ):
        with pytest.raises(PolicyError, match="'low' and 'high' both apply"):
            use()
    assert table.check()[0].example == {"x": 4}  # check itself can still say what is wrong
    assert attrs.evolve(table, hit_policy="first").decide({"x": 4}).outcome == "A"


def test_a_dash_alone_is_an_otherwise_rule() -> None:
    """A rule whose cells all say '-' speaks last under unique, wherever it stands."""
    table = DecisionTable(
        "t", (Rule("rest", {"x": "-"}, "B"), Rule("big", {"x": "> 1"}, "A")), hit_policy="unique"
    )
    assert table.check() == []
    assert [table.decide({"x": x}).outcome for x in (0, 2)] == ["B", "A"]
    assert list(table.decide_frame(pd.DataFrame({"x": [0, 2]}))["outcome"]) == ["B", "A"]


def test_parsed_tests_are_the_tests_of_the_oracle() -> None:
    """The oracle's reading of the interval brackets, by hand."""
    for text, inside in {
        "[1..3)": [1, 2],
        "(1..3]": [2, 3],
        "[1..3]": [1, 2, 3],
        "(1..3)": [2],
    }.items():
        assert [n for n in range(5) if slow_cell(parse_test(text), n)] == inside
        table = DecisionTable("t", (Rule("in", {"x": text}, 1), Rule("out", {}, 0)))
        assert [n for n in range(5) if table.decide({"x": n}).outcome] == inside
