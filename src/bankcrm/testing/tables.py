"""Hypothesis strategies for decision tables and policies, and for the rows that they decide."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st
from pandas.api.types import pandas_dtype

from bankcrm.policy import Policy
from bankcrm.rules import DecisionTable, Fact, HitPolicy, Parameter, Rule, UnaryTest, parse_test
from bankcrm.rules.values import representatives, show

Dtype = Literal["plain", "object", "nullable", "arrow", "categorical"]
DTYPES: tuple[Dtype, ...] = ("plain", "object", "nullable", "arrow", "categorical")
NULLS: tuple[object, ...] = (None, float("nan"), pd.NaT, pd.NA)

_NUMBERS = st.one_of(
    st.integers(-5, 5), st.sampled_from([0.5, 1.5, -2.25]), st.floats(-1e9, 1e9, width=32)
)
_DAYS = st.dates(dt.date(1890, 1, 1), dt.date(2100, 12, 31)) | st.dates(
    dt.date(2026, 1, 1), dt.date(2026, 1, 9)
)
_WORDS = st.sampled_from(["gold", "silver", "vip card", "true", "missing", "客户", 'a "b"', ""])
_OUTCOMES = ("A", "B", "C")


def facts() -> st.SearchStrategy[Fact]:
    """Declarations of one fact: every type, with and without bounds.

    >>> facts().example().type in ("number", "integer", "boolean", "text", "date")
    True
    """
    bounds = st.tuples(st.integers(-4, 0), st.integers(1, 4)).map(
        lambda b: {"minimum": float(b[0]), "maximum": float(b[1])}
    )
    numeric = st.builds(
        lambda kind, limits: Fact(kind, **limits),
        st.sampled_from(["number", "integer"]),
        st.just({}) | bounds,
    )
    texts = st.lists(_WORDS, min_size=2, max_size=4, unique=True)
    texts_of = texts.map(lambda words: Fact("text", values=words))
    free = st.sampled_from([Fact("boolean"), Fact("text"), Fact("date")])
    return free | texts_of | numeric


def values(fact: Fact) -> st.SearchStrategy[Any]:
    """Values that a fact may hold; none of them is missing."""
    if fact.type == "boolean":
        return st.booleans()
    if fact.type == "text":
        return st.sampled_from(fact.values) if fact.values else _WORDS
    if fact.type == "date":
        return _DAYS
    low = None if fact.minimum is None else int(fact.minimum)
    high = None if fact.maximum is None else int(fact.maximum)
    whole = st.integers(-5 if low is None else low, 5 if high is None else high)
    if fact.type == "integer":
        return whole
    return whole | (_NUMBERS if low is None else st.floats(low, high))


def unary_tests(fact: Fact, *, missing: bool = True) -> st.SearchStrategy[UnaryTest]:
    """Tests of a fact that parse, with constants that the fact may hold.

    Args:
        fact: What is known of the fact.
        missing: Whether ``missing``, ``present`` and ``-`` are among them.

    >>> isinstance(unary_tests(Fact("integer")).example(), UnaryTest)
    True
    """
    constant = values(fact)
    one = st.tuples(constant)
    some = st.lists(constant, min_size=1, max_size=3).map(tuple)
    made: list[st.SearchStrategy[UnaryTest]] = [
        one.map(lambda a: UnaryTest("=", a)),
        some.map(lambda a: UnaryTest("in", a)),
        some.map(lambda a: UnaryTest("not", a)),
    ]
    if fact.type in ("number", "integer", "date"):
        made += [
            st.builds(UnaryTest, st.sampled_from(["<", "<=", ">", ">="]), one),
            st.builds(
                UnaryTest,
                st.just("between"),
                st.tuples(constant, constant).map(lambda ends: tuple(sorted(ends))),
                st.tuples(st.booleans(), st.booleans()),
            ),
        ]
    if missing:
        made.append(st.sampled_from([parse_test(t) for t in ("missing", "present", "-")]))
    return st.one_of(made)


@st.composite
def tables(
    draw: st.DrawFn, *, hit_policy: HitPolicy | None = None, missing: bool = True
) -> DecisionTable:
    """Tables of any kind: gaps, overlaps and shadowed rules may occur.

    Args:
        draw: Given by Hypothesis.
        hit_policy: The hit policy; None for any.
        missing: Whether rules may test for missing facts.
    """
    known = draw(_facts_by_name())
    policy = hit_policy or draw(st.sampled_from(HitPolicy))
    outcomes = (1, 2.5, -3) if policy in _NUMERIC else _OUTCOMES
    whens = draw(st.lists(_whens(known, missing), min_size=1, max_size=5))
    rules = [
        Rule(f"r{i}", when, draw(st.sampled_from(outcomes)), source="default")
        for i, when in enumerate(whens)
    ]
    return DecisionTable("drawn", rules, outcomes=outcomes, hit_policy=policy, facts=known)


_NUMERIC = (HitPolicy.SUM, HitPolicy.MIN, HitPolicy.MAX)


def _facts_by_name() -> st.SearchStrategy[dict[str, Fact]]:
    return st.lists(facts(), min_size=1, max_size=3).map(
        lambda found: {f"f{i}": fact for i, fact in enumerate(found)}
    )


@st.composite
def _whens(draw: st.DrawFn, known: Mapping[str, Fact], missing: bool) -> dict[str, UnaryTest]:
    names = draw(st.lists(st.sampled_from(sorted(known)), unique=True))
    return {name: draw(unary_tests(known[name], missing=missing)) for name in names}


@st.composite
def disjoint_tables(draw: st.DrawFn, *, hit_policy: HitPolicy | None = None) -> DecisionTable:
    """Tables that are total and whose rules never overlap: each rule is the leaf of a tree.

    Such a table is free of findings under every hit policy, and the order of its rules does not
    matter.
    """
    known = draw(_facts_by_name())
    paths: list[dict[str, UnaryTest]] = [{}]
    for name, fact in known.items():
        grown: list[dict[str, UnaryTest]] = []
        for path in paths:
            parts = draw(_split(fact)) if len(paths) < 6 else ()
            grown += [{**path, name: part} for part in parts] or [path]
        paths = grown
    policy = hit_policy or draw(st.sampled_from(HitPolicy))
    outcomes = (1, 2.5, -3) if policy in _NUMERIC else _OUTCOMES
    read = {n: f for n, f in known.items() if any(n in path for path in paths)}
    rules = [Rule(f"r{i}", p, draw(st.sampled_from(outcomes))) for i, p in enumerate(paths)]
    return DecisionTable("drawn", rules, outcomes=outcomes, hit_policy=policy, facts=read)


@st.composite
def _split(draw: st.DrawFn, fact: Fact) -> tuple[UnaryTest, ...]:
    """Tests that cut what a fact may hold into parts, none of them empty; or no cut at all."""
    if draw(st.booleans()):
        return ()
    if fact.type == "boolean":
        return parse_test("= true"), parse_test("= false")
    if fact.type == "text":
        words = draw(st.lists(values(fact), min_size=1, max_size=2, unique=True))
        if fact.values and len(words) == len(fact.values):
            return ()
        return UnaryTest("in", tuple(words)), UnaryTest("not", tuple(words))
    low, high = sorted(draw(st.tuples(values(fact), values(fact))))
    if low == high or low == fact.minimum or high == fact.maximum:
        return ()
    middle = UnaryTest("between", (low, high), (True, False))
    return UnaryTest("<", (low,)), middle, UnaryTest(">=", (high,))


@st.composite
def clean_tables(draw: st.DrawFn, *, hit_policy: HitPolicy | None = None) -> DecisionTable:
    """Tables that check clean: any table whose faulty rules are taken out, with an otherwise-rule.

    >>> clean_tables().example().check()
    []
    """
    table = draw(disjoint_tables(hit_policy=hit_policy) | tables(hit_policy=hit_policy))
    kept = [r for r in table.rules if r.when]
    while True:
        rules = (*kept, Rule("otherwise", {}, table.rules[0].then))
        table = attrs.evolve(table, rules=rules, facts=_read(table, rules))
        wrong = {f.rules[-1] for f in table.check() if f.rules}
        if not wrong:
            return table
        if wrong == {"otherwise"}:
            return attrs.evolve(table, rules=kept, facts=_read(table, kept))
        kept = [r for r in kept if r.id not in wrong]


def _read(table: DecisionTable, rules: Sequence[Rule]) -> dict[str, Fact]:
    return {n: f for n, f in table.facts.items() if any(n in r.when for r in rules)}


def rows(table: DecisionTable, *, missing: bool = True) -> st.SearchStrategy[dict[str, Any]]:
    """Rows of facts, drawn mostly from the points where the outcome changes.

    Args:
        table: The table that is to decide them.
        missing: Whether facts may be missing (None).
    """
    constants: dict[str, list[Any]] = {}
    for rule in table.rules:
        for name, test in rule.when.items():
            constants.setdefault(name, []).extend(test.constants)
    columns = {}
    for name, fact in table.compiled.facts.items():
        edges = [show(p, fact.type) for p in representatives(fact, constants.get(name, []))]
        near = st.sampled_from([e for e in edges if not isinstance(e, dt.date) or _usual(e)])
        drawn = near if fact.type == "any" else near | values(fact)
        columns[name] = drawn | st.none() if missing else drawn
    return st.fixed_dictionaries(columns)


def _usual(day: dt.date) -> bool:
    return 1700 < day.year < 2200  # what nanoseconds can hold, for columns of pandas 2


@st.composite
def frames(
    draw: st.DrawFn, table: DecisionTable, *, missing: bool = True, max_rows: int = 6
) -> pd.DataFrame:
    """Frames of facts for a table, each column in a dtype of its own, nulls of every kind.

    Args:
        draw: Given by Hypothesis.
        table: The table that is to decide them.
        missing: Whether facts may be missing.
        max_rows: The greatest number of rows.
    """
    drawn = draw(st.lists(rows(table, missing=missing), max_size=max_rows))
    columns = {
        name: column(
            [row[name] for row in drawn],
            fact,
            draw(st.sampled_from(DTYPES)),
            draw(st.sampled_from(NULLS)),
        )
        for name, fact in table.compiled.facts.items()
    }
    return pd.DataFrame(columns, index=pd.Index(range(100, 100 + len(drawn)), name="customer_id"))


_NULLABLE = {"number": "Float64", "integer": "Int64", "boolean": "boolean", "text": "string"}
_ARROW = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "text": pa.string(),
    "date": pa.date32(),
}


def column(
    cells: Sequence[Any], fact: Fact, dtype: Dtype = "plain", null: object = None
) -> pd.Series:
    """A column of a fact's values in one of the dtypes that bank data comes in.

    Args:
        cells: The values, None where missing.
        fact: What the values are.
        dtype: Which dtype; where pandas has none of the kind for a type, object.
        null: What stands for missing in an object column.
    """
    index = pd.Index(range(100, 100 + len(cells)), name="customer_id")
    objects = pd.Series([null if c is None else c for c in cells], index=index, dtype=object)
    if dtype == "object" or fact.type == "any":
        return objects
    bare = pd.Series(list(cells), index=index, dtype=object)
    if dtype == "categorical":
        return bare.astype(pd.CategoricalDtype(list(dict.fromkeys(bare.dropna()))))
    if dtype == "arrow":
        return bare.astype(pd.ArrowDtype(_ARROW[fact.type]))
    if dtype == "nullable" and fact.type != "date":
        return bare.astype(pandas_dtype(_NULLABLE[fact.type]))
    if fact.type == "date":
        unit = "datetime64[s]" if dtype == "plain" else "datetime64[us]"
        return pd.to_datetime(bare).astype(pandas_dtype(unit))
    if fact.type in ("number", "integer"):
        whole = fact.type == "integer" and not bare.isna().any()
        return bare.astype(pandas_dtype("int64" if whole else "float64"))
    if fact.type == "boolean" and not bare.isna().any():
        return bare.astype(pandas_dtype("bool"))
    return objects


_FIGURES = st.integers(0, 400) | st.floats(0, 1) | _WORDS | st.booleans() | st.dates()
_VALUES = _FIGURES | st.lists(st.integers(), min_size=1, max_size=3)
_NAMES = st.sampled_from(["lost", "rates", "bands", "figure"])


@st.composite
def parameters(draw: st.DrawFn) -> tuple[Parameter, ...]:
    """The dated versions of one parameter: they follow each other without gap or overlap."""
    days = sorted(draw(st.sets(st.dates(dt.date(2021, 1, 2), dt.date(2029, 1, 1)), max_size=2)))
    starts, ends = [None, *days], [*(d - dt.timedelta(days=1) for d in days), None]
    note = draw(st.text(max_size=5))
    return tuple(
        Parameter(draw(_VALUES), note=note, effective_from=start, effective_to=end)
        for start, end in zip(starts, ends, strict=True)
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Policies that load: dated figures, clean tables that may use one of them, and records."""
    figures = draw(st.dictionaries(_NAMES, parameters(), max_size=3))
    found = draw(st.lists(clean_tables(), max_size=2))
    tables = {f"t{i}": attrs.evolve(table, id=f"t{i}") for i, table in enumerate(found)}
    bound = draw(st.integers(1, 100))
    figures["bound"] = (Parameter(bound, unit="days"),)
    uses = (Rule("long", {"idle": ">= @bound"}, "long"), Rule("short", {}, "short"))
    tables["bounded"] = DecisionTable("bounded", uses)
    record = st.dictionaries(_NAMES, _FIGURES, max_size=2)
    return Policy(
        id=draw(st.text(min_size=1, max_size=8)),
        domain=draw(st.sampled_from(["lifecycle", "own"])),
        version=draw(st.text(max_size=4)),
        parameters=figures,
        tables=tables,
        raw_records={"plays": draw(st.lists(record, min_size=1, max_size=2))},
        title=draw(st.text(max_size=4)),
    )
