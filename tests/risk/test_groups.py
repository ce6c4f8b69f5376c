"""Groups of connected customers: against the definition, textbook cases, laws, real data."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from bankcrm.datasets import load_gleif, make_book
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.risk import Groups, apply_changes, find_groups
from bankcrm.risk.groups.findings import circles_of

from . import naive
from .naive import Link
from .policies import with_exceptions

DAY = "2026-06-30"


def found(links: list[Link], **more: Any) -> Groups:
    return find_groups(naive.frame(links), as_of=DAY, **more)


def parts(groups: Groups) -> set[frozenset[int]]:
    """The groups as sets of places."""
    by = groups.members.groupby("group", observed=True)
    return {frozenset(int(i) - 10 for i in m.index) for _, m in by}


graphs = st.integers(0, 2**32).map(lambda seed: naive.random_links(random.Random(seed)))


# The definition


@pytest.mark.parametrize("whole", [True, False])
def test_groups_are_those_of_the_definition(whole: bool) -> None:
    """400 random graphs with circles in one call; 20,000 in ``benchmarks/bench_risk.py``."""
    draw = random.Random(int(whole))
    frames, expected = [], set()
    for i in range(200):
        links, size = naive.random_links(draw, whole=whole)
        if links:
            frame = naive.frame(links)
            frame[["parent_id", "child_id"]] += 10 * i
            frames.append(frame)
        expected |= {frozenset(x + 10 * i for x in g) for g in naive.groups(links, size)}
    groups = find_groups(pd.concat(frames, ignore_index=True), as_of=DAY)
    assert parts(groups) == expected
    assert "circle" in {f.problem for f in groups.findings}
    assert "above_one" in {f.problem for f in groups.findings} or whole


@given(graph=graphs)
def test_one_graph_and_its_explanations(graph: tuple[list[Link], int]) -> None:
    links, size = graph
    groups = found(links)
    assert parts(groups) == naive.groups(links, size)
    for group in parts(groups):
        first, *others = sorted(x + 10 for x in group)
        for other in others:
            chain = groups.explain(first, other)
            here: object = first
            for tie in chain:  # each tie begins where the last one ended
                assert here in (tie.parent, tie.child)
                here = tie.child if here == tie.parent else tie.parent
                assert tie.source
                assert tie.tie in ("control", "joint", "dependence")
            assert here == other
    heads = groups.members[groups.members["tie"] == "head"]
    assert len(heads) == len(groups)
    assert repr(groups) == f"<Groups: {len(groups)} of {len(groups.members)} members>"
    pools = naive.families(links, size)
    below = [naive.controlled_by(x, links, size, pools) - pools[x] for x in range(size)]
    for head in heads.index - 10:  # nobody controls the head but those whom it controls: a circle
        group = next(g for g in parts(groups) if head in g)
        owned = any(len(pools[x]) > 1 and any(x in b for b in below) for x in group)
        assert owned or all(x in below[head] for x in group if head in below[x])
    assert (groups.members["level"] == 0).sum() == len(groups)


def test_a_stake_counts_for_a_controller_that_its_holder_gains_later() -> None:
    """4, below 0 at first, holds a half of 0; by way of 1 and 4 together, 5 controls 0 too."""
    links = [Link(0, 3, "controls"), Link(0, 4, "owns", 100), Link(3, 4, "owns", 75),
             Link(4, 0, "owns", 50), Link(1, 0, "owns", 35), Link(1, 4, "owns", 40),
             Link(1, 4, "owns", 25), Link(5, 1, "owns", 100)]  # fmt: skip
    members = found(links).members
    assert members["head"].unique().tolist() == [15]


# Textbook cases


@pytest.mark.parametrize(
    ("links", "together"),
    [
        ([Link(0, 1, "owns", 60), Link(1, 2, "owns", 60)], {0, 1, 2}),
        (
            [Link(0, 1, "owns", 100), Link(0, 2, "owns", 100), Link(1, 3, "owns", 30),
             Link(2, 3, "owns", 30)],
            {0, 1, 2, 3},
        ),
        ([Link(0, 1, "owns", 50)], set()),
        ([Link(0, 1, "owns", 25), Link(0, 1, "owns", 30)], {0, 1}),
        ([Link(0, 2, "owns", 40), Link(0, 1, "owns", 60), Link(1, 2, "owns", 20)], {0, 1, 2}),
        ([Link(0, 1, "family"), Link(0, 2, "owns", 30), Link(1, 2, "owns", 30)], {0, 1, 2}),
        ([Link(0, 2, "owns", 30), Link(1, 2, "owns", 30)], set()),
        ([Link(0, 1, "depends", 50)], {0, 1}),
        ([Link(0, 1, "depends", 40)], set()),
        ([Link(0, 1, "guarantees")], set()),
        ([Link(0, 1, "manages")], {0, 1}),
    ],
)  # fmt: skip
def test_textbook_cases(links: list[Link], together: set[int]) -> None:
    assert parts(found(links)) == ({frozenset(together)} if together else set())


def test_three_thirds_are_no_more_than_half() -> None:
    """Three of six equal owners, rounded up, do not control; a single 50.01 % does."""
    sixth = pd.DataFrame({"parent_id": [0, 0, 0, 1, 2, 3], "child_id": [1, 2, 3, 4, 4, 4],
                          "link": "owns", "share": [1, 1, 1, 0.1667, 0.1667, 0.1667]})  # fmt: skip
    groups = find_groups(sixth, as_of=DAY)
    assert sorted(groups.members.index) == [0, 1, 2, 3]
    assert [f.count for f in groups.findings if f.problem == "near_control"] == [1]
    one = pd.DataFrame({"parent_id": [0], "child_id": [1], "link": "owns", "share": [0.5001]})
    assert len(find_groups(one, as_of=DAY)) == 1


def test_a_guarantee_does_not_tie_rivals() -> None:
    links = [Link(0, i, "guarantees") for i in range(1, 6)] + [Link(1, 2, "owns", 60)]
    assert parts(found(links)) == {frozenset({1, 2})}
    assert found(links).ties["tie"].tolist() == ["watch"] * 5 + ["control"]


def test_links_hold_between_their_days() -> None:
    links = naive.frame([Link(0, 1, "owns", 60), Link(1, 2, "owns", 60)])
    links["since"] = pd.to_datetime([None, "2026-01-01"])
    links["until"] = pd.to_datetime(["2026-06-30", None])
    for day, together in (("2025-12-31", 2), ("2026-06-30", 3), ("2026-07-01", 2)):
        groups = find_groups(links, as_of=day)
        assert len(groups.members) == together
        assert groups.ties["tie"].notna().all()
    assert groups.ties["tie"].tolist() == ["not_in_force", "control"]


def test_an_exception_is_documented_and_dated() -> None:
    links = [Link(0, 1, "owns", 100), Link(0, 2, "owns", 100), Link(2, 3, "owns", 60)]
    policy = with_exceptions(
        '[[records.exception]]\nparent = "10"\nwhy = "the state"\nsource = "board"\n'
        "since = 2026-01-01\nuntil = 2026-12-31\n"
    )
    assert parts(found(links, policy=policy)) == {frozenset({2, 3})}
    assert found(links, policy=policy).ties["tie"].tolist() == ["excepted", "excepted", "control"]
    later = find_groups(naive.frame(links), as_of="2027-01-01", policy=policy)
    assert parts(later) == {frozenset({0, 1, 2, 3})}


# Laws


@given(graph=graphs, extra=graphs)
def test_a_further_link_never_shrinks_a_group(
    graph: tuple[list[Link], int], extra: tuple[list[Link], int]
) -> None:
    less, more = graph[0], graph[0] + extra[0][:1]
    if less and more:
        larger = parts(found(more))
        assert all(any(g <= h for h in larger) for g in parts(found(less)))


@given(graph=graphs, seed=st.integers(0, 99))
def test_the_order_of_links_changes_nothing(graph: tuple[list[Link], int], seed: int) -> None:
    links = naive.frame(graph[0])
    if not len(links):
        return
    mixed = links.sample(frac=1, random_state=seed)
    one, other = find_groups(links, as_of=DAY), find_groups(mixed, as_of=DAY)
    pd.testing.assert_frame_equal(one.members, other.members)
    assert [(f.problem, f.count) for f in one.findings] == [
        (f.problem, f.count) for f in other.findings
    ]
    pd.testing.assert_frame_equal(one.ties, other.ties.loc[links.index])
    texts = find_groups(links.astype({"parent_id": str, "child_id": str}), as_of=DAY)
    assert texts.members["group"].astype(str).tolist() == one.members["group"].astype(str).tolist()


@given(before=graphs, after=graphs)
def test_yesterday_and_the_changes_give_today(
    before: tuple[list[Link], int], after: tuple[list[Link], int]
) -> None:
    if not before[0] or not after[0]:
        return
    old, plain = found(before[0]), found(after[0])
    new = found(after[0], previous=old.members)
    assert parts(new) == parts(plain), "earlier ids do not change who belongs together"
    today = new.members["group"].astype(str)
    assert apply_changes(old.members, new.changes).astype(str).to_dict() == today.to_dict()
    assert today.groupby(today).size().sum() == len(new.members)
    again = found(after[0], previous=new.members)
    assert not len(again.changes)
    pd.testing.assert_frame_equal(again.members, new.members, check_categorical=False)


def test_ids_stay_when_a_parent_comes_and_a_part_leaves() -> None:
    old = found([Link(2, 3, "owns", 60), Link(3, 4, "owns", 60), Link(6, 7, "owns", 60)])
    assert sorted(set(old.members["group"])) == ["G12", "G16"]
    below = [Link(2, 3, "owns", 60), Link(3, 4, "owns", 60), Link(6, 7, "owns", 60)]
    above = [Link(0, 2, "owns", 60), Link(0, 6, "owns", 60)]
    parent = found(above + below, previous=old.members)
    assert set(parent.members["group"]) == {"G12"}
    assert parent.changes["change"].to_dict() == {10: "joined", 16: "merged", 17: "merged"}
    split = found([Link(0, 2, "owns", 60), Link(3, 4, "owns", 60), Link(6, 7, "owns", 60)],
                  previous=parent.members)  # fmt: skip
    assert len(set(split.members["group"])) == 3
    assert set(split.changes["change"]) == {"split"}


def test_every_link_is_used_or_says_why_not() -> None:
    book = make_book(3_000, seed=3)
    groups = find_groups(book.links, as_of=book.as_of)
    assert len(groups.ties) == len(book.links)
    assert groups.ties["tie"].notna().all()
    assert groups.members.attrs["policy"] == "bankcrm.risk@2026.1"
    assert len(groups) > 20


def test_findings_of_links_that_do_not_fit() -> None:
    links = pd.DataFrame(
        {
            "parent_id": [1, 2, 3, 4, 5, 5, 7],
            "child_id": [2, 1, 3, 6, 6, 8, 9],
            "link": ["owns"] * 5 + ["owns", "depends"],
            "share": [0.6, 0.6, 0.9, 0.7, 0.8, np.nan, np.nan],
        }
    )
    groups = find_groups(links, as_of=DAY)
    assert {f.problem: f.count for f in groups.findings} == {
        "self_loop": 1, "null": 2, "two_controllers": 1, "above_one": 1, "circle": 1,
    }  # fmt: skip
    assert groups.ties["tie"].tolist() == [
        "control", "control", "self_loop", "control", "control", "watch", "watch",
    ]  # fmt: skip
    assert {int(i) for i in groups.members.index} == {1, 2, 4, 5, 6}


def test_wrong_arguments_are_answered() -> None:
    groups = found([Link(0, 1, "owns", 60), Link(2, 3, "owns", 60)])
    assert groups.explain(10, 12) == ()
    with pytest.raises(UnknownNameError, match="no link names it"):
        groups.explain(10, 99)
    with pytest.raises(DataError, match=r"links\.link: missing column"):
        find_groups(pd.DataFrame({"parent_id": [1], "child_id": [2]}), as_of=DAY)
    with pytest.raises(DataError, match="give the day before"):
        apply_changes(groups.members, pd.DataFrame({"before": ["G1"], "after": [None]}, index=[10]))
    none = naive.frame([Link(0, 1, "owns", 60)]).iloc[:0]
    assert len(find_groups(none, as_of=DAY)) == 0


@given(seed=st.integers(0, 2**32))
def test_circles_are_the_strongly_connected_parts(seed: int) -> None:
    draw = np.random.default_rng(seed)
    size = int(draw.integers(1, 16))
    a, b = draw.integers(0, size, (2, int(draw.integers(0, 2 * size)))).astype(np.int32)
    graph = coo_matrix((np.ones(len(a)), (a, b)), (size, size))
    _, part = connected_components(graph, directed=True, connection="strong")
    expected = {frozenset(np.flatnonzero(part == p)) for p in set(part)}
    circle = circles_of(a, b, size)
    found = {frozenset(np.flatnonzero(circle == c)) for c in set(circle) - {-1}}
    assert found == {p for p in expected if len(p) > 1}


# Real data


def test_gleif(shared_data: Path) -> None:
    """The sample of ownership: what research counted, and every edge is used or reported."""
    links = load_gleif(shared_data / "gleif")
    direct = links[links["level"] == "direct"]
    groups = find_groups(direct, as_of=DAY)
    tie = groups.ties["tie"].value_counts()
    assert tie["control"] + tie["self_loop"] == len(direct)
    parties = pd.concat([direct["parent_id"], direct["child_id"]]).nunique()
    assert len(groups.members) == parties
    sizes = groups.members["group"].value_counts().tolist()
    assert sizes == [398, 358, 355, 317, 290, 272, 265, 249, 234, 228, 203, 187, 186, 176, 172, 167]
    assert groups.findings == (), "the sample has no circle, no loop and no second parent"
    both = find_groups(links, as_of=DAY)
    assert len(both) == 16
    assert (both.members["head"] == groups.members["head"]).mean() > 0.99
