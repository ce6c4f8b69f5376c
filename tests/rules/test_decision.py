"""One case decided and explained, and the text of a decision."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError, MissingFactError, PolicyError
from bankcrm.rules import Decision, DecisionTable, HitPolicy, Parameter, Rule
from bankcrm.testing.tables import clean_tables, frames, rows, tables

STAGES = DecisionTable(
    id="stage",
    version="2026.1",
    outcomes=("prospect", "active", "dormant", "lost"),
    facts={"closed": "boolean", "idle": {"type": "integer", "minimum": 0}},
    parameters={"lost": Parameter(365, unit="days")},
    rules=(
        Rule("closed", {"closed": "= true"}, "lost", "LCM-2", "the customer said so"),
        Rule("never", {"idle": "missing"}, "prospect", "LCM-2"),
        Rule("gone", {"idle": ">= @lost"}, "lost", "LCM-2", "no business for long"),
        Rule("quiet", {"idle": "[90..@lost)"}, "dormant", "LCM-2"),
        Rule("otherwise", {}, "active", owner="example"),
    ),
)


def test_a_decision_carries_rule_source_and_evidence() -> None:
    made = STAGES.decide({"closed": False, "idle": 400, "name": "not looked at"})
    assert made == Decision(
        outcome="lost",
        rule="gone",
        source="LCM-2",
        because="no business for long",
        evidence={"idle": 400},
        table="stage",
        version="2026.1",
        fingerprint=STAGES.fingerprint,
    )
    assert str(made) == "stage: lost by gone (LCM-2): no business for long [idle=400]"
    assert hash(made) == hash(pickle.loads(pickle.dumps(made)))
    with pytest.raises(TypeError):
        made.evidence["idle"] = 1


def test_the_otherwise_rule_shows_every_fact_and_its_owner() -> None:
    made = STAGES.decide({"closed": False, "idle": 3})
    assert (made.rule, made.owner) == ("otherwise", "example")
    assert dict(made.evidence) == {"closed": False, "idle": 3}
    assert str(made) == "stage: active by otherwise (default) [closed=False, idle=3]"


def test_a_missing_fact_stops_the_row_unless_a_rule_tests_for_it() -> None:
    """DESIGN: missing facts are never false."""
    assert STAGES.decide({"closed": True}).outcome == "lost"  # decided before idle is looked at
    assert STAGES.decide({"closed": False, "idle": None}).outcome == "prospect"
    with pytest.raises(MissingFactError, match="fact 'closed' is missing"):
        STAGES.decide({"idle": 400})
    undecided = STAGES.decide({"idle": 400}, on_missing="undecided")
    assert (undecided.outcome, undecided.rule, undecided.missing) == (None, None, "closed")
    assert str(undecided) == "stage: undecided, closed is missing"


def test_a_frame_with_missing_facts_names_fact_count_and_rows() -> None:
    frame = pd.DataFrame(
        {"closed": [None, False, None], "idle": [1, 2, None]}, index=["a", "b", "c"]
    )
    with pytest.raises(
        MissingFactError, match=r"fact 'closed' is missing in 2 row\(s\): a, c; give"
    ):
        STAGES.decide_frame(frame)
    decided = STAGES.decide_frame(frame, on_missing="undecided")
    assert list(decided["missing"].astype(object).fillna("")) == ["closed", "", "closed"]
    assert list(decided["outcome"].cat.categories) == list(STAGES.outcomes)
    assert decided.attrs == {
        "table": "stage",
        "version": "2026.1",
        "fingerprint": STAGES.fingerprint,
    }


def test_many_rows_are_decided_like_a_few() -> None:
    """Rows are taken in pieces; the borders of the pieces do not show."""
    few = pd.DataFrame({"closed": [True, False, None, False], "idle": [5, 400, 100, None]})
    many = pd.concat([few] * 20_000, ignore_index=True)
    expected = STAGES.decide_frame(few, on_missing="undecided")
    decided = STAGES.decide_frame(many, on_missing="undecided")
    for column in ("outcome", "rule", "missing"):
        counts = decided[column].astype(str).value_counts() / 20_000
        assert counts.to_dict() == expected[column].astype(str).value_counts().to_dict()
    assert decided.iloc[-4:].reset_index(drop=True).equals(expected.reset_index(drop=True))


def test_the_integer_codes() -> None:
    frame = pd.DataFrame({"closed": [True, None], "idle": [5, 5]})
    codes = STAGES.decide_codes(frame, on_missing="undecided")
    assert codes.rule.tolist() == [0, -1]
    assert codes.outcome.tolist() == [3, -1]
    assert codes.missing.tolist() == [-1, 0]
    assert codes.facts == ("closed", "idle")


def test_a_trace_lists_every_rule_and_cell() -> None:
    explained = STAGES.explain({"closed": None, "idle": 400})
    assert [(r.rule, r.status) for r in explained.rules] == [
        ("closed", "unknown"),
        ("never", "failed"),
        ("gone", "passed"),
        ("quiet", "failed"),
        ("otherwise", "passed"),
    ]
    cell = explained.rules[2].cells[0]
    assert (cell.fact, cell.test, cell.value, cell.status) == ("idle", ">= 365", 400, "passed")
    assert str(explained).splitlines() == [
        "stage: undecided, closed is missing",
        "   unknown closed: lost (LCM-2)",
        "     unknown closed = true, saw None",
        "   failed  never: prospect (LCM-2)",
        "     failed  idle missing, saw 400",
        "   passed  gone: lost (LCM-2)",
        "     passed  idle >= 365, saw 400",
        "   failed  quiet: dormant (LCM-2)",
        "     failed  idle [90..365), saw 400",
        "   passed  otherwise: active (default)",
    ]
    decided = STAGES.explain({"closed": False, "idle": None})
    assert str(decided).splitlines()[3] == "-> passed  never: prospect (LCM-2)"
    assert decided.rules[2].status == "unknown"


@given(st.data())
def test_a_trace_agrees_with_the_decision(data: st.DataObject) -> None:
    """The rule that decides passed; under first, every rule before it failed."""
    table = data.draw(clean_tables())
    row = data.draw(rows(table))
    explained = table.explain(row)
    assert explained.decision == table.decide(row, on_missing="undecided")
    status = {r.rule: r.status for r in explained.rules}
    assert list(status) == [r.id for r in table.rules]
    chosen = [] if explained.decision.rule is None else explained.decision.rule.split("+")
    assert all(status[r] == "passed" for r in chosen if r)
    if table.hit_policy is HitPolicy.FIRST and chosen:
        assert set(list(status.values())[: list(status).index(chosen[0])]) <= {"failed"}
    assert str(explained)


def scores(policy: HitPolicy) -> DecisionTable:
    return DecisionTable(
        "score",
        hit_policy=policy,
        rules=(
            Rule("big", {"x": ">= 10"}, 5, "CBM-3", "large"),
            Rule("huge", {"x": ">= 100"}, 2.5, "CBM-3", "very large"),
            Rule("good", {"y": "= good"}, -1, "EB-2", owner="bank"),
        ),
    )


@pytest.mark.parametrize(
    ("policy", "none", "one", "three"),
    [
        ("collect", (), (5,), (5, 2.5, -1)),
        ("collect_sum", 0, 5, 6.5),
        ("collect_min", None, 5, -1),
        ("collect_max", None, 5, 5),
        ("collect_count", 0, 1, 3),
    ],
)
def test_collecting_policies(policy: str, none: Any, one: Any, three: Any) -> None:
    table = scores(HitPolicy(policy))
    frame = pd.DataFrame(
        {"x": [1, 10, 100, None], "y": ["bad", "bad", "good", "good"]}, index=list("abcd")
    )
    frames_say = table.decide_frame(frame, on_missing="undecided")
    assert list(frames_say.index) == list("abcd")
    for label, expected in zip("abc", (none, one, three), strict=True):
        decided = table.decide(frame.loc[label].to_dict())
        assert decided.outcome == expected
        explained = frames_say.loc[label, "outcome"]
        assert explained == expected or (expected is None and pd.isna(explained))
        assert frames_say.loc[label, "rule"] == decided.rule
    assert pd.isna(frames_say.loc["d", "outcome"])
    assert frames_say.loc["d", "missing"] == "x"
    used = frames_say["rule"].dropna().unique()
    assert set(frames_say["rule"].cat.categories) == set(used)  # no label of the undecided row
    with pytest.raises(MissingFactError, match=r"fact 'x' is missing in 1 row\(s\): d"):
        table.decide_frame(frame)
    with pytest.raises(MissingFactError, match="fact 'x'"):
        table.decide({"y": "good"})


def test_a_collected_decision_names_all_its_rules() -> None:
    made = scores(HitPolicy.SUM).decide({"x": 100, "y": "good"})
    assert (made.rule, made.source) == ("big+huge+good", "CBM-3; EB-2")
    assert (made.because, made.owner) == ("large; very large", "bank")
    assert dict(made.evidence) == {"x": 100, "y": "good"}
    nothing = scores(HitPolicy.SUM).decide({"x": 1, "y": "bad"})
    assert (nothing.rule, dict(nothing.evidence)) == ("", {"x": 1, "y": "bad"})
    explained = scores(HitPolicy.SUM).explain({"x": 100, "y": "good"})
    assert sum(line.startswith("->") for line in str(explained).splitlines()) == 3


def test_empty_frames_are_collected() -> None:
    empty = pd.DataFrame({"x": [], "y": []})
    assert scores(HitPolicy.SUM).decide_frame(empty)["outcome"].dtype == "float64"
    assert len(scores(HitPolicy.COLLECT).decide_frame(empty)) == 0


def test_a_collecting_table_of_more_than_64_rules() -> None:
    """Sets of more than 64 rules are distinguished."""
    rules = [Rule(f"r{i}", {"x": f"= {i}"}, i) for i in range(130)]
    table = DecisionTable("wide", rules, hit_policy="collect_sum")
    frame = pd.DataFrame({"x": [0, 63, 64, 129, 200]})
    decided = table.decide_frame(frame)
    assert list(decided["outcome"]) == [0, 63, 64, 129, 0]
    assert list(decided["rule"]) == ["r0", "r63", "r64", "r129", ""]


def test_what_collects_has_no_single_codes() -> None:
    table = scores(HitPolicy.SUM)
    frame = pd.DataFrame({"x": [1], "y": ["a"]})
    with pytest.raises(DataError, match="use decide_frame"):
        table.decide_codes(frame)
    with pytest.raises(DataError, match="not collecting"):
        table.compare(table, frame)


def test_a_row_in_a_gap_is_an_error() -> None:
    table = DecisionTable("t", (Rule("big", {"x": "> 1"}, "A"),))
    with pytest.raises(MissingFactError, match="no rule applies to x=0"):
        table.decide({"x": 0})
    with pytest.raises(MissingFactError, match=r"no rule applies to 2 row\(s\) \(0, 2\)"):
        table.decide_frame(pd.DataFrame({"x": [0, 2, 1]}))


@given(st.data())
def test_tables_and_decisions_pickle(data: st.DataObject) -> None:
    """Pickled after use, a table is equal and decides alike; copies too."""
    table = data.draw(clean_tables())
    row = data.draw(rows(table))
    before = table.decide(row, on_missing="undecided")
    again = pickle.loads(pickle.dumps(table))
    assert again == table == copy.deepcopy(table)
    assert hash(again) == hash(table)
    assert again.decide(row, on_missing="undecided") == before
    assert pickle.loads(pickle.dumps(before)) == before


def _outcome(table: DecisionTable, idle: int) -> Any:
    return table.decide({"closed": False, "idle": idle}).outcome


def test_threads_and_processes_decide_alike() -> None:
    """A table is one frozen value: shared by threads, sent to processes."""
    idle = list(range(0, 400, 7))
    expected = [_outcome(STAGES, i) for i in idle]
    fresh = STAGES.with_parameters({"lost": 365})
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(_outcome, [fresh] * len(idle), idle)) == expected
    with ProcessPoolExecutor(1) as processes:
        assert processes.submit(STAGES.decide, {"closed": True}).result() == STAGES.decide(
            {"closed": True}
        )


def test_parameters_are_changed_by_a_new_table() -> None:
    strict = STAGES.with_parameters({"lost": 200})
    assert strict.decide({"closed": False, "idle": 250}).outcome == "lost"
    assert STAGES.decide({"closed": False, "idle": 250}).outcome == "dormant"
    assert strict.fingerprint != STAGES.fingerprint
    with pytest.raises(PolicyError, match=r"parameters\.lots: no such parameter"):
        STAGES.with_parameters({"lots": 200})


def test_equal_tables_have_equal_fingerprints_and_others_do_not() -> None:
    one = DecisionTable("t", (Rule("a", {"x": "= 1"}, 1.0),))
    assert one == DecisionTable("t", (Rule("a", {"x": "=  1"}, 1),))
    others: list[object] = [
        DecisionTable("t", (Rule("a", {"x": "= 1"}, True),)),
        DecisionTable("t", (Rule("a", {"x": "= 1"}, "1"),)),
        DecisionTable("t", (Rule("a", {"x": '= "1"'}, 1),)),
        DecisionTable("t", (Rule("a", {"x": "= 1"}, 1),), version="2"),
        "t",
    ]
    assert all(one != other for other in others)
    assert len(one.fingerprint) == 64
    day = DecisionTable("t", (), parameters={"p": Parameter(pd.Timestamp("2026-01-01").date())})
    text = DecisionTable("t", (), parameters={"p": Parameter("2026-01-01")})
    assert day.fingerprint != text.fingerprint


@given(tables(), tables())
def test_fingerprints_distinguish_tables(one: DecisionTable, other: DecisionTable) -> None:
    assert (one == other) == (one.fingerprint == other.fingerprint)
    assert one != other or hash(one) == hash(other)


@pytest.mark.parametrize("then", [None, [1, 2], {"a": 1}, float("nan"), pd.Timestamp("2026-01-01")])
def test_an_outcome_is_a_plain_scalar(then: Any) -> None:
    with pytest.raises(PolicyError, match="then: expected a finite number, a text"):
        Rule("a", {}, then)


@pytest.mark.parametrize("value", [None, {1}, [None], {"a": [object()]}, float("nan"), ["a", [{}]]])
def test_a_parameter_is_a_plain_value(value: Any) -> None:
    if value == ["a", [{}]]:
        assert Parameter(value).value == ("a", ({},))
        return
    with pytest.raises(PolicyError, match="value: expected a finite number, a text"):
        Parameter(value)


def test_parameters_are_frozen_through_and_through() -> None:
    rates = Parameter({"demand": [1, 2]})
    assert rates.value == {"demand": (1, 2)}
    assert hash(rates) == hash(Parameter({"demand": (1, 2)}))
    with pytest.raises(TypeError):
        rates.value["demand"] = 3


@given(st.data())
def test_compare_counts_every_row_once(data: st.DataObject) -> None:
    """The migration table adds up, and the rows that moved are the ones whose outcome differs."""
    single = st.sampled_from([HitPolicy.FIRST, HitPolicy.UNIQUE, HitPolicy.ANY])
    table = data.draw(single.flatmap(lambda p: clean_tables(hit_policy=p)))
    other = table.with_parameters({})
    if len(table.rules) > 1 and table.hit_policy is not HitPolicy.ANY:  # there rules must agree
        changed = list(table.rules)
        at = data.draw(st.integers(0, len(changed) - 1))
        new = data.draw(st.sampled_from(table.outcomes))
        changed[at] = Rule(changed[at].id, changed[at].when, new)
        other = DecisionTable(
            table.id, changed, table.outcomes, facts=table.facts, hit_policy=table.hit_policy
        )
    frame = data.draw(frames(table))
    compared = table.compare(other, frame)
    one = table.decide_frame(frame, on_missing="undecided")["outcome"].astype(object)
    two = other.decide_frame(frame, on_missing="undecided")["outcome"].astype(object)
    differs = (one != two) & ~(one.isna() & two.isna())
    assert list(compared.moved) == list(frame.index[differs])
    assert compared.rows == compared.migration.to_numpy().sum() == len(frame)
    assert len(compared.before) == len(compared.after) == len(compared.moved)


def test_the_text_of_a_comparison() -> None:
    frame = pd.DataFrame({"closed": [False, False, None], "idle": [250, 10, 1]}, index=[7, 8, 9])
    compared = STAGES.compare(STAGES.with_parameters({"lost": 200}), frame)
    assert list(compared.moved) == [7]
    assert (compared.before[7], compared.after[7]) == ("quiet", "gone")
    assert compared.migration.loc["dormant", "lost"] == 1
    assert compared.migration.loc["(undecided)", "(undecided)"] == 1
    assert list(compared.migration.index) == ["active", "dormant", "lost", "(undecided)"]
    assert str(compared).startswith("1 of 3 rows move\n")
    assert (compared.migration.index.name, compared.migration.columns.name) == ("before", "after")


def test_an_unknown_on_missing_is_refused() -> None:
    frame = pd.DataFrame({"closed": [True], "idle": [1], "x": [1], "y": ["a"]})
    for word in ("UNDECIDED", None):
        for table in (STAGES, scores(HitPolicy.SUM)):
            with pytest.raises(
                DataError, match="on_missing: expected one of raise, undecided, got"
            ):
                table.decide({}, on_missing=word)
            with pytest.raises(DataError, match="on_missing"):
                table.decide_frame(frame, on_missing=word)
    with pytest.raises(DataError, match="on_missing"):
        STAGES.decide_codes(frame, on_missing="no")


def test_comparing_needs_two_tables_that_pick_one_rule() -> None:
    frame = pd.DataFrame({"closed": [True], "idle": [1], "x": [1], "y": ["a"]})
    for one, other in ((STAGES, scores(HitPolicy.SUM)), (scores(HitPolicy.SUM), STAGES)):
        with pytest.raises(DataError, match=r"^compare needs two tables .*, not collecting ones$"):
            one.compare(other, frame)


def test_a_trace_names_its_table_and_what_it_cannot_read() -> None:
    explained = STAGES.explain({"closed": False, "idle": 3})
    assert (explained.table, explained.version) == ("stage", "2026.1")
    with pytest.raises(DataError, match=r"^fact 'idle': expected a whole number, at least 0"):
        STAGES.explain({"closed": False, "idle": "many"})


def test_messages_of_missing_facts() -> None:
    with pytest.raises(MissingFactError) as raised:
        STAGES.decide({})
    assert str(raised.value) == (
        "table 'stage': fact 'closed' is missing, so no rule can be chosen for certain; give the "
        "fact, add a rule that tests 'missing', or pass on_missing='undecided'"
    )
    frame = pd.DataFrame({"closed": [None] * 7, "idle": [1] * 7})
    with pytest.raises(MissingFactError) as raised:
        STAGES.decide_frame(frame)
    assert str(raised.value) == (
        "table 'stage': fact 'closed' is missing in 7 row(s): 0, 1, 2, 3, 4, and 2 more; give "
        "the fact, add a rule that tests 'missing', or pass on_missing='undecided'"
    )


def test_values_have_cards_in_notebooks() -> None:
    """The figures that a reader needs are on the card; what is empty is not."""
    explained = STAGES.explain({"closed": False, "idle": 400})
    decided, table, trace = (
        explained.decision._repr_html_(),
        STAGES._repr_html_(),
        explained._repr_html_(),
    )
    for word in ("stage: lost", "gone", "no business for long", "LCM-2", "400", "2026.1"):
        assert word in decided
    assert "owner" not in decided
    assert STAGES.fingerprint[:8] in decided
    for word in ("closed", "gone", "otherwise", "dormant", "= 365, saw 400: passed"):
        assert word in trace
    assert "→" in trace
    assert "stage" in table
    undecided = STAGES.decide({"closed": None}, on_missing="undecided")._repr_html_()
    assert "stage: undecided" in undecided
    frame = pd.DataFrame({"closed": [False], "idle": [250]})
    compared = STAGES.compare(STAGES.with_parameters({"lost": 200}), frame)
    assert "dormant" in compared._repr_html_()
    assert "stage" in repr(STAGES)
