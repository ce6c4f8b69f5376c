"""The proofs of large tables: they agree with trying every point, and they always end."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.rules import DecisionTable, Rule, coverage
from bankcrm.rules.compiled import compile_table
from bankcrm.rules.coverage import STEPS, Budget, Coverage, OutOfStepsError
from bankcrm.rules.regions import Space

FACTS = 4
REGIONS = 3  # below 0, at 0 and above it; and "missing"


@st.composite
def spaces(draw: st.DrawFn) -> tuple[Space, list[dict[int, int]], dict[int, int]]:
    """Some numbers with four regions each, boxes over them, and a box to ask about."""
    rules = [Rule(f"r{i}", {f"f{i}": "> 0"}, "x") for i in range(FACTS)]
    space = Space(compile_table(DecisionTable("t", (*rules, Rule("o", {}, "x")))))
    masks = st.integers(1, (1 << (REGIONS + 1)) - 1)
    box = st.dictionaries(st.integers(0, FACTS - 1), masks, max_size=FACTS)
    return space, draw(st.lists(box, max_size=8)), draw(box)


@given(spaces(), st.booleans())
def test_a_free_point_is_found_if_there_is_one(
    drawn: tuple[Space, list[dict[int, int]], dict[int, int]], search: bool
) -> None:
    """By the quick search, and by the complete one alone."""
    space, boxes, domain = drawn
    cover = Coverage(space, boxes, Budget())
    for box in boxes:
        cover.add(box)
    with pytest.MonkeyPatch.context() as patch:
        if search:
            patch.setattr(coverage, "MOVES", 0)
        found = cover.free_point(domain)
    points = itertools.product(range(REGIONS + 1), repeat=FACTS)
    free = {p for p in points if _in(p, domain) and not any(_in(p, b) for b in boxes)}
    assert (found is not None) == bool(free)
    if found is not None:
        regions = [_regions(found.get(f, space.full[f])) for f in range(FACTS)]
        assert set(itertools.product(*regions)) & free


def _in(point: tuple[int, ...], box: dict[int, int]) -> bool:
    return all(mask >> point[fact] & 1 for fact, mask in box.items())


def _regions(mask: int) -> list[int]:
    return [i for i in range(mask.bit_length()) if mask >> i & 1]


def _random_table(rules: int, facts: int, tests: int, seed: int) -> DecisionTable:
    source = random.Random(seed)  # not for secrets
    made = []
    for number in range(rules):
        when = {}
        for fact in source.sample(range(facts), tests):
            low = source.randint(0, 80)
            when[f"f{fact}"] = f"[{low}..{low + source.randint(5, 60)})"
        made.append(Rule(f"r{number}", when, f"o{number % 7}"))
    return DecisionTable("large", (*made, Rule("rest", {}, "o0")))


def _steps(table: DecisionTable, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many steps the check of a table takes."""
    spent = 0
    spend = Budget.spend

    def counted(budget: Budget) -> None:
        nonlocal spent
        spend(budget)
        spent += 1

    monkeypatch.setattr(Budget, "spend", counted)
    table.check()
    return spent


@pytest.mark.parametrize(
    ("size", "most"),
    [
        ((150, 20, 3, 0), 0),
        ((150, 20, 3, 1), 0),
        ((40, 4, 2, 1), 32),
        ((40, 4, 2, 2), 126),
        ((60, 5, 2, 4), 540),
    ],
)
def test_random_rules_are_proven_in_few_steps(
    size: tuple[int, int, int, int], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """150 rules over 20 facts with an otherwise-rule never ended before; ``most`` was measured."""
    table = _random_table(*size)
    assert not [f for f in table.check() if f.kind == "not-proven"]
    assert _steps(table, monkeypatch) <= most


def test_a_check_ends_and_says_what_it_has_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    table = _random_table(400, 6, 3, 5)
    found = [f for f in table.check() if f.kind == "not-proven"]
    assert [f.severity for f in found] == ["warning"] * len(found)
    assert all(f"within {STEPS:,} steps" in f.message for f in found)
    assert _steps(table, monkeypatch) <= STEPS
    named = {rule for f in found for rule in f.rules}
    assert named <= {r.id for r in table.rules}
    assert all(f.severity == "error" for f in table.check() if f.kind != "not-proven")


@pytest.mark.parametrize("policy", ["first", "unique"])
def test_thousands_of_rules_over_one_fact(policy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [Rule(f"r{i}", {"a": f"[{i}..{i + 1})"}, i) for i in range(3_000)]
    table = DecisionTable("one", (*rules, Rule("rest", {}, -1)), hit_policy=policy)
    assert table.check() == []
    shadowed = DecisionTable("one", (*rules, Rule("late", {"a": "[5..9)"}, 7)), hit_policy=policy)
    kinds = {f.kind for f in shadowed.check() if "late" in f.rules}
    assert kinds == ({"shadowed"} if policy == "first" else {"overlap"})
    assert _steps(table, monkeypatch) == 0


def test_the_pairs_that_overlap_are_listed_up_to_a_limit() -> None:
    rules = [Rule(f"r{i}", {"a": f">= {i}"}, i) for i in range(60)]
    found = DecisionTable("t", rules, hit_policy="unique").check()
    assert sum(f.kind == "overlap" for f in found) == 1_000
    assert [f.message for f in found if f.kind == "not-proven"] == [
        f"not proven within {STEPS:,} steps: overlaps beyond the first 1,000"
    ]


def test_a_question_may_take_only_a_part_of_the_steps() -> None:
    budget = Budget(steps=3)
    budget.begin()
    for _ in range(3):
        budget.spend()
    with pytest.raises(OutOfStepsError):
        budget.spend()
